//! A document that is open in a helper. It is sent once, however many of its pages are read; a helper that is lost in
//! between costs one page, and a new one gets the document again.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::process::ChildStdin;
use std::time::Duration;

use vicinity_core::ContentHash;

use super::document_protocol::{DocumentAnswer, DocumentQuestion, OpenedDocument, read_answer, write_question};
use super::process::{Helper, HelperPool};
use super::protocol;
use super::{LIMIT, pool};
use crate::cancel::CancelFlag;
use crate::error::ReadError;
use crate::pdf::PdfError;

/// The longest that one page may take.
const PAGE_LIMIT: Duration = Duration::from_secs(20);
/// Bytes of a file that are sent in a second at least, on slow network drives, too.
const MIN_SPEED: u64 = 1 << 20;

/// Where the bytes of a document are.
pub trait DocumentSource: Read + Seek + Send {}
impl<T: Read + Seek + Send> DocumentSource for T {}

/// An open document.
pub struct OpenDocument {
    pool: &'static HelperPool,
    limit: Duration,
    source: Box<dyn DocumentSource>,
    len: u64,
    helper: Option<Helper>,
    /// Whether the helper has answered a question yet.
    is_used: bool,
    opened: OpenedDocument,
    stops: u32,
    hash: ContentHash,
    cancelled: CancelFlag,
}

impl OpenDocument {
    /// Opens a document of `len` bytes in a helper.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged or encrypted; when the helper cannot be started, ends or takes too long.
    pub fn open(source: Box<dyn DocumentSource>, len: u64, cancelled: CancelFlag) -> Result<Self, ReadError> {
        Self::open_in(pool().ok_or(ReadError::NoDecoder)?, PAGE_LIMIT, source, len, cancelled)
    }

    fn open_in(
        pool: &'static HelperPool,
        limit: Duration,
        source: Box<dyn DocumentSource>,
        len: u64,
        cancelled: CancelFlag,
    ) -> Result<Self, ReadError> {
        let hash = ContentHash([0; 32]);
        let opened = OpenedDocument::default();
        let mut document =
            Self { pool, limit, source, len, helper: None, is_used: false, opened, stops: 0, hash, cancelled };
        // The first may have ended before it got the file.
        let waiting = pool.waiting().map(|helper| document.send(helper));
        let (opened, hash) = match waiting {
            Some(Ok(opened)) => opened,
            None | Some(Err(ReadError::DecoderStopped)) => document.send(pool.start()?)?,
            Some(Err(error)) => return Err(error),
        };
        (document.opened, document.hash) = (opened, hash);
        Ok(document)
    }

    /// The number of its pages.
    pub fn pages(&self) -> u32 {
        self.opened.pages
    }

    /// Its title, if it has one.
    pub fn title(&self) -> Option<&str> {
        self.opened.title.as_deref()
    }

    /// Whether it is encrypted, though anybody may read it.
    pub fn is_encrypted(&self) -> bool {
        self.opened.is_encrypted
    }

    /// The hash of its bytes.
    pub fn hash(&self) -> ContentHash {
        self.hash
    }

    /// How many helpers it has cost.
    pub fn stops(&self) -> u32 {
        self.stops
    }

