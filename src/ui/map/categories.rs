//! Categories of items, and the legend that names them. Entries are identified by value ([`LegendKey`]): their position
//! depends on the number of items and changes during an import.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use egui::Color32;

use super::column_colours::{ColumnColours, Ramp};
use crate::context::{AppliedLabels, ColourBy, Ctx, GraphMeasures, LegendKey, Root, Snapshot, VisibleRows};
use crate::ui::theme::Theme;
use vicinity_core::table::ColumnName;
use vicinity_core::{Clusters, ContentHash, Item, ItemGroups, LabelScore, MapQuality, Modality};

use super::arc_key::ArcKey;
use super::fact_categories::FactCategories;

/// Number of categories with their own colour; all others become "Other".
const MAX_COLOURED: usize = 10;

/// Maximum number of legend entries: each is one bit in the mask of hidden entries.
const MAX_LEGEND_ENTRIES: usize = 60;

/// Everything the categories depend on.
#[derive(Debug, Clone, PartialEq)]
pub struct CategoryKey {
    /// The items.
    pub snapshot: ArcKey<Snapshot>,
    /// What makes a category.
    pub by: ColourBy,
    /// The column that does, if one does.
    pub column: Option<ColumnName>,
    labels: Option<ArcKey<AppliedLabels>>,
    clusters: Option<ArcKey<Clusters>>,
    groups: Option<ArcKey<ItemGroups>>,
    graph: Option<ArcKey<GraphMeasures>>,
    quality: Option<ArcKey<MapQuality>>,
    /// Folders, labels or facts that are hidden: they keep their own entry, however few items they have.
    kept: Vec<LegendKey>,
}

impl CategoryKey {
    /// The key for the current state and `snapshot`.
    pub fn new(cx: &Ctx<'_>, snapshot: &Arc<Snapshot>) -> Self {
        let (library, by) = (cx.state.library(), cx.state.preferences.colour_by);
        let labels = (by == ColourBy::Label).then(|| ArcKey(Arc::clone(&library.labels.applied)));
        let clusters = library.clusters.as_ref().filter(|c| by == ColourBy::Cluster && c.epoch == snapshot.epoch());
        let clusters = clusters.map(|clusters| ArcKey(Arc::clone(clusters)));
        let groups = (by == ColourBy::Group).then(|| ArcKey(Arc::clone(&library.groups.all)));
        let by_graph = matches!(by, ColourBy::Typical | ColourBy::Outlier);
        let graph = library.graph.as_ref().filter(|graph| by_graph && graph.epoch == snapshot.epoch());
        let graph = graph.map(|graph| ArcKey(Arc::clone(graph)));
        let quality = library.map_quality.as_ref();
        let quality = quality.filter(|of| by == ColourBy::Preserved && of.epoch == snapshot.epoch());
        let quality = quality.map(|quality| ArcKey(Arc::clone(quality)));
        let kept = library.hidden_legend.iter().filter(|key| match key {
            LegendKey::Folder(_) => by == ColourBy::Folder,
            LegendKey::Label(_) => by == ColourBy::Label,
            LegendKey::Cluster(_) => by == ColourBy::Cluster,
            LegendKey::Group(_) => by == ColourBy::Group,
            LegendKey::Fact(of, _) => by == *of,
            _ => false,
        });
        let kept = kept.take(MAX_LEGEND_ENTRIES - MAX_COLOURED - 2).cloned().collect();
        let column = (by == ColourBy::Column).then(|| ColumnName::new(&cx.state.preferences.colour_column));
        Self { snapshot: ArcKey(Arc::clone(snapshot)), by, column, labels, clusters, groups, graph, quality, kept }
    }
}

