//! Which part of the map is in view, to go back to it.

/// Screen points by which a view may be moved and still count as the same.
const SAME_POINTS: f64 = 40.0;
/// Factor by which it may be enlarged.
const SAME_SCALE: f64 = 1.15;

/// The part of the map that is in view.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Viewpoint {
    /// Map position at the centre.
    pub centre_in_map: [f64; 2],
    /// Screen points per map unit.
    pub points_per_unit: f64,
}

impl Viewpoint {
    /// Whether two views differ so little that nobody would go back from one to the other.
    pub fn is_near(&self, other: &Self) -> bool {
        let ratio = self.points_per_unit / other.points_per_unit;
        let moved = [0, 1].map(|axis| (self.centre_in_map[axis] - other.centre_in_map[axis]) * self.points_per_unit);
        (SAME_SCALE.recip()..=SAME_SCALE).contains(&ratio) && moved[0].hypot(moved[1]) <= SAME_POINTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_move_is_no_other_view() {
        let view = Viewpoint { centre_in_map: [1.0, -2.0], points_per_unit: 100.0 };
        let moved = |x, scale| Viewpoint { centre_in_map: [1.0 + x, -2.0], points_per_unit: 100.0 * scale };
        assert!(view.is_near(&moved(0.3, 1.0)) && view.is_near(&moved(0.0, 1.1)) && view.is_near(&moved(0.0, 0.9)));
        assert!(!view.is_near(&moved(0.5, 1.0)) && !view.is_near(&moved(0.0, 1.2)) && !view.is_near(&moved(0.0, 0.8)));
    }
}
