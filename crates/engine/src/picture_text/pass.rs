//! One look through all pictures of a library whose text was not read yet.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use thiserror::Error;

use super::tesseract::{Tesseract, TesseractError};
use crate::facts::words;
use crate::file_content::{self, check_regular_file};
use crate::library::Library;
use crate::scan;
use crate::store::{ReadText, StoreError, UnreadPicture, UnreadPictures};
use vicinity_core::rate::RateEstimator;
use vicinity_core::worker::catch_panic;
use vicinity_core::{ItemId, Picture, TextLanguages, TextProgress};
use vicinity_media::{Content, PartContent, ReadOptions};

/// The text is given to the full text search this often.
const WORDS_INTERVAL: Duration = Duration::from_secs(20);
/// If none of so many can be read, the program is at fault, not the pictures.
const FAULTY: usize = 5;

/// Why a pass ended early.
#[derive(Debug, Error)]
pub enum TextPassError {
    /// The program cannot read.
    #[error(transparent)]
    Program(#[from] TesseractError),
    /// The library cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A look through all pictures, and whom it concerns.
pub struct TextPass<'a> {
    /// Where the pictures are.
    pub library: &'a Library,
    /// What reads them.
    pub program: &'a Tesseract,
    /// In which languages.
    pub languages: &'a TextLanguages,
    /// Threads that read a picture each.
    pub threads: &'a rayon::ThreadPool,
    /// To be polled.
    pub cancelled: &'a AtomicBool,
    /// Called after pictures were read.
    pub progress: &'a dyn Fn(TextProgress),
}

impl TextPass<'_> {
    /// Finds the pictures that have to be read, reads them, and stores their text.
    ///
    /// # Errors
    /// When the library cannot be read or written, or the program reads nothing at all.
    pub fn run(&self) -> Result<(), TextPassError> {
        let dir = self.library.snapshot().parts().library.clone();
        let mut pictures = UnreadPictures::open(&dir, self.languages)?;
        let unread = self.find_unread(&mut pictures)?;
        let mut readings = Readings::default();
        let mut progress = ProgressReport::new(unread.len() as u64);
        let mut words_stored = Instant::now();
        for items in unread.chunks(self.threads.current_num_threads().max(1)) {
            if self.is_cancelled() {
                break;
            }
            let read = self.read(&pictures, items)?;
            self.store(&mut readings, read)?;
            (self.progress)(progress.add(items.len() as u64));
            if words_stored.elapsed() >= WORDS_INTERVAL {
                words::fill(self.library, self.cancelled, &|_, _| {})?;
                words_stored = Instant::now();
            }
        }
        if !self.is_cancelled() {
            let failed = std::mem::take(&mut readings.failed);
            self.put(failed)?;
        }
        Ok(words::fill(self.library, self.cancelled, &|_, _| {})?)
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn find_unread(&self, pictures: &mut UnreadPictures) -> Result<Vec<ItemId>, StoreError> {
        let mut unread = Vec::new();
        while let Some(page) = pictures.next_page()? {
            if self.is_cancelled() {
                break;
            }
            unread.extend(page);
        }
        Ok(unread)
    }

    /// Reads some pictures, each on a thread. Of pictures with the same content one is read.
    fn read(&self, pictures: &UnreadPictures, items: &[ItemId]) -> Result<Vec<Reading>, StoreError> {
        let mut found: Vec<UnreadPicture> = Vec::new();
        for item in items {
            let picture = pictures.get(*item)?;
            found.extend(picture.filter(|picture| found.iter().all(|other| other.hash != picture.hash)));
        }
        let Self { program, languages, cancelled, .. } = *self;
        let read = |picture: &UnreadPicture| read_one(picture, program, languages, cancelled);
        Ok(self.threads.install(|| found.par_iter().filter_map(read).collect()))
    }

    /// Stores what was read. Failures wait until one picture could be read: before, the program may be at fault.
    fn store(&self, readings: &mut Readings, read: Vec<Reading>) -> Result<(), TextPassError> {
        let mut error = None;
        for Reading { text, failure } in read {
            match failure {
                None => readings.read.push(text),
                // That says nothing about the program.
                Some(TesseractError::TooSlow { .. }) => readings.slow.push(text),
                Some(why) => {
                    readings.failed.push(text);
                    error = Some(why);
                }
            }
        }
        readings.any_read |= !readings.read.is_empty();
        match error.filter(|_| !readings.any_read && readings.failed.len() >= FAULTY) {
            Some(error) => return Err(error.into()),
            None if readings.any_read => readings.read.append(&mut readings.failed),
            None => {}
        }
        let mut read = std::mem::take(&mut readings.read);
        read.append(&mut readings.slow);
        Ok(self.put(read)?)
    }

    fn put(&self, read: Vec<ReadText>) -> Result<(), StoreError> {
        if read.is_empty() { Ok(()) } else { self.library.put_picture_texts(&read, self.languages) }
    }
}

/// Reads a picture, unless it is not there now, or not as the last import found it.
fn read_one(
    picture: &UnreadPicture,
    program: &Tesseract,
    languages: &TextLanguages,
    cancelled: &AtomicBool,
) -> Option<Reading> {
    check_regular_file(&picture.path).ok()?;
    let now = scan::candidate(picture.path.clone()).ok()?;
    if cancelled.load(Ordering::Relaxed) || !now.stamp().matches(picture.stamp) {
        return None;
    }
    // What cannot be decoded may be readable the next time.
    let pixels = catch_panic(|| open_picture(picture)).ok().flatten()?;
    let failure = match program.read(&pixels, languages, cancelled) {
        Ok(text) => return Some(Reading { text: ReadText { hash: picture.hash, text: Ok(text) }, failure: None }),
        Err(TesseractError::Cancelled) => return None,
        Err(error) => error,
    };
    log::warn!("the text of {} could not be read: {failure}", picture.path.display());
    let is_slow = matches!(failure, TesseractError::TooSlow { .. });
    Some(Reading { text: ReadText::failed(picture, !is_slow), failure: Some(failure) })
}

/// What became of a picture, and why it could not be read.
struct Reading {
    text: ReadText,
    failure: Option<TesseractError>,
}

/// What is not stored yet.
#[derive(Default)]
struct Readings {
    read: Vec<ReadText>,
    failed: Vec<ReadText>,
    /// Those that took too long.
    slow: Vec<ReadText>,
    /// Whether the program could read any picture.
    any_read: bool,
}

fn open_picture(picture: &UnreadPicture) -> Option<Picture> {
    if let Some(part) = picture.part {
        return match file_content::open_part(&picture.path, part).ok()?? {
            PartContent::Picture { picture, .. } => Some(picture),
            PartContent::Text(_) => None,
        };
    }
    match file_content::open(&picture.path, ReadOptions::default()).ok()? {
        Content::Image { picture, .. } => Some(picture),
        _ => None,
    }
}

/// Counts pictures, and estimates the time left.
struct ProgressReport {
    done: u64,
    total: u64,
    rate: RateEstimator,
}

impl ProgressReport {
    fn new(total: u64) -> Self {
        let mut rate = RateEstimator::default();
        rate.sample(0);
        Self { done: 0, total, rate }
    }

    fn add(&mut self, read: u64) -> TextProgress {
        self.done += read;
        self.rate.sample(self.done);
        let left = self.total.saturating_sub(self.done) as f32;
        let seconds_left = self.rate.per_second.filter(|rate| *rate > 0.0).map(|rate| left / rate);
        TextProgress { done: self.done, total: self.total, seconds_left, paused: false }
    }
}
