// Points and marks of the map as instanced quads. Output colours are premultiplied and in gamma space, as egui blends
// them.

struct View {
    // The centre of the view as the sum of two f32 values: the second holds the remainder of the first. Subtracting
    // one after the other keeps a precision of a tenth of a pixel at any zoom.
    centre_high: vec2<f32>,
    centre_low: vec2<f32>,
    // Clip units per map unit and per pixel.
    clip_per_unit: vec2<f32>,
    clip_per_pixel: vec2<f32>,
    // Radius of a point and width of its soft edge, in pixels.
    radius: f32,
    softness: f32,
    // Progress of the animation from the old positions (0) to the new ones (1).
    glide_progress: f32,
    opacity: f32,
    pixels_per_point: f32,
    // 1 if the target converts from linear to sRGB.
    linear_target: u32,
    padding: vec2<f32>,
};

@group(0) @binding(0) var<uniform> view: View;

struct Corner {
    @builtin(position) clip: vec4<f32>,
    @location(0) from_middle: vec2<f32>,
    @location(1) @interpolate(flat) colour: vec4<f32>,
    @location(2) @interpolate(flat) radius: f32,
    @location(3) @interpolate(flat) shape: u32,
};

const DISC: u32 = 0u;
const RING: u32 = 1u;

fn corner(vertex: u32, start: vec2<f32>, end: vec2<f32>, colour: vec4<f32>, radius: f32, shape: u32) -> Corner {
    let place = mix(start, end, view.glide_progress);
    let middle = ((place - view.centre_high) - view.centre_low) * view.clip_per_unit;
    let side = vec2<f32>(f32(vertex & 1u), f32(vertex >> 1u)) * 2.0 - 1.0;
    let reach = radius + view.softness;
    var out: Corner;
    out.clip = vec4<f32>(middle + side * reach * view.clip_per_pixel, 0.0, 1.0);
    out.from_middle = side * reach;
    out.colour = colour;
    out.radius = radius;
    out.shape = shape;
    return out;
}

@vertex
fn point_corner(
    @builtin(vertex_index) vertex: u32,
    @location(0) end: vec2<f32>,
    @location(1) start: vec2<f32>,
    @location(2) rgba: vec4<f32>,
) -> Corner {
    let colour = vec4<f32>(rgba.rgb, rgba.a * view.opacity);
    return corner(vertex, start, end, colour, view.radius, DISC);
}

@vertex
fn mark_corner(
    @builtin(vertex_index) vertex: u32,
    @location(0) end: vec2<f32>,
    @location(1) start: vec2<f32>,
    @location(2) rgba: vec4<f32>,
    @location(3) radius_scale: f32,
    @location(4) radius_offset: f32,
    @location(5) shape: u32,
) -> Corner {
    return corner(vertex, start, end, rgba, view.radius * radius_scale + radius_offset * view.pixels_per_point, shape);
}

fn coverage(radius: f32, distance: f32) -> f32 {
    return clamp((radius - distance) / view.softness + 0.5, 0.0, 1.0);
}

fn linear_from_gamma(c: vec3<f32>) -> vec3<f32> {
    return select(pow((c + 0.055) / 1.055, vec3<f32>(2.4)), c / 12.92, c < vec3<f32>(0.04045));
}

@fragment
fn paint(in: Corner) -> @location(0) vec4<f32> {
    let distance = length(in.from_middle);
    var covered: f32;
    if in.shape == DISC {
        covered = coverage(in.radius, distance);
    } else if in.shape == RING {
        let width = 1.8 * view.pixels_per_point;
        covered = coverage(in.radius, distance) - coverage(in.radius - width, distance);
    } else {
        let near = clamp(1.0 - distance / in.radius, 0.0, 1.0);
        covered = near * near * (3.0 - 2.0 * near);
    }
    let opacity = in.colour.a * covered;
    var rgb = in.colour.rgb * opacity;
    if view.linear_target == 1u {
        rgb = linear_from_gamma(rgb);
    }
    return vec4<f32>(rgb, opacity);
}
