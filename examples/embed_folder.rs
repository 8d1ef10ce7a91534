//! Embeds every picture and text of a folder with the built-in model, and prints the two that are most alike.
//!
//! `cargo run --release --example embed_folder -- FOLDER`

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use vicinity_core::Embedding;
use vicinity_engine::scan::{DEFAULT_EXCLUDES, Excludes, scan};
use vicinity_engine::{file_content, searcher};
use vicinity_media::ReadOptions;
use vicinity_models::{Model, TextOptions, builtin};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: embed_folder FOLDER")?;
    let model = builtin::load()?;
    let mut embedded = Vec::new();
    for path in files(Path::new(&folder))? {
        match embed(&model, &path) {
            Ok(vector) => embedded.push((path, vector)),
            Err(reason) => eprintln!("{reason}"),
        }
    }
    println!("{} files, {} dimensions each", embedded.len(), model.info.key.dim);
    let pairs = embedded.iter().enumerate().flat_map(|(at, a)| embedded[..at].iter().map(move |b| (a, b)));
    let closest = pairs.max_by(|(a, b), (c, d)| a.1.cosine(&b.1).total_cmp(&c.1.cosine(&d.1)));
    if let Some((a, b)) = closest {
        println!("most alike ({:.3}): {} and {}", a.1.cosine(&b.1), a.0.display(), b.0.display());
    }
    Ok(())
}

/// The files of a folder, without hidden ones and those that an import skips.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let patterns: Vec<String> = DEFAULT_EXCLUDES.iter().map(|pattern| (*pattern).to_owned()).collect();
    let excludes = Excludes::new(&patterns)?;
    let mut paths = Vec::new();
    scan(&[folder.to_owned()], &excludes, &AtomicBool::new(false), &mut |found| {
        paths.extend(found.map(|candidate| candidate.path));
    });
    Ok(paths)
}

fn embed(model: &Model, path: &Path) -> Result<Embedding, Box<dyn Error>> {
    let content = file_content::open(path, ReadOptions::default())?;
    Ok(searcher::embed_content(model, content, TextOptions::default())?.embedding)
}
