//! SigLIP: parity with transformers on a small network, padding of both generations, errors.

use std::sync::LazyLock;

use crate::support::vit::{Fixture, HIDDEN, UNIT, agree};
use candle_core::Device;
use vicinity_models::model_dir::{Architecture, ModelDir};
use vicinity_models::siglip::{self, SiglipTowers};
use vicinity_models::tokenize::siglip::SiglipTokenizer;
use vicinity_models::{ImageTower, LongText, TextOptions, TextTower};

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| Fixture::new("siglip"));
static FOLDER: LazyLock<ModelDir> = LazyLock::new(|| ModelDir::open(FIXTURE.dir()).expect("a model folder"));
static TOWERS: LazyLock<SiglipTowers> = LazyLock::new(|| siglip::open(&FOLDER, &Device::Cpu).expect("the model loads"));

fn windows() -> Vec<Vec<u32>> {
    FIXTURE.texts().iter().map(|text| TOWERS.text.tokens(text).expect("tokens")).collect()
}

#[test]
fn token_ids_agree() {
    for (case, found) in FIXTURE.cases().iter().zip(windows()) {
        assert_eq!(serde_json::json!(found), case["input_ids"], "{}", case["text"]);
    }
}

#[test]
fn pictures_are_prepared_as_transformers_does_it() {
    for (name, wanted) in ["landscape", "portrait", "square"].iter().zip(FIXTURE.pixels()) {
        let found = TOWERS.image.prepare(&FIXTURE.picture(&format!("{name}.png")));
        agree(name, &[found.0], &[wanted.0], 0.001 / 255.0 / 0.5);
    }
}

#[test]
fn pictures_agree() {
    let hidden = TOWERS.image.hidden(&FIXTURE.pixels()).expect("a forward pass").to_vec2().expect("rows");
    agree("image hidden", &hidden, &FIXTURE.expected("image.last_hidden_state"), HIDDEN);
    let features = TOWERS.image.features(&FIXTURE.pixels()).expect("a forward pass");
    agree("image pooled", &features, &FIXTURE.expected("image.pooled"), HIDDEN);
    let units = TOWERS.image.embed(&FIXTURE.pixels()).expect("pictures are embedded");
    let units: Vec<_> = units.iter().map(|e| e.as_slice().to_vec()).collect();
    agree("image embeddings", &units, &FIXTURE.expected("image.embedding"), UNIT);
}

#[test]
fn texts_agree() {
    let hidden = TOWERS.text.hidden(&windows()[..1]).expect("a forward pass").to_vec2().expect("rows");
    agree("text hidden", &hidden, &FIXTURE.expected("text.last_hidden_state_row0"), HIDDEN);
    let features = TOWERS.text.features(&windows()).expect("a forward pass");
    agree("text pooled", &features, &FIXTURE.expected("text.pooled"), HIDDEN);
    let texts = FIXTURE.texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let units = TOWERS.text.embed(&texts, TextOptions::default()).expect("texts are embedded");
    let units: Vec<_> = units.iter().map(|t| t.embedding.as_slice().to_vec()).collect();
    agree("text embeddings", &units, &FIXTURE.expected("text.embedding"), UNIT);
}

#[test]
fn a_vector_does_not_depend_on_its_batch() {
    crate::support::vit::batches_are_singles(&vicinity_models::load(FIXTURE.dir()).expect("the model loads"), &FIXTURE);
}

