//! Decoders that may run away or abort run in a process of their own, with limits (`docs/adr/0011-decode-helper.md`).
//!
//! The helper is a program that is started with [`FLAG`]: the one that called [`use_this_program`], or one that was named
//! to [`use_program`] or in the variable [`PROGRAM_VARIABLE`]. It gets files on stdin, answers with upright pictures in sRGB on stdout,
//! and ends when its stdin is closed. One that ends early or takes too long is one file's failure; the next file gets a
//! new one. Documents are sent once and then read page by page (`document.rs`).

pub(crate) mod document;
pub(crate) mod document_protocol;
mod process;
pub(crate) mod protocol;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use crate::cancel::CancelFlag;
use crate::error::ReadError;
use crate::formats::PictureFormat;
use process::HelperPool;
use protocol::Decoded;

/// The argument with which a program is a helper and nothing else.
pub const FLAG: &str = "--decode-pictures";
/// Names a program that is a helper when it is started with [`FLAG`], for programs that are none themselves.
pub const PROGRAM_VARIABLE: &str = "VICINITY_DECODE_HELPER";

/// The longest that one picture may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
static POOL: OnceLock<Option<HelperPool>> = OnceLock::new();

/// Whether this process was started as a helper. Then it must do nothing but [`serve`](crate::decode_server::serve).
pub fn is_helper() -> bool {
    std::env::args_os().nth(1).is_some_and(|argument| argument == FLAG)
}

/// From now on helpers are this program, started again. It must check [`is_helper`] first of all.
pub fn use_this_program() {
    // The program's file may be replaced by a newer one while it runs.
    let own = if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }; // Tested here.
    match own {
        Ok(path) => use_program(path),
        Err(error) => log::warn!("the path of this program is not known: {error}"),
    }
}

/// From now on helpers are this program. The first call counts, if it comes before the first picture.
pub fn use_program(path: PathBuf) {
    let _first = PROGRAM.set(path);
}

fn pool() -> Option<&'static HelperPool> {
    let program = || PROGRAM.get().cloned().or_else(|| std::path::absolute(std::env::var_os(PROGRAM_VARIABLE)?).ok());
    POOL.get_or_init(|| program().map(|program| HelperPool::new(program, vec![FLAG.into()], LIMIT))).as_ref()
}

/// Decodes a picture in a helper; `None` where there is no program that could be one.
pub(crate) fn decode(
    bytes: &[u8],
    format: PictureFormat,
    cancelled: &CancelFlag,
) -> Option<Result<Decoded, ReadError>> {
    pool().map(|pool| pool.decode(bytes, format, cancelled))
}
