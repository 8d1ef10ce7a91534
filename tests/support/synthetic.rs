//! A made-up collection: items without files, and a layout of soft clusters. The same numbers always.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use vicinity_core::{ContentHash, Hit, Item, ItemId, Layout, LayoutMethod, MapPos, Modality, SearchResult};
use vicinity_engine::snapshot::{CHUNK, SnapshotParts, Vectors};
use vicinity_engine::{Root, Snapshot};
use vicinity_models::ModelKey;

/// Clusters of the layout; each is a folder.
pub const CLUSTERS: usize = 13;

/// Numbers in [0, 1) that look random.
pub struct Noise(pub u64);

impl Noise {
    pub fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 24) as f32
    }

    fn bell(&mut self) -> f32 {
        (0..6).map(|_| self.next()).sum::<f32>() / 3.0 - 1.0
    }
}

fn cluster_of(row: usize) -> usize {
    // Larger and smaller ones.
    let at = row * 7919 % 100;
    [0, 16, 29, 41, 52, 62, 70, 77, 83, 88, 92, 95, 98].iter().rposition(|from| at >= *from).unwrap_or(0)
}

/// The item in a row. Those of a collection of many share a path for each cluster, to save memory.
fn item(row: usize, own_path: bool) -> Item {
    static SHARED: LazyLock<Vec<Arc<Path>>> = LazyLock::new(|| {
        (0..CLUSTERS).map(|c| Path::new(&format!("/home/ann/Photos/folder {c:02}/picture.jpg")).into()).collect()
    });
    let cluster = cluster_of(row);
    let text = cluster % 5 == 3;
    let extension = if text { "txt" } else { "jpg" };
    let path = || format!("/home/ann/Photos/folder {cluster:02}/item_{row:04}.{extension}");
    Item {
        id: ItemId(row as u32),
        path: if own_path { Path::new(&path()).into() } else { Arc::clone(&SHARED[cluster]) },
        part: None,
        modality: if text { Modality::Text } else { Modality::Image },
        bytes: 1000,
        modified_ns: 0,
        hash: ContentHash([0; 32]),
        pixels: None,
        snippet: (text && own_path).then(|| "Keep your eyes on the ball, small and white on the green".into()),
    }
}

/// `n` items; every cluster is a folder, three of them are texts.
pub fn snapshot(n: usize, generation: u64) -> Arc<Snapshot> {
    let items: Vec<Item> = (0..n).map(|row| item(row, n <= 10_000)).collect();
    let texts = items.iter().filter(|i| i.modality == Modality::Text).count();
    Arc::new(Snapshot::new(SnapshotParts {
        library: "/home/ann/library".into(),
        epoch: 1,
        generation,
        photos: Vec::new(),
        tables: Arc::default(),
        groups: Arc::default(),
        roots: vec![Root { path: "/home/ann/Photos".into(), available: true }],
        vector_rows: items.chunks(CHUNK).map(|c| Arc::new(vec![u32::MAX; c.len()])).collect(),
        chunks: items.chunks(CHUNK).map(|c| Arc::new(c.to_vec())).collect(),
        vectors: Vectors::Owned(Arc::new([])),
        model: ModelKey { name: "none".into(), revision: String::new(), preprocessing: String::new(), dim: 4 },
        means: [Arc::new([]), Arc::new([])],
        counts: [n - texts, texts],
        read_only: None,
    }))
}

/// The same collection with `more` items behind, as an import publishes it: full chunks are shared.
pub fn grown(snapshot: &Snapshot, more: usize) -> Arc<Snapshot> {
    let mut parts = snapshot.parts().clone();
    for row in snapshot.len()..snapshot.len() + more {
        if parts.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            parts.chunks.push(Arc::default());
            parts.vector_rows.push(Arc::default());
        }
        let item = item(row, false);
        parts.counts[item.modality.index()] += 1;
        if let (Some(chunk), Some(rows)) = (parts.chunks.last_mut(), parts.vector_rows.last_mut()) {
            Arc::make_mut(chunk).push(item);
            Arc::make_mut(rows).push(u32::MAX);
        }
    }
    parts.generation += 1;
    Arc::new(Snapshot::new(parts))
}

/// Soft clusters on a ring.
pub fn layout(n: usize, generation: u64) -> Arc<Layout> {
    let mut noise = Noise(generation);
    let centres: Vec<[f32; 2]> = (0..CLUSTERS)
        .map(|c| {
            let angle = c as f32 / CLUSTERS as f32 * std::f32::consts::TAU + generation as f32;
            let far = [0.8, 0.45, 0.7][c % 3];
            [angle.cos() * far, angle.sin() * far]
        })
        .collect();
    let mut positions: Vec<MapPos> = (0..n)
        .map(|row| {
            let [x, y] = centres[cluster_of(row)];
            MapPos { x: x + noise.bell() * 0.2, y: y + noise.bell() * 0.2 }
        })
        .collect();
    // Corners, so that the bounds are known.
    for (pos, (x, y)) in positions.iter_mut().zip([(-1.0, -1.0), (1.0, 1.0)]) {
        *pos = MapPos { x, y };
    }
    Arc::new(Layout {
        method: LayoutMethod::Umap,
        epoch: 1,
        settled: positions.len(),
        positions,
        trustworthiness: Some(0.97),
        generation,
    })
}

/// Scores that are high in one cluster.
pub fn search(snapshot: &Snapshot, cluster: usize) -> Arc<SearchResult> {
    let mut noise = Noise(5);
    let score = |row, noise: &mut Noise| {
        let near = if cluster_of(row) == cluster { 0.14 } else { 0.0 };
        0.1 + near + noise.bell() * 0.12
    };
    let scores: Vec<f32> = (0..snapshot.len()).map(|row| score(row, &mut noise)).collect();
    let mut hits: Vec<Hit> = snapshot
        .items()
        .zip(&scores)
        .map(|(item, score)| Hit { item: item.id, modality: item.modality, score: *score })
        .collect();
    hits.sort_by(|a, b| b.score.total_cmp(&a.score));
    hits.truncate(200);
    let above_threshold = hits.iter().filter(|h| h.score > 0.26).count();
    Arc::new(SearchResult {
        hits,
        scores: scores.into(),
        above_threshold,
        threshold: 0.26,
        epoch: 1,
        seconds: [0.0; 2],
        ..SearchResult::default()
    })
}
