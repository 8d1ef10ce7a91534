//! An engine that answers at once, from made-up items: for tests of the window alone.

use std::path::Path;
use std::sync::{Arc, Mutex};

use crossbeam_channel::{Receiver, Sender, bounded};
use vicinity::app::{Backend, OpenOptions, Opener, Waker};
use vicinity_core::axes::HALF_SIZE;
use vicinity_core::photo_summary::{Texts, seconds_of_clock};
use vicinity_core::table::{TableBuilder, TableFormat};
use vicinity_core::{
    AxesLayout, Axis, AxisSource, Cluster, Clusters, ContentHash, Failure, Filter, Histogram, Hit, Item, ItemFacts,
    ItemId, LabelScore, Layout, LayoutMethod, MapPos, MapProgress, MapStage, Modality, Part, PhotoFacts, PhotoSummary,
    Picture, PictureText, PictureWord, Progress, Query, QueryPart, ScoredLabels, SearchResult, Stage, Suggestion,
    Table, TableSet, TextProgress,
};
use vicinity_engine::visible::{FactCounter, FolderIndex, HistogramCounter};
use vicinity_engine::{
    AxesError, Duplicates, Event, GraphMeasures, ImportOptions, ImportSummary, Job, LabelTargets, ModelState,
    PreviewContent, Root, Snapshot, SnapshotParts, Vectors, VisibleRows,
};
use vicinity_models::{ModelInfo, ModelKey};

/// Every job that the window has asked for.
pub type Jobs = Arc<Mutex<Vec<Job>>>;

/// Pictures come first, then texts.
pub const PICTURES: u32 = 24;
/// Texts.
pub const TEXTS: u32 = 8;

/// What the fake does otherwise than usual.
#[derive(Debug, Clone, Copy, Default)]
pub struct Habits {
    /// More pictures, behind the texts.
    pub more: u32,
    /// The library is empty, and nothing is heard of files that are added.
    pub empty: bool,
    /// Something is known of every third picture, see [`photo`].
    pub photos: bool,
    /// The texts are rows of a table, see [`table`].
    pub table: bool,
    /// Text in pictures is being read.
    pub reading_text: bool,
    /// The map has clusters, see [`clusters`].
    pub clusters: bool,
}

struct Fake {
    jobs: Jobs,
    sender: Sender<Event>,
    events: Receiver<Event>,
    waker: Waker,
    snapshot: Arc<Snapshot>,
    habits: Habits,
}

/// An opener of the fake, and the jobs it is given.
pub fn opener() -> (Opener, Jobs) {
    opener_with(Habits::default())
}

/// The same with other habits.
pub fn opener_with(habits: Habits) -> (Opener, Jobs) {
    let jobs = Jobs::default();
    let kept = jobs.clone();
    let open = move |library: &Path, options: OpenOptions| -> Result<Box<dyn Backend>, String> {
        let waker = options.waker;
        let (sender, events) = bounded(4096);
        let snapshot = Arc::new(snapshot(library, habits));
        let fake = Fake { jobs: jobs.clone(), sender, events, waker, snapshot, habits };
        fake.send(Event::Snapshot(fake.snapshot.clone()));
        if habits.empty {
            return Ok(Box::new(fake));
        }
        let method = if habits.clusters { LayoutMethod::Umap } else { LayoutMethod::Pca };
        fake.send(Event::Layout(Arc::new(Layout { method, ..layout() })));
        let failure = Failure { path: "/c/Photos/broken.jpg".into(), reason: "the file ends too early".to_owned() };
        fake.send(Event::Failures(Arc::new(vec![failure])));
        if habits.reading_text {
            fake.send(Event::TextProgress(Some(READING)));
        }
        Ok(Box::new(fake))
    };
    (Arc::new(open), kept)
}

fn item(id: u32) -> Item {
    let text = (PICTURES..PICTURES + TEXTS).contains(&id);
    let folder = ["Photos/2024", "Photos/2023", "Notes"][if text { 2 } else { (id % 2) as usize }];
    let name = if text { format!("note_{id:02}.txt") } else { format!("picture_{id:02}.jpg") };
    Item {
        id: ItemId(id),
        path: Path::new("/c").join(folder).join(name).into(),
        part: None,
        modality: if text { Modality::Text } else { Modality::Image },
        bytes: 120_000 + u64::from(id) * 991,
        // Pictures in June 2024, texts in March 2023.
        modified_ns: if text { 1_678_816_920_000_000_000 } else { 1_718_388_120_000_000_000 },
        hash: ContentHash([id as u8; 32]),
        pixels: (!text).then_some([[640, 480], [480, 640], [800, 450]][(id % 3) as usize]),
        snippet: text
            .then(|| "Keep your eyes on the ball, small and white on the green, and let the putter swing".into()),
    }
}

