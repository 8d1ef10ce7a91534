//! Which encoding bytes are a text in, if any: marks, valid UTF-8 before anything older, UTF-16 and UTF-32 without a
//! mark, what the file itself names, and only then a detector. Bytes that no encoding makes a plausible text of are none.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{EUC_KR, Encoding, ISO_2022_JP, MACINTOSH, UTF_8, UTF_16BE, UTF_16LE, X_MAC_CYRILLIC};

use super::legacy;
use super::wide::{self, Wide};

/// What texts are decoded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextEncoding {
    /// One that the WHATWG's standard knows.
    Known(&'static Encoding),
    /// Four bytes per character.
    Utf32 {
        /// The most significant byte comes first.
        big: bool,
    },
    /// That of DOS in the west, code page 437, with its boxes and shades.
    Dos,
    /// One that is recognised and cannot be decoded; its name.
    Unreadable(&'static str),
}

/// Bytes that a detector examines.
const DETECTED: usize = 1 << 20;
/// Bytes at the start in which a file may name its encoding.
const NAMED_WITHIN: usize = 2048;

/// The encoding that the bytes are a text in, and how many bytes its mark takes; `None` where they are no text.
/// `whole` says that the file ends with them, so that no character can be cut in two.
pub fn detect(bytes: &[u8], whole: bool) -> Option<(TextEncoding, usize)> {
    use TextEncoding::{Known, Utf32};
    if let Some(marked) = marked(bytes) {
        return Some(marked);
    }
    let utf8 = valid_utf8(bytes, whole);
    if let Some(text) = utf8
        && has_few_controls(text.as_bytes())
    {
        return Some((escaped(bytes, text), 0));
    }
    let zeros = bytes.iter().filter(|b| **b == 0).count();
    let could_be_old = utf8.is_none() && zeros * 50 < bytes.len() && odd_controls(bytes) <= 1 + bytes.len() / 500;
    let unmarked = |could_be_old| {
        wide::wide(bytes, could_be_old).map(|wide| match wide {
            Wide::Utf16 { big } => Known(if big { UTF_16BE } else { UTF_16LE }),
            Wide::Utf32 { big } => Utf32 { big },
        })
    };
    let found = unmarked(could_be_old).or_else(|| if utf8.is_none() { old(bytes, whole) } else { None });
    found.or_else(|| if could_be_old { unmarked(false) } else { None }).map(|encoding| (encoding, 0))
}

/// The bytes as text. What cannot be decoded becomes U+FFFD, but for a character that is cut at the end.
pub fn decode(bytes: &[u8], encoding: TextEncoding, whole: bool) -> String {
    match encoding {
        TextEncoding::Known(encoding) => {
            let mut text = String::with_capacity(bytes.len() + bytes.len() / 2);
            let mut decoder = encoding.new_decoder_without_bom_handling();
            let mut rest = bytes;
            loop {
                text.reserve(decoder.max_utf8_buffer_length(rest.len()).unwrap_or(rest.len() * 3).clamp(64, 1 << 20));
                let (result, read, _) = decoder.decode_to_string(rest, &mut text, whole);
                rest = &rest[read..];
                if result == encoding_rs::CoderResult::InputEmpty {
                    return text;
                }
            }
        }
        TextEncoding::Utf32 { big } => wide::utf32(bytes, big).map(|c| c.unwrap_or('\u{fffd}')).collect(),
        TextEncoding::Dos => legacy::dos(bytes),
        TextEncoding::Unreadable(_) => String::new(),
    }
}

fn marked(bytes: &[u8]) -> Option<(TextEncoding, usize)> {
    use TextEncoding::{Known, Utf32};
    let utf32 = match bytes.get(..4) {
        Some([0xff, 0xfe, 0, 0]) => Some(false),
        Some([0, 0, 0xfe, 0xff]) => Some(true),
        _ => None,
    };
    // UTF-16 may begin with a mark and a zero character, but no text does.
    if let Some(big) = utf32
        && wide::utf32(&bytes[4..], big).all(|c| c.is_some())
    {
        return Some((Utf32 { big }, 4));
    }
    let (encoding, mark) = Encoding::for_bom(bytes)?;
    let rest = &bytes[mark..bytes.len().min(1 << 16)];
    let text = encoding.decode_without_bom_handling(rest).0;
    let (all, bad) = text.chars().fold((0, 0), |(all, bad), c| (all + 1, bad + usize::from(!wide::is_writing(c))));
    // Two bytes that happen to be a mark make no text of the noise behind them.
    (bad * 10 <= all + 10).then_some((Known(encoding), mark))
}

/// The bytes as UTF-8, without a character that is cut at the end.
fn valid_utf8(bytes: &[u8], whole: bool) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if !whole && error.error_len().is_none() => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok(),
        Err(_) => None,
    }
}

