//! Controls of the left panel for the columns of tables: categories to choose from, and limits of numbers and dates. They change
//! the same condition that can be written in words.

use egui::{Align2, Id, Key, Rect, Sense, Ui, pos2, vec2};

use super::date_fields::{FilterField, note};
use super::fact_filters::{self, ValueList, ValueSource};
use super::histograms;
use crate::context::commands::SearchCommand;
use crate::context::{ColumnCounts, Ctx, FilterControl};
use crate::ui::style::font;
use crate::ui::theme::{SPACE, Theme, text_size};
use crate::ui::widgets::rows::{heading, section_line};
use crate::ui::widgets::{buttons, icons::Icon};
use vicinity_core::Attribute;
use vicinity_core::filter::Period;
use vicinity_core::table::ColumnKind;
use vicinity_core::table::parse::{Decimal, number};

/// Columns with controls; conditions in words reach all others.
const SHOWN: usize = 16;

/// What is typed into a field but is not in the filter yet.
#[derive(Clone, Default)]
struct LimitDraft {
    text: String,
    /// The limit in the filter meanwhile: the draft is dropped when that changes.
    filtered: Option<String>,
    is_wrong: bool,
}

/// Draws the sections.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>) {
    for column in ctx.state.library().fact_counts.columns().iter().take(SHOWN) {
        match column.kind {
            ColumnKind::Category => {
                let list = ValueList { of: ValueSource::Column(column), title: column.name.as_str(), plural: "values" };
                fact_filters::values(ui, ctx, &list);
            }
            ColumnKind::Number | ColumnKind::Date => limits(ui, ctx, column),
            ColumnKind::Text => {}
        }
    }
}

fn limits(ui: &mut Ui, ctx: &Ctx<'_>, column: &ColumnCounts) {
    let filter = &ctx.state.library().query.filter;
    let current = filter.column_limits(&column.name);
    let Some(extremes) = &column.limits else { return };
    section_line(ui);
    histograms::reveal(ui, ctx, &FilterControl::Column(column.name.clone()));
    let top = ui.cursor().min;
    heading(ui, column.name.as_str());
    let send =
        |limits: [Option<&str>; 2]| ctx.send(SearchCommand::SetFilter(filter.with_column_limits(&column.name, limits)));
    if current != [None, None] {
        let place = Rect::from_min_size(pos2(ui.max_rect().right() - 28.0, top.y), vec2(24.0, 24.0));
        if buttons::icon_in(ui, Icon::Close, &format!("Clear {}", column.name.as_str()), place).clicked() {
            send([None, None]);
        }
    }
    histograms::plot(ui, ctx, &Attribute::Column(column.name.clone()));
    let mut is_wrong = false;
    for (at, label) in ["From", "To"].into_iter().enumerate() {
        let changed = limit_field(ui, ctx, column, label, (current[at], &extremes[at]), &mut is_wrong);
        if let Some(limit) = changed {
            let mut limits = current;
            if let Some(end) = limits.get_mut(at) {
                *end = limit.as_deref();
            }
            send(limits);
        }
    }
    if is_wrong {
        let text = if column.kind == ColumnKind::Date { "Write a day, a month or a year" } else { "Not a number" };
        note(ui, text, Theme::of(ui.ctx()).error);
    }
}

/// A field for a limit; what it is changed to, once the focus has left it.
fn limit_field(
    ui: &mut Ui,
    ctx: &Ctx<'_>,
    column: &ColumnCounts,
    label: &str,
    (current, hint): (Option<&str>, &str),
    is_wrong: &mut bool,
) -> Option<Option<String>> {
    let theme = Theme::of(ui.ctx());
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::hover());
    let text = pos2(row.left() + SPACE[1], row.center().y);
    ui.painter().text(text, Align2::LEFT_CENTER, label, font(text_size::BODY), theme.text2);
    let id = Id::unique(("column limit", label, column.name.as_str(), &ctx.state.library().path));
    let draft: Option<LimitDraft> = ui.data(|data| data.get_temp(id));
    let mut draft = draft.filter(|draft| draft.filtered.as_deref() == current).unwrap_or_else(|| LimitDraft {
        text: current.unwrap_or_default().to_owned(),
        filtered: current.map(str::to_owned),
        is_wrong: false,
    });
    let right = row.right() - SPACE[1];
    let rect = Rect::from_min_max(pos2(row.left() + 52.0, row.top() + 2.0), pos2(right, row.bottom() - 2.0));
    let name = format!("{} {}", column.name.as_str(), label.to_lowercase());
    let field = FilterField { id, rect, name: &name, hint, limit: 40, is_wrong: draft.is_wrong };
    let response = field.show(ui, &mut draft.text);
    draft.is_wrong &= !response.changed();
    let mut sent = None;
    if response.lost_focus() && !ui.input(|input| input.key_pressed(Key::Escape)) {
        let typed = draft.text.trim();
        let limit = (!typed.is_empty()).then(|| typed.to_owned());
        draft.is_wrong = limit.as_deref().is_some_and(|limit| !is_value(column.kind, limit));
        if !draft.is_wrong && limit.as_deref() != current {
            sent = Some(limit);
        }
    }
    *is_wrong |= draft.is_wrong;
    let is_kept = response.has_focus() || draft.is_wrong;
    ui.data_mut(|data| {
        if is_kept {
            data.insert_temp(id, draft);
        } else {
            data.remove_temp::<LimitDraft>(id);
        }
    });
    sent
}

fn is_value(kind: ColumnKind, text: &str) -> bool {
    match kind {
        ColumnKind::Number => number(text, Decimal::Point).is_some(),
        ColumnKind::Date => text.parse::<Period>().is_ok(),
        ColumnKind::Category | ColumnKind::Text => true,
    }
}
