//! The colour of each point, by category or score, filter and selection. Computed off the UI thread.

use std::collections::BTreeSet;
use std::sync::Arc;

use egui::Color32;

use crate::context::{ColourBy, Ctx, FilterDisplay, LegendKey, Selection, Snapshot, VisibleRows};
use crate::ui::theme::{DARK, LIGHT, Theme};
use vicinity_core::{Filter, ItemId, SearchResult};

use super::arc_key::ArcKey;
use super::categories::{Categories, CategoryKey, LegendEntry, hidden_mask, is_hidden};
use super::gpu::{ColourBuffer, Gpu};
use super::layers::MAX_RINGS;

/// Opacity factor of points that are not selected or not admitted by the filter.
const DIMMED_OPACITY: f32 = 0.25;

/// Everything the colours depend on.
#[derive(Debug, Clone, PartialEq)]
pub struct ColourKey {
    categories: CategoryKey,
    result: Option<ArcKey<SearchResult>>,
    hidden: BTreeSet<LegendKey>,
    filter: Filter,
    display: FilterDisplay,
    /// The selection, if it dims the other points.
    selection: Option<ArcKey<Selection>>,
    dark: bool,
}

impl ColourKey {
    /// The key for the current state and `snapshot`.
    pub fn new(cx: &Ctx<'_>, snapshot: &Arc<Snapshot>, dark: bool) -> Self {
        let (library, preferences) = (cx.state.library(), &cx.state.preferences);
        let result = library.query.result.as_ref().filter(|r| r.epoch == snapshot.epoch());
        let selection = Some(&library.selection).filter(|s| (MAX_RINGS + 1..snapshot.len()).contains(&s.items.len()));
        Self {
            categories: CategoryKey::new(cx, snapshot),
            result: result.map(|r| ArcKey(Arc::clone(r))),
            hidden: library.hidden_legend.clone(),
            // Until a new filter is evaluated, the map shows the old one, as the gallery does.
            filter: library.visible.as_ref().map(|rows| rows.filter().clone()).unwrap_or_default(),
            display: preferences.filter_display,
            selection: selection.map(|s| ArcKey(Arc::clone(s))),
            dark,
        }
    }
}

/// The colours of all rows.
#[derive(Debug)]
pub struct PointColours {
    key: ColourKey,
    categories: Arc<Categories>,
    /// The legend, with the number of visible items.
    pub legend: Vec<LegendEntry>,
    /// Red, green, blue, opacity (not premultiplied), one per row.
    pub rgba: Vec<[u8; 4]>,
    /// The colours on the GPU, if any.
    pub buffer: Option<ColourBuffer>,
    /// The scores at both ends of the colour scale, if points are coloured by score.
    pub scale: Option<[f32; 2]>,
    /// Hidden legend entries, one bit each.
    hidden: u64,
    /// The rows that the filter admits.
    visible: Arc<VisibleRows>,
    /// Whether what does not match the search is hidden.
    hides_misses: bool,
}

impl PointColours {
    /// Computes the colours, reusing what is unchanged from `before`. `known` are visible rows of the key's filter,
    /// perhaps of an older snapshot.
    pub fn new(key: ColourKey, known: Option<Arc<VisibleRows>>, before: Option<&Self>, gpu: Option<&Gpu>) -> Self {
        let kept = before.filter(|b| b.key.categories == key.categories).map(|b| Arc::clone(&b.categories));
        let categories = kept.unwrap_or_else(|| Arc::new(Categories::new(&key.categories)));
        let snapshot = &key.categories.snapshot.0;
        let visible = known.filter(|rows| rows.are_of(snapshot, &key.filter)).unwrap_or_else(|| {
            let before = before.map(|b| &*b.visible);
            Arc::new(VisibleRows::new(Arc::clone(snapshot), key.filter.clone(), before))
        });
        let theme = if key.dark { &DARK } else { &LIGHT };
        let scores = key.result.as_ref().map(|r| &r.0);
        let by_score = key.categories.by == ColourBy::Similarity;
        let scale = scores.filter(|_| by_score).and_then(|r| scale(r));
        let hidden = hidden_mask(&categories.entries, &key.hidden);
        // Without matches there is nothing to emphasise, so nothing is dimmed.
        let matching = scores.is_some_and(|result| !result.matching().is_empty());
        let mut rgba = match scores {
            Some(result) if by_score => by_similarity(snapshot.len(), result, scale, theme),
            _ => by_category(&categories, matching, hidden, theme),
        };
        if let Some(ramp) = &categories.ramp {
            colour_by_ramp(&mut rgba, &ramp.shares, matching, theme);
        }
        if !visible.are_everything() {
            let excluded = if key.display == FilterDisplay::Filter { 0.0 } else { DIMMED_OPACITY };
            dim(&mut rgba, excluded, |row| visible.contains(row));
        }
        let hides_misses = matching && key.display == FilterDisplay::Filter;
        if let Some(result) = scores.filter(|_| hides_misses) {
            dim(&mut rgba, 0.0, |row| result.is_match(row));
        }
        if let Some(selection) = &key.selection {
            let selected = rows_of(snapshot, &selection.0.items);
            dim(&mut rgba, DIMMED_OPACITY, |row| selected.get(row).copied().unwrap_or(false));
        }
        let legend = categories.legend(&visible);
        let buffer = gpu.map(|gpu| gpu.upload_colours(&rgba));
        Self { key, categories, legend, rgba, buffer, scale, hidden, visible, hides_misses }
    }

