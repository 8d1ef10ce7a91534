//! Fewer dimensions of stored vectors: the ranking is that of vectors cut beforehand, and nothing is embedded again.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::support::engine::wait;
use crate::support::synthetic::Noise;
use vicinity_core::{Embedding, LabelSet, LayoutMethod, Modality, Query, QueryPart, Scoring, SearchResult};
use vicinity_engine::index::{QueryVector, SearchParams, search};
use vicinity_engine::model_loader::ModelFactory;
use vicinity_engine::store::{NewItem, Store};
use vicinity_engine::{Engine, Event, Job, LabelTargets, SearchSlot, Severity, Snapshot, VisibleRows, export};
use vicinity_models::compute_target::ComputeTarget;
use vicinity_models::model_dir::ModelDir;
use vicinity_models::{Model, ModelKey, nomic};

const WHOLE: usize = 768;
const CUT: usize = 256;
const ITEMS: u32 = 1500;

fn key(dim: usize) -> ModelKey {
    ModelKey { name: "Test".into(), revision: "r".into(), preprocessing: "p".into(), dim }
}

fn store(dir: &Path, dim: usize) -> Store {
    Store::open(&dir.join(dim.to_string()), &key(dim)).expect("the library opens").0
}

/// Texts and pictures lie apart, as models put them; each has more to it than the first dimensions show.
fn embedding(n: u32) -> Embedding {
    let mut noise = Noise(u64::from(n) + 1);
    let gap = if modality(n) == Modality::Text { 0.3 } else { -0.3 };
    Embedding::new((0..WHOLE).map(|i| noise.next() - 0.5 + if i % 7 == 0 { gap } else { 0.0 }).collect::<Vec<_>>())
        .expect("not zero")
}

fn modality(n: u32) -> Modality {
    if n.is_multiple_of(3) { Modality::Text } else { Modality::Image }
}

fn batch(numbers: std::ops::Range<u32>, dim: usize) -> Vec<(NewItem, Embedding)> {
    let item = |n: u32| NewItem {
        path: format!("/c/{n}").into(),
        part: None,
        modality: modality(n),
        bytes: 1,
        modified_ns: 1,
        change_mark: 0,
        hash: vicinity_core::ContentHash(*blake3::hash(&n.to_le_bytes()).as_bytes()),
        pixels: None,
        snippet: None,
    };
    numbers.map(|n| (item(n), embedding(n).truncated(dim).expect("a part"))).collect()
}

fn find(snapshot: &Snapshot, n: u32, scoring: Scoring, k: usize) -> SearchResult {
    let parts = [QueryVector { embedding: embedding(n), modality: modality(n), weight: 1.0 }];
    let visible = VisibleRows::everything(Arc::new(snapshot.clone()));
    search(&SearchParams { parts: &parts, asked: &std::collections::HashSet::new(), visible: &visible, scoring, k })
}

/// Same means, same scores, same order but for ties.
fn assert_alike(cut: &Snapshot, whole: &Snapshot) {
    assert_eq!((cut.dim(), cut.is_truncated()), (CUT, true));
    assert_eq!((whole.dim(), whole.is_truncated()), (CUT, false));
    for modality in Modality::ALL {
        let (a, b) = (cut.mean(modality).expect("a mean"), whole.mean(modality).expect("a mean"));
        assert_eq!(a.len(), b.len());
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-7));
    }
    for scoring in [Scoring::Centred, Scoring::RawCosine] {
        for query in [5, ITEMS + 77, ITEMS + 78] {
            let (a, b) = (find(cut, query, scoring, 300), find(whole, query, scoring, 300));
            assert_eq!(a.hits.len(), 300);
            for (rank, (a, b)) in a.hits.iter().zip(&b.hits).enumerate() {
                assert!((a.score - b.score).abs() < 1e-5, "rank {rank}: {} and {}", a.score, b.score);
                let tie = (a.score - b.score).abs() < 1e-6;
                assert!(a.item == b.item || tie, "rank {rank}: {:?} and {:?}", a.item, b.item);
            }
        }
    }
}

