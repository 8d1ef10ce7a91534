//! Binds the names that the user gave to the clusters of a map: to those that have most of the items in common with the
//! cluster that got the name.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::Snapshot;
use vicinity_core::cluster_name::MemberSample;
use vicinity_core::{Clusters, GivenName, ItemId};

/// A cluster keeps a name if it shares at least this much with the one that got it: items of both by items of either.
const MIN_SHARED: f64 = 0.4;

/// A sample of the contents of each cluster.
pub fn samples(snapshot: &Snapshot, clusters: &Clusters) -> Vec<MemberSample> {
    let mut keys: Vec<Vec<u64>> = vec![Vec::new(); clusters.all.len()];
    for (row, item) in snapshot.items().enumerate().take(clusters.of_rows.len()) {
        let key = MemberSample::key(&item.hash);
        for at in clusters.of_row(row) {
            if let Some(keys) = keys.get_mut(at as usize) {
                keys.push(key);
            }
        }
    }
    keys.into_iter().map(MemberSample::new).collect()
}

/// Gives clusters the names that are theirs; those of other clusters wait for a map that has them.
pub fn bind(snapshot: &Snapshot, clusters: &mut Clusters, names: &[Arc<GivenName>]) {
    let overlaps = names.iter().enumerate().flat_map(|(at, given)| {
        let shared = shared(snapshot, clusters, given).into_iter();
        shared.filter(|(_, share)| *share >= MIN_SHARED).map(move |(cluster, share)| (share, cluster, at))
    });
    let mut overlaps: Vec<(f64, u32, usize)> = overlaps.collect();
    let count = |cluster: u32| clusters.all.get(cluster as usize).map_or(0, |cluster| cluster.count);
    // The smaller of two that share as much: the other has it as a part.
    overlaps.sort_by(|a, b| b.0.total_cmp(&a.0).then(count(a.1).cmp(&count(b.1))).then((a.1, a.2).cmp(&(b.1, b.2))));
    let (mut taken, mut used) = (HashSet::new(), HashSet::new());
    for (_, cluster, at) in overlaps {
        if taken.contains(&cluster) || used.contains(&at) {
            continue;
        }
        if let (Some(cluster), Some(given)) = (clusters.all.get_mut(cluster as usize), names.get(at)) {
            cluster.given = Some(Arc::clone(given));
        }
        taken.insert(cluster);
        used.insert(at);
    }
}

