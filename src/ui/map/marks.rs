//! Marks that highlight points: hits, the selection and the query position.

use std::collections::HashSet;
use std::sync::Arc;

use egui::Color32;

use crate::context::Selection;
use crate::context::Snapshot;
use crate::ui::theme::Theme;
use vicinity_core::{ItemId, MapPos, SearchResult};

use super::colours::ArcKey;
use super::outline::{self, LineSegment};
use super::scene::Scene;

/// Maximum number of selected items with a ring. A larger selection dims the other points instead.
pub const MAX_RINGS: usize = 300;
/// Maximum number of hits with a glow.
const MAX_GLOWS: usize = 400;

/// The shape of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum MarkShape {
    /// A disc with a soft edge.
    Disc = 0,
    /// A ring.
    Ring = 1,
    /// A glow that fades outwards.
    Glow = 2,
}

/// One instance in the mark buffer.
#[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Mark {
    /// Position in map units.
    pub to: [f32; 2],
    /// Position it animates from, in map units.
    pub from: [f32; 2],
    /// Red, green, blue, opacity.
    pub rgba: [u8; 4],
    /// Radius as a multiple of a point's radius.
    pub radius_scale: f32,
    /// Added to the radius, in screen points.
    pub radius_offset: f32,
    /// A [`Shape`].
    pub shape: u32,
}

/// The marks below and above the points.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Marks {
    /// Glows first, then discs and rings.
    pub all: Vec<Mark>,
    /// How many are below the points.
    pub below: usize,
    /// Rows of the matching hits, best first.
    pub hits: Vec<usize>,
    /// Row at which the query's star is drawn.
    pub star: Option<usize>,
    /// Outline around the selected points that are too dense for rings.
    pub outline: Vec<LineSegment>,
}

/// Inputs of the marks.
pub struct MarkInputs<'a> {
    /// The scene shown.
    pub scene: &'a Arc<Scene>,
    /// The snapshot that matches the layout's rows.
    pub snapshot: &'a Arc<Snapshot>,
    /// The selection.
    pub selection: &'a Selection,
    /// The search result, if any.
    pub result: Option<&'a Arc<SearchResult>>,
    /// Scale of the view, in screen points per map unit.
    pub points_per_unit: f64,
    /// Whether the theme is dark.
    pub dark: bool,
}

/// Everything the marks depend on.
#[derive(Debug, Clone, PartialEq)]
pub struct MarkKey {
    scene: ArcKey<Scene>,
    snapshot: ArcKey<Snapshot>,
    selection: ArcKey<Vec<ItemId>>,
    stamp: u64,
    zoom: i32,
    result: Option<ArcKey<SearchResult>>,
    dark: bool,
}

impl MarkKey {
    /// The key for these inputs.
    pub fn new(shown: &MarkInputs<'_>) -> Self {
        Self {
            scene: ArcKey(Arc::clone(shown.scene)),
            snapshot: ArcKey(Arc::clone(shown.snapshot)),
            selection: ArcKey(Arc::new(shown.selection.items.clone())),
            stamp: shown.selection.stamp(),
            zoom: zoom(shown),
            result: result(shown).map(|r| ArcKey(Arc::clone(r))),
            dark: shown.dark,
        }
    }

