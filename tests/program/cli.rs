//! The commands, run as a user runs them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use vicinity_engine::{Engine, Event};

struct Place(TempDir);

impl Place {
    /// A folder with three texts, two pictures and a broken one.
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let files = place.files();
        fs::create_dir(&files).unwrap();
        fs::write(files.join("dog.txt"), "A dog runs over the meadow and barks at the cat.").unwrap();
        fs::write(files.join("rocket.txt"), "The rocket lifts off towards the space station.").unwrap();
        fs::write(files.join("bread.txt"), "Knead the dough, let it rest, and bake the bread.").unwrap();
        for seed in [1u32, 5] {
            let pixel = |x: u32, y: u32| image::Rgb([(x * seed) as u8, (y * 3) as u8, (x * y + seed * 40) as u8]);
            image::RgbImage::from_fn(64, 48, pixel).save(files.join(format!("picture{seed}.png"))).unwrap();
        }
        fs::write(files.join("broken.png"), b"\x89PNG\r\n\x1a\nno picture").unwrap();
        place
    }

    /// The same, with a photo of a camera, and a picture with a sidecar.
    fn with_photos() -> Self {
        let place = Self::new();
        let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/library_v1/photos");
        for name in ["photo.jpg", "screen.png", "screen.xmp"] {
            fs::copy(photos.join(name), place.files().join(name)).unwrap();
        }
        place
    }

    fn files(&self) -> PathBuf {
        self.0.path().join("files")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vicinity"));
        command.args(arguments).env("VICINITY_LIBRARY", self.path("library")).stdin(Stdio::null());
        // what the user has set, and what is known of the devices
        command.env("XDG_CONFIG_HOME", self.path("config")).env("XDG_CACHE_HOME", self.path("cache"));
        command.env_remove("VICINITY_DEVICE");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn index(&self) -> Output {
        self.run(&["index", self.files().to_str().unwrap(), "--json"])
    }
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_search_is_limited_to_the_dates_of_modification() {
    let place = Place::new();
    // Half past midnight on 1 May and on 1 July in a time zone that is two hours ahead of UTC.
    for (name, time) in [("dog.txt", 1_714_516_200), ("rocket.txt", 1_719_786_600), ("bread.txt", 1_700_000_000)] {
        let file = fs::File::options().write(true).open(place.files().join(name)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(time)).unwrap();
    }
    assert!(place.index().status.success());
    let found = |dates: &[&str]| {
        let mut arguments = vec!["search", "an animal", "--modality", "text", "--json"];
        arguments.extend(dates);
        let output = place.command(&arguments).env("TZ", "CET-1CEST,M3.5.0,M10.5.0/3").output().unwrap();
        let name = |hit: &Value| Path::new(hit["path"].as_str().unwrap()).file_name().unwrap().to_owned();
        let mut names: Vec<_> = lines(&output).iter().map(name).collect();
        names.sort();
        assert_eq!(output.status.code(), Some(i32::from(names.is_empty())), "{}", stderr(&output));
        names
    };
    assert_eq!(found(&[]), ["bread.txt", "dog.txt", "rocket.txt"]);
    assert_eq!(found(&["--after", "2024-05-01"]), ["dog.txt", "rocket.txt"], "from the midnight of that place on");
    assert_eq!(found(&["--after", "2024-05-02"]), ["rocket.txt"]);
    assert_eq!(found(&["--after", "2024", "--before", "2024-07"]), ["dog.txt"], "the last date does not belong to it");
    assert_eq!(found(&["--before", "2024-05"]), ["bread.txt"]);
    assert!(found(&["--after", "2024-07-02"]).is_empty());
    for text in ["yesterday", "2024-13", "5/1/2024"] {
        let wrong = place.run(&["search", "an animal", "--after", text]);
        assert_eq!(wrong.status.code(), Some(2));
        let told = stderr(&wrong);
        assert!(told.contains("--after") && told.contains("not a date: write a day (2024-05-31)"), "{told}");
    }
}

#[test]
fn rows_of_tables_are_found_by_their_columns() {
    let place = Place::new();
    let table = place.files().join("dogs.csv");
    fs::write(&table, "text;price;kind\na dog;1,5;poodle\na wolf;20,25;wild\na fox;3;wild\n").unwrap();
    let indexed = place.run(&["index", place.files().to_str().unwrap(), "--rows", "--json"]);
    assert!(indexed.status.success(), "{}", stderr(&indexed));
    let found = |condition: &str| {
        let output = place.run(&["search", "an animal", "--json", "--where", condition]);
        let mut rows: Vec<_> = lines(&output).iter().map(|hit| hit["row"].as_u64()).collect();
        rows.sort();
        rows
    };
    assert_eq!(found("column price >= 3 and column kind = Wild"), [Some(2), Some(3)]);
    assert_eq!(found("column price < 2 or column price > 20"), [Some(1), Some(2)]);
    let told = stderr(&place.run(&["search", "an animal", "--where", "column prize > 3"]));
    assert!(told.contains("no table of the library has a column `prize`; the columns are kind, price, text"), "{told}");
    let wrong = place.run(&["search", "an animal", "--where", "column price > \"abc\""]);
    let told = stderr(&wrong);
    assert_eq!(wrong.status.code(), Some(2), "{told}");
    assert!(told.contains("a column of numbers; write `column \"price\" >= 1.5`"), "{told}");
    let told = lines(&place.run(&["info", "--json", table.to_str().unwrap()])).remove(0);
    assert_eq!((&told["rows"], &told["separator"], &told["decimal"]), (&3.into(), &";".into(), &"comma".into()));
    let price = &told["columns"][1];
    assert_eq!(
        (&price["name"], &price["kind"], &price["limits"][1]),
        (&"price".into(), &"number".into(), &"20.25".into())
    );
    let said = String::from_utf8(place.run(&["info", table.to_str().unwrap()]).stdout).unwrap();
    for line in
        ["separator ;", "header    yes", "decimals  with a comma", "column    kind: category, 3 known, 2 different"]
    {
        assert!(said.contains(line), "{said}");
    }
}

#[test]
fn how_tables_are_read_is_chosen_and_remembered() {
    let place = Place::new();
    let table = place.files().join("dogs.csv");
    fs::write(&table, "a,1;a dog\nb,2;a wolf\n").unwrap();
    let (files, path) = (place.files(), table.to_str().unwrap().to_owned());
    let info = |place: &Place| lines(&place.run(&["info", "--json", &path])).remove(0);
    let index = |more: &[&str]| {
        let mut arguments = vec!["index", files.to_str().unwrap(), "--rows", "--json"];
        arguments.extend(more);
        let output = place.run(&arguments);
        assert!(output.status.success(), "{}", stderr(&output));
        info(&place)
    };
    let chosen = index(&["--delimiter", ",", "--header", "--text-column", "1;a dog"]);
    assert_eq!((&chosen["separator"], &chosen["has_header"], &chosen["rows"]), (&",".into(), &true.into(), &1.into()));
    assert_eq!(chosen["content_column"], "1;a dog");
    let kept = index(&["--delimiter", ";", "--decimal", ","]);
    assert_eq!(
        (&kept["separator"], &kept["has_header"], &kept["decimal"]),
        (&";".into(), &true.into(), &"comma".into())
    );
    let detected = index(&["--delimiter", "auto", "--header=auto", "--decimal", "auto", "--text-column", ""]);
    assert_eq!((&detected["separator"], &detected["rows"]), (&",".into(), &2.into()));
    let wrong = place.run(&["index", "--delimiter", "two"]);
    assert!(stderr(&wrong).contains("expected one character"), "{}", stderr(&wrong));
}

#[test]
fn a_search_is_limited_to_what_meets_a_condition() {
    let place = Place::with_photos();
    assert!(place.index().status.success());
    let found = |condition: &str| {
        let output = place.run(&["search", "an animal", "--json", "-k", "50", "--where", condition]);
        let name = |hit: &Value| Path::new(hit["path"].as_str().unwrap()).file_name().unwrap().to_owned();
        let mut names: Vec<_> = lines(&output).iter().map(name).collect();
        names.sort();
        assert_eq!(output.status.code(), Some(i32::from(names.is_empty())), "{}", stderr(&output));
        names
    };
    assert_eq!(found("taken >= 2024-02 and camera ~ \"X100\" and iso <= 400"), ["photo.jpg"]);
    assert_eq!(found("place near 48.2,16.4 5 km or keyword = Code"), ["photo.jpg", "screen.png"]);
    assert_eq!(found("rating >= 4 and camera !~ x100"), ["screen.png"]);
    assert_eq!(found("type = text and format = txt and not name ~ dog"), ["bread.txt", "rocket.txt"]);
    assert_eq!(found("size > 1 GB"), [""; 0]);

    let wrong = place.run(&["search", "an animal", "--where", "rating >= 3 and camra ~ x100"]);
    assert_eq!(wrong.status.code(), Some(2));
    let told = stderr(&wrong);
    assert!(told.contains("there is no field `camra`; did you mean `camera`?"), "{told}");
    assert!(told.contains("  rating >= 3 and camra ~ x100\n                  ^^^^^\n"), "{told}");
    let help = String::from_utf8(place.run(&["search", "--help"]).stdout).unwrap();
    for field in vicinity_core::condition::field::Field::ALL {
        assert!(help.contains(field.as_str()), "{field}");
    }

    let told = stderr(&place.run(&["search", "an animal", "--where", "column price > 3"]));
    assert!(told.contains("no table of the library has a column `price`"), "{told}");

    let catalog = rusqlite::Connection::open(place.path("library").join("catalog.sqlite")).unwrap();
    catalog.execute("DELETE FROM facts WHERE rowid = (SELECT min(rowid) FROM facts)", ()).unwrap();
    drop(catalog);
    let told = stderr(&place.run(&["search", "an animal", "--where", "has camera"]));
    assert!(told.contains("The metadata of 1 image has not been read yet"), "{told}");
}

#[test]
fn index_then_search_then_the_rest() {
    let place = Place::new();

    let indexed = place.index();
    assert!(indexed.status.success(), "{}", stderr(&indexed));
    let printed = lines(&indexed);
    assert_eq!(printed.len(), 2);
    assert_eq!(keys(&printed[0]), ["error", "path"]);
    assert!(printed[0]["path"].as_str().unwrap().ends_with("broken.png"));
    assert_eq!(
        keys(&printed[1]),
        ["embedded", "failed", "images", "items", "left_out", "reused", "seconds", "skipped", "texts"]
    );
    let counts =
        ["items", "images", "texts", "embedded", "reused", "failed"].map(|key| printed[1][key].as_u64().unwrap());
    assert_eq!(counts, [5, 2, 3, 5, 0, 1]);
    let again = lines(&place.index());
    assert_eq!(again.last().unwrap()["embedded"], 0);

    let found = place.run(&["search", "a journey into space", "--modality", "text", "-k", "2", "--json"]);
    assert!(found.status.success(), "{}", stderr(&found));
    let hits = lines(&found);
    assert_eq!(hits.len(), 2);
    assert_eq!(keys(&hits[0]), ["modality", "path", "rank", "score", "snippet"]);
    assert_eq!((hits[0]["rank"].as_u64(), hits[0]["modality"].as_str()), (Some(1), Some("text")));
    assert!(hits[0]["path"].as_str().unwrap().ends_with("rocket.txt"));
    assert!(hits[0]["score"].as_f64() > hits[1]["score"].as_f64());

    let picture = place.files().join("picture5.png");
    let found = place.run(&["search", "--image", picture.to_str().unwrap(), "--modality", "image", "--json"]);
    let hits = lines(&found);
    assert_eq!(keys(&hits[0]), ["modality", "path", "rank", "score"]);
    assert!(hits[0]["path"].as_str().unwrap().ends_with("picture5.png"));

    for command in [
        vec!["search", "space", "--dimensions", "128"],
        vec!["labels", picture.to_str().unwrap(), "--dimensions", "128"],
        vec!["map", "--out", "/no/map.png", "--dimensions", "128"],
        vec!["export", "--vectors", "/no/v.npy", "--items", "/no/i.csv", "--dimensions", "128"],
    ] {
        let refused = place.run(&command);
        assert_eq!(refused.status.code(), Some(2), "{command:?}");
        assert!(stderr(&refused).contains("384 dimensions and cannot be shortened to 128"), "{}", stderr(&refused));
    }
    let found = place.run(&["search", "space", "--dimensions", "384", "--json"]);
    assert_eq!(lines(&found).len(), 5);

    let info = lines(&place.run(&["info", "--json"]));
    let wanted = [
        "damage",
        "dimension",
        "dimensions_used",
        "excludes",
        "failed",
        "images",
        "items",
        "library",
        "model",
        "texts",
    ];
    assert_eq!(keys(&info[0]), wanted);
    assert_eq!((&info[0]["dimension"], &info[0]["dimensions_used"]), (&384.into(), &384.into()));
    assert_eq!((info[0]["items"].as_u64(), info[0]["failed"].as_u64()), (Some(5), Some(1)));

    let (map, table) = (place.path("map.png"), place.path("map.csv"));
    let drawn =
        place.run(&["map", "--out", map.to_str().unwrap(), "--positions", table.to_str().unwrap(), "--size", "200"]);
    assert!(drawn.status.success(), "{}", stderr(&drawn));
    assert_eq!(image::image_dimensions(&map).unwrap(), (200, 200));
    let positions = fs::read_to_string(&table).unwrap();
    assert_eq!(positions.lines().next(), Some("path,modality,x,y"));
    assert_eq!(positions.lines().count(), 6);

    exports_agree(&place);

    let doctor = place.run(&["doctor"]);
    assert!(doctor.status.success(), "{}{}", String::from_utf8_lossy(&doctor.stdout), stderr(&doctor));
}

/// Places on the map, by path.
fn places_on_the_map(place: &Place) -> BTreeMap<String, [f32; 2]> {
    let table = place.path("places.csv");
    let drawn = place.run(&["map", "--positions", table.to_str().unwrap()]);
    assert!(drawn.status.success(), "{}", stderr(&drawn));
    let mut rows = csv::Reader::from_path(&table).unwrap();
    let rows = rows.records().map(Result::unwrap);
    rows.map(|row| (row[0].to_owned(), [row[2].parse().unwrap(), row[3].parse().unwrap()])).collect()
}

#[test]
fn a_library_that_grew_by_commands_alone_gets_a_map_of_the_whole_that_stays_near_the_old_one() {
    let place = Place::new();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/sample");
    let (all, few) = (place.path("sample"), place.path("sample/few"));
    fs::create_dir_all(&few).unwrap();
    let mut pictures: Vec<_> =
        fs::read_dir(&sample).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_file()).collect();
    pictures.sort();
    let take = |files: &[PathBuf]| {
        for file in files {
            fs::copy(file, few.join(file.file_name().unwrap())).unwrap();
        }
        let indexed = place.run(&["index", all.to_str().unwrap()]);
        assert!(indexed.status.success(), "{}", stderr(&indexed));
    };
    take(&pictures[..30]);
    let before = places_on_the_map(&place);
    assert_eq!(before, places_on_the_map(&place), "a map that is whole is not made again");
    take(&pictures[30..]);
    let after = places_on_the_map(&place);
    let mut moved: Vec<f32> =
        before.iter().map(|(path, [x, y])| (after[path][0] - x).hypot(after[path][1] - y)).collect();
    moved.sort_by(f32::total_cmp);
    let (median, most) = (moved[moved.len() / 2], moved[moved.len() - 1]);
    assert_eq!((before.len(), after.len()), (30, pictures.len()));
    assert!(most > 0.0, "the new ones were only put beside the old ones");
    assert!(median < 0.25, "half of the old ones moved by {median} and more");
}

