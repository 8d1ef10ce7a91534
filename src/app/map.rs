//! The map's commands. What moves its camera is handed on to the map.

use std::sync::Arc;

use super::window::App;
use crate::context::commands::{MapAction, MapCommand};
use crate::context::{ColourBy, MapTool};
use vicinity_core::{Layout, LayoutMethod, Stage};
use vicinity_engine::Job;

impl App {
    /// Has the clusters of the map found, once it rests.
    pub(super) fn find_clusters(&mut self) {
        let library = self.state.library();
        let rests = library.progress.stage == Stage::Idle && !library.adding;
        let layout = library.layout.as_ref().filter(|layout| rests && layout.method != LayoutMethod::Pca);
        let known = |layout: &&Arc<Layout>| library.clusters.as_ref().is_some_and(|found| found.belong_to(layout));
        if let Some(layout) = layout.filter(|layout| !known(layout)).cloned() {
            self.submit(Job::FindClusters(layout));
        }
    }

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
