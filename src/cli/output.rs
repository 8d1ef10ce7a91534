//! Printing. Whatever a name or a text holds, a terminal is sent nothing that it would obey.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use serde::Serialize;

use vicinity_core::path_bytes::{path_bytes, path_text};

/// One line on stdout, with what could steer a terminal escaped.
pub fn line(text: &str) -> io::Result<()> {
    print(&escaped(text))
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")
}

/// One JSON object as a line on stdout. What could steer a terminal stands there as `\u…`, which means the same.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string(value)?;
    Ok(print(&replaced(&text, |c, out| {
        let mut units = [0; 2];
        c.encode_utf16(&mut units).iter().for_each(|unit| {
            let _cannot_fail = write!(out, "\\u{unit:04x}");
        });
    }))?)
}

/// One line on stderr, with what could steer a terminal escaped.
pub fn complain(text: &str) {
    // nobody is left to be told where stderr is closed
    let _not_vital = writeln!(io::stderr().lock(), "vicinity: {}", escaped(text));
}

/// A path in JSON: as text, and where that does not tell it exactly its bytes in base64, too.
#[derive(Serialize)]
pub struct JsonPath {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
}

impl From<&Path> for JsonPath {
    fn from(path: &Path) -> Self {
        Self { path: path_text(path), path_bytes: path_bytes(path) }
    }
}

/// The text with control characters and those that turn the direction of writing as Rust writes them: `\n`, `\u{1b}`.
pub fn escaped(text: &str) -> Cow<'_, str> {
    replaced(text, |c, out| out.extend(c.escape_default()))
}

fn replaced(text: &str, mut escape: impl FnMut(char, &mut String)) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) { escape(c, &mut out) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// Whether a terminal may obey a character instead of showing it: controls of C0 and C1, separators of lines and
/// paragraphs, marks and overrides of direction (Unicode's Bidi_Control).
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether progress bars make sense.
pub fn on_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Whether the reader of stdout went away.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|io| io.kind() == io::ErrorKind::BrokenPipe)
}

/// A count with thousands separators.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_shown() {
        assert_eq!(escaped("a\u{1b}[2J\u{9b}b\n\t\r\u{7f}"), "a\\u{1b}[2J\\u{9b}b\\n\\t\\r\\u{7f}");
        assert_eq!(escaped("gpj\u{202e}.exe\u{2028}"), "gpj\\u{202e}.exe\\u{2028}");
        for plain in ["", "Café, Straße 東京 👩‍👩‍👧 می‌خواهم", "C:\\new"] {
            assert!(matches!(escaped(plain), Cow::Borrowed(_)), "{plain}");
        }
    }

    #[test]
    fn counts_have_separators() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }
}
