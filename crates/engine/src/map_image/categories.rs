//! What the colours of a map mean outside the window, and how many items have each.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::Path;

use super::palette::MapPalette;
use crate::snapshot::Snapshot;
use vicinity_core::{Clusters, LabelledItems, Modality};

/// Number of categories with a colour of their own.
const MAX_COLOURED: usize = 10;

/// What makes a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapColouring {
    /// The largest clusters of the map.
    Cluster,
    /// Images and texts.
    Type,
    /// The folders directly below those that were added.
    Folder,
    /// The labels that items were given.
    Label,
}

/// One entry of a legend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapCategory {
    /// Its name.
    pub name: String,
    /// Number of items.
    pub count: usize,
    colour: CategoryColour,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CategoryColour {
    Type(usize),
    Category(usize),
    Other,
}

impl MapCategory {
    /// Its colour, `0xrrggbb`.
    pub fn colour(&self, palette: &MapPalette) -> u32 {
        match self.colour {
            CategoryColour::Type(at) => palette.types[at.min(1)],
            CategoryColour::Category(at) => palette.categories.get(at).copied().unwrap_or(palette.other),
            CategoryColour::Other => palette.other,
        }
    }
}

/// The category of each row, and the legend.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MapCategories {
    /// Index into `entries`, one per row.
    pub of_row: Vec<u8>,
    /// The largest first, then all others, then what has none.
    pub entries: Vec<MapCategory>,
}

impl MapCategories {
    /// Assigns a category to every row. Without names of clusters, or labels, types are the categories.
    pub fn new(
        snapshot: &Snapshot,
        by: MapColouring,
        clusters: Option<&Clusters>,
        labels: Option<&LabelledItems>,
    ) -> Self {
        match (by, clusters, labels) {
            (MapColouring::Cluster, Some(clusters), _) if clusters.all.iter().any(|one| one.name().is_some()) => {
                by_cluster(snapshot, clusters)
            }
            (MapColouring::Label, _, Some(labels)) => by_label(snapshot, labels),
            (MapColouring::Folder, ..) => by_folder(snapshot),
            _ => by_type(snapshot),
        }
    }

    /// The colour of a row, `0xrrggbb`.
    pub fn colour_of(&self, row: usize, palette: &MapPalette) -> u32 {
        let entry = self.of_row.get(row).and_then(|category| self.entries.get(usize::from(*category)));
        entry.map_or(palette.other, |entry| entry.colour(palette))
    }
}

fn by_type(snapshot: &Snapshot) -> MapCategories {
    let there: Vec<Modality> = Modality::ALL.into_iter().filter(|kind| snapshot.count(*kind) > 0).collect();
    let entry = |kind: &Modality| MapCategory {
        name: if *kind == Modality::Image { "Images" } else { "Texts" }.to_owned(),
        count: snapshot.count(*kind),
        colour: CategoryColour::Type(kind.index()),
    };
    let place = |kind: Modality| there.iter().position(|other| *other == kind).unwrap_or(0) as u8;
    let of_row = snapshot.items().map(|item| place(item.modality)).collect();
    MapCategories { of_row, entries: there.iter().map(entry).collect() }
}

fn by_cluster(snapshot: &Snapshot, clusters: &Clusters) -> MapCategories {
    let name = |at: &u32| clusters.all.get(*at as usize).and_then(|cluster| cluster.name());
    let of_row = (0..snapshot.len()).map(|row| clusters.of_row(row).last().filter(|at| name(at).is_some()));
    largest(of_row, |at| name(at).unwrap_or_default().to_owned(), ["Other clusters", "Without a name"])
}

fn by_label(snapshot: &Snapshot, labels: &LabelledItems) -> MapCategories {
    let of_row = snapshot.items().map(|item| labels.best.get(&item.id).map(|score| score.label));
    let name = |label: &usize| labels.set.labels.get(*label).cloned().unwrap_or_default();
    largest(of_row, name, ["Other labels", "No label"])
}

