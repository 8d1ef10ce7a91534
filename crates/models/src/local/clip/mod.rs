//! CLIP in the layouts of transformers and open_clip: OpenAI's weights, which use the quick GELU, and those of LAION
//! and DataComp, which use the exact one.

mod config;

use candle_core::{Result as CandleResult, Tensor};
use rayon::prelude::*;

use super::compute_target::ComputeTarget;
use super::model_dir::ModelDir;
use super::preprocess::Recipe;
use super::text_chunks::joined;
use super::tokenize::clip::ClipTokenizer;
use super::transformer::{self, Encoder, PatchEmbedding, PatchNames, TensorNames, TokenEmbedding};
use super::transformer_layers::{LayerNorm, Linear};
use super::weights::Weights;
use crate::local::tokenize::beginning;
use crate::{
    ImageTower, LongText, Model, ModelInfo, ModelKey, Pixels, TextEmbedding, TextOptions, TextTower, TowerError,
};
pub use config::{ClipConfig, End};
use vicinity_core::{Embedding, Picture};

/// Goes up whenever the preparation of pictures or texts changes their vectors.
const PREPROCESSING: &str = "1";
/// CLIP never lets the factor of a softmax become larger.
const MAX_SCALE: f32 = 100.0;

/// The two towers.
pub struct ClipTowers {
    /// Pictures.
    pub image: ClipImageTower,
    /// Texts.
    pub text: ClipTextTower,
    /// The factor on cosines that they were trained with.
    pub scale: f32,
}

/// Loads the towers from a folder.
///
/// # Errors
/// When a file is missing or damaged; the message names it, and the tensor if any.
pub fn open(folder: &ModelDir, target: impl Into<ComputeTarget>) -> Result<ClipTowers, TowerError> {
    let target = &target.into();
    let config = ClipConfig::parse(folder)?;
    let recipe = config.recipe(folder)?;
    let tokenizer = ClipTokenizer::open(folder)?;
    tokenizer.fits(config.tokens)?;
    let weights = folder.weights()?;
    let (image, text) = rayon::join(
        || ClipImageTower::load(&weights, &config, recipe, target),
        || ClipTextTower::load(&weights, &config, tokenizer, target),
    );
    let scale = weights.vector("logit_scale", 1)?.first().map_or(1.0, |scale| scale.exp());
    Ok(ClipTowers { image: image?, text: text?, scale: scale.min(MAX_SCALE) })
}

/// Loads the model from a folder.
///
/// # Errors
/// As for [`open`].
pub fn load(folder: &ModelDir, target: &ComputeTarget) -> Result<Model, TowerError> {
    let (revision, towers) = rayon::join(|| folder.revision(), || open(folder, target));
    let (revision, ClipTowers { image, text, scale }) = (revision?, towers?);
    let name = folder.name();
    let known = ["openai", "laion", "datacomp"].iter().any(|owner| name.to_lowercase().contains(owner));
    let stated = folder.licence().or_else(|| known.then(|| "MIT".to_owned()));
    let info = ModelInfo {
        title: name.clone(),
        key: ModelKey { name, revision, preprocessing: PREPROCESSING.to_owned(), dim: image.project.outputs() },
        about: "Good at photos, drawings and styles, and at short English texts.\n\
                Weak at counts, details of long texts, and languages other than English."
            .to_owned(),
        licence: stated.unwrap_or_else(|| "not stated in the folder".to_owned()),
        label_scale: scale,
        label_prompt: "a photo of a {}".to_owned(),
        max_tokens: text.context,
        matryoshka: Vec::new(),
    };
    Ok(Model { info, image: Box::new(image), text: Box::new(text) })
}

/// The layer from a tower's width to the common space.
struct Projection {
    layer: Linear,
    dim: usize,
}

impl Projection {
    fn load(
        w: &Weights<'_>,
        name: &str,
        config: &ClipConfig,
        width: usize,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let dim = config.dim;
        let layer = match config.names {
            TensorNames::Transformers => {
                Linear::rows(w, (&format!("{name}.weight"), None), dim, 0..dim, width, target)?
            }
            TensorNames::OpenClip => Linear::transposed(w, name, width, dim, target)?,
        };
        Ok(Self { layer, dim })
    }

    fn outputs(&self) -> usize {
        self.dim
    }
}

/// The picture tower: a ViT whose first token stands for the whole picture.
pub struct ClipImageTower {
    recipe: Recipe,
    patches: PatchEmbedding,
    before: LayerNorm,
    encoder: Encoder,
    after: LayerNorm,
    project: Projection,
    target: ComputeTarget,
}

impl ClipImageTower {
    fn load(w: &Weights<'_>, config: &ClipConfig, recipe: Recipe, target: &ComputeTarget) -> Result<Self, TowerError> {
        let sizes = &config.vision;
        let [project, class, places, before, layers, after, projection] = match config.names {
            TensorNames::Transformers => [
                "vision_model.embeddings.patch_embedding",
                "vision_model.embeddings.class_embedding",
                "vision_model.embeddings.position_embedding.weight",
                // So it is spelt in all published files.
                "vision_model.pre_layrnorm",
                "vision_model.encoder.layers",
                "vision_model.post_layernorm",
                "visual_projection",
            ],
            TensorNames::OpenClip => [
                "visual.conv1",
                "visual.class_embedding",
                "visual.positional_embedding",
                "visual.ln_pre",
                "visual.transformer.resblocks",
                "visual.ln_post",
                "visual.proj",
            ],
        };
        let names = PatchNames { project, bias: false, class: Some(class), places };
        Ok(Self {
            recipe,
            patches: PatchEmbedding::load(w, &names, (config.side, config.patch), sizes.width, target)?,
            before: LayerNorm::load(w, before, sizes.width, sizes.eps, target)?,
            encoder: Encoder::load(w, layers, sizes, config.names, target)?,
            after: LayerNorm::load(w, after, sizes.width, sizes.eps, target)?,
            project: Projection::load(w, projection, config, sizes.width, target)?,
            target: target.clone(),
        })
    }

