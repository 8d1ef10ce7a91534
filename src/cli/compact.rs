//! `vicinity compact`: frees the space of removed items.

use anyhow::anyhow;

use super::args::{CompactArgs, GlobalArgs};
use super::outcome::Outcome;
use super::output::{print_error, print_json, print_line};
use super::session::{self, Session};
use vicinity_core::format::{bytes, number};
use vicinity_engine::{Event, Job};

/// Compacts the library and prints the space before and after.
pub fn run(args: &CompactArgs, global: &GlobalArgs) -> anyhow::Result<Outcome> {
    let session = Session::open_to_write(global)?;
    session.engine.opening_notices().iter().for_each(|notice| print_error(&notice.text));
    session::check_writable(&session.engine)?;
    let answer = |event| if let Event::Compacted(result) = event { Some(result) } else { None };
    let done = session.ask(Job::Compact, answer)?.map_err(|reason| anyhow!(reason))?;
    if args.json {
        print_json(&done)?;
    } else {
        let [before, after] = [done.bytes_before, done.bytes_after].map(bytes);
        print_line(&format!("removed {} vectors: {before} before, {after} after", number(done.vectors_removed)))?;
    }
    Ok(Outcome::Done)
}
