//! Names for clusters from what the user calls the items: their keywords, and the labels that they were given.

use std::collections::{BTreeSet, HashMap};

use crate::Snapshot;
use vicinity_core::LabelledItems;

/// A word names a cluster if at least this share of its items has it,
const MIN_SHARE: f64 = 0.5;
/// so many times the share of all other items,
const MIN_LIFT: f64 = 3.0;
/// and at least so many items.
const MIN_ITEMS: usize = 3;

/// For each cluster the words that cover it far better than the others, best first, at most `most`. `rows` stand for each cluster.
pub fn own_words(
    snapshot: &Snapshot,
    labels: Option<&LabelledItems>,
    rows: &[&[usize]],
    most: usize,
) -> Vec<Vec<String>> {
    let mut counts: HashMap<&str, HashMap<usize, usize>> = HashMap::new();
    for (cluster, rows) in rows.iter().enumerate() {
        for word in rows.iter().flat_map(|row| words(snapshot, labels, *row)) {
            *counts.entry(word).or_default().entry(cluster).or_default() += 1;
        }
    }
    let all: usize = rows.iter().map(|rows| rows.len()).sum();
    let mut scored: Vec<Vec<(f64, &str)>> = vec![Vec::new(); rows.len()];
    for (word, counts) in counts {
        let having: usize = counts.values().sum();
        for (cluster, count) in counts.into_iter().filter(|(_, count)| *count >= MIN_ITEMS) {
            let items = rows[cluster].len();
            let share = count as f64 / items as f64;
            let elsewhere = (having - count) as f64 / (all - items).max(1) as f64;
            if share >= MIN_SHARE && share >= MIN_LIFT * elsewhere {
                scored[cluster].push((share * (share * all as f64 / having as f64).ln(), word));
            }
        }
    }
    let best = |mut words: Vec<(f64, &str)>| {
        words.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        words.into_iter().take(most).map(|(_, word)| word.to_owned()).collect()
    };
    scored.into_iter().map(best).collect()
}

/// The different words of an item; each level of a keyword path is one.
fn words<'a>(snapshot: &'a Snapshot, labels: Option<&'a LabelledItems>, row: usize) -> BTreeSet<&'a str> {
    let keywords = snapshot.photo(row).into_iter().flat_map(|photo| photo.keywords.iter());
    let levels = keywords.flat_map(|keyword| keyword.split('|')).map(str::trim);
    let label = || labels?.set.labels.get(labels?.best.get(&snapshot.item(row)?.id)?.label);
    levels.chain(label().map(String::as_str)).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::snapshot::{PhotoChunk, SnapshotParts};
    use crate::visible::tests::{item, of_chunks_with_roots};
    use vicinity_core::{ItemId, LabelScore, LabelSet, PhotoSummary};

    /// Twenty photos; the first half is of golf, and all have a keyword that says nothing.
    fn snapshot() -> Arc<Snapshot> {
        let photo = |row: usize| {
            let words: &[&str] = if row < 10 { &["holiday", "sport|golf"] } else { &["holiday"] };
            let keywords = words.iter().map(|word| Arc::from(*word)).collect();
            Some(PhotoSummary { keywords, ..PhotoSummary::default() })
        };
        let photos: PhotoChunk = (0..20).map(photo).collect();
        let bare = of_chunks_with_roots(vec![Arc::new((0..20).map(item).collect())], &[]);
        Arc::new(Snapshot::new(SnapshotParts { photos: vec![Arc::new(photos)], ..bare.parts().clone() }))
    }

    #[test]
    fn a_keyword_names_a_cluster_that_it_covers_and_others_lack() {
        let snapshot = snapshot();
        let rows: [&[usize]; 2] = [&[0, 1, 2, 3, 4, 5, 6, 7, 8, 12], &[10, 11, 9, 13, 14, 15, 16, 17, 18, 19]];
        let found = own_words(&snapshot, None, &rows, 2);
        assert_eq!(found, [vec!["golf".to_owned(), "sport".to_owned()], Vec::new()]);
    }

    #[test]
    fn so_does_a_label() {
        let snapshot = snapshot();
        let best = (10..14).map(|row| (ItemId(row * 2), LabelScore { label: 0, score: 1.0, share: 1.0 })).collect();
        let set = LabelSet { name: String::new(), labels: vec!["beaches".to_owned()] };
        let labels = LabelledItems { set, best };
        let rows: [&[usize]; 2] = [&[0, 1, 2, 3], &[10, 11, 12, 13, 14]];
        assert_eq!(own_words(&snapshot, Some(&labels), &rows, 3)[1], ["beaches"]);
    }
}
