//! Brings raw coordinates into map units, and one layout near to another.

use crate::domain::MapPos;

/// The bulk (1st to 99th percentile) of the longer side ends here.
const BULK: f32 = 0.95;
/// How far beyond the bulk an outlier can come.
const MARGIN: f32 = 0.15;

/// Centres and scales (both axes alike) so that the bulk fills [-0.95, 0.95] on the longer side; what lies farther out
/// is drawn in softly, in order, and ends below 1.1.
pub fn to_map(positions: &mut [MapPos]) {
    let ((x_low, x_high), (y_low, y_high)) = (bulk(positions, |p| p.x), bulk(positions, |p| p.y));
    let centre = MapPos { x: f32::midpoint(x_low, x_high), y: f32::midpoint(y_low, y_high) };
    let half = ((x_high - x_low) / 2.0).max((y_high - y_low) / 2.0);
    let scale = if half > f32::MIN_POSITIVE && half.is_finite() { BULK / half } else { 0.0 };
    for p in positions {
        p.x = soft((p.x - centre.x) * scale);
        p.y = soft((p.y - centre.y) * scale);
    }
}

/// Identity within the bulk, then ever slower up to `BULK + MARGIN`.
fn soft(value: f32) -> f32 {
    let beyond = value.abs() - BULK;
    if beyond <= 0.0 {
        return value;
    }
    (BULK + MARGIN * (1.0 - (-beyond / MARGIN).exp())).copysign(value)
}

/// 1st and 99th percentile.
fn bulk(positions: &[MapPos], coordinate: impl Fn(&MapPos) -> f32) -> (f32, f32) {
    let mut values: Vec<f32> = positions.iter().map(coordinate).collect();
    if values.is_empty() {
        return (0.0, 0.0);
    }
    let last = values.len() - 1;
    let mut at = |rank: usize| *values.select_nth_unstable_by(rank, f32::total_cmp).1;
    (at(last / 100), at(last - last / 100))
}

/// Moves the mean to the origin.
pub fn centre(positions: &mut [MapPos]) {
    let (mut x, mut y) = (0.0f64, 0.0f64);
    for p in positions.iter() {
        x += f64::from(p.x);
        y += f64::from(p.y);
    }
    let n = positions.len().max(1) as f64;
    for p in positions {
        p.x -= (x / n) as f32;
        p.y -= (y / n) as f32;
    }
}

/// Turns and mirrors `moving` about the origin so that it lies as near as it can to `reference` (orthogonal
/// Procrustes on the rows both have): the eye can then follow the points from one layout to the other.
pub fn align(moving: &mut [MapPos], reference: &[MapPos]) {
    let (mut same, mut cross, mut mirrored, mut mirrored_cross) = (0.0f64, 0.0f64, 0.0f64, 0.0f64);
    for (m, r) in moving.iter().zip(reference) {
        let (mx, my, rx, ry) = (f64::from(m.x), f64::from(m.y), f64::from(r.x), f64::from(r.y));
        same += mx * rx + my * ry;
        cross += mx * ry - my * rx;
        mirrored += mx * rx - my * ry;
        mirrored_cross += mx * ry + my * rx;
    }
    let flip = mirrored.hypot(mirrored_cross) > same.hypot(cross);
    let (c, s) = if flip { (mirrored, mirrored_cross) } else { (same, cross) };
    let length = c.hypot(s);
    if length.is_nan() || length <= 0.0 {
        return;
    }
    let (c, s) = ((c / length) as f32, (s / length) as f32);
    for p in moving {
        let (x, y) = (p.x, if flip { -p.y } else { p.y });
        *p = MapPos { x: c * x - s * y, y: s * x + c * y };
    }
}
