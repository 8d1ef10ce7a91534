//! Dialog that lists models with their strengths and licences, to download, use, verify and remove them.

use egui::{Align, Layout, ScrollArea, Ui, vec2};

use super::dialog_window;
use crate::context::commands::{ModelCommand, ServiceAction, ViewCommand};
use crate::context::format;
use crate::context::model_list::Terms;
use crate::context::model_list::{DownloadProgress, InstallState};
use crate::context::model_list::{ModelEntry, ModelList, ModelWork, StatusMessage};
use crate::context::{Ctx, Dialog};
use crate::ui::style::bold;
use crate::ui::theme::{SPACE, Theme, text_size};
use crate::ui::widgets::{buttons, divider, note, progress, tag};

/// Width of the column of buttons.
const ACTIONS: f32 = 124.0;
/// Height of the footer below the list.
const FOOTER: f32 = 92.0;

/// State of the dialog while it is open.
#[derive(Default)]
pub struct ModelsDialog {
    /// The model whose removal waits for confirmation.
    deleting: Option<String>,
}

impl ModelsDialog {
    /// Draws the dialog if it is open.
    pub fn show(&mut self, ui: &Ui, ctx: &Ctx<'_>) {
        if !ctx.state.is_dialog_open(Dialog::Models) {
            self.deleting = None;
            return;
        }
        let available = ui.ctx().content_rect().size() - vec2(48.0, 140.0);
        let stays_open =
            dialog_window(ui, Dialog::Models, "Models", vec2(720.0, 720.0).min(available), |ui| self.contents(ui, ctx));
        if !stays_open {
            ctx.send(ViewCommand::ShowDialog(Dialog::Models, false));
        }
    }

    fn contents(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let theme = Theme::of(ui.ctx());
        note(ui, &in_use_line(ctx), theme.text2);
        dimensions(ui, ctx);
        ui.add_space(SPACE[0]);
        divider(ui);
        let Some(list) = &ctx.state.view.model_list else {
            note(ui, "Looking for installed models…", theme.text2);
            return;
        };
        let height = (ui.available_height() - FOOTER).max(120.0);
        ScrollArea::vertical().auto_shrink(false).max_height(height).show(ui, |ui| {
            ui.set_width(ui.available_width() - SPACE[2]);
            self.section(ui, ctx, list, "Installed", |model| model.is_installed());
            self.section(ui, ctx, list, "Available to download", |model| !model.is_installed());
        });
        divider(ui);
        footer(ui, ctx, list);
    }

    fn section(
        &mut self,
        ui: &mut Ui,
        ctx: &Ctx<'_>,
        list: &ModelList,
        name: &str,
        wanted: impl Fn(&ModelEntry) -> bool,
    ) {
        let theme = Theme::of(ui.ctx());
        let mut models = list.models.iter().filter(|model| wanted(model)).peekable();
        if models.peek().is_none() {
            return;
        }
        ui.add_space(SPACE[1]);
        ui.label(egui::RichText::new(name).font(bold(text_size::SMALL)).color(theme.text2));
        for model in models {
            ui.push_id(&model.status.id, |ui| self.model(ui, ctx, model));
            divider(ui);
        }
    }

