//! Model folders: whatever is wrong with one is said with the file, the tensor, and what to do.

use std::path::{Path, PathBuf};

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use tempfile::TempDir;
use vicinity_models::model_dir::ModelDir;

const WEIGHTS: &str = "open_clip_model.safetensors";
const CONFIG: &str = "open_clip_config.json";

fn fixture(name: &str) -> PathBuf {
    crate::support::project_dir().join("tests/fixtures/mobileclip").join(name)
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
    vicinity_models::load(folder).map(|model| model.info.title).expect_err("a damaged model loads").to_string()
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
    let revision = || ModelDir::open(folder.path()).expect("opens").revision().expect("readable");
    let first = revision();
    assert_eq!(first.len(), 16);
    assert_eq!(first, ModelDir::open(model().path()).expect("opens").revision().expect("readable"));
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
        let model = vicinity_models::load(dir).expect("loads");
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
    let info = vicinity_models::load(&snapshot).expect("loads").info;
    assert_eq!((info.title.as_str(), info.licence.as_str()), ("apple/MobileCLIP-S1-OpenCLIP", "apple-amlr"));
}

/// `folder/pytorch_model.bin` is what `torch.save` of PyTorch 2.14 wrote of a dense layer, a batch norm with its
/// counter, and a tensor in half precision.
#[test]
fn weights_of_pytorch_are_read_as_data() {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, pickle) = (folder.path().join("config.json"), folder.path().join("pytorch_model.bin"));
    std::fs::write(config, "{}").expect("written");
    let bytes = include_bytes!("../fixtures/folder/pytorch_model.bin");
    std::fs::write(&pickle, bytes).expect("written");
    let opened = ModelDir::open(folder.path()).expect("opens");
    let weights = opened.weights().expect("whole");
    assert_eq!(weights.shape("fc.weight").expect("there"), [2, 3]);
    assert_eq!(weights.vector("fc.weight", 6).expect("there"), [0.5, -1.0, 2.0, 3.0, 0.25, -0.125]);
    assert_eq!(weights.vector("fc.bias", 2).expect("there"), [7.0, -8.0]);
    assert_eq!(weights.vector("half", 2).expect("there"), [1.5, -2.5]);
    let error = weights.vector("other", 1).expect_err("not there").to_string();
    assert!(error.contains("pytorch_model.bin") && error.contains("other"), "{error}");
    for len in [0, 100, bytes.len() - 1] {
        std::fs::write(&pickle, &bytes[..len]).expect("written");
        assert_says(folder.path(), &["pytorch_model.bin", "download model.safetensors"]);
    }
}

/// A zip as `torch.save` writes it, of this pickle and these numbers.
fn torch_file(pickle: &[u8], numbers: &[u8], how: zip::CompressionMethod) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(how);
    for (name, bytes) in [("model/data.pkl", pickle), ("model/data/0", numbers)] {
        archive.start_file(name, options).expect("an entry");
        std::io::Write::write_all(&mut archive, bytes).expect("written");
    }
    archive.finish().expect("a file").into_inner()
}

