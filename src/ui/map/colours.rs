//! The colour of each point and the legend that explains it. Computed off the UI thread.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use egui::Color32;

use crate::context::{AppliedLabels, ColourBy, Ctx, LegendKey, Root, Snapshot};
use crate::ui::theme::{DARK, LIGHT, Theme};
use vicinity_core::{Filter, ItemId, LabelScore, Modality, SearchResult};

use super::arc_key::ArcKey;
use super::gpu::{ColourBuffer, Gpu};
use super::layers::MAX_RINGS;

/// Number of categories with their own colour; all others become "Other".
const MAX_COLOURED: usize = 10;

/// Maximum number of legend entries: each is one bit in the mask of hidden entries.
const MAX_LEGEND_ENTRIES: usize = 60;

/// Opacity factor of points that are not selected or not admitted by the filter.
const DIMMED_OPACITY: f32 = 0.25;

/// Inputs of the colours that are copied only when the colours are computed.
#[derive(Debug, Clone)]
pub struct ColourInputs {
    /// Names of the labels.
    names: Vec<String>,
    /// The items that are not dimmed; empty if none is.
    selection: Vec<ItemId>,
}

/// Everything the categories depend on.
#[derive(Debug, Clone, PartialEq)]
struct CategoryKey {
    snapshot: ArcKey<Snapshot>,
    by: ColourBy,
    labels: Option<ArcKey<AppliedLabels>>,
    /// Folders or labels that are hidden: they keep their own entry, however few items they have.
    kept: Vec<LegendKey>,
}

/// Everything the colours depend on.
#[derive(Debug, Clone, PartialEq)]
pub struct ColourKey {
    categories: CategoryKey,
    result: Option<ArcKey<SearchResult>>,
    off: BTreeSet<LegendKey>,
    filter: Filter,
    /// Stamp of the selection, if it dims the other points.
    selection: u64,
    dark: bool,
}

impl ColourKey {
    /// The key for the current state and `snapshot`.
    pub fn new(cx: &Ctx<'_>, snapshot: &Arc<Snapshot>, dark: bool) -> Self {
        let state = cx.state;
        let result = state.library().query.result.as_ref().filter(|r| r.epoch == snapshot.epoch());
        // New label names always come with new best labels.
        let labels = (state.preferences.colour_by == ColourBy::Label)
            .then(|| ArcKey(Arc::clone(&state.library().labels.applied)));
        let selection = if large_selection(cx).is_empty() { 0 } else { state.library().selection.stamp() };
        let kept = state.library().hidden_legend.iter().filter(|key| match key {
            LegendKey::Folder(_) => state.preferences.colour_by == ColourBy::Folder,
            LegendKey::Label(_) => state.preferences.colour_by == ColourBy::Label,
            _ => false,
        });
        let kept = kept.take(MAX_LEGEND_ENTRIES - MAX_COLOURED - 2).cloned().collect();
        let categories =
            CategoryKey { snapshot: ArcKey(Arc::clone(snapshot)), by: state.preferences.colour_by, labels, kept };
        let (off, filter) = (state.library().hidden_legend.clone(), state.library().query.filter.clone());
        Self { categories, result: result.map(|r| ArcKey(Arc::clone(r))), off, filter, selection, dark }
    }
}

/// The selection if it is too large for rings.
fn large_selection<'a>(cx: &Ctx<'a>) -> &'a [ItemId] {
    let items = &cx.state.library().selection.items;
    if items.len() > MAX_RINGS && items.len() < cx.state.library().snapshot.as_ref().map_or(0, |s| s.len()) {
        items
    } else {
        &[]
    }
}

