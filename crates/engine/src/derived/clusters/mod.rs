//! The clusters of the map and their names, found when asked for. Not stored, as they are found in a second; only the vectors of
//! the vocabulary are, since a large model takes a minute for them.

mod given;
mod naming;
mod own_words;
mod support;
mod terms;
mod vector;
mod vocabulary;
mod word_vectors;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Artefact, Context, Inputs, Requested};
use crate::event_queue::EventSender;
use crate::library::Library;
use crate::model_loader::LazyModel;
use crate::{Event, Job, Severity, Snapshot, threads};
use naming::ClusterMembers;
use vicinity_core::{Cluster, Clusters, ItemId, Layout};
use vicinity_layout::{clusters, usual_counts};
use word_vectors::{BegunWords, WordVectors};

/// Finds the clusters of a layout on request.
pub struct ClusterFinder {
    library: Library,
    event_sender: EventSender,
    model: LazyModel,
    pool: rayon::ThreadPool,
    words: Option<WordVectors>,
    begun: Option<BegunWords>,
}

impl Artefact for ClusterFinder {
    const NAME: &'static str = "clusters";

    type Request = Arc<Layout>;

    fn open(context: &Context) -> io::Result<Self> {
        let pool = threads::pool("vicinity-clusters", threads::spare_threads())?;
        let Context { library, event_sender, model, .. } = context.clone();
        Ok(Self { library, event_sender, model, pool, words: None, begun: None })
    }

    fn requested(job: &Job) -> Option<Requested<Arc<Layout>>> {
        if let Job::FindClusters(layout) = job { Some(Requested::Compute(Arc::clone(layout))) } else { None }
    }

    fn update(&mut self, inputs: &Inputs<Arc<Layout>>, cancelled: &AtomicBool) {
        let Some(layout) = &inputs.request else { return };
        let snapshot = inputs.snapshot_of(layout, &self.library);
        let found = match snapshot.filter(|snapshot| !snapshot.is_empty()) {
            Some(snapshot) => self.find(&snapshot, layout, cancelled),
            // There is another layout by now, or will be; whoever waits for this one gets an answer.
            None => Some(Clusters { epoch: layout.epoch, generation: layout.generation, ..Clusters::default() }),
        };
        if let Some(found) = found {
            self.event_sender.send(Event::Clusters(Arc::new(found)));
        }
    }

    fn failed(&mut self, reason: &str) {
        (self.words, self.begun) = (None, None);
        self.event_sender.notice(Severity::Error, format!("The clusters of the map could not be found ({reason})"));
    }
}

impl ClusterFinder {
    /// `None` where cancelled.
    fn find(&mut self, snapshot: &Arc<Snapshot>, layout: &Layout, cancelled: &AtomicBool) -> Option<Clusters> {
        let positions = &layout.positions[..layout.positions.len().min(snapshot.len())];
        let counts = usual_counts(positions.len());
        let tree = self.pool.install(|| clusters(positions, counts, cancelled)).ok()?;
        let members = self.pool.install(|| ClusterMembers::sample(snapshot, positions, &tree));
        self.prepare_words(snapshot, cancelled);
        if cancelled.load(Ordering::Relaxed) {
            return None;
        }
        let words = self.words.as_ref();
        let labels = self.library.labels().unwrap_or_else(|error| {
            log::warn!("clusters are not named by labels: {error}");
            None
        });
        let names = self.pool.install(|| members.names(snapshot, &tree, words, labels.as_ref()));
        let all = tree.clusters.iter().zip(names).enumerate().map(|(at, (cluster, names))| {
            // One without items, which is rare, has neither.
            let (centre, typical) = members.middle(at).unwrap_or_default();
            let typical = snapshot.item(typical).map_or(ItemId(0), |item| item.id);
            let &vicinity_layout::MapCluster { parent, levels, count } = cluster;
            Cluster { names, parent, levels, count, centre, typical, ..Cluster::default() }
        });
        let Layout { epoch, generation, .. } = *layout;
        let newest = snapshot.len().checked_sub(1).and_then(|row| Some(snapshot.item(row)?.id));
        let (all, of_rows) = (all.collect(), tree.of_points.into());
        let mut found = Clusters { epoch, generation, all, of_rows, newest };
        for (members, cluster) in given::samples(snapshot, &found).into_iter().zip(&mut found.all) {
            cluster.members = members;
        }
        given::bind(snapshot, &mut found, &self.library.cluster_names());
        Some(found)
    }

    /// Embeds the vocabulary unless that was done; without it clusters have other names or none.
    fn prepare_words(&mut self, snapshot: &Snapshot, cancelled: &AtomicBool) {
        if self.words.as_ref().is_some_and(|words| words.fit(snapshot)) {
            return;
        }
        self.words = None;
        // Nobody asked that the vocabulary is sent to a service, and vectors of the user's own have no words.
        if self.model.is_service() || self.model.own_vectors().is_some() {
            return;
        }
        match WordVectors::get(snapshot, &self.model, &mut self.begun, cancelled) {
            Ok(words) => self.words = Some(words),
            Err(why) => log::info!("clusters are not named by the vocabulary: {why}"),
        }
    }
}
