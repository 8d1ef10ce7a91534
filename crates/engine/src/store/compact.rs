//! Compaction: rewrites vector files without the vectors that no item needs any more.
//!
//! The new file and its list of vectors are prepared beside those in use, without the store, and then put in their place
//! by one small transaction. Killed at any moment, the library has the old file or the new one, and a note in the catalog
//! names what the next writer has to delete. Readers keep the file that they have mapped.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::catalog::{self, ModelRow};
use super::loaded::VectorKind;
use super::vectors::{self, FileCheck, VectorFile};
use super::{Store, StoreError, dimensions, meta};
use vicinity_core::{ContentHash, atomic_file};
use vicinity_models::ModelKey;

/// Key of the note in the catalog.
const ROW: &str = "compaction";

/// Rows of the catalog that are written or deleted in one transaction, so that other writes need not wait.
const AT_ONCE: u32 = 10_000;

/// A library is compacted by itself if this many bytes of a vector file, and this share of it, are not used.
const WORTHWHILE_BYTES: u64 = 64 << 20;
const WORTHWHILE_SHARE: u64 = 4;

/// What a compaction did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Compaction {
    /// Bytes of all vector files before.
    pub bytes_before: u64,
    /// Bytes of all vector files after.
    pub bytes_after: u64,
    /// Number of vectors that were removed.
    pub vectors_removed: u64,
}

/// Whether so many unused bytes of a file are worth the work.
fn is_worthwhile(unused: u64, all: u64) -> bool {
    unused > WORTHWHILE_BYTES && unused > all / WORTHWHILE_SHARE
}

/// Names what is left over if the process is killed: either `to` and `new_file`, or `from` and `old_file`.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    /// Id of the model's entry before.
    from: i64,
    /// The id that the entry will get: its list of vectors is stored under this id already.
    to: i64,
    old_file: String,
    new_file: String,
}

/// A vector of the list.
struct ListedVector {
    hash: ContentHash,
    kind: VectorKind,
    row: u32,
    crc: u32,
}

/// The vector file of one model, to be compacted.
pub struct CompactionTask {
    dir: PathBuf,
    model: ModelRow,
    key: ModelKey,
    /// Generation of the items that it is based on.
    generation: u64,
}

/// A compacted file that is not in use yet.
pub struct PreparedCompaction {
    task: CompactionTask,
    note: Note,
    rows: u32,
    /// New row by old one; `u32::MAX` for a removed vector.
    new_rows: Vec<u32>,
}

impl CompactionTask {
    /// The model whose vectors are compacted.
    pub fn model(&self) -> &ModelKey {
        &self.key
    }

    /// Number of rows that no item needs.
    fn count_unused(&self, connection: &Connection) -> rusqlite::Result<u32> {
        let sql = format!("SELECT count(*) FROM vectors WHERE model = ? AND {USED}");
        let used: u32 = connection.query_row(&sql, [self.model.id], |row| row.get(0))?;
        Ok(self.model.rows.saturating_sub(used))
    }

