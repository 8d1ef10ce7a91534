//! The commands about clusters: choosing and naming them, and the counts of their visible items.

use std::sync::Arc;

use super::messages::Message;
use super::pending::ClusterCountRequest;
use super::visible::AT_ONCE;
use super::window::App;
use crate::context::commands::{ClusterAction, ClusterCommand};
use crate::context::{CentralView, Dialog};
use vicinity_core::{ClusterNames, Clusters, GivenName, Layout, LayoutMethod};
use vicinity_engine::Job;

impl App {
    pub(super) fn cluster_action(&mut self, action: ClusterAction) {
        match action {
            ClusterAction::Rename => {
                if let Some((cluster, _)) = self.state.library().cluster_in_focus() {
                    self.edit_cluster_name(cluster);
                }
            }
            ClusterAction::ShowAllCategories => {
                self.record_step();
                self.state.library_mut().hidden_legend.clear();
            }
        }
    }

    pub(super) fn cluster_command(&mut self, command: ClusterCommand) {
        match command {
            ClusterCommand::Select(cluster) => self.select_cluster(cluster),
            ClusterCommand::Focus(cluster) => self.state.library_mut().cluster_state.focus = Some(cluster),
            ClusterCommand::EditName(cluster) => self.edit_cluster_name(cluster),
            ClusterCommand::SetName(cluster, typed) => self.name_cluster(cluster, &typed),
        }
    }

    fn edit_cluster_name(&mut self, cluster: u32) {
        let clusters = &mut self.state.library_mut().cluster_state;
        (clusters.focus, clusters.renaming) = (Some(cluster), Some(cluster));
        self.show_dialog(Dialog::ClusterName, true);
    }

    fn select_cluster(&mut self, cluster: u32) {
        let library = self.state.library_mut();
        library.cluster_state.focus = Some(cluster);
        if matches!(self.state.preferences.central_view, CentralView::Map | CentralView::Split) {
            return self.shell.show_cluster(cluster);
        }
        let library = self.state.library();
        let (Some(clusters), Some(visible)) = (library.clusters.clone(), library.visible.clone()) else { return };
        if visible.snapshot().epoch() == clusters.epoch {
            self.select_found(true, move || {
                let rows = clusters.rows(cluster).filter(|row| visible.contains(*row));
                rows.filter_map(|row| Some(visible.snapshot().item(row)?.id)).collect()
            });
        }
    }

    fn name_cluster(&mut self, at: u32, typed: &str) {
        let Some(clusters) = self.state.library().clusters.clone() else { return };
        let Some(cluster) = clusters.all.get(at as usize) else { return };
        let name = GivenName::cleaned(typed);
        let name = Some(name).filter(|name| !name.is_empty() && cluster.names.first() != Some(name));
        let before = cluster.given.as_deref();
        if name.as_ref() == before.map(|before| &before.name) {
            return;
        }
        self.record_step();
        let (members, newest) = (cluster.members.clone(), clusters.newest.unwrap_or_default());
        let given = name.map(|name| Arc::new(GivenName { name, members, newest }));
        let library = self.state.library_mut();
        let kept = library.cluster_state.names.iter().filter(|given| Some(&***given) != before);
        let names: ClusterNames = kept.cloned().chain(given.clone()).collect();
        library.clusters = Some(Arc::new(clusters.renamed(at, given)));
        library.cluster_state.names = Arc::new(names);
        self.store_cluster_names();
    }

    /// Stores the names as they are now.
    pub(super) fn store_cluster_names(&mut self) {
        let names = Arc::clone(&self.state.library().cluster_state.names);
        self.submit(Job::NameClusters(names));
    }

    /// Has the clusters of the map found, once it rests.
    pub(super) fn find_clusters(&mut self) {
        let library = self.state.library();
        let layout = library.layout.as_ref().filter(|layout| library.rests() && layout.method != LayoutMethod::Pca);
        let known = |layout: &&Arc<Layout>| library.clusters.as_ref().is_some_and(|found| found.belong_to(layout));
        if let Some(layout) = layout.filter(|layout| !known(layout)).cloned() {
            self.submit_clusters(layout);
        }
    }

    fn submit_clusters(&mut self, layout: Arc<Layout>) {
        self.named_with = Arc::clone(&self.state.library().cluster_state.names);
        self.submit(Job::FindClusters(layout));
    }

    /// Has the clusters of the same map found again, with the names of now.
    pub(super) fn bind_cluster_names(&mut self) {
        if let Some(layout) = self.state.library().layout.clone() {
            self.submit_clusters(layout);
        }
    }

    pub(super) fn clusters_received(&mut self, found: Arc<Clusters>) {
        let library = self.state.library_mut();
        let same = library.clusters.as_ref().is_some_and(|known| known.are_of_same_map(&found));
        library.clusters = Some(found);
        if !same {
            library.cluster_state.clear();
            self.cluster_count_request = None;
        }
        // Something was named while they were found.
        if !Arc::ptr_eq(&self.named_with, &self.state.library().cluster_state.names) {
            self.bind_cluster_names();
        }
    }

    /// Counts the visible items of each cluster where the filter excludes some; those of many items on another thread.
    pub(super) fn count_clusters(&mut self) {
        let library = self.state.library_mut();
        let (Some(visible), Some(clusters)) = (library.visible.clone(), library.clusters.clone()) else { return };
        if visible.are_everything() || visible.snapshot().epoch() != clusters.epoch {
            library.cluster_state.visible_counts = None;
            self.cluster_count_request = None;
            return;
        }
        let request = ClusterCountRequest { clusters, visible };
        if self.cluster_count_request.as_ref().is_some_and(|latest| latest.is_same(&request)) {
            return;
        }
        self.cluster_count_request = Some(request.clone());
        if request.clusters.of_rows.len() <= AT_ONCE {
            library.cluster_state.visible_counts = Some(Arc::new(request.count()));
            return;
        }
        self.spawn("count-clusters", Message::Failed, move |messages| {
            let counts = request.count();
            messages.send(Message::ClusterCounts(request, counts));
        });
    }

    /// The visible items of each cluster have been counted.
    pub(super) fn clusters_counted(&mut self, request: &ClusterCountRequest, counts: Vec<u32>) {
        if self.cluster_count_request.as_ref().is_some_and(|latest| latest.is_same(request)) {
            self.state.library_mut().cluster_state.visible_counts = Some(Arc::new(counts));
        }
    }
}
