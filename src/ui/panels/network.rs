//! How the network was used in this session: a summary in the status bar that opens a list by host.

use egui::{Popup, RectAlign, Ui};

use crate::context::Ctx;
use crate::context::format;
use crate::ui::style::bold;
use crate::ui::theme::{SPACE, Theme, text_size};
use crate::ui::widgets::{buttons, note};
use vicinity_core::NetworkUse;

/// Draws the summary, and the list if it was clicked.
pub fn show(ui: &mut Ui, ctx: &Ctx<'_>) {
    let theme = Theme::of(ui.ctx());
    let uses = &ctx.state.view.network;
    let text = summary(uses);
    let response = buttons::quiet_small(ui, &text, &text, theme.text2);
    Popup::menu(&response).align(RectAlign::TOP_END).width(340.0).show(|ui| {
        egui::Frame::new().inner_margin(SPACE[1]).show(ui, |ui| list(ui, uses));
    });
}

/// "nothing sent", "downloads from huggingface.co, 340 MB", "sent to api-atlas.nomic.ai, 1.2 MB".
fn summary(uses: &[NetworkUse]) -> String {
    let embedding = |usage: &&NetworkUse| usage.sent > 0;
    let received = |uses: &mut dyn Iterator<Item = &NetworkUse>| uses.map(|usage| usage.bytes).sum::<u64>();
    let mut downloads = uses.iter().filter(|usage| usage.sent == 0);
    match (downloads.clone().next(), uses.iter().find(embedding)) {
        (None, None) => "Network: nothing sent".to_owned(),
        (Some(first), None) => match received(&mut downloads) {
            // A response, but no file worth mentioning.
            0..1_000 => format!("Contacted {}", first.host),
            bytes => format!("Downloads from {}, {}", first.host, format::bytes(bytes)),
        },
        (downloaded, Some(first)) => {
            let sent: u64 = uses.iter().map(|usage| usage.sent).sum();
            let hosts = uses.iter().filter(embedding).count() + usize::from(downloaded.is_some());
            let more = if hosts > 1 { format!(" and {} more", hosts - 1) } else { String::new() };
            format!("Sent to {}{more}, {}", first.host, format::bytes(sent))
        }
    }
}

fn list(ui: &mut Ui, uses: &[NetworkUse]) {
    let theme = Theme::of(ui.ctx());
    ui.spacing_mut().item_spacing.y = 2.0;
    ui.label(egui::RichText::new("Network use in this session").font(bold(text_size::BODY)).color(theme.text1));
    if uses.is_empty() {
        return note(ui, "Nothing was sent or downloaded. Everything happens on this computer.", theme.text2);
    }
    for usage in uses {
        ui.add_space(SPACE[0]);
        ui.label(egui::RichText::new(&usage.host).color(theme.text1));
        note(ui, &host_summary(usage), theme.text2);
    }
}

fn host_summary(usage: &NetworkUse) -> String {
    let mut text = format!("{} · {}", format::sentence(usage.purpose), format::count(usage.requests, "request"));
    if usage.sent > 0 {
        text += &format!(" · {} sent", format::bytes(usage.sent));
    }
    text + &format!(" · {} received", format::bytes(usage.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(host: &str, bytes: u64, sent: u64) -> NetworkUse {
        let purpose = if sent > 0 { "embedding" } else { "downloading models" };
        NetworkUse { host: host.to_owned(), purpose, requests: 2, bytes, sent }
    }

    #[test]
    fn the_bar_says_what_left_the_machine_first() {
        assert_eq!(summary(&[]), "Network: nothing sent");
        assert_eq!(summary(&[usage("huggingface.co", 0, 0)]), "Contacted huggingface.co");
        assert_eq!(summary(&[usage("github.com", 6, 0)]), "Contacted github.com");
        let hub = [usage("huggingface.co", 40_000_000, 0), usage("cdn.example", 300_000_000, 0)];
        assert_eq!(summary(&hub), "Downloads from huggingface.co, 340 MB");
        let both = [usage("huggingface.co", 9, 0), usage("api.example", 5, 1_200_000)];
        assert_eq!(summary(&both), "Sent to api.example and 1 more, 1.2 MB");
        assert_eq!(host_summary(&both[1]), "Embedding · 2 requests · 1.2 MB sent · 5 bytes received");
    }
}
