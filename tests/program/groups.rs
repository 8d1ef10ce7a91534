//! Groups on the command line: listed, searched by, and named by conditions.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use vicinity_core::{ItemGroup, ItemGroups};
use vicinity_engine::{Engine, Job};

fn run(place: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vicinity"));
    command.args(arguments).env("VICINITY_LIBRARY", place.join("library")).stdin(Stdio::null());
    command.env("XDG_CONFIG_HOME", place.join("config")).env_remove("VICINITY_DEVICE");
    command.env("XDG_CACHE_HOME", place.join("cache")).output().expect("started")
}

fn lines(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn groups_are_listed_searched_by_and_named_in_conditions() {
    let place = tempfile::tempdir().expect("a folder");
    let files = place.path().join("files");
    fs::create_dir(&files).expect("made");
    for (name, text) in [
        ("dog.txt", "A dog runs over the meadow and barks at the cat."),
        ("kitten.txt", "A kitten sleeps on the sofa beside the old cat."),
        ("bread.txt", "Knead the dough, let it rest, and bake the bread."),
    ] {
        fs::write(files.join(name), text).expect("written");
    }
    lines(&run(place.path(), &["index", files.to_str().expect("a path")]));
    let none = run(place.path(), &["groups"]);
    assert_eq!((none.status.code(), none.stdout.len()), (Some(1), 0));

    let engine = Engine::open(&place.path().join("library"), || {}).expect("opens");
    let id =
        |name: &str| engine.snapshot().items().find(|item| item.name() == name).map(|item| item.id).expect("there");
    let pets = ItemGroup::new("House pets", vec![id("dog.txt"), id("kitten.txt")]);
    let food = ItemGroup::new("Food", vec![id("bread.txt")]);
    engine.submit(Job::StoreGroups(Arc::new(ItemGroups::new([pets, food]))));
    drop(engine);

    assert_eq!(lines(&run(place.path(), &["groups"])), ["        2  House pets", "        1  Food"]);
    let json = lines(&run(place.path(), &["groups", "--json"]));
    assert_eq!(json[0], r#"{"group":"House pets","items":2}"#);
    let listed = lines(&run(place.path(), &["groups", "house pets"]));
    assert!(listed.len() == 2 && listed[0].ends_with("dog.txt") && listed[1].ends_with("kitten.txt"), "{listed:?}");
    let listed = lines(&run(place.path(), &["groups", "food", "--json"]));
    assert!(listed.len() == 1 && listed[0].contains("bread.txt"), "{listed:?}");

    let found = lines(&run(place.path(), &["search", "an animal", "--where", "group = food"]));
    assert!(found.len() == 1 && found[0].ends_with("bread.txt"), "{found:?}");
    let found = lines(&run(place.path(), &["search", "--like-group", "House pets"]));
    assert!(found.len() == 1 && found[0].ends_with("bread.txt"), "its own items are no hits: {found:?}");
    for arguments in [&["search", "x", "--where", "group = Boats"][..], &["search", "--like-group", "Boats"]] {
        let wrong = run(place.path(), arguments);
        let told = String::from_utf8_lossy(&wrong.stderr).into_owned();
        assert_eq!(wrong.status.code(), Some(2));
        assert!(told.contains("the library has no group `Boats`; its groups are House pets, Food"), "{told}");
    }
}
