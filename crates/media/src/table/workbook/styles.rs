//! Which styles show numbers as dates (ECMA-376 part 1, 18.8.30), and the dates that numbers stand for.

use std::collections::HashMap;
use std::io::{Read, Seek};

use jiff::ToSpan;
use jiff::civil::{DateTime, date};

use super::parts::WorkbookParts;
use crate::document::Archive;
use crate::document::xml::{Element, Visitor, walk};
use crate::error::{ReadError, TableError};

/// The most styles, and the most formats that are defined; spreadsheet programs have no more.
const MAX_STYLES: usize = 65_536;

/// The styles of cells.
#[derive(Debug, Default)]
pub struct Styles {
    /// Whether each style shows numbers as dates or times.
    dates: Vec<bool>,
    from_1904: bool,
}

impl Styles {
    /// Reads the styles of a workbook.
    ///
    /// # Errors
    /// When the part is damaged, or has too many.
    pub fn read<R: Read + Seek>(archive: &mut Archive<R>, parts: &WorkbookParts) -> Result<Self, ReadError> {
        let mut reader = StyleReader::default();
        if let Some(part) = parts.styles.as_ref().map(|name| archive.part(name)).transpose()?.flatten() {
            walk(part, &mut reader)?;
        }
        if reader.is_full() {
            return Err(TableError::TooLarge.into());
        }
        let StyleReader { codes, formats, .. } = reader;
        let is_date = |format: &u32| codes.get(format).copied().unwrap_or_else(|| is_built_in_date(*format));
        Ok(Self { dates: formats.iter().map(is_date).collect(), from_1904: parts.from_1904 })
    }

    /// A number as a date or time, if its style shows it as one.
    pub fn date(&self, number: f64, style: u32) -> Option<String> {
        let is_date = self.dates.get(style as usize).copied().unwrap_or(false);
        if !is_date || !(0.0..3_000_000.0).contains(&number) {
            return None;
        }
        // Days and seconds; the first 60 days of 1900 are one too many, as there was no 29 February.
        let (day, seconds) = (number.floor(), ((number - number.floor()) * 86_400.0).round());
        let start = match (self.from_1904, day < 60.0) {
            (true, _) => date(1904, 1, 1),
            (false, true) => date(1899, 12, 31),
            (false, false) => date(1899, 12, 30),
        };
        let time = start.at(0, 0, 0, 0).checked_add((day as i64).days().seconds(seconds as i64)).ok()?;
        Some(shown(time, number < 1.0))
    }
}

fn shown(time: DateTime, is_time_of_day: bool) -> String {
    let is_midnight = time.time() == jiff::civil::Time::midnight();
    let format = match (is_time_of_day, is_midnight) {
        (true, _) => "%H:%M:%S",
        (false, true) => "%Y-%m-%d",
        (false, false) => "%Y-%m-%d %H:%M:%S",
    };
    time.strftime(format).to_string()
}

/// Formats of dates and times that need no definition.
fn is_built_in_date(format: u32) -> bool {
    matches!(format, 14..=22 | 27..=36 | 45..=47 | 50..=58)
}

/// Whether a format shows years, months, days, hours or seconds.
fn is_date_code(code: &str) -> bool {
    let (mut quoted, mut bracketed, mut escaped) = (false, false, false);
    for c in code.chars() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match c {
            // Only of positive numbers.
            ';' if !quoted && !bracketed => return false,
            '"' if !bracketed => quoted = !quoted,
            _ if quoted => {}
            '\\' | '_' | '*' => escaped = true,
            '[' => bracketed = true,
            ']' => bracketed = false,
            // `[h]` are hours; other words in brackets are colours and languages.
            'y' | 'Y' | 'd' | 'D' | 'm' | 'M' | 'h' | 'H' | 's' | 'S' if !bracketed => return true,
            _ => {}
        }
    }
    let code = code.to_ascii_lowercase();
    ["[h]", "[hh]", "[m]", "[mm]", "[s]", "[ss]"].iter().any(|elapsed| code.contains(elapsed))
}

#[derive(Default)]
struct StyleReader {
    /// Whether each format that is defined is one of dates.
    codes: HashMap<u32, bool>,
    /// The format of each style.
    formats: Vec<u32>,
    /// Within the styles of cells; others are named styles.
    is_cells: bool,
}

impl Visitor for StyleReader {
    fn open(&mut self, element: &Element<'_>) -> bool {
        let number = |name: &str| element.attribute(name).and_then(|value| value.parse().ok());
        match &*element.name() {
            "numFmt" => {
                if let (Some(format), Some(code)) = (number("numFmtId"), element.attribute("formatCode")) {
                    self.codes.insert(format, is_date_code(&code));
                }
            }
            "cellXfs" => self.is_cells = true,
            "xf" if self.is_cells => self.formats.push(number("numFmtId").unwrap_or(0)),
            _ => {}
        }
        true
    }

    fn close(&mut self, name: &str) {
        if name == "cellXfs" {
            self.is_cells = false;
        }
    }

    fn is_full(&self) -> bool {
        self.formats.len() > MAX_STYLES || self.codes.len() > MAX_STYLES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dates_where_their_style_says_so() {
        let styles = |from_1904| Styles { dates: vec![false, true], from_1904 };
        let dates = [45_091.645_833_333_33, 45_091.0, 1.0, 59.0, 61.0, 0.5].map(|n| styles(false).date(n, 1));
        let expected = ["2023-06-14 15:30:00", "2023-06-14", "1900-01-01", "1900-02-28", "1900-03-01", "12:00:00"]
            .map(str::to_owned);
        assert_eq!(dates, expected.map(Some));
        assert_eq!(styles(true).date(43_629.0, 1).as_deref(), Some("2023-06-14"));
        assert_eq!(
            [(3.0, 0), (3.0, 7), (-1.0, 1), (1e9, 1), (f64::NAN, 1)].map(|(n, style)| styles(false).date(n, style)),
            [const { None }; 5]
        );
        for code in ["yyyy\\-mm\\-dd", "d. mmmm yy", "[$-409]m/d/yy h:mm", "[h]:mm:ss", "hh:mm", "[h]"] {
            assert!(is_date_code(code), "{code}");
        }
        for code in ["General", "0.00", "#,##0 \"days\"", "[Red]0.0", "0\\d", "0.00_d", "@", "0;\"day\""] {
            assert!(!is_date_code(code), "{code}");
        }
    }
}
