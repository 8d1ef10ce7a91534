//! The controls in the map's corners: layout method, colouring, legend, zoom and selection tools.

use egui::accesskit::Role;
use egui::{
    Align, Frame, Layout, Margin, Painter, Pos2, Rect, Response, RichText, Sense, Shape, Stroke, Ui, UiBuilder,
    WidgetInfo, pos2, vec2,
};

use super::{MapPanel, select_tools};
use crate::context::commands::{MapAction, MapCommand};
use crate::context::selection::SelectMode;
use crate::context::{Ctx, MapTool, format};
use crate::ui::filter_switch;
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use crate::ui::widgets::buttons;
/// Side of a tool button, in points.
pub(super) const BUTTON: f32 = 28.0;
/// The least room of the legend, points.
const LEGEND_ROOM: f32 = 160.0;
/// On a map narrower than this, the switch is above the buttons, points.
const STACKED: f32 = 900.0;
/// The most outliers that are counted.
const COUNTED: usize = 1_000;

/// Rectangles of the controls in the last frame: the map ignores the pointer there.
#[derive(Debug, Default)]
pub struct ControlCards {
    legend: Option<Rect>,
    tools: Option<Rect>,
    overview: Option<Rect>,
    /// The tools without the rows that come and go: the view does not move for these.
    buttons: Option<Rect>,
}

impl ControlCards {
    /// Whether the rectangles are known.
    pub fn are_measured(&self) -> bool {
        self.legend.is_some() && self.tools.is_some()
    }

    /// Whether a control covers this position.
    pub fn cover(&self, at: Pos2) -> bool {
        self.rects().iter().any(|card| card.contains(at))
    }

    /// What they cover.
    pub fn rects(&self) -> Vec<Rect> {
        [self.legend, self.tools, self.overview].into_iter().flatten().collect()
    }

    /// The part of the upper edge of `area` that is free.
    pub fn free_above(&self, area: Rect) -> Rect {
        self.overview.map_or(area, |overview| area.with_max_x(overview.left() - SPACE[1]))
    }

    /// The parts of `inner` not covered by controls: above both cards, and to the right of the legend.
    pub fn free_areas(&self, inner: Rect) -> Vec<Rect> {
        let (Some(legend), Some(tools)) = (self.legend, self.buttons) else { return vec![inner] };
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
        if self.cache.current.is_none() {
            self.controls = ControlCards::default();
            return;
        }
        // Senses only the pointer, so that a press on a card does not reach the map; not focusable.
        for (name, rect) in [("legend", self.controls.legend), ("tools", self.controls.tools)] {
            if let Some(rect) = rect {
                ui.interact(rect, ui.scope_id().with(name), Sense::CLICK | Sense::DRAG);
            }
        }
        let mut rows = 0.0;
        let (tools, tools_known) = corner(ui, self.area, false, |ui| rows = self.tools(ui, cx));
        // In the first frame the tools have no size yet and take all available space.
        let right = (tools.left() - SPACE[1]).max(self.area.left() + LEGEND_ROOM).min(self.area.right());
        let room = Rect::from_min_max(self.area.min, pos2(right, self.area.bottom()));
        let (legend, legend_known) = corner(ui, room, true, |ui| self.legend(ui, cx));
        let buttons = tools.with_min_y(tools.top() + rows);
        self.controls = ControlCards {
            legend: legend_known.then_some(legend),
            tools: tools_known.then_some(tools),
            overview: self.minimap_place().map(|(place, _)| place),
            buttons: tools_known.then_some(buttons),
        };
    }

