//! Nomic Embed, text and vision: parity with the published code on small networks, tasks, long texts, Matryoshka, both
//! spellings of the configuration, independence of the batch, instruction sets, damaged folders.

use crate::support::assert_pass_with;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};
use tempfile::TempDir;
use vicinity_core::{Embedding, Picture};
use vicinity_models::model_dir::ModelDir;
use vicinity_models::nomic::{self, NomicText, NomicVision};
use vicinity_models::tokenize::BertTokenizer;
use vicinity_models::{ImageTower, LongText, Pixels, TextOptions, TextTask, TextTower};

/// Largest difference of a number inside a network.
const HIDDEN: f32 = 1e-4;
/// Largest difference of a component of a unit vector.
const UNIT: f32 = 2e-5;
const NOTHING: &str = "24df574ea1c998de59d5be15e769658e";

fn fixture(name: &str) -> PathBuf {
    crate::support::project_dir().join("tests/fixtures").join(name)
}

/// A copy of a fixture's folder, its configuration taken from `config`.
fn copy(name: &str, config: &str) -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    copy_into(dir.path(), name, config);
    dir
}

fn copy_into(dir: &Path, name: &str, config: &str) {
    for entry in fs::read_dir(fixture(name)).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() && !path.ends_with("expected.safetensors") {
            fs::copy(&path, dir.join(path.file_name().expect("a name"))).expect("copied");
        }
    }
    fs::copy(fixture(name).join(config), dir.join("config.json")).expect("copied");
}

/// Changes a JSON file.
fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut json = serde_json::from_slice(&fs::read(path).expect("readable")).expect("valid JSON");
    change(&mut json);
    fs::write(path, json.to_string()).expect("written");
}

fn text_tower(dir: &Path) -> NomicText {
    NomicText::open(&ModelDir::open(dir).expect("a model folder")).expect("the tower loads")
}

static TEXT: LazyLock<NomicText> = LazyLock::new(|| text_tower(&fixture("nomic_text")));
static NTK: LazyLock<NomicText> = LazyLock::new(|| text_tower(copy("nomic_text", "config_ntk.json").path()));
static VISION: LazyLock<NomicVision> = LazyLock::new(|| vision_tower(&fixture("nomic_vision")));
static CASES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let book: Value = serde_json::from_str(include_str!("../fixtures/nomic_text/cases.json")).expect("valid JSON");
    book["cases"].as_array().expect("a list").clone()
});
const DIMS: [usize; 3] = [64, 32, 16];

fn vision_tower(dir: &Path) -> NomicVision {
    NomicVision::open(&ModelDir::open(dir).expect("a model folder")).expect("the tower loads")
}

/// The recorded numbers, and the sides of their tensor.
fn recorded(fixture_name: &str, name: &str) -> (Vec<f32>, Vec<usize>) {
    let file = fs::read(fixture(fixture_name).join("expected.safetensors")).expect("readable");
    let file = safetensors::SafeTensors::deserialize(&file).expect("a safetensors file");
    let tensor = file.tensor(name).expect(name);
    assert_eq!(tensor.dtype(), safetensors::Dtype::F32, "{name}");
    (tensor.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(), tensor.shape().to_vec())
}

fn expected(name: &str) -> Vec<f32> {
    recorded("nomic_text", name).0
}

fn gap(found: &[f32], wanted: &[f32]) -> f32 {
    assert_eq!(found.len(), wanted.len());
    let off = |(a, b): (&f32, &f32)| if a.is_nan() { f32::INFINITY } else { (a - b).abs() };
    found.iter().zip(wanted).map(off).fold(0.0, f32::max)
}

fn case(id: &str) -> &'static Value {
    CASES.iter().find(|case| case["id"] == id).expect(id)
}

fn string<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().expect(key)
}

fn ids(list: &Value) -> Vec<u32> {
    list.as_array().expect("a list").iter().map(|id| id.as_u64().expect("an id") as u32).collect()
}

