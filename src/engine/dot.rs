//! The inner loop of search: dot products of f32 vectors at memory speed.
//!
//! Sixteen independent lanes let the compiler use whatever vector unit there is; on x86-64 a second copy is compiled
//! for AVX2 with fused multiply-add and chosen at run time. A crate for this would bring more code than it saves.

const LANES: usize = 16;

/// Both `a . v` and `b . v` in one pass over `v`, which is what the scan waits for.
pub fn dot2(a: &[f32], b: &[f32], v: &[f32]) -> [f32; 2] {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: the two features were found on this machine a line above.
        return unsafe { dot2_avx2(a, b, v) };
    }
    dot2_portable(a, b, v)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn dot2_avx2(a: &[f32], b: &[f32], v: &[f32]) -> [f32; 2] {
    lanes(a, b, v, |x, y, sum| x.mul_add(y, sum))
}

fn dot2_portable(a: &[f32], b: &[f32], v: &[f32]) -> [f32; 2] {
    // `mul_add` without the instruction would be a slow library call
    lanes(a, b, v, |x, y, sum| x * y + sum)
}

#[inline(always)]
fn lanes(a: &[f32], b: &[f32], v: &[f32], fma: impl Fn(f32, f32, f32) -> f32) -> [f32; 2] {
    let len = v.len().min(a.len()).min(b.len());
    let (a, b, v) = (&a[..len], &b[..len], &v[..len]);
    let (mut sum_a, mut sum_b) = ([0.0f32; LANES], [0.0f32; LANES]);
    let chunks = v.chunks_exact(LANES).zip(a.chunks_exact(LANES)).zip(b.chunks_exact(LANES));
    for ((v, a), b) in chunks {
        for lane in 0..LANES {
            sum_a[lane] = fma(v[lane], a[lane], sum_a[lane]);
            sum_b[lane] = fma(v[lane], b[lane], sum_b[lane]);
        }
    }
    let mut sums = [sum_a.iter().sum::<f32>(), sum_b.iter().sum::<f32>()];
    for i in len - len % LANES..len {
        sums[0] = fma(v[i], a[i], sums[0]);
        sums[1] = fma(v[i], b[i], sums[1]);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_plain_sum_for_every_length() {
        for len in 0..70 {
            let a: Vec<f32> = (0..len).map(|i| (i as f32 * 0.37).sin()).collect();
            let b: Vec<f32> = (0..len).map(|i| (i as f32 * 0.11).cos()).collect();
            let v: Vec<f32> = (0..len).map(|i| (i as f32 * 0.73).cos()).collect();
            let plain = |x: &[f32]| x.iter().zip(&v).map(|(x, v)| x * v).sum::<f32>();
            for [got_a, got_b] in [dot2(&a, &b, &v), dot2_portable(&a, &b, &v)] {
                assert!((got_a - plain(&a)).abs() < 1e-4, "length {len}");
                assert!((got_b - plain(&b)).abs() < 1e-4, "length {len}");
            }
        }
    }
}
