//! The clusters of the map on the command line: their counts, their table, and whether people would call them so.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use vicinity_core::GivenName;
use vicinity_engine::{Engine, Event, Job};

use crate::support::places::{project_dir, shared};

/// A class of `../shared/data/photos/imagenette`, and what a person may call a group of its photos.
const CLASSES: [(&str, &[&str]); 10] = [
    ("tench", &["fish", "freshwater fish", "fishing"]),
    ("english_springer", &["dogs", "spaniels", "hunting dogs", "pets"]),
    (
        "cassette_player",
        &["electronics", "radios", "tape recorders", "music equipment", "loudspeakers", "small electronic devices"],
    ),
    ("chain_saw", &["chainsaws", "power tools", "tools", "hand tools"]),
    ("church", &["churches", "religious buildings", "village church", "cathedrals", "church interior"]),
    ("french_horn", &["French horns", "wind instruments", "brass instruments", "musical instruments"]),
    ("garbage_truck", &["vans and lorries", "work vehicles", "refuse lorries", "lorries", "vehicles"]),
    ("gas_pump", &["petrol stations", "petrol pumps"]),
    ("golf_ball", &["golf balls", "playing golf", "golf"]),
    ("parachute", &["parachutes", "skydiving"]),
];

fn run(library: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vicinity"));
    command.args(arguments).env("VICINITY_LIBRARY", library.join("library")).stdin(Stdio::null());
    command.env("XDG_CONFIG_HOME", library.join("config")).env_remove("VICINITY_DEVICE");
    let output = command.env("XDG_CACHE_HOME", library.join("cache")).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn indexed(folder: &Path) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    run(place.path(), &["index", folder.to_str().unwrap()]);
    run(place.path(), &["map", "--positions", place.path().join("map.csv").to_str().unwrap()]);
    place
}

