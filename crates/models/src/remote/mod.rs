//! Embedding services as towers: Nomic, Google's Gemini, and any server that speaks OpenAI's `/v1/embeddings`.
//!
//! A [`Remote`] gives a [`Model`](crate::Model) that the engine uses like a local one. Nothing here asks whether something may be
//! sent: the engine does, for each library (`engine::remote`), and shows an [`Estimate`] first. The network's work is
//! done on a runtime that is handed in; the towers' calls block, and refuse to be made from within a runtime.

mod batching;
mod client;
mod error_response;
mod estimate;
mod gemini;
pub mod hybrid;
pub mod inference_mode;
mod key;
mod limits;
mod nomic;
mod openai;
pub mod picture;
mod protocol;
mod provider_spec;
mod service;
mod tower;

pub use crate::RemoteError;
pub use client::Usage;
pub use estimate::Estimate;
pub use gemini::GeminiTask;
pub use key::Key;
pub use limits::{RequestLimits, RequestRate, RetryPolicy};
pub use protocol::{Embedded, Input};
pub use provider_spec::{NOMIC_SPACE, Provider, ProviderSpec};
pub use service::Remote;
