//! The helper process itself, which decodes pictures and documents for a program that started it (see [`crate::decode_helper`]).

mod document;
mod limits;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vicinity_core::monitor::Monitor;
use vicinity_core::worker::Worker;

use crate::decode_helper::LIMIT;
use crate::decode_helper::protocol::{self, HelperRequest};
use crate::guard::guarded;
use crate::picture;

/// How much later than its parent, which reports it, a helper ends itself: the parent may be gone.
const GRACE: Duration = Duration::from_secs(5);

/// Decodes pictures and reads documents from stdin to stdout until stdin is closed.
pub fn serve() -> ExitCode {
    limits::apply();
    let deadline = Arc::new(Monitor::new(None));
    let watched = Arc::clone(&deadline);
    let watch = Worker::once("decode-limit", || {}, move || end_at(&watched), |_| std::process::abort());
    // Without the thread it would not end if its parent did.
    let Ok(watch) = watch else { return ExitCode::FAILURE };
    watch.detach();
    // Not locked: a document is answered for by another thread.
    let (mut input, mut output) = (io::stdin(), io::stdout());
    while let Ok(Some(request)) = protocol::read_request(&mut input) {
        let answered = match request {
            HelperRequest::Document(bytes) => document::serve(bytes, &deadline),
            HelperRequest::Picture(format, bytes) => {
                deadline.update(|until| *until = Some(Instant::now() + LIMIT + GRACE));
                let answer = guarded(|| picture::decode_here(&bytes, format));
                deadline.update(|until| *until = None);
                protocol::write_answer(&mut output, &answer)
            }
        };
        if answered.is_err() {
            break;
        }
    }
    ExitCode::SUCCESS
}

/// Ends the process if the deadline passes before it is changed.
fn end_at(deadline: &Monitor<Option<Instant>>) {
    loop {
        let until = deadline.wait(|until| *until);
        let in_time = deadline.wait_until(until, |now| (*now != Some(until)).then_some(()));
        if in_time.is_none() {
            std::process::abort();
        }
    }
}
