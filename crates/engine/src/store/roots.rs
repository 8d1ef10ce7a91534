//! Added folders and files, and what becomes of items when they, or files below them, go.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{Store, StoreError, not_taken, paths};
use crate::Root;

impl Store {
    /// Adds a folder or file. False where it was added before.
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
        self.state.parts.roots.push(Root { path: path.to_owned(), available: true });
        self.publish();
        Ok(true)
    }

    /// Drops a folder or file, with all items that lie below no other root. Their vectors stay, so that adding it
    /// again embeds nothing. Gives the number of items removed.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn remove_root(&mut self, path: &Path) -> Result<usize, StoreError> {
        self.writable()?;
        let others: Vec<PathBuf> =
            self.roots().iter().map(|root| root.path.clone()).filter(|root| root != path).collect();
        let orphan = |file: &Path| file.starts_with(path) && !others.iter().any(|root| file.starts_with(root));
        let root = paths::to_bytes(path);
        let removed = self.remove_files(orphan, |connection| {
            connection.execute("DELETE FROM roots WHERE path = ?", [&root]).map(|_| ())
        })?;
        self.state.parts.roots.retain(|root| root.path != path);
        self.publish();
        Ok(removed)
    }

    /// Called with all files that a walk over the roots `walked` has seen: items of vanished ones are removed. What lies
    /// below another root as well, one that was not walked, stays; and so does what is `out_of_reach`: below roots that
    /// are not there (an unplugged disk), and folders that could not be listed. Walked roots among these are marked
    /// unavailable, the others available. Gives the number of items removed.
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
        let mut roots = self.state.parts.roots.clone();
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
        if removed > 0 || roots != self.state.parts.roots {
            self.state.parts.roots = roots;
            self.publish();
        }
        Ok(removed)
    }

    /// Calls a root, and all that lies below it, by another path that leads to the same place.
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
            self.state.files.iter().filter_map(|(path, file)| Some((file.id, renamed(path)?))).collect();
        let noted: Vec<&PathBuf> = self.state.not_taken.keys().filter(|path| path.starts_with(from)).collect();
        let known = self.roots().iter().any(|root| root.path == to);
        self.in_transaction(|connection| {
            for (id, path) in &files {
                if self.state.files.contains_key(path.as_path()) {
                    connection.execute("DELETE FROM items WHERE file = ?", [id])?;
                    connection.execute("DELETE FROM files WHERE id = ?", [id])?;
                } else {
                    connection.execute("UPDATE files SET path = ? WHERE id = ?", (paths::to_bytes(path), id))?;
                }
            }
            noted.iter().try_for_each(|path| not_taken::forget_all(connection, path))?;
            match known {
                true => connection.execute("DELETE FROM roots WHERE path = ?", [paths::to_bytes(from)]),
                false => connection
                    .execute("UPDATE roots SET path = ? WHERE path = ?", [paths::to_bytes(to), paths::to_bytes(from)]),
            }
        })?;
        self.reload()
    }
}
