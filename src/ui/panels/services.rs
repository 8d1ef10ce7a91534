//! Dialog to choose an embedding service, review what will be sent, agree, see its usage, and switch it off.
//!
//! A typed API key leaves the form with the next click and is never shown again.

use egui::{TextEdit, Ui, vec2};

use super::dialog_window;
use crate::context::commands::{ModelAction, ModelCommand, ServiceCommand, ViewCommand};
use crate::context::format;
use crate::context::model_list::ModelEntry;
use crate::context::services::InferenceMode;
use crate::context::services::Service;
use crate::context::services::{ActiveService, ConsentRequest, KeyLocation, ServiceError};
use crate::context::services::{Key, Provider};
use crate::context::{Ctx, Dialog};
use crate::ui::style::bold;
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use crate::ui::widgets::{buttons, divider, note};

/// State of the form; the API key is kept in it only until it is used.
pub struct ServicesDialog {
    provider: Provider,
    models: [String; 3],
    addresses: [String; 3],
    mode: InferenceMode,
    key: String,
    entering_key: bool,
    input_error: Option<String>,
}

impl Default for ServicesDialog {
    fn default() -> Self {
        Self {
            provider: Provider::Nomic,
            models: Provider::ALL.map(|provider| provider.default_model().to_owned()),
            addresses: Default::default(),
            mode: InferenceMode::Remote,
            key: String::new(),
            entering_key: false,
            input_error: None,
        }
    }
}

impl ServicesDialog {
    /// Draws the dialog if it is open.
    pub fn show(&mut self, ui: &Ui, ctx: &Ctx<'_>) {
        if !ctx.state.is_dialog_open(Dialog::Services) {
            self.key.clear();
            return;
        }
        let services = &ctx.state.library().services;
        let stays_open = dialog_window(ui, Dialog::Services, "Embedding services", vec2(500.0, 300.0), |ui| {
            ui.set_width(500.0_f32.min(ui.ctx().content_rect().width() - 2.0 * SPACE[4]));
            if let Some(trouble) = &services.error {
                self.trouble(ui, ctx, trouble);
            }
            match (&services.active, &services.consent_request) {
                (Some(on), _) => usage(ui, ctx, on),
                (None, Some(offer)) => consent(ui, ctx, offer),
                (None, None) => self.setup(ui, ctx),
            }
            if let Some(text) = &services.note {
                note(ui, &format::sentence(text), Theme::of(ui.ctx()).text2);
            }
        });
        if !stays_open {
            ctx.send(ViewCommand::ShowDialog(Dialog::Services, false));
        }
    }

    fn setup(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let theme = Theme::of(ui.ctx());
        note(
            ui,
            "A service can embed the library instead of this computer. Nothing is sent until you review it and agree.",
            theme.text2,
        );
        head(ui, "Service");
        let at = self.provider_index();
        if let Some(clicked) = buttons::segments(ui, &Provider::ALL.map(Provider::title), at)
            && let Some(provider) = Provider::ALL.get(clicked)
        {
            self.provider = *provider;
            self.entering_key = false;
            self.input_error = None;
            self.key.clear();
        }
        self.names(ui, at);
        self.inference(ui, ctx);
        if self.mode_of() != InferenceMode::Local {
            self.key_field(ui, ctx);
        }
        ui.add_space(SPACE[1]);
        self.next_step(ui, ctx);
    }

    /// Model and address.
    fn names(&mut self, ui: &mut Ui, at: usize) {
        head(ui, "Model");
        if let Some(model) = self.models.get_mut(at) {
            ui.add(TextEdit::singleline(model).desired_width(f32::INFINITY)).accessible_name("Service model");
        }
        if self.provider == Provider::Gemini {
            ui.horizontal(|ui| {
                for (name, what) in [("gemini-embedding-2", "texts and images"), ("gemini-embedding-001", "texts")] {
                    if buttons::link(ui, &format!("{name} ({what})"), name).clicked()
                        && let Some(model) = self.models.get_mut(at)
                    {
                        name.clone_into(model);
                    }
                }
            });
        }
        head(ui, "Address");
        let theme = Theme::of(ui.ctx());
        let hint = egui::RichText::new(self.provider.default_base()).color(theme.text3);
        if let Some(address) = self.addresses.get_mut(at) {
            ui.add(TextEdit::singleline(address).hint_text(hint).desired_width(f32::INFINITY))
                .accessible_name("Service address");
        }
        if self.provider == Provider::OpenAi {
            note(ui, "For your own server (Ollama, LM Studio, vLLM): http://localhost:11434", theme.text2);
        }
    }

