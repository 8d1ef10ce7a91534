//! The whole window: bars, side panels, centre, and dialogs.

use egui::{
    Area, CentralPanel, Frame, Id, Key, Margin, Order, Panel, PointerButton, Rect, Sense, Stroke, Ui, pos2, vec2,
};
use egui_wgpu::wgpu;

use super::file_drop::FileDrop;
use super::grid::{Direction, TileGrid};
use super::map::{CameraCommand, MapPanel};
use super::panels::{
    self, about, axes_bar, cluster_name::ClusterNameDialog, cluster_tree::ClusterPanel, collection, failures,
    filter_bar, folder_tree::FolderTree, gallery, gallery::GalleryPanel, import_settings, inspector, label_editor,
    models, open_path, palette, palette::Palette, preview::PreviewPanel, query_card, results, results::ResultsPanel,
    services, settings, shortcuts, side_frame, status_bar, timeline::TimelinePanel, top_bar, welcome,
};
use super::split;
use super::style::{bold, font};
use super::theme::{SPACE, Theme, text_size};
use super::widgets::{focus_ring, histogram, icons::Icon, ring_around_focus, select_all_text};
use super::{keys, widgets::buttons};
use crate::context::commands::{CollectionAction, ItemCommand, MapAction, ViewAction, ViewCommand};
use crate::context::viewpoint::Viewpoint;
use crate::context::{CentralView, Ctx, Dialog, RightTab};

/// At this window width and below, the right panel is a drawer.
const NARROW: f32 = 900.0;

/// State of the window that concerns only how it is drawn.
#[derive(Default)]
pub struct Shell {
    results: ResultsPanel,
    gallery: GalleryPanel,
    preview: PreviewPanel,
    failures: failures::FailureList,
    palette: Palette,
    labels: label_editor::LabelEditor,
    about: about::AboutDialog,
    import: import_settings::ImportForm,
    models: models::ModelsDialog,
    services: services::ServicesDialog,
    path: open_path::PathDialog,
    folders: FolderTree,
    clusters: ClusterPanel,
    cluster_name: ClusterNameDialog,
    drops: FileDrop,
    timeline: TimelinePanel,
    map: MapPanel,
    axes: axes_bar::AxesBar,
    /// Input for a field that is drawn from the next frame on.
    carried: Vec<egui::Event>,
    focus_seen: u64,
    search_had_focus: bool,
    /// The place in the list that the arrows came to last.
    walked_to: usize,
}

impl Shell {
    /// Draws the window and collects the user's commands.
    pub fn show(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let width = ui.ctx().content_rect().width();
        if (width <= NARROW) != ctx.state.view.narrow {
            ctx.send(ViewCommand::SetNarrow(width <= NARROW));
        }
        self.input(ui, ctx);
        top_bar::show(ui, ctx);
        status_bar::show(ui, ctx);
        let left = self.left(ui, ctx);
        if !ctx.state.view.narrow {
            self.right(ui, ctx, left);
        }
        filter_bar::show(ui, ctx);
        self.timeline.show(ui, ctx);
        let centre = self.centre(ui, ctx);
        if ctx.state.view.narrow && ctx.state.right_open() {
            self.drawer(ui, ctx, centre);
        }
        if let Some(step) = self.preview.show(ui, ctx, centre) {
            self.walk(ctx, step);
        }
        self.dialogs(ui, ctx);
        self.drops.show(ui, ctx);
        ring_around_focus(ui.ctx());
    }

    /// Forgets the library that was open. All fields are named, so that each new one is considered.
    pub fn close_library(&mut self) {
        let Self {
            results,
            gallery,
            preview,
            failures,
            import,
            folders,
            clusters,
            cluster_name,
            drops,
            timeline,
            map,
            axes,
            walked_to,
            // Of the program, not of a library.
            palette: _,
            labels: _,
            about: _,
            models: _,
            services: _,
            path: _,
            carried: _,
            focus_seen: _,
            search_had_focus: _,
        } = self;
        *results = ResultsPanel::default();
        *gallery = GalleryPanel::default();
        *preview = PreviewPanel::default();
        *failures = failures::FailureList::default();
        *import = import_settings::ImportForm::default();
        *folders = FolderTree::default();
        *clusters = ClusterPanel::default();
        *cluster_name = ClusterNameDialog::default();
        *drops = FileDrop::default();
        *axes = axes_bar::AxesBar::default();
        *timeline = TimelinePanel::default();
        map.close_library();
        *walked_to = 0;
    }

    /// Fits the map to the items that the filter admits.
    pub fn fit_filter(&mut self) {
        self.map.command(CameraCommand::FitFilter);
    }

    /// Selects the items of a cluster, and shows them on the map.
    pub fn show_cluster(&mut self, cluster: u32) {
        self.map.command(CameraCommand::ShowCluster(cluster));
    }

