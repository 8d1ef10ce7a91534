//! How long a picture of 12 megapixels takes in each format, from the file's bytes to upright sRGB of at most 2,048 pixels,
//! and with `--peer PYTHON` how long Pillow takes for the same file in the same run.
//!
//! ```text
//! cargo bench --bench decode -- --peer /path/to/python [PHOTO or DOCUMENT…]
//! ```
//! Of PDF documents among the photos each page is timed, its picture and its text, beside Poppler's `pdftoppm`, which draws
//! as many pixels.
//!
//! PYTHON needs what `benches/peers/decode.py` says; it also writes the files, from a made-up picture. Other photos may be
//! named. Both use one thread of their own; the least time of all rounds counts.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use vicinity_media::{Content, PartContent, ReadOptions, decode_helper};

/// The program's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;

/// A Python process that writes the files and times Pillow.
struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(python: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/decode.py");
        let mut command = Command::new(python);
        let mut child =
            command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the peer starts");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut peer = Self { child, input, output };
        println!("peer: Pillow {}", peer.line());
        peer
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the peer answers");
        line.trim().to_owned()
    }

    fn ask(&mut self, verb: &str, path: &Path) -> String {
        writeln!(self.input, "{verb} {}", path.display()).expect("the peer listens");
        self.line()
    }

    /// Milliseconds; `None` where it cannot read the file.
    fn time(&mut self, path: &Path) -> Option<f64> {
        self.ask("time", path).parse().ok()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn time(path: &Path) -> Option<f64> {
    let bytes = std::fs::read(path).expect("it is there");
    let start = Instant::now();
    let content = vicinity_media::read(path, &bytes, &ReadOptions::default());
    let ms = start.elapsed().as_secs_f64() * 1e3;
    matches!(content, Ok(Some(Content::Image { .. }))).then_some(ms)
}

/// Milliseconds per page of a document, and the number of its pages.
fn time_pages(path: &Path) -> Option<(f64, usize)> {
    let bytes = std::fs::read(path).expect("it is there");
    let start = Instant::now();
    let Ok(Some(Content::Parts(parts))) = vicinity_media::read(path, &bytes, &ReadOptions::default()) else {
        return None;
    };
    let pages = parts.flatten().filter(|part| matches!(part.content, PartContent::Picture { .. })).count();
    Some((start.elapsed().as_secs_f64() * 1e3 / pages.max(1) as f64, pages))
}

/// Milliseconds that Poppler takes for a document.
fn time_poppler(path: &Path, folder: &Path) -> Option<f64> {
    let start = Instant::now();
    let status = Command::new("pdftoppm").args(["-scale-to", "1600"]).arg(path).arg(folder.join("page")).status();
    status.is_ok_and(|status| status.success()).then(|| start.elapsed().as_secs_f64() * 1e3)
}

fn compare_pages(path: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    let Some((_, pages)) = time_pages(path) else { return println!("{}: not read", path.display()) };
    let ours = least((0..ROUNDS).map(|_| time_pages(path).map(|(ms, _)| ms)));
    let theirs = least((0..ROUNDS).map(|_| time_poppler(path, folder.path()))).map(|ms| ms / pages as f64);
    let ratio = ours.zip(theirs).map_or(String::new(), |(ours, theirs)| format!("= {:.2} x", theirs / ours));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let shown = |ms: Option<f64>| ms.map_or_else(|| "not read".to_owned(), |ms| format!("{ms:.1} ms"));
    println!("{name:22} {pages:4} pages  vicinity {:>9}  pdftoppm {:>9} {ratio} per page", shown(ours), shown(theirs));
}

fn least(times: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    times.fold(None, |least: Option<f64>, time| Some(least.map_or(time?, |least| least.min(time.unwrap_or(least)))))
}

fn shown(ms: Option<f64>) -> String {
    ms.map_or_else(|| "not read".to_owned(), |ms| format!("{ms:.0} ms"))
}

fn main() {
    decode_helper::use_program(env!("CARGO_BIN_EXE_vicinity").into());
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let at = arguments.iter().position(|argument| argument == "--peer");
    let mut peer = at.and_then(|at| arguments.get(at + 1)).map(|python| Peer::start(python));
    let named = arguments.iter().enumerate().filter(|(n, _)| at.is_none_or(|at| *n != at && *n != at + 1));
    let mut files: Vec<PathBuf> = named.map(|(_, path)| path.into()).collect();
    let folder = tempfile::tempdir().expect("a folder");
    if let Some(peer) = peer.as_mut() {
        let written = peer.ask("write", folder.path());
        files.extend(written.split('\t').filter(|name| !name.is_empty()).map(|name| folder.path().join(name)));
    }
    let is_document = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "pdf");
    let (documents, files): (Vec<PathBuf>, Vec<PathBuf>) = files.into_iter().partition(is_document);
    documents.iter().for_each(|path| compare_pages(path));
    for path in files {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(time(&path));
            theirs.extend(peer.as_mut().map(|peer| peer.time(&path)));
        }
        let (ours, theirs) = (least(ours.into_iter()), least(theirs.into_iter()));
        let ratio = ours.zip(theirs).map_or(String::new(), |(ours, theirs)| format!("= {:.2} x", theirs / ours));
        let megabytes = path.metadata().map_or(0.0, |file| file.len() as f64 / 1e6);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        println!("{name:22} {megabytes:6.1} MB  vicinity {:>9}  Pillow {:>9} {ratio}", shown(ours), shown(theirs));
    }
}
