//! Tests of reading files: one program, a module per feature.

#![allow(clippy::unwrap_used, reason = "a failed step ends the test")]

#[allow(dead_code, unused_imports, reason = "written for several test programs, of which each uses a part")]
#[path = "../support"]
mod support {
    pub mod places;
    pub use places::*;
}

/// Pictures that are decoded in a helper process are from now on.
fn use_helper() {
    vicinity_media::decode_helper::use_program(env!("CARGO_BIN_EXE_vicinity-decode-pictures").into());
}

mod decode_helper;
mod dng;
mod documents;
mod files;
mod formats;
mod pdf;
mod photo_facts;
mod pictures;
mod raw_and_svg;
