//! The order in which adapters are tried, and what is remembered of earlier tries.

use std::path::Path;

use egui_wgpu::wgpu::{AdapterInfo, Backend, DeviceType, PowerPreference};
use serde::{Deserialize, Serialize};

use vicinity_core::atomic_file;

/// What decides about an adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterSummary {
    /// Identifies adapter, interface and version of the driver: with a new driver, an adapter is tried as if it were new.
    pub id: String,
    /// For people.
    pub name: String,
    backend: Backend,
    kind: DeviceType,
}

impl From<&AdapterInfo> for AdapterSummary {
    fn from(info: &AdapterInfo) -> Self {
        let name = format!("{} ({})", info.name, interface(info.backend));
        let id = format!("{name} {} {}", info.driver, info.driver_info).trim_end().to_owned();
        Self { id, name, backend: info.backend, kind: info.device_type }
    }
}

/// The name that its makers give an interface.
fn interface(backend: Backend) -> &'static str {
    match backend {
        Backend::Noop => "none",
        Backend::Vulkan => "Vulkan",
        Backend::Metal => "Metal",
        Backend::Dx12 => "DirectX 12",
        Backend::Gl => "OpenGL",
        Backend::BrowserWebGpu => "WebGPU",
    }
}

/// What is known of adapters from earlier starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The adapter that drew last.
    worked: Option<String>,
    /// Adapters that could not draw, or whose device was lost.
    failed: Vec<String>,
    /// The adapter that is being tried. Still there when nobody tries one: it ended the program.
    trying: Option<String>,
}

impl Memory {
    /// Reads it; nothing is known if the file is missing or damaged.
    pub fn read(file: &Path) -> Self {
        let bytes = std::fs::read(file).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// The adapter that was being tried ended the program that tried it.
    pub fn note_crash(&mut self) {
        if let Some(id) = self.trying.take() {
            self.add_failed(&id);
        }
    }

    /// Writes it. A failure costs no more than the next start's knowledge.
    pub fn write(&self, file: &Path) {
        let written = serde_json::to_vec(self).map_err(std::io::Error::from).and_then(|bytes| {
            file.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            atomic_file::write(file, &bytes)
        });
        if let Err(error) = written {
            log::warn!("{} could not be written: {error}", file.display());
        }
    }

    /// Sorts adapters: those that failed last, then software last; the one that worked first; DirectX 12, Metal or Vulkan
    /// before OpenGL; the faster kind first, unless `WGPU_POWER_PREF` is `low`.
    pub fn rank(&self, adapter: &AdapterSummary) -> impl Ord + use<> {
        let kinds = match PowerPreference::from_env() {
            Some(PowerPreference::LowPower) => [DeviceType::IntegratedGpu, DeviceType::DiscreteGpu],
            _ => [DeviceType::DiscreteGpu, DeviceType::IntegratedGpu],
        };
        let backends = [Backend::Metal, Backend::Dx12, Backend::Vulkan, Backend::Gl];
        (
            self.failed.contains(&adapter.id),
            self.worked.as_ref() != Some(&adapter.id),
            adapter.kind == DeviceType::Cpu,
            backends.iter().position(|backend| *backend == adapter.backend).unwrap_or(backends.len()),
            kinds.iter().position(|kind| *kind == adapter.kind).unwrap_or(kinds.len()),
        )
    }

    /// Notes that an adapter is being tried; returns whether that has to be written. The one that worked last time needs no
    /// note.
    pub fn begin(&mut self, adapter: &AdapterSummary) -> bool {
        if self.worked.as_ref() == Some(&adapter.id) {
            return false;
        }
        self.trying = Some(adapter.id.clone());
        true
    }

    /// Notes that an adapter draws; returns whether that has to be written.
    pub fn worked(&mut self, adapter: &AdapterSummary) -> bool {
        let before = self.clone();
        self.trying = None;
        self.worked = Some(adapter.id.clone());
        self.failed.retain(|id| *id != adapter.id);
        *self != before
    }

    /// Notes that an adapter does not draw.
    pub fn failed(&mut self, adapter: &AdapterSummary) {
        self.trying = None;
        self.worked.take_if(|id| *id == adapter.id);
        self.add_failed(&adapter.id);
    }

    /// An adapter with its driver, and what is known of it.
    pub fn describe(&self, adapter: &AdapterSummary) -> String {
        if self.worked.as_ref() == Some(&adapter.id) {
            format!("{}; drew the window last", adapter.id)
        } else if self.failed.contains(&adapter.id) {
            format!("{}; could not draw the window", adapter.id)
        } else {
            adapter.id.clone()
        }
    }

    fn add_failed(&mut self, id: &str) {
        if !self.failed.iter().any(|known| known == id) {
            self.failed.push(id.to_owned());
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// An adapter that does not exist.
    pub fn adapter(name: &str, backend: Backend, kind: DeviceType) -> AdapterSummary {
        AdapterSummary { id: format!("{name} {backend:?} 1.0"), name: name.to_owned(), backend, kind }
    }

    /// The adapters of an imaginary laptop; the last is its card by DirectX 12.
    pub fn all() -> Vec<AdapterSummary> {
        use {Backend::*, DeviceType::*};
        vec![
            adapter("software", Vulkan, Cpu),
            adapter("card", Gl, Other),
            adapter("chip", Vulkan, IntegratedGpu),
            adapter("card", Vulkan, DiscreteGpu),
            adapter("card", Dx12, DiscreteGpu),
        ]
    }

    fn order(memory: &Memory) -> Vec<String> {
        let mut adapters = all();
        adapters.sort_by_cached_key(|adapter| memory.rank(adapter));
        adapters.into_iter().map(|adapter| adapter.id.trim_end_matches(" 1.0").to_owned()).collect()
    }

    #[test]
    fn interfaces_are_tried_in_order_and_software_last() {
        let wanted = ["card Dx12", "card Vulkan", "chip Vulkan", "card Gl", "software Vulkan"];
        assert_eq!(order(&Memory::default()), wanted);
    }

    #[test]
    fn what_worked_is_first_and_what_failed_is_last() {
        let (mut memory, all) = (Memory::default(), all());
        memory.failed(&all[4]);
        assert!(memory.worked(&all[1]));
        assert_eq!(order(&memory), ["card Gl", "card Vulkan", "chip Vulkan", "software Vulkan", "card Dx12"]);
        assert!(!memory.worked(&all[1]) && !memory.begin(&all[1]), "nothing to write");
        memory.failed(&all[1]);
        assert_eq!(order(&memory)[..2], ["card Vulkan", "chip Vulkan"]);
        memory.worked(&all[4]);
        assert_eq!(order(&memory)[0], "card Dx12", "it works again");
    }

    #[test]
    fn an_adapter_that_ended_the_program_is_tried_last() {
        let dir = tempfile::tempdir().expect("folder");
        let file = dir.path().join("data").join("graphics.json");
        let mut memory = Memory::read(&file);
        assert!(memory.begin(&all()[4]));
        memory.write(&file);
        let mut next = Memory::read(&file);
        assert_eq!(order(&next)[0], "card Dx12");
        next.note_crash();
        assert_eq!(order(&next).last().map(String::as_str), Some("card Dx12"));
        std::fs::write(&file, b"{\"worked\": 7").expect("written");
        assert_eq!(Memory::read(&file), Memory::default());
    }

    #[test]
    fn a_new_driver_is_a_new_adapter() {
        let mut memory = Memory::default();
        let mut card = all().remove(4);
        memory.failed(&card);
        card.id = "card Dx12 2.0".to_owned();
        assert!(memory.rank(&card) < memory.rank(&all()[3]));
    }
}
