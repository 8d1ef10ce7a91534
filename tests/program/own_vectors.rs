//! Vectors of the user's own, on the command line and in the window.

use std::fs;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::own_vectors::{circle, matrix, points};

struct Place {
    dir: TempDir,
}

impl Place {
    fn new(rows: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        circle(dir.path(), rows);
        Self { dir }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vicinity"));
        command.args(arguments).env("VICINITY_LIBRARY", self.dir.path().join("library")).stdin(Stdio::null());
        command.env("XDG_CONFIG_HOME", self.dir.path().join("config"));
        command.env("XDG_CACHE_HOME", self.dir.path().join("cache")).env_remove("VICINITY_DEVICE");
        command.current_dir(self.dir.path()).output().unwrap()
    }

    fn index(&self, more: &[&str]) -> Output {
        let mut arguments = vec!["index", "table.csv", "--vectors", "v.npy", "--json"];
        arguments.extend(more);
        self.run(&arguments)
    }
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_table_with_vectors_is_indexed_and_searched_by_its_rows() {
    let place = Place::new(20);
    let indexed = place.index(&[]);
    assert!(indexed.status.success(), "{}", stderr(&indexed));
    let summary = &lines(&indexed)[0];
    assert_eq!((&summary["items"], &summary["embedded"], &summary["failed"]), (&20.into(), &20.into(), &0.into()));
    assert_eq!(lines(&place.index(&[]))[0]["embedded"], 0, "the second time there is nothing to do");

    let found = place.run(&["search", "--like", "table.csv:8", "-k", "2", "--json"]);
    assert!(found.status.success(), "{}", stderr(&found));
    let hits = lines(&found);
    let rows: Vec<u64> = hits.iter().map(|hit| hit["row"].as_u64().unwrap()).collect();
    assert!(rows.contains(&7) && rows.contains(&9), "{rows:?}");
    let cosine = hits[0]["score"].as_f64().unwrap();
    assert!((cosine - f64::from(0.1_f32.cos())).abs() < 1e-4, "{cosine}");
    let [rows, none] = ["the file has 20 rows", "no such item"];
    for (missing, error) in [("table.csv", rows), ("table.csv:21", none), ("none.csv:1", none)] {
        let found = place.run(&["search", "--like", missing]);
        assert_eq!(found.status.code(), Some(2), "{missing}");
        assert!(stderr(&found).contains(error), "{}", stderr(&found));
    }
    let filtered = place.run(&["search", "--like", "table.csv:8", "--where", "name ~ \"table\"", "--json", "-k", "3"]);
    assert!(filtered.status.success(), "{}", stderr(&filtered));

    let words = place.run(&["search", "note"]);
    assert_eq!(words.status.code(), Some(2));
    assert!(stderr(&words).contains("vectors of its own") && stderr(&words).contains("--model"), "{}", stderr(&words));
    fs::write(place.dir.path().join("note.txt"), "A walk along the sea.").unwrap();
    let other = place.run(&["index", "note.txt"]);
    assert_eq!(other.status.code(), Some(2));
    assert!(stderr(&other).contains("choose a model"), "{}", stderr(&other));

    let info = place.run(&["info", "--json"]);
    assert_eq!(lines(&info)[0]["model"], "v.npy");
    assert!(place.run(&["doctor"]).status.success());
    let export = place.run(&["export", "--vectors", "out.npy", "--items", "out.csv"]);
    assert!(export.status.success(), "{}", stderr(&export));
    let again = place.run(&["index", "table.csv", "--vectors", "out.npy", "--library", "second", "--json"]);
    assert_eq!(lines(&again)[0]["items"], 20, "what is exported can be brought: {}", stderr(&again));
}

#[test]
fn what_does_not_fit_is_refused_in_words_and_leaves_nothing_behind() {
    let place = Place::new(6);
    let refused = |arguments: &[&str]| {
        let output = place.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!place.dir.path().join("library").exists(), "{arguments:?}");
        stderr(&output)
    };
    matrix(&place.dir.path().join("seven.npy"), &points(7, 1.0));
    let text = refused(&["index", "table.csv", "--vectors", "seven.npy"]);
    assert!(text.contains("has 6 rows") && text.contains("has 7"), "{text}");
    fs::write(place.dir.path().join("bad.npy"), "no matrix").unwrap();
    assert!(refused(&["index", "table.csv", "--vectors", "bad.npy"]).contains("not a NumPy file"));
    assert!(refused(&["index", "table.csv", "--vectors", "none.npy"]).contains("no longer exists"));
    assert!(refused(&["index", "table.csv", "--vectors", "v.npy", "--model", "starter"]).contains("--model"));
    assert!(refused(&["index", "--vectors", "v.npy"]).contains("one table"));
    assert!(refused(&["index", "table.csv", "--vectors-column", "v"]).contains(".jsonl"));
    fs::write(place.dir.path().join("xy.csv"), "x,y\n1,2\n").unwrap();
    let text = refused(&["index", "table.csv", "--vectors", "v.npy", "--positions", "xy.csv"]);
    assert!(text.contains("1 positions") && text.contains("6 rows"), "{text}");
    fs::write(place.dir.path().join("xy.csv"), "x,y\n1,2\n1,nan\n").unwrap();
    assert!(refused(&["index", "table.csv", "--vectors", "v.npy", "--positions", "xy.csv"]).contains("Row 2"));
}

