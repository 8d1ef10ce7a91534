//! Moves the points of a layout along the edges of the graph, and away from random others.
//!
//! UMAP's objective (McInnes, Healy and Melville 2018, section 3.2) with three changes. In an epoch every point moves by
//! itself, looking at where all others stood when the epoch began, and its random numbers are a hash of epoch and
//! point: the result does not depend on threads or their timing. Since both ends of an edge move at the same time,
//! neither goes farther than a quarter of the way: they would swing past each other ever farther, all in the direction in
//! which they differ most, and groups would become straight lines. And the random others that push are
//! neighbours in a copy of the positions in random order: eight forces are computed at once, from one place in memory.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::curve::{ATTRACTION, Curve, MIN_SQUARED_DISTANCE, REPULSION};
use super::fuzzy::Graph;
use super::incremental::{self, Anchors};
use super::random::{Stream, hash};
use super::{Cancelled, check};

/// Points per task.
const BLOCK: usize = 512;
/// Forces that are computed at once: one pulls, the others push.
const LANES: usize = 8;
/// The longest step along one axis that a single force can cause, before the learning rate.
const MAX_STEP: f32 = 4.0;
/// The largest share of the way to the other end of an edge that a point goes at once.
const MAX_APPROACH: f32 = 0.25;
/// The learning rate of the first epoch. It falls with the square of the epochs that are left: most of them arrange
/// neighbours, after few have arranged groups.
const FIRST_RATE: f32 = 0.5;
/// Edges examined at once.
const EDGES: usize = 64;

/// Parameters of the optimisation.
#[derive(Clone, Copy)]
pub struct OptimiserParams<'a> {
    /// The forces.
    pub curve: Curve,
    /// Rounds.
    pub epochs: usize,
    /// Positions that points are to stay near.
    pub anchors: Option<&'a Anchors>,
    /// Seed of the random points that repel.
    pub seed: u64,
}

/// Runs all epochs from `positions`.
///
/// # Errors
/// When cancelled.
pub fn optimise(
    graph: &Graph,
    mut positions: Vec<[f32; 2]>,
    moves: &OptimiserParams<'_>,
    cancel: &AtomicBool,
    progress: &(dyn Fn(f32) + Sync),
) -> Result<Vec<[f32; 2]>, Cancelled> {
    let shares = shares(graph);
    let mut others = ShuffledPositions::new(positions.len(), moves.seed);
    let mut next = positions.clone();
    for epoch in 0..moves.epochs {
        others.look(&positions);
        let step = Step::new(graph, &shares, &positions, &others, moves, epoch);
        next.par_chunks_mut(BLOCK).enumerate().for_each_init(Vec::new, |turns, (block, points)| {
            if !cancel.load(Ordering::Relaxed) {
                step.run(block * BLOCK, points, turns);
            }
        });
        check(cancel)?;
        std::mem::swap(&mut positions, &mut next);
        progress((epoch + 1) as f32 / moves.epochs as f32);
    }
    Ok(positions)
}

/// How often each edge acts, of 2^32 epochs: the strongest in all, others as their weight says.
fn shares(graph: &Graph) -> Vec<u32> {
    let strongest = graph.weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    graph.weights.iter().map(|weight| (f64::from(weight / strongest) * f64::from(u32::MAX)) as u32).collect()
}

/// Where the points stood when the epoch began, in random order and repeated to at least [`LANES`].
struct ShuffledPositions {
    who: Vec<u32>,
    x: Vec<f32>,
    y: Vec<f32>,
}

impl ShuffledPositions {
    fn new(count: usize, seed: u64) -> Self {
        let mut who: Vec<u32> = (0..count as u32).collect();
        who.par_sort_unstable_by_key(|&row| (hash(seed ^ hash(u64::from(row))), row));
        let who: Vec<u32> = who.iter().copied().cycle().take(count.next_multiple_of(LANES)).collect();
        Self { x: vec![0.0; who.len()], y: vec![0.0; who.len()], who }
    }

    fn look(&mut self, positions: &[[f32; 2]]) {
        let at = self.x.par_chunks_mut(BLOCK).zip(self.y.par_chunks_mut(BLOCK)).zip(self.who.par_chunks(BLOCK));
        at.for_each(|((x, y), who)| {
            for ((x, y), &row) in x.iter_mut().zip(y).zip(who) {
                [*x, *y] = positions[row as usize];
            }
        });
    }
}

/// An edge that acts in this epoch.
struct Due {
    /// Which of the block's points moves.
    point: u32,
    /// The point that attracts it.
    end: u32,
    /// Position in the shuffled copy of the points that repel it.
    among: u32,
}

