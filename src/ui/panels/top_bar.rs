//! The top bar: library menu, search box, switch between map and gallery, model.

use egui::{
    Frame, Id, Key, Margin, Panel, Popup, Rect, Sense, Stroke, StrokeKind, TextEdit, Ui, WidgetInfo, accesskit::Role,
    pos2, vec2,
};

use crate::context::QueryChip;
use crate::context::commands::{
    Action, CollectionAction, CollectionCommand, MapAction, ModelAction, SearchAction, SearchCommand, SearchTiming,
    ViewAction,
};
use crate::context::{CentralView, Ctx};
use crate::ui::style::{bold, font};
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use crate::ui::widgets::{buttons, focus_ring, icons, icons::Icon, one_line, tile};

/// Height of the bar.
pub const HEIGHT: f32 = 44.0;

/// Id of the text field of the search box.
pub fn search_id() -> Id {
    Id::unique("search box")
}

/// Draws the bar.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let frame = Frame::new().fill(theme.panel).inner_margin(Margin::symmetric(SPACE[2] as i8, 0));
    Panel::top("top").exact_size(HEIGHT).frame(frame).show(ui, |ui| {
        let bar = panel_buttons(ui, ctx, ui.max_rect());
        let left = library_button(ui, ctx, bar);
        let left = back_and_forward(ui, ctx, left, bar);
        let right = right_group(ui, ctx, bar);
        let available = Rect::from_min_max(pos2(left + SPACE[3], bar.top()), pos2(right - SPACE[3], bar.bottom()));
        let width = (bar.width() * 0.5).min(available.width());
        let middle = bar.center().x.clamp(
            available.left() + width / 2.0,
            (available.right() - width / 2.0).max(available.left() + width / 2.0),
        );
        let rect = Rect::from_center_size(pos2(middle, bar.center().y), vec2(width.max(80.0), 30.0));
        search_box(ui, ctx, rect);
    });
}

/// The buttons at both ends that show and hide the side panels; returns the space between them.
fn panel_buttons(ui: &mut Ui, ctx: &Ctx<'_>, bar: Rect) -> Rect {
    let size = vec2(24.0, 24.0);
    let left = Rect::from_center_size(pos2(bar.left() + 10.0, bar.center().y), size);
    let right = Rect::from_center_size(pos2(bar.right() - 10.0, bar.center().y), size);
    for (command, icon, place, open) in [
        (ViewAction::ToggleLeft, Icon::PanelLeft, left, ctx.state.preferences.left_open),
        (ViewAction::ToggleRight, Icon::PanelRight, right, ctx.state.right_open()),
    ] {
        if buttons::toggle_in(ui, icon, command, open, place).clicked() {
            ctx.send(command);
        }
    }
    Rect::from_min_max(pos2(left.right() + SPACE[1], bar.top()), pos2(right.left() - SPACE[0], bar.bottom()))
}

fn library_button(ui: &mut Ui, ctx: &Ctx<'_>, bar: Rect) -> f32 {
    let theme = Theme::of(ui.ctx());
    let name = ctx.state.library.as_ref().map_or("Vicinity", |l| l.name.as_str());
    let available = (bar.width() * 0.2).max(60.0);
    let galley = one_line(ui, name, bold(text_size::BODY), theme.text1, available);
    let width = 20.0 + SPACE[1] + galley.size().x + 6.0 + 16.0;
    let rect = Rect::from_min_size(pos2(bar.left(), bar.center().y - 15.0), vec2(width, 30.0));
    let response = ui.interact(rect.expand2(vec2(6.0, 0.0)), Id::unique("library menu"), Sense::click());
    if response.hovered() {
        ui.painter().rect_filled(rect.expand2(vec2(6.0, 0.0)), RADIUS[1] - 2, theme.raised);
    }
    icons::mark(ui.painter(), Rect::from_min_size(pos2(rect.left(), rect.center().y - 10.0), vec2(20.0, 20.0)), theme);
    let (size, truncated) = (galley.size(), galley.elided);
    let text_left = rect.left() + 20.0 + SPACE[1];
    ui.painter().galley(pos2(text_left, rect.center().y - size.y / 2.0), galley, theme.text1);
    icons::paint(
        ui.painter(),
        Icon::Down,
        Rect::from_center_size(pos2(text_left + size.x + 12.0, rect.center().y + 0.5), vec2(13.0, 13.0)),
        theme.text3,
    );
    focus_ring(ui.painter(), theme, &response, rect.expand2(vec2(6.0, 0.0)), RADIUS[1]);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Library menu: {name}")));
    Popup::menu(&response).show(|ui| library_menu(ui, ctx));
    if truncated && !Popup::is_any_open(ui.ctx()) {
        response.on_hover_text(name);
    }
    rect.right()
}