    fn model(&mut self, ui: &mut Ui, ctx: &Ctx<'_>, model: &ModelEntry) {
        ui.add_space(SPACE[0]);
        ui.horizontal_top(|ui| {
            let width = (ui.available_width() - ACTIONS - SPACE[2]).max(120.0);
            ui.vertical(|ui| {
                ui.set_width(width);
                ui.spacing_mut().item_spacing.y = 3.0;
                heading(ui, model);
                details(ui, ctx, model);
                state(ui, model);
                self.confirm(ui, ctx, model);
            });
            ui.with_layout(Layout::top_down(Align::Max), |ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                self.actions(ui, ctx, model);
            });
        });
        ui.add_space(SPACE[0]);
    }

    fn actions(&mut self, ui: &mut Ui, ctx: &Ctx<'_>, model: &ModelEntry) {
        let theme = Theme::of(ui.ctx());
        let (id, title) = (&model.status.id, &model.title);
        let send = |command: fn(String) -> ModelCommand| ctx.send(command(id.clone()));
        let button = |ui: &mut Ui, text: &str| buttons::button_for(ui, text, &format!("{text} {title}")).clicked();
        let quiet =
            |ui: &mut Ui, text: &str| buttons::quiet(ui, text, &format!("{text} {title}"), theme.text2).clicked();
        match &model.status.state {
            _ if model.work.is_some() => {}
            InstallState::NotInstalled => {
                if button(ui, "Download") {
                    send(ModelCommand::Download);
                }
                note(ui, &format::bytes(model.bytes()), theme.text2);
            }
            InstallState::Downloading(_) => {
                if button(ui, "Pause") {
                    send(ModelCommand::Pause);
                }
                if quiet(ui, "Cancel") {
                    send(ModelCommand::Cancel);
                }
            }
            InstallState::Paused(_) => {
                if button(ui, "Resume") {
                    send(ModelCommand::Download);
                }
                if quiet(ui, "Cancel") {
                    send(ModelCommand::Cancel);
                }
            }
            InstallState::Failed { .. } => {
                if button(ui, "Retry") {
                    send(ModelCommand::Download);
                }
                if quiet(ui, "Import…") {
                    ctx.send(ModelCommand::ImportFolder);
                }
            }
            InstallState::Installed { .. } => {
                if in_use(ctx, model) {
                    ui.add_space(3.0);
                    tag(ui, if ctx.state.library().model.is_some() { "In use" } else { "For new libraries" }, theme.ok);
                } else if button(ui, "Use") {
                    ctx.send(ModelCommand::Use(model.source.clone()));
                }
                if model.is_built_in() {
                    return;
                }
                if quiet(ui, "Verify") {
                    send(ModelCommand::Verify);
                }
                if !in_use(ctx, model) && quiet(ui, "Remove…") {
                    self.deleting = Some(id.clone());
                }
            }
        }
    }

    /// Asks for confirmation before a model is removed.
    fn confirm(&mut self, ui: &mut Ui, ctx: &Ctx<'_>, model: &ModelEntry) {
        if self.deleting.as_ref() != Some(&model.status.id) || !model.is_installed() || model.work.is_some() {
            return;
        }
        let theme = Theme::of(ui.ctx());
        let question =
            format!("Remove {} from this computer? You can download it again.", format::bytes(model.bytes()));
        note(ui, &question, theme.text1);
        ui.horizontal(|ui| {
            if buttons::button_for(ui, "Remove", &format!("Remove {}", model.title)).clicked() {
                ctx.send(ModelCommand::Remove(model.status.id.clone()));
                self.deleting = None;
            }
            if buttons::quiet(ui, "Cancel", &format!("Cancel removing {}", model.title), theme.text2).clicked() {
                self.deleting = None;
            }
        });
    }
}

/// The model that the open library uses.
fn in_use_line(ctx: &Ctx<'_>) -> String {
    let reuse_note = "Switching back to a model reuses its embeddings.";
    match &ctx.state.library().model {
        Some(model) => {
            format!("This library uses {} ({}). {reuse_note}", model.title, ctx.state.library().device_title)
        }
        None => format!("New libraries will use the model marked below. {reuse_note}"),
    }
}

/// The number of dimensions used for search, for models whose vectors can be shortened.
fn dimensions(ui: &mut Ui, ctx: &Ctx<'_>) {
    let (Some(model), Some(snapshot)) = (&ctx.state.library().model, &ctx.state.library().snapshot) else { return };
    if model.matryoshka.len() < 2 {
        return;
    }
    let theme = Theme::of(ui.ctx());
    ui.horizontal(|ui| {
        note(ui, "Dimensions", theme.text2);
        let names: Vec<String> = model.matryoshka.iter().map(ToString::to_string).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let selected = model.matryoshka.iter().position(|dim| *dim == snapshot.dim()).unwrap_or(names.len());
        if let Some(chosen) = buttons::segments(ui, &names, selected) {
            ctx.send(ModelCommand::SetDimensions(model.matryoshka[chosen]));
        }
        note(ui, "Fewer dimensions: faster, slightly less accurate; nothing is embedded again", theme.text2);
    });
}

fn in_use(ctx: &Ctx<'_>, model: &ModelEntry) -> bool {
    let id = &model.status.id;
    match (&ctx.state.library().model, &ctx.state.preferences.default_model) {
        (Some(used), _) => ctx.state.library().services.active.is_none() && used.key.name == *id,
        (None, Some(default_model)) => default_model == id,
        (None, None) => model.is_built_in(),
    }
}

fn heading(ui: &mut Ui, model: &ModelEntry) {
    let theme = Theme::of(ui.ctx());
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.label(egui::RichText::new(&model.title).font(bold(text_size::BODY)).color(theme.text1));
        if let Some(choice) = model.status.entry.and_then(|entry| entry.recommended_as) {
            tag(ui, choice.title(), theme.accent);
        }
        match model.terms {
            Some(Terms::Open) => {}
            Some(Terms::NonCommercial) => tag(ui, "Non-commercial use only", theme.warning),
            Some(Terms::ResearchOnly) => tag(ui, "Research only", theme.warning),
            None => tag(ui, "Licence unknown", theme.warning),
        }
    });
}

