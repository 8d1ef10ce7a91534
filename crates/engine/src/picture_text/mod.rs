//! Reads the text in pictures, in the background, if the user has asked for it and Tesseract is installed: after a library
//! was opened and after each import, never while one runs. A picture is read once for its content and for the languages.

mod pass;
mod tesseract;
mod tsv;

use std::io;
use std::sync::atomic::Ordering;

use super::event_queue::EventSender;
use super::library::Library;
use super::threads::{pool, spare_threads};
use super::{Event, Severity};
use pass::{TextPass, TextPassError};
use vicinity_core::TextProgress;
use vicinity_core::worker::{Inbox, Task, Worker};

pub use tesseract::{PROGRAM_VARIABLE, Tesseract, TesseractError};

/// The most pictures that are read at a time: the rest of the computer is for whoever sits in front of it.
const MAX_AT_ONCE: usize = 4;

/// What waits for the thread.
#[derive(Debug, Default)]
struct Waiting {
    /// Whether pictures are to be looked through.
    pass: bool,
    /// Whether the library is free for that.
    released: bool,
    /// Whether the user holds it.
    paused: bool,
}

/// Tells the thread when it may work. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PictureTextReader {
    inbox: Inbox<Waiting>,
    /// Whether it works by itself whenever the library is free.
    automatic: bool,
}

impl PictureTextReader {
    /// Starts the thread; it waits for [`Self::release`].
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(library: Library, event_sender: EventSender, automatic: bool) -> io::Result<(Self, Worker)> {
        let inbox = Inbox::default();
        let automatic = automatic && library.read_only().is_none();
        let task = TextWorker {
            inbox: inbox.clone(),
            library,
            event_sender,
            find: Tesseract::find,
            last: None,
            reported: None,
        };
        let worker = Worker::serve("picture-text", &inbox, task)?;
        Ok((Self { inbox, automatic }, worker))
    }

    /// The library is needed for something else: stops, without the pictures at hand.
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
            return event_sender.send(Event::TextProgress(None));
        }
        self.inbox.update(|waiting| waiting.pass = true);
    }

    /// Stops until it is told to go on, or the library is opened again.
    pub fn pause(&self, paused: bool) {
        self.inbox.update(|waiting| {
            waiting.paused = paused;
            if paused {
                self.inbox.cancel();
            }
        });
    }
}

/// The thread's work.
struct TextWorker {
    inbox: Inbox<Waiting>,
    library: Library,
    event_sender: EventSender,
    find: fn() -> Result<Tesseract, TesseractError>,
    /// The last sample of the pass under way.
    last: Option<TextProgress>,
    /// What was reported last, so that it is not repeated after every import.
    reported: Option<String>,
}

impl Task for TextWorker {
    type Request = ();

    fn next(&mut self) -> Option<()> {
        let is_due = |waiting: &mut Waiting| {
            let due = waiting.released && !waiting.paused;
            (due && std::mem::take(&mut waiting.pass)).then_some(())
        };
        self.inbox.take_uncancelled(is_due)
    }

    fn handle(&mut self, (): &mut ()) {
        if self.library.read_only().is_none()
            && let Err(error) = self.pass()
        {
            let text = error.to_string();
            if self.reported.as_ref() != Some(&text) {
                self.event_sender.notice(Severity::Warning, format!("Text in pictures could not be read: {text}"));
            }
            self.reported = Some(text);
        }
        if !self.inbox.cancelled().load(Ordering::Relaxed) || self.inbox.is_closed() {
            return self.event_sender.send(Event::TextProgress(None));
        }
        // The rest follows once the library is free, or the user lets it.
        let paused = self.inbox.update(|waiting| {
            waiting.pass = true;
            waiting.paused
        });
        let held = self.last.take().map(|last| TextProgress { paused, seconds_left: None, ..last });
        self.event_sender.send(Event::TextProgress(held));
    }

    fn recover(&mut self, request: Option<&mut ()>, reason: &str) {
        let advice = if request.is_some() { "" } else { "; open the library again" };
        let text = format!("Reading text in pictures failed ({reason}){advice}");
        self.event_sender.notice(Severity::Error, text);
        self.event_sender.send(Event::TextProgress(None));
    }
}

impl TextWorker {
    fn pass(&mut self) -> Result<(), TextPassError> {
        self.last = None;
        let is_empty = self.library.snapshot().is_empty();
        let wanted = self.library.import_options().read_text.filter(|_| !is_empty);
        let Some(languages) = wanted else { return Ok(()) };
        let program = (self.find)()?;
        program.check_languages(&languages)?;
        let at_once = (spare_threads() / 2).clamp(1, MAX_AT_ONCE);
        let threads =
            pool("vicinity-picture-text", at_once).map_err(|error| TesseractError::Start(error.to_string()))?;
        let last = std::cell::Cell::new(None);
        let progress = |sample: TextProgress| {
            last.set(Some(sample));
            self.event_sender.send(Event::TextProgress(Some(sample)));
        };
        let cancelled = self.inbox.cancelled();
        let (library, languages) = (&self.library, &languages);
        let pass =
            TextPass { library, program: &program, languages, threads: &threads, cancelled, progress: &progress };
        let done = pass.run();
        self.last = last.get();
        done
    }
}

#[cfg(test)]
mod tests;
