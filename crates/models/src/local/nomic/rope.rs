//! The angles that Nomic's towers turn queries and keys by, and the turn on every device.

use std::borrow::Cow;

use candle_core::{DType, Device, Result as CandleResult, Tensor};

use super::config::{NomicTextConfig, NomicVisionConfig};
use crate::local::compute_target::ComputeTarget;
use vicinity_kernels::{Angles, Pairs, Rope};

/// Angles of the positions of texts. Each text has its own, whatever stands beside it or came before.
pub(super) struct Rotary {
    /// Numbers of a head.
    size: usize,
    base: f64,
    trained: usize,
    factor: Option<f64>,
    /// Of the positions that the model was trained with.
    known: Angles,
}

impl Rotary {
    pub fn new(config: &NomicTextConfig) -> Self {
        let (size, base, trained) = (config.width / config.heads, config.rotary_base, config.trained);
        Self { size, base, trained, factor: config.scaling, known: angles(size, base, trained) }
    }

    /// The angles of a text of `len` tokens. A text longer than those of the training gets a larger base where the
    /// model scales ("dynamic NTK"), and is rare and slow enough to have its angles computed each time.
    pub fn of(&self, len: usize) -> Cow<'_, Angles> {
        if len <= self.trained {
            return Cow::Borrowed(&self.known);
        }
        let size = self.size as f64;
        let scaled = |factor: f64| {
            let stretch = factor * len as f64 / self.trained as f64 - (factor - 1.0);
            self.base * stretch.powf(size / (size - 2.0))
        };
        Cow::Owned(angles(self.size, self.factor.map_or(self.base, scaled), len))
    }
}

/// `position * base^(-2 i / size)`, each step in single precision as the reference does it.
fn angles(size: usize, base: f64, positions: usize) -> Angles {
    let inverse = |i: usize| 1.0 / (base as f32).powf((2 * i) as f32 / size as f32);
    let inverse: Vec<f32> = (0..size / 2).map(inverse).collect();
    Angles::new(size / 2, (0..positions).flat_map(|p| inverse.iter().map(move |i| p as f32 * i)))
}

/// The angles of a picture's tokens: the first half of the pairs by row, the second by column. The class token, which
/// comes first, does not turn.
pub(super) fn grid_angles(config: &NomicVisionConfig) -> Angles {
    let (bands, grid) = (config.width / config.heads / 4, config.grid());
    let band = |j: usize| 1.0 / (config.rotary_base as f32).powf(j as f32 / bands as f32);
    let bands: Vec<f32> = (0..bands).map(band).collect();
    // Positions of a grid as large as that of the training.
    let at = |i: usize, side: usize| i as f32 / grid as f32 * side as f32;
    let [rows, columns] = config.reference;
    let patch = |i: usize| {
        let (row, column) = (at(i / grid, rows), at(i % grid, columns));
        bands.iter().map(move |b| row * b).chain(bands.iter().map(move |b| column * b))
    };
    let class = std::iter::repeat_n(0.0, 2 * bands.len());
    Angles::new(2 * bands.len(), class.chain((0..grid * grid).flat_map(patch)))
}

/// The turn of a group of sequences, prepared once for all blocks.
pub(super) struct Turn<'a> {
    rope: Rope<'a>,
    /// Cosines and sines, `[tokens, 1, pairs]`, where kernels do not turn.
    tables: Option<(Tensor, Tensor)>,
}

impl<'a> Turn<'a> {
    /// `sequences` are the lengths, and the angles of the positions.
    pub fn new(pairs: Pairs, sequences: &'a [(usize, &'a Angles)], target: &ComputeTarget) -> CandleResult<Self> {
        let rope = Rope { pairs, sequences };
        let tables = if target.is_fused() { None } else { Some(tables(&rope, target.device())?) };
        Ok(Self { rope, tables })
    }

    /// Turns the queries and keys of `[tokens, 3 * width]`, which nothing else may hold: it is changed in place.
    pub fn apply(&self, qkv: Tensor) -> CandleResult<Tensor> {
        match &self.tables {
            None => self.rope.turn(&qkv).map(|()| qkv),
            Some((cos, sin)) => turn(&self.rope, &qkv, cos, sin),
        }
    }
}

