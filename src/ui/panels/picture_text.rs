//! The text that was read in a picture: as a text in the inspector, and as outlines over the picture.

use std::sync::Arc;

use egui::{Label, Rect, RichText, ScrollArea, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::context::Ctx;
use crate::ui::style::font;
use crate::ui::theme::{SPACE, Theme, text_size};
use vicinity_core::{ItemId, PictureText};

/// Characters shown in the inspector.
const SHOWN: usize = 1_500;
/// Height of the text in the inspector, points.
const HEIGHT: f32 = 140.0;
/// The most outlines drawn over a picture.
const MAX_OUTLINES: usize = 2_000;

/// The text of a picture, if any was read.
pub fn of<'a>(ctx: &Ctx<'a>, id: ItemId) -> Option<&'a Arc<PictureText>> {
    ctx.state.library().picture_texts.get(&id).filter(|text| !text.is_empty())
}

/// Draws the text, so that it can be selected and copied.
pub fn show(ui: &mut Ui, text: &PictureText) {
    let theme = Theme::of(ui.ctx());
    let mut words = text.text();
    if let Some((end, _)) = words.char_indices().nth(SHOWN) {
        words.truncate(end);
        words.push('…');
    }
    ScrollArea::vertical().id_salt("text in picture").max_height(HEIGHT).show(ui, |ui| {
        let text = RichText::new(words).font(font(text_size::SMALL)).color(theme.text1);
        ui.add(Label::new(text).wrap().selectable(true));
    });
    ui.add_space(SPACE[1]);
}

/// What is outlined, found once for each picture and query.
#[derive(Default)]
pub struct Outlines {
    of: Option<(Arc<PictureText>, String, bool)>,
    areas: Vec<[f32; 4]>,
}

impl Outlines {
    /// Draws the outlines of all words, or of those that the search names, over a picture in this place.
    pub fn show(&mut self, ui: &Ui, text: &Arc<PictureText>, query: &str, all: bool, picture: Rect) {
        let is_same = |(of, words, every): &(Arc<PictureText>, String, bool)| {
            Arc::ptr_eq(of, text) && words == query && *every == all
        };
        if !self.of.as_ref().is_some_and(is_same) {
            self.areas = areas(text, query, all);
            self.of = Some((Arc::clone(text), query.to_owned(), all));
        }
        let stroke = Stroke::new(2.0, Theme::of(ui.ctx()).hit);
        for [left, top, right, bottom] in &self.areas {
            let at = |x: f32, y: f32| picture.min + vec2(x * picture.width(), y * picture.height());
            let word = Rect::from_min_max(at(*left, *top), at(*right, *bottom)).expand(2.0);
            ui.painter().rect_stroke(word, 2, stroke, StrokeKind::Outside);
        }
    }
}

fn areas(text: &PictureText, query: &str, all: bool) -> Vec<[f32; 4]> {
    let words = if all { text.words.iter().collect() } else { text.matching(query) };
    words.into_iter().take(MAX_OUTLINES).map(|word| word.area).collect()
}

/// Where the button for the outlines is: at the left of `right`, in the middle of `head`.
pub fn button_place(head: Rect, right: f32, width: f32) -> Rect {
    Rect::from_center_size(pos2(right - width / 2.0, head.center().y), vec2(width, 24.0))
}
