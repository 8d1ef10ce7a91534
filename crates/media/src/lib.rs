//! Turns a file into an image, a text, or the rows of a table. The kind of a file follows from its content, not its name,
//! and from its beginning: no more of it is read than needed.
//!
//! ```
//! use std::path::Path;
//! use vicinity_media::{Content, ReadOptions, open};
//!
//! let path = Path::new("../../assets/sample/notes/putting.txt");
//! let mut file = open(path)?;
//! file.fill()?;
//! let content = file.content(path, &ReadOptions::default())?;
//! assert!(matches!(content, Some((_hash, Content::Text(text))) if !text.is_empty()));
//! # Ok::<(), vicinity_media::ReadError>(())
//! ```

mod animation_frames;
mod boxes;
mod budget;
mod bytes;
mod cancel;
pub mod child_process;
mod companion;
pub mod decode_helper;
pub mod decode_server;
mod dialect;
mod document;
mod encoding;
mod error;
mod foreign;
mod formats;
#[cfg(fuzzing)]
pub mod fuzzing;
mod guard;
mod headers;
mod html;
mod legacy;
mod mail;
pub mod npy;
mod parts;
mod pdf;
pub mod photo_facts;
mod picture;
mod positions;
pub mod resize;
mod rtf;
mod skip_reason;
mod sniff;
mod subtitles;
mod table;
mod text;
pub mod thumbnail;
mod tiff_pages;
mod vector_column;
pub mod video;
mod wide;

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use budget::{Budget, Reservation};
pub use cancel::CancelFlag;
pub use companion::{CompanionKind, companion_kind, has_companions, is_short_video};
pub use document::{DocumentError, DocumentFormat};
use error::MAX_FILE_BYTES;
pub use error::{JpegKind, PictureError, ReadError, RowProblem, TableError, TiffKind};
pub use formats::{PictureFormat, UnreadFormat};
use guard::guarded;
pub use guard::is_guarded;
pub use parts::{FilePart, PartContent, PartError, Parts};
use pdf::PdfPages;
pub use pdf::{PdfError, PdfFacts, facts as pdf_facts};
pub use positions::{PositionsError, read_positions};
use sniff::{Kind, Sight};
pub use table::{RowError, RowPicture, TableColumn, TableRow, TableRows};
pub use vector_column::VectorColumn;
use vicinity_core::table::TableOptions;
use vicinity_core::{ContentHash, Part, Picture, SkipReason};
pub use video::VideoError;

/// The bytes of files that all readers may hold together. Whoever holds some may wait for memory to decode pictures in,
/// never the other way round.
static FILES: Budget = Budget::new(512 << 20);

/// The bytes of documents that helpers may hold together, beside [`FILES`]: a large one that is read for minutes keeps
/// nobody from reading pictures and texts.
static DOCUMENTS: Budget = Budget::new(MAX_FILE_BYTES);

/// The bytes of workbooks that all readers may hold together while their rows are read. Whoever holds one may wait for
/// [`FILES`], as vectors may come from another file, never the other way round.
static WORKBOOKS: Budget = Budget::new(2 * table::WORKBOOK_MEMORY);

/// The content of a file.
#[derive(Debug)]
pub enum Content {
    /// An image.
    Image {
        /// Upright, scaled down where it was enormous.
        picture: Picture,
        /// Upright width and height of the picture in the file.
        original: [u32; 2],
    },
    /// A text, as people read it.
    Text(String),
    /// The rows of a table, one text each.
    Rows(TableRows),
    /// The parts of a file, each of which is an item.
    Parts(Parts),
}

/// How files are read.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// Take csv, tsv, jsonl, Parquet and xlsx files apart, one item per row.
    pub rows: bool,
    /// How these are read, where that is not detected.
    pub tables: TableOptions,
    /// Take TIFF files of several pages apart, one item per page, and animations, one item per frame that differs.
    pub pages: bool,
    /// Of files of several parts, read the texts alone.
    pub texts_only: bool,
}

