//! The thread that answers: embeds queries, searches, scores labels, and finds queries to suggest. Of each kind only
//! the latest question counts; suggestions are worked out in small steps while nobody asks for anything else.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use super::event_queue::EventSender;
use super::file_content;
use super::index::{self, QueryVector, SearchParams};
use super::labels::LabelVectors;
use super::library::Library;
use super::model_loader::LazyModel;
use super::suggest::{CANDIDATES, SuggestionSearch};
use super::visible::VisibleCache;
use super::{Event, LabelTargets, SearchSlot, Severity, Snapshot};
use vicinity_core::monitor::Monitor;
use vicinity_core::{
    Embedding, Filter, ItemId, LabelScore, LabelSet, Modality, Picture, Query, QueryPart, ScoredLabels, SearchResult,
};
use vicinity_media::Content;
use vicinity_models::{Model, TextOptions, guard};

/// Candidates for suggestions that are embedded at once: a search waits for no more.
const SUGGESTION_BATCH: usize = 8;

/// A question.
pub enum SearchRequest {
    /// See [`super::Job::Search`].
    Search(SearchSlot, u64, Query),
    /// See [`super::Job::Label`].
    Label(u64, LabelTargets, LabelSet),
    /// See [`super::Job::StoreLabels`]. Done here, and not by the thread that imports, since that one may be busy for
    /// long with walking a folder.
    StoreLabels(Vec<String>, Vec<(ItemId, Option<LabelScore>)>, bool),
    /// See [`super::Job::Suggest`].
    Suggest(u64, Filter),
}

/// Questions of one kind replace each other.
#[derive(PartialEq, Eq)]
enum RequestKind {
    Search(SearchSlot),
    Label,
    Suggest,
    StoreLabels,
}

#[derive(Default)]
struct RequestQueue {
    waiting: VecDeque<SearchRequest>,
    closed: bool,
}

/// Takes questions for the thread.
#[derive(Clone, Default)]
pub struct Searcher(Arc<Monitor<RequestQueue>>);

impl Searcher {
    /// Starts the thread.
    pub fn start(
        library: Library,
        model: LazyModel,
        visible: VisibleCache,
        event_sender: EventSender,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let searcher = Self::default();
        let queue = searcher.clone();
        let thread = std::thread::Builder::new().name("vicinity-search".to_owned()).spawn(move || {
            let mut worker = SearchWorker {
                library,
                model,
                visible,
                event_sender,
                labels: None,
                candidates: Vec::new(),
                suggesting: None,
            };
            while let Some(request) = queue.next(worker.suggesting.is_some()) {
                match request {
                    Some(request) => worker.handle(request),
                    None => worker.suggest_step(),
                }
            }
        })?;
        Ok((searcher, thread))
    }

    /// Asks; an older question of the same kind that waits is dropped. Labels are never dropped, and come first.
    pub fn request(&self, request: SearchRequest) {
        self.0.update(|RequestQueue { waiting, .. }| {
            if request.stores_labels() {
                let behind = waiting.iter().take_while(|older| older.stores_labels()).count();
                return waiting.insert(behind, request);
            }
            waiting.retain(|older| older.stores_labels() || kind(older) != kind(&request));
            waiting.push_back(request);
        });
    }

    /// Ends the thread after the answer it is at, and once all labels are stored.
    pub fn close(&self) {
        self.0.update(|requests| requests.closed = true);
    }

    /// The next question, suggestions last; `Some(None)` where none waits and there is other work. `None` at the end,
    /// once all labels are stored.
    fn next(&self, busy: bool) -> Option<Option<SearchRequest>> {
        self.0.wait(|requests| {
            let waiting = &mut requests.waiting;
            if requests.closed && !waiting.front().is_some_and(SearchRequest::stores_labels) {
                return Some(None);
            }
            let urgent = waiting.iter().position(|request| kind(request) != RequestKind::Suggest);
            let request = waiting.remove(urgent.unwrap_or(0));
            (request.is_some() || busy).then_some(Some(request))
        })
    }
}

impl SearchRequest {
    fn stores_labels(&self) -> bool {
        matches!(self, Self::StoreLabels(..))
    }
}

fn kind(request: &SearchRequest) -> RequestKind {
    match request {
        SearchRequest::Search(slot, ..) => RequestKind::Search(*slot),
        SearchRequest::Label(..) => RequestKind::Label,
        SearchRequest::Suggest(..) => RequestKind::Suggest,
        SearchRequest::StoreLabels(..) => RequestKind::StoreLabels,
    }
}

struct SearchWorker {
    library: Library,
    model: LazyModel,
    visible: VisibleCache,
    event_sender: EventSender,
    labels: Option<LabelVectors>,
    /// The first of [`CANDIDATES`], embedded.
    candidates: Vec<Embedding>,
    suggesting: Option<(u64, SuggestionSearch)>,
}

impl SearchWorker {
    fn handle(&mut self, request: SearchRequest) {
        match request {
            SearchRequest::Search(slot, ticket, query) => {
                let result = catch_panic(|| self.search(&query)).map(Arc::new);
                self.event_sender.send(Event::SearchDone { slot, ticket, result });
            }
            SearchRequest::Label(ticket, targets, labels) => {
                let result = catch_panic(|| self.label(&targets, &labels)).map(Arc::new);
                self.event_sender.send(Event::LabelDone { ticket, result });
            }
            SearchRequest::StoreLabels(labels, given, all) => {
                if let Err(error) = self.library.store_labels(labels, &given, all) {
                    self.event_sender.notice(Severity::Warning, format!("Could not store the labels: {error}"));
                }
            }
            SearchRequest::Suggest(ticket, filter) => {
                let visible = self.visible.rows(&self.library.snapshot(), &filter);
                self.suggesting = Some((ticket, SuggestionSearch::new(&visible)));
            }
        }
    }

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

