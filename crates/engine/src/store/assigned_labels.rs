//! Labels assigned to items. Stored by content hash, so that they survive moves, copies, rescans and a change of model.

use std::collections::HashMap;

use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, meta};
use crate::Snapshot;
use vicinity_core::{ContentHash, LabelScore, LabelSet, LabelledItems, Modality};

/// Name of the label set among the settings.
pub(super) const ROW: &str = "labels";

/// Added after the first format; a library without this table has no labels.
pub(super) const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS labels (
        hash BLOB NOT NULL, modality INTEGER NOT NULL, label TEXT NOT NULL, score REAL NOT NULL, share REAL NOT NULL,
        crc INTEGER NOT NULL, PRIMARY KEY (hash, modality)) WITHOUT ROWID;
";

/// A label assigned to a content.
#[derive(Debug, Clone, PartialEq)]
pub struct AssignedLabel {
    /// The content.
    pub hash: ContentHash,
    /// Modality of the content.
    pub modality: Modality,
    /// The label.
    pub label: String,
    /// Cosine similarity of content and label when it was assigned.
    pub score: f32,
    /// Share of this label among those of the set, from 0 to 1.
    pub share: f32,
}

/// All labels assigned in a library, and the label set they come from.
#[derive(Debug, Clone, PartialEq)]
pub struct AssignedLabels {
    /// The label set.
    pub set: LabelSet,
    /// At most one per content.
    pub given: Vec<AssignedLabel>,
}

#[derive(Serialize, Deserialize)]
struct StoredSet {
    name: String,
    labels: Vec<String>,
}

impl AssignedLabel {
    fn checksum(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.hash.0);
        hasher.update(&[self.modality.index() as u8]);
        hasher.update(&self.score.to_le_bytes());
        hasher.update(&self.share.to_le_bytes());
        hasher.update(self.label.as_bytes());
        hasher.finalize()
    }

    /// `None` if the row is damaged.
    fn read(row: &Row<'_>) -> Option<Self> {
        let modality = *Modality::ALL.get(row.get::<_, u8>(1).ok()? as usize)?;
        let (hash, label) = (ContentHash(row.get(0).ok()?), row.get(2).ok()?);
        let given = Self { hash, modality, label, score: row.get(3).ok()?, share: row.get(4).ok()? };
        (row.get::<_, u32>(5).ok()? == given.checksum()).then_some(given)
    }
}

impl AssignedLabels {
    /// The labelled items of a snapshot; `None` if no item has a label.
    pub fn of_items(self, snapshot: &Snapshot) -> Option<LabelledItems> {
        let mut set = self.set;
        let mut places: HashMap<String, usize> =
            set.labels.iter().enumerate().map(|(at, label)| (label.clone(), at)).collect();
        let mut scores = HashMap::with_capacity(self.given.len());
        for given in self.given {
            let label = *places.entry(given.label).or_insert_with_key(|label| {
                set.labels.push(label.clone());
                set.labels.len() - 1
            });
            scores.insert((given.hash, given.modality), LabelScore { label, score: given.score, share: given.share });
        }
        let score = |item: &vicinity_core::Item| Some((item.id, *scores.get(&(item.hash, item.modality))?));
        let best: HashMap<_, _> = snapshot.items().filter_map(score).collect();
        (!best.is_empty()).then_some(LabelledItems { set, best })
    }
}

/// All assigned labels without damaged ones; `None` if there are none.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<Option<AssignedLabels>> {
    if !super::catalog::has_column(connection, "labels", "crc")? {
        return Ok(None);
    }
    let stored = meta::get(connection, ROW)?.intact();
    let stored: Option<StoredSet> = stored.and_then(|json| serde_json::from_str(&json).ok());
    let set = stored.map_or_else(
        || LabelSet { name: "Labels".to_owned(), labels: Vec::new() },
        |set| LabelSet { name: set.name, labels: set.labels },
    );
    let mut statement = connection.prepare("SELECT hash, modality, label, score, share, crc FROM labels")?;
    let mut rows = statement.query(())?;
    let mut given = Vec::new();
    while let Some(row) = rows.next()? {
        match AssignedLabel::read(row) {
            Some(label) => given.push(label),
            None => log::warn!("a damaged label of the library was ignored"),
        }
    }
    Ok((!given.is_empty()).then_some(AssignedLabels { set, given }))
}

impl Store {
    /// All assigned labels; `None` if there are none.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn labels(&self) -> Result<Option<AssignedLabels>, StoreError> {
        load(&self.connection).map_err(|error| self.sql(&error))
    }

    /// Assigns labels, replacing those of the same contents, and removes the labels of `cleared` contents.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn assign_labels(
        &mut self,
        set: &LabelSet,
        given: &[AssignedLabel],
        cleared: &[(ContentHash, Modality)],
    ) -> Result<(), StoreError> {
        self.change_labels(set, given, Some(cleared))
    }

    /// Replaces all assigned labels.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn replace_labels(&mut self, set: &LabelSet, given: &[AssignedLabel]) -> Result<(), StoreError> {
        self.change_labels(set, given, None)
    }

    /// `cleared` is `None` to remove all earlier labels.
    fn change_labels(
        &mut self,
        set: &LabelSet,
        given: &[AssignedLabel],
        cleared: Option<&[(ContentHash, Modality)]>,
    ) -> Result<(), StoreError> {
        self.writable()?;
        let stored = StoredSet { name: set.name.clone(), labels: set.labels.clone() };
        self.in_transaction(|connection| {
            match cleared {
                None => connection.execute("DELETE FROM labels", ()).map(|_| ())?,
                Some(cleared) => {
                    let mut delete = connection.prepare_cached("DELETE FROM labels WHERE hash = ? AND modality = ?")?;
                    cleared.iter().try_for_each(|(hash, modality)| {
                        delete.execute((hash.0, modality.index() as i64)).map(|_| ())
                    })?;
                }
            }
            meta::put_json(connection, ROW, &stored)?;
            let sql =
                "INSERT OR REPLACE INTO labels (hash, modality, label, score, share, crc) VALUES (?, ?, ?, ?, ?, ?)";
            let mut insert = connection.prepare_cached(sql)?;
            given.iter().try_for_each(|g| {
                let modality = g.modality.index() as i64;
                insert.execute((g.hash.0, modality, &g.label, g.score, g.share, g.checksum())).map(|_| ())
            })
        })
    }
}
