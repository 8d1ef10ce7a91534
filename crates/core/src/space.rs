//! The two coordinate systems of the map, and the conversion between them.

/// A position on the map, in map units: the layout of a library fills about [-1, 1] on both axes, y upwards.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MapPos {
    /// Rightwards.
    pub x: f32,
    /// Upwards.
    pub y: f32,
}

/// A position in the window, in points (logical pixels), y downwards.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ScreenPos {
    /// Rightwards.
    pub x: f32,
    /// Downwards.
    pub y: f32,
}

/// The visible part of the map and its place on the screen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapView {
    /// The map position at the centre of the screen area.
    pub centre_in_map: MapPos,
    /// Screen points per map unit.
    pub points_per_unit: f32,
    /// The centre of the screen area.
    pub centre_on_screen: ScreenPos,
}

impl MapView {
    /// The screen position of a map position.
    pub fn screen_from_map(&self, pos: MapPos) -> ScreenPos {
        ScreenPos {
            x: self.centre_on_screen.x + (pos.x - self.centre_in_map.x) * self.points_per_unit,
            y: self.centre_on_screen.y - (pos.y - self.centre_in_map.y) * self.points_per_unit,
        }
    }

    /// The map position at a screen position.
    pub fn map_from_screen(&self, pos: ScreenPos) -> MapPos {
        MapPos {
            x: self.centre_in_map.x + (pos.x - self.centre_on_screen.x) / self.points_per_unit,
            y: self.centre_in_map.y - (pos.y - self.centre_on_screen.y) / self.points_per_unit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_conversions_are_inverse() {
        let view = MapView {
            centre_in_map: MapPos { x: 0.25, y: -0.5 },
            points_per_unit: 400.0,
            centre_on_screen: ScreenPos { x: 700.0, y: 450.0 },
        };
        let there = view.screen_from_map(MapPos { x: 0.75, y: 0.0 });
        assert_eq!(there, ScreenPos { x: 900.0, y: 250.0 });
        assert_eq!(view.map_from_screen(there), MapPos { x: 0.75, y: 0.0 });
    }
}
