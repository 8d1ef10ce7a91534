//! The text that people read in a file: decoded, without markup, escape sequences and control characters, and no longer
//! than a model can use.

use super::encoding::{self, TextEncoding};
use super::error::ReadError;
use super::html::{self, Markup};
use super::{mail, rtf, subtitles};

/// The most bytes that are read of a text: [`MAX_CHARS`] in every encoding, and markup around them.
pub const MAX_BYTES: u64 = 8 << 20;
/// The most characters that are kept of a text.
pub const MAX_CHARS: usize = 1 << 20;
/// The longest sequence that a terminal would obey; longer ones are words.
const MAX_ESCAPED: usize = 2048;

/// What people read of the bytes; `None` where they hold only blanks. `whole` says that the file ends with them;
/// `ending` is its lower-case extension.
///
/// # Errors
/// When the encoding is known but cannot be decoded, or a message is encrypted.
pub fn read(bytes: &[u8], whole: bool, ending: &str) -> Result<Option<String>, ReadError> {
    if rtf::is_rtf(bytes) {
        return Ok(shown(&rtf::read(bytes)));
    }
    if mail::is_mail(bytes, ending) {
        return Ok(shown(&mail::read(bytes)?));
    }
    let (encoding, mark) = encoding_of(bytes, whole)?;
    let text = encoding::decode(&bytes[mark..], encoding, whole);
    if let Some(words) = subtitles::read(&text) {
        return Ok(shown(&words));
    }
    let Some(markup) = html::markup(&text, ending) else { return Ok(shown(&text)) };
    let words = shown(&html::read(&text, markup));
    // Settings and other data have all they say in attributes.
    let says_little = |words: &String| markup == Markup::Xml && words.len() * 50 < text.len();
    match words {
        Some(words) if !says_little(&words) => Ok(Some(words)),
        words if html::is_page(&text, ending) => Ok(words),
        _ => Ok(shown(&text)),
    }
}

/// The encoding of a text and the length of its mark.
///
/// # Errors
/// When the encoding is known but cannot be decoded.
pub fn encoding_of(bytes: &[u8], whole: bool) -> Result<(TextEncoding, usize), ReadError> {
    match encoding::detect(bytes, whole) {
        Some((TextEncoding::Unreadable(encoding), _)) => Err(ReadError::Encoding { encoding }),
        // What begins like a text goes on as something else.
        None => Ok((TextEncoding::Known(encoding_rs::UTF_8), 0)),
        Some(found) => Ok(found),
    }
}

/// A text without what is not shown, as long as a model can use; `None` where nothing is left.
pub fn shown(text: &str) -> Option<String> {
    let text = match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => &text[..end],
        None => text,
    };
    let text = if text.chars().any(needs_cleaning) { clean(text) } else { text.to_owned() };
    text.chars().any(|c| !is_blank(c)).then_some(text)
}

