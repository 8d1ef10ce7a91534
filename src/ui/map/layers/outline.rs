//! The outline of a dense selection: where rings would overlap and hide the points, one outline is drawn around all
//! of them instead.

use std::collections::HashMap;

use vicinity_core::MapPos;

use super::super::contour_lines::contour_lines;

/// Number of scale steps per doubling at which an outline is recomputed.
const STEPS_PER_DOUBLING: f64 = 2.0;
/// Side of a counting cell in screen points: about the width of a ring.
const CELL_SIZE: f32 = 14.0;
/// This many selected points in three by three cells are dense: their rings would touch.
const MIN_DENSE_COUNT: u32 = 7;
/// Distance between the points and the outline, in screen points.
const OUTLINE_DISTANCE: f32 = 9.0;
/// Distance between samples of the field, in screen points.
const STEP: f32 = 5.0;
/// Maximum samples per side; a larger selection gets a coarser outline.
const MAX_SAMPLES: f32 = 280.0;

/// A segment of the outline, in map units.
pub type LineSegment = [MapPos; 2];

/// The step of a scale, in screen points per map unit: an outline is the same within it.
pub fn scale_step(points_per_unit: f64) -> i32 {
    (points_per_unit.max(1e-6).log2() * STEPS_PER_DOUBLING).round() as i32
}

/// The scale of a step.
pub fn scale_of_step(step: i32) -> f32 {
    (f64::from(step) / STEPS_PER_DOUBLING).exp2() as f32
}

/// Which of `places` are so dense that rings would hide them, at `points_per_unit` screen points per map unit.
pub fn dense(places: &[MapPos], points_per_unit: f32) -> Vec<bool> {
    let square = CELL_SIZE / points_per_unit.max(f32::MIN_POSITIVE);
    let at = |p: &MapPos| ((p.x / square).floor() as i32, (p.y / square).floor() as i32);
    let mut counts: HashMap<(i32, i32), u32> = HashMap::new();
    for place in places {
        *counts.entry(at(place)).or_default() += 1;
    }
    let around = |(x, y): (i32, i32)| -> u32 {
        let near = (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (x.saturating_add(dx), y.saturating_add(dy))));
        near.filter_map(|cell| counts.get(&cell)).sum()
    };
    let crowded: HashMap<(i32, i32), bool> =
        counts.keys().map(|cell| (*cell, around(*cell) >= MIN_DENSE_COUNT)).collect();
    places.iter().map(|p| crowded.get(&at(p)).copied().unwrap_or(false)).collect()
}

/// The outline around `places`, at a small distance.
pub fn around(places: &[MapPos], points_per_unit: f32) -> Vec<LineSegment> {
    DistanceField::new(places, points_per_unit).map_or_else(Vec::new, |field| field.contour())
}

/// Proximity of the nearest place at every sample: 1 at the place, 0 at twice the outline's distance and beyond.
struct DistanceField {
    origin: MapPos,
    step: f32,
    width: usize,
    height: usize,
    near: Vec<f32>,
}

/// The field value at which the outline is drawn.
const LEVEL: f32 = 0.5;

impl DistanceField {
    fn new(places: &[MapPos], points_per_unit: f32) -> Option<Self> {
        let finite = || places.iter().filter(|p| p.x.is_finite() && p.y.is_finite());
        let first = finite().next()?;
        let (mut low, mut high) = (*first, *first);
        for p in finite() {
            low = MapPos { x: low.x.min(p.x), y: low.y.min(p.y) };
            high = MapPos { x: high.x.max(p.x), y: high.y.max(p.y) };
        }
        let extent = (high.x - low.x).max(high.y - low.y);
        let step = (STEP / points_per_unit.max(f32::MIN_POSITIVE)).max(extent / MAX_SAMPLES);
        let reach = (2.0 * OUTLINE_DISTANCE / points_per_unit.max(f32::MIN_POSITIVE)).max(2.5 * step);
        let origin = MapPos { x: low.x - reach - step, y: low.y - reach - step };
        let samples = |low: f32, high: f32| ((high - low) / step).ceil() as usize + 2;
        let (width, height) = (samples(origin.x, high.x + reach), samples(origin.y, high.y + reach));
        let mut field = Self { origin, step, width, height, near: vec![0.0; width * height] };
        finite().for_each(|p| field.add(*p, reach));
        Some(field)
    }

    fn add(&mut self, place: MapPos, reach: f32) {
        let column = |x: f32| ((x - self.origin.x) / self.step).max(0.0) as usize;
        let row = |y: f32| ((y - self.origin.y) / self.step).max(0.0) as usize;
        let columns = column(place.x - reach)..=column(place.x + reach).min(self.width - 1);
        let rows = row(place.y - reach)..=row(place.y + reach).min(self.height - 1);
        for y in rows {
            for x in columns.clone() {
                let at = self.place(x as f32, y as f32);
                let near = 1.0 - (at.x - place.x).hypot(at.y - place.y) / reach;
                let sample = &mut self.near[y * self.width + x];
                *sample = sample.max(near);
            }
        }
    }

    fn place(&self, x: f32, y: f32) -> MapPos {
        MapPos { x: self.origin.x + x * self.step, y: self.origin.y + y * self.step }
    }

    fn contour(&self) -> Vec<LineSegment> {
        let lines = contour_lines(&self.near, self.width, LEVEL);
        lines.into_iter().map(|ends| ends.map(|[x, y]| self.place(x, y))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thirty points close together at 100 screen points per unit, and three isolated ones.
    fn places() -> Vec<MapPos> {
        let blob = (0..30).map(|i| MapPos { x: (i % 6) as f32 * 0.05, y: (i / 6) as f32 * 0.05 });
        blob.chain([2.0, 3.0, 4.0].map(|x| MapPos { x, y: 1.0 })).collect()
    }

    #[test]
    fn close_points_are_dense_from_afar_and_not_when_zoomed_in() {
        let from_afar = dense(&places(), 100.0);
        assert!(from_afar[..30].iter().all(|d| *d) && from_afar[30..].iter().all(|d| !d));
        assert!(dense(&places(), 3_000.0).iter().all(|d| !d));
    }

    #[test]
    fn the_outline_is_closed_and_keeps_its_distance_from_the_points() {
        let places = &places()[..30];
        let outline = around(places, 100.0);
        assert!(outline.len() > 12);
        let key = |p: &MapPos| ((p.x * 1e4).round() as i32, (p.y * 1e4).round() as i32);
        let mut ends: HashMap<_, usize> = HashMap::new();
        outline.iter().flatten().for_each(|p| *ends.entry(key(p)).or_default() += 1);
        assert!(ends.values().all(|n| n % 2 == 0), "every segment is connected");
        for p in outline.iter().flatten() {
            let nearest = places.iter().map(|q| (p.x - q.x).hypot(p.y - q.y)).fold(f32::INFINITY, f32::min);
            assert!((0.05..0.14).contains(&nearest), "{nearest}");
        }
    }

    #[test]
    fn a_huge_selection_uses_a_bounded_grid() {
        let wide: Vec<MapPos> = (0..1_000).map(|i| MapPos { x: i as f32, y: (i * 7 % 1_000) as f32 }).collect();
        let field = DistanceField::new(&wide, 1e4).expect("not empty");
        assert!(field.near.len() < 100_000, "{}", field.near.len());
        assert!(around(&[], 100.0).is_empty() && around(&[MapPos { x: f32::NAN, y: 0.0 }], 100.0).is_empty());
    }
}
