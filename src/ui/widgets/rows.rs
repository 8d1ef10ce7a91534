//! Rows of the left panel.

use egui::{Align2, Color32, Response, Sense, Ui, WidgetInfo, accesskit::Role, pos2, vec2};

use super::icons::{self, Icon};
use super::{focus_ring, one_line};
use crate::ui::style::{bold, font};
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};

/// What stands before the name.
#[derive(Debug, Clone, Copy)]
pub enum Lead {
    /// Nothing, at the left edge.
    None,
    /// Nothing, indented so many times.
    Indent(u8),
    /// A coloured dot.
    Dot(Color32),
    /// An icon.
    Icon(Icon, Color32),
}

/// A row: lead, name, count at the right.
pub struct Row<'a> {
    /// What stands before the name.
    pub lead: Lead,
    /// The name.
    pub name: &'a str,
    /// At the right edge.
    pub right: &'a str,
    /// Whether it is the one shown.
    pub selected: bool,
    /// Colour of the name.
    pub colour: Color32,
}

/// The head of a section.
pub fn heading(ui: &mut Ui, text: &str) {
    let theme = Theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 24.0), Sense::hover());
    let at = pos2(rect.left() + SPACE[1], rect.center().y);
    ui.painter().text(at, Align2::LEFT_CENTER, text, bold(text_size::SMALL), theme.text3);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
}

impl Row<'_> {
    /// Draws it.
    pub fn show(self, ui: &mut Ui) -> Response {
        let theme = Theme::of(ui.ctx());
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 26.0), Sense::click());
        if self.selected || response.hovered() {
            ui.painter().rect_filled(rect, RADIUS[1] - 2, theme.raised);
        }
        let inner = rect.shrink2(vec2(SPACE[1], 0.0));
        let middle = inner.center().y;
        let indent = match self.lead {
            Lead::None => 0.0,
            Lead::Indent(depth) => 16.0 * f32::from(depth),
            Lead::Dot(colour) => {
                ui.painter().circle_filled(pos2(inner.left() + 4.0, middle), 3.5, colour);
                15.0
            }
            Lead::Icon(icon, colour) => {
                icons::paint_at(ui.painter(), icon, pos2(inner.left() + 8.0, middle), colour);
                23.0
            }
        };
        let right = ui.painter().text(
            inner.right_center(),
            Align2::RIGHT_CENTER,
            self.right,
            font(text_size::BODY),
            theme.text3,
        );
        let galley = one_line(
            ui,
            self.name,
            font(text_size::BODY),
            self.colour,
            inner.width() - indent - right.width() - SPACE[1],
        );
        let cut = galley.elided;
        ui.painter().galley(pos2(inner.left() + indent, middle - galley.size().y / 2.0), galley, self.colour);
        focus_ring(ui.painter(), theme, &response, rect.shrink(1.0), RADIUS[1] - 2);
        let name = if self.right.is_empty() { self.name.to_owned() } else { format!("{}, {}", self.name, self.right) };
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, self.selected, &name));
        if cut { response.on_hover_text(self.name) } else { response }
    }
}