/// The pickle of one tensor of this many numbers, in rows of this stride.
fn pickle_of(count: u32, stride: u32) -> Vec<u8> {
    let text = |text: &str| [&b"X"[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let number = |number: u32| [&b"J"[..], &number.to_le_bytes()].concat();
    let storage =
        [&b"("[..], &text("storage"), b"ctorch\nFloatStorage\n", &text("0"), &text("cpu"), b"K\x04tQ"].concat();
    let arguments = [&b"("[..], &storage, b"K\x00", &number(count), b"\x85", &number(stride), b"\x85\x89Nt"].concat();
    [&b"\x80\x02}("[..], &text("w"), b"ctorch._utils\n_rebuild_tensor_v2\n", &arguments, b"Ru."].concat()
}

#[test]
fn hostile_pickles_are_refused_before_they_take_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("config.json"), "{}").expect("written");
    let put = |bytes: Vec<u8>| std::fs::write(folder.path().join("pytorch_model.bin"), bytes).expect("written");
    let (stored, packed) = (zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated);
    let numbers: Vec<u8> = [1.0_f32, 2.0, 3.0, 4.0].iter().flat_map(|n| n.to_le_bytes()).collect();
    put(torch_file(&pickle_of(4, 1), &numbers, stored));
    let opened = ModelDir::open(folder.path()).expect("a plain one opens");
    assert_eq!(opened.weights().expect("whole").vector("w", 4).expect("there"), [1.0, 2.0, 3.0, 4.0]);
    put(torch_file(&pickle_of(2, 2), &numbers, stored));
    let opened = ModelDir::open(folder.path()).expect("one with strides opens");
    assert_eq!(opened.weights().expect("whole").vector("w", 2).expect("there"), [1.0, 3.0]);

    let deep = [&b")"[..], &vec![0x85; 3_000_000], b"."].concat();
    let doubled = [&b"Nq\0"[..], &[b'h', 0, b'h', 0, 0x86, b'q', 0].repeat(400_000), b"."].concat();
    let text = b"X\xff\xff\xff\xff".to_vec();
    let filling = vec![b'N'; 200 << 20];
    for (what, file) in [
        ("depth", torch_file(&deep, b"", packed)),
        ("copies", torch_file(&doubled, b"", packed)),
        ("a long text", torch_file(&text, b"", stored)),
        ("a packed filling", torch_file(&filling, b"", packed)),
        ("more numbers than there are", torch_file(&pickle_of(i32::MAX as u32, 1), &numbers, stored)),
        ("one number again and again", torch_file(&pickle_of(i32::MAX as u32, 0), &numbers, stored)),
        ("packed numbers", torch_file(&pickle_of(1 << 24, 1), &vec![0; 4 << 24], packed)),
    ] {
        put(file);
        let message =
            ModelDir::open(folder.path()).err().unwrap_or_else(|| panic!("{what} is let through")).to_string();
        assert!(message.contains("pytorch_model.bin") && message.len() < 600, "{what}: {message}");
    }
}

#[test]
fn files_beside_the_weights_have_limits() {
    for (name, bytes) in [(CONFIG, 2 << 20), ("tokenizer.json", 100 << 20)] {
        let folder = model();
        let file = std::fs::File::options().write(true).open(folder.path().join(name)).expect("opened");
        file.set_len(bytes).expect("made longer");
        assert_says(folder.path(), &[name, "bytes long"]);
    }
    let folder = model();
    std::fs::write(folder.path().join(CONFIG), format!("{{\"a\": {}", "[".repeat(100))).expect("written");
    assert_says(folder.path(), &[CONFIG, "nested"]);
    std::fs::write(folder.path().join(CONFIG), format!("[{}1]", "1,".repeat(400_000))).expect("written");
    assert_says(folder.path(), &[CONFIG, "values"]);
    let folder = model();
    let header = format!("{{{}}}", " ".repeat(40 << 20));
    let file = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    std::fs::write(folder.path().join(WEIGHTS), file).expect("written");
    assert_says(folder.path(), &[WEIGHTS, "header"]);
    // takes no room: all of it is a hole
    let file = std::fs::File::options().write(true).open(folder.path().join(WEIGHTS)).expect("opened");
    if file.set_len(1 << 40).is_ok() {
        assert_says(folder.path(), &[WEIGHTS, "GB"]);
    }
}

#[test]
// Only Unix has pipes in folders; tested here.
#[cfg(unix)]
fn pipes_in_a_model_folder_are_no_files() {
    let folder = model();
    let path = folder.path().join("tokenizer.json");
    std::fs::remove_file(&path).expect("removed");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo runs").success());
    assert_says(folder.path(), &["tokenizer.json", "not a file"]);
}

#[test]
fn tokenizers_that_never_end_or_take_gigabytes_are_refused() {
    let normalizer = |json: &str| {
        let folder = model();
        let path = folder.path().join("tokenizer.json");
        let mut file: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).expect("there")).expect("JSON");
        file["normalizer"] = serde_json::from_str(json).expect("JSON");
        std::fs::write(path, file.to_string()).expect("written");
        complaint(folder.path())
    };
    let empty = normalizer(r#"{"type": "Replace", "pattern": {"String": ""}, "content": "x"}"#);
    assert!(empty.contains("tokenizer.json") && empty.contains("empty pattern"), "{empty}");
    let doubled = r#"{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}"#;
    let bomb = format!(r#"{{"type": "Sequence", "normalizers": [{}]}}"#, vec![doubled; 30].join(","));
    let bomb = normalizer(&bomb);
    assert!(bomb.contains("tokenizer.json") && bomb.contains("times as long"), "{bomb}");
}
