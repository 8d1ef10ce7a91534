//! Contours: lines of equal density, as those of equal height on a map of mountains. On request, as they say more of the shape of dense
//! regions than a cloud, and less of single points.

use std::sync::Arc;

use egui::{Painter, Stroke};

use vicinity_core::MapPos;

use super::super::arc_key::ArcKey;
use super::super::colours::PointColours;
use super::super::contour_lines::contour_lines;
use super::super::scene::Scene;
use super::density::{DensityKey, Grid};
use super::{LayerContext, LayerSwitch, MapLayer};

/// Lines at these shares of the highest density.
const LEVELS: [f32; 5] = [0.03, 0.08, 0.2, 0.4, 0.7];
/// Blurs, which make lines smooth.
const BLURS: usize = 14;
/// Every so many cells have a sample.
const SAMPLED: usize = 3;
/// Opacity of the lowest and the highest line.
const OPACITY: [f32; 2] = [0.25, 0.8];

/// Lines of equal density of the visible points.
pub struct Contours;

/// The lines, by level.
pub struct DensityLines {
    scene: ArcKey<Scene>,
    levels: Vec<Vec<[MapPos; 2]>>,
}

impl MapLayer for Contours {
    type Key = DensityKey;
    type Data = DensityLines;

    fn switch(&self) -> Option<LayerSwitch> {
        Some(LayerSwitch { name: "Contours", tooltip: "Lines of equal density" })
    }

    fn is_automatic(&self, _map: &LayerContext<'_>) -> bool {
        false
    }

    fn key(&self, map: &LayerContext<'_>) -> Option<DensityKey> {
        DensityKey::of(map)
    }

    fn prepare(&self, map: &LayerContext<'_>) -> impl FnOnce() -> DensityLines + Send + 'static {
        let (scene, colours, grid) = (Arc::clone(map.scene), Arc::clone(map.colours), Grid::around_view(map));
        move || DensityLines { levels: lines(&scene, &colours, &grid), scene: ArcKey(scene) }
    }

    fn is_quick(&self, _map: &LayerContext<'_>) -> bool {
        false
    }

    fn draw_below_points(&self, drawn: &DensityLines, map: &LayerContext<'_>, painter: &Painter) {
        if map.params.glide_progress < 1.0 || !Arc::ptr_eq(&drawn.scene.0, map.scene) {
            return;
        }
        for (at, level) in drawn.levels.iter().enumerate() {
            let share = at as f32 / (LEVELS.len() - 1) as f32;
            let colour = map.theme.text2.gamma_multiply(OPACITY[0] + (OPACITY[1] - OPACITY[0]) * share);
            map.draw_segments(painter, level, Stroke::new(1.0, colour));
        }
    }
}

fn lines(scene: &Scene, colours: &PointColours, grid: &Grid) -> Vec<Vec<[MapPos; 2]>> {
    let mut cells = grid.sums(&scene.layout.positions, &colours.rgba, |row| colours.is_visible(row));
    (0..BLURS).for_each(|_| grid.blur(&mut cells));
    let (samples, width) = grid.counts(&cells, SAMPLED);
    let highest = samples.iter().copied().fold(0.0, f32::max);
    let place = |[x, y]: [f32; 2]| grid.place_of(x * SAMPLED as f32, y * SAMPLED as f32);
    let level = |share: &f32| contour_lines(&samples, width, share * highest);
    LEVELS.iter().map(|share| level(share).into_iter().map(|ends| ends.map(place)).collect()).collect()
}
