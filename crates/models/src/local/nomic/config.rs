//! `config.json` of Nomic's towers. The text tower's fields have an older and a newer spelling, and published files
//! hold either or both; counts may be written as floating point numbers.

use serde_json::Value;

use crate::TowerError;
use crate::local::model_dir::ModelDir;

/// Colours of a picture.
pub(super) const CHANNELS: usize = 3;
/// No published size comes near; a larger number is damage.
const MAX_SIZE: f64 = 1_048_576.0;
/// Tokens of a text that are believed; the published models reach 8192.
const POSITIONS: usize = 65_536;
/// Patches along a side of a picture that are believed; the published models have 14.
const GRID: usize = 128;
/// The published code rounds the inside of the text tower's feed-forward half up to a multiple of this.
const INNER_STEP: usize = 256;

/// Sizes and constants of the text tower.
#[derive(Debug, Clone, PartialEq)]
pub struct NomicTextConfig {
    /// Numbers per token.
    pub width: usize,
    /// Blocks.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// The inside of a block's feed-forward half.
    pub inner: usize,
    /// Rows of the table of words.
    pub vocabulary: usize,
    /// Rows of the table of token types, of which the first is used.
    pub types: usize,
    /// Added to a variance.
    pub eps: f64,
    /// Base of the rotary angles.
    pub rotary_base: f64,
    /// Factor of dynamic NTK scaling beyond `trained` tokens; none without scaling.
    pub scaling: Option<f64>,
    /// The longest texts of the training, in tokens.
    pub trained: usize,
    /// The longest text that can be embedded.
    pub positions: usize,
    /// Whether attention's layers have a bias.
    pub qkv_bias: bool,
    /// Whether the first layers of the feed-forward half have.
    pub fc1_bias: bool,
    /// Whether the last one has.
    pub fc2_bias: bool,
}

impl NomicTextConfig {
    /// Reads the folder's configuration.
    ///
    /// # Errors
    /// When a size is missing or invalid, or the file describes another network; the message names the field.
    pub fn parse(folder: &ModelDir) -> Result<Self, TowerError> {
        let fields = Fields::of(folder);
        fields.must_be(&[
            ("prenorm", false),
            ("causal", false),
            ("rotary_emb_interleaved", false),
            ("parallel_block", false),
            ("use_rms_norm", false),
        ])?;
        fields.swiglu()?;
        let (width, heads) = fields.width_and_heads(2)?;
        if fields.number(&["rotary_emb_fraction"])?.is_some_and(|f| f != 1.0) {
            return Err(fields.refuse("rotary_emb_fraction is not 1"));
        }
        if fields.get(&["rotary_emb_scale_base"]).is_some() {
            return Err(fields.refuse("rotary_emb_scale_base is not supported"));
        }
        // In published files max_position_embeddings is what the older spelling calls max_trained_positions.
        let trained = fields.count(&["max_trained_positions", "max_position_embeddings"])?.unwrap_or(2048);
        let positions = fields.count(&["n_positions"])?.unwrap_or(8192).max(trained);
        if positions > POSITIONS {
            return Err(fields.refuse(format!("texts of {positions} tokens are longer than any model reads")));
        }
        let old_inner = fields.count(&["n_inner"])?.map(|inner| inner.next_multiple_of(INNER_STEP));
        let inner = old_inner.map_or_else(|| fields.count(&["intermediate_size"]), |inner| Ok(Some(inner)))?;
        Ok(Self {
            width,
            heads,
            layers: fields.needed(&["n_layer", "num_hidden_layers"])?,
            inner: inner.unwrap_or(4 * width),
            vocabulary: fields.needed(&["vocab_size"])?,
            types: fields.count(&["type_vocab_size"])?.unwrap_or(2),
            eps: fields.number(&["layer_norm_epsilon", "layer_norm_eps"])?.unwrap_or(1e-12),
            rotary_base: fields.rotary_base(1000.0)?,
            scaling: fields.scaling()?,
            trained,
            positions,
            qkv_bias: fields.flag("qkv_proj_bias", false),
            fc1_bias: fields.flag("mlp_fc1_bias", false),
            fc2_bias: fields.flag("mlp_fc2_bias", false),
        })
    }

