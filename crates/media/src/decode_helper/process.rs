//! The helpers of a program: started when they are needed, used again, and ended when they take too long.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use vicinity_core::monitor::Monitor;
use vicinity_core::worker;

use super::protocol::{self, Decoded};
use crate::cancel::CancelFlag;
use crate::child_process::{ChildPriority, set_apart};
use crate::error::ReadError;
use crate::formats::PictureFormat;

/// Helpers that wait for work; further ones are ended.
const MAX_IDLE: usize = 4;

/// Helpers of one program.
pub struct HelperPool {
    program: PathBuf,
    arguments: Vec<OsString>,
    limit: Duration,
    idle: Mutex<Vec<Helper>>,
}

/// How often it is looked whether reading was cancelled.
const POLL: Duration = Duration::from_millis(50);
/// The longest that a drawing may take: a small file of a few lines can ask for any amount of work.
const DRAWING_LIMIT: Duration = Duration::from_secs(20);

impl HelperPool {
    /// Of a program that is a helper when it is started with these arguments. `limit`: the longest that a picture may
    /// take.
    pub fn new(program: PathBuf, arguments: Vec<OsString>, limit: Duration) -> Self {
        Self { program, arguments, limit, idle: Mutex::default() }
    }

    /// Decodes a picture.
    ///
    /// # Errors
    /// When it is damaged, too large, or of a kind that is not read; when the helper cannot be started, ends or takes
    /// too long.
    pub fn decode(&self, bytes: &[u8], format: PictureFormat, cancelled: &CancelFlag) -> Result<Decoded, ReadError> {
        let limit = if format == PictureFormat::Svg { self.limit.min(DRAWING_LIMIT) } else { self.limit };
        // The first may have ended before it got the file, or for lack of memory that other programs used.
        for waiting in [self.waiting(), None] {
            let mut helper = waiting.map_or_else(|| self.start(), Ok)?;
            match helper.decode(bytes, format, limit, cancelled) {
                Err(ReadError::DecoderStopped) => {}
                Err(error) => return Err(error),
                Ok(answer) => {
                    self.keep(helper);
                    return answer;
                }
            }
        }
        Err(ReadError::DecoderStopped)
    }

    /// Keeps a helper for the next file.
    pub fn keep(&self, helper: Helper) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(helper);
        }
    }

    /// A helper that still runs.
    pub fn waiting(&self) -> Option<Helper> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mut helper) = idle.pop() {
            if matches!(helper.child.try_wait(), Ok(None)) {
                return Some(helper);
            }
        }
        None
    }

    /// A new helper.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(&self) -> Result<Helper, ReadError> {
        self.spawn().map_err(|error| {
            log::warn!("a decoder could not be started: {error}");
            ReadError::NoDecoder
        })
    }

    fn spawn(&self) -> io::Result<Helper> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(std::env::temp_dir());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        set_apart(&mut command, ChildPriority::Usual);
        let mut child = command.spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Helper { child, input: Some(input), output })
    }
}

/// A running helper.
pub struct Helper {
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
}

impl Helper {
    /// The answer about a picture; an error where there is none, after which the helper is of no more use.
    fn decode(
        &mut self,
        bytes: &[u8],
        format: PictureFormat,
        limit: Duration,
        cancelled: &CancelFlag,
    ) -> Result<Result<Decoded, ReadError>, ReadError> {
        self.ask(limit, cancelled, |input, output| {
            // A helper reads all of a file before it answers.
            protocol::write_request(input, format, bytes)?;
            protocol::read_answer(output, format)
        })
    }

