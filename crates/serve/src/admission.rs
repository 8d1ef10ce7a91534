//! Which connections are kept: so many at once and so many of one address, and which has to go where there are more.
//!
//! A connection costs its owner nothing, so whoever opens many and says nothing must not keep others out: for a new
//! one the one goes that has done the least. Never one whose request is complete, nor one that has only just come.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

/// Connections at one time; more wait.
pub(super) const MOST: usize = 256;
/// Of one other machine.
const MOST_ELSEWHERE: usize = 64;
/// Of this machine, where all callers have one address, unless nobody else can come.
const MOST_HERE: usize = 192;
/// A connection may do nothing for so long before it can be closed for another one.
const GRACE: Duration = Duration::from_secs(1);
/// Bytes a second; a body that brings fewer may have to go.
const RATE: f64 = 65_536.0;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing has come yet.
    New,
    /// Waits for the next request.
    Idle,
    /// Sends the head of a request.
    Head,
    /// Sends its body.
    Body,
    /// Waits for the answer.
    Busy,
    /// Takes the answer.
    Answer,
}

/// What a connection is doing, since when, and how many bytes have come since.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doing {
    pub phase: Phase,
    pub since: Instant,
    received: u64,
}

/// [`Doing`] of one connection, as all see it that work on it. Cheap to clone.
#[derive(Clone)]
pub(super) struct Activity(Arc<Mutex<Doing>>);

impl Activity {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Doing { phase: Phase::New, since: Instant::now(), received: 0 })))
    }

    fn lock(&self) -> MutexGuard<'_, Doing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As of now.
    pub fn now(&self) -> Doing {
        *self.lock()
    }

    /// Bytes came.
    pub fn received(&self, bytes: usize) {
        let mut doing = self.lock();
        if matches!(doing.phase, Phase::New | Phase::Idle) {
            *doing = Doing { phase: Phase::Head, since: Instant::now(), received: 0 };
        }
        doing.received += bytes as u64;
    }

    /// Something else begins.
    pub fn begins(&self, phase: Phase) {
        *self.lock() = Doing { phase, since: Instant::now(), received: 0 };
    }

    /// All that was written has been taken.
    pub fn flushed(&self) {
        if self.now().phase == Phase::Answer {
            self.begins(Phase::Idle);
        }
    }
}

impl Doing {
    /// How gladly it is closed for another connection: the smaller, the sooner. `None` where it stays.
    fn worth(&self, now: Instant) -> Option<(u8, f64)> {
        let age = now.saturating_duration_since(self.since);
        let by_age = -age.as_secs_f64();
        let rate = self.received as f64 / age.as_secs_f64().max(f64::MIN_POSITIVE);
        let worth = match self.phase {
            Phase::New => (0, by_age),
            Phase::Head => (1, by_age),
            Phase::Body if rate < RATE => (2, rate),
            Phase::Idle => (3, by_age),
            Phase::Body | Phase::Busy | Phase::Answer => return None,
        };
        (age >= GRACE).then_some(worth)
    }
}

struct Entry {
    address: IpAddr,
    activity: Activity,
    close: oneshot::Sender<()>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Nobody has one.
    Full,
    /// The caller has as many as one may have.
    Enough,
}

#[derive(Default)]
struct Registry {
    next: u64,
    all: HashMap<u64, Entry>,
}

/// The connections there are. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connections {
    shared: Arc<(Mutex<Registry>, Notify)>,
    most_here: usize,
}

/// A connection's place; leaves it when dropped.
pub(super) struct Place {
    pub activity: Activity,
    /// Hears when the connection has to go for another one.
    pub closed: oneshot::Receiver<()>,
    number: u64,
    connections: Connections,
}

impl Connections {
    /// `alone`: only this machine can come.
    pub fn new(alone: bool) -> Self {
        Self { shared: Arc::default(), most_here: if alone { MOST } else { MOST_HERE } }
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().all.len()
    }

    /// A place for a caller from `address`, if need be another's.
    ///
    /// # Errors
    /// When no other can go for it now.
    pub fn admit(&self, address: IpAddr) -> Result<Place, Refused> {
        let address = neighbourhood(address);
        let mut registry = self.lock();
        let own = registry.all.values().filter(|entry| entry.address == address).count();
        let most = if address.is_loopback() { self.most_here } else { MOST_ELSEWHERE };
        if own >= most && own < MOST {
            registry.close_one(|entry| entry.address == address).ok_or(Refused::Enough)?;
        } else if registry.all.len() >= MOST {
            registry.close_one(|_| true).ok_or(Refused::Full)?;
        }
        let (close, closed) = oneshot::channel();
        let (number, activity) = (registry.next, Activity::new());
        registry.next += 1;
        registry.all.insert(number, Entry { address, activity: activity.clone(), close });
        Ok(Place { activity, closed, number, connections: self.clone() })
    }

