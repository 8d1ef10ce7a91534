//! The right panel's second tab: one item with its details, labels and neighbours, or a summary of several.

use std::sync::Arc;

use egui::{Align2, Id, Rect, ScrollArea, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::context::LoadedPreview;
use crate::context::commands::{Action, ItemAction, ItemCommand, SearchAction, ViewCommand};
use crate::context::format;
use crate::context::{AppliedLabels, Ctx};
use crate::ui::style::{bold, font};
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use crate::ui::widgets::{bar, buttons, line, tile, truncate};
use vicinity_core::{Item, ItemId, Modality, ScoredLabels};

/// Labels shown before "Show all".
const LABELS_SHOWN: usize = 5;
/// Neighbours shown.
const NEIGHBOURS_SHOWN: usize = 12;
/// Items that a summary of a selection looks at.
const SUMMARISED: usize = 20_000;
/// Below this width a label has no bar, points.
const NO_BAR: f32 = 190.0;
/// Characters of a text shown here; the preview shows all.
const TEXT_SHOWN: usize = 1_500;

/// Draws the tab.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>) {
    let area = ScrollArea::vertical().id_salt("inspector").auto_shrink(false).content_margin(egui::Margin {
        left: 3,
        right: 3,
        top: 2,
        bottom: 16,
    });
    area.show(ui, |ui| {
        let selection = &ctx.state.library().selection;
        match selection.focus().and_then(|id| ctx.state.item(id)) {
            Some(_) if selection.items.len() > 1 => multiple_items(ui, ctx),
            Some(item) => single_item(ui, ctx, item),
            None => nothing_selected(ui, ctx),
        }
    });
}

/// Next to the gallery there is no list of hits, so its summary is shown here while nothing is selected.
fn nothing_selected(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let beside_gallery = ctx.state.preferences.central_view.shows_gallery();
    if ctx.state.library().query.external_chip().is_some() {
        search_image(ui, ctx);
    }
    match ctx.state.current_result() {
        Some(result) if beside_gallery => {
            super::results::summary(ui, ctx, result);
            super::results::filter(ui, ctx);
            ui.add_space(SPACE[0]);
            ui.label(
                egui::RichText::new("Select an item to see its details, labels and similar items").color(theme.text2),
            );
        }
        None if beside_gallery && ctx.state.library().query.is_empty() => super::results::no_query(ui, ctx),
        _ if ctx.state.library().query.external_chip().is_none() => {
            ui.label(
                egui::RichText::new("Click a point on the map or a thumbnail to see its details").color(theme.text2),
            );
        }
        _ => {}
    }
}

fn single_item(ui: &mut Ui, ctx: &Ctx<'_>, item: &Item) {
    match item.modality {
        Modality::Image => picture(ui, ctx, item),
        Modality::Text => text(ui, ctx, item),
    }
    details(ui, ctx, item);
    super::photo_facts::show(ui, ctx, item.id);
    super::row_cells::show(ui, ctx, item);
    if let Some(text) = super::picture_text::of(ctx, item.id) {
        section(ui, "Text in picture");
        super::picture_text::show(ui, text);
    }
    if !ctx.state.library().has_own_vectors() {
        let scores = ctx.state.library().labels.focus_scores.as_ref();
        labels(ui, ctx, scores.and_then(|all| all.iter().find(|s| s.item == Some(item.id))));
    }
    similar(ui, ctx, item.id);
    ui.add_space(SPACE[1]);
    ui.horizontal_wrapped(|ui| {
        for command in [
            Action::Items(ItemAction::Reveal),
            Action::Items(ItemAction::CopyPath),
            Action::Search(SearchAction::BySelection),
        ] {
            if buttons::button(ui, command.info().text).on_hover_text(command.info().tooltip).clicked() {
                ctx.send(command);
            }
        }
    });
}

