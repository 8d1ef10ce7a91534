//! The built-in model: parity with the reference, independence of the batch, hostile inputs, damaged files.

use crate::support::assert_pass_with;
use std::sync::LazyLock;

use vicinity_core::{Embedding, Picture};
use vicinity_models::builtin::{self, FILES, Files};
use vicinity_models::tokenize::BertTokenizer;
use vicinity_models::{LongText, Model, TextOptions, TowerError, golden};

/// Largest difference of a component of a unit vector.
const TOLERANCE: f32 = 1e-4;

static MODEL: LazyLock<Model> = LazyLock::new(|| builtin::load().expect("the built-in model loads"));
static BOOK: LazyLock<serde_json::Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../fixtures/starter/reference.json")).expect("valid JSON"));

/// Rows of 384 numbers.
fn rows(file: &[u8], name: &str) -> Vec<Vec<f32>> {
    let file = safetensors::SafeTensors::deserialize(file).expect("a safetensors file");
    let tensor = file.tensor(name).expect("the tensor");
    let values: Vec<f32> = tensor.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    values.chunks(*tensor.shape().last().expect("a matrix")).map(<[f32]>::to_vec).collect()
}

fn reference(name: &str) -> Vec<Vec<f32>> {
    rows(include_bytes!("../fixtures/starter/reference.safetensors"), name)
}

fn texts() -> Vec<&'static str> {
    BOOK["texts"].as_array().expect("a list").iter().map(|t| t.as_str().expect("a text")).collect()
}

fn embed_texts(texts: &[&str], long_text: LongText) -> Vec<Embedding> {
    let found = MODEL.text.embed(texts, TextOptions { long_text, ..Default::default() }).expect("texts are embedded");
    found.into_iter().map(|t| t.embedding).collect()
}

fn embed_pictures(pictures: &[Picture]) -> Vec<Embedding> {
    let pixels: Vec<_> = pictures.iter().map(|p| MODEL.image.prepare(p)).collect();
    MODEL.image.embed(&pixels).expect("pictures are embedded")
}

fn assert_near(found: &Embedding, wanted: &[f32], what: &str) {
    assert_eq!(found.dim(), wanted.len());
    let gap = found.as_slice().iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(gap <= TOLERANCE, "{what}: off by {gap}");
}

#[test]
fn pictures_of_any_shape_agree_with_the_reference() {
    let side = |v: &serde_json::Value| v.as_u64().expect("a size") as u32;
    for (size, wanted) in BOOK["sizes"].as_array().expect("a list").iter().zip(reference("image")) {
        let picture = golden::picture(side(&size[0]), side(&size[1]));
        assert_near(&embed_pictures(&[picture])[0], &wanted, &format!("picture of {size}"));
    }
}

#[test]
fn texts_agree_with_the_reference() {
    for (text, wanted) in texts().iter().zip(reference("text")) {
        assert_near(&embed_texts(&[text], LongText::Truncate)[0], &wanted, text);
    }
}

#[test]
fn token_ids_agree_with_the_reference() {
    let tokenizer = BertTokenizer::new(FILES.vocabulary).expect("the vocabulary is whole");
    for (text, wanted) in texts().iter().zip(BOOK["token_ids"].as_array().expect("a list")) {
        let found = tokenizer.windows(text, 256, LongText::Truncate).expect("a text is tokenised");
        assert_eq!(serde_json::json!(found), serde_json::json!([wanted]), "{text}");
    }
}

#[test]
fn the_published_references_are_met() {
    let Some(shared) = crate::support::shared("the_published_references_are_met") else { return };
    let read = |name: &str| std::fs::read(shared.join("starter").join(name)).expect("a readable file");
    let (file, book) = (read("reference.safetensors"), read("reference.json"));
    let book: serde_json::Value = serde_json::from_slice(&book).expect("valid JSON");
    for (text, wanted) in book["texts"].as_array().expect("a list").iter().zip(rows(&file, "text")) {
        let text = text.as_str().expect("a text");
        assert_near(&embed_texts(&[text], LongText::Truncate)[0], &wanted, text);
    }
    let tensors = safetensors::SafeTensors::deserialize(&file).expect("a safetensors file");
    let pixels = tensors.tensor("pixels_u8").expect("the tensor").data().chunks(260 * 260 * 3);
    let pictures: Vec<_> = pixels.map(|p| Picture::new(260, 260, p.to_vec()).expect("whole")).collect();
    assert_eq!(pictures.len(), 4);
    for (i, (found, wanted)) in embed_pictures(&pictures).iter().zip(rows(&file, "image")).enumerate() {
        assert_near(found, &wanted, &format!("photo {i}"));
    }
}

