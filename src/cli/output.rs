//! Printing. Names and texts from outside never send control sequences to the terminal.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use vicinity_core::path_bytes::{path_bytes, path_text};

/// Prints a line to stdout, with control characters escaped.
pub fn print_line(text: &str) -> io::Result<()> {
    print(&escaped(text))
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")
}

/// Prints a JSON object as a line to stdout, with control characters escaped as `\u…`.
pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string(value)?;
    Ok(print(&replace_controls(&text, |c, out| {
        let mut units = [0; 2];
        c.encode_utf16(&mut units).iter().for_each(|unit| {
            let _cannot_fail = write!(out, "\\u{unit:04x}");
        });
    }))?)
}

/// Prints a line to stderr, with control characters escaped.
pub fn print_error(text: &str) {
    // Nothing can be done if stderr is closed.
    let _ignored = writeln!(io::stderr().lock(), "vicinity: {}", escaped(text));
}

/// A path in JSON: as text, and also as base64 bytes if it is not Unicode.
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

/// Escapes control characters and those that change the text direction as Rust does: `\n`, `\u{1b}`.
pub fn escaped(text: &str) -> Cow<'_, str> {
    replace_controls(text, |c, out| out.extend(c.escape_default()))
}

fn replace_controls(text: &str, mut escape: impl FnMut(char, &mut String)) -> Cow<'_, str> {
    if !text.chars().any(is_control) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_control(c) { escape(c, &mut out) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// Whether a terminal may interpret a character instead of showing it: C0 and C1 controls, line and paragraph
/// separators, and direction marks (Unicode's Bidi_Control).
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A progress bar in indicatif's `template`, if stderr is a terminal.
pub fn progress_bar(template: &str) -> Option<ProgressBar> {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    io::stderr().is_terminal().then(|| ProgressBar::new(0).with_style(style))
}

/// Whether the reader of stdout closed it.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|io| io.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escaped("a\u{1b}[2J\u{9b}b\n\t\r\u{7f}"), "a\\u{1b}[2J\\u{9b}b\\n\\t\\r\\u{7f}");
        assert_eq!(escaped("gpj\u{202e}.exe\u{2028}"), "gpj\\u{202e}.exe\\u{2028}");
        for plain in ["", "Café, Straße 東京 👩‍👩‍👧 می‌خواهم", "C:\\new"] {
            assert!(matches!(escaped(plain), Cow::Borrowed(_)), "{plain}");
        }
    }
}
