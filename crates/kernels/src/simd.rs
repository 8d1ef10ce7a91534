//! A vector of f32 in three widths, chosen once at run time.
//!
//! Kernels are written once, generic over [`Simd`] and `#[inline(always)]`; `dispatch!` compiles them for each
//! instruction set and calls the widest that this processor has. [`Portable`] is plain Rust that compilers turn
//! into NEON or SSE on their own.

use std::sync::OnceLock;

/// Instruction sets that kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Plain Rust.
    Portable,
    /// 8 lanes, 16 registers.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 16 lanes, 32 registers.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// The widest instruction set of this processor. `VICINITY_SIMD=portable|avx2` narrows it, for tests.
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| detect(std::env::var("VICINITY_SIMD").ok().as_deref()))
}

#[cfg(target_arch = "x86_64")]
fn detect(wanted: Option<&str>) -> Level {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = avx2 && is_x86_feature_detected!("avx512f");
    match wanted {
        Some("portable") => Level::Portable,
        Some("avx2") if avx2 => Level::Avx2,
        _ if avx512 => Level::Avx512,
        _ if avx2 => Level::Avx2,
        _ => Level::Portable,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect(_: Option<&str>) -> Level {
    Level::Portable
}

/// Calls `$kernel::<S>($args)` for the instruction set of this processor. The kernel is an `unsafe fn` generic
/// over `S: Simd`, marked `#[inline(always)]` so that it is compiled with the features of its caller.
macro_rules! dispatch {
    ($kernel:ident($($arg:ident: $ty:ty),*) $(-> $ret:ty)?) => {{
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx2,fma")]
        unsafe fn avx512($($arg: $ty),*) $(-> $ret)? {
            // SAFETY: the caller's promise is passed on.
            unsafe { $kernel::<$crate::simd::Avx512>($($arg),*) }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        unsafe fn avx2($($arg: $ty),*) $(-> $ret)? {
            // SAFETY: the caller's promise is passed on.
            unsafe { $kernel::<$crate::simd::Avx2>($($arg),*) }
        }
        match $crate::simd::level() {
            #[cfg(target_arch = "x86_64")]
            $crate::simd::Level::Avx512 => avx512($($arg),*),
            #[cfg(target_arch = "x86_64")]
            $crate::simd::Level::Avx2 => avx2($($arg),*),
            $crate::simd::Level::Portable => {
                $kernel::<$crate::simd::Portable>($($arg),*)
            }
        }
    }};
}
pub(super) use dispatch;

/// A vector of f32.
///
/// # Safety
/// All functions need the instruction set that the type is named after; pointers must be valid for the lanes used.
#[expect(
    clippy::missing_safety_doc,
    reason = "one condition for all, stated above: the processor has the instructions"
)]
pub trait Simd: Copy {
    /// The register.
    type V: Copy;
    /// Numbers in a register.
    const LANES: usize;
    /// Rows that a matrix kernel keeps in registers (times two registers of columns).
    const ROWS: usize;

    /// All lanes the same.
    unsafe fn splat(x: f32) -> Self::V;
    /// Loads all lanes.
    unsafe fn load(p: *const f32) -> Self::V;
    /// Stores all lanes.
    unsafe fn store(p: *mut f32, v: Self::V);
    /// Loads the first `n < LANES` numbers; the rest are zero.
    unsafe fn load_first(p: *const f32, n: usize) -> Self::V;
    /// Stores the first `n < LANES` numbers.
    unsafe fn store_first(p: *mut f32, v: Self::V, n: usize);
    /// `a + b`.
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`.
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`.
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// `a / b`.
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`.
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The smaller; `b` where `a` is NaN.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// The larger; `b` where `a` is NaN.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// To the nearest whole number.
    unsafe fn round(a: Self::V) -> Self::V;
    /// 2 to the power of a whole number in -126..=127.
    unsafe fn exp2_whole(a: Self::V) -> Self::V;
    /// Sum of the lanes.
    unsafe fn sum(a: Self::V) -> f32;
    /// Largest lane.
    unsafe fn max_lane(a: Self::V) -> f32;

    /// Asks for the memory at any address to be brought into the first-level cache.
    #[inline(always)]
    unsafe fn prefetch(_: *const f32) {}
    /// The same for the second-level cache.
    #[inline(always)]
    unsafe fn prefetch_far(_: *const f32) {}
}

/// Plain Rust, 8 lanes.
#[derive(Clone, Copy)]
pub struct Portable;

#[inline(always)]
fn zip(a: [f32; 8], b: [f32; 8], f: impl Fn(f32, f32) -> f32) -> [f32; 8] {
    let mut out = [0.0; 8];
    for i in 0..8 {
        out[i] = f(a[i], b[i]);
    }
    out
}

impl Simd for Portable {
    type V = [f32; 8];
    const LANES: usize = 8;
    const ROWS: usize = 6;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::V {
        [x; 8]
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::V {
        // SAFETY: the caller vouches for a whole vector behind `p`.
        unsafe { p.cast::<[f32; 8]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: Self::V) {
        // SAFETY: the caller vouches for a whole vector behind `p`.
        unsafe { p.cast::<[f32; 8]>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> Self::V {
        let mut v = [0.0; 8];
        // SAFETY: the caller vouches for `n` numbers behind `p`, fewer than a vector has.
        unsafe { std::ptr::copy_nonoverlapping(p, v.as_mut_ptr(), n) };
        v
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: Self::V, n: usize) {
        // SAFETY: the caller vouches for `n` numbers behind `p`, fewer than a vector has.
        unsafe { std::ptr::copy_nonoverlapping(v.as_ptr(), p, n) };
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // Not f32::mul_add: without the FMA instruction that is a slow library call. NEON always has it.
        if cfg!(target_arch = "aarch64") {
            let mut out = c;
            for i in 0..8 {
                out[i] = a[i].mul_add(b[i], c[i]);
            }
            out
        } else {
            zip(zip(a, b, |a, b| a * b), c, |ab, c| ab + c)
        }
    }
    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn round(a: Self::V) -> Self::V {
        // Adding 1.5 * 2^23 pushes the fraction out of the mantissa.
        zip(a, [12_582_912.0; 8], |a, magic| (a + magic) - magic)
    }
    #[inline(always)]
    unsafe fn exp2_whole(a: Self::V) -> Self::V {
        let mut out = a;
        for x in &mut out {
            *x = f32::from_bits(((*x as i32 + 127) as u32) << 23);
        }
        out
    }
    #[inline(always)]
    unsafe fn sum(a: Self::V) -> f32 {
        a.iter().sum()
    }
    #[inline(always)]
    unsafe fn max_lane(a: Self::V) -> f32 {
        a.iter().copied().fold(f32::NEG_INFINITY, f32::max)
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::Simd;

    /// AVX2 with FMA: 8 lanes.
    #[derive(Clone, Copy)]
    pub struct Avx2;

    #[inline(always)]
    unsafe fn mask8(n: usize) -> __m256i {
        // SAFETY: the caller vouches for the instruction set.
        unsafe { _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)) }
    }

    impl Simd for Avx2 {
        type V = __m256;
        const LANES: usize = 8;
        const ROWS: usize = 6;

        #[inline(always)]
        unsafe fn splat(x: f32) -> __m256 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { _mm256_set1_ps(x) }
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> __m256 {
            // SAFETY: the caller vouches for the instruction set and for a whole vector behind `p`.
            unsafe { _mm256_loadu_ps(p) }
        }
        #[inline(always)]
        unsafe fn store(p: *mut f32, v: __m256) {
            // SAFETY: the caller vouches for the instruction set and for a whole vector behind `p`.
            unsafe { _mm256_storeu_ps(p, v) }
        }
        #[inline(always)]
        unsafe fn load_first(p: *const f32, n: usize) -> __m256 {
            // SAFETY: the caller vouches for the instruction set and for `n` numbers behind `p`; masked lanes are not touched.
            unsafe { _mm256_maskload_ps(p, mask8(n)) }
        }
        #[inline(always)]
        unsafe fn store_first(p: *mut f32, v: __m256, n: usize) {
            // SAFETY: the caller vouches for the instruction set and for `n` numbers behind `p`; masked lanes are not touched.
            unsafe { _mm256_maskstore_ps(p, mask8(n), v) }
        }
        #[inline(always)]
        unsafe fn add(a: __m256, b: __m256) -> __m256 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { _mm256_add_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn sub(a: __m256, b: __m256) -> __m256 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { _mm256_sub_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn mul(a: __m256, b: __m256) -> __m256 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { _mm256_mul_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn div(a: __m256, b: __m256) -> __m256 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { _mm256_div_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn mul_add(a: __m256, b: __m256, c: __m256) -> __m256 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { _mm256_fmadd_ps(a, b, c) }
        }
        #[inline(always)]
        unsafe fn min(a: __m256, b: __m256) -> __m256 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { _mm256_min_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn max(a: __m256, b: __m256) -> __m256 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { _mm256_max_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn round(a: __m256) -> __m256 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
        }
        #[inline(always)]
        unsafe fn exp2_whole(a: __m256) -> __m256 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe {
                let biased = _mm256_add_epi32(_mm256_cvtps_epi32(a), _mm256_set1_epi32(127));
                _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased))
            }
        }
        #[inline(always)]
        unsafe fn sum(a: __m256) -> f32 {
            let mut lanes = [0.0; 8];
            // SAFETY: the caller vouches for the instruction set; `lanes` is as long as a vector.
            unsafe { Self::store(lanes.as_mut_ptr(), a) };
            lanes.iter().sum()
        }
        #[inline(always)]
        unsafe fn max_lane(a: __m256) -> f32 {
            let mut lanes = [0.0; 8];
            // SAFETY: the caller vouches for the instruction set; `lanes` is as long as a vector.
            unsafe { Self::store(lanes.as_mut_ptr(), a) };
            lanes.iter().copied().fold(f32::NEG_INFINITY, f32::max)
        }
        #[inline(always)]
        unsafe fn prefetch(p: *const f32) {
            // SAFETY: a prefetch of any address has no effect but on speed; the caller vouches for the instruction set.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
        }
        #[inline(always)]
        unsafe fn prefetch_far(p: *const f32) {
            // SAFETY: a prefetch of any address has no effect but on speed; the caller vouches for the instruction set.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
        }
    }

    /// AVX-512F: 16 lanes.
    #[derive(Clone, Copy)]
    pub struct Avx512;

    #[inline(always)]
    fn mask16(n: usize) -> u16 {
        ((1_u32 << n) - 1) as u16
    }

    impl Simd for Avx512 {
        type V = __m512;
        const LANES: usize = 16;
        const ROWS: usize = 12;

        #[inline(always)]
        unsafe fn splat(x: f32) -> __m512 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { _mm512_set1_ps(x) }
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> __m512 {
            // SAFETY: the caller vouches for the instruction set and for a whole vector behind `p`.
            unsafe { _mm512_loadu_ps(p) }
        }
        #[inline(always)]
        unsafe fn store(p: *mut f32, v: __m512) {
            // SAFETY: the caller vouches for the instruction set and for a whole vector behind `p`.
            unsafe { _mm512_storeu_ps(p, v) }
        }
        #[inline(always)]
        unsafe fn load_first(p: *const f32, n: usize) -> __m512 {
            // SAFETY: the caller vouches for the instruction set and for `n` numbers behind `p`; masked lanes are not touched.
            unsafe { _mm512_maskz_loadu_ps(mask16(n), p) }
        }
        #[inline(always)]
        unsafe fn store_first(p: *mut f32, v: __m512, n: usize) {
            // SAFETY: the caller vouches for the instruction set and for `n` numbers behind `p`; masked lanes are not touched.
            unsafe { _mm512_mask_storeu_ps(p, mask16(n), v) }
        }
        #[inline(always)]
        unsafe fn add(a: __m512, b: __m512) -> __m512 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { _mm512_add_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn sub(a: __m512, b: __m512) -> __m512 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { _mm512_sub_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn mul(a: __m512, b: __m512) -> __m512 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { _mm512_mul_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn div(a: __m512, b: __m512) -> __m512 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { _mm512_div_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn mul_add(a: __m512, b: __m512, c: __m512) -> __m512 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { _mm512_fmadd_ps(a, b, c) }
        }
        #[inline(always)]
        unsafe fn min(a: __m512, b: __m512) -> __m512 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { _mm512_min_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn max(a: __m512, b: __m512) -> __m512 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { _mm512_max_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn round(a: __m512) -> __m512 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
        }
        #[inline(always)]
        unsafe fn exp2_whole(a: __m512) -> __m512 {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { _mm512_scalef_ps(_mm512_set1_ps(1.0), a) }
        }
        #[inline(always)]
        unsafe fn sum(a: __m512) -> f32 {
            // SAFETY: the caller vouches for the instruction set; `lanes` is as long as a vector.
            unsafe { _mm512_reduce_add_ps(a) }
        }
        #[inline(always)]
        unsafe fn max_lane(a: __m512) -> f32 {
            // SAFETY: the caller vouches for the instruction set; `lanes` is as long as a vector.
            unsafe { _mm512_reduce_max_ps(a) }
        }
        #[inline(always)]
        unsafe fn prefetch(p: *const f32) {
            // SAFETY: a prefetch of any address has no effect but on speed; the caller vouches for the instruction set.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
        }
        #[inline(always)]
        unsafe fn prefetch_far(p: *const f32) {
            // SAFETY: a prefetch of any address has no effect but on speed; the caller vouches for the instruction set.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
        }
    }
}
