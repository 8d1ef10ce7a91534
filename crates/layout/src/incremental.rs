//! Starts a layout from an existing map, and keeps its points near their positions while new ones are added.
//!
//! Every settled point hangs on a spring at its place. Springs are weak beside the forces between neighbours, so what
//! is near a point is still decided by its vector; but a group as a whole feels little else, and stays. The map is
//! brought to the scale at which it is neither pushed apart nor drawn together, so it need not be fitted afterwards.

use rayon::prelude::*;

use super::align;
use super::curve::{ATTRACTION, Curve, MIN_SQUARED_DISTANCE};
use super::fuzzy::Graph;
use super::random::Stream;
use vicinity_core::MapPos;

/// The share of its distance from home that a point whose neighbours are all settled goes back in an epoch, at the full
/// learning rate.
const SPRING_STRENGTH: f32 = 5.0;
/// The learning rate of such a point, of that of a new one.
const SETTLED_RATE: f32 = 0.1;
/// The share of its way beyond the map's edge that a point goes back. It and the spring, at the rate of the point that
/// they are strongest for, stay well below 2, from where on points would swing ever farther.
const EDGE_STRENGTH: f32 = 0.5;
/// Weight of the repulsion by random points, less than in a new map: groups are held apart by their springs.
pub const REPULSION: f32 = 4.0;
/// Rounds in which new points move between their neighbours before the layout starts.
const ROUNDS: usize = 20;
/// The scale, of the one at which forces balance: there groups push each other apart, but they are held; with this much
/// they stay about as large as they are while a map grows and grows.
const SCALE_FACTOR: f32 = 0.85;
/// Number of pairs of neighbours and of others used to estimate the scale.
const SAMPLE_PAIRS: usize = 16_384;
/// The map's half side in the units of the forces is at least and at most this.
const HALF_SIDE_RANGE: (f32, f32) = (0.25, 256.0);

/// An existing map.
#[derive(Debug, Clone, Copy)]
pub struct PreviousLayout<'a> {
    /// A position for each row.
    pub positions: &'a [MapPos],
    /// Number of the first rows that were laid out together; later ones were only placed next to others.
    pub settled: usize,
}

/// Keeps settled points near their positions.
pub struct Anchors {
    homes: Vec<[f32; 2]>,
    /// 0 for new points.
    springs: Vec<f32>,
    rates: Vec<f32>,
    edge: f32,
    /// Units of the forces for each of the map.
    scale: f32,
}

impl Anchors {
    /// Holds for the points of `graph`, and where they start.
    pub fn new(graph: &Graph, standing: PreviousLayout<'_>, curve: Curve, seed: u64) -> (Self, Vec<[f32; 2]>) {
        let mut places: Vec<[f32; 2]> = standing.positions.iter().map(|p| [p.x, p.y]).collect();
        for _ in 0..ROUNDS {
            let new = between_neighbours(graph, &places, standing.settled);
            places[standing.settled..].copy_from_slice(&new);
        }
        let scale = SCALE_FACTOR * balance(graph, &places, curve, seed);
        places.iter_mut().for_each(|p| *p = p.map(|v| v * scale));
        let (mut springs, mut rates) = (Vec::with_capacity(places.len()), Vec::with_capacity(places.len()));
        for vertex in 0..places.len() {
            let known = if vertex < standing.settled { share_of_settled(graph, vertex, standing.settled) } else { 0.0 };
            springs.push(SPRING_STRENGTH * known.sqrt());
            rates.push(1.0 - (1.0 - SETTLED_RATE) * known);
        }
        let start = align::apart(&places, seed);
        (Self { homes: places, springs, rates, edge: align::BULK * scale, scale }, start)
    }

    /// A point's learning rate, of the epoch's.
    #[inline(always)]
    pub fn rate(&self, vertex: usize) -> f32 {
        self.rates[vertex]
    }

