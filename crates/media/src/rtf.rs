//! Rich Text Format as people read it (Microsoft's specification 1.9.1): words without control words, and without the
//! groups that hold fonts, colours, pictures and other things that are not shown.

use encoding_rs::{Encoding, WINDOWS_1252};

/// Groups whose content is not shown.
const UNSEEN: &[&str] = &[
    "fonttbl",
    "colortbl",
    "stylesheet",
    "info",
    "pict",
    "object",
    "themedata",
    "colorschememapping",
    "datastore",
    "latentstyles",
    "listtable",
    "listoverridetable",
    "rsidtbl",
    "generator",
    "xmlnstbl",
    "filetbl",
    "revtbl",
    "fldinst",
    "header",
    "footer",
    "headerl",
    "headerr",
    "headerf",
    "footerl",
    "footerr",
    "footerf",
    "mmathPr",
    "bkmkstart",
    "bkmkend",
    "nonshppict",
    "objdata",
    "pgdsctbl",
    "wgrffmtfilter",
    "panose",
    "falt",
];

/// Whether the bytes begin a document in this format.
pub fn is_rtf(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"{\\rtf") else { return false };
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    match rest.get(digits) {
        Some(b'\\') => true,
        Some(b'{' | b' ' | b'\r' | b'\n') => digits > 0,
        _ => false,
    }
}

/// What people read of a document.
pub fn read(bytes: &[u8]) -> String {
    let mut reader = Reader { rest: bytes, page: WINDOWS_1252, ..Reader::default() };
    while reader.step() {}
    reader.flush();
    reader.text.trim().to_owned()
}

/// State that lasts until the end of a group.
#[derive(Clone, Copy)]
struct Group {
    shown: bool,
    /// Characters that stand in for each character of Unicode.
    stand_ins: usize,
}

struct Reader<'a> {
    rest: &'a [u8],
    text: String,
    /// Bytes that are not decoded yet, since a character may have several.
    bytes: Vec<u8>,
    /// Units of UTF-16 that are not decoded yet.
    units: Vec<u16>,
    page: &'static Encoding,
    group: Group,
    outer: Vec<Group>,
    /// Substitute characters still to be skipped.
    skip: usize,
    /// The group began with a mark that allows skipping it.
    optional: bool,
}

impl Default for Reader<'_> {
    fn default() -> Self {
        Self {
            rest: &[],
            text: String::new(),
            bytes: Vec::new(),
            units: Vec::new(),
            page: WINDOWS_1252,
            group: Group { shown: true, stand_ins: 1 },
            outer: Vec::new(),
            skip: 0,
            optional: false,
        }
    }
}

