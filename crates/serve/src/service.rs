//! Embeds for all services: from items to vectors, through queues, decoders and the model.

use std::path::Path;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use tokio::sync::Semaphore;

use super::access::AccessPolicy;
use super::body_limit::{BodyBudget, ReceivedBody};
use super::error::{ApiError, ApiErrorKind};
use super::names::ModelNames;
use super::options::ServeOptions;
use super::picture_data;
use super::queue::BatchQueue;
use vicinity_core::{Embedding, Picture};
use vicinity_media::{Content, ReadOptions};
use vicinity_models::{Model, ModelInfo, Pixels, TextEmbedding, TextOptions, TowerError};

/// Maximum texts in a batch.
const TEXTS: usize = 64;
/// Maximum bytes of the texts in a batch, unless a single one has more.
const TEXT_BYTES: usize = 64 << 10;
/// Maximum pictures in a batch.
const PICTURES: usize = 8;
/// The served model with its queues and limits.
pub(super) struct EmbeddingService {
    /// The names that the model answers to.
    pub names: ModelNames,
    /// Who may use the server.
    pub access: AccessPolicy,
    model: Arc<Model>,
    bodies: BodyBudget,
    texts: BatchQueue<String>,
    pictures: BatchQueue<Pixels>,
    /// Limits how many pictures are decoded, or long texts shortened, at once.
    decoders: Semaphore,
}

/// Shared by all requests.
pub(super) type ServiceState = State<Arc<EmbeddingService>>;

/// Something to embed.
pub(super) enum EmbedItem {
    /// A text.
    Text(String, TextOptions),
    /// A picture file.
    Picture(Bytes),
}

impl EmbeddingService {
    /// Starts the model's threads.
    pub fn new(options: ServeOptions, model: Model) -> std::io::Result<Self> {
        let model = Arc::new(model.guarded());
        let (text_model, image_model) = (Arc::clone(&model), Arc::clone(&model));
        let texts = BatchQueue::start("vicinity-text-tower", TEXTS, move |texts: &[String], options| {
            text_model.text.embed_each(&texts.iter().map(String::as_str).collect::<Vec<_>>(), options)
        })?;
        let pictures = BatchQueue::start("vicinity-image-tower", PICTURES, move |pictures: &[Pixels], _| {
            let free = |embedding| TextEmbedding { embedding, tokens: 0 };
            image_model.image.embed_each(pictures).into_iter().map(|result| result.map(free)).collect()
        })?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            names: ModelNames::new(&model.info, options.aliases),
            model,
            access: AccessPolicy { loopback: options.listen.ip().is_loopback(), token: options.token },
            bodies: BodyBudget::new(options.idle_timeout),
            texts,
            pictures,
            decoders: Semaphore::new((cores / 2).max(1)),
        })
    }

    /// Information about the model.
    pub fn info(&self) -> &ModelInfo {
        &self.model.info
    }

    /// Reads a request's body.
    pub async fn body(&self, request: Request) -> Result<ReceivedBody, ApiError> {
        self.bodies.read(request.into_body()).await
    }

    /// Dimensions of a vector: all, unless fewer are requested and the model was trained to be truncated there.
    pub fn dim(&self, wanted: Option<usize>, field: &'static str) -> Result<usize, ApiError> {
        let info = self.info();
        let whole = info.key.dim;
        let dim = wanted.unwrap_or(whole);
        if dim == whole || info.matryoshka.contains(&dim) {
            return Ok(dim);
        }
        let known = match info.matryoshka.as_slice() {
            [] => whole.to_string(),
            parts => parts.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
        };
        let text = format!("{} has vectors of {known} dimensions, not of {dim}", self.names.own());
        Err(ApiError::invalid(field, text))
    }

    /// Embeds items: whole vectors, in order. Errors name the item.
    pub async fn embed(&self, items: Vec<EmbedItem>) -> Result<Vec<TextEmbedding>, ApiError> {
        let mut all = Vec::with_capacity(items.len());
        for batch in batches(self.shortened(items).await?) {
            let results = match batch {
                Batch::Texts(texts, options) => self.texts.embed(texts, options).await?,
                Batch::Pictures(files) => {
                    let pixels = self.decode(files, all.len()).await?;
                    self.pictures.embed(pixels, TextOptions::default()).await?
                }
            };
            for result in results {
                all.push(result.map_err(|error| item_error(&error).at_index(all.len()))?);
            }
        }
        Ok(all)
    }

    /// Cuts off what the model does not read of long texts, on a blocking thread, so that no other request waits for it.
    async fn shortened(&self, items: Vec<EmbedItem>) -> Result<Vec<EmbedItem>, ApiError> {
        let is_long = |item: &EmbedItem| matches!(item, EmbedItem::Text(text, _) if text.len() > TEXT_BYTES);
        if !items.iter().any(is_long) {
            return Ok(items);
        }
        let failed = || ApiError::new(ApiErrorKind::Internal, "A text could not be read");
        let _permit = self.decoders.acquire().await.map_err(|_| failed())?;
        let model = Arc::clone(&self.model);
        let shorten = move |item| match item {
            EmbedItem::Text(text, options) if text.len() > TEXT_BYTES => {
                EmbedItem::Text(model.text.shortened(text, options), options)
            }
            other => other,
        };
        let shorten = move || items.into_iter().map(shorten).collect();
        tokio::task::spawn_blocking(shorten).await.map_err(|_| failed())
    }

    /// Decodes and prepares pictures on a blocking thread. `before`: number of items before these.
    async fn decode(&self, files: Vec<Bytes>, before: usize) -> Result<Vec<Pixels>, ApiError> {
        let failed = || ApiError::new(ApiErrorKind::Internal, "An image could not be decoded");
        let _permit = self.decoders.acquire().await.map_err(|_| failed())?;
        let model = Arc::clone(&self.model);
        let decode = move || {
            let numbered = files.iter().zip(before..);
            numbered
                .map(|(file, at)| match picture(file) {
                    Ok(picture) => Ok(model.image.prepare(&picture)),
                    Err(reason) => Err(ApiError::new(ApiErrorKind::Invalid, reason).at_index(at)),
                })
                .collect()
        };
        tokio::task::spawn_blocking(decode).await.unwrap_or_else(|_| Err(failed()))
    }
}

