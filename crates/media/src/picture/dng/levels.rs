//! From stored samples to light: black is 0 and white is 1 (DNG 1.4, chapter 5).

use super::tags::RawTags;

/// The levels of a raw photo.
pub struct Levels<'a> {
    tags: &'a RawTags,
    /// Of each channel: what a level is multiplied by.
    scale: Vec<f32>,
}

impl<'a> Levels<'a> {
    /// Those that a file gives, or the usual ones.
    pub fn new(tags: &'a RawTags) -> Self {
        let most = f64::from((1_u32 << tags.bits) - 1);
        let of = |levels: &[f64], channel: usize| levels.get(channel).or(levels.first()).copied();
        // Of a pattern the largest level counts, as in the specification.
        let black = |channel: usize| {
            let channels = tags.black.iter().skip(channel).step_by(tags.channels.max(1));
            channels.copied().fold(0.0, f64::max)
        };
        let scale = |channel: usize| {
            let white = of(&tags.white, channel).filter(|white| *white > 0.0).unwrap_or(most);
            (1.0 / (white - black(channel)).max(1.0)) as f32
        };
        Self { tags, scale: (0..tags.channels).map(scale).collect() }
    }

    /// The light of a sample at a place of the active area.
    pub fn light(&self, sample: u16, [x, y]: [usize; 2], channel: usize) -> f32 {
        let table = &self.tags.linearisation;
        let at = usize::from(sample).min(table.len().saturating_sub(1));
        let level = table.get(at).map_or(f32::from(sample), |level| *level as f32);
        let [rows, columns] = self.tags.black_size;
        let place = ((y % rows) * columns + x % columns) * self.tags.channels + channel;
        let black = self.tags.black.get(place).or(self.tags.black.first()).copied().unwrap_or(0.0) as f32;
        ((level - black) * self.scale.get(channel).copied().unwrap_or(1.0)).clamp(0.0, 1.0)
    }
}
