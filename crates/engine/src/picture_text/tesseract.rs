//! Tesseract, the program that reads text in pictures, where it is installed. It gets a picture on stdin and prints a
//! table on stdout; it writes no file.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use thiserror::Error;

use super::tsv;
use vicinity_core::worker::Worker;
use vicinity_core::{Picture, PictureText, TextLanguages};
use vicinity_media::child_process::{ChildGroup, ChildPriority, find_program};

/// Names the program where it is not on the search path.
pub const PROGRAM_VARIABLE: &str = "VICINITY_TESSERACT";
/// Where the installers for Windows put it, who do not extend the search path.
const USUAL_PLACES: [&str; 1] = ["C:\\Program Files\\Tesseract-OCR\\tesseract.exe"];
/// The longest that one picture may take.
const LIMIT: Duration = Duration::from_secs(60);
/// The longest that naming the languages may take.
const LIST_LIMIT: Duration = Duration::from_secs(20);
/// How soon a cancel is noticed.
const POLL: Duration = Duration::from_millis(20);
/// The most that is read of what it prints, bytes.
const MAX_OUTPUT: u64 = 8 << 20;
/// Finds text anywhere in the picture, in no particular order: signs and screenshots have no columns. What is whole text
/// comes in its lines all the same.
const SPARSE_TEXT: &str = "11";
/// Data that find the direction of a page, and no language.
const NO_LANGUAGES: [&str; 2] = ["osd", "equ"];
/// The program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tesseract {
    program: PathBuf,
    limit: Duration,
}

/// Why it has read nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TesseractError {
    /// It is not installed.
    #[error("Tesseract, which reads text in pictures, was not found on this computer")]
    NotFound,
    /// It cannot be started.
    #[error("Tesseract could not be started: {0}")]
    Start(String),
    /// It took too long.
    #[error("Tesseract took longer than {seconds} seconds")]
    TooSlow {
        /// The limit.
        seconds: u64,
    },
    /// It ended with an error.
    #[error("Tesseract ended with an error")]
    Failed,
    /// Nobody wants the answer any more.
    #[error("reading was cancelled")]
    Cancelled,
    /// It has no data of some languages.
    #[error("Tesseract has no data to read {missing}; installed are: {installed}")]
    MissingLanguages {
        /// Those without, `+` between two.
        missing: String,
        /// Those with.
        installed: String,
    },
}

impl Tesseract {
    /// Looks for the program: in `$VICINITY_TESSERACT`, else on the search path and where it is usually installed.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn find() -> Result<Self, TesseractError> {
        if let Some(named) = std::env::var_os(PROGRAM_VARIABLE).filter(|named| !named.is_empty()) {
            let named = PathBuf::from(named);
            return if named.is_file() { Ok(Self::at(named)) } else { Err(TesseractError::NotFound) };
        }
        let usual = USUAL_PLACES.iter().map(PathBuf::from).find(|place| place.is_file());
        find_program("tesseract").or(usual).map(Self::at).ok_or(TesseractError::NotFound)
    }

    /// A program in this place.
    pub(super) fn at(program: PathBuf) -> Self {
        Self { program, limit: LIMIT }
    }

    /// The same with another limit of time.
    #[cfg(test)]
    pub(super) fn with_limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// The languages that it has data for.
    ///
    /// # Errors
    /// When it cannot be started or gives no answer.
    pub fn languages(&self) -> Result<Vec<String>, TesseractError> {
        let mut command = Command::new(&self.program);
        command.arg("--list-langs");
        let printed = run(command, ChildPriority::Usual, Vec::new(), LIST_LIMIT, &AtomicBool::new(false))?;
        // The first line names the folder.
        let names = printed.lines().skip(1).map(str::trim).filter(|name| !NO_LANGUAGES.contains(name));
        let is_language = |name: &&str| name.parse::<TextLanguages>().is_ok_and(|one| one.to_string() == **name);
        Ok(names.filter(is_language).map(str::to_owned).collect())
    }

    /// Checks that it has data for these languages.
    ///
    /// # Errors
    /// When it has not, or gives no answer.
    pub fn check_languages(&self, languages: &TextLanguages) -> Result<(), TesseractError> {
        let installed = self.languages()?;
        let missing: Vec<&str> =
            languages.names().iter().filter(|name| !installed.contains(name)).map(String::as_str).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let installed = if installed.is_empty() { "none".to_owned() } else { installed.join(", ") };
        Err(TesseractError::MissingLanguages { missing: missing.join("+"), installed })
    }

    /// Reads the text of a picture; empty where there is none.
    ///
    /// # Errors
    /// When the program fails, takes too long, or is cancelled.
    pub fn read(
        &self,
        picture: &Picture,
        languages: &TextLanguages,
        cancelled: &AtomicBool,
    ) -> Result<PictureText, TesseractError> {
        let mut command = Command::new(&self.program);
        command.args(["stdin", "stdout", "-l", &languages.to_string(), "--psm", SPARSE_TEXT, "tsv"]);
        let table = run(command, ChildPriority::Low, as_pixmap(picture), self.limit, cancelled)?;
        Ok(tsv::parse(&table, [picture.width(), picture.height()]))
    }
}

