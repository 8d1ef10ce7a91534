//! The commands and the files they are given: odd names, things that are no files, bad ones among good ones, and
//! outputs that would destroy something.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with everything that the program keeps in `home`, a library in `library`, and files in `files`.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.path("files")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path("files").join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vicinity"));
        command.args(arguments).stdin(Stdio::null()).current_dir(self.0.path());
        command.env("VICINITY_HOME", self.path("home")).env("XDG_CACHE_HOME", self.path("home/cache"));
        for name in ["VICINITY_LIBRARY", "VICINITY_MODELS", "VICINITY_DEVICE", "VICINITY_LOG"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        ended(self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()), arguments)
    }

    fn index(&self) -> Output {
        self.run(&["index", "files", "--library", "library", "--json"])
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// Waits for the end of a command; one that hangs is ended and fails the test.
fn ended(command: &mut Command, arguments: &[&str]) -> Output {
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
            panic!("it hangs: {arguments:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A command that is refused with one sentence.
fn refused(place: &Place, arguments: &[&str], word: &str) {
    let output = place.run(arguments);
    let said = said(&output);
    // drivers of graphics cards have their own words, too
    let ours: Vec<&str> = said.lines().filter(|line| line.starts_with("vicinity: ")).collect();
    assert_eq!((output.status.code(), ours.len()), (Some(2), 1), "{arguments:?}: {said}");
    assert!(ours[0].contains(word), "{arguments:?}: {said}");
}

#[test]
fn commands_that_read_create_nothing_where_there_is_no_library() {
    let place = Place::new();
    place.text("dog.txt", "A dog runs over the meadow.");
    fs::create_dir(place.path("empty")).unwrap();
    for library in ["files", "empty", "absent", "absent/deeper", "files/dog.txt"] {
        for command in [
            &["search", "dog"][..],
            &["search", "--image", "files/dog.txt"],
            &["info"],
            &["info", "--json"],
            &["map", "--out", "map.png"],
            &["export", "--vectors", "v.npy", "--items", "i.csv"],
            &["labels", "files/dog.txt"],
            &["doctor"],
            &["doctor", "--report"],
        ] {
            refused(&place, &[command, &["--library", library]].concat(), "there is no library in ");
        }
    }
    refused(&place, &["search", "dog"], "vicinity index FOLDER");
    refused(&place, &["info"], "vicinity index FOLDER");
    assert_eq!((place.list("."), place.list("files")), (vec!["empty".into(), "files".into()], vec!["dog.txt".into()]));
    assert!(place.list("empty").is_empty());
}

#[test]
fn one_bad_file_ends_neither_embed_nor_labels() {
    let place = Place::new();
    let (dog, bad) = (place.text("dog.txt", "A dog runs."), place.text("bad.jpg", "\u{fffd}\0\0junk"));
    let absent = place.path("files/absent.png");
    let folder = place.path("files");
    let files = [&dog, &bad, &absent, &folder, &dog].map(|path| path.to_str().unwrap());
    let embedded = place.run(&[&["embed"][..], &files].concat());
    let vectors = lines(&embedded)[0]["embeddings"].as_array().unwrap().clone();
    assert_eq!(vectors.iter().map(Value::is_null).collect::<Vec<_>>(), [false, true, true, true, false]);
    assert_eq!(vectors[0], vectors[4]);
    assert_eq!(embedded.status.code(), Some(2));
    assert!(said(&embedded).contains("bad.jpg") && said(&embedded).contains("3 of 5"), "{}", said(&embedded));

    let labelled = place.run(&[&["labels", "--json", "-k", "1"][..], &files].concat());
    let paths: Vec<Value> = lines(&labelled).iter().map(|line| line["path"].clone()).collect();
    assert_eq!(paths, [files[0], files[4]]);
    assert_eq!(labelled.status.code(), Some(2));
    assert!(said(&labelled).contains("absent.png") && said(&labelled).contains("3 of 5"), "{}", said(&labelled));
    let good = place.run(&["labels", files[0]]);
    assert_eq!(good.status.code(), Some(0));
}

#[test]
fn outputs_destroy_nothing() {
    let place = Place::new();
    let dog = place.text("dog.csv", "A dog runs over the meadow.");
    place.text("cat.png.txt", "A cat sleeps.");
    fs::write(place.path("files/bad.png"), b"\x89PNG\r\n\x1a\nno picture").unwrap();
    assert!(place.index().status.success());
    let run = |arguments: &[&str]| place.run(&[arguments, &["--library", "library"]].concat());
    let no = |arguments: &[&str], word: &str| refused(&place, &[arguments, &["--library", "library"]].concat(), word);
    let before = (fs::read(&dog).unwrap(), place.list("files"));

    no(&["export", "--vectors", "x", "--items", "x"], ".npy");
    no(&["export", "--vectors", "x.npy", "--items", "x.txt"], ".csv");
    no(&["export", "--vectors", "x.npy", "--items", "files/dog.csv"], "file of the collection");
    no(&["export", "--vectors", "x.npy", "--items", "library/x.csv"], "inside the library");
    no(&["export", "--vectors", "absent/x.npy", "--items", "x.csv"], "the folder absent does not exist");
    no(&["map", "--out", "map.gif"], ".png, .jpg");
    no(&["map", "--out", "map"], ".png, .jpg");
    no(&["map", "--positions", "map.json"], ".csv");
    no(&["map", "--out", "files/bad.png"], "file of the collection");
    no(&["map", "--out", "files/../library/map.png"], "inside the library");
    no(&["map", "--out", "absent/map.png"], "the folder absent does not exist");
    fs::create_dir(place.path("folder.png")).unwrap();
    no(&["map", "--out", "folder.png"], "is a folder");
    assert_eq!(before, (fs::read(&dog).unwrap(), place.list("files")));
    assert!(!place.path("library/x.csv").exists() && !place.path("library/map.png").exists());

    for (name, beginning) in
        [("m.png", &b"\x89PNG"[..]), ("m.JPG", b"\xff\xd8\xff"), ("m.webp", b"RIFF"), ("m.bmp", b"BM")]
    {
        assert!(run(&["map", "--out", name, "--size", "64"]).status.success(), "{name}");
        assert!(fs::read(place.path(name)).unwrap().starts_with(beginning), "{name}");
    }
    assert!(run(&["map", "--positions", "m.tsv"]).status.success());
    assert!(fs::read_to_string(place.path("m.tsv")).unwrap().starts_with("path\tmodality\tx\ty\n"));
    assert!(run(&["export", "--vectors", "v.npy", "--items", "i.csv"]).status.success());
}

/// What only systems with bytes as names and special files can show.
// Tested here.
#[cfg(unix)]
mod unix {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::{OsStrExt, OsStringExt};

    use base64::prelude::{BASE64_STANDARD, Engine as _};

    use super::*;

    fn tame(output: &Output) {
        for stream in [&output.stdout, &output.stderr] {
            let text = String::from_utf8_lossy(stream);
            let wild =
                |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            assert!(!text.contains(wild), "{text:?}");
        }
    }

    #[test]
    fn names_that_are_not_unicode_are_told_exactly() {
        let place = Place::new();
        let odd = OsStr::from_bytes(b"caf\xe9.txt");
        fs::write(place.path("files").join(odd), "A cup of coffee.").unwrap();
        fs::write(place.path("files").join(OsStr::from_bytes(b"bad\xff.png")), b"\x89PNG\r\n\x1a\nno picture").unwrap();
        place.text("dog.txt", "A dog runs over the meadow.");
        let exact = |value: &Value| {
            let bytes = BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap();
            PathBuf::from(OsString::from_vec(bytes))
        };
        let indexed = place.index();
        assert_eq!(indexed.status.code(), Some(0), "{}", said(&indexed));
        let failed = &lines(&indexed)[0];
        assert_eq!(exact(&failed["path_bytes"]), place.path("files").join(OsStr::from_bytes(b"bad\xff.png")));

        let found = place.run(&["search", "coffee", "--library", "library", "--json"]);
        let hits = lines(&found);
        assert_eq!((found.status.code(), hits.len()), (Some(0), 2), "{}", said(&found));
        assert_eq!(exact(&hits[0]["path_bytes"]), place.path("files").join(odd));
        assert!(hits[0]["path"].as_str().unwrap().ends_with("caf\u{fffd}.txt"));
        assert_eq!(hits[1].get("path_bytes"), None, "only where it is needed");
        let mut command = place.command(&["labels", "--json", "-k", "1"]);
        let labelled = ended(command.arg(place.path("files").join(odd)).stdout(Stdio::piped()), &["labels"]);
        assert_eq!(exact(&lines(&labelled)[0]["path_bytes"]), place.path("files").join(odd));

        assert!(place.run(&["map", "--positions", "m.csv", "--library", "library"]).status.success());
        let exported = place.run(&["export", "--vectors", "v.npy", "--items", "i.csv", "--library", "library"]);
        assert!(exported.status.success(), "{}", said(&exported));
        for table in ["m.csv", "i.csv"] {
            let mut rows = csv::Reader::from_path(place.path(table)).unwrap();
            assert_eq!(rows.headers().unwrap().iter().next_back(), Some("path_bytes"), "{table}");
            let bytes: Vec<String> =
                rows.records().map(|row| row.unwrap().iter().next_back().unwrap().to_owned()).collect();
            let told: Vec<&String> = bytes.iter().filter(|text| !text.is_empty()).collect();
            assert_eq!((bytes.len(), told.len()), (2, 1), "{table}");
            assert_eq!(exact(&told[0].as_str().into()), place.path("files").join(odd), "{table}");
        }

        let library = OsStr::from_bytes(b"lib\xe9");
        let with = |arguments: &[&str]| {
            let mut command = place.command(arguments);
            ended(command.arg("--library").arg(library).stdout(Stdio::piped()).stderr(Stdio::piped()), arguments)
        };
        assert!(with(&["index", "files/dog.txt"]).status.success());
        let info = with(&["info", "--json"]);
        assert_eq!(exact(&lines(&info)[0]["library_bytes"]), place.path("").join(library));
    }

    #[test]
    fn nothing_that_is_printed_steers_a_terminal() {
        let place = Place::new();
        let wild = ["a\u{1b}[2Jb\nc\t.txt", "\u{9b}2J\u{7f}.txt", "txt.\u{202e}gpj.txt", "\u{2066}x\u{2028}.txt"];
        for name in wild {
            place.text(name, "A dog runs.\u{1b}[2J \u{202e}");
        }
        fs::write(place.path("files/bad\u{1b}[2J\u{9b}.png"), b"\x89PNG\r\n\x1a\nno picture").unwrap();
        for arguments in [
            &["index", "files", "--library", "library"][..],
            &["index", "--library", "library", "--json"],
            &["search", "dog", "--library", "library"],
            &["search", "dog", "--library", "library", "--json"],
            &["info", "--library", "library"],
            &["doctor", "--report", "--include-paths", "--library", "library"],
            &["labels", "files/a\u{1b}[2Jb\nc\t.txt", "files/bad\u{1b}[2J\u{9b}.png"],
            &["labels", "--json", "files/\u{9b}2J\u{7f}.txt"],
            &["embed", "files/bad\u{1b}[2J\u{9b}.png"],
            &["index", "absent\u{1b}[2J"],
            &["info", "--library", "absent\u{1b}[2J"],
            &["search", "dog", "--model", "\u{1b}[2J", "--library", "library"],
            &["map", "--out", "absent\u{1b}[2J/m.png", "--library", "library"],
            &["models", "import", "absent\u{1b}[2J"],
            &["search", "dog", "--\u{1b}[2J\u{202e}"],
            &["\u{9b}2J", "info"],
        ] {
            let output = place.run(arguments);
            assert!(!output.stdout.is_empty() || !output.stderr.is_empty(), "{arguments:?}");
            tame(&output);
        }
        let found = place.run(&["search", "dog", "--library", "library", "--json"]);
        let mut names: Vec<String> = lines(&found).iter().map(|hit| hit["path"].as_str().unwrap().to_owned()).collect();
        names.sort();
        let mut wanted: Vec<String> =
            wild.iter().map(|name| place.path("files").join(name).to_str().unwrap().to_owned()).collect();
        wanted.sort();
        assert_eq!(names, wanted, "escaped in JSON means the same");
    }

    #[test]
    fn what_is_no_file_is_an_error_at_once() {
        let place = Place::new();
        let dog = place.text("dog.txt", "A dog runs.");
        assert!(place.index().status.success());
        for name in ["pipe", "pipe.png", "pipe.npy", "pipe.csv"] {
            assert!(Command::new("mkfifo").arg(place.path(name)).status().unwrap().success());
        }
        let _socket = std::os::unix::net::UnixListener::bind(place.path("socket")).unwrap();
        let dog = dog.to_str().unwrap();
        for odd in ["pipe", "socket", "/dev/null", "/dev/zero"] {
            for arguments in [
                &["embed", odd][..],
                &["embed", dog, odd],
                &["labels", odd],
                &["labels", dog, "--labels", odd],
                &["search", "--image", odd, "--library", "library"],
                &["index", odd, "--library", "library"],
                &["index", odd, "--library", "another"],
                &["models", "import", odd],
                &["search", "dog", "--library", odd],
                &["search", "dog", "--model", odd, "--library", "library"],
            ] {
                let output = place.run(arguments);
                assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
            }
        }
        assert!(!place.path("another").exists(), "a mistake makes no library");
        let to = |arguments: &[&str]| refused(&place, &[arguments, &["--library", "library"]].concat(), "pipe");
        to(&["map", "--out", "pipe.png"]);
        to(&["map", "--positions", "pipe.csv"]);
        to(&["export", "--vectors", "pipe.npy", "--items", "i.csv"]);
        to(&["export", "--vectors", "v.npy", "--items", "pipe.csv"]);
    }

    #[test]
    fn two_names_of_one_output_are_refused() {
        let place = Place::new();
        place.text("dog.txt", "A dog runs.");
        assert!(place.index().status.success());
        fs::create_dir(place.path("sub")).unwrap();
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, place.path(name)).unwrap();
        link("x.csv", "x.npy");
        link("sub/../y.csv", "sub/y.png");
        link(".", "here");
        let no =
            |arguments: &[&str], word: &str| refused(&place, &[arguments, &["--library", "library"]].concat(), word);
        no(&["export", "--vectors", "x.npy", "--items", "x.csv"], "the same file");
        no(&["export", "--vectors", "x.npy", "--items", "sub/../here/x.csv"], "the same file");
        link("files/dog.txt", "dog.csv");
        no(&["export", "--vectors", "v.npy", "--items", "dog.csv"], "file of the collection");
        link("library/x.csv", "inside.csv");
        no(&["map", "--positions", "inside.csv"], "inside the library");
        assert_eq!(fs::read_to_string(place.path("files/dog.txt")).unwrap(), "A dog runs.");
    }

    #[test]
    fn a_write_protected_output_stays() {
        use std::os::unix::fs::PermissionsExt;
        let place = Place::new();
        place.text("dog.txt", "A dog runs.");
        assert!(place.index().status.success());
        let old = place.path("i.csv");
        fs::write(&old, "old").unwrap();
        fs::set_permissions(&old, fs::Permissions::from_mode(0o444)).unwrap();
        refused(&place, &["export", "--vectors", "v.npy", "--items", "i.csv", "--library", "library"], "i.csv");
        assert_eq!(fs::read(&old).unwrap(), b"old");
        assert!(!place.path("v.npy").exists(), "both or none");
    }
}
