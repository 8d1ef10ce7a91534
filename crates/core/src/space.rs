//! The two coordinate systems of the map, and the view that leads from one to the other.

/// A position on the map, in map units: the layout of a library fills about [-1, 1] on both axes, y upwards.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MapPos {
    /// To the right.
    pub x: f32,
    /// Upwards.
    pub y: f32,
}

/// A position in the window, in points (logical pixels), y downwards.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ScreenPos {
    /// To the right.
    pub x: f32,
    /// Downwards.
    pub y: f32,
}

/// Which part of the map is seen, and where on the screen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapView {
    /// The map position in the middle of the screen area.
    pub centre_in_map: MapPos,
    /// Screen points a map unit.
    pub points_per_unit: f32,
    /// The middle of the screen area.
    pub centre_on_screen: ScreenPos,
}

impl MapView {
    /// Where on the screen a map position appears.
    pub fn screen_from_map(&self, pos: MapPos) -> ScreenPos {
        ScreenPos {
            x: self.centre_on_screen.x + (pos.x - self.centre_in_map.x) * self.points_per_unit,
            y: self.centre_on_screen.y - (pos.y - self.centre_in_map.y) * self.points_per_unit,
        }
    }

    /// Which map position is seen at a place on the screen.
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
    fn the_two_ways_undo_each_other() {
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
