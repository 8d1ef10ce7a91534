//! A dense layer, `activation(x Wᵀ + b) + residual`, which is a 1x1 convolution too where channels come last.

use ::half::bf16;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, DType, Layout, Result, Shape, Tensor};

use super::matmul::{lanes, pack};
use super::matmul_task::{Activation, Join, Panels, Place, Task};
use super::{WeightMatrix, bf16_matmul, values, written};

/// Weights in panels.
enum Packed {
    Single(Vec<f32>),
    Half(Vec<bf16>),
}

/// A dense layer with its weights in panels.
pub struct PackedLinear {
    inputs: usize,
    outputs: usize,
    panels: Packed,
    /// As long as the panels are wide; what is beyond `outputs` is zero.
    bias: Vec<f32>,
    activation: Activation,
}

impl PackedLinear {
    /// `weights` has one row per output.
    pub fn new(weights: &impl WeightMatrix, bias: &[f32], activation: Activation) -> Self {
        Self::from_rows(weights.rows(), weights.cols(), |o, row| weights.unpack_row(o, row), bias, activation)
    }

    /// `x W` in place of `x Wᵀ`: the matrix has one row per input. No bias.
    pub fn transposed(weights: &impl WeightMatrix) -> Self {
        let (inputs, outputs, all) = (weights.rows(), weights.cols(), weights.unpack());
        let row = |output: usize, row: &mut [f32]| {
            for (to, from) in row.iter_mut().zip(all.chunks_exact(outputs)) {
                *to = from[output];
            }
        };
        Self::from_rows(outputs, inputs, row, &vec![0.0; outputs], Activation::None)
    }

    /// `row` writes the weights of one output. `bias` may be shorter than there are outputs: the rest is zero.
    pub fn from_rows(
        outputs: usize,
        inputs: usize,
        row: impl FnMut(usize, &mut [f32]),
        bias: &[f32],
        activation: Activation,
    ) -> Self {
        let mut panels = Vec::new();
        pack(&mut panels, outputs, inputs, row);
        let mut bias = bias.to_vec();
        bias.resize(outputs.next_multiple_of(lanes()), 0.0);
        Self { inputs, outputs, panels: Packed::Single(panels), bias, activation }
    }

    /// The same layer in bf16 where that is asked for and the processor multiplies it: see [`bf16_matmul`]. In f32 otherwise.
    #[must_use]
    pub fn in_dtype(self, dtype: DType) -> Self {
        if dtype != DType::BF16 || bf16_matmul::unit().is_none() {
            return self;
        }
        let (wide, padded) = (2 * lanes(), self.outputs.next_multiple_of(lanes()));
        let panels = match self.panels {
            Packed::Single(panels) => Packed::Half(bf16_matmul::pack(self.outputs, self.inputs, |o, i| {
                let first = o - o % wide;
                panels[first * self.inputs + i * wide.min(padded - first) + o % wide]
            })),
            half @ Packed::Half(_) => half,
        };
        Self { panels, ..self }
    }