    /// All tokens before the final norm, picture after picture, `[pictures * tokens, width]`.
    ///
    /// # Errors
    /// When a picture has another size, or the forward pass fails.
    pub fn hidden(&self, batch: &[Pixels]) -> CandleResult<Tensor> {
        self.encode(batch, None)
    }

    fn encode(&self, batch: &[Pixels], only: Option<&[u32]>) -> CandleResult<Tensor> {
        let lengths = vec![self.patches.tokens(); batch.len()];
        self.encoder.forward(self.before.forward(&self.patches.forward(batch)?)?, &lengths, false, only)
    }

    /// What the tower makes of pictures, before it becomes unit vectors.
    ///
    /// # Errors
    /// When a picture has another size, or the forward pass fails.
    pub fn features(&self, batch: &[Pixels]) -> CandleResult<Vec<Vec<f32>>> {
        let tokens = self.patches.tokens();
        transformer::in_groups(batch, tokens, &self.target, |group| {
            let firsts: Vec<u32> = (0..).step_by(tokens).take(group.len()).collect();
            self.project.layer.forward(&self.after.forward(&self.encode(group, Some(&firsts))?)?)
        })
    }
}

impl ImageTower for ClipImageTower {
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

/// The text tower: each token sees those before it, and the end of the text stands for all of it. So nothing is
/// filled up.
pub struct ClipTextTower {
    tokenizer: ClipTokenizer,
    context: usize,
    end: End,
    words: TokenEmbedding,
    encoder: Encoder,
    norm: LayerNorm,
    project: Projection,
    target: ComputeTarget,
}

impl ClipTextTower {
    fn load(
        w: &Weights<'_>,
        config: &ClipConfig,
        tokenizer: ClipTokenizer,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let sizes = &config.text;
        // open_clip puts the text tower under `text.` where its class is `CustomTextCLIP`.
        let under = if w.has("text.token_embedding.weight") { "text." } else { "" };
        let names = match config.names {
            TensorNames::Transformers => [
                "text_model.embeddings.token_embedding.weight",
                "text_model.embeddings.position_embedding.weight",
                "text_model.encoder.layers",
                "text_model.final_layer_norm",
                "text_projection",
            ],
            TensorNames::OpenClip => [
                "token_embedding.weight",
                "positional_embedding",
                "transformer.resblocks",
                "ln_final",
                "text_projection",
            ],
        };
        let [words, places, layers, norm, projection] = names.map(|name| format!("{under}{name}"));
        Ok(Self {
            tokenizer,
            context: config.context,
            end: config.end,
            words: TokenEmbedding::load(w, (&words, config.tokens), (&places, config.context), sizes.width)?,
            encoder: Encoder::load(w, &layers, sizes, config.names, target)?,
            norm: LayerNorm::load(w, &norm, sizes.width, sizes.eps, target)?,
            project: Projection::load(w, &projection, config, sizes.width, target)?,
            target: target.clone(),
        })
    }

    /// The token ids of the first window of a text.
    ///
    /// # Errors
    /// When the text cannot be tokenised.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, TowerError> {
        Ok(self.tokenizer.windows(text, self.context, LongText::Truncate)?.into_iter().next().unwrap_or_default())
    }

    /// All tokens after the final norm, text after text, `[tokens, width]`.
    ///
    /// # Errors
    /// When the forward pass fails.
    pub fn hidden(&self, windows: &[Vec<u32>]) -> CandleResult<Tensor> {
        self.encode(windows, None)
    }

    fn encode(&self, windows: &[Vec<u32>], only: Option<&[u32]>) -> CandleResult<Tensor> {
        let lengths: Vec<usize> = windows.iter().map(Vec::len).collect();
        let x = self.words.forward(windows, &self.target)?;
        self.norm.forward(&self.encoder.forward(x, &lengths, true, only)?)
    }

    /// What the tower makes of windows, before it becomes unit vectors.
    ///
    /// # Errors
    /// When the forward pass fails.
    pub fn features(&self, windows: &[Vec<u32>]) -> CandleResult<Vec<Vec<f32>>> {
        let longest = windows.iter().map(Vec::len).max().unwrap_or_default();
        transformer::in_groups(windows, longest, &self.target, |group| {
            let firsts = group.iter().scan(0, |next, ids| Some(std::mem::replace(next, *next + ids.len())));
            let ends: Vec<u32> = firsts.zip(group).map(|(first, ids)| (first + self.end.of(ids)) as u32).collect();
            self.project.layer.forward(&self.encode(group, Some(&ends))?)
        })
    }
}

impl TextTower for ClipTextTower {
    fn embed(&self, texts: &[&str], options: TextOptions) -> Result<Vec<TextEmbedding>, TowerError> {
        let windows = |text: &&str| self.tokenizer.windows(text, self.context, options.long_text);
        let windows: Vec<Vec<Vec<u32>>> = texts.par_iter().map(windows).collect::<Result<_, _>>()?;
        // Each window has two special tokens.
        let counts: Vec<Vec<usize>> = windows.iter().map(|w| w.iter().map(|ids| ids.len() - 2).collect()).collect();
        Ok(joined(&counts, transformer::units(self.features(&windows.concat())?)?)?)
    }

    fn shortened(&self, text: String, options: TextOptions) -> String {
        beginning(&text, options.long_text.max_tokens(self.context)).to_owned()
    }

    fn preferred_batch_size(&self) -> Option<usize> {
        self.target.preferred_batch_size()
    }
}
