//! Dialog with the version, and the licences of the program and everything it contains.

use std::sync::LazyLock;

use egui::{Rect, ScrollArea, Ui, vec2};

use super::dialog_window;
use crate::context::commands::ViewCommand;
use crate::context::{Ctx, Dialog};
use crate::ui::style::font;
use crate::ui::theme::{SPACE, Theme, text_size};
use crate::ui::widgets::{buttons, divider, icons};

/// Title of the dialog.
const TITLE: &str = "About Vicinity";

/// A page of the dialog, as lines.
struct Page {
    name: &'static str,
    lines: Vec<&'static str>,
}

/// Texts are split into lines once; only visible lines are laid out.
static PAGES: LazyLock<[Page; 4]> = LazyLock::new(|| {
    let page = |name, texts: &[&'static str]| Page { name, lines: texts.iter().flat_map(|t| t.lines()).collect() };
    [
        page("Vicinity", &[include_str!("../../../LICENSE-MIT"), "\n\n", include_str!("../../../LICENSE-APACHE")]),
        page("Libraries", &[include_str!("../../../assets/licences/libraries.txt")]),
        page("Starter model", &[include_str!("../../../assets/licences/starter.txt")]),
        page("Typeface", &[include_str!("../../../assets/fonts/LICENSE.txt")]),
    ]
});

/// State of the dialog: the page shown.
#[derive(Default)]
pub struct AboutDialog {
    page: usize,
}

impl AboutDialog {
    /// Draws the dialog if it is open.
    pub fn show(&mut self, ui: &Ui, ctx: &Ctx<'_>) {
        if !ctx.state.is_dialog_open(Dialog::About) {
            return;
        }
        if !dialog_window(ui, Dialog::About, TITLE, vec2(600.0, 480.0), |ui| self.contents(ui, ctx)) {
            ctx.send(ViewCommand::ShowDialog(Dialog::About, false));
        }
    }

    fn contents(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let theme = Theme::of(ui.ctx());
        ui.horizontal(|ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(36.0, 36.0), egui::Sense::hover());
            icons::mark(ui.painter(), Rect::from_center_size(rect.center(), vec2(32.0, 32.0)), theme);
            ui.vertical(|ui| {
                ui.label(egui::RichText::new(concat!("Version ", env!("CARGO_PKG_VERSION"))).color(theme.text1));
                let licence = concat!("Licensed under ", env!("CARGO_PKG_LICENSE"), ", at your option");
                ui.label(egui::RichText::new(licence).font(font(text_size::SMALL)).color(theme.text2));
            });
        });
        ui.add(egui::Label::new(egui::RichText::new(env!("CARGO_PKG_DESCRIPTION")).color(theme.text2)).wrap());
        if let Some(adapter) = &ctx.state.view.graphics {
            let graphics =
                egui::RichText::new(format!("Graphics: {adapter}")).font(font(text_size::SMALL)).color(theme.text2);
            ui.add(egui::Label::new(graphics).truncate());
        }
        ui.add_space(SPACE[1]);
        if let Some(clicked) = buttons::segments(ui, &PAGES.each_ref().map(|page| page.name), self.page) {
            self.page = clicked;
        }
        ui.add_space(SPACE[0]);
        divider(ui);
        let Some(page) = PAGES.get(self.page) else { return };
        let face = egui::FontId::monospace(text_size::SMALL);
        let height = ui.fonts_mut(|f| f.row_height(&face));
        ui.spacing_mut().item_spacing.y = 0.0;
        // A scroll position per page, so that each starts at its top.
        let area = ScrollArea::both().id_salt(page.name).auto_shrink(false);
        area.show_rows(ui, height, page.lines.len(), |ui, rows| {
            for line in page.lines.get(rows).unwrap_or_default() {
                let text = egui::RichText::new(*line).font(face.clone()).color(theme.text1);
                ui.add(egui::Label::new(text).extend());
            }
        });
    }
}
