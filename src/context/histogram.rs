//! How the scores of a search are spread, in few enough bars to be drawn.

use vicinity_core::{Modality, SearchResult};

use super::Snapshot;

/// Bars drawn.
pub const BARS: usize = 56;

/// Counts of scores between the lowest and the highest.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// The lowest score.
    pub low: f32,
    /// The highest score.
    pub high: f32,
    /// From here on a hit stands out.
    pub threshold: f32,
    /// Items a bar, from low to high.
    pub counts: [u32; BARS],
}

impl Histogram {
    /// `None` where nothing has been scored.
    pub fn new(result: &SearchResult) -> Option<Self> {
        let finite = || result.scores.iter().copied().filter(|s| s.is_finite());
        let (low, high) = finite().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), s| (l.min(s), h.max(s)));
        if low > high {
            return None;
        }
        let mut counts = [0; BARS];
        let scale = BARS as f32 / (high - low).max(1e-6);
        for score in finite() {
            counts[(((score - low) * scale) as usize).min(BARS - 1)] += 1;
        }
        Some(Self { low, high, threshold: result.threshold, counts })
    }

    /// The score in the middle of a bar.
    pub fn middle(&self, bar: usize) -> f32 {
        self.low + (bar as f32 + 0.5) * self.bar_width()
    }

    /// How far a bar reaches.
    pub fn bar_width(&self) -> f32 {
        (self.high - self.low).max(1e-6) / BARS as f32
    }
}

/// How many items stand out: in all, pictures, texts.
pub fn matches(result: &SearchResult, snapshot: &Snapshot) -> [usize; 3] {
    let mut counts = [0; 3];
    if result.epoch == snapshot.epoch() && result.above_threshold > 0 {
        for (item, score) in snapshot.items().zip(result.scores.iter()) {
            if *score >= result.threshold {
                counts[1 + item.modality.index()] += 1;
            }
        }
    }
    counts[0] = result.above_threshold;
    if counts[1] + counts[2] != counts[0] {
        // Ties at the threshold, or a snapshot that has moved on: count among the hits listed.
        let listed = result.hits.iter().take(result.above_threshold);
        counts[1] = listed.clone().filter(|h| h.modality == Modality::Image).count();
        counts[2] = listed.count() - counts[1];
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_every_score_once_and_leaves_out_what_was_not_scored() {
        let scores = [0.0, 0.5, f32::NAN, 1.0, 1.0];
        let result = SearchResult { scores: scores.into(), threshold: 0.9, ..Default::default() };
        let histogram = Histogram::new(&result).expect("four scores");
        assert_eq!((histogram.low, histogram.high), (0.0, 1.0));
        assert_eq!(histogram.counts.iter().sum::<u32>(), 4);
        assert_eq!((histogram.counts[0], histogram.counts[BARS / 2], histogram.counts[BARS - 1]), (1, 1, 2));
    }

    #[test]
    fn is_absent_without_scores() {
        assert_eq!(Histogram::new(&SearchResult::default()), None);
    }
}
