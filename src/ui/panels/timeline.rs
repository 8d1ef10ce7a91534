//! Items over time, below the map and the gallery: a range of dates to choose, and a window that moves through them.

use std::time::Duration;

use egui::{Align, Frame, Id, Layout, Margin, Panel, Popup, Rect, Ui, UiBuilder, vec2};

use super::histograms::{self, HistogramLook};
use crate::context::commands::{SearchCommand, ViewAction, ViewCommand};
use crate::context::{AttributeHistogram, Ctx};
use crate::ui::theme::{SPACE, Theme};
use crate::ui::widgets::histogram::{LabelPlacement, edge_labels};
use crate::ui::widgets::{buttons, icons::Icon, note};
use vicinity_core::Attribute;
use vicinity_core::condition::field::Field;
use vicinity_core::condition::ranges::BinRange;

/// Height of the panel, points.
const HEIGHT: f32 = 92.0;
/// Height of the bars, points.
const BARS: f32 = 50.0;
/// Width of the buttons at the left, points.
const BUTTONS: f32 = 124.0;
/// The window is one of so many parts of all bins at first.
const PARTS: usize = 12;
/// A step takes so long, seconds; with less motion, longer.
const STEP_SECS: [f64; 2] = [0.5, 1.0];
/// How much faster it can be.
const SPEEDS: [f64; 3] = [1.0, 2.0, 4.0];

/// State of the timeline.
#[derive(Default)]
pub struct TimelinePanel {
    /// By the dates of modification, although dates taken are known.
    by_modified: bool,
    /// Place in [`SPEEDS`].
    speed: usize,
    /// The range that was shown last, and when the next one is due.
    step: Option<(BinRange, f64)>,
}

impl TimelinePanel {
    /// Draws it, if it is open.
    pub fn show(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        if !ctx.state.preferences.timeline_open || !ctx.state.has_library() {
            self.step = None;
            return;
        }
        let theme = Theme::of(ui.ctx());
        let frame = Frame::new().fill(theme.panel).inner_margin(Margin::symmetric(SPACE[2] as i8, SPACE[1] as i8));
        Panel::bottom("timeline").exact_size(HEIGHT).frame(frame).resizable(false).show(ui, |ui| {
            let area = ui.max_rect();
            let close = Rect::from_min_size(egui::pos2(area.right() - 20.0, area.top()), vec2(24.0, 24.0));
            if buttons::icon_in(ui, Icon::Close, "Close timeline", close).clicked() {
                ctx.send(ViewAction::ToggleTimeline);
            }
            let Some(histogram) = self.histogram(ctx) else {
                self.stop(ctx);
                if ctx.state.library().histograms.iter().next().is_some() {
                    note(ui, "All items have the same date", theme.text2);
                }
                return;
            };
            self.advance(ui, ctx, histogram);
            let left = Rect::from_min_size(area.min, vec2(BUTTONS, area.height()));
            ui.scope_builder(UiBuilder::new().max_rect(left), |ui| self.buttons(ui, ctx));
            let right = Rect::from_min_max(egui::pos2(left.right() + SPACE[1], area.top()), area.max - vec2(28.0, 0.0));
            ui.scope_builder(UiBuilder::new().max_rect(right), |ui| self.bars(ui, ctx, histogram));
        });
    }

