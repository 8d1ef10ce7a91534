//! Pictures of formats beyond the usual ones, decoded by the program in a helper process: they are embedded as their PNG
//! twins are, which `tests/fixtures/formats/make.py` writes with encoders and decoders of other people.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use vicinity_core::Picture;
use vicinity_media::{Content, ReadOptions, decode_helper, read};
use vicinity_models::{Model, builtin};

/// The least cosine of the vectors of a picture and of its twin.
const ALIKE: f32 = 0.98;
/// A folder of PNG twins of the photos of others, which are not part of the project.
const TWINS: &str = "VICINITY_PICTURE_TWINS";

fn picture(path: &Path) -> Picture {
    decode_helper::use_program(env!("CARGO_BIN_EXE_vicinity").into());
    match read(path, &fs::read(path).unwrap(), &ReadOptions::default()) {
        Ok(Some(Content::Image { picture, .. })) => picture,
        other => panic!("{}: {other:?}", path.display()),
    }
}

#[track_caller]
fn assert_alike(model: &Model, path: &Path, twin: &Path) {
    let pixels = [path, twin].map(|path| model.image.prepare(&picture(path)));
    let vectors = model.image.embed(&pixels).unwrap();
    let [a, b] = [&vectors[0], &vectors[1]].map(|vector| vector.as_slice());
    let cosine: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    eprintln!("{}: {cosine:.4}", path.display());
    assert!(cosine >= ALIKE, "{}: {cosine}", path.display());
}

/// The files of a folder with one of these endings.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let ends = |path: &PathBuf, ending: &&str| path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending));
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = all.filter(|path| endings.iter().any(|ending| ends(path, ending))).collect();
    files.sort();
    assert!(!files.is_empty(), "{}", folder.display());
    files
}

#[test]
fn samples_of_other_formats_are_embedded_as_their_twin() {
    let folder = crate::support::places::project_dir().join("tests/fixtures/formats/lighthouse");
    let model = builtin::load().unwrap();
    for path in files(&folder, &["avif", "heic", "jp2", "jxl", "psd"]) {
        assert_alike(&model, &path, &folder.join("twin.png"));
    }
}

#[test]
fn photos_of_others_are_embedded_as_their_twins() {
    let Some(shared) = crate::support::places::shared("photos_of_others_are_embedded_as_their_twins") else { return };
    let Some(twins) = std::env::var_os(TWINS).map(PathBuf::from) else {
        return eprintln!("skipped: photos_of_others_are_embedded_as_their_twins ({TWINS} names no folder of twins)");
    };
    let model = builtin::load().unwrap();
    for path in files(&shared.join("data/awkward_images/avif_heic"), &["avif", "avifs", "heic", "heif"]) {
        let twin = twins.join(format!("{}.png", path.file_name().unwrap().to_string_lossy()));
        assert_alike(&model, &path, &twin);
    }
}

/// What a command prints about the library `library` of a folder, as a whole and as JSON by line.
fn command(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vicinity"));
    command.args(arguments).args(["--library", "library"]).current_dir(folder.path()).stdin(Stdio::null());
    command.env("VICINITY_HOME", folder.path().join("home"));
    command
}

/// What a command says to people about what went wrong.
fn complaint(folder: &TempDir, arguments: &[&str]) -> String {
    String::from_utf8(command(folder, arguments).output().unwrap().stderr).unwrap()
}

fn run(folder: &TempDir, arguments: &[&str]) -> (String, Vec<Value>) {
    let output = String::from_utf8(command(folder, arguments).output().unwrap().stdout).unwrap();
    let lines = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output, lines)
}

#[test]
fn pages_of_a_tiff_become_items_on_request_and_one_item_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("files")).unwrap();
    let sample = crate::support::places::project_dir().join("tests/fixtures/formats/pages.tiff");
    fs::copy(&sample, folder.path().join("files/pages.tiff")).unwrap();
    let index = |arguments: &[&str]| {
        let (output, lines) = run(&folder, &[&["index", "files", "--json"], arguments].concat());
        let count = |name: &str| lines.last().unwrap()[name].as_u64().unwrap_or_else(|| panic!("{output}"));
        [count("items"), count("embedded"), count("reused"), count("failed")]
    };
    assert_eq!(index(&[]), [1, 1, 0, 0]);
    assert_eq!(index(&["--pages"]), [3, 3, 0, 0]);
    assert_eq!(index(&[]), [3, 0, 3, 0], "remembered, and not read again");
    let search = ["search", "--image", "files/pages.tiff", "--json"];
    let (output, hits) = run(&folder, &search);
    let pages: Vec<_> = hits.iter().filter_map(|hit| hit["page"].as_u64()).collect();
    assert_eq!(pages.len(), 3, "{output}");
    assert_eq!(pages[0], 1, "a file stands for its first page: {output}");
    let (_, met) = run(&folder, &["search", "--image", "files/pages.tiff", "--json", "--where", "type = image"]);
    assert_eq!(met.len(), 3);
}

