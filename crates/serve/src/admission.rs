//! Limits the number of open connections, in all and per address, and decides which one is closed for a new one.
//!
//! A connection costs its owner nothing, so a client that opens many idle ones must not lock others out: the one that
//! has done the least is closed. Never one whose request is complete, and never one that has only just connected.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

/// Open connections at one time; further ones wait.
pub(super) const MAX_CONNECTIONS: usize = 256;
/// Connections from one remote machine.
const MAX_PER_REMOTE: usize = 64;
/// Connections from this machine, where all clients share one address; unless only this machine can connect.
const MAX_FROM_LOCALHOST: usize = 192;
/// How long a connection may be idle before it can be closed for another one.
const GRACE: Duration = Duration::from_secs(1);
/// Bytes per second; a connection whose body arrives more slowly may be closed.
const RATE: f64 = 65_536.0;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing has been received yet.
    New,
    /// Waiting for the next request.
    Idle,
    /// Receiving the head of a request.
    Head,
    /// Receiving its body.
    Body,
    /// The request is being processed.
    Busy,
    /// Sending the response.
    Response,
}

/// What a connection is doing, since when, and how many bytes it has received since.
#[derive(Debug, Clone, Copy)]
pub(super) struct ActivityState {
    pub phase: Phase,
    pub since: Instant,
    received: u64,
}

/// The shared [`ActivityState`] of one connection. Cheap to clone.
#[derive(Clone)]
pub(super) struct Activity(Arc<Mutex<ActivityState>>);

impl Activity {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(ActivityState { phase: Phase::New, since: Instant::now(), received: 0 })))
    }

    fn lock(&self) -> MutexGuard<'_, ActivityState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current state.
    pub fn now(&self) -> ActivityState {
        *self.lock()
    }

    /// Records received bytes.
    pub fn received(&self, bytes: usize) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::New | Phase::Idle) {
            *state = ActivityState { phase: Phase::Head, since: Instant::now(), received: 0 };
        }
        state.received += bytes as u64;
    }

    /// Enters another phase.
    pub fn enter(&self, phase: Phase) {
        *self.lock() = ActivityState { phase, since: Instant::now(), received: 0 };
    }

    /// Records that everything written has been sent.
    pub fn flushed(&self) {
        if self.now().phase == Phase::Response {
            self.enter(Phase::Idle);
        }
    }
}

impl ActivityState {
    /// How much it is worth keeping: the connection with the smallest value is closed first. `None`: it is kept.
    fn priority(&self, now: Instant) -> Option<(u8, f64)> {
        let age = now.saturating_duration_since(self.since);
        let by_age = -age.as_secs_f64();
        let rate = self.received as f64 / age.as_secs_f64().max(f64::MIN_POSITIVE);
        let priority = match self.phase {
            Phase::New => (0, by_age),
            Phase::Head => (1, by_age),
            Phase::Body if rate < RATE => (2, rate),
            Phase::Idle => (3, by_age),
            Phase::Body | Phase::Busy | Phase::Response => return None,
        };
        (age >= GRACE).then_some(priority)
    }
}

struct Entry {
    address: IpAddr,
    activity: Activity,
    close: oneshot::Sender<()>,
}

/// Why a connection was not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AdmissionError {
    /// All connections are in use.
    Full,
    /// The client already has the maximum for one address.
    TooManyFromAddress,
}

#[derive(Default)]
struct Registry {
    next: u64,
    all: HashMap<u64, Entry>,
}

/// The open connections. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connections {
    shared: Arc<(Mutex<Registry>, Notify)>,
    max_from_localhost: usize,
}

/// A counted connection; frees its slot when dropped.
pub(super) struct ConnectionSlot {
    pub activity: Activity,
    /// Fires when the connection has to be closed for another one.
    pub closed: oneshot::Receiver<()>,
    number: u64,
    connections: Connections,
}

