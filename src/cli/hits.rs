//! What commands that list items have in common.

use serde::Serialize;

use super::output::{JsonPath, print_error};
use vicinity_core::format::number;
use vicinity_core::{Item, Modality, Part, PictureText};
use vicinity_engine::{Engine, Snapshot};

/// Says so if a condition cannot know everything about the images.
pub fn report_unread_facts(snapshot: &Snapshot) {
    // Pages of documents and frames of videos have none of their own.
    let is_photo = |item: &Item| item.modality == Modality::Image && item.part.is_none();
    let images = snapshot.items().enumerate().filter(|(_, item)| is_photo(item));
    let unread = images.filter(|(row, _)| snapshot.photo(*row).is_none()).count();
    if unread > 0 {
        let images = format!("{} image{}", number(unread as u64), if unread == 1 { "" } else { "s" });
        print_error(&format!("The metadata of {images} has not been read yet; `vicinity index` reads it"));
    }
}

/// The path of an item, with the part that it is, if any.
pub fn location(item: &Item) -> String {
    match item.part {
        Some(part) => format!("{}{part}", item.path.display()),
        None => item.path.display().to_string(),
    }
}

/// What a line of JSON says of an item.
#[derive(Serialize)]
pub struct ItemFields<'a> {
    modality: Modality,
    #[serde(flatten)]
    path: JsonPath,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snippet: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_in_picture: Option<TextInPicture>,
}

impl<'a> ItemFields<'a> {
    /// Of an item, with the words of the query in it.
    pub fn new(item: &'a Item, text_in_picture: Option<TextInPicture>) -> Self {
        Self {
            modality: item.modality,
            path: JsonPath::from(&*item.path),
            row: item.part.and_then(Part::row),
            page: item.part.and_then(Part::page),
            frame: item.part.and_then(Part::frame),
            seconds: item.part.and_then(Part::seconds),
            snippet: item.snippet.as_deref(),
            text_in_picture,
        }
    }
}

/// The words of a query that were read in a picture, and where they are.
#[derive(Serialize)]
pub struct TextInPicture {
    /// As they were read.
    words: Vec<String>,
    /// Left, top, right and bottom of each, as fractions of the picture's width and height.
    boxes: Vec<[f32; 4]>,
}

impl TextInPicture {
    /// Of a picture that contains all words of a query.
    pub fn with_all_words(engine: &Engine, item: &Item, query: &str) -> Option<Self> {
        Self::of(engine, item, query, |text| text.contains_all(query))
    }

    /// Of a picture that contains any.
    pub fn with_any_word(engine: &Engine, item: &Item, query: &str) -> Option<Self> {
        Self::of(engine, item, query, |_| true)
    }

    fn of(engine: &Engine, item: &Item, query: &str, wanted: impl Fn(&PictureText) -> bool) -> Option<Self> {
        if item.modality != Modality::Image || query.is_empty() {
            return None;
        }
        let text = Some(engine.picture_text(item.id)).filter(wanted)?;
        let found = text.matching(query);
        let words: Vec<String> = found.iter().map(|word| word.text.clone()).collect();
        (!words.is_empty()).then(|| Self { words, boxes: found.iter().map(|word| word.area).collect() })
    }
}

/// `  (text in picture: INVOICE)`; empty where nothing was found.
pub fn note(text: Option<&TextInPicture>) -> String {
    text.map_or_else(String::new, |text| format!("  (text in picture: {})", text.words.join(" ")))
}
