//! The card beside the pointer that describes the point under it.

use egui::{Align2, Area, Frame, Id, Margin, Order, RichText, Stroke, Ui, vec2};

use crate::context::Ctx;
use crate::context::format;
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use vicinity_core::Item;

use super::MapPanel;

/// Content width, in points.
const WIDTH: f32 = 148.0;
/// Maximum number of characters of a text preview.
const SNIPPET: usize = 130;

impl MapPanel {
    pub(super) fn show_card(&self, ui: &Ui, cx: &Ctx<'_>, time: f64) {
        if egui::Popup::is_any_open(ui.ctx()) {
            return;
        }
        let Some(item) = self.hovered.and_then(|id| self.cache.current.as_ref()?.snapshot.get(id)) else { return };
        let Some(pos) = self.cache.position(item.id, time) else { return };
        let at = self.flight.now().screen_from_map(self.area, pos);
        let theme = Theme::of(ui.ctx());
        // On the side with more room.
        let right = at.x < self.area.right() - WIDTH - 60.0;
        let down = at.y < self.area.center().y;
        let pivot = match (right, down) {
            (true, true) => Align2::LEFT_TOP,
            (true, false) => Align2::LEFT_BOTTOM,
            (false, true) => Align2::RIGHT_TOP,
            (false, false) => Align2::RIGHT_BOTTOM,
        };
        let off = vec2(if right { 16.0 } else { -16.0 }, if down { 12.0 } else { -12.0 });
        Area::new(Id::unique("map card"))
            .order(Order::Middle)
            .interactable(false)
            .fade_in(false)
            .pivot(pivot)
            .fixed_pos(at + off)
            .constrain_to(self.area.shrink(SPACE[0]))
            .show(ui.ctx(), |ui| {
                Frame::new()
                    .fill(theme.raised)
                    .stroke(Stroke::new(1.0, theme.line))
                    .corner_radius(RADIUS[1])
                    .inner_margin(Margin::same(6))
                    .show(ui, |ui| {
                        ui.set_width(WIDTH);
                        ui.spacing_mut().item_spacing.y = 2.0;
                        content(ui, cx, item, self.score(cx, item), theme);
                    });
            });
    }

    fn score(&self, cx: &Ctx<'_>, item: &Item) -> Option<f32> {
        let result = cx.state.library().query.result.as_ref()?;
        let snapshot = self.cache.current.as_ref().map(|c| &c.snapshot).filter(|s| s.epoch() == result.epoch)?;
        result.scores.get(snapshot.row_of(item.id)?).copied().filter(|s| s.is_finite())
    }
}

fn content(ui: &mut Ui, cx: &Ctx<'_>, item: &Item, score: Option<f32>, theme: &Theme) {
    let small = |text: String| RichText::new(text).size(text_size::SMALL).color(theme.text2);
    if let Some(snippet) = &item.snippet {
        let short: String = snippet.chars().take(SNIPPET).collect();
        let more = if short.len() < snippet.len() { "…" } else { "" };
        ui.add(egui::Label::new(RichText::new(format!("{short}{more}")).size(text_size::SMALL).color(theme.text1)));
        ui.add_space(SPACE[0]);
    } else if let Some(texture) = cx.thumbnail(item.id).flatten() {
        let size = texture.size_vec2();
        let scale = (WIDTH / size.x).min(WIDTH / size.y);
        ui.vertical_centered(|ui| {
            let sized = egui::load::SizedTexture::new(texture.id(), size * scale);
            ui.add(egui::Image::new(sized).corner_radius(RADIUS[0]).alt_text(item.name()));
        });
        ui.add_space(SPACE[0]);
    }
    ui.add(egui::Label::new(RichText::new(item.name()).size(text_size::BODY).color(theme.text1)).truncate());
    let folder = item.path.parent().and_then(|p| p.file_name()).map(|n| n.to_string_lossy().into_owned());
    let score = score.map(format::score);
    let facts: Vec<String> = folder.into_iter().chain(score).collect();
    ui.add(egui::Label::new(small(facts.join(" · "))).truncate());
}
