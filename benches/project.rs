//! Map layouts: time, processor time and trustworthiness, beside umap-learn on the same data in the same run.
//!
//! `cargo bench --bench project -- [--points 5000,70000] [--dim 768] [--data islands,smooth] [--known 500]
//! [--only neighbours] [--peer PYTHON]`.
//! Recall is that of `--known` rows against all others; `--only neighbours` looks for neighbours and does nothing else. With `--peer`, the Python given (with `umap-learn` installed)
//! lays the same vectors out by `benches/peers/umap_learn.py`.

use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use rayon::prelude::*;
use vicinity_core::MapPos;
use vicinity_layout::{Knn, UmapParams, VectorSource, VectorTable, approximate, knn, pca, trustworthiness, umap};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

static GO_ON: AtomicBool = AtomicBool::new(false);

const NEIGHBOURS: usize = 15;
/// Rows on which trustworthiness is computed, each against all.
const SAMPLE: usize = 2000;
/// Up to so many rows the exact search is timed too.
const EXACT: usize = 100_000;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1));
    let number = |name: &str, usual| value(name).and_then(|d| d.parse().ok()).unwrap_or(usual);
    let (dim, known) = (number("--dim", 768), number("--known", 500));
    for data in value("--data").map_or("islands,smooth", String::as_str).split(',') {
        for count in value("--points").map_or("5000,70000", String::as_str).split(',').filter_map(|n| n.parse().ok()) {
            let vectors = if data == "smooth" { smooth(count, dim) } else { islands(count, dim) };
            println!("{count} x {dim}, {data}, {} threads", rayon::current_num_threads());
            quick_neighbours(&VectorTable::new(&vectors, dim), &vectors, known);
            if value("--only").is_some() {
                continue;
            }
            ours(&vectors, dim);
            if let Some(python) = value("--peer") {
                peer(python, &vectors, dim)?;
            }
        }
    }
    Ok(())
}

fn quick_neighbours(table: &VectorTable<'_>, vectors: &[f32], known: usize) {
    let (took, found) = timed(|| approximate(table, NEIGHBOURS, &GO_ON, &|_| {}));
    let recall = found.map_or(0.0, |found| recall(vectors, table.dim(), &found, known));
    println!("  {:20}{took}   recall@{NEIGHBOURS} {recall:.4}", "quick neighbours");
}

fn ours(vectors: &[f32], dim: usize) {
    let table = VectorTable::new(vectors, dim);
    let (took, positions) = timed(|| pca(&table, &GO_ON));
    report("pca", took, &table, &positions.unwrap_or_default());
    if table.count() <= EXACT {
        let (took, _) = timed(|| knn(vectors, dim, NEIGHBOURS, &GO_ON));
        println!("  {:20}{took}", "exact neighbours");
    }
    let (took, positions) = timed(|| umap(&table, &UmapParams::default(), None, &GO_ON, &|_, _| {}));
    report("umap (whole)", took, &table, &positions.unwrap_or_default());
}

/// The share of the true neighbours of `known` evenly spread rows that were found, by similarity: equal ones count.
fn recall(vectors: &[f32], dim: usize, found: &Knn, known: usize) -> f64 {
    let count = vectors.len() / dim;
    let of_row = |i: usize| {
        let row = i * count / known;
        let mut distances: Vec<f32> =
            (0..count).filter(|o| *o != row).map(|o| distance(vectors, dim, row, o)).collect();
        let last = *distances.select_nth_unstable_by(found.k - 1, f32::total_cmp).1;
        found.distances[row * found.k..][..found.k].iter().filter(|d| **d <= last + 1e-6).count()
    };
    (0..known).into_par_iter().map(of_row).sum::<usize>() as f64 / (known * found.k) as f64
}

/// Rows are of length 1.
fn distance(vectors: &[f32], dim: usize, a: usize, b: usize) -> f32 {
    let (a, b) = (&vectors[a * dim..][..dim], &vectors[b * dim..][..dim]);
    let mut sums = [0.0f32; 16];
    for (a, b) in a.chunks(16).zip(b.chunks(16)) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    1.0 - sums.iter().sum::<f32>()
}

fn report(name: &str, took: Took, table: &VectorTable<'_>, positions: &[MapPos]) {
    let trust = trustworthiness(table, positions, NEIGHBOURS, SAMPLE);
    println!("  {name:20}{took}   trustworthiness@{NEIGHBOURS} {trust:.4}");
}

/// Seconds by the clock, and of all processors together.
struct Took(f64, f64);

