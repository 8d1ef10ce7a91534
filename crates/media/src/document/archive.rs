//! The parts of a document in a ZIP container (PKWARE's APPNOTE 6.3), with a limit on everything that the container claims.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::rc::Rc;

use memchr::memmem;
use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config, ZipFile};
use zip::result::ZipError;

use super::error::DocumentError;
use super::format::DocumentFormat;
use crate::error::ReadError;

/// The most parts of a document; books of many pictures have some thousands.
pub const MAX_PARTS: usize = 20_000;
/// The longest name of a part, bytes; parts with longer names are not found.
pub const MAX_NAME: usize = 1024;
/// The most that is read of a container to list its parts, bytes.
const MAX_DIRECTORY: u64 = 16 << 20;
/// The most that all parts together unpack to, bytes.
const MAX_UNPACKED: u64 = 128 << 20;
/// How many times its size a part may unpack to once it has unpacked to [`RATIO_FROM`]. Markup that repeats itself reaches
/// 100, the method of compression ends at 1,032.
const MAX_RATIO: u64 = 400;
/// Bytes that a part may unpack to whatever its size.
const RATIO_FROM: u64 = 4 << 20;
/// The longest token of markup, bytes.
const MAX_TOKEN: u64 = 16 << 20;
/// Where the end of a container is looked for: its record, the longest comment, and the record of larger containers.
const TAIL: u64 = 22 + 65_535 + 20;

/// A container whose parts are listed.
pub struct Archive<R> {
    zip: ZipArchive<BufReader<Metered<R>>>,
    /// Lower-case names with forward slashes.
    parts: HashMap<String, usize>,
    len: u64,
    /// Bytes that parts have unpacked to so far.
    unpacked: Rc<Cell<u64>>,
    /// The most that they may unpack to.
    most: u64,
    /// What the document should be.
    pub format: DocumentFormat,
}

impl<R: Read + Seek> Archive<R> {
    /// Lists the parts of a container.
    ///
    /// # Errors
    /// When it is damaged, or lists too many.
    pub fn open(source: R, format: DocumentFormat) -> Result<Self, ReadError> {
        Self::with_limit(source, format, MAX_UNPACKED)
    }

    /// The same; all parts together may unpack to so many bytes.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn with_limit(mut source: R, format: DocumentFormat, most: u64) -> Result<Self, ReadError> {
        let len = source.seek(SeekFrom::End(0))?;
        if has_large_directory(&mut source, len)? {
            return Err(DocumentError::TooManyParts.into());
        }
        source.rewind()?;
        let left = Rc::new(Cell::new(MAX_DIRECTORY));
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let reader = BufReader::new(Metered { inner: source, left: Rc::clone(&left) });
        let zip = match ZipArchive::with_config(config, reader) {
            Ok(zip) if zip.len() <= MAX_PARTS => zip,
            Ok(_) => return Err(DocumentError::TooManyParts.into()),
            Err(_) if left.get() == 0 => return Err(DocumentError::TooManyParts.into()),
            Err(error) => return Err(problem(&error, format)),
        };
        left.set(u64::MAX);
        let mut parts = HashMap::new();
        for index in 0..zip.len() {
            if let Some(Ok(name)) = zip.name_for_index(index)
                && name.len() <= MAX_NAME
            {
                parts.entry(key(&name)).or_insert(index);
            }
        }
        Ok(Self { zip, parts, len, unpacked: Rc::default(), most, format })
    }

    /// Whether the container has a part of this name.
    pub fn has(&self, name: &str) -> bool {
        self.parts.contains_key(&key(name))
    }

    /// The part of this name, to be unpacked; `None` where it is missing.
    ///
    /// # Errors
    /// When it is encrypted or damaged.
    pub fn part(&mut self, name: &str) -> Result<Option<ArchivePart<'_, R>>, ReadError> {
        let Some(&index) = self.parts.get(&key(name)) else { return Ok(None) };
        let file = self.zip.by_index(index).map_err(|error| problem(&error, self.format))?;
        let left = (file.compressed_size().min(self.len) * MAX_RATIO).max(RATIO_FROM);
        let (all, token) = (Rc::clone(&self.unpacked), Rc::default());
        Ok(Some(ArchivePart { file, format: self.format, left, all, most: self.most, token }))
    }

    /// The first `most` bytes of a part; `None` where it is missing.
    ///
    /// # Errors
    /// As [`Self::part`], and when a limit is exceeded.
    pub fn bytes(&mut self, name: &str, most: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let format = self.format;
        let Some(part) = self.part(name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        part.take(most).read_to_end(&mut bytes).map_err(|error| unpacked(&error, format))?;
        Ok(Some(bytes))
    }
}

/// Parts are found whatever the case of their names (ECMA-376 part 2, 6.2.2.3) and the slashes of careless programs.
fn key(name: &str) -> String {
    name.trim_start_matches('/').replace('\\', "/").to_lowercase()
}

fn problem(error: &ZipError, format: DocumentFormat) -> ReadError {
    match error {
        ZipError::Io(error) => unpacked(error, format),
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) | ZipError::InvalidPassword => {
            DocumentError::Encrypted.into()
        }
        _ => DocumentError::Damaged { format }.into(),
    }
}

/// Whether a container ends with the record of more than 65,535 parts or 4 GiB. What that claims is unlimited, and the
/// library allocates for it.
fn has_large_directory(source: &mut (impl Read + Seek), len: u64) -> io::Result<bool> {
    source.seek(SeekFrom::Start(len.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    source.take(TAIL).read_to_end(&mut tail)?;
    let before = |end: usize| end.checked_sub(20).and_then(|at| tail.get(at..at + 4));
    Ok(memmem::find_iter(&tail, b"PK\x05\x06").any(|end| before(end) == Some(b"PK\x06\x07")))
}

/// A file of which only so much is read.
struct Metered<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left.set(self.left.get().saturating_sub(read as u64));
        if self.left.get() == 0 { Err(DocumentError::TooManyParts.into_io()) } else { Ok(read) }
    }
}

impl<R: Seek> Seek for Metered<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// A part that is unpacked as it is read.
pub struct ArchivePart<'a, R: Read> {
    file: ZipFile<'a, BufReader<Metered<R>>>,
    /// What the document should be.
    pub format: DocumentFormat,
    left: u64,
    all: Rc<Cell<u64>>,
    most: u64,
    token: Rc<Cell<u64>>,
}

impl<R: Read> ArchivePart<'_, R> {
    /// Bytes that were read since whoever reads tokens last set this to zero.
    pub fn token(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.token)
    }
}

impl<R: Read> Read for ArchivePart<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let bytes = read as u64;
        self.all.set(self.all.get() + bytes);
        self.token.set(self.token.get() + bytes);
        let exceeded = bytes > self.left || self.all.get() > self.most || self.token.get() > MAX_TOKEN;
        self.left = self.left.saturating_sub(bytes);
        if exceeded { Err(DocumentError::Expands.into_io()) } else { Ok(read) }
    }
}

/// What went wrong while a part was unpacked: a limit, the system, or else the content.
pub fn unpacked(error: &io::Error, format: DocumentFormat) -> ReadError {
    let limit = error.get_ref().and_then(|inner| inner.downcast_ref::<DocumentError>());
    if let Some(limit) = limit {
        return (*limit).into();
    }
    match error.raw_os_error() {
        Some(_) => error.into(),
        None => DocumentError::Damaged { format }.into(),
    }
}
