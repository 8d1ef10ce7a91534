//! Vectors that the user brought: rows of a table become items with the vectors of a NumPy file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::support::engine::wait;
use crate::support::own_vectors::{circle, matrix, points};
use vicinity_core::{LabelSet, Layout, LayoutMethod, Part, Query, QueryPart, SearchResult};
use vicinity_engine::model_selection::{self, SpaceSource};
use vicinity_engine::own_vectors::{OwnVectors, RowPositions, VectorsIn};
use vicinity_engine::scan::canonical_path;
use vicinity_engine::{
    Access, Engine, Event, ImportSummary, Job, LabelTargets, LayoutUpdates, ModelState, ModelUnavailable, OpenMode,
    SearchError, SearchSlot, Severity, Verify,
};

struct Place {
    dir: tempfile::TempDir,
    table: PathBuf,
    vectors: PathBuf,
}

impl Place {
    fn new(rows: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let [table, vectors] = circle(dir.path(), rows);
        Self { dir, table, vectors }
    }

    fn library(&self) -> PathBuf {
        self.dir.path().join("library")
    }

    fn own_vectors(&self) -> OwnVectors {
        OwnVectors { table: canonical_path(&self.table), vectors: VectorsIn::Npy(self.vectors.clone()) }
    }

    fn open(&self) -> Engine {
        let mode = OpenMode { access: Access::ReadWrite, layout: LayoutUpdates::OnRequest, verify: Verify::BeforeUse };
        Engine::open_with_own_vectors(&self.library(), self.own_vectors(), mode, || {}).expect("opens")
    }

    fn import(&self) -> (Engine, ImportSummary) {
        let engine = self.open();
        engine.submit(Job::Add(vec![self.table.clone()]));
        let summary = finished(&engine);
        (engine, summary)
    }

    /// Names of the vector files.
    fn vector_files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.library().join("vectors")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn finished(engine: &Engine) -> ImportSummary {
    wait(engine, |event| if let Event::ImportFinished(summary) = event { Some(summary) } else { None })
}

fn search(engine: &Engine, part: QueryPart) -> Result<Arc<SearchResult>, Arc<SearchError>> {
    let query = Query { parts: vec![part], k: 3, ..Query::default() };
    engine.submit(Job::Search { slot: SearchSlot::Results, ticket: 1, query });
    wait(engine, |event| if let Event::SearchDone { result, .. } = event { Some(result) } else { None })
}

/// Rows of the table, best first, with their scores.
fn like(engine: &Engine, row: u32) -> Vec<(u32, f32)> {
    let snapshot = engine.snapshot();
    let item = snapshot.items().find(|item| item.part == Some(Part::Row(row))).expect("the row is an item");
    let result = search(engine, QueryPart::Item(item.id)).expect("an item can be searched by");
    result
        .hits
        .iter()
        .map(|hit| (snapshot.get(hit.item).and_then(|item| item.part?.row()).unwrap(), hit.score))
        .collect()
}

fn error(engine: &Engine) -> String {
    wait(engine, |event| match event {
        Event::Notice(notice) if notice.severity == Severity::Error => Some(notice.text),
        _ => None,
    })
}

#[test]
fn rows_are_found_by_rows_with_their_own_vectors_and_cosines() {
    let place = Place::new(20);
    let (engine, summary) = place.import();
    assert_eq!((summary.items, summary.texts, summary.embedded, summary.failed), (20, 20, 20, 0));
    let hits = like(&engine, 8);
    let rows: Vec<u32> = hits.iter().map(|(row, _)| *row).filter(|row| *row != 8).collect();
    assert!(rows[..2] == [7, 9] || rows[..2] == [9, 7], "equal texts have vectors of their own: {hits:?}");
    let (_, cosine) = hits.iter().find(|(row, _)| *row == 9).unwrap();
    assert!((cosine - 0.1_f32.cos()).abs() < 1e-5, "{cosine}");
    let snapshot = engine.snapshot();
    let unit = snapshot.unit(4).expect("a vector");
    assert!((unit.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5, "scaled to unit length");
    assert_eq!(engine.model_info().key.name, "v.npy");
}

#[test]
fn a_second_run_has_nothing_to_do_and_a_changed_file_replaces_the_space() {
    let place = Place::new(20);
    drop(place.import());
    let (engine, again) = place.import();
    assert_eq!((again.items, again.embedded, again.reused), (20, 0, 20));
    let before = place.vector_files();
    drop(engine);
    // Twice as far apart, and the same number of bytes.
    matrix(&place.vectors, &points(20, 2.0));
    let (engine, changed) = place.import();
    assert_eq!((changed.items, changed.embedded), (20, 20));
    let (_, cosine) = *like(&engine, 8).iter().find(|(row, _)| *row == 9).unwrap();
    assert!((cosine - 0.2_f32.cos()).abs() < 1e-5, "{cosine}");
    let after = place.vector_files();
    assert!(after.len() == 1 && after != before, "the earlier vectors are gone: {before:?} {after:?}");
}

#[test]
fn a_changed_table_keeps_the_vectors_of_its_rows() {
    let place = Place::new(20);
    drop(place.import());
    let text = fs::read_to_string(&place.table).unwrap().replace("note 3", "another note 3");
    fs::write(&place.table, text).unwrap();
    let (engine, summary) = place.import();
    assert_eq!(summary.items, 20);
    let changed = engine.snapshot().items().filter(|item| item.snippet.as_deref() == Some("another note 3")).count();
    assert_eq!(changed, 2);
    let rows: Vec<u32> = like(&engine, 7).iter().map(|(row, _)| *row).filter(|row| *row != 7).collect();
    assert!(rows[..2] == [6, 8] || rows[..2] == [8, 6], "{rows:?}");
}

#[test]
fn a_row_without_a_vector_is_one_failure() {
    let place = Place::new(10);
    let mut rows = points(10, 1.0);
    rows[3] = vec![f32::NAN, 0.0, 0.0];
    rows[6] = vec![0.0; 3];
    matrix(&place.vectors, &rows);
    let (engine, summary) = place.import();
    assert_eq!((summary.items, summary.failed), (8, 2));
    let failures = engine.failures();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].reason, "Row 4: its vector has a number that is not finite (also row 7)");
    drop(engine);
    let (_, again) = place.import();
    assert_eq!((again.embedded, again.reused), (0, 8), "nothing to do though two rows have no vector");
    assert_eq!(again.failed, 2, "as many as the first time");
    // They are mended: what failed before does not keep the table from being read.
    matrix(&place.vectors, &points(10, 1.0));
    let (engine, mended) = place.import();
    assert_eq!((mended.items, mended.failed), (10, 0));
    assert_eq!(engine.failures().len(), 0);
}

