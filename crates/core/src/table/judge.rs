//! What the texts of a column are: numbers, dates, categories or texts. All rows are looked at.

use super::ColumnKind;
use super::parse::{self, DateOrder, Decimal, UNKNOWN_DATE, is_missing};
use super::values::{CellTexts, ColumnValues};

/// Of so many cells one may be something else: it counts as unknown.
const ONE_IN: usize = 20;
/// Longest text of a category, bytes.
const MAX_CATEGORY: usize = 100;
/// Categories that need not be repeated.
const FEW: usize = 20;

/// How the numbers of a table are written: as most of those that can be read in one way only.
pub fn decimal<'a>(columns: impl Iterator<Item = &'a CellTexts>) -> Option<Decimal> {
    let (mut points, mut commas) = (0_usize, 0_usize);
    for text in columns.flat_map(CellTexts::iter) {
        match parse::tells_decimal(text) {
            Some(Decimal::Point) => points += 1,
            Some(Decimal::Comma) => commas += 1,
            None => {}
        }
    }
    match (points, commas) {
        (0, 0) => None,
        _ if commas > points => Some(Decimal::Comma),
        _ => Some(Decimal::Point),
    }
}

/// The values of a column whose texts are these.
pub fn values(texts: CellTexts, decimal: Decimal, declared: Option<ColumnKind>) -> ColumnValues {
    let wants = |kind| declared.is_none_or(|declared| declared == kind);
    if texts.iter().all(is_missing) {
        match declared {
            Some(ColumnKind::Number) => return ColumnValues::Number(vec![f64::NAN; texts.len()].into()),
            Some(ColumnKind::Date) => return ColumnValues::Date(vec![UNKNOWN_DATE; texts.len()].into()),
            _ => {}
        }
    }
    if wants(ColumnKind::Number)
        && let Some(numbers) = all(&texts, f64::NAN, |text| parse::number(text, decimal))
    {
        return ColumnValues::Number(numbers);
    }
    if wants(ColumnKind::Date) {
        let order = order(&texts);
        if let Some(dates) = all(&texts, UNKNOWN_DATE, |text| parse::date(text, order)) {
            return ColumnValues::Date(dates);
        }
    }
    categories(&texts).unwrap_or_else(|| {
        let CellTexts { mut text, mut ends } = texts;
        text.shrink_to_fit();
        ends.shrink_to_fit();
        ColumnValues::Text(CellTexts { text, ends })
    })
}

/// Each text as `read` understands it, if it understands nearly all that say something.
fn all<T: Copy>(texts: &CellTexts, unknown: T, read: impl Fn(&str) -> Option<T>) -> Option<Box<[T]>> {
    let (mut known, mut others) = (0_usize, 0_usize);
    let mut values = Vec::with_capacity(texts.len());
    for text in texts.iter() {
        let value = if is_missing(text) { None } else { Some(read(text)) };
        match value {
            Some(Some(_)) => known += 1,
            Some(None) => others += 1,
            None => {}
        }
        // A column of words is known after a few rows.
        if others > FEW && others * 2 > known {
            return None;
        }
        values.push(value.flatten().unwrap_or(unknown));
    }
    (known > 0 && others * ONE_IN <= known).then(|| values.into())
}

fn order(texts: &CellTexts) -> DateOrder {
    let told = texts.iter().filter_map(parse::tells_order);
    let (days, months) = told.fold((0_usize, 0_usize), |(days, months), order| match order {
        DateOrder::DayFirst => (days + 1, months),
        DateOrder::MonthFirst => (days, months + 1),
    });
    if days > months { DateOrder::DayFirst } else { DateOrder::MonthFirst }
}

fn categories(texts: &CellTexts) -> Option<ColumnValues> {
    if texts.iter().any(|text| text.len() > MAX_CATEGORY) {
        return None;
    }
    let values = ColumnValues::categories(texts)?;
    let ColumnValues::Category { names, .. } = &values else { return None };
    let known = texts.iter().filter(|text| !text.is_empty()).count();
    let repeats = (known > 0 && names.len() * 2 <= known) || (names.len() <= FEW && names.len() < known);
    repeats.then_some(values)
}

#[cfg(test)]
mod tests {
    use super::super::Cell;
    use super::*;

    fn texts(all: &[&str]) -> CellTexts {
        let mut ends = Vec::new();
        let mut text = String::new();
        for part in all {
            text.push_str(part);
            ends.push(text.len() as u32);
        }
        CellTexts::new(text, ends).expect("texts")
    }

    fn judged(all: &[&str]) -> ColumnValues {
        values(texts(all), Decimal::Point, None)
    }

    #[test]
    fn kinds_are_those_of_nearly_all_cells() {
        let kind = |all: &[&str]| judged(all).kind();
        assert_eq!(kind(&["1", "2.5", "", "NA", "1e3"]), ColumnKind::Number);
        assert_eq!(kind(&["2023-01-01", "2023-02-01 12:00", "n/a"]), ColumnKind::Date);
        assert_eq!(kind(&["red", "blue", "red", ""]), ColumnKind::Category);
        assert_eq!(kind(&["true", "false", "true"]), ColumnKind::Category);
        assert_eq!(kind(&["one", "two", "three"]), ColumnKind::Text);
        assert_eq!(kind(&["007", "012", "013"]), ColumnKind::Text, "identifiers");
        assert_eq!(kind(&["", "", ""]), ColumnKind::Text);
        let unknown = values(texts(&["", "", ""]), Decimal::Point, Some(ColumnKind::Number));
        assert_eq!((unknown.kind(), unknown.known()), (ColumnKind::Number, 0), "the table says so");
        let long = "x".repeat(101);
        assert_eq!(kind(&[&long, &long, &long]), ColumnKind::Text);
        let mut mostly = vec!["7"; 40];
        mostly.push("seven");
        assert_eq!(kind(&mostly), ColumnKind::Number);
        assert_eq!(judged(&mostly).cell(41), None, "what is no number is unknown");
        mostly.extend(["eight"; 5]);
        assert_ne!(kind(&mostly), ColumnKind::Number);
        let many: Vec<String> = (0..3000).map(|i| format!("name {}", i % 1500)).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(kind(&many), ColumnKind::Text, "too many to choose from");
    }

    #[test]
    fn the_order_of_a_date_is_that_of_its_column() {
        let first = |all: &[&str]| judged(all).cell(1).map(|cell| cell.to_string());
        assert_eq!(first(&["05/06/2023", "13/06/2023"]).as_deref(), Some("2023-06-05"));
        assert_eq!(first(&["05/06/2023", "06/13/2023"]).as_deref(), Some("2023-05-06"));
        assert_eq!(first(&["05.06.2023"]).as_deref(), Some("2023-06-05"));
    }

    #[test]
    fn the_decimal_sign_is_judged_by_the_whole_table() {
        let [prices, counts] = [texts(&["1,50", "2,25"]), texts(&["1.234", "3.000"])];
        assert_eq!(decimal([&prices, &counts].into_iter()), Some(Decimal::Comma));
        let read = |texts: &CellTexts| values(texts.clone(), Decimal::Comma, None);
        assert_eq!(
            (read(&prices).cell(1), read(&counts).cell(1)),
            (Some(Cell::Number(1.5)), Some(Cell::Number(1234.0)))
        );
        assert_eq!(decimal([texts(&["1", "x"])].iter()), None);
    }
}
