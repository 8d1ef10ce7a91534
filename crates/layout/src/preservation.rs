//! How many of its true neighbours each point keeps on a map.

use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use super::map_tree::MapTree;
use super::{Cancelled, check};
use vicinity_core::MapPos;

/// Rows between two looks at whether to stop.
const BLOCK: usize = 1024;

/// For each row with a position the share, in [0, 1], of its `k` nearest by cosine that are among the `k` nearest on the map. `nearest` has
/// `k` rows for each. The mean of all is the neighbourhood preservation of the map (the quality `Q_NX` of Lee and Verleysen 2009).
///
/// # Errors
/// When cancelled.
pub fn preserved(nearest: &[u32], k: usize, positions: &[MapPos], cancel: &AtomicBool) -> Result<Vec<f32>, Cancelled> {
    if k == 0 {
        return Ok(vec![1.0; positions.len()]);
    }
    let tree = MapTree::new(positions);
    let mut shares = vec![0.0; positions.len()];
    shares.par_chunks_mut(BLOCK).zip(nearest.par_chunks(BLOCK * k)).enumerate().try_for_each(
        |(block, (shares, neighbours))| {
            check(cancel)?;
            for (at, (share, neighbours)) in shares.iter_mut().zip(neighbours.chunks_exact(k)).enumerate() {
                let near = tree.nearest((block * BLOCK + at) as u32, k);
                *share = neighbours.iter().filter(|row| near.contains(row)).count() as f32 / k as f32;
            }
            Ok(())
        },
    )?;
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knn;

    #[test]
    fn a_map_of_the_plane_keeps_all_neighbours_and_a_shuffled_one_few() {
        // Directions of an arc: the nearest by cosine are the nearest along it.
        let vectors: Vec<f32> = (0..300).map(|i| i as f32 / 300.0).flat_map(|a| [a.cos(), a.sin()]).collect();
        let going = AtomicBool::new(false);
        let found = knn(&vectors, 2, 4, &going).expect("not cancelled");
        let along: Vec<MapPos> = (0..300).map(|i| MapPos { x: i as f32, y: 0.0 }).collect();
        let shares = preserved(&found.indices, 4, &along, &going).expect("not cancelled");
        assert!(shares[10..290].iter().all(|share| *share > 0.7), "neighbours stay, but for rounding");
        let shuffled: Vec<MapPos> = (0..300).map(|i| MapPos { x: (i * 7919 % 300) as f32, y: 0.0 }).collect();
        let shares = preserved(&found.indices, 4, &shuffled, &going).expect("not cancelled");
        assert!(shares.iter().sum::<f32>() / 300.0 < 0.2);
        assert!(preserved(&found.indices, 4, &along, &AtomicBool::new(true)).is_err());
    }

    #[test]
    fn a_single_point_loses_nothing() {
        let one = [MapPos { x: 0.0, y: 0.0 }];
        assert_eq!(preserved(&[], 0, &one, &AtomicBool::new(false)), Ok(vec![1.0]));
    }
}
