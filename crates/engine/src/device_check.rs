//! Which device a model runs on. A device is used once its results match the CPU's: on first use of a
//! device, driver, model, precision and version of this program the golden set is embedded on both, vectors are
//! compared, and pictures per second are measured. The result is stored; doctor and settings show it.
//!
//! `auto` takes the fastest that agrees. Whatever fails or differs is passed over with a notice, down to the CPU, which
//! is the reference and needs no verdict.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Notice, Severity};
use vicinity_core::{Embedding, atomic_file};
use vicinity_models::compute_target::Precision;
use vicinity_models::device::{self, Device, DeviceChoice, DeviceId};
use vicinity_models::{Model, ModelKey, TowerError, golden};

/// The result of checking a device with a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// The smallest cosine similarity of its vectors and the CPU's; `None` where there is no number.
    pub cosine: Option<f32>,
    /// Pictures embedded per second; 0 if not measured.
    pub images_per_second: f32,
    /// What went wrong, where something did.
    pub problem: Option<String>,
}

impl CheckResult {
    /// Whether the device may be used.
    pub fn agrees(&self) -> bool {
        self.problem.is_none() && self.cosine.is_some_and(|cosine| cosine >= golden::MIN_COSINE)
    }

    fn failure(error: &TowerError) -> Self {
        let problem = match error {
            TowerError::Output(_) => "it returns invalid vectors".to_owned(),
            other => other.to_string(),
        };
        Self { cosine: None, images_per_second: 0.0, problem: Some(problem) }
    }

    /// Of the CPU, which is the reference.
    fn reference(images_per_second: f32) -> Self {
        Self { cosine: Some(1.0), images_per_second, problem: None }
    }
}

impl fmt::Display for CheckResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.problem, self.cosine) {
            (Some(problem), _) => write!(f, "failed; not used ({problem})"),
            (None, None) => f.write_str("differs from the CPU; not used"),
            (None, Some(cosine)) if !self.agrees() => write!(f, "differs from the CPU (cosine {cosine:.4}); not used"),
            (None, Some(cosine)) => {
                // 0.99996 is not 1.
                let cosine = (cosine * 1e4).floor() / 1e4;
                write!(f, "matches the CPU (cosine {cosine:.4}), {} images/s", speed(self.images_per_second))
            }
        }
    }
}

/// Pictures per second, for the user.
pub fn speed(per_second: f32) -> String {
    if per_second < 9.95 { format!("{per_second:.1}") } else { format!("{per_second:.0}") }
}

/// A device and a precision that a model may run in, and the way to load it so.
pub struct DeviceCandidate {
    /// The device.
    pub device: Device,
    /// The precision.
    pub precision: Precision,
    /// Loads the model.
    pub load: Box<dyn Fn() -> Result<Model, TowerError> + Send>,
}

impl DeviceCandidate {
    /// What a model runs on, for the user: `NVIDIA L4 (bf16)`.
    pub fn title(&self) -> String {
        title(&self.device, self.precision)
    }

    fn is_reference(&self) -> bool {
        self.device.id == DeviceId::Cpu && self.precision == Precision::F32
    }
}

/// What a model runs on, for the user.
pub fn title(device: &Device, precision: Precision) -> String {
    match device.id {
        DeviceId::Cpu if precision == Precision::F32 => "CPU".to_owned(),
        DeviceId::Cpu => format!("CPU ({})", precision.as_str()),
        _ => format!("{} ({})", device.name, precision.as_str()),
    }
}

/// The results so far, in a file that may be deleted. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct DeviceReports(Option<PathBuf>);

impl DeviceReports {
    /// In the user's cache folder; nowhere on a system without one.
    pub fn in_user_cache() -> Self {
        Self(directories::ProjectDirs::from("", "", "vicinity").map(|dirs| dirs.cache_dir().join("devices.json")))
    }

    /// In a file of the caller's choice.
    pub fn at(file: &Path) -> Self {
        Self(Some(file.to_owned()))
    }

    /// The result for a device with a model.
    pub fn get(&self, device: &Device, precision: Precision, model: &ModelKey) -> Option<CheckResult> {
        self.read().remove(&key(device, precision, model))
    }

    /// Stores a result. Failing to store it only costs time.
    pub fn put(&self, device: &Device, precision: Precision, model: &ModelKey, check: &CheckResult) {
        let Some(file) = &self.0 else { return };
        let mut all = self.read();
        all.insert(key(device, precision, model), check.clone());
        if let Err(error) = write(file, &all) {
            log::warn!("could not store the result of a device check: {error}: {}", file.display());
        }
    }