fn tables(rope: &Rope<'_>, device: &Device) -> CandleResult<(Tensor, Tensor)> {
    let (mut cos, mut sin) = (Vec::new(), Vec::new());
    for (len, angles) in rope.sequences {
        let (c, s) = angles.first(*len);
        cos.extend_from_slice(c);
        sin.extend_from_slice(s);
    }
    let pairs = rope.sequences.first().map_or(1, |(_, angles)| angles.pairs());
    let shape = (cos.len() / pairs, 1, pairs);
    Ok((Tensor::from_vec(cos, shape, device)?, Tensor::from_vec(sin, shape, device)?))
}

/// The same by tensor operations.
fn turn(rope: &Rope<'_>, qkv: &Tensor, cos: &Tensor, sin: &Tensor) -> CandleResult<Tensor> {
    let (tokens, columns) = qkv.dims2()?;
    let pairs = rope.fits((tokens, columns))?;
    let turned = columns / 3 * 2;
    let heads = qkv.narrow(1, 0, turned)?.to_dtype(DType::F32)?;
    let heads = heads.reshape((tokens, turned / (2 * pairs), 2 * pairs))?;
    let (a, b) = match rope.pairs {
        Pairs::Halves => (heads.narrow(2, 0, pairs)?, heads.narrow(2, pairs, pairs)?),
        Pairs::Neighbours => {
            let split = heads.reshape((tokens, turned / (2 * pairs), pairs, 2))?;
            (split.narrow(3, 0, 1)?.squeeze(3)?, split.narrow(3, 1, 1)?.squeeze(3)?)
        }
    };
    let first = (a.broadcast_mul(cos)? - b.broadcast_mul(sin)?)?;
    let second = (b.broadcast_mul(cos)? + a.broadcast_mul(sin)?)?;
    let heads = match rope.pairs {
        Pairs::Halves => Tensor::cat(&[first, second], 2)?,
        Pairs::Neighbours => Tensor::stack(&[first, second], 3)?,
    };
    let heads = heads.reshape((tokens, turned))?.to_dtype(qkv.dtype())?;
    Tensor::cat(&[heads, qkv.narrow(1, turned, columns - turned)?], 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_turning_agree_and_leave_the_values() {
        let (long, short) = (angles(8, 1000.0, 5), angles(8, 1000.0, 3));
        let sequences = [(5, &long), (2, &short)];
        let values: Vec<f32> = (0..7 * 48).map(|i| (i as f32 * 0.37).sin()).collect();
        let qkv = || Tensor::from_slice(&values, (7, 48), &Device::Cpu).expect("as many numbers");
        for pairs in [Pairs::Halves, Pairs::Neighbours] {
            let rope = Rope { pairs, sequences: &sequences };
            let (cos, sin) = tables(&rope, &Device::Cpu).expect("tables");
            let plain = turn(&rope, &qkv(), &cos, &sin).expect("turned").to_vec2::<f32>().expect("a matrix");
            let fused = Turn::new(pairs, &sequences, &ComputeTarget::cpu()).and_then(|turn| turn.apply(qkv()));
            let fused = fused.expect("turned").to_vec2::<f32>().expect("a matrix");
            for (token, (plain, fused)) in plain.iter().zip(&fused).enumerate() {
                let off = plain.iter().zip(fused).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(off < 1e-6, "{pairs:?}, token {token}: off by {off}");
                let before = &values[token * 48..][..48];
                assert_eq!(fused[32..], before[32..], "values do not turn");
                assert_eq!(fused[..32] == before[..32], [0, 5].contains(&token), "only a first token stays");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let angles = angles(8, 1000.0, 3);
        let turn = |len, columns| {
            let qkv = Tensor::zeros((4, columns), candle_core::DType::F32, &Device::Cpu)?;
            Turn::new(Pairs::Halves, &[(len, &angles)], &ComputeTarget::cpu())?.apply(qkv)
        };
        assert!(turn(4, 24).is_err(), "too few angles");
        assert!(turn(3, 24).is_err(), "too few tokens");
        assert!(turn(4, 20).is_err(), "no whole heads");
    }
}
