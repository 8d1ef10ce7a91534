//! Tests of reading files: one program, a module per feature.

#![allow(clippy::unwrap_used, reason = "a failed step ends the test")]

#[allow(dead_code, unused_imports, reason = "written for several test programs, of which each uses a part")]
#[path = "../support"]
mod support {
    pub mod places;
    pub use places::*;
}

mod documents;
mod files;
mod photo_facts;
mod pictures;
