//! Moves the points of a layout along the edges of the graph, and away from random others.
//!
//! UMAP's objective (McInnes, Healy and Melville 2018, section 3.2) with one change: in an epoch every point moves by
//! itself, looking at where all others stood when the epoch began, and its random numbers are a hash of epoch and
//! point. The result therefore does not depend on threads or their timing.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::fuzzy::Graph;
use super::random::Stream;
use super::{Cancelled, check};

/// Points a task.
const BLOCK: usize = 256;
/// Random points that push for each edge that pulls.
const NEGATIVES: usize = 5;
/// The longest step along one axis that a single force can cause, before the learning rate.
const LONGEST_STEP: f32 = 4.0;

/// Similarity in the layout: 1 / (1 + a d^2b).
#[derive(Debug, Clone, Copy)]
pub struct Curve {
    a: f32,
    b: f32,
}

impl Curve {
    /// The least-squares fit to: 1 up to `min_dist`, then exp(min_dist - d), for d up to 3.
    pub fn new(min_dist: f32) -> Self {
        let min_dist = f64::from(min_dist.clamp(0.0, 2.0));
        let error = |a: f64, b: f64| -> f64 {
            (1..=300)
                .map(|i| {
                    let d = f64::from(i) / 100.0;
                    let wanted = if d <= min_dist { 1.0 } else { (min_dist - d).exp() };
                    (wanted - 1.0 / (1.0 + a * d.powf(2.0 * b))).powi(2)
                })
                .sum()
        };
        let (mut a, mut b, mut step) = (1.5f64, 0.9f64, 0.4f64);
        let mut least = error(a, b);
        while step > 1e-5 {
            let around =
                [(step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step), (step, -step / 4.0), (-step, step / 4.0)];
            let best = around
                .iter()
                .map(|(da, db)| ((a + da).max(1e-3), (b + db).max(1e-3)))
                .map(|(a, b)| (error(a, b), a, b))
                .min_by(|x, y| x.0.total_cmp(&y.0));
            match best {
                Some((value, na, nb)) if value < least => (least, a, b) = (value, na, nb),
                _ => step /= 2.0,
            }
        }
        Self { a: a as f32, b: b as f32 }
    }
}

/// Runs `epochs` epochs from `positions`.
///
/// # Errors
/// When cancelled.
pub fn optimise(
    graph: &Graph,
    mut positions: Vec<[f32; 2]>,
    curve: Curve,
    epochs: usize,
    seed: u64,
    cancel: &AtomicBool,
    progress: &(dyn Fn(f32) + Sync),
) -> Result<Vec<[f32; 2]>, Cancelled> {
    let strongest = graph.weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let mut next = positions.clone();
    for epoch in 0..epochs {
        let step = Step { graph, old: &positions, curve, strongest, epoch, epochs, seed };
        next.par_chunks_mut(BLOCK).enumerate().for_each(|(block, points)| {
            if cancel.load(Ordering::Relaxed) {
                return;
            }
            for (i, point) in points.iter_mut().enumerate() {
                *point = step.moved(block * BLOCK + i);
            }
        });
        check(cancel)?;
        std::mem::swap(&mut positions, &mut next);
        progress((epoch + 1) as f32 / epochs as f32);
    }
    Ok(positions)
}

struct Step<'a> {
    graph: &'a Graph,
    old: &'a [[f32; 2]],
    curve: Curve,
    strongest: f32,
    epoch: usize,
    epochs: usize,
    seed: u64,
}

impl Step<'_> {
    /// Where a point goes in this epoch.
    fn moved(&self, vertex: usize) -> [f32; 2] {
        let rate = 1.0 - self.epoch as f32 / self.epochs as f32;
        let mut random = Stream::new(self.seed, vertex as u64, self.epoch as u64);
        let mut here = self.old[vertex];
        for (end, weight) in self.graph.edges(vertex) {
            if !self.is_due(vertex, end, weight / self.strongest) {
                continue;
            }
            // Twice: UMAP moves both ends for each direction in which it keeps the edge.
            for _ in 0..2 {
                self.pull(&mut here, self.old[end], rate);
            }
            for _ in 0..NEGATIVES {
                let other = random.below(self.old.len());
                if other != vertex {
                    self.push(&mut here, self.old[other], rate);
                }
            }
        }
        here
    }

    /// Whether an edge acts in this epoch: the strongest in each, others as often as their weight says.
    fn is_due(&self, from: usize, to: usize, share: f32) -> bool {
        let phase = (from.wrapping_mul(31).wrapping_add(to.wrapping_mul(17)) & 63) as f32 / 64.0;
        let before = self.epoch as f32 * share + phase;
        (before + share).floor() > before.floor()
    }

    fn pull(&self, here: &mut [f32; 2], there: [f32; 2], rate: f32) {
        let (dx, dy) = (here[0] - there[0], here[1] - there[1]);
        let d2 = dx * dx + dy * dy;
        if d2 <= f32::MIN_POSITIVE {
            return;
        }
        let power = pow(d2, self.curve.b);
        let force = -2.0 * self.curve.a * self.curve.b * power / (d2 * (1.0 + self.curve.a * power));
        here[0] += rate * limit(force * dx);
        here[1] += rate * limit(force * dy);
    }

    fn push(&self, here: &mut [f32; 2], there: [f32; 2], rate: f32) {
        let (dx, dy) = (here[0] - there[0], here[1] - there[1]);
        let d2 = dx * dx + dy * dy;
        if d2 <= f32::MIN_POSITIVE {
            return;
        }
        let power = pow(d2, self.curve.b);
        let force = 2.0 * self.curve.b / ((0.001 + d2) * (1.0 + self.curve.a * power));
        here[0] += rate * limit(force * dx);
        here[1] += rate * limit(force * dy);
    }
}

fn limit(step: f32) -> f32 {
    step.clamp(-LONGEST_STEP, LONGEST_STEP)
}

/// `x` to the power `b` for positive, normal `x`: exp2(b log2 x) by polynomials, within 1e-4. The forces need no
/// more, and unlike `powf` it is inlined and the same on every platform.
fn pow(x: f32, b: f32) -> f32 {
    exp2(b * log2(x))
}

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

fn exp2(x: f32) -> f32 {
    let x = x.clamp(-126.0, 126.0);
    let whole = x.floor();
    let f = x - whole;
    let fraction =
        1.0 + f * (std::f32::consts::LN_2 + f * (0.240_226_5 + f * (0.055_504_1 + f * (0.009_618_1 + f * 0.001_504))));
    f32::from_bits(((whole as i32 + 127) as u32) << 23) * fraction
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn the_curve_is_the_published_one_for_the_default() {
        let curve = Curve::new(0.1);
        // umap-learn's `find_ab_params(1.0, 0.1)`.
        assert!((curve.a - 1.577).abs() < 0.01 && (curve.b - 0.895).abs() < 0.005, "{curve:?}");
    }
}