/// A file that is read in steps, each of which may be the last: its beginning, which tells what it is; then as much of it
/// as its content needs; then what that is.
pub struct SourceFile {
    file: File,
    len: u64,
    kind: Kind,
    bytes: Vec<u8>,
    /// The part of [`FILES`] that `bytes` takes, once it is more than a beginning; of a document, that of [`DOCUMENTS`].
    held: Option<Reservation<'static>>,
    cancelled: CancelFlag,
}

/// Opens a file and reads its beginning.
///
/// # Errors
/// When it cannot be read.
pub fn open(path: &Path) -> Result<SourceFile, ReadError> {
    Ok(SourceFile::new(path)?)
}

impl SourceFile {
    fn new(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let len = file.metadata()?.len();
        let mut bytes = Vec::with_capacity(len.min(sniff::BEGINNING as u64) as usize);
        file.by_ref().take(sniff::BEGINNING as u64).read_to_end(&mut bytes)?;
        let len = len.max(bytes.len() as u64);
        let mut end = Vec::new();
        if len > bytes.len() as u64 {
            file.seek(SeekFrom::End(-(sniff::END as i64)))?;
            file.by_ref().take(sniff::END as u64).read_to_end(&mut end)?;
            file.seek(SeekFrom::Start(bytes.len() as u64))?;
        }
        let tail = if end.is_empty() { &bytes[bytes.len().saturating_sub(sniff::END)..] } else { &end };
        let kind = sniff::kind(&Sight { path, head: &bytes, tail, len });
        Ok(Self { file, len, kind, bytes, held: None, cancelled: CancelFlag::default() })
    }

    /// From now on reading ends soon after this flag is set, where it may take long.
    pub fn cancel_with(&mut self, flag: CancelFlag) {
        self.cancelled = flag;
    }

    /// Why the file is skipped; `None` for a possible image or text.
    pub fn skip_reason(&self, path: &Path) -> Option<SkipReason> {
        match self.kind {
            Kind::Other => Some(skip_reason::reason(path, &self.bytes)),
            Kind::Video(_) => (!video::is_available()).then_some(SkipReason::VideoWithoutFfmpeg),
            Kind::Picture(_) | Kind::Document(_) | Kind::Workbook | Kind::Pdf if self.len > MAX_FILE_BYTES => {
                Some(SkipReason::TooLarge)
            }
            Kind::Picture(_)
            | Kind::Text
            | Kind::Parquet
            | Kind::Workbook
            | Kind::Document(_)
            | Kind::Pdf
            | Kind::Refused(_) => None,
        }
    }

    /// Why the file is skipped if it turns out to have no content.
    pub fn skip_reason_without_content(&self) -> SkipReason {
        match self.kind {
            Kind::Picture(PictureFormat::Raw) => SkipReason::RawPhoto,
            Kind::Video(_) => SkipReason::Video,
            Kind::Parquet => SkipReason::Other,
            Kind::Workbook => SkipReason::Office,
            _ => SkipReason::Blank,
        }
    }

