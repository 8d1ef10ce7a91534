//! Supervised threads. Every thread of the engine and the window that works on its own is a [`Worker`]: it has a name, its panics
//! reach whoever waits for it, and it is cancelled and joined when the worker is dropped.
//!
//! A worker that serves requests is a [`Task`] with an [`Inbox`]. A request that panics is answered by
//! [`Task::recover`], and the next one is served; so a fault costs one answer and never a spinner that turns for ever.
//! Work that ends by itself is started with [`Worker::once`]. A thread that belongs to a running function is started
//! with [`scoped`].

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, Scope, ScopedJoinHandle};
use std::time::Instant;

use super::monitor::Monitor;

/// With this the names of all supervised threads begin. Their panics are reported by their workers.
pub const THREAD_PREFIX: &str = "vicinity-";
/// Characters of a panic's message that are repeated to the user.
const MESSAGE: usize = 200;

/// What a panic said, on one line.
pub fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no reason is known");
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MESSAGE).collect()
}

/// Does some work; the error is the message of its panic. What the work shares with others must be usable wherever it
/// ends.
///
/// # Errors
/// When it panics.
pub fn catch_panic<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| format!("internal error: {}", panic_message(panic.as_ref())))
}

/// Whether this thread is supervised, so that a panic of it is reported by its worker.
pub fn is_supervised() -> bool {
    thread::current().name().is_some_and(|name| name.starts_with(THREAD_PREFIX))
}

/// What a worker does: it takes one request after the other.
pub trait Task: Send + 'static {
    /// One piece of work.
    type Request;

    /// Waits for the next request; `None` ends the thread. It holds nothing that a panic would leave locked.
    fn next(&mut self) -> Option<Self::Request>;

    /// Serves a request.
    fn handle(&mut self, request: &mut Self::Request);

    /// Reports a panic to whoever waits: of `request`, after which the next one is served; or, where it is `None`, of
    /// the worker itself, which ends and serves nothing any more.
    fn recover(&mut self, request: Option<&mut Self::Request>, reason: &str);
}

/// Where requests for a worker wait: a queue under a lock, as its task wants it. A slot where the latest replaces the
/// one before, or a queue with a bound. Cheap to clone.
#[derive(Debug)]
pub struct Inbox<Q>(Arc<Shared<Q>>);

#[derive(Debug)]
struct Shared<Q> {
    state: Monitor<State<Q>>,
    cancelled: AtomicBool,
}

#[derive(Debug)]
struct State<Q> {
    queue: Q,
    closed: bool,
}

impl<Q> Clone for Inbox<Q> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Q: Default> Default for Inbox<Q> {
    fn default() -> Self {
        Self::new(Q::default())
    }
}

impl<Q> Inbox<Q> {
    /// An inbox with a queue.
    pub fn new(queue: Q) -> Self {
        let state = Monitor::new(State { queue, closed: false });
        Self(Arc::new(Shared { state, cancelled: AtomicBool::new(false) }))
    }

    /// Changes the queue and wakes the worker.
    pub fn update<R>(&self, change: impl FnOnce(&mut Q) -> R) -> R {
        self.0.state.update(|state| change(&mut state.queue))
    }

    /// Reads the queue without waking anybody.
    pub fn read<R>(&self, read: impl FnOnce(&Q) -> R) -> R {
        self.0.state.read(|state| read(&state.queue))
    }

    /// Waits until `take` finds something; `None` once the inbox is closed.
    pub fn take<R>(&self, mut take: impl FnMut(&mut Q) -> Option<R>) -> Option<R> {
        self.wait(|queue, closed| if closed { Some(None) } else { take(queue).map(Some) })
    }

    /// Waits until `take` finds something. `take` also receives whether the inbox is closed, for work that must be done even then.
    pub fn wait<R>(&self, mut take: impl FnMut(&mut Q, bool) -> Option<R>) -> R {
        self.0.state.wait(|state| take(&mut state.queue, state.closed))
    }

    /// As [`Self::wait`], but no longer than until `deadline`.
    pub fn wait_until<R>(&self, deadline: Instant, mut take: impl FnMut(&mut Q, bool) -> Option<R>) -> Option<R> {
        self.0.state.wait_until(deadline, |state| take(&mut state.queue, state.closed))
    }

    /// Ends the worker: it is cancelled, and takes nothing any more.
    pub fn close(&self) {
        self.0.state.update(|state| {
            state.closed = true;
            self.0.cancelled.store(true, Ordering::Relaxed);
        });
    }

