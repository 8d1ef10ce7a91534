//! The criteria of the filter: their controls in the left panel (except for the folders, which are a tree of their own),
//! and what they say in words.

use egui::{Align, Layout, Rect, Ui, UiBuilder, WidgetInfo, accesskit::Role, pos2};
use jiff::tz::TimeZone;

use super::date_fields::DateFields;
use super::{column_filters, condition_field, fact_filters, histograms};
use crate::context::commands::{SearchCommand, ViewAction};
use crate::context::format;
use crate::context::{Ctx, FilterControl};
use crate::ui::theme::{SPACE, Theme};
use crate::ui::widgets::buttons;
use crate::ui::widgets::rows::{Leading, PanelRow, heading, section_line};
use vicinity_core::condition::column::ColumnValue;
use vicinity_core::condition::comparison::Operand;
use vicinity_core::condition::field::Field;
use vicinity_core::condition::operator::Operator;
use vicinity_core::filter::DateRange;
use vicinity_core::{Attribute, Condition, Filter, Modality};

/// Draws the sections below the folders.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>) {
    types(ui, ctx);
    scale(ui, ctx);
    dates(ui, ctx);
    fact_filters::show(ui, ctx);
    histograms::sections(ui, ctx);
    column_filters::show(ui, ctx);
    condition_field::show(ui, ctx);
}

fn types(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    section_line(ui);
    histograms::reveal(ui, ctx, &FilterControl::Type);
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

/// The heading of all criteria with histograms, and the switch of their heights.
fn scale(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    if ctx.state.library().histograms.iter().next().is_none() {
        return;
    }
    section_line(ui);
    let top = ui.cursor().min;
    heading(ui, "Filters");
    let right = ui.max_rect().right() - SPACE[0];
    let place = Rect::from_min_max(pos2(right - 76.0, top.y), pos2(right, top.y + 24.0));
    let info = ViewAction::ToggleLogScale.info();
    let on = ctx.state.preferences.log_histograms;
    let mut right = ui.new_child(UiBuilder::new().max_rect(place).layout(Layout::right_to_left(Align::Center)));
    let colour = if on { theme.accent } else { theme.text2 };
    let button = buttons::quiet_small(&mut right, "Log scale", info.text, colour);
    button.widget_info(|| WidgetInfo::selected(Role::Switch, true, on, info.text));
    if button.on_hover_text(info.tooltip).clicked() {
        ctx.send(ViewAction::ToggleLogScale);
    }
}

fn dates(ui: &mut Ui, ctx: &Ctx<'_>) {
    let library = ctx.state.library();
    let filter = &library.query.filter;
    let taken = filter.taken();
    if library.fact_counts.has_times() || !taken.is_unlimited() {
        // A camera's clock has no time zone.
        let (heading, clear, time_zone) = ("Date taken", "Clear dates taken", TimeZone::UTC);
        let fields = DateFields { heading, clear, word: "Taken", field: Field::Taken, range: taken, time_zone };
        fields.show(ui, ctx, |days| ctx.send(SearchCommand::SetFilter(filter.with_taken(days))));
    }
    let (heading, clear, time_zone) = ("Date modified", "Clear dates", TimeZone::system());
    let fields =
        DateFields { heading, clear, word: "Modified", field: Field::Modified, range: filter.modified, time_zone };
    fields.show(ui, ctx, |modified| ctx.send(SearchCommand::SetFilter(Filter { modified, ..filter.clone() })));
}

fn plural(modality: Modality) -> &'static str {
    match modality {
        Modality::Image => "Images",
        Modality::Text => "Texts",
    }
}

/// A criterion that is shown as a chip above the map and the gallery.
pub struct FilterChip {
    /// What it says.
    pub text: String,
    /// What it says in full, if its text is short for something.
    pub tooltip: Option<String>,
    /// The control that made it.
    pub control: FilterControl,
    /// The filter without it.
    pub without: Filter,
}

impl FilterChip {
    fn new(text: String, control: FilterControl, without: Filter) -> Self {
        Self { text, tooltip: None, control, without }
    }
}

