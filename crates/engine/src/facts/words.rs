//! Fills the full text search: names, folders, what facts say, texts, and the text in pictures.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::file_content::{self, check_regular_file};
use crate::library::Library;
use crate::scan;
use crate::store::{ReadWords, StoreError, Words, WordsFile, WordsFiles};
use vicinity_core::worker::catch_panic;
use vicinity_core::{ItemId, Part, PhotoFacts};
use vicinity_media::{Content, PartContent, ReadOptions};

/// Words are stored this often while files are read.
const INTERVAL: Duration = Duration::from_secs(1);
/// The most bytes of a text whose words are found.
const MAX_TEXT: usize = 1 << 20;
/// The same of a row of a table.
const MAX_ROW: usize = 8 << 10;
/// Bytes of words that are stored at once, roughly.
const BATCH: usize = 8 << 20;

/// Words that are not stored yet.
struct Filler<'a> {
    library: &'a Library,
    cancelled: &'a AtomicBool,
    read: Vec<ReadWords>,
    size: usize,
    stored: Instant,
}

/// Finds the files whose words are missing or outdated, reads them, and stores their words. `progress` is called with the
/// number of files that were read, and that of those to be read.
///
/// # Errors
/// When the library cannot be read or written.
pub fn fill(library: &Library, cancelled: &AtomicBool, progress: &dyn Fn(u64, u64)) -> Result<(), StoreError> {
    let snapshot = library.snapshot();
    let dir = &snapshot.parts().library;
    let total = count_outdated(WordsFiles::open(dir)?, cancelled)?;
    let mut files = WordsFiles::open(dir)?;
    let mut filler = Filler { library, cancelled, read: Vec::new(), size: 0, stored: Instant::now() };
    // Items of an unfinished import are still to come, and need what is known of their content.
    if library.unfinished().is_none() && files.has_orphans()? {
        library.forget_words()?;
    }
    let (mut done, mut shown) = (0, Instant::now());
    while done < total {
        let page = files.next_page()?;
        if page.is_empty() {
            break;
        }
        for file in page.into_iter().filter(|file| !file.is_current) {
            if cancelled.load(Ordering::Relaxed) {
                return filler.store();
            }
            let items = files.items(&file)?;
            filler.read(file, &items)?;
            done += 1;
            if shown.elapsed() >= INTERVAL {
                progress(done, total);
                shown = Instant::now();
            }
        }
    }
    filler.store()
}

fn count_outdated(mut files: WordsFiles, cancelled: &AtomicBool) -> Result<u64, StoreError> {
    let mut outdated = 0;
    loop {
        let page = files.next_page()?;
        if page.is_empty() || cancelled.load(Ordering::Relaxed) {
            return Ok(outdated);
        }
        outdated += page.iter().filter(|file| !file.is_current).count() as u64;
    }
}

impl Filler<'_> {
    /// Reads a file, unless it cannot be read now or is not as the last import found it.
    fn read(&mut self, file: WordsFile, items: &[(u32, ItemId)]) -> Result<(), StoreError> {
        let facts = if file.is_picture { self.library.stored_facts(&file.path) } else { None };
        let of_file = words_of_file(&file.path, &facts.unwrap_or_default());
        let library = self.library;
        let of_picture = |id: ItemId| (id, Words { picture: library.picture_text(id).text(), ..of_file.clone() });
        if file.is_picture {
            return self.add(Some(file), items.iter().map(|(_, id)| of_picture(*id)).collect());
        }
        let now = scan::candidate(file.path.clone());
        if check_regular_file(&file.path).is_err() || !now.is_ok_and(|now| now.stamp().matches(file.origin.file)) {
            return Ok(());
        }
        // The others are not read for nothing.
        if !items.iter().any(|(part, _)| may_have_text(*part)) {
            return self.add(Some(file), items.iter().map(|(_, id)| of_picture(*id)).collect());
        }
        let in_parts = items.iter().any(|(row, _)| *row > 0);
        let tables = library.import_options().tables;
        let options = ReadOptions { rows: in_parts, pages: in_parts, tables, texts_only: true };
        // What fails to be read has its name alone, until it changes.
        let content = catch_panic(|| file_content::open(&file.path, options).ok()).ok().flatten();
        let ids: HashMap<u32, ItemId> = items.iter().copied().collect();
        let named = |id: ItemId, text: String| (id, Words { text, ..of_file.clone() });
        match content {
            Some(Content::Rows(rows)) => {
                for row in rows.flatten() {
                    // What was found so far is stored; the file is read again the next time.
                    if self.is_cancelled() {
                        return Ok(());
                    }
                    if let Some(id) = ids.get(&row.number) {
                        self.add(None, vec![named(*id, shortened(row.text, MAX_ROW))])?;
                    }
                }
                self.add(Some(file), Vec::new())
            }
            Some(Content::Parts(parts)) => {
                let mut left = ids;
                for part in parts.flatten() {
                    if self.is_cancelled() {
                        return Ok(());
                    }
                    if let PartContent::Text(text) = part.content
                        && let Some(id) = left.remove(&part.part.code().get())
                    {
                        self.add(None, vec![named(id, shortened(text, MAX_TEXT))])?;
                    }
                }
                self.add(Some(file), left.into_values().map(of_picture).collect())
            }
            Some(Content::Text(text)) => {
                let text = shortened(text, MAX_TEXT);
                self.add(Some(file), items.iter().take(1).map(|(_, id)| named(*id, text.clone())).collect())
            }
            _ => self.add(Some(file), items.iter().map(|(_, id)| named(*id, String::new())).collect()),
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn add(&mut self, file: Option<WordsFile>, items: Vec<(ItemId, Words)>) -> Result<(), StoreError> {
        let words = ReadWords { file, items };
        self.size += words.size();
        self.read.push(words);
        let is_due = self.stored.elapsed() >= INTERVAL || self.size >= BATCH;
        if is_due { self.store() } else { Ok(()) }
    }

    fn store(&mut self) -> Result<(), StoreError> {
        if !self.read.is_empty() {
            self.library.put_words(&self.read)?;
        }
        self.read.clear();
        (self.size, self.stored) = (0, Instant::now());
        Ok(())
    }
}

/// Whether an item with this code of a part may be a text.
fn may_have_text(code: u32) -> bool {
    let part = NonZeroU32::new(code).and_then(Part::of_code);
    !matches!(part, Some(Part::Page(_) | Part::Frame { .. } | Part::AnimationFrame(_)))
}

fn words_of_file(path: &Path, facts: &PhotoFacts) -> Words {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().replace('_', " ");
    let folder = path.parent().unwrap_or(path).to_string_lossy().replace('_', " ");
    let keywords = facts.keywords.iter().chain(&facts.keyword_paths).cloned().collect::<Vec<_>>().join("\n");
    let caption: Vec<&str> = facts.title.iter().chain(&facts.caption).map(String::as_str).collect();
    Words { name, folder, keywords, caption: caption.join("\n"), ..Words::default() }
}

fn shortened(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shortened("short".to_owned(), 9), "short");
        assert_eq!(shortened("ééé".to_owned(), 4), "éé");
        assert_eq!(shortened("aéé".to_owned(), 4), "aé");
    }
}
