//! Names for clusters of texts, from the texts themselves: the words that many items of a cluster have and few others (class-based TF-IDF,
//! Grootendorst 2022, arXiv 2203.05794, of the items that have a word).

use std::collections::{HashMap, HashSet};

/// Words of an item that count.
const WORDS_PER_ITEM: usize = 60;
/// Shorter words say little.
const MIN_LETTERS: usize = 3;
/// Words that fewer items of a cluster have do not name it.
const MIN_ITEMS: usize = 3;

/// English words that say nothing of what a text is about. Of other languages only those are known that most texts have.
const FUNCTION_WORDS: [&str; 62] = [
    "about", "after", "all", "also", "and", "any", "are", "been", "before", "but", "can", "could", "did", "for",
    "from", "had", "has", "have", "her", "here", "him", "his", "how", "into", "its", "may", "more", "most", "not",
    "now", "off", "one", "only", "onto", "other", "our", "out", "over", "she", "some", "such", "than", "that", "the",
    "their", "them", "then", "there", "these", "they", "this", "those", "under", "was", "were", "what", "when",
    "which", "will", "with", "you", "your",
];

/// For each class its most particular words, best first, at most `most`. Each item is the class that it belongs to and its text.
pub fn particular_words<'a>(
    items: impl Iterator<Item = (usize, &'a str)>,
    classes: usize,
    most: usize,
) -> Vec<Vec<String>> {
    let mut sizes = vec![0usize; classes];
    let mut of_word: HashMap<String, HashMap<usize, usize>> = HashMap::new();
    for (class, text) in items {
        sizes[class] += 1;
        for word in words(text) {
            *of_word.entry(word).or_default().entry(class).or_default() += 1;
        }
    }
    let all = sizes.iter().sum::<usize>().max(1) as f64;
    let mut scored: Vec<Vec<(f64, String)>> = vec![Vec::new(); classes];
    for (word, counts) in of_word {
        let share_of_all = counts.values().sum::<usize>() as f64 / all;
        for (class, count) in counts.into_iter().filter(|(_, count)| *count >= MIN_ITEMS) {
            let share = count as f64 / sizes[class] as f64;
            scored[class].push((share * (share / share_of_all).ln(), word.clone()));
        }
    }
    let best = |mut words: Vec<(f64, String)>| {
        words.retain(|(score, _)| *score > 0.0);
        words.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        words.truncate(most);
        words.into_iter().map(|(_, word)| word).collect()
    };
    scored.into_iter().map(best).collect()
}

/// The different words of a text, in lower case.
fn words(text: &str) -> HashSet<String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| word.chars().count() >= MIN_LETTERS && !word.chars().all(char::is_numeric))
        .take(WORDS_PER_ITEM)
        .map(str::to_lowercase)
        .filter(|word| FUNCTION_WORDS.binary_search(&word.as_str()).is_err())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_named_by_what_its_items_share_and_others_lack() {
        let texts = [
            (0, "The wing and the boundary layer"),
            (0, "the boundary of a wing"),
            (0, "A wing in the wind, its boundary"),
            (1, "the heart and the blood"),
            (1, "blood of the heart"),
            (1, "The Heart 1999"),
        ];
        assert!(FUNCTION_WORDS.is_sorted());
        let found = particular_words(texts.into_iter(), 3, 2);
        assert_eq!(found[0], ["boundary", "wing"]);
        assert_eq!(found[1][0], "heart");
        assert!(found.iter().flatten().all(|word| word != "the" && word != "and" && word != "1999"));
        assert!(found[2].is_empty());
    }
}
