//! What a collection consists of: items, each a picture or a text.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Names one item of one library; stays the same for as long as the item exists. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ItemId(pub u32);

/// What kind of content an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Modality {
    /// A picture.
    Image,
    /// A text.
    Text,
}

impl Modality {
    /// Both, in the order in which they index per-modality arrays.
    pub const ALL: [Self; 2] = [Self::Image, Self::Text];

    /// Position in arrays that hold one entry a modality.
    pub fn index(self) -> usize {
        match self {
            Self::Image => 0,
            Self::Text => 1,
        }
    }

    /// Lower-case word, as printed and stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Text => "text",
        }
    }
}

/// BLAKE3 of the bytes that were embedded (a whole file, or the text of one row).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl std::fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for byte in &self.0[..6] {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("…")
    }
}

/// One picture or text of the collection. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its name within the library.
    pub id: ItemId,
    /// Where the file lies (absolute).
    pub path: Arc<Path>,
    /// For a row of a table (csv, tsv, jsonl): its number, counted from 1. `None` for a whole file.
    pub row: Option<u32>,
    /// Picture or text.
    pub modality: Modality,
    /// File size in bytes.
    pub bytes: u64,
    /// Modification time, nanoseconds since the Unix epoch.
    pub modified_ns: i64,
    /// Hash of the content that was embedded.
    pub hash: ContentHash,
    /// Upright width and height of a picture, pixels.
    pub pixels: Option<[u32; 2]>,
    /// The first 300 characters or so of a text, white space collapsed.
    pub snippet: Option<Arc<str>>,
}

impl Item {
    /// The file name for display, with the row number behind it where there is one.
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy();
        match self.row {
            Some(row) => format!("{name}:{row}"),
            None => name.into_owned(),
        }
    }
}
