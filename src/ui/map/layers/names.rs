//! What clusters are called, with a picture of each, where `vicinity_core::placed_names` puts them.

use std::sync::Arc;

use egui::{Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Stroke, StrokeKind, Vec2, pos2, vec2};

use crate::context::Snapshot;
use vicinity_core::placed_names::{PADDING, PICTURE_SIDE, PlacedName, place};
use vicinity_core::{Clusters, ItemId, Modality, SearchResult};

use super::super::arc_key::ArcKey;
use super::super::cluster_targets::ClusterTarget;
use super::{LayerContext, LayerSwitch, MapLayer};

/// Names are drawn up to this far outside the map.
const MARGIN: f32 = 200.0;
/// How much of the map shows through the ground of a name.
const GROUND_OPACITY: f32 = 0.72;

/// The names of clusters without pictures, where [`ClusterPictures`] are off.
pub struct PlainNames;

/// The names of clusters with the picture that is most like all of each.
pub struct ClusterPictures;

/// The names of clusters, placed.
pub struct Placed {
    names: Vec<PlacedName>,
    clusters: Arc<Clusters>,
}

impl Placed {
    fn targets(&self, map: &LayerContext<'_>) -> Vec<ClusterTarget> {
        let target = |(name, at, _): (&PlacedName, Pos2, f32)| ClusterTarget {
            rect: rect(name, at),
            cluster: name.cluster,
            clusters: Arc::clone(&self.clusters),
        };
        shown(&self.names, map).map(target).collect()
    }
}

/// Where a name can be clicked.
fn rect(name: &PlacedName, at: Pos2) -> Rect {
    Rect::from_center_size(at, name.extent().into())
}

/// The hits of a search, from which it follows which clusters have none.
struct ClusterHits {
    result: Option<Arc<SearchResult>>,
    snapshot: Arc<Snapshot>,
}

impl ClusterHits {
    fn new(map: &LayerContext<'_>) -> Self {
        Self { result: map.result.cloned(), snapshot: Arc::clone(map.snapshot) }
    }

    /// Marks the names of clusters without hits, unless there are no hits at all.
    fn mark(&self, names: &mut [PlacedName], clusters: &Clusters) {
        let Some(hits) = self.result.as_ref().map(|result| result.matching()).filter(|hits| !hits.is_empty()) else {
            return;
        };
        let counts = clusters.count_rows(hits.iter().filter_map(|hit| self.snapshot.row_of(hit.item)));
        for name in names {
            name.is_faint = counts.get(name.cluster as usize) == Some(&0);
        }
    }
}

impl MapLayer for PlainNames {
    type Key = (ArcKey<Clusters>, Option<ArcKey<SearchResult>>);
    type Data = Placed;

    fn key(&self, map: &LayerContext<'_>) -> Option<Self::Key> {
        let clusters = map.clusters.filter(|_| !map.shows_cluster_pictures)?;
        Some((ArcKey(Arc::clone(clusters)), map.result.cloned().map(ArcKey)))
    }

    fn prepare(&self, map: &LayerContext<'_>) -> impl FnOnce() -> Placed + Send + 'static {
        let clusters = map.clusters.cloned().unwrap_or_default();
        let hits = ClusterHits::new(map);
        move || {
            let mut names = place(&clusters, |_| None);
            hits.mark(&mut names, &clusters);
            Placed { names, clusters }
        }
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
    type Key = (ArcKey<Clusters>, ArcKey<Snapshot>, Option<ArcKey<SearchResult>>);
    type Data = Placed;

    fn key(&self, map: &LayerContext<'_>) -> Option<Self::Key> {
        let (clusters, result) = (ArcKey(Arc::clone(map.clusters?)), map.result.cloned().map(ArcKey));
        Some((clusters, ArcKey(Arc::clone(map.snapshot)), result))
    }

    fn prepare(&self, map: &LayerContext<'_>) -> impl FnOnce() -> Placed + Send + 'static {
        let (clusters, snapshot) = (map.clusters.cloned().unwrap_or_default(), Arc::clone(map.snapshot));
        let hits = ClusterHits::new(map);
        move || {
            let is_picture = |id: &ItemId| snapshot.get(*id).is_some_and(|item| item.modality == Modality::Image);
            let mut names = place(&clusters, |cluster| Some(cluster.typical).filter(is_picture));
            hits.mark(&mut names, &clusters);
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
fn shown<'a>(names: &'a [PlacedName], map: &LayerContext<'_>) -> impl Iterator<Item = (&'a PlacedName, Pos2, f32)> {
    let (scale, area, map) = (map.params.camera.points_per_unit, map.params.area.expand(MARGIN), *map);
    let placed = names.iter().rev().map(move |name| (name, map.screen_from_map(name.at), name.opacity(scale)));
    // Not half below the legend.
    let is_free = move |rect: Rect| !map.reserved.iter().any(|reserved| reserved.intersects(rect));
    placed.filter(move |(name, at, opacity)| *opacity > 0.0 && area.contains(*at) && is_free(rect(name, *at)))
}

fn draw_names(names: &[PlacedName], map: &LayerContext<'_>, painter: &Painter) {
    shown(names, map).for_each(|(name, at, opacity)| draw_name(name, at, opacity, map, painter));
}

/// The picture above the words, both centred.
fn draw_name(name: &PlacedName, at: Pos2, opacity: f32, map: &LayerContext<'_>, painter: &Painter) {
    // Among pictures of all items, a cluster needs none of its own.
    let picture = name.picture.filter(|_| !map.shows_item_pictures).and_then(map.thumbnail);
    let below = if name.picture.is_some() { vec2(0.0, 0.5 * PICTURE_SIDE) } else { Vec2::ZERO };
    let colour = map.theme.text1.gamma_multiply(opacity);
    let text = painter.layout_no_wrap(name.text.clone(), FontId::proportional(name.size), colour);
    let space = Rect::from_center_size(at + below, text.size() + 2.0 * vec2(PADDING[0], PADDING[1]));
    painter.rect_filled(space, 4.0, map.theme.map_ground.gamma_multiply(GROUND_OPACITY * opacity));
    painter.galley(Align2::CENTER_CENTER.anchor_size(at + below, text.size()).min, text, colour);
    if let Some(texture) = picture {
        let square = Rect::from_center_size(at - vec2(0.0, 0.5 * space.height()), Vec2::splat(PICTURE_SIDE));
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
