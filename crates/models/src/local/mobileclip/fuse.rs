//! Makes one convolution of the several that FastViT is trained with: batch norms, parallel branches of different
//! windows, ways past a layer, and factors. All of them are linear, so nothing changes but the time.

use crate::TowerError;
use crate::local::transformer_layers::{Activation, Values};
use crate::local::weights::{Matrix, Weights};

/// Added to a variance; PyTorch's own value, which timm keeps.
const EPS: f64 = 1e-5;

/// Weights and bias of a convolution, in double precision until all is put together.
#[derive(Clone)]
pub(super) struct Kernel {
    inputs: usize,
    size: usize,
    /// `[outputs, inputs, size, size]`; `inputs` is 1 where each channel is on its own.
    weights: Vec<f64>,
    bias: Vec<f64>,
}

/// Which branches a layer has beside the main one.
#[derive(Clone, Copy)]
pub(super) struct Branches {
    /// `conv_scale`, 1x1.
    pub scale: bool,
    /// `identity`, a batch norm of the input.
    pub identity: bool,
}

/// A batch norm as `x * factor + shift`.
pub(super) struct Norm {
    pub factor: Vec<f64>,
    pub shift: Vec<f64>,
}

impl Norm {
    pub fn load(weights: &Weights<'_>, name: &str, channels: usize) -> Result<Self, TowerError> {
        let vector = |part: &str| weights.vector(&format!("{name}.{part}"), channels);
        let (weight, bias) = (vector("weight")?, vector("bias")?);
        let (mean, variance) = (vector("running_mean")?, vector("running_var")?);
        let factor = weight.iter().zip(&variance).map(|(w, v)| f64::from(*w) / (f64::from(*v).max(0.0) + EPS).sqrt());
        let factor: Vec<f64> = factor.collect();
        let shift = bias.iter().zip(&mean).zip(&factor).map(|((b, m), f)| f64::from(*b) - f64::from(*m) * f);
        let shift = shift.collect();
        Ok(Self { factor, shift })
    }
}

impl Kernel {
    /// What leaves everything as it is. `inputs` is 1, or the number of outputs.
    pub fn unit(outputs: usize, inputs: usize, size: usize) -> Self {
        let (area, mut weights) = (size * size, vec![0.0; outputs * inputs * size * size]);
        for output in 0..outputs {
            weights[(output * inputs + output % inputs) * area + area / 2] = 1.0;
        }
        Self { inputs, size, weights, bias: vec![0.0; outputs] }
    }

    /// `NAME.weight` and `NAME.bias`.
    pub fn plain(w: &Weights<'_>, name: &str, outputs: usize, inputs: usize, size: usize) -> Result<Self, TowerError> {
        let weights = w.vector(&format!("{name}.weight"), outputs * inputs * size * size)?;
        let bias = w.vector(&format!("{name}.bias"), outputs)?;
        let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect();
        Ok(Self { inputs, size, weights: wide(weights), bias: wide(bias) })
    }

    /// `NAME.conv`, followed by the batch norm `NAME.bn`.
    pub fn normed(w: &Weights<'_>, name: &str, outputs: usize, inputs: usize, size: usize) -> Result<Self, TowerError> {
        let weights = w.vector(&format!("{name}.conv.weight"), outputs * inputs * size * size)?;
        let weights = weights.into_iter().map(f64::from).collect();
        let kernel = Self { inputs, size, weights, bias: vec![0.0; outputs] };
        Ok(kernel.then(&Norm::load(w, &format!("{name}.bn"), outputs)?))
    }

    /// The sum of the branches of a MobileOne block.
    pub fn branched(
        w: &Weights<'_>,
        name: &str,
        outputs: usize,
        inputs: usize,
        size: usize,
        branches: Branches,
    ) -> Result<Self, TowerError> {
        let mut all = Self::normed(w, &format!("{name}.conv_kxk.0"), outputs, inputs, size)?;
        if branches.scale {
            all = all.plus(&Self::normed(w, &format!("{name}.conv_scale"), outputs, inputs, 1)?);
        }
        if branches.identity {
            let norm = Norm::load(w, &format!("{name}.identity"), outputs)?;
            all = all.plus(&Self::unit(outputs, inputs, size).then(&norm));
        }
        Ok(all)
    }

    /// The same with a batch norm, or a factor, after it.
    pub fn then(mut self, norm: &Norm) -> Self {
        let len = self.inputs * self.size * self.size;
        for (row, factor) in self.weights.chunks_exact_mut(len).zip(&norm.factor) {
            row.iter_mut().for_each(|w| *w *= factor);
        }
        for ((bias, factor), shift) in self.bias.iter_mut().zip(&norm.factor).zip(&norm.shift) {
            *bias = *bias * factor + shift;
        }
        self
    }

