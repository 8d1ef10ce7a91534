//! Storing a batch: vectors first, then one transaction of the catalog, then a new snapshot.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use super::loaded::{
    FileEntry, FileStamp, ItemChange, LoadedCatalog, VectorKind, item_checksum, part_kind, vector_kind,
};
use super::{NewItem, Store, StoreError, groups, paths, rejected};
use crate::snapshot::Root;
use vicinity_core::{ContentHash, Embedding, Item, ItemGroup, ItemGroups, ItemId};

/// Maximum number of files with the same content that are checked for having been moved.
const MOVE_CANDIDATES: u32 = 8;

impl Store {
    /// Stores items whose content is already embedded (moved, copied or touched files). An item without a vector is
    /// skipped, and its file stays [`super::FileStatus::Changed`].
    ///
    /// # Errors
    /// When the library cannot be written. Nothing has changed then.
    pub fn commit_known(&mut self, items: Vec<NewItem>) -> Result<(), StoreError> {
        self.commit(items.into_iter().map(|item| (item, None)).collect(), VectorOf::Content)
    }

    /// Stores newly embedded items. The earlier items of a changed file are replaced.
    ///
    /// # Errors
    /// When the library cannot be written. Nothing has changed then.
    pub fn commit_embedded(&mut self, items: Vec<(NewItem, Embedding)>) -> Result<(), StoreError> {
        self.commit(items.into_iter().map(|(item, embedding)| (item, Some(embedding))).collect(), VectorOf::Content)
    }

    /// Stores rows of a table with the vectors that the user brought for them: equal rows may have different vectors.
    ///
    /// # Errors
    /// When the library cannot be written. Nothing has changed then.
    pub fn commit_brought(&mut self, items: Vec<(NewItem, Embedding)>) -> Result<(), StoreError> {
        self.commit(items.into_iter().map(|(item, embedding)| (item, Some(embedding))).collect(), VectorOf::Part)
    }