    /// Reads as much as the content needs: all of a picture, of a text no more than a model can use, nothing of what is
    /// neither; the parts of a document are read when they are needed. Waits while other threads hold too many bytes of
    /// other files; a thread must hold one file at a time.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn fill(&mut self) -> Result<(), ReadError> {
        let most = match self.kind {
            Kind::Picture(_) => within_limit(self.len).map(|()| MAX_FILE_BYTES)?,
            Kind::Text => text::MAX_BYTES,
            Kind::Document(_) => {
                within_limit(self.len)?;
                self.held = Some(FILES.take(document::MEMORY));
                return Ok(());
            }
            Kind::Pdf => {
                within_limit(self.len)?;
                // A helper holds it.
                self.held = Some(DOCUMENTS.take(self.len));
                return Ok(());
            }
            Kind::Video(_) | Kind::Parquet | Kind::Workbook | Kind::Refused(_) | Kind::Other => return Ok(()),
        };
        let have = self.bytes.len() as u64;
        if self.held.is_none() && self.len > have {
            self.held = Some(FILES.take(most.min(self.len)));
        }
        self.bytes.reserve(most.min(self.len).saturating_sub(have) as usize);
        self.file.by_ref().take(most - have.min(most)).read_to_end(&mut self.bytes)?;
        Ok(())
    }

    /// What a filled file holds, and the content's hash; `None` for what is neither picture nor text, for blanks, and for
    /// raw photos without a preview.
    ///
    /// Hashes are equal for equal content: that of a picture is of its bytes, that of a text of what is embedded, so that
    /// one text in two encodings, or in a page and by itself, counts once. That of a table is of no use: rows have their
    /// own.
    ///
    /// # Errors
    /// When the content or the name promises a picture or a text and it cannot be decoded.
    pub fn content(self, path: &Path, options: &ReadOptions) -> Result<Option<(ContentHash, Content)>, ReadError> {
        guarded(|| self.decode(path, options))
    }

    fn decode(self, path: &Path, options: &ReadOptions) -> Result<Option<(ContentHash, Content)>, ReadError> {
        let whole = self.bytes.len() as u64 >= self.len;
        match self.kind {
            Kind::Refused(error) => Err(error),
            Kind::Video(_) if options.texts_only => Ok(None),
            Kind::Video(format) => {
                let parts = video::parts(path, format, self.cancelled)?;
                Ok(parts.map(|parts| (hash(&[]), Content::Parts(parts))))
            }
            Kind::Other => Ok(None),
            Kind::Picture(format) => {
                if options.pages
                    && let Some(pages) = tiff_pages::count(&self.bytes, format)
                {
                    return Ok(Some((hash(&[]), Content::Parts(tiff_pages::parts(self.bytes, self.held, pages)))));
                }
                if options.pages
                    && !options.texts_only
                    && let Some(parts) = animation_frames::parts(&self.bytes, format, self.cancelled.clone())
                {
                    return Ok(Some((hash(&[]), Content::Parts(parts))));
                }
                let decoded = picture::decode(&self.bytes, format, &self.cancelled)?;
                Ok(decoded.map(|(picture, original)| (hash(&self.bytes), Content::Image { picture, original })))
            }
            Kind::Pdf => {
                let pages = PdfPages::open(self.file, self.len, self.held, options.texts_only, self.cancelled)?;
                Ok(Some((hash(&[]), Content::Parts(Parts::new(pages)))))
            }
            Kind::Document(format) => {
                let text = document::read(self.file, format)?;
                Ok(text.map(|text| (hash(text.as_bytes()), Content::Text(text))))
            }
            Kind::Parquet if options.rows => {
                let rows = TableRows::parquet(self.file, path, &options.tables, options.texts_only, 1)?;
                Ok(Some((hash(&[]), Content::Rows(rows))))
            }
            Kind::Workbook if options.rows => {
                // Its markup is read here and now; the cells stay.
                let held = WORKBOOKS.take(table::WORKBOOK_MEMORY);
                let rows = TableRows::workbook(self.file, &options.tables)?.holding(held);
                Ok(Some((hash(&[]), Content::Rows(rows))))
            }
            Kind::Parquet | Kind::Workbook => Ok(None),
            Kind::Text => match table::kind(path).filter(|_| options.rows) {
                Some(kind) => {
                    let rest: Option<Box<dyn Read + Send>> = if whole { None } else { Some(Box::new(self.file)) };
                    Ok(Some((hash(&[]), Content::Rows(TableRows::new(self.bytes, rest, kind, &options.tables)?))))
                }
                None => {
                    let text = text::read(&self.bytes, whole, &sniff::extension(path))?;
                    Ok(text.map(|text| (hash(text.as_bytes()), Content::Text(text))))
                }
            },
        }
    }
}

