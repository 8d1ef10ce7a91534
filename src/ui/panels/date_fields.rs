//! Two fields for the first and the last day of what the filter admits.

use egui::{
    Align, Align2, Id, Key, Layout, Rect, Response, Sense, Stroke, StrokeKind, TextEdit, Ui, UiBuilder, pos2, vec2,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::histograms;
use crate::context::format;
use crate::context::{Ctx, FilterControl};
use crate::ui::style::font;
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use crate::ui::widgets::rows::{heading, section_line};
use crate::ui::widgets::{buttons, icons::Icon};
use vicinity_core::Attribute;
use vicinity_core::condition::field::Field;
use vicinity_core::filter::{DateError, DateRange, Period};

/// What two date fields are about.
pub struct DateFields<'a> {
    /// Their heading.
    pub heading: &'a str,
    /// Accessible name of the button that clears both.
    pub clear: &'a str,
    /// Word before a date: `Modified`.
    pub word: &'a str,
    /// The dates.
    pub field: Field,
    /// The days in the filter.
    pub range: DateRange,
    /// Where midnight is.
    pub time_zone: TimeZone,
}

/// What is typed into a field but is not in the filter yet.
#[derive(Clone, Default)]
struct DateDraft {
    text: String,
    /// The day in the filter meanwhile: the draft is dropped when that changes, for instance by undo.
    filtered: Option<Date>,
    /// Whether the user has finished typing.
    submitted: bool,
}

impl DateFields<'_> {
    /// Draws them; other days go to `send`.
    pub fn show(&self, ui: &mut Ui, ctx: &Ctx<'_>, send: impl Fn(DateRange)) {
        let theme = Theme::of(ui.ctx());
        section_line(ui);
        histograms::reveal(ui, ctx, &FilterControl::Field(self.field));
        let top = ui.cursor().min;
        heading(ui, self.heading);
        let (range, zone) = (self.range, &self.time_zone);
        if !range.is_unlimited() {
            let place = Rect::from_min_size(pos2(ui.max_rect().right() - 28.0, top.y), vec2(24.0, 24.0));
            if buttons::icon_in(ui, Icon::Close, self.clear, place).clicked() {
                send(DateRange::default());
            }
        }
        histograms::plot(ui, ctx, &Attribute::Field(self.field));
        // The second date includes its day, month or year.
        let from = |period: Option<Period>| DateRange::new(period.map(|p| p.start), range.end(), zone);
        let until = |period: Option<Period>| DateRange::new(range.first(), period.map(|p| p.end), zone);
        // What was typed for one library is of no use for another.
        let id = |label: &str| Id::unique(("date", self.word, label, &ctx.state.library().path));
        let names = ["from", "to"].map(|end| format!("{} {end}", self.word));
        let errors = [
            date_field(ui, (id("From"), "From", &names[0]), range.first(), from, &send),
            date_field(ui, (id("To"), "To", &names[1]), range.last(), until, &send),
        ];
        let (said, colour) = match errors.into_iter().flatten().next() {
            Some(error) => (format::capital(&error), theme.error),
            None if range.is_unlimited() => return,
            None => (format!("{} {range}", self.word), theme.text2),
        };
        note(ui, &said, colour);
    }
}

/// A sentence below a field.
pub fn note(ui: &mut Ui, text: &str, colour: egui::Color32) {
    egui::Frame::new().inner_margin(egui::Margin::symmetric(SPACE[1] as i8, 2)).show(ui, |ui| {
        crate::ui::widgets::note(ui, text, colour);
    });
}

/// A field for a date. Once the focus has left it, what `range` makes of it goes to `send`; returns what is wrong with it.
fn date_field(
    ui: &mut Ui,
    (id, label, name): (Id, &str, &str),
    day: Option<Date>,
    range: impl Fn(Option<Period>) -> DateRange,
    send: &impl Fn(DateRange),
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
    let rect = Rect::from_min_max(pos2(row.left() + 52.0, row.top() + 2.0), pos2(right, row.bottom() - 2.0));
    let field = FilterField { id, rect, name, hint: "YYYY-MM-DD", limit: 20, is_wrong };
    field.show(ui, typed).on_hover_text("A day (2024-05-31), a month (2024-05) or a year (2024)")
}

/// A field of the left panel with a frame.
pub struct FilterField<'a> {
    /// Its id.
    pub id: Id,
    /// Where it is drawn.
    pub rect: Rect,
    /// Its accessible name.
    pub name: &'a str,
    /// What is shown while it is empty.
    pub hint: &'a str,
    /// Characters that can be typed.
    pub limit: usize,
    /// Whether what is in it cannot be used.
    pub is_wrong: bool,
}

impl FilterField<'_> {
    /// Draws it.
    pub fn show(&self, ui: &mut Ui, typed: &mut String) -> Response {
        let theme = Theme::of(ui.ctx());
        let focused = ui.memory(|memory| memory.has_focus(self.id));
        let (width, colour) = match (focused, self.is_wrong) {
            (true, _) => (1.5, theme.accent),
            (false, true) => (1.0, theme.error),
            (false, false) => (1.0, theme.line),
        };
        ui.painter().rect(self.rect, RADIUS[1] - 2, theme.raised, Stroke::new(width, colour), StrokeKind::Inside);
        let inner = self.rect.shrink2(vec2(SPACE[1], 1.0));
        let mut child = ui.new_child(UiBuilder::new().max_rect(inner).layout(Layout::left_to_right(Align::Center)));
        let edit = TextEdit::singleline(typed)
            .id(self.id)
            .frame(egui::Frame::NONE)
            .font(font(text_size::BODY))
            .text_color(theme.text1)
            .hint_text(egui::RichText::new(self.hint).color(theme.text3))
            .char_limit(self.limit)
            .align(Align2::LEFT_CENTER)
            .desired_width(inner.width());
        let response = child.add_sized(inner.size(), edit).accessible_name(self.name);
        if response.has_focus() {
            crate::ui::widgets::mark_focus_shown(&response);
        }
        response
    }
}