impl ColourInputs {
    /// Copies the current inputs.
    pub fn new(cx: &Ctx<'_>) -> Self {
        Self { names: cx.state.library().labels.applied.names.clone(), selection: large_selection(cx).to_vec() }
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
    of_row: Vec<u8>,
    /// The legend entries, largest first.
    pub entries: Vec<LegendEntry>,
}

/// The colours of all rows.
#[derive(Debug)]
pub struct PointColours {
    key: ColourKey,
    /// The category of each row.
    pub categories: Arc<Categories>,
    /// Red, green, blue, opacity (not premultiplied), one per row.
    pub rgba: Vec<[u8; 4]>,
    /// The colours on the GPU, if any.
    pub buffer: Option<ColourBuffer>,
    /// The scores at both ends of the colour scale, if points are coloured by score.
    pub scale: Option<[f32; 2]>,
    /// Hidden legend entries, one bit each.
    off: u64,
    /// Whether the filter admits each row; `None` if it admits all.
    admitted: Option<Vec<bool>>,
}

impl PointColours {
    /// Computes the colours, reusing what is unchanged from `before`.
    pub fn new(key: ColourKey, inputs: &ColourInputs, before: Option<&Self>, gpu: Option<&Gpu>) -> Self {
        let kept = before.filter(|b| b.key.categories == key.categories).map(|b| Arc::clone(&b.categories));
        let categories = kept.unwrap_or_else(|| Arc::new(categorise(&key.categories, &inputs.names)));
        let theme = if key.dark { &DARK } else { &LIGHT };
        let scores = key.result.as_ref().map(|r| &r.0);
        let by_score = key.categories.by == ColourBy::Similarity;
        let scale = scores.filter(|_| by_score).and_then(|r| scale(r));
        let off = mask(&categories.entries, &key.off);
        let snapshot = &key.categories.snapshot.0;
        // Without matches there is nothing to emphasise, so nothing is dimmed.
        let matching = scores.is_some_and(|result| !result.matching().is_empty());
        let mut rgba = match scores {
            Some(result) if by_score => by_similarity(snapshot.len(), result, scale, theme),
            _ => by_category(&categories, matching, off, theme),
        };
        let admitted = (key.filter != Filter::default())
            .then(|| snapshot.items().map(|item| key.filter.admits(item)).collect::<Vec<bool>>());
        if let Some(admitted) = &admitted {
            dim_except(&mut rgba, admitted);
        }
        if !inputs.selection.is_empty() {
            dim_except(&mut rgba, &rows_of(snapshot, &inputs.selection));
        }
        let buffer = gpu.map(|gpu| gpu.upload_colours(&rgba));
        Self { key, categories, rgba, buffer, scale, off, admitted }
    }

    /// The filter they were computed for.
    pub fn filter(&self) -> &Filter {
        &self.key.filter
    }

    /// The snapshot they were computed for.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.key.categories.snapshot.0
    }

    /// Whether a row is neither hidden in the legend nor excluded by the filter.
    pub fn is_pickable(&self, row: usize) -> bool {
        let by_score = self.key.categories.by == ColourBy::Similarity;
        let admitted = self.admitted.as_ref().is_none_or(|rows| rows.get(row).copied().unwrap_or(false));
        admitted && (by_score || self.categories.of_row.get(row).is_none_or(|c| !off(self.off, *c)))
    }
}

/// The hidden entries, one bit each.
fn mask(entries: &[LegendEntry], off: &BTreeSet<LegendKey>) -> u64 {
    let bits = entries.iter().take(64).enumerate().filter(|(_, entry)| off.contains(&entry.key));
    bits.fold(0, |mask, (bit, _)| mask | 1 << bit)
}

fn off(mask: u64, category: u8) -> bool {
    mask >> category.min(63) & 1 == 1
}

fn opacity(colour: Color32, opacity: f32) -> [u8; 4] {
    [colour.r(), colour.g(), colour.b(), (opacity * 255.0).round() as u8]
}

/// With a query, points that are not hits are dimmed; hidden ones nearly disappear.
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
            // Grey points are a little fainter than coloured ones. Unlabelled items can be so numerous that they
            // would hide the labelled ones.
            let shown = match &entry.key {
                LegendKey::Unlabelled => usual * DIMMED_OPACITY,
                _ if entry.colour.is_none() => usual * 0.75,
                _ => usual,
            };
            opacity(entry.colour(theme), if off(mask, i as u8) { 0.05 } else { shown })
        })
        .collect();
    categories.of_row.iter().map(|c| palette.get(usize::from(*c)).copied().unwrap_or_default()).collect()
}

/// For each row, whether it is one of `items`.
fn rows_of(snapshot: &Snapshot, items: &[ItemId]) -> Vec<bool> {
    let mut rows = vec![false; snapshot.len()];
    for row in items.iter().filter_map(|id| snapshot.row_of(*id)) {
        if let Some(selected) = rows.get_mut(row) {
            *selected = true;
        }
    }
    rows
}

