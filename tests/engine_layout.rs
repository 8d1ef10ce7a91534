//! Layouts of many vectors: almost exact neighbours, vectors that are no good, and maps that stay where they were.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use vicinity::domain::MapPos;
use vicinity::engine::project2d::{Knn, Rows, Table, UmapParams, approximate, knn, pca, trustworthiness, umap};

static GO_ON: AtomicBool = AtomicBool::new(false);
const DIM: usize = 48;

/// Evenly in [-1, 1), always the same.
fn random() -> impl FnMut() -> f32 {
    let mut state = 1u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    }
}

/// Row `i` near the `i % groups`-th of some random centres; later coordinates vary less, as those of models do.
fn grouped(count: usize, groups: usize) -> Vec<f32> {
    let mut next = random();
    let centres: Vec<f32> = (0..groups * DIM).map(|_| next()).collect();
    let near = |i: usize, next: &mut dyn FnMut() -> f32| -> Vec<f32> {
        (0..DIM).map(|d| (centres[i % groups * DIM + d] + next()) / (1.0 + d as f32).sqrt()).collect()
    };
    (0..count).flat_map(|i| near(i, &mut next)).collect()
}

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads").install(work)
}

fn quick(vectors: &[f32], dim: usize, k: usize) -> Knn {
    approximate(&Table::new(vectors, dim), k, &GO_ON, &|_| {}).expect("nobody cancelled")
}

fn recall(found: &Knn, truth: &Knn) -> f64 {
    let rows = found.indices.chunks(found.k).zip(truth.indices.chunks(truth.k));
    let hits = rows.map(|(found, truth)| truth.iter().filter(|&row| found.contains(row)).count()).sum::<usize>();
    hits as f64 / truth.indices.len() as f64
}

/// Every row has `k` neighbours, none of them itself, at distances that are numbers, in order.
fn assert_sound(found: &Knn, count: usize) {
    assert_eq!((found.indices.len(), found.distances.len()), (count * found.k, count * found.k));
    for (row, (indices, distances)) in
        found.indices.chunks(found.k.max(1)).zip(found.distances.chunks(found.k.max(1))).enumerate()
    {
        assert!(indices.iter().all(|&other| (other as usize) < count && other as usize != row), "{row}: {indices:?}");
        assert!(distances.is_sorted() && distances.iter().all(|d| (0.0..=2.0).contains(d)), "{row}: {distances:?}");
    }
}

#[test]
fn quick_neighbours_are_the_true_ones_nearly_always_and_on_any_number_of_threads() {
    let vectors = grouped(6000, 60);
    let found = on_threads(1, || quick(&vectors, DIM, 15));
    assert_sound(&found, 6000);
    assert!(found == on_threads(2, || quick(&vectors, DIM, 15)), "one thread and two find different neighbours");
    assert!(found == on_threads(5, || quick(&vectors, DIM, 15)), "one thread and five find different neighbours");
    let recall = recall(&found, &knn(&vectors, DIM, 15, &GO_ON).expect("nobody cancelled"));
    assert!(recall > 0.95, "recall {recall}");
    for indices in found.indices.chunks(15) {
        assert_eq!(indices.iter().collect::<HashSet<_>>().len(), 15, "a neighbour twice in {indices:?}");
    }
}

#[test]
fn quick_neighbours_are_compared_with_few_rows_only() {
    /// Counts how often a row is read.
    struct Counted<'a>(Table<'a>, std::sync::atomic::AtomicUsize);
    impl Rows for Counted<'_> {
        fn count(&self) -> usize {
            self.0.count()
        }
        fn dim(&self) -> usize {
            self.0.dim()
        }
        fn read(&self, row: usize, out: &mut [f32]) {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.read(row, out);
        }
    }
    let equal = vec![1.0f32; 20_000 * 4]; // one list, if it were not cut
    let counted = Counted(Table::new(&equal, 4), 0.into());
    let found = approximate(&counted, 5, &GO_ON, &|_| {}).expect("nobody cancelled");
    assert_sound(&found, 20_000);
    assert!(found.distances.iter().all(|d| *d == 0.0), "equal vectors have equal neighbours");
    let reads = counted.1.into_inner() as f64 / 20_000.0;
    assert!(reads < 30.0, "each row was read {reads} times");
}

