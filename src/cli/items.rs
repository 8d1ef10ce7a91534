//! Items as results show them.

use std::collections::HashSet;
use std::path::Path;

use anyhow::Context;

use vicinity_core::{Item, ItemId, Part, format};
use vicinity_engine::Snapshot;
use vicinity_engine::scan::canonical_path;

/// How the words for a part of a file begin (`Part`).
const PART_SEPARATORS: [&str; 4] = [":", ", page ", " at ", ", frame "];

/// The item that results show so: a file, perhaps with a part behind it.
pub fn find(snapshot: &Snapshot, name: &Path) -> anyhow::Result<ItemId> {
    let of = |path: &Path, part: &str| {
        let path = canonical_path(path);
        let is_part = |item: &Item| item.part.map(|part| part.to_string()).unwrap_or_default() == part;
        snapshot.items().find(|item| *item.path == path && is_part(item)).map(|item| item.id)
    };
    let part = || {
        let name = name.to_str()?;
        let ends = PART_SEPARATORS.iter().filter_map(|separator| name.rfind(separator));
        ends.map(|end| name.split_at(end)).find_map(|(file, part)| of(Path::new(file), part))
    };
    of(name, "").or_else(part).with_context(|| match parts(snapshot, &canonical_path(name)) {
        Some(parts) => format!("--like {}: {parts}", name.display()),
        None => format!("--like {}: no such item in the library", name.display()),
    })
}

/// Which parts of a file are items, and how to name one: `the file has 12 pages; name one, as in "a.pdf, page 1"`.
fn parts(snapshot: &Snapshot, path: &Path) -> Option<String> {
    let mut names: Vec<(Part, String)> = Vec::new();
    for item in snapshot.items().filter(|item| *item.path == *path) {
        names.extend(item.part.map(|part| (part, format!("{}{part}", format::file_name(path)))));
    }
    names.sort_unstable();
    let (first, example) = names.first().cloned()?;
    // The text and the picture of a page have one name.
    let count = names.iter().map(|(_, name)| name).collect::<HashSet<_>>().len() as u64;
    let noun = match first {
        Part::Row(_) => "row",
        Part::Page(_) | Part::PageText(_) => "page",
        Part::Frame { .. } | Part::AnimationFrame(_) => "frame",
    };
    let end = if count == 1 { "" } else { "s" };
    Some(format!("the file has {} {noun}{end}; name one, as in \"{example}\"", format::number(count)))
}
