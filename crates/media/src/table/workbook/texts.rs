//! The texts of a workbook.

use crate::error::TableError;
use crate::table::row::MAX_ROW_BYTES;

/// The most that all texts may take, bytes.
const MAX_BYTES: usize = 128 << 20;
/// The most texts.
const MAX_COUNT: usize = 1 << 22;

/// Texts one after the other.
#[derive(Debug, Default)]
pub struct SheetTexts {
    text: String,
    ends: Vec<u32>,
}

impl SheetTexts {
    /// Adds a text; its place.
    ///
    /// # Errors
    /// When all texts together are too long, or too many.
    pub fn add(&mut self, text: &str) -> Result<u32, TableError> {
        let end = self.text.len() + text.len();
        if end > MAX_BYTES || self.ends.len() >= MAX_COUNT {
            return Err(TableError::TooLarge);
        }
        let place = self.ends.len() as u32;
        self.text.push_str(text);
        self.ends.push(end as u32);
        Ok(place)
    }

    /// Leaves all but the first `count` texts out.
    pub fn truncate(&mut self, count: usize) {
        self.ends.truncate(count);
        self.text.truncate(self.ends.last().map_or(0, |end| *end as usize));
    }

    /// Number of texts.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// The text at a place.
    pub fn get(&self, place: u32) -> &str {
        let place = place as usize;
        let start = place.checked_sub(1).map_or(0, |before| self.ends.get(before).map_or(0, |end| *end as usize));
        let end = self.ends.get(place).map_or(start, |end| *end as usize);
        self.text.get(start..end).unwrap_or_default()
    }
}

/// Adds a piece to the text of a cell.
///
/// # Errors
/// When it gets too long.
pub fn append(text: &mut String, piece: &str) -> Result<(), TableError> {
    if text.len() + piece.len() > MAX_ROW_BYTES {
        return Err(TableError::TooLarge);
    }
    text.push_str(piece);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_limited_in_number_and_length() {
        let mut texts = SheetTexts::default();
        assert_eq!((texts.add("one"), texts.add("two"), texts.add("three")), (Ok(0), Ok(1), Ok(2)));
        texts.truncate(1);
        assert_eq!((texts.add("2"), texts.count(), texts.get(0), texts.get(1)), (Ok(1), 2, "one", "2"));
        assert_eq!(texts.add(&"x".repeat(MAX_BYTES)), Err(TableError::TooLarge));
        assert_eq!(texts.text.len(), 4, "what is too long is not kept");
        assert!((2..MAX_COUNT).all(|_| texts.add("").is_ok()));
        assert_eq!(texts.add(""), Err(TableError::TooLarge));
    }
}