/// Of every third picture something is known.
fn facts(id: ItemId) -> PhotoFacts {
    if !id.0.is_multiple_of(3) || id.0 >= PICTURES {
        return PhotoFacts::default();
    }
    PhotoFacts {
        camera_maker: Some("FUJIFILM".into()),
        camera_model: Some("X100V".into()),
        focal_length_mm: Some(23.0),
        aperture: Some(2.0),
        rating: Some(4),
        keywords: vec!["golf".into(), "green".into()],
        caption: Some("The putting green of the club, early in the morning, before anybody has played on it".into()),
        ..PhotoFacts::default()
    }
}

/// What is compared of every third picture: one of them is by another camera and has five stars, every second has a place.
fn photo(id: u32) -> Option<PhotoSummary> {
    if !id.is_multiple_of(3) || id >= PICTURES {
        return None;
    }
    let mut photo = PhotoSummary::new(&facts(ItemId(id)), &mut Texts::default());
    photo.taken = Some(seconds_of_clock(jiff::civil::DateTime::constant(2023, 6, 1 + id as i8, 12, 0, 0, 0)));
    photo.position = id.is_multiple_of(6).then_some([47.37, 8.54]);
    if id == 3 {
        (photo.camera, photo.rating) = (Some("Leica M11".into()), Some(5));
    }
    if id == 0 {
        photo.keywords = ["golf", "green", "a", "b", "c", "d", "e"].map(Arc::from).into();
    }
    Some(photo)
}

/// Columns of numbers, categories and dates.
fn table() -> Table {
    let mut builder = TableBuilder::default();
    ["price", "kind", "born"].iter().for_each(|name| builder.add_column(name, None));
    for row in 1..=TEXTS {
        builder.push(row, 0, &format!("{}.5", row * row));
        builder.push(row, 1, if row < 4 { "terrier" } else { "poodle" });
        builder.push(row, 2, &format!("2023-0{row}-15"));
    }
    builder.finish(TableFormat::default())
}

const TABLE: &str = "/c/Notes/dogs.csv";

fn row_of_table(item: Item) -> Item {
    if item.modality == Modality::Image {
        return item;
    }
    Item { path: Path::new(TABLE).into(), part: Some(Part::Row(item.id.0 - PICTURES + 1)), ..item }
}

fn tables(habits: Habits) -> Arc<TableSet> {
    let mut tables = TableSet::default();
    if habits.table {
        tables.insert(Path::new(TABLE), Arc::new(table()));
    }
    Arc::new(tables)
}

fn snapshot(library: &Path, habits: Habits) -> Snapshot {
    let all = if habits.empty { 0 } else { PICTURES + TEXTS + habits.more };
    let row = |item| if habits.table { row_of_table(item) } else { item };
    let items: Vec<Item> = (0..all).map(item).map(row).collect();
    let chunks = |items: Vec<Item>| items.chunks(4096).map(|chunk| Arc::new(chunk.to_vec())).collect();
    let root = |path: &str| Root { path: path.into(), available: true };
    Snapshot::new(SnapshotParts {
        library: library.to_owned(),
        epoch: 1,
        generation: 1,
        tables: tables(habits),
        groups: Arc::default(),
        photos: if habits.photos { vec![Arc::new((0..all.min(PICTURES)).map(photo).collect())] } else { Vec::new() },
        roots: vec![root("/c/Photos"), root("/c/Notes")],
        vector_rows: items.chunks(4096).map(|chunk| Arc::new(chunk.iter().map(|item| item.id.0).collect())).collect(),
        chunks: chunks(items),
        vectors: Vectors::Owned(vec![0.0; (all * 2) as usize].into()),
        model: key(),
        means: [Arc::from([0.0, 0.0]), Arc::from([0.0, 0.0])],
        counts: if habits.empty { [0, 0] } else { [(PICTURES + habits.more) as usize, TEXTS as usize] },
        read_only: None,
    })
}

