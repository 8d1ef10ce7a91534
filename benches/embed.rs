//! How long the built-in model takes, and with `--peer PYTHON` how long PyTorch and ONNX Runtime take for the same in
//! the same run.
//!
//! ```text
//! cargo bench --bench embed -- --peer /path/to/python
//! ```
//! PYTHON needs what `benches/peers/embed_torch.py` and `starter.py` say. They take turns, and the least time of all
//! rounds counts, so that other work on the machine disturbs all alike. CPU time is read from Linux' /proc.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use vicinity_models::{Model, TextOptions, builtin, golden};

/// The program's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;
const TEXTS: [&str; 4] =
    ["a photo of a dog", "Two children play football in the rain.", "golf ball", "a plate of food on a wooden table"];

/// Least wall and CPU time of one repeat, in ms.
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

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:8.2} ms wall {:8.2} ms CPU", self.wall, self.cpu)
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

fn time(repeats: usize, mut work: impl FnMut()) -> Times {
    work();
    (0..repeats).fold(Times::NONE, |least, _| {
        let (wall, cpu) = (Instant::now(), cpu_ms());
        work();
        least.least(Times { wall: wall.elapsed().as_secs_f64() * 1e3, cpu: cpu_ms() - cpu })
    })
}

/// A Python process that times PyTorch.
struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(python: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/embed_torch.py");
        let mut child = Command::new(python)
            .arg(script)
            .env("OMP_WAIT_POLICY", "PASSIVE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the peer starts");
        let input = child.stdin.take().expect("piped");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("the peer answers");
        println!("peer: PyTorch {}", line.trim_start_matches("ready ").trim());
        Self { child, input, output }
    }

    fn time(&mut self, task: &str, repeats: usize) -> Times {
        writeln!(self.input, "{task} {repeats}").expect("the peer listens");
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

fn image(model: &Model, batch: usize, threads: usize, repeats: usize) -> Times {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let pixels = vec![model.image.prepare(&golden::picture(400, 300)); batch];
    pool.install(|| time(repeats, || drop(model.image.embed(&pixels).expect("embedded"))))
}

fn text(model: &Model, batch: usize, threads: usize, repeats: usize) -> Times {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let texts: Vec<&str> = TEXTS.iter().copied().cycle().take(batch).collect();
    pool.install(|| time(repeats, || drop(model.text.embed(&texts, TextOptions::default()).expect("embedded"))))
}

/// A task of both sides: the same work in turns.
fn compare(
    name: &str,
    peer: Option<&mut Peer>,
    peer_tasks: &[String],
    repeats: usize,
    mut ours: impl FnMut(usize) -> Times,
) {
    let (mut own, mut theirs) = (Times::NONE, vec![Times::NONE; peer_tasks.len()]);
    let mut peer = peer;
    for _ in 0..ROUNDS {
        own = own.least(ours(repeats));
        if let Some(peer) = peer.as_deref_mut() {
            for (least, task) in theirs.iter_mut().zip(peer_tasks) {
                *least = least.least(peer.time(task, repeats));
            }
        }
    }
    println!("{name:34} vicinity    {own}");
    if peer.is_some() {
        for (task, times) in peer_tasks.iter().zip(theirs) {
            let task = task.split(' ').next().unwrap_or_default();
            let (wall, cpu) = (times.wall / own.wall, times.cpu / own.cpu);
            println!("{:34} {task:11} {times}  = {wall:.2} x wall, {cpu:.2} x CPU", "");
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let peer = arguments.iter().position(|a| a == "--peer").and_then(|i| arguments.get(i + 1));
    let mut peer = peer.map(|python| Peer::start(python));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let device = &vicinity_models::device::devices()[0];
    println!("{}, {}, {threads} threads", device.name, device.features);
    println!("load                               {}", time(3, || drop(builtin::load().expect("it loads"))));
    let model = builtin::load().expect("it loads");
    let large = golden::picture(4000, 3000);
    println!("prepare a 12-megapixel picture     {}", time(3, || drop(model.image.prepare(&large))));
    let small = golden::picture(500, 375);
    println!("prepare a 500x375 picture          {}", time(20, || drop(model.image.prepare(&small))));
    let tasks = |batch, threads| ["image", "image_cl", "image_ort"].map(|t| format!("{t} {batch} {threads}"));
    compare("1 picture, 1 thread", peer.as_mut(), &tasks(1, 1), 10, |n| image(&model, 1, 1, n));
    compare("16 pictures, all threads", peer.as_mut(), &tasks(16, threads), 3, |n| image(&model, 16, threads, n));
    compare("1 text, 1 thread", peer.as_mut(), &["text 1 1".to_owned()], 20, |n| text(&model, 1, 1, n));
    let task = format!("text 64 {threads}");
    compare("64 texts, all threads", peer.as_mut(), &[task], 5, |n| text(&model, 64, threads, n));
}
