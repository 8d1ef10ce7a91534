//! Walks what a job names, and sends on what is new; further jobs join until the chain is empty.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Coordinator, ImportRun};
use crate::companions::Companions;
use crate::embed::{CandidateSender, Pipeline};
use crate::import_stats::ImportStats;
use crate::library::{FileStatus, RejectedFile, RejectionCause, UnfinishedImport};
use crate::scan::{self, Candidate, Excludes, FolderWalk, ScanEntry};
use crate::store::StoreError;
use crate::{Event, Job, ModelUnavailable, Severity};
use vicinity_core::{Failure, SkipReason, atomic_file};
use vicinity_media::{CompanionKind, companion_kind, is_short_video};

/// How often the coordinator looks for new jobs while the chain works.
const TICK: Duration = Duration::from_millis(50);

/// What a job is about.
struct ScanPlan {
    paths: Vec<PathBuf>,
    /// Whether the paths are whole roots, so that what is not found below them has gone.
    whole: bool,
    /// Files that are read again though they are as they were.
    forced: HashSet<PathBuf>,
}

impl Coordinator {
    /// Walks what the job names; then joins further jobs until the chain is empty.
    pub(super) fn scan_loop(&self, job: Job, pipeline: &Pipeline, sender: &CandidateSender<'_>, run: &mut ImportRun) {
        self.walk(job, pipeline, sender, run);
        loop {
            if self.control.is_cancelled() {
                return;
            }
            pipeline.stats.scanned.store(true, Ordering::Relaxed);
            let job = self.jobs.wait_until(Instant::now() + TICK, |jobs, closed| {
                if closed { Some(None) } else { jobs.pop_front().map(Some) }
            });
            match job {
                // it came after a cancel, so it is no part of this run
                Some(None) => return,
                Some(Some(job)) if self.control.is_cancelled() => return self.deferred.borrow_mut().push_back(job),
                Some(Some((_, job @ (Job::Add(_) | Job::Rescan | Job::Retry(_))))) => {
                    self.walk(job, pipeline, sender, run);
                }
                Some(Some((_, Job::Resume))) => {}
                // only once nothing of it is in flight; or this run would pass over what it has seen
                Some(Some(job @ (_, Job::Remove(_) | Job::Compact | Job::Follow))) => {
                    self.deferred.borrow_mut().push_back(job);
                }
                Some(Some((_, other))) => self.run_now(other),
                None if pipeline.in_flight.load(Ordering::Acquire) == 0 => return,
                None => pipeline.report(),
            }
        }
    }

    fn walk(&self, job: Job, pipeline: &Pipeline, sender: &CandidateSender<'_>, run: &mut ImportRun) {
        pipeline.stats.scanned.store(false, Ordering::Relaxed);
        let excludes = match Excludes::new(&pipeline.options.excludes) {
            Ok(excludes) => excludes,
            Err(error) => return self.event_sender.notice(Severity::Error, error.to_string()),
        };
        run.unasked &= matches!(job, Job::Follow);
        let plan = self.plan(job, run);
        run.companions = Companions::new(excludes.clone(), self.library.roots());
        let mut walk = FolderWalk::new(&excludes, self.library.roots(), self.control.flag());
        for root in &plan.paths {
            self.walk_one(root, &plan, &mut walk, pipeline, sender, run);
        }
    }

    fn plan(&self, job: Job, run: &mut ImportRun) -> ScanPlan {
        let (forced, whole) = (HashSet::new(), true);
        match job {
            Job::Add(paths) => ScanPlan { paths: self.add_roots(paths, run), whole, forced },
            Job::Retry(paths) => {
                // those of this run, too, are kept until they are read, or fail again
                if let Err(error) = self.library.save_failures() {
                    self.event_sender.notice(Severity::Error, error.to_string());
                }
                if paths.is_empty() {
                    let failed = self.library.failures();
                    let failed = failed.iter().map(|failure| failure.path.clone());
                    let forced = failed.chain(self.library.retried_files()).collect();
                    return ScanPlan { paths: self.roots(), whole, forced };
                }
                // a folder either fails again or has nothing to report
                let folders: Vec<PathBuf> = paths.iter().filter(|path| path.is_dir()).cloned().collect();
                if let Err(error) = self.library.forget_failures(&folders) {
                    self.event_sender.notice(Severity::Error, error.to_string());
                }
                ScanPlan { forced: paths.iter().cloned().collect(), paths, whole: false }
            }
            _ => ScanPlan { paths: self.roots(), whole, forced },
        }
    }

