//! Whether the tables of a library can meet what a condition says about their columns.

use thiserror::Error;

use super::column::{ColumnComparison, ColumnValue};
use super::operator::Operator;
use super::text::quoted;
use super::{Condition, Node};
use crate::table::{Cell, Column, ColumnKind, ColumnName, TableSet};

/// Columns that a message names.
const NAMED: usize = 20;
/// Characters of an example.
const SHOWN: usize = 30;

/// Why a comparison with a column is met by no row.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ColumnProblem {
    /// No table has such a column.
    #[error("no table of the library has a column `{name}`; {}", known(columns))]
    Unknown {
        /// The name, as written in the condition.
        name: String,
        /// Names of all columns.
        columns: Vec<String>,
    },
    /// The values of the column are something else.
    #[error(
        "`{operator} {value}` does not apply to `{name}`, a column of {}; write `column {} {example}`",
        all(kinds),
        quoted(name)
    )]
    WrongKind {
        /// The name, as written in the condition.
        name: String,
        /// The operator.
        operator: Operator,
        /// The value, as written in the condition.
        value: String,
        /// What the values of the column are, in one table or another.
        kinds: Vec<ColumnKind>,
        /// An operator and a value that apply.
        example: String,
    },
}

fn known(columns: &[String]) -> String {
    if columns.is_empty() {
        return "the columns of tables are known once their rows are items (`vicinity index --rows`)".to_owned();
    }
    let more = if columns.len() > NAMED { ", …" } else { "" };
    let named: Vec<&str> = columns.iter().take(NAMED).map(String::as_str).collect();
    format!("the columns are {}{more}", named.join(", "))
}

fn all(kinds: &[ColumnKind]) -> String {
    kinds.iter().map(|kind| kind.plural()).collect::<Vec<_>>().join(" and ")
}

impl Condition {
    /// Checks what it says about columns against these tables.
    ///
    /// # Errors
    /// When no table has a column that it names, or none whose values can be compared in this way.
    pub fn check_columns(&self, tables: &TableSet) -> Result<(), ColumnProblem> {
        match &self.0 {
            Node::All(parts) | Node::Any(parts) => parts.iter().try_for_each(|part| part.check_columns(tables)),
            Node::Not(part) => part.check_columns(tables),
            Node::HasColumn(name) => columns(tables, name).map(drop),
            Node::Column(comparison) => check(comparison, tables),
            Node::Has(_) | Node::Comparison(_) | Node::Place(_) => Ok(()),
        }
    }
}

/// The columns of a name, at least one.
fn columns<'a>(tables: &'a TableSet, name: &ColumnName) -> Result<Vec<&'a Column>, ColumnProblem> {
    let of_table = |table: &'a crate::table::Table| table.columns.get(table.position(name)?);
    let found: Vec<&Column> = tables.iter().filter_map(|(_, table)| of_table(table)).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let columns = tables.columns().into_iter().map(|(name, _)| name.to_owned()).collect();
    Err(ColumnProblem::Unknown { name: name.as_str().to_owned(), columns })
}

fn check(comparison: &ColumnComparison, tables: &TableSet) -> Result<(), ColumnProblem> {
    let (found, operator) = (columns(tables, comparison.name())?, comparison.operator());
    let fits = |value: &&ColumnValue| found.iter().any(|column| value.applies_to(column.kind(), operator));
    let Some(value) = comparison.values().iter().find(|value| !fits(value)) else { return Ok(()) };
    let mut kinds: Vec<ColumnKind> = Vec::new();
    for column in &found {
        if !kinds.contains(&column.kind()) {
            kinds.push(column.kind());
        }
    }
    kinds.sort_unstable();
    Err(ColumnProblem::WrongKind {
        name: comparison.name().as_str().to_owned(),
        operator,
        value: value.typed().chars().take(SHOWN).collect(),
        kinds,
        example: found.first().map(|column| example(column)).unwrap_or_default(),
    })
}

/// An operator, and a value of the column.
fn example(column: &Column) -> String {
    let values = column.values();
    let cell = (1..=values.len()).find_map(|row| values.cell(u32::try_from(row).ok()?));
    match (column.kind(), cell) {
        (_, Some(Cell::Text(text))) => format!("= {}", quoted(&text.chars().take(SHOWN).collect::<String>())),
        (_, Some(cell @ Cell::Date(_))) => format!(">= {}", cell.to_string().chars().take(10).collect::<String>()),
        (_, Some(cell @ Cell::Number(_))) => format!(">= {cell}"),
        (ColumnKind::Number, None) => ">= 3".to_owned(),
        (ColumnKind::Date, None) => ">= 2023-06".to_owned(),
        (ColumnKind::Category | ColumnKind::Text, None) => "~ dog".to_owned(),
    }
}
