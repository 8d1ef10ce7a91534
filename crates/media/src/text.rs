//! Decodes texts: byte-order marks, UTF-8, UTF-16 and UTF-32 with or without marks, and legacy encodings by a detector.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, X_MAC_CYRILLIC};

/// The most characters that are kept of a text.
const MOST_CHARS: usize = 1 << 20;
/// How much of a file decides whether it is text.
const PROBE: usize = 16 * 1024;

/// Whether the bytes are some encoding of text.
pub fn looks_like_text(bytes: &[u8]) -> bool {
    if has_mark(bytes) || wide(bytes).is_some() {
        return true;
    }
    let probe = &bytes[..bytes.len().min(PROBE)];
    let odd = probe.iter().filter(|b| matches!(b, 0..=8 | 14..=26 | 28..=31 | 127)).count();
    // A few stray control characters are forgiven; NULs among them make a text only where they are rare.
    odd * 50 <= probe.len()
        || (odd <= 4 && probe.iter().filter(|b| **b == 0).count() <= 2 && probe.len() >= 8 && probe.is_ascii())
}

fn has_mark(bytes: &[u8]) -> bool {
    Encoding::for_bom(bytes).is_some() || utf32_mark(bytes).is_some()
}

/// The text in the bytes, without marks, with `\n` line ends and without control characters.
///
/// # Errors
/// A sentence where the encoding is known and cannot be decoded.
pub fn decode(bytes: &[u8]) -> Result<String, String> {
    if bytes.windows(4).take(PROBE).any(|w| w == b"\x1b$)C") {
        return Err("The text is encoded in ISO-2022-KR, which cannot be read; save it as UTF-8".to_owned());
    }
    if is_johab(bytes) {
        return Err(
            "The text seems to be Korean in the Johab encoding, which cannot be read; save it as UTF-8".to_owned()
        );
    }
    Ok(clean(&decoded(bytes)))
}

/// Johab packs the three letters of a syllable into 5 bits each (KS X 1001:1992 annex 3); no other encoding fills nearly
/// all of its pairs with syllables that exist.
fn is_johab(bytes: &[u8]) -> bool {
    let (mut pairs, mut syllables, mut at) = (0, 0, 0);
    while let Some(&[lead, trail]) = bytes.get(at..at + 2) {
        if lead < 0x80 {
            at += 1;
            continue;
        }
        let code = u16::from_be_bytes([lead, trail]);
        let (initial, medial, last) = (code >> 10 & 31, code >> 5 & 31, code & 31);
        let medial_exists = matches!(medial, 3..=7 | 10..=15 | 18..=23 | 26..=29);
        pairs += 1;
        syllables += usize::from(matches!(initial, 2..=20) && medial_exists && matches!(last, 1..=17 | 19..=29));
        at += 2;
    }
    pairs >= 8 && syllables * 100 >= pairs * 95 && encoding_rs::EUC_KR.decode_without_bom_handling(bytes).1
}

fn decoded(bytes: &[u8]) -> String {
    if let Some(big) = utf32_mark(bytes) {
        return utf32(&bytes[4..], big);
    }
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned();
    }
    match wide(bytes) {
        Some(Wide::Utf32 { big }) => return utf32(bytes, big),
        Some(Wide::Utf16 { big }) => {
            let encoding = if big { UTF_16BE } else { UTF_16LE };
            return encoding.decode_without_bom_handling(bytes).0.into_owned();
        }
        None => {}
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        // ISO-2022-JP is ASCII with escapes.
        if !text.contains('\x1b') {
            return text.to_owned();
        }
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    let guess = detector.guess(None, Utf8Detection::Allow);
    // Mostly UTF-8 with a few broken places stays UTF-8.
    let lossy = String::from_utf8_lossy(bytes);
    let broken = lossy.matches('\u{fffd}').count();
    let other = lossy.chars().filter(|c| !c.is_ascii() && *c != '\u{fffd}').count();
    if guess == UTF_8 || broken * 4 < other {
        return lossy.into_owned();
    }
    let text = guess.decode_without_bom_handling(bytes).0.into_owned();
    // The detector does not know the Macintosh's Cyrillic; read as another Cyrillic its words change case within.
    let mac = X_MAC_CYRILLIC.decode_without_bom_handling(bytes).0;
    if cyrillic_letters(&mac) * 2 > mac.chars().filter(|c| !c.is_ascii()).count()
        && case_breaks(&mac) * 4 < case_breaks(&text)
    {
        return mac.into_owned();
    }
    text
}

fn cyrillic_letters(text: &str) -> usize {
    text.chars().filter(|c| matches!(c, '\u{400}'..='\u{45f}')).count()
}

/// How often a word goes on with a capital, or with what is no letter of an alphabet, after a small letter.
fn case_breaks(text: &str) -> usize {
    let odd = |c: char| c.is_uppercase() || (!c.is_ascii() && !c.is_alphabetic());
    text.chars().zip(text.chars().skip(1)).filter(|(a, b)| a.is_lowercase() && odd(*b)).count()
}

/// Whether the bytes begin with a UTF-32 mark, and then whether it is big-endian.
fn utf32_mark(bytes: &[u8]) -> Option<bool> {
    match bytes.get(..4)? {
        [0xff, 0xfe, 0, 0] => Some(false),
        [0, 0, 0xfe, 0xff] => Some(true),
        _ => None,
    }
}

enum Wide {
    Utf16 { big: bool },
    Utf32 { big: bool },
}

/// UTF-16 and UTF-32 without a mark show in where the zero bytes stand.
fn wide(bytes: &[u8]) -> Option<Wide> {
    let probe = &bytes[..bytes.len().min(PROBE) & !3];
    if probe.len() < 8 {
        return None;
    }
    let zeros = |at: usize| probe.iter().skip(at).step_by(4).filter(|b| **b == 0).count() * 100 / (probe.len() / 4);
    let share = [zeros(0), zeros(1), zeros(2), zeros(3)];
    match share {
        [a, b, c, d] if c > 90 && d > 90 && a < 20 && b < 101 && b > 20 => Some(Wide::Utf32 { big: false }),
        [a, b, c, d] if a > 90 && b > 90 && d < 20 && c > 20 => Some(Wide::Utf32 { big: true }),
        [a, b, c, d] if b > 40 && d > 40 && a < 10 && c < 10 => Some(Wide::Utf16 { big: false }),
        [a, b, c, d] if a > 40 && c > 40 && b < 10 && d < 10 => Some(Wide::Utf16 { big: true }),
        _ => None,
    }
}

fn utf32(bytes: &[u8], big: bool) -> String {
    let unit = |b: &[u8]| {
        let b = [b[0], b[1], b[2], b[3]];
        let value = if big { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) };
        char::from_u32(value).unwrap_or('\u{fffd}')
    };
    bytes.chunks_exact(4).map(unit).collect()
}

fn clean(text: &str) -> String {
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    unified.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).filter(|c| *c != '\u{feff}').collect()
}

/// At most the first million characters.
pub fn limited(text: String) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}
