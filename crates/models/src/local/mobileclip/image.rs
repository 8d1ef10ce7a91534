//! FastViT as MobileCLIP S1 and S2 use it: three stages of convolutions, one of attention.
//!
//! Maps have their channels last.

use candle_core::{DType, Result as CandleResult, Tensor};
use rayon::prelude::*;

use super::config::{FILE, HEAD, MobileClipConfig};
use super::fuse::{Branches, Kernel, Norm};
use crate::local::compute_target::ComputeTarget;
use crate::local::conv_layers::{self, ChannelConv, Channels, ConvMlp, Edge, Squeeze, Stem};
use crate::local::preprocess::Recipe;
use crate::local::transformer_layers::{Activation, Attention, Linear, attend};
use crate::local::weights::Weights;
use crate::{ImageTower, Pixels, TowerError};
use vicinity_core::{Embedding, Picture};
use vicinity_kernels::ChannelConv as Order;

/// Where the tensors of the tower are.
const TRUNK: &str = "visual.trunk";
/// The stages from here on squeeze and excite as they begin.
const SQUEEZING: usize = 2;

/// The image tower.
pub struct FastVit {
    recipe: Recipe,
    stem: Stem,
    stem_conv: ChannelConv,
    stem_dense: Linear,
    stages: Vec<Stage>,
    last: ChannelConv,
    squeeze: Squeeze,
    head: Linear,
    target: ComputeTarget,
}

struct Stage {
    start: Option<Start>,
    /// Adds what a position is to what is there.
    positions: Option<ChannelConv>,
    blocks: Vec<Block>,
}

/// Halves the map and doubles the channels.
struct Start {
    conv: ChannelConv,
    squeeze: Option<Squeeze>,
    dense: Linear,
}

struct Block {
    mixer: Mixer,
    mlp: ConvMlp,
}

/// How the pixels of a map influence each other.
enum Mixer {
    Conv(ChannelConv),
    Attention { qkv: Linear, out: Linear, heads: usize },
}

impl FastVit {
    /// Reads the tower from `visual.trunk.*`.
    ///
    /// # Errors
    /// When a tensor is missing, of another size, or holds a number that is not finite.
    pub fn load(
        weights: &Weights<'_>,
        config: &MobileClipConfig,
        recipe: Recipe,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let [width, .., deep] = config.widths;
        let wide = 2 * deep;
        let at = |name: &str| format!("{TRUNK}.{name}");
        let scale = Branches { scale: true, identity: false };
        let stem = Kernel::branched(weights, &at("stem.0"), width, 3, 3, scale)?;
        let stem = stem.values(Activation::Gelu).ok_or_else(misfit)?;
        let stem_conv = Kernel::branched(weights, &at("stem.1"), width, 1, 3, scale)?;
        let identity = Branches { scale: false, identity: true };
        let stem_dense = Kernel::branched(weights, &at("stem.2"), width, width, 1, identity)?;
        let last = Kernel::branched(weights, &at("final_conv"), wide, 1, 3, scale)?;
        let moved = |position| Order::torch_channel(position, deep, wide);
        let head = Kernel::plain(weights, &at("head.fc"), config.dim, wide, 1)?.inputs_moved(moved);
        let stages =
            (0..4).into_par_iter().map(|i| Stage::load(weights, config, i, target)).collect::<Result<_, _>>()?;
        Ok(Self {
            recipe,
            stem: Stem::new(stem, Edge::Even, target)?,
            stem_conv: conv(&stem_conv, width, 3, 2, true, target)?,
            stem_dense: dense(&stem_dense, Activation::Gelu, target)?,
            stages,
            last: conv(&last, deep, 3, 1, false, target)?,
            squeeze: squeeze(weights, &at("final_conv.se"), deep, wide, target)?,
            head: dense(&head, Activation::None, target)?,
            target: target.clone(),
        })
    }

    /// What the tower makes of pictures, before it becomes a unit vector.
    ///
    /// # Errors
    /// When the pixels are not those of a prepared picture.
    pub fn features(&self, batch: &[Pixels]) -> Result<Vec<Vec<f32>>, TowerError> {
        let groups = self.target.groups(batch, 1, |group| self.group(group)?.to_vec2())?;
        Ok(groups.into_iter().flatten().collect())
    }

