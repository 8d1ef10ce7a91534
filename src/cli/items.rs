//! Items as results show them.

use std::path::Path;

use anyhow::Context;

use vicinity_core::{Item, ItemId};
use vicinity_engine::Snapshot;
use vicinity_engine::scan::canonical_path;

/// How the words for a part of a file begin (`Part`).
const PART_SEPARATORS: [&str; 3] = [":", ", page ", " at "];

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
    of(name, "").or_else(part).with_context(|| format!("--like {}: no such item in the library", name.display()))
}
