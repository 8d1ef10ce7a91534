//! What the map shows, kept up with the state: the layout made ready, its colours, its marks. Nothing here waits:
//! the old stands until the new is complete.

use std::sync::Arc;

use crate::context::{Ctx, Snapshot};
use crate::ui::theme::Theme;
use vicinity_core::{ItemId, Layout, MapPos};

use super::background::Background;
use super::camera::ease_out;
use super::colours::{Chosen, ColourKey, Colours, Same};
use super::gpu::{ColourBuffer, Gpu, MarkBuffer};
use super::marks::{MarkKey, Marks, Shown};
use super::scene::Scene;

/// Up to so many rows are worked out within the frame: it takes less than a millisecond, and nothing lags behind.
pub const AT_ONCE: usize = 4_000;
/// Seconds that the map glides from one layout to the next.
const GLIDE_SECS: f64 = 0.25;

/// See the module's documentation.
#[derive(Default)]
pub struct Prepared {
    /// The layout shown.
    pub scene: Option<Arc<Scene>>,
    /// Its colours.
    pub colours: Option<Arc<Colours>>,
    /// On the GPU.
    pub colour_buffer: Option<ColourBuffer>,
    /// What stands out.
    pub marks: Marks,
    /// On the GPU.
    pub mark_buffer: Option<MarkBuffer>,
    /// The newest snapshot whose rows are those of `scene`.
    pub snapshot: Option<Arc<Snapshot>>,
    next: Option<Arc<Scene>>,
    next_colours: Option<(Colours, Option<ColourBuffer>)>,
    glide_from: Option<f64>,
    scenes: Background<Same<Layout>, Scene>,
    colouring: Background<ColourKey, (Colours, Option<ColourBuffer>)>,
    marking: Background<MarkKey, (Marks, Option<MarkBuffer>)>,
}

fn same_rows(a: &Snapshot, b: &Snapshot) -> bool {
    a.epoch() == b.epoch() && a.parts().library == b.parts().library
}

impl Prepared {
    /// Follows the state; `time` in seconds, `points_per_unit` the scale of the view.
    pub fn follow(
        &mut self,
        cx: &Ctx<'_>,
        ctx: &egui::Context,
        gpu: Option<&Arc<Gpu>>,
        time: f64,
        points_per_unit: f64,
    ) {
        let (Some(snapshot), Some(layout)) = (&cx.state.snapshot, &cx.state.layout) else {
            *self = Self::default();
            return;
        };
        let library = &snapshot.parts().library;
        if self.scene.as_ref().is_some_and(|s| s.snapshot.parts().library != *library) {
            *self = Self::default();
        }
        self.follow_layout(ctx, snapshot, layout, gpu, time);
        self.follow_colours(cx, ctx, snapshot, gpu);
        self.adopt(time, cx.state.reduce_motion);
        self.follow_marks(cx, ctx, snapshot, gpu, points_per_unit);
    }

    fn follow_layout(
        &mut self,
        ctx: &egui::Context,
        snapshot: &Arc<Snapshot>,
        layout: &Arc<Layout>,
        gpu: Option<&Arc<Gpu>>,
        time: f64,
    ) {
        let newest = self.next.as_ref().or(self.scene.as_ref());
        let known = newest.is_some_and(|s| Arc::ptr_eq(&s.layout, layout));
        // One glide at a time, so that the eye can follow.
        if layout.epoch == snapshot.epoch() && !known && self.next.is_none() && self.glided(time) >= 1.0 {
            let (layout, snapshot, before) = (Arc::clone(layout), Arc::clone(snapshot), self.scene.clone());
            let gpu = gpu.cloned();
            let at_once = layout.positions.len() <= AT_ONCE;
            self.scenes.ask(ctx, Same(Arc::clone(&layout)), at_once, move || {
                Scene::new(layout, snapshot, before.as_deref(), gpu.as_deref())
            });
        }
        if let Some(scene) = self.scenes.take() {
            self.next = Some(Arc::new(scene));
        }
    }

