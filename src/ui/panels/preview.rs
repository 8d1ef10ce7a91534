//! The large preview: one item over the whole centre; arrows lead to the next.

use egui::{Align2, Area, Frame, Id, Order, Rect, ScrollArea, Sense, Stroke, Ui, pos2, vec2};

use crate::context::state::Shown;
use crate::context::{Ctx, SystemCommand};
use crate::ui::grid::Step;
use crate::ui::style::{bold, font};
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use crate::ui::widgets::{buttons, icons::Icon, one_line, tile};

/// Draws it over `area` where it is open; returns where the user wants to go.
pub fn show(ui: &Ui, ctx: &Ctx<'_>, area: Rect) -> Option<Step> {
    let id = ctx.state.preview?;
    let item = ctx.state.item(id)?;
    let theme = Theme::of(ui.ctx());
    let mut step = None;
    Area::new(Id::unique("large preview")).order(Order::Middle).fixed_pos(area.min).show(ui.ctx(), |ui| {
        let (rect, _) = ui.allocate_exact_size(area.size(), Sense::click());
        ui.painter().rect_filled(rect, 0, theme.map_ground);
        let head = Rect::from_min_size(rect.min, vec2(rect.width(), 44.0));
        let name = one_line(ui, item.name(), bold(text_size::BODY), theme.text1, head.width() - 80.0);
        ui.painter().galley(pos2(head.left() + SPACE[3], head.center().y - name.size().y / 2.0), name, theme.text1);
        let close = Rect::from_center_size(pos2(head.right() - 24.0, head.center().y), vec2(28.0, 28.0));
        if buttons::icon_in(ui, Icon::Close, "Close the preview", close).clicked() {
            ctx.send(SystemCommand::ClosePreview);
        }
        let body = Rect::from_min_max(
            pos2(rect.left() + 48.0, head.bottom()),
            pos2(rect.right() - 48.0, rect.bottom() - SPACE[4]),
        );
        match ctx.state.previews.get(&id) {
            Some(Ok(Shown::Picture(texture))) => fit(ui, texture, body),
            Some(Ok(Shown::Text(text))) => page(ui, text, body),
            Some(Err(why)) => {
                ui.painter().text(body.center(), Align2::CENTER_CENTER, why, font(text_size::BODY), theme.text2);
            }
            None => {
                if let Some(texture) = ctx.thumbnail(id).flatten() {
                    fit(ui, texture, body);
                }
            }
        }
        for (x, icon, way, name) in [
            (rect.left() + 24.0, Icon::Left, Step::Left, "Previous"),
            (rect.right() - 24.0, Icon::Right, Step::Right, "Next"),
        ] {
            let place = Rect::from_center_size(pos2(x, rect.center().y), vec2(32.0, 48.0));
            if buttons::icon_in(ui, icon, name, place).clicked() {
                step = Some(way);
            }
        }
    });
    step
}

fn fit(ui: &Ui, texture: &egui::TextureHandle, room: Rect) {
    let size = texture.size_vec2();
    let scale = (room.width() / size.x).min(room.height() / size.y).min(3.0);
    tile::cover(ui, texture, Rect::from_center_size(room.center(), size * scale), RADIUS[0]);
}

fn page(ui: &mut Ui, text: &str, room: Rect) {
    let theme = Theme::of(ui.ctx());
    let width = room.width().min(720.0);
    let page = Rect::from_center_size(room.center(), vec2(width, room.height()));
    ui.scope_builder(egui::UiBuilder::new().max_rect(page), |ui| {
        Frame::new()
            .fill(theme.panel)
            .stroke(Stroke::new(1.0, theme.line))
            .corner_radius(RADIUS[1])
            .inner_margin(SPACE[4])
            .show(ui, |ui| {
                ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                    let words = egui::RichText::new(text).font(font(text_size::SEARCH)).color(theme.text1);
                    ui.add(egui::Label::new(words).wrap().selectable(true));
                });
            });
    });
}
