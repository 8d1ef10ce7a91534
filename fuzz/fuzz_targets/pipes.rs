//! What other processes write: the helper that decodes, and `ffmpeg`; and the headers of movies. The first byte chooses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vicinity_media::fuzzing;
use vicinity_media::photo_facts::read_photo;

fuzz_target!(|data: &[u8]| {
    vicinity_fuzz::end_at_own_panics();
    let Some((choice, bytes)) = data.split_first() else { return };
    match choice % 6 {
        0 => fuzzing::helper_request(bytes),
        1 => fuzzing::helper_answer(bytes),
        2 => fuzzing::helper_document(bytes),
        3 => fuzzing::video_frames(bytes),
        4 => fuzzing::video_messages(bytes),
        _ => drop(read_photo(&vicinity_fuzz::file("x.mp4", bytes), None, 0)),
    }
});
