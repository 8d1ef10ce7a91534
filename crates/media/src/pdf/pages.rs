//! The pages of a document, read one after the other or one alone.

use std::time::{Duration, Instant};

use vicinity_core::{ContentHash, Part};

use super::{MAX_PAGES, PdfError};
use crate::budget::Reservation;
use crate::cancel::CancelFlag;
use crate::decode_helper::document::{DocumentSource, OpenDocument};
use crate::decode_helper::document_protocol::{DocumentAnswer, DocumentQuestion};
use crate::error::ReadError;
use crate::parts::{FilePart, PartContent, PartError};
use crate::picture::limits::BUDGET;

/// Helpers that a document may cost; then the rest is skipped.
const MAX_STOPS: u32 = 10;
/// Time that most pages take; what goes beyond it, over all pages of a document, is limited.
const USUAL_TIME: Duration = Duration::from_secs(2);
/// Maximum of that time.
const MAX_EXTRA_TIME: Duration = Duration::from_secs(600);
/// Bytes that drawing most pages takes.
const MEMORY: u64 = 192 << 20;

/// The pages of a document: of each its text, if it has one, then its picture.
pub struct PdfPages {
    document: OpenDocument,
    /// The part of the memory for files that the document takes.
    _held: Option<Reservation<'static>>,
    texts_only: bool,
    /// The next page, from 0.
    page: u32,
    /// Whether its text was read.
    has_text: bool,
    extra_time: Duration,
}

impl PdfPages {
    /// Opens a document of `len` bytes; `texts_only` leaves out the pictures.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged or encrypted, or has no pages.
    pub fn open(
        source: impl DocumentSource + 'static,
        len: u64,
        held: Option<Reservation<'static>>,
        texts_only: bool,
        cancelled: CancelFlag,
    ) -> Result<Self, ReadError> {
        let document = OpenDocument::open(Box::new(source), len, cancelled)?;
        Ok(Self { document, _held: held, texts_only, page: 0, has_text: false, extra_time: Duration::ZERO })
    }

    /// The number of its pages.
    pub fn page_count(&self) -> u32 {
        self.document.pages()
    }

    /// Why nothing more is read.
    fn limit(&self) -> Option<PdfError> {
        if self.page >= MAX_PAGES {
            Some(PdfError::TooManyPages { max: MAX_PAGES })
        } else if self.document.stops() >= MAX_STOPS {
            Some(PdfError::TooManyStops { max: MAX_STOPS })
        } else if self.extra_time > MAX_EXTRA_TIME {
            Some(PdfError::TooSlow)
        } else {
            None
        }
    }

    /// The text or picture that comes next.
    fn step(&mut self) -> Part {
        let number = self.page + 1;
        if self.has_text || self.texts_only {
            self.page = number;
        }
        let part = if self.has_text { Part::Page(number) } else { Part::PageText(number) };
        self.has_text = !self.has_text && !self.texts_only;
        part
    }

    fn read(&mut self, part: Part) -> Result<Option<PartContent>, ReadError> {
        let start = Instant::now();
        let content = read(&mut self.document, part);
        self.extra_time += start.elapsed().saturating_sub(USUAL_TIME);
        content
    }

    /// A picture is one of its document: nothing is gained by comparing pixels.
    fn hash(&self, part: Part, content: &PartContent) -> ContentHash {
        let hash = match content {
            PartContent::Text(text) => blake3::hash(text.as_bytes()),
            PartContent::Picture { .. } => {
                blake3::Hasher::new().update(&self.document.hash().0).update(part.to_string().as_bytes()).finalize()
            }
        };
        ContentHash(*hash.as_bytes())
    }
}

impl Iterator for PdfPages {
    type Item = Result<FilePart, PartError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.page < self.document.pages() {
            if let Some(limit) = self.limit() {
                let part = Part::Page(self.page + 1);
                self.page = u32::MAX;
                return Some(Err(PartError { part, problem: limit.into() }));
            }
            let part = self.step();
            match self.read(part) {
                Ok(None) => {}
                Ok(Some(content)) => {
                    let hash = self.hash(part, &content);
                    return Some(Ok(FilePart { part, hash, content }));
                }
                Err(problem) => {
                    // One failure is enough for a page.
                    self.page = part.page().unwrap_or(u32::MAX);
                    self.has_text = false;
                    return Some(Err(PartError { part, problem }));
                }
            }
        }
        None
    }
}

/// Reads one part of a document, if it has it.
///
/// # Errors
/// When it cannot be read.
pub fn read(document: &mut OpenDocument, part: Part) -> Result<Option<PartContent>, ReadError> {
    if !matches!(part, Part::Page(_) | Part::PageText(_)) {
        return Ok(None);
    }
    let index = part.page().and_then(|number| number.checked_sub(1)).ok_or(PdfError::PageMissing)?;
    let _memory = BUDGET.take(MEMORY);
    let question = match part {
        Part::PageText(_) => DocumentQuestion::Text(index),
        _ => DocumentQuestion::Picture(index),
    };
    match document.ask(question)? {
        DocumentAnswer::Text(text) => Ok(text.map(PartContent::Text)),
        DocumentAnswer::Picture((picture, original)) => Ok(Some(PartContent::Picture { picture, original })),
        DocumentAnswer::Opened(_) => Err(ReadError::DecoderStopped),
    }
}