/// The first `dim` dimensions of a vector.
pub(super) fn truncate(embedding: &Embedding, dim: usize) -> Result<Embedding, ApiError> {
    if dim == embedding.dim() {
        return Ok(embedding.clone());
    }
    embedding.truncated(dim).map_err(|error| ApiError::new(ApiErrorKind::Internal, error.to_string()))
}

/// Refuses a `data:` URL of a picture where only texts are embedded.
///
/// # Errors
/// A sentence with `instead`, which says what to do.
pub(super) fn reject_picture(text: &str, instead: &str) -> Result<(), String> {
    match picture_data::is_picture(text) {
        true => Err(format!("This is not a text but the data: URL of an image; {instead}")),
        false => Ok(()),
    }
}

/// Decodes a picture file.
fn picture(file: &[u8]) -> Result<Picture, String> {
    match vicinity_media::read(Path::new("picture"), file, &ReadOptions::default())
        .map_err(|error| error.to_string())?
    {
        Some(Content::Image { picture, .. }) => Ok(picture),
        _ => Err("This is not an image, or not a supported format; send JPEG, PNG or WebP".to_owned()),
    }
}

fn item_error(error: &TowerError) -> ApiError {
    log::warn!("an item could not be embedded: {error}");
    let kind = if matches!(error, TowerError::Tokenizer(_)) { ApiErrorKind::Invalid } else { ApiErrorKind::Internal };
    ApiError::new(kind, error.to_string())
}

enum Batch {
    Texts(Vec<String>, TextOptions),
    Pictures(Vec<Bytes>),
}

/// Groups adjacent items of one kind into batches of limited size, so that other requests get their turn in between.
fn batches(items: Vec<EmbedItem>) -> Vec<Batch> {
    let mut all: Vec<Batch> = Vec::new();
    let mut bytes = 0;
    for item in items {
        match (item, all.last_mut()) {
            (EmbedItem::Text(text, options), Some(Batch::Texts(texts, same)))
                if *same == options && texts.len() < TEXTS && bytes + text.len() <= TEXT_BYTES =>
            {
                bytes += text.len();
                texts.push(text);
            }
            (EmbedItem::Picture(file), Some(Batch::Pictures(files))) if files.len() < PICTURES => files.push(file),
            (EmbedItem::Text(text, options), _) => {
                bytes = text.len();
                all.push(Batch::Texts(vec![text], options));
            }
            (EmbedItem::Picture(file), _) => all.push(Batch::Pictures(vec![file])),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_go_in_batches_of_one_kind() {
        let text = |len: usize| EmbedItem::Text("a".repeat(len), TextOptions::default());
        let query = || EmbedItem::Text("q".to_owned(), TextOptions::QUERY);
        let mut items: Vec<EmbedItem> = (0..=TEXTS).map(|_| text(1)).collect();
        items.extend([query(), EmbedItem::Picture(Bytes::new()), text(TEXT_BYTES), text(1), text(1)]);
        let sizes: Vec<usize> = batches(items)
            .iter()
            .map(|batch| match batch {
                Batch::Texts(texts, _) => texts.len(),
                Batch::Pictures(files) => files.len(),
            })
            .collect();
        assert_eq!(sizes, [TEXTS, 1, 1, 1, 1, 2]);
    }
}
