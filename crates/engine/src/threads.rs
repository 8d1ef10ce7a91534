//! How many threads heavy work may have.

/// All but one, which stays with the window; both of a machine that has but two.
pub fn spare_threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores > 2 { cores - 1 } else { cores }
}
