//! The field for a condition in words: the same language as on the command line, and the same condition that the controls
//! above it change.

use std::sync::Arc;

use egui::{Id, Key, Rect, Sense, Ui, pos2, vec2};
use jiff::tz::TimeZone;

use super::date_fields::{FilterField, note};
use super::histograms;
use crate::context::commands::SearchCommand;
use crate::context::format;
use crate::context::{Ctx, FilterControl};
use crate::ui::theme::{SPACE, Theme};
use crate::ui::widgets::rows::{heading, section_line};
use crate::ui::widgets::{buttons, icons::Icon};
use vicinity_core::{Condition, Filter, ItemGroups, TableSet};

/// Characters that can be typed.
const LIMIT: usize = 4_000;

/// What is typed but is not in the filter yet.
#[derive(Clone, Default)]
struct ConditionDraft {
    text: String,
    /// The condition in the filter meanwhile: the draft is dropped when that changes.
    filtered: Option<Arc<Condition>>,
    /// What is wrong with it, once the user has finished typing.
    error: Option<String>,
}

/// Draws the section.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    section_line(ui);
    histograms::reveal(ui, ctx, &FilterControl::Condition);
    let top = ui.cursor().min;
    heading(ui, "Condition");
    let filter = &ctx.state.library().query.filter;
    let send = |condition| ctx.send(SearchCommand::SetFilter(Filter { condition, ..filter.clone() }));
    if filter.condition.is_some() {
        let place = Rect::from_min_size(pos2(ui.max_rect().right() - 28.0, top.y), vec2(24.0, 24.0));
        if buttons::icon_in(ui, Icon::Close, "Clear condition", place).clicked() {
            send(None);
        }
    }
    let id = Id::unique(("condition", &ctx.state.library().path));
    let draft: Option<ConditionDraft> = ui.data(|data| data.get_temp(id));
    let mut draft = draft.filter(|draft| draft.filtered == filter.condition).unwrap_or_else(|| ConditionDraft {
        text: filter.condition.as_ref().map(|condition| condition.to_string()).unwrap_or_default(),
        filtered: filter.condition.clone(),
        error: None,
    });
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::hover());
    let rect = row.shrink2(vec2(SPACE[1], 2.0));
    let is_wrong = draft.error.is_some();
    let field =
        FilterField { id, rect, name: "Filter condition", hint: "rating >= 3 and has place", limit: LIMIT, is_wrong };
    let response = field.show(ui, &mut draft.text).on_hover_text(HELP);
    let mut is_kept = response.has_focus() || draft.error.is_some();
    if response.changed() {
        draft.error = None;
    }
    if response.lost_focus() {
        is_kept = false;
        if !ui.input(|input| input.key_pressed(Key::Escape)) {
            let snapshot = ctx.state.library().snapshot.as_ref();
            let known = snapshot.map(|snapshot| (&**snapshot.tables(), &**snapshot.groups()));
            match parsed(&draft.text, known) {
                Ok(condition) if condition == draft.filtered => {}
                Ok(condition) => send(condition),
                Err(error) => (draft.error, is_kept) = (Some(error), true),
            }
        }
    }
    if let Some(error) = &draft.error {
        note(ui, error, theme.error);
    }
    ui.data_mut(|data| {
        if is_kept {
            data.insert_temp(id, draft);
        } else {
            data.remove_temp::<ConditionDraft>(id);
        }
    });
}

const HELP: &str = "Fields: taken, modified, camera, lens, focal, aperture, exposure, iso, rating, colour, keyword, place, \
                    width, height, size, type, format, folder, name, group, column NAME\n\
                    For example: taken >= 2023-06 and not (camera ~ phone or keyword in (\"cat\", \"dog\"))";

/// `None` if nothing is typed; a sentence if it is no condition, or one that these tables and groups cannot meet.
fn parsed(text: &str, known: Option<(&TableSet, &ItemGroups)>) -> Result<Option<Arc<Condition>>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let sentence = |error: String| format::capital(&quoted(&error));
    let condition = Condition::parse(text, &TimeZone::system()).map_err(|error| sentence(error.to_string()))?;
    if let Some((tables, groups)) = known {
        condition.check_columns(tables).map_err(|problem| sentence(problem.to_string()))?;
        condition.check_groups(groups).map_err(|problem| sentence(problem.to_string()))?;
    }
    Ok(Some(Arc::new(condition)))
}

/// With quotation marks instead of backticks.
fn quoted(text: &str) -> String {
    let mut marks = ['“', '”'].into_iter().cycle();
    text.chars().map(|c| if c == '`' { marks.next().unwrap_or(c) } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_sentence() {
        let (tables, groups) = (TableSet::default(), ItemGroups::default());
        let typed = |text| parsed(text, Some((&tables, &groups)));
        assert_eq!(typed("camra = x"), Err("There is no field “camra”; did you mean “camera”?".to_owned()));
        assert_eq!(typed("  "), Ok(None));
        assert!(typed("size > 2 MB").is_ok_and(|condition| condition.is_some()));
        let unknown = typed("column prize > 3").expect_err("no table has it");
        assert!(unknown.starts_with("No table of the library has a column “prize”; "), "{unknown}");
        let no_group = typed("not group = Dogs").expect_err("there is none");
        assert_eq!(no_group, "The library has no group “Dogs”; groups are created in the window");
        assert!(typed("group ~ Dogs").is_ok(), "of a part of a name any group may come to be");
        assert!(parsed("column prize > 3", None).is_ok(), "nothing is known yet");
    }
}
