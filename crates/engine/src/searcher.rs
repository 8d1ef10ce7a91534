//! The search thread: embeds queries, searches, scores labels, and finds queries to suggest. Only the latest request of
//! each kind counts; suggestions are computed in small steps while no other request waits.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::axes;
use super::event_queue::EventSender;
use super::file_content;
use super::index::{self, QueryVector, SearchParams};
use super::labels::LabelVectors;
use super::library::Library;
use super::model_loader::LazyModel;
use super::query_text::embed_text;
use super::search_error::SearchError;
use super::suggest::{CANDIDATES, SuggestionSearch};
use super::visible::VisibleCache;
use super::{Event, LabelTargets, SearchSlot, Severity, Snapshot};
use vicinity_core::worker::{Inbox, Task, Worker};
use vicinity_core::{
    AxisSource, Embedding, Filter, ItemGroups, ItemId, LabelScore, LabelSet, Modality, Picture, Query, QueryPart,
    ScoredLabels, Scoring, SearchResult,
};
use vicinity_media::{Content, PartContent, ReadOptions};
use vicinity_models::{Model, TextOptions, guard};

/// Candidates for suggestions that are embedded at once: a search waits for no more.
const SUGGESTION_BATCH: usize = 8;
/// Vectors that stand for a part of a query that consists of many items.
const MAX_VECTORS: usize = 1_000;

/// A request to the search thread.
pub enum SearchRequest {
    /// See [`super::Job::Search`].
    Search(SearchSlot, u64, Query),
    /// See [`super::Job::Label`].
    Label(u64, LabelTargets, LabelSet),
    /// See [`super::Job::PlaceOnAxes`].
    Axes(u64, [AxisSource; 2]),
    /// See [`super::Job::StoreLabels`]. Done here, and not by the thread that imports, since that one may be busy for
    /// long with walking a folder.
    StoreLabels(Vec<String>, Vec<(ItemId, Option<LabelScore>)>, bool),
    /// See [`super::Job::StoreGroups`]. Done here for the same reason.
    StoreGroups(Arc<ItemGroups>),
    /// See [`super::Job::Suggest`].
    Suggest(u64, Filter),
}

/// Requests of one kind replace each other.
#[derive(PartialEq, Eq)]
enum RequestKind {
    Search(SearchSlot),
    Label,
    Axes,
    Suggest,
    StoreLabels,
    StoreGroups,
}

/// Takes requests for the thread. Cheap to clone.
#[derive(Clone, Default)]
pub struct Searcher(Inbox<VecDeque<SearchRequest>>);

impl Searcher {
    /// Starts the thread.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(
        library: Library,
        model: LazyModel,
        visible: VisibleCache,
        event_sender: EventSender,
    ) -> std::io::Result<(Self, Worker)> {
        let searcher = Self::default();
        let task = SearchWorker {
            searcher: searcher.clone(),
            library,
            model,
            visible,
            event_sender,
            labels: None,
            candidates: Vec::new(),
            suggesting: None,
        };
        let worker = Worker::serve("search", &searcher.0, task)?;
        Ok((searcher, worker))
    }

    /// Queues a request and drops a waiting one of the same kind. Labels to be stored are never dropped, and groups only
    /// for newer ones; both come first.
    ///
    /// # Errors
    /// The request, if the thread has stopped.
    pub fn request(&self, request: SearchRequest) -> Result<(), Box<SearchRequest>> {
        if self.0.is_closed() {
            return Err(Box::new(request));
        }
        self.0.update(|waiting| {
            if request.stores() {
                let replaces = kind(&request) == RequestKind::StoreGroups;
                waiting.retain(|older| !replaces || kind(older) != RequestKind::StoreGroups);
                let behind = waiting.iter().take_while(|older| older.stores()).count();
                return waiting.insert(behind, request);
            }
            waiting.retain(|older| kind(older) != kind(&request));
            waiting.push_back(request);
        });
        Ok(())
    }

    /// Ends the thread, as a panic that it cannot recover from does.
    #[cfg(test)]
    pub fn stop(&self) {
        self.0.close();
    }

    /// The next request, suggestions last; `Some(None)` where none waits and there is other work. `None` at the end,
    /// once all labels and groups are stored.
    fn next(&self, busy: bool) -> Option<Option<SearchRequest>> {
        self.0.wait(|waiting, closed| {
            if closed && !waiting.front().is_some_and(SearchRequest::stores) {
                return Some(None);
            }
            let urgent = waiting.iter().position(|request| kind(request) != RequestKind::Suggest);
            let request = waiting.remove(urgent.unwrap_or(0));
            (request.is_some() || busy).then_some(Some(request))
        })
    }
}

