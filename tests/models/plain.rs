//! The path that graphics cards take, candle's tensor operations, run on the CPU: parity with the recordings, with the
//! kernels, and in half precision.

use std::path::{Path, PathBuf};

use crate::support::vit::{Fixture, agree};
use vicinity_core::Embedding;
use vicinity_models::compute_target::{ComputeTarget, Precision};
use vicinity_models::device::DeviceId;
use vicinity_models::{LongText, Model, Pixels, TextOptions, builtin, device, golden};

/// Largest difference of a component of a unit vector in f32.
const PARITY: f32 = 1e-4;
/// The same on a graphics card, which sums in another order.
const PARITY_ON_CARDS: f32 = 2e-4;
/// Smallest cosine similarity in half precision.
const COSINE: f32 = 0.999;

/// Pictures of other shapes than the models'.
fn pixels(model: &Model) -> Vec<Pixels> {
    [(400, 300), (17, 90)].map(|(width, height)| model.image.prepare(&golden::picture(width, height))).to_vec()
}

/// Texts of unequal lengths.
fn texts() -> Vec<String> {
    let long = "a dog runs over the field and children play football in the rain ".repeat(9);
    ["a photo of a dog", "", "Two children play football in the rain.", &long, "cat"].map(str::to_owned).to_vec()
}

fn embed(model: &Model) -> Vec<Embedding> {
    let (pixels, texts) = (pixels(model), texts());
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let options = TextOptions { long_text: LongText::Mean, ..Default::default() };
    let mut all = model.image.embed(&pixels).expect("pictures are embedded");
    all.extend(model.text.embed(&texts, options).expect("texts are embedded").into_iter().map(|t| t.embedding));
    all
}

/// The model on the kernels and as other devices compute it.
fn compare(name: &str, load: impl Fn(&ComputeTarget) -> Model) {
    let wanted = embed(&load(&ComputeTarget::cpu()));
    let rows = |all: &[Embedding]| all.iter().map(|e| e.as_slice().to_vec()).collect::<Vec<_>>();
    let found = embed(&load(&ComputeTarget::plain(Precision::F32)));
    agree(&format!("{name} f32"), &rows(&found), &rows(&wanted), PARITY);
    let kernels = device::devices()[0].precisions.contains(&Precision::Bf16);
    let kernels = kernels.then(|| ComputeTarget::cpu_in(Precision::Bf16));
    if kernels.is_none() {
        eprintln!("{name}: bf16 in the kernels is skipped, this processor does not multiply it");
    }
    let plain = [Precision::F16, Precision::Bf16].map(ComputeTarget::plain);
    for (target, way) in plain.into_iter().chain(kernels).zip(["f16", "bf16", "bf16 in the kernels"]) {
        let found = embed(&load(&target));
        let worst = found.iter().zip(&wanted).map(|(a, b)| a.cosine(b)).fold(1.0, f32::min);
        println!("{name} {way}: cosine {worst}");
        assert!(worst >= COSINE, "{name} {way}: cosine {worst}");
        assert_ne!(rows(&found), rows(&wanted), "{name}: as if nothing were done in {way}");
    }
}

fn fixture(name: &str) -> PathBuf {
    crate::support::project_dir().join("tests/fixtures").join(name)
}

fn on(dir: &Path) -> impl Fn(&ComputeTarget) -> Model {
    move |target| vicinity_models::load_on(dir, target).expect("the model loads")
}

#[test]
fn starter_agrees() {
    compare("starter", |target| builtin::load_on(target).expect("the built-in model loads"));
}

#[test]
fn clip_and_siglip_agree() {
    for name in ["clip", "siglip"] {
        compare(name, on(&fixture(name)));
        let fixture = Fixture::new(name);
        let model = on(fixture.dir())(&ComputeTarget::plain(Precision::F32));
        let units = model.image.embed(&fixture.pixels()).expect("pictures are embedded");
        let units: Vec<_> = units.iter().map(|e| e.as_slice().to_vec()).collect();
        agree(&format!("{name} recorded pictures"), &units, &fixture.expected("image.embedding"), PARITY);
        let texts = fixture.texts();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let units = model.text.embed(&texts, TextOptions::default()).expect("texts are embedded");
        let units: Vec<_> = units.iter().map(|t| t.embedding.as_slice().to_vec()).collect();
        let names = fixture.cases().into_iter().filter_map(|case| Some(case["id"].as_str()?.to_owned()));
        let recorded = match name {
            "siglip" => fixture.expected("text.embedding"),
            _ => names.flat_map(|name| fixture.expected(&format!("text.{name}.embedding"))).collect(),
        };
        agree(&format!("{name} recorded texts"), &units, &recorded, PARITY);
    }
}

#[test]
fn mobileclip_agrees() {
    compare("mobileclip", on(&fixture("mobileclip")));
}

/// Both halves in one folder.
fn nomic() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (half, name) in [("text", "nomic_text"), ("vision", "nomic_vision")] {
        let to = dir.path().join(half);
        std::fs::create_dir(&to).expect("made");
        for entry in std::fs::read_dir(fixture(name)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_file() {
                std::fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
            }
        }
    }
    dir
}

#[test]
fn nomic_agrees() {
    compare("nomic", on(nomic().path()));
}

#[test]
fn graphics_cards_agree() {
    let nomic = nomic();
    let folders = ["clip", "siglip", "mobileclip"].map(|name| (name, fixture(name)));
    for card in device::devices().into_iter().filter(|device| device.id != DeviceId::Cpu) {
        for precision in &card.precisions {
            let target = card.open(*precision, 0).expect("the card opens");
            for (name, folder) in folders.iter().cloned().chain([("nomic", nomic.path().to_owned())]) {
                let name = format!("{name} on {} in {}", card.name, precision.as_str());
                let (wanted, found) = (embed(&on(&folder)(&ComputeTarget::cpu())), embed(&on(&folder)(&target)));
                let rows = |all: &[Embedding]| all.iter().map(|e| e.as_slice().to_vec()).collect::<Vec<_>>();
                let worst = found.iter().zip(&wanted).map(|(a, b)| a.cosine(b)).fold(1.0, f32::min);
                println!("{name}: cosine {worst}");
                assert!(worst >= COSINE, "{name}: cosine {worst}");
                if *precision == Precision::F32 {
                    agree(&name, &rows(&found), &rows(&wanted), PARITY_ON_CARDS);
                }
            }
        }
    }
}

#[test]
fn only_a_plain_model_asks_for_a_batch() {
    let model = builtin::load_on(&ComputeTarget::plain(Precision::F32)).expect("the built-in model loads");
    assert_eq!((model.image.preferred_batch_size(), model.text.preferred_batch_size()), (Some(64), Some(64)));
    let model = builtin::load().expect("the built-in model loads");
    assert_eq!((model.image.preferred_batch_size(), model.text.preferred_batch_size()), (None, None));
}
