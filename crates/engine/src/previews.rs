//! The threads that make thumbnails and previews: what is on screen comes first, what has scrolled away is dropped.
//!
//! Thumbnails that are stored take a millisecond, others have to be made from their files first, which takes a
//! hundred times as long. One thread is therefore for stored ones alone, so that a screen of them never waits.

use std::collections::HashSet;
use std::sync::Arc;

use super::event_queue::EventSender;
use super::facts;
use super::file_content;
use super::library::Library;
use super::threads::cores;
use super::{Event, PreviewContent, PreviewError, Severity};
use vicinity_core::worker::{Inbox, Task, Worker};
use vicinity_core::{Item, ItemId, Modality, Picture};
use vicinity_media::{Content, PartContent, ReadOptions, thumbnail};

/// Longest side of a thumbnail, pixels.
pub const THUMBNAIL: u32 = 256;
/// Longest side of a preview, pixels.
const PREVIEW: u32 = 1600;
/// Characters of a text's preview.
const PREVIEW_TEXT: usize = 100_000;
/// The most pictures that are found by their text.
const MAX_FOUND: usize = 5_000;
/// Most threads: more would slow down the disk and the window.
const MAX_THREADS: usize = 4;

#[derive(Default)]
struct PreviewRequests {
    preview: Option<ItemId>,
    facts: Option<ItemId>,
    picture_text: Option<ItemId>,
    query: Option<Arc<str>>,
    /// Most urgent last.
    thumbnails: Vec<ItemId>,
    /// Found to have no stored thumbnail; most urgent first.
    missing: Vec<ItemId>,
    /// What a thread is working on: not done twice if it is requested again.
    in_progress: HashSet<ItemId>,
}

#[derive(Debug, Clone, PartialEq)]
enum PreviewRequest {
    Preview(ItemId),
    /// What is known of it.
    Facts(ItemId),
    /// The text that was read in it.
    PictureText(ItemId),
    /// The pictures with these words.
    FindPictureText(Arc<str>),
    /// As it is stored.
    Stored(ItemId),
    /// From its file.
    Made(ItemId),
}

/// What a thread does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum ThreadRole {
    /// Stored thumbnails alone.
    Stored,
    /// Everything.
    All,
}

/// The thumbnails of items, for any thread. Cheap to clone.
#[derive(Clone)]
pub struct Thumbnails(Library);

impl Thumbnails {
    /// Those of a library.
    pub(super) fn new(library: &Library) -> Self {
        Self(library.clone())
    }

    /// The thumbnail of an image: the one that is stored, else made from its file, which takes long. At most `THUMBNAIL`
    /// pixels wide and high.
    pub fn get(&self, id: ItemId) -> Option<Picture> {
        match stored(&self.0, id) {
            Stored::Found(picture) => Some(picture),
            Stored::Missing => made(&self.0, id),
            Stored::NoPicture => None,
        }
    }
}

/// Takes requests for the threads. Cheap to clone.
#[derive(Clone, Default)]
pub struct Previewer(Inbox<PreviewRequests>);

impl Previewer {
    /// Starts the threads.
    pub fn start(library: &Library, event_sender: &EventSender) -> std::io::Result<(Self, Vec<Worker>)> {
        let previewer = Self::default();
        let mut workers = Vec::new();
        for at in 0..cores().clamp(2, MAX_THREADS) {
            let role = if at == 0 { ThreadRole::Stored } else { ThreadRole::All };
            let (library, event_sender) = (library.clone(), event_sender.clone());
            let task = PreviewWorker { previewer: previewer.clone(), role, library, event_sender };
            workers.push(Worker::serve(&format!("previews-{at}"), &previewer.0, task)?);
        }
        Ok((previewer, workers))
    }

    /// Thumbnails wanted now, most urgent first; replaces what was wanted before.
    pub fn want_thumbnails(&self, mut ids: Vec<ItemId>, event_sender: &EventSender) {
        if self.0.is_closed() {
            return ids.into_iter().for_each(|id| event_sender.send(Event::Thumbnail(id, None)));
        }
        ids.reverse();
        self.0.update(|requests| {
            requests.thumbnails = ids;
            for id in requests.missing.drain(..) {
                requests.in_progress.remove(&id);
            }
        });
    }

    /// A preview wanted now; replaces the one wanted before.
    pub fn want_preview(&self, id: ItemId, event_sender: &EventSender) {
        if self.0.is_closed() {
            let error = PreviewError::Panicked("its thread has stopped; open the library again".to_owned());
            return event_sender.send(Event::Preview(id, Err(error)));
        }
        self.0.update(|requests| requests.preview = Some(id));
    }

    /// What is known of an item is wanted now; replaces the item wanted before.
    pub fn want_facts(&self, id: ItemId, event_sender: &EventSender) {
        if self.0.is_closed() {
            return event_sender.send(Event::Facts(id, Arc::default()));
        }
        self.0.update(|requests| requests.facts = Some(id));
    }

