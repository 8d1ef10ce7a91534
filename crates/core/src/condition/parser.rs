//! Reads a condition by recursive descent, to a limited depth.

use std::ops::Range;

use jiff::tz::TimeZone;

use super::column::{ColumnComparison, ColumnValue};
use super::comparison::{Comparison, Operand, usual_extension};
use super::error::{ConditionError, Problem};
use super::field::{Field, FieldKind};
use super::lexer::{Lexeme, tokens};
use super::number::{self, Number};
use super::operator::Operator;
use super::place::GeoArea;
use super::text::{TextMatch, TextPattern};
use super::time::TimeSpan;
use super::{Condition, Node};
use crate::dates::Period;
use crate::item::Modality;
use crate::table::ColumnName;

/// Levels of parentheses and `not`.
const MAX_DEPTH: usize = 64;
/// Bytes of a condition.
const MAX_BYTES: usize = 65_536;

type Parsed<T> = Result<T, ConditionError>;

impl Condition {
    /// Reads a condition; times of modification are in `zone`.
    ///
    /// # Errors
    /// If the text is not a condition; the error says where and what is wrong.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self, ConditionError> {
        if text.len() > MAX_BYTES {
            return Err(ConditionError { range: 0..0, problem: Problem::TooLong { limit: MAX_BYTES } });
        }
        let mut parser = Parser { tokens: tokens(text)?, at: 0, end: text.len(), depth: 0, zone };
        if parser.tokens.is_empty() {
            return Err(ConditionError { range: 0..text.len(), problem: Problem::Empty });
        }
        let condition = parser.any()?;
        match parser.peek() {
            None => Ok(condition),
            Some(_) if parser.follows_word() => Err(parser.error(Problem::Unquoted)),
            Some(_) => Err(parser.expected("`and`, `or` or the end")),
        }
    }
}

