//! The large preview: one item over the whole centre, with its place in the list and its facts; arrows lead to the next.

use egui::{Align2, Area, Frame, Id, Order, Rect, ScrollArea, Sense, Stroke, Ui, pos2, vec2};

use crate::context::LoadedPreview;
use crate::context::listing::NavigationList;
use crate::context::{Ctx, SystemCommand};
use crate::ui::format;
use crate::ui::grid::Direction;
use crate::ui::style::{bold, font};
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use crate::ui::widgets::{buttons, icons::Icon, line, tile};
use vicinity_core::{Item, ItemId};

/// Height of the head: name and facts.
const HEAD: f32 = 56.0;

/// What it remembers between frames.
#[derive(Default)]
pub struct PreviewPanel {
    /// Where an item stands in a list of the gallery: looked for once, as that may be long.
    place: Option<(u64, ItemId, Option<usize>)>,
}

impl PreviewPanel {
    /// Draws it over `area` where it is open; returns where the user wants to go.
    pub fn show(&mut self, ui: &Ui, ctx: &Ctx<'_>, area: Rect) -> Option<Direction> {
        let id = ctx.state.library().preview?;
        let item = ctx.state.item(id)?;
        let place = self.place_of(ctx, id);
        let theme = Theme::of(ui.ctx());
        let mut step = None;
        Area::new(Id::unique("large preview")).order(Order::Middle).fixed_pos(area.min).show(ui.ctx(), |ui| {
            let (rect, _) = ui.allocate_exact_size(area.size(), Sense::click());
            ui.painter().rect_filled(rect, 0, theme.map_ground);
            let head = Rect::from_min_size(rect.min, vec2(rect.width(), HEAD));
            self::head(ui, ctx, item, place, head);
            let body = Rect::from_min_max(
                pos2(rect.left() + 48.0, head.bottom()),
                pos2(rect.right() - 48.0, rect.bottom() - SPACE[4]),
            );
            contents(ui, ctx, id, body);
            let (at, of) = place.unwrap_or((0, 0));
            for (x, icon, way, name, leads) in [
                (rect.left() + 24.0, Icon::Left, Direction::Left, "Previous", at > 0),
                (rect.right() - 24.0, Icon::Right, Direction::Right, "Next", at + 1 < of),
            ] {
                let place = Rect::from_center_size(pos2(x, rect.center().y), vec2(32.0, 48.0));
                if leads && buttons::icon_in(ui, icon, name, place).clicked() {
                    step = Some(way);
                }
            }
        });
        step
    }

    /// The place of an item in the list in sight, from 0, and the length of the list.
    fn place_of(&mut self, ctx: &Ctx<'_>, id: ItemId) -> Option<(usize, usize)> {
        let list = ctx.state.navigation_list();
        let at = match list {
            NavigationList::Gallery(listing) => {
                if self.place.is_none_or(|(stamp, of, _)| (stamp, of) != (listing.stamp, id)) {
                    self.place = Some((listing.stamp, id, list.position(id)));
                }
                self.place.and_then(|(_, _, at)| at)
            }
            _ => list.position(id),
        };
        // Among the hits that match, those are what is walked through; the rest of the list is only near.
        let matching = match list {
            NavigationList::Hits(_) => {
                ctx.state.library().query.result.as_ref().map_or(0, |result| result.matching().len())
            }
            _ => 0,
        };
        at.map(|at| (at, if at < matching { matching } else { list.len() }))
    }
}

