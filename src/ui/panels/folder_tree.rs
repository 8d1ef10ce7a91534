//! The folders of the collection as a tree that opens one level at a time; only visible rows are drawn.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use egui::{EventFilter, Id, Key, Modifiers, Response, Ui};

use crate::context::commands::{CollectionCommand, ItemCommand, MapCommand, SearchCommand};
use crate::context::format;
use crate::context::{Ctx, FolderCounts, FolderId};
use crate::ui::theme::Theme;
use crate::ui::widgets::buttons;
use crate::ui::widgets::rows::{HEIGHT, Leading, PanelRow, on_arrow};
use vicinity_core::Filter;

/// Rows drawn above and below the visible ones, so that the focus can move to them.
const BEYOND: usize = 2;

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

/// An action of the keyboard or the pointer on a row.
enum Act {
    Focus(usize),
    Toggle(usize),
}

impl FolderTree {
    /// Draws the tree.
    pub fn show(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let (counts, toggles) = (&ctx.state.library().folders, self.toggles);
        if self.known.as_ref().is_none_or(|(of, then)| !Arc::ptr_eq(of, counts) || *then != toggles) {
            self.known = Some((Arc::clone(counts), toggles));
            self.lines = self.list(ctx);
        }
        let top = ui.cursor().top();
        let clip = ui.clip_rect();
        let row_at = |y: f32| ((y - top) / HEIGHT).max(0.0) as usize;
        let from = row_at(clip.top()).saturating_sub(BEYOND).min(self.lines.len());
        let to = (row_at(clip.bottom()) + 1 + BEYOND).clamp(from, self.lines.len());
        ui.add_space(from as f32 * HEIGHT);
        let mut act = None;
        for at in from..to {
            act = self.row(ui, ctx, at).or(act);
        }
        ui.add_space((self.lines.len() - to) as f32 * HEIGHT);
        match act {
            Some(Act::Focus(at)) => {
                if let Some(line) = self.lines.get(at) {
                    ui.memory_mut(|m| m.request_focus(row_id(line)));
                    let y = top + at as f32 * HEIGHT;
                    let row = egui::Rect::from_min_size(egui::pos2(clip.left(), y), egui::vec2(1.0, HEIGHT));
                    ui.scroll_to_rect(row, None);
                }
            }
            Some(Act::Toggle(at)) => self.toggle(at),
            None => {}
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

    fn row(&self, ui: &mut Ui, ctx: &Ctx<'_>, at: usize) -> Option<Act> {
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
        let act = self.keys(ui, &response, at);
        let on_arrow = line.open.is_some() && on_arrow(&response, line.depth);
        if response.clicked() && on_arrow {
            return Some(Act::Toggle(at));
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

    /// Up, Down, Home and End move the focus; Right and Left open and close, or move a level down and up.
    fn keys(&self, ui: &Ui, response: &Response, at: usize) -> Option<Act> {
        if !response.has_focus() {
            return None;
        }
        let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
        ui.memory_mut(|m| m.set_focus_lock_filter(response.id, arrows));
        let line = self.lines.get(at)?;
        let pressed = |key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
        let last = self.lines.len().saturating_sub(1);
        if pressed(Key::ArrowDown) {
            Some(Act::Focus((at + 1).min(last)))
        } else if pressed(Key::ArrowUp) {
            Some(Act::Focus(at.saturating_sub(1)))
        } else if pressed(Key::Home) {
            Some(Act::Focus(0))
        } else if pressed(Key::End) {
            Some(Act::Focus(last))
        } else if pressed(Key::ArrowRight) {
            match line.open {
                Some(false) => Some(Act::Toggle(at)),
                Some(true) => Some(Act::Focus((at + 1).min(last))),
                None => None,
            }
        } else if pressed(Key::ArrowLeft) {
            let parent = (0..at).rev().find(|i| self.lines.get(*i).is_some_and(|l| l.depth < line.depth));
            if line.open == Some(true) { Some(Act::Toggle(at)) } else { parent.map(Act::Focus) }
        } else {
            None
        }
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
