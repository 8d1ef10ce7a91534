//! A search image or text that is not in the collection, kept visible with its closest labels while its hits are
//! browsed.

use egui::{Frame, Sense, Ui, vec2};

use super::inspector::label_row;
use crate::context::{Ctx, RightTab};
use crate::ui::style::bold;
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use crate::ui::widgets::{icons, icons::Icon, line, tile};
use vicinity_core::QueryPart;

/// Side of the image, points.
const SIDE: f32 = 76.0;
/// Number of labels shown.
const LABELS: usize = 3;

/// Draws the card above the panel's contents, unless the panel shows the image large anyway.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>) {
    let alone = ctx.state.visible_right_tab() == RightTab::Item && ctx.state.library().selection.items.is_empty();
    let Some(chip) = ctx.state.library().query.external_chip().filter(|_| !alone) else { return };
    let theme = Theme::of(ui.ctx());
    let frame = Frame::new().fill(theme.raised).corner_radius(RADIUS[1]).inner_margin(SPACE[1]).outer_margin(3.0);
    frame.show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = SPACE[2];
            let (rect, response) = ui.allocate_exact_size(vec2(SIDE, SIDE), Sense::hover());
            match &chip.texture {
                Some(texture) => tile::cover(ui, texture, rect, RADIUS[1] - 2),
                None => {
                    ui.painter().rect_filled(rect, RADIUS[1] - 2, theme.hovered());
                    icons::paint_at(ui.painter(), Icon::Search, rect.center(), theme.text3);
                }
            }
            response.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::Image, true, format!("Search image {}", chip.label))
            });
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 18.0), Sense::hover());
                let response = line(ui, rect, &chip.label, bold(text_size::BODY), theme.text1, response);
                if let QueryPart::File(path) = &chip.part {
                    response.on_hover_text(path.display().to_string());
                }
                labels(ui, ctx);
            });
        });
    });
    ui.add_space(SPACE[0]);
}

fn labels(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let labels = &ctx.state.library().labels;
    let Some(scored) = labels.query_scores.as_ref().and_then(|all| all.first()) else {
        ui.label(egui::RichText::new("Comparing…").color(theme.text3));
        return;
    };
    let clear = scored.clear().is_some();
    for (i, score) in scored.scores.iter().take(LABELS).enumerate() {
        let Some(label) = ctx.state.preferences.label_set.labels.get(score.label) else { continue };
        label_row(ui, label, score.share, score.score, clear && i == 0);
    }
}
