//! Rows of the left panel.

use egui::{Align2, Color32, Id, Rect, Response, Sense, Stroke, Ui, WidgetInfo, accesskit::Role, pos2, vec2};

use super::icons::{self, Icon};
use super::{focus_ring, one_line};
use crate::ui::style::{bold, font};
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};

/// What is shown before the name.
#[derive(Debug, Clone, Copy)]
pub enum Leading {
    /// Nothing, at the left edge.
    None,
    /// An arrow that shows or hides the children, with its indentation level; `None` without children.
    Tree(u8, Option<bool>),
    /// A coloured dot.
    Dot(Color32),
    /// An icon.
    Icon(Icon, Color32),
}

/// A row with something before its name, the name, and a count at the right.
pub struct PanelRow<'a> {
    /// What is shown before the name.
    pub lead: Leading,
    /// The name.
    pub name: &'a str,
    /// At the right edge.
    pub right: &'a str,
    /// Whether it is selected.
    pub selected: bool,
    /// Colour of the name.
    pub colour: Color32,
}

/// A line above a section.
pub fn section_line(ui: &mut Ui) {
    ui.add_space(SPACE[1]);
    let theme = Theme::of(ui.ctx());
    let rect = ui.available_rect_before_wrap();
    ui.painter().hline(rect.left() + SPACE[1]..=rect.right() - SPACE[1], rect.top(), Stroke::new(1.0, theme.line));
    ui.add_space(SPACE[1]);
}

/// The heading of a section.
pub fn heading(ui: &mut Ui, text: &str) {
    let theme = Theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 24.0), Sense::hover());
    let at = pos2(rect.left() + SPACE[1], rect.center().y);
    ui.painter().text(at, Align2::LEFT_CENTER, text, bold(text_size::SMALL), theme.text3);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
}

/// Height of a row, points.
pub const HEIGHT: f32 = 26.0;

/// Position of the arrow of a tree row.
fn arrow_of(row: Rect, depth: u8) -> Rect {
    // Beyond ten levels the indentation stops, so that deep folders stay readable.
    let left = row.left() + 2.0 + 14.0 * f32::from(depth.min(10));
    Rect::from_center_size(pos2(left + 8.0, row.center().y), vec2(13.0, 13.0))
}

/// Whether a click on a tree row hit its arrow.
pub fn on_arrow(response: &Response, depth: u8) -> bool {
    let target = arrow_of(response.rect, depth).expand2(vec2(6.0, 13.0));
    response.interact_pointer_pos().is_some_and(|at| target.contains(at))
}

impl PanelRow<'_> {
    /// Draws the row.
    pub fn show(self, ui: &mut Ui) -> Response {
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::click());
        self.draw(ui, rect, response)
    }

    /// Draws the row with its own id, so that the keyboard focus can be moved to it.
    pub fn show_as(self, ui: &mut Ui, id: Id) -> Response {
        let (_, rect) = ui.allocate_space(vec2(ui.available_width(), HEIGHT));
        let response = ui.interact(rect, id, Sense::click());
        self.draw(ui, rect, response)
    }

    fn draw(self, ui: &mut Ui, rect: Rect, response: Response) -> Response {
        let theme = Theme::of(ui.ctx());
        if response.gained_focus() {
            response.scroll_to_me(None);
        }
        if self.selected || response.hovered() {
            ui.painter().rect_filled(rect, RADIUS[1] - 2, theme.raised);
        }
        let inner = rect.shrink2(vec2(SPACE[1], 0.0));
        let middle = inner.center().y;
        let indent = match self.lead {
            Leading::None => 0.0,
            Leading::Tree(depth, open) => {
                let arrow = arrow_of(rect, depth);
                match open {
                    Some(true) => icons::paint(ui.painter(), Icon::Down, arrow, theme.text3),
                    Some(false) => icons::paint(ui.painter(), Icon::Right, arrow, theme.text3),
                    None => {}
                }
                arrow.right() + 4.0 - inner.left()
            }
            Leading::Dot(colour) => {
                ui.painter().circle_filled(pos2(inner.left() + 4.0, middle), 3.5, colour);
                15.0
            }
            Leading::Icon(icon, colour) => {
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
