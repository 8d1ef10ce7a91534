//! From a picture to what a model takes: resized as Pillow 12 does it ([`squash`]), by the recipe that comes with the
//! model ([`Recipe`]).

mod recipe;

pub use recipe::{Crop, CropCentre, Recipe, Resize};
pub use vicinity_media::resize::{ResizeFilter, squash};