    /// Whether the worker is to end, or has ended.
    pub fn is_closed(&self) -> bool {
        self.0.state.read(|state| state.closed)
    }

    /// Stops the request that is being served; the next one is served as usual.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }

    /// To be polled while a request is served.
    pub fn cancelled(&self) -> &AtomicBool {
        &self.0.cancelled
    }

    /// As [`Self::take`]; what it takes begins uncancelled. A cancel that comes later is meant for it.
    pub fn take_uncancelled<R>(&self, mut take: impl FnMut(&mut Q) -> Option<R>) -> Option<R> {
        self.take(|queue| {
            let taken = take(queue)?;
            // under the lock, so that no cancel of this request, or for the end, is lost
            self.0.cancelled.store(false, Ordering::Relaxed);
            Some(taken)
        })
    }
}

/// A supervised thread. Dropping it cancels and joins it.
pub struct Worker {
    close: Box<dyn Fn() + Send + Sync>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts a thread that serves what arrives in an inbox. Several may share one inbox.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn serve<T: Task, Q: Send + 'static>(name: &str, inbox: &Inbox<Q>, task: T) -> io::Result<Self> {
        let (ours, closing) = (inbox.clone(), inbox.clone());
        let thread = named(name).spawn(move || {
            serve(task);
            ours.close();
        })?;
        Ok(Self { close: Box::new(move || closing.close()), thread: Some(thread) })
    }

    /// Starts a thread that does one thing. `failed` reports its panic; `cancel` asks it to end.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn once(
        name: &str,
        cancel: impl Fn() + Send + Sync + 'static,
        work: impl FnOnce() + Send + 'static,
        failed: impl FnOnce(String) + Send + 'static,
    ) -> io::Result<Self> {
        let thread = named(name).spawn(move || report(work, failed))?;
        Ok(Self { close: Box::new(cancel), thread: Some(thread) })
    }

    /// Asks the thread to end, without waiting for that.
    pub fn close(&self) {
        (self.close)();
    }

    /// Detaches the thread: for work that ends by itself and that nobody waits for.
    pub fn detach(mut self) {
        self.thread = None;
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.close();
        // A worker may be dropped by its own last act.
        if thread.thread().id() != thread::current().id() && thread.join().is_err() {
            // what it reports its panics with has panicked; the crash report tells of it
            debug_assert!(thread::panicking(), "a worker has not reported its panic");
        }
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.thread.as_ref().and_then(|thread| thread.thread().name());
        f.debug_tuple("Worker").field(&name).finish()
    }
}

/// Starts a thread that ends within `scope`; `failed` reports its panic.
///
/// # Errors
/// When the system gives no thread.
pub fn scoped<'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() + Send + 'scope,
    failed: impl FnOnce(String) + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, ()>> {
    named(name).spawn_scoped(scope, move || report(work, failed))
}

fn named(name: &str) -> thread::Builder {
    thread::Builder::new().name(format!("{THREAD_PREFIX}{name}"))
}

fn report(work: impl FnOnce(), failed: impl FnOnce(String)) {
    if let Err(reason) = catch_panic(work) {
        // a report that panics, too, has nobody to tell of it
        let _reported = catch_panic(|| failed(reason));
    }
}

