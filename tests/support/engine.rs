//! Waiting for an engine.

use std::time::{Duration, Instant};

use vicinity_engine::{Engine, Event};

/// How long an answer may take, however busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// What `wanted` makes of the first event that it takes.
pub fn wait<R>(engine: &Engine, mut wanted: impl FnMut(Event) -> Option<R>) -> R {
    let end = Instant::now() + PATIENCE;
    loop {
        let event = engine.events().recv_deadline(end).expect("the engine answers in time");
        if let Some(found) = wanted(event) {
            return found;
        }
    }
}
