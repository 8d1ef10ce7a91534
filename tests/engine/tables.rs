//! The columns of tables whose rows are items: stored beside them, filled in the background, and never worth an item.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use rusqlite::Connection;
use tempfile::TempDir;
use vicinity_core::table::{Cell, ColumnKind, ColumnName, Decimal, TableOptions};
use vicinity_core::{Condition, Filter, Part, SkipReason, Table};
use vicinity_engine::store::Store;
use vicinity_engine::{Engine, Event, ImportSummary, Job, VisibleRows};

use crate::support::engine::wait;

/// A library over a folder of tables.
struct Place(TempDir);

const DOGS: &str = "name;text;price;born;kind\n\
    Rex;a brown dog that runs;1.299,50;01.05.2020;poodle\n\
    Ada;a small white dog;950,00;14.06.2021;terrier\n\
    ;;;;\n\
    Bo;a sleeping dog;n/a;02.01.2022;poodle\n";

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.files()).unwrap();
        fs::write(place.files().join("dogs.csv"), DOGS).unwrap();
        fs::write(place.files().join("note.txt"), "a note about dogs").unwrap();
        place
    }

    fn files(&self) -> PathBuf {
        fs::canonicalize(self.0.path()).unwrap().join("files")
    }

    fn library(&self) -> PathBuf {
        self.0.path().join("library")
    }

    fn table(&self) -> PathBuf {
        self.files().join("dogs.csv")
    }

    fn catalog(&self) -> Connection {
        Connection::open(self.library().join("catalog.sqlite")).unwrap()
    }

    /// Imports, and reads the columns.
    fn import(&self, job: Job) -> (Engine, ImportSummary) {
        let engine = Engine::open(&self.library(), || {}).unwrap();
        let options = engine.import_options();
        engine.submit(Job::SetImport(vicinity_engine::ImportOptions { rows: true, ..options }));
        engine.submit(job);
        let summary = wait(&engine, |event| match event {
            Event::ImportFinished(summary) => Some(summary),
            _ => None,
        });
        read_columns(&engine);
        (engine, summary)
    }
}

fn read_columns(engine: &Engine) {
    engine.submit(Job::ReadFacts);
    wait(engine, |event| matches!(event, Event::FactsProgress(None)).then_some(()));
}

fn columns(engine: &Engine, path: &Path) -> Option<Arc<Table>> {
    engine.snapshot().tables().get(path).cloned()
}

/// The names of the items that meet a condition.
fn met(engine: &Engine, condition: &str) -> Vec<String> {
    let condition = Condition::parse(condition, &TimeZone::UTC).unwrap();
    let filter = Filter { condition: Some(condition.into()), ..Filter::default() };
    let rows = VisibleRows::new(engine.snapshot(), filter, None);
    let mut names: Vec<String> = rows.items().map(vicinity_core::Item::name).collect();
    names.sort();
    names
}

#[test]
fn rows_are_found_by_their_columns_and_again_when_the_library_is_opened() {
    let place = Place::new();
    let (engine, summary) = place.import(Job::Add(vec![place.files()]));
    assert_eq!((summary.embedded, summary.failed), (4, 0));
    let table = columns(&engine, &place.table()).unwrap();
    let kinds: Vec<_> = table.columns.iter().map(|column| (column.name(), column.kind())).collect();
    let expected = [
        ("name", ColumnKind::Text),
        ("text", ColumnKind::Text),
        ("price", ColumnKind::Number),
        ("born", ColumnKind::Date),
        ("kind", ColumnKind::Category),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(
        (table.format.separator, table.format.has_header, table.format.content_column.as_deref()),
        (Some(';'), Some(true), Some("text"))
    );
    let check = |engine: &Engine| {
        assert_eq!(met(engine, "column price > 1000"), ["dogs.csv:1"]);
        assert_eq!(met(engine, "column price >= 950 and column KIND != poodle"), ["dogs.csv:2"]);
        assert_eq!(met(engine, "column born >= 2021-06 and type = text"), ["dogs.csv:2", "dogs.csv:4"]);
        assert_eq!(met(engine, "has column kind and not has column price"), ["dogs.csv:4"]);
        assert_eq!(met(engine, "not has column name"), ["note.txt"]);
    };
    check(&engine);
    drop(engine);
    check(&Engine::open(&place.library(), || {}).unwrap());
    let key = vicinity_models::builtin::info().unwrap().key;
    let (reader, _) = Store::open_to_read(&place.library(), &key).unwrap();
    let snapshot = reader.snapshot();
    let row = snapshot.items().find(|item| item.part == Some(Part::Row(2))).unwrap();
    assert_eq!(snapshot.tables().cell(row, &ColumnName::new("Price")), Some(Cell::Number(950.0)));
    assert_eq!(reader.check(), [""; 0]);
}

#[test]
fn a_table_that_changed_has_its_new_columns_and_one_that_went_has_none() {
    let place = Place::new();
    drop(place.import(Job::Add(vec![place.files()])));
    fs::write(place.table(), "text,stars\na dog,3\na cat,5\n").unwrap();
    let (engine, _) = place.import(Job::Rescan);
    assert_eq!(
        (met(&engine, "column stars >= 4"), met(&engine, "has column price")),
        (vec!["dogs.csv:2".into()], vec![])
    );
    drop(engine);
    let moved = place.files().join("cats.csv");
    fs::rename(place.table(), &moved).unwrap();
    let (engine, summary) = place.import(Job::Rescan);
    assert_eq!((summary.embedded, met(&engine, "column stars >= 4")), (0, vec!["cats.csv:2".to_owned()]));
    assert!(columns(&engine, &place.table()).is_none());
    drop(engine);
    fs::remove_file(&moved).unwrap();
    let (engine, _) = place.import(Job::Rescan);
    assert!(engine.snapshot().tables().is_empty());
    drop(engine);
    let left = |table: &str| -> i64 {
        place.catalog().query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0)).unwrap()
    };
    assert_eq!((left("table_files"), left("table_columns")), (0, 0));
}

