//! Buttons.

use egui::{Color32, Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, accesskit::Role, pos2, vec2};

use super::icons::{self, Icon};
use super::{focus_ring, one_line};
use crate::context::Ctx;
use crate::context::commands::Action;
use crate::context::format;
use crate::ui::style::{bold, font};
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};

/// A box to tick. Changes `on`.
pub fn checkbox(ui: &mut Ui, on: &mut bool, text: &str) -> Response {
    with_edges(ui, |ui| ui.checkbox(on, text))
}

/// One of several choices: sets `current` to `value` on a click.
pub fn radio<V: PartialEq>(ui: &mut Ui, current: &mut V, value: V, text: &str) -> Response {
    with_edges(ui, |ui| ui.radio_value(current, value, text))
}

/// Draws a control of egui whose edge is all that is seen of it while it is off: with a line that stands out.
fn with_edges(ui: &mut Ui, control: impl FnOnce(&mut Ui) -> Response) -> Response {
    let edge = Stroke::new(1.0, Theme::of(ui.ctx()).text3);
    let before = std::mem::replace(&mut ui.visuals_mut().widgets.inactive.bg_stroke, edge);
    let response = control(ui);
    ui.visuals_mut().widgets.inactive.bg_stroke = before;
    response
}

/// The main action of a place.
pub fn primary(ui: &mut Ui, text: &str) -> Response {
    let theme = Theme::of(ui.ctx());
    let galley = ui.painter().layout_no_wrap(text.to_owned(), bold(text_size::BODY), theme.on_accent);
    let size = galley.size() + vec2(2.0 * SPACE[3], 2.0 * 9.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let fill = if response.hovered() { theme.accent.gamma_multiply(0.88) } else { theme.accent };
    ui.painter().rect_filled(rect, RADIUS[1], fill);
    ui.painter().galley(rect.center() - galley.size() / 2.0, galley, theme.on_accent);
    focus_ring(ui.painter(), theme, &response, rect, RADIUS[1]);
    named(ui, response, text)
}

/// An alternative action, of the same height as [`primary`].
pub fn secondary(ui: &mut Ui, text: &str) -> Response {
    outlined(ui, text, text, vec2(SPACE[3], 9.0), None)
}

/// An ordinary button.
pub fn button(ui: &mut Ui, text: &str) -> Response {
    button_for(ui, text, text)
}

/// An ordinary button whose accessible `name` says more than its text, for several buttons with the same text.
pub fn button_for(ui: &mut Ui, text: &str, name: &str) -> Response {
    outlined(ui, text, name, vec2(SPACE[2] - 2.0, 6.0), None)
}

/// An ordinary button with an icon before the text.
pub fn with_icon(ui: &mut Ui, icon: Icon, text: &str) -> Response {
    outlined(ui, text, text, vec2(SPACE[2] - 2.0, 6.0), Some(icon))
}

fn outlined(ui: &mut Ui, text: &str, name: &str, padding: Vec2, icon: Option<Icon>) -> Response {
    let theme = Theme::of(ui.ctx());
    let enabled = ui.is_enabled();
    let colour = if enabled { theme.text1 } else { theme.text3 };
    let galley = ui.painter().layout_no_wrap(text.to_owned(), font(text_size::BODY), colour);
    let indent = if icon.is_some() { 16.0 + 6.0 } else { 0.0 };
    let size = galley.size() + padding * 2.0 + vec2(indent, 0.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let fill = if response.hovered() && enabled { theme.raised } else { theme.panel };
    ui.painter().rect(rect, RADIUS[1], fill, Stroke::new(1.0, theme.line), StrokeKind::Inside);
    let left = rect.left() + padding.x;
    if let Some(icon) = icon {
        icons::paint_at(ui.painter(), icon, pos2(left + 8.0, rect.center().y), theme.text2);
    }
    ui.painter().galley(pos2(left + indent, rect.center().y - galley.size().y / 2.0), galley, colour);
    focus_ring(ui.painter(), theme, &response, rect, RADIUS[1]);
    named(ui, response, name)
}

/// A text button in the accent colour, without a frame.
pub fn link(ui: &mut Ui, text: &str, name: &str) -> Response {
    let theme = Theme::of(ui.ctx());
    quiet(ui, text, name, theme.accent)
}

/// A text button in a given colour, without a frame.
pub fn quiet(ui: &mut Ui, text: &str, name: &str, colour: Color32) -> Response {
    quiet_of_size(ui, text, name, colour, text_size::BODY)
}

/// The same in small type.
pub fn quiet_small(ui: &mut Ui, text: &str, name: &str, colour: Color32) -> Response {
    quiet_of_size(ui, text, name, colour, text_size::SMALL)
}

/// A text button with space for `longest`, so that nothing next to it moves when its text changes.
pub fn quiet_with_room(ui: &mut Ui, text: &str, longest: &str, name: &str, colour: Color32) -> Response {
    let width = super::text_width(ui, longest, text_size::BODY);
    quiet_with_width(ui, text, name, colour, text_size::BODY, width)
}

/// The same in small type.
pub fn quiet_small_with_room(ui: &mut Ui, text: &str, longest: &str, name: &str, colour: Color32) -> Response {
    let width = super::text_width(ui, longest, text_size::SMALL);
    quiet_with_width(ui, text, name, colour, text_size::SMALL, width)
}

fn quiet_of_size(ui: &mut Ui, text: &str, name: &str, colour: Color32, size: f32) -> Response {
    quiet_with_width(ui, text, name, colour, size, 0.0)
}

fn quiet_with_width(ui: &mut Ui, text: &str, name: &str, colour: Color32, size: f32, width: f32) -> Response {
    let theme = Theme::of(ui.ctx());
    let galley = ui.painter().layout_no_wrap(text.to_owned(), font(size), colour);
    let size = vec2(galley.size().x.max(width) + SPACE[1], galley.size().y.max(24.0));
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    if response.hovered() {
        ui.painter().rect_filled(rect, RADIUS[0], theme.raised);
    }
    ui.painter().galley(rect.center() - galley.size() / 2.0, galley, colour);
    focus_ring(ui.painter(), theme, &response, rect, RADIUS[0]);
    named(ui, response, name)
}

/// Space for the arrow of a [`menu_button`], points.
pub const ARROW: f32 = 18.0;

/// A text button with an arrow that opens a menu, wide enough for any of `texts`, so that nothing next to it moves when
/// its text changes.
pub fn menu_button(ui: &mut Ui, text: &str, texts: &[&str], name: &str, colour: Color32) -> Response {
    let theme = Theme::of(ui.ctx());
    let layout = |text: &str| ui.painter().layout_no_wrap(text.to_owned(), font(text_size::BODY), colour);
    let galley = layout(text);
    let width = texts.iter().map(|text| layout(text).size().x).fold(galley.size().x, f32::max);
    let size = vec2(width + SPACE[0] + ARROW, galley.size().y.max(24.0));
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let right = rect.right() - ARROW;
    let words = rect.with_min_x(right - galley.size().x - SPACE[0]);
    if response.hovered() {
        ui.painter().rect_filled(words, RADIUS[0], theme.raised);
    }
    ui.painter().galley(pos2(right - galley.size().x, rect.center().y - galley.size().y / 2.0), galley, colour);
    let arrow = Rect::from_center_size(pos2(rect.right() - 10.0, rect.center().y + 0.5), Vec2::splat(12.0));
    icons::paint(ui.painter(), Icon::Down, arrow, colour);
    focus_ring(ui.painter(), theme, &response, words, RADIUS[0]);
    named(ui, response, name)
}

/// An icon button; `name` is its tooltip and accessible name.
pub fn icon(ui: &mut Ui, icon: Icon, name: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(24.0), Sense::click());
    icon_at(ui, icon, name, rect, response)
}

/// An icon button at a given position.
pub fn icon_in(ui: &mut Ui, icon: Icon, name: &str, rect: Rect) -> Response {
    let response = ui.interact(rect, ui.scope_id().with(("icon", name)), Sense::click());
    icon_at(ui, icon, name, rect, response)
}

fn icon_at(ui: &Ui, icon: Icon, name: &str, rect: Rect, response: Response) -> Response {
    let theme = Theme::of(ui.ctx());
    if response.hovered() {
        ui.painter().rect_filled(rect, RADIUS[0], theme.hovered());
    }
    let colour = if response.hovered() { theme.text1 } else { theme.text2 };
    icons::paint_at(ui.painter(), icon, rect.center(), colour);
    focus_ring(ui.painter(), theme, &response, rect, RADIUS[0]);
    named(ui, response, name).on_hover_text(name)
}

/// An icon button at a given position for a command that shows or hides something, and whether that is shown.
pub fn toggle_in(ui: &mut Ui, icon: Icon, command: impl Into<Action>, on: bool, rect: Rect) -> Response {
    let command = command.into();
    let theme = Theme::of(ui.ctx());
    let entry = command.info();
    let response = ui.interact(rect, ui.scope_id().with(("toggle", entry.text)), Sense::click());
    if response.hovered() {
        ui.painter().rect_filled(rect, RADIUS[0], theme.hovered());
    }
    let colour = if on || response.hovered() { theme.text1 } else { theme.text3 };
    icons::paint_at(ui.painter(), icon, rect.center(), colour);
    focus_ring(ui.painter(), theme, &response, rect, RADIUS[0]);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, on, entry.text));
    let key = entry.keys.first().map(|k| format!(" ({})", format::keys(ui.ctx(), k))).unwrap_or_default();
    response.on_hover_text(format!("{}{key}", entry.tooltip))
}

