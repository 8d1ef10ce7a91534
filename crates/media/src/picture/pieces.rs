//! A file as its decoder sees it: parts of the file in order, without those that decoders must not trust
//! (metadata of any size), and with what is missing. The file itself is not copied.

use std::cell::Cell;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::ops::Range;
use std::rc::Rc;

/// Parts of a file and new bytes, read as one file.
#[derive(Debug, Clone)]
pub struct Pieces<'a> {
    file: &'a [u8],
    parts: Vec<Part>,
    /// The part that is read, and the place in it.
    part: usize,
    at: usize,
    /// Shared by all copies.
    overrun: Rc<Cell<bool>>,
}

#[derive(Debug, Clone)]
enum Part {
    Of(Range<usize>),
    New(Vec<u8>),
}

impl<'a> Pieces<'a> {
    /// Nothing of `file` yet.
    pub fn new(file: &'a [u8]) -> Self {
        Self { file, parts: Vec::new(), part: 0, at: 0, overrun: Rc::default() }
    }

    /// All of `file`.
    pub fn whole(file: &'a [u8]) -> Self {
        let mut pieces = Self::new(file);
        pieces.keep(0..file.len());
        pieces
    }

    /// Appends a part of the file, clipped at its end.
    pub fn keep(&mut self, range: Range<usize>) {
        let range = range.start.min(self.file.len())..range.end.min(self.file.len());
        match self.parts.last_mut() {
            Some(Part::Of(last)) if last.end == range.start => last.end = range.end,
            _ if range.is_empty() => {}
            _ => self.parts.push(Part::Of(range)),
        }
    }

    /// Appends bytes that are not in the file.
    pub fn add(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.parts.push(Part::New(bytes));
        }
    }

    /// Whether a decoder has asked for more than there is.
    pub fn is_overrun(&self) -> bool {
        self.overrun.get()
    }

    /// Bytes of all parts together.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| self.content(part).len()).sum()
    }

    fn content<'s>(&'s self, part: &'s Part) -> &'s [u8] {
        match part {
            Part::Of(range) => self.file.get(range.clone()).unwrap_or_default(),
            Part::New(bytes) => bytes,
        }
    }

    fn rest(&self) -> &[u8] {
        self.parts.get(self.part).and_then(|part| self.content(part).get(self.at..)).unwrap_or_default()
    }

    fn position(&self) -> u64 {
        let before: usize = self.parts.iter().take(self.part).map(|part| self.content(part).len()).sum();
        (before + self.at) as u64
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let rest = self.fill_buf()?;
        let taken = rest.len().min(out.len());
        out[..taken].copy_from_slice(&rest[..taken]);
        self.consume(taken);
        Ok(taken)
    }
}

impl BufRead for Pieces<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.rest().is_empty() && self.part < self.parts.len() {
            self.part += 1;
            self.at = 0;
        }
        if self.part >= self.parts.len() {
            self.overrun.set(true);
        }
        Ok(self.rest())
    }

    fn consume(&mut self, bytes: usize) {
        self.at += bytes;
    }
}

impl Seek for Pieces<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => (self.len() as u64).checked_add_signed(by),
            SeekFrom::Current(by) => self.position().checked_add_signed(by),
        };
        let target = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut left = target;
        for (index, part) in self.parts.iter().enumerate() {
            let len = self.content(part).len() as u64;
            if left < len {
                (self.part, self.at) = (index, left as usize);
                return Ok(target);
            }
            left -= len;
        }
        (self.part, self.at) = (self.parts.len(), 0);
        // Beyond the end nothing can be read, and a relative seek from there starts at the end.
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_read_as_one_file() {
        let mut pieces = Pieces::new(b"0123456789");
        pieces.keep(0..2);
        pieces.keep(2..3);
        pieces.keep(5..5);
        pieces.add(b"abc".to_vec());
        pieces.keep(8..40);
        assert_eq!(pieces.len(), 8);
        let mut text = String::new();
        pieces.read_to_string(&mut text).unwrap();
        assert_eq!(text, "012abc89");
        for at in 0..8 {
            pieces.seek(SeekFrom::Start(at)).unwrap();
            let mut byte = [0];
            pieces.read_exact(&mut byte).unwrap();
            assert_eq!(byte[0], b"012abc89"[at as usize]);
            assert_eq!(pieces.stream_position().unwrap(), at + 1);
        }
        assert_eq!(pieces.seek(SeekFrom::End(-2)).unwrap(), 6);
        assert_eq!(pieces.seek(SeekFrom::Current(-3)).unwrap(), 3);
        assert!(pieces.seek(SeekFrom::End(-20)).is_err());
        pieces.seek(SeekFrom::Start(99)).unwrap();
        assert!(pieces.fill_buf().unwrap().is_empty());
    }
}
