//! The feed-forward half of a block of FastViT, in one go: a convolution of each channel, a wide dense layer, a narrow
//! one, and the input added. The wide map never leaves the cache.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::channel_conv::ChannelConv;
use super::linear::PackedLinear;
use super::values;

/// Numbers that the wide map of one tile may take: 384 KiB, less than the second-level cache of a core.
const TILE: usize = 96 * 1024;

/// `x + narrow(wide(conv(x)))`.
pub struct ConvMlp {
    conv: ChannelConv,
    wide: PackedLinear,
    narrow: PackedLinear,
}

impl ConvMlp {
    /// `None` where the steps do not fit one another, or the convolution changes the size of the map.
    pub fn new(conv: ChannelConv, wide: PackedLinear, narrow: PackedLinear) -> Option<Self> {
        let channels = conv.channels();
        let fits = conv.outputs() == channels
            && conv.side(2).outputs == 2
            && wide.inputs() == channels
            && narrow.inputs() == wide.outputs()
            && narrow.outputs() == channels;
        fits.then_some(Self { conv, wide, narrow })
    }

    /// `[height, width, channels]` to the same.
    ///
    /// # Errors
    /// When the channels are not the layer's.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.apply_op1_no_bwd(self)
    }
}

impl CustomOp1 for ConvMlp {
    fn name(&self) -> &'static str {
        "conv_mlp"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(storage, layout, "conv_mlp")?;
        let (height, width, channels) = layout.shape().dims3()?;
        if channels != self.conv.channels() || height == 0 || width == 0 {
            candle_core::bail!("conv_mlp: the input is {:?}", layout.dims());
        }
        let line = width * channels;
        let rows = (TILE / (width * self.wide.outputs())).clamp(1, self.conv.tile(width));
        let (mut scratch, mut convolved, mut hidden) = (Vec::new(), Vec::new(), Vec::new());
        let mut out = vec![0.0; x.len()];
        for (i, (out, residual)) in out.chunks_mut(rows * line).zip(x.chunks(rows * line)).enumerate() {
            let rows = i * rows..i * rows + out.len() / line;
            convolved.resize(out.len(), 0.0);
            hidden.resize(rows.len() * width * self.wide.outputs(), 0.0);
            self.conv.rows(x, (height, width), rows, &mut scratch, &mut convolved);
            self.wide.apply(&convolved, None, &mut hidden);
            self.narrow.apply(&hidden, Some(residual), out);
        }
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }
}
