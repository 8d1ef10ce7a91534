//! The nearest of a few vectors among many, where it does not matter how far they are.

use super::matrix::times_transposed;

/// For each row of `of` the `k` rows of `among` that have the largest dot products with it, as far as there are as many, the largest
/// first; of equal ones the first. Both are rows of `dim` numbers.
pub fn nearest(of: &[f32], among: &[f32], dim: usize, k: usize) -> Vec<Vec<u32>> {
    let [rows, columns] = [of, among].map(|table| table.len().checked_div(dim).unwrap_or(0));
    let mut products = vec![0.0f32; rows * columns];
    times_transposed(&of[..rows * dim], &among[..columns * dim], dim, &mut products);
    products.chunks(columns.max(1)).map(|row| largest(row, k)).collect()
}

fn largest(values: &[f32], k: usize) -> Vec<u32> {
    let mut best: Vec<(f32, u32)> = Vec::with_capacity(k + 1);
    for (at, value) in values.iter().enumerate() {
        if best.len() < k || best.last().is_some_and(|(least, _)| value > least) {
            let place = best.partition_point(|(other, _)| other >= value);
            best.insert(place, (*value, at as u32));
            best.truncate(k);
        }
    }
    best.into_iter().map(|(_, at)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_products_come_first_and_equal_ones_in_order() {
        let among = [1.0, 0.0, 0.0, 1.0, 0.6, 0.8, 1.0, 0.0];
        assert_eq!(nearest(&[1.0, 0.0, 0.0, 2.0], &among, 2, 3), [[0, 3, 2], [1, 2, 0]]);
        assert_eq!(nearest(&[1.0, 0.0], &among, 2, 9), [[0, 3, 2, 1]]);
        assert!(nearest(&[], &among, 2, 3).is_empty());
        assert_eq!(nearest(&[1.0, 0.0], &[], 2, 3).concat(), []);
    }
}
