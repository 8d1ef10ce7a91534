//! Text in pictures: in which languages it can be read, what was read, and where the words searched for occur.

use std::sync::Arc;

use super::messages::Message;
use super::window::App;
use crate::context::{Dialog, TextHits};
use vicinity_core::{ItemId, PictureText, TextProgress};
use vicinity_engine::Job;

/// Texts of pictures kept, each of at most a megabyte.
const TEXTS: usize = 8;

impl App {
    pub(super) fn toggle_import_settings(&mut self) {
        self.toggle_dialog(Dialog::Import);
        if self.state.is_dialog_open(Dialog::Import) {
            let find = self.text_languages;
            let failed = |why| Message::TextLanguages(Err(why));
            self.spawn("text-languages", failed, move |messages| messages.send(Message::TextLanguages(find())));
        }
    }

    /// Asks for the text of a picture that is looked at.
    pub(super) fn request_picture_text(&mut self, id: ItemId) {
        self.submit(Job::PictureText(id));
    }

    pub(super) fn picture_text_received(&mut self, id: ItemId, text: Arc<PictureText>) {
        let library = self.state.library_mut();
        if library.picture_texts.len() >= TEXTS {
            let keep = [library.preview, library.selection.focus()];
            library.picture_texts.retain(|id, _| keep.contains(&Some(*id)));
        }
        library.picture_texts.insert(id, text);
    }

    /// Asks in which pictures the words searched for were read.
    pub(super) fn find_in_pictures(&mut self) {
        let words: Arc<str> = self.state.library().query.text.trim().into();
        if !words.is_empty() {
            self.submit(Job::FindPictureText(words));
        }
    }

    pub(super) fn found_in_pictures(&mut self, query: Arc<str>, items: Arc<[ItemId]>) {
        let set = items.iter().copied().collect();
        self.state.library_mut().query.text_hits = TextHits { query, items, set };
    }

    /// More was read: what is on screen may have text now.
    pub(super) fn text_progressed(&mut self, progress: Option<TextProgress>) {
        let library = self.state.library_mut();
        library.text_progress = progress;
        let shown = library.preview.or(library.selection.focus());
        let lacks = |id: &ItemId| library.picture_texts.get(id).is_none_or(|text| text.is_empty());
        if let Some(id) = shown.filter(lacks) {
            self.request_picture_text(id);
        }
        if progress.is_none() {
            self.find_in_pictures();
        }
    }
}
