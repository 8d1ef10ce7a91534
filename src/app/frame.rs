//! The order of a frame, as eframe drives it.

use super::errors;
use super::window::App;
use crate::context::{Ctx, ThemeChoice};

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.receive_messages();
        self.receive_events();
        self.receive_models();
        self.refresh_network();
        self.check_for_updates();
        let library = self.state.library_mut();
        if self.textures.upload(ctx, &mut library.thumbnails, &mut library.small_pictures) {
            ctx.request_repaint();
        }
        self.search_when_due();
        self.follow_filter();
        self.update_axes();
        self.count_labels();
        self.count_clusters();
        self.count_groups();
        self.follow_place();
        self.measure_graph();
        self.update_gallery();
        self.suggest_when_idle();
        self.state.view.can_undo = self.history.can();
        self.set_title();
        self.set_theme();
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        errors::started();
        self.shell.show(ui, &Ctx { state: &self.state, commands: &self.commands });
        self.run_background_work();
        self.apply_commands();
        self.follow_pointer();
        self.request_thumbnails();
    }

    fn save(&mut self, _storage: &mut dyn eframe::Storage) {
        self.save_preferences();
    }

    fn on_exit(&mut self) {
        self.remember_library();
        self.save_preferences();
        self.backend = None;
        self.model_list_worker = None;
        if let Some(runtime) = self.runtime.take() {
            // A request whose answer is no longer needed does not delay the end.
            runtime.shutdown_background();
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        clear_color(visuals)
    }
}

/// What is seen where nothing is drawn.
pub fn clear_color(visuals: &egui::Visuals) -> [f32; 4] {
    visuals.panel_fill.to_normalized_gamma_f32()
}

impl App {
    fn set_title(&mut self) {
        let title = match &self.state.library {
            Some(library) => format!("{} – Vicinity", library.name),
            None => "Vicinity".to_owned(),
        };
        if title != self.title {
            self.ctx.send_viewport_cmd(egui::ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }

    fn set_theme(&self) {
        let theme = match self.state.theme() {
            ThemeChoice::System => egui::ThemePreference::System,
            ThemeChoice::Light => egui::ThemePreference::Light,
            ThemeChoice::Dark => egui::ThemePreference::Dark,
        };
        if self.ctx.options(|options| options.theme_preference) != theme {
            self.ctx.set_theme(theme);
            // This frame began with the style of the previous theme.
            self.ctx.request_repaint();
        }
    }
}