    /// As [`Self::admit`], but waits for a place.
    pub async fn wait(&self, address: IpAddr) -> Place {
        loop {
            let freed = self.shared.1.notified();
            if let Ok(place) = self.admit(address) {
                return place;
            }
            // Time alone makes a silent connection one that can go.
            let _either = tokio::time::timeout(GRACE / 4, freed).await;
        }
    }
}

impl Registry {
    /// Closes the connection that has done the least, of those that `may` go.
    fn close_one(&mut self, may: impl Fn(&Entry) -> bool) -> Option<()> {
        let now = Instant::now();
        let worths = self.all.iter().filter(|(_, entry)| may(entry));
        let worths = worths.filter_map(|(number, entry)| Some((entry.activity.now().worth(now)?, *number)));
        let least = worths.min_by(|((a, x), _), ((b, y), _)| a.cmp(b).then(x.total_cmp(y)))?.1;
        // whose task has ended meanwhile needs not be told
        let _told = self.all.remove(&least)?.close.send(());
        Some(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.lock().all.remove(&self.number);
        self.connections.shared.1.notify_one();
    }
}

/// What counts as one caller: an address of IPv4, a network of IPv6, of which one machine has 2^64 addresses.
fn neighbourhood(address: IpAddr) -> IpAddr {
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

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn other(machine: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, machine))
    }

    fn fill(connections: &Connections, address: IpAddr, count: usize) -> Vec<Place> {
        (0..count).map(|_| connections.admit(address).unwrap_or_else(|_| panic!("a place"))).collect()
    }

    fn is_closed(place: &mut Place) -> bool {
        place.closed.try_recv().is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_goes_for_who_comes() {
        let connections = Connections::new(false);
        let mut silent = fill(&connections, HERE, MOST_HERE);
        assert!(connections.admit(HERE).is_err(), "all have only just come");
        tokio::time::advance(GRACE).await;
        silent[0].activity.received(1);
        let busy = connections.admit(HERE).unwrap_or_else(|_| panic!("a place"));
        assert!(!is_closed(&mut silent[0]), "it has begun to speak");
        assert_eq!(silent.iter_mut().filter_map(|place| is_closed(place).then_some(())).count(), 1);
        busy.activity.begins(Phase::Busy);
        assert_eq!(connections.count(), MOST_HERE);
        drop(silent);
        assert_eq!(connections.count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_asked_is_answered() {
        let connections = Connections::new(false);
        let all = fill(&connections, HERE, MOST_HERE);
        all.iter().for_each(|place| place.activity.begins(Phase::Busy));
        all[0].activity.begins(Phase::Body);
        all[1].activity.begins(Phase::Body);
        tokio::time::advance(GRACE * 10).await;
        all[1].activity.received(10 << 20);
        let mut all = all;
        let newer = connections.admit(HERE);
        assert!(newer.is_ok(), "for a body that does not come");
        assert!(is_closed(&mut all[0]) && !is_closed(&mut all[1]));
        assert!(connections.admit(HERE).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn one_machine_does_not_keep_another_out() {
        let connections = Connections::new(false);
        let busy = fill(&connections, other(1), MOST_ELSEWHERE);
        busy.iter().for_each(|place| place.activity.begins(Phase::Busy));
        tokio::time::advance(GRACE * 10).await;
        assert!(connections.admit(other(1)).is_err(), "it has enough");
        assert!(connections.admit(other(2)).is_ok() && connections.admit(HERE).is_ok());
        let v6 = |last: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last));
        assert_eq!(neighbourhood(v6(1)), neighbourhood(v6(2)));
        assert_eq!(neighbourhood(other(1)), neighbourhood(IpAddr::V6(Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped())));
        assert!(neighbourhood(IpAddr::V4(Ipv4Addr::new(127, 3, 2, 1))).is_loopback());
        let here = fill(&connections, HERE, MOST_HERE);
        here.iter().for_each(|place| place.activity.begins(Phase::Busy));
        assert_eq!(connections.admit(HERE).err(), Some(Refused::Enough));
        let alone = Connections::new(true);
        let all = fill(&alone, HERE, MOST);
        assert_eq!((alone.admit(HERE).err(), all.len()), (Some(Refused::Full), MOST));
    }

    #[test]
    fn a_connection_goes_from_one_request_to_the_next() {
        let activity = Activity::new();
        let phase = || activity.now().phase;
        activity.received(3);
        assert_eq!(phase(), Phase::Head);
        activity.flushed();
        assert_eq!(phase(), Phase::Head, "nothing was answered");
        activity.begins(Phase::Answer);
        activity.flushed();
        assert_eq!(phase(), Phase::Idle);
    }
}
