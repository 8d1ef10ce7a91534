//! `vicinity search --words`: what contains all words of a text.

use serde::Serialize;

use super::args::{GlobalArgs, SearchArgs};
use super::hits::{ItemFields, TextInPicture, location, note};
use super::outcome::Outcome;
use super::output::{print_json, print_line};
use super::session::Session;

#[derive(Serialize)]
struct FoundLine<'a> {
    rank: usize,
    #[serde(flatten)]
    item: ItemFields<'a>,
}

/// Prints what contains all words, the best first.
pub fn search(args: SearchArgs, global: &GlobalArgs) -> anyhow::Result<Outcome> {
    let query = args.text.unwrap_or_default();
    let session = Session::open_truncated(global, args.truncation)?;
    let (snapshot, filter) = (session.engine.snapshot(), args.filter.filter());
    super::tables::check_names(&snapshot, &filter)?;
    let found = session.engine.find_words(&query)?;
    let rows = found.iter().filter_map(|id| snapshot.row_of(*id));
    let items = rows.filter_map(|row| Some((snapshot.item(row)?, snapshot.facts(row))));
    let admitted = items.filter(|(item, facts)| filter.admits(item, *facts)).map(|(item, _)| item);
    let mut outcome = Outcome::Nothing;
    for (rank, item) in (1..).zip(admitted.take(args.k)) {
        outcome = Outcome::Done;
        let text_in_picture = TextInPicture::with_any_word(&session.engine, item, &query);
        if args.json {
            print_json(&FoundLine { rank, item: ItemFields::new(item, text_in_picture) })?;
        } else {
            let text = note(text_in_picture.as_ref());
            print_line(&format!("{rank:>3}  {:<5}  {}{text}", item.modality.as_str(), location(item)))?;
        }
    }
    Ok(outcome)
}
