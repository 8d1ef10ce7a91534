//! Clusters of a map: the hills of the density of its points, at several levels that nest.
//!
//! The density is a sum of Gaussians on a grid. Going down from its peaks, a hill grows until it meets another one at a
//! saddle; then the one with the smaller *excess mass* (Müller and Sawitzki 1991: what of it lies above the saddle, here
//! in points) becomes part of the other. Islands without a saddle join at last, nearest first. So each hill but one has a parent
//! and an excess mass that is at most its parent's, and the K hills with the largest are the K clusters of a level; all
//! points of other hills belong to the nearest ancestor among them. Unlike those of HDBSCAN, these clusters leave no point out.

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use super::{Cancelled, check};
use vicinity_core::MapPos;

/// Levels of clusters, from few large ones to many small ones.
pub const LEVELS: usize = 3;

/// The width of the density's Gaussians is this share of the usual distance to the neighbour number [`NEIGHBOURS`]. Chosen
/// on labelled photos: at about a third of it clusters follow the labels best.
const BANDWIDTH: f32 = 0.35;
const NEIGHBOURS: usize = 15;
/// Squares around a point in which its neighbours are looked for: one without any there is an outlier, which says nothing.
const MAX_RINGS: usize = 48;
/// Points whose neighbours are looked for.
const SAMPLE: usize = 1_000;
/// Cells of the grid along its longer side, at most.
const MAX_CELLS: usize = 2_048;
/// Cells within one width of the Gaussians.
const CELLS_PER_WIDTH: f32 = 2.0;
/// Widths after which a Gaussian ends.
const REACH: f32 = 4.0;
/// Hills that rise less above their saddle, in points, are ignored.
const MIN_POINTS: f64 = 0.25;
/// Clusters of a level for each of the next coarser one.
const FAN_OUT: f64 = 3.5;
const NONE: u32 = u32::MAX;

/// The clusters of a map, coarse ones first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterTree {
    /// All clusters. One that is not divided at the next level is there only once.
    pub clusters: Vec<MapCluster>,
    /// The cluster of each point at the finest level.
    pub of_points: Vec<u32>,
}

/// A cluster of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapCluster {
    /// The cluster that it is a part of.
    pub parent: Option<u32>,
    /// The coarsest and the finest level at which it is shown; 0 is the coarsest of all.
    pub levels: (u8, u8),
    /// Points in it.
    pub count: u32,
}

/// The usual numbers of clusters of a map of so many points, coarse first.
pub fn usual_counts(points: usize) -> [usize; LEVELS] {
    // About what fits on a screen far out, nearer, and near.
    let fine = (3.0 * (points as f64).powf(0.42)).min(600.0);
    [fine / FAN_OUT / FAN_OUT, fine / FAN_OUT, fine].map(|count| count.round().max(1.0) as usize)
}

/// Finds at most so many clusters at each level. Points whose position is not finite count as being at the origin.
///
/// # Errors
/// When cancelled.
pub fn clusters(
    positions: &[MapPos],
    counts: [usize; LEVELS],
    cancelled: &AtomicBool,
) -> Result<ClusterTree, Cancelled> {
    if positions.is_empty() {
        return Ok(ClusterTree { clusters: Vec::new(), of_points: Vec::new() });
    }
    check(cancelled)?;
    let grid = Grid::new(positions);
    check(cancelled)?;
    let density = grid.density();
    check(cancelled)?;
    let mut hills = Hills::climb(&grid, &density);
    check(cancelled)?;
    hills.join_islands(&grid);
    check(cancelled)?;
    Ok(hills.tree(&grid, counts))
}

/// The cells of a map, and how many points each has. A margin of empty cells on all sides spares looking for borders.
struct Grid {
    width: usize,
    height: usize,
    /// Of the Gaussians, in cells.
    sigma: f32,
    cell_of: Vec<u32>,
}

