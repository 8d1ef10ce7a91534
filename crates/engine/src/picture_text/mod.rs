//! Reads the text in pictures, in the background, if the user has asked for it and Tesseract is installed: after a library
//! was opened and after each import, never while one runs. A picture is read once for its content and for the languages.

mod pass;
mod tesseract;
mod tsv;

use std::io;

use super::background_pass::BackgroundPass;
use super::event_queue::EventSender;
use super::library::Library;
use super::threads::{pool, spare_threads};
use super::{Event, Severity};
use pass::{TextPass, TextPassError};
use vicinity_core::TextProgress;
use vicinity_core::worker::{Task, Worker};

pub use tesseract::{PROGRAM_VARIABLE, Tesseract, TesseractError};

/// The most pictures that are read at a time: the rest of the computer is for whoever sits in front of it.
const MAX_AT_ONCE: usize = 4;

/// Starts the thread.
///
/// # Errors
/// When the system gives no thread.
pub fn start(library: Library, event_sender: EventSender, automatic: bool) -> io::Result<(BackgroundPass, Worker)> {
    let background = BackgroundPass::new(&library, automatic);
    let task = TextWorker {
        background: background.clone(),
        library,
        event_sender,
        find: Tesseract::find,
        last: None,
        reported: None,
    };
    let worker = Worker::serve("picture-text", background.inbox(), task)?;
    Ok((background, worker))
}

/// The thread's work.
struct TextWorker {
    background: BackgroundPass,
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
        self.background.next()
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
        // The rest follows once the library is free, or the user lets it.
        let Some(paused) = self.background.put_off() else {
            return self.event_sender.send(Event::TextProgress(None));
        };
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
        let cancelled = self.background.cancelled();
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
