//! Models that run on this machine: bytes and tensors in, vectors out.
//!
//! Nothing here uses the network, the key store or the folder of installed models; `tests/architecture.rs` checks that.

pub mod builtin;
pub mod clip;
pub mod compute_target;
mod conv_layers;
#[cfg(feature = "cuda")]
mod cuda_libraries;
pub mod device;
pub mod golden;
pub mod guard;
mod json;
mod load;
pub mod mobileclip;
pub mod model_dir;
pub mod nomic;
pub mod preprocess;
pub mod siglip;
mod text_chunks;
pub mod tokenize;
pub mod torch;
mod transformer;
pub mod transformer_layers;
pub mod weights;

pub use load::{load, load_on};