    /// Tokens of a window: what the model was trained for, or where it scales, what it can reach.
    pub fn context(&self) -> usize {
        if self.scaling.is_some() { self.positions } else { self.trained }
    }
}

/// Sizes and constants of the vision tower.
#[derive(Debug, Clone, PartialEq)]
pub struct NomicVisionConfig {
    /// Numbers per token.
    pub width: usize,
    /// Blocks.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// The inside of a block's feed-forward half.
    pub inner: usize,
    /// Side of a picture.
    pub side: usize,
    /// Side of a patch.
    pub patch: usize,
    /// Added to a variance, except inside the feed-forward half.
    pub eps: f64,
    /// Base of the rotary angles.
    pub rotary_base: f64,
    /// Rows and columns of patches that the rotary positions are scaled to.
    pub reference: [usize; 2],
    /// Whether attention's layers have a bias.
    pub qkv_bias: bool,
    /// Whether the first layers of the feed-forward half have.
    pub fc1_bias: bool,
    /// Whether the last one has.
    pub fc2_bias: bool,
    /// Whether the patch projection has.
    pub patch_bias: bool,
}

impl NomicVisionConfig {
    /// Reads the folder's configuration.
    ///
    /// # Errors
    /// When a size is missing or invalid, or the file describes another network; the message names the field.
    pub fn parse(folder: &ModelDir) -> Result<Self, TowerError> {
        let fields = Fields::of(folder);
        fields.must_be(&[
            ("prenorm", true),
            ("norm_mlp", true),
            ("no_last_ln", true),
            ("use_pos_embed", true),
            ("use_rotary_pos_emb", true),
            ("no_cls_token", false),
            ("no_embed_class", false),
            ("layer_scale", false),
            ("prepre_layernom", false),
            ("causal", false),
            ("use_rms_norm", false),
        ])?;
        fields.swiglu()?;
        let (width, heads) = fields.width_and_heads(4)?;
        let (side, patch) = (fields.needed(&["img_size"])?, fields.needed(&["patch_size"])?);
        if !side.is_multiple_of(patch) || side > 4096 || side / patch > GRID {
            let reason =
                format!("img_size is not a multiple of patch_size, above 4096, or has more than {GRID} patches");
            return Err(fields.refuse(reason));
        }
        if fields.count(&["num_channels"])?.is_some_and(|c| c != CHANNELS) {
            return Err(fields.refuse("num_channels is not 3"));
        }
        if fields.number(&["register_tokens"])?.is_some_and(|n| n != 0.0) {
            return Err(fields.refuse("register_tokens are not supported"));
        }
        let reference = |i: usize| match fields.get(&["ref_feat_shape"]) {
            None => Ok(side / patch),
            Some(shape) => count(&shape[i]).ok_or_else(|| fields.refuse("ref_feat_shape is not a pair of counts")),
        };
        Ok(Self {
            width,
            heads,
            layers: fields.needed(&["n_layer", "num_hidden_layers"])?,
            inner: fields.needed(&["n_inner", "intermediate_size"])?,
            side,
            patch,
            eps: fields.number(&["layer_norm_epsilon", "layer_norm_eps"])?.unwrap_or(1e-6),
            rotary_base: fields.rotary_base(10_000.0)?,
            reference: [reference(0)?, reference(1)?],
            qkv_bias: fields.flag("qkv_proj_bias", true),
            fc1_bias: fields.flag("mlp_fc1_bias", true),
            fc2_bias: fields.flag("mlp_fc2_bias", true),
            patch_bias: fields.flag("patch_embed_bias", true),
        })
    }

    /// Patches along a side.
    pub fn grid(&self) -> usize {
        self.side / self.patch
    }

    /// Tokens of a picture: the class token and the patches.
    pub fn tokens(&self) -> usize {
        1 + self.grid() * self.grid()
    }
}

/// The fields of a configuration; one that is null counts as missing.
struct Fields<'a> {
    folder: &'a ModelDir,
    json: &'a Value,
}

