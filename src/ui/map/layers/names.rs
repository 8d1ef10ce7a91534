//! What clusters are called, with a picture of each: few and large ones far out, more and smaller ones nearer. Each is shown between
//! two scales, which are found once, so that none flickers while zooming: a name appears where it has room beside those that come before it,
//! the larger clusters', and stays until its level ends.

use std::cmp::Reverse;
use std::sync::Arc;

use egui::{Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Stroke, StrokeKind, Vec2, pos2, vec2};

use crate::context::Snapshot;
use vicinity_core::{Cluster, Clusters, ItemId, MapPos, Modality};

use super::super::arc_key::ArcKey;
use super::super::cluster_targets::ClusterTarget;
use super::{LayerContext, LayerSwitch, MapLayer};

/// For each level the scales, in screen points per map unit, between which its names are shown, and the size of their letters. A map
/// that fits the window has a scale of some 400.
const LEVELS: [(f64, f64, f32); 3] = [(0.0, 1_600.0, 15.0), (250.0, 7_000.0, 13.0), (900.0, f64::INFINITY, 12.0)];
/// The share of a scale within which a name fades in or out.
const FADE: f64 = 0.07;
/// Width of a letter, and height of a line, as a share of the size.
const LETTER: f32 = 0.56;
const WIDE_LETTER: f32 = 1.0;
const LINE: f32 = 1.3;
/// Space within the ground of a name.
const PADDING: [f32; 2] = [5.0, 2.0];
/// Space between names.
const GAP: f32 = 6.0;
/// Names are drawn up to this far outside the map.
const MARGIN: f32 = 200.0;
/// Side of a picture.
const PICTURE: f32 = 46.0;
/// How much of the map shows through the ground of a name.
const GROUND_OPACITY: f32 = 0.72;

/// The names of clusters without pictures, where [`ClusterPictures`] are off.
pub struct ClusterNames;

/// The names of clusters with the picture that is most like all of each.
pub struct ClusterPictures;

/// The names of clusters, placed.
pub struct Placed {
    names: Vec<Name>,
    clusters: Arc<Clusters>,
}

impl Placed {
    fn targets(&self, map: &LayerContext<'_>) -> Vec<ClusterTarget> {
        let target = |(name, at, _): (&Name, Pos2, f32)| ClusterTarget {
            rect: name.rect(at),
            cluster: name.cluster,
            clusters: Arc::clone(&self.clusters),
        };
        shown(&self.names, map).map(target).collect()
    }
}

/// A name and where and when it is shown.
#[derive(Debug, PartialEq)]
pub struct Name {
    text: String,
    /// Its place among all clusters.
    cluster: u32,
    /// A picture above it.
    picture: Option<ItemId>,
    at: MapPos,
    /// Height of the letters.
    size: f32,
    /// Scales between which it is shown.
    scales: (f64, f64),
}

impl Name {
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
        })
    }

    /// About the space that it takes on the screen.
    fn space(&self) -> [f64; 2] {
        let side = if self.picture.is_some() { PICTURE } else { 0.0 };
        let letters: f32 = self.text.chars().map(|letter| if letter.is_ascii() { LETTER } else { WIDE_LETTER }).sum();
        let width = (letters * self.size + 2.0 * PADDING[0]).max(side);
        [f64::from(width + GAP), f64::from(self.size * LINE + 2.0 * PADDING[1] + side + GAP)]
    }

    /// Where it can be clicked.
    fn rect(&self, at: Pos2) -> Rect {
        let [width, height] = self.space();
        Rect::from_center_size(at, vec2(width as f32 - GAP, height as f32 - GAP))
    }

    /// The scale from which two names do not touch.
    fn apart_from(&self, other: &Self) -> f64 {
        let (a, b) = (self.space(), other.space());
        let along = |side: usize, distance: f32| {
            let distance = f64::from(distance.abs());
            if distance > 0.0 { 0.5 * (a[side] + b[side]) / distance } else { f64::INFINITY }
        };
        along(0, self.at.x - other.at.x).min(along(1, self.at.y - other.at.y))
    }

    /// Between 0 and 1.
    fn opacity(&self, scale: f64) -> f32 {
        let (from, until) = self.scales;
        let rising = if from > 0.0 { (scale / from - 1.0) / FADE } else { 1.0 };
        let falling = if until.is_finite() { (until / scale - 1.0) / FADE } else { 1.0 };
        rising.min(falling).clamp(0.0, 1.0) as f32
    }
}

