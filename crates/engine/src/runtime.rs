//! Builds the tokio runtimes of the program, all in one way.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// A runtime for the network, with so many named threads of its own.
///
/// # Errors
/// When the system provides no thread.
pub fn network(threads: usize) -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(threads).thread_name("vicinity-network").enable_all().build()
}

/// Waits for a future on the current thread, for libraries that need a runtime around it.
///
/// # Errors
/// When the system refuses what a runtime needs.
pub fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
    Ok(Builder::new_current_thread().build()?.block_on(future))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_has_named_threads_with_time_and_io() {
        let runtime = network(1).expect("a runtime");
        let name = runtime.block_on(async {
            let named = tokio::spawn(async { std::thread::current().name().map(str::to_owned) });
            tokio::time::timeout(std::time::Duration::from_secs(60), named).await.expect("in time").expect("it ran")
        });
        assert_eq!(name.as_deref(), Some("vicinity-network"));
        assert_eq!(block_on(async { 7 }).ok(), Some(7));
    }
}
