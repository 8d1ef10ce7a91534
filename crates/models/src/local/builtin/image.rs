//! EfficientNet-Lite with a head that leads from its features into the common space.

use candle_core::{D, DType, Result as CandleResult, Tensor};
use candle_nn::ops::softmax_last_dim;
use rayon::prelude::*;

use super::config::{Config, ConvConfig, ConvKind, invalid};
use crate::local::compute_target::ComputeTarget;
use crate::local::conv_layers::{self, Block, Channels, Edge, Stem};
use crate::local::preprocess::{ResizeFilter, squash};
use crate::local::transformer_layers::{Activation, Linear, Values};
use crate::local::weights::Weights;
use crate::{ImageTower, Pixels, TowerError};
use vicinity_core::{Embedding, Picture};

/// The image tower.
pub(super) struct BuiltinImageTower {
    size: usize,
    stem: Stem,
    blocks: Vec<Block>,
    /// 1x1 convolution after the last block.
    last: Linear,
    mid_blocks: Vec<usize>,
    head: Head,
    target: ComputeTarget,
}

impl BuiltinImageTower {
    pub fn load(weights: &Weights<'_>, config: &Config, target: &ComputeTarget) -> Result<Self, TowerError> {
        // In bf16 the fifty convolutions, one after another, end at a cosine of 0.993.
        let target = &target.without_bf16();
        let image = &config.image;
        let mut groups: Vec<&[ConvConfig]> = image.convs.chunk_by(|a, b| a.block == b.block).collect();
        let (Some([stem]), Some([last])) = (groups.first().copied(), groups.last().copied()) else {
            return Err(unknown_network());
        };
        if stem.kind != ConvKind::Stem || last.kind != ConvKind::Head || (stem.k, stem.stride) != (3, 2) {
            return Err(unknown_network());
        }
        groups.pop();
        let blocks = groups[1..].par_iter().map(|convs| block(weights, convs, target)).collect::<Result<_, _>>()?;
        Ok(Self {
            size: image.size,
            stem: Stem::new(conv(weights, stem)?, Edge::Same, target)?,
            blocks,
            last: Linear::of(&dense(weights, last)?, target)?,
            mid_blocks: image.mid_blocks.clone(),
            head: Head::load(weights, config, target)?,
            target: target.clone(),
        })
    }

    /// What the backbone sees in pictures: the mean of its last map, then those of the blocks in between.
    fn features(&self, pictures: &[Pixels]) -> CandleResult<[Tensor; 2]> {
        let mut x = conv_layers::pictures(pictures, (self.size, self.size), &self.target)?;
        let mut mids = Vec::new();
        x = self.stem.forward(&x)?.to_dtype(DType::F32)?;
        // The stem is block 0.
        for (i, block) in (1..).zip(&self.blocks) {
            x = block.forward(&x)?;
            if self.mid_blocks.contains(&i) {
                mids.push(conv_layers::mean(&x)?);
            }
        }
        let last = conv_layers::mean(&self.last.forward(&x)?.to_dtype(DType::F32)?)?;
        let row = |x: Tensor| if x.rank() == 1 { x.unsqueeze(0) } else { Ok(x) };
        Ok([row(last)?, row(Tensor::cat(&mids, D::Minus1)?)?])
    }
}

impl ImageTower for BuiltinImageTower {
    fn prepare(&self, picture: &Picture) -> Pixels {
        let rgb = squash(picture, self.size, self.size, ResizeFilter::Bicubic);
        Pixels(rgb.into_iter().map(|v| (f32::from(v) - 127.0) / 128.0).collect())
    }

    fn embed(&self, batch: &[Pixels]) -> Result<Vec<Embedding>, TowerError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let features = self.target.groups(batch, 1, |group| self.features(group))?;
        let all = |part: usize| Tensor::cat(&features.iter().map(|f| &f[part]).collect::<Vec<_>>(), 0);
        let vectors = self.head.forward(&all(0)?, &all(1)?)?.to_vec2::<f32>()?;
        Ok(vectors.into_iter().map(Embedding::new).collect::<Result<_, _>>()?)
    }

    fn preferred_batch_size(&self) -> Option<usize> {
        self.target.preferred_batch_size()
    }
}

/// From features to the common space: a small network, a linear way past it, and the vectors of the classes that
/// the backbone's own classifier believes in.
struct Head {
    in_scale: Tensor,
    in_shift: Tensor,
    l1: Linear,
    l2: Linear,
    skip: Linear,
    classifier: Linear,
    class_vectors: Linear,
    /// Subtracted so that no text is near to all pictures.
    centre: Tensor,
}