/// Whether a character shows nothing.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}')
        || matches!(c, '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
        || matches!(c, '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

fn needs_cleaning(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// `\n` for all that ends a line or page; no escape sequences and control characters, but words stay apart where they
/// stood; letters that were typed over each other once.
fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut parted = false;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let kept = match c {
            '\u{1b}' | '\u{9b}' => {
                let length = escape_sequence(c, rest.as_str());
                rest = rest.as_str()[length..].chars();
                parted |= length == 0;
                continue;
            }
            '\r' if rest.as_str().starts_with('\n') => continue,
            '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
            '\u{8}' => {
                if clean.ends_with(|c: char| !c.is_whitespace()) && rest.as_str().starts_with(|c: char| !c.is_control())
                {
                    clean.pop();
                }
                continue;
            }
            '\u{feff}' => continue,
            c if c.is_control() && !matches!(c, '\n' | '\t') => {
                parted = true;
                continue;
            }
            c => c,
        };
        if parted && !kept.is_whitespace() && clean.ends_with(|c: char| !c.is_whitespace()) {
            clean.push(' ');
        }
        parted = false;
        clean.push(kept);
    }
    clean
}

/// Bytes of the sequence that a terminal obeys behind an escape character (ECMA-48); 0 where there is none. A library
/// that knows them all would swallow words behind a stray character.
fn escape_sequence(first: char, rest: &str) -> usize {
    let bytes = &rest.as_bytes()[..rest.len().min(MAX_ESCAPED)];
    let behind = usize::from(first == '\u{1b}');
    match bytes.first() {
        _ if first == '\u{9b}' => control_sequence(bytes),
        Some(b'[') => control_sequence(&bytes[1..]) + behind,
        // A title or link, up to a bell or a string's end.
        Some(b']' | b'P' | b'_' | b'^' | b'X') => {
            let bell = bytes.iter().position(|b| *b == 7).map(|at| at + 1);
            let end = bytes.windows(2).position(|w| w == b"\x1b\\").map(|at| at + 2);
            let line = bytes.iter().position(|b| *b == b'\n').unwrap_or(bytes.len());
            bell.into_iter().chain(end).filter(|end| *end <= line).min().unwrap_or(0)
        }
        // A character set.
        Some(b'#' | b'%' | b'('..=b'/') => bytes.get(1).filter(|b| matches!(b, b'0'..=b'~')).map_or(0, |_| 2),
        Some(b'7' | b'8' | b'=' | b'>' | b'\\') => 1,
        _ => 0,
    }
}

/// Parameters, and the letter that says what to do with them.
fn control_sequence(bytes: &[u8]) -> usize {
    let parameters = bytes.iter().take_while(|b| matches!(b, b' '..=b'?')).count();
    bytes.get(parameters).filter(|b| matches!(b, b'@'..=b'~')).map_or(parameters, |_| parameters + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(bytes: &[u8]) -> String {
        read(bytes, true, "txt").unwrap().unwrap()
    }

    #[test]
    fn what_a_terminal_obeys_is_not_read() {
        assert_eq!(plain(b"\x1b[1;31mred\x1b[0m and \x1b[38;5;12mblue\x1b[m"), "red and blue");
        assert_eq!(plain(b"\x1b]8;;http://x\x07link\x1b]8;;\x1b\\ \x1b(Bend\x1b[?25h"), "link end");
        assert_eq!(plain("\u{9b}1mbold\u{9b}0m".as_bytes()), "bold");
        assert_eq!(
            plain(b"a stray\x1bPescape is\x1b no reason to lose words"),
            "a stray Pescape is no reason to lose words"
        );
    }

    #[test]
    fn control_characters_part_words() {
        for separator in ["\n", "\r\n", "\r", "\x0b", "\x0c", "\u{85}", "\u{2028}", "\u{2029}", "\x1c", "\x1e"] {
            assert_eq!(plain(format!("golden{separator}retriever").as_bytes()), "golden\nretriever", "{separator:?}");
        }
        assert_eq!(plain(b"one\0two\x01 three\x07"), "one two three");
        for control in ["\x01", "\x06", "\x0e", "\x1c", "\x1d", "\x1e", "\x1f", "\x7f"] {
            let text = ["golden", "retriever", "puppy", "plays", "in", "snow"].join(control);
            let words = read(text.as_bytes(), true, "txt").map(|text| text.map(|t| t.replace('\n', " ")));
            assert_eq!(words, Ok(Some("golden retriever puppy plays in snow".to_owned())), "{control:?}");
        }
        assert_eq!(
            plain(b"N\x08NA\x08AM\x08ME\x08E\n_\x08l_\x08s lists what is there, one to a line"),
            "NAME\nls lists what is there, one to a line"
        );
        assert_eq!(plain("a\u{feff}b\tc".as_bytes()), "ab\tc");
    }

    #[test]
    fn blank_texts_are_none() {
        for blank in [
            "",
            "  \n\n\t",
            "\u{feff}",
            "\u{200b}\u{200d}\u{2060}",
            "\u{3000}\u{a0}\u{ad}",
            "<html><body> </body></html>",
        ] {
            assert_eq!(read(blank.as_bytes(), true, "txt"), Ok(None), "{blank:?}");
        }
        assert_eq!(read(b"{\\rtf1\\ansi\\par}", true, "rtf"), Ok(None));
    }

    #[test]
    fn no_more_is_kept_than_a_model_can_use() {
        let long = "ä".repeat(MAX_CHARS + 10);
        assert_eq!(plain(long.as_bytes()).chars().count(), MAX_CHARS);
        let cut = &long.as_bytes()[..1001];
        assert_eq!(read(cut, false, "txt").unwrap().unwrap(), "ä".repeat(500), "a character that is cut is left out");
    }

    #[test]
    fn xml_that_says_nothing_in_words_stays_as_it_is() {
        let settings = "<?xml version=\"1.0\"?>\n<config><window width=\"3\" height=\"4\" title=\"dogs\"/></config>\n";
        assert_eq!(read(settings.as_bytes(), true, "xml").unwrap().unwrap(), settings);
        let feed = "<?xml version=\"1.0\"?><rss><channel><title>Dogs</title><item>and cats</item></channel></rss>";
        assert_eq!(read(feed.as_bytes(), true, "xml").unwrap().unwrap(), "Dogs\nand cats");
        assert_eq!(read(feed.as_bytes(), true, "txt").unwrap().unwrap(), feed);
    }
}