#[test]
fn patterns_that_are_remembered_are_shown_and_can_be_taken_back() {
    let place = Place::new();
    let files = place.files();
    let index = |more: &[&str]| place.run(&[&["index", files.to_str().unwrap(), "--json"], more].concat());
    let items = |output: &Output| lines(output).pop().unwrap()["items"].as_u64().unwrap();
    assert_eq!(items(&index(&["--exclude", "*.png", "--exclude", "dog*"])), 2);
    assert_eq!(items(&index(&[])), 2, "they are remembered");
    let shown = String::from_utf8(place.run(&["info"]).stdout).unwrap();
    assert!(shown.contains("*.png") && shown.contains("dog*") && shown.contains("node_modules"), "{shown}");
    let listed = || lines(&place.run(&["info", "--json"]))[0]["excludes"].as_array().unwrap().clone();
    assert!(listed().contains(&"*.png".into()) && listed().contains(&"node_modules".into()));

    let wrong = index(&["--no-exclude", "*.gif"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("*.gif"), "{}", stderr(&wrong));
    let wrong = index(&["--exclude", "[a"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(!listed().contains(&"[a".into()), "what is no pattern is not remembered");
    assert_eq!(items(&index(&["--no-exclude", "*.png"])), 4);
    assert!(!listed().contains(&"*.png".into()) && listed().contains(&"dog*".into()));
}

#[test]
fn damage_is_told_by_every_command_and_repaired_by_index() {
    let place = Place::new();
    assert!(place.index().status.success());
    let vectors = fs::read_dir(place.path("library/vectors")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&vectors).unwrap();
    bytes[64 + 384 * 4 + 100] ^= 0x40;
    fs::write(&vectors, &bytes).unwrap();

    let doctor = place.run(&["doctor"]);
    let said = String::from_utf8(doctor.stdout.clone()).unwrap();
    assert_eq!(doctor.status.code(), Some(2), "{said}");
    let expected = "1 damaged vector (row 1): 1 item cannot be found; `vicinity index` repairs this";
    assert!(said.contains(expected), "{said}");
    assert_eq!(fs::read(&vectors).unwrap(), bytes, "a look changes nothing");
    let info = lines(&place.run(&["info", "--json"]));
    assert_eq!(info[0]["items"], 4);
    assert!(info[0]["damage"][0].as_str().unwrap().contains(expected), "{info:?}");
    assert!(String::from_utf8(place.run(&["info"]).stdout).unwrap().contains(expected));
    assert!(stderr(&place.run(&["search", "space"])).contains(expected));
    let repaired = place.index();
    assert!(stderr(&repaired).contains("damaged"), "{}", stderr(&repaired));
    assert_eq!(lines(&repaired).pop().unwrap()["embedded"], 1);
    assert!(place.run(&["doctor"]).status.success());

    fs::write(place.path("library/model.json"), "{\"source\": ").unwrap();
    assert!(String::from_utf8(place.run(&["info"]).stdout).unwrap().contains("model.json is damaged"));
    assert_eq!(place.run(&["doctor"]).status.code(), Some(2));
    assert!(place.run(&["index", "--model", "starter"]).status.success());
    assert!(place.run(&["doctor"]).status.success());

    fs::write(place.path("library/catalog.sqlite"), [0x5A; 9000]).unwrap();
    for command in [&["info"][..], &["search", "space"], &["doctor"]] {
        let output = place.run(command);
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        let said = stderr(&output);
        assert!(said.contains("damaged") && said.contains("vicinity index"), "{command:?}: {said}");
    }
    assert!(place.index().status.success());
    let info = String::from_utf8(place.run(&["info"]).stdout).unwrap();
    assert!(info.contains("A damaged catalog was set aside in"), "{info}");
}

#[test]
fn duplicates_lists_files_with_the_same_content() {
    let place = Place::new();
    assert!(place.index().status.success());
    let none = place.run(&["duplicates"]);
    assert_eq!((none.status.code(), none.stdout.len()), (Some(1), 0), "{}", stderr(&none));
    fs::copy(place.files().join("dog.txt"), place.files().join("hound.txt")).unwrap();
    fs::copy(place.files().join("picture1.png"), place.files().join("a copy.png")).unwrap();
    fs::copy(place.files().join("picture1.png"), place.files().join("another.png")).unwrap();
    assert!(place.index().status.success());
    let groups = lines(&place.run(&["duplicates", "--json"]));
    let names = |group: &Value| {
        let files = group["files"].as_array().unwrap().iter();
        files
            .map(|file| file["path"].as_str().unwrap().rsplit(['/', '\\']).next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&groups[0]), ["bytes", "files", "modality"]);
    assert_eq!(
        (groups.len(), groups[0]["modality"].as_str(), groups[1]["modality"].as_str()),
        (2, Some("image"), Some("text"))
    );
    assert_eq!(names(&groups[0])[0], "picture1.png", "the first one that was added");
    assert_eq!(
        names(&groups[0])[1..].iter().map(String::as_str).collect::<BTreeSet<_>>(),
        BTreeSet::from(["a copy.png", "another.png"])
    );
    assert_eq!(names(&groups[1]), ["dog.txt", "hound.txt"]);
    let text = String::from_utf8(place.run(&["duplicates"]).stdout).unwrap();
    assert_eq!(text.lines().filter(|line| line.is_empty()).count(), 1, "{text}");
    assert_eq!(text.lines().count(), 6, "{text}");
}

#[test]
fn compact_frees_the_space_of_removed_files() {
    let place = Place::new();
    assert_eq!(place.run(&["compact"]).status.code(), Some(2), "there is no library yet");
    assert!(!place.path("library").exists());
    assert!(place.index().status.success());
    let compacted = lines(&place.run(&["compact", "--json"]));
    assert_eq!(keys(&compacted[0]), ["bytes_after", "bytes_before", "vectors_removed"]);
    assert_eq!(compacted[0]["vectors_removed"], 0);
    fs::remove_file(place.files().join("dog.txt")).unwrap();
    fs::remove_file(place.files().join("picture1.png")).unwrap();
    assert!(place.index().status.success());
    let compacted = lines(&place.run(&["compact", "--json"]));
    let [before, after, removed] =
        ["bytes_before", "bytes_after", "vectors_removed"].map(|key| compacted[0][key].as_u64());
    assert_eq!((before, after, removed), (Some(64 + 5 * 384 * 4), Some(64 + 3 * 384 * 4), Some(2)));
    assert!(place.run(&["doctor"]).status.success());
    assert_eq!(lines(&place.run(&["search", "space", "--json"])).len(), 3);
    let text = String::from_utf8(place.run(&["compact"]).stdout).unwrap();
    assert!(text.starts_with("removed 0 vectors: "), "{text}");
    assert_eq!(lines(&place.index()).pop().unwrap()["embedded"], 0);
}

#[test]
fn commands_that_read_keep_nobody_from_writing() {
    let place = Place::new();
    assert!(place.index().status.success());
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers = ["info", "export", "search"].map(|command| {
            let (place, stop) = (&place, &stop);
            scope.spawn(move || {
                let (vectors, items) = (place.path("r.npy"), place.path("r.csv"));
                let arguments = match command {
                    "info" => vec!["info"],
                    "search" => vec!["search", "space"],
                    _ => vec!["export", "--vectors", vectors.to_str().unwrap(), "--items", items.to_str().unwrap()],
                };
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let output = place.run(&arguments);
                    assert!(output.status.success(), "{command}: {}", stderr(&output));
                }
            })
        });
        for round in 0..10 {
            fs::write(place.files().join(format!("{round}.txt")), format!("Note {round} is about ships.")).unwrap();
            let output = place.index();
            assert!(output.status.success(), "round {round}: {}", stderr(&output));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}

#[test]
fn index_lays_out_no_map_and_the_map_command_does() {
    let place = Place::new();
    assert!(place.index().status.success());
    assert!(place.run(&["search", "space"]).status.success());
    let layouts = || {
        let names = fs::read_dir(place.path("library")).unwrap().map(|e| e.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("layout-")).count()
    };
    assert_eq!(layouts(), 0);
    let positions = places_on_the_map(&place);
    assert_eq!((positions.len(), layouts()), (5, 1));
    let before = fs::metadata(place.path("library/catalog.sqlite")).unwrap().modified().unwrap();
    assert_eq!(places_on_the_map(&place), positions);
    assert_eq!(fs::metadata(place.path("library/catalog.sqlite")).unwrap().modified().unwrap(), before);
}

fn exports_agree(place: &Place) {
    let (vectors, items) = (place.path("vectors.npy"), place.path("items.csv"));
    let done = place.run(&["export", "--vectors", vectors.to_str().unwrap(), "--items", items.to_str().unwrap()]);
    assert!(done.status.success(), "{}", stderr(&done));
    let bytes = fs::read(&vectors).unwrap();
    assert!(bytes.starts_with(b"\x93NUMPY\x01\x00"));
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]])) + 10;
    assert_eq!(header % 64, 0);
    assert!(std::str::from_utf8(&bytes[10..header]).unwrap().contains("'shape': (5, 384)"));
    let values: Vec<f32> =
        bytes[header..].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    assert_eq!(values.len(), 5 * 384);
    let table = fs::read_to_string(&items).unwrap();
    assert!(table.lines().next().unwrap().ends_with(",snippet,label,label_score,page,seconds,frame"), "{table}");
    let row = table.lines().skip(1).position(|line| line.contains("dog.txt")).unwrap();
    let embedded = place.run(&["embed", place.files().join("dog.txt").to_str().unwrap()]);
    let embedded = &lines(&embedded)[0]["embeddings"][0];
    for (stored, printed) in values[row * 384..].iter().zip(embedded.as_array().unwrap()) {
        assert!((f64::from(*stored) - printed.as_f64().unwrap()).abs() < 1e-4, "rows in the same order");
    }
}