    /// The same with a factor a channel after it.
    pub fn times(self, factor: &[f32]) -> Self {
        let factor: Vec<f64> = factor.iter().map(|f| f64::from(*f)).collect();
        let shift = vec![0.0; factor.len()];
        self.then(&Norm { factor, shift })
    }

    /// The sum of two of equal channels; the other one's window is not larger.
    pub fn plus(mut self, other: &Self) -> Self {
        let (area, small) = (self.size * self.size, other.size * other.size);
        let skip = (self.size - other.size) / 2;
        for (plane, added) in self.weights.chunks_exact_mut(area).zip(other.weights.chunks_exact(small)) {
            let rows = plane.chunks_exact_mut(self.size).skip(skip);
            for (row, added) in rows.zip(added.chunks_exact(other.size)) {
                row[skip..].iter_mut().zip(added).for_each(|(w, a)| *w += a);
            }
        }
        self.bias.iter_mut().zip(&other.bias).for_each(|(b, a)| *b += a);
        self
    }

    /// What a batch norm before a 1x1 convolution makes of it.
    pub fn after(mut self, norm: &Norm) -> Self {
        for (row, bias) in self.weights.chunks_exact_mut(self.inputs).zip(&mut self.bias) {
            *bias += row.iter().zip(&norm.shift).map(|(w, s)| w * s).sum::<f64>();
            row.iter_mut().zip(&norm.factor).for_each(|(w, f)| *w *= f);
        }
        self
    }

    /// A 1x1 convolution for inputs in another order: `of` tells which input stands at a position now.
    pub fn inputs_moved(mut self, of: impl Fn(usize) -> usize) -> Self {
        for row in self.weights.chunks_exact_mut(self.inputs) {
            let old = row.to_vec();
            for (position, w) in row.iter_mut().enumerate() {
                *w = old[of(position)];
            }
        }
        self
    }

    /// A convolution whose outputs come in another order.
    pub fn outputs_moved(mut self, of: impl Fn(usize) -> usize) -> Self {
        let (old, len) = (self.clone(), self.inputs * self.size * self.size);
        for (position, row) in self.weights.chunks_exact_mut(len).enumerate() {
            row.copy_from_slice(&old.weights[of(position) * len..][..len]);
            self.bias[position] = old.bias[of(position)];
        }
        self
    }

    /// Without a bias of its own.
    pub fn unbiased(w: &Weights<'_>, name: &str, outputs: usize, inputs: usize) -> Result<Self, TowerError> {
        let weights = w.vector(&format!("{name}.weight"), outputs * inputs)?;
        Ok(Self { inputs, size: 1, weights: weights.into_iter().map(f64::from).collect(), bias: vec![0.0; outputs] })
    }

    /// In single precision, one row per output. `None` only where the kernel is empty.
    pub fn values(&self, activation: Activation) -> Option<Values> {
        let narrow = |values: &[f64]| values.iter().map(|v| *v as f32).collect::<Vec<_>>();
        let (rows, columns) = (self.bias.len(), self.inputs * self.size * self.size);
        Some(Values {
            matrix: Matrix::new(rows, columns, narrow(&self.weights))?,
            bias: narrow(&self.bias),
            activation,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_of_smaller_windows_add_to_the_middle() {
        let sum = Kernel::unit(2, 1, 3).plus(&Kernel::unit(2, 1, 1));
        assert_eq!(sum.weights[..9], [0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
        let norm = Norm { factor: vec![2.0, 3.0], shift: vec![1.0, -1.0] };
        let normed = sum.then(&norm);
        assert_eq!((normed.weights[4], normed.weights[13]), (4.0, 6.0));
        assert_eq!(normed.bias, [1.0, -1.0]);
    }

    #[test]
    fn a_norm_before_a_layer_is_the_same_as_a_changed_layer() {
        let layer = Kernel { inputs: 2, size: 1, weights: vec![1.0, 2.0, 3.0, 4.0], bias: vec![0.5, 0.0] };
        let norm = Norm { factor: vec![10.0, 100.0], shift: vec![1.0, 2.0] };
        let changed = layer.after(&norm);
        assert_eq!(changed.weights, [10.0, 200.0, 30.0, 400.0]);
        assert_eq!(changed.bias, [5.5, 11.0]);
    }
}