#[test]
fn positions_that_are_brought_are_the_map() {
    let place = Place::new(40);
    let rows: Vec<String> = (0..40).map(|row| format!("{row};{},5", row % 3)).collect();
    fs::write(place.dir.path().join("xy.csv"), format!("x;y\n{}\n", rows.join("\n"))).unwrap();
    let indexed = place.index(&["--positions", "xy.csv"]);
    assert!(indexed.status.success(), "{}", stderr(&indexed));
    let drawn = |more: &[&str]| {
        let mut arguments = vec!["map", "--positions", "map.csv", "--out", "map.png"];
        arguments.extend(more);
        let output = place.run(&arguments);
        assert!(output.status.success(), "{}", stderr(&output));
        let text = fs::read_to_string(place.dir.path().join("map.csv")).unwrap();
        text.lines().skip(1).map(|line| line.rsplit(',').nth(1).unwrap().parse().unwrap()).collect::<Vec<f32>>()
    };
    let mine: Vec<f32> = (0..40).map(|row| row as f32 / 19.5 - 1.0).collect();
    let same = |found: &[f32]| found.iter().zip(&mine).all(|(a, b)| (a - b).abs() < 1e-3);
    assert!(same(&drawn(&[])) && same(&drawn(&[])), "every time");
    assert!(!same(&drawn(&["--recompute"])), "unless another one is asked for");
    assert!(!same(&drawn(&[])), "which is kept");
    assert!(place.index(&["--positions", "xy.csv"]).status.success());
    assert!(same(&drawn(&[])), "and they can be brought back");
}

#[test]
fn vectors_may_be_in_the_table_itself() {
    let place = Place::new(2);
    let row = |at: usize| {
        let angle = at as f32 / 10.0;
        format!("{{\"text\": \"row {at}\", \"emb\": [{}, {}]}}", angle.cos(), angle.sin())
    };
    let rows: Vec<String> = (1..=12).map(row).collect();
    fs::write(place.dir.path().join("rows.jsonl"), rows.join("\n")).unwrap();
    let indexed = place.run(&["index", "rows.jsonl", "--vectors-column", "emb", "--json"]);
    assert!(indexed.status.success(), "{}", stderr(&indexed));
    assert_eq!(lines(&indexed)[0]["items"], 12);
    let hits = lines(&place.run(&["search", "--like", "rows.jsonl:5", "-k", "2", "--json"]));
    let found: Vec<u64> = hits.iter().map(|hit| hit["row"].as_u64().unwrap()).collect();
    assert!(found.contains(&4) && found.contains(&6), "{found:?}");
    assert_eq!(hits[0]["snippet"].as_str().map(|text| text.starts_with("row ")), Some(true));
}

#[cfg(feature = "window")]
mod in_the_window {
    use egui_kittest::kittest::Queryable as _;
    use vicinity::app::engine;
    use vicinity_core::LayoutMethod;

