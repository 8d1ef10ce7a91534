//! What a frame of the window costs the UI thread at a million items: at rest, panning, hovering, typing, drawing a
//! lasso, and while an import publishes snapshots. Times are CPU time of the UI thread alone, so that other processes and
//! background work do not count: logic, layout, input, tessellation, and the `prepare` of the map's callbacks.
//! egui_plot draws 100,000 of the same points in the same run, for comparison.
//!
//! `cargo bench --bench map_frame` (a GPU or lavapipe for the uploads; without, only the widgets are timed).

#[path = "../tests/support/synthetic.rs"]
mod synthetic;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use eframe::App as _;
use egui::{Context, Event as Input, Modifiers, PointerButton, Pos2, RawInput, Rect, Vec2, pos2, vec2};
use egui_wgpu::{RenderState, ScreenDescriptor, wgpu};
use vicinity::app::{App, AppConfig, Backend, Environment, OpenOptions, Opener, Waker};
use vicinity::context::LibraryState;
use vicinity_core::Filter;
use vicinity_engine::visible::FolderIndex;
use vicinity_engine::{Event, ImportOptions, Job, Snapshot, VisibleRows};
use vicinity_models::ModelInfo;

const SIZE: Vec2 = Vec2::new(1200.0, 800.0);
/// Frames of each phase.
const FRAMES: usize = 300;
/// What a frame may cost, milliseconds.
const LIMIT_MS: f64 = 4.0;

/// An engine that answers from made-up items, on threads of its own.
struct Engine {
    sender: Sender<Event>,
    events: Receiver<Event>,
    waker: Waker,
    snapshot: Arc<Mutex<Arc<Snapshot>>>,
    folders: Arc<Mutex<FolderIndex>>,
}

impl Backend for Engine {
    fn submit(&self, job: Job) {
        let (sender, waker, folders) = (self.sender.clone(), Arc::clone(&self.waker), Arc::clone(&self.folders));
        let Ok(snapshot) = self.snapshot.lock().map(|s| Arc::clone(&s)) else { return };
        std::thread::spawn(move || {
            match job {
                Job::Search { slot, ticket, .. } => {
                    let result = Ok(synthetic::search(&snapshot, ticket as usize % synthetic::CLUSTERS));
                    _ = sender.send(Event::SearchDone { slot, ticket, result });
                }
                Job::Filter { snapshot, filter } => {
                    let rows = |filter| VisibleRows::new(Arc::clone(&snapshot), filter, None);
                    _ = sender.send(Event::Visible(Arc::new(rows(filter.clone()))));
                    let Ok(mut folders) = folders.lock() else { return };
                    let counts = folders.count(&rows(Filter { folder: None, ..filter }));
                    _ = sender.send(Event::Folders(Arc::new(counts)));
                }
                _ => return,
            }
            waker();
        });
    }

    fn events(&self) -> &Receiver<Event> {
        &self.events
    }

    fn model(&self) -> Option<ModelInfo> {
        None
    }

    fn device(&self) -> String {
        "CPU".to_owned()
    }

    fn import(&self) -> ImportOptions {
        ImportOptions::default()
    }
}

/// The program's window without a screen, over the made-up engine.
struct Window {
    ctx: Context,
    gpu: Option<RenderState>,
    app: App,
    time: f64,
    snapshot: Arc<Mutex<Arc<Snapshot>>>,
    events: Sender<Event>,
}

impl Window {
    fn open(items: usize) -> Self {
        let (sender, events) = bounded(4096);
        let snapshot = Arc::new(Mutex::new(synthetic::snapshot(items, 1)));
        let opener: Opener = {
            let (sender, snapshot) = (sender.clone(), Arc::clone(&snapshot));
            Arc::new(move |_: &std::path::Path, options: OpenOptions| {
                let (sender, events) = (sender.clone(), events.clone());
                let first = snapshot.lock().map(|s| Arc::clone(&s)).map_err(|error| error.to_string())?;
                _ = sender.send(Event::Snapshot(first));
                _ = sender.send(Event::Layout(synthetic::layout(items, 1)));
                let (snapshot, folders) = (Arc::clone(&snapshot), Arc::default());
                let engine = Engine { sender, events, waker: options.waker, snapshot, folders };
                Ok(Box::new(engine) as Box<dyn Backend>)
            })
        };
        let (ctx, gpu) = (Context::default(), gpu());
        match &gpu {
            Some(gpu) => println!("uploads to {}", gpu.adapter.get_info().name),
            None => println!("no adapter: without uploads"),
        }
        let mut creation = eframe::CreationContext::_new_kittest(ctx.clone());
        creation.wgpu_render_state.clone_from(&gpu);
        let config = AppConfig {
            crash: None,
            folders: Vec::new(),
            library: Some(PathBuf::from("/home/ann/library")),
            theme: Some(vicinity::context::ThemeChoice::Dark),
            settings: None,
            data: None,
            opener,
            environment: Environment::default(),
            running: Default::default(),
            model: None,
        };
        let app = App::new(&creation, config);
        Self { ctx, gpu, app, time: 0.0, snapshot, events: sender }
    }

