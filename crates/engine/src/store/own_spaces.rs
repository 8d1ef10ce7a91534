//! Spaces of vectors that the user brought, of which a changed file makes a new one.

use std::path::PathBuf;

use super::{Store, StoreError, compact, layout};
use vicinity_models::ModelKey;

/// The entry of another space, and its files.
struct OtherSpace {
    id: i64,
    vectors: String,
    layout: PathBuf,
}

impl Store {
    /// Drops all spaces that differ from the current one in their revision or dimensions alone: those of earlier contents
    /// of the same file. Killed on the way, the next call does the rest.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn forget_earlier_revisions(&mut self) -> Result<(), StoreError> {
        self.writable()?;
        let earlier = self.earlier_revisions().map_err(|error| self.sql(&error))?;
        earlier.iter().try_for_each(|space| self.forget(space)).map_err(|error| self.sql(&error))
    }

    /// The entry goes last: as long as it is there, the rest is found. It stays if the file cannot be deleted now.
    fn forget(&self, space: &OtherSpace) -> rusqlite::Result<()> {
        compact::delete_list(&self.connection, space.id)?;
        for sql in [
            "DELETE FROM sums WHERE model = ?",
            "DELETE FROM not_taken WHERE model = ?",
            "UPDATE models SET rows = 0 WHERE id = ?",
        ] {
            self.connection.execute(sql, [space.id])?;
        }
        let _gone_already = std::fs::remove_file(self.dir.join(&space.layout));
        if compact::remove_vector_file(&self.dir, &space.vectors) {
            self.connection.execute("DELETE FROM models WHERE id = ?", [space.id])?;
        }
        Ok(())
    }

    fn earlier_revisions(&self) -> rusqlite::Result<Vec<OtherSpace>> {
        let key = &self.loaded.parts.model;
        let mut find = self
            .connection
            .prepare("SELECT id, file, revision, dim FROM models WHERE name = ? AND preprocessing = ? AND id <> ?")?;
        let read = |row: &rusqlite::Row<'_>| {
            let dim = row.get::<_, i64>(3)?.try_into().unwrap_or_default();
            let model = ModelKey { revision: row.get(2)?, dim, ..key.clone() };
            let layout = layout::file_name(&model).into();
            Ok(OtherSpace { id: row.get(0)?, vectors: row.get(1)?, layout })
        };
        find.query_map((&key.name, &key.preprocessing, self.model.id), read)?.collect()
    }
}
