//! One download, from the first request to the rename that installs the model.
//!
//! Runs on its own thread, so hashing and writing may block. What has arrived of a file is stored in `FILE.part` and
//! resumed after a broken connection, a pause or a kill; only a file with the right hash loses the `.part`.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::checksum::{FileHasher, read_into};
use super::context::InstallContext;
use super::download_plan::{self, PLAN_FILE, PlannedFile, WantedFile, bytes_present, part_path, read_plan};
use super::error::{HashSource, ModelError};
use super::hub::{FileRef, Hub};
use super::model_store::{ListedFile, Manifest, Origin, is_inside, revision, write_json};
use super::transfer::Transfer;
use crate::catalogue::{CatalogueEntry, HubSource};
use vicinity_core::atomic_file;

/// What the user wants a download to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestedState {
    /// Run.
    Run,
    /// Stop and keep what has arrived.
    Pause,
    /// Stop and delete what has arrived.
    Cancel,
}

/// Bytes that must stay free on the disk.
const RESERVE: u64 = 32 << 20;
const MAX_WAIT: Duration = Duration::from_secs(60);
/// Between two reports of progress.
const REPORT_INTERVAL: Duration = Duration::from_millis(200);

/// A download under way.
pub(super) struct Download<'a> {
    entry: &'static CatalogueEntry,
    context: &'a InstallContext,
    transfer: &'a Transfer,
    requested: watch::Receiver<RequestedState>,
    hub: Hub,
    partial: PathBuf,
    /// Bytes of the files that are complete.
    completed: u64,
    last_report: Instant,
}

impl<'a> Download<'a> {
    pub(super) fn new(
        entry: &'static CatalogueEntry,
        context: &'a InstallContext,
        transfer: &'a Transfer,
        requested: watch::Receiver<RequestedState>,
    ) -> Result<Self, ModelError> {
        let options = &context.options;
        let hub =
            Hub::new(&options.endpoint, options.token.clone(), options.read_timeout, context.network_log.clone())?;
        let partial = context.store.partial(entry.id);
        Ok(Self { entry, context, transfer, requested, hub, partial, completed: 0, last_report: Instant::now() })
    }

    /// Downloads whatever is missing and installs the model.
    pub(super) async fn run(mut self) -> Result<Manifest, ModelError> {
        let _lock = self.context.store.lock(self.entry.id)?;
        let plan = self.plan().await?;
        self.begin(&plan)?;
        let mut files = Vec::new();
        for wanted in &plan {
            let sha256 = self.obtain(wanted).await?;
            self.completed += wanted.planned.bytes;
            self.progress(0);
            files.push(ListedFile { path: wanted.planned.path.clone(), bytes: wanted.planned.bytes, sha256 });
        }
        self.finish(&plan, files)
    }

    async fn plan(&self) -> Result<Vec<WantedFile>, ModelError> {
        let cache = self.context.options.hub_cache.as_deref();
        let metadata = async |file: FileRef<'_>| self.with_retries(async || self.hub.metadata(file).await).await;
        download_plan::plan(self.entry.sources, cache, metadata).await
    }

    /// Deletes files of another plan, and checks the free space.
    fn begin(&mut self, plan: &[WantedFile]) -> Result<(), ModelError> {
        let partial = &self.partial;
        for old in read_plan(partial).unwrap_or_default() {
            if is_inside(Path::new(&old.path)) && plan.iter().all(|wanted| wanted.planned != old) {
                let path = partial.join(&old.path);
                // What cannot be deleted now is overwritten or refused later.
                let _gone = (fs::remove_file(part_path(&path)), fs::remove_file(path));
            }
        }
        for wanted in plan {
            let path = partial.join(&wanted.planned.path);
            let dir = path.parent().unwrap_or(partial);
            fs::create_dir_all(dir).map_err(ModelError::io(dir))?;
        }
        let planned: Vec<&PlannedFile> = plan.iter().map(|wanted| &wanted.planned).collect();
        write_json(&partial.join(PLAN_FILE), &planned)?;
        let missing: u64 = plan
            .iter()
            .filter(|w| w.cached.is_none())
            .map(|w| w.planned.bytes - bytes_present(partial, &w.planned))
            .sum();
        self.transfer.expect(
            planned.iter().map(|file| file.bytes).sum(),
            planned.iter().map(|file| bytes_present(partial, file)).sum(),
        );
        self.context.check_free_space(missing, RESERVE)
    }

