//! Thumbnails on the graphics card: uploaded a few a frame, the ones not seen for longest given up first.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::{ColorImage, TextureHandle, TextureOptions};

use crate::context::picture_atlas::PictureAtlas;
use vicinity_core::{ItemId, Picture};

/// Bytes of textures that are kept beside those on screen: some 340 pictures of 256 x 192 pixels.
const MOST_BYTES: usize = 64 << 20;
/// Bytes of the textures of one screen and its neighbours, so that what is fetched ahead drives nothing out.
const AHEAD_BYTES: usize = MOST_BYTES / 2;
/// Of a thumbnail that is not here yet.
const USUAL_BYTES: usize = 256 * 192 * 4;
/// Uploaded a frame, of those on screen; and at the most, while there is time.
const UPLOADS_A_FRAME: [usize; 2] = [24, 64];
/// Time that uploads take of a frame, of 16 ms at 60 Hz.
const UPLOAD_TIME: Duration = Duration::from_millis(4);
/// Pictures that wait to be uploaded; of more, those that have scrolled away go.
const MOST_WAITING: usize = 256;
/// Asked for at once.
const WANTED_AT_ONCE: usize = 240;
/// A thumbnail that has not arrived after this time is requested again.
const PATIENCE_SECS: f64 = 3.0;

/// Textures by item; `None` where it has no thumbnail.
type AtHand = HashMap<ItemId, Option<TextureHandle>>;

/// Thumbnails on the graphics card, and those on their way.
#[derive(Default)]
pub struct ThumbnailTextures {
    arrived: VecDeque<(ItemId, Option<Arc<Picture>>)>,
    seen: HashMap<ItemId, u64>,
    frame: u64,
    /// What the last frame showed.
    on_screen: HashSet<ItemId>,
    asked: HashSet<ItemId>,
    /// Of these, what only the map wants, small.
    small_alone: HashSet<ItemId>,
    asked_at: f64,
}

impl ThumbnailTextures {
    /// A thumbnail came from the engine.
    pub fn arrived(&mut self, id: ItemId, picture: Option<Arc<Picture>>) {
        self.arrived.push_back((id, picture));
        if self.arrived.len() > MOST_WAITING {
            let (asked, before) = (&self.asked, self.arrived.len());
            self.arrived.retain(|(id, _)| asked.contains(id));
            if self.arrived.len() == before {
                self.arrived.pop_front();
            }
        }
    }

    /// Uploads some of what has arrived; returns whether more is waiting.
    pub fn upload(&mut self, ctx: &egui::Context, at_hand: &mut AtHand, small: &mut PictureAtlas) -> bool {
        let start = Instant::now();
        for count in 0..UPLOADS_A_FRAME[1] {
            let first = self.arrived.iter().position(|(id, _)| self.on_screen.contains(id) || small.wants(*id));
            let enough = if first.is_some() { UPLOADS_A_FRAME[0] } else { 0 };
            if count > enough && start.elapsed() > UPLOAD_TIME {
                break;
            }
            let Some((id, picture)) = self.arrived.remove(first.unwrap_or(0)) else { break };
            small.insert(ctx, id, picture.as_deref());
            self.asked.remove(&id);
            if self.small_alone.remove(&id) {
                continue;
            }
            let texture = picture.map(|p| load(ctx, &format!("thumbnail {}", id.0), &p));
            at_hand.insert(id, texture);
            self.seen.insert(id, self.frame);
        }
        self.evict(at_hand);
        !self.arrived.is_empty()
    }

    /// Gives up those not seen for longest, never those of the frame that was drawn last.
    fn evict(&mut self, at_hand: &mut AtHand) {
        let mut bytes: usize = at_hand.values().map(size).sum();
        if bytes <= MOST_BYTES {
            return;
        }
        let seen = |id: &ItemId| self.seen.get(id).copied().unwrap_or(0);
        let mut by_age: Vec<(u64, ItemId)> = at_hand.keys().map(|id| (seen(id), *id)).collect();
        by_age.retain(|(seen, _)| *seen < self.frame);
        by_age.sort_unstable();
        for (_, id) in by_age {
            if bytes <= MOST_BYTES / 10 * 9 {
                break;
            }
            bytes -= at_hand.remove(&id).as_ref().map_or(0, size);
            self.seen.remove(&id);
        }
    }

