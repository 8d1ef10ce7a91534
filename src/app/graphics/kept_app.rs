//! The app, kept while its graphics are set up again.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Instant;

use eframe::{CreationContext, Frame, Storage};
use egui::{Context, RawInput, Ui, ViewportCommand, Visuals};

use super::super::errors;
use super::super::frame::clear_color;
use super::super::window::{App, AppConfig};
use super::adapters::{Chosen, Graphics};
use crate::ui::style;
use vicinity_engine::Severity;

/// An [`App`] that outlives its window: if the graphics device is lost, the window closes, and another shows the same app.
#[derive(Clone)]
pub struct KeptApp {
    stage: Rc<RefCell<Stage>>,
    windows: Rc<Cell<usize>>,
    /// The clock of all its windows.
    started: Instant,
    graphics: Graphics,
}

enum Stage {
    NotStarted(Box<AppConfig>),
    Running(Box<App>),
    Ended,
}

impl KeptApp {
    /// An app that will start with `config`.
    pub fn new(config: AppConfig, graphics: Graphics) -> Self {
        Self {
            stage: Rc::new(RefCell::new(Stage::NotStarted(Box::new(config)))),
            windows: Rc::default(),
            started: Instant::now(),
            graphics,
        }
    }

    /// The context of the app, if it is running: after its window was closed, it waits for another.
    pub fn running(&self) -> Option<Context> {
        match &*self.stage.borrow() {
            Stage::Running(app) => Some(app.ctx.clone()),
            Stage::NotStarted(_) | Stage::Ended => None,
        }
    }

    /// Number of windows it was shown in so far.
    pub fn windows(&self) -> usize {
        self.windows.get()
    }

    /// Shows the app in a window that was just created; starts it if that is the first.
    pub fn show(self, cc: &CreationContext<'_>) -> Self {
        if let Some(state) = &cc.wgpu_render_state {
            self.graphics.watch(state, &cc.egui_ctx);
        }
        self.stage.replace_with(|stage| match std::mem::replace(stage, Stage::Ended) {
            Stage::NotStarted(config) => Stage::Running(Box::new(App::new(cc, *config))),
            Stage::Running(mut app) => {
                app.replace_graphics(cc);
                Stage::Running(app)
            }
            Stage::Ended => Stage::Ended,
        });
        self.with(|app| app.show_graphics(self.graphics.chosen()));
        self.windows.set(self.windows.get() + 1);
        self
    }

    /// Ends the app, also if it waits for a window that cannot be opened.
    pub fn end(&self) {
        if let Stage::Running(mut app) = self.stage.replace(Stage::Ended) {
            eframe::App::on_exit(&mut *app);
        }
    }

    fn with(&self, run: impl FnOnce(&mut App)) {
        if let Stage::Running(app) = &mut *self.stage.borrow_mut() {
            run(app);
        }
    }

    /// As [`Self::with`], with a panic of the graphics libraries as a loss: it must not unwind through the window's libraries,
    /// which would be left in the middle of a frame.
    fn guarded(&self, run: impl FnOnce(&mut App)) {
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.with(run))) else { return };
        if !errors::is_graphics_lost() {
            resume_unwind(panic);
        }
        self.graphics.lose("the graphics library could not go on");
    }
}

impl eframe::App for KeptApp {
    fn logic(&mut self, ctx: &Context, frame: &mut Frame) {
        self.graphics.poll();
        if !self.graphics.is_lost() {
            self.guarded(|app| app.logic(ctx, frame));
        }
        if self.graphics.is_lost() {
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut Frame) {
        if !self.graphics.is_lost() {
            self.guarded(|app| app.ui(ui, frame));
        }
    }

    fn raw_input_hook(&mut self, _ctx: &Context, input: &mut RawInput) {
        // A second window would start at 0 again, and whatever waits for a time would wait long.
        input.time = Some(self.started.elapsed().as_secs_f64());
    }

    fn save(&mut self, storage: &mut dyn Storage) {
        self.with(|app| app.save(storage));
    }

    fn on_exit(&mut self) {
        if !self.graphics.is_lost() {
            self.end();
        }
    }

    fn clear_color(&self, visuals: &Visuals) -> [f32; 4] {
        clear_color(visuals)
    }
}

impl App {
    /// Says which adapter draws, and warns if others could not.
    fn show_graphics(&mut self, chosen: Option<Chosen>) {
        let Some(Chosen { name, failed }) = chosen else { return };
        if !failed.is_empty() {
            let text =
                format!("Graphics: {name} is used, because others cannot draw the window ({})", failed.join("; "));
            self.notice(Severity::Warning, text);
        }
        self.state.view.graphics = Some(name);
    }

    /// Uploads everything that was on the previous graphics device, or asks for it again.
    fn replace_graphics(&mut self, cc: &eframe::CreationContext<'_>) {
        style::install(&self.ctx);
        self.shell.set_render_state(cc.wgpu_render_state.as_ref());
        self.textures.clear();
        self.title.clear();
        let library = self.state.library_mut();
        library.thumbnails.clear();
        library.previews.clear();
        library.query.chips.iter_mut().for_each(|chip| chip.texture = None);
        self.history.forget_textures();
        self.navigation.forget_textures();
        let shown = [self.state.library().preview, self.state.library().selection.focus()];
        shown.into_iter().flatten().for_each(|item| self.request_preview(item));
        self.refresh_chips();
        self.notice(Severity::Info, "The graphics device was lost, so the window was opened again");
    }
}