    /// Makes sure that a file is present and right; returns its SHA-256.
    async fn obtain(&mut self, wanted: &WantedFile) -> Result<String, ModelError> {
        let target = self.partial.join(&wanted.planned.path);
        if target.is_file() {
            return self.check(&target, &wanted.planned)?.ok_or_else(|| {
                // It was right once; whoever changed it, the next attempt starts again.
                let _gone = fs::remove_file(&target);
                mismatch(&wanted.planned)
            });
        }
        let installed = self.context.store.dir(self.entry.id).join(&wanted.planned.path);
        for candidate in wanted.cached.iter().chain([&installed]) {
            if fs::metadata(candidate).is_ok_and(|m| m.is_file() && m.len() == wanted.planned.bytes)
                && let Ok(Some(sha256)) = self.check(candidate, &wanted.planned)
            {
                link_or_copy(candidate, &target)?;
                return Ok(sha256);
            }
            self.stopped()?;
        }
        self.fetch(wanted, &target).await
    }

    /// The SHA-256 of a file, if it is as planned.
    fn check(&mut self, path: &Path, file: &PlannedFile) -> Result<Option<String>, ModelError> {
        let mut hasher = FileHasher::new(file.bytes);
        let mut done = 0;
        let read = read_into(&mut hasher, path, |n| {
            done += n;
            self.progress(done);
            self.stopped().is_ok()
        });
        self.stopped()?;
        read.map_err(ModelError::io(path))?;
        let (sha256, right) = hasher.finish(&file.expected);
        Ok(right.then_some(sha256))
    }

    async fn fetch(&mut self, wanted: &WantedFile, target: &Path) -> Result<String, ModelError> {
        let part = part_path(target);
        let mut fresh = false;
        loop {
            let mut hasher = self.hash_part(&part, wanted.planned.bytes)?;
            let resumed = hasher.done > 0 && !fresh;
            if let Err(error) = self.fill(wanted, &part, &mut hasher).await {
                if matches!(error, ModelError::ChecksumMismatch { .. }) {
                    fs::remove_file(&part).map_err(ModelError::io(&part))?;
                }
                return Err(error);
            }
            let (sha256, right) = hasher.finish(&wanted.planned.expected);
            if right {
                atomic_file::persist(&part, target).map_err(ModelError::io(target))?;
                return Ok(sha256);
            }
            fs::remove_file(&part).map_err(ModelError::io(&part))?;
            if !resumed {
                return Err(mismatch(&wanted.planned));
            }
            fresh = true; // The bytes of an earlier attempt may be wrong: once more from the start.
        }
    }

    /// Hashes what an earlier attempt fetched.
    fn hash_part(&mut self, part: &Path, total: u64) -> Result<FileHasher, ModelError> {
        let mut hasher = FileHasher::new(total);
        match fs::metadata(part) {
            Ok(found) if found.len() <= total => {
                let read = read_into(&mut hasher, part, |_| self.stopped().is_ok());
                self.stopped()?;
                read.map_err(ModelError::io(part))?;
            }
            // Longer than the file, or missing: from the start.
            _ => drop(File::create(part).map_err(ModelError::io(part))?),
        }
        Ok(hasher)
    }

