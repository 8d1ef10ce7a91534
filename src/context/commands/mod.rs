//! Everything a user can ask for, by area. Menus, palette, buttons and keys all send the same commands.
//!
//! An *action* has no payload: menus, the palette and the keyboard offer it, with the text, tooltip, keys and
//! availability of its row in its area's file. A *command* has one. What both do is in the file of `app` with the
//! same name.

mod clusters;
mod collection;
mod groups;
mod items;
mod map;
mod models;
mod search;
mod sender;
mod services;
mod view;

use egui::{Key, KeyboardShortcut, Modifiers};

use super::state::State;

pub use crate::context::view::PathPurpose;
pub use clusters::{ClusterAction, ClusterCommand};
pub use collection::{CollectionAction, CollectionCommand, DropTarget};
pub use groups::{GroupAction, GroupCommand};
pub use items::{ItemAction, ItemCommand};
pub use map::{MapAction, MapCommand};
pub use models::{ModelAction, ModelCommand};
pub use search::{SearchAction, SearchCommand, SearchTiming};
pub use sender::CommandSender;
pub use services::{ServiceAction, ServiceCommand};
pub use view::{ViewAction, ViewCommand};

/// What the user reads about an action.
#[derive(Debug, Clone, Copy)]
pub struct ActionInfo {
    /// Sentence case; `…` where it asks for more.
    pub text: &'static str,
    /// One line more.
    pub tooltip: &'static str,
    /// All keys that send it, the one to show first.
    pub keys: &'static [KeyboardShortcut],
}

/// Declares the actions of one area. A row: name, text, tooltip, keys, and why it is unavailable in a state, if it is.
macro_rules! actions {
    ($(#[$doc:meta])* $area:ident {
        $($(#[$about:meta])* $name:ident($text:literal, $tooltip:expr, [$($key:expr),*], $unavailable:expr);)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $area {
            $($(#[$about])* $name,)*
        }

        impl $area {
            /// All of them, in the order of the palette.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// What the user reads about it.
            pub const fn info(self) -> crate::context::commands::ActionInfo {
                let (text, tooltip, keys): (_, _, &'static [egui::KeyboardShortcut]) = match self {
                    $(Self::$name => ($text, $tooltip, const { &[$($key),*] }),)*
                };
                crate::context::commands::ActionInfo { text, tooltip, keys }
            }

            /// Why it cannot be done now, as a sentence for its tooltip; `None` where it can.
            pub fn unavailable(self, state: &crate::context::State) -> Option<&'static str> {
                let check: fn(&crate::context::State) -> Option<&'static str> = match self {
                    $(Self::$name => $unavailable,)*
                };
                check(state)
            }
        }
    };
}
use actions;

/// The areas: an action and a command of each.
macro_rules! areas {
    ($($(#[$about:meta])* $area:ident: $action:ident, $command:ident;)*) => {
        /// Something without payload: an entry of menus and the palette.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$about])* $area($action),)*
        }

        /// Anything that can be asked for.
        #[derive(Debug, Clone)]
        pub enum Command {
            /// Without payload.
            Action(Action),
            $($(#[$about])* $area($command),)*
        }

        impl Action {
            /// All of them, in the order of the palette.
            pub fn all() -> impl Iterator<Item = Self> {
                std::iter::empty()$(.chain($action::ALL.iter().copied().map(Self::$area)))*
            }

            /// What the user reads about it.
            pub const fn info(self) -> ActionInfo {
                match self {
                    $(Self::$area(action) => action.info(),)*
                }
            }

            /// Why it cannot be done now, as a sentence for its tooltip; `None` where it can.
            pub fn unavailable(self, state: &State) -> Option<&'static str> {
                match self {
                    $(Self::$area(action) => action.unavailable(state),)*
                }
            }
        }

        impl From<Action> for Command {
            fn from(action: Action) -> Self {
                Self::Action(action)
            }
        }

        $(
            impl From<$action> for Action {
                fn from(action: $action) -> Self {
                    Self::$area(action)
                }
            }

            impl From<$action> for Command {
                fn from(action: $action) -> Self {
                    Self::Action(Action::$area(action))
                }
            }

            impl From<$command> for Command {
                fn from(command: $command) -> Self {
                    Self::$area(command)
                }
            }
        )*
    };
}

areas! {
    /// The query, and what narrows it.
    Search: SearchAction, SearchCommand;
    /// Folders, files, import, libraries.
    Collection: CollectionAction, CollectionCommand;
    /// The window: panels, dialogs, theme, undo.
    View: ViewAction, ViewCommand;
    /// The map.
    Map: MapAction, MapCommand;
    /// The clusters of the map.
    Clusters: ClusterAction, ClusterCommand;
    /// Selected items, and their labels.
    Items: ItemAction, ItemCommand;
    /// Items that are kept under names.
    Groups: GroupAction, GroupCommand;
    /// Models, and the devices that they run on.
    Models: ModelAction, ModelCommand;
    /// Embedding services.
    Services: ServiceAction, ServiceCommand;
}

const fn plain(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

const fn command(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn alt(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::ALT, key)
}

const fn command_shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key)
}

/// Available always.
fn always(_: &State) -> Option<&'static str> {
    None
}

/// Available while a library is open or being opened.
fn with_library(state: &State) -> Option<&'static str> {
    unless(state.has_library(), "Open a folder or a library first")
}

/// Available while the collection has items.
fn with_items(state: &State) -> Option<&'static str> {
    let items = state.library().snapshot.as_ref().is_some_and(|snapshot| !snapshot.is_empty());
    with_library(state).or(unless(items, "The collection is empty"))
}

/// Available while something is selected.
fn with_selection(state: &State) -> Option<&'static str> {
    unless(!state.library().selection.items.is_empty(), "Select an item first")
}

/// Available while nothing else is being exported.
fn not_exporting(state: &State) -> Option<&'static str> {
    unless(state.library().export.is_none(), "Wait until the export is complete")
}

fn unless(possible: bool, why: &'static str) -> Option<&'static str> {
    (!possible).then_some(why)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_actions_share_a_name_or_a_key() {
        let names: HashSet<_> = Action::all().map(|action| action.info().text).collect();
        assert_eq!(names.len(), Action::all().count());
        let keys: Vec<_> = Action::all().flat_map(|action| action.info().keys).collect();
        for (i, a) in keys.iter().enumerate() {
            assert!(!keys[i + 1..].contains(a), "{a:?} is taken twice");
        }
    }
}
