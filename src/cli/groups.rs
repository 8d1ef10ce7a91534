//! `vicinity groups`, and groups that other commands name.

use anyhow::anyhow;
use serde::Serialize;

use super::args::{GlobalArgs, GroupsArgs};
use super::hits::{ItemFields, location};
use super::outcome::Outcome;
use super::output::{print_error, print_json, print_line};
use super::session::Session;
use vicinity_core::format::number;
use vicinity_core::{Item, ItemGroup};
use vicinity_engine::Snapshot;

#[derive(Serialize)]
struct GroupLine<'a> {
    group: &'a str,
    items: usize,
}

/// Prints the groups of a library, or the items of one.
pub fn run(args: &GroupsArgs, global: &GlobalArgs) -> anyhow::Result<Outcome> {
    let session = Session::open(global)?;
    let snapshot = session.engine.snapshot();
    if let Some(name) = &args.name {
        return list(&snapshot, find(&snapshot, name)?, args.json);
    }
    for group in snapshot.groups().all() {
        let line = GroupLine { group: group.name(), items: items(&snapshot, group).count() };
        if args.json {
            print_json(&line)?;
        } else {
            print_line(&format!("{:>9}  {}", number(line.items as u64), line.group))?;
        }
    }
    if snapshot.groups().is_empty() {
        print_error("the library has no groups; select items in the window and press G");
    }
    Ok(if snapshot.groups().is_empty() { Outcome::Nothing } else { Outcome::Done })
}

fn list(snapshot: &Snapshot, group: &ItemGroup, as_json: bool) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::Nothing;
    for item in items(snapshot, group) {
        outcome = Outcome::Done;
        if as_json {
            print_json(&ItemFields::new(item, None))?;
        } else {
            print_line(&location(item))?;
        }
    }
    Ok(outcome)
}

fn items<'a>(snapshot: &'a Snapshot, group: &'a ItemGroup) -> impl Iterator<Item = &'a Item> {
    group.items().iter().filter_map(|id| snapshot.get(*id))
}

/// The group of a name, regardless of case.
///
/// # Errors
/// If the library has no such group.
pub fn find<'a>(snapshot: &'a Snapshot, name: &str) -> anyhow::Result<&'a ItemGroup> {
    snapshot.groups().named(name).ok_or_else(|| {
        let names: Vec<&str> = snapshot.groups().all().iter().map(|group| &**group.name()).collect();
        match names.is_empty() {
            true => anyhow!("the library has no groups; they are created in the window"),
            false => anyhow!("the library has no group `{name}`; its groups are {}", names.join(", ")),
        }
    })
}
