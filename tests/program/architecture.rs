//! Holds what the compiler cannot: the layers inside the program, and which part may use which library. That crates import
//! only downwards (`core <- kernels, layout, media <- models <- engine <- serve <- the program`) is held by their manifests.

use std::fs;
use std::path::{Path, PathBuf};

/// A layer of the program and the layers that it may import.
const LAYERS: [(&str, &[&str]); 4] = [
    ("context", &["context"]),
    ("ui", &["context", "ui"]),
    ("cli", &["context", "cli", "app"]),
    ("app", &["context", "ui", "app"]),
];

/// The crates below the program, lowest first.
const CRATES: [&str; 7] = ["core", "kernels", "layout", "media", "models", "engine", "serve"];

/// A crate (or std module), and the crates of ours and layers of the program that may name it.
const KEPT_TO: [(&str, &[&str]); 8] = [
    ("candle_core", &["kernels", "models"]),
    ("candle_nn", &["models"]),
    ("candle_transformers", &["models"]),
    ("axum", &["serve"]),
    ("rfd", &["app"]),
    ("rusqlite", &["engine"]),
    ("egui", &["context", "ui", "app"]),
    ("std::fs", &["core", "media", "models", "engine", "cli", "app"]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The product code of a file: without comments and without its unit tests.
fn product_code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    text[..end].lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the crates and of the program.
fn all_sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    for name in CRATES {
        sources(&root().join("crates").join(name).join("src"), &mut files);
    }
    files
}

/// Every file of a crate or a layer of the program, by its name, with its product code.
fn parts() -> Vec<(&'static str, PathBuf, String)> {
    let crates = CRATES.iter().map(|name| (*name, root().join("crates").join(name).join("src")));
    let layers = LAYERS.iter().map(|(name, _)| (*name, root().join("src").join(name)));
    let mut all = Vec::new();
    for (part, folder) in crates.chain(layers) {
        let mut files = Vec::new();
        sources(&folder, &mut files);
        assert!(!files.is_empty(), "{part} has no files");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            all.push((part, file, product_code(&text)));
        }
    }
    all
}

/// Whether `code` names `path` as a whole path segment followed by `::` or `;` or a blank.
fn names(code: &str, path: &str) -> bool {
    code.match_indices(path).any(|(at, _)| {
        let before = code[..at].chars().next_back().unwrap_or(' ');
        let after = code[at + path.len()..].chars().next().unwrap_or(' ');
        !(before.is_alphanumeric() || before == '_' || before == ':' || after.is_alphanumeric() || after == '_')
    })
}

#[test]
fn imports_point_downwards() {
    let mut wrong = Vec::new();
    for (layer, file, code) in parts() {
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else { continue };
        for (other, _) in LAYERS {
            if !allowed.contains(&other) && names(&code, &format!("crate::{other}")) {
                wrong.push(format!("{} imports crate::{other}", file.display()));
            }
        }
        // `use crate::{a, b}` would slip past the check above.
        if code.contains("crate::{") {
            wrong.push(format!("{} imports from the crate root in braces; name the layer", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn libraries_stay_in_their_layer() {
    let mut wrong = Vec::new();
    for (layer, file, code) in parts() {
        for (library, allowed) in KEPT_TO {
            if names(&code, library) && !allowed.contains(&layer) {
                wrong.push(format!("{} uses {library}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for() {
    let files = all_sources();
    let silent: Vec<_> =
        files.iter().filter(|f| !fs::read_to_string(f).unwrap().starts_with("//!")).map(|f| f.display()).collect();
    assert!(silent.is_empty(), "no module documentation: {silent:?}");
}

/// The lines of a text that hold for one system only and, in comments on or right above them, do not say how that was
/// checked: `tested here` (on Linux, by these tests), or `not compiled here` and what it was read against.
fn unchecked(text: &str) -> Vec<usize> {
    const FOR_ONE: [&str; 6] = ["target_os", "target_family", "cfg(unix", "cfg(windows", "cfg!(unix", "cfg!(windows"];
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let for_one = |line: &str| {
        let code = line.split("//").next().unwrap_or("");
        FOR_ONE.iter().any(|word| code.contains(word)) || code.contains("(not(unix") || code.contains("(not(windows")
    };
    let says = |line: &str| {
        let comment = line.split_once("//").map_or("", |(_, comment)| comment).to_lowercase();
        comment.contains("tested here") || comment.contains("not compiled here")
    };
    let above = |at: usize| lines[..at].iter().rev().take_while(|l| l.starts_with("//") || l.starts_with("#["));
    let silent = |at: &usize| for_one(lines[*at]) && !says(lines[*at]) && !above(*at).any(|line| says(line));
    (0..lines.len()).filter(silent).map(|at| at + 1).collect()
}

#[test]
fn every_line_for_one_system_says_how_it_was_checked() {
    let files = all_sources();
    let place = |file: &PathBuf| {
        let silent = unchecked(&fs::read_to_string(file).unwrap());
        silent.into_iter().map(|line| format!("{}:{line}", file.display())).collect::<Vec<_>>()
    };
    let silent: Vec<_> = files.iter().flat_map(place).collect();
    assert!(silent.is_empty(), "say `tested here`, or `not compiled here` and what it was read against: {silent:?}");
    assert_eq!(unchecked("// Tested here.\n#[cfg(unix)]\nfn a() {}\n#[cfg(not(unix))]\nfn b() {}"), [4]);
    assert_eq!(unchecked("if cfg!(windows) {}\n// cfg(unix)\nlet a = cfg!(windows); // not compiled here"), [1]);
}

#[test]
fn the_check_sees_a_wrong_import() {
    assert!(names("use crate::ui::theme;", "crate::ui"));
    assert!(!names("use crate::uilike::theme;", "crate::ui"));
    assert!(names("let x = std::fs::read(p);", "std::fs"));
    assert_eq!(product_code("a // crate::ui\n#[cfg(test)]\nmod tests { crate::ui }").trim(), "a");
}

/// What a manifest of ours depends on among the crates of ours.
fn dependencies(name: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap();
    let ours = text.lines().filter_map(|line| line.trim().strip_prefix("vicinity-"));
    ours.map(|line| line.split(['.', ' ', '=']).next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn crates_depend_only_downwards() {
    for (at, name) in CRATES.iter().enumerate() {
        for other in dependencies(name) {
            assert!(CRATES[..at].contains(&other.as_str()), "{name} depends on {other}");
        }
    }
}
