//! Where the names of clusters are written on a map, and at which scales: few and large ones far out, more and smaller ones nearer.
//! Each has two scales between which it is shown, which are found once, so that none flickers while zooming: a name appears where it
//! has room beside those that come before it, the larger clusters', and stays until its level ends.

use std::cmp::Reverse;

use super::cluster::{Cluster, Clusters};
use super::item::ItemId;
use super::space::MapPos;

/// For each level the scales, in screen points per map unit, between which its names are shown, and the size of their letters. A map
/// that fits the window has a scale of some 400.
const LEVELS: [(f64, f64, f32); 3] = [(0.0, 1_600.0, 15.0), (250.0, 7_000.0, 13.0), (900.0, f64::INFINITY, 12.0)];
/// The share of a scale within which a name fades in or out.
const FADE: f64 = 0.07;
/// Opacity of a name that stands back.
const FAINT: f32 = 0.42;
/// Width of a letter, and height of a line, as a share of the size.
const LETTER: f32 = 0.56;
const WIDE_LETTER: f32 = 1.0;
const LINE: f32 = 1.3;
/// Space between names, points.
const GAP: f32 = 6.0;
/// Space within the ground of a name, points: at its sides, and above and below.
pub const PADDING: [f32; 2] = [5.0, 2.0];
/// Side of the picture above a name, points.
pub const PICTURE_SIDE: f32 = 46.0;

/// The name of a cluster, and where and when it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedName {
    /// The name.
    pub text: String,
    /// The cluster, by its place in [`Clusters::all`].
    pub cluster: u32,
    /// A picture above the name.
    pub picture: Option<ItemId>,
    /// The middle of name and picture.
    pub at: MapPos,
    /// Height of the letters, points.
    pub size: f32,
    /// Scales between which it is shown, points per map unit.
    pub scales: (f64, f64),
    /// Whether it stands back behind the others.
    pub is_faint: bool,
}

impl PlacedName {
    fn of(at: usize, cluster: &Cluster) -> Option<Self> {
        let (coarsest, finest) =
            (LEVELS.get(usize::from(cluster.levels.0))?, LEVELS.get(usize::from(cluster.levels.1))?);
        let text = cluster.name()?.to_owned();
        Some(Self {
            text,
            cluster: at as u32,
            picture: None,
            at: cluster.centre,
            size: coarsest.2,
            scales: (coarsest.0, finest.1),
            is_faint: false,
        })
    }

    /// About the width and height of name and picture, points.
    pub fn extent(&self) -> [f32; 2] {
        let side = if self.picture.is_some() { PICTURE_SIDE } else { 0.0 };
        let letters: f32 = self.text.chars().map(|letter| if letter.is_ascii() { LETTER } else { WIDE_LETTER }).sum();
        let width = (letters * self.size + 2.0 * PADDING[0]).max(side);
        [width, self.size * LINE + 2.0 * PADDING[1] + side]
    }

    /// The scale from which two names do not touch.
    fn apart_from(&self, other: &Self) -> f64 {
        let (a, b) = (self.extent(), other.extent());
        let along = |side: usize, distance: f32| {
            let distance = f64::from(distance.abs());
            let space = f64::from(0.5 * (a[side] + b[side]) + GAP);
            if distance > 0.0 { space / distance } else { f64::INFINITY }
        };
        along(0, self.at.x - other.at.x).min(along(1, self.at.y - other.at.y))
    }

    /// How opaque it is at a scale, between 0 and 1.
    pub fn opacity(&self, scale: f64) -> f32 {
        let (from, until) = self.scales;
        let rising = if from > 0.0 { (scale / from - 1.0) / FADE } else { 1.0 };
        let falling = if until.is_finite() { (until / scale - 1.0) / FADE } else { 1.0 };
        let faint = if self.is_faint { FAINT } else { 1.0 };
        rising.min(falling).clamp(0.0, 1.0) as f32 * faint
    }
}