    /// Marks a file of several parts as complete: all of them are committed. An interrupted import reads incomplete
    /// files again and reuses the parts that are embedded. `kept` are the codes of all parts that the file has, in order:
    /// items of others are removed; `None` if it is not known which there are.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn finish_parts(&mut self, path: &Path, stamp: FileStamp, kept: Option<&[u32]>) -> Result<(), StoreError> {
        self.writable()?;
        let model = self.model.id;
        let mut batch = Batch::new(&self.loaded);
        let changes = self.in_transaction(|connection| {
            let file = batch.file(connection, path, stamp, true)?;
            if let Some(kept) = kept {
                batch.remove_others(connection, file.id, kept)?;
            }
            connection.execute("UPDATE files SET complete = 1 WHERE id = ?", [file.id])?;
            batch.touched.insert(path.into(), FileEntry { ready: true, ..file });
            rejected::forget(connection, path, model)?;
            Ok((std::mem::take(&mut batch.changes), std::mem::take(&mut batch.touched)))
        })?;
        self.loaded.rejected.remove(path);
        self.apply_batch(changes.0, changes.1, Vec::new())
    }

    fn commit(&mut self, items: Vec<(NewItem, Option<Embedding>)>, of: VectorOf) -> Result<(), StoreError> {
        self.writable()?;
        let dim = self.loaded.parts.model.dim;
        if let Some(found) =
            items.iter().filter_map(|(_, e)| e.as_ref()).map(Embedding::dim).find(|found| *found != dim)
        {
            return Err(StoreError::Dimension { found, wanted: dim });
        }
        let (items, fresh) = self.assign_rows(items, of)?;
        let checksums = if fresh.is_empty() {
            Vec::new()
        } else {
            let rows = fresh.iter().map(|(_, embedding)| embedding.as_slice());
            let appended = self.file.append(self.model.rows, rows);
            appended.map_err(|error| StoreError::io(&self.dir, self.file.path(), error))?
        };
        let (model, end) = (self.model.id, self.model.rows + fresh.len() as u32);
        let mut batch = Batch::new(&self.loaded);
        let committed = self.in_transaction(|connection| {
            let mut insert = connection
                .prepare_cached("INSERT INTO vectors (model, hash, kind, row, crc) VALUES (?, ?, ?, ?, ?)")?;
            for (row, ((key, _), checksum)) in (self.model.rows..).zip(fresh.iter().zip(&checksums)) {
                insert.execute((model, key.0.0, key.1, row, checksum))?;
            }
            if !fresh.is_empty() {
                connection.execute("UPDATE models SET rows = ? WHERE id = ?", (end, model))?;
            }
            let mut before: Option<&Path> = None;
            for (item, row) in &items {
                batch.put_item(connection, item, *row)?;
                // once per file, not per part
                if before.replace(&item.path) != Some(&item.path) {
                    rejected::forget(connection, &item.path, model)?;
                }
            }
            let regrouped = batch.regrouped();
            if let Some(groups) = &regrouped {
                groups::write(connection, groups)?;
            }
            Ok((
                std::mem::take(&mut batch.changes),
                std::mem::take(&mut batch.touched),
                std::mem::take(&mut batch.moved_from),
                regrouped,
            ))
        });
        let (changes, touched, moved_from, regrouped) = committed.inspect_err(|_| {
            if !fresh.is_empty() {
                self.file.cut(self.model.rows);
            }
        })?;
        self.loaded.vectors.extend((self.model.rows..).zip(fresh).map(|(row, (key, _))| (key, row)));
        self.model.rows = end;
        if let Some(groups) = regrouped {
            self.loaded.parts.groups = Arc::new(groups);
        }
        for (item, _) in &items {
            self.loaded.rejected.remove(&item.path);
        }
        self.apply_batch(changes, touched, moved_from)
    }

    /// Assigns each item its vector row; new contents get the next free rows.
    #[expect(clippy::type_complexity, reason = "two lists, used once")]
    fn assign_rows(
        &self,
        items: Vec<(NewItem, Option<Embedding>)>,
        of: VectorOf,
    ) -> Result<(Vec<(NewItem, u32)>, Vec<((ContentHash, VectorKind), Embedding)>), StoreError> {
        let mut fresh = Vec::new();
        let mut fresh_rows = HashMap::new();
        let mut placed: Vec<(NewItem, u32)> = Vec::with_capacity(items.len());
        let mut seen = HashMap::new();
        for (item, embedding) in items {
            let kind = match (of, item.part) {
                (VectorOf::Part, Some(part)) => part_kind(part),
                _ => vector_kind(item.modality, self.long_text()),
            };
            let key = (item.hash, kind);
            let known = self.loaded.vectors.get(&key).or_else(|| fresh_rows.get(&key).copied());
            let row = match (known, embedding) {
                (Some(row), _) => row,
                (None, Some(embedding)) => {
                    let row = (self.model.rows as usize).saturating_add(fresh.len());
                    let row = u32::try_from(row).ok().filter(|r| *r < u32::MAX).ok_or(StoreError::TooMany)?;
                    fresh_rows.insert(key, row);
                    fresh.push((key, embedding));
                    row
                }
                (None, None) => {
                    log::warn!("{} is not embedded yet and waits for the next scan", item.path.display());
                    continue;
                }
            };
            // A file found twice in one batch (below two roots) counts once.
            match seen.entry((item.path.clone(), item.part)) {
                std::collections::hash_map::Entry::Occupied(at) => placed[*at.get()] = (item, row),
                std::collections::hash_map::Entry::Vacant(free) => {
                    free.insert(placed.len());
                    placed.push((item, row));
                }
            }
        }
        Ok((placed, fresh))
    }

    fn apply_batch(
        &mut self,
        changes: Vec<ItemChange>,
        touched: HashMap<Arc<Path>, FileEntry>,
        moved_from: Vec<PathBuf>,
    ) -> Result<(), StoreError> {
        for path in moved_from {
            self.loaded.files.remove(path.as_path());
            self.loaded.drop_table_unless(&path, None);
        }
        for (path, file) in &touched {
            self.loaded.drop_table_unless(path, Some(*file));
        }
        self.loaded.files.extend(touched);
        self.apply(changes)
    }
}

