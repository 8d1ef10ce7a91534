//! Dialog that lists the keyboard shortcuts.

use egui::{Grid, ScrollArea, Ui, vec2};

use super::dialog_window;
use crate::context::commands::{Action, ViewCommand};
use crate::context::format;
use crate::context::{Ctx, Dialog};
use crate::ui::style::font;
use crate::ui::theme::{Theme, text_size};

/// Keys that are not commands.
const OTHER_KEYS: [(&str, &str); 6] = [
    ("Go to the first result", "Enter"),
    ("Move between results or thumbnails", "Arrow keys"),
    ("Preview", "Space"),
    ("Add to selection", "Ctrl + click"),
    ("Box or lasso on the map", "Shift + drag,  Alt + drag"),
    ("With a tool: add, subtract, intersect", "Shift,  Alt,  Shift + Alt"),
];

/// Draws the dialog if it is open.
pub fn show(ui: &Ui, ctx: &Ctx<'_>) {
    if !ctx.state.is_dialog_open(Dialog::Shortcuts) {
        return;
    }
    let theme = Theme::of(ui.ctx());
    let stays_open = dialog_window(ui, Dialog::Shortcuts, "Keyboard shortcuts", vec2(420.0, 480.0), |ui| {
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            Grid::new("keys").num_columns(2).spacing(vec2(24.0, 6.0)).show(ui, |ui| {
                let row = |ui: &mut Ui, name: &str, keys: &str| {
                    ui.label(egui::RichText::new(name).color(theme.text1));
                    ui.label(egui::RichText::new(keys).font(font(text_size::SMALL)).color(theme.text2));
                    ui.end_row();
                };
                for command in Action::all() {
                    let keys = command.info().keys;
                    if !keys.is_empty() {
                        let keys: Vec<_> = keys.iter().map(|k| format::keys(ui.ctx(), k)).collect();
                        row(ui, command.info().text.trim_end_matches('…'), &keys.join(",  "));
                    }
                }
                row(
                    ui,
                    "Search from clipboard",
                    &format::keys(ui.ctx(), &egui::KeyboardShortcut::new(egui::Modifiers::COMMAND, egui::Key::V)),
                );
                for (name, keys) in OTHER_KEYS {
                    row(ui, name, keys);
                }
            });
        });
    });
    if !stays_open {
        ctx.send(ViewCommand::ShowDialog(Dialog::Shortcuts, false));
    }
}
