//! The switch between fading and hiding what the filter excludes, and what a search does not find.

use egui::Ui;

use crate::context::commands::MapCommand;
use crate::context::{Ctx, FilterDisplay};
use crate::ui::widgets::buttons;

/// The choices, in the order of the switch.
const CHOICES: [(FilterDisplay, &str); 2] =
    [(FilterDisplay::Highlight, "Highlight"), (FilterDisplay::Filter, "Filter")];

/// Whether a search has matches, so that the rest can be faded or hidden.
pub fn has_matches(cx: &Ctx<'_>) -> bool {
    cx.state.current_result().is_some_and(|result| !result.matching().is_empty())
}

/// Whether there is anything to fade or hide on the map.
pub fn is_of_use(cx: &Ctx<'_>) -> bool {
    !cx.state.library().query.filter.is_empty() || has_matches(cx)
}

/// Draws it.
pub fn show(ui: &mut Ui, cx: &Ctx<'_>) {
    let selected = CHOICES.iter().position(|(display, _)| *display == cx.state.preferences.filter_display).unwrap_or(0);
    if let Some(clicked) = buttons::segments(ui, &CHOICES.map(|(_, name)| name), selected) {
        cx.send(MapCommand::SetFilterDisplay(CHOICES[clicked].0));
    }
}
