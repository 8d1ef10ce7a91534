//! The vectors that artefacts are computed from.

use crate::Snapshot;
use crate::dot::dots;
use crate::index::Centring;
use vicinity_core::Scoring;
use vicinity_layout::VectorSource;

/// A snapshot's vectors, centred by modality and of unit length, as they are read; zeros where a row has none.
pub struct Centred<'a> {
    /// Whose vectors these are.
    pub snapshot: &'a Snapshot,
    centring: Centring,
}

impl<'a> Centred<'a> {
    /// The vectors of a snapshot.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, centring: Centring::new(snapshot, Scoring::Centred) }
    }
}

impl VectorSource for Centred<'_> {
    fn count(&self) -> usize {
        self.snapshot.len()
    }

    fn dim(&self) -> usize {
        self.snapshot.dim()
    }

    fn read(&self, row: usize, out: &mut [f32]) {
        let (Some(item), Some(vector)) = (self.snapshot.item(row), self.snapshot.vector(row)) else {
            return out.fill(0.0);
        };
        let mean = self.centring.mean(item.modality);
        let whole = if self.snapshot.is_truncated() { dots([vector], vector)[0].sqrt().max(1e-6) } else { 1.0 };
        out.iter_mut().zip(vector.iter().zip(mean)).for_each(|(o, (v, m))| *o = v / whole - m);
        let length = dots([&*out], out)[0].sqrt();
        if length > 1e-6 {
            out.iter_mut().for_each(|x| *x /= length);
        }
    }
}
