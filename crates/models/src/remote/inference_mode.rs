//! Where a batch is embedded: on this machine, by the service, or wherever is better (`inference_mode`).

use std::fmt;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::{Model, TextOptions, TowerError};
use vicinity_core::{Embedding, EmbeddingError, Picture};

/// Local vectors and the service's agree from this cosine on. Texts differ by rounding alone; pictures also by the
/// JPEG that is sent.
const AGREE: [f32; 2] = [0.999, 0.98];
/// A batch that this machine finishes within this time stays here.
pub const FAST_ENOUGH: Duration = Duration::from_secs(10);
/// The texts of the agreement check.
const TEXTS: [&str; 2] = ["A lighthouse stands on the cliff.", "How do I bake bread without yeast?"];

/// As in Nomic's SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InferenceMode {
    /// On this machine; nothing leaves it.
    #[default]
    Local,
    /// By the service.
    Remote,
    /// On this machine where that is fast enough, else by the service.
    Dynamic,
}

/// Where something is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EmbedPlace {
    /// On this machine.
    Local,
    /// By the service.
    Remote,
}

/// What the choice depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EmbedSituation {
    /// Time that the local model would take for the batch; `None` where there is no such model.
    pub local: Option<Duration>,
    /// Whether the service is switched on and has its key.
    pub service: bool,
    /// Who made the vectors that the new ones will stand beside, if any.
    pub beside: Option<EmbedPlace>,
    /// Whether the agreement check has passed.
    pub agreed: bool,
}

impl EmbedSituation {
    fn has(&self, place: EmbedPlace) -> bool {
        match place {
            EmbedPlace::Local => self.local.is_some(),
            EmbedPlace::Remote => self.service,
        }
    }
}

/// Why nothing can be embedded in a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ModeError {
    /// The mode needs the local model.
    #[error("the model is not installed")]
    NoModel,
    /// The mode needs the service.
    #[error("the service is not switched on, or has no key")]
    NoService,
    /// The library has vectors of the other one.
    #[error("the existing vectors come from another model and are not comparable; embed everything again")]
    NotComparable,
}

/// Decides where to embed. Vectors of one place are never stored beside those of the other, unless the two agree.
///
/// # Errors
/// When what the mode needs is missing, or its vectors are not comparable with the existing ones.
pub fn choose(mode: InferenceMode, situation: &EmbedSituation) -> Result<EmbedPlace, ModeError> {
    let wanted = match mode {
        InferenceMode::Local => EmbedPlace::Local,
        InferenceMode::Remote => EmbedPlace::Remote,
        InferenceMode::Dynamic => match (situation.beside, situation.local) {
            (Some(place), _) if !situation.agreed => place,
            (_, Some(time)) if time <= FAST_ENOUGH || !situation.service => EmbedPlace::Local,
            _ => EmbedPlace::Remote,
        },
    };
    if !situation.has(wanted) {
        return Err(match wanted {
            EmbedPlace::Local => ModeError::NoModel,
            EmbedPlace::Remote => ModeError::NoService,
        });
    }
    match situation.beside {
        Some(place) if place != wanted && !situation.agreed => Err(ModeError::NotComparable),
        _ => Ok(wanted),
    }
}

/// What the agreement check found.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// Cosine of local and remote vector: of two texts, and of a picture (`None` where the service takes none).
    pub texts: [f32; 2],
    /// See `texts`.
    pub picture: Option<f32>,
    /// Time of the local model for a text.
    pub local_text: Duration,
}

impl Agreement {
    /// Whether the two make one space.
    pub fn passed(&self) -> bool {
        // NaN fails, too.
        self.texts.iter().all(|cosine| *cosine >= AGREE[0]) && self.picture.is_none_or(|cosine| cosine >= AGREE[1])
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.texts;
        let verdict = if self.passed() { "agree" } else { "DIFFER" };
        write!(f, "local and remote vectors {verdict}: cosine {first:.5}, {second:.5} for texts")?;
        self.picture.map_or(Ok(()), |cosine| write!(f, ", {cosine:.5} for an image"))
    }
}

