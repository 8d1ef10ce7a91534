//! The commands about groups of items that are kept under names.

use std::sync::Arc;

use super::items::FOUND_IN_FRAME;
use super::messages::Message;
use super::pending::GroupCountRequest;
use super::window::App;
use crate::context::Snapshot;
use crate::context::commands::{GroupAction, GroupCommand};
use crate::context::format;
use crate::context::groups::{visible_counts, visible_items};
use vicinity_core::condition::field::Field;
use vicinity_core::name::fold;
use vicinity_core::{Filter, ItemGroup, ItemGroups, QueryPart};
use vicinity_engine::{Job, Severity};

/// The most groups of a library.
const MAX_GROUPS: usize = 500;

impl App {
    pub(super) fn group_action(&mut self, action: GroupAction) {
        match action {
            GroupAction::Keep => self.keep_selection(),
        }
    }

    pub(super) fn group_command(&mut self, command: GroupCommand) {
        match command {
            GroupCommand::Select(name, mode) => {
                let library = self.state.library();
                let (Some(group), Some(visible)) = (library.groups.all.named(&name), library.visible.clone()) else {
                    return;
                };
                let (items, before) = (Arc::clone(group.items()), Arc::clone(&library.selection));
                self.select_found(true, move || before.combined(visible_items(&items, &visible), mode));
            }
            GroupCommand::ToggleFilter(name) => {
                let filter = self.state.library().query.filter.clone();
                let is_on = filter.chosen_values(Field::Group).iter().any(|chosen| is_name(chosen, &name));
                self.set_filter(with_group(&filter, &name, (!is_on).then_some(&name)));
            }
            GroupCommand::FindSimilar(name) => {
                if let Some(group) = self.state.library().groups.all.named(&name) {
                    let (part, label) = (QueryPart::Items(Arc::clone(group.items())), group.name().to_string());
                    self.search_by(part, label);
                }
            }
            GroupCommand::AddSelection(name) => self.change_items(&name, true),
            GroupCommand::RemoveSelection(name) => self.change_items(&name, false),
            GroupCommand::EditName(name) => self.state.library_mut().groups.renamed = name,
            GroupCommand::Rename { from, to } => self.rename_group(&from, &to),
            GroupCommand::CopyPaths(name) => {
                if let Some(group) = self.state.library().groups.all.named(&name) {
                    let items = Arc::clone(group.items());
                    self.copy_paths(&items);
                }
            }
            GroupCommand::Delete(name) => self.delete_group(&name),
        }
    }

    fn keep_selection(&mut self) {
        let library = self.state.library();
        if library.groups.all.all().len() >= MAX_GROUPS {
            return self.notice(Severity::Warning, format!("A library has at most {MAX_GROUPS} groups"));
        }
        let (name, selection) = (library.groups.all.free_name(), Arc::clone(&library.selection));
        self.make_group(selection.items.len(), true, move || ItemGroup::new(&name, selection.items.clone()));
    }

    /// Adds the selection to a group, or takes it out.
    fn change_items(&mut self, name: &str, adds: bool) {
        let library = self.state.library();
        let (Some(group), selection) = (library.groups.all.named(name).cloned(), Arc::clone(&library.selection)) else {
            return;
        };
        self.make_group(group.items().len() + selection.items.len(), false, move || {
            let kept = group.items().iter().copied().filter(|id| adds || !selection.set.contains(id));
            let added = if adds { &selection.items[..] } else { &[] };
            ItemGroup::new(group.name(), kept.chain(added.iter().copied()).collect())
        });
    }

    /// Makes a group of about so many items, if they are many on another thread.
    fn make_group(&mut self, items: usize, is_new: bool, make: impl FnOnce() -> ItemGroup + Send + 'static) {
        if items <= FOUND_IN_FRAME {
            return self.group_made(self.attempt, make(), is_new);
        }
        let attempt = self.attempt;
        self.spawn("group", Message::Failed, move |messages| {
            messages.send(Message::GroupMade { attempt, group: make(), is_new });
        });
    }

    /// A group was made, or has other items, for the library that was opened with this number.
    pub(super) fn group_made(&mut self, attempt: u64, group: ItemGroup, is_new: bool) {
        let groups = Arc::clone(&self.state.library().groups.all);
        // Another one may have been made meanwhile.
        let is_taken = is_new && groups.named(group.name()).is_some();
        let group = if is_taken { ItemGroup::new(&groups.free_name(), group.items().to_vec()) } else { group };
        let is_gone = !is_new && groups.named(group.name()).is_none();
        if attempt != self.attempt || is_gone || groups.named(group.name()) == Some(&group) {
            return;
        }
        self.record_step();
        let name = Arc::clone(group.name());
        let text = format!("Group “{name}”: {}", format::count(group.items().len() as u64, "item"));
        self.set_groups((*groups).clone().with(group));
        self.notice(Severity::Info, text);
        if is_new {
            self.state.preferences.left_open = true;
            self.state.library_mut().groups.renamed = Some(name);
        }
    }

