//! Converts raw coordinates to map units, and aligns one layout with another.

use super::random::Stream;
use vicinity_core::MapPos;

/// Map coordinate at which the bulk (1st to 99th percentile) of the longer side ends.
pub const BULK: f32 = 0.95;
/// Maximum noise along an axis that separates coinciding points, in units of the forces.
const NOISE: f32 = 1e-3;
/// How far beyond the bulk an outlier can be.
const MARGIN: f32 = 0.15;

/// Centres and scales (both axes alike) so that the bulk fills [-0.95, 0.95] on the longer side; what is farther out
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

/// Steps in which [`even_out`] looks along an axis.
const STEPS: usize = 512;
/// Standard deviation of its smoothing, steps.
const SMOOTHING: f32 = 30.0;
/// Share of the space allotted by the number of points; the rest is allotted by their distance.
const BY_NUMBER: f32 = 0.7;

/// Gives crowded stretches of each axis more room and empty ones less, smoothly and in order, so that a few far
/// islands do not squeeze everything else into a corner. Neighbours stay neighbours: the stretch hardly changes over
/// their distance.
pub fn even_out(positions: &mut [MapPos]) {
    stretch(positions, |p| &mut p.x);
    stretch(positions, |p| &mut p.y);
}

fn stretch(positions: &mut [MapPos], mut coordinate: impl FnMut(&mut MapPos) -> &mut f32) {
    let (mut low, mut high) = (f32::MAX, f32::MIN);
    for p in positions.iter_mut() {
        let v = *coordinate(p);
        (low, high) = (low.min(v), high.max(v));
    }
    let step = (high - low) / STEPS as f32;
    if !step.is_finite() || step <= f32::MIN_POSITIVE {
        return;
    }
    let at = |v: f32| ((v - low) / step).clamp(0.0, STEPS as f32 - 1e-3);
    let mut counts = [0.0f32; STEPS];
    for p in positions.iter_mut() {
        counts[at(*coordinate(p)) as usize] += 1.0;
    }
    let mean = positions.len() as f32 / STEPS as f32;
    let mut ends = [0.0f32; STEPS + 1];
    for i in 0..STEPS {
        let weight = |j: usize| (-0.5 * (j.abs_diff(i) as f32 / SMOOTHING).powi(2)).exp();
        let (sum, weights) =
            (0..STEPS).fold((0.0, 0.0), |(sum, weights), j| (sum + weight(j) * counts[j], weights + weight(j)));
        ends[i + 1] = ends[i] + (1.0 - BY_NUMBER) + BY_NUMBER * sum / weights / mean;
    }
    for p in positions {
        let v = coordinate(p);
        let (i, part) = (at(*v) as usize, at(*v).fract());
        *v = low + (high - low) * (ends[i] + part * (ends[i + 1] - ends[i])) / ends[STEPS];
    }
}

/// Identity within the bulk, then slower and slower up to `BULK + MARGIN`.
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
    let mean = MapPos { x: (x / n) as f32, y: (y / n) as f32 };
    for p in positions {
        p.x -= mean.x;
        p.y -= mean.y;
    }
}

/// Turns and mirrors `moving` about the origin so that it is as near as possible to `reference` (orthogonal
/// Procrustes on the rows both have), so that the eye can follow points from one layout to the other.
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

/// Draws in what is far out, as [`to_map`] does it, and moves nothing else.
pub fn draw_in(positions: &mut [MapPos]) {
    positions.iter_mut().for_each(|p| *p = MapPos { x: soft(p.x), y: soft(p.y) });
}

/// Adds a little noise, so that no two points coincide.
pub fn apart(points: &[[f32; 2]], seed: u64) -> Vec<[f32; 2]> {
    let noisy = |(i, p): (usize, &[f32; 2])| {
        let mut random = Stream::new(seed, i as u64, u64::MAX);
        p.map(|v| v + NOISE * random.signed())
    };
    points.iter().enumerate().map(noisy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_islands_leave_room_and_the_order_stays() {
        let at = |i: u16| if i < 990 { f32::from(i) / 990.0 } else { 20.0 + f32::from(i) / 1e4 };
        let mut positions: Vec<MapPos> = (0..1000).map(|i| MapPos { x: at(i), y: 0.0 }).collect();
        even_out(&mut positions);
        assert!(positions.is_sorted_by(|a, b| a.x < b.x));
        let (others, all) = (positions[989].x - positions[0].x, positions[999].x - positions[0].x);
        assert!(others / all > 0.15, "{others} of {all}; it was a twentieth");
        assert!(positions.iter().all(|p| p.y == 0.0));
    }
}
