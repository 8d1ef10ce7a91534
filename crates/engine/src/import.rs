//! The coordinator: one thread that takes the jobs that change the collection, scans the folders and feeds the pipeline.
//!
//! However a run ends, by itself, by the user, by an error or by a panic, its end is always reported.

mod walking;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::background_pass::BackgroundPass;
use super::companions::Companions;
use super::derived::Artefacts;
use super::embed::Pipeline;
use super::event_queue::EventSender;
use super::import_control::ImportControl;
use super::import_stats::ImportStats;
use super::library::{Library, UnfinishedImport};
use super::model_loader::LazyModel;
use super::store::{Compaction, StoreError};
use super::{Event, ImportSummary, Job, Severity, export};
use vicinity_core::worker::{Inbox, Task};
use vicinity_core::{Modality, Progress, SkipCounts, Stage};

/// How long a library has been idle when it is compacted.
const IDLE: Duration = Duration::from_secs(60);

/// A job and its number.
pub type NumberedJob = (u64, Job);

/// See the module's documentation.
pub struct Coordinator {
    /// Jobs that change the collection, from [`super::Engine::submit`], with their numbers.
    pub jobs: Inbox<VecDeque<NumberedJob>>,
    /// Where items go.
    pub library: Library,
    /// What embeds them.
    pub model: LazyModel,
    /// Pause and cancel.
    pub control: ImportControl,
    /// Where events go.
    pub event_sender: EventSender,
    /// Notified when the collection has grown.
    pub artefacts: Artefacts,
    /// Reads the metadata of photos while nothing else is done.
    pub facts: BackgroundPass,
    /// Reads the text in pictures while nothing else is done.
    pub picture_text: BackgroundPass,
    /// Threads that read files.
    pub readers: rayon::ThreadPool,
    /// Threads that models work on.
    pub towers: rayon::ThreadPool,
    /// Whether an error of the library has ended the last run.
    pub stopped: Cell<bool>,
    /// Jobs that came at a moment when they could not be done; they are done before any other.
    pub deferred: RefCell<VecDeque<NumberedJob>>,
    /// The number of a run that has to begin again once there is no other job.
    pub interrupted: Option<u64>,
    /// Compaction while there is nothing else to do.
    pub idle: IdleCompaction,
}

/// When an idle library is compacted.
#[derive(Default)]
pub struct IdleCompaction {
    /// Whether the job at hand is one of these.
    active: bool,
    /// Generation of the snapshot that was looked at last: nothing else becomes of it the next time.
    seen: Option<u64>,
}

/// One run's notes.
struct ImportRun {
    start: Instant,
    seen: HashSet<PathBuf>,
    /// Roots that were walked to their end, or are not there.
    walked: Vec<PathBuf>,
    /// Roots that are not there, and folders that could not be listed.
    unreachable: Vec<PathBuf>,
    /// Folders that are on another disk than those around them.
    mounts: Vec<PathBuf>,
    /// Items of each file with several that was in the collection before.
    parts: HashMap<PathBuf, usize>,
    /// Files that are as they were, but known without their marks.
    marks: Vec<(PathBuf, i64)>,
    /// What only the scan knows to be skipped; not stored.
    skipped: SkipCounts,
    /// The import that was unfinished when this one began.
    previous: Option<UnfinishedImport>,
    /// Whether it is noted that this one is unfinished.
    marked: bool,
    /// Whether nobody has asked for it.
    unasked: bool,
    /// Which files have a picture of their name beside them.
    companions: Companions,
    /// Whether videos can be read.
    reads_videos: bool,
}

impl Task for Coordinator {
    type Request = NumberedJob;

    fn next(&mut self) -> Option<NumberedJob> {
        let Self { jobs, deferred, interrupted, idle, library, .. } = self;
        let mut find = |jobs: &mut VecDeque<NumberedJob>| {
            let deferred = deferred.get_mut().pop_front();
            deferred.or_else(|| jobs.pop_front()).or_else(|| Some((interrupted.take()?, Job::Rescan)))
        };
        let found = jobs.wait_until(Instant::now() + IDLE, |jobs, closed| match closed {
            true => Some(None),
            false => find(jobs).map(Some),
        });
        if let Some(found) = found {
            return found;
        }
        if idle.seen.replace(library.snapshot().generation()) != idle.seen && library.may_be_worth_compacting() {
            idle.active = true;
            return Some((0, Job::Compact));
        }
        jobs.take(find)
    }

    fn handle(&mut self, (number, job): &mut NumberedJob) {
        let (number, job) = (*number, std::mem::replace(job, Job::Resume));
        self.facts.hold();
        self.picture_text.hold();
        match job {
            Job::Add(_) | Job::Rescan | Job::Follow | Job::Retry(_) => self.import(number, job),
            // after a run that a full disk has ended; one that was only paused continues by itself
            Job::Resume if self.stopped.take() => self.import(number, Job::Rescan),
            Job::Resume => {}
            Job::Compact => self.compact(),
            other => self.run_now(other),
        }
        self.library.save_sums();
        self.release();
    }

