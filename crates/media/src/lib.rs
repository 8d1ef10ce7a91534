//! Turns a file's bytes into a picture, a text, or the rows of a table. What a file is follows from its content, not its name.

mod picture;
pub mod resize;
mod sniff;
mod table;
mod text;
pub mod thumbnail;

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use sniff::Kind;
use vicinity_core::Picture;

/// A larger file is not read.
const MOST_BYTES: u64 = 1 << 30;

/// Bytes that tell what a file is.
const BEGINNING: u64 = 64 << 10;

/// What a file holds.
#[derive(Debug)]
pub enum Content {
    /// A picture.
    Image {
        /// Upright, scaled down where it was enormous.
        picture: Picture,
        /// Upright width and height of the picture in the file.
        original: [u32; 2],
    },
    /// A text.
    Text(String),
    /// The rows of a table, one text each.
    Rows(Vec<String>),
}

/// How files are read.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadOptions {
    /// Take csv, tsv and jsonl files apart, one item a row.
    pub rows: bool,
}

/// The bytes of a file.
///
/// # Errors
/// A sentence for the user.
pub fn load(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|e| io_sentence(&e))?;
    let len = file.metadata().map_err(|e| io_sentence(&e))?.len();
    if len > MOST_BYTES {
        return Err(format!("The file has {} MB; files over {} MB are not read", len >> 20, MOST_BYTES >> 20));
    }
    let mut bytes = Vec::with_capacity(len as usize);
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(|e| io_sentence(&e))?;
    Ok(bytes)
}

/// What the bytes hold; `None` for what is neither picture nor text (programs, archives, sound, video).
///
/// # Errors
/// A sentence for the user, where the content or the name promises a picture or a text and it cannot be read.
pub fn read(path: &Path, bytes: &[u8], options: &ReadOptions) -> Result<Option<Content>, String> {
    // Decoders of hostile files may panic; that is one bad file and not the end of the import.
    GUARDED.set(true);
    let read = catch_unwind(AssertUnwindSafe(|| read_unguarded(path, bytes, options)));
    GUARDED.set(false);
    read.unwrap_or_else(|_| Err("The file is damaged; its decoder gave up".to_owned()))
}

/// Whether a panic of this thread would be caught here, right now.
pub fn is_guarded() -> bool {
    GUARDED.get()
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

fn read_unguarded(path: &Path, bytes: &[u8], options: &ReadOptions) -> Result<Option<Content>, String> {
    match sniff::kind(path, bytes) {
        Kind::Picture(format) => {
            let (picture, original) = picture::decode(bytes, format)?;
            Ok(Some(Content::Image { picture, original }))
        }
        Kind::Refused(sentence) => Err(sentence),
        Kind::Other => Ok(None),
        Kind::Text => {
            let text = text::decode(bytes)?;
            match sniff::table(path).filter(|_| options.rows) {
                Some(kind) => table::rows(&text, kind).map(|rows| Some(Content::Rows(rows))),
                None => Ok(Some(Content::Text(text::limited(text)))),
            }
        }
    }
}

/// What a file seems to be, by its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glance {
    /// A picture of this width and height, as stored.
    Picture([u32; 2]),
    /// A text.
    Text,
    /// Something else, or not readable.
    Other,
}

/// Looks at the beginning of a file, without decoding it.
pub fn glance(path: &Path) -> Glance {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(BEGINNING).read_to_end(&mut bytes));
    match read.map(|_| sniff::kind(path, &bytes)) {
        Ok(Kind::Picture(format)) => {
            let reader = File::open(path).map(|file| image::ImageReader::with_format(io::BufReader::new(file), format));
            let size = reader.map_err(image::ImageError::IoError).and_then(image::ImageReader::into_dimensions);
            size.map_or(Glance::Other, |(width, height)| Glance::Picture([width, height]))
        }
        Ok(Kind::Text) => Glance::Text,
        Ok(Kind::Refused(_) | Kind::Other) | Err(_) => Glance::Other,
    }
}

/// An I/O error as a sentence.
pub fn io_sentence(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "The file or folder is not there any more".to_owned(),
        io::ErrorKind::PermissionDenied => "You may not read this; check its permissions".to_owned(),
        io::ErrorKind::IsADirectory => "This is a folder".to_owned(),
        _ => format!("It could not be read: {error}"),
    }
}
