//! A histogram whose bars are a control: dragging over them or the arrow keys choose a range of bins.

use egui::{
    EventFilter, Id, Key, Modifiers, Rect, Response, Sense, Stroke, Ui, Vec2b, WidgetInfo, accesskit::Role, pos2, vec2,
};
use egui_plot::{Bar, BarChart};

use super::{bare_plot, focus_ring};
use crate::ui::theme::{RADIUS, Theme};
use vicinity_core::condition::ranges::BinRange;

/// So close to an end of the range the pointer moves that end, points.
const GRIP: f32 = 5.0;
/// The lowest bar that has items, as a share of the highest.
const LOWEST: f64 = 0.04;

/// A histogram to draw.
pub struct HistogramPlot<'a> {
    /// Its id.
    pub id: Id,
    /// Its accessible name: what is counted, the range and the number of items.
    pub name: &'a str,
    /// All items, per bin.
    pub all: &'a [u32],
    /// Items that the rest of the filter admits, per bin.
    pub admitted: &'a [u32],
    /// The range that is chosen.
    pub chosen: Option<BinRange>,
    /// Whether the heights of bars are logarithms.
    pub log: bool,
    /// Height, points.
    pub height: f32,
    /// Where the ends of the range are drawn, in bins from the left, if they glide there.
    pub drawn: Option<[f32; 2]>,
}

/// What the user did with a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeChange {
    /// Another range, or none; more may follow.
    Adjust(Option<BinRange>),
    /// The range is chosen.
    Finish,
}

/// What a drag does.
#[derive(Debug, Clone, Copy)]
enum Drag {
    /// Chooses from this bin on.
    New(usize),
    /// Moves the end that is not in this bin.
    Opposite(usize),
    /// Moves the range, which was chosen when the pointer was in this bin.
    Move(usize, BinRange),
}

fn focused_id() -> Id {
    Id::unique("focused histogram")
}

/// Whether a histogram has the focus, and Escape clears its range.
pub fn has_focus(ctx: &egui::Context) -> bool {
    let id: Option<Id> = ctx.data(|data| data.get_temp(focused_id()));
    id.is_some_and(|id| ctx.memory(|memory| memory.has_focus(id)))
}

