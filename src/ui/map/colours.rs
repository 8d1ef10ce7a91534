//! What colour each point has, and the legend that says why. Worked out off the UI thread.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use egui::Color32;

use crate::context::{Applied, ColourBy, Ctx, Root, Snapshot};
use crate::ui::theme::{DARK, LIGHT, Theme};
use vicinity_core::{ItemId, LabelScore, Modality, SearchResult};

use super::marks::MOST_RINGS;

/// Categories that have a colour of their own; the rest is "Other".
const NAMED: usize = 10;

/// Opacity of what is not selected, as a share of what it would be.
const UNSELECTED: f32 = 0.25;

/// An `Arc` that equals only itself: a cheap key for "the same data as before".
#[derive(Debug)]
pub struct Same<T>(pub Arc<T>);

impl<T> Clone for Same<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> PartialEq for Same<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// What colours are made of besides the items: copied only when they are to be made.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The names of the labels.
    names: Vec<String>,
    /// The items that do not step back; empty where all are alike.
    selection: Vec<ItemId>,
}

/// Everything that the categories depend on.
#[derive(Debug, Clone, PartialEq)]
struct CategoryKey {
    snapshot: Same<Snapshot>,
    by: ColourBy,
    labels: Option<Same<Applied>>,
}

/// Everything that the colours depend on.
#[derive(Debug, Clone, PartialEq)]
pub struct ColourKey {
    categories: CategoryKey,
    result: Option<Same<SearchResult>>,
    off: u64,
    /// Of the selection, where that makes the other points step back.
    selection: u64,
    dark: bool,
}

impl ColourKey {
    /// For what `cx` wants shown of `snapshot`.
    pub fn new(cx: &Ctx<'_>, snapshot: &Arc<Snapshot>, dark: bool) -> Self {
        let state = cx.state;
        let result = state.query.result.as_ref().filter(|r| r.epoch == snapshot.epoch());
        // Other names come with other best labels.
        let labels = (state.colour_by == ColourBy::Label).then(|| Same(Arc::clone(&state.labels.applied)));
        let selection = if many(cx).is_empty() { 0 } else { state.selection.stamp() };
        let categories = CategoryKey { snapshot: Same(Arc::clone(snapshot)), by: state.colour_by, labels };
        let off = state.legend_off.iter().filter(|i| **i < 64).fold(0, |mask, i| mask | 1 << i);
        Self { categories, result: result.map(|r| Same(Arc::clone(r))), off, selection, dark }
    }
}

/// The selection, where it is too large for rings.
fn many<'a>(cx: &Ctx<'a>) -> &'a [ItemId] {
    let items = &cx.state.selection.items;
    if items.len() > MOST_RINGS && items.len() < cx.state.snapshot.as_ref().map_or(0, |s| s.len()) {
        items
    } else {
        &[]
    }
}

impl Chosen {
    /// As of now.
    pub fn of(cx: &Ctx<'_>) -> Self {
        Self { names: cx.state.labels.applied.names.clone(), selection: many(cx).to_vec() }
    }
}

/// One line of the legend.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What it is called.
    pub name: String,
    /// Items of it.
    pub count: usize,
    /// Its colour; `None` for grey.
    colour: Option<Swatch>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Swatch {
    Images,
    Texts,
    Category(usize),
}

impl Entry {
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

/// Which category each row belongs to.
#[derive(Debug, Default)]
pub struct Categories {
    /// Index into `entries`, one a row.
    of_row: Vec<u8>,
    /// The legend, largest first.
    pub entries: Vec<Entry>,
}

/// The colours of all rows.
#[derive(Debug)]
pub struct Colours {
    key: ColourKey,
    /// Which category each row belongs to.
    pub categories: Arc<Categories>,
    /// Red, green, blue, opacity (not multiplied), one a row.
    pub rgba: Vec<[u8; 4]>,
    /// The scores at the two ends of the scale, where scores give the colour.
    pub scale: Option<[f32; 2]>,
}

impl Colours {
    /// Works them out; takes what still holds from `before`.
    pub fn new(key: ColourKey, chosen: &Chosen, before: Option<&Self>) -> Self {
        let kept = before.filter(|b| b.key.categories == key.categories).map(|b| Arc::clone(&b.categories));
        let categories = kept.unwrap_or_else(|| Arc::new(categorise(&key.categories, &chosen.names)));
        let theme = if key.dark { &DARK } else { &LIGHT };
        let scores = key.result.as_ref().map(|r| &r.0);
        let by_score = key.categories.by == ColourBy::Similarity;
        let scale = scores.filter(|_| by_score).and_then(|r| scale(r));
        let mut rgba = match scores {
            Some(result) if by_score => by_similarity(key.categories.snapshot.0.len(), result, scale, theme),
            _ => by_category(&categories, scores.is_some(), key.off, theme),
        };
        step_back(&mut rgba, &key.categories.snapshot.0, &chosen.selection);
        Self { key, categories, rgba, scale }
    }