#[test]
fn a_cancelled_search_ends_without_a_result() {
    let vectors = grouped(6000, 60);
    let table = Table::new(&vectors, DIM);
    assert!(approximate(&table, 15, &AtomicBool::new(true), &|_| {}).is_err());
    let cancel = AtomicBool::new(false);
    let last = std::sync::Mutex::new(0.0f32);
    let halfway = |share: f32| {
        *last.lock().expect("no panic") = share;
        cancel.store(share > 0.3, Ordering::Relaxed);
    };
    assert!(on_threads(1, || approximate(&table, 15, &cancel, &halfway)).is_err());
    let last = last.into_inner().expect("no panic");
    assert!((0.3..0.4).contains(&last), "cancelled at 0.3, went on to {last}");
}

#[test]
fn hardly_any_vectors_and_bad_ones_have_neighbours_and_finite_places() {
    for count in 0..=20 {
        assert_sound(&quick(&grouped(count, 3), DIM, 15), count);
    }
    assert_sound(&quick(&[], 0, 15), 0);
    assert_sound(&quick(&vec![0.0; 500 * DIM], DIM, 15), 500);
    let twins: Vec<f32> = grouped(300, 10).repeat(2);
    let found = quick(&twins, DIM, 15);
    let twinned = (0..600).filter(|&row| found.indices[row * 15] as usize == (row + 300) % 600).count();
    assert!(twinned > 590, "only {twinned} of 600 have their twin as the nearest");

    let mut bad = grouped(400, 10);
    (bad[5 * DIM], bad[77 * DIM + 3], bad[300 * DIM + 9]) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
    bad[200 * DIM..201 * DIM].fill(f32::MAX); // its length is not finite
    assert_sound(&quick(&bad, DIM, 15), 400);
    let table = Table::new(&bad, DIM);
    let laid_out = umap(&table, &UmapParams::default(), None, &GO_ON, &|_| {}).expect("nobody cancelled");
    for positions in [laid_out, pca(&table, &GO_ON).expect("nobody cancelled")] {
        assert!(positions.iter().all(|p| p.x.is_finite() && p.y.is_finite()));
    }
}

#[test]
fn a_grown_collection_keeps_its_map() {
    const OLD: usize = 1200;
    let vectors = grouped(1500, 15);
    let (before, after) = (Table::new(&vectors[..OLD * DIM], DIM), Table::new(&vectors, DIM));
    let params = UmapParams::default();
    let lay_out = |table: &Table<'_>, standing: Option<&[MapPos]>| {
        umap(table, &params, standing, &GO_ON, &|_| {}).expect("nobody cancelled")
    };
    let old = lay_out(&before, None);
    let new = vicinity::engine::project2d::place_new(&after, &old, &GO_ON).expect("nobody cancelled");
    let standing: Vec<MapPos> = old.iter().copied().chain(new).collect();
    let moved = |to: &[MapPos]| {
        let mut far: Vec<f32> = old.iter().zip(to).map(|(p, q)| (p.x - q.x).hypot(p.y - q.y)).collect();
        *far.select_nth_unstable_by(OLD / 2, f32::total_cmp).1
    };
    let (kept, anew) = (lay_out(&after, Some(&standing)), lay_out(&after, None));
    let (with, without) = (moved(&kept), moved(&anew));
    assert!(with < 0.15 && with < without / 3.0, "half of the points moved by {with} or more (without: {without})");
    let trust = |positions: &[MapPos]| trustworthiness(&after, positions, 15, 1500);
    assert!(trust(&kept) > trust(&anew) - 0.005, "{} instead of {}", trust(&kept), trust(&anew));
    assert!(kept == on_threads(1, || lay_out(&after, Some(&standing))), "one thread gives another map");
}
