//! Exponential, GELU and softmax on vectors.

use super::simd::{Simd, dispatch};

/// e^x to about 1e-7 (relative), by 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2].
///
/// # Safety
/// Needs the instruction set of `S`.
#[inline(always)]
pub unsafe fn exp<S: Simd>(x: S::V) -> S::V {
    // ln 2 in two parts, the first with few enough bits that n times it is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // The Taylor series: its next term is below 1e-8 on this interval.
    const TERMS: [f32; 7] = [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0];
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let x = S::min(S::max(x, S::splat(-87.0)), S::splat(88.0));
        let n = S::round(S::mul(x, S::splat(std::f32::consts::LOG2_E)));
        let r = S::mul_add(n, S::splat(-LN2_HIGH), x);
        let r = S::mul_add(n, S::splat(-LN2_LOW), r);
        let mut p = S::splat(TERMS[0]);
        p = S::mul_add(p, r, S::splat(TERMS[1]));
        p = S::mul_add(p, r, S::splat(TERMS[2]));
        p = S::mul_add(p, r, S::splat(TERMS[3]));
        p = S::mul_add(p, r, S::splat(TERMS[4]));
        p = S::mul_add(p, r, S::splat(TERMS[5]));
        p = S::mul_add(p, r, S::splat(TERMS[6]));
        p = S::mul_add(p, r, S::splat(1.0));
        S::mul(p, S::exp2_whole(n))
    }
}

/// x * Phi(x), the exact GELU, to about 1e-7: max(x, 0) - |x| * erfc(|x| / sqrt 2) / 2, with the complementary error
/// function by Abramowitz and Stegun 7.1.26.
///
/// # Safety
/// Needs the instruction set of `S`.
#[inline(always)]
pub unsafe fn gelu<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let size = S::max(x, S::sub(S::splat(0.0), x));
        let u = S::mul(size, S::splat(std::f32::consts::FRAC_1_SQRT_2));
        let t = S::div(S::splat(1.0), S::mul_add(u, S::splat(0.327_591_1), S::splat(1.0)));
        let mut p = S::splat(1.061_405_4);
        p = S::mul_add(p, t, S::splat(-1.453_152_1));
        p = S::mul_add(p, t, S::splat(1.421_413_8));
        p = S::mul_add(p, t, S::splat(-0.284_496_72));
        p = S::mul_add(p, t, S::splat(0.254_829_6));
        let erfc = S::mul(S::mul(p, t), exp::<S>(S::mul(S::sub(S::splat(0.0), u), u)));
        S::sub(S::max(x, S::splat(0.0)), S::mul(S::mul(size, S::splat(0.5)), erfc))
    }
}

/// `x * sigmoid(s)`, to about 2e-7 (relative).
///
/// # Safety
/// Needs the instruction set of `S`.
#[inline(always)]
pub unsafe fn sigmoid_times<S: Simd>(x: S::V, s: S::V) -> S::V {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { S::div(x, S::add(S::splat(1.0), exp::<S>(S::sub(S::splat(0.0), s)))) }
}

/// GELU by tanh: `x / 2 * (1 + tanh(u))` with `u = sqrt(2 / pi) * (x + 0.044715 x^3)`, which is `x * sigmoid(2 u)`.
///
/// # Safety
/// Needs the instruction set of `S`.
#[inline(always)]
pub unsafe fn gelu_tanh<S: Simd>(x: S::V) -> S::V {
    // 2 sqrt(2 / pi).
    const LINEAR: f32 = 1.595_769;
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let cubic = S::mul_add(S::mul(x, x), S::splat(0.044_715 * LINEAR), S::splat(LINEAR));
        sigmoid_times::<S>(x, S::mul(x, cubic))
    }
}

#[inline(always)]
unsafe fn softmax_kernel<S: Simd>(row: &mut [f32], scale: f32) {
    let (n, p) = (row.len(), row.as_mut_ptr());
    let whole = n - n % S::LANES;
    // SAFETY: all accesses lie within `row`; the caller vouches for the instruction set.
    unsafe {
        let mut max = S::splat(f32::NEG_INFINITY);
        for i in (0..whole).step_by(S::LANES) {
            max = S::max(max, S::load(p.add(i)));
        }
        let max = row[whole..].iter().copied().fold(S::max_lane(max), f32::max);
        let (max, scale_v) = (S::splat(max * scale), S::splat(scale));
        let mut sum = S::splat(0.0);
        for i in (0..whole).step_by(S::LANES) {
            let e = exp::<S>(S::sub(S::mul(S::load(p.add(i)), scale_v), max));
            sum = S::add(sum, e);
            S::store(p.add(i), e);
        }
        let mut sum = S::sum(sum);
        if whole < n {
            let e = exp::<S>(S::sub(S::mul(S::load_first(p.add(whole), n - whole), scale_v), max));
            S::store_first(p.add(whole), e, n - whole);
            sum += row[whole..].iter().sum::<f32>();
        }
        let by = S::splat(1.0 / sum);
        for i in (0..whole).step_by(S::LANES) {
            S::store(p.add(i), S::mul(S::load(p.add(i)), by));
        }
        for x in &mut row[whole..] {
            *x /= sum;
        }
    }
}

/// softmax(scale * row), in place. `scale` is positive.
pub fn softmax(row: &mut [f32], scale: f32) {
    // SAFETY: dispatch! picks an instruction set that the processor has.
    unsafe { dispatch!(softmax_kernel(row: &mut [f32], scale: f32)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(always)]
    unsafe fn gelu_kernel<S: Simd>(row: &mut [f32]) {
        for x in row {
            let mut lanes = [0.0; 16];
            // SAFETY: 16 lanes are the most there are.
            unsafe { S::store(lanes.as_mut_ptr(), gelu::<S>(S::splat(*x))) };
            *x = lanes[0];
        }
    }

    #[test]
    fn gelu_is_the_exact_one() {
        // x * Phi(x), from tables of the normal distribution.
        let expected =
            [(0.0_f32, 0.0_f32), (1.0, 0.841_344_8), (-1.0, -0.158_655_26), (3.0, 2.995_950_3), (-12.0, 0.0)];
        let mut values = expected.map(|(x, _)| x);
        let row = &mut values[..];
        // SAFETY: dispatch! picks an instruction set that the processor has.
        unsafe { dispatch!(gelu_kernel(row: &mut [f32])) };
        for (found, (x, wanted)) in values.iter().zip(expected) {
            assert!((found - wanted).abs() < 1e-6, "gelu({x}) = {found}, not {wanted}");
        }
    }

    #[test]
    fn softmax_of_any_length_sums_to_one_and_keeps_ratios() {
        for n in [1, 7, 16, 37] {
            let mut row: Vec<f32> = (0..n).map(|i| i as f32 * 0.25 - 3.0).collect();
            softmax(&mut row, 2.0);
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{n} values");
            for pair in row.windows(2) {
                assert!((pair[1] / pair[0] - 0.5_f32.exp()).abs() < 1e-5, "{n} values");
            }
        }
        let mut far_apart = [1000.0, 0.0, -1000.0];
        softmax(&mut far_apart, 1.0);
        assert_eq!(far_apart.map(f32::round), [1.0, 0.0, 0.0]);
    }
}
