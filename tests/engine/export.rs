//! Exports of some items: lists, vectors, and copies of files that destroy nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;
use tempfile::TempDir;
use vicinity_core::{ContentHash, Item, ItemId, LabelScore, LabelSet, LabelledItems, Modality, Part};
use vicinity_engine::export::{self, ExportedItems, copy_files};
use vicinity_engine::output_files::OutputError;
use vicinity_engine::{Snapshot, SnapshotParts, Vectors};
use vicinity_models::ModelKey;

/// A folder with files, and a collection of them whose third item has no vector.
struct Place {
    folder: TempDir,
    snapshot: Snapshot,
}

const FILES: [(&str, &str); 4] =
    [("a/dog.jpg", "one"), ("b/dog.jpg", "two"), ("b/Dog.JPG", "three"), ("b/table.csv", "t")];

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b", "library"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        FILES.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
        let item = |at: usize, name: &str, part: Option<Part>| Item {
            id: ItemId(at as u32 + 10),
            path: folder.path().join(name).into(),
            part,
            modality: if part.is_some() { Modality::Text } else { Modality::Image },
            bytes: 3,
            modified_ns: 0,
            hash: ContentHash([at as u8; 32]),
            pixels: part.is_none().then_some([30, 20]),
            snippet: part.is_some().then(|| "words, and \"more\"".into()),
        };
        let mut items: Vec<Item> =
            FILES.iter().take(3).enumerate().map(|(at, (name, _))| item(at, name, None)).collect();
        items.extend((3..5).map(|at| item(at, FILES[3].0, Some(Part::Row(at as u32)))));
        let snapshot = Snapshot::new(SnapshotParts {
            library: folder.path().join("library"),
            epoch: 1,
            generation: 1,
            photos: Vec::new(),
            tables: Arc::default(),
            groups: Arc::default(),
            roots: vec![],
            chunks: vec![Arc::new(items)],
            vector_rows: vec![Arc::new(vec![0, 1, u32::MAX, 2, 3])],
            vectors: Vectors::Owned(Arc::from([1.0, 0.0, 0.0, 1.0, 0.6, 0.8, 0.8, 0.6])),
            model: ModelKey { name: "m".into(), revision: "r".into(), preprocessing: "p".into(), dim: 2 },
            means: [Arc::from([]), Arc::from([])],
            counts: [3, 2],
            read_only: None,
        });
        Self { folder, snapshot }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn rows<'a>(&'a self, rows: &'a [usize]) -> ExportedItems<'a> {
        ExportedItems { snapshot: &self.snapshot, rows, labels: None, scores: None, go_on: &|| true }
    }

    fn list(&self, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(name)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn a_parquet_list_says_what_a_csv_list_says() {
    let place = Place::new();
    let best = [(ItemId(11), LabelScore { label: 0, score: 0.25, share: 0.5 })];
    let set = LabelSet { name: "mine".to_owned(), labels: vec!["a dog".to_owned()] };
    let labels = LabelledItems { set, best: best.into_iter().collect() };
    let (rows, scores) = ([3, 1, 2], [0.75, 0.5, 0.125]);
    let export = ExportedItems { labels: Some(&labels), scores: Some(&scores), ..place.rows(&rows) };
    let (csv, parquet) = (place.path("i.csv"), place.path("i.parquet"));
    assert_eq!(export::write_items(&export, None, Some(&csv)), Ok(3));
    assert_eq!(export::write_items(&export, None, Some(&parquet)), Ok(3));

    let mut table = csv::Reader::from_path(&csv).unwrap();
    let names: Vec<String> = table.headers().unwrap().iter().map(str::to_owned).collect();
    let records: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let reader = SerializedFileReader::new(fs::File::open(&parquet).unwrap()).unwrap();
    let fields = reader.metadata().file_metadata().schema_descr();
    assert_eq!(fields.columns().iter().map(|column| column.name()).collect::<Vec<_>>(), names);
    let at = |name: &str| names.iter().position(|other| other == name).unwrap();
    for (row, record) in reader.get_row_iter(None).unwrap().map(Result::unwrap).zip(&records) {
        assert_eq!(row.get_long(at("id")).unwrap().to_string(), record[at("id")]);
        assert_eq!(row.get_string(at("path")).unwrap(), &record[at("path")]);
        assert_eq!(row.get_float(at("score")).unwrap().to_string(), record[at("score")]);
        assert_eq!(row.get_long(at("row")).ok().map(|row| row.to_string()).unwrap_or_default(), record[at("row")]);
        let snippet = row.get_string(at("snippet")).cloned().unwrap_or_default();
        assert_eq!(snippet, record[at("snippet")]);
        let label = row.get_string(at("label")).cloned().unwrap_or_default();
        assert_eq!(label, record[at("label")]);
    }
    assert_eq!(records.iter().map(|record| &record[at("id")]).collect::<Vec<_>>(), ["13", "11", "12"]);
    assert_eq!((&records[1][at("label")], &records[1][at("label_score")]), ("a dog", "0.25"));
}

#[test]
fn rows_of_vectors_and_list_agree_and_items_without_a_vector_are_left_out() {
    let place = Place::new();
    let (rows, scores) = ([4, 2, 0], [3.0, 2.0, 1.0]);
    let export = ExportedItems { scores: Some(&scores), ..place.rows(&rows) };
    let (npy, csv) = (place.path("v.npy"), place.path("i.csv"));
    assert_eq!(export::write_items(&export, Some(&npy), Some(&csv)), Ok(2));
    let bytes = fs::read(&npy).unwrap();
    let values: Vec<f32> = bytes[bytes.len() - 16..].as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    assert_eq!(values, [0.8, 0.6, 1.0, 0.0]);
    let text = fs::read_to_string(&csv).unwrap();
    let ends: Vec<&str> = text.lines().skip(1).map(|line| line.rsplit(',').next().unwrap()).collect();
    assert_eq!(ends, ["3", "1"], "{text}");
    assert_eq!(export::write_items(&export, Some(&npy), None), Ok(2), "vectors alone");
    for list in ["cancelled.csv", "cancelled.parquet"].map(|name| place.path(name)) {
        let cancelled = ExportedItems { go_on: &|| false, ..export };
        assert_eq!(export::write_items(&cancelled, None, Some(&list)), Err(OutputError::Cancelled));
        assert!(!list.exists());
    }
    let wrong = export::write_items(&export, None, Some(&place.path("i.txt"))).unwrap_err();
    assert!(wrong.to_string().contains(".csv, .parquet"), "{wrong}");
}

#[test]
fn copies_get_names_of_their_own_and_overwrite_nothing() {
    let place = Place::new();
    let folder = place.path("new/copies");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("dog.jpg"), "was there").unwrap();
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(place.path("a/dog.jpg")).unwrap().set_modified(long_ago).unwrap();
    let report = copy_files(&place.snapshot, &[0, 1, 2, 3, 4], &folder, |_, _| true).unwrap();
    assert_eq!((report.copied, report.bytes, report.failures.len(), report.cancelled), (4, 12, 0, false));
    assert!(report.renamed >= 2, "{report:?}");
    assert_eq!(fs::read_to_string(folder.join("dog.jpg")).unwrap(), "was there");
    assert_eq!(fs::read_to_string(folder.join("dog (2).jpg")).unwrap(), "one");
    assert_eq!(fs::metadata(folder.join("dog (2).jpg")).unwrap().modified().unwrap(), long_ago);
    assert_eq!(fs::read_to_string(folder.join("dog (3).jpg")).unwrap(), "two");
    assert_eq!(place.list("new/copies").len(), 5, "a table with two rows is copied once");
    for (name, text) in FILES {
        assert_eq!(fs::read_to_string(place.path(name)).unwrap(), text, "{name} is as it was");
    }
    let again = copy_files(&place.snapshot, &[0], &place.path("a"), |_, _| true).unwrap();
    assert_eq!((again.copied, place.list("a")), (1, vec!["dog (2).jpg".to_owned(), "dog.jpg".to_owned()]));
}

