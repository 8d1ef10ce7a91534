//! MobileCLIP: parity with timm and open_clip on a small network, independence of the batch, instruction sets.

use crate::support::assert_pass_with;
use std::path::PathBuf;
use std::sync::LazyLock;

use vicinity_core::Picture;
use vicinity_models::mobileclip::{self, MobileClipTowers};
use vicinity_models::model_dir::{Architecture, ModelDir};
use vicinity_models::tokenize::clip::ClipTokenizer;
use vicinity_models::{ImageTower, LongText, Pixels, TextOptions, TextTower};

/// Largest difference of a number inside a network.
const HIDDEN: f32 = 1e-4;
/// Largest difference of a component of a unit vector.
const UNIT: f32 = 2e-5;
/// Side of the small network's pictures.
const SIDE: usize = 64;

fn fixture() -> PathBuf {
    crate::support::project_dir().join("tests/fixtures/mobileclip")
}

static FOLDER: LazyLock<ModelDir> = LazyLock::new(|| ModelDir::open(&fixture()).expect("a model folder"));
static TOWERS: LazyLock<MobileClipTowers> = LazyLock::new(|| mobileclip::open(&FOLDER).expect("the model loads"));
static CASES: LazyLock<serde_json::Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../fixtures/mobileclip/cases.json")).expect("valid JSON"));

/// Rows of the recording `name`.
fn expected(name: &str) -> Vec<Vec<f32>> {
    let file = include_bytes!("../fixtures/mobileclip/expected.safetensors");
    let file = safetensors::SafeTensors::deserialize(file).expect("a safetensors file");
    let tensor = file.tensor(name).expect("the tensor");
    let values: Vec<f32> = tensor.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    values.chunks(values.len() / tensor.shape()[0]).map(<[f32]>::to_vec).collect()
}

fn texts() -> Vec<&'static str> {
    let list = CASES["texts"].as_array().expect("a list");
    list.iter().map(|t| t["text"].as_str().expect("a text")).collect()
}

/// The recorded pixels, in the tower's order.
fn pixels() -> Vec<Pixels> {
    let planes_last = |planes: Vec<f32>| {
        let at = |i: usize| planes[i % 3 * SIDE * SIDE + i / 3];
        Pixels((0..planes.len()).map(at).collect())
    };
    expected("pixel_values").into_iter().map(planes_last).collect()
}

fn gap(found: &[Vec<f32>], wanted: &[Vec<f32>]) -> f32 {
    assert_eq!(found.len(), wanted.len());
    let mut largest = 0.0_f32;
    for (found, wanted) in found.iter().zip(wanted) {
        assert_eq!(found.len(), wanted.len());
        let off = |(a, b): (&f32, &f32)| if a.is_nan() { f32::INFINITY } else { (a - b).abs() };
        largest = found.iter().zip(wanted).map(off).fold(largest, f32::max);
    }
    largest
}

#[test]
fn pictures_are_prepared_as_open_clip_does_it() {
    for (name, wanted) in ["landscape", "portrait", "square"].iter().zip(pixels()) {
        let rgb = image::open(fixture().join(format!("images/{name}.png"))).expect("a readable picture").to_rgb8();
        let picture = Picture::new(rgb.width(), rgb.height(), rgb.into_raw()).expect("whole");
        let off = gap(&[TOWERS.image.prepare(&picture).0], &[wanted.0]) * 255.0;
        assert!(off < 0.001, "{name}: off by {off} levels");
    }
}

#[test]
fn features_of_pictures_agree_with_timm() {
    let off = gap(&TOWERS.image.features(&pixels()).expect("a forward pass"), &expected("image.features"));
    println!("image features: off by {off:e}");
    assert!(off <= HIDDEN, "off by {off}");
}

#[test]
fn features_of_texts_agree_with_open_clip() {
    let windows: Vec<_> = texts().iter().map(|text| TOWERS.text.tokens(text).expect("tokens")).collect();
    let off = gap(&TOWERS.text.features(&windows).expect("a forward pass"), &expected("text.features"));
    println!("text features: off by {off:e}");
    assert!(off <= HIDDEN, "off by {off}");
}

