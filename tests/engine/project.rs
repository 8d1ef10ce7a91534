//! Layouts: quality, determinism, cancelling, edge cases, and how they are written.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use vicinity_core::{ContentHash, Item, ItemId, Layout, LayoutMethod, MapPos, MapStage, Modality, Part};
use vicinity_engine::map_image::{self, ImageOptions, MapCategories, MapColouring, MapDrawing};
use vicinity_engine::{Snapshot, SnapshotParts, Vectors, map_tables};
use vicinity_layout::{UmapParams, VectorTable, align, knn, pca, place_new, trustworthiness, umap};
use vicinity_models::ModelKey;

static GO_ON: AtomicBool = AtomicBool::new(false);

/// Evenly in [-1, 1), always the same.
fn random() -> impl FnMut() -> f32 {
    let mut state = 1u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    }
}

/// Points about random centres, row `i` in cluster `i % clusters`, unit length.
fn clusters(count: usize, dim: usize, clusters: usize, noise: f32) -> Vec<f32> {
    let mut next = random();
    let centres: Vec<f32> = (0..clusters * dim).map(|_| next()).collect();
    let mut vectors = Vec::new();
    for i in 0..count {
        let row: Vec<f32> = (0..dim).map(|d| centres[i % clusters * dim + d] + noise * next()).collect();
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        vectors.extend(row.iter().map(|x| x / length));
    }
    vectors
}

fn laid_out(vectors: &[f32], dim: usize) -> Vec<MapPos> {
    umap(&VectorTable::new(vectors, dim), &UmapParams::default(), None, &GO_ON, &|_, _| {}).expect("nobody cancelled")
}

fn bits(positions: &[MapPos]) -> Vec<[u32; 2]> {
    positions.iter().map(|p| [p.x.to_bits(), p.y.to_bits()]).collect()
}

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads").install(work)
}

fn assert_on_the_map(positions: &[MapPos]) {
    for p in positions {
        assert!(p.x.abs() <= 1.1 && p.y.abs() <= 1.1, "{p:?} is off the map");
    }
}

#[test]
fn umap_keeps_neighbours_together() {
    let vectors = clusters(800, 64, 12, 0.8);
    let positions = laid_out(&vectors, 64);
    assert_on_the_map(&positions);
    let trust = trustworthiness(&VectorTable::new(&vectors, 64), &positions, 15, 800);
    assert!(trust > 0.97, "trustworthiness {trust}");
    let widest = positions.iter().fold(0.0f32, |w, p| w.max(p.x.abs()).max(p.y.abs()));
    assert!(widest > 0.9, "the layout fills the map only up to {widest}");
}

#[test]
fn layouts_do_not_depend_on_threads_but_on_the_seed() {
    let vectors = clusters(1100, 48, 7, 0.8);
    let run = |seed, threads| {
        let params = UmapParams { epochs: Some(60), seed, ..UmapParams::default() };
        on_threads(threads, || {
            bits(&umap(&VectorTable::new(&vectors, 48), &params, None, &GO_ON, &|_, _| {}).expect("nobody cancelled"))
        })
    };
    let first = run(7, 1);
    assert!(first == run(7, 3), "one thread and three give different layouts");
    assert!(first != run(8, 3), "the seed has no effect");
    let coarse = |threads| {
        on_threads(threads, || bits(&pca(&VectorTable::new(&vectors, 48), &GO_ON).expect("nobody cancelled")))
    };
    assert!(coarse(1) == coarse(3), "one thread and three give different principal components");
}

