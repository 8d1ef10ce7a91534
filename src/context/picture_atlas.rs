//! Small pictures of items in a few textures, so that a thousand of them on the map take few calls to draw and a bounded memory.

use std::collections::{HashMap, HashSet};

use egui::{ColorImage, Rect, TextureHandle, TextureId, TextureOptions, pos2};

use vicinity_core::{ItemId, Picture};

/// Side of a picture, pixels.
const SIDE: usize = 64;
/// Pictures in a line of a texture, and its lines: 2,048 pixels, as any device can.
const LINES: usize = 32;
/// Pictures in a texture.
const PAGE: usize = LINES * LINES;
/// Pictures in all, 50 MB: a screen of 2,560 x 1,440 points has room for no more.
const MOST: usize = 3 * PAGE;

/// A small picture, ready to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SmallPicture {
    /// The texture that it is a part of.
    pub texture: TextureId,
    /// Which part.
    pub uv: Rect,
}

/// Small square pictures of the items that the map shows, and of those that it has shown last.
#[derive(Clone, Default)]
pub struct PictureAtlas {
    pages: Vec<TextureHandle>,
    /// Where the picture of an item is; `None` where it has none.
    places: HashMap<ItemId, Option<u16>>,
    /// For each place whose picture it is, and the frame in which it was last on screen.
    used: Vec<(ItemId, u64)>,
    frame: u64,
    wanted: HashSet<ItemId>,
}

impl PictureAtlas {
    /// The picture of an item, if it is here.
    pub fn get(&self, item: ItemId) -> Option<SmallPicture> {
        let place = usize::from((*self.places.get(&item)?)?);
        let (column, line) = ((place % LINES) as f32, (place % PAGE / LINES) as f32);
        // Half a pixel inwards, so that nothing of the neighbours is seen.
        let [inset, side] = [0.5 / (SIDE * LINES) as f32, 1.0 / LINES as f32];
        let uv = Rect::from_min_max(pos2(column * side, line * side), pos2((column + 1.0) * side, (line + 1.0) * side));
        Some(SmallPicture { texture: self.pages.get(place / PAGE)?.id(), uv: uv.shrink(inset) })
    }

    /// Notes which items a frame showed; returns those whose pictures are missing, in the same order.
    pub fn shown(&mut self, items: &[ItemId]) -> Vec<ItemId> {
        self.frame += 1;
        for item in items {
            let place = self.places.get(item).copied().flatten();
            if let Some((_, seen)) = place.and_then(|place| self.used.get_mut(usize::from(place))) {
                *seen = self.frame;
            }
        }
        let missing: Vec<ItemId> = items.iter().copied().filter(|item| !self.places.contains_key(item)).collect();
        self.wanted = missing.iter().copied().collect();
        missing
    }

    /// Whether the last frame wanted the picture of an item.
    pub fn wants(&self, item: ItemId) -> bool {
        self.wanted.contains(&item)
    }

    /// Takes the thumbnail of an item that is wanted; `None` where it has none.
    pub fn insert(&mut self, ctx: &egui::Context, item: ItemId, thumbnail: Option<&Picture>) {
        if !self.wanted.remove(&item) {
            return;
        }
        let place = thumbnail.and_then(|picture| {
            let place = self.free_place()?;
            if place / PAGE == self.pages.len() {
                let empty = ColorImage::filled([SIDE * LINES; 2], egui::Color32::BLACK);
                self.pages.push(ctx.load_texture("pictures of the map", empty, TextureOptions::LINEAR));
            }
            let at = [place % LINES * SIDE, place % PAGE / LINES * SIDE];
            self.pages.get_mut(place / PAGE)?.set_partial(at, square(picture), TextureOptions::LINEAR);
            Some(place)
        });
        match place {
            Some(place) => {
                let entry = (item, self.frame);
                if let Some(used) = self.used.get_mut(place) {
                    self.places.remove(&std::mem::replace(used, entry).0);
                } else {
                    self.used.push(entry);
                }
                self.places.insert(item, Some(place as u16));
            }
            None if thumbnail.is_none() => {
                self.places.insert(item, None);
            }
            // Everything on screen has a place but this.
            None => {}
        }
    }

