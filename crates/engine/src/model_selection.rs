//! Which space a library uses: that of a model, or one of vectors that the user brought. Any number of spaces may belong
//! to one library; each has its own vectors, so switching back costs nothing.
//!
//! The choice is kept in `model.json` in the library's folder, with what the window needs of the model before its
//! weights are loaded. Where the file is deleted, the built-in model is used.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::checked_json::{self, Checked};
use super::device_check::LoadedModel;
use super::model_loader::ModelFactory;
use super::model_source::ModelSource;
use super::own_vectors::{OwnVectors, OwnVectorsError, names_table};
use super::runtime_settings::RuntimeSettings;
use vicinity_core::table::TableOptions;
use vicinity_models::{ModelInfo, ModelKey, TowerError, builtin};

/// Where the vectors of a library come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SpaceSource {
    /// A model computes them.
    Model(ModelSource),
    /// The user brought them.
    Own {
        /// Table and vectors.
        own_vectors: OwnVectors,
    },
}

/// A space to open a library with.
pub struct ModelSelection {
    /// What it is.
    pub info: ModelInfo,
    /// Loads its weights.
    pub load: ModelFactory,
    /// What the library has to remember, where it is new.
    unsaved: Option<SavedSelection>,
    /// What is wrong with what it remembers: a sentence.
    pub(super) damage: Option<String>,
}

/// Path, length and time of change of a model's files: as long as they stay the same it is the same model.
type Stamp = Vec<(PathBuf, u64, u64)>;

#[derive(Serialize, Deserialize)]
struct SavedSelection {
    source: SpaceSource,
    info: ModelInfo,
    files: Stamp,
}

impl ModelSelection {
    /// The model that is wanted, or else the one that the library was last opened with, or else the built-in one.
    /// A model that this library does not know yet is loaded here and now, which takes seconds.
    ///
    /// # Errors
    /// When the model cannot be used; the message names the file.
    pub fn for_library(
        library: &Path,
        wanted: Option<ModelSource>,
        settings: &RuntimeSettings,
    ) -> Result<Self, TowerError> {
        let stored = checked_json::read::<SavedSelection>(&file(library));
        let damage = match &stored {
            Checked::Damaged(what) => {
                Some(format!("{what}, so the built-in model is used. Choose the model again to switch back."))
            }
            _ => None,
        };
        // A model that is named takes the place of a damaged note.
        let replace = damage.is_some() && wanted.is_some();
        let damage = damage.filter(|_| wanted.is_none());
        let saved = stored.valid();
        let wanted = wanted.map(SpaceSource::Model);
        let space = wanted.or_else(|| saved.as_ref().map(|k| k.source.clone())).unwrap_or_default();
        let source = match (space, saved.as_ref()) {
            (SpaceSource::Model(source), _) => source,
            // What is stored of it is enough: its files need not be there.
            (SpaceSource::Own { own_vectors }, Some(saved)) => {
                let load = ModelFactory::own_vectors(own_vectors);
                return Ok(Self { info: saved.info.clone(), load, unsaved: None, damage });
            }
            (SpaceSource::Own { .. }, None) => ModelSource::default(),
        };
        let ModelSource::Folder(dir) = &source else {
            let info = builtin::info()?;
            let load = loader(source.clone(), info.key.clone(), settings, None);
            let unsaved = (saved.is_some() || replace).then(|| SavedSelection {
                source: SpaceSource::Model(source),
                info: info.clone(),
                files: Stamp::new(),
            });
            return Ok(Self { info, load, unsaved, damage });
        };
        let stamp = stamp(dir);
        let space = SpaceSource::Model(source.clone());
        if let Some(saved) = saved.filter(|k| k.source == space && k.files == stamp && !stamp.is_empty()) {
            let load = loader(source, saved.info.key.clone(), settings, None);
            return Ok(Self { info: saved.info, load, unsaved: None, damage });
        }
        let loaded = settings.load(&source, None)?;
        let info = loaded.model.info.clone();
        let load = loader(source, info.key.clone(), settings, Some(loaded));
        Ok(Self {
            unsaved: Some(SavedSelection { source: space, info: info.clone(), files: stamp }),
            info,
            load,
            damage,
        })
    }

