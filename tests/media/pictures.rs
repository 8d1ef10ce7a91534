//! Pictures are read as other programs show them, or refused in plain words: unusual JPEGs, colour profiles,
//! orientations, pages and frames, files that are cut off, and metadata that claims gigabytes.

use std::io::{Cursor, Write};
use std::path::Path;

use super::files::{
    self, apng, big_exif, chunk, chunks, exif, gif, icon, ideal, png, profile, shown, tiff, webp_animation, with_chunk,
    with_segment,
};
use image::{DynamicImage, ImageFormat, RgbImage, RgbaImage};
use vicinity_core::{Part, Picture};
use vicinity_media::{Content, Glance, PartContent, PictureError, ReadError, ReadOptions, TiffKind, glance, read};

fn answer(bytes: &[u8]) -> Result<(Picture, [u32; 2]), ReadError> {
    match read(Path::new("picture.png"), bytes, &ReadOptions::default()) {
        Ok(Some(Content::Image { picture, original })) => Ok((picture, original)),
        Ok(other) => panic!("no picture: {other:?}"),
        Err(error) => Err(error),
    }
}

#[track_caller]
fn picture(bytes: &[u8]) -> Picture {
    answer(bytes).unwrap_or_else(|sentence| panic!("refused: {sentence}")).0
}

#[track_caller]
fn refusal(bytes: &[u8]) -> String {
    answer(bytes)
        .map(|(picture, _)| panic!("read: {} × {}", picture.width(), picture.height()))
        .unwrap_err()
        .to_string()
}

/// The mean difference of two pictures' samples, 0 to 255.
#[track_caller]
fn difference(a: &Picture, b: &RgbImage) -> f32 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let sum: u32 = a.rgb().iter().zip(b.as_raw()).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    sum as f32 / a.rgb().len() as f32
}

/// The JPEG files of `tests/fixtures/jpeg`: all of them show the ideal picture, written in odd ways.
fn jpegs() -> Vec<(String, Vec<u8>)> {
    let folder = crate::support::project_dir().join("tests/fixtures/jpeg");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap()))
        .collect()
}

fn jpeg(name: &str) -> Vec<u8> {
    jpegs().into_iter().find(|(found, _)| found == name).unwrap().1
}

fn written(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn unusual_jpegs_show_what_libjpeg_shows() {
    let ideal = ideal(52, 44);
    let all = jpegs();
    assert!(all.len() >= 25);
    for (name, bytes) in all {
        let mean = difference(&picture(&bytes), &ideal);
        // libjpeg's own mean is at most 4.1, where chroma has an eighth of the samples.
        assert!(mean < 4.5, "{name}: differs by {mean}");
    }
}

#[test]
fn kinds_of_jpeg_that_no_decoder_has_are_refused_by_name() {
    let frame = |bytes: &[u8]| bytes.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    let changed = |at: usize, value: u8| {
        let mut bytes = jpeg("sampling_444");
        let start = frame(&bytes);
        bytes[start + at] = value;
        refusal(&bytes)
    };
    assert!(changed(1, 0xc9).contains("arithmetic coding"));
    assert!(changed(1, 0xc5).contains("hierarchical"));
    assert!(changed(4, 12).contains("12 bits per channel"));
    let mut uneven = jpeg("sampling_444");
    let start = frame(&uneven);
    (uneven[start + 11], uneven[start + 14]) = (0x31, 0x21);
    assert!(refusal(&uneven).contains("uneven"), "three samples beside two");
    for (name, bytes) in jpegs() {
        let start = frame(&bytes);
        for at in start..start + 18 {
            for value in [0, 1, 3, 0x11, 0x7f, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] = value;
                // A picture or a sentence.
                assert!(answer(&bytes).map_or_else(|error| plain(&error.to_string()), |_| true), "{name} {at} {value}");
            }
        }
    }
}

/// Whether a sentence is for people: no words of decoders.
fn plain(sentence: &str) -> bool {
    let internals = ["Format error", "decoder", "Decoding", "Err(", "{", "\"", "::", "Unexpected", "ExtendedColorType"];
    sentence.len() > 15 && sentence.len() < 160 && !internals.iter().any(|word| sentence.contains(word))
}

