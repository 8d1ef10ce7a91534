//! One item of a gallery: an image with its score, or a card with a snippet of the text.

use egui::text::{LayoutJob, TextFormat};
use egui::{
    Align2, Modifiers, Rect, Response, Sense, Stroke, StrokeKind, TextureHandle, Ui, WidgetInfo, accesskit::Role, pos2,
    vec2,
};

use super::{focus_ring, lines, one_line};
use crate::context::Ctx;
use crate::context::commands::{Action, Command, ItemAction, ItemCommand, SearchAction, SearchCommand};
use crate::context::format;
use crate::ui::style::{bold, font};
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use vicinity_core::{Item, ItemId, Modality, Part};

/// From this width a tile has room for the words that say why it was found, points.
const TEXT_BADGE: f32 = 110.0;

/// A tile of the gallery or of the results.
pub struct Tile<'a> {
    /// The item shown.
    pub item: &'a Item,
    /// Similarity to the query.
    pub score: Option<f32>,
    /// Words to highlight in a text.
    pub marked: &'a [String],
}

impl Tile<'_> {
    /// Draws the tile into `rect`, with its context menu.
    pub fn show(self, ui: &Ui, ctx: &Ctx<'_>, rect: Rect, salt: &str) -> Response {
        let theme = Theme::of(ui.ctx());
        let id = self.item.id;
        let response = ui.interact(rect, ui.scope_id().with((salt, id.0)), Sense::click_and_drag());
        match self.item.modality {
            Modality::Image => self.picture(ui, ctx, rect),
            Modality::Text => self.card(ui, rect, response.hovered()),
        }
        if ctx.state.library().selection.set.contains(&id) {
            let stroke = Stroke::new(2.0, theme.accent);
            ui.painter().rect_stroke(rect.expand(1.0), RADIUS[1] - 1, stroke, StrokeKind::Outside);
        } else if response.hovered() {
            ui.painter().rect_stroke(rect, RADIUS[1] - 2, Stroke::new(1.0, theme.text3), StrokeKind::Outside);
        }
        // The pointer is on it, here or on the map.
        if ctx.state.library().hover == Some(id) && !response.hovered() {
            ui.painter().rect_stroke(rect.expand(3.0), RADIUS[1], Stroke::new(2.0, theme.text1), StrokeKind::Inside);
        }
        focus_ring(ui.painter(), theme, &response, rect, RADIUS[1] - 2);
        let mut name = match self.score {
            Some(score) => format!("{}, score {}", self.item.name(), format::score(score)),
            None => self.item.name(),
        };
        if is_text_hit(ctx, id) {
            name.push_str(", text in picture");
        }
        let chosen = ctx.state.library().selection.set.contains(&id);
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, &name));
        context_menu(&response, ctx, self.item);
        if response.hovered() {
            ctx.commands.hover_item(id);
        }
        // Images show no name, and that of a card may be truncated. The preview covers the tiles behind it.
        let covered = response.context_menu_opened() || ctx.state.library().preview.is_some();
        if covered { response } else { response.on_hover_text(self.item.name()) }
    }

    fn picture(&self, ui: &Ui, ctx: &Ctx<'_>, rect: Rect) {
        let theme = Theme::of(ui.ctx());
        match ctx.thumbnail(self.item.id) {
            Some(Some(texture)) => {
                cover(ui, texture, rect, RADIUS[1] - 2);
                // Paper is as white as the window.
                if self.item.part.and_then(Part::page).is_some() {
                    ui.painter().rect_stroke(rect, RADIUS[1] - 2, Stroke::new(1.0, theme.line), StrokeKind::Inside);
                }
            }
            Some(None) => {
                ui.painter().rect_filled(rect, RADIUS[1] - 2, theme.raised);
                let galley =
                    one_line(ui, self.item.name(), font(text_size::SMALL), theme.text2, rect.width() - SPACE[2]);
                ui.painter().galley(rect.center() - galley.size() / 2.0, galley, theme.text2);
            }
            None => _ = ui.painter().rect_filled(rect, RADIUS[1] - 2, theme.raised),
        }
        if let Some(score) = self.score {
            badge(ui, rect, &format::score(score), Align2::RIGHT_BOTTOM);
        }
        if is_text_hit(ctx, self.item.id) {
            // In a small tile there is room for one word.
            let words = if rect.width() < TEXT_BADGE { "text" } else { "text in picture" };
            badge(ui, rect, words, Align2::LEFT_TOP);
        }
    }

    fn card(&self, ui: &Ui, rect: Rect, hovered: bool) {
        let theme = Theme::of(ui.ctx());
        let fill = if hovered { theme.raised } else { theme.panel };
        ui.painter().rect(rect, RADIUS[1] - 2, fill, Stroke::new(1.0, theme.line), StrokeKind::Inside);
        let inner = rect.shrink2(vec2(10.0, 8.0));
        let mut right = 0.0;
        if let Some(score) = self.score {
            let at = pos2(inner.right(), inner.top() + 8.0);
            right = ui
                .painter()
                .text(at, Align2::RIGHT_CENTER, format::score(score), font(text_size::SMALL), theme.text2)
                .width()
                + SPACE[1];
        }
        let title = one_line(ui, self.item.name(), bold(text_size::BODY), theme.text1, inner.width() - right);
        let top = inner.top() + title.size().y + 2.0;
        ui.painter().galley(inner.min, title, theme.text1);
        let snippet = self.item.snippet.as_deref().unwrap_or_default();
        let rows = (((inner.bottom() - top) / 16.0) as usize).max(1);
        let galley = lines(ui, highlighted_snippet(snippet, self.marked, theme), inner.width(), rows);
        ui.painter().galley(pos2(inner.left(), top), galley, theme.text2);
    }
}

