//! Models of full size with made-up weights, compared with the recorded outputs of the published code.
//!
//! Slow, and needs 2 GB of memory and 1 GB on disk, so it runs by one command only:
//! `cargo test --release -p vicinity-models --test models fullsize:: -- --ignored --nocapture --test-threads 1`
//! (`VICINITY_LONGEST=2048` leaves out longer texts, which take most of the time.)
//!
//! The weights come from the formula in `../shared/fixtures/fullsize/README.md`. Another architecture is one more list
//! of tensors, its `config.json`, and a comparison.

use std::fs;
use std::path::Path;

use candle_core::Device;
use rayon::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use tempfile::TempDir;
use vicinity_models::model_dir::ModelDir;
use vicinity_models::nomic::{NomicText, NomicVision};
use vicinity_models::{ImageTower, Pixels, clip, siglip};

/// Largest difference of a number inside a network, and of a component of a unit vector.
const HIDDEN: f32 = 2e-4;
const UNIT: f32 = 2e-5;
/// The same from this many tokens on, where one unit in the last place of a frequency moves an angle visibly.
const LONG: usize = 8000;
const LONG_HIDDEN: f32 = 1e-3;
const LONG_UNIT: f32 = 2e-4;

/// A tensor by its formula: name, sides, middle, and largest distance from it.
struct Made {
    name: String,
    shape: Vec<usize>,
    centre: f64,
    amp: f64,
}

fn made(name: impl Into<String>, shape: &[usize], centre: f64, amp: f64) -> Made {
    Made { name: name.into(), shape: shape.to_vec(), centre, amp }
}

/// Distance of the weights of a matrix with `inputs` columns.
fn matrix_amp(inputs: usize, gain: f64) -> f64 {
    (gain * (3.0 / inputs as f64).sqrt() * 1e6).round() / 1e6
}

fn norm(name: &str, width: usize) -> [Made; 2] {
    [made(format!("{name}.weight"), &[width], 1.0, 0.2), made(format!("{name}.bias"), &[width], 0.0, 0.1)]
}

fn linear(name: &str, outputs: usize, inputs: usize, gain: f64, bias: f64) -> [Made; 2] {
    [
        made(format!("{name}.weight"), &[outputs, inputs], 0.0, matrix_amp(inputs, gain)),
        made(format!("{name}.bias"), &[outputs], 0.0, bias),
    ]
}

/// Number `i` of the tensor `name`, in [-1, 1).
fn noise(name: &str, i: usize) -> f64 {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let seed = name.bytes().fold(0xCBF2_9CE4_8422_2325, |h: u64, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3));
    let z = seed.wrapping_add((i as u64 + 1).wrapping_mul(GOLDEN));
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    2.0 * ((z ^ (z >> 31)) >> 40) as f64 / f64::from(1 << 24) - 1.0
}

/// A model folder with these tensors.
fn folder(config: &Value, tensors: &[Made]) -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("config.json"), config.to_string()).expect("written");
    let bytes = |t: &Made| -> Vec<u8> {
        let mut out = vec![0; 4 * t.shape.iter().product::<usize>()];
        out.par_chunks_mut(1 << 16).enumerate().for_each(|(chunk, out)| {
            for (i, out) in (chunk << 14..).zip(out.as_chunks_mut().0) {
                *out = ((t.centre + t.amp * noise(&t.name, i)) as f32).to_le_bytes();
            }
        });
        out
    };
    let data: Vec<_> = tensors.iter().map(bytes).collect();
    let views = tensors.iter().zip(&data).map(|(t, data)| {
        (t.name.as_str(), TensorView::new(Dtype::F32, t.shape.clone(), data).expect("as many numbers"))
    });
    safetensors::serialize_to_file(views, None, &dir.path().join("model.safetensors")).expect("written");
    dir
}

/// The recordings of an architecture, or `None` (said on stderr) where they are not at hand.
fn recorded(test: &str, architecture: &str) -> Option<Value> {
    let file = crate::support::shared(test)?.join("fixtures/fullsize/expected.json");
    let book: Value = serde_json::from_slice(&fs::read(file).expect("readable")).expect("valid JSON");
    assert!(book[architecture].is_object(), "{architecture} is recorded");
    Some(book[architecture].clone())
}