/// The buttons that go back and forward, where there is room for them; returns their right edge.
fn back_and_forward(ui: &mut Ui, ctx: &Ctx<'_>, left: f32, bar: Rect) -> f32 {
    if ctx.state.view.narrow || !ctx.state.has_library() {
        return left;
    }
    let theme = Theme::of(ui.ctx());
    let mut left = left + SPACE[2];
    for (action, icon) in [(ViewAction::GoBack, Icon::Left), (ViewAction::GoForward, Icon::Right)] {
        let place = Rect::from_min_size(pos2(left, bar.center().y - 12.0), vec2(24.0, 24.0));
        left = place.right();
        if Action::from(action).unavailable(ctx.state).is_some() {
            icons::paint_at(ui.painter(), icon, place.center(), theme.line);
        } else if buttons::toggle_in(ui, icon, action, true, place).clicked() {
            ctx.send(action);
        }
    }
    left
}

fn library_menu(ui: &mut Ui, ctx: &Ctx<'_>) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let entry = |ui: &mut Ui, action: Action| _ = buttons::menu_entry(ui, ctx, action);
    entry(ui, CollectionAction::OpenFolder.into());
    entry(ui, CollectionAction::AddFiles.into());
    entry(ui, CollectionAction::OpenPath.into());
    entry(ui, CollectionAction::OpenSample.into());
    separator(ui);
    entry(ui, CollectionAction::ChooseLibrary.into());
    for recent in ctx
        .state
        .preferences
        .recents
        .iter()
        .filter(|r| ctx.state.library.as_ref().is_none_or(|l| l.path != r.path))
        .take(5)
    {
        if buttons::menu_row(ui, &recent.name, &super::welcome::recent_note(recent, ctx.state.view.now)).clicked() {
            ctx.send(CollectionCommand::OpenLibrary(recent.path.clone()));
            ui.close();
        }
    }
    entry(ui, CollectionAction::CloseLibrary.into());
    separator(ui);
    entry(ui, CollectionAction::Rescan.into());
    entry(ui, MapAction::SaveMap.into());
    entry(ui, CollectionAction::Export.into());
    entry(ui, CollectionAction::ImportSettings.into());
    separator(ui);
    entry(ui, ViewAction::ToggleTimeline.into());
    entry(ui, ViewAction::CycleTheme.into());
    entry(ui, ModelAction::Settings.into());
    entry(ui, ModelAction::ShowModels.into());
    entry(ui, ViewAction::Shortcuts.into());
    entry(ui, ViewAction::Palette.into());
    entry(ui, ViewAction::About.into());
    separator(ui);
    entry(ui, ViewAction::Quit.into());
}

/// A separator between menu entries.
pub fn separator(ui: &mut Ui) {
    ui.add_space(4.0);
    crate::ui::widgets::divider(ui);
    ui.add_space(4.0);
}

/// Draws the switch and the model; returns their left edge.
fn right_group(ui: &mut Ui, ctx: &Ctx<'_>, bar: Rect) -> f32 {
    let theme = Theme::of(ui.ctx());
    let model =
        if ctx.state.library().model_title.is_empty() { "Vicinity starter" } else { &ctx.state.library().model_title };
    let loading = ctx.state.library.as_ref().is_some_and(|l| l.opening)
        || ctx.state.library().model_state == Some(crate::context::devices::ModelState::Loading);
    let device = if loading { "loading…" } else { ctx.state.library().device_title.as_str() };
    let title = one_line(ui, model, font(text_size::BODY), theme.text1, (bar.width() * 0.2).max(60.0));
    let detail = if ctx.state.view.narrow { String::new() } else { device.to_owned() };
    let detail = ui.painter().layout_no_wrap(detail, font(text_size::BODY), theme.text2);
    let width = 8.0 + 6.0 + title.size().x + 6.0 + detail.size().x + 16.0;
    let rect =
        Rect::from_min_max(pos2(bar.right() - width, bar.center().y - 14.0), pos2(bar.right(), bar.center().y + 14.0));
    let response = ui.interact(rect, Id::unique("model"), Sense::click());
    if response.hovered() {
        ui.painter().rect_filled(rect, RADIUS[1] - 2, theme.raised);
    }
    let dot = if loading { theme.warning } else { theme.ok };
    ui.painter().circle_filled(pos2(rect.left() + 11.0, rect.center().y), 3.5, dot);
    let (title_width, middle) = (title.size().x, rect.center().y - title.size().y / 2.0);
    ui.painter().galley(pos2(rect.left() + 21.0, middle), title, theme.text1);
    ui.painter().galley(pos2(rect.left() + 27.0 + title_width, middle), detail, theme.text2);
    focus_ring(ui.painter(), theme, &response, rect, RADIUS[1]);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Model: {model}, {device}")));
    // In full, since the name may be truncated, and the device omitted for lack of space.
    let tooltip = format!("{model}, {device}\nCompare and choose models");
    if response.on_hover_text(tooltip).clicked() {
        ctx.send(ModelAction::ShowModels);
    }
    view_switch(ui, ctx, pos2(rect.left() - SPACE[3], bar.center().y))
}

