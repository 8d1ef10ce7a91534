//! A document in a helper: opened, asked about its pages, closed.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Instant;

use vicinity_core::monitor::Monitor;

use super::GRACE;
use super::limits::DocumentLimit;
use crate::decode_helper::LIMIT;
use crate::decode_helper::document_protocol::{DocumentAnswer, DocumentQuestion, read_question, write_answer};
use crate::error::ReadError;
use crate::guard::guarded;
use crate::pdf::{self, PageCache};

/// Stack of the thread that reads: forms within forms are read by calls within calls.
const STACK: usize = 64 << 20;
/// After this number of answers the document is opened again, to be rid of what was kept of earlier pages.
const MAX_ANSWERS: usize = 64;

/// Answers questions about a document until it is closed.
///
/// # Errors
/// When the pipes are closed.
pub fn serve(bytes: Vec<u8>, deadline: &Monitor<Option<Instant>>) -> io::Result<()> {
    let _limit = DocumentLimit::set();
    std::thread::scope(|scope| {
        // What is kept of a document cannot leave the thread, and the locks of the pipes cannot enter it.
        let answer = || answer_all(&Arc::new(bytes), &mut io::stdin(), &mut io::stdout(), deadline);
        let thread = std::thread::Builder::new().name("document".to_owned()).stack_size(STACK);
        let thread = thread.spawn_scoped(scope, answer)?;
        thread.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
    })
}

fn answer_all(
    bytes: &Arc<Vec<u8>>,
    input: &mut impl Read,
    output: &mut impl Write,
    deadline: &Monitor<Option<Instant>>,
) -> io::Result<()> {
    let mut is_first = true;
    loop {
        deadline.update(|until| *until = Some(Instant::now() + LIMIT + GRACE));
        let opened = guarded(|| Ok(pdf::open(Arc::clone(bytes))?));
        deadline.update(|until| *until = None);
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) if is_first => return write_answer(output, &Err(error)),
            // It could be opened before.
            Err(_) => return Err(io::ErrorKind::InvalidData.into()),
        };
        if is_first {
            let about = guarded(|| Ok(pdf::about(&opened, bytes)));
            write_answer(output, &about.map(DocumentAnswer::Opened))?;
        }
        is_first = false;
        let cache = PageCache::new();
        for _ in 0..MAX_ANSWERS {
            let question = read_question(input)?;
            if question == DocumentQuestion::Close {
                return Ok(());
            }
            deadline.update(|until| *until = Some(Instant::now() + LIMIT + GRACE));
            let answer = guarded(|| match question {
                DocumentQuestion::Text(page) => Ok(DocumentAnswer::Text(pdf::text(&opened, page)?)),
                DocumentQuestion::Picture(page) => Ok(DocumentAnswer::Picture(pdf::draw(&opened, page, &cache)?)),
                DocumentQuestion::Close => Err(ReadError::DecoderStopped),
            });
            deadline.update(|until| *until = None);
            write_answer(output, &answer)?;
            if matches!(answer, Err(ReadError::DecoderPanicked)) {
                // It may have been in the middle of a change.
                break;
            }
        }
    }
}