fn picture(ui: &mut Ui, ctx: &Ctx<'_>, item: &Item) {
    let theme = Theme::of(ui.ctx());
    let width = ui.available_width();
    let shape = item.pixels.map_or(0.75, |[w, h]| h as f32 / (w as f32).max(1.0));
    let height = (width * shape).clamp(60.0, 330.0);
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::click());
    let thumbnail = ctx.thumbnail(item.id).flatten();
    let large = match ctx.state.library().previews.get(&item.id) {
        Some(Ok(LoadedPreview::Picture(texture))) => Some(texture),
        _ => None,
    };
    match large.or(thumbnail) {
        Some(texture) => tile::cover(ui, texture, rect, RADIUS[1] - 2),
        None => _ = ui.painter().rect_filled(rect, RADIUS[1] - 2, theme.raised),
    }
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, format!("Preview of {}", item.name())));
    crate::ui::widgets::focus_ring(ui.painter(), theme, &response, rect, RADIUS[1] - 2);
    if response.on_hover_text("Preview (Space)").clicked() {
        ctx.send(ItemCommand::OpenPreview(item.id));
    }
    ui.add_space(SPACE[0]);
}

fn text(ui: &mut Ui, ctx: &Ctx<'_>, item: &Item) {
    let theme = Theme::of(ui.ctx());
    let words = match ctx.state.library().previews.get(&item.id) {
        Some(Ok(LoadedPreview::Text(text))) => text,
        _ => item.snippet.as_deref().unwrap_or_default(),
    };
    let end = words.char_indices().nth(TEXT_SHOWN).map_or(words.len(), |(i, _)| i);
    let frame = egui::Frame::new().stroke(Stroke::new(1.0, theme.line)).corner_radius(RADIUS[1]).inner_margin(SPACE[2]);
    let response = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ScrollArea::vertical().id_salt("text").max_height(220.0).show(ui, |ui| {
            let shown = if end < words.len() { format!("{}…", &words[..end]) } else { words.to_owned() };
            let text = egui::RichText::new(shown).font(font(text_size::BODY)).color(theme.text1);
            ui.add(egui::Label::new(text).wrap().selectable(true));
        });
    });
    ui.add_space(SPACE[0]);
    if end < words.len() {
        response.response.on_hover_text("Press Space to see the whole text");
    }
}

fn details(ui: &mut Ui, ctx: &Ctx<'_>, item: &Item) {
    let theme = Theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, item.name()));
    let response = response.on_hover_text(item.path.display().to_string());
    line(ui, rect, &item.name(), bold(text_size::BODY), theme.text1, response);
    let root = ctx.state.root_of(&item.path);
    detail(ui, "folder", &format::folder_below(root, &item.path));
    detail(ui, "modified", &format::date(item.modified_ns));
    let size = match item.pixels {
        Some([w, h]) => {
            format!("{} × {} · {}", format::number(w.into()), format::number(h.into()), format::bytes(item.bytes))
        }
        None => format::bytes(item.bytes),
    };
    detail(ui, "size", &size);
    if let Some(label) = ctx.state.library().labels.applied.name_of(item.id) {
        detail(ui, "label", label);
    }
    if let Some(score) = ctx.state.score_of(item.id) {
        detail(ui, "score", &format::score(score));
    }
    ui.add_space(SPACE[1]);
}

fn detail(ui: &mut Ui, name: &str, value: &str) {
    let theme = Theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 13.0), Sense::hover());
    ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, name, font(text_size::SMALL), theme.text2);
    let available = Rect::from_min_max(pos2(rect.left() + 80.0, rect.top()), rect.max);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, format!("{name} {value}")));
    line(ui, available, value, font(text_size::SMALL), theme.text1, response);
}

/// The heading of a section, with room for an action at the right.
fn section(ui: &mut Ui, title: &str) -> Rect {
    let theme = Theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0), Sense::hover());
    ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, title, bold(text_size::BODY), theme.text1);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, title));
    rect
}