    /// Copies what is used into a new file, and lists it in the catalog. `None` if nothing is unused, if that is not worth
    /// the work and `only_worthwhile` says to look at that, or if `cancelled`.
    ///
    /// # Errors
    /// When the library cannot be read or written. What was prepared is deleted then.
    pub fn prepare(
        self,
        only_worthwhile: bool,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<PreparedCompaction>, StoreError> {
        let dir = self.dir.clone();
        let sql = |error: rusqlite::Error| StoreError::sql(&dir, &error);
        let connection = catalog::open_to_write(&dir)?;
        if !clean_up(&dir, &connection).map_err(sql)? {
            return Ok(None);
        }
        let unused = self.count_unused(&connection).map_err(sql)?;
        let file = VectorFile::named(&dir, &self.model.file, &self.key);
        let bytes = |rows: u32| u64::from(rows) * file.row_bytes();
        if unused == 0 || (only_worthwhile && !is_worthwhile(bytes(unused), bytes(self.model.rows))) {
            return Ok(None);
        }
        let needed = bytes(self.model.rows - unused);
        if fs4::available_space(&dir).is_ok_and(|free| free < needed) {
            return Err(StoreError::Full { dir: dir.clone() });
        }
        let note = self.note(&connection).map_err(sql)?;
        write_note(&connection, &note).map_err(sql)?;
        let prepared = self.copy(&connection, &file, note, cancelled);
        if !matches!(prepared, Ok(Some(_))) {
            clean_up(&dir, &connection).map_err(sql)?;
        }
        prepared
    }

    fn note(&self, connection: &Connection) -> rusqlite::Result<Note> {
        let to =
            "SELECT max((SELECT coalesce(max(id), 0) FROM models), (SELECT coalesce(max(model), 0) FROM vectors)) + 1";
        Ok(Note {
            from: self.model.id,
            to: connection.query_row(to, (), |row| row.get(0))?,
            old_file: self.model.file.clone(),
            new_file: vectors::next_file_name(&self.model.file, &self.key),
        })
    }

    fn copy(
        self,
        connection: &Connection,
        from: &VectorFile,
        note: Note,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<PreparedCompaction>, StoreError> {
        let dir = self.dir.clone();
        let sql = |error: rusqlite::Error| StoreError::sql(&dir, &error);
        let mut list = list_used(connection, self.model.id).map_err(sql)?;
        list.sort_unstable_by_key(|vector| vector.row);
        let to = VectorFile::named(&dir, &note.new_file, &self.key);
        let mut new_rows = vec![u32::MAX; self.model.rows as usize];
        let whole = copy_rows(from, &to, self.model.rows, &mut list, &mut new_rows, cancelled);
        if !whole.map_err(|error| StoreError::io(&dir, to.path(), error))? {
            return Ok(None);
        }
        let rows = list.len() as u32;
        // In the order of the table, which makes inserting fast.
        list.sort_unstable_by_key(|vector| (vector.hash.0, vector.kind));
        for part in list.chunks(AT_ONCE as usize) {
            if cancelled() {
                return Ok(None);
            }
            insert(connection, note.to, part).map_err(sql)?;
        }
        Ok(Some(PreparedCompaction { task: self, note, rows, new_rows }))
    }
}

/// Whether an item needs a vector. From kind 16 on (`loaded::FIRST_PART_KIND`) it belongs to a part.
const USED: &str = "EXISTS (SELECT 1 FROM items WHERE items.hash = vectors.hash AND
    CASE WHEN vectors.kind < 16 THEN (items.modality = 0) = (vectors.kind = 0) ELSE items.row = vectors.kind - 16 END)";

fn list_used(connection: &Connection, model: i64) -> rusqlite::Result<Vec<ListedVector>> {
    let mut statement =
        connection.prepare(&format!("SELECT hash, kind, row, crc FROM vectors WHERE model = ? AND {USED}"))?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(ListedVector { hash: ContentHash(row.get(0)?), kind: row.get(1)?, row: row.get(2)?, crc: row.get(3)? })
    };
    statement.query_map([model], read)?.collect()
}

/// Copies the listed rows, which are verified on the way, and gives them new numbers and checksums. False if cancelled.
fn copy_rows(
    from: &VectorFile,
    to: &VectorFile,
    rows: u32,
    list: &mut [ListedVector],
    new_rows: &mut [u32],
    cancelled: &dyn Fn() -> bool,
) -> io::Result<bool> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "a vector is damaged; open the library again first");
    let old = from.map(rows)?;
    // Written in place: the note names it, and nothing uses it yet.
    let mut file = BufWriter::with_capacity(1 << 20, File::create(to.path())?);
    file.write_all(&to.header())?;
    for (new, vector) in (0..).zip(list.iter_mut()) {
        if new % 4096 == 0 && cancelled() {
            return Ok(false);
        }
        let values = old.row(vector.row, from.dim()).ok_or_else(damaged)?;
        if vectors::checksum(vector.row, values) != vector.crc {
            return Err(damaged());
        }
        *new_rows.get_mut(vector.row as usize).ok_or_else(damaged)? = new;
        file.write_all(bytemuck::cast_slice(values))?;
        (vector.row, vector.crc) = (new, vectors::checksum(new, values));
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    atomic_file::sync_folder(to.path())?;
    Ok(true)
}

