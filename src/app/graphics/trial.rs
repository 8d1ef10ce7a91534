//! Whether an adapter can draw the window: it compiles all shaders and draws a picture, which is read back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use egui::epaint::{ClippedPrimitive, ImageDelta, Primitive, Vertex};
use egui::{Color32, ColorImage, Mesh, Rect, TextureId, TextureOptions, pos2, vec2};
use egui_wgpu::{Renderer, RendererOptions, ScreenDescriptor, WgpuSetupCreateNew, wgpu};
use wgpu::{Adapter, Device, DeviceLostReason, Queue, Surface, TextureFormat};

use crate::ui::Shell;
use vicinity_engine::runtime;

/// Side of the picture, pixels. A row of it has the 256 bytes that copies are aligned to.
const SIDE: u32 = 64;
/// The colour that is drawn.
const COLOUR: Color32 = Color32::from_rgb(200, 100, 50);
/// A driver that has not drawn it after this time does not work.
const PATIENCE: Duration = Duration::from_secs(10);

/// Draws with `adapter`.
///
/// # Errors
/// What went wrong, in the driver's words.
pub fn run(adapter: &Adapter, surface: Option<&Surface<'_>>) -> Result<(), String> {
    caught(|| runtime::block_on(draw(adapter, surface)).map_err(|error| error.to_string())?)
}

/// Runs a trial; a panic is a failure.
fn caught(trial: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(trial)).unwrap_or_else(|_| Err("its driver broke down".to_owned()))
}

async fn draw(adapter: &Adapter, surface: Option<&Surface<'_>>) -> Result<(), String> {
    let format = match surface {
        None => TextureFormat::Rgba8Unorm,
        Some(surface) if !adapter.is_surface_supported(surface) => return Err("it cannot draw in a window".to_owned()),
        Some(surface) => egui_wgpu::preferred_framebuffer_format(&surface.get_capabilities(adapter).formats)
            .map_err(|error| error.to_string())?,
    };
    let descriptor = (WgpuSetupCreateNew::without_display_handle().device_descriptor)(adapter);
    let (device, queue) = adapter.request_device(&descriptor).await.map_err(|error| error.to_string())?;
    try_to_draw(&device, &queue, format)
}

fn try_to_draw(device: &Device, queue: &Queue, format: TextureFormat) -> Result<(), String> {
    let trouble = Trouble::of(device);
    Shell::compile_shaders(device, queue, format);
    let pixel = picture(device, queue, format);
    trouble.first().map_or(Ok(()), Err)?;
    is_drawn(pixel?, format)
}

/// What a device complained of.
struct Trouble(Arc<Mutex<Vec<String>>>);

impl Trouble {
    fn of(device: &Device) -> Self {
        let trouble = Self(Arc::default());
        let (errors, losses) = (Arc::clone(&trouble.0), Arc::clone(&trouble.0));
        let note = |list: &Mutex<Vec<String>>, text| list.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| note(&errors, error.to_string())));
        device.set_device_lost_callback(move |reason, text| {
            if reason != DeviceLostReason::Destroyed {
                note(&losses, format!("its device was lost: {text}"));
            }
        });
        trouble
    }

    /// The first of it, as one line.
    fn first(&self) -> Option<String> {
        let list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.first().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// Draws a square in one colour with egui's renderer, and reads its middle.
fn picture(device: &Device, queue: &Queue, format: TextureFormat) -> Result<[u8; 4], String> {
    let size = wgpu::Extent3d { width: SIDE, height: SIDE, depth_or_array_layers: 1 };
    let target = device.create_texture(&wgpu::TextureDescriptor {
        label: Some("trial"),
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    });
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("trial"),
        size: u64::from(SIDE * SIDE * 4),
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let mut renderer =
        Renderer::new(device, format, RendererOptions { dithering: false, ..RendererOptions::default() });
    let white = ImageDelta::full(ColorImage::filled([1, 1], Color32::WHITE), TextureOptions::LINEAR);
    renderer.update_texture(device, queue, TextureId::default(), &white);
    let screen = ScreenDescriptor { size_in_pixels: [SIDE; 2], pixels_per_point: 1.0 };
    let shapes = [square()];
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("trial") });
    let before = renderer.update_buffers(device, queue, &mut encoder, &shapes, &screen);
    {
        let view = target.create_view(&wgpu::TextureViewDescriptor::default());
        let attachment = wgpu::RenderPassColorAttachment {
            view: &view,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations { load: wgpu::LoadOp::Clear(wgpu::Color::BLACK), store: wgpu::StoreOp::Store },
        };
        let pass = wgpu::RenderPassDescriptor {
            label: Some("trial"),
            color_attachments: &[Some(attachment)],
            ..wgpu::RenderPassDescriptor::default()
        };
        renderer.render(&mut encoder.begin_render_pass(&pass).forget_lifetime(), &shapes, &screen);
    }
    let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(SIDE * 4), rows_per_image: None };
    encoder.copy_texture_to_buffer(target.as_image_copy(), wgpu::TexelCopyBufferInfo { buffer: &buffer, layout }, size);
    queue.submit(before.into_iter().chain([encoder.finish()]));
    read_middle(device, &buffer)
}