    /// Notes what a frame showed, the small pictures that it lacked, and what may be shown soon; returns what the engine is to be
    /// asked for, where that is news to it. What may be shown soon is fetched once the screen is whole.
    pub fn shown(&mut self, [shown, small, soon]: [&[ItemId]; 3], at_hand: &AtHand, now: f64) -> Option<Vec<ItemId>> {
        self.frame += 1;
        self.on_screen = shown.iter().copied().collect();
        let mut bytes = 0;
        let mut wanted = self.missing(shown, at_hand, &mut bytes, usize::MAX);
        let large: HashSet<ItemId> = wanted.iter().copied().collect();
        let room = WANTED_AT_ONCE.saturating_sub(wanted.len());
        wanted.extend(small.iter().filter(|id| !large.contains(id)).take(room));
        if wanted.is_empty() {
            wanted = self.missing(soon, at_hand, &mut bytes, AHEAD_BYTES);
        }
        let impatient = now - self.asked_at > PATIENCE_SECS;
        let news = wanted.iter().any(|id| !self.asked.contains(id));
        if wanted.is_empty() || !(news || impatient) {
            return None;
        }
        self.asked = wanted.iter().copied().collect();
        let others: HashSet<ItemId> = shown.iter().chain(soon).copied().collect();
        self.small_alone = small.iter().copied().filter(|id| !others.contains(id)).collect();
        self.asked_at = now;
        Some(wanted)
    }

    /// Those of `ids` that are not in memory, each once; the others are kept. Stops after `most` bytes.
    fn missing(&mut self, ids: &[ItemId], at_hand: &AtHand, bytes: &mut usize, most: usize) -> Vec<ItemId> {
        let (mut wanted, mut once) = (Vec::new(), HashSet::new());
        for id in ids {
            if *bytes > most {
                break;
            }
            match at_hand.get(id) {
                Some(texture) => {
                    self.seen.insert(*id, self.frame);
                    *bytes += size(texture);
                }
                None if wanted.len() < WANTED_AT_ONCE && once.insert(*id) => {
                    wanted.push(*id);
                    *bytes += USUAL_BYTES;
                }
                None => {}
            }
        }
        wanted
    }

    /// Forgets everything: another library was opened.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Bytes on the graphics card.
fn size(texture: &Option<TextureHandle>) -> usize {
    texture.as_ref().map_or(0, TextureHandle::byte_size)
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
        let mut textures = ThumbnailTextures::default();
        let at_hand = HashMap::new();
        let shown = [ItemId(1), ItemId(2), ItemId(1)];
        assert_eq!(textures.shown([&shown, &[], &[]], &at_hand, 10.0), Some(vec![ItemId(1), ItemId(2)]));
        assert_eq!(textures.shown([&shown, &[], &[]], &at_hand, 10.1), None);
        assert_eq!(textures.shown([&[ItemId(3)], &[], &[]], &at_hand, 10.2), Some(vec![ItemId(3)]));
        assert_eq!(textures.shown([&[ItemId(3)], &[], &[]], &at_hand, 20.0), Some(vec![ItemId(3)]));
    }

    #[test]
    fn what_is_fetched_ahead_waits_until_the_screen_is_whole_and_has_a_bound() {
        let ctx = egui::Context::default();
        let (mut textures, mut at_hand) = (ThumbnailTextures::default(), AtHand::new());
        let ahead: Vec<_> = (100..2000).map(ItemId).collect();
        assert_eq!(textures.shown([&[ItemId(7)], &[], &ahead], &at_hand, 10.0), Some(vec![ItemId(7)]));
        textures.arrived(ItemId(7), picture());
        textures.upload(&ctx, &mut at_hand, &mut PictureAtlas::default());
        let wanted = textures.shown([&[ItemId(7)], &[], &ahead], &at_hand, 10.1).expect("all is news");
        assert!(wanted[0] == ItemId(100) && wanted.len() <= WANTED_AT_ONCE, "{}", wanted.len());
    }

