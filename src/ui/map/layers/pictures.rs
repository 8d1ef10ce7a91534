//! Pictures of the items themselves, and the first words of texts: near enough, most of what is seen; farther out, the most typical ones,
//! as many as have room.

use std::sync::Arc;

use egui::{Color32, CornerRadius, FontId, Painter, Rect, Stroke, StrokeKind, TextureId, Vec2};

use vicinity_core::{Clusters, ItemId, MapPos, MapQuality, Modality, SearchResult};

use super::super::arc_key::ArcKey;
use super::super::colours::PointColours;
use super::super::scene::Scene;
use super::super::thinning::{SPACE, Thinned};
use super::{LayerContext, LayerSwitch, MapLayer};

/// Sides of a picture, in screen points: where there is just room, and at the most.
const SIDES: [f32; 2] = [SPACE - 2.0, 160.0];
/// Larger pictures are drawn from thumbnails, as the small ones would be blurred.
const SMALL: f32 = 72.0;
/// Share of the space between two items that their pictures take.
const FILLED: f32 = 0.92;
/// Texts are cards from this side on; below, no word would be legible.
const CARD: f32 = 64.0;
/// Size of the letters on a card, and its margin.
const LETTERS: (f32, f32) = (10.5, 5.0);
/// Pictures begin at so many times the scale that shows the whole map: few items, and many.
const NEAR: [f64; 2] = [2.0, 6.0];
/// So few items are shown with pictures from the start, at any scale.
const VERY_FEW: usize = 200;
/// The number of items at which pictures would begin at the whole map, if names had not the first word.
const FEW: f64 = 1_500.0;
/// The share of a scale within which a picture fades in.
const FADE: f32 = 0.08;
/// Opacity of the pictures of points that are dimmed.
const DIMMED: f32 = 0.3;
/// Points with less opacity than this (of 255) are dimmed.
const FAINT: u8 = 100;

/// The switch of the layer.
pub const ITEM_PICTURES: LayerSwitch =
    LayerSwitch { name: "Pictures", tooltip: "Pictures instead of points when zoomed in" };

/// Pictures of items.
pub struct ItemPictures;

/// Everything the choice of pictures depends on.
#[derive(PartialEq)]
pub struct PicturesKey {
    scene: ArcKey<Scene>,
    colours: ArcKey<PointColours>,
    clusters: Option<ArcKey<Clusters>>,
    quality: Option<ArcKey<MapQuality>>,
}

/// The items with room for a picture.
pub struct PlacedPictures {
    scene: ArcKey<Scene>,
    thinned: Thinned,
}

/// A picture in a frame.
struct Shown {
    row: usize,
    item: ItemId,
    rect: Rect,
    /// Between 0 and 1.
    opacity: f32,
    /// How far its ground hides the points below, between 0 and 1.
    solid: f32,
    is_selected: bool,
    is_hit: bool,
}

/// What stands in place of a point.
enum Content<'a> {
    /// A texture, and the part of it.
    Picture(TextureId, Rect),
    /// The beginning of a text.
    Words(&'a str),
}

impl MapLayer for ItemPictures {
    type Key = PicturesKey;
    type Data = PlacedPictures;

    fn switch(&self) -> Option<LayerSwitch> {
        Some(ITEM_PICTURES)
    }

    fn key(&self, map: &LayerContext<'_>) -> Option<PicturesKey> {
        Some(PicturesKey {
            scene: ArcKey(Arc::clone(map.scene)),
            colours: ArcKey(Arc::clone(map.colours)),
            clusters: map.clusters.map(|clusters| ArcKey(Arc::clone(clusters))),
            quality: map.quality.map(|quality| ArcKey(Arc::clone(quality))),
        })
    }

