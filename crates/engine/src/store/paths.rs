//! Paths as bytes, so that names which are not UTF-8 survive the catalog.

use std::path::{Path, PathBuf};

/// The bytes that stand for `path` in the catalog.
// Tested here; macOS has the same calls.
#[cfg(unix)]
pub(crate) fn to_bytes(path: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str().as_bytes().to_vec()
}

/// The path that `bytes` stand for.
// Tested here; macOS has the same calls.
#[cfg(unix)]
pub(crate) fn from_bytes(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// The bytes that stand for `path` in the catalog: UTF-16, little-endian, unpaired surrogates and all.
// Tested by `scripts/windows`, names that are no Unicode among them.
#[cfg(windows)]
pub(crate) fn to_bytes(path: &Path) -> Vec<u8> {
    use std::os::windows::ffi::OsStrExt;
    path.as_os_str().encode_wide().flat_map(u16::to_le_bytes).collect()
}

/// The path that `bytes` stand for.
// Tested by `scripts/windows`, names that are no Unicode among them.
#[cfg(windows)]
pub(crate) fn from_bytes(bytes: &[u8]) -> PathBuf {
    use std::os::windows::ffi::OsStringExt;
    let wide: Vec<u16> = bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
    PathBuf::from(std::ffi::OsString::from_wide(&wide))
}
