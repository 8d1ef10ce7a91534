//! The right panel's first tab: number of matches, distribution of scores, and the hits, best first.

use egui::text::{LayoutJob, TextFormat};
use egui::{Rect, ScrollArea, Sense, Ui, vec2};
use egui_plot::{Bar, BarChart, VLine};

use crate::context::Ctx;
use crate::context::commands::{ItemCommand, SearchCommand, ViewCommand};
use crate::context::format;
use crate::ui::grid::{BREAK_HEIGHT, TileGrid};
use crate::ui::style::{bold, font};
use crate::ui::theme::{SPACE, Theme, text_size};
use crate::ui::widgets::{bare_plot, buttons, tile};
use vicinity_core::{Filter, Histogram, Hit, Modality, Scoring, SearchResult};

/// Margin for the rings around tiles, points.
pub const EDGE: i8 = 3;

/// Width of the scoring button.
const SCORING: f32 = 72.0;

/// State of the tab.
#[derive(Default)]
pub struct ResultsPanel {
    /// Positions of the hits.
    pub grid: TileGrid,
    /// The entry to scroll to.
    pub scroll_to: Option<usize>,
}

/// Draws the tab.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>, memory: &mut ResultsPanel) {
    let query = &ctx.state.library().query;
    let inset = |ui: &mut Ui, contents: &mut dyn FnMut(&mut Ui)| {
        egui::Frame::new().inner_margin(egui::Margin::symmetric(EDGE, 0)).show(ui, contents);
    };
    if let Some(error) = &query.error {
        return inset(ui, &mut |ui| sentence(ui, error));
    }
    match &query.result {
        Some(result) if !query.is_empty() => {
            inset(ui, &mut |ui| {
                summary(ui, ctx, result);
                filter(ui, ctx);
            });
            ui.add_space(2.0);
            hits(ui, ctx, result, memory);
        }
        _ => {
            memory.grid = TileGrid::default();
            ScrollArea::vertical().id_salt("nothing asked").auto_shrink(false).show(ui, |ui| {
                inset(ui, &mut |ui| no_query(ui, ctx));
            });
        }
    }
}

/// Number of matches, scoring, and distribution of scores.
pub fn summary(ui: &mut Ui, ctx: &Ctx<'_>, result: &SearchResult) {
    head(ui, ctx, result);
    if let Some(histogram) = &result.histogram {
        histogram_plot(ui, histogram);
    }
    found_in_pictures(ui, ctx);
}

/// The pictures in which the words searched for were read, however similar they are; a click shows them.
fn found_in_pictures(ui: &mut Ui, ctx: &Ctx<'_>) {
    let found = ctx.state.library().query.found_in_pictures();
    let text = match found.len() {
        0 => return,
        1 => "1 picture contains this text".to_owned(),
        n => format!("{} pictures contain this text", format::number(n as u64)),
    };
    if buttons::link(ui, &text, &text).clicked() {
        if let [one] = found {
            return ctx.send(ItemCommand::OpenPreview(*one));
        }
        ctx.send(ItemCommand::Select(found.to_vec()));
        ctx.send(ViewCommand::ListSelection);
    }
}

fn sentence(ui: &mut Ui, text: &str) {
    let theme = Theme::of(ui.ctx());
    ui.add_space(SPACE[0]);
    ui.label(egui::RichText::new(text).color(theme.text2));
}

/// What can be searched for, and queries to try.
pub fn no_query(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    if ctx.state.library().query.pending {
        return sentence(ui, "Searching…");
    }
    if ctx.state.library().snapshot.as_ref().is_none_or(|s| s.is_empty()) {
        return sentence(ui, "Search results and the selected item appear here");
    }
    if ctx.state.library().has_own_vectors() {
        return sentence(
            ui,
            "This library uses vectors of its own, so words cannot be searched: right-click an item and choose “Find similar”",
        );
    }
    sentence(ui, "Type what you are looking for. Images and texts are found by meaning, not by file name");
    super::suggestions::show(ui, ctx);
    ui.label(
        egui::RichText::new("Or drop or paste an image, or right-click an item and choose “Find similar”")
            .color(theme.text2),
    );
}

