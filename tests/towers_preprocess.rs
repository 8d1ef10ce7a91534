//! Resizing is bit for bit that of Pillow 12.

mod support;

use vicinity::domain::Picture;
use vicinity::towers::golden;
use vicinity::towers::preprocess::{Filter, squash};

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
        let small = squash(&golden::picture(width, height), 260, 260, Filter::Bicubic);
        assert_eq!(&blake3::hash(&small).to_hex()[..16], wanted, "{width}x{height}");
    }
}

#[test]
fn plain_rust_gives_the_same_bytes() {
    let test = "pictures_of_any_shape_become_what_the_reference_makes_of_them";
    let mut child = std::process::Command::new(std::env::current_exe().expect("this test"));
    let child = child.args(["--exact", test]).env("VICINITY_SIMD", "portable").output().expect("the test starts");
    let report = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success() && report.contains("1 passed"), "{report}");
}

#[test]
fn real_pictures_become_what_pillow_makes_of_them() {
    let Some(shared) = support::shared("real_pictures_become_what_pillow_makes_of_them") else { return };
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
        let found = squash(&picture, 224, 224, Filter::Bicubic);
        let planes: Vec<u8> = (0..3).flat_map(|c| found.iter().skip(c).step_by(3).copied()).collect();
        assert!(planes == wanted, "{name}");
        seen += 1;
    }
    assert_eq!(seen, 3, "landscape, portrait and a tiny one");
}

#[test]
fn sizes_that_stay_are_not_touched() {
    let picture = golden::picture(31, 17);
    assert_eq!(squash(&picture, 31, 17, Filter::Bicubic), picture.rgb());
    assert_eq!(squash(&picture, 31, 17, Filter::Bilinear), picture.rgb());
}

#[test]
fn one_colour_stays_that_colour() {
    for (width, height) in [(1, 1), (2, 3), (1, 20_000), (20_000, 1), (300, 7)] {
        let picture = Picture::new(width, height, [9, 128, 250].repeat((width * height) as usize)).expect("whole");
        for filter in [Filter::Bilinear, Filter::Bicubic] {
            let small = squash(&picture, 5, 4, filter);
            assert!(small.as_chunks::<3>().0.iter().all(|p| *p == [9, 128, 250]), "{width}x{height} {filter:?}");
        }
    }
}
