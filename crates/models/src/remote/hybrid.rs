//! `inference_mode` dynamic: one space, two places. Each batch is embedded on this machine where that is fast enough,
//! else by the service; where the service is out of reach, always here.
//!
//! Only for two models whose vectors were found to agree ([`agreement`]): the new vectors stand beside the old ones.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::inference_mode::{Agreement, EmbedPlace, EmbedSituation, InferenceMode, agreement, choose};
use super::service::Remote;
use crate::{ImageTower, Model, Pixels, RemoteError, TextEmbedding, TextOptions, TextTower, TowerError};
use vicinity_core::{Embedding, Picture};

/// Compares the two on three items and joins them. Where they differ the local model stays alone.
///
/// # Errors
/// When one of the two fails, or their vectors have different lengths.
pub fn join(local: Model, service: &Remote, pictures: bool) -> Result<(Model, Agreement), TowerError> {
    let (ours, theirs) = (local.info.key.dim, service.info().key.dim);
    if ours != theirs {
        let text = format!("the local model has {ours} dimensions and the service {theirs}: they cannot be mixed");
        return Err(RemoteError::Setup(text).into());
    }
    let remote = service.model();
    let found = agreement(&local, &remote, pictures)?;
    if !found.passed() {
        return Ok((local, found));
    }
    let info = local.info.clone();
    let pace = [Pace::default(), Pace(Mutex::new(Some(found.local_text)))];
    let pair = Arc::new(Pair { local, remote, pace });
    let model = Model { info, image: Box::new(Pictures(Arc::clone(&pair))), text: Box::new(Texts(pair)) };
    Ok((model, found))
}

/// Time of an item on this machine; `None` until the first batch.
#[derive(Default)]
struct Pace(Mutex<Option<Duration>>);

impl Pace {
    fn batch(&self, items: usize) -> Duration {
        let each = self.0.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or_default();
        each.saturating_mul(items.try_into().unwrap_or(u32::MAX))
    }

    fn learn(&self, items: usize, took: Duration) {
        let each = took / items.clamp(1, u32::MAX as usize) as u32;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(each);
    }
}

struct Pair {
    local: Model,
    remote: Model,
    /// Of pictures, and of texts.
    pace: [Pace; 2],
}

impl Pair {
    /// Embeds a batch at the better place; here too where the service ends the call for reasons of its own.
    fn embed<T>(
        &self,
        texts: bool,
        items: usize,
        here: impl FnOnce(&Model) -> Vec<Result<T, TowerError>>,
        there: impl FnOnce(&Model) -> Vec<Result<T, TowerError>>,
    ) -> Vec<Result<T, TowerError>> {
        let pace = &self.pace[usize::from(texts)];
        let local = Some(pace.batch(items));
        let situation = EmbedSituation { local, service: true, beside: Some(EmbedPlace::Local), agreed: true };
        if choose(InferenceMode::Dynamic, &situation) == Ok(EmbedPlace::Remote) {
            let results = there(&self.remote);
            let ended = |error: &TowerError| error.ends_run() && !is_cancelled(error);
            match results.iter().find_map(|result| result.as_ref().err().filter(|error| ended(error))) {
                None => return results,
                Some(error) => log::warn!("{error}; embedding on this computer"),
            }
        }
        let start = Instant::now();
        let results = here(&self.local);
        pace.learn(items, start.elapsed());
        results
    }
}

fn is_cancelled(error: &TowerError) -> bool {
    matches!(error, TowerError::Remote(RemoteError::Cancelled))
}

/// Pictures: made ready for both places, since the batch they will be in is not known yet.
struct Pictures(Arc<Pair>);

/// Both layouts one after the other; the first number tells how long the local one is (exact up to 16 million).
fn both(local: Pixels, remote: Pixels) -> Pixels {
    let length = local.0.len() as f32;
    Pixels(std::iter::once(length).chain(local.0).chain(remote.0).collect())
}

fn part(pixels: &Pixels, place: EmbedPlace) -> Pixels {
    let length = pixels.0.first().map_or(0, |length| *length as usize);
    let (start, end) = match place {
        EmbedPlace::Local => (1, 1 + length),
        EmbedPlace::Remote => (1 + length, pixels.0.len()),
    };
    Pixels(pixels.0.get(start..end).unwrap_or_default().to_vec())
}

impl ImageTower for Pictures {
    fn prepare(&self, picture: &Picture) -> Pixels {
        both(self.0.local.image.prepare(picture), self.0.remote.image.prepare(picture))
    }

    fn embed(&self, batch: &[Pixels]) -> Result<Vec<Embedding>, TowerError> {
        self.embed_each(batch).into_iter().collect()
    }

    fn embed_each(&self, batch: &[Pixels]) -> Vec<Result<Embedding, TowerError>> {
        let of = |place| batch.iter().map(|pixels| part(pixels, place)).collect::<Vec<_>>();
        self.0.embed(
            false,
            batch.len(),
            |model| model.image.embed_each(&of(EmbedPlace::Local)),
            |model| model.image.embed_each(&of(EmbedPlace::Remote)),
        )
    }

    fn preferred_batch_size(&self) -> Option<usize> {
        self.0.remote.image.preferred_batch_size()
    }

    fn interrupt(&self) {
        self.0.remote.image.interrupt();
        self.0.local.image.interrupt();
    }
}

/// Texts.
struct Texts(Arc<Pair>);

impl TextTower for Texts {
    fn embed(&self, texts: &[&str], options: TextOptions) -> Result<Vec<TextEmbedding>, TowerError> {
        self.embed_each(texts, options).into_iter().collect()
    }

    fn embed_each(&self, texts: &[&str], options: TextOptions) -> Vec<Result<TextEmbedding, TowerError>> {
        let embed = |model: &Model| model.text.embed_each(texts, options);
        self.0.embed(true, texts.len(), embed, embed)
    }

    fn preferred_batch_size(&self) -> Option<usize> {
        self.0.remote.text.preferred_batch_size()
    }

    fn interrupt(&self) {
        self.0.remote.text.interrupt();
        self.0.local.text.interrupt();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_layouts_come_apart_again() {
        let packed = both(Pixels(vec![0.5, -1.0, 2.0]), Pixels(vec![255.0, 216.0]));
        assert_eq!(part(&packed, EmbedPlace::Local).0, [0.5, -1.0, 2.0]);
        assert_eq!(part(&packed, EmbedPlace::Remote).0, [255.0, 216.0]);
    }
}
