//! Reads bodies: up to a size, not for ever, and all together within a budget of memory.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::fault::{Fault, Kind};

/// The largest body: 512 pictures as Nomic's client sends them have about as much.
pub(super) const LARGEST: u64 = 64 << 20;
/// Bytes of all bodies at one time.
const BUDGET: u64 = 256 << 20;
/// The budget is counted in pieces of this many bytes.
const PIECE: u64 = 1024;
/// A body may take this many times as long as one pause in it.
const PAUSES: u32 = 10;

/// Reads bodies.
pub(super) struct Bodies {
    budget: Arc<Semaphore>,
    patience: Duration,
}

/// A whole body; its share of the budget is given back with it.
pub(super) struct Held {
    /// The body.
    pub bytes: Bytes,
    _share: OwnedSemaphorePermit,
}

impl Bodies {
    /// `patience`: how long a sender may pause.
    pub fn new(patience: Duration) -> Self {
        Self { budget: Arc::new(Semaphore::new((BUDGET / PIECE) as usize)), patience }
    }

    /// Reads it whole.
    ///
    /// # Errors
    /// When it is too large, comes too slowly or breaks off, or too many others are being read.
    pub async fn read(&self, mut body: Body) -> Result<Held, Fault> {
        let expected = body.size_hint().exact();
        if expected.is_some_and(|bytes| bytes > LARGEST) {
            return Err(self.refuse(body).await);
        }
        let pieces = expected.unwrap_or(LARGEST).div_ceil(PIECE) as u32;
        let share = timeout(self.patience, Arc::clone(&self.budget).acquire_many_owned(pieces));
        // the semaphore is never closed
        let Ok(Ok(share)) = share.await else {
            return Err(Fault::new(Kind::Busy, "Too many large requests at once; try again"));
        };
        let mut whole = Vec::with_capacity(expected.unwrap_or_default() as usize);
        let read = async {
            while let Some(data) = self.next(&mut body).await? {
                if (whole.len() + data.len()) as u64 > LARGEST {
                    return Ok(false);
                }
                whole.extend_from_slice(&data);
            }
            Ok(true)
        };
        match timeout(self.patience * PAUSES, read).await {
            Ok(Ok(true)) => Ok(Held { bytes: whole.into(), _share: share }),
            Ok(Ok(false)) => Err(self.refuse(body).await),
            Ok(Err(fault)) => Err(fault),
            Err(_) => Err(slow()),
        }
    }

    /// The next bytes.
    async fn next(&self, body: &mut Body) -> Result<Option<Bytes>, Fault> {
        loop {
            let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx));
            match timeout(self.patience, frame).await {
                Err(_) => return Err(slow()),
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => return Err(Fault::new(Kind::Invalid, format!("The body broke off: {error}"))),
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => return Ok(Some(data)),
                    Err(_trailers) => {}
                },
            }
        }
    }

    /// Lets the rest pass by, for a while: many clients read no answer before they have sent everything.
    async fn refuse(&self, mut body: Body) -> Fault {
        let pass_by = async { while let Ok(Some(_)) = self.next(&mut body).await {} };
        let _in_time = timeout(self.patience * PAUSES, pass_by).await;
        Fault::new(Kind::TooLarge, format!("The body is too large: at most {} MiB at once", LARGEST >> 20))
    }
}

fn slow() -> Fault {
    Fault::new(Kind::Slow, "The request came too slowly")
}
