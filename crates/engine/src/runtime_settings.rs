//! How models run: on which device, in which precision, and how long an idle model stays in memory.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::device_check::{self, DeviceCandidate, DeviceReports, LoadedModel};
use super::model_source::ModelSource;
use vicinity_models::compute_target::Precision;
use vicinity_models::device::{self, Device, DeviceChoice, DeviceId};
use vicinity_models::{ModelKey, TowerError};

/// Names the device of commands and of the window where `--device` does not.
pub const DEVICE_VARIABLE: &str = "VICINITY_DEVICE";
/// Default minutes after which an idle model is unloaded.
const IDLE_MINUTES: u32 = 10;

/// The user's preferences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DevicePreferences {
    /// The device.
    pub device: DeviceChoice,
    /// The precision; `None`: the fastest that agrees on graphics cards, f32 on the CPU.
    pub precision: Option<Precision>,
    /// Minutes after which an idle model leaves the memory; 0: never. The built-in one always stays: it takes 100 MB
    /// and answers immediately.
    pub idle_minutes: u32,
}

impl Default for DevicePreferences {
    fn default() -> Self {
        Self { device: DeviceChoice::Auto, precision: None, idle_minutes: IDLE_MINUTES }
    }
}

/// Gives the ways in which a model may be loaded, the CPU among them.
pub type DeviceCandidates = Arc<dyn Fn(&ModelSource) -> Vec<DeviceCandidate> + Send + Sync>;

/// The preferences that all engines of a program share, and the check results of the devices. Cheap to clone.
#[derive(Clone)]
pub struct RuntimeSettings {
    preferences: Arc<Mutex<DevicePreferences>>,
    reports: DeviceReports,
    candidates: DeviceCandidates,
}

impl Default for RuntimeSettings {
    fn default() -> Self {
        Self::new(DevicePreferences::default())
    }
}

impl RuntimeSettings {
    /// On the devices of this machine; check results are stored in the user's cache folder.
    pub fn new(preferences: DevicePreferences) -> Self {
        Self::with_candidates(preferences, DeviceReports::in_user_cache(), Arc::new(candidates))
    }

    /// On devices of the caller's choice.
    pub fn with_candidates(
        preferences: DevicePreferences,
        reports: DeviceReports,
        candidates: DeviceCandidates,
    ) -> Self {
        Self { preferences: Arc::new(Mutex::new(preferences)), reports, candidates }
    }

    fn lock(&self) -> MutexGuard<'_, DevicePreferences> {
        self.preferences.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current preferences.
    pub fn preferences(&self) -> DevicePreferences {
        *self.lock()
    }

    /// Changes that, for whatever is loaded from now on.
    pub fn set(&self, preferences: DevicePreferences) {
        *self.lock() = preferences;
    }

    /// The check results of the devices.
    pub fn reports(&self) -> &DeviceReports {
        &self.reports
    }

    /// The ways in which a model may be loaded, with the precision that is wanted: in f32 on the CPU always, for that is
    /// the reference; in less there only where it is asked for.
    pub fn candidates(&self, source: &ModelSource) -> Vec<DeviceCandidate> {
        let precision = self.preferences().precision;
        let fits = |c: &DeviceCandidate| match (c.device.id, c.precision) {
            (DeviceId::Cpu, Precision::F32) => true,
            (DeviceId::Cpu, of_cpu) => precision == Some(of_cpu),
            (_, of_gpu) => precision.is_none_or(|p| p == of_gpu),
        };
        (self.candidates)(source).into_iter().filter(fits).collect()
    }

    /// Loads a model where it should run. `key` is its own, where known before.
    ///
    /// # Errors
    /// When it cannot be loaded even on the CPU.
    pub fn load(&self, source: &ModelSource, key: Option<&ModelKey>) -> Result<LoadedModel, TowerError> {
        device_check::load(self.preferences().device, &self.candidates(source), key, &self.reports)
    }