/// The lines of a table of JSON lines.
///
/// # Errors
/// When it cannot be read.
fn json_lines(path: &Path) -> Result<table::JsonLines, ReadError> {
    let mut file = open(path)?;
    file.fill()?;
    let whole = file.bytes.len() as u64 >= file.len;
    let rest: Option<Box<dyn Read + Send>> = if whole { None } else { Some(Box::new(file.file)) };
    table::json_lines(file.bytes, rest, None)
}

/// One part of a file again; `None` if the file has no such part now.
///
/// # Errors
/// When the file or the part cannot be read.
pub fn read_part(path: &Path, part: Part) -> Result<Option<PartContent>, ReadError> {
    read_part_of_table(path, part, &TableOptions::default())
}

/// The same of a file that may be a table, which is read as `tables` say.
///
/// # Errors
/// As [`read_part`].
pub fn read_part_of_table(path: &Path, part: Part, tables: &TableOptions) -> Result<Option<PartContent>, ReadError> {
    let mut file = open(path)?;
    if file.kind == Kind::Pdf {
        return pdf::read_page(path, part);
    }
    file.fill()?;
    guarded(|| file.part(path, part, tables))
}

impl SourceFile {
    fn part(self, path: &Path, part: Part, tables: &TableOptions) -> Result<Option<PartContent>, ReadError> {
        match (part, self.kind.clone()) {
            (Part::Row(number), Kind::Parquet) => {
                let rows = TableRows::parquet(self.file, path, tables, false, number)?;
                let row = rows.flatten().find(|row| row.number >= number).filter(|row| row.number == number);
                match row {
                    Some(TableRow { picture: Some(picture), .. }) => {
                        let (_, picture, original) = picture.decode()?;
                        Ok(Some(PartContent::Picture { picture, original }))
                    }
                    other => Ok(other.map(|row| PartContent::Text(row.text))),
                }
            }
            (Part::Row(number), _) => {
                let options = ReadOptions { rows: true, tables: tables.clone(), ..ReadOptions::default() };
                let content = self.decode(path, &options)?;
                let Some((_, Content::Rows(rows))) = content else { return Ok(None) };
                let row = rows.flatten().find(|row| row.number == number);
                Ok(row.map(|row| PartContent::Text(row.text)))
            }
            (Part::Frame { ms }, Kind::Video(format)) => video::read_part(path, format, ms).map(Some),
            (Part::Page(number), Kind::Picture(_)) => tiff_pages::page(&self.bytes, number).map(Some),
            (Part::AnimationFrame(number), Kind::Picture(format)) => {
                animation_frames::frame(&self.bytes, format, number).map(Some)
            }
            _ => Ok(None),
        }
    }
}

fn hash(bytes: &[u8]) -> ContentHash {
    ContentHash(*blake3::hash(bytes).as_bytes())
}

fn within_limit(len: u64) -> Result<(), ReadError> {
    if len > MAX_FILE_BYTES { Err(ReadError::FileTooLarge { bytes: len }) } else { Ok(()) }
}

/// The bytes of a file.
///
/// # Errors
/// When it cannot be read.
pub fn load(path: &Path) -> Result<Vec<u8>, ReadError> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    within_limit(len)?;
    let mut bytes = Vec::with_capacity(len as usize);
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What the bytes hold; `None` for what is neither picture nor text (programs, archives, sound, video, blanks), and for
/// raw photos without a preview.
///
/// # Errors
/// When the content or the name promises a picture or a text and it cannot be read.
pub fn read(path: &Path, bytes: &[u8], options: &ReadOptions) -> Result<Option<Content>, ReadError> {
    guarded(|| read_bytes(path, bytes, options))
}

