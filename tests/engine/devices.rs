//! Devices that compute wrongly, fail, vanish or run out of memory: what is chosen, what is said, what is remembered.
//! The devices here are made up; towers do simple sums, so that a fault is a fault of the device alone.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use vicinity_core::{Embedding, EmbeddingError, Picture};
use vicinity_engine::device_check::{DeviceCandidate, DeviceReports};
use vicinity_engine::model_loader::ModelFactory;
use vicinity_engine::model_source::ModelSource;
use vicinity_engine::runtime_settings::{DevicePreferences, RuntimeSettings};
use vicinity_engine::{Engine, Event, ImportSummary, Job, ModelState, Notice, Severity};
use vicinity_models::compute_target::Precision;
use vicinity_models::device::{Device, DeviceChoice, DeviceId};
use vicinity_models::{
    ImageTower, Model, ModelInfo, Pixels, TextEmbedding, TextOptions, TextTower, TowerError, builtin,
};

/// What is wrong with a device.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// Vectors are turned by a small angle, radians.
    Turned(f32),
    /// Every third text gives no numbers.
    NotFinite,
    /// Takes so long a batch.
    Slow(u64),
    /// Cannot be loaded.
    Absent,
    /// Takes so many items at once.
    Small(usize),
}

struct Tower {
    fault: Fault,
    /// Sizes of the batches that were taken.
    batches: Arc<Mutex<Vec<usize>>>,
}

static INFO: LazyLock<ModelInfo> = LazyLock::new(|| builtin::info().expect("built in"));

fn info() -> ModelInfo {
    INFO.clone()
}

impl Tower {
    fn all(&self, seeds: impl ExactSizeIterator<Item = u32>) -> Result<Vec<Embedding>, TowerError> {
        match self.fault {
            Fault::Slow(ms) => std::thread::sleep(Duration::from_millis(ms)),
            // As a driver tells it: in words.
            Fault::Small(most) if seeds.len() > most => {
                return Err(candle_core::Error::Msg("CUDA_ERROR_OUT_OF_MEMORY".to_owned()).into());
            }
            _ => {}
        }
        self.batches.lock().unwrap().push(seeds.len());
        seeds.enumerate().map(|(at, seed)| self.one(at, seed)).collect()
    }

    fn one(&self, at: usize, seed: u32) -> Result<Embedding, TowerError> {
        let mut values: Vec<f32> = (0..INFO.key.dim).map(|i| ((seed + i as u32) as f32 * 0.7).sin()).collect();
        match self.fault {
            Fault::Turned(angle) => {
                let length = values.iter().map(|v| v * v).sum::<f32>().sqrt();
                // Towards the first axis, less what points along the vector already.
                let along = values[0] / length;
                let aside = (1.0 - along * along).sqrt();
                for (i, value) in values.iter_mut().enumerate() {
                    let towards = (f32::from(u8::from(i == 0)) - along * *value / length) / aside;
                    *value = *value * angle.cos() + length * angle.sin() * towards;
                }
            }
            Fault::NotFinite if at % 3 == 2 => values[5] = f32::NAN,
            _ => {}
        }
        Ok(Embedding::new(values)?)
    }
}

impl ImageTower for Tower {
    fn prepare(&self, picture: &Picture) -> Pixels {
        Pixels(vec![picture.rgb().iter().map(|v| u32::from(*v)).sum::<u32>() as f32])
    }

    fn embed(&self, batch: &[Pixels]) -> Result<Vec<Embedding>, TowerError> {
        self.all(batch.iter().map(|pixels| pixels.0[0] as u32 % 9973))
    }
}

impl TextTower for Tower {
    fn embed(&self, texts: &[&str], _: TextOptions) -> Result<Vec<TextEmbedding>, TowerError> {
        let seeds = texts.iter().map(|text| text.bytes().map(u32::from).sum::<u32>());
        Ok(self.all(seeds)?.into_iter().map(|embedding| TextEmbedding { embedding, tokens: 1 }).collect())
    }
}

fn model(fault: Fault, batches: &Arc<Mutex<Vec<usize>>>) -> Result<Model, TowerError> {
    if fault == Fault::Absent {
        return Err(TowerError::Weights { file: "model".to_owned(), reason: "the driver has gone".to_owned() });
    }
    let tower = || Box::new(Tower { fault, batches: Arc::clone(batches) });
    Ok(Model { info: info(), image: tower(), text: tower() })
}

