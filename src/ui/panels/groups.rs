//! The groups of the left panel: items that are kept under names.

use std::sync::Arc;

use egui::{Id, Rect, Sense, Ui, UiBuilder, pos2, vec2};

use super::date_fields::FilterField;
use super::histograms;
use crate::context::commands::{GroupAction, GroupCommand};
use crate::context::format;
use crate::context::selection::SelectMode;
use crate::context::{ColourBy, Ctx, FilterControl, commands::MapCommand};
use crate::ui::style::font;
use crate::ui::theme::{SPACE, Theme, text_size};
use crate::ui::widgets::rows::{HEIGHT, Leading, PanelRow, heading, section_line};
use crate::ui::widgets::{buttons, divider, icons::Icon, select_all_text};
use vicinity_core::condition::field::Field;
use vicinity_core::groups::MAX_NAME;
use vicinity_core::name::fold;

/// Id of the field in which a name is edited.
fn name_id() -> Id {
    Id::unique("name of a group")
}

/// Draws the section.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let library = ctx.state.library();
    section_line(ui);
    let top = ui.cursor().min;
    histograms::reveal(ui, ctx, &FilterControl::Field(Field::Group));
    heading(ui, "Groups");
    if !library.selection.items.is_empty() {
        let place = Rect::from_min_size(pos2(ui.max_rect().right() - 28.0, top.y), vec2(24.0, 24.0));
        let info = GroupAction::Keep.info();
        let key = info.keys.first().map(|key| format::keys(ui.ctx(), key)).unwrap_or_default();
        let button = buttons::icon_in(ui, Icon::Plus, info.text, place);
        if button.on_hover_text(format!("{} ({key})", info.tooltip)).clicked() {
            ctx.send(GroupAction::Keep);
        }
    }
    if library.groups.all.is_empty() {
        let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
        let hint = "Press G to save the selection";
        let response = ui.interact(row, ui.scope_id().with("no groups"), Sense::hover());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, hint));
        let inner = row.shrink2(vec2(SPACE[1], 0.0));
        crate::ui::widgets::line(ui, inner, hint, font(text_size::SMALL), theme.text3, response);
        return;
    }
    let filter = library.query.filter.chosen_values(Field::Group);
    let filter: Vec<String> = filter.into_iter().map(fold).collect();
    for (at, group) in library.groups.all.all().iter().enumerate() {
        let name = group.name();
        if library.groups.renamed.as_ref() == Some(name) {
            edit_name(ui, ctx, name);
            continue;
        }
        let is_filter = filter.contains(&fold(name));
        let count = library.groups.counts.get(at).copied().unwrap_or_default();
        row(ui, ctx, at, name, count, is_filter);
    }
}

fn row(ui: &mut Ui, ctx: &Ctx<'_>, at: usize, name: &Arc<str>, count: usize, is_filter: bool) {
    let theme = Theme::of(ui.ctx());
    let (_, whole) = ui.allocate_space(vec2(ui.available_width(), HEIGHT));
    let (left, right) = (whole.with_max_x(whole.right() - 28.0), whole.with_min_x(whole.right() - 28.0));
    let row = PanelRow {
        lead: Leading::Dot(theme.category(at)),
        name,
        right: &format::number(count as u64),
        selected: is_filter,
        colour: if is_filter { theme.accent } else { theme.text1 },
    };
    let mut child = ui.new_child(UiBuilder::new().max_rect(left));
    let response = row.show_as(&mut child, Id::unique(("group", name)));
    let held = ui.input(|i| SelectMode::held(i.modifiers)).unwrap_or_default();
    if response.on_hover_text(HELP).clicked() {
        ctx.send(GroupCommand::Select(Arc::clone(name), held));
    }
    let place = Rect::from_center_size(right.center(), vec2(24.0, 24.0));
    let button = buttons::icon_in(ui, Icon::More, &format!("Group {name}: more"), place);
    egui::Popup::menu(&button).show(|ui| menu(ui, ctx, name, is_filter));
}

const HELP: &str = "Select the items of this group\nShift adds them to the selection, Alt subtracts, both intersect";

fn menu(ui: &mut Ui, ctx: &Ctx<'_>, name: &Arc<str>, is_filter: bool) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let name = || Arc::clone(name);
    let has_selection = !ctx.state.library().selection.items.is_empty();
    let entry = |ui: &mut Ui, text: &str, command: GroupCommand| {
        if buttons::menu_row(ui, text, "").clicked() {
            ctx.send(command);
            ui.close();
        }
    };
    if buttons::menu_choice(ui, "Show only this group", "", is_filter).clicked() {
        ctx.send(GroupCommand::ToggleFilter(name()));
        ui.close();
    }
    entry(ui, "Find similar to this group", GroupCommand::FindSimilar(name()));
    if buttons::menu_choice(ui, "Colour by group", "", ctx.state.preferences.colour_by == ColourBy::Group).clicked() {
        ctx.send(MapCommand::SetColourBy(ColourBy::Group));
        ui.close();
    }
    divider(ui);
    ui.add_enabled_ui(has_selection, |ui| {
        entry(ui, "Add selection", GroupCommand::AddSelection(name()));
        entry(ui, "Remove selection", GroupCommand::RemoveSelection(name()));
    });
    divider(ui);
    entry(ui, "Rename…", GroupCommand::EditName(Some(name())));
    entry(ui, "Copy paths", GroupCommand::CopyPaths(name()));
    entry(ui, "Delete group", GroupCommand::Delete(name()));
}

/// The field for another name, in place of the row.
fn edit_name(ui: &mut Ui, ctx: &Ctx<'_>, name: &Arc<str>) {
    let draft = name_id().with("draft");
    let kept: Option<(Arc<str>, String)> = ui.data(|data| data.get_temp(draft));
    let is_first = kept.as_ref().is_none_or(|(of, _)| of != name);
    let mut typed = kept.filter(|_| !is_first).map_or_else(|| name.to_string(), |(_, typed)| typed);
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::hover());
    let rect = row.shrink2(vec2(SPACE[1], 2.0));
    let field =
        FilterField { id: name_id(), rect, name: "Name of the group", hint: "Name", limit: MAX_NAME, is_wrong: false };
    let response = field.show(ui, &mut typed);
    if is_first {
        response.request_focus();
        response.scroll_to_me(None);
        select_all_text(ui.ctx(), name_id(), typed.chars().count());
    }
    if response.lost_focus() && !is_first {
        ui.data_mut(|data| data.remove_temp::<(Arc<str>, String)>(draft));
        if typed.trim().is_empty() {
            ctx.send(GroupCommand::EditName(None));
        } else {
            ctx.send(GroupCommand::Rename { from: Arc::clone(name), to: typed });
        }
        return;
    }
    ui.data_mut(|data| data.insert_temp(draft, (Arc::clone(name), typed)));
}
