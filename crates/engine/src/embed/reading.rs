//! The readers: bytes of a file, its hash, its thumbnail, and what a tower takes.

use std::path::Path;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use crossbeam_channel::Receiver;

use super::super::import_stats::ImportStats;
use super::super::library::{NewItem, RejectedFile, RejectionCause};
use super::super::model_unavailable::ModelUnavailable;
use super::super::previews::THUMBNAIL;
use super::super::scan::Candidate;
use super::{FileError, ImportOutcome, Pipeline, ReadParts, Senders, TowerInput, send};
use vicinity_core::worker;
use vicinity_core::{ContentHash, Modality, Part, Picture};
use vicinity_media::{
    Content, FilePart, PartContent, PartError, Parts, ReadOptions, RowError, TableRow, TableRows, thumbnail,
};

/// Characters of a text that are kept as its snippet.
const SNIPPET: usize = 300;

impl Pipeline {
    pub(super) fn read_all(&self, pool: &rayon::ThreadPool, candidates: &Receiver<Candidate>, senders: Senders) {
        let senders = &senders;
        pool.scope(|scope| {
            for _ in 0..pool.current_num_threads() {
                scope.spawn(move |_| {
                    for candidate in candidates {
                        if self.control.wait_if_paused() {
                            self.read_one(&candidate, senders);
                        }
                        self.in_flight.fetch_sub(1, Ordering::AcqRel);
                    }
                });
            }
        });
    }

    fn read_one(&self, candidate: &Candidate, senders: &Senders) {
        // Here and not around the thread: the other readers would continue, and the run would not end.
        let result = worker::catch_panic(|| self.import_file(candidate, senders)).unwrap_or_else(|reason| {
            self.abort(format!("Could not import {} ({reason})", candidate.path.display()));
            Ok(())
        });
        let (cause, reason) = match result {
            Ok(()) | Err(FileError::Cancelled) => return,
            Err(FileError::Model(error)) => return self.abort_without_model(&error),
            Err(FileError::OwnVectors(error)) => {
                self.abort(error.to_string());
                return;
            }
            Err(FileError::Access(error)) => (RejectionCause::Access, error.to_string()),
            Err(FileError::Content(error)) => (RejectionCause::Content, error.to_string()),
            Err(FileError::Skipped(reason)) => (RejectionCause::LeftOut(reason), String::new()),
        };
        ImportStats::subtract(&self.stats.total, 1);
        reject(candidate, cause, reason, 1, senders);
    }

    /// Reads a file and sends what is to be embedded on to the towers.
    fn import_file(&self, candidate: &Candidate, senders: &Senders) -> Result<(), FileError> {
        let (hash, content) = ImportStats::measure(&self.stats.read, || self.content(candidate))?;
        let whole = NewItem::of(candidate, hash);
        match content {
            Content::Image { picture, original } => self.import_image(whole, &picture, original, senders)?,
            Content::Text(text) => self.import_text(whole, text, senders),
            Content::Rows(rows) => match self.model.own_vectors() {
                Some(own_vectors) => self.import_own_rows(candidate, rows, own_vectors, senders)?,
                None => self.import_rows(candidate, rows, senders)?,
            },
            Content::Parts(parts) => self.import_parts(candidate, parts, senders)?,
        }
        Ok(())
    }

    /// What a file holds. Of one that is not wanted only the beginning is read.
    fn content(&self, candidate: &Candidate) -> Result<(ContentHash, Content), FileError> {
        let path = &candidate.path;
        let mut file = vicinity_media::open(path).map_err(FileError::Access)?;
        if let Some(reason) = file.skip_reason(path) {
            return Err(FileError::Skipped(reason));
        }
        file.cancel_with(self.control.shared_flag());
        file.fill().map_err(FileError::Access)?;
        let without_content = file.skip_reason_without_content();
        let content = file.content(path, &self.read_options(path)).map_err(FileError::from)?;
        content.ok_or(FileError::Skipped(without_content))
    }

    fn read_options(&self, path: &Path) -> ReadOptions {
        let rows = self.options.reads_rows(path) || self.model.own_vectors().is_some();
        ReadOptions { rows, pages: self.options.pages, tables: self.options.tables.clone(), texts_only: false }
    }

    fn import_image(
        &self,
        item: NewItem,
        picture: &Picture,
        original: [u32; 2],
        senders: &Senders,
    ) -> Result<(), ModelUnavailable> {
        let model = self.model.wait()?;
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        let item = NewItem { modality: Modality::Image, pixels: Some(original), ..item };
        let thumbnails = self.library.thumbnails();
        ImportStats::measure(&self.stats.read, || {
            if thumbnails.get(&item.hash).is_none() {
                thumbnails.put(&item.hash, &thumbnail::encode(&thumbnail::shrink(picture, THUMBNAIL)));
            }
        });
        if let Some(item) = self.deduplicate(item, senders) {
            let content = ImportStats::measure(&self.stats.read, || model.image.prepare(picture));
            send(&senders.images, TowerInput { item, content });
        }
        Ok(())
    }