    /// The snapshot whose rows are coloured.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.key.categories.snapshot.0
    }

    /// Whether a row is not switched off in the legend.
    pub fn is_on(&self, row: usize) -> bool {
        let by_score = self.key.categories.by == ColourBy::Similarity;
        by_score || self.categories.of_row.get(row).is_none_or(|c| !off(self.key.off, *c))
    }
}

fn off(mask: u64, category: u8) -> bool {
    mask >> category.min(63) & 1 == 1
}

fn opacity(colour: Color32, opacity: f32) -> [u8; 4] {
    [colour.r(), colour.g(), colour.b(), (opacity * 255.0).round() as u8]
}

/// With a query the points that are no hits step back; switched-off ones nearly vanish.
fn by_category(categories: &Categories, query: bool, mask: u64, theme: &Theme) -> Vec<[u8; 4]> {
    let usual = match (query, theme.dark) {
        (false, _) => 0.88,
        (true, true) => 0.34,
        (true, false) => 0.3,
    };
    let palette: Vec<[u8; 4]> = categories
        .entries
        .iter()
        .enumerate()
        .map(|(i, entry)| {
            // Grey steps back a little behind the named ones.
            let shown = if entry.colour.is_none() { usual * 0.75 } else { usual };
            opacity(entry.colour(theme), if off(mask, i as u8) { 0.05 } else { shown })
        })
        .collect();
    categories.of_row.iter().map(|c| palette.get(usize::from(*c)).copied().unwrap_or_default()).collect()
}

/// What is not selected steps back, where so much is selected that rings would cover it.
fn step_back(rgba: &mut [[u8; 4]], snapshot: &Snapshot, selection: &[ItemId]) {
    if selection.is_empty() {
        return;
    }
    let mut selected = vec![false; rgba.len()];
    for row in selection.iter().filter_map(|id| snapshot.row_of(*id)) {
        if let Some(selected) = selected.get_mut(row) {
            *selected = true;
        }
    }
    for (colour, _) in rgba.iter_mut().zip(selected).filter(|(_, selected)| !selected) {
        colour[3] = (f32::from(colour[3]) * UNSELECTED) as u8;
    }
}

fn by_similarity(rows: usize, result: &SearchResult, scale: Option<[f32; 2]>, theme: &Theme) -> Vec<[u8; 4]> {
    let [low, high] = scale.unwrap_or([0.0, 1.0]);
    let table: Vec<[u8; 4]> =
        (0..=255).map(|i| i as f32 / 255.0).map(|share| opacity(theme.sequential(share), 0.6 + 0.4 * share)).collect();
    let unscored = opacity(theme.other, 0.16);
    let of = |score: f32| {
        let share = (score - low) / (high - low).max(1e-6);
        if score.is_finite() { table[(share.clamp(0.0, 1.0) * 255.0) as usize] } else { unscored }
    };
    let mut rgba: Vec<[u8; 4]> = result.scores.iter().take(rows).map(|s| of(*s)).collect();
    rgba.resize(rows, unscored);
    rgba
}

/// From the middle of all scores (the bulk is alike) to the best.
fn scale(result: &SearchResult) -> Option<[f32; 2]> {
    let step = (result.scores.len() / 4096).max(1);
    let mut sample: Vec<f32> = result.scores.iter().step_by(step).copied().filter(|s| s.is_finite()).collect();
    let high = result.hits.first().map(|h| h.score).or_else(|| sample.iter().copied().reduce(f32::max))?;
    if sample.is_empty() {
        return None;
    }
    let middle = sample.len() / 3;
    let (_, low, _) = sample.select_nth_unstable_by(middle, f32::total_cmp);
    Some([*low, high])
}

fn categorise(key: &CategoryKey, names: &[String]) -> Categories {
    let snapshot = &key.snapshot.0;
    match (key.by, &key.labels) {
        (ColourBy::Folder, _) => by_folder(snapshot),
        (ColourBy::Label, Some(applied)) => by_label(snapshot, names, &applied.0),
        (ColourBy::Modality, _) => by_modality(snapshot),
        _ => {
            let all = Entry { name: "All".to_owned(), count: snapshot.len(), colour: None };
            Categories { of_row: vec![0; snapshot.len()], entries: vec![all] }
        }
    }
}

