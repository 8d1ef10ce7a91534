//! The devices that models can run on: which there are, which one the user asks for, how it is opened.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::compute_target::{ComputeTarget, Precision};
use super::guard;
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
    #[error("this computer has no device {id}{}; it has {}", bracketed(why.as_deref()), list(present))]
    Missing {
        /// The device.
        id: DeviceId,
        /// Why it has no such devices at all, where that is known.
        why: Option<String>,
        /// The devices that it has.
        present: Vec<DeviceId>,
    },
}

fn list(ids: &[DeviceId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn bracketed(why: Option<&str>) -> String {
    why.map(|why| format!(" ({why})")).unwrap_or_default()
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
                cuda::open_libraries().map_err(TowerError::Device)?;
                let device = ask(|| Ok(candle_core::Device::new_cuda(n)?))?;
                let free = free_memory(&device).or(self.memory);
                Ok(ComputeTarget::new(device, precision, batch(free, weights, precision)))
            }
            DeviceId::Metal => {
                let device = ask(|| Ok(candle_core::Device::new_metal(0)?))?;
                Ok(ComputeTarget::new(device, precision, batch(self.memory, weights, precision)))
            }
        }
    }
}

/// Asks a driver. Bindings panic at what they do not expect of it, which must end neither the program nor its search for devices.
fn ask<T>(work: impl FnOnce() -> Result<T, TowerError>) -> Result<T, TowerError> {
    guard::catch(work).map_err(|error| match error {
        TowerError::Panicked(why) => TowerError::Device(format!("its driver failed: {why}")),
        other => other,
    })
}

/// The devices of this machine that this build can use; the CPU first.
pub fn devices() -> Vec<Device> {
    let mut devices = vec![cpu()];
    devices.extend(cuda::devices().unwrap_or_default());
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
            let why = if matches!(id, DeviceId::Cuda(_)) { cuda::devices().err() } else { None };
            DeviceError::Missing { id, why, present }
        }),
    }
}

