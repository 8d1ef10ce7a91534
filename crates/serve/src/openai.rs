//! OpenAI's shapes: `/v1/embeddings`, and the list of models.
//!
//! The API has no tasks. Servers of Nomic's model expect it as a prefix of the text (`search_query: …`), so this one
//! does too; texts without a prefix are documents.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::{ApiError, ApiErrorKind};
use super::json::{Json, json_body, parse_body};
use super::picture_data;
use super::service::{EmbedItem, EmbeddingService, ServiceState, truncate};
use vicinity_core::Embedding;
use vicinity_models::{LongText, TextOptions, TextTask};

/// Maximum texts per request, as in OpenAI's API.
const MAX_TEXTS: usize = 2048;
/// Prefixes that name a task.
const PREFIXES: [(&str, TextTask); 4] = [
    ("search_document: ", TextTask::SearchDocument),
    ("search_query: ", TextTask::SearchQuery),
    ("classification: ", TextTask::Classification),
    ("clustering: ", TextTask::Clustering),
];

#[derive(Deserialize)]
struct EmbeddingsRequest {
    input: Value,
    model: Option<String>,
    encoding_format: Option<Format>,
    dimensions: Option<usize>,
}

#[derive(Deserialize, Clone, Copy, Default, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Float,
    Base64,
}

#[derive(Serialize)]
struct EmbeddingsResponse<'a> {
    object: &'static str,
    data: Vec<Row<'a>>,
    model: &'a str,
    usage: Usage,
}

#[derive(Serialize)]
struct Row<'a> {
    object: &'static str,
    index: usize,
    embedding: Numbers<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Numbers<'a> {
    Float(&'a [f32]),
    /// Little-endian f32.
    Base64(String),
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: usize,
    total_tokens: usize,
}

/// Embeds texts.
pub(super) async fn embeddings(State(served): ServiceState, request: Request) -> Result<Response, ApiError> {
    let body = served.body(request).await?;
    let tasks = served.names.reads_prefix();
    let (request, items) = parse_body(&body, move |bytes| read(&bytes, tasks)).await?;
    let model = served.names.find(request.model.as_deref())?;
    let dim = served.dim(request.dimensions, "dimensions")?;
    let found = served.embed(items).await.map_err(|error| error.in_field("input"))?;
    let tokens = found.iter().map(|one| one.tokens).sum();
    let vectors = found.iter().map(|one| truncate(&one.embedding, dim)).collect::<Result<Vec<_>, _>>()?;
    let format = request.encoding_format.unwrap_or_default();
    let row = |(index, vector)| Row { object: "embedding", index, embedding: numbers(vector, format) };
    Ok(Json(EmbeddingsResponse {
        object: "list",
        data: vectors.iter().enumerate().map(row).collect(),
        model,
        usage: Usage { prompt_tokens: tokens, total_tokens: tokens },
    })
    .into_response())
}

/// The request, and the items to embed.
fn read(body: &[u8], tasks: bool) -> Result<(EmbeddingsRequest, Vec<EmbedItem>), ApiError> {
    let mut request: EmbeddingsRequest = json_body(body)?;
    let items = texts(std::mem::take(&mut request.input))?.into_iter().enumerate();
    let item = |(at, text)| item(text, tasks).map_err(|reason| ApiError::invalid("input", reason).at_index(at));
    Ok((request, items.map(item).collect::<Result<_, _>>()?))
}

/// One text, or a list of them.
fn texts(input: Value) -> Result<Vec<String>, ApiError> {
    let wrong = |text: &str| ApiError::invalid("input", text);
    let list = match input {
        Value::String(text) => return Ok(vec![text]),
        Value::Array(list) => list,
        _ => return Err(wrong("The input must be a text or a list of texts")),
    };
    if list.is_empty() {
        return Err(wrong("The list is empty"));
    }
    if list.iter().any(|one| one.is_number() || one.is_array()) {
        return Err(wrong(
            "Token IDs cannot be embedded: they belong to another model's vocabulary. Send texts (in LangChain: \
             check_embedding_ctx_length=False)",
        ));
    }
    if list.len() > MAX_TEXTS {
        return Err(wrong(&format!("{} texts are too many; the limit is {MAX_TEXTS} per request", list.len())));
    }
    let text = |(at, one)| match one {
        Value::String(text) => Ok(text),
        _ => Err(wrong("This is not a text").at_index(at)),
    };
    list.into_iter().enumerate().map(text).collect()
}

/// A text, or the picture if the text is its `data:` URL.
fn item(text: String, tasks: bool) -> Result<EmbedItem, String> {
    let (task, text) = if tasks { split(text) } else { (TextTask::default(), text) };
    match picture_data::is_picture(&text) {
        true => Ok(EmbedItem::Picture(picture_data::file(&text)?.into())),
        false => Ok(EmbedItem::Text(text, TextOptions { task, long_text: LongText::Truncate })),
    }
}

fn split(text: String) -> (TextTask, String) {
    match PREFIXES.iter().find_map(|(prefix, task)| Some((*task, text.strip_prefix(prefix)?))) {
        Some((task, rest)) => (task, rest.to_owned()),
        None => (TextTask::default(), text),
    }
}

fn numbers(vector: &Embedding, format: Format) -> Numbers<'_> {
    match format {
        Format::Float => Numbers::Float(vector.as_slice()),
        Format::Base64 => {
            let bytes: Vec<u8> = vector.as_slice().iter().flat_map(|number| number.to_le_bytes()).collect();
            Numbers::Base64(BASE64_STANDARD.encode(bytes))
        }
    }
}

fn description(served: &EmbeddingService, name: &str) -> Value {
    json!({ "id": name, "object": "model", "created": 0, "owned_by": "vicinity", "root": served.names.own() })
}

/// All names that the model answers to.
pub(super) async fn models(State(served): ServiceState) -> Json<Value> {
    let all: Vec<Value> = served.names.all().map(|name| description(&served, name)).collect();
    Json(json!({ "object": "list", "data": all }))
}

/// One name.
pub(super) async fn model(
    State(served): State<Arc<EmbeddingService>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    match served.names.all().find(|known| *known == name) {
        Some(known) => Ok(Json(description(&served, known))),
        None => Err(ApiError::new(
            ApiErrorKind::ModelNotFound,
            format!("The model is not served here; {} is", served.names.own()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_a_text_or_a_list_of_texts() {
        assert_eq!(texts(json!("a")).ok(), Some(vec!["a".to_owned()]));
        assert_eq!(texts(json!(["a", ""])).ok(), Some(vec!["a".to_owned(), String::new()]));
        let many = Value::from(vec!["a"; MAX_TEXTS + 1]);
        for bad in [json!([]), json!([1, 2]), json!([[1], [2]]), json!(["a", null]), json!({}), Value::Null, many] {
            assert!(texts(bad).is_err());
        }
    }

    #[test]
    fn a_prefix_names_the_task_of_a_model_that_has_tasks() {
        let text = "search_query: where?".to_owned();
        let Ok(EmbedItem::Text(rest, options)) = item(text.clone(), true) else { panic!("a text") };
        assert_eq!((rest.as_str(), options.task), ("where?", TextTask::SearchQuery));
        let Ok(EmbedItem::Text(rest, options)) = item(text.clone(), false) else { panic!("a text") };
        assert_eq!((rest, options.task), (text, TextTask::SearchDocument));
    }
}