impl std::fmt::Display for Took {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:8.2} s {:8.2} s CPU", self.0, self.1)
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (Took, T) {
    let (start, used) = (Instant::now(), processor_seconds());
    let result = work();
    (Took(start.elapsed().as_secs_f64(), processor_seconds() - used), result)
}

/// User and system time of this process so far, where there is `/proc`.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Normal numbers that depend on the seed alone.
fn normals(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 + 0.5) / (1u32 << 24) as f32
    };
    for _ in 0..4 {
        uniform();
    }
    move || (-2.0 * uniform().ln()).sqrt() * (std::f32::consts::TAU * uniform()).cos()
}

/// Fifty islands of noise: each coordinate normal around a random centre. Who is whose neighbour within an island is
/// chance, in all dimensions.
fn islands(count: usize, dim: usize) -> Vec<f32> {
    const ISLANDS: usize = 50;
    let mut normal = normals(0);
    let centres: Vec<f32> = (0..ISLANDS * dim).map(|_| normal()).collect();
    filled(count, dim, |i, row| {
        let mut normal = normals(1 + i as u64);
        row.iter_mut().zip(&centres[i % ISLANDS * dim..]).for_each(|(x, centre)| *x = centre + normal());
    })
}

/// Groups of groups on a curved surface of 48 directions, each weaker than the one before, with some noise: more like
/// what models make of pictures and texts.
fn smooth(count: usize, dim: usize) -> Vec<f32> {
    const DIRECTIONS: usize = 48;
    let mut normal = normals(0);
    let mixing: Vec<f32> = (0..DIRECTIONS * dim).map(|_| normal()).collect();
    let scales: Vec<f32> = (1..=DIRECTIONS).map(|i| 0.5 / (i as f32).sqrt()).collect();
    filled(count, dim, |i, row| {
        let (mut topic, mut subject) = (normals(1 + i as u64 % 40), normals(1000 + i as u64 % 1000));
        let mut own = normals(10_000 + i as u64);
        for (direction, scale) in mixing.chunks_exact(dim).zip(&scales) {
            let weight = scale * (topic() + 0.6 * subject() + 0.5 * own());
            row.iter_mut().zip(direction).for_each(|(x, d)| *x += weight * d);
        }
        row.iter_mut().for_each(|x| *x = x.sin() + 0.15 * own());
    })
}

fn filled(count: usize, dim: usize, fill: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let mut vectors = vec![0.0f32; count * dim];
    vectors.par_chunks_exact_mut(dim).enumerate().for_each(|(i, row)| {
        fill(i, row);
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        row.iter_mut().for_each(|x| *x /= length);
    });
    vectors
}

fn peer(python: &str, vectors: &[f32], dim: usize) -> io::Result<()> {
    let folder = std::env::temp_dir().join(format!("vicinity-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let (input, output) = (folder.join("vectors.npy"), folder.join("positions.npy"));
    write_npy(&input, vectors, dim)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/umap_learn.py");
    let answer = Command::new(python).arg(script).arg(&input).arg(&output).output()?;
    let words = String::from_utf8_lossy(&answer.stdout);
    let numbers: Vec<f64> = words.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers[..] {
        [seconds, used] => {
            report(
                "umap-learn (whole)",
                Took(seconds, used),
                &VectorTable::new(vectors, dim),
                &read_positions(&output)?,
            );
        }
        _ => println!("  umap-learn failed: {}", String::from_utf8_lossy(&answer.stderr)),
    }
    std::fs::remove_dir_all(folder)
}

fn write_npy(path: &Path, values: &[f32], dim: usize) -> io::Result<()> {
    let shape = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {dim}), }}", values.len() / dim);
    let header = format!("{shape:<117}\n"); // 10 + 118 bytes: a multiple of 64
    let mut file = io::BufWriter::new(std::fs::File::create(path)?);
    file.write_all(b"\x93NUMPY\x01\x00")?;
    file.write_all(&(header.len() as u16).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    for value in values {
        file.write_all(&value.to_le_bytes())?;
    }
    file.flush()
}

fn read_positions(path: &Path) -> io::Result<Vec<MapPos>> {
    let bytes = std::fs::read(path)?;
    let header = bytes.get(8..10).map_or(0, |b| usize::from(u16::from_le_bytes([b[0], b[1]])));
    let numbers: Vec<f32> =
        bytes[10 + header..].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    Ok(numbers.chunks_exact(2).map(|p| MapPos { x: p[0], y: p[1] }).collect())
}