/// The largest difference from a recording: of its first and last numbers, of all where they are there, of its length.
fn off(found: &[f32], wanted: &Value) -> f32 {
    let list = |key: &str| -> Vec<f32> {
        wanted[key]
            .as_array()
            .map(|l| l.iter().map(|v| v.as_f64().expect("a number") as f32).collect())
            .unwrap_or_default()
    };
    let (first, last, all) = (list("first"), list("last"), list("all"));
    assert!(first.len() == 16 && last.len() == 4 && (all.is_empty() || all.len() == found.len()));
    let norm = found.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    let norm_off = (norm / wanted["norm"].as_f64().expect("a length") - 1.0).abs() as f32;
    let pairs =
        found.iter().zip(&first).chain(found[found.len() - 4..].iter().zip(&last)).chain(found.iter().zip(&all));
    pairs.map(|(a, b)| if a.is_nan() { f32::INFINITY } else { (a - b).abs() }).fold(norm_off, f32::max)
}

/// The pictures of all recordings, `[3, 224, 224]` each.
fn pictures() -> Vec<Pixels> {
    let size = 3 * 224 * 224;
    let picture = |p: usize| (0..size).map(|i| (2.0 * noise("pixel_values", p * size + i)) as f32).collect();
    (0..2).map(|p| Pixels(picture(p))).collect()
}

/// A vocabulary in which every word has its number in its name.
fn write_vocabulary(dir: &Path) {
    let special = [(0, "[PAD]"), (100, "[UNK]"), (101, "[CLS]"), (102, "[SEP]"), (103, "[MASK]")];
    let token = |id: usize| special.iter().find(|s| s.0 == id).map_or(format!("w{id}"), |s| s.1.to_owned());
    let mut tokens: Vec<_> = (0..30522).map(token).collect();
    for (id, piece) in (200..).zip(["search", "classification", "clustering", "query", "document", "_", ":"]) {
        piece.clone_into(&mut tokens[id]);
    }
    fs::write(dir.join("vocab.txt"), tokens.join("\n")).expect("written");
}

fn nomic_text(factor: Option<u32>) -> (Value, Vec<Made>) {
    let (width, inner) = (768, 3072);
    let config = json!({
        "model_type": "nomic_bert", "architectures": ["NomicBertModel"], "activation_function": "swiglu",
        "n_embd": width, "n_head": 12, "n_layer": 12, "n_inner": inner, "n_positions": 8192,
        "max_trained_positions": 2048, "vocab_size": 30528, "type_vocab_size": 2, "layer_norm_epsilon": 1e-12,
        "rotary_emb_base": 1000, "rotary_emb_fraction": 1.0, "rotary_scaling_factor": factor, "prenorm": false,
        "qkv_proj_bias": false, "mlp_fc1_bias": false, "mlp_fc2_bias": false,
    });
    let mut tensors = vec![
        made("embeddings.word_embeddings.weight", &[30528, width], 0.0, 0.5),
        made("embeddings.token_type_embeddings.weight", &[2, width], 0.0, 0.2),
    ];
    tensors.extend(norm("emb_ln", width));
    for i in 0..12 {
        let mut dense = |name: &str, outputs, inputs, gain| {
            let [weight, _] = linear(&format!("encoder.layers.{i}.{name}"), outputs, inputs, gain, 0.0);
            tensors.push(weight);
        };
        dense("attn.Wqkv", 3 * width, width, 1.5);
        dense("attn.out_proj", width, width, 1.0);
        dense("mlp.fc11", inner, width, 1.0);
        dense("mlp.fc12", inner, width, 1.0);
        dense("mlp.fc2", width, inner, 1.5);
        tensors.extend(norm(&format!("encoder.layers.{i}.norm1"), width));
        tensors.extend(norm(&format!("encoder.layers.{i}.norm2"), width));
    }
    (config, tensors)
}

