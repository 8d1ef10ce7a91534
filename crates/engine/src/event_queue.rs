//! Events on their way out. Sending never blocks, however slowly the receiver reads, and nothing piles up: where only the
//! latest event of a kind counts it has one slot; the others wait in a queue that their senders keep short.
//!
//! One thread moves the events into the bounded channel that the receiver reads, and wakes the receiver.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, TrySendError, bounded};

use super::{Event, Notice, SearchSlot, Severity};
use vicinity_core::worker::{Inbox, Task, Worker, catch_panic};

/// Snapshots and progress are sent at most this often.
const INTERVAL: Duration = Duration::from_millis(100);
/// Events that wait for the receiver.
const BOUND: usize = 64;
/// The queue holds at most this many; the oldest are dropped first, except what somebody may be waiting for.
const QUEUE: usize = 512;
/// Slots are sent in order: a snapshot before anything that refers to its rows.
const SLOTS: usize = 16;

#[derive(Default)]
struct Pending {
    slots: [Option<Event>; SLOTS],
    queue: VecDeque<Event>,
    urgent: bool,
}

/// Where the engine's threads send their events. Cheap to clone.
#[derive(Clone, Default)]
pub struct EventSender(Inbox<Pending>);

impl EventSender {
    /// The end for senders, the end that the receiver reads, and the thread between them. `wake` is called after events
    /// were sent.
    pub fn start(wake: impl Fn() + Send + 'static) -> std::io::Result<(Self, Receiver<Event>, Worker)> {
        let event_sender = Self::default();
        let (sender, receiver) = bounded(BOUND);
        let forwarder = EventForwarder { pending: event_sender.0.clone(), sender, wake, flushed: None };
        let worker = Worker::serve("events", &event_sender.0, forwarder)?;
        Ok((event_sender, receiver, worker))
    }

    /// Queues an event for the receiver.
    pub fn send(&self, event: Event) {
        self.0.update(|pending| {
            pending.urgent |= matches!(
                event,
                Event::SearchDone { .. } | Event::AxesDone { .. } | Event::ImportFinished(_) | Event::Layout(_)
            );
            match slot(&event) {
                Some(slot) => pending.slots[slot] = Some(event),
                None => {
                    if pending.queue.len() >= QUEUE
                        && let Some(oldest) = pending.queue.iter().position(may_be_dropped)
                    {
                        pending.queue.remove(oldest);
                    }
                    pending.queue.push_back(event);
                }
            }
        });
    }

    /// Sends once the queue is short: for threads that send many events and may wait.
    pub fn send_ordered(&self, event: Event) {
        self.0.wait(|pending, closed| (closed || pending.queue.len() < BOUND).then_some(()));
        self.send(event);
    }

    /// Sends a message for the status bar.
    pub fn notice(&self, severity: Severity, text: impl Into<String>) {
        self.send(Event::Notice(Notice { severity, text: text.into() }));
    }
}

fn slot(event: &Event) -> Option<usize> {
    match event {
        Event::Snapshot(_) => Some(0),
        Event::Failures(_) => Some(1),
        Event::Layout(_) => Some(2),
        Event::LayoutProgress(_) => Some(3),
        Event::Progress(_) => Some(4),
        Event::SearchDone { slot: SearchSlot::Results, .. } => Some(5),
        Event::SearchDone { slot: SearchSlot::Neighbours, .. } => Some(6),
        Event::LabelDone { .. } => Some(7),
        Event::Skipped(_) => Some(8),
        Event::Unfinished(_) => Some(9),
        Event::FactsProgress(_) => Some(10),
        Event::TextProgress(_) => Some(11),
        Event::PictureTextFound { .. } => Some(12),
        Event::Clusters(_) => Some(13),
        Event::MapQuality(_) => Some(14),
        Event::AxesDone { .. } => Some(15),
        Event::ImportFinished(_) | Event::Thumbnail(..) | Event::Preview(..) => None,
        Event::Facts(..) | Event::PictureText(..) => None,
        Event::Suggested { .. } => None,
        // At most one for each request.
        Event::Visible(_) | Event::Folders(_) | Event::FactCounts(_) | Event::Histograms(_) => None,
        Event::Compacted(_) | Event::Duplicates(_) => None,
        Event::Model(_) | Event::Notice(_) | Event::ServiceFailed(_) => None,
        Event::OpenRequested(_) | Event::StoredLabels(_) | Event::ClusterNames(_) | Event::GraphMeasures(_) => None,
    }
}

/// Ends of imports, answers and errors must arrive, however many there are; their number is bounded by the work done.
fn may_be_dropped(event: &Event) -> bool {
    match event {
        Event::Notice(notice) => notice.severity != Severity::Error,
        Event::Thumbnail(..) => true,
        _ => false,
    }
}

struct EventForwarder<W> {
    pending: Inbox<Pending>,
    sender: Sender<Event>,
    wake: W,
    flushed: Option<Instant>,
}