#[test]
fn a_picture_that_is_cut_off_is_said_to_be_cut_off() {
    // Noise, so that every part of the file holds a part of the picture.
    let noise = |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).to_le_bytes();
    let rgb = RgbImage::from_fn(96, 160, |x, y| image::Rgb([noise(x, y)[1], noise(y, x)[2], noise(x, y)[2]]));
    let rgba = RgbaImage::from_fn(96, 160, |x, y| {
        let [r, g, b] = rgb.get_pixel(x, y).0;
        image::Rgba([r, g, b, 255])
    });
    use ImageFormat as F;
    let mut files = vec![("a cut scan of one component", jpeg("scans_420")), ("ink", jpeg("cmyk_adobe"))];
    for format in [F::Jpeg, F::Png, F::Gif, F::WebP, F::Tiff, F::Bmp, F::Qoi, F::Pnm] {
        files.push((format.extensions_str()[0], written(rgb.clone(), format)));
    }
    files.push(("farbfeld", written(DynamicImage::from(rgba).into_rgba16(), F::Farbfeld)));
    for (name, bytes) in files {
        assert!(answer(&bytes).is_ok(), "{name}");
        for percent in [30, 60] {
            let cut = answer(&bytes[..bytes.len() * percent / 100]).map(|_| "it is read".to_owned());
            assert_eq!(cut, Err(ReadError::Picture(PictureError::CutShort)), "{name} cut to {percent} %");
            assert!(cut.is_err_and(|error| error.to_string().contains("truncated")));
        }
    }
}

#[test]
fn a_jpeg_filled_up_with_grey_is_refused_though_its_end_is_there() {
    let rgb = RgbImage::from_fn(256, 256, |x, y| image::Rgb([(x * 7 + y * 3) as u8, (x ^ y) as u8, (y * 5) as u8]));
    let mut bytes = written(rgb, ImageFormat::Jpeg);
    let half = bytes.len() / 2;
    // Codes that no table has.
    bytes.truncate(half);
    bytes.extend([0xff, 0].repeat(200));
    bytes.extend([0xff, 0xd9]);
    assert!(refusal(&bytes).contains("damaged"));
    let grey = RgbImage::from_pixel(64, 64, image::Rgb([128; 3]));
    assert_eq!(picture(&written(grey.clone(), ImageFormat::Jpeg)).rgb(), grey.as_raw(), "a grey picture is one");
}

#[test]
fn what_is_missing_after_the_pixels_does_not_matter() {
    let ideal = ideal(52, 44);
    let whole = png(&ideal);
    let parts = chunks(&whole);
    let end = whole.len() - 12;
    for (what, bytes) in [
        ("IEND is missing", whole[..end].to_vec()),
        ("IEND is cut", whole[..end + 6].to_vec()),
        ("the last checksum is cut, too", whole[..end - 4].to_vec()),
        ("something follows", [whole.as_slice(), b"trailing bytes"].concat()),
        ("the checksum of a text is wrong", {
            let mut bytes = with_chunk(&whole, b"tEXt", b"Comment\0words");
            bytes[33 + 8 + 13 + 1] ^= 0x55;
            bytes
        }),
        ("an empty IDAT", with_chunk(&whole, b"IDAT", b"")),
    ] {
        assert_eq!(picture(&bytes).rgb(), ideal.as_raw(), "{what}");
    }
    assert!(refusal(&whole[..end - 16]).contains("truncated"), "the last pixels are missing");
    let idat = parts.iter().position(|(kind, _)| kind == b"IDAT").unwrap();
    let without: Vec<u8> =
        parts.iter().enumerate().filter(|(at, _)| *at != idat).flat_map(|(_, (k, d))| chunk(k, d)).collect();
    assert!(refusal(&[&whole[..8], &without].concat()).contains("truncated"), "no pixels at all");

    for name in ["sampling_420", "sampling_444", "restarts"] {
        let bytes = jpeg(name);
        let mean = difference(&picture(&bytes[..bytes.len() - 2]), &ideal);
        assert!(mean < 2.0, "{name} without its end: {mean}");
        let mean = difference(&picture(&[&bytes, bytes.as_slice()].concat()), &ideal);
        assert!(mean < 2.0, "{name} with something behind: {mean}");
    }
}

