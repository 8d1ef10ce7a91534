//! Formats beyond those of the `image` crate: each shows what its encoder was given, upright and in sRGB; what is damaged,
//! cut off or too large is refused in plain words. The files were written by `tests/fixtures/formats/make.py`.

use std::fs;
use std::path::{Path, PathBuf};

use image::RgbImage;
use vicinity_core::Picture;
use vicinity_media::{Content, Glance, PictureError, ReadError, ReadOptions, glance, read};

use super::files::ideal;

fn path(name: &str) -> PathBuf {
    crate::support::project_dir().join("tests/fixtures/formats").join(name)
}

fn file(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap()
}

/// All files with one of these endings.
fn names(endings: &[&str]) -> Vec<String> {
    let all = fs::read_dir(path("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = all.filter(|name| endings.iter().any(|ending| name.ends_with(ending))).collect();
    names.sort();
    assert!(!names.is_empty());
    names
}

fn answer(name: &str, bytes: &[u8]) -> Result<(Picture, [u32; 2]), ReadError> {
    crate::use_helper();
    match read(Path::new(name), bytes, &ReadOptions::default()) {
        Ok(Some(Content::Image { picture, original })) => Ok((picture, original)),
        Ok(other) => panic!("no picture: {other:?}"),
        Err(error) => Err(error),
    }
}

/// The mean difference of two pictures' samples, 0 to 255.
#[track_caller]
fn difference(a: &Picture, b: &RgbImage) -> f32 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let sum: u32 = a.rgb().iter().zip(b.as_raw()).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    sum as f32 / a.rgb().len() as f32
}

/// What `make.py` gave an encoder, as it is to be seen.
fn expected(name: &str) -> RgbImage {
    let mut expected = ideal(96, 64);
    for (x, _, pixel) in expected.enumerate_pixels_mut() {
        if name.starts_with("clear") && x < 48 {
            pixel.0 = [255; 3];
        } else if name.starts_with("grey") {
            pixel.0 = [pixel.0[0]; 3];
        }
    }
    expected
}

/// The endings of formats that this build reads.
fn endings() -> &'static [&'static str] {
    const ALL: &[&str] = &[".avif", ".jxl", ".jp2", ".j2k", ".psd", ".heic"];
    if cfg!(feature = "heic") { ALL } else { &ALL[..ALL.len() - 1] }
}

#[test]
fn pictures_of_other_formats_show_what_their_encoders_were_given() {
    for name in names(endings()) {
        let (shown, original) = answer(&name, &file(&name)).unwrap_or_else(|sentence| panic!("{name}: {sentence}"));
        assert_eq!(original, [96, 64], "{name}");
        let mean = difference(&shown, &expected(&name));
        let most = if name.starts_with("lossless") { 0.02 } else { 2.2 };
        assert!(mean < most, "{name} differs by {mean}");
    }
}

#[test]
fn their_size_is_known_from_their_beginning() {
    for name in names(endings()) {
        let stored = if name.starts_with("turned") { [64, 96] } else { [96, 64] };
        assert_eq!(glance(&path(&name)), Glance::Picture(stored), "{name}");
    }
}

#[test]
fn their_content_counts_and_not_their_name() {
    for name in names(endings()) {
        assert!(answer("photo.jpg", &file(&name)).is_ok(), "{name}");
    }
}

/// Whether a sentence is for people: no words of decoders.
fn plain(sentence: &str) -> bool {
    let internals = ["Format error", "decoder", "Decoding", "Err(", "{", "\"", "::", "Unexpected", "HEVC", "item"];
    sentence.len() > 15 && sentence.len() < 160 && !internals.iter().any(|word| sentence.contains(word))
}

#[test]
fn files_that_are_cut_off_say_so_or_are_shown() {
    for name in names(endings()) {
        let whole = file(&name);
        for percent in [50, 70, 90, 97] {
            let cut = &whole[..whole.len() * percent / 100];
            match answer(&name, cut) {
                Err(error) => assert!(plain(&error.to_string()), "{name} at {percent} %: {error}"),
                Ok((shown, _)) => assert!(difference(&shown, &expected(&name)) < 8.0, "{name} at {percent} %"),
            }
        }
    }
    for name in names(endings()).iter().filter(|name| name.starts_with("plain")) {
        let whole = file(name);
        let cut = answer(name, &whole[..whole.len() - 100]).unwrap_err();
        assert_eq!(cut, ReadError::Picture(PictureError::CutShort), "{name}");
    }
}

#[test]
fn damaged_files_get_a_sentence_and_never_end_the_program() {
    let mut state = 11_u32;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    crate::use_helper();
    for name in names(endings()) {
        let whole = file(&name);
        for round in 0..rounds() {
            let mut bytes = whole.clone();
            for _ in 0..=round % 3 {
                let at = random(bytes.len());
                bytes[at] = [0, 1, 0x7f, 0xff, random(256) as u8][random(5)];
            }
            match read(Path::new(&name), &bytes, &ReadOptions::default()) {
                Err(ReadError::DecoderPanicked | ReadError::DecoderStopped) | Ok(_) => {}
                Err(error) => assert!(plain(&error.to_string()), "{name} {round}: {error}"),
            }
        }
    }
}

