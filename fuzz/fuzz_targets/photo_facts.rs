//! Metadata of pictures: EXIF, XMP, IPTC in all containers, sidecars, names. The first byte says which share of the input is
//! the sidecar; where it is 255, a file is read that is longer than what is read of every file.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use vicinity_media::photo_facts::{PhotoSource, embedded_facts, photo_facts, read_photo};

/// What is read of every file, bytes.
const HEAD: usize = 64 << 10;

fuzz_target!(|data: &[u8]| {
    vicinity_fuzz::end_at_own_panics();
    let Some((share, rest)) = data.split_first() else { return };
    if *share == 255 {
        return by_parts(rest);
    }
    let (sidecar, bytes) = rest.split_at(rest.len() * usize::from(*share) / 254);
    let name = String::from_utf8_lossy(&bytes[..bytes.len().min(24)]).replace(['/', '\0'], "");
    let sidecar = Some(sidecar).filter(|sidecar| !sidecar.is_empty());
    let facts = photo_facts(&PhotoSource { path: Path::new(&name), bytes, sidecar, modified_ns: 0 });
    assert!(facts.taken.is_some(), "at worst it is the time of change");
    let _lines = vicinity_core::photo_lines::lines(&facts);
});

/// The second half is moved behind what is read of every file.
fn by_parts(bytes: &[u8]) {
    let (head, rest) = bytes.split_at(bytes.len() / 2);
    let mut long = head.to_vec();
    long.resize(HEAD.max(head.len()), 0);
    long.extend_from_slice(rest);
    let path = vicinity_fuzz::file("x", &long);
    let mut facts = read_photo(&path, None, 0).expect("it is there");
    // Reading parts finds what reading all of it does, but for the time of the file.
    let mut whole = embedded_facts(&long);
    (facts.taken, whole.taken) = (None, None);
    // Of directories of TIFF no more is read than cameras write.
    let is_tiff = [b"II", b"MM"].iter().any(|mark| long.starts_with(&mark[..]));
    assert!(is_tiff || facts == whole, "{facts:?} instead of {whole:?}");
}
