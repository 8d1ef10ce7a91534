//! The camera: which part of the map is shown, and how the view animates to another part.
//!
//! Uses f64 because, at deep zoom, a screen point is smaller than the spacing of f32 values around the centre.

use egui::{Pos2, Rect, Vec2, pos2, vec2};

use vicinity_core::MapPos;

/// Duration of a camera flight, in seconds.
const FLIGHT_SECS: f64 = 0.25;
/// Largest scale, relative to the scale at which all points fit.
pub const MAX_ZOOM: f64 = 20_000.0;
/// Smallest scale, relative to the scale at which all points fit.
pub const MIN_ZOOM: f64 = 0.25;

/// The part of the map that is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    /// Map position at the centre of the screen area; y points up.
    pub centre_in_map: [f64; 2],
    /// Screen points per map unit.
    pub points_per_unit: f64,
}

impl Default for Camera {
    fn default() -> Self {
        Self { centre_in_map: [0.0; 2], points_per_unit: 300.0 }
    }
}

impl Camera {
    /// The camera that shows `bounds` (in map units) inside `inner`, a part of the screen area `area`.
    pub fn fitting(bounds: MapBounds, area: Rect, inner: Rect) -> Self {
        let [width, height] = bounds.size();
        let by_width = f64::from(inner.width().max(1.0)) / width.max(1e-6);
        let by_height = f64::from(inner.height().max(1.0)) / height.max(1e-6);
        let points_per_unit = by_width.min(by_height).min(1e6);
        let [x, y] = bounds.centre();
        let off = inner.center() - area.center();
        let centre_in_map = [x - f64::from(off.x) / points_per_unit, y + f64::from(off.y) / points_per_unit];
        Self { centre_in_map, points_per_unit }
    }

    /// The screen position of a map position.
    pub fn screen_from_map(&self, area: Rect, pos: MapPos) -> Pos2 {
        let x = (f64::from(pos.x) - self.centre_in_map[0]) * self.points_per_unit;
        let y = (f64::from(pos.y) - self.centre_in_map[1]) * self.points_per_unit;
        area.center() + vec2(x as f32, -y as f32)
    }

    /// The map position shown at a screen position.
    pub fn map_from_screen(&self, area: Rect, pos: Pos2) -> [f64; 2] {
        let off = pos - area.center();
        [
            self.centre_in_map[0] + f64::from(off.x) / self.points_per_unit,
            self.centre_in_map[1] - f64::from(off.y) / self.points_per_unit,
        ]
    }

    /// The same view after a drag by `delta` screen points.
    pub fn panned(&self, delta: Vec2) -> Self {
        let [x, y] = self.centre_in_map;
        let scale = self.points_per_unit;
        Self { centre_in_map: [x - f64::from(delta.x) / scale, y + f64::from(delta.y) / scale], ..*self }
    }

    /// Zoomed in by `factor`, keeping the map position at `anchor` in place. The scale stays between `limits`.
    pub fn zoomed(&self, factor: f64, area: Rect, anchor: Pos2, limits: [f64; 2]) -> Self {
        let [x, y] = self.map_from_screen(area, anchor);
        let points_per_unit = (self.points_per_unit * factor).max(limits[0]).min(limits[1]);
        let off = anchor - area.center();
        let centre_in_map = [x - f64::from(off.x) / points_per_unit, y + f64::from(off.y) / points_per_unit];
        Self { centre_in_map, points_per_unit }
    }

    /// The camera a fraction `t` of the way to `to`, around the one map position that stays fixed on screen.
    fn towards(&self, to: &Self, t: f64) -> Self {
        let (from_scale, to_scale) = (self.points_per_unit, to.points_per_unit);
        let scale = from_scale * (to_scale / from_scale).powf(t);
        let span = from_scale.recip() - to_scale.recip();
        let share = if span.abs() * from_scale < 1e-6 { t } else { (from_scale.recip() - scale.recip()) / span };
        let mix = |i: usize| self.centre_in_map[i] + (to.centre_in_map[i] - self.centre_in_map[i]) * share;
        Self { centre_in_map: [mix(0), mix(1)], points_per_unit: scale }
    }
}

/// A rectangle of the map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapBounds {
    /// Smallest x and y.
    pub min: [f64; 2],
    /// Largest x and y.
    pub max: [f64; 2],
}

impl MapBounds {
    /// The bounds of all finite positions; `None` if there are none.
    pub fn around(positions: impl Iterator<Item = MapPos>) -> Option<Self> {
        let mut bounds = Self { min: [f64::INFINITY; 2], max: [f64::NEG_INFINITY; 2] };
        for pos in positions.filter(|p| p.x.is_finite() && p.y.is_finite()) {
            for (i, v) in [f64::from(pos.x), f64::from(pos.y)].into_iter().enumerate() {
                bounds.min[i] = bounds.min[i].min(v);
                bounds.max[i] = bounds.max[i].max(v);
            }
        }
        (bounds.min[0] <= bounds.max[0]).then_some(bounds)
    }

    /// Width and height.
    pub fn size(&self) -> [f64; 2] {
        [self.max[0] - self.min[0], self.max[1] - self.min[1]]
    }

