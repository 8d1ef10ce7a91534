//! Points on the GPU: resident buffers, one uniform per frame, one instanced draw call.
//!
//! egui_plot is not used because it rebuilds and uploads every point each frame. Buffers are created and filled by the
//! thread that prepared their content; a frame only passes handles on.

use std::sync::Arc;

use egui::{PaintCallbackInfo, Rect};
use egui_wgpu::{CallbackResources, CallbackTrait, ScreenDescriptor, wgpu};

use vicinity_core::MapPos;

use super::camera::Camera;
use super::marks::Mark;

/// The uniform `View` of `points.wgsl`.
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct View {
    centre_high: [f32; 2],
    centre_low: [f32; 2],
    clip_per_unit: [f32; 2],
    clip_per_pixel: [f32; 2],
    radius: f32,
    softness: f32,
    glide_progress: f32,
    opacity: f32,
    pixels_per_point: f32,
    linear_target: u32,
    padding: [f32; 2],
}

/// Parameters for drawing one frame.
#[derive(Debug, Clone, Copy)]
pub struct FrameParams {
    /// The map's rectangle, in screen points.
    pub area: Rect,
    /// The camera.
    pub camera: Camera,
    /// Radius of a point, in screen points.
    pub radius: f32,
    /// Factor applied to the points' own opacity.
    pub opacity: f32,
    /// Progress of the animation to the new layout, in [0, 1].
    pub glide_progress: f32,
    /// Physical pixels per screen point.
    pub pixels_per_point: f32,
}

impl FrameParams {
    fn view(&self, linear_target: bool) -> View {
        let size_px = self.area.size() * self.pixels_per_point;
        let [x, y] = self.camera.centre_in_map;
        let high = [x as f32, y as f32];
        let units = 2.0 * self.camera.points_per_unit * f64::from(self.pixels_per_point);
        View {
            centre_high: high,
            centre_low: [(x - f64::from(high[0])) as f32, (y - f64::from(high[1])) as f32],
            clip_per_unit: [(units / f64::from(size_px.x)) as f32, (units / f64::from(size_px.y)) as f32],
            clip_per_pixel: [2.0 / size_px.x, 2.0 / size_px.y],
            radius: self.radius * self.pixels_per_point,
            softness: 1.4,
            glide_progress: self.glide_progress,
            opacity: self.opacity,
            pixels_per_point: self.pixels_per_point,
            linear_target: u32::from(linear_target),
            padding: [0.0; 2],
        }
    }
}

/// The positions of a layout, and those it animates from.
#[derive(Debug, Clone)]
pub struct PositionBuffer {
    to: wgpu::Buffer,
    from: Option<wgpu::Buffer>,
    count: u32,
}

/// The colours of all rows.
#[derive(Debug, Clone)]
pub struct ColourBuffer {
    buffer: wgpu::Buffer,
    count: u32,
}

/// Marks on the GPU.
#[derive(Debug, Clone)]
pub struct MarkBuffer {
    buffer: wgpu::Buffer,
    count: u32,
}

/// Render pipelines and their device.
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    points: wgpu::RenderPipeline,
    marks: wgpu::RenderPipeline,
    uniform: wgpu::Buffer,
    bind_group: wgpu::BindGroup,
    linear_target: bool,
}