    /// All roots, by the one path that each has.
    fn roots(&self) -> Vec<PathBuf> {
        for root in self.library.roots() {
            let path = scan::canonical_path(&root);
            if path != root
                && root.exists()
                && let Err(error) = self.library.rename_root(&root, &path)
            {
                self.event_sender.notice(Severity::Error, error.to_string());
            }
        }
        self.library.roots()
    }

    fn add_roots(&self, paths: Vec<PathBuf>, run: &mut ImportRun) -> Vec<PathBuf> {
        let mut known = self.roots();
        let mut added = Vec::new();
        for path in paths {
            let path = scan::canonical_path(&path);
            if self.model.own_vectors().is_some_and(|own| own.table != path) {
                let text = format!("{}: {}", path.display(), ModelUnavailable::OwnVectors);
                self.event_sender.notice(Severity::Error, text);
                continue;
            }
            let path = known.iter().find(|root| is_same_folder(root, &path)).cloned().unwrap_or(path);
            if !known.contains(&path) {
                self.mark_unfinished(run);
            }
            match self.library.add_root(&path) {
                Ok(()) => {
                    known.push(path.clone());
                    added.push(path);
                }
                Err(error) => self.event_sender.notice(Severity::Error, error.to_string()),
            }
        }
        self.event_sender.send(Event::Snapshot(self.library.snapshot()));
        added
    }

    /// From now on the import counts as unfinished, until it has come to its end.
    fn mark_unfinished(&self, run: &mut ImportRun) {
        if std::mem::replace(&mut run.marked, true) {
            return;
        }
        if let Err(error) = self.library.set_unfinished(Some(UnfinishedImport::default())) {
            log::warn!("could not note that an import has begun: {error}");
        }
    }

