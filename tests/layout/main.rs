//! Tests of the layouts: one program, a module per feature.

#![allow(clippy::unwrap_used, reason = "a failed step ends the test")]

mod many_vectors;
