//! Whether characters could be a text that people wrote: what tells UTF-16 and UTF-32 without a mark from numbers, and
//! old encodings from noise. The evidence is the same for every script: characters that exist, few scripts, and
//! something between words.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_script::{Script, UnicodeScript};

/// Fewer characters than this need no blank or punctuation mark between them.
const SHORT: usize = 40;

/// How bytes without a byte order mark form characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wide {
    /// Two bytes per unit.
    Utf16 {
        /// The more significant byte comes first.
        big: bool,
    },
    /// Four bytes per character.
    Utf32 {
        /// The most significant byte comes first.
        big: bool,
    },
}

/// UTF-16 or UTF-32 without a mark, of any script. Where the bytes could be an old encoding, too, which is valid UTF-16
/// more often than not, they need the punctuation marks that East Asian texts have: all others have zero bytes.
pub fn wide(bytes: &[u8], could_be_old: bool) -> Option<Wide> {
    let orders = [false, true];
    if let Some(big) = orders.into_iter().find(|big| is_utf32(bytes, *big)) {
        return Some(Wide::Utf32 { big });
    }
    let judged = orders.map(|big| Tally::of(utf16(bytes, big)));
    // Without a single zero byte, short byte strings of many kinds are valid UTF-16.
    let least = if bytes.contains(&0) { 4 } else { 8 };
    let marks = |tally: &Tally| !could_be_old || (tally.eastern > 0 && tally.eastern * 100 >= tally.all);
    let plausible = |tally: &Tally| tally.all >= least && marks(tally) && tally.is_writing();
    let big = match judged.each_ref().map(plausible) {
        [true, true] => judged[1].separators > judged[0].separators,
        [little, big] if little || big => big,
        _ => return None,
    };
    Some(Wide::Utf16 { big })
}

fn is_utf32(bytes: &[u8], big: bool) -> bool {
    let whole = bytes.len() / 4;
    let mut chars = utf32(bytes, big).take(whole);
    if whole < 2 || !chars.by_ref().take(64).all(|c| c.is_some_and(|c| c != '\0')) {
        return false;
    }
    chars.all(|c| c.is_some()) && Tally::of(utf32(bytes, big)).is_writing()
}

/// Characters of UTF-32; `None` for what is none.
pub fn utf32(bytes: &[u8], big: bool) -> impl Iterator<Item = Option<char>> {
    bytes.chunks_exact(4).map(move |b| {
        let b = [b[0], b[1], b[2], b[3]];
        char::from_u32(if big { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) })
    })
}

fn utf16(bytes: &[u8], big: bool) -> impl Iterator<Item = Option<char>> {
    let unit = move |b: &[u8]| if big { u16::from_be_bytes([b[0], b[1]]) } else { u16::from_le_bytes([b[0], b[1]]) };
    char::decode_utf16(bytes.chunks_exact(2).map(unit)).map(Result::ok)
}

/// The composition of a run of characters.
#[derive(Debug, Default)]
struct Tally {
    all: usize,
    /// Not characters, not assigned, or control characters.
    bad: usize,
    /// Blanks and punctuation marks that texts have everywhere.
    separators: usize,
    /// Of these, the full stops, commas and the like of East Asian texts.
    eastern: usize,
    /// Letters by script; the scripts that East Asian texts mix count as one.
    scripts: Vec<(Script, usize)>,
}

impl Tally {
    fn of(chars: impl Iterator<Item = Option<char>>) -> Self {
        let mut tally = Self::default();
        for c in chars {
            tally.add(c);
        }
        tally
    }

    fn add(&mut self, c: Option<char>) {
        self.all += 1;
        let Some(c) = c.filter(|c| is_writing(*c)) else {
            self.bad += 1;
            return;
        };
        self.separators += usize::from(is_separator(c));
        self.eastern += usize::from(is_eastern_mark(c));
        let script = match c.script() {
            Script::Common | Script::Inherited => return,
            Script::Hiragana | Script::Katakana | Script::Bopomofo | Script::Hangul => Script::Han,
            script => script,
        };
        match self.scripts.iter_mut().find(|(known, _)| *known == script) {
            Some((_, count)) => *count += 1,
            None => self.scripts.push((script, 1)),
        }
    }

    fn is_writing(&self) -> bool {
        let mut counts: Vec<usize> = self.scripts.iter().map(|(_, count)| *count).collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let (letters, most): (usize, usize) = (counts.iter().sum(), counts.iter().take(3).sum());
        let parted = self.all < SHORT || self.separators * 100 >= self.all;
        // One that may be cut at the end is forgiven.
        let sound = self.bad <= 1 + self.all / 50 && self.bad * 4 < self.all;
        // Lists of languages have many scripts, but nothing else that numbers have.
        let few_scripts = most * 20 >= letters * 19 || (self.bad == 0 && self.separators * 20 >= self.all);
        sound && parted && letters > 0 && few_scripts
    }
}

