//! Panels and dialogs of the window, one file each.

pub mod about;
pub mod axes_bar;
pub mod cluster_name;
pub mod cluster_tree;
pub mod collection;
pub mod column_filters;
pub mod condition_field;
pub mod date_fields;
pub mod fact_filters;
pub mod failures;
pub mod filter_bar;
pub mod filters;
pub mod folder_tree;
pub mod gallery;
pub mod groups;
pub mod histograms;
pub mod import_settings;
pub mod inspector;
pub mod label_editor;
pub mod models;
pub mod network;
pub mod open_path;
pub mod palette;
pub mod photo_facts;
pub mod picture_text;
pub mod preview;
pub mod query_card;
pub mod results;
pub mod row_cells;
pub mod services;
pub mod settings;
pub mod shortcuts;
pub mod status_bar;
pub mod suggestions;
pub mod table_form;
pub mod text_form;
pub mod timeline;
pub mod top_bar;
pub mod tree_rows;
pub mod welcome;

use egui::{Frame, Margin, Stroke};

use crate::context::Dialog;

use super::style::bold;
use super::theme::{SPACE, Theme, text_size};
use super::widgets::buttons;
use super::widgets::icons::Icon;

/// The frame of a side panel.
pub fn side_frame(theme: &Theme) -> Frame {
    Frame::new().fill(theme.panel).inner_margin(Margin { left: 8, right: 8, top: SPACE[1] as i8, bottom: 0 })
}

fn pressed_id() -> egui::Id {
    egui::Id::unique("pressed dialog")
}

/// The dialog that was pressed in this frame.
pub fn pressed(ctx: &egui::Context) -> Option<Dialog> {
    ctx.data_mut(|d| {
        let pressed = d.get_temp(pressed_id());
        d.remove::<Dialog>(pressed_id());
        pressed
    })
}

/// A movable, non-modal dialog; returns whether it stays open.
pub fn dialog_window(
    ui: &egui::Ui,
    dialog: Dialog,
    title: &str,
    size: egui::Vec2,
    contents: impl FnOnce(&mut egui::Ui),
) -> bool {
    let theme = Theme::of(ui.ctx());
    let mut stays_open = true;
    let shown = egui::Window::new(title)
        .id(egui::Id::unique(("floating", title)))
        .title_bar(false)
        .collapsible(false)
        .default_size(size)
        .pivot(egui::Align2::CENTER_CENTER)
        .default_pos(ui.ctx().content_rect().center())
        .frame(
            Frame::new()
                .fill(theme.panel)
                .stroke(Stroke::new(1.0, theme.line))
                .corner_radius(10)
                .shadow(ui.visuals().window_shadow)
                .inner_margin(Margin::same(SPACE[3] as i8)),
        )
        .show(ui.ctx(), |ui| {
            ui.horizontal(|ui| {
                ui.label(egui::RichText::new(title).font(bold(text_size::LARGE)).color(theme.text1));
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    stays_open &= !buttons::icon(ui, Icon::Close, "Close").clicked();
                });
            });
            ui.add_space(SPACE[1]);
            contents(ui);
        });
    let pressed =
        shown.is_some_and(|window| window.response.contains_pointer()) && ui.input(|i| i.pointer.any_pressed());
    if pressed {
        ui.data_mut(|d| d.insert_temp(pressed_id(), dialog));
    }
    stays_open
}