    fn prepare(&self, map: &LayerContext<'_>) -> impl FnOnce() -> PlacedPictures + Send + 'static {
        let (scene, colours, snapshot) = (Arc::clone(map.scene), Arc::clone(map.colours), Arc::clone(map.snapshot));
        let (clusters, quality) = (map.clusters.cloned(), map.quality.cloned());
        move || {
            let mut rows: Vec<u32> =
                (0..scene.len()).filter(|row| colours.is_visible(*row)).map(|row| row as u32).collect();
            let mut weights = importance(scene.len(), quality.as_deref());
            for cluster in clusters.iter().flat_map(|clusters| &clusters.all) {
                if let Some(weight) = snapshot.row_of(cluster.typical).and_then(|row| weights.get_mut(row)) {
                    *weight = weight.saturating_add(u32::MAX / 4 * (3 - u32::from(cluster.levels.0.min(2))));
                }
            }
            rows.sort_by_key(|row| std::cmp::Reverse(weights.get(*row as usize).copied().unwrap_or(0)));
            PlacedPictures { thinned: Thinned::new(&scene.layout.positions, &rows), scene: ArcKey(scene) }
        }
    }

    fn is_quick(&self, _map: &LayerContext<'_>) -> bool {
        false
    }

    fn draw(&self, placed: &PlacedPictures, map: &LayerContext<'_>, painter: &Painter) {
        let has_hits = map.result.is_some_and(|result| !result.matching().is_empty());
        let result = map.result.filter(|_| has_hits);
        // The most important are asked for first, and drawn last: above the others while pictures fade in.
        let shown = placed.shown(map, result).into_iter().filter_map(|shown| Some((content(&shown, map)?, shown)));
        let shown: Vec<(Content<'_>, Shown)> = shown.collect();
        for (content, picture) in shown.iter().rev() {
            match content {
                Content::Picture(texture, uv) => draw_picture(picture, *texture, *uv, map, painter),
                Content::Words(words) => draw_card(picture, words, map, painter),
            }
            draw_edge(picture, map, painter);
        }
        let pointed = shown.iter().map(|(_, shown)| shown).filter(|shown| shown.opacity > 0.5);
        map.item_targets.borrow_mut().extend(pointed.map(|shown| (shown.rect, shown.item)));
    }
}

/// How typical each row is: how many items have it among their true neighbours; where that is not known, all differ by chance.
fn importance(rows: usize, quality: Option<&MapQuality>) -> Vec<u32> {
    let mut counts: Vec<u32> = (0..rows as u32).map(|row| row.wrapping_mul(2_654_435_761) >> 24).collect();
    for row in quality.iter().flat_map(|quality| quality.neighbours.iter()) {
        if let Some(count) = counts.get_mut(*row as usize) {
            *count += 256;
        }
    }
    counts
}

impl PlacedPictures {
    /// What is on screen, the most important first; `result` is the search that has hits.
    fn shown(&self, map: &LayerContext<'_>, result: Option<&Arc<SearchResult>>) -> Vec<Shown> {
        // While points move to another layout, they would leave their pictures behind.
        if map.params.glide_progress < 1.0 || !Arc::ptr_eq(&self.scene.0, map.scene) {
            return Vec::new();
        }
        let scale = map.params.camera.points_per_unit as f32;
        let begins = first_scale(map.scene, map.params.area) as f32;
        let beginning = if begins > 0.0 { ((scale / begins - 1.0) / FADE).clamp(0.0, 1.0) } else { 1.0 };
        if beginning == 0.0 {
            return Vec::new();
        }
        let area = map.params.area;
        let reach = area.expand(SIDES[1] / 2.0);
        let low = map.params.camera.map_from_screen(area, reach.left_bottom());
        let high = map.params.camera.map_from_screen(area, reach.right_top());
        let corners = [low, high].map(|[x, y]| MapPos { x: x as f32, y: y as f32 });
        let mut shown = Vec::new();
        self.thinned.visit(corners, scale, |row, from| {
            let side = (FILLED * self.thinned.spacing(row) * scale).clamp(SIDES[0], SIDES[1]);
            let row = row as usize;
            let (Some(item), Some(at)) = (map.snapshot.item(row), map.row_on_screen(row)) else { return };
            let faint = map.colours.rgba.get(row).is_some_and(|colour| colour[3] < FAINT);
            let appearing = ((scale / from - 1.0) / FADE).clamp(0.0, 1.0);
            let solid = beginning * appearing;
            let is_selected = map.selection.set.contains(&item.id);
            let is_hit = result.is_some_and(|result| result.is_match(row));
            let opacity = solid * if faint && !is_selected && !is_hit { DIMMED } else { 1.0 };
            let rect = Rect::from_center_size(at, Vec2::splat(side));
            shown.push(Shown { row, item: item.id, rect, opacity, solid, is_selected, is_hit });
        });
        shown
    }
}

/// The scale at which pictures begin on a map in this area, in screen points per map unit.
pub fn first_scale(scene: &Scene, area: Rect) -> f64 {
    if scene.len() <= VERY_FEW {
        return 0.0;
    }
    let Some(bounds) = scene.grid.bounds() else { return f64::INFINITY };
    let [width, height] = bounds.size();
    let whole = (f64::from(area.width()) / width.max(1e-6)).min(f64::from(area.height()) / height.max(1e-6));
    whole * (scene.len() as f64 / FEW).sqrt().clamp(NEAR[0], NEAR[1])
}

/// What is drawn of an item; `None` if that is not here yet, or would be too small.
fn content<'a>(shown: &Shown, map: &LayerContext<'a>) -> Option<Content<'a>> {
    let item = map.snapshot.item(shown.row)?;
    if item.modality == Modality::Text {
        let words = item.snippet.as_deref().unwrap_or_default();
        return (shown.rect.width() >= CARD).then_some(Content::Words(words));
    }
    let large = if shown.rect.width() > SMALL { (map.thumbnail)(shown.item) } else { None };
    let large = large.map(|texture| Content::Picture(texture.id(), super::names::middle_of(texture.size_vec2())));
    let small = || (map.small_picture)(shown.item).map(|small| Content::Picture(small.texture, small.uv));
    large.or_else(small)
}

