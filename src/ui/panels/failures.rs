//! Dialog that lists unreadable files, grouped by reason.

use std::sync::Arc;

use egui::{ScrollArea, Sense, Ui, vec2};

use super::dialog_window;
use crate::context::commands::{CollectionAction, CollectionCommand, ItemCommand, ViewCommand};
use crate::context::format;
use crate::context::{Ctx, Dialog};
use crate::ui::style::{bold, font};
use crate::ui::theme::{SPACE, Theme, text_size};
use crate::ui::widgets::{buttons, divider, icons::Icon, line};
use vicinity_core::{Failure, skip_reason};

/// Height of a row.
const ROW: f32 = 46.0;

/// A row of the list.
enum Row {
    /// A reason, as the index of its first file, and the number of files.
    Reason(usize, u64),
    /// A file, as its index.
    File(usize),
}

/// State of the dialog: the grouped list, rebuilt when the failures change.
#[derive(Default)]
pub struct FailureList {
    source: Option<Arc<Vec<Failure>>>,
    rows: Vec<Row>,
}

impl FailureList {
    /// Draws the dialog if it is open.
    pub fn show(&mut self, ui: &Ui, ctx: &Ctx<'_>) {
        if !ctx.state.is_dialog_open(Dialog::Failures) {
            *self = Self::default();
            return;
        }
        if self.source.as_ref().is_none_or(|source| !Arc::ptr_eq(source, &ctx.state.library().failures)) {
            self.source = Some(ctx.state.library().failures.clone());
            self.rows = rows(&ctx.state.library().failures);
        }
        let stays_open =
            dialog_window(ui, Dialog::Failures, "Unreadable files", vec2(600.0, 440.0), |ui| self.contents(ui, ctx));
        if !stays_open {
            ctx.send(ViewCommand::ShowDialog(Dialog::Failures, false));
        }
    }

    fn contents(&self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let theme = Theme::of(ui.ctx());
        let failures = &ctx.state.library().failures;
        let left_out = skip_reason::describe(&ctx.state.library().skipped, format::number);
        if failures.is_empty() {
            ui.label(egui::RichText::new("There are no unreadable files").color(theme.text2));
        }
        if !left_out.is_empty() {
            let text = egui::RichText::new(format!("Skipped: {left_out}")).color(theme.text2);
            ui.add(egui::Label::new(text).wrap());
        }
        if let Some(advice) = skip_reason::advice(&ctx.state.library().skipped) {
            ui.add(egui::Label::new(egui::RichText::new(advice).color(theme.text2)).wrap());
        }
        if failures.is_empty() {
            return;
        }
        let skipped = if failures.len() == 1 {
            "This file could not be read; everything else was imported"
        } else {
            "These files could not be read; everything else was imported"
        };
        ui.label(egui::RichText::new(skipped).color(theme.text2));
        ui.horizontal(|ui| {
            if buttons::with_icon(ui, Icon::Retry, "Retry all").clicked() {
                ctx.send(CollectionAction::RetryFailed);
            }
            if buttons::with_icon(ui, Icon::Copy, "Copy list").clicked() {
                let lines: Vec<String> =
                    failures.iter().map(|f| format!("{}\t{}", f.path.display(), f.reason)).collect();
                ctx.send(ItemCommand::CopyText(lines.join("\n")));
            }
        });
        divider(ui);
        ui.spacing_mut().item_spacing.y = 0.0;
        ScrollArea::vertical().auto_shrink(false).show_rows(ui, ROW, self.rows.len(), |ui, shown| {
            for row in self.rows.get(shown).unwrap_or_default() {
                match row {
                    Row::Reason(first, files) => {
                        failures.get(*first).into_iter().for_each(|failure| reason_row(ui, failure, *files));
                    }
                    Row::File(at) => failures.get(*at).into_iter().for_each(|failure| file_row(ui, ctx, failure)),
                }
            }
        });
    }
}

