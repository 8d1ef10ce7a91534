//! Dialog to type or paste a path, for systems without a file dialog and for people who have a path at hand.

use egui::{Key, TextEdit, Ui, vec2};

use super::dialog_window;
use crate::context::commands::{CollectionCommand, PathPurpose, ViewCommand};
use crate::context::{Ctx, Dialog};
use crate::ui::theme::{SPACE, Theme};
use crate::ui::widgets::{buttons, note};

/// State of the dialog while it is open.
#[derive(Default)]
pub struct PathDialog {
    text: String,
    purpose: Option<PathPurpose>,
}

impl PathDialog {
    /// Draws the dialog if it is open.
    pub fn show(&mut self, ui: &Ui, ctx: &Ctx<'_>) {
        let request = ctx.state.view.path_request.as_ref().filter(|_| ctx.state.is_dialog_open(Dialog::Path));
        let Some(request) = request else {
            *self = Self::default();
            return;
        };
        let opened = self.purpose != Some(request.purpose);
        if opened {
            *self = Self { text: String::new(), purpose: Some(request.purpose) };
        }
        let stays_open = dialog_window(ui, Dialog::Path, title(request.purpose), vec2(440.0, 120.0), |ui| {
            self.contents(ui, ctx, request.purpose, request.error.as_deref(), opened);
        });
        if !stays_open {
            ctx.send(ViewCommand::ShowDialog(Dialog::Path, false));
        }
    }

    fn contents(&mut self, ui: &mut Ui, ctx: &Ctx<'_>, purpose: PathPurpose, error: Option<&str>, opened: bool) {
        let theme = Theme::of(ui.ctx());
        ui.set_width(440.0_f32.min(ui.ctx().content_rect().width() - 2.0 * SPACE[4]));
        let (text, action) = prompt(purpose);
        note(ui, text, theme.text2);
        ui.add_space(SPACE[0]);
        let field = TextEdit::singleline(&mut self.text).desired_width(f32::INFINITY).char_limit(8_000);
        let field = ui.add(field).accessible_name("Path");
        if opened {
            field.request_focus();
        }
        if let Some(why) = error {
            note(ui, why, theme.error);
        }
        ui.add_space(SPACE[1]);
        let ready = !self.text.trim().is_empty();
        let clicked = ui.add_enabled_ui(ready, |ui| buttons::primary(ui, action)).inner.clicked();
        let entered = field.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
        if ready && (clicked || entered) {
            ctx.send(CollectionCommand::SubmitPath(purpose, self.text.clone()));
            // A wrong path is corrected here.
            field.request_focus();
        }
    }
}

/// Title of the dialog.
fn title(purpose: PathPurpose) -> &'static str {
    match purpose {
        PathPurpose::Export | PathPurpose::ExportSelection => "Export",
        PathPurpose::SaveMap => "Save map",
        PathPurpose::CopyFiles => "Copy files",
        _ => "Open by path",
    }
}

/// The prompt, and the text of the button.
fn prompt(purpose: PathPurpose) -> (&'static str, &'static str) {
    match purpose {
        PathPurpose::AddFolders | PathPurpose::AddFiles => {
            ("Path of a folder, image or text to add, for example ~/Pictures", "Add")
        }
        PathPurpose::OpenLibrary => ("Path of a library folder", "Open library"),
        PathPurpose::Model => ("Path of a model folder", "Use model"),
        PathPurpose::ImportModel => ("Path of a model folder to import", "Import model"),
        PathPurpose::ImportArchive => ("Path of a model archive (zip, tar, tar.gz)", "Import model"),
        PathPurpose::LoadLabels => ("Path of a text file with one label per line", "Load labels"),
        PathPurpose::ExportSelection => {
            ("Path of the file to write: a list (.csv, .parquet), or vectors with a list next to them (.npy)", "Export")
        }
        PathPurpose::CopyFiles => ("Path of the folder to copy the files to", "Copy files"),
        PathPurpose::SaveMap => ("Path of the file to write: an image (.png, .svg) or a web page (.html)", "Save map"),
        PathPurpose::Export => ("Path of the .npy file to write; the list of items is written next to it", "Export"),
    }
}