    fn rename_group(&mut self, from: &Arc<str>, to: &str) {
        let groups = (*self.state.library().groups.all).clone();
        // Escape has ended the editing, or it was ended twice.
        if groups.named(from).is_none() || self.state.library().groups.renamed.as_ref() != Some(from) {
            return;
        }
        match groups.renamed(from, to) {
            Ok(groups) if groups == *self.state.library().groups.all => self.state.library_mut().groups.renamed = None,
            Ok(groups) => {
                self.record_step();
                self.state.library_mut().groups.renamed = None;
                let before = Arc::clone(&self.state.library().groups.all);
                let at = before.all().iter().position(|group| group.name() == from);
                let name = at.and_then(|at| groups.all().get(at)).map(|group| Arc::clone(group.name()));
                self.set_groups(groups);
                self.replace_in_filter(from, name.as_ref());
            }
            Err(error) => self.notice(Severity::Warning, format::capital(&error.to_string())),
        }
    }

    fn delete_group(&mut self, name: &Arc<str>) {
        let groups = Arc::clone(&self.state.library().groups.all);
        if groups.named(name).is_none() {
            return;
        }
        self.record_step();
        self.set_groups((*groups).clone().without(name));
        self.replace_in_filter(name, None);
        self.notice(Severity::Info, format!("Group “{name}” deleted; its items are kept"));
    }

    /// The filter follows a group that has another name, or has gone.
    fn replace_in_filter(&mut self, from: &str, to: Option<&Arc<str>>) {
        let filter = &self.state.library().query.filter;
        if filter.chosen_values(Field::Group).iter().any(|chosen| is_name(chosen, from)) {
            let filter = with_group(filter, from, to);
            self.state.library_mut().query.filter = filter;
            self.search_now();
        }
    }

    fn set_groups(&mut self, groups: ItemGroups) {
        self.state.library_mut().groups.all = Arc::new(groups);
        self.store_groups();
    }

    /// Stores the groups as they are now, and shows the collection with them.
    pub(super) fn store_groups(&mut self) {
        let library = self.state.library_mut();
        let groups = Arc::clone(&library.groups.all);
        if library.groups.renamed.as_ref().is_some_and(|name| groups.named(name).is_none()) {
            library.groups.renamed = None;
        }
        if let Some(snapshot) = &library.snapshot {
            library.snapshot = Some(Arc::new(snapshot.with_groups(Arc::clone(&groups))));
        }
        self.submit(Job::StoreGroups(groups));
    }

    /// A snapshot of the engine with the groups that the window shows: those may be newer. The first one brings them.
    pub(super) fn with_own_groups(&mut self, snapshot: Arc<Snapshot>) -> Arc<Snapshot> {
        let library = self.state.library_mut();
        if library.snapshot.is_none() {
            library.groups.all = Arc::clone(snapshot.groups());
        }
        let groups = &library.groups.all;
        if Arc::ptr_eq(snapshot.groups(), groups) {
            return snapshot;
        }
        Arc::new(snapshot.with_groups(Arc::clone(groups)))
    }

    /// Counts the visible items of each group; those of many items on another thread.
    pub(super) fn count_groups(&mut self) {
        let library = self.state.library_mut();
        let Some(visible) = library.visible.clone() else { return };
        let request = GroupCountRequest { groups: Arc::clone(&library.groups.all), visible };
        if self.group_count_request.as_ref().is_some_and(|latest| latest.is_same(&request)) {
            return;
        }
        self.group_count_request = Some(request.clone());
        let items: usize = request.groups.all().iter().map(|group| group.items().len()).sum();
        if items <= FOUND_IN_FRAME {
            library.groups.counts = Arc::new(visible_counts(&request.groups, &request.visible));
            return;
        }
        self.spawn("count-groups", Message::Failed, move |messages| {
            let counts = visible_counts(&request.groups, &request.visible);
            messages.send(Message::GroupCounts(request, counts));
        });
    }

    /// The visible items of each group have been counted.
    pub(super) fn groups_counted(&mut self, request: &GroupCountRequest, counts: Vec<usize>) {
        if self.group_count_request.as_ref().is_some_and(|latest| latest.is_same(request)) {
            self.state.library_mut().groups.counts = Arc::new(counts);
        }
    }
}

fn is_name(a: &str, b: &str) -> bool {
    fold(a.trim()) == fold(b.trim())
}

/// The filter with another group in place of one, or without it.
fn with_group(filter: &Filter, from: &str, to: Option<&Arc<str>>) -> Filter {
    let chosen = filter.chosen_values(Field::Group);
    let others = chosen.into_iter().filter(|chosen| !is_name(chosen, from));
    let values: Vec<&str> = others.chain(to.map(|name| &**name)).collect();
    filter.with_values(Field::Group, &values)
}
