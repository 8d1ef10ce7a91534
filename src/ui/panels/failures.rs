//! The files that could not be read: which, why, and what can be done.

use egui::{ScrollArea, Ui, vec2};

use super::floating;
use crate::context::{Ctx, Floating, SystemCommand, UiCommand};
use crate::ui::style::{bold, font};
use crate::ui::theme::{SPACE, Theme, text_size};
use crate::ui::widgets::{buttons, divider, icons::Icon, one_line};
use crate::ui::words;
use vicinity_core::Failure;

const ROW: f32 = 48.0;

/// Draws it where it is open.
pub fn show(ui: &Ui, ctx: &Ctx<'_>) {
    if !ctx.state.floats(Floating::Failures) {
        return;
    }
    let stay = floating(ui, "Could not read", vec2(560.0, 400.0), |ui| contents(ui, ctx));
    if !stay {
        ctx.send(SystemCommand::Float(Floating::Failures, false));
    }
}

fn contents(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let failures = &ctx.state.failures;
    if failures.is_empty() {
        ui.label(egui::RichText::new("Everything could be read").color(theme.text2));
        return;
    }
    ui.horizontal(|ui| {
        let some = if failures.len() == 1 {
            "This file was left out, the rest is there"
        } else {
            "These files were left out, the rest is there"
        };
        ui.label(egui::RichText::new(some).color(theme.text2));
    });
    ui.horizontal(|ui| {
        if buttons::with_icon(ui, Icon::Retry, "Retry all").clicked() {
            ctx.send(UiCommand::RetryFailed);
        }
        if buttons::with_icon(ui, Icon::Copy, "Copy the list").clicked() {
            let lines: Vec<String> = failures.iter().map(|f| format!("{}\t{}", f.path.display(), f.reason)).collect();
            ctx.send(SystemCommand::CopyText(lines.join("\n")));
        }
    });
    divider(ui);
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical().auto_shrink(false).show_rows(ui, ROW, failures.len(), |ui, rows| {
        for failure in failures.get(rows).unwrap_or_default() {
            row(ui, ctx, failure);
        }
    });
}

fn row(ui: &mut Ui, ctx: &Ctx<'_>, failure: &Failure) {
    let theme = Theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), egui::Sense::hover());
    let text_width = rect.width() - 70.0 - SPACE[1];
    let name = one_line(ui, words::file_name(&failure.path), bold(text_size::BODY), theme.text1, text_width);
    let reason = one_line(ui, failure.reason.as_str(), font(text_size::SMALL), theme.text2, text_width);
    ui.painter().galley(rect.min + vec2(0.0, 6.0), name, theme.text1);
    ui.painter().galley(rect.min + vec2(0.0, 25.0), reason, theme.text2);
    let whole = format!("{}: {}", words::file_name(&failure.path), failure.reason);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &whole));
    response.on_hover_text(format!("{}\n{}", failure.path.display(), failure.reason));
    let place = egui::Rect::from_min_size(egui::pos2(rect.right() - 66.0, rect.top() + 8.0), vec2(62.0, 30.0));
    let mut child = ui.new_child(egui::UiBuilder::new().max_rect(place).id_salt(&failure.path));
    let retry = buttons::button(&mut child, "Retry");
    if retry.clicked() {
        ctx.send(SystemCommand::Retry(vec![failure.path.clone()]));
    }
}
