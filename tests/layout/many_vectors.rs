//! Layouts of many vectors: almost exact neighbours, vectors that are no good, and maps that stay where they were.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use vicinity_core::MapPos;
use vicinity_layout::{
    Knn, PreviousLayout, UmapParams, VectorSource, VectorTable, approximate, knn, pca, place_new, trustworthiness, umap,
};

static GO_ON: AtomicBool = AtomicBool::new(false);
const DIM: usize = 48;
/// Collections that are laid out where they are small: of so few points one map is easily .02 better than the next.
const SMALL: usize = 16;

/// Evenly in [-1, 1), always the same for a seed.
fn random(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    }
}

/// Row `i` near the `i % groups`-th of some random centres; later coordinates vary less, as those of models do.
fn grouped(count: usize, groups: usize) -> Vec<f32> {
    let mut next = random(1);
    let centres: Vec<f32> = (0..groups * DIM).map(|_| next()).collect();
    let near = |i: usize, next: &mut dyn FnMut() -> f32| -> Vec<f32> {
        (0..DIM).map(|d| (centres[i % groups * DIM + d] + next()) / (1.0 + d as f32).sqrt()).collect()
    };
    (0..count).flat_map(|i| near(i, &mut next)).collect()
}

/// Row `i` near the centre of theme `of[i]`; rows do not depend on what follows them.
fn themed(of: &[usize], seed: usize) -> Vec<f32> {
    let mut next = random(hashed(seed as u64));
    let centres: Vec<f32> = (0..16 * DIM).map(|_| next()).collect();
    let value = |i: usize, noise: f32| {
        let (theme, d) = (of[i / DIM], i % DIM);
        (centres[theme * DIM + d] + 0.8 * noise) / (1.0 + d as f32).sqrt()
    };
    (0..of.len() * DIM).map(|i| value(i, next())).collect()
}

/// So that numbers of neighbouring seeds are not alike.
fn hashed(seed: u64) -> u64 {
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads").install(work)
}

fn quick(vectors: &[f32], dim: usize, k: usize) -> Knn {
    approximate(&VectorTable::new(vectors, dim), k, &GO_ON, &|_| {}).expect("nobody cancelled")
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
    struct Counted<'a>(VectorTable<'a>, std::sync::atomic::AtomicUsize);
    impl VectorSource for Counted<'_> {
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
    let counted = Counted(VectorTable::new(&equal, 4), 0.into());
    let found = approximate(&counted, 5, &GO_ON, &|_| {}).expect("nobody cancelled");
    assert_sound(&found, 20_000);
    assert!(found.distances.iter().all(|d| *d == 0.0), "equal vectors have equal neighbours");
    let reads = counted.1.into_inner() as f64 / 20_000.0;
    assert!(reads < 30.0, "each row was read {reads} times");
}

#[test]
fn quick_neighbours_are_true_in_a_table_with_a_rhythm() {
    // of 10,000 rows every fiftieth would be the centre of a list, if they were evenly spaced: all of two groups
    let vectors = grouped(10_000, 100);
    let recall = recall(&quick(&vectors, DIM, 15), &knn(&vectors, DIM, 15, &GO_ON).expect("nobody cancelled"));
    assert!(recall > 0.94, "recall {recall}");
}

#[test]
fn a_cancelled_search_ends_without_a_result() {
    let vectors = grouped(6000, 60);
    let table = VectorTable::new(&vectors, DIM);
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
    let table = VectorTable::new(&bad, DIM);
    let laid_out = umap(&table, &UmapParams::default(), None, &GO_ON, &|_, _| {}).expect("nobody cancelled");
    for positions in [laid_out, pca(&table, &GO_ON).expect("nobody cancelled")] {
        assert!(positions.iter().all(|p| p.x.is_finite() && p.y.is_finite()));
    }
}

fn lay_out(vectors: &[f32], standing: Option<PreviousLayout<'_>>) -> Vec<MapPos> {
    umap(&VectorTable::new(vectors, DIM), &UmapParams::default(), standing, &GO_ON, &|_, _| {})
        .expect("nobody cancelled")
}