#[test]
fn a_folder_of_all_formats_is_indexed_and_a_bad_file_is_one_failure() {
    let (folder, samples) =
        (tempfile::tempdir().unwrap(), crate::support::places::project_dir().join("tests/fixtures/formats"));
    let files = folder.path().join("files");
    fs::create_dir(&files).unwrap();
    for name in ["plain.heic", "plain.avif", "plain.jxl", "plain.psd"] {
        fs::copy(samples.join(name), files.join(name)).unwrap();
    }
    let drawing = "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='30'><circle cx='9' cy='9' r='5'/></svg>";
    fs::write(files.join("drawing.svg"), drawing).unwrap();
    for name in ["plain.avif", "plain.jxl"] {
        let whole = fs::read(samples.join(name)).unwrap();
        fs::write(files.join(format!("cut-{name}")), &whole[..whole.len() - 100]).unwrap();
    }
    let (output, lines) = run(&folder, &["index", "files", "--json"]);
    let summary = lines.last().unwrap();
    assert_eq!((&summary["embedded"], &summary["failed"]), (&5.into(), &2.into()), "{output}");
    assert_eq!(output.matches("truncated").count(), 2, "{output}");
}

#[test]
fn pages_of_documents_become_items_and_are_named_in_hits() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    fs::create_dir(&files).unwrap();
    let samples = crate::support::places::project_dir().join("tests/fixtures/pdf");
    for name in ["report.pdf", "locked.pdf"] {
        fs::copy(samples.join(name), files.join(name)).unwrap();
    }
    let index = || {
        let (output, lines) = run(&folder, &["index", "files", "--json"]);
        let count = |name: &str| lines.last().unwrap()[name].as_u64().unwrap_or_else(|| panic!("{output}"));
        assert!(output.contains("protected by a password"), "{output}");
        [count("items"), count("embedded"), count("reused"), count("failed")]
    };
    assert_eq!(index(), [5, 5, 0, 1], "three pages, two of them with a text");
    assert_eq!(index(), [5, 0, 5, 1], "not read again");
    let (output, hits) = run(&folder, &["search", "a table of ponds", "--json", "--modality", "text"]);
    assert_eq!((&hits[0]["page"], &hits[0]["snippet"]), (&2.into(), &"A wide table of ponds".into()), "{output}");
    let (output, hits) = run(&folder, &["search", "red and blue", "--json", "--modality", "image"]);
    assert_eq!((&hits[0]["page"], hits.len()), (&3.into(), 3), "{output}");
}

#[test]
fn a_document_is_known_by_its_pages_its_title_and_its_time() {
    let (folder, samples) =
        (tempfile::tempdir().unwrap(), crate::support::places::project_dir().join("tests/fixtures/pdf"));
    fs::create_dir(folder.path().join("files")).unwrap();
    for name in ["report.pdf", "restricted.pdf", "locked.pdf"] {
        fs::copy(samples.join(name), folder.path().join("files").join(name)).unwrap();
    }
    run(&folder, &["index", "files", "--json"]);
    let (output, known) = run(&folder, &["info", "files/report.pdf", "files/restricted.pdf", "--json"]);
    assert_eq!((&known[0]["pages"], &known[0]["encrypted"]), (&3.into(), &false.into()), "{output}");
    assert_eq!((&known[1]["pages"], &known[1]["encrypted"]), (&3.into(), &true.into()), "{output}");
    assert_eq!(known[0]["taken"]["source"], "modified", "{output}");
    let output = complaint(&folder, &["info", "files/locked.pdf"]);
    assert!(output.contains("protected by a password"), "{output}");
    let (_, pages) = run(&folder, &["search", "--json", "-k", "50", "report", "--where", "taken > 2000"]);
    assert!(pages.iter().filter(|hit| hit["modality"] == "image").count() >= 6, "{pages:?}");
    let output = complaint(&folder, &["search", "--like", "files/report.pdf"]);
    assert!(output.contains("has 3 pages; name one, as in \"report.pdf, page 1\""), "{output}");
    fs::copy(samples.join("report.pdf"), folder.path().join("files/copy.pdf")).unwrap();
    run(&folder, &["index", "--json"]);
    let (output, same) = run(&folder, &["duplicates", "--json"]);
    assert_eq!(same.len(), 1, "{output}");
    assert_eq!(same[0]["files"].as_array().map(Vec::len), Some(2), "{output}");
}

#[test]
fn frames_of_an_animation_are_items_on_request() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("files")).unwrap();
    let frame = |red: u8| {
        let frame = image::RgbaImage::from_fn(32, 32, |x, y| image::Rgba([red, (x * 8) as u8, (y * 8) as u8, 255]));
        image::Frame::new(frame)
    };
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
    encoder.encode_frames([frame(0), frame(0), frame(240)]).unwrap();
    drop(encoder);
    fs::write(folder.path().join("files/film.gif"), bytes).unwrap();
    let items = |arguments: &[&str]| {
        run(&folder, &[&["index", "--json"], arguments].concat()).1.pop().unwrap()["items"].clone()
    };
    assert_eq!(items(&["files"]), 1);
    assert_eq!(items(&["--pages"]), 2);
    let (output, hits) = run(&folder, &["search", "--image", "files/film.gif", "--json"]);
    let mut frames: Vec<_> = hits.iter().filter_map(|hit| hit["frame"].as_u64()).collect();
    frames.sort_unstable();
    assert_eq!(frames, [1, 3], "{output}");
    let (output, known) = run(&folder, &["info", "files/film.gif", "--json"]);
    assert_eq!(known[0]["frames"], 2, "{output}");
    let (output, like) = run(&folder, &["search", "--like", "files/film.gif, frame 3", "--json"]);
    assert!(!like.is_empty(), "{output}");
}
