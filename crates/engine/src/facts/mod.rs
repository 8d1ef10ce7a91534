//! Reads what the metadata of pictures say, the columns of tables, and the words of all files, in the background: after a library was opened and
//! after each import, never while one runs. A picture is read again when it, its sidecar or the reader has changed; others
//! cost no more than a look into the catalog and the listing of their folder.

mod pass;
mod sidecars;
mod tables;
pub mod words;

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::background_pass::BackgroundPass;
use super::event_queue::EventSender;
use super::file_content::check_regular_file;
use super::library::Library;
use super::store::{StoreError, left_out_sentence};
use super::{Event, Severity};
use pass::{Pass, ReadPhoto};
use sidecars::Sidecars;
pub use tables::of_file as table_of_file;
use vicinity_core::format::file_name;
use vicinity_core::worker::{Task, Worker};
use vicinity_core::{FactsProgress, ItemId, Modality, PhotoFacts};
use vicinity_media::photo_facts;

/// Starts the thread that reads the metadata of photos, the columns of tables and the words of files.
///
/// # Errors
/// When the system gives no thread.
pub fn start(library: Library, event_sender: EventSender, automatic: bool) -> io::Result<(BackgroundPass, Worker)> {
    let background = BackgroundPass::new(&library, automatic);
    let left_out_tables = Cell::new(library.left_out_tables());
    let read = photo_facts::read_photo;
    let task = FactsWorker { background: background.clone(), library, event_sender, read, left_out_tables };
    let worker = Worker::serve("facts", background.inbox(), task)?;
    Ok((background, worker))
}

/// The thread's work.
struct FactsWorker {
    background: BackgroundPass,
    library: Library,
    event_sender: EventSender,
    read: ReadPhoto,
    /// Tables whose columns are not loaded, as far as the user knows.
    left_out_tables: Cell<usize>,
}

impl Task for FactsWorker {
    type Request = ();

    fn next(&mut self) -> Option<()> {
        self.background.next()
    }

    fn handle(&mut self, (): &mut ()) {
        if self.library.read_only().is_none()
            && let Err(error) = self.pass(self.background.cancelled())
        {
            let text = format!("What photos say about themselves could not be stored: {error}");
            self.event_sender.notice(Severity::Warning, text);
        }
        // If the library was needed for something else, the rest follows once it is free.
        if self.background.put_off().is_none() {
            self.event_sender.send(Event::FactsProgress(None));
        }
    }

    fn recover(&mut self, request: Option<&mut ()>, reason: &str) {
        let advice = if request.is_some() { "" } else { "; open the library again" };
        let text = format!("Reading what photos say about themselves failed ({reason}){advice}");
        self.event_sender.notice(Severity::Error, text);
        self.event_sender.send(Event::FactsProgress(None));
    }
}

impl FactsWorker {
    fn pass(&self, cancelled: &AtomicBool) -> Result<(), StoreError> {
        let shown = || self.event_sender.send(Event::Snapshot(self.library.snapshot()));
        let progress = |done: u64, total: u64| {
            self.event_sender.send(Event::FactsProgress(Some(FactsProgress { done, total })));
        };
        Pass { library: &self.library, read: self.read, cancelled, shown: &shown, progress: &progress }.run()?;
        tables::fill(&self.library, cancelled, &shown, &progress)?;
        let left_out = self.library.left_out_tables();
        if left_out > self.left_out_tables.replace(left_out)
            && let Some(text) = left_out_sentence(left_out)
        {
            self.event_sender.notice(Severity::Warning, text);
        }
        words::fill(&self.library, cancelled, &progress)
    }
}

/// What is known of a photo: from the catalog, else from its file; nothing for texts and what cannot be read.
pub fn of_item(library: &Library, id: ItemId) -> PhotoFacts {
    let snapshot = library.snapshot();
    let Some(item) = snapshot.get(id).filter(|item| item.modality == Modality::Image) else {
        return PhotoFacts::default();
    };
    let facts = library.stored_facts(&item.path).or_else(|| read_now(&item.path, item.modified_ns)).unwrap_or_default();
    let facts = match item.part {
        Some(part) => facts.of_part(part),
        None => facts,
    };
    let companions = library.companions(&item.path);
    PhotoFacts { companions: companions.iter().map(|path| file_name(path).into_owned()).collect(), ..facts }
}

fn read_now(path: &Path, modified_ns: i64) -> Option<PhotoFacts> {
    check_regular_file(path).ok()?;
    let sidecar = Sidecars::default().of(path).ok().flatten();
    photo_facts::read_photo(path, sidecar.as_ref().map(|sidecar| &*sidecar.path), modified_ns).ok()
}
