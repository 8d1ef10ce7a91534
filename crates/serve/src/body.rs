//! Reads bodies: up to a size, not for ever, and all together within a budget of memory.
//!
//! The budget is charged as bytes arrive, never for what a caller only promises. The beginning of each body is free of
//! it, so small requests are read however many large ones are under way.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::fault::{Fault, Kind};

/// The largest body: 512 pictures as Nomic's client sends them have about as much.
pub(super) const LARGEST: u64 = 64 << 20;
/// Bytes of all bodies at one time, beyond [`FREE`] of each.
const BUDGET: u64 = 256 << 20;
/// Bytes of each body that are not charged; the number of connections bounds them.
pub(super) const FREE: usize = 64 << 10;
/// The budget is counted in pieces of this many bytes.
const PIECE: usize = 1024;
/// A body may take this many times as long as one pause in it.
const PAUSES: u32 = 10;
/// Bytes a second that a body has to bring in the long run.
const RATE: u64 = 16 << 10;
/// Bytes of a refused body that are still taken, for clients which read no answer before they have sent everything.
const PASSED_BY: u64 = 4 * LARGEST;

/// Reads bodies.
pub(super) struct Bodies {
    budget: Arc<Semaphore>,
    holders: Arc<Mutex<Holders>>,
    patience: Duration,
}

/// How many bodies hold a share of the budget, and how many of these wait for more.
#[derive(Default)]
struct Holders {
    all: usize,
    waiting: usize,
}

/// A whole body; its share of the budget is given back with it.
pub(super) struct Held {
    /// The body.
    pub bytes: Bytes,
    _share: Share,
}

/// A body's share of the budget.
struct Share {
    permit: Option<OwnedSemaphorePermit>,
    holders: Arc<Mutex<Holders>>,
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.permit.take().is_some() {
            lock(&self.holders).all -= 1;
        }
    }
}

fn lock(holders: &Mutex<Holders>) -> MutexGuard<'_, Holders> {
    holders.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a sender may take.
struct Clock {
    start: Instant,
    patience: Duration,
    received: u64,
}

impl Clock {
    fn new(patience: Duration) -> Self {
        Self { start: Instant::now(), patience, received: 0 }
    }

    /// Until when the next bytes have to come: pauses are bounded, the rate, and the whole.
    fn deadline(&self) -> Instant {
        let by_rate = self.patience + Duration::from_millis(self.received * 1000 / RATE);
        let whole = self.start + by_rate.min(self.patience * PAUSES);
        whole.min(Instant::now() + self.patience)
    }

    /// The next bytes.
    async fn next(&mut self, body: &mut Body) -> Result<Option<Bytes>, Fault> {
        loop {
            let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx));
            match timeout_at(self.deadline(), frame).await {
                Err(_) => return Err(slow()),
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => return Err(Fault::new(Kind::Invalid, format!("The body broke off: {error}"))),
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        self.received += data.len() as u64;
                        return Ok(Some(data));
                    }
                    Err(_trailers) => {}
                },
            }
        }
    }
}

impl Bodies {
    /// `patience`: how long a sender may pause.
    pub fn new(patience: Duration) -> Self {
        Self::with_budget(patience, BUDGET as usize)
    }

    fn with_budget(patience: Duration, bytes: usize) -> Self {
        Self { budget: Arc::new(Semaphore::new(bytes / PIECE)), holders: Arc::default(), patience }
    }

    /// Reads it whole.
    ///
    /// # Errors
    /// When it is too large, comes too slowly or breaks off, or too many others are being read.
    pub async fn read(&self, mut body: Body) -> Result<Held, Fault> {
        let expected = body.size_hint().exact();
        let mut clock = Clock::new(self.patience);
        if expected.is_some_and(|bytes| bytes > LARGEST) {
            return Err(self.refuse(body, clock).await);
        }
        let most = expected.unwrap_or(LARGEST) as usize;
        let mut share = Share { permit: None, holders: Arc::clone(&self.holders) };
        let mut whole = Vec::new();
        while let Some(data) = clock.next(&mut body).await? {
            let len = whole.len() + data.len();
            if len > most {
                return Err(self.refuse(body, clock).await);
            }
            if len > whole.capacity() {
                let room = if len <= FREE { FREE } else { len + len / 4 }.min(most);
                let before = Instant::now();
                self.charge(&mut share, room).await?;
                clock.start += before.elapsed();
                whole.reserve_exact(room - whole.len());
            }
            whole.extend_from_slice(&data);
        }
        Ok(Held { bytes: whole.into(), _share: share })
    }

    /// Brings a share to that of a body of so many bytes.
    async fn charge(&self, share: &mut Share, bytes: usize) -> Result<(), Fault> {
        let held = share.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = bytes.saturating_sub(FREE).div_ceil(PIECE).saturating_sub(held);
        if more == 0 {
            return Ok(());
        }
        let permit = match Arc::clone(&self.budget).try_acquire_many_owned(more as u32) {
            Ok(permit) => permit,
            Err(_) => self.wait(held > 0, more as u32).await?,
        };
        match &mut share.permit {
            Some(before) => before.merge(permit),
            none => {
                *none = Some(permit);
                lock(&self.holders).all += 1;
            }
        }
        Ok(())
    }

    /// Waits for others to give back; not where all who could do so would then wait for one another.
    async fn wait(&self, holds: bool, pieces: u32) -> Result<OwnedSemaphorePermit, Fault> {
        let busy = || Fault::new(Kind::Busy, "Too many large requests at once; try again");
        let _waiting = holds.then(|| Waiting::new(&self.holders).ok_or_else(busy)).transpose()?;
        match timeout(self.patience, Arc::clone(&self.budget).acquire_many_owned(pieces)).await {
            Ok(Ok(permit)) => Ok(permit),
            // the semaphore is never closed
            _ => Err(busy()),
        }
    }

