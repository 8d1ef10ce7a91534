//! What is around a scatter plot: ticks, their grid, and what the axes measure.

use egui::accesskit::Role;
use egui::epaint::TextShape;
use egui::{Align2, Painter, Pos2, Rect, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::context::{Ctx, format};
use crate::ui::style::{bold, font};
use crate::ui::theme::{SPACE, Theme, text_size};
use vicinity_core::axes::HALF_SIZE;
use vicinity_core::{AxesLayout, Axis, AxisSource, LayoutMethod};

use super::MapPanel;
use super::ticks::{self, Tick};

/// Width of the strip left of the plot, and height of that below it, points.
const STRIPS: [f32; 2] = [74.0, 44.0];
/// Height of the line with what an axis measures, points.
const NAME: f32 = 20.0;
/// Points between ticks, along each axis.
const BETWEEN: [f32; 2] = [104.0, 64.0];

/// The part of an area in which points are drawn.
pub fn plot_area(whole: Rect) -> Rect {
    let [left, below] = STRIPS;
    let plot = Rect::from_min_max(whole.min + vec2(left, 0.0), whole.max - vec2(SPACE[1], below));
    if plot.width() > 80.0 && plot.height() > 80.0 { plot } else { whole }
}

impl MapPanel {
    /// The axes whose positions are drawn, if any.
    fn drawn_axes<'a>(&self, cx: &Ctx<'a>) -> Option<&'a AxesLayout> {
        let drawn = &self.cache.current.as_ref()?.scene.layout;
        cx.state.placed_axes().map(AsRef::as_ref).filter(|_| drawn.method == LayoutMethod::Axes)
    }

    /// Ticks of an axis that are in view, with their places on the screen.
    fn ticks(&self, axis: &Axis, at: usize) -> Vec<(Tick, f32)> {
        let camera = self.flight.now();
        let corner = |pos: Pos2| camera.map_from_screen(self.area, pos)[at];
        let half = HALF_SIZE[at];
        let [low, high] = [self.area.left_bottom(), self.area.right_top()].map(|pos| axis.value(corner(pos), half));
        let length = if at == 0 { self.area.width() } else { self.area.height() };
        let wanted = (length / BETWEEN[at]).max(1.0) as usize;
        let ticks = if axis.is_date { ticks::dates(low, high, wanted) } else { ticks::numbers(low, high, wanted) };
        let place = |tick: &Tick| {
            let along =
                (f64::from(axis.position(tick.value, half)) - camera.centre_in_map[at]) * camera.points_per_unit;
            if at == 0 { self.area.center().x + along as f32 } else { self.area.center().y - along as f32 }
        };
        ticks.into_iter().map(|tick| (place(&tick), tick)).map(|(place, tick)| (tick, place)).collect()
    }

    /// The lines of the ticks, below the points.
    pub(super) fn draw_grid(&self, cx: &Ctx<'_>, painter: &Painter, theme: &Theme) {
        let Some(drawn) = self.drawn_axes(cx) else { return };
        for (at, axis) in drawn.axes.iter().enumerate() {
            for (tick, place) in self.ticks(axis, at) {
                // Where an item is as much like one of two opposites as like the other.
                let is_middle = matches!(axis.source, AxisSource::Opposites(_)) && tick.value.abs() < 1e-9;
                let stroke = Stroke::new(1.0, if is_middle { theme.text3 } else { theme.line });
                if at == 0 {
                    painter.vline(place, self.area.y_range(), stroke);
                } else {
                    painter.hline(self.area.x_range(), place, stroke);
                }
            }
        }
    }

    /// The strips left of and below the plot.
    pub(super) fn show_axes(&self, ui: &Ui, cx: &Ctx<'_>, whole: Rect) {
        let Some(drawn) = self.drawn_axes(cx).filter(|_| self.area.left() > whole.left()) else { return };
        let theme = Theme::of(ui.ctx());
        let painter = ui.painter_at(whole);
        let edge = Stroke::new(1.0, theme.text3);
        painter.hline(self.area.x_range(), self.area.bottom(), edge);
        painter.vline(self.area.left(), self.area.y_range(), edge);
        let [x, y] = &drawn.axes;
        for (tick, place) in self.ticks(x, 0) {
            let galley = painter.layout_no_wrap(tick.label, font(text_size::SMALL), theme.text2);
            let text = Align2::CENTER_TOP.anchor_size(pos2(place, self.area.bottom() + SPACE[0]), galley.size());
            if text.left() >= self.area.left() - SPACE[4] && text.right() <= whole.right() {
                painter.galley(text.min, galley, theme.text2);
            }
        }
        for (tick, place) in self.ticks(y, 1) {
            let galley = painter.layout_no_wrap(short(&tick.label), font(text_size::SMALL), theme.text2);
            let text = Align2::RIGHT_CENTER.anchor_size(pos2(self.area.left() - SPACE[0] - 2.0, place), galley.size());
            if text.top() >= whole.top() && text.bottom() <= self.area.bottom() + SPACE[1] {
                painter.galley(text.min, galley, theme.text2);
            }
        }
        let below = Rect::from_min_max(
            pos2(self.area.left(), whole.bottom() - NAME - 2.0),
            pos2(self.area.right(), whole.bottom()),
        );
        name(ui, &painter, x, below, false);
        let beside = Rect::from_min_max(whole.min, pos2(whole.left() + NAME, self.area.bottom()));
        name(ui, &painter, y, beside, true);
    }
}

/// A date as short as the narrow strip left of the plot needs it: without the year where a day is given.
fn short(label: &str) -> String {
    match label.split(' ').collect::<Vec<_>>()[..] {
        [day, month, year] if year.len() == 4 && !year.contains(':') => format!("{day} {month}"),
        [_, _, time] => time.to_owned(),
        _ => label.to_owned(),
    }
}

/// What an axis measures: opposites at its ends, everything else in its middle. Upright ones are read upwards.
fn name(ui: &Ui, painter: &Painter, axis: &Axis, strip: Rect, is_upright: bool) {
    let theme = Theme::of(ui.ctx());
    let length = if is_upright { strip.height() } else { strip.width() };
    let direction = if is_upright { "Vertical" } else { "Horizontal" };
    let said = format!("{direction} axis: {}", format::axis(&axis.source));
    let response = ui.interact(strip, ui.scope_id().with(direction), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &said));
    response.on_hover_text(said);
    // Places along the strip: 0 at its beginning, 1 at its end.
    let parts = match &axis.source {
        AxisSource::Opposites([low, high]) => vec![(0.0, format!("← {low}")), (1.0, format!("{high} →"))],
        source => vec![(0.5, format::axis(source))],
    };
    let room = length / parts.len() as f32 - SPACE[1];
    for (along, text) in parts {
        let galley = crate::ui::widgets::one_line(ui, text, bold(text_size::SMALL), theme.text1, room);
        let start = along * (length - galley.size().x);
        let inset = (NAME - galley.size().y) / 2.0;
        if is_upright {
            let at = pos2(strip.left() + inset, strip.bottom() - start);
            painter.add(TextShape::new(at, galley, theme.text1).with_angle(-std::f32::consts::FRAC_PI_2));
        } else {
            painter.galley(pos2(strip.left() + start, strip.top() + inset), galley, theme.text1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_beside_the_plot_are_short() {
        assert_eq!(
            ["29 Feb 2024", "27 Feb 12:00", "Feb 2024", "0.25"].map(short),
            ["29 Feb", "12:00", "Feb 2024", "0.25"]
        );
    }
}
