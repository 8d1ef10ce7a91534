//! Counts of the running import: atomics that threads add to, sampled a few times per second.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::StageSeconds;
use vicinity_core::rate::RateEstimator;
use vicinity_core::{Progress, SkipCounts, SkipReason, Stage};

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct ImportStats {
    /// Found so far that need embedding.
    pub total: AtomicU64,
    /// Of these, embedded and stored.
    pub done: AtomicU64,
    /// Known already.
    pub reused: AtomicU64,
    /// Could not be read.
    pub failed: AtomicU64,
    /// Found and skipped.
    skipped: Mutex<SkipCounts>,
    /// Whether all folders have been walked.
    pub scanned: AtomicBool,
    /// Nanoseconds of work of the stages.
    pub read: AtomicU64,
    /// As `read`, the towers.
    pub embed: AtomicU64,
    /// As `read`, the writer.
    pub store: AtomicU64,
    rate: Mutex<RateEstimator>,
}

impl ImportStats {
    /// Adds to a count.
    pub fn add(count: &AtomicU64, n: usize) {
        count.fetch_add(n as u64, Ordering::Relaxed);
    }

    /// Takes from a count, never below zero.
    pub fn subtract(count: &AtomicU64, n: usize) {
        let _always_some =
            count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_sub(n as u64)));
    }

    /// Counts something that was skipped.
    pub fn add_skipped(&self, reason: SkipReason) {
        *self.skipped.lock().unwrap_or_else(PoisonError::into_inner).entry(reason).or_default() += 1;
    }

    /// Takes that back.
    pub fn subtract_skipped(&self, reason: SkipReason) {
        let mut skipped = self.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = skipped.get_mut(&reason) {
            *count = count.saturating_sub(1);
        }
    }

    /// What was skipped so far.
    pub fn skipped(&self) -> SkipCounts {
        self.skipped.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does some work and adds its time to a stage.
    pub fn measure<T>(stage: &AtomicU64, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        stage.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        done
    }

    /// The time of all stages so far.
    pub fn busy(&self) -> StageSeconds {
        let [read, embed, store] =
            [&self.read, &self.embed, &self.store].map(|stage| stage.load(Ordering::Relaxed) as f64 / 1e9);
        StageSeconds { read, embed, store }
    }

    /// A sample, unless the last one is too fresh.
    pub fn sample(&self) -> Option<Progress> {
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        let done = self.done.load(Ordering::Relaxed);
        if !rate.sample(done) {
            return None;
        }
        let per_second = rate.per_second.unwrap_or(0.0);
        drop(rate);
        let stage = if done == 0 && !self.scanned.load(Ordering::Relaxed) { Stage::Scanning } else { Stage::Embedding };
        Some(self.progress(stage, per_second))
    }

    /// The counts at another stage.
    pub fn at(&self, stage: Stage) -> Progress {
        self.progress(stage, 0.0)
    }

    /// Forgets the time that has passed, not the rate: after a pause.
    pub fn restart_clock(&self) {
        self.rate.lock().unwrap_or_else(PoisonError::into_inner).restart_clock();
    }

    fn progress(&self, stage: Stage, per_second: f32) -> Progress {
        let [total, done, reused, failed] =
            [&self.total, &self.done, &self.reused, &self.failed].map(|count| count.load(Ordering::Relaxed));
        let counting = !self.scanned.load(Ordering::Relaxed);
        let seconds_left = (per_second > 0.0 && !counting).then(|| total.saturating_sub(done) as f32 / per_second);
        Progress { stage, total, counting, done, reused, failed, per_second, seconds_left }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_never_go_below_zero() {
        let stats = ImportStats::default();
        ImportStats::subtract(&stats.total, 3);
        assert_eq!(stats.at(Stage::Idle).total, 0);
    }
}
