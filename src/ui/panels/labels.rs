//! The label set: edit, paste, load, reset, apply.

use egui::{ScrollArea, TextEdit, Ui, vec2};

use super::floating;
use crate::context::{Ctx, Floating, SystemCommand, UiCommand};
use crate::ui::style::font;
use crate::ui::theme::{Theme, text_size};
use crate::ui::widgets::buttons;
use crate::ui::words;
use vicinity_core::LabelSet;

/// The editor while it is open.
#[derive(Default)]
pub struct Editor {
    name: String,
    text: String,
    from: Option<LabelSet>,
}

impl Editor {
    /// Draws it where it is open.
    pub fn show(&mut self, ui: &Ui, ctx: &Ctx<'_>) {
        if !ctx.state.floats(Floating::Labels) {
            self.from = None;
            return;
        }
        let set = &ctx.state.labels.set;
        if self.from.as_ref() != Some(set) {
            (self.name, self.text, self.from) = (set.name.clone(), set.labels.join("\n"), Some(set.clone()));
        }
        let stay = floating(ui, "Edit labels", vec2(380.0, 430.0), |ui| self.contents(ui, ctx));
        if !stay {
            ctx.send(SystemCommand::Float(Floating::Labels, false));
        }
    }

    fn contents(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let theme = Theme::of(ui.ctx());
        ui.add(
            egui::Label::new(
                egui::RichText::new("One label a line, or separated by commas. Items are compared with each of them.")
                    .color(theme.text2),
            )
            .wrap(),
        );
        ui.add(TextEdit::singleline(&mut self.name).desired_width(f32::INFINITY))
            .accessible_name("Name of the label set");
        ScrollArea::vertical().max_height(240.0).show(ui, |ui| {
            ui.add(TextEdit::multiline(&mut self.text).desired_rows(12).desired_width(f32::INFINITY))
                .accessible_name("Labels");
        });
        let labels = parse(&self.text);
        ui.label(
            egui::RichText::new(words::count(labels.len() as u64, "label"))
                .font(font(text_size::SMALL))
                .color(theme.text2),
        );
        ui.horizontal_wrapped(|ui| {
            if ui.add_enabled_ui(!labels.is_empty(), |ui| buttons::primary(ui, "Use these")).inner.clicked() {
                ctx.send(SystemCommand::SetLabels(self.set()));
            }
            if buttons::button(ui, "Load from a file…").clicked() {
                ctx.send(SystemCommand::LoadLabels);
            }
            if buttons::button(ui, "Reset").clicked() {
                ctx.send(SystemCommand::SetLabels(LabelSet::default()));
            }
            let selected = !ctx.state.selection.items.is_empty();
            if ui.add_enabled_ui(selected, |ui| buttons::button(ui, "Label the selection")).inner.clicked() {
                ctx.send(SystemCommand::SetLabels(self.set()));
                ctx.send(UiCommand::ApplyLabels);
            }
        });
    }

    fn set(&self) -> LabelSet {
        let name = self.name.trim();
        LabelSet {
            name: if name.is_empty() { "Labels".to_owned() } else { name.to_owned() },
            labels: parse(&self.text),
        }
    }
}

/// Labels typed, pasted or read from a file: one a line or separated by commas, semicolons or tabs.
pub fn parse(text: &str) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    for label in text.split(['\n', ',', ';', '\t']).map(|l| l.trim().trim_matches('"').trim()).filter(|l| !l.is_empty())
    {
        if !labels.iter().any(|known| known.eq_ignore_ascii_case(label)) {
            labels.push(label.to_owned());
        }
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_taken_from_lines_and_tables() {
        assert_eq!(parse("dog\n cat , \"fire engine\"\n\nDog;bird\r\n"), ["dog", "cat", "fire engine", "bird"]);
    }
}
