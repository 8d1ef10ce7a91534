//! Items: the pictures and texts of a collection.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::part::Part;

/// Identifies an item within its library, for as long as the item exists. Never reused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ItemId(pub u32);

/// The kind of an item's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Modality {
    /// A picture.
    Image,
    /// A text.
    Text,
}

impl Modality {
    /// Both, in the order of arrays with one entry per modality.
    pub const ALL: [Self; 2] = [Self::Image, Self::Text];

    /// Position in arrays with one entry per modality.
    pub fn index(self) -> usize {
        match self {
            Self::Image => 0,
            Self::Text => 1,
        }
    }

    /// Lower-case name, as printed and stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Text => "text",
        }
    }
}

/// BLAKE3 hash of the content that was embedded (a whole file, or one part of it).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl std::fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}…", hex::encode(&self.0[..6]))
    }
}

/// A picture or text of the collection. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its identifier.
    pub id: ItemId,
    /// Absolute path of the file.
    pub path: Arc<Path>,
    /// Which part of the file it is; `None` for a whole file.
    pub part: Option<Part>,
    /// Whether it is a picture or a text.
    pub modality: Modality,
    /// File size in bytes.
    pub bytes: u64,
    /// Modification time, nanoseconds since the Unix epoch.
    pub modified_ns: i64,
    /// Hash of the embedded content.
    pub hash: ContentHash,
    /// Width and height of an upright picture, pixels.
    pub pixels: Option<[u32; 2]>,
    /// About the first 300 characters of a text, with white space collapsed.
    pub snippet: Option<Arc<str>>,
}

impl Item {
    /// The file name for display, followed by the part, if any.
    pub fn name(&self) -> String {
        let name = super::format::file_name(&self.path);
        match self.part {
            Some(part) => format!("{name}{part}"),
            None => name.into_owned(),
        }
    }
}
