//! A bounded queue in front of the model, which works on its own thread and embeds waiting jobs together.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::error::{ApiError, ApiErrorKind};
use vicinity_models::{TextEmbedding, TextOptions, TowerError};

/// Maximum waiting jobs; a request has one at a time.
const WAITING: usize = 64;

/// The results of a batch: one per item, in order.
type Results = Vec<Result<TextEmbedding, TowerError>>;

struct Job<I> {
    items: Vec<I>,
    options: TextOptions,
    answer: oneshot::Sender<Result<Results, ApiError>>,
}

/// A queue with its thread; the thread ends when the queue is dropped.
pub(super) struct BatchQueue<I>(mpsc::Sender<Job<I>>);

impl<I: Send + 'static> BatchQueue<I> {
    /// Starts the thread. `max`: maximum items embedded together.
    pub fn start(
        name: &str,
        max: usize,
        embed: impl Fn(&[I], TextOptions) -> Results + Send + 'static,
    ) -> std::io::Result<Self> {
        let (sender, mut jobs) = mpsc::channel(WAITING);
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            let mut left = None;
            while let Some(first) = left.take().or_else(|| jobs.blocking_recv()) {
                let batch;
                (batch, left) = gather(first, max, &mut jobs);
                work(batch, &embed);
            }
        })?;
        Ok(Self(sender))
    }

    /// Embeds, after the jobs already in the queue.
    ///
    /// # Errors
    /// When too many jobs are waiting, or the model fails.
    pub async fn embed(&self, items: Vec<I>, options: TextOptions) -> Result<Results, ApiError> {
        let count = items.len();
        let (answer, answered) = oneshot::channel();
        self.0.try_send(Job { items, options, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                ApiError::new(ApiErrorKind::Busy, "Too many requests at once; try again")
            }
            mpsc::error::TrySendError::Closed(_) => failed(),
        })?;
        match answered.await {
            Ok(Ok(results)) if results.len() == count => Ok(results),
            Ok(Err(error)) => Err(error),
            Ok(Ok(_)) | Err(_) => Err(failed()),
        }
    }
}

fn failed() -> ApiError {
    ApiError::new(ApiErrorKind::Internal, "The model failed")
}

/// The first job with the waiting jobs that can be embedded together with it, and the next one that cannot.
fn gather<I>(first: Job<I>, max: usize, jobs: &mut mpsc::Receiver<Job<I>>) -> (Vec<Job<I>>, Option<Job<I>>) {
    let mut count = first.items.len();
    let mut batch = vec![first];
    while let Ok(job) = jobs.try_recv() {
        count += job.items.len();
        if count > max || batch.first().is_some_and(|first| first.options != job.options) {
            return (batch, Some(job));
        }
        batch.push(job);
    }
    (batch, None)
}

