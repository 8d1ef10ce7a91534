//! Panics in the engine's threads: caught, kept as a crash report, and told to the user by whoever started the work.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// With this the names of the engine's threads begin. What panics there is told by the engine, not by the runtime.
pub const THREAD_PREFIX: &str = "vicinity-";

/// Does some work; the error is the message of its panic. What the work shares with others has to bear that it ends
/// anywhere.
///
/// # Errors
/// When it panics.
pub fn catch_panic<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| format!("internal error: {}", message(panic.as_ref())))
}

/// The first line of what a panic says.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.and_then(|text| text.lines().next()).unwrap_or("no reason was given")
}

/// Whether a panic of this thread is told by the engine.
pub fn is_engine_thread() -> bool {
    std::thread::current().name().is_some_and(|name| name.starts_with(THREAD_PREFIX))
}

#[cfg(test)]
mod tests {
    use super::catch_panic;

    #[test]
    fn a_panic_becomes_a_sentence_and_a_result_stays() {
        assert_eq!(catch_panic(|| 7), Ok(7));
        assert_eq!(
            catch_panic(|| panic!("row {} is missing\nmore", 3)),
            Err::<(), _>("internal error: row 3 is missing".to_owned())
        );
    }
}
