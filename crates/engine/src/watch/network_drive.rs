//! Whether a folder is on a drive that other computers change, too, which no system reports.

use std::path::Path;

/// Types of file systems that are reached over a network, or come from outside a virtual machine (Linux, `mount(8)`).
#[cfg(target_os = "linux")] // Tested here.
const TYPES: &[&str] = &[
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "davfs",
    "fuse.glusterfs",
    "fuse.rclone",
    "fuse.sshfs",
    "fuse.davfs2",
    "fuse.gvfsd-fuse",
    "fuse.s3fs",
    "gfs2",
    "glusterfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "smb3",
    "smbfs",
    "vboxsf",
    "virtiofs",
    "vmhgfs",
    "fuse.vmhgfs-fuse",
];

/// Whether a folder is on such a drive.
#[cfg(target_os = "linux")] // Tested here.
pub fn holds(folder: &Path) -> bool {
    // The list is short, and may name drives that do not answer: it is read, they are not.
    let mounts = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    super::mounts::file_system(folder, &mounts).is_some_and(|name| TYPES.contains(&name.as_str()))
}

/// Whether a folder is on such a drive: one with the name of another computer.
#[cfg(windows)] // Tested by `scripts/windows`.
pub fn holds(folder: &Path) -> bool {
    use std::path::{Component, Prefix};
    let prefix = folder.components().next();
    matches!(prefix, Some(Component::Prefix(prefix)) if matches!(prefix.kind(), Prefix::UNC(..) | Prefix::VerbatimUNC(..)))
}

/// Other systems are not asked.
#[cfg(not(any(target_os = "linux", windows)))] // Checked by `scripts/macos-check`.
pub fn holds(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_folder_is_on_no_network_drive() {
        assert!(!holds(&std::env::temp_dir()));
        // Tested by `scripts/windows`; elsewhere this is a name like any other.
        assert_eq!(holds(Path::new(r"\\nas\photos\2024")), cfg!(windows));
    }
}
