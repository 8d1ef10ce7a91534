//! Names that the user gives clusters, bound to the items of a cluster, so that they outlive the map on which they were given.

use std::sync::Arc;

use super::item::{ContentHash, ItemId};
use super::name::one_line;

/// Contents that stand for all of a cluster.
const SAMPLE: usize = 256;
/// Characters of a name.
const MAX_CHARS: usize = 80;

/// All names that the user gave in a library.
pub type ClusterNames = Vec<Arc<GivenName>>;

/// A name that the user gave a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenName {
    /// The name.
    pub name: String,
    /// What the cluster had when it got the name.
    pub members: MemberSample,
    /// The newest item of the library at that time: items that came later say nothing about whether a cluster is still the same.
    pub newest: ItemId,
}

/// A bounded sample of the contents of a cluster: those with the smallest hashes. As hashes of contents are random numbers, the
/// samples of two clusters overlap as much as the clusters (bottom-k sketch, Broder 1997).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberSample(Arc<[u64]>);

impl GivenName {
    /// What the user typed as a name: on one line, and not longer than 80 characters; empty if nothing is left.
    pub fn cleaned(typed: &str) -> String {
        one_line(typed).chars().take(MAX_CHARS).collect::<String>().trim_end().to_owned()
    }
}

impl MemberSample {
    /// The number by which a content is sampled.
    pub fn key(hash: &ContentHash) -> u64 {
        let first = hash.0.first_chunk::<8>().copied().unwrap_or_default();
        u64::from_le_bytes(first)
    }

    /// The sample of some contents.
    pub fn new(mut keys: Vec<u64>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        keys.truncate(SAMPLE);
        Self(keys.into())
    }

    /// The keys, ascending.
    pub fn keys(&self) -> &[u64] {
        &self.0
    }

    /// Every content of the cluster whose key is at most this is in the sample.
    pub fn bound(&self) -> u64 {
        if self.0.len() < SAMPLE { u64::MAX } else { self.0.last().copied().unwrap_or(u64::MAX) }
    }

    /// Whether a content is in the sample.
    pub fn contains(&self, key: u64) -> bool {
        self.0.binary_search(&key).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_holds_the_smallest_keys_once() {
        let small = MemberSample::new(vec![9, 4, 9]);
        assert_eq!((small.keys(), small.bound()), (&[4, 9][..], u64::MAX), "all of a small cluster");
        let large = MemberSample::new((0..1_000).rev().collect());
        assert_eq!((large.keys().len(), large.bound()), (SAMPLE, SAMPLE as u64 - 1));
        assert!(large.contains(0) && !large.contains(SAMPLE as u64));
        assert_eq!(MemberSample::key(&ContentHash([1; 32])), 0x0101_0101_0101_0101);
    }

    #[test]
    fn a_name_is_one_short_line() {
        assert_eq!(GivenName::cleaned("  summer\n in\tRome \u{7}"), "summer in Rome");
        assert_eq!(GivenName::cleaned(" \n"), "");
        assert_eq!(GivenName::cleaned(&"ä ".repeat(100)).chars().count(), MAX_CHARS - 1);
    }
}
