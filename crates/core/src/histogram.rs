//! The distribution of the scores of a search, in few enough bars to be drawn.

/// Number of bars.
pub const BARS: usize = 56;

/// Numbers of scores between the lowest and the highest.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// The lowest score.
    pub low: f32,
    /// The highest score.
    pub high: f32,
    /// The lowest score of a match.
    pub threshold: f32,
    /// Items per bar, from low to high.
    pub counts: [u32; BARS],
}

impl Histogram {
    /// Of the scores that are numbers; `None` if there are none.
    pub fn new(scores: &[f32], threshold: f32) -> Option<Self> {
        let finite = || scores.iter().copied().filter(|s| s.is_finite());
        let (low, high) = finite().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), s| (l.min(s), h.max(s)));
        if low > high {
            return None;
        }
        let mut counts = [0; BARS];
        let scale = BARS as f32 / (high - low).max(1e-6);
        for score in finite() {
            counts[(((score - low) * scale) as usize).min(BARS - 1)] += 1;
        }
        Some(Self { low, high, threshold, counts })
    }

    /// Number of scores.
    pub fn len(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// Whether there is no score.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The score in the middle of a bar.
    pub fn middle(&self, bar: usize) -> f32 {
        self.low + (bar as f32 + 0.5) * self.bar_width()
    }

    /// Width of a bar.
    pub fn bar_width(&self) -> f32 {
        (self.high - self.low).max(1e-6) / BARS as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_every_score_once_and_leaves_out_what_was_not_scored() {
        let scores = [0.0, 0.5, f32::NAN, 1.0, 1.0];
        let histogram = Histogram::new(&scores, 0.9).expect("four scores");
        assert_eq!((histogram.low, histogram.high), (0.0, 1.0));
        assert_eq!(histogram.len(), 4);
        assert_eq!((histogram.counts[0], histogram.counts[BARS / 2], histogram.counts[BARS - 1]), (1, 1, 2));
    }

    #[test]
    fn is_absent_without_scores() {
        assert_eq!(Histogram::new(&[f32::NAN], 0.0), None);
    }
}