/// Name and token ids of every recorded text of a configuration.
fn single_cases(config: &str) -> Vec<(&'static str, Vec<u32>)> {
    let cases = CASES.iter().filter(|case| case["config"] == config && case["input_ids"].is_array());
    cases.map(|case| (string(case, "id"), ids(&case["input_ids"]))).collect()
}

/// The recorded texts that begin with a task's prefix and fit a window of 256 tokens.
fn task_cases() -> Vec<(&'static Value, TextTask)> {
    let task = |case: &Value| match case["prefix"].as_str()? {
        "search_query: " => Some(TextTask::SearchQuery),
        "search_document: " => Some(TextTask::SearchDocument),
        "classification: " => Some(TextTask::Classification),
        "clustering: " => Some(TextTask::Clustering),
        _ => None,
    };
    let cases = CASES.iter().filter(|case| case["text"].is_string());
    let cases: Vec<_> = cases.filter_map(|case| Some((case, task(case)?))).collect();
    assert!(cases.len() > 10 && TASKS.iter().all(|task| cases.iter().any(|(_, t)| t == task)));
    cases
}

const TASKS: [TextTask; 4] =
    [TextTask::SearchDocument, TextTask::SearchQuery, TextTask::Classification, TextTask::Clustering];

fn embed(tower: &NomicText, text: &str, task: TextTask, long_text: LongText, dim: usize) -> Embedding {
    let found = tower.embed_to(&[text], TextOptions { task, long_text }, dim).expect("embedded");
    found[0].embedding.clone()
}

