//! Error responses in each service's own form.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use vicinity_models::remote::Provider;

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ApiErrorKind {
    /// The request is invalid.
    Invalid,
    /// A model is requested that is not served.
    ModelNotFound,
    /// The token is missing or wrong.
    Unauthorised,
    /// The request may come from a foreign web page.
    Forbidden,
    /// There is nothing at this path.
    NotFound,
    /// The path does not accept this method.
    MethodNotAllowed,
    /// The body is too large.
    TooLarge,
    /// The body was sent too slowly, or not at all.
    Timeout,
    /// Too many requests at once.
    Busy,
    /// The model failed.
    Internal,
}

/// An error response. It travels as an extension of the response until `routes` gives it the service's form.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    kind: ApiErrorKind,
    message: String,
    field: &'static str,
    index: Option<usize>,
}

impl ApiError {
    /// Creates an error with a sentence for the client.
    pub fn new(kind: ApiErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), field: "", index: None }
    }

    /// Creates an error about one field of the request.
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, ..Self::new(ApiErrorKind::Invalid, message) }
    }

    /// Sets the field it is about, unless one is set.
    pub fn in_field(mut self, field: &'static str) -> Self {
        if self.field.is_empty() {
            self.field = field;
        }
        self
    }

    /// Sets which item of that field it is about, counted from 0.
    pub fn at_index(self, index: usize) -> Self {
        Self { index: Some(index), ..self }
    }

    fn status(&self, service: Provider) -> StatusCode {
        match (self.kind, service) {
            (ApiErrorKind::Invalid | ApiErrorKind::ModelNotFound, Provider::Nomic) => StatusCode::UNPROCESSABLE_ENTITY,
            (ApiErrorKind::Invalid, _) | (ApiErrorKind::Unauthorised | ApiErrorKind::TooLarge, Provider::Gemini) => {
                StatusCode::BAD_REQUEST
            }
            (ApiErrorKind::ModelNotFound | ApiErrorKind::NotFound, _) => StatusCode::NOT_FOUND,
            (ApiErrorKind::Unauthorised, _) => StatusCode::UNAUTHORIZED,
            (ApiErrorKind::Forbidden, _) => StatusCode::FORBIDDEN,
            (ApiErrorKind::MethodNotAllowed, _) => StatusCode::METHOD_NOT_ALLOWED,
            (ApiErrorKind::TooLarge, _) => StatusCode::PAYLOAD_TOO_LARGE,
            (ApiErrorKind::Timeout, _) => StatusCode::REQUEST_TIMEOUT,
            (ApiErrorKind::Busy, _) => StatusCode::TOO_MANY_REQUESTS,
            (ApiErrorKind::Internal, _) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The response in the form of the requested service.
    pub fn to_response(&self, service: Provider) -> Response {
        let status = self.status(service);
        let body = match service {
            Provider::Nomic => self.nomic(),
            Provider::OpenAi => self.openai(),
            Provider::Gemini => self.gemini(status),
        };
        let mut response = (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response();
        if self.kind == ApiErrorKind::Busy {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    /// Validation errors are a list, all others one sentence.
    fn nomic(&self) -> Value {
        if !matches!(self.kind, ApiErrorKind::Invalid | ApiErrorKind::ModelNotFound) {
            return json!({ "detail": self.message });
        }
        let mut location = vec![json!("body")];
        location.extend((!self.field.is_empty()).then(|| json!(self.field)));
        location.extend(self.index.map(|index| json!(index)));
        json!({ "detail": [{ "loc": location, "msg": self.message, "type": "value_error" }] })
    }

    fn openai(&self) -> Value {
        let (kind, code) = match self.kind {
            ApiErrorKind::Internal => ("server_error", json!("server_error")),
            ApiErrorKind::Busy => ("rate_limit_error", json!("rate_limit_exceeded")),
            ApiErrorKind::Unauthorised => ("invalid_request_error", json!("invalid_api_key")),
            ApiErrorKind::ModelNotFound => ("invalid_request_error", json!("model_not_found")),
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
            ApiErrorKind::Invalid | ApiErrorKind::Unauthorised | ApiErrorKind::TooLarge => "INVALID_ARGUMENT",
            ApiErrorKind::ModelNotFound | ApiErrorKind::NotFound | ApiErrorKind::MethodNotAllowed => "NOT_FOUND",
            ApiErrorKind::Forbidden => "PERMISSION_DENIED",
            ApiErrorKind::Timeout => "DEADLINE_EXCEEDED",
            ApiErrorKind::Busy => "RESOURCE_EXHAUSTED",
            ApiErrorKind::Internal => "INTERNAL",
        };
        let about = |kind: &str| format!("type.googleapis.com/google.rpc.{kind}");
        let details = match self.kind {
            ApiErrorKind::Unauthorised => json!([{ "@type": about("ErrorInfo"), "reason": "API_KEY_INVALID" }]),
            ApiErrorKind::Busy => json!([{ "@type": about("RetryInfo"), "retryDelay": "1s" }]),
            _ => json!([]),
        };
        let message = match self.index {
            Some(index) => format!("{}[{index}]: {}", self.field, self.message),
            None => self.message.clone(),
        };
        json!({ "error": { "code": status.as_u16(), "message": message, "status": word, "details": details } })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
