//! The words that clusters are named with: everyday nouns, scenes, activities and subjects, from broad to narrow, written for
//! this program (`assets/vocabulary.txt`, two spaces of indentation a level).

use std::sync::LazyLock;

use vicinity_core::Modality;

/// The branch whose words are for texts only.
const TEXTS_ONLY: &str = "subjects of texts";

/// The words of the program.
pub static VOCABULARY: LazyLock<Vocabulary> =
    LazyLock::new(|| Vocabulary::parse(include_str!("../../../../../assets/vocabulary.txt")));

/// Words with the broader ones that they belong to.
pub struct Vocabulary {
    /// The words, in the order of the file.
    pub words: Vec<&'static str>,
    /// The next broader word of each, by its place.
    broader: Vec<Option<u32>>,
    texts_only: Vec<bool>,
}

impl Vocabulary {
    fn parse(text: &'static str) -> Self {
        let mut found = Self { words: Vec::new(), broader: Vec::new(), texts_only: Vec::new() };
        // The last word of each depth.
        let mut path: Vec<u32> = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let word = line.trim_start();
            let depth = (line.len() - word.len()) / 2;
            path.truncate(depth);
            let above = path.last().copied();
            found.broader.push(above);
            let inherited = above.is_some_and(|above| found.texts_only[above as usize]);
            found.texts_only.push(inherited || word == TEXTS_ONLY);
            path.push(found.words.len() as u32);
            found.words.push(word.trim_end());
        }
        found
    }

    /// A word and the broader ones, the narrowest first.
    pub fn path(&self, word: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(word), |word| self.broader[*word].map(|broader| broader as usize))
    }

    /// Whether there is no broader word.
    pub fn is_broadest(&self, word: usize) -> bool {
        self.broader[word].is_none()
    }

    /// Whether items of a modality may be called so. The broadest words that list several things are headings of the file and no names.
    pub fn names(&self, word: usize, modality: Modality) -> bool {
        let is_heading = self.broader[word].is_none() && self.words[word].contains(' ');
        !is_heading && (modality == Modality::Text) == self.texts_only[word]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_words_are_different_and_each_has_its_broader_ones() {
        let all = &*VOCABULARY;
        assert!(all.words.len() > 2_000, "{}", all.words.len());
        let different: BTreeSet<String> = all.words.iter().map(|word| word.to_lowercase()).collect();
        assert_eq!(different.len(), all.words.len());
        let at = |word: &str| all.words.iter().position(|known| *known == word).expect("a word of the file");
        let path: Vec<&str> = all.path(at("newborn babies")).map(|word| all.words[word]).collect();
        assert_eq!(path, ["newborn babies", "babies", "people"]);
        assert!(all.words.iter().all(|word| word.is_ascii() && !word.is_empty() && word.split(' ').count() <= 4));
    }

    #[test]
    fn subjects_name_texts_alone_and_headings_nothing() {
        let all = &*VOCABULARY;
        let named = |modality| (0..all.words.len()).filter(|word| all.names(*word, modality)).count();
        assert!(named(Modality::Image) > 1_500 && named(Modality::Text) > 200);
        assert!(
            (0..all.words.len()).all(|word| !(all.names(word, Modality::Image) && all.names(word, Modality::Text)))
        );
        let heading = all.words.iter().position(|word| *word == "food and drink").expect("a heading");
        assert!(!all.names(heading, Modality::Text));
    }
}
