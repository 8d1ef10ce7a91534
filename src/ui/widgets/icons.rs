//! Icons: strokes of 1.6 px on a grid of 16, painted by code, so that they follow the theme and any scale.

use egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, pos2, vec2};

const STROKE: f32 = 1.6;

/// An icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    /// A magnifying glass.
    Search,
    /// A folder.
    Folder,
    /// A plus.
    Plus,
    /// A cross.
    Close,
    /// A triangle with an exclamation mark.
    Warning,
    /// An arrow head downwards.
    Down,
    /// Two bars.
    Pause,
    /// A triangle to the right.
    Play,
    /// An arrow head to the left.
    Left,
    /// An arrow head to the right.
    Right,
    /// A tick.
    Check,
    /// A sheet of text.
    Text,
    /// An image.
    Image,
    /// A tag.
    Label,
    /// A circular arrow.
    Retry,
    /// Two sheets.
    Copy,
    /// A window with a panel at its left.
    PanelLeft,
    /// A window with a panel at its right.
    PanelRight,
    /// A star of five rays.
    Star,
    /// Three dots.
    More,
}

/// The rays of a star and the corners between them.
const STAR: [[f32; 2]; 10] = [
    [8.0, 1.6],
    [9.9, 5.9],
    [14.5, 6.3],
    [11.0, 9.4],
    [12.0, 14.0],
    [8.0, 11.6],
    [4.0, 14.0],
    [5.0, 9.4],
    [1.5, 6.3],
    [6.1, 5.9],
];

fn path(icon: Icon) -> (&'static [&'static [[f32; 2]]], bool) {
    match icon {
        Icon::Folder => (&[&[[2.0, 12.8], [2.0, 3.6], [6.2, 3.6], [7.8, 5.4], [14.0, 5.4], [14.0, 12.8]]], true),
        Icon::Plus => (&[&[[8.0, 2.5], [8.0, 13.5]], &[[2.5, 8.0], [13.5, 8.0]]], false),
        Icon::Close => (&[&[[4.0, 4.0], [12.0, 12.0]], &[[12.0, 4.0], [4.0, 12.0]]], false),
        Icon::Warning => (&[&[[8.0, 2.4], [14.4, 13.4], [1.6, 13.4]]], true),
        Icon::Down => (&[&[[4.2, 6.4], [8.0, 10.2], [11.8, 6.4]]], false),
        Icon::Pause => (&[&[[5.4, 3.5], [5.4, 12.5]], &[[10.6, 3.5], [10.6, 12.5]]], false),
        Icon::Play => (&[&[[5.0, 3.2], [12.6, 8.0], [5.0, 12.8]]], true),
        Icon::Left => (&[&[[10.0, 3.4], [5.4, 8.0], [10.0, 12.6]]], false),
        Icon::Right => (&[&[[6.0, 3.4], [10.6, 8.0], [6.0, 12.6]]], false),
        Icon::Check => (&[&[[3.0, 8.4], [6.6, 12.0], [13.2, 4.6]]], false),
        Icon::Text => (&[&[[2.5, 4.0], [13.5, 4.0]], &[[2.5, 8.0], [13.5, 8.0]], &[[2.5, 12.0], [9.5, 12.0]]], false),
        Icon::Image => (&[&[[2.0, 3.0], [14.0, 3.0], [14.0, 13.0], [2.0, 13.0]]], true),
        Icon::Label => (&[&[[2.2, 2.8], [8.4, 2.8], [14.0, 8.4], [8.6, 13.8], [2.2, 7.6]]], true),
        Icon::Copy => (&[&[[5.5, 5.5], [13.5, 5.5], [13.5, 13.5], [5.5, 13.5]]], true),
        Icon::PanelLeft | Icon::PanelRight => (&[&[[2.0, 3.0], [14.0, 3.0], [14.0, 13.0], [2.0, 13.0]]], true),
        Icon::Star => (&[&STAR], true),
        Icon::Search | Icon::Retry | Icon::More => (&[], false),
    }
}

