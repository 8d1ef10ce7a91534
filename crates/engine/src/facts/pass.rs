//! One look through all pictures of a library.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::sidecars::{Sidecar, Sidecars};
use crate::file_content::check_regular_file;
use crate::library::Library;
use crate::scan;
use crate::store::{FactsOrigin, FileStamp, PictureFile, PictureFiles, READER, ReadFacts, StoreError};
use vicinity_core::worker::catch_panic;
use vicinity_core::{ItemId, PhotoFacts};
use vicinity_media::ReadError;

/// Facts are stored, and shown, this often while pictures are read.
const INTERVAL: Duration = Duration::from_secs(1);
/// Pictures that are stored at once, at most.
const BATCH: usize = 8192;

/// What reads the facts of a picture: its path, its sidecar, and its modification time in nanoseconds.
pub type ReadPhoto = fn(&Path, Option<&Path>, i64) -> Result<PhotoFacts, ReadError>;

/// A look through all pictures, and whom it concerns.
pub struct Pass<'a> {
    /// Where the pictures are.
    pub library: &'a Library,
    /// What reads a picture.
    pub read: ReadPhoto,
    /// To be polled.
    pub cancelled: &'a AtomicBool,
    /// Called after a snapshot with more facts was published.
    pub shown: &'a dyn Fn(),
    /// Called with the number of pictures that were read, and that of those to be read.
    pub progress: &'a dyn Fn(u64, u64),
}

/// A picture whose facts the snapshot lacks, though they are stored.
type KnownFacts = (ItemId, PathBuf, PhotoFacts);

/// What is not stored, or not shown, yet.
#[derive(Default)]
struct Batch {
    read: Vec<ReadFacts>,
    known: Vec<KnownFacts>,
}

impl Pass<'_> {
    /// Finds the pictures that have to be read, reads them, and stores what they say.
    ///
    /// # Errors
    /// When the library cannot be read or written.
    pub fn run(&self) -> Result<(), StoreError> {
        let snapshot = self.library.snapshot();
        let mut files = PictureFiles::open(&snapshot.parts().library)?;
        drop(snapshot);
        let mut sidecars = Sidecars::default();
        let outdated = self.find_outdated(&mut files, &mut sidecars)?;
        let total = outdated.len() as u64;
        let (mut batch, mut stored) = (Batch::default(), Instant::now());
        for (done, item) in (1..).zip(outdated) {
            if self.is_cancelled() {
                break;
            }
            if let Some(picture) = files.get(item)? {
                self.look_at(picture, &mut sidecars, &mut batch);
            }
            if stored.elapsed() >= INTERVAL || batch.read.len() >= BATCH {
                self.store(&mut batch)?;
                (self.progress)(done, total);
                stored = Instant::now();
            }
        }
        self.store(&mut batch)
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// The pictures whose facts are missing or may not be those of their files any more, judged without opening a file: of
    /// a file of several parts the first.
    fn find_outdated(&self, files: &mut PictureFiles, sidecars: &mut Sidecars) -> Result<Vec<ItemId>, StoreError> {
        let (mut outdated, mut batch, mut in_parts) = (Vec::new(), Batch::default(), HashSet::new());
        loop {
            let page = files.next_page()?;
            if page.is_empty() || self.is_cancelled() {
                break;
            }
            let snapshot = self.library.snapshot();
            for picture in page {
                let Ok(sidecar) = sidecars.of(&picture.path) else { continue };
                if !is_current(&picture, picture.stamp, sidecar.as_ref()) {
                    if picture.part.is_none() || in_parts.insert(picture.file) {
                        outdated.push(picture.item);
                    }
                } else if snapshot.get(picture.item).is_some() && snapshot.photo_of(picture.item).is_none() {
                    batch.known.extend(stored_facts(picture));
                }
            }
            if batch.known.len() >= BATCH {
                self.store(&mut batch)?;
            }
        }
        self.store(&mut batch)?;
        Ok(outdated)
    }

    /// Reads a picture, unless it is not there now, or as it was.
    fn look_at(&self, picture: PictureFile, sidecars: &mut Sidecars, batch: &mut Batch) {
        let Ok(sidecar) = sidecars.of(&picture.path) else { return };
        if check_regular_file(&picture.path).is_err() {
            return;
        }
        // Before it is read: a change meanwhile is noticed the next time.
        let Ok(file) = scan::candidate(picture.path.clone()) else { return };
        if is_current(&picture, file.stamp(), sidecar.as_ref()) {
            return batch.known.extend(stored_facts(picture));
        }
        let path = sidecar.as_ref().map(|sidecar| &*sidecar.path);
        let facts = match catch_panic(|| (self.read)(&picture.path, path, file.modified_ns)) {
            Ok(Ok(facts)) => facts,
            Ok(Err(ReadError::FileTooLarge { .. })) => PhotoFacts::default(),
            // It may be there again the next time.
            Ok(Err(_)) => return,
            Err(reason) => {
                log::warn!("the metadata of {} could not be read: {reason}", picture.path.display());
                PhotoFacts::default()
            }
        };
        let sidecar = sidecar.map(|sidecar| sidecar.stamp);
        let origin = FactsOrigin { file: file.stamp(), sidecar, reader: READER };
        batch.read.push(ReadFacts { picture, origin, facts });
    }

    fn store(&self, batch: &mut Batch) -> Result<(), StoreError> {
        if batch.read.is_empty() && batch.known.is_empty() {
            return Ok(());
        }
        self.library.put_facts(&batch.read, &batch.known)?;
        *batch = Batch::default();
        (self.shown)();
        Ok(())
    }
}

fn is_current(picture: &PictureFile, stamp: FileStamp, sidecar: Option<&Sidecar>) -> bool {
    picture.stored.as_ref().is_some_and(|stored| stored.origin.is_current(stamp, sidecar.map(|found| found.stamp)))
}

fn stored_facts(picture: PictureFile) -> Option<KnownFacts> {
    let facts = picture.stored?.facts()?;
    Some((picture.item, picture.path, facts))
}

#[cfg(test)]
mod tests;
