//! What all services share: the way from a request to vectors, and the paths.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::Semaphore;

use super::body::{Bodies, FREE, Held};
use super::door::Door;
use super::fault::{Fault, Kind};
use super::names::Names;
use super::queue::Queue;
use super::{Options, gemini, nomic, openai, picture_data};
use vicinity_core::{Embedding, Picture};
use vicinity_media::{Content, ReadOptions};
use vicinity_models::remote::Provider;
use vicinity_models::{Model, ModelInfo, Pixels, TextEmbedding, TextOptions, TowerError};

/// Texts that go to the model together.
const TEXTS: usize = 64;
/// Bytes of such texts, unless one alone has more.
const TEXT_BYTES: usize = 64 << 10;
/// Pictures that go to the model together.
const PICTURES: usize = 8;
/// Names the model that answered, whatever it was called.
const MODEL: HeaderName = HeaderName::from_static("x-vicinity-model");

/// What is served, and all that it takes.
pub(super) struct Served {
    /// What the model may be called.
    pub names: Names,
    model: Arc<Model>,
    door: Door,
    bodies: Bodies,
    texts: Queue<String>,
    pictures: Queue<Pixels>,
    /// As many pictures are decoded, or long texts shortened, at once.
    decoders: Semaphore,
}

/// The same for every request.
pub(super) type App = State<Arc<Served>>;

/// Something to embed.
pub(super) enum Item {
    /// A text.
    Text(String, TextOptions),
    /// A picture file.
    Picture(Bytes),
}

impl Served {
    /// Starts the model's threads.
    pub fn new(options: Options, model: Model) -> std::io::Result<Self> {
        let model = Arc::new(model.guarded());
        let (writer, painter) = (Arc::clone(&model), Arc::clone(&model));
        let texts = Queue::start("vicinity-text-tower", TEXTS, move |texts: &[String], options| {
            writer.text.embed_each(&texts.iter().map(String::as_str).collect::<Vec<_>>(), options)
        })?;
        let pictures = Queue::start("vicinity-image-tower", PICTURES, move |pictures: &[Pixels], _| {
            let free = |embedding| TextEmbedding { embedding, tokens: 0 };
            painter.image.embed_each(pictures).into_iter().map(|result| result.map(free)).collect()
        })?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            names: Names::new(&model.info, options.aliases),
            model,
            door: Door { loopback: options.listen.ip().is_loopback(), token: options.token },
            bodies: Bodies::new(options.patience),
            texts,
            pictures,
            decoders: Semaphore::new((cores / 2).max(1)),
        })
    }

    /// What the model is.
    pub fn info(&self) -> &ModelInfo {
        &self.model.info
    }

    /// A request's body.
    pub async fn body(&self, request: Request) -> Result<Held, Fault> {
        self.bodies.read(request.into_body()).await
    }

    /// Dimensions of a vector: all, unless fewer are wanted and the model was trained to be cut there.
    pub fn dim(&self, wanted: Option<usize>, field: &'static str) -> Result<usize, Fault> {
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
        let text = format!("{} gives vectors of {known} dimensions, not of {dim}", self.names.own());
        Err(Fault::invalid(field, text))
    }

    /// Embeds, whole vectors in order; faults name the item.
    pub async fn embed(&self, items: Vec<Item>) -> Result<Vec<TextEmbedding>, Fault> {
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
                all.push(result.map_err(|error| refusal(&error).at(all.len()))?);
            }
        }
        Ok(all)
    }

    /// Leaves out of long texts what the model does not look at, off the threads of the network and of the model: others
    /// need not wait for that.
    async fn shortened(&self, items: Vec<Item>) -> Result<Vec<Item>, Fault> {
        let is_long = |item: &Item| matches!(item, Item::Text(text, _) if text.len() > TEXT_BYTES);
        if !items.iter().any(is_long) {
            return Ok(items);
        }
        let failed = || Fault::new(Kind::Failed, "A text could not be read");
        let _permit = self.decoders.acquire().await.map_err(|_| failed())?;
        let model = Arc::clone(&self.model);
        let shorten = move |item| match item {
            Item::Text(text, options) if text.len() > TEXT_BYTES => {
                Item::Text(model.text.shortened(text, options), options)
            }
            other => other,
        };
        let shorten = move || items.into_iter().map(shorten).collect();
        tokio::task::spawn_blocking(shorten).await.map_err(|_| failed())
    }

    /// Makes pictures ready for the model, off the network's threads. `before`: items before these.
    async fn decode(&self, files: Vec<Bytes>, before: usize) -> Result<Vec<Pixels>, Fault> {
        let failed = || Fault::new(Kind::Failed, "A picture could not be decoded");
        let _permit = self.decoders.acquire().await.map_err(|_| failed())?;
        let model = Arc::clone(&self.model);
        let decode = move || {
            let numbered = files.iter().zip(before..);
            numbered
                .map(|(file, at)| match picture(file) {
                    Ok(picture) => Ok(model.image.prepare(&picture)),
                    Err(reason) => Err(Fault::new(Kind::Invalid, reason).at(at)),
                })
                .collect()
        };
        tokio::task::spawn_blocking(decode).await.unwrap_or_else(|_| Err(failed()))
    }
}

/// A vector's first `dim` dimensions.
pub(super) fn cut(embedding: &Embedding, dim: usize) -> Result<Embedding, Fault> {
    if dim == embedding.dim() {
        return Ok(embedding.clone());
    }
    embedding.truncated(dim).map_err(|error| Fault::new(Kind::Failed, error.to_string()))
}

