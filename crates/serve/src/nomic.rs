//! Nomic's shapes: texts as JSON, pictures as files of a form, and the user that its client asks for first.
//!
//! Facts from Nomic's Python client 3.9 and its OpenAPI description. The client insists that the answer names the
//! model as it was asked for, so an alias is echoed here; `x-vicinity-model` tells the truth.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::body::{FREE, LARGEST};
use super::fault::{Fault, Kind, json_body};
use super::picture_data;
use super::service::{App, Item, Json, Served, cut, parsed, words};
use vicinity_core::Embedding;
use vicinity_models::{LongText, TextOptions, TextTask};

/// Texts a request; the clients send 10 and 400.
const MOST_TEXTS: usize = 2048;
/// Pictures a request, as many as the client sends.
const MOST_PICTURES: usize = 512;
/// Tokens of a text that count unless the caller says otherwise.
const TOKENS: usize = 8192;
/// Bytes of a text that is embedded as a whole: about [`TOKENS`], where the service ends too.
const LONGEST: usize = 64 << 10;

/// Whoever it is.
pub(super) async fn user() -> Json<Value> {
    Json(
        json!({ "sub": "local", "name": "local", "nickname": "local", "organizations": [], "default_organization": null }),
    )
}

#[derive(Deserialize)]
struct Ask {
    texts: Vec<String>,
    model: Option<String>,
    task_type: Option<TextTask>,
    dimensionality: Option<usize>,
    long_text_mode: Option<LongText>,
    max_tokens_per_text: Option<usize>,
}

#[derive(Serialize)]
struct Answer<'a> {
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
pub(super) async fn texts(State(served): App, request: Request) -> Result<Response, Fault> {
    let body = served.body(request).await?;
    let ask: Ask = parsed(&body, |bytes| json_body(&bytes)).await?;
    served.names.find(ask.model.as_deref())?;
    // what the service itself takes for a missing mode, though its client always names one
    let long_text = ask.long_text_mode.unwrap_or(LongText::Mean);
    check(&served, &ask, long_text)?;
    let dim = served.dim(ask.dimensionality, "dimensionality")?;
    let options = TextOptions { task: ask.task_type.unwrap_or_default(), long_text };
    let items = ask.texts.into_iter().map(|text| Item::Text(text, options)).collect();
    answer(&served, items, dim, ask.model.as_deref()).await.map_err(|fault| fault.of("texts"))
}

fn check(served: &Served, ask: &Ask, long_text: LongText) -> Result<(), Fault> {
    count(ask.texts.len(), MOST_TEXTS, "texts")?;
    for (at, text) in ask.texts.iter().enumerate() {
        words(text, "send it to /v1/embedding/image").map_err(|reason| Fault::invalid("texts", reason).at(at))?;
    }
    let window = served.info().max_tokens.min(TOKENS);
    if let Some(tokens) = ask.max_tokens_per_text.filter(|tokens| *tokens < window) {
        let text = format!("{tokens} tokens of a text cannot be had alone; the model reads {window}");
        return Err(Fault::invalid("max_tokens_per_text", text));
    }
    let long = ask.texts.iter().position(|text| long_text == LongText::Mean && text.len() > LONGEST);
    match long {
        None => Ok(()),
        Some(at) => {
            let text =
                format!("The text is too long to embed as a whole ({LONGEST} bytes); truncate takes its beginning");
            Err(Fault::invalid("texts", text).at(at))
        }
    }
}

fn count(items: usize, most: usize, field: &'static str) -> Result<(), Fault> {
    match items {
        0 => Err(Fault::invalid(field, "There is nothing to embed: the list is empty")),
        _ if items > most => {
            Err(Fault::invalid(field, format!("{items} items are too many at once; send at most {most}")))
        }
        _ => Ok(()),
    }
}

async fn answer(served: &Served, items: Vec<Item>, dim: usize, asked: Option<&str>) -> Result<Response, Fault> {
    let found = served.embed(items).await?;
    let tokens = found.iter().map(|one| one.tokens).sum();
    let vectors = found.iter().map(|one| cut(&one.embedding, dim)).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(Answer {
        embeddings: vectors.iter().map(Embedding::as_slice).collect(),
        usage: Usage { prompt_tokens: tokens, total_tokens: tokens },
        model: asked.unwrap_or(served.names.own()),
    })
    .into_response())
}

/// What a form may say.
#[derive(Default)]
struct Form {
    model: Option<String>,
    images: Vec<Bytes>,
    urls: Vec<String>,
}

/// Embeds pictures: files of a form, or `data:` addresses.
pub(super) async fn pictures(State(served): App, request: Request) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    let held = served.body(Request::new(body)).await?;
    let network = Handle::current();
    let form = if !is_multipart(&kind) {
        parsed(&held, |bytes| Ok(fields(&bytes))).await?
    } else if held.bytes.len() <= FREE {
        files(Request::from_parts(parts, Body::from(held.bytes.clone()))).await?
    } else {
        parsed(&held, move |bytes| network.block_on(files(Request::from_parts(parts, Body::from(bytes))))).await?
    };
    served.names.find(form.model.as_deref())?;
    if !form.images.is_empty() && !form.urls.is_empty() {
        return Err(Fault::invalid("urls", "Send either files or addresses, not both"));
    }
    let field = if form.urls.is_empty() { "images" } else { "urls" };
    count(form.images.len() + form.urls.len(), MOST_PICTURES, field)?;
    let Form { mut images, urls, model } = form;
    images.extend(parsed(&held, move |_| decoded(&urls)).await?);
    let items = images.into_iter().map(Item::Picture).collect();
    let dim = served.dim(None, "")?;
    answer(&served, items, dim, model.as_deref()).await.map_err(|fault| fault.of(field))
}

/// Media types are the same in any case.
fn is_multipart(kind: &str) -> bool {
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("multipart/form-data"))
}

fn decoded(urls: &[String]) -> Result<Vec<Bytes>, Fault> {
    let file = |(at, url): (usize, &String)| {
        let file = picture_data::file(url).map_err(|reason| Fault::invalid("urls", reason).at(at))?;
        Ok(Bytes::from(file))
    };
    urls.iter().enumerate().map(file).collect()
}

async fn files(request: Request) -> Result<Form, Fault> {
    let broken = |error: &dyn std::fmt::Display| Fault::new(Kind::Invalid, format!("The form cannot be read: {error}"));
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

const _: () = assert!(LARGEST as usize > MOST_TEXTS * 1024, "a full list of texts fits into a body");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_a_model_and_addresses() {
        let form = fields(b"model=m-1.5&urls=data%3A%2Cx&urls=b+c&other=1");
        assert_eq!((form.model.as_deref(), form.urls), (Some("m-1.5"), vec!["data:,x".to_owned(), "b c".to_owned()]));
    }
}