#[test]
fn colour_profiles_are_applied_in_every_format() {
    let ideal = ideal(52, 44);
    let swapped = RgbImage::from_fn(52, 44, |x, y| {
        let [r, g, b] = ideal.get_pixel(x, y).0;
        image::Rgb([b, g, r])
    });
    let icc = profile();
    let deflated = {
        let mut bytes = b"swapped\0\0".to_vec();
        let mut deflate = flate2::write::ZlibEncoder::new(&mut bytes, flate2::Compression::default());
        deflate.write_all(&icc).unwrap();
        deflate.finish().unwrap();
        bytes
    };
    let jpeg = written(swapped.clone(), ImageFormat::Jpeg);
    let (first, second) = icc.split_at(100);
    let part = |number: u8, data: &[u8]| [b"ICC_PROFILE\0".as_slice(), &[number, 2], data].concat();
    // In two segments, and those in the wrong order.
    let jpeg = with_segment(&with_segment(&jpeg, 0xe2, &part(1, first)), 0xe2, &part(2, second));
    let deep = written(DynamicImage::from(swapped.clone()).into_rgb16(), ImageFormat::Png);
    for (what, bytes, most) in [
        ("PNG", with_chunk(&png(&swapped), b"iCCP", &deflated), 1.0),
        ("PNG of 16 bits", with_chunk(&deep, b"iCCP", &deflated), 1.0),
        ("JPEG", jpeg, 4.0),
        ("TIFF", tiff(&[(&swapped, 0)], &[(34675, 7, &icc)], false), 1.0),
        ("big-endian TIFF", tiff(&[(&swapped, 0)], &[(34675, 7, &icc)], true), 1.0),
        ("WebP", files::webp(&swapped, &[(b"ICCP", &icc)]), 1.0),
        ("GIF", gif(&swapped, &icc), 16.0),
        ("BMP", files::bmp(&swapped, &icc), 1.0),
    ] {
        let mean = difference(&picture(&bytes), &ideal);
        assert!(mean < most, "{what}: differs by {mean}");
    }
    let broken = with_chunk(&png(&ideal), b"iCCP", b"broken\0\0no profile");
    assert_eq!(picture(&broken).rgb(), ideal.as_raw(), "a broken profile is ignored");
    let half = with_segment(&written(ideal.clone(), ImageFormat::Jpeg), 0xe2, &part(2, second));
    assert!(difference(&picture(&half), &ideal) < 4.0, "half a profile is ignored");
}

#[test]
fn a_profile_that_says_srgb_changes_no_bit() {
    let ideal = ideal(52, 44);
    let srgb = moxcms::ColorProfile::new_srgb().encode().unwrap();
    let with = files::webp(&ideal, &[(b"ICCP", &srgb)]);
    assert_eq!(picture(&with).rgb(), ideal.as_raw());
    let gamma = with_chunk(&png(&ideal), b"gAMA", &45_455u32.to_be_bytes());
    assert_eq!(picture(&gamma).rgb(), ideal.as_raw());
}

#[test]
fn grey_profiles_and_the_gamma_of_png_are_applied() {
    let grey = image::GrayImage::from_fn(16, 16, |x, y| image::Luma([(y * 16 + x) as u8]));
    // Linear light: 55 of 255 is middle grey.
    let linear = |v: u8| {
        let v = f32::from(v) / 255.0;
        let encoded = if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
        (encoded * 255.0).round() as u8
    };
    let wanted: Vec<u8> = grey.as_raw().iter().flat_map(|v| [linear(*v); 3]).collect();
    let wanted = RgbImage::from_raw(16, 16, wanted).unwrap();
    let plain = written(grey.clone(), ImageFormat::Png);
    let icc = moxcms::ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let tagged = tiff_of_grey(&grey, &icc);
    let gamma = with_chunk(&plain, b"gAMA", &100_000u32.to_be_bytes());
    for (what, bytes) in [("profile", tagged), ("gamma", with_gamma_of_rgb(&grey)), ("gamma of grey", gamma)] {
        let mean = difference(&picture(&bytes), &wanted);
        assert!(mean < 1.0, "{what}: differs by {mean}");
    }
    let declared = with_chunk(&with_chunk(&plain, b"sRGB", &[0]), b"gAMA", &100_000u32.to_be_bytes());
    assert_eq!(picture(&declared).rgb()[3 * 55], 55, "sRGB outranks gamma");
}