    fn walk_one(
        &self,
        root: &Path,
        plan: &ScanPlan,
        walk: &mut FolderWalk<'_>,
        pipeline: &Pipeline,
        sender: &CandidateSender<'_>,
        run: &mut ImportRun,
    ) {
        if plan.whole && self.is_vanished_file(root) {
            return run.walked.push(root.to_owned());
        }
        if plan.whole && self.is_unreachable(root, run.unasked) {
            run.walked.push(root.to_owned());
            run.unreachable.push(root.to_owned());
            return;
        }
        let mut found = |found: ScanEntry| match found {
            ScanEntry::File(candidate) => self.handle_candidate(candidate, plan, pipeline, sender, run),
            ScanEntry::Mount(folder) if run.mounts.contains(&folder) => {}
            ScanEntry::Mount(folder) => run.mounts.push(folder),
            ScanEntry::Skipped(reason) => {
                pipeline.stats.add_skipped(reason);
                *run.skipped.entry(reason).or_default() += 1;
            }
            ScanEntry::Failed(Failure { path, reason }) => {
                run.unreachable.push(path.clone());
                let cause = RejectionCause::Access;
                pipeline.failed(RejectedFile {
                    path,
                    reason,
                    cause,
                    bytes: 0,
                    modified_ns: 0,
                    change_mark: 0,
                    parts: 1,
                });
            }
        };
        let to_its_end = walk.root(root, &mut found);
        if plan.whole && to_its_end {
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
    /// the user is notified, of an `unasked` look only the first time.
    fn is_unreachable(&self, root: &Path, unasked: bool) -> bool {
        let is_there = root.try_exists().unwrap_or(false);
        if is_there && !scan::is_empty(root) {
            return false;
        }
        let snapshot = self.library.snapshot();
        let items = snapshot.items().filter(|item| item.path.starts_with(root)).count();
        let is_known = snapshot.parts().roots.iter().any(|known| known.path == root && !known.available);
        let root = root.display();
        let kept = if items == 1 { "its item is".to_owned() } else { format!("its {items} items are") };
        let message = match (is_there, items) {
            (true, 0) => return false,
            (true, _) => format!(
                "{root} is empty; {kept} kept, in case its disk is not connected (remove the folder from the library if they are gone)"
            ),
            (false, 0) => format!("{root} is missing"),
            (false, _) => {
                format!("{root} is missing, or its disk is not connected; {kept} kept until it is available again")
            }
        };
        if !(unasked && is_known) {
            self.event_sender.notice(Severity::Warning, message);
        }
        true
    }

    /// What became of the disks that were mounted below the walked roots. One that is not there becomes a root of its
    /// own: its items are kept until it is back, or the user removes it.
    pub(super) fn look_for_mounts(&self, run: &mut ImportRun) -> Result<(), StoreError> {
        let is_away = |folder: &PathBuf| {
            run.walked.iter().any(|root| folder.starts_with(root))
                && !run.unreachable.iter().any(|known| folder.starts_with(known))
                && !run.mounts.contains(folder)
                && (!folder.exists() || scan::is_empty(folder))
        };
        let before = self.library.mounts();
        for folder in before.iter().filter(|folder| is_away(folder)).cloned().collect::<Vec<_>>() {
            if self.is_unreachable(&folder, run.unasked) {
                self.library.add_root(&folder)?;
                run.walked.push(folder.clone());
                run.unreachable.push(folder);
            }
        }
        let was_walked = |folder: &PathBuf| run.walked.iter().any(|root| folder.starts_with(root));
        let mut mounts: Vec<PathBuf> = before.into_iter().filter(|folder| !was_walked(folder)).collect();
        mounts.append(&mut run.mounts);
        self.library.set_mounts(&mounts)
    }

    fn handle_candidate(
        &self,
        candidate: Candidate,
        plan: &ScanPlan,
        pipeline: &Pipeline,
        sender: &CandidateSender<'_>,
        run: &mut ImportRun,
    ) {
        if !self.control.wait_if_paused() {
            return;
        }
        let is_new = run.seen.insert(candidate.path.clone());
        // Nothing has vectors for the other files; they stay as they are for the models that have embedded them.
        if self.model.own_vectors().is_some_and(|own| own.table != candidate.path) {
            return;
        }
        if plan.forced.contains(&candidate.path) {
            if !is_new {
                // it was counted in this very run
                match self.library.left_out_reason(&candidate.path) {
                    Some(reason) => pipeline.stats.subtract_skipped(reason),
                    None => {
                        let parts = self.library.failed_parts(&candidate.path).max(1);
                        ImportStats::subtract(&pipeline.stats.failed, parts);
                    }
                }
            }
            self.mark_unfinished(run);
            sender.send(candidate);
        } else if is_new {
            self.handle_new(candidate, pipeline, sender, run);
        }
        pipeline.report();
    }

    fn handle_new(&self, candidate: Candidate, pipeline: &Pipeline, sender: &CandidateSender<'_>, run: &mut ImportRun) {
        let status = self.library.known(&candidate);
        if self.is_companion(&candidate.path, status, run) {
            return self.leave_out_companion(candidate, status, pipeline);
        }
        match status {
            FileStatus::Failed => ImportStats::add(&pipeline.stats.failed, 1),
            FileStatus::LeftOut(reason) if !is_outdated(reason, run) => pipeline.stats.add_skipped(reason),
            FileStatus::Unchanged => {
                let items = run.parts.get(&candidate.path).copied().unwrap_or(1);
                ImportStats::add(&pipeline.stats.reused, items);
                // some rows of a table
                ImportStats::add(&pipeline.stats.failed, self.library.failed_parts(&candidate.path));
                if self.library.lacks_change_mark(&candidate) {
                    run.marks.push((candidate.path, candidate.change_mark));
                }
            }
            FileStatus::Changed | FileStatus::LeftOut(_) => {
                self.mark_unfinished(run);
                sender.send(candidate);
            }
        }
    }

    /// Whether a file belongs to a picture of its name beside it, which is or becomes an item as far as is known.
    fn is_companion(&self, path: &Path, status: FileStatus, run: &mut ImportRun) -> bool {
        let Some(kind) = companion_kind(path) else { return false };
        let is_item =
            |picture: &PathBuf| !self.library.has_failed(picture) && self.library.left_out_reason(picture).is_none();
        let has_picture = run.companions.pictures_of(path).iter().any(is_item);
        let is_known = status == FileStatus::LeftOut(SkipReason::Companion);
        has_picture && (kind == CompanionKind::Raw || is_known || is_short_video(path))
    }

    fn leave_out_companion(&self, candidate: Candidate, status: FileStatus, pipeline: &Pipeline) {
        let reason = SkipReason::Companion;
        if status == FileStatus::LeftOut(reason) {
            return pipeline.stats.add_skipped(reason);
        }
        let Candidate { path, len: bytes, modified_ns, change_mark } = candidate;
        let cause = RejectionCause::LeftOut(reason);
        pipeline.failed(RejectedFile { path, reason: String::new(), cause, bytes, modified_ns, change_mark, parts: 1 });
    }
}

/// Whether a file that was left out for this reason would be read now, though it is as it was.
fn is_outdated(reason: SkipReason, run: &ImportRun) -> bool {
    match reason {
        // Its picture has gone.
        SkipReason::Companion => true,
        SkipReason::VideoWithoutFfmpeg => run.reads_videos,
        _ => false,
    }
}

/// Whether two paths lead to one folder, though they differ: by the case of their letters, or by a mount.
fn is_same_folder(a: &Path, b: &Path) -> bool {
    a == b || atomic_file::is_same(a, b).unwrap_or(false)
}