#[test]
fn a_device_is_chosen_by_name_and_doctor_tells_of_all() {
    let place = Place::new();
    let found = place.run(&["doctor", "--device", "cpu"]);
    let told = String::from_utf8(found.stdout.clone()).unwrap();
    assert!(found.status.success(), "{told}{}", stderr(&found));
    let device = told.lines().find(|line| line.starts_with("device   cpu: ")).unwrap_or_else(|| panic!("{told}"));
    assert!(device.contains("threads"), "{device}");
    assert!(told.contains("the reference for other devices, ") && told.contains(" images/s"), "{told}");
    // Elsewhere no variable says where caches are kept.
    if cfg!(target_os = "linux") {
        assert!(place.path("cache/vicinity/devices.json").is_file(), "the verdict is kept");
    }
    let text = ["embed", "--text", "a dog"];
    for (device, sentence) in [("gpu", "a device is auto, cpu"), ("cuda:9", "cuda:9"), ("metal", "metal")] {
        let refused = place.run(&[&text[..], &["--device", device]].concat());
        assert_eq!(refused.status.code(), Some(2), "{device}");
        let said = stderr(&refused);
        assert!(said.contains("--device") && said.contains(sentence) && said.lines().count() == 1, "{said}");
    }
    let by_variable = place.command(&text).env("VICINITY_DEVICE", "cuda:9").output().unwrap();
    assert!(stderr(&by_variable).contains("VICINITY_DEVICE cuda:9: "), "{}", stderr(&by_variable));
    let half = place.run(&[&text[..], &["--device", "cpu", "--precision", "f16"]].concat());
    assert!(stderr(&half).contains("on the CPU models run in f32"), "{}", stderr(&half));
}

