//! Resizing is bit for bit that of Pillow 12, and pictures are prepared as each model's own file says.

use crate::support::assert_pass_with;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use vicinity_core::Picture;
use vicinity_models::golden;
use vicinity_models::preprocess::{Recipe, ResizeFilter, squash};

/// BLAKE3 of resized pictures, by the straightforward program in `benches/peers/starter.py`.
const HASHES: [(u32, u32, &str); 5] = [
    (400, 300, "b3b6b44b2af414c0"),
    (97, 351, "77e5bad1b4cc348c"),
    (1, 1, "87e46423962fa507"),
    (4000, 3, "6ab154b373103739"),
    (1021, 2043, "d35621db39280b28"),
];

#[test]
fn pictures_of_any_shape_become_what_the_reference_makes_of_them() {
    for (width, height, wanted) in HASHES {
        let small = squash(&golden::picture(width, height), 260, 260, ResizeFilter::Bicubic);
        assert_eq!(&blake3::hash(&small).to_hex()[..16], wanted, "{width}x{height}");
    }
}

#[test]
fn plain_rust_gives_the_same_bytes() {
    let test = "pictures_of_any_shape_become_what_the_reference_makes_of_them";
    assert_pass_with(&["portable"], module_path!(), &[test]);
}

#[test]
fn real_pictures_become_what_pillow_makes_of_them() {
    let Some(shared) = crate::support::shared("real_pictures_become_what_pillow_makes_of_them") else { return };
    let fixtures = shared.join("fixtures");
    let folder = fixtures.join("preprocess_nomic_vision");
    let read = |name: &str| std::fs::read(folder.join(name)).expect("a readable file");
    let book: serde_json::Value = serde_json::from_slice(&read("cases.json")).expect("valid JSON");
    let file = read("expected.safetensors");
    let tensors = safetensors::SafeTensors::deserialize(&file).expect("a safetensors file");
    let expected = tensors.tensor("u8_224").expect("the tensor").data().chunks(3 * 224 * 224);
    let mut seen = 0;
    for (name, wanted) in book["u8_224"].as_array().expect("a list").iter().zip(expected) {
        let file = fixtures.join("preprocess_images").join(format!("{}.png", name.as_str().expect("a name")));
        let Ok(rgb) = image::open(&file) else { continue };
        let rgb = rgb.to_rgb8();
        let picture = Picture::new(rgb.width(), rgb.height(), rgb.into_raw()).expect("whole");
        let found = squash(&picture, 224, 224, ResizeFilter::Bicubic);
        let planes: Vec<u8> = (0..3).flat_map(|c| found.iter().skip(c).step_by(3).copied()).collect();
        assert!(planes == wanted, "{name}");
        seen += 1;
    }
    assert_eq!(seen, 3, "landscape, portrait and a tiny one");
}

#[test]
fn sizes_that_stay_are_not_touched() {
    let picture = golden::picture(31, 17);
    assert_eq!(squash(&picture, 31, 17, ResizeFilter::Bicubic), picture.rgb());
    assert_eq!(squash(&picture, 31, 17, ResizeFilter::Bilinear), picture.rgb());
}

#[test]
fn one_colour_stays_that_colour() {
    for (width, height) in [(1, 1), (2, 3), (1, 20_000), (20_000, 1), (300, 7)] {
        let picture = Picture::new(width, height, [9, 128, 250].repeat((width * height) as usize)).expect("whole");
        for filter in [ResizeFilter::Bilinear, ResizeFilter::Bicubic] {
            let small = squash(&picture, 5, 4, filter);
            assert!(small.as_chunks::<3>().0.iter().all(|p| *p == [9, 128, 250]), "{width}x{height} {filter:?}");
        }
    }
}

/// One of the pictures that every preparation was recorded for; transparent ones lie on `background` or lose their
/// alpha.
fn source(name: &str, background: Option<u8>) -> Picture {
    let path = format!("{}/tests/fixtures/preprocess/{name}.png", crate::support::project_dir().display());
    let picture = image::open(path).expect("a readable picture").to_rgba8();
    let over = |[r, g, b, a]: [u8; 4]| {
        let alpha = f64::from(a) / 255.0;
        let mix = |v, below| (f64::from(v) * alpha + f64::from(below) * (1.0 - alpha)).round() as u8;
        background.map_or([r, g, b], |below| [r, g, b].map(|v| mix(v, below)))
    };
    let rgb = picture.pixels().flat_map(|p| over(p.0)).collect();
    Picture::new(picture.width(), picture.height(), rgb).expect("whole")
}

