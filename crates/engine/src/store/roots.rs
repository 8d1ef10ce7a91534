//! Added folders and files, and the removal of items when they or files below them disappear.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{Store, StoreError, paths, rejected};
use crate::Root;

impl Store {
    /// Adds a folder or file. False if it was added before.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn add_root(&mut self, path: &Path) -> Result<bool, StoreError> {
        self.writable()?;
        if self.roots().iter().any(|root| root.path == path) {
            return Ok(false);
        }
        self.connection
            .execute("INSERT INTO roots (path, available) VALUES (?, 1)", [paths::to_bytes(path)])
            .map_err(|error| self.sql(&error))?;
        self.loaded.parts.roots.push(Root { path: path.to_owned(), available: true });
        self.publish();
        Ok(true)
    }

    /// Removes a folder or file and all items that are below no other root, or on a disk that is not there. Their vectors stay until the library is
    /// compacted, so that adding it again embeds nothing. Returns the number of removed items.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn remove_root(&mut self, path: &Path) -> Result<usize, StoreError> {
        self.writable()?;
        let others: Vec<PathBuf> =
            self.roots().iter().map(|root| root.path.clone()).filter(|root| root != path).collect();
        let is_away = self.roots().iter().any(|root| root.path == path && !root.available);
        let orphan =
            |file: &Path| file.starts_with(path) && (is_away || !others.iter().any(|root| file.starts_with(root)));
        let root = paths::to_bytes(path);
        let removed = self.remove_files(orphan, |connection| {
            connection.execute("DELETE FROM roots WHERE path = ?", [&root]).map(|_| ())
        })?;
        self.loaded.parts.roots.retain(|root| root.path != path);
        self.publish();
        Ok(removed)
    }

    /// Removes the items of files that were not `seen` by a scan of the roots `walked`. Files that are also below another
    /// root stay, as do those `out_of_reach`: below unavailable roots (an unplugged disk) and folders that could not be
    /// listed. Scanned roots that are out of reach are marked unavailable, the others available. Returns the number of
    /// removed items.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn remove_missing(
        &mut self,
        seen: &HashSet<PathBuf>,
        walked: &[PathBuf],
        out_of_reach: &[PathBuf],
    ) -> Result<usize, StoreError> {
        self.writable()?;
        let mut roots = self.loaded.parts.roots.clone();
        for root in roots.iter_mut().filter(|root| walked.contains(&root.path)) {
            root.available = !out_of_reach.contains(&root.path);
        }
        let looked_for = |file: &Path| {
            let mut holding = roots.iter().filter(|root| file.starts_with(&root.path)).peekable();
            holding.peek().is_some() && holding.all(|root| walked.contains(&root.path))
        };
        let gone = |file: &Path| {
            !seen.contains(file) && looked_for(file) && !out_of_reach.iter().any(|folder| file.starts_with(folder))
        };
        let removed = self.remove_files(gone, |connection| {
            let mut update = connection.prepare_cached("UPDATE roots SET available = ? WHERE path = ?")?;
            roots.iter().try_for_each(|root| update.execute((root.available, paths::to_bytes(&root.path))).map(|_| ()))
        })?;
        if removed > 0 || roots != self.loaded.parts.roots {
            self.loaded.parts.roots = roots;
            self.publish();
        }
        Ok(removed)
    }

    /// Renames a root and everything below it to another path of the same folder.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn rename_root(&mut self, from: &Path, to: &Path) -> Result<(), StoreError> {
        self.writable()?;
        let renamed = |path: &Path| {
            let below = path.strip_prefix(from).ok()?;
            Some(if below.as_os_str().is_empty() { to.to_owned() } else { to.join(below) })
        };
        let files: Vec<(i64, PathBuf)> =
            self.loaded.files.iter().filter_map(|(path, file)| Some((file.id, renamed(path)?))).collect();
        let noted: Vec<&PathBuf> = self.loaded.rejected.keys().filter(|path| path.starts_with(from)).collect();
        let known = self.roots().iter().any(|root| root.path == to);
        self.in_transaction(|connection| {
            for (id, path) in &files {
                if self.loaded.files.contains_key(path.as_path()) {
                    connection.execute("DELETE FROM items WHERE file = ?", [id])?;
                    connection.execute("DELETE FROM files WHERE id = ?", [id])?;
                } else {
                    connection.execute("UPDATE files SET path = ? WHERE id = ?", (paths::to_bytes(path), id))?;
                }
            }
            noted.iter().try_for_each(|path| rejected::forget_all(connection, path))?;
            match known {
                true => connection.execute("DELETE FROM roots WHERE path = ?", [paths::to_bytes(from)]),
                false => connection
                    .execute("UPDATE roots SET path = ? WHERE path = ?", [paths::to_bytes(to), paths::to_bytes(from)]),
            }
        })?;
        self.reload()
    }
}
