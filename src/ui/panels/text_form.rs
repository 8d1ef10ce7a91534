//! The part of the import settings about text in pictures: whether it is read, and in which languages.

use egui::{ScrollArea, Ui};

use crate::context::Ctx;
use crate::ui::theme::Theme;
use crate::ui::widgets::{self, buttons};
use vicinity_core::TextLanguages;

/// The language that is chosen at first, where it is installed.
const FIRST: &str = "eng";
/// Height of the list of languages, points.
const LIST: f32 = 84.0;
/// What to install where Tesseract is missing.
#[cfg(target_os = "macos")] // Compiled by `scripts/macos-check`.
const INSTALL: &str = "Install it with `brew install tesseract tesseract-lang`";
/// What to install where Tesseract is missing.
#[cfg(windows)] // Compiled by `scripts/windows`.
const INSTALL: &str = "Its installer is linked from github.com/tesseract-ocr/tesseract";
/// What to install where Tesseract is missing.
#[cfg(not(any(target_os = "macos", windows)))] // Tested here.
const INSTALL: &str =
    "Install the package tesseract-ocr (Debian, Ubuntu) or tesseract (Fedora, Arch), and a package for each language";
/// Names of common languages; others are shown by their codes.
const NAMES: [(&str, &str); 24] = [
    ("ara", "Arabic"),
    ("ces", "Czech"),
    ("chi_sim", "Chinese, simplified"),
    ("chi_tra", "Chinese, traditional"),
    ("dan", "Danish"),
    ("deu", "German"),
    ("ell", "Greek"),
    ("eng", "English"),
    ("fin", "Finnish"),
    ("fra", "French"),
    ("heb", "Hebrew"),
    ("hin", "Hindi"),
    ("hun", "Hungarian"),
    ("ita", "Italian"),
    ("jpn", "Japanese"),
    ("kor", "Korean"),
    ("nld", "Dutch"),
    ("pol", "Polish"),
    ("por", "Portuguese"),
    ("rus", "Russian"),
    ("spa", "Spanish"),
    ("swe", "Swedish"),
    ("tur", "Turkish"),
    ("ukr", "Ukrainian"),
];

fn name_of(language: &str) -> &str {
    NAMES.iter().find(|(code, _)| *code == language).map_or(language, |(_, name)| name)
}

/// State of this part of the form.
#[derive(Default)]
pub struct TextForm {
    on: bool,
    chosen: Vec<String>,
}

impl TextForm {
    /// As the library has it.
    pub fn of(languages: Option<&TextLanguages>) -> Self {
        Self { on: languages.is_some(), chosen: languages.map(|all| all.names().to_vec()).unwrap_or_default() }
    }

    /// What was chosen; `None` where text is not to be read, or in no language.
    pub fn languages(&self) -> Option<TextLanguages> {
        TextLanguages::new(self.chosen.iter().cloned()).ok().filter(|_| self.on)
    }

    /// Draws it.
    pub fn show(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) {
        let colour = Theme::of(ui.ctx()).text2;
        let found = ctx.state.view.text_languages.as_ref();
        let installed = found.and_then(|found| found.as_ref().ok()).filter(|names| !names.is_empty());
        // What is on can always be switched off.
        let may_switch = installed.is_some() || self.on;
        let switch = |ui: &mut Ui| buttons::checkbox(ui, &mut self.on, "Read text in pictures").changed();
        let changed = ui.add_enabled_ui(may_switch, switch).inner;
        match (found, installed) {
            (_, Some(names)) => {
                if changed && self.on && self.chosen.is_empty() {
                    let first = names.iter().find(|name| *name == FIRST).or(names.first());
                    self.chosen.extend(first.cloned());
                }
                widgets::note(
                    ui,
                    "Screenshots, signs and scans are found by their words. Takes about a second each",
                    colour,
                );
                if self.on {
                    self.list(ui, names);
                }
            }
            (None, _) => widgets::note(ui, "Looking for Tesseract…", colour),
            (Some(Ok(_)), None) => widgets::note(ui, &format!("Tesseract has no languages. {INSTALL}"), colour),
            (Some(Err(why)), None) => widgets::note(ui, &format!("{why}. {INSTALL}"), colour),
        }
    }

    /// The languages to choose from; those chosen that are no longer installed, too.
    fn list(&mut self, ui: &mut Ui, names: &[String]) {
        let gone: Vec<String> = self.chosen.iter().filter(|name| !names.contains(name)).cloned().collect();
        ScrollArea::vertical().id_salt("languages").max_height(LIST).show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                for name in names.iter().chain(&gone) {
                    let mut on = self.chosen.contains(name);
                    if buttons::checkbox(ui, &mut on, name_of(name)).changed() {
                        self.chosen.retain(|other| other != name);
                        self.chosen.extend(on.then(|| name.clone()));
                    }
                }
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_in_what_is_chosen_or_not_at_all() {
        let languages: TextLanguages = "eng+deu".parse().expect("languages");
        let mut form = TextForm::of(Some(&languages));
        assert_eq!(form.languages(), Some(languages));
        form.chosen.clear();
        assert_eq!(form.languages(), None);
        assert_eq!(TextForm::of(None).languages(), None);
        assert_eq!([name_of("deu"), name_of("tlh")], ["German", "tlh"]);
    }
}
