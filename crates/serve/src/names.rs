//! What the served model is called, and what others may call it.
//!
//! It answers to its own names: the one it has here, and those of the repositories it comes from
//! (`nomic-embed-text-v1.5`). Another model's name is refused, because whoever asks for it expects its vectors,
//! unless the user has said that it may be answered to (`--alias`).

use super::fault::{Fault, Kind};
use vicinity_models::remote::NOMIC_SPACE;
use vicinity_models::{ModelInfo, builtin, catalogue};

/// All names of the served model.
#[derive(Debug)]
pub(super) struct Names {
    /// Its own, the first one before all others.
    own: Vec<String>,
    /// Of other models, that it answers to.
    aliases: Vec<String>,
}

impl Names {
    /// Of a model.
    pub fn new(info: &ModelInfo, aliases: Vec<String>) -> Self {
        let name = info.key.name.as_str();
        let mut own = vec![name.to_owned()];
        if name == builtin::NAME {
            own.push("starter".to_owned());
        }
        for source in catalogue::find(name).map_or(&[][..], |known| known.sources) {
            let last = source.repo.rsplit('/').next().unwrap_or(source.repo);
            own.extend([last.to_owned(), source.repo.to_owned()]);
        }
        own.dedup();
        Self { own, aliases: aliases.into_iter().map(|alias| bare(&alias).to_owned()).collect() }
    }

    /// The model's name.
    pub fn own(&self) -> &str {
        self.own.first().map_or("", String::as_str)
    }

    /// Every name that is answered to.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.own.iter().chain(&self.aliases).map(String::as_str)
    }

    /// What the model that is asked for is really called: as asked, where that is one of its names. Where no model is
    /// asked for, it is this one.
    ///
    /// # Errors
    /// When it is another one.
    pub fn find<'a>(&'a self, asked: Option<&'a str>) -> Result<&'a str, Fault> {
        let Some(asked) = asked.map(bare) else { return Ok(self.own()) };
        if self.own.iter().any(|name| name == asked) {
            return Ok(asked);
        }
        if self.aliases.iter().any(|name| name == asked) {
            return Ok(self.own());
        }
        let own = self.own();
        let shown: String = asked.chars().take(100).collect();
        let text = format!(
            "The model {shown:?} is not served here; {own} is. Ask for {own}, start the server with --model for the other \
             one, or with --alias to let {own} answer to its name"
        );
        Err(Fault::new(Kind::Model, text).of("model"))
    }

    /// Whether the model is Nomic's, which reads from a prefix what a text is embedded for.
    pub fn reads_prefix(&self) -> bool {
        self.own() == NOMIC_SPACE
    }
}

/// Gemini's names stand after `models/`.
fn bare(name: &str) -> &str {
    name.strip_prefix("models/").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(model: &str, aliases: &[&str]) -> Names {
        let mut info = builtin::info().expect("the built-in model");
        info.key.name = model.to_owned();
        Names::new(&info, aliases.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_model_answers_to_its_own_names() {
        let nomic = names(NOMIC_SPACE, &[]);
        let known = ["nomic-embed-text-v1.5", "nomic-embed-vision-v1.5", "nomic-ai/nomic-embed-text-v1.5", NOMIC_SPACE];
        for name in known {
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
