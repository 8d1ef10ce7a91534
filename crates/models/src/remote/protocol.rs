//! The interface of all providers: items in, vectors out, in order.

use std::sync::Arc;

use reqwest::RequestBuilder;

use crate::{RemoteError, TextOptions};
use vicinity_core::Embedding;

/// Something to embed.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A text.
    Text(String),
    /// A picture: JPEG without metadata, made by [`super::picture::encode`].
    Picture(Arc<[u8]>),
    /// A picture that the service fetches itself.
    Url(String),
}

impl Input {
    /// Bytes, before any encoding.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) | Self::Url(text) => text.len(),
            Self::Picture(jpeg) => jpeg.len(),
        }
    }

    /// Whether it is a picture.
    pub fn is_picture(&self) -> bool {
        !matches!(self, Self::Text(_))
    }

    /// Whether both may stand in one request.
    pub(super) fn goes_with(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Tokens, roughly: four Latin letters make one, any other character is one.
    pub fn tokens(&self) -> u64 {
        match self {
            Self::Text(text) => {
                let latin = text.bytes().filter(u8::is_ascii).count() as u64;
                latin.div_ceil(4) + text.chars().filter(|c| !c.is_ascii()).count() as u64
            }
            Self::Picture(_) | Self::Url(_) => 0,
        }
    }

    /// Bytes within a JSON body: escapes and base64 counted, and something for what stands around it.
    pub(super) fn json_bytes(&self) -> usize {
        const AROUND: usize = 256;
        AROUND
            + match self {
                Self::Text(text) | Self::Url(text) => text.bytes().map(escaped).sum(),
                Self::Picture(jpeg) => jpeg.len().div_ceil(3) * 4,
            }
    }
}

fn escaped(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => 6,
        _ => 1,
    }
}

/// A vector from a service, and what it cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// The unit vector.
    pub embedding: Embedding,
    /// Tokens, this item's share of its request's.
    pub tokens: usize,
}

/// The content of a response.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Answer {
    /// In the order of the request; a missing number is NaN.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of the prompt, and of all.
    pub tokens: Option<[u64; 2]>,
}

/// The request and response format of one provider.
pub(super) trait Protocol: Send + Sync {
    /// Checks that the service can embed this.
    fn check(&self, input: &Input, options: TextOptions) -> Result<(), RemoteError>;
    /// A request without its key. All inputs are of one kind, and within the limits.
    fn request(&self, http: &reqwest::Client, inputs: &[Input], options: TextOptions) -> RequestBuilder;
    /// Reads the body of an answer with status 200; the error says what is wrong with it.
    fn answer(&self, body: &[u8]) -> Result<Answer, String>;
}

/// Numbers of a vector as received: `null` stands for NaN, as some servers write it.
pub(super) type Numbers = Vec<Option<f32>>;

/// The same with NaN.
pub(super) fn numbers(values: Numbers) -> Vec<f32> {
    values.into_iter().map(|value| value.unwrap_or(f32::NAN)).collect()
}

/// Reads JSON; the error names the position, not the content.
pub(super) fn json<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof => "it ends too early".to_owned(),
        _ => format!("it does not have the expected form (line {}, column {})", error.line(), error.column()),
    })
}
