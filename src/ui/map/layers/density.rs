//! Density: how many visible points are in each place, as a cloud below the points.
//!
//! Where points overlap, the one drawn last hides the others. The density does not depend on the drawing order: its
//! opacity follows the number of points near a pixel, its hue is the average of their colours. Computed on a grid on
//! the CPU, off the UI thread.

use std::sync::Arc;

use egui::{Color32, ColorImage, Mesh, Painter, Rect, Sense, TextureHandle, TextureOptions, Ui, pos2, vec2};

use crate::context::format;
use crate::ui::theme::{SPACE, Theme};
use vicinity_core::MapPos;

use super::super::arc_key::ArcKey;
use super::super::colours::PointColours;
use super::super::legend;
use super::super::scene::Scene;
use super::{LayerContext, LayerSwitch, MapLayer};

/// Side of a grid cell, in screen points.
const CELL: f64 = 3.0;
/// The grid covers the view and at least this many cells around it. It moves in steps of this many cells.
const MARGIN: i32 = 64;
/// Number of scale steps per doubling at which the grid is recomputed.
const STEPS_PER_DOUBLING: f64 = 2.0;
/// Radius of each of the box blurs, in cells. Three of them are close to a Gaussian.
const BLUR_RADIUS: usize = 1;
/// Points are counted in a disc of this radius, in screen points: as large as the blur, so that a single point counts
/// as about one.
const COUNT_RADIUS: f64 = 6.0;
/// Opacity where the density is highest.
const MAX_OPACITY: f32 = 0.9;
/// The density is shown automatically if there are at least this many visible points …
const MANY: usize = 20_000;
/// … and they would cover more than this share of the map.
const CROWDED: f64 = 0.25;

/// The density of the visible points.
pub struct Density;

/// Everything the density depends on.
#[derive(PartialEq)]
pub struct DensityKey {
    scene: ArcKey<Scene>,
    colours: ArcKey<PointColours>,
    grid: Grid,
}

/// The grid's scale and place on the map, in cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    step: i32,
    column: i32,
    line: i32,
    columns: usize,
    lines: usize,
}

/// The density as a picture.
pub struct Cloud {
    scene: ArcKey<Scene>,
    texture: TextureHandle,
    /// Its corners: top left and bottom right.
    corners: [MapPos; 2],
    /// The largest number of points in a disc.
    max: f32,
}

impl MapLayer for Density {
    type Key = DensityKey;
    type Data = Cloud;

    fn switch(&self) -> Option<LayerSwitch> {
        Some(LayerSwitch {
            name: "Density",
            tooltip: "Show how many points overlap. On automatically when many points are close together",
        })
    }

    fn is_automatic(&self, map: &LayerContext<'_>) -> bool {
        let Some(bounds) = map.scene.grid.bounds() else { return false };
        let [width, height] = bounds.size().map(|side| side * map.target.points_per_unit);
        let radius = f64::from(map.params.radius);
        let covered = std::f64::consts::PI * radius * radius * map.colours.visible().len() as f64;
        map.colours.visible().len() >= MANY && covered > CROWDED * width * height
    }

    fn key(&self, map: &LayerContext<'_>) -> Option<DensityKey> {
        DensityKey::of(map)
    }

