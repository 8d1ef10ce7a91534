//! What the model is good at, what it is bad at, under which licence.

use egui::{Ui, vec2};

use super::floating;
use crate::context::{Ctx, Floating, SystemCommand};
use crate::engine::choice::ModelSource;
use crate::towers::{ModelInfo, starter};
use crate::ui::style::{bold, font};
use crate::ui::theme::{SPACE, Theme, text_size};
use crate::ui::widgets::buttons;
use crate::ui::words;

/// Draws it where it is open.
pub fn show(ui: &Ui, ctx: &Ctx<'_>) {
    if !ctx.state.floats(Floating::Models) {
        return;
    }
    let theme = Theme::of(ui.ctx());
    let stay = floating(ui, "Models", vec2(440.0, 260.0), |ui| match &ctx.state.model {
        Some(model) => {
            ui.label(egui::RichText::new(&model.title).font(bold(text_size::LARGE)).color(theme.text1));
            let small =
                format!("{} dimensions · runs on {}", words::number(model.key.dim as u64), ctx.state.device_title);
            ui.label(egui::RichText::new(small).font(font(text_size::SMALL)).color(theme.text2));
            ui.add_space(SPACE[0]);
            for line in model.about.lines() {
                ui.add(egui::Label::new(egui::RichText::new(line).color(theme.text1)).wrap());
            }
            ui.add_space(SPACE[0]);
            ui.add(
                egui::Label::new(egui::RichText::new(format!("Licence: {}", model.licence)).color(theme.text2)).wrap(),
            );
            ui.add_space(SPACE[2]);
            choices(ui, ctx, model);
        }
        None => {
            ui.label(
                egui::RichText::new("The built-in model is loaded when a collection is opened").color(theme.text2),
            );
        }
    });
    if !stay {
        ctx.send(SystemCommand::Float(Floating::Models, false));
    }
}

fn choices(ui: &mut Ui, ctx: &Ctx<'_>, model: &ModelInfo) {
    let theme = Theme::of(ui.ctx());
    let hint = "Every model keeps its own vectors: going back to one costs nothing";
    ui.label(egui::RichText::new(hint).font(font(text_size::SMALL)).color(theme.text2));
    for other in ctx.state.models.iter().filter(|other| other.id != model.key.name) {
        if buttons::menu_row(ui, &other.id, "use").clicked() {
            ctx.send(SystemCommand::UseModel(other.source.clone()));
        }
    }
    ui.horizontal(|ui| {
        if buttons::secondary(ui, "Choose a model folder…").clicked() {
            ctx.send(SystemCommand::ChooseModelFolder);
        }
        if model.key.name != starter::NAME && buttons::secondary(ui, "Use the built-in model").clicked() {
            ctx.send(SystemCommand::UseModel(ModelSource::Starter));
        }
    });
}
