//! The left panel: folders, types, labels, and unreadable files.

use egui::{ScrollArea, Ui, vec2};

use super::cluster_tree::ClusterPanel;
use super::folder_tree::FolderTree;
use super::{filters, groups, histograms};
use crate::context::commands::{CollectionAction, ItemCommand, SearchCommand};
use crate::context::format;
use crate::context::{Ctx, Dialog, FilterControl};
use crate::ui::theme::{SPACE, Theme};
use crate::ui::widgets::rows::{Leading, PanelRow, heading, section_line};
use crate::ui::widgets::{buttons, icons::Icon};
use vicinity_core::Filter;

/// Draws the panel's contents.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>, tree: &mut FolderTree, clusters: &mut ClusterPanel) {
    ui.spacing_mut().item_spacing = vec2(0.0, 0.0);
    if !ctx.state.has_library() {
        heading(ui, "Collection");
        let theme = Theme::of(ui.ctx());
        ui.horizontal_wrapped(|ui| {
            ui.add_space(SPACE[1]);
            ui.label(egui::RichText::new("Folders you add appear here").color(theme.text3));
        });
        return;
    }
    ScrollArea::vertical().id_salt("collection").auto_shrink(false).show(ui, |ui| {
        folders(ui, ctx, tree);
        clusters.show(ui, ctx);
        groups::show(ui, ctx);
        filters::show(ui, ctx);
        labels(ui, ctx);
        failures(ui, ctx);
        ui.add_space(SPACE[3]);
    });
}

fn folders(ui: &mut Ui, ctx: &Ctx<'_>, tree: &mut FolderTree) {
    let theme = Theme::of(ui.ctx());
    let filter = &ctx.state.library().query.filter;
    let top = ui.cursor().min;
    histograms::reveal(ui, ctx, &FilterControl::Folder);
    heading(ui, "Folders");
    let plus = egui::Rect::from_min_size(egui::pos2(ui.max_rect().right() - 28.0, top.y), vec2(24.0, 24.0));
    let add = buttons::icon_in(ui, Icon::Plus, "Add folders or files", plus);
    egui::Popup::menu(&add).show(|ui| {
        buttons::menu_entry(ui, ctx, CollectionAction::OpenFolder);
        buttons::menu_entry(ui, ctx, CollectionAction::AddFiles);
        buttons::menu_entry(ui, ctx, CollectionAction::OpenPath);
    });
    let all = ctx.state.library().snapshot.as_ref().map_or(0, |snapshot| snapshot.len());
    let row = PanelRow {
        lead: Leading::Icon(Icon::Folder, theme.text1),
        name: "All items",
        right: &format::number(all as u64),
        selected: filter.is_empty(),
        colour: theme.text1,
    };
    if row.show(ui).clicked() {
        ctx.send(SearchCommand::SetFilter(Filter::default()));
    }
    tree.show(ui, ctx);
}

fn labels(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let labels = &ctx.state.library().labels;
    if labels.applied.best.is_empty() {
        return;
    }
    section_line(ui);
    heading(ui, "Labels");
    // In the order and colours of the map's legend.
    for (place, label) in labels.applied.largest_first().into_iter().enumerate() {
        let Some(name) = labels.applied.names.get(label) else { continue };
        let row = PanelRow {
            lead: Leading::Dot(theme.category(place)),
            name,
            right: &format::number(labels.count(label) as u64),
            selected: false,
            colour: theme.text1,
        };
        if row.show(ui).on_hover_text("Select items with this label").clicked() {
            ctx.send(ItemCommand::SelectLabelled(label));
        }
    }
}

fn failures(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let left_out: u64 = ctx.state.library().skipped.values().sum();
    let (name, files, colour) = match ctx.state.library().failures.len() as u64 {
        0 if left_out == 0 => return,
        0 => ("Skipped", left_out, theme.text2),
        failed => ("Unreadable files", failed, theme.warning),
    };
    section_line(ui);
    let row = PanelRow {
        lead: Leading::Icon(Icon::Warning, colour),
        name,
        right: &format::number(files),
        selected: ctx.state.is_dialog_open(Dialog::Failures),
        colour,
    };
    if row.show(ui).clicked() {
        ctx.send(CollectionAction::ShowFailures);
    }
}