/// Rows of the recordings, and the pictures that they were made from.
const ROWS: [(usize, &str, Option<u8>); 8] = [
    (0, "landscape", None),
    (1, "portrait", None),
    (2, "tiny_5x7", None),
    (3, "rgba", Some(255)),
    (4, "rgba", None),
    (5, "exif_decoded", None),
    (6, "exif_upright_decoded", None),
    (8, "gray16_as_gray8", None),
];

/// The largest difference in levels of 0..=255 between a recipe and its recording.
fn gap(recipe: &Recipe, recording: &[u8]) -> f32 {
    let tensors = safetensors::SafeTensors::deserialize(recording).expect("a safetensors file");
    let all = tensors.tensor("f32_64").expect("the tensor").data().as_chunks().0;
    let all: Vec<f32> = all.iter().map(|b| f32::from_le_bytes(*b)).collect();
    let mut largest = 0.0_f32;
    for (row, name, background) in ROWS {
        let found = recipe.prepare(&source(name, background));
        let wanted = &all[row * 3 * 64 * 64..][..3 * 64 * 64];
        assert_eq!(found.len(), wanted.len(), "{name}");
        for (plane, std) in recipe.std.iter().enumerate() {
            let pairs = found.iter().zip(wanted).skip(plane * 64 * 64).take(64 * 64);
            let off = |(a, b): (&f32, &f32)| if a.is_nan() { f32::INFINITY } else { (a - b).abs() * std * 255.0 };
            largest = pairs.map(off).fold(largest, f32::max);
        }
    }
    largest
}

/// The model's own file, with 64 in place of 224.
fn at_64(file: &str) -> Recipe {
    Recipe::parse(file.replace("224", "64").as_bytes()).expect("a known recipe")
}

#[test]
fn clip_pictures_are_cropped_from_the_middle() {
    let recipe = at_64(include_str!("../fixtures/preprocess/clip.json"));
    let off = gap(&recipe, include_bytes!("../fixtures/preprocess/clip.safetensors"));
    assert!(off < 0.001, "off by {off} levels");
}

#[test]
fn siglip_pictures_are_squashed() {
    let recipe = at_64(include_str!("../fixtures/preprocess/siglip.json"));
    let off = gap(&recipe, include_bytes!("../fixtures/preprocess/siglip.safetensors"));
    assert!(off < 0.001, "off by {off} levels");
}

#[test]
fn nomic_pictures_are_squashed() {
    let recipe = at_64(include_str!("../fixtures/preprocess/nomic_vision.json"));
    let off = gap(&recipe, include_bytes!("../fixtures/preprocess/nomic_vision.safetensors"));
    assert!(off < 0.001, "off by {off} levels");
}

#[test]
fn mobileclip_pictures_are_cropped_as_open_clip_does_it() {
    let config = serde_json::json!({ "mean": [0, 0, 0], "std": [1, 1, 1], "interpolation": "bilinear",
        "resize_mode": "shortest", "size": [64, 64] });
    let recipe = Recipe::parse_open_clip(&config).expect("a known recipe");
    let off = gap(&recipe, include_bytes!("../fixtures/preprocess/mobileclip.safetensors"));
    assert!(off < 0.001, "off by {off} levels");
}

/// The pictures of the sample, and some real photos where they are at hand.
fn photos(test: &str) -> Vec<Picture> {
    let list = |folder: PathBuf| {
        let mut files: Vec<_> =
            std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("a file").path()).collect();
        files.sort();
        files.into_iter().filter(|file| file.extension().is_some_and(|e| e == "jpg"))
    };
    let mut files: Vec<PathBuf> = list(crate::support::project_dir().join("assets/sample")).step_by(4).collect();
    if let Some(shared) = crate::support::shared(test) {
        let photos = shared.join("data/photos");
        files
            .extend(["coco", "everyday", "flickr8k_200px"].iter().flat_map(|name| list(photos.join(name)).step_by(17)));
    }
    let decode = |file: &PathBuf| {
        let rgb = image::open(file).expect("a picture").to_rgb8();
        Picture::new(rgb.width(), rgb.height(), rgb.into_raw()).expect("whole")
    };
    files.iter().map(decode).collect()
}

