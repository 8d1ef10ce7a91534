//! The criteria of the filter: their controls in the left panel (except for the folders, which are a tree of their own),
//! and what they say in words.

use egui::Ui;
use jiff::tz::TimeZone;

use super::date_fields::DateFields;
use super::{column_filters, condition_field, fact_filters};
use crate::context::Ctx;
use crate::context::commands::SearchCommand;
use crate::context::format;
use crate::ui::theme::Theme;
use crate::ui::widgets::rows::{Leading, PanelRow, heading, section_line};
use vicinity_core::condition::comparison::Operand;
use vicinity_core::condition::field::Field;
use vicinity_core::condition::operator::Operator;
use vicinity_core::filter::DateRange;
use vicinity_core::{Condition, Filter, Modality};

/// Draws the sections below the folders.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>) {
    types(ui, ctx);
    dates(ui, ctx);
    fact_filters::show(ui, ctx);
    column_filters::show(ui, ctx);
    condition_field::show(ui, ctx);
}

fn types(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    section_line(ui);
    heading(ui, "Type");
    let visible = ctx.state.library().visible.as_ref();
    for (modality, colour) in [(Modality::Image, theme.images), (Modality::Text, theme.texts)] {
        let mut filter = ctx.state.library().query.filter.clone();
        let selected = filter.modality == Some(modality);
        let row = PanelRow {
            lead: Leading::Dot(colour),
            name: plural(modality),
            right: &format::number(visible.map_or(0, |rows| rows.count(modality)) as u64),
            selected,
            colour: theme.text1,
        };
        if row.show(ui).clicked() {
            filter.modality = if selected { None } else { Some(modality) };
            ctx.send(SearchCommand::SetFilter(filter));
        }
    }
}

fn dates(ui: &mut Ui, ctx: &Ctx<'_>) {
    let library = ctx.state.library();
    let filter = &library.query.filter;
    let taken = filter.taken();
    if library.fact_counts.has_times() || !taken.is_unlimited() {
        // A camera's clock has no time zone.
        let (heading, clear, time_zone) = ("Date taken", "Clear dates taken", TimeZone::UTC);
        let fields = DateFields { heading, clear, word: "Taken", range: taken, time_zone };
        fields.show(ui, ctx, |days| ctx.send(SearchCommand::SetFilter(filter.with_taken(days))));
    }
    let (heading, clear, time_zone) = ("Date modified", "Clear dates", TimeZone::system());
    let fields = DateFields { heading, clear, word: "Modified", range: filter.modified, time_zone };
    fields.show(ui, ctx, |modified| ctx.send(SearchCommand::SetFilter(Filter { modified, ..filter.clone() })));
}

fn plural(modality: Modality) -> &'static str {
    match modality {
        Modality::Image => "Images",
        Modality::Text => "Texts",
    }
}

/// A criterion that is shown as a chip in the search box, since no row of the left panel shows it.
pub struct FilterChip {
    /// What it says.
    pub text: String,
    /// The filter without it.
    pub without: Filter,
}

/// The chips of a filter.
pub fn chips(filter: &Filter) -> Vec<FilterChip> {
    let name = filter.name.as_ref().map(|name| FilterChip {
        text: format!("Name: {}", name.typed().trim()),
        without: Filter { name: None, ..filter.clone() },
    });
    let dates = (!filter.modified.is_unlimited()).then(|| FilterChip {
        text: format!("Modified {}", filter.modified),
        without: Filter { modified: DateRange::default(), ..filter.clone() },
    });
    name.into_iter().chain(dates).chain(condition_chips(filter)).collect()
}

/// Parts of a condition that have a chip each; more of them share one.
const PARTS: usize = 2;

fn condition_chips(filter: &Filter) -> Vec<FilterChip> {
    let (days, rest) = (filter.taken(), filter.with_taken(DateRange::default()));
    let taken = (!days.is_unlimited()).then(|| FilterChip { text: format!("Taken {days}"), without: rest.clone() });
    let parts = rest.condition_parts();
    let others: Vec<FilterChip> = if parts.len() > PARTS {
        let without = Filter { condition: None, ..filter.clone() }.with_taken(days);
        vec![FilterChip { text: format::count(parts.len() as u64, "condition"), without }]
    } else {
        let chip = |part| FilterChip { text: part_text(part), without: filter.without_part(part) };
        parts.iter().map(chip).collect()
    };
    taken.into_iter().chain(others).collect()
}