fn with_gamma_of_rgb(grey: &image::GrayImage) -> Vec<u8> {
    let rgb = DynamicImage::from(grey.clone()).into_rgb8();
    with_chunk(&png(&rgb), b"gAMA", &100_000u32.to_be_bytes())
}

fn tiff_of_grey(grey: &image::GrayImage, icc: &[u8]) -> Vec<u8> {
    let jpeg = |quality| {
        let mut bytes = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality);
        grey.write_with_encoder(encoder).unwrap();
        bytes
    };
    with_segment(&jpeg(100), 0xe2, &[b"ICC_PROFILE\0\x01\x01".as_slice(), icc].concat())
}

#[test]
fn orientations_are_followed_in_every_format_and_as_any_number() {
    let upright = ideal(52, 44);
    let stored = image::imageops::rotate270(&upright);
    for kind in [3u16, 4] {
        let block = exif(kind, 6);
        let marked = [b"Exif\0\0".as_slice(), &block].concat();
        for (what, bytes, most) in [
            ("JPEG", with_segment(&written(stored.clone(), ImageFormat::Jpeg), 0xe1, &marked), 4.0),
            (
                "JPEG, big-endian",
                {
                    let marked = [b"Exif\0\0".as_slice(), &big_exif(kind, 6)].concat();
                    with_segment(&written(stored.clone(), ImageFormat::Jpeg), 0xe1, &marked)
                },
                4.0,
            ),
            ("PNG", with_chunk(&png(&stored), b"eXIf", &block), 0.1),
            ("WebP", files::webp(&stored, &[(b"EXIF", &block)]), 0.1),
            ("WebP, marked as in JPEG", files::webp(&stored, &[(b"EXIF", &marked)]), 0.1),
            ("TIFF", tiff(&[(&stored, 0)], &[(274, kind, &number(kind, 6))], false), 0.1),
        ] {
            let (picture, original) = answer(&bytes).unwrap();
            assert_eq!(original, [52, 44], "{what}");
            let mean = difference(&picture, &upright);
            assert!(mean < most, "{what} of kind {kind}: differs by {mean}");
        }
    }
}

fn number(kind: u16, value: u16) -> Vec<u8> {
    if kind == 3 { value.to_le_bytes().to_vec() } else { u32::from(value).to_le_bytes().to_vec() }
}

fn inverted(mut image: RgbImage) -> RgbImage {
    image::imageops::invert(&mut image);
    image
}

#[test]
fn the_main_page_of_a_tiff_is_not_its_reduced_copy() {
    let main = ideal(52, 44);
    let copy = inverted(image::imageops::thumbnail(&main, 26, 22));
    let mask = inverted(main.clone());
    for (what, pages) in [
        ("a reduced copy first", vec![(&copy, 1), (&main, 0)]),
        ("a smaller copy first, not marked as one", vec![(&copy, 0), (&main, 0)]),
        ("a mask first", vec![(&mask, 4), (&main, 0)]),
        ("the main page first", vec![(&main, 0), (&copy, 1)]),
        ("a document: its first page", vec![(&main, 2), (&mask, 2)]),
    ] {
        for big_endian in [false, true] {
            let bytes = tiff(&pages, &[], big_endian);
            assert_eq!(picture(&bytes).rgb(), main.as_raw(), "{what}");
        }
    }
    assert_eq!(picture(&tiff(&[(&copy, 1)], &[], false)).rgb(), copy.as_raw(), "only a reduced copy");
}

