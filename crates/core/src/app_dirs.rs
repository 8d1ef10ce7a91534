//! Where the program keeps its own things: settings, libraries, models, crash reports.
//!
//! Usually in the folders that the system has for this. Everything lies in one folder instead where `VICINITY_HOME`
//! names one, or where the program is *portable*: started with `--portable`, or with a folder `vicinity-data` beside it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Names the one folder for everything.
pub const HOME_VARIABLE: &str = "VICINITY_HOME";
/// Names the library of commands and of the window where none is given.
pub const LIBRARY_VARIABLE: &str = "VICINITY_LIBRARY";
/// Names the folder of models.
pub const MODELS_VARIABLE: &str = "VICINITY_MODELS";
/// The folder beside a portable program.
const PORTABLE_FOLDER: &str = "vicinity-data";
/// Our name in the system's folders.
const NAME: &str = "vicinity";

static PORTABLE: OnceLock<PathBuf> = OnceLock::new();

/// Keeps everything beside the program from now on. Call it before anything else. The folder is made unless the program
/// will only read (`create`).
///
/// # Errors
/// A sentence, where the folder cannot be made.
pub fn make_portable(create: bool) -> Result<(), String> {
    let dir = portable_folder().ok_or("this system does not say where the program lies")?;
    if create {
        std::fs::create_dir_all(&dir)
            .map_err(|error| format!("nothing can be kept beside the program, in {}: {error}", dir.display()))?;
    }
    PORTABLE.get_or_init(|| dir);
    Ok(())
}

fn portable_folder() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.parent()?.join(PORTABLE_FOLDER))
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The one folder for everything, where there is one.
fn single_folder() -> Option<PathBuf> {
    variable(HOME_VARIABLE).or_else(|| PORTABLE.get().cloned()).or_else(|| portable_folder().filter(|dir| dir.is_dir()))
}

/// The folder of the program's data: libraries, models, crash reports (on Linux `~/.local/share/vicinity`). `None`
/// where the system names no home folder.
pub fn data() -> Option<PathBuf> {
    // On Windows the local folder, not the one that roams: libraries are large.
    single_folder().or_else(|| Some(directories::BaseDirs::new()?.data_local_dir().join(NAME)))
}

/// The file of the user's settings (on Linux `~/.config/vicinity/settings.json`).
pub fn settings_file() -> Option<PathBuf> {
    let dir = single_folder().or_else(|| Some(directories::BaseDirs::new()?.config_dir().join(NAME)))?;
    Some(dir.join("settings.json"))
}

/// The library that `$VICINITY_LIBRARY` names.
pub fn named_library() -> Option<PathBuf> {
    variable(LIBRARY_VARIABLE)
}

/// The library that commands use when none is named: `$VICINITY_LIBRARY`, or `default` in [`data`].
pub fn default_library() -> Option<PathBuf> {
    named_library().or_else(|| Some(data()?.join("default")))
}

/// The folder of models: `$VICINITY_MODELS`, or `models` in [`data`].
pub fn models() -> Option<PathBuf> {
    variable(MODELS_VARIABLE).or_else(|| Some(data()?.join("models")))
}

/// The folder of crash reports.
pub fn crashes() -> Option<PathBuf> {
    Some(data()?.join("crashes"))
}

/// The library in `data` that belongs to a folder: named after it, told apart from namesakes by a hash of its path.
pub fn library_for(data: &Path, folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy();
    let mut slug: String =
        name.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    slug.truncate(slug.char_indices().nth(40).map_or(slug.len(), |(i, _)| i));
    let hash = blake3::hash(folder.as_os_str().as_encoded_bytes()).to_hex();
    data.join("libraries").join(format!("{}-{}", slug.trim_matches('-'), &hash[..8]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namesakes_get_libraries_of_their_own() {
        let library = |folder| library_for(Path::new("/data"), Path::new(folder));
        let (a, b) = (library("/a/My Photos"), library("/b/My Photos"));
        assert_ne!(a, b);
        assert!(a.starts_with("/data/libraries"));
        assert!(a.file_name().is_some_and(|n| n.to_string_lossy().starts_with("my-photos-")));
    }
}
