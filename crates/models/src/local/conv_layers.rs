//! The layers of convolutional networks, over maps with the channels last. On the CPU they run as the kernels of this
//! program, one picture (`[height, width, channels]`) at a time; elsewhere as tensor operations, several pictures
//! (`[pictures, height, width, channels]`) at a time.
//!
//! candle runs a convolution in groups as one convolution a group, hundreds for a depthwise layer. Here it is a few
//! multiplications of the whole map, moved: one for each place of the window.

use candle_core::{D, Device, Result as CandleResult, Tensor};

use super::compute_target::ComputeTarget;
use super::transformer_layers::{Activation, Linear, Values, activate};
use crate::TowerError;
use vicinity_kernels as kernels;

/// The numbers of a convolution of each channel on its own.
pub(super) struct Channels {
    /// One row per output: PyTorch's order, the outputs of a channel side by side.
    pub values: Values,
    /// Channels that go in.
    pub inputs: usize,
    /// Side of the window.
    pub size: usize,
    /// Step of the window.
    pub stride: usize,
}

/// Where zeros go around a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// Half a window at both ends, as PyTorch networks do it.
    Even,
    /// Just as many as are needed, the odd one at the end, as TensorFlow does it.
    Same,
}

impl Edge {
    /// Zeros before and after `inputs` positions, and the outputs.
    fn around(self, inputs: usize, size: usize, stride: usize) -> (usize, usize, usize) {
        let outputs = inputs.div_ceil(stride);
        let needed = (outputs - 1) * stride + size;
        let before = match self {
            Self::Even => size / 2,
            Self::Same => needed.saturating_sub(inputs) / 2,
        };
        (before, needed.saturating_sub(inputs + before), outputs)
    }
}

/// A map as the window sees it from each of its places, row by row: `[pictures, outputs, outputs, channels]`.
fn taps(x: &Tensor, size: usize, stride: usize, edge: Edge) -> CandleResult<Vec<Tensor>> {
    let (pictures, height, width, channels) = x.dims4()?;
    let (above, below, rows) = edge.around(height, size, stride);
    let (left, right, columns) = edge.around(width, size, stride);
    // Whole steps, so that every so many-th position can be taken by a view.
    let fill = |inputs: usize, before: usize, after: usize| {
        after + (stride - (inputs + before + after) % stride) % stride + stride
    };
    let x = x.pad_with_zeros(1, above, fill(height, above, below))?;
    let x = x.pad_with_zeros(2, left, fill(width, left, right))?;
    let (high, wide) = (x.dim(1)? / stride, x.dim(2)? / stride);
    let x = x.reshape((pictures, high, stride, wide, stride * channels))?;
    let tap = |place: usize| {
        let (row, column) = (place / size, place % size);
        let x = x.narrow(2, row % stride, 1)?.squeeze(2)?.narrow(1, row / stride, rows)?;
        x.narrow(2, column / stride, columns)?.narrow(3, column % stride * channels, channels)?.contiguous()
    };
    (0..size * size).map(tap).collect()
}

/// A convolution of each channel on its own, by tensor operations.
pub(super) struct Shifted {
    /// For each place of the window the weights, `[outputs]`; the first outputs of all channels come first.
    weights: Vec<Tensor>,
    bias: Tensor,
    multiplier: usize,
    size: usize,
    stride: usize,
    edge: Edge,
    activation: Activation,
}

impl Shifted {
    fn new(numbers: &Channels, edge: Edge, device: &Device) -> CandleResult<Self> {
        let Channels { values: Values { matrix, bias, activation }, inputs, size, stride } = numbers;
        let (outputs, area) = (bias.len(), size * size);
        if *inputs == 0 || !outputs.is_multiple_of(*inputs) || (matrix.rows(), matrix.cols()) != (outputs, area) {
            candle_core::bail!("a convolution whose numbers do not fit one another");
        }
        let (all, multiplier) = (matrix.unpack(), outputs / inputs);
        let channel = |position: usize| kernels::ChannelConv::torch_channel(position, *inputs, outputs);
        let tap = |tap: usize| {
            let weights: Vec<f32> = (0..outputs).map(|position| all[channel(position) * area + tap]).collect();
            Tensor::from_vec(weights, outputs, device)
        };
        let bias: Vec<f32> = (0..outputs).map(|position| bias[channel(position)]).collect();
        Ok(Self {
            weights: (0..area).map(tap).collect::<CandleResult<_>>()?,
            bias: Tensor::from_vec(bias, outputs, device)?,
            multiplier,
            size: *size,
            stride: *stride,
            edge,
            activation: *activation,
        })
    }

    fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        let mut sum: Option<Tensor> = None;
        for (tap, weights) in taps(x, self.size, self.stride, self.edge)?.iter().zip(&self.weights) {
            let tap = if self.multiplier == 1 { tap.clone() } else { tap.repeat((1, 1, 1, self.multiplier))? };
            let part = tap.broadcast_mul(weights)?;
            sum = Some(match sum {
                Some(sum) => (sum + part)?,
                None => part.broadcast_add(&self.bias)?,
            });
        }
        let sum = sum.ok_or_else(|| candle_core::Error::msg("an empty window"))?;
        activate(&sum, self.activation)
    }
}

/// The first convolution of a network: 3x3, dense, stride 2.
pub(super) enum Stem {
    Fused(kernels::Stem),
    Plain(Linear, Edge),
}

impl Stem {
    const SIZE: usize = 3;
    const STRIDE: usize = 2;

    /// One row of weights an output: channel by channel, each 3x3.
    pub fn new(values: Values, edge: Edge, target: &ComputeTarget) -> Result<Self, TowerError> {
        if target.is_fused() {
            let stem = kernels::Stem::new(&values.matrix, &values.bias, values.activation);
            return Ok(Self::Fused(if edge == Edge::Even { stem.even() } else { stem }));
        }
        let (rows, columns) = (values.matrix.rows(), values.matrix.cols());
        let (all, area) = (values.matrix.unpack(), Self::SIZE * Self::SIZE);
        let channels = columns / area;
        let moved = |i: usize| all[i / columns * columns + i % channels * area + i % columns / channels];
        let matrix = super::weights::Matrix::new(rows, columns, (0..all.len()).map(moved).collect());
        let matrix = matrix.ok_or_else(|| candle_core::Error::msg("a matrix of another size"))?;
        Ok(Self::Plain(Linear::of(&Values { matrix, ..values }, target)?, edge))
    }

    /// Half the size.
    pub fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        match self {
            Self::Fused(stem) => stem.forward(x),
            Self::Plain(layer, edge) => {
                layer.forward(&Tensor::cat(&taps(x, Self::SIZE, Self::STRIDE, *edge)?, D::Minus1)?)
            }
        }
    }
}

/// An inverted residual block: expand (1x1), depthwise, project (1x1), and the input added where it has that shape.
pub(super) enum Block {
    Fused(kernels::Block),
    Plain { expand: Option<Linear>, depthwise: Shifted, project: Linear, residual: bool },
}

impl Block {
    /// `None` where the steps do not fit one another.
    pub fn new(expand: Option<Values>, depthwise: &Channels, project: &Values, target: &ComputeTarget) -> Option<Self> {
        let channels = depthwise.inputs;
        let inputs = expand.as_ref().map_or(channels, |e| e.matrix.cols());
        if target.is_fused() {
            let dense = |values: &Values| packed(values, target);
            let Channels { values, size, stride, .. } = depthwise;
            let depthwise = kernels::Depthwise::new(&values.matrix, &values.bias, *size, *stride)?;
            return kernels::Block::new(expand.as_ref().map(dense), depthwise, dense(project)).map(Self::Fused);
        }
        let fits = expand.as_ref().is_none_or(|e| e.matrix.rows() == channels) && project.matrix.cols() == channels;
        let residual = depthwise.stride == 1 && inputs == project.matrix.rows();
        let dense = |values: &Values| Linear::of(values, target).ok();
        let expand = match &expand {
            Some(expand) => Some(dense(expand)?),
            None => None,
        };
        let depthwise = Shifted::new(depthwise, Edge::Same, target.device()).ok()?;
        fits.then_some(Self::Plain { expand, depthwise, project: dense(project)?, residual })
    }

    pub fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        match self {
            Self::Fused(block) => block.forward(x),
            Self::Plain { expand, depthwise, project, residual } => {
                let expanded = expand.as_ref().map_or(Ok(x.clone()), |layer| layer.forward(x))?;
                let convolved = depthwise.forward(&expanded.to_dtype(x.dtype())?)?;
                if *residual {
                    project.forward_add(&convolved, x)
                } else {
                    project.forward(&convolved)?.to_dtype(x.dtype())
                }
            }
        }
    }
}

/// A convolution of each channel on its own that stands alone, with even edges.
pub(super) enum ChannelConv {
    Fused(kernels::ChannelConv),
    Plain(Shifted),
}

impl ChannelConv {
    /// `None` where the numbers do not fit one another.
    pub fn new(numbers: &Channels, target: &ComputeTarget) -> Option<Self> {
        if !target.is_fused() {
            return Shifted::new(numbers, Edge::Even, target.device()).ok().map(Self::Plain);
        }
        fused(numbers).map(Self::Fused)
    }