impl Gpu {
    /// Compiles the pipelines for the window's target, which eframe creates without multisampling and depth.
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue, target: wgpu::TextureFormat) -> Self {
        let (device, queue) = (device.clone(), queue.clone());
        let module = device.create_shader_module(wgpu::include_wgsl!("points.wgsl"));
        let uniform = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("map view"),
            size: size_of::<View>() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let group_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("map view"),
            entries: &[wgpu::BindGroupLayoutEntry {
                binding: 0,
                visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
                ty: wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Uniform,
                    has_dynamic_offset: false,
                    min_binding_size: std::num::NonZeroU64::new(size_of::<View>() as u64),
                },
                count: None,
            }],
        });
        let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("map view"),
            layout: &group_layout,
            entries: &[wgpu::BindGroupEntry { binding: 0, resource: uniform.as_entire_binding() }],
        });
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("map"),
            bind_group_layouts: &[Some(&group_layout)],
            immediate_size: 0,
        });
        let buffer = |array_stride, attributes| {
            Some(wgpu::VertexBufferLayout { array_stride, step_mode: wgpu::VertexStepMode::Instance, attributes })
        };
        let place = wgpu::vertex_attr_array![0 => Float32x2];
        let origin = wgpu::vertex_attr_array![1 => Float32x2];
        let colour = wgpu::vertex_attr_array![2 => Unorm8x4];
        let mark = wgpu::vertex_attr_array![
            0 => Float32x2, 1 => Float32x2, 2 => Unorm8x4, 3 => Float32, 4 => Float32, 5 => Uint32
        ];
        let pipeline = |entry: &str, buffers: &[Option<wgpu::VertexBufferLayout<'_>>]| {
            pipeline(&device, &layout, &module, target, entry, buffers)
        };
        let points = pipeline("point_corner", &[buffer(8, &place), buffer(8, &origin), buffer(4, &colour)]);
        let marks = pipeline("mark_corner", &[buffer(size_of::<Mark>() as u64, &mark)]);
        let linear_target = target.is_srgb();
        Self { device, queue, points, marks, uniform, bind_group, linear_target }
    }

    fn upload(&self, label: &str, contents: &[u8]) -> wgpu::Buffer {
        // Not by a mapped buffer, which panics if the device is lost.
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: contents.len() as u64,
            usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.queue.write_buffer(&buffer, 0, contents);
        buffer
    }

    /// Number of rows that fit into one buffer at `bytes` per row.
    fn rows(&self, rows: usize, bytes: u64) -> usize {
        rows.min((self.device.limits().max_buffer_size / bytes) as usize)
    }

    /// Uploads a layout.
    pub fn upload_positions(&self, to: &[MapPos], from: Option<&[MapPos]>) -> PositionBuffer {
        let rows = self.rows(to.len(), 8);
        let upload = |label, positions: &[MapPos]| {
            // Points without a position are placed far outside, where they are clipped.
            let place = |p: &MapPos| if p.x.is_finite() && p.y.is_finite() { [p.x, p.y] } else { [1e9; 2] };
            let flat: Vec<[f32; 2]> = positions[..rows].iter().map(place).collect();
            self.upload(label, bytemuck::cast_slice(&flat))
        };
        let from = from.filter(|f| f.len() >= rows).map(|f| upload("map positions before", f));
        PositionBuffer { to: upload("map positions", to), from, count: rows as u32 }
    }

    /// Uploads the colours.
    pub fn upload_colours(&self, rgba: &[[u8; 4]]) -> ColourBuffer {
        let rows = self.rows(rgba.len(), 4);
        let buffer = self.upload("map colours", bytemuck::cast_slice(&rgba[..rows]));
        ColourBuffer { buffer, count: rows as u32 }
    }

    /// Uploads marks.
    pub fn upload_marks(&self, marks: &[Mark]) -> MarkBuffer {
        let count = self.rows(marks.len(), size_of::<Mark>() as u64);
        let buffer = self.upload("map marks", bytemuck::cast_slice(&marks[..count]));
        MarkBuffer { buffer, count: count as u32 }
    }
}

impl std::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gpu")
    }
}

fn pipeline(
    device: &wgpu::Device,
    layout: &wgpu::PipelineLayout,
    module: &wgpu::ShaderModule,
    format: wgpu::TextureFormat,
    entry: &str,
    buffers: &[Option<wgpu::VertexBufferLayout<'_>>],
) -> wgpu::RenderPipeline {
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(entry),
        layout: Some(layout),
        vertex: wgpu::VertexState {
            module,
            entry_point: Some(entry),
            buffers,
            compilation_options: wgpu::PipelineCompilationOptions::default(),
        },
        primitive: wgpu::PrimitiveState {
            topology: wgpu::PrimitiveTopology::TriangleStrip,
            ..wgpu::PrimitiveState::default()
        },
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module,
            entry_point: Some("paint"),
            targets: &[Some(wgpu::ColorTargetState {
                format,
                blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                write_mask: wgpu::ColorWrites::ALL,
            })],
            compilation_options: wgpu::PipelineCompilationOptions::default(),
        }),
        multiview_mask: None,
        cache: None,
    })
}

/// What a layer draws on the GPU.
pub enum Drawing {
    /// Points in their colours.
    Points(PositionBuffer, ColourBuffer),
    /// Marks.
    Marks(MarkBuffer),
}

impl Drawing {
    /// The egui shape that draws this in one frame.
    pub fn shape(self, gpu: Arc<Gpu>, params: FrameParams) -> egui::Shape {
        let callback = DrawCallback { gpu, params, drawing: self };
        egui_wgpu::Callback::new_paint_callback(params.area, callback).into()
    }
}

/// One draw call of one frame.
struct DrawCallback {
    gpu: Arc<Gpu>,
    params: FrameParams,
    drawing: Drawing,
}

impl CallbackTrait for DrawCallback {
    fn prepare(
        &self,
        _device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        _resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        // Every draw call of a frame writes the same bytes.
        let view = self.params.view(self.gpu.linear_target);
        queue.write_buffer(&self.gpu.uniform, 0, bytemuck::bytes_of(&view));
        Vec::new()
    }

    fn paint(&self, _info: PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, _resources: &CallbackResources) {
        // egui has set the viewport and scissor to the map's rectangle.
        pass.set_bind_group(0, &self.gpu.bind_group, &[]);
        match &self.drawing {
            Drawing::Points(positions, colours) => {
                pass.set_pipeline(&self.gpu.points);
                pass.set_vertex_buffer(0, positions.to.slice(..));
                pass.set_vertex_buffer(1, positions.from.as_ref().unwrap_or(&positions.to).slice(..));
                pass.set_vertex_buffer(2, colours.buffer.slice(..));
                pass.draw(0..4, 0..positions.count.min(colours.count));
            }
            Drawing::Marks(marks) => {
                pass.set_pipeline(&self.gpu.marks);
                pass.set_vertex_buffer(0, marks.buffer.slice(..));
                pass.draw(0..4, 0..marks.count);
            }
        }
    }
}