/// Paints `icon` into the square `rect`.
pub fn paint(painter: &Painter, icon: Icon, rect: Rect, colour: Color32) {
    let scale = rect.width() / 16.0;
    let stroke = Stroke::new(STROKE * scale, colour);
    let at = |[x, y]: [f32; 2]| rect.min + vec2(x, y) * scale;
    let (lines, closed) = path(icon);
    for line in lines {
        let points: Vec<Pos2> = line.iter().map(|p| at(*p)).collect();
        painter.add(if closed { Shape::closed_line(points, stroke) } else { Shape::line(points, stroke) });
    }
    let segment = |a: [f32; 2], b: [f32; 2]| {
        painter.line_segment([at(a), at(b)], stroke);
    };
    match icon {
        Icon::Search => {
            painter.circle_stroke(at([6.8, 6.8]), 4.6 * scale, stroke);
            segment([10.2, 10.2], [14.0, 14.0]);
        }
        Icon::Warning => {
            segment([8.0, 6.4], [8.0, 9.6]);
            painter.circle_filled(at([8.0, 11.5]), 0.9 * scale, colour);
        }
        Icon::Image => {
            painter.add(Shape::line(
                vec![at([3.0, 12.0]), at([6.4, 7.8]), at([9.0, 10.8]), at([10.8, 9.0]), at([13.4, 12.0])],
                stroke,
            ));
        }
        Icon::More => [3.5, 8.0, 12.5].iter().for_each(|x| {
            painter.circle_filled(at([*x, 8.0]), 1.3 * scale, colour);
        }),
        Icon::PanelLeft => segment([6.0, 3.0], [6.0, 13.0]),
        Icon::PanelRight => segment([10.0, 3.0], [10.0, 13.0]),
        Icon::Label => _ = painter.circle_filled(at([5.4, 5.8]), 1.1 * scale, colour),
        Icon::Copy => {
            painter.add(Shape::line(vec![at([10.6, 2.5]), at([2.5, 2.5]), at([2.5, 10.6])], stroke));
        }
        Icon::Retry => {
            let arc: Vec<Pos2> = (0..=20)
                .map(|i| {
                    let angle = -0.6 + i as f32 / 20.0 * 5.0;
                    at([8.0, 8.0]) + vec2(angle.cos(), angle.sin()) * 5.2 * scale
                })
                .collect();
            painter.add(Shape::line(arc, stroke));
            painter.add(Shape::line(vec![at([13.4, 1.8]), at([13.0, 5.4]), at([9.4, 5.0])], stroke));
        }
        _ => {}
    }
}

/// Fills a star that [`paint`] would draw into the square `rect`.
pub fn fill_star(painter: &Painter, rect: Rect, colour: Color32) {
    let scale = rect.width() / 16.0;
    let mut mesh = egui::Mesh::default();
    mesh.colored_vertex(rect.min + vec2(8.0, 8.2) * scale, colour);
    for [x, y] in STAR {
        mesh.colored_vertex(rect.min + vec2(x, y) * scale, colour);
    }
    for at in 0..STAR.len() as u32 {
        mesh.add_triangle(0, 1 + at, 1 + (at + 1) % STAR.len() as u32);
    }
    painter.add(mesh);
}

/// Paints `icon` of 16 points around `centre`.
pub fn paint_at(painter: &Painter, icon: Icon, centre: Pos2, colour: Color32) {
    paint(painter, icon, Rect::from_center_size(centre, vec2(16.0, 16.0)), colour);
}

/// The logo: a square whose corners have the colours of the data.
pub fn mark(painter: &Painter, rect: Rect, theme: &crate::ui::theme::Theme) {
    // A rounded mesh: a fan around the centre, each rim vertex coloured by its position.
    let corners = [theme.hit, theme.texts, theme.ok, theme.images];
    let colour_at = |p: Pos2| {
        let x = ((p.x - rect.left()) / rect.width()).clamp(0.0, 1.0);
        let y = ((p.y - rect.top()) / rect.height()).clamp(0.0, 1.0);
        let weights = [(1.0 - x) * (1.0 - y), x * (1.0 - y), x * y, (1.0 - x) * y];
        let mix = |channel: usize| {
            corners.iter().zip(weights).map(|(c, w)| f32::from(c.to_array()[channel]) * w).sum::<f32>() as u8
        };
        Color32::from_rgb(mix(0), mix(1), mix(2))
    };
    let radius = rect.width() * 0.26;
    let mut rim = Vec::new();
    for (corner, start) in [
        (rect.right_bottom() - vec2(radius, radius), 0.0_f32),
        (pos2(rect.left() + radius, rect.bottom() - radius), 90.0),
        (rect.left_top() + vec2(radius, radius), 180.0),
        (pos2(rect.right() - radius, rect.top() + radius), 270.0),
    ] {
        for step in 0..=6 {
            let angle = (start + step as f32 * 15.0).to_radians();
            rim.push(corner + vec2(angle.cos(), angle.sin()) * radius);
        }
    }
    let mut mesh = egui::Mesh::default();
    mesh.colored_vertex(rect.center(), colour_at(rect.center()));
    for p in &rim {
        mesh.colored_vertex(*p, colour_at(*p));
    }
    for i in 0..rim.len() as u32 {
        mesh.add_triangle(0, 1 + i, 1 + (i + 1) % rim.len() as u32);
    }
    painter.add(mesh);
}