    /// The part of the map that is in view; `None` where it shows all points.
    pub fn map_view(&self) -> Option<Viewpoint> {
        self.map.view()
    }

    /// Moves the map to a view; `None` to one of all points.
    pub fn show_view(&mut self, view: Option<Viewpoint>) {
        self.map.command(CameraCommand::Show(view));
    }

    /// Actions that the map carries out itself.
    pub fn map_action(&mut self, action: MapAction) {
        match action {
            MapAction::Fit => self.map.command(CameraCommand::Fit),
            MapAction::ZoomIn => self.map.command(CameraCommand::ZoomIn),
            MapAction::ZoomOut => self.map.command(CameraCommand::ZoomOut),
            MapAction::SelectVisible => self.map.command(CameraCommand::SelectVisible),
            MapAction::ToggleLasso
            | MapAction::ToggleBox
            | MapAction::ReplaceSelection
            | MapAction::AddToSelection
            | MapAction::SubtractFromSelection
            | MapAction::IntersectSelection
            | MapAction::SaveMap
            | MapAction::RecomputeLayout => {}
        }
    }

    /// Compiles the shaders that the window has beside egui's, to see whether a device can.
    pub fn compile_shaders(device: &wgpu::Device, queue: &wgpu::Queue, target: wgpu::TextureFormat) {
        MapPanel::compile_shaders(device, queue, target);
    }

    /// Sets the graphics device, if any.
    pub fn set_render_state(&mut self, render_state: Option<&egui_wgpu::RenderState>) {
        self.map.set_render_state(render_state);
    }

    fn input(&mut self, ui: &Ui, ctx: &Ctx<'_>) {
        if ctx.state.view.focus_search != self.focus_seen {
            self.focus_seen = ctx.state.view.focus_search;
            ui.memory_mut(|m| m.request_focus(top_bar::search_id()));
            select_all_text(ui.ctx(), top_bar::search_id(), ctx.state.library().query.text.chars().count());
        }
        let escape = ui.input(|i| i.key_pressed(Key::Escape));
        let menu = egui::Popup::is_any_open(ui.ctx());
        // egui does not know a text field yet that is about to be drawn for the first time.
        let typing = ui.ctx().text_edit_focused()
            || ctx.state.is_dialog_open(Dialog::Palette)
            || ui.memory(|m| m.has_focus(gallery::find_id()));
        if !self.carried.is_empty() {
            let carried = std::mem::take(&mut self.carried);
            ui.input_mut(|i| i.events.splice(0..0, carried).for_each(drop));
        }
        keys::pastes(ui, ctx, typing);
        let situation = keys::KeyContext {
            typing,
            leaving_search: self.search_had_focus && escape,
            keeps_escape: menu || self.map.is_enclosing() || histogram::has_focus(ui.ctx()),
            menu,
        };
        match keys::commands(ui, ctx, &situation) {
            Some(keys::FocusedField::Search) => {
                ui.memory_mut(|m| m.request_focus(top_bar::search_id()));
                select_all_text(ui.ctx(), top_bar::search_id(), ctx.state.library().query.text.chars().count());
            }
            Some(keys::FocusedField::Palette(text, enter)) => {
                ui.memory_mut(|m| m.request_focus(palette::field_id()));
                self.palette.type_ahead(text, enter);
            }
            Some(keys::FocusedField::Find(typed)) => {
                ui.memory_mut(|m| m.request_focus(gallery::find_id()));
                self.carried = typed;
                ui.ctx().request_repaint();
            }
            None => {}
        }
        self.search_had_focus = ui.memory(|m| m.has_focus(top_bar::search_id()) || m.has_focus(gallery::find_id()));
        for (button, action) in
            [(PointerButton::Extra1, ViewAction::GoBack), (PointerButton::Extra2, ViewAction::GoForward)]
        {
            if ui.input(|i| i.pointer.button_pressed(button)) && action.unavailable(ctx.state).is_none() {
                ctx.send(action);
            }
        }
        if let Some(step) = keys::step(ui) {
            self.walk(ctx, step);
        }
        if keys::space(ui) {
            match (ctx.state.library().preview, ctx.state.library().selection.focus()) {
                (Some(_), _) => ctx.send(ItemCommand::ClosePreview),
                (None, Some(id)) => ctx.send(ItemCommand::OpenPreview(id)),
                (None, None) => {}
            }
        }
    }

