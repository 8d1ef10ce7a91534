//! Models: pictures or texts in, [`Embedding`](vicinity_core::Embedding)s out.
//!
//! [`Model`], its towers and their errors are the interface. Models that run on this machine are in `local`, which uses
//! neither the network nor the key store; embedding services are in [`remote`]; downloads and imports are in [`installed`].
//! A tower never opens a user's file and starts no threads of its own. Only this crate and the kernels use `candle`.
//!
//! ```
//! use vicinity_models::{TextOptions, builtin};
//!
//! let model = builtin::load()?;
//! let embedded = model.text.embed(&["a dog on a beach", "a puppy by the sea"], TextOptions::QUERY)?;
//! assert_eq!(embedded[0].embedding.dim(), model.info.key.dim);
//! println!("alike: {}", embedded[0].embedding.cosine(&embedded[1].embedding));
//! # Ok::<(), vicinity_models::TowerError>(())
//! ```

pub mod catalogue;
mod error;
pub mod http;
pub mod installed;
mod local;
mod model_info;
pub mod remote;
mod text_options;
mod tower;

pub use error::{RemoteError, TowerError};
pub use local::{
    builtin, clip, compute_target, device, golden, guard, load, load_on, mobileclip, model_dir, nomic, preprocess,
    siglip, tokenize, torch, transformer_layers, weights,
};
pub use model_info::{DimensionError, ModelInfo, ModelKey};
pub use text_options::{LongText, TextOptions, TextTask};
pub use tower::{ImageTower, Model, Pixels, TextEmbedding, TextTower};
