//! The cells of a row of a table, in the inspector.

use egui::Ui;

use super::photo_facts;
use crate::context::Ctx;
use crate::ui::theme::SPACE;
use vicinity_core::Item;

/// Most cells shown.
const SHOWN: usize = 60;

/// Draws the cells of an item; nothing where it is no row. The text itself is shown above.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>, item: &Item) {
    let snapshot = ctx.state.library().snapshot.as_ref();
    let Some((table, row)) = snapshot.and_then(|snapshot| snapshot.tables().row_of(item)) else { return };
    let content = table.format.content_column.as_deref();
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = photo_facts::GAP;
        let cells = table.cells(row).filter(|(name, _)| Some(*name) != content);
        cells.take(SHOWN).for_each(|(name, cell)| photo_facts::fact(ui, name, &cell.to_string()));
    });
    ui.add_space(SPACE[1]);
}