    /// One row per picture.
    fn group(&self, pictures: &[Pixels]) -> CandleResult<Tensor> {
        let (width, height) = self.recipe.size();
        let mut x = conv_layers::pictures(pictures, (height, width), &self.target)?;
        x = self.stem_dense.forward(&self.stem_conv.forward(&self.stem.forward(&x)?)?)?.to_dtype(DType::F32)?;
        for stage in &self.stages {
            x = stage.forward(x, &self.target)?;
        }
        x = conv_layers::mean(&self.squeeze.forward(&self.last.forward(&x)?)?)?;
        let x = x.reshape(((), *x.dims().last().unwrap_or(&1)))?;
        self.head.forward(&x)?.to_dtype(DType::F32)
    }
}

impl ImageTower for FastVit {
    fn prepare(&self, picture: &Picture) -> Pixels {
        Pixels(self.recipe.prepare_channels_last(picture))
    }

    fn embed(&self, batch: &[Pixels]) -> Result<Vec<Embedding>, TowerError> {
        Ok(self.features(batch)?.into_iter().map(Embedding::new).collect::<Result<_, _>>()?)
    }

    fn preferred_batch_size(&self) -> Option<usize> {
        self.target.preferred_batch_size()
    }
}

impl Stage {
    fn load(
        weights: &Weights<'_>,
        config: &MobileClipConfig,
        index: usize,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let (name, width) = (format!("{TRUNK}.stages.{index}"), config.widths[index]);
        let attends = index == 3;
        let start = (index > 0).then(|| Start::load(weights, &name, [width / 2, width], index >= SQUEEZING, target));
        let positions = attends.then(|| {
            let around = Kernel::plain(weights, &format!("{name}.pos_emb.pos_enc"), width, 1, 7)?;
            conv(&around.plus(&Kernel::unit(width, 1, 1)), width, 7, 1, false, target)
        });
        let block = |i| Block::load(weights, &format!("{name}.blocks.{i}"), [width, config.ratio], attends, target);
        Ok(Self {
            start: start.transpose()?,
            positions: positions.transpose()?,
            blocks: (0..config.layers[index]).into_par_iter().map(block).collect::<Result<_, _>>()?,
        })
    }

    fn forward(&self, mut x: Tensor, target: &ComputeTarget) -> CandleResult<Tensor> {
        if let Some(start) = &self.start {
            x = start.forward(&x)?;
        }
        if let Some(positions) = &self.positions {
            x = positions.forward(&x)?;
        }
        for block in &self.blocks {
            x = block.mlp.forward(&block.mixer.forward(x, target)?)?;
        }
        Ok(x)
    }
}

impl Start {
    fn load(
        w: &Weights<'_>,
        name: &str,
        [inputs, outputs]: [usize; 2],
        squeezes: bool,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let at = |part: &str| format!("{name}.downsample.proj.{part}");
        let large = Kernel::normed(w, &at("0.large_conv"), outputs, 1, 7)?;
        let both = large.plus(&Kernel::normed(w, &at("0.small_conv"), outputs, 1, 3)?);
        let identity = Branches { scale: false, identity: true };
        let moved = |position| Order::torch_channel(position, inputs, outputs);
        let mixing = Kernel::branched(w, &at("1"), outputs, outputs, 1, identity)?.inputs_moved(moved);
        Ok(Self {
            conv: conv(&both, inputs, 7, 2, !squeezes, target)?,
            squeeze: squeezes.then(|| squeeze(w, &at("0.se"), inputs, outputs, target)).transpose()?,
            dense: dense(&mixing, Activation::Gelu, target)?,
        })
    }

    fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        let x = self.conv.forward(x)?;
        let x = self.squeeze.as_ref().map_or(Ok(x.clone()), |squeeze| squeeze.forward(&x))?;
        self.dense.forward(&x)?.to_dtype(DType::F32)
    }
}

impl Block {
    fn load(
        w: &Weights<'_>,
        name: &str,
        [width, ratio]: [usize; 2],
        attends: bool,
        target: &ComputeTarget,
    ) -> Result<Self, TowerError> {
        let at = |part: &str| format!("{name}.{part}");
        let around = Kernel::normed(w, &at("mlp.conv"), width, 1, 7)?;
        let wide = Kernel::plain(w, &at("mlp.fc1"), ratio * width, width, 1)?;
        let scale = w.vector(&at(if attends { "layer_scale_2.gamma" } else { "layer_scale.gamma" }), width)?;
        let narrow = Kernel::plain(w, &at("mlp.fc2"), width, ratio * width, 1)?.times(&scale);
        let around = channels(&around, width, 7, 1, Activation::None)?;
        let layers = wide.values(Activation::Gelu).zip(narrow.values(Activation::None));
        let mlp = layers.and_then(|(wide, narrow)| ConvMlp::new(&around, &wide, &narrow, target));
        let mixer =
            if attends { Mixer::attention(w, name, width, target) } else { Mixer::conv(w, name, width, target) };
        Ok(Self { mixer: mixer?, mlp: mlp.ok_or_else(misfit)? })
    }
}

