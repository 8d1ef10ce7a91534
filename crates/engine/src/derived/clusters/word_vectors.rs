//! The vectors of the vocabulary for one model, kept in the library.

use std::sync::atomic::{AtomicBool, Ordering};

use super::super::file::{ArtefactFile, InputsHash};
use super::vector::{difference, mean, unit};
use super::vocabulary::VOCABULARY;
use crate::Snapshot;
use crate::model_loader::LazyModel;
use vicinity_core::Modality;
use vicinity_models::{ModelKey, TextOptions};

const FILE: ArtefactFile = ArtefactFile { name: "words", magic: *b"VICWRD\0\x01" };

/// Words that are embedded at once: a search waits for no more.
const BATCH: usize = 8;

/// Vectors of the first words, made before the work was cancelled.
pub struct BegunWords {
    model: ModelKey,
    vectors: Vec<f32>,
}

/// The vectors of all words of the vocabulary.
pub struct WordVectors {
    model: ModelKey,
    dim: usize,
    /// Unit vectors of `dim` numbers.
    vectors: Vec<f32>,
}

impl WordVectors {
    /// Reads or makes the vectors for the model of a snapshot, from those in `begun` on, where they stay when it is cancelled.
    ///
    /// # Errors
    /// A sentence, when the model fails or the work is cancelled.
    pub fn get(
        snapshot: &Snapshot,
        model: &LazyModel,
        begun: &mut Option<BegunWords>,
        cancelled: &AtomicBool,
    ) -> Result<Self, String> {
        let parts = snapshot.parts();
        let whole = match stored(snapshot) {
            Some(vectors) => vectors,
            None => {
                if begun.as_ref().is_some_and(|begun| begun.model != parts.model) {
                    *begun = None;
                }
                let begun = begun.get_or_insert_with(|| BegunWords { model: parts.model.clone(), vectors: Vec::new() });
                embed(model, &mut begun.vectors, parts.model.dim, cancelled)?;
                let vectors = std::mem::take(&mut begun.vectors);
                if parts.read_only.is_none() {
                    let bytes: Vec<u8> = vectors.iter().flat_map(|value| value.to_le_bytes()).collect();
                    if let Err(why) = FILE.write(&parts.library, &inputs(&parts.model), &bytes) {
                        log::warn!("the vectors of the vocabulary are not kept: {why}");
                    }
                }
                vectors
            }
        };
        Ok(Self {
            model: parts.model.clone(),
            dim: snapshot.dim(),
            vectors: cut(&whole, parts.model.dim, snapshot.dim()),
        })
    }

    /// Whether they are of the same model and dimensions as the vectors of a snapshot.
    pub fn fit(&self, snapshot: &Snapshot) -> bool {
        self.dim == snapshot.dim() && self.model == snapshot.parts().model
    }

    /// The words that may name items of a modality with their vectors, less the mean of these and of unit length.
    pub fn centred(&self, modality: Modality) -> Vec<(usize, Vec<f32>)> {
        let allowed: Vec<usize> =
            (0..VOCABULARY.words.len()).filter(|word| VOCABULARY.names(*word, modality)).collect();
        let of = |word: usize| &self.vectors[word * self.dim..][..self.dim];
        let mean = mean(allowed.iter().map(|word| of(*word)), self.dim);
        allowed.into_iter().map(|word| (word, difference(of(word), &mean))).collect()
    }
}

fn stored(snapshot: &Snapshot) -> Option<Vec<f32>> {
    let parts = snapshot.parts();
    let bytes = FILE.read(&parts.library, &inputs(&parts.model))?;
    let (values, rest) = bytes.as_chunks::<4>();
    (rest.is_empty() && values.len() == parts.model.dim * VOCABULARY.words.len())
        .then(|| values.iter().map(|value| f32::from_le_bytes(*value)).collect())
}

fn embed(model: &LazyModel, vectors: &mut Vec<f32>, dim: usize, cancelled: &AtomicBool) -> Result<(), String> {
    let done = vectors.len() / dim.max(1);
    for words in VOCABULARY.words[done.min(VOCABULARY.words.len())..].chunks(BATCH) {
        if cancelled.load(Ordering::Relaxed) {
            return Err("cancelled".to_owned());
        }
        let model = model.wait().map_err(String::from)?;
        for text in model.text.embed(words, TextOptions::QUERY).map_err(|error| error.to_string())? {
            vectors.extend(text.embedding.as_slice());
        }
    }
    if vectors.len() == dim * VOCABULARY.words.len() {
        return Ok(());
    }
    vectors.clear();
    Err("vectors are missing".to_owned())
}

/// The beginning of each vector, of unit length.
fn cut(vectors: &[f32], from: usize, to: usize) -> Vec<f32> {
    if from == to {
        vectors.to_vec()
    } else {
        vectors.chunks(from).flat_map(|vector| unit(vector[..to].to_vec())).collect()
    }
}

fn inputs(model: &ModelKey) -> InputsHash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(format!("{model:?}").as_bytes());
    VOCABULARY.words.iter().for_each(|word| {
        hasher.update(word.as_bytes()).update(b"\n");
    });
    *hasher.finalize().as_bytes()
}
