//! Map layouts: time, processor time and quality, beside umap-learn on the same data in the same run.
//!
//! `cargo bench -p vicinity-layout --bench project -- [--points 5000,70000] [--dim 768]
//! [--data islands,smooth] [--vectors A.npy,B.npy] [--seeds 1] [--known 500] [--only neighbours] [--peer PYTHON]`.
//! With `--vectors`, the vectors are those of these files instead (f32; `vicinity export` writes such files, not centred).
//! Trustworthiness and preservation (the share of the nearest that are also nearest on the map) are means over `--seeds`.
//! Recall is that of `--known` rows against all others; `--only neighbours` looks for neighbours and does nothing else.
//! With `--peer`, the Python given (with `umap-learn` installed) lays the same vectors out by `benches/peers/umap_learn.py`.

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
/// Rows on which quality is computed, each against all.
const SAMPLE: usize = 4000;
/// Up to so many rows the exact search is timed too.
const EXACT: usize = 100_000;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1));
    let number = |name: &str, usual| value(name).and_then(|d| d.parse().ok()).unwrap_or(usual);
    let (dim, known) = (number("--dim", 768), number("--known", 500));
    let options = Options {
        known,
        seeds: number("--seeds", 1) as u64,
        only_neighbours: value("--only").is_some(),
        peer: value("--peer").map(String::as_str),
    };
    if let Some(files) = value("--vectors") {
        for file in files.split(',') {
            let (vectors, dim) = read_npy(Path::new(file))?;
            compare(file, vectors, dim, &options)?;
        }
        return Ok(());
    }
    for data in value("--data").map_or("islands,smooth", String::as_str).split(',') {
        for count in value("--points").map_or("5000,70000", String::as_str).split(',').filter_map(|n| n.parse().ok()) {
            let vectors = if data == "smooth" { smooth(count, dim) } else { islands(count, dim) };
            compare(data, vectors, dim, &options)?;
        }
    }
    Ok(())
}

struct Options<'a> {
    known: usize,
    seeds: u64,
    only_neighbours: bool,
    peer: Option<&'a str>,
}

fn compare(name: &str, mut vectors: Vec<f32>, dim: usize, options: &Options<'_>) -> io::Result<()> {
    vectors.par_chunks_exact_mut(dim).for_each(to_unit);
    println!("{} x {dim}, {name}, {} threads", vectors.len() / dim, rayon::current_num_threads());
    quick_neighbours(&VectorTable::new(&vectors, dim), &vectors, options.known);
    if options.only_neighbours {
        return Ok(());
    }
    let truth = Truth::new(&vectors, dim);
    ours(&truth, options.seeds);
    options.peer.map_or(Ok(()), |python| peer(python, &truth, options.seeds))
}

fn quick_neighbours(table: &VectorTable<'_>, vectors: &[f32], known: usize) {
    let (took, found) = timed(|| approximate(table, NEIGHBOURS, &GO_ON, &|_| {}));
    let recall = found.map_or(0.0, |found| recall(vectors, table.dim(), &found, known));
    println!("  {:20}{took}   recall@{NEIGHBOURS} {recall:.4}", "quick neighbours");
}

fn ours(truth: &Truth<'_>, seeds: u64) {
    let (table, dim) = (&truth.table, truth.table.dim());
    let (took, positions) = timed(|| pca(table, &GO_ON));
    report("pca", &[(took, positions.unwrap_or_default())], truth);
    if table.count() <= EXACT {
        let (took, _) = timed(|| knn(truth.vectors, dim, NEIGHBOURS, &GO_ON));
        println!("  {:20}{took}", "exact neighbours");
    }
    let run = |seed| {
        let params = UmapParams { seed, ..UmapParams::default() };
        let (took, positions) = timed(|| umap(table, &params, None, &GO_ON, &|_, _| {}));
        (took, positions.unwrap_or_default())
    };
    report("umap (whole)", &(0..seeds).map(run).collect::<Vec<_>>(), truth);
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

/// The vectors, and the nearest by cosine of some rows.
struct Truth<'a> {
    vectors: &'a [f32],
    table: VectorTable<'a>,
    nearest: Vec<(usize, Vec<usize>)>,
}

