//! The map's commands. What moves its camera is handed on to the map.

use std::sync::Arc;

use super::window::App;
use crate::context::commands::{MapAction, MapCommand};
use crate::context::{ColourBy, MapTool};
use vicinity_core::{Layout, LayoutMethod, MapQuality, Stage};
use vicinity_engine::Job;

/// Maps of up to so many items are measured without a request: it takes seconds.
const MEASURED_UNASKED: usize = 50_000;

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

    /// Measures a map that rests, unless that takes long and nobody has asked for it.
    pub(super) fn measure_small_map(&mut self) {
        let rests = self.state.library().progress.stage == Stage::Idle && !self.state.library().adding;
        if rests && self.state.library().layout.as_ref().is_some_and(|map| map.positions.len() <= MEASURED_UNASKED) {
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
        library.measuring_map = !library.layout.as_ref().is_none_or(|layout| quality.belongs_to(layout));
        library.map_quality = Some(quality);
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
            MapCommand::MeasureQuality => self.measure_map(),
            MapCommand::CancelLayout => self.submit(Job::CancelLayout),
        }
    }
}
