//! The devices that models can run on: which there are, which one the user asks for, how it is opened.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::compute_target::{ComputeTarget, Precision};
use crate::TowerError;
use vicinity_kernels::bf16_matmul::{self, Unit};
use vicinity_kernels::simd::{Level, level};

/// A device, by the name that it has in commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeviceId {
    /// The processor.
    Cpu,
    /// An NVIDIA card, by its number.
    Cuda(usize),
    /// The graphics part of a Mac.
    Metal,
}

/// What the user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DeviceChoice {
    /// The fastest device that computes what it should.
    #[default]
    Auto,
    /// This one, unless it computes something else.
    This(DeviceId),
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(n) => write!(f, "cuda:{n}"),
            Self::Metal => f.write_str("metal"),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::This(id) => id.fmt(f),
        }
    }
}

/// A text that names no device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a device is auto, cpu, cuda, cuda:N or metal")]
pub struct InvalidDevice;

/// Why a device cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeviceError {
    /// This build has no support for such devices.
    #[error("this build does not support {id}: it was built without the feature `{feature}` (see docs/devices.md)")]
    NotBuilt {
        /// The device.
        id: DeviceId,
        /// The feature that supports it.
        feature: &'static str,
    },
    /// This computer has no such device.
    #[error("this computer has no device {id}; it has {}", list(present))]
    Missing {
        /// The device.
        id: DeviceId,
        /// The devices that it has.
        present: Vec<DeviceId>,
    },
}

fn list(ids: &[DeviceId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl FromStr for DeviceChoice {
    type Err = InvalidDevice;

    fn from_str(text: &str) -> Result<Self, InvalidDevice> {
        let text = text.trim().to_ascii_lowercase();
        let id = match text.as_str() {
            "auto" | "" => return Ok(Self::Auto),
            "cpu" => Some(DeviceId::Cpu),
            "cuda" => Some(DeviceId::Cuda(0)),
            "metal" => Some(DeviceId::Metal),
            other => other.strip_prefix("cuda:").and_then(|n| n.parse().ok()).map(DeviceId::Cuda),
        };
        id.map(Self::This).ok_or(InvalidDevice)
    }
}

impl serde::Serialize for DeviceChoice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a settings file names and this program does not know counts as `auto`.
impl<'de> serde::Deserialize<'de> for DeviceChoice {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(String::deserialize(deserializer)?.parse().unwrap_or_default())
    }
}

/// A device that models can run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its name in commands.
    pub id: DeviceId,
    /// For the user: what it is.
    pub name: String,
    /// Threads that work at once; 0 where that is not the point.
    pub threads: usize,
    /// What is used of it.
    pub features: String,
    /// Its memory, bytes; `None` where it does not say.
    pub memory: Option<u64>,
    /// Its driver, with the version; empty for the CPU.
    pub driver: String,
    /// Precisions that are worth trying, the fastest first; the CPU has f32, the reference, before all.
    pub precisions: Vec<Precision>,
}

impl Device {
    /// Makes the device ready to load a model of about `weights` bytes onto it.
    ///
    /// # Errors
    /// When the device or its driver fails.
    pub fn open(&self, precision: Precision, weights: u64) -> Result<ComputeTarget, TowerError> {
        match self.id {
            DeviceId::Cpu => Ok(ComputeTarget::cpu_in(precision)),
            DeviceId::Cuda(n) => {
                let device = candle_core::Device::new_cuda(n)?;
                let free = free_memory(&device).or(self.memory);
                Ok(ComputeTarget::new(device, precision, batch(free, weights, precision)))
            }
            DeviceId::Metal => {
                let device = candle_core::Device::new_metal(0)?;
                Ok(ComputeTarget::new(device, precision, batch(self.memory, weights, precision)))
            }
        }
    }
}

/// The devices of this machine that this build can use; the CPU first.
pub fn devices() -> Vec<Device> {
    let mut devices = vec![cpu()];
    devices.extend(cuda::devices());
    devices.extend(metal::devices());
    devices
}

