//! The histograms of the left panel, and their values in words.

use egui::{Align, Id, Margin, Rect, Ui, pos2, vec2};
use jiff::civil::Date;

use crate::context::commands::SearchCommand;
use crate::context::format;
use crate::context::{AttributeHistogram, Ctx, FilterControl};
use crate::ui::theme::{SPACE, Theme};
use crate::ui::widgets::histogram::{HistogramPlot, LabelPlacement, RangeChange, edge_labels};
use crate::ui::widgets::rows::{heading, section_line};
use crate::ui::widgets::{buttons, icons::Icon};
use vicinity_core::bins::DateStep;
use vicinity_core::condition::field::Field;
use vicinity_core::condition::ranges::BinRange;
use vicinity_core::table::Cell;
use vicinity_core::{Attribute, BinScale};

/// Height of the bars, points.
const HEIGHT: f32 = 40.0;

/// Numbers that have a section of their own.
const SECTIONS: [Field; 5] = [Field::Iso, Field::Aperture, Field::Exposure, Field::Focal, Field::Size];

/// Draws the sections of numbers that have no other control.
pub fn sections(ui: &mut Ui, ctx: &Ctx<'_>) {
    for field in SECTIONS {
        let attribute = Attribute::Field(field);
        let library = ctx.state.library();
        let Some(histogram) = library.histograms.get(&attribute) else { continue };
        section_line(ui);
        reveal(ui, ctx, &FilterControl::Field(field));
        let top = ui.cursor().min;
        let title = title(&attribute);
        heading(ui, &title);
        if library.query.filter.chosen_bins(&attribute, &histogram.bins).is_some() {
            let place = Rect::from_min_size(pos2(ui.max_rect().right() - 28.0, top.y), vec2(24.0, 24.0));
            if buttons::icon_in(ui, Icon::Close, &format!("Clear {}", title.to_lowercase()), place).clicked() {
                ctx.send(SearchCommand::SetFilter(library.query.filter.without_limits(&attribute)));
            }
        }
        plot(ui, ctx, &attribute);
    }
}

/// Draws the histogram of an attribute with its ends below it, if there is one.
pub fn plot(ui: &mut Ui, ctx: &Ctx<'_>, attribute: &Attribute) {
    let Some(histogram) = ctx.state.library().histograms.get(attribute) else { return };
    let margin = Margin { left: SPACE[1] as i8, right: SPACE[1] as i8, top: 2, bottom: 2 };
    egui::Frame::new().inner_margin(margin).show(ui, |ui| {
        let area = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), HEIGHT));
        interactive(ui, ctx, histogram, HistogramLook { place: "histogram", height: HEIGHT, drawn: None });
        let bins = histogram.bins.len();
        edge_labels(ui, area, bins, LabelPlacement::Ends, |edge| edge_words(histogram, edge));
    });
}

/// How a histogram is drawn.
#[derive(Debug, Clone, Copy)]
pub struct HistogramLook {
    /// What it is called: the same attribute may be shown twice.
    pub place: &'static str,
    /// Height of the bars, points.
    pub height: f32,
    /// Where the ends of the range are drawn, if they glide there.
    pub drawn: Option<[f32; 2]>,
}

/// Draws the bars of a histogram, and sends what the user does with them.
pub fn interactive(ui: &mut Ui, ctx: &Ctx<'_>, histogram: &AttributeHistogram, look: HistogramLook) {
    let AttributeHistogram { attribute, bins, all, admitted } = histogram;
    let library = ctx.state.library();
    let filter = &library.query.filter;
    let chosen = filter.chosen_bins(attribute, bins);
    let name = accessible_name(histogram, chosen, look.place);
    let id = Id::unique(("histogram", look.place, attribute, &library.path));
    let log = ctx.state.preferences.log_histograms;
    let HistogramLook { height, drawn, .. } = look;
    let plot = HistogramPlot { id, name: &name, all, admitted, chosen, log, height, drawn };
    let (response, changes) = plot.show(ui);
    for change in changes {
        ctx.send(match change {
            RangeChange::Adjust(range) => SearchCommand::AdjustFilter(filter.with_bins(attribute, bins, range)),
            RangeChange::Finish => SearchCommand::FinishFilter,
        });
    }
    let hovered = response.hover_pos().map(|at| plot.bin_at(response.rect, at.x));
    if let Some(bin) = hovered {
        let items = |counts: &[u32]| format::number(counts.get(bin).copied().unwrap_or(0).into());
        let words = range_words(histogram, [bin, bin]);
        response.on_hover_text_at_pointer(format!(
            "{words}: {} of {} items\nClick to select this bar, drag to select a range",
            items(admitted),
            items(all)
        ));
    }
}

fn accessible_name(histogram: &AttributeHistogram, chosen: Option<BinRange>, place: &str) -> String {
    let range = chosen.unwrap_or([0, histogram.bins.len().saturating_sub(1)]);
    let sum = |counts: &[u32]| {
        let counts = counts.get(range[0]..=range[1]).unwrap_or_default();
        format::number(counts.iter().copied().map(u64::from).sum())
    };
    let words = range_words(histogram, range);
    let (admitted, all) = (sum(&histogram.admitted), sum(&histogram.all));
    format!("{} {place}, {words}, {admitted} of {all} items", title(&histogram.attribute))
}

/// What an attribute is called.
pub fn title(attribute: &Attribute) -> String {
    match attribute {
        Attribute::Field(field) => format::measured_field(*field),
        Attribute::Column(name) => name.as_str().to_owned(),
    }
}