/// Compares all recorded lengths from `shortest` to `longest` tokens.
fn compare_texts(test: &str, (shortest, longest): (usize, usize)) {
    let Some(book) = recorded(test, "nomic-text") else { return };
    let most = std::env::var("VICINITY_LONGEST").ok().and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
    let (_, tensors) = nomic_text(None);
    let mut compared = 0;
    let dir = folder(&nomic_text(None).0, &tensors);
    write_vocabulary(dir.path());
    for factor in [None, Some(2)] {
        fs::write(dir.path().join("config.json"), nomic_text(factor).0.to_string()).expect("written");
        let tower = NomicText::open(&ModelDir::open(dir.path()).expect("a folder")).expect("the tower loads");
        for (name, wanted) in book.as_object().expect("an object") {
            let scaled = name.ends_with("_factor2");
            let n: usize = name.trim_start_matches("len").trim_end_matches("_factor2").parse().expect("a length");
            // What is recorded without a factor holds with one, too, where the text is not long enough to scale.
            let counts = scaled == factor.is_some() || n <= 2048;
            if !counts || !(shortest..=longest).contains(&n) || n > most {
                continue;
            }
            let middle = (1..n - 1).map(|i| 1000 + ((i * 7919 + 13 * n) % 28000) as u32);
            let ids: Vec<u32> = std::iter::once(101).chain(middle).chain([102]).collect();
            let start = std::time::Instant::now();
            let mean = off(&tower.means(&[&ids]).expect("a mean")[0], &wanted["mean_pooled"]);
            let seconds = start.elapsed().as_secs_f32();
            let full = tower.embed_windows(&[&ids], 768).expect("embedded").remove(0);
            let unit = [768, 512, 256, 128, 64]
                .map(|dim| off(full.truncated(dim).expect("a part").as_slice(), &wanted[format!("embedding_{dim}")]));
            let unit = unit.into_iter().fold(0.0, f32::max);
            println!("nomic text {name}, factor {factor:?}: mean {mean:e}, unit {unit:e}, {seconds:.1} s");
            let (hidden, limit) = if n >= LONG { (LONG_HIDDEN, LONG_UNIT) } else { (HIDDEN, UNIT) };
            assert!(mean <= hidden && unit <= limit, "{name}: mean off by {mean}, unit vector by {unit}");
            compared += 1;
        }
    }
    assert!(compared > 0 || most < shortest, "nothing was compared");
}

#[test]
#[ignore = "slow: half a gigabyte of made-up weights"]
fn nomic_text_of_usual_length() {
    compare_texts("nomic_text_of_usual_length", (1, 512));
}

#[test]
#[ignore = "very slow: texts of up to 8192 tokens"]
fn nomic_text_of_great_length() {
    compare_texts("nomic_text_of_great_length", (513, 8192));
}

fn nomic_vision() -> (Value, Vec<Made>) {
    let (width, inner, patch) = (768, 2048, 16);
    let config = json!({
        "model_type": "nomic_bert", "architectures": ["NomicVisionModel"], "activation_function": "swiglu",
        "n_embd": width, "n_head": 12, "n_layer": 12, "n_inner": 2048.0, "img_size": 224, "patch_size": patch,
        "num_channels": 3, "layer_norm_epsilon": 1e-6, "prenorm": true, "norm_mlp": true, "no_last_ln": true,
        "use_pos_embed": true, "use_rotary_pos_emb": true, "ref_feat_shape": [14, 14], "rotary_emb_base": 10000,
        "qkv_proj_bias": true, "mlp_fc1_bias": true, "mlp_fc2_bias": true, "patch_embed_bias": true,
    });
    let mut tensors = vec![
        made("embeddings.cls_token", &[1, 1, width], 0.0, 0.5),
        made("embeddings.pos_embed", &[1, 197, width], 0.0, 0.3),
    ];
    tensors.extend(linear("embeddings.proj", width, 3 * patch * patch, 1.0, 0.1));
    for i in 0..12 {
        let at = |part: &str| format!("layers.{i}.{part}");
        tensors.extend(linear(&at("attn.Wqkv"), 3 * width, width, 1.5, 0.1));
        tensors.extend(linear(&at("attn.out_proj"), width, width, 0.5, 0.1));
        tensors.extend(linear(&at("mlp.fc11"), inner, width, 0.1, 0.01));
        tensors.extend(linear(&at("mlp.fc12"), inner, width, 1.0, 0.1));
        tensors.extend(norm(&at("mlp.norm"), inner));
        tensors.extend(linear(&at("mlp.fc2"), width, inner, 0.5, 0.1));
        tensors.extend(norm(&at("norm1"), width));
        tensors.extend(norm(&at("norm2"), width));
    }
    let at = |part: &str| format!("selector.{part}");
    tensors.push(made(at("attn.latent"), &[1, 1, width], 0.0, 1.0));
    tensors.extend(linear(&at("attn.Wq"), width, width, 1.5, 0.1));
    tensors.extend(linear(&at("attn.Wkv"), 2 * width, width, 1.5, 0.1));
    tensors.extend(linear(&at("attn.out_proj"), width, width, 1.0, 0.1));
    tensors.extend(linear(&at("mlp.fc11"), inner, width, 1.0, 0.1));
    tensors.extend(linear(&at("mlp.fc12"), inner, width, 1.0, 0.1));
    tensors.extend(linear(&at("mlp.fc2"), width, inner, 0.5, 0.1));
    tensors.extend(norm(&at("norm1"), width));
    (config, tensors)
}

