//! Follows changes in the folders of a collection while a window has its library open: files that come, change, move or go
//! are noticed without a request.
//!
//! The system reports changes on local disks. A report only says that something has changed. One pass over all folders,
//! which reads no unchanged file, finds out what. So a burst of any size costs one pass, and it does not matter which of
//! its reports are lost. Where no system reports what others change (network drives), and where it watches no more
//! folders, a pass runs once a minute instead.

#[cfg(target_os = "linux")] // Tested here.
mod mounts;
mod network_drive;

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use notify::event::{EventKind, ModifyKind};
use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::event_queue::EventSender;
use super::import::NumberedJob;
use super::import_control::ImportControl;
use super::library::Library;
use super::scan::{Excludes, FolderWalk};
use super::{Job, Severity};
use vicinity_core::worker::{Inbox, Task, Worker};

/// A pass begins once nothing has changed for so long.
const QUIET: Duration = Duration::from_millis(400);
/// A pass begins so long after the first change, though there are more.
const LATEST: Duration = Duration::from_secs(2);
/// How often the roots themselves are looked at: one may vanish with its disk, or be new.
const LOOK: Duration = Duration::from_secs(1);
/// How often the end of a pass is looked for.
const TICK: Duration = Duration::from_millis(50);
/// How often folders are gone through whose changes are not reported.
const POLL: Duration = Duration::from_secs(60);
/// The longest that a pass which found something is thought to have walked.
const MOST_WALKED: Duration = Duration::from_millis(500);
/// How many times as long as a pass takes the time to the next one is, so that a folder that never rests does not keep the
/// program busy.
const REST: u32 = 4;
/// Reports whose paths are kept; what comes after them counts as a change, whatever it is.
const MAX_REPORTS: usize = 1024;

/// What the system has reported since the last pass.
#[derive(Default)]
struct Reports {
    paths: Vec<PathBuf>,
    /// When the last one came.
    last: Option<Instant>,
    /// Whether others were lost.
    lost: bool,
    /// Whether the system watches no more folders.
    at_limit: bool,
}

impl Reports {
    fn add(&mut self, paths: Vec<PathBuf>) {
        self.last = Some(Instant::now());
        let room = MAX_REPORTS.saturating_sub(self.paths.len());
        self.paths.extend(paths.into_iter().take(room));
    }
}

/// How changes of a root are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    /// The system reports them, for the folder with this mark.
    Reported(u64),
    /// By looking at all of its files once a minute.
    Polled,
    /// By its size and time: it is a file.
    File(u64, Option<SystemTime>),
    /// It is not there.
    Missing,
}

/// The thread that follows the folders of one library. Ends when it is dropped.
pub struct FolderWatcher {
    _worker: Worker,
}

impl FolderWatcher {
    /// Begins with a pass, for what has changed while nobody looked.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(
        library: Library,
        control: ImportControl,
        jobs: Inbox<VecDeque<NumberedJob>>,
        event_sender: EventSender,
    ) -> std::io::Result<Self> {
        let reports = Inbox::new(Reports::default());
        let follower = Follower {
            reports: reports.clone(),
            library,
            control,
            jobs,
            event_sender,
            watcher: None,
            roots: BTreeMap::new(),
            changed: Some(Instant::now()),
            pace: Duration::ZERO,
            rests_until: Instant::now(),
            polls_at: Instant::now() + POLL,
            limit_reported: false,
        };
        Ok(Self { _worker: Worker::serve("watch", &reports, follower)? })
    }
}

struct Follower {
    reports: Inbox<Reports>,
    library: Library,
    control: ImportControl,
    jobs: Inbox<VecDeque<NumberedJob>>,
    event_sender: EventSender,
    /// Made when it is first needed.
    watcher: Option<RecommendedWatcher>,
    roots: BTreeMap<PathBuf, Watch>,
    /// When the first change since the last pass was noticed.
    changed: Option<Instant>,
    /// How long a pass takes that finds nothing.
    pace: Duration,
    rests_until: Instant,
    polls_at: Instant,
    /// Whether the user knows that the system watches no more folders.
    limit_reported: bool,
}

impl Task for Follower {
    type Request = ();

    fn next(&mut self) -> Option<()> {
        loop {
            if self.library.import_options().watch {
                self.look_at_roots();
                if self.is_due() && self.may_run() {
                    return Some(());
                }
            } else {
                self.stop();
            }
            let is_soon = self.changed.is_some_and(|first| first.elapsed() < LATEST);
            let wait = if is_soon { QUIET / 4 } else { LOOK };
            if self.is_closed_within(wait) {
                return None;
            }
            // What does not matter may be reported without end.
            let pause = Instant::now() + QUIET / 4;
            if self.reports.wait_until(pause, |_, closed| closed.then_some(())).is_some() {
                return None;
            }
        }
    }

