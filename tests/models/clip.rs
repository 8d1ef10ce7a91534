//! CLIP: parity with transformers on a small network, the other layout and activation, errors, instruction sets.

use crate::support::assert_pass_with;
use std::sync::LazyLock;

use crate::support::vit::{Fixture, HIDDEN, Tensor, UNIT, agree};
use candle_core::Device;
use safetensors::Dtype;
use vicinity_models::clip::{self, ClipConfig, ClipTowers, End};
use vicinity_models::model_dir::{Architecture, ModelDir};
use vicinity_models::{ImageTower, LongText, TextOptions, TextTower};

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| Fixture::new("clip"));
static FOLDER: LazyLock<ModelDir> = LazyLock::new(|| ModelDir::open(FIXTURE.dir()).expect("a model folder"));
static TOWERS: LazyLock<ClipTowers> = LazyLock::new(|| clip::open(&FOLDER, &Device::Cpu).expect("the model loads"));

fn ids() -> Vec<String> {
    FIXTURE.cases().iter().map(|case| case["id"].as_str().expect("a name").to_owned()).collect()
}

/// The recordings of all texts, one after another.
fn of_texts(part: &str) -> Vec<Vec<f32>> {
    ids().iter().flat_map(|id| FIXTURE.expected(&format!("text.{id}.{part}"))).collect()
}

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
        // The most that one level of a byte can be.
        agree(name, &[found.0], &[wanted.0], 0.001 / 255.0 / 0.26);
    }
}

#[test]
fn pictures_agree() {
    let hidden = TOWERS.image.hidden(&FIXTURE.pixels()).expect("a forward pass").to_vec2().expect("rows");
    agree("image hidden", &hidden, &FIXTURE.expected("image.last_hidden_state"), HIDDEN);
    let features = TOWERS.image.features(&FIXTURE.pixels()).expect("a forward pass");
    agree("image features", &features, &FIXTURE.expected("image.features"), HIDDEN);
    let units = TOWERS.image.embed(&FIXTURE.pixels()).expect("pictures are embedded");
    let units: Vec<_> = units.iter().map(|e| e.as_slice().to_vec()).collect();
    agree("image embeddings", &units, &FIXTURE.expected("image.embedding"), UNIT);
}

#[test]
fn texts_agree() {
    let hidden = TOWERS.text.hidden(&windows()).expect("a forward pass").to_vec2().expect("rows");
    agree("text hidden", &hidden, &of_texts("last_hidden_state"), HIDDEN);
    agree("text features", &TOWERS.text.features(&windows()).expect("a forward pass"), &of_texts("features"), HIDDEN);
    let texts = FIXTURE.texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let units = TOWERS.text.embed(&texts, TextOptions::default()).expect("texts are embedded");
    let units: Vec<_> = units.iter().map(|t| t.embedding.as_slice().to_vec()).collect();
    agree("text embeddings", &units, &of_texts("embedding"), UNIT);
}

#[test]
fn logits_agree() {
    let texts = FIXTURE.texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let texts = TOWERS.text.embed(&texts, TextOptions::default()).expect("texts are embedded");
    let images = TOWERS.image.embed(&FIXTURE.pixels()).expect("pictures are embedded");
    let row = |i: &vicinity_core::Embedding| texts.iter().map(|t| TOWERS.scale * i.cosine(&t.embedding)).collect();
    let logits: Vec<Vec<f32>> = images.iter().map(row).collect();
    agree("logits", &logits, &FIXTURE.expected("logits_per_image"), 1e-3);
}

#[test]
fn a_vector_does_not_depend_on_its_batch() {
    crate::support::vit::batches_are_singles(&vicinity_models::load(FIXTURE.dir()).expect("the model loads"), &FIXTURE);
}