impl SearchRequest {
    fn stores(&self) -> bool {
        matches!(self, Self::StoreLabels(..) | Self::StoreGroups(_))
    }
}

fn kind(request: &SearchRequest) -> RequestKind {
    match request {
        SearchRequest::Search(slot, ..) => RequestKind::Search(*slot),
        SearchRequest::Label(..) => RequestKind::Label,
        SearchRequest::Axes(..) => RequestKind::Axes,
        SearchRequest::Suggest(..) => RequestKind::Suggest,
        SearchRequest::StoreLabels(..) => RequestKind::StoreLabels,
        SearchRequest::StoreGroups(_) => RequestKind::StoreGroups,
    }
}

struct SearchWorker {
    searcher: Searcher,
    library: Library,
    model: LazyModel,
    visible: VisibleCache,
    event_sender: EventSender,
    labels: Option<LabelVectors>,
    /// The first of [`CANDIDATES`], embedded.
    candidates: Vec<Embedding>,
    suggesting: Option<(u64, SuggestionSearch)>,
}

impl Task for SearchWorker {
    /// `None` for a step towards suggestions.
    type Request = Option<SearchRequest>;

    fn next(&mut self) -> Option<Self::Request> {
        self.searcher.next(self.suggesting.is_some())
    }

    fn handle(&mut self, request: &mut Self::Request) {
        match request {
            Some(SearchRequest::Search(slot, ticket, query)) => {
                let (slot, ticket, result) = (*slot, *ticket, self.search(query).map(Arc::new).map_err(Arc::new));
                self.event_sender.send(Event::SearchDone { slot, ticket, result });
            }
            Some(SearchRequest::Label(ticket, targets, labels)) => {
                let (ticket, result) = (*ticket, self.label(targets, labels).map(Arc::new).map_err(Arc::new));
                self.event_sender.send(Event::LabelDone { ticket, result });
            }
            Some(SearchRequest::Axes(ticket, sources)) => {
                let result = axes::place(sources, &self.library.snapshot(), &self.model, *ticket);
                let result = result.map(Arc::new).map_err(Arc::new);
                self.event_sender.send(Event::AxesDone { ticket: *ticket, result });
            }
            Some(SearchRequest::StoreLabels(labels, given, all)) => {
                if let Err(error) = self.library.store_labels(std::mem::take(labels), given, *all) {
                    self.event_sender.notice(Severity::Warning, format!("Could not store the labels: {error}"));
                }
            }
            Some(SearchRequest::StoreGroups(groups)) => match self.library.store_groups(groups) {
                Ok(()) => self.event_sender.send(Event::Snapshot(self.library.snapshot())),
                Err(error) => {
                    self.event_sender.notice(Severity::Warning, format!("Could not store the groups: {error}"));
                }
            },
            Some(SearchRequest::Suggest(ticket, filter)) => {
                let visible = self.visible.rows(&self.library.snapshot(), filter);
                self.suggesting = Some((*ticket, SuggestionSearch::new(&visible)));
            }
            None => self.suggest_step(),
        }
    }

    fn recover(&mut self, request: Option<&mut Self::Request>, reason: &str) {
        // a half-made cache, at most
        (self.labels, self.suggesting) = (None, None);
        match request {
            Some(Some(request)) => report_failure(&self.event_sender, request, reason),
            Some(None) => log::warn!("no queries are suggested: {reason}"),
            None => {
                let text = format!("Search stopped unexpectedly ({reason}); open the library again");
                self.event_sender.notice(Severity::Error, text);
            }
        }
    }
}

