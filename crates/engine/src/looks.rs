//! The thread that makes thumbnails and previews: what is on screen now comes first, what has scrolled away is dropped.

use std::sync::Arc;
use std::thread::JoinHandle;

use super::content;
use super::library::Library;
use super::outbox::Outbox;
use super::{Event, Preview};
use vicinity_core::desk::Desk;
use vicinity_core::{Item, ItemId, Modality, Picture};
use vicinity_media::Content;
use vicinity_media::thumbnail;

/// Longest side of a thumbnail, pixels.
pub const THUMBNAIL: u32 = 256;
/// Longest side of a preview, pixels.
const PREVIEW: u32 = 1600;
/// Characters of a text's preview.
const PREVIEW_TEXT: usize = 100_000;

#[derive(Default)]
struct Wishes {
    preview: Option<ItemId>,
    /// Most urgent last.
    thumbnails: Vec<ItemId>,
    closed: bool,
}

enum Wish {
    Preview(ItemId),
    Thumbnail(ItemId),
}

/// Takes wishes for the thread. Cheap to clone.
#[derive(Clone, Default)]
pub struct Looks(Arc<Desk<Wishes>>);

impl Looks {
    /// Starts the thread.
    pub fn start(library: Library, outbox: Outbox) -> std::io::Result<(Self, JoinHandle<()>)> {
        let looks = Self::default();
        let desk = looks.clone();
        let thread = std::thread::Builder::new().name("vicinity-looks".to_owned()).spawn(move || {
            while let Some(wish) = desk.next() {
                match wish {
                    Wish::Preview(id) => outbox.post(Event::Preview(id, preview(&library, id))),
                    Wish::Thumbnail(id) => {
                        outbox.post_in_turn(Event::Thumbnail(id, thumbnail_of(&library, id).map(Arc::new)));
                    }
                }
            }
        })?;
        Ok((looks, thread))
    }

    /// Thumbnails wanted now, most urgent first; replaces what was wanted before.
    pub fn want_thumbnails(&self, mut ids: Vec<ItemId>) {
        ids.reverse();
        self.0.update(|wishes| wishes.thumbnails = ids);
    }

    /// A preview wanted now; replaces the one wanted before.
    pub fn want_preview(&self, id: ItemId) {
        self.0.update(|wishes| wishes.preview = Some(id));
    }

    /// Ends the thread.
    pub fn close(&self) {
        self.0.update(|wishes| wishes.closed = true);
    }

    fn next(&self) -> Option<Wish> {
        self.0.wait(|wishes| {
            if wishes.closed {
                return Some(None);
            }
            let preview = wishes.preview.take().map(Wish::Preview);
            preview.or_else(|| wishes.thumbnails.pop().map(Wish::Thumbnail)).map(Some)
        })
    }
}

fn thumbnail_of(library: &Library, id: ItemId) -> Option<Picture> {
    let snapshot = library.snapshot();
    let item = snapshot.get(id).filter(|item| item.modality == Modality::Image)?;
    let cache = library.thumbnails();
    if let Some(picture) = cache.get(&item.hash).and_then(|jpeg| thumbnail::decode(&jpeg)) {
        return Some(picture);
    }
    let picture = thumbnail::shrink(&open_picture(item).ok()?, THUMBNAIL);
    cache.put(&item.hash, &thumbnail::encode(&picture));
    Some(picture)
}

fn open_picture(item: &Item) -> Result<Picture, String> {
    match content::open(&item.path, false)? {
        Content::Image { picture, .. } => Ok(picture),
        Content::Text(_) | Content::Rows(_) => Err("the file is no longer a picture".to_owned()),
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
            let at = item.row.and_then(|row| (row as usize).checked_sub(1));
            at.and_then(|at| rows.into_iter().nth(at)).ok_or("the table no longer has this row")?
        }
        Content::Image { .. } => return Err("the file is no longer a text".to_owned()),
    };
    Ok(Preview::Text(text.chars().take(PREVIEW_TEXT).collect::<String>().into()))
}
