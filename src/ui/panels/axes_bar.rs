//! The bar above the scatter plot: what its axes measure, and why there is no plot where there is none.

use egui::{Align, Frame, Layout, Margin, Popup, Rect, RichText, ScrollArea, Stroke, TextEdit, Ui, UiBuilder, vec2};

use super::top_bar;
use crate::context::commands::MapCommand;
use crate::context::{Ctx, format};
use crate::ui::style::font;
use crate::ui::theme::{RADIUS, SPACE, Theme, text_size};
use crate::ui::widgets::{buttons, line, one_line};
use vicinity_core::condition::field::Field;
use vicinity_core::table::ColumnKind;
use vicinity_core::{AxesLayout, AxisSource};

/// Height of a row, points.
const ROW: f32 = 36.0;
/// From this width on, both axes are in one row.
const ONE_ROW: f32 = 940.0;
/// Width of the word for an axis, and of the field for an opposite.
const WORD: f32 = 66.0;
const FIELD: f32 = 104.0;
/// Height of the list of columns in the menu, points.
const COLUMNS_HEIGHT: f32 = 240.0;
/// What opposites are called in the menu.
const OPPOSITES: &str = "Opposites";
/// The axes in the order of their places.
const NAMES: [&str; 2] = ["Horizontal", "Vertical"];

/// State of the bar.
#[derive(Default)]
pub struct AxesBar {
    /// The opposites that each axis had before it measured something else.
    opposites: [[String; 2]; 2],
}

impl AxesBar {
    /// Draws the bar; returns the area below it.
    pub fn show(&mut self, ui: &mut Ui, ctx: &Ctx<'_>) -> Rect {
        let theme = Theme::of(ui.ctx());
        let whole = ui.max_rect();
        let rows = if whole.width() < ONE_ROW { 2.0 } else { 1.0 };
        let (bar, rest) = whole.split_top_bottom_at_y(whole.top() + rows * ROW + SPACE[0]);
        ui.painter().rect_filled(bar, 0, theme.panel);
        ui.painter().hline(bar.x_range(), bar.bottom() - 0.5, Stroke::new(1.0, theme.line));
        let inner = bar.shrink2(vec2(SPACE[2], SPACE[0] / 2.0));
        let places = if rows > 1.0 {
            let (above, below) = inner.split_top_bottom_at_fraction(0.5);
            [above, below]
        } else {
            let (left, right) = inner.split_left_right_at_fraction(0.46);
            [left, right]
        };
        for (at, place) in places.into_iter().enumerate() {
            let builder = UiBuilder::new().id_salt(NAMES[at]).max_rect(place);
            let mut row = ui.new_child(builder.layout(Layout::left_to_right(Align::Center)));
            row.spacing_mut().item_spacing.x = SPACE[1];
            self.axis(&mut row, ctx, at);
            if at == 1 {
                remark(&row, ctx, place.with_min_x(row.min_rect().right() + SPACE[2]));
            }
        }
        rest
    }

    /// The controls of one axis.
    fn axis(&mut self, ui: &mut Ui, ctx: &Ctx<'_>, at: usize) {
        let theme = Theme::of(ui.ctx());
        let source = &ctx.state.preferences.axes[at];
        let (word, response) = ui.allocate_exact_size(vec2(WORD, 24.0), egui::Sense::hover());
        line(ui, word, NAMES[at], font(text_size::SMALL), theme.text2, response);
        if let AxisSource::Opposites(texts) = source {
            self.opposites[at].clone_from(texts);
        }
        self.menu(ui, ctx, at);
        let AxisSource::Opposites(texts) = source else { return };
        let mut changed = texts.clone();
        let hints = [["e.g. indoor", "e.g. outdoor"], ["e.g. old", "e.g. new"]];
        let ends = [["left", "right"], ["lower", "upper"]];
        for end in 0..2 {
            if end > 0 {
                ui.label(RichText::new("–").color(theme.text2));
            }
            let name = format!("{} axis, {} end", NAMES[at], ends[at][end]);
            field(ui, &mut changed[end], hints[at][end], &name);
        }
        if changed != *texts {
            send(ctx, at, AxisSource::Opposites(changed));
        }
    }

    /// The menu of what an axis can measure.
    fn menu(&self, ui: &mut Ui, ctx: &Ctx<'_>, at: usize) {
        let theme = Theme::of(ui.ctx());
        let source = &ctx.state.preferences.axes[at];
        let is_opposites = matches!(source, AxisSource::Opposites(_));
        let now = if is_opposites { OPPOSITES.to_owned() } else { format::axis(source) };
        let shown = crate::ui::widgets::truncate(ui, &now, &font(text_size::BODY), 150.0);
        let name = format!("{} axis: {}", NAMES[at], now.to_lowercase());
        let button = buttons::menu_button(ui, &shown, &[OPPOSITES], &name, theme.text1).on_hover_text(name);
        Popup::menu(&button).width(200.0).show(|ui| {
            if buttons::menu_choice(ui, OPPOSITES, "", is_opposites).clicked() {
                send(ctx, at, AxisSource::Opposites(self.opposites[at].clone()));
                ui.close();
            }
            let choice = |ui: &mut Ui, text: &str, choice: AxisSource| {
                if buttons::menu_choice(ui, text, "", choice == *source).clicked() {
                    send(ctx, at, choice);
                    ui.close();
                }
            };
            for field in AxisSource::fields().filter(|field| is_known(ctx, *field)) {
                choice(ui, &format::measured_field(field), AxisSource::Field(field));
            }
            let is_measured = |kind| matches!(kind, ColumnKind::Number | ColumnKind::Date);
            let columns = ctx.state.library().fact_counts.columns().iter().filter(|column| is_measured(column.kind));
            let mut columns = columns.peekable();
            if columns.peek().is_some() {
                top_bar::separator(ui);
                ScrollArea::vertical().id_salt("axis columns").max_height(COLUMNS_HEIGHT).show(ui, |ui| {
                    columns
                        .for_each(|column| choice(ui, column.name.as_str(), AxisSource::Column(column.name.clone())));
                });
            }
        });
    }
}