/// What this build leaves out, and what it supports in vain on this computer, a sentence each.
pub fn missing_backends() -> Vec<String> {
    let mut out = Vec::new();
    // A sentence for people. Tested here; the half for Macs is type-checked by `scripts/macos-check`.
    if !cfg!(target_os = "macos") {
        match cuda::devices() {
            _ if !cfg!(feature = "cuda") => out.push("cuda: not included in this build".to_owned()),
            Err(why) => out.push(format!("cuda: {why}")),
            Ok(_) => {}
        }
    }
    // As above: type-checked by `scripts/macos-check`.
    if !metal::BUILT && cfg!(target_os = "macos") {
        out.push("metal: not included in this build".to_owned());
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

/// The cards that candle's CUDA kernels were compiled for.
#[cfg(any(feature = "cuda", test))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kernels {
    /// Compute capability, 89 for 8.9.
    capability: u32,
    /// Whether no later one will do.
    only: bool,
}

#[cfg(any(feature = "cuda", test))]
impl Kernels {
    /// Of kernels in PTX, which has a line `.target sm_75`, or `.target sm_90a` if they use what that one alone has.
    fn of(ptx: &str) -> Self {
        let target = ptx.lines().find_map(|line| line.strip_prefix(".target sm_")).unwrap_or_default();
        let end = target.find(|c: char| !c.is_ascii_digit()).unwrap_or(target.len());
        Self { capability: target[..end].parse().unwrap_or_default(), only: target[end..].starts_with('a') }
    }

    fn run_on(self, capability: u32) -> bool {
        if self.only { capability == self.capability } else { capability >= self.capability }
    }
}

#[cfg(feature = "cuda")]
mod cuda {
    //! Asks the driver, without making it ready for work.

    use candle_core::cuda_backend::cudarc::driver::sys::CUdevice_attribute as Attribute;
    use candle_core::cuda_backend::cudarc::driver::{CudaContext, DriverError, result, sys};

    use super::super::cuda_libraries;
    use super::{Device, DeviceId, Kernels, Precision, TowerError, ask};

    pub use cuda_libraries::open_libraries;

    /// The cards, or why there is none.
    pub fn devices() -> Result<Vec<Device>, String> {
        cuda_libraries::open_driver()?;
        let failed = |error: DriverError| match error.0 {
            sys::CUresult::CUDA_ERROR_NO_DEVICE => TowerError::Device("the NVIDIA driver found no card".to_owned()),
            _ => TowerError::Device(format!("the NVIDIA driver failed: {error}")),
        };
        let count = ask(|| CudaContext::device_count().map_err(failed)).map_err(|error| error.to_string())?;
        let kernels = Kernels::of(candle_core::cuda_backend::kernels::FILL.ptx());
        let (mut cards, mut older) = (Vec::new(), None);
        for n in 0..count {
            match ask(|| device(n, kernels).map_err(failed)) {
                Ok(Ok(card)) => cards.push(card),
                Ok(Err(why)) => older = Some(why),
                Err(error) => log::warn!("card {n}: {error}"),
            }
        }
        match older {
            _ if !cards.is_empty() => Ok(cards),
            Some(why) => Err(why),
            None => Err("the NVIDIA driver found no card".to_owned()),
        }
    }

    /// A card, or why it cannot run these kernels.
    fn device(n: i32, kernels: Kernels) -> Result<Result<Device, String>, DriverError> {
        let device = result::device::get(n)?;
        // SAFETY: the handle is the driver's own.
        let (memory, major, minor) = unsafe {
            let major = Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
            let minor = Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR;
            let of = |attribute| result::device::get_attribute(device, attribute);
            (result::device::total_mem(device)?, of(major)?, of(minor)?)
        };
        let (name, capability) = (result::device::get_name(device)?, (10 * major + minor) as u32);
        if !kernels.run_on(capability) {
            let (built, only) = (kernels.capability, if kernels.only { "" } else { " and later" });
            return Ok(Err(format!(
                "{name} has compute capability {major}.{minor}, but this program was built for {}.{}{only}",
                built / 10,
                built % 10
            )));
        }
        // bf16 came with compute capability 8.0.
        let halves: &[Precision] =
            if kernels.capability >= 80 { &[Precision::Bf16, Precision::F16] } else { &[Precision::F16] };
        Ok(Ok(Device {
            id: DeviceId::Cuda(n as usize),
            name,
            threads: 0,
            features: format!("compute capability {major}.{minor}"),
            memory: Some(memory as u64),
            driver: driver(),
            precisions: halves.iter().copied().chain([Precision::F32]).collect(),
        }))
    }

    fn driver() -> String {
        let mut version = 0;
        // SAFETY: the driver writes one number.
        let asked = unsafe { sys::cuDriverGetVersion(&raw mut version) }.result();
        let cuda =
            asked.map_or_else(|_| "CUDA".to_owned(), |()| format!("CUDA {}.{}", version / 1000, version % 1000 / 10));
        // Of the kernel's half, on Linux.
        let kernel = std::fs::read_to_string("/sys/module/nvidia/version").unwrap_or_default();
        format!("{cuda} {}", kernel.trim()).trim_end().to_owned()
    }
}

#[cfg(not(feature = "cuda"))]
mod cuda {
    pub fn devices() -> Result<Vec<super::Device>, String> {
        Ok(Vec::new())
    }

    pub fn open_libraries() -> Result<(), String> {
        Ok(())
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
    fn a_driver_that_panics_is_an_error_and_why_there_is_no_card_is_said_in_one_line() {
        let failed = ask(|| -> Result<(), TowerError> { panic!("missing\nsymbol") });
        let said = failed.expect_err("it panics").to_string();
        assert!(said.starts_with("its driver failed") && !said.contains('\n'), "{said}");
        let why = Some("no NVIDIA driver was found".to_owned());
        let missing = DeviceError::Missing { id: DeviceId::Cuda(0), why, present: vec![DeviceId::Cpu] };
        let said = "this computer has no device cuda:0 (no NVIDIA driver was found); it has cpu";
        assert_eq!(missing.to_string(), said);
    }

    #[test]
    fn kernels_run_on_the_cards_that_they_were_compiled_for() {
        let turing = Kernels::of("//\n.version 9.0\n.target sm_75\n.address_size 64\n");
        assert_eq!(turing, Kernels { capability: 75, only: false });
        assert_eq!([70, 75, 89, 120].map(|card| turing.run_on(card)), [false, true, true, true]);
        let hopper = Kernels::of(".target sm_90a, debug\n");
        assert_eq!([89, 90, 100].map(|card| hopper.run_on(card)), [false, true, false]);
        assert_eq!(Kernels::of(""), Kernels { capability: 0, only: false });
    }

    #[test]
    // Of builds for cards, on computers without one.
    #[cfg(feature = "cuda")]
    fn a_computer_without_a_card_has_its_cpu_and_says_what_is_missing() {
        let Err(why) = cuda::devices() else { return };
        assert_eq!(devices().iter().map(|device| device.id).collect::<Vec<_>>(), [DeviceId::Cpu]);
        assert!(missing_backends().contains(&format!("cuda: {why}")), "{why}");
        let said = find(DeviceId::Cuda(0)).expect_err("there is none").to_string();
        assert!(said.contains(&why) && !said.contains('\n'), "{said}");
        let asked = Device { id: DeviceId::Cuda(0), ..cpu() }.open(Precision::F32, 0);
        assert!(matches!(asked, Err(TowerError::Device(_) | TowerError::Forward(_))), "an error and no panic");
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