fn draw_picture(shown: &Shown, texture: TextureId, uv: Rect, map: &LayerContext<'_>, painter: &Painter) {
    painter.rect_filled(shown.rect, radius(shown), map.theme.map_ground.gamma_multiply(shown.solid));
    let tint = Color32::WHITE.gamma_multiply(shown.opacity);
    painter.add(egui::epaint::RectShape::filled(shown.rect, radius(shown), tint).with_texture(texture, uv));
}

fn draw_card(shown: &Shown, words: &str, map: &LayerContext<'_>, painter: &Painter) {
    let (size, margin) = LETTERS;
    painter.rect_filled(shown.rect, radius(shown), map.theme.raised.gamma_multiply(shown.solid));
    let inner = shown.rect.shrink(margin);
    let colour = map.theme.text1.gamma_multiply(shown.opacity);
    // No more than could be seen.
    let most = (inner.area() / (size * size) * 2.2) as usize;
    let first: String = words.chars().take(most).collect();
    let mut job = egui::text::LayoutJob::simple(first, FontId::proportional(size), colour, inner.width());
    job.wrap.max_rows = (inner.height() / (size * 1.35)) as usize;
    let galley = painter.layout_job(job);
    painter.with_clip_rect(shown.rect.intersect(painter.clip_rect())).galley(inner.min, galley, colour);
}

/// In the colour of the point; of a hit or a selected item, more visibly.
fn draw_edge(shown: &Shown, map: &LayerContext<'_>, painter: &Painter) {
    let [r, g, b, _] = map.colours.rgba.get(shown.row).copied().unwrap_or_default();
    let (width, colour) = match (shown.is_selected, shown.is_hit) {
        (true, _) => (3.0, map.theme.accent),
        (_, true) => (2.5, map.theme.hit),
        _ => (1.5, Color32::from_rgb(r, g, b)),
    };
    let stroke = Stroke::new(width, colour.gamma_multiply(shown.opacity));
    painter.rect_stroke(shown.rect, radius(shown), stroke, StrokeKind::Inside);
}

fn radius(shown: &Shown) -> CornerRadius {
    CornerRadius::same((shown.rect.width() / 11.0).clamp(3.0, 8.0) as u8)
}
