//! Groups of items in a library: what is kept, what is found by them, and what damage costs.

use std::sync::Arc;

use crate::support::engine::wait;
use crate::support::library::{batch, model, open};
use jiff::tz::TimeZone;
use vicinity_core::{Condition, Filter, ItemGroup, ItemGroups, ItemId, Query, QueryPart};
use vicinity_engine::store::{Store, StoreError};
use vicinity_engine::{Engine, Event, Job, SearchSlot, VisibleRows};
use vicinity_models::ModelKey;

fn group(name: &str, items: impl IntoIterator<Item = ItemId>) -> ItemGroup {
    ItemGroup::new(name, items.into_iter().collect())
}

fn ids(store: &Store, rows: impl IntoIterator<Item = usize>) -> Vec<ItemId> {
    let snapshot = store.snapshot();
    rows.into_iter().map(|row| snapshot.item(row).expect("an item").id).collect()
}

#[test]
fn groups_are_kept_by_item_when_the_library_grows_and_with_every_model() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = open(dir.path());
    store.commit_embedded(batch(0..6)).expect("stored");
    let (ships, all) = (ids(&store, [1, 4]), ids(&store, 0..6));
    let groups = Arc::new(ItemGroups::new([group("Ships", ships.clone()), group("Empty", []), group("All", all)]));
    let before = store.snapshot();
    store.replace_groups(&groups).expect("stored");
    assert!(before.groups().is_empty(), "an earlier snapshot is as it was");
    assert!(Arc::ptr_eq(store.snapshot().groups(), &groups));
    assert_eq!(store.snapshot().epoch(), before.epoch(), "no item has changed");
    store.commit_embedded(batch(6..9)).expect("stored");
    assert!(Arc::ptr_eq(store.snapshot().groups(), &groups));
    drop(store);

    let store = open(dir.path());
    assert_eq!(*store.snapshot().groups(), groups);
    assert_eq!(store.check(), [""; 0]);
    drop(store);
    // Not embedded by this model yet: kept all the same.
    let other = ModelKey { preprocessing: "p2".into(), ..model() };
    let (mut store, _) = Store::open(dir.path(), &other).expect("opens");
    assert!(store.snapshot().is_empty());
    store.commit_embedded(batch(0..1)).expect("stored");
    let groups = Arc::clone(store.snapshot().groups());
    let whole = groups.named("all").expect("it is there").items();
    assert_eq!(whole.len(), 6, "what another model embeds stays in its groups");
    assert!(ids(&store, [0]).iter().all(|id| whole.contains(id)), "under the number that it has now");
    let (mut reader, _) = Store::open_to_read(dir.path(), &model()).expect("opens");
    assert_eq!(*reader.snapshot().groups(), groups);
    assert!(matches!(reader.replace_groups(&groups), Err(StoreError::ReadOnly { .. })));
    let fewer = Arc::new((*groups).clone().without("all"));
    store.replace_groups(&fewer).expect("stored");
    assert!(reader.refresh().expect("readable"), "a reader sees what the writer has stored");
    assert_eq!(*reader.snapshot().groups(), fewer);
}

#[test]
fn items_that_have_gone_leave_their_groups_and_damaged_rows_are_ignored() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = open(dir.path());
    store.add_root(std::path::Path::new("/photos")).expect("writable");
    store.commit_embedded(batch(0..6)).expect("stored");
    let all = ids(&store, 0..6);
    let groups = ItemGroups::new([group("First", all[..3].to_vec()), group("All", all.clone())]);
    store.replace_groups(&Arc::new(groups)).expect("stored");
    let seen = (2..6).map(|n| format!("/photos/{n}.jpg").into()).collect();
    store.remove_missing(&seen, &["/photos".into()], &[]).expect("removed");
    drop(store);
    let store = open(dir.path());
    let left = ItemGroups::new([group("First", [all[2]]), group("All", all[2..].to_vec())]);
    assert_eq!(**store.snapshot().groups(), left);
    drop(store);

    let catalog = rusqlite::Connection::open(dir.path().join("catalog.sqlite")).expect("opens");
    catalog.execute("UPDATE item_groups SET items = x'0102030405' WHERE name = 'First'", ()).expect("written");
    drop(catalog);
    let store = open(dir.path());
    assert_eq!(**store.snapshot().groups(), left.without("first"));
    assert_eq!(store.snapshot().len(), 4, "no item is lost");
}