#[test]
fn few_points_and_equal_points_have_finite_places() {
    for count in [0, 1, 2, 3, 4, 5, 9, 16] {
        let vectors = clusters(count, 8, 3, 0.5);
        for positions in [laid_out(&vectors, 8), pca(&VectorTable::new(&vectors, 8), &GO_ON).expect("nobody cancelled")]
        {
            assert_eq!(positions.len(), count);
            assert_on_the_map(&positions);
        }
    }
    let equal: Vec<f32> = clusters(1, 8, 1, 0.0).repeat(200);
    assert_on_the_map(&laid_out(&equal, 8));
    assert!(
        pca(&VectorTable::new(&equal, 8), &GO_ON).expect("nobody cancelled").iter().all(|p| *p == MapPos::default())
    );
    let zeros = vec![0.0; 50 * 8];
    assert_on_the_map(&laid_out(&zeros, 8));
    assert_on_the_map(&pca(&VectorTable::new(&zeros, 8), &GO_ON).expect("nobody cancelled"));
    assert_eq!(pca(&VectorTable::new(&[], 0), &GO_ON), Ok(vec![]));
}

#[test]
fn duplicates_stand_together() {
    let mut vectors = clusters(120, 16, 1, 1.0);
    for copy in 0..30 {
        vectors.extend_from_within(copy * 16..(copy + 1) * 16);
    }
    let positions = laid_out(&vectors, 16);
    assert_on_the_map(&positions);
    let distance = |a: usize, b: usize| (positions[a].x - positions[b].x).hypot(positions[a].y - positions[b].y);
    let of_copies = (0..30).map(|i| distance(i, 120 + i)).sum::<f32>() / 30.0;
    let of_others = (0..30).map(|i| distance(i, 121 + (i + 7) % 29)).sum::<f32>() / 30.0;
    assert!(of_copies < of_others / 3.0, "copies are {of_copies} apart, others {of_others}");
}

#[test]
fn separate_groups_end_apart_and_on_the_map() {
    let vectors = clusters(400, 64, 4, 0.3); // no neighbour of a point is in another group
    let positions = laid_out(&vectors, 64);
    assert_on_the_map(&positions);
    let centre = |group: usize| {
        let of: Vec<&MapPos> = positions.iter().skip(group).step_by(4).collect();
        (of.iter().map(|p| p.x).sum::<f32>() / 100.0, of.iter().map(|p| p.y).sum::<f32>() / 100.0)
    };
    for (i, p) in positions.iter().enumerate() {
        let distance = |group: usize| (p.x - centre(group).0).hypot(p.y - centre(group).1);
        let nearest = (0..4).min_by(|a, b| distance(*a).total_cmp(&distance(*b)));
        assert_eq!(nearest, Some(i % 4), "point {i} at {p:?} lies among another group");
    }
}

#[test]
fn cancelling_is_quick() {
    let vectors = clusters(6000, 256, 20, 0.8);
    let cancel = AtomicBool::new(false);
    let at_cancel = std::thread::scope(|scope| {
        let layout = scope.spawn(|| {
            let result = umap(
                &VectorTable::new(&vectors, 256),
                &UmapParams { epochs: Some(100_000), ..Default::default() },
                None,
                &cancel,
                &|_, _| {},
            );
            (result.is_err(), Instant::now())
        });
        std::thread::sleep(Duration::from_millis(300));
        let asked = Instant::now();
        cancel.store(true, Ordering::Relaxed);
        let (cancelled, ended) = layout.join().expect("no panic");
        assert!(cancelled, "there is a result all the same");
        ended - asked
    });
    // The goal is 100 ms; other tests may hold the processor.
    assert!(at_cancel < Duration::from_secs(1), "it took {at_cancel:?}");
    assert!(pca(&VectorTable::new(&vectors, 256), &cancel).is_err() && knn(&vectors, 256, 5, &cancel).is_err());
    assert!(place_new(&VectorTable::new(&vectors, 256), &[MapPos::default(); 100], &cancel).is_err());
}

