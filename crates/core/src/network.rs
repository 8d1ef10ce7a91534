//! A record of what the network was used for since the program started.

use std::sync::{Arc, Mutex, PoisonError};

/// Traffic with one host for one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkUse {
    /// Host name, with its port unless it is the default one.
    pub host: String,
    /// In a few words: "downloading models".
    pub purpose: &'static str,
    /// Requests sent.
    pub requests: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Bytes of request bodies sent.
    pub sent: u64,
}

/// A list to which everything that uses the network writes. Cheap to clone; clones share the list.
#[derive(Debug, Clone, Default)]
pub struct NetworkLedger(Arc<Mutex<Vec<NetworkUse>>>);

impl NetworkLedger {
    /// Adds requests and bytes received.
    pub fn note(&self, host: &str, purpose: &'static str, requests: u64, bytes: u64) {
        self.change(host, purpose, |known| {
            known.requests += requests;
            known.bytes += bytes;
        });
    }

    /// Adds one request with a body of `sent` bytes.
    pub fn note_sent(&self, host: &str, purpose: &'static str, sent: u64) {
        self.change(host, purpose, |known| {
            known.requests += 1;
            known.sent += sent;
        });
    }

    fn change(&self, host: &str, purpose: &'static str, change: impl FnOnce(&mut NetworkUse)) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match uses.iter_mut().find(|known| known.host == host && known.purpose == purpose) {
            Some(known) => change(known),
            None => {
                let mut fresh = NetworkUse { host: host.to_owned(), purpose, requests: 0, bytes: 0, sent: 0 };
                change(&mut fresh);
                uses.push(fresh);
            }
        }
    }

    /// All entries, in order of first use.
    pub fn uses(&self) -> Vec<NetworkUse> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_entry_per_host_and_purpose() {
        let network_log = NetworkLedger::default();
        network_log.clone().note("a", "x", 1, 10);
        network_log.note("b", "x", 1, 0);
        network_log.note("a", "x", 1, 5);
        network_log.note_sent("b", "x", 7);
        let uses = network_log.uses();
        assert_eq!(
            uses.iter().map(|u| (u.host.as_str(), u.requests, u.bytes, u.sent)).collect::<Vec<_>>(),
            [("a", 2, 15, 0), ("b", 2, 0, 7)]
        );
    }
}