    /// Vectors that the user brought. They are read once to see whether they fit to their table, read as `tables` say, unless this library
    /// remembers that these files do.
    ///
    /// # Errors
    /// When they cannot be read, or do not fit.
    pub fn for_own_vectors(
        library: &Path,
        own_vectors: OwnVectors,
        tables: &TableOptions,
    ) -> Result<Self, OwnVectorsError> {
        let files =
            [own_vectors.table.as_path(), own_vectors.file()].into_iter().filter_map(stamp_of).collect::<Stamp>();
        let load = ModelFactory::own_vectors(own_vectors.clone());
        let source = SpaceSource::Own { own_vectors: own_vectors.clone() };
        if let Some(saved) =
            read(library).filter(|saved| saved.source == source && saved.files == files && names_table(&saved.info.key))
        {
            return Ok(Self { info: saved.info, load, unsaved: None, damage: None });
        }
        let info = own_vectors.examine(tables)?;
        Ok(Self { unsaved: Some(SavedSelection { source, info: info.clone(), files }), info, load, damage: None })
    }

    /// What the library, once it is open, has to store.
    pub(super) fn take_unsaved(&mut self) -> Option<impl FnOnce(&Path) + use<>> {
        self.unsaved.take().map(|saved| {
            move |library: &Path| {
                if let Err(error) = write(library, &saved) {
                    log::warn!("the library will open with another model next time: {error}");
                }
            }
        })
    }
}

/// Loads a model as often as it is needed; the first time it may be there already.
fn loader(
    source: ModelSource,
    key: ModelKey,
    settings: &RuntimeSettings,
    mut first: Option<LoadedModel>,
) -> ModelFactory {
    let (settings, ours, idle) = (settings.clone(), source.clone(), settings.clone());
    let load = move || {
        let loaded = first.take().map_or_else(|| settings.load(&source, Some(&key)), Ok)?;
        if loaded.model.info.key == key {
            return Ok(loaded);
        }
        let file = match &source {
            ModelSource::Starter => builtin::NAME.to_owned(),
            ModelSource::Folder(dir) => dir.display().to_string(),
        };
        Err(TowerError::Weights { file, reason: "it is not the same model as before; choose it again".to_owned() })
    };
    ModelFactory::new(load, move || idle.idle(&ours))
}

impl Default for SpaceSource {
    fn default() -> Self {
        Self::Model(ModelSource::default())
    }
}

/// The space that a library was last opened with; that of the built-in model where it remembers none.
pub fn saved(library: &Path) -> SpaceSource {
    read(library).map(|saved| saved.source).unwrap_or_default()
}

fn file(library: &Path) -> PathBuf {
    library.join("model.json")
}

fn read(library: &Path) -> Option<SavedSelection> {
    checked_json::read(&file(library)).valid()
}

fn write(library: &Path, saved: &SavedSelection) -> std::io::Result<()> {
    checked_json::save(&file(library), Some(saved).filter(|saved| saved.source != SpaceSource::default()))
}

/// Empty where a folder cannot be listed.
fn stamp(dir: &Path) -> Stamp {
    let mut files: Stamp = [dir.to_owned(), dir.join("text"), dir.join("vision")]
        .iter()
        .filter_map(|dir| std::fs::read_dir(dir).ok())
        .flatten()
        .filter_map(|entry| stamp_of(&entry.ok()?.path()))
        .collect();
    files.sort_unstable();
    files
}

/// `None` for what is no file.
fn stamp_of(path: &Path) -> Option<(PathBuf, u64, u64)> {
    // Follows links: the hub's cache is made of them.
    let data = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let changed = data.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    Some((path.to_owned(), data.len(), changed as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_of_an_earlier_version_is_still_read() {
        let library = tempfile::tempdir().expect("a folder");
        let saved = SavedSelection {
            source: SpaceSource::Model(ModelSource::Folder("/models/a".into())),
            info: builtin::info().expect("built in"),
            files: vec![("/models/a/config.json".into(), 3, 4)],
        };
        write(library.path(), &saved).expect("written");
        let mut json: serde_json::Value =
            serde_json::from_slice(&std::fs::read(file(library.path())).expect("there")).expect("JSON");
        let info = json["info"].as_object_mut().expect("an object");
        assert!(info.remove("matryoshka").is_some(), "it is written today");
        assert_eq!(json["source"], serde_json::json!({ "folder": "/models/a" }), "as before there were other spaces");
        std::fs::write(file(library.path()), json.to_string()).expect("written");
        let old = read(library.path()).expect("readable without what came later");
        assert_eq!((old.source, old.files), (saved.source, saved.files));
        assert!(old.info.matryoshka.is_empty());
    }
}
