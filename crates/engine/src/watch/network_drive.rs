//! Whether a folder is on a drive that other computers change, too, which no system reports.

use std::path::Path;

/// Types of file systems that are reached over a network, or come from outside a virtual machine (Linux, `mount(8)`).
#[cfg(target_os = "linux")]
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
#[cfg(target_os = "linux")]
pub fn holds(folder: &Path) -> bool {
    // The list is short, and may name drives that do not answer: it is read, they are not.
    let mounts = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    file_system(folder, &mounts).is_some_and(|name| TYPES.contains(&name.as_str()))
}

/// Whether a folder is on such a drive: one with the name of another computer.
#[cfg(windows)]
pub fn holds(folder: &Path) -> bool {
    use std::path::{Component, Prefix};
    let prefix = folder.components().next();
    matches!(prefix, Some(Component::Prefix(prefix)) if matches!(prefix.kind(), Prefix::UNC(..) | Prefix::VerbatimUNC(..)))
}

/// Nobody tells on other systems.
#[cfg(not(any(target_os = "linux", windows)))]
pub fn holds(_: &Path) -> bool {
    false
}

/// The type of the file system that a folder is on, by the kernel's list of mounts (`proc_pid_mountinfo(5)`).
#[cfg(target_os = "linux")]
fn file_system(folder: &Path, mounts: &[u8]) -> Option<String> {
    use std::os::unix::ffi::OsStringExt;
    let mount = |line: &[u8]| {
        let fields: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
        let dash = fields.iter().position(|field| *field == b"-")?;
        let point = std::ffi::OsString::from_vec(unescaped(fields.get(4)?));
        let name = String::from_utf8_lossy(fields.get(dash + 1)?).into_owned();
        Some((std::path::PathBuf::from(point), name))
    };
    let mounts = mounts.split(|b| *b == b'\n').filter_map(mount).filter(|(point, _)| folder.starts_with(point));
    // Of two on one point, the later one hides the earlier one; `max_by_key` returns the last of equal ones.
    mounts.max_by_key(|(point, _)| point.components().count()).map(|(_, name)| name)
}

/// A path without the escapes of blanks and backslashes (`\040`).
#[cfg(target_os = "linux")]
fn unescaped(path: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        let digits =
            after.get(..3).filter(|digits| *first == b'\\' && digits.iter().all(|d| (b'0'..=b'7').contains(d)));
        match digits {
            Some(digits) => {
                bytes.push(digits.iter().fold(0u8, |value, d| value.wrapping_mul(8).wrapping_add(d - b'0')));
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    const MOUNTS: &[u8] = b"22 1 0:21 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
        30 22 0:40 / /home/ann/My\\040NAS rw,nosuid - nfs4 nas:/photos rw,vers=4.2\n\
        31 22 0:41 / /mnt rw - cifs //nas/x rw\n\
        32 31 8:17 / /mnt rw shared:9 master:1 - ext4 /dev/sdb1 rw\n\
        a line that is none\n";

    #[test]
    fn the_innermost_and_latest_mount_holds_a_folder() {
        let on = |folder: &str| file_system(Path::new(folder), MOUNTS).expect("it is mounted");
        assert_eq!(on("/home/ann/My NAS/2024"), "nfs4");
        assert_eq!(on("/home/ann/My"), "ext4");
        assert_eq!(on("/mnt/disk"), "ext4", "mounted over the share");
        assert_eq!(file_system(Path::new("/a"), b""), None);
    }
}
