//! What is shown when a layout is fitted into the window.

use vicinity_core::axes::HALF_SIZE;
use vicinity_core::{Layout, LayoutMethod, MapPos};

use super::camera::MapBounds;

/// Points are left out of view only if the others are shown at least so much larger without them.
const WORTHWHILE: f64 = 1.3;
/// Space around the central points, as a share of their extent: points just outside are seen, too.
const MARGIN: f64 = 0.12;
/// One in so many points lies beyond each end of the central ones, along each axis: 99 % are within.
const ONE_IN: usize = 200;

/// All points; the central 99 % where the others are so far out that hardly anything else would be seen.
pub fn fitted(layout: &Layout, all: Option<MapBounds>) -> Option<MapBounds> {
    if layout.method == LayoutMethod::Axes {
        let [x, y] = HALF_SIZE.map(f64::from);
        return Some(MapBounds { min: [-x, -y], max: [x, y] });
    }
    let all = all?;
    let central = central(&layout.positions)?.scaled(1.0 + MARGIN).within(all);
    let is_larger = |at: usize| all.size()[at] > WORTHWHILE * central.size()[at];
    let is_extended = central.size().iter().all(|side| *side > 0.0);
    Some(if is_extended && (is_larger(0) || is_larger(1)) { central } else { all })
}

/// The bounds of the central 99 % of the points along each axis.
fn central(positions: &[MapPos]) -> Option<MapBounds> {
    let ends = |coordinate: fn(&MapPos) -> f32| {
        let mut all: Vec<f32> = positions.iter().map(coordinate).filter(|value| value.is_finite()).collect();
        let last = all.len().checked_sub(1)?;
        let mut at = |place: usize| f64::from(*all.select_nth_unstable_by(place, f32::total_cmp).1);
        let out = all_but(last + 1);
        Some([at(out), at(last - out)])
    };
    let ([left, right], [bottom, top]) = (ends(|pos| pos.x)?, ends(|pos| pos.y)?);
    Some(MapBounds { min: [left, bottom], max: [right, top] })
}

/// How many of `count` points are beyond each end; one of a few, too, if it is far out.
fn all_but(count: usize) -> usize {
    if count < 20 { 0 } else { count.div_ceil(ONE_IN) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(positions: Vec<MapPos>) -> Layout {
        let settled = positions.len();
        Layout { method: LayoutMethod::Umap, epoch: 1, positions, settled, trustworthiness: None, generation: 1 }
    }

    fn fit(layout: &Layout) -> MapBounds {
        fitted(layout, MapBounds::around(layout.positions.iter().copied())).expect("points")
    }

    #[test]
    fn a_few_far_points_are_left_out_and_near_ones_are_not() {
        let disc = |i: u16| {
            let (angle, radius) = (f32::from(i) * 2.4, (f32::from(i) / 600.0).sqrt());
            MapPos { x: angle.cos() * radius, y: angle.sin() * radius }
        };
        let mut positions: Vec<MapPos> = (0..600).map(disc).collect();
        let all = fit(&layout(positions.clone()));
        assert_eq!(all, MapBounds::around(positions.iter().copied()).expect("points"), "all of them");
        positions.push(MapPos { x: 40.0, y: 0.2 });
        positions.push(MapPos { x: f32::NAN, y: 0.2 });
        let central = fit(&layout(positions.clone()));
        assert!(central.max[0] < 1.3 && central.min[0] < -0.85, "{central:?}");
        let out: Vec<MapPos> =
            positions.into_iter().filter(|pos| pos.x.is_finite() && !central.contains(*pos)).collect();
        assert!(out.contains(&MapPos { x: 40.0, y: 0.2 }) && out.len() <= 12, "{}", out.len());
    }

    #[test]
    fn few_points_and_points_on_a_line_are_all_shown() {
        let line = layout((0..100).map(|i| MapPos { x: i as f32, y: 0.0 }).collect());
        assert_eq!(fit(&line).size(), [99.0, 0.0]);
        let few = layout(vec![MapPos { x: 0.0, y: 0.0 }, MapPos { x: 1.0, y: 1.0 }, MapPos { x: 90.0, y: 0.0 }]);
        assert_eq!(fit(&few).size(), [90.0, 1.0]);
        assert_eq!(fitted(&layout(Vec::new()), None), None);
    }
}