#[test]
fn unit_vectors_agree() {
    let pictures = TOWERS.image.embed(&pixels()).expect("pictures are embedded");
    let pictures: Vec<_> = pictures.iter().map(|e| e.as_slice().to_vec()).collect();
    let texts = TOWERS.text.embed(&texts(), TextOptions::default()).expect("texts are embedded");
    let texts: Vec<_> = texts.iter().map(|t| t.embedding.as_slice().to_vec()).collect();
    let (image, text) = (gap(&pictures, &expected("image.embedding")), gap(&texts, &expected("text.embedding")));
    println!("image embeddings: off by {image:e}, text embeddings: {text:e}");
    assert!(image <= UNIT && text <= UNIT, "off by {image} and {text}");
}

#[test]
fn token_ids_agree_whichever_files_they_come_from() {
    let parts = tempfile::tempdir().expect("a folder");
    for name in ["vocab.json", "merges.txt", "open_clip_config.json", "open_clip_model.safetensors"] {
        std::fs::copy(fixture().join(name), parts.path().join(name)).expect("a copy");
    }
    let parts = ClipTokenizer::open(&ModelDir::open(parts.path()).expect("a model folder")).expect("a tokenizer");
    for case in CASES["texts"].as_array().expect("a list") {
        let text = case["text"].as_str().expect("a text");
        let found = TOWERS.text.tokens(text).expect("tokens");
        assert_eq!(serde_json::json!(found), case["input_ids"], "{text}");
        let windows = parts.windows(text, 77, LongText::Truncate).expect("tokens");
        assert_eq!(windows.len(), 1);
        assert_eq!(windows[0], found[..windows[0].len()], "{text}");
    }
}

#[test]
fn a_vector_does_not_depend_on_its_batch() {
    let all = TOWERS.image.features(&pixels()).expect("a forward pass");
    for (pixels, together) in pixels().into_iter().zip(&all) {
        assert_eq!(&TOWERS.image.features(&[pixels]).expect("a forward pass")[0], together);
    }
    // More than one group of texts.
    let many: Vec<&str> = texts().into_iter().cycle().take(11).collect();
    let together = TOWERS.text.embed(&many, TextOptions::default()).expect("texts are embedded");
    for (text, together) in many.iter().zip(together) {
        let alone = TOWERS.text.embed(&[text], TextOptions::default()).expect("a text is embedded");
        assert_eq!(alone[0].embedding.as_slice(), together.embedding.as_slice(), "{text}");
    }
}

#[test]
fn long_texts_are_cut_or_averaged() {
    let long = texts().into_iter().max_by_key(|t| t.len()).expect("a text");
    let embed = |long_text| {
        let options = TextOptions { long_text, ..Default::default() };
        TOWERS.text.embed(&[long], options).expect("a text is embedded").remove(0)
    };
    let (cut, mean) = (embed(LongText::Truncate), embed(LongText::Mean));
    assert_eq!(cut.tokens, 75);
    assert!(mean.tokens > 2 * cut.tokens, "{} tokens", mean.tokens);
    assert_ne!(cut.embedding.as_slice(), mean.embedding.as_slice());
}

#[test]
fn every_instruction_set_agrees() {
    let tests = ["features_of_pictures_agree_with_timm", "features_of_texts_agree_with_open_clip"];
    assert_pass_with(&["portable", "avx2"], module_path!(), &tests);
}

#[test]
fn a_folder_becomes_a_model() {
    assert_eq!(FOLDER.architecture().expect("a known one"), Architecture::MobileClip);
    let model = vicinity_models::load(&fixture()).expect("the model loads");
    assert_eq!((model.info.key.name.as_str(), model.info.key.dim), ("mobileclip", 32));
    assert_eq!(model.info.key.revision, FOLDER.revision().expect("readable files"));
    assert_eq!(model.info.max_tokens, 77);
    assert!(model.info.label_scale > 1.0 && model.info.label_scale <= 100.0, "{}", model.info.label_scale);
    assert!(model.image.embed(&[]).expect("nothing").is_empty());
    assert!(model.text.embed(&[], TextOptions::QUERY).expect("nothing").is_empty());
    assert!(model.image.embed(&[Pixels(vec![0.0; 7])]).is_err());
}
