//! Says so where the view shows none of the matches, and goes there.

use egui::{Align2, Frame, Id, Margin, Order, RichText, Ui, vec2};

use crate::context::Ctx;
use crate::context::format;
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};

use super::MapPanel;
use super::fit::FitTarget;

/// So many of the best hits are looked for in the view: all of them would take longer than a frame may.
const LOOKED_FOR: usize = 200;

impl MapPanel {
    /// At the top of the map.
    pub(super) fn show_hits_outside(&mut self, ui: &Ui, cx: &Ctx<'_>) {
        let Some(count) = self.hits_outside(cx) else { return };
        let theme = Theme::of(ui.ctx());
        let frame = Frame::new().fill(theme.panel).stroke(egui::Stroke::new(1.0, theme.line));
        let at = self.area.center_top() + vec2(0.0, SPACE[3]);
        let area = egui::Area::new(Id::unique("hits outside the view")).order(Order::Middle).pivot(Align2::CENTER_TOP);
        area.fixed_pos(at).constrain_to(self.controls.free_above(self.area)).show(ui.ctx(), |ui| {
            frame.corner_radius(RADIUS[1]).inner_margin(Margin::symmetric(10, 4)).show(ui, |ui| {
                ui.horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = SPACE[2];
                    let matches = if count == 1 { "match" } else { "matches" };
                    let best = if count > LOOKED_FOR { "the best " } else { "" };
                    let number = format::number(count.min(LOOKED_FOR) as u64);
                    let text = format!("{best}{number} {matches} outside the view");
                    ui.label(RichText::new(text).size(text_size::SMALL).color(theme.text1));
                    let show = egui::Button::new(RichText::new("Show").size(text_size::SMALL).color(theme.accent));
                    if ui.add(show.frame(false).min_size(vec2(24.0, 24.0))).clicked() {
                        self.fit_requested = Some(FitTarget::Hits);
                    }
                });
            });
        });
    }

    /// The number of matches if the view shows none of the best.
    fn hits_outside(&self, cx: &Ctx<'_>) -> Option<usize> {
        let current = self.cache.current.as_ref()?;
        let result = cx.state.library().query.result.as_ref().filter(|r| r.epoch == current.snapshot.epoch())?;
        let camera = self.flight.end();
        let best = result.matching().iter().take(LOOKED_FOR);
        let mut placed = best
            .filter_map(|hit| current.snapshot.row_of(hit.item))
            .filter(|row| !current.colours.is_filtered_out(*row))
            .filter_map(|row| current.scene.position(row, 1.0))
            .peekable();
        placed.peek()?;
        let in_view = placed.any(|pos| self.area.contains(camera.screen_from_map(self.area, pos)));
        (!in_view).then_some(result.above_threshold)
    }
}
