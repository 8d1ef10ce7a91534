//! SigLIP, and SigLIP 2 of one resolution, in the layout of transformers.
//!
//! A text is padded to one length and the padding is a part of the input: its vector is that of the last place,
//! and no token is hidden from another. A picture's vector comes from a head that looks at all patches.

use candle_core::{Result as CandleResult, Tensor};
use rayon::prelude::*;
use serde_json::Value;

use super::compute_target::ComputeTarget;
use super::model_dir::{self, ModelDir};
use super::preprocess::Recipe;
use super::text_chunks::joined;
use super::tokenize::siglip::SiglipTokenizer;
use super::transformer::{
    self, Encoder, PatchEmbedding, PatchNames, TensorNames, TokenEmbedding, TransformerSizes, number,
};
use super::transformer_layers::{Activation, LayerNorm, Linear, Pool, pool};
use super::weights::Weights;
use crate::local::tokenize::beginning;
use crate::{
    ImageTower, LongText, Model, ModelInfo, ModelKey, Pixels, TextEmbedding, TextOptions, TextTower, TowerError,
};
use vicinity_core::{Embedding, Picture};

/// Goes up whenever the preparation of pictures or texts changes their vectors.
const PREPROCESSING: &str = "1";
/// What transformers assumes for either tower (`SiglipTextConfig`, `SiglipVisionConfig`).
const DEFAULT: TransformerSizes =
    TransformerSizes { width: 768, heads: 12, hidden: 3072, layers: 12, eps: 1e-6, activation: Activation::GeluTanh };

/// Sizes of both towers.
#[derive(Debug, Clone)]
pub struct SiglipConfig {
    /// The text tower.
    pub text: TransformerSizes,
    /// Tokens there are.
    pub tokens: usize,
    /// Tokens of every text.
    pub context: usize,
    /// The picture tower, whose width is the dimension of the common space.
    pub vision: TransformerSizes,
    /// Side of a picture.
    pub side: usize,
    /// Side of a patch.
    pub patch: usize,
}

impl SiglipConfig {
    /// Reads `config.json`.
    ///
    /// # Errors
    /// When a size is invalid, or sizes do not fit one another.
    pub fn parse(file: &str, json: &Value) -> Result<Self, TowerError> {
        let (text, vision) = (&json["text_config"], &json["vision_config"]);
        let config = Self {
            text: TransformerSizes::parse(file, text, DEFAULT)?,
            tokens: number(file, text, "vocab_size", 32_000)?,
            context: number(file, text, "max_position_embeddings", 64)?,
            vision: TransformerSizes::parse(file, vision, DEFAULT)?,
            side: number(file, vision, "image_size", 224)?,
            patch: number(file, vision, "patch_size", 16)?,
        };
        let complain = |reason: &str| Err(TowerError::file(file, reason));
        if number(file, text, "projection_size", config.text.width)? != config.vision.width {
            return complain("the two towers return vectors of different sizes");
        }
        // A window holds the end mark and more than the overlap of two windows.
        if config.patch > config.side || config.side > 4096 || !(16..=4096).contains(&config.context) {
            return complain("its sizes are not those of a SigLIP");
        }
        if vision["vision_use_head"] == false {
            return complain("a SigLIP without a pooling head cannot be run");
        }
        Ok(config)
    }
}

/// The two towers.
pub struct SiglipTowers {
    /// Pictures.
    pub image: SiglipImageTower,
    /// Texts.
    pub text: SiglipTextTower,
    /// The factor on cosines that they were trained with.
    pub scale: f32,
}

/// Loads the towers from a folder.
///
/// # Errors
/// When a file is missing or damaged; the message names it, and the tensor if any.
pub fn open(folder: &ModelDir, target: impl Into<ComputeTarget>) -> Result<SiglipTowers, TowerError> {
    let target = &target.into();
    let config = SiglipConfig::parse(folder.config_file(), folder.config())?;
    let recipe = Recipe::open(folder)?.of_size(model_dir::PREPROCESSOR_CONFIG, config.side)?;
    let tokenizer = SiglipTokenizer::open(folder)?;
    tokenizer.fits(config.tokens)?;
    let weights = folder.weights()?;
    let (image, text) = rayon::join(
        || SiglipImageTower::load(&weights, &config, recipe, target),
        || SiglipTextTower::load(&weights, &config, tokenizer, target),
    );
    let scale = weights.vector("logit_scale", 1)?.first().map_or(1.0, |scale| scale.exp());
    Ok(SiglipTowers { image: image?, text: text?, scale })
}

