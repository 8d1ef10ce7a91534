//! What Tesseract prints: a table of blocks, lines and words, of which the plausible words are taken. Nothing in it is
//! trusted, as it may be cut short, and other programs have the same name.

use vicinity_core::picture_text::is_word_alone;
use vicinity_core::{PictureText, PictureWord};

/// Columns of the table: level, page, block, paragraph, line, word, left, top, width, height, confidence, text.
const COLUMNS: usize = 12;
/// The level of words.
const WORD: &str = "5";
/// Words that are less certain are left out, percent.
const CERTAIN: f32 = 60.0;
/// A picture has text if a long enough word is as certain as this: in photos without any, foliage and bricks pass for
/// single letters, often, and for short words, sometimes.
const SURE: f32 = 80.0;
/// The letters and digits of a word of which a picture must have one.
const SURE_LETTERS: usize = 3;
/// The most words of a picture.
const MAX_WORDS: usize = 10_000;
/// The most characters of a word; what is longer is no word.
const MAX_LETTERS: usize = 100;

/// The plausible words of a picture with these sides, in pixels.
pub fn parse(table: &str, [width, height]: [u32; 2]) -> PictureText {
    let found: Vec<FoundWord> = table.lines().filter_map(|row| FoundWord::read(row, [width, height])).collect();
    if !found.iter().any(|word| word.confidence >= SURE && word.weight() >= SURE_LETTERS) {
        return PictureText::default();
    }
    let mut lines = Lines::default();
    let plausible = found.into_iter().filter(FoundWord::is_plausible).take(MAX_WORDS);
    let words = plausible.map(|word| PictureWord { line: lines.number(word.line), text: word.text, area: word.area });
    PictureText { words: words.collect() }
}

struct FoundWord {
    text: String,
    area: [f32; 4],
    /// Block, paragraph and line.
    line: [u32; 3],
    confidence: f32,
}

impl FoundWord {
    fn read(row: &str, [width, height]: [u32; 2]) -> Option<Self> {
        let columns: Vec<&str> = row.split('\t').collect();
        let columns: [&str; COLUMNS] = columns.try_into().ok()?;
        let [level, _, block, paragraph, line, _, left, top, across, down, confidence, text] = columns;
        let text = text.trim();
        let has_length = (1..=MAX_LETTERS).contains(&text.chars().count());
        if level != WORD || !has_length || text.contains(char::is_whitespace) || text.contains(char::is_control) {
            return None;
        }
        let number = |text: &str| text.parse::<u32>().ok();
        let [left, top, across, down] = [number(left)?, number(top)?, number(across)?, number(down)?];
        let (right, bottom) = (left.checked_add(across)?, top.checked_add(down)?);
        if across == 0 || down == 0 || right > width || bottom > height {
            return None;
        }
        let part = |at: u32, of: u32| at as f32 / of as f32;
        Some(Self {
            text: text.to_owned(),
            area: [part(left, width), part(top, height), part(right, width), part(bottom, height)],
            line: [number(block)?, number(paragraph)?, number(line)?],
            confidence: confidence.parse().ok().filter(|of: &f32| (0.0..=100.0).contains(of))?,
        })
    }

    /// Letters and digits; an ideograph counts for two.
    fn weight(&self) -> usize {
        let letters = self.text.chars().filter(|c| c.is_alphanumeric());
        letters.map(|c| if is_word_alone(c) { 2 } else { 1 }).sum()
    }

    /// Whether it is certain enough to be kept, of a picture that has text.
    fn is_plausible(&self) -> bool {
        match self.weight() {
            0 => false,
            1 => self.confidence >= SURE,
            _ => self.confidence >= CERTAIN,
        }
    }
}

/// Numbers lines as they come.
#[derive(Default)]
struct Lines {
    last: Option<[u32; 3]>,
    number: u32,
}

impl Lines {
    fn number(&mut self, line: [u32; 3]) -> u32 {
        if self.last.replace(line) != Some(line) {
            self.number += 1;
        }
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n";

    fn word(line: u32, place: [i64; 4], confidence: &str, text: &str) -> String {
        let [left, top, width, height] = place;
        format!("5\t1\t1\t1\t{line}\t1\t{left}\t{top}\t{width}\t{height}\t{confidence}\t{text}\n")
    }

    fn texts(table: &str) -> Vec<String> {
        parse(table, [100, 50]).words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_have_their_places_and_lines() {
        let table = [
            HEAD.to_owned(),
            "1\t1\t0\t0\t0\t0\t0\t0\t100\t50\t-1\t\n".to_owned(),
            word(1, [10, 5, 30, 10], "96.5", "Total"),
            word(1, [50, 5, 50, 10], "91", "due:"),
            word(3, [0, 25, 100, 25], "88", "EUR"),
        ];
        let found = parse(&table.concat(), [100, 50]);
        assert_eq!(found.text(), "Total due:\nEUR");
        assert_eq!(found.words[0].area, [0.1, 0.1, 0.4, 0.3]);
        assert_eq!(found.words[2].area, [0.0, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn what_is_uncertain_or_no_word_is_left_out() {
        let place = [10, 5, 30, 10];
        let found = |confidence: &str, text: &str| word(1, place, confidence, text);
        let open = found("96", "OPEN");
        let noise =
            [found("59", "wor"), found("70", "a"), found("95", "|"), found("99", "—"), found("77", " ")].concat();
        assert_eq!(
            texts(&format!("{HEAD}{open}{noise}{}{}", found("62", "at"), found("90", "9"))),
            ["OPEN", "at", "9"]
        );
        // of photos without text, as they were read
        let photos = [("90", "N"), ("83", "SE"), ("71", "wor!"), ("97", "4"), ("63", "cat"), ("85", "%")];
        assert!(texts(&photos.map(|(confidence, text)| found(confidence, text)).concat()).is_empty());
        assert_eq!(texts(&found("85", "東京")), ["東京"]);
    }

    #[test]
    fn numbers_that_cannot_be_and_rows_that_are_cut_short_cost_one_word() {
        let sound = word(1, [10, 5, 30, 10], "96", "OPEN");
        let bad = [
            word(1, [10, 5, 91, 10], "96", "outside"),
            word(1, [-1, 5, 9, 10], "96", "negative"),
            word(1, [10, 5, 0, 10], "96", "narrow"),
            word(1, [i64::from(u32::MAX), 5, 9, 9], "96", "far"),
            word(1, [99_999_999_999, 5, 9, 9], "96", "farther"),
            word(1, [10, 5, 30, 10], "NaN", "unsure"),
            word(1, [10, 5, 30, 10], "101", "surest"),
            word(1, [10, 5, 30, 10], "96", "a\u{1b}[2J"),
            word(1, [10, 5, 30, 10], "96", &"x".repeat(101)),
            word(1, [10, 5, 30, 10], "96", "one\ttoo many"),
            "5\t1\t1\t1\t1\t1\t10\t5\n".to_owned(),
        ];
        assert_eq!(texts(&format!("{}{sound}", bad.concat())), ["OPEN"]);
        assert!(texts("").is_empty() && texts("\0\0\u{fffd}\t\t\n").is_empty());
        let cut = format!("{sound}{}", sound.trim_end_matches("OPEN\n"));
        assert_eq!(texts(&cut), ["OPEN"]);
    }
}
