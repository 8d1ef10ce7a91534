//! The coordinator: one thread that takes the jobs which change the collection, walks the folders and feeds the chain.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError};

use super::control::Control;
use super::embed::{Feed, Pipeline};
use super::library::{FailedFile, Known, Library};
use super::meter::Meter;
use super::model::LazyModel;
use super::outbox::Outbox;
use super::projector::Projector;
use super::scan::{self, Candidate, Excludes};
use super::store::StoreError;
use super::{Event, Job, Severity, Summary, export};
use vicinity_core::{Failure, Modality, Progress, Stage};

/// How often the coordinator looks for new jobs while the chain works.
const TICK: Duration = Duration::from_millis(50);

/// See the module's documentation.
pub struct Coordinator {
    /// Jobs that change the collection, from [`super::Engine::submit`].
    pub jobs: Receiver<Job>,
    /// Where items go.
    pub library: Library,
    /// What embeds them.
    pub model: LazyModel,
    /// Pause and cancel.
    pub control: Control,
    /// News.
    pub outbox: Outbox,
    /// Told when the collection has grown.
    pub projector: Projector,
    /// Threads that read files.
    pub readers: rayon::ThreadPool,
    /// Threads that models work on.
    pub towers: rayon::ThreadPool,
    /// Whether an error of the library has ended the last run.
    pub stopped: Cell<bool>,
}

/// One run's notes.
struct Run {
    start: Instant,
    seen: HashSet<PathBuf>,
    /// Roots that were walked to their end, or are not there.
    walked: Vec<PathBuf>,
    /// Roots that are not there, and folders that could not be listed.
    out_of_reach: Vec<PathBuf>,
    /// Items of each table that was in the collection before.
    rows: HashMap<PathBuf, usize>,
    /// Removals that came while items were in flight.
    put_off: Vec<Job>,
}

impl Coordinator {
    /// Works until the engine is closed.
    pub fn run(self) {
        let mut again = false;
        loop {
            let job = match self.jobs.try_recv() {
                Ok(job) => job,
                Err(TryRecvError::Empty) if std::mem::take(&mut again) => Job::Rescan,
                Err(TryRecvError::Empty) => match self.jobs.recv() {
                    Ok(job) => job,
                    Err(_) => return,
                },
                Err(TryRecvError::Disconnected) => return,
            };
            if self.control.is_closed() {
                return;
            }
            match job {
                Job::Add(_) | Job::Rescan | Job::Retry(_) => again |= self.import(job),
                // after a run that a full disk has ended; one that was only paused goes on by itself
                Job::Resume if self.stopped.take() => again |= self.import(Job::Rescan),
                Job::Resume => {}
                other => self.settle(other),
            }
        }
    }

    /// Jobs that need no run.
    fn settle(&self, job: Job) {
        let done = match job {
            Job::Remove(path) => self.library.remove_root(&path).map(|()| self.publish()),
            Job::SetImport(options) => self.library.set_import_options(options),
            Job::SetDimensions(dim) => self.library.set_dimensions(dim).map(|()| self.publish()),
            Job::Export { vectors, items } => return self.export(&vectors, &items),
            _ => return,
        };
        if let Err(error) = done {
            self.outbox.notice(Severity::Error, error.to_string());
        }
    }

    fn export(&self, vectors: &Path, items: &Path) {
        match export::write(&self.library.snapshot(), vectors, items) {
            Ok(rows) => self.outbox.notice(Severity::Info, format!("Exported {rows} vectors")),
            Err(reason) => self.outbox.notice(Severity::Error, reason),
        }
    }

    fn publish(&self) {
        let snapshot = self.library.snapshot();
        self.outbox.post(Event::Snapshot(Arc::clone(&snapshot)));
        self.outbox.post(Event::Failures(self.library.failures()));
        self.projector.collection_changed(snapshot);
    }

