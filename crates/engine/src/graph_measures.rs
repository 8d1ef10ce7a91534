//! What the nearest neighbours of all items show about each.

/// Measures of items in the graph of nearest neighbours, by row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GraphMeasures {
    /// Epoch of the snapshot whose rows these are.
    pub epoch: u64,
    /// How many items have it among their nearest: of an item that is typical of many others, many.
    pub typical: Vec<f32>,
    /// Mean cosine distance to its nearest, in [0, 2]: of an outlier, large.
    pub distance: Vec<f32>,
}

impl GraphMeasures {
    /// From the `k` nearest of each row and their distances. Rows that are not `known` have no vector, hence no nearest: their measures
    /// are NaN.
    pub fn new(epoch: u64, k: usize, nearest: &[u32], distances: &[f32], known: impl Fn(usize) -> bool) -> Self {
        let rows = nearest.len().checked_div(k).unwrap_or(0);
        let mut typical: Vec<f32> = (0..rows).map(|row| if known(row) { 0.0 } else { f32::NAN }).collect();
        let lists = nearest.chunks(k.max(1)).enumerate().filter(|(row, _)| known(*row));
        for row in lists.flat_map(|(_, list)| list) {
            if let Some(count) = typical.get_mut(*row as usize) {
                *count += 1.0;
            }
        }
        let mean = |all: &[f32]| all.iter().sum::<f32>() / all.len() as f32;
        let of_row = |(row, all)| if known(row) { mean(all) } else { f32::NAN };
        let distance = distances.chunks(k.max(1)).enumerate().map(of_row).collect();
        Self { epoch, typical, distance }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_are_close_to_is_typical_and_what_is_close_to_nothing_an_outlier() {
        let measures =
            GraphMeasures::new(3, 2, &[1, 2, 0, 2, 0, 1, 0, 1], &[0.1, 0.2, 0.1, 0.1, 0.2, 0.1, 0.8, 1.0], |_| true);
        assert_eq!(measures.typical, [3.0, 3.0, 2.0, 0.0]);
        assert!(measures.distance[3] > 0.89 && measures.distance[..3].iter().all(|distance| *distance < 0.2));
        let partly = GraphMeasures::new(3, 1, &[1, 0, 0], &[0.1, 0.1, 1.0], |row| row != 2);
        assert_eq!(partly.typical[..2], [1.0, 1.0], "what has no vector is near to nothing");
        assert!(partly.typical[2].is_nan() && partly.distance[2].is_nan());
        assert_eq!(
            GraphMeasures::new(3, 0, &[], &[], |_| true),
            GraphMeasures { epoch: 3, ..GraphMeasures::default() }
        );
    }
}