/// Whether the collection has what a field measures, as far as that is counted.
fn is_known(ctx: &Ctx<'_>, field: Field) -> bool {
    let facts = &ctx.state.library().fact_counts;
    match field {
        Field::Taken => facts.has_times(),
        Field::Rating => facts.rated(0).is_some(),
        Field::Focal | Field::Aperture | Field::Exposure | Field::Iso => !facts.values(Field::Camera).is_empty(),
        _ => true,
    }
}

fn send(ctx: &Ctx<'_>, at: usize, source: AxisSource) {
    let mut axes = ctx.state.preferences.axes.clone();
    axes[at] = source;
    ctx.send(MapCommand::SetAxes(axes));
}

/// The field for one of two opposites.
fn field(ui: &mut Ui, text: &mut String, hint: &str, name: &str) {
    let theme = Theme::of(ui.ctx());
    let edit = TextEdit::singleline(text)
        .id(egui::Id::unique(name))
        .frame(Frame::NONE.fill(theme.raised).corner_radius(RADIUS[0]).inner_margin(Margin::symmetric(8, 3)))
        .font(font(text_size::BODY))
        .text_color(theme.text1)
        .hint_text(RichText::new(hint).color(theme.text3))
        .char_limit(200)
        .desired_width(FIELD);
    let response = ui.add(edit).accessible_name(name);
    if !response.has_focus() {
        let edge = Stroke::new(1.0, theme.line);
        ui.painter().rect_stroke(response.rect, RADIUS[0], edge, egui::StrokeKind::Inside);
    }
}

/// What is being done, what went wrong, or how many items are not shown.
fn remark(ui: &Ui, ctx: &Ctx<'_>, place: Rect) {
    let theme = Theme::of(ui.ctx());
    let axes = &ctx.state.library().axes;
    let (text, colour) = match (&axes.error, &axes.placed) {
        _ if axes.pending => ("Computing…".to_owned(), theme.text2),
        (Some(error), Some(_)) => (error.clone(), theme.warning),
        (None, Some(placed)) => (missing(placed), theme.text2),
        (_, None) => return,
    };
    if text.is_empty() || place.width() < 24.0 {
        return;
    }
    let galley = one_line(ui, text.clone(), font(text_size::SMALL), colour, place.width());
    let response = ui.interact(place, ui.scope_id().with("remark"), egui::Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &text));
    ui.painter().galley(
        egui::pos2(place.right() - galley.size().x, place.center().y - galley.size().y / 2.0),
        galley,
        colour,
    );
    response.on_hover_text(text);
}

/// Which items have no place in the plot.
fn missing(placed: &AxesLayout) -> String {
    let all = placed.axes[0].values.len();
    let clause = |axis: &vicinity_core::Axis| {
        let missing = axis.missing;
        let what = format::axis(&axis.source).to_lowercase();
        (missing > 0)
            .then(|| format!("{} of {} without {what}", format::number(missing as u64), format::number(all as u64)))
    };
    placed.axes.iter().filter_map(clause).collect::<Vec<_>>().join(" · ")
}

/// Says over the map why there is no plot.
pub fn notice(ui: &mut Ui, ctx: &Ctx<'_>, area: Rect) {
    if ctx.state.placed_axes().is_some() {
        return;
    }
    let theme = Theme::of(ui.ctx());
    let axes = &ctx.state.library().axes;
    let (heading, text) = match (&axes.error, axes.pending) {
        (_, true) => ("Placing items along the axes…", ""),
        (Some(error), false) => ("No scatter plot", error.as_str()),
        (None, false) => return,
    };
    let place = Rect::from_center_size(area.center(), vec2((area.width() - 2.0 * SPACE[4]).min(400.0), 120.0));
    ui.scope_builder(UiBuilder::new().id_salt("axes notice").max_rect(place), |ui| {
        let frame = Frame::new().fill(theme.panel).stroke(Stroke::new(1.0, theme.line)).corner_radius(RADIUS[1]);
        frame.inner_margin(Margin::same(SPACE[3] as i8)).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.label(RichText::new(heading).font(crate::ui::style::bold(text_size::BODY)).color(theme.text1));
            if !text.is_empty() {
                ui.add(egui::Label::new(RichText::new(text).color(theme.text2)).wrap());
            }
        });
    });
}
