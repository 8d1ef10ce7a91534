//! The gallery in the centre: the hits, a selection, or all items, in justified rows.

use egui::{Align, Align2, Id, Layout, Popup, Rect, ScrollArea, Sense, TextEdit, Ui, UiBuilder, pos2, vec2};

use super::filters;
use crate::context::commands::{ItemCommand, SearchAction, SearchCommand, ViewCommand};
use crate::context::format;
use crate::context::listing::{Sort, SortKey};
use crate::context::{Ctx, FilterDisplay};
use crate::ui::filter_switch;
use crate::ui::grid::{BREAK_HEIGHT, TileGrid};
use crate::ui::style::{bold, font};
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use crate::ui::widgets::{buttons, icons, icons::Icon, line, slider, tile};
use vicinity_core::{Filter, ItemId};

/// Height of a row of the header.
const HEAD: f32 = 40.0;
/// Below this width the header has two rows.
const TWO_ROWS: f32 = 660.0;
/// Width of the switch between highlighting and filtering, with its margin.
const SWITCH: f32 = 172.0;
/// Width of the field for file names.
const FIELD: f32 = 190.0;
/// Width of the slider for the thumbnail size, with its margin.
const SLIDER: f32 = 130.0;
/// Number of screens above and below whose thumbnails are loaded in advance.
const AHEAD: f32 = 1.0;

/// What a list shows; when it changes, the list starts at its top.
#[derive(Debug, Clone, PartialEq)]
struct Subject {
    text: String,
    chips: usize,
    filter: Filter,
    sort: Sort,
    pinned: Option<u64>,
}

/// State of the gallery.
#[derive(Default)]
pub struct GalleryPanel {
    subject: Option<Subject>,
    /// The stamp of the list laid out, its width and the height of its rows.
    laid_out: (u64, f32, f32),
    /// Positions of the tiles.
    pub grid: TileGrid,
    /// The entry to scroll to.
    pub scroll_to: Option<usize>,
    focus_seen: u64,
    /// The item in focus that is in sight already, or was looked for in the list of this stamp.
    followed: Option<(ItemId, Option<u64>)>,
}

/// Id of the field for file names.
pub fn find_id() -> Id {
    Id::unique("find by file name")
}

impl GalleryPanel {
    /// Draws the gallery.
    pub fn show(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let area = ui.max_rect();
        let switch = if filter_switch::has_matches(ctx) { SWITCH } else { 0.0 };
        let two_rows = area.width() < TWO_ROWS + switch;
        let height = if two_rows { 2.0 * HEAD - 8.0 } else { HEAD };
        let head = Rect::from_min_size(area.min, vec2(area.width(), height)).shrink2(vec2(SPACE[2], 0.0));
        self.head(ui, ctx, head, two_rows);
        let body =
            Rect::from_min_max(pos2(area.left() + SPACE[2], head.bottom()), pos2(area.right() - 4.0, area.bottom()));
        let top = self.is_new_subject(ctx);
        if ctx.state.library().gallery.listing.items.is_empty() {
            return empty_gallery(ui, ctx, body);
        }
        ui.scope_builder(UiBuilder::new().max_rect(body), |ui| self.tiles(ui, ctx, top));
    }

    /// Scrolls to the item that was clicked on the map beside the gallery.
    pub fn follow_focus(&mut self, ctx: &Ctx<'_>) {
        let listing = &ctx.state.library().gallery.listing;
        let Some(focus) = ctx.state.library().selection.focus() else {
            self.followed = None;
            return;
        };
        let done = |(id, stamp): (ItemId, Option<u64>)| id == focus && stamp.is_none_or(|stamp| stamp == listing.stamp);
        if self.followed.is_some_and(done) {
            return;
        }
        let at = listing.items.iter().position(|id| *id == focus);
        self.followed = Some((focus, at.is_none().then_some(listing.stamp)));
        self.scroll_to = at.or(self.scroll_to);
    }