#[test]
fn pages_of_a_tiff_are_parts_if_that_is_wanted() {
    let (main, copy) = (ideal(52, 44), ideal(26, 22));
    let other = inverted(main.clone());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scans.tif");
    let pages = ReadOptions { pages: true, ..ReadOptions::default() };
    let content = |bytes: &[u8], options: &ReadOptions| {
        std::fs::write(&path, bytes).unwrap();
        let mut file = vicinity_media::open(&path).unwrap();
        file.fill().unwrap();
        file.content(&path, options).unwrap().unwrap().1
    };
    let file = tiff(&[(&copy, 1), (&main, 2), (&other, 2)], &[], false);
    assert!(matches!(content(&file, &ReadOptions::default()), Content::Image { .. }));
    assert!(matches!(content(&tiff(&[(&copy, 1), (&main, 0)], &[], false), &pages), Content::Image { .. }), "one page");
    let Content::Parts(parts) = content(&file, &pages) else { panic!("not taken apart") };
    let parts: Vec<_> = parts.map(Result::unwrap).collect();
    assert_eq!(parts.iter().map(|part| part.part).collect::<Vec<_>>(), [Part::Page(1), Part::Page(2)]);
    assert_ne!(parts[0].hash, parts[1].hash);
    for (part, wanted) in parts.into_iter().zip([&main, &other]) {
        let again = vicinity_media::read_part(&path, part.part).unwrap().unwrap();
        for content in [part.content, again] {
            let PartContent::Picture { picture, original } = content else { panic!("no picture") };
            assert_eq!((picture.rgb(), original), (&wanted.as_raw()[..], [52, 44]));
        }
    }
    assert!(vicinity_media::read_part(&path, Part::Page(3)).is_err());
    assert!(vicinity_media::read_part(&path, Part::PageText(1)).unwrap().is_none());
    // A page of a kind that is not read costs itself alone.
    let lab = 8_u16.to_le_bytes();
    let file = tiff(&[(&main, 2), (&other, 2)], &[(262, 3, &lab)], false);
    let Content::Parts(parts) = content(&file, &pages) else { panic!("not taken apart") };
    let read: Vec<_> = parts.map(|part| part.map(|part| part.part).map_err(|error| error.part)).collect();
    assert_eq!(read, [Ok(Part::Page(1)), Err(Part::Page(2))]);
}

#[test]
fn the_picture_of_an_animation_is_its_first_frame_that_shows_something() {
    let main = ideal(52, 44);
    let hidden = inverted(main.clone());
    let (black, white) = (shown(52, 44, 0), shown(52, 44, 255));
    for (what, bytes, most) in [
        ("APNG with a hidden default picture", apng(Some(&hidden), &[&main]), 0.1),
        ("APNG whose first frames are blank", apng(None, &[&black, &white, &main]), 0.1),
        ("APNG with both", apng(Some(&hidden), &[&black, &main]), 0.1),
        ("APNG whose default picture is its first frame", apng(None, &[&main, &hidden]), 0.1),
        // The decoder blends opaque frames with what is below, and rounds.
        ("WebP whose first frames are blank", webp_animation(&[&black, &white, &main]), 1.5),
        ("WebP", webp_animation(&[&main, &hidden]), 1.5),
        ("GIF whose first frames are blank", files::gif_animation(&[&black, &white, &main]), 16.0),
        ("GIF", files::gif_animation(&[&main, &hidden]), 16.0),
    ] {
        let mean = difference(&picture(&bytes), &main);
        assert!(mean < most, "{what}: differs by {mean}");
    }
    assert_eq!(picture(&apng(None, &[&black, &white])).rgb(), black.as_raw(), "nothing but blank frames: the first");
}

#[test]
fn frames_of_an_animation_that_differ_are_parts_if_that_is_wanted() {
    let main = ideal(52, 44);
    let other = inverted(main.clone());
    let black = shown(52, 44, 0);
    let mut nearly = main.clone();
    nearly.get_pixel_mut(3, 3).0 = [0; 3];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film");
    let read = |bytes: &[u8], pages: bool| {
        std::fs::write(&path, bytes).unwrap();
        let mut file = vicinity_media::open(&path).unwrap();
        file.fill().unwrap();
        file.content(&path, &ReadOptions { pages, ..ReadOptions::default() }).unwrap().unwrap().1
    };
    let frames = [&black, &main, &nearly, &other, &main];
    for (what, bytes, most) in [
        ("GIF", files::gif_animation(&frames), 16.0),
        ("APNG", apng(None, &frames), 0.1),
        ("WebP", webp_animation(&frames), 1.5),
    ] {
        assert!(matches!(read(&bytes, false), Content::Image { .. }), "{what}: not wanted");
        let Content::Parts(parts) = read(&bytes, true) else { panic!("{what}: not taken apart") };
        let parts: Vec<_> = parts.map(Result::unwrap).collect();
        let found: Vec<_> = parts.iter().map(|part| part.part).collect();
        assert_eq!(found, [Part::AnimationFrame(2), Part::AnimationFrame(4)], "{what}");
        assert_ne!(parts[0].hash, parts[1].hash);
        for (part, wanted) in parts.into_iter().zip([&main, &other]) {
            let again = vicinity_media::read_part(&path, part.part).unwrap().unwrap();
            for content in [part.content, again] {
                let PartContent::Picture { picture, original } = content else { panic!("no picture") };
                assert_eq!(original, [52, 44], "{what}");
                assert!(difference(&picture, wanted) < most, "{what}");
            }
        }
        assert!(vicinity_media::read_part(&path, Part::AnimationFrame(6)).is_err(), "{what}");
    }
    for (what, bytes) in [
        ("a single frame", files::gif_animation(&[&main])),
        ("frames alike", files::gif_animation(&[&main, &nearly, &main])),
        ("a still picture", png(&main)),
    ] {
        assert!(matches!(read(&bytes, true), Content::Image { .. }), "{what}");
    }
    // What was read of a file that is cut off stays.
    let whole = apng(None, &[&main, &other, &black]);
    let cut = &whole[..whole.len() - 60];
    let Content::Parts(parts) = read(cut, true) else { panic!("not taken apart") };
    let found: Vec<_> = parts.map(|part| part.map(|part| part.part).map_err(|error| error.part)).collect();
    assert_eq!(found[..2], [Ok(Part::AnimationFrame(1)), Ok(Part::AnimationFrame(2))]);
}