/// Loads the model from a folder.
///
/// # Errors
/// As for [`open`].
pub fn load(folder: &ModelDir, target: &ComputeTarget) -> Result<Model, TowerError> {
    let (revision, towers) = rayon::join(|| folder.revision(), || open(folder, target));
    let (revision, SiglipTowers { image, text, scale }) = (revision?, towers?);
    let name = folder.name();
    let stated = folder.licence().or_else(|| name.to_lowercase().contains("google").then(|| "Apache-2.0".to_owned()));
    let languages = if name.to_lowercase().contains("siglip2") { "many languages" } else { "English" };
    let info = ModelInfo {
        title: name.clone(),
        key: ModelKey { name, revision, preprocessing: PREPROCESSING.to_owned(), dim: image.width },
        about: format!(
            "Among the best at photos; finds objects and scenes by short texts in {languages}.\n\
             Weak at long texts: reads only the first {} tokens.",
            text.context
        ),
        licence: stated.unwrap_or_else(|| "not stated in the folder".to_owned()),
        label_scale: scale,
        label_prompt: "a photo of a {}".to_owned(),
        max_tokens: text.context,
        matryoshka: Vec::new(),
    };
    Ok(Model { info, image: Box::new(image), text: Box::new(text) })
}

/// The picture tower.
pub struct SiglipImageTower {
    recipe: Recipe,
    patches: PatchEmbedding,
    encoder: Encoder,
    norm: LayerNorm,
    head: Head,
    width: usize,
    target: ComputeTarget,
}

/// Makes one vector of all tokens: attention with a learnt query, then a feed-forward half.
struct Head {
    /// The learnt vector, already made a query.
    query: Tensor,
    keys_values: Linear,
    attended: Linear,
    norm: LayerNorm,
    wide: Linear,
    narrow: Linear,
    heads: usize,
    target: ComputeTarget,
}

impl SiglipImageTower {
    fn load(
        w: &Weights<'_>,
        config: &SiglipConfig,
        recipe: Recipe,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let sizes = &config.vision;
        let names = PatchNames {
            project: "vision_model.embeddings.patch_embedding",
            bias: true,
            class: None,
            places: "vision_model.embeddings.position_embedding.weight",
        };
        Ok(Self {
            recipe,
            patches: PatchEmbedding::load(w, &names, (config.side, config.patch), sizes.width, target)?,
            encoder: Encoder::load(w, "vision_model.encoder.layers", sizes, TensorNames::Transformers, target)?,
            norm: LayerNorm::load(w, "vision_model.post_layernorm", sizes.width, sizes.eps, target)?,
            head: Head::load(w, sizes, target)?,
            width: sizes.width,
            target: target.clone(),
        })
    }

    /// All tokens after the final norm, picture after picture, `[pictures * tokens, width]`.
    ///
    /// # Errors
    /// When a picture has another size, or the forward pass fails.
    pub fn hidden(&self, batch: &[Pixels]) -> CandleResult<Tensor> {
        let lengths = vec![self.patches.tokens(); batch.len()];
        self.norm.forward(&self.encoder.forward(self.patches.forward(batch)?, &lengths, false, None)?)
    }

    /// What the tower makes of pictures, before it becomes unit vectors.
    ///
    /// # Errors
    /// When a picture has another size, or the forward pass fails.
    pub fn features(&self, batch: &[Pixels]) -> CandleResult<Vec<Vec<f32>>> {
        let tokens = self.patches.tokens();
        transformer::in_groups(batch, tokens, &self.target, |group| {
            self.head.forward(&self.hidden(group)?, &vec![tokens; group.len()])
        })
    }
}

impl Head {
    fn load(w: &Weights<'_>, sizes: &TransformerSizes, target: &ComputeTarget) -> Result<Self, TowerError> {
        let TransformerSizes { width, heads, hidden, eps, activation, .. } = *sizes;
        let at = |part: &str| format!("vision_model.head.{part}");
        let (weight, bias) = (at("attention.in_proj_weight"), at("attention.in_proj_bias"));
        let part = |rows| Linear::rows(w, (&weight, Some(&bias)), 3 * width, rows, width, target);
        let probe = Tensor::from_vec(w.vector(&at("probe"), width)?, (1, width), target.device())?;
        let dense = |name: &str, outputs, inputs, activation| {
            Linear::load(w, &at(name), outputs, inputs, true, activation, target)
        };
        Ok(Self {
            query: part(0..width)?.forward(&probe)?.flatten_all()?,
            keys_values: part(width..3 * width)?,
            attended: dense("attention.out_proj", width, width, Activation::None)?,
            norm: LayerNorm::load(w, &at("layernorm"), width, eps, target)?,
            wide: dense("mlp.fc1", hidden, width, activation)?,
            narrow: dense("mlp.fc2", width, hidden, Activation::None)?,
            heads,
            target: target.clone(),
        })
    }

