//! Queries to try: those that the open collection answers well, with what they find.

use crate::context::Ctx;
use crate::context::commands::{SearchCommand, SearchTiming};
use crate::ui::style::{bold, font};
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use crate::ui::widgets::{focus_ring, icons, icons::Icon, line, tile};
use egui::{Rect, Sense, Stroke, StrokeKind, Ui, WidgetInfo, accesskit::Role, pos2, vec2};
use vicinity_core::{ItemId, Modality};

/// Height of a suggestion, points.
const ROW: f32 = 44.0;
/// Side of an image, points.
const SIDE: f32 = 36.0;
/// Images per suggestion; one fewer if the panel is narrower than [`NARROW`].
const PICTURES: usize = 3;
/// Width of the panel in points below which the text needs the space of an image.
const NARROW: f32 = 280.0;

/// Draws the suggestions; nothing before they are known.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>) {
    let suggestions = &ctx.state.library().suggestions;
    if suggestions.is_empty() {
        return;
    }
    let theme = Theme::of(ui.ctx());
    ui.add_space(SPACE[0]);
    ui.label(egui::RichText::new("Try").font(bold(text_size::SMALL)).color(theme.text2));
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        for suggestion in suggestions.iter() {
            row(ui, ctx, &suggestion.text, &suggestion.items);
        }
    });
    ui.add_space(SPACE[0]);
}

fn row(ui: &mut Ui, ctx: &Ctx<'_>, text: &str, items: &[ItemId]) {
    let theme = Theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    if response.hovered() {
        ui.painter().rect_filled(rect, RADIUS[1] - 2, theme.raised);
    }
    let mut right = rect.right() - SPACE[0];
    let max_images = if rect.width() < NARROW { PICTURES - 1 } else { PICTURES };
    // An image says more than the icon for a text.
    let is_text = |id: &&ItemId| ctx.state.item(**id).is_none_or(|item| item.modality == Modality::Text);
    let (texts, mut shown): (Vec<&ItemId>, Vec<&ItemId>) = items.iter().partition(is_text);
    shown.extend(texts);
    for id in shown.into_iter().take(max_images).rev() {
        let place = Rect::from_min_size(pos2(right - SIDE, rect.center().y - SIDE / 2.0), vec2(SIDE, SIDE));
        thumbnail(ui, ctx, *id, place);
        right = place.left() - SPACE[0];
    }
    icons::paint_at(ui.painter(), Icon::Search, pos2(rect.left() + 16.0, rect.center().y), theme.text3);
    let text_rect = Rect::from_min_max(pos2(rect.left() + 32.0, rect.top()), pos2(right - SPACE[0], rect.bottom()));
    focus_ring(ui.painter(), theme, &response, rect, RADIUS[1] - 2);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Search for {text}")));
    let response = line(ui, text_rect, text, font(text_size::BODY), theme.text1, response);
    if response.clicked() {
        ctx.send(SearchCommand::SetText(text.to_owned(), SearchTiming::Now));
    }
}

fn thumbnail(ui: &Ui, ctx: &Ctx<'_>, id: ItemId, rect: Rect) {
    let theme = Theme::of(ui.ctx());
    let picture = ctx.state.item(id).is_some_and(|item| item.modality == Modality::Image);
    match ctx.thumbnail(id).flatten().filter(|_| picture) {
        Some(texture) => tile::cover(ui, texture, rect, RADIUS[0]),
        None => {
            ui.painter().rect(rect, RADIUS[0], theme.raised, Stroke::new(1.0, theme.line), StrokeKind::Inside);
            if !picture {
                // Lines of text.
                for (i, share) in [0.7, 0.9, 0.5].into_iter().enumerate() {
                    let y = rect.top() + 11.0 + 7.0 * i as f32;
                    let left = rect.left() + 7.0;
                    ui.painter().hline(left..=left + (SIDE - 14.0) * share, y, Stroke::new(1.5, theme.texts));
                }
            }
        }
    }
}