/// The chips of a filter.
pub fn chips(filter: &Filter) -> Vec<FilterChip> {
    let modality = filter.modality.map(|modality| {
        let without = Filter { modality: None, ..filter.clone() };
        FilterChip::new(format!("{} only", plural(modality)), FilterControl::Type, without)
    });
    let folder = filter.folder.as_ref().map(|folder| {
        let without = Filter { folder: None, ..filter.clone() };
        let tooltip = Some(folder.display().to_string());
        let text = format!("In {}", format::file_name(folder));
        FilterChip { tooltip, ..FilterChip::new(text, FilterControl::Folder, without) }
    });
    let name = filter.name.as_ref().map(|name| {
        let without = Filter { name: None, ..filter.clone() };
        FilterChip::new(format!("Name: {}", name.typed().trim()), FilterControl::Name, without)
    });
    let days = |range: DateRange, word, field, without| {
        let chip = || FilterChip::new(format!("{word} {range}"), FilterControl::Field(field), without);
        (!range.is_unlimited()).then(chip)
    };
    let without = Filter { modified: DateRange::default(), ..filter.clone() };
    let modified = days(filter.modified, "Modified", Field::Modified, without);
    let taken = days(filter.taken(), "Taken", Field::Taken, filter.with_taken(DateRange::default()));
    let criteria = [modality, folder, name, modified, taken].into_iter().flatten();
    criteria.chain(condition_chips(filter)).collect()
}

/// Chips of a condition; what it has beyond them shares one.
const CONDITION_CHIPS: usize = 10;

/// Limits of the same attribute have one chip, every other part of the condition has its own.
fn condition_chips(filter: &Filter) -> Vec<FilterChip> {
    let rest = filter.with_taken(DateRange::default());
    let parts = rest.condition_parts();
    let limits: Vec<_> = parts.iter().map(Condition::as_limit).collect();
    let mut chips: Vec<FilterChip> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let attribute = limits.get(at).and_then(|limit| limit.as_ref()).map(|(attribute, ..)| attribute);
        let Some(attribute) = attribute else {
            chips.push(FilterChip::new(part_text(part), control_of(part), filter.without_part(part)));
            continue;
        };
        let of_attribute = || limits.iter().flatten().filter(|(of, ..)| of == attribute);
        let is_first = limits.iter().take(at).flatten().all(|(of, ..)| of != attribute);
        if is_first {
            let control = match attribute {
                Attribute::Field(field) => field_control(*field),
                Attribute::Column(name) => FilterControl::Column(name.clone()),
            };
            let limits = of_attribute().map(|(_, operator, value)| (*operator, value.as_str()));
            let text = format!("{}: {}", histograms::title(attribute), limits_text(limits));
            chips.push(FilterChip::new(text, control, filter.without_limits(attribute)));
        }
    }
    if chips.len() > CONDITION_CHIPS {
        let text = format::count(chips.len() as u64, "condition");
        let without = Filter { condition: None, ..filter.clone() }.with_taken(filter.taken());
        let tooltip = rest.condition.as_ref().map(|condition| condition.to_string());
        chips = vec![FilterChip { tooltip, ..FilterChip::new(text, FilterControl::Condition, without) }];
    }
    chips
}

/// `3 to 4`, `5 MB or more`, `below 800`.
fn limits_text<'a>(limits: impl Iterator<Item = (Operator, &'a str)>) -> String {
    let (mut from, mut until) = (None, None);
    for (operator, value) in limits {
        if operator == Operator::GreaterOrEqual { from = Some(value) } else { until = Some((operator, value)) }
    }
    match (from, until) {
        (Some(from), Some((Operator::LessOrEqual, until))) if from == until => from.to_owned(),
        (Some(from), Some((Operator::Less, until))) => format!("{from} to below {until}"),
        (Some(from), Some((_, until))) => format!("{from} to {until}"),
        (Some(from), None) => format!("{from} or more"),
        (None, Some((Operator::Less, until))) => format!("below {until}"),
        (None, Some((_, until))) => format!("up to {until}"),
        (None, None) => "any".to_owned(),
    }
}

/// The control that made a part of a condition: the field for conditions, if it was written.
fn control_of(part: &Condition) -> FilterControl {
    let is_choice = part.as_comparison().is_some_and(|comparison| comparison.operator() == Operator::Equal);
    match (part.field(), part.as_column()) {
        (Some(field), _) if is_choice || part.as_has() == Some(Field::Place) => field_control(field),
        (_, Some(column)) if column.operator() == Operator::Equal => FilterControl::Column(column.name().clone()),
        _ => FilterControl::Condition,
    }
}

