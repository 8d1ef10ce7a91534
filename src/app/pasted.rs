//! Pictures from the clipboard.

use vicinity_core::Picture;

/// A pasted picture is brought to at most this many pixels a side; the model sees far fewer.
const PASTED_SIDE: usize = 1024;

/// The picture without transparency, halved until it is small enough.
pub(super) fn shrunk(image: &egui::ColorImage) -> Option<Picture> {
    let [width, height] = image.size;
    let step = width.max(height).div_ceil(PASTED_SIDE).max(1);
    let (w, h) = (width / step, height / step);
    let mut rgb = Vec::with_capacity(w * h * 3);
    for y in 0..h {
        for x in 0..w {
            // The mean of a block, over white where it is transparent.
            let mut sum = [0u32; 3];
            for by in 0..step {
                for bx in 0..step {
                    let [r, g, b, a] = image.pixels.get((y * step + by) * width + x * step + bx)?.to_array();
                    for (channel, value) in sum.iter_mut().zip([r, g, b]) {
                        *channel += u32::from(value) + 255 - u32::from(a);
                    }
                }
            }
            rgb.extend(sum.map(|s| (s / (step * step) as u32) as u8));
        }
    }
    Picture::new(w as u32, h as u32, rgb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_picture_is_made_small_and_opaque() {
        let image = egui::ColorImage::new([2100, 1050], vec![egui::Color32::TRANSPARENT; 2100 * 1050]);
        let picture = shrunk(&image).expect("not empty");
        assert_eq!((picture.width(), picture.height()), (700, 350));
        assert!(picture.rgb().iter().all(|v| *v == 255));
    }
}
