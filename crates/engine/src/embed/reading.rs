//! The readers: bytes of a file, its hash, its thumbnail, and what a tower takes.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use crossbeam_channel::Receiver;

use super::super::guard;
use super::super::library::{NewItem, RejectedFile, RejectionCause};
use super::super::meter::Meter;
use super::super::model::NoModel;
use super::super::scan::Candidate;
use super::{Done, Ends, Pipeline, Ready, Setback, send};
use vicinity_core::{ContentHash, LeftOut, Modality, Picture};
use vicinity_media::{Content, ReadOptions, RowError, TableRow, TableRows, thumbnail};

/// Longest side of a thumbnail, pixels.
const THUMBNAIL: u32 = 256;
/// Characters of a text that are kept as its snippet.
const SNIPPET: usize = 300;

impl Pipeline {
    pub(super) fn read_all(&self, pool: &rayon::ThreadPool, candidates: &Receiver<Candidate>, ends: Ends) {
        let ends = &ends;
        pool.scope(|scope| {
            for _ in 0..pool.current_num_threads() {
                scope.spawn(move |_| {
                    for candidate in candidates {
                        if self.control.go_on() {
                            self.read_one(&candidate, ends);
                        }
                        self.in_flight.fetch_sub(1, Ordering::AcqRel);
                    }
                });
            }
        });
    }

    fn read_one(&self, candidate: &Candidate, ends: &Ends) {
        // Here and not around the thread: its neighbours would go on, and the run would not end.
        let result = guard::caught(|| self.take_in(candidate, ends)).unwrap_or_else(|reason| {
            self.give_up(format!("Could not import {} ({reason})", candidate.path.display()));
            Ok(())
        });
        let (cause, reason) = match result {
            Ok(()) => return,
            Err(Setback::Model(error)) => return self.no_model(&error),
            Err(Setback::Access(reason)) => (RejectionCause::Access, reason),
            Err(Setback::Content(reason)) => (RejectionCause::Content, reason),
            Err(Setback::LeftOut(reason)) => (RejectionCause::LeftOut(reason), String::new()),
        };
        Meter::take(&self.meter.total, 1);
        let Candidate { path, len: bytes, modified_ns, change_mark } = candidate.clone();
        send(&ends.done, Done::Failed(RejectedFile { path, reason, cause, bytes, modified_ns, change_mark }));
    }

    /// Reads a file and sends what is to be embedded on to the towers.
    fn take_in(&self, candidate: &Candidate, ends: &Ends) -> Result<(), Setback> {
        let (hash, content) = Meter::clock(&self.meter.read, || self.content(candidate))?;
        let whole = NewItem::of(candidate, hash);
        match content {
            Content::Image { picture, original } => self.take_image(whole, &picture, original, ends)?,
            Content::Text(text) => self.take_text(whole, text, ends),
            Content::Rows(rows) => self.take_rows(candidate, rows, ends),
        }
        Ok(())
    }

    /// What a file holds. Of one that is not wanted only the beginning is read.
    fn content(&self, candidate: &Candidate) -> Result<(ContentHash, Content), Setback> {
        let path = &candidate.path;
        let mut file = vicinity_media::open(path).map_err(Setback::Access)?;
        if let Some(reason) = file.left_out(path) {
            return Err(Setback::LeftOut(reason));
        }
        file.fill().map_err(Setback::Access)?;
        let content = file.content(path, &ReadOptions { rows: self.options.rows }).map_err(Setback::Content)?;
        content.ok_or(Setback::LeftOut(LeftOut::Blank))
    }

    fn take_image(&self, item: NewItem, picture: &Picture, original: [u32; 2], ends: &Ends) -> Result<(), NoModel> {
        let model = self.model.wait()?;
        self.expect(1);
        let item = NewItem { modality: Modality::Image, pixels: Some(original), ..item };
        let thumbnails = self.library.thumbnails();
        Meter::clock(&self.meter.read, || {
            if thumbnails.get(&item.hash).is_none() {
                thumbnails.put(&item.hash, &thumbnail::encode(&thumbnail::shrink(picture, THUMBNAIL)));
            }
        });
        if let Some(item) = self.first_of_its_kind(item, ends) {
            let content = Meter::clock(&self.meter.read, || model.image.prepare(picture));
            send(&ends.images, Ready { item, content });
        }
        Ok(())
    }

    fn take_text(&self, item: NewItem, text: String, ends: &Ends) {
        self.expect(1);
        let item = NewItem { modality: Modality::Text, snippet: Some(snippet(&text)), ..item };
        if let Some(item) = self.first_of_its_kind(item, ends) {
            send(&ends.texts, Ready { item, content: text });
        }
    }

    fn take_rows(&self, candidate: &Candidate, rows: TableRows, ends: &Ends) {
        Meter::take(&self.meter.total, 1);
        let mut failures = Vec::new();
        for row in rows {
            if self.control.is_cancelled() {
                return;
            }
            match row {
                Ok(TableRow { number, text }) => {
                    Meter::add(&self.meter.total, 1);
                    let hash = ContentHash(*blake3::hash(text.as_bytes()).as_bytes());
                    self.take_text(NewItem { row: Some(number), ..NewItem::of(candidate, hash) }, text, ends);
                }
                Err(error) => failures.push(error),
            }
        }
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).push(candidate.clone());
        if let Some(reason) = RowError::sentence(&failures) {
            // the file's failure counts once
            Meter::add(&self.meter.failed, failures.len() - 1);
            let Candidate { path, len: bytes, modified_ns, change_mark } = candidate.clone();
            let cause = RejectionCause::Partial;
            send(&ends.done, Done::Failed(RejectedFile { path, reason, cause, bytes, modified_ns, change_mark }));
        }
    }

    /// The item, unless its content is embedded already or on its way.
    fn first_of_its_kind(&self, item: NewItem, ends: &Ends) -> Option<NewItem> {
        let mut flying = self.flying.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (item.hash, item.modality);
        if let Some(waiting) = flying.get_mut(&key) {
            waiting.push(item);
            return None;
        }
        if self.library.has_vector(&item) {
            drop(flying);
            self.reused(vec![item], ends);
            return None;
        }
        flying.insert(key, Vec::new());
        Some(item)
    }

    fn expect(&self, items: usize) {
        self.in_flight.fetch_add(items, Ordering::AcqRel);
    }

    fn reused(&self, items: Vec<NewItem>, ends: &Ends) {
        send(&ends.done, Done::Known(items));
    }
}

/// The beginning of a text, white space collapsed.
fn snippet(text: &str) -> String {
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