/// What the vector of an item is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum VectorOf {
    /// Its content, as a model sees it.
    Content,
    /// The part of its file, such as a row: the user has brought it.
    Part,
}

/// Changes made by one transaction, published after it is committed.
struct Batch<'a> {
    loaded: &'a LoadedCatalog,
    /// Files added or changed.
    touched: HashMap<Arc<Path>, FileEntry>,
    /// Former paths of moved files.
    moved_from: Vec<PathBuf>,
    changes: Vec<ItemChange>,
    /// Items that have another number now, with that.
    renumbered: HashMap<ItemId, ItemId>,
    /// The file stored last and whether it has parts: its items of the other kind are already removed.
    last_file: Option<(i64, bool)>,
}

impl<'a> Batch<'a> {
    fn new(loaded: &'a LoadedCatalog) -> Self {
        Self {
            loaded,
            touched: HashMap::new(),
            moved_from: Vec::new(),
            changes: Vec::new(),
            renumbered: HashMap::new(),
            last_file: None,
        }
    }

    /// The groups with the numbers that their items have now, where these are others: a model that has not embedded an item
    /// before adds it anew.
    fn regrouped(&self) -> Option<ItemGroups> {
        let groups = &self.loaded.parts.groups;
        let now = |id: &ItemId| self.renumbered.get(id).copied().unwrap_or(*id);
        let is_in_group = |old: &ItemId| groups.all().iter().any(|group| group.contains(*old));
        self.renumbered.keys().any(is_in_group).then(|| {
            let renumbered = |group: &ItemGroup| ItemGroup::new(group.name(), group.items().iter().map(now).collect());
            ItemGroups::new(groups.all().iter().map(renumbered))
        })
    }

    fn find(&self, path: &Path) -> Option<(Arc<Path>, FileEntry)> {
        if self.moved_from.iter().any(|from| from == path) && !self.touched.contains_key(path) {
            return None;
        }
        let (path, entry) = self.touched.get_key_value(path).or_else(|| self.loaded.files.get_key_value(path))?;
        Some((path.clone(), *entry))
    }

    /// Inserts or updates one item.
    fn put_item(&mut self, connection: &Connection, new: &NewItem, vector: u32) -> rusqlite::Result<()> {
        if self.find(&new.path).is_none() {
            self.adopt_moved_file(connection, new)?;
        }
        let file = self.file(connection, &new.path, new.stamp(), new.part.is_some())?;
        let Some((path, _)) = self.find(&new.path) else { return Ok(()) };
        let row = code(new);
        // A file is either one item or several parts.
        let kind = (file.id, new.part.is_some());
        if self.last_file.replace(kind) != Some(kind) {
            let other = match new.part {
                None => "DELETE FROM items WHERE file = ? AND row <> 0 RETURNING id",
                Some(_) => "DELETE FROM items WHERE file = ? AND row = 0 RETURNING id",
            };
            self.remove(connection, other, file.id)?;
        }
        let [width, height] = new.pixels.map_or([None, None], |[width, height]| [Some(width), Some(height)]);
        let mut find = connection.prepare_cached("SELECT id FROM items WHERE file = ? AND row = ?")?;
        let old: Option<u32> = find.query_row((file.id, row), |row| row.get(0)).optional()?;
        let modality = new.modality.index();
        let id = match old {
            Some(id) if self.loaded.position_of(ItemId(id)).is_some() => {
                let mut update = connection.prepare_cached(
                    "UPDATE items SET modality = ?, hash = ?, width = ?, height = ?, snippet = ?, crc = ? WHERE id = ?",
                )?;
                let crc = checksum(row, new, [width, height]);
                update.execute((modality as i64, new.hash.0, width, height, &new.snippet, crc, id))?;
                self.changes.push(ItemChange::Update(item(id, path, new), vector));
                return Ok(());
            }
            // Known but without a vector of this model, so it is in no snapshot: appended like a new item.
            Some(id) => {
                connection.prepare_cached("DELETE FROM items WHERE id = ?")?.execute([id])?;
                let added = insert(connection, file.id, row, modality as i64, new, [width, height])?;
                self.renumbered.insert(ItemId(id), ItemId(added));
                added
            }
            None => insert(connection, file.id, row, modality as i64, new, [width, height])?,
        };
        self.changes.push(ItemChange::Add(item(id, path, new), vector));
        Ok(())
    }

