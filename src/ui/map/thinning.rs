//! Which items have room for a picture at which scale. An item that is shown at one scale is shown at all nearer ones, wherever the view
//! is, so that nothing flickers while the map is moved or zoomed.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use vicinity_core::MapPos;

/// Space of a picture, in screen points: its side and the gap to the next.
pub const SPACE: f32 = 46.0;
/// The farthest scale, in screen points per map unit; the map is two units wide.
const FARTHEST: f32 = 100.0;
/// Scales between one and twice as near.
const STEPS_PER_DOUBLING: i32 = 2;
/// The number of scales.
const STEPS: usize = 34;
/// Around an item that many cells are searched for its neighbours.
const REACH: i32 = 4;

/// Items with room for a picture, by the scale from which they have it.
#[derive(Debug, Default)]
pub struct Thinned {
    steps: Vec<Cells>,
    /// Distance to the nearest other item along the farther axis, in map units; infinite where none is near.
    spacing: Vec<f32>,
}

/// The row in each cell of a grid; at most one has room there.
type Cells = HashMap<u64, u32, BuildHasherDefault<CellHasher>>;

impl Thinned {
    /// Gives room to `rows`, the most important first.
    pub fn new(positions: &[MapPos], rows: &[u32]) -> Self {
        let mut thinned = Self { steps: Vec::new(), spacing: vec![f32::INFINITY; positions.len()] };
        let mut waiting: Vec<u32> = rows.iter().copied().filter(|row| place(positions, *row).is_some()).collect();
        let mut accepted: Vec<u32> = Vec::new();
        for step in 0..STEPS {
            if waiting.is_empty() {
                break;
            }
            let side = SPACE / scale_of(step);
            let mut taken = Cells::default();
            for row in &accepted {
                if let Some(at) = place(positions, *row) {
                    taken.insert(key(cell(at, side)), *row);
                }
            }
            let mut new = Cells::default();
            waiting.retain(|&row| {
                let Some(at) = place(positions, row) else { return false };
                if thinned.touches(positions, &taken, at, side) {
                    return true;
                }
                thinned.note_spacing(positions, &taken, row, at, side);
                taken.insert(key(cell(at, side)), row);
                new.insert(key(cell(at, side)), row);
                accepted.push(row);
                false
            });
            thinned.steps.push(new);
        }
        thinned
    }

    fn touches(&self, positions: &[MapPos], taken: &Cells, at: MapPos, side: f32) -> bool {
        around(cell(at, side), 1)
            .filter_map(|cell| taken.get(&cell))
            .any(|other| place(positions, *other).is_some_and(|other| distance(other, at) < side))
    }

    fn note_spacing(&mut self, positions: &[MapPos], taken: &Cells, row: u32, at: MapPos, side: f32) {
        for other in around(cell(at, side), REACH).filter_map(|cell| taken.get(&cell)) {
            let Some(there) = place(positions, *other) else { continue };
            let apart = distance(there, at);
            for row in [row, *other] {
                if let Some(nearest) = self.spacing.get_mut(row as usize) {
                    *nearest = nearest.min(apart);
                }
            }
        }
    }

    /// Distance from an item to the nearest other along the farther axis, in map units; infinite where none is near.
    pub fn spacing(&self, row: u32) -> f32 {
        self.spacing.get(row as usize).copied().unwrap_or(f32::INFINITY)
    }

    /// Calls `visit` with each item between two corners that has room at a scale (screen points per map unit), and with the scale from
    /// which it has it; the most important first. Takes time by the area that is seen, whatever the number of items.
    pub fn visit(&self, [low, high]: [MapPos; 2], scale: f32, mut visit: impl FnMut(u32, f32)) {
        for (step, cells) in self.steps.iter().enumerate().take_while(|(step, _)| scale_of(*step) <= scale) {
            let side = SPACE / scale_of(step);
            let ([left, bottom], [right, top]) = (cell(low, side), cell(high, side));
            let inside = |cell: i32, first: i32, last: i32| first <= cell && cell <= last;
            let seen = (i64::from(right) - i64::from(left) + 1) * (i64::from(top) - i64::from(bottom) + 1);
            if seen > cells.len() as i64 {
                for (&key, &row) in cells {
                    let [column, line] = of_key(key);
                    if inside(column, left, right) && inside(line, bottom, top) {
                        visit(row, scale_of(step));
                    }
                }
                continue;
            }
            for line in bottom..=top {
                for column in left..=right {
                    if let Some(row) = cells.get(&key([column, line])) {
                        visit(*row, scale_of(step));
                    }
                }
            }
        }
    }
}

/// The scale of a step, in screen points per map unit.
fn scale_of(step: usize) -> f32 {
    FARTHEST * (step as f32 / STEPS_PER_DOUBLING as f32).exp2()
}

