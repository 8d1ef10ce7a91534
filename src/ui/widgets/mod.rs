//! Widgets shared by panels; each has an accessible name, a focus ring, and a target of at least 24 points.

pub mod buttons;
pub mod histogram;
pub mod icons;
pub mod rows;
pub mod tile;

use egui::{Painter, Rect, Response, Stroke, StrokeKind, Ui};

use super::theme::{RADIUS, Theme, text_size};
use egui_plot::Plot;

/// Draws a ring around a focused widget, and scrolls to it when it gains the focus.
pub fn focus_ring(painter: &Painter, theme: &Theme, response: &Response, rect: Rect, radius: u8) {
    if response.has_focus() {
        if response.gained_focus() && !painter.clip_rect().contains_rect(rect) {
            response.scroll_to_me(None);
        }
        mark_focus_shown(response);
        painter.rect_stroke(rect.expand(1.0), radius + 1, Stroke::new(2.0, theme.accent), StrokeKind::Outside);
    }
}

/// Notes that a widget draws its own focus ring.
pub fn mark_focus_shown(response: &Response) {
    response.ctx.data_mut(|d| d.insert_temp(focus_shown(), response.id));
}

fn focus_shown() -> egui::Id {
    egui::Id::unique("focus is shown")
}

/// Draws a ring around a focused widget that does not draw its own, so that every keyboard stop is visible.
/// Called after everything else is drawn.
pub fn ring_around_focus(ctx: &egui::Context) {
    let shown = ctx.data_mut(|d| {
        let shown: Option<egui::Id> = d.get_temp(focus_shown());
        d.remove::<egui::Id>(focus_shown());
        shown
    });
    let focused = ctx.memory(|m| m.focused()).filter(|id| shown != Some(*id) && !ctx.text_edit_focused());
    let Some(response) = focused.and_then(|id| ctx.read_response(id)) else { return };
    let rect = response.interact_rect;
    if rect.is_positive() {
        let stroke = Stroke::new(2.0, Theme::of(ctx).accent);
        ctx.layer_painter(response.layer_id).rect_stroke(rect, RADIUS[0], stroke, StrokeKind::Outside);
    }
}

/// A plot of bars alone, without axes, margins or ways to move it.
pub fn bare_plot<'a>(id: egui::Id, height: f32) -> Plot<'a> {
    Plot::new(id)
        .height(height)
        .show_axes(false)
        .show_grid(false)
        .show_background(false)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .show_x(false)
        .show_y(false)
        .set_margin_fraction(egui::Vec2::ZERO)
        .sense(egui::Sense::hover())
}

/// Selects all `chars` characters of a text field.
pub fn select_all_text(ctx: &egui::Context, field: egui::Id, chars: usize) {
    let mut state = egui::TextEdit::load_state(ctx, field).unwrap_or_default();
    let all = egui::text::CCursorRange::two(egui::text::CCursor::new(0), egui::text::CCursor::new(chars));
    state.cursor.set_char_range(Some(all));
    egui::TextEdit::store_state(ctx, field, state);
}

/// A line across the panel, as wide as the text.
pub fn divider(ui: &mut Ui) {
    let theme = Theme::of(ui.ctx());
    let (rect, _) = ui.allocate_exact_size(egui::vec2(ui.available_width(), 1.0), egui::Sense::hover());
    ui.painter().rect_filled(rect, 0, theme.line);
}

/// A horizontal bar filled to `share`.
pub fn bar(ui: &Ui, rect: Rect, share: f32, fill: egui::Color32) {
    let theme = Theme::of(ui.ctx());
    let radius = RADIUS[0] - 1;
    ui.painter().rect_filled(rect, radius, theme.hovered());
    let mut done = rect;
    done.set_width(rect.width() * share.clamp(0.0, 1.0));
    if done.width() > 0.5 {
        ui.painter().rect_filled(done, radius, fill);
    }
}

/// A tag: a word on a faint background of its colour.
pub fn tag(ui: &mut Ui, text: &str, colour: egui::Color32) {
    let galley = ui.painter().layout_no_wrap(text.to_owned(), super::style::font(text_size::SMALL), colour);
    let (rect, response) = ui.allocate_exact_size(galley.size() + egui::vec2(12.0, 4.0), egui::Sense::hover());
    ui.painter().rect_filled(rect, RADIUS[0], colour.gamma_multiply(0.14));
    ui.painter().galley(rect.center() - galley.size() / 2.0, galley, colour);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, text));
}

/// A paragraph in small type.
pub fn note(ui: &mut Ui, text: &str, colour: egui::Color32) {
    ui.add(egui::Label::new(egui::RichText::new(text).font(super::style::font(text_size::SMALL)).color(colour)).wrap());
}

