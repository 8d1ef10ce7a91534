//! I/O errors as sentences for the user.

use std::io;

/// An I/O error as a sentence.
pub fn io_sentence(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "The file or folder no longer exists".to_owned(),
        io::ErrorKind::PermissionDenied => "Permission denied; check the permissions of the file or folder".to_owned(),
        io::ErrorKind::IsADirectory => "This is a folder".to_owned(),
        _ => format!("Could not read it: {error}"),
    }
}
