//! Axes of scatter plots on the command line: their values, and what is said where there are none.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::places::project_dir;

struct Place(TempDir);

impl Place {
    /// Texts of different length, a photo of a camera, and a table with a column of numbers.
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let files = place.files();
        fs::create_dir(&files).unwrap();
        fs::write(files.join("dog.txt"), "A dog runs over the meadow and barks at the cat.").unwrap();
        fs::write(files.join("rocket.txt"), "The rocket lifts off towards the space station.").unwrap();
        fs::write(files.join("bread.txt"), "Knead the dough, let it rest, and bake the bread.").unwrap();
        fs::write(files.join("cars.csv"), "name,price,kind\na red car,20000,new\nan old van,3000,used\n").unwrap();
        let photos = project_dir().join("tests/fixtures/library_v1/photos");
        fs::copy(photos.join("photo.jpg"), files.join("photo.jpg")).unwrap();
        let indexed = place.run(&["index", files.to_str().unwrap(), "--rows"]);
        assert!(indexed.status.success(), "{}", stderr(&indexed));
        place
    }

    fn files(&self) -> PathBuf {
        self.0.path().join("files")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vicinity"));
        command.args(arguments).env("VICINITY_LIBRARY", self.0.path().join("library")).stdin(Stdio::null());
        command.env("XDG_CONFIG_HOME", self.0.path().join("config")).env_remove("VICINITY_DEVICE");
        command.env("XDG_CACHE_HOME", self.0.path().join("cache")).output().unwrap()
    }

    /// The lines of JSON of a command that succeeds, by file name and row.
    fn json(&self, arguments: &[&str]) -> BTreeMap<String, Value> {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        let lines = std::str::from_utf8(&output.stdout).unwrap().lines();
        let key = |line: &Value| {
            let path = PathBuf::from(line["path"].as_str().unwrap());
            let row = line.get("row").map(|row| format!(":{row}")).unwrap_or_default();
            format!("{}{row}", path.file_name().unwrap().to_str().unwrap())
        };
        lines.map(|line| serde_json::from_str(line).unwrap()).map(|line: Value| (key(&line), line)).collect()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn between_opposites_items_are_placed_by_the_difference_of_their_scores() {
    let place = Place::new();
    let placed = place.json(&["axes", "--x", "a dog|a rocket", "--y", "size", "--json"]);
    let [dog, rocket] = ["a dog", "a rocket"].map(|words| place.json(&["search", words, "-k", "100", "--json"]));
    assert_eq!(placed.len(), 6);
    for (name, line) in &placed {
        let difference = rocket[name]["score"].as_f64().unwrap() - dog[name]["score"].as_f64().unwrap();
        assert!((line["x"].as_f64().unwrap() - difference).abs() < 2e-3, "{name}: {line}, {difference}");
        assert_eq!(line["y"], fs::metadata(place.files().join(name.split(':').next().unwrap())).unwrap().len() as f64);
    }
    assert!(placed["rocket.txt"]["x"].as_f64() > placed["bread.txt"]["x"].as_f64());
    assert!(placed["bread.txt"]["x"].as_f64() > placed["dog.txt"]["x"].as_f64());
    let printed = place.run(&["axes", "--x", "a dog|a rocket", "--y", "column price"]);
    let text = String::from_utf8(printed.stdout.clone()).unwrap();
    assert!(text.lines().any(|line| line.contains("  20000  ") || line.contains(" 20000  ")), "{text}");
    assert!(stderr(&printed).contains("4 of 6 items have no value for `column price`"), "{}", stderr(&printed));
}

#[test]
fn dates_and_columns_are_axes_and_a_table_is_written() {
    let place = Place::new();
    let placed = place.json(&["axes", "--x", "taken", "--y", "price", "--json"]);
    let facts = place.run(&["info", place.files().join("photo.jpg").to_str().unwrap(), "--json"]);
    let facts = String::from_utf8(facts.stdout).unwrap();
    let taken = placed["photo.jpg"]["x"].as_str().unwrap();
    assert!(facts.contains(taken.split('T').next().unwrap()), "{taken} in {facts}");
    assert!(placed["dog.txt"]["x"].is_null() && placed["photo.jpg"]["y"].is_null());
    assert_eq!((&placed["cars.csv:1"]["y"], &placed["cars.csv:2"]["y"]), (&20_000.0.into(), &3_000.0.into()));

    let table = place.0.path().join("axes.csv");
    let written = place.run(&["axes", "--x", "taken", "--y", "price", "--csv", table.to_str().unwrap()]);
    assert!(written.status.success() && written.stdout.is_empty(), "{}", stderr(&written));
    let rows: Vec<BTreeMap<String, String>> =
        csv::Reader::from_path(&table).unwrap().deserialize().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 6);
    let row = |end: &str| rows.iter().find(|row| row["path"].ends_with(end)).unwrap();
    assert_eq!((row("photo.jpg")["x"].as_str(), row("dog.txt")["x"].as_str()), (taken, ""));
    assert_eq!(row("cars.csv:2")["y"], "3000");
}

#[test]
fn an_axis_that_cannot_be_shown_says_what_can() {
    let place = Place::new();
    for (axis, said) in [
        ("a dog|", "type two opposites, such as indoor and outdoor"),
        ("camera", "`camera` has neither numbers nor dates; write two opposites (indoor|outdoor), or one of taken"),
        ("kind", "neither numbers nor dates"),
        ("date", "an axis cannot show `date`; did you mean `taken`?"),
        ("wheels", "an axis cannot show `wheels`; write two opposites (indoor|outdoor), or one of taken"),
        ("rating", "no item has a value for `rating`"),
    ] {
        let output = place.run(&["axes", "--x", axis, "--y", "size"]);
        assert_eq!(output.status.code(), Some(2), "{axis}");
        assert!(stderr(&output).contains(said), "{axis}: {}", stderr(&output));
    }
    let output = place.run(&["axes", "--x", "size", "--y", "size", "--csv", "axes.docx"]);
    assert!(output.status.code() == Some(2) && stderr(&output).contains("axes.docx"), "{}", stderr(&output));
}
