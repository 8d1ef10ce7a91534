//! Reads of a file only the parts that hold metadata. What is left out reads as zeros, which the system gives without
//! using memory for them, so offsets within the file stay what they are.
//!
//! The file is not mapped: a disk that is unplugged, or a file that is cut meanwhile, would end the program.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::block_list::MAX_BLOCK;
use super::blocks::scan_start;
use super::boxes::{has_metadata, places_of_items};
use crate::boxes;
use crate::bytes::{u32_be, u32_le};
use crate::error::ReadError;
use crate::picture::ifd::Directories;
use crate::picture::png;
use crate::within_limit;

/// What is read of every file, bytes; few JPEGs have more before their pixels.
const HEAD: u64 = 64 << 10;
/// The most that is read of one file, bytes.
const MAX_READ: u64 = 64 << 20;
/// The most boxes, chunks and entries that are looked at.
const MAX_PARTS: usize = 100_000;
/// Values of TIFF that say nothing about a picture and may be long: where its pixels are, tables, profiles, and the notes
/// of its maker.
const NOT_WANTED: [u16; 9] = [273, 279, 288, 289, 324, 325, 347, 34_675, 0x927c];

/// A file of which only parts are read.
pub struct MetadataParts {
    file: File,
    /// As long as the file, or shorter where the rest has no metadata.
    pub bytes: Vec<u8>,
    /// The beginning that is read.
    head: usize,
    /// Bytes that were read.
    pub read: u64,
}

/// Reads the parts of a picture that hold metadata.
///
/// # Errors
/// When the file cannot be read or is too large.
pub fn read(path: &Path) -> Result<MetadataParts, ReadError> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    within_limit(len)?;
    let mut head = Vec::with_capacity(len.min(HEAD) as usize);
    let read = file.by_ref().take(HEAD).read_to_end(&mut head)? as u64;
    let mut parts = MetadataParts { file, head: head.len(), bytes: head, read };
    if len > read {
        parts.read_rest(usize::try_from(len).unwrap_or(usize::MAX))?;
    }
    Ok(parts)
}

impl MetadataParts {
    fn read_rest(&mut self, len: usize) -> io::Result<()> {
        match self.bytes[..] {
            [0xff, 0xd8, ..] => return self.jpeg(len),
            [b'G', b'I', b'F', ..] => return Ok(()),
            _ => {}
        }
        let mut bytes = vec![0; len];
        bytes[..self.head].copy_from_slice(&self.bytes);
        self.bytes = bytes;
        match self.bytes[..] {
            _ if self.bytes.starts_with(png::SIGNATURE) => self.png(),
            [b'R', b'I', b'F', b'F', ..] => self.webp(),
            [b'8', b'B', b'P', b'S', ..] => self.photoshop(),
            _ if Directories::new(&self.bytes).is_some() => self.tiff(),
            _ => self.boxes(),
        }
    }

    /// Reads a range, as far as it is in the file. False if there is nothing there, or no more may be read.
    fn need(&mut self, start: usize, len: usize) -> io::Result<bool> {
        let end = start.saturating_add(len).min(self.bytes.len());
        if end <= self.head {
            return Ok(start < end);
        }
        let Some(part) = self.bytes.get_mut(start..end).filter(|part| !part.is_empty()) else { return Ok(false) };
        self.read += part.len() as u64;
        if self.read > MAX_READ {
            return Ok(false);
        }
        self.file.seek(SeekFrom::Start(start as u64))?;
        match self.file.read_exact(part) {
            // It was cut meanwhile.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            read => read.map(|()| true),
        }
    }

    /// Up to the first pixels.
    fn jpeg(&mut self, len: usize) -> io::Result<()> {
        let most = (len as u64).min(MAX_READ);
        let pixels = loop {
            match scan_start(&self.bytes) {
                Some(at) => break at + 2,
                None if self.read >= most => break self.bytes.len(),
                None => {}
            }
            let more = self.file.by_ref().take(self.read.min(most - self.read)).read_to_end(&mut self.bytes)?;
            if more == 0 {
                break self.bytes.len();
            }
            self.read += more as u64;
        };
        self.bytes.truncate(pixels);
        Ok(())
    }

