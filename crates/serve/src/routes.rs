//! The paths of all services, and what happens around every request: access control, error forms, the log.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::error::{ApiError, ApiErrorKind};
use super::service::{EmbeddingService, ServiceState};
use super::{gemini, nomic, openai};
use vicinity_models::remote::Provider;

/// Names the model that answered, whatever name was requested.
const MODEL: HeaderName = HeaderName::from_static("x-vicinity-model");

/// The router of all paths.
pub(super) fn router(served: Arc<EmbeddingService>) -> Router {
    Router::new()
        .route("/v1/user", get(nomic::user))
        .route("/v1/embedding/text", post(nomic::texts))
        .route("/v1/embedding/image", post(nomic::pictures))
        .route("/v1/embeddings", post(openai::embeddings))
        .route("/v1/models", get(openai::models))
        .route("/v1/models/{*name}", get(openai::model).post(gemini::embed))
        .route("/v1beta/models", get(gemini::models))
        .route("/v1beta/models/{*name}", get(gemini::model).post(gemini::embed))
        .fallback(async || {
            ApiError::new(ApiErrorKind::NotFound, "There is nothing at this path; docs/serve.md lists the paths")
        })
        .method_not_allowed_fallback(async || {
            ApiError::new(ApiErrorKind::MethodNotAllowed, "This path does not accept this method")
        })
        // `body_limit` reads bodies, and has the only limit
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&served), authorise))
        .with_state(served)
}

/// Checks access, and gives errors the form of the requested service.
async fn authorise(State(served): ServiceState, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let service = service_of(&path);
    let mut response = match served.access.check(service, request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        response = error.to_response(service);
    } else if let Ok(name) = HeaderValue::from_bytes(served.names.own().as_bytes()) {
        response.headers_mut().insert(MODEL, name);
    }
    // never the query, which may contain the token
    log::info!("{method} {path}: {}", response.status().as_u16());
    response
}

/// Which service a path belongs to; OpenAI if to none.
fn service_of(path: &str) -> Provider {
    let gemini = path.starts_with("/v1beta") || path.ends_with(gemini::ONE) || path.ends_with(gemini::MANY);
    match path {
        _ if gemini => Provider::Gemini,
        _ if path.starts_with("/v1/embedding/") || path == "/v1/user" => Provider::Nomic,
        _ => Provider::OpenAi,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_belongs_to_a_service() {
        assert_eq!(service_of("/v1/embedding/nothing"), Provider::Nomic);
        assert_eq!(service_of("/v1/embeddings"), Provider::OpenAi);
        assert_eq!(service_of("/v1/models/m:embedContent"), Provider::Gemini);
        assert_eq!(service_of("/v1beta/models"), Provider::Gemini);
    }
}
