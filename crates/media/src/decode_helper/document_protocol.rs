//! What goes through the pipes once a document was sent. Numbers are stored with their least significant byte first.
//!
//! The first answer is the number of pages, the length of the title, and whether the document is encrypted. Then each question is a code and the number of a page in 4 bytes, until the
//! document is closed. An answer is a code and four numbers of 4 bytes, then the pixels of a picture or the bytes of a text.

use std::io::{self, Read, Write};

use super::protocol::{Decoded, invalid, read_pixels};
use crate::error::{PictureError, ReadError};
use crate::pdf::PdfError;
use crate::text;

/// What is asked about an open document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentQuestion {
    /// The picture of a page, counted from 0.
    Picture(u32),
    /// The text of a page, counted from 0.
    Text(u32),
    /// Nothing more: the helper is free for another file.
    Close,
}

/// What is known of a document once it is open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenedDocument {
    /// The number of its pages.
    pub pages: u32,
    /// Its title, at most [`MAX_TITLE`] bytes.
    pub title: Option<String>,
    /// Whether it is encrypted, though anybody may read it.
    pub is_encrypted: bool,
}

/// Maximum bytes of a title.
pub const MAX_TITLE: usize = 1000;

/// What a helper says about a document.
#[derive(Debug)]
pub enum DocumentAnswer {
    /// It is open.
    Opened(OpenedDocument),
    /// The picture of a page.
    Picture(Decoded),
    /// The text of a page; `None` if it has none.
    Text(Option<String>),
}

/// Writes a question.
pub fn write_question(out: &mut impl Write, question: DocumentQuestion) -> io::Result<()> {
    let (code, page) = match question {
        DocumentQuestion::Close => (0, 0),
        DocumentQuestion::Picture(page) => (1, page),
        DocumentQuestion::Text(page) => (2, page),
    };
    let mut bytes = [code; 5];
    bytes[1..].copy_from_slice(&page.to_le_bytes());
    out.write_all(&bytes)?;
    out.flush()
}

/// Reads a question.
pub fn read_question(input: &mut impl Read) -> io::Result<DocumentQuestion> {
    let mut bytes = [0; 5];
    input.read_exact(&mut bytes)?;
    let [code, page @ ..] = bytes;
    let page = u32::from_le_bytes(page);
    match code {
        0 => Ok(DocumentQuestion::Close),
        1 => Ok(DocumentQuestion::Picture(page)),
        2 => Ok(DocumentQuestion::Text(page)),
        _ => Err(invalid()),
    }
}

/// Writes an answer.
pub fn write_answer(out: &mut impl Write, answer: &Result<DocumentAnswer, ReadError>) -> io::Result<()> {
    let (code, numbers, bytes): (u8, [u32; 4], &[u8]) = match answer {
        Ok(DocumentAnswer::Opened(OpenedDocument { pages, title, is_encrypted })) => {
            let title = title.as_deref().unwrap_or_default().as_bytes();
            (0, [*pages, title.len() as u32, u32::from(*is_encrypted), 0], title)
        }
        Ok(DocumentAnswer::Picture((picture, [width, height]))) => {
            (1, [picture.width(), picture.height(), *width, *height], picture.rgb())
        }
        Ok(DocumentAnswer::Text(text)) => {
            let text = text.as_deref().unwrap_or_default().as_bytes();
            (2, [text.len() as u32, 0, 0, 0], text)
        }
        Err(error) => (code(error), [0; 4], &[]),
    };
    out.write_all(&[code])?;
    out.write_all(&numbers.map(u32::to_le_bytes).concat())?;
    out.write_all(bytes)?;
    out.flush()
}

/// The errors that a helper reports, and their codes. All others are [`ReadError::DecoderPanicked`].
const ERRORS: [(u8, ReadError); 7] = [
    (16, ReadError::Pdf(PdfError::Encrypted)),
    (17, ReadError::Pdf(PdfError::UnknownEncryption)),
    (18, ReadError::Pdf(PdfError::Damaged)),
    (19, ReadError::Pdf(PdfError::NoPages)),
    (20, ReadError::Pdf(PdfError::PageMissing)),
    (21, ReadError::Picture(PictureError::NoPixels)),
    (22, ReadError::DecoderPanicked),
];
const PANICKED: u8 = 22;