fn insert(connection: &Connection, model: i64, list: &[ListedVector]) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    {
        let mut insert =
            transaction.prepare_cached("INSERT INTO vectors (model, hash, kind, row, crc) VALUES (?, ?, ?, ?, ?)")?;
        for ListedVector { hash, kind, row, crc } in list {
            insert.execute(params![model, hash.0, kind, row, crc])?;
        }
    }
    transaction.commit()
}

fn write_note(connection: &Connection, note: &Note) -> rusqlite::Result<()> {
    let json = serde_json::to_string(note).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let transaction = connection.unchecked_transaction()?;
    meta::put(&transaction, ROW, &json)?;
    transaction.commit()
}

/// Deletes what an earlier compaction has left over, whether it was finished or killed. False if something remains.
pub(super) fn clean_up(dir: &Path, connection: &Connection) -> rusqlite::Result<bool> {
    let Some(json) = meta::get(connection, ROW)?.intact() else { return Ok(true) };
    if let Ok(note) = serde_json::from_str::<Note>(&json) {
        let mut exists = connection.prepare("SELECT 1 FROM models WHERE id = ?")?;
        // Neither is left over if the catalog was changed in a way that no compaction does.
        for (id, file) in [(note.from, &note.old_file), (note.to, &note.new_file)] {
            if exists.exists([id])? {
                continue;
            }
            delete_list(connection, id)?;
            if !delete_file(dir, connection, file)? {
                return Ok(false);
            }
        }
    }
    meta::remove(connection, ROW)?;
    Ok(true)
}

pub(super) fn delete_list(connection: &Connection, model: i64) -> rusqlite::Result<()> {
    let sql = "DELETE FROM vectors WHERE model = ?1 AND (hash, kind) IN (SELECT hash, kind FROM vectors WHERE model = ?1 LIMIT ?2)";
    let mut delete = connection.prepare(sql)?;
    while delete.execute((model, AT_ONCE))? > 0 {}
    Ok(())
}

/// Deletes a vector file unless a model uses it. False if it cannot be deleted now: Windows keeps files that are mapped.
pub(super) fn delete_file(dir: &Path, connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let used = connection.prepare("SELECT 1 FROM models WHERE file = ?")?.exists([name])?;
    Ok(used || remove_vector_file(dir, name))
}

/// Deletes a vector file. False if it cannot be deleted now.
pub(super) fn remove_vector_file(dir: &Path, name: &str) -> bool {
    let is_name = Path::new(name).file_name().is_some_and(|file| file == name) && name.ends_with(".f32");
    if !is_name {
        return true;
    }
    match std::fs::remove_file(dir.join("vectors").join(name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            log::info!("an unused vector file is deleted later: {error}: {name}");
            false
        }
        _ => true,
    }
}

impl PreparedCompaction {
    /// Deletes what the compaction has replaced.
    ///
    /// # Errors
    /// When the catalog cannot be written. The next writer deletes the rest.
    pub fn finish(self) -> Result<(), StoreError> {
        let dir = &self.task.dir;
        let connection = catalog::open_to_write(dir)?;
        clean_up(dir, &connection).map(|_all| ()).map_err(|error| StoreError::sql(dir, &error))
    }

    /// Number of removed vectors.
    pub fn removed(&self) -> u64 {
        u64::from(self.task.model.rows - self.rows)
    }
}