    /// Inserts or updates the entry of a file. A file of parts becomes complete only by [`Store::finish_parts`].
    fn file(
        &mut self,
        connection: &Connection,
        path: &Path,
        stamp: FileStamp,
        has_parts: bool,
    ) -> rusqlite::Result<FileEntry> {
        let Some((key, mut file)) = self.find(path) else {
            let key: Arc<Path> = path.into();
            let mut insert = connection.prepare_cached(
                "INSERT INTO files (path, bytes, modified_ns, change_mark, complete) VALUES (?, ?, ?, ?, ?)",
            )?;
            let FileStamp { bytes, modified_ns, change_mark } = stamp;
            insert.execute((paths::to_bytes(path), bytes.cast_signed(), modified_ns, change_mark, !has_parts))?;
            let file =
                FileEntry { id: connection.last_insert_rowid(), bytes, modified_ns, change_mark, ready: !has_parts };
            self.touched.insert(key, file);
            return Ok(file);
        };
        let same = file.matches(stamp);
        if same && (has_parts || file.ready) && file.change_mark == stamp.change_mark {
            return Ok(file);
        }
        if !same && has_parts {
            self.remove(connection, "DELETE FROM items WHERE file = ? RETURNING id", file.id)?;
        }
        // an unchanged file of parts keeps its state
        let complete = if same && has_parts { file.ready } else { !has_parts };
        let mut update = connection.prepare_cached(
            "UPDATE files SET bytes = ?, modified_ns = ?, change_mark = ?, complete = ? WHERE id = ?",
        )?;
        let FileStamp { bytes, modified_ns, change_mark } = stamp;
        update.execute((bytes.cast_signed(), modified_ns, change_mark, complete, file.id))?;
        file = FileEntry { id: file.id, bytes, modified_ns, change_mark, ready: complete };
        self.touched.insert(key, file);
        Ok(file)
    }

    /// Removes the items of a file that are none of these parts.
    fn remove_others(&mut self, connection: &Connection, file: i64, kept: &[u32]) -> rusqlite::Result<()> {
        let mut find = connection.prepare_cached("SELECT id, row FROM items WHERE file = ?")?;
        let items = find.query_map([file], |row| Ok((row.get(0)?, row.get::<_, u32>(1)?)))?;
        let is_other = |item: &rusqlite::Result<(u32, u32)>| {
            item.as_ref().map_or(true, |(_, part)| kept.binary_search(part).is_err())
        };
        let others: Vec<(u32, u32)> = items.filter(is_other).collect::<rusqlite::Result<_>>()?;
        let mut delete = connection.prepare_cached("DELETE FROM items WHERE id = ?")?;
        others.iter().try_for_each(|(id, _)| delete.execute([id]).map(|_| ()))?;
        self.note_removed(others.into_iter().map(|(id, _)| ItemId(id)).collect());
        Ok(())
    }

    fn remove(&mut self, connection: &Connection, sql: &str, file: i64) -> rusqlite::Result<()> {
        let mut delete = connection.prepare_cached(sql)?;
        let mut gone = HashSet::new();
        for id in delete.query_map([file], |row| row.get(0).map(ItemId))? {
            gone.insert(id?);
        }
        self.note_removed(gone);
        Ok(())
    }

