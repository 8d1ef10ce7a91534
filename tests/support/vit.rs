//! What the tests of the CLIP-like towers share: recordings, and folders with one thing wrong.

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::Value;
use vicinity::domain::Picture;
use vicinity::towers::{Model, Pixels, TextOptions, folder};

/// Largest difference of a number inside a network.
pub const HIDDEN: f32 = 1e-4;
/// Largest difference of a component of a unit vector.
pub const UNIT: f32 = 2e-5;

/// A folder of recordings.
pub struct Fixture(PathBuf);

impl Fixture {
    pub fn new(name: &str) -> Self {
        Self(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name))
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
    folder::load(dir).err().expect("it does not load").to_string()
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