    /// Lets the rest pass by, for a while: many clients read no answer before they have sent everything.
    async fn refuse(&self, mut body: Body, mut clock: Clock) -> Fault {
        while clock.received < PASSED_BY
            && let Ok(Some(_)) = clock.next(&mut body).await
        {}
        Fault::new(Kind::TooLarge, format!("The body is too large: at most {} MiB at once", LARGEST >> 20))
    }
}

/// A holder that waits for more.
struct Waiting<'a>(&'a Mutex<Holders>);

impl<'a> Waiting<'a> {
    /// `None` where every other holder waits already.
    fn new(holders: &'a Mutex<Holders>) -> Option<Self> {
        let mut counts = lock(holders);
        if counts.waiting + 1 >= counts.all {
            return None;
        }
        counts.waiting += 1;
        Some(Self(holders))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        lock(self.0).waiting -= 1;
    }
}

fn slow() -> Fault {
    Fault::new(Kind::Slow, "The request came too slowly")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::task::{Context, Poll, ready};

    use hyper::body::{Frame, SizeHint};
    use tokio::time::{Sleep, sleep};

    const PATIENCE: Duration = Duration::from_secs(30);
    const KB: usize = 1000;

    /// A body that comes drop by drop.
    struct Drip {
        promised: Option<u64>,
        drops: usize,
        size: usize,
        every: Duration,
        next: Pin<Box<Sleep>>,
    }

    fn drip(drops: usize, size: usize, every: Duration) -> Drip {
        Drip { promised: None, drops, size, every, next: Box::pin(sleep(every)) }
    }

    impl HttpBody for Drip {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            if self.drops == 0 {
                return Poll::Ready(None);
            }
            ready!(self.next.as_mut().poll(cx));
            let every = self.every;
            self.next.set(sleep(every));
            self.drops -= 1;
            Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![7; self.size])))))
        }

        fn size_hint(&self) -> SizeHint {
            self.promised.map_or_else(SizeHint::default, SizeHint::with_exact)
        }
    }

    async fn read(bodies: &Bodies, body: Drip) -> Result<usize, Fault> {
        bodies.read(Body::new(body)).await.map(|held| held.bytes.len())
    }

    #[tokio::test(start_paused = true)]
    async fn who_drips_is_cut_and_who_is_slow_is_not() {
        let bodies = Bodies::new(PATIENCE);
        let start = Instant::now();
        assert!(read(&bodies, drip(1_000_000, 1, Duration::from_millis(100))).await.is_err());
        assert!((PATIENCE..PATIENCE * 2).contains(&start.elapsed()), "{:?}", start.elapsed());
        // 40 kB a second, for more than a minute
        assert_eq!(read(&bodies, drip(70, 40 * KB, Duration::from_secs(1))).await.ok(), Some(70 * 40 * KB));
        let start = Instant::now();
        assert!(read(&bodies, drip(2, 1, PATIENCE * 2)).await.is_err());
        assert_eq!(start.elapsed().as_secs(), PATIENCE.as_secs(), "a pause");
    }

    #[tokio::test(start_paused = true)]
    async fn a_promise_takes_nothing_from_others() {
        let bodies = Bodies::new(PATIENCE);
        let promise = || Drip { promised: Some(LARGEST), ..drip(10_000, 10, Duration::from_millis(500)) };
        let slow = async { tokio::join!(read(&bodies, promise()), read(&bodies, promise()), read(&bodies, promise())) };
        let chunked = read(&bodies, drip(10_000, 10, Duration::from_millis(500)));
        let large = async {
            sleep(Duration::from_secs(1)).await;
            let start = Instant::now();
            let read = read(&bodies, drip(50, 1000 * KB, Duration::from_millis(1))).await;
            (read.ok(), start.elapsed().as_secs())
        };
        let (_slow, _chunked, large) = tokio::join!(slow, chunked, large);
        assert_eq!(large, (Some(50_000 * KB), 0));
    }

    #[tokio::test(start_paused = true)]
    async fn small_bodies_need_no_budget_and_large_ones_never_wait_for_one_another() {
        let bodies = Bodies::with_budget(PATIENCE, 1 << 20);
        let start = Instant::now();
        let body = || read(&bodies, drip(60, 10 * KB, Duration::from_millis(10)));
        let small = async {
            sleep(Duration::from_millis(500)).await;
            read(&bodies, drip(6, 10 * KB, Duration::from_millis(1))).await.is_ok()
        };
        let (a, b, c, d, small) = tokio::join!(body(), body(), body(), body(), small);
        let good = [&a, &b, &c, &d].iter().filter(|read| read.is_ok()).count();
        assert!((1..4).contains(&good) && small, "{good} of 4 fit");
        assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
        assert_eq!(bodies.budget.available_permits(), (1 << 20) / PIECE, "all was given back");
        let Holders { all, waiting } = *lock(&bodies.holders);
        assert_eq!((all, waiting), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_too_large_is_refused_whatever_it_promised() {
        let bodies = Bodies::new(PATIENCE);
        assert!(read(&bodies, drip(70, 1 << 20, Duration::from_millis(1))).await.is_err());
        let more = Drip { promised: Some(LARGEST + 1), ..drip(65, 1 << 20, Duration::from_millis(1)) };
        assert!(read(&bodies, more).await.is_err());
    }
}