#[test]
fn token_ids_agree_whatever_the_tokenizer_is_read_from() {
    let vocabulary = copy("nomic_text", "config.json");
    fs::remove_file(vocabulary.path().join("tokenizer.json")).expect("removed");
    let baked = copy("nomic_text", "config.json");
    fs::remove_file(baked.path().join("vocab.txt")).expect("removed");
    edit(&baked.path().join("tokenizer.json"), |json| {
        json["truncation"] = json!({"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0});
        json["padding"] = json!({"strategy": {"Fixed": 300}, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"});
    });
    let open = |dir: &Path| BertTokenizer::open(&ModelDir::open(dir).expect("a folder")).expect("a tokenizer");
    let tokenizers = [open(&fixture("nomic_text")), open(vocabulary.path()), open(baked.path())];
    let mut seen = 0;
    for case in CASES.iter().filter(|case| case["text"].is_string()) {
        let text = format!("{}{}", string(case, "prefix"), string(case, "text"));
        let most = case["max_length"].as_u64().unwrap_or(256) as usize;
        for tokenizer in &tokenizers {
            let found = tokenizer.windows(&text, most, LongText::Truncate).expect("tokenised");
            assert_eq!(json!(found), json!([case["input_ids"]]), "{text}");
        }
        seen += 1;
    }
    assert!(seen > 10);
    let odd = "a [SEP] b [MASK][CLS] [sep] [UNK]";
    let [first, second, third] = tokenizers.map(|tokenizer| tokenizer.ids(odd).expect("tokenised"));
    assert_eq!((&second, &third), (&first, &first), "special tokens in a text");
    assert!(first.contains(&102), "{first:?}");
}

#[test]
fn hidden_states_and_vectors_agree_with_the_published_code() {
    for (config, tower) in [("config.json", &TEXT), ("config_ntk.json", &NTK)] {
        let cases = single_cases(config);
        assert!(cases.len() > 6);
        let windows: Vec<&[u32]> = cases.iter().map(|(_, ids)| ids.as_slice()).collect();
        let (states, means) = (tower.states(&windows).expect("states"), tower.means(&windows).expect("means"));
        let mut worst = [0.0_f32; 2];
        for (i, (name, _)) in cases.iter().enumerate() {
            let off = gap(&states[i], &expected(&format!("{name}.last_hidden_state")));
            let off = off.max(gap(&means[i], &expected(&format!("{name}.mean_pooled"))));
            assert!(off <= HIDDEN, "{config}, {name}: off by {off}");
            worst[0] = worst[0].max(off);
        }
        for dim in DIMS {
            let found = tower.embed_windows(&windows, dim).expect("embedded");
            for ((name, _), found) in cases.iter().zip(found) {
                let off = gap(found.as_slice(), &expected(&format!("{name}.embedding_{dim}")));
                assert!(off <= UNIT, "{config}, {name}, {dim}: off by {off}");
                worst[1] = worst[1].max(off);
            }
        }
        println!("nomic text, {config}: hidden {:e}, unit {:e}", worst[0], worst[1]);
    }
    let scaled = gap(&expected("ntk_200.last_hidden_state"), &expected("len_200.last_hidden_state"));
    assert!(scaled > 0.1, "scaling must show for this to prove anything");
}

#[test]
fn texts_beside_each_other_are_as_alone() {
    let members = |id: &str| -> Vec<Vec<u32>> {
        let names = case(id)["members"].as_array().expect("a list").iter();
        names.map(|name| ids(&case(name.as_str().expect("a name"))["input_ids"])).collect()
    };
    let row = |tensor: &str, row: usize, tokens: usize| {
        let (values, shape) = recorded("nomic_text", tensor);
        values[row * shape[1] * shape[2]..][..tokens * shape[2]].to_vec()
    };
    let batch = members("padded_batch");
    assert_eq!(batch.len(), 5);
    let found = TEXT.states(&batch.iter().map(Vec::as_slice).collect::<Vec<_>>()).expect("states");
    for (i, (found, ids)) in found.iter().zip(&batch).enumerate() {
        let off = gap(found, &row("padded_batch.last_hidden_state", i, ids.len()));
        assert!(off <= HIDDEN, "padded_batch, {i}: off by {off}");
    }
    // The published code scales a short text by its neighbour's length; here each has its own.
    let batch = members("ntk_mixed_batch");
    let found = NTK.states(&[&batch[0], &batch[1]]).expect("states");
    assert!(gap(&found[0], &expected("prefix_query.last_hidden_state")) <= HIDDEN);
    assert!(gap(&found[1], &row("ntk_mixed_batch.last_hidden_state", 1, 100)) <= HIDDEN);
    assert!(gap(&found[0], &row("ntk_mixed_batch.last_hidden_state", 0, batch[0].len())) > 0.01);
}

#[test]
fn tasks_are_embedded_with_their_prefix() {
    for (case, task) in task_cases() {
        let (id, text) = (string(case, "id"), string(case, "text"));
        // This window holds 64 tokens, and an empty text becomes another one.
        let count = case["input_ids"].as_array().expect("a list").len();
        if count > TEXT.context() || text.is_empty() {
            continue;
        }
        for dim in DIMS {
            let found = embed(&TEXT, text, task, LongText::Truncate, dim);
            let off = gap(found.as_slice(), &expected(&format!("{id}.embedding_{dim}")));
            assert!(off <= UNIT, "{id}, {dim}: off by {off}");
        }
        let options = TextOptions { task, ..Default::default() };
        let prefix = match task {
            TextTask::SearchDocument | TextTask::SearchQuery => 4,
            TextTask::Classification | TextTask::Clustering => {
                let name = if task == TextTask::Classification { "classification:" } else { "clustering:" };
                tokenizer().ids(name).expect("tokenised").len()
            }
        };
        assert_eq!(TEXT.embed(&[text], options).expect("embedded")[0].tokens, count - 2 - prefix, "{id}");
    }
}

fn tokenizer() -> BertTokenizer {
    BertTokenizer::open(&ModelDir::open(&fixture("nomic_text")).expect("a folder")).expect("a tokenizer")
}

/// The beginning of the long recorded text that has the 150 tokens of `long_mean`.
fn long_text() -> &'static str {
    let (text, wanted) = (string(case("truncated_256"), "text"), ids(&case("long_mean")["text_ids"]));
    let tokenizer = tokenizer();
    let ends = text.char_indices().map(|(at, _)| at).skip(300);
    let mut parts = ends.map(|end| &text[..end]);
    parts.find(|part| tokenizer.ids(part).expect("tokenised") == wanted).expect("the text of long_mean")
}

#[test]
fn long_texts_are_averaged_over_windows() {
    let (text, case) = (long_text(), case("long_mean"));
    assert_eq!(TEXT.context(), 64);
    let options = TextOptions { task: TextTask::SearchDocument, long_text: LongText::Mean };
    let windows = TEXT.windows(text, options, TEXT.context()).expect("windows");
    assert_eq!(json!(windows.ids), case["chunks"]);
    let around = case["prefix_ids"].as_array().expect("a list").len() + 1;
    assert_eq!(windows.tokens(), windows.ids.iter().map(|w| w.len() - around).sum::<usize>());
    assert_eq!(windows.tokens(), 150 + 2 * 8, "what is in two windows counts twice");
    let full = TEXT.embed(&[text], options).expect("embedded");
    assert_eq!(full[0].tokens, windows.tokens());
    for dim in DIMS {
        let wanted = expected(&format!("long_mean.embedding_{dim}"));
        let off = gap(embed(&TEXT, text, options.task, LongText::Mean, dim).as_slice(), &wanted);
        println!("long_mean, {dim}: {off:e}");
        assert!(off <= UNIT, "{dim}: off by {off}");
        // Windows have to be cut before they are averaged.
        let cut = full[0].embedding.truncated(dim).expect("a part");
        assert_eq!(gap(cut.as_slice(), &wanted) > 1e-3, dim < 64, "{dim}");
    }
}

#[test]
fn long_texts_are_cut_to_the_first_window() {
    let text = string(case("truncated_256"), "text");
    let options = TextOptions::default();
    for (tower, len, name) in [(&TEXT, 64, "len_64"), (&NTK, 256, "ntk_256")] {
        assert_eq!(tower.context(), len, "the trained length, or where the model scales, all it can reach");
        assert_eq!(json!(tower.windows(text, options, len).expect("windows").ids), json!([case(name)["input_ids"]]));
        let found = tower.embed(&[text], options).expect("embedded");
        assert_eq!(found[0].tokens, len - 6);
        let off = gap(found[0].embedding.as_slice(), &expected(&format!("{name}.embedding_64")));
        assert!(off <= UNIT, "{name}: off by {off}");
    }
    // Without scaling too, longer texts can be asked for.
    let window = TEXT.windows(text, options, TEXT.positions()).expect("windows");
    let found = TEXT.embed_windows(&[&window.ids[0]], 64).expect("embedded");
    assert!(gap(found[0].as_slice(), &expected("truncated_256.embedding_64")) <= UNIT);
}

#[test]
fn a_vector_cut_later_is_the_shorter_vector() {
    for (config, tower) in [("config.json", &TEXT), ("config_ntk.json", &NTK)] {
        for (name, ids) in single_cases(config) {
            let full = tower.embed_windows(&[&ids], 64).expect("embedded").remove(0);
            for dim in DIMS {
                let cut = full.truncated(dim).expect("a part");
                let off = gap(cut.as_slice(), &expected(&format!("{name}.embedding_{dim}")));
                assert!(off <= UNIT, "{name}, {dim}: off by {off}");
            }
        }
    }
    let options = TextOptions::default();
    assert!(TEXT.embed_to(&["dog"], options, 0).is_err() && TEXT.embed_to(&["dog"], options, 65).is_err());
}

#[test]
fn an_empty_text_becomes_the_text_that_stands_for_it() {
    for task in TASKS {
        let options = TextOptions { task, long_text: LongText::Mean };
        let found = TEXT.embed(&["", " \n\t", "\u{200b}", NOTHING], options).expect("embedded");
        let tokens = tokenizer().ids(NOTHING).expect("tokenised").len();
        for one in &found {
            assert_eq!((&one.embedding, one.tokens), (&found[3].embedding, tokens));
        }
    }
}

#[test]
fn a_vector_does_not_depend_on_its_batch() {
    let mut texts: Vec<&str> = CASES.iter().filter_map(|case| case["text"].as_str()).collect();
    texts.extend(["", "dog", long_text()]);
    for tower in [&TEXT, &NTK] {
        for long_text in [LongText::Mean, LongText::Truncate] {
            let options = TextOptions { long_text, ..Default::default() };
            let together = tower.embed(&texts, options).expect("embedded");
            for (text, together) in texts.iter().zip(together) {
                let alone = tower.embed(&[text], options).expect("embedded");
                assert_eq!(alone[0].embedding, together.embedding, "{text}");
            }
            assert!(tower.embed(&[], options).expect("nothing").is_empty());
        }
    }
}

#[test]
fn both_spellings_of_the_configuration_are_read() {
    let both = text_tower(copy("nomic_text", "config_rope_parameters.json").path());
    let window = ids(&case("ntk_200")["input_ids"]);
    let states = |tower: &NomicText| tower.states(&[&window]).expect("states");
    assert_eq!(states(&both), states(&TEXT));
    let newer = copy("nomic_text", "config.json");
    let config = |factor: &str| {
        format!(
            r#"{{"model_type": "nomic_bert", "architectures": ["NomicBertModel"], "hidden_size": 64,
            "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 256, "hidden_act": "silu",
            "vocab_size": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "max_position_embeddings": 64,
            "rope_parameters": {{"rope_theta": 1000.0, {factor}}}}}"#
        )
    };
    let write = |text: String| fs::write(newer.path().join("config.json"), text).expect("written");
    write(config(r#""rope_type": "dynamic", "factor": 2.0"#));
    assert_eq!(states(&text_tower(newer.path())), states(&NTK));
    write(config(r#""rope_type": "default""#));
    assert_eq!(states(&text_tower(newer.path())), states(&TEXT));
    let floats = copy("nomic_text", "config.json");
    edit(&floats.path().join("config.json"), |json| json["n_inner"] = json!(256.0));
    assert_eq!(states(&text_tower(floats.path())), states(&TEXT));
}

#[test]
fn other_networks_are_refused_by_the_name_of_the_field() {
    let wrong = [
        ("prenorm", json!(true)),
        ("rotary_emb_fraction", json!(0.5)),
        ("rotary_emb_interleaved", json!(true)),
        ("activation_function", json!("gelu")),
        ("n_embd", Value::Null),
        ("n_embd", json!(63)),
        ("n_layer", json!(2.5)),
        ("n_inner", json!(-1)),
        ("vocab_size", json!("many")),
        ("rotary_emb_base", json!(0)),
        ("rotary_scaling_factor", json!(0.25)),
        ("rope_parameters", json!({"rope_type": "yarn"})),
        ("max_trained_positions", json!(10)),
    ];
    for (field, value) in wrong {
        let dir = copy("nomic_text", "config.json");
        edit(&dir.path().join("config.json"), |json| json[field] = value.clone());
        let error = NomicText::open(&ModelDir::open(dir.path()).expect("a folder")).err();
        let error = error.map_or_else(|| panic!("{field} = {value} was accepted"), |e| e.to_string());
        assert!(error.contains("config.json"), "{field}: {error}");
    }
}

/// Writes the weights anew, each tensor changed or left out.
fn rewrite(dir: &Path, change: impl Fn(&str, &mut Vec<u8>) -> Option<String>) {
    let path = dir.join("model.safetensors");
    let bytes = fs::read(&path).expect("readable");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let tensors: Vec<_> = file
        .iter()
        .filter_map(|(name, view)| {
            let mut data = view.data().to_vec();
            change(name, &mut data).map(|name| (name, view.dtype(), view.shape().to_vec(), data))
        })
        .collect();
    let views = tensors.iter().map(|(name, dtype, shape, data)| {
        (name, safetensors::tensor::TensorView::new(*dtype, shape.clone(), data).expect("whole"))
    });
    fs::write(&path, safetensors::serialize(views, None).expect("serialised")).expect("written");
}

#[test]
fn tensors_may_have_a_prefix_and_must_be_whole() {
    let window = ids(&case("short")["input_ids"]);
    for prefix in ["bert.", "nomic_bert."] {
        let dir = copy("nomic_text", "config.json");
        rewrite(dir.path(), |name, _| Some(format!("{prefix}{name}")));
        let found = text_tower(dir.path()).states(&[&window]).expect("states");
        assert_eq!(found, TEXT.states(&[&window]).expect("states"));
    }
    for fixture_name in ["nomic_text", "nomic_vision"] {
        let names: Vec<&str> = match fixture_name {
            "nomic_text" => {
                vec!["encoder.layers.1.mlp.fc12.weight", "embeddings.word_embeddings.weight", "emb_ln.bias"]
            }
            _ => vec!["layers.0.mlp.norm.weight", "selector.attn.latent", "embeddings.pos_embed"],
        };
        for wanted in names {
            for missing in [true, false] {
                let dir = copy(fixture_name, "config.json");
                rewrite(dir.path(), |name, data| {
                    if name == wanted {
                        data[4..8].copy_from_slice(&f32::NAN.to_le_bytes());
                    }
                    (name != wanted || !missing).then(|| name.to_owned())
                });
                let folder = ModelDir::open(dir.path()).expect("a folder");
                let text = NomicText::open(&folder).err().filter(|_| fixture_name == "nomic_text");
                let error = text.or_else(|| NomicVision::open(&folder).err()).expect("damaged weights are refused");
                let error = error.to_string();
                let reason = if missing { "missing" } else { "not finite" };
                assert!(error.contains(wanted) && error.contains(reason), "{error}");
            }
        }
    }
}

/// `NomicBertModel` of transformers 5, saved without its old names: three layers in place of the joined one.
#[test]
fn the_names_of_transformers_5_are_read() {
    let dir = copy("nomic_text", "config.json");
    let renamed = [
        ("encoder.layers", "layers"),
        ("emb_ln", "embeddings.LayerNorm"),
        ("attn.out_proj", "self_attn.o_proj"),
        ("fc11", "up_proj"),
        ("fc12", "gate_proj"),
        ("fc2", "down_proj"),
        ("norm1", "post_attention_layernorm"),
        ("norm2", "post_mlp_layernorm"),
    ];
    let path = dir.path().join("model.safetensors");
    let bytes = fs::read(&path).expect("readable");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let mut tensors = Vec::new();
    for (name, view) in file.iter() {
        let new = renamed.iter().fold(name.to_owned(), |name, (old, new)| name.replace(old, new));
        let (shape, data) = (view.shape().to_vec(), view.data());
        if !name.contains("Wqkv") {
            tensors.push((new, shape, data));
            continue;
        }
        for (part, data) in ["q", "k", "v"].iter().zip(data.chunks(data.len() / 3)) {
            tensors.push((new.replace("attn.Wqkv", &format!("self_attn.{part}_proj")), vec![64, 64], data));
        }
    }
    let view = |shape: Vec<usize>, data| safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape, data);
    let views = tensors.into_iter().map(|(name, shape, data)| (name, view(shape, data).expect("whole")));
    fs::write(&path, safetensors::serialize(views, None).expect("serialised")).expect("written");
    let config = r#"{"architectures": ["NomicBertModel"], "dtype": "float32", "head_dim": 16, "hidden_act": "silu",
        "hidden_size": 64, "intermediate_size": 256, "layer_norm_eps": 1e-12, "max_position_embeddings": 64,
        "model_type": "nomic_bert", "num_attention_heads": 4, "num_hidden_layers": 2, "pad_token_id": 0,
        "rope_parameters": {"rope_theta": 1000.0, "rope_type": "default"}, "transformers_version": "5.23.0",
        "type_vocab_size": 2, "vocab_size": 512}"#;
    fs::write(dir.path().join("config.json"), config).expect("written");
    let window = ids(&case("short")["input_ids"]);
    let found = text_tower(dir.path()).states(&[&window]).expect("states");
    assert_eq!(found, TEXT.states(&[&window]).expect("states"));
}

#[test]
fn absurdly_long_texts_are_averaged_over_their_beginning() {
    let text = "dog and cat ".repeat(100_000);
    let options = TextOptions { long_text: LongText::Mean, ..Default::default() };
    let windows = TEXT.windows(&text, options, TEXT.context()).expect("windows");
    let (own, room) = (windows.tokens(), TEXT.context() - 6);
    assert_eq!(own - 8 * (windows.ids.len() - 1), LongText::MAX_TOKENS, "tokens of the text");
    assert_eq!(windows.ids.len(), 1 + (LongText::MAX_TOKENS - room).div_ceil(room - 8));
}

#[test]
fn what_the_network_cannot_take_is_refused() {
    assert!(TEXT.states(&[&[]]).is_err(), "no tokens");
    assert!(TEXT.states(&[&[101; 257]]).is_err(), "too many tokens");
    assert!(TEXT.states(&[&[512]]).is_err(), "an unknown token");
    assert!(VISION.embed(&[Pixels(vec![0.0; 12])]).is_err(), "another size");
    let dir = copy("nomic_text", "config.json");
    edit(&dir.path().join("tokenizer.json"), |json| {
        json["model"]["vocab"]["toolarge"] = json!(512);
    });
    let error = NomicText::open(&ModelDir::open(dir.path()).expect("a folder")).err().expect("refused").to_string();
    assert!(error.contains("tokenizer.json") && error.contains("512"), "{error}");
    let dir = copy("nomic_vision", "config.json");
    edit(&dir.path().join("preprocessor_config.json"), |json| json["crop_size"] = json!(32));
    let error = NomicVision::open(&ModelDir::open(dir.path()).expect("a folder")).err().expect("refused").to_string();
    assert!(error.contains("preprocessor_config.json"), "{error}");
}

fn pictures() -> Vec<Picture> {
    let open = |name| image::open(fixture("nomic_vision/images").join(name)).expect("a picture").to_rgb8();
    let pictures = ["landscape.png", "portrait.png", "square.png"].map(open);
    pictures.into_iter().map(|p| Picture::new(p.width(), p.height(), p.into_raw()).expect("whole")).collect()
}

fn of_pictures(name: &str) -> Vec<Vec<f32>> {
    let (values, shape) = recorded("nomic_vision", name);
    assert_eq!(shape[0], 3);
    values.chunks(values.len() / 3).map(<[f32]>::to_vec).collect()
}

fn recorded_pixels() -> Vec<Pixels> {
    of_pictures("pixel_values").into_iter().map(Pixels).collect()
}

#[test]
fn pictures_are_prepared_as_by_the_published_processor() {
    for (picture, wanted) in pictures().iter().zip(recorded_pixels()) {
        // 0.27 is the smallest standard deviation, so this is below a level.
        let off = gap(&VISION.prepare(picture).0, &wanted.0) * 255.0 * 0.27;
        assert!(off < 0.01, "off by {off} levels");
    }
}

#[test]
fn the_vision_tower_agrees_with_the_published_code() {
    let check = |tower: &NomicVision, trunk: Option<&str>, last: &str, unit: &str| {
        let (mut worst, pixels) = ([0.0_f32; 2], recorded_pixels());
        let states = tower.states(&pixels).expect("states");
        for (i, states) in states.iter().enumerate() {
            if let Some(trunk) = trunk {
                worst[0] = worst[0].max(gap(&states.trunk, &of_pictures(trunk)[i]));
            }
            let width = states.pooled.len();
            let found: Vec<f32> = states.trunk.iter().enumerate().map(|(j, t)| t + states.pooled[j % width]).collect();
            worst[0] = worst[0].max(gap(&found, &of_pictures(last)[i]));
        }
        for (found, wanted) in tower.embed(&pixels).expect("embedded").iter().zip(of_pictures(unit)) {
            worst[1] = worst[1].max(gap(found.as_slice(), &wanted));
        }
        println!("nomic vision, {last}: hidden {:e}, unit {:e}", worst[0], worst[1]);
        assert!(worst[0] <= HIDDEN && worst[1] <= UNIT, "{last}: {worst:?}");
    };
    check(&VISION, Some("trunk_hidden_states"), "last_hidden_state", "embedding_64");
    let scaled = vision_tower(copy("nomic_vision", "config_ref2.json").path());
    check(&scaled, None, "ref2.last_hidden_state", "ref2.embedding_64");
    for (full, wanted) in VISION.embed(&recorded_pixels()).expect("embedded").iter().zip(of_pictures("embedding_16")) {
        assert!(gap(full.truncated(16).expect("a part").as_slice(), &wanted) <= UNIT);
    }
}

#[test]
fn a_picture_does_not_depend_on_its_batch() {
    let pixels: Vec<Pixels> = recorded_pixels().into_iter().cycle().take(7).collect();
    let together = VISION.embed(&pixels).expect("embedded");
    assert_eq!(together.len(), 7);
    for (together, pixels) in together.iter().zip(&pixels) {
        let alone = VISION.embed(std::slice::from_ref(pixels)).expect("embedded");
        assert_eq!(*together, alone[0]);
    }
    assert!(VISION.embed(&[]).expect("nothing").is_empty());
}

#[test]
fn a_folder_with_both_halves_is_one_model() {
    let dir = tempfile::tempdir().expect("a folder");
    let whole = dir.path().join("nomic-small");
    for (half, name) in [("text", "nomic_text"), ("vision", "nomic_vision")] {
        fs::create_dir_all(whole.join(half)).expect("made");
        copy_into(&whole.join(half), name, "config.json");
    }
    let model = vicinity_models::load(&whole).expect("the model loads");
    let info = &model.info;
    assert_eq!((info.key.name.as_str(), info.key.dim, info.max_tokens), ("nomic-small", 64, 64));
    assert_eq!(info.matryoshka, [64]);
    let text = model.text.embed(&["dog"], TextOptions::default()).expect("embedded");
    assert_eq!(text[0].embedding, embed(&TEXT, "dog", TextTask::SearchDocument, LongText::Truncate, 64));
    let pixels: Vec<_> = pictures().iter().map(|picture| model.image.prepare(picture)).collect();
    let found = model.image.embed(&pixels).expect("embedded");
    assert!(gap(found[0].as_slice(), &of_pictures("embedding_64")[0]) <= UNIT);
    // The halves have revisions of their own, so either makes another space.
    let before = info.key.revision.clone();
    edit(&whole.join("text/config.json"), |json| json["rotary_scaling_factor"] = json!(2));
    assert_ne!(vicinity_models::load(&whole).expect("the model loads").info.key.revision, before);
    let twice = ModelDir::open(&whole.join("text")).expect("a folder");
    assert!(nomic::open(&twice, &twice).is_err(), "a text tower is no vision tower");
}

#[test]
fn every_instruction_set_agrees_with_the_published_code() {
    let tests =
        ["hidden_states_and_vectors_agree_with_the_published_code", "the_vision_tower_agrees_with_the_published_code"];
    assert_pass_with(&["portable", "avx2"], module_path!(), &tests);
}