    fn note_removed(&mut self, gone: HashSet<ItemId>) {
        if !gone.is_empty() {
            // Rows added earlier in this batch have not been published yet.
            self.changes.retain(|change| !matches!(change, ItemChange::Add(item, _) if gone.contains(&item.id)));
            self.changes.extend(gone.into_iter().map(ItemChange::Remove));
        }
    }

    /// If a file with the same content has disappeared elsewhere, it was moved and keeps its items.
    fn adopt_moved_file(&mut self, connection: &Connection, new: &NewItem) -> rusqlite::Result<()> {
        let mut find = connection.prepare_cached(
            "SELECT files.id, path, bytes, modified_ns FROM items JOIN files ON files.id = items.file
             WHERE items.hash = ? AND items.modality = ? AND items.row = ? LIMIT ?",
        )?;
        let row = code(new);
        let key = (new.hash.0, new.modality.index() as i64, row, MOVE_CANDIDATES);
        let candidates = find.query_map(key, |row| {
            let path = paths::from_bytes(&row.get::<_, Vec<u8>>(1)?);
            Ok((row.get::<_, i64>(0)?, path, (row.get::<_, i64>(2)?.cast_unsigned(), row.get::<_, i64>(3)?)))
        })?;
        let mut moved = None;
        for candidate in candidates {
            let (id, path, stat) = candidate?;
            // One part does not prove that a file is the same; together with size and time it does.
            let same = new.part.is_none() || stat == (new.bytes, new.modified_ns);
            if same && self.find(&path).is_some() && has_vanished(&path, &self.loaded.parts.roots) {
                moved = Some((id, path));
                break;
            }
        }
        let Some((id, from)) = moved else { return Ok(()) };
        connection
            .prepare_cached("UPDATE files SET path = ? WHERE id = ?")?
            .execute((paths::to_bytes(&new.path), id))?;
        let Some((_, entry)) = self.find(&from) else { return Ok(()) };
        let to: Arc<Path> = new.path.as_path().into();
        let mut items = connection.prepare_cached("SELECT id FROM items WHERE file = ?")?;
        for id in items.query_map([id], |row| row.get(0).map(ItemId))? {
            if let Some((chunk, at)) = self.loaded.position_of(id?) {
                let item = Item { path: to.clone(), ..self.loaded.parts.chunks[chunk][at].clone() };
                self.changes.push(ItemChange::Update(item, self.loaded.parts.vector_rows[chunk][at]));
            }
        }
        self.touched.remove(from.as_path());
        self.moved_from.push(from);
        self.touched.insert(to, entry);
        Ok(())
    }
}

/// Whether a file is missing although its root is available.
fn has_vanished(path: &Path, roots: &[Root]) -> bool {
    let gone =
        |path: &Path| std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    let reachable =
        roots.iter().filter(|root| path.starts_with(&root.path)).all(|root| root.path == path || !gone(&root.path));
    gone(path) && reachable
}

fn insert(
    connection: &Connection,
    file: i64,
    row: u32,
    modality: i64,
    new: &NewItem,
    [width, height]: [Option<u32>; 2],
) -> rusqlite::Result<u32> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO items (file, row, modality, hash, width, height, snippet, crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let crc = checksum(row, new, [width, height]);
    insert.execute((file, row, modality, new.hash.0, width, height, &new.snippet, crc))?;
    let id = connection.last_insert_rowid();
    u32::try_from(id).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, id))
}

/// The number of its part; 0 for a whole file.
fn code(item: &NewItem) -> u32 {
    item.part.map_or(0, |part| part.code().get())
}

fn checksum(row: u32, new: &NewItem, pixels: [Option<u32>; 2]) -> u32 {
    item_checksum(row, new.modality.index() as u32, &new.hash.0, pixels, new.snippet.as_deref())
}

fn item(id: u32, path: Arc<Path>, new: &NewItem) -> Item {
    Item {
        id: ItemId(id),
        path,
        part: new.part,
        modality: new.modality,
        bytes: new.bytes,
        modified_ns: new.modified_ns,
        hash: new.hash,
        pixels: new.pixels,
        snippet: new.snippet.as_deref().map(Arc::from),
    }
}
