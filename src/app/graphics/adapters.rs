//! Which graphics adapter draws the window. Adapters are tried one after another before the window opens, the one that
//! worked last time first; if the device is lost while the window is open, the window is opened again with another.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use egui_wgpu::{RenderState, SurfaceErrorAction, WgpuConfiguration, WgpuSetup, wgpu};
use wgpu::{Adapter, CurrentSurfaceTexture, Surface};

use super::super::errors;
use super::choice::{AdapterSummary, Memory};
use super::trial;
use vicinity_engine::runtime;

/// A device that is lost again within this time does not work on this adapter.
const SOON: Duration = Duration::from_secs(60);
/// More losses than these within [`SOON`] end the program.
const MAX_LOSSES: usize = 4;

/// The adapter that draws, and those that could not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Name and interface, for people.
    pub name: String,
    /// Why others were passed over just now, one sentence each.
    pub failed: Vec<String>,
}

/// The choice of adapters of one program run, shared with the window's driver callbacks.
#[derive(Clone)]
pub struct Graphics(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// Where the choice is remembered; `None`: nowhere.
    file: Option<PathBuf>,
    memory: Memory,
    /// Held while adapters are tried.
    lock: Option<File>,
    chosen: Option<(AdapterSummary, Chosen)>,
    device: Option<wgpu::Device>,
    /// Why the device was lost, until the window has been opened again.
    lost: Option<String>,
    losses: Vec<Instant>,
}

impl Graphics {
    /// Reads which adapter worked last time from `file`.
    pub fn remembered_in(file: Option<PathBuf>) -> Self {
        let mut memory = file.as_deref().map(Memory::read).unwrap_or_default();
        let lock = file.as_deref().and_then(lock_beside);
        // Without the lock, another program is trying adapters just now, and writes what it finds.
        let file = file.filter(|_| lock.is_some());
        if lock.is_some() {
            memory.note_crash();
        }
        Self(Arc::new(Mutex::new(Inner { file, memory, lock, ..Inner::default() })))
    }

    /// How eframe is to set up graphics: by our choice of adapter, and without panics after a lost device.
    pub fn configuration(&self) -> WgpuConfiguration {
        let mut configuration = WgpuConfiguration::default();
        if let WgpuSetup::CreateNew(setup) = &mut configuration.wgpu_setup {
            let graphics = self.clone();
            setup.native_adapter_selector = Some(Arc::new(move |adapters, surface| graphics.choose(adapters, surface)));
        }
        let (graphics, usual) = (self.clone(), configuration.on_surface_status);
        configuration.on_surface_status = Arc::new(move |status| match status {
            _ if graphics.is_lost() => SurfaceErrorAction::SkipFrame,
            CurrentSurfaceTexture::Validation => {
                graphics.lose("the window's surface is no longer valid");
                SurfaceErrorAction::SkipFrame
            }
            status => usual(status),
        });
        configuration
    }

    /// The adapter that draws, if one was chosen.
    pub fn chosen(&self) -> Option<Chosen> {
        self.inner().chosen.as_ref().map(|(_, chosen)| chosen.clone())
    }

    /// Watches a device: a loss wakes the window.
    pub fn watch(&self, state: &RenderState, ctx: &egui::Context) {
        let (graphics, ctx_lost) = (self.clone(), ctx.clone());
        state.device.set_device_lost_callback(move |_, text| {
            graphics.lose(if text.is_empty() { "no reason given" } else { &text });
            ctx_lost.request_repaint();
        });
        self.inner().device = Some(state.device.clone());
        // The default panics. A frame that cannot be drawn is not worth the user's work.
        state.device.on_uncaptured_error(Arc::new(|error| log::error!("graphics: {error}")));
        simulate_loss(state, ctx);
    }

    /// Notices a loss before anything is drawn.
    pub fn poll(&self) {
        let device = self.inner().device.clone();
        if let Some(Err(error)) = device.map(|device| device.poll(wgpu::PollType::Poll)) {
            log::warn!("graphics: {error}");
        }
    }

    /// Whether the device is lost, so that the window has to be opened again.
    pub fn is_lost(&self) -> bool {
        self.inner().lost.is_some()
    }

    /// Before the window is opened again. An adapter that was lost twice in a short time is tried last.
    ///
    /// # Errors
    /// If it was lost too often to go on, why.
    pub fn recover(&self) -> Result<(), String> {
        let mut inner = self.inner();
        let Some(reason) = inner.lost.take() else { return Ok(()) };
        errors::set_graphics_lost(false);
        inner.losses.retain(|at| at.elapsed() < SOON);
        log::warn!("the graphics device was lost: {reason}");
        if inner.losses.len() > MAX_LOSSES {
            return Err(format!("the graphics device was lost again and again: {reason}"));
        }
        if inner.losses.len() > 1
            && let Some((adapter, _)) = inner.chosen.take()
        {
            inner.memory.failed(&adapter);
        }
        inner.device = None;
        Ok(())
    }