fn labels(ui: &mut Ui, ctx: &Ctx<'_>, scored: Option<&ScoredLabels>) {
    let theme = Theme::of(ui.ctx());
    let set = &ctx.state.preferences.label_set;
    let head = section(ui, "Closest labels");
    let title = format!("{} ({})", set.name, set.labels.len());
    let place =
        Rect::from_min_max(pos2(head.left() + 110.0, head.top() - 2.0), pos2(head.right(), head.bottom() + 2.0));
    let mut child =
        ui.new_child(egui::UiBuilder::new().max_rect(place).layout(egui::Layout::right_to_left(egui::Align::Center)));
    let shown = truncate(ui, &title, &font(text_size::BODY), place.width() - buttons::ARROW - SPACE[1]);
    let mut link = buttons::menu_button(&mut child, &shown, &[], &format!("Label set {title}"), theme.accent);
    if shown != title {
        link = link.on_hover_text(&title);
    }
    egui::Popup::menu(&link).width(260.0).show(|ui| {
        buttons::menu_entry(ui, ctx, ItemAction::EditLabels);
        if buttons::menu_row(ui, "Load from file…", "").clicked() {
            ctx.send(ItemCommand::LoadLabels);
            ui.close();
        }
        super::label_editor::presets(ui, ctx);
        buttons::menu_entry(ui, ctx, ItemAction::ApplyLabels);
    });
    let Some(scored) = scored else {
        ui.label(egui::RichText::new("Comparing…").color(theme.text3));
        ui.add_space(SPACE[1]);
        return;
    };
    if scored.clear().is_none() {
        crate::ui::widgets::note(ui, "No clear label: several fit about equally well", theme.text2);
    }
    let all = ui.scope_id().with("all labels");
    let show_all = ui.data(|d| d.get_temp::<bool>(all)).unwrap_or(false);
    let shown = if show_all { scored.scores.len() } else { LABELS_SHOWN };
    ui.spacing_mut().item_spacing.y = 2.0;
    let best = scored.scores.first().map_or(1.0, |s| s.share);
    for (i, score) in scored.scores.iter().take(shown).enumerate() {
        let Some(label) = set.labels.get(score.label) else { continue };
        label_row(ui, label, score.share, score.score, i == 0 || score.share > best * 0.6);
    }
    ui.spacing_mut().item_spacing.y = SPACE[1];
    if scored.scores.len() > LABELS_SHOWN {
        let text = if show_all { "Show fewer" } else { "Show all" };
        if buttons::quiet(ui, text, text, theme.text2).clicked() {
            ui.data_mut(|d| d.insert_temp(all, !show_all));
        }
    }
}

/// A label with its share as a bar.
pub fn label_row(ui: &mut Ui, label: &str, share: f32, score: f32, strong: bool) {
    let theme = Theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0), Sense::hover());
    // In little space the name matters more than the bar.
    let with_bar = rect.width() >= NO_BAR;
    let name_width = if with_bar { (rect.width() * 0.4).min(130.0) } else { rect.width() - 44.0 };
    let name = Rect::from_min_size(rect.min, vec2(name_width - 4.0, rect.height()));
    let percent = format::percent(share);
    ui.painter().text(rect.right_center(), Align2::RIGHT_CENTER, &percent, font(text_size::BODY), theme.text2);
    let available = Rect::from_min_max(
        pos2(rect.left() + name_width, rect.center().y - 3.0),
        pos2(rect.right() - 48.0, rect.center().y + 3.0),
    );
    if with_bar {
        bar(ui, available, share, if strong { theme.accent } else { theme.accent.gamma_multiply(0.6) });
    }
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, format!("{label} {percent}")));
    let response = response
        .on_hover_text(format!("{label}: similarity {}, {percent} within this label set", format::score(score)));
    line(ui, name, label, font(text_size::BODY), theme.text1, response);
}

fn similar(ui: &mut Ui, ctx: &Ctx<'_>, id: ItemId) {
    let Some((_, result)) = ctx.state.library().neighbours.as_ref().filter(|(of, _)| *of == id) else { return };
    section(ui, "Similar");
    let items: Vec<_> = result.hits.iter().filter(|h| h.item != id).take(NEIGHBOURS_SHOWN).collect();
    thumbnail_strip(ui, ctx, &items.iter().map(|h| h.item).collect::<Vec<_>>(), "neighbour");
}