    fn left(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) -> f32 {
        let theme = Theme::of(ui.ctx());
        let width = ui.ctx().content_rect().width();
        let most = (width * 0.24).clamp(140.0, 340.0);
        let mut open = ctx.state.preferences.left_open;
        let shown = Panel::left("collection")
            .frame(side_frame(theme))
            .default_size(232.0_f32.min(most))
            .size_range(140.0_f32.min(most)..=most)
            .show_collapsible(ui, &mut open, |ui| {
                collection::show(ui, ctx, &mut self.folders, &mut self.clusters);
            });
        if open != ctx.state.preferences.left_open {
            ctx.send(ViewAction::ToggleLeft);
        }
        shown.map_or(0.0, |s| s.response.rect.width())
    }

    fn right(&mut self, ui: &mut Ui, ctx: &Ctx<'_>, left: f32) {
        let theme = Theme::of(ui.ctx());
        let width = ui.ctx().content_rect().width();
        // The centre keeps at least half of the width.
        let most = (width * 0.5 - left).max(220.0);
        let mut open = ctx.state.right_open();
        Panel::right("results")
            .frame(Frame::new().fill(theme.panel))
            .default_size(328.0_f32.min(most))
            .size_range(220.0..=most)
            .show_collapsible(ui, &mut open, |ui| self.right_contents(ui, ctx));
        if open != ctx.state.right_open() {
            ctx.send(ViewAction::ToggleRight);
        }
    }

    fn drawer(&mut self, ui: &Ui, ctx: &Ctx<'_>, centre: Rect) {
        let theme = Theme::of(ui.ctx());
        let width = (centre.width() - 48.0).min(360.0);
        let place = Rect::from_min_max(pos2(centre.right() - width, centre.top()), centre.max);
        Area::new(Id::unique("drawer")).order(Order::Middle).fixed_pos(place.min).show(ui.ctx(), |ui| {
            let frame =
                Frame::new().fill(theme.panel).stroke(Stroke::new(1.0, theme.line)).shadow(ui.visuals().popup_shadow);
            frame.show(ui, |ui| {
                ui.set_min_size(place.size());
                ui.set_max_size(place.size());
                self.right_contents(ui, ctx);
            });
        });
    }

    fn right_contents(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        tabs(ui, ctx);
        let margin = Margin { left: SPACE[2] as i8 - 3, right: SPACE[2] as i8 - 3, top: SPACE[1] as i8, bottom: 0 };
        // Contents wider than the panel are clipped at its edge, and never push the rest out of its margins.
        let room = ui.available_rect_before_wrap();
        let mut inside = ui.new_child(egui::UiBuilder::new().max_rect(room - margin));
        inside.shrink_clip_rect(room);
        query_card::show(&mut inside, ctx);
        match ctx.state.visible_right_tab() {
            RightTab::Results => results::show(&mut inside, ctx, &mut self.results),
            RightTab::Item => inspector::show(&mut inside, ctx),
        }
        ui.advance_cursor_after_rect(room);
    }

    fn centre(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) -> Rect {
        let theme = Theme::of(ui.ctx());
        let frame = Frame::new().fill(theme.map_ground);
        CentralPanel::default()
            .frame(frame)
            .show(ui, |ui| match ctx.state.preferences.central_view {
                _ if !ctx.state.has_library() => welcome::show(ui, ctx),
                _ if ctx.state.library().snapshot.as_ref().is_some_and(|s| s.is_empty()) && !ctx.state.is_reading() => {
                    empty_library(ui, ctx);
                }
                CentralView::Map => self.draw_map(ui, ctx),
                CentralView::Gallery => self.gallery.show(ui, ctx),
                CentralView::Split => self.split_view(ui, ctx),
                CentralView::Axes => {
                    let rest = self.axes.show(ui, ctx);
                    split::within(ui, "plot", rest, |ui| self.draw_map(ui, ctx));
                    axes_bar::notice(ui, ctx, rest);
                }
            })
            .response
            .rect
    }

    fn draw_map(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        if ctx.state.map_layout().is_some() {
            self.map.ui(ui, ctx);
        } else {
            map_placeholder(ui, ctx);
        }
    }

    fn split_view(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let areas = split::areas(ui.max_rect(), ctx.state.preferences.split_share);
        split::within(ui, "map", areas.map, |ui| self.draw_map(ui, ctx));
        self.gallery.follow_focus(ctx);
        split::within(ui, "gallery", areas.gallery, |ui| self.gallery.show(ui, ctx));
        split::divider(ui, ctx, &areas);
    }

    fn dialogs(&mut self, ui: &Ui, ctx: &Ctx<'_>) {
        self.palette.show(ui, ctx);
        shortcuts::show(ui, ctx);
        self.failures.show(ui, ctx);
        self.import.show(ui, ctx);
        settings::show(ui, ctx);
        self.models.show(ui, ctx);
        self.services.show(ui, ctx);
        self.labels.show(ui, ctx);
        self.about.show(ui, ctx);
        self.path.show(ui, ctx);
        self.cluster_name.show(ui, ctx);
        // Escape closes the topmost dialog, which is the one pressed last.
        if let Some(pressed) = panels::pressed(ui.ctx())
            && ctx.state.is_dialog_open(pressed)
            && ctx.state.view.dialogs.last() != Some(&pressed)
        {
            ctx.send(ViewCommand::ShowDialog(pressed, true));
        }
    }

