//! Small pictures in a few large ones, as small as a budget wants.

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{ExtendedColorType, ImageEncoder, RgbImage};
use rayon::prelude::*;

use vicinity_core::{ItemId, Picture};

/// Bytes of all pages together; base64 makes a third more of them.
const BUDGET: usize = 9_500_000;
/// Sides of a picture, the largest first, pixels.
const CELLS: [u32; 6] = [128, 96, 64, 48, 40, 32];
/// JPEG qualities, the best first.
const QUALITIES: [u8; 3] = [78, 66, 52];
/// About the bytes of a pixel at the middle quality.
const BYTES_PER_PIXEL: f64 = 0.3;
/// Longest side of a page, pixels.
const PAGE: u32 = 2_048;

/// Pictures of items, each the middle square of its thumbnail.
pub struct Atlas {
    /// Side of a picture, pixels.
    pub cell: u32,
    /// Pictures in a row of a page.
    pub columns: u32,
    /// Pictures on a full page.
    pub per_page: u32,
    /// The pages as JPEG.
    pub pages: Vec<Vec<u8>>,
    /// The items with a picture, in the order of the pages, row by row.
    pub items: Vec<ItemId>,
}

impl Atlas {
    /// Takes the thumbnails of these items, as large as the budget allows.
    pub fn new(wanted: &[ItemId], thumbnail: &(dyn Fn(ItemId) -> Option<Picture> + Sync)) -> Self {
        Self::within(BUDGET, wanted, thumbnail)
    }

    fn within(budget: usize, wanted: &[ItemId], thumbnail: &(dyn Fn(ItemId) -> Option<Picture> + Sync)) -> Self {
        let share = budget as f64 / wanted.len().max(1) as f64;
        let fits = |cell: &u32| BYTES_PER_PIXEL * f64::from(cell * cell) <= 1.2 * share;
        let first = CELLS.iter().position(fits).unwrap_or(CELLS.len() - 1);
        let largest = CELLS[first];
        let cut = |id: &ItemId| Some((*id, square(&thumbnail(*id)?, largest)?));
        let (items, mut pictures): (Vec<ItemId>, Vec<RgbImage>) = wanted.par_iter().filter_map(cut).unzip();
        let mut atlas = Self { cell: largest, columns: 1, per_page: 1, pages: Vec::new(), items };
        for cell in &CELLS[first..] {
            if *cell < largest {
                pictures.par_iter_mut().for_each(|picture| {
                    *picture = imageops::resize(picture, *cell, *cell, FilterType::Triangle);
                });
            }
            for quality in QUALITIES {
                atlas.fill(*cell, quality, &pictures);
                if atlas.pages.iter().map(Vec::len).sum::<usize>() <= budget {
                    return atlas;
                }
            }
        }
        atlas
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    fn fill(&mut self, cell: u32, quality: u8, pictures: &[RgbImage]) {
        (self.cell, self.columns) = (cell, PAGE / cell);
        self.per_page = self.columns * self.columns;
        let pages = pictures.par_chunks(self.per_page as usize);
        self.pages = pages.map(|pictures| page(cell, self.columns, quality, pictures)).collect();
    }
}

/// A page as JPEG, as high as its pictures need.
fn page(cell: u32, columns: u32, quality: u8, pictures: &[RgbImage]) -> Vec<u8> {
    let rows = (pictures.len() as u32).div_ceil(columns);
    let mut page = RgbImage::new(columns * cell, rows * cell);
    for (at, picture) in pictures.iter().enumerate() {
        let at = at as u32;
        imageops::replace(&mut page, picture, i64::from(at % columns * cell), i64::from(at / columns * cell));
    }
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
    let written = encoder.write_image(page.as_raw(), page.width(), page.height(), ExtendedColorType::Rgb8);
    written.expect("a page is at most 2,048 pixels wide and high");
    bytes
}

/// The middle square of a thumbnail, scaled.
fn square(picture: &Picture, side: u32) -> Option<RgbImage> {
    let (width, height) = (picture.width(), picture.height());
    let whole = RgbImage::from_raw(width, height, picture.rgb().to_vec())?;
    let short = width.min(height);
    let middle = imageops::crop_imm(&whole, (width - short) / 2, (height - short) / 2, short, short);
    Some(imageops::resize(&*middle, side, side, FilterType::Triangle))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture with much detail; every third item has none.
    fn noise(id: ItemId) -> Option<Picture> {
        let value = |i: u32| (i.wrapping_mul(2_654_435_761).wrapping_add(id.0.wrapping_mul(97)) >> 13) as u8;
        (!id.0.is_multiple_of(3)).then(|| Picture::new(90, 60, (0..90 * 60 * 3).map(value).collect()))?
    }

    #[test]
    fn pictures_stay_within_the_budget_and_belong_to_their_items() {
        let wanted: Vec<ItemId> = (0..300).map(ItemId).collect();
        let (large, small) = (Atlas::within(4_000_000, &wanted, &noise), Atlas::within(200_000, &wanted, &noise));
        let bytes = |atlas: &Atlas| atlas.pages.iter().map(Vec::len).sum::<usize>();
        assert!(large.cell == 128 && small.cell < 64, "{} {}", large.cell, small.cell);
        assert!(bytes(&large) <= 4_000_000 && bytes(&small) <= 200_000, "{} {}", bytes(&large), bytes(&small));
        assert_eq!((large.len(), large.items[0], large.items[199]), (200, ItemId(1), ItemId(299)));
        assert_eq!(small.pages.len() as u32, 200u32.div_ceil(small.per_page));
        let page = image::load_from_memory(&large.pages[0]).expect("a picture");
        assert_eq!(page.width(), large.columns * large.cell);
        assert!(Atlas::new(&[], &noise).pages.is_empty());
    }
}
