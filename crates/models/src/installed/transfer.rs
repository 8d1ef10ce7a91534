//! Progress of a download: counters that its thread writes and anyone samples.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use vicinity_core::rate::RateEstimator;

/// Counters of one download.
#[derive(Debug, Default)]
pub struct Transfer {
    done: AtomicU64,
    total: AtomicU64,
    received: AtomicU64,
    rate: Mutex<RateEstimator>,
}

/// Progress at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DownloadProgress {
    /// Bytes that have arrived, over all files.
    pub done: u64,
    /// Bytes of all files; 0 until the hub has reported them.
    pub total: u64,
    /// Bytes per second, smoothed; 0 while unknown.
    pub per_second: f32,
    /// Estimated time left; `None` while unknown.
    pub seconds_left: Option<f32>,
}

impl Transfer {
    pub(super) fn expect(&self, total: u64, done: u64) {
        self.total.store(total, Ordering::Relaxed);
        self.done.store(done, Ordering::Relaxed);
    }

    pub(super) fn reached(&self, done: u64) {
        self.done.store(done, Ordering::Relaxed);
    }

    pub(super) fn received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Progress now.
    pub fn sample(&self) -> DownloadProgress {
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        // A sample that comes too soon changes nothing.
        let _learned = rate.sample(self.received.load(Ordering::Relaxed));
        let per_second = rate.per_second.unwrap_or(0.0);
        let [done, total] = [&self.done, &self.total].map(|count| count.load(Ordering::Relaxed));
        let seconds_left = (per_second > 0.0).then(|| total.saturating_sub(done) as f32 / per_second);
        DownloadProgress { done, total, per_second, seconds_left }
    }
}
