//! Everything the map draws, kept up to date with the state: scene, colours and marks. Nothing here blocks: the old
//! data stay until the new data are complete.

use std::sync::Arc;

use crate::context::{Ctx, Snapshot};
use crate::ui::theme::Theme;
use vicinity_core::{ItemId, Layout, MapPos};

use super::background_task::BackgroundTask;
use super::camera::ease_out;
use super::colours::{ArcKey, ColourInputs, ColourKey, PointColours};
use super::gpu::{ColourBuffer, Gpu, MarkBuffer};
use super::marks::{MarkInputs, MarkKey, Marks};
use super::scene::Scene;

/// Up to this many rows are processed within the frame: it takes less than a millisecond and avoids a frame of delay.
pub const MAX_ROWS_IN_FRAME: usize = 4_000;
/// Duration of the animation from one layout to the next, in seconds.
const GLIDE_SECS: f64 = 0.25;

/// Everything the map draws, and the work in progress.
#[derive(Default)]
pub struct SceneCache {
    /// The scene shown.
    pub scene: Option<Arc<Scene>>,
    /// Colours of the scene's points.
    pub colours: Option<Arc<PointColours>>,
    /// The colours on the GPU, if any.
    pub colour_buffer: Option<ColourBuffer>,
    /// Highlighted points, if any.
    pub marks: Marks,
    /// The marks on the GPU, if any.
    pub mark_buffer: Option<MarkBuffer>,
    /// The newest snapshot that matches the rows of `scene`.
    pub snapshot: Option<Arc<Snapshot>>,
    next: Option<Arc<Scene>>,
    next_colours: Option<(PointColours, Option<ColourBuffer>)>,
    glide_from: Option<f64>,
    scene_task: BackgroundTask<ArcKey<Layout>, Scene>,
    colour_task: BackgroundTask<ColourKey, (PointColours, Option<ColourBuffer>)>,
    mark_task: BackgroundTask<MarkKey, (Marks, Option<MarkBuffer>)>,
}

fn have_same_rows(a: &Snapshot, b: &Snapshot) -> bool {
    a.epoch() == b.epoch() && a.parts().library == b.parts().library
}

impl SceneCache {
    /// Starts and collects background work for the current state. `time` is in seconds, `points_per_unit` is the scale.
    pub fn update(
        &mut self,
        cx: &Ctx<'_>,
        ctx: &egui::Context,
        gpu: Option<&Arc<Gpu>>,
        time: f64,
        points_per_unit: f64,
    ) {
        let (Some(snapshot), Some(layout)) = (&cx.state.library().snapshot, &cx.state.library().layout) else {
            *self = Self::default();
            return;
        };
        let library = &snapshot.parts().library;
        if self.scene.as_ref().is_some_and(|s| s.snapshot.parts().library != *library) {
            *self = Self::default();
        }
        self.update_layout(ctx, snapshot, layout, gpu, time);
        self.update_colours(cx, ctx, snapshot, gpu);
        self.show_completed(time, cx.state.preferences.reduce_motion);
        self.update_marks(cx, ctx, snapshot, gpu, points_per_unit);
    }

    fn update_layout(
        &mut self,
        ctx: &egui::Context,
        snapshot: &Arc<Snapshot>,
        layout: &Arc<Layout>,
        gpu: Option<&Arc<Gpu>>,
        time: f64,
    ) {
        let newest = self.next.as_ref().or(self.scene.as_ref());
        let known = newest.is_some_and(|s| Arc::ptr_eq(&s.layout, layout));
        // One animation at a time, so that the eye can follow.
        if layout.epoch == snapshot.epoch() && !known && self.next.is_none() && self.glide_progress(time) >= 1.0 {
            let (layout, snapshot, before) = (Arc::clone(layout), Arc::clone(snapshot), self.scene.clone());
            let gpu = gpu.cloned();
            let in_frame = layout.positions.len() <= MAX_ROWS_IN_FRAME;
            self.scene_task.start(ctx, ArcKey(Arc::clone(&layout)), in_frame, move || {
                Scene::new(layout, snapshot, before.as_deref(), gpu.as_deref())
            });
        }
        if let Some(scene) = self.scene_task.take() {
            self.next = Some(Arc::new(scene));
        }
    }