    /// The answer to a question; an error where there is none within the limit, after which the helper is of no more use.
    pub fn ask<T>(
        &mut self,
        limit: Duration,
        cancelled: &CancelFlag,
        question: impl FnOnce(&mut ChildStdin, &mut ChildStdout) -> io::Result<T>,
    ) -> Result<T, ReadError> {
        let Self { child, input: Some(input), output } = self else { return Err(ReadError::DecoderStopped) };
        let (is_done, too_slow) = (Monitor::new(false), AtomicBool::new(false));
        let deadline = Instant::now() + limit;
        let watch = || {
            let is_cancelled = || cancelled.load(Ordering::Relaxed);
            while !is_cancelled() && Instant::now() < deadline {
                let until = deadline.min(Instant::now() + POLL);
                if is_done.wait_until(until, |done| done.then_some(())).is_some() {
                    return;
                }
            }
            too_slow.store(!is_cancelled(), Ordering::Release);
            // Fails only if it has ended.
            let _ended = child.kill();
        };
        let answer = thread::scope(|scope| {
            let failed = |reason: String| log::error!("the time limit of a decoder: {reason}");
            worker::scoped(scope, "decode-time", watch, failed)?;
            let answer = question(input, output);
            is_done.update(|done| *done = true);
            answer
        });
        answer.map_err(|error| {
            if cancelled.load(Ordering::Relaxed) {
                return ReadError::Cancelled;
            }
            log::warn!("a decoder gave no answer: {error}");
            match too_slow.load(Ordering::Acquire) {
                true => ReadError::DecoderTooSlow { seconds: limit.as_secs() },
                false => ReadError::DecoderStopped,
            }
        })
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // It would end by itself without this, but not while it decodes.
        self.input = None;
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[cfg(unix)] // Tested here.
#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> HelperPool {
        HelperPool::new("/bin/sh".into(), vec!["-c".into(), script.into()], limit)
    }

    #[test]
    fn a_decoder_that_ends_hangs_or_lies_costs_one_file() {
        let (short, long) = (Duration::from_millis(300), Duration::from_secs(60));
        let error =
            |pool: &HelperPool| pool.decode(&[7; 300_000], PictureFormat::Avif, &CancelFlag::default()).unwrap_err();
        assert_eq!(error(&shell("exit 0", long)), ReadError::DecoderStopped);
        assert_eq!(error(&shell("kill -ABRT $$", long)), ReadError::DecoderStopped);
        assert_eq!(error(&shell("echo this is no picture at all", long)), ReadError::DecoderStopped);
        // The second one does not even read its input, which is more than a pipe holds.
        for script in ["cat >/dev/null; exec sleep 600", "exec sleep 600"] {
            assert_eq!(error(&shell(script, short)), ReadError::DecoderTooSlow { seconds: 0 });
        }
        let missing = HelperPool::new("/nowhere/at/all".into(), Vec::new(), long);
        assert_eq!(error(&missing), ReadError::NoDecoder);
    }

    #[test]
    fn a_cancel_ends_a_decoder_soon_and_blames_no_file() {
        let cancelled = CancelFlag::default();
        let pool = shell("exec sleep 600", Duration::from_secs(600));
        let error = thread::scope(|scope| {
            let decoding = scope.spawn(|| pool.decode(&[7; 300_000], PictureFormat::Avif, &cancelled));
            thread::sleep(Duration::from_millis(100));
            cancelled.store(true, Ordering::Relaxed);
            decoding.join().unwrap().unwrap_err()
        });
        assert_eq!(error, ReadError::Cancelled);
        assert!(pool.idle.lock().unwrap().is_empty(), "it is not used again");
    }

    #[test]
    fn a_decoder_is_used_again_and_replaced_once_it_has_ended() {
        // Answers two files with "no pixels", naming its process in a file, then ends.
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("started");
        let answer = "head -c 12 >/dev/null; head -c 17 /dev/zero | tr '\\000' '\\004'";
        let pool = shell(&format!("echo x >>{}; {answer}; {answer}", list.display()), Duration::from_secs(60));
        for _ in 0..4 {
            let error = pool.decode(b"abc", PictureFormat::Svg, &CancelFlag::default()).unwrap_err();
            assert_eq!(
                error,
                ReadError::Picture(crate::PictureError::NoPixels),
                "also if it was ending when it got the file"
            );
        }
        assert_eq!(std::fs::read_to_string(list).unwrap().lines().count(), 2);
    }
}
