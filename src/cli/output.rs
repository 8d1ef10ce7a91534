//! Printing.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

/// One line on stdout.
pub fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")
}

/// One JSON object as a line on stdout.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    Ok(line(&serde_json::to_string(value)?)?)
}

/// One line on stderr.
pub fn complain(text: &str) {
    // nobody is left to be told where stderr is closed
    let _not_vital = writeln!(io::stderr().lock(), "vicinity: {text}");
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
    #[test]
    fn counts_have_separators() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(super::count), ["0", "999", "1,000", "1,234,567"]);
    }
}
