//! `vicinity search --words`: what contains all words of a text.

use serde::Serialize;

use super::args::{GlobalArgs, SearchArgs};
use super::hits::{TextInPicture, location, note, report_unread_facts};
use super::outcome::Outcome;
use super::output::{JsonPath, print_json, print_line};
use super::session::Session;
use vicinity_core::{Modality, Part};

#[derive(Serialize)]
struct FoundLine<'a> {
    rank: usize,
    modality: Modality,
    #[serde(flatten)]
    path: JsonPath,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snippet: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_in_picture: Option<TextInPicture>,
}

/// Prints what contains all words, the best first.
pub fn search(args: SearchArgs, global: &GlobalArgs) -> anyhow::Result<Outcome> {
    let query = args.text.unwrap_or_default();
    let session = Session::open_truncated(global, args.truncation)?;
    let (snapshot, filter) = (session.engine.snapshot(), args.filter.filter());
    if let Some(condition) = &filter.condition {
        report_unread_facts(&snapshot);
        super::tables::report_unknown_columns(snapshot.tables(), condition);
    }
    let found = session.engine.find_words(&query)?;
    let rows = found.iter().filter_map(|id| snapshot.row_of(*id));
    let items = rows.filter_map(|row| Some((snapshot.item(row)?, snapshot.facts(row))));
    let admitted = items.filter(|(item, facts)| filter.admits(item, *facts)).map(|(item, _)| item);
    let mut outcome = Outcome::Nothing;
    for (rank, item) in (1..).zip(admitted.take(args.k)) {
        outcome = Outcome::Done;
        let text_in_picture = TextInPicture::with_any_word(&session.engine, item, &query);
        if args.json {
            let (modality, path, snippet) = (item.modality, JsonPath::from(&*item.path), item.snippet.as_deref());
            let (row, page) = (item.part.and_then(Part::row), item.part.and_then(Part::page));
            let seconds = item.part.and_then(Part::seconds);
            print_json(&FoundLine { rank, modality, path, row, page, seconds, snippet, text_in_picture })?;
        } else {
            let text = note(text_in_picture.as_ref());
            print_line(&format!("{rank:>3}  {:<5}  {}{text}", item.modality.as_str(), location(item)))?;
        }
    }
    Ok(outcome)
}
