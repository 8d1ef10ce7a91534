//! The nearest points on a map, by a k-d tree (Bentley 1975).

use vicinity_core::MapPos;

/// Points of a leaf.
const LEAF: usize = 16;

/// Positions on a map, for finding the nearest of them. Any number of them may be at one place.
pub struct MapTree<'a> {
    positions: &'a [MapPos],
    /// Rows. The middle of a range divides its points in two, by `x` and by `y` in turn.
    rows: Vec<u32>,
}

impl<'a> MapTree<'a> {
    /// Sorts the positions.
    pub fn new(positions: &'a [MapPos]) -> Self {
        let mut rows: Vec<u32> = (0..positions.len() as u32).collect();
        divide(positions, &mut rows, 0);
        Self { positions, rows }
    }

    /// The rows of the `k` positions nearest to that of `row`, itself excluded, the nearest first. Which of several at one
    /// distance these are is not said, but is always the same.
    pub fn nearest(&self, row: u32, k: usize) -> Vec<u32> {
        let mut nearest = Nearest { k, found: Vec::with_capacity(k + 1) };
        if k > 0 {
            self.look(&self.rows, 0, row, &mut nearest);
        }
        nearest.found.iter().map(|(_, row)| *row).collect()
    }

    fn look(&self, rows: &[u32], depth: usize, itself: u32, nearest: &mut Nearest) {
        let at = self.positions[itself as usize];
        let mut offer = |row: u32| {
            if row != itself {
                nearest.offer(square(self.positions[row as usize], at), row);
            }
        };
        if rows.len() <= LEAF {
            return rows.iter().copied().for_each(offer);
        }
        let (low, rest) = rows.split_at(rows.len() / 2);
        let Some((&middle, high)) = rest.split_first() else { return };
        offer(middle);
        let offset = along(at, depth) - along(self.positions[middle as usize], depth);
        let (near, far) = if offset < 0.0 { (low, high) } else { (high, low) };
        self.look(near, depth + 1, itself, nearest);
        // Not where it is as far as the bound: thousands of points may be at one place.
        if offset * offset < nearest.bound() {
            self.look(far, depth + 1, itself, nearest);
        }
    }
}

/// The nearest so far with the squares of their distances, the nearest first.
struct Nearest {
    k: usize,
    found: Vec<(f32, u32)>,
}

impl Nearest {
    /// What is farther is of no interest.
    fn bound(&self) -> f32 {
        if self.found.len() < self.k { f32::INFINITY } else { self.found.last().map_or(0.0, |last| last.0) }
    }

    fn offer(&mut self, square: f32, row: u32) {
        let at = self.found.partition_point(|other| other.0.total_cmp(&square).then(other.1.cmp(&row)).is_lt());
        if at < self.k {
            self.found.insert(at, (square, row));
            self.found.truncate(self.k);
        }
    }
}

fn divide(positions: &[MapPos], rows: &mut [u32], depth: usize) {
    if rows.len() <= LEAF {
        return;
    }
    let middle = rows.len() / 2;
    rows.select_nth_unstable_by(middle, |a, b| {
        let [a, b] = [a, b].map(|row| (along(positions[*row as usize], depth), *row));
        a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
    });
    let (low, rest) = rows.split_at_mut(middle);
    let (_, high) = rest.split_at_mut(1);
    rayon::join(|| divide(positions, low, depth + 1), || divide(positions, high, depth + 1));
}

fn along(pos: MapPos, depth: usize) -> f32 {
    if depth.is_multiple_of(2) { pos.x } else { pos.y }
}

fn square(a: MapPos, b: MapPos) -> f32 {
    (a.x - b.x).powi(2) + (a.y - b.y).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    #[test]
    fn the_nearest_are_those_of_comparing_all() {
        let mut random = Stream::new(1, 2, 3);
        let positions: Vec<MapPos> =
            (0..700).map(|_| MapPos { x: random.signed().powi(3), y: random.signed() }).collect();
        let tree = MapTree::new(&positions);
        for row in 0..700 {
            let mut all: Vec<(f32, u32)> = (0..700)
                .filter(|other| *other != row)
                .map(|other| (square(positions[row as usize], positions[other as usize]), other))
                .collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0));
            let nearest: Vec<u32> = all[..15].iter().map(|(_, row)| *row).collect();
            assert_eq!(tree.nearest(row, 15), nearest, "of {row}");
        }
        assert_eq!(tree.nearest(0, 0), []);
        assert_eq!(MapTree::new(&positions[..3]).nearest(1, 15).len(), 2, "no more than there are");
    }

    #[test]
    fn many_points_at_one_place_take_no_longer_than_others() {
        let positions = vec![MapPos { x: 0.5, y: 0.5 }; 200_000];
        let tree = MapTree::new(&positions);
        let found: usize = (0..positions.len() as u32).map(|row| tree.nearest(row, 15).len()).sum();
        assert_eq!(found, 15 * positions.len());
    }
}