    /// Whether the list shows something else than in the previous frame.
    fn is_new_subject(&mut self, ctx: &Ctx<'_>) -> bool {
        let (query, gallery) = (&ctx.state.library().query, &ctx.state.library().gallery);
        let subject = Subject {
            text: query.text.clone(),
            chips: query.chips.len(),
            filter: query.filter.clone(),
            sort: ctx.state.preferences.gallery_sort,
            pinned: gallery.pinned.as_ref().map(|selection| selection.stamp()),
        };
        let new = self.subject.as_ref().is_some_and(|before| *before != subject);
        self.subject = Some(subject);
        new
    }

    fn head(&mut self, ui: &mut Ui, ctx: &Ctx<'_>, head: Rect, two_rows: bool) {
        let first = Rect::from_min_size(head.min, vec2(head.width(), HEAD));
        let slider = Rect::from_min_max(pos2(first.right() - SLIDER, first.top()), first.max);
        size_slider(ui, ctx, slider);
        if two_rows {
            let second = Rect::from_min_max(pos2(head.left(), first.bottom() - 6.0), head.max);
            let sort = sort_button(ui, ctx, second);
            let left = display_switch(ui, ctx, second.left(), second);
            let field = Rect::from_min_max(pos2(left, second.top()), pos2(sort - SPACE[1], second.bottom()));
            self.field(ui, ctx, field);
            title(ui, ctx, Rect::from_min_max(first.min, pos2(slider.left() - SPACE[1], first.bottom())));
        } else {
            let rest = Rect::from_min_max(first.min, pos2(slider.left() - SPACE[1], first.bottom()));
            let sort = sort_button(ui, ctx, rest);
            let field =
                Rect::from_min_max(pos2(sort - SPACE[1] - FIELD, rest.top()), pos2(sort - SPACE[1], rest.bottom()));
            self.field(ui, ctx, field);
            let has_switch = filter_switch::has_matches(ctx);
            let left = field.left() - SPACE[1] - if has_switch { SWITCH } else { 0.0 };
            display_switch(ui, ctx, left, rest);
            title(ui, ctx, Rect::from_min_max(rest.min, pos2(left - SPACE[1], rest.bottom())));
        }
    }

    /// The field that filters by file name.
    fn field(&mut self, ui: &mut Ui, ctx: &Ctx<'_>, available: Rect) {
        let theme = Theme::of(ui.ctx());
        let rect = Rect::from_center_size(available.center(), vec2(available.width(), 26.0));
        let focused = ui.memory(|m| m.has_focus(find_id()));
        let stroke =
            egui::Stroke::new(if focused { 1.5 } else { 1.0 }, if focused { theme.accent } else { theme.line });
        ui.painter().rect(rect, RADIUS[1] - 2, theme.raised, stroke, egui::StrokeKind::Inside);
        icons::paint(
            ui.painter(),
            Icon::Search,
            Rect::from_center_size(pos2(rect.left() + 15.0, rect.center().y), vec2(13.0, 13.0)),
            theme.text2,
        );
        let mut text =
            ctx.state.library().query.filter.name.as_ref().map_or_else(String::new, |name| name.typed().to_owned());
        let mut right = rect.right() - 6.0;
        if !text.is_empty() {
            let place = Rect::from_center_size(pos2(right - 10.0, rect.center().y), vec2(24.0, 24.0));
            if buttons::icon_in(ui, Icon::Close, "Clear file name filter", place).clicked() {
                ctx.send(SearchCommand::SetName(String::new()));
            }
            right = place.left();
        }
        let field = Rect::from_min_max(pos2(rect.left() + 26.0, rect.top() + 1.0), pos2(right, rect.bottom() - 1.0));
        let mut child = ui.new_child(UiBuilder::new().max_rect(field).layout(Layout::left_to_right(Align::Center)));
        let edit = TextEdit::singleline(&mut text)
            .id(find_id())
            .frame(egui::Frame::NONE)
            .font(font(text_size::BODY))
            .text_color(theme.text1)
            .hint_text(egui::RichText::new("Find by file name").color(theme.text3))
            .char_limit(200)
            .align(Align2::LEFT_CENTER)
            .desired_width(field.width());
        let response = child.add_sized(field.size(), edit).accessible_name("Find by file name");
        if response.changed() {
            ctx.send(SearchCommand::SetName(text));
        }
        if ctx.state.view.focus_find != self.focus_seen {
            self.focus_seen = ctx.state.view.focus_find;
            response.request_focus();
        }
        if response.has_focus() && ui.input(|i| i.key_pressed(egui::Key::ArrowDown)) {
            response.surrender_focus();
        }
    }

