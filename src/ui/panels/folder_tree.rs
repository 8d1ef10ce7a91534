//! The folders of the collection as a tree that opens one level at a time; only visible rows are drawn.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use egui::{Id, Response, Ui};

use super::tree_rows::{TreeAct, keys, show_rows};
use crate::context::commands::{CollectionCommand, ItemCommand, MapCommand, SearchCommand};
use crate::context::format;
use crate::context::{Ctx, FolderCounts, FolderId};
use crate::ui::theme::Theme;
use crate::ui::widgets::buttons;
use crate::ui::widgets::rows::{Leading, PanelRow, on_arrow};
use vicinity_core::Filter;

/// One row of the tree.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    path: PathBuf,
    name: String,
    items: usize,
    depth: u8,
    /// Whether its children are shown; `None` if it has none.
    open: Option<bool>,
    /// For an added folder, whether it was available at the last scan; `None` for others.
    root: Option<bool>,
}

/// State of the tree.
#[derive(Default)]
pub struct FolderTree {
    /// Folders opened or closed by the user; the others are in their initial state.
    toggled: HashSet<PathBuf>,
    toggles: u64,
    lines: Vec<Line>,
    /// The counts and toggles that `lines` was built from.
    known: Option<(Arc<FolderCounts>, u64)>,
}

impl FolderTree {
    /// Draws the tree.
    pub fn show(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let (counts, toggles) = (&ctx.state.library().folders, self.toggles);
        if self.known.as_ref().is_none_or(|(of, then)| !Arc::ptr_eq(of, counts) || *then != toggles) {
            self.known = Some((Arc::clone(counts), toggles));
            self.lines = self.list(ctx);
        }
        let id = |at: usize| self.lines.get(at).map(row_id);
        if let Some(at) = show_rows(ui, self.lines.len(), id, |ui, at| self.row(ui, ctx, at)) {
            self.toggle(at);
        }
    }

    fn toggle(&mut self, at: usize) {
        let Some(line) = self.lines.get(at).filter(|line| line.open.is_some()) else { return };
        if !self.toggled.remove(&line.path) {
            self.toggled.insert(line.path.clone());
        }
        self.toggles += 1;
    }

    /// All rows, in order, without the children of closed folders.
    fn list(&self, ctx: &Ctx<'_>) -> Vec<Line> {
        let folders = &ctx.state.library().folders;
        let alone = folders.roots().len() == 1;
        let mut lines = Vec::new();
        let roots: Vec<(FolderId, bool)> = folders.roots().collect();
        let mut waiting: Vec<(FolderId, u8, Option<bool>)> =
            roots.into_iter().rev().map(|(id, available)| (id, 0, Some(available))).collect();
        while let Some((id, depth, root)) = waiting.pop() {
            let path = folders.path(id);
            // A single added folder is initially open; otherwise there would be nothing to see.
            let at_first = alone && depth == 0;
            let open = folders.has_children(id).then(|| at_first != self.toggled.contains(&path));
            if open == Some(true) {
                let children: Vec<FolderId> = folders.children(id).collect();
                waiting.extend(children.into_iter().rev().map(|child| (child, depth.saturating_add(1), None)));
            }
            lines.push(Line { name: folders.name(id), items: folders.items(id), path, depth, open, root });
        }
        lines
    }

    fn row(&self, ui: &mut Ui, ctx: &Ctx<'_>, at: usize) -> Option<TreeAct> {
        let theme = Theme::of(ui.ctx());
        let line = self.lines.get(at)?;
        let chosen = ctx.state.library().query.filter.folder.as_ref() == Some(&line.path);
        let missing = line.root == Some(false);
        let row = PanelRow {
            lead: Leading::Tree(line.depth, line.open),
            name: &line.name,
            right: &format::number(line.items as u64),
            selected: chosen,
            colour: if missing { theme.text3 } else { theme.text1 },
        };
        let response = row.show_as(ui, row_id(line));
        ui.ctx().accesskit_node_builder(response.id, |node| {
            if let Some(open) = line.open {
                node.set_expanded(open);
            }
        });
        menu(&response, ctx, line);
        let act =
            keys(ui, &response, at, self.lines.len(), |at| self.lines.get(at).map(|line| (line.depth, line.open)));
        let on_arrow = line.open.is_some() && on_arrow(&response, line.depth);
        if response.clicked() && on_arrow {
            return Some(TreeAct::Toggle(at));
        }
        if response.double_clicked() {
            fit(ctx, line);
        } else if response.clicked() {
            choose(ctx, line, !chosen);
        }
        let path = line.path.display();
        response.on_hover_text(if missing { format!("{path} is unavailable") } else { path.to_string() });
        act
    }
}

fn row_id(line: &Line) -> Id {
    Id::unique(("folder", &line.path))
}

fn choose(ctx: &Ctx<'_>, line: &Line, on: bool) {
    let folder = on.then(|| line.path.clone());
    ctx.send(SearchCommand::SetFilter(Filter { folder, ..ctx.state.library().query.filter.clone() }));
}

fn fit(ctx: &Ctx<'_>, line: &Line) {
    choose(ctx, line, true);
    ctx.send(MapCommand::FitFilter);
}

fn menu(response: &Response, ctx: &Ctx<'_>, line: &Line) {
    response.context_menu(|ui| {
        let row = |ui: &mut Ui, text: &str| {
            let clicked = buttons::menu_row(ui, text, "").clicked();
            if clicked {
                ui.close();
            }
            clicked
        };
        if row(ui, "Zoom map to this folder") {
            fit(ctx, line);
        }
        if row(ui, "Show in folder") {
            ctx.send(ItemCommand::RevealPath(line.path.clone()));
        }
        if line.root.is_some() && row(ui, "Remove from collection") {
            ctx.send(CollectionCommand::RemoveRoot(line.path.clone()));
        }
    });
}
