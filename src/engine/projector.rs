//! The thread that lays the map out. While an import runs new rows find a place on the map that stands; once it
//! rests, and the collection has grown by a fifth, a neighbour-preserving layout is computed anew.
//!
//! Vectors are centred by modality and brought back to unit length first, so that pictures and texts about one thing
//! lie together: uncentred, the modality gap would put them on two islands. The work has a pool of its own with a core
//! left over, so that a search never queues behind it. Every layout is a function of snapshot and seed alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::desk::Desk;
use super::index::Centring;
use super::library::Library;
use super::outbox::Outbox;
use super::project2d::{self, UmapParams};
use super::{Event, Snapshot};
use crate::domain::{ItemId, Layout, LayoutMethod, MapPos, Scoring};

/// While an import runs the map is brought up to date at most this often.
const INTERVAL: Duration = Duration::from_millis(700);
/// Growth of the collection that is worth a new neighbour-preserving layout.
const GROWTH: f32 = 1.2;
/// Points on which the quality of a layout is measured.
const SAMPLE: usize = 500;
/// Neighbours that trustworthiness is about.
const NEIGHBOURS: usize = 15;

#[derive(Default)]
struct Wishes {
    snapshot: Option<Arc<Snapshot>>,
    settled: bool,
    asked: Option<LayoutMethod>,
    closed: bool,
}

/// Takes wishes for the thread. Cheap to clone.
#[derive(Clone, Default)]
pub struct Projector {
    desk: Arc<Desk<Wishes>>,
    cancel: Arc<AtomicBool>,
}

impl Projector {
    /// Starts the thread; `saved` is the layout that stands.
    pub fn start(library: Library, outbox: Outbox, saved: Option<Layout>) -> std::io::Result<(Self, JoinHandle<()>)> {
        let projector = Self::default();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(super::spare_threads())
            .thread_name(|i| format!("vicinity-map-{i}"))
            .build()
            .map_err(std::io::Error::other)?;
        let handle = projector.clone();
        let thread = std::thread::Builder::new().name("vicinity-map".to_owned()).spawn(move || {
            let standing = saved.map(|layout| Standing::new(&library.snapshot(), layout));
            Draughtsman { library, outbox, pool, wishes: handle, standing, generation: 1 }.run();
        })?;
        Ok((projector, thread))
    }

    /// The collection has changed, but an import is under way.
    pub fn collection_grows(&self, snapshot: Arc<Snapshot>) {
        self.desk.update(|wishes| {
            wishes.snapshot = Some(snapshot);
            wishes.settled = false;
        });
    }

    /// The collection has changed and rests now.
    pub fn collection_changed(&self, snapshot: Arc<Snapshot>) {
        self.desk.update(|wishes| {
            wishes.snapshot = Some(snapshot);
            wishes.settled = true;
        });
    }

    /// Lay out anew, whatever stands.
    pub fn ask(&self, method: LayoutMethod) {
        self.desk.update(|wishes| {
            wishes.asked = Some(method);
            self.cancel();
        });
    }

    /// Stop what is under way.
    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// Waits for the next wish; `None` once closed.
    fn next(&self) -> Option<Wish> {
        self.desk.wait(|wishes| {
            if wishes.closed {
                return Some(None);
            }
            if wishes.snapshot.is_none() && wishes.asked.is_none() {
                return None;
            }
            // under the lock, so that a cancel meant for this wish or for the end is not lost
            self.cancel.store(false, Ordering::Relaxed);
            Some(Some((wishes.snapshot.take(), std::mem::take(&mut wishes.settled), wishes.asked.take())))
        })
    }

    /// Ends the thread.
    pub fn close(&self) {
        self.desk.update(|wishes| {
            wishes.closed = true;
            self.cancel();
        });
    }
}

/// The layout that stands, and whose positions it holds.
struct Standing {
    layout: Layout,
    ids: Vec<ItemId>,
    /// Rows when it was last computed as a whole.
    computed_for: usize,
    /// Dimensions that it was computed from.
    dim: usize,
}

impl Standing {
    fn new(snapshot: &Snapshot, layout: Layout) -> Self {
        let ids: Vec<ItemId> = snapshot.items().take(layout.positions.len()).map(|item| item.id).collect();
        Self { computed_for: ids.len(), layout, ids, dim: snapshot.dim() }
    }

    fn fits(&self, snapshot: &Snapshot) -> bool {
        self.layout.epoch == snapshot.epoch() && self.ids.len() == snapshot.len()
    }

    /// Positions of the rows of another snapshot that had one, as far as they come first in it.
    fn positions_in(&self, snapshot: &Snapshot) -> Vec<MapPos> {
        let known: HashMap<ItemId, MapPos> =
            self.ids.iter().copied().zip(self.layout.positions.iter().copied()).collect();
        snapshot.items().map_while(|item| known.get(&item.id).copied()).collect()
    }
}

struct Draughtsman {
    library: Library,
    outbox: Outbox,
    pool: rayon::ThreadPool,
    wishes: Projector,
    standing: Option<Standing>,
    generation: u64,
}

impl Draughtsman {
    fn run(mut self) {
        let mut latest: Option<Arc<Snapshot>> = None;
        loop {
            let Some((snapshot, settled, asked)) = self.wishes.next() else { return };
            let start = Instant::now();
            if let Some(snapshot) = snapshot.or_else(|| latest.clone()).or_else(|| Some(self.library.snapshot())) {
                self.bring_up_to_date(&snapshot, settled, asked);
                latest = Some(snapshot);
            }
            let rested = start + INTERVAL;
            let _woken =
                self.wishes.desk.wait_until(rested, |w| (w.closed || w.settled || w.asked.is_some()).then_some(()));
        }
    }