/// A progress bar of the full width, with an accessible name.
pub fn progress(ui: &mut Ui, share: f32, fill: egui::Color32, name: &str) {
    let (rect, response) = ui.allocate_exact_size(egui::vec2(ui.available_width(), 12.0), egui::Sense::hover());
    bar(ui, Rect::from_center_size(rect.center(), egui::vec2(rect.width(), 4.0)), share, fill);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ProgressIndicator, true, name));
}

/// A horizontal slider `width` points wide; `name` is its tooltip and accessible name.
pub fn slider(ui: &mut Ui, value: &mut f32, range: std::ops::RangeInclusive<f32>, width: f32, name: &str) -> Response {
    let theme = Theme::of(ui.ctx());
    let (low, high) = (*range.start(), *range.end());
    // egui handles pointer and keyboard; its own drawing is replaced.
    let response = ui
        .scope(|ui| {
            ui.spacing_mut().slider_width = width;
            let visuals = ui.visuals_mut();
            visuals.selection.bg_fill = egui::Color32::TRANSPARENT;
            let widgets = &mut visuals.widgets;
            for state in [&mut widgets.inactive, &mut widgets.hovered, &mut widgets.active] {
                (state.bg_fill, state.fg_stroke) = (egui::Color32::TRANSPARENT, Stroke::NONE);
            }
            ui.add(egui::Slider::new(value, range).show_value(false)).accessible_name(name)
        })
        .inner;
    let rect = response.rect;
    let track = rect.x_range().shrink(rect.height() / 2.5);
    let share = ((*value - low) / (high - low)).clamp(0.0, 1.0);
    bar(ui, Rect::from_x_y_ranges(track, egui::Rangef::point(rect.center().y).expand(2.0)), share, theme.accent);
    let handle = egui::pos2(egui::lerp(track.min..=track.max, share), rect.center().y);
    let radius = if response.hovered() || response.dragged() { 7.0 } else { 6.0 };
    ui.painter().circle(handle, radius, theme.panel, Stroke::new(2.0, theme.accent));
    response.on_hover_text(name)
}

/// Width of a text whose digits are all as wide as 0.
pub fn text_width(ui: &Ui, text: &str, size: f32) -> f32 {
    let widest: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    ui.painter().layout_no_wrap(widest, super::style::font(size), egui::Color32::PLACEHOLDER).size().x
}

/// Paints `text` on one line, left-aligned and vertically centred in `rect`, truncated with an ellipsis if it does not
/// fit; the tooltip of `response` then shows all of it.
pub fn line(
    ui: &Ui,
    rect: Rect,
    text: &str,
    font: egui::FontId,
    colour: egui::Color32,
    response: Response,
) -> Response {
    let galley = one_line(ui, text, font, colour, rect.width());
    let cut = galley.elided;
    ui.painter().galley(egui::pos2(rect.left(), rect.center().y - galley.size().y / 2.0), galley, colour);
    if cut { response.on_hover_text(text) } else { response }
}

/// `text` truncated with an ellipsis to `width`, for buttons whose name or tooltip shows all of it.
pub fn truncate(ui: &Ui, text: &str, font: &egui::FontId, width: f32) -> String {
    let fits = |text: &str| {
        ui.painter().layout_no_wrap(text.to_owned(), font.clone(), egui::Color32::PLACEHOLDER).size().x <= width
    };
    if fits(text) {
        return text.to_owned();
    }
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let kept = ends.partition_point(|end| fits(&format!("{}…", &text[..*end])));
    format!("{}…", text[..ends[kept.saturating_sub(1)]].trim_end())
}

/// `text` truncated to one line of `width`, with an ellipsis. If it may be truncated, all of it must be shown on hover,
/// as [`line()`] does.
pub fn one_line(
    ui: &Ui,
    text: impl Into<String>,
    font: egui::FontId,
    colour: egui::Color32,
    width: f32,
) -> std::sync::Arc<egui::Galley> {
    lines(ui, egui::text::LayoutJob::simple_singleline(text.into(), font, colour), width, 1)
}

/// `job` truncated to `rows` lines of `width`, with an ellipsis.
pub fn lines(ui: &Ui, mut job: egui::text::LayoutJob, width: f32, rows: usize) -> std::sync::Arc<egui::Galley> {
    job.wrap = egui::text::TextWrapping {
        max_width: width.max(1.0),
        max_rows: rows,
        break_anywhere: rows == 1,
        overflow_character: Some('…'),
    };
    ui.painter().layout_job(job)
}
