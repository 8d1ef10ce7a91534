//! The criteria of the filter: their controls in the left panel (except for the folders, which are a tree of their own),
//! and what they say in words.

use egui::{
    Align, Align2, Id, Key, Layout, Rect, Response, Sense, Stroke, StrokeKind, TextEdit, Ui, UiBuilder, pos2, vec2,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::context::Ctx;
use crate::context::commands::SearchCommand;
use crate::context::format;
use crate::ui::style::font;
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use crate::ui::widgets::rows::{Leading, PanelRow, heading, section_line};
use crate::ui::widgets::{buttons, icons::Icon};
use vicinity_core::filter::{DateError, DateRange, Period};
use vicinity_core::{Filter, Modality};

/// Draws the sections below the folders.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>) {
    types(ui, ctx);
    dates(ui, ctx);
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

/// What is typed into the field of a date but is not in the filter yet.
#[derive(Clone, Default)]
struct DateDraft {
    text: String,
    /// The day in the filter meanwhile: the draft is dropped when that changes, for instance by undo.
    filtered: Option<Date>,
    /// Whether the user has finished typing.
    submitted: bool,
}

fn dates(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    section_line(ui);
    let top = ui.cursor().min;
    heading(ui, "Date modified");
    let filter = &ctx.state.library().query.filter;
    let range = filter.modified;
    let send = |modified| ctx.send(SearchCommand::SetFilter(Filter { modified, ..filter.clone() }));
    if !range.is_unlimited() {
        let place = Rect::from_min_size(pos2(ui.max_rect().right() - 28.0, top.y), vec2(24.0, 24.0));
        if buttons::icon_in(ui, Icon::Close, "Clear dates", place).clicked() {
            send(DateRange::default());
        }
    }
    // The second date includes its day, month or year.
    let from = |period: Option<Period>| DateRange::new(period.map(|p| p.start), range.end(), &TimeZone::system());
    let until = |period: Option<Period>| DateRange::new(range.first(), period.map(|p| p.end), &TimeZone::system());
    // What was typed for one library is of no use for another.
    let id = |label: &str| Id::unique(("date", label, &ctx.state.library().path));
    let errors = [
        date_field(ui, (id("From"), "From", "Modified from"), range.first(), from, send),
        date_field(ui, (id("To"), "To", "Modified to"), range.last(), until, send),
    ];
    let (said, colour) = match errors.into_iter().flatten().next() {
        Some(error) => (format::capital(&error), theme.error),
        None if range.is_unlimited() => return,
        None => (format!("Modified {range}"), theme.text2),
    };
    egui::Frame::new().inner_margin(egui::Margin::symmetric(SPACE[1] as i8, 2)).show(ui, |ui| {
        crate::ui::widgets::note(ui, &said, colour);
    });
}

/// A field for a date. Once the focus has left it, what `range` makes of it goes to `send`; returns what is wrong with it.
fn date_field(
    ui: &mut Ui,
    (id, label, name): (Id, &str, &str),
    day: Option<Date>,
    range: impl Fn(Option<Period>) -> DateRange,
    send: impl Fn(DateRange),
) -> Option<String> {
    let draft: Option<DateDraft> = ui.data(|data| data.get_temp(id)).filter(|draft: &DateDraft| draft.filtered == day);
    let shown = day.map(|day| day.to_string()).unwrap_or_default();
    let mut draft = draft.unwrap_or(DateDraft { text: shown, filtered: day, submitted: false });
    let range = draft.submitted.then(|| parsed(&draft.text).map(range));
    let mut is_sent = false;
    let error = match range {
        None => None,
        Some(Err(error)) => Some(error.to_string()),
        Some(Ok(range)) if range.is_empty() => Some("the first date is after the last".to_owned()),
        Some(Ok(range)) => {
            send(range);
            is_sent = true;
            None
        }
    };
    let response = date_edit(ui, id, label, name, &mut draft.text, error.is_some());
    let escaped = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Escape));
    if response.lost_focus() {
        draft.submitted = true;
    } else if response.changed() {
        draft.submitted = false;
    }
    // Without a draft the day of the filter is shown. A frame of two passes sees the focus leave twice.
    let is_kept = !is_sent && !escaped && (response.has_focus() || draft.submitted);
    ui.data_mut(|data| {
        if is_kept {
            data.insert_temp(id, draft);
        } else {
            data.remove_temp::<DateDraft>(id);
        }
    });
    error
}

/// `None` if nothing is typed.
fn parsed(text: &str) -> Result<Option<Period>, DateError> {
    if text.trim().is_empty() { Ok(None) } else { text.parse().map(Some) }
}

fn date_edit(ui: &mut Ui, id: Id, label: &str, name: &str, typed: &mut String, is_wrong: bool) -> Response {
    let theme = Theme::of(ui.ctx());
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::hover());
    let text = pos2(row.left() + SPACE[1], row.center().y);
    ui.painter().text(text, Align2::LEFT_CENTER, label, font(text_size::BODY), theme.text2);
    let right = row.right() - SPACE[1];
    let field = Rect::from_min_max(pos2(row.left() + 52.0, row.top() + 2.0), pos2(right, row.bottom() - 2.0));
    let focused = ui.memory(|memory| memory.has_focus(id));
    let (width, colour) = match (focused, is_wrong) {
        (true, _) => (1.5, theme.accent),
        (false, true) => (1.0, theme.error),
        (false, false) => (1.0, theme.line),
    };
    ui.painter().rect(field, RADIUS[1] - 2, theme.raised, Stroke::new(width, colour), StrokeKind::Inside);
    let inner = field.shrink2(vec2(SPACE[1], 1.0));
    let mut child = ui.new_child(UiBuilder::new().max_rect(inner).layout(Layout::left_to_right(Align::Center)));
    let edit = TextEdit::singleline(typed)
        .id(id)
        .frame(egui::Frame::NONE)
        .font(font(text_size::BODY))
        .text_color(theme.text1)
        .hint_text(egui::RichText::new("YYYY-MM-DD").color(theme.text3))
        .char_limit(20)
        .align(Align2::LEFT_CENTER)
        .desired_width(inner.width());
    let response = child.add_sized(inner.size(), edit).accessible_name(name);
    if response.has_focus() {
        crate::ui::widgets::mark_focus_shown(&response);
    }
    response.on_hover_text("A day (2024-05-31), a month (2024-05) or a year (2024)")
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
    name.into_iter().chain(dates).collect()
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
    if filter.modified.is_unlimited() { what } else { format!("{what}, modified {}", filter.modified) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vicinity_core::NamePattern;

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
}