/// A library with five texts, and their ids by name.
fn place() -> (tempfile::TempDir, Engine, impl Fn(&str) -> ItemId) {
    let dir = tempfile::tempdir().expect("a folder");
    let files = dir.path().join("files");
    std::fs::create_dir(&files).expect("made");
    for (name, text) in [
        ("dog", "A dog runs over the meadow and barks at the cat."),
        ("puppy", "The puppy plays with a ball in the garden and wags its tail."),
        ("kitten", "A kitten sleeps on the sofa beside the old cat."),
        ("rocket", "The rocket lifts off towards the space station."),
        ("bread", "Knead the dough, let it rest, and bake the bread."),
    ] {
        std::fs::write(files.join(format!("{name}.txt")), text).expect("written");
    }
    let engine = Engine::open(&dir.path().join("library"), || {}).expect("opens");
    engine.submit(Job::Add(vec![files]));
    wait(&engine, |event| if let Event::ImportFinished(_) = event { Some(()) } else { None });
    let snapshot = engine.snapshot();
    let id = move |name: &str| {
        snapshot.items().find(|item| item.name() == format!("{name}.txt")).map(|item| item.id).expect("there")
    };
    (dir, engine, id)
}

#[test]
fn a_group_is_a_condition_and_a_query_and_survives_a_restart() {
    let (dir, engine, id) = place();
    let pets = group("House pets", [id("dog"), id("puppy"), id("kitten")]);
    engine.submit(Job::StoreGroups(Arc::new(ItemGroups::new([pets.clone(), group("Things", [id("rocket")])]))));
    let snapshot = wait(&engine, |event| match event {
        Event::Snapshot(snapshot) if !snapshot.groups().is_empty() => Some(snapshot),
        _ => None,
    });
    let filter = |text: &str| {
        let condition = Condition::parse(text, &TimeZone::UTC).expect("a condition");
        Filter { condition: Some(condition.into()), ..Filter::default() }
    };
    let names = |text: &str| {
        let rows = VisibleRows::new(Arc::clone(&snapshot), filter(text), None);
        let mut names: Vec<_> = rows.items().map(|item| item.name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("group = \"house PETS\" and not name ~ kit"), ["dog.txt", "puppy.txt"]);
    assert_eq!(names("group in (\"house pets\", things) and name ~ o"), ["dog.txt", "rocket.txt"]);
    assert_eq!(names("not has group"), ["bread.txt"]);
    assert_eq!(names("group ~ hous").len(), 3);
    // What was evaluated for other groups is not taken over.
    let before = VisibleRows::new(Arc::clone(&snapshot), filter("group = things"), None);
    let other = Arc::new(snapshot.with_groups(Arc::new(ItemGroups::new([group("things", [id("bread")])]))));
    let after = VisibleRows::new(other, filter("group = things"), Some(&before));
    assert_eq!(after.items().map(|item| item.name()).collect::<Vec<_>>(), ["bread.txt"]);

    // Two of the three: the third is the most similar of the others.
    let parts = vec![QueryPart::Items([id("dog"), id("kitten")].into())];
    engine.submit(Job::Search {
        slot: SearchSlot::Results,
        ticket: 1,
        query: Query { parts, k: 5, filter: filter("has group"), ..Query::default() },
    });
    let found = wait(&engine, |event| if let Event::SearchDone { result, .. } = event { Some(result) } else { None });
    let hits: Vec<ItemId> = found.expect("found").hits.iter().map(|hit| hit.item).collect();
    assert_eq!(hits, [id("puppy"), id("rocket")], "its own items are no hits");
    let gone = vec![QueryPart::Items([ItemId(9_999)].into())];
    let query = Query { parts: gone, k: 5, ..Query::default() };
    engine.submit(Job::Search { slot: SearchSlot::Results, ticket: 2, query });
    let found = wait(&engine, |event| if let Event::SearchDone { result, .. } = event { Some(result) } else { None });
    assert!(found.is_err(), "a group without items cannot be searched by");
    drop(engine);
    let engine = Engine::open(&dir.path().join("library"), || {}).expect("opens");
    assert_eq!(engine.snapshot().groups().all().first(), Some(&pets));
}