impl Mixer {
    /// `x + scale * (mixer(x) - norm(x))`, all one convolution.
    fn conv(w: &Weights<'_>, name: &str, width: usize, target: &ComputeTarget) -> Result<Self, TowerError> {
        let at = |part: &str| format!("{name}.token_mixer.{part}");
        let branches = Branches { scale: true, identity: true };
        let mixer = Kernel::branched(w, &at("mixer"), width, 1, 3, branches)?;
        let norm = Kernel::unit(width, 1, 1).then(&Norm::load(w, &at("norm.identity"), width)?);
        let difference = mixer.plus(&norm.times(&vec![-1.0; width]));
        let change = difference.times(&w.vector(&at("layer_scale.gamma"), width)?);
        Ok(Self::Conv(conv(&change.plus(&Kernel::unit(width, 1, 1)), width, 3, 1, false, target)?))
    }

    /// `x + scale * attention(norm(x))`.
    fn attention(w: &Weights<'_>, name: &str, width: usize, target: &ComputeTarget) -> Result<Self, TowerError> {
        let at = |part: &str| format!("{name}.{part}");
        let norm = Norm::load(w, &at("norm"), width)?;
        let qkv = Kernel::unbiased(w, &at("token_mixer.qkv"), 3 * width, width)?.after(&norm);
        let scale = w.vector(&at("layer_scale_1.gamma"), width)?;
        let out = Kernel::plain(w, &at("token_mixer.proj"), width, width, 1)?.times(&scale);
        let (qkv, out) = (dense(&qkv, Activation::None, target)?, dense(&out, Activation::None, target)?);
        Ok(Self::Attention { qkv, out, heads: width / HEAD })
    }

    fn forward(&self, x: Tensor, target: &ComputeTarget) -> CandleResult<Tensor> {
        match self {
            Self::Conv(conv) => conv.forward(&x),
            Self::Attention { qkv, out, heads } => {
                let [.., height, width, channels] = *x.dims() else { candle_core::bail!("no map: {:?}", x.dims()) };
                let rows = x.reshape(((), channels))?;
                let lengths = vec![height * width; rows.dim(0)? / (height * width)];
                let attention = Attention::full(*heads, &lengths);
                out.forward_add(&attend(target, &attention, &qkv.forward(&rows)?)?, &rows)?.reshape(x.shape())
            }
        }
    }
}

/// A 1x1 convolution.
fn dense(kernel: &Kernel, activation: Activation, target: &ComputeTarget) -> Result<Linear, TowerError> {
    Ok(Linear::of(&kernel.values(activation).ok_or_else(misfit)?, target)?)
}

/// The numbers of a convolution of each channel on its own.
fn channels(
    kernel: &Kernel,
    inputs: usize,
    size: usize,
    stride: usize,
    then: Activation,
) -> Result<Channels, TowerError> {
    Ok(Channels { values: kernel.values(then).ok_or_else(misfit)?, inputs, size, stride })
}

/// Such a convolution, GELU after it or not.
fn conv(
    kernel: &Kernel,
    inputs: usize,
    size: usize,
    stride: usize,
    gelu: bool,
    target: &ComputeTarget,
) -> Result<ChannelConv, TowerError> {
    let then = if gelu { Activation::Gelu } else { Activation::None };
    ChannelConv::new(&channels(kernel, inputs, size, stride, then)?, target).ok_or_else(misfit)
}

/// Squeeze and excite after a convolution that makes `outputs` of `inputs` channels.
fn squeeze(
    w: &Weights<'_>,
    name: &str,
    inputs: usize,
    outputs: usize,
    target: &ComputeTarget,
) -> Result<Squeeze, TowerError> {
    let narrow = format!("{name}.fc1");
    let hidden = w.shape(&format!("{narrow}.weight"))?.first().copied().unwrap_or_default();
    let moved = |position| Order::torch_channel(position, inputs, outputs);
    let narrow = Kernel::plain(w, &narrow, hidden, outputs, 1)?.inputs_moved(moved);
    let wide = Kernel::plain(w, &format!("{name}.fc2"), outputs, hidden, 1)?.outputs_moved(moved);
    let layers = narrow.values(Activation::None).zip(wide.values(Activation::None));
    layers.and_then(|(narrow, wide)| Squeeze::new(&narrow, &wide, target)).ok_or_else(misfit)
}

fn misfit() -> TowerError {
    TowerError::file(FILE, "its layers do not match")
}
