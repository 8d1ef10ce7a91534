//! Walks what a job names, and sends on what is new; further jobs join until the chain is empty.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Coordinator, Run};
use crate::embed::{Feed, Pipeline};
use crate::library::{FileStatus, RejectedFile, RejectionCause, UnfinishedImport};
use crate::meter::Meter;
use crate::scan::{self, Candidate, Excludes, Found, Walk};
use crate::{Event, Job, Severity};
use vicinity_core::Failure;

/// How often the coordinator looks for new jobs while the chain works.
const TICK: Duration = Duration::from_millis(50);

/// What a job is about.
struct Aim {
    paths: Vec<PathBuf>,
    /// Whether the paths are whole roots, so that what is not found below them has gone.
    whole: bool,
    /// Files that are read again though they are as they were.
    forced: HashSet<PathBuf>,
}

impl Coordinator {
    /// Walks what the job names; then joins further jobs until the chain is empty.
    pub(super) fn feed(&self, job: Job, chain: &Pipeline, feed: &Feed<'_>, run: &mut Run) {
        self.walk(job, chain, feed, run);
        loop {
            if self.control.is_cancelled() {
                return;
            }
            chain.meter.scanned.store(true, Ordering::Relaxed);
            match self.jobs.recv_timeout(TICK) {
                // it came after a cancel, so it is no part of this run
                Ok(job) if self.control.is_cancelled() => return self.waiting.borrow_mut().push_back(job),
                Ok((_, job @ (Job::Add(_) | Job::Rescan | Job::Retry(_)))) => self.walk(job, chain, feed, run),
                Ok((_, Job::Resume)) => {}
                // only once nothing of it is in flight
                Ok(job @ (_, Job::Remove(_))) => self.waiting.borrow_mut().push_back(job),
                Ok((_, other)) => self.settle(other),
                Err(_) if chain.in_flight.load(Ordering::Acquire) == 0 => return,
                Err(_) => chain.report(),
            }
        }
    }

    fn walk(&self, job: Job, chain: &Pipeline, feed: &Feed<'_>, run: &mut Run) {
        chain.meter.scanned.store(false, Ordering::Relaxed);
        let excludes = match Excludes::new(&chain.options.excludes) {
            Ok(excludes) => excludes,
            Err(reason) => return self.outbox.notice(Severity::Error, reason),
        };
        let aim = self.aim(job, run);
        let mut walk = Walk::new(&excludes, self.library.roots(), self.control.flag());
        for root in &aim.paths {
            self.walk_one(root, &aim, &mut walk, chain, feed, run);
        }
    }

    fn aim(&self, job: Job, run: &mut Run) -> Aim {
        let (forced, whole) = (HashSet::new(), true);
        match job {
            Job::Add(paths) => Aim { paths: self.add_roots(paths, run), whole, forced },
            Job::Retry(paths) => {
                // those of this run, too, are kept until they are read, or fail again
                if let Err(error) = self.library.save_failures() {
                    self.outbox.notice(Severity::Error, error.to_string());
                }
                if paths.is_empty() {
                    let forced = self.library.failures().iter().map(|f| f.path.clone()).collect();
                    return Aim { paths: self.roots(), whole, forced };
                }
                // a folder fails again, or has nothing to be told of
                let folders: Vec<PathBuf> = paths.iter().filter(|path| path.is_dir()).cloned().collect();
                if let Err(error) = self.library.forget_failures(&folders) {
                    self.outbox.notice(Severity::Error, error.to_string());
                }
                Aim { forced: paths.iter().cloned().collect(), paths, whole: false }
            }
            _ => Aim { paths: self.roots(), whole, forced },
        }
    }

    /// All roots, by the one path that each has.
    fn roots(&self) -> Vec<PathBuf> {
        for root in self.library.roots() {
            let path = scan::resolved(&root);
            if path != root
                && root.exists()
                && let Err(error) = self.library.rename_root(&root, &path)
            {
                self.outbox.notice(Severity::Error, error.to_string());
            }
        }
        self.library.roots()
    }

    fn add_roots(&self, paths: Vec<PathBuf>, run: &mut Run) -> Vec<PathBuf> {
        let known = self.roots();
        let mut added = Vec::new();
        for path in paths {
            let path = scan::resolved(&path);
            let path = known.iter().find(|root| is_same(root, &path)).cloned().unwrap_or(path);
            if !known.contains(&path) {
                self.note_unfinished(run);
            }
            match self.library.add_root(&path) {
                Ok(()) => added.push(path),
                Err(error) => self.outbox.notice(Severity::Error, error.to_string()),
            }
        }
        self.outbox.post(Event::Snapshot(self.library.snapshot()));
        added
    }