fn json_lines(output: &Output) -> Vec<Value> {
    std::str::from_utf8(&output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What is printed, and the lines of the table.
fn table(place: &TempDir) -> (Output, Vec<BTreeMap<String, String>>) {
    let path = place.path().join("clusters.csv");
    let output = run(place.path(), &["clusters", "--json", "--items", path.to_str().unwrap()]);
    (output, csv::Reader::from_path(&path).unwrap().deserialize().map(Result::unwrap).collect())
}

#[test]
fn the_quality_of_a_map_is_told_in_figures() {
    let place = indexed(&project_dir().join("assets/sample"));
    let before = files(&place.path().join("library"));
    let output = run(place.path(), &["map", "--quality", "--json"]);
    let [report] = json_lines(&output).try_into().expect("one line");
    let figure = |path: &str| report.pointer(path).and_then(Value::as_f64).unwrap_or(f64::NAN);
    assert!(figure("/items") > 20.0 && figure("/neighbours") == 15.0, "{report}");
    // Of n items, any 15 of the n - 1 others would be kept by chance.
    assert!(figure("/preservation") > 1.2 * 15.0 / (figure("/items") - 1.0), "{report}");
    assert!(figure("/modality_gap/raw") > 2.0 * figure("/modality_gap/centred"), "centring closes the gap: {report}");
    let lines = String::from_utf8(run(place.path(), &["map", "--quality"]).stdout).unwrap();
    assert!(lines.contains("Neighbours kept: "), "{lines}");
    assert_eq!(before, files(&place.path().join("library")), "a look changes nothing");
}

#[test]
fn clusters_nest_and_their_table_counts_as_they_do() {
    let place = indexed(&project_dir().join("assets/sample"));
    let before = files(&place.path().join("library"));
    let (output, rows) = table(&place);
    let clusters = json_lines(&output);
    assert_eq!(files(&place.path().join("library")), before, "a command that reads creates nothing");
    let items = clusters.iter().filter(|cluster| cluster["parent"].is_null());
    assert_eq!(items.map(|cluster| cluster["items"].as_u64().unwrap()).sum::<u64>(), rows.len() as u64);
    for (at, cluster) in clusters.iter().enumerate() {
        assert_eq!(cluster["cluster"], at);
        assert!(cluster["parent"].as_u64().is_none_or(|parent| parent < at as u64), "{cluster}");
        assert!(Path::new(cluster["typical"]["path"].as_str().or(cluster["typical"].as_str()).unwrap()).exists());
        let level = cluster["level"].as_u64().unwrap();
        let counted = rows.iter().filter(|row| row[&format!("cluster_{level}")] == at.to_string()).count();
        assert_eq!(cluster["items"], counted, "{cluster}");
        let named = rows.iter().find(|row| row[&format!("cluster_{level}")] == at.to_string()).unwrap();
        assert_eq!(cluster["names"][0].as_str().unwrap_or_default(), named[&format!("name_{level}")]);
    }
    let names: Vec<&str> = clusters.iter().filter_map(|cluster| cluster["names"][0].as_str()).collect();
    // One that nothing fits has none.
    assert!(!names.is_empty(), "some have a name");
}

#[test]
fn a_name_of_the_user_is_said_to_be_theirs() {
    let place = indexed(&project_dir().join("assets/sample"));
    let engine = Engine::open(&place.path().join("library"), || {}).unwrap();
    engine.submit(Job::FindClusters(Arc::new(engine.stored_layout().unwrap())));
    let found = loop {
        if let Event::Clusters(found) = engine.events().recv_timeout(Duration::from_secs(60)).unwrap() {
            break found;
        }
    };
    let (members, newest) = (found.all[1].members.clone(), found.newest.unwrap());
    let given = GivenName { name: "Our garden".to_owned(), members, newest };
    engine.submit(Job::NameClusters(Arc::new(vec![Arc::new(given)])));
    drop(engine);
    let (output, rows) = table(&place);
    let clusters = json_lines(&output);
    let named: Vec<&Value> = clusters.iter().filter(|cluster| cluster["named_by_user"] == true).collect();
    assert_eq!((named.len(), &named[0]["names"][0]), (1, &Value::from("Our garden")), "{clusters:?}");
    assert_eq!(named[0]["items"], found.all[1].count);
    assert!(rows.iter().any(|row| row["name_0"] == "Our garden"));
    let printed = run(place.path(), &["clusters"]).stdout;
    assert!(String::from_utf8_lossy(&printed).contains("(your name)"));
}

fn files(folder: &Path) -> Vec<String> {
    let mut found: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    found.sort();
    found
}

#[test]
fn a_cluster_of_one_class_is_called_what_a_person_would_call_it() {
    let name = "a_cluster_of_one_class_is_called_what_a_person_would_call_it";
    let Some(shared) = shared(name) else { return };
    let place = indexed(&shared.join("data/photos/imagenette"));
    let (_, rows) = table(&place);
    let named: Vec<&str> =
        CLASSES.into_iter().filter(|(class, names)| is_named(&rows, class, names)).map(|c| c.0).collect();
    assert!(named.len() >= 8, "{named:?}");
}

/// Whether a cluster that has most photos of a class, and mostly these, has one of the names.
fn is_named(rows: &[BTreeMap<String, String>], class: &str, names: &[&str]) -> bool {
    let is_of = |row: &&BTreeMap<String, String>| row["path"].contains(&format!("/{class}/"));
    let all = rows.iter().filter(is_of).count();
    (0..3).any(|level| {
        let (cluster, name) = (format!("cluster_{level}"), format!("name_{level}"));
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        rows.iter().filter(is_of).for_each(|row| *counts.entry(&row[&cluster]).or_default() += 1);
        let Some((largest, count)) = counts.into_iter().max_by_key(|(_, count)| *count) else { return false };
        let within: Vec<_> = rows.iter().filter(|row| row[&cluster] == largest).collect();
        eprintln!("{class}, level {level}: {count} of {all} in {} ({})", within.len(), within[0][&name]);
        2 * count > all && 2 * count > within.len() && names.contains(&within[0][&name].as_str())
    })
}