    /// Notes that the device is lost.
    pub fn lose(&self, reason: &str) {
        let mut inner = self.inner();
        if inner.lost.is_none() {
            errors::set_graphics_lost(true);
            inner.lost = Some(reason.to_owned());
            inner.losses.push(Instant::now());
        }
    }

    /// The first adapter that can draw into `surface`.
    fn choose(&self, adapters: &[Adapter], surface: Option<&Surface<'_>>) -> Result<Adapter, String> {
        let mut inner = self.inner();
        let mut summaries: Vec<(AdapterSummary, &Adapter)> =
            adapters.iter().map(|adapter| (AdapterSummary::from(&adapter.get_info()), adapter)).collect();
        summaries.sort_by_cached_key(|(summary, _)| inner.memory.rank(summary));
        let mut failed = Vec::new();
        for (summary, adapter) in summaries {
            // A driver may take the whole program with it; the next start then tries this adapter last.
            if inner.memory.begin(&summary) {
                inner.save();
            }
            match trial::run(adapter, surface) {
                Ok(()) => {
                    if inner.memory.worked(&summary) {
                        inner.save();
                    }
                    inner.lock = None;
                    log::info!("the window is drawn by {}", summary.id);
                    inner.chosen = Some((summary.clone(), Chosen { name: summary.name, failed }));
                    return Ok(adapter.clone());
                }
                Err(reason) => {
                    log::warn!("{} cannot draw the window: {reason}", summary.id);
                    inner.memory.failed(&summary);
                    inner.save();
                    failed.push(format!("{}: {reason}", summary.name));
                }
            }
        }
        let reasons = if failed.is_empty() { String::new() } else { format!(" ({})", failed.join("; ")) };
        Err(format!("No suitable graphics adapter{reasons}"))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn save(&self) {
        if let Some(file) = &self.file {
            self.memory.write(file);
        }
    }
}

/// Locks a file beside `file`, which says that the program that tries adapters is alive; `None` if another one holds the
/// lock, or the file cannot be created.
fn lock_beside(file: &Path) -> Option<File> {
    std::fs::create_dir_all(file.parent()?).ok()?;
    let lock = File::create(file.with_extension("lock")).ok()?;
    lock.try_lock().ok()?;
    Some(lock)
}

/// The adapters of this computer, one line each; that which drew the window last says so.
pub fn list(file: Option<PathBuf>) -> Vec<String> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let Ok(adapters) = runtime::block_on(instance.enumerate_adapters(wgpu::Backends::all())) else { return Vec::new() };
    let memory = file.as_deref().map(Memory::read).unwrap_or_default();
    let line = |adapter: &Adapter| memory.describe(&AdapterSummary::from(&adapter.get_info()));
    adapters.iter().map(line).collect()
}

/// Destroys the device after the seconds that `VICINITY_LOSE_GRAPHICS` gives, to try the recovery; in debug builds only.
fn simulate_loss(state: &RenderState, ctx: &egui::Context) {
    let seconds = std::env::var("VICINITY_LOSE_GRAPHICS").ok().and_then(|seconds| seconds.parse().ok());
    if let Some(seconds) = seconds.filter(|_| cfg!(debug_assertions)) {
        let (device, ctx) = (state.device.clone(), ctx.clone());
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs_f32(seconds));
            device.destroy();
            ctx.request_repaint();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::choice::tests::{adapter, all};
    use super::*;

    fn graphics() -> Graphics {
        let chosen = Chosen { name: "card".to_owned(), failed: Vec::new() };
        let inner = Inner { chosen: Some((all().remove(4), chosen)), ..Inner::default() };
        Graphics(Arc::new(Mutex::new(inner)))
    }

    #[test]
    fn a_device_lost_once_is_used_again_and_one_lost_twice_is_tried_last() {
        let graphics = graphics();
        assert_eq!((graphics.is_lost(), graphics.recover()), (false, Ok(())));
        graphics.lose("reset");
        graphics.lose("a second report of the same loss");
        assert!(graphics.is_lost());
        assert_eq!((graphics.recover(), graphics.is_lost()), (Ok(()), false));
        let card = adapter("card", wgpu::Backend::Dx12, wgpu::DeviceType::DiscreteGpu);
        let other = adapter("card", wgpu::Backend::Gl, wgpu::DeviceType::Other);
        let comes_first = |graphics: &Graphics| {
            let inner = graphics.inner();
            inner.memory.rank(&card) < inner.memory.rank(&other)
        };
        assert!(comes_first(&graphics));
        graphics.lose("reset");
        assert_eq!(graphics.recover(), Ok(()));
        assert!(!comes_first(&graphics));
    }

    #[test]
    fn a_device_that_is_lost_again_and_again_ends_the_program() {
        let graphics = graphics();
        let mut outcomes = (0..=MAX_LOSSES).map(|_| {
            graphics.lose("hung");
            graphics.recover()
        });
        assert!(outcomes.by_ref().take(MAX_LOSSES).all(|outcome| outcome.is_ok()));
        assert!(outcomes.next().is_some_and(|last| last.is_err_and(|reason| reason.contains("hung"))));
    }
}
