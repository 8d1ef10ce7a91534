//! Rows of a tree that the keyboard walks; only visible ones are drawn.

use egui::{EventFilter, Id, Key, Modifiers, Rect, Response, Ui, pos2, vec2};

use crate::ui::widgets::rows::HEIGHT;

/// Rows drawn above and below the visible ones, so that the focus can move to them.
const BEYOND: usize = 2;

/// What the keyboard or the pointer asks of a row.
pub enum TreeAct {
    /// Move the focus to another row.
    Focus(usize),
    /// Show or hide the children of a row.
    Toggle(usize),
}

/// Draws the visible ones of `count` rows, and moves the focus; returns the row whose children are to be shown or hidden.
pub fn show_rows(
    ui: &mut Ui,
    count: usize,
    id: impl Fn(usize) -> Option<Id>,
    mut row: impl FnMut(&mut Ui, usize) -> Option<TreeAct>,
) -> Option<usize> {
    let top = ui.cursor().top();
    let clip = ui.clip_rect();
    let row_at = |y: f32| ((y - top) / HEIGHT).max(0.0) as usize;
    let from = row_at(clip.top()).saturating_sub(BEYOND).min(count);
    let to = (row_at(clip.bottom()) + 1 + BEYOND).clamp(from, count);
    ui.add_space(from as f32 * HEIGHT);
    let mut act = None;
    for at in from..to {
        act = row(ui, at).or(act);
    }
    ui.add_space((count - to) as f32 * HEIGHT);
    match act? {
        TreeAct::Focus(at) => {
            if let Some(id) = id(at) {
                ui.memory_mut(|m| m.request_focus(id));
                let y = top + at as f32 * HEIGHT;
                ui.scroll_to_rect(Rect::from_min_size(pos2(clip.left(), y), vec2(1.0, HEIGHT)), None);
            }
            None
        }
        TreeAct::Toggle(at) => Some(at),
    }
}

/// Up, Down, Home and End move the focus from row `at` of `count`; Right and Left open and close, or move a level down and up.
/// `row` tells the level of a row, and whether its children are shown, if it has any.
pub fn keys(
    ui: &Ui,
    response: &Response,
    at: usize,
    count: usize,
    row: impl Fn(usize) -> Option<(u8, Option<bool>)>,
) -> Option<TreeAct> {
    if !response.has_focus() {
        return None;
    }
    let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
    ui.memory_mut(|m| m.set_focus_lock_filter(response.id, arrows));
    let (depth, open) = row(at)?;
    let pressed = |key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
    let last = count.saturating_sub(1);
    if pressed(Key::ArrowDown) {
        Some(TreeAct::Focus((at + 1).min(last)))
    } else if pressed(Key::ArrowUp) {
        Some(TreeAct::Focus(at.saturating_sub(1)))
    } else if pressed(Key::Home) {
        Some(TreeAct::Focus(0))
    } else if pressed(Key::End) {
        Some(TreeAct::Focus(last))
    } else if pressed(Key::ArrowRight) {
        match open {
            Some(false) => Some(TreeAct::Toggle(at)),
            Some(true) => Some(TreeAct::Focus((at + 1).min(last))),
            None => None,
        }
    } else if pressed(Key::ArrowLeft) {
        let parent = (0..at).rev().find(|i| row(*i).is_some_and(|(other, _)| other < depth));
        if open == Some(true) { Some(TreeAct::Toggle(at)) } else { parent.map(TreeAct::Focus) }
    } else {
        None
    }
}