/// A range of bins: `2023-06 to 2023-08`, `5 kB to 20 kB`, `3`.
pub fn range_words(histogram: &AttributeHistogram, [first, last]: BinRange) -> String {
    let between = |a: String, b: String| if a == b { a } else { format!("{a} to {b}") };
    match histogram.bins.scale() {
        BinScale::Dates(days, step) => {
            let start = days.get(first).copied().unwrap_or_default();
            let end = days.get(last + 1).and_then(|day| day.yesterday().ok()).unwrap_or(start);
            between(date_words(start, *step), date_words(end, *step))
        }
        BinScale::Whole => {
            let edge = |at: usize| histogram.bins.edges().get(at).copied().unwrap_or_default();
            between(value_words(&histogram.attribute, edge(first)), value_words(&histogram.attribute, edge(last)))
        }
        BinScale::Numbers => between(edge_words(histogram, first), edge_words(histogram, last + 1)),
    }
}

/// The edge of a bin; the edge after the last one is the end of the last.
pub fn edge_words(histogram: &AttributeHistogram, at: usize) -> String {
    let AttributeHistogram { attribute, bins, .. } = histogram;
    match bins.scale() {
        BinScale::Dates(days, step) => {
            let day = days.get(at).copied().unwrap_or_default();
            date_words(if at == bins.len() { day.yesterday().unwrap_or(day) } else { day }, *step)
        }
        BinScale::Whole => {
            let at = at.min(bins.len().saturating_sub(1));
            value_words(attribute, bins.edges().get(at).copied().unwrap_or_default())
        }
        BinScale::Numbers => value_words(attribute, bins.edges().get(at).copied().unwrap_or_default()),
    }
}

fn date_words(day: Date, step: DateStep) -> String {
    match step {
        DateStep::Days(_) => day.to_string(),
        DateStep::Months(_) => day.strftime("%Y-%m").to_string(),
        DateStep::Years(_) => day.year().to_string(),
    }
}

fn value_words(attribute: &Attribute, value: f64) -> String {
    match attribute {
        Attribute::Field(Field::Size) => format::bytes(value as u64).replace(".0 ", " "),
        Attribute::Field(Field::Exposure) if value < 1.0 && value > 0.0 => format!("1/{} s", (1.0 / value).round()),
        Attribute::Field(Field::Exposure) => format!("{value} s"),
        Attribute::Field(Field::Aperture) => format!("f/{value}"),
        Attribute::Field(Field::Focal) => format!("{value} mm"),
        Attribute::Field(_) | Attribute::Column(_) => Cell::Number(value).to_string(),
    }
}

/// Scrolls to the section that begins here if the chip of its criterion was clicked, and gives its histogram the focus.
pub fn reveal(ui: &Ui, ctx: &Ctx<'_>, control: &FilterControl) {
    let Some((request, wanted)) = &ctx.state.view.filter_request else { return };
    let (id, theme) = (Id::unique("filter control shown"), Theme::of(ui.ctx()));
    let seen: u64 = ui.data(|data| data.get_temp(id)).unwrap_or(0);
    if seen >= *request || wanted != control {
        return;
    }
    ui.data_mut(|data| data.insert_temp(id, *request));
    let section = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), 120.0));
    ui.scroll_to_rect(section, Some(Align::Min));
    ui.painter().rect_filled(section.with_max_y(section.top() + 24.0), 4, theme.accent_fill);
    let attribute = match control {
        FilterControl::Field(field) => Attribute::Field(*field),
        FilterControl::Column(name) => Attribute::Column(name.clone()),
        FilterControl::Folder | FilterControl::Type | FilterControl::Name | FilterControl::Condition => return,
    };
    if ctx.state.library().histograms.get(&attribute).is_some() {
        let plot = Id::unique(("histogram", "histogram", &attribute, &ctx.state.library().path));
        ui.memory_mut(|memory| memory.request_focus(plot));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use vicinity_core::Bins;
    use vicinity_core::bins::Spread;

    fn histogram(attribute: Attribute, bins: Option<Bins>) -> AttributeHistogram {
        let bins = bins.expect("bins");
        let counts = vec![1000; bins.len()];
        AttributeHistogram { attribute, all: counts.clone(), admitted: counts, bins }
    }

    #[test]
    fn ranges_are_said_as_people_write_them() {
        let days = |first, last| {
            let bins = Bins::of_dates([first, last], |day| f64::from(day.year()));
            histogram(Attribute::Field(Field::Taken), bins)
        };
        let years = days(date(1960, 1, 1), date(2024, 1, 1));
        assert_eq!(range_words(&years, [0, 0]), "1960");
        assert_eq!(range_words(&years, [10, 12]), "1970 to 1972");
        let months = days(date(2020, 1, 5), date(2024, 6, 1));
        assert_eq!(range_words(&months, [2, 3]), "2020-03 to 2020-04");
        assert_eq!(edge_words(&months, months.bins.len()), "2024-06");
        let weeks = days(date(2024, 1, 3), date(2024, 7, 1));
        assert_eq!(range_words(&weeks, [0, 0]), "2024-01-01 to 2024-01-07");
        let number = |field, low, high| {
            let spread = Spread { limits: [low, high], whole: field == Field::Rating };
            histogram(Attribute::Field(field), Bins::of_field(field, spread))
        };
        assert_eq!(range_words(&number(Field::Rating, 0.0, 5.0), [3, 4]), "3 to 4");
        assert_eq!(range_words(&number(Field::Exposure, 0.002, 4.0), [0, 1]), "1/500 s to 1/125 s");
        let sizes = number(Field::Size, 1e3, 1e7);
        assert_eq!(range_words(&sizes, [2, 3]), "5 kB to 20 kB");
        assert_eq!(
            accessible_name(&sizes, Some([2, 3]), "histogram"),
            "File size histogram, 5 kB to 20 kB, 2,000 of 2,000 items"
        );
    }
}
