//! The keyboard: which keys send which commands, and which are left to a text field.

use std::sync::LazyLock;

use egui::{Event, Key, KeyboardShortcut, Modifiers, Ui};

use super::grid::Direction;
use crate::context::Ctx;
use crate::context::commands::{Action, SearchAction, SearchCommand, SearchTiming, ViewAction};

/// State that decides what the keys of a frame do.
pub struct KeyContext {
    /// A text field has the focus, or will have it as soon as it is drawn.
    pub typing: bool,
    /// Escape has just left the search box, and does nothing else.
    pub leaving_search: bool,
    /// Something open handles Escape itself (a menu, a lasso).
    pub keeps_escape: bool,
    /// A menu is open and receives the keys.
    pub menu: bool,
}

/// The text field that a key focused; what is typed after it, even in the same frame, is text.
#[derive(Debug, Clone, PartialEq)]
pub enum FocusedField {
    /// The search box; typed text is left in the input for it.
    Search,
    /// The palette, drawn from the next frame on, with the text typed and whether Enter was pressed.
    Palette(String, bool),
    /// The field for file names, drawn from the next frame on, with the text typed.
    Find(Vec<Event>),
}

/// Sends the commands whose keys were pressed, in order; returns the text field that one of them focused.
pub fn commands(ui: &Ui, ctx: &Ctx<'_>, situation: &KeyContext) -> Option<FocusedField> {
    let mut typing = situation.typing;
    let mut into = None;
    let mut letter_of_shortcut = false;
    ui.input_mut(|i| {
        i.events.retain(|event| match event {
            Event::Key { key, modifiers, pressed: true, .. } => {
                letter_of_shortcut = false;
                if *key == Key::Escape && (situation.keeps_escape || into.is_some()) {
                    return true;
                }
                if situation.menu && !modifiers.command {
                    return true;
                }
                let ours = |keys: &KeyboardShortcut| !typing || keeps_while_typing(keys);
                let Some((keys, command)) =
                    SHORTCUTS.iter().find(|(keys, _)| matches(keys, *key, modifiers) && ours(keys))
                else {
                    return true;
                };
                letter_of_shortcut = !keys.modifiers.command;
                match command {
                    Action::Search(SearchAction::Focus) => {
                        (typing, into) = (true, Some(FocusedField::Search));
                    }
                    Action::View(ViewAction::Palette) if !ctx.state.is_dialog_open(crate::context::Dialog::Palette) => {
                        (typing, into) = (true, Some(FocusedField::Palette(String::new(), false)));
                        ctx.send(*command);
                    }
                    Action::Search(SearchAction::FindByName) if command.unavailable(ctx.state).is_none() => {
                        (typing, into) = (true, Some(FocusedField::Find(Vec::new())));
                        ctx.send(*command);
                    }
                    Action::View(ViewAction::Back) if situation.leaving_search => {}
                    _ => ctx.send(*command),
                }
                false
            }
            // The letter of a shortcut is not text: `v` focuses the search box and is not typed into it.
            Event::Text(_) if letter_of_shortcut => {
                letter_of_shortcut = false;
                false
            }
            _ => true,
        });
        if let Some(FocusedField::Palette(text, enter)) = &mut into {
            i.events.retain(|event| match event {
                Event::Text(typed) => {
                    text.push_str(typed);
                    false
                }
                Event::Key { key: Key::Enter, pressed: true, .. } if !text.is_empty() => {
                    *enter = true;
                    false
                }
                _ => true,
            });
        }
        if let Some(FocusedField::Find(typed)) = &mut into {
            let keyboard = |event: &Event| matches!(event, Event::Text(_) | Event::Key { .. });
            typed.extend(i.events.extract_if(.., |event| keyboard(event)));
        }
    });
    into
}

/// All shortcuts of all commands.
static SHORTCUTS: LazyLock<Vec<(KeyboardShortcut, Action)>> = LazyLock::new(|| {
    let mut all: Vec<(KeyboardShortcut, Action)> =
        Action::all().flat_map(|c| c.info().keys.iter().map(move |k| (*k, c))).collect();
    // Ctrl+Z also matches Ctrl+Shift+Z, so longer ones come first.
    all.sort_by_key(|(keys, _)| !keys.modifiers.shift);
    all
});

fn matches(keys: &KeyboardShortcut, key: Key, modifiers: &Modifiers) -> bool {
    keys.logical_key == key && modifiers.matches_logically(keys.modifiers)
}

/// Whether a shortcut works while a text field has the focus.
fn keeps_while_typing(keys: &KeyboardShortcut) -> bool {
    let edits = matches!(keys.logical_key, Key::A | Key::C | Key::V | Key::X | Key::Y | Key::Z);
    let command = keys.modifiers.command && !edits;
    command || matches!(keys.logical_key, Key::Escape | Key::F1 | Key::F5)
}

/// Handles pasting: images always, text only if no text field receives it.
pub fn pastes(ui: &Ui, ctx: &Ctx<'_>, typing: bool) {
    ui.input(|i| {
        for event in &i.events {
            match event {
                Event::PasteImage(picture) => ctx.send(SearchCommand::WithPicture(picture.clone())),
                Event::Paste(text) if !typing && !text.trim().is_empty() => {
                    let text: String =
                        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(2_000).collect();
                    ctx.send(SearchCommand::SetText(text, SearchTiming::Now));
                }
                _ => {}
            }
        }
    });
}

/// The direction of a pressed arrow key, while nothing else has the focus.
pub fn step(ui: &Ui) -> Option<Direction> {
    if ui.memory(|m| m.focused().is_some()) || egui::Popup::is_any_open(ui.ctx()) {
        return None;
    }
    let keys = [
        (Key::ArrowLeft, Direction::Left),
        (Key::ArrowRight, Direction::Right),
        (Key::ArrowUp, Direction::Up),
        (Key::ArrowDown, Direction::Down),
    ];
    ui.input_mut(|i| keys.into_iter().find(|(key, _)| i.consume_key(Modifiers::NONE, *key)).map(|(_, step)| step))
}

/// Whether Space was pressed while nothing else has the focus.
pub fn space(ui: &Ui) -> bool {
    ui.memory(|m| m.focused().is_none())
        && !egui::Popup::is_any_open(ui.ctx())
        && ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Space))
}