    /// Top left: the layout method, or the progress of a better layout.
    fn show_method(&self, ui: &mut Ui, cx: &Ctx<'_>) {
        let theme = Theme::of(ui.ctx());
        let area = Rect::from_min_size(self.area.min + vec2(14.0, 10.0), vec2(self.area.width() - 28.0, 24.0));
        let text = |text: String| RichText::new(text).size(text_size::SMALL).color(theme.text2);
        ui.scope_builder(UiBuilder::new().max_rect(area).layout(Layout::left_to_right(Align::Center)), |ui| {
            ui.spacing_mut().item_spacing.x = SPACE[2];
            let outliers = self.outliers();
            if let Some(progress) = cx.state.library().layout_progress {
                // Wide enough for every number, so that the button beside it does not move.
                let progress_text = |share: f32| format!("Improving the map… {:.0}%", share * 100.0);
                let room = crate::ui::widgets::text_width(ui, &progress_text(1.0), text_size::SMALL);
                let label = egui::Label::new(text(progress_text(progress.share))).halign(Align::Min);
                ui.add_sized(vec2(room, 24.0), label);
                let cancel = egui::Button::new(RichText::new("Cancel").size(text_size::SMALL).color(theme.accent));
                if ui.add(cancel.frame(false).min_size(vec2(24.0, 24.0))).clicked() {
                    cx.send(MapCommand::CancelLayout);
                }
            } else if let Some(current) = self.cache.current.as_ref().filter(|_| !self.is_plot || outliers.is_some()) {
                // Names of clusters may lie below.
                let ground = theme.map_ground.gamma_multiply(0.8);
                Frame::new().fill(ground).corner_radius(RADIUS[0]).show(ui, |ui| {
                    if self.is_plot {
                        // A scatter plot says on its axes what it is.
                        ui.label(text(outliers.unwrap_or_default()));
                    } else {
                        super::quality::show(ui, cx, &current.scene.layout, outliers.as_deref());
                    }
                });
            }
        });
        let items = cx.state.library().snapshot.as_ref().is_some_and(|s| !s.is_empty());
        if items && self.cache.current.is_none() {
            let hint = Rect::from_center_size(self.area.center(), vec2(self.area.width() * 0.8, 40.0));
            ui.scope_builder(UiBuilder::new().max_rect(hint).layout(Layout::top_down(Align::Center)), |ui| {
                ui.label(RichText::new("Preparing the map…").color(theme.text2));
            });
        }
    }

    /// How many points are outside of the view because they are far out, if it shows all others.
    fn outliers(&self) -> Option<String> {
        let outliers = &self.cache.current.as_ref()?.scene.outliers;
        let camera = self.flight.end();
        if self.fitted.is_none_or(|(fitted, _)| fitted != camera) {
            return None;
        }
        // Of a large map some of them, since this is looked at in every frame.
        let place = |row: &usize| self.cache.current.as_ref()?.scene.position(*row, 1.0);
        let is_outside =
            |row: &&usize| place(row).is_some_and(|pos| !self.area.contains(camera.screen_from_map(self.area, pos)));
        let count = outliers.iter().take(COUNTED).filter(is_outside).count() as u64;
        let more = if outliers.len() > COUNTED { "more than " } else { "" };
        (count > 0).then(|| format!("{more}{} farther out", format::count(count, "item")))
    }