/// Answers a request that panicked, or that no thread is left to serve.
pub fn report_failure(event_sender: &EventSender, request: &SearchRequest, reason: &str) {
    let error = || Arc::new(SearchError::Panicked(reason.to_owned()));
    match request {
        SearchRequest::Search(slot, ticket, _) => {
            event_sender.send(Event::SearchDone { slot: *slot, ticket: *ticket, result: Err(error()) });
        }
        SearchRequest::Label(ticket, ..) => {
            event_sender.send(Event::LabelDone { ticket: *ticket, result: Err(error()) });
        }
        SearchRequest::Axes(ticket, _) => {
            let result = Err(Arc::new(SearchError::Panicked(reason.to_owned()).into()));
            event_sender.send(Event::AxesDone { ticket: *ticket, result });
        }
        SearchRequest::StoreLabels(..) => {
            event_sender.notice(Severity::Error, format!("Could not store the labels: {reason}"));
        }
        SearchRequest::StoreGroups(_) => {
            event_sender.notice(Severity::Error, format!("Could not store the groups: {reason}"));
        }
        SearchRequest::Suggest(..) => log::warn!("no queries are suggested: {reason}"),
    }
}

impl SearchWorker {
    /// One step towards suggestions; they are posted after the last. A model that fails suggests nothing.
    fn suggest_step(&mut self) {
        let Some((ticket, mut work)) = self.suggesting.take() else { return };
        let until = (work.done() + SUGGESTION_BATCH).min(CANDIDATES.len());
        if self.candidates.len() < until {
            let next = &CANDIDATES[self.candidates.len()..until];
            let embed =
                |model: Arc<Model>| model.text.embed(next, TextOptions::QUERY).map_err(|error| error.to_string());
            match self.model.wait().map_err(String::from).and_then(embed) {
                Ok(texts) => self.candidates.extend(texts.into_iter().map(|text| text.embedding)),
                Err(why) => return log::info!("no queries are suggested: {why}"),
            }
            if self.candidates.len() < until {
                return log::warn!("no queries are suggested: the model returned too few vectors");
            }
        }
        for candidate in self.candidates.iter().take(until).skip(work.done()) {
            work.score(candidate);
        }
        if work.done() < CANDIDATES.len() {
            self.suggesting = Some((ticket, work));
        } else {
            self.event_sender.send(Event::Suggested { ticket, suggestions: Arc::new(work.finish()) });
        }
    }

    fn search(&self, query: &Query) -> Result<SearchResult, SearchError> {
        if query.parts.is_empty() {
            return Err(SearchError::EmptyQuery);
        }
        let start = Instant::now();
        let snapshot = self.library.snapshot();
        let parts = query.parts.iter().map(|part| self.embed_all(part, &snapshot)).collect::<Result<Vec<_>, _>>()?;
        let parts = parts.concat();
        let embedding = start.elapsed().as_secs_f32();
        let visible = self.visible.rows(&snapshot, &query.filter);
        // Vectors of the user's own are all of one kind, so that there are no averages to balance.
        let scoring = if self.model.own_vectors().is_some() { Scoring::RawCosine } else { query.scoring };
        let asked = asked_items(query);
        let lookup = SearchParams { parts: &parts, asked: &asked, visible: &visible, scoring, k: query.k };
        let mut result = index::search(&lookup);
        result.seconds[0] = embedding;
        Ok(result)
    }

    /// The vectors of a part, which weigh as much as one together.
    fn embed_all(&self, part: &QueryPart, snapshot: &Snapshot) -> Result<Vec<QueryVector>, SearchError> {
        match part {
            QueryPart::Item(id) => Ok(vec![item(*id, snapshot)?]),
            QueryPart::Items(items) => several(items, snapshot),
            part => Ok(vec![self.embed(part)?]),
        }
    }

    /// The vector of a part that the model embeds; items have theirs already.
    fn embed(&self, part: &QueryPart) -> Result<QueryVector, SearchError> {
        let model = self.model.wait()?;
        match part {
            QueryPart::Text(text) => embed_text(&model, text, TextOptions::QUERY),
            QueryPart::Picture(picture) => embed_picture(&model, picture),
            QueryPart::File(path) => {
                let options = TextOptions { long_text: self.library.import_options().long_text, ..Default::default() };
                embed_content(&model, file_content::open(path, ReadOptions::default())?, options)
            }
            QueryPart::Item(_) | QueryPart::Items(_) => Err(SearchError::NotEmbedded),
        }
    }

