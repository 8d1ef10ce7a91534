//! Model folders: whatever is wrong with one is said with the file, the tensor, and what to do.

use std::path::{Path, PathBuf};

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use tempfile::TempDir;
use vicinity_models::folder::{self, Folder};

const WEIGHTS: &str = "open_clip_model.safetensors";
const CONFIG: &str = "open_clip_config.json";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mobileclip").join(name)
}

/// A copy of a small model, to damage.
fn model() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in [CONFIG, WEIGHTS, "tokenizer.json"] {
        std::fs::copy(fixture(name), folder.path().join(name)).expect("a copy");
    }
    folder
}

/// The message of the error; panics where the folder loads.
fn complaint(folder: &Path) -> String {
    folder::load(folder).map(|model| model.info.title).expect_err("a damaged model loads").to_string()
}

fn assert_says(folder: &Path, parts: &[&str]) {
    let message = complaint(folder);
    for part in parts {
        assert!(message.contains(part), "{part:?} is missing in: {message}");
    }
}

/// Writes the weights again, tensor by tensor.
fn rewrite<'a>(folder: &TempDir, bytes: &'a [u8], change: impl Fn(&str, TensorView<'a>) -> Option<TensorView<'a>>) {
    let tensors = SafeTensors::deserialize(bytes).expect("a safetensors file");
    let kept = tensors.tensors().into_iter().filter_map(|(name, view)| Some((name.clone(), change(&name, view)?)));
    let file = safetensors::serialize(kept, None).expect("a file");
    std::fs::write(folder.path().join(WEIGHTS), file).expect("written");
}

fn edit(folder: &TempDir, name: &str, change: impl Fn(String) -> String) {
    let path = folder.path().join(name);
    let text = std::fs::read_to_string(&path).expect("readable");
    let changed = change(text.clone());
    assert_ne!(text, changed, "the test changes nothing");
    std::fs::write(path, changed).expect("written");
}

#[test]
fn missing_files_are_named() {
    for name in [CONFIG, WEIGHTS, "tokenizer.json"] {
        let folder = model();
        std::fs::remove_file(folder.path().join(name)).expect("removed");
        let shown = match name {
            CONFIG => "config.json",
            WEIGHTS => "model.safetensors",
            other => other,
        };
        assert_says(folder.path(), &[shown, "missing"]);
    }
    assert_says(Path::new("/no/such/folder"), &["/no/such/folder", "not a folder"]);
}

#[test]
fn files_that_were_cut_off_are_named() {
    for name in [CONFIG, WEIGHTS, "tokenizer.json"] {
        let folder = model();
        let path = folder.path().join(name);
        let bytes = std::fs::read(&path).expect("readable");
        for len in [0, 5, bytes.len() / 2, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..len]).expect("written");
            // The last byte of a JSON file may be only the end of the line.
            if name == WEIGHTS || len < bytes.len() - 1 {
                assert_says(folder.path(), &[name]);
            }
        }
    }
}

#[test]
fn weights_that_do_not_fit_are_named() {
    let bytes = std::fs::read(fixture(WEIGHTS)).expect("readable");
    let gamma = "visual.trunk.stages.1.blocks.0.layer_scale.gamma";
    let words = "text.token_embedding.weight";
    for tensor in [gamma, words] {
        let folder = model();
        rewrite(&folder, &bytes, |name, view| (name != tensor).then_some(view));
        assert_says(folder.path(), &[WEIGHTS, tensor, "missing"]);
        rewrite(&folder, &bytes, |name, view| {
            if name != tensor {
                return Some(view);
            }
            let half = &view.data()[..view.data().len() / 2];
            Some(TensorView::new(Dtype::F32, vec![half.len() / 4], half).expect("a tensor"))
        });
        assert_says(folder.path(), &[WEIGHTS, tensor]);
        let len = SafeTensors::deserialize(&bytes).expect("a file").tensor(tensor).expect("it").data().len();
        let spoilt = [&f32::NAN.to_le_bytes()[..], &vec![0; len - 4]].concat();
        let spoilt = spoilt.leak();
        rewrite(&folder, &bytes, |name, view| {
            let shape = view.shape().to_vec();
            if name == tensor { TensorView::new(Dtype::F32, shape, spoilt).ok() } else { Some(view) }
        });
        assert_says(folder.path(), &[WEIGHTS, tensor, "not finite"]);
        rewrite(&folder, &bytes, |name, view| {
            let shape = view.shape().to_vec();
            if name == tensor { TensorView::new(Dtype::I32, shape, spoilt).ok() } else { Some(view) }
        });
        assert_says(folder.path(), &[WEIGHTS, tensor, "I32"]);
    }
}

#[test]
fn unknown_networks_are_refused() {
    let folder = model();
    edit(&folder, CONFIG, |text| text.replace("fastvit_tiny_test", "vit_giant"));
    assert_says(folder.path(), &[CONFIG, "architecture", "MobileCLIP"]);
    let folder = model();
    std::fs::write(
        folder.path().join("config.json"),
        r#"{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}"#,
    )
    .expect("written");
    assert_says(folder.path(), &["config.json", "llama", "LlamaForCausalLM"]);
    let folder = model();
    edit(&folder, CONFIG, |text| text.replace("\"no_causal_mask\": true", "\"no_causal_mask\": false"));
    assert_says(folder.path(), &[CONFIG, "text tower"]);
    let folder = model();
    edit(&folder, CONFIG, |text| text.replace("bilinear", "lanczos"));
    assert_says(folder.path(), &["interpolation lanczos"]);
    let folder = model();
    edit(&folder, CONFIG, |text| text.replace("\"heads\": 4", "\"heads\": 0"));
    assert_says(folder.path(), &[CONFIG, "sizes"]);
}