fn key() -> ModelKey {
    ModelKey { name: "fake".to_owned(), revision: "1".to_owned(), preprocessing: "1".to_owned(), dim: 2 }
}

fn layout() -> Layout {
    let at = |i: u32| MapPos { x: (i as f32 * 0.7).sin() * 0.8, y: (i as f32 * 1.3).cos() * 0.8 };
    let positions = (0..PICTURES + TEXTS).map(at).collect();
    Layout { method: LayoutMethod::Pca, epoch: 1, settled: 0, positions, trustworthiness: None, generation: 1 }
}

/// Pictures and texts are a cluster each; every second picture is a part of the first.
fn clusters() -> Clusters {
    let cluster = |names: &[&str], count, parent, finest, x| Cluster {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        count,
        parent,
        levels: (u8::from(parent.is_some()), finest),
        centre: MapPos { x, y: 0.0 },
        ..Cluster::default()
    };
    let all = vec![
        cluster(&["golf courses", "lawns"], PICTURES, None, 0, -0.5),
        cluster(&["golf, putting"], TEXTS, None, 2, 0.5),
        cluster(&["golf balls"], PICTURES / 2, Some(0), 2, -0.5),
        cluster(&["golf clubs"], PICTURES / 2, Some(0), 2, -0.3),
    ];
    let of_row = |row: u32| if row < PICTURES { 2 + row % 2 } else { 1 };
    let of_rows = (0..PICTURES + TEXTS).map(of_row).collect();
    Clusters { epoch: 1, generation: 1, all, of_rows, newest: Some(ItemId(PICTURES + TEXTS - 1)) }
}

impl Fake {
    fn send(&self, event: Event) {
        let _ = self.sender.try_send(event);
        (self.waker)();
    }

    fn search(&self, query: &Query) -> SearchResult {
        // The query's length decides who is best, so that another query has other hits.
        let shift = match query.parts.first() {
            Some(QueryPart::Text(text)) => text.len() as u32,
            Some(QueryPart::Item(id)) => id.0,
            _ => 3,
        };
        let all = PICTURES + TEXTS;
        let score = |id: u32| 0.4 - ((id + all - shift % all) % all) as f32 * 0.02;
        let wanted = |id: &u32| query.filter.admits(&item(*id), ItemFacts::of_photo(photo(*id).as_ref()));
        let mut hits: Vec<Hit> = (0..all)
            .filter(wanted)
            .map(|id| Hit { item: ItemId(id), modality: item(id).modality, score: score(id) })
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score));
        let scores: Vec<f32> = (0..all).map(|id| if wanted(&id) { score(id) } else { f32::NAN }).collect();
        let above = |modality| hits.iter().filter(|h| h.score >= 0.3 && h.modality == modality).count();
        let above_by_modality = Modality::ALL.map(above);
        SearchResult {
            above_threshold: above_by_modality.iter().sum(),
            above_by_modality,
            histogram: Histogram::new(&scores, 0.3),
            threshold: 0.3,
            epoch: 1,
            seconds: [0.001, 0.001],
            scores: scores.into(),
            hits,
        }
    }
}

impl Fake {
    /// Between opposites pictures come before texts; anything else is the size of the file, which nobody knows of texts.
    fn place_on_axes(&self, sources: [AxisSource; 2]) -> Result<AxesLayout, AxesError> {
        let items = || self.snapshot.items();
        let axis = |source: AxisSource| match &source {
            AxisSource::Opposites(texts) if texts.iter().any(String::is_empty) => Err(AxesError::MissingOpposite),
            AxisSource::Opposites(_) => {
                let values = items().map(|item| f64::from(item.id.0) / 100.0).collect();
                Ok(Axis::new(source, false, values).expect("values"))
            }
            _ => {
                let size = |item: &Item| if item.modality == Modality::Text { f64::NAN } else { item.bytes as f64 };
                Ok(Axis::new(source, false, items().map(size).collect()).expect("values"))
            }
        };
        let [x, y] = sources;
        let axes = [axis(x)?, axis(y)?];
        let at = |row: usize, of: usize| axes[of].position(axes[of].values[row], HALF_SIZE[of]);
        let positions = (0..self.snapshot.len()).map(|row| MapPos { x: at(row, 0), y: at(row, 1) }).collect();
        let layout = Layout { method: LayoutMethod::Axes, positions, generation: u64::MAX, ..layout() };
        Ok(AxesLayout { axes, layout: Arc::new(layout) })
    }
}

