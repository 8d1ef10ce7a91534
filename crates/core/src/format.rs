//! Numbers and sizes as text, the same in the window, on the command line and in error messages.

/// A number with thousands separators: `1204` is `1,204`.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of bytes in decimal units, with two or three significant digits: `2_100_000` is `2.1 MB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "kB", "MB", "GB", "TB"];
    let mut value = n as f64;
    let mut units = UNITS.iter().peekable();
    while value >= 999.5 && units.len() > 1 {
        value /= 1000.0;
        units.next();
    }
    match units.next() {
        _ if n < 1000 => format!("{n} {}", if n == 1 { "byte" } else { "bytes" }),
        Some(unit) if value < 9.95 => format!("{value:.1} {unit}"),
        unit => format!("{value:.0} {}", unit.unwrap_or(&"TB")),
    }
}

/// The last part of a path, or all of it.
pub fn file_name(path: &std::path::Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_separators() {
        assert_eq!([0, 999, 1_204, 1_234_567].map(number), ["0", "999", "1,204", "1,234,567"]);
    }

    #[test]
    fn sizes_have_two_or_three_digits() {
        let sizes = [0, 1, 999, 1_500, 23_700_000, 999_600, 999_600_000, 1_535_000_000, 12_345_678_901].map(bytes);
        let expected = ["0 bytes", "1 byte", "999 bytes", "1.5 kB", "24 MB", "1.0 MB", "1.0 GB", "1.5 GB", "12 GB"];
        assert_eq!(sizes, expected);
        assert_eq!(bytes(3_400_000_000_000_000), "3400 TB");
    }
}