#[test]
fn vectors_of_the_same_name_in_another_folder_are_another_space() {
    let place = Place::new(10);
    drop(place.import());
    let before = place.vector_files();
    let folder = place.dir.path().join("other");
    fs::create_dir(&folder).unwrap();
    let other = folder.join(place.vectors.file_name().unwrap());
    matrix(&other, &points(10, 2.0));
    let elsewhere = Place { vectors: other, ..place };
    let (_, summary) = elsewhere.import();
    assert_eq!(summary.items, 10);
    let after = elsewhere.vector_files();
    assert!(after.len() == 2 && before.iter().all(|file| after.contains(file)), "{before:?} {after:?}");
}

#[test]
fn rows_of_another_table_never_get_the_vectors_of_this_one() {
    let place = Place::new(10);
    drop(place.import());
    let copy = place.dir.path().join("copy.csv");
    fs::copy(&place.table, &copy).unwrap();
    let engine = Engine::open_with_model(&place.library(), Some("starter".parse().unwrap()), || {}).expect("opens");
    engine.submit(Job::SetImport(vicinity_engine::ImportOptions { rows: true, ..engine.import_options() }));
    engine.submit(Job::Add(vec![copy]));
    finished(&engine);
    engine.submit(Job::Rescan);
    assert_eq!(finished(&engine).items, 20, "both tables have rows of the same texts and numbers");
    drop(engine);
    let check = |engine: &Engine| {
        let snapshot = engine.snapshot();
        let tables: Vec<_> = snapshot.items().map(|item| item.path.file_name().unwrap().to_owned()).collect();
        assert_eq!((tables.len(), tables.iter().filter(|name| *name == "table.csv").count()), (10, 10), "{tables:?}");
    };
    let (engine, summary) = place.import();
    assert_eq!((summary.items, summary.embedded), (10, 0));
    check(&engine);
    drop(engine);
    check(&place.open());
}

