//! Tests of the models: one program, a module per model or feature.

#![allow(clippy::unwrap_used, reason = "a failed step ends the test")]

#[allow(dead_code, unused_imports, reason = "written for several test programs, of which each uses a part")]
#[path = "../support"]
mod support {
    pub mod places;
    pub mod python;
    pub mod service;
    pub mod vit;
    pub use places::*;
}

mod clip;
mod folder;
mod fullsize;
mod mobileclip;
mod nomic;
mod plain;
mod preprocess;
mod remote_dynamic;
mod remote_services;
mod siglip;
mod starter;
