//! One download, from the first question to the rename that makes it a model.
//!
//! Runs on a thread of its own, so that hashing and writing may block. What has arrived of a file lies in `FILE.part`
//! and is gone on with, after a cut, a pause or a kill; only a file whose hash is right loses the `.part`.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::checksum::{FileHasher, read_into};
use super::download_plan::{PLAN_FILE, PlannedFile, WantedFile, bytes_present, part_path, read_plan};
use super::error::ModelError;
use super::hub::{FileRef, Hub};
use super::model_store::{ListedFile, Manifest, Origin, write_json};
use super::{Shared, Transfer};
use crate::catalogue::{CatalogueEntry, HubSource};
use vicinity_core::atomic_file;

/// What the user wants of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestedState {
    /// That it runs.
    Run,
    /// That it stops and keeps what is there.
    Pause,
    /// That it stops and drops what is there.
    Cancel,
}

/// What shall stay free on the disk, bytes.
const RESERVE: u64 = 32 << 20;
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Between two words to whoever shows the progress.
const TELL: Duration = Duration::from_millis(200);

/// A download under way.
pub(super) struct Download<'a> {
    pub(super) known: &'static CatalogueEntry,
    pub(super) shared: &'a Shared,
    transfer: &'a Transfer,
    wish: watch::Receiver<RequestedState>,
    pub(super) hub: Hub,
    partial: PathBuf,
    /// Bytes of the files that are done.
    base: u64,
    told: Instant,
}

impl<'a> Download<'a> {
    pub(super) fn new(
        known: &'static CatalogueEntry,
        shared: &'a Shared,
        transfer: &'a Transfer,
        wish: watch::Receiver<RequestedState>,
    ) -> Result<Self, ModelError> {
        let options = &shared.options;
        let hub = Hub::new(&options.endpoint, options.token.clone(), options.read_timeout, shared.network_log.clone())?;
        let partial = shared.store.partial(known.id);
        Ok(Self { known, shared, transfer, wish, hub, partial, base: 0, told: Instant::now() })
    }

    /// Gets everything that is missing.
    pub(super) async fn run(mut self) -> Result<Manifest, ModelError> {
        let _lock = self.shared.store.lock(self.known.id)?;
        let plan = self.plan().await?;
        self.begin(&plan)?;
        let mut files = Vec::new();
        for wanted in &plan {
            let sha256 = self.bring(wanted).await?;
            self.base += wanted.line.bytes;
            self.progress(0);
            files.push(ListedFile { path: wanted.line.path.clone(), bytes: wanted.line.bytes, sha256 });
        }
        self.finish(&plan, files)
    }

    /// Drops what belongs to another plan, and looks whether there is room.
    fn begin(&mut self, plan: &[WantedFile]) -> Result<(), ModelError> {
        let partial = &self.partial;
        for old in read_plan(partial).unwrap_or_default() {
            if super::model_store::is_inside(Path::new(&old.path)) && plan.iter().all(|wanted| wanted.line != old) {
                let path = partial.join(&old.path);
                // what cannot be removed now is overwritten or refused later
                let _gone = (fs::remove_file(part_path(&path)), fs::remove_file(path));
            }
        }
        for wanted in plan {
            let path = partial.join(&wanted.line.path);
            let dir = path.parent().unwrap_or(partial);
            fs::create_dir_all(dir).map_err(ModelError::io(dir))?;
        }
        let lines: Vec<&PlannedFile> = plan.iter().map(|wanted| &wanted.line).collect();
        write_json(&partial.join(PLAN_FILE), &lines)?;
        let missing: u64 =
            plan.iter().filter(|w| w.cached.is_none()).map(|w| w.line.bytes - bytes_present(partial, &w.line)).sum();
        self.transfer
            .expect(lines.iter().map(|line| line.bytes).sum(), lines.iter().map(|l| bytes_present(partial, l)).sum());
        self.shared.room_for(missing, RESERVE)
    }

