//! Limits of a helper, which it sets for itself before it reads anything.

/// Address space of a helper, bytes: more than the largest picture needs, and too little to exhaust a computer.
#[cfg(unix)] // Tested here.
const ADDRESS_SPACE: u64 = 4 << 30;
/// Address space that pages of a document may take beside it, bytes.
#[cfg(unix)] // Tested here.
const FOR_PAGES: u64 = 1 << 30;

/// Sets them. A system that refuses one has none.
#[cfg(unix)] // Tested here.
pub fn apply() {
    // Nothing is written into files, and no image of a process that died is kept.
    for (resource, most) in [(libc::RLIMIT_AS, ADDRESS_SPACE), (libc::RLIMIT_FSIZE, 0), (libc::RLIMIT_CORE, 0)] {
        let limit = libc::rlimit { rlim_cur: most as libc::rlim_t, rlim_max: most as libc::rlim_t };
        // SAFETY: it reads a value that lives longer than the call.
        if unsafe { libc::setrlimit(resource, &raw const limit) } != 0 {
            log::debug!("a limit could not be set: {}", std::io::Error::last_os_error());
        }
    }
}

/// A stricter limit while a document is open: what its pages need is not known beforehand. Lifted when dropped.
pub struct DocumentLimit;

impl DocumentLimit {
    /// Sets it, where the system tells how much is in use.
    pub fn set() -> Self {
        #[cfg(unix)] // Tested here.
        if let Some(in_use) = address_space_in_use() {
            set_soft_limit((in_use + FOR_PAGES).min(ADDRESS_SPACE));
        }
        Self
    }
}

impl Drop for DocumentLimit {
    fn drop(&mut self) {
        #[cfg(unix)] // Tested here.
        set_soft_limit(ADDRESS_SPACE);
    }
}

/// Sets the limit of the address space, which can be raised again.
#[cfg(unix)] // Tested here.
fn set_soft_limit(bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes as libc::rlim_t, rlim_max: ADDRESS_SPACE as libc::rlim_t };
    // SAFETY: it reads a value that lives longer than the call.
    if unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) } != 0 {
        log::debug!("a limit could not be set: {}", std::io::Error::last_os_error());
    }
}

/// Bytes of address space in use (Linux).
#[cfg(unix)] // Tested here.
fn address_space_in_use() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

/// Windows has none for a process that is in no job; time is limited everywhere.
#[cfg(not(unix))] // Compiled by `scripts/windows`.
pub fn apply() {}
