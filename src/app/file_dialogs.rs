//! The system's file dialogs. Opened on the main thread, waited for on another, so that the window goes on.
//!
//! On Linux a dialog is drawn by the desktop portal or by zenity. Where neither is there, `rfd` answers as if the dialog
//! had been cancelled; so both are looked for first, and the window asks for a path instead.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use rfd::{AsyncFileDialog, FileHandle};

use crate::context::commands::PathPurpose;

type Pending = Pin<Box<dyn Future<Output = Vec<PathBuf>> + Send>>;

/// What became of a dialog.
pub enum FileDialogOutcome {
    /// What was chosen; nothing where it was cancelled.
    Chosen(Vec<PathBuf>),
    /// This system has no file dialog.
    Missing,
}

/// A dialog that is open, or will be.
pub struct FileDialog {
    purpose: PathPurpose,
    early: Option<Pending>,
}

impl FileDialog {
    /// To be made on the main thread.
    pub fn new(purpose: PathPurpose) -> Self {
        // macOS shows dialogs from the main thread only; elsewhere the thread that waits also opens it, since looking for
        // the portal may take seconds. Tested here; the others are compiled by `scripts/windows` and `scripts/macos-check`.
        let early = if cfg!(target_os = "linux") { None } else { Some(pending(purpose)) };
        Self { purpose, early }
    }

    /// Waits until it is closed; not for the main thread.
    pub fn wait(self) -> FileDialogOutcome {
        if self.early.is_none() && !system::has_file_dialog() {
            return FileDialogOutcome::Missing;
        }
        let dialog = self.early.unwrap_or_else(|| pending(self.purpose));
        FileDialogOutcome::Chosen(vicinity_engine::runtime::block_on(dialog).unwrap_or_default())
    }
}

fn pending(purpose: PathPurpose) -> Pending {
    let dialog = AsyncFileDialog::new();
    match purpose {
        PathPurpose::AddFolders => several(dialog.set_title("Add folders").pick_folders()),
        PathPurpose::AddFiles => several(dialog.set_title("Add images and texts").pick_files()),
        PathPurpose::OpenLibrary => one(dialog.set_title("Open library").pick_folder()),
        PathPurpose::Model => one(dialog.set_title("Choose a model folder").pick_folder()),
        PathPurpose::ImportModel => one(dialog.set_title("Import a model folder").pick_folder()),
        PathPurpose::ImportArchive => {
            let dialog = dialog.set_title("Import a model archive");
            one(dialog.add_filter("Archives", &["zip", "tar", "gz", "tgz"]).pick_file())
        }
        PathPurpose::LoadLabels => {
            one(dialog.set_title("Load labels").add_filter("Text", &["txt", "csv", "tsv"]).pick_file())
        }
        PathPurpose::ExportSelection => {
            let dialog = dialog.set_title("Export selection").set_file_name("selection.csv");
            let dialog = dialog.add_filter("Lists (csv, parquet)", &["csv", "parquet"]);
            one(dialog.add_filter("Vectors with a list (npy)", &["npy"]).save_file())
        }
        PathPurpose::CopyFiles => one(dialog.set_title("Copy files to folder").pick_folder()),
        PathPurpose::SaveMap => {
            let dialog = dialog.set_title("Save map").set_file_name("map.png");
            let dialog = dialog.add_filter("Images", &["png", "svg", "jpg", "webp", "tif"]);
            one(dialog.add_filter("Web page", &["html"]).save_file())
        }
        PathPurpose::Export => {
            let dialog = dialog.set_title("Export vectors").set_file_name("vectors.npy");
            one(dialog.add_filter("NumPy", &["npy"]).save_file())
        }
    }
}

fn several(chosen: impl Future<Output = Option<Vec<FileHandle>>> + Send + 'static) -> Pending {
    Box::pin(async { chosen.await.unwrap_or_default().into_iter().map(|f| f.path().to_owned()).collect() })
}

fn one(chosen: impl Future<Output = Option<FileHandle>> + Send + 'static) -> Pending {
    Box::pin(async { chosen.await.into_iter().map(|f| f.path().to_owned()).collect() })
}

