//! How much a text decoded from an old encoding looks like writing, and code page 437.

use super::wide::{is_separator, is_writing};

/// How much better another encoding has to score before a detector is overruled.
pub const CLEARLY: i64 = 2;

/// The upper half of code page 437 (from unicode.org's CP437.TXT).
const DOS: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// Bytes of code page 437 as text.
pub fn dos(bytes: &[u8]) -> String {
    let upper: Vec<char> = DOS.chars().collect();
    let char_of = |b: &u8| upper.get(usize::from(b.wrapping_sub(128))).copied().filter(|_| *b >= 128);
    bytes.iter().map(|b| char_of(b).unwrap_or(*b as char)).collect()
}

/// Whether a decoded text is one: its characters beyond ASCII are mostly letters, and something stands between words.
pub fn is_plausible(text: &str) -> bool {
    let (mut all, mut beyond, mut odd, mut separators) = (0_usize, 0_usize, 0_usize, 0_usize);
    for c in text.chars() {
        all += 1;
        separators += usize::from(is_separator(c));
        beyond += usize::from(!c.is_ascii());
        odd += usize::from(!c.is_ascii() && !is_usual(c));
    }
    let few = beyond * 50 <= all;
    let letters = odd * 4 <= beyond + 2;
    let parted = all < 40 || separators * 100 >= all;
    (few || letters) && parted
}

/// What texts in old encodings have beyond ASCII.
fn is_usual(c: char) -> bool {
    c.is_alphabetic()
        || matches!(c, '\u{2010}'..='\u{2026}' | '\u{2039}' | '\u{203a}' | '\u{20ac}' | '\u{2116}' | '\u{2122}')
        || matches!(c, '\u{a0}' | '\u{a7}' | '\u{a9}' | '\u{ab}' | '\u{ae}' | '\u{b0}' | '\u{b7}' | '\u{bb}' | '\u{bf}')
        || matches!(c, '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}' | '\u{2500}'..='\u{25ff}')
        || (matches!(c, '\u{300}'..='\u{36f}' | '\u{5b0}'..='\u{5ff}' | '\u{600}'..='\u{6ff}' | '\u{e2f}'..='\u{e5b}')
            && is_writing(c))
}

/// How well the characters beyond ASCII fit where they stand: letters within words, quotation marks around them, lines
/// of boxes beside each other.
pub fn score(text: &str) -> i64 {
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    let mut score = 0;
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        if !c.is_ascii() {
            score += fit(before, c, next);
        }
        before = c;
    }
    score
}

fn fit(before: char, c: char, next: char) -> i64 {
    let within = before.is_alphabetic() && next.is_alphabetic();
    let east = |c: char| matches!(c, '\u{3040}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}');
    match c {
        '\u{fffd}' | '\u{80}'..='\u{9f}' => -2,
        '\u{2500}'..='\u{259f}' => {
            let beside = |c: char| matches!(c, '\u{2500}'..='\u{259f}' | ' ' | '\n' | '\r');
            if beside(before) && beside(next) { 1 } else { -1 }
        }
        // A letter of the East amid those of the alphabet.
        c if east(c) => {
            if before.is_ascii_alphabetic() || next.is_ascii_alphabetic() {
                -1
            } else {
                1
            }
        }
        c if c.is_uppercase() && before.is_lowercase() => -1,
        c if c.is_alphabetic() => 1,
        '\u{2019}' => 1,
        _ if within => -1,
        // Around words, where quotation marks and dashes belong.
        '\u{2010}'..='\u{2026}' | '\u{2039}' | '\u{203a}' | '\u{ab}' | '\u{bb}' => 1,
        _ => 0,
    }
}

/// Whether a text is one of western Europe with letters or boxes beyond ASCII, as DOS and the first Macintosh wrote.
pub fn is_western(text: &str) -> bool {
    let (mut latin, mut lines, mut other) = (0_usize, 0_usize, 0_usize);
    for c in text.chars().filter(|c| !c.is_ascii()) {
        match c {
            '\u{c0}'..='\u{24f}' => latin += 1,
            '\u{2500}'..='\u{25ff}' => lines += 1,
            '\u{2010}'..='\u{2026}' | '\u{a0}' | '\u{ab}' | '\u{bb}' | '\u{bf}' | '\u{a1}' => {}
            _ => other += 1,
        }
    }
    let ascii = text.chars().filter(char::is_ascii_alphabetic).count();
    other * 10 <= latin + lines && (lines > latin || latin <= ascii)
}

/// Letters of Cyrillic alphabets.
pub fn cyrillic_letters(text: &str) -> usize {
    text.chars().filter(|c| matches!(c, '\u{400}'..='\u{45f}')).count()
}

/// How often a word goes on with a capital, or with what is no letter of an alphabet, after a small letter.
pub fn case_breaks(text: &str) -> usize {
    let odd = |c: char| c.is_uppercase() || (!c.is_ascii() && !c.is_alphabetic());
    text.chars().zip(text.chars().skip(1)).filter(|(a, b)| a.is_lowercase() && odd(*b)).count()
}
