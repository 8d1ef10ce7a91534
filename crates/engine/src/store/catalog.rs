//! The SQLite catalog: opening it in whatever state it is found, its tables, and loading them.
//!
//! Journal mode WAL with `synchronous = FULL`: a transaction is on the disk when its commit returns. NORMAL would
//! survive a killed process too, but could lose the last transactions in a power cut; one more fsync beside the one
//! for the vectors costs milliseconds a batch, and a batch takes seconds to embed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OpenFlags};

use super::StoreError;
use super::paths;
use vicinity_models::ModelKey;

/// Written into the file's header, so that no other program's database is taken for ours ("Vcny").
pub(super) const APPLICATION_ID: i32 = 0x5663_6e79;
/// Format of the tables. Raise it together with a new arm in [`migrate`].
const VERSION: i64 = 1;

/// `items.row` is 0 for a whole file. `vectors.kind`: see `state::kind`.
const TABLES: &str = "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE roots (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, available INTEGER NOT NULL);
    CREATE TABLE models (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, revision TEXT NOT NULL, preprocessing TEXT NOT NULL,
        dim INTEGER NOT NULL, file TEXT NOT NULL UNIQUE, rows INTEGER NOT NULL,
        UNIQUE (name, revision, preprocessing, dim));
    CREATE TABLE vectors (
        model INTEGER NOT NULL, hash BLOB NOT NULL, kind INTEGER NOT NULL, row INTEGER NOT NULL, crc INTEGER NOT NULL,
        PRIMARY KEY (model, hash, kind)) WITHOUT ROWID;
    CREATE TABLE files (
        id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
        complete INTEGER NOT NULL);
    CREATE TABLE items (
        id INTEGER PRIMARY KEY AUTOINCREMENT, file INTEGER NOT NULL, row INTEGER NOT NULL, modality INTEGER NOT NULL,
        hash BLOB NOT NULL, width INTEGER, height INTEGER, snippet TEXT, UNIQUE (file, row));
    CREATE INDEX items_by_hash ON items (hash);
    CREATE TABLE failures (
        path BLOB PRIMARY KEY, reason TEXT NOT NULL, bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
        program TEXT NOT NULL) WITHOUT ROWID;
";

/// The catalog's file in a library.
pub(super) fn file(dir: &Path) -> PathBuf {
    dir.join("catalog.sqlite")
}

/// A note to the next opening that the catalog was found damaged while in use.
fn suspicion(dir: &Path) -> PathBuf {
    dir.join("catalog.suspect")
}

/// Leaves that note.
pub(super) fn suspect(dir: &Path) {
    if let Err(error) = std::fs::write(suspicion(dir), b"") {
        log::warn!("could not mark the catalog as damaged: {error}");
    }
}

/// Opens for writing; creates the tables where there are none.
pub(super) fn open_to_write(dir: &Path) -> Result<Connection, StoreError> {
    let sql = |error: rusqlite::Error| StoreError::sql(dir, &error);
    let mut connection = Connection::open(file(dir)).map_err(sql)?;
    prepare(&connection).map_err(sql)?;
    // Writing the header tells at once whether the file may be written, and whether it is a database.
    migrate(&mut connection, dir)?;
    add_later_tables(&connection).map_err(sql)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).map_err(sql)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(sql)?;
    connection.pragma_update(None, "journal_size_limit", 16 << 20).map_err(sql)?;
    if suspicion(dir).exists() {
        if let Some(found) = integrity(&connection).map_err(sql)?.first() {
            return Err(StoreError::Damaged { what: format!("the catalog of {} is damaged ({found})", dir.display()) });
        }
        let _not_vital = std::fs::remove_file(suspicion(dir));
    }
    Ok(connection)
}

/// Opens for reading, beside a writer or on a disk that cannot be written.
pub(super) fn open_to_read(dir: &Path) -> Result<Connection, StoreError> {
    let plain =
        Connection::open_with_flags(file(dir), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .and_then(|connection| {
                prepare(&connection).and_then(|()| check_readable(&connection)).map(|()| connection)
            });
    let connection = match plain {
        Ok(connection) => connection,
        // WAL wants a shared-memory file even to read. Where none can be made nobody writes, and the catalog may be
        // read as it lies, provided that no log is waiting to be applied.
        Err(error) if log_is_empty(dir) => match open_immutable(dir) {
            Ok(connection) => connection,
            Err(_) => return Err(StoreError::sql(dir, &error)),
        },
        Err(error) => return Err(StoreError::sql(dir, &error)),
    };
    match version(&connection).map_err(|error| StoreError::sql(dir, &error))? {
        VERSION => Ok(connection),
        found if found > VERSION => Err(StoreError::Newer { dir: dir.to_owned(), found, known: VERSION }),
        _ => Err(StoreError::ReadOnly {
            why: format!("The library {} is of an older format and has to be opened for writing once.", dir.display()),
        }),
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "cache_size", -16_000)
}

fn check_readable(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))
}

fn log_is_empty(dir: &Path) -> bool {
    std::fs::metadata(beside(dir, "-wal")).is_ok_and(|data| data.len() == 0) || !beside(dir, "-wal").exists()
}

