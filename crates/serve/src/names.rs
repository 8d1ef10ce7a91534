//! The names that the served model answers to.
//!
//! These are its own: its name in the catalogue, and those of the repositories it comes from (`nomic-embed-text-v1.5`).
//! Another model's name is refused, because a client that requests it expects its vectors, unless the user has
//! allowed it (`--alias`).

use super::error::{ApiError, ApiErrorKind};
use vicinity_models::remote::NOMIC_SPACE;
use vicinity_models::{ModelInfo, builtin, catalogue};

/// All names of the served model.
#[derive(Debug)]
pub(super) struct ModelNames {
    /// Its own names, the main one first.
    own: Vec<String>,
    /// Names of other models that it answers to.
    aliases: Vec<String>,
}

impl ModelNames {
    /// The names of a model, with the `aliases` that the user allows.
    pub fn new(info: &ModelInfo, aliases: Vec<String>) -> Self {
        let name = info.key.name.as_str();
        let mut own = vec![name.to_owned()];
        if name == builtin::NAME {
            own.push("starter".to_owned());
        }
        for source in catalogue::find(name).map_or(&[][..], |entry| entry.sources) {
            let last = source.repo.rsplit('/').next().unwrap_or(source.repo);
            own.extend([last.to_owned(), source.repo.to_owned()]);
        }
        own.dedup();
        Self { own, aliases: aliases.into_iter().map(|alias| without_prefix(&alias).to_owned()).collect() }
    }

    /// The model's main name.
    pub fn own(&self) -> &str {
        self.own.first().map_or("", String::as_str)
    }

    /// All names that are answered to.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.own.iter().chain(&self.aliases).map(String::as_str)
    }

    /// The name to report for a requested model: as requested, if that is one of its own names. A request that names
    /// no model gets this one.
    ///
    /// # Errors
    /// When another model is requested.
    pub fn find<'a>(&'a self, requested: Option<&'a str>) -> Result<&'a str, ApiError> {
        let Some(requested) = requested.map(without_prefix) else { return Ok(self.own()) };
        if self.own.iter().any(|name| name == requested) {
            return Ok(requested);
        }
        if self.aliases.iter().any(|name| name == requested) {
            return Ok(self.own());
        }
        let own = self.own();
        let shown: String = requested.chars().take(100).collect();
        let text = format!(
            "The model {shown:?} is not served here; {own} is. Request {own}, start the server with --model for the other \
             one, or use --alias to let {own} answer to that name"
        );
        Err(ApiError::new(ApiErrorKind::ModelNotFound, text).in_field("model"))
    }

    /// Whether the model is Nomic's, which takes the task of a text from its prefix.
    pub fn reads_prefix(&self) -> bool {
        self.own() == NOMIC_SPACE
    }
}

/// A name without Gemini's prefix `models/`.
pub(super) fn without_prefix(name: &str) -> &str {
    name.strip_prefix("models/").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(model: &str, aliases: &[&str]) -> ModelNames {
        let mut info = builtin::info().expect("the built-in model");
        info.key.name = model.to_owned();
        ModelNames::new(&info, aliases.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_model_answers_to_its_own_names() {
        let nomic = names(NOMIC_SPACE, &[]);
        let own = ["nomic-embed-text-v1.5", "nomic-embed-vision-v1.5", "nomic-ai/nomic-embed-text-v1.5", NOMIC_SPACE];
        for name in own {
            assert_eq!(nomic.find(Some(name)).ok(), Some(name));
        }
        assert!(nomic.find(Some("nomic-embed-text-v1")).is_err(), "another model");
        assert!(nomic.reads_prefix());
        assert_eq!(names(builtin::NAME, &[]).find(Some("models/starter")).ok(), Some("starter"));
    }

    #[test]
    fn other_names_only_where_the_user_says_so_and_the_answer_is_true() {
        let plain = names(builtin::NAME, &[]);
        assert!(plain.find(Some("text-embedding-3-small")).is_err());
        assert_eq!(plain.find(None).ok(), Some(builtin::NAME));
        let named = names(builtin::NAME, &["models/gemini-embedding-001", "text-embedding-3-small"]);
        assert_eq!(named.find(Some("text-embedding-3-small")).ok(), Some(builtin::NAME));
        assert_eq!(named.find(Some("models/gemini-embedding-001")).ok(), Some(builtin::NAME));
        assert!(named.find(Some("")).is_err());
    }
}
