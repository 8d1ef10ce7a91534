//! Commands about the map.

use egui::Key;

use super::{actions, plain, unless, with_items};
use crate::context::{CentralView, ColourBy, FilterDisplay, LegendKey, MapTool, State};

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
    /// What a drag on the map does.
    SetTool(MapTool),
    /// Fade or hide what the filter excludes.
    SetFilterDisplay(FilterDisplay),
    /// Bring what the filter lets through into view.
    FitFilter,
    /// Find out how well the map keeps neighbours, where that is not known.
    MeasureQuality,
    /// Stop computing a better map; the current one stays.
    CancelLayout,
}

fn map_shown(state: &State) -> Option<&'static str> {
    let shown = state.library().layout.is_some() && state.preferences.central_view == CentralView::Map;
    unless(shown, "Show the map first")
}
