//! PDF documents: the texts of their first pages and, by the first byte, their pictures. These are drawn in a helper process
//! otherwise, with limits of time and memory.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    vicinity_fuzz::end_at_own_panics();
    if let Some((choice, bytes)) = data.split_first() {
        // Drawing takes longest and is the work of others.
        vicinity_media::fuzzing::pdf(bytes, *choice == 1);
    }
});
