//! The controls in the map's corners: layout method, colouring, legend, zoom and selection tools.

use egui::accesskit::Role;
use egui::{
    Align, Frame, Layout, Margin, Painter, Pos2, Rect, Response, RichText, Sense, Shape, Stroke, Ui, UiBuilder,
    WidgetInfo, pos2, vec2,
};

use crate::context::{ColourBy, Ctx, MapTool, SystemCommand, UiCommand};
use crate::ui::format;
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use vicinity_core::LayoutMethod;

use super::MapPanel;

/// Colouring options in menu order.
const COLOUR_CHOICES: [(ColourBy, &str); 4] = [
    (ColourBy::Modality, "Type"),
    (ColourBy::Folder, "Folder"),
    (ColourBy::Similarity, "Similarity to query"),
    (ColourBy::Label, "Label"),
];
/// Up to this many legend entries are shown on one line.
const MAX_INLINE_ENTRIES: usize = 3;
/// Side of a tool button, in points.
const BUTTON: f32 = 28.0;

/// Rectangles of the controls in the last frame: the map ignores the pointer there.
#[derive(Debug, Default)]
pub struct ControlCards {
    legend: Option<Rect>,
    tools: Option<Rect>,
}

impl ControlCards {
    /// Whether the rectangles are known.
    pub fn are_measured(&self) -> bool {
        self.legend.is_some() && self.tools.is_some()
    }

    /// Whether a control covers this position.
    pub fn cover(&self, at: Pos2) -> bool {
        self.legend.into_iter().chain(self.tools).any(|card| card.contains(at))
    }

    /// The parts of `inner` not covered by controls: above both cards, and to the right of the legend.
    pub fn free_areas(&self, inner: Rect) -> Vec<Rect> {
        let (Some(legend), Some(tools)) = (self.legend, self.tools) else { return vec![inner] };
        let mut above = inner;
        above.max.y = inner.max.y.min(legend.top() - SPACE[2]).min(tools.top() - SPACE[2]);
        let mut beside = inner;
        beside.min.x = inner.min.x.max(legend.right() + SPACE[3]);
        beside.max.y = inner.max.y.min(tools.top() - SPACE[2]);
        let fits = |room: &Rect| room.width() > 80.0 && room.height() > 80.0;
        let rooms: Vec<Rect> = [above, beside].into_iter().filter(fits).collect();
        if rooms.is_empty() { vec![inner] } else { rooms }
    }
}

impl MapPanel {
    pub(super) fn show_controls(&mut self, ui: &mut Ui, cx: &Ctx<'_>) {
        self.show_method(ui, cx);
        if self.cache.scene.is_none() {
            self.controls = ControlCards::default();
            return;
        }
        // Senses only the pointer, so that a press on a card does not reach the map; not focusable.
        for (name, rect) in [("legend", self.controls.legend), ("tools", self.controls.tools)] {
            if let Some(rect) = rect {
                ui.interact(rect, ui.scope_id().with(name), Sense::CLICK | Sense::DRAG);
            }
        }
        let (tools, tools_known) = corner(ui, self.area, false, |ui| self.tools(ui, cx));
        // In the first frame the tools have no size yet and take all available space.
        let right = (tools.left() - SPACE[1]).max(self.area.center().x).min(self.area.right());
        let room = Rect::from_min_max(self.area.min, pos2(right, self.area.bottom()));
        let (legend, legend_known) = corner(ui, room, true, |ui| self.legend(ui, cx));
        self.controls = ControlCards { legend: legend_known.then_some(legend), tools: tools_known.then_some(tools) };
    }

    /// Top left: the layout method, or the progress of a better layout.
    fn show_method(&self, ui: &mut Ui, cx: &Ctx<'_>) {
        let theme = Theme::of(ui.ctx());
        let area = Rect::from_min_size(self.area.min + vec2(14.0, 10.0), vec2(self.area.width() - 28.0, 24.0));
        let text = |text: String| RichText::new(text).size(text_size::SMALL).color(theme.text2);
        ui.scope_builder(UiBuilder::new().max_rect(area).layout(Layout::left_to_right(Align::Center)), |ui| {
            ui.spacing_mut().item_spacing.x = SPACE[2];
            if let Some(progress) = cx.state.library().layout_progress {
                // Wide enough for every number, so that the button beside it does not move.
                let progress_text = |share: f32| format!("Improving the map… {:.0} %", share * 100.0);
                let room = crate::ui::widgets::text_width(ui, &progress_text(1.0), text_size::SMALL);
                let label = egui::Label::new(text(progress_text(progress.share))).halign(Align::Min);
                ui.add_sized(vec2(room, 24.0), label);
                let cancel = egui::Button::new(RichText::new("Cancel").size(text_size::SMALL).color(theme.accent));
                if ui.add(cancel.frame(false).min_size(vec2(24.0, 24.0))).clicked() {
                    cx.send(SystemCommand::CancelProjection);
                }
            } else if let Some(scene) = &self.cache.scene {
                ui.label(text(method(&scene.layout)));
            }
        });
        let items = cx.state.library().snapshot.as_ref().is_some_and(|s| !s.is_empty());
        if items && self.cache.scene.is_none() {
            let hint = Rect::from_center_size(self.area.center(), vec2(self.area.width() * 0.8, 40.0));
            ui.scope_builder(UiBuilder::new().max_rect(hint).layout(Layout::top_down(Align::Center)), |ui| {
                ui.label(RichText::new("Preparing the map…").color(theme.text2));
            });
        }
    }

