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
        // That of a request may be older than what was published since.
        let snapshots = [&inputs.snapshot, &self.library.snapshot()];
        let fits = |snapshot: &&&Arc<Snapshot>| snapshot.epoch() == layout.epoch;
        let measured = match snapshots.iter().find(fits) {
            Some(snapshot) => self.pool.install(|| measure(snapshot, layout, &self.graph, cancelled)),
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
    let preserved = preserved(&nearest, k, positions, cancelled)?;
    let preservation = preserved.iter().map(|share| f64::from(*share)).sum::<f64>() / preserved.len().max(1) as f64;
    let &Layout { epoch, generation, .. } = layout;
    let (preservation, gap) = (preservation as f32, gap(snapshot));
    Ok(MapQuality { epoch, generation, k, neighbours: nearest, preserved, preservation, gap })
}

fn gap(snapshot: &Snapshot) -> Option<ModalityGap> {
    if [Modality::Image, Modality::Text].iter().any(|modality| snapshot.count(*modality) == 0) {
        return None;
    }
    let modality = |row| snapshot.item(row).map(|item| item.modality);
    let (vectors, rows) = (Centred::new(snapshot), snapshot.len());
    let raw = distance_of_means(snapshot.dim(), rows, modality, |row, out| match snapshot.unit(row) {
        Some(unit) => out.copy_from_slice(&unit),
        None => out.fill(0.0),
    });
    let centred = distance_of_means(snapshot.dim(), rows, modality, |row, out| vectors.read(row, out));
    Some(ModalityGap { raw, centred })
}

/// The distance between the mean of the rows of pictures and that of texts.
fn distance_of_means(
    dim: usize,
    rows: usize,
    modality: impl Fn(usize) -> Option<Modality>,
    read: impl Fn(usize, &mut [f32]),
) -> f32 {
    let mut sums = [vec![0.0f64; dim], vec![0.0f64; dim]];
    let (mut counts, mut vector) = ([0usize; 2], vec![0.0f32; dim]);
    for row in 0..rows {
        let Some(which) = modality(row).map(Modality::index) else { continue };
        read(row, &mut vector);
        sums[which].iter_mut().zip(&vector).for_each(|(sum, x)| *sum += f64::from(*x));
        counts[which] += 1;
    }
    let [images, texts] = counts.map(|count| count.max(1) as f64);
    let squares = sums[0].iter().zip(&sums[1]).map(|(a, b)| (a / images - b / texts).powi(2));
    squares.sum::<f64>().sqrt() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_is_the_distance_between_the_means() {
        let vectors = [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [-1.0, 0.0]];
        let modality = |row: usize| Some([Modality::Image, Modality::Text, Modality::Image, Modality::Text][row]);
        let read = |row: usize, out: &mut [f32]| out.copy_from_slice(&vectors[row]);
        // Means: (.8, .4) and (-.5, .5).
        let gap = distance_of_means(2, 4, modality, read);
        assert!((gap - (1.69f32 + 0.01).sqrt()).abs() < 1e-6, "{gap}");
    }
}
