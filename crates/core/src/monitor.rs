//! A value that threads change and wait for: a mutex with a condition variable.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A value under a lock, with a condition variable for its changes. It stays usable after a panic of a thread that held
/// the lock: changes are simple assignments.
#[derive(Debug, Default)]
pub struct Monitor<T> {
    value: Mutex<T>,
    changed: Condvar,
}

impl<T> Monitor<T> {
    /// Holds `value`.
    pub fn new(value: T) -> Self {
        Self { value: Mutex::new(value), changed: Condvar::new() }
    }

    /// Reads or changes the value, and wakes all waiting threads.
    pub fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    /// Reads the value without waking any thread.
    pub fn read<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.lock())
    }

    /// Waits until `take` returns something.
    pub fn wait<R>(&self, mut take: impl FnMut(&mut T) -> Option<R>) -> R {
        let mut value = self.lock();
        loop {
            if let Some(taken) = take(&mut value) {
                return taken;
            }
            value = self.changed.wait(value).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// As [`Self::wait`], but no longer than until `deadline`.
    pub fn wait_until<R>(&self, deadline: Instant, mut take: impl FnMut(&mut T) -> Option<R>) -> Option<R> {
        let mut value = self.lock();
        loop {
            if let Some(taken) = take(&mut value) {
                return Some(taken);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return None;
            }
            value = self.changed.wait_timeout(value, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
