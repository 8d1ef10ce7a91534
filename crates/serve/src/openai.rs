//! OpenAI's shapes: `/v1/embeddings`, and the list of models.
//!
//! There is no task here. Servers of Nomic's model expect it as a prefix of the text (`search_query: …`), so that is
//! what is read; texts without one are documents.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::fault::{Fault, Kind, json_body};
use super::picture_data;
use super::service::{App, Item, Json, Served, cut, parsed};
use vicinity_core::Embedding;
use vicinity_models::{LongText, TextOptions, TextTask};

/// Texts a request, as OpenAI has it.
const MOST: usize = 2048;
/// Prefixes that name a task.
const PREFIXES: [(&str, TextTask); 4] = [
    ("search_document: ", TextTask::SearchDocument),
    ("search_query: ", TextTask::SearchQuery),
    ("classification: ", TextTask::Classification),
    ("clustering: ", TextTask::Clustering),
];

#[derive(Deserialize)]
struct Ask {
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
struct Answer<'a> {
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
pub(super) async fn embeddings(State(served): App, request: Request) -> Result<Response, Fault> {
    let body = served.body(request).await?;
    let tasks = served.names.reads_prefix();
    let (ask, items) = parsed(&body, move |bytes| read(&bytes, tasks)).await?;
    let model = served.names.find(ask.model.as_deref())?;
    let dim = served.dim(ask.dimensions, "dimensions")?;
    let found = served.embed(items).await.map_err(|fault| fault.of("input"))?;
    let tokens = found.iter().map(|one| one.tokens).sum();
    let vectors = found.iter().map(|one| cut(&one.embedding, dim)).collect::<Result<Vec<_>, _>>()?;
    let format = ask.encoding_format.unwrap_or_default();
    let row = |(index, vector)| Row { object: "embedding", index, embedding: numbers(vector, format) };
    Ok(Json(Answer {
        object: "list",
        data: vectors.iter().enumerate().map(row).collect(),
        model,
        usage: Usage { prompt_tokens: tokens, total_tokens: tokens },
    })
    .into_response())
}

/// The request, and what is to be embedded.
fn read(body: &[u8], tasks: bool) -> Result<(Ask, Vec<Item>), Fault> {
    let mut ask: Ask = json_body(body)?;
    let items = texts(std::mem::take(&mut ask.input))?.into_iter().enumerate();
    let item = |(at, text)| item(text, tasks).map_err(|reason| Fault::invalid("input", reason).at(at));
    Ok((ask, items.map(item).collect::<Result<_, _>>()?))
}

/// One text, or a list of them.
fn texts(input: Value) -> Result<Vec<String>, Fault> {
    let wrong = |text: &str| Fault::invalid("input", text);
    let list = match input {
        Value::String(text) => return Ok(vec![text]),
        Value::Array(list) => list,
        _ => return Err(wrong("The input is a text or a list of texts")),
    };
    if list.is_empty() {
        return Err(wrong("There is nothing to embed: the list is empty"));
    }
    if list.iter().any(|one| one.is_number() || one.is_array()) {
        return Err(wrong(
            "Token ids cannot be embedded: they are of another model's vocabulary. Send texts (in LangChain: \
             check_embedding_ctx_length=False)",
        ));
    }
    if list.len() > MOST {
        return Err(wrong(&format!("{} texts are too many at once; send at most {MOST}", list.len())));
    }
    let text = |(at, one)| match one {
        Value::String(text) => Ok(text),
        _ => Err(wrong("This is not a text").at(at)),
    };
    list.into_iter().enumerate().map(text).collect()
}

/// A text, or the picture whose `data:` address it is.
fn item(text: String, tasks: bool) -> Result<Item, String> {
    let (task, text) = if tasks { split(text) } else { (TextTask::default(), text) };
    match picture_data::is_picture(&text) {
        true => Ok(Item::Picture(picture_data::file(&text)?.into())),
        false => Ok(Item::Text(text, TextOptions { task, long_text: LongText::Truncate })),
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

fn described(served: &Served, name: &str) -> Value {
    json!({ "id": name, "object": "model", "created": 0, "owned_by": "vicinity", "root": served.names.own() })
}

/// All names that are answered to.
pub(super) async fn models(State(served): App) -> Json<Value> {
    let all: Vec<Value> = served.names.all().map(|name| described(&served, name)).collect();
    Json(json!({ "object": "list", "data": all }))
}

/// One of them.
pub(super) async fn model(State(served): State<Arc<Served>>, Path(name): Path<String>) -> Result<Json<Value>, Fault> {
    match served.names.all().find(|known| *known == name) {
        Some(known) => Ok(Json(described(&served, known))),
        None => Err(Fault::new(Kind::Model, format!("The model is not served here; {} is", served.names.own()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_a_text_or_a_list_of_texts() {
        assert_eq!(texts(json!("a")).ok(), Some(vec!["a".to_owned()]));
        assert_eq!(texts(json!(["a", ""])).ok(), Some(vec!["a".to_owned(), String::new()]));
        let many = Value::from(vec!["a"; MOST + 1]);
        for bad in [json!([]), json!([1, 2]), json!([[1], [2]]), json!(["a", null]), json!({}), Value::Null, many] {
            assert!(texts(bad).is_err());
        }
    }

    #[test]
    fn a_prefix_names_the_task_of_a_model_that_has_tasks() {
        let text = "search_query: where?".to_owned();
        let Ok(Item::Text(rest, options)) = item(text.clone(), true) else { panic!("a text") };
        assert_eq!((rest.as_str(), options.task), ("where?", TextTask::SearchQuery));
        let Ok(Item::Text(rest, options)) = item(text.clone(), false) else { panic!("a text") };
        assert_eq!((rest, options.task), (text, TextTask::SearchDocument));
    }
}
