//! What the programs in `fuzz/` run of the private parts: each function takes any bytes, and returns. Compiled for them alone.

use std::io::{self, BufReader, Read as _};
use std::path::Path;
use std::sync::Arc;

use vicinity_core::Picture;
use vicinity_core::monitor::Monitor;

use crate::decode_helper::document_protocol::{self, DocumentAnswer};
use crate::decode_helper::protocol::{self, HelperRequest};
use crate::error::ReadError;
use crate::formats::PictureFormat;
use crate::guard::guarded;
use crate::pdf::{self, PageCache};
use crate::picture;
use crate::sniff::{self, Sight};
use crate::video::{self, ppm};

/// Stack of the thread that reads a document, as in the helper process.
const STACK: usize = 64 << 20;
/// Pages of a document that are read.
const MAX_PAGES: u32 = 3;

/// Parsers of picture files and of what tells formats, without decoders of pixels.
pub fn containers(bytes: &[u8]) {
    let _kind = sniff::kind(&Sight::of(Path::new("x"), bytes));
    let _video = video::detect(bytes);
    picture::fuzzing::parse(bytes);
}

/// The texts of a document's pages, and the pictures of them if `drawn`, as the helper process reads them.
pub fn pdf(bytes: &[u8], drawn: bool) {
    let read = || {
        let opened = guarded(|| Ok(pdf::open(Arc::new(bytes.to_vec()))?));
        let Ok(opened) = opened else { return };
        let cache = PageCache::new();
        for page in 0..pdf::page_count(&opened).min(MAX_PAGES) {
            let _text = guarded(|| Ok(pdf::text(&opened, page)?));
            if drawn && let Ok((picture, _)) = guarded(|| pdf::draw(&opened, page, &cache)) {
                assert!(picture.width().max(picture.height()) <= pdf::LONGER_SIDE);
            }
        }
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, read);
        thread.expect("a thread").join().expect("nothing panics that is not guarded");
    });
}

/// What a helper process is asked: what was understood is written as it was.
pub fn helper_request(mut bytes: &[u8]) {
    let whole = bytes;
    while let Ok(Some(request)) = protocol::read_request(&mut bytes) {
        if let HelperRequest::Picture(format, content) = request {
            let mut written = Vec::new();
            protocol::write_request(&mut written, format, &content).expect("a vector takes all");
            assert!(whole.windows(written.len()).any(|part| part == written));
        }
    }
}

/// What a helper process answers about a picture: what was understood is understood again.
pub fn helper_answer(bytes: &[u8]) {
    let format = PictureFormat::Avif;
    let Ok(answer) = protocol::read_answer(&mut &bytes[..], format) else { return };
    let mut written = Vec::new();
    protocol::write_answer(&mut written, &answer).expect("a vector takes all");
    let again = protocol::read_answer(&mut &written[..], format).expect("it was written");
    assert_eq!(format!("{answer:?}"), format!("{again:?}"));
}

/// The questions to a helper process about a document, and its answers.
pub fn helper_document(bytes: &[u8]) {
    let mut questions = bytes;
    while let Ok(question) = document_protocol::read_question(&mut questions) {
        let mut written = Vec::new();
        document_protocol::write_question(&mut written, question).expect("a vector takes all");
        assert_eq!(document_protocol::read_question(&mut &written[..]).ok(), Some(question));
    }
    let Ok(answer) = document_protocol::read_answer(&mut &bytes[..]) else { return };
    let mut written = Vec::new();
    document_protocol::write_answer(&mut written, &answer).expect("a vector takes all");
    let again = document_protocol::read_answer(&mut &written[..]).expect("it was written");
    let is_text = |answer: &Result<DocumentAnswer, ReadError>| matches!(answer, Ok(DocumentAnswer::Text(_)));
    assert!(is_text(&answer) && is_text(&again) || format!("{answer:?}") == format!("{again:?}"));
}

/// The frames that `ffmpeg` writes.
pub fn video_frames(mut bytes: &[u8]) {
    const SIDE: u32 = 64;
    while let Ok(Some(frame)) = ppm::read(&mut bytes, SIDE) {
        assert!(frame.width() <= SIDE && frame.rgb().len() == rgb_len(&frame));
    }
}

fn rgb_len(picture: &Picture) -> usize {
    picture.width() as usize * picture.height() as usize * 3
}

/// What `ffmpeg` says about them.
pub fn video_messages(bytes: &[u8]) {
    let log = Monitor::new(video::log::Log::default());
    video::log::follow(BufReader::new(bytes), &log).expect("a slice can be read");
    log.read(|log| assert!(log.notes.iter().all(|note| note.size.iter().all(|side| *side > 0))));
}

/// Reads all of what a decoder is shown, with a jump.
pub(crate) fn drain(mut from: impl io::Read + io::Seek) {
    let mut half = vec![0; 1000];
    let _short = from.read(&mut half);
    let _jumped = from.seek(io::SeekFrom::Current(-7));
    let _end = io::copy(&mut from.by_ref().take(1 << 24), &mut io::sink());
    let _behind = from.seek(io::SeekFrom::End(3)).and_then(|_| from.read(&mut half));
}