impl Connections {
    /// `loopback_only`: only this machine can connect.
    pub fn new(loopback_only: bool) -> Self {
        Self {
            shared: Arc::default(),
            max_from_localhost: if loopback_only { MAX_CONNECTIONS } else { MAX_FROM_LOCALHOST },
        }
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of open connections.
    pub fn count(&self) -> usize {
        self.lock().all.len()
    }

    /// A slot for a client at `address`, closing another connection if necessary.
    ///
    /// # Errors
    /// When no other connection can be closed for it now.
    pub fn admit(&self, address: IpAddr) -> Result<ConnectionSlot, AdmissionError> {
        let address = client_network(address);
        let mut registry = self.lock();
        let own = registry.all.values().filter(|entry| entry.address == address).count();
        let most = if address.is_loopback() { self.max_from_localhost } else { MAX_PER_REMOTE };
        if own >= most && own < MAX_CONNECTIONS {
            registry.close_one(|entry| entry.address == address).ok_or(AdmissionError::TooManyFromAddress)?;
        } else if registry.all.len() >= MAX_CONNECTIONS {
            registry.close_one(|_| true).ok_or(AdmissionError::Full)?;
        }
        let (close, closed) = oneshot::channel();
        let (number, activity) = (registry.next, Activity::new());
        registry.next += 1;
        registry.all.insert(number, Entry { address, activity: activity.clone(), close });
        Ok(ConnectionSlot { activity, closed, number, connections: self.clone() })
    }

    /// Like [`Self::admit`], but waits for a slot.
    pub async fn wait(&self, address: IpAddr) -> ConnectionSlot {
        loop {
            let freed = self.shared.1.notified();
            if let Ok(slot) = self.admit(address) {
                return slot;
            }
            // A silent connection becomes closable by time alone.
            let _either = tokio::time::timeout(GRACE / 4, freed).await;
        }
    }
}

impl Registry {
    /// Closes the connection that has done the least, among those that `may` be closed.
    fn close_one(&mut self, may: impl Fn(&Entry) -> bool) -> Option<()> {
        let now = Instant::now();
        let priorities = self.all.iter().filter(|(_, entry)| may(entry));
        let priorities = priorities.filter_map(|(number, entry)| Some((entry.activity.now().priority(now)?, *number)));
        let least = priorities.min_by(|((a, x), _), ((b, y), _)| a.cmp(b).then(x.total_cmp(y)))?.1;
        // The receiver is gone if its task has ended meanwhile.
        let _sent = self.all.remove(&least)?.close.send(());
        Some(())
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.connections.lock().all.remove(&self.number);
        self.connections.shared.1.notify_one();
    }
}

/// What counts as one client: an IPv4 address, or a /64 IPv6 network, since one machine has 2^64 addresses in it.
fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        // all of 127.0.0.0/8 is this machine
        here if here.is_loopback() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn other(machine: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, machine))
    }

    fn fill(connections: &Connections, address: IpAddr, count: usize) -> Vec<ConnectionSlot> {
        (0..count).map(|_| connections.admit(address).unwrap_or_else(|_| panic!("a slot"))).collect()
    }

    fn is_closed(slot: &mut ConnectionSlot) -> bool {
        slot.closed.try_recv().is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_closed_for_a_new_one() {
        let connections = Connections::new(false);
        let mut silent = fill(&connections, LOCALHOST, MAX_FROM_LOCALHOST);
        assert!(connections.admit(LOCALHOST).is_err(), "all have only just connected");
        tokio::time::advance(GRACE).await;
        silent[0].activity.received(1);
        let busy = connections.admit(LOCALHOST).unwrap_or_else(|_| panic!("a slot"));
        assert!(!is_closed(&mut silent[0]), "it has begun to send");
        assert_eq!(silent.iter_mut().filter_map(|slot| is_closed(slot).then_some(())).count(), 1);
        busy.activity.enter(Phase::Busy);
        assert_eq!(connections.count(), MAX_FROM_LOCALHOST);
        drop(silent);
        assert_eq!(connections.count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_complete_request_is_answered() {
        let connections = Connections::new(false);
        let all = fill(&connections, LOCALHOST, MAX_FROM_LOCALHOST);
        all.iter().for_each(|slot| slot.activity.enter(Phase::Busy));
        all[0].activity.enter(Phase::Body);
        all[1].activity.enter(Phase::Body);
        tokio::time::advance(GRACE * 10).await;
        all[1].activity.received(10 << 20);
        let mut all = all;
        let newer = connections.admit(LOCALHOST);
        assert!(newer.is_ok(), "in place of a body that does not arrive");
        assert!(is_closed(&mut all[0]) && !is_closed(&mut all[1]));
        assert!(connections.admit(LOCALHOST).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn one_machine_cannot_lock_out_another() {
        let connections = Connections::new(false);
        let busy = fill(&connections, other(1), MAX_PER_REMOTE);
        busy.iter().for_each(|slot| slot.activity.enter(Phase::Busy));
        tokio::time::advance(GRACE * 10).await;
        assert!(connections.admit(other(1)).is_err(), "it has its maximum");
        assert!(connections.admit(other(2)).is_ok() && connections.admit(LOCALHOST).is_ok());
        let v6 = |last: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last));
        assert_eq!(client_network(v6(1)), client_network(v6(2)));
        assert_eq!(client_network(other(1)), client_network(IpAddr::V6(Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped())));
        assert!(client_network(IpAddr::V4(Ipv4Addr::new(127, 3, 2, 1))).is_loopback());
        let here = fill(&connections, LOCALHOST, MAX_FROM_LOCALHOST);
        here.iter().for_each(|slot| slot.activity.enter(Phase::Busy));
        assert_eq!(connections.admit(LOCALHOST).err(), Some(AdmissionError::TooManyFromAddress));
        let alone = Connections::new(true);
        let all = fill(&alone, LOCALHOST, MAX_CONNECTIONS);
        assert_eq!((alone.admit(LOCALHOST).err(), all.len()), (Some(AdmissionError::Full), MAX_CONNECTIONS));
    }

    #[test]
    fn a_connection_goes_from_one_request_to_the_next() {
        let activity = Activity::new();
        let phase = || activity.now().phase;
        activity.received(3);
        assert_eq!(phase(), Phase::Head);
        activity.flushed();
        assert_eq!(phase(), Phase::Head, "no response was sent");
        activity.enter(Phase::Response);
        activity.flushed();
        assert_eq!(phase(), Phase::Idle);
    }
}
