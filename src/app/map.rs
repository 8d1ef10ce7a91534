//! The map's commands. What moves its camera is handed on to the map.

use std::sync::Arc;

use super::window::App;
use crate::context::commands::{MapAction, MapCommand, PathPurpose};
use crate::context::selection::SelectMode;
use crate::context::{ColourBy, MapTool};
use vicinity_core::{LayoutMethod, MapQuality};
use vicinity_engine::Job;

/// Maps of up to so many items are measured without a request: it takes seconds.
const MEASURED_UNASKED: usize = 50_000;

impl App {
    /// Measures a map that rests, unless that takes long and nobody has asked for it.
    pub(super) fn measure_small_map(&mut self) {
        let library = self.state.library();
        let is_small = library.layout.as_ref().is_some_and(|map| map.positions.len() <= MEASURED_UNASKED);
        if library.rests() && is_small {
            self.measure_map();
        }
    }

    fn measure_map(&mut self) {
        let library = self.state.library();
        let layout = library.layout.as_ref().filter(|layout| layout.method != LayoutMethod::Pca).cloned();
        let Some(layout) = layout else { return };
        if library.map_quality.as_ref().is_some_and(|quality| quality.belongs_to(&layout)) {
            return;
        }
        self.state.library_mut().measuring_map = true;
        self.submit(Job::MeasureMap(layout));
    }

    pub(super) fn map_measured(&mut self, quality: Arc<MapQuality>) {
        let library = self.state.library_mut();
        library.measuring_map = library.layout.as_ref().is_some_and(|layout| !quality.belongs_to(layout));
        library.map_quality = Some(quality);
    }

    /// Has all items compared with their nearest neighbours where points are coloured by that, once nothing is imported.
    pub(super) fn measure_graph(&mut self) {
        if self.state.preferences.colour_by == ColourBy::Preserved && !self.state.library().measuring_map {
            self.measure_map();
        }
        let library = self.state.library();
        let is_wanted = matches!(self.state.preferences.colour_by, ColourBy::Typical | ColourBy::Outlier);
        let snapshot = library.snapshot.as_ref().filter(|snapshot| is_wanted && !snapshot.is_empty());
        let Some(snapshot) = snapshot.filter(|_| library.rests()) else { return };
        let of = (snapshot.epoch(), snapshot.len(), snapshot.dim());
        if self.graph_request != Some(of) {
            self.graph_request = Some(of);
            self.submit(Job::MeasureGraph);
        }
    }

    pub(super) fn map_action(&mut self, action: MapAction) {
        match action {
            MapAction::Fit | MapAction::ZoomIn | MapAction::ZoomOut | MapAction::SelectVisible => {
                self.shell.map_action(action);
            }
            MapAction::ToggleLasso => self.toggle_tool(MapTool::Lasso),
            MapAction::ToggleBox => self.toggle_tool(MapTool::Box),
            MapAction::ReplaceSelection => self.state.library_mut().select_mode = SelectMode::Replace,
            MapAction::AddToSelection => self.state.library_mut().select_mode = SelectMode::Add,
            MapAction::SubtractFromSelection => self.state.library_mut().select_mode = SelectMode::Subtract,
            MapAction::IntersectSelection => self.state.library_mut().select_mode = SelectMode::Intersect,
            MapAction::SaveMap => self.file_dialog(PathPurpose::SaveMap),
            MapAction::RecomputeLayout => self.submit(Job::ComputeLayout(LayoutMethod::Umap)),
        }
    }

    fn toggle_tool(&mut self, tool: MapTool) {
        let is_on = self.state.library().map_tool == tool;
        self.set_tool(if is_on { MapTool::Pan } else { tool });
    }

    /// A tool starts with a new selection.
    pub(super) fn set_tool(&mut self, tool: MapTool) {
        let library = self.state.library_mut();
        (library.map_tool, library.select_mode) = (tool, SelectMode::default());
    }

    fn set_colours(&mut self, by: ColourBy, column: String) {
        let preferences = &self.state.preferences;
        if (preferences.colour_by, &preferences.colour_column) != (by, &column) {
            self.record_step();
            (self.state.preferences.colour_by, self.state.preferences.colour_column) = (by, column);
        }
    }

    pub(super) fn map_command(&mut self, command: MapCommand) {
        match command {
            MapCommand::SetColourBy(colour_by) => {
                let column = self.state.preferences.colour_column.clone();
                self.set_colours(colour_by, column);
            }
            MapCommand::ColourByColumn(column) => self.set_colours(ColourBy::Column, column),
            MapCommand::ToggleLegend(entry) => {
                self.record_step();
                let hidden = &mut self.state.library_mut().hidden_legend;
                if !hidden.remove(&entry) {
                    hidden.insert(entry);
                }
            }
            MapCommand::IsolateLegend(entry, others) => {
                self.record_step();
                let hidden = &mut self.state.library_mut().hidden_legend;
                let alone = others.iter().all(|other| hidden.contains(other));
                hidden.remove(&entry);
                for other in others {
                    if alone {
                        hidden.remove(&other);
                    } else {
                        hidden.insert(other);
                    }
                }
            }
            MapCommand::SetTool(tool) => self.set_tool(tool),
            MapCommand::SetSelectMode(mode) => self.state.library_mut().select_mode = mode,
            MapCommand::SetFilterDisplay(display) => {
                if display != self.state.preferences.filter_display {
                    self.record_step();
                    self.state.preferences.filter_display = display;
                    self.save_preferences();
                }
            }
            MapCommand::FitFilter => self.shell.fit_filter(),
            MapCommand::MeasureQuality => self.measure_map(),
            MapCommand::SetAxes(axes) => self.set_axes(axes),
            MapCommand::CancelLayout => self.submit(Job::CancelLayout),
        }
    }
}
