//! The centre as a gallery: the hits, the selection, or everything, in justified rows.

use std::sync::Arc;

use egui::{Align2, Rect, ScrollArea, Sense, Slider, Ui, pos2, vec2};

use crate::context::{Ctx, SystemCommand};
use crate::ui::grid::Grid;
use crate::ui::map::colours::Same;
use crate::ui::style::{bold, font};
use crate::ui::theme::{SPACE, Theme, text_size};
use crate::ui::widgets::tile;
use crate::ui::words;
use vicinity_core::{Filter, Item, ItemId, Modality, SearchResult};

const HEAD: f32 = 40.0;

/// What the gallery shows.
#[derive(Debug, Clone, PartialEq)]
enum Source {
    /// The hits of a search. The answer is held: the address of one that is gone may be that of the next.
    Hits(Same<SearchResult>),
    /// Several selected items.
    Selection,
    /// Everything the filter lets through.
    Everything(u64, u64, Filter),
}

/// What the gallery remembers between frames.
#[derive(Default)]
pub struct Gallery {
    source: Option<Source>,
    /// The items shown, in order.
    pub items: Vec<ItemId>,
    scores: Vec<f32>,
    shape: (f32, f32),
    /// Where they lie.
    pub grid: Grid,
    /// The entry to bring into view.
    pub scroll_to: Option<usize>,
}

impl Gallery {
    /// Draws it.
    pub fn show(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let changed = self.collect(ctx);
        let area = ui.max_rect();
        let head = Rect::from_min_size(area.min, vec2(area.width(), HEAD));
        self.head(ui, ctx, head);
        let body =
            Rect::from_min_max(pos2(area.left() + SPACE[2], head.bottom()), pos2(area.right() - 4.0, area.bottom()));
        if self.items.is_empty() {
            let theme = Theme::of(ui.ctx());
            ui.painter().text(
                body.center(),
                Align2::CENTER_CENTER,
                "Nothing to show here yet",
                font(text_size::BODY),
                theme.text2,
            );
            return;
        }
        ui.scope_builder(egui::UiBuilder::new().max_rect(body), |ui| self.tiles(ui, ctx, changed));
    }

    /// Brings the list up to date; returns whether it changed.
    fn collect(&mut self, ctx: &Ctx<'_>) -> bool {
        let state = ctx.state;
        let Some(snapshot) = &state.snapshot else {
            return std::mem::take(&mut self.items).len() + std::mem::take(&mut self.scores).len() > 0;
        };
        let hits = state.query.result.as_ref().filter(|_| !state.query.is_empty());
        let source = match hits {
            Some(result) => Source::Hits(Same(Arc::clone(result))),
            None if state.selection.items.len() > 1 => Source::Selection,
            None => Source::Everything(snapshot.epoch(), snapshot.generation(), state.query.filter.clone()),
        };
        let same = match &source {
            Source::Selection => self.source == Some(Source::Selection) && self.same_selection(&state.selection.items),
            other => self.source.as_ref() == Some(other),
        };
        if same {
            return false;
        }
        self.scores.clear();
        match (&source, hits) {
            (Source::Hits(_), Some(result)) => {
                self.items = result.hits.iter().map(|h| h.item).collect();
                self.scores = result.hits.iter().map(|h| h.score).collect();
            }
            (Source::Selection, _) => self.items.clone_from(&state.selection.items),
            _ => {
                let filter = &state.query.filter;
                self.items = snapshot.items().filter(|i| passes(i, filter)).map(|i| i.id).collect();
            }
        }
        self.source = Some(source);
        true
    }

    /// The same items in whatever order: a click brings one to the front.
    fn same_selection(&self, selected: &[ItemId]) -> bool {
        self.items.len() == selected.len() && {
            let (mut a, mut b) = (self.items.clone(), selected.to_vec());
            a.sort_unstable();
            b.sort_unstable();
            a == b
        }
    }

