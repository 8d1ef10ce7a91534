//! Tests of the engine: one program, a module per feature.

#![allow(clippy::unwrap_used, reason = "a failed step ends the test")]

#[allow(dead_code, unused_imports, reason = "written for several test programs, of which each uses a part")]
#[path = "../support"]
mod support {
    pub mod engine;
    pub mod library;
    pub mod own_vectors;
    pub mod places;
    pub mod service;
    pub mod synthetic;
    pub use places::*;
}

mod companions;
mod devices;
mod dimensions;
mod export;
mod facts;
mod flow;
mod groups;
mod import;
mod map_files;
mod own_vectors;
mod project;
mod remote_soak;
mod store;
mod store_survival;
mod tables;
mod watch;
