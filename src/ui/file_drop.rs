//! Files dragged over the window: an overlay with two targets, chosen by where the files are dropped.
//!
//! Some systems (X11) report the position only after the drop, or not at all; the targets then stay until one is clicked.

use std::path::PathBuf;

use egui::{Align2, Area, Id, Order, Pos2, Rect, Sense, Shape, Stroke, StrokeKind, Ui, vec2};

use super::style::{bold, font};
use super::theme::{RADIUS, SPACE, Theme, text_size};
use super::widgets::{focus_ring, icons, icons::Icon};
use crate::context::Ctx;
use crate::context::commands::{CollectionCommand, DropTarget, SearchCommand};
use crate::context::dropped_files::has_image_extension;

/// How long after a drop the pointer's position still counts as the drop position.
const PLACE_COUNTS_SECS: f64 = 0.6;

/// State kept between frames.
#[derive(Default)]
pub struct FileDrop {
    dropped_at: Option<f64>,
}

impl FileDrop {
    /// Handles drops, and draws the targets while they are needed.
    pub fn show(&mut self, ui: &Ui, ctx: &Ctx<'_>) {
        let hovering = ui.input(|i| !i.raw.hovered_files.is_empty());
        let dropped: Vec<PathBuf> = ui.input(|i| i.raw.dropped_files.iter().map(|f| f.path().to_owned()).collect());
        let place = ui.input(|i| i.pointer.latest_pos());
        let targets = targets(ui.ctx().content_rect());
        if !dropped.is_empty() {
            self.take(ui, ctx, dropped, place.and_then(|p| target_at(&targets, p)));
        } else if !ctx.state.library().dropped.is_empty() {
            self.wait(ui, ctx, place.and_then(|p| target_at(&targets, p)));
        }
        if hovering || !ctx.state.library().dropped.is_empty() {
            overlay(ui, ctx, &targets, place);
        }
    }

    fn take(&mut self, ui: &Ui, ctx: &Ctx<'_>, files: Vec<PathBuf>, target: Option<DropTarget>) {
        let pictures = files.iter().any(|f| has_image_extension(f));
        let empty = ctx.state.library().snapshot.as_ref().is_none_or(|s| s.is_empty());
        match target {
            _ if !pictures || empty => ctx.send(CollectionCommand::Add(files)),
            Some(target) => decide(ctx, &files, target),
            None => {
                self.dropped_at = Some(ui.input(|i| i.time));
                ctx.send(CollectionCommand::HoldDrop(files));
            }
        }
    }

    fn wait(&mut self, ui: &Ui, ctx: &Ctx<'_>, target: Option<DropTarget>) {
        let fresh = self.dropped_at.is_some_and(|at| ui.input(|i| i.time) - at < PLACE_COUNTS_SECS);
        if fresh && let Some(target) = target {
            self.dropped_at = None;
            ctx.send(CollectionCommand::DecideDrop(Some(target)));
        }
    }
}

/// Applies a drop target to dropped files.
pub fn decide(ctx: &Ctx<'_>, files: &[PathBuf], target: DropTarget) {
    match target {
        DropTarget::Add => ctx.send(CollectionCommand::Add(files.to_vec())),
        DropTarget::Search => {
            for file in files.iter().filter(|f| has_image_extension(f)).take(4) {
                ctx.send(SearchCommand::WithFile(file.clone()));
            }
        }
    }
}

fn targets(window: Rect) -> [(Rect, DropTarget); 2] {
    let gap = SPACE[3];
    let size = vec2(((window.width() - 3.0 * gap) / 2.0).clamp(120.0, 290.0), 168.0);
    let centre = window.center();
    let left = Rect::from_center_size(centre - vec2(size.x / 2.0 + gap / 2.0, 0.0), size);
    let right = Rect::from_center_size(centre + vec2(size.x / 2.0 + gap / 2.0, 0.0), size);
    [(left, DropTarget::Search), (right, DropTarget::Add)]
}