    /// The answer to a question about a page.
    ///
    /// # Errors
    /// When the page is damaged, or the helper ends or takes too long. The document can be asked about other pages.
    pub fn ask(&mut self, question: DocumentQuestion) -> Result<DocumentAnswer, ReadError> {
        loop {
            let mut helper = match self.helper.take() {
                Some(helper) => helper,
                None => self.reopened()?,
            };
            let answer = helper.ask(self.limit, &self.cancelled, |input, output| {
                write_question(input, question)?;
                read_answer(output)
            });
            match answer {
                Ok(answer) => {
                    self.helper = Some(helper);
                    self.is_used = true;
                    return answer;
                }
                Err(error) => {
                    self.stops += 1;
                    // What earlier pages left behind may be to blame.
                    if !self.is_used || error != ReadError::DecoderStopped {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// A new helper with the document.
    fn reopened(&mut self) -> Result<Helper, ReadError> {
        let helper = self.pool.start()?;
        let (opened, hash) = self.send(helper)?;
        // The file was changed meanwhile.
        if (opened.pages, hash) != (self.opened.pages, self.hash) {
            return Err(PdfError::PageMissing.into());
        }
        self.helper.take().ok_or(ReadError::DecoderStopped)
    }

    /// Sends the document to a helper, which is kept: what it says about it, and the hash.
    fn send(&mut self, mut helper: Helper) -> Result<(OpenedDocument, ContentHash), ReadError> {
        let (source, len) = (&mut self.source, self.len);
        let limit = LIMIT + Duration::from_secs(len / MIN_SPEED);
        let answer = helper.ask(limit, &self.cancelled, |input, output| match copy(source, len, input)? {
            Ok(hash) => Ok(read_answer(output)?.map(|answer| (answer, hash))),
            Err(error) => Ok(Err(ReadError::from(error))),
        });
        match answer? {
            Ok((DocumentAnswer::Opened(opened), hash)) => {
                (self.helper, self.is_used) = (Some(helper), false);
                Ok((opened, hash))
            }
            Ok(_) => Err(ReadError::DecoderStopped),
            Err(error) => {
                // It is closed already if it could not be opened, and of no use if only a part of it was sent.
                if matches!(error, ReadError::Pdf(_)) {
                    self.pool.keep(helper);
                }
                Err(error)
            }
        }
    }
}

impl Drop for OpenDocument {
    fn drop(&mut self) {
        let Some(mut helper) = self.helper.take() else { return };
        if helper.ask(self.limit, &self.cancelled, |input, _| write_question(input, DocumentQuestion::Close)).is_ok() {
            self.pool.keep(helper);
        }
    }
}

/// Sends a document as a request. The outer error is one of the pipe, the inner one of the source.
fn copy(
    source: &mut Box<dyn DocumentSource>,
    len: u64,
    input: &mut ChildStdin,
) -> io::Result<Result<ContentHash, io::Error>> {
    input.write_all(&[protocol::DOCUMENT])?;
    input.write_all(&len.to_le_bytes())?;
    if let Err(error) = source.seek(SeekFrom::Start(0)) {
        return Ok(Err(error));
    }
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; 256 << 10];
    let mut left = len;
    while left > 0 {
        let most = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = match source.read(&mut piece[..most]) {
            // It became shorter.
            Ok(0) => return Ok(Err(io::ErrorKind::UnexpectedEof.into())),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Ok(Err(error)),
        };
        hasher.update(&piece[..read]);
        input.write_all(&piece[..read])?;
        left -= read as u64;
    }
    input.flush()?;
    Ok(Ok(ContentHash(*hasher.finalize().as_bytes())))
}

#[cfg(unix)] // Tested here.
#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::path::Path;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    /// Answers a question with the text "hi".
    const HI: &str = "head -c 5 >/dev/null; printf '\\002\\002'; head -c 15 /dev/zero; printf hi";

    /// Opens a document with a program that notes each start in a file, takes the document, says how many pages it has,
    /// and goes on with a script.
    fn opened(list: &Path, pages: &str, script: &str, limit: Duration) -> Result<OpenDocument, ReadError> {
        let list = list.display();
        let open = format!("echo x >>{list}; head -c 12 >/dev/null; printf '\\000'{pages}; head -c 15 /dev/zero");
        let script = format!("{open}; {script}");
        let pool = Box::leak(Box::new(HelperPool::new("/bin/sh".into(), vec!["-c".into(), script.into()], LONG)));
        OpenDocument::open_in(pool, limit, Box::new(Cursor::new(b"abc")), 3, CancelFlag::default())
    }

    fn text(document: &mut OpenDocument, page: u32) -> Result<Option<String>, ReadError> {
        match document.ask(DocumentQuestion::Text(page))? {
            DocumentAnswer::Text(text) => Ok(text),
            other => panic!("no text: {other:?}"),
        }
    }

    fn starts(list: &Path) -> usize {
        std::fs::read_to_string(list).unwrap().lines().count()
    }

    #[test]
    fn a_document_is_sent_once_for_all_pages() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("started");
        let script = format!("while true; do {HI}; done");
        let mut document = opened(&list, "'\\007'", &script, LONG).unwrap();
        assert_eq!(document.pages(), 7);
        assert_eq!(document.hash().0, *blake3::hash(b"abc").as_bytes());
        for page in 0..7 {
            assert_eq!(text(&mut document, page).unwrap().as_deref(), Some("hi"));
        }
        assert_eq!((starts(&list), document.stops()), (1, 0));
    }

    #[test]
    fn a_lost_helper_is_replaced_and_earlier_pages_are_not_blamed_on_later_ones() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("started");
        let mut document = opened(&list, "'\\007'", HI, LONG).unwrap();
        for page in 0..3 {
            assert_eq!(text(&mut document, page).unwrap().as_deref(), Some("hi"));
        }
        assert_eq!((starts(&list), document.stops()), (3, 2));
    }

    #[test]
    fn a_page_that_ends_or_hangs_its_helper_fails_alone() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("started");
        let mut document = opened(&list, "'\\007'", "head -c 5 >/dev/null; kill -ABRT $$", LONG).unwrap();
        for _ in 0..3 {
            assert_eq!(text(&mut document, 0), Err(ReadError::DecoderStopped));
        }
        assert_eq!((starts(&list), document.stops()), (3, 3));
        let short = Duration::from_millis(300);
        let mut document = opened(&list, "'\\007'", "exec sleep 600", short).unwrap();
        assert_eq!(text(&mut document, 0), Err(ReadError::DecoderTooSlow { seconds: 0 }));
        assert_eq!(text(&mut document, 1), Err(ReadError::DecoderTooSlow { seconds: 0 }));
    }

    #[test]
    fn a_document_that_changed_meanwhile_is_not_read_on() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("started");
        let pages = format!("$(printf '\\\\00%d' $(wc -l <{}))", list.display());
        let mut document = opened(&list, &format!("\"{pages}\""), HI, LONG).unwrap();
        assert_eq!(document.pages(), 1);
        assert_eq!(text(&mut document, 0).unwrap().as_deref(), Some("hi"));
        assert_eq!(text(&mut document, 0), Err(PdfError::PageMissing.into()));
    }

    #[test]
    fn what_cannot_be_opened_is_an_error_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("started");
        let refused = |script: &str| opened(&list, "''", script, LONG).err();
        assert_eq!(refused("exit 0"), Some(ReadError::DecoderStopped));
        let pool = Box::leak(Box::new(HelperPool::new("/bin/cat".into(), Vec::new(), LONG)));
        let source = Box::new(Cursor::new(b"too short"));
        let error = OpenDocument::open_in(pool, LONG, source, 1 << 20, CancelFlag::default()).err();
        assert!(matches!(error, Some(ReadError::Io { .. })), "{error:?}");
    }
}