#[test]
#[ignore = "slow: a third of a gigabyte of made-up weights"]
fn nomic_vision_agrees() {
    let Some(book) = recorded("nomic_vision_agrees", "nomic-vision") else { return };
    let (config, tensors) = nomic_vision();
    let dir = folder(&config, &tensors);
    let preparation = json!({
        "do_resize": true, "size": {"height": 224, "width": 224}, "resample": 3, "do_center_crop": true,
        "crop_size": {"height": 224, "width": 224}, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
    });
    fs::write(dir.path().join("preprocessor_config.json"), preparation.to_string()).expect("written");
    let tower = NomicVision::open(&ModelDir::open(dir.path()).expect("a folder")).expect("the tower loads");
    let pictures = pictures();
    let states = tower.states(&pictures).expect("states");
    let start = std::time::Instant::now();
    let vectors = tower.embed(&pictures).expect("embedded");
    let seconds = start.elapsed().as_secs_f32();
    for (i, (states, vector)) in states.iter().zip(&vectors).enumerate() {
        let wanted = &book[format!("image{i}")];
        let class: Vec<f32> = states.trunk.iter().zip(&states.pooled).map(|(a, b)| a + b).collect();
        let (class, unit) = (off(&class, &wanted["cls"]), off(vector.as_slice(), &wanted["embedding_768"]));
        println!("nomic vision image{i}: class token {class:e}, unit {unit:e}, {seconds:.1} s for both");
        assert!(class <= HIDDEN && unit <= UNIT, "image{i}: class token off by {class}, unit vector by {unit}");
    }
    assert_eq!(vectors.len(), 2);
}

/// The blocks of a tower of CLIP or SigLIP.
fn blocks(tower: &str, width: usize, inner: usize) -> Vec<Made> {
    let block = |i: usize| {
        let at = |part: &str| format!("{tower}.encoder.layers.{i}.{part}");
        let attention = [("q_proj", 1.5), ("k_proj", 1.5), ("v_proj", 1.0), ("out_proj", 0.5)];
        let attention =
            attention.map(|(part, gain)| linear(&at(&format!("self_attn.{part}")), width, width, gain, 0.1));
        let mlp = [
            linear(&at("mlp.fc1"), inner, width, 1.0, 0.1),
            linear(&at("mlp.fc2"), width, inner, 1.0, 0.1),
            norm(&at("layer_norm1"), width),
            norm(&at("layer_norm2"), width),
        ];
        attention.into_iter().chain(mlp).flatten().collect::<Vec<_>>()
    };
    (0..12).flat_map(block).collect()
}

/// Tables of words and of places, the blocks, and the last norm of a text tower.
fn text_model(vocabulary: usize, context: usize, width: usize, inner: usize) -> Vec<Made> {
    let mut tensors = vec![
        made("text_model.embeddings.token_embedding.weight", &[vocabulary, width], 0.0, 0.5),
        made("text_model.embeddings.position_embedding.weight", &[context, width], 0.0, 0.3),
    ];
    tensors.extend(blocks("text_model", width, inner));
    tensors.extend(norm("text_model.final_layer_norm", width));
    tensors
}

/// Patches, places, the blocks, and the last norm of a picture tower 768 wide; `first` tokens stand before the patches.
fn vision_model(patch: usize, first: usize) -> Vec<Made> {
    let (width, inputs, tokens) = (768, 3 * patch * patch, (224 / patch).pow(2) + first);
    let at = |part: &str| format!("vision_model.embeddings.{part}");
    let mut tensors = vec![
        made(at("patch_embedding.weight"), &[width, 3, patch, patch], 0.0, matrix_amp(inputs, 1.0)),
        made(at("position_embedding.weight"), &[tokens, width], 0.0, 0.3),
    ];
    tensors.extend(blocks("vision_model", width, 3072));
    tensors.extend(norm("vision_model.post_layernorm", width));
    tensors
}

/// The folder of a model with the tokenizer of a small one; ids are given to the towers directly.
fn pair(config: &Value, tensors: &[Made], small: &str) -> TempDir {
    let dir = folder(config, tensors);
    let fixture = crate::support::project_dir().join("tests/fixtures").join(small);
    for name in ["tokenizer.json", "preprocessor_config.json"] {
        let text = fs::read_to_string(fixture.join(name)).expect("readable");
        let text = if name == "tokenizer.json" { text } else { text.replace("64", "224") };
        fs::write(dir.path().join(name), text).expect("written");
    }
    dir
}

/// Compares features and unit vectors with a recording.
fn compare(book: &Value, case: &str, found: &[f32]) {
    let wanted = &book[case];
    let unit = vicinity_core::Embedding::new(found).expect("a direction");
    let (hidden, unit) = (off(found, &wanted["features"]), off(unit.as_slice(), &wanted["embedding"]));
    println!("{case}: features {hidden:e}, unit {unit:e}");
    assert!(hidden <= HIDDEN && unit <= UNIT, "{case}: features off by {hidden}, unit vector by {unit}");
}

