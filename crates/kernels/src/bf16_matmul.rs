//! Dense layers with weights and inputs in bf16 and sums in f32: half the memory, and many times as fast where the
//! processor multiplies bf16 itself. Never chosen unless the user asks for it: a vector differs by some 1e-3.
//!
//! Two units are known: AMX, which multiplies tiles of 16 rows by 16 columns by 32 inputs, and the dot products of
//! AVX512-BF16. Both read the same order: inputs and weights lie in blocks of 32 inputs, a block of weights holding
//! pairs of neighbouring inputs for 16 outputs, 1 KiB as a tile wants it.

use std::sync::OnceLock;

use half::bf16;

use super::matmul_task::Task;

/// Inputs in a block.
const DEEP: usize = 32;
/// Rows and columns of a tile.
const TILE: usize = 16;
/// Numbers in a block of 16 rows or columns.
const BLOCK: usize = DEEP * TILE;
/// Outputs in a panel, and rows that are computed together.
pub(super) const WIDE: usize = 2 * TILE;

/// What multiplies bf16 in this processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// AVX512-BF16.
    Dots,
    /// AMX.
    Tiles,
}

/// The unit of this processor that is faster than f32, `None` where it has none. `VICINITY_BF16=none|dots` chooses
/// another one, for tests.
pub fn unit() -> Option<Unit> {
    static UNIT: OnceLock<Option<Unit>> = OnceLock::new();
    *UNIT.get_or_init(|| match std::env::var("VICINITY_BF16").ok().as_deref() {
        _ if !x86::has_dots() => None,
        Some("none") => None,
        Some("dots") => Some(Unit::Dots),
        _ if x86::has_tiles() => Some(Unit::Tiles),
        _ => x86::dots_are_fast().then_some(Unit::Dots),
    })
}

/// Numbers that a panel column takes for `inputs`.
pub(super) fn deep(inputs: usize) -> usize {
    inputs.next_multiple_of(DEEP)
}

/// Brings weights into panels of [`WIDE`] outputs; `weight` gives that of an output and an input.
pub(super) fn pack(outputs: usize, inputs: usize, weight: impl Fn(usize, usize) -> f32) -> Vec<bf16> {
    let mut panels = vec![bf16::ZERO; outputs.next_multiple_of(WIDE) * deep(inputs)];
    for output in 0..outputs {
        let panel = output / WIDE * WIDE * deep(inputs) + output % WIDE / TILE * BLOCK;
        for input in 0..inputs {
            let pair = input % DEEP / 2 * WIDE + output % TILE * 2 + input % 2;
            panels[panel + input / DEEP * 2 * BLOCK + pair] = bf16::from_f32(weight(output, input));
        }
    }
    panels
}

/// Computes a product whose panels are `panels`, from [`pack`].
///
/// # Safety
/// The task must be valid; there must be a [`unit()`].
#[cfg(target_arch = "x86_64")]
pub(super) unsafe fn run(task: &Task<'_>, panels: &[bf16]) {
    assert!(panels.len() >= task.outputs.next_multiple_of(WIDE) * deep(task.inputs));
    assert!(unit().is_some(), "weights are in bf16 only where there is a unit");
    // SAFETY: the unit needs these instruction sets; the rest is the caller's promise.
    unsafe { x86::run(task, panels, unit() == Some(Unit::Tiles)) }
}