/// Handles a click on an item: sends `plain`, or with Ctrl/Cmd adds it to the selection; a double click opens it.
pub fn on_click(ui: &Ui, ctx: &Ctx<'_>, response: &Response, id: ItemId, plain: ItemCommand) {
    if response.double_clicked() {
        ctx.send(ItemCommand::OpenPreview(id));
    } else if response.clicked() {
        let Modifiers { command, shift, .. } = ui.input(|i| i.modifiers);
        if command || shift {
            ctx.send(ItemCommand::Toggle(id));
        } else {
            ctx.send(plain);
        }
    }
}

/// The divider between the hits that match and the others.
pub fn less_similar_divider(ui: &Ui, rect: Rect) {
    let theme = Theme::of(ui.ctx());
    let at = pos2(rect.left(), rect.center().y);
    let text = ui.painter().text(at, Align2::LEFT_CENTER, "Less similar", font(text_size::SMALL), theme.text2);
    ui.painter().hline(text.right() + SPACE[1]..=rect.right(), rect.center().y, Stroke::new(1.0, theme.line));
    let response = ui.interact(rect, ui.scope_id().with("less similar"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, "Less similar"));
}

/// Paints `texture` so that it fills `rect`, cropped at the sides or at top and bottom.
pub fn cover(ui: &Ui, texture: &TextureHandle, rect: Rect, radius: u8) {
    let size = texture.size_vec2();
    let scale = (rect.width() / size.x).max(rect.height() / size.y);
    let seen = (rect.size() / (size * scale)).min(egui::Vec2::splat(1.0));
    let uv = Rect::from_center_size(pos2(0.5, 0.5), seen);
    egui::Image::from_texture((texture.id(), size)).uv(uv).corner_radius(radius).paint_at(ui, rect);
}

/// Whether the words searched for were read in a picture.
fn is_text_hit(ctx: &Ctx<'_>, id: ItemId) -> bool {
    ctx.state.library().query.is_in_picture(id)
}

/// A few words on a picture, in the corner that `corner` names.
fn badge(ui: &Ui, rect: Rect, text: &str, corner: Align2) {
    let theme = Theme::of(ui.ctx());
    let galley = ui.painter().layout_no_wrap(text.to_owned(), font(text_size::SMALL - 0.5), theme.on_badge());
    let size = galley.size() + vec2(10.0, 3.0);
    let place = corner.align_size_within_rect(size, rect.shrink(6.0));
    ui.painter().rect_filled(place, RADIUS[0], theme.badge());
    ui.painter().galley(place.center() - galley.size() / 2.0, galley, theme.on_badge());
}