fn by_folder(snapshot: &Snapshot) -> MapCategories {
    let roots: Vec<&Path> = snapshot.parts().roots.iter().map(|root| root.path.as_path()).collect();
    let folder = |path: &Path| {
        let (root, rest) = roots.iter().enumerate().find_map(|(at, root)| Some((at, path.strip_prefix(root).ok()?)))?;
        let below = rest.parent().and_then(|folder| folder.components().next());
        Some((root, below.map(|folder| folder.as_os_str().to_string_lossy().into_owned()).unwrap_or_default()))
    };
    let name = |(root, below): &(usize, String)| {
        let root = roots.get(*root).and_then(|root| root.file_name()).unwrap_or_default().to_string_lossy();
        match (below.is_empty(), roots.len()) {
            (true, _) => root.into_owned(),
            (false, 1) => below.clone(),
            (false, _) => format!("{root} / {below}"),
        }
    };
    largest(snapshot.items().map(|item| folder(&item.path)), name, ["Other folders", "Elsewhere"])
}

/// The largest categories get a colour each, all others share the first of `rest`, and rows without one have the second.
fn largest<K: std::hash::Hash + Eq + Ord + Clone>(
    of_row: impl Iterator<Item = Option<K>>,
    name: impl Fn(&K) -> String,
    rest: [&str; 2],
) -> MapCategories {
    let of_row: Vec<Option<K>> = of_row.collect();
    let mut counts: HashMap<&K, usize> = HashMap::new();
    of_row.iter().flatten().for_each(|key| *counts.entry(key).or_default() += 1);
    let mut order: Vec<(&K, usize)> = counts.into_iter().collect();
    order.sort_by(|a, b| (Reverse(a.1), a.0).cmp(&(Reverse(b.1), b.0)));
    let coloured = order.iter().take(MAX_COLOURED).enumerate().map(|(at, (key, count))| MapCategory {
        name: name(key),
        count: *count,
        colour: CategoryColour::Category(at),
    });
    let mut entries: Vec<MapCategory> = coloured.collect();
    let place: HashMap<&K, u8> =
        order.iter().take(MAX_COLOURED).enumerate().map(|(at, (key, _))| (*key, at as u8)).collect();
    let others: usize = order.iter().skip(MAX_COLOURED).map(|(_, count)| count).sum();
    let without = of_row.iter().filter(|key| key.is_none()).count();
    let mut add = |name: &str, count: usize| {
        if count > 0 {
            entries.push(MapCategory { name: name.to_owned(), count, colour: CategoryColour::Other });
        }
        entries.len() as u8 - u8::from(count > 0)
    };
    let (other, none) = (add(rest[0], others), add(rest[1], without));
    let category = |key: &Option<K>| key.as_ref().map_or(none, |key| place.get(key).copied().unwrap_or(other));
    let of_row = of_row.iter().map(category).collect();
    MapCategories { of_row, entries }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_have_colours_and_the_rest_is_counted() {
        let rows = (0..12u32).flat_map(|key| std::iter::repeat_n(Some(key), 20 - key as usize)).chain([None, None]);
        let found = largest(rows, |key| format!("k{key}"), ["Other", "None"]);
        let names: Vec<&str> = found.entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!((names.len(), names[0], names[9], names[10], names[11]), (12, "k0", "k9", "Other", "None"));
        assert_eq!((found.entries[0].count, found.entries[10].count, found.entries[11].count), (20, 10 + 9, 2));
        assert_eq!(found.entries.iter().map(|entry| entry.count).sum::<usize>(), found.of_row.len());
        assert_eq!((found.of_row[0], found.of_row.last()), (0, Some(&11)));
        let palette = MapPalette::of(true);
        assert_eq!(found.colour_of(0, palette), palette.categories[0]);
        assert_eq!(found.colour_of(99_999, palette), palette.other);
    }
}