/// # Safety
/// Never called: there is no [`unit`].
#[cfg(not(target_arch = "x86_64"))]
pub(super) unsafe fn run(_: &Task<'_>, _: &[bf16]) {
    unreachable!("weights are in bf16 only where there is a unit")
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::asm;
    use std::arch::x86_64::*;
    use std::cell::Cell;

    use half::bf16;

    use super::super::matmul_task::{Task, finish_block};
    use super::super::simd::{Avx512, Level, level};
    use super::{BLOCK, DEEP, TILE, WIDE, deep};

    /// The sums of [`WIDE`] rows and columns.
    #[repr(align(64))]
    struct Sums([f32; WIDE * WIDE]);

    #[target_feature(enable = "avx512f,avx512bw,avx512bf16,avx2,fma")]
    pub unsafe fn run(t: &Task<'_>, panels: &[bf16], tiles: bool) {
        let depth = deep(t.inputs);
        let mut x = NARROWED.take();
        // SAFETY: the caller vouches for the task.
        unsafe { narrow(t, &mut x) };
        let mut sums = Sums([0.0; WIDE * WIDE]);
        if tiles {
            // SAFETY: the caller knows that there is AMX.
            unsafe { configure() };
        }
        for (panel, column) in panels.chunks_exact(WIDE * depth).zip((0..t.outputs).step_by(WIDE)) {
            for row in (0..t.rows).step_by(WIDE) {
                let (rows, x) = (WIDE.min(t.rows - row), x[row * depth..].as_ptr());
                // SAFETY: `x` has whole tiles of rows, `panel` as many blocks; the caller vouches for the rest.
                unsafe {
                    if tiles {
                        multiply(x, panel.as_ptr(), depth / DEEP, rows > TILE, &mut sums);
                    } else {
                        for first in (0..rows).step_by(ROWS) {
                            dots(x, panel.as_ptr(), depth / DEEP, first, &mut sums);
                        }
                    }
                    finish_block::<Avx512>(t, row..row + rows, column, &sums.0, WIDE);
                }
            }
        }
        if tiles {
            // SAFETY: as above.
            unsafe { asm!("tilerelease") };
        }
        if x.len() <= KEPT {
            NARROWED.set(x);
        }
    }

    /// Numbers of an input whose memory is kept: 8 MiB.
    const KEPT: usize = 4 << 20;

    thread_local! {
        /// The last input in bf16, whose memory is used again.
        static NARROWED: Cell<Vec<bf16>> = const { Cell::new(Vec::new()) };
    }

    /// The input in bf16: tiles of 16 rows, each a block of 32 inputs after the other, padded with zeros. Rows that
    /// fill up the last tile may hold anything: nobody looks at their sums.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    unsafe fn narrow(t: &Task<'_>, out: &mut Vec<bf16>) {
        let depth = deep(t.inputs);
        out.resize(t.rows.next_multiple_of(WIDE) * depth, bf16::ZERO);
        for row in 0..t.rows {
            let to = row / TILE * TILE * depth + row % TILE * DEEP;
            for (block, first) in (0..t.inputs).step_by(DEEP).enumerate() {
                let left = t.inputs - first;
                // SAFETY: a row has `inputs` numbers and the output room for whole blocks; masked lanes are not read.
                unsafe {
                    let x = t.x.add(row * t.x_stride + first);
                    let low = _mm512_maskz_loadu_ps(first_lanes(left), x);
                    let high = _mm512_maskz_loadu_ps(first_lanes(left.saturating_sub(16)), x.wrapping_add(16));
                    let both = _mm512_cvtne2ps_pbh(high, low);
                    _mm512_storeu_si512(
                        out.as_mut_ptr().add(to + block * BLOCK).cast(),
                        std::mem::transmute::<__m512bh, __m512i>(both),
                    );
                }
            }
        }
    }

    fn first_lanes(n: usize) -> u16 {
        if n >= 16 { u16::MAX } else { (1 << n) - 1 }
    }

    /// Rows whose sums are in registers at once.
    const ROWS: usize = 8;

    /// The sums of 8 rows from `first` on.
    #[target_feature(enable = "avx512f,avx512bf16")]
    unsafe fn dots(x: *const bf16, panel: *const bf16, blocks: usize, first: usize, to: &mut Sums) {
        // SAFETY: the caller vouches for `blocks` blocks of whole tiles.
        unsafe {
            let x = x.add(first / TILE * blocks * BLOCK + first % TILE * DEEP);
            let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
            for block in 0..blocks {
                for pair in 0..DEEP / 2 {
                    let weights = panel.add(block * 2 * BLOCK + pair * WIDE);
                    let low: __m512bh = std::mem::transmute(_mm512_loadu_si512(weights.cast()));
                    let high: __m512bh = std::mem::transmute(_mm512_loadu_si512(weights.add(BLOCK).cast()));
                    for r in 0..ROWS {
                        let x = x.add(block * BLOCK + r * DEEP + 2 * pair).cast::<i32>().read_unaligned();
                        let x: __m512bh = std::mem::transmute(_mm512_set1_epi32(x));
                        sums[r][0] = _mm512_dpbf16_ps(sums[r][0], x, low);
                        sums[r][1] = _mm512_dpbf16_ps(sums[r][1], x, high);
                    }
                }
            }
            for r in 0..ROWS {
                for c in 0..2 {
                    _mm512_storeu_ps(to.0.as_mut_ptr().add((first + r) * WIDE + c * TILE), sums[r][c]);
                }
            }
        }
    }

    /// Tells AMX that all tiles have 16 rows of 64 bytes.
    unsafe fn configure() {
        #[repr(C, align(64))]
        struct Shapes([u8; 64]);
        let mut shapes = Shapes([0; 64]);
        // Byte 0: the palette. From 16 on: bytes of a row, two per tile. From 48 on: rows, one per tile.
        shapes.0[0] = 1;
        for tile in 0..8 {
            shapes.0[16 + 2 * tile] = 64;
            shapes.0[48 + tile] = TILE as u8;
        }
        // SAFETY: the caller knows that there is AMX.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const shapes, options(nostack, readonly)) };
    }

    /// The sums of 32 rows, or of 16 where the others are not `both` needed.
    #[inline(always)]
    unsafe fn multiply(x: *const bf16, panel: *const bf16, blocks: usize, both: bool, to: &mut Sums) {
        let below = if both { x.wrapping_add(blocks * BLOCK) } else { x };
        // SAFETY: the caller vouches for `blocks` blocks, at least one, and that AMX is configured.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "2:",
                "tileloadd tmm4, [{x} + {line}*1]",
                "tileloadd tmm6, [{w} + {line}*1]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{w} + {line}*1 + 1024]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "test {both}, {both}",
                "jz 3f",
                "tileloadd tmm5, [{y} + {line}*1]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "3:",
                "add {x}, 1024",
                "add {y}, 1024",
                "add {w}, 2048",
                "dec {n}",
                "jnz 2b",
                "tilestored [{to} + {out}*1], tmm0",
                "tilestored [{to} + {out}*1 + 64], tmm1",
                "tilestored [{to} + {out}*1 + 2048], tmm2",
                "tilestored [{to} + {out}*1 + 2112], tmm3",
                x = inout(reg) x => _,
                y = inout(reg) below => _,
                w = inout(reg) panel => _,
                n = inout(reg) blocks => _,
                both = in(reg) u64::from(both),
                line = in(reg) 64_u64,
                out = in(reg) (WIDE * 4) as u64,
                to = in(reg) to.0.as_mut_ptr(),
                options(nostack),
            );
        }
    }

    /// Whether there is AVX512-BF16.
    pub fn has_dots() -> bool {
        level() == Level::Avx512 && is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512bw")
    }

    /// Intel's processors do these instructions at half the rate of f32's: a ViT took 1.8 times as long (Xeon, family
    /// 6 model 207); AMD's do them at the same rate, for twice the work.
    pub fn dots_are_fast() -> bool {
        let vendor = __cpuid(0);
        [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes).concat() != b"GenuineIntel"
    }

    /// Whether there is AMX with bf16, and the system lets this process use it. Asks the system for it.
    pub fn has_tiles() -> bool {
        /// Bits of CPUID leaf 7, register EDX.
        const AMX_BF16: u32 = 1 << 22;
        const AMX_TILE: u32 = 1 << 24;
        let leaf = __cpuid_count(7, 0).edx;
        leaf & AMX_BF16 != 0 && leaf & AMX_TILE != 0 && may_use_tiles()
    }

    // Tested here, on processors that have tiles.
    #[cfg(target_os = "linux")]
    fn may_use_tiles() -> bool {
        // arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA), see the kernel's Documentation/arch/x86/xstate.rst.
        const ARCH_PRCTL: i64 = 158;
        let result: i64;
        // SAFETY: a system call that only changes what this process may do; an old kernel answers with an error.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") ARCH_PRCTL => result,
                in("rdi") 0x1023_u64,
                in("rsi") 18_u64,
                out("rcx") _,
                out("r11") _,
                options(nostack),
            );
        }
        result == 0
    }

    // Other systems are not asked: the kernels without tiles serve. Tested by `scripts/windows`.
    #[cfg(not(target_os = "linux"))]
    fn may_use_tiles() -> bool {
        false
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod x86 {
    pub fn has_dots() -> bool {
        false
    }
    pub fn has_tiles() -> bool {
        false
    }
    pub fn dots_are_fast() -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::super::{Activation, PackedLinear};
    use super::*;

    /// Neither tiny nor regular.
    fn number(i: usize) -> f32 {
        (i as f32 * 0.731).sin()
    }

    #[test]
    fn sums_are_those_of_the_rounded_numbers() {
        if unit().is_none() {
            return eprintln!("sums_are_those_of_the_rounded_numbers: skipped, this processor multiplies no bf16");
        }
        for (rows, inputs, outputs) in [(1, 1, 1), (7, 40, 20), (16, 64, 32), (17, 33, 70), (50, 96, 48)] {
            let weight = |o: usize, i: usize| number(o * inputs + i + 5);
            let row = |o: usize, to: &mut [f32]| to.iter_mut().enumerate().for_each(|(i, w)| *w = weight(o, i));
            let bias: Vec<f32> = (0..outputs).map(number).collect();
            let layer = PackedLinear::from_rows(outputs, inputs, row, &bias, Activation::Relu6);
            let layer = layer.in_dtype(DType::BF16);
            let values = |n: usize| (0..n).map(|i| number(3 * i)).collect::<Vec<f32>>();
            let tensor = |n, m| Tensor::from_vec(values(n * m), (n, m), &Device::Cpu).expect("as many numbers");
            let (x, residual) = (tensor(rows, inputs), tensor(rows, outputs));
            let found = layer.forward_add(&x, &residual).and_then(|t| t.to_vec2::<f32>()).expect("a product");
            let round = |x: f32| f64::from(bf16::from_f32(x).to_f32());
            for (r, o) in (0..rows * outputs).map(|i| (i / outputs, i % outputs)) {
                let sum: f64 = (0..inputs).map(|i| round(number(3 * (r * inputs + i))) * round(weight(o, i))).sum();
                let wanted = (sum + f64::from(bias[o])).clamp(0.0, 6.0) + f64::from(number(3 * (r * outputs + o)));
                let off = (f64::from(found[r][o]) - wanted).abs();
                assert!(off < 1e-5, "{rows} x {inputs} x {outputs} at {r}, {o}: {} not {wanted}", found[r][o]);
            }
        }
    }

    #[test]
    fn both_units_agree() {
        let test = "bf16_matmul::tests::sums_are_those_of_the_rounded_numbers";
        for unit in ["dots", "none"] {
            let mut child = std::process::Command::new(std::env::current_exe().expect("this test"));
            let child = child.args(["--exact", test]).env("VICINITY_BF16", unit).output().expect("the test starts");
            let report = String::from_utf8_lossy(&child.stdout).into_owned();
            assert!(child.status.success() && report.contains("1 passed"), "{unit}: {report}");
        }
    }
}