    /// Sees to it that a file is there and right; its SHA-256.
    async fn bring(&mut self, wanted: &WantedFile) -> Result<String, ModelError> {
        let target = self.partial.join(&wanted.line.path);
        if target.is_file() {
            return self.check(&target, &wanted.line)?.ok_or_else(|| {
                // it was right once: whoever changed it, the next attempt starts anew
                let _gone = fs::remove_file(&target);
                wrong(&wanted.line)
            });
        }
        let installed = self.shared.store.dir(self.known.id).join(&wanted.line.path);
        for candidate in wanted.cached.iter().chain([&installed]) {
            if fs::metadata(candidate).is_ok_and(|m| m.is_file() && m.len() == wanted.line.bytes)
                && let Ok(Some(sha256)) = self.check(candidate, &wanted.line)
            {
                take_over(candidate, &target)?;
                return Ok(sha256);
            }
            self.stopped()?;
        }
        self.fetch(wanted, &target).await
    }

    /// The SHA-256 of a file if it is as wanted.
    fn check(&mut self, path: &Path, line: &PlannedFile) -> Result<Option<String>, ModelError> {
        let mut hasher = FileHasher::new(line.bytes);
        let mut done = 0;
        let read = read_into(&mut hasher, path, |n| {
            done += n;
            self.progress(done);
            self.stopped().is_ok()
        });
        self.stopped()?;
        read.map_err(ModelError::io(path))?;
        let (sha256, right) = hasher.finish(&line.expected);
        Ok(right.then_some(sha256))
    }

    async fn fetch(&mut self, wanted: &WantedFile, target: &Path) -> Result<String, ModelError> {
        let part = part_path(target);
        let mut fresh = false;
        loop {
            let mut hasher = self.what_is_there(&part, wanted.line.bytes)?;
            let resumed = hasher.done > 0 && !fresh;
            if let Err(error) = self.fill(wanted, &part, &mut hasher).await {
                if matches!(error, ModelError::Wrong { .. }) {
                    fs::remove_file(&part).map_err(ModelError::io(&part))?;
                }
                return Err(error);
            }
            let (sha256, right) = hasher.finish(&wanted.line.expected);
            if right {
                atomic_file::persist(&part, target).map_err(ModelError::io(target))?;
                return Ok(sha256);
            }
            fs::remove_file(&part).map_err(ModelError::io(&part))?;
            if !resumed {
                return Err(wrong(&wanted.line));
            }
            fresh = true; // the old beginning may be at fault: once more from the start
        }
    }

    /// Hashes what has arrived of a file earlier.
    fn what_is_there(&mut self, part: &Path, total: u64) -> Result<FileHasher, ModelError> {
        let mut hasher = FileHasher::new(total);
        match fs::metadata(part) {
            Ok(found) if found.len() <= total => {
                let read = read_into(&mut hasher, part, |_| self.stopped().is_ok());
                self.stopped()?;
                read.map_err(ModelError::io(part))?;
            }
            // longer than the file can be, or not there: from the start
            _ => drop(File::create(part).map_err(ModelError::io(part))?),
        }
        Ok(hasher)
    }

