//! What the script of a report draws, as JSON.

use std::collections::{HashMap, HashSet};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Serialize;

use super::atlas::Atlas;
use crate::map_image::{MapDrawing, MapPalette, css, placed};
use vicinity_core::path_bytes::path_text;
use vicinity_core::{Cluster, ItemId, MapPos, Modality, format, placed_names};

/// The most pictures: more would be too small to see anything.
const MAX_PICTURES: usize = 20_000;
/// Characters of a text that are shown.
const NOTE: usize = 240;
/// Where an item has no picture, or no cluster.
const NONE: u32 = u32::MAX;

/// The items of a report and their names.
pub struct ReportContent {
    items: Vec<ItemId>,
    positions: Vec<MapPos>,
    categories: Vec<u8>,
    names: Vec<String>,
    notes: Vec<String>,
    paths: Option<Vec<String>>,
    legend: Vec<LegendLine>,
    clusters: Vec<ClusterLine>,
    groups: Vec<GroupLine>,
    /// The finest cluster of each item, by its place in `groups`.
    group_of: Vec<u32>,
}

/// A cluster and the one that it is a part of.
#[derive(Serialize)]
struct GroupLine {
    name: String,
    parent: Option<u32>,
}

#[derive(Serialize)]
struct LegendLine {
    name: String,
    count: usize,
    dark: String,
    light: String,
}

/// A name of a cluster: its place between 0 and 1, and the scales at which it is shown, points for the whole width of the map.
#[derive(Serialize)]
struct ClusterLine {
    name: String,
    count: u32,
    x: f32,
    y: f32,
    size: f32,
    from: f64,
    /// Missing where it never ends.
    until: Option<f64>,
    /// The item whose picture stands above it.
    #[serde(skip)]
    picture: Option<ItemId>,
}

#[derive(Serialize)]
struct Page<'a> {
    title: &'a str,
    items: usize,
    /// Pairs of 16 bits, little-endian: from left to right, from top to bottom.
    positions: String,
    categories: String,
    names: &'a [String],
    notes: HashMap<usize, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paths: Option<&'a [String]>,
    legend: &'a [LegendLine],
    clusters: &'a [ClusterLine],
    groups: &'a [GroupLine],
    /// 32 bits, little-endian.
    group_of: String,
    /// The picture above each name.
    cluster_pictures: Vec<Option<usize>>,
    /// Width and height of the map, the longer 1.
    extent: [f32; 2],
    cell: u32,
    columns: u32,
    per_page: u32,
    pages: Vec<String>,
    /// The picture of each item, 32 bits, little-endian.
    pictures: String,
}

impl ReportContent {
    /// Collects what a report says of a map.
    pub fn new(map: &MapDrawing<'_>, with_paths: bool) -> Self {
        let rows: Vec<(usize, MapPos)> = placed(map.snapshot, map.layout).collect();
        let items: Vec<_> = rows.iter().filter_map(|(row, _)| map.snapshot.item(*row)).collect();
        let part = |item: &vicinity_core::Item| item.part.map(|part| part.to_string()).unwrap_or_default();
        let name = |item: &&vicinity_core::Item| format!("{}{}", format::file_name(&item.path), part(item));
        let path = |item: &&vicinity_core::Item| format!("{}{}", path_text(&item.path), part(item));
        let note = |item: &&vicinity_core::Item| {
            item.snippet.as_deref().unwrap_or_default().chars().take(NOTE).collect::<String>()
        };
        let group = |cluster: &Cluster| GroupLine {
            name: cluster.name().unwrap_or_default().to_owned(),
            parent: cluster.parent,
        };
        let group_of = |row: usize| map.clusters.and_then(|clusters| clusters.of_row(row).next()).unwrap_or(NONE);
        let entries = map.categories.entries.iter();
        let legend = entries.map(|entry| LegendLine {
            name: entry.name.clone(),
            count: entry.count,
            dark: css(entry.colour(MapPalette::of(true))),
            light: css(entry.colour(MapPalette::of(false))),
        });
        Self {
            positions: rows.iter().map(|(_, pos)| *pos).collect(),
            categories: rows.iter().map(|(row, _)| map.categories.of_row.get(*row).copied().unwrap_or(0)).collect(),
            names: items.iter().map(name).collect(),
            notes: items.iter().map(note).collect(),
            paths: with_paths.then(|| items.iter().map(path).collect()),
            items: items.iter().map(|item| item.id).collect(),
            legend: legend.collect(),
            clusters: cluster_lines(map),
            groups: map.clusters.iter().flat_map(|clusters| &clusters.all).map(group).collect(),
            group_of: rows.iter().map(|(row, _)| group_of(*row)).collect(),
        }
    }

    /// Number of items with a position.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// The items whose pictures are wanted: all images, or of many those of clusters and others evenly.
    pub fn wanted_pictures(&self, map: &MapDrawing<'_>) -> Vec<ItemId> {
        let is_image = |id: &ItemId| map.snapshot.get(*id).is_some_and(|item| item.modality == Modality::Image);
        let images: Vec<ItemId> = self.items.iter().copied().filter(is_image).collect();
        if images.len() <= MAX_PICTURES {
            return images;
        }
        let of_clusters: HashSet<ItemId> = self.clusters.iter().filter_map(|line| line.picture).collect();
        let step = images.len().div_ceil(MAX_PICTURES - of_clusters.len().min(MAX_PICTURES / 2));
        let wanted = |(at, id): &(usize, ItemId)| at.is_multiple_of(step) || of_clusters.contains(id);
        images.into_iter().enumerate().filter(wanted).map(|(_, id)| id).take(MAX_PICTURES).collect()
    }