    fn import_text(&self, item: NewItem, text: String, senders: &Senders) {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        let item = NewItem { modality: Modality::Text, snippet: Some(snippet(&text)), ..item };
        if let Some(item) = self.deduplicate(item, senders) {
            send(&senders.texts, TowerInput { item, content: text });
        }
    }

    fn import_rows(&self, candidate: &Candidate, rows: TableRows, senders: &Senders) -> Result<(), ModelUnavailable> {
        ImportStats::subtract(&self.stats.total, 1);
        let (mut failures, mut found) = (Vec::new(), Vec::new());
        for row in rows {
            if self.control.is_cancelled() {
                return Ok(());
            }
            found.extend(row.as_ref().ok().map(|row| Part::Row(row.number).code().get()));
            match row {
                Ok(TableRow { number, picture: Some(picture), .. }) => match picture.decode() {
                    Ok((hash, picture, original)) => {
                        ImportStats::add(&self.stats.total, 1);
                        let item = NewItem { part: Some(Part::Row(number)), ..NewItem::of(candidate, hash) };
                        self.import_image(item, &picture, original, senders)?;
                    }
                    Err(error) => failures.push(RowError { line: number.into(), problem: error.into() }),
                },
                Ok(TableRow { number, text, .. }) => {
                    ImportStats::add(&self.stats.total, 1);
                    let hash = ContentHash(*blake3::hash(text.as_bytes()).as_bytes());
                    self.import_text(
                        NewItem { part: Some(Part::Row(number)), ..NewItem::of(candidate, hash) },
                        text,
                        senders,
                    );
                }
                Err(error) => failures.push(error),
            }
        }
        let read = ReadParts::new(candidate.clone(), found, failures.len());
        self.end_parts(read, failures.len(), RowError::sentence(&failures), senders);
        Ok(())
    }

    fn import_parts(&self, candidate: &Candidate, parts: Parts, senders: &Senders) -> Result<(), ModelUnavailable> {
        ImportStats::subtract(&self.stats.total, 1);
        let (mut failures, mut found) = (Vec::new(), Vec::new());
        for part in parts {
            if self.control.is_cancelled() {
                return Ok(());
            }
            match part {
                Ok(FilePart { part, hash, content }) => {
                    found.push(part.code().get());
                    ImportStats::add(&self.stats.total, 1);
                    let item = NewItem { part: Some(part), ..NewItem::of(candidate, hash) };
                    match content {
                        PartContent::Picture { picture, original } => {
                            self.import_image(item, &picture, original, senders)?;
                        }
                        PartContent::Text(text) => self.import_text(item, text, senders),
                    }
                }
                Err(error) => failures.push(error),
            }
        }
        // What was read of a file when the run ended is not all of it.
        if self.control.is_cancelled() {
            return Ok(());
        }
        let read = ReadParts::new(candidate.clone(), found, failures.len());
        self.end_parts(read, failures.len(), PartError::sentence(&failures), senders);
        Ok(())
    }

    /// All parts of a file are on their way, but for these failures.
    fn end_parts(&self, read: ReadParts, failures: usize, reason: Option<String>, senders: &Senders) {
        if let Some(reason) = reason {
            reject(&read.file, RejectionCause::Partial, reason, failures, senders);
        }
        self.in_parts.lock().unwrap_or_else(PoisonError::into_inner).push(read);
    }

    /// The item, unless its content is embedded already or on its way.
    fn deduplicate(&self, item: NewItem, senders: &Senders) -> Option<NewItem> {
        let mut in_progress = self.in_progress.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (item.hash, item.modality);
        if let Some(waiting) = in_progress.get_mut(&key) {
            waiting.push(item);
            return None;
        }
        if self.library.has_vector(&item) {
            drop(in_progress);
            send(&senders.outcomes, ImportOutcome::Known(item));
            return None;
        }
        in_progress.insert(key, Vec::new());
        Some(item)
    }
}

/// Notes that a file, or so many parts of it, could not be read.
pub(super) fn reject(candidate: &Candidate, cause: RejectionCause, reason: String, failures: usize, senders: &Senders) {
    let parts = u32::try_from(failures).unwrap_or(u32::MAX);
    let Candidate { path, len: bytes, modified_ns, change_mark } = candidate.clone();
    let rejected = RejectedFile { path, reason, cause, bytes, modified_ns, change_mark, parts };
    send(&senders.outcomes, ImportOutcome::Failed(rejected));
}

/// The beginning of a text, white space collapsed.
pub(super) fn snippet(text: &str) -> String {
    let mut short = String::new();
    for word in text.split_whitespace() {
        if !short.is_empty() {
            short.push(' ');
        }
        let left = SNIPPET.saturating_sub(short.chars().count());
        short.extend(word.chars().take(left));
        if left <= word.len() && short.chars().count() >= SNIPPET {
            break;
        }
    }
    short
}
