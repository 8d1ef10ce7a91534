//! Embeds the words of a query.

use super::index::QueryVector;
use super::search_error::SearchError;
use vicinity_core::Modality;
use vicinity_models::{Model, TextOptions, guard};

/// Embeds words.
///
/// # Errors
/// When the model fails.
pub fn embed_text(model: &Model, text: &str, options: TextOptions) -> Result<QueryVector, SearchError> {
    let texts = guard::catch(|| model.text.embed(&[text], options))?;
    let text = texts.into_iter().next().ok_or(SearchError::NoVector)?;
    Ok(QueryVector { embedding: text.embedding, modality: Modality::Text, weight: 1.0 })
}
