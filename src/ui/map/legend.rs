//! The legend in the map's lower left corner: what the colours mean, and which points are shown.

use egui::accesskit::Role;
use egui::{Popup, Rect, RectAlign, Response, RichText, ScrollArea, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::context::commands::MapCommand;
use crate::context::format;
use crate::context::{ColourBy, Ctx};
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use crate::ui::widgets::buttons;

use super::MapPanel;
use super::categories::LegendEntry;
use super::controls::{BUTTON, draw_focus};
use vicinity_core::condition::field::Field;

/// Colouring options in menu order.
const COLOUR_CHOICES: [(ColourBy, &str); 13] = [
    (ColourBy::Modality, "Type"),
    (ColourBy::Folder, "Folder"),
    (ColourBy::Similarity, "Similarity to query"),
    (ColourBy::Cluster, "Cluster"),
    (ColourBy::Label, "Label"),
    (ColourBy::Group, "Group"),
    (ColourBy::Camera, "Camera"),
    (ColourBy::Year, "Year taken"),
    (ColourBy::Rating, "Rating"),
    (ColourBy::Typical, "Typical items"),
    (ColourBy::Outlier, "Outliers"),
    (ColourBy::Preserved, "Neighbours kept"),
    (ColourBy::Duplicate, "Duplicates"),
];
/// Height of the list of columns in the menu, points.
const COLUMNS_HEIGHT: f32 = 240.0;
/// Room behind the name of the colouring that the long scale takes, points.
const SCALE_ROOM: f32 = 190.0;
/// Up to this many legend entries are shown on one line.
const MAX_INLINE_ENTRIES: usize = 3;

impl MapPanel {
    pub(super) fn legend(&self, ui: &mut Ui, cx: &Ctx<'_>) {
        let theme = Theme::of(ui.ctx());
        let Some(colours) = self.cache.current.as_ref().map(|c| &c.colours) else { return };
        let entries = &colours.legend;
        let by_score = cx.state.preferences.colour_by == ColourBy::Similarity;
        let ramp = colours.ramp_limits();
        let listed = !by_score && entries.len() > MAX_INLINE_ENTRIES;
        let entry = |ui: &mut Ui, (at, entry): (usize, &LegendEntry)| {
            let on = !cx.state.library().hidden_legend.contains(&entry.key);
            let response = legend_entry(ui, entry, colours.total(at), on);
            if response.double_clicked() || response.clicked() && ui.input(|i| i.modifiers.shift) {
                let others = entries.iter().map(|other| &other.key).filter(|other| **other != entry.key);
                cx.send(MapCommand::IsolateLegend(entry.key.clone(), others.cloned().collect()));
            } else if response.clicked() {
                cx.send(MapCommand::ToggleLegend(entry.key.clone()));
            }
        };
        if listed {
            let height = (self.area.height() - 190.0).max(96.0);
            ScrollArea::vertical().max_height(height).id_salt("legend").show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                entries.iter().enumerate().for_each(|e| entry(ui, e));
            });
            ui.add_space(SPACE[0]);
        }
        ui.spacing_mut().interact_size.y = BUTTON;
        let row = |ui: &mut Ui| {
            ui.spacing_mut().item_spacing = vec2(SPACE[2], 0.0);
            chooser(ui, cx, theme);
            match (by_score, colours.scale) {
                (true, Some(scale)) => {
                    let number = |v: f32| format!("{v:.2}").replace('-', "−");
                    scale_bar(ui, "Scores", &scale.map(number), theme);
                }
                (true, None) => _ = ui.label(hint("Search to colour by similarity", theme)),
                (false, _) if !listed && ramp.is_some() => {
                    let what = match cx.state.preferences.colour_by {
                        ColourBy::Typical => "How often it is a nearest neighbour",
                        ColourBy::Outlier => "Mean distance to its nearest neighbours",
                        ColourBy::Preserved => "Share of its true neighbours that are near it on the map",
                        _ => &cx.state.preferences.colour_column,
                    };
                    ramp.into_iter().for_each(|limits| scale_bar(ui, what, limits, theme));
                    entries.iter().enumerate().for_each(|e| entry(ui, e));
                }
                (false, _) if !listed => entries.iter().enumerate().for_each(|e| entry(ui, e)),
                _ => {}
            }
            self.layers.iter().for_each(|layer| layer.legend(ui, theme));
        };
        // Entries wrap where the tools of a narrow map leave too little width.
        if by_score || listed {
            ui.horizontal(row)
        } else {
            ui.horizontal_wrapped(row)
        };
    }
}