    fn head(&self, ui: &mut Ui, ctx: &Ctx<'_>, head: Rect) {
        let theme = Theme::of(ui.ctx());
        let number = words::number(self.items.len() as u64);
        let what = match &self.source {
            Some(Source::Hits(_)) => format!("{number} best hits"),
            Some(Source::Selection) => format!("{number} selected"),
            _ => match &ctx.state.query.filter.folder {
                Some(folder) => format!("{} · {number}", words::file_name(folder)),
                None => format!("Everything · {number}"),
            },
        };
        let at = pos2(head.left() + SPACE[2], head.center().y);
        ui.painter().text(at, Align2::LEFT_CENTER, what, bold(text_size::BODY), theme.text1);
        let place =
            Rect::from_min_max(pos2(head.right() - 160.0, head.top() + 8.0), head.right_bottom() - vec2(SPACE[2], 8.0));
        let mut height = ctx.state.gallery_height;
        let mut child = ui
            .new_child(egui::UiBuilder::new().max_rect(place).layout(egui::Layout::right_to_left(egui::Align::Center)));
        child.spacing_mut().slider_width = 110.0;
        let response =
            child.add(Slider::new(&mut height, 72.0..=320.0).show_value(false)).accessible_name("Size of the pictures");
        if response.changed() {
            ctx.send(SystemCommand::SetGalleryHeight(height));
        }
    }

    fn tiles(&mut self, ui: &mut Ui, ctx: &Ctx<'_>, changed: bool) {
        let Some(snapshot) = &ctx.state.snapshot else { return };
        let marked = tile::words_to_mark(&ctx.state.query.text);
        let area = ScrollArea::vertical().id_salt("gallery").auto_shrink(false).content_margin(egui::Margin {
            left: 3,
            right: 8,
            top: 3,
            bottom: 8,
        });
        let several = matches!(self.source, Some(Source::Selection));
        area.show_viewport(ui, |ui, view| {
            let shape = (ui.available_width().round(), ctx.state.gallery_height);
            if changed || self.shape != shape {
                self.shape = shape;
                let shapes = self.items.iter().map(|id| snapshot.get(*id).map_or(1.0, width_by_height));
                self.grid = Grid::justified(shapes, shape.0, shape.1);
            }
            let (canvas, _) = ui.allocate_exact_size(vec2(shape.0, self.grid.height), Sense::hover());
            if let Some(rect) = self.scroll_to.take().and_then(|i| self.grid.rect_of(i)) {
                ui.scroll_to_rect(rect.translate(canvas.min.to_vec2()).expand(6.0), None);
            }
            self.fetch_ahead(ctx, view);
            for cell in self.grid.between(view.top() - 60.0, view.bottom() + 60.0) {
                let Some(item) = self.items.get(cell.index).and_then(|id| snapshot.get(*id)) else { continue };
                let score = self.scores.get(cell.index).copied();
                let rect = cell.rect.translate(canvas.min.to_vec2());
                let response = tile::Tile { item, score, marked: &marked }.show(ui, ctx, rect, "tile");
                if several && response.clicked() && ui.input(|i| i.modifiers.is_none()) {
                    // The selection is what is shown: a click brings one to the fore instead of dropping the others.
                    let mut items = ctx.state.selection.items.clone();
                    items.retain(|id| *id != item.id);
                    items.insert(0, item.id);
                    ctx.send(SystemCommand::Select(items));
                } else {
                    tile::on_click(ui, ctx, &response, item.id, SystemCommand::Select(vec![item.id]));
                }
            }
        });
    }
}

/// Screens on either side whose thumbnails are fetched ahead.
const AHEAD: f32 = 1.0;

impl Gallery {
    /// Asks for the thumbnails of the next screen and of the one before, so that scrolling finds them there.
    fn fetch_ahead(&self, ctx: &Ctx<'_>, view: Rect) {
        let screens = AHEAD * view.height();
        let below = self.grid.between(view.bottom(), view.bottom() + screens);
        let above = self.grid.between(view.top() - screens, view.top());
        for cell in below.iter().chain(above.iter().rev()) {
            self.items.get(cell.index).into_iter().for_each(|id| ctx.commands.thumbnail_soon(*id));
        }
    }
}

fn width_by_height(item: &Item) -> f32 {
    match (item.modality, item.pixels) {
        (Modality::Image, Some([width, height])) if height > 0 => width as f32 / height as f32,
        (Modality::Image, _) => 1.33,
        (Modality::Text, _) => 1.7,
    }
}

/// Whether the filter lets an item through.
pub fn passes(item: &Item, filter: &Filter) -> bool {
    filter.modality.is_none_or(|m| m == item.modality)
        && filter.folder.as_ref().is_none_or(|folder| item.path.starts_with(folder))
}