#[test]
fn a_file_that_is_gone_is_listed_and_the_rest_is_copied() {
    let place = Place::new();
    fs::remove_file(place.path("b/dog.jpg")).unwrap();
    let mut asked = Vec::new();
    let report = copy_files(&place.snapshot, &[0, 1, 3], &place.path("out"), |done, total| {
        asked.push((done, total));
        true
    });
    let report = report.unwrap();
    assert_eq!((report.copied, report.failures.len()), (2, 1));
    assert!(report.failures[0].path.ends_with("b/dog.jpg") && !report.failures[0].reason.is_empty());
    assert!(asked.first() == Some(&(0, 3)) && asked.contains(&(2, 3)), "{asked:?}");
}

#[test]
fn cancelling_keeps_what_is_complete() {
    let place = Place::new();
    let report = copy_files(&place.snapshot, &[0, 1, 2], &place.path("out"), |done, _| done == 0).unwrap();
    assert!(report.cancelled && report.copied == 1, "{report:?}");
    assert_eq!(place.list("out"), ["dog.jpg"]);
    let report = copy_files(&place.snapshot, &[0], &place.path("none"), |_, _| false).unwrap();
    assert_eq!((report.copied, place.list("none").len()), (0, 0));
}

#[test]
fn nothing_is_copied_into_the_library_or_onto_a_file() {
    let place = Place::new();
    let refused = |name: &str| copy_files(&place.snapshot, &[0], &place.path(name), |_, _| true).unwrap_err();
    assert!(matches!(refused("library"), OutputError::InLibrary { .. }));
    assert!(matches!(refused("library/deep/er"), OutputError::InLibrary { .. }));
    assert!(place.list("library").is_empty(), "no folder was made there");
    assert!(matches!(refused("a/dog.jpg"), OutputError::NotAFolder { .. }));
    assert!(Path::new(&place.path("a/dog.jpg")).is_file());
}