    fn inference(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let theme = Theme::of(ui.ctx());
        head(ui, "Where to embed");
        let Some(name) = self.service().open_weights() else {
            return note(ui, "By the service; the weights of this model are not public", theme.text2);
        };
        const MODES: [InferenceMode; 3] = [InferenceMode::Local, InferenceMode::Remote, InferenceMode::Dynamic];
        let at = MODES.iter().position(|mode| *mode == self.mode).unwrap_or(1);
        let names = ["On this computer", "By the service", "Whichever is faster"];
        if let Some(mode) = buttons::segments(ui, &names, at).and_then(|clicked| MODES.get(clicked)) {
            self.mode = *mode;
        }
        let installed = installed(ctx, name).is_some();
        let text = match (self.mode, installed) {
            (InferenceMode::Local, _) => {
                "The same model runs on this computer; nothing is sent and no API key is needed."
            }
            (InferenceMode::Remote, _) => "Every item is sent to the service.",
            (InferenceMode::Dynamic, true) => {
                "Each batch is embedded on this computer if that is fast enough, otherwise by the service. Three items are compared first; if the vectors differ, the two are not mixed."
            }
            (InferenceMode::Dynamic, false) => {
                "The same model is not installed yet (see Models); until it is, the service embeds everything."
            }
        };
        note(ui, text, theme.text2);
    }

    fn key_field(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let theme = Theme::of(ui.ctx());
        head(ui, "API key");
        let location = ctx.state.view.key_of(self.provider);
        let refused = ctx.state.library().services.error.as_ref().is_some_and(|trouble| trouble.key);
        match location {
            None => note(ui, "Looking for an API key…", theme.text2),
            Some(KeyLocation::Environment(name)) => {
                note(ui, &format!("Read from the environment variable {name}"), theme.text2);
                return;
            }
            Some(KeyLocation::Store | KeyLocation::Memory) if !self.entering_key && !refused => {
                ui.horizontal(|ui| {
                    let text = if location == Some(KeyLocation::Store) {
                        "Stored in the system's key store"
                    } else {
                        "Kept until Vicinity is closed"
                    };
                    ui.label(egui::RichText::new(text).color(theme.text2));
                    if buttons::link(ui, "Change…", "Change API key").clicked() {
                        self.entering_key = true;
                    }
                    if buttons::quiet(ui, "Forget", "Forget API key", theme.text2).clicked() {
                        ctx.send(ServiceCommand::ForgetKey(self.provider));
                    }
                });
                return;
            }
            Some(_) => {}
        }
        let hint = egui::RichText::new("Paste the API key here").color(theme.text3);
        ui.add(TextEdit::singleline(&mut self.key).password(true).hint_text(hint).desired_width(f32::INFINITY))
            .accessible_name("Service API key");
        let variables = self.provider.variables().join(" or ");
        let optional = if self.service().spec().needs_key() { "" } else { "Your own server may not need one. " };
        let text = format!(
            "{optional}It is stored in the system's key store and never shown again. Or set {variables} before starting Vicinity."
        );
        note(ui, &text, theme.text2);
    }

    fn next_step(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let theme = Theme::of(ui.ctx());
        if let Some(input_error) = &self.input_error {
            note(ui, &format::sentence(input_error), theme.error);
        }
        let busy = ctx.state.library().services.busy.as_deref();
        ui.horizontal(|ui| {
            if self.mode_of() == InferenceMode::Local {
                return self.use_local(ui, ctx);
            }
            let next = ui.add_enabled_ui(busy.is_none(), |ui| buttons::primary(ui, "Review what will be sent…")).inner;
            if next.clicked() {
                self.prepare(ctx);
            }
            if let Some(busy) = busy {
                ui.label(egui::RichText::new(busy).color(theme.text2));
            }
        });
    }