/// A segmented control; returns the segment clicked.
pub fn segments(ui: &mut Ui, names: &[&str], selected: usize) -> Option<usize> {
    let theme = Theme::of(ui.ctx());
    let galleys: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let (face, colour) = if i == selected {
                (bold(text_size::SMALL), theme.text1)
            } else {
                (font(text_size::SMALL), theme.text2)
            };
            ui.painter().layout_no_wrap((*name).to_owned(), face, colour)
        })
        .collect();
    let width: f32 = galleys.iter().map(|g| g.size().x + 2.0 * SPACE[2]).sum::<f32>() + 4.0;
    let (rect, _) = ui.allocate_exact_size(vec2(width, 26.0), Sense::hover());
    ui.painter().rect_filled(rect, RADIUS[1] - 2, if theme.dark { theme.raised } else { theme.hovered() });
    let mut clicked = None;
    let mut left = rect.left() + 2.0;
    for (i, galley) in galleys.into_iter().enumerate() {
        let part = Rect::from_min_size(pos2(left, rect.top() + 2.0), vec2(galley.size().x + 2.0 * SPACE[2], 22.0));
        left = part.right();
        // The target is as high as the control: at least 24 points.
        let response =
            ui.interact(part.expand2(vec2(0.0, 2.0)), ui.scope_id().with(("segment", names[i])), Sense::click());
        if i == selected {
            ui.painter().rect_filled(part, RADIUS[0], if theme.dark { theme.window } else { theme.panel });
        } else if response.hovered() {
            ui.painter().rect_filled(part, RADIUS[0], theme.line);
        }
        ui.painter().galley(part.center() - galley.size() / 2.0, galley, theme.text1);
        focus_ring(ui.painter(), theme, &response, part, RADIUS[0]);
        response.widget_info(|| WidgetInfo::selected(Role::Tab, true, i == selected, names[i]));
        if response.clicked() {
            clicked = Some(i);
        }
    }
    clicked
}