#[test]
fn columns_that_are_missing_or_damaged_are_read_again_and_nothing_is_embedded() {
    for damage in [
        "DROP TABLE table_files; DROP TABLE table_columns",
        "DROP TABLE table_columns",
        "ALTER TABLE table_columns RENAME COLUMN data TO dato",
        "DELETE FROM table_columns WHERE name = 'price'",
        "UPDATE table_columns SET data = x'00ff' WHERE name = 'price'",
        "UPDATE table_columns SET name = 'prize' WHERE name = 'price'",
        "UPDATE table_columns SET kind = 7 WHERE name = 'price'",
        "UPDATE table_columns SET kind = 'number' WHERE name = 'price'",
        "UPDATE table_files SET format = '{'",
        "UPDATE table_files SET columns = -1",
        "UPDATE table_files SET reader = 0",
        "UPDATE table_files SET bytes = bytes + 1",
    ] {
        let place = Place::new();
        drop(place.import(Job::Add(vec![place.files()])));
        place.catalog().execute_batch(damage).unwrap();
        let key = vicinity_models::builtin::info().unwrap().key;
        let (reader, _) = Store::open_to_read(&place.library(), &key).unwrap();
        assert_eq!(reader.snapshot().len(), 4, "{damage}");
        assert!(reader.snapshot().tables().is_empty(), "{damage}");
        drop(reader);
        let engine = Engine::open(&place.library(), || {}).unwrap();
        assert_eq!(engine.snapshot().len(), 4, "{damage}");
        // The first look finds what is damaged, the second reads it again.
        read_columns(&engine);
        read_columns(&engine);
        assert_eq!(met(&engine, "column price > 1000"), ["dogs.csv:1"], "{damage}");
        assert_eq!(engine.check(), [""; 0], "{damage}");
    }
}

#[test]
fn rows_of_parquet_files_are_texts_and_pictures_with_their_columns() {
    let place = Place::new();
    for name in ["dogs.parquet", "pictures.parquet"] {
        let fixture = crate::support::project_dir().join("tests/fixtures/tables").join(name);
        fs::copy(fixture, place.files().join(name)).unwrap();
    }
    let (engine, summary) = place.import(Job::Add(vec![place.files()]));
    assert_eq!((summary.images, summary.texts, summary.failed), (2, 4 + 4 + 1, 2), "{summary:?}");
    assert_eq!(met(&engine, "column price > 2 and column seen >= 2023-06-14 19:00"), ["dogs.parquet:5"]);
    assert_eq!(met(&engine, "type = image and column label = 1"), ["pictures.parquet:2"]);
    let id = engine.snapshot().items().find(|item| item.name() == "pictures.parquet:2").unwrap().id;
    engine.submit(Job::Preview(id));
    let preview = wait(&engine, |event| match event {
        Event::Preview(of, preview) if of == id => Some(preview),
        _ => None,
    });
    let vicinity_engine::PreviewContent::Picture(picture) = preview.unwrap() else { panic!("a picture") };
    assert_eq!(picture.rgb().get(..3), Some(&[0, 255, 0][..]));
    drop(engine);
    let (_, summary) = place.import(Job::Rescan);
    assert_eq!(
        (summary.embedded, summary.failed),
        (0, 2),
        "nothing is read again, and as many rows have failed as the first time"
    );
}

