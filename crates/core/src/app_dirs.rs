//! The folders of the program's own files: settings, libraries, models, crash reports.
//!
//! By default these are the platform's folders for applications. All files are in a single folder if `VICINITY_HOME`
//! names one, or if the program is *portable*: started with `--portable`, or next to a folder `vicinity-data`.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Environment variable with the folder for all files.
pub const HOME_VARIABLE: &str = "VICINITY_HOME";
/// Environment variable with the library to use if none is given.
pub const LIBRARY_VARIABLE: &str = "VICINITY_LIBRARY";
/// Environment variable with the folder of models.
pub const MODELS_VARIABLE: &str = "VICINITY_MODELS";
/// The folder next to a portable program.
const PORTABLE_FOLDER: &str = "vicinity-data";
/// Name of the program's folder in those of the platform.
const NAME: &str = "vicinity";

static PORTABLE: OnceLock<PathBuf> = OnceLock::new();

/// Uses the folder next to the program from now on, and creates it if `create`. Has to be called before all other
/// functions of this module.
///
/// # Errors
/// A message for the user, if the folder cannot be created.
pub fn make_portable(create: bool) -> Result<(), String> {
    let dir = portable_folder().ok_or("the folder of the program is unknown on this system")?;
    if create {
        std::fs::create_dir_all(&dir)
            .map_err(|error| format!("could not create the folder next to the program: {}: {error}", dir.display()))?;
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

/// The single folder for all files, if any.
fn single_folder() -> Option<PathBuf> {
    variable(HOME_VARIABLE).or_else(|| PORTABLE.get().cloned()).or_else(|| portable_folder().filter(|dir| dir.is_dir()))
}

/// The folder of the program's data: libraries, models, crash reports (on Linux `~/.local/share/vicinity`). `None`
/// if there is no home folder.
pub fn data() -> Option<PathBuf> {
    // On Windows the local folder rather than the roaming one, since libraries are large.
    single_folder().or_else(|| Some(directories::BaseDirs::new()?.data_local_dir().join(NAME)))
}

/// The file of the user's settings (on Linux `~/.config/vicinity/settings.json`).
pub fn settings_file() -> Option<PathBuf> {
    let dir = single_folder().or_else(|| Some(directories::BaseDirs::new()?.config_dir().join(NAME)))?;
    Some(dir.join("settings.json"))
}

/// The library named by `$VICINITY_LIBRARY`.
pub fn named_library() -> Option<PathBuf> {
    variable(LIBRARY_VARIABLE)
}

/// The library that commands use if none is named: `$VICINITY_LIBRARY`, or `default` in [`data`].
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

/// The library of a folder, within `data`: its name is that of the folder and a hash of its path.
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
    fn folders_of_the_same_name_have_different_libraries() {
        let library = |folder| library_for(Path::new("/data"), Path::new(folder));
        let (a, b) = (library("/a/My Photos"), library("/b/My Photos"));
        assert_ne!(a, b);
        assert!(a.starts_with("/data/libraries"));
        assert!(a.file_name().is_some_and(|n| n.to_string_lossy().starts_with("my-photos-")));
    }
}