/// Groups files by reason, the most common reason first, and keeps their order within a group.
fn rows(failures: &[Failure]) -> Vec<Row> {
    let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
    let mut known: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    for (at, failure) in failures.iter().enumerate() {
        let kind = kind(&failure.reason);
        let group = *known.entry(kind.clone()).or_insert(groups.len());
        match groups.get_mut(group) {
            Some((_, files)) => files.push(at),
            None => groups.push((kind, vec![at])),
        }
    }
    groups.sort_by_key(|(_, files)| std::cmp::Reverse(files.len()));
    let mut rows = Vec::with_capacity(failures.len() + groups.len());
    for (_, files) in groups {
        rows.extend(files.first().map(|first| Row::Reason(*first, files.len() as u64)));
        rows.extend(files.into_iter().map(Row::File));
    }
    rows
}

/// A reason with its numbers replaced by 0, so that reasons that differ only in numbers are equal.
fn kind(reason: &str) -> String {
    let mut kind = String::with_capacity(reason.len());
    for letter in reason.chars() {
        match letter {
            digit if digit.is_ascii_digit() || digit == ',' && kind.ends_with('0') => {
                if !kind.ends_with('0') {
                    kind.push('0');
                }
            }
            letter => kind.push(letter),
        }
    }
    kind
}

fn reason_row(ui: &mut Ui, failure: &Failure, files: u64) {
    let theme = Theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    let count = format::count(files, "file");
    let right = ui.painter().text(
        egui::pos2(rect.right() - SPACE[2], rect.bottom() - 13.0),
        egui::Align2::RIGHT_CENTER,
        &count,
        font(text_size::SMALL),
        theme.text2,
    );
    let available = egui::Rect::from_min_max(
        egui::pos2(rect.left(), rect.bottom() - 26.0),
        egui::pos2(right.left() - SPACE[1], rect.bottom()),
    );
    let reason = format::capital(&failure.reason);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, format!("{reason}, {count}")));
    line(ui, available, &reason, bold(text_size::BODY), theme.warning, response);
}

fn file_row(ui: &mut Ui, ctx: &Ctx<'_>, failure: &Failure) {
    let theme = Theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    let available = rect.with_max_x(rect.right() - 70.0 - SPACE[1]);
    let name = format::file_name(&failure.path);
    let root = ctx.state.root_of(&failure.path);
    let folder = format::folder_below(root, &failure.path);
    let description = match folder.as_str() {
        "" => format!("{name}: {}", failure.reason),
        folder => format!("{name}: {}, in {folder}", failure.reason),
    };
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &description));
    let response = response.on_hover_text(format!("{}\n{}", failure.path.display(), failure.reason));
    let upper = available.with_min_y(rect.top() + 5.0).with_max_y(rect.top() + 23.0);
    let lower = available.with_min_y(rect.top() + 23.0).with_max_y(rect.top() + 41.0);
    let response = line(ui, upper, &name, font(text_size::BODY), theme.text1, response);
    line(ui, lower, &folder, font(text_size::SMALL), theme.text2, response);
    let place = egui::Rect::from_min_size(egui::pos2(rect.right() - 66.0, rect.top() + 8.0), vec2(62.0, 30.0));
    let mut child = ui.new_child(egui::UiBuilder::new().max_rect(place).id_salt(&failure.path));
    if buttons::button(&mut child, "Retry").clicked() {
        ctx.send(CollectionCommand::Retry(vec![failure.path.clone()]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_reason_stand_together_whatever_numbers_it_names() {
        let failure = |name: &str, reason: &str| Failure { path: name.into(), reason: reason.to_owned() };
        let failures = [
            failure("a", "the file ends too early"),
            failure("b", "the picture is 90,000 pixels wide; at most 65,535 are read"),
            failure("c", "the picture is 1,234,567 pixels wide; at most 65,535 are read"),
        ];
        let shown: Vec<String> = rows(&failures)
            .iter()
            .map(|row| match row {
                Row::Reason(_, files) => format!("{files} files"),
                Row::File(at) => failures[*at].path.display().to_string(),
            })
            .collect();
        assert_eq!(shown, ["2 files", "b", "c", "1 files", "a"]);
    }
}