#[test]
fn a_long_animation_has_a_hundred_frames_at_most() {
    // Stripes of two greys, of which no two frames have the same.
    let frame = |number: u32| {
        RgbImage::from_fn(24, 24, |x, y| {
            let is_dark = (number >> (x / 3)) & 1 == 1 || y < 4;
            image::Rgb([if is_dark { 10 } else { 240 }; 3])
        })
    };
    let frames: Vec<RgbImage> = (1..=120).map(frame).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.gif");
    std::fs::write(&path, files::gif_animation(&frames.iter().collect::<Vec<_>>())).unwrap();
    let mut file = vicinity_media::open(&path).unwrap();
    file.fill().unwrap();
    let options = ReadOptions { pages: true, ..ReadOptions::default() };
    let Some((_, Content::Parts(parts))) = file.content(&path, &options).unwrap() else { panic!("not taken apart") };
    assert_eq!(parts.flatten().count(), 100);
    assert!(vicinity_media::may_have_pages(&path));
    std::fs::write(folder.path().join("still.png"), png(&ideal(9, 9))).unwrap();
    std::fs::write(folder.path().join("film.png"), apng(None, &[&ideal(9, 9), &shown(9, 9, 1)])).unwrap();
    let may_have_pages = |name: &str| vicinity_media::may_have_pages(&folder.path().join(name));
    assert_eq!(["still.png", "film.png", "none.png"].map(may_have_pages), [false, true, false]);
}

#[test]
fn the_picture_of_an_icon_is_its_largest() {
    let large = DynamicImage::from(ideal(64, 64)).into_rgba8();
    let small = DynamicImage::from(shown(16, 16, 9)).into_rgba8();
    let wanted = DynamicImage::from(large.clone()).into_rgb8();
    for (what, bytes) in [
        ("PNG, said to be shallow", icon(&[(&small, 32, true), (&large, 8, true)])),
        ("bitmaps", icon(&[(&large, 32, false), (&small, 32, false)])),
        ("bitmap, said to be shallow", icon(&[(&small, 32, true), (&large, 4, false)])),
    ] {
        assert_eq!(picture(&bytes).rgb(), wanted.as_raw(), "{what}");
    }
    let depths = icon(&[(&small, 900, true), (&large, 700, false)]);
    assert_eq!(picture(&depths).rgb(), wanted.as_raw(), "no depth, as in cursors, whose hot spot stands there");
}