impl Store {
    /// The vector files of all models.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn compaction_tasks(&self) -> Result<Vec<CompactionTask>, StoreError> {
        self.writable()?;
        let models = self.models().map_err(|error| self.sql(&error))?;
        let task = |(model, key): (ModelRow, ModelKey)| {
            let file = VectorFile::named(&self.dir, &model.file, &key);
            let intact = matches!(file.inspect(), Ok(FileCheck::Rows(rows)) if rows >= u64::from(model.rows));
            let (dir, generation) = (self.dir.clone(), self.loaded.item_generation());
            intact.then_some(CompactionTask { dir, model, key, generation })
        };
        Ok(models.into_iter().flatten().filter_map(task).collect())
    }

    /// Number of bytes of all vector files.
    pub fn vector_bytes(&self) -> u64 {
        let entries = std::fs::read_dir(self.dir.join("vectors")).into_iter().flatten().flatten();
        entries.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
    }

    /// Whether the vector file of the current model may have so many unused rows that compacting it is worthwhile. A quick
    /// estimate: items with the same content count twice.
    pub fn may_be_worth_compacting(&self) -> bool {
        let items: usize = self.loaded.parts.chunks.iter().map(|chunk| chunk.len()).sum();
        let bytes = |rows: u32| u64::from(rows) * self.file.row_bytes();
        let unused = self.model.rows.saturating_sub(u32::try_from(items).unwrap_or(u32::MAX));
        self.read_only.is_none() && is_worthwhile(bytes(unused), bytes(self.model.rows))
    }

    /// Puts a compacted file in place of the one in use. False if the collection has changed meanwhile; nothing is done
    /// then.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn adopt_compaction(&mut self, prepared: &PreparedCompaction) -> Result<bool, StoreError> {
        self.writable()?;
        let PreparedCompaction { task, note, rows, new_rows } = prepared;
        if task.generation != self.loaded.item_generation() {
            return Ok(false);
        }
        let swapped = self.in_transaction(|connection| {
            let (from, to) = (note.from, note.to);
            let swap = "UPDATE models SET id = ?, file = ?, rows = ? WHERE id = ? AND rows = ? AND file = ?";
            let changed =
                connection.execute(swap, params![to, note.new_file, rows, from, task.model.rows, note.old_file])?;
            if changed == 1 {
                connection.execute("UPDATE not_taken SET model = ? WHERE model = ?", (to, from))?;
                connection.execute("UPDATE sums SET model = ? WHERE model = ?", (to, from))?;
                dimensions::rename(connection, from, to)?;
            }
            Ok(changed == 1)
        })?;
        if swapped && self.model.id == note.from {
            self.use_compacted(prepared, new_rows)?;
        }
        Ok(swapped)
    }

    fn use_compacted(&mut self, prepared: &PreparedCompaction, new_rows: &[u32]) -> Result<(), StoreError> {
        let PreparedCompaction { task, note, rows, .. } = prepared;
        self.model = ModelRow { id: note.to, file: note.new_file.clone(), rows: *rows };
        self.file = VectorFile::named(&self.dir, &note.new_file, &task.key);
        let vectors = self.file.map(*rows).map_err(|error| StoreError::io(&self.dir, self.file.path(), error))?;
        let new = |row: u32| new_rows.get(row as usize).copied().unwrap_or(u32::MAX);
        self.loaded.vectors.renumber(new);
        let parts = &mut self.loaded.parts;
        parts.vectors = vectors;
        parts.vector_rows =
            parts.vector_rows.iter().map(|rows| Arc::new(rows.iter().map(|row| new(*row)).collect())).collect();
        self.loaded.renumber_sums();
        self.damaged = HashSet::new();
        self.publish();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::is_worthwhile;

    #[test]
    fn a_quarter_and_64_mb_are_worth_the_work() {
        let mb = 1 << 20;
        assert!(is_worthwhile(65 * mb, 200 * mb));
        assert!(!is_worthwhile(63 * mb, 64 * mb), "too little");
        assert!(!is_worthwhile(65 * mb, 400 * mb), "less than a quarter");
    }
}