    /// The text in a picture is wanted now; replaces the picture wanted before.
    pub fn want_picture_text(&self, id: ItemId, event_sender: &EventSender) {
        if self.0.is_closed() {
            return event_sender.send(Event::PictureText(id, Arc::default()));
        }
        self.0.update(|requests| requests.picture_text = Some(id));
    }

    /// The pictures with these words are wanted now; replaces the words wanted before.
    pub fn find_picture_text(&self, query: Arc<str>, event_sender: &EventSender) {
        if self.0.is_closed() {
            return event_sender.send(Event::PictureTextFound { query, items: Arc::default() });
        }
        self.0.update(|requests| requests.query = Some(query));
    }

    fn next(&self, role: ThreadRole) -> Option<PreviewRequest> {
        self.0.take(|requests| requests.take(role))
    }
}

/// One of the threads. It gives an answer in any case: an item without one would stay grey.
struct PreviewWorker {
    previewer: Previewer,
    role: ThreadRole,
    library: Library,
    event_sender: EventSender,
}

impl Task for PreviewWorker {
    type Request = PreviewRequest;

    fn next(&mut self) -> Option<PreviewRequest> {
        self.previewer.next(self.role)
    }

    fn handle(&mut self, request: &mut PreviewRequest) {
        match request {
            PreviewRequest::Preview(id) => self.event_sender.send(Event::Preview(*id, preview(&self.library, *id))),
            PreviewRequest::Facts(id) => {
                self.event_sender.send(Event::Facts(*id, Arc::new(facts::of_item(&self.library, *id))));
            }
            PreviewRequest::PictureText(id) => {
                self.event_sender.send(Event::PictureText(*id, Arc::new(self.library.picture_text(*id))));
            }
            PreviewRequest::FindPictureText(query) => {
                let mut items = self.library.find_picture_text(query).unwrap_or_else(|error| {
                    log::warn!("text in pictures could not be searched: {error}");
                    Vec::new()
                });
                items.truncate(MAX_FOUND);
                self.event_sender.send(Event::PictureTextFound { query: Arc::clone(query), items: items.into() });
            }
            PreviewRequest::Stored(id) => match stored(&self.library, *id) {
                Stored::Missing => self.previewer.0.update(|requests| requests.add_missing(*id)),
                Stored::Found(picture) => self.thumbnail(*id, Some(picture)),
                Stored::NoPicture => self.thumbnail(*id, None),
            },
            PreviewRequest::Made(id) => self.thumbnail(*id, made(&self.library, *id)),
        }
    }

    fn recover(&mut self, request: Option<&mut PreviewRequest>, reason: &str) {
        match request {
            Some(PreviewRequest::Preview(id)) => {
                let error = PreviewError::Panicked(reason.to_owned());
                self.event_sender.send(Event::Preview(*id, Err(error)));
            }
            Some(PreviewRequest::Facts(id)) => self.event_sender.send(Event::Facts(*id, Arc::default())),
            Some(PreviewRequest::PictureText(id)) => {
                self.event_sender.send(Event::PictureText(*id, Arc::default()));
            }
            Some(PreviewRequest::FindPictureText(query)) => {
                let found = Event::PictureTextFound { query: Arc::clone(query), items: Arc::default() };
                self.event_sender.send(found);
            }
            Some(PreviewRequest::Stored(id) | PreviewRequest::Made(id)) => self.thumbnail(*id, None),
            None => {
                let text = format!("Previews stopped unexpectedly ({reason}); open the library again");
                self.event_sender.notice(Severity::Error, text);
            }
        }
    }
}

impl PreviewWorker {
    fn thumbnail(&self, id: ItemId, picture: Option<Picture>) {
        self.event_sender.send_ordered(Event::Thumbnail(id, picture.map(Arc::new)));
        self.previewer.0.update(|requests| requests.in_progress.remove(&id));
    }
}

impl PreviewRequests {
    fn take(&mut self, role: ThreadRole) -> Option<PreviewRequest> {
        let all = role == ThreadRole::All;
        if let Some(id) = self.facts.take_if(|_| all) {
            return Some(PreviewRequest::Facts(id));
        }
        if let Some(id) = self.picture_text.take_if(|_| all) {
            return Some(PreviewRequest::PictureText(id));
        }
        if let Some(query) = self.query.take_if(|_| all) {
            return Some(PreviewRequest::FindPictureText(query));
        }
        if let Some(id) = self.preview.take_if(|_| all) {
            return Some(PreviewRequest::Preview(id));
        }
        while let Some(id) = self.thumbnails.pop() {
            if self.in_progress.insert(id) {
                return Some(PreviewRequest::Stored(id));
            }
        }
        (all && !self.missing.is_empty()).then(|| PreviewRequest::Made(self.missing.remove(0)))
    }

