//! The preview: one item over the whole centre, with its position in the list and its details; arrows move to the next.

use egui::{Align2, Area, Frame, Id, Order, Rect, ScrollArea, Sense, Stroke, Ui, pos2, vec2};

use super::picture_text::{self, Outlines};
use crate::context::Ctx;
use crate::context::LoadedPreview;
use crate::context::commands::ItemCommand;
use crate::context::format;
use crate::context::listing::NavigationList;
use crate::ui::grid::Direction;
use crate::ui::style::{bold, font};
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use crate::ui::widgets::{buttons, icons::Icon, line, text_width, tile};
use vicinity_core::{Item, ItemId};

/// Height of the header with name and details.
const HEAD: f32 = 56.0;

/// State of the preview.
#[derive(Default)]
pub struct PreviewPanel {
    /// Position of an item in the gallery's list, searched once since the list may be long.
    position: Option<(u64, ItemId, Option<usize>)>,
    /// Whether all words in the picture are outlined, not only those searched for.
    all_words: bool,
    outlines: Outlines,
}

impl PreviewPanel {
    /// Draws the preview over `area` if it is open; returns the direction in which the user moves on.
    pub fn show(&mut self, ui: &Ui, ctx: &Ctx<'_>, area: Rect) -> Option<Direction> {
        let id = ctx.state.library().preview?;
        let item = ctx.state.item(id)?;
        let position = self.position_of(ctx, id);
        let theme = Theme::of(ui.ctx());
        let mut step = None;
        Area::new(Id::unique("large preview")).order(Order::Middle).fixed_pos(area.min).show(ui.ctx(), |ui| {
            let (rect, _) = ui.allocate_exact_size(area.size(), Sense::click());
            ui.painter().rect_filled(rect, 0, theme.map_ground);
            let head = Rect::from_min_size(rect.min, vec2(rect.width(), HEAD));
            self::head(ui, ctx, item, position, head, &mut self.all_words);
            let body = Rect::from_min_max(
                pos2(rect.left() + 48.0, head.bottom()),
                pos2(rect.right() - 48.0, rect.bottom() - SPACE[4]),
            );
            let picture = contents(ui, ctx, id, body);
            if let (Some(picture), Some(text)) = (picture, picture_text::of(ctx, id)) {
                self.outlines.show(ui, text, ctx.state.library().query.text.trim(), self.all_words, picture);
            }
            let (at, of) = position.unwrap_or((0, 0));
            for (x, icon, direction, name, enabled) in [
                (rect.left() + 24.0, Icon::Left, Direction::Left, "Previous", at > 0),
                (rect.right() - 24.0, Icon::Right, Direction::Right, "Next", at + 1 < of),
            ] {
                let position = Rect::from_center_size(pos2(x, rect.center().y), vec2(32.0, 48.0));
                if enabled && buttons::icon_in(ui, icon, name, position).clicked() {
                    step = Some(direction);
                }
            }
        });
        step
    }

    /// Position of an item in the visible list, from 0, and the length of the list.
    fn position_of(&mut self, ctx: &Ctx<'_>, id: ItemId) -> Option<(usize, usize)> {
        let list = ctx.state.navigation_list();
        let at = match list {
            NavigationList::Gallery(listing) => {
                if self.position.is_none_or(|(stamp, of, _)| (stamp, of) != (listing.stamp, id)) {
                    let before = self.position.and_then(|(_, _, at)| at).unwrap_or_default();
                    self.position = Some((listing.stamp, id, list.position(id, before)));
                }
                self.position.and_then(|(_, _, at)| at)
            }
            _ => list.position(id, 0),
        };
        // From a match, only the matches are browsed, not the less similar rest of the list.
        let matching = match list {
            NavigationList::Hits(_) => {
                ctx.state.library().query.result.as_ref().map_or(0, |result| result.matching().len())
            }
            _ => 0,
        };
        at.map(|at| (at, if at < matching { matching } else { list.len() }))
    }
}