/// Name and facts at the left, place and score at the right.
fn head(ui: &mut Ui, ctx: &Ctx<'_>, item: &Item, place: Option<(usize, usize)>, head: Rect) {
    let theme = Theme::of(ui.ctx());
    let close = Rect::from_center_size(pos2(head.right() - 24.0, head.center().y), vec2(28.0, 28.0));
    if buttons::icon_in(ui, Icon::Close, "Close preview", close).clicked() {
        ctx.send(SystemCommand::ClosePreview);
    }
    let place = place.filter(|(_, of)| *of > 1);
    let place = place.map(|(at, of)| format!("{} of {}", format::number(at as u64 + 1), format::number(of as u64)));
    let score = ctx.state.score_of(item.id).map(|score| format!("score {}", format::score(score)));
    let mut left_of = close.left() - SPACE[2];
    let beside: Vec<String> = [place, score].into_iter().flatten().collect();
    if !beside.is_empty() {
        let text = beside.join(" · ");
        let galley = ui.painter().layout_no_wrap(text.clone(), font(text_size::BODY), theme.text2);
        let rect = Rect::from_min_size(
            pos2(left_of - galley.size().x, head.center().y - galley.size().y / 2.0),
            galley.size(),
        );
        ui.painter().galley(rect.min, galley, theme.text2);
        named(ui, rect, "preview place", &text);
        left_of = rect.left() - SPACE[3];
    }
    let left = head.left() + SPACE[3];
    let name = Rect::from_min_max(pos2(left, head.top() + 8.0), pos2(left_of, head.top() + 28.0));
    let facts = Rect::from_min_max(pos2(left, head.top() + 28.0), pos2(left_of, head.top() + 46.0));
    let response = named(ui, name, "preview name", &item.name());
    line(ui, name, &item.name(), bold(text_size::BODY), theme.text1, response);
    let text = facts_of(ctx, item);
    let response = named(ui, facts, "preview facts", &text);
    line(ui, facts, &text, font(text_size::SMALL), theme.text2, response);
}

fn named(ui: &Ui, rect: Rect, id: &str, text: &str) -> egui::Response {
    let response = ui.interact(rect, ui.scope_id().with(id), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, text));
    response
}

/// `4,000 × 3,000 · 2.1 MB · 14 Jun 2024, 18:02 · Photos / 2024`.
fn facts_of(ctx: &Ctx<'_>, item: &Item) -> String {
    let root = ctx.state.root_of(&item.path);
    let size = item.pixels.map(|[w, h]| format!("{} × {}", format::number(w.into()), format::number(h.into())));
    let facts = [
        size,
        Some(format::bytes(item.bytes)),
        Some(format::date(item.modified_ns)),
        Some(format::folder_below(root, &item.path)),
    ];
    facts.into_iter().flatten().filter(|fact| !fact.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn contents(ui: &mut Ui, ctx: &Ctx<'_>, id: ItemId, body: Rect) {
    let theme = Theme::of(ui.ctx());
    match ctx.state.library().previews.get(&id) {
        Some(Ok(LoadedPreview::Picture(texture))) => fit(ui, texture, body),
        Some(Ok(LoadedPreview::Text(text))) => page(ui, text, body),
        Some(Err(why)) => {
            let place = Rect::from_center_size(body.center(), vec2(body.width().min(520.0), 60.0));
            ui.scope_builder(egui::UiBuilder::new().max_rect(place), |ui| {
                ui.add(
                    egui::Label::new(egui::RichText::new(why).color(theme.text2)).wrap().halign(egui::Align::Center),
                );
            });
        }
        None => match ctx.thumbnail(id).flatten() {
            Some(texture) => fit(ui, texture, body),
            None => {
                let loading = "Loading…";
                ui.painter().text(body.center(), Align2::CENTER_CENTER, loading, font(text_size::BODY), theme.text3);
            }
        },
    }
}

fn fit(ui: &Ui, texture: &egui::TextureHandle, room: Rect) {
    let size = texture.size_vec2();
    let scale = (room.width() / size.x).min(room.height() / size.y).min(3.0);
    tile::cover(ui, texture, Rect::from_center_size(room.center(), size * scale), RADIUS[0]);
}

fn page(ui: &mut Ui, text: &str, room: Rect) {
    let theme = Theme::of(ui.ctx());
    let width = room.width().min(720.0);
    let page = Rect::from_center_size(room.center(), vec2(width, room.height()));
    ui.scope_builder(egui::UiBuilder::new().max_rect(page), |ui| {
        Frame::new()
            .fill(theme.panel)
            .stroke(Stroke::new(1.0, theme.line))
            .corner_radius(RADIUS[1])
            .inner_margin(SPACE[4])
            .show(ui, |ui| {
                ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                    let words = egui::RichText::new(text).font(font(text_size::SEARCH)).color(theme.text1);
                    ui.add(egui::Label::new(words).wrap().selectable(true));
                });
            });
    });
}