    fn search(&self, query: &Query) -> Result<SearchResult, String> {
        if query.parts.is_empty() {
            return Err("the query is empty".to_owned());
        }
        let start = Instant::now();
        let snapshot = self.library.snapshot();
        let parts = query.parts.iter().map(|part| self.embed(part, &snapshot)).collect::<Result<Vec<_>, _>>()?;
        let embedding = start.elapsed().as_secs_f32();
        let visible = self.visible.rows(&snapshot, &query.filter);
        let lookup = SearchParams { parts: &parts, visible: &visible, scoring: query.scoring, k: query.k };
        let mut result = index::search(&lookup);
        result.seconds[0] = embedding;
        Ok(result)
    }

    fn embed(&self, part: &QueryPart, snapshot: &Snapshot) -> Result<QueryVector, String> {
        if let QueryPart::Item(id) = part {
            return item(*id, snapshot);
        }
        let model = self.model.wait()?;
        match part {
            QueryPart::Text(text) => embed_text(&model, text, TextOptions::QUERY),
            QueryPart::Picture(picture) => embed_picture(&model, picture),
            QueryPart::File(path) => {
                let options = TextOptions { long_text: self.library.import_options().long_text, ..Default::default() };
                embed_content(&model, file_content::open(path, false)?, options)
            }
            QueryPart::Item(_) => unreachable!("answered above"),
        }
    }

    fn label(&mut self, targets: &LabelTargets, set: &LabelSet) -> Result<Vec<ScoredLabels>, String> {
        if set.labels.is_empty() {
            return Err("the label set is empty".to_owned());
        }
        let model = self.model.wait()?;
        let snapshot = self.library.snapshot();
        if !self.labels.as_ref().is_some_and(|labels| labels.matches(set, snapshot.dim())) {
            let vectors =
                LabelVectors::new(set, model.text.as_ref(), &model.info).map_err(|error| error.to_string())?;
            self.labels = Some(vectors.truncated(snapshot.dim()).map_err(|error| error.to_string())?);
        }
        let labels = self.labels.as_ref().ok_or("could not embed the labels")?;
        match targets {
            LabelTargets::Part(part) => {
                let found = self.embed(part, &snapshot)?;
                let embedding = found.embedding.truncated(snapshot.dim()).map_err(|error| error.to_string())?;
                let scores = labels.score(embedding.as_slice(), found.modality);
                Ok(vec![ScoredLabels { item: found.item, scores }])
            }
            LabelTargets::Items(items) => Ok(label_items(labels, items, &snapshot)),
        }
    }
}

/// Gives an answer in any case: whoever has asked would wait for ever. A panic is reported like any other, and what it
/// left half done is a cache at the most, which is made whole by assignment.
fn catch_panic<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(format!("the search failed unexpectedly ({}); try other words", guard::message(panic.as_ref())))
    })
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

fn item(id: ItemId, snapshot: &Snapshot) -> Result<QueryVector, String> {
    let missing = || "this item is no longer in the collection".to_owned();
    let row = snapshot.row_of(id).ok_or_else(missing)?;
    let vector = snapshot.vector(row).ok_or("this item is not embedded yet")?;
    let modality = snapshot.item(row).ok_or_else(missing)?.modality;
    let embedding = vicinity_core::Embedding::new(vector).map_err(|error| error.to_string())?;
    Ok(QueryVector { embedding, modality, item: Some(id) })
}

/// Embeds words.
///
/// # Errors
/// A sentence, when the model fails.
pub fn embed_text(model: &Model, text: &str, options: TextOptions) -> Result<QueryVector, String> {
    let texts = guard::catch(|| model.text.embed(&[text], options)).map_err(|error| error.to_string())?;
    let text = texts.into_iter().next().ok_or("the model returned no vector")?;
    Ok(QueryVector { embedding: text.embedding, modality: Modality::Text, item: None })
}

/// Embeds a picture.
///
/// # Errors
/// A sentence, when the model fails.
pub fn embed_picture(model: &Model, picture: &Picture) -> Result<QueryVector, String> {
    // Preparation cannot say that it failed, whatever the tower is.
    let vectors = guard::catch(|| model.image.embed(&[model.image.prepare(picture)])).map_err(|e| e.to_string())?;
    let embedding = vectors.into_iter().next().ok_or("the model returned no vector")?;
    Ok(QueryVector { embedding, modality: Modality::Image, item: None })
}

/// Embeds what a file holds.
///
/// # Errors
/// A sentence, when the model fails.
pub fn embed_content(model: &Model, content: Content, options: TextOptions) -> Result<QueryVector, String> {
    match content {
        Content::Image { picture, .. } => embed_picture(model, &picture),
        Content::Text(text) => embed_text(model, &text, options),
        Content::Rows(rows) => embed_text(model, &rows.joined(), options),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_answer() {
        let why = catch_panic::<()>(|| panic!("row {} of 3", 7)).expect_err("it panics");
        assert!(why.contains("row 7 of 3"), "{why}");
        assert_eq!(catch_panic(|| Ok(3)), Ok(3));
    }
}