/// Whether this is a character that texts have: not a control, unassigned or private one.
pub fn is_writing(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1b}' | '\u{85}' | '\u{feff}' => true,
        // Noncharacters and the mark of the other byte order.
        '\u{fffd}' | '\u{fffe}' | '\u{ffff}' => false,
        ' '..='~' => true,
        c if c.is_alphabetic() => true,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{ad}' => true,
        c => c.general_category_group() != GeneralCategoryGroup::Other,
    }
}

/// Whether this stands between words or sentences.
pub fn is_separator(c: char) -> bool {
    c.is_ascii_whitespace()
        || c.is_ascii_punctuation()
        || is_eastern_mark(c)
        || matches!(c, '\u{60c}' | '\u{61f}' | '\u{6d4}' | '\u{964}' | '\u{965}' | '\u{f0b}' | '\u{104a}' | '\u{104b}')
        || matches!(c, '\u{1361}'..='\u{1362}' | '\u{17d4}' | '\u{2010}'..='\u{2027}' | '\u{589}' | '\u{5be}')
}

fn is_eastern_mark(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{3002}' | '\u{ff01}' | '\u{ff0c}' | '\u{ff1a}' | '\u{ff1b}' | '\u{ff1f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_utf16(text: &str, big: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    }

    #[test]
    fn finds_utf16_of_every_script_in_both_byte_orders() {
        let texts = [
            "A golden retriever puppy plays in the snow.",
            "Щенок золотистого ретривера играет в снегу.",
            "Ένα κουτάβι παίζει στο χιόνι, και ένα παιδί γελάει.",
            "גור כלבים משחק בשלג והילד צוחק לידו בשמחה",
            "جرو يلعب في الثلج، والطفل يضحك بجانبه.",
            "एक पिल्ला बर्फ में खेल रहा है और बच्चा हँस रहा है।",
            "ஒரு நாய்க்குட்டி பனியில் விளையாடுகிறது",
            "ലഘുവായ ഒരു നായ്ക്കുട്ടി മഞ്ഞിൽ കളിക്കുന്നു",
            "ລູກໝາ ຫຼິ້ນ ຢູ່ ໃນ ຫິມະ ແລະ ເດັກ ຫົວ",
            "ลูกสุนัข เล่นอยู่ในหิมะ และเด็กหัวเราะ",
            "ბავშვი თოვლში თამაშობს ლეკვთან ერთად",
            "ቡችላ በበረዶ ውስጥ ይጫወታል። ልጁም ይስቃል።",
            "金毛小狗在雪地里玩耍。孩子在旁边笑着看它跑来跑去,非常开心,直到天黑才回家吃饭。",
            "金毛犬の子犬が雪の中で遊んでいます。",
            "강아지가 눈 속에서 놀고 있습니다. 아이가 웃습니다.",
            "Smileys 😀😃😄 and 𝒎𝒂𝒕𝒉 outside the first plane",
            "Tiếng Việt có nhiều dấu: một chú chó con chơi trong tuyết.",
        ];
        for text in texts {
            for big in [false, true] {
                assert_eq!(wide(&in_utf16(text, big), false), Some(Wide::Utf16 { big }), "{text} big {big}");
                let four = text.chars().flat_map(|c| {
                    let c = c as u32;
                    if big { c.to_be_bytes() } else { c.to_le_bytes() }
                });
                assert_eq!(wide(&four.collect::<Vec<_>>(), false), Some(Wide::Utf32 { big }), "{text} big {big}");
            }
        }
    }

    #[test]
    fn numbers_and_noise_are_no_utf16() {
        let mut state = 7_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        let noise: Vec<u8> = (0..4000).map(|_| random() as u8).collect();
        let depth: Vec<u8> = (0..4000).flat_map(|i| (0x400 + (i / 7 % 200) as u16).to_le_bytes()).collect();
        let twelve_bits: Vec<u8> = (0..4000).flat_map(|_| ((random() & 0xfff) as u16).to_le_bytes()).collect();
        let quiet: Vec<u8> = (0..4000).flat_map(|_| ((random() & 31) as i16 - 16).to_le_bytes()).collect();
        let grey: Vec<u8> = (0..4000).map(|i| 0x55 + (i / 50 % 40) as u8).collect();
        let indices: Vec<u8> = (0..4000_u32).flat_map(u32::to_le_bytes).collect();
        let floats: Vec<u8> = (0..4000).flat_map(|_| (random() as f32 / 65536.0).to_le_bytes()).collect();
        for (name, bytes) in [
            ("noise", noise),
            ("depth", depth),
            ("twelve bits", twelve_bits),
            ("quiet sound", quiet),
            ("grey", grey),
            ("indices", indices),
            ("floats", floats),
            ("zeros", vec![0; 4000]),
        ] {
            assert_eq!(wide(&bytes, false), None, "{name}");
        }
    }
}
