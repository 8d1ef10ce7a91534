//! Which labels fit an item.
//!
//! For a picture each label is put into the model's prompt ("a photo of a dog"), for a text it stands alone. The score
//! is the plain cosine, the share a softmax over the set at the model's own scale. Nothing is centred here: labels are
//! compared with one another for one item, so the modality gap is the same for all of them, and subtracting the
//! mean of a collection that consists of animals would take *animal* away from every item of it.

use vicinity_core::{Embedding, EmbeddingError, LabelScore, LabelSet, Modality};
use vicinity_models::{ModelInfo, TextOptions, TextTower, TowerError};

/// Labels embedded at once.
const BATCH: usize = 32;

/// An embedded label set.
pub struct LabelVectors {
    set: Vec<String>,
    vectors: [Vec<Embedding>; 2],
    scale: f32,
}

impl LabelVectors {
    /// Embeds every label, once as a prompt and once alone.
    ///
    /// # Errors
    /// When the model fails.
    pub fn new(set: &LabelSet, tower: &dyn TextTower, info: &ModelInfo) -> Result<Self, TowerError> {
        let prompts: Vec<String> = set.labels.iter().map(|label| info.label_prompt.replace("{}", label)).collect();
        let vectors = [embed(tower, &prompts)?, embed(tower, &set.labels)?];
        Ok(Self { set: set.labels.clone(), vectors, scale: info.label_scale })
    }

    /// Of the first `dim` dimensions only.
    ///
    /// # Errors
    /// When there are not as many.
    pub fn truncated(mut self, dim: usize) -> Result<Self, EmbeddingError> {
        for vector in self.vectors.iter_mut().flatten() {
            *vector = vector.truncated(dim)?;
        }
        Ok(self)
    }

    /// Whether these are the vectors of that set, of so many dimensions.
    pub fn matches(&self, set: &LabelSet, dim: usize) -> bool {
        self.set == set.labels && self.vectors.iter().flatten().all(|vector| vector.dim() == dim)
    }

    /// Every label once, best first. `item` has unit length and as many dimensions.
    pub fn score(&self, item: &[f32], modality: Modality) -> Vec<LabelScore> {
        let cosine = |label: &Embedding| label.as_slice().iter().zip(item).map(|(a, b)| a * b).sum::<f32>();
        let cosines: Vec<f32> = self.vectors[modality.index()].iter().map(cosine).collect();
        let best = cosines.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let powers: Vec<f32> = cosines.iter().map(|c| ((c - best) * self.scale).exp()).collect();
        let sum: f32 = powers.iter().sum();
        let pairs = cosines.iter().zip(&powers).enumerate();
        let mut scores: Vec<LabelScore> =
            pairs.map(|(label, (score, power))| LabelScore { label, score: *score, share: power / sum }).collect();
        scores.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.label.cmp(&b.label)));
        scores
    }
}

fn embed(tower: &dyn TextTower, texts: &[String]) -> Result<Vec<Embedding>, TowerError> {
    let mut vectors = Vec::with_capacity(texts.len());
    for batch in texts.chunks(BATCH) {
        let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
        vectors.extend(tower.embed(&batch, TextOptions::QUERY)?.into_iter().map(|text| text.embedding));
    }
    Ok(vectors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> LabelVectors {
        let unit = |x: f32, y: f32| Embedding::new(vec![x, y]).expect("not zero");
        let images = vec![unit(1.0, 0.0), unit(0.0, 1.0)];
        let texts = vec![unit(0.0, 1.0), unit(1.0, 0.0)];
        LabelVectors { set: vec!["east".to_owned(), "north".to_owned()], vectors: [images, texts], scale: 10.0 }
    }

    #[test]
    fn best_first_and_shares_sum_to_one() {
        let scores = vectors().score(&[0.6, 0.8], Modality::Image);
        assert_eq!(scores.iter().map(|s| s.label).collect::<Vec<_>>(), [1, 0]);
        assert!((scores[0].score - 0.8).abs() < 1e-6);
        assert!((scores[0].share - 1.0 / (1.0 + (-2.0f32).exp())).abs() < 1e-5);
        assert!((scores.iter().map(|s| s.share).sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_text_is_compared_with_the_bare_labels() {
        assert_eq!(vectors().score(&[0.6, 0.8], Modality::Text)[0].label, 0);
    }
}