fn work<I>(mut batch: Vec<Job<I>>, embed: &impl Fn(&[I], TextOptions) -> Results) {
    // Clients that have disconnected need no result.
    batch.retain(|job| !job.answer.is_closed());
    let Some(options) = batch.first().map(|job| job.options) else { return };
    let (items, senders): (Vec<Vec<I>>, Vec<_>) = batch.into_iter().map(|job| (job.items, job.answer)).unzip();
    let counts: Vec<usize> = items.iter().map(Vec::len).collect();
    let items: Vec<I> = items.into_iter().flatten().collect();
    let results = catch_unwind(AssertUnwindSafe(|| embed(&items, options)));
    if results.is_err() {
        log::error!("the model panicked");
    }
    let mut results = results.map(Vec::into_iter);
    for (sender, count) in senders.into_iter().zip(counts) {
        let own = match &mut results {
            Ok(results) => Ok(results.take(count).collect()),
            Err(_) => Err(failed()),
        };
        // Fails only if the client has disconnected.
        let _sent = sender.send(own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc as channel;
    use vicinity_core::Embedding;
    use vicinity_models::TextTask;

    const QUERY: TextOptions = TextOptions::QUERY;

    fn number(n: usize) -> Result<TextEmbedding, TowerError> {
        Ok(TextEmbedding { embedding: Embedding::new(vec![1.0, n as f32])?, tokens: n })
    }

    fn tokens(results: Result<Results, ApiError>) -> Vec<usize> {
        results.expect("embedded").into_iter().map(|one| one.expect("embedded").tokens).collect()
    }

    /// A queue whose model waits for a signal before each batch, and reports what each one was.
    fn slow() -> (BatchQueue<usize>, channel::Sender<()>, channel::Receiver<(usize, TextOptions)>) {
        let (go, wait) = channel::channel();
        let (tell, told) = channel::channel();
        let queue = BatchQueue::start("test", 8, move |items: &[usize], options| {
            wait.recv().expect("a word");
            tell.send((items.len(), options)).expect("heard");
            items.iter().map(|n| number(*n)).collect()
        });
        (queue.expect("a thread"), go, told)
    }

    #[tokio::test]
    async fn those_who_wait_are_embedded_together_and_get_their_own() {
        let (queue, go, told) = slow();
        let ask = |items: Vec<usize>, options| queue.embed(items, options);
        let other = TextOptions { task: TextTask::Clustering, ..QUERY };
        let all = async {
            tokio::join!(
                ask(vec![1], QUERY),
                ask(vec![2, 3], QUERY),
                ask(vec![4], QUERY),
                ask(vec![5], other),
                ask(vec![6; 8], other)
            )
        };
        let free = async {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            (0..5).for_each(|_| go.send(()).expect("heard"));
        };
        let ((a, b, c, d, e), ()) = tokio::join!(all, free);
        assert_eq!([tokens(a), tokens(b), tokens(c), tokens(d)], [vec![1], vec![2, 3], vec![4], vec![5]]);
        assert_eq!(tokens(e), [6; 8]);
        let batches: Vec<_> = told.try_iter().collect();
        assert!(batches.iter().all(|(count, _)| *count <= 8));
        assert!(batches.contains(&(3, QUERY)) || batches.contains(&(4, QUERY)), "{batches:?}");
        assert!(batches.contains(&(1, other)) && batches.contains(&(8, other)), "{batches:?}");
    }

    #[tokio::test]
    async fn a_full_queue_says_so_and_who_has_gone_costs_nothing() {
        let (queue, go, told) = slow();
        let moment = || tokio::time::sleep(std::time::Duration::from_millis(100));
        let mut first = Box::pin(queue.embed(vec![0], QUERY));
        tokio::select! { biased;
            _ = &mut first => panic!("nothing was let go"),
            () = moment() => {}
        }
        let mut waiting: Vec<_> = (0..WAITING + 8).map(|n| Box::pin(queue.embed(vec![n], QUERY))).collect();
        let mut refused = 0;
        for ask in &mut waiting {
            tokio::select! { biased;
                result = ask => { assert!(result.is_err()); refused += 1; }
                () = tokio::task::yield_now() => {}
            }
        }
        assert_eq!(refused, 8);
        drop((first, waiting));
        (0..WAITING).for_each(|_| go.send(()).expect("heard"));
        let last = loop {
            match queue.embed(vec![7], QUERY).await {
                // until the thread has seen that nobody waits
                Err(_full) => moment().await,
                found => break tokens(found),
            }
        };
        assert_eq!(last, [7]);
        assert_eq!(told.try_iter().count(), 2, "those who had gone were left out");
    }

    #[tokio::test]
    async fn a_panic_ends_one_batch() {
        let queue = BatchQueue::start("test", 8, |items: &[usize], _| {
            assert!(!items.contains(&13), "as told");
            items.iter().map(|n| number(*n)).collect()
        });
        let queue = queue.expect("a thread");
        assert!(queue.embed(vec![13], QUERY).await.is_err());
        assert_eq!(tokens(queue.embed(vec![1], QUERY).await), [1]);
    }
}