/// What a part of a condition says, as it was chosen or written.
fn part_text(part: &Condition) -> String {
    if part.as_has() == Some(Field::Place) {
        return "Has a place".to_owned();
    }
    let text = |value: &Operand| if let Operand::Text(text) = value { Some(text.typed().to_owned()) } else { None };
    let chosen = part.as_comparison().filter(|comparison| comparison.operator() == Operator::Equal);
    let values = chosen.and_then(|comparison| comparison.values().iter().map(text).collect::<Option<Vec<_>>>());
    match (part.field(), values) {
        (Some(field), Some(values)) => format!("{}: {}", format::capital(field.as_str()), values.join(" or ")),
        _ => part.to_string(),
    }
}

/// What a filter admits, as a heading: `Texts in Notes`.
pub fn title(filter: &Filter) -> String {
    let name = filter.name.as_ref().map(|name| format!("“{}”", name.typed().trim()));
    let what = [filter.modality.map(|modality| plural(modality).to_owned()), name];
    let what = what.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let folder = filter.folder.as_ref().map(|folder| format::file_name(folder));
    let what = match (what.is_empty(), folder) {
        (true, None) => "All items".to_owned(),
        (true, Some(folder)) => folder,
        (false, None) => what,
        (false, Some(folder)) => format!("{what} in {folder}"),
    };
    let what = if filter.modified.is_unlimited() { what } else { format!("{what}, modified {}", filter.modified) };
    match &filter.condition {
        Some(condition) => format!("{what} where {condition}"),
        None => what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vicinity_core::NamePattern;
    use vicinity_core::filter::Period;

    #[test]
    fn a_filter_is_named_by_all_of_its_criteria() {
        let mut filter = Filter::default();
        assert_eq!(title(&filter), "All items");
        filter.folder = Some("/c/Notes".into());
        assert_eq!(title(&filter), "Notes");
        filter.name = NamePattern::new("golf ");
        assert_eq!(title(&filter), "“golf” in Notes");
        filter.modality = Some(Modality::Text);
        assert_eq!(title(&filter), "Texts “golf” in Notes");
        let chips = chips(&filter);
        assert_eq!(chips.iter().map(|chip| chip.text.as_str()).collect::<Vec<_>>(), ["Name: golf"]);
        assert_eq!(title(&chips[0].without), "Texts in Notes");
        let day = |text: &str| text.parse::<Period>().ok();
        let end = day("2024-06").map(|period| period.end);
        filter.modified = DateRange::new(day("2024-05").map(|period| period.start), end, &TimeZone::UTC);
        assert_eq!(title(&filter), "Texts “golf” in Notes, modified 2024-05-01 to 2024-06-30");
        assert_eq!(
            super::chips(&filter).last().map(|chip| chip.text.as_str()),
            Some("Modified 2024-05-01 to 2024-06-30")
        );
    }
    #[test]
    fn each_part_of_a_condition_has_a_chip_until_there_are_many() {
        let filter = |text: &str| {
            let condition = Condition::parse(text, &TimeZone::UTC).expect("a condition");
            Filter { condition: Some(condition.into()), ..Filter::default() }
        };
        let texts = |text: &str| chips(&filter(text)).into_iter().map(|chip| chip.text).collect::<Vec<_>>();
        assert_eq!(
            texts("taken >= 2023-06 and taken <= 2023-08 and has place"),
            ["Taken 2023-06-01 to 2023-08-31", "Has a place"]
        );
        assert_eq!(texts("camera in (X100V, M11) and rating >= 3"), ["Camera: X100V or M11", "rating >= 3"]);
        assert_eq!(
            texts("camera ~ x and rating >= 3 and iso = 100 and taken >= 2023"),
            ["Taken since 2023-01-01", "3 conditions"]
        );
        let two = filter("taken >= 2023 and has place");
        let without: Vec<String> = chips(&two).iter().map(|chip| title(&chip.without)).collect();
        assert_eq!(without, ["All items where has place", "All items where taken >= 2023"]);
        let four = filter("camera ~ x and rating >= 3 and iso = 100 and taken >= 2023");
        assert_eq!(title(&chips(&four)[1].without), "All items where taken >= 2023-01-01");
    }
}
