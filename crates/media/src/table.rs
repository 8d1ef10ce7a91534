//! Takes tables apart: one text a row.

use serde_json::Value;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// Cells between separators, the first row may be a header (RFC 4180).
    Separated(u8),
    /// One JSON value a line.
    JsonLines,
}

/// The most rows that one file may add.
const MOST_ROWS: usize = 1_000_000;
/// Columns and fields that hold the text of a row, in the order in which they are wanted.
const TEXT_FIELDS: &[&str] = &["text", "caption", "body", "sentence", "content", "description", "title"];

/// The texts of all rows; a blank row gives a blank text, so that row numbers stay true.
///
/// # Errors
/// A sentence where the table is damaged or too long.
pub fn rows(text: &str, kind: TableKind) -> Result<Vec<String>, String> {
    let rows = match kind {
        TableKind::Separated(separator) => separated(text, separator)?,
        TableKind::JsonLines => json_lines(text)?,
    };
    if rows.len() > MOST_ROWS {
        return Err(format!("The table has {} rows; {MOST_ROWS} are the most", rows.len()));
    }
    Ok(rows)
}

fn separated(text: &str, separator: u8) -> Result<Vec<String>, String> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut rows = Vec::new();
    let mut column = None;
    for (number, record) in reader.records().enumerate() {
        let record = record.map_err(|e| format!("Row {} of the table is damaged: {e}", number + 1))?;
        if number == 0 {
            column = text_column(&record);
            if column.is_some() {
                continue;
            }
        }
        rows.push(match column {
            Some(column) => record.get(column).unwrap_or_default().trim().to_owned(),
            None => record.iter().map(str::trim).filter(|c| !c.is_empty()).collect::<Vec<_>>().join(" | "),
        });
    }
    Ok(rows)
}

fn text_column(header: &csv::StringRecord) -> Option<usize> {
    TEXT_FIELDS.iter().find_map(|field| header.iter().position(|cell| cell.trim().eq_ignore_ascii_case(field)))
}

fn json_lines(text: &str) -> Result<Vec<String>, String> {
    let mut rows = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            rows.push(String::new());
            continue;
        }
        let value: Value = serde_json::from_str(line).map_err(|e| format!("Line {} is not JSON: {e}", number + 1))?;
        rows.push(json_text(&value));
    }
    Ok(rows)
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
                None => fields.values().filter_map(Value::as_str).collect::<Vec<_>>().join(" | "),
            }
        }
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_text_column_or_all_cells() {
        let csv = TableKind::Separated(b',');
        assert_eq!(rows("id,text\n1,\"a dog, running\"\n2,a cat\n", csv).unwrap(), ["a dog, running", "a cat"]);
        assert_eq!(rows("1,red,round\n2,blue,\n", csv).unwrap(), ["1 | red | round", "2 | blue"]);
        assert_eq!(rows("caption\tx\nhello\t1\n", TableKind::Separated(b'\t')).unwrap(), ["hello"]);
    }

    #[test]
    fn reads_json_lines_and_names_the_bad_one() {
        let lines = "{\"title\":\"T\",\"text\":\"body\"}\n\n\"plain\"\n{\"a\":\"x\",\"b\":\"y\"}";
        assert_eq!(rows(lines, TableKind::JsonLines).unwrap(), ["T. body", "", "plain", "x | y"]);
        assert!(rows("{\"text\":1}\n{oops", TableKind::JsonLines).unwrap_err().starts_with("Line 2"));
    }
}