/// A CPU, and a card with one fault a precision; counts what is loaded.
#[derive(Clone)]
struct Machine {
    cpu: Fault,
    card: Vec<(Precision, Fault)>,
    driver: &'static str,
    loads: Arc<[AtomicUsize; 2]>,
}

impl Machine {
    fn new(cpu: Fault, card: &[(Precision, Fault)]) -> Self {
        Self { cpu, card: card.to_vec(), driver: "1.0", loads: Arc::default() }
    }

    /// Loads on the CPU and on the card since the last time.
    fn loads(&self) -> [usize; 2] {
        [0, 1].map(|at| self.loads[at].swap(0, Ordering::Relaxed))
    }

    fn candidates(&self) -> Vec<DeviceCandidate> {
        let cpu = std::iter::once((DeviceId::Cpu, Precision::F32, self.cpu));
        let card = self.card.iter().map(|(precision, fault)| (DeviceId::Cuda(0), *precision, *fault));
        let candidate = |(id, precision, fault): (DeviceId, Precision, Fault)| {
            let loads = Arc::clone(&self.loads);
            let load = move || {
                loads[usize::from(id != DeviceId::Cpu)].fetch_add(1, Ordering::Relaxed);
                model(fault, &Arc::default())
            };
            DeviceCandidate { device: self.device(id), precision, load: Box::new(load) }
        };
        cpu.chain(card).map(candidate).collect()
    }

    fn device(&self, id: DeviceId) -> Device {
        Device {
            id,
            name: if id == DeviceId::Cpu { "Processor" } else { "Card" }.to_owned(),
            threads: 2,
            features: String::new(),
            memory: Some(8 << 30),
            driver: self.driver.to_owned(),
            precisions: Vec::new(),
        }
    }

    fn running(&self, device: &str, reports: &Path) -> RuntimeSettings {
        let wishes = DevicePreferences { device: device.parse().unwrap(), ..DevicePreferences::default() };
        let machine = self.clone();
        RuntimeSettings::with_candidates(wishes, DeviceReports::at(reports), Arc::new(move |_| machine.candidates()))
    }
}

/// What a model was loaded onto, the verdict, and the warnings and notes.
fn load(running: &RuntimeSettings) -> (String, Option<String>, Vec<Notice>) {
    let chosen = running.load(&ModelSource::Starter, Some(&info().key)).expect("at least the CPU works");
    (chosen.runs_on, chosen.check.map(|check| check.to_string()), chosen.notices)
}

fn warnings(notices: &[Notice]) -> Vec<&str> {
    notices.iter().filter(|n| n.severity == Severity::Warning).map(|n| n.text.as_str()).collect()
}

#[test]
fn auto_takes_the_fastest_that_agrees_and_remembers_it() {
    let dir = tempfile::tempdir().unwrap();
    let reports = dir.path().join("cache/devices.json");
    let card = [
        (Precision::Bf16, Fault::Turned(0.1)),
        (Precision::F16, Fault::Turned(0.01)),
        (Precision::F32, Fault::Slow(10)),
    ];
    let machine = Machine::new(Fault::Slow(20), &card);
    let (runs_on, check, notices) = load(&machine.running("auto", &reports));
    assert_eq!(runs_on, "Card (f16)");
    let check = check.expect("it was compared");
    assert!(check.starts_with("matches the CPU (cosine 0.9999), ") && check.ends_with(" images/s"), "{check}");
    assert_eq!(warnings(&notices), ["Card (bf16) differs from the CPU (cosine 0.9950); not used"]);
    assert_eq!(machine.loads(), [1, 4], "each way once, and the chosen one to stay");

    let (runs_on, again, notices) = load(&machine.running("auto", &reports));
    assert_eq!((runs_on.as_str(), again), ("Card (f16)", Some(check)));
    assert_eq!(notices, [], "nothing new to tell");
    assert_eq!(machine.loads(), [0, 1], "the CPU is not needed any more");

    let lines = machine.running("auto", &reports).device_summaries(&ModelSource::Starter, Some(&info().key));
    assert_eq!(lines.len(), 2);
    assert!(lines[0].checks[0].starts_with("reference, "), "{lines:?}");
    let shown: Vec<&str> = lines[1].checks.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(shown, ["bf16:", "f16:", "f32:"]);
    assert!(lines[1].checks[0].contains("differs from the CPU (cosine 0.9950); not used"), "{lines:?}");

    let updated = Machine { driver: "1.1", ..machine.clone() };
    load(&updated.running("auto", &reports));
    assert_eq!(machine.loads(), [1, 4], "another driver is compared anew");
}