/// Number of matches as text.
pub fn matches(above_threshold: usize) -> String {
    match above_threshold {
        0 => "No clear match".to_owned(),
        1 => "About 1 match".to_owned(),
        n => format!("About {} matches", format::number(n as u64)),
    }
}

/// Number of items with a score in the current search.
pub fn scored(ctx: &Ctx<'_>) -> u64 {
    let result = ctx.state.library().query.result.as_ref();
    result.and_then(|result| result.histogram.as_ref()).map_or(0, Histogram::len)
}

fn head(ui: &mut Ui, ctx: &Ctx<'_>, result: &SearchResult) {
    let theme = Theme::of(ui.ctx());
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        let (first, rest) = (matches(result.above_threshold), format!(" in {} · ", format::count(scored(ctx), "item")));
        let job = |with_rest: bool| {
            let mut job = LayoutJob::default();
            job.append(&first, 0.0, TextFormat::simple(bold(text_size::BODY), theme.text1));
            let rest = if with_rest { rest.as_str() } else { " · " };
            job.append(rest, 0.0, TextFormat::simple(font(text_size::BODY), theme.text2));
            job
        };
        // A row that does not fit would widen the whole panel.
        let fits = ui.painter().layout_job(job(true)).size().x + SCORING <= ui.available_width();
        let response = ui.label(job(fits));
        if !fits {
            response.on_hover_text(format!("{first}{}", rest.trim_end_matches(" · ")));
        }
        let button =
            buttons::menu_button(ui, "Scoring", &[], "Scoring", theme.text2).on_hover_text("How results are ranked");
        egui::Popup::menu(&button).width(300.0).show(|ui| ranking_menu(ui, ctx));
    });
}

fn ranking_menu(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    for (scoring, name, note) in [
        (Scoring::Centred, "Balanced", "Adjusted so images and texts rank fairly together"),
        (Scoring::RawCosine, "Raw cosine", "Unadjusted similarity; texts tend to rank higher"),
    ] {
        let chosen = ctx.state.library().query.scoring == scoring;
        let response = buttons::menu_choice(ui, name, "", chosen);
        ui.horizontal(|ui| {
            ui.add_space(SPACE[1]);
            crate::ui::widgets::note(ui, note, theme.text2);
        });
        if response.clicked() {
            ctx.send(SearchCommand::SetScoring(scoring));
            ui.close();
        }
    }
}

fn histogram_plot(ui: &mut Ui, histogram: &Histogram) {
    let theme = Theme::of(ui.ctx());
    let width = f64::from(histogram.bar_width());
    let bars = |hit: bool, colour: egui::Color32| -> Vec<Bar> {
        (0..histogram.counts.len())
            .filter(|i| (histogram.middle(*i) >= histogram.threshold) == hit && histogram.counts[*i] > 0)
            .map(|i| {
                // The square root keeps a few hits visible next to a thousand others.
                let height = f64::from(histogram.counts[i]).sqrt();
                Bar::new(f64::from(histogram.middle(i)), height)
                    .width(width * 0.78)
                    .fill(colour)
                    .stroke(egui::Stroke::NONE)
            })
            .collect()
    };
    let rest = BarChart::new("rest", bars(false, theme.bar())).allow_hover(false);
    let hits = BarChart::new("hits", bars(true, theme.hit)).allow_hover(false);
    let tallest = histogram.counts.iter().max().copied().unwrap_or(1);
    let response = bare_plot(egui::Id::unique("scores"), 44.0)
        .include_x(f64::from(histogram.low))
        .include_x(f64::from(histogram.high))
        .include_y(0.0)
        .include_y(f64::from(tallest).sqrt() * 1.15)
        .show(ui, |plot| {
            plot.bar_chart(rest);
            plot.bar_chart(hits);
            if histogram.threshold.is_finite() && histogram.threshold < histogram.high {
                plot.vline(
                    VLine::new("threshold", f64::from(histogram.threshold))
                        .color(theme.text1)
                        .width(1.0)
                        .allow_hover(false),
                );
            }
        });
    let threshold = format::score(histogram.threshold);
    response.response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Image, true, format!("Histogram of scores, threshold {threshold}"))
    });
    response.response.on_hover_text(format!(
        "Distribution of scores (bar heights are square roots). Scores from {threshold} count as matches"
    ));
}