/// The views, in the order of their keys.
const VIEWS: [(CentralView, ViewAction); 4] = [
    (CentralView::Map, ViewAction::ShowMap),
    (CentralView::Gallery, ViewAction::ShowGallery),
    (CentralView::Split, ViewAction::ShowSplit),
    (CentralView::Axes, ViewAction::ShowAxes),
];

/// Draws the switch between the views left of `right`; returns its left edge.
fn view_switch(ui: &mut Ui, ctx: &Ctx<'_>, right: egui::Pos2) -> f32 {
    let now = ctx.state.preferences.central_view;
    // A narrow window has room for the first two, and for the one in use.
    let fits = |at: usize, view: CentralView| !ctx.state.view.narrow || at < 2 || view == now;
    let shown: Vec<_> = VIEWS.into_iter().enumerate().filter(|(at, (view, _))| fits(*at, *view)).collect();
    let names: Vec<&str> = shown.iter().map(|(_, (_, action))| action.info().text).collect();
    let selected = shown.iter().position(|(_, (view, _))| *view == now).unwrap_or(0);
    let switch = Rect::from_min_max(pos2(right.x - 320.0, right.y - 13.0), pos2(right.x, right.y + 13.0));
    let mut child =
        ui.new_child(egui::UiBuilder::new().max_rect(switch).layout(egui::Layout::right_to_left(egui::Align::Center)));
    if let Some((_, (_, action))) = buttons::segments(&mut child, &names, selected).and_then(|at| shown.get(at)) {
        ctx.send(*action);
    }
    child.min_rect().left()
}

fn search_box(ui: &mut Ui, ctx: &Ctx<'_>, rect: Rect) {
    let theme = Theme::of(ui.ctx());
    let query = &ctx.state.library().query;
    let focused = ui.memory(|m| m.has_focus(search_id()));
    if focused {
        ui.painter().rect_stroke(rect, RADIUS[1], Stroke::new(3.0, theme.accent_fill), StrokeKind::Outside);
    }
    let stroke = if focused { Stroke::new(1.5, theme.accent) } else { Stroke::new(1.0, theme.line) };
    let fill = if focused { theme.panel } else { theme.raised };
    ui.painter().rect(rect, RADIUS[1], fill, stroke, StrokeKind::Inside);
    icons::paint_at(
        ui.painter(),
        Icon::Search,
        pos2(rect.left() + 19.0, rect.center().y),
        if focused { theme.text1 } else { theme.text2 },
    );
    let mut left = rect.left() + 36.0;
    for (i, chip) in query.chips.iter().enumerate() {
        left = chip_at(ui, ctx, i, chip, pos2(left, rect.center().y), rect.right() - 140.0) + 6.0;
    }
    let mut right = rect.right() - SPACE[1];
    if !query.is_empty() {
        let place = Rect::from_center_size(pos2(right - 12.0, rect.center().y), vec2(24.0, 24.0));
        if buttons::icon_in(ui, Icon::Close, "Clear search", place).clicked() {
            ctx.send(SearchAction::Clear);
        }
        right = place.left() - 4.0;
    } else if !focused {
        right = key_hint(ui, rect) - SPACE[1];
    }
    let field = Rect::from_min_max(pos2(left, rect.top() + 1.0), pos2(right.max(left + 24.0), rect.bottom() - 1.0));
    text_field(ui, ctx, field);
}