/// The names of all clusters with the scales at which they have room.
fn place(clusters: &Clusters, picture: impl Fn(&Cluster) -> Option<ItemId>) -> Vec<Name> {
    let mut order: Vec<(usize, &Cluster)> = clusters.all.iter().enumerate().collect();
    order.sort_by_key(|(_, cluster)| (cluster.levels.0, Reverse(cluster.count)));
    let mut placed: Vec<Name> = Vec::new();
    for (at, cluster) in order {
        let Some(mut name) = Name::of(at, cluster) else { continue };
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

impl MapLayer for ClusterNames {
    type Key = ArcKey<Clusters>;
    type Data = Placed;

    fn key(&self, map: &LayerContext<'_>) -> Option<ArcKey<Clusters>> {
        Some(ArcKey(Arc::clone(map.clusters.filter(|_| !map.shows_cluster_pictures)?)))
    }

    fn prepare(&self, map: &LayerContext<'_>) -> impl FnOnce() -> Placed + Send + 'static {
        let clusters = map.clusters.cloned().unwrap_or_default();
        move || Placed { names: place(&clusters, |_| None), clusters }
    }

    fn is_quick(&self, _map: &LayerContext<'_>) -> bool {
        false
    }

    fn switch(&self) -> Option<LayerSwitch> {
        Some(LayerSwitch { name: "Names", tooltip: "What the items of each cluster have in common" })
    }

    fn cluster_targets(&self, placed: &Placed, map: &LayerContext<'_>) -> Vec<ClusterTarget> {
        placed.targets(map)
    }

    fn draw(&self, placed: &Placed, map: &LayerContext<'_>, painter: &Painter) {
        draw_names(&placed.names, map, painter);
    }
}

impl MapLayer for ClusterPictures {
    type Key = (ArcKey<Clusters>, ArcKey<Snapshot>);
    type Data = Placed;

    fn key(&self, map: &LayerContext<'_>) -> Option<Self::Key> {
        Some((ArcKey(Arc::clone(map.clusters?)), ArcKey(Arc::clone(map.snapshot))))
    }

    fn prepare(&self, map: &LayerContext<'_>) -> impl FnOnce() -> Placed + Send + 'static {
        let (clusters, snapshot) = (map.clusters.cloned().unwrap_or_default(), Arc::clone(map.snapshot));
        move || {
            let is_picture = |id: &ItemId| snapshot.get(*id).is_some_and(|item| item.modality == Modality::Image);
            let names = place(&clusters, |cluster| Some(cluster.typical).filter(is_picture));
            Placed { names, clusters }
        }
    }

    fn is_quick(&self, _map: &LayerContext<'_>) -> bool {
        false
    }

    fn switch(&self) -> Option<LayerSwitch> {
        Some(CLUSTER_PICTURES)
    }

    fn cluster_targets(&self, placed: &Placed, map: &LayerContext<'_>) -> Vec<ClusterTarget> {
        placed.targets(map)
    }

    fn draw(&self, placed: &Placed, map: &LayerContext<'_>, painter: &Painter) {
        draw_names(&placed.names, map, painter);
    }
}

/// The switch of [`ClusterPictures`].
pub const CLUSTER_PICTURES: LayerSwitch =
    LayerSwitch { name: "Names with pictures", tooltip: "A typical picture of each cluster above its name" };

/// The names that are shown, with their places on the screen and opacities; what was placed last comes first.
fn shown<'a>(names: &'a [Name], map: &LayerContext<'_>) -> impl Iterator<Item = (&'a Name, Pos2, f32)> {
    let (scale, area, map) = (map.params.camera.points_per_unit, map.params.area.expand(MARGIN), *map);
    let placed = names.iter().rev().map(move |name| (name, map.screen_from_map(name.at), name.opacity(scale)));
    placed.filter(move |(_, at, opacity)| *opacity > 0.0 && area.contains(*at))
}

fn draw_names(names: &[Name], map: &LayerContext<'_>, painter: &Painter) {
    shown(names, map).for_each(|(name, at, opacity)| draw_name(name, at, opacity, map, painter));
}

/// The picture above the words, both centred.
fn draw_name(name: &Name, at: Pos2, opacity: f32, map: &LayerContext<'_>, painter: &Painter) {
    // Among pictures of all items, a cluster needs none of its own.
    let picture = name.picture.filter(|_| !map.shows_item_pictures).and_then(map.thumbnail);
    let below = if name.picture.is_some() { vec2(0.0, 0.5 * PICTURE) } else { Vec2::ZERO };
    let colour = map.theme.text1.gamma_multiply(opacity);
    let text = painter.layout_no_wrap(name.text.clone(), FontId::proportional(name.size), colour);
    let space = Rect::from_center_size(at + below, text.size() + 2.0 * vec2(PADDING[0], PADDING[1]));
    painter.rect_filled(space, 4.0, map.theme.map_ground.gamma_multiply(GROUND_OPACITY * opacity));
    painter.galley(Align2::CENTER_CENTER.anchor_size(at + below, text.size()).min, text, colour);
    if let Some(texture) = picture {
        let square = Rect::from_center_size(at - vec2(0.0, 0.5 * space.height()), Vec2::splat(PICTURE));
        let whole =
            egui::epaint::RectShape::filled(square, CornerRadius::same(6), Color32::WHITE.gamma_multiply(opacity));
        painter.add(whole.with_texture(texture.id(), middle_of(texture.size_vec2())));
        let edge = Stroke::new(1.5, map.theme.map_ground.gamma_multiply(opacity));
        painter.rect_stroke(square, CornerRadius::same(6), edge, StrokeKind::Outside);
    }
}

/// The square in the middle of a texture.
pub fn middle_of(size: Vec2) -> Rect {
    let side = size.min_elem().max(1.0);
    Rect::from_center_size(pos2(0.5, 0.5), Vec2::splat(side) / size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vicinity_core::ItemId;

    fn cluster(name: &str, x: f32, y: f32, count: u32, levels: (u8, u8), parent: Option<u32>) -> Cluster {
        let names = vec![name.to_owned()];
        Cluster { names, parent, levels, count, centre: MapPos { x, y }, typical: ItemId(0) }
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

    fn shown_at(names: &[Name], scale: f64) -> Vec<&Name> {
        names.iter().filter(|name| (name.scales.0..name.scales.1).contains(&scale)).collect()
    }

    #[test]
    fn names_that_are_shown_together_never_touch() {
        assert_apart(&place(&clusters(), |_| None));
        assert_apart(&place(&clusters(), |cluster| (cluster.count > 99).then_some(cluster.typical)));
    }

    fn assert_apart(names: &[Name]) {
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
        let name = Name {
            text: String::new(),
            cluster: 0,
            picture: None,
            at: MapPos::default(),
            size: 12.0,
            scales: (100.0, 1_000.0),
        };
        assert_eq!([99.0, 100.0, 120.0, 500.0, 1_000.0].map(|scale| name.opacity(scale)), [0.0, 0.0, 1.0, 1.0, 0.0]);
        assert!((0.4..0.6).contains(&name.opacity(103.5)));
    }
}
