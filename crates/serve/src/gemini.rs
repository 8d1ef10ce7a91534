//! Gemini's shapes: `embedContent` and `batchEmbedContents`, under `/v1beta` and `/v1`.
//!
//! A content becomes one vector: its texts are joined by line breaks; if it also has pictures, its vector is the
//! normalised mean. A title goes on a line before its text. Field names are accepted in both spellings that Google's
//! servers accept, and base64 in both alphabets (the Python client writes the URL-safe one).

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::{ApiError, ApiErrorKind};
use super::json::{Json, json_body, parse_body};
use super::names::without_prefix;
use super::picture_data;
use super::service::{EmbedItem, EmbeddingService, ServiceState, reject_picture, truncate};
use vicinity_core::Embedding;
use vicinity_models::{LongText, TextEmbedding, TextOptions, TextTask};

/// The method that embeds one content.
pub(super) const ONE: &str = ":embedContent";
/// The method that embeds several contents.
pub(super) const MANY: &str = ":batchEmbedContents";
/// Maximum contents per request, as in Google's API.
const MAX_REQUESTS: usize = 100;
/// Maximum parts of all contents.
const MAX_PARTS: usize = 512;
/// The field with the requests of a batch.
const REQUESTS: &str = "requests";

#[derive(Deserialize)]
struct BatchRequest {
    requests: Vec<EmbedContentRequest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EmbedContentRequest {
    model: Option<String>,
    content: Content,
    #[serde(alias = "task_type")]
    task_type: Option<String>,
    title: Option<String>,
    #[serde(alias = "output_dimensionality")]
    output_dimensionality: Option<usize>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    text: Option<String>,
    #[serde(alias = "inline_data")]
    inline_data: Option<Blob>,
}

#[derive(Deserialize)]
struct Blob {
    data: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Single<'a> {
    embedding: Values<'a>,
    usage_metadata: Usage,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Several<'a> {
    embeddings: Vec<Values<'a>>,
    usage_metadata: Usage,
}

#[derive(Serialize)]
struct Values<'a> {
    values: &'a [f32],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    prompt_token_count: usize,
    total_token_count: usize,
}

/// Embeds.
pub(super) async fn embed(
    State(served): ServiceState,
    Path(call): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let body = served.body(request).await?;
    let (model, requests, single) = if let Some(model) = call.strip_suffix(&ONE) {
        (model, parse_body(&body, |bytes| Ok(vec![json_body::<EmbedContentRequest>(&bytes)?])).await?, true)
    } else if let Some(model) = call.strip_suffix(&MANY) {
        (model, parse_body(&body, |bytes| Ok(json_body::<BatchRequest>(&bytes)?.requests)).await?, false)
    } else {
        return Err(ApiError::new(ApiErrorKind::NotFound, format!("There is no such method; use {ONE} or {MANY}")));
    };
    served.names.find(Some(model))?;
    check(model, &requests)?;
    let dim = |(at, request): (usize, &EmbedContentRequest)| {
        served.dim(request.output_dimensionality, REQUESTS).map_err(|error| error.at_index(at))
    };
    let dims = requests.iter().enumerate().map(dim).collect::<Result<Vec<_>, _>>()?;
    let contents = |(at, request)| contents(request).map_err(|reason| ApiError::invalid(REQUESTS, reason).at_index(at));
    let all = parse_body(&body, move |_| requests.into_iter().enumerate().map(contents).collect::<Result<Vec<_>, _>>())
        .await?;
    let plan: Vec<(usize, usize)> = all.iter().map(Vec::len).zip(dims).collect();
    let items: Vec<EmbedItem> = all.into_iter().flatten().collect();
    if items.len() > MAX_PARTS {
        return Err(ApiError::new(
            ApiErrorKind::Invalid,
            format!("{} parts are too many; send at most {MAX_PARTS}", items.len()),
        ));
    }
    let mut found = served.embed(items).await.map_err(|error| error.in_field("parts"))?.into_iter();
    let tokens = found.as_slice().iter().map(|one| one.tokens).sum();
    let vectors = plan.into_iter().map(|(parts, dim)| truncate(&mean(found.by_ref().take(parts))?, dim));
    let vectors = vectors.collect::<Result<Vec<_>, _>>()?;
    Ok(answer(&vectors, single, tokens))
}

fn answer(vectors: &[Embedding], single: bool, tokens: usize) -> Response {
    let values = |vector| Values { values: Embedding::as_slice(vector) };
    let usage_metadata = Usage { prompt_token_count: tokens, total_token_count: tokens };
    match vectors {
        [vector] if single => Json(Single { embedding: values(vector), usage_metadata }).into_response(),
        _ => Json(Several { embeddings: vectors.iter().map(values).collect(), usage_metadata }).into_response(),
    }
}

fn check(model: &str, requests: &[EmbedContentRequest]) -> Result<(), ApiError> {
    if requests.is_empty() {
        return Err(ApiError::new(ApiErrorKind::Invalid, "The list of requests is empty"));
    }
    if requests.len() > MAX_REQUESTS {
        // Google's own words, which programs look for
        let text = "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch";
        return Err(ApiError::new(ApiErrorKind::Invalid, text));
    }
    let model = without_prefix(model);
    let other =
        |request: &EmbedContentRequest| request.model.as_deref().is_some_and(|name| without_prefix(name) != model);
    match requests.iter().position(other) {
        Some(at) => Err(ApiError::invalid(REQUESTS, "It names another model than the URL").at_index(at)),
        None => Ok(()),
    }
}