    /// All items of an entry of the legend, visible or not.
    pub fn total(&self, entry: usize) -> usize {
        self.categories.entries.get(entry).map_or(0, |entry| entry.count)
    }

    /// What the ends of the scale stand for, if points are coloured by numbers or dates of a column.
    pub fn ramp_limits(&self) -> Option<&[String; 2]> {
        self.categories.ramp.as_ref().map(|ramp| &ramp.limits)
    }

    /// The snapshot they were computed for.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.key.categories.snapshot.0
    }

    /// The rows that the filter admits.
    pub fn visible(&self) -> &VisibleRows {
        &self.visible
    }

    /// The search whose misses are not drawn at all, if any.
    pub fn hiding_search(&self) -> Option<&ArcKey<SearchResult>> {
        self.key.result.as_ref().filter(|_| self.hides_misses)
    }

    /// Whether any points are not drawn because of the filter or the search.
    pub fn hides_any(&self) -> bool {
        self.hiding_filter().is_some() || self.hiding_search().is_some()
    }

    /// The filter whose excluded points are not drawn at all, if any.
    pub fn hiding_filter(&self) -> Option<&Filter> {
        Some(&self.key.filter).filter(|filter| self.key.display == FilterDisplay::Filter && !filter.is_empty())
    }

    /// Whether a row is neither hidden in the legend nor excluded by the filter, nor hidden by a search. Only such rows are
    /// enclosed by a lasso.
    pub fn is_visible(&self, row: usize) -> bool {
        self.visible.contains(row) && !self.is_hidden_miss(row) && self.is_in_legend(row)
    }

    /// Whether a row is drawn, though perhaps faded. Only such rows are found by the pointer.
    pub fn is_drawn(&self, row: usize) -> bool {
        !self.is_filtered_out(row) && self.is_in_legend(row)
    }

    /// Whether a row is not drawn because the filter excludes it, or the search does not find it.
    pub fn is_filtered_out(&self, row: usize) -> bool {
        self.key.display == FilterDisplay::Filter && !self.visible.contains(row) || self.is_hidden_miss(row)
    }

    fn is_hidden_miss(&self, row: usize) -> bool {
        self.hiding_search().is_some_and(|result| !result.0.is_match(row))
    }

    /// Whether a row is not hidden in the legend.
    fn is_in_legend(&self, row: usize) -> bool {
        let by_score = self.key.categories.by == ColourBy::Similarity;
        by_score || self.categories.of_row.get(row).is_none_or(|category| !is_hidden(self.hidden, *category))
    }
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
                LegendKey::Unlabelled | LegendKey::Unknown(_) => usual * DIMMED_OPACITY,
                _ if entry.is_grey() => usual * 0.75,
                _ => usual,
            };
            opacity(entry.colour(theme), if is_hidden(mask, i as u8) { 0.05 } else { shown })
        })
        .collect();
    categories.of_row.iter().map(|c| palette.get(usize::from(*c)).copied().unwrap_or_default()).collect()
}

/// With a query, points that are not hits are dimmed, as categories are.
fn colour_by_ramp(rgba: &mut [[u8; 4]], shares: &[f32], query: bool, theme: &Theme) {
    let usual = if query { 0.34 } else { 0.9 };
    let table: Vec<[u8; 4]> = (0..=255).map(|i| opacity(theme.sequential(i as f32 / 255.0), usual)).collect();
    for (colour, share) in rgba.iter_mut().zip(shares).filter(|(_, share)| !share.is_nan()) {
        *colour = table.get((share.clamp(0.0, 1.0) * 255.0) as usize).copied().unwrap_or_default();
    }
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

/// Multiplies the opacity of all rows by `factor`, except those to `keep`.
fn dim(rgba: &mut [[u8; 4]], factor: f32, keep: impl Fn(usize) -> bool) {
    for (_, colour) in rgba.iter_mut().enumerate().filter(|(row, _)| !keep(*row)) {
        colour[3] = (f32::from(colour[3]) * factor) as u8;
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

#[cfg(test)]
mod tests {
    use super::*;

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