    fn tiles(&mut self, ui: &mut Ui, ctx: &Ctx<'_>, to_top: bool) {
        let Some(snapshot) = &ctx.state.library().snapshot else { return };
        let listing = &ctx.state.library().gallery.listing;
        let marked = tile::words_to_highlight(&ctx.state.library().query.text);
        let mut area = ScrollArea::vertical().id_salt("gallery").auto_shrink(false).content_margin(egui::Margin {
            left: 3,
            right: 8,
            top: 3,
            bottom: 8,
        });
        if to_top {
            area = area.vertical_scroll_offset(0.0);
        }
        area.show_viewport(ui, |ui, view| {
            let laid_out = (listing.stamp, ui.available_width().round(), ctx.state.preferences.gallery_height);
            if self.laid_out != laid_out {
                self.laid_out = laid_out;
                self.grid = TileGrid::justified(&listing.shapes, listing.matches, laid_out.1, laid_out.2);
            }
            let (canvas, _) = ui.allocate_exact_size(vec2(laid_out.1, self.grid.height), Sense::hover());
            if let Some(rect) = self.scroll_to.take().and_then(|i| self.grid.rect_of(i)) {
                ui.scroll_to_rect(rect.translate(canvas.min.to_vec2()).expand(6.0), None);
            }
            if let Some(y) = self.grid.break_at {
                let size = vec2(canvas.width(), BREAK_HEIGHT);
                tile::less_similar_divider(ui, Rect::from_min_size(canvas.min + vec2(0.0, y), size));
            }
            self.fetch_ahead(ctx, view);
            for cell in self.grid.between(view.top() - 60.0, view.bottom() + 60.0) {
                let Some(item) = listing.items.get(cell.index).and_then(|id| snapshot.get(*id)) else { continue };
                let score = listing.scores.get(cell.index).copied();
                let rect = cell.rect.translate(canvas.min.to_vec2());
                let response = tile::Tile { item, score, marked: &marked }.show(ui, ctx, rect, "tile");
                tile::on_click(ui, ctx, &response, item.id, ItemCommand::Select(vec![item.id]));
            }
        });
    }
}

impl GalleryPanel {
    /// Requests the thumbnails of the next and the previous screen, so that scrolling finds them loaded.
    fn fetch_ahead(&self, ctx: &Ctx<'_>, view: Rect) {
        let items = &ctx.state.library().gallery.listing.items;
        let screens = AHEAD * view.height();
        let below = self.grid.between(view.bottom(), view.bottom() + screens);
        let above = self.grid.between(view.top() - screens, view.top());
        for cell in below.iter().chain(above.iter().rev()) {
            items.get(cell.index).into_iter().for_each(|id| ctx.commands.prefetch_thumbnail(*id));
        }
    }
}

/// The switch between fading and hiding what does not match, while something does; returns where the next control begins.
fn display_switch(ui: &mut Ui, ctx: &Ctx<'_>, left: f32, row: Rect) -> f32 {
    if !filter_switch::has_matches(ctx) {
        return left;
    }
    let place = Rect::from_min_max(pos2(left, row.center().y - 13.0), pos2(left + SWITCH, row.center().y + 13.0));
    let layout = Layout::left_to_right(Align::Center);
    filter_switch::show(&mut ui.new_child(UiBuilder::new().max_rect(place).layout(layout)), ctx);
    place.right()
}

