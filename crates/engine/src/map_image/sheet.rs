//! A map laid out on a sheet: where points, names, pictures and the legend are, in pixels. Nothing is drawn here.

use super::categories::MapCategories;
use super::palette::MapPalette;
use super::text::{BOLD, Fonts, PLAIN};
use crate::snapshot::Snapshot;
use vicinity_core::format::number;
use vicinity_core::placed_names::{self, PADDING, PICTURE_SIDE, PlacedName};
use vicinity_core::{Clusters, ItemId, Layout, MapPos, Modality, Picture};
use vicinity_media::thumbnail;

/// The longest side of a picture that is drawn.
const LONGEST_SIDE: u32 = 16_384;
/// Of the shorter side, on each edge.
const MARGIN: f32 = 0.04;
/// Smaller pictures have neither names nor a legend: nobody could read them.
const SMALLEST_WITH_TEXT: u32 = 300;
/// Side of a picture on which text is as large as in the window; larger ones show more names rather than only larger letters.
const UNIT_SIDE: f32 = 1000.0;
const UNIT_GROWTH: f32 = 0.6;
/// Of the legend, in units: size of the letters, height of a line, radius of a dot, space between entries.
pub const LEGEND: [f32; 4] = [13.0, 24.0, 5.0, 22.0];

/// What is to be drawn.
#[derive(Clone, Copy)]
pub struct MapDrawing<'a> {
    /// The items.
    pub snapshot: &'a Snapshot,
    /// Their positions.
    pub layout: &'a Layout,
    /// The clusters of the layout, if their names are wanted.
    pub clusters: Option<&'a Clusters>,
    /// What the colours mean.
    pub categories: &'a MapCategories,
    /// The thumbnail of an item.
    pub thumbnail: &'a (dyn Fn(ItemId) -> Option<Picture> + Sync),
    /// Whether to go on; nothing is written otherwise.
    pub go_on: &'a (dyn Fn() -> bool + Sync),
}

/// How it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageOptions {
    /// Width and height in pixels, each at least 1 and at most 16,384.
    pub size: [u32; 2],
    /// On a dark ground.
    pub dark: bool,
    /// Whether names and the legend are drawn beside the points.
    pub text: bool,
    /// Whether names have pictures.
    pub pictures: bool,
}

/// A map laid out.
pub struct MapSheet {
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// The colours.
    pub palette: &'static MapPalette,
    /// The points: where each is, and its colour.
    pub points: Vec<([f32; 2], u32)>,
    /// Radius of a point.
    pub radius: f32,
    /// Opacity of a point.
    pub opacity: f32,
    /// Names of clusters; none touches another.
    pub names: Vec<SheetName>,
    /// The legend.
    pub legend: Vec<LegendMark>,
    /// Pixels per unit of text.
    pub unit: f32,
    /// The fonts of the names and the legend.
    pub fonts: Fonts,
}

/// A name on the sheet.
pub struct SheetName {
    /// The words.
    pub text: String,
    /// Height of the letters.
    pub size: f32,
    /// Their middle.
    pub middle: [f32; 2],
    /// The picture above them.
    pub picture: Option<SheetPicture>,
    extent: [f32; 2],
}

/// A picture on the sheet.
pub struct SheetPicture {
    /// As JPEG.
    pub jpeg: Vec<u8>,
    /// Its left upper corner.
    pub corner: [f32; 2],
    /// Width and height.
    pub side: f32,
    /// Colour of its edge.
    pub edge: u32,
}

/// An entry of the legend on the sheet.
pub struct LegendMark {
    /// The middle of its dot; `None` for the number of all items.
    pub dot: Option<([f32; 2], u32)>,
    /// Where its text begins, and the middle of its height.
    pub at: [f32; 2],
    /// Its name and number.
    pub text: String,
}