fn open_immutable(dir: &Path) -> rusqlite::Result<Connection> {
    use std::fmt::Write;
    let mut uri = String::from("file:");
    for byte in file(dir).to_string_lossy().replace('\\', "/").bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~:".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _cannot_fail = write!(uri, "%{byte:02x}");
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri, flags)?;
    prepare(&connection)?;
    check_readable(&connection)?;
    Ok(connection)
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn migrate(connection: &mut Connection, dir: &Path) -> Result<(), StoreError> {
    let sql = |error: rusqlite::Error| StoreError::sql(dir, &error);
    let found = version(connection).map_err(sql)?;
    if found == VERSION {
        return Ok(());
    }
    if found > VERSION {
        return Err(StoreError::Newer { dir: dir.to_owned(), found, known: VERSION });
    }
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0)).map_err(sql)?;
    if tables > 0 {
        return Err(StoreError::Catalog { reason: format!("{} belongs to another program", file(dir).display()) });
    }
    let transaction = connection.transaction().map_err(sql)?;
    transaction.execute_batch(TABLES).map_err(sql)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(sql)?;
    transaction.pragma_update(None, "user_version", VERSION).map_err(sql)?;
    transaction.commit().map_err(sql)
}

/// What was added to the tables without changing their format: versions that do not know it pass over it.
fn add_later_tables(connection: &Connection) -> rusqlite::Result<()> {
    if !has_column(connection, "files", "change_mark")? {
        connection.execute("ALTER TABLE files ADD COLUMN change_mark INTEGER NOT NULL DEFAULT 0", ())?;
    }
    connection.execute(super::not_taken::TABLE, ()).map(|_| ())
}

/// Whether a table has a column: a library that is open for reading may come from an earlier version.
pub(super) fn has_column(connection: &Connection, table: &str, column: &str) -> rusqlite::Result<bool> {
    let mut find = connection.prepare("SELECT 1 FROM pragma_table_info(?) WHERE name = ?")?;
    find.exists([table, column])
}

/// What SQLite finds wrong with the file; nothing where all is well.
pub(super) fn integrity(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("PRAGMA integrity_check(10)")?;
    let found = statement.query_map((), |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(found.into_iter().filter(|line| line != "ok").collect())
}

/// Moves a damaged catalog, and the vectors that nothing names any more, into a folder of their own.
/// Gives that folder, and the added folders as far as they can still be read.
pub(super) fn set_aside(dir: &Path) -> Result<(PathBuf, Vec<PathBuf>), StoreError> {
    let roots = salvage_roots(dir);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let aside = (0..).map(|n| dir.join(format!("damaged-{}", now + n))).find(|path| !path.exists()).unwrap_or_default();
    std::fs::create_dir(&aside).map_err(|error| StoreError::io(dir, &aside, error))?;
    let names = [file(dir), beside(dir, "-wal"), beside(dir, "-shm"), dir.join("vectors")];
    for from in names.iter().filter(|path| path.exists()) {
        let to = aside.join(from.file_name().unwrap_or_default());
        std::fs::rename(from, to).map_err(|error| StoreError::io(dir, from, error))?;
    }
    let _not_vital = std::fs::remove_file(suspicion(dir));
    Ok((aside, roots))
}

fn salvage_roots(dir: &Path) -> Vec<PathBuf> {
    let read = || {
        let connection = Connection::open_with_flags(file(dir), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut statement = connection.prepare("SELECT path FROM roots ORDER BY id")?;
        let paths = statement.query_map((), |row| row.get::<_, Vec<u8>>(0))?;
        Ok::<_, rusqlite::Error>(paths.map_while(Result::ok).map(|bytes| paths::from_bytes(&bytes)).collect())
    };
    read().unwrap_or_default()
}

fn beside(dir: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file(dir));
    name.push(suffix);
    PathBuf::from(name)
}

/// A model's row: its number, its vector file, and how many rows of it count.
#[derive(Debug, Clone)]
pub(super) struct ModelRow {
    pub id: i64,
    pub file: String,
    pub rows: u32,
}

/// The row of `model`, where it has one.
pub(super) fn find_model(connection: &Connection, model: &ModelKey) -> rusqlite::Result<Option<ModelRow>> {
    use rusqlite::OptionalExtension;
    connection
        .query_row(
            "SELECT id, file, rows FROM models WHERE name = ? AND revision = ? AND preprocessing = ? AND dim = ?",
            (&model.name, &model.revision, &model.preprocessing, model.dim as i64),
            |row| Ok(ModelRow { id: row.get(0)?, file: row.get(1)?, rows: row.get(2)? }),
        )
        .optional()
}

/// Adds a row for `model`.
pub(super) fn add_model(connection: &Connection, model: &ModelKey, file: &str) -> rusqlite::Result<ModelRow> {
    connection.execute(
        "INSERT INTO models (name, revision, preprocessing, dim, file, rows) VALUES (?, ?, ?, ?, ?, 0)",
        (&model.name, &model.revision, &model.preprocessing, model.dim as i64, file),
    )?;
    Ok(ModelRow { id: connection.last_insert_rowid(), file: file.to_owned(), rows: 0 })
}