    /// One import, with all jobs that can join it on the way. Says whether it has to begin anew, because something
    /// had to be done in between.
    fn import(&self, job: Job) -> bool {
        if let Some(why) = self.library.read_only() {
            self.outbox.notice(Severity::Warning, why);
            self.outbox.post(Event::Finished(self.summary(&Meter::default(), 0.0, false)));
            return false;
        }
        self.control.begin();
        let meter = Meter::default();
        self.outbox.post(Event::Progress(meter.at(Stage::Scanning)));
        let chain = Pipeline::new(
            self.library.clone(),
            self.model.clone(),
            self.control.clone(),
            self.outbox.clone(),
            self.projector.clone(),
            meter,
            self.library.import_options(),
        );
        let mut run = Run {
            start: Instant::now(),
            seen: HashSet::new(),
            walked: Vec::new(),
            out_of_reach: Vec::new(),
            rows: self.rows(),
            put_off: Vec::new(),
        };
        chain.run(&self.readers, &self.towers, |feed| self.feed(job, &chain, feed, &mut run));
        self.finish(&chain, &run);
        self.control.end();
        run.put_off.drain(..).for_each(|job| self.settle(job));
        self.control.is_interrupted()
    }

    fn rows(&self) -> HashMap<PathBuf, usize> {
        let mut rows = HashMap::new();
        for item in self.library.snapshot().items().filter(|item| item.row.is_some()) {
            *rows.entry(item.path.to_path_buf()).or_default() += 1;
        }
        rows
    }

    /// Walks what the job names; then joins further jobs until the chain is empty.
    fn feed(&self, job: Job, chain: &Pipeline, feed: &Feed<'_>, run: &mut Run) {
        self.walk(job, chain, feed, run);
        loop {
            if self.control.is_cancelled() {
                return;
            }
            chain.meter.scanned.store(true, Ordering::Relaxed);
            match self.jobs.recv_timeout(TICK) {
                Ok(job @ (Job::Add(_) | Job::Rescan | Job::Retry(_))) => self.walk(job, chain, feed, run),
                Ok(Job::Resume) => {}
                // only once nothing of it is in flight
                Ok(job @ Job::Remove(_)) => run.put_off.push(job),
                Ok(other) => self.settle(other),
                Err(_) if chain.in_flight.load(Ordering::Acquire) == 0 => return,
                Err(_) => chain.report(),
            }
        }
    }

    fn walk(&self, job: Job, chain: &Pipeline, feed: &Feed<'_>, run: &mut Run) {
        chain.meter.scanned.store(false, Ordering::Relaxed);
        let (paths, whole) = match job {
            Job::Add(paths) => (self.add_roots(paths), true),
            Job::Retry(paths) => (self.forget_failures(paths), false),
            _ => (self.library.roots(), true),
        };
        let excludes = match Excludes::new(&chain.options.excludes) {
            Ok(excludes) => excludes,
            Err(reason) => return self.outbox.notice(Severity::Error, reason.to_string()),
        };
        for root in paths {
            self.walk_one(&root, whole, &excludes, chain, feed, run);
        }
    }

    fn forget_failures(&self, paths: Vec<PathBuf>) -> Vec<PathBuf> {
        let all = || self.library.failures().iter().map(|f| f.path.clone()).collect();
        let paths = if paths.is_empty() { all() } else { paths };
        if let Err(error) = self.library.forget_failures(&paths) {
            self.outbox.notice(Severity::Error, error.to_string());
        }
        paths
    }

    fn add_roots(&self, paths: Vec<PathBuf>) -> Vec<PathBuf> {
        let mut added = Vec::new();
        for path in paths {
            let path = std::path::absolute(&path).unwrap_or(path);
            match self.library.add_root(&path) {
                Ok(()) => added.push(path),
                Err(error) => self.outbox.notice(Severity::Error, error.to_string()),
            }
        }
        self.outbox.post(Event::Snapshot(self.library.snapshot()));
        added
    }

