//! The models that can be loaded by name.

use super::{Model, TowerError, starter};

/// A model of the registry.
pub struct Entry {
    /// Its name, as in [`super::ModelKey::name`].
    pub name: &'static str,
    /// Loads it.
    pub load: fn() -> Result<Model, TowerError>,
}

/// All of them; the first is the default.
pub const MODELS: [Entry; 1] = [Entry { name: starter::NAME, load: starter::load }];

/// The model of that name.
pub fn find(name: &str) -> Option<&'static Entry> {
    MODELS.iter().find(|entry| entry.name == name)
}