fn place(positions: &[MapPos], row: u32) -> Option<MapPos> {
    positions.get(row as usize).copied().filter(|at| at.x.is_finite() && at.y.is_finite())
}

fn distance(a: MapPos, b: MapPos) -> f32 {
    (a.x - b.x).abs().max((a.y - b.y).abs())
}

fn cell(at: MapPos, side: f32) -> [i32; 2] {
    [(at.x / side).floor() as i32, (at.y / side).floor() as i32]
}

fn around([column, line]: [i32; 2], reach: i32) -> impl Iterator<Item = u64> {
    let offsets = move || -reach..=reach;
    offsets().flat_map(move |y| offsets().map(move |x| key([column.saturating_add(x), line.saturating_add(y)])))
}

fn key([column, line]: [i32; 2]) -> u64 {
    u64::from(column.cast_unsigned()) << 32 | u64::from(line.cast_unsigned())
}

fn of_key(key: u64) -> [i32; 2] {
    [(key >> 32) as i32, key as i32]
}

/// Cells are no hostile input, and a million of them are looked up for every scale: one multiplication (Knuth's) is enough.
#[derive(Default)]
struct CellHasher(u64);

impl Hasher for CellHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, value: u64) {
        let mixed = (self.0 ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ mixed >> 32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A heap and a scattering around it.
    fn places() -> Vec<MapPos> {
        let at = |i: u32| {
            let [x, y] = [i.wrapping_mul(2_654_435_761), i.wrapping_mul(40_503).wrapping_mul(97_531)];
            let spread = if i.is_multiple_of(3) { 1.0 } else { 0.05 };
            MapPos { x: spread * (x as f32 / 2.0f32.powi(31) - 1.0), y: spread * (y as f32 / 2.0f32.powi(31) - 1.0) }
        };
        (0..2_000).map(at).collect()
    }

    fn shown(thinned: &Thinned, view: [MapPos; 2], scale: f32) -> Vec<u32> {
        let mut rows = Vec::new();
        thinned.visit(view, scale, |row, _| rows.push(row));
        rows
    }

    const WHOLE: [MapPos; 2] = [MapPos { x: -1.0, y: -1.0 }, MapPos { x: 1.0, y: 1.0 }];

    #[test]
    fn pictures_never_touch_and_never_leave_while_the_view_comes_nearer() {
        let (places, rows) = (places(), (0..2_000).collect::<Vec<u32>>());
        let thinned = Thinned::new(&places, &rows);
        let mut before: Vec<u32> = Vec::new();
        for step in 0..60 {
            let scale = 100.0 * 1.3f32.powi(step);
            let now = shown(&thinned, WHOLE, scale);
            assert!(before.iter().all(|row| now.contains(row)), "one left at {scale}");
            for (at, row) in now.iter().enumerate() {
                let touching = now[..at]
                    .iter()
                    .filter(|other| distance(places[*row as usize], places[**other as usize]) * scale < SPACE * 0.999);
                assert_eq!(touching.count(), 0, "{row} at {scale}");
            }
            before = now;
        }
        assert!(before.len() > 1_900, "{} in the end", before.len());
        assert!(shown(&thinned, WHOLE, 120.0).contains(&0), "the most important is there from afar");
    }

    #[test]
    fn a_part_of_the_map_shows_what_the_whole_shows_there() {
        let places = places();
        let thinned = Thinned::new(&places, &(0..2_000).collect::<Vec<u32>>());
        let part = [MapPos { x: -0.04, y: -0.03 }, MapPos { x: 0.02, y: 0.05 }];
        for scale in [150.0, 900.0, 5_000.0, 60_000.0] {
            let inside = |row: &u32| {
                let at = places[*row as usize];
                part[0].x <= at.x && at.x <= part[1].x && part[0].y <= at.y && at.y <= part[1].y
            };
            let (mut of_whole, mut of_part) = (shown(&thinned, WHOLE, scale), shown(&thinned, part, scale));
            of_whole.retain(inside);
            of_part.retain(inside);
            of_whole.sort_unstable();
            of_part.sort_unstable();
            assert_eq!(of_part, of_whole, "at {scale}");
        }
    }

    #[test]
    fn the_spacing_of_near_items_is_their_distance() {
        let at = |x: f32, y: f32| MapPos { x, y };
        let places = [at(0.0, 0.0), at(0.001, 0.0004), at(0.9, 0.9), at(f32::NAN, 0.0)];
        let thinned = Thinned::new(&places, &[0, 1, 2, 3]);
        assert!((thinned.spacing(0) - 0.001).abs() < 1e-6 && (thinned.spacing(1) - 0.001).abs() < 1e-6);
        assert!(thinned.spacing(2) > 0.89, "nothing is near");
        assert!(!shown(&thinned, WHOLE, 1e9).contains(&3));
    }
}
