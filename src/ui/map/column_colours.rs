//! Colours by a column of tables: categories, or the place of a number or date between the smallest and the largest.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::context::Snapshot;
use vicinity_core::table::{Cell, ColumnName};

/// Numbers with at most so many different values are categories.
const FEW: usize = 10;
/// Numbers that the ends of the scale are taken from.
const SAMPLE: usize = 4096;
/// A share of so many in a thousand lies beyond either end of the scale: few outliers would make all others look alike.
const OUTLIERS: usize = 10;

/// What points are coloured by.
pub enum ColumnColours {
    /// Texts, or a few numbers.
    Categories {
        /// Name and number of items of each.
        named: Vec<(String, usize)>,
        /// Their places, the most frequent first; numbers by their size.
        order: Vec<usize>,
        /// Of each row, its place in `named`.
        of_row: Vec<Option<u32>>,
    },
    /// Numbers or dates.
    Ramp(Ramp),
}

/// Numbers or dates as places on a scale.
#[derive(Debug, Clone, Default)]
pub struct Ramp {
    /// For each row its place, 0 to 1; NaN where it has no value.
    pub shares: Vec<f32>,
    /// What the ends of the scale stand for.
    pub limits: [String; 2],
}

impl ColumnColours {
    /// Goes through all rows.
    pub fn new(snapshot: &Snapshot, column: &ColumnName) -> Self {
        let tables = snapshot.tables();
        let cells: Vec<Option<Cell<'_>>> = snapshot.items().map(|item| tables.cell(item, column)).collect();
        let texts = cells.iter().filter(|cell| matches!(cell, Some(Cell::Text(_)))).count();
        let known = cells.iter().filter(|cell| cell.is_some()).count();
        if texts * 2 >= known { categories(&cells) } else { numbers(&cells) }
    }

    /// Of numbers of the first of so many rows, to three digits behind the point.
    pub fn of_numbers(values: &[f32], rows: usize) -> Self {
        let rounded = |value: &f32| Cell::Number((f64::from(*value) * 1e3).round() / 1e3);
        let known = |row: usize| values.get(row).filter(|value| value.is_finite());
        let cells: Vec<Option<Cell<'_>>> = (0..rows).map(|row| known(row).map(rounded)).collect();
        numbers(&cells)
    }
}

fn value(cell: Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Number(number) => Some(number),
        Cell::Date(seconds) => Some(seconds as f64),
        Cell::Text(_) => None,
    }
}

fn categories(cells: &[Option<Cell<'_>>]) -> ColumnColours {
    let mut places: HashMap<&str, u32> = HashMap::new();
    let mut named: Vec<(String, usize)> = Vec::new();
    let mut of_row = Vec::with_capacity(cells.len());
    for cell in cells {
        let Some(Cell::Text(text)) = *cell else {
            of_row.push(None);
            continue;
        };
        let place = *places.entry(text).or_insert_with(|| {
            named.push((text.to_owned(), 0));
            named.len() as u32 - 1
        });
        if let Some((_, count)) = named.get_mut(place as usize) {
            *count += 1;
        }
        of_row.push(Some(place));
    }
    let mut order: Vec<usize> = (0..named.len()).collect();
    order.sort_by_key(|at| named.get(*at).map(|(name, count)| (Reverse(*count), name)));
    ColumnColours::Categories { named, order, of_row }
}

fn numbers(cells: &[Option<Cell<'_>>]) -> ColumnColours {
    let mut different: Vec<(f64, Cell<'_>, usize)> = Vec::new();
    for cell in cells.iter().flatten() {
        let Some(number) = value(*cell) else { continue };
        if let Some((.., count)) = different.iter_mut().find(|(known, ..)| *known == number) {
            *count += 1;
        } else if different.len() > FEW {
            break;
        } else {
            different.push((number, *cell, 1));
        }
    }
    if different.len() > FEW {
        return ColumnColours::Ramp(ramp(cells));
    }
    different.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
    let place = |cell: &Option<Cell<'_>>| {
        let number = value((*cell)?)?;
        different.iter().position(|(known, ..)| *known == number).map(|at| at as u32)
    };
    ColumnColours::Categories {
        of_row: cells.iter().map(place).collect(),
        order: (0..different.len()).collect(),
        named: different.iter().map(|(_, cell, count)| (cell.to_string(), *count)).collect(),
    }
}

fn ramp(cells: &[Option<Cell<'_>>]) -> Ramp {
    let step = (cells.len() / SAMPLE).max(1);
    let mut sample: Vec<(f64, Cell<'_>)> =
        cells.iter().flatten().step_by(step).filter_map(|cell| Some((value(*cell)?, *cell))).collect();
    sample.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let end = sample.len().saturating_sub(1);
    let cut = sample.len() * OUTLIERS / 1000;
    let [low, high] = [cut, end.saturating_sub(cut)].map(|at| sample.get(at).copied());
    let (Some((low, first)), Some((high, last))) = (low, high) else { return Ramp::default() };
    let share = |cell: &Option<Cell<'_>>| {
        let place = cell.and_then(value).map(|number| (number - low) / (high - low).max(f64::MIN_POSITIVE));
        place.map_or(f32::NAN, |place| place.clamp(0.0, 1.0) as f32)
    };
    // A date as its day.
    let text = |cell: Cell<'_>| match cell {
        Cell::Date(_) => cell.to_string().chars().take(10).collect(),
        _ => cell.to_string(),
    };
    Ramp { shares: cells.iter().map(share).collect(), limits: [first, last].map(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers_of(all: &[f64]) -> ColumnColours {
        numbers(&all.iter().map(|n| (!n.is_nan()).then_some(Cell::Number(*n))).collect::<Vec<_>>())
    }

    #[test]
    fn a_few_numbers_are_categories_by_size_and_many_make_a_scale() {
        let ColumnColours::Categories { named, order, of_row } = numbers_of(&[3.0, 1.0, f64::NAN, 3.0]) else {
            panic!("categories")
        };
        assert_eq!((named, order), (vec![("1".to_owned(), 1), ("3".to_owned(), 2)], vec![0, 1]));
        assert_eq!(of_row, [Some(1), Some(0), None, Some(1)]);
        let mut many: Vec<f64> = (0..=200).map(f64::from).collect();
        many.extend([f64::NAN, 1e9]);
        let ColumnColours::Ramp(Ramp { shares, limits }) = numbers_of(&many) else { panic!("a scale") };
        assert_eq!(limits, ["2", "199"], "without outliers");
        assert!(shares[0] == 0.0 && shares[202] == 1.0 && shares[201].is_nan());
        assert!((shares[100] - 0.4975).abs() < 0.01 && shares[..201].is_sorted());
    }

    #[test]
    fn texts_are_categories_the_most_frequent_first() {
        let cells = ["a", "b", "b"].map(|text| Some(Cell::Text(text)));
        let ColumnColours::Categories { named, order, of_row } = categories(&cells) else { panic!("categories") };
        assert_eq!((named, order), (vec![("a".to_owned(), 1), ("b".to_owned(), 2)], vec![1, 0]));
        assert_eq!(of_row, [Some(0), Some(1), Some(1)]);
    }
}
