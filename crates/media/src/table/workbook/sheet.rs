//! The cells of a sheet.

use std::io::{Read, Seek};

use super::styles::Styles;
use super::texts::{SheetTexts, append};
use crate::document::Archive;
use crate::document::xml::{Element, Visitor, walk};
use crate::error::{ReadError, TableError};

/// Cells of a sheet that have a value.
const MAX_CELLS: usize = 8 << 20;
/// One cell in so many may be a formula without a result.
const MISSING_SHARE: usize = 10;
/// Columns of a sheet; spreadsheet programs have no more.
const MAX_COLUMNS: u32 = 16_384;

/// A sheet: rows and cells that have a value.
#[derive(Debug, Default)]
pub struct Sheet {
    /// The rows in ascending order.
    pub rows: Vec<SheetRow>,
    cells: Vec<(u32, CellValue)>,
    /// Cells with a formula that was not computed.
    not_computed: usize,
}

/// A row that has cells.
#[derive(Debug, Clone, Copy)]
pub struct SheetRow {
    /// Which row of the sheet it is, from 1.
    pub number: u32,
    start: u32,
    end: u32,
}

/// The value of a cell.
#[derive(Debug, Clone, Copy)]
pub enum CellValue {
    /// A number, and the style that may make it a date.
    Number(f64, u32),
    /// A text.
    Text(u32),
    /// A truth value.
    Bool(bool),
}

impl CellValue {
    /// About how many bytes it is shown as.
    pub fn length(self, texts: &SheetTexts) -> usize {
        match self {
            Self::Text(place) => texts.get(place).len(),
            Self::Number(..) | Self::Bool(_) => 24,
        }
    }

    /// As people read it.
    pub fn shown(self, texts: &SheetTexts, styles: &Styles) -> String {
        match self {
            Self::Number(number, style) => styles.date(number, style).unwrap_or_else(|| number.to_string()),
            Self::Text(place) => texts.get(place).to_owned(),
            Self::Bool(value) => value.to_string(),
        }
    }
}

impl Sheet {
    /// Reads a sheet, if the workbook has it; the first `shared` of the texts are those that sheets share.
    ///
    /// # Errors
    /// When it is damaged, or has too many cells.
    pub fn read<R: Read + Seek>(
        archive: &mut Archive<R>,
        name: &str,
        texts: &mut SheetTexts,
        shared: usize,
    ) -> Result<Option<Self>, ReadError> {
        let Some(part) = archive.part(name)? else { return Ok(None) };
        let mut reader =
            SheetReader { texts, shared, sheet: Self::default(), row: 0, cell: Cell::default(), error: None };
        walk(part, &mut reader)?;
        reader.error.map_or(Ok(Some(reader.sheet)), |error| Err(error.into()))
    }

    /// Whether so many results of formulas are missing that what is left says something else.
    pub fn is_not_computed(&self) -> bool {
        self.not_computed * MISSING_SHARE > self.cells.len()
    }

    /// The cells of a row by their columns, from 0.
    pub fn cells(&self, row: &SheetRow) -> &[(u32, CellValue)] {
        self.cells.get(row.start as usize..row.end as usize).unwrap_or_default()
    }
}

/// The cell that is being read.
#[derive(Default)]
struct Cell {
    column: u32,
    kind: String,
    style: u32,
    text: String,
    is_value: bool,
    is_formula: bool,
}

struct SheetReader<'a> {
    texts: &'a mut SheetTexts,
    shared: usize,
    sheet: Sheet,
    row: u32,
    cell: Cell,
    error: Option<TableError>,
}

impl Visitor for SheetReader<'_> {
    fn open(&mut self, element: &Element<'_>) -> bool {
        match &*element.name() {
            "row" => {
                let said = element.attribute("r").and_then(|row| row.parse().ok());
                self.row = said.filter(|row| *row > self.row).unwrap_or(self.row.saturating_add(1));
                self.cell.column = 0;
            }
            "c" => {
                let said = element.attribute("r").and_then(|place| column(&place));
                self.cell = Cell {
                    column: said.unwrap_or(self.cell.column),
                    kind: element.attribute("t").unwrap_or_default(),
                    style: element.attribute("s").and_then(|style| style.parse().ok()).unwrap_or(0),
                    ..Cell::default()
                };
            }
            "v" | "t" => self.cell.is_value = true,
            "f" => {
                self.cell.is_formula = true;
                return false;
            }
            // How words are pronounced.
            "rPh" => return false,
            // Behind the cells.
            "mergeCells" | "conditionalFormatting" | "dataValidations" | "extLst" => return false,
            _ => {}
        }
        true
    }

    fn close(&mut self, name: &str) {
        match name {
            "v" | "t" => self.cell.is_value = false,
            "c" => {
                self.error = self.add().err();
                self.cell.column = self.cell.column.saturating_add(1);
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.cell.is_value {
            self.error = append(&mut self.cell.text, text).err();
        }
    }

    fn is_full(&self) -> bool {
        self.error.is_some()
    }
}

impl SheetReader<'_> {
    fn add(&mut self) -> Result<(), TableError> {
        let Some(value) = self.value()? else { return Ok(()) };
        if self.cell.column >= MAX_COLUMNS {
            return Ok(());
        }
        if self.sheet.cells.len() >= MAX_CELLS {
            return Err(TableError::TooLarge);
        }
        let at = self.sheet.cells.len() as u32;
        if self.sheet.rows.last().is_none_or(|row| row.number != self.row) {
            self.sheet.rows.push(SheetRow { number: self.row, start: at, end: at });
        }
        let Some(row) = self.sheet.rows.last_mut() else { return Ok(()) };
        let last = if row.start == row.end { None } else { self.sheet.cells.last() };
        // A second value of the same column.
        if last.is_some_and(|(column, _)| *column >= self.cell.column) {
            return Ok(());
        }
        self.sheet.cells.push((self.cell.column, value));
        row.end = at + 1;
        Ok(())
    }

    /// `None` where the cell says nothing, or an error.
    fn value(&mut self) -> Result<Option<CellValue>, TableError> {
        let text = std::mem::take(&mut self.cell.text);
        if text.is_empty() {
            self.sheet.not_computed += usize::from(self.cell.is_formula);
            return Ok(None);
        }
        Ok(match self.cell.kind.as_str() {
            "s" => {
                let place = text.trim().parse::<u32>().ok().filter(|place| (*place as usize) < self.shared);
                place.filter(|place| !self.texts.get(*place).is_empty()).map(CellValue::Text)
            }
            "b" => Some(CellValue::Bool(text.trim() == "1")),
            "e" => None,
            "str" | "inlineStr" => Some(CellValue::Text(self.texts.add(&text)?)),
            "d" => Some(CellValue::Text(self.texts.add(&text.replacen('T', " ", 1))?)),
            _ => text
                .trim()
                .parse()
                .ok()
                .filter(|number: &f64| number.is_finite())
                .map(|number| CellValue::Number(number, self.cell.style)),
        })
    }
}

/// The column of a place such as `BC12`, from 0.
fn column(place: &str) -> Option<u32> {
    let letters = place.bytes().take_while(u8::is_ascii_alphabetic);
    let column =
        letters.take(4).fold(0, |column, letter| column * 26 + u32::from(letter.to_ascii_uppercase() - b'A' + 1));
    column.checked_sub(1).filter(|column| *column < MAX_COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_letters() {
        let columns = ["A1", "Z9", "AA1", "xfd1048576", "XFE1", "12", ""].map(column);
        assert_eq!(columns, [Some(0), Some(25), Some(26), Some(16_383), None, None, None]);
    }
}
