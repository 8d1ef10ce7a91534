//! The names of clusters can be clicked: that selects the items of a cluster and shows them.

use std::sync::Arc;

use egui::accesskit::Role;
use egui::{CursorIcon, Rect, Sense, Ui, WidgetInfo};

use crate::context::{Ctx, Selection, format};
use vicinity_core::Clusters;

use super::MapPanel;
use super::background_task::Background;

/// Where a cluster can be clicked.
#[derive(Debug, Clone)]
pub struct ClusterTarget {
    /// On the screen.
    pub rect: Rect,
    /// Its place among all clusters.
    pub cluster: u32,
    /// These.
    pub clusters: Arc<Clusters>,
}

impl MapPanel {
    /// Handles clicks on clusters. Senses no drags, so that the map can be moved by its names, too.
    pub(super) fn click_clusters(&mut self, ui: &Ui, cx: &Ctx<'_>) {
        for target in self.targets.clone() {
            let Some(cluster) = target.clusters.all.get(target.cluster as usize) else { continue };
            if self.gesture.is_some() || self.controls.cover(target.rect.center()) {
                continue;
            }
            let id = ui.scope_id().with(("cluster", target.cluster));
            let response = ui
                .interact(target.rect.intersect(self.area), id, Sense::CLICK)
                .on_hover_cursor(CursorIcon::PointingHand);
            let items = format::count(u64::from(cluster.count), "item");
            let name = cluster.name().unwrap_or_default();
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("{name}, {items}")));
            if response.clicked() {
                self.select_cluster(ui, cx, target);
            }
        }
    }

    fn select_cluster(&mut self, ui: &Ui, cx: &Ctx<'_>, target: ClusterTarget) {
        let ClusterTarget { cluster, clusters, .. } = target;
        let Some(current) = self.cache.current.as_ref().filter(|now| now.snapshot.epoch() == clusters.epoch) else {
            return;
        };
        let (snapshot, colours) = (Arc::clone(&current.snapshot), Arc::clone(&current.colours));
        let in_frame = current.scene.len() <= super::scene_cache::MAX_ROWS_IN_FRAME;
        self.shows_selection = true;
        self.selection_task.reset();
        self.selection_task.start(Background::new(ui.ctx(), cx), (), in_frame, move || {
            let rows = (0..clusters.of_rows.len()).filter(|row| clusters.of_row(*row).any(|found| found == cluster));
            let rows = rows.filter(|row| colours.is_visible(*row));
            Arc::new(Selection::new(rows.filter_map(|row| Some(snapshot.item(row)?.id)).collect()))
        });
    }
}
