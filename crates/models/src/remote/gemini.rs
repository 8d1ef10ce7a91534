//! Google's Gemini API: `embedContent` for one item, `batchEmbedContents` for several.
//!
//! `gemini-embedding-001` takes texts and a task type; `gemini-embedding-2` takes texts and pictures, and reads the
//! task from words before the text. The two spaces differ. Vectors shortened by the service are not of unit length;
//! they are made so here, as all vectors are. Limits: 100 items and 4 MiB per request.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use reqwest::RequestBuilder;
use serde::Deserialize;
use serde_json::{Value, json};

use super::limits::RequestLimits;
use super::protocol::{Answer, Input, Numbers, Protocol, json, numbers};
use crate::{LongText, RemoteError, TextOptions, TextTask};

/// Where the service is.
pub(super) const BASE: &str = "https://generativelanguage.googleapis.com";
/// The model unless another is named.
pub(super) const MODEL: &str = "gemini-embedding-001";
/// Dimensions unless fewer are asked for.
pub(super) const DIM: usize = 3072;

/// Texts and pictures; the bytes leave some room within 4 MiB.
pub(super) const LIMITS: [RequestLimits; 2] = [
    RequestLimits { items: 100, bytes: 4_000_000, parallel: 4 },
    RequestLimits { items: 32, bytes: 4_000_000, parallel: 4 },
];

/// Tasks that only Gemini knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GeminiTask {
    /// How much two texts say the same.
    SemanticSimilarity,
    /// Questions, to find texts that answer them.
    QuestionAnswering,
    /// Claims, to find texts that prove or disprove them.
    FactVerification,
    /// Words, to find code.
    CodeRetrievalQuery,
}

impl GeminiTask {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::SemanticSimilarity, Self::QuestionAnswering, Self::FactVerification, Self::CodeRetrievalQuery];

    /// As the command line writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SemanticSimilarity => "semantic_similarity",
            Self::QuestionAnswering => "question_answering",
            Self::FactVerification => "fact_verification",
            Self::CodeRetrievalQuery => "code_retrieval_query",
        }
    }
}

/// A name that answers no more, as a sentence.
pub(super) fn retired(model: &str) -> Option<String> {
    let (ended, instead) = match model {
        "embedding-gecko-001" | "embedding-001" => ("2025-10-30", "gemini-embedding-001"),
        "text-embedding-004" => ("2026-01-14", "gemini-embedding-001"),
        _ => return None,
    };
    Some(format!(
        "Google ended {model} on {ended}; {instead} replaces it for texts, gemini-embedding-2 for texts and images. \
         Their vectors are not comparable with the old ones: embed again"
    ))
}

/// Whether the model takes pictures, and its task as words.
/// Whether it embeds pictures.
pub(super) fn takes_pictures(model: &str) -> bool {
    is_second(model)
}

fn is_second(model: &str) -> bool {
    model.starts_with("gemini-embedding-2")
}

/// Tokens of a text that count.
pub(super) fn max_tokens(model: &str) -> usize {
    if is_second(model) { 8192 } else { 2048 }
}

pub(super) struct Gemini {
    pub base: String,
    pub model: String,
    pub dimensions: Option<usize>,
    pub task: Option<GeminiTask>,
    pub title: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    One { embedding: Values },
    Many { embeddings: Vec<Values> },
}

#[derive(Deserialize)]
struct Values {
    values: Numbers,
}

#[derive(Deserialize)]
struct Spent {
    #[serde(rename = "usageMetadata")]
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    #[serde(default)]
    prompt_token_count: u64,
    #[serde(default)]
    total_token_count: Option<u64>,
}