    /// A place never used, or that of the picture not seen for longest; `None` if all are on screen.
    fn free_place(&self) -> Option<usize> {
        if self.used.len() < MOST {
            return Some(self.used.len());
        }
        let oldest = self.used.iter().enumerate().min_by_key(|(_, (_, seen))| *seen)?;
        (oldest.1.1 < self.frame).then_some(oldest.0)
    }
}

/// The square in the middle of a picture, each pixel the mean of those that it covers.
fn square(picture: &Picture) -> ColorImage {
    let [width, height] = [picture.width() as usize, picture.height() as usize];
    let side = width.min(height);
    let (left, top) = ((width - side) / 2, (height - side) / 2);
    let covered = |at: usize| (at * side / SIDE, ((at + 1) * side).div_ceil(SIDE).min(side));
    let mut rgb = Vec::with_capacity(SIDE * SIDE * 3);
    for y in 0..SIDE {
        let (first, end) = covered(y);
        for x in 0..SIDE {
            let (from, until) = covered(x);
            let mut sum = [0u32; 3];
            for line in first..end {
                let start = ((top + line) * width + left + from) * 3;
                let pixels = picture.rgb().get(start..start + (until - from) * 3).unwrap_or_default();
                for pixel in pixels.chunks_exact(3) {
                    sum.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u32::from(*value));
                }
            }
            let count = (((end - first) * (until - from)) as u32).max(1);
            rgb.extend(sum.map(|sum| ((sum + count / 2) / count) as u8));
        }
    }
    ColorImage::from_rgb([SIDE, SIDE], &rgb)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32) -> Picture {
        let pixels = (0..width * height).flat_map(|at| [if at % width < width / 2 { 200 } else { 0 }, 7, 9]);
        Picture::new(width, height, pixels.collect()).expect("as many pixels as that")
    }

    #[test]
    fn the_square_in_the_middle_is_shrunk_or_enlarged() {
        for (width, height) in [(256, 128), (128, 256), (20, 10), (1, 1), (300, 64)] {
            let small = square(&picture(width, height));
            assert_eq!(small.size, [SIDE, SIDE]);
            assert!(small.pixels.iter().all(|pixel| pixel.g() == 7 && pixel.b() == 9), "{width} x {height}");
            if width > 2 {
                assert_eq!((small.pixels[0].r(), small.pixels[SIDE - 1].r()), (200, 0), "{width} x {height}");
            }
        }
    }

    #[test]
    fn what_is_on_screen_keeps_its_place_and_the_oldest_make_room() {
        let (ctx, whole) = (egui::Context::default(), picture(8, 8));
        let mut atlas = PictureAtlas::default();
        let ids = |range: std::ops::Range<u32>| range.map(ItemId).collect::<Vec<_>>();
        let full = MOST as u32;
        for item in atlas.shown(&ids(0..full)) {
            atlas.insert(&ctx, item, Some(&whole));
        }
        assert!(atlas.get(ItemId(0)).is_some() && atlas.get(ItemId(full - 1)).is_some());
        assert!(atlas.shown(&ids(10..full)).is_empty());
        let mut now = ids(10..full);
        now.extend(ids(full..full + 30));
        assert_eq!(atlas.shown(&now), ids(full..full + 30));
        for item in ids(full..full + 30) {
            atlas.insert(&ctx, item, Some(&whole));
        }
        let here = |item: u32| atlas.get(ItemId(item)).is_some();
        assert!((10..full + 10).all(here), "ten places were free");
        assert!(!here(0) && !here(full + 10), "and no more");
    }

    #[test]
    fn an_item_without_picture_is_asked_for_once() {
        let (ctx, mut atlas) = (egui::Context::default(), PictureAtlas::default());
        assert_eq!(atlas.shown(&[ItemId(3)]), [ItemId(3)]);
        atlas.insert(&ctx, ItemId(3), None);
        assert!(atlas.shown(&[ItemId(3)]).is_empty() && atlas.get(ItemId(3)).is_none());
        atlas.insert(&ctx, ItemId(4), Some(&picture(8, 8)));
        assert_eq!(atlas.get(ItemId(4)), None, "nobody wanted it");
    }
}