fn serve<T: Task>(mut task: T) {
    loop {
        match catch_panic(|| task.next()) {
            Ok(None) => break,
            Ok(Some(mut request)) => {
                let served = catch_panic(|| task.handle(&mut request));
                let reported = served.or_else(|why| catch_panic(|| task.recover(Some(&mut request), &why)));
                if let Err(reason) = reported {
                    let _reported = catch_panic(|| task.recover(None, &reason));
                    break;
                }
            }
            Err(reason) => {
                let _reported = catch_panic(|| task.recover(None, &reason));
                break;
            }
        }
    }
    // what it leaves behind when it is dropped may panic like the rest
    let _dropped = catch_panic(|| drop(task));
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Order {
        Answer(u32),
        Panic,
        PanicInNext,
        PanicInRecover,
        WaitForCancel,
    }

    struct Echo {
        inbox: Inbox<Vec<Order>>,
        answers: Sender<String>,
    }

    impl Task for Echo {
        type Request = Order;

        fn next(&mut self) -> Option<Order> {
            let order = self.inbox.take_uncancelled(|queue| (!queue.is_empty()).then(|| queue.remove(0)))?;
            assert!(order != Order::PanicInNext, "a broken\nqueue");
            Some(order)
        }

        fn handle(&mut self, order: &mut Order) {
            match order {
                Order::Answer(n) => self.answers.send(n.to_string()).expect("somebody listens"),
                Order::WaitForCancel => {
                    while !self.inbox.cancelled().load(Ordering::Relaxed) {
                        thread::sleep(Duration::from_millis(1));
                    }
                    self.answers.send("cancelled".to_owned()).expect("somebody listens");
                }
                _ => panic!("order {:?} cannot be served", Order::Panic),
            }
        }

        fn recover(&mut self, order: Option<&mut Order>, reason: &str) {
            assert!(order.as_deref() != Some(&Order::PanicInRecover), "no report");
            let what = if order.is_some() { "failed" } else { "stopped" };
            self.answers.send(format!("{what}: {reason}")).expect("somebody listens");
        }
    }

    fn start(orders: &[Order]) -> (Worker, Inbox<Vec<Order>>, Receiver<String>) {
        let (inbox, (answers, received)) = (Inbox::new(orders.to_vec()), channel());
        let worker = Worker::serve("echo", &inbox, Echo { inbox: inbox.clone(), answers }).expect("a thread");
        (worker, inbox, received)
    }

    const WAIT: Duration = Duration::from_secs(20);

    #[test]
    fn a_panic_costs_one_answer_and_the_next_request_is_served() {
        let (_worker, inbox, answers) = start(&[Order::Answer(1), Order::Panic, Order::Answer(2)]);
        let next = || answers.recv_timeout(WAIT).expect("an answer");
        assert_eq!([next(), next(), next()], ["1", "failed: internal error: order Panic cannot be served", "2"]);
        inbox.update(|queue| queue.push(Order::Answer(3)));
        assert_eq!(next(), "3");
    }

    #[test]
    fn a_worker_that_cannot_go_on_says_so_and_closes_its_inbox() {
        for broken in [Order::PanicInNext, Order::PanicInRecover] {
            let (worker, inbox, answers) = start(&[broken, Order::Answer(1)]);
            let said = answers.recv_timeout(WAIT).expect("it is reported");
            assert!(said.starts_with("stopped: internal error: "), "{said}");
            assert!(answers.recv_timeout(WAIT).is_err(), "its end of the channel is gone");
            drop(worker);
            assert!(inbox.is_closed(), "whoever sends it something learns of its end");
        }
    }

    #[test]
    fn dropping_a_worker_cancels_what_it_does_and_joins_it() {
        let (worker, inbox, answers) = start(&[Order::WaitForCancel, Order::Answer(1)]);
        while inbox.read(|queue| queue.len() == 2) {
            thread::yield_now();
        }
        drop(worker);
        assert_eq!(answers.try_iter().collect::<Vec<_>>().len(), 1, "the request was ended, and no other begun");
    }

    #[test]
    fn a_cancel_ends_one_request_alone() {
        let (_worker, inbox, answers) = start(&[Order::WaitForCancel]);
        while inbox.read(|queue| !queue.is_empty()) {
            thread::yield_now();
        }
        inbox.cancel();
        assert_eq!(answers.recv_timeout(WAIT).as_deref(), Ok("cancelled"));
        inbox.update(|queue| queue.push(Order::Answer(4)));
        assert_eq!(answers.recv_timeout(WAIT).as_deref(), Ok("4"));
    }

    #[test]
    fn work_that_is_done_once_reports_its_panic_and_its_thread_has_a_name() {
        let (said, heard) = channel();
        let names = said.clone();
        let work = move || {
            let name = thread::current().name().map(str::to_owned);
            names.send(name.unwrap_or_default()).expect("somebody listens");
            assert!(is_supervised());
            panic!("row {} is missing", 3);
        };
        let failed = move |reason: String| said.send(reason).expect("somebody listens");
        drop(Worker::once("once", || {}, work, failed).expect("a thread"));
        assert_eq!(heard.iter().collect::<Vec<_>>(), ["vicinity-once", "internal error: row 3 is missing"]);
        assert!(!is_supervised());
    }

    #[test]
    fn a_scoped_thread_reports_its_panic() {
        let mut reason = String::new();
        thread::scope(|scope| {
            scoped(scope, "part", || panic!("gone"), |why| reason = why).expect("a thread");
        });
        assert_eq!(reason, "internal error: gone");
    }
}
