//! `vicinity info FILE…`: what is known of photos.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::args::GlobalArgs;
use super::outcome::Outcome;
use super::output::{JsonPath, print_error, print_json, print_line};
use super::session::Session;
use vicinity_core::format::number;
use vicinity_core::{Item, ItemId, PhotoFacts, photo_lines};
use vicinity_engine::{Snapshot, scan};

#[derive(Serialize)]
struct FactsLine<'a> {
    #[serde(flatten)]
    path: JsonPath,
    #[serde(flatten)]
    facts: &'a PhotoFacts,
}

/// Prints what is known of each file.
pub fn run(files: &[PathBuf], as_json: bool, global: &GlobalArgs) -> anyhow::Result<Outcome> {
    let session = Session::open(global)?;
    let snapshot = session.engine.snapshot();
    let paths: Vec<PathBuf> = files.iter().map(|file| scan::canonical_path(file)).collect();
    let items = find(&snapshot, &paths);
    let mut outcome = Outcome::Done;
    for (file, path) in files.iter().zip(&paths) {
        let Some(item) = items.get(path.as_path()).and_then(|id| snapshot.get(*id)) else {
            print_error(&format!("{}: not in the library", file.display()));
            outcome = Outcome::Nothing;
            continue;
        };
        let facts = session.engine.facts(item.id);
        if as_json {
            print_json(&FactsLine { path: path.as_path().into(), facts: &facts })?;
        } else {
            print_text(item, &facts)?;
        }
    }
    Ok(outcome)
}

fn find<'a>(snapshot: &Snapshot, paths: &'a [PathBuf]) -> HashMap<&'a Path, ItemId> {
    let mut found: HashMap<&Path, Option<ItemId>> = paths.iter().map(|path| (path.as_path(), None)).collect();
    for item in snapshot.items().filter(|item| item.part.is_none()) {
        if let Some(id) = found.get_mut(&*item.path) {
            *id = Some(item.id);
        }
    }
    found.into_iter().filter_map(|(path, id)| Some((path, id?))).collect()
}

fn print_text(item: &Item, facts: &PhotoFacts) -> anyhow::Result<()> {
    print_line(&item.path.display().to_string())?;
    let size = item.pixels.map(|[width, height]| format!("{} × {}", number(width.into()), number(height.into())));
    let size = size.map(|size| ("size", size));
    for (name, value) in photo_lines::lines(facts).into_iter().chain(size) {
        print_line(&format!("  {name:<9} {}", value.replace('\n', " ")))?;
    }
    Ok(())
}
