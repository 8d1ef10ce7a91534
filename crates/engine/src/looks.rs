//! The threads that make thumbnails and previews: what is on screen now comes first, what has scrolled away is dropped.
//!
//! Thumbnails that are stored take a millisecond, others have to be made from their files first, which takes a
//! hundred times as long. One thread is therefore for stored ones alone, so that a screen of them never waits.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use super::content;
use super::library::Library;
use super::outbox::Outbox;
use super::{Event, Preview};
use vicinity_core::desk::Desk;
use vicinity_core::{Item, ItemId, Modality, Picture};
use vicinity_media::{Content, TableRow, thumbnail};
use vicinity_models::guard;

/// Longest side of a thumbnail, pixels.
pub const THUMBNAIL: u32 = 256;
/// Longest side of a preview, pixels.
const PREVIEW: u32 = 1600;
/// Characters of a text's preview.
const PREVIEW_TEXT: usize = 100_000;
/// Threads at the most: more would keep the disk and the window's own threads busy.
const MOST_THREADS: usize = 4;

#[derive(Default)]
struct Wishes {
    preview: Option<ItemId>,
    /// Most urgent last.
    thumbnails: Vec<ItemId>,
    /// Found to have no stored thumbnail; most urgent first.
    missing: Vec<ItemId>,
    /// What a thread is at: not done twice when it is wished for again.
    under_way: HashSet<ItemId>,
    closed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Wish {
    Preview(ItemId),
    /// As it is stored.
    Stored(ItemId),
    /// From its file.
    Made(ItemId),
}

/// What a thread takes on.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Duty {
    /// Stored thumbnails alone.
    Stored,
    /// Everything.
    All,
}

/// Takes wishes for the threads. Cheap to clone.
#[derive(Clone, Default)]
pub struct Looks(Arc<Desk<Wishes>>);

impl Looks {
    /// Starts the threads.
    pub fn start(library: &Library, outbox: &Outbox) -> std::io::Result<(Self, Vec<JoinHandle<()>>)> {
        let looks = Self::default();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut threads = Vec::new();
        for at in 0..cores.clamp(2, MOST_THREADS) {
            let duty = if at == 0 { Duty::Stored } else { Duty::All };
            let (looks, library, outbox) = (looks.clone(), library.clone(), outbox.clone());
            let work = move || {
                while let Some(wish) = looks.next(duty) {
                    looks.fulfil(wish, &library, &outbox);
                }
            };
            threads.push(std::thread::Builder::new().name(format!("vicinity-looks-{at}")).spawn(work)?);
        }
        Ok((looks, threads))
    }

    /// Thumbnails wanted now, most urgent first; replaces what was wanted before.
    pub fn want_thumbnails(&self, mut ids: Vec<ItemId>) {
        ids.reverse();
        self.0.update(|wishes| {
            wishes.thumbnails = ids;
            for id in wishes.missing.drain(..) {
                wishes.under_way.remove(&id);
            }
        });
    }

    /// A preview wanted now; replaces the one wanted before.
    pub fn want_preview(&self, id: ItemId) {
        self.0.update(|wishes| wishes.preview = Some(id));
    }

    /// Ends the threads.
    pub fn close(&self) {
        self.0.update(|wishes| wishes.closed = true);
    }

    fn next(&self, duty: Duty) -> Option<Wish> {
        self.0.wait(|wishes| if wishes.closed { Some(None) } else { wishes.take(duty).map(Some) })
    }

    /// Gives an answer in any case: an item without one would stay grey.
    fn fulfil(&self, wish: Wish, library: &Library, outbox: &Outbox) {
        match wish {
            Wish::Preview(id) => {
                let preview = catch_unwind(AssertUnwindSafe(|| preview(library, id))).unwrap_or_else(|panic| {
                    Err(format!("the preview failed unexpectedly ({})", guard::message(panic.as_ref())))
                });
                outbox.post(Event::Preview(id, preview));
            }
            Wish::Stored(id) => match catch_unwind(AssertUnwindSafe(|| stored(library, id))) {
                Ok(Stored::Missing) => self.0.update(|wishes| wishes.is_missing(id)),
                Ok(Stored::Found(picture)) => self.thumbnail(id, Some(picture), outbox),
                Ok(Stored::NoPicture) | Err(_) => self.thumbnail(id, None, outbox),
            },
            Wish::Made(id) => {
                let made = catch_unwind(AssertUnwindSafe(|| made(library, id))).unwrap_or_default();
                self.thumbnail(id, made, outbox);
            }
        }
    }

