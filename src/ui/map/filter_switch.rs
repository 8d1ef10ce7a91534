//! The switch between fading and hiding the points that the filter excludes. Shown while a filter is set.

use egui::Ui;

use crate::context::commands::MapCommand;
use crate::context::{Ctx, FilterDisplay};
use crate::ui::widgets::buttons;

/// The choices, in the order of the switch.
const CHOICES: [(FilterDisplay, &str); 2] =
    [(FilterDisplay::Highlight, "Highlight"), (FilterDisplay::Filter, "Filter")];

/// Draws it among the map's tools.
pub fn show(ui: &mut Ui, cx: &Ctx<'_>) {
    if cx.state.library().query.filter.is_empty() {
        return;
    }
    let selected = CHOICES.iter().position(|(display, _)| *display == cx.state.preferences.filter_display).unwrap_or(0);
    if let Some(clicked) = buttons::segments(ui, &CHOICES.map(|(_, name)| name), selected) {
        cx.send(MapCommand::SetFilterDisplay(CHOICES[clicked].0));
    }
}