/// One entry of the legend.
#[derive(Debug, Clone, PartialEq)]
pub struct LegendEntry {
    /// The value it stands for.
    pub key: LegendKey,
    /// Its name.
    pub name: String,
    /// Number of items.
    pub count: usize,
    /// Its colour; `None` is grey.
    colour: Option<Swatch>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Swatch {
    Images,
    Texts,
    Category(usize),
}

impl LegendEntry {
    /// Whether it has no colour of its own.
    pub fn is_grey(&self) -> bool {
        self.colour.is_none()
    }

    /// Its colour in `theme`.
    pub fn colour(&self, theme: &Theme) -> Color32 {
        match self.colour {
            Some(Swatch::Images) => theme.images,
            Some(Swatch::Texts) => theme.texts,
            Some(Swatch::Category(i)) => theme.category(i),
            None => theme.other,
        }
    }
}

/// The category of each row, and the legend.
#[derive(Debug, Default)]
pub struct Categories {
    /// Index into `entries`, one per row.
    pub of_row: Vec<u8>,
    /// The legend entries with the number of all items, largest first.
    pub entries: Vec<LegendEntry>,
    /// Where points are coloured by numbers or dates, how large those are.
    pub ramp: Option<Ramp>,
}

impl Categories {
    /// Assigns a category to every row.
    pub fn new(key: &CategoryKey) -> Self {
        let snapshot = &key.snapshot.0;
        match (key.by, &key.labels) {
            (ColourBy::Folder, _) => by_folder(snapshot, &key.kept),
            (ColourBy::Label, Some(applied)) => by_label(snapshot, &applied.0, &key.kept),
            (ColourBy::Group, _) => by_group(snapshot, key),
            (ColourBy::Cluster, _) if key.clusters.is_some() => by_cluster(snapshot, key),
            (ColourBy::Modality, _) => by_modality(snapshot),
            (ColourBy::Column, _) => by_column(snapshot, key),
            (ColourBy::Typical | ColourBy::Outlier, _) if key.graph.is_some() => by_measure(snapshot, key),
            (ColourBy::Preserved, _) if key.quality.is_some() => by_measure(snapshot, key),
            (ColourBy::Duplicate, _) => by_content(snapshot),
            (ColourBy::Camera | ColourBy::Year | ColourBy::Rating, _) => by_fact(snapshot, key.by, &key.kept),
            _ => {
                let key = LegendKey::Rest(key.by);
                let all = LegendEntry { key, name: "All".to_owned(), count: snapshot.len(), colour: None };
                Self { of_row: vec![0; snapshot.len()], entries: vec![all], ramp: None }
            }
        }
    }

    /// The legend entries with the number of visible items. Their order and colours do not depend on the filter.
    pub fn legend(&self, visible: &VisibleRows) -> Vec<LegendEntry> {
        let mut entries = self.entries.clone();
        if visible.are_everything() {
            return entries;
        }
        entries.iter_mut().for_each(|entry| entry.count = 0);
        for row in visible.rows() {
            let category = self.of_row.get(row).map(|category| usize::from(*category));
            if let Some(entry) = category.and_then(|category| entries.get_mut(category)) {
                entry.count += 1;
            }
        }
        entries
    }
}

/// The hidden entries as a mask, one bit each.
pub fn hidden_mask(entries: &[LegendEntry], hidden: &BTreeSet<LegendKey>) -> u64 {
    let bits = entries.iter().take(64).enumerate().filter(|(_, entry)| hidden.contains(&entry.key));
    bits.fold(0, |mask, (bit, _)| mask | 1 << bit)
}

/// Whether a category is hidden.
pub fn is_hidden(mask: u64, category: u8) -> bool {
    mask >> category.min(63) & 1 == 1
}

fn by_modality(snapshot: &Snapshot) -> Categories {
    let entry = |name: &str, modality: Modality, colour| LegendEntry {
        key: LegendKey::Modality(modality),
        name: name.to_owned(),
        count: snapshot.count(modality),
        colour: Some(colour),
    };
    let entries = vec![entry("Images", Modality::Image, Swatch::Images), entry("Texts", Modality::Text, Swatch::Texts)];
    Categories { of_row: snapshot.items().map(|i| i.modality.index() as u8).collect(), entries, ramp: None }
}

/// The folder directly below a root, prefixed with the root's name if there are several roots.
fn by_folder(snapshot: &Snapshot, kept: &[LegendKey]) -> Categories {
    let roots = &snapshot.parts().roots;
    let mut seen: HashMap<(usize, &[u8]), u32> = HashMap::new();
    let mut named: Vec<NamedCategory> = Vec::new();
    let mut of_row: Vec<u32> = Vec::with_capacity(snapshot.len());
    let mut last: Option<((usize, &[u8]), u32)> = None;
    for item in snapshot.items() {
        let key = folder_of(roots, &item.path);
        let category = match last {
            Some((before, category)) if before == key => category,
            _ => *seen.entry(key).or_insert_with(|| {
                named.push(NamedCategory { key: folder_key(roots, key), name: folder_name(roots, key), count: 0 });
                named.len() as u32 - 1
            }),
        };
        last = Some((key, category));
        named[category as usize].count += 1;
        of_row.push(category);
    }
    let mut order: Vec<usize> = (0..named.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (&named[*a], &named[*b]);
        b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name))
    });
    let rest = (LegendKey::Rest(ColourBy::Folder), "Other");
    largest(&named, &order, of_row.into_iter().map(Some), [rest, NO_LABEL], kept)
}

