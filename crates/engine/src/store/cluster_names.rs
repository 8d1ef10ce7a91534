//! Names that the user gave clusters of the map. Stored with a sample of the contents of the cluster, so that they survive a
//! new map, moves of files and a change of model.

use std::sync::Arc;

use rusqlite::{Connection, Row};

use super::{Store, StoreError};
use vicinity_core::cluster_name::MemberSample;
use vicinity_core::{ClusterNames, GivenName, ItemId};

/// Added after the first format; a library without this table has no names.
pub(super) const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS cluster_names (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, newest INTEGER NOT NULL, members BLOB NOT NULL, crc INTEGER NOT NULL);
";

fn bytes(given: &GivenName) -> Vec<u8> {
    given.members.keys().iter().flat_map(|key| key.to_le_bytes()).collect()
}

fn checksum(name: &str, newest: ItemId, members: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(name.as_bytes());
    hasher.update(&newest.0.to_le_bytes());
    hasher.update(members);
    hasher.finalize()
}

/// `None` if the row is damaged.
fn read(row: &Row<'_>) -> Option<GivenName> {
    let (name, newest): (String, ItemId) = (row.get(0).ok()?, ItemId(row.get(1).ok()?));
    let members: Vec<u8> = row.get(2).ok()?;
    if row.get::<_, u32>(3).ok()? != checksum(&name, newest, &members) {
        return None;
    }
    let (keys, rest) = members.as_chunks::<8>();
    let members = MemberSample::new(keys.iter().map(|key| u64::from_le_bytes(*key)).collect());
    rest.is_empty().then_some(GivenName { name, members, newest })
}

/// All names without damaged ones, in the order in which they were given.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<ClusterNames> {
    if !super::catalog::has_column(connection, "cluster_names", "crc")? {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare("SELECT name, newest, members, crc FROM cluster_names ORDER BY id")?;
    let mut rows = statement.query(())?;
    let mut names = Vec::new();
    while let Some(row) = rows.next()? {
        match read(row) {
            Some(given) => names.push(Arc::new(given)),
            None => log::warn!("a damaged name of a cluster was ignored"),
        }
    }
    Ok(names)
}

impl Store {
    /// All names of clusters, in the order in which they were given.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn cluster_names(&self) -> Result<ClusterNames, StoreError> {
        load(&self.connection).map_err(|error| self.sql(&error))
    }

    /// Replaces all names of clusters.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn set_cluster_names(&mut self, names: &ClusterNames) -> Result<(), StoreError> {
        self.writable()?;
        self.in_transaction(|connection| {
            connection.execute("DELETE FROM cluster_names", ())?;
            let sql = "INSERT INTO cluster_names (name, newest, members, crc) VALUES (?, ?, ?, ?)";
            let mut insert = connection.prepare_cached(sql)?;
            names.iter().try_for_each(|given| {
                let members = bytes(given);
                let crc = checksum(&given.name, given.newest, &members);
                insert.execute((&given.name, given.newest.0, &members, crc)).map(|_| ())
            })
        })
    }
}