/// The picture as a portable pixmap, which takes no time to make.
fn as_pixmap(picture: &Picture) -> Vec<u8> {
    let mut bytes = format!("P6\n{} {}\n255\n", picture.width(), picture.height()).into_bytes();
    bytes.extend_from_slice(picture.rgb());
    bytes
}

/// Runs a program with `input` on its stdin; what it prints. It is ended at the limit of time, and when it is cancelled.
fn run(
    mut command: Command,
    priority: ChildPriority,
    input: Vec<u8>,
    limit: Duration,
    cancelled: &AtomicBool,
) -> Result<String, TesseractError> {
    let start = |error: std::io::Error| TesseractError::Start(error.to_string());
    // Several threads of one process would only wait for each other.
    command.env("OMP_THREAD_LIMIT", "1").current_dir(std::env::temp_dir());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = ChildGroup::start(&mut command, priority).map_err(start)?;
    let printed = exchange(process.child(), input).map_err(start)?;
    let until = Instant::now() + limit;
    let mut output = None;
    loop {
        if cancelled.load(Ordering::Relaxed) {
            return Err(TesseractError::Cancelled);
        }
        if Instant::now() >= until {
            return Err(TesseractError::TooSlow { seconds: limit.as_secs() });
        }
        match output.take() {
            None => match printed.recv_timeout(POLL) {
                Ok(bytes) => output = Some(bytes),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(TesseractError::Failed),
            },
            Some(bytes) => match process.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
                Ok(None) => {
                    output = Some(bytes);
                    std::thread::sleep(POLL / 10);
                }
                Ok(Some(_)) | Err(_) => return Err(TesseractError::Failed),
            },
        }
    }
}