fn by_modality(snapshot: &Snapshot) -> Categories {
    let entry = |name: &str, modality, colour| Entry {
        name: name.to_owned(),
        count: snapshot.count(modality),
        colour: Some(colour),
    };
    let entries = vec![entry("Images", Modality::Image, Swatch::Images), entry("Texts", Modality::Text, Swatch::Texts)];
    Categories { of_row: snapshot.items().map(|i| i.modality.index() as u8).collect(), entries }
}

/// The folder just below what was added; with several added folders, each with its own name before it.
fn by_folder(snapshot: &Snapshot) -> Categories {
    let roots = &snapshot.parts().roots;
    let mut seen: HashMap<(usize, &[u8]), u32> = HashMap::new();
    let mut names: Vec<String> = Vec::new();
    let mut counts: Vec<usize> = Vec::new();
    let mut of_row: Vec<u32> = Vec::with_capacity(snapshot.len());
    let mut last: Option<((usize, &[u8]), u32)> = None;
    for item in snapshot.items() {
        let key = folder_of(roots, &item.path);
        let category = match last {
            Some((before, category)) if before == key => category,
            _ => *seen.entry(key).or_insert_with(|| {
                names.push(folder_name(roots, key));
                counts.push(0);
                names.len() as u32 - 1
            }),
        };
        last = Some((key, category));
        counts[category as usize] += 1;
        of_row.push(category);
    }
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by(|a, b| counts[*b].cmp(&counts[*a]).then_with(|| names[*a].cmp(&names[*b])));
    largest(&names, &counts, &order, of_row.into_iter().map(Some), "Other")
}

/// Which root an item lies below, and the first folder below that (empty: none).
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

fn by_label(snapshot: &Snapshot, names: &[String], applied: &Applied) -> Categories {
    let mut of_row = vec![None; snapshot.len()];
    for (id, LabelScore { label, .. }) in &applied.best {
        if let Some(row) = snapshot.row_of(*id).filter(|_| *label < names.len()) {
            of_row[row] = Some(*label as u32);
        }
    }
    let mut order = applied.largest_first();
    order.retain(|label| *label < names.len());
    largest(names, &applied.counts, &order, of_row.into_iter(), "Other labels")
}

/// The first of `order` with a colour each, the others together, and those without any.
fn largest(
    names: &[String],
    counts: &[usize],
    order: &[usize],
    of_row: impl Iterator<Item = Option<u32>>,
    rest: &str,
) -> Categories {
    let named = order.len().min(NAMED);
    let mut place = vec![named as u8; names.len()];
    let mut entries: Vec<Entry> = Vec::new();
    for (at, category) in order.iter().take(named).enumerate() {
        place[*category] = at as u8;
        let colour = Some(Swatch::Category(at));
        entries.push(Entry { name: names[*category].clone(), count: counts[*category], colour });
    }
    let others = order.len() > named;
    if others {
        let count = order[named..].iter().map(|i| counts[*i]).sum();
        entries.push(Entry { name: rest.to_owned(), count, colour: None });
    }
    let none = entries.len() as u8;
    let of_row: Vec<u8> = of_row.map(|c| c.map_or(none, |c| place[c as usize])).collect();
    let without = of_row.iter().filter(|c| **c == none).count();
    if without > 0 {
        entries.push(Entry { name: "No label".to_owned(), count: without, colour: None });
    }
    Categories { of_row, entries }
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

    #[test]
    fn the_eleventh_category_is_other() {
        let names: Vec<String> = (0..13).map(|i| format!("f{i:02}")).collect();
        let counts: Vec<usize> = (0..13).map(|i| 20 - i).collect();
        let rows = [Some(0), Some(9), Some(10), Some(12), None];
        let order: Vec<usize> = (0..13).collect();
        let categories = largest(&names, &counts, &order, rows.into_iter(), "Other");
        assert_eq!(categories.of_row, [0, 9, 10, 10, 11]);
        assert_eq!(categories.entries.len(), 12);
        assert_eq!((categories.entries[10].name.as_str(), categories.entries[10].count), ("Other", 10 + 9 + 8));
        assert_eq!(categories.entries[11].name, "No label");
    }

    #[test]
    fn the_scale_runs_from_the_bulk_to_the_best() {
        let scores: Vec<f32> = (0..100).map(|i| i as f32 / 100.0).chain([f32::NAN]).collect();
        let result = SearchResult { scores: scores.into(), ..Default::default() };
        assert_eq!(scale(&result), Some([0.33, 0.99]));
        let rgba = by_similarity(102, &result, scale(&result), &DARK);
        assert_eq!(rgba[0], rgba[33], "the bulk is alike");
        assert!(rgba[99][3] > rgba[60][3] && rgba[60][3] > rgba[100][3], "unscored ones are faintest");
        assert_eq!(rgba[100], rgba[101]);
    }
}
