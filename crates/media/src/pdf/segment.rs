//! Segments of a page: glyphs that stand close together on one line, and the words in them.

use super::glyphs::PageGlyph;

/// A wider gap ends a segment, in sizes of its font.
const SEGMENT_GAP: f64 = 1.5;
/// Glyphs within this distance from a line belong to it, in sizes of its font: raised and lowered ones, too.
pub const LINE_HEIGHT: f64 = 0.4;
/// A wider gap parts words, in sizes of the font, if the letters of the segment touch each other.
const WORD_GAP: f64 = 0.15;
/// Maximum gap between the letters of spaced words, in sizes of the font.
const MAX_LETTER_GAP: f64 = 0.25;
/// Glyphs from which the gap between letters can be told.
const ENOUGH: usize = 8;
/// Glyphs that stand close together on one line.
#[derive(Debug, Clone)]
pub struct Segment {
    glyphs: Vec<PageGlyph>,
    /// The direction in which it is read, degrees.
    pub direction: i16,
    /// Where it begins along its line.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
    /// The place of its line.
    pub line: f64,
    /// The largest size of its fonts.
    pub size: f64,
}

impl Segment {
    /// A segment of one glyph.
    pub fn of(glyph: PageGlyph) -> Self {
        let PageGlyph { direction, start, end, line, size, .. } = glyph;
        Self { direction, start: start.min(end), end: end.max(start), line, size, glyphs: vec![glyph] }
    }

    /// Whether a glyph belongs to it.
    pub fn admits(&self, glyph: &PageGlyph) -> bool {
        let size = self.size.max(glyph.size);
        let gap = size * SEGMENT_GAP;
        self.direction == glyph.direction
            && (self.line - glyph.line).abs() < size * LINE_HEIGHT
            && glyph.start < self.end + gap
            && glyph.end > self.start - gap
    }

    /// Adds a glyph.
    pub fn add(&mut self, glyph: PageGlyph) {
        if glyph.size > self.size {
            (self.line, self.size) = (glyph.line, glyph.size);
        }
        self.start = self.start.min(glyph.start);
        self.end = self.end.max(glyph.end);
        self.glyphs.push(glyph);
    }

    /// Its words, with one space between them.
    pub fn words(&self) -> String {
        let mut glyphs: Vec<&PageGlyph> = self.glyphs.iter().collect();
        glyphs.sort_by(|a, b| a.start.total_cmp(&b.start));
        let usual = letter_gap(&glyphs);
        let mut pieces: Vec<&str> = Vec::with_capacity(glyphs.len());
        let mut end = f64::INFINITY;
        for glyph in glyphs {
            let is_apart = glyph.start - end > glyph.size * (usual + WORD_GAP);
            let is_blank = glyph.text.trim().is_empty();
            let is_space = is_apart || (is_blank && !glyph.text.is_empty());
            if is_space && pieces.last().is_some_and(|last| *last != " ") {
                pieces.push(" ");
            }
            if !is_blank {
                pieces.push(&glyph.text);
            }
            end = if end.is_finite() { end.max(glyph.end) } else { glyph.end };
        }
        logical(pieces).trim().to_owned()
    }
}

/// The usual gap between the letters of a segment, in sizes of their font: more than nothing where words are spaced.
fn letter_gap(glyphs: &[&PageGlyph]) -> f64 {
    let mut gaps: Vec<f64> = glyphs.windows(2).map(|pair| (pair[1].start - pair[0].end) / pair[1].size).collect();
    if gaps.len() < ENOUGH {
        return 0.0;
    }
    let middle = gaps.len() / 2;
    let (_, median, _) = gaps.select_nth_unstable_by(middle, f64::total_cmp);
    median.clamp(0.0, MAX_LETTER_GAP)
}

/// Puts pieces that stand from left to right into the order in which they are read: Hebrew and Arabic from the right, but
/// not numbers and other words among them, and the other way round in a line of other words.
fn logical(mut pieces: Vec<&str>) -> String {
    let leftward = |piece: &str| piece.chars().any(is_leftward);
    let rightward = |piece: &str| !leftward(piece) && piece.chars().any(char::is_alphanumeric);
    let letters = |is_it: &dyn Fn(&str) -> bool| pieces.iter().filter(|piece| is_it(piece)).count();
    let (from_right, from_left) = (letters(&leftward), letters(&rightward));
    if from_right > from_left {
        pieces.reverse();
        reverse_runs(&mut pieces, rightward, leftward);
    } else if from_right > 0 {
        reverse_runs(&mut pieces, leftward, rightward);
    }
    pieces.concat()
}

/// Reverses each run of pieces of a kind. A run ends before a piece of the other kind, and with one of its own: blanks and
/// marks in between belong to neither.
fn reverse_runs(pieces: &mut [&str], is_own: impl Fn(&str) -> bool, is_other: impl Fn(&str) -> bool) {
    let mut rest = pieces;
    while let Some(start) = rest.iter().position(|piece| is_own(piece)) {
        rest = &mut rest[start..];
        let until = rest.iter().position(|piece| is_other(piece)).unwrap_or(rest.len());
        let len = rest[..until].iter().rposition(|piece| is_own(piece)).map_or(1, |last| last + 1);
        let (run, behind) = rest.split_at_mut(len);
        run.reverse();
        rest = behind;
    }
}

/// Whether a letter belongs to a script that is read from the right: Hebrew, Arabic and their relatives.
fn is_leftward(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
}
