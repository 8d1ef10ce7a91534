//! Controls of the left panel for what is known of photos. They change the same condition that can be written in words, and
//! are shown only for facts that the collection has.

use std::sync::Arc;

use egui::{
    Align2, Id, Popup, PopupCloseBehavior, Rect, Response, ScrollArea, Sense, Ui, WidgetInfo, accesskit::Role, pos2,
    vec2,
};

use super::date_fields::FilterField;
use super::histograms;
use crate::context::commands::SearchCommand;
use crate::context::format;
use crate::context::{ColumnCounts, Ctx, FactCounts, FactValue, FilterControl};
use crate::ui::style::font;
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use crate::ui::widgets::focus_ring;
use crate::ui::widgets::icons::{self, Icon};
use crate::ui::widgets::rows::{HEIGHT, Leading, PanelRow, heading, section_line};
use vicinity_core::condition::field::Field;
use vicinity_core::name::fold;
use vicinity_core::{Attribute, Filter};

/// Values listed in the panel; all of them are in a list of its own.
const LISTED: usize = 5;
/// Height of that list, points.
const LIST_HEIGHT: f32 = 320.0;

/// Draws the sections.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>) {
    let field = |field, title, plural| ValueList { of: ValueSource::Field(field), title, plural };
    values(ui, ctx, &field(Field::Camera, "Camera", "cameras"));
    values(ui, ctx, &field(Field::Lens, "Lens", "lenses"));
    stars(ui, ctx);
    values(ui, ctx, &field(Field::Keyword, "Keywords", "keywords"));
    values(ui, ctx, &field(Field::Colour, "Colour label", "colour labels"));
    place(ui, ctx);
}

/// What values are listed.
#[derive(Clone, Copy)]
pub enum ValueSource<'a> {
    /// A fact of photos.
    Field(Field),
    /// A column of tables.
    Column(&'a ColumnCounts),
}

/// A list of values to choose from.
pub struct ValueList<'a> {
    /// What they are of.
    pub of: ValueSource<'a>,
    /// Heading.
    pub title: &'a str,
    /// What several of them are called.
    pub plural: &'a str,
}

