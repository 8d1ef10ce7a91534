//! The thread that answers: embeds queries, searches, scores labels, and finds queries to suggest. Of each kind only
//! the latest question counts; suggestions are worked out in small steps while nobody asks for anything else.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use super::content;
use super::index::{self, Lookup, QueryVector};
use super::labels::LabelVectors;
use super::library::Library;
use super::model::LazyModel;
use super::outbox::Outbox;
use super::suggest::{CANDIDATES, Suggesting};
use super::visible::VisibleCache;
use super::{Event, LabelTargets, SearchSlot, Severity, Snapshot};
use vicinity_core::desk::Desk;
use vicinity_core::{
    Embedding, Filter, ItemId, LabelScore, LabelSet, Modality, Picture, Query, QueryPart, ScoredLabels, SearchResult,
};
use vicinity_media::Content;
use vicinity_models::{Model, TextOptions, guard};

/// Candidates for suggestions that are embedded at once: a search waits for no more.
const CANDIDATES_AT_ONCE: usize = 8;

/// A question.
pub enum Question {
    /// See [`super::Job::Search`].
    Search(SearchSlot, u64, Query),
    /// See [`super::Job::Label`].
    Label(u64, LabelTargets, LabelSet),
    /// See [`super::Job::KeepLabels`]. Done here, and not by the thread that imports, since that one may be busy for
    /// long with walking a folder.
    Keep(Vec<String>, Vec<(ItemId, Option<LabelScore>)>, bool),
    /// See [`super::Job::Suggest`].
    Suggest(u64, Filter),
}

/// Questions of one kind replace each other.
#[derive(PartialEq, Eq)]
enum Kind {
    Search(SearchSlot),
    Label,
    Suggest,
    Keep,
}

#[derive(Default)]
struct Questions {
    waiting: VecDeque<Question>,
    closed: bool,
}

/// Takes questions for the thread.
#[derive(Clone, Default)]
pub struct Searcher(Arc<Desk<Questions>>);

impl Searcher {
    /// Starts the thread.
    pub fn start(
        library: Library,
        model: LazyModel,
        visible: VisibleCache,
        outbox: Outbox,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let searcher = Self::default();
        let desk = searcher.clone();
        let thread = std::thread::Builder::new().name("vicinity-search".to_owned()).spawn(move || {
            let mut answers =
                Answers { library, model, visible, outbox, labels: None, candidates: Vec::new(), suggesting: None };
            while let Some(question) = desk.next(answers.suggesting.is_some()) {
                match question {
                    Some(question) => answers.answer(question),
                    None => answers.suggest_on(),
                }
            }
        })?;
        Ok((searcher, thread))
    }

    /// Asks; an older question of the same kind that waits is dropped. Labels are never dropped, and come first.
    pub fn ask(&self, question: Question) {
        self.0.update(|Questions { waiting, .. }| {
            if question.is_kept() {
                let behind = waiting.iter().take_while(|older| older.is_kept()).count();
                return waiting.insert(behind, question);
            }
            waiting.retain(|older| older.is_kept() || kind(older) != kind(&question));
            waiting.push_back(question);
        });
    }

    /// Ends the thread after the answer it is at, and once all labels are stored.
    pub fn close(&self) {
        self.0.update(|questions| questions.closed = true);
    }

    /// The next question, suggestions last; `Some(None)` where none waits and there is other work. `None` at the end,
    /// once all labels are stored.
    fn next(&self, busy: bool) -> Option<Option<Question>> {
        self.0.wait(|questions| {
            let waiting = &mut questions.waiting;
            if questions.closed && !waiting.front().is_some_and(Question::is_kept) {
                return Some(None);
            }
            let urgent = waiting.iter().position(|question| kind(question) != Kind::Suggest);
            let question = waiting.remove(urgent.unwrap_or(0));
            (question.is_some() || busy).then_some(Some(question))
        })
    }
}

impl Question {
    fn is_kept(&self) -> bool {
        matches!(self, Self::Keep(..))
    }
}

fn kind(question: &Question) -> Kind {
    match question {
        Question::Search(slot, ..) => Kind::Search(*slot),
        Question::Label(..) => Kind::Label,
        Question::Suggest(..) => Kind::Suggest,
        Question::Keep(..) => Kind::Keep,
    }
}

struct Answers {
    library: Library,
    model: LazyModel,
    visible: VisibleCache,
    outbox: Outbox,
    labels: Option<LabelVectors>,
    /// The first of [`CANDIDATES`], embedded.
    candidates: Vec<Embedding>,
    suggesting: Option<(u64, Suggesting)>,
}

impl Answers {
    fn answer(&mut self, question: Question) {
        match question {
            Question::Search(slot, ticket, query) => {
                let result = answered(|| self.search(&query)).map(Arc::new);
                self.outbox.post(Event::Found { slot, ticket, result });
            }
            Question::Label(ticket, targets, labels) => {
                let result = answered(|| self.label(&targets, &labels)).map(Arc::new);
                self.outbox.post(Event::Labelled { ticket, result });
            }
            Question::Keep(labels, given, all) => {
                if let Err(error) = self.library.keep_labels(labels, &given, all) {
                    self.outbox.notice(Severity::Warning, format!("Could not store the labels: {error}"));
                }
            }
            Question::Suggest(ticket, filter) => {
                let visible = self.visible.rows(&self.library.snapshot(), &filter);
                self.suggesting = Some((ticket, Suggesting::new(&visible)));
            }
        }
    }

    /// One step towards suggestions; they are posted after the last. A model that fails suggests nothing.
    fn suggest_on(&mut self) {
        let Some((ticket, mut work)) = self.suggesting.take() else { return };
        let until = (work.done() + CANDIDATES_AT_ONCE).min(CANDIDATES.len());
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
            self.outbox.post(Event::Suggested { ticket, suggestions: Arc::new(work.finish()) });
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
        let lookup = Lookup { parts: &parts, visible: &visible, scoring: query.scoring, k: query.k };
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
                embed_content(&model, content::open(path, false)?, options)
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
        if !self.labels.as_ref().is_some_and(|labels| labels.belong_to(set, snapshot.dim())) {
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
fn answered<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
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
        let why = answered::<()>(|| panic!("row {} of 3", 7)).expect_err("it panics");
        assert!(why.contains("row 7 of 3"), "{why}");
        assert_eq!(answered(|| Ok(3)), Ok(3));
    }
}
