//! What the window's own threads report to it (never the engine).

use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::Sender;

use super::backend::{Backend, Waker};
use super::pending::GroupCountRequest;
use super::pending::{ClusterCountRequest, LabelCountRequest};
use crate::context::commands::PathPurpose;
use crate::context::listing::{Listing, ListingRequest};
use crate::context::services::{ConsentRequest, KeyLocation};
use crate::context::{ExportToken, Notice, Selection, Snapshot};
use vicinity_core::{ItemGroup, LabelSet, Picture};
use vicinity_engine::runtime_settings::DeviceSummary;
use vicinity_engine::service::Service;
use vicinity_models::remote::RemoteError;

/// What a thread of the window reports.
pub(super) enum Message {
    /// A library was opened, or could not be. The number tells which attempt it was.
    Opened(u64, Result<Box<dyn Backend>, String>),
    /// A file dialog was closed.
    Chosen(PathPurpose, Vec<PathBuf>),
    /// This system shows no file dialog: the path has to be typed.
    NoDialog(PathPurpose),
    /// What a typed path turned out to be.
    Typed(PathPurpose, Result<PathBuf, String>),
    /// Labels were read from a file.
    Labels(Result<LabelSet, String>),
    /// The sample collection was written, or could not be.
    Sample(Result<PathBuf, String>),
    /// A picture was pasted.
    Pasted(Arc<Picture>),
    /// A small version of a file that is searched with.
    ChipPicture(PathBuf, Arc<Picture>),
    /// A list for the gallery; `None` where it could not be made.
    Listed(Box<ListingRequest>, Option<Listing>),
    /// A selection that was made of the items of a snapshot, and whether the gallery lists it.
    Selected { of: Arc<Snapshot>, selection: Arc<Selection>, listed: bool },
    /// Visible items of each label, and what they were counted for.
    LabelCounts(LabelCountRequest, Vec<usize>),
    /// Visible items of each cluster, and what they were counted for.
    ClusterCounts(ClusterCountRequest, Vec<u32>),
    /// A group was made, or has other items, for the library that was opened with this number.
    GroupMade { attempt: u64, group: ItemGroup, is_new: bool },
    /// Visible items of each group, and what they were counted for.
    GroupCounts(GroupCountRequest, Vec<usize>),
    /// Something about services.
    Service(ServiceReply),
    /// The newest version of the program.
    Newest(String),
    /// The languages in which text in pictures can be read, or why it cannot.
    TextLanguages(Result<Vec<String>, String>),
    /// The devices of this machine.
    Devices(Vec<DeviceSummary>),
    /// What an export has to report.
    Export(ExportToken, ExportMessage),
    /// An error for the status bar.
    Failed(String),
}

/// What a thread that exports reports.
pub(super) enum ExportMessage {
    /// Files done, and all files.
    Progress { done: u64, total: u64 },
    /// What came of it.
    Finished(Notice),
}

/// What a thread has found out about services.
pub(super) enum ServiceReply {
    /// Where keys are.
    Keys([KeyLocation; 3]),
    /// What a service would be sent, and something to know about the key. The number tells for which opened library.
    ConsentRequest(u64, Result<ConsentRequest, RemoteError>, Option<String>),
    /// The service took our word, or what it has against it. Consent is for one library: see the number.
    Tried(u64, Service, Result<(), RemoteError>),
}

/// Sends messages to the window, and wakes it up.
#[derive(Clone)]
pub(super) struct MessageSender {
    pub sender: Sender<Message>,
    pub waker: Waker,
}

impl MessageSender {
    /// Sends a message; waits where the window has not taken many earlier ones. Nothing where it is closed.
    pub fn send(&self, message: Message) {
        let _closed = self.sender.send(message);
        (self.waker)();
    }
}