    fn read(&self) -> BTreeMap<String, CheckResult> {
        let bytes = self.0.as_ref().and_then(|file| std::fs::read(file).ok());
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }
}

fn write(file: &Path, all: &BTreeMap<String, CheckResult>) -> std::io::Result<()> {
    std::fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))?;
    atomic_file::write(file, &serde_json::to_vec_pretty(all)?)
}

/// Everything that may change the outcome.
fn key(device: &Device, precision: Precision, model: &ModelKey) -> String {
    let ModelKey { name, revision, preprocessing, dim } = model;
    let Device { id, name: device, driver, .. } = device;
    let (precision, version) = (precision.as_str(), env!("CARGO_PKG_VERSION"));
    format!("{id} | {device} | {driver} | {precision} | {name} | {revision} | {preprocessing} | {dim} | {version}")
}

/// A model, where it runs, and what the user should hear of it.
pub struct LoadedModel {
    /// The model.
    pub model: Model,
    /// For the user: what it runs on.
    pub runs_on: String,
    /// What was found of that; nothing where there is only the CPU.
    pub check: Option<CheckResult>,
    /// What was passed over, and why.
    pub notices: Vec<Notice>,
}

impl From<Model> for LoadedModel {
    fn from(model: Model) -> Self {
        Self { model, runs_on: "CPU".to_owned(), check: None, notices: Vec::new() }
    }
}

/// Loads a model where it should run. The CPU is among the candidates. `key` is the model's, where it is known before
/// the model is loaded.
///
/// # Errors
/// When the model cannot be loaded even on the CPU.
pub fn load(
    choice: DeviceChoice,
    candidates: &[DeviceCandidate],
    key: Option<&ModelKey>,
    reports: &DeviceReports,
) -> Result<LoadedModel, TowerError> {
    let reference = candidates.iter().find(|c| c.is_reference());
    let reference = reference.ok_or_else(|| TowerError::file("model", "there is no CPU to run it on"))?;
    let mut notices = Vec::new();
    let wanted: Vec<&DeviceCandidate> = candidates.iter().filter(|c| !c.is_reference() && wants(choice, c)).collect();
    if wanted.is_empty() {
        notices.extend(missing(choice));
        return Ok(LoadedModel { model: (reference.load)()?, runs_on: reference.title(), check: None, notices });
    }
    let mut device_check = DeviceCheck { reference, reports, key: key.cloned(), model: None, vectors: None };
    let mut passing = Vec::new();
    for candidate in wanted {
        let (check, fresh) = device_check.check(candidate)?;
        if check.agrees() {
            passing.push((candidate, check, fresh));
        } else if fresh || choice != DeviceChoice::Auto {
            notices.push(warning(format!("{} {check}", candidate.title())));
        }
    }
    if choice == DeviceChoice::Auto && !passing.is_empty() {
        passing.push((reference, device_check.speed()?, false));
    }
    passing.sort_by(|a, b| b.1.images_per_second.total_cmp(&a.1.images_per_second));
    let cpu = device_check.model;
    for (candidate, check, fresh) in passing {
        if candidate.is_reference() {
            let model = cpu.map_or_else(|| (reference.load)(), Ok)?;
            return Ok(LoadedModel { model, runs_on: candidate.title(), check: Some(check), notices });
        }
        match (candidate.load)() {
            Ok(model) => {
                if fresh {
                    let text = format!("{} {check}", candidate.title());
                    notices.push(Notice { severity: Severity::Info, text });
                }
                return Ok(LoadedModel { model, runs_on: candidate.title(), check: Some(check), notices });
            }
            Err(error) => notices.push(warning(format!("{} is unavailable: {error}", candidate.title()))),
        }
    }
    if !notices.is_empty() {
        notices.push(warning("The model runs on the CPU".to_owned()));
    }
    Ok(LoadedModel {
        model: cpu.map_or_else(|| (reference.load)(), Ok)?,
        runs_on: reference.title(),
        check: None,
        notices,
    })
}

fn warning(text: String) -> Notice {
    Notice { severity: Severity::Warning, text }
}

fn wants(choice: DeviceChoice, candidate: &DeviceCandidate) -> bool {
    match choice {
        DeviceChoice::Auto => true,
        DeviceChoice::This(id) => candidate.device.id == id,
    }
}

