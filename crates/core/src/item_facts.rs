//! What is known of an item beside its content: what filters compare.

use super::groups::ItemGroups;
use super::photo_summary::PhotoSummary;
use super::table::TableSet;

/// What is known of an item beside its content. Nothing by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct ItemFacts<'a> {
    /// Of a photo, what its metadata say.
    pub photo: Option<&'a PhotoSummary>,
    /// The tables in which rows have their cells.
    pub tables: Option<&'a TableSet>,
    /// The groups that it may be in.
    pub groups: Option<&'a ItemGroups>,
}

impl<'a> ItemFacts<'a> {
    /// Facts of a photo alone.
    pub fn of_photo(photo: Option<&'a PhotoSummary>) -> Self {
        Self { photo, tables: None, groups: None }
    }
}
