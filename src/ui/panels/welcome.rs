//! The start screen, shown in the centre while no library is open.

use egui::{
    Align, Align2, Layout, Pos2, Rect, Sense, Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo, accesskit::Role, pos2,
    vec2,
};

use crate::context::Ctx;
use crate::context::RecentLibrary;
use crate::context::commands::{CollectionAction, CollectionCommand, ModelCommand};
use crate::context::format;
use crate::context::model_list::{Recommendation, recommended};
use crate::ui::style::{bold, font};
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use crate::ui::widgets::{buttons, focus_ring, icons, icons::Icon, line};

/// Height of a row of the list of models.
const MODEL_ROW: f32 = 46.0;
/// Height of the list of models with its heading.
const MODEL_LIST: f32 = 26.0 + SPACE[4] + 4.0 * MODEL_ROW;
/// Models offered on first start, and what each is good for.
const OFFERED_MODELS: [(Recommendation, &str); 4] = [
    (Recommendation::Starter, "Ready now: everyday photos and short English texts"),
    (Recommendation::Photos, "SigLIP 2 B/16: recognises more in photos; 109 languages"),
    (Recommendation::PhotosAndDocuments, "Nomic Embed v1.5: photos and long English documents together"),
    (Recommendation::Fast, "SigLIP 2 B/32: nearly as good at photos, about 3× faster"),
];

/// Draws the start screen.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let area = ui.max_rect();
    let recents = ctx.state.preferences.recents.len().min(4) as f32;
    let offered = offers_models(ctx);
    let below = if offered { MODEL_LIST } else { 0.0 } + if recents > 0.0 { 60.0 + recents * 40.0 } else { 0.0 };
    let height = 250.0 + below;
    let width = (area.width() - 2.0 * SPACE[4]).clamp(120.0, 520.0);
    let top = (area.center().y - height / 2.0).max(area.top() + SPACE[3]);
    let column = Rect::from_min_size(pos2(area.center().x - width / 2.0, top), vec2(width, area.bottom() - top));
    ui.scope_builder(UiBuilder::new().max_rect(column).layout(Layout::top_down(Align::Center)), |ui| {
        let (cloud, _) = ui.allocate_exact_size(vec2(width.min(220.0), 96.0), Sense::hover());
        point_cloud(ui, cloud);
        ui.add_space(SPACE[4]);
        ui.label(egui::RichText::new("See and search your images and texts by meaning").font(bold(text_size::HEADING)).color(theme.text1));
        ui.add_space(SPACE[0]);
        ui.label(
            egui::RichText::new("Drop folders here. Everything is processed on this computer:\nnothing is sent anywhere, and your files are never changed.")
                .color(theme.text2),
        );
        ui.add_space(SPACE[2]);
        actions(ui, ctx);
        if offered {
            ui.add_space(SPACE[4]);
            model_choice(ui, ctx, width);
        }
        if !ctx.state.preferences.recents.is_empty() {
            ui.add_space(SPACE[4]);
            recent_list(ui, ctx, width.min(430.0));
        }
    });
}

fn actions(ui: &mut Ui, ctx: &Ctx<'_>) {
    // Centred manually, by the width in the previous frame.
    let id = ui.scope_id().with("actions width");
    let width = ui.data(|d| d.get_temp::<f32>(id)).unwrap_or(330.0);
    let indent = ((ui.available_width() - width) / 2.0).max(0.0);
    ui.with_layout(Layout::left_to_right(Align::Min), |ui| {
        ui.set_max_height(40.0);
        ui.add_space(indent);
        let start = ui.cursor().left();
        if buttons::primary(ui, CollectionAction::OpenFolder.info().text).clicked() {
            ctx.send(CollectionAction::OpenFolder);
        }
        ui.add_space(2.0);
        let sample = buttons::secondary(ui, CollectionAction::OpenSample.info().text);
        if sample.clicked() {
            ctx.send(CollectionAction::OpenSample);
        }
        ui.data_mut(|d| d.insert_temp(id, sample.rect.right() - start));
    });
}

/// Whether models are offered: on first start only, and only if they can be downloaded.
fn offers_models(ctx: &Ctx<'_>) -> bool {
    ctx.state.first_start() && ctx.state.view.model_list.is_some()
}

