//! The two towers of a service.

use super::picture::{encode, pack, unpack};
use super::protocol::{Embedded, Input};
use super::service::Remote;
use crate::{ImageTower, Model, Pixels, RemoteError, TextEmbedding, TextOptions, TextTower, TowerError};
use vicinity_core::{Embedding, Picture};

impl Remote {
    /// As a model for the engine.
    pub fn model(&self) -> Model {
        Model {
            info: self.info().clone(),
            image: Box::new(Pictures(self.clone())),
            text: Box::new(Texts(self.clone())),
        }
    }
}

/// Items that one call should bring, so that all parallel requests are full; more would only fill memory.
fn preferred_batch_size(remote: &Remote, pictures: bool, most: usize) -> usize {
    let limits = remote.limits()[usize::from(pictures)];
    (limits.items * limits.parallel).min(most)
}

/// Pictures.
struct Pictures(Remote);

impl Pictures {
    fn ask(&self, batch: &[Pixels]) -> Vec<Result<Embedded, RemoteError>> {
        self.0.embed(batch.iter().map(unpack).collect(), TextOptions::default())
    }
}

impl ImageTower for Pictures {
    fn prepare(&self, picture: &Picture) -> Pixels {
        pack(&encode(picture))
    }

    fn embed(&self, batch: &[Pixels]) -> Result<Vec<Embedding>, TowerError> {
        self.ask(batch).into_iter().map(|result| Ok(result?.embedding)).collect()
    }

    fn embed_each(&self, batch: &[Pixels]) -> Vec<Result<Embedding, TowerError>> {
        self.ask(batch).into_iter().map(|result| Ok(result?.embedding)).collect()
    }

    fn preferred_batch_size(&self) -> Option<usize> {
        Some(preferred_batch_size(&self.0, true, 128))
    }

    fn interrupt(&self) {
        self.0.cancel();
    }
}

/// Texts.
struct Texts(Remote);

impl Texts {
    fn ask(&self, texts: &[&str], options: TextOptions) -> impl Iterator<Item = Result<TextEmbedding, TowerError>> {
        let inputs = texts.iter().map(|text| Input::Text((*text).to_owned())).collect();
        self.0.embed(inputs, options).into_iter().map(|result| {
            let Embedded { embedding, tokens } = result?;
            Ok(TextEmbedding { embedding, tokens })
        })
    }
}

impl TextTower for Texts {
    fn embed(&self, texts: &[&str], options: TextOptions) -> Result<Vec<TextEmbedding>, TowerError> {
        self.ask(texts, options).collect()
    }

    fn embed_each(&self, texts: &[&str], options: TextOptions) -> Vec<Result<TextEmbedding, TowerError>> {
        self.ask(texts, options).collect()
    }

    fn preferred_batch_size(&self) -> Option<usize> {
        Some(preferred_batch_size(&self.0, false, 400))
    }

    fn interrupt(&self) {
        self.0.cancel();
    }
}