impl Backend for Fake {
    fn submit(&self, job: Job) {
        if let Ok(mut jobs) = self.jobs.lock() {
            jobs.push(job.clone());
        }
        match job {
            Job::Add(_) if self.habits.empty => {}
            Job::Add(_) => {
                let summary = ImportSummary {
                    items: 32,
                    images: 24,
                    texts: 8,
                    embedded: 32,
                    seconds: 3.0,
                    failed: 1,
                    ..ImportSummary::default()
                };
                self.send(Event::ImportFinished(summary));
            }
            Job::Pause => {
                let progress = Progress { stage: Stage::Paused, total: 2040, done: 1204, ..Progress::default() };
                self.send(Event::Progress(progress));
            }
            Job::FindDuplicates => {
                let groups = vec![vec![ItemId(3), ItemId(9), ItemId(4)], vec![ItemId(30), ItemId(25)]];
                self.send(Event::Duplicates(Duplicates { groups, bytes_to_spare: 2_100_000 }.into()));
            }
            Job::Rescan => {
                let progress = Progress { stage: Stage::Embedding, total: 2040, done: 9, ..Progress::default() };
                self.send(Event::Progress(progress));
            }
            Job::Resume => {
                let (total, done) = (2040, 1999);
                let progress = Progress {
                    stage: Stage::Embedding,
                    total,
                    done,
                    per_second: 118.0,
                    seconds_left: Some(599.0),
                    ..Progress::default()
                };
                self.send(Event::Progress(progress));
            }
            Job::Search { slot, ticket, query } => {
                self.send(Event::SearchDone { slot, ticket, result: Ok(Arc::new(self.search(&query))) });
            }
            Job::PlaceOnAxes { ticket, axes } => {
                let result = self.place_on_axes(axes).map(Arc::new).map_err(Arc::new);
                self.send(Event::AxesDone { ticket, result });
            }
            Job::Label { ticket, targets, labels } => {
                let ids = match targets {
                    LabelTargets::Items(ids) => ids.into_iter().map(Some).collect(),
                    LabelTargets::Part(_) => vec![None],
                };
                let share = |i: usize| if i == 2 { 0.6 } else { 0.4 / (labels.labels.len() - 1).max(1) as f32 };
                let mut scores: Vec<_> = (0..labels.labels.len())
                    .map(|label| LabelScore { label, score: share(label), share: share(label) })
                    .collect();
                scores.sort_by(|a, b| b.share.total_cmp(&a.share));
                let scored = ids.into_iter().map(|item| ScoredLabels { item, scores: scores.clone() }).collect();
                self.send(Event::LabelDone { ticket, result: Ok(Arc::new(scored)) });
            }
            Job::StoreGroups(groups) => {
                self.send(Event::Snapshot(Arc::new(self.snapshot.with_groups(groups))));
            }
            Job::Filter { snapshot, filter } => {
                let rows = |filter| VisibleRows::new(Arc::clone(&snapshot), filter, None);
                self.send(Event::Visible(Arc::new(rows(filter.clone()))));
                let histograms = HistogramCounter::default().count(&Arc::new(rows(filter.clone())));
                self.send(Event::Histograms(Arc::new(histograms)));
                let facts = FactCounter::default().count(&rows(filter.clone()));
                let counts = FolderIndex::default().count(&rows(Filter { folder: None, ..filter }));
                self.send(Event::Folders(Arc::new(counts)));
                self.send(Event::FactCounts(Arc::new(facts)));
            }
            Job::Suggest { ticket, .. } => {
                let suggestion = |text: &str, first: u32| Suggestion {
                    text: text.to_owned(),
                    items: (first..first + 3).map(ItemId).collect(),
                };
                let suggestions = Arc::new(vec![suggestion("a golf ball", 4), suggestion("a note on putting", 24)]);
                self.send(Event::Suggested { ticket, suggestions });
            }
            Job::Thumbnails(ids) => ids.into_iter().for_each(|id| self.send(Event::Thumbnail(id, thumbnail(id)))),
            Job::Facts(id) => self.send(Event::Facts(id, Arc::new(facts(id)))),
            Job::PictureText(id) => self.send(Event::PictureText(id, Arc::new(picture_text(id)))),
            Job::FindPictureText(query) => {
                let found: Vec<ItemId> =
                    [7, 5].map(ItemId).into_iter().filter(|id| picture_text(*id).contains_all(&query)).collect();
                self.send(Event::PictureTextFound { query, items: found.into() });
            }
            Job::PausePictureText(paused) => {
                let seconds_left = READING.seconds_left.filter(|_| !paused);
                self.send(Event::TextProgress(Some(TextProgress { paused, seconds_left, ..READING })));
            }
            Job::Preview(id) => {
                let preview = match thumbnail(id) {
                    Some(picture) => PreviewContent::Picture(picture),
                    None => PreviewContent::Text("All of the text".into()),
                };
                self.send(Event::Preview(id, Ok(preview)));
            }
            Job::ReloadModel => {
                let check = Some("matches the CPU (cosine 0.9998), 820 images/s".to_owned());
                self.send(Event::Model(ModelState::Ready { runs_on: "Card (bf16)".to_owned(), check }));
            }
            Job::SetDimensions(dim) => {
                let cut = Snapshot::truncated(self.snapshot.parts().clone(), dim);
                self.send(Event::Snapshot(Arc::new(cut)));
            }
            Job::ComputeLayout(_) => {
                let progress = MapProgress { stage: MapStage::Neighbours, share: 0.4, seconds_left: Some(11.2) };
                self.send(Event::LayoutProgress(Some(progress)));
            }
            Job::CancelLayout => self.send(Event::LayoutProgress(None)),
            Job::MeasureGraph => {
                let value = |id: u32| id as f32 / 2.0;
                let typical: Vec<f32> = (0..PICTURES + TEXTS).map(value).collect();
                let measures = GraphMeasures { epoch: 1, distance: typical.clone(), typical };
                self.send(Event::GraphMeasures(Arc::new(measures)));
            }
            Job::FindClusters(_) => self.send(Event::Clusters(Arc::new(clusters()))),
            Job::UnloadModel => self.send(Event::Model(ModelState::Unloaded)),
            _ => {}
        }
    }

