//! An outline around the cluster under the pointer, which may also be in the list beside the map.

use std::sync::Arc;

use egui::{Painter, Rect, Stroke};

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
            scale_step: scale_step(map),
        })
    }

    fn prepare(&self, map: &LayerContext<'_>) -> impl FnOnce() -> Self::Data + Send + 'static {
        let (scene, clusters) = (Arc::clone(map.scene), map.clusters.cloned().unwrap_or_default());
        let (cluster, step) = (map.pointed_cluster.unwrap_or_default(), scale_step(map));
        move || {
            let count = clusters.all.get(cluster as usize).map_or(0, |cluster| cluster.count as usize);
            let rows = clusters.rows(cluster).step_by(count.div_ceil(MAX_ITEMS).max(1));
            let positions: Vec<MapPos> = rows.filter_map(|row| scene.layout.positions.get(row)).copied().collect();
            (cluster, outline::around(&positions, (f64::from(step) / 2.0).exp2() as f32))
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
        for segment in outline {
            let ends = segment.map(|end| map.screen_from_map(end));
            if map.params.area.intersects(Rect::from_two_pos(ends[0], ends[1])) {
                painter.line_segment(ends, stroke);
            }
        }
    }
}

/// Steps of the scale at which the outline is found again, two for each doubling.
fn scale_step(map: &LayerContext<'_>) -> i32 {
    (map.target.points_per_unit.max(1e-6).log2() * 2.0).round() as i32
}