    /// The devices, with what is known of them with a model. Asks drivers and reads a file.
    pub fn device_summaries(&self, source: &ModelSource, model: Option<&ModelKey>) -> Vec<DeviceSummary> {
        let mut device_summaries: Vec<DeviceSummary> = Vec::new();
        for DeviceCandidate { device, precision, .. } in (self.candidates)(source) {
            if device_summaries.last().is_none_or(|line| line.choice != DeviceChoice::This(device.id)) {
                device_summaries.push(DeviceSummary::new(&device));
            }
            let check = model.and_then(|model| self.reports.get(&device, precision, model));
            if let (Some(line), Some(check)) = (device_summaries.last_mut(), check) {
                line.checks.push(match (device.id, precision) {
                    (DeviceId::Cpu, Precision::F32) => {
                        format!("reference, {} images/s", device_check::speed(check.images_per_second))
                    }
                    _ => format!("{}: {check}", precision.as_str()),
                });
            }
        }
        device_summaries
    }

    /// How long an idle model stays loaded; `None`: for ever.
    pub fn idle(&self, source: &ModelSource) -> Option<Duration> {
        let minutes = u64::from(self.preferences().idle_minutes);
        (*source != ModelSource::Starter && minutes > 0).then(|| Duration::from_secs(60 * minutes))
    }
}

/// A device as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceSummary {
    /// What to choose for it.
    pub choice: DeviceChoice,
    /// Its name.
    pub name: String,
    /// Its memory and other details.
    pub detail: String,
    /// Its check results with a model, one line per precision.
    pub checks: Vec<String>,
}

impl DeviceSummary {
    /// Without check results.
    pub fn new(device: &Device) -> Self {
        let memory = device.memory.map(|bytes| format!("{:.0} GB", bytes as f64 / 1e9));
        let threads = (device.threads > 0).then(|| format!("{} threads", device.threads));
        let parts = [threads, Some(device.features.clone()), memory, Some(device.driver.clone())];
        let detail: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        let (choice, name) = (DeviceChoice::This(device.id), device.name.clone());
        Self { choice, name, detail: detail.join(", "), checks: Vec::new() }
    }
}

/// Every device of this machine in every precision that is worth it.
fn candidates(source: &ModelSource) -> Vec<DeviceCandidate> {
    let on = |device: Device| {
        let device_of = device.clone();
        device.precisions.into_iter().map(move |precision| {
            let (device, source) = (device_of.clone(), source.clone());
            let at = device.clone();
            let load = move || source.load_on(&at.open(precision, bytes(&source))?);
            DeviceCandidate { device, precision, load: Box::new(load) }
        })
    };
    device::devices().into_iter().flat_map(on).collect()
}

/// About what a model's weights take in f32.
fn bytes(source: &ModelSource) -> u64 {
    let ModelSource::Folder(dir) = source else { return 100 << 20 };
    let of = |dir: &Path| -> u64 {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| std::fs::metadata(entry.path()).ok())
            .filter(|data| data.is_file())
            .map(|d| d.len())
            .sum()
    };
    of(dir) + of(&dir.join("text")) + of(&dir.join("vision"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_computes_in_half_precision_only_where_that_is_asked_for() {
        let all = |_: &ModelSource| {
            let cpu = device::devices().remove(0);
            let load = || vicinity_models::builtin::load();
            let at = |precision| DeviceCandidate { device: cpu.clone(), precision, load: Box::new(load) };
            vec![at(Precision::F32), at(Precision::Bf16)]
        };
        let running =
            RuntimeSettings::with_candidates(DevicePreferences::default(), DeviceReports::default(), Arc::new(all));
        let found = |precision| {
            running.set(DevicePreferences { precision, ..DevicePreferences::default() });
            running.candidates(&ModelSource::Starter).iter().map(|c| c.precision).collect::<Vec<_>>()
        };
        assert_eq!(found(None), [Precision::F32]);
        assert_eq!(found(Some(Precision::F32)), [Precision::F32]);
        assert_eq!(found(Some(Precision::Bf16)), [Precision::F32, Precision::Bf16], "with what it is compared with");
    }
}