    /// Pulls a point towards its home, and back if it has left the map.
    #[inline(always)]
    pub fn draw(&self, vertex: usize, point: &mut [f32; 2], rate: f32) {
        let rate = rate * self.rates[vertex];
        for (value, home) in point.iter_mut().zip(self.homes[vertex]) {
            let beyond = *value - value.clamp(-self.edge, self.edge);
            *value -= rate * (self.springs[vertex] * (*value - home) + EDGE_STRENGTH * beyond);
        }
    }

    /// Back in units of the map.
    pub fn on_map(&self, points: &[[f32; 2]]) -> Vec<MapPos> {
        let mut positions: Vec<MapPos> =
            points.iter().map(|p| MapPos { x: p[0] / self.scale, y: p[1] / self.scale }).collect();
        align::draw_in(&mut positions);
        positions
    }
}

/// Each new point halfway to the weighted mean of its neighbours: what belongs together and to nothing that stands gathers.
fn between_neighbours(graph: &Graph, places: &[[f32; 2]], settled: usize) -> Vec<[f32; 2]> {
    let moved = |vertex: usize| {
        let edges = graph.starts[vertex]..graph.starts[vertex + 1];
        let (mut x, mut y, mut sum) = (0.0, 0.0, 0.0);
        for (&end, &weight) in graph.ends[edges.clone()].iter().zip(&graph.weights[edges]) {
            let there = places[end as usize];
            (x, y, sum) = (x + weight * there[0], y + weight * there[1], sum + weight);
        }
        let here = places[vertex];
        if sum > 0.0 { [f32::midpoint(here[0], x / sum), f32::midpoint(here[1], y / sum)] } else { here }
    };
    (settled..places.len()).into_par_iter().with_min_len(1024).map(moved).collect()
}

/// How much of what a point hangs on was there before.
fn share_of_settled(graph: &Graph, vertex: usize, settled: usize) -> f32 {
    let edges = graph.starts[vertex]..graph.starts[vertex + 1];
    let (mut known, mut all) = (0.0, 0.0);
    for (&end, &weight) in graph.ends[edges.clone()].iter().zip(&graph.weights[edges]) {
        all += weight;
        known += if (end as usize) < settled { weight } else { 0.0 };
    }
    if all > 0.0 { known / all } else { 1.0 }
}

/// The scale at which the forces, each times the distance over which it acts, add up to nothing (the virial is zero).
fn balance(graph: &Graph, places: &[[f32; 2]], curve: Curve, seed: u64) -> f32 {
    let squared = |a: usize, b: usize| {
        let (p, q) = (places[a], places[b]);
        (p[0] - q[0]).powi(2) + (p[1] - q[1]).powi(2)
    };
    let (mut pulled, mut pushed) = (Vec::new(), Vec::new());
    let mut random = Stream::new(seed, u64::MAX, 1);
    for _ in 0..SAMPLE_PAIRS {
        let (a, b) = (random.below(places.len()), random.below(places.len()));
        pushed.push(squared(a, b));
        let edges = graph.starts[a]..graph.starts[a + 1];
        if !edges.is_empty() {
            let edge = edges.start + random.below(edges.len());
            pulled.push((graph.weights[edge] * edges.len() as f32, squared(a, graph.ends[edge] as usize)));
        }
    }
    let weight = pulled.iter().map(|p| p.0).sum::<f32>() / SAMPLE_PAIRS as f32;
    let Curve { a, b } = curve;
    let outward = |scale: f32| {
        let similar = |d2: f32| 1.0 / (1.0 + a * (scale * scale * d2).powf(b));
        let pull: f32 = pulled.iter().map(|(w, d2)| w * (1.0 - similar(*d2))).sum();
        let near = |d2: f32| scale * scale * d2 / (scale * scale * d2 + MIN_SQUARED_DISTANCE);
        let push: f32 = pushed.iter().map(|d2| near(*d2) * similar(*d2)).sum();
        REPULSION * weight * push - ATTRACTION * pull
    };
    let (mut low, mut high) = HALF_SIDE_RANGE;
    for _ in 0..24 {
        let middle = (low * high).sqrt();
        if outward(middle) > 0.0 { low = middle } else { high = middle }
    }
    (low * high).sqrt()
}
