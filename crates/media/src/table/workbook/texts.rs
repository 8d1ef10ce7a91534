//! The texts of a workbook.

use crate::error::TableError;

/// The most that all texts may take, bytes.
const MAX_BYTES: u64 = 128 << 20;

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
    /// When all texts together are too long.
    pub fn add(&mut self, text: &str) -> Result<u32, TableError> {
        self.text.push_str(text);
        let end = u32::try_from(self.text.len()).ok().filter(|end| u64::from(*end) <= MAX_BYTES);
        self.ends.push(end.ok_or(TableError::TooLarge)?);
        u32::try_from(self.ends.len() - 1).map_err(|_| TableError::TooLarge)
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
