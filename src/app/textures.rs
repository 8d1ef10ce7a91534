//! Thumbnails on the graphics card: uploaded a few a frame, the ones not seen for longest given up first.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use egui::{ColorImage, TextureHandle, TextureOptions};

use vicinity_core::{ItemId, Picture};

/// Textures kept; at 256 x 192 pixels about 120 MB.
const MOST: usize = 600;
/// Uploaded a frame.
const UPLOADS_A_FRAME: usize = 24;
/// Asked for at once.
const WANTED_AT_ONCE: usize = 240;
/// After so long an answer that has not come is asked for again.
const PATIENCE_SECS: f64 = 3.0;

/// See the module's documentation.
#[derive(Default)]
pub struct Textures {
    arrived: VecDeque<(ItemId, Option<Arc<Picture>>)>,
    seen: HashMap<ItemId, u64>,
    frame: u64,
    asked: HashSet<ItemId>,
    asked_at: f64,
}

impl Textures {
    /// A thumbnail came from the engine.
    pub fn arrived(&mut self, id: ItemId, picture: Option<Arc<Picture>>) {
        self.arrived.push_back((id, picture));
    }

    /// Uploads some of what has arrived; returns whether more is waiting.
    pub fn upload(&mut self, ctx: &egui::Context, at_hand: &mut HashMap<ItemId, Option<TextureHandle>>) -> bool {
        for _ in 0..UPLOADS_A_FRAME {
            let Some((id, picture)) = self.arrived.pop_front() else { break };
            let texture = picture.map(|p| load(ctx, &format!("thumbnail {}", id.0), &p));
            at_hand.insert(id, texture);
            self.seen.insert(id, self.frame);
            self.asked.remove(&id);
        }
        self.evict(at_hand);
        !self.arrived.is_empty()
    }

    fn evict(&mut self, at_hand: &mut HashMap<ItemId, Option<TextureHandle>>) {
        if at_hand.len() <= MOST {
            return;
        }
        let mut by_age: Vec<(u64, ItemId)> =
            at_hand.keys().map(|id| (self.seen.get(id).copied().unwrap_or(0), *id)).collect();
        by_age.sort_unstable();
        for (_, id) in by_age.into_iter().take(at_hand.len() - MOST * 9 / 10) {
            at_hand.remove(&id);
            self.seen.remove(&id);
        }
    }

    /// Notes what a frame showed; returns what the engine is to be asked for, where that is news to it.
    pub fn shown(
        &mut self,
        shown: &[ItemId],
        at_hand: &HashMap<ItemId, Option<TextureHandle>>,
        now: f64,
    ) -> Option<Vec<ItemId>> {
        self.frame += 1;
        let mut wanted = Vec::new();
        let mut once = HashSet::new();
        for id in shown {
            if at_hand.contains_key(id) {
                self.seen.insert(*id, self.frame);
            } else if wanted.len() < WANTED_AT_ONCE && once.insert(*id) {
                wanted.push(*id);
            }
        }
        let impatient = now - self.asked_at > PATIENCE_SECS;
        let news = wanted.iter().any(|id| !self.asked.contains(id));
        if wanted.is_empty() || !(news || impatient) {
            return None;
        }
        self.asked = once;
        self.asked_at = now;
        Some(wanted)
    }

    /// Forgets everything: another library was opened.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Uploads a picture.
pub fn load(ctx: &egui::Context, name: &str, picture: &Picture) -> TextureHandle {
    let image = ColorImage::from_rgb([picture.width() as usize, picture.height() as usize], picture.rgb());
    ctx.load_texture(name, image, TextureOptions::LINEAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Option<Arc<Picture>> {
        Picture::new(1, 1, vec![1, 2, 3]).map(Arc::new)
    }

    #[test]
    fn asks_once_and_again_after_a_while() {
        let mut textures = Textures::default();
        let at_hand = HashMap::new();
        let shown = [ItemId(1), ItemId(2), ItemId(1)];
        assert_eq!(textures.shown(&shown, &at_hand, 10.0), Some(vec![ItemId(1), ItemId(2)]));
        assert_eq!(textures.shown(&shown, &at_hand, 10.1), None);
        assert_eq!(textures.shown(&[ItemId(3)], &at_hand, 10.2), Some(vec![ItemId(3)]));
        assert_eq!(textures.shown(&[ItemId(3)], &at_hand, 20.0), Some(vec![ItemId(3)]));
    }

    #[test]
    fn keeps_what_is_on_screen_when_room_runs_out() {
        let ctx = egui::Context::default();
        let mut textures = Textures::default();
        let mut at_hand = HashMap::new();
        for id in 0..MOST as u32 + 1 {
            textures.arrived(ItemId(id), picture());
        }
        while at_hand.len() < MOST {
            textures.upload(&ctx, &mut at_hand);
        }
        textures.shown(&[ItemId(0)], &at_hand, 0.0);
        textures.upload(&ctx, &mut at_hand);
        assert!(at_hand.len() <= MOST && at_hand.contains_key(&ItemId(0)), "{}", at_hand.len());
    }
}
