//! Convolutions, and the blocks that are made of them.

use proptest::prelude::*;
use vicinity_kernels::{Activation, Block, ChannelConv, ConvMlp, Depthwise, PackedLinear, Stem};

use super::{Matrix, Numbers, assert_close, flat, tensor};

/// A map with the channels last.
#[derive(Clone)]
struct Map {
    height: usize,
    width: usize,
    channels: usize,
    values: Vec<f64>,
}

impl Map {
    fn new(height: usize, width: usize, channels: usize, values: &[f32]) -> Self {
        Self { height, width, channels, values: values.iter().map(|x| f64::from(*x)).collect() }
    }

    /// Zero outside.
    fn at(&self, y: isize, x: isize, c: usize) -> f64 {
        let inside = (0..self.height as isize).contains(&y) && (0..self.width as isize).contains(&x);
        if inside { self.values[(y as usize * self.width + x as usize) * self.channels + c] } else { 0.0 }
    }

    /// A map of what `one` gives for each output's row, column and channel.
    fn of(height: usize, width: usize, channels: usize, one: impl Fn(usize, usize, usize) -> f64) -> Self {
        let at = |i: usize| one(i / channels / width, i / channels % width, i % channels);
        Self { height, width, channels, values: (0..height * width * channels).map(at).collect() }
    }

    /// Every pixel through a dense layer.
    fn dense(&self, weights: &Matrix, bias: &[f32], after: impl Fn(f64) -> f64) -> Self {
        Self::of(self.height, self.width, weights.rows, |y, x, o| {
            let sum: f64 = (0..self.channels).map(|c| self.at(y as isize, x as isize, c) * weights.at(o, c)).sum();
            after(sum + f64::from(bias[o]))
        })
    }
}

/// Zeros before the first input where both ends are padded alike (PyTorch) or as TensorFlow's "same" does it.
fn before(inputs: usize, size: usize, stride: usize, even: bool) -> isize {
    if even {
        return (size / 2) as isize;
    }
    let padded = ((inputs.div_ceil(stride) - 1) * stride + size).max(inputs);
    ((padded - inputs) / 2) as isize
}

fn relu6(x: f64) -> f64 {
    x.clamp(0.0, 6.0)
}