impl Grid {
    fn new(positions: &[MapPos]) -> Self {
        let finite = |p: &MapPos| if p.x.is_finite() && p.y.is_finite() { *p } else { MapPos { x: 0.0, y: 0.0 } };
        let points: Vec<MapPos> = positions.iter().map(finite).collect();
        let (mut low, mut high) = (points[0], points[0]);
        for point in &points {
            (low.x, low.y) = (low.x.min(point.x), low.y.min(point.y));
            (high.x, high.y) = (high.x.max(point.x), high.y.max(point.y));
        }
        let span = (high.x - low.x).max(high.y - low.y).max(f32::MIN_POSITIVE);
        let width = BANDWIDTH * neighbour_distance(&points, low, span);
        let cell = (width / CELLS_PER_WIDTH).max(span / MAX_CELLS as f32);
        let sigma = (width / cell).max(1.0);
        let margin = (REACH * sigma).ceil() as usize + 1;
        let cells = |length: f32| (length / cell) as usize + 1 + 2 * margin;
        let (width, height) = (cells(high.x - low.x), cells(high.y - low.y));
        let at = |value: f32, low: f32| ((value - low) / cell) as usize + margin;
        let cell_of = points.iter().map(|p| (at(p.y, low.y) * width + at(p.x, low.x)) as u32).collect();
        Self { width, height, sigma, cell_of }
    }

    /// Points per cell, smoothed.
    fn density(&self) -> Vec<f32> {
        let mut counts = vec![0.0f32; self.width * self.height];
        self.cell_of.iter().for_each(|cell| counts[*cell as usize] += 1.0);
        let reach = (REACH * self.sigma).ceil() as usize;
        let mut kernel: Vec<f32> =
            (0..=2 * reach).map(|i| (-0.5 * ((i as f32 - reach as f32) / self.sigma).powi(2)).exp()).collect();
        let sum: f32 = kernel.iter().sum();
        kernel.iter_mut().for_each(|weight| *weight /= sum);
        let mut across = vec![0.0f32; counts.len()];
        across.par_chunks_mut(self.width).zip(counts.par_chunks(self.width)).for_each(|(out, line)| {
            for (x, count) in line.iter().enumerate().filter(|(_, count)| **count > 0.0) {
                let out = &mut out[x - reach..=x + reach];
                out.iter_mut().zip(&kernel).for_each(|(out, weight)| *out += count * weight);
            }
        });
        counts.fill(0.0);
        counts.par_chunks_mut(self.width).enumerate().for_each(|(y, out)| {
            for (i, weight) in kernel.iter().enumerate() {
                // The margin has no points, so lines beyond it are empty.
                let Some(from) = (y + i).checked_sub(reach).filter(|from| *from < self.height) else { continue };
                let line = &across[from * self.width..][..self.width];
                out.iter_mut().zip(line).for_each(|(out, value)| *out += value * weight);
            }
        });
        counts
    }

    /// The eight cells around one that is not at the border.
    fn around(&self, cell: usize) -> [usize; 8] {
        let (above, below) = (cell - self.width, cell + self.width);
        [above - 1, above, above + 1, cell - 1, cell + 1, below - 1, below, below + 1]
    }

    fn is_border(&self, cell: usize) -> bool {
        let (x, y) = (cell % self.width, cell / self.width);
        x == 0 || y == 0 || x + 1 == self.width || y + 1 == self.height
    }
}