    fn png(&mut self) -> io::Result<()> {
        let mut at = png::SIGNATURE.len();
        for _ in 0..MAX_PARTS {
            if !self.need(at, 8)? {
                break;
            }
            let Some(len) = u32_be(&self.bytes, at).map(|len| len as usize) else { break };
            let is_pixels = matches!(self.bytes.get(at + 4..at + 8), Some(b"IDAT" | b"fdAT"));
            if !is_pixels && len <= MAX_BLOCK {
                self.need(at + 8, len)?;
            }
            at += 12 + len;
        }
        Ok(())
    }

    fn webp(&mut self) -> io::Result<()> {
        let mut at = 12;
        for _ in 0..MAX_PARTS {
            // The size of the picture is in the first bytes of its chunk.
            if !self.need(at, 24)? {
                break;
            }
            let Some(len) = u32_le(&self.bytes, at + 4).map(|len| len as usize) else { break };
            if matches!(self.bytes.get(at..at + 4), Some(b"EXIF" | b"XMP ")) && len <= MAX_BLOCK {
                self.need(at + 8, len)?;
            }
            at += 8 + len + (len & 1);
        }
        Ok(())
    }

    fn photoshop(&mut self) -> io::Result<()> {
        let Some(colours) = u32_be(&self.bytes, 26) else { return Ok(()) };
        let at = 30 + colours as usize;
        if self.need(at, 4)?
            && let Some(len) = u32_be(&self.bytes, at)
        {
            self.need(at + 4, len as usize)?;
        }
        Ok(())
    }

    /// The first directory, and those of the exposure and the place.
    fn tiff(&mut self) -> io::Result<()> {
        let Some(first) = Directories::new(&self.bytes).and_then(Directories::first) else { return Ok(()) };
        for directory in self.directory(first)? {
            self.directory(directory)?;
        }
        Ok(())
    }

    /// Reads a directory with its values; gives the directories below it.
    fn directory(&mut self, offset: u64) -> io::Result<Vec<u64>> {
        let Ok(at) = usize::try_from(offset) else { return Ok(Vec::new()) };
        // Longer directories are damaged.
        self.need(at, 32 << 10)?;
        let (mut below, mut values) = (Vec::new(), Vec::new());
        if let Some((entries, _)) = Directories::new(&self.bytes).and_then(|file| file.directory(offset)) {
            below
                .extend(entries.iter().filter(|entry| matches!(entry.tag, 0x8769 | 0x8825)).filter_map(|e| e.number()));
            values.extend(entries.iter().filter(|e| !NOT_WANTED.contains(&e.tag)).filter_map(|e| e.place_outside()));
        }
        for (start, len) in values.into_iter().take(MAX_PARTS).filter(|(_, len)| *len <= MAX_BLOCK) {
            self.need(start, len)?;
        }
        Ok(below)
    }

    fn boxes(&mut self) -> io::Result<()> {
        let mut at = 0;
        for _ in 0..MAX_PARTS {
            if !self.need(at, 16)? {
                break;
            }
            let Some(found) = boxes::head(self.bytes.get(at..).unwrap_or_default()) else { break };
            let body = at.saturating_add(found.body);
            let len = found.len.saturating_sub(found.body);
            if has_metadata(found.kind) && len <= MAX_BLOCK {
                self.need(body, len)?;
                if &found.kind == b"meta" {
                    let places = self.bytes.get(body..body.saturating_add(len)).map(places_of_items);
                    for (start, len) in places.unwrap_or_default() {
                        self.need(start, len)?;
                    }
                }
            }
            at = at.saturating_add(found.len);
        }
        Ok(())
    }
}