    /// Length of an input row.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Length of an output row.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Applies the layer to the last dimension of `x`.
    ///
    /// # Errors
    /// When the last dimension is not the layer's.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.apply_op1_no_bwd(self)
    }

    /// As [`Self::forward`], then adds `residual`.
    ///
    /// # Errors
    /// When a dimension is not the layer's.
    pub fn forward_add(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        x.apply_op2_no_bwd(residual, &Joined { layer: self, join: Join::Sum })
    }

    /// As [`Self::forward`], then multiplies by `factor`.
    ///
    /// # Errors
    /// When a dimension is not the layer's.
    pub fn forward_mul(&self, x: &Tensor, factor: &Tensor) -> Result<Tensor> {
        x.apply_op2_no_bwd(factor, &Joined { layer: self, join: Join::Product })
    }

    /// Applies the layer to consecutive rows; what `out` held is overwritten.
    pub(super) fn apply(&self, x: &[f32], residual: Option<&[f32]>, out: &mut [f32]) {
        let rows = x.len() / self.inputs;
        assert!(x.len() == rows * self.inputs && out.len() == rows * self.outputs);
        assert!(residual.is_none_or(|r| r.len() == out.len()));
        let residual = residual.map_or(std::ptr::null(), <[f32]>::as_ptr);
        // SAFETY: the lengths were just checked.
        unsafe { self.task(x, rows, residual, out.as_mut_ptr(), &Place::Stride(self.outputs)).run() }
    }

    /// As [`Self::apply`], on all threads that are idle. `with` is laid out like the output.
    fn apply_shared(&self, x: &[f32], with: Option<(&[f32], Join)>, shape: &Shape) -> Vec<f32> {
        let rows = x.len() / self.inputs;
        let len = shape.elem_count();
        assert!(x.len() == rows * self.inputs && len == rows * self.outputs);
        assert!(with.is_none_or(|(w, _)| w.len() == len));
        let residual = with.map_or(std::ptr::null(), |(w, _)| w.as_ptr());
        let place = Place::Stride(self.outputs);
        // SAFETY: the lengths were just checked; a product writes all its rows and columns.
        unsafe {
            written(len, |out| {
                let mut task = self.task(x, rows, residual, out, &place);
                task.join = with.map_or(Join::Sum, |(_, join)| join);
                task.run_shared();
            })
        }
    }

    /// Applies the layer to consecutive rows; row `r` goes to `out[places[r]..]`.
    pub(super) fn apply_scattered(&self, x: &[f32], out: &mut [f32], places: &[usize]) {
        let rows = x.len() / self.inputs;
        assert!(rows <= places.len() && x.len() == rows * self.inputs);
        let last = places[..rows].iter().max().map_or(0, |p| p + self.outputs);
        assert!(last <= out.len());
        // SAFETY: the lengths were just checked.
        unsafe { self.task(x, rows, std::ptr::null(), out.as_mut_ptr(), &Place::Table(places)).run() }
    }

    fn task<'a>(
        &'a self,
        x: &'a [f32],
        rows: usize,
        residual: *const f32,
        out: *mut f32,
        place: &'a Place<'a>,
    ) -> Task<'a> {
        Task {
            x: x.as_ptr(),
            x_stride: self.inputs,
            rows,
            inputs: self.inputs,
            outputs: self.outputs,
            panels: match &self.panels {
                Packed::Single(panels) => Panels::Single(panels),
                Packed::Half(panels) => Panels::Half(panels),
            },
            bias: Some(&self.bias),
            activation: self.activation,
            residual,
            join: Join::Sum,
            out,
            place,
        }
    }
}

impl CustomOp1 for PackedLinear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(storage, layout, "linear")?;
        let shape = self.output_shape(layout)?;
        Ok((CpuStorage::F32(self.apply_shared(x, None, &shape)), shape))
    }
}

/// A dense layer and how a second tensor joins its output.
struct Joined<'a> {
    layer: &'a PackedLinear,
    join: Join,
}

impl CustomOp2 for Joined<'_> {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, with) = (values(s1, l1, "linear")?, values(s2, l2, "linear")?);
        let shape = self.layer.output_shape(l1)?;
        if l2.shape() != &shape {
            candle_core::bail!("linear: the second tensor is {:?}, the output {shape:?}", l2.shape());
        }
        Ok((CpuStorage::F32(self.layer.apply_shared(x, Some((with, self.join)), &shape)), shape))
    }
}

impl PackedLinear {
    fn output_shape(&self, layout: &Layout) -> Result<Shape> {
        let mut dims = layout.dims().to_vec();
        match dims.last_mut() {
            Some(last) if *last == self.inputs => *last = self.outputs,
            _ => candle_core::bail!("linear: the input is {:?}, its rows must be {} long", layout.dims(), self.inputs),
        }
        Ok(Shape::from(dims))
    }
}
