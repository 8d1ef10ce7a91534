//! Places on Earth that a condition asks for.

use std::fmt;

/// Mean radius of the Earth, metres (IUGG).
const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// A part of the Earth. Positions are degrees north and east.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GeoArea {
    /// Between two corners, eastwards from the first to the second, so it may cross the meridian of 180 degrees.
    Box([[f64; 2]; 2]),
    /// Everything up to a distance from a point.
    Circle {
        /// The point.
        centre: [f64; 2],
        /// The distance, metres.
        radius_m: f64,
    },
}

impl GeoArea {
    /// Whether a position belongs to it.
    pub fn contains(&self, [north, east]: [f32; 2]) -> bool {
        let position = [f64::from(north), f64::from(east)];
        match self {
            Self::Box([[a, west], [b, east]]) => {
                let between = if west <= east {
                    (*west..=*east).contains(&position[1])
                } else {
                    position[1] >= *west || position[1] <= *east
                };
                between && (a.min(*b)..=a.max(*b)).contains(&position[0])
            }
            Self::Circle { centre, radius_m } => distance_m(*centre, position) <= *radius_m,
        }
    }
}

/// Distance on a sphere, metres (haversine).
fn distance_m(a: [f64; 2], b: [f64; 2]) -> f64 {
    let [(lat1, lon1), (lat2, lon2)] = [a, b].map(|[lat, lon]| (lat.to_radians(), lon.to_radians()));
    let half = |angle: f64| (angle / 2.0).sin().powi(2);
    let chord = half(lat2 - lat1) + lat1.cos() * lat2.cos() * half(lon2 - lon1);
    2.0 * EARTH_RADIUS_M * chord.sqrt().min(1.0).asin()
}

impl fmt::Display for GeoArea {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Box([[south, west], [north, east]]) => write!(f, "within {south},{west} {north},{east}"),
            Self::Circle { centre: [north, east], radius_m } => {
                let km = radius_m / 1000.0;
                write!(f, "near {north},{east} ")?;
                if km >= 1.0 && km * 1000.0 == *radius_m { write!(f, "{km} km") } else { write!(f, "{radius_m} m") }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_may_cross_the_date_line() {
        let fiji = GeoArea::Box([[-21.0, 176.0], [-12.0, -178.0]]);
        for (position, inside) in
            [([-18.0, 178.0], true), ([-17.0, -179.5], true), ([-18.0, 0.0], false), ([0.0, 178.0], false)]
        {
            assert_eq!(fiji.contains(position), inside, "{position:?}");
        }
        let zurich = [47.37, 8.54];
        for corners in [[[45.8, 5.9], [47.9, 10.5]], [[47.9, 5.9], [45.8, 10.5]]] {
            assert!(
                GeoArea::Box(corners).contains(zurich) && !GeoArea::Box(corners).contains([52.5, 13.4]),
                "{corners:?}"
            );
        }
    }

    #[test]
    fn distances_are_those_on_the_sphere() {
        // Zurich to Bern, and over the pole.
        assert!((distance_m([47.3769, 8.5417], [46.948, 7.4474]) - 95_500.0).abs() < 500.0);
        assert!((distance_m([89.0, 0.0], [89.0, 180.0]) - 222_390.0).abs() < 50.0);
        assert!((distance_m([0.0, 179.5], [0.0, -179.5]) - 111_195.0).abs() < 50.0);
        let near = GeoArea::Circle { centre: [47.37, 8.54], radius_m: 10_000.0 };
        assert!(near.contains([47.4, 8.5]) && !near.contains([47.5, 8.54]));
    }
}