#[test]
fn half_a_model_is_refused_with_the_other_half_named() {
    for (here, missing) in [("text", "vision"), ("vision", "text")] {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(here)).expect("a folder");
        assert_says(folder.path(), &[&format!("only the {here} half"), missing]);
    }
}

#[test]
fn the_revision_follows_the_content() {
    let folder = model();
    let revision = || Folder::open(folder.path()).expect("opens").revision().expect("readable");
    let first = revision();
    assert_eq!(first.len(), 16);
    assert_eq!(first, Folder::open(model().path()).expect("opens").revision().expect("readable"));
    edit(&folder, CONFIG, |text| text.replace("bilinear", "bicubic"));
    let second = revision();
    let path = folder.path().join(WEIGHTS);
    let mut bytes = std::fs::read(&path).expect("readable");
    *bytes.last_mut().expect("a byte") ^= 1;
    std::fs::write(&path, bytes).expect("written");
    let third = revision();
    assert!(first != second && second != third && first != third, "{first} {second} {third}");
}

#[test]
fn weights_in_several_files_are_one_model() {
    let folder = model();
    let bytes = std::fs::read(fixture(WEIGHTS)).expect("readable");
    let tensors = SafeTensors::deserialize(&bytes).expect("a safetensors file").tensors();
    let (mut places, mut parts) = (serde_json::Map::new(), [Vec::new(), Vec::new()]);
    for (i, (name, view)) in tensors.into_iter().enumerate() {
        places.insert(name.clone(), format!("part-{}.safetensors", i % 2).into());
        parts[i % 2].push((name, view));
    }
    for (i, part) in parts.into_iter().enumerate() {
        let file = safetensors::serialize(part, None).expect("a file");
        std::fs::write(folder.path().join(format!("part-{i}.safetensors")), file).expect("written");
    }
    std::fs::remove_file(folder.path().join(WEIGHTS)).expect("removed");
    let index = folder.path().join("model.safetensors.index.json");
    std::fs::write(&index, serde_json::json!({ "weight_map": places }).to_string()).expect("written");
    let picture = vicinity_models::golden::picture(90, 60);
    let embed = |dir: &Path| {
        let model = folder::load(dir).expect("loads");
        model.image.embed(&[model.image.prepare(&picture)]).expect("embedded").remove(0).as_slice().to_vec()
    };
    assert_eq!(embed(folder.path()), embed(&fixture("")));
    std::fs::remove_file(folder.path().join("part-1.safetensors")).expect("removed");
    assert_says(folder.path(), &["part-1.safetensors", "missing"]);
    std::fs::write(index, r#"{"weight_map": {"a": "../../part-0.safetensors"}}"#).expect("written");
    assert_says(folder.path(), &["model.safetensors.index.json", "not a file beside it"]);
}

#[test]
fn names_and_licences_are_read_from_where_the_hub_puts_them() {
    let folder = model();
    let snapshot = folder.path().join("models--apple--MobileCLIP-S1-OpenCLIP/snapshots/0123");
    std::fs::create_dir_all(&snapshot).expect("a folder");
    for name in [CONFIG, WEIGHTS, "tokenizer.json"] {
        std::fs::copy(fixture(name), snapshot.join(name)).expect("a copy");
    }
    let readme = "---\ntags:\n- clip\nlicense: other\nlicense_name: apple-amlr\n---\n# license: none\n";
    std::fs::write(snapshot.join("README.md"), readme).expect("written");
    let info = folder::load(&snapshot).expect("loads").info;
    assert_eq!((info.title.as_str(), info.licence.as_str()), ("apple/MobileCLIP-S1-OpenCLIP", "apple-amlr"));
}

/// `folder/pytorch_model.bin` is what `torch.save` of PyTorch 2.14 wrote of a dense layer, a batch norm with its
/// counter, and a tensor in half precision.
#[test]
fn weights_of_pytorch_are_read_as_data() {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, pickle) = (folder.path().join("config.json"), folder.path().join("pytorch_model.bin"));
    std::fs::write(config, "{}").expect("written");
    let bytes = include_bytes!("fixtures/folder/pytorch_model.bin");
    std::fs::write(&pickle, bytes).expect("written");
    let opened = Folder::open(folder.path()).expect("opens");
    let weights = opened.weights().expect("whole");
    assert_eq!(weights.shape("fc.weight").expect("there"), [2, 3]);
    assert_eq!(weights.vector("fc.weight", 6).expect("there"), [0.5, -1.0, 2.0, 3.0, 0.25, -0.125]);
    assert_eq!(weights.vector("fc.bias", 2).expect("there"), [7.0, -8.0]);
    assert_eq!(weights.vector("half", 2).expect("there"), [1.5, -2.5]);
    let error = weights.vector("other", 1).expect_err("not there").to_string();
    assert!(error.contains("pytorch_model.bin") && error.contains("other"), "{error}");
    for len in [0, 100, bytes.len() - 1] {
        std::fs::write(&pickle, &bytes[..len]).expect("written");
        assert_says(folder.path(), &["pytorch_model.bin", "fetch"]);
    }
}