/// The items of a content: its text, and its pictures.
fn contents(request: EmbedContentRequest) -> Result<Vec<EmbedItem>, String> {
    let (task, is_document) = task(request.task_type.as_deref().unwrap_or_default())?;
    let mut texts = Vec::new();
    if let Some(title) = request.title {
        if !is_document {
            return Err("A title is only allowed with taskType RETRIEVAL_DOCUMENT".to_owned());
        }
        texts.push(title);
    }
    let titles = texts.len();
    let mut pictures = Vec::new();
    for part in request.content.parts {
        match (part.text, part.inline_data) {
            (Some(text), None) => {
                reject_picture(&text, "send it as inlineData")?;
                texts.push(text);
            }
            (None, Some(blob)) => pictures.push(EmbedItem::Picture(decode(&blob.data)?.into())),
            _ => return Err("A part must be a text or inlineData; files elsewhere are not fetched".to_owned()),
        }
    }
    if texts.len() == titles && pictures.is_empty() {
        return Err("The content is empty".to_owned());
    }
    let options = TextOptions { task, long_text: LongText::Truncate };
    let text = (!texts.is_empty()).then(|| EmbedItem::Text(texts.join("\n"), options));
    Ok(text.into_iter().chain(pictures).collect())
}

/// The closest task of a local model, and whether it is the one that allows titles.
fn task(kind: &str) -> Result<(TextTask, bool), String> {
    Ok(match kind {
        "" | "TASK_TYPE_UNSPECIFIED" => (TextTask::SearchDocument, false),
        "RETRIEVAL_DOCUMENT" => (TextTask::SearchDocument, true),
        "RETRIEVAL_QUERY" | "QUESTION_ANSWERING" | "FACT_VERIFICATION" | "CODE_RETRIEVAL_QUERY" => {
            (TextTask::SearchQuery, false)
        }
        "CLASSIFICATION" => (TextTask::Classification, false),
        "CLUSTERING" | "SEMANTIC_SIMILARITY" => (TextTask::Clustering, false),
        other => return Err(format!("There is no taskType {:?}", other.chars().take(100).collect::<String>())),
    })
}

/// Decodes base64, or a whole `data:` URL sent by mistake.
fn decode(data: &str) -> Result<Vec<u8>, String> {
    if picture_data::is_picture(data) { picture_data::file(data) } else { picture_data::base64(data.as_bytes()) }
}

fn mean(found: impl Iterator<Item = TextEmbedding>) -> Result<Embedding, ApiError> {
    let failed = || ApiError::new(ApiErrorKind::Internal, "The model returned no vector");
    let mut found = found.map(|one| one.embedding);
    let first = found.next().ok_or_else(failed)?;
    let rest: Vec<Embedding> = found.collect();
    if rest.is_empty() {
        return Ok(first);
    }
    let mut sum = first.as_slice().to_vec();
    for vector in &rest {
        sum.iter_mut().zip(vector.as_slice()).for_each(|(sum, number)| *sum += number);
    }
    Embedding::new(sum).map_err(|_| failed())
}

fn description(served: &EmbeddingService, name: &str) -> Value {
    let info = served.info();
    json!({
        "name": format!("models/{name}"),
        "displayName": info.title,
        "inputTokenLimit": info.max_tokens,
        "supportedGenerationMethods": ["embedContent"],
    })
}

/// All names that the model answers to.
pub(super) async fn models(State(served): ServiceState) -> Json<Value> {
    Json(json!({ "models": served.names.all().map(|name| description(&served, name)).collect::<Vec<_>>() }))
}

/// One name.
pub(super) async fn model(State(served): ServiceState, Path(name): Path<String>) -> Result<Json<Value>, ApiError> {
    served.names.find(Some(&name)).map(|_| Json(description(&served, &name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: Value) -> Result<Vec<EmbedItem>, String> {
        contents(serde_json::from_value(body).expect("a valid request"))
    }

    #[test]
    fn a_content_is_one_text_and_its_pictures() {
        let body = json!({
            "content": { "parts": [{ "text": "a" }, { "inline_data": { "mime_type": "x", "data": "-_8=" } }, { "text": "b" }] },
            "taskType": "RETRIEVAL_DOCUMENT", "title": "T",
        });
        let items = read(body).expect("items");
        let [EmbedItem::Text(text, options), EmbedItem::Picture(file)] = items.as_slice() else {
            panic!("a text and a picture")
        };
        assert_eq!((text.as_str(), options.task, &file[..]), ("T\na\nb", TextTask::SearchDocument, &[251, 255][..]));
        for bad in [
            json!({ "content": {} }),
            json!({ "content": { "parts": [{}] } }),
            json!({ "content": { "parts": [{ "text": "a" }] }, "title": "T", "taskType": "RETRIEVAL_QUERY" }),
            json!({ "content": { "parts": [{ "text": "a" }] }, "taskType": "NONSENSE" }),
            json!({ "content": { "parts": [{ "inlineData": { "data": "*" } }] } }),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn data_may_be_a_whole_url() {
        for text in ["-_8", "+/8=\n", "data:image/png;base64,+/8="] {
            assert_eq!(decode(text), Ok(vec![251, 255]), "{text}");
        }
        assert!(read(json!({ "content": { "parts": [{ "text": "data:image/png;base64,+/8=" }] } })).is_err());
    }
}
