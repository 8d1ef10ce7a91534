//! Applies the tokens of [`super::theme`] to egui: typefaces, sizes, and colours of its own widgets.

use std::sync::Arc;

use egui::style::{ScrollAnimation, ScrollStyle, WidgetVisuals, Widgets};
use egui::{
    Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Shadow, Stroke, Style, TextStyle,
    Vec2, Visuals,
};

use super::theme::{DARK, LIGHT, RADIUS, SPACE, Theme, text_size};

const REGULAR: &[u8] = include_bytes!("../../assets/fonts/Inter-Regular.otf");
const SEMI_BOLD: &[u8] = include_bytes!("../../assets/fonts/Inter-SemiBold.otf");

/// The semi-bold font family.
pub fn semi_bold() -> FontFamily {
    FontFamily::Name("semi bold".into())
}

/// The regular weight in a size.
pub fn font(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

/// The semi-bold weight in a size.
pub fn bold(size: f32) -> FontId {
    FontId::new(size, semi_bold())
}

/// Sets typefaces and both themes. Called once, before the first frame.
pub fn install(ctx: &egui::Context) {
    ctx.set_fonts(fonts());
    ctx.set_style_of(egui::Theme::Dark, style(&DARK));
    ctx.set_style_of(egui::Theme::Light, style(&LIGHT));
}

fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    // Egui's own fonts are fallbacks for the few symbols that Inter lacks; other scripts come from the system.
    let behind = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    for (name, bytes, family) in
        [("Inter", REGULAR, FontFamily::Proportional), ("Inter SemiBold", SEMI_BOLD, semi_bold())]
    {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
        let chain = std::iter::once(name.to_owned()).chain(behind.iter().cloned()).collect();
        fonts.families.insert(family, chain);
    }
    fonts
}

fn style(theme: &Theme) -> Style {
    let mut style = Style { visuals: visuals(theme), animation_time: 0.15, ..Style::default() };
    style.text_styles = [
        (TextStyle::Small, font(text_size::SMALL)),
        (TextStyle::Body, font(text_size::BODY)),
        (TextStyle::Button, font(text_size::BODY)),
        (TextStyle::Heading, bold(text_size::HEADING)),
        (TextStyle::Monospace, FontId::new(text_size::SMALL, FontFamily::Monospace)),
    ]
    .into();
    style.scroll_animation = ScrollAnimation::duration(0.15);
    let spacing = &mut style.spacing;
    spacing.item_spacing = Vec2::splat(SPACE[1]);
    spacing.button_padding = Vec2::new(SPACE[2], 5.0);
    spacing.interact_size = Vec2::new(24.0, 24.0);
    spacing.menu_margin = Margin::same(6);
    spacing.window_margin = Margin::same(SPACE[3] as i8);
    spacing.scroll = ScrollStyle { bar_width: 8.0, floating_width: 4.0, ..ScrollStyle::floating() };
    style.interaction.tooltip_delay = 0.5;
    // Selecting label text by accident while dragging would be in the way.
    style.interaction.selectable_labels = false;
    style
}

fn visuals(theme: &Theme) -> Visuals {
    let mut v = if theme.dark { Visuals::dark() } else { Visuals::light() };
    let radius = CornerRadius::same(RADIUS[1] - 2);
    let line = Stroke::new(1.0, theme.line);
    let widget = |fill: Color32, stroke: Stroke, text: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: stroke,
        corner_radius: radius,
        fg_stroke: Stroke::new(1.2, text),
        expansion: 0.0,
    };
    v.widgets = Widgets {
        noninteractive: widget(theme.panel, line, theme.text1),
        inactive: widget(theme.raised, line, theme.text1),
        hovered: widget(theme.hovered(), line, theme.text1),
        active: widget(theme.hovered(), Stroke::new(1.5, theme.accent), theme.text1),
        open: widget(theme.hovered(), line, theme.text1),
    };
    v.selection.bg_fill = theme.selection();
    v.selection.stroke = Stroke::new(1.5, theme.accent);
    v.weak_text_color = Some(theme.text2);
    v.hyperlink_color = theme.accent;
    v.faint_bg_color = theme.raised;
    v.extreme_bg_color = theme.raised;
    v.text_edit_bg_color = Some(theme.raised);
    v.code_bg_color = theme.raised;
    v.warn_fg_color = theme.warning;
    v.error_fg_color = theme.error;
    v.window_fill = theme.panel;
    v.panel_fill = theme.panel;
    v.window_stroke = line;
    v.window_corner_radius = CornerRadius::same(RADIUS[1] + 2);
    v.menu_corner_radius = CornerRadius::same(RADIUS[1]);
    v.window_highlight_topmost = false;
    let shadow = Shadow { offset: [0, 6], blur: 24, spread: 0, color: theme.shadow() };
    v.window_shadow = shadow;
    v.popup_shadow = shadow;
    v.text_cursor.stroke = Stroke::new(1.5, theme.accent);
    v.slider_trailing_fill = true;
    v
}
