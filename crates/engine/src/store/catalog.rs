//! The SQLite catalog: its tables, opening and migrating it, and repairing damage.
//!
//! Journal mode WAL with `synchronous = FULL`: a transaction is on the disk when its commit returns. NORMAL would
//! survive a killed process too, but could lose the last transactions in a power cut. The extra fsync costs milliseconds
//! per batch, and a batch takes seconds to embed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::StoreError;
use super::open::Salvaged;
use super::{facts, paths, picture_texts, table_columns, vectors, words};
use vicinity_core::atomic_file;
use vicinity_models::ModelKey;

/// SQLite application id ("Vcny"), so that no other program's database is mistaken for ours.
pub(super) const APPLICATION_ID: i32 = 0x5663_6e79;
/// Format of the tables. Increase it together with a new step in [`migrate`]. Format 2 has tables of facts and of words.
const VERSION: i64 = 2;
/// The oldest format that can be read without migrating it.
const READABLE: i64 = 1;

/// `items.row` is the code of a part, and 0 for a whole file. `vectors.kind`: see `loaded::vector_kind`.
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

/// How soon a check of the catalog is cancelled.
const CANCEL_POLL: Duration = Duration::from_millis(20);

/// Beginning of the names of folders that hold damaged catalogs; the time follows.
const SET_ASIDE_PREFIX: &str = "damaged-";

/// The catalog's file in a library.
pub(super) fn file(dir: &Path) -> PathBuf {
    dir.join("catalog.sqlite")
}

/// Opens the catalog for writing and creates missing tables.
pub(super) fn open_to_write(dir: &Path) -> Result<Connection, StoreError> {
    let sql = |error: rusqlite::Error| StoreError::sql(dir, &error);
    let mut connection = Connection::open(file(dir)).map_err(sql)?;
    prepare(&connection).map_err(sql)?;
    // Writing the header shows at once whether the file is writable and a database.
    migrate(&mut connection, dir)?;
    add_later_tables(&connection).map_err(sql)?;
    repair_derived(&connection).map_err(|error| match StoreError::sql(dir, &error) {
        // Whatever is wrong with these tables, the catalog is rebuilt without them.
        StoreError::Catalog { reason } => StoreError::Damaged { what: reason },
        other => other,
    })?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).map_err(sql)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(sql)?;
    connection.pragma_update(None, "journal_size_limit", 16 << 20).map_err(sql)?;
    Ok(connection)
}

/// Opens the catalog for reading, possibly while another process writes it or on a read-only disk. Writes only the
/// temporary files that SQLite needs to share the catalog with a writer.
pub(super) fn open_to_read(dir: &Path) -> Result<Connection, StoreError> {
    let connection = match open_shared(dir) {
        Ok(connection) => connection,
        // WAL needs a shared-memory file even to read. If it cannot be created, nobody writes, and the catalog can be
        // read directly unless its log still has to be applied.
        Err(error) if log_is_empty(dir) => match open_immutable(dir) {
            Ok(connection) => connection,
            Err(_) => return Err(StoreError::sql(dir, &error)),
        },
        Err(error) => return Err(StoreError::sql(dir, &error)),
    };
    match version(&connection).map_err(|error| StoreError::sql(dir, &error))? {
        READABLE..=VERSION => Ok(connection),
        found if found > VERSION => Err(StoreError::Newer { dir: dir.to_owned(), found, known: VERSION }),
        _ => Err(StoreError::ReadOnly {
            why: format!("The library {} is of an older format and has to be opened for writing once.", dir.display()),
        }),
    }
}

/// Does not use SQLite's read-only flag: such a connection leaves its shared files behind. SQLite itself falls back to
/// reading where the catalog is write-protected.
pub(super) fn open_shared(dir: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file(dir), flags)?;
    prepare(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    check_readable(&connection)?;
    Ok(connection)
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
    std::fs::metadata(sibling(dir, "-wal")).is_ok_and(|data| data.len() == 0) || !sibling(dir, "-wal").exists()
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
    if tables > 0 && !is_ours(connection).map_err(sql)? {
        return Err(StoreError::Catalog { reason: format!("{} belongs to another program", file(dir).display()) });
    }
    let transaction = connection.transaction().map_err(sql)?;
    if tables == 0 {
        transaction.execute_batch(TABLES).map_err(sql)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(sql)?;
    }
    // From format 1, or a damaged number.
    repair_derived(&transaction).map_err(sql)?;
    transaction.pragma_update(None, "user_version", VERSION).map_err(sql)?;
    transaction.commit().map_err(sql)
}

