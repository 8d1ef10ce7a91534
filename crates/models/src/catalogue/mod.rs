//! The models that can be downloaded by name: where their files are, and what a user should know before downloading one.
//!
//! Data only; `installed` downloads, checks and lists them. A revision is a commit of the repository, so that a name
//! means the same vectors for ever.
//! Sizes and hashes are those that the repositories name at these commits.

mod list;

pub use list::MODELS;

/// A model that can be downloaded by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// Name in commands, and of its folder.
    pub id: &'static str,
    /// Short display name.
    pub title: &'static str,
    /// A line on what it is good at, a line on what it is bad at.
    pub about: &'static str,
    /// Repositories its files come from; none for the built-in model.
    pub sources: &'static [HubSource],
    /// Licence of the weights.
    pub licence: Licence,
    /// Languages of texts, in words.
    pub languages: &'static str,
    /// Dimensions its vectors can have, the most first.
    pub dimensions: &'static [usize],
    /// Side of the square that pictures become, pixels.
    pub pixels: usize,
    /// Size of all files, bytes, to within a few per cent.
    pub bytes: u64,
    /// What it is offered as at the first start.
    pub recommended_as: Option<Recommendation>,
}

/// A repository on the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubSource {
    /// `owner/name`.
    pub repo: &'static str,
    /// A commit.
    pub revision: &'static str,
    /// Folder for its files inside the model's own; empty for none.
    pub folder: &'static str,
    /// What is taken from it.
    pub files: &'static [CatalogueFile],
}

impl HubSource {
    /// Path of a file inside the model's folder, with `/`.
    pub(crate) fn path_of(&self, file: &CatalogueFile) -> String {
        if self.folder.is_empty() { file.name.to_owned() } else { format!("{}/{}", self.folder, file.name) }
    }
}

/// A file of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatalogueFile {
    /// Its path there, and in the source's folder.
    pub name: &'static str,
    /// The SHA-256 it must have, if known; otherwise the hash that the hub reports.
    pub sha256: Option<&'static str>,
}

/// Terms of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Licence {
    /// In a few words.
    pub name: &'static str,
    /// What it allows.
    pub terms: Terms,
}

/// What a licence allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Terms {
    /// For any purpose.
    Open,
    /// Not for commercial purposes.
    NonCommercial,
    /// For research only.
    ResearchOnly,
}

/// What a model is recommended for at the first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recommendation {
    /// Built into the program.
    Starter,
    /// Best for photos.
    Photos,
    /// Photos, and texts that are longer than a caption.
    PhotosAndDocuments,
    /// Fastest of the good ones.
    Fast,
}

impl Recommendation {
    /// Display name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Starter => "Starter",
            Self::Photos => "Photos",
            Self::PhotosAndDocuments => "Photos and documents",
            Self::Fast => "Fast",
        }
    }
}

impl Terms {
    /// A warning for the user, if any.
    pub fn warning(self) -> Option<&'static str> {
        match self {
            Self::Open => None,
            Self::NonCommercial => Some("non-commercial use only"),
            Self::ResearchOnly => Some("research only"),
        }
    }
}

impl CatalogueEntry {
    /// Whether it is part of the program.
    pub fn is_built_in(&self) -> bool {
        self.sources.is_empty()
    }
}

/// The model of that name.
pub fn find(id: &str) -> Option<&'static CatalogueEntry> {
    MODELS.iter().find(|model| model.id == id)
}

/// The model offered as `recommendation`.
pub fn recommended(recommendation: Recommendation) -> Option<&'static CatalogueEntry> {
    MODELS.iter().find(|model| model.recommended_as == Some(recommendation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_is_named_once_and_can_be_got() {
        for (at, model) in MODELS.iter().enumerate() {
            assert!(MODELS[..at].iter().all(|other| other.id != model.id), "{} twice", model.id);
            assert!(model.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c)));
            assert_eq!(model.about.lines().count(), 2, "{}", model.id);
            assert_eq!(model.is_built_in(), at == 0);
            assert!(model.dimensions.is_sorted_by(|a, b| a > b) && !model.dimensions.is_empty());
            for source in model.sources {
                assert_eq!(source.repo.split('/').count(), 2);
                let commit = source.revision.len() == 40 && source.revision.bytes().all(|b| b.is_ascii_hexdigit());
                assert!(commit, "{}", source.revision);
                assert!(source.files.iter().any(|file| file.name.ends_with(".safetensors")), "{}", model.id);
                for sha256 in source.files.iter().filter_map(|file| file.sha256) {
                    assert!(sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit()));
                }
            }
        }
    }

    #[test]
    fn what_is_offered_is_free_to_use() {
        for recommendation in
            [Recommendation::Starter, Recommendation::Photos, Recommendation::PhotosAndDocuments, Recommendation::Fast]
        {
            let model = recommended(recommendation).expect("offered");
            assert_eq!(model.licence.terms, Terms::Open, "{}", model.id);
        }
        let research = MODELS.iter().filter(|model| model.licence.terms != Terms::Open);
        assert!(research.map(|model| model.recommended_as).all(|recommended| recommended.is_none()));
    }
}
