//! Tests of the program, its command line and its window: one program, a module per feature.

#![allow(clippy::unwrap_used, reason = "a failed step ends the test")]

#[allow(dead_code, unused_imports, reason = "written for several test programs, of which each uses a part")]
#[path = "../support"]
mod support {
    #[cfg(feature = "window")]
    pub mod fake;
    pub mod http;
    pub mod hub;
    pub mod own_vectors;
    pub mod places;
    pub mod python;
    pub mod service;
    pub mod synthetic;
    #[cfg(feature = "window")]
    pub mod window;
}

#[cfg(feature = "window")]
mod app_flow;
mod architecture;
mod axes;
mod cli;
mod cli_files;
mod clusters;
mod formats;
mod groups;
mod home;
mod kill;
mod models_download;
mod own_vectors;
mod packaging;
mod remote_use;
mod serve;
mod taken_along;
#[cfg(feature = "window")]
mod ui_clusters;
#[cfg(feature = "window")]
mod ui_export;
#[cfg(feature = "window")]
mod ui_filters;
#[cfg(feature = "window")]
mod ui_gallery;
#[cfg(feature = "window")]
mod ui_groups;
#[cfg(feature = "window")]
mod ui_map;
#[cfg(feature = "window")]
mod ui_models;
#[cfg(feature = "window")]
mod ui_panels;
#[cfg(feature = "window")]
mod ui_services;
#[cfg(feature = "window")]
mod ui_split;
#[cfg(feature = "window")]
mod ui_updates;
mod videos;
mod windows;