/// Small tiles, four per row.
fn thumbnail_strip(ui: &mut Ui, ctx: &Ctx<'_>, items: &[ItemId], salt: &str) {
    let theme = Theme::of(ui.ctx());
    let gap = 6.0;
    let side = (ui.available_width() - 3.0 * gap) / 4.0;
    let rows = items.len().div_ceil(4);
    let size = vec2(ui.available_width(), rows as f32 * (side * 0.95 + gap));
    let (canvas, _) = ui.allocate_exact_size(size, Sense::hover());
    for (i, id) in items.iter().enumerate() {
        let Some(item) = ctx.state.item(*id) else { continue };
        let at = canvas.min + vec2((i % 4) as f32 * (side + gap), (i / 4) as f32 * (side * 0.95 + gap));
        let rect = Rect::from_min_size(at, vec2(side, side * 0.95));
        let response = ui.interact(rect, ui.scope_id().with((salt, id.0)), Sense::click());
        match item.modality {
            Modality::Image => match ctx.thumbnail(*id).flatten() {
                Some(texture) => tile::cover(ui, texture, rect, RADIUS[0]),
                None => _ = ui.painter().rect_filled(rect, RADIUS[0], theme.raised),
            },
            Modality::Text => {
                ui.painter().rect(rect, RADIUS[0], theme.panel, Stroke::new(1.0, theme.line), StrokeKind::Inside);
                let inner = rect.shrink(5.0);
                let job = egui::text::LayoutJob::simple(
                    item.snippet.as_deref().unwrap_or_default().to_owned(),
                    font(9.5),
                    theme.text2,
                    inner.width(),
                );
                let galley = crate::ui::widgets::lines(ui, job, inner.width(), (inner.height() / 12.0) as usize);
                ui.painter().with_clip_rect(inner.intersect(ui.clip_rect())).galley(inner.min, galley, theme.text2);
            }
        }
        if response.hovered() {
            ui.painter().rect_stroke(rect, RADIUS[0], Stroke::new(1.5, theme.accent), StrokeKind::Outside);
            ctx.commands.hover_item(*id);
        }
        crate::ui::widgets::focus_ring(ui.painter(), theme, &response, rect, RADIUS[0]);
        let name = item.name();
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
        tile::on_click(ui, ctx, &response, *id, ItemCommand::Select(vec![*id]));
        response.on_hover_text(name);
    }
}

fn multiple_items(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let items = &ctx.state.library().selection.items;
    section(ui, &format!("{} selected", format::number(items.len() as u64)));
    let summary = selection_summary(ui, ctx);
    let [images, texts] = summary.counts;
    let kinds = [(images, "image"), (texts, "text")];
    let kinds: Vec<String> =
        kinds.into_iter().filter(|(n, _)| *n > 0).map(|(n, kind)| format::count(n, kind)).collect();
    detail(ui, "items", &kinds.join(" · "));
    detail(ui, "size", &format::bytes(summary.bytes));
    ui.add_space(SPACE[1]);
    let first: Vec<ItemId> = items.iter().copied().take(NEIGHBOURS_SHOWN).collect();
    thumbnail_strip(ui, ctx, &first, "selected");
    let listed =
        ctx.state.library().gallery.pinned.as_ref().is_some_and(|p| p.stamp() == ctx.state.library().selection.stamp());
    if items.len() > NEIGHBOURS_SHOWN
        && !(listed && ctx.state.preferences.central_view.shows_gallery())
        && buttons::link(ui, "Show all in gallery", "Show all in gallery").clicked()
    {
        ctx.send(ViewCommand::ListSelection);
    }
    ui.add_space(SPACE[0]);
    let labels = &ctx.state.library().labels;
    let counts = &summary.labels;
    let labelled: usize = counts.iter().sum();
    if labelled > 0 {
        section(ui, "Labels");
        let mut order: Vec<usize> = (0..counts.len()).filter(|i| counts[*i] > 0).collect();
        order.sort_by_key(|i| std::cmp::Reverse(counts[*i]));
        ui.spacing_mut().item_spacing.y = 2.0;
        for i in order {
            let share = counts[i] as f32 / (images + texts) as f32;
            let Some(name) = labels.applied.names.get(i) else { continue };
            label_row(ui, name, share, share, true);
        }
        ui.spacing_mut().item_spacing.y = SPACE[1];
    } else {
        ui.label(egui::RichText::new("Give each item its closest label and colour the map").color(theme.text2));
    }
    ui.add_space(SPACE[1]);
    ui.horizontal_wrapped(|ui| {
        for command in [
            Action::Items(ItemAction::ApplyLabels),
            Action::Items(ItemAction::EditLabels),
            Action::Search(SearchAction::BySelection),
            Action::Items(ItemAction::CopyPath),
            Action::Items(ItemAction::ExportSelection),
            Action::Items(ItemAction::CopyFiles),
        ] {
            let text = match command {
                Action::Items(ItemAction::CopyPath) => format!("Copy {}", format::count(items.len() as u64, "path")),
                command => command.info().text.to_owned(),
            };
            if buttons::button(ui, &text).on_hover_text(command.info().tooltip).clicked() {
                ctx.send(command);
            }
        }
    });
}

