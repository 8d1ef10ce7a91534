//! The kernel's list of mounted file systems.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// The type of the file system that a folder is on, by the kernel's list of mounts (`proc_pid_mountinfo(5)`).
pub fn file_system(folder: &Path, mounts: &[u8]) -> Option<String> {
    let mount = |line: &[u8]| {
        let fields: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
        let dash = fields.iter().position(|field| *field == b"-")?;
        let point = OsString::from_vec(unescaped(fields.get(4)?));
        let name = String::from_utf8_lossy(fields.get(dash + 1)?).into_owned();
        Some((PathBuf::from(point), name))
    };
    let mounts = mounts.split(|b| *b == b'\n').filter_map(mount).filter(|(point, _)| folder.starts_with(point));
    // Of two on one point, the later one hides the earlier one; `max_by_key` returns the last of equal ones.
    mounts.max_by_key(|(point, _)| point.components().count()).map(|(_, name)| name)
}

/// A path without the escapes of blanks and backslashes (`\040`).
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

#[cfg(test)]
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
