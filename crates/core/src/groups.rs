//! Groups of items that people keep under names.

use std::sync::Arc;

use thiserror::Error;

use super::item::ItemId;
use super::name::{fold, one_line};

/// The most characters of a group's name.
pub const MAX_NAME: usize = 80;

/// Items kept under a name. Holds its items once, however many copies there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemGroup {
    name: Arc<str>,
    items: Arc<[ItemId]>,
}

/// Why a group cannot have a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GroupNameError {
    /// It consists of spaces.
    #[error("a group needs a name")]
    Empty,
    /// It is too long.
    #[error("the name of a group has at most {MAX_NAME} characters")]
    TooLong,
    /// Another group has it, in whatever case.
    #[error("there is already a group “{0}”")]
    Taken(String),
}

impl ItemGroup {
    /// Takes items in any order; each counts once.
    pub fn new(name: &str, mut items: Vec<ItemId>) -> Self {
        items.sort_unstable();
        items.dedup();
        Self { name: name.into(), items: items.into() }
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its items, ascending. Some of them may have left the collection.
    pub fn items(&self) -> &Arc<[ItemId]> {
        &self.items
    }

    /// Whether an item is in it.
    pub fn contains(&self, id: ItemId) -> bool {
        self.items.binary_search(&id).is_ok()
    }
}

/// All groups of a library, in the order in which they were made. No two have the same name, whatever its case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemGroups(Vec<ItemGroup>);

impl ItemGroups {
    /// Takes groups in order; one whose name another has replaces that one.
    pub fn new(groups: impl IntoIterator<Item = ItemGroup>) -> Self {
        groups.into_iter().fold(Self::default(), |all, group| all.with(group))
    }

    /// All groups.
    pub fn all(&self) -> &[ItemGroup] {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The group of that name, regardless of case.
    pub fn named(&self, name: &str) -> Option<&ItemGroup> {
        self.place(name).and_then(|at| self.0.get(at))
    }

    fn place(&self, name: &str) -> Option<usize> {
        let name = fold(name.trim());
        self.0.iter().position(|group| fold(&group.name) == name)
    }

    /// The first of `Group 1`, `Group 2` and so on that no group has.
    pub fn free_name(&self) -> String {
        let names = (1..=self.0.len() + 1).map(|number| format!("Group {number}"));
        names.into_iter().find(|name| self.named(name).is_none()).unwrap_or_default()
    }

    /// The same groups and one more; a group of the same name is replaced where it is.
    #[must_use]
    pub fn with(mut self, group: ItemGroup) -> Self {
        match self.place(&group.name) {
            Some(at) => self.0[at] = group,
            None => self.0.push(group),
        }
        self
    }

    /// The same groups without one.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        if let Some(at) = self.place(name) {
            self.0.remove(at);
        }
        self
    }

    /// The same groups, one of them with another name.
    ///
    /// # Errors
    /// If it cannot have that name.
    pub fn renamed(mut self, from: &str, to: &str) -> Result<Self, GroupNameError> {
        let to = one_line(to);
        if to.is_empty() {
            return Err(GroupNameError::Empty);
        }
        if to.chars().count() > MAX_NAME {
            return Err(GroupNameError::TooLong);
        }
        let (at, other) = (self.place(from), self.place(&to));
        if let Some(taken) = other.filter(|other| at != Some(*other)) {
            return Err(GroupNameError::Taken(self.0[taken].name.to_string()));
        }
        if let Some(group) = at.and_then(|at| self.0.get_mut(at)) {
            group.name = to.into();
        }
        Ok(self)
    }

    /// The same groups, without the items of which `keep` returns false.
    #[must_use]
    pub fn retained(self, keep: impl Fn(ItemId) -> bool) -> Self {
        let kept = |group: ItemGroup| match group.items.iter().all(|id| keep(*id)) {
            true => group,
            false => ItemGroup { items: group.items.iter().copied().filter(|id| keep(*id)).collect(), ..group },
        };
        Self(self.0.into_iter().map(kept).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, items: &[u32]) -> ItemGroup {
        ItemGroup::new(name, items.iter().copied().map(ItemId).collect())
    }

    fn names(groups: &ItemGroups) -> Vec<&str> {
        groups.all().iter().map(|group| &**group.name()).collect()
    }

    #[test]
    fn names_are_unique_whatever_their_case() {
        let groups = ItemGroups::new([group("Dogs", &[3, 1, 3]), group("Cats", &[2]), group("dogs", &[7])]);
        assert_eq!(names(&groups), ["dogs", "Cats"], "in the order made");
        assert!(groups.named(" DOGS ").is_some_and(|dogs| dogs.contains(ItemId(7)) && !dogs.contains(ItemId(3))));
        assert_eq!(groups.clone().renamed("cats", "DOGS"), Err(GroupNameError::Taken("dogs".to_owned())));
        assert_eq!(groups.clone().renamed("cats", " \t"), Err(GroupNameError::Empty));
        assert_eq!(groups.clone().renamed("cats", &"x".repeat(81)), Err(GroupNameError::TooLong));
        let renamed = groups.renamed("cats", " Big \n cats").expect("free");
        assert_eq!(names(&renamed), ["dogs", "Big cats"]);
        assert_eq!(names(&renamed.renamed("dogs", "Dogs").expect("its own")), ["Dogs", "Big cats"]);
    }

    #[test]
    fn a_new_group_gets_the_first_free_number() {
        let groups = ItemGroups::new([group("Group 1", &[]), group("x", &[]), group("group 3", &[])]);
        assert_eq!(groups.free_name(), "Group 2");
        assert_eq!(groups.with(group("Group 2", &[])).free_name(), "Group 4");
        assert_eq!(ItemGroups::default().free_name(), "Group 1");
    }

    #[test]
    fn items_that_have_gone_leave_their_groups_and_the_groups_stay() {
        let groups = ItemGroups::new([group("a", &[1, 2, 3]), group("b", &[2])]);
        let left = groups.clone().retained(|id| id.0 != 2);
        assert_eq!(left, ItemGroups::new([group("a", &[1, 3]), group("b", &[])]));
        let same = groups.clone().retained(|_| true);
        assert!(Arc::ptr_eq(same.all()[0].items(), groups.all()[0].items()), "shared where nothing left");
        assert!(groups.without("A").named("a").is_none());
    }
}