impl<'a> Truth<'a> {
    fn new(vectors: &'a [f32], dim: usize) -> Self {
        let count = vectors.len() / dim;
        let of = |i: usize| {
            let row = i * count / count.min(SAMPLE);
            (row, nearest(count, row, |other| distance(vectors, dim, row, other)))
        };
        let nearest = (0..count.min(SAMPLE)).into_par_iter().map(of).collect();
        Self { vectors, table: VectorTable::new(vectors, dim), nearest }
    }

    fn preservation(&self, positions: &[MapPos]) -> f64 {
        let kept = |(row, truth): &(usize, Vec<usize>)| {
            let far = |other: usize| {
                let (p, q) = (positions[*row], positions[other]);
                (p.x - q.x).hypot(p.y - q.y)
            };
            let near = nearest(positions.len(), *row, far);
            truth.iter().filter(|other| near.contains(other)).count()
        };
        self.nearest.par_iter().map(kept).sum::<usize>() as f64 / (self.nearest.len() * NEIGHBOURS) as f64
    }
}

/// The other rows at the smallest distances.
fn nearest(count: usize, row: usize, distance: impl Fn(usize) -> f32) -> Vec<usize> {
    let mut all: Vec<(f32, usize)> = (0..count).filter(|other| *other != row).map(|o| (distance(o), o)).collect();
    let k = NEIGHBOURS.min(all.len());
    all.select_nth_unstable_by(k.saturating_sub(1), |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    all[..k].iter().map(|other| other.1).collect()
}

/// A layout and what it took.
type Run = (Took, Vec<MapPos>);

/// Means over all runs.
fn report(name: &str, runs: &[Run], truth: &Truth<'_>) {
    let mean = |of: &dyn Fn(&Run) -> f64| runs.iter().map(of).sum::<f64>() / runs.len().max(1) as f64;
    let took = Took(mean(&|run| run.0.0), mean(&|run| run.0.1));
    let trust = mean(&|run| f64::from(trustworthiness(&truth.table, &run.1, NEIGHBOURS, SAMPLE)));
    let kept = mean(&|run| truth.preservation(&run.1));
    println!("  {name:20}{took}   trustworthiness@{NEIGHBOURS} {trust:.4}   preservation@{NEIGHBOURS} {kept:.4}");
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
    });
    vectors
}

fn to_unit(row: &mut [f32]) {
    let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
    row.iter_mut().for_each(|x| *x /= length.max(f32::MIN_POSITIVE));
}

fn peer(python: &str, truth: &Truth<'_>, seeds: u64) -> io::Result<()> {
    let folder = std::env::temp_dir().join(format!("vicinity-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let (input, output) = (folder.join("vectors.npy"), folder.join("positions"));
    write_npy(&input, truth.vectors, truth.table.dim())?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/peers/umap_learn.py");
    let answer = Command::new(python).arg(script).arg(&input).arg(&output).arg(seeds.to_string()).output()?;
    let words = String::from_utf8_lossy(&answer.stdout);
    let numbers: Vec<f64> = words.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let mut runs = Vec::new();
    for (seed, took) in numbers.chunks_exact(2).enumerate() {
        let (positions, _) = read_npy(&output.with_extension(format!("{seed}.npy")))?;
        let positions = positions.chunks_exact(2).map(|p| MapPos { x: p[0], y: p[1] }).collect();
        runs.push((Took(took[0], took[1]), positions));
    }
    if runs.is_empty() {
        println!("  umap-learn failed: {}", String::from_utf8_lossy(&answer.stderr));
    } else {
        report("umap-learn (whole)", &runs, truth);
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

/// The numbers of a file of f32 with two dimensions, and the length of a row.
fn read_npy(path: &Path) -> io::Result<(Vec<f32>, usize)> {
    let bad = || io::Error::new(io::ErrorKind::InvalidData, format!("{} is no table of f32", path.display()));
    let bytes = std::fs::read(path)?;
    let length = bytes.get(8..10).map_or(0, |b| usize::from(u16::from_le_bytes([b[0], b[1]])));
    let header = String::from_utf8_lossy(bytes.get(10..10 + length).ok_or_else(bad)?).into_owned();
    let shape = header.split("'shape': (").nth(1).and_then(|rest| rest.split(')').next()).ok_or_else(bad)?;
    let dim = shape.split(',').nth(1).and_then(|dim| dim.trim().parse().ok()).filter(|dim| *dim > 0).ok_or_else(bad)?;
    if !header.contains("'<f4'") {
        return Err(bad());
    }
    let number = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    Ok((bytes[10 + length..].chunks_exact(4).map(number).collect(), dim))
}
