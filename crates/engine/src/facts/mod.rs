//! Reads what the metadata of pictures say, the columns of tables, and the words of all files, in the background: after a library was opened and
//! after each import, never while one runs. A picture is read again when it, its sidecar or the reader has changed; others
//! cost no more than a look into the catalog and the listing of their folder.

mod pass;
mod sidecars;
mod tables;
pub mod words;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::event_queue::EventSender;
use super::file_content::check_regular_file;
use super::library::Library;
use super::store::StoreError;
use super::{Event, Severity};
use pass::{Pass, ReadPhoto};
use sidecars::Sidecars;
pub use tables::of_file as table_of_file;
use vicinity_core::format::file_name;
use vicinity_core::worker::{Inbox, Task, Worker};
use vicinity_core::{FactsProgress, ItemId, Modality, PhotoFacts};
use vicinity_media::photo_facts;

/// What waits for the thread.
#[derive(Debug, Default)]
struct Waiting {
    /// Whether pictures are to be looked through.
    pass: bool,
    /// Whether the library is free for that.
    released: bool,
}

/// Tells the thread when it may work. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FactsReader {
    inbox: Inbox<Waiting>,
    /// Whether it works by itself whenever the library is free.
    automatic: bool,
}

impl FactsReader {
    /// Starts the thread; it waits for [`Self::release`].
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(library: Library, event_sender: EventSender, automatic: bool) -> io::Result<(Self, Worker)> {
        let inbox = Inbox::default();
        let automatic = automatic && library.read_only().is_none();
        let task = FactsWorker { inbox: inbox.clone(), library, event_sender, read: photo_facts::read_photo };
        let worker = Worker::serve("facts", &inbox, task)?;
        Ok((Self { inbox, automatic }, worker))
    }

    /// The library is needed for something else: stops after the picture at hand.
    pub fn hold(&self) {
        self.inbox.update(|waiting| {
            waiting.released = false;
            self.inbox.cancel();
        });
    }

    /// The library is free.
    pub fn release(&self) {
        self.inbox.update(|waiting| {
            waiting.released = true;
            waiting.pass |= self.automatic;
        });
    }

    /// Looks through all pictures once the library is free. The end of that is reported in any case.
    pub fn request(&self, event_sender: &EventSender) {
        if self.inbox.is_closed() {
            return event_sender.send(Event::FactsProgress(None));
        }
        self.inbox.update(|waiting| waiting.pass = true);
    }
}

/// The thread's work.
struct FactsWorker {
    inbox: Inbox<Waiting>,
    library: Library,
    event_sender: EventSender,
    read: ReadPhoto,
}

impl Task for FactsWorker {
    type Request = ();

    fn next(&mut self) -> Option<()> {
        self.inbox.take_uncancelled(|waiting| (waiting.released && std::mem::take(&mut waiting.pass)).then_some(()))
    }

    fn handle(&mut self, (): &mut ()) {
        if self.library.read_only().is_none()
            && let Err(error) = self.pass(self.inbox.cancelled())
        {
            let text = format!("What photos say about themselves could not be stored: {error}");
            self.event_sender.notice(Severity::Warning, text);
        }
        if self.inbox.cancelled().load(Ordering::Relaxed) && !self.inbox.is_closed() {
            // The library was needed for something else: the rest follows once it is free.
            return self.inbox.update(|waiting| waiting.pass = true);
        }
        self.event_sender.send(Event::FactsProgress(None));
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
    let companions = library.companions(&item.path);
    PhotoFacts { companions: companions.iter().map(|path| file_name(path).into_owned()).collect(), ..facts }
}

fn read_now(path: &Path, modified_ns: i64) -> Option<PhotoFacts> {
    check_regular_file(path).ok()?;
    let sidecar = Sidecars::default().of(path).ok().flatten();
    photo_facts::read_photo(path, sidecar.as_ref().map(|sidecar| &*sidecar.path), modified_ns).ok()
}