impl<'a> ValueSource<'a> {
    fn values(self, counts: &'a FactCounts) -> &'a [FactValue] {
        match self {
            Self::Field(field) => counts.values(field),
            Self::Column(column) => column.values(),
        }
    }

    /// All and the admitted items with a value, as shares of the items with the most frequent one.
    fn shares(self, counts: &FactCounts, value: &str) -> [f32; 2] {
        let values = self.values(counts);
        let most = values.first().map_or(1, |first| first.all).max(1) as f32;
        let found = values.iter().take(LISTED).find(|known| *known.text == *value);
        found.map_or([0.0, 0.0], |found| [found.all, found.items].map(|items| items as f32 / most))
    }

    fn items(self, counts: &FactCounts, value: &str) -> usize {
        match self {
            Self::Field(field) => counts.items(field, value),
            Self::Column(column) => column.items(value),
        }
    }

    fn chosen(self, filter: &Filter) -> Vec<&str> {
        match self {
            Self::Field(field) => filter.chosen_values(field),
            Self::Column(column) => filter.chosen_in_column(&column.name),
        }
    }

    fn with_chosen(self, filter: &Filter, values: &[&str]) -> Filter {
        match self {
            Self::Field(field) => filter.with_values(field, values),
            Self::Column(column) => filter.with_chosen_in_column(&column.name, values),
        }
    }

    fn control(self) -> FilterControl {
        match self {
            Self::Field(field) => FilterControl::Field(field),
            Self::Column(column) => FilterControl::Column(column.name.clone()),
        }
    }

    fn id(self) -> (bool, &'a str) {
        match self {
            Self::Field(field) => (false, field.as_str()),
            Self::Column(column) => (true, column.name.as_str()),
        }
    }
}

/// The most frequent values, and a row that opens the list of all.
pub fn values(ui: &mut Ui, ctx: &Ctx<'_>, list: &ValueList<'_>) {
    let ValueList { of, title, plural } = *list;
    let library = ctx.state.library();
    let (filter, values) = (&library.query.filter, of.values(&library.fact_counts));
    let chosen = of.chosen(filter);
    if values.is_empty() && chosen.is_empty() {
        return;
    }
    section_line(ui);
    histograms::reveal(ui, ctx, &of.control());
    heading(ui, title);
    let first = values.iter().take(LISTED).map(|value| &*value.text);
    let listed: Vec<&str> = first.collect();
    let others = chosen.iter().copied().filter(|value| !listed.contains(value));
    for value in listed.iter().copied().chain(others) {
        value_row(ui, ctx, of, value, &chosen);
    }
    if values.len() > LISTED {
        let theme = Theme::of(ui.ctx());
        let name = format!("All {plural}…");
        let right = format::number(values.len() as u64);
        let row = PanelRow { lead: Leading::None, name: &name, right: &right, selected: false, colour: theme.text2 };
        let id = Id::unique(("all values", of.id(), &library.path));
        // Its own id, so that the list stays open when a chosen value adds a row above.
        let row = row.show_as(ui, id.with("row"));
        let close = PopupCloseBehavior::CloseOnClickOutside;
        let popup = Popup::menu(&row).width(300.0).close_behavior(close);
        if popup.show(|ui| all_values(ui, ctx, list, id)).is_none() {
            // The next time it begins with everything again.
            ui.data_mut(|data| data.remove_temp::<ValueSearch>(id));
        }
    }
}

/// A value with the number of items that have it; a click chooses it or no longer does.
fn value_row(ui: &mut Ui, ctx: &Ctx<'_>, of: ValueSource<'_>, value: &str, chosen: &[&str]) {
    let theme = Theme::of(ui.ctx());
    let library = ctx.state.library();
    let is_this = |chosen: &&&str| fold(chosen) == fold(value);
    let selected = chosen.iter().any(|chosen| is_this(&chosen));
    let right = format::number(of.items(&library.fact_counts, value) as u64);
    let row = PanelRow { lead: Leading::None, name: value, right: &right, selected, colour: theme.text1 };
    let response = row.show(ui);
    share_bar(ui, response.rect, of.shares(&library.fact_counts, value));
    if response.clicked() {
        let mut next: Vec<&str> = chosen.iter().filter(|other| !is_this(other)).copied().collect();
        if !selected {
            next.push(value);
        }
        send(ctx, of.with_chosen(&library.query.filter, &next));
    }
}

/// A thin bar below a value: all items with it in grey, those that the rest of the filter admits in colour.
fn share_bar(ui: &Ui, row: Rect, [all, admitted]: [f32; 2]) {
    let theme = Theme::of(ui.ctx());
    let track = Rect::from_min_max(pos2(row.left() + SPACE[1], row.bottom() - 3.0), row.max - vec2(SPACE[1], 1.0));
    for (share, colour) in [(all, theme.bar()), (admitted, theme.accent)] {
        let width = track.width() * share.clamp(0.0, 1.0);
        if width > 0.0 {
            ui.painter().rect_filled(Rect::from_min_size(track.min, vec2(width.max(2.0), track.height())), 1, colour);
        }
    }
}

/// What is typed into the list of all values, and which of them contain it.
#[derive(Clone, Default)]
struct ValueSearch {
    typed: String,
    of: Arc<FactCounts>,
    found: Arc<[usize]>,
}

fn all_values(ui: &mut Ui, ctx: &Ctx<'_>, list: &ValueList<'_>, id: Id) {
    let ValueList { of, plural, .. } = *list;
    let library = ctx.state.library();
    let (facts, chosen) = (&library.fact_counts, of.chosen(&library.query.filter));
    let known: Option<ValueSearch> = ui.data(|data| data.get_temp(id));
    let is_new = known.is_none();
    let mut typed = known.as_ref().map(|search| search.typed.clone()).unwrap_or_default();
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::hover());
    let name = format!("Find {plural}");
    let field_id = id.with("field");
    let edit =
        FilterField { id: field_id, rect: row.shrink(2.0), name: &name, hint: &name, limit: 100, is_wrong: false };
    let response = edit.show(ui, &mut typed);
    if is_new {
        response.request_focus();
    }
    // Searched again only when something changed: there may be many values.
    let search = match known.filter(|search| search.typed == typed && Arc::ptr_eq(&search.of, facts)) {
        Some(search) => search,
        None => {
            let wanted = fold(&typed);
            let values = of.values(facts).iter().enumerate();
            let found = values.filter(|(_, value)| fold(&value.text).contains(&wanted)).map(|(at, _)| at).collect();
            ValueSearch { typed, of: Arc::clone(facts), found }
        }
    };
    if search.found.is_empty() {
        super::date_fields::note(ui, "Nothing contains these letters", Theme::of(ui.ctx()).text2);
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical().max_height(LIST_HEIGHT).show_rows(ui, HEIGHT, search.found.len(), |ui, rows| {
        for at in search.found.get(rows).unwrap_or_default() {
            if let Some(value) = of.values(facts).get(*at) {
                value_row(ui, ctx, of, &value.text, &chosen);
            }
        }
    });
    ui.data_mut(|data| data.insert_temp(id, search));
}

/// Five stars; a click on one admits what has at least so many.
fn stars(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let library = ctx.state.library();
    let filter = &library.query.filter;
    let least = filter.min_rating();
    if library.fact_counts.rated(0).is_none() && least.is_none() {
        return;
    }
    section_line(ui);
    histograms::reveal(ui, ctx, &FilterControl::Field(Field::Rating));
    heading(ui, "Rating");
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 28.0), Sense::hover());
    for stars in 1..=5_u8 {
        let left = row.left() + SPACE[0] + 26.0 * f32::from(stars - 1);
        let rect = Rect::from_min_size(pos2(left, row.top() + 1.0), vec2(26.0, 26.0));
        let is_least = least == Some(f64::from(stars));
        let count = library.fact_counts.rated(stars.into()).unwrap_or(0) as u64;
        let is_filled = least.is_some_and(|least| f64::from(stars) <= least);
        if star(ui, rect, stars, is_filled, is_least, count).clicked() {
            send(ctx, filter.with_min_rating((!is_least).then_some(stars)));
        }
    }
    let count = library.fact_counts.rated(least.unwrap_or(1.0).clamp(0.0, 5.0) as usize).unwrap_or(0);
    let right = pos2(row.right() - SPACE[1], row.center().y);
    let count = format::number(count as u64);
    ui.painter().text(right, Align2::RIGHT_CENTER, count, font(text_size::BODY), theme.text3);
    histograms::plot(ui, ctx, &Attribute::Field(Field::Rating));
}

