//! The bar above the map and the gallery while a filter is set: how many items it admits, and a chip for each criterion.

use egui::{
    Align2, Frame, Id, Margin, Panel, Rect, Sense, Stroke, StrokeKind, Ui, WidgetInfo, accesskit::Role, pos2, vec2,
};

use super::filters::{self, FilterChip};
use crate::context::Ctx;
use crate::context::commands::{SearchAction, SearchCommand, ViewCommand};
use crate::context::format;
use crate::ui::style::{bold, font};
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use crate::ui::widgets::{buttons, focus_ring, icons, icons::Icon, one_line};

/// Height of a chip, points.
const HEIGHT: f32 = 24.0;
/// Width of the longest chip, points.
const WIDTH: f32 = 300.0;

/// Draws the bar; nothing without a filter.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>) {
    let filter = &ctx.state.library().query.filter;
    if filter.is_empty() || !ctx.state.has_library() {
        return;
    }
    let theme = Theme::of(ui.ctx());
    let frame = Frame::new().fill(theme.panel).inner_margin(Margin::symmetric(SPACE[2] as i8, 5));
    Panel::top("filter bar").frame(frame).resizable(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 4.0);
        ui.horizontal_wrapped(|ui| {
            count(ui, ctx);
            for (at, chip) in filters::chips(filter).into_iter().enumerate() {
                show_chip(ui, ctx, at, chip);
            }
            if buttons::link(ui, "Clear all", "Clear all filters").clicked() {
                ctx.send(SearchAction::ClearFilters);
            }
        });
    });
}

/// Number of items that the filter admits.
fn count(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let Some(visible) = &ctx.state.library().visible else { return };
    let (shown, all) = (visible.len() as u64, format::count(visible.snapshot().len() as u64, "item"));
    let text = format!("{} of {all}", format::number(shown));
    // As wide with any number, so that the chips stay where they are while it changes.
    let width = crate::ui::widgets::text_width(ui, &format!("{} of {all}", all.replace(" items", "")), text_size::BODY);
    let colour = if shown == 0 { theme.warning } else { theme.text1 };
    let (rect, response) = ui.allocate_exact_size(vec2(width + SPACE[1], HEIGHT), Sense::hover());
    ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, &text, bold(text_size::BODY), colour);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &text));
}

/// A chip: its text leads to the control that made it, its cross removes it.
fn show_chip(ui: &mut Ui, ctx: &Ctx<'_>, at: usize, chip: FilterChip) {
    let theme = Theme::of(ui.ctx());
    let galley = one_line(ui, chip.text.as_str(), font(text_size::BODY), theme.accent, WIDTH - 10.0 - HEIGHT);
    let size = vec2(10.0 + galley.size().x + HEIGHT, HEIGHT);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let (text, close) = rect.split_left_right_at_x(rect.right() - HEIGHT);
    let response = ui.interact(text, Id::unique(("filter chip", at, "text")), Sense::click());
    ui.painter().rect_filled(rect, RADIUS[0], theme.accent_fill);
    if response.hovered() {
        ui.painter().rect_stroke(rect, RADIUS[0], Stroke::new(1.0, theme.accent), StrokeKind::Inside);
    }
    ui.painter().galley(pos2(rect.left() + 10.0, rect.center().y - galley.size().y / 2.0), galley, theme.accent);
    focus_ring(ui.painter(), theme, &response, text.shrink(1.0), RADIUS[0]);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Filter {}", chip.text)));
    let response =
        response.on_hover_text(format!("{}\nClick to change it", chip.tooltip.as_ref().unwrap_or(&chip.text)));
    let cross = ui.interact(close, Id::unique(("filter chip", at)), Sense::click());
    if cross.hovered() {
        ui.painter().rect_filled(close.shrink(2.0), RADIUS[0], theme.hovered());
    }
    let icon = Rect::from_center_size(close.center(), vec2(12.0, 12.0));
    icons::paint(ui.painter(), Icon::Close, icon, if cross.hovered() { theme.text1 } else { theme.accent });
    focus_ring(ui.painter(), theme, &cross, close.shrink(2.0), RADIUS[0]);
    cross.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Remove {} from filter", chip.text)));
    if cross.clicked() {
        ctx.send(SearchCommand::SetFilter(chip.without));
    } else if response.clicked() {
        ctx.send(ViewCommand::ShowFilter(chip.control));
    }
}