#[test]
fn progress_rises_to_one() {
    let vectors = clusters(300, 16, 3, 0.8);
    let told = std::sync::Mutex::new(Vec::new());
    let params = UmapParams { epochs: Some(50), ..UmapParams::default() };
    let tell = |stage, share| told.lock().expect("no panic").push((stage, share));
    umap(&VectorTable::new(&vectors, 16), &params, None, &GO_ON, &tell).expect("nobody cancelled");
    let told = told.into_inner().expect("no panic");
    assert!(told.len() >= 50 && told.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1), "{told:?}");
    assert_eq!(told.last(), Some(&(MapStage::Arranging, 1.0)));
}

#[test]
fn pca_finds_the_directions_of_most_variance() {
    // Variance along coordinate 3, then 1; hardly any elsewhere.
    let mut next = random();
    let mut vectors = Vec::new();
    let mut truth = Vec::new();
    for i in 0..500u16 {
        let (a, b) = (f32::from(i % 25) / 12.0 - 1.0, f32::from(i / 25) / 20.0); // a grid: not correlated
        truth.push((a, b));
        vectors.extend([0.01 * next() + 0.3, b, 0.01 * next(), a + 5.0, 0.01 * next()]);
    }
    let positions = pca(&VectorTable::new(&vectors, 5), &GO_ON).expect("nobody cancelled");
    let correlation = |of: fn(&MapPos) -> f32, with: fn(&(f32, f32)) -> f32| {
        let (mx, mt) = (positions.iter().map(of).sum::<f32>() / 500.0, truth.iter().map(with).sum::<f32>() / 500.0);
        let sums = positions.iter().zip(&truth).fold([0.0f32; 3], |[xy, xx, yy], (p, t)| {
            let (x, y) = (of(p) - mx, with(t) - mt);
            [xy + x * y, xx + x * x, yy + y * y]
        });
        sums[0] / (sums[1] * sums[2]).sqrt()
    };
    assert!(correlation(|p| p.x, |t| t.0) > 0.999, "the first axis is not the widest, or points backwards");
    assert!(correlation(|p| p.y, |t| t.1) > 0.999, "the second axis is not the second widest, or points backwards");
    assert_on_the_map(&positions);
    let widest = positions.iter().fold(0.0f32, |w, p| w.max(p.x.abs()));
    assert!((0.95..1.05).contains(&widest), "fills the map up to {widest}");
}

#[test]
fn knn_equals_brute_force() {
    let (count, dim, k) = (1100, 24, 9); // three tiles, the last one not full
    let mut vectors = clusters(count, dim, 5, 0.9);
    vectors.iter_mut().take(count / 2 * dim).for_each(|x| *x *= 3.0); // lengths must not matter
    let found = knn(&vectors, dim, k, &GO_ON).expect("nobody cancelled");
    assert_eq!((found.k, found.indices.len(), found.distances.len()), (k, count * k, count * k));
    let row = |i: usize| &vectors[i * dim..(i + 1) * dim];
    let distance = |i: usize, j: usize| {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        1.0 - dot(row(i), row(j)) / (dot(row(i), row(i)) * dot(row(j), row(j))).sqrt()
    };
    for i in 0..count {
        let mut all: Vec<f64> = (0..count).filter(|j| *j != i).map(|j| distance(i, j)).collect();
        all.sort_by(f64::total_cmp);
        let mut seen = vec![i as u32];
        for (n, expected) in all.iter().enumerate().take(k) {
            let (index, reported) = (found.indices[i * k + n], f64::from(found.distances[i * k + n]));
            assert!(!seen.contains(&index), "row {i} has {index} twice, or itself");
            seen.push(index);
            assert!((reported - expected).abs() < 1e-5, "row {i}, neighbour {n}: {reported} instead of {expected}");
            assert!((distance(i, index as usize) - expected).abs() < 1e-5, "row {i}: {index} is not its neighbour {n}");
        }
    }
    assert_eq!(knn(&vectors[..3 * dim], dim, 15, &GO_ON).expect("nobody cancelled").k, 2);
}