/// The root that contains a path, and the first folder below it (empty if there is none).
fn folder_of<'a>(roots: &[Root], path: &'a Path) -> (usize, &'a [u8]) {
    let bytes = path.as_os_str().as_encoded_bytes();
    for (i, root) in roots.iter().enumerate() {
        let root = root.path.as_os_str().as_encoded_bytes();
        let Some(rest) = bytes.strip_prefix(root) else { continue };
        let rest = match rest {
            [] => return (i, &[]),
            [b'/' | b'\\', rest @ ..] => rest,
            _ if matches!(root.last(), Some(b'/' | b'\\')) => rest,
            _ => continue,
        };
        let end = rest.iter().position(|b| matches!(b, b'/' | b'\\')).unwrap_or(0);
        return (i, &rest[..end]);
    }
    (usize::MAX, &[])
}

fn folder_key(roots: &[Root], (root, child): (usize, &[u8])) -> LegendKey {
    match roots.get(root) {
        Some(root) => LegendKey::Folder(root.path.join(String::from_utf8_lossy(child).as_ref())),
        None => LegendKey::Elsewhere,
    }
}

fn folder_name(roots: &[Root], (root, child): (usize, &[u8])) -> String {
    let root_name = roots.get(root).map(|r| {
        let name = r.path.file_name().unwrap_or(r.path.as_os_str());
        name.to_string_lossy().into_owned()
    });
    let child = String::from_utf8_lossy(child);
    match (root_name, child.is_empty()) {
        (None, _) => "Elsewhere".to_owned(),
        (Some(name), true) => name,
        (Some(name), false) if roots.len() > 1 => format!("{name} / {child}"),
        (Some(_), false) => child.into_owned(),
    }
}

fn by_label(snapshot: &Snapshot, applied: &AppliedLabels, kept: &[LegendKey]) -> Categories {
    let names = &applied.names;
    let mut of_row = vec![None; snapshot.len()];
    for (id, LabelScore { label, .. }) in &applied.best {
        if let Some(row) = snapshot.row_of(*id).filter(|_| *label < names.len()) {
            of_row[row] = Some(*label as u32);
        }
    }
    let mut order = applied.largest_first();
    order.retain(|label| *label < names.len());
    let count = |label: usize| applied.counts.get(label).copied().unwrap_or(0);
    let named = names.iter().enumerate().map(|(label, name)| NamedCategory {
        key: LegendKey::Label(name.clone()),
        name: name.clone(),
        count: count(label),
    });
    let rest = (LegendKey::Rest(ColourBy::Label), "Other labels");
    largest(&named.collect::<Vec<_>>(), &order, of_row.into_iter(), [rest, NO_LABEL], kept)
}

