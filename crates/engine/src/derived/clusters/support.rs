//! Whether the members of a cluster are what a word says. The mean of a mixed cluster points somewhere between its items, where the
//! nearest word may fit none of them.
//!
//! A word is supported by a member if it is one of the nearest words of the member, or broader than one of these. The share was chosen
//! on 15,177 photos without labels, by looking: below it were *furniture* for 5,500 pictures of people (.11, now *people*, .66), *mouths
//! and teeth* for 560 of tools (.05), *skirts* for 1,100 of people in the street (.15); of 203 names 20 changed.

use std::collections::{HashMap, HashSet};

use super::super::centred::Centred;
use super::vocabulary::VOCABULARY;
use vicinity_layout::{VectorSource, nearest};

/// Members that are asked.
const MEMBERS: usize = 64;
/// Nearest words of a member.
const NEAREST: usize = 10;
/// Of the members that have to support a word, one in so many.
const ONE_IN: usize = 4;
/// Of the broadest words, which something among many words supports by chance.
const ONE_IN_OF_BROADEST: usize = 2;

/// The words that enough of some members support.
pub struct SupportedWords(HashSet<usize>);

/// The words that are asked for.
pub struct WordTable {
    words: Vec<usize>,
    /// Their vectors, one after the other.
    vectors: Vec<f32>,
}

impl WordTable {
    /// Of words with their vectors.
    pub fn new(words: &[(usize, Vec<f32>)]) -> Self {
        let vectors = words.iter().flat_map(|(_, vector)| vector).copied().collect();
        Self { words: words.iter().map(|(word, _)| *word).collect(), vectors }
    }
}

impl SupportedWords {
    /// Compares members with all words.
    pub fn new(centred: &Centred<'_>, rows: &[usize], table: &WordTable) -> Self {
        let dim = centred.dim();
        let members: Vec<usize> = rows.iter().step_by(rows.len().div_ceil(MEMBERS).max(1)).copied().collect();
        let mut vectors = vec![0.0f32; members.len() * dim];
        for (row, vector) in members.iter().zip(vectors.chunks_mut(dim.max(1))) {
            centred.read(*row, vector);
        }
        Self::of_vectors(&vectors, dim, table)
    }

    fn of_vectors(members: &[f32], dim: usize, table: &WordTable) -> Self {
        let nearest = nearest(members, &table.vectors, dim, NEAREST);
        let mut counts = HashMap::<usize, usize>::new();
        for of_member in &nearest {
            let words = of_member.iter().filter_map(|at| table.words.get(*at as usize));
            let supported: HashSet<usize> = words.flat_map(|word| VOCABULARY.path(*word)).collect();
            supported.into_iter().for_each(|word| *counts.entry(word).or_default() += 1);
        }
        let one_in = |word| if VOCABULARY.is_broadest(word) { ONE_IN_OF_BROADEST } else { ONE_IN };
        let supported = counts.into_iter().filter(|(word, count)| count * one_in(*word) >= nearest.len());
        Self(supported.map(|(word, _)| word).collect())
    }

    /// Whether enough members support a word.
    pub fn contain(&self, word: usize) -> bool {
        self.0.contains(&word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_few_members_are_close_to_is_not_supported_and_a_broader_one_is() {
        let axis = |at: usize| (0..30).map(|i| f32::from(u8::from(i == at))).collect::<Vec<f32>>();
        // The last of them, so that words that are as far as each other come first.
        let narrow: Vec<usize> = (0..VOCABULARY.words.len()).filter(|word| !VOCABULARY.is_broadest(*word)).collect();
        let words: Vec<(usize, Vec<f32>)> =
            narrow.iter().rev().take(30).rev().enumerate().map(|(at, word)| (*word, axis(at))).collect();
        let members: Vec<f32> = (0..9).flat_map(|at| axis(if at < 3 { 20 } else { 21 + at / 8 })).collect();
        let supported = SupportedWords::of_vectors(&members, 30, &WordTable::new(&words));
        assert!(supported.contain(words[20].0) && supported.contain(words[21].0));
        assert!(!supported.contain(words[22].0), "one of nine");
        assert!(!supported.contain(words[25].0), "none");
        assert!(VOCABULARY.path(words[21].0).all(|word| supported.contain(word)));
    }
}