    fn use_local(&self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let name = self.service().open_weights().unwrap_or_default();
        match installed(ctx, name) {
            Some(model) => {
                if buttons::primary(ui, "Use local model").clicked() {
                    ctx.send(ModelCommand::Use(model.source.clone()));
                }
            }
            None => {
                if buttons::primary(ui, "Download it in Models…").clicked() {
                    ctx.send(ViewCommand::ShowDialog(Dialog::Services, false));
                    ctx.send(ViewCommand::ShowDialog(Dialog::Models, true));
                }
            }
        }
    }

    fn prepare(&mut self, ctx: &Ctx<'_>) {
        let typed = std::mem::take(&mut self.key);
        self.input_error = None;
        let key = match typed.trim() {
            "" => None,
            text => match Key::new(text) {
                Ok(key) => Some(key),
                Err(error) => {
                    self.input_error = Some(error.to_string());
                    return;
                }
            },
        };
        self.entering_key = false;
        ctx.send(ServiceCommand::Prepare(self.service(), key));
    }

    /// The chosen mode; local and dynamic need a model whose weights are public.
    fn mode_of(&self) -> InferenceMode {
        if self.service().open_weights().is_some() { self.mode } else { InferenceMode::Remote }
    }

    fn provider_index(&self) -> usize {
        Provider::ALL.iter().position(|provider| *provider == self.provider).unwrap_or(0)
    }

    fn service(&self) -> Service {
        let at = self.provider_index();
        let text = |of: &[String; 3]| of.get(at).map(|text| text.trim().to_owned()).unwrap_or_default();
        Service {
            provider: self.provider,
            model: text(&self.models),
            base_url: Some(text(&self.addresses)).filter(|address| !address.is_empty()),
            dimensions: None,
            mode: self.mode,
        }
    }

    fn trouble(&self, ui: &mut Ui, ctx: &Ctx<'_>, trouble: &ServiceError) {
        let theme = Theme::of(ui.ctx());
        let frame = egui::Frame::new()
            .fill(theme.error.gamma_multiply(0.10))
            .corner_radius(RADIUS[1])
            .inner_margin(egui::Margin::same(SPACE[2] as i8));
        frame.show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = SPACE[0];
            let title = if trouble.key { "The API key was rejected" } else { "Something went wrong" };
            ui.label(egui::RichText::new(title).font(bold(text_size::BODY)).color(theme.error));
            note(ui, &format::sentence(&trouble.text), theme.text1);
            if trouble.key {
                let environment = match ctx.state.view.key_of(self.provider) {
                    Some(KeyLocation::Environment(name)) => format!("It was read from {name}; correct it there and restart Vicinity."),
                    _ => "Check that it is complete, belongs to this service and has not been revoked, then enter it again below.".to_owned(),
                };
                note(ui, &environment, theme.text2);
            }
            if ctx.state.library().services.active.is_none() && ctx.state.has_library() {
                let model = ctx.state.library().model.as_ref().map_or("The local model", |model| model.title.as_str());
                note(ui, &format!("{model} is still in use; nothing was sent."), theme.text2);
            }
        });
        ui.add_space(SPACE[0]);
    }
}

fn head(ui: &mut Ui, text: &str) {
    let theme = Theme::of(ui.ctx());
    ui.add_space(SPACE[0]);
    ui.label(egui::RichText::new(text).font(bold(text_size::SMALL)).color(theme.text1));
}