#[test]
fn what_a_killed_run_left_of_earlier_vectors_is_removed_by_the_next() {
    let place = Place::new(10);
    drop(place.import());
    let before = place.vector_files();
    // As a run leaves it that is killed between storing new vectors and forgetting the earlier ones.
    let catalog = rusqlite::Connection::open(place.library().join("catalog.sqlite")).unwrap();
    let earlier = "INSERT INTO models (name, revision, preprocessing, dim, file, rows)
                   SELECT name, ?1, preprocessing, dim, ?1 || '.f32', 0 FROM models WHERE preprocessing LIKE 'own vectors%'";
    assert_eq!(catalog.execute(earlier, ["earlier"]).unwrap(), 1);
    fs::write(place.library().join("vectors/earlier.f32"), "vectors").unwrap();
    let (_, again) = place.import();
    assert_eq!((again.embedded, again.reused), (0, 10), "there was nothing to read");
    assert_eq!(place.vector_files(), before);
    let left: u32 =
        catalog.query_row("SELECT count(*) FROM models WHERE revision = 'earlier'", (), |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn nothing_that_needs_a_model_is_tried() {
    let place = Place::new(10);
    let (engine, _) = place.import();
    let is_own = |error: &SearchError| matches!(error, SearchError::NoModel(ModelUnavailable::OwnVectors));
    let error_of = |part| search(&engine, part).expect_err("there is no model");
    for part in [QueryPart::Text("note".to_owned()), QueryPart::File(place.table.clone())] {
        let error = error_of(part);
        assert!(is_own(&error) && error.to_string().contains("choose a model"), "{error}");
    }
    let targets = LabelTargets::Items(engine.snapshot().items().map(|item| item.id).collect());
    engine.submit(Job::Label { ticket: 1, targets, labels: LabelSet::default() });
    let labelled = wait(&engine, |event| if let Event::LabelDone { result, .. } = event { Some(result) } else { None });
    assert!(is_own(&labelled.expect_err("there is no model")));
    // Other files are refused, and those that are there already stay as they are.
    let note = place.dir.path().join("note.txt");
    fs::write(&note, "A walk along the sea.").unwrap();
    engine.submit(Job::Add(vec![note.clone()]));
    let refused = error(&engine);
    assert!(refused.contains("note.txt") && refused.contains("choose a model"), "{refused}");
    assert_eq!(finished(&engine).items, 10);
    assert_eq!(engine.snapshot().parts().roots.len(), 1, "the file is no root");
    assert!(engine.model().is_err());
    engine.submit(Job::UnloadModel);
    engine.submit(Job::ReloadModel);
    assert!(!like(&engine, 3).is_empty());
}

#[test]
fn a_library_switches_between_a_model_and_vectors_without_losing_either() {
    let place = Place::new(6);
    let note = place.dir.path().join("note.txt");
    fs::write(&note, "A walk along the sea.").unwrap();
    let with_model = |job: Job| {
        let engine = Engine::open_with_model(&place.library(), Some("starter".parse().unwrap()), || {}).expect("opens");
        let options = vicinity_engine::ImportOptions { rows: true, ..engine.import_options() };
        engine.submit(Job::SetImport(options));
        engine.submit(job);
        let summary = finished(&engine);
        (engine, summary)
    };
    let (engine, summary) = with_model(Job::Add(vec![note]));
    assert_eq!(summary.items, 1);
    drop(engine);
    let (engine, summary) = place.import();
    assert_eq!(summary.items, 6, "only what has a vector shows");
    drop(engine);
    let saved = model_selection::saved(&place.library());
    assert_eq!(saved, SpaceSource::Own { own_vectors: place.own_vectors() });
    let (engine, summary) = with_model(Job::Rescan);
    assert_eq!(
        (summary.items, summary.embedded, summary.reused),
        (7, 3, 4),
        "the rows, of which each text is there twice"
    );
    assert!(search(&engine, QueryPart::Text("sea".to_owned())).is_ok());
    drop(engine);
    let (engine, summary) = place.import();
    assert_eq!((summary.items, summary.embedded), (6, 0));
    assert_eq!(place.vector_files().len(), 2);
    engine.submit(Job::Compact);
    let compacted = wait(&engine, |event| if let Event::Compacted(done) = event { Some(done) } else { None });
    assert_eq!(compacted.expect("compacted").vectors_removed, 0, "both spaces are in use");
    assert_eq!(like(&engine, 3).len(), 3);
}

#[test]
fn vectors_of_changed_rows_are_removed_by_compaction_and_no_others() {
    let place = Place::new(20);
    drop(place.import());
    let text = fs::read_to_string(&place.table).unwrap().replace("note 3", "another note 3");
    fs::write(&place.table, text).unwrap();
    let (engine, _) = place.import();
    engine.submit(Job::Compact);
    let compacted = wait(&engine, |event| if let Event::Compacted(done) = event { Some(done) } else { None });
    assert_eq!(compacted.expect("compacted").vectors_removed, 2);
    assert!(engine.check().is_empty());
    drop(engine);
    let engine = Engine::open(&place.library(), || {}).expect("opens again");
    assert_eq!(engine.snapshot().len(), 20);
    let rows: Vec<u32> = like(&engine, 7).iter().map(|(row, _)| *row).filter(|row| *row != 7).collect();
    assert!(rows[..2] == [6, 8] || rows[..2] == [8, 6], "{rows:?}");
}

#[test]
fn the_library_opens_without_the_files_and_says_so_when_they_do_not_fit_any_more() {
    let place = Place::new(6);
    drop(place.import());
    matrix(&place.vectors, &points(6, 3.0));
    let engine = Engine::open(&place.library(), || {}).expect("opens");
    let state = wait(&engine, |event| if let Event::Model(state) = event { Some(state) } else { None });
    assert_eq!(state, ModelState::OwnVectors);
    assert_eq!(engine.snapshot().len(), 6);
    // Unchanged, the table is not read again.
    engine.submit(Job::Rescan);
    assert_eq!(finished(&engine).reused, 6);
    let text = fs::read_to_string(&place.table).unwrap().replace("note 1", "note one");
    fs::write(&place.table, text).unwrap();
    engine.submit(Job::Rescan);
    let refused = error(&engine);
    assert!(refused.contains("v.npy has changed") && refused.contains("--vectors"), "{refused}");
    finished(&engine);
    assert_eq!((engine.snapshot().len(), engine.failures().len()), (6, 0), "the items stay, and no file is blamed");
    drop(engine);
    fs::remove_file(&place.vectors).unwrap();
    let engine = Engine::open(&place.library(), || {}).expect("opens without its vectors");
    assert_eq!(like(&engine, 2).len(), 3);
}

#[test]
fn vectors_and_table_of_different_lengths_are_refused_before_anything_is_made() {
    let place = Place::new(6);
    matrix(&place.vectors, &points(7, 1.0));
    let mode = OpenMode::default();
    let refused = Engine::open_with_own_vectors(&place.library(), place.own_vectors(), mode, || {}).map(drop);
    let refused = refused.expect_err("they do not fit").to_string();
    assert!(refused.contains("table.csv has 6 rows") && refused.contains("v.npy has 7"), "{refused}");
    assert!(!place.library().exists());
}

fn layout(engine: &Engine, method: LayoutMethod) -> Arc<Layout> {
    wait(engine, |event| match event {
        Event::Layout(layout) if layout.method == method => Some(layout),
        _ => None,
    })
}

fn positions_file(folder: &Path, rows: usize) -> PathBuf {
    let path = folder.join("xy.csv");
    let lines: Vec<String> = (0..rows).map(|row| format!("{row},{}", 10 * (row % 2))).collect();
    fs::write(&path, format!("x,y\n{}\n", lines.join("\n"))).unwrap();
    path
}

#[test]
fn positions_are_the_map_until_the_user_asks_for_another() {
    let place = Place::new(40);
    let (engine, _) = place.import();
    let positions = RowPositions::read(&positions_file(place.dir.path(), 40)).expect("positions");
    engine.submit(Job::UsePositions(Arc::new(positions)));
    let mine = layout(&engine, LayoutMethod::Own);
    assert_eq!((mine.positions.len(), mine.settled), (40, 40));
    assert!((mine.positions[0].x + 1.0).abs() < 1e-6 && (mine.positions[39].x - 1.0).abs() < 1e-6);
    drop(engine);
    // A window lays out maps by itself, but not this one.
    let engine = Engine::open(&place.library(), || {}).expect("opens");
    let stored = layout(&engine, LayoutMethod::Own);
    assert_eq!(stored.positions, mine.positions);
    // Nor do they get lost when all rows are imported again.
    let text = fs::read_to_string(&place.table).unwrap().replace("note 1", "another note 1");
    fs::write(&place.table, text).unwrap();
    engine.submit(Job::Rescan);
    let again = wait(&engine, |event| match event {
        Event::Layout(layout) if layout.positions.len() == 40 && layout.epoch != stored.epoch => Some(layout),
        _ => None,
    });
    assert_eq!((again.method, &again.positions), (LayoutMethod::Own, &mine.positions));
    engine.submit(Job::ComputeLayout(LayoutMethod::Umap));
    let computed = layout(&engine, LayoutMethod::Umap);
    assert_ne!(computed.positions, mine.positions);
    drop(engine);
    let engine = Engine::open(&place.library(), || {}).expect("opens");
    assert_eq!(engine.stored_layout().map(|layout| layout.method), Some(LayoutMethod::Umap));
    let too_few = RowPositions::read(&positions_file(place.dir.path(), 39)).expect("positions");
    engine.submit(Job::UsePositions(Arc::new(too_few)));
    let refused = error(&engine);
    assert!(refused.contains("do not belong"), "{refused}");
}
