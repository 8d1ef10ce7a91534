//! Dialog with the import settings: what to skip, tables, long texts, text in pictures.

use egui::{ScrollArea, TextEdit, Ui, vec2};

use super::dialog_window;
use super::table_form::TableForm;
use super::text_form::TextForm;
use crate::context::ImportOptions;
use crate::context::LongText;
use crate::context::commands::{CollectionCommand, ViewCommand};
use crate::context::{Ctx, Dialog};
use crate::ui::style::bold;
use crate::ui::theme::{SPACE, Theme, text_size};
use crate::ui::widgets::{self, buttons};

/// State of the form while it is open.
#[derive(Default)]
pub struct ImportForm {
    excludes: String,
    rows: bool,
    pages: bool,
    mean: bool,
    watch: bool,
    text: TextForm,
    tables: TableForm,
    loaded: Option<ImportOptions>,
}

impl ImportForm {
    /// Draws the dialog if it is open.
    pub fn show(&mut self, ui: &Ui, ctx: &Ctx<'_>) {
        if !ctx.state.is_dialog_open(Dialog::Import) {
            self.loaded = None;
            return;
        }
        let Some(options) = &ctx.state.library().import else {
            return ctx.send(ViewCommand::ShowDialog(Dialog::Import, false));
        };
        if self.loaded.as_ref() != Some(options) {
            self.excludes = options.excludes.join("\n");
            self.rows = options.rows;
            self.pages = options.pages;
            self.mean = options.long_text == LongText::Mean;
            self.watch = options.watch;
            self.text = TextForm::of(options.read_text.as_ref());
            self.tables = TableForm::of(&options.tables);
            self.loaded = Some(options.clone());
        }
        let stays_open =
            dialog_window(ui, Dialog::Import, "Import settings", vec2(420.0, 520.0), |ui| self.contents(ui, ctx));
        if !stays_open {
            ctx.send(ViewCommand::ShowDialog(Dialog::Import, false));
        }
    }

    fn contents(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let theme = Theme::of(ui.ctx());
        let head = |ui: &mut Ui, text: &str| {
            ui.label(egui::RichText::new(text).font(bold(text_size::BODY)).color(theme.text1))
        };
        let note = |ui: &mut Ui, text: &str| widgets::note(ui, text, theme.text2);
        head(ui, "Skip");
        note(ui, "File and folder names, one per line; * matches anything. Hidden folders are always skipped.");
        ScrollArea::vertical().max_height(130.0).show(ui, |ui| {
            ui.add(TextEdit::multiline(&mut self.excludes).desired_rows(6).desired_width(f32::INFINITY))
                .accessible_name("Names to skip");
        });
        ui.add_space(SPACE[0]);
        head(ui, "Tables and pages");
        buttons::checkbox(ui, &mut self.rows, "Treat each row of a table as an item");
        self.tables.show(ui);
        buttons::checkbox(ui, &mut self.pages, "Treat pages of TIFF files and frames of animations as items");
        ui.add_space(SPACE[0]);
        head(ui, "Long texts");
        buttons::radio(ui, &mut self.mean, false, "Read only the beginning");
        buttons::radio(ui, &mut self.mean, true, "Read the whole text and average (slower)");
        ui.add_space(SPACE[0]);
        head(ui, "Text in pictures");
        self.text.show(ui, ctx);
        ui.add_space(SPACE[0]);
        head(ui, "Changes");
        buttons::checkbox(ui, &mut self.watch, "Watch folders, and import what is new or changed");
        ui.add_space(SPACE[1]);
        ui.horizontal(|ui| {
            if buttons::primary(ui, "Apply").clicked() {
                ctx.send(CollectionCommand::SetImport(self.options()));
                ctx.send(ViewCommand::ShowDialog(Dialog::Import, false));
            }
            note(ui, "Applies at the next scan");
        });
    }

    fn options(&self) -> ImportOptions {
        ImportOptions {
            excludes: self.excludes.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect(),
            rows: self.rows,
            pages: self.pages,
            long_text: if self.mean { LongText::Mean } else { LongText::Truncate },
            watch: self.watch,
            read_text: self.text.languages(),
            tables: self.tables.options(),
            ..self.loaded.clone().unwrap_or_default()
        }
    }
}
