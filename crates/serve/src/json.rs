//! JSON in request and response bodies. Axum's own `Json` would switch on a feature of `serde_json` for every crate.

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::body_limit::{FREE_BYTES, ReceivedBody};
use super::error::{ApiError, ApiErrorKind};

/// A JSON response.
pub(super) struct Json<T>(pub T);

impl<T: serde::Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => ApiError::new(ApiErrorKind::Internal, error.to_string()).into_response(),
        }
    }
}

/// Parses a JSON body.
pub(super) fn json_body<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ApiError::new(ApiErrorKind::Invalid, format!("The request body is not valid: {error}")))
}

/// Parses a body: a large one on a blocking thread, so that the network threads stay free.
pub(super) async fn parse_body<T: Send + 'static>(
    body: &ReceivedBody,
    parse: impl FnOnce(Bytes) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let bytes = body.bytes.clone();
    if bytes.len() <= FREE_BYTES {
        return parse(bytes);
    }
    let parse = tokio::task::spawn_blocking(move || parse(bytes)).await;
    parse.unwrap_or_else(|_| Err(ApiError::new(ApiErrorKind::Internal, "The request body could not be read")))
}