fn target_at(targets: &[(Rect, DropTarget)], place: Pos2) -> Option<DropTarget> {
    targets.iter().find(|(rect, _)| rect.contains(place)).map(|(_, target)| *target)
}

fn overlay(ui: &Ui, ctx: &Ctx<'_>, targets: &[(Rect, DropTarget)], place: Option<Pos2>) {
    let theme = Theme::of(ui.ctx());
    let window = ui.ctx().content_rect();
    Area::new(Id::unique("drop")).order(Order::Foreground).fixed_pos(window.min).show(ui.ctx(), |ui| {
        let veil = ui.allocate_rect(window, Sense::click());
        ui.painter().rect_filled(window, 0, theme.veil());
        if !ctx.state.has_library() {
            return note(ui, window, "Drop to open");
        }
        for (rect, target) in targets {
            card(ui, ctx, *rect, *target, place);
        }
        if veil.clicked() {
            ctx.send(CollectionCommand::DecideDrop(None));
        }
    });
}

fn note(ui: &Ui, window: Rect, text: &str) {
    let theme = Theme::of(ui.ctx());
    ui.painter().text(window.center(), Align2::CENTER_CENTER, text, bold(text_size::HEADING), theme.text1);
}

fn card(ui: &Ui, ctx: &Ctx<'_>, rect: Rect, target: DropTarget, place: Option<Pos2>) {
    let theme = Theme::of(ui.ctx());
    let (icon, title, note) = match target {
        DropTarget::Search => (Icon::Search, "Find similar items and labels", "Only for searching; it is not added"),
        DropTarget::Add => (Icon::Folder, "Add to collection", "Indexed in place; nothing is copied"),
    };
    let response = ui.interact(rect, Id::unique(("drop target", title)), Sense::click());
    let active = response.hovered() || place.is_some_and(|p| rect.contains(p));
    ui.painter().rect_filled(rect, 12, theme.panel);
    let (line, colour) = if active { (theme.accent, theme.accent) } else { (theme.line, theme.text2) };
    if active {
        ui.painter().rect_filled(rect, 12, theme.accent_fill);
    }
    dashed(ui, rect, Stroke::new(1.5, line));
    let middle = rect.center();
    icons::paint(ui.painter(), icon, Rect::from_center_size(middle - vec2(0.0, 34.0), vec2(26.0, 26.0)), colour);
    ui.painter().text(middle + vec2(0.0, 6.0), Align2::CENTER_CENTER, title, bold(text_size::LARGE), theme.text1);
    ui.painter().text(middle + vec2(0.0, 32.0), Align2::CENTER_CENTER, note, font(text_size::SMALL), theme.text2);
    focus_ring(ui.painter(), theme, &response, rect, RADIUS[1]);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, title));
    if response.clicked() {
        ctx.send(CollectionCommand::DecideDrop(Some(target)));
    }
}

fn dashed(ui: &Ui, rect: Rect, stroke: Stroke) {
    ui.painter().rect_stroke(
        rect,
        12,
        Stroke::new(stroke.width, stroke.color.gamma_multiply(0.25)),
        StrokeKind::Inside,
    );
    let r = rect.shrink(0.75);
    let sides = [
        [r.left_top() + vec2(12.0, 0.0), r.right_top() - vec2(12.0, 0.0)],
        [r.right_top() + vec2(0.0, 12.0), r.right_bottom() - vec2(0.0, 12.0)],
        [r.right_bottom() - vec2(12.0, 0.0), r.left_bottom() + vec2(12.0, 0.0)],
        [r.left_bottom() - vec2(0.0, 12.0), r.left_top() + vec2(0.0, 12.0)],
    ];
    for side in sides {
        ui.painter().extend(Shape::dashed_line(&side, stroke, 4.0, 3.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_targets_lie_beside_each_other_in_any_window() {
        for width in [360.0, 900.0, 2560.0] {
            let window = Rect::from_min_size(Pos2::ZERO, vec2(width, 600.0));
            let [(ask, _), (add, _)] = targets(window);
            assert!(ask.right() < add.left() && window.contains_rect(ask) && window.contains_rect(add));
        }
    }
}