    /// Nobody is to wait for the end of a run that has none.
    fn recover(&mut self, request: Option<&mut NumberedJob>, reason: &str) {
        self.control.end();
        self.release();
        self.event_sender.send(Event::Progress(Progress::default()));
        let advice = if request.is_some() { "" } else { "; open the library again" };
        let text = format!("The import stopped ({reason}); items already imported are kept{advice}");
        self.event_sender.notice(Severity::Error, text);
        self.event_sender.send(Event::Unfinished(Some(UnfinishedImport::default())));
        self.event_sender.send(Event::ImportFinished(ImportSummary {
            cancelled: true,
            ..self.summary(&ImportStats::default(), 0.0)
        }));
    }
}

impl Coordinator {
    /// The library is free for what reads files in the background.
    fn release(&self) {
        self.facts.release();
        self.picture_text.release();
    }

    /// Verifies the library before anything in it changes.
    fn verify(&self) {
        let control = self.control.clone();
        match self.library.verify(&|| control.is_closed()) {
            Ok(notices) if notices.is_empty() => {}
            Ok(notices) => {
                notices.into_iter().for_each(|notice| self.event_sender.send(Event::Notice(notice)));
                self.publish();
            }
            Err(error) => self.event_sender.notice(Severity::Error, error.to_string()),
        }
    }

    /// Compacts the library. An idle one gives up at once when there is something else to do.
    fn compact(&mut self) {
        let idle = std::mem::take(&mut self.idle.active);
        let cancelled = || self.control.is_closed() || (idle && self.jobs.read(|jobs| !jobs.is_empty()));
        match self.library.compact(idle, &cancelled) {
            Ok(None) if idle => {}
            Ok(done) => {
                let bytes = self.library.vector_bytes();
                let nothing = Compaction { bytes_before: bytes, bytes_after: bytes, vectors_removed: 0 };
                self.event_sender.send(Event::Snapshot(self.library.snapshot()));
                self.event_sender.send(Event::Compacted(Ok(done.unwrap_or(nothing))));
            }
            Err(error) => self.event_sender.send(Event::Compacted(Err(error.to_string()))),
        }
    }

    /// Jobs that need no run.
    fn run_now(&self, job: Job) {
        let done = match job {
            Job::Remove(path) => self.library.remove_root(&path).map(|()| self.publish()),
            Job::SetImport(options) => self.library.set_import_options(options),
            Job::SetDimensions(dim) => self.library.set_dimensions(dim).map(|()| self.publish()),
            Job::Export { vectors, items } => return self.export(&vectors, &items),
            Job::Verify => return self.verify(),
            Job::ReadFacts => return self.facts.request(&self.event_sender, Event::FactsProgress(None)),
            Job::ReadPictureText => return self.picture_text.request(&self.event_sender, Event::TextProgress(None)),
            _ => return,
        };
        if let Err(error) = done {
            self.event_sender.notice(Severity::Error, error.to_string());
        }
    }

    fn export(&self, vectors: &Path, items: &Path) {
        let labels = match self.library.labels() {
            Ok(labels) => labels,
            Err(error) => return self.event_sender.notice(Severity::Error, error.to_string()),
        };
        match export::write_labelled(&self.library.snapshot(), labels.as_ref(), vectors, items) {
            Ok(rows) => self.event_sender.notice(Severity::Info, format!("Exported {rows} vectors")),
            Err(error) => self.event_sender.notice(Severity::Error, error.to_string()),
        }
    }

    fn publish(&self) {
        let snapshot = self.library.snapshot();
        self.event_sender.send(Event::Snapshot(Arc::clone(&snapshot)));
        self.event_sender.send(Event::Failures(self.library.failures()));
        self.artefacts.collection_changed(&snapshot);
    }

    /// One import, with all jobs that can join it on the way.
    fn import(&mut self, number: u64, job: Job) {
        if let Some(why) = self.library.read_only() {
            self.event_sender.notice(Severity::Warning, why);
            self.event_sender.send(Event::ImportFinished(self.summary(&ImportStats::default(), 0.0)));
            return;
        }
        self.control.begin(number);
        let stats = ImportStats::default();
        self.event_sender.send(Event::Progress(stats.at(Stage::Scanning)));
        let pipeline = Pipeline::new(
            self.library.clone(),
            self.model.clone(),
            self.control.clone(),
            self.event_sender.clone(),
            self.artefacts.clone(),
            stats,
            self.library.import_options(),
        );
        let mut run = ImportRun {
            start: Instant::now(),
            seen: HashSet::new(),
            walked: Vec::new(),
            unreachable: Vec::new(),
            mounts: Vec::new(),
            parts: self.parts(),
            marks: Vec::new(),
            skipped: SkipCounts::new(),
            previous: self.library.unfinished(),
            marked: false,
            unasked: true,
            companions: Companions::default(),
            reads_videos: vicinity_media::video::is_available(),
        };
        pipeline.run(&self.readers, &self.towers, |sender| self.scan_loop(job, &pipeline, sender, &mut run));
        self.finish(&pipeline, &mut run);
        self.control.end();
        if self.control.is_interrupted() {
            self.interrupted = Some(number);
        }
    }

