//! Every kind of thread of the engine panics once: the user is told, nobody waits for ever, and the engine keeps
//! working. The events' thread, the model's loader and the listener for other starts have such tests beside them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::model_loader::ModelFactory;
use super::{Engine, Event, ImportSummary, Job, LabelTargets, Notice, SearchSlot, Severity};
use vicinity_core::{
    Embedding, ItemId, LabelScore, LabelSet, LayoutMethod, Picture, Query, QueryPart, Scoring, SearchResult,
};
use vicinity_models::{
    ImageTower, Model, ModelInfo, Pixels, TextEmbedding, TextOptions, TextTower, TowerError, builtin,
};

const FAULT: &str = "a fault that a test asked for";

struct Tower;

impl ImageTower for Tower {
    fn prepare(&self, picture: &Picture) -> Pixels {
        Pixels(vec![f32::from(picture.rgb()[0])])
    }

    fn embed(&self, batch: &[Pixels]) -> Result<Vec<Embedding>, TowerError> {
        batch.iter().map(|pixels| Ok(Embedding::new(vec![1.0, pixels.0[0]])?)).collect()
    }
}

impl TextTower for Tower {
    fn embed(&self, texts: &[&str], _: TextOptions) -> Result<Vec<TextEmbedding>, TowerError> {
        let embedding = |text: &str| Embedding::new(vec![1.0, f32::from(text.bytes().fold(0u8, u8::wrapping_add))]);
        texts.iter().map(|text| Ok(TextEmbedding { embedding: embedding(text)?, tokens: 1 })).collect()
    }
}

struct Place {
    dir: tempfile::TempDir,
    engine: Engine,
}

impl Place {
    /// A library, and beside it a folder of eight texts and a picture.
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let files = dir.path().join("files");
        std::fs::create_dir(&files).expect("a folder");
        for i in 0..8 {
            std::fs::write(files.join(format!("{i}.txt")), format!("Note {i} of eight.")).expect("written");
        }
        image::RgbImage::from_pixel(40, 30, image::Rgb([9, 90, 200])).save(files.join("p.png")).expect("written");
        let mut info: ModelInfo = builtin::info().expect("built in");
        (info.key.name, info.key.dim) = ("tests".to_owned(), 2);
        let model = Model { info: info.clone(), image: Box::new(Tower), text: Box::new(Tower) };
        let factory = ModelFactory::given(model.into());
        let engine = Engine::open_with_factory(&dir.path().join("library"), info, factory, || {}).expect("opens");
        Self { dir, engine }
    }

    fn imported() -> Self {
        let place = Self::new();
        let (summary, errors) = place.import();
        assert_eq!((summary.items, errors.len()), (9, 0), "{errors:?}");
        // nothing of the first layout is under way when a fault is armed
        place.compute_layout();
        place
    }

    fn files(&self) -> PathBuf {
        self.dir.path().join("files")
    }

    fn wait<T>(&self, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let event = self.engine.events().recv_timeout(left).expect("what was waited for did not come");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    }

    /// An import of all files, with the errors that were reported.
    fn import(&self) -> (ImportSummary, Vec<String>) {
        self.engine.submit(Job::Add(vec![self.files()]));
        let mut errors = Vec::new();
        let summary = self.wait(|event| match event {
            Event::ImportFinished(summary) => Some(summary),
            Event::Notice(Notice { severity: Severity::Error, text }) => {
                errors.push(text);
                None
            }
            _ => None,
        });
        (summary, errors)
    }

    fn error(&self) -> String {
        self.wait(|event| match event {
            Event::Notice(Notice { severity: Severity::Error, text }) => Some(text),
            _ => None,
        })
    }

    fn compute_layout(&self) {
        self.engine.submit(Job::ComputeLayout(LayoutMethod::Umap));
        let is_whole = |event| match event {
            Event::Layout(layout) => (layout.method == LayoutMethod::Umap && layout.positions.len() == 9).then_some(()),
            _ => None,
        };
        self.wait(is_whole);
        self.wait(|event| matches!(event, Event::LayoutProgress(None)).then_some(()));
    }

    fn search(&self) -> Result<std::sync::Arc<SearchResult>, String> {
        let query = Query {
            parts: vec![QueryPart::Text("Note".to_owned())],
            k: 3,
            scoring: Scoring::RawCosine,
            ..Query::default()
        };
        self.engine.submit(Job::Search { slot: SearchSlot::Results, ticket: 1, query });
        self.wait(|event| match event {
            Event::SearchDone { result, .. } => Some(result.map_err(|error| error.to_string())),
            _ => None,
        })
    }
}

/// One stage of an import panics; the import ends with a sentence, and the next one does all that is left.
fn an_import_survives_a_panic_of(thread: &'static str) {
    let place = Place::new();
    place.engine.library().arm(thread);
    let (_, errors) = place.import();
    assert!(errors.iter().any(|error| error.contains(FAULT)), "{thread}: {errors:?}");
    let (summary, errors) = place.import();
    assert_eq!((summary.items, summary.cancelled, errors.len()), (9, false, 0), "{thread}: {errors:?}");
    assert!(place.search().is_ok());
}

