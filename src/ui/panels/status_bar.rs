//! The status bar: current activity, size of the collection, use of the network.

use egui::text::{LayoutJob, TextFormat};
use egui::{Align, Frame, Layout, Margin, Panel, Sense, Ui, vec2};

use super::{models, network};
use crate::context::Ctx;
use crate::context::commands::{CollectionAction, ItemAction, ModelAction, ModelCommand};
use crate::context::format;
use crate::context::{ExportProgress, Notice, Severity, UnfinishedImport};
use crate::ui::style::{bold, font};
use crate::ui::theme::{SPACE, Theme, text_size};
use crate::ui::widgets::{bar, buttons, lines, one_line, text_width};
use vicinity_core::{FactsProgress, Modality, Progress, Stage, TextProgress};

/// Height of the bar.
pub const HEIGHT: f32 = 26.0;

/// Width of the buttons of an import, points.
const BUTTONS: f32 = 140.0;

/// Draws the bar.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let frame = Frame::new().fill(theme.panel).inner_margin(Margin::symmetric(SPACE[2] as i8, 0));
    Panel::bottom("status").exact_size(HEIGHT).frame(frame).show(ui, |ui| {
        ui.spacing_mut().item_spacing.x = SPACE[1];
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if !ctx.state.view.narrow {
                network::show(ui, ctx);
                newer(ui, ctx);
            }
            downloads(ui, ctx);
            if let Some(snapshot) = &ctx.state.library().snapshot {
                let images = format::count(snapshot.count(Modality::Image) as u64, "image");
                let texts = format::count(snapshot.count(Modality::Text) as u64, "text");
                text(ui, &format!("{images} · {texts}"));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| left(ui, ctx));
        });
    });
}

/// Shows that a newer version is available; a click opens its page.
fn newer(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let Some(version) = ctx.state.preferences.updates.newer() else { return };
    let summary = format!("Version {version} is available");
    if buttons::quiet_small(ui, &summary, &format!("{summary}: open its page in the browser"), theme.accent).clicked() {
        ctx.send(ModelCommand::ShowReleases);
    }
}

/// Models being downloaded, whatever else is going on; a click opens the models dialog.
fn downloads(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let Some(list) = &ctx.state.view.model_list else { return };
    let mut downloads = list.downloads();
    let Some((model, at)) = downloads.next() else { return };
    let share = models::download_share(&at);
    let more = downloads.count();
    let title = if more > 0 { format!("{} and {more} more", model.title) } else { model.title.clone() };
    let rate =
        if at.per_second > 0.0 { format!(" · {}", format::bytes_per_second(at.per_second)) } else { String::new() };
    let summary = format!("{title} {}{rate}", format::percent(share));
    let longest = format!("{title} 100% · 000 MB/s");
    let name = format!("Downloading {summary}");
    if buttons::quiet_small_with_room(ui, &summary, &longest, &name, theme.text2).clicked() {
        ctx.send(ModelAction::ShowModels);
    }
    let (rect, _) = ui.allocate_exact_size(vec2(56.0, HEIGHT), Sense::hover());
    bar(ui, egui::Rect::from_center_size(rect.center(), vec2(rect.width(), 4.0)), share, theme.accent);
}

fn left(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let state = ctx.state;
    let progress = &state.library().progress;
    if state.library.as_ref().is_some_and(|l| l.opening) {
        return activity(ui, "Opening library…", theme.warning);
    }
    if progress.stage != Stage::Idle {
        import(ui, ctx, progress);
    }
    if let Some(export) = &state.library().export {
        return exporting(ui, ctx, export);
    }
    let read_only = state.library().snapshot.as_ref().and_then(|s| s.parts().read_only.as_deref());
    let unfinished = state.library().unfinished.filter(|_| progress.stage == Stage::Idle && read_only.is_none());
    if let Some(unfinished) = unfinished {
        unfinished_import(ui, ctx, unfinished);
    }
    let notice = state.library().notices.last();
    match (notice, read_only, progress.stage, state.library().layout_progress) {
        (Some(notice), ..) => show_notice(ui, notice),
        (None, Some(why), ..) => show_notice(ui, &Notice { severity: Severity::Warning, text: why.to_owned() }),
        (None, None, Stage::Idle, Some(progress)) => activity(ui, &format::map_progress(&progress), theme.accent),
        (None, None, Stage::Idle, None) if unfinished.is_none() => match state.library().facts_progress {
            Some(FactsProgress { done, total }) => {
                let (done, total) = (format::number(done), format::number(total));
                activity(ui, &format!("Reading details of files: {done} of {total}"), theme.accent);
            }
            None => match state.library().text_progress {
                Some(progress) => reading_text(ui, ctx, &progress),
                None => text(ui, "Ready"),
            },
        },
        _ => {}
    }
}

/// Pictures whose text was read, the time left, and a button to pause.
fn reading_text(ui: &mut Ui, ctx: &Ctx<'_>, progress: &TextProgress) {
    let theme = Theme::of(ui.ctx());
    let of =
        |done: u64| format!("Reading text in pictures: {} of {}", format::number(done), format::number(progress.total));
    let rest = match progress.seconds_left {
        _ if progress.paused => " · paused".to_owned(),
        Some(seconds) => format!(" · {}", format::time_left(seconds)),
        None => String::new(),
    };
    dot(ui, if progress.paused { theme.text3 } else { theme.accent });
    let words = format!("{}{rest}", of(progress.done));
    let job = LayoutJob::simple_singleline(words, font(text_size::SMALL), theme.text2);
    label_with_room(ui, job, &format!("{} · 00 min 00 s left", of(progress.total)));
    let action = if progress.paused { "Resume" } else { "Pause" };
    let name = format!("{action} reading text");
    if buttons::quiet_with_room(ui, action, "Resume", &name, theme.text2).clicked() {
        ctx.send(CollectionAction::PauseText);
    }
}

