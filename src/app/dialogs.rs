//! The system's file dialogs. Opened on the main thread, waited for on another, so that the window goes on.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use rfd::{AsyncFileDialog, FileHandle};

/// What a dialog was opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Folders to add.
    AddFolders,
    /// Files to add.
    AddFiles,
    /// A library folder to open.
    OpenLibrary,
    /// The folder of a model, to use it where it is.
    Model,
    /// The folder of a model, to copy it in.
    ImportModel,
    /// The archive of a model, to copy it in.
    ImportArchive,
    /// A file of labels.
    LoadLabels,
    /// Where to write vectors.
    Export,
}

type Pending = Pin<Box<dyn Future<Output = Vec<PathBuf>> + Send>>;

/// Opens a dialog; `done` gets what was chosen (nothing, where it was closed), on another thread.
pub fn open(purpose: Purpose, done: impl FnOnce(Vec<PathBuf>) + Send + 'static) {
    let pending = pending(purpose);
    let wait = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        done(runtime.map(|r| r.block_on(pending)).unwrap_or_default());
    };
    if let Err(error) = std::thread::Builder::new().name("file-dialog".to_owned()).spawn(wait) {
        log::error!("no thread for the file dialog: {error}");
    }
}

fn pending(purpose: Purpose) -> Pending {
    let dialog = AsyncFileDialog::new();
    match purpose {
        Purpose::AddFolders => several(dialog.set_title("Add folders").pick_folders()),
        Purpose::AddFiles => several(dialog.set_title("Add pictures and texts").pick_files()),
        Purpose::OpenLibrary => one(dialog.set_title("Open a library").pick_folder()),
        Purpose::Model => one(dialog.set_title("Choose the folder of a model").pick_folder()),
        Purpose::ImportModel => one(dialog.set_title("Import a model from a folder").pick_folder()),
        Purpose::ImportArchive => {
            let dialog = dialog.set_title("Import a model from an archive");
            one(dialog.add_filter("Archives", &["zip", "tar", "gz", "tgz"]).pick_file())
        }
        Purpose::LoadLabels => {
            one(dialog.set_title("Load labels").add_filter("Text", &["txt", "csv", "tsv"]).pick_file())
        }
        Purpose::Export => {
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