impl Head {
    fn load(weights: &Weights<'_>, config: &Config, target: &ComputeTarget) -> Result<Self, TowerError> {
        let (image, dim) = (&config.image, config.dim);
        let mid = |block: &usize| image.convs.iter().rfind(|c| c.block == *block).map_or(0, |c| c.cout);
        let inputs = image.features + image.mid_blocks.iter().map(mid).sum::<usize>();
        let vector = |name: &str, len| -> Result<Tensor, TowerError> {
            Ok(Tensor::from_vec(weights.vector(name, len)?, len, target.device())?)
        };
        let linear = |name: &str, outputs, inputs, activation| -> Result<Linear, TowerError> {
            let bias = weights.vector(&format!("{name}.bias"), outputs)?;
            let matrix = weights.matrix(name, outputs, inputs)?;
            Ok(Linear::of(&Values { matrix, bias, activation }, target)?)
        };
        Ok(Self {
            in_scale: vector("image.in_scale", inputs)?,
            in_shift: vector("image.in_shift", inputs)?,
            l1: linear("image.l1", image.hidden, inputs, Activation::Gelu)?,
            l2: linear("image.l2", dim, image.hidden, Activation::None)?,
            skip: linear("image.skip", dim, inputs, Activation::None)?,
            classifier: linear("image.fc", image.classes, image.features, Activation::None)?,
            class_vectors: Linear::transposed(weights, "image.class_vectors", image.classes, dim, target)?,
            centre: vector("image.centre", dim)?,
        })
    }

    fn forward(&self, last: &Tensor, mid: &Tensor) -> CandleResult<Tensor> {
        let x = Tensor::cat(&[last, mid], 1)?.broadcast_mul(&self.in_scale)?.broadcast_add(&self.in_shift)?;
        let classes = softmax_last_dim(&self.classifier.forward(last)?.to_dtype(DType::F32)?)?;
        let z = self.l2.forward(&self.l1.forward(&x)?)?.to_dtype(DType::F32)?;
        let z = self.skip.forward_add(&x, &z)?;
        let z = self.class_vectors.forward_add(&classes, &z)?;
        let length = z.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?;
        z.broadcast_div(&length)?.broadcast_sub(&self.centre)
    }
}

/// One inverted residual block from its two or three convolutions.
fn block(weights: &Weights<'_>, convs: &[ConvConfig], target: &ComputeTarget) -> Result<Block, TowerError> {
    let (expand, dw, project) = match convs {
        [dw, project] => (None, dw, project),
        [expand, dw, project] => (Some(expand), dw, project),
        _ => return Err(unknown_network()),
    };
    let kinds = (expand.is_none_or(|e| e.kind == ConvKind::Expand), dw.kind, project.kind);
    if kinds != (true, ConvKind::Dw, ConvKind::Project) || !dw.relu6 || dw.cin != dw.cout || dw.k < dw.stride {
        return Err(unknown_network());
    }
    let name = format!("image.conv{}", dw.i);
    let values = Values {
        matrix: weights.matrix(&name, dw.cout, dw.k * dw.k)?,
        bias: weights.vector(&format!("{name}.bias"), dw.cout)?,
        activation: Activation::Relu6,
    };
    let depthwise = Channels { values, inputs: dw.cin, size: dw.k, stride: dw.stride };
    let expand = expand.map(|conv| dense(weights, conv)).transpose()?;
    Block::new(expand, &depthwise, &dense(weights, project)?, target).ok_or_else(unknown_network)
}

fn conv(weights: &Weights<'_>, conv: &ConvConfig) -> Result<Values, TowerError> {
    let name = format!("image.conv{}", conv.i);
    Ok(Values {
        matrix: weights.matrix(&name, conv.cout, conv.cin * conv.k * conv.k)?,
        bias: weights.vector(&format!("{name}.bias"), conv.cout)?,
        activation: activation(conv),
    })
}

/// A 1x1 convolution.
fn dense(weights: &Weights<'_>, config: &ConvConfig) -> Result<Values, TowerError> {
    if config.k != 1 || config.stride != 1 {
        return Err(unknown_network());
    }
    conv(weights, config)
}

fn activation(conv: &ConvConfig) -> Activation {
    if conv.relu6 { Activation::Relu6 } else { Activation::None }
}

fn unknown_network() -> TowerError {
    invalid("its convolutions are not those of an EfficientNet-Lite".to_owned())
}