struct Step<'a> {
    graph: &'a Graph,
    shares: &'a [u32],
    old: &'a [[f32; 2]],
    others: &'a ShuffledPositions,
    epoch: u32,
    /// The learning rate: [`FIRST_RATE`], then decreasing.
    rate: f32,
    anchors: Option<&'a Anchors>,
    seed: u64,
    curve: Curve,
    /// Constant factors of the two forces.
    pull: f32,
    push: f32,
    /// Weight of the repulsion, of each lane.
    repulsion: f32,
}

impl<'a> Step<'a> {
    fn new(
        graph: &'a Graph,
        shares: &'a [u32],
        old: &'a [[f32; 2]],
        others: &'a ShuffledPositions,
        moves: &OptimiserParams<'a>,
        epoch: usize,
    ) -> Self {
        let rate = FIRST_RATE * (1.0 - epoch as f32 / moves.epochs as f32).powi(2);
        let Curve { a, b } = moves.curve;
        let (pull, push) = (-2.0 * a * b, 2.0 * b);
        let repulsion = moves.anchors.map_or(REPULSION, |_| incremental::REPULSION) / (LANES - 1) as f32;
        let (epoch, &OptimiserParams { seed, curve, anchors, .. }) = (epoch as u32, moves);
        Self { graph, shares, old, others, epoch, rate, anchors, seed, curve, pull, push, repulsion }
    }

    /// Writes where the points from `first` on go in this epoch; `turns` is scratch space.
    fn run(&self, first: usize, points: &mut [[f32; 2]], turns: &mut Vec<Vec<Due>>) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was found on this machine a line above.
            return unsafe { self.run_avx2(first, points, turns) };
        }
        self.run_portable(first, points, turns);
    }

    /// The same operations in wider registers, so the same bits: nothing is fused.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn run_avx2(&self, first: usize, points: &mut [[f32; 2]], turns: &mut Vec<Vec<Due>>) {
        self.run_portable(first, points, turns);
    }

    /// First all points move by their first edge, then by their second …: consecutive steps do not wait for each other.
    #[inline(always)]
    fn run_portable(&self, first: usize, points: &mut [[f32; 2]], turns: &mut Vec<Vec<Due>>) {
        turns.iter_mut().for_each(Vec::clear);
        for (i, point) in points.iter_mut().enumerate() {
            *point = self.old[first + i];
            self.list(first + i, i as u32, turns);
        }
        for due in turns.iter().flatten() {
            let at = due.point as usize;
            points[at] = self.moved(points[at], (first + at) as u32, due);
        }
        if let Some(anchors) = self.anchors {
            points.iter_mut().enumerate().for_each(|(i, point)| anchors.draw(first + i, point, self.rate));
        }
    }

    /// Adds the edges of a vertex that act in this epoch, one a turn.
    #[inline(always)]
    fn list(&self, vertex: usize, point: u32, turns: &mut Vec<Vec<Due>>) {
        let mut random = Stream::new(self.seed, vertex as u64, u64::from(self.epoch));
        let edges = self.graph.starts[vertex]..self.graph.starts[vertex + 1];
        let (ends, shares) = (&self.graph.ends[edges.clone()], &self.shares[edges]);
        let mut turn = 0;
        for (ends, shares) in ends.chunks(EDGES).zip(shares.chunks(EDGES)) {
            let (mut due, mut n) = ([0u32; EDGES], 0);
            for (&end, &share) in ends.iter().zip(shares) {
                due[n % EDGES] = end; // always written, seldom kept: a branch would be mispredicted
                n += usize::from(self.is_due(vertex as u32, end, share));
            }
            for &end in &due[..n] {
                if turns.len() == turn {
                    turns.push(Vec::with_capacity(BLOCK));
                }
                let among = random.below(self.others.who.len() - LANES + 1) as u32;
                turns[turn].push(Due { point, end, among });
                turn += 1;
            }
        }
    }

    /// Whether an edge acts in this epoch; the phases of a vertex's edges differ.
    #[inline(always)]
    fn is_due(&self, from: u32, to: u32, share: u32) -> bool {
        let phase = from.wrapping_mul(31).wrapping_add(to.wrapping_mul(17)).wrapping_mul(1 << 26);
        share.wrapping_mul(self.epoch).wrapping_add(phase).checked_add(share).is_none()
    }

    /// One edge: its end pulls, seven of the others push.
    #[inline(always)]
    fn moved(&self, here: [f32; 2], vertex: u32, due: &Due) -> [f32; 2] {
        let (there, among) = (self.old[due.end as usize], due.among as usize);
        let (Some(xs), Some(ys), Some(who)) = (
            self.others.x[among..].first_chunk::<LANES>(),
            self.others.y[among..].first_chunk::<LANES>(),
            self.others.who[among..].first_chunk::<LANES>(),
        ) else {
            return here;
        };
        let rate = self.anchors.map_or(self.rate, |anchors| self.rate * anchors.rate(vertex as usize));
        let strongest_pull = -MAX_APPROACH / (rate * ATTRACTION);
        let (mut x, mut y) = ([0.0f32; LANES], [0.0f32; LANES]);
        // one loop without calls or branches, so that the compiler does all lanes at once
        for i in 0..LANES {
            let pulls = i == 0;
            let dx = here[0] - if pulls { there[0] } else { xs[i] };
            let dy = here[1] - if pulls { there[1] } else { ys[i] };
            let d2 = larger(dx * dx + dy * dy, 1e-30);
            let power = pow(d2, self.curve.b);
            let above = if pulls { self.pull * power } else { self.push };
            let force = above / ((d2 + if pulls { 0.0 } else { MIN_SQUARED_DISTANCE }) * (1.0 + self.curve.a * power));
            let force = if pulls { larger(force, strongest_pull) } else { force };
            let weight = if pulls { ATTRACTION } else { self.repulsion };
            let weight = if !pulls && who[i] == vertex { 0.0 } else { weight };
            x[i] = weight * limit(force * dx);
            y[i] = weight * limit(force * dy);
        }
        [here[0] + rate * sum(x), here[1] + rate * sum(y)]
    }
}

