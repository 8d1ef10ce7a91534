//! The glyphs of a page with their places, in the order in which they are drawn. Text that is drawn invisibly counts: scans
//! have it over their picture.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use hayro::hayro_interpret::font::{Glyph as FontGlyph, GlyphRun, PositionedGlyph};
use hayro::hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, SoftMask, interpret_page,
};
use hayro::hayro_syntax::object::Dict;
use hayro::hayro_syntax::page::Page;
use hayro::kurbo::{Affine, BezPath, Point, Rect, Vec2};

use super::actual_text::ActualText;

/// Maximum number of glyphs of a page that are read.
const MAX_GLYPHS: usize = 300_000;
/// Maximum length of a glyph's text, bytes.
const MAX_TEXT: usize = 4096;
/// A glyph that is drawn again within this part of its size is one: bold print, or an outline around an area.
const SAME_PLACE: f64 = 0.05;
/// The size of a glyph in its own units.
const EM: f64 = 1000.0;

/// A glyph on a page. Lengths are in points.
#[derive(Debug, Clone, PartialEq)]
pub struct PageGlyph {
    /// What it says; may be empty or several letters.
    pub text: String,
    /// The direction in which its line is read, degrees clockwise from the right, from -180 to 180.
    pub direction: i16,
    /// Where it begins along its line.
    pub start: f64,
    /// Where the next one is expected.
    pub end: f64,
    /// The place of its line across the direction, growing from line to line.
    pub line: f64,
    /// Size of its font.
    pub size: f64,
}

/// The glyphs of a page.
pub fn of_page<'a>(page: &Page<'a>, cache: &InterpreterCache<'a>) -> Vec<PageGlyph> {
    let (width, height) = page.render_dimensions();
    let area = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
    let upright = Affine::new(page.initial_transform(true).as_coeffs());
    let mut context = Context::new(upright, area, cache, page.xref(), InterpreterSettings::default());
    let mut reader = GlyphReader {
        area,
        glyphs: Vec::new(),
        text: ActualText::default(),
        seen: HashSet::new(),
        hasher: RandomState::new(),
    };
    interpret_page(page, &mut context, &mut reader);
    reader.glyphs
}

/// A device that draws nothing.
struct GlyphReader {
    area: Rect,
    glyphs: Vec<PageGlyph>,
    text: ActualText,
    /// Text and size, and place of each glyph.
    seen: HashSet<(u64, i64, i64)>,
    hasher: RandomState,
}

impl GlyphReader {
    fn add(&mut self, glyph: &PositionedGlyph<'_>, transform: Affine, mode: WritingMode) {
        let transform = transform * glyph.transform();
        let origin = transform * Point::ORIGIN;
        let size = (transform * Point::new(0.0, EM) - origin).hypot();
        let is_sound = origin.is_finite() && size.is_finite() && size > 0.0;
        if !is_sound || !self.area.inflate(size, size).contains(origin) || self.glyphs.len() >= MAX_GLYPHS {
            return;
        }
        let along = match mode {
            WritingMode::Horizontal => Vec2::new(advance(glyph), 0.0),
            WritingMode::Vertical => Vec2::new(0.0, -EM),
        };
        let step = transform * along.to_point() - origin;
        let unit = match mode {
            WritingMode::Horizontal => transform * Point::new(EM, 0.0) - origin,
            WritingMode::Vertical => step,
        };
        let Some(direction) = degrees(unit) else { return };
        let text = match self.text.take() {
            Some(text) => text,
            None => readable(glyph),
        };
        if !text.trim().is_empty() && !self.is_new(&text, origin, size) {
            return;
        }
        let (sin, cos) = f64::from(direction).to_radians().sin_cos();
        let start = origin.x * cos + origin.y * sin;
        let end = start + step.x * cos + step.y * sin;
        let line = origin.y * cos - origin.x * sin;
        if end.is_finite() {
            self.glyphs.push(PageGlyph { text, direction, start, end, line, size });
        }
    }

    /// Whether the same text was not drawn at about the same place before.
    fn is_new(&mut self, text: &str, origin: Point, size: f64) -> bool {
        let cell = f64::from((size * SAME_PLACE) as f32).max(f64::MIN_POSITIVE);
        // Places are counted in cells, whose number means something only among glyphs of one size.
        let hash = self.hasher.hash_one((text, cell.to_bits()));
        let (x, y) = ((origin.x / cell).round() as i64, (origin.y / cell).round() as i64);
        let around = (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (dx, dy)));
        let mut places = around.map(|(dx, dy)| (hash, x.saturating_add(dx), y.saturating_add(dy)));
        let is_new = !places.any(|place| self.seen.contains(&place));
        if is_new {
            self.seen.insert((hash, x, y));
        }
        is_new
    }
}

/// How far the next glyph is, in the glyph's units; half of its size where the font does not tell.
fn advance(glyph: &FontGlyph<'_>) -> f64 {
    let advance = match glyph {
        FontGlyph::Outline(glyph) => glyph.advance_width(),
        FontGlyph::Type3(glyph) => glyph.advance_width(),
    };
    advance.map_or(EM / 2.0, f64::from)
}

/// The direction of a vector in whole degrees; `None` if it has none.
fn degrees(vector: Vec2) -> Option<i16> {
    let is_some = vector.is_finite() && vector.hypot() > 0.0;
    // Half a turn is written in one way.
    let whole = |degrees: f64| if degrees <= -179.5 { 180 } else { degrees.round() as i16 };
    is_some.then(|| whole(vector.y.atan2(vector.x).to_degrees()))
}

/// What a glyph says; empty if its font does not tell, or only the font knows the sign.
fn readable(glyph: &FontGlyph<'_>) -> String {
    let text = match glyph.as_unicode() {
        Some(BfString::Char(c)) => String::from(c),
        Some(BfString::String(text)) if text.len() <= MAX_TEXT => text,
        _ => return String::new(),
    };
    let mut readable = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{e000}'..='\u{f8ff}' | '\u{f0000}'.. | '\u{ad}' | '\u{fffd}' => {}
            '\u{fb00}' => readable.push_str("ff"),
            '\u{fb01}' => readable.push_str("fi"),
            '\u{fb02}' => readable.push_str("fl"),
            '\u{fb03}' => readable.push_str("ffi"),
            '\u{fb04}' => readable.push_str("ffl"),
            '\u{fb05}' | '\u{fb06}' => readable.push_str("st"),
            c if c.is_whitespace() => readable.push(' '),
            c if c.is_control() => {}
            c => readable.push(c),
        }
    }
    readable
}

impl<'a> Device<'a> for GlyphReader {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        for glyph in run.glyphs() {
            self.add(glyph, props.transform, run.writing_mode());
        }
    }

    fn begin_marked_content(&mut self, _: &[u8], properties: Option<&Dict<'_>>) {
        self.text.begin(properties);
    }

    fn end_marked_content(&mut self) {
        self.text.end();
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn draw_rect(&mut self, _: &Rect, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_clip_rect(&mut self, _: &Rect) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
