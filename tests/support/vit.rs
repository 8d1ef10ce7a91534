//! What the tests of the CLIP-like towers share: recordings, and folders with one thing wrong.

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::Value;
use vicinity_core::Picture;
use vicinity_models::{Model, Pixels, TextOptions};

/// Largest difference of a number inside a network.
pub const HIDDEN: f32 = 1e-4;
/// Largest difference of a component of a unit vector.
pub const UNIT: f32 = 2e-5;

/// A folder of recordings.
pub struct Fixture(PathBuf);

impl Fixture {
    pub fn new(name: &str) -> Self {
        Self(super::places::project_dir().join("tests/fixtures").join(name))
    }

    pub fn dir(&self) -> &Path {
        &self.0
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).expect("a file of the fixture")
    }

    pub fn cases(&self) -> Vec<Value> {
        let cases: Value = serde_json::from_slice(&self.read("cases.json")).expect("valid JSON");
        cases["texts"].as_array().expect("a list").clone()
    }

    pub fn texts(&self) -> Vec<String> {
        self.cases().iter().map(|case| case["text"].as_str().expect("a text").to_owned()).collect()
    }

    /// The recording `name`, row by row.
    pub fn expected(&self, name: &str) -> Vec<Vec<f32>> {
        let file = self.read("expected.safetensors");
        let file = SafeTensors::deserialize(&file).expect("a safetensors file");
        let tensor = file.tensor(name).expect("the tensor");
        let values: Vec<f32> = tensor.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        values.chunks(*tensor.shape().last().expect("a side")).map(<[f32]>::to_vec).collect()
    }

    /// The recorded pictures.
    pub fn pixels(&self) -> Vec<Pixels> {
        let rows = self.expected("pixel_values");
        let side = rows[0].len();
        rows.chunks(3 * side).map(|picture| Pixels(picture.concat())).collect()
    }

    pub fn picture(&self, name: &str) -> Picture {
        let rgb = image::open(self.0.join("images").join(name)).expect("a readable picture").to_rgb8();
        Picture::new(rgb.width(), rgb.height(), rgb.into_raw()).expect("whole")
    }

    /// A copy of what a model is loaded from.
    pub fn copy(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().expect("a folder");
        for name in ["config.json", "preprocessor_config.json", "tokenizer.json", "model.safetensors"] {
            std::fs::write(copy.path().join(name), self.read(name)).expect("a copy");
        }
        copy
    }

    /// What loading a copy says whose tensors were changed.
    pub fn complaint(&self, change: impl Fn(&mut Vec<Tensor>)) -> String {
        let (copy, file) = (self.copy(), self.read("model.safetensors"));
        std::fs::write(copy.path().join("model.safetensors"), changed(&file, change)).expect("written");
        complaint(copy.path())
    }
}

/// The folder as transformers 5 saves it: `dtype` beside all sizes, the preparation inside `processor_config.json`, and
/// here the weights in two files.
pub fn transformers_5(fixture: &Fixture) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    let json = |name: &str| -> Value { serde_json::from_slice(&fixture.read(name)).expect("JSON") };
    let write = |name: &str, bytes: &[u8]| std::fs::write(copy.path().join(name), bytes).expect("written");
    let mut config = json("config.json");
    config["dtype"] = "float32".into();
    for part in ["text_config", "vision_config"] {
        config[part]["dtype"] = "float32".into();
        config[part]["attention_dropout"] = 0.0.into();
    }
    config["text_config"]["bos_token_id"] = 49406.into();
    config["transformers_version"] = "5.23.0".into();
    write("config.json", config.to_string().as_bytes());
    let processor = serde_json::json!({ "image_processor": json("preprocessor_config.json"), "processor_class": "P" });
    write("processor_config.json", processor.to_string().as_bytes());
    write("tokenizer.json", &fixture.read("tokenizer.json"));
    let weights = fixture.read("model.safetensors");
    let mut places = serde_json::Map::new();
    for part in 0..2 {
        let name = format!("model-0000{}-of-00002.safetensors", part + 1);
        let half = changed(&weights, |tensors| {
            tensors.retain(|t| !t.0.ends_with("position_ids"));
            tensors.sort_by(|a, b| a.0.cmp(&b.0));
            let middle = tensors.len() / 2;
            *tensors = if part == 0 { tensors[..middle].to_vec() } else { tensors[middle..].to_vec() };
        });
        for tensor in SafeTensors::deserialize(&half).expect("a safetensors file").names() {
            places.insert(tensor.to_owned(), name.clone().into());
        }
        write(&name, &half);
    }
    let index = serde_json::json!({ "metadata": { "total_size": 1 }, "weight_map": places });
    write("model.safetensors.index.json", index.to_string().as_bytes());
    copy
}

