//! A limit on the bytes that all readers hold together; further requests wait their turn.

use std::sync::{Condvar, Mutex, PoisonError};

/// A number of bytes that threads share. Shares are granted in the order of the requests, so that a large
/// one is not overtaken forever by small ones.
#[derive(Debug)]
pub struct Budget {
    most: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    in_use: u64,
    /// The number that the next request draws.
    next: u64,
    /// The number served now.
    served: u64,
}

/// Reserved bytes; released when dropped.
#[derive(Debug)]
pub struct Reservation<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    /// A budget of `most` bytes.
    pub const fn new(most: u64) -> Self {
        Self { most, state: Mutex::new(State { in_use: 0, next: 0, served: 0 }), changed: Condvar::new() }
    }

    /// Waits until `bytes` are free. A request beyond the whole budget waits until nothing else is in use.
    ///
    /// A thread that holds a reservation must not ask the same budget for another: two such threads would wait for
    /// each other for ever.
    pub fn take(&self, bytes: u64) -> Reservation<'_> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let number = state.next;
        state.next += 1;
        while state.served != number || (state.in_use > 0 && state.in_use.saturating_add(bytes) > self.most) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.served += 1;
        state.in_use = state.in_use.saturating_add(bytes);
        drop(state);
        self.changed.notify_all();
        Reservation { budget: self, bytes }
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut state = self.budget.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.in_use = state.in_use.saturating_sub(self.bytes);
        drop(state);
        self.budget.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn threads_never_hold_more_than_the_budget_and_all_get_their_turn() {
        let budget = Budget::new(100);
        let (in_use, most, turns) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..6 {
                let (budget, in_use, most, turns) = (&budget, &in_use, &most, &turns);
                scope.spawn(move || {
                    for turn in 0..50 {
                        let bytes = [10, 35, 60, 95][(thread + turn) % 4];
                        let _held = budget.take(bytes);
                        most.fetch_max(in_use.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
                        std::thread::yield_now();
                        in_use.fetch_sub(bytes, Ordering::SeqCst);
                        turns.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(turns.into_inner(), 300);
        assert!(most.into_inner() <= 100);
    }

    #[test]
    fn one_request_beyond_the_budget_is_served_alone() {
        let budget = Budget::new(100);
        drop(budget.take(1000));
        drop(budget.take(u64::MAX));
        let _small = budget.take(100);
    }
}
