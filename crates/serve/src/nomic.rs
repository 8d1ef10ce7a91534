//! Nomic's API: texts as JSON, pictures as files of a form, and the user that its client requests first.
//!
//! From Nomic's Python client 3.9 and its OpenAPI description. The client insists that the response names the
//! requested model, so an alias is echoed here; `x-vicinity-model` names the real one.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::body_limit::{FREE_BYTES, MAX_BODY_BYTES};
use super::error::{ApiError, ApiErrorKind};
use super::json::{Json, json_body, parse_body};
use super::picture_data;
use super::service::{EmbedItem, EmbeddingService, ServiceState, reject_picture, truncate};
use vicinity_core::Embedding;
use vicinity_models::{LongText, TextOptions, TextTask};

/// Maximum texts per request; the clients send 10 and 400.
const MAX_TEXTS: usize = 2048;
/// Maximum pictures per request, as many as the client sends.
const MAX_PICTURES: usize = 512;
/// Tokens of a text that are embedded by default.
const DEFAULT_MAX_TOKENS: usize = 8192;
/// Maximum bytes of a text embedded as a whole: about [`DEFAULT_MAX_TOKENS`], the limit of the service too.
const MAX_MEAN_BYTES: usize = 64 << 10;

/// The user: always the same one.
pub(super) async fn user() -> Json<Value> {
    Json(
        json!({ "sub": "local", "name": "local", "nickname": "local", "organizations": [], "default_organization": null }),
    )
}

#[derive(Deserialize)]
struct EmbedTextRequest {
    texts: Vec<String>,
    model: Option<String>,
    task_type: Option<TextTask>,
    dimensionality: Option<usize>,
    long_text_mode: Option<LongText>,
    max_tokens_per_text: Option<usize>,
}

#[derive(Serialize)]
struct EmbedResponse<'a> {
    embeddings: Vec<&'a [f32]>,
    usage: Usage,
    model: &'a str,
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: usize,
    total_tokens: usize,
}

/// Embeds texts.
pub(super) async fn texts(State(served): ServiceState, request: Request) -> Result<Response, ApiError> {
    let body = served.body(request).await?;
    let request: EmbedTextRequest = parse_body(&body, |bytes| json_body(&bytes)).await?;
    served.names.find(request.model.as_deref())?;
    // The default of the service itself, though its client always sends one.
    let long_text = request.long_text_mode.unwrap_or(LongText::Mean);
    check(&served, &request, long_text)?;
    let dim = served.dim(request.dimensionality, "dimensionality")?;
    let options = TextOptions { task: request.task_type.unwrap_or_default(), long_text };
    let items = request.texts.into_iter().map(|text| EmbedItem::Text(text, options)).collect();
    answer(&served, items, dim, request.model.as_deref()).await.map_err(|error| error.in_field("texts"))
}

fn check(served: &EmbeddingService, request: &EmbedTextRequest, long_text: LongText) -> Result<(), ApiError> {
    count(request.texts.len(), MAX_TEXTS, "texts")?;
    for (at, text) in request.texts.iter().enumerate() {
        reject_picture(text, "send it to /v1/embedding/image")
            .map_err(|reason| ApiError::invalid("texts", reason).at_index(at))?;
    }
    let window = served.info().max_tokens.min(DEFAULT_MAX_TOKENS);
    if let Some(tokens) = request.max_tokens_per_text.filter(|tokens| *tokens < window) {
        let text = format!("The limit of {tokens} tokens per text is not supported; the model reads {window}");
        return Err(ApiError::invalid("max_tokens_per_text", text));
    }
    let long = request.texts.iter().position(|text| long_text == LongText::Mean && text.len() > MAX_MEAN_BYTES);
    match long {
        None => Ok(()),
        Some(at) => {
            let text = format!(
                "The text is too long to embed as a whole (the limit is {MAX_MEAN_BYTES} bytes); truncate embeds its beginning"
            );
            Err(ApiError::invalid("texts", text).at_index(at))
        }
    }
}

fn count(items: usize, most: usize, field: &'static str) -> Result<(), ApiError> {
    match items {
        0 => Err(ApiError::invalid(field, "The list is empty")),
        _ if items > most => {
            Err(ApiError::invalid(field, format!("{items} items are too many; the limit is {most} per request")))
        }
        _ => Ok(()),
    }
}