/// Adds tables and columns introduced after the first format; earlier versions of the program ignore them.
fn add_later_tables(connection: &Connection) -> rusqlite::Result<()> {
    if !has_column(connection, "files", "change_mark")? {
        connection.execute("ALTER TABLE files ADD COLUMN change_mark INTEGER NOT NULL DEFAULT 0", ())?;
    }
    if !has_column(connection, "items", "crc")? {
        connection.execute("ALTER TABLE items ADD COLUMN crc INTEGER", ())?;
    }
    connection.execute(super::assigned_labels::TABLE, ())?;
    connection.execute(super::cluster_names::TABLE, ())?;
    connection.execute(super::groups::TABLE, ())?;
    connection.execute(super::sums::TABLE, ())?;
    super::rejected::add_table(connection)
}

/// Makes the tables whose contents are taken from the user's files, again where they are not as they should be.
fn repair_derived(connection: &Connection) -> rusqlite::Result<()> {
    facts::repair_table(connection)?;
    table_columns::repair_tables(connection)?;
    picture_texts::repair_table(connection)?;
    words::repair_tables(connection)
}

/// Whether a table has a column. A library opened for reading may come from an earlier version.
pub(super) fn has_column(connection: &Connection, table: &str, column: &str) -> rusqlite::Result<bool> {
    let mut find = connection.prepare("SELECT 1 FROM pragma_table_info(?) WHERE name = ?")?;
    find.exists([table, column])
}

/// Whether a database without a version number is ours, with a damaged number.
fn is_ours(connection: &Connection) -> rusqlite::Result<bool> {
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    Ok(id == APPLICATION_ID && has_column(connection, "items", "hash")?)
}

/// The faults that SQLite finds in the catalog; empty if it is intact.
pub(super) fn integrity(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("PRAGMA integrity_check(10)")?;
    let found = statement.query_map((), |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(found.into_iter().filter(|line| line != "ok").collect())
}

/// The first fault of the catalog in `dir`; `None` if it is intact or cannot be checked.
pub(super) fn examine(dir: &Path, cancelled: &(dyn Fn() -> bool + Sync)) -> Option<String> {
    let look = || {
        let connection = open_shared(dir)?;
        let (interrupt, done) = (connection.get_interrupt_handle(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    if cancelled() {
                        interrupt.interrupt();
                    }
                    std::thread::park_timeout(CANCEL_POLL);
                }
            });
            let found = integrity(&connection);
            done.store(true, Ordering::Release);
            watcher.thread().unpark();
            found
        })
    };
    match look() {
        Ok(found) => found.into_iter().next(),
        Err(_) if cancelled() => None,
        Err(error) if matches!(StoreError::sql(dir, &error), StoreError::Damaged { .. }) => Some(error.to_string()),
        Err(error) => {
            log::warn!("the catalog of {} could not be checked: {error}", dir.display());
            None
        }
    }
}

/// Rebuilds the catalog from its tables without using any index. True on success: then no table was damaged but perhaps
/// those of facts, columns, words and text in pictures, which are filled again from the user's files. The last is taken over
/// if it can be read, as it takes long to fill.
pub(super) fn rebuild(dir: &Path) -> bool {
    let beside = self::sibling(dir, "-rebuilt");
    let copy = || {
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.to_string()),
            _ => {}
        }
        copy_tables(dir, &beside).map_err(|error| error.to_string())?;
        // The log of the old catalog must never be applied to the new one. It is empty by now.
        for suffix in ["-wal", "-shm"] {
            let _gone_already = std::fs::remove_file(self::sibling(dir, suffix));
        }
        atomic_file::rename(&beside, &file(dir)).map_err(|error| error.to_string())
    };
    copy().map_err(|error: String| log::warn!("the catalog in {} cannot be rebuilt: {error}", dir.display())).is_ok()
}

fn copy_tables(dir: &Path, to: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open(file(dir))?;
    prepare(&connection)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get::<_, i64>(0))?;
    let to = to.as_os_str().to_str().ok_or(rusqlite::Error::InvalidPath(to.to_owned()))?;
    connection.execute("ATTACH DATABASE ? AS fresh", [to])?;
    let transaction = connection.unchecked_transaction()?;
    let tables = {
        let sql = "SELECT name, sql FROM main.sqlite_schema
                   WHERE type = 'table' AND name NOT LIKE 'sqlite%'
                       AND name NOT IN ('facts', 'file_words', 'table_files', 'table_columns', 'picture_texts')
                       AND name NOT LIKE 'words%'";
        let mut tables = transaction.prepare(sql)?;
        let rows = tables.query_map((), |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        rows.collect::<rusqlite::Result<Vec<_>>>()?
    };
    for (name, sql) in &tables {
        transaction.execute_batch(&sql.replacen("CREATE TABLE ", "CREATE TABLE fresh.", 1))?;
        transaction
            .execute_batch(&format!("INSERT OR IGNORE INTO fresh.{name} SELECT * FROM main.{name} NOT INDEXED"))?;
    }
    transaction.execute_batch(
        "CREATE INDEX fresh.items_by_hash ON items (hash);
         UPDATE fresh.sqlite_sequence SET seq = max(seq, coalesce((SELECT max(seq) FROM main.sqlite_sequence), 0));
         UPDATE fresh.files SET complete = 0;",
    )?;
    if let Err(error) = picture_texts::copy(&transaction) {
        log::warn!("the text in pictures is read again: {error}");
    }
    transaction.pragma_update(Some("fresh"), "application_id", APPLICATION_ID)?;
    // The rest of the tables is added when it is opened to write.
    transaction.pragma_update(Some("fresh"), "user_version", READABLE)?;
    transaction.commit()
}

