//! How fast the picture tower of a folder with a CLIP or SigLIP is, and with `--peer PYTHON` how fast ONNX Runtime and
//! PyTorch are with the same weights in the same run.
//!
//! ```text
//! cargo bench --bench vit -- FOLDER --peer /path/to/python [--batches 8,32] [--threads 1,2] [--engines ort,torch,bf16,faster]
//!     [--precision bf16] [--device cuda]
//! ```
//! On a graphics card (`--device`) the model is compared with the CPU first, and PyTorch uses the same card (engines torch, f16, bf16); pixels
//! start and vectors end in the computer's memory on both sides. `scripts/measure-cuda` runs this for all models.
//!
//! PYTHON needs what `benches/peers/vit.py` says. They take turns, and the least time of all rounds counts, so that
//! other work on the machine disturbs all alike. CPU time is read from Linux' /proc.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use vicinity_models::compute_target::{ComputeTarget, Precision};
use vicinity_models::device::{DeviceChoice, DeviceId};
use vicinity_models::{Model, device, golden};

/// The program's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 4;
/// Bytes of the largest model's weights, for which a card keeps room.
const WEIGHTS: u64 = 2 << 30;

/// Least wall and CPU time of one batch, in ms.
#[derive(Clone, Copy)]
struct Times {
    wall: f64,
    cpu: f64,
}

impl Times {
    const NONE: Self = Self { wall: f64::INFINITY, cpu: f64::INFINITY };

    fn least(self, other: Self) -> Self {
        Self { wall: self.wall.min(other.wall), cpu: self.cpu.min(other.cpu) }
    }
}

/// CPU time of all threads, in ms; 0 where the system does not tell.
fn cpu_ms() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let spent = |path: std::path::PathBuf| -> Option<f64> {
        std::fs::read_to_string(path.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
    };
    tasks.filter_map(|task| spent(task.path())).sum::<f64>() / 1e6
}

/// A Python process that times the others.
struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(python: &str, folder: &str, device: DeviceId) -> Self {
        // Cargo starts benchmarks in the project's folder.
        let mut command = Command::new(python);
        command.args(["benches/peers/vit.py", folder, &device.to_string()]).env("OMP_WAIT_POLICY", "PASSIVE");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the peer starts");
        let input = child.stdin.take().expect("piped");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("the peer answers");
        println!("peer: PyTorch {}", line.trim_start_matches("ready ").trim());
        Self { child, input, output }
    }

    fn time(&mut self, engine: &str, batch: usize, threads: usize, repeats: usize) -> Times {
        writeln!(self.input, "{engine} {batch} {threads} {repeats}").expect("the peer listens");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the peer answers");
        let mut numbers = line.split_whitespace().map(|n| n.parse().expect("two numbers"));
        Times { wall: numbers.next().expect("wall time"), cpu: numbers.next().expect("CPU time") }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ours(model: &Model, batch: usize, threads: usize, repeats: usize) -> Times {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let pixels = vec![model.image.prepare(&golden::picture(400, 300)); batch];
    let work = || drop(model.image.embed(&pixels).expect("embedded"));
    pool.install(|| {
        work();
        (0..repeats).fold(Times::NONE, |least, _| {
            let (wall, cpu) = (Instant::now(), cpu_ms());
            work();
            least.least(Times { wall: wall.elapsed().as_secs_f64() * 1e3, cpu: cpu_ms() - cpu })
        })
    })
}

fn compare(model: &Model, peer: Option<&mut Peer>, engines: &[&str], batch: usize, threads: usize) {
    let repeats = (32 / batch).clamp(2, 8);
    let (mut own, mut theirs, mut peer) = (Times::NONE, vec![Times::NONE; engines.len()], peer);
    for _ in 0..ROUNDS {
        own = own.least(ours(model, batch, threads, repeats));
        if let Some(peer) = peer.as_deref_mut() {
            for (least, engine) in theirs.iter_mut().zip(engines) {
                *least = least.least(peer.time(engine, batch, threads, repeats));
            }
        }
    }
    let rate = |ms: f64| batch as f64 / ms * 1e3;
    let show = |name: &str, times: Times| {
        println!(
            "batch {batch:3}, {threads} threads  {name:8} {:8.1} ms wall {:8.1} ms CPU {:7.1} pictures/s  = {:.2} x wall, {:.2} x CPU",
            times.wall,
            times.cpu,
            rate(times.wall),
            times.wall / own.wall,
            times.cpu / own.cpu
        );
    };
    show("vicinity", own);
    if peer.is_some() {
        theirs.into_iter().zip(engines).for_each(|(times, name)| show(name, times));
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let option = |name: &str| arguments.iter().position(|a| a == name).and_then(|i| arguments.get(i + 1));
    let list = |name: &str, default: &str| -> Vec<usize> {
        let list = option(name).map_or(default, String::as_str);
        list.split(',').map(|n| n.parse().expect("a list of numbers")).collect()
    };
    let Some(folder) = arguments.first().filter(|a| !a.starts_with("--")) else {
        return println!("no folder with a model was given");
    };
    let asked = option("--device").map_or("cpu", String::as_str).parse().expect("auto, cpu, cuda, cuda:1 or metal");
    let id = if let DeviceChoice::This(id) = asked { id } else { device::devices().last().expect("a CPU").id };
    let device = device::find(id).unwrap_or_else(|error| panic!("{error}"));
    println!("{}, {} {}", device.name, device.features, device.driver);
    let start = Instant::now();
    let all = [Precision::F32, Precision::F16, Precision::Bf16];
    let named = |word: &String| all.into_iter().find(|precision| precision.as_str() == word).expect("f32, f16 or bf16");
    let precision = option("--precision").map_or(Precision::F32, named);
    let load = |target: &ComputeTarget| vicinity_models::load_on(Path::new(folder), target).expect("it loads");
    let model = load(&device.open(precision, WEIGHTS).expect("the device opens"));
    println!("{} loaded in {:.2} s in {}", model.info.title, start.elapsed().as_secs_f64(), precision.as_str());
    if id != DeviceId::Cpu {
        let vectors = |model: &Model| golden::vectors(model).expect("embedded");
        let cosine = golden::agreement(&vectors(&load(&ComputeTarget::cpu())), &vectors(&model));
        println!("golden check: cosine {cosine:.6} with the CPU's f32, at least {} is needed", golden::MIN_COSINE);
    }
    // PyTorch's bf16 ends with an illegal instruction on some virtual machines, so it is not among these.
    let engines: Vec<&str> = option("--engines").map_or("ort,torch", String::as_str).split(',').collect();
    let mut peer = option("--peer").map(|python| Peer::start(python, folder, id));
    for threads in list("--threads", "1,2") {
        for batch in list("--batches", "1,8,32") {
            compare(&model, peer.as_mut(), &engines, batch, threads);
        }
    }
}
