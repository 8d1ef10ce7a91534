//! Settings dialog: the device that models run on, how long they stay in memory, and checking for new versions.

use egui::{Ui, vec2};

use super::dialog_window;
use crate::context::commands::{ModelAction, ModelCommand, ViewCommand};
use crate::context::devices::ModelState;
use crate::context::devices::Precision;
use crate::context::devices::{DeviceChoice, DeviceId};
use crate::context::devices::{DevicePreferences, DeviceSummary};
use crate::context::{Ctx, Dialog};
use crate::ui::style::bold;
use crate::ui::theme::{SPACE, Theme, text_size};
use crate::ui::widgets::{self, buttons};

/// Times after which an idle model is unloaded, minutes; 0 is never.
const IDLE: [(u32, &str); 4] = [(0, "Never"), (5, "5 min"), (10, "10 min"), (60, "1 hour")];
/// Precisions to choose from.
const PRECISIONS: [(Option<Precision>, &str); 4] = [
    (None, "Automatic"),
    (Some(Precision::F32), "f32"),
    (Some(Precision::F16), "f16"),
    (Some(Precision::Bf16), "bf16"),
];

/// Draws the dialog if it is open.
pub fn show(ui: &Ui, ctx: &Ctx<'_>) {
    if !ctx.state.is_dialog_open(Dialog::Settings) {
        return;
    }
    let mut devices = ctx.state.device_preferences();
    let stays_open = dialog_window(ui, Dialog::Settings, "Settings", vec2(460.0, 380.0), |ui| {
        device(ui, ctx, &mut devices);
        ui.add_space(SPACE[1]);
        memory(ui, ctx, &mut devices);
        if let Some(host) = &ctx.state.view.update_host {
            ui.add_space(SPACE[1]);
            updates(ui, ctx, host);
        }
    });
    if devices != ctx.state.device_preferences() {
        ctx.send(ModelCommand::SetDevices(devices));
    }
    if !stays_open {
        ctx.send(ViewCommand::ShowDialog(Dialog::Settings, false));
    }
}

fn head(ui: &mut Ui, text: &str) {
    let theme = Theme::of(ui.ctx());
    ui.label(egui::RichText::new(text).font(bold(text_size::BODY)).color(theme.text1));
}

fn note(ui: &mut Ui, text: &str) {
    widgets::note(ui, text, Theme::of(ui.ctx()).text2);
}

fn device(ui: &mut Ui, ctx: &Ctx<'_>, devices: &mut DevicePreferences) {
    head(ui, "Device");
    note(ui, "A device is used only after its results match the CPU's");
    buttons::radio(ui, &mut devices.device, DeviceChoice::Auto, "Automatic (fastest verified)");
    for DeviceSummary { choice, name, detail, checks: verdicts } in &ctx.state.view.devices {
        buttons::radio(ui, &mut devices.device, *choice, &format!("{choice}: {name}"));
        note(ui, detail);
        verdicts.iter().for_each(|check| note(ui, check));
    }
    if !ctx.state.view.devices.iter().any(|line| line.choice == devices.device) && devices.device != DeviceChoice::Auto
    {
        buttons::radio(ui, &mut devices.device.clone(), devices.device, &format!("{}: unavailable", devices.device));
    }
    if ctx.state.view.devices.iter().any(|line| line.choice != DeviceChoice::This(DeviceId::Cpu)) {
        let selected = PRECISIONS.iter().position(|(precision, _)| *precision == devices.precision).unwrap_or_default();
        if let Some(chosen) = buttons::segments(ui, &PRECISIONS.map(|(_, name)| name), selected) {
            devices.precision = PRECISIONS[chosen].0;
        }
    }
    match &ctx.state.library().model_state {
        Some(ModelState::Ready { runs_on: place, check: Some(check) }) => {
            note(ui, &format!("The model runs on {place} ({check})"));
        }
        Some(ModelState::Ready { runs_on: place, check: None }) => note(ui, &format!("The model runs on {place}")),
        Some(ModelState::Loading) => note(ui, "Loading the model…"),
        Some(ModelState::Unloaded) => note(ui, "The model is not in memory; it is reloaded when next needed"),
        Some(ModelState::OwnVectors) => note(ui, "This library uses vectors of its own, which no model has computed"),
        Some(ModelState::Failed(why)) => note(ui, why),
        None => {}
    }
}

fn memory(ui: &mut Ui, ctx: &Ctx<'_>, devices: &mut DevicePreferences) {
    head(ui, "Memory");
    note(ui, "Unload idle large models after");
    ui.horizontal(|ui| {
        let selected = IDLE.iter().position(|(minutes, _)| *minutes == devices.idle_minutes);
        if let Some(chosen) = buttons::segments(ui, &IDLE.map(|(_, name)| name), selected.unwrap_or(IDLE.len())) {
            devices.idle_minutes = IDLE[chosen].0;
        }
    });
    ui.add_space(SPACE[0]);
    if matches!(ctx.state.library().model_state, Some(ModelState::Ready { .. }))
        && buttons::secondary(ui, "Unload model now").clicked()
    {
        ctx.send(ModelAction::Unload);
    }
}

fn updates(ui: &mut Ui, ctx: &Ctx<'_>, host: &str) {
    head(ui, "Updates");
    let mut allowed = ctx.state.preferences.updates.allowed;
    if buttons::checkbox(ui, &mut allowed, "Check for new versions").changed() {
        ctx.send(ModelCommand::AllowUpdates(allowed));
    }
    let what = "Nothing else is sent, and nothing is installed.";
    note(ui, &format!("Checks {host} for a new version at most once a day. {what}"));
    if let Some(version) = ctx.state.preferences.updates.newer()
        && buttons::link(ui, &format!("Version {version} is available"), "Open its page in the browser").clicked()
    {
        ctx.send(ModelCommand::ShowReleases);
    }
}