impl MapSheet {
    /// Lays out the map, centred and as large as fits.
    pub fn new(map: &MapDrawing<'_>, options: &ImageOptions) -> Self {
        let size = options.size.map(|side| side.clamp(1, LONGEST_SIDE));
        let [width, height] = size.map(|side| side as f32);
        let palette = MapPalette::of(options.dark);
        let has_text = options.text && size.iter().all(|side| *side >= SMALLEST_WITH_TEXT);
        let unit = (width.min(height) / UNIT_SIDE).powf(UNIT_GROWTH);
        let names = if has_text { named(map, options.pictures) } else { Vec::new() };
        let texts = names.iter().map(|name| name.text.as_str());
        let entries = map.categories.entries.iter().filter(|_| has_text).map(|entry| entry.name.as_str());
        let fonts = Fonts::for_texts(texts.chain(entries));
        let (legend, below) = if has_text { legend(map, &fonts, size, unit, palette) } else { (Vec::new(), 0.0) };
        let area = [width, height - below];
        let view = SheetView::fitting(&map.layout.positions, area[0], area[1]);
        let (radius, opacity) = dot(map.layout.positions.len(), area[0].min(area[1]));
        let points = placed(map.snapshot, map.layout);
        let points = points.map(|(row, pos)| (view.pixel(pos), map.categories.colour_of(row, palette)));
        let mut sheet =
            Self { size, palette, points: points.collect(), radius, opacity, names: Vec::new(), legend, unit, fonts };
        sheet.place_names(names, map, &view, area);
        sheet
    }

    /// Places the names that the window shows at this scale where they have room.
    fn place_names(&mut self, names: Vec<PlacedName>, map: &MapDrawing<'_>, view: &SheetView, area: [f32; 2]) {
        let unit = self.unit;
        let scale = f64::from(view.pixels_per_unit / unit);
        let shown: Vec<PlacedName> =
            names.into_iter().filter(|name| (name.scales.0..name.scales.1).contains(&scale)).collect();
        let texts: Vec<(&str, f32, u16)> =
            shown.iter().map(|name| (name.text.as_str(), name.size * unit, BOLD)).collect();
        let widths = self.fonts.widths(&texts);
        for (name, width) in shown.iter().zip(widths) {
            let [_, height] = name.extent().map(|side| side * unit);
            let jpeg = name.picture.and_then(|id| (map.thumbnail)(id)).map(|picture| thumbnail::encode(&picture));
            let jpeg = jpeg.filter(|jpeg| !jpeg.is_empty());
            let side = if jpeg.is_some() { PICTURE_SIDE * unit } else { 0.0 };
            let width = (width + 2.0 * PADDING[0] * unit).max(side);
            let [x, y] = view.pixel(name.at);
            let middle = [within(x, width, area[0]), within(y, height, area[1])];
            let extent = [width, height];
            if width > area[0] || self.names.iter().any(|other| other.touches(middle, extent)) {
                continue;
            }
            let row = name.picture.and_then(|id| map.snapshot.row_of(id)).unwrap_or(usize::MAX);
            let edge = map.categories.colour_of(row, self.palette);
            let corner = [middle[0] - 0.5 * side, middle[1] - 0.5 * height];
            let picture = jpeg.map(|jpeg| SheetPicture { jpeg, corner, side, edge });
            let (text, size) = (name.text.clone(), name.size * unit);
            self.names.push(SheetName { text, size, middle: [middle[0], middle[1] + 0.5 * side], picture, extent });
        }
    }
}

impl SheetName {
    fn touches(&self, middle: [f32; 2], extent: [f32; 2]) -> bool {
        let side = self.picture.as_ref().map_or(0.0, |picture| picture.side);
        let own = [self.middle[0], self.middle[1] - 0.5 * side];
        (0..2).all(|at| (own[at] - middle[at]).abs() < 0.5 * (self.extent[at] + extent[at]))
    }
}

/// The middle nearest to `middle` of something that does not reach over the edges.
fn within(middle: f32, extent: f32, side: f32) -> f32 {
    middle.clamp(0.5 * extent, (side - 0.5 * extent).max(0.5 * extent))
}

fn named(map: &MapDrawing<'_>, pictures: bool) -> Vec<PlacedName> {
    let Some(clusters) = map.clusters else { return Vec::new() };
    let is_picture = |id: &ItemId| map.snapshot.get(*id).is_some_and(|item| item.modality == Modality::Image);
    placed_names::place(clusters, |cluster| Some(cluster.typical).filter(|id| pictures && is_picture(id)))
}

