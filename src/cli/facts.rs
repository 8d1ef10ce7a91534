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
use vicinity_core::{Item, ItemId, Modality, Part, PhotoFacts, photo_lines};
use vicinity_engine::{Snapshot, scan, table_of_file};
use vicinity_media::video;

#[derive(Serialize)]
struct FactsLine<'a> {
    #[serde(flatten)]
    path: JsonPath,
    #[serde(flatten)]
    facts: &'a PhotoFacts,
    #[serde(flatten)]
    file: FileLine,
    #[serde(skip_serializing_if = "String::is_empty")]
    text_in_picture: String,
}

/// What is known of a document or a video as a whole.
#[derive(Default, Serialize)]
struct FileLine {
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frames: Option<u32>,
}

impl FileLine {
    /// Of a file of several parts; adds what it says about itself to the facts of the part that stands for it.
    fn of(snapshot: &Snapshot, item: &Item, facts: &mut PhotoFacts) -> Self {
        let Some(part) = item.part else { return Self::default() };
        let parts = || snapshot.items().filter(|other| other.path == item.path).filter_map(|other| other.part);
        match part {
            Part::Page(_) | Part::PageText(_) => match vicinity_media::pdf_facts(&item.path) {
                Ok(document) => {
                    facts.title = facts.title.take().or(document.title);
                    Self { pages: Some(document.pages), encrypted: Some(document.is_encrypted), frames: None }
                }
                // Pages of a TIFF file.
                Err(_) => Self { pages: parts().filter_map(Part::page).max(), ..Self::default() },
            },
            Part::Frame { .. } => {
                facts.duration_secs = facts.duration_secs.or_else(|| video::duration_secs(&item.path));
                Self { frames: Some(parts().count() as u32), ..Self::default() }
            }
            Part::AnimationFrame(_) => Self { frames: Some(parts().count() as u32), ..Self::default() },
            Part::Row(_) => Self::default(),
        }
    }

    fn lines(&self) -> impl Iterator<Item = (&'static str, String)> {
        let pages = self.pages.map(|pages| ("pages", number(pages.into())));
        let encrypted =
            self.encrypted.map(|yes| ("encrypted", if yes { "yes, but readable" } else { "no" }.to_owned()));
        let frames = self.frames.map(|frames| ("frames", number(frames.into())));
        [pages, encrypted, frames].into_iter().flatten()
    }
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
            if let Err(error) = print_table(&session, path, as_json) {
                print_error(&error.to_string());
                outcome = Outcome::Nothing;
            }
            continue;
        }
        let Some(item) = items.get(path.as_path()).and_then(|id| snapshot.get(*id)) else {
            let failures = session.engine.failures();
            let failure = failures.iter().find(|failure| failure.path == *path);
            let reason = failure.map_or("not in the library", |failure| failure.reason.as_str());
            print_error(&format!("{}: {reason}", file.display()));
            outcome = Outcome::Nothing;
            continue;
        };
        let mut facts = session.engine.facts(item.id);
        let about = FileLine::of(&snapshot, item, &mut facts);
        let text_in_picture = session.engine.picture_text(item.id).text();
        if as_json {
            print_json(&FactsLine { path: path.as_path().into(), facts: &facts, file: about, text_in_picture })?;
        } else {
            print_text(item, &facts, &about, text_in_picture)?;
        }
    }
    Ok(outcome)
}

/// Prints the columns of a table: those in the library, else read now.
fn print_table(session: &Session, path: &Path, as_json: bool) -> anyhow::Result<()> {
    let table = match session.engine.snapshot().tables().get(path) {
        Some(known) => Some(Arc::clone(known)),
        None => table_of_file(path, session.engine.import_options().tables)?.map(Arc::new),
    };
    let table = table.with_context(|| format!("{}: not a table", path.display()))?;
    super::tables::print(path, &table, as_json)
}

fn find<'a>(snapshot: &Snapshot, paths: &'a [PathBuf]) -> HashMap<&'a Path, ItemId> {
    let mut found: HashMap<&Path, Option<&Item>> = paths.iter().map(|path| (path.as_path(), None)).collect();
    // Of the pages of a document and the frames of a video the first picture stands for the file: it has its facts.
    let is_wanted = |item: &&Item| item.part.is_none_or(|part| part.row().is_none());
    let rank = |item: &Item| (item.modality == Modality::Text, item.part);
    for item in snapshot.items().filter(is_wanted) {
        if let Some(known) = found.get_mut(&*item.path)
            && known.is_none_or(|known| rank(item) < rank(known))
        {
            *known = Some(item);
        }
    }
    found.into_iter().filter_map(|(path, item)| Some((path, item?.id))).collect()
}

fn print_text(item: &Item, facts: &PhotoFacts, about: &FileLine, text_in_picture: String) -> anyhow::Result<()> {
    print_line(&item.path.display().to_string())?;
    let size = item.pixels.map(|[width, height]| format!("{} × {}", number(width.into()), number(height.into())));
    let size = size.map(|size| ("size", size));
    let text = (!text_in_picture.is_empty()).then_some(("text", text_in_picture));
    for (name, value) in photo_lines::lines(facts).into_iter().chain(about.lines()).chain(size).chain(text) {
        print_line(&format!("  {name:<9} {}", value.replace('\n', " ")))?;
    }
    Ok(())
}