/// The section of a field, or the field for conditions where it has none.
fn field_control(field: Field) -> FilterControl {
    match field {
        Field::Width | Field::Height | Field::Format | Field::Type | Field::Folder | Field::Name => {
            FilterControl::Condition
        }
        field => FilterControl::Field(field),
    }
}

/// What a part of a condition says, as it was chosen or written.
fn part_text(part: &Condition) -> String {
    if part.as_has() == Some(Field::Place) {
        return "Has a place".to_owned();
    }
    let text = |value: &Operand| if let Operand::Text(text) = value { Some(text.typed().to_owned()) } else { None };
    let chosen = part.as_comparison().filter(|comparison| comparison.operator() == Operator::Equal);
    let values = chosen.and_then(|comparison| comparison.values().iter().map(text).collect::<Option<Vec<_>>>());
    let column = part.as_column().filter(|column| column.operator() == Operator::Equal);
    match (part.field(), values, column) {
        (Some(field), Some(values), _) => format!("{}: {}", format::capital(field.as_str()), values.join(" or ")),
        (_, _, Some(column)) => {
            let values: Vec<&str> = column.values().iter().map(ColumnValue::typed).collect();
            format!("{}: {}", column.name().as_str(), values.join(" or "))
        }
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
        let texts = |chips: &[FilterChip]| chips.iter().map(|chip| chip.text.clone()).collect::<Vec<_>>();
        assert_eq!(texts(&chips), ["Texts only", "In Notes", "Name: golf"]);
        let without: Vec<String> = chips.iter().map(|chip| title(&chip.without)).collect();
        assert_eq!(without, ["“golf” in Notes", "Texts “golf”", "Texts in Notes"]);
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
    fn limits_share_a_chip_and_each_other_part_of_a_condition_has_its_own() {
        let filter = |text: &str| {
            let condition = Condition::parse(text, &TimeZone::UTC).expect("a condition");
            Filter { condition: Some(condition.into()), ..Filter::default() }
        };
        let texts = |text: &str| chips(&filter(text)).into_iter().map(|chip| chip.text).collect::<Vec<_>>();
        assert_eq!(
            texts("taken >= 2023-06 and taken <= 2023-08 and has place"),
            ["Taken 2023-06-01 to 2023-08-31", "Has a place"]
        );
        assert_eq!(texts("camera in (X100V, M11) and rating >= 3"), ["Camera: X100V or M11", "Rating: 3 or more"]);
        assert_eq!(
            texts("size >= 5 kB and camera ~ x and size < 20 kB and iso <= 800 and rating >= 4 and rating <= 4"),
            ["File size: 5 kB to below 20 kB", "camera ~ \"x\"", "ISO: up to 800", "Rating: 4"]
        );
        assert_eq!(
            texts("column price < 3 and column kind = terrier and column born >= 2023-02 and iso != 100"),
            ["price: below 3", "kind: terrier", "born: 2023-02 or more", "iso != 100"]
        );
        let many = (1..=12).map(|at| format!("iso != {at}")).collect::<Vec<_>>().join(" and ");
        assert_eq!(texts(&format!("{many} and taken >= 2023")), ["Taken since 2023-01-01", "12 conditions"]);
    }

    #[test]
    fn a_chip_leads_to_its_control_and_takes_away_only_its_own_part() {
        let text = "size >= 5 kB and camera = x and size < 20 kB and camera ~ y and taken >= 2023";
        let condition = Condition::parse(text, &TimeZone::UTC).expect("a condition");
        let filter = Filter { condition: Some(condition.into()), ..Filter::default() };
        let chips = chips(&filter);
        let controls: Vec<_> = chips.iter().map(|chip| chip.control.clone()).collect();
        let field = FilterControl::Field;
        assert_eq!(controls, [field(Field::Taken), field(Field::Size), field(Field::Camera), FilterControl::Condition]);
        let without = title(&chips[1].without);
        assert_eq!(without, "All items where camera = \"x\" and camera ~ \"y\" and taken >= 2023");
    }
}