pub(super) fn hint(text: &str, theme: &Theme) -> RichText {
    RichText::new(text).size(text_size::SMALL).color(theme.text2)
}

/// The menu of colouring options.
fn chooser(ui: &mut Ui, cx: &Ctx<'_>, theme: &Theme) {
    ui.spacing_mut().item_spacing.x = SPACE[1];
    ui.label(hint("Colour", theme));
    let preferences = &cx.state.preferences;
    let now = match preferences.colour_by {
        ColourBy::Column => preferences.colour_column.as_str(),
        by => COLOUR_CHOICES.iter().find(|(choice, _)| *choice == by).map_or("", |(_, name)| name),
    };
    let text = RichText::new(now).size(text_size::BODY).color(theme.text1);
    let galley = egui::WidgetText::from(text).into_galley(ui, None, f32::INFINITY, egui::TextStyle::Body);
    let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x + 18.0, BUTTON), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("Colour by {}", now.to_lowercase())));
    if response.hovered() || response.has_focus() {
        let around = rect.expand2(vec2(4.0, -2.0));
        ui.painter().rect_filled(around, RADIUS[0], theme.raised);
        draw_focus(ui, &response, around);
    }
    ui.painter().galley(pos2(rect.left(), rect.center().y - galley.size().y / 2.0), galley, theme.text1);
    let tip = pos2(rect.right() - 6.0, rect.center().y + 2.0);
    let arrow = vec![tip + vec2(-3.5, -3.5), tip, tip + vec2(3.5, -3.5)];
    ui.painter().add(Shape::line(arrow, Stroke::new(1.4, theme.text2)));
    Popup::menu(&response).align(RectAlign::TOP_START).width(170.0).show(|ui| {
        let current = cx.state.preferences.colour_by;
        for (by, name) in COLOUR_CHOICES.into_iter().filter(|(by, _)| *by == current || is_known(cx, *by)) {
            if buttons::menu_choice(ui, name, "", by == cx.state.preferences.colour_by).clicked() {
                cx.send(MapCommand::SetColourBy(by));
                ui.close();
            }
        }
        columns(ui, cx);
    });
}

/// The columns of tables in the menu.
fn columns(ui: &mut Ui, cx: &Ctx<'_>) {
    let columns = cx.state.library().fact_counts.columns();
    if columns.is_empty() {
        return;
    }
    ui.separator();
    let preferences = &cx.state.preferences;
    ScrollArea::vertical().id_salt("columns").max_height(COLUMNS_HEIGHT).show(ui, |ui| {
        for column in columns.iter().map(|column| column.name.as_str()) {
            let is_current = preferences.colour_by == ColourBy::Column && column == preferences.colour_column;
            if buttons::menu_choice(ui, column, "", is_current).clicked() {
                cx.send(MapCommand::ColourByColumn(column.to_owned()));
                ui.close();
            }
        }
    });
}

/// Whether the collection has what is coloured by.
fn is_known(cx: &Ctx<'_>, by: ColourBy) -> bool {
    let facts = &cx.state.library().fact_counts;
    match by {
        ColourBy::Camera => !facts.values(Field::Camera).is_empty(),
        ColourBy::Year => facts.has_times(),
        ColourBy::Rating => facts.rated(0).is_some(),
        ColourBy::Group => !cx.state.library().groups.all.is_empty(),
        ColourBy::Cluster => cx.state.library().clusters.as_ref().is_some_and(|found| !found.all.is_empty()),
        ColourBy::Modality | ColourBy::Folder | ColourBy::Similarity | ColourBy::Label => true,
        ColourBy::Typical | ColourBy::Outlier | ColourBy::Preserved | ColourBy::Duplicate | ColourBy::Column => true,
    }
}

