//! Holds what the compiler cannot: the layers inside the program, and which part may use which library. That crates import
//! only downwards (`core <- kernels, layout, media <- models <- engine <- serve <- the program`) is held by their manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A layer of the program and the layers that it may import.
const LAYERS: [(&str, &[&str]); 4] =
    [("context", &["context"]), ("ui", &["context", "ui"]), ("cli", &["cli"]), ("app", &["context", "ui", "app"])];

/// The crates below the program, lowest first.
const CRATES: [&str; 7] = ["core", "kernels", "layout", "media", "models", "engine", "serve"];

/// A crate (or std module), and the crates of ours and layers of the program that may name it.
const KEPT_TO: [(&str, &[&str]); 12] = [
    ("candle_core", &["kernels", "models"]),
    ("candle_nn", &["models"]),
    ("candle_transformers", &["models"]),
    ("axum", &["serve"]),
    ("clap", &["cli"]),
    ("rfd", &["app"]),
    ("rusqlite", &["engine"]),
    ("egui", &["context", "ui", "app"]),
    ("vicinity_engine", &["context", "cli", "app"]),
    ("vicinity_models", &["engine", "serve", "context", "cli", "app"]),
    ("std::thread", &["core", "media", "models", "engine", "serve", "app"]),
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

/// A path within the project, with slashes on every system.
fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string().replace('\\', "/")
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
fn the_window_is_all_that_app_knows_of_ui() {
    let of_app = parts().into_iter().filter(|(layer, ..)| *layer == "app");
    let imported = of_app.flat_map(|(_, _, code)| uses(&code)).map(|(_, path, _)| path.join("::"));
    let of_ui: BTreeSet<String> = imported.filter(|path| path.starts_with("crate::ui")).collect();
    assert_eq!(of_ui, ["crate::ui::Shell", "crate::ui::style"].map(str::to_owned).into());
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

/// The lines of a text that hold for one system only and, in comments on or right above them, do not say how that is
/// checked: `tested here` (on Linux, by these tests), by `scripts/windows` (under wine) or by `scripts/macos-check` (types only).
fn unchecked(text: &str) -> Vec<usize> {
    const FOR_ONE: [&str; 6] = ["target_os", "target_family", "cfg(unix", "cfg(windows", "cfg!(unix", "cfg!(windows"];
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let for_one = |line: &str| {
        let code = line.split("//").next().unwrap_or("");
        FOR_ONE.iter().any(|word| code.contains(word)) || code.contains("(not(unix") || code.contains("(not(windows")
    };
    let says = |line: &str| {
        let comment = line.split_once("//").map_or("", |(_, comment)| comment).to_lowercase();
        ["tested here", "scripts/windows", "scripts/macos-check"].iter().any(|check| comment.contains(check))
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
    assert!(silent.is_empty(), "say `tested here`, or which script checks it: {silent:?}");
    assert_eq!(unchecked("// Tested here.\n#[cfg(unix)]\nfn a() {}\n#[cfg(not(unix))]\nfn b() {}"), [4]);
    assert_eq!(unchecked("if cfg!(windows) {}\n// cfg(unix)\nlet a = cfg!(windows); // scripts/windows tests it"), [1]);
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

/// The files of one crate by module path: `["remote", "client"]` for `src/remote/client.rs`.
struct ModuleTree {
    files: BTreeMap<Vec<String>, (PathBuf, String)>,
}

impl ModuleTree {
    fn read(src: &Path) -> Self {
        let mut files = Vec::new();
        sources(src, &mut files);
        let module = |file: PathBuf| {
            let mut path: Vec<String> =
                file.strip_prefix(src).unwrap().with_extension("").iter().map(|s| s.to_str().unwrap().into()).collect();
            if path.last().is_some_and(|last| ["mod", "lib"].contains(&last.as_str())) {
                path.pop();
            }
            let code = product_code(&fs::read_to_string(&file).unwrap());
            (path, (file, code))
        };
        let files = files.into_iter().filter(|file| !file.ends_with("src/main.rs")).map(module).collect();
        Self { files }
    }

    /// The module whose file declares what `path` names, seen from `module`; follows re-exports.
    fn target(&self, module: &[String], path: &[String], depth: usize) -> Option<Vec<String>> {
        let mut rest = path;
        let mut at = match rest.first()?.as_str() {
            "crate" => Vec::new(),
            "super" => module[..module.len().checked_sub(1)?].to_vec(),
            "self" => module.to_vec(),
            first if self.files.contains_key(&[module, &[first.to_owned()]].concat()) => {
                [module, &[first.to_owned()]].concat()
            }
            _ => return None,
        };
        rest = &rest[1..];
        while let Some((next, after)) = rest.split_first() {
            let child = [&at[..], std::slice::from_ref(next)].concat();
            match next.as_str() {
                "super" => drop(at.pop()),
                _ if self.files.contains_key(&child) => at = child,
                _ => break,
            }
            rest = after;
        }
        let Some(name) = rest.first().filter(|_| depth < 8) else { return Some(at) };
        let (_, code) = self.files.get(&at)?;
        let re_exports = uses(code).into_iter().filter(|(is_pub, _, _)| *is_pub);
        for (_, path, alias) in re_exports {
            let is_it = path.last() == Some(name) || alias.as_ref() == Some(name);
            let found = || self.target(&at, &path, depth + 1);
            if is_it {
                return found();
            }
            if let Some(module) = found().filter(|_| path.last().is_some_and(|last| last == "*"))
                && self.files.get(&module).is_some_and(|(_, code)| declares(code, name))
            {
                return Some(module);
            }
        }
        Some(at)
    }

    /// The modules that each module imports from.
    fn imports(&self) -> BTreeMap<&Vec<String>, BTreeSet<Vec<String>>> {
        let of = |module: &Vec<String>, code: &str| {
            let imported = uses(code).into_iter().filter(|(is_pub, ..)| !is_pub).map(|(_, path, _)| path);
            let targets = imported.chain(inline_paths(code)).filter_map(|path| self.target(module, &path, 0));
            targets.filter(|target| target != module && self.files.contains_key(target)).collect()
        };
        self.files.iter().map(|(module, (_, code))| (module, of(module, code))).collect()
    }

    /// The groups of files that import each other, directly or through others of the group.
    fn circles(&self) -> Vec<BTreeSet<String>> {
        let imports = self.imports();
        let reachable = |from: &Vec<String>| {
            let (mut seen, mut open) = (BTreeSet::new(), vec![from.clone()]);
            while let Some(module) = open.pop() {
                for next in &imports[&module] {
                    if seen.insert(next.clone()) {
                        open.push(next.clone());
                    }
                }
            }
            seen
        };
        let reach: BTreeMap<&Vec<String>, BTreeSet<Vec<String>>> =
            self.files.keys().map(|module| (module, reachable(module))).collect();
        let circle = |module: &Vec<String>| -> BTreeSet<String> {
            let mutual = reach[module].iter().filter(|other| reach[other].contains(module));
            let file = |m: &Vec<String>| shown(&self.files[m].0);
            mutual.map(file).collect()
        };
        let all: BTreeSet<BTreeSet<String>> = self.files.keys().map(circle).filter(|files| files.len() > 1).collect();
        all.into_iter().collect()
    }
}

/// The paths of all `use` declarations, with braces expanded: whether it is a re-export, the path, its `as` name.
fn uses(code: &str) -> Vec<(bool, Vec<String>, Option<String>)> {
    let mut all = Vec::new();
    let mut lines = code.split_inclusive('\n').map(str::trim_start);
    while let Some(line) = lines.next() {
        let is_pub = line.starts_with("pub");
        let Some(at) =
            (if is_pub { line.find(" use ").map(|at| at + 1) } else { line.starts_with("use ").then_some(0) })
        else {
            continue;
        };
        let mut text = line[at + 4..].to_owned();
        while !text.contains(';') {
            let Some(more) = lines.next() else { break };
            text.push_str(more);
        }
        let text = text.split(';').next().unwrap_or_default();
        expand(text, &[], &mut |path, alias| all.push((is_pub, path, alias)));
    }
    all
}

/// Calls `found` for each path of a use tree.
fn expand(tree: &str, before: &[String], found: &mut impl FnMut(Vec<String>, Option<String>)) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let (path, alias) =
            tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias.trim().into())));
        let mut path: Vec<String> =
            before.iter().cloned().chain(path.split("::").map(|s| s.trim().to_owned())).collect();
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        return if path != [""] {
            found(path, alias);
        };
    };
    let head = tree[..open].trim().trim_end_matches("::").split("::").map(|s| s.trim().to_owned());
    let head: Vec<String> = before.iter().cloned().chain(head.filter(|s| !s.is_empty())).collect();
    let inner = &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())];
    let (mut depth, mut start) = (0, 0);
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&inner[start..at], &head, found);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !inner[start..].trim().is_empty() {
        expand(&inner[start..], &head, found);
    }
}

