//! Map layouts: time and trustworthiness, beside umap-learn on the same data in the same run.
//!
//! `cargo bench --bench project -- [--points 5000,70000] [--dim 768] [--peer PYTHON]`. With `--peer`, the Python given
//! (with `umap-learn` installed) lays the same vectors out by `benches/peers/umap_learn.py`.

use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use vicinity::domain::MapPos;
use vicinity::engine::project2d::{UmapParams, knn, pca, trustworthiness, umap};

const CLUSTERS: usize = 50;
const NEIGHBOURS: usize = 15;
/// Rows on which trustworthiness is computed, each against all.
const SAMPLE: usize = 2000;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1));
    let dim = value("--dim").and_then(|d| d.parse().ok()).unwrap_or(768);
    let points = value("--points").map_or("5000,70000", String::as_str);
    for count in points.split(',').filter_map(|n| n.parse().ok()) {
        let vectors = mixture(count, dim);
        println!("{count} x {dim}, {CLUSTERS} Gaussian clusters, {} threads", rayon::current_num_threads());
        ours(&vectors, dim);
        if let Some(python) = value("--peer") {
            peer(python, &vectors, dim)?;
        }
    }
    Ok(())
}

fn ours(vectors: &[f32], dim: usize) {
    let go_on = AtomicBool::new(false);
    let (seconds, positions) = timed(|| pca(vectors, dim, &go_on));
    report("pca", seconds, vectors, dim, &positions.unwrap_or_default());
    let (seconds, _) = timed(|| knn(vectors, dim, NEIGHBOURS, &go_on));
    println!("  {:24}{seconds:8.2} s", "exact neighbours alone");
    let (seconds, positions) = timed(|| umap(vectors, dim, &UmapParams::default(), &go_on, &|_| {}));
    report("umap (whole)", seconds, vectors, dim, &positions.unwrap_or_default());
}

fn report(name: &str, seconds: f64, vectors: &[f32], dim: usize, positions: &[MapPos]) {
    let trust = trustworthiness(vectors, dim, positions, NEIGHBOURS, SAMPLE);
    println!("  {name:24}{seconds:8.2} s   trustworthiness@{NEIGHBOURS} {trust:.4}");
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed().as_secs_f64(), result)
}

/// Points around random centres, all coordinates standard normal, brought to unit length.
fn mixture(count: usize, dim: usize) -> Vec<f32> {
    let mut state = 0x5eed_u64;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 + 0.5) / (1u32 << 24) as f32
    };
    let mut normal = move || (-2.0 * uniform().ln()).sqrt() * (std::f32::consts::TAU * uniform()).cos();
    let centres: Vec<f32> = (0..CLUSTERS * dim).map(|_| normal()).collect();
    let mut vectors = Vec::with_capacity(count * dim);
    for i in 0..count {
        let centre = &centres[i % CLUSTERS * dim..][..dim];
        let row: Vec<f32> = centre.iter().map(|c| c + normal()).collect();
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        vectors.extend(row.iter().map(|x| x / length));
    }
    vectors
}

fn peer(python: &str, vectors: &[f32], dim: usize) -> io::Result<()> {
    let folder = std::env::temp_dir().join(format!("vicinity-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let (input, output) = (folder.join("vectors.npy"), folder.join("positions.npy"));
    write_npy(&input, vectors, dim)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/umap_learn.py");
    let answer = Command::new(python).arg(script).arg(&input).arg(&output).output()?;
    match String::from_utf8_lossy(&answer.stdout).trim().parse() {
        Ok(seconds) => report("umap-learn (whole)", seconds, vectors, dim, &read_positions(&output)?),
        Err(_) => println!("  umap-learn failed: {}", String::from_utf8_lossy(&answer.stderr)),
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
