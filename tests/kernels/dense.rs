//! Dense layers, norms and softmax.

use proptest::prelude::*;
use vicinity_kernels::{Activation, FusedLayerNorm, PackedLinear, SqueezeExcite, math};

use super::{Matrix, Numbers, assert_close, flat, tensor};

const ACTIVATIONS: [Activation; 6] = [
    Activation::None,
    Activation::Relu6,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::QuickGelu,
    Activation::Silu,
];

/// The error function, by its series and continued fraction to 1e-12: <https://dlmf.nist.gov/7.6> and 7.9.
fn erf(x: f64) -> f64 {
    if x.abs() < 3.0 {
        let (mut term, mut sum) = (x, x);
        for n in 1..80 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        return sum * 2.0 / std::f64::consts::PI.sqrt();
    }
    let fraction = (1..=60).rev().fold(x.abs(), |below, k| x.abs() + f64::from(k) / 2.0 / below);
    x.signum() * (1.0 - (-x * x).exp() / (fraction * std::f64::consts::PI.sqrt()))
}

fn activated(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::None => x,
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Gelu => x / 2.0 * (1.0 + erf(x / 2.0_f64.sqrt())),
        Activation::GeluTanh => {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
            x / 2.0 * (1.0 + inner.tanh())
        }
        Activation::QuickGelu => x / (1.0 + (-1.702 * x).exp()),
        Activation::Silu => x / (1.0 + (-x).exp()),
    }
}