/// Threads that write the input and read the output. They end when the process does, and are not waited for: a process of
/// the process may hold the pipes for longer.
fn exchange(process: &mut Child, input: Vec<u8>) -> std::io::Result<Receiver<Vec<u8>>> {
    let pipes = process.stdin.take().zip(process.stdout.take());
    let (mut stdin, stdout) = pipes.ok_or(std::io::ErrorKind::BrokenPipe)?;
    let failed = |reason: String| log::error!("the pipes of Tesseract: {reason}");
    // One that reads nothing more may have read enough.
    let write = move || drop(stdin.write_all(&input));
    Worker::once("tesseract-input", || {}, write, failed)?.detach();
    let (sender, printed) = bounded(1);
    let read = move || {
        let mut bytes = Vec::new();
        if stdout.take(MAX_OUTPUT).read_to_end(&mut bytes).is_ok() {
            let _nobody_waits = sender.send(bytes);
        }
    };
    Worker::once("tesseract-output", || {}, read, failed)?.detach();
    Ok(printed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn languages() -> TextLanguages {
        "eng".parse().expect("a language")
    }

    fn grey() -> Picture {
        // More than a pipe holds.
        Picture::new(400, 300, vec![200; 400 * 300 * 3]).expect("a picture")
    }

    #[cfg(unix)] // Tested here.
    mod fake {
        use super::super::super::tests::fake;
        use super::*;

        #[test]
        fn a_program_that_hangs_ends_early_fails_or_prints_rubbish_costs_one_picture() {
            let dir = tempfile::tempdir().expect("a folder");
            let now = AtomicBool::new(false);
            let read = |script: &str| {
                let program = fake(dir.path(), script).with_limit(Duration::from_secs(20));
                program.read(&grey(), &languages(), &now).map(|text| text.text())
            };
            assert_eq!(read("exit 0"), Ok(String::new()));
            assert_eq!(read("exit 1"), Err(TesseractError::Failed));
            assert_eq!(read("kill -9 $$"), Err(TesseractError::Failed));
            assert_eq!(read("head -c 100000 /dev/urandom"), Ok(String::new()));
            assert_eq!(read("printf '5\\t1\\t1\\t1\\t1\\t1\\t1\\t2\\t'; exit 1"), Err(TesseractError::Failed));
            let endless = read("exec yes 'this goes on for ever'");
            assert!(endless.is_err(), "it is read no further, which ends it: {endless:?}");
            let missing = Tesseract::at(dir.path().join("missing"));
            assert!(missing.read(&grey(), &languages(), &now).is_err());
        }

        #[test]
        fn one_that_hangs_is_ended_at_the_limit_even_with_processes_of_its_own() {
            let dir = tempfile::tempdir().expect("a folder");
            for script in ["exec sleep 600", "cat >/dev/null; sleep 600", "sleep 600 & wait"] {
                let program = fake(dir.path(), script).with_limit(Duration::from_millis(300));
                let error = program.read(&grey(), &languages(), &AtomicBool::new(false));
                assert_eq!(error, Err(TesseractError::TooSlow { seconds: 0 }), "{script}");
            }
        }

        #[test]
        fn a_cancel_ends_it() {
            let dir = tempfile::tempdir().expect("a folder");
            let program = fake(dir.path(), "exec sleep 600");
            let (cancelled, picture) = (AtomicBool::new(false), grey());
            std::thread::scope(|scope| {
                let answer = scope.spawn(|| program.read(&picture, &languages(), &cancelled));
                std::thread::sleep(Duration::from_millis(100));
                cancelled.store(true, Ordering::Relaxed);
                assert_eq!(answer.join().expect("no panic"), Err(TesseractError::Cancelled));
            });
        }

        #[test]
        fn the_arguments_are_as_they_should_be_and_the_picture_arrives_whole() {
            let dir = tempfile::tempdir().expect("a folder");
            let seen = dir.path().join("seen");
            let script = format!("echo \"$@ $OMP_THREAD_LIMIT\" >'{0}'; wc -c >>'{0}'", seen.display());
            fake(dir.path(), &script).read(&grey(), &languages(), &AtomicBool::new(false)).expect("read");
            let seen = std::fs::read_to_string(seen).expect("written");
            let size = "P6\n400 300\n255\n".len() + 400 * 300 * 3;
            assert_eq!(
                seen.split_whitespace().collect::<Vec<_>>().join(" "),
                format!("stdin stdout -l eng --psm 11 tsv 1 {size}")
            );
        }

        #[test]
        fn languages_without_data_are_named() {
            let dir = tempfile::tempdir().expect("a folder");
            let list = "printf 'List of available languages in \"/usr/share\" (4):\\ndeu\\neng\\nosd\\nscript/Latin\\nno name\\n'";
            let program = fake(dir.path(), list);
            assert_eq!(program.languages().expect("an answer"), ["deu", "eng", "script/Latin"]);
            assert_eq!(program.check_languages(&languages()), Ok(()));
            let error = program.check_languages(&"eng+fra+ita".parse().expect("languages")).expect_err("no data");
            let text = "Tesseract has no data to read fra+ita; installed are: deu, eng, script/Latin";
            assert_eq!(error.to_string(), text);
        }
    }
}