    fn handle(&mut self, (): &mut ()) {
        self.changed = None;
        self.polls_at = Instant::now() + POLL;
        let (begun, before) = (Instant::now(), self.library.snapshot().generation());
        let number = self.control.next_number();
        self.jobs.update(|jobs| jobs.push_back((number, Job::Follow)));
        while !self.control.has_ended(number) && !self.jobs.is_closed() && !self.is_closed_within(TICK) {}
        let (took, is_idle) = (begun.elapsed(), self.library.snapshot().generation() == before);
        // What was embedded, or an import that it waited for, is no reason to rest.
        self.pace = if is_idle { took.min(POLL / REST) } else { self.pace.max(took.min(MOST_WALKED)) };
        self.rests_until = Instant::now() + self.pace * REST;
    }

    fn recover(&mut self, request: Option<&mut ()>, reason: &str) {
        if request.is_none() {
            let text = format!("Changes in the folders are no longer noticed ({reason}); open the library again");
            self.event_sender.notice(Severity::Error, text);
        }
    }
}

impl Follower {
    /// Waits for a report, or this long; whether the library is being closed.
    fn is_closed_within(&self, time: Duration) -> bool {
        let known = self.changed.is_some();
        let news = |reports: &mut Reports, closed| match closed {
            true => Some(true),
            false => (!known && reports.last.is_some()).then_some(false),
        };
        self.reports.wait_until(Instant::now() + time, news).unwrap_or(false)
    }

    /// Whether it is time for a pass.
    fn is_due(&mut self) -> bool {
        let Reports { paths, last, lost, at_limit } = self.reports.update(std::mem::take);
        let now = Instant::now();
        if self.changed.is_none() && (lost || paths.len() >= MAX_REPORTS || self.matters(&paths)) {
            self.changed = Some(now);
        }
        if at_limit {
            let reported = self.roots.values_mut().filter(|watch| matches!(watch, Watch::Reported(_)));
            reported.for_each(|watch| *watch = Watch::Polled);
            self.report_limit();
        }
        let polls = self.roots.values().any(|watch| *watch == Watch::Polled) && now >= self.polls_at;
        let Some(first) = self.changed else { return polls && now >= self.rests_until };
        let is_quiet = last.is_none_or(|last| now.duration_since(last) >= QUIET);
        if !is_quiet {
            // It is looked at again.
            self.reports.update(|reports| reports.last = reports.last.or(last));
        }
        (is_quiet || now.duration_since(first) >= LATEST) && now >= self.rests_until
    }

    /// Whether a walk would look at one of these paths.
    fn matters(&self, paths: &[PathBuf]) -> bool {
        if paths.is_empty() {
            return false;
        }
        let Ok(excludes) = Excludes::new(&self.library.import_options().excludes) else { return true };
        let walk = FolderWalk::new(&excludes, self.library.roots(), self.control.flag());
        paths.iter().any(|path| walk.looks_at(path))
    }

    /// Not beside an import, which passes over what it has seen already; and not after one that the user has cancelled.
    fn may_run(&self) -> bool {
        let is_free = !self.control.is_running() && self.jobs.read(VecDeque::is_empty);
        is_free && self.library.unfinished().is_none_or(|import| !import.cancelled)
    }

    fn stop(&mut self) {
        self.watcher = None;
        self.roots.clear();
        // Once this is switched on again, there may be news.
        self.changed.get_or_insert_with(Instant::now);
    }

    /// Watches what is new among the roots, and notices when one appears, vanishes or is exchanged.
    fn look_at_roots(&mut self) {
        let roots = self.library.roots();
        for gone in self.roots.keys().filter(|root| !roots.contains(root)).cloned().collect::<Vec<_>>() {
            self.unwatch(&gone);
            self.roots.remove(&gone);
        }
        for root in roots {
            let before = self.roots.get(&root).copied();
            // A drive that does not answer is not asked more often than it has to be.
            if before == Some(Watch::Polled) && Instant::now() < self.polls_at {
                continue;
            }
            let now = look(&root);
            if before == Some(now) || (before == Some(Watch::Polled) && now != Watch::Missing) {
                continue;
            }
            self.unwatch(&root);
            let watch = if matches!(now, Watch::Reported(_)) { self.watch(&root, now) } else { now };
            self.roots.insert(root, watch);
            // A root that is new to the library is being imported.
            if before.is_some() {
                self.changed.get_or_insert_with(Instant::now);
            }
        }
    }