    fn label(&mut self, targets: &LabelTargets, set: &LabelSet) -> Result<Vec<ScoredLabels>, SearchError> {
        if set.labels.is_empty() {
            return Err(SearchError::EmptyLabelSet);
        }
        let model = self.model.wait()?;
        let snapshot = self.library.snapshot();
        if !self.labels.as_ref().is_some_and(|labels| labels.matches(set, snapshot.dim())) {
            let vectors = LabelVectors::new(set, model.text.as_ref(), &model.info)?;
            self.labels = Some(vectors.truncated(snapshot.dim())?);
        }
        let labels = self.labels.as_ref().ok_or(SearchError::NoVector)?;
        match targets {
            LabelTargets::Part(part) => {
                let found = self.embed(part)?;
                let embedding = found.embedding.truncated(snapshot.dim())?;
                let scores = labels.score(embedding.as_slice(), found.modality);
                Ok(vec![ScoredLabels { item: None, scores }])
            }
            LabelTargets::Items(items) => Ok(label_items(labels, items, &snapshot)),
        }
    }
}

fn label_items(labels: &LabelVectors, items: &[ItemId], snapshot: &Snapshot) -> Vec<ScoredLabels> {
    use rayon::prelude::*;
    let score = |id: &ItemId| {
        let row = snapshot.row_of(*id)?;
        let scores = labels.score(&snapshot.unit(row)?, snapshot.item(row)?.modality);
        Some(ScoredLabels { item: Some(*id), scores })
    };
    items.par_iter().filter_map(score).collect()
}

fn item(id: ItemId, snapshot: &Snapshot) -> Result<QueryVector, SearchError> {
    let row = snapshot.row_of(id).ok_or(SearchError::ItemRemoved)?;
    let vector = snapshot.vector(row).ok_or(SearchError::NotEmbedded)?;
    let modality = snapshot.item(row).ok_or(SearchError::ItemRemoved)?.modality;
    let embedding = Embedding::new(vector)?;
    Ok(QueryVector { embedding, modality, weight: 1.0 })
}

/// The items of a query, which are no hits of it: all of a group, also those that its vector is not made of.
fn asked_items(query: &Query) -> HashSet<ItemId> {
    let items = |part: &QueryPart| match part {
        QueryPart::Item(id) => vec![*id],
        QueryPart::Items(items) => items.to_vec(),
        QueryPart::Text(_) | QueryPart::Picture(_) | QueryPart::File(_) => Vec::new(),
    };
    query.parts.iter().flat_map(items).collect()
}

/// Vectors of several items that weigh as much as one together: of many items, evenly spaced ones.
fn several(items: &[ItemId], snapshot: &Snapshot) -> Result<Vec<QueryVector>, SearchError> {
    let step = items.len().div_ceil(MAX_VECTORS).max(1);
    let mut found: Vec<QueryVector> = items.iter().step_by(step).filter_map(|id| item(*id, snapshot).ok()).collect();
    let weight = 1.0 / found.len().max(1) as f32;
    found.iter_mut().for_each(|vector| vector.weight = weight);
    if found.is_empty() { Err(SearchError::NotEmbedded) } else { Ok(found) }
}

/// Embeds a picture.
///
/// # Errors
/// When the model fails.
pub fn embed_picture(model: &Model, picture: &Picture) -> Result<QueryVector, SearchError> {
    // Preparation cannot say that it failed, whatever the tower is.
    let vectors = guard::catch(|| model.image.embed(&[model.image.prepare(picture)]))?;
    let embedding = vectors.into_iter().next().ok_or(SearchError::NoVector)?;
    Ok(QueryVector { embedding, modality: Modality::Image, weight: 1.0 })
}

/// Embeds what a file holds.
///
/// # Errors
/// When the model fails.
pub fn embed_content(model: &Model, content: Content, options: TextOptions) -> Result<QueryVector, SearchError> {
    match content {
        Content::Image { picture, .. } => embed_picture(model, &picture),
        Content::Text(text) => embed_text(model, &text, options),
        Content::Rows(rows) => embed_text(model, &rows.joined(), options),
        Content::Parts(mut parts) => match parts.find_map(Result::ok).map(|part| part.content) {
            Some(PartContent::Picture { picture, .. }) => embed_picture(model, &picture),
            Some(PartContent::Text(text)) => embed_text(model, &text, options),
            None => Err(SearchError::NoVector),
        },
    }
}