#[test]
fn a_cpu_that_is_faster_stays() {
    let dir = tempfile::tempdir().unwrap();
    let machine = Machine::new(Fault::None, &[(Precision::F32, Fault::Slow(30))]);
    let reports = dir.path().join("devices.json");
    let (runs_on, check, notices) = load(&machine.running("auto", &reports));
    assert_eq!((runs_on.as_str(), notices.len()), ("CPU", 0));
    assert!(check.is_some_and(|check| check.starts_with("matches the CPU (cosine 1.0000), ")));
    let (runs_on, ..) = load(&machine.running("cuda", &reports));
    assert_eq!(runs_on, "Card (f32)", "unless the user asks for the card");
}

#[test]
fn whatever_is_wrong_with_a_device_the_cpu_does_it() {
    let faults = [
        (Fault::Turned(0.5), "differs from the CPU (cosine 0.8776); not used"),
        (Fault::NotFinite, "failed; not used (it returns invalid vectors)"),
        (Fault::Absent, "the driver has gone"),
    ];
    for choice in ["auto", "cuda:0"] {
        for (fault, reason) in faults {
            let dir = tempfile::tempdir().unwrap();
            let reports = dir.path().join("devices.json");
            let machine = Machine::new(Fault::None, &[(Precision::F16, fault)]);
            let (runs_on, check, notices) = load(&machine.running(choice, &reports));
            assert_eq!((runs_on.as_str(), check), ("CPU", None), "{fault:?}");
            let said = warnings(&notices);
            assert!(said[0].starts_with("Card (f16) ") && said[0].contains(reason), "{said:?}");
            assert_eq!(said[1..], ["The model runs on the CPU"], "{fault:?}");
            let again = load(&machine.running(choice, &reports)).2;
            // Who asks for the card is told every time; of what may go over everybody is.
            assert_eq!(again.is_empty(), choice == "auto" && fault != Fault::Absent, "{fault:?}: {again:?}");
        }
    }
}

#[test]
fn a_device_that_agreed_and_is_gone_is_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let reports = dir.path().join("devices.json");
    let machine = Machine::new(Fault::Slow(20), &[(Precision::F16, Fault::None)]);
    assert_eq!(load(&machine.running("auto", &reports)).0, "Card (f16)");
    let gone = Machine { card: vec![(Precision::F16, Fault::Absent)], ..machine };
    let (runs_on, _, notices) = load(&gone.running("auto", &reports));
    assert_eq!(runs_on, "CPU");
    assert!(warnings(&notices)[0].contains("Card (f16) is unavailable"), "{notices:?}");
    let (runs_on, _, notices) = load(&gone.running("cuda:7", &reports));
    assert_eq!(runs_on, "CPU");
    assert!(warnings(&notices)[0].contains("cuda:7"), "{notices:?}");
    let cpu = load(&gone.running("cpu", &reports));
    assert_eq!((cpu.0.as_str(), cpu.2.len()), ("CPU", 0));
}

#[test]
fn a_precision_that_is_asked_for_is_the_only_one_tried() {
    let dir = tempfile::tempdir().unwrap();
    let card = [(Precision::Bf16, Fault::None), (Precision::F32, Fault::Slow(1))];
    let machine = Machine::new(Fault::Slow(40), &card);
    let running = machine.running("auto", &dir.path().join("devices.json"));
    running.set(DevicePreferences { precision: Some(Precision::F32), ..DevicePreferences::default() });
    assert_eq!(load(&running).0, "Card (f32)");
    assert_eq!(machine.loads()[1], 2);
}

#[test]
fn a_damaged_ledger_costs_a_comparison_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let reports = dir.path().join("devices.json");
    fs::write(&reports, "{\"cpu").unwrap();
    let machine = Machine::new(Fault::Slow(20), &[(Precision::F16, Fault::None)]);
    assert_eq!(load(&machine.running("auto", &reports)).0, "Card (f16)");
    assert!(fs::read_to_string(&reports).unwrap().contains("images_per_second"));
}

/// Events until `done` takes one for the last.
fn until<R>(engine: &Engine, mut done: impl FnMut(Event) -> Option<R>) -> R {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let event = engine.events().recv_deadline(deadline).expect("an event in time");
        if let Some(found) = done(event) {
            return found;
        }
    }
}

