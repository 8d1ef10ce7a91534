//! The map's commands. What moves its camera is handed on to the map.

use super::window::App;
use crate::context::commands::{MapAction, MapCommand};
use crate::context::{ColourBy, MapTool};
use vicinity_core::LayoutMethod;
use vicinity_engine::Job;

impl App {
    pub(super) fn map_action(&mut self, action: MapAction) {
        match action {
            MapAction::Fit | MapAction::ZoomIn | MapAction::ZoomOut => self.shell.map_action(action),
            MapAction::ToggleLasso => {
                let tool = &mut self.state.library_mut().map_tool;
                *tool = if *tool == MapTool::Lasso { MapTool::Pan } else { MapTool::Lasso };
            }
            MapAction::RecomputeLayout => self.submit(Job::ComputeLayout(LayoutMethod::Umap)),
        }
    }

    pub(super) fn map_command(&mut self, command: MapCommand) {
        match command {
            MapCommand::SetColourBy(colour_by) => self.state.preferences.colour_by = colour_by,
            MapCommand::ColourByColumn(column) => {
                self.state.preferences.colour_by = ColourBy::Column;
                self.state.preferences.colour_column = column;
            }
            MapCommand::ToggleLegend(entry) => {
                let hidden = &mut self.state.library_mut().hidden_legend;
                if !hidden.remove(&entry) {
                    hidden.insert(entry);
                }
            }
            MapCommand::SetTool(tool) => self.state.library_mut().map_tool = tool,
            MapCommand::SetFilterDisplay(display) => {
                self.state.preferences.filter_display = display;
                self.save_preferences();
            }
            MapCommand::FitFilter => self.shell.fit_filter(),
            MapCommand::CancelLayout => self.submit(Job::CancelLayout),
        }
    }
}
