//! Exact duplicates: files with the same content, found by the content hashes of the catalog. As the hash of a text is that
//! of its words, texts that have them in common are read once more. Computed when asked for, and not stored.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::duplicate_groups::{Duplicates, hash_of};
use super::{Artefact, Context, Inputs, Requested};
use crate::event_queue::EventSender;
use crate::{Event, Job, Severity};

/// Finds the duplicates of the current collection on request.
pub struct DuplicateFinder {
    event_sender: EventSender,
}

impl Artefact for DuplicateFinder {
    const NAME: &'static str = "duplicates";

    type Request = ();

    fn open(context: &Context) -> io::Result<Self> {
        Ok(Self { event_sender: context.event_sender.clone() })
    }

    fn requested(job: &Job) -> Option<Requested<()>> {
        matches!(job, Job::FindDuplicates).then_some(Requested::Compute(()))
    }

    fn update(&mut self, inputs: &Inputs<()>, cancelled: &AtomicBool) {
        if inputs.request.is_some() {
            let found = Duplicates::of(&inputs.snapshot, hash_of, cancelled);
            if !cancelled.load(Ordering::Relaxed) {
                self.event_sender.send(Event::Duplicates(Arc::new(found)));
            }
        }
    }

    fn failed(&mut self, reason: &str) {
        self.event_sender.notice(Severity::Error, format!("Duplicates could not be found ({reason})"));
    }
}
