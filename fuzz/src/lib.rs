//! What the fuzz targets share.

use std::path::Path;
use std::sync::Once;

/// From now on only a panic in the code of this project ends the run. Decoders of others may panic: the readers catch that,
/// and it costs one file.
pub fn end_at_own_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // In place of the fuzzer's, which ends the run at any panic.
        std::panic::set_hook(Box::new(|panic| {
            let is_ours = |file: &str| !file.contains("registry") && (file.contains("crates/") || file.contains("fuzz"));
            if panic.location().is_some_and(|place| is_ours(&place.file().replace('\\', "/"))) {
                eprintln!("{panic}");
                std::process::abort();
            }
        }));
    });
}

/// A file name with one of these endings, chosen by the first byte of the input, and the rest of the input.
pub fn named<'a>(data: &'a [u8], endings: &[&'static str]) -> Option<(&'static Path, &'a [u8])> {
    let (first, rest) = data.split_first()?;
    let name = endings.get(usize::from(*first) % endings.len())?;
    Some((Path::new(name), rest))
}