    /// Moves to another item of the visible list, by arrow keys or the arrows of the preview.
    fn walk(&mut self, ctx: &Ctx<'_>, step: Direction) {
        let gallery = ctx.state.preferences.central_view.shows_gallery();
        let grid: &TileGrid = if gallery { &self.gallery.grid } else { &self.results.grid };
        let items = ctx.state.navigation_list();
        let here = ctx.state.library().preview.or_else(|| ctx.state.library().selection.focus());
        let at = here.and_then(|id| items.position(id, self.walked_to));
        let previewing = ctx.state.library().preview.is_some();
        let next = match at {
            None => 0,
            Some(at) if previewing && matches!(step, Direction::Left | Direction::Up) => at.saturating_sub(1),
            Some(at) if previewing || grid.cells.is_empty() => (at + 1).min(items.len().saturating_sub(1)),
            Some(at) => grid.step(at, step),
        };
        let Some(id) = items.item(next) else { return };
        self.walked_to = next;
        if Some(id) == here {
            return;
        }
        if previewing {
            ctx.send(ItemCommand::OpenPreview(id));
        } else {
            ctx.send(ItemCommand::Focus(id));
        }
        if gallery {
            self.gallery.scroll_to = Some(next);
        } else {
            self.results.scroll_to = Some(next);
        }
    }
}

fn tabs(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 40.0), Sense::hover());
    ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, Stroke::new(1.0, theme.line));
    let mut left = rect.left() + SPACE[2];
    let tabs = [(RightTab::Results, "Results"), (RightTab::Item, "Item")];
    // With the gallery, the hits are already in the centre.
    let shown = if ctx.state.preferences.central_view.shows_gallery() { &tabs[1..] } else { &tabs[..] };
    for (tab, name) in shown.iter().copied() {
        let chosen = ctx.state.visible_right_tab() == tab;
        let (face, colour) =
            if chosen { (bold(text_size::BODY), theme.text1) } else { (font(text_size::BODY), theme.text2) };
        let galley = ui.painter().layout_no_wrap(name.to_owned(), face, colour);
        let place = Rect::from_min_max(pos2(left, rect.top()), pos2(left + galley.size().x, rect.bottom()));
        let response = ui.interact(place.expand2(vec2(6.0, 0.0)), Id::unique(("tab", name)), Sense::click());
        if chosen {
            let line = Rect::from_min_max(pos2(place.left(), place.bottom() - 2.0), place.max);
            ui.painter().rect_filled(line, 1, theme.accent);
        }
        left = place.right() + SPACE[3];
        ui.painter().galley(place.center() - galley.size() / 2.0, galley, colour);
        focus_ring(ui.painter(), theme, &response, place.shrink2(vec2(-4.0, 6.0)), 4);
        response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Tab, true, chosen, name));
        if response.clicked() {
            ctx.send(ViewCommand::SetRightTab(tab));
        }
    }
    let close = Rect::from_center_size(pos2(rect.right() - 20.0, rect.center().y), vec2(24.0, 24.0));
    if ctx.state.view.narrow && buttons::icon_in(ui, Icon::Close, "Close panel", close).clicked() {
        ctx.send(ViewAction::ToggleRight);
    }
}

/// The centre for a library without items.
fn empty_library(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let area = Rect::from_center_size(ui.max_rect().center(), vec2(ui.max_rect().width().min(420.0), 130.0));
    ui.scope_builder(egui::UiBuilder::new().max_rect(area).layout(egui::Layout::top_down(egui::Align::Center)), |ui| {
        ui.label(egui::RichText::new("No images or texts yet").font(bold(text_size::HEADING)).color(theme.text1));
        ui.label(egui::RichText::new("Drop folders into the window, or open a folder").color(theme.text2));
        ui.add_space(SPACE[2]);
        if buttons::primary(ui, CollectionAction::OpenFolder.info().text).clicked() {
            ctx.send(CollectionAction::OpenFolder);
        }
    });
}

fn map_placeholder(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let empty = ctx.state.library().snapshot.as_ref().is_none_or(|s| s.is_empty());
    let text = if empty { "Reading your files…" } else { "Preparing the map…" };
    let place = Rect::from_center_size(ui.max_rect().center(), vec2(ui.max_rect().width().min(420.0), 24.0));
    ui.put(place, egui::Label::new(egui::RichText::new(text).font(font(text_size::BODY)).color(theme.text2)));
}
