//! Time of an exact search, and of evaluating filters. `cargo bench --bench search [-- ITEMS DIM]`, 100,000 x 384 by
//! default.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use vicinity_core::{ContentHash, Embedding, Filter, Item, ItemId, Modality, NamePattern, Scoring};
use vicinity_engine::index::{QueryVector, SearchParams, search};
use vicinity_engine::snapshot::CHUNK;
use vicinity_engine::{Snapshot, SnapshotParts, Vectors, VisibleRows};
use vicinity_models::ModelKey;

fn random(state: &mut u64) -> f32 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
}

fn library(items: usize, dim: usize) -> Snapshot {
    let mut state = 1;
    let mut vectors = Vec::with_capacity(items * dim);
    for _ in 0..items {
        let row: Vec<f32> = (0..dim).map(|_| random(&mut state)).collect();
        vectors.extend_from_slice(Embedding::new(row).expect("finite").as_slice());
    }
    let item = |i: usize| Item {
        id: ItemId(i as u32),
        path: Path::new("/home/ann/Photos").join(format!("album {:03}/IMG_{i:07}.jpg", i / 300)).into(),
        part: None,
        modality: Modality::ALL[i % 2],
        bytes: 0,
        modified_ns: 0,
        hash: ContentHash([0; 32]),
        pixels: None,
        snippet: None,
    };
    let rows: Vec<usize> = (0..items).collect();
    let model = ModelKey { name: String::new(), revision: String::new(), preprocessing: String::new(), dim };
    Snapshot::new(SnapshotParts {
        library: PathBuf::new(),
        epoch: 0,
        generation: 0,
        photos: Vec::new(),
        tables: Arc::default(),
        groups: Arc::default(),
        roots: Vec::new(),
        chunks: rows.chunks(CHUNK).map(|c| Arc::new(c.iter().map(|i| item(*i)).collect())).collect(),
        vector_rows: rows.chunks(CHUNK).map(|c| Arc::new(c.iter().map(|i| *i as u32).collect())).collect(),
        vectors: Vectors::Owned(vectors.into()),
        model,
        means: [vec![0.01; dim].into(), vec![-0.01; dim].into()],
        counts: [items.div_ceil(2), items / 2],
        read_only: None,
    })
}

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let (items, dim) = (numbers.first().copied().unwrap_or(100_000), numbers.get(1).copied().unwrap_or(384));
    let snapshot = Arc::new(library(items, dim));
    let visible = VisibleRows::everything(Arc::clone(&snapshot));
    let embedding = Embedding::new(snapshot.vector(17).expect("there").to_vec()).expect("finite");
    let parts = [QueryVector { embedding, modality: Modality::Text, weight: 1.0 }];
    for scoring in [Scoring::Centred, Scoring::RawCosine] {
        let lookup = SearchParams {
            parts: &parts,
            asked: &std::collections::HashSet::new(),
            visible: &visible,
            scoring,
            k: 100,
        };
        measure(&format!("{items} x {dim}, {scoring:?}, top 100"), || search(&lookup));
    }
    let folder = Filter { folder: Some("/home/ann/Photos/album 001".into()), ..Filter::default() };
    let name = Filter { name: NamePattern::new("777"), ..Filter::default() };
    let modality = Filter { modality: Some(Modality::Text), ..Filter::default() };
    for (what, filter) in [("type", modality), ("folder", folder), ("name", name)] {
        measure(&format!("{items}, filter by {what}"), || {
            VisibleRows::new(Arc::clone(&snapshot), filter.clone(), None).len()
        });
    }
}

fn measure<T>(what: &str, work: impl Fn() -> T) {
    let mut times: Vec<f64> = (0..15)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(work());
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{what}: median {:.1} ms, best {:.1} ms", times[7], times[0]);
}