#[test]
// Elsewhere the settings are not where the variable says.
#[cfg(target_os = "linux")]
fn a_card_in_the_settings_that_this_computer_lacks_leaves_the_work_to_the_cpu_and_is_told_of_in_one_line() {
    let place = Place::new();
    let settings = place.path("config/vicinity");
    fs::create_dir_all(&settings).unwrap();
    fs::write(
        settings.join("settings.json"),
        r#"{"running": {"device": "cuda:9", "precision": null, "idle_minutes": 10}}"#,
    )
    .unwrap();
    let text = ["embed", "--text", "a dog"];
    let fallen_back = place.run(&text);
    let said = stderr(&fallen_back);
    assert!(fallen_back.status.success(), "{said}");
    assert!(said.starts_with("vicinity: The model runs on the CPU: ") && said.contains("cuda:9"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    let on_cpu = place.run(&[&text[..], &["--device", "cpu"]].concat());
    assert_eq!((fallen_back.stdout, stderr(&on_cpu)), (on_cpu.stdout.clone(), String::new()));
    let indexed = place.index();
    let said = stderr(&indexed);
    assert_eq!(said.matches("The model runs on the CPU: ").count(), 1, "{said}");
}

#[test]
fn embed_prints_what_the_nomic_sdk_gives() {
    let place = Place::new();
    let done = place.run(&["embed", "--text", "a dog", "a cat"]);
    let value = &lines(&done)[0];
    assert_eq!(keys(value), ["embeddings", "inference_mode", "model", "usage"]);
    assert_eq!(value["embeddings"].as_array().unwrap().len(), 2);
    assert_eq!(value["inference_mode"], "local");
    assert_eq!(value["usage"], serde_json::json!({"prompt_tokens": 4, "total_tokens": 4}));
}

#[test]
fn labels_are_ranked_for_each_file() {
    let place = Place::new();
    let labels = place.path("labels.txt");
    fs::write(&labels, "cooking\nspace travel\n").unwrap();
    let file = place.files().join("bread.txt");
    let done = place.run(&["labels", file.to_str().unwrap(), "--labels", labels.to_str().unwrap(), "--json"]);
    let ranked = lines(&done);
    assert_eq!(ranked.len(), 2);
    assert_eq!(keys(&ranked[0]), ["label", "path", "score", "share"]);
    assert_eq!(ranked[0]["label"], "cooking");
    let shares: f64 = ranked.iter().map(|r| r["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-4);
}

#[test]
fn errors_are_one_line_and_codes_are_told_apart() {
    let place = Place::new();
    let no_library = place.run(&["search", "anything"]);
    assert_eq!(no_library.status.code(), Some(2));
    assert_eq!(stderr(&no_library).lines().count(), 1, "{}", stderr(&no_library));
    assert!(stderr(&no_library).contains("vicinity index"), "says what to do");

    let no_folder = place.run(&["index", "/no/such/folder"]);
    assert_eq!(no_folder.status.code(), Some(2));
    assert!(stderr(&no_folder).contains("/no/such/folder"));

    let empty = place.path("empty");
    fs::create_dir(&empty).unwrap();
    assert!(place.run(&["index", empty.to_str().unwrap()]).status.success());
    let map = place.path("map.png");
    for command in [&["search", "anything"][..], &["clusters"], &["map", "--out", map.to_str().unwrap()]] {
        let nothing = place.run(command);
        assert_eq!(nothing.status.code(), Some(1), "nothing found");
        assert!(stderr(&nothing).contains("the library is empty"), "{command:?}: {}", stderr(&nothing));
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    place.index();
    let mut child =
        place.command(&["search", "anything", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

#[test]
fn a_second_start_hands_over_to_the_window_that_has_the_library_open() {
    let place = Place::new();
    let mut engine = Engine::open(&place.path("library"), || {}).unwrap();
    engine.listen();
    let child = place.command(&[place.files().to_str().unwrap()]).stdout(Stdio::piped()).spawn().unwrap();
    let call = loop {
        if let Event::OpenRequested(call) = engine.events().recv_timeout(Duration::from_secs(20)).unwrap() {
            break call;
        }
    };
    assert_eq!(call.take().unwrap(), [place.files()]);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!((output.status.code(), &*said), (Some(0), "Opened in the running window\n"));

    // A window of its own, which only Linux surely cannot show here.
    if cfg!(target_os = "linux") {
        let mut own = place.command(&["--new-window"]);
        let output = own.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{}", stderr(&output));
        assert!(!engine.events().try_iter().any(|event| matches!(event, Event::OpenRequested(_))));
    }
}

#[test]
fn nothing_is_written_beside_the_users_files() {
    let place = Place::new();
    let list = |folder: &Path| {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = list(&place.files());
    place.index();
    assert_eq!(list(&place.files()), before);
}

#[test]
fn a_library_goes_from_one_model_to_another_and_back() {
    let place = Place::new();
    assert!(place.index().status.success());
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/mobileclip");

    let other = place.run(&["index", "--model", model, "--json"]);
    assert!(other.status.success(), "{}", stderr(&other));
    let summary = lines(&other).pop().unwrap();
    assert_eq!((&summary["items"], &summary["embedded"]), (&5.into(), &5.into()), "each model has its own vectors");
    let info = lines(&place.run(&["info", "--json"])).pop().unwrap();
    assert_eq!((&info["model"], &info["items"]), (&"mobileclip".into(), &5.into()), "the library remembers");
    assert!(place.run(&["search", "a dog"]).status.success());

    let again = lines(&place.run(&["index", "--json"])).pop().unwrap();
    assert_eq!((&again["embedded"], &again["reused"]), (&0.into(), &5.into()));
    let back = lines(&place.run(&["index", "--model", "starter", "--json"])).pop().unwrap();
    assert_eq!((&back["embedded"], &back["reused"]), (&0.into(), &5.into()), "going back costs nothing");
    let info = lines(&place.run(&["info", "--json"])).pop().unwrap();
    assert_eq!(info["model"], "vicinity-starter");

    let got =
        place.command(&["models", "import", model]).env("VICINITY_MODELS", place.path("models")).output().unwrap();
    assert!(got.status.success(), "{}", stderr(&got));
    let named = place.command(&["embed", "--text", "a dog", "--model", "mobileclip"]);
    let named = { named }.env("VICINITY_MODELS", place.path("models")).output().unwrap();
    assert!(named.status.success(), "an imported model goes by its name: {}", stderr(&named));

    let wrong = place.run(&["search", "a dog", "--model", "/no/such/model"]);
    assert_eq!(wrong.status.code(), Some(2));
    let empty = place.path("empty");
    fs::create_dir(&empty).unwrap();
    let wrong = place.run(&["search", "a dog", "--model", empty.to_str().unwrap()]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("config.json"), "{}", stderr(&wrong));
    let info = lines(&place.run(&["info", "--json"])).pop().unwrap();
    assert_eq!(info["model"], "vicinity-starter", "a model that cannot be used changes nothing");
}

/// A copy of the small CLIP of the fixtures whose file `name` was changed.
fn model_with(place: &Place, name: &str, change: impl FnOnce(&Path)) -> PathBuf {
    let (from, to) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/clip"), place.path("model"));
    fs::create_dir_all(&to).unwrap();
    for name in ["config.json", "preprocessor_config.json", "tokenizer.json", "model.safetensors"] {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
    change(&to.join(name));
    to
}

#[test]
fn a_hostile_model_ends_every_command_with_one_sentence() {
    let place = Place::new();
    assert!(place.index().status.success());
    let model = model_with(&place, "tokenizer.json", |path| {
        let mut file: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        file["normalizer"] = serde_json::json!({ "type": "Replace", "pattern": { "String": "" }, "content": "x" });
        fs::write(path, file.to_string()).unwrap();
    });
    let (model, files) = (model.to_str().unwrap().to_owned(), place.files());
    let text = files.join("dog.txt");
    let (files, text) = (files.to_str().unwrap(), text.to_str().unwrap());
    for command in [
        &["index", files][..],
        &["search", "a dog"],
        &["labels", text],
        &["embed", text],
        &["serve", "--listen", "127.0.0.1:0"],
    ] {
        let output = place.run(&[&["--model", &model][..], command].concat());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{command:?}: {told}");
        assert!(told.lines().count() == 1 && told.contains("tokenizer.json"), "{command:?}: {told}");
    }
}

#[test]
fn failed_files_are_tried_again_when_asked() {
    use vicinity_engine::scan::{candidate, canonical_path};
    use vicinity_engine::store::{RejectedFile, RejectionCause, Store};
    let place = Place::new();
    place.index();
    let files = canonical_path(&place.files());
    fs::write(files.join("late.txt"), "Read at the second attempt.").unwrap();
    let file = candidate(files.join("late.txt")).unwrap();
    let failed = RejectedFile {
        parts: 1,
        path: file.path,
        reason: "The disk did not answer".to_owned(),
        cause: RejectionCause::Access,
        bytes: file.len,
        modified_ns: file.modified_ns,
        change_mark: file.change_mark,
    };
    let key = vicinity_models::builtin::info().unwrap().key;
    let (mut store, _) = Store::open(&place.path("library"), &key).unwrap();
    store.record_rejected(vec![failed]).unwrap();
    drop(store);
    let counts = |output: &Output| {
        let summary = lines(output).pop().unwrap();
        ["embedded", "failed", "items"].map(|key| summary[key].as_u64().unwrap())
    };
    assert_eq!(counts(&place.index()), [0, 2, 5], "not tried again by itself");
    assert_eq!(counts(&place.run(&["index", "--retry", "--json"])), [1, 1, 6]);
    let folder = place.files();
    assert_eq!(counts(&place.run(&["index", folder.to_str().unwrap(), "--retry", "--json"])), [0, 1, 6]);
}

#[test]
fn an_empty_folder_is_told_of_in_json_too() {
    let place = Place::new();
    place.index();
    fs::rename(place.files(), place.path("elsewhere")).unwrap();
    fs::create_dir(place.files()).unwrap();
    let done = place.run(&["index", "--json"]);
    assert!(done.status.success());
    let printed = lines(&done);
    assert!(printed[0]["warning"].as_str().unwrap().contains("empty"), "{printed:?}");
    assert_eq!(printed.last().unwrap()["items"], 5);
    assert!(stderr(&done).contains("empty"));
}

#[test]
fn what_was_left_out_is_printed_with_its_reason() {
    let place = Place::new();
    fs::write(place.files().join("film.mp4"), b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom").unwrap();
    fs::write(place.files().join("letter.docx"), b"PK\x03\x04\x14\0\0\0word/document.xml").unwrap();
    // No ffmpeg is found there.
    let run = |arguments: &[&str]| place.command(arguments).env("PATH", place.path("nothing")).output().unwrap();
    let told = String::from_utf8(run(&["index", place.files().to_str().unwrap()]).stdout).unwrap();
    assert!(told.contains("2 skipped: 1 office document, 1 video (needs ffmpeg)"), "{told}");
    assert!(told.contains("install it"), "{told}");
    let summary = lines(&run(&["index", "--json"])).pop().unwrap();
    assert_eq!(summary["skipped"], 2);
    assert_eq!(summary["left_out"], serde_json::json!({"office": 1, "video_without_ffmpeg": 1}));
}

#[test]
fn a_damaged_row_of_a_table_is_one_failure_with_its_line_and_costs_no_other() {
    let place = Place(tempfile::tempdir().unwrap());
    fs::create_dir(place.files()).unwrap();
    fs::write(place.files().join("b.jsonl"), "{\"text\":\"a dog\"}\n{\"text\":\"cut off\n{\"text\":\"a cat\"}\n")
        .unwrap();
    fs::write(place.files().join("s.tab"), "id\ttext\n1\ta bird, singing\n\n2\t \n3\ta fish\n").unwrap();
    // the second run must keep what the first one stored
    for run in ["first", "second"] {
        let output = place.run(&["index", place.files().to_str().unwrap(), "--rows", "--json"]);
        let lines = lines(&output);
        let summary = lines.iter().find(|line| line.get("items").is_some()).unwrap();
        assert_eq!((&summary["texts"], &summary["failed"]), (&4.into(), &1.into()), "{run}: {lines:?}");
        let failures: Vec<_> = lines.iter().filter(|line| line.get("error").is_some()).collect();
        assert_eq!(failures.len(), 1, "{run}: {lines:?}");
        assert!(failures[0]["error"].as_str().unwrap().starts_with("Line 2: it is not JSON"), "{run}: {lines:?}");
    }
}

#[test]
fn old_names_of_commands_and_options_still_work_and_are_not_advertised() {
    let place = Place::new();
    let files = place.files();
    let files = files.to_str().unwrap();
    let run =
        |arguments: &[&str]| place.command(arguments).env("VICINITY_MODELS", place.path("models")).output().unwrap();
    assert_eq!(lines(&run(&["models", "list", concat!("--", "here"), "--json"]))[0]["status"], "installed");
    assert!(run(&["doctor", "--report", concat!("--", "names")]).status.success());
    let service = ["index", files, "--provider", "nomic", "--base-url", "nonsense", concat!("--yes", "-send")];
    for (arguments, sentence) in [
        (&["models", "get", "vicinity-starter"][..], "built in"),
        (&service, "invalid service URL"),
        (&["serve", concat!("--", "patience"), "0"], "1..=3600"),
    ] {
        let refused = run(arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&refused).contains(sentence), "{arguments:?}: {}", stderr(&refused));
    }
    for (command, new, old) in [
        (&["models"][..], "download", "  get"),
        (&["models", "list"], "--installed", concat!("--", "here")),
        (&["doctor"], "--include-paths", "--names"),
        (&["index"], "--yes", concat!("--yes", "-send")),
        (&["serve"], "--timeout", concat!("--", "patience")),
    ] {
        let help = String::from_utf8(run(&[command, &["--help"]].concat()).stdout).unwrap();
        assert!(help.contains(new) && !help.contains(old), "{command:?}: {help}");
    }
}

#[test]
fn info_tells_what_is_known_of_a_photo_once_it_is_indexed() {
    let place = Place::with_photos();
    assert!(place.index().status.success());
    let [photo, screen] = ["photo.jpg", "screen.png"].map(|name| place.files().join(name).display().to_string());
    // from the library: the files are not needed any more
    fs::write(place.files().join("photo.jpg"), "").unwrap();
    let known = lines(&place.run(&["info", "--json", &photo, &screen]));
    assert_eq!(known.len(), 2);
    assert_eq!(known[0]["camera_model"], "X100V");
    assert_eq!(known[0]["taken"]["local"], "2024-02-29T08:15:00");
    assert_eq!((&known[0]["taken"]["offset"], &known[0]["taken"]["source"]), (&"+01:00".into(), &"metadata".into()));
    assert_eq!((&known[1]["rating"], &known[1]["keywords"][0]), (&4.into(), &"code".into()));
    assert!(known[1].get("camera_model").is_none(), "what is unknown is left out");
    let text = String::from_utf8(place.run(&["info", &photo]).stdout).unwrap();
    for line in
        ["  camera    FUJIFILM X100V", "  exposure  23 mm  f/2  ISO 400", "  place     48.20833° N, 16.37000° E"]
    {
        assert!(text.contains(line), "{text}");
    }
    let missing = place.run(&["info", "nowhere.jpg"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).contains("nowhere.jpg: not in the library"), "{}", stderr(&missing));
    let one_of_two = place.run(&["info", "--json", &photo, "nowhere.jpg"]);
    assert_eq!(
        (lines(&one_of_two).len(), one_of_two.status.code()),
        (1, Some(1)),
        "scripts notice that one is missing"
    );
}

/// A program that reads one word in every picture, in place of Tesseract.
#[cfg(unix)] // Tested here.
fn fake_tesseract(place: &Place) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let program = place.path("tesseract");
    let list = "[ \"$1\" = --list-langs ] && { echo languages; echo eng; echo osd; exit 0; }";
    let word = "printf '5\\t1\\t1\\t1\\t1\\t1\\t16\\t12\\t32\\t12\\t96\\tINVOICE\\n'";
    fs::write(&program, format!("#!/bin/sh\n{list}\ncat >/dev/null\n{word}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

#[cfg(unix)] // Tested here.
#[test]
fn text_in_pictures_is_read_on_request_found_and_shown() {
    let place = Place::new();
    let (program, files) = (fake_tesseract(&place), place.files());
    let run = |arguments: &[&str]| place.command(arguments).env("VICINITY_TESSERACT", &program).output().unwrap();
    let folder = files.to_str().unwrap();
    let refused = run(&["index", folder, "--read-text", "eng+fra"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("no data to read fra; installed are: eng"), "{}", stderr(&refused));
    assert!(!place.path("library").exists(), "nothing is made before that is known");

    assert!(run(&["index", folder]).status.success());
    assert_eq!(run(&["search", "--words", "invoice"]).status.code(), Some(1), "off until somebody asks for it");
    assert!(run(&["index", folder, "--read-text", "eng"]).status.success());
    let found = lines(&run(&["search", "--words", "Invoice", "--json"]));
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(keys(&found[0]), ["modality", "path", "rank", "text_in_picture"]);
    assert_eq!(found[0]["text_in_picture"]["words"], serde_json::json!(["INVOICE"]));
    assert_eq!(found[0]["text_in_picture"]["boxes"], serde_json::json!([[0.25, 0.25, 0.75, 0.5]]));
    let by_meaning = lines(&run(&["search", "invoice", "--json", "--modality", "image"]));
    assert_eq!(by_meaning[0]["text_in_picture"]["words"][0], "INVOICE");
    assert!(lines(&run(&["search", "rocket", "--json"])).iter().all(|hit| hit.get("text_in_picture").is_none()));
    let text = String::from_utf8(run(&["search", "--words", "invoice"]).stdout).unwrap();
    assert!(text.lines().all(|line| line.ends_with(".png  (text in picture: INVOICE)")), "{text}");
    assert_eq!(lines(&run(&["search", "--words", "\"barks at\"", "--json"])).len(), 1, "the words of texts, too");
    assert_eq!(run(&["search", "--words", "invoice", "--modality", "text"]).status.code(), Some(1));
    let known = lines(&run(&["info", "--json", files.join("picture1.png").to_str().unwrap()]));
    assert_eq!(known[0]["text_in_picture"], "INVOICE");

    // remembered, until it is switched off
    fs::copy(files.join("picture1.png"), files.join("other.png")).unwrap();
    image::RgbImage::new(64, 48).save(files.join("new.png")).unwrap();
    assert!(run(&["index"]).status.success());
    assert_eq!(lines(&run(&["search", "--words", "invoice", "--json"])).len(), 4);
    assert!(run(&["index", "--read-text", "off"]).status.success());
    image::RgbImage::new(32, 48).save(files.join("newer.png")).unwrap();
    assert!(run(&["index"]).status.success());
    assert_eq!(lines(&run(&["search", "--words", "invoice", "--json"])).len(), 4, "what was read stays");
}

#[test]
fn reading_text_without_tesseract_is_one_sentence() {
    let place = Place::new();
    let folder = place.files();
    let mut command = place.command(&["index", folder.to_str().unwrap(), "--read-text", "eng"]);
    let refused = command.env("VICINITY_TESSERACT", place.path("missing")).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("Tesseract, which reads text in pictures, was not found"),
        "{}",
        stderr(&refused)
    );
}