    fn watch(&mut self, root: &Path, reported: Watch) -> Watch {
        if network_drive::holds(root) {
            return Watch::Polled;
        }
        match self.watcher().and_then(|watcher| watcher.watch(root, RecursiveMode::Recursive)) {
            Ok(()) => reported,
            Err(error) => {
                log::warn!("changes in {} are looked for once a minute: {error}", root.display());
                if matches!(error.kind, ErrorKind::MaxFilesWatch) {
                    self.report_limit();
                }
                Watch::Polled
            }
        }
    }

    fn report_limit(&mut self) {
        if !std::mem::replace(&mut self.limit_reported, true) {
            let text = "The system watches no more folders (fs.inotify.max_user_watches); changes are looked for once a minute";
            self.event_sender.notice(Severity::Warning, text);
        }
    }

    fn watcher(&mut self) -> notify::Result<&mut RecommendedWatcher> {
        if self.watcher.is_none() {
            let reports = self.reports.clone();
            let report = move |event: notify::Result<notify::Event>| match event {
                Ok(event) if !event.need_rescan() && is_only_read(event.kind) => {}
                Ok(event) => reports.update(|reports| {
                    reports.lost |= event.need_rescan();
                    reports.add(event.paths);
                }),
                Err(error) => reports.update(|reports| {
                    reports.lost = true;
                    reports.at_limit |= matches!(error.kind, ErrorKind::MaxFilesWatch);
                    reports.add(error.paths);
                }),
            };
            self.watcher = Some(notify::recommended_watcher(report)?);
        }
        self.watcher.as_mut().ok_or_else(|| notify::Error::generic("no watcher"))
    }

    fn unwatch(&mut self, root: &Path) {
        if let (Some(watcher), Some(Watch::Reported(_))) = (&mut self.watcher, self.roots.get(root)) {
            // Where the folder is gone, so is its watch.
            let _gone_already = watcher.unwatch(root);
        }
    }
}

/// Whether nothing was written.
fn is_only_read(kind: EventKind) -> bool {
    use notify::event::{AccessKind, AccessMode, MetadataKind};
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(MetadataKind::AccessTime)) => true,
        _ => false,
    }
}

/// What a root is at this moment, as if the system reported all changes of folders.
fn look(root: &Path) -> Watch {
    match fs::metadata(root) {
        Err(_) => Watch::Missing,
        Ok(data) if data.is_dir() => Watch::Reported(mark(&data)),
        Ok(data) => Watch::File(data.len(), data.modified().ok()),
    }
}

/// Differs between folders that are exchanged, and between a disk and the folder on which it is mounted.
#[cfg(unix)] // Tested here.
fn mark(data: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    data.dev().rotate_left(32) ^ data.ino()
}

/// There are no such folders.
#[cfg(not(unix))] // Tested by `scripts/windows`.
fn mark(_: &fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_a_file_is_no_change_and_writing_is() {
        use notify::event::{AccessKind, AccessMode, CreateKind, DataChange, MetadataKind, RemoveKind, RenameMode};
        for kind in [
            EventKind::Access(AccessKind::Read),
            EventKind::Access(AccessKind::Open(AccessMode::Any)),
            EventKind::Access(AccessKind::Close(AccessMode::Read)),
            EventKind::Modify(ModifyKind::Metadata(MetadataKind::AccessTime)),
        ] {
            assert!(is_only_read(kind), "{kind:?}");
        }
        for kind in [
            EventKind::Any,
            EventKind::Other,
            EventKind::Access(AccessKind::Close(AccessMode::Write)),
            EventKind::Create(CreateKind::Any),
            EventKind::Modify(ModifyKind::Data(DataChange::Any)),
            EventKind::Modify(ModifyKind::Name(RenameMode::Any)),
            EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)),
            EventKind::Remove(RemoveKind::Any),
        ] {
            assert!(!is_only_read(kind), "{kind:?}");
        }
    }

    #[test]
    fn what_is_reported_without_end_takes_no_memory() {
        let mut reports = Reports::default();
        for _ in 0..2 * MAX_REPORTS {
            reports.add(vec!["/a".into(), "/b".into()]);
        }
        assert!(reports.paths.len() == MAX_REPORTS && reports.last.is_some());
    }
}