#[test]
fn the_first_dimensions_rank_as_vectors_cut_beforehand() {
    let dir = tempfile::tempdir().expect("a folder");
    let (mut cut, mut whole) = (store(dir.path(), WHOLE), store(dir.path(), CUT));
    cut.commit_embedded(batch(0..ITEMS, WHOLE)).expect("stored");
    whole.commit_embedded(batch(0..ITEMS, CUT)).expect("stored");
    let epoch = cut.snapshot().epoch();
    cut.set_dimensions(CUT).expect("kept");
    assert!(cut.snapshot().epoch() > epoch, "maps and results of before do not hold any more");
    assert_alike(&cut.snapshot(), &whole.snapshot());

    // By hand: the cosines of vectors that were cut.
    let (query, snapshot) = (embedding(5).truncated(CUT).expect("a part"), cut.snapshot());
    let cosine = |n: u32| embedding(n).truncated(CUT).expect("a part").cosine(&query);
    let mut by_hand: Vec<u32> = (0..ITEMS).collect();
    by_hand.sort_by(|a, b| cosine(*b).total_cmp(&cosine(*a)));
    let found = find(&snapshot, 5, Scoring::RawCosine, 200);
    for (rank, (hit, n)) in found.hits.iter().zip(&by_hand).enumerate() {
        let path = &snapshot.get(hit.item).expect("there").path;
        let tie = (hit.score - cosine(*n)).abs() < 1e-6;
        assert!(path.ends_with(n.to_string()) || tie, "rank {rank}: {} and {n}", path.display());
    }
    let full = find(&store_snapshot(&mut cut, WHOLE), 5, Scoring::RawCosine, 200);
    assert_ne!(full.hits, found.hits, "the other dimensions do count");

    // What is added and removed later counts in the same way, and the number is remembered.
    cut.set_dimensions(CUT).expect("kept");
    for (store, dim) in [(&mut cut, WHOLE), (&mut whole, CUT)] {
        store.commit_embedded(batch(ITEMS..ITEMS + 200, dim)).expect("stored");
        store.remove_root(Path::new("/c/7")).expect("removed");
    }
    assert_eq!(cut.snapshot().len(), ITEMS as usize + 199);
    assert_alike(&cut.snapshot(), &whole.snapshot());
    drop(cut);
    assert_alike(&store(dir.path(), WHOLE).snapshot(), &whole.snapshot());
}

fn store_snapshot(store: &mut Store, dim: usize) -> Arc<Snapshot> {
    store.set_dimensions(dim).expect("kept");
    store.snapshot()
}

/// The small Nomic, as if it had been trained to be cut.
fn model() -> Model {
    let fixture = |name: &str| crate::support::project_dir().join("tests/fixtures").join(name);
    let open = |name: &str| ModelDir::open(&fixture(name)).expect("a model folder");
    let mut model =
        nomic::load(&open("nomic_text"), &open("nomic_vision"), &ComputeTarget::cpu()).expect("the model loads");
    model.info.matryoshka = vec![64, 32, 16];
    model
}

fn open(dir: &Path) -> Engine {
    let model = model();
    Engine::open_with_factory(&dir.join("library"), model.info.clone(), ModelFactory::given(model.into()), || {})
        .expect("opens")
}

fn import(engine: &Engine, job: Job) -> u64 {
    engine.submit(job);
    wait(engine, |event| if let Event::ImportFinished(summary) = event { Some(summary.embedded) } else { None })
}

fn scores(engine: &Engine) -> Vec<f32> {
    let query =
        Query { parts: vec![QueryPart::Text("dog".into())], scoring: Scoring::RawCosine, k: 5, ..Query::default() };
    engine.submit(Job::Search { slot: SearchSlot::Results, ticket: 1, query });
    wait(engine, |event| if let Event::SearchDone { result, .. } = event { Some(result) } else { None })
        .expect("found")
        .scores
        .to_vec()
}

fn map_of(engine: &Engine) -> usize {
    wait(engine, |event| match event {
        Event::Layout(layout) if layout.method == LayoutMethod::Umap => {
            (layout.epoch == engine.snapshot().epoch()).then_some(layout.positions.len())
        }
        _ => None,
    })
}