#[test]
fn trustworthiness_tells_good_from_bad() {
    // On a line (a quarter circle) the true order is known.
    let count = 100;
    let vectors: Vec<f32> = (0..count).flat_map(|i| [(i as f32 * 0.015).cos(), (i as f32 * 0.015).sin()]).collect();
    let line: Vec<MapPos> = (0..count).map(|i| MapPos { x: i as f32 / 50.0 - 1.0, y: 0.0 }).collect();
    let good = trustworthiness(&VectorTable::new(&vectors, 2), &line, 5, count);
    assert!(good > 0.999, "{good}");
    let shuffled: Vec<MapPos> = (0..count).map(|i| line[i * 37 % count]).collect();
    let bad = trustworthiness(&VectorTable::new(&vectors, 2), &shuffled, 5, count);
    assert!((0.2..0.8).contains(&bad), "{bad}");
    // By hand: rows 0 1 2 3 4 on a line, 4 drawn next to 0; k = 1. Ranks (by angle) of the map neighbours that are
    // not neighbours: 4 for row 0 (rank 4), 0 for row 4 (rank 4); 1 - 2 / (5 * (10 - 3 - 1)) * (3 + 3).
    let five: Vec<f32> = vectors[..10].to_vec();
    let drawn = [0.0, 1.0, 1.9, 2.7, 0.1].map(|x| MapPos { x, y: 0.0 });
    let value = trustworthiness(&VectorTable::new(&five, 2), &drawn, 1, 5);
    assert!((value - 0.6).abs() < 0.07, "{value}");
}

#[test]
fn new_rows_land_beside_their_neighbours() {
    let vectors = clusters(600, 32, 6, 0.5);
    let positions = laid_out(&vectors[..500 * 32], 32);
    let new = place_new(&VectorTable::new(&vectors, 32), &positions, &GO_ON).expect("nobody cancelled");
    assert_eq!(new.len(), 100);
    for (i, p) in new.iter().enumerate() {
        let distance = |q: &MapPos| (p.x - q.x).hypot(p.y - q.y);
        let nearest = (0..500).min_by(|a, b| distance(&positions[*a]).total_cmp(&distance(&positions[*b])));
        assert_eq!(nearest.map(|n| n % 6), Some((500 + i) % 6), "new row {i} lands among another cluster");
    }
    assert_eq!(place_new(&VectorTable::new(&vectors, 32), &[], &GO_ON).expect("nobody cancelled").len(), 600);
}

#[test]
fn aligning_undoes_a_turn_and_a_mirror() {
    let reference: Vec<MapPos> =
        [(0.9, 0.1), (-0.4, 0.3), (0.2, -0.8), (-0.7, 0.4)].map(|(x, y)| MapPos { x, y }).into();
    let mut moved: Vec<MapPos> =
        reference.iter().map(|p| MapPos { x: 0.6 * p.x + 0.8 * p.y, y: 0.8 * p.x - 0.6 * p.y }).collect();
    align(&mut moved, &reference);
    for (p, q) in moved.iter().zip(&reference) {
        assert!((p.x - q.x).hypot(p.y - q.y) < 1e-5, "{p:?} instead of {q:?}");
    }
}

/// Two pictures and a row of a table.
fn small_library() -> (Snapshot, Layout) {
    let item = |id, path: &str, part, modality| Item {
        id: ItemId(id),
        path: Arc::from(Path::new(path)),
        part,
        modality,
        bytes: 1,
        modified_ns: 0,
        hash: ContentHash([0; 32]),
        pixels: None,
        snippet: None,
    };
    let items = vec![
        item(1, "/a/one, two.png", None, Modality::Image),
        item(2, "/a/three.png", None, Modality::Image),
        item(3, "/a/table.csv", Some(Part::Row(7)), Modality::Text),
        item(4, "/a/newer.txt", None, Modality::Text),
    ];
    let snapshot = Snapshot::new(SnapshotParts {
        library: "/library".into(),
        epoch: 1,
        generation: 1,
        photos: Vec::new(),
        tables: Arc::default(),
        groups: Arc::default(),
        roots: vec![],
        chunks: vec![Arc::new(items)],
        vector_rows: vec![Arc::new(vec![u32::MAX; 4])],
        vectors: Vectors::Owned(Arc::from([])),
        model: ModelKey { name: "m".into(), revision: "r".into(), preprocessing: "p".into(), dim: 2 },
        means: [Arc::from([]), Arc::from([])],
        counts: [2, 2],
        read_only: None,
    });
    let positions = [(-1.0, 1.0), (1.0, 1.0), (0.0, -1.0)].map(|(x, y)| MapPos { x, y }).into();
    (
        snapshot,
        Layout { method: LayoutMethod::Pca, epoch: 1, settled: 3, positions, trustworthiness: None, generation: 1 },
    )
}

