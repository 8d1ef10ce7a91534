//! Whether the groups that a condition names are there.

use thiserror::Error;

use super::comparison::Operand;
use super::field::Field;
use super::operator::Operator;
use super::{Condition, Node};
use crate::groups::ItemGroups;

/// Groups that a message names.
const NAMED: usize = 20;

/// A condition names a group that the library does not have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the library has no group `{name}`{}", known(groups))]
pub struct UnknownGroup {
    /// The name, as written in the condition.
    pub name: String,
    /// Names of all groups.
    pub groups: Vec<String>,
}

fn known(groups: &[String]) -> String {
    if groups.is_empty() {
        return "; groups are created in the window".to_owned();
    }
    let more = if groups.len() > NAMED { ", …" } else { "" };
    let named: Vec<&str> = groups.iter().take(NAMED).map(String::as_str).collect();
    format!("; its groups are {}{more}", named.join(", "))
}

impl Condition {
    /// Whether it is about groups.
    pub fn has_groups(&self) -> bool {
        match &self.0 {
            Node::All(parts) | Node::Any(parts) => parts.iter().any(Self::has_groups),
            Node::Not(part) => part.has_groups(),
            Node::Has(field) => *field == Field::Group,
            Node::Comparison(comparison) => comparison.field == Field::Group,
            Node::Place(_) | Node::HasColumn(_) | Node::Column(_) => false,
        }
    }

    /// Looks for the groups that it names as a whole.
    ///
    /// # Errors
    /// If one of them is not there.
    pub fn check_groups(&self, groups: &ItemGroups) -> Result<(), UnknownGroup> {
        match &self.0 {
            Node::All(parts) | Node::Any(parts) => parts.iter().try_for_each(|part| part.check_groups(groups)),
            Node::Not(part) => part.check_groups(groups),
            Node::Comparison(comparison) if comparison.field == Field::Group => {
                let is_whole = matches!(comparison.operator, Operator::Equal | Operator::NotEqual);
                let names = comparison.values.iter().filter_map(|value| match value {
                    Operand::Text(pattern) if is_whole => Some(pattern.typed()),
                    _ => None,
                });
                match names.into_iter().find(|name| groups.named(name).is_none()) {
                    None => Ok(()),
                    Some(name) => Err(UnknownGroup {
                        name: name.to_owned(),
                        groups: groups.all().iter().map(|group| group.name().to_string()).collect(),
                    }),
                }
            }
            Node::Has(_) | Node::Comparison(_) | Node::Place(_) | Node::HasColumn(_) | Node::Column(_) => Ok(()),
        }
    }
}