#[test]
fn real_files_give_the_published_vectors() {
    let Some(shared) = crate::support::shared("real_files_give_the_published_vectors") else { return };
    let read = |name: &str| std::fs::read(shared.join("starter").join(name)).expect("a readable file");
    let book: serde_json::Value = serde_json::from_slice(&read("reference.json")).expect("valid JSON");
    let names = book["pictures"].as_array().expect("a list").iter().map(|n| n.as_str().expect("a path"));
    for (name, wanted) in names.zip(rows(&read("reference.safetensors"), "image")) {
        let rgb = image::open(shared.join("data/photos").join(name)).expect("a photo").to_rgb8();
        let picture = Picture::new(rgb.width(), rgb.height(), rgb.into_raw()).expect("whole");
        let wanted = Embedding::new(wanted).expect("a vector");
        // JPEG decoders differ in how they enlarge the colour planes, which shows most in small pictures.
        let cosine = embed_pictures(&[picture])[0].cosine(&wanted);
        assert!(cosine > 0.997, "{name}: {cosine}");
    }
}

#[test]
fn a_vector_does_not_depend_on_its_batch() {
    let pictures = [(260, 260), (31, 400), (1, 1), (640, 480), (7, 5)].map(|(w, h)| golden::picture(w, h));
    for (together, picture) in embed_pictures(&pictures).iter().zip(&pictures) {
        assert_eq!(*together, embed_pictures(std::slice::from_ref(picture))[0], "{picture:?}");
    }
    let texts = texts();
    for (together, text) in embed_texts(&texts, LongText::Mean).iter().zip(&texts) {
        assert_eq!(*together, embed_texts(&[text], LongText::Mean)[0], "{text}");
    }
}

#[test]
fn every_instruction_set_agrees_with_the_reference() {
    let tests = ["pictures_of_any_shape_agree_with_the_reference", "texts_agree_with_the_reference"];
    assert_pass_with(&["portable", "avx2"], module_path!(), &tests);
}

#[test]
fn nothing_in_gives_nothing_out() {
    assert!(embed_pictures(&[]).is_empty());
    assert!(embed_texts(&[], LongText::Mean).is_empty());
}

#[test]
fn long_texts_are_cut_or_averaged() {
    let words: Vec<String> = (0..600).map(|i| ["dog", "tree", "car", "music"][i * i / 200 % 4].to_owned()).collect();
    let (text, head) = (words.join(" "), words[..254].join(" "));
    let tokens = |long_text| {
        MODEL.text.embed(&[&text], TextOptions { long_text, ..Default::default() }).expect("embedded")[0].tokens
    };
    assert_eq!(tokens(LongText::Truncate), 254);
    assert_eq!(tokens(LongText::Mean), 254 + 254 + 108);
    let cut = embed_texts(&[&text, &head], LongText::Truncate);
    assert_eq!(cut[0], cut[1]);
    let spans = [0..254, 246..500, 492..600].map(|span| words[span].join(" "));
    let spans: Vec<_> = spans.iter().map(String::as_str).collect();
    let mut sum = vec![0.0; 384];
    for window in embed_texts(&spans, LongText::Truncate) {
        sum.iter_mut().zip(window.as_slice()).for_each(|(s, v)| *s += v);
    }
    let wanted = Embedding::new(sum).expect("a vector");
    assert_near(&embed_texts(&[&text], LongText::Mean)[0], wanted.as_slice(), "mean of windows");
    assert!(cut[0].cosine(&wanted) < 0.9999, "the two ways must differ for this to prove anything");
}

