//! Tests of the server as a library: one program, a module per feature.

#![allow(clippy::unwrap_used, reason = "a failed step ends the test")]

#[allow(dead_code, reason = "written for several test programs, of which each uses a part")]
#[path = "../support"]
mod support {
    pub mod http;
}

mod limits;