/// The legend in lines at the lower edge, and the height that it takes.
fn legend(
    map: &MapDrawing<'_>,
    fonts: &Fonts,
    size: [u32; 2],
    unit: f32,
    palette: &MapPalette,
) -> (Vec<LegendMark>, f32) {
    let [letters, line, radius, gap] = LEGEND.map(|length| length * unit);
    let [width, height] = size.map(|side| side as f32);
    let total: usize = map.categories.entries.iter().map(|entry| entry.count).sum();
    let items = format!("{} item{}", number(total as u64), if total == 1 { "" } else { "s" });
    let entries = map.categories.entries.iter();
    let entries =
        entries.map(|entry| (format!("{} {}", entry.name, number(entry.count as u64)), Some(entry.colour(palette))));
    let entries: Vec<(String, Option<u32>)> = std::iter::once((items, None)).chain(entries).collect();
    let texts: Vec<(&str, f32, u16)> =
        entries.iter().map(|(text, dot)| (text.as_str(), letters, if dot.is_some() { PLAIN } else { BOLD })).collect();
    let widths = fonts.widths(&texts);
    let mut marks: Vec<LegendMark> = Vec::new();
    let (mut x, mut y) = (gap, 0.5 * line);
    for ((text, colour), text_width) in entries.into_iter().zip(widths) {
        let before = if colour.is_some() { 3.0 * radius } else { 0.0 };
        if x > gap && x + before + text_width + gap > width {
            (x, y) = (gap, y + line);
        }
        marks.push(LegendMark { dot: colour.map(|colour| ([x + radius, y], colour)), at: [x + before, y], text });
        x += before + text_width + gap;
    }
    let below = y + 0.5 * line + 0.7 * line;
    for mark in &mut marks {
        mark.at[1] += height - below;
        if let Some((middle, _)) = &mut mark.dot {
            middle[1] += height - below;
        }
    }
    (marks, below)
}

/// Rows with their positions. Rows that are newer than the layout have none.
pub fn placed<'a>(snapshot: &'a Snapshot, layout: &'a Layout) -> impl Iterator<Item = (usize, MapPos)> + 'a {
    let rows = layout.positions.iter().copied().enumerate().take(snapshot.len());
    rows.filter(|(_, pos)| pos.x.is_finite() && pos.y.is_finite())
}

/// Radius in pixels and opacity of a point: smaller and fainter the more there are.
fn dot(count: usize, side: f32) -> (f32, f32) {
    let radius = side * 0.16 / (count.max(1) as f32).sqrt();
    (radius.clamp(side / 900.0, side / 160.0).max(0.8), if count > 20_000 { 0.6 } else { 0.8 })
}

/// How positions become pixels.
pub struct SheetView {
    centre_in_map: MapPos,
    /// Scale.
    pub pixels_per_unit: f32,
    middle: [f32; 2],
}

impl SheetView {
    /// All positions as large as they fit.
    pub fn fitting(positions: &[MapPos], width: f32, height: f32) -> Self {
        let finite = || positions.iter().filter(|p| p.x.is_finite() && p.y.is_finite());
        let range = |coordinate: fn(&MapPos) -> f32| {
            let (low, high) = finite()
                .map(coordinate)
                .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
            if low <= high { (low, high) } else { (0.0, 0.0) }
        };
        let ((left, right), (bottom, top)) = (range(|p| p.x), range(|p| p.y));
        let margins = 2.0 * MARGIN * width.min(height);
        let fit = |pixels: f32, extent: f32| (pixels - margins).max(1.0) / extent.max(1e-6);
        Self {
            centre_in_map: MapPos { x: f32::midpoint(left, right), y: f32::midpoint(bottom, top) },
            pixels_per_unit: fit(width, right - left).min(fit(height, top - bottom)),
            middle: [width / 2.0, height / 2.0],
        }
    }

    /// Where a position is.
    pub fn pixel(&self, pos: MapPos) -> [f32; 2] {
        [
            self.middle[0] + (pos.x - self.centre_in_map.x) * self.pixels_per_unit,
            self.middle[1] - (pos.y - self.centre_in_map.y) * self.pixels_per_unit,
        ]
    }
}