fn clip_agrees(test: &str, architecture: &str, patch: usize) {
    let Some(book) = recorded(test, architecture) else { return };
    println!("{architecture}");
    let config = json!({
        "model_type": "clip", "architectures": ["CLIPModel"], "projection_dim": 512,
        "text_config": { "eos_token_id": 2 }, "vision_config": { "patch_size": patch },
    });
    let mut tensors = text_model(49408, 77, 512, 2048);
    tensors.extend(vision_model(patch, 1));
    tensors.push(made("vision_model.embeddings.class_embedding", &[768], 0.0, 0.5));
    tensors.extend(norm("vision_model.pre_layrnorm", 768));
    tensors.push(made("text_projection.weight", &[512, 512], 0.0, matrix_amp(512, 1.0)));
    tensors.push(made("visual_projection.weight", &[512, 768], 0.0, matrix_amp(768, 1.0)));
    tensors.push(made("logit_scale", &[], 4.0, 0.5));
    let dir = pair(&config, &tensors, "clip");
    let towers = clip::open(&ModelDir::open(dir.path()).expect("a folder"), &Device::Cpu).expect("the towers load");
    let lengths = [3, 20, 77];
    let middle = |n: usize| (1..n - 1).map(move |i| 300 + ((i * 7919 + 13 * n) % 49000) as u32);
    let window = |n: usize| std::iter::once(49406).chain(middle(n)).chain([49407]).collect::<Vec<u32>>();
    let texts = towers.text.features(&lengths.map(window)).expect("a forward pass");
    for (n, features) in lengths.iter().zip(texts) {
        compare(&book, &format!("text{n}"), &features);
    }
    for (i, features) in towers.image.features(&pictures()).expect("a forward pass").iter().enumerate() {
        compare(&book, &format!("image{i}"), features);
    }
}

#[test]
#[ignore = "slow: half a gigabyte of made-up weights"]
fn clip_b32_agrees() {
    clip_agrees("clip_b32_agrees", "clip-b32", 32);
}

#[test]
#[ignore = "slow: half a gigabyte of made-up weights"]
fn clip_b16_agrees() {
    clip_agrees("clip_b16_agrees", "clip-b16", 16);
}

#[test]
#[ignore = "slow: 0.8 gigabytes of made-up weights"]
fn siglip_agrees() {
    let Some(book) = recorded("siglip_agrees", "siglip-b16") else { return };
    println!("siglip-b16");
    // As in the published file nothing is said that is usual.
    let config =
        json!({ "model_type": "siglip", "architectures": ["SiglipModel"], "text_config": {}, "vision_config": {} });
    let mut tensors = text_model(32000, 64, 768, 3072);
    tensors.extend(linear("text_model.head", 768, 768, 1.0, 0.1));
    tensors.extend(vision_model(16, 0));
    tensors.push(made("vision_model.embeddings.patch_embedding.bias", &[768], 0.0, 0.1));
    let at = |part: &str| format!("vision_model.head.{part}");
    tensors.push(made(at("probe"), &[1, 1, 768], 0.0, 1.0));
    tensors.push(made(at("attention.in_proj_weight"), &[3 * 768, 768], 0.0, matrix_amp(768, 1.5)));
    tensors.push(made(at("attention.in_proj_bias"), &[3 * 768], 0.0, 0.1));
    tensors.extend(linear(&at("attention.out_proj"), 768, 768, 1.0, 0.1));
    tensors.extend(norm(&at("layernorm"), 768));
    tensors.extend(linear(&at("mlp.fc1"), 3072, 768, 1.0, 0.1));
    tensors.extend(linear(&at("mlp.fc2"), 768, 3072, 1.0, 0.1));
    tensors.push(made("logit_scale", &[1], 4.0, 0.5));
    let dir = pair(&config, &tensors, "siglip");
    let towers = siglip::open(&ModelDir::open(dir.path()).expect("a folder"), &Device::Cpu).expect("the towers load");
    let words = (0..20).map(|i| 300 + (i * 7919 + 13) % 31000);
    let window: Vec<u32> = words.chain(std::iter::repeat_n(1, 44)).collect();
    compare(&book, "text64", &towers.text.features(&[window]).expect("a forward pass")[0]);
    for (i, features) in towers.image.features(&pictures()).expect("a forward pass").iter().enumerate() {
        compare(&book, &format!("image{i}"), features);
    }
}
