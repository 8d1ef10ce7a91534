//! An outline around the cluster under the pointer, which may also be in the list beside the map.

use std::sync::Arc;

use egui::{Painter, Stroke};

use vicinity_core::{Clusters, MapPos};

use super::super::arc_key::ArcKey;
use super::super::scene::Scene;
use super::outline::{self, LineSegment};
use super::{LayerContext, MapLayer};

/// Items that the outline is drawn around: of more, evenly spread ones.
const MAX_ITEMS: usize = 20_000;

/// The cluster under the pointer.
pub struct PointedCluster;

/// Everything the outline depends on. Clusters and scene do not change while the pointer moves.
#[derive(PartialEq)]
pub struct OutlineKey {
    scene: ArcKey<Scene>,
    clusters: ArcKey<Clusters>,
    cluster: u32,
    scale_step: i32,
}

impl MapLayer for PointedCluster {
    type Key = OutlineKey;
    /// The cluster that the outline is of, and the outline.
    type Data = (u32, Vec<LineSegment>);

    fn key(&self, map: &LayerContext<'_>) -> Option<OutlineKey> {
        Some(OutlineKey {
            scene: ArcKey(Arc::clone(map.scene)),
            clusters: ArcKey(Arc::clone(map.clusters?)),
            cluster: map.pointed_cluster?,
            scale_step: outline::scale_step(map.target.points_per_unit),
        })
    }

    fn prepare(&self, map: &LayerContext<'_>) -> impl FnOnce() -> Self::Data + Send + 'static {
        let (scene, clusters) = (Arc::clone(map.scene), map.clusters.cloned().unwrap_or_default());
        let (cluster, step) =
            (map.pointed_cluster.unwrap_or_default(), outline::scale_step(map.target.points_per_unit));
        move || {
            let count = clusters.all.get(cluster as usize).map_or(0, |cluster| cluster.count as usize);
            let rows = clusters.rows(cluster).step_by(count.div_ceil(MAX_ITEMS).max(1));
            let positions: Vec<MapPos> = rows.filter_map(|row| scene.layout.positions.get(row)).copied().collect();
            (cluster, outline::around(&positions, outline::scale_of_step(step)))
        }
    }

    fn is_quick(&self, map: &LayerContext<'_>) -> bool {
        map.scene.len() <= super::super::scene_cache::MAX_ROWS_IN_FRAME
    }

    fn draw(&self, (cluster, outline): &Self::Data, map: &LayerContext<'_>, painter: &Painter) {
        if Some(*cluster) != map.pointed_cluster || map.params.glide_progress < 1.0 {
            return;
        }
        let stroke = Stroke::new(1.5, map.theme.text2);
        map.draw_segments(painter, outline, stroke);
    }
}
