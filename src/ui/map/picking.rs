//! Finds the points near a position or inside a polygon, with a uniform grid on the CPU.

use vicinity_core::MapPos;

use super::camera::MapBounds;

/// Average number of points per cell.
const POINTS_PER_CELL: usize = 2;
/// Maximum number of cells along each side.
const MAX_CELLS: usize = 1024;

/// Rows sorted by the grid cell of their position.
#[derive(Debug, Default)]
pub struct PickingGrid {
    bounds: Option<MapBounds>,
    columns: usize,
    lines: usize,
    /// Index of each cell's first entry in `rows`, with a final entry for the end.
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl PickingGrid {
    /// Builds the grid from all finite positions.
    pub fn new(positions: &[MapPos]) -> Self {
        let Some(bounds) = MapBounds::around(positions.iter().copied()) else { return Self::default() };
        let bounds = bounds.with_min_size(1e-6);
        let side = (((positions.len() / POINTS_PER_CELL) as f64).sqrt() as usize).clamp(1, MAX_CELLS);
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

    /// Bounds of all points; `None` if there are no points.
    pub fn bounds(&self) -> Option<MapBounds> {
        self.bounds
    }

    fn cell_of(&self, pos: MapPos) -> Option<usize> {
        (pos.x.is_finite() && pos.y.is_finite()).then_some(())?;
        let [column, line] = self.cell_at([f64::from(pos.x), f64::from(pos.y)])?;
        Some(line * self.columns + column)
    }

    /// The cell that contains a position, or the nearest cell if the position is outside.
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

    /// The row nearest to `at` within `reach` map units for which `wanted` returns true.
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
            // Every cell in this ring or beyond is at least (ring - 1) cells away.
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

    /// Visits the cells at distance `ring` from `from` that are between `low` and `high`.
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

    /// All rows inside a polygon (even-odd rule) for which `wanted` returns true, in ascending order.
    pub fn inside(&self, positions: &[MapPos], polygon: &[[f64; 2]], wanted: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut found = Vec::new();
        let around = polygon.iter().map(|p| MapPos { x: p[0] as f32, y: p[1] as f32 });
        let (Some(bounds), Some(around)) = (self.bounds, MapBounds::around(around)) else { return found };
        let (Some(low), Some(high)) = (self.cell_at(around.min), self.cell_at(around.max)) else { return found };
        let height = bounds.size()[1] / self.lines as f64;
        let edges: Vec<_> = (0..polygon.len()).map(|i| (polygon[i], polygon[(i + 1) % polygon.len()])).collect();
        for line in low[1]..=high[1] {
            // Only edges that overlap this line of cells can be crossed by a ray from a point in it.
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
    fn nearest_agrees_with_a_linear_scan() {
        let positions = scattered(3_000);
        let grid = PickingGrid::new(&positions);
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
    fn a_lasso_agrees_with_a_linear_scan() {
        let positions = scattered(3_000);
        let grid = PickingGrid::new(&positions);
        // A self-intersecting star that extends beyond the points.
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
    fn accepts_no_points_one_point_and_non_finite_positions() {
        assert_eq!(PickingGrid::new(&[]).nearest(&[], [0.0, 0.0], 9.0, |_| true), None);
        let positions = [MapPos { x: f32::NAN, y: 0.0 }, MapPos { x: 0.5, y: 0.5 }];
        let grid = PickingGrid::new(&positions);
        assert_eq!(grid.nearest(&positions, [0.4, 0.5], 0.2, |_| true), Some(1));
        assert_eq!(grid.inside(&positions, &[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], |_| true), [1]);
        assert_eq!(grid.inside(&positions, &[], |_| true), Vec::<usize>::new());
    }
}