#[test]
fn an_import_survives_a_panic_of_a_reader() {
    an_import_survives_a_panic_of("decode");
}

#[test]
fn an_import_survives_a_panic_of_the_writer() {
    an_import_survives_a_panic_of("writer");
}

#[test]
fn an_import_survives_a_panic_of_its_coordinator() {
    an_import_survives_a_panic_of("import");
}

#[test]
fn a_layout_that_panics_is_reported_and_the_next_one_is_computed() {
    let place = Place::imported();
    place.engine.library().arm("map");
    place.engine.submit(Job::ComputeLayout(LayoutMethod::Umap));
    let error = place.error();
    assert!(error.contains(FAULT) && error.contains("laid out"), "{error}");
    place.compute_layout();
}

#[test]
fn a_search_that_panics_is_answered_and_so_is_the_next_one() {
    let place = Place::imported();
    place.engine.library().arm("search");
    let why = place.search().expect_err("it panics");
    assert!(why.contains(FAULT) && why.contains("failed unexpectedly"), "{why}");
    assert_eq!(place.search().expect("found").hits.len(), 3);

    place.engine.library().arm("search");
    let labels = LabelSet { name: String::new(), labels: vec!["a".to_owned()] };
    place.engine.submit(Job::Label { ticket: 7, targets: LabelTargets::Items(Vec::new()), labels });
    let answer = place.wait(|event| match event {
        Event::LabelDone { ticket: 7, result } => Some(result),
        _ => None,
    });
    assert!(answer.is_err_and(|why| why.to_string().contains(FAULT)));

    place.engine.library().arm("search");
    let given = vec![(ItemId(1), Some(LabelScore { label: 0, score: 0.5, share: 1.0 }))];
    place.engine.submit(Job::StoreLabels { labels: vec!["a".to_owned()], given, all: false });
    let error = place.error();
    assert!(error.contains(FAULT), "{error}");
}

#[test]
fn a_preview_or_thumbnail_that_panics_is_answered() {
    let place = Place::imported();
    let id = place.engine.snapshot().items().next().expect("nine").id;
    place.engine.library().arm("previews");
    place.engine.submit(Job::Preview(id));
    let preview = |event| match event {
        Event::Preview(_, preview) => Some(preview),
        _ => None,
    };
    assert!(place.wait(preview).is_err_and(|why| why.to_string().contains(FAULT)));
    place.engine.submit(Job::Preview(id));
    assert!(place.wait(preview).is_ok());

    let picture = place.engine.snapshot().items().find(|item| item.pixels.is_some()).expect("a picture").id;
    let thumbnail = |event| match event {
        Event::Thumbnail(_, picture) => Some(picture),
        _ => None,
    };
    place.engine.library().arm("previews");
    place.engine.submit(Job::Thumbnails(vec![picture]));
    assert!(place.wait(thumbnail).is_none());
    place.engine.submit(Job::Thumbnails(vec![picture]));
    assert!(place.wait(thumbnail).is_some());
}

#[test]
fn a_panic_while_photos_are_read_is_told_and_they_are_read_the_next_time() {
    let place = Place::imported();
    place.engine.library().arm("facts");
    place.engine.submit(Job::ReadFacts);
    let error = place.error();
    assert!(error.contains(FAULT), "{error}");
    let picture = place.engine.snapshot().items().find(|item| item.pixels.is_some()).expect("a picture").id;
    place.engine.submit(Job::ReadFacts);
    while place.engine.snapshot().photo_of(picture).is_none() {
        place.wait(|event| matches!(event, Event::FactsProgress(None)).then_some(()));
    }
}

#[test]
fn a_panic_while_text_in_pictures_is_looked_up_or_read_is_answered() {
    let place = Place::imported();
    let picture = place.engine.snapshot().items().find(|item| item.pixels.is_some()).expect("a picture").id;
    place.engine.library().arm("previews");
    place.engine.submit(Job::PictureText(picture));
    place.wait(|event| matches!(event, Event::PictureText(id, _) if id == picture).then_some(()));
    place.engine.library().arm("previews");
    place.engine.submit(Job::FindPictureText("open".into()));
    let answered = |event| matches!(event, Event::PictureTextFound { query, .. } if &*query == "open").then_some(());
    place.wait(answered);
    place.engine.library().arm("picture-text");
    place.engine.submit(Job::ReadPictureText);
    let error = place.error();
    assert!(error.contains(FAULT) && error.contains("text in pictures"), "{error}");
    place.engine.submit(Job::ReadPictureText);
    place.wait(|event| matches!(event, Event::TextProgress(None)).then_some(()));
}

#[test]
fn whoever_waits_for_an_import_learns_that_its_thread_is_gone() {
    let place = Place::new();
    place.engine.stop_import();
    let (summary, errors) = place.import();
    assert!(summary.cancelled && errors.iter().any(|error| error.contains("open the library again")), "{errors:?}");
}

#[test]
fn whoever_searches_learns_that_the_thread_is_gone() {
    let place = Place::new();
    place.engine.stop_search();
    let why = place.search().expect_err("no thread is left");
    assert!(why.contains("open the library again"), "{why}");
}
