//! The part of the import settings about how tables are read, as far as that is not detected.

use egui::{CollapsingHeader, TextEdit, Ui};

use crate::ui::theme::Theme;
use crate::ui::widgets::{self, buttons};
use vicinity_core::table::{Decimal, TableOptions};

/// Separators to choose from, and what they are called.
const SEPARATORS: [(Option<char>, &str); 5] = [
    (None, "Detect separator"),
    (Some(','), "Comma"),
    (Some(';'), "Semicolon"),
    (Some('\t'), "Tab"),
    (Some('|'), "Bar"),
];
const DECIMALS: [(Option<Decimal>, &str); 3] =
    [(None, "Detect decimals"), (Some(Decimal::Point), "1.5"), (Some(Decimal::Comma), "1,5")];
const HEADERS: [(Option<bool>, &str); 3] =
    [(None, "Detect header"), (Some(true), "Header"), (Some(false), "No header")];

/// State of this part of the form.
#[derive(Default)]
pub struct TableForm {
    options: TableOptions,
    text_column: String,
}

impl TableForm {
    /// As the library has it.
    pub fn of(options: &TableOptions) -> Self {
        Self { options: options.clone(), text_column: options.text_column.clone().unwrap_or_default() }
    }

    /// What was chosen.
    pub fn options(&self) -> TableOptions {
        let text_column = Some(self.text_column.trim().to_owned()).filter(|name| !name.is_empty());
        TableOptions { text_column, ..self.options.clone() }
    }

    /// Draws it, closed at first.
    pub fn show(&mut self, ui: &mut Ui) {
        let colour = Theme::of(ui.ctx()).text2;
        CollapsingHeader::new("How tables are read").show(ui, |ui| {
            widgets::note(ui, "What is not chosen is detected. A change reads all tables again", colour);
            choose(ui, &mut self.options.separator, &SEPARATORS);
            choose(ui, &mut self.options.decimal, &DECIMALS);
            choose(ui, &mut self.options.has_header, &HEADERS);
            ui.add(TextEdit::singleline(&mut self.text_column).hint_text("Column with the text").desired_width(200.0))
                .accessible_name("Column with the text");
        });
    }
}

/// A choice of which nothing is selected if the value is none of these.
fn choose<T: PartialEq + Copy>(ui: &mut Ui, value: &mut T, choices: &[(T, &str)]) {
    let names: Vec<&str> = choices.iter().map(|(_, name)| *name).collect();
    let selected = choices.iter().position(|(choice, _)| choice == value).unwrap_or(usize::MAX);
    if let Some((choice, _)) = buttons::segments(ui, &names, selected).and_then(|at| choices.get(at)) {
        *value = *choice;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_typed_is_detected() {
        let options =
            TableOptions { separator: Some(':'), text_column: Some("note".to_owned()), ..TableOptions::default() };
        let mut form = TableForm::of(&options);
        assert_eq!(form.options(), options, "what the window does not offer stays");
        form.text_column = "  ".to_owned();
        assert_eq!(form.options().text_column, None);
    }
}