#[test]
fn metadata_is_limited_before_it_is_inflated() {
    let ideal = ideal(52, 44);
    let Some(before) = crate::support::peak_memory_mb() else { return };
    let bomb = |prefix: &[u8]| {
        let mut bytes = prefix.to_vec();
        let mut deflate = flate2::write::ZlibEncoder::new(&mut bytes, flate2::Compression::default());
        for _ in 0..600 {
            deflate.write_all(&vec![0; 1 << 20]).unwrap();
        }
        deflate.finish().unwrap();
        bytes
    };
    let whole = png(&ideal);
    let inside = icon_of_png(&with_chunk(&png(&shown(32, 32, 3)), b"iCCP", &bomb(b"profile\0\0")));
    let dir = tempfile::tempdir().unwrap();
    for (what, bytes) in [
        ("iCCP", with_chunk(&whole, b"iCCP", &bomb(b"profile\0\0"))),
        ("zTXt", with_chunk(&whole, b"zTXt", &bomb(b"Comment\0\0"))),
        ("iTXt", with_chunk(&whole, b"iTXt", &bomb(b"XML:com.adobe.xmp\0\x01\0\0\0"))),
        ("iCCP within an icon", inside),
    ] {
        assert!(answer(&bytes).is_ok(), "{what}");
        let path = dir.path().join("bomb");
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(glance(&path), Glance::Picture(_)), "{what}");
    }
    // Counts of gigabytes in the directories of TIFF, in EXIF, and in the chunks of WebP.
    let huge = u32::MAX.to_le_bytes();
    let mut page = tiff(&[(&ideal, 0)], &[(34675, 7, &[1; 40]), (700, 1, &[1; 40])], false);
    for tag in [34675u16, 700] {
        let at = page.windows(2).rposition(|w| w == tag.to_le_bytes()).unwrap();
        page[at + 4..at + 8].copy_from_slice(&huge);
    }
    assert_eq!(picture(&page).rgb(), ideal.as_raw(), "TIFF");
    let mut webp = files::webp(&ideal, &[(b"EXIF", &[7; 40])]);
    let at = webp.windows(4).rposition(|w| w == b"EXIF").unwrap();
    webp[at + 4..at + 8].copy_from_slice(&huge);
    let _ = answer(&webp);
    let after = crate::support::peak_memory_mb().unwrap();
    assert!(after < before + 150, "peak memory went from {before} to {after} MB");
}

fn icon_of_png(png: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 1, 0, 1, 0, 32, 32, 0, 0, 1, 0, 32, 0];
    bytes.extend((png.len() as u32).to_le_bytes());
    bytes.extend(22u32.to_le_bytes());
    bytes.extend(png);
    bytes
}

#[test]
fn what_is_said_of_damaged_files_is_plain() {
    let ideal = ideal(52, 44);
    use ImageFormat as F;
    for format in
        [F::Jpeg, F::Png, F::Gif, F::WebP, F::Tiff, F::Bmp, F::Ico, F::Qoi, F::Pnm, F::Tga, F::Hdr, F::OpenExr]
    {
        let bytes = match format {
            F::Hdr | F::OpenExr => written(DynamicImage::from(ideal.clone()).into_rgb32f(), format),
            F::Ico => written(DynamicImage::from(ideal.clone()).into_rgba8(), format),
            _ => written(ideal.clone(), format),
        };
        for at in (8..bytes.len()).step_by(1 + bytes.len() / 200) {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0xa5;
            if let Err(sentence) = answer(&bytes) {
                assert!(plain(&sentence.to_string()), "{format:?}: {sentence}");
            }
            bytes.truncate(at);
            if let Err(sentence) = answer(&bytes) {
                assert!(plain(&sentence.to_string()), "{format:?} cut at {at}: {sentence}");
            }
        }
    }
}

