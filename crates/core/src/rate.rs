//! A smoothed rate, from which the time left is estimated.

use std::time::{Duration, Instant};

/// Least time between two samples.
const INTERVAL: Duration = Duration::from_millis(200);
/// Seconds after which the weight of an old rate has fallen to 1/e.
const MEMORY: f32 = 5.0;

/// A smoothed rate of units done per second.
#[derive(Debug, Default)]
pub struct RateEstimator {
    last: Option<(Instant, u64)>,
    /// Units per second; `None` before the first unit.
    pub per_second: Option<f32>,
}

impl RateEstimator {
    /// Takes a sample of how many are `done`; false if the last sample is too recent for another.
    pub fn sample(&mut self, done: u64) -> bool {
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

    /// Keeps the rate but drops the last sample, so that a pause does not count.
    pub fn restart_clock(&mut self) {
        self.last = None;
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
    fn the_rate_is_smoothed_from_the_first_unit_on() {
        let mut rate = RateEstimator::default();
        rate.learn(0.0, 0.2);
        assert_eq!(rate.per_second, None, "nothing is known before the first item");
        rate.learn(10.0, 1.0);
        rate.learn(0.0, 1.0);
        let smoothed = rate.per_second.expect("known");
        assert!((7.0..10.0).contains(&smoothed), "{smoothed}");
    }
}