    /// Bottom right. Returns the height of the rows above the buttons.
    fn tools(&mut self, ui: &mut Ui, cx: &Ctx<'_>) -> f32 {
        let top = ui.cursor().top();
        ui.spacing_mut().item_spacing = vec2(SPACE[0], SPACE[0]);
        select_tools::show_modes(ui, cx);
        let has_switch = filter_switch::is_of_use(cx);
        // On a narrow map it would cover the legend.
        let stacked = self.area.width() < STACKED;
        if stacked && has_switch {
            filter_switch::show(ui, cx);
        }
        let rows = ui.cursor().top() - top;
        ui.horizontal(|ui| {
            if !stacked && has_switch {
                filter_switch::show(ui, cx);
            }
            for (command, icon) in [
                (MapAction::ZoomIn, ToolIcon::Plus),
                (MapAction::ZoomOut, ToolIcon::Minus),
                (MapAction::Fit, ToolIcon::Fit),
            ] {
                let entry = command.info();
                let tooltip = match (command, entry.keys.first()) {
                    (MapAction::Fit, _) => "Show all points; click again to show only the selection".to_owned(),
                    (_, Some(keys)) => format!("{} ({})", entry.text, ui.ctx().format_shortcut(keys)),
                    (_, None) => entry.text.to_owned(),
                };
                if tool(ui, icon, entry.text, &tooltip, None).clicked() {
                    cx.send(command);
                }
            }
            self.layer_menu(ui);
            for (wanted, icon, name, tooltip) in [
                (MapTool::Box, ToolIcon::Box, "Select with a box", "Select with a box (B, or Shift-drag)"),
                (MapTool::Lasso, ToolIcon::Lasso, "Select with a lasso", "Select with a lasso (L, or Alt-drag)"),
            ] {
                let on = cx.state.library().map_tool == wanted;
                if tool(ui, icon, name, tooltip, Some(on)).clicked() {
                    cx.send(MapCommand::SetTool(if on { MapTool::Pan } else { wanted }));
                }
            }
            self.visible_button(ui, cx);
        });
        rows
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

impl MapPanel {
    fn visible_button(&mut self, ui: &mut Ui, cx: &Ctx<'_>) {
        let info = MapAction::SelectVisible.info();
        let key = info.keys.first().map(|key| ui.ctx().format_shortcut(key)).unwrap_or_default();
        let tooltip = format!("Select what is in view ({key}); Shift adds, Alt subtracts, both intersect");
        if tool(ui, ToolIcon::Visible, info.text, &tooltip, None).clicked() {
            let held = ui.input(|i| SelectMode::held(i.modifiers));
            self.select_visible(ui, cx, held.unwrap_or(cx.state.library().select_mode));
        }
    }

    /// The menu of layers that can be turned on and off.
    fn layer_menu(&mut self, ui: &mut Ui) {
        let button = tool(ui, ToolIcon::Layers, "Layers", "Layers of the map", None);
        egui::Popup::menu(&button).align(egui::RectAlign::TOP_END).width(170.0).show(|ui| {
            for layer in &mut self.layers {
                let Some(switch) = layer.switch() else { continue };
                let mut on = layer.is_on();
                if buttons::checkbox(ui, &mut on, switch.name).on_hover_text(switch.tooltip).clicked() {
                    layer.toggle();
                }
            }
        });
    }
}

#[derive(Debug, Clone, Copy)]
enum ToolIcon {
    Plus,
    Minus,
    Fit,
    Layers,
    Box,
    Lasso,
    Visible,
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
    draw_focus(ui, &response, rect.shrink(1.0));
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
        ToolIcon::Layers => {
            line(&[(0.0, -6.5), (7.0, -2.5), (0.0, 1.5), (-7.0, -2.5), (0.0, -6.5)]);
            line(&[(-7.0, 1.5), (0.0, 5.5), (7.0, 1.5)]);
        }
        ToolIcon::Box => {
            let corners = [at(-6.0, -5.0), at(6.0, -5.0), at(6.0, 5.0), at(-6.0, 5.0), at(-6.0, -5.0)];
            painter.extend(Shape::dashed_line(&corners, stroke, 3.0, 2.4));
        }
        ToolIcon::Visible => {
            for (x, y) in [(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)] {
                line(&[(3.0 * x, 6.0 * y), (7.0 * x, 6.0 * y), (7.0 * x, 2.0 * y)]);
            }
            for (x, y) in [(-2.5, 1.5), (2.0, -2.0), (2.5, 2.5)] {
                painter.circle_filled(at(x, y), 1.3, stroke.color);
            }
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
pub(super) fn draw_focus(ui: &Ui, response: &Response, rect: Rect) {
    if response.has_focus() {
        crate::ui::widgets::mark_focus_shown(response);
        let stroke = Stroke::new(2.0, Theme::of(ui.ctx()).accent);
        ui.painter().rect_stroke(rect, RADIUS[0], stroke, egui::StrokeKind::Outside);
    }
}