impl<W: Fn() + Send + 'static> Task for EventForwarder<W> {
    /// What is to be sent now, in this order.
    type Request = VecDeque<Event>;

    fn next(&mut self) -> Option<Self::Request> {
        let due = self.flushed.map_or_else(Instant::now, |at| at + INTERVAL);
        self.pending.take(|pending| pending.has_news().then_some(()))?;
        self.pending.wait_until(due, |pending, closed| (closed || pending.cannot_wait()).then_some(()));
        let all = Instant::now() >= due;
        if all {
            self.flushed = Some(Instant::now());
        }
        self.pending.take(|pending| Some(pending.take(all)))
    }

    fn handle(&mut self, events: &mut Self::Request) {
        while let Some(event) = events.pop_front() {
            self.send(event);
        }
        self.wake();
    }

    fn recover(&mut self, _: Option<&mut Self::Request>, reason: &str) {
        // the receiver learns of the end by the end of the channel
        log::error!("events could not be forwarded: {reason}");
    }
}

impl<W: Fn()> EventForwarder<W> {
    /// A receiver that cannot be woken gets its events all the same, the next time it looks.
    fn wake(&self) {
        if let Err(reason) = catch_panic(|| (self.wake)()) {
            log::error!("the receiver of events could not be woken: {reason}");
        }
    }

    /// Waits while the channel is full. Once nobody reads it any more, there is nothing left to do.
    fn send(&self, event: Event) {
        let mut event = match self.sender.try_send(event) {
            Ok(()) => return,
            Err(TrySendError::Disconnected(_)) => return self.pending.close(),
            Err(TrySendError::Full(event)) => event,
        };
        // the receiver may be asleep with a full channel
        self.wake();
        while !self.pending.is_closed() {
            match self.sender.send_timeout(event, INTERVAL) {
                Ok(()) => return,
                Err(SendTimeoutError::Disconnected(_)) => return self.pending.close(),
                Err(SendTimeoutError::Timeout(back)) => event = back,
            }
        }
    }
}

impl Pending {
    fn has_news(&self) -> bool {
        !self.queue.is_empty() || self.slots.iter().any(Option::is_some)
    }

    fn cannot_wait(&self) -> bool {
        self.urgent || !self.queue.is_empty()
    }

    /// The queue, and before it the slots where `all` is asked or something urgent speaks of them.
    fn take(&mut self, all: bool) -> VecDeque<Event> {
        let mut events = VecDeque::new();
        if all || self.urgent {
            events.extend(self.slots.iter_mut().filter_map(Option::take));
            self.urgent = false;
        }
        events.append(&mut self.queue);
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ImportSummary;
    use vicinity_core::Progress;

    fn progress(done: u64) -> Event {
        Event::Progress(Progress { done, ..Progress::default() })
    }

    #[test]
    fn a_receiver_that_sleeps_blocks_nobody_and_gets_the_latest() {
        let (event_sender, events, forwarder) = EventSender::start(|| {}).expect("a thread");
        for done in 0..10_000 {
            event_sender.send(progress(done));
            event_sender.notice(Severity::Info, done.to_string());
        }
        event_sender.send(Event::ImportFinished(ImportSummary::default()));
        let mut last = 0;
        loop {
            match events.recv_timeout(Duration::from_secs(10)).expect("news") {
                Event::Progress(p) => last = p.done,
                Event::ImportFinished(_) => break,
                _ => {}
            }
        }
        assert_eq!(last, 9_999, "the end comes after the last sample");
        drop(forwarder);
    }

    #[test]
    fn ends_of_imports_and_errors_arrive_however_much_follows_them() {
        let (event_sender, events, forwarder) = EventSender::start(|| {}).expect("a thread");
        event_sender.send(Event::ImportFinished(ImportSummary { items: 7, ..ImportSummary::default() }));
        event_sender.notice(Severity::Error, "the disk is full");
        for i in 0..5 * QUEUE {
            event_sender.notice(Severity::Info, i.to_string());
        }
        let mut found = [false; 2];
        while found != [true; 2] {
            match events.recv_timeout(Duration::from_secs(10)).expect("news") {
                Event::ImportFinished(summary) => found[0] = summary.items == 7,
                Event::Notice(notice) if notice.severity == Severity::Error => found[1] = true,
                _ => {}
            }
        }
        drop(forwarder);
    }

    #[test]
    fn samples_are_thinned_out() {
        let (event_sender, events, forwarder) = EventSender::start(|| {}).expect("a thread");
        let start = Instant::now();
        let mut done = 0;
        while start.elapsed() < Duration::from_millis(450) {
            done += 1;
            event_sender.send(progress(done));
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!((2..=6).contains(&events.len()), "{} samples of {done}", events.len());
        drop(forwarder);
    }

    #[test]
    fn closing_ends_the_thread_though_the_channel_is_full() {
        let (event_sender, events, forwarder) = EventSender::start(|| {}).expect("a thread");
        for i in 0..200 {
            event_sender.notice(Severity::Info, i.to_string());
        }
        while events.len() < BOUND {
            std::thread::yield_now();
        }
        drop(forwarder);
    }

    #[test]
    fn a_receiver_that_panics_when_it_is_woken_gets_its_events() {
        let (event_sender, events, _forwarder) = EventSender::start(|| panic!("no window")).expect("a thread");
        for i in 0..3 * BOUND {
            event_sender.notice(Severity::Error, i.to_string());
        }
        for i in 0..3 * BOUND {
            let event = events.recv_timeout(Duration::from_secs(10)).expect("an event");
            assert!(matches!(event, Event::Notice(notice) if notice.text == i.to_string()));
        }
    }
}