/// Takes a body apart: on a thread of its own where that may take long, so that the network's threads stay free.
pub(super) async fn parsed<T: Send + 'static>(
    body: &Held,
    work: impl FnOnce(Bytes) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let bytes = body.bytes.clone();
    if bytes.len() <= FREE {
        return work(bytes);
    }
    let work = tokio::task::spawn_blocking(move || work(bytes)).await;
    work.unwrap_or_else(|_| Err(Fault::new(Kind::Failed, "The body could not be read")))
}

/// Refuses the address of a picture where only texts are embedded: as words it would mean nothing.
pub(super) fn words(text: &str, instead: &str) -> Result<(), String> {
    match picture_data::is_picture(text) {
        true => Err(format!("This is not a text but the data: address of a picture; {instead}")),
        false => Ok(()),
    }
}

/// An answer in JSON. Axum's own would switch a feature of `serde_json` on, for all that use it.
pub(super) struct Json<T>(pub T);

impl<T: serde::Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => Fault::new(Kind::Failed, error.to_string()).into_response(),
        }
    }
}

/// The file as the rest of the program reads it.
fn picture(file: &[u8]) -> Result<Picture, String> {
    match vicinity_media::read(Path::new("picture"), file, &ReadOptions::default())? {
        Some(Content::Image { picture, .. }) => Ok(picture),
        _ => Err("This is no picture, or of a kind that cannot be read; send JPEG, PNG or WebP".to_owned()),
    }
}

fn refusal(error: &TowerError) -> Fault {
    log::warn!("an item could not be embedded: {error}");
    let kind = if matches!(error, TowerError::Tokenizer(_)) { Kind::Invalid } else { Kind::Failed };
    Fault::new(kind, error.to_string())
}

enum Batch {
    Texts(Vec<String>, TextOptions),
    Pictures(Vec<Bytes>),
}

/// Neighbours of one kind together, but not too many: between two batches others get their turn.
fn batches(items: Vec<Item>) -> Vec<Batch> {
    let mut all: Vec<Batch> = Vec::new();
    let mut bytes = 0;
    for item in items {
        match (item, all.last_mut()) {
            (Item::Text(text, options), Some(Batch::Texts(texts, same)))
                if *same == options && texts.len() < TEXTS && bytes + text.len() <= TEXT_BYTES =>
            {
                bytes += text.len();
                texts.push(text);
            }
            (Item::Picture(file), Some(Batch::Pictures(files))) if files.len() < PICTURES => files.push(file),
            (Item::Text(text, options), _) => {
                bytes = text.len();
                all.push(Batch::Texts(vec![text], options));
            }
            (Item::Picture(file), _) => all.push(Batch::Pictures(vec![file])),
        }
    }
    all
}

/// All paths.
pub(super) fn router(served: Arc<Served>) -> Router {
    Router::new()
        .route("/v1/user", get(nomic::user))
        .route("/v1/embedding/text", post(nomic::texts))
        .route("/v1/embedding/image", post(nomic::pictures))
        .route("/v1/embeddings", post(openai::embeddings))
        .route("/v1/models", get(openai::models))
        .route("/v1/models/{*name}", get(openai::model).post(gemini::embed))
        .route("/v1beta/models", get(gemini::models))
        .route("/v1beta/models/{*name}", get(gemini::model).post(gemini::embed))
        .fallback(async || Fault::new(Kind::Absent, "Nothing is at this path; docs/serve.md lists the paths"))
        .method_not_allowed_fallback(async || Fault::new(Kind::Method, "This path takes another method"))
        // bodies are read by `body`, whose limit is the only one
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&served), at_the_door))
        .with_state(served)
}

/// Checks each request, and puts faults into the form of the service that was asked.
async fn at_the_door(State(served): App, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let service = service_of(&path);
    let mut response = match served.door.check(service, request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(fault) => fault.into_response(),
    };
    if let Some(fault) = response.extensions_mut().remove::<Fault>() {
        response = fault.shaped(service);
    } else if let Ok(name) = HeaderValue::from_bytes(served.names.own().as_bytes()) {
        response.headers_mut().insert(MODEL, name);
    }
    // never the query, which may hold the token
    log::info!("{method} {path}: {}", response.status().as_u16());
    response
}

/// Whose path it is; OpenAI's where it is nobody's.
fn service_of(path: &str) -> Provider {
    let gemini = path.starts_with("/v1beta") || path.ends_with(gemini::ONE) || path.ends_with(gemini::MANY);
    match path {
        _ if gemini => Provider::Gemini,
        _ if path.starts_with("/v1/embedding/") || path == "/v1/user" => Provider::Nomic,
        _ => Provider::OpenAi,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_go_in_batches_of_one_kind() {
        let text = |len: usize| Item::Text("a".repeat(len), TextOptions::default());
        let query = || Item::Text("q".to_owned(), TextOptions::QUERY);
        let mut items: Vec<Item> = (0..TEXTS + 1).map(|_| text(1)).collect();
        items.extend([query(), Item::Picture(Bytes::new()), text(TEXT_BYTES), text(1), text(1)]);
        let sizes: Vec<usize> = batches(items)
            .iter()
            .map(|batch| match batch {
                Batch::Texts(texts, _) => texts.len(),
                Batch::Pictures(files) => files.len(),
            })
            .collect();
        assert_eq!(sizes, [TEXTS, 1, 1, 1, 1, 2]);
    }

    #[test]
    fn every_path_belongs_to_a_service() {
        assert_eq!(service_of("/v1/embedding/nothing"), Provider::Nomic);
        assert_eq!(service_of("/v1/embeddings"), Provider::OpenAi);
        assert_eq!(service_of("/v1/models/m:embedContent"), Provider::Gemini);
        assert_eq!(service_of("/v1beta/models"), Provider::Gemini);
    }
}