/// Weights stored in 16 bits give the vectors of those that are stored in 32, up to their own rounding.
pub fn half_precision_is_read(fixture: &Fixture) {
    let whole = vicinity_models::load(fixture.dir()).expect("the model loads");
    for (dtype, least) in [(safetensors::Dtype::F16, 0.999_99), (safetensors::Dtype::BF16, 0.999)] {
        let copy = fixture.copy();
        let half = changed(&fixture.read("model.safetensors"), |tensors| {
            for (_, own, _, bytes) in tensors.iter_mut().filter(|t| t.1 == safetensors::Dtype::F32) {
                let values = bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
                *bytes = match dtype {
                    safetensors::Dtype::F16 => values.flat_map(|v| half::f16::from_f32(v).to_le_bytes()).collect(),
                    _ => values.flat_map(|v| half::bf16::from_f32(v).to_le_bytes()).collect(),
                };
                *own = dtype;
            }
        });
        std::fs::write(copy.path().join("model.safetensors"), half).expect("written");
        let model = vicinity_models::load(copy.path()).expect("the model loads");
        let pictures = [&whole, &model].map(|m| m.image.embed(&fixture.pixels()).expect("embedded"));
        for (one, other) in pictures[0].iter().zip(&pictures[1]) {
            let cosine = one.cosine(other);
            assert!(cosine > least && one != other, "{dtype:?}: {cosine}");
        }
        let text = fixture.texts().remove(0);
        let texts = [&whole, &model].map(|m| m.text.embed(&[&text], TextOptions::default()).expect("embedded"));
        let cosine = texts[0][0].embedding.cosine(&texts[1][0].embedding);
        assert!(cosine > least, "{dtype:?}: {cosine}");
    }
}

/// Name, type, sides and bytes.
pub type Tensor = (String, safetensors::Dtype, Vec<usize>, Vec<u8>);

/// A weights file with other tensors.
pub fn changed(file: &[u8], change: impl Fn(&mut Vec<Tensor>)) -> Vec<u8> {
    let file = SafeTensors::deserialize(file).expect("a safetensors file");
    let parts = file.tensors().into_iter().map(|(n, t)| (n, t.dtype(), t.shape().to_vec(), t.data().to_vec()));
    let mut tensors: Vec<Tensor> = parts.collect();
    change(&mut tensors);
    let views = tensors.iter().map(|(n, t, s, b)| (n, TensorView::new(*t, s.clone(), b).expect("whole")));
    safetensors::serialize(views, None).expect("a file")
}

/// What loading a folder says.
pub fn complaint(dir: &Path) -> String {
    vicinity_models::load(dir).err().expect("it does not load").to_string()
}

/// Asserts that the recordings agree, and prints how well.
pub fn agree(what: &str, found: &[Vec<f32>], wanted: &[Vec<f32>], limit: f32) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    let mut off = 0.0_f32;
    for (found, wanted) in found.iter().zip(wanted) {
        assert_eq!(found.len(), wanted.len(), "{what}");
        assert!(found.iter().all(|v| v.is_finite()), "{what}");
        off = found.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(off, f32::max);
    }
    println!("{what}: off by {off:e}");
    assert!(off <= limit, "{what}: off by {off}");
}

/// Each picture and text alone gives the vector that it has in a batch.
pub fn batches_are_singles(model: &Model, fixture: &Fixture) {
    let pixels: Vec<Pixels> = fixture.pixels().into_iter().cycle().take(11).collect();
    let together = model.image.embed(&pixels).expect("pictures are embedded");
    for (pixels, together) in pixels.into_iter().zip(&together) {
        assert_eq!(&model.image.embed(&[pixels]).expect("a picture is embedded")[0], together);
    }
    let texts = fixture.texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).cycle().take(19).collect();
    let together = model.text.embed(&texts, TextOptions::default()).expect("texts are embedded");
    for (text, together) in texts.iter().zip(&together) {
        let alone = model.text.embed(&[text], TextOptions::default()).expect("a text is embedded");
        assert_eq!(alone[0].embedding, together.embedding, "{text}");
    }
    assert!(model.image.embed(&[]).expect("nothing").is_empty());
    assert!(model.text.embed(&[], TextOptions::QUERY).expect("nothing").is_empty());
    assert!(model.image.embed(&[Pixels(vec![0.0; 7])]).is_err());
}

/// Loading says which file and which tensor is wrong. `matrix` is some `[64, 64]` weight.
pub fn damage_is_named(fixture: &Fixture, matrix: &str) {
    let missing = fixture.complaint(|tensors| tensors.retain(|t| t.0 != matrix));
    let shape = fixture.complaint(|tensors| {
        for tensor in tensors.iter_mut().filter(|t| t.0 == matrix) {
            tensor.2 = vec![32, 128];
        }
    });
    let nan = fixture.complaint(|tensors| {
        for tensor in tensors.iter_mut().filter(|t| t.0 == matrix) {
            tensor.3[400..404].copy_from_slice(&f32::NAN.to_le_bytes());
        }
    });
    for (complaint, reason) in [(missing, "missing"), (shape, "[32, 128]"), (nan, "not finite")] {
        assert!(complaint.contains("model.safetensors"), "{complaint}");
        assert!(complaint.contains(matrix) && complaint.contains(reason), "{complaint}");
    }
    let (copy, file) = (fixture.copy(), fixture.read("model.safetensors"));
    std::fs::write(copy.path().join("model.safetensors"), &file[..file.len() - 8]).expect("written");
    let cut = complaint(copy.path());
    assert!(cut.contains("model.safetensors") && cut.contains("not a whole"), "{cut}");
    let copy = fixture.copy();
    let recipe = String::from_utf8(fixture.read("preprocessor_config.json")).expect("text").replace("64", "32");
    std::fs::write(copy.path().join("preprocessor_config.json"), recipe).expect("written");
    let small = complaint(copy.path());
    assert!(small.contains("preprocessor_config.json") && small.contains("32 x 32"), "{small}");
}
