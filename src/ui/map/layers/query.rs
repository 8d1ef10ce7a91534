//! The query: its hits, and a star among the best of them.

use std::collections::HashSet;
use std::sync::Arc;

use egui::{Mesh, Painter, Pos2, vec2};

use crate::context::Snapshot;
use crate::ui::theme::Theme;
use vicinity_core::{MapPos, SearchResult};

use super::super::arc_key::ArcKey;
use super::super::marks::{Mark, MarkShape, Marks};
use super::super::scene::Scene;
use super::super::scene_cache::MAX_ROWS_IN_FRAME;
use super::{LayerContext, MapLayer};

/// Maximum number of hits with a glow.
const MAX_GLOWS: usize = 400;
/// The star is drawn among this many best hits.
const BEST: usize = 12;

/// The hits of the query.
pub struct Hits;

/// Everything the hits' marks depend on.
#[derive(PartialEq)]
pub struct QueryMarksKey {
    scene: ArcKey<Scene>,
    snapshot: ArcKey<Snapshot>,
    result: ArcKey<SearchResult>,
    dark: bool,
}

/// What is drawn for the query.
pub struct HitMarks {
    glows: Marks,
    discs: Marks,
    /// Row at which the star is drawn.
    star: Option<usize>,
}

impl MapLayer for Hits {
    type Key = QueryMarksKey;
    type Data = HitMarks;

    fn key(&self, map: &LayerContext<'_>) -> Option<QueryMarksKey> {
        Some(QueryMarksKey {
            scene: ArcKey(Arc::clone(map.scene)),
            snapshot: ArcKey(Arc::clone(map.snapshot)),
            result: ArcKey(Arc::clone(map.result?)),
            dark: map.theme.dark,
        })
    }

    fn prepare(&self, map: &LayerContext<'_>) -> impl FnOnce() -> HitMarks + Send + 'static {
        let (scene, snapshot, gpu) = (Arc::clone(map.scene), Arc::clone(map.snapshot), map.gpu.cloned());
        let (result, theme) = (map.result.cloned().unwrap_or_default(), map.theme);
        move || {
            let mut rows = rows_of_hits(&result, &snapshot);
            rows.retain(|row| *row < scene.len());
            let mark = |row: usize| scene.mark(row, theme.hit);
            let glow = if theme.dark { 0.34 } else { 0.2 };
            let star = medoid(&scene.layout.positions, &rows[..rows.len().min(BEST)]);
            let halo = star.and_then(mark).map(|m| m.faded(glow * 0.5).shaped(MarkShape::Glow, 0.0, 170.0));
            let around = rows.iter().take(MAX_GLOWS).filter_map(|row| mark(*row));
            let glows: Vec<Mark> =
                halo.into_iter().chain(around.map(|m| m.faded(glow).shaped(MarkShape::Glow, 2.6, 4.0))).collect();
            // The best hits are on top.
            let discs = rows.iter().rev().filter_map(|row| mark(*row));
            let discs: Vec<Mark> = discs.map(|m| m.shaped(MarkShape::Disc, 1.35, 0.6)).collect();
            let gpu = gpu.as_deref();
            HitMarks { glows: Marks::new(glows, gpu), discs: Marks::new(discs, gpu), star }
        }
    }

    fn is_quick(&self, map: &LayerContext<'_>) -> bool {
        // Hits beyond the list are found by comparing every score, which is much faster than placing a mark.
        map.scene.len() <= 50 * MAX_ROWS_IN_FRAME && map.result.is_none_or(|r| r.above_threshold <= MAX_ROWS_IN_FRAME)
    }

    fn draw_below_points(&self, data: &HitMarks, map: &LayerContext<'_>, painter: &Painter) {
        data.glows.draw(map, painter);
    }

    fn draw(&self, data: &HitMarks, map: &LayerContext<'_>, painter: &Painter) {
        data.discs.draw(map, painter);
        if let Some(at) = data.star.and_then(|row| map.row_on_screen(row)) {
            draw_star(painter, at, map.params.radius + 5.0, map.theme);
        }
    }
}

/// Rows of all matching hits: first the listed ones, best first, then those beyond the end of the list.
pub fn rows_of_hits(result: &SearchResult, snapshot: &Snapshot) -> Vec<usize> {
    let listed = result.matching();
    let mut rows: Vec<usize> = listed.iter().filter_map(|hit| snapshot.row_of(hit.item)).collect();
    if result.has_more_matches() {
        let known: HashSet<usize> = rows.iter().copied().collect();
        rows.extend((0..result.scores.len()).filter(|row| result.is_match(*row) && !known.contains(row)));
    }
    rows
}

/// The row with the smallest total distance to all the others.
fn medoid(positions: &[MapPos], rows: &[usize]) -> Option<usize> {
    let placed = |row: &usize| positions.get(*row).copied().filter(|pos| pos.x.is_finite() && pos.y.is_finite());
    let at: Vec<(usize, MapPos)> = rows.iter().filter_map(|row| Some((*row, placed(row)?))).collect();
    let sum = |a: MapPos| at.iter().map(|(_, b)| (a.x - b.x).hypot(a.y - b.y)).sum::<f32>();
    at.iter().min_by(|a, b| sum(a.1).total_cmp(&sum(b.1))).map(|(row, _)| *row)
}

/// A five-pointed star.
fn draw_star(painter: &Painter, centre: Pos2, radius: f32, theme: &Theme) {
    let corner = |i: usize, radius: f32| {
        let angle = (i as f32 / 10.0 - 0.25) * std::f32::consts::TAU;
        centre + vec2(angle.cos(), angle.sin()) * radius
    };
    let corners = |radius: f32| -> Vec<Pos2> {
        (0..10).map(|i| corner(i, if i % 2 == 0 { radius } else { radius * 0.45 })).collect()
    };
    let (fill, edge) = if theme.dark { (theme.text1, theme.map_ground) } else { (theme.hit, theme.map_ground) };
    // A fan around the centre, because egui fills only convex shapes.
    for (points, colour) in [(corners(radius + 2.0), edge), (corners(radius), fill)] {
        let mut mesh = Mesh::default();
        mesh.colored_vertex(centre, colour);
        points.iter().for_each(|p| mesh.colored_vertex(*p, colour));
        (0..10).for_each(|i| mesh.add_triangle(0, 1 + i, 1 + (i + 1) % 10));
        painter.add(mesh);
    }
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
