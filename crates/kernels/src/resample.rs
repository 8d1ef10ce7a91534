//! The two passes of a resize in fixed point: plain Rust, and AVX2 with the very same result.
//!
//! AVX2 multiplies 16-bit numbers best, so a weight is split in two, `high * 2^11 + low`; both sums are exact.

/// Bits after the point of a weight.
pub const BITS: u32 = 22;
/// Bytes per pixel.
pub const CHANNELS: usize = 3;

/// Which inputs one output is made of.
pub struct Taps {
    /// The first input.
    pub first: usize,
    /// Weights of the inputs from there on, [`BITS`] bits after the point.
    pub weights: Vec<i32>,
}

/// Makes every row `taps.len()` pixels wide.
pub fn columns(rgb: &[u8], width: usize, taps: &[Taps]) -> Vec<u8> {
    let mut out = vec![0; rgb.len() / width * taps.len()];
    #[cfg(target_arch = "x86_64")]
    if x86::usable(taps) {
        x86::columns(rgb, width * CHANNELS, &mut out, taps);
        return out;
    }
    for (row, out) in rgb.chunks_exact(width * CHANNELS).zip(out.chunks_exact_mut(taps.len() * CHANNELS)) {
        for (tap, out) in taps.iter().zip(out.as_chunks_mut::<CHANNELS>().0) {
            let mut sums = [0; CHANNELS];
            for (pixel, weight) in row[tap.first * CHANNELS..].as_chunks::<CHANNELS>().0.iter().zip(&tap.weights) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*value) * weight;
                }
            }
            *out = sums.map(to_u8);
        }
    }
    out
}

/// Makes `taps.len()` rows of rows that are `line` bytes long.
pub fn rows(rgb: &[u8], line: usize, taps: &[Taps]) -> Vec<u8> {
    let mut out = vec![0; line * taps.len()];
    let mut sums = vec![0_i32; line];
    for (tap, out) in taps.iter().zip(out.chunks_exact_mut(line)) {
        let rows = &rgb[tap.first * line..][..tap.weights.len() * line];
        #[cfg(target_arch = "x86_64")]
        let done = if x86::usable(taps) { x86::row(rows, &tap.weights, out) } else { 0 };
        #[cfg(not(target_arch = "x86_64"))]
        let done = 0;
        sums[done..].fill(0);
        for (row, weight) in rows.chunks_exact(line).zip(&tap.weights) {
            for (sum, value) in sums[done..].iter_mut().zip(&row[done..]) {
                *sum += i32::from(*value) * weight;
            }
        }
        for (out, sum) in out[done..].iter_mut().zip(&sums[done..]) {
            *out = to_u8(*sum);
        }
    }
    out
}