/// The largest clusters of the map.
fn by_cluster(snapshot: &Snapshot, key: &CategoryKey) -> Categories {
    let Some(ArcKey(clusters)) = &key.clusters else { return Categories::default() };
    // Clusters of the same name, such as those without one, are one category.
    let mut places: HashMap<&str, u32> = HashMap::new();
    let mut named: Vec<NamedCategory> = Vec::new();
    let mut of_cluster: Vec<Option<u32>> = vec![None; clusters.all.len()];
    for (cluster, place) in clusters.all.iter().zip(&mut of_cluster).filter(|(cluster, _)| cluster.parent.is_none()) {
        let name = cluster.name().unwrap_or("No name");
        let at = *places.entry(name).or_insert_with(|| {
            let key = LegendKey::Cluster(name.to_owned());
            named.push(NamedCategory { key, name: name.to_owned(), count: 0 });
            named.len() as u32 - 1
        });
        if let Some(category) = named.get_mut(at as usize) {
            category.count += cluster.count as usize;
        }
        *place = Some(at);
    }
    let mut order: Vec<usize> = (0..named.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(named[*at].count));
    let of_row = |row: usize| of_cluster.get(clusters.of_row(row).last()? as usize).copied().flatten();
    let rest = (LegendKey::Rest(ColourBy::Cluster), "Other clusters");
    let none = (LegendKey::Unknown(ColourBy::Cluster), "Not placed yet");
    largest(&named, &order, (0..snapshot.len()).map(of_row), [rest, none], &key.kept)
}

/// The first group of each item, in the order in which the groups were made, so that each keeps its colour.
fn by_group(snapshot: &Snapshot, key: &CategoryKey) -> Categories {
    let groups = key.groups.as_ref().map_or(&[][..], |ArcKey(groups)| groups.all());
    let mut of_row: Vec<Option<u32>> = vec![None; snapshot.len()];
    let mut named: Vec<NamedCategory> = Vec::with_capacity(groups.len());
    for (at, group) in groups.iter().enumerate() {
        let rows = group.items().iter().filter_map(|id| snapshot.row_of(*id));
        let mut count = 0;
        for row in rows.filter(|row| *row < snapshot.len()) {
            if of_row[row].is_none() {
                of_row[row] = Some(at as u32);
                count += 1;
            }
        }
        let name = group.name().to_string();
        named.push(NamedCategory { key: LegendKey::Group(name.clone()), name, count });
    }
    let order: Vec<usize> = (0..named.len()).collect();
    let entries =
        [(LegendKey::Rest(ColourBy::Group), "Other groups"), (LegendKey::Unknown(ColourBy::Group), "No group")];
    largest(&named, &order, of_row.into_iter(), entries, &key.kept)
}

/// The camera, year or stars of each photo.
fn by_fact(snapshot: &Snapshot, by: ColourBy, kept: &[LegendKey]) -> Categories {
    let facts = FactCategories::new(snapshot, by);
    let named = facts.named.into_iter().map(|(key, name, count)| NamedCategory { key, name, count });
    let entries = [(LegendKey::Rest(by), "Other"), (LegendKey::Unknown(by), "Not known")];
    largest(&named.collect::<Vec<_>>(), &facts.order, facts.of_row.into_iter(), entries, kept)
}

/// The values of a column: a few of them as categories, numbers and dates by their size.
fn by_column(snapshot: &Snapshot, key: &CategoryKey) -> Categories {
    let Some(column) = &key.column else { return Categories::default() };
    // The same value of another column is another entry.
    let named = |name: &str| LegendKey::Fact(ColourBy::Column, format!("{}: {name}", column.as_str()));
    by_size(ColumnColours::new(snapshot, column), key, named)
}

