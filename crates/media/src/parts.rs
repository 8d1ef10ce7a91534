//! Files of several parts, each of which becomes an item: the pages of a document, the frames of a video.

use vicinity_core::{ContentHash, Part, Picture};

use crate::error::ReadError;

/// One part of a file.
#[derive(Debug)]
pub struct FilePart {
    /// Which one.
    pub part: Part,
    /// Equal for equal content.
    pub hash: ContentHash,
    /// What it holds.
    pub content: PartContent,
}

/// What a part holds.
#[derive(Debug)]
pub enum PartContent {
    /// A picture.
    Picture {
        /// Upright, scaled down where it was enormous.
        picture: Picture,
        /// Upright width and height of the picture in the file.
        original: [u32; 2],
    },
    /// A text.
    Text(String),
}

/// Why a part is skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartError {
    /// Which one.
    pub part: Part,
    /// What is wrong with it.
    pub problem: ReadError,
}

impl PartError {
    /// What is wrong with the parts of a file, in one sentence; `None` if nothing is.
    pub fn sentence(all: &[Self]) -> Option<String> {
        let (first, others) = all.split_first()?;
        let name = |error: &Self| error.part.to_string().trim_start_matches([',', ':', ' ']).to_owned();
        let more = match others {
            [] => String::new(),
            [other] => format!(" (also {})", name(other)),
            _ => format!(" (and {} more)", others.len()),
        };
        let mut sentence = format!("{}: {}{more}", name(first), first.problem);
        if let Some(letter) = sentence.get_mut(..1) {
            letter.make_ascii_uppercase();
        }
        Some(sentence)
    }
}

/// The parts of a file, read one by one.
pub struct Parts(Box<dyn Iterator<Item = Result<FilePart, PartError>>>);

impl Parts {
    /// Parts that are read when they are asked for.
    pub fn new(parts: impl Iterator<Item = Result<FilePart, PartError>> + 'static) -> Self {
        Self(Box::new(parts))
    }
}

impl Iterator for Parts {
    type Item = Result<FilePart, PartError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parts")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sentence_says_which_parts_are_damaged() {
        let error = |number| PartError { part: Part::Page(number), problem: ReadError::DecoderStopped };
        let stopped = ReadError::DecoderStopped;
        assert_eq!(PartError::sentence(&[]), None);
        assert_eq!(PartError::sentence(&[error(3)]), Some(format!("Page 3: {stopped}")));
        assert_eq!(PartError::sentence(&[error(3), error(5)]), Some(format!("Page 3: {stopped} (also page 5)")));
        let many = [error(3), error(5), error(6)];
        assert_eq!(PartError::sentence(&many), Some(format!("Page 3: {stopped} (and 2 more)")));
    }
}
