//! How a second start of the program reaches the window that has the library open already.
//!
//! By a folder `mailbox` in the library: the second start leaves a message there, which says what it was to open. The window
//! looks a few times a second, shows what is asked for, and renames the message; that is the answer. A command does not
//! answer, nor does a window that hangs: then the second start takes its message back and opens the library by itself.
//! There are no ports, and nothing is left to a system's ways, so this is the same everywhere.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{RecvTimeoutError, bounded};
use serde::{Deserialize, Serialize};

use super::event_queue::EventSender;
use super::open_request::OpenRequest;
use super::store::{self, LockHolder, paths};
use super::{Event, Severity};
use vicinity_core::worker::{Inbox, Task, Worker};

/// The folder in the library.
const FOLDER: &str = "mailbox";
/// How often the window looks.
const POLL_INTERVAL: Duration = Duration::from_millis(300);
/// A message that was not shown so long after it was sent is not shown at all.
const MAX_AGE: Duration = Duration::from_millis(900);
/// How long the sender waits: long enough for the answer to a message that was shown in the last moment.
const TIMEOUT: Duration = Duration::from_millis(1_200);
/// How long the word that a message was shown may be on its way.
const ANSWER_GRACE: Duration = Duration::from_millis(100);
/// Between two looks at whether the window has shown a message, or is being closed.
const CONFIRM_INTERVAL: Duration = Duration::from_millis(20);
/// Larger files are not messages.
const MAX_BYTES: u64 = 1 << 20;
/// Ending of a message that waits.
const WAITING: &str = "json";
/// Ending of a message that was shown.
const SHOWN: &str = "shown";

#[derive(Debug, Serialize, Deserialize)]
struct Message {
    /// Process of the sender.
    pid: u32,
    /// Milliseconds since the Unix epoch.
    sent: u64,
    /// As the catalog has them: names need not be UTF-8.
    paths: Vec<Vec<u8>>,
}

/// Hands folders and files to the window of this user on this machine that has the library open; true once it shows
/// them. False at once where there is no such window, and after a second where it does not answer.
pub fn forward(library: &Path, paths: &[PathBuf]) -> bool {
    store::holder(library).is_some_and(|holder| holder.window && !holder.closing && holder.is_here())
        && deliver(&library.join(FOLDER), paths).unwrap_or_else(|error| {
            log::info!("could not reach the window that has the library open: {error}");
            false
        })
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn deliver(folder: &Path, paths: &[PathBuf]) -> io::Result<bool> {
    let absolute = |path: &PathBuf| std::path::absolute(path).map(|path| paths::to_bytes(&path));
    let (pid, now) = (std::process::id(), since_epoch());
    let paths = paths.iter().map(absolute).collect::<io::Result<_>>()?;
    let json = serde_json::to_vec(&Message { pid, sent: now.as_millis() as u64, paths })?;
    let [waits, shown] = [WAITING, SHOWN].map(|ending| folder.join(format!("{pid}-{}.{ending}", now.as_nanos())));
    vicinity_core::atomic_file::write_cache(&waits, &json)?;
    let end = Instant::now() + TIMEOUT;
    while Instant::now() < end && !shown.exists() && waits.exists() {
        std::thread::sleep(CONFIRM_INTERVAL);
    }
    // Taken back first: what was shown in the last moment is found then.
    let back = std::fs::remove_file(&waits);
    let was_shown = std::fs::remove_file(&shown).is_ok();
    match back {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(was_shown),
    }
}

/// The window's end. Dropping it closes the mailbox.
pub(super) struct InstanceListener {
    folder: PathBuf,
    worker: Option<Worker>,
}

impl InstanceListener {
    /// Opens the mailbox of a library that this process writes, empties it, and says that a window listens here.
    pub fn open(library: &Path, event_sender: EventSender) -> io::Result<Self> {
        let folder = library.join(FOLDER);
        create_folder(&folder)?;
        for old in std::fs::read_dir(&folder)?.flatten() {
            std::fs::remove_file(old.path())?;
        }
        let inbox = Inbox::default();
        let reader = MailboxReader { folder: folder.clone(), event_sender, inbox: inbox.clone() };
        // A thread of its own: the coordinator does not answer while an import is paused.
        let worker = Worker::serve("mailbox", &inbox, reader)?;
        LockHolder::this(true).announce(library);
        Ok(Self { folder, worker: Some(worker) })
    }
}

impl Drop for InstanceListener {
    fn drop(&mut self) {
        self.worker = None;
        // Stays where a message has just come in; it is removed by its sender, or the next time.
        let _kept = std::fs::remove_dir(&self.folder);
    }
}

/// The thread that looks for messages. Nobody leaves anything in its inbox but the wish that it ends.
struct MailboxReader {
    folder: PathBuf,
    event_sender: EventSender,
    inbox: Inbox<()>,
}

impl Task for MailboxReader {
    /// A message, by the path of its file.
    type Request = PathBuf;

    fn next(&mut self) -> Option<PathBuf> {
        loop {
            let deadline = Instant::now() + POLL_INTERVAL;
            if self.inbox.wait_until(deadline, |(), closed| closed.then_some(())).is_some() {
                return None;
            }
            if let Some(message) = waiting_messages(&self.folder).into_iter().next() {
                return Some(message);
            }
        }
    }

    fn handle(&mut self, message: &mut PathBuf) {
        answer(message, &self.event_sender, &self.inbox);
    }

    fn recover(&mut self, message: Option<&mut PathBuf>, reason: &str) {
        match message {
            // whoever sent it opens the library by itself
            Some(message) => {
                let _gone = std::fs::remove_file(message);
                self.event_sender.notice(Severity::Warning, format!("Could not open what was passed on ({reason})"));
            }
            None => log::error!("a second start will open a second window: {reason}"),
        }
    }
}

/// Makes the folder. Nobody else may leave messages: what is opened is opened with this user's rights.
fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    // Tested here. On Windows the folder is open to whom the library is; libraries are stored in the user's own folder there.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Messages that wait, by name.
fn waiting_messages(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut messages: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == WAITING)).collect();
    messages.sort_unstable();
    messages
}

