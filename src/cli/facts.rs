//! `vicinity info FILE…`: what is known of photos, and the columns of tables.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use serde::Serialize;

use super::args::GlobalArgs;
use super::outcome::Outcome;
use super::output::{JsonPath, print_error, print_json, print_line};
use super::session::Session;
use vicinity_core::format::number;
use vicinity_core::{Item, ItemId, PhotoFacts, photo_lines};
use vicinity_engine::{Snapshot, scan, table_of_file};

#[derive(Serialize)]
struct FactsLine<'a> {
    #[serde(flatten)]
    path: JsonPath,
    #[serde(flatten)]
    facts: &'a PhotoFacts,
    #[serde(skip_serializing_if = "String::is_empty")]
    text_in_picture: String,
}

/// Prints what is known of each file.
pub fn run(files: &[PathBuf], as_json: bool, global: &GlobalArgs) -> anyhow::Result<Outcome> {
    let session = Session::open(global)?;
    let snapshot = session.engine.snapshot();
    let paths: Vec<PathBuf> = files.iter().map(|file| scan::canonical_path(file)).collect();
    let items = find(&snapshot, &paths);
    let mut outcome = Outcome::Done;
    for (file, path) in files.iter().zip(&paths) {
        if vicinity_media::is_table(path) && !items.contains_key(path.as_path()) {
            if let Err(error) = print_table(&snapshot, path, as_json) {
                print_error(&error.to_string());
                outcome = Outcome::Nothing;
            }
            continue;
        }
        let Some(item) = items.get(path.as_path()).and_then(|id| snapshot.get(*id)) else {
            print_error(&format!("{}: not in the library", file.display()));
            outcome = Outcome::Nothing;
            continue;
        };
        let facts = session.engine.facts(item.id);
        let text_in_picture = session.engine.picture_text(item.id).text();
        if as_json {
            print_json(&FactsLine { path: path.as_path().into(), facts: &facts, text_in_picture })?;
        } else {
            print_text(item, &facts, text_in_picture)?;
        }
    }
    Ok(outcome)
}

/// Prints the columns of a table: those in the library, else read now.
fn print_table(snapshot: &Snapshot, path: &Path, as_json: bool) -> anyhow::Result<()> {
    let table = match snapshot.tables().get(path) {
        Some(known) => Some(Arc::clone(known)),
        None => table_of_file(path)?.map(Arc::new),
    };
    let table = table.with_context(|| format!("{}: not a table", path.display()))?;
    super::tables::print(path, &table, as_json)
}

fn find<'a>(snapshot: &Snapshot, paths: &'a [PathBuf]) -> HashMap<&'a Path, ItemId> {
    let mut found: HashMap<&Path, Option<ItemId>> = paths.iter().map(|path| (path.as_path(), None)).collect();
    // Of the pages of a document and the frames of a video any will do.
    let is_wanted = |item: &&Item| item.part.is_none_or(|part| part.row().is_none());
    for item in snapshot.items().filter(is_wanted) {
        if let Some(id) = found.get_mut(&*item.path) {
            id.get_or_insert(item.id);
        }
    }
    found.into_iter().filter_map(|(path, id)| Some((path, id?))).collect()
}

fn print_text(item: &Item, facts: &PhotoFacts, text_in_picture: String) -> anyhow::Result<()> {
    print_line(&item.path.display().to_string())?;
    let size = item.pixels.map(|[width, height]| format!("{} × {}", number(width.into()), number(height.into())));
    let size = size.map(|size| ("size", size));
    let text = (!text_in_picture.is_empty()).then_some(("text", text_in_picture));
    for (name, value) in photo_lines::lines(facts).into_iter().chain(size).chain(text) {
        print_line(&format!("  {name:<9} {}", value.replace('\n', " ")))?;
    }
    Ok(())
}