fn to_u8(sum: i32) -> u8 {
    ((sum + (1 << (BITS - 1))) >> BITS).clamp(0, 255) as u8
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{BITS, CHANNELS, Taps};
    use crate::simd::{Level, level};

    /// Bits of the low part of a weight.
    const LOW: u32 = 11;
    /// With more inputs an output the sum of the low parts could overflow.
    const MAX_TAPS: usize = 4096;
    /// Pixels that one step of `columns` takes in.
    const STEP: usize = 4;
    /// Rows that share the loads of the weights.
    const ROWS: usize = 4;

    pub fn usable(taps: &[Taps]) -> bool {
        level() != Level::Portable && taps.iter().all(|t| t.weights.len() <= MAX_TAPS)
    }

    fn split(weight: i32) -> [i16; 2] {
        [(weight >> LOW) as i16, (weight & ((1 << LOW) - 1)) as i16]
    }

    /// The weights of four pixels as `columns` multiplies them: high and low parts.
    type Step = [[i16; 16]; 2];

    fn steps(taps: &Taps) -> Vec<Step> {
        let step = |weights: &[i32]| {
            let mut step = [[0; 16]; 2];
            for (i, weight) in weights.iter().enumerate() {
                for channel in 0..CHANNELS {
                    // Two pixels a half, side by side for each channel.
                    let at = i / 2 * 8 + channel * 2 + i % 2;
                    [step[0][at], step[1][at]] = split(*weight);
                }
            }
            step
        };
        taps.weights.chunks(STEP).map(step).collect()
    }

    pub fn columns(rgb: &[u8], line: usize, out: &mut [u8], taps: &[Taps]) {
        let steps: Vec<_> = taps.iter().map(|t| (t.first * CHANNELS, steps(t))).collect();
        // The last step of a row reads up to four pixels past its end.
        let stride = line + 32;
        let mut buffer = vec![0; ROWS * stride];
        let out_line = taps.len() * CHANNELS;
        for (rows, out) in rgb.chunks(ROWS * line).zip(out.chunks_mut(ROWS * out_line)) {
            for (to, row) in buffer.chunks_exact_mut(stride).zip(rows.chunks_exact(line)) {
                to[..line].copy_from_slice(row);
            }
            for (x, (first, steps)) in steps.iter().enumerate() {
                assert!(first + steps.len() * STEP * CHANNELS + 4 <= stride);
                // SAFETY: `usable` saw AVX2; every read ends within a row of the buffer, as just checked.
                let pixels = unsafe { pixels(buffer.as_ptr().add(*first), stride, steps) };
                for (out, pixel) in out.chunks_exact_mut(out_line).zip(pixels) {
                    out[x * CHANNELS..][..CHANNELS].copy_from_slice(&pixel[..CHANNELS]);
                }
            }
        }
    }

    /// One pixel in each of [`ROWS`] rows.
    #[target_feature(enable = "avx2")]
    unsafe fn pixels(x: *const u8, stride: usize, steps: &[Step]) -> [[u8; 4]; ROWS] {
        // Of 4 pixels rgbrgbrgbrgb: r r g g b b as 16-bit numbers, pixels 0 and 1 in one half, 2 and 3 in the other.
        let spread = _mm256_setr_epi8(
            0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, //
            6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1,
        );
        let zero = _mm256_setzero_si256();
        let (mut high, mut low) = ([zero; ROWS], [zero; ROWS]);
        for (i, step) in steps.iter().enumerate() {
            // SAFETY: the caller vouches for AVX2 and for 16 readable bytes at every step of each row.
            unsafe {
                let weights =
                    (_mm256_loadu_si256(step[0].as_ptr().cast()), _mm256_loadu_si256(step[1].as_ptr().cast()));
                for row in 0..ROWS {
                    let four = _mm_loadu_si128(x.add(row * stride + i * STEP * CHANNELS).cast());
                    let spread = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(four), spread);
                    high[row] = _mm256_add_epi32(high[row], _mm256_madd_epi16(spread, weights.0));
                    low[row] = _mm256_add_epi32(low[row], _mm256_madd_epi16(spread, weights.1));
                }
            }
        }
        let mut out = [[0; 4]; ROWS];
        for row in 0..ROWS {
            let sum = _mm256_add_epi32(_mm256_slli_epi32::<{ LOW as i32 }>(high[row]), low[row]);
            let sum = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
            let rounded = _mm_srai_epi32::<{ BITS as i32 }>(_mm_add_epi32(sum, _mm_set1_epi32(1 << (BITS - 1))));
            let bytes = _mm_packus_epi16(_mm_packs_epi32(rounded, rounded), _mm_setzero_si128());
            out[row] = _mm_cvtsi128_si32(bytes).to_le_bytes();
        }
        out
    }

    /// The first columns of one output row, as many as fit whole vectors; says how many.
    pub fn row(rows: &[u8], weights: &[i32], out: &mut [u8]) -> usize {
        let whole = out.len() - out.len() % 16;
        assert!(rows.len() >= weights.len() * out.len());
        for column in (0..whole).step_by(16) {
            // SAFETY: `usable` saw AVX2; 16 columns are left, and there is a row for each weight.
            unsafe { sixteen(rows.as_ptr().add(column), out.len(), weights, out.as_mut_ptr().add(column)) };
        }
        whole
    }

    #[target_feature(enable = "avx2")]
    unsafe fn sixteen(rows: *const u8, line: usize, weights: &[i32], out: *mut u8) {
        let zero = _mm256_setzero_si256();
        let (mut high, mut low) = ([zero; 2], [zero; 2]);
        let mut row = 0;
        while row < weights.len() {
            let (a, b) = (weights[row], weights.get(row + 1).copied().unwrap_or(0));
            let pair = |part: usize| {
                let (a, b) = (split(a)[part] as u16, split(b)[part] as u16);
                _mm256_set1_epi32((u32::from(b) << 16 | u32::from(a)).cast_signed())
            };
            let weights_here = (pair(0), pair(1));
            // SAFETY: the caller vouches for AVX2 and for 16 columns of as many rows as there are weights.
            unsafe {
                let first = _mm_loadu_si128(rows.add(row * line).cast());
                // Where there is no second row its weight is zero.
                let second = if row + 1 < weights.len() {
                    _mm_loadu_si128(rows.add((row + 1) * line).cast())
                } else {
                    _mm_setzero_si128()
                };
                let halves = [_mm_unpacklo_epi8(first, second), _mm_unpackhi_epi8(first, second)];
                for half in 0..2 {
                    let values = _mm256_cvtepu8_epi16(halves[half]);
                    high[half] = _mm256_add_epi32(high[half], _mm256_madd_epi16(values, weights_here.0));
                    low[half] = _mm256_add_epi32(low[half], _mm256_madd_epi16(values, weights_here.1));
                }
            }
            row += 2;
        }
        let mut rounded = [zero; 2];
        for half in 0..2 {
            let sum = _mm256_add_epi32(_mm256_slli_epi32::<{ LOW as i32 }>(high[half]), low[half]);
            let sum = _mm256_add_epi32(sum, _mm256_set1_epi32(1 << (BITS - 1)));
            rounded[half] = _mm256_srai_epi32::<{ BITS as i32 }>(sum);
        }
        // Packing works within 128-bit halves: put the four quarters back in order, then narrow again.
        let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(rounded[0], rounded[1]));
        let bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words));
        // SAFETY: the caller vouches for 16 bytes behind `out`.
        unsafe { _mm_storeu_si128(out.cast(), bytes) };
    }
}