async fn answer(
    served: &EmbeddingService,
    items: Vec<EmbedItem>,
    dim: usize,
    requested: Option<&str>,
) -> Result<Response, ApiError> {
    let found = served.embed(items).await?;
    let tokens = found.iter().map(|one| one.tokens).sum();
    let vectors = found.iter().map(|one| truncate(&one.embedding, dim)).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(EmbedResponse {
        embeddings: vectors.iter().map(Embedding::as_slice).collect(),
        usage: Usage { prompt_tokens: tokens, total_tokens: tokens },
        model: requested.unwrap_or(served.names.own()),
    })
    .into_response())
}

/// The fields of a form.
#[derive(Default)]
struct Form {
    model: Option<String>,
    images: Vec<Bytes>,
    urls: Vec<String>,
}

/// Embeds pictures: files of a form, or `data:` URLs.
pub(super) async fn pictures(State(served): ServiceState, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    let body_bytes = served.body(Request::new(body)).await?;
    let network = Handle::current();
    let form = if !is_multipart(&kind) {
        parse_body(&body_bytes, |bytes| Ok(fields(&bytes))).await?
    } else if body_bytes.bytes.len() <= FREE_BYTES {
        files(Request::from_parts(parts, Body::from(body_bytes.bytes.clone()))).await?
    } else {
        parse_body(&body_bytes, move |bytes| network.block_on(files(Request::from_parts(parts, Body::from(bytes)))))
            .await?
    };
    served.names.find(form.model.as_deref())?;
    if !form.images.is_empty() && !form.urls.is_empty() {
        return Err(ApiError::invalid("urls", "Send either files or URLs, not both"));
    }
    let field = if form.urls.is_empty() { "images" } else { "urls" };
    count(form.images.len() + form.urls.len(), MAX_PICTURES, field)?;
    let Form { mut images, urls, model } = form;
    images.extend(parse_body(&body_bytes, move |_| decoded(&urls)).await?);
    let items = images.into_iter().map(EmbedItem::Picture).collect();
    let dim = served.dim(None, "")?;
    answer(&served, items, dim, model.as_deref()).await.map_err(|error| error.in_field(field))
}

/// Compares media types, which are case-insensitive.
fn is_multipart(kind: &str) -> bool {
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("multipart/form-data"))
}

fn decoded(urls: &[String]) -> Result<Vec<Bytes>, ApiError> {
    let file = |(at, url): (usize, &String)| {
        let file = picture_data::file(url).map_err(|reason| ApiError::invalid("urls", reason).at_index(at))?;
        Ok(Bytes::from(file))
    };
    urls.iter().enumerate().map(file).collect()
}

async fn files(request: Request) -> Result<Form, ApiError> {
    let broken =
        |error: &dyn std::fmt::Display| ApiError::new(ApiErrorKind::Invalid, format!("The form is not valid: {error}"));
    let mut multipart = Multipart::from_request(request, &()).await.map_err(|e| broken(&e.body_text()))?;
    let mut form = Form::default();
    while let Some(field) = multipart.next_field().await.map_err(|e| broken(&e.body_text()))? {
        let name = field.name().unwrap_or_default().to_owned();
        let content = field.bytes().await.map_err(|e| broken(&e.body_text()))?;
        let text = || String::from_utf8_lossy(&content).into_owned();
        match name.as_str() {
            "model" => form.model = Some(text()),
            "images" => form.images.push(content),
            "urls" => form.urls.push(text()),
            _ => {}
        }
    }
    Ok(form)
}

fn fields(body: &[u8]) -> Form {
    let mut form = Form::default();
    for (name, value) in form_urlencoded::parse(body) {
        match &*name {
            "model" => form.model = Some(value.into_owned()),
            "urls" => form.urls.push(picture_data::of_form(value.into_owned())),
            _ => {}
        }
    }
    form
}

const _: () = assert!(MAX_BODY_BYTES as usize > MAX_TEXTS * 1024, "a full list of texts fits into a body");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_a_model_and_urls() {
        let form = fields(b"model=m-1.5&urls=data%3A%2Cx&urls=b+c&other=1");
        assert_eq!((form.model.as_deref(), form.urls), (Some("m-1.5"), vec!["data:,x".to_owned(), "b c".to_owned()]));
    }
}