/// What each cluster shares with the one that got a name. Items that are newer than the name and contents that have gone do not count.
fn shared(snapshot: &Snapshot, clusters: &Clusters, given: &GivenName) -> HashMap<u32, f64> {
    let bound = given.members.bound();
    let was_there = |id: ItemId, key: u64| id <= given.newest || given.members.contains(key);
    let mut seen = HashSet::new();
    // Of each cluster: contents of the sample, and all that could have been in it.
    let mut counts: HashMap<u32, [usize; 2]> = HashMap::new();
    let mut present = 0;
    for (row, item) in snapshot.items().enumerate().take(clusters.of_rows.len()) {
        let key = MemberSample::key(&item.hash);
        if key > bound || !was_there(item.id, key) || !seen.insert(key) {
            continue;
        }
        let is_member = given.members.contains(key);
        present += usize::from(is_member);
        for at in clusters.of_row(row) {
            let [both, all] = counts.entry(at).or_default();
            (*both, *all) = (*both + usize::from(is_member), *all + 1);
        }
    }
    let share = |[both, all]: [usize; 2]| both as f64 / (present + all - both).max(1) as f64;
    counts.into_iter().map(|(at, counts)| (at, share(counts))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visible::tests::{item, of_chunks_with_roots};
    use vicinity_core::{Cluster, ContentHash, Item};

    /// A library whose items have the contents `contents`; later ones are newer.
    fn library(contents: impl Iterator<Item = u64>) -> Arc<Snapshot> {
        let of = |(at, content): (usize, u64)| {
            // Random, as hashes are.
            let hash = ContentHash(*blake3::hash(&content.to_le_bytes()).as_bytes());
            Item { hash, ..item(at) }
        };
        of_chunks_with_roots(vec![Arc::new(contents.enumerate().map(of).collect())], &[])
    }

    /// Clusters, each with its parent, and the finest cluster of each row.
    fn clusters(snapshot: &Snapshot, parents: &[Option<u32>], of_row: impl Fn(usize) -> u32) -> Clusters {
        let all = parents.iter().map(|parent| Cluster { parent: *parent, ..Cluster::default() }).collect();
        let of_rows: Arc<[u32]> = (0..snapshot.len()).map(of_row).collect();
        let mut found = Clusters { all, of_rows, ..Clusters::default() };
        let counts = found.count_rows(0..snapshot.len());
        let members = samples(snapshot, &found);
        for ((cluster, members), count) in found.all.iter_mut().zip(members).zip(counts) {
            (cluster.members, cluster.count) = (members, count);
        }
        found
    }

    fn named(snapshot: &Snapshot, clusters: &Clusters, at: usize, name: &str) -> Arc<GivenName> {
        let newest = snapshot.items().map(|item| item.id).max().expect("an item");
        Arc::new(GivenName { name: name.to_owned(), members: clusters.all[at].members.clone(), newest })
    }

    fn names(clusters: &Clusters) -> Vec<Option<&str>> {
        clusters.all.iter().map(Cluster::name).collect()
    }

    /// Of 2,000 items the first 600 are one cluster, the next 600 another, and the rest a third.
    fn first_map() -> (Arc<Snapshot>, Clusters) {
        let snapshot = library(0..2_000);
        let found = clusters(&snapshot, &[None; 3], |row| (row / 600).min(2) as u32);
        (snapshot, found)
    }

    #[test]
    fn a_name_stays_with_its_items_when_the_map_grows_and_changes() {
        let (snapshot, before) = first_map();
        let given = [named(&snapshot, &before, 0, "trip to Rome"), named(&snapshot, &before, 1, "garden")];
        // Four times as many items; the clusters come in another order, grow, have lost a tenth, and are parts of a larger one.
        let grown = library(0..8_000);
        let of_row = |row: usize| match row {
            row if row % 10 == 9 => 3,
            0..600 | 2_000..4_000 => 2,
            600..1_200 | 4_000..6_000 => 1,
            _ => 3,
        };
        let mut after = clusters(&grown, &[None, Some(0), Some(0), None], of_row);
        bind(&grown, &mut after, &given);
        assert_eq!(names(&after), [None, Some("garden"), Some("trip to Rome"), None]);
    }

    #[test]
    fn a_name_is_lost_on_no_cluster_that_shares_little_and_comes_back_with_its_items() {
        let (snapshot, before) = first_map();
        let given = [named(&snapshot, &before, 0, "trip to Rome")];
        let mut mixed = clusters(&snapshot, &[None; 3], |row| (row % 3) as u32);
        bind(&snapshot, &mut mixed, &given);
        assert_eq!(names(&mixed), [None; 3]);
        let mut again = clusters(&snapshot, &[None; 3], |row| 2 - (row / 600).min(2) as u32);
        bind(&snapshot, &mut again, &given);
        assert_eq!(names(&again), [None, None, Some("trip to Rome")]);
    }

    #[test]
    fn files_that_were_moved_are_the_same_contents() {
        let (snapshot, before) = first_map();
        let given =
            [Arc::new(GivenName { newest: ItemId(0), ..GivenName::clone(&named(&snapshot, &before, 1, "garden")) })];
        let moved = library((0..2_000).rev());
        let mut after =
            clusters(&moved, &[None, Some(0), Some(0)], |row| if (800..1_400).contains(&row) { 1 } else { 2 });
        bind(&moved, &mut after, &given);
        assert_eq!(names(&after), [None, Some("garden"), None]);
    }

    #[test]
    fn two_names_never_go_to_one_cluster() {
        let (snapshot, before) = first_map();
        let given = [named(&snapshot, &before, 0, "first"), named(&snapshot, &before, 0, "second")];
        let mut after = before.clone();
        bind(&snapshot, &mut after, &given);
        assert_eq!(names(&after), [Some("first"), None, None]);
    }
}
