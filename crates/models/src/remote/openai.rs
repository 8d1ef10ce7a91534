//! Any server that speaks OpenAI's `/v1/embeddings`: OpenAI itself, or a user's own vLLM, TEI, Ollama or LM Studio.

use reqwest::RequestBuilder;
use serde::Deserialize;
use serde_json::json;

use super::limits::RequestLimits;
use super::protocol::{Answer, Input, Numbers, Protocol, json, numbers};
use crate::{LongText, RemoteError, TextOptions};

/// Where OpenAI is.
pub(super) const BASE: &str = "https://api.openai.com";
/// The model unless another is named.
pub(super) const MODEL: &str = "text-embedding-3-small";

/// OpenAI takes 2,048 texts per request; the smallest default of the others is TEI's 32.
pub(super) const LIMITS: [RequestLimits; 2] = [RequestLimits { items: 32, bytes: 2 << 20, parallel: 4 }; 2];

/// Dimensions of OpenAI's own models.
pub(super) fn dim(model: &str) -> Option<usize> {
    match model {
        "text-embedding-3-small" | "text-embedding-ada-002" => Some(1536),
        "text-embedding-3-large" => Some(3072),
        _ => None,
    }
}

pub(super) struct OpenAi {
    pub base: String,
    pub model: String,
    pub dimensions: Option<usize>,
}

#[derive(Deserialize)]
struct Body {
    data: Vec<Row>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Row {
    index: Option<usize>,
    embedding: Numbers,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    total_tokens: u64,
}

impl Protocol for OpenAi {
    fn check(&self, input: &Input, options: TextOptions) -> Result<(), RemoteError> {
        let unable = match input {
            Input::Picture(_) | Input::Url(_) => "does not accept images",
            Input::Text(_) if options.long_text == LongText::Mean => {
                "cannot average over a long text; only truncate is possible"
            }
            Input::Text(_) => return Ok(()),
        };
        Err(RemoteError::Setup(format!("{} {unable}", self.model)))
    }

    fn request(&self, http: &reqwest::Client, inputs: &[Input], _options: TextOptions) -> RequestBuilder {
        let texts: Vec<&str> =
            inputs.iter().map(|input| if let Input::Text(text) = input { text.as_str() } else { "" }).collect();
        let mut body = json!({ "model": self.model, "input": texts, "encoding_format": "float" });
        if let Some(dimensions) = self.dimensions {
            body["dimensions"] = dimensions.into();
        }
        // Bases are given with and without the version.
        let version = if self.base.ends_with("/v1") { "" } else { "/v1" };
        http.post(format!("{}{version}/embeddings", self.base)).json(&body)
    }

    fn answer(&self, body: &[u8]) -> Result<Answer, String> {
        let Body { data, usage } = json(body)?;
        let mut places: Vec<Option<Vec<f32>>> = vec![None; data.len()];
        for (at, row) in data.into_iter().enumerate() {
            match places.get_mut(row.index.unwrap_or(at)) {
                Some(place @ None) => *place = Some(numbers(row.embedding)),
                _ => return Err("its vectors have wrong numbers".to_owned()),
            }
        }
        let tokens = usage.map(|usage| [usage.prompt_tokens, usage.total_tokens]);
        Ok(Answer { vectors: places.into_iter().flatten().collect(), tokens })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Answer, String> {
        OpenAi { base: BASE.into(), model: MODEL.into(), dimensions: None }.answer(body.as_bytes())
    }

    #[test]
    fn vectors_are_put_in_order_by_their_numbers() {
        let body = r#"{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1]}],"usage":{"prompt_tokens":5}}"#;
        let answer = read(body).unwrap();
        assert_eq!((answer.vectors, answer.tokens), (vec![vec![1.0], vec![2.0]], Some([5, 0])));
        assert!(read(r#"{"data":[{"index":0,"embedding":[2]},{"index":0,"embedding":[1]}]}"#).is_err());
        assert!(read(r#"{"data":[{"index":7,"embedding":[2]}]}"#).is_err());
        assert_eq!(read(r#"{"data":["#).unwrap_err(), "it ends too early");
    }
}