/// Dims all rows except those set in `but`.
fn dim_except(rgba: &mut [[u8; 4]], but: &[bool]) {
    for (colour, _) in rgba.iter_mut().zip(but).filter(|(_, stays)| !**stays) {
        colour[3] = (f32::from(colour[3]) * DIMMED_OPACITY) as u8;
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

/// The range from the 33rd percentile of all scores to the best one, since most scores are similar.
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
        (ColourBy::Folder, _) => by_folder(snapshot, &key.kept),
        (ColourBy::Label, Some(applied)) => by_label(snapshot, names, &applied.0, &key.kept),
        (ColourBy::Modality, _) => by_modality(snapshot),
        _ => {
            let key = LegendKey::Rest(key.by);
            let all = LegendEntry { key, name: "All".to_owned(), count: snapshot.len(), colour: None };
            Categories { of_row: vec![0; snapshot.len()], entries: vec![all] }
        }
    }
}

fn by_modality(snapshot: &Snapshot) -> Categories {
    let entry = |name: &str, modality: Modality, colour| LegendEntry {
        key: LegendKey::Modality(modality.index()),
        name: name.to_owned(),
        count: snapshot.count(modality),
        colour: Some(colour),
    };
    let entries = vec![entry("Images", Modality::Image, Swatch::Images), entry("Texts", Modality::Text, Swatch::Texts)];
    Categories { of_row: snapshot.items().map(|i| i.modality.index() as u8).collect(), entries }
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
    largest(&named, &order, of_row.into_iter().map(Some), rest, kept)
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

fn by_label(snapshot: &Snapshot, names: &[String], applied: &AppliedLabels, kept: &[LegendKey]) -> Categories {
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
    largest(&named.collect::<Vec<_>>(), &order, of_row.into_iter(), rest, kept)
}

/// A category before it is decided whether it gets its own colour.
struct NamedCategory {
    key: LegendKey,
    name: String,
    count: usize,
}

/// The first categories of `order` get a colour each, those in `kept` a grey entry; all others share one entry, and
/// rows without a category another.
fn largest(
    named: &[NamedCategory],
    order: &[usize],
    of_row: impl Iterator<Item = Option<u32>>,
    rest: (LegendKey, &str),
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
    let none = entries.len() as u8;
    let of_row: Vec<u8> = of_row.map(|c| c.map_or(none, |c| place[c as usize])).collect();
    let without = of_row.iter().filter(|c| **c == none).count();
    if without > 0 {
        let key = LegendKey::Unlabelled;
        entries.push(LegendEntry { key, name: "No label".to_owned(), count: without, colour: None });
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
            let mask = mask(&categories.entries, &off);
            categories.of_row.iter().map(|c| super::off(mask, *c)).collect()
        };
        assert_eq!(hidden(&largest(&named, &order, rows(), rest(), &kept)), [false, true, false]);
        // The two smallest outgrow all others, so every position changes.
        (named[11].count, named[12].count) = (90, 80);
        order.rotate_right(2);
        let categories = largest(&named, &order, rows(), rest(), &kept);
        assert_eq!(hidden(&categories), [false, true, false]);
        assert!(categories.entries.iter().any(|e| e.name == "f09" && e.colour.is_none()), "it can be shown again");
    }

    #[test]
    fn the_eleventh_category_is_other() {
        let (named, order) = thirteen();
        let rows = [Some(0), Some(9), Some(10), Some(12), None];
        let rest = (LegendKey::Rest(ColourBy::Folder), "Other");
        let categories = largest(&named, &order, rows.into_iter(), rest, &[]);
        assert_eq!(categories.of_row, [0, 9, 10, 10, 11]);
        assert_eq!(categories.entries.len(), 12);
        assert_eq!((categories.entries[10].name.as_str(), categories.entries[10].count), ("Other", 10 + 9 + 8));
        assert_eq!(categories.entries[11].name, "No label");
    }

    #[test]
    fn the_scale_runs_from_typical_scores_to_the_best() {
        let scores: Vec<f32> = (0..100).map(|i| i as f32 / 100.0).chain([f32::NAN]).collect();
        let result = SearchResult { scores: scores.into(), ..Default::default() };
        assert_eq!(scale(&result), Some([0.33, 0.99]));
        let rgba = by_similarity(102, &result, scale(&result), &DARK);
        assert_eq!(rgba[0], rgba[33], "most scores look the same");
        assert!(rgba[99][3] > rgba[60][3] && rgba[60][3] > rgba[100][3], "unscored points are the faintest");
        assert_eq!(rgba[100], rgba[101]);
    }
}