/// The points of a map alone, coloured by type.
fn points(size: [u32; 2], dark: bool) -> ImageOptions {
    ImageOptions { size, dark, text: false, pictures: false }
}

#[test]
fn the_picture_shows_each_item_in_its_colour() {
    let (snapshot, layout) = small_library();
    let categories = MapCategories::new(&snapshot, MapColouring::Type, None, None);
    let (snapshot, layout, categories, thumbnail) = (&snapshot, &layout, &categories, &|_| None);
    let map = MapDrawing { snapshot, layout, clusters: None, categories, thumbnail, go_on: &|| true };
    let picture = map_image::render(&map, &points([600, 300], true)).expect("drawn");
    assert_eq!((picture.width(), picture.height()), (600, 300));
    let at = |x: usize, y: usize| {
        let start = (y * 600 + x) * 3;
        [picture.rgb()[start], picture.rgb()[start + 1], picture.rgb()[start + 2]]
    };
    // A margin of 12 px; 276 px for 2 units of height.
    let (image, text, ground) = (at(162, 12), at(300, 287), at(300, 150));
    assert_eq!(ground, [0x0a, 0x0c, 0x0f]);
    assert!(image[2] > 150 && image[0] < 120, "an image point is {image:?}");
    assert!(text[0] > 150 && text[2] < 100, "a text point is {text:?}");
    assert_eq!(at(438, 12), image);

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("map.png");
    map_image::write(&map, &points([600, 300], true), &file).expect("writable");
    let read = image::open(&file).expect("a PNG").into_rgb8();
    assert_eq!(read.into_raw(), picture.rgb());
    let absent = folder.path().join("absent/map.png");
    let error = map_image::write(&map, &points([600, 300], true), &absent).expect_err("no such folder");
    assert!(error.to_string().contains("absent"), "{error}");
}

#[test]
fn an_empty_map_is_its_ground() {
    let (snapshot, mut layout) = small_library();
    layout.positions.clear();
    let categories = MapCategories::new(&snapshot, MapColouring::Type, None, None);
    let (snapshot, layout, categories, thumbnail) = (&snapshot, &layout, &categories, &|_| None);
    let map = MapDrawing { snapshot, layout, clusters: None, categories, thumbnail, go_on: &|| true };
    let picture = map_image::render(&map, &points([0, 3], false)).expect("drawn");
    assert_eq!((picture.width(), picture.height()), (1, 3));
    assert_eq!(&picture.rgb()[..3], [0xfb, 0xfb, 0xfc]);
}

#[test]
fn the_table_has_a_line_for_each_placed_item() {
    let (snapshot, layout) = small_library();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("map.csv");
    map_tables::write_positions(&snapshot, &layout, &file).expect("writable");
    let text = std::fs::read_to_string(&file).expect("written");
    let wanted =
        "path,modality,x,y\n\"/a/one, two.png\",image,-1,1\n/a/three.png,image,1,1\n/a/table.csv:7,text,0,-1\n";
    assert_eq!(text, wanted);
    let error = map_tables::write_positions(&snapshot, &layout, &folder.path().join("absent/map.csv"));
    assert!(error.expect_err("no such folder").to_string().contains("absent"));
}
