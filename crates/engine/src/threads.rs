//! How many threads heavy work may have, and pools of them.

/// All but one, which stays with the window; both of a machine that has but two.
pub fn spare_threads() -> usize {
    let cores = cores();
    if cores > 2 { cores - 1 } else { cores }
}

/// Cores of this computer, as far as this process may use them.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A pool of threads called `name-0` and so on.
///
/// # Errors
/// If the threads cannot be started.
pub fn pool(name: &'static str, threads: usize) -> std::io::Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(move |i| format!("{name}-{i}"))
        .build()
        .map_err(std::io::Error::other)
}
