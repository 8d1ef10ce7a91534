//! What stands out among the points: hits, the selection, the place of the query.

use std::collections::HashSet;
use std::sync::Arc;

use egui::Color32;

use crate::context::Snapshot;
use crate::context::state::Selection;
use crate::ui::theme::Theme;
use vicinity_core::{ItemId, MapPos, SearchResult};

use super::colours::Same;
use super::outline::{self, Segment};
use super::scene::Scene;

/// Selected items that get a ring. Where more are selected, the others step back.
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
    /// Around the selected points that lie too densely for rings.
    pub outline: Vec<Segment>,
}

/// What the marks are made for.
pub struct Shown<'a> {
    /// The layout shown.
    pub scene: &'a Arc<Scene>,
    /// The snapshot whose rows are those of the layout.
    pub snapshot: &'a Arc<Snapshot>,
    /// What is selected.
    pub selection: &'a Selection,
    /// What was found.
    pub result: Option<&'a Arc<SearchResult>>,
    /// The scale of the view, screen points a map unit.
    pub points_per_unit: f64,
    /// Whether the theme is dark.
    pub dark: bool,
}

/// Everything that the marks depend on.
#[derive(Debug, Clone, PartialEq)]
pub struct MarkKey {
    scene: Same<Scene>,
    snapshot: Same<Snapshot>,
    selection: Same<Vec<ItemId>>,
    stamp: u64,
    zoom: i32,
    result: Option<Same<SearchResult>>,
    dark: bool,
}

impl MarkKey {
    /// For what is shown now.
    pub fn new(shown: &Shown<'_>) -> Self {
        Self {
            scene: Same(Arc::clone(shown.scene)),
            snapshot: Same(Arc::clone(shown.snapshot)),
            selection: Same(Arc::new(shown.selection.items.clone())),
            stamp: shown.selection.stamp(),
            zoom: zoom(shown),
            result: result(shown).map(|r| Same(Arc::clone(r))),
            dark: shown.dark,
        }
    }

    /// Whether this says the same as a key made from these would, without making one.
    pub fn holds(&self, shown: &Shown<'_>) -> bool {
        Arc::ptr_eq(&self.scene.0, shown.scene)
            && Arc::ptr_eq(&self.snapshot.0, shown.snapshot)
            && self.dark == shown.dark
            && self.stamp == shown.selection.stamp()
            && self.zoom == zoom(shown)
            && match (&self.result, result(shown)) {
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
        let (alone, outline) = self.selected(positions);
        all.extend(alone.iter().map(|row| mark(*row, theme.accent, 1.0, 1.35, 3.6, Shape::Ring)));
        Marks { all, below, hits, star, outline }
    }

    /// The selected rows that get a ring each, and the outline around the others.
    fn selected(&self, positions: &[MapPos]) -> (Vec<usize>, Vec<Segment>) {
        let rows = self.selection.0.iter().filter_map(|id| self.snapshot.0.row_of(*id));
        let rows: Vec<usize> = rows.filter(|row| *row < positions.len()).collect();
        let places: Vec<MapPos> = rows.iter().map(|row| positions[*row]).collect();
        let points_per_unit = (self.zoom as f32 / ZOOM_STEPS).exp2();
        let dense = outline::dense(&places, points_per_unit);
        let alone = rows.iter().zip(&dense).filter(|(_, dense)| !**dense).map(|(row, _)| *row);
        let crowded: Vec<MapPos> = places.iter().zip(&dense).filter(|(_, d)| **d).map(|(place, _)| *place).collect();
        (alone.take(MOST_RINGS).collect(), outline::around(&crowded, points_per_unit))
    }

    /// The rows of all hits that match: those listed first, best first, then those that the list has no room for.
    fn hit_rows(&self, result: &SearchResult, positions: usize) -> Vec<usize> {
        let listed = result.matching();
        let mut rows: Vec<usize> = listed.iter().filter_map(|h| self.snapshot.0.row_of(h.item)).collect();
        if listed.len() == result.hits.len() && listed.len() < result.standing_out {
            let known: HashSet<usize> = rows.iter().copied().collect();
            let matching = result.scores.iter().enumerate().filter(|(_, score)| **score >= result.threshold);
            rows.extend(matching.map(|(row, _)| row).filter(|row| !known.contains(row)));
        }
        rows.retain(|row| *row < positions);
        rows
    }
}

/// Steps of the scale at which the outline is drawn anew, to a doubling.
const ZOOM_STEPS: f32 = 2.0;

/// The scale in steps; always the same where nothing depends on it.
fn zoom(shown: &Shown<'_>) -> i32 {
    if shown.selection.items.len() < 2 {
        return 0;
    }
    (shown.points_per_unit.max(1e-6).log2() * f64::from(ZOOM_STEPS)).round() as i32
}

fn result<'a>(shown: &Shown<'a>) -> Option<&'a Arc<SearchResult>> {
    shown.result.filter(|r| r.epoch == shown.snapshot.epoch())
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
