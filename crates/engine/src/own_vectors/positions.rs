//! Positions that the user brought for the rows of a table.

use std::path::Path;

use super::error::OwnVectorsError;
use crate::Snapshot;
use vicinity_core::{Item, Layout, MapPos, Part};

/// One position per row of a table, in map units.
#[derive(Debug, Clone, PartialEq)]
pub struct RowPositions(Vec<MapPos>);

/// Stands for the position of a row that has none.
const NOWHERE: MapPos = MapPos { x: f32::NAN, y: f32::NAN };

impl RowPositions {
    /// Reads positions from a table or a NumPy file, and scales them to the map: the longer side fills [-1, 1].
    ///
    /// # Errors
    /// When the file cannot be read, or a row has no position.
    pub fn read(path: &Path) -> Result<Self, OwnVectorsError> {
        let read = vicinity_media::read_positions(path);
        let read = read.map_err(|reason| OwnVectorsError::Positions { path: path.to_owned(), reason })?;
        Ok(Self(scaled(&read)))
    }

    /// Number of positions.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The positions that the rows of a snapshot have in a layout.
    pub(crate) fn of_layout(snapshot: &Snapshot, layout: &Layout) -> Self {
        let mut positions = Vec::new();
        for (item, at) in snapshot.items().zip(&layout.positions) {
            let Some(row) = row_of(item).and_then(|row| (row as usize).checked_sub(1)) else { continue };
            if positions.len() <= row {
                positions.resize(row + 1, NOWHERE);
            }
            positions[row] = *at;
        }
        Self(positions)
    }

    /// The positions of all items of a snapshot; `None` where one is not a row that has one.
    pub fn of_items(&self, snapshot: &Snapshot) -> Option<Vec<MapPos>> {
        let of = |row: u32| self.0.get((row as usize).checked_sub(1)?).copied().filter(|at| !at.x.is_nan());
        snapshot.items().map(|item| of(row_of(item)?)).collect()
    }
}

fn row_of(item: &Item) -> Option<u32> {
    item.part.and_then(Part::row)
}

/// Moves and scales positions so that the longer side of the box around them is [-1, 1], and the other one is centred.
fn scaled(positions: &[[f64; 2]]) -> Vec<MapPos> {
    let around = |axis: usize| {
        let values = positions.iter().map(|at| at[axis]);
        let [low, high] = values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| [low.min(v), high.max(v)]);
        // Halved first: the difference of two finite numbers need not be finite.
        [low / 2.0 + high / 2.0, high / 2.0 - low / 2.0]
    };
    let [[x, half_width], [y, half_height]] = [around(0), around(1)];
    let half = half_width.max(half_height);
    let unit = |value: f64, centre: f64| if half > 0.0 { ((value / half) - (centre / half)) as f32 } else { 0.0 };
    positions.iter().map(|at| MapPos { x: unit(at[0], x), y: unit(at[1], y) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_fill_the_map_and_keep_their_proportions() {
        let found = scaled(&[[10.0, 5.0], [30.0, 5.0], [20.0, 15.0]]);
        let wanted = [(-1.0, -0.5), (1.0, -0.5), (0.0, 0.5)].map(|(x, y)| MapPos { x, y });
        assert_eq!(found, wanted);
        assert_eq!(scaled(&[[7.0, 7.0], [7.0, 7.0]]), [MapPos::default(); 2], "all at one place");
        assert!(scaled(&[]).is_empty());
        let far = scaled(&[[f64::MAX, 0.0], [f64::MIN, 0.0], [0.0, 0.0]]);
        assert_eq!(far.iter().map(|at| at.x).collect::<Vec<_>>(), [1.0, -1.0, 0.0]);
    }
}
