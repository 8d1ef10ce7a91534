//! What is known of a photo, in the inspector: a list of names and values that can be selected and copied.

use egui::{Align, Label, Layout, RichText, Ui, vec2};

use crate::context::Ctx;
use crate::ui::style::font;
use crate::ui::theme::{SPACE, Theme, text_size};
use vicinity_core::ItemId;

/// Width of the names, points.
const NAMES: f32 = 80.0;
/// Between two facts, points.
pub(super) const GAP: f32 = 6.0;

/// Draws the facts of an item; nothing where nothing is known.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>, id: ItemId) {
    let Some((_, lines)) = ctx.state.library().facts.as_ref().filter(|(of, lines)| *of == id && !lines.is_empty())
    else {
        return;
    };
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = GAP;
        lines.iter().for_each(|(name, value)| fact(ui, name, value));
    });
    ui.add_space(SPACE[1]);
}

pub(super) fn fact(ui: &mut Ui, name: &str, value: &str) {
    let theme = Theme::of(ui.ctx());
    let width = ui.available_width();
    ui.allocate_ui_with_layout(vec2(width, 0.0), Layout::left_to_right(Align::TOP), |ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        let start = ui.cursor().min;
        ui.painter().text(start, egui::Align2::LEFT_TOP, name, font(text_size::SMALL), theme.text2);
        ui.add_space(NAMES);
        let text = RichText::new(value).font(font(text_size::SMALL)).color(theme.text1);
        let response = ui.add(Label::new(text).wrap().selectable(true));
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, format!("{name} {value}")));
    });
}
