//! How well a layout keeps neighbours, measured when asked for. Not stored: it belongs to one layout, and for many
//! collections takes seconds.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::centred::Centred;
use super::neighbour_graph::{LatestGraph, NeighbourGraph};
use super::{Artefact, Context, Inputs, Requested};
use crate::event_queue::EventSender;
use crate::library::Library;
use crate::{Event, Job, Severity, Snapshot, threads};
use vicinity_core::{Layout, MapPos, MapQuality, Modality, ModalityGap};
use vicinity_layout::{Cancelled, VectorSource, preserved};

/// Measures a layout on request.
pub struct MapMeasurer {
    library: Library,
    event_sender: EventSender,
    pool: rayon::ThreadPool,
    graph: LatestGraph,
}

impl Artefact for MapMeasurer {
    const NAME: &'static str = "map-quality";

    type Request = Arc<Layout>;

    fn open(context: &Context) -> io::Result<Self> {
        let pool = threads::pool("vicinity-map-quality", threads::spare_threads())?;
        let Context { library, event_sender, graph, .. } = context.clone();
        Ok(Self { library, event_sender, pool, graph })
    }

    fn requested(job: &Job) -> Option<Requested<Arc<Layout>>> {
        if let Job::MeasureMap(layout) = job { Some(Requested::Compute(Arc::clone(layout))) } else { None }
    }

    fn update(&mut self, inputs: &Inputs<Arc<Layout>>, cancelled: &AtomicBool) {
        let Some(layout) = &inputs.request else { return };
        let measured = match inputs.snapshot_of(layout, &self.library) {
            Some(snapshot) => self.pool.install(|| measure(&snapshot, layout, &self.graph, cancelled)),
            // There is another layout by now, or will be; whoever waits for this one gets an answer.
            None => Ok(MapQuality { epoch: layout.epoch, generation: layout.generation, ..MapQuality::default() }),
        };
        if let Ok(measured) = measured {
            self.event_sender.send(Event::MapQuality(Arc::new(measured)));
        }
    }

    fn failed(&mut self, reason: &str) {
        self.event_sender.notice(Severity::Error, format!("The quality of the map could not be measured ({reason})"));
    }
}

fn measure(
    snapshot: &Snapshot,
    layout: &Layout,
    graph: &LatestGraph,
    cancelled: &AtomicBool,
) -> Result<MapQuality, Cancelled> {
    let NeighbourGraph { k, nearest, .. } = graph.of(snapshot, cancelled)?;
    let positions: &[MapPos] = &layout.positions[..snapshot.len().min(layout.positions.len())];
    let mut preserved = preserved(&nearest, k, positions, cancelled)?;
    let mut known = 0;
    for (row, share) in preserved.iter_mut().enumerate() {
        if snapshot.vector(row).is_some() { known += 1 } else { *share = f32::NAN }
    }
    let sum: f64 = preserved.iter().filter(|share| !share.is_nan()).map(|share| f64::from(*share)).sum();
    let preservation = sum / f64::from(known.max(1));
    let &Layout { epoch, generation, .. } = layout;
    let (preservation, gap) = (preservation as f32, gap(snapshot));
    Ok(MapQuality { epoch, generation, k, neighbours: nearest, preserved, preservation, gap })
}

fn gap(snapshot: &Snapshot) -> Option<ModalityGap> {
    let raw = distance(snapshot.mean(Modality::Image)?, snapshot.mean(Modality::Text)?);
    let modality = |row| snapshot.item(row).map(|item| item.modality);
    Some(ModalityGap { raw, centred: distance_of_means(&Centred::new(snapshot), modality) })
}

/// The distance between the mean of the rows of pictures and that of texts.
fn distance_of_means(vectors: &dyn VectorSource, modality: impl Fn(usize) -> Option<Modality>) -> f32 {
    let dim = vectors.dim();
    let mut sums = [vec![0.0f64; dim], vec![0.0f64; dim]];
    let (mut counts, mut vector) = ([0usize; 2], vec![0.0f32; dim]);
    for row in 0..vectors.count() {
        let Some(which) = modality(row).map(Modality::index) else { continue };
        vectors.read(row, &mut vector);
        sums[which].iter_mut().zip(&vector).for_each(|(sum, x)| *sum += f64::from(*x));
        counts[which] += 1;
    }
    let mean = |which: usize| -> Vec<f32> {
        sums[which].iter().map(|sum| (sum / counts[which].max(1) as f64) as f32).collect()
    };
    distance(&mean(0), &mean(1))
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vicinity_layout::VectorTable;

    #[test]
    fn the_gap_is_the_distance_between_the_means() {
        let vectors = [1.0, 0.0, 0.0, 1.0, 0.6, 0.8, -1.0, 0.0];
        let modality = |row: usize| Some([Modality::Image, Modality::Text, Modality::Image, Modality::Text][row]);
        // Means: (.8, .4) and (-.5, .5).
        let gap = distance_of_means(&VectorTable::new(&vectors, 2), modality);
        assert!((gap - (1.69f32 + 0.01).sqrt()).abs() < 1e-6, "{gap}");
    }
}