impl Reader<'_> {
    /// Reads one token; false at the end.
    fn step(&mut self) -> bool {
        let Some((&first, rest)) = self.rest.split_first() else { return false };
        self.rest = rest;
        match first {
            b'{' => self.open(),
            b'}' => self.close(),
            b'\\' => self.control(),
            b'\r' | b'\n' => {}
            byte => self.byte(byte),
        }
        true
    }

    fn open(&mut self) {
        self.flush();
        self.optional = false;
        // Deeper groups than any program writes end where the outermost of them does.
        if self.outer.len() < 10_000 {
            self.outer.push(self.group);
        }
    }

    fn close(&mut self) {
        self.flush();
        self.group = self.outer.pop().unwrap_or(self.group);
        self.skip = 0;
    }

    fn control(&mut self) {
        let letters = self.rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        if letters == 0 {
            return self.symbol();
        }
        let word = String::from_utf8_lossy(&self.rest[..letters]).into_owned();
        let rest = &self.rest[letters..];
        let signed = usize::from(rest.first() == Some(&b'-'));
        let digits = rest[signed..].iter().take_while(|b| b.is_ascii_digit()).count();
        let end = if digits == 0 { 0 } else { signed + digits };
        let number = std::str::from_utf8(&rest[..end]).ok().and_then(|n| n.parse::<i64>().ok());
        self.rest = rest[end..].strip_prefix(b" ").unwrap_or(&rest[end..]);
        self.word(&word, number);
    }

    fn symbol(&mut self) {
        let Some((&symbol, rest)) = self.rest.split_first() else { return };
        self.rest = rest;
        match symbol {
            b'\'' => {
                let hex = rest.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
                if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                    self.rest = &rest[2..];
                    self.byte(byte);
                }
            }
            b'*' => self.optional = true,
            b'~' => self.char(' '),
            b'_' => self.char('-'),
            b'\r' | b'\n' => self.char('\n'),
            b'\\' | b'{' | b'}' => self.byte(symbol),
            _ => {}
        }
    }

    fn word(&mut self, word: &str, number: Option<i64>) {
        // A destination that this reader does not know may be passed over where its writer says so.
        if self.optional || UNSEEN.contains(&word) {
            self.group.shown &= self.optional && matches!(word, "shppict" | "shptxt");
            self.optional = false;
            return;
        }
        match (word, number) {
            ("par" | "line" | "row" | "sect" | "page" | "column", _) => self.char('\n'),
            ("tab" | "cell", _) => self.char('\t'),
            ("emdash", _) => self.char('—'),
            ("endash", _) => self.char('–'),
            ("bullet", _) => self.char('•'),
            ("lquote", _) => self.char('‘'),
            ("rquote", _) => self.char('’'),
            ("ldblquote", _) => self.char('“'),
            ("rdblquote", _) => self.char('”'),
            ("emspace" | "enspace" | "qmspace", _) => self.char(' '),
            ("v", None | Some(1)) => self.group.shown = false,
            ("uc", Some(count)) => self.group.stand_ins = usize::try_from(count).unwrap_or(1).min(16),
            ("u", Some(unit)) => {
                self.flush_bytes();
                if self.group.shown {
                    self.units.push((unit & 0xffff) as u16);
                }
                self.skip = self.group.stand_ins;
            }
            ("bin", Some(count)) => {
                self.rest = self.rest.get(usize::try_from(count).unwrap_or(0)..).unwrap_or_default();
            }
            ("ansicpg", Some(page)) => self.page = code_page(page).unwrap_or(self.page),
            ("mac", _) => self.page = encoding_rs::MACINTOSH,
            _ => {}
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.skip > 0 {
            self.skip -= 1;
        } else if self.group.shown {
            self.flush_units();
            self.bytes.push(byte);
        }
    }

    fn char(&mut self, c: char) {
        self.skip = 0;
        if self.group.shown {
            self.flush();
            self.text.push(c);
        }
    }

    fn flush(&mut self) {
        self.flush_bytes();
        self.flush_units();
    }

    fn flush_bytes(&mut self) {
        if !self.bytes.is_empty() {
            self.text.push_str(&self.page.decode_without_bom_handling(&self.bytes).0);
            self.bytes.clear();
        }
    }

    fn flush_units(&mut self) {
        self.text.extend(char::decode_utf16(self.units.drain(..)).map(|c| c.unwrap_or('\u{fffd}')));
    }
}

/// The encoding of a Windows code page.
fn code_page(number: i64) -> Option<&'static Encoding> {
    let label = match number {
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        65001 => "utf-8".to_owned(),
        10000 => "macintosh".to_owned(),
        number => format!("windows-{number}"),
    };
    Encoding::for_label(label.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_words_without_control_words() {
        let document = b"{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0\\froman Times New Roman;}}{\\colortbl;\\red255\\green0\\blue0;}\n\
            {\\*\\generator Word 16;}{\\info{\\author Nobody}}\\pard\\f0\\fs24 A \\b golden\\b0  retriever\\par\n\
            plays in the sn\\'f6w\\u8230?\\{1\\} {\\field{\\*\\fldinst HYPERLINK \"http://x\"}{\\fldrslt a link}}\\par\n\
            {\\pict\\pngblip 89504e47}\\u-10179 ?\\u-8704 ?{\\v hidden}}";
        assert!(is_rtf(document));
        assert_eq!(read(document), "A golden retriever\nplays in the snöw…{1} a link\n😀");
        assert_eq!(read(b"{\\rtf1\\ansi\\ansicpg932 \\'93\\'fa\\'96\\'7b\\par}"), "日本");
        assert_eq!(read(b"{\\rtf1 }}}}\\bin99999999 x"), "");
    }

    #[test]
    fn a_text_about_the_format_is_none_of_it() {
        assert!(!is_rtf(b"{\\rtf is what these files begin with"));
        assert!(!is_rtf(b"A text about {\\rtf1\\ansi}"));
    }
}