impl<'a> Fields<'a> {
    fn of(folder: &'a ModelDir) -> Self {
        Self { folder, json: folder.config() }
    }

    fn refuse(&self, reason: impl Into<String>) -> TowerError {
        TowerError::file(self.folder.dir().join(self.folder.config_file()).display().to_string(), reason)
    }

    /// The first of these that is there.
    fn get(&self, names: &[&str]) -> Option<&'a Value> {
        names.iter().map(|name| &self.json[name]).find(|value| !value.is_null())
    }

    fn number(&self, names: &[&str]) -> Result<Option<f64>, TowerError> {
        let parse = |value: &Value| {
            value.as_f64().ok_or_else(|| self.refuse(format!("{} is {value}, not a number", names.join(" or "))))
        };
        self.get(names).map(parse).transpose()
    }

    fn count(&self, names: &[&str]) -> Result<Option<usize>, TowerError> {
        let parse = |value: &Value| {
            count(value).ok_or_else(|| self.refuse(format!("{} is {value}, not a count", names.join(" or "))))
        };
        self.get(names).map(parse).transpose()
    }

    fn needed(&self, names: &[&str]) -> Result<usize, TowerError> {
        self.count(names)?.ok_or_else(|| self.refuse(format!("{} is missing", names.join(" or "))))
    }

    fn flag(&self, name: &str, otherwise: bool) -> bool {
        self.json[name].as_bool().unwrap_or(otherwise)
    }

    fn must_be(&self, flags: &[(&str, bool)]) -> Result<(), TowerError> {
        match flags.iter().find(|(name, wanted)| self.flag(name, *wanted) != *wanted) {
            Some((name, wanted)) => Err(self.refuse(format!("{name} is {}, which is not supported", !wanted))),
            None => Ok(()),
        }
    }

    fn swiglu(&self) -> Result<(), TowerError> {
        match self.get(&["activation_function", "hidden_act"]) {
            Some(name) if name != "swiglu" && name != "silu" => {
                Err(self.refuse(format!("the activation function {name} is not supported")))
            }
            _ => Ok(()),
        }
    }

    /// Width and heads, where heads can be cut into `parts` equal parts.
    fn width_and_heads(&self, parts: usize) -> Result<(usize, usize), TowerError> {
        let width = self.needed(&["n_embd", "hidden_size"])?;
        let heads = self.needed(&["n_head", "num_attention_heads"])?;
        // A head of two numbers has no scaled base.
        if width.is_multiple_of(heads * parts) && width > 2 * heads {
            return Ok((width, heads));
        }
        Err(self.refuse(format!("a width of {width} cannot be cut into {heads} heads")))
    }

    fn rotary_base(&self, otherwise: f64) -> Result<f64, TowerError> {
        let newer = self.json["rope_parameters"]["rope_theta"].as_f64();
        let base = self.number(&["rotary_emb_base", "rope_theta"])?.or(newer).unwrap_or(otherwise);
        if base >= 1.0 && base <= f64::from(f32::MAX) {
            Ok(base)
        } else {
            Err(self.refuse(format!("{base} is not a valid base of rotary angles")))
        }
    }

    /// The factor of dynamic NTK scaling, in either spelling.
    fn scaling(&self) -> Result<Option<f64>, TowerError> {
        let newer = &self.json["rope_parameters"];
        let factor = match newer["rope_type"].as_str() {
            Some("dynamic") => newer["factor"].as_f64(),
            None | Some("default") => None,
            Some(other) => return Err(self.refuse(format!("rope_parameters.rope_type {other} is not supported"))),
        };
        let factor = self.number(&["rotary_scaling_factor"])?.or(factor);
        match factor {
            Some(factor) if !(1.0..=MAX_SIZE).contains(&factor) => {
                Err(self.refuse(format!("{factor} is not a valid factor of rotary scaling")))
            }
            _ => Ok(factor),
        }
    }
}

/// A positive whole number, however it is written.
fn count(value: &Value) -> Option<usize> {
    value.as_f64().filter(|n| n.fract() == 0.0 && (1.0..=MAX_SIZE).contains(n)).map(|n| n as usize)
}