    /// One frame; the CPU time that the UI thread spent.
    fn frame(&mut self, events: Vec<Input>) -> Duration {
        self.time += 1.0 / 60.0;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, SIZE)),
            time: Some(self.time),
            focused: true,
            events,
            ..Default::default()
        };
        let mut frame = eframe::Frame::_new_kittest();
        let started = cpu_time();
        let app = &mut self.app;
        let mut output = self.ctx.run_ui(input, |ui| {
            app.logic(&ui.ctx().clone(), &mut frame);
            app.ui(ui, &mut frame);
        });
        let shapes = std::mem::take(&mut output.shapes);
        let jobs = self.ctx.tessellate(shapes, output.pixels_per_point);
        if let Some(gpu) = &self.gpu {
            upload(gpu, &jobs, &mut output.textures_delta);
        }
        output.textures_delta.clear();
        cpu_time().checked_sub(started).expect("processor time only grows")
    }

    fn library(&self) -> &LibraryState {
        self.app.state().library()
    }

    /// Draws frames for at least two seconds, in which the background work of the last change should finish.
    fn settle(&mut self) {
        for _ in 0..400 {
            self.frame(Vec::new());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn phase(&mut self, name: &str, mut events: impl FnMut(&mut Self, usize) -> Vec<Input>) {
        let mut times = Vec::with_capacity(FRAMES);
        for i in 0..FRAMES {
            let events = events(self, i);
            times.push(self.frame(events));
            // Between frames, so that background work goes on meanwhile: background work goes on meanwhile.
            std::thread::sleep(Duration::from_millis(4));
        }
        report(name, times);
    }

    /// What an import publishes: the snapshot with `more` items behind.
    fn publish(&self, more: usize) {
        let Ok(mut current) = self.snapshot.lock() else { return };
        *current = synthetic::grown(&current, more);
        _ = self.events.send(Event::Snapshot(Arc::clone(&current)));
    }
}

/// CPU time of this thread.
fn cpu_time() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    // Yielding brings the kernel's account of this thread up to date.
    std::thread::yield_now();
    let nanoseconds = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = nanoseconds.and_then(|text| text.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

/// What eframe does before the render pass.
fn upload(gpu: &RenderState, jobs: &[egui::ClippedPrimitive], textures: &mut egui::TexturesDelta) {
    let mut renderer = gpu.renderer.write();
    for (id, images) in textures.set.drain() {
        for image in images {
            renderer.update_texture(&gpu.device, &gpu.queue, id, &image);
        }
    }
    textures.free.drain().for_each(|id| renderer.free_texture(&id));
    let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let screen = ScreenDescriptor { size_in_pixels: [SIZE.x as u32, SIZE.y as u32], pixels_per_point: 1.0 };
    let commands = renderer.update_buffers(&gpu.device, &gpu.queue, &mut encoder, jobs, &screen);
    gpu.queue.submit(commands.into_iter().chain([encoder.finish()]));
}

fn gpu() -> Option<RenderState> {
    let made = std::panic::catch_unwind(|| {
        let setup = egui_kittest::wgpu::default_wgpu_setup();
        egui_kittest::wgpu::create_render_state(setup, egui_wgpu::RendererOptions::default())
    });
    made.ok()
}

fn report(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let ms = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let over = times.iter().filter(|t| t.as_secs_f64() * 1e3 > LIMIT_MS).count();
    println!(
        "{name:<34} p50 {:7.3} ms, p95 {:7.3}, max {:7.3}; {over} of {} over {LIMIT_MS} ms",
        ms(0.5),
        ms(0.95),
        ms(1.0),
        times.len(),
    );
}

fn pointer(frame: usize) -> Pos2 {
    let angle = frame as f32 * 0.07;
    pos2(600.0 + angle.cos() * 200.0, 400.0 + (angle * 1.3).sin() * 200.0)
}

fn button(pos: Pos2, pressed: bool, modifiers: Modifiers) -> Input {
    Input::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers }
}

/// A drag along a circle, begun at the first frame of every `length`, with a modifier held.
fn drag(frame: usize, length: usize, modifiers: Modifiers) -> Vec<Input> {
    let at = |i: usize| {
        let angle = i as f32 / length as f32 * std::f32::consts::TAU;
        pos2(600.0, 400.0) + vec2(angle.cos(), angle.sin()) * 180.0
    };
    let i = frame % length;
    let mut events = vec![Input::PointerMoved(at(i))];
    if i == 0 {
        events.push(button(at(i), true, modifiers));
    } else if i == length - 1 {
        events.push(button(at(i), false, modifiers));
    }
    events
}

fn window(items: usize) {
    let mut window = Window::open(items);
    let started = Instant::now();
    let opening: Vec<Duration> = (0..FRAMES)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(5));
            window.frame(Vec::new())
        })
        .collect();
    println!("{items} items, {:.1} s after opening", started.elapsed().as_secs_f64());
    report("opening", opening);
    window.settle();
    let (shown, layout) = (window.library().snapshot.as_ref(), window.library().layout.as_ref());
    assert!(shown.is_some_and(|s| s.len() == items) && layout.is_some(), "the collection is shown");
    window.phase("idle", |_, _| Vec::new());
    window.phase("hover", |_, i| vec![Input::PointerMoved(pointer(i))]);
    window.phase("pan", |_, i| drag(i, 60, Modifiers::NONE));
    window.settle();
    window.phase("lasso", |_, i| drag(i, 60, Modifiers::ALT));
    window.settle();
    println!("{} items are selected", window.library().selection.items.len());
    assert!(window.library().selection.items.len() > items / 10, "the lasso encloses many");
    window.phase("at rest with a large selection", |_, _| Vec::new());
    window.phase("import", |window, i| {
        if i % 10 == 0 {
            window.publish(50);
        }
        Vec::new()
    });
    window.settle();
    let slash = |pressed| Input::Key {
        key: egui::Key::Slash,
        physical_key: None,
        pressed,
        repeat: false,
        modifiers: Modifiers::NONE,
    };
    window.frame(vec![slash(true)]);
    window.frame(vec![slash(false)]);
    window.phase("typing", |_, i| if i % 6 == 0 { vec![Input::Text("a".to_owned())] } else { Vec::new() });
    window.settle();
    let query = &window.library().query;
    assert!(!query.text.is_empty() && query.result.is_some(), "the search box takes what is typed");
    window.phase("typing while importing", |window, i| {
        if i % 10 == 0 {
            window.publish(50);
        }
        if i % 6 == 0 { vec![Input::Text("b".to_owned())] } else { Vec::new() }
    });
    window.settle();
    window.phase("lasso while importing", |window, i| {
        if i % 10 == 0 {
            window.publish(50);
        }
        drag(i, 60, Modifiers::ALT)
    });
}