/// A menu entry with the command's name and shortcut; grey, with the reason as its tooltip, if it is unavailable.
pub fn menu_entry(ui: &mut Ui, ctx: &Ctx<'_>, command: impl Into<Action>) -> Response {
    let command = command.into();
    let entry = command.info();
    let key = entry.keys.first().map(|k| format::keys(ui.ctx(), k)).unwrap_or_default();
    let response = command_row(ui, ctx, command, &key);
    let response = response.on_hover_text(entry.tooltip);
    if response.clicked() {
        ctx.send(command);
        ui.close();
    }
    response
}

/// A row that names a command; grey, with the reason as its tooltip, if it is unavailable.
pub fn command_row(ui: &mut Ui, ctx: &Ctx<'_>, command: impl Into<Action>, right: &str) -> Response {
    let command = command.into();
    let why = command.unavailable(ctx.state);
    let row = ui.add_enabled_ui(why.is_none(), |ui| menu_row(ui, command.info().text, right)).inner;
    row.on_disabled_hover_text(why.unwrap_or_default())
}

/// Maximum width that a menu row requests, points.
const MENU_ROW: f32 = 420.0;

/// A menu row; a menu is as wide as the text of its widest row.
pub fn menu_row(ui: &mut Ui, text: &str, right: &str) -> Response {
    let theme = Theme::of(ui.ctx());
    let enabled = ui.is_enabled() || ui.is_sizing_pass();
    let (colour, faint) = if enabled { (theme.text1, theme.text3) } else { (theme.text3, theme.text3) };
    let right = ui.painter().layout_no_wrap(right.to_owned(), font(text_size::SMALL), faint);
    let gap = if right.is_empty() { 0.0 } else { SPACE[4] + right.size().x };
    let whole = ui.painter().layout_no_wrap(text.to_owned(), font(text_size::BODY), colour);
    let needed = (whole.size().x + gap + 2.0 * SPACE[1]).min(MENU_ROW).ceil();
    let width = if ui.is_sizing_pass() { needed } else { needed.max(ui.available_width()) };
    let (rect, response) = ui.allocate_exact_size(vec2(width, 28.0), Sense::click());
    if enabled && (response.hovered() || response.has_focus()) {
        ui.painter().rect_filled(rect, RADIUS[0], theme.raised);
    }
    let inner = rect.shrink2(vec2(SPACE[1], 0.0));
    let galley = one_line(ui, text, font(text_size::BODY), colour, inner.width() - gap + 1.0);
    ui.painter().galley(pos2(inner.left(), inner.center().y - galley.size().y / 2.0), galley, colour);
    let at = pos2(inner.right() - right.size().x, inner.center().y - right.size().y / 2.0);
    ui.painter().galley(at, right, faint);
    focus_ring(ui.painter(), theme, &response, rect.shrink(2.0), RADIUS[0]);
    named(ui, response, text)
}

/// A menu row that is one of several choices; the chosen one has a tick.
pub fn menu_choice(ui: &mut Ui, text: &str, right: &str, chosen: bool) -> Response {
    let right = if chosen { format!("{right}      ") } else { right.to_owned() };
    let response = menu_row(ui, text, &right);
    if chosen {
        let centre = pos2(response.rect.right() - SPACE[1] - 6.0, response.rect.center().y);
        icons::paint(
            ui.painter(),
            Icon::Check,
            Rect::from_center_size(centre, Vec2::splat(13.0)),
            Theme::of(ui.ctx()).text2,
        );
    }
    response
}

fn named(ui: &Ui, response: Response, name: &str) -> Response {
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, name));
    response
}
