//! The program `ffmpeg`: where it is, how it is called, and how it is ended.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::container::VideoFormat;
use crate::child_process::{ChildGroup, ChildPriority, find_program};

/// Time of the processor after which the program ends itself, seconds: also when nobody is there to end it.
const PROCESSOR_SECONDS: &str = "1500";
/// The most pixels of a frame: twice those of 8K.
const MAX_PIXELS: &str = "70000000";
/// The most bytes that it allocates at once.
const MAX_ALLOCATION: &str = "1000000000";
/// Address space of the program, bytes.
#[cfg(target_os = "linux")] // Tested here.
const ADDRESS_SPACE: u64 = 6 << 30;
/// How long a program that has closed its output may take to end.
const ENDING: Duration = Duration::from_secs(5);
/// Kept from it: this variable would have it write reports into files.
const REPORT_VARIABLE: &str = "FFREPORT";

/// Whether videos can be read.
pub fn is_available() -> bool {
    Ffmpeg::find().is_some()
}

/// An `ffmpeg` that may be started.
#[derive(Debug, Clone)]
pub struct Ffmpeg {
    /// Path of the program.
    pub program: PathBuf,
    /// The longest wait for one frame.
    pub frame_limit: Duration,
    /// The longest that reading one file may take.
    pub file_limit: Duration,
}

/// Which frames are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frames {
    /// Those that the file stores as whole pictures, at most one per second; the others are not decoded.
    WholePictures,
    /// All, of which one per second is given.
    EverySecond,
    /// The first alone.
    First,
}

/// What is read of a video.
#[derive(Debug, Clone, Copy)]
pub struct FrameRequest<'a> {
    /// Path of the video.
    pub path: &'a Path,
    /// What it is.
    pub format: VideoFormat,
    /// Where reading begins, milliseconds.
    pub from_ms: u32,
    /// Which frames are read.
    pub frames: Frames,
    /// Longest side of the frames, pixels; smaller ones are not enlarged.
    pub longest_side: u32,
}

impl Ffmpeg {
    /// A given program.
    pub fn new(program: PathBuf) -> Self {
        Self { program, frame_limit: Duration::from_secs(60), file_limit: Duration::from_secs(20 * 60) }
    }

    /// The one in the folders where the system looks for programs.
    pub fn find() -> Option<Self> {
        find_program("ffmpeg").map(Self::new)
    }

    /// Starts it.
    pub(super) fn start(&self, request: &FrameRequest<'_>) -> io::Result<(Running, ChildStdout, ChildStderr)> {
        let mut command = Command::new(&self.program);
        command.args(arguments(request)).current_dir(std::env::temp_dir());
        command.env_remove(REPORT_VARIABLE).env("AV_LOG_FORCE_NOCOLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut group = ChildGroup::start(&mut command, ChildPriority::Low)?;
        limit(group.child());
        let pipes = group.child().stdout.take().zip(group.child().stderr.take());
        let (output, messages) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok((Running(group), output, messages))
    }
}

fn arguments(request: &FrameRequest<'_>) -> Vec<OsString> {
    let FrameRequest { path, format, from_ms, frames, longest_side } = *request;
    let mut all: Vec<OsString> = Vec::new();
    let mut add = |words: &[&str]| all.extend(words.iter().map(Into::into));
    add(&["-hide_banner", "-nostdin", "-nostats", "-loglevel", "info", "-filter_threads", "1"]);
    add(&["-max_alloc", MAX_ALLOCATION, "-timelimit", PROCESSOR_SECONDS]);
    // Of the file.
    add(&["-threads", "1", "-max_pixels", MAX_PIXELS, "-protocol_whitelist", "file"]);
    if frames == Frames::WholePictures {
        add(&["-skip_frame", "nokey", "-discard:v", "nokey"]);
    }
    if from_ms > 0 {
        add(&["-ss", &format!("{}.{:03}", from_ms / 1000, from_ms % 1000)]);
    }
    add(&["-f", format.demuxer(), "-i"]);
    // Without it a name may begin as an option or an address does.
    let mut source = OsString::from("file:");
    // It runs in another folder.
    source.push(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
    all.push(source);
    let mut add = |words: &[&str]| all.extend(words.iter().map(Into::into));
    add(&["-map", "0:V:0", "-an", "-sn", "-dn", "-filter:v", &filters(frames, longest_side)]);
    if frames == Frames::First {
        add(&["-frames:v", "1"]);
    }
    // The rate is that of the filters, so that no frame is repeated or left out.
    add(&["-r", "25", "-c:v", "ppm", "-f", "image2pipe", "pipe:1"]);
    all
}

/// At most one frame per second; its time and size are said; square pixels, scaled down; then evenly spaced.
fn filters(frames: Frames, longest_side: u32) -> String {
    let every_second = r"select=isnan(prev_selected_t)+gte(t-prev_selected_t\,1),";
    let select = if frames == Frames::First { "" } else { every_second };
    let scaled = |side: &str| format!(r"'max(1\,round({side}*min(1\,{longest_side}/max(iw*sar\,ih))))'");
    let (width, height) = (scaled("iw*sar"), scaled("ih"));
    format!(
        "{select}settb=1/1000,showinfo=checksum=0,scale=w={width}:h={height},setsar=1,format=rgb24,settb=1/25,setpts=N"
    )
}

/// A running `ffmpeg`; ended when it is dropped.
#[derive(Debug)]
pub struct Running(ChildGroup);

impl Running {
    /// How a program ended that has closed its output; `None` where it does not end.
    pub fn status(&mut self) -> Option<ExitStatus> {
        let deadline = Instant::now() + ENDING;
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(2)),
                _ => return None,
            }
        }
    }
}

/// A system that refuses a limit has none.
#[cfg(target_os = "linux")] // Tested here.
fn limit(child: &Child) {
    for (resource, most) in [(libc::RLIMIT_AS, ADDRESS_SPACE), (libc::RLIMIT_FSIZE, 0), (libc::RLIMIT_CORE, 0)] {
        let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
        // SAFETY: it reads a value that lives longer than the call, and writes nothing. The child was not waited for, so no
        // other process has its number.
        unsafe { libc::prlimit(child.id().cast_signed(), resource, &raw const limit, std::ptr::null_mut()) };
    }
}

#[cfg(not(target_os = "linux"))] // Compiled by `scripts/windows` and `scripts/macos-check`.
fn limit(_: &Child) {}