/// The map of all vectors that keeps `old`, the map of the first.
fn grown(vectors: &[f32], old: &[MapPos]) -> Vec<MapPos> {
    let new = place_new(&VectorTable::new(vectors, DIM), old, &GO_ON).expect("nobody cancelled");
    let positions = [old, &new].concat();
    lay_out(vectors, Some(PreviousLayout { positions: &positions, settled: old.len() }))
}

fn trust(vectors: &[f32], positions: &[MapPos]) -> f32 {
    trustworthiness(&VectorTable::new(vectors, DIM), positions, 15, positions.len())
}

fn distance(p: MapPos, q: MapPos) -> f32 {
    (p.x - q.x).hypot(p.y - q.y)
}

fn centre(points: impl Iterator<Item = MapPos> + Clone) -> MapPos {
    let n = points.clone().count() as f32;
    MapPos { x: points.clone().map(|p| p.x).sum::<f32>() / n, y: points.map(|p| p.y).sum::<f32>() / n }
}

/// How far the centres of themes (row `i` belongs to theme `i % themes`) have moved, on average.
fn centres_moved(before: &[MapPos], after: &[MapPos], themes: usize) -> f32 {
    let of = |map: &[MapPos], theme| centre(map[..before.len()].iter().copied().skip(theme).step_by(themes));
    (0..themes).map(|theme| distance(of(before, theme), of(after, theme))).sum::<f32>() / themes as f32
}

/// How far points are from their centre, on average.
fn spread(points: &[MapPos]) -> f32 {
    let middle = centre(points.iter().copied());
    points.iter().map(|p| distance(*p, middle)).sum::<f32>() / points.len() as f32
}

/// How many of the five nearest on the map are of another theme.
fn strangers_near(map: &[MapPos], row: usize, themes: &[usize]) -> usize {
    let mut others: Vec<usize> = (0..map.len()).filter(|other| *other != row).collect();
    others.sort_by(|a, b| distance(map[row], map[*a]).total_cmp(&distance(map[row], map[*b])));
    others[..5].iter().filter(|other| themes[**other] != themes[row]).count()
}

/// How far half of the points have moved, or farther.
fn median_moved(before: &[MapPos], after: &[MapPos]) -> f32 {
    let mut far: Vec<f32> = before.iter().zip(after).map(|(p, q)| distance(*p, *q)).collect();
    *far.select_nth_unstable_by(before.len() / 2, f32::total_cmp).1
}

#[test]
fn a_small_map_that_grows_keeps_its_themes_where_they_were() {
    let mut worse = 0.0;
    for seed in 1..=SMALL {
        let vectors = themed(&(0..84).map(|i| i % 6).collect::<Vec<_>>(), seed);
        let old = lay_out(&vectors[..60 * DIM], None);
        let (kept, anew) = (grown(&vectors, &old), lay_out(&vectors, None));
        let (with, without) = (centres_moved(&old, &kept, 6), centres_moved(&old, &anew, 6));
        assert!(with < without / 4.0, "seed {seed}: themes moved by {with} (without: {without})");
        let (with, without) = (trust(&vectors, &kept), trust(&vectors, &anew));
        worse += (without - with) / SMALL as f32;
    }
    assert!(worse < 0.01, "trustworthiness is lower by {worse}");
}

