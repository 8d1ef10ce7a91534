//! Carries out what the user asked for in a frame: each area's commands are applied in the file of that area.

use super::history::EditKind;
use super::window::App;
use crate::context::commands::{Action, Command};
use vicinity_engine::{Job, Severity};

impl App {
    /// Carries out everything asked for in this frame.
    pub(super) fn apply_commands(&mut self) {
        let commands = self.commands.drain();
        if commands.is_empty() {
            return;
        }
        for command in commands {
            self.apply(command);
            self.state.view.can_undo = self.history.can();
        }
        // What was drawn shows the state before.
        self.ctx.request_repaint();
    }

    fn apply(&mut self, command: Command) {
        match command {
            Command::Action(action) => self.apply_action(action),
            Command::Search(command) => self.search_command(command),
            Command::Collection(command) => self.collection_command(command),
            Command::View(command) => self.view_command(command),
            Command::Map(command) => self.map_command(command),
            Command::Clusters(command) => self.cluster_command(command),
            Command::Items(command) => self.item_command(command),
            Command::Groups(command) => self.group_command(command),
            Command::Models(command) => self.model_command(command),
            Command::Services(command) => self.service_command(command),
        }
    }

    fn apply_action(&mut self, action: Action) {
        if let Some(why) = action.unavailable(&self.state) {
            return self.notice(Severity::Info, why);
        }
        match action {
            Action::Search(action) => self.search_action(action),
            Action::Collection(action) => self.collection_action(action),
            Action::View(action) => self.view_action(action),
            Action::Map(action) => self.map_action(action),
            Action::Clusters(action) => self.cluster_action(action),
            Action::Items(action) => self.item_action(action),
            Action::Groups(action) => self.group_action(action),
            Action::Models(action) => self.model_action(action),
            Action::Services(action) => self.service_action(action),
        }
    }

    /// What the pointer rests on in a list is shown on the map; the map reports by itself what it rests on there.
    pub(super) fn follow_pointer(&mut self) {
        let cluster = self.commands.take_cluster();
        if cluster != self.state.library().cluster_state.pointed_at {
            self.state.library_mut().cluster_state.pointed_at = cluster;
            self.ctx.request_repaint();
        }
        let pointed_at = self.commands.take_pointed_at();
        if pointed_at != self.pointed_at {
            self.pointed_at = pointed_at;
            self.state.library_mut().hover = pointed_at;
            self.ctx.request_repaint();
        }
    }

    /// Fetches thumbnails of what this frame showed.
    pub(super) fn request_thumbnails(&mut self) {
        let (shown, soon) = (self.commands.drain_shown(), self.commands.drain_soon());
        let now = self.now();
        let small = self.commands.drain_small();
        let small = self.state.library.as_mut().map(|library| library.small_pictures.shown(&small)).unwrap_or_default();
        if let Some(wanted) = self.textures.shown([&shown, &small, &soon], &self.state.library().thumbnails, now) {
            self.submit(Job::Thumbnails(wanted));
        }
    }

    /// Sends a job to the open library, if any.
    pub(super) fn submit(&mut self, job: Job) {
        if let Some(backend) = &self.backend {
            // Until its first progress is reported, nothing claims that the collection is empty.
            self.state.library_mut().adding |= matches!(job, Job::Add(_));
            backend.submit(job);
        }
    }

    /// Records the state before a change, for undo.
    pub(super) fn record_step(&mut self) {
        self.record(EditKind::Step);
    }

    /// The same for a change of a kind.
    pub(super) fn record(&mut self, kind: EditKind) {
        self.search.adjusting = false;
        let now = self.now();
        self.history.record(&self.state, kind, now);
    }
}