    #[test]
    fn what_is_on_screen_is_uploaded_first() {
        let ctx = egui::Context::default();
        let (mut textures, mut at_hand) = (ThumbnailTextures::default(), AtHand::new());
        textures.shown([&[ItemId(250)], &[], &[]], &at_hand, 0.0);
        (0..=250).for_each(|id| textures.arrived(ItemId(id), picture()));
        assert!(textures.upload(&ctx, &mut at_hand, &mut PictureAtlas::default()), "the others go on");
        assert!(at_hand.contains_key(&ItemId(250)));
    }

    #[test]
    fn scrolling_through_a_large_collection_stays_within_the_bound() {
        let ctx = egui::Context::default();
        let (mut textures, mut at_hand) = (ThumbnailTextures::default(), AtHand::new());
        let whole = Picture::new(256, 192, vec![9; 256 * 192 * 3]).map(Arc::new);
        let ids = |from: u32, to: u32| (from..to).map(ItemId).collect::<Vec<_>>();
        for top in (0..3000).step_by(40) {
            let (shown, soon) = (ids(top, top + 60), ids(top + 60, top + 120));
            let wanted = textures.shown([&shown, &[], &soon], &at_hand, f64::from(top)).unwrap_or_default();
            wanted.into_iter().for_each(|id| textures.arrived(id, whole.clone()));
            while textures.upload(&ctx, &mut at_hand, &mut PictureAtlas::default()) {}
            let bytes: usize = at_hand.values().map(size).sum();
            assert!(bytes <= MOST_BYTES, "{bytes} bytes at {top}");
            assert!(shown.iter().all(|id| at_hand.contains_key(id)), "a grey tile at {top}");
        }
        assert!(textures.seen.len() <= at_hand.len() && at_hand.len() > 280, "{}", at_hand.len());
        assert!(at_hand.contains_key(&ItemId(2900)) && !at_hand.contains_key(&ItemId(0)), "the oldest have gone");
    }

    #[test]
    fn a_screen_larger_than_the_bound_is_kept_whole() {
        let ctx = egui::Context::default();
        let (mut textures, mut at_hand) = (ThumbnailTextures::default(), AtHand::new());
        let large = Picture::new(1024, 1024, vec![9; 1024 * 1024 * 3]).map(Arc::new);
        let shown: Vec<_> = (0..40).map(ItemId).collect();
        for frame in 0..3 {
            let wanted = textures.shown([&shown, &[], &[]], &at_hand, f64::from(frame)).unwrap_or_default();
            assert!(frame == 0 || wanted.is_empty(), "asked for again and again");
            wanted.into_iter().for_each(|id| textures.arrived(id, large.clone()));
            while textures.upload(&ctx, &mut at_hand, &mut PictureAtlas::default()) {}
        }
        assert_eq!(at_hand.len(), 40);
    }

    #[test]
    fn pictures_that_nobody_uploads_do_not_pile_up() {
        let mut textures = ThumbnailTextures::default();
        textures.shown([&[ItemId(5)], &[], &[]], &AtHand::new(), 0.0);
        (0..5000).for_each(|id| textures.arrived(ItemId(id), picture()));
        assert!(textures.arrived.len() <= MOST_WAITING, "{}", textures.arrived.len());
        assert!(textures.arrived.iter().any(|(id, _)| *id == ItemId(5)), "the one on screen stays");
    }

    #[test]
    fn what_the_map_alone_shows_is_kept_small() {
        let ctx = egui::Context::default();
        let (mut textures, mut at_hand, mut small) =
            (ThumbnailTextures::default(), AtHand::new(), PictureAtlas::default());
        let missing = small.shown(&[ItemId(1), ItemId(2)]);
        let wanted = textures.shown([&[ItemId(2)], &missing, &[]], &at_hand, 0.0);
        assert_eq!(wanted, Some(vec![ItemId(2), ItemId(1)]), "a list comes first");
        (1..=2).for_each(|id| textures.arrived(ItemId(id), picture()));
        textures.upload(&ctx, &mut at_hand, &mut small);
        assert!(small.get(ItemId(1)).is_some() && small.get(ItemId(2)).is_some());
        assert!(!at_hand.contains_key(&ItemId(1)) && at_hand.contains_key(&ItemId(2)));
    }
}