/// SigLIP 2 has an end of its own and fills up with 0; what the file has stored of lengths is not obeyed.
#[test]
fn siglip_2_is_padded_with_its_own_id() {
    let copy = FIXTURE.copy();
    let mut file: serde_json::Value = serde_json::from_slice(&FIXTURE.read("tokenizer.json")).expect("JSON");
    file["added_tokens"][1]["content"] = "<eos>".into();
    file["model"]["vocab"][1][0] = "<eos>".into();
    file["post_processor"] = serde_json::Value::Null;
    file["truncation"] = serde_json::json!(
        { "direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0 });
    std::fs::write(copy.path().join("tokenizer.json"), file.to_string()).expect("written");
    let second = siglip::open(&ModelDir::open(copy.path()).expect("a folder"), &Device::Cpu).expect("it loads");
    for (text, first) in FIXTURE.texts().iter().zip(windows()) {
        let own = first.iter().rposition(|id| *id != 1).map_or(0, |last| last + 1);
        let mut wanted = first[..own].to_vec();
        wanted.push(1);
        wanted.resize(64, 0);
        wanted.truncate(64);
        assert_eq!(second.text.tokens(text).expect("tokens"), wanted, "{text}");
    }
}

/// The ids that transformers' `Siglip2Tokenizer` gives, of a file that does not ask for lower case and cuts and fills by
/// itself, as the published one (`siglip2/make.py`).
#[test]
fn siglip_2_reads_texts_as_transformers_does() {
    let second = Fixture::new("siglip2");
    let copy = FIXTURE.copy();
    std::fs::write(copy.path().join("tokenizer.json"), second.read("tokenizer.json")).expect("written");
    let folder = ModelDir::open(copy.path()).expect("a folder");
    let tokenizer = SiglipTokenizer::open(&folder).expect("a tokenizer");
    for case in second.cases() {
        let text = case["text"].as_str().expect("a text");
        let windows = tokenizer.windows(text, 64, LongText::Truncate).expect("tokens");
        assert_eq!(windows.len(), 1);
        assert_eq!(serde_json::json!(windows[0].0), case["input_ids"], "{text:?}");
    }
    tokenizer.fits(555).expect("555 tokens");
    let error = siglip::open(&folder, &Device::Cpu).err().expect("the small network has fewer").to_string();
    assert!(error.contains("tokenizer.json") && error.contains("554"), "{error}");
}

#[test]
fn a_sentencepiece_model_alone_is_not_enough() {
    let copy = FIXTURE.copy();
    std::fs::rename(copy.path().join("tokenizer.json"), copy.path().join("spiece.model")).expect("renamed");
    let complaint = crate::support::vit::complaint(copy.path());
    assert!(complaint.contains("tokenizer.json") && complaint.contains("spiece.model"), "{complaint}");
}

#[test]
fn the_other_kind_of_siglip_2_is_refused_in_words() {
    let copy = FIXTURE.copy();
    let config = String::from_utf8(FIXTURE.read("config.json")).expect("text");
    let config = config.replace("\"model_type\": \"siglip\"", "\"model_type\": \"siglip2\"");
    std::fs::write(copy.path().join("config.json"), config).expect("written");
    let complaint = crate::support::vit::complaint(copy.path());
    assert!(complaint.contains("NaFlex") && complaint.contains("siglip2-base-patch16-224"), "{complaint}");
}

/// What transformers 5 writes: all sizes and `dtype` in the configuration, the preparation in `processor_config.json`,
/// weights in several files.
#[test]
fn a_folder_of_transformers_5_is_the_same_model() {
    let copy = crate::support::vit::transformers_5(&FIXTURE);
    let towers = siglip::open(&ModelDir::open(copy.path()).expect("a folder"), &Device::Cpu).expect("the model loads");
    let found = towers.image.prepare(&FIXTURE.picture("landscape.png"));
    assert_eq!(found.0, TOWERS.image.prepare(&FIXTURE.picture("landscape.png")).0);
    let features = towers.image.features(&FIXTURE.pixels()).expect("a forward pass");
    agree("image pooled", &features, &FIXTURE.expected("image.pooled"), HIDDEN);
    agree("text pooled", &towers.text.features(&windows()).expect("ids"), &FIXTURE.expected("text.pooled"), HIDDEN);
}

#[test]
fn half_precision_is_read() {
    crate::support::vit::half_precision_is_read(&FIXTURE);
}

#[test]
fn long_texts_are_cut_or_averaged() {
    let long = "a photo of a cat and a dog ".repeat(40);
    let embed = |long_text| {
        let options = TextOptions { long_text, ..Default::default() };
        TOWERS.text.embed(&[&long], options).expect("a text is embedded").remove(0)
    };
    let (cut, mean) = (embed(LongText::Truncate), embed(LongText::Mean));
    assert_eq!(cut.tokens, 63);
    assert!(mean.tokens > 2 * cut.tokens, "{} tokens", mean.tokens);
    assert_ne!(cut.embedding.as_slice(), mean.embedding.as_slice());
}

#[test]
fn a_folder_becomes_a_model() {
    assert_eq!(FOLDER.architecture().expect("a known one"), Architecture::Siglip);
    let info = vicinity_models::load(FIXTURE.dir()).expect("the model loads").info;
    assert_eq!((info.key.name.as_str(), info.key.dim, info.max_tokens), ("siglip", 64, 64));
    assert!(info.label_scale > 1.0 && info.label_scale.is_finite(), "{}", info.label_scale);
}

#[test]
fn damage_is_named() {
    crate::support::vit::damage_is_named(&FIXTURE, "vision_model.encoder.layers.0.self_attn.v_proj.weight");
    crate::support::vit::damage_is_named(&FIXTURE, "text_model.head.weight");
}
