//! Where the map is looked at from, and how the view moves there.
//!
//! In f64: at deep zoom a screen point is less than the spacing of f32 around the centre.

use egui::{Pos2, Rect, Vec2, pos2, vec2};

use vicinity_core::MapPos;

/// Seconds that a flight takes.
const FLIGHT_SECS: f64 = 0.25;
/// Closest view, relative to the one that shows everything.
const CLOSEST: f64 = 20_000.0;
/// Furthest view, relative to the one that shows everything.
const FURTHEST: f64 = 0.25;

/// What part of the map is seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    /// Map position in the middle of the screen area; y upwards.
    pub centre_in_map: [f64; 2],
    /// Screen points a map unit.
    pub points_per_unit: f64,
}

impl Default for Camera {
    fn default() -> Self {
        Self { centre_in_map: [0.0; 2], points_per_unit: 300.0 }
    }
}

impl Camera {
    /// The camera that shows `bounds` (in map units) inside `inner`, a part of the screen area `area`.
    pub fn fitting(bounds: Bounds, area: Rect, inner: Rect) -> Self {
        let [width, height] = bounds.size();
        let by_width = f64::from(inner.width().max(1.0)) / width.max(1e-6);
        let by_height = f64::from(inner.height().max(1.0)) / height.max(1e-6);
        let points_per_unit = by_width.min(by_height).min(1e6);
        let [x, y] = bounds.centre();
        let off = inner.center() - area.center();
        let centre_in_map = [x - f64::from(off.x) / points_per_unit, y + f64::from(off.y) / points_per_unit];
        Self { centre_in_map, points_per_unit }
    }

    /// Where a map position appears in the screen area.
    pub fn screen_from_map(&self, area: Rect, pos: MapPos) -> Pos2 {
        let x = (f64::from(pos.x) - self.centre_in_map[0]) * self.points_per_unit;
        let y = (f64::from(pos.y) - self.centre_in_map[1]) * self.points_per_unit;
        area.center() + vec2(x as f32, -y as f32)
    }

    /// Which map position is seen at a place of the screen area.
    pub fn map_from_screen(&self, area: Rect, pos: Pos2) -> [f64; 2] {
        let off = pos - area.center();
        [
            self.centre_in_map[0] + f64::from(off.x) / self.points_per_unit,
            self.centre_in_map[1] - f64::from(off.y) / self.points_per_unit,
        ]
    }

    /// The same view, moved with a drag by `delta` screen points.
    pub fn panned(&self, delta: Vec2) -> Self {
        let [x, y] = self.centre_in_map;
        let scale = self.points_per_unit;
        Self { centre_in_map: [x - f64::from(delta.x) / scale, y + f64::from(delta.y) / scale], ..*self }
    }

    /// Closer by `factor`, with the same map position at `anchor`; within the limits around `fit`, the scale that
    /// shows everything.
    pub fn zoomed(&self, factor: f64, area: Rect, anchor: Pos2, fit: f64) -> Self {
        let [x, y] = self.map_from_screen(area, anchor);
        let points_per_unit = (self.points_per_unit * factor).clamp(fit * FURTHEST, fit * CLOSEST);
        let off = anchor - area.center();
        let centre_in_map = [x - f64::from(off.x) / points_per_unit, y + f64::from(off.y) / points_per_unit];
        Self { centre_in_map, points_per_unit }
    }

    /// A share `t` of the way to `to`, around the one map position that stays where it is on the screen.
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
pub struct Bounds {
    /// Lowest x and y.
    pub min: [f64; 2],
    /// Highest x and y.
    pub max: [f64; 2],
}

impl Bounds {
    /// Around all finite positions; `None` where there are none.
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

    /// The middle.
    pub fn centre(&self) -> [f64; 2] {
        [(self.max[0] + self.min[0]) / 2.0, (self.max[1] + self.min[1]) / 2.0]
    }

    /// At least `side` wide and high, around the same middle.
    pub fn at_least(self, side: f64) -> Self {
        let [x, y] = self.centre();
        let [w, h] = self.size().map(|s| s.max(side) / 2.0);
        Self { min: [x - w, y - h], max: [x + w, y + h] }
    }
}

/// A camera and the flight it may be on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flight {
    now: Camera,
    to: Option<(Camera, Camera, f64)>,
}

impl Flight {
    /// The view of this frame.
    pub fn now(&self) -> Camera {
        self.now
    }

    /// Where the view is, or will be once the flight is over.
    pub fn end(&self) -> Camera {
        self.to.map_or(self.now, |(_, to, _)| to)
    }

    /// Goes there at once.
    pub fn jump(&mut self, to: Camera) {
        *self = Self { now: to, to: None };
    }

    /// Sets off at `time` (seconds); at once where motion is not wanted.
    pub fn start(&mut self, to: Camera, time: f64, reduce_motion: bool) {
        if reduce_motion {
            self.jump(to);
        } else {
            self.to = Some((self.now, to, time));
        }
    }

    /// Moves on to `time`; whether there is more to come.
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

/// Fast at first, then slower (cubic); `t` in [0, 1].
pub fn ease_out(t: f64) -> f64 {
    1.0 - (1.0 - t.clamp(0.0, 1.0)).powi(3)
}

/// `area` without the margins that the overlays take.
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
        flight.start(start.zoomed(8.0, area(), anchor, 300.0), 10.0, false);
        for step in 1..=6 {
            flight.advance(10.0 + f64::from(step) * 0.05);
            let seen = flight.now().map_from_screen(area(), anchor);
            assert!((seen[0] - under[0]).abs() < 1e-9 && (seen[1] - under[1]).abs() < 1e-9, "{seen:?}");
        }
        assert!((flight.now().points_per_unit - 2400.0).abs() < 1e-6);
    }

    #[test]
    fn fits_inside_the_margins() {
        let bounds = Bounds { min: [-1.0, -0.5], max: [1.0, 0.5] };
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
        let close = camera.zoomed(1e9, area(), area().center(), 300.0);
        let there = close.map_from_screen(area(), pos2(601.0, 340.1));
        let back = (there[0] - close.centre_in_map[0]) * close.points_per_unit;
        assert!((back - 1.0).abs() < 0.01, "{back}");
    }
}