#[test]
fn palettes_of_tiffs_are_followed() {
    // Each pixel has a colour of its own.
    let ideal = ideal(16, 16);
    let map: Vec<u16> = (0..3).flat_map(|c| ideal.pixels().map(move |pixel| u16::from(pixel.0[c]) * 257)).collect();
    let indices: Vec<u8> = (0..=255).collect();
    for big_endian in [false, true] {
        let tags: [(u16, &[u16]); 5] = [(258, &[8]), (259, &[1]), (262, &[3]), (277, &[1]), (320, &map)];
        let bytes = files::strip_tiff((16, 16), &tags, &indices, big_endian);
        assert_eq!(picture(&bytes).rgb(), ideal.as_raw(), "big-endian: {big_endian}");
    }
    let tags: [(u16, &[u16]); 5] =
        [(258, &[1]), (259, &[1]), (262, &[3]), (277, &[1]), (320, &[0xffff, 0, 0x8080, 0, 0, 0xffff])];
    let bytes = files::strip_tiff((8, 1), &tags, &[0b0110_0001], false);
    let (orange, blue) = ([255, 128, 0], [0, 0, 255]);
    assert_eq!(picture(&bytes).rgb(), [orange, blue, blue, orange, orange, orange, orange, blue].concat());
    let tags: [(u16, &[u16]); 5] = [(258, &[4]), (259, &[1]), (262, &[3]), (277, &[1]), (320, &[0; 48])];
    let error = answer(&files::strip_tiff((2, 1), &tags, &[0x01], false)).unwrap_err();
    let kind = TiffKind::PaletteBits { bits: 4 };
    assert_eq!(error, ReadError::Picture(PictureError::UnsupportedTiff { kind }));
    assert!(plain(&error.to_string()), "{error}");
    let tags: [(u16, &[u16]); 5] = [(258, &[8]), (259, &[1]), (262, &[3]), (277, &[1]), (320, &[0; 48])];
    assert!(answer(&files::strip_tiff((2, 1), &tags, &[0, 1], false)).is_err(), "a map that is too short");
}

#[test]
fn tiffs_of_brightness_and_colour_differences_are_read() {
    let ideal = ideal(52, 44);
    let samples: Vec<u8> = ideal
        .pixels()
        .flat_map(|pixel| {
            let [r, g, b] = pixel.0.map(f32::from);
            let y = 0.299 * r + 0.587 * g + 0.114 * b;
            [y, 128.0 + (b - y) / 1.772, 128.0 + (r - y) / 1.402].map(|value| value.round() as u8)
        })
        .collect();
    let tags = |compression: &'static [u16], subsampling: &'static [u16]| -> [(u16, &'static [u16]); 5] {
        [(258, &[8, 8, 8]), (259, compression), (262, &[6]), (277, &[3]), (530, subsampling)]
    };
    for big_endian in [false, true] {
        let plain = files::strip_tiff((52, 44), &tags(&[1], &[1, 1]), &samples, big_endian);
        assert!(difference(&picture(&plain), &ideal) < 1.0);
        let jpeg = written(ideal.clone(), ImageFormat::Jpeg);
        let packed = files::strip_tiff((52, 44), &tags(&[7], &[2, 2]), &jpeg, big_endian);
        assert!(difference(&picture(&packed), &ideal) < 4.0);
    }
    let error = answer(&files::strip_tiff((52, 44), &tags(&[1], &[2, 2]), &samples, false)).unwrap_err();
    let kind = TiffKind::SubsampledYCbCr;
    assert_eq!(error, ReadError::Picture(PictureError::UnsupportedTiff { kind }));
}

#[test]
fn lossless_jpegs_are_read_bit_by_bit() {
    let grey = |x: u16, y: u16| ((x * 29) ^ (y * 53)) & 0xff;
    let bytes = files::lossless_jpeg((13, 9), 8, grey);
    let wanted: Vec<u8> = (0..9).flat_map(|y| (0..13).flat_map(move |x| [grey(x, y) as u8; 3])).collect();
    assert_eq!(picture(&bytes).rgb(), wanted);
    let deep = |x: u16, y: u16| (x * 1217) ^ (y * 3301);
    let shown = picture(&files::lossless_jpeg((13, 9), 16, deep));
    let wanted = (0..9).flat_map(|y| (0..13).map(move |x| deep(x, y)));
    for (found, wanted) in shown.rgb().iter().step_by(3).zip(wanted) {
        assert!((f32::from(*found) - f32::from(wanted) / 257.0).abs() <= 1.0, "{found} instead of {wanted}");
    }
}

#[test]
fn a_profile_of_ink_is_applied_to_ink() {
    let plain = jpeg("cmyk_adobe");
    // L* 60 %, a* 40, b* 20 is a red.
    let icc = files::ink_profile([153, 168, 148]);
    let with = with_segment(&plain, 0xe2, &[b"ICC_PROFILE\0\x01\x01".as_slice(), &icc].concat());
    let shown = picture(&with);
    let wanted = [215u8, 114, 112];
    for pixel in shown.rgb().chunks_exact(3) {
        assert!(pixel.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) < 6), "{pixel:?} instead of {wanted:?}");
    }
    assert!(difference(&picture(&plain), &ideal(52, 44)) < 12.0, "without a profile it shows the picture");
}