    fn bring_up_to_date(&mut self, snapshot: &Snapshot, settled: bool, asked: Option<LayoutMethod>) {
        if snapshot.is_empty() {
            self.standing = None;
            return;
        }
        if self.standing.as_ref().is_some_and(|standing| standing.dim != snapshot.dim()) {
            self.change_dimensions(snapshot);
        }
        let vectors = centred(snapshot);
        if let Some(method) = asked {
            return self.compute(snapshot, &vectors, method);
        }
        self.extend(snapshot, &vectors);
        let stale = self.standing.as_ref().is_none_or(|standing| {
            standing.layout.method != LayoutMethod::Umap
                || snapshot.len() as f32 > GROWTH * standing.computed_for as f32
                || (snapshot.len() as f32) < standing.computed_for as f32 / GROWTH
        });
        if settled && stale {
            self.compute(snapshot, &vectors, LayoutMethod::Umap);
        }
    }

    /// The map that was made with as many dimensions, where there is one; else the one that stands has to do until the
    /// collection rests.
    fn change_dimensions(&mut self, snapshot: &Snapshot) {
        if let Some(layout) = self.library.load_layout().filter(|layout| layout.epoch == snapshot.epoch()) {
            self.outbox.post(Event::Layout(Arc::new(layout.clone())));
            self.standing = Some(Standing::new(snapshot, layout));
        } else if let Some(standing) = &mut self.standing {
            (standing.computed_for, standing.dim) = (0, snapshot.dim());
        }
    }

    /// Gives every row a position: by the map that stands, or by principal components.
    fn extend(&mut self, snapshot: &Snapshot, vectors: &[f32]) {
        if self.standing.as_ref().is_some_and(|standing| standing.fits(snapshot)) {
            return;
        }
        let dim = snapshot.dim();
        let coarse = self.standing.as_ref().is_none_or(|s| {
            s.layout.method == LayoutMethod::Pca && snapshot.len() as f32 > 1.5 * s.computed_for as f32
        });
        if coarse {
            return self.compute(snapshot, vectors, LayoutMethod::Pca);
        }
        let Some(standing) = &self.standing else { return };
        let (method, computed_for) = (standing.layout.method, standing.computed_for);
        let trust = standing.layout.trustworthiness;
        let mut positions = standing.positions_in(snapshot);
        let cancel = &self.wishes.cancel;
        let Ok(new) = self.pool.install(|| project2d::place_new(vectors, dim, &positions, cancel)) else { return };
        positions.extend(new);
        self.stand(snapshot, method, positions, trust, Some(computed_for));
    }

    fn compute(&mut self, snapshot: &Snapshot, vectors: &[f32], method: LayoutMethod) {
        let dim = snapshot.dim();
        let cancel = &self.wishes.cancel;
        let outbox = &self.outbox;
        let laid_out = self.pool.install(|| match method {
            LayoutMethod::Pca => project2d::pca(vectors, dim, cancel),
            LayoutMethod::Umap => {
                let progress = |share| outbox.post(Event::Projecting(Some(share)));
                project2d::umap(vectors, dim, &UmapParams::default(), cancel, &progress)
            }
        });
        if let Ok(positions) = laid_out {
            let measured = method == LayoutMethod::Umap && positions.len() > 2 * NEIGHBOURS;
            let trust = measured.then(|| {
                self.pool.install(|| project2d::trustworthiness(vectors, dim, &positions, NEIGHBOURS, SAMPLE))
            });
            self.stand(snapshot, method, positions, trust, None);
        }
        if method == LayoutMethod::Umap {
            self.outbox.post(Event::Projecting(None));
        }
    }

    fn stand(
        &mut self,
        snapshot: &Snapshot,
        method: LayoutMethod,
        positions: Vec<MapPos>,
        trustworthiness: Option<f32>,
        computed_for: Option<usize>,
    ) {
        self.generation += 1;
        let layout =
            Layout { method, epoch: snapshot.epoch(), positions, trustworthiness, generation: self.generation };
        if method == LayoutMethod::Umap {
            self.library.save_layout(&layout);
        }
        self.outbox.post(Event::Layout(Arc::new(layout.clone())));
        let mut standing = Standing::new(snapshot, layout);
        standing.computed_for = computed_for.unwrap_or(standing.computed_for);
        self.standing = Some(standing);
    }
}

type Wish = (Option<Arc<Snapshot>>, bool, Option<LayoutMethod>);

/// All vectors, centred by modality and of unit length; zeros where a row has none.
pub fn centred(snapshot: &Snapshot) -> Vec<f32> {
    let centring = Centring::new(snapshot, Scoring::Centred);
    let dim = snapshot.dim();
    let length_of = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
    let mut vectors = vec![0.0f32; snapshot.len() * dim];
    vectors.par_chunks_exact_mut(dim.max(1)).enumerate().for_each(|(row, out)| {
        let (Some(item), Some(vector)) = (snapshot.item(row), snapshot.vector(row)) else { return };
        let mean = centring.mean(item.modality);
        let whole = if snapshot.is_cut() { length_of(vector).max(1e-6) } else { 1.0 };
        out.iter_mut().zip(vector.iter().zip(mean)).for_each(|(o, (v, m))| *o = v / whole - m);
        let length = length_of(out);
        if length > 1e-6 {
            out.iter_mut().for_each(|x| *x /= length);
        }
    });
    vectors
}