    /// Bottom right.
    fn tools(&mut self, ui: &mut Ui, cx: &Ctx<'_>) {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = SPACE[0];
            super::filter_switch::show(ui, cx);
            for (command, icon) in [
                (UiCommand::ZoomIn, ToolIcon::Plus),
                (UiCommand::ZoomOut, ToolIcon::Minus),
                (UiCommand::FitMap, ToolIcon::Fit),
            ] {
                let entry = command.entry();
                let tooltip = match (command, entry.keys.first()) {
                    (UiCommand::FitMap, _) => "Show all points; click again to show only the selection".to_owned(),
                    (_, Some(keys)) => format!("{} ({})", entry.text, ui.ctx().format_shortcut(keys)),
                    (_, None) => entry.text.to_owned(),
                };
                if tool(ui, icon, entry.text, &tooltip, None).clicked() {
                    cx.send(command);
                }
            }
            for (wanted, icon, name, tooltip) in [
                (MapTool::Box, ToolIcon::Box, "Select with a box", "Select with a box (Shift-drag)"),
                (MapTool::Lasso, ToolIcon::Lasso, "Select with a lasso", "Select with a lasso (Alt-drag)"),
            ] {
                let on = cx.state.library().map_tool == wanted;
                if tool(ui, icon, name, tooltip, Some(on)).clicked() {
                    cx.send(SystemCommand::SetMapTool(if on { MapTool::Pan } else { wanted }));
                }
            }
        });
    }

    /// Bottom left.
    fn legend(&self, ui: &mut Ui, cx: &Ctx<'_>) {
        let theme = Theme::of(ui.ctx());
        let Some(colours) = &self.cache.colours else { return };
        let entries = &colours.categories.entries;
        let by_score = cx.state.preferences.colour_by == ColourBy::Similarity;
        let listed = !by_score && entries.len() > MAX_INLINE_ENTRIES;
        let entry = |ui: &mut Ui, entry: &super::colours::LegendEntry| {
            let on = !cx.state.library().hidden_legend.contains(&entry.key);
            if legend_entry(ui, entry, on).clicked() {
                cx.send(SystemCommand::ToggleLegend(entry.key.clone()));
            }
        };
        if listed {
            let height = (self.area.height() - 190.0).max(96.0);
            egui::ScrollArea::vertical().max_height(height).id_salt("legend").show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                entries.iter().for_each(|e| entry(ui, e));
            });
            ui.add_space(SPACE[0]);
        }
        ui.spacing_mut().interact_size.y = BUTTON;
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = SPACE[2];
            chooser(ui, cx, theme);
            match (by_score, colours.scale) {
                (true, Some(scale)) => scale_bar(ui, scale, theme),
                (true, None) => _ = ui.label(hint("Search to colour by similarity", theme)),
                (false, _) if !listed => entries.iter().for_each(|e| entry(ui, e)),
                _ => {}
            }
        });
    }
}

fn hint(text: &str, theme: &Theme) -> RichText {
    RichText::new(text).size(text_size::SMALL).color(theme.text2)
}

fn method(layout: &vicinity_core::Layout) -> String {
    let method = match layout.method {
        LayoutMethod::Pca => "Preview map",
        LayoutMethod::Umap => "UMAP · 15 neighbours",
    };
    match layout.trustworthiness {
        Some(t) => format!("{method} · trustworthiness {t:.2}"),
        None => method.to_owned(),
    }
}

