//! The command palette: every command by name, with its keys.

use egui::{Align2, Area, Frame, Id, Key, Margin, Order, ScrollArea, Stroke, TextEdit, Ui, vec2};

use crate::context::{Ctx, Floating, SystemCommand, UiCommand};
use crate::ui::style::font;
use crate::ui::theme::{SPACE, Theme, text_size};
use crate::ui::widgets::{buttons, divider};
use crate::ui::words;

/// What the palette remembers while it is open.
#[derive(Default)]
pub struct Palette {
    text: String,
    chosen: usize,
    open: bool,
}

impl Palette {
    /// Draws it where it is open.
    pub fn show(&mut self, ui: &Ui, ctx: &Ctx<'_>) {
        let open = ctx.state.floats(Floating::Palette);
        let opened_now = open && !self.open;
        self.open = open;
        if !open {
            return;
        }
        if opened_now {
            (self.text, self.chosen) = (String::new(), 0);
        }
        let theme = Theme::of(ui.ctx());
        let width = 520.0_f32.min(ui.ctx().content_rect().width() - 2.0 * SPACE[4]);
        let area = Area::new(Id::unique("palette"))
            .order(Order::Foreground)
            .anchor(Align2::CENTER_TOP, vec2(0.0, 84.0))
            .show(ui.ctx(), |ui| {
                Frame::new()
                    .fill(theme.panel)
                    .stroke(Stroke::new(1.0, theme.line))
                    .corner_radius(10)
                    .shadow(ui.visuals().popup_shadow)
                    .inner_margin(Margin::same(SPACE[1] as i8))
                    .show(ui, |ui| {
                        ui.set_width(width);
                        self.contents(ui, ctx, opened_now);
                    });
            });
        let elsewhere = ui.input(|i| i.pointer.any_pressed()) && !area.response.contains_pointer() && !opened_now;
        if elsewhere {
            ctx.send(SystemCommand::Float(Floating::Palette, false));
        }
    }

    fn contents(&mut self, ui: &mut Ui, ctx: &Ctx<'_>, opened_now: bool) {
        let theme = Theme::of(ui.ctx());
        let edit = TextEdit::singleline(&mut self.text)
            .frame(Frame::NONE)
            .font(font(text_size::SEARCH))
            .hint_text(egui::RichText::new("Type a command").color(theme.text3))
            .margin(Margin::symmetric(8, 6))
            .desired_width(f32::INFINITY);
        let response = ui.add(edit).accessible_name("Command");
        if opened_now {
            response.request_focus();
        }
        if response.changed() {
            self.chosen = 0;
        }
        divider(ui);
        let found = matching(&self.text);
        let (up, down, enter) =
            ui.input(|i| (i.key_pressed(Key::ArrowUp), i.key_pressed(Key::ArrowDown), i.key_pressed(Key::Enter)));
        if down {
            self.chosen = (self.chosen + 1).min(found.len().saturating_sub(1));
        }
        if up {
            self.chosen = self.chosen.saturating_sub(1);
        }
        if up || down {
            response.request_focus();
        }
        if enter
            && !opened_now
            && let Some(command) = found.get(self.chosen)
        {
            run(ctx, *command);
        }
        ui.spacing_mut().item_spacing.y = 0.0;
        if found.is_empty() {
            ui.add_space(SPACE[1]);
            ui.label(egui::RichText::new("  No command has that name").color(theme.text2));
            ui.add_space(SPACE[1]);
        }
        ScrollArea::vertical().max_height(336.0).show(ui, |ui| {
            for (i, command) in found.iter().enumerate() {
                self.row(ui, ctx, i, *command, up || down);
            }
        });
    }

    fn row(&self, ui: &mut Ui, ctx: &Ctx<'_>, i: usize, command: UiCommand, moved: bool) {
        let theme = Theme::of(ui.ctx());
        let keys = command.entry().keys.iter().map(|k| words::keys(ui.ctx(), k)).collect::<Vec<_>>().join("  ");
        let behind = ui.painter().add(egui::Shape::Noop);
        let response = buttons::menu_row(ui, command.entry().text, &keys).on_hover_text(command.entry().tooltip);
        if i == self.chosen {
            ui.painter().set(behind, egui::Shape::rect_filled(response.rect, 4, theme.accent_fill));
            if moved {
                response.scroll_to_me(None);
            }
        }
        if response.clicked() {
            run(ctx, command);
        }
    }
}

fn run(ctx: &Ctx<'_>, command: UiCommand) {
    ctx.send(SystemCommand::Float(Floating::Palette, false));
    if command != UiCommand::Palette {
        ctx.send(command);
    }
}

/// Commands whose name has all letters typed, in order; the closest first.
fn matching(text: &str) -> Vec<UiCommand> {
    let mut found: Vec<(i32, UiCommand)> =
        UiCommand::ALL.into_iter().filter_map(|c| Some((rank(text, c.entry().text)?, c))).collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, c)| c).collect()
}

/// Lower is closer: letters in a run and at starts of words cost nothing, each jump costs.
fn rank(typed: &str, name: &str) -> Option<i32> {
    let name: Vec<char> = name.to_lowercase().chars().collect();
    let mut cost = 0;
    let mut at = 0;
    for letter in typed.to_lowercase().chars().filter(|c| !c.is_whitespace()) {
        let found = at + name.get(at..)?.iter().position(|c| *c == letter)?;
        let starts_word = found == 0 || name.get(found - 1).is_some_and(|c| !c.is_alphanumeric());
        if found > at {
            cost += if starts_word { 1 } else { 4 + (found - at) as i32 };
        }
        at = found + 1;
    }
    Some(cost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_commands_by_parts_of_their_names() {
        assert_eq!(matching("").len(), UiCommand::ALL.len());
        assert_eq!(matching("theme")[0], UiCommand::CycleTheme);
        assert_eq!(matching("opfo")[0], UiCommand::OpenFolder);
        assert_eq!(matching("lib open")[..0], []);
        assert!(matching("zzz").is_empty());
    }
}