/// The notice that a device is not there.
fn missing(choice: DeviceChoice) -> Option<Notice> {
    match choice {
        DeviceChoice::This(id) if id != DeviceId::Cpu => {
            let why = match device::find(id) {
                Err(error) => error.to_string(),
                Ok(_) => format!("{id} cannot be used in this precision"),
            };
            Some(warning(format!("The model runs on the CPU: {why}")))
        }
        _ => None,
    }
}

/// Compares candidates with the CPU, which is loaded only when something has to be compared.
struct DeviceCheck<'a> {
    reference: &'a DeviceCandidate,
    reports: &'a DeviceReports,
    key: Option<ModelKey>,
    model: Option<Model>,
    vectors: Option<Vec<Embedding>>,
}

impl DeviceCheck<'_> {
    /// The CPU's model.
    fn model(&mut self) -> Result<&Model, TowerError> {
        let model = match self.model.take() {
            Some(model) => model,
            None => (self.reference.load)()?,
        };
        Ok(self.model.insert(model))
    }

    fn key(&mut self) -> Result<ModelKey, TowerError> {
        if let Some(key) = &self.key {
            return Ok(key.clone());
        }
        let key = self.model()?.info.key.clone();
        self.key = Some(key.clone());
        Ok(key)
    }

    /// The stored result for a candidate, or a new one; and whether it is new. An error is the CPU's.
    fn check(&mut self, candidate: &DeviceCandidate) -> Result<(CheckResult, bool), TowerError> {
        let key = self.key()?;
        if let Some(known) = self.reports.get(&candidate.device, candidate.precision, &key) {
            return Ok((known, false));
        }
        if self.vectors.is_none() {
            self.vectors = Some(golden::vectors(self.model()?)?);
        }
        let wanted = self.vectors.as_deref().unwrap_or_default();
        let found = (candidate.load)().and_then(|model| compare(wanted, &model));
        if let Ok(check) = &found {
            self.reports.put(&candidate.device, candidate.precision, &key, check);
        }
        // Temporary failures are not stored: a driver that is being updated, memory that another program holds.
        Ok((found.unwrap_or_else(|error| CheckResult::failure(&error)), true))
    }

    /// The result for the CPU: how fast it is.
    fn speed(&mut self) -> Result<CheckResult, TowerError> {
        let (device, precision, key) = (&self.reference.device, self.reference.precision, self.key()?);
        if let Some(known) = self.reports.get(device, precision, &key) {
            return Ok(known);
        }
        let check = CheckResult::reference(golden::images_per_second(self.model()?)?);
        self.reports.put(device, precision, &key, &check);
        Ok(check)
    }
}

/// Compares a model's vectors of the golden set with the expected ones, and measures its speed.
///
/// # Errors
/// When the device failed temporarily.
fn compare(wanted: &[Embedding], model: &Model) -> Result<CheckResult, TowerError> {
    let cosine = match golden::vectors(model) {
        Ok(found) => golden::agreement(wanted, &found),
        Err(error @ TowerError::Output(_)) => return Ok(CheckResult::failure(&error)),
        Err(error) => return Err(error),
    };
    let mut check =
        CheckResult { cosine: Some(cosine).filter(|c| c.is_finite()), images_per_second: 0.0, problem: None };
    if check.agrees() {
        check.images_per_second = golden::images_per_second(model)?;
    }
    Ok(check)
}

/// Checks every candidate again, stores the results, and returns one for each, with the CPU's model.
///
/// # Errors
/// When the model cannot be loaded or fails on the CPU.
pub fn check_all(
    candidates: &[DeviceCandidate],
    reports: &DeviceReports,
) -> Result<(Model, Vec<CheckResult>), TowerError> {
    let reference = candidates.iter().find(|c| c.is_reference());
    let reference = reference.ok_or_else(|| TowerError::file("model", "there is no CPU to run it on"))?;
    let model = (reference.load)()?;
    let wanted = golden::vectors(&model)?;
    let mut all = Vec::new();
    for candidate in candidates {
        let found = if candidate.is_reference() {
            Ok(CheckResult::reference(golden::images_per_second(&model)?))
        } else {
            (candidate.load)().and_then(|model| compare(&wanted, &model))
        };
        if let Ok(check) = &found {
            reports.put(&candidate.device, candidate.precision, &model.info.key, check);
        }
        all.push(found.unwrap_or_else(|error| CheckResult::failure(&error)));
    }
    Ok((model, all))
}