fn context_menu(response: &Response, ctx: &Ctx<'_>, item: &Item) {
    response.context_menu(|ui| {
        let mut row = |action: Action, sent: Command| {
            if super::buttons::menu_row(ui, action.info().text, "").clicked() {
                ctx.send(sent);
                ui.close();
            }
        };
        row(SearchAction::BySelection.into(), SearchCommand::AddPart(vicinity_core::QueryPart::Item(item.id)).into());
        row(ItemAction::Reveal.into(), ItemCommand::Reveal(item.id).into());
        row(ItemAction::CopyPath.into(), ItemCommand::CopyPath(item.id).into());
        for action in [ItemAction::ExportSelection, ItemAction::CopyFiles] {
            if super::buttons::menu_row(ui, action.info().text, "").clicked() {
                // What is clicked is exported: all that is selected, or else this item.
                if !ctx.state.library().selection.set.contains(&item.id) {
                    ctx.send(ItemCommand::Select(vec![item.id]));
                }
                ctx.send(action);
                ui.close();
            }
        }
        if super::buttons::menu_row(ui, "Preview", "Space").clicked() {
            ctx.send(ItemCommand::OpenPreview(item.id));
            ui.close();
        }
    });
}

/// Words too common to be worth highlighting.
const UNMARKED: [&str; 24] = [
    "and", "are", "but", "for", "from", "has", "her", "his", "into", "its", "near", "not", "off", "onto", "out",
    "over", "that", "the", "their", "this", "under", "was", "with", "you",
];

/// The words of a query to highlight in a text.
pub fn words_to_highlight(query: &str) -> Vec<String> {
    let words = query.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    words.filter(|w| w.chars().count() > 2 && !UNMARKED.contains(&w.as_str())).collect()
}

/// The part of `text` around the first highlighted word.
fn highlighted_snippet(text: &str, marked: &[String], theme: &Theme) -> LayoutJob {
    let plain = TextFormat { line_height: Some(16.0), ..TextFormat::simple(font(text_size::SMALL), theme.text2) };
    let hit = TextFormat { line_height: Some(16.0), ..TextFormat::simple(bold(text_size::SMALL), theme.hit) };
    let spans = spans(text, marked);
    let first = spans.iter().find(|s| s.2).map_or(0, |s| s.0);
    let start = if first > 48 { text[..first].char_indices().rev().nth(36).map_or(0, |(i, _)| i) } else { 0 };
    let start = if start > 0 { text[start..].find(' ').map_or(start, |i| start + i + 1) } else { 0 };
    let mut job = LayoutJob::default();
    if start > 0 {
        job.append("… ", 0.0, plain.clone());
    }
    for (from, to, is_hit) in spans {
        if to > start {
            job.append(&text[from.max(start)..to], 0.0, if is_hit { hit.clone() } else { plain.clone() });
        }
    }
    job
}

/// Splits `text` into runs (from, to, is a highlighted word), without gaps.
fn spans(text: &str, marked: &[String]) -> Vec<(usize, usize, bool)> {
    let mut spans: Vec<(usize, usize, bool)> = Vec::new();
    let mut push = |from: usize, to: usize, hit: bool| match spans.last_mut() {
        Some(last) if last.2 == hit && !hit => last.1 = to,
        _ => spans.push((from, to, hit)),
    };
    let mut from = 0;
    while from < text.len() {
        let word = text[from..].chars().next().is_some_and(char::is_alphanumeric);
        let to = text[from..].find(|c: char| c.is_alphanumeric() != word).map_or(text.len(), |i| from + i);
        let lower = text[from..to].to_lowercase();
        push(from, to, word && marked.iter().any(|m| same_word(&lower, m)));
        from = to;
    }
    spans
}

/// Whether two words are equal, or one is the other with a short ending (`ball`, `balls`).
fn same_word(a: &str, b: &str) -> bool {
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    long.starts_with(short) && long.len() - short.len() <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_the_words_asked_for_and_loses_no_letter() {
        let text = "Keep your eyes on the Balls, small and white.";
        let marked = words_to_highlight("a tiny white ball");
        let spans = spans(text, &marked);
        let hits: Vec<_> = spans.iter().filter(|s| s.2).map(|s| &text[s.0..s.1]).collect();
        assert_eq!(hits, ["Balls", "white"]);
        assert_eq!(spans.iter().map(|s| &text[s.0..s.1]).collect::<String>(), text);
    }

    #[test]
    fn starts_near_the_first_marked_word() {
        let text = format!("{} needle {}", "hay ".repeat(60), "hay ".repeat(60));
        let job = highlighted_snippet(&text, &["needle".to_owned()], &crate::ui::theme::DARK);
        let at = job.text.find("needle").expect("shown");
        assert!(job.text.starts_with('…') && at < 60, "{at} in {}", job.text);
    }
}