/// What the nearest neighbours tell of each item.
fn by_measure(snapshot: &Snapshot, key: &CategoryKey) -> Categories {
    let values = match (key.by, &key.graph, &key.quality) {
        (ColourBy::Typical, Some(ArcKey(graph)), _) => &graph.typical,
        (ColourBy::Outlier, Some(ArcKey(graph)), _) => &graph.distance,
        (_, _, Some(ArcKey(quality))) => &quality.preserved,
        _ => return Categories::default(),
    };
    by_size(ColumnColours::of_numbers(values, snapshot.len()), key, |name| LegendKey::Fact(key.by, name.to_owned()))
}

/// Categories as they are, numbers and dates by their size. `named` makes the key of a category of its name.
fn by_size(colours: ColumnColours, key: &CategoryKey, named: impl Fn(&str) -> LegendKey) -> Categories {
    let unknown = (LegendKey::Unknown(key.by), "Not known");
    match colours {
        ColumnColours::Categories { named: values, order, of_row } => {
            let values = values.into_iter().map(|(name, count)| NamedCategory { key: named(&name), name, count });
            let entries = [(LegendKey::Rest(key.by), "Other"), unknown];
            largest(&values.collect::<Vec<_>>(), &order, of_row.into_iter(), entries, &key.kept)
        }
        ColumnColours::Ramp(ramp) => {
            let of_row: Vec<u8> = ramp.shares.iter().map(|share| u8::from(!share.is_nan())).collect();
            let without = of_row.iter().filter(|category| **category == 0).count();
            let (key, name) = unknown;
            let entry = LegendEntry { key, name: name.to_owned(), count: without, colour: None };
            let entries = if without > 0 { vec![entry] } else { Vec::new() };
            Categories { of_row, entries, ramp: Some(ramp) }
        }
    }
}

/// Whether another item has the same content.
fn by_content(snapshot: &Snapshot) -> Categories {
    let mut counts: HashMap<(ContentHash, Modality), u32> = HashMap::new();
    for item in snapshot.items() {
        *counts.entry((item.hash, item.modality)).or_default() += 1;
    }
    let has_other = |item: &Item| counts.get(&(item.hash, item.modality)).is_some_and(|count| *count > 1);
    let of_row: Vec<Option<u32>> = snapshot.items().map(|item| has_other(item).then_some(0)).collect();
    let count = of_row.iter().flatten().count();
    let key = LegendKey::Fact(ColourBy::Duplicate, "duplicate".to_owned());
    let named = [NamedCategory { key, name: "Same content as another".to_owned(), count }];
    let order: &[usize] = if count > 0 { &[0] } else { &[] };
    let rest = (LegendKey::Rest(ColourBy::Duplicate), "Other");
    largest(&named, order, of_row.into_iter(), [rest, (LegendKey::Unknown(ColourBy::Duplicate), "No duplicate")], &[])
}

/// The entry of rows without a label.
const NO_LABEL: (LegendKey, &str) = (LegendKey::Unlabelled, "No label");

/// A category before it is decided whether it gets its own colour.
struct NamedCategory {
    key: LegendKey,
    name: String,
    count: usize,
}

