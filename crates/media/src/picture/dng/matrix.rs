//! Matrices of three by three numbers.

/// By rows.
pub type Matrix3 = [[f64; 3]; 3];

/// The matrix that changes nothing.
pub const IDENTITY: Matrix3 = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// A matrix times a vector.
pub fn apply(matrix: &Matrix3, vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
}

/// The first matrix after the second.
pub fn product(first: &Matrix3, second: &Matrix3) -> Matrix3 {
    let column = |at: usize| second.map(|row| row[at]);
    let columns = [0, 1, 2].map(|at| apply(first, column(at)));
    [0, 1, 2].map(|row| [0, 1, 2].map(|at| columns[at][row]))
}

/// A matrix of these numbers along its diagonal.
pub fn diagonal(numbers: [f64; 3]) -> Matrix3 {
    [[numbers[0], 0.0, 0.0], [0.0, numbers[1], 0.0], [0.0, 0.0, numbers[2]]]
}

/// The inverse; `None` where there is none.
pub fn inverse(m: &Matrix3) -> Option<Matrix3> {
    let minor = |r: [usize; 2], c: [usize; 2]| m[r[0]][c[0]] * m[r[1]][c[1]] - m[r[0]][c[1]] * m[r[1]][c[0]];
    let others = [[1, 2], [2, 0], [0, 1]];
    let cofactors = [0, 1, 2].map(|row| [0, 1, 2].map(|column| minor(others[column], others[row])));
    let determinant: f64 = (0..3).map(|at| m[0][at] * cofactors[at][0]).sum();
    let inverse = cofactors.map(|row| row.map(|value| value / determinant));
    inverse.as_flattened().iter().all(|value| value.is_finite()).then_some(inverse)
}

/// A mixture of two matrices, with this share of the first.
pub fn mixed(first: &Matrix3, second: &Matrix3, share: f64) -> Matrix3 {
    [0, 1, 2].map(|row| [0, 1, 2].map(|at| first[row][at] * share + second[row][at] * (1.0 - share)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_after_its_inverse_changes_nothing() {
        let matrix = [[0.9, -0.3, 0.1], [-0.4, 1.2, 0.2], [0.05, 0.1, 0.7]];
        let both = product(&matrix, &inverse(&matrix).unwrap());
        let is_near = both.as_flattened().iter().zip(IDENTITY.as_flattened()).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(is_near, "{both:?}");
        assert_eq!(inverse(&[[1.0, 2.0, 3.0]; 3]), None);
    }
}
