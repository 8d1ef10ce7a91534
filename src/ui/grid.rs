//! Positions of the tiles of a gallery, and navigation between them by arrow keys.

use egui::{Rect, pos2, vec2};

use vicinity_core::Modality;

/// Gap between tiles, points.
pub const GAP: f32 = 7.0;
/// Height of a text's card in a column, points.
const CARD_HEIGHT: f32 = 66.0;
/// Height of the divider before less similar items, points.
pub const BREAK_HEIGHT: f32 = 32.0;

/// One tile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GridCell {
    /// Index in the list.
    pub index: usize,
    /// Position relative to the top left of the grid.
    pub rect: Rect,
}

/// Tiles in rows from top to bottom.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TileGrid {
    /// In reading order.
    pub cells: Vec<GridCell>,
    /// Height of all rows.
    pub height: f32,
    /// Vertical position of the divider before less similar items.
    pub break_at: Option<f32>,
}

/// Directions of the arrow keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The previous entry.
    Left,
    /// The next entry.
    Right,
    /// The row above.
    Up,
    /// The row below.
    Down,
}

impl TileGrid {
    /// Strictly in order: images two per row, texts as cards of the full width, or as tiles next to a single image;
    /// a divider after `above_threshold` entries.
    pub fn columns(kinds: &[Modality], above_threshold: usize, width: f32) -> Self {
        let mut grid = Self::default();
        let tile = vec2((width - GAP) / 2.0, (width - GAP) / 2.0 * 0.73);
        let mut y = 0.0;
        let (near, far) = kinds.split_at(above_threshold.min(kinds.len()));
        for (offset, part) in [(0, near), (near.len(), far)] {
            if offset > 0 && !part.is_empty() {
                grid.break_at = Some(y);
                y += BREAK_HEIGHT;
            }
            let mut beside = false;
            for (index, kind) in (offset..).zip(part) {
                let (at, size) = match kind {
                    _ if beside => (pos2(tile.x + GAP, y), tile),
                    Modality::Image => (pos2(0.0, y), tile),
                    Modality::Text => (pos2(0.0, y), vec2(width, CARD_HEIGHT)),
                };
                grid.cells.push(GridCell { index, rect: Rect::from_min_size(at, size) });
                beside = !beside && *kind == Modality::Image;
                if !beside {
                    y += size.y + GAP;
                }
            }
            if beside {
                y += tile.y + GAP;
            }
        }
        grid.height = y;
        grid
    }

    /// Rows about `height` high, each stretched to fill the width; entries keep their aspect ratios (width by height). A
    /// divider follows the first `near` entries if others come after them.
    pub fn justified(shapes: &[f32], near: Option<usize>, width: f32, height: f32) -> Self {
        let (before, behind) = shapes.split_at(near.unwrap_or(0).min(shapes.len()));
        let mut grid = Self { cells: Vec::with_capacity(shapes.len()), ..Self::default() };
        grid.rows(before, 0, width, height);
        if !before.is_empty() && !behind.is_empty() {
            grid.break_at = Some(grid.height);
            grid.height += BREAK_HEIGHT;
        }
        grid.rows(behind, before.len(), width, height);
        grid
    }

    /// Adds rows of entries, the first with the given index.
    fn rows(&mut self, shapes: &[f32], mut index: usize, width: f32, height: f32) {
        let mut row: Vec<f32> = Vec::new();
        let mut y = self.height;
        let mut sum = 0.0;
        // The last row is as high as the one before, unless it is the only one.
        let mut last = height;
        for shape in shapes {
            let shape = shape.clamp(0.5, 2.4);
            row.push(shape);
            sum += shape;
            let gaps = GAP * (row.len() - 1) as f32;
            if sum * height + gaps >= width {
                last = (width - gaps) / sum;
                index = self.row(&mut row, index, y, last);
                y += last + GAP;
                sum = 0.0;
            }
        }
        if !row.is_empty() {
            self.row(&mut row, index, y, last);
            y += last + GAP;
        }
        self.height = y;
    }

    fn row(&mut self, row: &mut Vec<f32>, mut index: usize, y: f32, height: f32) -> usize {
        let mut x = 0.0;
        for shape in row.drain(..) {
            self.cells.push(GridCell { index, rect: Rect::from_min_size(pos2(x, y), vec2(shape * height, height)) });
            x += shape * height + GAP;
            index += 1;
        }
        index
    }

    /// The tiles between two vertical positions.
    pub fn between(&self, top: f32, bottom: f32) -> &[GridCell] {
        // Rows do not overlap, so tops and bottoms are sorted well enough for a binary search.
        let from = self.cells.partition_point(|c| c.rect.bottom() < top);
        let to = self.cells.partition_point(|c| c.rect.top() <= bottom);
        self.cells.get(from..to.max(from)).unwrap_or_default()
    }

    /// Position of an entry.
    pub fn rect_of(&self, index: usize) -> Option<Rect> {
        self.cells.get(self.at(index)?).map(|c| c.rect)
    }

    /// The cell of an entry; cells are in the order of entries.
    fn at(&self, index: usize) -> Option<usize> {
        self.cells.binary_search_by_key(&index, |c| c.index).ok()
    }