impl HistogramPlot<'_> {
    /// Draws it over the available width.
    pub fn show(&self, ui: &mut Ui) -> (Response, Vec<RangeChange>) {
        let theme = Theme::of(ui.ctx());
        let area = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), self.height));
        let ends = self.drawn.or_else(|| self.chosen.map(|[first, last]| [first as f32, last as f32 + 1.0]));
        let range =
            ends.map(|ends| Rect::from_x_y_ranges(self.x_of(area, ends[0])..=self.x_of(area, ends[1]), area.y_range()));
        if let Some(range) = range {
            ui.painter().rect_filled(range, 0, theme.accent_fill);
        }
        // Most histograms of a panel are scrolled out of sight, and need no bars.
        if ui.is_rect_visible(area) {
            self.bars(ui, theme);
        } else {
            ui.allocate_space(area.size());
        }
        let response = ui.interact(area, self.id, Sense::click_and_drag());
        ui.painter().hline(area.x_range(), area.bottom(), Stroke::new(1.0, theme.line));
        for x in range.into_iter().flat_map(|range| [range.left(), range.right()]) {
            ui.painter().vline(x, area.y_range(), Stroke::new(1.5, theme.accent));
        }
        focus_ring(ui.painter(), theme, &response, area, RADIUS[0]);
        response.widget_info(|| WidgetInfo::labeled(Role::Slider, true, self.name));
        let mut changes = self.pointer(ui, &response, area);
        self.keys(ui, &response, &mut changes);
        (response, changes)
    }

    /// The bin at a position of the pointer.
    pub fn bin_at(&self, area: Rect, x: f32) -> usize {
        let share = ((x - area.left()) / area.width().max(1.0)).clamp(0.0, 1.0);
        ((share * self.all.len() as f32) as usize).min(self.last_bin())
    }

    fn x_of(&self, area: Rect, bin: f32) -> f32 {
        area.left() + area.width() * bin / self.all.len().max(1) as f32
    }

    fn last_bin(&self) -> usize {
        self.all.len().saturating_sub(1)
    }

    fn bars(&self, ui: &mut Ui, theme: &Theme) {
        let height = |count: u32| if self.log { f64::from(count).ln_1p() } else { f64::from(count) };
        let tallest = self.all.iter().copied().max().map_or(1.0, height).max(1e-9);
        // Bars of a few points have no gaps, which would be as wide as they are.
        let width = if ui.available_width() > 6.0 * self.all.len() as f32 { 0.86 } else { 1.0 };
        let bar = |(bin, count): (usize, &u32), colour| {
            let height = height(*count).max(LOWEST * tallest);
            let bar = Bar::new(bin as f64 + 0.5, height).width(width).fill(colour).stroke(Stroke::NONE);
            (*count > 0).then_some(bar)
        };
        let all = self.all.iter().enumerate().filter_map(|entry| bar(entry, theme.bar())).collect();
        let is_outside = |bin: usize| self.chosen.is_some_and(|[first, last]| bin < first || bin > last);
        let colour = |bin| if is_outside(bin) { theme.accent.gamma_multiply(0.4) } else { theme.accent };
        let admitted = self.admitted.iter().enumerate().filter_map(|entry| bar(entry, colour(entry.0))).collect();
        let charts =
            [("all", all), ("admitted", admitted)].map(|(name, bars)| BarChart::new(name, bars).allow_hover(false));
        let plot = bare_plot(self.id.with("plot"), self.height).auto_bounds(Vec2b::FALSE);
        let right = self.all.len() as f64;
        plot.show(ui, move |plot| {
            plot.set_plot_bounds(egui_plot::PlotBounds::from_min_max([0.0, 0.0], [right, tallest * 1.05]));
            charts.into_iter().for_each(|chart| plot.bar_chart(chart));
        });
    }

    fn pointer(&self, ui: &Ui, response: &Response, area: Rect) -> Vec<RangeChange> {
        let mut changes = Vec::new();
        let at = response.interact_pointer_pos();
        if response.clicked()
            && let Some(at) = at
        {
            response.request_focus();
            let bin = self.bin_at(area, at.x);
            let is_pinned = self.chosen == Some([bin, bin]);
            changes.extend([RangeChange::Adjust((!is_pinned).then_some([bin, bin])), RangeChange::Finish]);
        }
        let (origin, id) = (ui.input(|input| input.pointer.press_origin()), self.id.with("drag"));
        if response.drag_started()
            && let Some(origin) = origin
        {
            ui.data_mut(|data| data.insert_temp(id, self.drag_from(area, origin.x)));
        }
        let drag: Option<Drag> = ui.data(|data| data.get_temp(id));
        if response.dragged()
            && let (Some(drag), Some(at)) = (drag, at)
        {
            let range = self.dragged(drag, self.bin_at(area, at.x));
            if self.chosen != Some(range) {
                changes.push(RangeChange::Adjust(Some(range)));
            }
        }
        if response.drag_stopped() {
            ui.data_mut(|data| data.remove::<Drag>(id));
            changes.push(RangeChange::Finish);
        }
        if response.hovered() || response.dragged() {
            let x = ui.input(|input| input.pointer.hover_pos()).map(|at| at.x);
            let is_at_end = x.is_some_and(|x| matches!(self.drag_from(area, x), Drag::Opposite(_)));
            ui.set_cursor_icon(if is_at_end { egui::CursorIcon::ResizeHorizontal } else { egui::CursorIcon::Default });
        }
        changes
    }

    fn drag_from(&self, area: Rect, x: f32) -> Drag {
        let bin = self.bin_at(area, x);
        let Some([first, last]) = self.chosen else { return Drag::New(bin) };
        let is_near = |edge: usize| (self.x_of(area, edge as f32) - x).abs() <= GRIP;
        if is_near(first) {
            Drag::Opposite(last)
        } else if is_near(last + 1) {
            Drag::Opposite(first)
        } else if (first..=last).contains(&bin) {
            Drag::Move(bin, [first, last])
        } else {
            Drag::New(bin)
        }
    }

    fn dragged(&self, drag: Drag, bin: usize) -> BinRange {
        match drag {
            Drag::New(anchor) | Drag::Opposite(anchor) => [anchor.min(bin), anchor.max(bin)],
            Drag::Move(from, [first, last]) => {
                // There may be fewer bins than when it began.
                let last = last.min(self.last_bin());
                let first = first.min(last);
                let shift = (bin as isize - from as isize).clamp(-(first as isize), (self.last_bin() - last) as isize);
                [first, last].map(|end| end.saturating_add_signed(shift))
            }
        }
    }

    /// The arrow keys move the first end, with Shift the last; Enter chooses the range, Escape takes it away.
    fn keys(&self, ui: &Ui, response: &Response, changes: &mut Vec<RangeChange>) {
        if response.lost_focus() {
            changes.push(RangeChange::Finish);
        }
        if !response.has_focus() {
            return;
        }
        ui.data_mut(|data| data.insert_temp(focused_id(), self.id));
        let filter = EventFilter { horizontal_arrows: true, escape: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(self.id, filter));
        let [mut first, mut last] = self.chosen.unwrap_or([0, self.last_bin()]);
        let pressed = |modifiers, key| ui.input_mut(|input| input.consume_key(modifiers, key));
        if pressed(Modifiers::SHIFT, Key::ArrowLeft) {
            last = last.saturating_sub(1).max(first);
        } else if pressed(Modifiers::SHIFT, Key::ArrowRight) {
            last = (last + 1).min(self.last_bin());
        } else if pressed(Modifiers::NONE, Key::ArrowLeft) {
            first = first.saturating_sub(1);
        } else if pressed(Modifiers::NONE, Key::ArrowRight) {
            first = (first + 1).min(last);
        }
        let range = ([first, last] != [0, self.last_bin()]).then_some([first, last]);
        if range != self.chosen {
            changes.push(RangeChange::Adjust(range));
        }
        if pressed(Modifiers::NONE, Key::Enter) {
            changes.push(RangeChange::Finish);
        }
        if pressed(Modifiers::NONE, Key::Escape) {
            match self.chosen {
                Some(_) => changes.extend([RangeChange::Adjust(None), RangeChange::Finish]),
                None => response.surrender_focus(),
            }
        }
    }
}

