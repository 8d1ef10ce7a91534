//! EfficientNet-Lite with a head that leads from its features into the common space.

use candle_core::{D, Device, Result as CandleResult, Tensor};
use candle_nn::ops::softmax_last_dim;
use rayon::prelude::*;

use super::config::{Config, ConvConfig, ConvKind, invalid};
use crate::domain::{Embedding, Picture};
use crate::towers::kernels::{Activation, Block, Depthwise, Linear, Stem};
use crate::towers::preprocess::{Filter, squash};
use crate::towers::weights::Weights;
use crate::towers::{ImageTower, Pixels, TowerError};

/// The image tower.
pub(super) struct StarterImage {
    size: usize,
    stem: Stem,
    blocks: Vec<Block>,
    /// 1x1 convolution after the last block.
    last: Linear,
    mid_blocks: Vec<usize>,
    head: Head,
}

impl StarterImage {
    pub fn load(weights: &Weights<'_>, config: &Config) -> Result<Self, TowerError> {
        let image = &config.image;
        let mut groups: Vec<&[ConvConfig]> = image.convs.chunk_by(|a, b| a.block == b.block).collect();
        let (Some([stem]), Some([last])) = (groups.first().copied(), groups.last().copied()) else {
            return Err(unknown_network());
        };
        if stem.kind != ConvKind::Stem || last.kind != ConvKind::Head || (stem.k, stem.stride) != (3, 2) {
            return Err(unknown_network());
        }
        groups.pop();
        let blocks = groups[1..].par_iter().map(|convs| block(weights, convs)).collect::<Result<_, _>>()?;
        let (matrix, bias) = conv(weights, stem)?;
        Ok(Self {
            size: image.size,
            stem: Stem::new(&matrix, &bias, activation(stem)),
            blocks,
            last: dense(weights, last)?,
            mid_blocks: image.mid_blocks.clone(),
            head: Head::load(weights, config)?,
        })
    }

    /// What the backbone sees in one picture: the mean of its last map, then those of the blocks in between.
    fn features(&self, pixels: &Pixels) -> CandleResult<(Tensor, Tensor)> {
        let mut x = Tensor::from_slice(&pixels.0, (self.size, self.size, 3), &Device::Cpu)?;
        let mut mids = Vec::new();
        x = self.stem.forward(&x)?;
        // The stem is block 0.
        for (i, block) in (1..).zip(&self.blocks) {
            x = block.forward(&x)?;
            if self.mid_blocks.contains(&i) {
                mids.push(x.flatten_to(1)?.mean(0)?);
            }
        }
        let x = self.last.forward(&x)?;
        Ok((x.flatten_to(1)?.mean(0)?, Tensor::cat(&mids, 0)?))
    }
}

impl ImageTower for StarterImage {
    fn prepare(&self, picture: &Picture) -> Pixels {
        let rgb = squash(picture, self.size, self.size, Filter::Bicubic);
        Pixels(rgb.into_iter().map(|v| (f32::from(v) - 127.0) / 128.0).collect())
    }

    fn embed(&self, batch: &[Pixels]) -> Result<Vec<Embedding>, TowerError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let features: Vec<_> = batch.par_iter().map(|pixels| self.features(pixels)).collect::<CandleResult<_>>()?;
        let (last, mid): (Vec<_>, Vec<_>) = features.into_iter().unzip();
        let vectors = self.head.forward(&Tensor::stack(&last, 0)?, &Tensor::stack(&mid, 0)?)?.to_vec2::<f32>()?;
        Ok(vectors.into_iter().map(Embedding::new).collect::<Result<_, _>>()?)
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
    fn load(weights: &Weights<'_>, config: &Config) -> Result<Self, TowerError> {
        let (image, dim) = (&config.image, config.dim);
        let mid = |block: &usize| image.convs.iter().rfind(|c| c.block == *block).map_or(0, |c| c.cout);
        let inputs = image.features + image.mid_blocks.iter().map(mid).sum::<usize>();
        let vector = |name: &str, len| -> Result<Tensor, TowerError> {
            Ok(Tensor::from_vec(weights.vector(name, len)?, len, &Device::Cpu)?)
        };
        let linear = |name: &str, outputs, inputs, activation| -> Result<Linear, TowerError> {
            let bias = weights.vector(&format!("{name}.bias"), outputs)?;
            Ok(Linear::new(&weights.matrix(name, outputs, inputs)?, &bias, activation))
        };
        Ok(Self {
            in_scale: vector("image.in_scale", inputs)?,
            in_shift: vector("image.in_shift", inputs)?,
            l1: linear("image.l1", image.hidden, inputs, Activation::Gelu)?,
            l2: linear("image.l2", dim, image.hidden, Activation::None)?,
            skip: linear("image.skip", dim, inputs, Activation::None)?,
            classifier: linear("image.fc", image.classes, image.features, Activation::None)?,
            class_vectors: Linear::transposed(&weights.matrix("image.class_vectors", image.classes, dim)?),
            centre: vector("image.centre", dim)?,
        })
    }

    fn forward(&self, last: &Tensor, mid: &Tensor) -> CandleResult<Tensor> {
        let x = Tensor::cat(&[last, mid], 1)?.broadcast_mul(&self.in_scale)?.broadcast_add(&self.in_shift)?;
        let classes = softmax_last_dim(&self.classifier.forward(last)?)?;
        let z = self.l2.forward(&self.l1.forward(&x)?)?;
        let z = self.skip.forward_add(&x, &z)?;
        let z = self.class_vectors.forward_add(&classes, &z)?;
        let length = z.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?;
        z.broadcast_div(&length)?.broadcast_sub(&self.centre)
    }
}

/// One inverted residual block from its two or three convolutions.
fn block(weights: &Weights<'_>, convs: &[ConvConfig]) -> Result<Block, TowerError> {
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
    let matrix = weights.matrix(&name, dw.cout, dw.k * dw.k)?;
    let bias = weights.vector(&format!("{name}.bias"), dw.cout)?;
    let depthwise = Depthwise::new(&matrix, &bias, dw.k, dw.stride).ok_or_else(unknown_network)?;
    let expand = expand.map(|conv| dense(weights, conv)).transpose()?;
    Block::new(expand, depthwise, dense(weights, project)?).ok_or_else(unknown_network)
}

fn conv(weights: &Weights<'_>, conv: &ConvConfig) -> Result<(crate::towers::weights::Matrix, Vec<f32>), TowerError> {
    let name = format!("image.conv{}", conv.i);
    let matrix = weights.matrix(&name, conv.cout, conv.cin * conv.k * conv.k)?;
    Ok((matrix, weights.vector(&format!("{name}.bias"), conv.cout)?))
}

/// A 1x1 convolution.
fn dense(weights: &Weights<'_>, config: &ConvConfig) -> Result<Linear, TowerError> {
    if config.k != 1 || config.stride != 1 {
        return Err(unknown_network());
    }
    let (matrix, bias) = conv(weights, config)?;
    Ok(Linear::new(&matrix, &bias, activation(config)))
}

fn activation(conv: &ConvConfig) -> Activation {
    if conv.relu6 { Activation::Relu6 } else { Activation::None }
}

fn unknown_network() -> TowerError {
    invalid("its convolutions are not those of an EfficientNet-Lite".to_owned())
}