/// Whether control characters are as rare as in texts that went through machines: a few are forgiven, more between words
/// where all else is plain.
fn has_few_controls(bytes: &[u8]) -> bool {
    let odd = odd_controls(bytes);
    let plain = || bytes.iter().filter(|b| matches!(b, b'\n' | b' '..=b'~')).count();
    if !bytes.contains(&0) && odd * 4 <= bytes.len() && (plain() + odd) * 50 >= bytes.len() * 49 {
        return true;
    }
    odd * 50 <= bytes.len() || (odd <= 4 && bytes.len() >= 8 && bytes.iter().filter(|b| **b == 0).count() <= 2)
}

/// Control characters that texts do not have; the separators of fields and records (28 to 31) and backspaces that type
/// over a letter, as in manual pages, are no such.
pub fn odd_controls(bytes: &[u8]) -> usize {
    let odd = bytes.iter().filter(|b| matches!(b, 0..=7 | 14..=26 | 127)).count();
    let typed_over = |w: &[u8]| w[1] == 8 && (w[0] == w[2] || w[0] == b'_' || w[2] == b'_');
    let backspaces = bytes.iter().filter(|b| **b == 8).count();
    odd + backspaces.saturating_sub(bytes.windows(3).filter(|w| typed_over(w)).count())
}

/// Plain ASCII with escape sequences may be an East Asian encoding of mail.
fn escaped(bytes: &[u8], text: &str) -> TextEncoding {
    if text.is_ascii() && text.contains('\x1b') {
        if text.contains("\x1b$)C") {
            return TextEncoding::Unreadable("ISO-2022-KR");
        }
        let japanese = ["\x1b$B", "\x1b$@", "\x1b(J", "\x1b(I"].iter().any(|switch| text.contains(switch));
        if japanese && !ISO_2022_JP.decode_without_bom_handling(bytes).1 {
            return TextEncoding::Known(ISO_2022_JP);
        }
    }
    TextEncoding::Known(UTF_8)
}

/// An encoding older than Unicode, or UTF-8 with broken places.
fn old(bytes: &[u8], whole: bool) -> Option<TextEncoding> {
    let probe = &bytes[..bytes.len().min(DETECTED)];
    let whole = whole && probe.len() == bytes.len();
    // Old encodings have no control characters; one that went astray is forgiven.
    if odd_controls(probe) > 1 + probe.len() / 500 {
        return mostly_utf8(probe).then_some(TextEncoding::Known(UTF_8)).filter(|_| has_few_controls(probe));
    }
    if mostly_utf8(probe) {
        return Some(TextEncoding::Known(UTF_8));
    }
    if let Some(named) = named(probe)
        && legacy::is_plausible(&decode(probe, TextEncoding::Known(named), whole))
    {
        return Some(TextEncoding::Known(named));
    }
    if is_johab(probe) {
        return Some(TextEncoding::Unreadable("Johab"));
    }
    let guess = guessed(probe, whole);
    legacy::is_plausible(&decode(probe, guess, whole)).then_some(guess)
}