#[test]
fn an_engine_looks_at_fewer_dimensions_without_embedding_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let files = dir.path().join("files");
    std::fs::create_dir(&files).expect("a folder");
    for (name, text) in [("a", "a dog and a cat"), ("b", "the cat"), ("c", "dog dog"), ("d", "a photo of the sea")] {
        std::fs::write(files.join(name).with_extension("txt"), text).expect("written");
    }
    let engine = open(dir.path());
    assert_eq!(import(&engine, Job::Add(vec![files])), 4);
    map_of(&engine);
    let whole = scores(&engine);
    let error = engine.set_dimensions(20).expect_err("20 is none of them");
    assert!(error.contains("64 dimensions or 32, 16, not 20"), "{error}");
    engine.submit(Job::SetDimensions(20));
    let notice = wait(&engine, |event| if let Event::Notice(notice) = event { Some(notice) } else { None });
    assert!(notice.severity == Severity::Error && notice.text.contains("not 20"), "{}", notice.text);

    engine.submit(Job::SetDimensions(32));
    let snapshot = wait(&engine, |event| match event {
        Event::Snapshot(snapshot) if snapshot.is_truncated() => Some(snapshot),
        _ => None,
    });
    assert_eq!((snapshot.dim(), snapshot.len()), (32, 4));
    assert_eq!(map_of(&engine), 4, "a map of the new epoch");
    let cut = scores(&engine);
    assert!(cut.iter().zip(&whole).any(|(a, b)| (a - b).abs() > 1e-3), "{cut:?} {whole:?}");
    let text = engine.model().expect("loaded").text.embed(&["dog"], vicinity_models::TextOptions::QUERY);
    let query = text.expect("embedded").remove(0).embedding.truncated(32).expect("a part");
    for (row, score) in cut.iter().enumerate() {
        let by_hand = Embedding::new(snapshot.vector(row).expect("there")).expect("not zero").cosine(&query);
        assert!((score - by_hand).abs() < 1e-5, "row {row}: {score}, by hand {by_hand}");
    }
    engine.submit(Job::Label {
        ticket: 2,
        targets: LabelTargets::Items(snapshot.items().map(|item| item.id).collect()),
        labels: LabelSet::default(),
    });
    let labelled = wait(&engine, |event| if let Event::LabelDone { result, .. } = event { Some(result) } else { None });
    assert!(labelled.expect("labelled").iter().all(|item| item.scores.iter().all(|s| s.score.abs() <= 1.0 + 1e-6)));
    let (npy, csv) = (dir.path().join("v.npy"), dir.path().join("i.csv"));
    assert_eq!(export::write_labelled(&engine.snapshot(), None, &npy, &csv), Ok(4));
    let npy = std::fs::read(npy).expect("readable");
    assert!(String::from_utf8_lossy(&npy[..128]).contains("(4, 32)"));
    let row: Vec<f32> = npy[npy.len() - 32 * 4..].as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    assert!((row.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5, "unit length");
    assert_eq!(import(&engine, Job::Rescan), 0, "nothing is embedded again");
    drop(engine);

    let engine = open(dir.path());
    assert_eq!(engine.snapshot().dim(), 32, "remembered");
    assert_eq!(scores(&engine), cut);
    engine.set_dimensions(64).expect("its own number");
    assert_eq!((engine.snapshot().dim(), scores(&engine)), (64, whole));
}

/// `cargo test --release -p vicinity-engine --test engine dimensions::fewer -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn fewer_dimensions_are_searched_faster() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = store(dir.path(), WHOLE);
    for start in (0..100_000).step_by(10_000) {
        store.commit_embedded(batch(start..start + 10_000, WHOLE)).expect("stored");
    }
    for dim in [768, 512, 256, 128, 64] {
        store.set_dimensions(dim).expect("kept");
        let snapshot = store.snapshot();
        let times = (0..9).map(|n| {
            let start = Instant::now();
            find(&snapshot, n, Scoring::Centred, 100);
            start.elapsed().as_secs_f64() * 1e3
        });
        println!("100,000 vectors, {dim} dimensions: {:.1} ms", times.fold(f64::INFINITY, f64::min));
    }
}
