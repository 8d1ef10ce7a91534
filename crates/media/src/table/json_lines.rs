//! Tables of one JSON value per line.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};

use serde_json::Value;

use super::row::{Columns, MAX_ROW_BYTES, RowContent, RowError, Step, Text};
use super::separated::skip_line;
use crate::dialect::TEXT_FIELDS;
use crate::error::{ReadError, RowProblem};

/// Objects within each other whose fields are columns.
const MAX_DEPTH: usize = 3;
/// Longest name of a column, bytes.
const MAX_NAME: usize = 200;
/// Values of a list that are kept.
const MAX_LIST: usize = 100;

/// One JSON value per line.
pub struct JsonLines {
    text: Text,
    line: u64,
    /// The places of fields among the columns.
    places: HashMap<String, usize>,
    /// The field that holds the text, in objects that have it.
    text_field: Option<String>,
}

impl JsonLines {
    /// The rows of a text.
    pub fn new(text: Text, text_field: Option<String>) -> Self {
        Self { text, line: 0, places: HashMap::new(), text_field }
    }

    /// The line that was read last, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The value of the next row: `None` at the end, `Ok(None)` for a blank line.
    pub fn next_value(&mut self) -> Option<Result<Option<Value>, RowError>> {
        next_value(&mut self.text, &mut self.line)
    }

    /// The next row; `None` at the end.
    pub fn next_row(&mut self, columns: &mut Columns) -> Option<Step> {
        let value = match self.next_value()? {
            Ok(Some(value)) => value,
            Ok(None) => return Some(Ok(RowContent::default())),
            Err(error) => return Some(Err(error)),
        };
        let mut row =
            RowContent { text: self.chosen_text(&value).unwrap_or_else(|| json_text(&value)), ..RowContent::default() };
        if columns.wanted
            && let Value::Object(fields) = &value
        {
            self.add_cells(fields, "", columns, &mut row.cells);
        }
        Some(Ok(row))
    }

    /// The text in the field that was chosen, which may be one of an inner object.
    fn chosen_text(&self, value: &Value) -> Option<String> {
        let field = self.text_field.as_ref()?;
        let named = |value: &Value, name: &str| {
            let fields = value.as_object()?;
            fields.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
        };
        let whole = named(value, field);
        let found = whole.or_else(|| field.split('.').try_fold(value.clone(), |value, name| named(&value, name)))?;
        (!found.is_object() && !found.is_null()).then(|| cell(&found))
    }

    /// Adds the fields of an object; those of an object within it are called `outer.inner`.
    fn add_cells(
        &mut self,
        fields: &serde_json::Map<String, Value>,
        before: &str,
        columns: &mut Columns,
        cells: &mut Vec<(usize, String)>,
    ) {
        for (name, value) in fields {
            // A long one before many others would be copied for each of them.
            if before.len() + name.len() > MAX_NAME {
                continue;
            }
            let name = format!("{before}{name}");
            match value {
                Value::Object(inner) if before.matches('.').count() < MAX_DEPTH => {
                    self.add_cells(inner, &format!("{name}."), columns, cells);
                }
                Value::Null | Value::Object(_) => {}
                value => {
                    if let Some(column) = self.place(name, columns) {
                        cells.push((column, cell(value)));
                    }
                }
            }
        }
    }

    /// The place of a column, which is added if it is new; `None` if there are too many.
    fn place(&mut self, name: String, columns: &mut Columns) -> Option<usize> {
        if let Some(place) = self.places.get(&name) {
            return Some(*place);
        }
        let place = columns.all.len();
        if !columns.reach(place + 1) {
            return None;
        }
        columns.all.get_mut(place)?.name.clone_from(&name);
        self.places.insert(name, place);
        Some(place)
    }
}

/// A value as the text of a cell; of a list, its texts and numbers.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            let simple = values.iter().filter(|value| !value.is_array() && !value.is_object() && !value.is_null());
            simple.take(MAX_LIST).map(cell).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// The value in the next line; `Ok(None)` for a blank line.
fn next_value(text: &mut Text, line: &mut u64) -> Option<Result<Option<Value>, RowError>> {
    let mut bytes = Vec::new();
    *line += 1;
    let line = *line;
    let failed = |error: io::Error| Some(Err(RowError { line, problem: ReadError::from(error).into() }));
    match text.by_ref().take(MAX_ROW_BYTES as u64).read_until(b'\n', &mut bytes) {
        Ok(0) => return None,
        Ok(_) => {}
        Err(error) => {
            *text = Box::new(io::empty());
            return failed(error);
        }
    }
    if bytes.len() == MAX_ROW_BYTES && !bytes.ends_with(b"\n") {
        return match skip_line(text) {
            Ok(()) => Some(Err(RowError { line, problem: RowProblem::LineTooLong { megabytes: MAX_ROW_BYTES >> 20 } })),
            Err(error) => failed(error),
        };
    }
    let json = String::from_utf8_lossy(&bytes);
    let json = json.trim();
    if json.is_empty() {
        return Some(Ok(None));
    }
    let value = serde_json::from_str(json).or_else(|error| {
        // Python writes numbers that JSON does not have.
        serde_json::from_str(&without_odd_numbers(json)).map_err(|_| error)
    });
    Some(match value {
        Ok(value) => Ok(Some(value)),
        Err(error) => {
            let column = error.column();
            let text = error.to_string();
            // The line of a text of one line says nothing.
            let reason = text.split(" at line ").next().unwrap_or_default().to_owned();
            Err(RowError { line, problem: RowProblem::NotJson { reason, column } })
        }
    })
}

/// JSON with `null` for `NaN` and the infinities, outside of strings.
fn without_odd_numbers(json: &str) -> String {
    let mut plain = String::with_capacity(json.len());
    let (mut quoted, mut escaped) = (false, false);
    let mut rest = json;
    while let Some(c) = rest.chars().next() {
        let odd = ["NaN", "-NaN", "Infinity", "-Infinity"].into_iter().find(|odd| !quoted && rest.starts_with(odd));
        if let Some(odd) = odd {
            plain.push_str("null");
            rest = &rest[odd.len()..];
            continue;
        }
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        plain.push(c);
        rest = &rest[c.len_utf8()..];
    }
    plain
}

fn json_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let named = |name: &&str| fields.get(*name).and_then(Value::as_str);
            let title = named(&"title").unwrap_or_default();
            match TEXT_FIELDS.iter().find_map(named) {
                Some(text) if text != title && !title.is_empty() => format!("{title}. {text}"),
                Some(text) => text.to_owned(),
                None => strings(fields.values()),
            }
        }
        Value::Array(values) => strings(values.iter()),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn strings<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    values.filter_map(Value::as_str).collect::<Vec<_>>().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::super::{TableKind, TableRows};
    use vicinity_core::table::TableOptions;

    /// Copies of the long name for all of them would be 100 gigabytes.
    #[test]
    fn fields_behind_a_long_name_are_no_columns() {
        let inner: String = (0..100_000).map(|at| format!("\"{at}\":1,")).collect();
        let line = format!("{{\"{}\":{{{inner}\"x\":1}},\"short\":2,\"text\":\"b\"}}", "a".repeat(1 << 20));
        let mut rows = TableRows::new(line.into_bytes(), None, TableKind::JsonLines, &TableOptions::default())
            .expect("a table")
            .with_cells();
        let row = rows.next().expect("one").expect("a row");
        let cells: Vec<&str> = row.cells.iter().map(|(_, cell)| cell.as_str()).collect();
        assert_eq!(cells, ["2", "b"]);
    }
}
