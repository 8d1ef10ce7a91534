//! The document whose page was looked at last stays open for a while: whoever turns its pages does not wait for it to be sent
//! to a helper each time.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use vicinity_core::Part;
use vicinity_core::worker::Worker;

use super::pages::read;
use crate::DOCUMENTS;
use crate::budget::Reservation;
use crate::cancel::CancelFlag;
use crate::decode_helper::document::OpenDocument;
use crate::error::ReadError;
use crate::parts::PartContent;
use crate::within_limit;

/// How long it stays open.
const KEPT: Duration = Duration::from_secs(8);

/// A document, and the file that it was read from.
struct LastDocument {
    path: PathBuf,
    stamp: FileStamp,
    document: OpenDocument,
    /// The part of the memory for documents that it takes.
    held: Reservation<'static>,
    used: Instant,
}

/// Size and time of change.
type FileStamp = (u64, Option<SystemTime>);

static LAST: Mutex<Last> = Mutex::new(Last { document: None, is_watched: false });

/// What stays open.
struct Last {
    document: Option<LastDocument>,
    /// Whether a thread closes it in time.
    is_watched: bool,
}

/// What a document says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PdfFacts {
    /// Number of its pages.
    pub pages: u32,
    /// Its title.
    pub title: Option<String>,
    /// Whether it is encrypted, though anybody may read it.
    pub is_encrypted: bool,
}

/// The picture or the text of one page of a document; `None` if it has no text.
///
/// # Errors
/// When the document or the page cannot be read.
pub fn read_page(path: &Path, part: Part) -> Result<Option<PartContent>, ReadError> {
    with_document(path, |document| read(document, part))
}

/// What a document says about itself.
///
/// # Errors
/// When the document cannot be read.
pub fn facts(path: &Path) -> Result<PdfFacts, ReadError> {
    with_document(path, |document| {
        let (title, is_encrypted) = (document.title().map(str::to_owned), document.is_encrypted());
        Ok(PdfFacts { pages: document.pages(), title, is_encrypted })
    })
}

/// Asks about a document, which is opened unless it was the last one and is as it was.
fn with_document<T>(path: &Path, ask: impl FnOnce(&mut OpenDocument) -> Result<T, ReadError>) -> Result<T, ReadError> {
    let file = File::open(path)?;
    let found = file.metadata()?;
    let stamp = (found.len(), found.modified().ok());
    within_limit(found.len())?;
    let last = lock().document.take();
    let known = last.filter(|last| last.path == path && last.stamp == stamp);
    let (mut document, held) = match known {
        Some(LastDocument { document, held, .. }) => (document, held),
        None => {
            let held = DOCUMENTS.take(found.len());
            (OpenDocument::open(Box::new(file), found.len(), CancelFlag::default())?, held)
        }
    };
    let answer = ask(&mut document);
    let last = LastDocument { path: path.to_owned(), stamp, document, held, used: Instant::now() };
    let replaced = lock().document.replace(last);
    drop(replaced);
    close_later();
    answer
}

fn lock() -> MutexGuard<'static, Last> {
    LAST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Closes the last document once nobody has used it for some time. Without a thread it stays until another one is opened.
fn close_later() {
    if std::mem::replace(&mut lock().is_watched, true) {
        return;
    }
    let failed = |reason: String| log::error!("closing a document: {reason}");
    let close = || {
        loop {
            std::thread::sleep(KEPT / 4);
            let mut last = lock();
            let unused = last.document.take_if(|last| last.used.elapsed() >= KEPT);
            if last.document.is_none() {
                // Under the same lock: whoever puts a document back later sees that nobody watches.
                last.is_watched = false;
            }
            let is_watched = last.is_watched;
            drop(last);
            drop(unused);
            if !is_watched {
                return;
            }
        }
    };
    match Worker::once("last-document", || {}, close, failed) {
        Ok(worker) => worker.detach(),
        Err(error) => {
            lock().is_watched = false;
            log::warn!("a document stays open: {error}");
        }
    }
}
