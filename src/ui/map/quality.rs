//! How far the map can be trusted: a menu behind the name of its method.

use egui::{Align, Button, Label, Popup, RichText, Ui, vec2};

use crate::context::Ctx;
use crate::context::commands::MapCommand;
use crate::ui::theme::{SPACE, Theme, text_size};
use vicinity_core::{Layout, LayoutMethod, MapQuality};

/// Width of the texts, in points.
const WIDTH: f32 = 300.0;

/// Shows the method of the layout and what else is to be said of it; a click tells how well it keeps neighbours.
pub fn show(ui: &mut Ui, cx: &Ctx<'_>, layout: &Layout, more: Option<&str>) {
    let theme = Theme::of(ui.ctx());
    let named = more.map_or_else(|| method(layout), |more| format!("{} · {more}", method(layout)));
    let text = RichText::new(named).size(text_size::SMALL).color(theme.text2);
    let button = ui.add(Button::new(text).frame(false).min_size(vec2(0.0, 24.0)));
    let button = button.on_hover_text("How far this map can be trusted");
    Popup::menu(&button).close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside).width(WIDTH).show(|ui| {
        ui.set_max_width(WIDTH);
        let library = cx.state.library();
        let quality = library.map_quality.as_ref().filter(|quality| quality.belongs_to(layout));
        if quality.is_none() && !library.measuring_map {
            cx.send(MapCommand::MeasureQuality);
        }
        let small = |text: &str| RichText::new(text).size(text_size::SMALL).color(theme.text2);
        for (figure, meaning) in figures(layout, quality.map(|quality| &**quality)) {
            ui.add(left(RichText::new(figure).size(text_size::BODY).color(theme.text1)));
            ui.add(left(small(meaning)));
            ui.add_space(SPACE[1]);
        }
        if layout.method == LayoutMethod::Pca {
            ui.add(left(small("This is a preview; its quality is measured once the map is ready.")));
        } else if quality.is_none() {
            ui.add(left(small("Comparing each item's neighbours with those on the map…")));
        }
    });
}

/// Menus align their texts on both sides, which tears the lines of these apart.
fn left(text: RichText) -> Label {
    Label::new(text).halign(Align::Min).wrap()
}

fn method(layout: &Layout) -> String {
    let method = match layout.method {
        LayoutMethod::Pca => "Preview map",
        LayoutMethod::Umap => "UMAP · 15 neighbours",
        LayoutMethod::Own => "Your own positions",
        LayoutMethod::Axes => "Axes",
    };
    match layout.trustworthiness {
        Some(t) => format!("{method} · trustworthiness {t:.2}"),
        None => method.to_owned(),
    }
}

/// What was measured, and what each figure means.
fn figures(layout: &Layout, quality: Option<&MapQuality>) -> Vec<(String, &'static str)> {
    let trust = layout.trustworthiness.map(|share| {
        (
            format!("Trustworthiness {share:.3}"),
            "Whether items that are close together here are alike: 1 is best, 0.5 is chance.",
        )
    });
    let kept = quality.map(|quality| {
        (
            format!("{:.0}% of neighbours kept", 100.0 * quality.preservation),
            "How many of the 15 items most like each one are among the 15 nearest to it on the map. The rest are elsewhere: hover over an item to see lines to them.",
        )
    });
    let gap = quality.and_then(|quality| quality.gap).map(|gap| {
        (
            format!("Gap between pictures and texts {:.2}, here {:.2}", gap.raw, gap.centred),
            "The distance between their means as the model gives them (0 to 2), and on this map, where both are centred so that a picture is near texts about it.",
        )
    });
    trust.into_iter().chain(kept).chain(gap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vicinity_core::ModalityGap;

    #[test]
    fn every_figure_comes_with_its_meaning() {
        let layout = Layout {
            method: LayoutMethod::Umap,
            epoch: 1,
            positions: Vec::new(),
            settled: 0,
            trustworthiness: Some(0.9476),
            generation: 1,
        };
        let gap = Some(ModalityGap { raw: 0.816, centred: 0.03 });
        let quality = MapQuality { preservation: 0.283, gap, ..MapQuality::default() };
        let all: Vec<String> = figures(&layout, Some(&quality)).into_iter().map(|(figure, _)| figure).collect();
        assert_eq!(
            all,
            ["Trustworthiness 0.948", "28% of neighbours kept", "Gap between pictures and texts 0.82, here 0.03"]
        );
        assert_eq!(figures(&layout, None).len(), 1, "what is not measured is not claimed");
    }
}