/// Resets the last item number if it is out of range: a damaged number would prevent all further inserts.
pub(super) fn repair_sequence(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute(
            "UPDATE sqlite_sequence SET seq = (SELECT coalesce(max(id), 0) FROM items WHERE id BETWEEN 0 AND ?1)
             WHERE name = 'items' AND (typeof(seq) <> 'integer' OR seq NOT BETWEEN 0 AND ?1)",
            [u32::MAX],
        )
        .map(|_| ())
}

/// Moves a damaged catalog and its vectors into a separate folder. Returns that folder and the data that was recovered.
pub(super) fn set_aside(dir: &Path) -> Result<(PathBuf, Salvaged), StoreError> {
    let salvaged = salvage(dir);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut candidates = (now..=u64::MAX).map(|second| dir.join(format!("{SET_ASIDE_PREFIX}{second}")));
    let aside = candidates.find(|path| !path.exists()).unwrap_or_default();
    std::fs::create_dir(&aside).map_err(|error| StoreError::io(dir, &aside, error))?;
    let names = [file(dir), sibling(dir, "-wal"), sibling(dir, "-shm"), dir.join("vectors")];
    for from in names.iter().filter(|path| path.exists()) {
        let to = aside.join(from.file_name().unwrap_or_default());
        atomic_file::rename(from, &to).map_err(|error| StoreError::io(dir, from, error))?;
    }
    Ok((aside, salvaged))
}

/// Folders that hold damaged catalogs set aside earlier.
pub(super) fn earlier_set_aside(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let is_one =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(SET_ASIDE_PREFIX));
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_one).collect();
    found.sort_unstable();
    found
}

/// Recovers what the user entered. Each part is read separately, as another may be on a damaged page.
fn salvage(dir: &Path) -> Salvaged {
    let roots = |connection: &Connection| {
        let mut statement = connection.prepare("SELECT path FROM roots ORDER BY id")?;
        let paths = statement.query_map((), |row| row.get::<_, Vec<u8>>(0))?;
        Ok::<_, rusqlite::Error>(paths.map_while(Result::ok).map(|bytes| paths::from_bytes(&bytes)).collect())
    };
    let Ok(connection) = Connection::open_with_flags(file(dir), OpenFlags::SQLITE_OPEN_READ_ONLY) else {
        return Salvaged::default();
    };
    Salvaged {
        roots: roots(&connection).unwrap_or_default(),
        labels: super::assigned_labels::load(&connection).ok().flatten(),
        cluster_names: super::cluster_names::load(&connection).unwrap_or_default(),
        groups: super::groups::load(&connection).map_or(0, |groups| groups.all().len()),
        options: super::import_options::load(&connection).ok().and_then(|(options, _)| options),
        picture_texts: picture_texts::salvage(&connection),
    }
}

fn sibling(dir: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file(dir));
    name.push(suffix);
    PathBuf::from(name)
}

/// Catalog entry of a model: its id, its vector file, and the number of committed rows in that file.
#[derive(Debug, Clone)]
pub(super) struct ModelRow {
    pub id: i64,
    pub file: String,
    pub rows: u32,
}

/// The entry of `model`, if any.
pub(super) fn find_model(connection: &Connection, model: &ModelKey) -> rusqlite::Result<Option<ModelRow>> {
    connection
        .query_row(
            "SELECT id, file, rows FROM models WHERE name = ? AND revision = ? AND preprocessing = ? AND dim = ?",
            (&model.name, &model.revision, &model.preprocessing, model.dim as i64),
            |row| {
                let file = row.get(1).unwrap_or_else(|_| vectors::file_name(model));
                Ok(ModelRow { id: row.get(0)?, file, rows: row.get(2).unwrap_or(0) })
            },
        )
        .optional()
}

/// Adds an entry for `model`. The file name is derived from the model, so an entry that already has this name is a
/// damaged entry of the same model and is overwritten.
pub(super) fn add_model(connection: &Connection, model: &ModelKey, file: &str) -> rusqlite::Result<ModelRow> {
    connection.execute(
        "INSERT INTO models (name, revision, preprocessing, dim, file, rows) VALUES (?1, ?2, ?3, ?4, ?5, 0)
         ON CONFLICT (file) DO UPDATE SET name = ?1, revision = ?2, preprocessing = ?3, dim = ?4",
        (&model.name, &model.revision, &model.preprocessing, model.dim as i64, file),
    )?;
    let row = find_model(connection, model)?;
    row.ok_or(rusqlite::Error::QueryReturnedNoRows)
}