    use super::*;
    use crate::support::window::{Setup, click, step_until, window};

    #[test]
    fn a_library_of_own_vectors_shows_its_map_and_is_searched_by_item() {
        let place = Place::new(40);
        let rows: Vec<String> = (0..40).map(|row| format!("{row},{}", row % 5)).collect();
        fs::write(place.dir.path().join("xy.csv"), format!("x,y\n{}\n", rows.join("\n"))).unwrap();
        assert!(place.index(&["--positions", "xy.csv"]).status.success());
        let setup = Setup {
            library: Some(place.dir.path().join("library")),
            data: Some(place.dir.path().join("data")),
            settings: Some(place.dir.path().join("settings.json")),
            ..Setup::default()
        };
        let mut window = window(setup, engine::opener(Default::default()));
        step_until(&mut window, "the map is shown", |w| {
            let layout = w.state().state().library().layout.clone();
            layout.is_some_and(|layout| layout.method == LayoutMethod::Own && layout.positions.len() == 40)
        });
        step_until(&mut window, "the model is known to be none", |w| w.state().state().library().has_own_vectors());
        window.run_steps(3);
        window.get_by_label_contains("words cannot be searched");
        window.get_by_label_contains("Model: v.npy, your own vectors");

        window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
        step_until(&mut window, "all are selected", |w| w.state().state().library().selection.items.len() == 40);
        window.key_press(egui::Key::S);
        step_until(&mut window, "they are searched by", |w| w.state().state().library().query.result.is_some());
        let notices = window.state().state().library().notices.clone();
        assert!(notices.iter().all(|notice| notice.severity != vicinity_engine::Severity::Error), "{notices:?}");

        window.key_press(egui::Key::V);
        window.run_steps(3);
        window.event(egui::Event::Text("note".to_owned()));
        step_until(&mut window, "the reason is shown", |w| w.state().state().library().query.error.is_some());
        window.run_steps(3);
        window.get_by_label_contains("choose a model");
        click(&mut window, "Clear search");
    }
}

#[test]
fn only_the_table_that_vectors_belong_to_becomes_rows() {
    let place = Place::new(6);
    fs::create_dir(place.dir.path().join("texts")).unwrap();
    fs::write(place.dir.path().join("texts/other.csv"), "text\nThe first one.\nThe second one.\n").unwrap();
    assert_eq!(lines(&place.run(&["index", "texts", "--json"]))[0]["items"], 1, "a table is a text");
    assert_eq!(lines(&place.index(&[]))[0]["items"], 6);
    let summary = &lines(&place.run(&["index", "--model", "starter", "--json"]))[0];
    assert_eq!(summary["items"], 7, "the other table is still one text, and this one still has rows");
    let summary = &lines(&place.index(&[]))[0];
    assert_eq!((&summary["items"], &summary["embedded"]), (&6.into(), &0.into()));
}

#[test]
fn vectors_in_a_column_of_a_parquet_table_are_read() {
    let place = Place::new(1);
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tables/vectors.parquet");
    let indexed = place.run(&["index", table, "--vectors-column", "half", "--json"]);
    let all = lines(&indexed);
    let summary = all.last().unwrap();
    assert_eq!((&summary["items"], &summary["failed"]), (&4.into(), &1.into()), "{}", stderr(&indexed));
    assert!(all[0]["error"].as_str().unwrap().contains("Row 3: it has no vector"), "{all:?}");
    let hits = lines(&place.run(&["search", "--like", &format!("{table}:1"), "-k", "1", "--json"]));
    let cosine = (1.0 * 2.0 + 1.5 * 2.5 + 1.0 * 2.0) / ((1.0_f64 + 2.25 + 1.0) * (4.0 + 6.25 + 4.0)).sqrt();
    assert!((hits[0]["score"].as_f64().unwrap() - cosine).abs() < 1e-4, "{hits:?}");
    let none = place.run(&["index", table, "--vectors-column", "whole"]);
    assert!(stderr(&none).contains("no list of numbers in a field `whole`"), "{}", stderr(&none));
}