fn text_field(ui: &mut Ui, ctx: &Ctx<'_>, field: Rect) {
    let theme = Theme::of(ui.ctx());
    let mut text = ctx.state.library().query.text.clone();
    let hint = match (ctx.state.library().query.chips.is_empty(), field.width() > 330.0) {
        (true, true) if !ctx.state.has_library() => "Open a folder or library to search it",
        (true, true) if ctx.state.library().has_own_vectors() => "Select an item and choose “Find similar”",
        (true, true) => "Type what you are looking for, or paste or drop an image",
        (true, false) => "Search",
        (false, _) => "Add words, or drop another image",
    };
    let mut child =
        ui.new_child(egui::UiBuilder::new().max_rect(field).layout(egui::Layout::left_to_right(egui::Align::Center)));
    let edit = TextEdit::singleline(&mut text)
        .id(search_id())
        .frame(Frame::NONE)
        .font(font(text_size::SEARCH))
        .text_color(theme.text1)
        .hint_text(egui::RichText::new(hint).color(theme.text3))
        .char_limit(2_000)
        .align(egui::Align2::LEFT_CENTER)
        .desired_width(field.width());
    let response = child.add_sized(field.size(), edit).accessible_name("Search");
    if response.has_focus() {
        crate::ui::widgets::mark_focus_shown(&response);
    }
    if response.changed() {
        ctx.send(SearchCommand::SetText(text.clone(), SearchTiming::Delayed));
    }
    let (enter, down) = ui.input(|i| (i.key_pressed(Key::Enter), i.key_pressed(Key::ArrowDown)));
    if response.lost_focus() && enter || response.has_focus() && down {
        response.surrender_focus();
        ctx.send(SearchCommand::SetText(text, SearchTiming::Now));
        ctx.send(SearchCommand::FocusFirstHit);
    }
}

/// The key that focuses the search box; returns its left edge.
fn key_hint(ui: &Ui, rect: Rect) -> f32 {
    let theme = Theme::of(ui.ctx());
    let key = Rect::from_center_size(pos2(rect.right() - 20.0, rect.center().y), vec2(19.0, 18.0));
    ui.painter().rect_stroke(key, RADIUS[0], Stroke::new(1.0, theme.line), StrokeKind::Inside);
    ui.painter().text(key.center(), egui::Align2::CENTER_CENTER, "V", font(11.0), theme.text3);
    key.left()
}

/// Draws a part of the query as a chip that starts at `at`; returns its right edge.
fn chip_at(ui: &mut Ui, ctx: &Ctx<'_>, index: usize, chip: &QueryChip, at: egui::Pos2, limit: f32) -> f32 {
    let picture = match &chip.part {
        vicinity_core::QueryPart::Item(id) => ctx.thumbnail(*id).flatten(),
        _ => chip.texture.as_ref(),
    };
    let label = &chip.label;
    let theme = Theme::of(ui.ctx());
    let indent = if picture.is_some() { 30.0 } else { 10.0 };
    let available = (limit - at.x - indent - 26.0).clamp(24.0, 240.0);
    let galley = one_line(ui, label, font(text_size::BODY), theme.accent, available);
    let rect = Rect::from_min_size(pos2(at.x, at.y - 11.0), vec2(indent + galley.size().x + 26.0, 22.0));
    ui.painter().rect_filled(rect, RADIUS[0], theme.accent_fill);
    if let Some(texture) = picture {
        tile::cover(ui, texture, Rect::from_min_size(rect.min + vec2(7.0, 2.0), vec2(18.0, 18.0)), 3);
    }
    let middle = rect.center().y - galley.size().y / 2.0;
    let chip = ui.interact(rect, Id::unique((("chip", index), "text")), Sense::hover());
    if galley.elided {
        chip.on_hover_text(label);
    }
    ui.painter().galley(pos2(rect.left() + indent, middle), galley, theme.accent);
    let close = Rect::from_center_size(pos2(rect.right() - 12.0, rect.center().y), vec2(24.0, 24.0));
    let response = ui.interact(close, Id::unique(("chip", index)), Sense::click());
    let cross = Rect::from_center_size(close.center(), vec2(12.0, 12.0));
    icons::paint(ui.painter(), Icon::Close, cross, if response.hovered() { theme.text1 } else { theme.accent });
    focus_ring(ui.painter(), theme, &response, close.shrink(2.0), RADIUS[0]);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Remove {label} from search")));
    if response.clicked() {
        ctx.send(SearchCommand::RemovePart(index));
    }
    rect.right()
}
