//! The criteria of the filter: their controls in the left panel (except for the folders, which are a tree of their own),
//! and what they say in words.

use egui::Ui;

use crate::context::{Ctx, SystemCommand};
use crate::ui::format;
use crate::ui::theme::Theme;
use crate::ui::widgets::rows::{Leading, PanelRow, heading};
use vicinity_core::{Filter, Modality};

/// Draws the sections below the folders.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>) {
    types(ui, ctx);
}

fn types(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    super::collection::section(ui);
    heading(ui, "Type");
    let visible = ctx.state.library().visible.as_ref();
    for (modality, colour) in [(Modality::Image, theme.images), (Modality::Text, theme.texts)] {
        let mut filter = ctx.state.library().query.filter.clone();
        let selected = filter.modality == Some(modality);
        let row = PanelRow {
            lead: Leading::Dot(colour),
            name: plural(modality),
            right: &format::number(visible.map_or(0, |rows| rows.count(modality)) as u64),
            selected,
            colour: theme.text1,
        };
        if row.show(ui).clicked() {
            filter.modality = if selected { None } else { Some(modality) };
            ctx.send(SystemCommand::SetFilter(filter));
        }
    }
}

fn plural(modality: Modality) -> &'static str {
    match modality {
        Modality::Image => "Images",
        Modality::Text => "Texts",
    }
}

/// A criterion that is shown as a chip in the search box, since no row of the left panel shows it.
pub struct FilterChip {
    /// What it says.
    pub text: String,
    /// The filter without it.
    pub without: Filter,
}

/// The chips of a filter.
pub fn chips(filter: &Filter) -> Vec<FilterChip> {
    let name = filter.name.as_ref().map(|name| FilterChip {
        text: format!("Name: {}", name.typed().trim()),
        without: Filter { name: None, ..filter.clone() },
    });
    name.into_iter().collect()
}

/// What a filter admits, as a heading: `Texts in Notes`.
pub fn title(filter: &Filter) -> String {
    let name = filter.name.as_ref().map(|name| format!("“{}”", name.typed().trim()));
    let what = [filter.modality.map(|modality| plural(modality).to_owned()), name];
    let what = what.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let folder = filter.folder.as_ref().map(|folder| format::file_name(folder));
    match (what.is_empty(), folder) {
        (true, None) => "All items".to_owned(),
        (true, Some(folder)) => folder,
        (false, None) => what,
        (false, Some(folder)) => format!("{what} in {folder}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vicinity_core::NamePattern;

    #[test]
    fn a_filter_is_named_by_all_of_its_criteria() {
        let mut filter = Filter::default();
        assert_eq!(title(&filter), "All items");
        filter.folder = Some("/c/Notes".into());
        assert_eq!(title(&filter), "Notes");
        filter.name = NamePattern::new("golf ");
        assert_eq!(title(&filter), "“golf” in Notes");
        filter.modality = Some(Modality::Text);
        assert_eq!(title(&filter), "Texts “golf” in Notes");
        let chips = chips(&filter);
        assert_eq!(chips.iter().map(|chip| chip.text.as_str()).collect::<Vec<_>>(), ["Name: golf"]);
        assert_eq!(title(&chips[0].without), "Texts in Notes");
    }
}
