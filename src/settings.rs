//! What the command line reads of the user's settings, and the types of settings that it shares with the window.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use vicinity_core::app_dirs;
use vicinity_engine::runtime_settings::DevicePreferences;
use vicinity_engine::updates::UpdateSettings;

/// Theme of the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum ThemeChoice {
    /// Follow the system.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// The part of the settings file that does not concern the window.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SharedSettings {
    /// Device, precision, and how long models stay loaded.
    pub running: DevicePreferences,
    /// Checking for new versions.
    pub updates: UpdateSettings,
}

impl SharedSettings {
    /// Reads the user's settings file; the defaults if it is missing or damaged.
    pub fn load() -> Self {
        let bytes = app_dirs::settings_file().and_then(|file| std::fs::read(file).ok());
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }
}