/// The choice of a model on first start; opening a folder dismisses it, too.
fn model_choice(ui: &mut Ui, ctx: &Ctx<'_>, width: f32) {
    let theme = Theme::of(ui.ctx());
    ui.spacing_mut().item_spacing.y = 0.0;
    let (head, _) = ui.allocate_exact_size(vec2(width, 26.0), Sense::hover());
    let title = "Choose a model";
    ui.painter().text(head.left_center(), Align2::LEFT_CENTER, title, bold(text_size::BODY), theme.text1);
    let note = "Nothing is downloaded until you choose";
    ui.painter().text(head.right_center(), Align2::RIGHT_CENTER, note, font(text_size::SMALL), theme.text2);
    let list = Rect::from_min_size(pos2(head.left(), head.bottom()), vec2(width, MODEL_ROW * 4.0));
    ui.painter().rect(list, RADIUS[1], theme.panel, Stroke::new(1.0, theme.line), StrokeKind::Inside);
    for (i, (choice, what)) in OFFERED_MODELS.into_iter().enumerate() {
        let Some(model) = recommended(choice) else { continue };
        let (rect, response) = ui.allocate_exact_size(vec2(width, MODEL_ROW), Sense::click());
        if i > 0 {
            ui.painter().hline(rect.x_range().shrink(1.0), rect.top(), Stroke::new(1.0, theme.line));
        }
        if response.hovered() {
            ui.painter().rect_filled(rect.shrink(2.0), RADIUS[1] - 2, theme.raised);
        }
        let size = if model.is_built_in() { "Built in".to_owned() } else { format::bytes(model.bytes) };
        let inner = rect.shrink2(vec2(SPACE[2], 0.0));
        let right = ui.painter().text(
            inner.right_center(),
            Align2::RIGHT_CENTER,
            &size,
            font(text_size::BODY),
            if model.is_built_in() { theme.ok } else { theme.text2 },
        );
        let available = inner.width() - right.width() - SPACE[3];
        let upper = Rect::from_min_size(pos2(inner.left(), rect.top() + 5.0), vec2(available, 18.0));
        let lower = Rect::from_min_size(pos2(inner.left(), rect.top() + 23.0), vec2(available, 18.0));
        focus_ring(ui.painter(), theme, &response, rect.shrink(2.0), RADIUS[1] - 2);
        let label = format!("{}: {what}, {size}", choice.title());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
        let response = line(ui, upper, choice.title(), bold(text_size::BODY), theme.text1, response);
        let response = line(ui, lower, what, font(text_size::SMALL), theme.text2, response);
        if response.clicked() {
            ctx.send(ModelCommand::ChooseFirst(choice));
        }
    }
}

fn recent_list(ui: &mut Ui, ctx: &Ctx<'_>, width: f32) {
    let theme = Theme::of(ui.ctx());
    ui.spacing_mut().item_spacing.y = 0.0;
    let (head, _) = ui.allocate_exact_size(vec2(width, 24.0), Sense::hover());
    ui.painter().text(head.left_center(), Align2::LEFT_CENTER, "Recent", bold(text_size::SMALL), theme.text3);
    let shown = &ctx.state.preferences.recents[..ctx.state.preferences.recents.len().min(4)];
    let list = Rect::from_min_size(pos2(head.left(), head.bottom()), vec2(width, 40.0 * shown.len() as f32));
    ui.painter().rect(list, RADIUS[1], theme.panel, Stroke::new(1.0, theme.line), StrokeKind::Inside);
    for (i, recent) in shown.iter().enumerate() {
        let (rect, response) = ui.allocate_exact_size(vec2(width, 40.0), Sense::click());
        if i > 0 {
            ui.painter().hline(rect.x_range().shrink(1.0), rect.top(), Stroke::new(1.0, theme.line));
        }
        if response.hovered() {
            ui.painter().rect_filled(rect.shrink(2.0), RADIUS[1] - 2, theme.raised);
        }
        icons::paint_at(ui.painter(), Icon::Folder, pos2(rect.left() + 17.0, rect.center().y), theme.text1);
        let note = recent_note(recent, ctx.state.view.now);
        let note_at = rect.right_center() - vec2(SPACE[1] + 2.0, 0.0);
        let note_width =
            ui.painter().text(note_at, Align2::RIGHT_CENTER, &note, font(text_size::BODY), theme.text3).width();
        let available = Rect::from_min_max(
            pos2(rect.left() + 32.0, rect.top()),
            pos2(rect.right() - note_width - SPACE[3], rect.bottom()),
        );
        focus_ring(ui.painter(), theme, &response, rect.shrink(2.0), RADIUS[1] - 2);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Open {}, {note}", recent.name)));
        let response = response.on_hover_text(recent.path.display().to_string());
        if line(ui, available, &recent.name, font(text_size::BODY), theme.text1, response).clicked() {
            ctx.send(CollectionCommand::OpenLibrary(recent.path.clone()));
        }
    }
}

/// Number of items of a library, and when it was last opened.
pub fn recent_note(recent: &RecentLibrary, now: i64) -> String {
    format!("{} · {}", format::count(recent.items, "item"), format::ago(recent.opened, now))
}

/// Three clusters of points as an illustration.
fn point_cloud(ui: &Ui, rect: Rect) {
    let theme = Theme::of(ui.ctx());
    let groups = [(0.20, 0.70, theme.images, 0x51u32), (0.50, 0.28, theme.hit, 0xa7), (0.80, 0.72, theme.texts, 0x3d)];
    for (x, y, colour, seed) in groups {
        let mut state = seed;
        let mut next = || {
            // A linear congruential generator, so that the drawing is always the same.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32
        };
        for _ in 0..36 {
            let radius = (-2.0 * next().max(1e-3).ln()).sqrt() * 0.30;
            let angle = next() * std::f32::consts::TAU;
            let at: Pos2 = rect.min
                + vec2(x * rect.width() + radius * angle.cos() * 52.0, y * rect.height() + radius * angle.sin() * 46.0);
            ui.painter().circle_filled(at, 2.0, colour.gamma_multiply(0.85));
        }
    }
}