    fn events(&self) -> &Receiver<Event> {
        &self.events
    }

    fn model(&self) -> Option<ModelInfo> {
        Some(ModelInfo {
            key: key(),
            title: "Starter".to_owned(),
            about: "Good at everyday things\nBad at counting".to_owned(),
            licence: "Apache-2.0".to_owned(),
            label_scale: 20.0,
            label_prompt: "{}".to_owned(),
            max_tokens: 128,
            matryoshka: vec![2, 1],
        })
    }

    fn device(&self) -> String {
        "CPU".to_owned()
    }

    fn import(&self) -> ImportOptions {
        let excludes = vec!["node_modules".to_owned()];
        ImportOptions { excludes, ..Default::default() }
    }
}

/// A pass over the text in pictures.
const READING: TextProgress = TextProgress { done: 1_204, total: 9_040, seconds_left: Some(1_500.0), paused: false };

/// Two pictures have text.
fn picture_text(id: ItemId) -> PictureText {
    let words: &[&str] = match id.0 {
        5 => &["OPEN", "until", "19:30"],
        7 => &["Clubhouse", "open"],
        _ => &[],
    };
    let area = |at: usize| [0.1 + 0.25 * at as f32, 0.2, 0.3 + 0.25 * at as f32, 0.3];
    let word = |(at, text): (usize, &&str)| PictureWord { text: (*text).to_owned(), area: area(at), line: 1 };
    PictureText { words: words.iter().enumerate().map(word).collect() }
}

/// A colour that runs.
fn thumbnail(id: ItemId) -> Option<Arc<Picture>> {
    if item(id.0).modality == Modality::Text {
        return None;
    }
    let [w, h] = item(id.0).pixels.map(|[w, h]| [w / 4, h / 4])?;
    let rgb = (0..w * h).flat_map(|i| [(i % w) as u8, (id.0 * 10) as u8, (i / w) as u8]).collect();
    Picture::new(w, h, rgb).map(Arc::new)
}