#[test]
fn a_theme_that_is_new_gets_an_island_of_its_own() {
    for (old, all, themes, seeds) in [(60, 84, 5, SMALL), (200, 260, 8, 1), (1200, 1500, 15, 1)] {
        let of: Vec<usize> = (0..all).map(|i| if i < old { i % themes } else { themes }).collect();
        let mut worse = 0.0;
        for seed in 1..=seeds {
            let vectors = themed(&of, seed);
            let before = lay_out(&vectors[..old * DIM], None);
            let (kept, anew) = (grown(&vectors, &before), lay_out(&vectors, None));
            let case = format!("{old} to {all}, seed {seed}");
            let strangers: usize = (old..all).map(|row| strangers_near(&kept, row, &of)).sum();
            let strange = strangers as f32 / (5 * (all - old)) as f32;
            assert!(strange < 0.02, "{case}: {strange} of the nearest five are of another theme");
            let (with, without) = (spread(&kept[old..]), spread(&anew[old..]));
            assert!(with < 1.5 * without, "{case}: the new theme is spread by {with} instead of {without}");
            let moved = centres_moved(&before, &kept, themes);
            assert!(moved < 0.1, "{case}: the other themes moved by {moved}");
            worse += (trust(&vectors, &anew) - trust(&vectors, &kept)) / seeds as f32;
        }
        assert!(worse < 0.01, "{old} to {all}: trustworthiness is lower by {worse}");
    }
}

#[test]
fn a_large_map_that_grows_stays() {
    const OLD: usize = 1200;
    let vectors = grouped(1500, 15);
    let old = lay_out(&vectors[..OLD * DIM], None);
    let (kept, anew) = (grown(&vectors, &old), lay_out(&vectors, None));
    let (with, without) = (median_moved(&old, &kept), median_moved(&old, &anew));
    assert!(with < 0.1 && with < without / 4.0, "half of the points moved by {with} or more (without: {without})");
    let (with, without) = (trust(&vectors, &kept), trust(&vectors, &anew));
    assert!(with > without - 0.005, "{with} instead of {without}");
    assert!(kept == on_threads(1, || grown(&vectors, &old)), "one thread gives another map");
}

#[test]
fn a_map_that_grows_again_and_again_stays_a_good_one() {
    let vectors = themed(&(0..700).map(|i| i % 9).collect::<Vec<_>>(), 5);
    let mut map = lay_out(&vectors[..120 * DIM], None);
    while map.len() < 500 {
        let all = &vectors[..(map.len() * 5 / 4) * DIM];
        map = grown(all, &map);
    }
    let all = &vectors[..map.len() * DIM];
    let (with, without) = (trust(all, &map), trust(all, &lay_out(all, None)));
    assert!(with > without - 0.01, "after {} rows trustworthiness {with} instead of {without}", map.len());
    assert!(map.iter().all(|p| p.x.abs() <= 1.1 && p.y.abs() <= 1.1));
}

/// The share of the 15 nearest by cosine that are among the 15 nearest on the map.
fn preserved(vectors: &[f32], positions: &[MapPos]) -> f64 {
    let near = |row: usize| {
        let mut others: Vec<usize> = (0..positions.len()).filter(|other| *other != row).collect();
        let far = |other: &usize| distance(positions[row], positions[*other]);
        others.select_nth_unstable_by(14, |a, b| far(a).total_cmp(&far(b)));
        others.truncate(15);
        others
    };
    let truth = knn(vectors, DIM, 15, &GO_ON).expect("nobody cancelled");
    let rows = truth.indices.chunks(15).enumerate();
    let kept = rows.map(|(row, truth)| {
        let near = near(row);
        truth.iter().filter(|other| near.contains(&(**other as usize))).count()
    });
    kept.sum::<usize>() as f64 / truth.indices.len() as f64
}

#[test]
fn a_folded_surface_keeps_its_neighbourhoods() {
    let mut next = random(7);
    let waves: Vec<[f32; 4]> = (0..DIM).map(|_| [next(), next(), next(), next()].map(|v| 3.0 * v)).collect();
    let row = |next: &mut dyn FnMut() -> f32| {
        let (a, b, c) = (next(), next(), next());
        waves.iter().map(|w| (w[0] * a + w[1] * b + w[2] * c + w[3]).sin()).collect::<Vec<f32>>()
    };
    let vectors: Vec<f32> = (0..1500).flat_map(|_| row(&mut next)).collect();
    let positions = lay_out(&vectors, None);
    let (trust, kept) = (trust(&vectors, &positions), preserved(&vectors, &positions));
    // umap-learn, mean of three seeds: .9933 and .6058
    assert!(trust > 0.993 && kept > 0.595, "trustworthiness {trust}, preserved {kept}");
}
