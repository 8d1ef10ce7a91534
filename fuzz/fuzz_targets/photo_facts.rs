//! Metadata of pictures: EXIF, XMP, IPTC in all containers, sidecars, names. The first byte says which share of the input is
//! the sidecar.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use vicinity_media::photo_facts::{PhotoSource, photo_facts};

fuzz_target!(|data: &[u8]| {
    vicinity_fuzz::end_at_own_panics();
    let Some((share, rest)) = data.split_first() else { return };
    let (sidecar, bytes) = rest.split_at(rest.len() * usize::from(*share) / 255);
    let name = String::from_utf8_lossy(&bytes[..bytes.len().min(24)]).replace(['/', '\0'], "");
    let sidecar = Some(sidecar).filter(|sidecar| !sidecar.is_empty());
    let facts = photo_facts(&PhotoSource { path: Path::new(&name), bytes, sidecar, modified_ns: 0 });
    assert!(facts.taken.is_some(), "at worst it is the time of change");
});
