//! What is searched for and what narrows it, as undo and "Go back" restore it.

use std::sync::Arc;

use crate::context::{QueryChip, QueryState};
use vicinity_core::{Filter, QueryPart, Scoring};

/// What is searched for and what narrows it, without its result.
#[derive(Clone)]
pub struct AskedQuery {
    text: String,
    chips: Vec<QueryChip>,
    filter: Filter,
    scoring: Scoring,
}

impl AskedQuery {
    /// As the search box and the filter are.
    pub fn of(query: &QueryState) -> Self {
        let QueryState { text, chips, filter, scoring, .. } = query;
        Self { text: text.clone(), chips: chips.clone(), filter: filter.clone(), scoring: *scoring }
    }

    /// Whether a search box and a filter ask for the same.
    pub fn is(&self, query: &QueryState) -> bool {
        self.text == query.text
            && self.scoring == query.scoring
            && self.chips.len() == query.chips.len()
            && self.chips.iter().zip(&query.chips).all(|(a, b)| same_part(&a.part, &b.part))
            && self.filter == query.filter
    }

    /// Puts it into the search box and the filter.
    pub fn restore(self, query: &mut QueryState) {
        (query.text, query.chips, query.filter, query.scoring) = (self.text, self.chips, self.filter, self.scoring);
    }

    /// Drops the pictures of its chips.
    pub fn forget_textures(&mut self) {
        self.chips.iter_mut().for_each(|chip| chip.texture = None);
    }
}

/// Whether two parts ask for the same; parts are distinguished by where they come from, not by their pixels.
pub fn same_part(a: &QueryPart, b: &QueryPart) -> bool {
    match (a, b) {
        (QueryPart::Text(a), QueryPart::Text(b)) => a == b,
        (QueryPart::Picture(a), QueryPart::Picture(b)) => Arc::ptr_eq(a, b),
        (QueryPart::File(a), QueryPart::File(b)) => a == b,
        (QueryPart::Item(a), QueryPart::Item(b)) => a == b,
        (QueryPart::Items(a), QueryPart::Items(b)) => Arc::ptr_eq(a, b) || a == b,
        _ => false,
    }
}
