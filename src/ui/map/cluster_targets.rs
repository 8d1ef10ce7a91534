//! The names of clusters on the map can be clicked and walked through with the keyboard: a click or Enter selects the items of a
//! cluster and shows them. Of all names one is a keyboard stop, and arrows lead from it to the others.

use std::sync::Arc;

use egui::accesskit::Role;
use egui::{CursorIcon, EventFilter, Id, Key, Modifiers, Rect, Response, Sense, Ui, Vec2, WidgetInfo};

use crate::context::commands::ClusterCommand;
use crate::context::{Ctx, Selection, format};
use crate::ui::panels::cluster_tree;
use vicinity_core::{Cluster, Clusters};

use super::MapPanel;
use super::background_task::Background;
use super::controls::draw_focus;

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
    pub(super) fn click_clusters(&mut self, ui: &mut Ui, cx: &Ctx<'_>) {
        let reachable = |target: &&ClusterTarget| {
            self.area.contains(target.rect.center()) && !self.controls.cover(target.rect.center())
        };
        let targets: Vec<ClusterTarget> = self.targets.iter().filter(reachable).cloned().collect();
        if self.gesture.is_some() {
            return;
        }
        // The one chosen last is the keyboard stop; else the largest, which is drawn last.
        let chosen = cx.state.library().cluster_state.focus;
        let is_chosen = |target: &&ClusterTarget| Some(target.cluster) == chosen;
        let stop = targets.iter().find(is_chosen).or(targets.last()).map(|target| target.cluster);
        for target in &targets {
            let Some(cluster) = target.clusters.all.get(target.cluster as usize) else { continue };
            let id = target_id(ui, target.cluster);
            let is_stop = Some(target.cluster) == stop || ui.memory(|m| m.has_focus(id));
            let sense = if is_stop { Sense::click() } else { Sense::CLICK };
            let response =
                ui.interact(target.rect.intersect(self.area), id, sense).on_hover_cursor(CursorIcon::PointingHand);
            let name = accessible_name(cx, target.cluster, cluster);
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
            if response.hovered() || response.has_focus() {
                cx.commands.point_at_cluster(target.cluster);
            }
            draw_focus(ui, &response, target.rect);
            response.context_menu(|ui| cluster_tree::menu(ui, cx, target.cluster, cluster));
            if response.clicked() {
                cx.send(ClusterCommand::Focus(target.cluster));
                self.select_cluster(ui, cx, target.cluster, &target.clusters);
            } else if let Some(next) = walk(ui, &response, target, &targets) {
                cx.send(ClusterCommand::Focus(next));
                ui.memory_mut(|m| m.request_focus(target_id(ui, next)));
            }
        }
    }

    /// Selects the items of a cluster, and shows them.
    pub(super) fn select_cluster(&mut self, ui: &Ui, cx: &Ctx<'_>, cluster: u32, clusters: &Arc<Clusters>) {
        let Some(current) = self.cache.current.as_ref().filter(|now| now.snapshot.epoch() == clusters.epoch) else {
            return;
        };
        let (snapshot, colours) = (Arc::clone(&current.snapshot), Arc::clone(&current.colours));
        let (clusters, in_frame) = (Arc::clone(clusters), current.scene.len() <= super::scene_cache::MAX_ROWS_IN_FRAME);
        self.shows_selection = true;
        self.selection_task.reset();
        self.selection_task.start(Background::new(ui.ctx(), cx), (), in_frame, move || {
            let rows = clusters.rows(cluster).filter(|row| colours.is_visible(*row));
            Arc::new(Selection::new(rows.filter_map(|row| Some(snapshot.item(row)?.id)).collect()))
        });
    }
}

fn target_id(ui: &Ui, cluster: u32) -> Id {
    ui.scope_id().with(("cluster", cluster))
}

/// `dogs, 412 items`, or `dogs, 47 of 412 items` if the filter excludes some.
fn accessible_name(cx: &Ctx<'_>, at: u32, cluster: &Cluster) -> String {
    let items = format::count(u64::from(cluster.count), "item");
    let name = cluster.name().unwrap_or_default();
    match cx.state.library().cluster_state.visible(at) {
        Some(visible) if visible != cluster.count => {
            format!("{name}, {} of {items}", format::number(u64::from(visible)))
        }
        _ => format!("{name}, {items}"),
    }
}

/// The cluster that an arrow key leads to from the one that has the focus.
fn walk(ui: &Ui, response: &Response, from: &ClusterTarget, targets: &[ClusterTarget]) -> Option<u32> {
    if !response.has_focus() {
        return None;
    }
    let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
    ui.memory_mut(|m| m.set_focus_lock_filter(response.id, arrows));
    let keys = [
        (Key::ArrowLeft, Vec2::LEFT),
        (Key::ArrowRight, Vec2::RIGHT),
        (Key::ArrowUp, Vec2::UP),
        (Key::ArrowDown, Vec2::DOWN),
    ];
    let pressed = keys.into_iter().find(|(key, _)| ui.input_mut(|i| i.consume_key(Modifiers::NONE, *key)));
    let (_, direction) = pressed?;
    next_in(direction, from, targets)
}

/// The nearest one that lies more in the direction than beside it.
fn next_in(direction: Vec2, from: &ClusterTarget, targets: &[ClusterTarget]) -> Option<u32> {
    let distance = |target: &ClusterTarget| {
        let offset = target.rect.center() - from.rect.center();
        let (along, beside) = (offset.dot(direction), offset.dot(direction.rot90()).abs());
        (target.cluster != from.cluster && along > 0.0 && along >= 0.5 * beside).then_some(along + 2.0 * beside)
    };
    let ahead = targets.iter().filter_map(|target| Some((distance(target)?, target.cluster)));
    ahead.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, cluster)| cluster)
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;

    #[test]
    fn an_arrow_leads_to_the_nearest_name_in_its_direction() {
        let target = |cluster, x, y| ClusterTarget {
            rect: Rect::from_center_size(pos2(x, y), egui::vec2(40.0, 20.0)),
            cluster,
            clusters: Arc::default(),
        };
        let all = [target(0, 0.0, 0.0), target(1, 90.0, 10.0), target(2, 60.0, 100.0), target(3, -50.0, 0.0)];
        let next = |direction| next_in(direction, &all[0], &all);
        assert_eq!([Vec2::RIGHT, Vec2::DOWN, Vec2::LEFT, Vec2::UP].map(next), [Some(1), Some(2), Some(3), None]);
    }
}