    fn prepare(&self, map: &LayerContext<'_>) -> impl FnOnce() -> Cloud + Send + 'static {
        let (scene, colours, grid) = (Arc::clone(map.scene), Arc::clone(map.colours), Grid::around_view(map));
        let egui = map.background.egui.clone();
        move || {
            let mut cells = grid.sums(&scene.layout.positions, &colours.rgba, |row| colours.is_visible(row));
            (0..3).for_each(|_| grid.blur(&mut cells));
            let (image, max) = grid.image(&cells);
            let texture = egui.load_texture("map density", image, TextureOptions::LINEAR);
            Cloud { scene: ArcKey(scene), texture, corners: grid.corners(), max }
        }
    }

    fn is_quick(&self, _map: &LayerContext<'_>) -> bool {
        false
    }

    fn draw_below_points(&self, cloud: &Cloud, map: &LayerContext<'_>, painter: &Painter) {
        // While points move to another layout, neither density is right.
        if map.params.glide_progress < 1.0 || !Arc::ptr_eq(&cloud.scene.0, map.scene) {
            return;
        }
        let [min, max] = cloud.corners.map(|corner| map.screen_from_map(corner));
        let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        painter.image(cloud.texture.id(), Rect::from_min_max(min, max), uv, Color32::WHITE);
    }

    fn point_opacity(&self) -> f32 {
        0.45
    }

    fn legend(&self, cloud: &Cloud, ui: &mut Ui, theme: &Theme) {
        let tooltip = format!(
            "Number of points within {COUNT_RADIUS:.0} px, up to {} (logarithmic scale). The hue is the average of \
             their colours",
            format::number(cloud.max.round() as u64),
        );
        ui.spacing_mut().item_spacing.x = SPACE[0];
        ui.label(legend::hint("Density", theme)).on_hover_text(&tooltip);
        let (rect, response) = ui.allocate_exact_size(vec2(64.0, 12.0), Sense::hover());
        let mut mesh = Mesh::default();
        for (x, opacity) in [(rect.left(), 0.0), (rect.right(), MAX_OPACITY)] {
            let colour = theme.text2.gamma_multiply(opacity);
            mesh.colored_vertex(pos2(x, rect.center().y - 3.0), colour);
            mesh.colored_vertex(pos2(x, rect.center().y + 3.0), colour);
        }
        mesh.add_triangle(0, 1, 2);
        mesh.add_triangle(1, 2, 3);
        ui.painter().add(mesh);
        response.on_hover_text(tooltip);
    }
}

impl DensityKey {
    /// What the density of a frame depends on; `None` if nothing is visible.
    pub fn of(map: &LayerContext<'_>) -> Option<Self> {
        (!map.colours.visible().is_empty()).then(|| Self {
            scene: ArcKey(Arc::clone(map.scene)),
            colours: ArcKey(Arc::clone(map.colours)),
            grid: Grid::around_view(map),
        })
    }
}

impl Grid {
    /// The grid that covers the view at the end of any camera animation.
    pub fn around_view(map: &LayerContext<'_>) -> Self {
        let step = (map.target.points_per_unit.max(1e-6).log2() * STEPS_PER_DOUBLING).round() as i32;
        let cell = Self::cell_of_step(step);
        let area = map.params.area;
        let [left, top] = map.target.map_from_screen(area, area.min);
        let [right, bottom] = map.target.map_from_screen(area, area.max);
        let low = |at: f64| ((at / cell / f64::from(MARGIN)).floor() as i32 - 1).saturating_mul(MARGIN);
        let high = |at: f64| ((at / cell / f64::from(MARGIN)).ceil() as i32 + 1).saturating_mul(MARGIN);
        let (column, line) = (low(left), low(bottom));
        let size = |low: i32, high: i32| high.saturating_sub(low).clamp(1, 8_192) as usize;
        Self { step, column, line, columns: size(column, high(right)), lines: size(line, high(top)) }
    }

    /// Side of a cell, in map units.
    fn cell_of_step(step: i32) -> f64 {
        CELL / (f64::from(step) / STEPS_PER_DOUBLING).exp2()
    }

    /// Top left and bottom right; y points up.
    fn corners(&self) -> [MapPos; 2] {
        let cell = Self::cell_of_step(self.step);
        let at = |column: f64, line: f64| MapPos { x: (column * cell) as f32, y: (line * cell) as f32 };
        let (left, bottom) = (f64::from(self.column), f64::from(self.line));
        [at(left, bottom + self.lines as f64), at(left + self.columns as f64, bottom)]
    }

    /// The place of the middle of a cell, counted from the top left, on the map.
    pub fn place_of(&self, column: f32, line: f32) -> MapPos {
        let cell = Self::cell_of_step(self.step);
        let x = f64::from(self.column) + f64::from(column) + 0.5;
        let y = f64::from(self.line) + self.lines as f64 - f64::from(line) - 0.5;
        MapPos { x: (x * cell) as f32, y: (y * cell) as f32 }
    }

    /// The counts of every `step`th cell of every `step`th line, and how many there are in a line.
    pub fn counts(&self, cells: &[[f32; 4]], step: usize) -> (Vec<f32>, usize) {
        let lines = cells.chunks(self.columns.max(1)).step_by(step);
        (lines.flat_map(|line| line.iter().step_by(step).map(|cell| cell[3])).collect(), self.columns.div_ceil(step))
    }

    /// For each cell, the sum of the colours of its points, and their number.
    pub fn sums(&self, positions: &[MapPos], rgba: &[[u8; 4]], is_visible: impl Fn(usize) -> bool) -> Vec<[f32; 4]> {
        let mut cells = vec![[0.0; 4]; self.columns * self.lines];
        let scale = Self::cell_of_step(self.step).recip();
        for (row, (pos, [r, g, b, _])) in positions.iter().zip(rgba).enumerate() {
            let column = f64::from(pos.x) * scale - f64::from(self.column);
            let line = f64::from(pos.y) * scale - f64::from(self.line);
            let inside = column >= 0.0 && line >= 0.0 && column < self.columns as f64 && line < self.lines as f64;
            if !inside || !is_visible(row) {
                continue;
            }
            // The first line of the picture is the top one.
            let at = (self.lines - 1 - line as usize) * self.columns + column as usize;
            if let Some(cell) = cells.get_mut(at) {
                for (sum, value) in cell.iter_mut().zip([f32::from(*r), f32::from(*g), f32::from(*b), 1.0]) {
                    *sum += value;
                }
            }
        }
        cells
    }

    /// A box blur, along lines and then along columns.
    pub fn blur(&self, cells: &mut [[f32; 4]]) {
        let mut run = Vec::new();
        for line in 0..self.lines {
            blur_run(cells, line * self.columns, 1, self.columns, &mut run);
        }
        for column in 0..self.columns {
            blur_run(cells, column, self.columns, self.lines, &mut run);
        }
    }