    /// The entry that an arrow key moves to; the same one at the ends.
    pub fn step(&self, index: usize, step: Direction) -> usize {
        let Some(at) = self.at(index) else {
            return self.cells.first().map_or(index, |c| c.index);
        };
        let here = self.cells[at].rect;
        let found = match step {
            Direction::Left => at.checked_sub(1).and_then(|i| self.cells.get(i)),
            Direction::Right => self.cells.get(at + 1),
            Direction::Up => {
                let above = || self.cells[..at].iter().rev().filter(|c| c.rect.bottom() <= here.top());
                let row = above().next().map(|c| c.rect.top());
                nearest(above().take_while(|c| Some(c.rect.top()) == row), here)
            }
            Direction::Down => {
                let below = || self.cells[at..].iter().filter(|c| c.rect.top() >= here.bottom());
                let row = below().next().map(|c| c.rect.top());
                nearest(below().take_while(|c| Some(c.rect.top()) == row), here)
            }
        };
        found.map_or(index, |c| c.index)
    }
}

fn nearest<'a>(cells: impl Iterator<Item = &'a GridCell>, here: Rect) -> Option<&'a GridCell> {
    let distance = |c: &&GridCell| (c.rect.center().x - here.center().x).abs();
    cells.min_by(|a, b| distance(a).total_cmp(&distance(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    use Modality::{Image, Text};

    #[test]
    fn hits_stand_in_order_and_a_text_fills_the_row_of_a_lone_picture() {
        let grid = TileGrid::columns(&[Image, Text, Image, Image, Text], 5, 207.0);
        let order: Vec<_> = grid.cells.iter().map(|c| c.index).collect();
        assert_eq!(order, [0, 1, 2, 3, 4]);
        let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|i| grid.cells[i].rect);
        assert!(a.top() == b.top() && a.size() == b.size() && b.left() > a.right());
        assert!(c.top() == d.top() && c.top() > b.bottom());
        assert!(e.top() > d.bottom() && e.width() == 207.0);
        assert_eq!(grid.break_at, None);
    }

    #[test]
    fn what_does_not_stand_out_comes_after_a_line() {
        let grid = TileGrid::columns(&[Image, Image, Image], 1, 207.0);
        let line = grid.break_at.expect("a line");
        assert!(grid.cells[0].rect.bottom() <= line && grid.cells[1].rect.top() >= line + BREAK_HEIGHT);
    }

    #[test]
    fn justified_rows_fill_the_width_and_keep_order() {
        let shapes = [1.5, 0.7, 1.0, 2.0, 1.3, 0.8, 1.1];
        let grid = TileGrid::justified(&shapes, None, 600.0, 140.0);
        assert_eq!(grid.cells.iter().map(|c| c.index).collect::<Vec<_>>(), (0..shapes.len()).collect::<Vec<_>>());
        let first_row: Vec<_> = grid.cells.iter().filter(|c| c.rect.top() == 0.0).collect();
        assert!((first_row.last().expect("a row").rect.right() - 600.0).abs() < 0.1);
    }

    #[test]
    fn a_gallery_parts_what_matches_from_what_does_not() {
        let grid = TileGrid::justified(&[1.5; 7], Some(2), 600.0, 140.0);
        assert_eq!(grid.cells.iter().map(|c| c.index).collect::<Vec<_>>(), (0..7).collect::<Vec<_>>());
        let line = grid.break_at.expect("a line");
        assert!(grid.cells[1].rect.bottom() <= line && grid.cells[2].rect.top() >= line + BREAK_HEIGHT);
        assert_eq!(grid.rect_of(2), Some(grid.cells[2].rect));
        for near in [None, Some(0), Some(7), Some(99)] {
            assert_eq!(TileGrid::justified(&[1.5; 7], near, 600.0, 140.0).break_at, None, "{near:?}: nothing to part");
        }
    }

    #[test]
    fn the_last_row_before_the_divider_is_no_higher_than_the_others() {
        let grid = TileGrid::justified(&[1.5; 7], Some(5), 600.0, 140.0);
        let heights: Vec<f32> = grid.cells.iter().map(|c| c.rect.height()).collect();
        assert!(heights[0] < 140.0 && heights[..5].iter().all(|height| *height == heights[0]), "{heights:?}");
        assert_eq!(heights[6], 140.0, "a single row has the chosen height");
    }

    #[test]
    fn only_what_is_seen_is_drawn() {
        let grid = TileGrid::justified(&[1.0; 10_000], None, 600.0, 100.0);
        let seen = grid.between(50_000.0, 50_600.0);
        assert!(!seen.is_empty() && seen.len() < 60, "{}", seen.len());
        assert!(seen.iter().all(|c| c.rect.bottom() >= 50_000.0 && c.rect.top() <= 50_600.0));
    }

    #[test]
    fn arrows_walk_and_stay_at_the_ends() {
        let grid = TileGrid::columns(&[Image; 5], 5, 207.0);
        assert_eq!(grid.step(0, Direction::Down), 2);
        assert_eq!(grid.step(3, Direction::Up), 1);
        assert_eq!(grid.step(3, Direction::Down), 4);
        assert_eq!(grid.step(4, Direction::Right), 4);
        assert_eq!(grid.step(0, Direction::Left), 0);
        assert_eq!(grid.step(0, Direction::Up), 0);
    }
}