/// A card in a lower corner of `area`, sized to its content. Returns its rectangle and whether its size is known.
fn corner(ui: &mut Ui, area: Rect, left: bool, content: impl FnOnce(&mut Ui)) -> (Rect, bool) {
    let theme = Theme::of(ui.ctx());
    let align = if left { Align::Min } else { Align::Max };
    let id = ui.scope_id().with(("corner", left));
    // Placed by the size of the last frame; the first frame is not shown.
    let size: Option<egui::Vec2> = ui.data(|d| d.get_temp(id));
    let inner = area.shrink(SPACE[2]);
    let place = align_in(inner, size.unwrap_or(inner.size()), align);
    // Leaves room to grow: new content is measured and placed again before the frame is shown.
    let room = Rect::from_min_size(place.min, inner.size());
    let builder = UiBuilder::new().id_salt(id).max_rect(room).layout(Layout::top_down(Align::Min));
    let builder = if size.is_none() { builder.sizing_pass().invisible() } else { builder };
    let shown = ui.scope_builder(builder, |ui| {
        Frame::new()
            .fill(theme.panel)
            .stroke(Stroke::new(1.0, theme.line))
            .corner_radius(RADIUS[1])
            .inner_margin(Margin::symmetric(8, 4))
            .show(ui, |ui| {
                ui.set_max_width((inner.width() - 2.0 * SPACE[1]).max(0.0));
                content(ui);
            })
            .response
            .rect
    });
    let now = shown.inner.size();
    if size != Some(now) {
        ui.data_mut(|d| d.insert_temp(id, now));
        ui.ctx().request_discard("the size of the map's controls changed");
        ui.ctx().request_repaint();
    }
    (shown.inner, size.is_some())
}

fn align_in(inner: Rect, size: egui::Vec2, align: Align) -> Rect {
    let size = size.min(inner.size());
    let left = if align == Align::Min { inner.left() } else { inner.right() - size.x };
    Rect::from_min_size(pos2(left, inner.bottom() - size.y), size)
}

/// The menu of colouring options.
fn chooser(ui: &mut Ui, cx: &Ctx<'_>, theme: &Theme) {
    ui.spacing_mut().item_spacing.x = SPACE[1];
    ui.label(hint("Colour", theme));
    let now = COLOUR_CHOICES.iter().find(|(by, _)| *by == cx.state.preferences.colour_by).map_or("", |(_, name)| name);
    let text = RichText::new(now).size(text_size::BODY).color(theme.text1);
    let galley = egui::WidgetText::from(text).into_galley(ui, None, f32::INFINITY, egui::TextStyle::Body);
    let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x + 18.0, BUTTON), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("Colour by {}", now.to_lowercase())));
    if response.hovered() || response.has_focus() {
        let around = rect.expand2(vec2(4.0, -2.0));
        ui.painter().rect_filled(around, RADIUS[0], theme.raised);
        focus(ui, &response, around);
    }
    ui.painter().galley(pos2(rect.left(), rect.center().y - galley.size().y / 2.0), galley, theme.text1);
    let tip = pos2(rect.right() - 6.0, rect.center().y + 2.0);
    let arrow = vec![tip + vec2(-3.5, -3.5), tip, tip + vec2(3.5, -3.5)];
    ui.painter().add(Shape::line(arrow, Stroke::new(1.4, theme.text2)));
    egui::Popup::menu(&response).align(egui::RectAlign::TOP_START).width(170.0).show(|ui| {
        for (by, name) in COLOUR_CHOICES {
            if ui.selectable_label(by == cx.state.preferences.colour_by, name).clicked() {
                cx.send(SystemCommand::SetColourBy(by));
                ui.close();
            }
        }
    });
}

/// A legend entry: dot, name and count. A click hides or shows its points.
fn legend_entry(ui: &mut Ui, entry: &super::colours::LegendEntry, on: bool) -> Response {
    let theme = Theme::of(ui.ctx());
    let (name, colour) = (&entry.name, entry.colour(theme));
    let number = format::number(entry.count as u64);
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
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, on, format!("{name}, {number}")));
    let around = rect.expand2(vec2(4.0, -1.0));
    if response.hovered() {
        ui.painter().rect_filled(around, RADIUS[0], theme.raised);
    }
    focus(ui, &response, around);
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
    response.on_hover_text(if on { "Hide these points" } else { "Show these points" })
}

fn scale_bar(ui: &mut Ui, [low, high]: [f32; 2], theme: &Theme) {
    let (rect, response) = ui.allocate_exact_size(vec2(112.0, BUTTON), Sense::hover());
    let bar = Rect::from_center_size(rect.center(), vec2(112.0, 6.0));
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
    let number = |v: f32| format!("{v:.2}").replace('-', "−");
    ui.label(hint("low – high", theme)).on_hover_text(format!("Scores from {} to {}", number(low), number(high)));
    response.on_hover_text(format!("Scores from {} to {}", number(low), number(high)));
}

