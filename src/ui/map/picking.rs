//! Which points lie near a place, in a box, in a lasso: a grid over the map, on the CPU.

use vicinity_core::MapPos;

use super::camera::Bounds;

/// Points a cell, about.
const PER_CELL: usize = 2;
/// Most cells along one side.
const MOST_CELLS: usize = 1024;

/// Rows sorted by the cell that their position falls into.
#[derive(Debug, Default)]
pub struct Grid {
    bounds: Option<Bounds>,
    columns: usize,
    lines: usize,
    /// Where each cell begins in `rows`; one more at the end.
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl Grid {
    /// Sorts all finite positions.
    pub fn new(positions: &[MapPos]) -> Self {
        let Some(bounds) = Bounds::around(positions.iter().copied()) else { return Self::default() };
        let bounds = bounds.at_least(1e-6);
        let side = (((positions.len() / PER_CELL) as f64).sqrt() as usize).clamp(1, MOST_CELLS);
        let mut grid = Self { bounds: Some(bounds), columns: side, lines: side, ..Self::default() };
        grid.starts = vec![0; side * side + 1];
        let cells: Vec<u32> = positions.iter().map(|p| grid.cell_of(*p).map_or(u32::MAX, |c| c as u32)).collect();
        for cell in cells.iter().filter(|c| **c != u32::MAX) {
            grid.starts[*cell as usize + 1] += 1;
        }
        for cell in 0..side * side {
            grid.starts[cell + 1] += grid.starts[cell];
        }
        let mut next = grid.starts.clone();
        grid.rows = vec![0; next.last().map_or(0, |n| *n as usize)];
        for (row, cell) in cells.iter().enumerate().filter(|(_, c)| **c != u32::MAX) {
            let at = &mut next[*cell as usize];
            grid.rows[*at as usize] = row as u32;
            *at += 1;
        }
        grid
    }

    /// Around all points; `None` without points.
    pub fn bounds(&self) -> Option<Bounds> {
        self.bounds
    }

    fn cell_of(&self, pos: MapPos) -> Option<usize> {
        (pos.x.is_finite() && pos.y.is_finite()).then_some(())?;
        let [column, line] = self.cell_at([f64::from(pos.x), f64::from(pos.y)])?;
        Some(line * self.columns + column)
    }

    /// The cell that holds a place, or the nearest one.
    fn cell_at(&self, [x, y]: [f64; 2]) -> Option<[usize; 2]> {
        let bounds = self.bounds?;
        let [width, height] = bounds.size();
        let column = (x - bounds.min[0]) / width * self.columns as f64;
        let line = (y - bounds.min[1]) / height * self.lines as f64;
        Some([(column.max(0.0) as usize).min(self.columns - 1), (line.max(0.0) as usize).min(self.lines - 1)])
    }

    fn cell(&self, column: usize, line: usize) -> &[u32] {
        let cell = line * self.columns + column;
        &self.rows[self.starts[cell] as usize..self.starts[cell + 1] as usize]
    }

    /// The row nearest to `at` within `reach` map units, among those that are `wanted`.
    pub fn nearest(
        &self,
        positions: &[MapPos],
        at: [f64; 2],
        reach: f64,
        wanted: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let bounds = self.bounds?;
        let [column, line] = self.cell_at(at)?;
        let [width, height] = bounds.size();
        let cell_size = (width / self.columns as f64).min(height / self.lines as f64);
        let [low, high] =
            [self.cell_at([at[0] - reach, at[1] - reach])?, self.cell_at([at[0] + reach, at[1] + reach])?];
        let rings = [column - low[0], high[0] - column, line - low[1], high[1] - line].into_iter().max()?;
        let mut best: Option<(f64, usize)> = None;
        for ring in 0..=rings {
            // Every cell further out lies beyond (ring - 1) whole cells.
            if best.is_some_and(|(d, _)| d.sqrt() < (ring as f64 - 1.0) * cell_size) {
                break;
            }
            self.visit_ring([column, line], ring, low, high, |rows| {
                for row in rows.iter().map(|r| *r as usize) {
                    let Some(pos) = positions.get(row) else { continue };
                    let d = (f64::from(pos.x) - at[0]).powi(2) + (f64::from(pos.y) - at[1]).powi(2);
                    if d <= reach * reach && best.is_none_or(|(b, _)| d < b) && wanted(row) {
                        best = Some((d, row));
                    }
                }
            });
        }
        best.map(|(_, row)| row)
    }

    /// The cells `ring` steps away from `from`, as far as they lie between `low` and `high`.
    fn visit_ring(
        &self,
        from: [usize; 2],
        ring: usize,
        low: [usize; 2],
        high: [usize; 2],
        mut visit: impl FnMut(&[u32]),
    ) {
        let (left, right) = (from[0].checked_sub(ring), from[0] + ring);
        for line in from[1].saturating_sub(ring).max(low[1])..=(from[1] + ring).min(high[1]) {
            if line.abs_diff(from[1]) == ring {
                for column in left.unwrap_or(0).max(low[0])..=right.min(high[0]) {
                    visit(self.cell(column, line));
                }
            } else {
                if let Some(left) = left.filter(|l| *l >= low[0]) {
                    visit(self.cell(left, line));
                }
                if right <= high[0] {
                    visit(self.cell(right, line));
                }
            }
        }
    }

    /// All rows inside a polygon (even-odd rule), ascending, among those that are `wanted`.
    pub fn inside(&self, positions: &[MapPos], polygon: &[[f64; 2]], wanted: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut found = Vec::new();
        let around = polygon.iter().map(|p| MapPos { x: p[0] as f32, y: p[1] as f32 });
        let (Some(bounds), Some(around)) = (self.bounds, Bounds::around(around)) else { return found };
        let (Some(low), Some(high)) = (self.cell_at(around.min), self.cell_at(around.max)) else { return found };
        let height = bounds.size()[1] / self.lines as f64;
        let edges: Vec<_> = (0..polygon.len()).map(|i| (polygon[i], polygon[(i + 1) % polygon.len()])).collect();
        for line in low[1]..=high[1] {
            // Only edges that reach into this line of cells can be crossed by a ray from a point in it.
            let bottom = bounds.min[1] + line as f64 * height - 1e-6 * height;
            let top = bottom + height * (1.0 + 2e-6);
            let near = |(a, b): &&([f64; 2], [f64; 2])| a[1].min(b[1]) <= top && a[1].max(b[1]) >= bottom;
            let edges: Vec<_> = edges.iter().filter(near).copied().collect();
            if edges.is_empty() {
                continue;
            }
            for row in (low[0]..=high[0]).flat_map(|column| self.cell(column, line)).map(|r| *r as usize) {
                let inside = positions.get(row).is_some_and(|p| crossed(&edges, [f64::from(p.x), f64::from(p.y)]));
                if inside && wanted(row) {
                    found.push(row);
                }
            }
        }
        found.sort_unstable();
        found
    }
}

/// Whether a ray to the right crosses an odd number of edges.
fn crossed(edges: &[([f64; 2], [f64; 2])], [x, y]: [f64; 2]) -> bool {
    let crosses = |(a, b): &&([f64; 2], [f64; 2])| {
        (a[1] > y) != (b[1] > y) && x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
    };
    edges.iter().filter(crosses).count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scattered(n: u32) -> Vec<MapPos> {
        let noise = |i: u32| (f64::from(i.wrapping_mul(2_654_435_761) >> 8) / f64::from(1_u32 << 24)) as f32;
        (0..n).map(|i| MapPos { x: noise(i) * 2.0 - 1.0, y: noise(i + 77_777).powi(2) * 2.0 - 1.0 }).collect()
    }

    #[test]
    fn nearest_is_what_looking_at_every_point_finds() {
        let positions = scattered(3_000);
        let grid = Grid::new(&positions);
        for probe in scattered(400) {
            let at = [f64::from(probe.y) * 1.1, f64::from(probe.x) * 1.1];
            let distance = |p: &MapPos| (f64::from(p.x) - at[0]).powi(2) + (f64::from(p.y) - at[1]).powi(2);
            for reach in [0.005, 0.03, 0.4] {
                let all = (0..positions.len()).filter(|i| i % 3 != 0 && distance(&positions[*i]) <= reach * reach);
                let best = all.min_by(|a, b| distance(&positions[*a]).total_cmp(&distance(&positions[*b])));
                assert_eq!(grid.nearest(&positions, at, reach, |row| row % 3 != 0), best, "{at:?} {reach}");
            }
        }
    }

    #[test]
    fn a_lasso_holds_what_testing_every_point_finds() {
        let positions = scattered(3_000);
        let grid = Grid::new(&positions);
        // A star that crosses itself, and reaches beyond the points.
        let star: Vec<[f64; 2]> = (0..5)
            .map(|i| f64::from(i * 2) * std::f64::consts::TAU / 5.0)
            .map(|angle| [angle.cos() * 1.3, angle.sin() * 1.3])
            .collect();
        let edges: Vec<_> = (0..5).map(|i| (star[i], star[(i + 1) % 5])).collect();
        let all: Vec<usize> = (0..positions.len())
            .filter(|i| crossed(&edges, [f64::from(positions[*i].x), f64::from(positions[*i].y)]))
            .collect();
        assert!(all.len() > 300 && all.len() < 2_700);
        assert_eq!(grid.inside(&positions, &star, |_| true), all);
    }

    #[test]
    fn bears_no_points_one_point_and_positions_that_are_not_numbers() {
        assert_eq!(Grid::new(&[]).nearest(&[], [0.0, 0.0], 9.0, |_| true), None);
        let positions = [MapPos { x: f32::NAN, y: 0.0 }, MapPos { x: 0.5, y: 0.5 }];
        let grid = Grid::new(&positions);
        assert_eq!(grid.nearest(&positions, [0.4, 0.5], 0.2, |_| true), Some(1));
        assert_eq!(grid.inside(&positions, &[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], |_| true), [1]);
        assert_eq!(grid.inside(&positions, &[], |_| true), Vec::<usize>::new());
    }
}