    fn forward(&self, x: &Tensor, lengths: &[usize]) -> CandleResult<Tensor> {
        let pooled =
            pool(&self.target, &Pool { heads: self.heads, lengths }, &self.query, &self.keys_values.forward(x)?)?;
        let x = self.attended.forward(&pooled)?;
        self.narrow.forward_add(&self.wide.forward(&self.norm.forward(&x)?)?, &x)
    }
}

impl ImageTower for SiglipImageTower {
    fn prepare(&self, picture: &Picture) -> Pixels {
        Pixels(self.recipe.prepare(picture))
    }

    fn embed(&self, batch: &[Pixels]) -> Result<Vec<Embedding>, TowerError> {
        transformer::units(self.features(batch)?)
    }

    fn preferred_batch_size(&self) -> Option<usize> {
        self.target.preferred_batch_size()
    }
}

/// The text tower.
pub struct SiglipTextTower {
    tokenizer: SiglipTokenizer,
    context: usize,
    words: TokenEmbedding,
    encoder: Encoder,
    norm: LayerNorm,
    head: Linear,
    target: ComputeTarget,
}

impl SiglipTextTower {
    fn load(
        w: &Weights<'_>,
        config: &SiglipConfig,
        tokenizer: SiglipTokenizer,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let (sizes, outputs) = (&config.text, config.vision.width);
        let words = ("text_model.embeddings.token_embedding.weight", config.tokens);
        let places = ("text_model.embeddings.position_embedding.weight", config.context);
        Ok(Self {
            tokenizer,
            context: config.context,
            words: TokenEmbedding::load(w, words, places, sizes.width)?,
            encoder: Encoder::load(w, "text_model.encoder.layers", sizes, TensorNames::Transformers, target)?,
            norm: LayerNorm::load(w, "text_model.final_layer_norm", sizes.width, sizes.eps, target)?,
            head: Linear::load(w, "text_model.head", outputs, sizes.width, true, Activation::None, target)?,
            target: target.clone(),
        })
    }

    /// The token ids of the first window of a text, padded.
    ///
    /// # Errors
    /// When the text cannot be tokenised.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, TowerError> {
        let windows = self.tokenizer.windows(text, self.context, LongText::Truncate)?;
        Ok(windows.into_iter().next().map(|(ids, _)| ids).unwrap_or_default())
    }

    /// All tokens after the final norm, text after text, `[texts * context, width]`.
    ///
    /// # Errors
    /// When the forward pass fails.
    pub fn hidden(&self, windows: &[Vec<u32>]) -> CandleResult<Tensor> {
        self.encode(windows, None)
    }

    fn encode(&self, windows: &[Vec<u32>], only: Option<&[u32]>) -> CandleResult<Tensor> {
        let lengths: Vec<usize> = windows.iter().map(Vec::len).collect();
        let x = self.words.forward(windows, &self.target)?;
        self.norm.forward(&self.encoder.forward(x, &lengths, false, only)?)
    }

    /// What the tower makes of windows, before it becomes unit vectors.
    ///
    /// # Errors
    /// When the forward pass fails.
    pub fn features(&self, windows: &[Vec<u32>]) -> CandleResult<Vec<Vec<f32>>> {
        transformer::in_groups(windows, self.context, &self.target, |group| {
            let last = (self.context - 1) as u32;
            let lasts: Vec<u32> = (last..).step_by(self.context).take(group.len()).collect();
            self.head.forward(&self.encode(group, Some(&lasts))?)
        })
    }
}

impl TextTower for SiglipTextTower {
    fn embed(&self, texts: &[&str], options: TextOptions) -> Result<Vec<TextEmbedding>, TowerError> {
        let windows = |text: &&str| self.tokenizer.windows(text, self.context, options.long_text);
        let windows: Vec<Vec<(Vec<u32>, usize)>> = texts.par_iter().map(windows).collect::<Result<_, _>>()?;
        let counts: Vec<Vec<usize>> = windows.iter().map(|w| w.iter().map(|(_, own)| *own).collect()).collect();
        let ids: Vec<Vec<u32>> = windows.into_iter().flatten().map(|(ids, _)| ids).collect();
        Ok(joined(&counts, transformer::units(self.features(&ids)?)?)?)
    }

    fn shortened(&self, text: String, options: TextOptions) -> String {
        beginning(&text, options.long_text.max_tokens(self.context)).to_owned()
    }

    fn preferred_batch_size(&self) -> Option<usize> {
        self.target.preferred_batch_size()
    }
}
