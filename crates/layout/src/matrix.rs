//! Dense products on row-major slices: the one place here that calls the GEMM kernels.
//!
//! Single-threaded on purpose: callers split the work into fixed blocks themselves, so that results do not depend
//! on the number of threads.

use gemm::{Parallelism, gemm};

/// `out = a * bᵀ` for `a` of m rows and `b` of n rows, both `dim` wide; `out` is m x n.
pub fn times_transposed(a: &[f32], b: &[f32], dim: usize, out: &mut [f32]) {
    let (m, n) = (a.len() / dim, b.len() / dim);
    assert!(a.len() == m * dim && b.len() == n * dim && out.len() == m * n, "shapes fit");
    if m == 0 || n == 0 {
        return;
    }
    let (wide, out_wide) = (dim as isize, n as isize);
    // SAFETY: the assertion above bounds every index that these shapes and strides reach; `out` is borrowed
    // mutably, so it does not overlap the inputs.
    unsafe {
        gemm(
            m,
            n,
            dim,
            out.as_mut_ptr(),
            1,
            out_wide,
            false,
            a.as_ptr(),
            1,
            wide,
            b.as_ptr(),
            wide,
            1,
            0.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// `out += xᵀ[columns] * x` for `x` of any number of rows, `dim` wide; `out` is `columns.len()` x `dim`.
pub fn add_gram_rows(x: &[f32], dim: usize, columns: std::ops::Range<usize>, out: &mut [f32]) {
    let (count, wide) = (x.len() / dim, dim as isize);
    assert!(x.len() == count * dim && columns.end <= dim && out.len() == columns.len() * dim, "shapes fit");
    if count == 0 || columns.is_empty() {
        return;
    }
    // SAFETY: as above; the left operand is read from column `columns.start` on, `columns.len()` wide.
    unsafe {
        gemm(
            columns.len(),
            dim,
            count,
            out.as_mut_ptr(),
            1,
            wide,
            true,
            x.as_ptr().add(columns.start),
            wide,
            1,
            x.as_ptr(),
            1,
            wide,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