/// The device of that name.
///
/// # Errors
/// When this build does not support such devices, or this computer has none.
pub fn find(id: DeviceId) -> Result<Device, DeviceError> {
    match id {
        DeviceId::Cuda(_) if !cfg!(feature = "cuda") => Err(DeviceError::NotBuilt { id, feature: "cuda" }),
        DeviceId::Metal if !metal::BUILT => Err(DeviceError::NotBuilt { id, feature: "metal" }),
        _ => devices().into_iter().find(|device| device.id == id).ok_or_else(|| {
            let present = devices().iter().map(|device| device.id).collect();
            DeviceError::Missing { id, present }
        }),
    }
}

/// What this build leaves out, a sentence each.
pub fn missing_backends() -> Vec<&'static str> {
    let mut out = Vec::new();
    // A sentence for people. Tested here; the half for Macs is type-checked by `scripts/macos-check`.
    if !cfg!(feature = "cuda") && !cfg!(target_os = "macos") {
        out.push("cuda: not included in this build");
    }
    // As above: type-checked by `scripts/macos-check`.
    if !metal::BUILT && cfg!(target_os = "macos") {
        out.push("metal: not included in this build");
    }
    out
}

/// Pictures or texts at once on a device with `free` bytes. A picture of 197 tokens takes some 12 MB on its way through
/// a ViT-B in f32, three times that in the largest published model; half the memory is left to others.
fn batch(free: Option<u64>, weights: u64, precision: Precision) -> usize {
    const MEGABYTE: u64 = 1 << 20;
    const UNKNOWN: u64 = 4096 * MEGABYTE;
    let (of_weights, each) = match precision {
        Precision::F32 => (weights, 36 * MEGABYTE),
        Precision::F16 | Precision::Bf16 => (weights / 2, 24 * MEGABYTE),
    };
    let room = free.unwrap_or(UNKNOWN).saturating_sub(of_weights) / 2;
    let fits = (room / each).clamp(4, 256) as usize;
    // A power of two.
    1 << fits.ilog2()
}

fn cpu() -> Device {
    let features = match level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => "AVX-512",
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => "AVX2, FMA",
        Level::Portable if cfg!(target_arch = "aarch64") => "NEON",
        Level::Portable => "portable",
    };
    let halves = match bf16_matmul::unit() {
        Some(Unit::Tiles) => ", AMX for bf16",
        Some(Unit::Dots) => ", bf16",
        None => "",
    };
    // Linux tells; elsewhere the architecture has to do.
    let told = |file: &str, key: &str| {
        let text = std::fs::read_to_string(file).ok()?;
        let value = text.lines().find_map(|line| line.strip_prefix(key))?.trim_start_matches([' ', '\t', ':']);
        Some(value.trim().to_owned())
    };
    let memory = told("/proc/meminfo", "MemTotal").and_then(|kb| kb.split(' ').next()?.parse::<u64>().ok());
    Device {
        id: DeviceId::Cpu,
        name: told("/proc/cpuinfo", "model name").unwrap_or_else(|| format!("CPU ({})", std::env::consts::ARCH)),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        features: format!("{features}{halves}"),
        memory: memory.map(|kb| kb * 1024),
        driver: String::new(),
        precisions: std::iter::once(Precision::F32).chain(bf16_matmul::unit().map(|_| Precision::Bf16)).collect(),
    }
}

#[cfg(feature = "cuda")]
fn free_memory(device: &candle_core::Device) -> Option<u64> {
    let device = device.as_cuda_device().ok()?;
    Some(device.cuda_stream().context().mem_get_info().ok()?.0 as u64)
}

#[cfg(not(feature = "cuda"))]
fn free_memory(_: &candle_core::Device) -> Option<u64> {
    None
}

#[cfg(feature = "cuda")]
mod cuda {
    //! Asks the driver, without making it ready for work.

    use candle_core::cuda_backend::cudarc::driver::sys::CUdevice_attribute as Attribute;
    use candle_core::cuda_backend::cudarc::driver::{CudaContext, DriverError, result, sys};

    use super::{Device, DeviceId, Precision};

    /// None where there is no driver.
    pub fn devices() -> Vec<Device> {
        let count = CudaContext::device_count().unwrap_or_default();
        (0..count).filter_map(|n| device(n).ok()).collect()
    }