    fn walk_one(
        &self,
        root: &PathBuf,
        whole: bool,
        excludes: &Excludes,
        chain: &Pipeline,
        feed: &Feed<'_>,
        run: &mut Run,
    ) {
        let there = root.try_exists().unwrap_or(false);
        if !there {
            if whole {
                let text = format!("{} is not there; its items are kept until it is back", root.display());
                self.outbox.notice(Severity::Warning, text);
                run.walked.push(root.clone());
                run.out_of_reach.push(root.clone());
            }
            return;
        }
        let mut found = |found: Result<Candidate, Failure>| match found {
            Ok(candidate) => self.take(candidate, chain, feed, run),
            Err(Failure { path, reason }) => {
                run.out_of_reach.push(path.clone());
                chain.failed(FailedFile { path, reason, bytes: 0, modified_ns: 0 });
            }
        };
        scan::scan(std::slice::from_ref(root), excludes, self.control.flag(), &mut found);
        if whole && !self.control.is_cancelled() {
            run.walked.push(root.clone());
        }
    }

    fn take(&self, candidate: Candidate, chain: &Pipeline, feed: &Feed<'_>, run: &mut Run) {
        if !self.control.go_on() || !run.seen.insert(candidate.path.clone()) {
            return;
        }
        match self.library.known(&candidate) {
            Known::Unchanged if self.library.has_failed(&candidate.path) => Meter::add(&chain.meter.failed, 1),
            Known::Unchanged => {
                let items = run.rows.get(&candidate.path).copied().unwrap_or(1);
                Meter::add(&chain.meter.reused, items);
            }
            Known::Changed => feed.send(candidate),
        }
        chain.report();
    }

    /// After all threads of the chain have ended.
    fn finish(&self, chain: &Pipeline, run: &Run) {
        let cancelled = self.control.is_cancelled();
        if !cancelled && let Err(error) = self.tidy(chain, run) {
            self.outbox.notice(Severity::Error, error.to_string());
        }
        if let Err(error) = self.library.save_failures() {
            log::warn!("the list of failed files was not stored: {error}");
        }
        self.publish();
        let fatal = chain.fatal.lock().unwrap_or_else(PoisonError::into_inner).take().map(|error| error.to_string());
        let fatal = fatal.or_else(|| chain.gave_up.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.stopped.set(fatal.is_some());
        let stage = if fatal.is_some() { Stage::Paused } else { Stage::Idle };
        self.outbox.post(Event::Progress(Progress { seconds_left: None, ..chain.meter.at(stage) }));
        if let Some(error) = fatal {
            self.outbox.notice(Severity::Error, format!("The import has stopped: {error}"));
        }
        if self.control.is_interrupted() {
            return;
        }
        let seconds = run.start.elapsed().as_secs_f64();
        self.outbox.post(Event::Finished(self.summary(&chain.meter, seconds, cancelled)));
    }

    /// After a run that went to its end: tables are complete, and what has vanished goes.
    fn tidy(&self, chain: &Pipeline, run: &Run) -> Result<(), StoreError> {
        let tables = std::mem::take(&mut *chain.tables.lock().unwrap_or_else(PoisonError::into_inner));
        tables.iter().try_for_each(|table| self.library.finish_table(table))?;
        // what lies below a root that was not walked may well be there
        if self.library.roots().iter().all(|root| run.walked.contains(root)) {
            self.library.remove_missing(&run.seen, &run.out_of_reach)?;
        }
        Ok(())
    }

    fn summary(&self, meter: &Meter, seconds: f64, cancelled: bool) -> Summary {
        let snapshot = self.library.snapshot();
        let count = |modality| snapshot.count(modality) as u64;
        Summary {
            busy: meter.busy(),
            items: snapshot.len() as u64,
            images: count(Modality::Image),
            texts: count(Modality::Text),
            embedded: meter.done.load(Ordering::Relaxed),
            reused: meter.reused.load(Ordering::Relaxed),
            failed: meter.failed.load(Ordering::Relaxed),
            seconds,
            cancelled,
        }
    }
}