    fn follow_colours(&mut self, cx: &Ctx<'_>, ctx: &egui::Context, snapshot: &Arc<Snapshot>, gpu: Option<&Arc<Gpu>>) {
        let Some(scene) = self.next.as_ref().or(self.scene.as_ref()) else { return };
        let wanted = if same_rows(&scene.snapshot, snapshot) { snapshot } else { &scene.snapshot };
        let key = ColourKey::new(cx, wanted, Theme::of(ctx).dark);
        if !self.colouring.is_running() && self.colouring.asked() != Some(&key) {
            let (chosen, before, gpu) = (Chosen::of(cx), self.colours.clone(), gpu.cloned());
            self.colouring.ask(ctx, key.clone(), wanted.len() <= AT_ONCE, move || {
                let colours = Colours::new(key, &chosen, before.as_deref());
                let buffer = gpu.map(|g| g.upload_colours(&colours.rgba));
                (colours, buffer)
            });
        }
        if let Some(colours) = self.colouring.take() {
            self.next_colours = Some(colours);
        }
    }

    /// Shows what is complete: a layout only together with colours of its rows.
    fn adopt(&mut self, time: f64, reduce_motion: bool) {
        let coloured = |scene: &Scene, colours: &Colours| same_rows(&scene.snapshot, colours.snapshot());
        if let Some(next) = &self.next {
            let ready = self.next_colours.as_ref().is_some_and(|(c, _)| coloured(next, c))
                || self.colours.as_ref().is_some_and(|c| coloured(next, c));
            if ready {
                let glides = self.scene.is_some() && next.from.is_some() && !reduce_motion;
                self.glide_from = glides.then_some(time);
                self.scene = self.next.take();
            }
        }
        let fits = |(colours, _): &(Colours, _)| self.scene.as_ref().is_some_and(|s| coloured(s, colours));
        if self.next_colours.as_ref().is_some_and(fits)
            && let Some((colours, buffer)) = self.next_colours.take()
        {
            self.snapshot = Some(Arc::clone(colours.snapshot()));
            self.colours = Some(Arc::new(colours));
            self.colour_buffer = buffer;
        }
    }

    fn follow_marks(
        &mut self,
        cx: &Ctx<'_>,
        ctx: &egui::Context,
        newest: &Arc<Snapshot>,
        gpu: Option<&Arc<Gpu>>,
        points_per_unit: f64,
    ) {
        let Some(scene) = &self.scene else { return };
        let snapshot = if same_rows(&scene.snapshot, newest) { newest } else { &scene.snapshot };
        let theme = Theme::of(ctx);
        let (selection, result) = (&cx.state.selection, cx.state.query.result.as_ref());
        let shown = Shown { scene, snapshot, selection, result, points_per_unit, dark: theme.dark };
        if !self.marking.is_running() && !self.marking.asked().is_some_and(|key| key.holds(&shown)) {
            let key = MarkKey::new(&shown);
            let (work, gpu) = (key.clone(), gpu.cloned());
            let at_once = selection.items.len() <= AT_ONCE && (result.is_none() || scene.len() <= 50 * AT_ONCE);
            self.marking.ask(ctx, key, at_once, move || {
                let marks = work.marks(theme);
                let buffer = gpu.map(|g| g.upload_marks(&marks));
                (marks, buffer)
            });
        }
        if let Some((marks, buffer)) = self.marking.take() {
            self.marks = marks;
            self.mark_buffer = buffer;
        }
    }

    /// How far the map has glided, [0, 1].
    pub fn glided(&self, time: f64) -> f64 {
        self.glide_from.map_or(1.0, |from| ease_out((time - from) / GLIDE_SECS))
    }

    /// Where a row is drawn at `time`.
    pub fn place(&self, row: usize, time: f64) -> Option<MapPos> {
        let scene = self.scene.as_ref()?;
        let to = *scene.layout.positions.get(row)?;
        let Some(from) = scene.from.as_ref().and_then(|f| f.get(row)) else { return Some(to) };
        let t = self.glided(time) as f32;
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