/// The switch between images, texts, or both.
pub fn filter(ui: &mut Ui, ctx: &Ctx<'_>) {
    let query = &ctx.state.library().query;
    let kinds = [None, Some(Modality::Image), Some(Modality::Text)];
    let selected = kinds.iter().position(|k| *k == query.filter.modality).unwrap_or(0);
    let names: Vec<String> = ["All", "Images", "Texts"]
        .iter()
        .enumerate()
        .map(|(i, name)| match query.matches {
            Some(matches) => format!("{name} {}", format::number(matches[i] as u64)),
            None => (*name).to_owned(),
        })
        .collect();
    let width = |names: &[String]| -> f32 {
        let of = |name: &String| {
            ui.painter().layout_no_wrap(name.clone(), bold(text_size::SMALL), egui::Color32::PLACEHOLDER)
        };
        names.iter().map(|name| of(name).size().x + 2.0 * SPACE[2]).sum::<f32>() + 4.0
    };
    let short_names = || ["All", "Images", "Texts"].map(str::to_owned).to_vec();
    let names = if width(&names) <= ui.available_width() { names } else { short_names() };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if let Some(clicked) = buttons::segments(ui, &names, selected) {
        ctx.send(SearchCommand::SetFilter(Filter { modality: kinds[clicked], ..query.filter.clone() }));
    }
}

fn hits(ui: &mut Ui, ctx: &Ctx<'_>, result: &SearchResult, memory: &mut ResultsPanel) {
    let Some(snapshot) = &ctx.state.library().snapshot else { return };
    if result.hits.is_empty() {
        let is_filtered = !ctx.state.library().query.filter.is_empty();
        let why = if is_filtered { "No items match the filter" } else { "Nothing to compare with yet" };
        return sentence(ui, why);
    }
    let kinds: Vec<Modality> = result.hits.iter().map(|h: &Hit| h.modality).collect();
    let marked = tile::words_to_highlight(&ctx.state.library().query.text);
    let area = ScrollArea::vertical().id_salt("hits").auto_shrink(false).content_margin(egui::Margin {
        left: 3,
        right: 3,
        top: 4,
        bottom: 8,
    });
    area.show_viewport(ui, |ui, view| {
        let width = ui.available_width();
        memory.grid = TileGrid::columns(&kinds, result.above_threshold, width);
        let (canvas, _) = ui.allocate_exact_size(vec2(width, memory.grid.height), Sense::hover());
        if let Some(rect) = memory.scroll_to.take().and_then(|i| memory.grid.rect_of(i)) {
            ui.scroll_to_rect(rect.translate(canvas.min.to_vec2()).expand(6.0), None);
        }
        if let Some(y) = memory.grid.break_at {
            tile::less_similar_divider(ui, Rect::from_min_size(canvas.min + vec2(0.0, y), vec2(width, BREAK_HEIGHT)));
        }
        for cell in memory.grid.between(view.top() - 40.0, view.bottom() + 40.0) {
            let Some(hit) = result.hits.get(cell.index) else { continue };
            let Some(item) = snapshot.get(hit.item) else { continue };
            let rect = cell.rect.translate(canvas.min.to_vec2());
            let shown = tile::Tile { item, score: Some(hit.score), marked: &marked };
            let response = shown.show(ui, ctx, rect, "hit");
            tile::on_click(ui, ctx, &response, hit.item, ItemCommand::Focus(hit.item));
        }
    });
}
