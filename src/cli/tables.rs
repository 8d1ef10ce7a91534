//! `vicinity info TABLE`: how a table is read, and its columns; and columns that a condition names.

use std::path::Path;

use anyhow::anyhow;
use serde::Serialize;

use super::hits::report_unread_facts;
use super::output::{JsonPath, print_json, print_line};
use vicinity_core::format::number;
use vicinity_core::table::{Column, ColumnKind, ColumnValues, TableFormat};
use vicinity_core::{Filter, Table};
use vicinity_engine::Snapshot;

#[derive(Serialize)]
struct TableLine<'a> {
    #[serde(flatten)]
    path: JsonPath,
    rows: usize,
    #[serde(flatten)]
    format: &'a TableFormat,
    columns: Vec<ColumnLine<'a>>,
}

#[derive(Serialize)]
struct ColumnLine<'a> {
    name: &'a str,
    kind: ColumnKind,
    known: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    categories: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<[String; 2]>,
}

/// Prints how a table is read, and its columns.
pub fn print(path: &Path, table: &Table, as_json: bool) -> anyhow::Result<()> {
    let columns: Vec<ColumnLine<'_>> = table.columns.iter().map(column).collect();
    let format = &table.format;
    if as_json {
        print_json(&TableLine { path: path.into(), rows: table.rows(), format, columns })?;
        return Ok(());
    }
    print_line(&path.display().to_string())?;
    let yes_no = |yes| if yes { "yes" } else { "no" };
    let separator = |c| match c {
        '\t' => "tab".to_owned(),
        c => String::from(c),
    };
    let all = [
        ("rows", Some(number(table.rows() as u64))),
        ("separator", format.separator.map(separator)),
        ("header", format.has_header.map(|header| yes_no(header).to_owned())),
        ("decimals", format.decimal.map(|decimal| format!("with a {}", decimal.as_str()))),
        ("text", format.content_column.as_ref().map(|column| format!("column {column}"))),
    ];
    for (name, value) in all.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        print_line(&format!("  {name:<9} {value}"))?;
    }
    for ColumnLine { name, kind, known, categories, limits } in columns {
        let more = match (categories, limits) {
            (Some(count), _) => format!(", {} different", number(count as u64)),
            (None, Some([first, last])) => format!(", {first} to {last}"),
            (None, None) => String::new(),
        };
        print_line(&format!("  column    {name}: {}, {} known{more}", kind.as_str(), number(known as u64)))?;
    }
    Ok(())
}

fn column(column: &Column) -> ColumnLine<'_> {
    let values = column.values();
    let categories = if let ColumnValues::Category { names, .. } = values { Some(names.len()) } else { None };
    let limits = values.limits().map(|limits| limits.map(|limit| limit.to_string()));
    ColumnLine { name: column.name(), kind: column.kind(), known: values.known(), categories, limits }
}

/// Checks what the condition of a filter says about columns and groups, and reports if some photos were not read yet.
///
/// # Errors
/// When no table has the columns, their values cannot be compared in this way, or the library has no such group.
pub fn check_names(snapshot: &Snapshot, filter: &Filter) -> anyhow::Result<()> {
    let Some(condition) = &filter.condition else { return Ok(()) };
    report_unread_facts(snapshot);
    condition.check_columns(snapshot.tables()).map_err(|problem| anyhow!(problem.to_string()))?;
    condition.check_groups(snapshot.groups()).map_err(|problem| anyhow!(problem.to_string()))
}