/// Paths in code outside of `use` that begin with `crate` or `super`.
fn inline_paths(code: &str) -> Vec<Vec<String>> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let starts = ["crate::", "super::"].into_iter().flat_map(|word| code.match_indices(word).map(|(at, _)| at));
    let whole = starts.filter(|at| !code[..*at].ends_with(|c| is_word(c) || c == ':'));
    let path = |at: usize| -> Vec<String> {
        let end = code[at..].find(|c: char| !is_word(c) && c != ':').map_or(code.len(), |n| at + n);
        code[at..end].split("::").filter(|s| !s.is_empty()).map(str::to_owned).collect()
    };
    // What ends after its first word is a `use` with braces.
    whole.map(path).filter(|path| path.len() > 1).collect()
}

/// Whether code declares an item of this name.
fn declares(code: &str, name: &str) -> bool {
    const KINDS: [&str; 9] = ["struct", "enum", "trait", "type", "fn", "const", "static", "union", "mod"];
    KINDS.iter().any(|kind| names(code, &format!("{kind} {name}")))
}

/// Groups of files or folders that import each other. To be cut, not to grow: delete a line here when its circle is gone.
const CIRCLES: [&[&str]; 3] = [&["crates/engine/src/derived/"], &["crates/engine/src/store/"], &["src/ui/map/"]];