/// What is listed, and how many items.
fn title(ui: &mut Ui, ctx: &Ctx<'_>, rect: Rect) {
    let theme = Theme::of(ui.ctx());
    let listing = &ctx.state.library().gallery.listing;
    let number = format::number(listing.items.len() as u64);
    let (what, has_link) = match (&ctx.state.library().gallery.pinned, ctx.state.current_result()) {
        (Some(_), _) => (format!("{number} selected"), true),
        (None, Some(result)) => (match_count(ctx, result.above_threshold, listing.items.len()), false),
        (None, None) => (format!("{} · {number}", filters::title(&ctx.state.library().query.filter)), false),
    };
    let mut text = rect;
    if has_link {
        let name = "Show all items";
        let width = ui.painter().layout_no_wrap(name.to_owned(), font(text_size::BODY), theme.accent).size().x;
        let title_width = ui.painter().layout_no_wrap(what.clone(), bold(text_size::BODY), theme.text1).size().x;
        let left = (rect.left() + title_width + SPACE[1]).min(rect.right() - width - SPACE[1]);
        text.set_right(left - SPACE[0]);
        let place = Rect::from_min_size(pos2(left, rect.center().y - 12.0), vec2(width + SPACE[1], 24.0));
        let mut child = ui.new_child(UiBuilder::new().max_rect(place).layout(Layout::left_to_right(Align::Center)));
        if buttons::link(&mut child, name, name).clicked() {
            ctx.send(ViewCommand::Unpin);
        }
    }
    let response = ui.interact(text, ui.scope_id().with("gallery title"), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &what));
    line(ui, text, &what, bold(text_size::BODY), theme.text1, response);
}

/// `About 12 matches in 1,171 items`, and how many of them are listed.
fn match_count(ctx: &Ctx<'_>, above_threshold: usize, listed: usize) -> String {
    let scored = super::results::scored(ctx);
    let hides_rest = ctx.state.preferences.filter_display == FilterDisplay::Filter && above_threshold > 0;
    let top = if (listed as u64) < scored && !hides_rest {
        format!(" · top {}", format::number(listed as u64))
    } else {
        String::new()
    };
    format!("{} in {}{top}", super::results::matches(above_threshold), format::count(scored, "item"))
}

fn size_slider(ui: &mut Ui, ctx: &Ctx<'_>, rect: Rect) {
    let mut height = ctx.state.preferences.gallery_height;
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect).layout(Layout::right_to_left(Align::Center)));
    if slider(&mut child, &mut height, 72.0..=320.0, 110.0, "Thumbnail size").changed() {
        ctx.send(ViewCommand::SetGalleryHeight(height));
    }
}

/// Height of the list of columns in the sort menu, points.
const COLUMNS_HEIGHT: f32 = 260.0;

/// Name of a sort key; without a search, the score stands for the order added.
fn key_name(key: SortKey, searched: bool) -> &'static str {
    match key {
        SortKey::Score if searched => "Score",
        SortKey::Score => "Order added",
        SortKey::Name => "Name",
        SortKey::Taken => "Date taken",
        SortKey::Date => "Date modified",
        SortKey::Size => "File size",
        SortKey::Rating => "Rating",
        SortKey::Column => "Column",
    }
}

/// Name of a sort direction.
fn direction_name(sort: Sort, searched: bool) -> &'static str {
    match (sort.key, sort.reversed) {
        (SortKey::Score, false) if searched => "best first",
        (SortKey::Score, true) if searched => "worst first",
        (SortKey::Score, false) => "oldest first",
        (SortKey::Score, true) => "newest first",
        (SortKey::Name, false) => "A to Z",
        (SortKey::Name, true) => "Z to A",
        (SortKey::Date | SortKey::Taken, false) => "newest first",
        (SortKey::Date | SortKey::Taken, true) => "oldest first",
        (SortKey::Column, false) => "ascending",
        (SortKey::Column, true) => "descending",
        (SortKey::Rating, false) => "highest first",
        (SortKey::Rating, true) => "lowest first",
        (SortKey::Size, false) => "largest first",
        (SortKey::Size, true) => "smallest first",
    }
}

/// Whether the collection has what is sorted by.
fn is_known(ctx: &Ctx<'_>, key: SortKey) -> bool {
    let facts = &ctx.state.library().fact_counts;
    match key {
        SortKey::Taken => facts.has_times(),
        SortKey::Rating => facts.rated(0).is_some(),
        SortKey::Score | SortKey::Name | SortKey::Date | SortKey::Size | SortKey::Column => true,
    }
}

