//! Entries of directories by their tags.

use super::super::ifd::IfdEntry;

/// An entry of a directory.
pub fn entry<'e, 'a>(entries: &'e [IfdEntry<'a>], tag: u16) -> Option<&'e IfdEntry<'a>> {
    entries.iter().find(|entry| entry.tag == tag)
}

/// As many whole numbers as are wanted.
pub fn numbers(entries: &[IfdEntry<'_>], tag: u16, count: usize) -> Option<Vec<u64>> {
    entry(entries, tag).map(|entry| entry.numbers(count)).filter(|numbers| numbers.len() == count)
}

/// As many numbers as are wanted, all of them known.
pub fn reals(entries: &[IfdEntry<'_>], tag: u16, count: usize) -> Option<Vec<f64>> {
    let numbers: Vec<f64> = entry(entries, tag)?.reals(count).into_iter().collect::<Option<_>>()?;
    (numbers.len() == count).then_some(numbers)
}