#[test]
fn files_of_a_crate_import_each_other_in_one_direction() {
    let crates = CRATES.iter().map(|name| root().join("crates").join(name).join("src"));
    let circles = crates.chain([root().join("src")]).flat_map(|src| ModuleTree::read(&src).circles());
    let is_known = |circle: &BTreeSet<String>| {
        CIRCLES.iter().any(|known| circle.iter().all(|file| known.iter().any(|part| file.starts_with(part))))
    };
    let new: Vec<_> = circles.filter(|circle| !is_known(circle)).collect();
    assert!(new.is_empty(), "these files import each other in a circle: {new:#?}");
}

#[test]
fn the_check_sees_a_circle_of_files() {
    let folder = tempfile::tempdir_in(root().join("target")).unwrap();
    let src = folder.path().join("src");
    fs::create_dir_all(src.join("store")).unwrap();
    let write = |name: &str, code: &str| fs::write(src.join(name), code).unwrap();
    write("lib.rs", "mod a;\nmod b;\nmod store;\npub use a::A;\nuse b::f;\n");
    write("a.rs", "use crate::store::{Row, rows as all};\npub struct A;\n");
    write("b.rs", "use super::{store};\nfn f(_: super::a::A, _: store::Row) {}\n");
    write("store/mod.rs", "mod row;\npub use row::{Row, rows};\n");
    write("store/row.rs", "use std::{fs, io};\npub struct Row;\npub fn rows() {}\n");
    assert!(ModuleTree::read(&src).circles().is_empty(), "a re-export is no import");
    write("store/row.rs", "use crate::A;\npub struct Row;\n#[cfg(test)]\nmod tests { use crate::b; }\n");
    let circles = ModuleTree::read(&src).circles();
    assert_eq!(circles.len(), 1);
    let names: Vec<_> = circles[0].iter().map(|file| file.rsplit("src/").next().unwrap().to_owned()).collect();
    assert_eq!(names, ["a.rs", "store/row.rs"]);
}

/// The public types that code declares.
fn public_types(code: &str) -> impl Iterator<Item = &str> {
    fn name(line: &str) -> Option<&str> {
        let rest = line.trim_start().strip_prefix("pub ")?;
        let kinds = ["struct ", "enum ", "trait ", "type ", "union "];
        let rest = kinds.into_iter().find_map(|kind| rest.strip_prefix(kind))?;
        rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
    }
    code.lines().filter_map(name)
}

#[test]
fn a_public_type_name_is_unique() {
    let mut declared: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in all_sources() {
        let code = product_code(&fs::read_to_string(&file).unwrap());
        for name in public_types(&code) {
            let file = shown(&file);
            declared.entry(name.to_owned()).or_default().insert(file);
        }
    }
    declared.retain(|_, files| files.len() > 1);
    assert!(declared.is_empty(), "rename all but one of each: {declared:#?}");
    assert_eq!(
        public_types("pub struct A<T>;\n pub(super) struct B;\npub type C = u8;").collect::<Vec<_>>(),
        ["A", "C"]
    );
}

#[test]
fn local_models_use_neither_network_nor_key_store() {
    const FORBIDDEN: [&str; 9] = [
        "crate::http",
        "crate::remote",
        "crate::installed",
        "crate::catalogue",
        "reqwest",
        "rustls",
        "tokio",
        "keyring",
        "std::net",
    ];
    let models = root().join("crates/models/src");
    let mut files = ["error.rs", "model_info.rs", "text_options.rs", "tower.rs"].map(|name| models.join(name)).to_vec();
    sources(&models.join("local"), &mut files);
    assert!(files.len() > 30, "the local models are elsewhere now");
    let mut wrong = Vec::new();
    for file in files {
        let code = product_code(&fs::read_to_string(&file).unwrap());
        let named = FORBIDDEN.iter().filter(|name| names(&code, name));
        wrong.extend(named.map(|name| format!("{} uses {name}", file.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The files whose product code has one of these words.
fn files_with(words: &[&str]) -> Vec<PathBuf> {
    let has = |file: &PathBuf| {
        let code = product_code(&fs::read_to_string(file).unwrap());
        words.iter().any(|word| code.contains(word))
    };
    all_sources().into_iter().filter(has).collect()
}

#[test]
fn what_there_is_one_of_is_made_in_one_place() {
    let clients = files_with(&["Client::builder(", "Client::new()", "ClientBuilder", "reqwest::get("]);
    assert_eq!(clients, [root().join("crates/models/src/http.rs")], "HTTP clients");
    let runtimes = files_with(&["Builder::new_multi_thread(", "Builder::new_current_thread(", "Runtime::new("]);
    assert_eq!(runtimes, [root().join("crates/engine/src/runtime.rs")], "tokio runtimes");
    let handlers = files_with(&["ctrlc::set_handler("]);
    assert_eq!(handlers, [root().join("src/cli/interrupt.rs")], "handlers of Ctrl-C");
}
