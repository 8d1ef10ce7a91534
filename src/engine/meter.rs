//! Counts of the running import: atomics that threads add to, sampled a few times a second.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Busy;
use crate::domain::{Progress, Stage};

/// Between two samples.
const INTERVAL: Duration = Duration::from_millis(200);
/// Seconds after which an old rate counts for a third only.
const MEMORY: f32 = 5.0;

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Meter {
    /// Found so far that need embedding.
    pub total: AtomicU64,
    /// Of these, embedded and stored.
    pub done: AtomicU64,
    /// Known already.
    pub reused: AtomicU64,
    /// Could not be read.
    pub failed: AtomicU64,
    /// Whether all folders have been walked.
    pub scanned: AtomicBool,
    /// Nanoseconds of work of the stages.
    pub read: AtomicU64,
    /// As `read`, the towers.
    pub embed: AtomicU64,
    /// As `read`, the writer.
    pub store: AtomicU64,
    rate: Mutex<Rate>,
}

/// A smoothed rate of things done.
#[derive(Debug, Default)]
pub(super) struct Rate {
    last: Option<(Instant, u64)>,
    /// Things a second; `None` before the first.
    pub(super) per_second: Option<f32>,
}

impl Meter {
    /// Adds to a count.
    pub fn add(count: &AtomicU64, n: usize) {
        count.fetch_add(n as u64, Ordering::Relaxed);
    }

    /// Takes from a count, never below zero.
    pub fn take(count: &AtomicU64, n: usize) {
        let _always_some =
            count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_sub(n as u64)));
    }

    /// Does some work and adds its time to a stage.
    pub fn clock<T>(stage: &AtomicU64, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        stage.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        done
    }

    /// The time of all stages so far.
    pub fn busy(&self) -> Busy {
        let [read, embed, store] =
            [&self.read, &self.embed, &self.store].map(|stage| stage.load(Ordering::Relaxed) as f64 / 1e9);
        Busy { read, embed, store }
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
    pub fn rest(&self) {
        self.rate.lock().unwrap_or_else(PoisonError::into_inner).last = None;
    }

    fn progress(&self, stage: Stage, per_second: f32) -> Progress {
        let [total, done, reused, failed] =
            [&self.total, &self.done, &self.reused, &self.failed].map(|count| count.load(Ordering::Relaxed));
        let known = per_second > 0.0 && self.scanned.load(Ordering::Relaxed);
        let seconds_left = known.then(|| total.saturating_sub(done) as f32 / per_second);
        Progress { stage, total, done, reused, failed, per_second, seconds_left }
    }
}

impl Rate {
    /// Looks at how many are `done` now; false where the last look is too fresh to learn from.
    pub(super) fn sample(&mut self, done: u64) -> bool {
        let now = Instant::now();
        if let Some((at, before)) = self.last {
            let passed = now.saturating_duration_since(at);
            if passed < INTERVAL {
                return false;
            }
            self.learn(done.saturating_sub(before) as f32, passed.as_secs_f32());
        }
        self.last = Some((now, done));
        true
    }

    fn learn(&mut self, items: f32, seconds: f32) {
        let now = items / seconds;
        self.per_second = match self.per_second {
            None if items == 0.0 => None,
            None => Some(now),
            Some(before) => Some(before + (now - before) * (1.0 - (-seconds / MEMORY).exp())),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_smooth_and_the_time_left_follows() {
        let mut rate = Rate::default();
        rate.learn(0.0, 0.2);
        assert_eq!(rate.per_second, None, "nothing is known before the first item");
        rate.learn(10.0, 1.0);
        rate.learn(0.0, 1.0);
        let smoothed = rate.per_second.expect("known");
        assert!((7.0..10.0).contains(&smoothed), "{smoothed}");
    }

    #[test]
    fn counts_never_go_below_zero() {
        let meter = Meter::default();
        Meter::take(&meter.total, 3);
        assert_eq!(meter.at(Stage::Idle).total, 0);
    }
}