    fn update_colours(&mut self, cx: &Ctx<'_>, ctx: &egui::Context, snapshot: &Arc<Snapshot>, gpu: Option<&Arc<Gpu>>) {
        let Some(scene) = self.next.as_ref().or(self.scene.as_ref()) else { return };
        let wanted = if have_same_rows(&scene.snapshot, snapshot) { snapshot } else { &scene.snapshot };
        let key = ColourKey::new(cx, wanted, Theme::of(ctx).dark);
        if !self.colour_task.is_running() && self.colour_task.last_key() != Some(&key) {
            let (chosen, before, gpu) = (ColourInputs::of(cx), self.colours.clone(), gpu.cloned());
            self.colour_task.start(ctx, key.clone(), wanted.len() <= MAX_ROWS_IN_FRAME, move || {
                let colours = PointColours::new(key, &chosen, before.as_deref());
                let buffer = gpu.map(|g| g.upload_colours(&colours.rgba));
                (colours, buffer)
            });
        }
        if let Some(colours) = self.colour_task.take() {
            self.next_colours = Some(colours);
        }
    }

    /// Shows completed work: a scene only together with the colours of its rows.
    fn show_completed(&mut self, time: f64, reduce_motion: bool) {
        let coloured = |scene: &Scene, colours: &PointColours| have_same_rows(&scene.snapshot, colours.snapshot());
        if let Some(next) = &self.next {
            let ready = self.next_colours.as_ref().is_some_and(|(c, _)| coloured(next, c))
                || self.colours.as_ref().is_some_and(|c| coloured(next, c));
            if ready {
                let glides = self.scene.is_some() && next.from.is_some() && !reduce_motion;
                self.glide_from = glides.then_some(time);
                self.scene = self.next.take();
            }
        }
        let fits = |(colours, _): &(PointColours, _)| self.scene.as_ref().is_some_and(|s| coloured(s, colours));
        if self.next_colours.as_ref().is_some_and(fits)
            && let Some((colours, buffer)) = self.next_colours.take()
        {
            self.snapshot = Some(Arc::clone(colours.snapshot()));
            self.colours = Some(Arc::new(colours));
            self.colour_buffer = buffer;
        }
    }

    fn update_marks(
        &mut self,
        cx: &Ctx<'_>,
        ctx: &egui::Context,
        newest: &Arc<Snapshot>,
        gpu: Option<&Arc<Gpu>>,
        points_per_unit: f64,
    ) {
        let Some(scene) = &self.scene else { return };
        let snapshot = if have_same_rows(&scene.snapshot, newest) { newest } else { &scene.snapshot };
        let theme = Theme::of(ctx);
        let (selection, result) = (&cx.state.library().selection, cx.state.library().query.result.as_ref());
        let shown = MarkInputs { scene, snapshot, selection, result, points_per_unit, dark: theme.dark };
        if !self.mark_task.is_running() && !self.mark_task.last_key().is_some_and(|key| key.matches(&shown)) {
            let key = MarkKey::new(&shown);
            let (work, gpu) = (key.clone(), gpu.cloned());
            let in_frame = selection.items.len() <= MAX_ROWS_IN_FRAME
                && (result.is_none() || scene.len() <= 50 * MAX_ROWS_IN_FRAME);
            self.mark_task.start(ctx, key, in_frame, move || {
                let marks = work.marks(theme);
                let buffer = gpu.map(|g| g.upload_marks(&marks));
                (marks, buffer)
            });
        }
        if let Some((marks, buffer)) = self.mark_task.take() {
            self.marks = marks;
            self.mark_buffer = buffer;
        }
    }

    /// Progress of the animation to the current scene, in [0, 1].
    pub fn glide_progress(&self, time: f64) -> f64 {
        self.glide_from.map_or(1.0, |from| ease_out((time - from) / GLIDE_SECS))
    }

    /// Map position at which a row is drawn at `time`.
    pub fn position(&self, row: usize, time: f64) -> Option<MapPos> {
        let scene = self.scene.as_ref()?;
        let to = *scene.layout.positions.get(row)?;
        let Some(from) = scene.from.as_ref().and_then(|f| f.get(row)) else { return Some(to) };
        let t = self.glide_progress(time) as f32;
        Some(MapPos { x: from.x + (to.x - from.x) * t, y: from.y + (to.y - from.y) * t })
    }

    /// The item drawn in a row.
    pub fn item_id(&self, row: usize) -> Option<ItemId> {
        Some(self.snapshot.as_ref()?.item(row)?.id)
    }

    /// The row in which an item is drawn.
    pub fn row_of(&self, id: ItemId) -> Option<usize> {
        let row = self.snapshot.as_ref()?.row_of(id)?;
        (row < self.scene.as_ref()?.len()).then_some(row)
    }
}