    /// All of it, in a form that may stand within a `script` element.
    ///
    /// # Errors
    /// Never: all of it can be written as JSON.
    pub fn json(&self, title: &str, atlas: &Atlas) -> serde_json::Result<String> {
        let frame = Frame::around(&self.positions);
        let pictures: HashMap<ItemId, u32> = atlas.items.iter().zip(0..).map(|(id, at)| (*id, at)).collect();
        let row_of: HashMap<ItemId, usize> = self.items.iter().zip(0..).map(|(id, at)| (*id, at)).collect();
        let has_picture = |id: &ItemId| pictures.contains_key(id);
        let of_cluster = |line: &ClusterLine| line.picture.filter(has_picture).and_then(|id| row_of.get(&id).copied());
        let clusters: Vec<ClusterLine> = self.clusters.iter().map(|line| frame.line(line)).collect();
        let notes = self.notes.iter().enumerate().filter(|(_, note)| !note.is_empty());
        let pair = |pos: &MapPos| frame.bits(*pos).map(u16::to_le_bytes).concat();
        let picture = |id: &ItemId| pictures.get(id).copied().unwrap_or(NONE).to_le_bytes();
        let page = |jpeg: &Vec<u8>| format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(jpeg));
        let all = Page {
            title,
            items: self.items.len(),
            positions: BASE64_STANDARD.encode(self.positions.iter().flat_map(pair).collect::<Vec<u8>>()),
            categories: BASE64_STANDARD.encode(&self.categories),
            names: &self.names,
            notes: notes.map(|(at, note)| (at, note.as_str())).collect(),
            paths: self.paths.as_deref(),
            legend: &self.legend,
            cluster_pictures: self.clusters.iter().map(of_cluster).collect(),
            clusters: &clusters,
            groups: &self.groups,
            group_of: BASE64_STANDARD.encode(self.group_of.iter().flat_map(|at| at.to_le_bytes()).collect::<Vec<u8>>()),
            extent: frame.extent.map(|side| side / frame.longer()),
            cell: atlas.cell,
            columns: atlas.columns,
            per_page: atlas.per_page,
            pages: atlas.pages.iter().map(page).collect(),
            pictures: BASE64_STANDARD.encode(self.items.iter().flat_map(picture).collect::<Vec<u8>>()),
        };
        // No text can end the element that it stands in.
        Ok(serde_json::to_string(&all)?.replace('<', "\\u003c"))
    }
}

fn cluster_lines(map: &MapDrawing<'_>) -> Vec<ClusterLine> {
    let Some(clusters) = map.clusters else { return Vec::new() };
    let is_picture = |id: &ItemId| map.snapshot.get(*id).is_some_and(|item| item.modality == Modality::Image);
    let names = placed_names::place(clusters, |cluster| Some(cluster.typical).filter(is_picture));
    let line = |name: placed_names::PlacedName| ClusterLine {
        count: clusters.all.get(name.cluster as usize).map_or(0, |cluster| cluster.count),
        name: name.text,
        x: name.at.x,
        y: name.at.y,
        size: name.size,
        from: name.scales.0,
        until: name.scales.1.is_finite().then_some(name.scales.1),
        picture: name.picture,
    };
    names.into_iter().map(line).collect()
}

/// The rectangle around all positions.
struct Frame {
    corner: [f32; 2],
    extent: [f32; 2],
}

impl Frame {
    fn around(positions: &[MapPos]) -> Self {
        let range = |of: fn(&MapPos) -> f32| {
            let all = positions.iter().map(of);
            let (low, high) = all.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
            if low <= high { (low, high) } else { (0.0, 0.0) }
        };
        let ((left, right), (bottom, top)) = (range(|pos| pos.x), range(|pos| pos.y));
        Self { corner: [left, top], extent: [right - left, top - bottom] }
    }

    fn longer(&self) -> f32 {
        self.extent[0].max(self.extent[1]).max(1e-6)
    }

    /// From the left and from the top, in widths of the longer side.
    fn place(&self, pos: MapPos) -> [f32; 2] {
        [(pos.x - self.corner[0]) / self.longer(), (self.corner[1] - pos.y) / self.longer()]
    }

    fn bits(&self, pos: MapPos) -> [u16; 2] {
        self.place(pos).map(|part| (part.clamp(0.0, 1.0) * f32::from(u16::MAX)).round() as u16)
    }

    fn line(&self, line: &ClusterLine) -> ClusterLine {
        let [x, y] = self.place(MapPos { x: line.x, y: line.y });
        let longer = f64::from(self.longer());
        let (from, until) = (line.from * longer, line.until.map(|scale| scale * longer));
        ClusterLine { name: line.name.clone(), count: line.count, x, y, size: line.size, from, until, picture: None }
    }
}
