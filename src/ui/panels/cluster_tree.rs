//! The clusters of the map as a tree in the left panel: a click shows one on the map and selects its items.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use egui::{Id, Response, Sense, Ui, vec2};

use super::date_fields::{FilterField, note};
use super::tree_rows::{TreeAct, keys, show_rows};
use crate::context::commands::ClusterCommand;
use crate::context::format;
use crate::context::{ClusterState, Ctx};
use crate::ui::theme::{SPACE, Theme};
use crate::ui::widgets::buttons;
use crate::ui::widgets::rows::{Leading, PanelRow, heading, on_arrow, section_line};
use vicinity_core::name::fold;
use vicinity_core::{Cluster, Clusters};

/// Clusters of the coarsest level that are listed at first.
const LISTED: usize = 8;
/// From so many clusters on, they can be searched.
const SEARCHED: usize = 12;
/// Clusters that a search lists.
const MAX_FOUND: usize = 60;
/// What a cluster without a name is called.
pub const NO_NAME: &str = "No name";

/// One row of the tree.
#[derive(Debug, Clone, PartialEq)]
struct ClusterRow {
    cluster: u32,
    name: String,
    depth: u8,
    /// Whether its parts are shown; `None` if it has none.
    open: Option<bool>,
}

/// State of the section.
#[derive(Default)]
pub struct ClusterPanel {
    /// Clusters whose parts are shown.
    open: HashSet<u32>,
    /// Whether all of the coarsest level are listed.
    lists_all: bool,
    typed: String,
    rows: Vec<ClusterRow>,
    /// Clusters of the coarsest level.
    coarsest: usize,
    /// What `rows` were made of.
    known: Option<Arc<Clusters>>,
    is_changed: bool,
}

impl ClusterPanel {
    /// Draws the section, if there are clusters.
    pub fn show(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let Some(clusters) = ctx.state.library().clusters.as_ref().filter(|clusters| clusters.all.len() > 1) else {
            *self = Self::default();
            return;
        };
        section_line(ui);
        heading(ui, "Clusters");
        if clusters.all.len() >= SEARCHED {
            self.search(ui);
        }
        self.update(clusters);
        if self.rows.is_empty() {
            note(ui, "No cluster has this name", Theme::of(ui.ctx()).text2);
        }
        let rows = &self.rows;
        let id = |at: usize| rows.get(at).map(row_id);
        let toggled = show_rows(ui, rows.len(), id, |ui, at| show_row(ui, ctx, clusters, rows, at));
        if let Some(cluster) = toggled.and_then(|at| rows.get(at)).map(|row| row.cluster) {
            if !self.open.remove(&cluster) {
                self.open.insert(cluster);
            }
            self.is_changed = true;
        }
        self.show_rest(ui);
    }

