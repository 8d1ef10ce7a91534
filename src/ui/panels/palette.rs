//! The command palette: every command by name, with its keys.

use egui::{Align2, Area, Frame, Id, Key, Margin, Order, ScrollArea, Stroke, TextEdit, Ui, vec2};

use crate::context::commands::{Action, ViewAction, ViewCommand};
use crate::context::format;
use crate::context::{Ctx, Dialog};
use crate::ui::style::font;
use crate::ui::theme::{SPACE, Theme, text_size};
use crate::ui::widgets::{buttons, divider};

/// State of the palette while it is open.
#[derive(Default)]
pub struct Palette {
    text: String,
    selected: usize,
    open: bool,
    /// Text typed before the palette opens in the next frame.
    typed_ahead: Option<String>,
    enter: bool,
}

/// Id of the text field.
pub fn field_id() -> Id {
    Id::unique("palette field")
}

impl Palette {
    /// Keeps text typed, and whether Enter was pressed, for the palette that opens in the next frame.
    pub fn type_ahead(&mut self, text: String, enter: bool) {
        self.typed_ahead = Some(text);
        self.enter = enter;
    }

    /// Draws the palette if it is open.
    pub fn show(&mut self, ui: &Ui, ctx: &Ctx<'_>) {
        let open = ctx.state.is_dialog_open(Dialog::Palette);
        let opened_now = open && !self.open;
        self.open = open;
        if !open {
            return;
        }
        if opened_now {
            (self.text, self.selected) = (self.typed_ahead.take().unwrap_or_default(), 0);
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
        let pressed_outside = ui.input(|i| i.pointer.any_pressed()) && !area.response.contains_pointer() && !opened_now;
        if pressed_outside {
            ctx.send(ViewCommand::ShowDialog(Dialog::Palette, false));
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
        let response = ui.add(edit.id(field_id())).accessible_name("Command");
        if opened_now {
            response.request_focus();
            cursor_to_end(ui.ctx(), self.text.chars().count());
        }
        if response.changed() {
            self.selected = 0;
        }
        divider(ui);
        let found = matching(&self.text, |command| command.unavailable(ctx.state).is_none());
        let (up, down, enter) =
            ui.input(|i| (i.key_pressed(Key::ArrowUp), i.key_pressed(Key::ArrowDown), i.key_pressed(Key::Enter)));
        if down {
            self.selected = (self.selected + 1).min(found.len().saturating_sub(1));
        }
        if up {
            self.selected = self.selected.saturating_sub(1);
        }
        // Enter leaves a text field; here it may match no command, and typing continues.
        if up || down || enter {
            response.request_focus();
        }
        if (enter || std::mem::take(&mut self.enter))
            && let Some(command) = found.get(self.selected)
            && command.unavailable(ctx.state).is_none()
        {
            run(ctx, *command);
        }
        ui.spacing_mut().item_spacing.y = 0.0;
        if found.is_empty() {
            ui.add_space(SPACE[1]);
            ui.label(egui::RichText::new("  No matching command").color(theme.text2));
            ui.add_space(SPACE[1]);
        }
        ScrollArea::vertical().max_height(336.0).show(ui, |ui| {
            for (i, command) in found.iter().enumerate() {
                self.row(ui, ctx, i, *command, up || down);
            }
        });
    }

    fn row(&self, ui: &mut Ui, ctx: &Ctx<'_>, i: usize, command: Action, moved: bool) {
        let theme = Theme::of(ui.ctx());
        let keys = command.info().keys.iter().map(|k| format::keys(ui.ctx(), k)).collect::<Vec<_>>().join("  ");
        // The reason why it is unavailable matters more than its keys.
        let right = command.unavailable(ctx.state).unwrap_or(&keys);
        let background = ui.painter().add(egui::Shape::Noop);
        let response = buttons::command_row(ui, ctx, command, right).on_hover_text(command.info().tooltip);
        if i == self.selected {
            ui.painter().set(background, egui::Shape::rect_filled(response.rect, 4, theme.accent_fill));
            if moved {
                response.scroll_to_me(None);
            }
        }
        if response.clicked() {
            run(ctx, command);
        }
    }
}

fn run(ctx: &Ctx<'_>, command: Action) {
    ctx.send(ViewCommand::ShowDialog(Dialog::Palette, false));
    if command != Action::View(ViewAction::Palette) {
        ctx.send(command);
    }
}

fn cursor_to_end(ctx: &egui::Context, chars: usize) {
    let mut state = TextEdit::load_state(ctx, field_id()).unwrap_or_default();
    let end = egui::text::CCursorRange::one(egui::text::CCursor::new(chars));
    state.cursor.set_char_range(Some(end));
    TextEdit::store_state(ctx, field_id(), state);
}

/// Commands whose name contains all letters typed, in order; available ones first, then by closeness.
fn matching(text: &str, available: impl Fn(Action) -> bool) -> Vec<Action> {
    let mut found: Vec<(bool, i32, Action)> = Action::all()
        .filter_map(|c| Some((!text.trim().is_empty() && !available(c), rank(text, c.info().text)?, c)))
        .collect();
    found.sort_by_key(|(unavailable_last, rank, _)| (*unavailable_last, *rank));
    found.into_iter().map(|(.., c)| c).collect()
}

/// Cost of a match, lower is closer: a contiguous match at the start of a word costs least, each gap costs more.
fn rank(typed: &str, name: &str) -> Option<i32> {
    let name: Vec<char> = name.to_lowercase().chars().collect();
    let typed: Vec<char> = typed.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
    let starts_word = |at: usize| at == 0 || name.get(at - 1).is_some_and(|c| !c.is_alphanumeric());
    let whole =
        (0..name.len()).find(|at| starts_word(*at) && name.get(*at..).is_some_and(|rest| rest.starts_with(&typed)));
    if let Some(at) = whole {
        return Some(i32::from(at > 0));
    }
    let mut cost = 2;
    let mut at = 0;
    for letter in typed {
        let found = at + name.get(at..)?.iter().position(|c| *c == letter)?;
        if found > at {
            cost += if starts_word(found) { 1 } else { 4 + (found - at) as i32 };
        }
        at = found + 1;
    }
    Some(cost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::commands::{CollectionAction, ItemAction};

    #[test]
    fn finds_commands_by_parts_of_their_names() {
        let all = |text: &str| matching(text, |_| true);
        assert_eq!(all("").len(), Action::all().count());
        assert_eq!(all("theme")[0], Action::View(ViewAction::CycleTheme));
        assert_eq!(all("opfo")[0], Action::Collection(CollectionAction::OpenFolder));
        assert_eq!(all("lib open")[..0], []);
        assert!(all("zzz").is_empty());
    }

    #[test]
    fn a_whole_word_comes_before_letters_from_here_and_there_and_what_cannot_be_done_last() {
        assert_eq!(matching("labels", |_| true)[0], Action::Items(ItemAction::EditLabels));
        let label =
            |available: bool| matching("label", move |c| available || c != Action::Items(ItemAction::ApplyLabels));
        assert_eq!(
            (label(true)[0], label(false)[0]),
            (Action::Items(ItemAction::ApplyLabels), Action::Items(ItemAction::EditLabels))
        );
        assert_eq!(label(false).last(), Some(&Action::Items(ItemAction::ApplyLabels)));
    }
}