    fn histogram<'a>(&self, ctx: &Ctx<'a>) -> Option<&'a AttributeHistogram> {
        let of = |field| ctx.state.library().histograms.get(&Attribute::Field(field));
        let (taken, modified) = (of(Field::Taken), of(Field::Modified));
        if self.by_modified { modified.or(taken) } else { taken.or(modified) }
    }

    fn bars(&self, ui: &mut Ui, ctx: &Ctx<'_>, histogram: &AttributeHistogram) {
        ui.spacing_mut().item_spacing.y = 2.0;
        let area = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), BARS));
        let drawn = self.gliding(ui, ctx);
        histograms::interactive(ui, ctx, histogram, HistogramLook { place: "timeline", height: BARS, drawn });
        edge_labels(ui, area, histogram.bins.len(), LabelPlacement::Middles, |edge| {
            histograms::edge_words(histogram, edge)
        });
    }

    /// Where the window is drawn while it moves.
    fn gliding(&self, ui: &Ui, ctx: &Ctx<'_>) -> Option<[f32; 2]> {
        let (range, _) = self.step.filter(|_| !ctx.state.preferences.reduce_motion)?;
        let secs = (STEP_SECS[0] / self.speed()) as f32;
        let at = |name: &str, end: usize| ui.animate_value_with_time(Id::unique(("timeline", name)), end as f32, secs);
        Some([at("first", range[0]), at("last", range[1] + 1)])
    }

    fn speed(&self) -> f64 {
        SPEEDS.get(self.speed).copied().unwrap_or(1.0)
    }

    fn buttons(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let theme = Theme::of(ui.ctx());
        ui.spacing_mut().item_spacing = vec2(SPACE[0], SPACE[0]);
        let of = |field| ctx.state.library().histograms.get(&Attribute::Field(field));
        let names = ["Date taken", "Date modified"];
        let shown = names[usize::from(self.by_modified || of(Field::Taken).is_none())];
        if of(Field::Taken).is_some() && of(Field::Modified).is_some() {
            let name = format!("Timeline by {}", shown.to_lowercase());
            let button = buttons::menu_button(ui, shown, &names, &name, theme.text1);
            Popup::menu(&button).show(|ui| {
                for (at, name) in names.into_iter().enumerate() {
                    if buttons::menu_choice(ui, name, "", name == shown).clicked() {
                        self.by_modified = at == 1;
                        self.stop(ctx);
                        ui.close();
                    }
                }
            });
        } else {
            note(ui, shown, theme.text1);
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let playing = ctx.state.view.timeline_playing;
            let (icon, name) = if playing { (Icon::Pause, "Pause timeline") } else { (Icon::Play, "Play timeline") };
            if buttons::icon(ui, icon, name).clicked() {
                ctx.send(ViewAction::PlayTimeline);
            }
            let speed = format!("{}×", self.speed());
            let name = format!("Timeline speed {speed}");
            let button = buttons::quiet_with_room(ui, &speed, "4×", &name, theme.text2);
            if button.on_hover_text("Speed").clicked() {
                self.speed = (self.speed + 1) % SPEEDS.len();
            }
        });
    }

    /// Moves the window by one bin when it is time.
    fn advance(&mut self, ui: &Ui, ctx: &Ctx<'_>, histogram: &AttributeHistogram) {
        if !ctx.state.view.timeline_playing {
            self.step = None;
            return;
        }
        let filter = &ctx.state.library().query.filter;
        let chosen = filter.chosen_bins(&histogram.attribute, &histogram.bins);
        let (now, bins) = (ui.input(|input| input.time), histogram.bins.len());
        let next = match self.step {
            None => Some(first_window(chosen, bins)),
            Some((_, due)) if now < due => None,
            // Somebody else has changed the range.
            Some((range, _)) if chosen != Some(range) => return self.stop(ctx),
            Some((range, _)) => match next_window(range, bins) {
                Some(next) => Some(next),
                None => return self.stop(ctx),
            },
        };
        let secs = STEP_SECS[usize::from(ctx.state.preferences.reduce_motion)] / self.speed();
        if let Some(range) = next {
            self.step = Some((range, now + secs));
            let filter = filter.with_bins(&histogram.attribute, &histogram.bins, Some(range));
            ctx.send(SearchCommand::AdjustFilter(filter));
        }
        let left = self.step.map_or(secs, |(_, due)| due - now);
        ui.ctx().request_repaint_after(Duration::from_secs_f64(left.clamp(0.0, secs) + 0.005));
    }

    fn stop(&mut self, ctx: &Ctx<'_>) {
        self.step = None;
        if ctx.state.view.timeline_playing {
            ctx.send(ViewCommand::StopTimeline);
        }
    }
}

/// Where the window begins: as it is chosen, from the beginning again if it is at the end.
fn first_window(chosen: Option<BinRange>, bins: usize) -> BinRange {
    match chosen {
        Some([first, last]) if last + 1 < bins => [first, last],
        Some([first, last]) => [0, last - first],
        None => [0, (bins / PARTS).saturating_sub(1)],
    }
}

/// One bin further; `None` at the end.
fn next_window([first, last]: BinRange, bins: usize) -> Option<BinRange> {
    (last + 1 < bins).then_some([first + 1, last + 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_moves_to_the_end_and_begins_again() {
        assert_eq!(first_window(None, 72), [0, 5]);
        assert_eq!(first_window(None, 2), [0, 0]);
        assert_eq!(first_window(Some([4, 9]), 72), [4, 9]);
        assert_eq!(first_window(Some([66, 71]), 72), [0, 5]);
        assert_eq!(next_window([4, 9], 72), Some([5, 10]));
        assert_eq!(next_window([66, 71], 72), None);
    }
}