#[test]
fn bad_rows_of_lines_of_json_cost_only_themselves() {
    let place = Place::new();
    let lines = "{\"text\": \"a dog\", \"score\": 0.5, \"of\": {\"who\": \"Ann\"}}\n{\"text\": broken\n\
        {\"text\": \"a cat\", \"score\": null}\n{\"text\": \"a bird\", \"score\": 7, \"of\": {\"who\": \"Bob\"}}\n";
    fs::write(place.files().join("lines.jsonl"), lines).unwrap();
    let (engine, summary) = place.import(Job::Add(vec![place.files().join("lines.jsonl")]));
    assert_eq!((summary.embedded, summary.failed), (3, 1));
    assert_eq!(met(&engine, "column score >= 0.5"), ["lines.jsonl:1", "lines.jsonl:4"]);
    assert_eq!(met(&engine, "column of.who = ann or column score = 7"), ["lines.jsonl:1", "lines.jsonl:4"]);
    assert_eq!(met(&engine, "has column text"), ["lines.jsonl:1", "lines.jsonl:3", "lines.jsonl:4"]);
}

#[test]
fn rows_that_cannot_be_read_are_counted_alike_in_every_run() {
    let place = Place::new();
    fs::write(place.files().join("a.jsonl"), "{\"text\": \"a cat\"}\nno JSON\n{\"text\": \"a fox\"}\n[1,\n").unwrap();
    let (engine, first) = place.import(Job::Add(vec![place.files()]));
    assert_eq!((first.failed, engine.failures().len()), (2, 1));
    drop(engine);
    let (engine, second) = place.import(Job::Rescan);
    assert_eq!((second.failed, second.reused, engine.failures().len()), (2, first.items, 1));
    drop(engine);
    let (_, retried) = place.import(Job::Retry(Vec::new()));
    assert_eq!(retried.failed, 2);
}

#[test]
fn how_tables_are_read_can_be_chosen_and_a_change_reads_them_again() {
    let place = Place::new();
    let (engine, _) = place.import(Job::Add(vec![place.files()]));
    let choose = |engine: &Engine, tables: TableOptions| {
        engine.submit(Job::SetImport(vicinity_engine::ImportOptions { tables, ..engine.import_options() }));
        engine.submit(Job::Rescan);
        let summary = wait(engine, |event| match event {
            Event::ImportFinished(summary) => Some(summary),
            _ => None,
        });
        read_columns(engine);
        summary
    };
    let text = |engine: &Engine, row: u32| {
        let snapshot = engine.snapshot();
        let found = snapshot.items().find(|item| item.part == Some(Part::Row(row)));
        found.and_then(|item| item.snippet.as_deref().map(str::to_owned))
    };
    assert_eq!(text(&engine, 2).as_deref(), Some("a small white dog"));
    let by_name = TableOptions { text_column: Some("Name".to_owned()), ..TableOptions::default() };
    assert_eq!(choose(&engine, by_name.clone()).items, 4);
    assert_eq!((text(&engine, 2).as_deref(), text(&engine, 4).as_deref()), (Some("Ada"), Some("Bo")));
    let format = columns(&engine, &place.table()).unwrap().format.clone();
    assert_eq!(format.content_column.as_deref(), Some("name"));
    drop(engine);
    // Remembered, and without a header there is a row more.
    let engine = Engine::open(&place.library(), || {}).unwrap();
    assert_eq!(engine.import_options().tables, by_name);
    let plain = TableOptions { has_header: Some(false), decimal: Some(Decimal::Point), ..TableOptions::default() };
    let summary = choose(&engine, plain);
    assert_eq!((summary.items, text(&engine, 1).as_deref()), (5, Some("name | text | price | born | kind")));
    let table = columns(&engine, &place.table()).unwrap();
    assert_eq!((table.columns[0].name(), table.format.decimal), ("column 1", Some(Decimal::Point)));
    assert_eq!(choose(&engine, TableOptions::default()).items, 4, "the last row of before is gone");
    assert_eq!(met(&engine, "column price > 1000"), ["dogs.csv:1"]);
}

#[test]
fn workbooks_have_rows_if_rows_are_items_and_are_left_out_otherwise() {
    let place = Place::new();
    let book = place.files().join("dogs.xlsx");
    fs::copy(crate::support::project_dir().join("tests/fixtures/tables/dogs.xlsx"), &book).unwrap();
    let engine = Engine::open(&place.library(), || {}).unwrap();
    engine.submit(Job::Add(vec![place.files()]));
    let summary = wait(&engine, |event| if let Event::ImportFinished(summary) = event { Some(summary) } else { None });
    assert_eq!((summary.items, summary.skipped.get(&SkipReason::Office)), (2, Some(&1)));
    drop(engine);
    let (engine, summary) = place.import(Job::Rescan);
    assert_eq!((summary.items, summary.failed, summary.skipped.len()), (7, 0, 0));
    assert_eq!(met(&engine, "column born = 2023-06-14 and column price > 2"), ["dogs.xlsx:4"]);
    let item = engine.snapshot().items().find(|item| item.name() == "dogs.xlsx:4").map(|item| item.id).unwrap();
    engine.submit(Job::Preview(item));
    let preview = wait(&engine, |event| if let Event::Preview(_, content) = event { Some(content) } else { None });
    assert!(matches!(preview, Ok(vicinity_engine::PreviewContent::Text(text)) if &*text == "grün & <bunt>"));
}