/// The median distance from a point to its neighbour number [`NEIGHBOURS`], of a sample.
fn neighbour_distance(points: &[MapPos], low: MapPos, span: f32) -> f32 {
    let k = NEIGHBOURS.min(points.len() - 1);
    if k == 0 {
        return span;
    }
    // Squares with a few points each, and the points of each one after the other.
    let side = ((points.len() as f32 / 4.0).sqrt().ceil() as usize).clamp(1, MAX_CELLS);
    let scale = side as f32 / span;
    let square = |value: f32, low: f32| (((value - low) * scale) as usize).min(side - 1);
    let square_of = |p: &MapPos| square(p.y, low.y) * side + square(p.x, low.x);
    let mut starts = vec![0u32; side * side + 1];
    points.iter().for_each(|p| starts[square_of(p) + 1] += 1);
    (0..side * side).for_each(|i| starts[i + 1] += starts[i]);
    let mut next = starts.clone();
    let mut sorted = vec![MapPos { x: 0.0, y: 0.0 }; points.len()];
    for point in points {
        let at = &mut next[square_of(point)];
        sorted[*at as usize] = *point;
        *at += 1;
    }
    let distance = |point: &MapPos| {
        let (x, y) = (square(point.x, low.x), square(point.y, low.y));
        let mut near: Vec<f32> = Vec::new();
        for ring in 0..side.min(MAX_RINGS) {
            let (left, right) = (x.saturating_sub(ring), (x + ring).min(side - 1));
            for line in y.saturating_sub(ring)..=(y + ring).min(side - 1) {
                let whole = line.abs_diff(y) == ring;
                for column in left..=right {
                    if whole || column.abs_diff(x) == ring {
                        let square = line * side + column;
                        let points = &sorted[starts[square] as usize..starts[square + 1] as usize];
                        near.extend(points.iter().map(|p| (p.x - point.x).powi(2) + (p.y - point.y).powi(2)));
                    }
                }
            }
            // The point itself is the first.
            if near.len() > k {
                let (_, found, _) = near.select_nth_unstable_by(k, f32::total_cmp);
                let found = found.sqrt();
                if found <= ring as f32 / scale {
                    return found;
                }
            }
        }
        span
    };
    let taken = SAMPLE.min(points.len());
    let mut found: Vec<f32> = (0..taken).into_par_iter().map(|i| distance(&points[i * points.len() / taken])).collect();
    let middle = found.len() / 2;
    *found.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// Hills by number, in the order of their peaks.
struct Hills {
    /// The hill of each cell; [`NONE`] where there is no density.
    of_cells: Vec<u32>,
    hills: Vec<Hill>,
    /// The number of the hill that a hill became part of, with shortcuts; itself where none.
    joined: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Hill {
    parent: Option<u32>,
    /// Excess mass in points; of an island its mass.
    importance: f64,
    mass: f64,
    cells: f64,
}

impl Hills {
    /// Finds the hills and joins those that touch.
    fn climb(grid: &Grid, density: &[f32]) -> Self {
        let mut order: Vec<u32> = (0..density.len() as u32).filter(|cell| density[*cell as usize] > 0.0).collect();
        order.par_sort_unstable_by(|a, b| density[*b as usize].total_cmp(&density[*a as usize]).then(a.cmp(b)));
        let mut all = Self { of_cells: vec![NONE; density.len()], hills: Vec::new(), joined: Vec::new() };
        let mut met: Vec<u32> = Vec::new();
        for cell in order {
            let cell = cell as usize;
            let here = f64::from(density[cell]);
            met.clear();
            let mut steepest: Option<usize> = None;
            for near in grid.around(cell) {
                if all.of_cells[near] == NONE {
                    continue;
                }
                if steepest.is_none_or(|best| density[near] > density[best]) {
                    steepest = Some(near);
                }
                let hill = all.root(all.of_cells[near]);
                if !met.contains(&hill) {
                    met.push(hill);
                }
            }
            let Some(steepest) = steepest else {
                all.of_cells[cell] = all.hills.len() as u32;
                all.joined.push(all.hills.len() as u32);
                all.hills.push(Hill { parent: None, importance: 0.0, mass: here, cells: 1.0 });
                continue;
            };
            all.of_cells[cell] = all.of_cells[steepest];
            let excess = |hill: u32, all: &Self| {
                let Hill { mass, cells, .. } = all.hills[hill as usize];
                mass - here * cells
            };
            met.sort_unstable_by(|a, b| excess(*b, &all).total_cmp(&excess(*a, &all)).then(a.cmp(b)));
            for lesser in &met[1..] {
                let importance = excess(*lesser, &all);
                all.join(*lesser, met[0], importance);
            }
            let hill = &mut all.hills[met[0] as usize];
            hill.mass += here;
            hill.cells += 1.0;
        }
        all
    }

    fn root(&mut self, mut hill: u32) -> u32 {
        while self.joined[hill as usize] != hill {
            let next = self.joined[hill as usize];
            self.joined[hill as usize] = self.joined[next as usize];
            hill = next;
        }
        hill
    }

    fn join(&mut self, lesser: u32, greater: u32, importance: f64) {
        let Hill { mass, cells, .. } = self.hills[lesser as usize];
        self.hills[lesser as usize].importance = importance;
        self.hills[lesser as usize].parent = Some(greater);
        self.joined[lesser as usize] = greater;
        self.hills[greater as usize].mass += mass;
        self.hills[greater as usize].cells += cells;
    }

    /// Joins what the density leaves apart, nearest first: a front grows around each island until it meets others.
    fn join_islands(&mut self, grid: &Grid) {
        let mut owner: Vec<u32> = self.of_cells.clone();
        owner.iter_mut().filter(|hill| **hill != NONE).for_each(|hill| *hill = self.root(*hill));
        let mut steps = vec![0u32; owner.len()];
        let mut front: VecDeque<u32> = (0..owner.len() as u32).filter(|cell| owner[*cell as usize] != NONE).collect();
        let mut bridges: Vec<(u32, u32, u32)> = Vec::new();
        while let Some(cell) = front.pop_front() {
            let cell = cell as usize;
            if grid.is_border(cell) {
                continue;
            }
            for near in grid.around(cell) {
                if owner[near] == NONE {
                    (owner[near], steps[near]) = (owner[cell], steps[cell] + 1);
                    front.push_back(near as u32);
                } else if owner[near] < owner[cell] {
                    bridges.push((steps[near] + steps[cell], owner[near], owner[cell]));
                }
            }
        }
        bridges.sort_unstable();
        for (_, a, b) in bridges {
            let (a, b) = (self.root(a), self.root(b));
            if a != b {
                let mass = |hill: u32| self.hills[hill as usize].mass;
                let (lesser, greater) = if mass(a) < mass(b) { (a, b) } else { (b, a) };
                let importance = mass(lesser);
                self.join(lesser, greater, importance);
            }
        }
    }

    fn tree(&self, grid: &Grid, counts: [usize; LEVELS]) -> ClusterTree {
        let mut order: Vec<u32> = (0..self.hills.len() as u32).collect();
        let importance = |hill: u32| {
            let hill = &self.hills[hill as usize];
            if hill.parent.is_none() { f64::INFINITY } else { hill.importance }
        };
        order.sort_unstable_by(|a, b| importance(*b).total_cmp(&importance(*a)).then(a.cmp(b)));
        let mut has_points = vec![false; self.hills.len()];
        grid.cell_of.iter().for_each(|cell| has_points[self.of_cells[*cell as usize] as usize] = true);
        // The first is that which all others are parts of.
        let mut is_first = true;
        order.retain(|hill| std::mem::take(&mut is_first) || has_points[*hill as usize]);
        order.truncate(order.iter().take_while(|hill| importance(**hill) >= MIN_POINTS).count());
        let mut tree = ClusterTree { clusters: Vec::new(), of_points: Vec::new() };
        // The cluster of each hill at the level before.
        let mut coarser: Vec<u32> = vec![NONE; self.hills.len()];
        for (level, count) in counts.into_iter().enumerate() {
            let kept = &order[..count.clamp(1, order.len())];
            let hill_of = self.nearest_kept(kept);
            let mut clusters_within = vec![0u32; tree.clusters.len()];
            for hill in kept.iter().filter(|_| level > 0) {
                clusters_within[coarser[*hill as usize] as usize] += 1;
            }
            let mut cluster_of = vec![NONE; self.hills.len()];
            for hill in kept {
                let parent = coarser[*hill as usize];
                cluster_of[*hill as usize] = if parent != NONE && clusters_within[parent as usize] == 1 {
                    tree.clusters[parent as usize].levels.1 = level as u8;
                    parent
                } else {
                    let parent = (parent != NONE).then_some(parent);
                    tree.clusters.push(MapCluster { parent, levels: (level as u8, level as u8), count: 0 });
                    tree.clusters.len() as u32 - 1
                };
            }
            coarser = hill_of.iter().map(|hill| cluster_of[*hill as usize]).collect();
        }
        tree.of_points = grid.cell_of.iter().map(|cell| coarser[self.of_cells[*cell as usize] as usize]).collect();
        for cluster in &tree.of_points {
            let mut at = Some(*cluster);
            while let Some(cluster) = at {
                let cluster = &mut tree.clusters[cluster as usize];
                cluster.count += 1;
                at = cluster.parent;
            }
        }
        tree
    }

    /// For each hill the nearest among it and its ancestors that is kept.
    fn nearest_kept(&self, kept: &[u32]) -> Vec<u32> {
        let mut found = vec![NONE; self.hills.len()];
        kept.iter().for_each(|hill| found[*hill as usize] = *hill);
        let mut path = Vec::new();
        for hill in 0..self.hills.len() as u32 {
            let mut at = hill;
            while found[at as usize] == NONE {
                path.push(at);
                // Only the last hill has no parent, and it is always kept.
                let Some(parent) = self.hills[at as usize].parent else { break };
                at = parent;
            }
            let end = found[at as usize];
            path.drain(..).for_each(|hill| found[hill as usize] = end);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    impl ClusterTree {
        /// The cluster of a point at a level.
        fn at_level(&self, point: usize, level: u8) -> Option<u32> {
            let mut cluster = *self.of_points.get(point)?;
            while self.clusters.get(cluster as usize)?.levels.0 > level {
                cluster = self.clusters[cluster as usize].parent?;
            }
            Some(cluster)
        }
    }

    fn find(positions: &[MapPos], counts: [usize; LEVELS]) -> ClusterTree {
        clusters(positions, counts, &AtomicBool::new(false)).expect("nobody cancelled")
    }

    /// Pseudo-random positions around a centre, about normally distributed.
    fn blob(seed: u32, count: u32, x: f32, y: f32, spread: f32) -> Vec<MapPos> {
        let noise = |i: u32| {
            let mut value = (seed << 20 ^ i).wrapping_mul(0x9E37_79B9);
            value = (value ^ value >> 15).wrapping_mul(0x85EB_CA6B);
            ((value ^ value >> 13) >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        let normal = |i: u32| (0..6).map(|j| noise(i * 16 + j)).sum::<f32>();
        (0..count).map(|i| MapPos { x: x + spread * normal(2 * i), y: y + spread * normal(2 * i + 1) }).collect()
    }

    fn members(tree: &ClusterTree, level: u8, points: std::ops::Range<usize>) -> BTreeSet<u32> {
        points.map(|point| tree.at_level(point, level).expect("a cluster")).collect()
    }

    #[test]
    fn heaps_are_clusters_and_their_parts_are_clusters_of_a_finer_level() {
        let mut points = blob(1, 400, 0.0, 0.0, 0.1);
        points.extend(blob(2, 300, 0.6, 0.0, 0.1));
        points.extend(blob(3, 500, 5.0, 5.0, 0.1));
        let tree = find(&points, [2, 3, 3]);
        let [left, right, far] = [0..400, 400..700, 700..1200];
        assert_eq!(members(&tree, 0, 0..700).len(), 1, "one heap from far");
        assert_ne!(members(&tree, 0, 0..700), members(&tree, 0, far.clone()));
        assert_eq!(tree.clusters.len(), 4, "what is not divided is there once: {:?}", tree.clusters);
        let mostly = |range: std::ops::Range<usize>| {
            let len = range.len();
            let cluster = tree.at_level(range.start, 1).expect("one");
            let same = range.filter(|point| tree.at_level(*point, 1) == Some(cluster)).count();
            assert!(same * 20 > len * 19, "{same} of {len}");
            cluster
        };
        assert_eq!(BTreeSet::from([mostly(left), mostly(right), mostly(far)]).len(), 3);
        for (at, cluster) in tree.clusters.iter().enumerate() {
            let parts = tree.clusters.iter().filter(|part| part.parent == Some(at as u32));
            let sum: u32 = parts.map(|part| part.count).sum();
            assert!(sum == 0 || sum == cluster.count, "parts make up the whole: {:?}", tree.clusters);
        }
    }

    #[test]
    fn every_point_has_a_cluster_at_every_level_and_the_same_in_every_run() {
        let mut points: Vec<MapPos> =
            (0..30).flat_map(|i| blob(i, 40 + 10 * i, (i % 6) as f32, (i / 6) as f32, 0.2)).collect();
        points.push(MapPos { x: f32::NAN, y: 1.0 });
        points.push(MapPos { x: 1e6, y: -1e6 });
        let counts = usual_counts(points.len());
        let tree = find(&points, counts);
        assert_eq!(tree.of_points.len(), points.len());
        for (level, count) in counts.into_iter().enumerate() {
            let found = members(&tree, level as u8, 0..points.len());
            assert!((1..=count).contains(&found.len()), "{} of {count} at {level}", found.len());
        }
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
        assert_eq!(one.install(|| find(&points, counts)), tree);
    }

    #[test]
    fn few_points_and_points_in_one_place_are_one_cluster() {
        assert_eq!(find(&[], [1, 2, 3]).clusters, []);
        for count in [1, 2, 7, 3000] {
            let tree = find(&vec![MapPos { x: 3.0, y: 4.0 }; count], [4, 9, 20]);
            assert_eq!(tree.of_points, vec![0; count]);
            assert_eq!(tree.clusters, [MapCluster { parent: None, levels: (0, 2), count: count as u32 }]);
        }
    }

    #[test]
    fn it_can_be_cancelled() {
        let points = blob(1, 100, 0.0, 0.0, 1.0);
        assert_eq!(clusters(&points, [1, 2, 3], &AtomicBool::new(true)), Err(Cancelled));
    }
}