fn square() -> ClippedPrimitive {
    let area = Rect::from_min_size(pos2(0.0, 0.0), vec2(SIDE as f32, SIDE as f32));
    let corners = [area.left_top(), area.right_top(), area.right_bottom(), area.left_bottom()];
    let vertices = corners.map(|pos| Vertex { pos, uv: pos2(0.5, 0.5), color: COLOUR }).to_vec();
    let mesh = Mesh { indices: vec![0, 1, 2, 0, 2, 3], vertices, texture_id: TextureId::default() };
    ClippedPrimitive { clip_rect: area, primitive: Primitive::Mesh(mesh) }
}

fn read_middle(device: &Device, buffer: &wgpu::Buffer) -> Result<[u8; 4], String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    buffer.slice(..).map_async(wgpu::MapMode::Read, move |mapped| {
        // Nobody waits any more if polling has failed.
        let _ = sender.send(mapped);
    });
    let wait = wgpu::PollType::Wait { submission_index: None, timeout: Some(PATIENCE) };
    device.poll(wait).map_err(|error| format!("it does not finish a picture: {error}"))?;
    let mapped = receiver.recv_timeout(PATIENCE).map_err(|_| "it does not return a picture".to_owned())?;
    mapped.map_err(|error| format!("it does not return a picture: {error}"))?;
    let bytes = buffer.slice(..).get_mapped_range().map_err(|error| error.to_string())?;
    let middle = ((SIDE / 2 * SIDE + SIDE / 2) * 4) as usize;
    bytes.get(middle..middle + 4).and_then(|pixel| pixel.try_into().ok()).ok_or_else(|| "an empty picture".to_owned())
}

/// Whether a pixel has the colour that was drawn, in the order of `format`. Formats with more than eight bits are only
/// expected not to be black.
fn is_drawn(pixel: [u8; 4], format: TextureFormat) -> Result<(), String> {
    let [r, g, b, a] = COLOUR.to_array();
    let wanted = match format {
        TextureFormat::Rgba8Unorm | TextureFormat::Rgba8UnormSrgb => [r, g, b, a],
        TextureFormat::Bgra8Unorm | TextureFormat::Bgra8UnormSrgb => [b, g, r, a],
        _ if pixel != [0; 4] => return Ok(()),
        _ => [r, g, b, a],
    };
    // One level is lost by rounding; sRGB targets convert there and back.
    let close = wanted.iter().zip(pixel).all(|(wanted, got)| wanted.abs_diff(got) <= 3);
    if close { Ok(()) } else { Err(format!("it draws wrong colours: {pixel:?} for {wanted:?}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_colour_is_no_picture() {
        assert!(is_drawn([50, 100, 201, 255], TextureFormat::Bgra8Unorm).is_ok());
        assert!(is_drawn([50, 100, 200, 255], TextureFormat::Rgba8Unorm).is_err());
        assert!(is_drawn([0, 0, 0, 255], TextureFormat::Rgba8Unorm).is_err());
        assert!(is_drawn([0; 4], TextureFormat::Rgb10a2Unorm).is_err());
    }

    fn adapter() -> Option<Adapter> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let adapters = runtime::block_on(instance.enumerate_adapters(wgpu::Backends::VULKAN)).unwrap_or_default();
        if adapters.is_empty() {
            println!("skipped: no Vulkan driver is installed");
        }
        adapters.into_iter().next()
    }

    #[test]
    fn an_adapter_of_this_computer_draws() {
        assert_eq!(adapter().map_or(Ok(()), |adapter| run(&adapter, None)), Ok(()));
    }

    #[test]
    fn a_device_that_is_lost_draws_nothing() {
        let Some(adapter) = adapter() else { return };
        let descriptor = (WgpuSetupCreateNew::without_display_handle().device_descriptor)(&adapter);
        let requested = runtime::block_on(adapter.request_device(&descriptor)).expect("runs");
        let (device, queue) = requested.expect("a device");
        device.destroy();
        // The graphics library panics at some calls, as a broken driver would make it.
        let drawn = caught(|| try_to_draw(&device, &queue, TextureFormat::Rgba8Unorm));
        assert!(drawn.is_err(), "{drawn:?}");
    }
}
