//! The text of a page: glyphs become segments, which are words and lines without a wide gap, and segments become lines in
//! reading order.

use hayro::hayro_interpret::InterpreterCache;
use hayro::hayro_syntax::Pdf;

use super::PdfError;
use super::glyphs::{self, PageGlyph};
use super::order::{in_reading_order, is_same_line};
use super::segment::{LINE_HEIGHT, Segment};
use crate::text;

/// Lines that are further apart are different paragraphs, in sizes of the font.
const PARAGRAPH: f64 = 1.8;

/// The text of a page as people read it; `None` if it has none. `index` is from 0.
///
/// # Errors
/// When there is no such page.
pub fn text(pdf: &Pdf, index: u32) -> Result<Option<String>, PdfError> {
    let page = pdf.pages().get(index as usize).ok_or(PdfError::PageMissing)?;
    Ok(of_glyphs(glyphs::of_page(page, &InterpreterCache::new())))
}

/// The text of glyphs in the order in which they are drawn.
fn of_glyphs(glyphs: Vec<PageGlyph>) -> Option<String> {
    let segments = in_reading_order(segments(glyphs));
    let mut all = String::new();
    let mut before: Option<&Segment> = None;
    for segment in &segments {
        let words = segment.words();
        if words.is_empty() {
            continue;
        }
        match before.map_or("", |before| separator(before, segment)) {
            "\n" if is_divided(&all, &words) => drop(all.pop()),
            separator => all.push_str(separator),
        }
        all.push_str(&words);
        before = Some(segment);
        if all.len() > text::MAX_BYTES as usize {
            break;
        }
    }
    text::shown(&all)
}

/// Whether a word at the end of a line goes on in the next one.
fn is_divided(before: &str, next: &str) -> bool {
    let mut end = before.chars().rev();
    matches!(end.next(), Some('-' | '\u{2010}'))
        && end.next().is_some_and(char::is_lowercase)
        && next.starts_with(char::is_lowercase)
}

fn separator(before: &Segment, next: &Segment) -> &'static str {
    let size = before.size.max(next.size);
    let down = next.line - before.line;
    if before.direction != next.direction || down > size * PARAGRAPH || down < -size {
        "\n\n"
    } else if is_same_line(before, next) && next.start > before.end - size * LINE_HEIGHT {
        " "
    } else {
        "\n"
    }
}

fn segments(glyphs: Vec<PageGlyph>) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for glyph in glyphs {
        match segments.last_mut().filter(|last| last.admits(&glyph)) {
            Some(last) => last.add(glyph),
            None => segments.push(Segment::of(glyph)),
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Letters of a font of 10 points, each 5 wide, from a place.
    fn drawn(text: &str, start: f64, line: f64) -> Vec<PageGlyph> {
        let glyph = |(n, c): (usize, char)| {
            let start = start + 5.0 * n as f64;
            PageGlyph { text: c.into(), direction: 0, start, end: start + 5.0, line, size: 10.0 }
        };
        text.chars().enumerate().filter(|(_, c)| *c != '_').map(glyph).collect()
    }

    fn of(pieces: &[(&str, f64, f64)]) -> Option<String> {
        of_glyphs(pieces.iter().flat_map(|(text, start, line)| drawn(text, *start, *line)).collect())
    }

    #[test]
    fn gaps_part_words_and_lines_part_lines() {
        assert_eq!(of(&[("two_words", 0.0, 0.0), ("of a line", 0.0, 12.0)]).unwrap(), "two words\nof a line");
        assert_eq!(of(&[("first", 0.0, 0.0), ("second", 0.0, 30.0)]).unwrap(), "first\n\nsecond");
        assert_eq!(of(&[("a divi-", 0.0, 0.0), ("ded word", 0.0, 12.0)]).unwrap(), "a divided word");
        assert_eq!(of(&[("from 5-", 0.0, 0.0), ("of A-", 0.0, 12.0), ("Z", 0.0, 24.0)]).unwrap(), "from 5-\nof A-\nZ");
        assert_eq!(of(&[("cell", 0.0, 0.0), ("far away", 200.0, 0.0)]).unwrap(), "cell far away");
        assert_eq!(of(&[("  ", 0.0, 0.0)]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn glyphs_out_of_order_stand_where_they_are() {
        assert_eq!(of(&[("dl", 15.0, 0.0), ("wor", 0.0, 0.0)]).unwrap(), "wordl");
        assert_eq!(of(&[("x", 0.0, 0.0), ("2", 5.0, -3.0), ("+1", 10.0, 0.0)]).unwrap(), "x2+1");
    }

    #[test]
    fn spaced_letters_are_words() {
        let spaced = "spaced letters".chars().enumerate().filter(|(_, c)| *c != ' ').map(|(n, c)| {
            let start = 7.0 * n as f64;
            PageGlyph { text: c.into(), direction: 0, start, end: start + 5.0, line: 0.0, size: 10.0 }
        });
        assert_eq!(of_glyphs(spaced.collect()).unwrap(), "spaced letters");
    }

    #[test]
    fn words_from_the_right_are_read_from_the_right() {
        // Drawn from left to right, as programs put it.
        assert_eq!(of(&[("םולש", 0.0, 0.0)]).unwrap(), "שלום");
        assert_eq!(of(&[("!2026 תנש םולש", 0.0, 0.0)]).unwrap(), "שלום שנת 2026!");
        assert_eq!(
            of(&[("Peace is called םולש, or םולש ברע.", 0.0, 0.0)]).unwrap(),
            "Peace is called שלום, or ערב שלום."
        );
    }
}