    fn device(n: i32) -> Result<Device, DriverError> {
        let device = result::device::get(n)?;
        // SAFETY: the handle is the driver's own.
        let (memory, major) = unsafe {
            let major = Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
            (result::device::total_mem(device)?, result::device::get_attribute(device, major)?)
        };
        // bf16 came with compute capability 8.0.
        let halves: &[Precision] = if major >= 8 { &[Precision::Bf16, Precision::F16] } else { &[Precision::F16] };
        Ok(Device {
            id: DeviceId::Cuda(n as usize),
            name: result::device::get_name(device)?,
            threads: 0,
            features: format!("compute capability {major}.x"),
            memory: Some(memory as u64),
            driver: driver(),
            precisions: halves.iter().copied().chain([Precision::F32]).collect(),
        })
    }

    fn driver() -> String {
        let mut version = 0;
        // SAFETY: the driver writes one number.
        let asked = unsafe { sys::cuDriverGetVersion(&mut version) }.result();
        let cuda =
            asked.map_or_else(|_| "CUDA".to_owned(), |()| format!("CUDA {}.{}", version / 1000, version % 1000 / 10));
        // Of the kernel's half, on Linux.
        let kernel = std::fs::read_to_string("/sys/module/nvidia/version").unwrap_or_default();
        format!("{cuda} {}", kernel.trim()).trim_end().to_owned()
    }
}

#[cfg(not(feature = "cuda"))]
mod cuda {
    pub fn devices() -> Vec<super::Device> {
        Vec::new()
    }
}

// Read against the sources of candle-core, whose `new_metal` is the same call in every build; type-checked by `scripts/macos-check`.
#[cfg(target_os = "macos")]
mod metal {
    //! Macs have one.

    use super::{Device, DeviceId, Precision};

    pub const BUILT: bool = true;

    pub fn devices() -> Vec<Device> {
        if candle_core::Device::new_metal(0).is_err() {
            return Vec::new();
        }
        vec![Device {
            id: DeviceId::Metal,
            name: "Metal".to_owned(),
            threads: 0,
            features: "graphics".to_owned(),
            // It shares the memory of the machine and does not say how much of it is free.
            memory: None,
            driver: "Metal".to_owned(),
            precisions: vec![Precision::F16, Precision::F32],
        }]
    }
}

// Tested here.
#[cfg(not(target_os = "macos"))]
mod metal {
    pub const BUILT: bool = false;

    pub fn devices() -> Vec<super::Device> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_as_they_are_written() {
        for text in ["auto", "cpu", "cuda:0", "cuda:3", "metal"] {
            let choice: DeviceChoice = text.parse().expect("a device");
            assert_eq!(choice.to_string(), text);
        }
        assert_eq!("CUDA".parse(), Ok(DeviceChoice::This(DeviceId::Cuda(0))));
        for text in ["gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0"] {
            assert!(text.parse::<DeviceChoice>().expect_err(text).to_string().contains("cuda:N"), "{text}");
        }
        let kept: DeviceChoice = serde_json::from_str("\"vulkan\"").expect("any word");
        assert_eq!(kept, DeviceChoice::Auto, "a device of a later version");
    }

    #[test]
    fn batches_follow_the_memory() {
        let gigabytes = |n: u64| Some(n << 30);
        assert_eq!(batch(gigabytes(2), 400 << 20, Precision::F32), 16);
        assert_eq!(batch(gigabytes(8), 400 << 20, Precision::F32), 64);
        assert_eq!(batch(gigabytes(8), 400 << 20, Precision::Bf16), 128);
        assert_eq!(batch(gigabytes(80), 400 << 20, Precision::F32), 256);
        assert_eq!(batch(gigabytes(1), 4 << 30, Precision::F32), 4, "it is tried, and halved where it must be");
        assert_eq!(batch(None, 0, Precision::F32), 32);
    }

    #[test]
    // Tested here, where neither is built.
    #[cfg(not(any(feature = "cuda", target_os = "macos")))]
    fn what_the_build_lacks_is_said_in_one_sentence() {
        for (id, feature) in [(DeviceId::Cuda(0), "`cuda`"), (DeviceId::Metal, "`metal`")] {
            let sentence = find(id).expect_err("not built").to_string();
            assert!(sentence.contains(feature) && !sentence.contains('\n'), "{sentence}");
        }
        assert_eq!(find(DeviceId::Cpu).map(|device| device.id), Ok(DeviceId::Cpu));
        assert!(find(DeviceId::Cpu).expect("a CPU").memory.is_none_or(|bytes| bytes > 1 << 28));
    }
}
