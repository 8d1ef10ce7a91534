//! Which items are visible: everything that narrows a collection, and the one place that decides about an item.

use std::path::{Path, PathBuf};

use super::item::{Item, Modality};
use super::name::NamePattern;

/// Criteria that an item has to meet to be visible; an empty filter admits every item.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Only this modality.
    pub modality: Option<Modality>,
    /// Only items below this folder: an absolute path without links and `..`, like [`Item::path`].
    pub folder: Option<PathBuf>,
    /// Only items whose file name contains these words.
    pub name: Option<NamePattern>,
}

impl Filter {
    /// Whether every item is admitted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an item is visible.
    pub fn admits(&self, item: &Item) -> bool {
        self.modality.is_none_or(|modality| modality == item.modality)
            && self.folder.as_ref().is_none_or(|folder| is_below(&item.path, folder))
            && self.name.as_ref().is_none_or(|name| name.matches(item))
    }
}

/// As [`Path::starts_with`] for two normalised paths, but without parsing them: a filter looks at every item.
fn is_below(path: &Path, folder: &Path) -> bool {
    let folder = folder.as_os_str().as_encoded_bytes();
    let separator = |byte: &u8| std::path::is_separator(char::from(*byte));
    match path.as_os_str().as_encoded_bytes().strip_prefix(folder) {
        Some(rest) => rest.first().is_none_or(separator) || folder.last().is_some_and(separator),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ContentHash, ItemId};

    fn item(path: &str, modality: Modality) -> Item {
        Item {
            id: ItemId(0),
            path: Path::new(path).into(),
            row: None,
            modality,
            bytes: 0,
            modified_ns: 0,
            hash: ContentHash([0; 32]),
            pixels: None,
            snippet: None,
        }
    }

    #[test]
    fn an_item_has_to_meet_every_criterion() {
        let dog = item("/a/Photos/dog 2.jpg", Modality::Image);
        assert!(Filter::default().is_empty() && Filter::default().admits(&dog));
        let filter =
            Filter { modality: Some(Modality::Image), folder: Some("/a/Photos".into()), name: NamePattern::new("DOG") };
        assert!(filter.admits(&dog) && !filter.is_empty());
        assert!(!filter.admits(&item("/a/Photos/dog 2.jpg", Modality::Text)));
        assert!(!filter.admits(&item("/a/Notes/dog 2.jpg", Modality::Image)));
        assert!(!filter.admits(&item("/a/Photos/cat.jpg", Modality::Image)));
    }

    #[test]
    fn a_folder_contains_itself_and_what_is_below_it_only() {
        let below = |path: &str, folder: &str| is_below(Path::new(path), Path::new(folder));
        for (path, folder) in [("/a/b/c.jpg", "/a/b"), ("/a/b/c.jpg", "/a/b/"), ("/a/b", "/a/b"), ("/a/b", "/")] {
            assert!(below(path, folder) && Path::new(path).starts_with(folder), "{path} {folder}");
        }
        for (path, folder) in [("/a/bc/d.jpg", "/a/b"), ("/a", "/a/b"), ("/b/a/b", "/a/b")] {
            assert!(!below(path, folder) && !Path::new(path).starts_with(folder), "{path} {folder}");
        }
    }
}