    /// The outputs, in [`kernels::ChannelConv`]'s order.
    pub fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        match self {
            Self::Fused(conv) => conv.forward(x),
            Self::Plain(conv) => conv.forward(&x.to_dtype(candle_core::DType::F32)?),
        }
    }
}

fn fused(numbers: &Channels) -> Option<kernels::ChannelConv> {
    let Channels { values: Values { matrix, bias, activation }, inputs, size, stride } = numbers;
    let gelu = *activation == Activation::Gelu;
    kernels::ChannelConv::new(&matrix.unpack(), bias, *inputs, *size, *stride, gelu)
}

/// `x + narrow(wide(conv(x)))`.
pub(super) enum ConvMlp {
    Fused(kernels::ConvMlp),
    Plain { conv: Shifted, wide: Linear, narrow: Linear },
}

impl ConvMlp {
    /// `None` where the steps do not fit one another.
    pub fn new(conv: &Channels, wide: &Values, narrow: &Values, target: &ComputeTarget) -> Option<Self> {
        if target.is_fused() {
            let dense = |values: &Values| packed(values, target);
            return kernels::ConvMlp::new(fused(conv)?, dense(wide), dense(narrow)).map(Self::Fused);
        }
        let conv = Shifted::new(conv, Edge::Even, target.device()).ok()?;
        Some(Self::Plain { conv, wide: Linear::of(wide, target).ok()?, narrow: Linear::of(narrow, target).ok()? })
    }

    pub fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        match self {
            Self::Fused(all) => all.forward(x),
            Self::Plain { conv, wide, narrow } => narrow.forward_add(&wide.forward(&conv.forward(x)?)?, x),
        }
    }
}

/// A dense layer of the kernels.
fn packed(values: &Values, target: &ComputeTarget) -> kernels::PackedLinear {
    kernels::PackedLinear::new(&values.matrix, &values.bias, values.activation).in_dtype(target.dtype())
}

/// Squeeze and excite: `gelu(x * sigmoid(wide(relu(narrow(mean(x))))))`, the mean being that over the map.
pub(super) enum Squeeze {
    Fused(kernels::SqueezeExcite),
    Plain { narrow: Linear, wide: Linear },
}

impl Squeeze {
    /// `None` where the layers do not fit one another.
    pub fn new(narrow: &Values, wide: &Values, target: &ComputeTarget) -> Option<Self> {
        if target.is_fused() {
            let dense = |values: &Values| packed(values, target);
            return kernels::SqueezeExcite::new(dense(narrow), dense(wide)).map(Self::Fused);
        }
        Some(Self::Plain { narrow: Linear::of(narrow, target).ok()?, wide: Linear::of(wide, target).ok()? })
    }

    pub fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        match self {
            Self::Fused(squeeze) => squeeze.forward(x),
            Self::Plain { narrow, wide } => {
                let factors = wide.forward(&narrow.forward(&mean(x)?)?.relu()?)?.to_dtype(x.dtype())?;
                let factors = candle_nn::ops::sigmoid(&factors)?.unsqueeze(1)?.unsqueeze(1)?;
                x.broadcast_mul(&factors)?.gelu_erf()
            }
        }
    }
}

/// The mean of a map over its pixels: `[channels]`, or `[pictures, channels]`.
pub(super) fn mean(x: &Tensor) -> CandleResult<Tensor> {
    let first = x.rank() - 3;
    x.flatten(first, first + 1)?.mean(first)
}

/// Pictures as a map, `[height, width, 3]` of one where kernels work, `[pictures, height, width, 3]` elsewhere.
pub(super) fn pictures(
    pictures: &[crate::Pixels],
    (height, width): (usize, usize),
    target: &ComputeTarget,
) -> CandleResult<Tensor> {
    let one = |numbers: &[f32], count: usize| {
        if numbers.len() != count * height * width * 3 {
            candle_core::bail!("images of {} numbers, not {count} x {height} x {width} x 3", numbers.len());
        }
        Ok(())
    };
    if let (true, [picture]) = (target.is_fused(), pictures) {
        one(&picture.0, 1)?;
        return Tensor::from_slice(&picture.0, (height, width, 3), target.device());
    }
    let numbers: Vec<f32> = pictures.iter().flat_map(|picture| picture.0.iter().copied()).collect();
    one(&numbers, pictures.len())?;
    Tensor::from_vec(numbers, (pictures.len(), height, width, 3), target.device())
}