/// The button that opens the sort menu, at the right of `available`; returns its left edge.
fn sort_button(ui: &mut Ui, ctx: &Ctx<'_>, available: Rect) -> f32 {
    let theme = Theme::of(ui.ctx());
    let (sort, searched) = (ctx.state.preferences.gallery_sort, ctx.state.library().gallery.listing.matches.is_some());
    let mut child = ui.new_child(UiBuilder::new().max_rect(available).layout(Layout::right_to_left(Align::Center)));
    let column = &ctx.state.preferences.sort_column;
    let name = if sort.key == SortKey::Column { column } else { key_name(sort.key, searched) };
    let description = format!("Sort by {}, {}", name.to_lowercase(), direction_name(sort, searched));
    let names = [true, false].map(|searched| SortKey::ALL.map(|key| key_name(key, searched))).concat();
    let button = buttons::menu_button(&mut child, name, &names, &description, theme.text2).on_hover_text(&description);
    Popup::menu(&button).width(240.0).show(|ui| {
        for key in SortKey::ALL.into_iter().filter(|key| *key == sort.key || is_known(ctx, *key)) {
            let current = key == sort.key;
            // Choosing the same key again reverses the order.
            let next = Sort { key, reversed: current && !sort.reversed };
            let right = if current { direction_name(sort, searched) } else { "" };
            if buttons::menu_choice(ui, key_name(key, searched), right, current).clicked() {
                ctx.send(ViewCommand::SetSort(next));
                ui.close();
            }
        }
        sort_columns(ui, ctx, searched);
        super::top_bar::separator(ui);
        let reversed_sort = Sort { reversed: !sort.reversed, ..sort };
        let row = format!("Reverse: {}", direction_name(reversed_sort, searched));
        if buttons::menu_row(ui, &row, "").clicked() {
            ctx.send(ViewCommand::SetSort(reversed_sort));
            ui.close();
        }
        buttons::menu_entry(ui, ctx, SearchAction::FindByName);
    });
    button.rect.left()
}

/// The columns of tables in the sort menu.
fn sort_columns(ui: &mut Ui, ctx: &Ctx<'_>, searched: bool) {
    let columns = ctx.state.library().fact_counts.columns();
    if columns.is_empty() {
        return;
    }
    super::top_bar::separator(ui);
    let (sort, by) = (ctx.state.preferences.gallery_sort, &ctx.state.preferences.sort_column);
    egui::ScrollArea::vertical().id_salt("sort columns").max_height(COLUMNS_HEIGHT).show(ui, |ui| {
        for column in columns.iter().map(|column| column.name.as_str()) {
            let current = sort.key == SortKey::Column && column == by;
            let right = if current { direction_name(sort, searched) } else { "" };
            if buttons::menu_choice(ui, column, right, current).clicked() {
                let reversed = current && !sort.reversed;
                ctx.send(ViewCommand::SortByColumn { column: column.to_owned(), reversed });
                ui.close();
            }
        }
    });
}

/// Why the gallery is empty, and what can be done.
fn empty_gallery(ui: &mut Ui, ctx: &Ctx<'_>, body: Rect) {
    let theme = Theme::of(ui.ctx());
    let state = ctx.state;
    let place = Rect::from_center_size(body.center(), vec2(body.width().min(420.0), 80.0));
    let why = match &state.library().query.filter.name {
        Some(name) => {
            let folder = state.library().query.filter.folder.as_deref().and_then(std::path::Path::file_name);
            let place = folder.map(|folder| format!(" in {}", folder.display())).unwrap_or_default();
            format!("No file name contains “{}”{place}", name.typed().trim())
        }
        None if state.library().query.pending => "Searching…".to_owned(),
        None if state.is_reading() => "Reading your files…".to_owned(),
        None if !state.library().query.filter.is_empty() => "No items match the filter".to_owned(),
        None => "Nothing to show yet".to_owned(),
    };
    ui.scope_builder(UiBuilder::new().max_rect(place).layout(Layout::top_down(Align::Center)), |ui| {
        ui.add(egui::Label::new(egui::RichText::new(why).color(theme.text2)).wrap());
        ui.add_space(SPACE[1]);
        let filter = &state.library().query.filter;
        if filter.name.is_some() {
            if buttons::button(ui, "Clear file name filter").clicked() {
                ctx.send(SearchCommand::SetName(String::new()));
            }
        } else if !filter.is_empty() && buttons::button(ui, "Clear filter").clicked() {
            ctx.send(SearchCommand::SetFilter(Filter::default()));
        }
    });
}
