//! The passes of a resize are exact: fixed point, so every instruction set gives the same bytes.

use proptest::prelude::*;
use vicinity_kernels::resample::{BITS, CHANNELS, Taps, columns, rows};

use super::Numbers;

/// Weights that sum to one, some of them negative as those of a cubic filter are.
fn taps(inputs: usize, outputs: usize, reach: usize, numbers: &mut Numbers) -> Vec<Taps> {
    let one = |output: usize| {
        let count = reach.min(inputs);
        let first = (output * inputs / outputs).min(inputs - count);
        let mut weights: Vec<i32> =
            (0..count).map(|_| ((numbers.one() * 0.7 + 0.2) / count as f32 * (1 << BITS) as f32) as i32).collect();
        weights[0] += (1 << BITS) - weights.iter().sum::<i32>();
        Taps { first, weights }
    };
    (0..outputs).map(one).collect()
}

/// One byte: the weighted sum of `value`, rounded, as wide numbers that cannot overflow.
fn byte(taps: &Taps, value: impl Fn(usize) -> u8) -> u8 {
    let sum: i64 = taps.weights.iter().enumerate().map(|(i, w)| i64::from(*w) * i64::from(value(taps.first + i))).sum();
    ((sum + (1 << (BITS - 1))) >> BITS).clamp(0, 255) as u8
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_passes_are_the_plain_sums(
        size in (1_usize..40, 1_usize..20), outputs in 1_usize..40, reach in 1_usize..12, seed: u64,
    ) {
        let ((width, height), numbers) = (size, &mut Numbers(seed));
        let rgb: Vec<u8> = numbers.many(width * height * CHANNELS).iter().map(|x| ((x + 1.0) * 127.99) as u8).collect();
        let across = taps(width, outputs, reach, numbers);
        let wanted: Vec<u8> = (0..height * outputs * CHANNELS)
            .map(|at| {
                let (y, x, c) = (at / (outputs * CHANNELS), at / CHANNELS % outputs, at % CHANNELS);
                byte(&across[x], |i| rgb[(y * width + i) * CHANNELS + c])
            })
            .collect();
        prop_assert_eq!(columns(&rgb, width, &across), wanted);
        let (line, down) = (width * CHANNELS, taps(height, outputs, reach, numbers));
        let wanted: Vec<u8> =
            (0..outputs * line).map(|at| byte(&down[at / line], |i| rgb[i * line + at % line])).collect();
        prop_assert_eq!(rows(&rgb, line, &down), wanted);
    }
}
