//! What a frame of the map costs the UI thread at a million points: layout, input, and the callback's `prepare`, with
//! the pointer moving over the points. egui_plot draws 100,000 of the same points in the same run, for comparison.
//!
//! `cargo bench --bench map_frame` (a GPU or lavapipe for the uploads; without, only the widgets are timed).

#[allow(dead_code, reason = "tests use the rest")]
#[path = "../tests/support/synthetic.rs"]
mod synthetic;

use std::time::{Duration, Instant};

use egui::{Context, Event, Pos2, RawInput, Rect, Vec2, pos2};
use egui_wgpu::{RenderState, ScreenDescriptor, wgpu};
use vicinity::context::{CommandSender, Ctx, LibraryState, State};
use vicinity::ui::map::MapPanel;
use vicinity_core::ItemId;

const FRAMES: usize = 300;
const SIZE: Vec2 = Vec2::new(1200.0, 800.0);

/// One window's worth of egui, with its renderer.
struct Window {
    ctx: Context,
    gpu: Option<RenderState>,
    time: f64,
}

impl Window {
    fn new(gpu: Option<RenderState>) -> Self {
        Self { ctx: Context::default(), gpu, time: 0.0 }
    }

    /// One frame with the pointer at `at`; the time that the UI thread spent, in all and without egui's own rest.
    fn frame(&mut self, at: Pos2, mut draw: impl FnMut(&mut egui::Ui)) -> (Duration, Duration) {
        self.time += 1.0 / 60.0;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, SIZE)),
            time: Some(self.time),
            events: vec![Event::PointerMoved(at)],
            ..Default::default()
        };
        let started = Instant::now();
        let mut own = Duration::ZERO;
        let mut output = self.ctx.run_ui(input, |ui| {
            let started = Instant::now();
            draw(ui);
            own += started.elapsed();
        });
        let shapes = std::mem::take(&mut output.shapes);
        let jobs = self.ctx.tessellate(shapes, output.pixels_per_point);
        if let Some(gpu) = &self.gpu {
            upload(gpu, &jobs, &mut output.textures_delta);
        }
        (started.elapsed(), own)
    }
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

fn report(name: &str, mut times: Vec<(Duration, Duration)>) {
    let ms = |d: Duration| d.as_secs_f64() * 1e3;
    times.sort();
    let own: Vec<f64> = {
        let mut own: Vec<f64> = times.iter().map(|t| ms(t.1)).collect();
        own.sort_by(f64::total_cmp);
        own
    };
    let (middle, last) = (times.len() / 2, times.len() - 1);
    println!(
        "{name:<34} frame median {:8.3} ms, p99 {:8.3}, max {:8.3}; of it drawing {:7.3}",
        ms(times[middle].0),
        ms(times[times.len() * 99 / 100].0),
        ms(times[last].0),
        own[middle],
    );
}

fn pointer(frame: usize) -> Pos2 {
    let angle = frame as f32 * 0.07;
    pos2(600.0 + angle.cos() * 330.0, 400.0 + (angle * 1.3).sin() * 280.0)
}

fn map(points: usize, gpu: Option<RenderState>) {
    let mut panel = MapPanel::new();
    panel.set_render_state(gpu.as_ref());
    let state = State {
        library: Some(LibraryState {
            snapshot: Some(synthetic::snapshot(points, 1)),
            layout: Some(synthetic::layout(points, 1)),
            ..LibraryState::default()
        }),
        ..State::default()
    };
    let commands = CommandSender::default();
    let mut window = Window::new(gpu);
    let started = Instant::now();
    let mut preparing = Vec::new();
    while panel.pos_on_screen(ItemId(7)).is_none() {
        preparing.push(window.frame(pointer(0), |ui| panel.ui(ui, &Ctx { state: &state, commands: &commands })));
        std::thread::sleep(Duration::from_millis(4));
    }
    println!("map, {points} points: shown {:.0} ms after the layout came", started.elapsed().as_secs_f64() * 1e3);
    report(&format!("map, {points}, while preparing"), preparing);
    let mut times = Vec::new();
    for frame in 0..FRAMES {
        times.push(window.frame(pointer(frame), |ui| panel.ui(ui, &Ctx { state: &state, commands: &commands })));
        commands.drain();
        commands.drain_shown();
    }
    report(&format!("map, {points}, pointer moving"), times);
}

fn plot(points: usize, gpu: Option<RenderState>) {
    let layout = synthetic::layout(points, 1);
    let marks: Vec<[f64; 2]> = layout.positions.iter().map(|p| [f64::from(p.x), f64::from(p.y)]).collect();
    let mut window = Window::new(gpu);
    let times = (0..20).map(|frame| {
        window.frame(pointer(frame), |ui| {
            egui_plot::Plot::new("plot").show(ui, |plot| {
                plot.points(egui_plot::Points::new("points", egui_plot::PlotPoints::from(marks.clone())).radius(1.5));
            });
        })
    });
    report(&format!("egui_plot, {points}"), times.skip(3).collect());
}

fn main() {
    // `cargo test` passes no figure on: it only checks that this still runs.
    let (large, small) = if cfg!(debug_assertions) && !std::env::args().any(|a| a == "--bench") {
        (20_000, 2_000)
    } else {
        (1_000_000, 100_000)
    };
    match gpu() {
        Some(gpu) => println!("uploads to {}", gpu.adapter.get_info().name),
        None => println!("no adapter: without uploads"),
    }
    map(large, gpu());
    map(small, gpu());
    plot(small, gpu());
}