/// `activation(x Wᵀ + b)`, row by row.
fn dense(x: &[f32], weights: &Matrix, bias: &[f32], activation: Activation) -> Vec<f64> {
    let mut out = Vec::new();
    for row in x.chunks_exact(weights.cols) {
        for (o, bias) in bias.iter().enumerate() {
            let sum: f64 = row.iter().enumerate().map(|(i, x)| f64::from(*x) * weights.at(o, i)).sum();
            out.push(activated(activation, sum + f64::from(*bias)));
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_dense_layer_is_a_plain_product(
        rows in 1_usize..40, inputs in 1_usize..90, outputs in 1_usize..90, activation in 0_usize..6, seed: u64,
    ) {
        let numbers = &mut Numbers(seed);
        let (weights, bias) = (Matrix::new(outputs, inputs, numbers), numbers.many(outputs));
        let (x, other) = (numbers.many(rows * inputs), numbers.many(rows * outputs));
        let layer = PackedLinear::new(&weights, &bias, ACTIVATIONS[activation]);
        let wanted = dense(&x, &weights, &bias, ACTIVATIONS[activation]);
        let (x, with) = (tensor(&x, (rows, inputs)), tensor(&other, (rows, outputs)));
        let size = inputs as f64;
        assert_close(&flat(&layer.forward(&x).expect("fits")), &wanted, size);
        let sum: Vec<f64> = wanted.iter().zip(&other).map(|(a, b)| a + f64::from(*b)).collect();
        assert_close(&flat(&layer.forward_add(&x, &with).expect("fits")), &sum, size);
        let product: Vec<f64> = wanted.iter().zip(&other).map(|(a, b)| a * f64::from(*b)).collect();
        assert_close(&flat(&layer.forward_mul(&x, &with).expect("fits")), &product, size);
    }

    #[test]
    fn a_row_does_not_depend_on_the_others(rows in 2_usize..30, inputs in 1_usize..70, outputs in 1_usize..70, seed: u64) {
        let numbers = &mut Numbers(seed);
        let (weights, bias) = (Matrix::new(outputs, inputs, numbers), numbers.many(outputs));
        let layer = PackedLinear::new(&weights, &bias, Activation::Gelu);
        let x = numbers.many(rows * inputs);
        let together = flat(&layer.forward(&tensor(&x, (rows, inputs))).expect("fits"));
        for (row, together) in x.chunks_exact(inputs).zip(together.chunks_exact(outputs)) {
            prop_assert_eq!(&flat(&layer.forward(&tensor(row, (1, inputs))).expect("fits"))[..], together);
        }
    }

    #[test]
    fn a_transposed_layer_multiplies_from_the_other_side(
        rows in 1_usize..10, inputs in 1_usize..50, outputs in 1_usize..50, seed: u64,
    ) {
        let numbers = &mut Numbers(seed);
        let (weights, x) = (Matrix::new(inputs, outputs, numbers), numbers.many(rows * inputs));
        let wanted: Vec<f64> = (0..rows * outputs)
            .map(|at| (0..inputs).map(|i| f64::from(x[at / outputs * inputs + i]) * weights.at(i, at % outputs)).sum())
            .collect();
        let found = PackedLinear::transposed(&weights).forward(&tensor(&x, (rows, inputs))).expect("fits");
        assert_close(&flat(&found), &wanted, inputs as f64);
    }

    #[test]
    fn a_layer_norm_is_the_plain_formula(rows in 1_usize..8, width in 1_usize..100, offset in -20_f32..20.0, seed: u64) {
        let numbers = &mut Numbers(seed);
        let (weight, bias) = (numbers.many(width), numbers.many(width));
        let x: Vec<f32> = numbers.many(rows * width).iter().map(|x| x + offset).collect();
        let eps = 1e-5_f32;
        let wanted: Vec<f64> = x
            .chunks_exact(width)
            .flat_map(|row| {
                let mean = row.iter().map(|x| f64::from(*x)).sum::<f64>() / width as f64;
                let variance = row.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / width as f64;
                let scale = (variance + f64::from(eps)).sqrt().recip();
                let one = |(i, x): (usize, &f32)| (f64::from(*x) - mean) * scale * f64::from(weight[i]) + f64::from(bias[i]);
                row.iter().enumerate().map(one).collect::<Vec<_>>()
            })
            .collect();
        let norm = FusedLayerNorm::new(weight, bias, eps).expect("equally long");
        let found = norm.forward(&tensor(&x, (rows, width))).expect("fits");
        // What f32 loses of numbers about `offset` is divided by a deviation that may be small.
        assert_close(&flat(&found), &wanted, 40.0 * f64::from(offset.abs()).max(1.0));
    }

    #[test]
    fn softmax_is_the_plain_formula(len in 1_usize..100, scale in 0.01_f32..20.0, seed: u64) {
        let mut row = Numbers(seed).many(len);
        let largest = row.iter().fold(f64::NEG_INFINITY, |a, b| a.max(f64::from(*b)));
        let powers: Vec<f64> = row.iter().map(|x| ((f64::from(*x) - largest) * f64::from(scale)).exp()).collect();
        let sum: f64 = powers.iter().sum();
        math::softmax(&mut row, scale);
        assert_close(&row, &powers.iter().map(|p| p / sum).collect::<Vec<_>>(), 1.0);
    }

    #[test]
    fn squeeze_and_excite_weighs_channels_by_their_means(
        area in (1_usize..6, 1_usize..6), channels in 1_usize..40, narrow in 1_usize..12, seed: u64,
    ) {
        let numbers = &mut Numbers(seed);
        let (first, first_bias) = (Matrix::new(narrow, channels, numbers), numbers.many(narrow));
        let (second, second_bias) = (Matrix::new(channels, narrow, numbers), numbers.many(channels));
        let x = numbers.many(area.0 * area.1 * channels);
        let pixels = (area.0 * area.1) as f32;
        let means: Vec<f32> =
            (0..channels).map(|c| x.iter().skip(c).step_by(channels).sum::<f32>() / pixels).collect();
        let hidden: Vec<f32> =
            dense(&means, &first, &first_bias, Activation::None).iter().map(|h| h.max(0.0) as f32).collect();
        let gates = dense(&hidden, &second, &second_bias, Activation::None);
        let gate = |c: usize| 1.0 / (1.0 + (-gates[c]).exp());
        let weighed = |(i, x): (usize, &f32)| activated(Activation::Gelu, f64::from(*x) * gate(i % channels));
        let wanted: Vec<f64> = x.iter().enumerate().map(weighed).collect();
        let layer = SqueezeExcite::new(
            PackedLinear::new(&first, &first_bias, Activation::None),
            PackedLinear::new(&second, &second_bias, Activation::None),
        );
        let found = layer.expect("fits").forward(&tensor(&x, (area.0, area.1, channels))).expect("fits");
        assert_close(&flat(&found), &wanted, channels as f64);
    }
}
