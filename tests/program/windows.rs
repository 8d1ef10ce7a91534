//! What only Windows has: names that differ in case alone, drive letters, a limit on the length of paths, files that another
//! program does not share. `scripts/windows` runs these under wine.
#![cfg(windows)]

use std::fs::{self, File};
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.path("Files")).unwrap();
        for name in ["one", "two", "three"] {
            fs::write(place.path("Files").join(name).with_extension("txt"), format!("Number {name}.\r\n")).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&Path]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vicinity"));
        command.args(arguments).env("VICINITY_HOME", self.path("home")).env("VICINITY_LIBRARY", self.path("library"));
        command.output().unwrap()
    }

    /// The summary of an import, and the files that could not be read with their reasons.
    fn index(&self, folders: &[&Path]) -> (Value, Vec<(PathBuf, String)>) {
        let mut arguments = vec![Path::new("index"), Path::new("--json")];
        arguments.extend(folders);
        let output = self.run(&arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let summary = lines.pop().unwrap();
        let failure =
            |line: &Value| (line["path"].as_str().unwrap().into(), line["error"].as_str().unwrap().to_owned());
        (summary, lines.iter().map(failure).collect())
    }
}

#[test]
fn a_file_that_another_program_does_not_share_is_reported_and_read_once_it_is_free() {
    let place = Place::new();
    let files = place.path("Files");
    let held: File = fs::OpenOptions::new().read(true).write(true).share_mode(0).open(files.join("two.txt")).unwrap();
    let (summary, failures) = place.index(&[&files]);
    assert_eq!((&summary["items"], failures.len()), (&2.into(), 1), "{failures:?}");
    assert!(failures[0].0.ends_with("two.txt") && failures[0].1.contains("Another program"), "{failures:?}");
    drop(held);
    let (summary, failures) = place.index(&[&files]);
    assert_eq!((&summary["items"], &summary["embedded"], failures), (&3.into(), &1.into(), vec![]));
}

#[test]
fn a_folder_with_several_names_is_one_folder() {
    let place = Place::new();
    let files = place.path("Files");
    let text = files.to_str().unwrap();
    let other_case: String =
        text.chars().map(|c| if c.is_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() }).collect();
    let names = [text.to_owned(), other_case, text.replace('\\', "/"), format!("{text}\\"), format!("{text}\\.")];
    let names: Vec<&Path> = names.iter().map(Path::new).collect();
    for name in &names {
        assert_eq!(place.index(&[name]).0["items"], 3, "{}", name.display());
    }
    assert_eq!(place.index(&names).0["items"], 3);
    let info = String::from_utf8(place.run(&[Path::new("info")]).stdout).unwrap();
    assert_eq!(info.lines().filter(|line| line.starts_with("folder ")).count(), 1, "{info}");
}

#[test]
fn paths_of_more_than_260_characters_are_read() {
    let place = Place::new();
    let mut deep = place.path("deep");
    while deep.as_os_str().len() < 300 {
        deep.push("a folder with a long name");
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("übung.txt"), "A text far down.").unwrap();
    let (summary, failures) = place.index(&[&place.path("deep")]);
    assert_eq!((&summary["items"], failures), (&1.into(), vec![]));
    let found = place.run(&[Path::new("search"), Path::new("a text"), Path::new("--json")]);
    let hit: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(Path::new(hit["path"].as_str().unwrap()), deep.join("übung.txt"));
    assert!(place.run(&[Path::new("embed"), &deep.join("übung.txt")]).status.success());
}

#[test]
fn a_write_protected_model_is_imported_and_removed() {
    let place = Place::new();
    let model = place.path("tiny");
    fs::create_dir(&model).unwrap();
    let protect = |name: &Path, protected: bool| {
        let mut permissions = fs::metadata(name).unwrap().permissions();
        permissions.set_readonly(protected);
        fs::set_permissions(name, permissions).unwrap();
    };
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/clip")).unwrap() {
        let entry = entry.unwrap();
        let copy = model.join(entry.file_name());
        if entry.path().is_file() {
            fs::copy(entry.path(), &copy).unwrap();
            protect(&copy, true);
        }
    }
    for arguments in [[Path::new("models"), Path::new("import"), &model], ["models", "remove", "tiny"].map(Path::new)] {
        let output = place.run(&arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    for entry in fs::read_dir(&model).unwrap() {
        protect(&entry.unwrap().path(), false);
    }
}
