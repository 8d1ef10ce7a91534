//! How much goes into one request, how fast requests follow one another, and how long to try.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How much a service accepts in one request, and how many requests in parallel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// Items per request.
    pub items: usize,
    /// Bytes of a request's body.
    pub bytes: usize,
    /// Requests under way at once.
    pub parallel: usize,
}

/// How fast requests may follow one another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RequestRate {
    /// Requests per second in the long run.
    pub per_second: f64,
    /// Requests that may be sent at once after a pause.
    pub burst: u32,
}

/// When to retry, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts after the first.
    pub retries: u32,
    /// Wait before the first of them; doubles each time. Nomic's client waits as long.
    pub initial_delay: Duration,
    /// No wait of our own is longer.
    pub max_delay: Duration,
    /// A service that asks for a longer wait than this ends the job.
    pub max_retry_after: Duration,
    /// Time for one request and its answer.
    pub timeout: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            retries: 5,
            initial_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(60),
            max_retry_after: Duration::from_secs(300),
            timeout: Duration::from_secs(120),
        }
    }
}

impl RetryPolicy {
    /// The wait before attempt `attempt + 1`: doubling, and between half and all of that by chance, so that many
    /// clients do not come back together.
    pub fn back_off(&self, attempt: u32) -> Duration {
        let full = self.initial_delay.saturating_mul(1 << attempt.min(16)).min(self.max_delay);
        // A fresh hasher is seeded by the system: chance enough, without a generator of our own.
        let chance = RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64;
        full.mul_f64(0.5 + 0.5 * chance)
    }
}

/// Limits the rate of requests, and delays all of them when the service asks for a pause.
pub(super) struct RateLimiter {
    interval: Duration,
    slack: Duration,
    state: Mutex<State>,
}

struct State {
    next: Instant,
    held_until: Instant,
}

impl RateLimiter {
    /// Without a rate only pauses count.
    pub fn new(rate: Option<RequestRate>) -> Self {
        let interval = rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(1.0 / rate.per_second));
        let slack = interval * rate.map_or(0, |rate| rate.burst.saturating_sub(1));
        let now = Instant::now();
        // Rested already: the first requests are a burst.
        let next = now.checked_sub(slack).unwrap_or(now);
        Self { interval, slack, state: Mutex::new(State { next, held_until: now }) }
    }

    /// Waits for this request's turn.
    pub async fn turn(&self) {
        let slot = self.slot();
        tokio::time::sleep_until(slot).await;
        // A pause may have been asked for while this one waited.
        loop {
            let held_until = self.lock().held_until;
            if held_until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(held_until).await;
        }
    }

    fn slot(&self) -> Instant {
        let now = Instant::now();
        let mut state = self.lock();
        // A token bucket, stored as the time at which the next token is due.
        let due = state.next.max(now.checked_sub(self.slack).unwrap_or(now));
        state.next = due + self.interval;
        due.max(now)
    }

    /// Delays all requests for this long.
    pub fn hold(&self, wait: Duration) {
        let mut state = self.lock();
        state.held_until = state.held_until.max(Instant::now() + wait);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_with_chance_and_ends_at_the_longest() {
        let policy = RetryPolicy::default();
        for (attempt, full) in [(0, 1.0), (1, 2.0), (4, 16.0), (9, 60.0), (40, 60.0)] {
            let wait = policy.back_off(attempt).as_secs_f64();
            assert!((full / 2.0..=full).contains(&wait), "{attempt}: {wait}");
        }
        let waits: std::collections::HashSet<_> = (0..20).map(|_| policy.back_off(3)).collect();
        assert!(waits.len() > 10, "no chance in it");
    }

    #[tokio::test(start_paused = true)]
    async fn requests_keep_to_the_rate_after_a_burst() {
        let limiter = RateLimiter::new(Some(RequestRate { per_second: 4.0, burst: 8 }));
        let start = Instant::now();
        for _ in 0..8 {
            limiter.turn().await;
        }
        assert!(start.elapsed() < Duration::from_millis(20), "{:?}", start.elapsed());
        for _ in 0..40 {
            limiter.turn().await;
        }
        let seconds = start.elapsed().as_secs_f64();
        assert!((9.7..10.4).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everyone() {
        let limiter = RateLimiter::new(None);
        let start = Instant::now();
        limiter.hold(Duration::from_secs(7));
        limiter.turn().await;
        assert!(start.elapsed() >= Duration::from_secs(7));
    }
}
