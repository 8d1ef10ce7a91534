//! A helper process for programs that use this crate and are none themselves, such as its tests.

use std::process::ExitCode;

use vicinity_media::{decode_helper, decode_server};

fn main() -> ExitCode {
    if decode_helper::is_helper() { decode_server::serve() } else { ExitCode::FAILURE }
}