    /// Requests the rest of a file until it is complete, waiting longer after each attempt that brings nothing.
    async fn fill(&mut self, wanted: &WantedFile, part: &Path, hasher: &mut FileHasher) -> Result<(), ModelError> {
        let mut tries = 0;
        while hasher.done < wanted.planned.bytes {
            let before = hasher.done;
            match self.stream(wanted, part, hasher).await {
                Ok(()) => {}
                Err(error) if error.is_temporary() => {
                    tries = if hasher.done > before { 1 } else { tries + 1 };
                    if tries >= self.context.options.max_attempts {
                        return Err(error);
                    }
                    log::info!("{}: {error}; attempt {tries}", wanted.file);
                    self.wait(tries, &error).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Appends one response of the hub to `part`.
    async fn stream(&mut self, wanted: &WantedFile, part: &Path, hasher: &mut FileHasher) -> Result<(), ModelError> {
        let total = wanted.planned.bytes;
        let place = FileRef { repo: wanted.source.repo, revision: &wanted.commit, path: wanted.file };
        let answer = self.unless_stopped(self.hub.open(place, hasher.done)).await?;
        let begins = answer.as_ref().map_or(0, |(_, begins)| *begins);
        if begins != hasher.done {
            *hasher = FileHasher::new(total);
        }
        let mut file = OpenOptions::new().append(true).create(true).open(part).map_err(ModelError::io(part))?;
        file.set_len(hasher.done).map_err(ModelError::io(part))?;
        let broken = |what: &str| ModelError::Network { host: "the hub".to_owned(), reason: what.to_owned() };
        let Some((mut answer, _)) = answer else { return Err(broken("it has nothing to resume from")) };
        while let Some(bytes) = self.unless_stopped(self.hub.next_chunk(&mut answer)).await? {
            if hasher.done + bytes.len() as u64 > total {
                return Err(mismatch(&wanted.planned));
            }
            file.write_all(&bytes).map_err(ModelError::io(part))?;
            hasher.update(&bytes);
            self.transfer.received(bytes.len() as u64);
            self.progress(hasher.done);
        }
        if hasher.done < total { Err(broken("the connection was lost")) } else { Ok(()) }
    }

    fn finish(&self, plan: &[WantedFile], files: Vec<ListedFile>) -> Result<Manifest, ModelError> {
        let licence = self.entry.licence;
        let mut manifest = Manifest::new(self.entry.id, self.entry.title, licence.name, Some(licence.terms));
        for wanted in plan {
            let HubSource { repo, folder, .. } = *wanted.source;
            let origin = Origin { repo: repo.to_owned(), commit: wanted.commit.clone(), folder: folder.to_owned() };
            if !manifest.sources.contains(&origin) {
                manifest.sources.push(origin);
            }
        }
        manifest.revision = revision(&manifest.sources);
        manifest.files = files;
        let plan = self.partial.join(PLAN_FILE);
        fs::remove_file(&plan).map_err(ModelError::io(&plan))?;
        self.context.store.install(&manifest, &self.partial)?;
        Ok(manifest)
    }

    /// Repeats a request until it succeeds or repeating cannot help.
    async fn with_retries<T>(&self, ask: impl AsyncFn() -> Result<T, ModelError>) -> Result<T, ModelError> {
        let mut tries = 0;
        loop {
            match self.unless_stopped(ask()).await {
                Err(error) if error.is_temporary() && tries + 1 < self.context.options.max_attempts => {
                    tries += 1;
                    self.wait(tries, &error).await?;
                }
                result => return result,
            }
        }
    }

    async fn wait(&self, tries: u32, error: &ModelError) -> Result<(), ModelError> {
        let asked = match error {
            ModelError::Status { retry_after: Some(seconds), .. } => Duration::from_secs(*seconds),
            _ => Duration::ZERO,
        };
        let pause = self.context.options.backoff.saturating_mul(1 << tries.min(6)).max(asked).min(MAX_WAIT);
        self.unless_stopped(async {
            tokio::time::sleep(pause).await;
            Ok(())
        })
        .await
    }

    async fn unless_stopped<T>(&self, work: impl Future<Output = Result<T, ModelError>>) -> Result<T, ModelError> {
        let mut requested = self.requested.clone();
        tokio::select! {
            biased;
            _ = requested.wait_for(|state| *state != RequestedState::Run) => Err(ModelError::Stopped),
            result = work => result,
        }
    }

    fn stopped(&self) -> Result<(), ModelError> {
        if *self.requested.borrow() == RequestedState::Run { Ok(()) } else { Err(ModelError::Stopped) }
    }

    fn progress(&mut self, done_of_file: u64) {
        self.transfer.reached(self.completed + done_of_file);
        if self.last_report.elapsed() >= REPORT_INTERVAL {
            self.last_report = Instant::now();
            (self.context.changed)();
        }
    }
}

fn mismatch(file: &PlannedFile) -> ModelError {
    ModelError::ChecksumMismatch { file: file.path.clone(), expected_by: HashSource::Hub }
}

/// Links a file that exists already, or copies it where the file system has no links.
fn link_or_copy(from: &Path, to: &Path) -> Result<(), ModelError> {
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    let part = part_path(to);
    fs::copy(from, &part).and_then(|_| fs::rename(&part, to)).map_err(ModelError::io(to))
}