/// Facts about the selected items.
struct SelectionSummary {
    /// The selection, epoch and labels that it was computed for.
    key: (u64, u64, Arc<AppliedLabels>),
    /// Images and texts.
    counts: [u64; 2],
    bytes: u64,
    /// Items of each label.
    labels: Vec<usize>,
}

/// Computed once per selection: looking up thousands of items takes longer than a frame may.
fn selection_summary(ui: &Ui, ctx: &Ctx<'_>) -> Arc<SelectionSummary> {
    let (library, id) = (ctx.state.library(), Id::unique("selection summary"));
    let epoch = library.snapshot.as_ref().map_or(0, |s| s.epoch());
    let (selection, applied) = (&library.selection, &library.labels.applied);
    let known: Option<Arc<SelectionSummary>> = ui.data(|d| d.get_temp(id));
    let is_current = |(stamp, of, labels): &(u64, u64, Arc<AppliedLabels>)| {
        *stamp == selection.stamp() && *of == epoch && Arc::ptr_eq(labels, applied)
    };
    if let Some(known) = known.filter(|known| is_current(&known.key)) {
        return known;
    }
    let mut summary = SelectionSummary {
        key: (selection.stamp(), epoch, Arc::clone(applied)),
        counts: [0; 2],
        bytes: 0,
        labels: vec![0; applied.names.len()],
    };
    // Exact for usual selections; a sample of a selection of millions.
    for item in selection.items.iter().take(SUMMARISED).filter_map(|id| ctx.state.item(*id)) {
        summary.counts[item.modality.index()] += 1;
        summary.bytes += item.bytes;
        if let Some(count) = applied.best.get(&item.id).and_then(|s| summary.labels.get_mut(s.label)) {
            *count += 1;
        }
    }
    let summary = Arc::new(summary);
    ui.data_mut(|d| d.insert_temp(id, Arc::clone(&summary)));
    summary
}

/// The search image that is not in the collection, with its closest labels.
fn search_image(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let Some(chip) = ctx.state.library().query.external_chip() else { return };
    if let Some(texture) = &chip.texture {
        let size = texture.size_vec2();
        let width = ui.available_width();
        let (rect, _) =
            ui.allocate_exact_size(vec2(width, (width * size.y / size.x.max(1.0)).clamp(60.0, 330.0)), Sense::hover());
        tile::cover(ui, texture, rect, RADIUS[1] - 2);
        ui.add_space(SPACE[0]);
    }
    ui.add(
        egui::Label::new(egui::RichText::new(&chip.label).font(bold(text_size::BODY)).color(theme.text1)).truncate(),
    );
    ui.label(
        egui::RichText::new("Search image (not in your collection)").font(font(text_size::SMALL)).color(theme.text2),
    );
    ui.add_space(SPACE[1]);
    labels_of_query(ui, ctx);
}

/// The labels closest to the search image.
fn labels_of_query(ui: &mut Ui, ctx: &Ctx<'_>) {
    let scored = ctx.state.library().labels.query_scores.as_ref().and_then(|all| all.first());
    labels(ui, ctx, scored);
}
