//! Imports a folder into a library and searches it by meaning.
//!
//! `cargo run --release --example search_library -- FOLDER LIBRARY a dog on a beach`

use std::error::Error;
use std::path::{Path, PathBuf};

use vicinity_core::{Query, QueryPart};
use vicinity_engine::{Engine, Event, Job, SearchSlot};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, library, words @ ..] = arguments.as_slice() else {
        return Err("usage: search_library FOLDER LIBRARY WORDS…".into());
    };
    // the closure is called when there are events; a window would ask for a repaint
    let engine = Engine::open(Path::new(library), || {})?;

    engine.submit(Job::Add(vec![PathBuf::from(folder)]));
    for event in engine.events() {
        match event {
            Event::Progress(progress) => println!("{} of {}", progress.done, progress.total),
            Event::Notice(notice) => println!("{}", notice.text),
            Event::ImportFinished(summary) => {
                println!("{} images, {} texts", summary.images, summary.texts);
                break;
            }
            _ => {}
        }
    }

    let query = Query { parts: vec![QueryPart::Text(words.join(" "))], k: 5, ..Query::default() };
    engine.submit(Job::Search { slot: SearchSlot::Results, ticket: 1, query });
    let result = engine.events().iter().find_map(|event| match event {
        Event::SearchDone { result, .. } => Some(result),
        _ => None,
    });
    let snapshot = engine.snapshot();
    for hit in &result.ok_or("the library was closed")??.hits {
        if let Some(item) = snapshot.get(hit.item) {
            println!("{:.3}  {}", hit.score, item.path.display());
        }
    }
    Ok(())
}