struct Parser<'a> {
    tokens: Vec<(Lexeme<'a>, Range<usize>)>,
    at: usize,
    /// Length of the text.
    end: usize,
    depth: usize,
    zone: &'a TimeZone,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&Lexeme<'a>> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn next(&mut self) -> Option<Lexeme<'a>> {
        let token = self.peek().cloned();
        self.at += usize::from(token.is_some());
        token
    }

    /// Takes the next token if it is this word, in any case.
    fn take(&mut self, word: &str) -> bool {
        let is_next = matches!(self.peek(), Some(Lexeme::Word(next)) if next.eq_ignore_ascii_case(word));
        self.at += usize::from(is_next);
        is_next
    }

    fn take_token(&mut self, token: &Lexeme<'_>, expected: &'static str) -> Parsed<()> {
        if self.peek() == Some(token) {
            self.at += 1;
            return Ok(());
        }
        Err(self.expected(expected))
    }

    /// Whether the latest two tokens are words, the first of them a value.
    fn follows_word(&self) -> bool {
        let is_word = |at: Option<usize>| matches!(at.and_then(|at| self.tokens.get(at)), Some((Lexeme::Word(_), _)));
        let is_operator =
            |at: Option<usize>| matches!(at.and_then(|at| self.tokens.get(at)), Some((Lexeme::Operator(_), _)));
        is_word(Some(self.at)) && is_word(self.at.checked_sub(1)) && is_operator(self.at.checked_sub(2))
    }

    /// An error about the next token.
    fn error(&self, problem: Problem) -> ConditionError {
        let range = self.tokens.get(self.at).map_or(self.end..self.end, |(_, range)| range.clone());
        ConditionError { range, problem }
    }

    fn expected(&self, expected: &'static str) -> ConditionError {
        let found = self.peek().map(|token| match token {
            Lexeme::Word(word) => short(word),
            Lexeme::Quoted(text) => short(text),
            Lexeme::Operator(operator) => operator.as_str().to_owned(),
            Lexeme::Open => "(".to_owned(),
            Lexeme::Close => ")".to_owned(),
            Lexeme::Comma => ",".to_owned(),
        });
        self.error(Problem::Expected { expected, found })
    }

    /// Goes one level deeper for what `inner` reads.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(Problem::TooDeep { limit: MAX_DEPTH }));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn any(&mut self) -> Parsed<Condition> {
        let mut alternatives = vec![self.all()?];
        while self.take("or") {
            alternatives.push(self.all()?);
        }
        Ok(Condition::joined(alternatives, false))
    }

    fn all(&mut self) -> Parsed<Condition> {
        let mut parts = vec![self.not()?];
        while self.take("and") {
            parts.push(self.not()?);
        }
        Ok(Condition::joined(parts, true))
    }

    fn not(&mut self) -> Parsed<Condition> {
        if self.take("not") {
            return self.nested(Self::not).map(Condition::negated);
        }
        if self.peek() == Some(&Lexeme::Open) {
            self.at += 1;
            let inner = self.nested(Self::any)?;
            if self.follows_word() {
                return Err(self.error(Problem::Unquoted));
            }
            self.take_token(&Lexeme::Close, "`and`, `or` or `)`")?;
            return Ok(inner);
        }
        if self.take("has") {
            let column = self.column_name()?;
            return Ok(Condition(
                column.map_or_else(|| self.field().map(Node::Has), |name| Ok(Node::HasColumn(name)))?,
            ));
        }
        if let Some(name) = self.column_name()? {
            return self.column(&name);
        }
        let field = self.field()?;
        if field.kind() == FieldKind::Place { self.place() } else { self.comparison(field) }
    }

    fn field(&mut self) -> Parsed<Field> {
        let word = match self.peek() {
            Some(Lexeme::Word(word)) if !is_reserved(word) => *word,
            _ => return Err(self.expected("a field such as `taken` or `camera`")),
        };
        let unknown = || self.error(Problem::UnknownField { word: short(word), suggestion: Field::suggested(word) });
        let field = Field::named(word).ok_or_else(unknown)?;
        self.at += 1;
        Ok(field)
    }

    fn comparison(&mut self, field: Field) -> Parsed<Condition> {
        if self.take("in") {
            return self.list(field);
        }
        if self.take("not") {
            // A level, since it is written as `not …` by `Display`.
            return self.nested(|parser| {
                if parser.take("in") {
                    parser.list(field).map(Condition::negated)
                } else {
                    Err(parser.expected("`in`"))
                }
            });
        }
        let Some(Lexeme::Operator(operator)) = self.peek().cloned() else {
            return Err(self.expected("a comparison such as `=`, `<`, `~` or `in`"));
        };
        if !field.operators().contains(&operator) {
            return Err(self.error(Problem::WrongOperator { field, operator }));
        }
        self.at += 1;
        let values = vec![self.value(field, operator)?];
        Ok(Condition(Node::Comparison(Comparison { field, operator, values })))
    }

    /// The name after the word `column`.
    fn column_name(&mut self) -> Parsed<Option<ColumnName>> {
        let name = match self.tokens.get(self.at..self.at + 2) {
            Some([(Lexeme::Word(column), _), (name, range)]) if column.eq_ignore_ascii_case("column") => match name {
                Lexeme::Word(word) if is_reserved(word) => {
                    let problem = Problem::ReservedColumn { word: (*word).to_owned() };
                    return Err(ConditionError { range: range.clone(), problem });
                }
                Lexeme::Word(name) => ColumnName::new(name),
                Lexeme::Quoted(name) if !name.trim().is_empty() => ColumnName::new(name),
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        self.at += 2;
        Ok(Some(name))
    }

    fn column(&mut self, name: &ColumnName) -> Parsed<Condition> {
        let compared =
            |operator, values| Condition(Node::Column(ColumnComparison { name: name.clone(), operator, values }));
        if self.take("in") {
            return Ok(compared(Operator::Equal, self.column_values()?));
        }
        if self.take("not") {
            return self.nested(|parser| match parser.take("in") {
                true => Ok(compared(Operator::Equal, parser.column_values()?).negated()),
                false => Err(parser.expected("`in`")),
            });
        }
        let Some(Lexeme::Operator(operator)) = self.peek().cloned() else {
            return Err(self.expected("a comparison such as `=`, `<`, `~` or `in`"));
        };
        self.at += 1;
        Ok(compared(operator, vec![self.column_value(operator)?]))
    }

    fn column_values(&mut self) -> Parsed<Vec<ColumnValue>> {
        self.take_token(&Lexeme::Open, "`(`")?;
        let mut values = vec![self.column_value(Operator::Equal)?];
        while self.peek() == Some(&Lexeme::Comma) {
            self.at += 1;
            values.push(self.column_value(Operator::Equal)?);
        }
        self.take_token(&Lexeme::Close, "`,` or `)`")?;
        Ok(values)
    }

    /// A value of a column; the time of day may be the next word.
    fn column_value(&mut self, operator: Operator) -> Parsed<ColumnValue> {
        let missing = self.expected("a value, in quotation marks if it has several words");
        let mut typed = match self.next() {
            Some(Lexeme::Word(word)) if !is_reserved(word) => word.to_owned(),
            Some(Lexeme::Quoted(text)) => text,
            _ => return Err(missing),
        };
        if let Some(Lexeme::Word(time)) = self.peek()
            && time.contains(':')
            && typed.parse::<Period>().is_ok()
        {
            typed = format!("{typed} {time}");
            self.at += 1;
        }
        ColumnValue::new(&typed, operator).ok_or(missing)
    }

    fn list(&mut self, field: Field) -> Parsed<Condition> {
        self.take_token(&Lexeme::Open, "`(`")?;
        let operator = Operator::Equal;
        let mut values = vec![self.value(field, operator)?];
        while self.peek() == Some(&Lexeme::Comma) {
            self.at += 1;
            values.push(self.value(field, operator)?);
        }
        self.take_token(&Lexeme::Close, "`,` or `)`")?;
        Ok(Condition(Node::Comparison(Comparison { field, operator, values })))
    }

    fn value(&mut self, field: Field, operator: Operator) -> Parsed<Operand> {
        let wrong = self.error(Problem::WrongValue { field });
        let word = match self.next() {
            Some(Lexeme::Word(word)) if !is_reserved(word) => word.to_owned(),
            Some(Lexeme::Quoted(text)) => text,
            _ => return Err(wrong),
        };
        let value = match field.kind() {
            FieldKind::Text => text(field, operator, &word).map(Operand::Text),
            FieldKind::Number => self.number(field, &word).map(|value| Operand::Number(Number { field, value })),
            FieldKind::Time => self.time(field, &word).map(Operand::Time),
            FieldKind::Type => modality(&word).map(Operand::Type),
            FieldKind::Place => None,
        };
        value.ok_or(wrong)
    }

    /// A number that begins with `word`, whose unit may be the next one.
    fn number(&mut self, field: Field, word: &str) -> Option<f64> {
        let (number, unit) = word.split_once(' ').unwrap_or((word, ""));
        let (value, has_unit) = number::parse(field, number)?;
        let factor = match self.peek() {
            _ if !unit.is_empty() => number::unit(field, unit.trim()).filter(|_| !has_unit)?,
            Some(Lexeme::Word(unit)) if !has_unit => {
                let factor = number::unit(field, unit);
                self.at += usize::from(factor.is_some());
                factor.unwrap_or(1.0)
            }
            _ => 1.0,
        };
        Some(value * factor).filter(|value| value.is_finite())
    }

    /// A time that begins with `word`; the time of day may be the next one.
    fn time(&mut self, field: Field, word: &str) -> Option<TimeSpan> {
        let (date, time) = word.split_once(['T', 't', ' ']).map_or((word, None), |(date, time)| (date, Some(time)));
        let next = match self.peek() {
            Some(Lexeme::Word(next)) if time.is_none() && next.contains(':') => Some(*next),
            _ => None,
        };
        self.at += usize::from(next.is_some());
        TimeSpan::parse(field, date, time.or(next), self.zone)
    }

    fn place(&mut self) -> Parsed<Condition> {
        if let Some(Lexeme::Operator(operator)) = self.peek() {
            let problem = Problem::WrongOperator { field: Field::Place, operator: *operator };
            return Err(self.error(problem));
        }
        let area = if self.take("within") {
            GeoArea::Box([self.point()?, self.point()?])
        } else if self.take("near") {
            let (centre, wrong) = (self.point()?, self.error(Problem::WrongValue { field: Field::Place }));
            let radius_m = match self.next() {
                Some(Lexeme::Word(word)) => self.number(Field::Place, word),
                _ => None,
            };
            // A number without a unit may be meant as either.
            let has_unit = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
            let has_unit = matches!(has_unit, Some((Lexeme::Word(word), _)) if word.ends_with(char::is_alphabetic));
            GeoArea::Circle { centre, radius_m: radius_m.filter(|radius| *radius >= 0.0 && has_unit).ok_or(wrong)? }
        } else {
            return Err(self.expected("`near` or `within`"));
        };
        Ok(Condition(Node::Place(area)))
    }

    /// Degrees north and east: `47.37,8.54`.
    fn point(&mut self) -> Parsed<[f64; 2]> {
        let north = self.degrees(90.0)?;
        self.take_token(&Lexeme::Comma, "`,` between the degrees north and the degrees east")?;
        Ok([north, self.degrees(180.0)?])
    }

    fn degrees(&mut self, limit: f64) -> Parsed<f64> {
        let degrees = match self.peek() {
            Some(Lexeme::Word(word)) => number::decimal(word).filter(|degrees| degrees.abs() <= limit),
            _ => None,
        };
        let expected = if limit > 90.0 { "degrees east, -180 to 180" } else { "degrees north, -90 to 90" };
        let degrees = degrees.ok_or_else(|| self.expected(expected))?;
        self.at += 1;
        Ok(degrees)
    }
}

/// Words with a meaning of their own, which have to be in quotation marks to be texts.
fn is_reserved(word: &str) -> bool {
    ["and", "or", "not", "in", "has"].iter().any(|reserved| word.eq_ignore_ascii_case(reserved))
}

fn text(field: Field, operator: Operator, typed: &str) -> Option<TextPattern> {
    let is_part = matches!(operator, Operator::Contains | Operator::NotContains);
    let (text, with) = match field {
        _ if is_part => (typed, TextMatch::Part),
        Field::Keyword => (typed.trim_matches('|'), TextMatch::KeywordLevels),
        Field::Folder => (typed, TextMatch::FolderLevels),
        Field::Format => (typed.strip_prefix('.').unwrap_or(typed), TextMatch::Whole),
        _ => (typed, TextMatch::Whole),
    };
    let usual = if field == Field::Format && !is_part {
        std::str::from_utf8(usual_extension(text.as_bytes())).ok()
    } else {
        None
    };
    (!text.trim().is_empty()).then(|| TextPattern::new(typed, usual.unwrap_or(text), with))
}

fn modality(word: &str) -> Option<Modality> {
    Modality::ALL.into_iter().find(|modality| modality.as_str().eq_ignore_ascii_case(word))
}

/// The first characters of a word, for a message.
fn short(word: &str) -> String {
    const SHOWN: usize = 30;
    let cut = if word.chars().nth(SHOWN).is_some() { "…" } else { "" };
    word.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect::<String>() + cut
}