fn state(engine: &Engine) -> ModelState {
    until(engine, |event| match event {
        Event::Model(ModelState::Loading) => None,
        Event::Model(state) => Some(state),
        _ => None,
    })
}

#[test]
fn an_engine_tells_where_its_model_runs_and_lets_it_go() {
    let dir = tempfile::tempdir().unwrap();
    let machine = Machine::new(Fault::Slow(60), &[(Precision::Bf16, Fault::NotFinite), (Precision::F16, Fault::None)]);
    let running = machine.running("auto", &dir.path().join("devices.json"));
    let engine = Engine::open_with_settings(&dir.path().join("library"), None, &running, || {}).unwrap();
    let mut warned = false;
    let runs_on = until(&engine, |event| match event {
        Event::Notice(notice) => {
            warned |= notice.severity == Severity::Warning && notice.text.contains("bf16");
            None
        }
        Event::Model(ModelState::Ready { runs_on, check }) => Some((runs_on, check)),
        _ => None,
    });
    assert!(warned, "the precision that fails is told of");
    assert!(runs_on.0 == "Card (f16)" && runs_on.1.is_some_and(|check| check.contains("matches the CPU")));

    let model = Arc::downgrade(&engine.model().unwrap());
    engine.submit(Job::UnloadModel);
    assert_eq!(state(&engine), ModelState::Unloaded);
    assert!(model.upgrade().is_none(), "nobody holds it any more");
    machine.loads();
    let held = engine.model().unwrap();
    assert_eq!(machine.loads(), [0, 1], "it comes back for whoever needs it");
    assert!(matches!(state(&engine), ModelState::Ready { .. }));
    // Whoever works with it keeps it until the work is done.
    engine.submit(Job::UnloadModel);
    assert_eq!(state(&engine), ModelState::Unloaded);
    assert_eq!(held.info.key, info().key);

    running.set(DevicePreferences { device: DeviceChoice::This(DeviceId::Cpu), ..DevicePreferences::default() });
    engine.submit(Job::ReloadModel);
    assert_eq!(state(&engine), ModelState::Ready { runs_on: "CPU".to_owned(), check: None });
}

/// An import of 40 texts by a device that takes `most` at once.
fn import(most: usize) -> (ImportSummary, Vec<Notice>, Vec<usize>, usize) {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("files");
    fs::create_dir(&files).unwrap();
    for n in 0..40 {
        fs::write(files.join(format!("{n}.txt")), format!("text number {n}, and nothing else")).unwrap();
    }
    let batches = Arc::default();
    let loader = ModelFactory::given(model(Fault::Small(most), &batches).unwrap().into());
    let engine = Engine::open_with_factory(&dir.path().join("library"), info(), loader, || {}).unwrap();
    engine.submit(Job::Add(vec![files]));
    let mut notices = Vec::new();
    let summary = until(&engine, |event| match event {
        Event::Notice(notice) => {
            notices.push(notice);
            None
        }
        Event::ImportFinished(summary) => Some(summary),
        _ => None,
    });
    let failed = engine.failures().len();
    drop(engine);
    let batches = batches.lock().unwrap().clone();
    (summary, notices, batches, failed)
}

#[test]
fn an_import_goes_on_with_smaller_batches_where_the_memory_is_short() {
    let (summary, notices, batches, failed) = import(3);
    assert_eq!((summary.embedded, failed), (40, 0));
    assert!(batches.iter().all(|size| *size <= 3) && batches.iter().sum::<usize>() == 40, "{batches:?}");
    let said: Vec<_> = notices.iter().filter(|n| n.text.starts_with("Not enough device memory")).collect();
    assert!(!said.is_empty() && said.iter().all(|n| n.severity == Severity::Info), "{notices:?}");
}

#[test]
fn a_device_without_memory_for_one_item_ends_the_import_and_blames_no_file() {
    let (summary, notices, _, failed) = import(0);
    assert_eq!((summary.embedded, failed), (0, 0));
    let said = notices.iter().find(|n| n.severity == Severity::Error).expect("it says why");
    assert!(said.text.contains("not enough device memory"), "{said:?}");
}

#[test]
fn numbers_that_are_not_finite_are_no_embedding() {
    let error = Tower { fault: Fault::NotFinite, batches: Arc::default() }.one(2, 1).expect_err("not a number");
    assert!(matches!(error, TowerError::Output(EmbeddingError::NotFinite)), "{error}");
}
