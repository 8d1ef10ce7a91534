//! Dialog in which the user names a cluster.

use egui::{Key, TextEdit, Ui, vec2};

use super::dialog_window;
use crate::context::commands::{ClusterCommand, ViewCommand};
use crate::context::{Ctx, Dialog};
use crate::ui::theme::{SPACE, Theme};
use crate::ui::widgets::{buttons, note, select_all_text};
use vicinity_core::Cluster;

/// Width of the dialog.
const WIDTH: f32 = 360.0;

/// State of the dialog while it is open.
#[derive(Default)]
pub struct ClusterNameDialog {
    typed: String,
    cluster: Option<u32>,
}

impl ClusterNameDialog {
    /// Draws the dialog if it is open.
    pub fn show(&mut self, ui: &Ui, ctx: &Ctx<'_>) {
        let library = ctx.state.library();
        let renaming = library.cluster_state.renaming.filter(|_| ctx.state.is_dialog_open(Dialog::ClusterName));
        let cluster = renaming.and_then(|at| Some((at, library.clusters.as_ref()?.all.get(at as usize)?)));
        let Some((at, cluster)) = cluster else {
            *self = Self::default();
            if ctx.state.is_dialog_open(Dialog::ClusterName) {
                close(ctx);
            }
            return;
        };
        let opened = self.cluster != Some(at);
        if opened {
            *self = Self { typed: cluster.name().unwrap_or_default().to_owned(), cluster: Some(at) };
        }
        let stays_open = dialog_window(ui, Dialog::ClusterName, "Rename cluster", vec2(WIDTH, 120.0), |ui| {
            self.contents(ui, ctx, (at, cluster), opened);
        });
        if !stays_open {
            close(ctx);
        }
    }

    fn contents(&mut self, ui: &mut Ui, ctx: &Ctx<'_>, (at, cluster): (u32, &Cluster), opened: bool) {
        let theme = Theme::of(ui.ctx());
        ui.set_width(WIDTH.min(ui.ctx().content_rect().width() - 2.0 * SPACE[4]));
        let found = cluster.names.join(" / ");
        let found = if found.is_empty() { "none".to_owned() } else { found };
        note(ui, &format!("Suggested name: {found}"), theme.text2);
        ui.add_space(SPACE[0]);
        let field = TextEdit::singleline(&mut self.typed).desired_width(f32::INFINITY).char_limit(80);
        let field = ui.add(field).accessible_name("Name of the cluster");
        if opened {
            field.request_focus();
            select_all_text(ui.ctx(), field.id, self.typed.chars().count());
        }
        ui.add_space(SPACE[1]);
        let (mut renamed, mut reset) = (field.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter)), false);
        ui.horizontal(|ui| {
            renamed |= buttons::primary(ui, "Rename").clicked();
            reset = cluster.given.is_some() && buttons::secondary(ui, "Use suggested name").clicked();
        });
        if reset {
            self.typed.clear();
        }
        if renamed || reset {
            ctx.send(ClusterCommand::SetName(at, std::mem::take(&mut self.typed)));
            close(ctx);
        }
    }
}

fn close(ctx: &Ctx<'_>) {
    ctx.send(ViewCommand::ShowDialog(Dialog::ClusterName, false));
}