    fn parts(&self) -> HashMap<PathBuf, usize> {
        let mut parts = HashMap::new();
        for item in self.library.snapshot().items().filter(|item| item.part.is_some()) {
            *parts.entry(item.path.to_path_buf()).or_default() += 1;
        }
        parts
    }

    /// After all threads of the chain have ended.
    fn finish(&self, pipeline: &Pipeline, run: &mut ImportRun) {
        let reason =
            pipeline.store_error.lock().unwrap_or_else(PoisonError::into_inner).take().map(|error| error.to_string());
        let reason = reason.or_else(|| pipeline.failure.lock().unwrap_or_else(PoisonError::into_inner).take());
        let cancelled = self.control.is_cancelled();
        let stored = if cancelled { Ok(()) } else { self.finalize(pipeline, run) };
        if let Err(error) = stored.and_then(|()| self.record_end(pipeline, run, reason.is_some())) {
            self.event_sender.notice(Severity::Error, error.to_string());
        }
        if let Err(error) = self.library.save_failures() {
            log::warn!("could not store the list of unreadable files: {error}");
        }
        self.publish();
        let mut skipped = self.library.skipped();
        skipped.extend(run.skipped.iter().map(|(reason, n)| (*reason, *n)));
        self.event_sender.send(Event::Skipped(Arc::new(skipped)));
        self.stopped.set(reason.is_some());
        let stage = if reason.is_some() { Stage::Paused } else { Stage::Idle };
        let progress = Progress { seconds_left: None, counting: false, ..pipeline.stats.at(stage) };
        self.event_sender.send(Event::Progress(progress));
        if let Some(reason) = reason {
            self.event_sender.notice(Severity::Error, format!("The import stopped: {reason}"));
        }
        if self.control.is_interrupted() {
            return;
        }
        let seconds = run.start.elapsed().as_secs_f64();
        self.event_sender.send(Event::Unfinished(self.library.unfinished()));
        self.event_sender.send(Event::ImportFinished(ImportSummary {
            cancelled,
            unasked: run.unasked,
            ..self.summary(&pipeline.stats, seconds)
        }));
    }

    /// Notes how the run has ended, for this window and the next one.
    fn record_end(&self, pipeline: &Pipeline, run: &ImportRun, stopped: bool) -> Result<(), StoreError> {
        let [total, done] = [&pipeline.stats.total, &pipeline.stats.done].map(|count| count.load(Ordering::Relaxed));
        let left = total.saturating_sub(done);
        let all_walked = self.library.roots().iter().all(|root| run.walked.contains(root));
        let note = match () {
            () if !self.control.is_cancelled() => run.previous.filter(|_| !all_walked),
            // the end of the program is nobody's wish for the end of the import
            () if self.control.is_closed() || self.control.is_interrupted() || stopped => {
                (run.marked || run.previous.is_some()).then_some(UnfinishedImport { cancelled: false, left })
            }
            () => (left > 0 || !all_walked).then_some(UnfinishedImport { cancelled: true, left }),
        };
        self.library.set_unfinished(note)
    }

    /// After a run that went to its end: files of several parts are complete, and what has vanished goes.
    fn finalize(&self, pipeline: &Pipeline, run: &mut ImportRun) -> Result<(), StoreError> {
        let files = std::mem::take(&mut *pipeline.in_parts.lock().unwrap_or_else(PoisonError::into_inner));
        files.iter().try_for_each(|read| self.library.finish_parts(&read.file, read.parts.as_deref()))?;
        // Even if nothing was to be read: the run before may have been killed just here.
        if self.model.own_vectors().is_some_and(|own| self.library.has_all_parts(&own.table)) {
            self.library.forget_earlier_revisions()?;
        }
        self.library.set_change_marks(&run.marks)?;
        self.look_for_mounts(run)?;
        self.library.remove_missing(&run.seen, &run.walked, &run.unreachable)
    }

    fn summary(&self, stats: &ImportStats, seconds: f64) -> ImportSummary {
        let snapshot = self.library.snapshot();
        let count = |modality| snapshot.count(modality) as u64;
        ImportSummary {
            busy: stats.busy(),
            items: snapshot.len() as u64,
            images: count(Modality::Image),
            texts: count(Modality::Text),
            embedded: stats.done.load(Ordering::Relaxed),
            reused: stats.reused.load(Ordering::Relaxed),
            failed: stats.failed.load(Ordering::Relaxed),
            skipped: stats.skipped(),
            seconds,
            cancelled: false,
            unasked: false,
        }
    }
}