    /// Whether this equals the key of `shown`, without building one.
    pub fn matches(&self, shown: &MarkInputs<'_>) -> bool {
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

    /// Computes the marks.
    pub fn marks(&self, theme: &Theme) -> Marks {
        let scene = &self.scene.0;
        let positions = &scene.layout.positions;
        let hits: Vec<usize> = self.result.iter().flat_map(|r| self.hit_rows(&r.0, positions.len())).collect();
        let mark = |row: usize,
                    colour: Color32,
                    opacity: f32,
                    radius_scale: f32,
                    radius_offset: f32,
                    shape: MarkShape| {
            let to = positions[row];
            let from = scene.from.as_ref().and_then(|f| f.get(row)).copied().unwrap_or(to);
            let rgba = [colour.r(), colour.g(), colour.b(), (opacity * 255.0) as u8];
            Mark { to: [to.x, to.y], from: [from.x, from.y], rgba, radius_scale, radius_offset, shape: shape as u32 }
        };
        let mut all = Vec::new();
        let glow = if self.dark { 0.34 } else { 0.2 };
        let star = medoid(positions, &hits[..hits.len().min(12)]);
        if let Some(row) = star {
            all.push(mark(row, theme.hit, glow * 0.5, 0.0, 170.0, MarkShape::Glow));
        }
        for row in hits.iter().take(MAX_GLOWS) {
            all.push(mark(*row, theme.hit, glow, 2.6, 4.0, MarkShape::Glow));
        }
        let below = all.len();
        // The best hits are on top.
        for row in hits.iter().rev() {
            all.push(mark(*row, theme.hit, 1.0, 1.35, 0.6, MarkShape::Disc));
        }
        let (alone, outline) = self.selected(positions);
        all.extend(alone.iter().map(|row| mark(*row, theme.accent, 1.0, 1.35, 3.6, MarkShape::Ring)));
        Marks { all, below, hits, star, outline }
    }

    /// The selected rows that get a ring each, and the outline around the others.
    fn selected(&self, positions: &[MapPos]) -> (Vec<usize>, Vec<LineSegment>) {
        let rows = self.selection.0.iter().filter_map(|id| self.snapshot.0.row_of(*id));
        let rows: Vec<usize> = rows.filter(|row| *row < positions.len()).collect();
        let places: Vec<MapPos> = rows.iter().map(|row| positions[*row]).collect();
        let points_per_unit = (self.zoom as f32 / ZOOM_STEPS).exp2();
        let dense = outline::dense(&places, points_per_unit);
        let alone = rows.iter().zip(&dense).filter(|(_, dense)| !**dense).map(|(row, _)| *row);
        let crowded: Vec<MapPos> = places.iter().zip(&dense).filter(|(_, d)| **d).map(|(place, _)| *place).collect();
        (alone.take(MAX_RINGS).collect(), outline::around(&crowded, points_per_unit))
    }

    /// Rows of all matching hits: first the listed ones, best first, then those beyond the end of the list.
    fn hit_rows(&self, result: &SearchResult, positions: usize) -> Vec<usize> {
        let listed = result.matching();
        let mut rows: Vec<usize> = listed.iter().filter_map(|h| self.snapshot.0.row_of(h.item)).collect();
        if listed.len() == result.hits.len() && listed.len() < result.above_threshold {
            let known: HashSet<usize> = rows.iter().copied().collect();
            let matching = result.scores.iter().enumerate().filter(|(_, score)| **score >= result.threshold);
            rows.extend(matching.map(|(row, _)| row).filter(|row| !known.contains(row)));
        }
        rows.retain(|row| *row < positions);
        rows
    }
}

/// Number of scale steps per doubling at which the outline is recomputed.
const ZOOM_STEPS: f32 = 2.0;

/// The scale in steps; constant if nothing depends on it.
fn zoom(shown: &MarkInputs<'_>) -> i32 {
    if shown.selection.items.len() < 2 {
        return 0;
    }
    (shown.points_per_unit.max(1e-6).log2() * f64::from(ZOOM_STEPS)).round() as i32
}

fn result<'a>(shown: &MarkInputs<'a>) -> Option<&'a Arc<SearchResult>> {
    shown.result.filter(|r| r.epoch == shown.snapshot.epoch())
}

/// The row with the smallest total distance to all the others.
fn medoid(positions: &[MapPos], rows: &[usize]) -> Option<usize> {
    let distance = |a: MapPos, b: MapPos| (a.x - b.x).hypot(a.y - b.y);
    let sum = |row: usize| rows.iter().map(|other| distance(positions[row], positions[*other])).sum::<f32>();
    rows.iter().copied().min_by(|a, b| sum(*a).total_cmp(&sum(*b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_star_is_in_the_densest_group_and_not_between_groups() {
        let positions: Vec<MapPos> = [0.0, 0.1, 0.05, 5.0, 0.02].into_iter().map(|x| MapPos { x, y: -x }).collect();
        assert_eq!(medoid(&positions, &[0, 1, 2, 3, 4]), Some(2));
        assert_eq!(medoid(&positions, &[]), None);
    }
}