/// A legend entry: dot, name, and visible ones of all its items. A click hides or shows its points.
fn legend_entry(ui: &mut Ui, entry: &LegendEntry, all: usize, on: bool) -> Response {
    let theme = Theme::of(ui.ctx());
    let (name, colour) = (&entry.name, entry.colour(theme));
    let [visible, all] = [entry.count, all].map(|count| format::number(count as u64));
    let (number, said) = if visible == all {
        (visible.clone(), visible)
    } else {
        (format!("{visible} / {all}"), format!("{visible} of {all}"))
    };
    let (text, grey) = if on { (theme.text1, theme.text2) } else { (theme.text2, theme.text2) };
    let font = egui::FontId::proportional(text_size::SMALL);
    let mut job = egui::text::LayoutJob::simple_singleline(name.clone(), font.clone(), text);
    job.wrap = egui::text::TextWrapping::truncate_at_width(170.0);
    let name_galley = ui.painter().layout_job(job);
    let count_galley = ui.painter().layout_no_wrap(number.clone(), font, grey);
    let needed = 16.0 + name_galley.size().x + SPACE[1] + count_galley.size().x;
    let (_, rect) = ui.allocate_space(vec2(needed, 24.0));
    // Identified by its value, so that the focus stays with the entry when its position changes.
    let response = ui.interact(rect, egui::Id::unique(("legend", &entry.key)), Sense::click());
    if response.gained_focus() {
        response.scroll_to_me(None);
    }
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, on, format!("{name}, {said}")));
    let around = rect.expand2(vec2(4.0, -1.0));
    if response.hovered() {
        ui.painter().rect_filled(around, RADIUS[0], theme.raised);
    }
    draw_focus(ui, &response, around);
    let dot = pos2(rect.left() + 5.0, rect.center().y);
    if on {
        ui.painter().circle_filled(dot, 4.0, colour);
    } else {
        ui.painter().circle_stroke(dot, 3.5, Stroke::new(1.2, theme.text2));
    }
    let y = |galley: &egui::Galley| rect.center().y - galley.size().y / 2.0;
    let name_at = pos2(rect.left() + 16.0, y(&name_galley));
    let count_at = pos2(rect.right() - count_galley.size().x, y(&count_galley));
    if !on {
        let line = [pos2(name_at.x, rect.center().y), pos2(name_at.x + name_galley.size().x, rect.center().y)];
        ui.painter().line_segment(line, Stroke::new(1.0, theme.text2));
    }
    ui.painter().galley(name_at, name_galley, text);
    ui.painter().galley(count_at, count_galley, grey);
    let toggle = if on { "Hide these points" } else { "Show these points" };
    response.on_hover_text(format!("{toggle}; double-click or Shift-click: show only these"))
}

fn scale_bar(ui: &mut Ui, what: &str, [low, high]: &[String; 2], theme: &Theme) {
    // On a narrow map the card would touch the tools.
    let width = if ui.available_width() < SCALE_ROOM { 64.0 } else { 112.0 };
    let (rect, response) = ui.allocate_exact_size(vec2(width, BUTTON), Sense::hover());
    let bar = Rect::from_center_size(rect.center(), vec2(width, 6.0));
    let mut mesh = egui::Mesh::default();
    for i in 0..=16_u32 {
        let share = i as f32 / 16.0;
        let x = bar.left() + bar.width() * share;
        mesh.colored_vertex(pos2(x, bar.top()), theme.sequential(share));
        mesh.colored_vertex(pos2(x, bar.bottom()), theme.sequential(share));
        if i > 0 {
            mesh.add_triangle(i * 2 - 2, i * 2 - 1, i * 2);
            mesh.add_triangle(i * 2 - 1, i * 2, i * 2 + 1);
        }
    }
    ui.painter().add(mesh);
    let said = format!("{what} from {low} to {high}");
    let ends = if what == "Scores" { "low – high".to_owned() } else { format!("{low} – {high}") };
    ui.label(hint(&ends, theme)).on_hover_text(&said);
    response.on_hover_text(said);
}