/// What will be sent where; nothing is sent until the button is clicked.
fn consent(ui: &mut Ui, ctx: &Ctx<'_>, offer: &ConsentRequest) {
    let theme = Theme::of(ui.ctx());
    let estimate = &offer.estimate;
    let title = format!("What will be sent to {}", estimate.host);
    ui.label(egui::RichText::new(title).font(bold(text_size::BODY)).color(theme.text1));
    note(ui, &format!("{} · {}", offer.service.provider.title(), offer.service.model), theme.text2);
    ui.add_space(SPACE[0]);
    divider(ui);
    row(ui, "Items", &format::number(estimate.items));
    row(ui, "Data", &format!("about {}", format::bytes(estimate.bytes)));
    row(ui, "Text tokens", &format!("about {}", format::number(estimate.tokens)));
    row(ui, "Requests", &format!("about {}", format::number(estimate.requests)));
    divider(ui);
    ui.add_space(SPACE[0]);
    let mut points = Vec::new();
    if estimate.items > 0 {
        points.push(format!("Sent: {}.", estimate.what));
    }
    if offer.skipped_pictures > 0 {
        points.push(format!(
            "{} will not be sent or found while the service is on: this model accepts only texts.",
            format::count(offer.skipped_pictures, "image")
        ));
    }
    if offer.service.mode == InferenceMode::Dynamic {
        points.push("These are upper limits: what this computer embeds fast enough is not sent.".to_owned());
    }
    points.push("Also sent: your searches, and files you add later.".to_owned());
    points.push("Never sent: file and folder names, EXIF data, GPS positions, the map.".to_owned());
    points.push("The service may charge you, and its terms apply.".to_owned());
    for point in points {
        note(ui, &point, theme.text1);
    }
    ui.add_space(SPACE[1]);
    let busy = ctx.state.library().services.busy.as_deref();
    ui.horizontal(|ui| {
        let agree = ui.add_enabled_ui(busy.is_none(), |ui| buttons::primary(ui, "Switch on for this library")).inner;
        if agree.clicked() {
            ctx.send(ServiceCommand::SwitchOn);
        }
        if buttons::secondary(ui, "Cancel").clicked() {
            ctx.send(ServiceCommand::Back);
        }
        if let Some(busy) = busy {
            ui.label(egui::RichText::new(busy).color(theme.text2));
        }
    });
}

fn row(ui: &mut Ui, name: &str, value: &str) {
    let theme = Theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 22.0), egui::Sense::hover());
    let face = crate::ui::style::font(text_size::BODY);
    ui.painter().text(rect.left_center(), egui::Align2::LEFT_CENTER, name, face.clone(), theme.text2);
    ui.painter().text(rect.right_center(), egui::Align2::RIGHT_CENTER, value, face, theme.text1);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, format!("{name}: {value}")));
}

/// The service that embeds the open library.
fn usage(ui: &mut Ui, ctx: &Ctx<'_>, on: &ActiveService) {
    let theme = Theme::of(ui.ctx());
    let by_local = if on.service.mode == InferenceMode::Dynamic { "this computer or " } else { "" };
    let title = format!("This library is embedded by {by_local}{}", on.host);
    ui.label(egui::RichText::new(title).font(bold(text_size::BODY)).color(theme.text1));
    note(ui, &format!("{} · {}", on.service.provider.title(), on.service.model), theme.text2);
    ui.add_space(SPACE[0]);
    divider(ui);
    row(ui, "Tokens", &format::number(on.usage.total_tokens));
    row(ui, "Requests", &format::number(on.usage.requests));
    row(ui, "Retried", &format::number(on.usage.repeated));
    divider(ui);
    note(
        ui,
        "Since the library was opened. If you switch the service off, its vectors are kept and the local model is used again.",
        theme.text2,
    );
    ui.add_space(SPACE[1]);
    ui.horizontal(|ui| {
        if buttons::secondary(ui, "Switch off").clicked() {
            ctx.send(ServiceCommand::SwitchOff);
        }
        if buttons::link(ui, "Models…", "Models…").clicked() {
            ctx.send(ViewCommand::ShowDialog(Dialog::Services, false));
            ctx.send(ModelAction::ShowModels);
        }
    });
}

/// The model on this computer with the weights called `name`, if it is installed.
fn installed<'a>(ctx: &'a Ctx<'_>, name: &str) -> Option<&'a ModelEntry> {
    ctx.state.view.model_list.as_ref()?.find(name).filter(|model| model.is_installed())
}