/// Embeds two texts and a picture at both places and compares. `pictures`: both take pictures.
///
/// # Errors
/// When one of them fails, or their vectors differ in dimension.
pub fn agreement(local: &Model, remote: &Model, pictures: bool) -> Result<Agreement, TowerError> {
    let start = Instant::now();
    let ours = local.text.embed(&TEXTS, TextOptions::default())?;
    let local_text = start.elapsed() / TEXTS.len() as u32;
    let theirs = remote.text.embed(&TEXTS, TextOptions::default())?;
    let cosine = |at: usize| cosine(ours.get(at).map(|t| &t.embedding), theirs.get(at).map(|t| &t.embedding));
    let texts = [cosine(0), cosine(1)];
    let picture = if pictures { Some(compare_pictures(local, remote)?) } else { None };
    Ok(Agreement { texts, picture, local_text })
}

fn compare_pictures(local: &Model, remote: &Model) -> Result<f32, TowerError> {
    let Some(picture) = picture() else { return Ok(f32::NAN) };
    let ours = local.image.embed(&[local.image.prepare(&picture)])?;
    let theirs = remote.image.embed(&[remote.image.prepare(&picture)])?;
    Ok(cosine(ours.first(), theirs.first()))
}

/// Of the dimensions that both have. NaN where there is nothing to compare, which fails the check.
fn cosine(ours: Option<&Embedding>, theirs: Option<&Embedding>) -> f32 {
    let dim = |of: Option<&Embedding>| of.map_or(0, Embedding::dim);
    let common = dim(ours).min(dim(theirs));
    let short = |of: Option<&Embedding>| of.and_then(|embedding| shorten(embedding, common).ok());
    match (short(ours), short(theirs)) {
        (Some(ours), Some(theirs)) => ours.cosine(&theirs),
        _ => f32::NAN,
    }
}

/// The first `dim` dimensions, made a unit vector again (for models trained so: Matryoshka).
///
/// # Errors
/// When nothing is left.
pub fn shorten(embedding: &Embedding, dim: usize) -> Result<Embedding, EmbeddingError> {
    Embedding::new(embedding.as_slice().get(..dim).unwrap_or(embedding.as_slice()))
}

/// Soft shapes in colour, which a JPEG keeps well.
fn picture() -> Option<Picture> {
    const SIDE: u32 = 224;
    let wave = |x: u32, y: u32, of: f32| (127.0 + 120.0 * ((x as f32 * of).sin() * (y as f32 * 0.021).cos())) as u8;
    let pixel =
        |i: u32| [wave(i % SIDE, i / SIDE, 0.02), wave(i % SIDE, i / SIDE, 0.033), wave(i / SIDE, i % SIDE, 0.027)];
    Picture::new(SIDE, SIDE, (0..SIDE * SIDE).flat_map(pixel).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Option<Duration> = Some(Duration::from_secs(1));
    const SLOW: Option<Duration> = Some(Duration::from_secs(60));

    fn choice(mode: InferenceMode, local: Option<Duration>, service: bool) -> Option<EmbedPlace> {
        choose(mode, &EmbedSituation { local, service, ..EmbedSituation::default() }).ok()
    }

    #[test]
    fn each_mode_takes_what_it_may() {
        use InferenceMode::{Dynamic, Local, Remote};
        assert_eq!(choice(Local, FAST, true), Some(EmbedPlace::Local));
        assert_eq!(choice(Local, None, true), None, "never leaves the machine by itself");
        assert_eq!(choice(Remote, FAST, true), Some(EmbedPlace::Remote));
        assert_eq!(choice(Remote, FAST, false), None);
        assert_eq!(choice(Dynamic, FAST, true), Some(EmbedPlace::Local));
        assert_eq!(choice(Dynamic, SLOW, true), Some(EmbedPlace::Remote));
        assert_eq!(choice(Dynamic, SLOW, false), Some(EmbedPlace::Local));
        assert_eq!(choice(Dynamic, None, true), Some(EmbedPlace::Remote));
        assert_eq!(choice(Dynamic, None, false), None);
    }

    #[test]
    fn spaces_are_mixed_only_where_they_agree() {
        for mode in [InferenceMode::Local, InferenceMode::Remote, InferenceMode::Dynamic] {
            for beside in [EmbedPlace::Local, EmbedPlace::Remote] {
                for local in [None, FAST, SLOW] {
                    for service in [false, true] {
                        let apart = EmbedSituation { local, service, beside: Some(beside), agreed: false };
                        assert!(
                            choose(mode, &apart).is_err() || choose(mode, &apart) == Ok(beside),
                            "{mode:?} {apart:?}"
                        );
                    }
                }
            }
        }
        let agreed = EmbedSituation { local: SLOW, service: true, beside: Some(EmbedPlace::Local), agreed: true };
        assert_eq!(choose(InferenceMode::Dynamic, &agreed), Ok(EmbedPlace::Remote));
    }
}