fn star(ui: &Ui, rect: Rect, stars: u8, is_filled: bool, is_least: bool, count: u64) -> Response {
    let theme = Theme::of(ui.ctx());
    let response = ui.interact(rect, ui.scope_id().with(("stars", stars)), Sense::click());
    if response.hovered() {
        ui.painter().rect_filled(rect, RADIUS[0], theme.hovered());
    }
    let square = Rect::from_center_size(rect.center(), vec2(16.0, 16.0));
    if is_filled {
        icons::fill_star(ui.painter(), square, theme.accent);
    }
    icons::paint(ui.painter(), Icon::Star, square, if is_filled { theme.accent } else { theme.text3 });
    focus_ring(ui.painter(), theme, &response, rect, RADIUS[0]);
    let name = format!("At least {}", format::count(stars.into(), "star"));
    let said = format!("{name}, {}", format::number(count));
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_least, &said));
    response.on_hover_text(name)
}

fn place(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let library = ctx.state.library();
    let selected = library.query.filter.requires(Field::Place);
    if library.fact_counts.places().is_none() && !selected {
        return;
    }
    section_line(ui);
    histograms::reveal(ui, ctx, &FilterControl::Field(Field::Place));
    heading(ui, "Place");
    let right = format::number(library.fact_counts.places().unwrap_or(0) as u64);
    let row = PanelRow { lead: Leading::None, name: "Has a place", right: &right, selected, colour: theme.text1 };
    if row.show(ui).clicked() {
        send(ctx, library.query.filter.with_required(Field::Place, !selected));
    }
}

fn send(ctx: &Ctx<'_>, filter: Filter) {
    ctx.send(SearchCommand::SetFilter(filter));
}
