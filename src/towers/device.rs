//! What a model can run on.

use super::kernels::simd::{Level, level};

/// A device that models can run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// For the user: what it is.
    pub name: String,
    /// Threads that work at once.
    pub threads: usize,
    /// What the kernels use of it.
    pub features: String,
}

/// The devices of this machine; the first is the default.
pub fn devices() -> Vec<Device> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let features = match level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => "AVX-512",
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => "AVX2, FMA",
        Level::Portable if cfg!(target_arch = "aarch64") => "NEON",
        Level::Portable => "portable",
    };
    vec![Device { name: format!("CPU ({})", std::env::consts::ARCH), threads, features: features.to_owned() }]
}