fn code(error: &ReadError) -> u8 {
    ERRORS.iter().find(|(_, known)| known == error).map_or(PANICKED, |(code, _)| *code)
}

/// Reads an answer. What it says is checked: the decoder may have been taken over by the file.
pub fn read_answer(input: &mut impl Read) -> io::Result<Result<DocumentAnswer, ReadError>> {
    let mut head = [0; 17];
    input.read_exact(&mut head)?;
    let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let [first, second] = [number(1), number(5)];
    let answer = match head[0] {
        0 if second as usize > MAX_TITLE => return Err(invalid()),
        0 => {
            let (title, is_encrypted) = (read_text(input, second)?, number(9) != 0);
            DocumentAnswer::Opened(OpenedDocument { pages: first, title, is_encrypted })
        }
        1 => DocumentAnswer::Picture((read_pixels(input, [first, second])?, [number(9), number(13)])),
        2 => DocumentAnswer::Text(read_text(input, first)?),
        code => {
            let known = ERRORS.iter().find(|(known, _)| *known == code);
            return known.map(|(_, error)| Err(error.clone())).ok_or_else(invalid);
        }
    };
    Ok(Ok(answer))
}

fn read_text(input: &mut impl Read, len: u32) -> io::Result<Option<String>> {
    if u64::from(len) > text::MAX_BYTES {
        return Err(invalid());
    }
    let mut bytes = vec![0; len as usize];
    input.read_exact(&mut bytes)?;
    Ok(text::shown(&String::from_utf8(bytes).map_err(|_| invalid())?))
}

#[cfg(test)]
mod tests {
    use vicinity_core::Picture;

    use super::*;

    #[test]
    fn questions_and_answers_arrive_as_they_were_sent() {
        for question in [DocumentQuestion::Picture(7), DocumentQuestion::Text(u32::MAX), DocumentQuestion::Close] {
            let mut pipe = Vec::new();
            write_question(&mut pipe, question).unwrap();
            assert_eq!(read_question(&mut &pipe[..]).unwrap(), question);
        }
        let picture = Picture::new(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
        let answers = [
            DocumentAnswer::Opened(OpenedDocument { pages: 5000, ..OpenedDocument::default() }),
            DocumentAnswer::Opened(OpenedDocument { pages: 1, title: Some("Über".into()), is_encrypted: true }),
            DocumentAnswer::Picture((picture, [20, 10])),
            DocumentAnswer::Text(Some("naïve\ntext".into())),
            DocumentAnswer::Text(None),
        ];
        let errors = ERRORS.map(|(_, error)| Err(error));
        for answer in answers.into_iter().map(Ok).chain(errors) {
            let mut pipe = Vec::new();
            write_answer(&mut pipe, &answer).unwrap();
            assert_eq!(format!("{:?}", read_answer(&mut &pipe[..]).unwrap()), format!("{answer:?}"));
        }
    }

    #[test]
    fn answers_of_a_hostile_helper_are_refused() {
        let is_refused = |code: u8, first: u32, second: u32, rest: &[u8]| {
            let bytes = [&[code][..], &first.to_le_bytes(), &second.to_le_bytes(), &[0; 8], rest].concat();
            read_answer(&mut &bytes[..]).is_err()
        };
        assert!(is_refused(1, u32::MAX, u32::MAX, &[]) && is_refused(1, 0, 5, &[]) && is_refused(1, 2, 2, &[0; 11]));
        assert!(is_refused(2, u32::MAX, 0, &[]) && is_refused(2, 2, 0, b"a") && is_refused(2, 2, 0, b"\xff\xfe"));
        assert!(is_refused(0, 1, 1001, &[b'a'; 1001]) && is_refused(0, 1, 3, b"ab"));
        assert!(is_refused(9, 0, 0, &[]));
        assert!(read_question(&mut &[3, 0, 0, 0, 0][..]).is_err());
    }
}
