//! The words and signs of a condition.

use std::ops::Range;

use super::error::{ConditionError, Problem};
use super::operator::Operator;

/// A word or sign.
#[derive(Debug, Clone, PartialEq)]
pub enum Lexeme<'a> {
    /// Letters, digits and everything else without a meaning of its own.
    Word(&'a str),
    /// A text in quotation marks, without them.
    Quoted(String),
    /// `=`, `<` and so on.
    Operator(Operator),
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
}

/// The operators, the longer of two that begin alike first; several have a second spelling.
const OPERATORS: [(&str, Operator); 14] = [
    ("!=", Operator::NotEqual),
    ("!~", Operator::NotContains),
    ("<>", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("==", Operator::Equal),
    ("≠", Operator::NotEqual),
    ("≤", Operator::LessOrEqual),
    ("≥", Operator::GreaterOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("~", Operator::Contains),
    // Alone it is an error, which its place explains.
    ("!", Operator::NotEqual),
];

/// Splits a text into tokens with their places in it.
pub fn tokens(text: &str) -> Result<Vec<(Lexeme<'_>, Range<usize>)>, ConditionError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        let Some(first) = trimmed.chars().next() else { break };
        let (token, length) = match first {
            '(' => (Lexeme::Open, 1),
            ')' => (Lexeme::Close, 1),
            ',' => (Lexeme::Comma, 1),
            '"' | '\'' => {
                quoted(trimmed, first).ok_or(ConditionError { range: at..text.len(), problem: Problem::OpenQuote })?
            }
            _ => match OPERATORS.iter().find(|(sign, _)| trimmed.starts_with(sign)) {
                Some(("!", _)) => {
                    let problem = Problem::Expected { expected: "`!=` or `!~`", found: Some("!".to_owned()) };
                    return Err(ConditionError { range: at..at + 1, problem });
                }
                Some((sign, operator)) => (Lexeme::Operator(*operator), sign.len()),
                None => {
                    let length = trimmed.find(ends_word).unwrap_or(trimmed.len());
                    (Lexeme::Word(&trimmed[..length]), length)
                }
            },
        };
        tokens.push((token, at..at + length));
        at += length;
    }
    Ok(tokens)
}

fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | ',' | '"' | '=' | '!' | '<' | '>' | '~' | '≠' | '≤' | '≥')
}

/// A text in quotation marks, which are doubled within it, and its length with them.
fn quoted(text: &str, mark: char) -> Option<(Lexeme<'static>, usize)> {
    let mut content = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != mark {
            content.push(c);
        } else if chars.next_if(|(_, next)| *next == mark).is_some() {
            content.push(mark);
        } else {
            return Some((Lexeme::Quoted(content), at + 1));
        }
    }
    None
}