impl Gemini {
    /// `taskType` of the first model.
    fn task_type(&self, task: TextTask) -> &'static str {
        match (self.task, task) {
            (Some(GeminiTask::SemanticSimilarity), _) => "SEMANTIC_SIMILARITY",
            (Some(GeminiTask::QuestionAnswering), _) => "QUESTION_ANSWERING",
            (Some(GeminiTask::FactVerification), _) => "FACT_VERIFICATION",
            (Some(GeminiTask::CodeRetrievalQuery), _) => "CODE_RETRIEVAL_QUERY",
            (None, TextTask::SearchDocument) => "RETRIEVAL_DOCUMENT",
            (None, TextTask::SearchQuery) => "RETRIEVAL_QUERY",
            (None, TextTask::Classification) => "CLASSIFICATION",
            (None, TextTask::Clustering) => "CLUSTERING",
        }
    }

    /// The text with its task in words, for the second model (ai.google.dev/gemini-api/docs/embeddings); a `taskType` changes
    /// nothing there.
    fn with_words(&self, text: &str, task: TextTask) -> String {
        let words = match (self.task, task) {
            (Some(GeminiTask::SemanticSimilarity), _) => "sentence similarity",
            (Some(GeminiTask::QuestionAnswering), _) => "question answering",
            (Some(GeminiTask::FactVerification), _) => "fact checking",
            (Some(GeminiTask::CodeRetrievalQuery), _) => "code retrieval",
            (None, TextTask::SearchQuery) => "search result",
            (None, TextTask::Classification) => "classification",
            (None, TextTask::Clustering) => "clustering",
            (None, TextTask::SearchDocument) => {
                return format!("title: {} | text: {text}", self.title.as_deref().unwrap_or("none"));
            }
        };
        format!("task: {words} | query: {text}")
    }

    fn part(&self, input: &Input, task: TextTask) -> Value {
        match input {
            Input::Text(text) if is_second(&self.model) => json!({ "text": self.with_words(text, task) }),
            Input::Text(text) | Input::Url(text) => json!({ "text": text }),
            Input::Picture(jpeg) => {
                json!({ "inline_data": { "mime_type": "image/jpeg", "data": BASE64_STANDARD.encode(jpeg) } })
            }
        }
    }

    fn item(&self, input: &Input, task: TextTask) -> Value {
        let mut item = json!({
            "model": format!("models/{}", self.model),
            "content": { "parts": [self.part(input, task)] },
        });
        if let Some(dimensions) = self.dimensions {
            item["outputDimensionality"] = dimensions.into();
        }
        if !is_second(&self.model) {
            let task = self.task_type(task);
            item["taskType"] = task.into();
            if let Some(title) = self.title.as_deref().filter(|_| task == "RETRIEVAL_DOCUMENT") {
                item["title"] = title.into();
            }
        }
        item
    }
}

impl Protocol for Gemini {
    fn check(&self, input: &Input, options: TextOptions) -> Result<(), RemoteError> {
        let unable = match input {
            Input::Picture(_) if !is_second(&self.model) => "does not accept images; gemini-embedding-2 does",
            Input::Url(_) => "accepts images as files, not by address",
            Input::Text(_) if options.long_text == LongText::Mean => {
                "cannot average over a long text; only truncate is possible"
            }
            _ => return Ok(()),
        };
        Err(RemoteError::Setup(format!("{} {unable}", self.model)))
    }

    fn request(&self, http: &reqwest::Client, inputs: &[Input], options: TextOptions) -> RequestBuilder {
        let address = |method: &str| format!("{}/v1beta/models/{}:{method}", self.base, self.model);
        let items: Vec<Value> = inputs.iter().map(|input| self.item(input, options.task)).collect();
        match items.as_slice() {
            [one] => http.post(address("embedContent")).json(one),
            _ => http.post(address("batchEmbedContents")).json(&json!({ "requests": items })),
        }
    }

    fn answer(&self, body: &[u8]) -> Result<Answer, String> {
        let values = match json(body)? {
            Body::One { embedding } => vec![embedding],
            Body::Many { embeddings } => embeddings,
        };
        let spent = json::<Spent>(body).ok().and_then(|spent| spent.usage);
        let tokens = spent.map(|t| [t.prompt_token_count, t.total_token_count.unwrap_or(t.prompt_token_count)]);
        Ok(Answer { vectors: values.into_iter().map(|v| numbers(v.values)).collect(), tokens })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gemini(model: &str) -> Gemini {
        Gemini { base: BASE.into(), model: model.into(), dimensions: Some(768), task: None, title: Some("T".into()) }
    }

    #[test]
    fn the_first_model_is_told_its_task() {
        let item = gemini("gemini-embedding-001").item(&Input::Text("x".into()), TextTask::SearchDocument);
        assert_eq!(
            item,
            json!({"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "x"}]},
                   "taskType": "RETRIEVAL_DOCUMENT", "title": "T", "outputDimensionality": 768})
        );
        let query = gemini("gemini-embedding-001").item(&Input::Text("x".into()), TextTask::SearchQuery);
        assert_eq!((query["taskType"].as_str(), query.get("title")), (Some("RETRIEVAL_QUERY"), None));
    }

    #[test]
    fn the_second_model_reads_its_task() {
        let two = gemini("gemini-embedding-2");
        let item = two.item(&Input::Text("x".into()), TextTask::SearchQuery);
        assert_eq!(item.pointer("/content/parts/0/text"), Some(&json!("task: search result | query: x")));
        assert_eq!(item.get("taskType"), None);
        assert_eq!(two.with_words("x", TextTask::SearchDocument), "title: T | text: x");
        let picture = two.item(&Input::Picture([255, 216].into()), TextTask::SearchDocument);
        let data = &picture["content"]["parts"][0]["inline_data"];
        assert_eq!(data, &json!({"mime_type": "image/jpeg", "data": "/9g="}));
    }
}
