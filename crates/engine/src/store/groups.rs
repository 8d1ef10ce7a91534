//! Groups of items that the user keeps under names: one row for each, with the numbers of its items.

use std::sync::Arc;

use rusqlite::{Connection, Row};

use super::{Store, StoreError};
use vicinity_core::{ItemGroup, ItemGroups, ItemId};

/// Added after the first format; a library without this table has no groups.
pub(super) const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS item_groups (
        place INTEGER PRIMARY KEY, name TEXT NOT NULL, items BLOB NOT NULL, crc INTEGER NOT NULL);
";

/// Items ascending, each as a little-endian u32.
fn bytes(group: &ItemGroup) -> Vec<u8> {
    group.items().iter().flat_map(|id| id.0.to_le_bytes()).collect()
}

fn checksum(name: &str, items: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(items);
    hasher.update(name.as_bytes());
    hasher.finalize()
}

/// `None` if the row is damaged.
fn read(row: &Row<'_>) -> Option<ItemGroup> {
    let (name, items): (String, Vec<u8>) = (row.get(0).ok()?, row.get(1).ok()?);
    let (ids, rest) = items.as_chunks::<4>();
    let intact = rest.is_empty() && row.get::<_, u32>(2).ok()? == checksum(&name, &items);
    intact.then(|| ItemGroup::new(&name, ids.iter().map(|id| ItemId(u32::from_le_bytes(*id))).collect()))
}

/// All groups without damaged ones.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<ItemGroups> {
    if !super::catalog::has_column(connection, "item_groups", "crc")? {
        return Ok(ItemGroups::default());
    }
    let mut statement = connection.prepare("SELECT name, items, crc FROM item_groups ORDER BY place")?;
    let mut rows = statement.query(())?;
    let mut groups = Vec::new();
    while let Some(row) = rows.next()? {
        match read(row) {
            Some(group) => groups.push(group),
            None => log::warn!("a damaged group of the library was ignored"),
        }
    }
    Ok(ItemGroups::new(groups))
}

/// Stores these in place of all that there were.
pub(super) fn write(connection: &Connection, groups: &ItemGroups) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM item_groups", ())?;
    let mut insert = connection.prepare_cached("INSERT INTO item_groups (name, items, crc) VALUES (?, ?, ?)")?;
    groups.all().iter().try_for_each(|group| {
        let items = bytes(group);
        insert.execute((&**group.name(), &items, checksum(group.name(), &items))).map(|_| ())
    })
}

impl Store {
    /// Replaces all groups, and publishes a snapshot with them.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn replace_groups(&mut self, groups: &Arc<ItemGroups>) -> Result<(), StoreError> {
        self.writable()?;
        self.in_transaction(|connection| write(connection, groups))?;
        self.loaded.parts.groups = Arc::clone(groups);
        // No item has changed.
        self.loaded.photo_generations += 1;
        self.publish();
        Ok(())
    }
}
