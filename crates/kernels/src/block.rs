//! An inverted residual block of a MobileNet-like network, in one go: expand (1x1), depthwise, project (1x1).
//!
//! The expanded map is four to six times as large as input and output, and would not fit the cache; it is made a few
//! rows at a time in a scratch buffer, already padded for the depthwise step, and never seen outside.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::conv::{Depthwise, Side};
use super::linear::PackedLinear;
use super::values;

/// Numbers that the expanded rows of one tile may take: 384 KiB, less than the second-level cache of a core.
const TILE: usize = 96 * 1024;

/// A block.
pub struct Block {
    expand: Option<PackedLinear>,
    depthwise: Depthwise,
    project: PackedLinear,
    residual: bool,
}

impl Block {
    /// `None` where the channels of the three steps do not fit one another. Input and output are added where they
    /// have the same shape.
    pub fn new(expand: Option<PackedLinear>, depthwise: Depthwise, project: PackedLinear) -> Option<Self> {
        let inputs = expand.as_ref().map_or(depthwise.channels(), PackedLinear::inputs);
        let fits = expand.as_ref().is_none_or(|e| e.outputs() == depthwise.channels())
            && project.inputs() == depthwise.channels();
        let residual = depthwise.stride == 1 && inputs == project.outputs();
        fits.then_some(Self { expand, depthwise, project, residual })
    }

    /// `[height, width, channels]` to the block's output.
    ///
    /// # Errors
    /// When the channels are not the block's.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.apply_op1_no_bwd(self)
    }

    fn inputs(&self) -> usize {
        self.expand.as_ref().map_or(self.depthwise.channels(), PackedLinear::inputs)
    }

    fn run(&self, x: &[f32], height: usize, width: usize, out: &mut [f32]) {
        let (size, stride, channels) = (self.depthwise.size, self.depthwise.stride, self.depthwise.channels());
        let (rows, columns) = (Side::new(height, size, stride), Side::new(width, size, stride));
        let line = columns.padded * channels;
        // Rows of the scratch buffer that one tile of outputs needs, and those that the next tile needs again.
        let (reach, kept) = (|n: usize| (n - 1) * stride + size, size.saturating_sub(stride));
        let tile = (TILE / line).saturating_sub(kept).div_ceil(stride).clamp(1, rows.outputs);
        let mut padded = vec![0.0; reach(tile) * line];
        let mut convolved = vec![0.0; tile * columns.outputs * channels];
        let places: Vec<usize> =
            (0..reach(tile) * width).map(|r| r / width * line + (columns.before + r % width) * channels).collect();
        let out_line = columns.outputs * self.project.outputs();
        for first in (0..rows.outputs).step_by(tile) {
            let count = tile.min(rows.outputs - first);
            let fresh = if first == 0 { 0 } else { kept };
            padded.copy_within(tile * stride * line..(tile * stride + fresh) * line, 0);
            let range = first * stride + fresh..first * stride + reach(count);
            self.fill(x, (height, width), &mut padded[fresh * line..], range, rows.before, line, &places);
            let convolved = &mut convolved[..count * columns.outputs * channels];
            self.depthwise.apply(&padded, columns.padded, convolved, count, columns.outputs);
            let here = first * out_line..(first + count) * out_line;
            let residual = self.residual.then(|| &x[here.clone()]);
            self.project.apply(convolved, residual, &mut out[here]);
        }
    }

    /// Expands the rows `range`, counted with the `before` rows of zeros above the map.
    #[expect(clippy::too_many_arguments, reason = "one step of `run`, with its variables")]
    fn fill(
        &self,
        x: &[f32],
        (height, width): (usize, usize),
        padded: &mut [f32],
        range: std::ops::Range<usize>,
        before: usize,
        line: usize,
        places: &[usize],
    ) {
        let inside = range.start.max(before)..range.end.min(before + height);
        if inside.is_empty() {
            return padded[..range.len() * line].fill(0.0);
        }
        let (above, below) = ((inside.start - range.start) * line, (inside.end - range.start) * line);
        padded[..above].fill(0.0);
        padded[below..range.len() * line].fill(0.0);
        let x = &x[(inside.start - before) * width * self.inputs()..(inside.end - before) * width * self.inputs()];
        let padded = &mut padded[above..below];
        match &self.expand {
            Some(layer) => layer.apply_scattered(x, padded, places),
            None => {
                for (row, place) in x.chunks_exact(self.inputs()).zip(places) {
                    padded[*place..*place + row.len()].copy_from_slice(row);
                }
            }
        }
    }
}

impl CustomOp1 for Block {
    fn name(&self) -> &'static str {
        "block"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(storage, layout, "block")?;
        let (height, width, channels) = layout.shape().dims3()?;
        if channels != self.inputs() || height == 0 || width == 0 {
            candle_core::bail!("block: the input is {:?}, not [height, width, {}]", layout.dims(), self.inputs());
        }
        let outputs = |inputs| Side::new(inputs, self.depthwise.size, self.depthwise.stride).outputs;
        let shape = Shape::from((outputs(height), outputs(width), self.project.outputs()));
        let mut out = vec![0.0; shape.elem_count()];
        self.run(x, height, width, &mut out);
        Ok((CpuStorage::F32(out), shape))
    }
}
