//! Reads request bodies: up to a maximum size, within a time limit, and all together within a memory budget.
//!
//! The budget is charged as bytes arrive, never for what a client only announces. The first bytes of each body are
//! free, so small requests are read however many large ones are in progress.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::error::{ApiError, ApiErrorKind};

/// The largest body: about what 512 pictures take as Nomic's client sends them.
pub(super) const MAX_BODY_BYTES: u64 = 64 << 20;
/// Bytes of all bodies at one time, beyond [`FREE_BYTES`] of each.
const BUDGET_BYTES: u64 = 256 << 20;
/// Bytes of each body that are not charged; the number of connections bounds them.
pub(super) const FREE_BYTES: usize = 64 << 10;
/// The budget is counted in units of this many bytes.
const UNIT_BYTES: usize = 1024;
/// A body may take this many times as long as the idle timeout.
const PAUSES: u32 = 10;
/// Bytes per second that a body has to reach in the long run.
const RATE: u64 = 16 << 10;
/// Bytes of a refused body that are still read, for clients that read no response before they have sent everything.
const MAX_DISCARDED_BYTES: u64 = 4 * MAX_BODY_BYTES;

/// Reads request bodies within a shared budget.
pub(super) struct BodyBudget {
    budget: Arc<Semaphore>,
    counts: Arc<Mutex<PermitCounts>>,
    idle_timeout: Duration,
}

/// How many bodies hold a permit, and how many of these wait for more.
#[derive(Default)]
struct PermitCounts {
    all: usize,
    waiting: usize,
}

/// A whole body; its permit is returned when it is dropped.
pub(super) struct ReceivedBody {
    /// The body.
    pub bytes: Bytes,
    _permit: BodyPermit,
}

/// A body's share of the memory budget.
struct BodyPermit {
    permit: Option<OwnedSemaphorePermit>,
    counts: Arc<Mutex<PermitCounts>>,
}

impl Drop for BodyPermit {
    fn drop(&mut self) {
        if self.permit.take().is_some() {
            lock(&self.counts).all -= 1;
        }
    }
}

fn lock(counts: &Mutex<PermitCounts>) -> MutexGuard<'_, PermitCounts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Time limits of one body.
struct ReadClock {
    start: Instant,
    idle_timeout: Duration,
    received: u64,
}

impl ReadClock {
    fn new(idle_timeout: Duration) -> Self {
        Self { start: Instant::now(), idle_timeout, received: 0 }
    }

    /// When the next bytes must have arrived: limits pauses, the rate, and the total time.
    fn deadline(&self) -> Instant {
        let by_rate = self.idle_timeout + Duration::from_millis(self.received * 1000 / RATE);
        let whole = self.start + by_rate.min(self.idle_timeout * PAUSES);
        whole.min(Instant::now() + self.idle_timeout)
    }

    /// The next bytes of the body.
    async fn next(&mut self, body: &mut Body) -> Result<Option<Bytes>, ApiError> {
        loop {
            let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx));
            match timeout_at(self.deadline(), frame).await {
                Err(_) => return Err(timed_out()),
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => {
                    return Err(ApiError::new(
                        ApiErrorKind::Invalid,
                        format!("The connection was closed before the body was complete: {error}"),
                    ));
                }
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

impl BodyBudget {
    /// `idle_timeout`: how long a client may pause.
    pub fn new(idle_timeout: Duration) -> Self {
        Self::with_budget(idle_timeout, BUDGET_BYTES as usize)
    }

    fn with_budget(idle_timeout: Duration, bytes: usize) -> Self {
        Self { budget: Arc::new(Semaphore::new(bytes / UNIT_BYTES)), counts: Arc::default(), idle_timeout }
    }

    /// Reads a whole body.
    ///
    /// # Errors
    /// When it is too large, too slow or incomplete, or too many others are being read.
    pub async fn read(&self, mut body: Body) -> Result<ReceivedBody, ApiError> {
        let expected = body.size_hint().exact();
        let mut clock = ReadClock::new(self.idle_timeout);
        if expected.is_some_and(|bytes| bytes > MAX_BODY_BYTES) {
            return Err(self.refuse(body, clock).await);
        }
        let most = expected.unwrap_or(MAX_BODY_BYTES) as usize;
        let mut share = BodyPermit { permit: None, counts: Arc::clone(&self.counts) };
        let mut whole = Vec::new();
        while let Some(data) = clock.next(&mut body).await? {
            let len = whole.len() + data.len();
            if len > most {
                return Err(self.refuse(body, clock).await);
            }
            if len > whole.capacity() {
                let capacity = if len <= FREE_BYTES { FREE_BYTES } else { len + len / 4 }.min(most);
                let before = Instant::now();
                self.charge(&mut share, capacity).await?;
                clock.start += before.elapsed();
                whole.reserve_exact(capacity - whole.len());
            }
            whole.extend_from_slice(&data);
        }
        Ok(ReceivedBody { bytes: whole.into(), _permit: share })
    }

    /// Grows a permit to cover a body of `bytes`.
    async fn charge(&self, share: &mut BodyPermit, bytes: usize) -> Result<(), ApiError> {
        let held = share.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = bytes.saturating_sub(FREE_BYTES).div_ceil(UNIT_BYTES).saturating_sub(held);
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
                lock(&self.counts).all += 1;
            }
        }
        Ok(())
    }