    fn search(&mut self, ui: &mut Ui) {
        let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::hover());
        let name = "Find clusters";
        let id = Id::unique("find clusters");
        let rect = row.shrink2(vec2(SPACE[1], 2.0));
        let field = FilterField { id, rect, name, hint: name, limit: 100, is_wrong: false };
        if field.show(ui, &mut self.typed).changed() {
            self.is_changed = true;
        }
    }

    /// Shows all of the coarsest level, or the largest ones only.
    fn show_rest(&mut self, ui: &mut Ui) {
        if self.coarsest <= LISTED || !self.typed.trim().is_empty() {
            return;
        }
        let name = if self.lists_all { "Fewer clusters" } else { "All clusters" };
        let right = if self.lists_all { String::new() } else { format::number(self.coarsest as u64) };
        let colour = Theme::of(ui.ctx()).text2;
        let row = PanelRow { lead: Leading::Tree(0, None), name, right: &right, selected: false, colour };
        if row.show_as(ui, Id::unique("all clusters")).clicked() {
            self.lists_all = !self.lists_all;
            self.is_changed = true;
        }
    }

    fn update(&mut self, clusters: &Arc<Clusters>) {
        let known = self.known.as_ref();
        if known.is_some_and(|known| Arc::ptr_eq(known, clusters)) && !self.is_changed {
            return;
        }
        // After a cluster was named, the same parts stay open.
        if known.is_none_or(|known| !known.are_of_same_map(clusters)) {
            self.open.clear();
        }
        (self.known, self.is_changed) = (Some(Arc::clone(clusters)), false);
        let typed = fold(self.typed.trim());
        self.rows = if typed.is_empty() { self.list(clusters) } else { found(clusters, &typed) };
    }

    /// The clusters of the coarsest level, the largest first, with the parts of those that are open.
    fn list(&mut self, clusters: &Clusters) -> Vec<ClusterRow> {
        let mut parts: Vec<Vec<u32>> = vec![Vec::new(); clusters.all.len()];
        let mut top = Vec::new();
        for (at, cluster) in (0..).zip(&clusters.all) {
            match cluster.parent.and_then(|parent| parts.get_mut(parent as usize)) {
                Some(parts) => parts.push(at),
                None => top.push(at),
            }
        }
        let count = |at: &u32| Reverse(clusters.all.get(*at as usize).map_or(0, |cluster| cluster.count));
        top.sort_by_key(count);
        self.coarsest = top.len();
        if !self.lists_all {
            top.truncate(LISTED);
        }
        let mut waiting: Vec<(u32, u8)> = top.into_iter().rev().map(|at| (at, 0)).collect();
        let mut rows = Vec::new();
        while let Some((at, depth)) = waiting.pop() {
            let Some(cluster) = clusters.all.get(at as usize) else { continue };
            let mut parts = parts.get(at as usize).cloned().unwrap_or_default();
            let open = (!parts.is_empty()).then(|| self.open.contains(&at));
            if open == Some(true) {
                parts.sort_by_key(count);
                waiting.extend(parts.into_iter().rev().map(|part| (part, depth.saturating_add(1))));
            }
            rows.push(ClusterRow { cluster: at, name: name(cluster), depth, open });
        }
        rows
    }
}

/// The clusters of all levels one of whose names has these letters.
fn found(clusters: &Clusters, typed: &str) -> Vec<ClusterRow> {
    let has = |cluster: &Cluster| cluster.all_names().any(|name| fold(name).contains(typed));
    let found = (0..).zip(&clusters.all).filter(|(_, cluster)| has(cluster)).take(MAX_FOUND);
    found.map(|(at, cluster)| ClusterRow { cluster: at, name: name(cluster), depth: 0, open: None }).collect()
}

fn name(cluster: &Cluster) -> String {
    cluster.name().unwrap_or(NO_NAME).to_owned()
}

fn row_id(row: &ClusterRow) -> Id {
    Id::unique(("cluster", row.cluster))
}

fn show_row(ui: &mut Ui, ctx: &Ctx<'_>, clusters: &Clusters, rows: &[ClusterRow], at: usize) -> Option<TreeAct> {
    let theme = Theme::of(ui.ctx());
    let line = rows.get(at)?;
    let cluster = clusters.all.get(line.cluster as usize)?;
    let state = &ctx.state.library().cluster_state;
    let is_faint = cluster.name().is_none() || state.visible(line.cluster) == Some(0);
    let row = PanelRow {
        lead: Leading::Tree(line.depth, line.open),
        name: &line.name,
        right: &state.count(line.cluster, cluster),
        selected: state.focus == Some(line.cluster) && !ctx.state.library().selection.items.is_empty(),
        colour: if is_faint { theme.text3 } else { theme.text1 },
    };
    let response = row.show_as(ui, row_id(line));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        if let Some(open) = line.open {
            node.set_expanded(open);
        }
    });
    point(ctx, state, &response, line.cluster);
    response.context_menu(|ui| menu(ui, ctx, line.cluster, cluster));
    let act = keys(ui, &response, at, rows.len(), |at| rows.get(at).map(|row| (row.depth, row.open)));
    if response.clicked() && line.open.is_some() && on_arrow(&response, line.depth) {
        return Some(TreeAct::Toggle(at));
    }
    if response.double_clicked() {
        ctx.send(ClusterCommand::EditName(line.cluster));
    } else if response.clicked() {
        ctx.send(ClusterCommand::Select(line.cluster));
    }
    response.on_hover_text(tooltip(cluster));
    act
}