#[test]
fn a_second_witness_agrees_on_photos() {
    let test = "a_second_witness_agrees_on_photos";
    let python = match crate::support::python::python("witness") {
        Ok(python) => python,
        Err(reason) => return eprintln!("skipped: {test} (no Python with hf-processors-rs: {reason})"),
    };
    let here = crate::support::project_dir().join("tests");
    let configs = ["clip", "siglip", "nomic_vision"].map(|name| here.join(format!("fixtures/preprocess/{name}.json")));
    let mut command = Command::new(python);
    command.arg(here.join("witness/preprocess.py")).args(&configs).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut witness = command.spawn().expect("the witness starts");
    let (mut ask, mut answer) = (witness.stdin.take().expect("piped"), witness.stdout.take().expect("piped"));
    let recipes = configs.map(|file| Recipe::parse(&std::fs::read(file).expect("read")).expect("a known recipe"));
    let photos = photos(test);
    for (at, picture) in photos.iter().enumerate() {
        ask.write_all(&[picture.width().to_le_bytes(), picture.height().to_le_bytes()].concat()).expect("asked");
        ask.write_all(picture.rgb()).expect("asked");
        ask.flush().expect("asked");
        for recipe in &recipes {
            let found = recipe.prepare(picture);
            let mut wanted = vec![0; found.len() * 4];
            answer.read_exact(&mut wanted).expect("an answer");
            let wanted = wanted.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
            let off = found.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            // a level of 255 is 0.0078 and more after the division by the deviation
            assert!(off < 1e-5, "picture {at}, {}x{}: off by {off}", picture.width(), picture.height());
        }
    }
    drop(ask);
    assert!(witness.wait().expect("it ends").success());
    println!("{} pictures, three recipes", photos.len());
}

#[test]
fn old_spellings_of_the_file_mean_the_same() {
    let old = r#"{"crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true,
        "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "size": 224}"#;
    let new = Recipe::parse(include_bytes!("../fixtures/preprocess/clip.json")).expect("a known recipe");
    assert_eq!(Recipe::parse(old.as_bytes()).expect("a known recipe"), new);
}

#[test]
fn pictures_smaller_than_the_crop_lie_in_the_middle_of_zeros() {
    let file = r#"{"do_resize": false, "do_center_crop": true, "crop_size": {"height": 4, "width": 5},
        "do_rescale": false, "do_normalize": false}"#;
    let recipe = Recipe::parse(file.as_bytes()).expect("a known recipe");
    let picture = Picture::new(2, 7, (1..=14).flat_map(|v| [v; 3]).collect()).expect("whole");
    let red = &recipe.prepare(&picture)[..20];
    // Columns: two zeros before, one after. Rows: the second to the fifth of seven.
    let wanted = [0, 0, 3, 4, 0, 0, 0, 5, 6, 0, 0, 0, 7, 8, 0, 0, 0, 9, 10, 0];
    assert_eq!(red, wanted.map(|v: u8| f32::from(v)));
}

#[test]
fn a_thread_of_a_picture_never_becomes_a_huge_one() {
    let recipe = Recipe::parse(include_bytes!("../fixtures/preprocess/clip.json")).expect("a known recipe");
    for (width, height) in [(1, 20_000), (20_000, 1)] {
        assert_eq!(recipe.prepare(&golden::picture(width, height)).len(), 3 * 224 * 224);
    }
}

#[test]
fn recipes_that_cannot_be_followed_are_refused_with_the_reason() {
    let good = include_str!("../fixtures/preprocess/siglip.json");
    let changes = [
        (good.replace("\"resample\": 3", "\"resample\": 0"), "resample 0"),
        (good.replace("\"height\": 224", "\"height\": 0"), "size.height is 0"),
        (good.replace("\"height\": 224", "\"longest_edge\": 9"), "longest_edge"),
        (good.replace("\"do_resize\": true", "\"do_resize\": false"), "no common size"),
        (good.replace("image_std", "other"), "image_std is null"),
        (good[..100].to_owned(), "EOF"),
    ];
    for (file, reason) in changes {
        let error = Recipe::parse(file.as_bytes()).expect_err(reason).to_string();
        assert!(error.contains("preprocessor_config.json") && error.contains(reason), "{error}");
    }
}
