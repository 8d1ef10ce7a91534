//! The keyboard: which keys send which commands, and which stay with a text field.

use egui::{Event, Key, KeyboardShortcut, Modifiers, Ui};

use super::grid::Step;
use crate::context::command::Immediacy;
use crate::context::{Ctx, SystemCommand, UiCommand};

/// Sends the commands whose keys were pressed. `leaving_text` tells that a text field had the focus until this frame.
pub fn commands(ui: &Ui, ctx: &Ctx<'_>, leaving_search: bool) {
    let typing = ui.ctx().text_edit_focused();
    let mut all: Vec<(KeyboardShortcut, UiCommand)> =
        UiCommand::ALL.into_iter().flat_map(|c| c.entry().keys.iter().map(move |k| (*k, c))).collect();
    // Ctrl+Z also matches Ctrl+Shift+Z: the longer ones come first.
    all.sort_by_key(|(keys, _)| !keys.modifiers.shift);
    for (keys, command) in all {
        let ours = !typing || keeps_while_typing(&keys);
        let left_only = leaving_search && keys.logical_key == Key::Escape;
        if ours && ui.input_mut(|i| i.consume_shortcut(&keys)) && !left_only {
            ctx.send(command);
        }
    }
}

/// Keys that mean the same while a text field has the focus.
fn keeps_while_typing(keys: &KeyboardShortcut) -> bool {
    let edits = matches!(keys.logical_key, Key::A | Key::C | Key::V | Key::X | Key::Y | Key::Z);
    let command = keys.modifiers.command && !edits;
    command || matches!(keys.logical_key, Key::Escape | Key::F1 | Key::F5)
}

/// Takes what was pasted: a picture always, a text where no text field takes it.
pub fn pastes(ui: &Ui, ctx: &Ctx<'_>) {
    let typing = ui.ctx().text_edit_focused();
    ui.input(|i| {
        for event in &i.events {
            match event {
                Event::PasteImage(picture) => ctx.send(SystemCommand::PastePicture(picture.clone())),
                Event::Paste(text) if !typing && !text.trim().is_empty() => {
                    let text: String =
                        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(2_000).collect();
                    ctx.send(SystemCommand::SetQueryText(text, Immediacy::Now));
                }
                _ => {}
            }
        }
    });
}

/// Where the arrow keys lead, while nothing else has the focus.
pub fn step(ui: &Ui) -> Option<Step> {
    if ui.memory(|m| m.focused().is_some()) || egui::Popup::is_any_open(ui.ctx()) {
        return None;
    }
    let keys = [
        (Key::ArrowLeft, Step::Left),
        (Key::ArrowRight, Step::Right),
        (Key::ArrowUp, Step::Up),
        (Key::ArrowDown, Step::Down),
    ];
    ui.input_mut(|i| keys.into_iter().find(|(key, _)| i.consume_key(Modifiers::NONE, *key)).map(|(_, step)| step))
}

/// Whether Space was pressed while nothing else has the focus.
pub fn space(ui: &Ui) -> bool {
    ui.memory(|m| m.focused().is_none()) && ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Space))
}
