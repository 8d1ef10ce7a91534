//! What is left of the state once a library is closed: nothing of that library.

use super::labels::LabelState;
use super::state::{Dialog, GalleryState, State};

impl State {
    /// Leaves nothing of the open library. Every field is named here, so that a new one has to be decided about.
    pub fn close_library(&mut self) {
        let Self {
            // Of the library: gone.
            library: _,
            snapshot: _,
            visible: _,
            layout: _,
            layout_progress: _,
            progress: _,
            failures: _,
            skipped: _,
            unfinished: _,
            import: _,
            query: _,
            selection: _,
            hover: _,
            neighbours: _,
            suggestions: _,
            adding: _,
            preview: _,
            previews: _,
            hidden_legend: _,
            map_tool: _,
            right_tab: _,
            thumbnails: _,
            notices: _,
            folders: _,
            dropped: _,
            can_undo: _,
            model: _,
            model_title: _,
            device_title: _,
            model_state: _,
            // Partly.
            labels: LabelState { set, focus_scores: _, query_part: _, query_scores: _, applied: _ },
            gallery: GalleryState { listing: _, sort, pinned: _, focus_find },
            services,
            mut floating,
            // Of the user, the program, the window: stays.
            colour_by,
            filter_display,
            central_view,
            left_open,
            right_open,
            theme,
            reduce_motion,
            recents,
            now,
            focus_search,
            gallery_height,
            narrow,
            path_request,
            running,
            devices,
            model_list,
            speeds,
            default_model,
            first_start,
            network,
            updates,
            update_host,
        } = std::mem::take(self);
        floating.retain(|window| !window.is_of_library());
        *self = Self {
            labels: LabelState { set, ..LabelState::default() },
            gallery: GalleryState { sort, focus_find, ..GalleryState::default() },
            services: services.without_library(),
            floating,
            colour_by,
            filter_display,
            central_view,
            left_open,
            right_open,
            theme,
            reduce_motion,
            recents,
            now,
            focus_search,
            gallery_height,
            narrow,
            path_request,
            running,
            devices,
            model_list,
            speeds,
            default_model,
            first_start,
            network,
            updates,
            update_host,
            ..Self::default()
        };
    }
}

impl Dialog {
    /// Whether it shows something of the open library.
    fn is_of_library(self) -> bool {
        match self {
            Self::Failures | Self::Import | Self::Labels => true,
            Self::Services
            | Self::Palette
            | Self::Shortcuts
            | Self::Settings
            | Self::Models
            | Self::About
            | Self::Path => false,
        }
    }
}