/// An export that is under way, and a button to end it.
fn exporting(ui: &mut Ui, ctx: &Ctx<'_>, export: &ExportProgress) {
    let theme = Theme::of(ui.ctx());
    dot(ui, theme.accent);
    let of = |done: u64| match export.total {
        0 => format!("{}…", export.activity),
        total => format!("{}: {} of {}", export.activity, format::number(done), format::number(total)),
    };
    let job = LayoutJob::simple_singleline(of(export.done), font(text_size::SMALL), theme.text2);
    label_with_room(ui, job, &of(export.total));
    if buttons::quiet(ui, "Cancel", "Cancel export", theme.text2).clicked() {
        ctx.send(ItemAction::CancelExport);
    }
}

/// What an unfinished import has left, and a button to continue it.
fn unfinished_import(ui: &mut Ui, ctx: &Ctx<'_>, unfinished: UnfinishedImport) {
    let theme = Theme::of(ui.ctx());
    let left = match unfinished.left {
        0 => "Import not finished".to_owned(),
        left => format!("{} not imported", format::number(left)),
    };
    dot(ui, theme.warning);
    text(ui, &left);
    if buttons::quiet(ui, "Continue", "Continue import", theme.accent).clicked() {
        ctx.send(CollectionAction::Rescan);
    }
}

fn import(ui: &mut Ui, ctx: &Ctx<'_>, progress: &Progress) {
    let theme = Theme::of(ui.ctx());
    let paused = progress.stage == Stage::Paused;
    dot(ui, if paused { theme.text3 } else { theme.accent });
    let mut job = LayoutJob::default();
    let mut add = |words: &str, strong: bool| {
        let face = if strong { bold(text_size::SMALL) } else { font(text_size::SMALL) };
        let colour = if strong { theme.text1 } else { theme.text2 };
        job.append(words, 0.0, TextFormat::simple(face, colour));
    };
    if progress.stage == Stage::Scanning && progress.total == 0 {
        add("Scanning folders…", false);
    } else {
        add(&format::number(progress.done), true);
        let at_least = if progress.counting { "at least " } else { "" };
        add(&format!(" of {at_least}{} embedded", format::number(progress.total)), false);
        if paused {
            add(" · paused", false);
        } else if progress.per_second >= 0.05 {
            let rate = progress.per_second;
            add(
                &if rate < 9.95 { format!(" · {rate:.1} per second") } else { format!(" · {rate:.0} per second") },
                false,
            );
            if let Some(seconds) = progress.seconds_left {
                add(&format!(" · {}", format::time_left(seconds)), false);
            }
        }
    }
    let total = format::number(progress.total);
    label_with_room(ui, job, &format!("{total} of at least {total} embedded · 0,000 per second · 00 min 00 s left"));
    if progress.total > 0 && ui.available_width() > 330.0 {
        let (rect, _) = ui.allocate_exact_size(vec2(158.0, HEIGHT), Sense::hover());
        let line = egui::Rect::from_center_size(rect.center(), vec2(rect.width(), 4.0));
        bar(ui, line, progress.done as f32 / progress.total as f32, theme.accent);
    }
    let action = if paused { "Resume" } else { "Pause" };
    if buttons::quiet_with_room(ui, action, "Resume", action, theme.text2).clicked() {
        ctx.send(CollectionAction::PauseOrResume);
    }
    if buttons::quiet(ui, "Cancel", "Cancel import", theme.text2).clicked() {
        ctx.send(CollectionAction::CancelImport);
    }
}

/// Progress, with space for the longest text it can become, so that the buttons after it do not move. Truncated in a
/// narrow window.
fn label_with_room(ui: &mut Ui, job: LayoutJob, longest: &str) {
    // Bold numbers are slightly wider.
    let width = text_width(ui, longest, text_size::SMALL).max(text_width(ui, &job.text, text_size::SMALL)) + 8.0;
    let width = width.min((ui.available_width() - BUTTONS).max(60.0));
    let full = job.text.clone();
    let galley = lines(ui, job, width, 1);
    let (rect, response) = ui.allocate_exact_size(vec2(width, galley.size().y), Sense::hover());
    let cut = galley.elided;
    ui.painter().galley(rect.min, galley, egui::Color32::PLACEHOLDER);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &full));
    if cut {
        response.on_hover_text(full);
    }
}

fn activity(ui: &mut Ui, words: &str, colour: egui::Color32) {
    dot(ui, colour);
    text(ui, words);
}

fn show_notice(ui: &mut Ui, notice: &Notice) {
    let theme = Theme::of(ui.ctx());
    match notice.severity {
        Severity::Info => {}
        Severity::Warning => dot(ui, theme.warning),
        Severity::Error => dot(ui, theme.error),
    }
    let galley = one_line(ui, &notice.text, font(text_size::SMALL), theme.text1, ui.available_width() - SPACE[1]);
    // As high as a label, so that text stands at one height whatever is shown.
    let (rect, response) = ui.allocate_exact_size(galley.size(), Sense::hover());
    ui.painter().galley(rect.min, galley, theme.text1);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &notice.text));
    response.on_hover_text(&notice.text);
}

fn dot(ui: &mut Ui, colour: egui::Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(8.0, 8.0), Sense::hover());
    ui.painter().circle_filled(rect.center(), 3.5, colour);
}

fn text(ui: &mut Ui, words: &str) {
    let theme = Theme::of(ui.ctx());
    ui.label(egui::RichText::new(words).font(font(text_size::SMALL)).color(theme.text2));
}
