//! Commands about the map.

use egui::Key;

use super::{actions, command_shift, not_exporting, plain, unless, with_items};
use crate::context::selection::SelectMode;
use crate::context::{ColourBy, FilterDisplay, LegendKey, MapTool, State};
use vicinity_core::AxisSource;

actions! {
    /// Actions on the map.
    MapAction {
        /// Show all points.
        Fit("Fit map", "Show all points", [plain(Key::F), plain(Key::Num0)], map_shown);
        /// Closer.
        ZoomIn("Zoom in", "Enlarge the map", [plain(Key::Plus), plain(Key::Equals)], map_shown);
        /// Further.
        ZoomOut("Zoom out", "Shrink the map", [plain(Key::Minus)], map_shown);
        /// Select with a lasso instead of panning.
        ToggleLasso("Lasso", "Select by drawing around points", [plain(Key::L)], map_shown);
        /// Select with a box instead of panning.
        ToggleBox("Box", "Select by drawing a box", [plain(Key::B)], map_shown);
        /// Select what is in view.
        SelectVisible("Select in view", "Select the points that the view shows", [command_shift(Key::A)], map_shown);
        /// What box and lasso enclose replaces the selection.
        ReplaceSelection("Box and lasso replace the selection", ENCLOSED, [], map_shown);
        /// It is added.
        AddToSelection("Box and lasso add to the selection", ENCLOSED, [], map_shown);
        /// It is taken out.
        SubtractFromSelection("Box and lasso subtract from the selection", ENCLOSED, [], map_shown);
        /// Only what is both stays.
        IntersectSelection("Box and lasso intersect the selection", ENCLOSED, [], map_shown);
        /// Write the map to a file.
        SaveMap(
            "Save map…",
            "Write the map as an image (.png, .svg), or as a web page for any browser (.html)",
            [],
            can_save
        );
        /// Compute the neighbour-preserving map again.
        RecomputeLayout("Recompute layout", "Compute the layout of the map again", [], with_items);
    }
}

/// Commands about the map that have a payload.
#[derive(Debug, Clone)]
pub enum MapCommand {
    /// Colour of the points.
    SetColourBy(ColourBy),
    /// Colour the points by a column of tables.
    ColourByColumn(String),
    /// Hide or show one entry of the legend.
    ToggleLegend(LegendKey),
    /// Hide all entries of the legend but one; if it is the only one that is shown, show all. The others are given, too.
    IsolateLegend(LegendKey, Vec<LegendKey>),
    /// What a drag on the map does.
    SetTool(MapTool),
    /// What newly enclosed items do with the selection.
    SetSelectMode(SelectMode),
    /// Fade or hide what the filter excludes and a search does not find.
    SetFilterDisplay(FilterDisplay),
    /// Bring what the filter lets through into view.
    FitFilter,
    /// Find out how well the map keeps neighbours, where that is not known.
    MeasureQuality,
    /// What the horizontal and the vertical axis of the scatter plot measure.
    SetAxes([AxisSource; 2]),
    /// Stop computing a better map; the current one stays.
    CancelLayout,
}

const ENCLOSED: &str =
    "How box, lasso and “Select in view” change the selection; Shift adds, Alt subtracts, both intersect";
fn can_save(state: &State) -> Option<&'static str> {
    unless(state.library().layout.is_some(), "There is no map yet").or_else(|| not_exporting(state))
}

fn map_shown(state: &State) -> Option<&'static str> {
    let shown = state.library().layout.is_some() && state.preferences.central_view.shows_map();
    unless(shown, "Show the map first")
}