    /// Centre.
    pub fn centre(&self) -> [f64; 2] {
        [f64::midpoint(self.max[0], self.min[0]), f64::midpoint(self.max[1], self.min[1])]
    }

    /// Scaled around its centre.
    pub fn scaled(self, factor: f64) -> Self {
        let [x, y] = self.centre();
        let [w, h] = self.size().map(|side| side * factor / 2.0);
        Self { min: [x - w, y - h], max: [x + w, y + h] }
    }

    /// The part of it that is within `other`.
    pub fn within(self, other: Self) -> Self {
        let min = [0, 1].map(|at: usize| self.min[at].max(other.min[at]));
        Self { min, max: [0, 1].map(|at: usize| self.max[at].min(other.max[at])) }
    }

    /// Whether a position is inside.
    pub fn contains(&self, pos: MapPos) -> bool {
        let pos = [f64::from(pos.x), f64::from(pos.y)];
        (0..2).all(|at| (self.min[at]..=self.max[at]).contains(&pos[at]))
    }

    /// Grown to at least `side` in width and height, around the same centre.
    pub fn with_min_size(self, side: f64) -> Self {
        let [x, y] = self.centre();
        let [w, h] = self.size().map(|s| s.max(side) / 2.0);
        Self { min: [x - w, y - h], max: [x + w, y + h] }
    }
}

/// A camera and its animation, if any.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flight {
    now: Camera,
    to: Option<(Camera, Camera, f64)>,
}

impl Flight {
    /// The camera of this frame.
    pub fn now(&self) -> Camera {
        self.now
    }

    /// The camera after the animation, or the current one if there is none.
    pub fn end(&self) -> Camera {
        self.to.map_or(self.now, |(_, to, _)| to)
    }

    /// Switches to `to` immediately.
    pub fn jump(&mut self, to: Camera) {
        *self = Self { now: to, to: None };
    }

    /// Starts an animation at `time` (seconds); switches immediately if `reduce_motion` is set.
    pub fn start(&mut self, to: Camera, time: f64, reduce_motion: bool) {
        if reduce_motion {
            self.jump(to);
        } else {
            self.to = Some((self.now, to, time));
        }
    }

    /// Advances the animation to `time`. Returns whether it is still running.
    pub fn advance(&mut self, time: f64) -> bool {
        let Some((from, to, started)) = self.to else { return false };
        let t = ease_out((time - started) / FLIGHT_SECS);
        if t >= 1.0 {
            self.jump(to);
        } else {
            self.now = from.towards(&to, t);
        }
        self.to.is_some()
    }
}

/// Cubic ease-out; `t` is clamped to [0, 1].
pub fn ease_out(t: f64) -> f64 {
    1.0 - (1.0 - t.clamp(0.0, 1.0)).powi(3)
}

/// `area` without the margins kept free for the controls.
pub fn inner(area: Rect) -> Rect {
    let (side, top, bottom) = (28.0, 44.0, 72.0);
    let min = pos2(area.left() + side, area.top() + top);
    let max = pos2(area.right() - side, area.bottom() - bottom);
    if max.x - min.x > 80.0 && max.y - min.y > 80.0 { Rect::from_min_max(min, max) } else { area }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area() -> Rect {
        Rect::from_min_size(pos2(200.0, 40.0), vec2(800.0, 600.0))
    }

    #[test]
    fn a_flight_keeps_what_is_under_the_anchor() {
        let start = Camera { centre_in_map: [0.25, -0.5], points_per_unit: 300.0 };
        let anchor = pos2(310.0, 170.0);
        let under = start.map_from_screen(area(), anchor);
        let mut flight = Flight::default();
        flight.jump(start);
        flight.start(start.zoomed(8.0, area(), anchor, [1.0, 3_000.0]), 10.0, false);
        for step in 1..=6 {
            flight.advance(10.0 + f64::from(step) * 0.05);
            let seen = flight.now().map_from_screen(area(), anchor);
            assert!((seen[0] - under[0]).abs() < 1e-9 && (seen[1] - under[1]).abs() < 1e-9, "{seen:?}");
        }
        assert!((flight.now().points_per_unit - 2400.0).abs() < 1e-6);
    }

    #[test]
    fn fits_inside_the_margins() {
        let bounds = MapBounds { min: [-1.0, -0.5], max: [1.0, 0.5] };
        let room = inner(area());
        let camera = Camera::fitting(bounds, area(), room);
        for (x, y) in [(-1.0, -0.5), (1.0, 0.5)] {
            let seen = camera.screen_from_map(area(), MapPos { x, y });
            assert!(room.expand(0.01).contains(seen), "{seen:?} in {room:?}");
        }
    }

    #[test]
    fn resolves_a_tenth_of_a_pixel_at_the_closest_view() {
        let camera = Camera { centre_in_map: [0.7, 0.3], points_per_unit: 300.0 };
        let close = camera.zoomed(1e9, area(), area().center(), [1.0, 300.0 * MAX_ZOOM]);
        let there = close.map_from_screen(area(), pos2(601.0, 340.1));
        let back = (there[0] - close.centre_in_map[0]) * close.points_per_unit;
        assert!((back - 1.0).abs() < 0.01, "{back}");
    }
}