fn read_bytes(path: &Path, bytes: &[u8], options: &ReadOptions) -> Result<Option<Content>, ReadError> {
    match sniff::kind(&Sight::of(path, bytes)) {
        Kind::Picture(format) => {
            let decoded = picture::decode(bytes, format, &CancelFlag::default())?;
            Ok(decoded.map(|(picture, original)| Content::Image { picture, original }))
        }
        Kind::Refused(error) => Err(error),
        Kind::Workbook if options.rows => {
            TableRows::workbook(Cursor::new(bytes), &options.tables).map(|rows| Some(Content::Rows(rows)))
        }
        Kind::Video(_) | Kind::Parquet | Kind::Workbook | Kind::Other => Ok(None),
        Kind::Pdf => {
            let (len, source) = (bytes.len() as u64, Cursor::new(bytes.to_vec()));
            let pages = PdfPages::open(source, len, None, options.texts_only, CancelFlag::default())?;
            Ok(Some(Content::Parts(Parts::new(pages))))
        }
        Kind::Document(format) => Ok(document::read(Cursor::new(bytes), format)?.map(Content::Text)),
        Kind::Text => match table::kind(path).filter(|_| options.rows) {
            Some(kind) => {
                TableRows::new(bytes.to_vec(), None, kind, &options.tables).map(|rows| Some(Content::Rows(rows)))
            }
            None => {
                let kept = &bytes[..bytes.len().min(text::MAX_BYTES as usize)];
                Ok(text::read(kept, kept.len() == bytes.len(), &sniff::extension(path))?.map(Content::Text))
            }
        },
    }
}

impl RowPicture {
    /// The picture, its hash (the same as that of a file with it), and its upright width and height.
    ///
    /// # Errors
    /// When it cannot be read or is none.
    pub fn decode(self) -> Result<(ContentHash, Picture, [u32; 2]), ReadError> {
        let options = ReadOptions::default();
        let content = match self {
            Self::Bytes(bytes) => read(Path::new(""), &bytes, &options)?.map(|content| (hash(&bytes), content)),
            Self::File(path) => {
                // To open a pipe would wait for whoever writes into it.
                if !std::fs::metadata(&path)?.is_file() {
                    return Err(TableError::NoPicture.into());
                }
                let mut file = open(&path)?;
                file.fill()?;
                file.content(&path, &options)?
            }
        };
        match content {
            Some((hash, Content::Image { picture, original })) => Ok((hash, picture, original)),
            _ => Err(TableError::NoPicture.into()),
        }
    }
}

/// Whether a file of this name is split into rows if tables are.
pub fn is_table(path: &Path) -> bool {
    table::kind(path).is_some() || sniff::is_parquet_name(path) || sniff::is_workbook_name(path)
}

/// Whether a file is split into pages or frames if such files are. Reads the beginning of files that rarely are animations.
pub fn may_have_pages(path: &Path) -> bool {
    match sniff::extension(path).as_str() {
        "tif" | "tiff" | "gif" => true,
        "png" | "apng" | "webp" => is_animation(path).unwrap_or(false),
        _ => false,
    }
}

fn is_animation(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    if std::fs::metadata(path)?.is_file() {
        File::open(path)?.take(sniff::BEGINNING as u64).read_to_end(&mut head)?;
    }
    Ok(animation_frames::is_animation(&head))
}

/// The kind of a file, judged by its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glance {
    /// A picture of this width and height, as stored.
    Picture([u32; 2]),
    /// A text.
    Text,
    /// A document with this number of pages, each with a picture of this width and height.
    Pages(u32, [u32; 2]),
    /// Something else, or not readable.
    Other,
}

/// Judges the beginning of a file, without decoding it; only the pages of a document are counted.
pub fn glance(path: &Path) -> Glance {
    let Ok(file) = open(path) else { return Glance::Other };
    match file.kind {
        Kind::Picture(format) => picture::glance(path, &file.bytes, format).map_or(Glance::Other, Glance::Picture),
        Kind::Text | Kind::Document(_) => Glance::Text,
        Kind::Pdf => PdfPages::open(file.file, file.len, None, true, CancelFlag::default())
            .map_or(Glance::Other, |pages| Glance::Pages(pages.page_count(), pdf::USUAL_SIZE)),
        Kind::Refused(_) | Kind::Video(_) | Kind::Parquet | Kind::Workbook | Kind::Other => Glance::Other,
    }
}
