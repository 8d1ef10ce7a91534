//! The library check of `vicinity doctor`: reads everything and changes nothing.

use std::collections::HashSet;

use super::Store;
use super::catalog::{self, ModelRow};
use super::load::VectorList;
use super::loaded::{FIRST_PART_KIND, VectorKind};
use super::repair::{REPAIR_HINT, counted, damaged_vectors};
use super::vectors::{self, FileCheck, VectorFile};
use crate::snapshot::Vectors;
use vicinity_core::ContentHash;
use vicinity_models::ModelKey;

/// Queries that count inconsistencies, and what a count above zero means.
const CONSISTENCY: [(&str, &str); 4] = [
    ("SELECT count(*) FROM items WHERE file NOT IN (SELECT id FROM files)", "items without a file"),
    // A compaction stores its new list before it takes effect.
    (
        "SELECT count(*) FROM vectors WHERE model NOT IN (SELECT id FROM models)
         AND NOT EXISTS (SELECT 1 FROM meta WHERE key = 'compaction')",
        "vectors without a model",
    ),
    (
        "SELECT count(*) FROM vectors JOIN models ON models.id = vectors.model WHERE row >= rows",
        "vectors are beyond the end of their file",
    ),
    ("SELECT count(*) - count(DISTINCT model * 4294967296 + row) FROM vectors", "vectors share a row with another"),
];

impl Store {
    /// All faults of the library, one sentence each. Reads the whole catalog and every vector of every model.
    pub fn check(&self) -> Vec<String> {
        match self.find_faults() {
            Ok(faults) => faults,
            Err(error) => vec![format!("The check could not be finished: {error}.")],
        }
    }

    fn find_faults(&self) -> rusqlite::Result<Vec<String>> {
        let mut faults: Vec<String> = catalog::integrity(&self.connection)?
            .into_iter()
            .map(|found| format!("The catalog is damaged: {found}; {REPAIR_HINT}."))
            .collect();
        if self.unreadable.count() > 0 {
            let many = counted(self.unreadable.count(), "entry", "entries");
            faults.push(format!("{many} of the catalog cannot be read; {REPAIR_HINT}."));
        }
        for (question, meaning) in CONSISTENCY {
            let count: i64 = self.connection.query_row(question, (), |row| row.get(0))?;
            if count > 0 {
                faults.push(format!("{count} {meaning}."));
            }
        }
        for model in self.models()? {
            match model {
                Some((row, key)) => faults.extend(self.check_vectors(&row, &key)?),
                None => faults.push(format!("The entry of a model in the catalog cannot be read; {REPAIR_HINT}.")),
            }
        }
        Ok(faults)
    }

    /// All models in the catalog; `None` for an unreadable entry.
    pub(super) fn models(&self) -> rusqlite::Result<Vec<Option<(ModelRow, ModelKey)>>> {
        let read = |row: &rusqlite::Row<'_>| {
            let (name, revision, preprocessing) = (row.get(3)?, row.get(4)?, row.get(5)?);
            let key = ModelKey { name, revision, preprocessing, dim: row.get::<_, u32>(6)? as usize };
            Ok::<_, rusqlite::Error>((ModelRow { id: row.get(0)?, file: row.get(1)?, rows: row.get(2)? }, key))
        };
        let mut statement =
            self.connection.prepare("SELECT id, file, rows, name, revision, preprocessing, dim FROM models")?;
        statement.query_map((), |row| Ok(read(row).ok()))?.collect()
    }

    fn check_vectors(&self, model: &ModelRow, key: &ModelKey) -> rusqlite::Result<Option<String>> {
        let file = VectorFile::named(&self.dir, &model.file, key);
        let path = file.path().display();
        let vectors: Vectors = match file.inspect() {
            Ok(FileCheck::Missing | FileCheck::Foreign) if model.rows == 0 => return Ok(None),
            Ok(FileCheck::Rows(_)) => match file.map(model.rows) {
                Ok(vectors) => vectors,
                Err(error) => return Ok(Some(format!("The vector file {path} cannot be read: {error}."))),
            },
            Ok(FileCheck::Missing) => return Ok(Some(format!("The vector file {path} is missing; {REPAIR_HINT}."))),
            Ok(FileCheck::Foreign) => {
                return Ok(Some(format!("{path} is not a vector file of its model; {REPAIR_HINT}.")));
            }
            Err(error) => return Ok(Some(format!("The vector file {path} cannot be read: {error}."))),
        };
        let list = VectorList::load(&self.connection, model.id, model.rows)?;
        let damaged: HashSet<u32> =
            vectors::damaged(&vectors, key.dim, list.checksums, &|| false).into_iter().collect();
        if damaged.is_empty() {
            return Ok(None);
        }
        let contents = list.rows.iter().filter(|(_, row)| damaged.contains(row)).map(|(content, _)| content);
        let items = self.items_of(contents)?;
        let rows: Vec<u32> = damaged.into_iter().collect();
        Ok(Some(damaged_vectors(file.path(), &rows, items)))
    }

    /// Number of items with one of these contents.
    fn items_of<'a>(&self, contents: impl Iterator<Item = &'a (ContentHash, VectorKind)>) -> rusqlite::Result<usize> {
        let mut of_content =
            self.connection.prepare("SELECT count(*) FROM items WHERE hash = ? AND (modality = 0) = ?")?;
        let mut of_part = self.connection.prepare("SELECT count(*) FROM items WHERE hash = ? AND row = ?")?;
        let mut items = 0;
        for (hash, kind) in contents {
            items += match kind.checked_sub(FIRST_PART_KIND) {
                Some(code) => of_part.query_row((hash.0, code), |found| found.get::<_, u32>(0))?,
                None => of_content.query_row((hash.0, *kind == 0), |found| found.get::<_, u32>(0))?,
            } as usize;
        }
        Ok(items)
    }
}