    fn thumbnail(&self, id: ItemId, picture: Option<Picture>, outbox: &Outbox) {
        outbox.post_in_turn(Event::Thumbnail(id, picture.map(Arc::new)));
        self.0.update(|wishes| wishes.under_way.remove(&id));
    }
}

impl Wishes {
    fn take(&mut self, duty: Duty) -> Option<Wish> {
        let all = duty == Duty::All;
        if let Some(id) = self.preview.take_if(|_| all) {
            return Some(Wish::Preview(id));
        }
        while let Some(id) = self.thumbnails.pop() {
            if self.under_way.insert(id) {
                return Some(Wish::Stored(id));
            }
        }
        (all && !self.missing.is_empty()).then(|| Wish::Made(self.missing.remove(0)))
    }

    /// It has to be made, and is under way until it is.
    fn is_missing(&mut self, id: ItemId) {
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

fn open_picture(item: &Item) -> Result<Picture, String> {
    match content::open(&item.path, false)? {
        Content::Image { picture, .. } => Ok(picture),
        Content::Text(_) | Content::Rows(_) => Err("the file is no longer an image".to_owned()),
    }
}

fn preview(library: &Library, id: ItemId) -> Result<Preview, String> {
    let snapshot = library.snapshot();
    let item = snapshot.get(id).ok_or("this item is no longer in the collection")?;
    if item.modality == Modality::Image {
        return Ok(Preview::Picture(Arc::new(thumbnail::shrink(&open_picture(item)?, PREVIEW))));
    }
    let text = match content::open(&item.path, item.row.is_some())? {
        Content::Text(text) => text,
        Content::Rows(rows) => {
            let wanted = |row: &TableRow| Some(row.number) == item.row;
            rows.flatten().find(wanted).ok_or("the table no longer has this row")?.text
        }
        Content::Image { .. } => return Err("the file is no longer a text".to_owned()),
    };
    Ok(Preview::Text(text.chars().take(PREVIEW_TEXT).collect::<String>().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_thumbnails_never_wait_for_those_that_have_to_be_made() {
        let looks = Looks::default();
        let [a, b, c] = [1, 2, 3].map(ItemId);
        looks.want_thumbnails(vec![a, b, c]);
        assert_eq!(looks.next(Duty::All), Some(Wish::Stored(a)));
        looks.0.update(|wishes| wishes.is_missing(a));
        looks.want_preview(c);
        assert_eq!(looks.next(Duty::Stored), Some(Wish::Stored(b)), "in the order wanted");
        assert_eq!(looks.next(Duty::All), Some(Wish::Preview(c)));
        assert_eq!(looks.next(Duty::All), Some(Wish::Stored(c)), "before what has to be made");
        assert_eq!(looks.next(Duty::All), Some(Wish::Made(a)));
        looks.0.update(|wishes| wishes.is_missing(b));
        looks.want_thumbnails(vec![b]);
        assert_eq!(looks.next(Duty::Stored), Some(Wish::Stored(b)), "asked for anew, it is not forgotten");
    }

    #[test]
    fn what_has_scrolled_away_is_dropped_and_nothing_is_done_twice() {
        let looks = Looks::default();
        let [a, b, c] = [1, 2, 3].map(ItemId);
        looks.want_thumbnails(vec![a, b]);
        assert_eq!(looks.next(Duty::All), Some(Wish::Stored(a)));
        looks.want_thumbnails(vec![a, c]);
        assert_eq!(looks.next(Duty::All), Some(Wish::Stored(c)), "a is under way, b has gone");
        looks.0.update(|wishes| assert!(wishes.take(Duty::All).is_none()));
        looks.close();
        assert_eq!(looks.next(Duty::All), None);
    }
}
