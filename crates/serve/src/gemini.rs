//! Gemini's shapes: `embedContent` and `batchEmbedContents`, under `/v1beta` and `/v1`.
//!
//! A content becomes one vector: its texts are joined by line breaks; where it also has pictures, its vector is the
//! direction of the mean. A title stands on a line before its text. Field names are read in both spellings that
//! Google's servers take, and base64 in both alphabets (the Python client writes the one for addresses).

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::fault::{Fault, Kind, json_body};
use super::picture_data;
use super::service::{App, Item, Json, Served, cut, parsed, words};
use vicinity_core::Embedding;
use vicinity_models::{LongText, TextEmbedding, TextOptions, TextTask};

/// Of one content.
pub(super) const ONE: &str = ":embedContent";
/// Of several.
pub(super) const MANY: &str = ":batchEmbedContents";
/// Contents a request, as Google has it.
const MOST: usize = 100;
/// Parts of all contents.
const MOST_PARTS: usize = 512;
/// What a request asks for each of its contents.
const REQUESTS: &str = "requests";

#[derive(Deserialize)]
struct Batch {
    requests: Vec<Ask>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ask {
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
pub(super) async fn embed(State(served): App, Path(call): Path<String>, request: Request) -> Result<Response, Fault> {
    let body = served.body(request).await?;
    let (model, asks, single) = if let Some(model) = call.strip_suffix(&ONE) {
        (model, parsed(&body, |bytes| Ok(vec![json_body::<Ask>(&bytes)?])).await?, true)
    } else if let Some(model) = call.strip_suffix(&MANY) {
        (model, parsed(&body, |bytes| Ok(json_body::<Batch>(&bytes)?.requests)).await?, false)
    } else {
        return Err(Fault::new(Kind::Absent, format!("There is no such method; there are {ONE} and {MANY}")));
    };
    served.names.find(Some(model))?;
    check(model, &asks)?;
    let dim = |(at, ask): (usize, &Ask)| served.dim(ask.output_dimensionality, REQUESTS).map_err(|fault| fault.at(at));
    let dims = asks.iter().enumerate().map(dim).collect::<Result<Vec<_>, _>>()?;
    let contents = |(at, ask)| contents(ask).map_err(|reason| Fault::invalid(REQUESTS, reason).at(at));
    let all = parsed(&body, move |_| asks.into_iter().enumerate().map(contents).collect::<Result<Vec<_>, _>>()).await?;
    let plan: Vec<(usize, usize)> = all.iter().map(Vec::len).zip(dims).collect();
    let items: Vec<Item> = all.into_iter().flatten().collect();
    if items.len() > MOST_PARTS {
        return Err(Fault::new(
            Kind::Invalid,
            format!("{} parts are too many; send at most {MOST_PARTS}", items.len()),
        ));
    }
    let mut found = served.embed(items).await.map_err(|fault| fault.of("parts"))?.into_iter();
    let tokens = found.as_slice().iter().map(|one| one.tokens).sum();
    let vectors = plan.into_iter().map(|(parts, dim)| cut(&mean(found.by_ref().take(parts))?, dim));
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

fn check(model: &str, asks: &[Ask]) -> Result<(), Fault> {
    if asks.is_empty() {
        return Err(Fault::new(Kind::Invalid, "There is nothing to embed: the list of requests is empty"));
    }
    if asks.len() > MOST {
        // Google's own words, which programs look for
        let text = "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch";
        return Err(Fault::new(Kind::Invalid, text));
    }
    let bare = |name: &str| name.strip_prefix("models/").unwrap_or(name).to_owned();
    let other = |ask: &Ask| ask.model.as_deref().is_some_and(|name| bare(name) != bare(model));
    match asks.iter().position(other) {
        Some(at) => Err(Fault::invalid(REQUESTS, "It names another model than the address").at(at)),
        None => Ok(()),
    }
}

/// What is to be embedded of a content: its text, and its pictures.
fn contents(ask: Ask) -> Result<Vec<Item>, String> {
    let (task, is_document) = task(ask.task_type.as_deref().unwrap_or_default())?;
    let mut texts = Vec::new();
    if let Some(title) = ask.title {
        if !is_document {
            return Err("A title goes with taskType RETRIEVAL_DOCUMENT only".to_owned());
        }
        texts.push(title);
    }
    let titles = texts.len();
    let mut pictures = Vec::new();
    for part in ask.content.parts {
        match (part.text, part.inline_data) {
            (Some(text), None) => {
                words(&text, "send it as inlineData")?;
                texts.push(text);
            }
            (None, Some(blob)) => pictures.push(Item::Picture(decode(&blob.data)?.into())),
            _ => return Err("A part holds a text or inlineData; files elsewhere are not fetched".to_owned()),
        }
    }
    if texts.len() == titles && pictures.is_empty() {
        return Err("The content is empty".to_owned());
    }
    let options = TextOptions { task, long_text: LongText::Truncate };
    let text = (!texts.is_empty()).then(|| Item::Text(texts.join("\n"), options));
    Ok(text.into_iter().chain(pictures).collect())
}

/// The nearest task of a local model, and whether it is about documents that have titles.
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

/// Base64, or by mistake a whole `data:` address.
fn decode(data: &str) -> Result<Vec<u8>, String> {
    if picture_data::is_picture(data) { picture_data::file(data) } else { picture_data::base64(data.as_bytes()) }
}

fn mean(found: impl Iterator<Item = TextEmbedding>) -> Result<Embedding, Fault> {
    let failed = || Fault::new(Kind::Failed, "The model gave no vector");
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

fn described(served: &Served, name: &str) -> Value {
    let info = served.info();
    json!({
        "name": format!("models/{name}"),
        "displayName": info.title,
        "inputTokenLimit": info.max_tokens,
        "supportedGenerationMethods": ["embedContent"],
    })
}

/// All names that are answered to.
pub(super) async fn models(State(served): App) -> Json<Value> {
    Json(json!({ "models": served.names.all().map(|name| described(&served, name)).collect::<Vec<_>>() }))
}

/// One of them.
pub(super) async fn model(State(served): App, Path(name): Path<String>) -> Result<Json<Value>, Fault> {
    served.names.find(Some(&name)).map(|_| Json(described(&served, &name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: Value) -> Result<Vec<Item>, String> {
        contents(serde_json::from_value(body).expect("a request"))
    }

    #[test]
    fn a_content_is_one_text_and_its_pictures() {
        let body = json!({
            "content": { "parts": [{ "text": "a" }, { "inline_data": { "mime_type": "x", "data": "-_8=" } }, { "text": "b" }] },
            "taskType": "RETRIEVAL_DOCUMENT", "title": "T",
        });
        let items = read(body).expect("items");
        let [Item::Text(text, options), Item::Picture(file)] = items.as_slice() else { panic!("a text and a picture") };
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
    fn data_may_be_a_whole_address() {
        for text in ["-_8", "+/8=\n", "data:image/png;base64,+/8="] {
            assert_eq!(decode(text), Ok(vec![251, 255]), "{text}");
        }
        assert!(read(json!({ "content": { "parts": [{ "text": "data:image/png;base64,+/8=" }] } })).is_err());
    }
}