fn details(ui: &mut Ui, ctx: &Ctx<'_>, model: &ModelEntry) {
    let theme = Theme::of(ui.ctx());
    let Some(entry) = model.status.entry else {
        note(ui, "Custom model", theme.text2);
        return note(ui, &measurements(ctx, model).join(" · "), theme.text2);
    };
    let mut lines = entry.about.lines();
    note(ui, lines.next().unwrap_or_default(), theme.text1);
    lines.for_each(|line| note(ui, line, theme.text2));
    let (max, smaller) = entry.dimensions.split_first().map_or((0, 0), |(max, smaller)| (*max, smaller.len()));
    let dimensions = match smaller {
        0 => format!("{max} dimensions"),
        _ => format!("up to {max} dimensions"),
    };
    let languages = match entry.languages.strip_prefix("many (").and_then(|rest| rest.strip_suffix(')')) {
        Some(count) => format!("{count} languages"),
        None => entry.languages.to_owned(),
    };
    let mut parts = vec![languages, dimensions, model.licence.clone()];
    parts.extend(measurements(ctx, model));
    note(ui, &parts.join(" · "), theme.text2);
}

/// Size and speed of a model on this computer.
fn measurements(ctx: &Ctx<'_>, model: &ModelEntry) -> Vec<String> {
    let mut parts = Vec::new();
    if model.is_installed() {
        let size = format::bytes(model.bytes());
        parts.push(if model.is_built_in() { format!("{size}, built in") } else { format!("{size} on disk") });
    }
    if let Some(speed) = ctx.state.preferences.speeds.get(&model.status.id) {
        let unit = if speed.pictures { "images" } else { "items" };
        let rate = speed.per_second;
        let rate = if rate < 9.95 { format!("{rate:.1}") } else { format::number(rate.round() as u64) };
        parts.push(format!("{rate} {unit}/s ({})", speed.device));
    }
    parts
}

fn state(ui: &mut Ui, model: &ModelEntry) {
    let theme = Theme::of(ui.ctx());
    match model.work {
        Some(ModelWork::Verifying(share)) => {
            progress(ui, share, theme.accent, &format!("Verifying {}, {}", model.title, format::percent(share)));
            note(ui, &format!("Verifying all files · {}", format::percent(share)), theme.text2);
        }
        Some(ModelWork::Removing) => note(ui, "Removing…", theme.text2),
        None => match &model.status.state {
            InstallState::Downloading(at) => download(ui, model, at, false),
            InstallState::Paused(at) => download(ui, model, at, true),
            InstallState::Failed { reason } => note(ui, &format::sentence(reason), theme.error),
            InstallState::NotInstalled | InstallState::Installed { .. } => {}
        },
    }
    if let Some(text) = &model.message {
        show_message(ui, text);
    }
}

/// Progress of a download as text.
pub fn download_text(at: &DownloadProgress) -> String {
    if at.total == 0 {
        return "Getting file sizes…".to_owned();
    }
    let mut text = format!("{} of {}", format::bytes(at.done), format::bytes(at.total));
    if at.per_second > 0.0 {
        text += &format!(" · {}", format::bytes_per_second(at.per_second));
        if let Some(seconds) = at.seconds_left {
            text += &format!(" · {}", format::time_left(seconds));
        }
    }
    text
}

/// Completed share of a download.
pub fn download_share(at: &DownloadProgress) -> f32 {
    if at.total == 0 { 0.0 } else { at.done as f32 / at.total as f32 }
}

fn download(ui: &mut Ui, model: &ModelEntry, at: &DownloadProgress, paused: bool) {
    let theme = Theme::of(ui.ctx());
    let share = download_share(at);
    let fill = if paused { theme.text3 } else { theme.accent };
    progress(ui, share, fill, &format!("Downloading {}, {}", model.title, format::percent(share)));
    let text = download_text(at);
    note(ui, &if paused { format!("Paused · {text}") } else { text }, theme.text2);
}

fn show_message(ui: &mut Ui, text: &StatusMessage) {
    let theme = Theme::of(ui.ctx());
    note(ui, &format::sentence(&text.text), if text.success { theme.ok } else { theme.error });
}

fn footer(ui: &mut Ui, ctx: &Ctx<'_>, list: &ModelList) {
    let theme = Theme::of(ui.ctx());
    match (&list.importing, &list.message) {
        (Some(name), _) => note(ui, &format!("Importing {name}…"), theme.text2),
        (None, Some(text)) => show_message(ui, text),
        (None, None) => note(ui, "Offline: import a model downloaded elsewhere, as a folder or archive", theme.text2),
    }
    ui.horizontal(|ui| {
        if buttons::button(ui, "Import from folder…").clicked() {
            ctx.send(ModelCommand::ImportFolder);
        }
        if buttons::button(ui, "Import from archive…").clicked() {
            ctx.send(ModelCommand::ImportArchive);
        }
        let in_place = buttons::button(ui, "Use model in place…");
        if in_place.on_hover_text("Use a model folder where it is, without copying it").clicked() {
            ctx.send(ModelCommand::ChooseFolder);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if buttons::link(ui, "Embedding services…", "Embedding services…").clicked() {
                ctx.send(ViewCommand::ShowDialog(Dialog::Models, false));
                ctx.send(ServiceAction::ShowServices);
            }
        });
    });
}