/// The path that `typed` means, where it serves the purpose. Looks at the disk: not for the window's thread.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn check_typed(purpose: PathPurpose, typed: &str, home: Option<&Path>) -> Result<PathBuf, String> {
    let typed = typed.trim();
    // Copied from a file manager or a shell: an address, or quoted.
    let typed = typed.strip_prefix("file://").unwrap_or(typed);
    let quoted = |mark: char| typed.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
    let typed = quoted('"').or_else(|| quoted('\'')).unwrap_or(typed);
    if typed.is_empty() {
        return Err("Type the path of a folder or file".to_owned());
    }
    let path = match (typed.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with(['/', '\\']) => {
            home.join(rest.trim_start_matches(['/', '\\']))
        }
        _ => PathBuf::from(typed),
    };
    if !path.is_absolute() {
        return Err(format!("{typed} is not an absolute path; start at the root or with ~"));
    }
    let fits = match purpose {
        PathPurpose::Export => path.parent().is_some_and(Path::is_dir) && !path.is_dir(),
        // The system's dialogs ask whether to replace a file.
        PathPurpose::ExportSelection | PathPurpose::SaveMap => {
            path.parent().is_some_and(Path::is_dir) && !path.exists()
        }
        PathPurpose::CopyFiles => path.is_dir() || (!path.exists() && path.parent().is_some_and(Path::is_dir)),
        PathPurpose::OpenLibrary | PathPurpose::Model | PathPurpose::ImportModel => path.is_dir(),
        PathPurpose::ImportArchive | PathPurpose::LoadLabels => path.is_file(),
        PathPurpose::AddFolders | PathPurpose::AddFiles => path.exists(),
    };
    match (fits, purpose) {
        (true, _) => Ok(path),
        (false, PathPurpose::ExportSelection | PathPurpose::SaveMap) if path.is_file() => {
            Err(format!("{typed} already exists; choose another name"))
        }
        (false, PathPurpose::Export | PathPurpose::ExportSelection | PathPurpose::SaveMap) => {
            Err(format!("Cannot write to {typed}; choose a file in an existing folder"))
        }
        (false, _) if path.exists() => {
            Err(format!("{typed} is the wrong kind: check whether a file or a folder is needed"))
        }
        (false, _) => Err(format!("{typed} does not exist; check the spelling")),
    }
}

// Tested here.
#[cfg(target_os = "linux")]
mod system {
    /// Whether the portal or zenity can show a dialog. May take seconds where the portal has to be started first.
    pub fn has_file_dialog() -> bool {
        portal().unwrap_or_else(|error| {
            log::info!("no file dialog by the desktop portal: {error}");
            false
        }) || on_path("zenity")
    }

    /// A portal without a back end for files is on the bus, too: only the interface itself tells.
    fn portal() -> zbus::Result<bool> {
        let connection = zbus::blocking::Connection::session()?;
        let (portal, object) = ("org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop");
        let asked = ("org.freedesktop.portal.FileChooser", "version");
        let properties = Some("org.freedesktop.DBus.Properties");
        Ok(connection.call_method(Some(portal), object, properties, "Get", &asked).is_ok())
    }

    fn on_path(program: &str) -> bool {
        std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
    }
}

// Compiled by `scripts/windows` and `scripts/macos-check`; rfd 0.17 draws with the system itself on macOS and Windows.
#[cfg(not(target_os = "linux"))]
mod system {
    pub fn has_file_dialog() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_path_is_taken_as_people_write_it_and_refused_with_the_reason() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("My pictures");
        std::fs::create_dir(&folder).expect("a folder");
        let check = |typed: &str| check_typed(PathPurpose::AddFolders, typed, Some(home.path()));
        let plain = folder.display().to_string();
        for typed in [plain.clone(), format!("  {plain}\n"), format!("\"{plain}\""), "~/My pictures".to_owned()] {
            assert_eq!(check(&typed), Ok(folder.clone()), "{typed}");
        }
        assert!(check("").is_err() && check("pictures").is_err_and(|why| why.contains("absolute path")));
        assert!(check(&format!("{plain}/none")).is_err_and(|why| why.contains("does not exist")));
        let archive = check_typed(PathPurpose::ImportArchive, &plain, None);
        assert!(archive.is_err_and(|why| why.contains("is the wrong kind")));
        let export = |name: &str| check_typed(PathPurpose::Export, &format!("{plain}/{name}"), None);
        assert!(export("vectors.npy").is_ok() && export("none/vectors.npy").is_err());
    }
}
