//! What stands out among the points: hits, the selection, the place of the query.

use std::sync::Arc;

use egui::Color32;

use crate::context::Snapshot;
use crate::ui::theme::Theme;
use vicinity_core::{ItemId, MapPos, SearchResult};

use super::colours::Same;
use super::scene::Scene;

/// Selected items that get a ring. Where more are selected, rings would cover everything: the others step back instead.
pub const MOST_RINGS: usize = 300;
/// Hits that glow; beyond, they are drawn without.
const MOST_GLOWS: usize = 400;

/// How a mark is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Shape {
    /// A disc with a soft edge.
    Disc = 0,
    /// A ring.
    Ring = 1,
    /// A cloud that fades outwards.
    Glow = 2,
}

/// One instance of the second, small buffer.
#[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Mark {
    /// Where it lies, in map units.
    pub to: [f32; 2],
    /// Where it came from, while the map glides.
    pub from: [f32; 2],
    /// Red, green, blue, opacity.
    pub rgba: [u8; 4],
    /// Radius in radii of a point.
    pub times: f32,
    /// To be added to the radius, screen points.
    pub plus: f32,
    /// A [`Shape`].
    pub shape: u32,
}

/// The marks below the points, and above.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Marks {
    /// Glows first, then discs and rings.
    pub all: Vec<Mark>,
    /// How many lie below the points.
    pub below: usize,
    /// Rows of the hits that stand out, best first.
    pub hits: Vec<usize>,
    /// Row of the hit in whose midst the query's star stands.
    pub star: Option<usize>,
}

/// Everything that the marks depend on.
#[derive(Debug, Clone, PartialEq)]
pub struct MarkKey {
    scene: Same<Scene>,
    snapshot: Same<Snapshot>,
    selection: Vec<ItemId>,
    result: Option<Same<SearchResult>>,
    dark: bool,
}

impl MarkKey {
    /// For what is shown now.
    pub fn new(
        scene: &Arc<Scene>,
        snapshot: &Arc<Snapshot>,
        selection: &[ItemId],
        result: Option<&Arc<SearchResult>>,
        dark: bool,
    ) -> Self {
        let result = result.filter(|r| r.epoch == snapshot.epoch()).map(|r| Same(Arc::clone(r)));
        let selection = ringed(selection).to_vec();
        Self { scene: Same(Arc::clone(scene)), snapshot: Same(Arc::clone(snapshot)), selection, result, dark }
    }

    /// Whether this says the same as a key made from these would, without making one.
    pub fn holds(
        &self,
        scene: &Arc<Scene>,
        snapshot: &Arc<Snapshot>,
        selection: &[ItemId],
        result: Option<&Arc<SearchResult>>,
        dark: bool,
    ) -> bool {
        Arc::ptr_eq(&self.scene.0, scene)
            && Arc::ptr_eq(&self.snapshot.0, snapshot)
            && self.dark == dark
            && self.selection == ringed(selection)
            && match (&self.result, result.filter(|r| r.epoch == snapshot.epoch())) {
                (None, None) => true,
                (Some(a), Some(b)) => Arc::ptr_eq(&a.0, b),
                _ => false,
            }
    }

    /// Works the marks out.
    pub fn marks(&self, theme: &Theme) -> Marks {
        let scene = &self.scene.0;
        let positions = &scene.layout.positions;
        let hits: Vec<usize> = self.result.iter().flat_map(|r| self.hit_rows(&r.0, positions.len())).collect();
        let mark = |row: usize, colour: Color32, opacity: f32, times: f32, plus: f32, shape: Shape| {
            let to = positions[row];
            let from = scene.from.as_ref().and_then(|f| f.get(row)).copied().unwrap_or(to);
            let rgba = [colour.r(), colour.g(), colour.b(), (opacity * 255.0) as u8];
            Mark { to: [to.x, to.y], from: [from.x, from.y], rgba, times, plus, shape: shape as u32 }
        };
        let mut all = Vec::new();
        let glow = if self.dark { 0.34 } else { 0.2 };
        let star = medoid(positions, &hits[..hits.len().min(12)]);
        if let Some(row) = star {
            all.push(mark(row, theme.hit, glow * 0.5, 0.0, 170.0, Shape::Glow));
        }
        for row in hits.iter().take(MOST_GLOWS) {
            all.push(mark(*row, theme.hit, glow, 2.6, 4.0, Shape::Glow));
        }
        let below = all.len();
        // The best hits lie on top.
        for row in hits.iter().rev() {
            all.push(mark(*row, theme.hit, 1.0, 1.35, 0.6, Shape::Disc));
        }
        for id in &self.selection {
            if let Some(row) = self.snapshot.0.row_of(*id).filter(|row| *row < positions.len()) {
                all.push(mark(row, theme.accent, 1.0, 1.35, 3.6, Shape::Ring));
            }
        }
        Marks { all, below, hits, star }
    }

    fn hit_rows(&self, result: &SearchResult, positions: usize) -> Vec<usize> {
        // Where nothing stands out from the bulk, the upper twentieth of what is listed has to do.
        let few = (result.hits.len() / 20).clamp(1, 50);
        let shown = if result.standing_out > 0 { result.standing_out } else { few };
        let rows = result.hits.iter().take(shown).filter_map(|h| self.snapshot.0.row_of(h.item));
        rows.filter(|row| *row < positions).collect()
    }
}

fn ringed(selection: &[ItemId]) -> &[ItemId] {
    if selection.len() > MOST_RINGS { &[] } else { selection }
}

/// The one that lies nearest to all the others.
fn medoid(positions: &[MapPos], rows: &[usize]) -> Option<usize> {
    let distance = |a: MapPos, b: MapPos| (a.x - b.x).hypot(a.y - b.y);
    let sum = |row: usize| rows.iter().map(|other| distance(positions[row], positions[*other])).sum::<f32>();
    rows.iter().copied().min_by(|a, b| sum(*a).total_cmp(&sum(*b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_star_stands_in_the_densest_midst_and_not_between_the_groups() {
        let positions: Vec<MapPos> = [0.0, 0.1, 0.05, 5.0, 0.02].into_iter().map(|x| MapPos { x, y: -x }).collect();
        assert_eq!(medoid(&positions, &[0, 1, 2, 3, 4]), Some(2));
        assert_eq!(medoid(&positions, &[]), None);
    }
}
