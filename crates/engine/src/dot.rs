//! The inner loop of search: dot products of f32 vectors at memory speed.
//!
//! Sixteen independent lanes let the compiler use whatever vector unit there is; on x86-64 a second copy is compiled
//! for AVX2 with fused multiply-add and chosen at run time. A crate for this would bring more code than it saves.

const LANES: usize = 16;

/// `a . v` for each of `with`, in one pass over `v`, which is what the scan waits for.
pub fn dots<const N: usize>(with: [&[f32]; N], v: &[f32]) -> [f32; N] {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: the two features were found on this machine a line above.
        return unsafe { dots_avx2(with, v) };
    }
    dots_portable(with, v)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn dots_avx2<const N: usize>(with: [&[f32]; N], v: &[f32]) -> [f32; N] {
    lanes(with, v, |x, y, sum| x.mul_add(y, sum))
}

fn dots_portable<const N: usize>(with: [&[f32]; N], v: &[f32]) -> [f32; N] {
    // `mul_add` without the instruction would be a slow library call
    lanes(with, v, |x, y, sum| x * y + sum)
}

#[inline(always)]
fn lanes<const N: usize>(with: [&[f32]; N], v: &[f32], fma: impl Fn(f32, f32, f32) -> f32) -> [f32; N] {
    let len = with.iter().fold(v.len(), |len, a| len.min(a.len()));
    let (with, v) = (with.map(|a| &a[..len]), &v[..len]);
    let parts = with.map(|a| a.as_chunks::<LANES>().0);
    let mut lanes = [[0.0f32; LANES]; N];
    for (i, v) in v.as_chunks::<LANES>().0.iter().enumerate() {
        for (lanes, a) in lanes.iter_mut().zip(parts) {
            for lane in 0..LANES {
                lanes[lane] = fma(v[lane], a[i][lane], lanes[lane]);
            }
        }
    }
    let mut sums = lanes.map(|lanes| lanes.iter().sum::<f32>());
    for i in len - len % LANES..len {
        for (sum, a) in sums.iter_mut().zip(with) {
            *sum = fma(v[i], a[i], *sum);
        }
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
            for got in [dots([&a, &b, &v], &v), dots_portable([&a, &b, &v], &v)] {
                for (got, with) in got.iter().zip([&a, &b, &v]) {
                    assert!((got - plain(with)).abs() < 1e-4, "length {len}");
                }
            }
        }
    }
}