/// What the pointer or the keyboard focus rests on is shown on the map.
fn point(ctx: &Ctx<'_>, state: &ClusterState, response: &Response, cluster: u32) {
    if response.hovered() || response.has_focus() {
        ctx.commands.point_at_cluster(cluster);
    }
    if response.gained_focus() && state.focus != Some(cluster) {
        ctx.send(ClusterCommand::Focus(cluster));
    }
}

/// All names of a cluster.
fn tooltip(cluster: &Cluster) -> String {
    let found = cluster.names.join(" / ");
    match (&cluster.given, found.is_empty()) {
        (Some(_), true) => "Your name".to_owned(),
        (Some(_), false) => format!("Your name; suggested: {found}"),
        (None, true) => "Its items have too little in common for a name".to_owned(),
        (None, false) => found,
    }
}

/// The entries of a cluster's menu, in the list and on the map.
pub fn menu(ui: &mut Ui, ctx: &Ctx<'_>, at: u32, cluster: &Cluster) {
    let row = |ui: &mut Ui, text: &str| {
        let clicked = buttons::menu_row(ui, text, "").clicked();
        if clicked {
            ui.close();
        }
        clicked
    };
    if row(ui, "Select and zoom") {
        ctx.send(ClusterCommand::Select(at));
    }
    if row(ui, "Rename…") {
        ctx.send(ClusterCommand::EditName(at));
    }
    if cluster.given.is_some() && row(ui, "Use suggested name") {
        ctx.send(ClusterCommand::SetName(at, String::new()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clusters() -> Arc<Clusters> {
        let cluster =
            |name: &str, count, parent| Cluster { names: vec![name.to_owned()], count, parent, ..Cluster::default() };
        let mut all = vec![cluster("dogs", 50, None), cluster("cars", 90, None), cluster("puppies", 20, Some(0))];
        all.extend((0..9).map(|i| cluster(&format!("small {i}"), 9 - i, None)));
        Arc::new(Clusters { all, ..Clusters::default() })
    }

    fn names(panel: &ClusterPanel) -> Vec<&str> {
        panel.rows.iter().map(|row| row.name.as_str()).collect()
    }

    #[test]
    fn the_largest_come_first_and_parts_below_what_they_are_a_part_of() {
        let mut panel = ClusterPanel::default();
        let clusters = clusters();
        panel.update(&clusters);
        assert_eq!((names(&panel).len(), panel.coarsest), (LISTED, 11));
        assert_eq!(names(&panel)[..3], ["cars", "dogs", "small 0"]);
        assert_eq!(panel.rows[1].open, Some(false));
        panel.open.insert(0);
        (panel.lists_all, panel.is_changed) = (true, true);
        panel.update(&clusters);
        assert_eq!(names(&panel)[1..4], ["dogs", "puppies", "small 0"]);
        assert_eq!((panel.rows[2].depth, panel.rows.len()), (1, 12));
    }

    #[test]
    fn parts_stay_open_when_a_cluster_is_named_and_names_of_the_user_are_found() {
        let mut panel = ClusterPanel::default();
        let before = clusters();
        panel.update(&before);
        panel.open.insert(0);
        let mut named = Clusters::clone(&before);
        named.all[2].names.push("Young Dogs".to_owned());
        panel.update(&Arc::new(named));
        assert_eq!(names(&panel)[1..3], ["dogs", "puppies"]);
        "young".clone_into(&mut panel.typed);
        panel.is_changed = true;
        panel.update(&panel.known.clone().expect("known"));
        assert_eq!(names(&panel), ["puppies"]);
        let other = Clusters { generation: 9, ..Clusters::clone(&before) };
        panel.typed.clear();
        panel.update(&Arc::new(other));
        assert!(panel.open.is_empty(), "clusters of another map");
    }
}
