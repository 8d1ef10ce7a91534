//! What was requested for the open library, and which answers still count. Closing the library drops all of it.

use std::sync::Arc;

use crate::context::AppliedLabels;
use crate::context::listing::ListingRequest;
use vicinity_core::{AxisSource, Clusters, Filter, ItemGroups, ItemId, LabelSet};
use vicinity_engine::{Snapshot, VisibleRows};

/// What suggestions belong to: epoch, number of items, dimensions, model, and filter.
type SuggestionsOf = (u64, usize, usize, String, Filter);

/// Tickets of what was sent to the engine, and times.
#[derive(Default)]
pub(super) struct Search {
    ticket: u64,
    pub latest: u64,
    pub due: Option<f64>,
    /// Of the neighbours asked for last, and whose they are.
    pub neighbours: Option<(u64, ItemId)>,
    pub suggesting: Option<(u64, SuggestionsOf)>,
    /// The item whose neighbours and labels were asked for last.
    pub inspected: Option<ItemId>,
    /// Whether the first hit gets the focus once the result is there.
    pub focus_first: bool,
    /// Whether a gesture changes the filter, whose steps are undone together.
    pub adjusting: bool,
}

impl Search {
    /// A new ticket.
    pub fn next(&mut self) -> u64 {
        self.ticket += 1;
        self.ticket
    }

    /// Whether a result belongs to the latest search.
    pub fn is_latest(&self, ticket: u64) -> bool {
        ticket == self.latest
    }

    /// Whose neighbours a result holds.
    pub fn neighbours_of(&self, ticket: u64) -> Option<ItemId> {
        self.neighbours.filter(|(t, _)| *t == ticket).map(|(_, id)| id)
    }
}

/// What labels are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LabelsFor {
    /// The picture or text that is searched with.
    Query,
    /// The item in focus.
    Focus(ItemId),
    /// The selection: each item keeps its best label.
    Selection,
}

/// Labels are asked for one after the other: the engine answers only the latest request for labels.
#[derive(Default)]
pub(super) struct Labelling {
    pub under_way: Option<(u64, LabelsFor, LabelSet)>,
    pub query: bool,
    pub focus: Option<ItemId>,
    pub selection: Option<Vec<ItemId>>,
}

/// For which groups and rows visible items are counted.
#[derive(Clone)]
pub struct GroupCountRequest {
    /// The groups.
    pub groups: Arc<ItemGroups>,
    /// The rows.
    pub visible: Arc<VisibleRows>,
}

impl GroupCountRequest {
    /// Whether it is the same.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.groups, &other.groups) && Arc::ptr_eq(&self.visible, &other.visible)
    }
}

/// The positions along axes asked for last.
#[derive(Default)]
pub(super) struct AxesRequest {
    /// The collection and the axes.
    pub wanted: Option<(Arc<Snapshot>, [AxisSource; 2])>,
    pub ticket: u64,
    /// When others are asked for.
    pub due: Option<f64>,
}

/// The list that the gallery asked for last.
#[derive(Default)]
pub(super) struct ListingState {
    pub wanted: Option<ListingRequest>,
    /// Whether a thread is at work. When it has ended the latest request is looked at again.
    pub under_way: bool,
}

/// The request sent to the engine last.
pub(super) type FilterRequest = Option<(Arc<Snapshot>, Filter)>;

/// For which labels and rows the items of labels are counted.
#[derive(Clone)]
pub(super) struct LabelCountRequest {
    pub labels: Arc<AppliedLabels>,
    pub visible: Arc<VisibleRows>,
}

impl LabelCountRequest {
    /// Whether it is for these labels and rows.
    pub fn is_for(&self, labels: &Arc<AppliedLabels>, visible: &Arc<VisibleRows>) -> bool {
        Arc::ptr_eq(&self.labels, labels) && Arc::ptr_eq(&self.visible, visible)
    }
}

/// For which clusters and rows the items of clusters are counted.
#[derive(Clone)]
pub(super) struct ClusterCountRequest {
    pub clusters: Arc<Clusters>,
    pub visible: Arc<VisibleRows>,
}

impl ClusterCountRequest {
    /// Whether another is for the same rows; names do not matter.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.clusters.of_rows, &other.clusters.of_rows) && Arc::ptr_eq(&self.visible, &other.visible)
    }

    /// Visible items of each cluster.
    pub fn count(&self) -> Vec<u32> {
        self.clusters.count_rows(self.visible.rows())
    }
}