#[test]
fn hostile_texts_are_embedded() {
    let one_word = "a".repeat(1_000_000);
    let many_words = "dog ".repeat(250_000);
    let texts =
        [&one_word, "\0\0\0", "\u{200d}👩‍👩‍👧‍👦🏳️‍🌈", "\u{202e}abc\u{feff}", &many_words, "𐀀", "e\u{301}\u{301}\u{301}"];
    let found = MODEL.text.embed(&texts, TextOptions::default()).expect("embedded");
    assert_eq!(found.iter().map(|t| t.tokens).take(2).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(found[4].tokens, 254);
}

#[test]
fn hostile_pictures_are_embedded() {
    let black = Picture::new(1, 1, vec![0; 3]).expect("whole");
    let white = Picture::new(4000, 3, vec![255; 36_000]).expect("whole");
    assert_eq!(embed_pictures(&[black, white]).len(), 2);
}

#[test]
fn wrong_pixels_are_an_error() {
    let error = MODEL.image.embed(&[vicinity_models::Pixels(vec![0.0; 12])]);
    assert!(matches!(error, Err(TowerError::Forward(_))));
    let nan = vicinity_models::Pixels(vec![f32::NAN; 260 * 260 * 3]);
    // ReLU6 turns a NaN into a number, or the output is refused; it never gets out.
    if let Ok(found) = MODEL.image.embed(&[nan]) {
        assert!(found[0].as_slice().iter().all(|v| v.is_finite()));
    }
}

fn reason(files: Files<'_>) -> String {
    match builtin::load_from(files) {
        Ok(_) => panic!("damaged files must not load"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn damaged_weights_are_named() {
    let whole = FILES.weights;
    for len in [0, 7, 100, 40_000, whole.len() - 1] {
        let reason = reason(Files { weights: &whole[..len], ..FILES });
        assert!(reason.contains("model.safetensors"), "cut to {len}: {reason}");
    }
    // Another name of the same length hides a tensor.
    for (name, wrong) in [("image.conv17.q8", "image.conv17.q9"), ("text.adapter.l1.bias", "text.adapter.l1.bios")] {
        let renamed = replace(whole, &format!("\"{name}\""), &format!("\"{wrong}\""));
        let reason = reason(Files { weights: &renamed, ..FILES });
        assert!(reason.contains(name.trim_end_matches(".q8")), "{reason}");
    }
    let not_finite = with_f32(whole, "image.conv3.scale", f32::NAN);
    assert!(reason(Files { weights: &not_finite, ..FILES }).contains("image.conv3.scale"));
}

#[test]
fn files_that_do_not_fit_are_refused() {
    let config = replace(FILES.config, "\"features\": 1280", "\"features\": 1281");
    assert!(reason(Files { config: &config, ..FILES }).contains("image."));
    assert!(reason(Files { config: b"{}", ..FILES }).contains("config.json"));
    let short = &FILES.vocabulary[..1000];
    assert!(!reason(Files { vocabulary: short, ..FILES }).is_empty());
}

fn find(bytes: &[u8], text: &str) -> usize {
    bytes.windows(text.len()).position(|w| w == text.as_bytes()).expect("the text occurs")
}

fn replace(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let (at, mut bytes) = (find(bytes, from), bytes.to_vec());
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    bytes
}

/// The file with another first number in a tensor.
fn with_f32(bytes: &[u8], tensor: &str, value: f32) -> Vec<u8> {
    let (header, tensors) = safetensors::SafeTensors::read_metadata(bytes).expect("a safetensors file");
    let at = 8 + header + tensors.info(tensor).expect("the tensor").data_offsets.0;
    let mut bytes = bytes.to_vec();
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    bytes
}

#[test]
fn the_revision_is_that_of_the_weights() {
    let hash = blake3::hash(FILES.weights).to_hex();
    assert_eq!(&hash[..16], builtin::REVISION, "change REVISION with the weights: stored vectors depend on it");
}

#[test]
fn the_self_check_passes_and_can_fail() {
    let report = golden::check(&MODEL).expect("the model answers");
    assert!(report.passed(), "{report:?}");
    assert!(report.image > 0.999_99 && report.texts.iter().all(|c| *c > 0.999_99), "{report:?}");
    assert!(!golden::Report { image: f32::NAN, ..report.clone() }.passed());
    assert!(!golden::Report { image: 0.99, ..report }.passed());
}

#[test]
fn the_starter_describes_itself() {
    let info = builtin::load().expect("it loads").info;
    assert_eq!((info.key.name.as_str(), info.key.dim, info.max_tokens), (builtin::NAME, 384, 256));
    assert_eq!(info.about.lines().count(), 2);
    assert!(info.label_prompt.contains("{}") && info.label_scale > 20.0);
}