#[test]
fn long_texts_are_cut_or_averaged() {
    let texts = FIXTURE.texts();
    let long = texts.iter().max_by_key(|t| t.len()).expect("a text");
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
fn a_folder_becomes_a_model() {
    assert_eq!(FOLDER.architecture().expect("a known one"), Architecture::Clip);
    let info = vicinity_models::load(FIXTURE.dir()).expect("the model loads").info;
    assert_eq!((info.key.name.as_str(), info.key.dim, info.max_tokens), ("clip", 32, 77));
    assert_eq!((info.title.as_str(), info.label_prompt.as_str()), ("clip", "a photo of a {}"));
    assert_eq!(info.key.revision, FOLDER.revision().expect("readable files"));
    assert!(info.label_scale > 1.0 && info.label_scale <= 100.0, "{}", info.label_scale);
}

#[test]
fn the_end_of_a_text_is_found_by_either_rule() {
    assert_eq!(End::Highest.of(&[766, 3, 767, 767]), 2);
    assert_eq!(End::Id(3).of(&[766, 3, 767, 3]), 1);
    let copy = FIXTURE.copy();
    let config = String::from_utf8(FIXTURE.read("config.json")).expect("text");
    let config = config.replace("\"eos_token_id\": 2", "\"eos_token_id\": 767");
    std::fs::write(copy.path().join("config.json"), config).expect("written");
    let folder = ModelDir::open(copy.path()).expect("a model folder");
    assert_eq!(ClipConfig::parse(&folder).expect("sizes").end, End::Id(767));
    let by_id = clip::open(&folder, &Device::Cpu).expect("the model loads");
    let features = by_id.text.features(&windows()).expect("a forward pass");
    agree("text features by id", &features, &of_texts("features"), HIDDEN);
}

#[test]
fn the_activation_is_the_one_of_the_file() {
    let copy = FIXTURE.copy();
    let config = String::from_utf8(FIXTURE.read("config.json")).expect("text").replace("quick_gelu", "gelu");
    std::fs::write(copy.path().join("config.json"), &config).expect("written");
    let plain = clip::open(&ModelDir::open(copy.path()).expect("a model folder"), &Device::Cpu).expect("it loads");
    let (plain, quick) = (plain.image.embed(&FIXTURE.pixels()), TOWERS.image.embed(&FIXTURE.pixels()));
    let cosine = plain.expect("embedded")[0].cosine(&quick.expect("embedded")[0]);
    assert!((0.9..0.999_99).contains(&cosine), "{cosine}");
    std::fs::write(copy.path().join("config.json"), config.replace("gelu", "swish9")).expect("written");
    assert!(crate::support::vit::complaint(copy.path()).contains("swish9"));
}

/// The names of open_clip for those of transformers; q, k and v are joined, projections transposed.
fn as_open_clip(tensors: &mut Vec<Tensor>) {
    let floats = tensors.drain(..).filter(|t| t.1 == Dtype::F32);
    let (mut parts, mut out): (Vec<Tensor>, Vec<Tensor>) = floats.partition(|t| t.0.contains("self_attn."));
    let renamed = |name: &str| {
        let name = name.replace("vision_model.encoder.layers", "visual.transformer.resblocks");
        let pairs = [
            ("text_model.encoder.layers", "transformer.resblocks"),
            ("layer_norm", "ln_"),
            ("mlp.fc1", "mlp.c_fc"),
            ("mlp.fc2", "mlp.c_proj"),
            ("self_attn.out_proj", "attn.out_proj"),
            ("text_model.embeddings.token_embedding", "token_embedding"),
            ("text_model.embeddings.position_embedding.weight", "positional_embedding"),
            ("text_model.final_ln_", "ln_final"),
            ("text_projection.weight", "text_projection"),
            ("vision_model.embeddings.class_embedding", "visual.class_embedding"),
            ("vision_model.embeddings.position_embedding.weight", "visual.positional_embedding"),
            ("vision_model.embeddings.patch_embedding", "visual.conv1"),
            ("vision_model.pre_layrnorm", "visual.ln_pre"),
            ("vision_model.post_layernorm", "visual.ln_post"),
            ("visual_projection.weight", "visual.proj"),
        ];
        pairs.iter().fold(name, |name, (from, to)| name.replace(from, to))
    };
    parts.sort_by_key(|t| t.0.replace("q_proj", "0").replace("k_proj", "1").replace("v_proj", "2"));
    for part in ["weight", "bias"] {
        for prefix in ["text_model", "vision_model"] {
            for layer in 0..2 {
                let at = format!("{prefix}.encoder.layers.{layer}.self_attn.");
                let three: Vec<&Tensor> = parts
                    .iter()
                    .filter(|t| t.0.starts_with(&at) && t.0.ends_with(part) && !t.0.contains("out"))
                    .collect();
                assert_eq!(three.len(), 3);
                let mut shape = three[0].2.clone();
                shape[0] *= 3;
                let name = renamed(&at).replace("self_attn.", &format!("attn.in_proj_{part}"));
                let bytes = three.iter().flat_map(|t| t.3.clone()).collect();
                out.push((name, Dtype::F32, shape, bytes));
            }
        }
    }
    out.extend(parts.into_iter().filter(|t| t.0.contains("out_proj")));
    for (name, _, shape, bytes) in &mut out {
        if name.ends_with("_projection.weight") {
            let (rows, cols) = (shape[0], shape[1]);
            let at = |i: usize| (i % rows * cols + i / rows) * 4;
            *bytes = (0..rows * cols).flat_map(|i| bytes[at(i)..at(i) + 4].to_vec()).collect();
            shape.reverse();
        }
        *name = renamed(name);
    }
    *tensors = out;
}

#[test]
fn the_layout_of_open_clip_gives_the_same() {
    let copy = tempfile::tempdir().expect("a folder");
    let weights = crate::support::vit::changed(&FIXTURE.read("model.safetensors"), as_open_clip);
    let transform = |key: &str| {
        let recipe: serde_json::Value =
            serde_json::from_slice(&FIXTURE.read("preprocessor_config.json")).expect("JSON");
        recipe[key].clone()
    };
    let config = serde_json::json!({
        "model_cfg": {
            "embed_dim": 32, "quick_gelu": true,
            "vision_cfg": { "image_size": 64, "layers": 2, "width": 64, "patch_size": 16, "head_width": 16, "mlp_ratio": 2.0 },
            "text_cfg": { "context_length": 77, "vocab_size": 768, "width": 64, "heads": 4, "layers": 2, "mlp_ratio": 2.0 },
        },
        "preprocess_cfg": { "size": 64, "mean": transform("image_mean"), "std": transform("image_std") },
    });
    std::fs::write(copy.path().join("open_clip_config.json"), config.to_string()).expect("written");
    std::fs::write(copy.path().join("open_clip_model.safetensors"), weights).expect("written");
    std::fs::write(copy.path().join("tokenizer.json"), FIXTURE.read("tokenizer.json")).expect("written");
    let folder = ModelDir::open(copy.path()).expect("a model folder");
    assert_eq!(folder.architecture().expect("a known one"), Architecture::Clip);
    let towers = clip::open(&folder, &Device::Cpu).expect("the model loads");
    let features = towers.image.features(&FIXTURE.pixels()).expect("a forward pass");
    agree("open_clip image features", &features, &FIXTURE.expected("image.features"), HIDDEN);
    let features = towers.text.features(&windows()).expect("a forward pass");
    agree("open_clip text features", &features, &of_texts("features"), HIDDEN);
}

/// What transformers 5 writes: all sizes and `dtype` in the configuration, the preparation in `processor_config.json`,
/// weights in several files, no table of places.
#[test]
fn a_folder_of_transformers_5_is_the_same_model() {
    let copy = crate::support::vit::transformers_5(&FIXTURE);
    let towers = clip::open(&ModelDir::open(copy.path()).expect("a folder"), &Device::Cpu).expect("the model loads");
    let found = towers.image.prepare(&FIXTURE.picture("landscape.png"));
    assert_eq!(found.0, TOWERS.image.prepare(&FIXTURE.picture("landscape.png")).0);
    let features = towers.image.features(&FIXTURE.pixels()).expect("a forward pass");
    agree("image features", &features, &FIXTURE.expected("image.features"), HIDDEN);
    agree("text features", &towers.text.features(&windows()).expect("ids"), &of_texts("features"), HIDDEN);
}

#[test]
fn half_precision_is_read() {
    crate::support::vit::half_precision_is_read(&FIXTURE);
}

#[test]
fn damage_is_named() {
    crate::support::vit::damage_is_named(&FIXTURE, "vision_model.encoder.layers.1.self_attn.k_proj.weight");
    crate::support::vit::damage_is_named(&FIXTURE, "text_model.encoder.layers.0.self_attn.out_proj.weight");
}

#[test]
fn every_instruction_set_agrees() {
    assert_pass_with(&["portable", "avx2"], module_path!(), &["pictures_agree", "texts_agree"]);
}

/// A second reference beside the recordings: CLIP of candle-transformers, from the same weights.
#[test]
fn candle_transformers_agrees() {
    use candle_core::{DType, Tensor};
    use candle_nn::VarBuilder;
    use candle_transformers::models::clip::text_model::{Activation, ClipTextConfig};
    use candle_transformers::models::clip::vision_model::ClipVisionConfig;
    use candle_transformers::models::clip::{ClipConfig, ClipModel};
    let vision_config = ClipVisionConfig {
        embed_dim: 64,
        activation: Activation::QuickGelu,
        intermediate_size: 128,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        projection_dim: 32,
        num_channels: 3,
        image_size: 64,
        patch_size: 16,
    };
    let text_config = ClipTextConfig {
        vocab_size: 768,
        embed_dim: 64,
        activation: Activation::QuickGelu,
        intermediate_size: 128,
        max_position_embeddings: 77,
        pad_with: None,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        projection_dim: 32,
    };
    let config = ClipConfig { text_config, vision_config, logit_scale_init_value: 2.6592, image_size: 64 };
    let weights = VarBuilder::from_buffered_safetensors(FIXTURE.read("model.safetensors"), DType::F32, &Device::Cpu);
    let reference = ClipModel::new(weights.expect("weights"), &config).expect("the model loads");
    let rows = |tensor: Tensor| tensor.to_vec2::<f32>().expect("rows");
    for pixels in FIXTURE.pixels() {
        let input = Tensor::from_vec(pixels.0.clone(), (1, 3, 64, 64), &Device::Cpu).expect("a picture");
        let wanted = rows(reference.get_image_features(&input).expect("a forward pass"));
        agree("image features", &TOWERS.image.features(&[pixels]).expect("a forward pass"), &wanted, HIDDEN);
    }
    for window in windows() {
        let input = Tensor::new(window.as_slice(), &Device::Cpu).and_then(|ids| ids.unsqueeze(0)).expect("token ids");
        let wanted = rows(reference.get_text_features(&input).expect("a forward pass"));
        agree("text features", &TOWERS.text.features(&[window]).expect("a forward pass"), &wanted, HIDDEN);
    }
}
