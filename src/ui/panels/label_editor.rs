//! Dialog to edit the label set, load it from a file, choose a built-in one, and apply it.

use egui::{ScrollArea, TextEdit, Ui, vec2};

use super::dialog_window;
use crate::context::commands::{ItemAction, ItemCommand, ViewCommand};
use crate::context::format;
use crate::context::{Ctx, Dialog};
use crate::ui::style::font;
use crate::ui::theme::{Theme, text_size};
use crate::ui::widgets::{buttons, icons::Icon};
use vicinity_core::LabelSet;
use vicinity_core::label::{group_of, parse_labels};

/// State of the editor while it is open.
#[derive(Default)]
pub struct LabelEditor {
    name: String,
    text: String,
    loaded: Option<LabelSet>,
}

impl LabelEditor {
    /// Draws the dialog if it is open.
    pub fn show(&mut self, ui: &Ui, ctx: &Ctx<'_>) {
        if !ctx.state.is_dialog_open(Dialog::Labels) {
            self.loaded = None;
            return;
        }
        let set = &ctx.state.preferences.label_set;
        if self.loaded.as_ref() != Some(set) {
            (self.name, self.text, self.loaded) = (set.name.clone(), grouped(&set.labels), Some(set.clone()));
        }
        let stays_open =
            dialog_window(ui, Dialog::Labels, "Edit labels", vec2(380.0, 430.0), |ui| self.contents(ui, ctx));
        if !stays_open {
            ctx.send(ViewCommand::ShowDialog(Dialog::Labels, false));
        }
    }

    fn contents(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let theme = Theme::of(ui.ctx());
        ui.add(
            egui::Label::new(
                egui::RichText::new(
                    "One label per line, or separated by commas. Lines that begin with # are headings.",
                )
                .color(theme.text2),
            )
            .wrap(),
        );
        ui.add(TextEdit::singleline(&mut self.name).desired_width(f32::INFINITY)).accessible_name("Label set name");
        ScrollArea::vertical().max_height(240.0).show(ui, |ui| {
            ui.add(TextEdit::multiline(&mut self.text).desired_rows(12).desired_width(f32::INFINITY))
                .accessible_name("Labels");
        });
        let labels = parse_labels(&self.text);
        ui.label(
            egui::RichText::new(format::count(labels.len() as u64, "label"))
                .font(font(text_size::SMALL))
                .color(theme.text2),
        );
        ui.horizontal_wrapped(|ui| {
            if ui.add_enabled_ui(!labels.is_empty(), |ui| buttons::primary(ui, "Save")).inner.clicked() {
                ctx.send(ItemCommand::SetLabels(self.set()));
            }
            if buttons::button(ui, "Load from file…").clicked() {
                ctx.send(ItemCommand::LoadLabels);
            }
            let built_in = buttons::with_icon(ui, Icon::Down, "Built-in sets");
            egui::Popup::menu(&built_in).width(240.0).show(|ui| presets(ui, ctx));
            let selected = !ctx.state.library().selection.items.is_empty();
            if ui
                .add_enabled_ui(selected, |ui| buttons::button(ui, ItemAction::ApplyLabels.info().text))
                .inner
                .clicked()
            {
                ctx.send(ItemCommand::SetLabels(self.set()));
                ctx.send(ItemAction::ApplyLabels);
            }
        });
    }

    fn set(&self) -> LabelSet {
        let name = self.name.trim();
        LabelSet {
            name: if name.is_empty() { "Labels".to_owned() } else { name.to_owned() },
            labels: parse_labels(&self.text),
        }
    }
}

/// Menu rows for the built-in sets.
pub fn presets(ui: &mut Ui, ctx: &Ctx<'_>) {
    for (set, about) in [(LabelSet::everyday(), "for photos"), (LabelSet::topics(), "broad")] {
        let chosen = set == ctx.state.preferences.label_set;
        let row = format!("{} ({})", set.name, set.labels.len());
        if buttons::menu_choice(ui, &row, if chosen { "" } else { about }, chosen).clicked() {
            ctx.send(ItemCommand::SetLabels(set));
            ui.close();
        }
    }
}

/// One label per line, with a heading before each group of everyday labels.
fn grouped(labels: &[String]) -> String {
    let mut text = String::new();
    let mut group = None;
    for label in labels {
        let own = group_of(label);
        if let Some(name) = own.filter(|_| own != group) {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&format!("# {name}\n"));
        }
        group = own;
        text.push_str(label);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_of_groups_are_no_labels() {
        let labels = LabelSet::everyday().labels;
        assert_eq!(parse_labels(&grouped(&labels)), labels);
    }
}
