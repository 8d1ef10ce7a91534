//! The devices that models run on, as the window shows them.

pub use vicinity_engine::ModelState;
pub use vicinity_engine::runtime_settings::{DevicePreferences, DeviceSummary};
pub use vicinity_models::compute_target::Precision;
pub use vicinity_models::device::{DeviceChoice, DeviceId};