fn plot(points: usize) {
    let layout = synthetic::layout(points, 1);
    let marks: Vec<[f64; 2]> = layout.positions.iter().map(|p| [f64::from(p.x), f64::from(p.y)]).collect();
    let ctx = Context::default();
    let times = (0..20).map(|_| {
        let input = RawInput { screen_rect: Some(Rect::from_min_size(Pos2::ZERO, SIZE)), ..Default::default() };
        let started = cpu_time();
        let mut output = ctx.run_ui(input, |ui| {
            egui_plot::Plot::new("plot").show(ui, |plot| {
                plot.points(egui_plot::Points::new("points", egui_plot::PlotPoints::from(marks.clone())).radius(1.5));
            });
        });
        ctx.tessellate(std::mem::take(&mut output.shapes), output.pixels_per_point);
        output.textures_delta.clear();
        cpu_time().checked_sub(started).expect("processor time only grows")
    });
    report(&format!("egui_plot, {points} points"), times.skip(3).collect());
}

fn main() {
    // `cargo test` reports no times: it only checks that this still runs.
    let (large, small) = if cfg!(debug_assertions) && !std::env::args().any(|a| a == "--bench") {
        (20_000, 2_000)
    } else {
        (1_000_000, 100_000)
    };
    window(large);
    plot(small);
}
