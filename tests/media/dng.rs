//! Raw photos in the DNG format without a preview are developed as LibRaw develops them. The files were written by
//! `tests/fixtures/dng/make.py`.

use std::path::{Path, PathBuf};

use vicinity_core::{Picture, SkipReason};
use vicinity_media::resize::{ResizeFilter, squash};
use vicinity_media::{Content, Glance, PictureError, ReadError, ReadOptions, glance, open, read};

fn fixture(name: &str) -> PathBuf {
    crate::support::project_dir().join("tests/fixtures/dng").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(&format!("{name}.dng"))).unwrap()
}

fn answer(bytes: &[u8]) -> Result<Option<(Picture, [u32; 2])>, ReadError> {
    match read(Path::new("a.dng"), bytes, &ReadOptions::default())? {
        Some(Content::Image { picture, original }) => Ok(Some((picture, original))),
        None => Ok(None),
        Some(other) => panic!("no picture: {other:?}"),
    }
}

fn reference(name: &str) -> Picture {
    let image = image::open(fixture(&format!("{name}.png"))).unwrap().into_rgb8();
    Picture::new(image.width(), image.height(), image.into_raw()).unwrap()
}

/// The cosine of two pictures around their means, at 64 by 64 pixels, and how far their mean levels are apart.
fn likeness(a: &Picture, b: &Picture) -> (f32, f32) {
    let small = |picture: &Picture| -> Vec<f32> {
        let small = squash(picture, 64, 64, ResizeFilter::Bilinear);
        small.into_iter().map(f32::from).collect()
    };
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    let (a, b) = (small(a), small(b));
    let (mean_a, mean_b) = (mean(&a), mean(&b));
    let dot = |a: &[f32], b: &[f32], a_mean: f32, b_mean: f32| -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - a_mean) * (b - b_mean)).sum()
    };
    let cosine = dot(&a, &b, mean_a, mean_b) / (dot(&a, &a, mean_a, mean_a) * dot(&b, &b, mean_b, mean_b)).sqrt();
    (cosine, (mean_a - mean_b).abs())
}

#[test]
fn plain_dng_files_are_developed_as_libraw_develops_them() {
    for (name, size) in
        [("strips", [192, 128]), ("packed", [128, 192]), ("lossless", [188, 124]), ("linear", [192, 128])]
    {
        let (picture, original) = answer(&bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}")).expect(name);
        assert_eq!((original, [picture.width(), picture.height()]), (size, size), "{name}");
        let (cosine, apart) = likeness(&picture, &reference(name));
        assert!(cosine > 0.98 && apart < 6.0, "{name}: cosine {cosine}, means {apart} apart");
    }
    let (picture, _) = answer(&bytes("forward")).unwrap().unwrap();
    let (cosine, _) = likeness(&picture, &reference("scene"));
    assert!(cosine > 0.9, "by forward matrices: {cosine}");
    assert_eq!(glance(&fixture("lossless.dng")), Glance::Picture([188, 124]));
}

#[test]
fn other_dng_files_are_skipped_as_raw_photos() {
    let patched = |name: &str, tag: u16, value: u16| {
        let mut file = bytes(name);
        // The entry of a short or long number, in the first directory of the file: that of the raw pixels.
        let entry = |kind: u16| [tag.to_le_bytes(), kind.to_le_bytes(), [1, 0], [0, 0]].concat();
        let at = [3, 4].iter().find_map(|kind| file.windows(8).position(|w| w == entry(*kind))).expect("the tag");
        file[at + 8..at + 10].copy_from_slice(&value.to_le_bytes());
        file
    };
    for (what, file) in [
        ("compressed in a way of its own", patched("strips", 259, 34713)),
        ("lossy", patched("lossless", 259, 34892)),
        ("a mosaic in another layout", patched("strips", 50711, 2)),
        ("floating point or planes", patched("linear", 284, 2)),
        ("bits beyond the format", patched("strips", 258, 32)),
    ] {
        assert!(matches!(answer(&file), Ok(None)), "{what}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.dng");
    std::fs::write(&path, patched("strips", 259, 34713)).unwrap();
    assert_eq!(open(&path).unwrap().skip_reason_without_content(), SkipReason::RawPhoto);
}

#[test]
fn damaged_dng_files_are_errors_and_take_no_memory() {
    let before = crate::support::peak_memory_mb();
    let cut = |name: &str| answer(&bytes(name)[..20_000]).err();
    // Directories are at the end of these files, so only what refers to pixels beyond the end is seen.
    assert!(["strips", "packed", "lossless"].map(cut).iter().all(Option::is_none));
    let mut short = bytes("lossless");
    let scan = short.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
    short[scan + 40..scan + 42].copy_from_slice(&[0xff, 0xd9]);
    assert_eq!(answer(&short).err(), Some(PictureError::CutShort.into()));
    let mut state = 9_u32;
    for name in ["strips", "packed", "lossless", "linear", "forward"] {
        let whole = bytes(name);
        for round in 0..120 {
            let mut file = whole.clone();
            for _ in 0..=round % 4 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Mostly in the directories at the end.
                let from = if round % 3 == 0 { 8 } else { whole.len().saturating_sub(2500) };
                let at = from + (state >> 8) as usize % (whole.len() - from);
                file[at] = (state >> 3) as u8;
            }
            if let Ok(Some((picture, _))) = answer(&file) {
                assert!(picture.width() > 0);
            }
        }
    }
    let Some((before, after)) = before.zip(crate::support::peak_memory_mb()) else { return };
    assert!(after < before + 400, "peak memory went from {before} to {after} MB");
}