/// The first categories of `order` get a colour each, those in `kept` a grey entry; all others share the entry `rest`, and
/// rows without a category the entry `none`.
fn largest(
    named: &[NamedCategory],
    order: &[usize],
    of_row: impl Iterator<Item = Option<u32>>,
    [rest, none]: [(LegendKey, &str); 2],
    kept: &[LegendKey],
) -> Categories {
    let coloured = order.len().min(MAX_COLOURED);
    let (first, others) = order.split_at(coloured);
    let (own, others): (Vec<usize>, Vec<usize>) = others.iter().partition(|at| kept.contains(&named[**at].key));
    let mut place = vec![(first.len() + own.len()) as u8; named.len()];
    let mut entries: Vec<LegendEntry> = Vec::new();
    for (at, category) in first.iter().chain(&own).enumerate() {
        place[*category] = at as u8;
        let colour = (at < coloured).then_some(Swatch::Category(at));
        let NamedCategory { key, name, count } = &named[*category];
        entries.push(LegendEntry { key: key.clone(), name: name.clone(), count: *count, colour });
    }
    if !others.is_empty() {
        let count = others.iter().map(|i| named[*i].count).sum();
        entries.push(LegendEntry { key: rest.0, name: rest.1.to_owned(), count, colour: None });
    }
    let last = entries.len() as u8;
    let of_row: Vec<u8> = of_row.map(|c| c.map_or(last, |c| place[c as usize])).collect();
    let without = of_row.iter().filter(|c| **c == last).count();
    if without > 0 {
        entries.push(LegendEntry { key: none.0, name: none.1.to_owned(), count: without, colour: None });
    }
    Categories { of_row, entries, ramp: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(path: &str) -> Root {
        Root { path: path.into(), available: true }
    }

    #[test]
    fn names_the_folder_below_the_root() {
        let one = [root("/a/Photos")];
        let name = |roots: &[Root], path: &str| folder_name(roots, folder_of(roots, Path::new(path)));
        assert_eq!(name(&one, "/a/Photos/dogs/2024/x.jpg"), "dogs");
        assert_eq!(name(&one, "/a/Photos/x.jpg"), "Photos");
        assert_eq!(name(&one, "/a/Photos2/dogs/x.jpg"), "Elsewhere");
        let two = [root("/a/Photos"), root("/a/Notes")];
        assert_eq!(name(&two, "/a/Notes/work/x.txt"), "Notes / work");
        assert_eq!(name(&two, "/a/Notes/x.txt"), "Notes");
    }

    /// Thirteen categories with at most 20 items each.
    fn thirteen() -> (Vec<NamedCategory>, Vec<usize>) {
        let named = (0..13).map(|i| {
            let name = format!("f{i:02}");
            NamedCategory { key: LegendKey::Folder(name.clone().into()), name, count: 20 - i }
        });
        (named.collect(), (0..13).collect())
    }

    #[test]
    fn a_hidden_category_stays_hidden_when_others_outgrow_it() {
        let (mut named, mut order) = thirteen();
        let off = BTreeSet::from([LegendKey::Folder("f09".into())]);
        let rows = || [Some(0), Some(9), Some(12)].into_iter();
        let rest = || (LegendKey::Rest(ColourBy::Folder), "Other");
        let kept: Vec<LegendKey> = off.iter().cloned().collect();
        let hidden = |categories: &Categories| -> Vec<bool> {
            let mask = hidden_mask(&categories.entries, &off);
            categories.of_row.iter().map(|c| is_hidden(mask, *c)).collect()
        };
        assert_eq!(hidden(&largest(&named, &order, rows(), [rest(), NO_LABEL], &kept)), [false, true, false]);
        // The two smallest outgrow all others, so every position changes.
        (named[11].count, named[12].count) = (90, 80);
        order.rotate_right(2);
        let categories = largest(&named, &order, rows(), [rest(), NO_LABEL], &kept);
        assert_eq!(hidden(&categories), [false, true, false]);
        assert!(categories.entries.iter().any(|e| e.name == "f09" && e.colour.is_none()), "it can be shown again");
    }

    #[test]
    fn the_eleventh_category_is_other() {
        let (named, order) = thirteen();
        let rows = [Some(0), Some(9), Some(10), Some(12), None];
        let rest = (LegendKey::Rest(ColourBy::Folder), "Other");
        let categories = largest(&named, &order, rows.into_iter(), [rest, NO_LABEL], &[]);
        assert_eq!(categories.of_row, [0, 9, 10, 10, 11]);
        assert_eq!(categories.entries.len(), 12);
        assert_eq!((categories.entries[10].name.as_str(), categories.entries[10].count), ("Other", 10 + 9 + 8));
        assert_eq!(categories.entries[11].name, "No label");
    }
}