/// The names of all clusters with the scales at which they have room; what comes first goes before what comes later. `picture` is the
/// item whose picture stands above a name.
pub fn place(clusters: &Clusters, picture: impl Fn(&Cluster) -> Option<ItemId>) -> Vec<PlacedName> {
    let mut order: Vec<(usize, &Cluster)> = clusters.all.iter().enumerate().collect();
    order.sort_by_key(|(_, cluster)| (cluster.levels.0, Reverse(cluster.count)));
    let mut placed: Vec<PlacedName> = Vec::new();
    for (at, cluster) in order {
        let Some(mut name) = PlacedName::of(at, cluster) else { continue };
        name.picture = picture(cluster);
        for other in &placed {
            let apart = name.apart_from(other).min(other.scales.1);
            if other.scales.0 < apart {
                name.scales.0 = name.scales.0.max(apart);
            }
        }
        if name.scales.0 < name.scales.1 {
            placed.push(name);
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(name: &str, x: f32, y: f32, count: u32, levels: (u8, u8), parent: Option<u32>) -> Cluster {
        let names = vec![name.to_owned()];
        Cluster { names, parent, levels, count, centre: MapPos { x, y }, ..Cluster::default() }
    }

    fn clusters() -> Clusters {
        let mut all = vec![
            cluster("animals", -0.4, 0.0, 400, (0, 0), None),
            cluster("vehicles", 0.5, 0.0, 300, (0, 2), None),
            cluster("dogs", -0.4, 0.02, 300, (1, 1), Some(0)),
            cluster("cats", -0.6, 0.1, 100, (1, 2), Some(0)),
        ];
        // A dense heap of parts.
        all.extend((0..60).map(|i| {
            let (x, y) = (i % 8, i / 8);
            cluster(&format!("breed {i}"), -0.4 + 0.004 * x as f32, 0.004 * y as f32, 5, (2, 2), Some(2))
        }));
        Clusters { all, ..Clusters::default() }
    }

    fn shown_at(names: &[PlacedName], scale: f64) -> Vec<&PlacedName> {
        names.iter().filter(|name| (name.scales.0..name.scales.1).contains(&scale)).collect()
    }

    #[test]
    fn names_that_are_shown_together_never_touch() {
        assert_apart(&place(&clusters(), |_| None));
        assert_apart(&place(&clusters(), |cluster| (cluster.count > 99).then_some(cluster.typical)));
    }

    fn assert_apart(names: &[PlacedName]) {
        for step in 0..300 {
            let scale = 100.0 * 1.03f64.powi(step);
            let shown = shown_at(names, scale);
            for (at, name) in shown.iter().enumerate() {
                assert!(shown[..at].iter().all(|other| name.apart_from(other) <= scale), "{name:?} at {scale}");
            }
        }
    }

    #[test]
    fn far_out_there_are_the_large_ones_and_near_all_of_the_finest_level() {
        let names = place(&clusters(), |_| None);
        let texts = |scale: f64| shown_at(&names, scale).iter().map(|name| name.text.as_str()).collect::<Vec<_>>();
        assert_eq!(texts(200.0), ["animals", "vehicles"]);
        let near = texts(1e6);
        assert!(near.contains(&"breed 59") && near.contains(&"vehicles") && near.contains(&"cats"), "{near:?}");
        assert!(!near.contains(&"animals") && !near.contains(&"dogs"));
    }

    #[test]
    fn a_name_fades_in_and_out() {
        let name = PlacedName {
            text: String::new(),
            cluster: 0,
            picture: None,
            at: MapPos::default(),
            size: 12.0,
            scales: (100.0, 1_000.0),
            is_faint: false,
        };
        assert_eq!([99.0, 100.0, 120.0, 500.0, 1_000.0].map(|scale| name.opacity(scale)), [0.0, 0.0, 1.0, 1.0, 0.0]);
        assert!((0.4..0.6).contains(&name.opacity(103.5)));
    }
}
