//! The scene and its colours, kept up to date with the state. Nothing here blocks: the old data stay until the new data
//! are complete.

use std::sync::Arc;

use crate::context::{Ctx, Snapshot};
use crate::ui::theme::Theme;
use vicinity_core::{ItemId, Layout, LayoutMethod, MapPos};

use super::arc_key::ArcKey;
use super::background_task::{Background, BackgroundTask};
use super::camera::ease_out;
use super::colours::{ColourKey, PointColours};
use super::gpu::Gpu;
use super::scene::Scene;

/// Up to this many rows are processed within the frame: it takes less than a millisecond and avoids a frame of delay.
pub const MAX_ROWS_IN_FRAME: usize = 4_000;
/// Duration of the animation from one layout to the next, and from or to a scatter plot, in which points move far, in seconds.
const GLIDE_SECS: [f64; 2] = [0.25, 0.5];

/// A scene that is complete.
pub struct CurrentScene {
    /// The layout.
    pub scene: Arc<Scene>,
    /// Colours of its points.
    pub colours: Arc<PointColours>,
    /// The newest snapshot that matches its rows.
    pub snapshot: Arc<Snapshot>,
}

impl CurrentScene {
    /// The item drawn in a row.
    pub fn item_id(&self, row: usize) -> Option<ItemId> {
        Some(self.snapshot.item(row)?.id)
    }

    /// The row in which an item is drawn.
    pub fn row_of(&self, id: ItemId) -> Option<usize> {
        self.snapshot.row_of(id).filter(|row| *row < self.scene.len())
    }
}

/// The scene shown and the work in progress.
#[derive(Default)]
pub struct SceneCache {
    /// The scene shown; `None` before the first one is complete.
    pub current: Option<CurrentScene>,
    next: Option<Arc<Scene>>,
    next_colours: Option<Arc<PointColours>>,
    /// When the animation began, and how long it takes.
    glide_from: Option<(f64, f64)>,
    scene_task: BackgroundTask<ArcKey<Layout>, Scene>,
    colour_task: BackgroundTask<ColourKey, PointColours>,
}

fn have_same_rows(a: &Snapshot, b: &Snapshot) -> bool {
    a.epoch() == b.epoch() && a.parts().library == b.parts().library
}

impl SceneCache {
    /// Starts and collects background work for the current state. `time` is in seconds.
    pub fn update(&mut self, cx: &Ctx<'_>, ctx: &egui::Context, gpu: Option<&Arc<Gpu>>, time: f64) {
        let (Some(snapshot), Some(layout)) = (&cx.state.library().snapshot, cx.state.map_layout()) else {
            *self = Self::default();
            return;
        };
        let library = &snapshot.parts().library;
        if self.current.as_ref().is_some_and(|c| c.scene.snapshot.parts().library != *library) {
            *self = Self::default();
        }
        let background = Background::new(ctx, cx);
        self.update_scene(background, snapshot, layout, gpu, time);
        self.update_colours(cx, background, snapshot, gpu);
        self.show_completed(time, cx.state.preferences.reduce_motion);
    }

    /// The newest scene, shown or not.
    fn newest(&self) -> Option<&Arc<Scene>> {
        self.next.as_ref().or(self.current.as_ref().map(|c| &c.scene))
    }

    fn update_scene(
        &mut self,
        background: Background<'_>,
        snapshot: &Arc<Snapshot>,
        layout: &Arc<Layout>,
        gpu: Option<&Arc<Gpu>>,
        time: f64,
    ) {
        let known = self.newest().is_some_and(|s| Arc::ptr_eq(&s.layout, layout));
        // One animation at a time, so that the eye can follow.
        let idle = self.next.is_none() && self.glide_progress(time) >= 1.0;
        if layout.epoch == snapshot.epoch() && !known && idle {
            let (layout, snapshot) = (Arc::clone(layout), Arc::clone(snapshot));
            let (before, gpu) = (self.current.as_ref().map(|c| Arc::clone(&c.scene)), gpu.cloned());
            let in_frame = layout.positions.len() <= MAX_ROWS_IN_FRAME;
            self.scene_task.start(background, ArcKey(Arc::clone(&layout)), in_frame, move || {
                Scene::new(layout, snapshot, before.as_deref(), gpu.as_deref())
            });
        }
        if let Some(scene) = self.scene_task.take() {
            self.next = Some(Arc::new(scene));
        }
    }

    fn update_colours(
        &mut self,
        cx: &Ctx<'_>,
        background: Background<'_>,
        snapshot: &Arc<Snapshot>,
        gpu: Option<&Arc<Gpu>>,
    ) {
        let Some(scene) = self.newest() else { return };
        let snapshot = if have_same_rows(&scene.snapshot, snapshot) { snapshot } else { &scene.snapshot };
        let key = ColourKey::new(cx, snapshot, Theme::of(background.egui).dark);
        if self.colour_task.accepts(&key) {
            let (visible, gpu) = (cx.state.library().visible.clone(), gpu.cloned());
            let before = self.current.as_ref().map(|c| Arc::clone(&c.colours));
            self.colour_task.start(background, key.clone(), snapshot.len() <= MAX_ROWS_IN_FRAME, move || {
                PointColours::new(key, visible, before.as_deref(), gpu.as_deref())
            });
        }
        if let Some(colours) = self.colour_task.take() {
            self.next_colours = Some(Arc::new(colours));
        }
    }

    /// Shows completed work: a scene only together with the colours of its rows.
    fn show_completed(&mut self, time: f64, reduce_motion: bool) {
        let Some(scene) = self.newest().cloned() else { return };
        let matches = |colours: &Arc<PointColours>| have_same_rows(&scene.snapshot, colours.snapshot());
        let new_colours = self.next_colours.take_if(|colours| matches(colours));
        let old_colours = self.current.as_ref().map(|c| Arc::clone(&c.colours));
        let Some(colours) = new_colours.or(old_colours.filter(matches)) else { return };
        if self.next.take().is_some() {
            let glides = self.current.is_some() && scene.from.is_some() && !reduce_motion;
            let before = self.current.as_ref().map(|current| current.scene.layout.method);
            let is_far = [before, Some(scene.layout.method)].contains(&Some(LayoutMethod::Axes));
            self.glide_from = glides.then_some((time, GLIDE_SECS[usize::from(is_far)]));
        }
        let snapshot = Arc::clone(colours.snapshot());
        self.current = Some(CurrentScene { scene, colours, snapshot });
    }

    /// Progress of the animation to the current scene, in [0, 1].
    pub fn glide_progress(&self, time: f64) -> f64 {
        self.glide_from.map_or(1.0, |(from, secs)| ease_out((time - from) / secs))
    }

    /// Map position at which an item is drawn at `time`.
    pub fn position(&self, id: ItemId, time: f64) -> Option<MapPos> {
        let current = self.current.as_ref()?;
        current.scene.position(current.row_of(id)?, self.glide_progress(time) as f32)
    }
}
