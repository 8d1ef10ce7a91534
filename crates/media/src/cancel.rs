//! Ending what takes long.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Ends the reading of a file soon after it is set.
pub type CancelFlag = Arc<AtomicBool>;
