//! Nomic's API: `/v1/embedding/text` (JSON) and `/v1/embedding/image` (files as multipart, or addresses).
//!
//! Facts from Nomic's Python client 3.9 and its OpenAPI description: the server's own defaults are another model and
//! `mean`, so model, task and mode are always sent; 10 texts per request; 1,200 requests in five minutes per address.

use reqwest::RequestBuilder;
use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use serde_json::json;

use super::limits::{RequestLimits, RequestRate};
use super::protocol::{Answer, Input, Numbers, Protocol, json, numbers};
use crate::{LongText, RemoteError, TextOptions, TextTask};

/// Where the service is.
pub(super) const BASE: &str = "https://api-atlas.nomic.ai";
/// The model of texts.
pub(super) const MODEL: &str = "nomic-embed-text-v1.5";
/// Tokens of a text that count.
pub(super) const MAX_TOKENS: usize = 8192;
/// Dimensions of the space.
pub(super) const DIM: usize = 768;
/// Just under 1,200 in five minutes, the burst counted.
pub(super) const RATE: RequestRate = RequestRate { per_second: 3.8, burst: 40 };

/// Texts and pictures.
pub(super) const LIMITS: [RequestLimits; 2] = [
    RequestLimits { items: 10, bytes: 8 << 20, parallel: 10 },
    // the service takes 512 pictures, but a request of that size takes minutes to send
    RequestLimits { items: 32, bytes: 8 << 20, parallel: 4 },
];

/// The model of pictures in the same space.
pub(super) fn vision(model: &str) -> Option<&'static str> {
    match model {
        "nomic-embed-text-v1.5" | "nomic-embed-vision-v1.5" => Some("nomic-embed-vision-v1.5"),
        "nomic-embed-text-v1" | "nomic-embed-vision-v1" => Some("nomic-embed-vision-v1"),
        _ => None,
    }
}

pub(super) struct Nomic {
    pub base: String,
    pub text_model: String,
    pub dimensions: Option<usize>,
    pub max_tokens: usize,
}

#[derive(Deserialize)]
struct Body {
    embeddings: Vec<Numbers>,
    usage: Option<Usage>,
    model: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    total_tokens: u64,
}

fn task(task: TextTask) -> &'static str {
    match task {
        TextTask::SearchDocument => "search_document",
        TextTask::SearchQuery => "search_query",
        TextTask::Classification => "classification",
        TextTask::Clustering => "clustering",
    }
}

fn long_text(mode: LongText) -> &'static str {
    match mode {
        LongText::Truncate => "truncate",
        LongText::Mean => "mean",
    }
}

impl Nomic {
    fn texts(&self, http: &reqwest::Client, inputs: &[Input], options: TextOptions) -> RequestBuilder {
        let texts: Vec<&str> = inputs.iter().filter_map(text).collect();
        http.post(format!("{}/v1/embedding/text", self.base)).json(&json!({
            "texts": texts,
            "model": self.text_model,
            "task_type": task(options.task),
            "dimensionality": self.dimensions,
            "long_text_mode": long_text(options.long_text),
            "max_tokens_per_text": self.max_tokens,
        }))
    }

    fn pictures(&self, http: &reqwest::Client, inputs: &[Input]) -> RequestBuilder {
        let request = http.post(format!("{}/v1/embedding/image", self.base));
        let model = vision(&self.text_model).unwrap_or_default();
        let urls: Vec<&str> = inputs.iter().filter_map(url).collect();
        if !urls.is_empty() {
            let fields: Vec<(&str, &str)> =
                std::iter::once(("model", model)).chain(urls.into_iter().map(|url| ("urls", url))).collect();
            return request.header("content-type", "application/x-www-form-urlencoded").body(form(&fields));
        }
        let mut form = Form::new().text("model", model);
        for (at, jpeg) in inputs.iter().filter_map(picture).enumerate() {
            let part = Part::bytes(jpeg.to_vec()).file_name(format!("{at}.jpg"));
            // "image/jpeg" is always a valid type
            if let Ok(part) = part.mime_str("image/jpeg") {
                form = form.part("images", part);
            }
        }
        request.multipart(form)
    }
}

fn text(input: &Input) -> Option<&str> {
    if let Input::Text(text) = input { Some(text) } else { None }
}

fn url(input: &Input) -> Option<&str> {
    if let Input::Url(url) = input { Some(url) } else { None }
}

fn picture(input: &Input) -> Option<&[u8]> {
    if let Input::Picture(jpeg) = input { Some(jpeg) } else { None }
}

/// Fields as a form's body: `a=b&c=d%20e`.
fn form(fields: &[(&str, &str)]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escape = |text: &str| -> String {
        text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
    };
    fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>().join("&")
}

impl Protocol for Nomic {
    fn check(&self, input: &Input, _options: TextOptions) -> Result<(), RemoteError> {
        match input.is_picture() && vision(&self.text_model).is_none() {
            true => Err(RemoteError::Setup(format!(
                "{} does not accept images; nomic-embed-text-v1.5 does",
                self.text_model
            ))),
            false => Ok(()),
        }
    }

    fn request(&self, http: &reqwest::Client, inputs: &[Input], options: TextOptions) -> RequestBuilder {
        match inputs.first() {
            Some(Input::Text(_)) | None => self.texts(http, inputs, options),
            Some(_) => self.pictures(http, inputs),
        }
    }

    fn answer(&self, body: &[u8]) -> Result<Answer, String> {
        let Body { embeddings, usage, model } = json(body)?;
        let ours = [Some(self.text_model.as_str()), vision(&self.text_model)];
        if let Some(other) = model.filter(|model| !ours.contains(&Some(model.as_str()))) {
            return Err(format!("it comes from a different model, {other}"));
        }
        // The service shortens texts only; pictures are shortened here, to stand in the same space.
        let shorten = |values: Numbers| {
            let mut values = numbers(values);
            if values.len() == DIM {
                values.truncate(self.dimensions.unwrap_or(DIM));
            }
            values
        };
        let tokens = usage.map(|usage| [usage.prompt_tokens, usage.total_tokens]);
        Ok(Answer { vectors: embeddings.into_iter().map(shorten).collect(), tokens })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_escape_what_they_must() {
        let body = form(&[("model", "m-1.5"), ("urls", "https://a.b/c d?e=1&f=é")]);
        assert_eq!(body, "model=m-1.5&urls=https%3A%2F%2Fa.b%2Fc%20d%3Fe%3D1%26f%3D%C3%A9");
    }
}