    /// The picture, and the largest number of points in a disc.
    fn image(&self, cells: &[[f32; 4]]) -> (ColorImage, f32) {
        let cells_per_disc = (std::f64::consts::PI * (COUNT_RADIUS / CELL).powi(2)) as f32;
        let max = cells.iter().map(|cell| cell[3]).fold(0.0, f32::max) * cells_per_disc;
        let pixel = |[r, g, b, count]: &[f32; 4]| {
            if *count <= 0.0 {
                return Color32::TRANSPARENT;
            }
            let mean = [r, g, b].map(|sum| (sum / count).round() as u8);
            let opacity = MAX_OPACITY * (1.0 + count * cells_per_disc).ln() / (1.0 + max).ln();
            Color32::from_rgba_unmultiplied(mean[0], mean[1], mean[2], (opacity * 255.0).round() as u8)
        };
        let pixels = cells.iter().map(pixel).collect();
        (ColorImage::new([self.columns, self.lines], pixels), max)
    }
}

/// Replaces `length` cells, each `stride` after the one before, by the means of their neighbourhoods.
fn blur_run(cells: &mut [[f32; 4]], start: usize, stride: usize, length: usize, run: &mut Vec<[f32; 4]>) {
    run.clear();
    run.extend(cells.iter().skip(start).step_by(stride).take(length).copied());
    let width = (2 * BLUR_RADIUS + 1) as f32;
    let mut sum = [0.0; 4];
    let add = |sum: &mut [f32; 4], cell: Option<&[f32; 4]>, sign: f32| {
        cell.into_iter().for_each(|cell| sum.iter_mut().zip(cell).for_each(|(s, v)| *s += sign * v));
    };
    (0..BLUR_RADIUS).for_each(|i| add(&mut sum, run.get(i), 1.0));
    for (i, cell) in cells.iter_mut().skip(start).step_by(stride).take(length).enumerate() {
        add(&mut sum, run.get(i + BLUR_RADIUS), 1.0);
        if let Some(left) = i.checked_sub(BLUR_RADIUS + 1) {
            add(&mut sum, run.get(left), -1.0);
        }
        // Rounding may leave less than nothing.
        *cell = sum.map(|s| (s / width).max(0.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Grid = Grid { step: 0, column: -32, line: -32, columns: 64, lines: 64 };
    const RED: [u8; 4] = [200, 0, 0, 255];
    const BLUE: [u8; 4] = [0, 0, 200, 255];

    /// Cells blurred for points at these cells.
    fn blurred(points: &[(f32, f32)], colours: &[[u8; 4]]) -> Vec<[f32; 4]> {
        let cell = CELL as f32;
        let positions: Vec<MapPos> =
            points.iter().map(|(x, y)| MapPos { x: (x + 0.5) * cell, y: (y + 0.5) * cell }).collect();
        let mut cells = GRID.sums(&positions, colours, |_| true);
        (0..3).for_each(|_| GRID.blur(&mut cells));
        cells
    }

    #[test]
    fn the_picture_does_not_depend_on_the_order_of_the_points() {
        let points = [(0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (5.0, 2.0)];
        let forwards = GRID.image(&blurred(&points, &[RED, BLUE, BLUE, RED])).0;
        let points: Vec<_> = points.into_iter().rev().collect();
        let backwards = GRID.image(&blurred(&points, &[RED, BLUE, BLUE, RED])).0;
        assert_eq!(forwards, backwards);
        let centre = forwards.pixels[31 * 64 + 32].to_srgba_unmultiplied();
        assert!(centre[2] > centre[0] && centre[0] > 0 && centre[1] == 0, "a mixture of both: {centre:?}");
    }

    #[test]
    fn smoothing_keeps_every_point_and_is_highest_where_they_are() {
        let cells = blurred(&[(0.0, 0.0), (1.0, 0.0), (-20.0, 10.0)], &[RED; 3]);
        let sum: f32 = cells.iter().map(|cell| cell[3]).sum();
        assert!((sum - 3.0).abs() < 1e-3, "{sum}");
        let (image, max) = GRID.image(&cells);
        assert!(max > 1.0 && max < 3.0, "{max}");
        let opacity = |column: usize, line: usize| image.pixels[line * 64 + column].a();
        assert!(opacity(32, 31) > opacity(12, 21) && opacity(12, 21) > opacity(12, 41));
        assert_eq!(opacity(50, 5), 0, "nothing where there are no points");
    }

    #[test]
    fn only_visible_points_inside_the_grid_are_counted() {
        let positions: Vec<MapPos> = [0.0, 1.0, f32::NAN, 1e9].into_iter().map(|x| MapPos { x, y: 0.0 }).collect();
        let cells = GRID.sums(&positions, &[RED; 4], |row| row != 1);
        assert_eq!(cells.iter().map(|cell| cell[3]).sum::<f32>(), 1.0);
        assert!(GRID.image(&blurred(&[], &[])).0.pixels.iter().all(|p| *p == Color32::TRANSPARENT));
    }
}
