//! What is exported of items, by columns; each format writes the same.

use std::io;

use crate::snapshot::Snapshot;
use vicinity_core::atomic_file::AtomicFile;
use vicinity_core::path_bytes::{path_bytes, path_text};
use vicinity_core::{Item, LabelledItems, Part};

/// Some items of a collection, in order.
#[derive(Clone, Copy)]
pub struct ExportedItems<'a> {
    /// The collection.
    pub snapshot: &'a Snapshot,
    /// Rows of the collection.
    pub rows: &'a [usize],
    /// The labels given to items.
    pub labels: Option<&'a LabelledItems>,
    /// The similarity of each of `rows` to a query.
    pub scores: Option<&'a [f32]>,
    /// Asked often; `false` cancels, and nothing is written.
    pub go_on: &'a (dyn Fn() -> bool + Sync),
}

/// An error where the user has cancelled.
///
/// # Errors
/// Of the kind `Interrupted`.
pub fn check_cancelled(go_on: &dyn Fn() -> bool) -> io::Result<()> {
    if go_on() { Ok(()) } else { Err(io::ErrorKind::Interrupted.into()) }
}

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemColumn {
    /// Number of the item.
    Id,
    /// File.
    Path,
    /// Row of a table.
    Row,
    /// Image or text.
    Modality,
    /// Size of the file.
    Bytes,
    /// Pixels.
    Width,
    /// Pixels.
    Height,
    /// First words of a text.
    Snippet,
    /// Label.
    Label,
    /// How well it fits.
    LabelScore,
    /// Page of a document.
    Page,
    /// Place in a video.
    Seconds,
    /// Frame of an animation.
    Frame,
    /// Similarity to the query.
    Score,
    /// The path, if it is not valid text.
    PathBytes,
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemValue {
    /// A whole number.
    Integer(i64),
    /// A similarity.
    Similarity(f32),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemValueKind {
    /// [`ItemValue::Integer`].
    Integer,
    /// [`ItemValue::Similarity`].
    Similarity,
    /// [`ItemValue::Number`].
    Number,
    /// [`ItemValue::Text`].
    Text,
}

impl ItemColumn {
    const ALL: [Self; 15] = [
        Self::Id,
        Self::Path,
        Self::Row,
        Self::Modality,
        Self::Bytes,
        Self::Width,
        Self::Height,
        Self::Snippet,
        Self::Label,
        Self::LabelScore,
        Self::Page,
        Self::Seconds,
        Self::Frame,
        Self::Score,
        Self::PathBytes,
    ];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Path => "path",
            Self::Row => "row",
            Self::Modality => "modality",
            Self::Bytes => "bytes",
            Self::Width => "width",
            Self::Height => "height",
            Self::Snippet => "snippet",
            Self::Label => "label",
            Self::LabelScore => "label_score",
            Self::Page => "page",
            Self::Seconds => "seconds",
            Self::Frame => "frame",
            Self::Score => "score",
            Self::PathBytes => "path_bytes",
        }
    }

    /// What its values are.
    pub fn kind(self) -> ItemValueKind {
        match self {
            Self::Id | Self::Row | Self::Bytes | Self::Width | Self::Height | Self::Page | Self::Frame => {
                ItemValueKind::Integer
            }
            Self::LabelScore | Self::Score => ItemValueKind::Similarity,
            Self::Seconds => ItemValueKind::Number,
            Self::Path | Self::Modality | Self::Snippet | Self::Label | Self::PathBytes => ItemValueKind::Text,
        }
    }
}

impl ExportedItems<'_> {
    /// The columns; `score` is there for a search, and `path_bytes` if a path is not valid text.
    pub fn columns(&self) -> Vec<ItemColumn> {
        let exact = self.items().any(|item| path_bytes(&item.path).is_some());
        let is_there = |column: &ItemColumn| match column {
            ItemColumn::Score => self.scores.is_some(),
            ItemColumn::PathBytes => exact,
            _ => true,
        };
        ItemColumn::ALL.into_iter().filter(is_there).collect()
    }

    fn items(&self) -> impl Iterator<Item = &Item> {
        self.rows.iter().filter_map(|row| self.snapshot.item(*row))
    }

    /// A value of the item at a place in `rows`; `None` where it has none.
    pub fn cell(&self, at: usize, column: ItemColumn) -> Option<ItemValue> {
        let item = self.snapshot.item(*self.rows.get(at)?)?;
        let part = item.part;
        let side = |at: usize| item.pixels.map(|pixels| ItemValue::Integer(i64::from(pixels[at])));
        let number = |number: Option<u32>| number.map(|number| ItemValue::Integer(i64::from(number)));
        match column {
            ItemColumn::Id => number(Some(item.id.0)),
            ItemColumn::Path => Some(ItemValue::Text(path_text(&item.path))),
            ItemColumn::Row => number(part.and_then(Part::row)),
            ItemColumn::Modality => Some(ItemValue::Text(item.modality.as_str().to_owned())),
            ItemColumn::Bytes => Some(ItemValue::Integer(item.bytes as i64)),
            ItemColumn::Width => side(0),
            ItemColumn::Height => side(1),
            ItemColumn::Snippet => item.snippet.as_deref().map(|text| ItemValue::Text(text.to_owned())),
            ItemColumn::Label => self.label(item).map(|(label, _)| ItemValue::Text(label)),
            ItemColumn::LabelScore => self.label(item).map(|(_, score)| ItemValue::Similarity(score)),
            ItemColumn::Page => number(part.and_then(Part::page)),
            ItemColumn::Seconds => part.and_then(Part::seconds).map(ItemValue::Number),
            ItemColumn::Frame => number(part.and_then(Part::frame)),
            ItemColumn::Score => self.scores?.get(at).map(|score| ItemValue::Similarity(*score)),
            ItemColumn::PathBytes => path_bytes(&item.path).map(ItemValue::Text),
        }
    }

    fn label(&self, item: &Item) -> Option<(String, f32)> {
        let labels = self.labels?;
        let score = labels.best.get(&item.id)?;
        Some((labels.set.labels.get(score.label)?.clone(), score.score))
    }

    /// Writes the table as csv.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_csv(&self, file: &mut AtomicFile) -> io::Result<()> {
        let columns = self.columns();
        let mut table = csv::Writer::from_writer(file);
        table.write_record(columns.iter().map(|column| column.name()))?;
        let field = |at: usize, column: ItemColumn| match self.cell(at, column) {
            None => String::new(),
            Some(ItemValue::Integer(number)) => number.to_string(),
            Some(ItemValue::Similarity(number)) => number.to_string(),
            Some(ItemValue::Number(number)) => number.to_string(),
            Some(ItemValue::Text(text)) => text,
        };
        for at in 0..self.rows.len() {
            check_cancelled(self.go_on)?;
            table.write_record(columns.iter().map(|column| field(at, *column)))?;
        }
        table.flush()
    }
}