fn mostly_utf8(bytes: &[u8]) -> bool {
    let lossy = String::from_utf8_lossy(bytes);
    let broken = lossy.matches('\u{fffd}').count();
    let other = lossy.chars().filter(|c| !c.is_ascii() && *c != '\u{fffd}').count();
    broken * 4 < other
}

/// The encoding that the file names: in markup, or on its first lines as Python and editors do.
fn named(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(NAMED_WITHIN)];
    let head: String = head.iter().map(|b| if b.is_ascii() { b.to_ascii_lowercase() as char } else { '?' }).collect();
    let markup = head.trim_start().starts_with('<');
    let lines = head.lines().take(2).collect::<Vec<_>>().join("\n");
    let label = if markup {
        after(&head, "charset").or_else(|| after(&head, "encoding"))
    } else {
        after(&lines, "coding").filter(|_| lines.trim_start().starts_with(['#', '/', '%', ';', '-', '"', '*']))
    }?;
    let encoding = Encoding::for_label(label.as_bytes())?;
    // What can be read as ASCII cannot be UTF-16, whatever it says.
    encoding.is_ascii_compatible().then_some(encoding).filter(|encoding| *encoding != UTF_8)
}

/// The word behind `key`, an equals sign or colon, and quotation marks.
fn after<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.match_indices(key).find_map(|(at, _)| {
        let rest = text[at + key.len()..].trim_start();
        let rest = rest.strip_prefix(['=', ':'])?.trim_start().trim_start_matches(['"', '\'']);
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.:".contains(c))).unwrap_or(rest.len());
        (end > 0).then(|| &rest[..end])
    })
}

/// What the detector says, unless one of the encodings that it does not know makes clearly better words.
fn guessed(bytes: &[u8], whole: bool) -> TextEncoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, whole);
    let guess = TextEncoding::Known(detector.guess(None, Utf8Detection::Allow));
    let text = decode(bytes, guess, whole);
    let mac = X_MAC_CYRILLIC.decode_without_bom_handling(bytes).0;
    // Read as another Cyrillic the words of a Macintosh change case within.
    if legacy::cyrillic_letters(&mac) * 2 > mac.chars().filter(|c| !c.is_ascii()).count()
        && legacy::case_breaks(&mac) * 4 < legacy::case_breaks(&text)
    {
        return TextEncoding::Known(X_MAC_CYRILLIC);
    }
    let mut best = (guess, legacy::score(&text));
    for other in [TextEncoding::Dos, TextEncoding::Known(MACINTOSH)] {
        let other_text = decode(bytes, other, whole);
        let score = legacy::score(&other_text);
        if legacy::is_western(&other_text) && score > best.1 + legacy::CLEARLY {
            best = (other, score);
        }
    }
    best.0
}

/// Johab packs the three letters of a syllable into 5 bits each (KS X 1001:1992 annex 3); no other encoding fills nearly
/// all of its pairs with syllables that exist.
fn is_johab(bytes: &[u8]) -> bool {
    let (mut pairs, mut syllables, mut at, mut within) = (0, 0, 0, 0);
    let mut after_letter = false;
    while let Some(&[lead, trail]) = bytes.get(at..at + 2) {
        if lead < 0x80 {
            after_letter = lead.is_ascii_alphabetic();
            at += 1;
            continue;
        }
        let code = u16::from_be_bytes([lead, trail]);
        let (initial, medial, last) = (code >> 10 & 31, code >> 5 & 31, code & 31);
        let medial_exists = matches!(medial, 3..=7 | 10..=15 | 18..=23 | 26..=29);
        pairs += 1;
        // Accents of a Latin text stand behind its letters.
        within += usize::from(after_letter);
        after_letter = false;
        syllables += usize::from(matches!(initial, 2..=20) && medial_exists && matches!(last, 1..=17 | 19..=29));
        at += 2;
    }
    let korean = pairs >= 8 && syllables * 100 >= pairs * 95 && within * 4 < pairs;
    korean && EUC_KR.decode_without_bom_handling(bytes).1
}