/// How many damaged versions of a file are tried; more by a variable, which takes minutes.
fn rounds() -> usize {
    std::env::var("VICINITY_DAMAGE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(40)
}

/// The same file with the first occurrence of some bytes replaced.
#[track_caller]
fn replaced(name: &str, from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = file(name);
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

#[test]
fn enormous_pictures_are_refused_before_they_are_decoded() {
    let size = |width: u32, height: u32| {
        let mut size = b"ispe\0\0\0\0".to_vec();
        size.extend(width.to_be_bytes());
        size.extend(height.to_be_bytes());
        size
    };
    let side = 60_000_u32.to_be_bytes();
    let photoshop = replaced("plain.psd", &[0, 0, 0, 64, 0, 0, 0, 96], &[side, side].concat());
    let too_large = ReadError::Picture(PictureError::TooLarge { width: 60_000, height: 60_000 });
    assert_eq!(answer("plain.psd", &photoshop).unwrap_err(), too_large);
    for name in names(endings()).iter().filter(|name| matches!(name.as_str(), "plain.heic" | "plain.avif")) {
        let claimed = replaced(name, b"ispe\0\0\0\0", &size(60_000, 60_000));
        let error = answer(name, &claimed).unwrap_err();
        assert_eq!(error, too_large, "{name}");
        // Less than is coded: no memory was reserved for it.
        let less = answer(name, &replaced(name, b"ispe\0\0\0\0", &size(1, 1)));
        assert!(less.is_err() || less.is_ok_and(|(shown, _)| shown.width() == 1), "{name}");
    }
}

/// Name, size, and the mean red, green and blue of the quarters, as Pillow shows them after their profile was applied.
type Quarters = (&'static str, [u32; 2], [[f32; 3]; 4]);

#[test]
fn photos_of_others_have_the_colours_that_pillow_shows() {
    const PILLOW: &[Quarters] = &[
        (
            "IMG_5195.HEIC",
            [2566, 3313],
            [[131.0, 128.8, 115.5], [116.4, 137.1, 104.2], [118.8, 97.2, 134.8], [130.6, 115.9, 115.7]],
        ),
        (
            // By libavif at 12 bits; Pillow cuts four of them off before it converts the colours.
            "fox_12bit_yuv444.avif",
            [1204, 800],
            [[54.3, 66.1, 72.6], [58.0, 57.9, 57.3], [47.2, 56.5, 60.1], [46.4, 44.6, 40.8]],
        ),
        (
            "hopper.avif",
            [128, 128],
            [[94.0, 72.5, 80.9], [107.5, 117.1, 155.2], [81.5, 56.6, 54.3], [76.2, 73.1, 92.3]],
        ),
        (
            "hopper.heif",
            [128, 128],
            [[94.4, 72.9, 80.3], [107.6, 117.3, 155.0], [81.2, 57.0, 53.8], [75.8, 73.5, 92.6]],
        ),
        (
            "kimono.avif",
            [722, 1024],
            [[188.3, 195.3, 171.6], [189.8, 199.4, 174.7], [164.4, 161.8, 163.0], [152.3, 140.6, 135.8]],
        ),
        (
            "kimono.mirror-horizontal.avif",
            [722, 1024],
            [[188.3, 195.3, 171.6], [189.9, 199.4, 174.7], [164.3, 161.8, 163.1], [152.3, 140.6, 135.8]],
        ),
        (
            "kimono.rotate90.avif",
            [722, 1024],
            [[188.3, 195.3, 171.6], [189.9, 199.4, 174.6], [164.3, 161.8, 163.1], [152.4, 140.5, 135.8]],
        ),
        (
            "samplefilehub.heif",
            [640, 426],
            [[58.0, 60.1, 57.9], [50.8, 59.3, 59.7], [63.5, 37.7, 26.2], [79.1, 47.1, 30.6]],
        ),
        (
            "star.avifs",
            [159, 159],
            [[254.5, 248.1, 221.5], [254.5, 248.0, 220.8], [254.6, 249.0, 225.3], [254.6, 248.9, 225.2]],
        ),
        (
            "transparency.avif",
            [64, 64],
            [[207.6, 213.4, 48.8], [69.0, 218.9, 175.0], [64.8, 210.7, 187.3], [169.8, 62.4, 239.9]],
        ),
    ];
    let folder = crate::support::project_dir().join("../shared/data/awkward_images/avif_heic");
    if !folder.exists() {
        return eprintln!("skipped: photos_of_others_have_the_colours_that_pillow_shows (no {})", folder.display());
    }
    for (name, size, quarters) in PILLOW {
        if name.to_ascii_lowercase().contains(".hei") && cfg!(not(feature = "heic")) {
            continue;
        }
        let (shown, original) = answer(name, &fs::read(folder.join(name)).unwrap()).unwrap();
        assert_eq!(original, *size, "{name}");
        let (width, height) = (shown.width(), shown.height());
        for (index, means) in quarters.iter().enumerate() {
            let from = |side: u32, second: bool| if second { side / 2..side } else { 0..side / 2 };
            let (mut sums, mut count) = ([0_u64; 3], 0);
            for y in from(height, index >= 2) {
                for x in from(width, index % 2 == 1) {
                    let at = (y * width + x) as usize * 3;
                    sums.iter_mut().zip(&shown.rgb()[at..]).for_each(|(sum, sample)| *sum += u64::from(*sample));
                    count += 1;
                }
            }
            for (sum, mean) in sums.iter().zip(means) {
                let found = *sum as f32 / count as f32;
                assert!((found - mean).abs() < 2.0, "{name}: {found} instead of {mean} in quarter {index}");
            }
        }
    }
}

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
}

fn full_box(kind: &[u8; 4], version: u8, content: &[u8]) -> Vec<u8> {
    boxed(kind, &[&[version, 0, 0, 0], content].concat())
}

/// A HEIC file of items, all of one size, of which the first is the picture.
fn heic(items: &[(u16, &[u8; 4])], references: &[u8], locations: &[u8], size: [u32; 2]) -> Vec<u8> {
    let count = (items.len() as u16).to_be_bytes();
    let entry = |(item, kind): &(u16, &[u8; 4])| {
        full_box(b"infe", 2, &[&item.to_be_bytes()[..], &[0, 0], &kind[..], &[0]].concat())
    };
    let entries: Vec<u8> = items.iter().flat_map(entry).collect();
    let size = full_box(b"ispe", 0, &size.map(u32::to_be_bytes).concat());
    let linked: Vec<u8> = items.iter().flat_map(|(item, _)| [&item.to_be_bytes()[..], &[1, 1]].concat()).collect();
    let linked = full_box(b"ipma", 0, &[&[0, 0], &count[..], &linked].concat());
    let lists = [
        full_box(b"hdlr", 0, b"\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        full_box(b"pitm", 0, &items[0].0.to_be_bytes()),
        full_box(b"iinf", 0, &[&count[..], &entries].concat()),
        full_box(b"iref", 0, references),
        full_box(b"iloc", 0, locations),
        boxed(b"iprp", &[boxed(b"ipco", &size), linked].concat()),
    ];
    [boxed(b"ftyp", b"heic\0\0\0\0mif1heic"), full_box(b"meta", 0, &lists.concat())].concat()
}

#[test]
fn hostile_lists_of_items_are_refused() {
    if cfg!(not(feature = "heic")) {
        return;
    }
    let reference = |from: u16, to: &[u16]| {
        let ids = [&[from, to.len() as u16], to].concat();
        boxed(b"dimg", &ids.iter().flat_map(|id| id.to_be_bytes()).collect::<Vec<_>>())
    };
    let nowhere = [0x44, 0, 0, 0];
    let beyond = b"\x44\0\0\x01\0\x01\0\0\0\x01\xff\xff\xff\xf0\x7f\xff\xff\xff";
    // Parts of no bytes: 60,000 items of 65,535 parts each would take 94 GB.
    let parts = [&[0, 0][..], &60_000_u16.to_be_bytes(), &b"\0\x01\0\0\xff\xff".repeat(60_000)].concat();
    let (grid, coded, same) = (b"grid", b"hvc1", b"iden");
    let many = reference(1, &[2; 5000]);
    let files = [
        ("many tiles", heic(&[(1, grid), (2, coded)], &many, &nowhere, [64, 64])),
        ("itself as a tile", heic(&[(1, grid)], &reference(1, &[1]), &nowhere, [64, 64])),
        ("itself", heic(&[(1, same)], &reference(1, &[1]), &nowhere, [64, 64])),
        ("beyond the file", heic(&[(1, coded)], &[], beyond, [64, 64])),
        ("parts", heic(&[(1, coded)], &[], &parts, [64, 64])),
    ];
    for (what, bytes) in files {
        let error = answer("a.heic", &bytes).unwrap_err();
        let damaged = matches!(error, ReadError::Picture(PictureError::Damaged { .. }));
        assert!(damaged && plain(&error.to_string()), "{what}: {error}");
    }
    // Two pictures of so many pixels that their sum has no number.
    let overlaid = heic(&[(1, b"iovl"), (2, coded)], &reference(1, &[2, 2]), &nowhere, [u32::MAX; 2]);
    let too_large = PictureError::TooLarge { width: u32::MAX, height: u32::MAX };
    assert_eq!(answer("a.heic", &overlaid).unwrap_err(), ReadError::Picture(too_large));
    let deep = (0..10_000).fold(Vec::new(), |inner, _| boxed(b"meta", &inner));
    assert!(answer("a.heic", &[boxed(b"ftyp", b"heic\0\0\0\0mif1heic"), deep].concat()).is_err());
    let wide = heic(&[(1, coded)], &[], &nowhere, [1 << 20, 1 << 20]);
    let too_large = PictureError::TooLarge { width: 1 << 20, height: 1 << 20 };
    assert_eq!(answer("a.heic", &wide).unwrap_err(), ReadError::Picture(too_large));
}