/// Which labels are written below a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelPlacement {
    /// Those of both ends.
    Ends,
    /// As many as fit, each below the middle of its bin.
    Middles,
}

/// Writes labels below a histogram that is `area`, each for a bin; that of the number after the last is at its right end.
pub fn edge_labels(ui: &mut Ui, area: Rect, bins: usize, placement: LabelPlacement, label: impl Fn(usize) -> String) {
    let theme = Theme::of(ui.ctx());
    let font = crate::ui::style::font(crate::ui::theme::text_size::SMALL - 1.0);
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 14.0), Sense::hover());
    let galley = |bin: usize| ui.painter().layout_no_wrap(label(bin), font.clone(), theme.text2);
    let x_of = |bin: usize| area.left() + area.width() * bin as f32 / bins.max(1) as f32;
    let last = galley(bins);
    let last_left = row.right() - last.size().x;
    let widest = galley(0).size().x.max(last.size().x) + 18.0;
    let fits = |step: &usize| placement == LabelPlacement::Middles && x_of(*step) - x_of(0) >= widest;
    let step = (1..bins).find(fits).unwrap_or(bins.max(1));
    for bin in (0..bins).step_by(step) {
        let galley = galley(bin);
        let middle = f32::midpoint(x_of(bin), x_of(bin + 1));
        let left = match placement {
            LabelPlacement::Ends => row.left(),
            LabelPlacement::Middles => (middle - galley.size().x / 2.0).max(row.left()),
        };
        if left + galley.size().x + 8.0 < last_left {
            ui.painter().galley(pos2(left, row.top()), galley, theme.text2);
        }
    }
    ui.painter().galley(pos2(last_left, row.top()), last, theme.text2);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(chosen: Option<BinRange>) -> HistogramPlot<'static> {
        let counts: &[u32] = &[1; 10];
        HistogramPlot {
            id: Id::NULL,
            name: "",
            all: counts,
            admitted: counts,
            chosen,
            log: false,
            height: 40.0,
            drawn: None,
        }
    }

    #[test]
    fn a_drag_chooses_moves_an_end_or_moves_the_range() {
        let area = Rect::from_min_size(pos2(20.0, 0.0), vec2(100.0, 40.0));
        let drag = |chosen, from: f32, to: f32| {
            let plot = plot(chosen);
            plot.dragged(plot.drag_from(area, from), plot.bin_at(area, to))
        };
        assert_eq!(drag(None, 45.0, 71.0), [2, 5]);
        assert_eq!(drag(None, 71.0, -400.0), [0, 5]);
        let chosen = Some([3, 5]);
        assert_eq!(drag(chosen, 52.0, 25.0), [0, 5], "the first end");
        assert_eq!(drag(chosen, 79.0, 105.0), [3, 8], "the last end");
        assert_eq!(drag(chosen, 52.0, 115.0), [5, 9], "past the other end");
        assert_eq!(drag(chosen, 65.0, 75.0), [4, 6], "both");
        assert_eq!(drag(chosen, 65.0, 900.0), [7, 9], "no further than the last bin");
        assert_eq!(drag(chosen, 95.0, 110.0), [7, 9], "another range");
    }
}
