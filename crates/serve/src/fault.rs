//! Saying no, in each service's way.

use axum::http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::service::Json;
use vicinity_models::remote::Provider;

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The request is not as it should be.
    Invalid,
    /// Another model is wanted than the one that is served.
    Model,
    /// No token, or a wrong one.
    Key,
    /// The request may come from a foreign web page.
    Foreign,
    /// Nothing is at this path.
    Absent,
    /// Not with this method.
    Method,
    /// The body has too many bytes.
    TooLarge,
    /// The body came too slowly, or not at all.
    Slow,
    /// Too many ask at once.
    Busy,
    /// The model failed.
    Failed,
}

/// A refusal. As a response it carries itself along, to be put into the service's form at the door.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    kind: Kind,
    message: String,
    field: &'static str,
    index: Option<usize>,
}

impl Fault {
    /// With a sentence for the caller's user.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), field: "", index: None }
    }

    /// A request that is not as it should be, and in which field.
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, ..Self::new(Kind::Invalid, message) }
    }

    /// Which field it is about, unless that was said.
    pub fn of(mut self, field: &'static str) -> Self {
        if self.field.is_empty() {
            self.field = field;
        }
        self
    }

    /// Which item of that field, counted from 0.
    pub fn at(self, index: usize) -> Self {
        Self { index: Some(index), ..self }
    }

    fn status(&self, service: Provider) -> StatusCode {
        match (self.kind, service) {
            (Kind::Invalid | Kind::Model, Provider::Nomic) => StatusCode::UNPROCESSABLE_ENTITY,
            (Kind::Invalid, _) | (Kind::Key | Kind::TooLarge, Provider::Gemini) => StatusCode::BAD_REQUEST,
            (Kind::Model | Kind::Absent, _) => StatusCode::NOT_FOUND,
            (Kind::Key, _) => StatusCode::UNAUTHORIZED,
            (Kind::Foreign, _) => StatusCode::FORBIDDEN,
            (Kind::Method, _) => StatusCode::METHOD_NOT_ALLOWED,
            (Kind::TooLarge, _) => StatusCode::PAYLOAD_TOO_LARGE,
            (Kind::Slow, _) => StatusCode::REQUEST_TIMEOUT,
            (Kind::Busy, _) => StatusCode::TOO_MANY_REQUESTS,
            (Kind::Failed, _) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// In the form of the service that was asked.
    pub fn shaped(&self, service: Provider) -> Response {
        let status = self.status(service);
        let body = match service {
            Provider::Nomic => self.nomic(),
            Provider::OpenAi => self.openai(),
            Provider::Gemini => self.gemini(status),
        };
        let mut response = (status, Json(body)).into_response();
        if self.kind == Kind::Busy {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    /// Validation errors are a list, all others a sentence.
    fn nomic(&self) -> Value {
        if !matches!(self.kind, Kind::Invalid | Kind::Model) {
            return json!({ "detail": self.message });
        }
        let mut place = vec![json!("body")];
        place.extend((!self.field.is_empty()).then(|| json!(self.field)));
        place.extend(self.index.map(|index| json!(index)));
        json!({ "detail": [{ "loc": place, "msg": self.message, "type": "value_error" }] })
    }

    fn openai(&self) -> Value {
        let (kind, code) = match self.kind {
            Kind::Failed => ("server_error", json!("server_error")),
            Kind::Busy => ("rate_limit_error", json!("rate_limit_exceeded")),
            Kind::Key => ("invalid_request_error", json!("invalid_api_key")),
            Kind::Model => ("invalid_request_error", json!("model_not_found")),
            _ => ("invalid_request_error", Value::Null),
        };
        let param = match self.index {
            _ if self.field.is_empty() => Value::Null,
            Some(index) => json!(format!("{}[{index}]", self.field)),
            None => json!(self.field),
        };
        json!({ "error": { "message": self.message, "type": kind, "param": param, "code": code } })
    }

    fn gemini(&self, status: StatusCode) -> Value {
        let word = match self.kind {
            Kind::Invalid | Kind::Key | Kind::TooLarge => "INVALID_ARGUMENT",
            Kind::Model | Kind::Absent | Kind::Method => "NOT_FOUND",
            Kind::Foreign => "PERMISSION_DENIED",
            Kind::Slow => "DEADLINE_EXCEEDED",
            Kind::Busy => "RESOURCE_EXHAUSTED",
            Kind::Failed => "INTERNAL",
        };
        let about = |kind: &str| format!("type.googleapis.com/google.rpc.{kind}");
        let details = match self.kind {
            Kind::Key => json!([{ "@type": about("ErrorInfo"), "reason": "API_KEY_INVALID" }]),
            Kind::Busy => json!([{ "@type": about("RetryInfo"), "retryDelay": "1s" }]),
            _ => json!([]),
        };
        let message = match self.index {
            Some(index) => format!("{}[{index}]: {}", self.field, self.message),
            None => self.message.clone(),
        };
        json!({ "error": { "code": status.as_u16(), "message": message, "status": word, "details": details } })
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What a JSON body should have been.
pub(super) fn json_body<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(bytes)
        .map_err(|error| Fault::new(Kind::Invalid, format!("The body cannot be read: {error}")))
}
