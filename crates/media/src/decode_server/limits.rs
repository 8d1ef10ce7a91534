//! Limits of a helper, which it sets for itself before it reads anything.

/// Address space of a helper, bytes: more than the largest picture needs, and too little to exhaust a computer.
#[cfg(unix)] // Tested here.
const ADDRESS_SPACE: u64 = 4 << 30;

/// Sets them. A system that refuses one has none.
#[cfg(unix)] // Tested here.
pub fn apply() {
    // Nothing is written into files, and no image of a process that died is kept.
    let limits = [(libc::RLIMIT_AS, ADDRESS_SPACE), (libc::RLIMIT_FSIZE, 0), (libc::RLIMIT_CORE, 0)];
    for (resource, most) in limits {
        let limit = libc::rlimit { rlim_cur: most as libc::rlim_t, rlim_max: most as libc::rlim_t };
        // SAFETY: it reads a value that lives longer than the call.
        if unsafe { libc::setrlimit(resource, &raw const limit) } != 0 {
            log::debug!("a limit could not be set: {}", std::io::Error::last_os_error());
        }
    }
}

/// Windows has none for a process that is in no job; time is limited everywhere.
#[cfg(not(unix))] // Compiled by `scripts/windows`.
pub fn apply() {}