/// In pairs, as registers are added.
#[inline(always)]
fn sum(mut lanes: [f32; LANES]) -> f32 {
    for half in [4, 2, 1] {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
    }
    lanes[0]
}

/// One instruction, unlike `f32::max`, since no value here is NaN.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn limit(step: f32) -> f32 {
    let step = if step < MAX_STEP { step } else { MAX_STEP };
    larger(step, -MAX_STEP)
}

/// `x` to the power `b` for positive, normal `x`: exp2(b log2 x) by polynomials, within 1e-4. The forces need no
/// more, and unlike `powf` it is inlined, done in vector registers, and the same on every platform.
#[inline(always)]
fn pow(x: f32, b: f32) -> f32 {
    exp2(b * log2(x))
}

#[inline(always)]
fn log2(x: f32) -> f32 {
    let bits = x.to_bits();
    let exponent = (bits >> 23) as i32 - 127;
    let m = f32::from_bits((bits & 0x007f_ffff) | 0x3f80_0000);
    // ln(m) / ln 2 by its series in (m - s) / (m + s), s = sqrt 2: four terms.
    let t = (m - std::f32::consts::SQRT_2) / (m + std::f32::consts::SQRT_2);
    let t2 = t * t;
    let series = t * (2.885_39 + t2 * (0.961_796_7 + t2 * 0.577_078));
    exponent as f32 + 0.5 + series
}

#[inline(always)]
fn exp2(x: f32) -> f32 {
    /// Added to a small number it leaves the nearest whole one in the last bits.
    const WHOLE: f32 = 12_582_912.0;
    let x = larger(if x < 126.0 { x } else { 126.0 }, -126.0);
    let shifted = x + WHOLE;
    let f = x - (shifted - WHOLE);
    let fraction = 1.0
        + f * (std::f32::consts::LN_2 + f * (0.240_226_5 + f * (0.055_504_1 + f * (0.009_618_1 + f * 0.001_333_4))));
    f32::from_bits(fraction.to_bits().wrapping_add(shifted.to_bits() << 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_an_edge_approach_and_do_not_swing_past_each_other() {
        // an edge between the first two, and others that are too far away to push
        let far = (2..4096u16).map(|i| [1000.0 * f32::from(i), -1000.0]);
        let positions: Vec<[f32; 2]> = [[0.0, 0.0], [0.5, 0.0]].into_iter().chain(far).collect();
        let starts = [0, 1].into_iter().chain(std::iter::repeat_n(2, 4095)).collect();
        let graph = Graph { starts, ends: vec![1, 0], weights: vec![1.0, 1.0] };
        for seed in 0..4 {
            let moves = OptimiserParams { curve: Curve::new(0.1), epochs: 1, anchors: None, seed };
            let moved = optimise(&graph, positions.clone(), &moves, &AtomicBool::new(false), &|_| {});
            let moved = moved.expect("nobody cancelled");
            let distance = moved[1][0] - moved[0][0];
            assert!((0.0..0.5).contains(&distance), "seed {seed}: the distance was 0.5 and is {distance}");
        }
    }

    #[test]
    fn the_power_is_near_the_true_one() {
        for i in 1..4000u16 {
            let x = (f32::from(i) / 100.0 - 20.0).exp2();
            for b in [0.3, 0.895, 1.5] {
                let (got, wanted) = (pow(x, b), x.powf(b));
                assert!((got - wanted).abs() < 1e-4 * wanted, "{x}^{b}: {got} instead of {wanted}");
            }
        }
    }
}