/// Name and details at the left, position and score at the right.
fn head(ui: &mut Ui, ctx: &Ctx<'_>, item: &Item, position: Option<(usize, usize)>, head: Rect, all_words: &mut bool) {
    let theme = Theme::of(ui.ctx());
    let close = Rect::from_center_size(pos2(head.right() - 24.0, head.center().y), vec2(28.0, 28.0));
    if buttons::icon_in(ui, Icon::Close, "Close preview", close).clicked() {
        ctx.send(ItemCommand::ClosePreview);
    }
    let position = position.filter(|(_, of)| *of > 1);
    let position =
        position.map(|(at, of)| format!("{} of {}", format::number(at as u64 + 1), format::number(of as u64)));
    let score = ctx.state.score_of(item.id).map(|score| format!("score {}", format::score(score)));
    let mut right_edge = close.left() - SPACE[2];
    if picture_text::of(ctx, item.id).is_some() {
        right_edge = words_button(ui, all_words, head, right_edge) - SPACE[2];
    }
    let parts: Vec<String> = [position, score].into_iter().flatten().collect();
    if !parts.is_empty() {
        let text = parts.join(" · ");
        let galley = ui.painter().layout_no_wrap(text.clone(), font(text_size::BODY), theme.text2);
        let rect = Rect::from_min_size(
            pos2(right_edge - galley.size().x, head.center().y - galley.size().y / 2.0),
            galley.size(),
        );
        ui.painter().galley(rect.min, galley, theme.text2);
        named(ui, rect, "preview place", &text);
        right_edge = rect.left() - SPACE[3];
    }
    let left = head.left() + SPACE[3];
    let name = Rect::from_min_max(pos2(left, head.top() + 8.0), pos2(right_edge, head.top() + 28.0));
    let details = Rect::from_min_max(pos2(left, head.top() + 28.0), pos2(right_edge, head.top() + 46.0));
    let response = named(ui, name, "preview name", &item.name());
    line(ui, name, &item.name(), bold(text_size::BODY), theme.text1, response);
    let text = details_of(ctx, item);
    let response = named(ui, details, "preview facts", &text);
    line(ui, details, &text, font(text_size::SMALL), theme.text2, response);
}

/// The button that outlines all words in the picture; returns its left edge.
fn words_button(ui: &mut Ui, all_words: &mut bool, head: Rect, right: f32) -> f32 {
    let theme = Theme::of(ui.ctx());
    let name = if *all_words { "Hide text outlines" } else { "Outline text" };
    let width = text_width(ui, name, text_size::BODY) + 2.0 * SPACE[1];
    let place = picture_text::button_place(head, right, width);
    let layout = egui::Layout::right_to_left(egui::Align::Center);
    let mut child = ui.new_child(egui::UiBuilder::new().max_rect(place).layout(layout));
    if buttons::quiet(&mut child, name, name, theme.text2).clicked() {
        *all_words = !*all_words;
    }
    place.left()
}

fn named(ui: &Ui, rect: Rect, id: &str, text: &str) -> egui::Response {
    let response = ui.interact(rect, ui.scope_id().with(id), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, text));
    response
}

/// `4,000 × 3,000 · 2.1 MB · 14 Jun 2024, 18:02 · Photos / 2024`.
fn details_of(ctx: &Ctx<'_>, item: &Item) -> String {
    let root = ctx.state.root_of(&item.path);
    let size = item.pixels.map(|[w, h]| format!("{} × {}", format::number(w.into()), format::number(h.into())));
    let details = [
        size,
        Some(format::bytes(item.bytes)),
        Some(format::date(item.modified_ns)),
        Some(format::folder_below(root, &item.path)),
    ];
    details.into_iter().flatten().filter(|fact| !fact.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// Draws the item; returns where its picture is, if it is one.
fn contents(ui: &mut Ui, ctx: &Ctx<'_>, id: ItemId, body: Rect) -> Option<Rect> {
    let theme = Theme::of(ui.ctx());
    match ctx.state.library().previews.get(&id) {
        Some(Ok(LoadedPreview::Picture(texture))) => return Some(fit(ui, texture, body)),
        Some(Ok(LoadedPreview::Text(text))) => page(ui, text, body),
        Some(Err(why)) => {
            let position = Rect::from_center_size(body.center(), vec2(body.width().min(520.0), 60.0));
            ui.scope_builder(egui::UiBuilder::new().max_rect(position), |ui| {
                ui.add(
                    egui::Label::new(egui::RichText::new(why).color(theme.text2)).wrap().halign(egui::Align::Center),
                );
            });
        }
        None => match ctx.thumbnail(id).flatten() {
            Some(texture) => return Some(fit(ui, texture, body)),
            None => {
                let loading = "Loading…";
                ui.painter().text(body.center(), Align2::CENTER_CENTER, loading, font(text_size::BODY), theme.text3);
            }
        },
    }
    None
}

fn fit(ui: &Ui, texture: &egui::TextureHandle, available: Rect) -> Rect {
    let size = texture.size_vec2();
    let scale = (available.width() / size.x).min(available.height() / size.y).min(3.0);
    let rect = Rect::from_center_size(available.center(), size * scale);
    tile::cover(ui, texture, rect, RADIUS[0]);
    // An edge, where the image has the colour of the background.
    ui.painter().rect_stroke(rect, RADIUS[0], Stroke::new(1.0, Theme::of(ui.ctx()).line), egui::StrokeKind::Outside);
    rect
}

fn page(ui: &mut Ui, text: &str, available: Rect) {
    let theme = Theme::of(ui.ctx());
    let width = available.width().min(720.0);
    let page = Rect::from_center_size(available.center(), vec2(width, available.height()));
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