/// The message, and how long it is still to be shown. `None` where it is damaged or too old.
fn read(path: &Path) -> Option<(Message, Duration)> {
    let small = std::fs::metadata(path).ok()?.len() <= MAX_BYTES;
    let message: Message = small.then(|| serde_json::from_slice(&std::fs::read(path).ok()?).ok())??;
    let age = since_epoch().saturating_sub(Duration::from_millis(message.sent));
    Some((message, MAX_AGE.checked_sub(age)?))
}

/// Has the message shown, and answers; one that is not shown is removed.
fn answer(path: &Path, event_sender: &EventSender, inbox: &Inbox<()>) {
    #[cfg(test)]
    assert!(!path.ends_with("panic.json"), "a fault that a test asked for");
    let shown = read(path).is_some_and(|(message, left)| {
        log::debug!("process {} passes on {} paths", message.pid, message.paths.len());
        let (shown, confirmed) = bounded(1);
        let paths = message.paths.iter().map(|bytes| paths::from_bytes(bytes)).collect();
        let until = Instant::now() + left;
        event_sender.send(Event::OpenRequested(OpenRequest::new(paths, until, shown).into()));
        let deadline = until + ANSWER_GRACE;
        loop {
            match confirmed.recv_timeout(CONFIRM_INTERVAL) {
                Ok(()) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) if inbox.is_closed() || Instant::now() >= deadline => return false,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    });
    let done = if shown { std::fs::rename(path, path.with_extension(SHOWN)) } else { std::fs::remove_file(path) };
    if let Err(error) = done
        && error.kind() != io::ErrorKind::NotFound
    {
        log::warn!("could not answer a message: {error}: {}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Window {
        library: tempfile::TempDir,
        lock: std::fs::File,
        events: crossbeam_channel::Receiver<Event>,
        event_sender: EventSender,
        #[allow(dead_code, reason = "kept so that events are forwarded")]
        forwarder: Worker,
        listener: Option<InstanceListener>,
    }

    /// A library whose lock is held, by a window or by a command.
    fn held(window: bool) -> Window {
        let library = tempfile::tempdir().expect("a folder");
        let lock = std::fs::File::create(library.path().join("lock")).expect("a file");
        lock.try_lock().expect("nobody else has it");
        LockHolder::this(false).announce(library.path());
        let (event_sender, events, forwarder) = EventSender::start(|| {}).expect("a thread");
        let listener = window.then(|| InstanceListener::open(library.path(), event_sender.clone()).expect("opens"));
        Window { library, lock, events, event_sender, forwarder, listener }
    }

    impl Window {
        fn forward(&self, paths: &[PathBuf]) -> (bool, Duration) {
            let start = Instant::now();
            (forward(self.library.path(), paths), start.elapsed())
        }

        fn folder(&self) -> PathBuf {
            self.library.path().join(FOLDER)
        }

        fn call(&self) -> std::sync::Arc<OpenRequest> {
            match self.events.recv_timeout(Duration::from_secs(5)).expect("a call") {
                Event::OpenRequested(call) => call,
                other => panic!("{other:?}"),
            }
        }

        fn is_empty(&self) -> bool {
            std::fs::read_dir(self.folder()).expect("a folder").next().is_none()
        }
    }

    impl Drop for Window {
        fn drop(&mut self) {
            self.listener = None;
            // Wine refuses this; closing the file has the same effect.
            let _or_when_closed = self.lock.unlock();
        }
    }

    #[test]
    fn a_window_that_shows_what_is_asked_for_is_answer_enough() {
        let window = held(true);
        let given = vec![PathBuf::from("/photos/of 2024"), PathBuf::from("notes")];
        std::thread::scope(|scope| {
            let sender = scope.spawn(|| window.forward(&given));
            let paths = window.call().take().expect("fresh");
            assert_eq!(paths, given.iter().map(|path| std::path::absolute(path).expect("a path")).collect::<Vec<_>>());
            let (shown, took) = sender.join().expect("no panic");
            assert!(shown && took < TIMEOUT, "{shown} after {took:?}");
        });
        assert!(window.is_empty(), "nothing is left behind");
    }

    #[test]
    fn a_window_that_hangs_is_waited_for_a_second_and_shows_nothing_afterwards() {
        let window = held(true);
        let (shown, took) = window.forward(&["/photos".into()]);
        assert!(!shown && took < TIMEOUT + Duration::from_secs(2), "{shown} after {took:?}");
        let call = window.call();
        std::thread::sleep(MAX_AGE);
        assert_eq!(call.take(), None, "the second start has opened it by itself");
        assert!(window.is_empty());
    }

    #[test]
    fn stale_and_strange_messages_are_removed_unread() {
        let mut window = held(true);
        let leave = |window: &Window, name: &str, age: u64, bytes: Option<Vec<u8>>| {
            let sent = since_epoch().as_millis() as u64 - age;
            let json = serde_json::to_vec(&Message { pid: 1, sent, paths: Vec::new() }).expect("JSON");
            std::fs::write(window.folder().join(name), bytes.unwrap_or(json)).expect("written");
        };
        window.listener = None;
        create_folder(&window.folder()).expect("a folder");
        leave(&window, "1.json", 0, None); // left for an earlier window
        leave(&window, "1.shown", 0, None);
        window.listener =
            Some(InstanceListener::open(window.library.path(), window.event_sender.clone()).expect("opens"));
        leave(&window, "2.json", 2_000, None); // its sender was killed
        leave(&window, "3.json", 0, Some(b"{".to_vec()));
        leave(&window, "4.json", 0, Some(vec![b' '; 2 << 20]));
        let end = Instant::now() + Duration::from_secs(5);
        while !window.is_empty() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(window.is_empty());
        assert!(window.events.is_empty(), "nothing was shown");
    }

    #[test]
    fn a_message_that_makes_the_window_panic_is_removed_and_the_next_one_is_shown() {
        let window = held(true);
        std::fs::write(window.folder().join("panic.json"), "{}").expect("written");
        let Event::Notice(notice) = window.events.recv_timeout(Duration::from_secs(5)).expect("a notice") else {
            panic!("no notice");
        };
        assert!(notice.text.contains("a fault that a test asked for"), "{}", notice.text);
        std::thread::scope(|scope| {
            let sender = scope.spawn(|| window.forward(&[]));
            assert!(window.call().take().is_some());
            assert!(sender.join().expect("no panic").0);
        });
        assert!(window.is_empty());
    }

    #[test]
    fn nobody_is_waited_for_where_nobody_can_answer() {
        let at_once = |window: &Window| {
            let (shown, took) = window.forward(&[]);
            !shown && took < Duration::from_millis(500)
        };
        assert!(at_once(&held(false)), "a command");
        let window = held(true);
        LockHolder { host: "elsewhere".to_owned(), ..LockHolder::this(true) }.announce(window.library.path());
        assert!(at_once(&window), "another machine");
        LockHolder::this(true).announce(window.library.path());
        window.lock.unlock().expect("ours");
        assert!(at_once(&window), "a window that was killed leaves its name, but no lock");
    }

    // Tested here; Windows has no such bits.
    #[cfg(unix)]
    #[test]
    fn nobody_else_may_leave_messages() {
        use std::os::unix::fs::PermissionsExt as _;
        let window = held(true);
        let mode = std::fs::metadata(window.folder()).expect("a folder").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