    /// Waits for others to return their permits; refuses if all holders would then wait for one another.
    async fn wait(&self, holds: bool, pieces: u32) -> Result<OwnedSemaphorePermit, ApiError> {
        let busy = || ApiError::new(ApiErrorKind::Busy, "Too many large requests at once; try again");
        let _waiting = holds.then(|| Waiting::new(&self.counts).ok_or_else(busy)).transpose()?;
        match timeout(self.idle_timeout, Arc::clone(&self.budget).acquire_many_owned(pieces)).await {
            Ok(Ok(permit)) => Ok(permit),
            // the semaphore is never closed
            _ => Err(busy()),
        }
    }

    /// Discards the rest for a while: many clients read no response before they have sent everything.
    async fn refuse(&self, mut body: Body, mut clock: ReadClock) -> ApiError {
        while clock.received < MAX_DISCARDED_BYTES
            && let Ok(Some(_)) = clock.next(&mut body).await
        {}
        ApiError::new(
            ApiErrorKind::TooLarge,
            format!("The request body is too large; the limit is {} MiB", MAX_BODY_BYTES >> 20),
        )
    }
}

/// A permit holder that waits for more.
struct Waiting<'a>(&'a Mutex<PermitCounts>);

impl<'a> Waiting<'a> {
    /// `None` if every other holder is already waiting.
    fn new(counts: &'a Mutex<PermitCounts>) -> Option<Self> {
        let mut locked = lock(counts);
        if locked.waiting + 1 >= locked.all {
            return None;
        }
        locked.waiting += 1;
        Some(Self(counts))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        lock(self.0).waiting -= 1;
    }
}

fn timed_out() -> ApiError {
    ApiError::new(ApiErrorKind::Timeout, "The request was sent too slowly")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::task::{Context, Poll, ready};

    use hyper::body::{Frame, SizeHint};
    use tokio::time::{Sleep, sleep};

    const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
    const KB: usize = 1000;

    /// A body that arrives in small pieces.
    struct Drip {
        announced: Option<u64>,
        drops: usize,
        size: usize,
        every: Duration,
        next: Pin<Box<Sleep>>,
    }

    fn drip(drops: usize, size: usize, every: Duration) -> Drip {
        Drip { announced: None, drops, size, every, next: Box::pin(sleep(every)) }
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
            self.announced.map_or_else(SizeHint::default, SizeHint::with_exact)
        }
    }

    async fn read(bodies: &BodyBudget, body: Drip) -> Result<usize, ApiError> {
        bodies.read(Body::new(body)).await.map(|held| held.bytes.len())
    }

    #[tokio::test(start_paused = true)]
    async fn a_trickling_body_times_out_and_a_slow_one_does_not() {
        let bodies = BodyBudget::new(IDLE_TIMEOUT);
        let start = Instant::now();
        assert!(read(&bodies, drip(1_000_000, 1, Duration::from_millis(100))).await.is_err());
        assert!((IDLE_TIMEOUT..IDLE_TIMEOUT * 2).contains(&start.elapsed()), "{:?}", start.elapsed());
        // 40 kB per second, for more than a minute
        assert_eq!(read(&bodies, drip(70, 40 * KB, Duration::from_secs(1))).await.ok(), Some(70 * 40 * KB));
        let start = Instant::now();
        assert!(read(&bodies, drip(2, 1, IDLE_TIMEOUT * 2)).await.is_err());
        assert_eq!(start.elapsed().as_secs(), IDLE_TIMEOUT.as_secs(), "a pause");
    }

    #[tokio::test(start_paused = true)]
    async fn an_announced_length_takes_no_budget() {
        let bodies = BodyBudget::new(IDLE_TIMEOUT);
        let promise = || Drip { announced: Some(MAX_BODY_BYTES), ..drip(10_000, 10, Duration::from_millis(500)) };
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
        let bodies = BodyBudget::with_budget(IDLE_TIMEOUT, 1 << 20);
        let start = Instant::now();
        let body = || read(&bodies, drip(60, 10 * KB, Duration::from_millis(10)));
        let small = async {
            sleep(Duration::from_millis(500)).await;
            read(&bodies, drip(6, 10 * KB, Duration::from_millis(1))).await.is_ok()
        };
        let (a, b, c, d, small) = tokio::join!(body(), body(), body(), body(), small);
        let good = [&a, &b, &c, &d].iter().filter(|read| read.is_ok()).count();
        assert!((1..4).contains(&good) && small, "{good} of 4 fit");
        assert!(start.elapsed() < IDLE_TIMEOUT, "{:?}", start.elapsed());
        assert_eq!(bodies.budget.available_permits(), (1 << 20) / UNIT_BYTES, "everything was returned");
        let PermitCounts { all, waiting } = *lock(&bodies.counts);
        assert_eq!((all, waiting), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_too_large_is_refused_whatever_length_it_announced() {
        let bodies = BodyBudget::new(IDLE_TIMEOUT);
        assert!(read(&bodies, drip(70, 1 << 20, Duration::from_millis(1))).await.is_err());
        let more = Drip { announced: Some(MAX_BODY_BYTES + 1), ..drip(65, 1 << 20, Duration::from_millis(1)) };
        assert!(read(&bodies, more).await.is_err());
    }
}