    /// Asks for the rest of a file until it is all there, waiting longer after each attempt that brought nothing.
    async fn fill(&mut self, wanted: &WantedFile, part: &Path, hasher: &mut FileHasher) -> Result<(), ModelError> {
        let mut tries = 0;
        while hasher.done < wanted.line.bytes {
            let before = hasher.done;
            match self.stream(wanted, part, hasher).await {
                Ok(()) => {}
                Err(error) if error.is_passing() => {
                    tries = if hasher.done > before { 1 } else { tries + 1 };
                    if tries >= self.shared.options.max_attempts {
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

    /// Writes one answer of the hub to the end of `part`.
    async fn stream(&mut self, wanted: &WantedFile, part: &Path, hasher: &mut FileHasher) -> Result<(), ModelError> {
        let total = wanted.line.bytes;
        let place = FileRef { repo: wanted.source.repo, revision: &wanted.commit, file: wanted.file };
        let answer = self.unless_stopped(self.hub.open(place, hasher.done)).await?;
        let begins = answer.as_ref().map_or(0, |(_, begins)| *begins);
        if begins != hasher.done {
            *hasher = FileHasher::new(total);
        }
        let mut file = OpenOptions::new().append(true).create(true).open(part).map_err(ModelError::io(part))?;
        file.set_len(hasher.done).map_err(ModelError::io(part))?;
        let broken = |what: &str| ModelError::Network { host: "the hub".to_owned(), reason: what.to_owned() };
        let Some((mut answer, _)) = answer else { return Err(broken("it has nothing to resume from")) };
        while let Some(bytes) = self.unless_stopped(self.hub.more(&mut answer)).await? {
            if hasher.done + bytes.len() as u64 > total {
                return Err(wrong(&wanted.line));
            }
            file.write_all(&bytes).map_err(ModelError::io(part))?;
            hasher.update(&bytes);
            self.transfer.received(bytes.len() as u64);
            self.progress(hasher.done);
        }
        if hasher.done < total { Err(broken("the connection was lost")) } else { Ok(()) }
    }

    fn finish(&self, plan: &[WantedFile], files: Vec<ListedFile>) -> Result<Manifest, ModelError> {
        let licence = self.known.licence;
        let mut manifest = Manifest::new(self.known.id, self.known.title, licence.name, Some(licence.terms));
        for wanted in plan {
            let HubSource { repo, folder, .. } = *wanted.source;
            let origin = Origin { repo: repo.to_owned(), commit: wanted.commit.clone(), folder: folder.to_owned() };
            if !manifest.sources.contains(&origin) {
                manifest.sources.push(origin);
            }
        }
        manifest.revision = super::revision(&manifest.sources);
        manifest.files = files;
        let plan = self.partial.join(PLAN_FILE);
        fs::remove_file(&plan).map_err(ModelError::io(&plan))?;
        self.shared.store.install(&manifest, &self.partial)?;
        Ok(manifest)
    }

    /// Asks until there is an answer or no hope of one.
    pub(super) async fn patiently<T>(&self, ask: impl AsyncFn() -> Result<T, ModelError>) -> Result<T, ModelError> {
        let mut tries = 0;
        loop {
            match self.unless_stopped(ask()).await {
                Err(error) if error.is_passing() && tries + 1 < self.shared.options.max_attempts => {
                    tries += 1;
                    self.wait(tries, &error).await?;
                }
                result => return result,
            }
        }
    }

    async fn wait(&self, tries: u32, error: &ModelError) -> Result<(), ModelError> {
        let asked = match error {
            ModelError::Status { after: Some(seconds), .. } => Duration::from_secs(*seconds),
            _ => Duration::ZERO,
        };
        let pause = self.shared.options.backoff.saturating_mul(1 << tries.min(6)).max(asked).min(LONGEST_WAIT);
        self.unless_stopped(async {
            tokio::time::sleep(pause).await;
            Ok(())
        })
        .await
    }

    async fn unless_stopped<T>(&self, work: impl Future<Output = Result<T, ModelError>>) -> Result<T, ModelError> {
        let mut wish = self.wish.clone();
        tokio::select! {
            biased;
            _ = wish.wait_for(|wish| *wish != RequestedState::Run) => Err(ModelError::Stopped),
            result = work => result,
        }
    }

    fn stopped(&self) -> Result<(), ModelError> {
        if *self.wish.borrow() == RequestedState::Run { Ok(()) } else { Err(ModelError::Stopped) }
    }

    fn progress(&mut self, done_of_file: u64) {
        self.transfer.reached(self.base + done_of_file);
        if self.told.elapsed() >= TELL {
            self.told = Instant::now();
            (self.shared.changed)();
        }
    }
}

fn wrong(line: &PlannedFile) -> ModelError {
    ModelError::Wrong { file: line.path.clone(), source_of_hash: "the hub names" }
}

/// Links a file that is here already, or copies it where the file system cannot.
fn take_over(from: &Path, to: &Path) -> Result<(), ModelError> {
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    let part = part_path(to);
    fs::copy(from, &part).and_then(|_| fs::rename(&part, to)).map_err(ModelError::io(to))
}