#[derive(Debug, Clone, Copy)]
enum ToolIcon {
    Plus,
    Minus,
    Fit,
    Box,
    Lasso,
}

/// A square icon button; `on` is the state of a toggle.
fn tool(ui: &mut Ui, icon: ToolIcon, name: &str, tooltip: &str, on: Option<bool>) -> Response {
    let theme = Theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(vec2(BUTTON, BUTTON), Sense::click());
    response.widget_info(|| match on {
        Some(on) => WidgetInfo::selected(Role::Button, true, on, name),
        None => WidgetInfo::labeled(Role::Button, true, name),
    });
    let pressed = on == Some(true);
    if pressed {
        ui.painter().rect_filled(rect.shrink(1.0), RADIUS[0] + 2, theme.accent_fill);
    } else if response.hovered() {
        ui.painter().rect_filled(rect.shrink(1.0), RADIUS[0] + 2, theme.raised);
    }
    focus(ui, &response, rect.shrink(1.0));
    let colour = match (pressed, response.hovered()) {
        (true, _) => theme.accent,
        (false, true) => theme.text1,
        (false, false) => theme.text2,
    };
    paint_icon(ui.painter(), icon, rect.center(), Stroke::new(1.6, colour));
    response.on_hover_text(tooltip)
}

fn paint_icon(painter: &Painter, icon: ToolIcon, middle: Pos2, stroke: Stroke) {
    let at = |x: f32, y: f32| middle + vec2(x, y);
    let line = |points: &[(f32, f32)]| {
        painter.add(Shape::line(points.iter().map(|(x, y)| at(*x, *y)).collect(), stroke));
    };
    match icon {
        ToolIcon::Plus => {
            line(&[(-5.5, 0.0), (5.5, 0.0)]);
            line(&[(0.0, -5.5), (0.0, 5.5)]);
        }
        ToolIcon::Minus => line(&[(-5.5, 0.0), (5.5, 0.0)]),
        ToolIcon::Fit => {
            for (x, y) in [(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)] {
                line(&[(2.0 * x, 6.0 * y), (6.0 * x, 6.0 * y), (6.0 * x, 2.0 * y)]);
            }
        }
        ToolIcon::Box => {
            let corners = [at(-6.0, -5.0), at(6.0, -5.0), at(6.0, 5.0), at(-6.0, 5.0), at(-6.0, -5.0)];
            painter.extend(Shape::dashed_line(&corners, stroke, 3.0, 2.4));
        }
        ToolIcon::Lasso => {
            let loop_: Vec<Pos2> = (0..=28)
                .map(|i| i as f32 / 28.0 * std::f32::consts::TAU)
                .map(|a| at(a.cos() * 6.0 + 0.5, a.sin() * 4.4 - 1.6))
                .collect();
            painter.add(Shape::line(loop_, stroke));
            line(&[(-3.6, 1.6), (-4.4, 3.4), (-2.4, 4.4), (-3.4, 7.0)]);
        }
    }
}

/// The keyboard focus ring.
fn focus(ui: &Ui, response: &Response, rect: Rect) {
    if response.has_focus() {
        crate::ui::widgets::mark_focus_shown(response);
        let stroke = Stroke::new(2.0, Theme::of(ui.ctx()).accent);
        ui.painter().rect_stroke(rect, RADIUS[0], stroke, egui::StrokeKind::Outside);
    }
}

/// The query marker: a five-pointed star.
pub fn star(painter: &Painter, middle: Pos2, radius: f32, theme: &Theme) {
    let corner = |i: usize, radius: f32| {
        let angle = (i as f32 / 10.0 - 0.25) * std::f32::consts::TAU;
        middle + vec2(angle.cos(), angle.sin()) * radius
    };
    let spread = |radius: f32| -> Vec<Pos2> {
        (0..10).map(|i| corner(i, if i % 2 == 0 { radius } else { radius * 0.45 })).collect()
    };
    let (fill, edge) = if theme.dark { (theme.text1, theme.map_ground) } else { (theme.hit, theme.map_ground) };
    // A fan around the centre, because egui fills only convex shapes.
    for (points, colour) in [(spread(radius + 2.0), edge), (spread(radius), fill)] {
        let mut mesh = egui::Mesh::default();
        mesh.colored_vertex(middle, colour);
        points.iter().for_each(|p| mesh.colored_vertex(*p, colour));
        (0..10).for_each(|i| mesh.add_triangle(0, 1 + i, 1 + (i + 1) % 10));
        painter.add(mesh);
    }
}