    /// From now on the import counts as unfinished, until it has come to its end.
    fn note_unfinished(&self, run: &mut Run) {
        if std::mem::replace(&mut run.noted, true) {
            return;
        }
        if let Err(error) = self.library.set_unfinished(Some(UnfinishedImport::default())) {
            log::warn!("could not note that an import has begun: {error}");
        }
    }

    fn walk_one(&self, root: &Path, aim: &Aim, walk: &mut Walk<'_>, chain: &Pipeline, feed: &Feed<'_>, run: &mut Run) {
        if aim.whole && self.is_vanished_file(root) {
            return run.walked.push(root.to_owned());
        }
        if aim.whole && self.is_out_of_reach(root) {
            run.walked.push(root.to_owned());
            run.out_of_reach.push(root.to_owned());
            return;
        }
        let mut found = |found: Found| match found {
            Found::File(candidate) => self.take(candidate, aim, chain, feed, run),
            Found::LeftOut(reason) => {
                chain.meter.leave_out(reason);
                *run.passed_over.entry(reason).or_default() += 1;
            }
            Found::Failed(Failure { path, reason }) => {
                run.out_of_reach.push(path.clone());
                let cause = RejectionCause::Access;
                chain.failed(RejectedFile { path, reason, cause, bytes: 0, modified_ns: 0, change_mark: 0 });
            }
        };
        let to_its_end = walk.root(root, &mut found);
        if aim.whole && to_its_end {
            run.walked.push(root.to_owned());
        }
    }

    /// Whether a root is a file that is gone from a folder that is there: it was deleted, no disk was taken away.
    fn is_vanished_file(&self, root: &Path) -> bool {
        let is_gone = root.try_exists().is_ok_and(|is_there| !is_there);
        let was_file = || self.library.snapshot().items().any(|item| item.path.as_ref() == root);
        is_gone && root.parent().is_some_and(|folder| folder.is_dir() && !scan::is_empty(folder)) && was_file()
    }

    /// Whether a root is not there, or is empty as the place of a disk is that is not connected. Its items are kept, and
    /// the user is told.
    fn is_out_of_reach(&self, root: &Path) -> bool {
        let is_there = root.try_exists().unwrap_or(false);
        if is_there && !scan::is_empty(root) {
            return false;
        }
        let items = self.library.snapshot().items().filter(|item| item.path.starts_with(root)).count();
        let root = root.display();
        let kept = if items == 1 { "its item is".to_owned() } else { format!("its {items} items are") };
        let told = match (is_there, items) {
            (true, 0) => return false,
            (true, _) => format!(
                "{root} is empty; {kept} kept, in case its disk is not connected (remove the folder from the library if they are gone)"
            ),
            (false, 0) => format!("{root} is missing"),
            (false, _) => {
                format!("{root} is missing, or its disk is not connected; {kept} kept until it is available again")
            }
        };
        self.outbox.notice(Severity::Warning, told);
        true
    }

    fn take(&self, candidate: Candidate, aim: &Aim, chain: &Pipeline, feed: &Feed<'_>, run: &mut Run) {
        if !self.control.go_on() {
            return;
        }
        let is_new = run.seen.insert(candidate.path.clone());
        if aim.forced.contains(&candidate.path) {
            if !is_new {
                // it was counted as failed in this very run
                Meter::take(&chain.meter.failed, 1);
            }
            self.note_unfinished(run);
            feed.send(candidate);
        } else if is_new {
            self.take_new(candidate, chain, feed, run);
        }
        chain.report();
    }

    fn take_new(&self, candidate: Candidate, chain: &Pipeline, feed: &Feed<'_>, run: &mut Run) {
        match self.library.known(&candidate) {
            FileStatus::Failed => Meter::add(&chain.meter.failed, 1),
            FileStatus::LeftOut(reason) => chain.meter.leave_out(reason),
            FileStatus::Unchanged => {
                let items = run.rows.get(&candidate.path).copied().unwrap_or(1);
                Meter::add(&chain.meter.reused, items);
                // some rows of a table
                if self.library.has_failed(&candidate.path) {
                    Meter::add(&chain.meter.failed, 1);
                }
                if self.library.lacks_change_mark(&candidate) {
                    run.marks.push((candidate.path, candidate.change_mark));
                }
            }
            FileStatus::Changed => {
                self.note_unfinished(run);
                feed.send(candidate);
            }
        }
    }
}

/// Whether two paths lead to one folder, though they differ: by the case of their letters, or by a mount.
fn is_same(a: &Path, b: &Path) -> bool {
    // Tested here.
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |path: &Path| std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
        a == b || identity(a).is_some_and(|a| identity(b) == Some(a))
    }
    // Not compiled here but by the release workflow.
    #[cfg(not(unix))]
    {
        a == b
    }
}
