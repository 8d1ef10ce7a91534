//! The largest eigenvectors of a symmetric operator, by Lanczos iteration with full reorthogonalisation.
//!
//! Made for layouts: a Ritz vector that has not fully converged is still a smooth, usable axis.

use rayon::prelude::*;

use super::Cancelled;
use super::random::Stream;

/// Elements per task; sums are taken block by block in order, so they do not depend on the number of threads.
const BLOCK: usize = 8192;

/// Eigenvectors for the `want` largest eigenvalues of `apply`, largest first, among those orthogonal to `away_from` (unit
/// vectors). `apply(x, y)` sets `y` to the operator's value at `x`. Of equal eigenvalues only that vector is found which
/// `start` has the largest part of.
///
/// # Errors
/// As `apply`.
pub fn largest(
    start: Vec<f32>,
    want: usize,
    steps: usize,
    away_from: &[Vec<f32>],
    apply: impl Fn(&[f32], &mut [f32]) -> Result<(), Cancelled>,
) -> Result<Vec<Vec<f32>>, Cancelled> {
    let n = start.len();
    let steps = steps.min(n.saturating_sub(away_from.len()));
    let mut basis: Vec<Vec<f32>> = Vec::with_capacity(steps);
    let mut tridiagonal = vec![0.0f64; steps * steps];
    let mut scale = 0.0f64;
    let mut next = start;
    normalise(&mut next);
    make_orthogonal(&mut next, away_from, &basis);
    if dot(&next, &next) < 1e-6 {
        next = random_vector(n, 0);
        make_orthogonal(&mut next, away_from, &basis);
    }
    normalise(&mut next);
    for step in 0..steps {
        basis.push(next);
        let mut image = vec![0.0f32; n];
        apply(&basis[step], &mut image)?;
        let alpha = dot(&basis[step], &image);
        tridiagonal[step * steps + step] = alpha;
        make_orthogonal(&mut image, away_from, &basis);
        let beta = dot(&image, &image).sqrt();
        scale = scale.max(alpha.abs()).max(beta);
        if step + 1 == steps {
            break;
        }
        if beta > 1e-6 * scale {
            tridiagonal[step * steps + step + 1] = beta;
            tridiagonal[(step + 1) * steps + step] = beta;
        } else {
            // The space so far is closed under the operator (equal eigenvalues, low rank): continue in a new direction.
            image = random_vector(n, step as u64 + 1);
            make_orthogonal(&mut image, away_from, &basis);
        }
        normalise(&mut image);
        next = image;
    }
    let vectors = symmetric_eigenvectors(tridiagonal, steps);
    Ok(vectors.iter().take(want).map(|weights| combine(&basis, weights, n)).collect())
}

/// The `which`-th of some random vectors of length `n`, always the same.
pub fn random_vector(n: usize, which: u64) -> Vec<f32> {
    let mut random = Stream::new(0x1a9c_2005, which, 0);
    (0..n).map(|_| random.signed()).collect()
}

/// Removes from `x` its parts along `a` and `b`; twice, since once leaves rounding errors behind.
fn make_orthogonal(x: &mut [f32], a: &[Vec<f32>], b: &[Vec<f32>]) {
    for _ in 0..2 {
        for axis in a.iter().chain(b) {
            let along = dot(axis, x) as f32;
            x.par_chunks_mut(BLOCK).zip(axis.par_chunks(BLOCK)).for_each(|(x, axis)| {
                for (x, a) in x.iter_mut().zip(axis) {
                    *x -= along * a;
                }
            });
        }
    }
}

fn normalise(x: &mut [f32]) {
    let norm = dot(x, x).sqrt();
    if norm > 0.0 {
        let factor = (1.0 / norm) as f32;
        x.par_chunks_mut(BLOCK).for_each(|x| x.iter_mut().for_each(|x| *x *= factor));
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    let parts: Vec<f64> = a
        .par_chunks(BLOCK)
        .zip(b.par_chunks(BLOCK))
        .map(|(a, b)| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum())
        .collect();
    parts.iter().sum()
}

fn combine(basis: &[Vec<f32>], weights: &[f64], n: usize) -> Vec<f32> {
    let mut out = vec![0.0f32; n];
    for (axis, &weight) in basis.iter().zip(weights) {
        for (o, a) in out.iter_mut().zip(axis) {
            *o += weight as f32 * a;
        }
    }
    normalise(&mut out);
    out
}

/// Eigenvectors of a small symmetric matrix by Jacobi rotations, largest eigenvalue first.
fn symmetric_eigenvectors(mut a: Vec<f64>, n: usize) -> Vec<Vec<f64>> {
    let mut v = vec![0.0f64; n * n]; // row i: the i-th eigenvector
    for i in 0..n {
        v[i * n + i] = 1.0;
    }
    for _sweep in 0..30 {
        let mut moved = false;
        for p in 0..n {
            for q in p + 1..n {
                moved |= rotate(&mut a, &mut v, n, p, q);
            }
        }
        if !moved {
            break;
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[j * n + j].total_cmp(&a[i * n + i]));
    order.into_iter().map(|i| v[i * n..(i + 1) * n].to_vec()).collect()
}

/// Makes `a[p][q]` zero; returns `false` if it was practically zero.
fn rotate(a: &mut [f64], v: &mut [f64], n: usize, p: usize, q: usize) -> bool {
    let off = a[p * n + q];
    let (app, aqq) = (a[p * n + p], a[q * n + q]);
    if off.abs() <= 1e-14 * (app.abs() + aqq.abs()) + 1e-300 {
        return false;
    }
    let theta = (aqq - app) / (2.0 * off);
    let t = if theta >= 0.0 { 1.0 } else { -1.0 } / (theta.abs() + (theta * theta + 1.0).sqrt());
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for k in 0..n {
        let (akp, akq) = (a[k * n + p], a[k * n + q]);
        a[k * n + p] = c * akp - s * akq;
        a[k * n + q] = s * akp + c * akq;
    }
    for k in 0..n {
        let (apk, aqk) = (a[p * n + k], a[q * n + k]);
        a[p * n + k] = c * apk - s * aqk;
        a[q * n + k] = s * apk + c * aqk;
        let (vpk, vqk) = (v[p * n + k], v[q * n + k]);
        v[p * n + k] = c * vpk - s * vqk;
        v[q * n + k] = s * vpk + c * vqk;
    }
    true
}
