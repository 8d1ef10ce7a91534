//! The layers of the map. Each draws itself from a shared [`LayerContext`] and says what data it needs prepared off the
//! UI thread. To add a layer, write its file and add it to [`all`].

mod contours;
mod density;
mod hover;
pub mod minimap;
pub mod names;
pub mod outliers;
mod outline;
pub mod pictures;
mod pointed_cluster;
mod points;
pub mod query;
mod selection;
mod slot;
mod true_neighbours;

use std::cell::RefCell;
use std::sync::Arc;

use egui::{Painter, Pos2, Rect, Stroke, Ui};

use crate::context::{Selection, SmallPicture, Snapshot};
use crate::ui::theme::Theme;
use vicinity_core::{Clusters, ItemId, MapPos, MapQuality, SearchResult};

use super::background_task::Background;
use super::camera::Camera;
use super::cluster_targets::ClusterTarget;
use super::colours::PointColours;
use super::gpu::{FrameParams, Gpu};
use super::scene::Scene;
pub use selection::MAX_RINGS;
pub use slot::LayerSlot;
use slot::Slot;

/// All layers, from bottom to top.
pub fn all() -> Vec<Box<dyn LayerSlot>> {
    vec![
        Slot::boxed(density::Density),
        Slot::boxed(contours::Contours),
        Slot::boxed(points::Points),
        Slot::boxed(selection::SelectedItems),
        Slot::boxed(query::Hits),
        // Their edges show what is selected or a hit.
        Slot::boxed(pictures::ItemPictures),
        Slot::boxed(pointed_cluster::PointedCluster),
        Slot::boxed(names::PlainNames),
        Slot::boxed(names::ClusterPictures),
        Slot::boxed(true_neighbours::TrueNeighbours),
        Slot::boxed(hover::HoverRing),
        Slot::boxed(outliers::Outliers),
        Slot::boxed(minimap::Minimap),
    ]
}

/// Everything a layer may depend on in one frame.
#[derive(Clone, Copy)]
pub struct LayerContext<'a> {
    /// Area, camera and sizes.
    pub params: FrameParams,
    /// The camera at the end of any animation.
    pub target: Camera,
    /// The scale, relative to that at which all points fit.
    pub zoom: f64,
    /// What the controls cover.
    pub reserved: &'a [Rect],
    /// Where data are prepared.
    pub background: Background<'a>,
    /// Theme.
    pub theme: &'static Theme,
    /// The layout shown.
    pub scene: &'a Arc<Scene>,
    /// A snapshot that matches the rows of `scene`.
    pub snapshot: &'a Arc<Snapshot>,
    /// Colours of the points, and which of them are hidden.
    pub colours: &'a Arc<PointColours>,
    /// Selected items.
    pub selection: &'a Arc<Selection>,
    /// The search result whose rows match `snapshot`, if any.
    pub result: Option<&'a Arc<SearchResult>>,
    /// A thumbnail, if it is loaded; if not, it will be.
    pub thumbnail: &'a dyn Fn(ItemId) -> Option<&'a egui::TextureHandle>,
    /// Where items can be pointed at, beside their points; what draws them adds to it.
    pub item_targets: &'a RefCell<Vec<(Rect, ItemId)>>,
    /// A small picture, if it is loaded; if not, it will be.
    pub small_picture: &'a dyn Fn(ItemId) -> Option<SmallPicture>,
    /// Whether items are shown with pictures, at this scale.
    pub shows_item_pictures: bool,
    /// Whether clusters are shown with pictures.
    pub shows_cluster_pictures: bool,
    /// The clusters of the layout shown, if they are known.
    pub clusters: Option<&'a Arc<Clusters>>,
    /// Its true neighbours, if they are known.
    pub quality: Option<&'a Arc<MapQuality>>,
    /// The cluster under the pointer.
    pub pointed_cluster: Option<u32>,
    /// The item under the pointer.
    pub hover: Option<ItemId>,
    /// The GPU; without one, layers draw with egui.
    pub gpu: Option<&'a Arc<Gpu>>,
}

impl LayerContext<'_> {
    /// Screen position of a map position.
    pub fn screen_from_map(&self, pos: MapPos) -> Pos2 {
        self.params.camera.screen_from_map(self.params.area, pos)
    }

    /// Draws those of some segments that are in view.
    pub fn draw_segments(&self, painter: &Painter, segments: &[[MapPos; 2]], stroke: Stroke) {
        for segment in segments {
            let ends = segment.map(|end| self.screen_from_map(end));
            if self.params.area.intersects(Rect::from_two_pos(ends[0], ends[1])) {
                painter.line_segment(ends, stroke);
            }
        }
    }

    /// Screen position of a row.
    pub fn row_on_screen(&self, row: usize) -> Option<Pos2> {
        Some(self.screen_from_map(self.scene.position(row, self.params.glide_progress)?))
    }
}

/// A switch in the map's menu of layers.
#[derive(Debug, Clone, Copy)]
pub struct LayerSwitch {
    /// Name of the layer.
    pub name: &'static str,
    /// What it shows.
    pub tooltip: &'static str,
}

/// A layer of the map.
pub trait MapLayer: 'static {
    /// Everything the layer's data depend on.
    type Key: PartialEq + 'static;
    /// Data prepared off the UI thread, GPU buffers included.
    type Data: Send + 'static;

    /// The key of the data that this frame needs; `None` if the layer has nothing to draw. Called every frame.
    fn key(&self, map: &LayerContext<'_>) -> Option<Self::Key>;

    /// The work that makes the data for the current key. Runs off the UI thread, unless it is [quick](Self::is_quick).
    fn prepare(&self, map: &LayerContext<'_>) -> impl FnOnce() -> Self::Data + Send + 'static;

    /// Whether the data can be made within the frame, which avoids a frame of delay.
    fn is_quick(&self, _map: &LayerContext<'_>) -> bool {
        true
    }

    /// The switch with which the user turns the layer on and off; `None` if it is always on.
    fn switch(&self) -> Option<LayerSwitch> {
        None
    }

    /// Whether the layer is on while the user has not decided.
    fn is_automatic(&self, _map: &LayerContext<'_>) -> bool {
        true
    }

    /// Factor for the opacity of the points while the layer is drawn.
    fn point_opacity(&self) -> f32 {
        1.0
    }

    /// Adds to the legend what the layer shows.
    fn legend(&self, _data: &Self::Data, _ui: &mut Ui, _theme: &Theme) {}

    /// Where clusters can be clicked.
    fn cluster_targets(&self, _data: &Self::Data, _map: &LayerContext<'_>) -> Vec<ClusterTarget> {
        Vec::new()
    }

    /// Draws what belongs below the points.
    fn draw_below_points(&self, _data: &Self::Data, _map: &LayerContext<'_>, _painter: &Painter) {}

    /// Draws the layer.
    fn draw(&self, _data: &Self::Data, _map: &LayerContext<'_>, _painter: &Painter) {}
}