    /// It has to be made, and is under way until it is.
    fn add_missing(&mut self, id: ItemId) {
        self.missing.push(id);
    }
}

/// What the cache has of an item.
enum Stored {
    Found(Picture),
    Missing,
    /// There is nothing to make one of.
    NoPicture,
}

fn stored(library: &Library, id: ItemId) -> Stored {
    let snapshot = library.snapshot();
    let Some(item) = snapshot.get(id).filter(|item| item.modality == Modality::Image) else { return Stored::NoPicture };
    let found = library.thumbnails().get(&item.hash).and_then(|jpeg| thumbnail::decode(&jpeg));
    found.map_or(Stored::Missing, Stored::Found)
}

fn made(library: &Library, id: ItemId) -> Option<Picture> {
    let snapshot = library.snapshot();
    let item = snapshot.get(id)?;
    let picture = thumbnail::shrink(&open_picture(item).ok()?, THUMBNAIL);
    library.thumbnails().put(&item.hash, &thumbnail::encode(&picture));
    Some(picture)
}

fn open_picture(item: &Item) -> Result<Picture, PreviewError> {
    if let Some(part) = item.part {
        return match file_content::open_part(&item.path, part)? {
            Some(PartContent::Picture { picture, .. }) => Ok(picture),
            _ => Err(PreviewError::NoLongerImage),
        };
    }
    match file_content::open(&item.path, ReadOptions::default())? {
        Content::Image { picture, .. } => Ok(picture),
        _ => Err(PreviewError::NoLongerImage),
    }
}

fn text_of(library: &Library, item: &Item) -> Result<String, PreviewError> {
    let Some(part) = item.part else {
        return match file_content::open(&item.path, ReadOptions::default())? {
            Content::Text(text) => Ok(text),
            _ => Err(PreviewError::NoLongerText),
        };
    };
    let tables = library.import_options().tables;
    match file_content::open_part_of_table(&item.path, part, &tables)? {
        Some(PartContent::Text(text)) => Ok(text),
        Some(PartContent::Picture { .. }) => Err(PreviewError::NoLongerText),
        None => Err(PreviewError::NoLongerPart),
    }
}

fn preview(library: &Library, id: ItemId) -> Result<PreviewContent, PreviewError> {
    let snapshot = library.snapshot();
    let item = snapshot.get(id).ok_or(PreviewError::ItemRemoved)?;
    if item.modality == Modality::Image {
        return Ok(PreviewContent::Picture(Arc::new(thumbnail::shrink(&open_picture(item)?, PREVIEW))));
    }
    let text = text_of(library, item)?;
    Ok(PreviewContent::Text(text.chars().take(PREVIEW_TEXT).collect::<String>().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_thumbnails_never_wait_for_those_that_have_to_be_made() {
        let previewer = Previewer::default();
        let [a, b, c] = [1, 2, 3].map(ItemId);
        previewer.want_thumbnails(vec![a, b, c], &EventSender::default());
        assert_eq!(previewer.next(ThreadRole::All), Some(PreviewRequest::Stored(a)));
        previewer.0.update(|requests| requests.add_missing(a));
        previewer.want_preview(c, &EventSender::default());
        assert_eq!(previewer.next(ThreadRole::Stored), Some(PreviewRequest::Stored(b)), "in the order wanted");
        assert_eq!(previewer.next(ThreadRole::All), Some(PreviewRequest::Preview(c)));
        assert_eq!(previewer.next(ThreadRole::All), Some(PreviewRequest::Stored(c)), "before what has to be made");
        assert_eq!(previewer.next(ThreadRole::All), Some(PreviewRequest::Made(a)));
        previewer.0.update(|requests| requests.add_missing(b));
        previewer.want_thumbnails(vec![b], &EventSender::default());
        assert_eq!(
            previewer.next(ThreadRole::Stored),
            Some(PreviewRequest::Stored(b)),
            "requested again, it is not forgotten"
        );
    }

    #[test]
    fn what_has_scrolled_away_is_dropped_and_nothing_is_done_twice() {
        let previewer = Previewer::default();
        let [a, b, c] = [1, 2, 3].map(ItemId);
        previewer.want_thumbnails(vec![a, b], &EventSender::default());
        assert_eq!(previewer.next(ThreadRole::All), Some(PreviewRequest::Stored(a)));
        previewer.want_thumbnails(vec![a, c], &EventSender::default());
        assert_eq!(previewer.next(ThreadRole::All), Some(PreviewRequest::Stored(c)), "a is under way, b has gone");
        previewer.0.update(|requests| assert!(requests.take(ThreadRole::All).is_none()));
        previewer.0.close();
        assert_eq!(previewer.next(ThreadRole::All), None);
    }
}
