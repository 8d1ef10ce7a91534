//! What is wrong with a condition, and where.

use std::ops::Range;

use thiserror::Error;

use super::field::{Field, FieldKind};
use super::operator::Operator;
use crate::format::number;

/// Why a text is not a condition.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{problem}")]
pub struct ConditionError {
    /// Where, in bytes of the text; both ends are at character boundaries.
    pub range: Range<usize>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a condition.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// Nothing is written.
    #[error("a condition is missing, such as `rating >= 3`")]
    Empty,
    /// The text is too long.
    #[error("a condition has at most {} bytes", number(*limit as u64))]
    TooLong {
        /// Bytes.
        limit: usize,
    },
    /// Too many levels.
    #[error("at most {limit} levels of parentheses and `not` are possible")]
    TooDeep {
        /// Levels.
        limit: usize,
    },
    /// A text without its second quotation mark.
    #[error("the second quotation mark of this text is missing")]
    OpenQuote,
    /// A word that names no field.
    #[error("there is no field `{word}`; {}", fields(word, *suggestion))]
    UnknownField {
        /// The word, its first characters if it is long.
        word: String,
        /// The field that was probably meant.
        suggestion: Option<Field>,
    },
    /// Something else has to follow.
    #[error("expected {expected}{}", found.as_ref().map_or(String::new(), |found| format!(", found `{found}`")))]
    Expected {
        /// What could be here.
        expected: &'static str,
        /// What is here, its first characters if it is long; `None` at the end.
        found: Option<String>,
    },
    /// Several words without quotation marks.
    #[error("expected `and` or `or`; put quotation marks around a text of several words")]
    Unquoted,
    /// A word with a meaning of its own after `column`.
    #[error("`{word}` has a meaning of its own in conditions; write `column \"{word}\"` for the column of this name")]
    ReservedColumn {
        /// The word.
        word: String,
    },
    /// An operator that the field does not have.
    #[error("`{operator}` does not apply to `{field}`; {}", usage(*field))]
    WrongOperator {
        /// The field.
        field: Field,
        /// The operator, as written in a condition.
        operator: Operator,
    },
    /// A value that the field cannot have.
    #[error("not a value of `{field}`; write {}", field.example())]
    WrongValue {
        /// The field.
        field: Field,
    },
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

fn fields(word: &str, suggestion: Option<Field>) -> String {
    match suggestion {
        Some(field) if Field::is_synonym(word) => {
            format!("did you mean `{field}`? A column of a table is written `column {word}`")
        }
        Some(field) => format!("did you mean `{field}`?"),
        None => {
            let fields = Field::ALL.map(Field::as_str).join(", ");
            format!("the fields are {fields}; a column of a table is written `column {word}`")
        }
    }
}

fn usage(field: Field) -> String {
    if field.kind() == FieldKind::Place {
        return format!("write `{field}` {}", field.example());
    }
    let operators: Vec<&str> = field.operators().iter().map(|operator| operator.as_str()).collect();
    format!("use one of {}", operators.join("  "))
}

/// Characters of a long condition shown before and after the place of an error.
const SHOWN: usize = 60;

impl ConditionError {
    /// The condition, and below it a mark under the place of the error: two lines for a terminal.
    pub fn marked(&self, text: &str) -> String {
        let start = self.range.start.min(text.len());
        let (before, rest) = text.split_at_checked(start).unwrap_or((text, ""));
        let length = self.range.end.saturating_sub(start).min(rest.len());
        let (inside, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        let skipped = before.chars().count().saturating_sub(SHOWN);
        let before: String = before.chars().skip(skipped).collect();
        let inside_length = inside.chars().count();
        let shown: String = inside.chars().chain(after.chars()).take(SHOWN.max(inside_length.min(2 * SHOWN))).collect();
        let cut = inside_length + after.chars().count() > shown.chars().count();
        let [first, last] = [skipped > 0, cut].map(|cut| if cut { "…" } else { "" });
        let line: String =
            format!("{first}{before}{shown}{last}").chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let indent = " ".repeat(first.chars().count() + before.chars().count());
        format!("{line}\n{indent}{}", "^".repeat(inside_length.clamp(1, 2 * SHOWN)))
    }
}