/// Each channel on its own; `kernel(output, tap)`, where the outputs of one channel follow one another.
fn channel_wise(
    map: &Map,
    (size, stride, even): (usize, usize, bool),
    outputs: usize,
    channel: impl Fn(usize) -> (usize, usize),
    kernel: impl Fn(usize, usize) -> f64,
    bias: impl Fn(usize) -> f64,
) -> Map {
    let (top, left) = (before(map.height, size, stride, even), before(map.width, size, stride, even));
    Map::of(map.height.div_ceil(stride), map.width.div_ceil(stride), outputs, |y, x, position| {
        let (input, output) = channel(position);
        let tap = |tap: usize| {
            let (iy, ix) = (y * stride + tap / size, x * stride + tap % size);
            map.at(iy as isize - top, ix as isize - left, input) * kernel(output, tap)
        };
        (0..size * size).map(tap).sum::<f64>() + bias(output)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_stem_is_a_plain_convolution(
        size in (1_usize..20, 1_usize..20), channels in 1_usize..4, outputs in 1_usize..40, even: bool, seed: u64,
    ) {
        let ((height, width), numbers) = (size, &mut Numbers(seed));
        let (weights, bias) = (Matrix::new(outputs, channels * 9, numbers), numbers.many(outputs));
        let x = numbers.many(height * width * channels);
        let map = Map::new(height, width, channels, &x);
        let (top, left) = (before(height, 3, 2, even), before(width, 3, 2, even));
        let wanted = Map::of(height.div_ceil(2), width.div_ceil(2), outputs, |y, x, o| {
            let tap = |i: usize| {
                let (c, ky, kx) = (i / 9, i / 3 % 3, i % 3);
                map.at((y * 2 + ky) as isize - top, (x * 2 + kx) as isize - left, c) * weights.at(o, i)
            };
            relu6((0..channels * 9).map(tap).sum::<f64>() + f64::from(bias[o]))
        });
        let stem = Stem::new(&weights, &bias, Activation::Relu6);
        let stem = if even { stem.even() } else { stem };
        let found = stem.forward(&tensor(&x, (height, width, channels))).expect("fits");
        assert_close(&flat(&found), &wanted.values, (channels * 9) as f64);
    }

    #[test]
    fn a_convolution_per_channel_is_a_plain_one(
        map in (1_usize..24, 1_usize..24), channels in 1_usize..40, multiplier in 1_usize..3, half in 0_usize..4,
        stride in 1_usize..3, seed: u64,
    ) {
        let ((height, width), size, numbers) = (map, 2 * half + 1, &mut Numbers(seed));
        let outputs = channels * multiplier;
        let (weights, bias) = (numbers.many(outputs * size * size), numbers.many(outputs));
        let x = numbers.many(height * width * channels);
        let wanted = channel_wise(
            &Map::new(height, width, channels, &x),
            (size, stride, true),
            outputs,
            |position| (position % channels, ChannelConv::torch_channel(position, channels, outputs)),
            |output, tap| f64::from(weights[output * size * size + tap]),
            |output| f64::from(bias[output]),
        );
        let layer = ChannelConv::new(&weights, &bias, channels, size, stride, false).expect("fits");
        let found = layer.forward(&tensor(&x, (height, width, channels))).expect("fits");
        assert_close(&flat(&found), &wanted.values, (size * size) as f64);
    }

    #[test]
    fn a_block_expands_convolves_and_projects(
        map in (1_usize..14, 1_usize..14), channels in 1_usize..20, wide in 1_usize..4, half in 1_usize..3,
        stride in 1_usize..3, outputs in 1_usize..20, same: bool, seed: u64,
    ) {
        let ((height, width), size, numbers) = (map, 2 * half + 1, &mut Numbers(seed));
        let (wide, outputs) = (wide * Depthwise::MULTIPLE, if same { channels } else { outputs });
        let (expand, expand_bias) = (Matrix::new(wide, channels, numbers), numbers.many(wide));
        let (kernel, kernel_bias) = (Matrix::new(wide, size * size, numbers), numbers.many(wide));
        let (project, project_bias) = (Matrix::new(outputs, wide, numbers), numbers.many(outputs));
        let x = numbers.many(height * width * channels);
        let map = Map::new(height, width, channels, &x);
        let convolved = channel_wise(
            &map.dense(&expand, &expand_bias, relu6),
            (size, stride, false),
            wide,
            |position| (position, position),
            |output, tap| kernel.at(output, tap),
            |output| f64::from(kernel_bias[output]),
        );
        let convolved = Map { values: convolved.values.iter().map(|x| relu6(*x)).collect(), ..convolved };
        let mut wanted = convolved.dense(&project, &project_bias, |x| x);
        if stride == 1 && outputs == channels {
            wanted.values.iter_mut().zip(&map.values).for_each(|(out, x)| *out += x);
        }
        let block = Block::new(
            Some(PackedLinear::new(&expand, &expand_bias, Activation::Relu6)),
            Depthwise::new(&kernel, &kernel_bias, size, stride).expect("a multiple"),
            PackedLinear::new(&project, &project_bias, Activation::None),
        );
        let found = block.expect("fits").forward(&tensor(&x, (height, width, channels))).expect("fits");
        assert_close(&flat(&found), &wanted.values, 6.0 * wide as f64);
    }

    #[test]
    fn a_mixing_block_adds_its_input(
        map in (1_usize..14, 1_usize..14), channels in 1_usize..30, wide in 1_usize..50, half in 0_usize..4, seed: u64,
    ) {
        let ((height, width), size, numbers) = (map, 2 * half + 1, &mut Numbers(seed));
        let (kernel, kernel_bias) = (numbers.many(channels * size * size), numbers.many(channels));
        let (first, first_bias) = (Matrix::new(wide, channels, numbers), numbers.many(wide));
        let (second, second_bias) = (Matrix::new(channels, wide, numbers), numbers.many(channels));
        let x = numbers.many(height * width * channels);
        let map = Map::new(height, width, channels, &x);
        let convolved = channel_wise(
            &map,
            (size, 1, true),
            channels,
            |position| (position, position),
            |output, tap| f64::from(kernel[output * size * size + tap]),
            |output| f64::from(kernel_bias[output]),
        );
        let mut wanted = convolved.dense(&first, &first_bias, relu6).dense(&second, &second_bias, |x| x);
        wanted.values.iter_mut().zip(&map.values).for_each(|(out, x)| *out += x);
        let block = ConvMlp::new(
            ChannelConv::new(&kernel, &kernel_bias, channels, size, 1, false).expect("fits"),
            PackedLinear::new(&first, &first_bias, Activation::Relu6),
            PackedLinear::new(&second, &second_bias, Activation::None),
        );
        let found = block.expect("fits").forward(&tensor(&x, (height, width, channels))).expect("fits");
        assert_close(&flat(&found), &wanted.values, (wide * channels) as f64);
    }
}
