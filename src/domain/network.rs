//! What the network was used for since the program started, so that the user can be told.

use std::sync::{Arc, Mutex, PoisonError};

/// What was sent for and received from one host for one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkUse {
    /// Name of the host, with its port where that is not the usual one.
    pub host: String,
    /// In a few words: "getting models".
    pub purpose: &'static str,
    /// Requests sent.
    pub requests: u64,
    /// Bytes of answers received.
    pub bytes: u64,
}

/// A list that everyone who uses the network writes to. Cheap to clone; clones share the list.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<Vec<NetworkUse>>>);

impl Ledger {
    /// Notes requests and bytes.
    pub fn note(&self, host: &str, purpose: &'static str, requests: u64, bytes: u64) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match uses.iter_mut().find(|known| known.host == host && known.purpose == purpose) {
            Some(known) => {
                known.requests += requests;
                known.bytes += bytes;
            }
            None => uses.push(NetworkUse { host: host.to_owned(), purpose, requests, bytes }),
        }
    }

    /// All that was noted, in order of first use.
    pub fn uses(&self) -> Vec<NetworkUse> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_host_and_purpose() {
        let ledger = Ledger::default();
        ledger.clone().note("a", "x", 1, 10);
        ledger.note("b", "x", 1, 0);
        ledger.note("a", "x", 1, 5);
        let uses = ledger.uses();
        assert_eq!(
            uses.iter().map(|u| (u.host.as_str(), u.requests, u.bytes)).collect::<Vec<_>>(),
            [("a", 2, 15), ("b", 1, 0)]
        );
    }
}
