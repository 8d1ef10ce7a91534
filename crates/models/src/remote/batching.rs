//! Embeds many items: cut into requests, sent in parallel, with results in order.
//!
//! A request that is refused is halved until the bad item is alone, so that its neighbours get their vectors. A
//! fault of the service (a wrong key, a spent quota, no connection) ends the whole call.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use tokio::task::JoinSet;

use super::client::Client;
use super::limits::RequestLimits;
use super::protocol::{Embedded, Input, Protocol};
use crate::{RemoteError, TextOptions};
use vicinity_core::Embedding;

/// How often an unusable response is requested again.
const ASK_AGAIN: u32 = 2;
/// Bytes of an answer that are allowed: for the frame, and for each item (3,072 numbers of at most 25 characters).
const ANSWER: [usize; 2] = [1 << 20, 80 << 10];
/// When all of this many items are refused, the service or its settings are at fault.
const ALL_REFUSED: usize = 8;

/// The result of each item.
pub(super) type Results = Vec<Result<Embedded, RemoteError>>;

/// A service, and how it is used.
pub(super) struct Batcher {
    /// Sends requests.
    pub client: Client,
    /// Formats requests and reads responses.
    pub protocol: Box<dyn Protocol>,
    /// Limits of texts, and of pictures.
    pub limits: [RequestLimits; 2],
    /// Dimensions of every vector, where known.
    dim: OnceLock<usize>,
}

impl Batcher {
    /// `dim`: dimensions of every vector, where known.
    pub fn new(client: Client, protocol: Box<dyn Protocol>, limits: [RequestLimits; 2], dim: Option<usize>) -> Self {
        Self { client, protocol, limits, dim: dim.map(OnceLock::from).unwrap_or_default() }
    }

    /// Fixes the number of dimensions of every vector from now on.
    pub fn fix_dim(&self, dim: usize) {
        // Only the first call counts.
        let _known = self.dim.set(dim);
    }
}

/// Results of a part of the items, and the error that ended the call, if any.
type Part = (Vec<(usize, Result<Embedded, RemoteError>)>, Option<RemoteError>);

/// Embeds all; one result per item, in order.
pub(super) async fn run(batcher: Arc<Batcher>, inputs: Arc<[Input]>, options: TextOptions) -> Results {
    let mut results: Vec<Option<Result<Embedded, RemoteError>>> = vec![None; inputs.len()];
    let mut parts = JoinSet::new();
    for range in requests(&inputs, &batcher.limits) {
        parts.spawn(part(Arc::clone(&batcher), Arc::clone(&inputs), range, options));
    }
    let mut end = None;
    while let Some(joined) = parts.join_next().await {
        let (items, fault) = joined.unwrap_or_else(|error| (Vec::new(), lost(&batcher, &error)));
        for (at, result) in items {
            if let Some(place) = results.get_mut(at) {
                *place = Some(result);
            }
        }
        if fault.is_some() && end.is_none() {
            end = fault;
            parts.abort_all();
        }
    }
    let end = end.unwrap_or(RemoteError::Cancelled);
    blame(&batcher, results.into_iter().map(|result| result.unwrap_or_else(|| Err(end.clone()))).collect())
}

/// A part that was aborted has nothing to report; one that failed is a defect of ours.
fn lost(batcher: &Batcher, error: &tokio::task::JoinError) -> Option<RemoteError> {
    let (host, reason) = (batcher.client.host().to_owned(), "reading it failed".to_owned());
    error.is_panic().then_some(RemoteError::Unreachable { host, reason })
}

/// Where every item of many was refused the fault is the service's or the set-up's.
fn blame(batcher: &Batcher, results: Results) -> Results {
    let refused = |result: &Result<Embedded, RemoteError>| result.as_ref().is_err_and(RemoteError::concerns_item);
    match results.first() {
        Some(Err(first)) if results.len() >= ALL_REFUSED && results.iter().all(refused) => {
            let all = format!("{} rejected all {} items: {first}", batcher.client.host(), results.len());
            results.iter().map(|_| Err(RemoteError::Setup(all.clone()))).collect()
        }
        _ => results,
    }
}

/// Cuts the items into requests that keep to the limits and hold one kind each.
fn requests(inputs: &[Input], limits: &[RequestLimits; 2]) -> Vec<Range<usize>> {
    let mut cuts: Vec<Range<usize>> = Vec::new();
    let mut bytes = 0;
    for (at, input) in inputs.iter().enumerate() {
        let limits = limits[usize::from(input.is_picture())];
        let more = input.json_bytes();
        match cuts.last_mut() {
            Some(range)
                if range.len() < limits.items
                    && bytes + more <= limits.bytes
                    && inputs.get(range.start).is_some_and(|first| first.goes_with(input)) =>
            {
                range.end = at + 1;
                bytes += more;
            }
            _ => {
                cuts.push(at..at + 1);
                bytes = more;
            }
        }
    }
    cuts
}

/// One request; halved where it is refused.
async fn part(batcher: Arc<Batcher>, inputs: Arc<[Input]>, whole: Range<usize>, options: TextOptions) -> Part {
    let mut to_do = vec![whole];
    let mut done = Vec::new();
    while let Some(range) = to_do.pop() {
        let batch = inputs.get(range.clone()).unwrap_or_default();
        match ask(&batcher, batch, options).await {
            Ok(results) => done.extend(range.zip(results)),
            Err(fault) if !fault.concerns_item() => return (done, Some(fault)),
            Err(fault) if batch.len() == 1 => done.push((range.start, Err(fault))),
            Err(_) => {
                let middle = range.start + range.len() / 2;
                to_do.push(middle..range.end);
                to_do.push(range.start..middle);
            }
        }
    }
    (done, None)
}

/// Asks until the answer can be used. An item may be at fault alone: its vector is not finite, or too short.
async fn ask(batcher: &Batcher, batch: &[Input], options: TextOptions) -> Result<Results, RemoteError> {
    for input in batch {
        batcher.protocol.check(input, options)?;
        let most = batcher.limits[usize::from(input.is_picture())].bytes;
        if input.json_bytes() > most {
            let reason = format!("it is larger than {} kB, the limit of the service", most / 1000);
            return Err(RemoteError::Refused { host: batcher.client.host().to_owned(), status: 413, reason });
        }
    }
    let mut attempt = 0;
    loop {
        let body = batcher
            .client
            .send(|http| batcher.protocol.request(http, batch, options), ANSWER[0] + ANSWER[1] * batch.len())
            .await?;
        let last = attempt == ASK_AGAIN;
        match vectors(batcher, &body, batch.len()) {
            Ok(results) if last || results.iter().all(Result::is_ok) => return Ok(results),
            Err(fault) if last => return Err(fault),
            Ok(_) | Err(_) => log::warn!("{} returned an invalid response; retrying", batcher.client.host()),
        }
        batcher.client.back_off(attempt).await;
        attempt += 1;
    }
}

/// Reads an answer to `wanted` items.
fn vectors(batcher: &Batcher, body: &[u8], wanted: usize) -> Result<Results, RemoteError> {
    let wrong = |reason: String| RemoteError::Answer { host: batcher.client.host().to_owned(), reason };
    let answer = batcher.protocol.answer(body).map_err(wrong)?;
    batcher.client.spend(answer.tokens.unwrap_or_default());
    if answer.vectors.len() != wanted {
        return Err(wrong(format!("it contains {} vectors for {wanted} items", answer.vectors.len())));
    }
    let tokens = answer.tokens.unwrap_or_default()[0] as usize;
    let share = |at: usize| tokens / wanted + usize::from(at < tokens % wanted);
    let embedded = |(at, values): (usize, Vec<f32>)| {
        if let Some(dim) = batcher.dim.get().filter(|dim| **dim != values.len()) {
            return Err(wrong(format!("a vector has {} dimensions instead of {dim}", values.len())));
        }
        let embedding = Embedding::new(values).map_err(|error| wrong(error.to_string()))?;
        Ok(Embedded { embedding, tokens: share(at) })
    };
    Ok(answer.vectors.into_iter().enumerate().map(embedded).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_keep_to_items_bytes_and_kinds() {
        let limits = [
            RequestLimits { items: 3, bytes: 2000, parallel: 1 },
            RequestLimits { items: 2, bytes: 100_000, parallel: 1 },
        ];
        let text = |n: usize| Input::Text("a".repeat(n));
        let picture = Input::Picture([1, 2, 3].into());
        let inputs = [text(1), text(1), text(1), text(1), text(1700), text(1700), picture.clone(), picture, text(9)];
        assert_eq!(requests(&inputs, &limits), [0..3, 3..4, 4..5, 5..6, 6..8, 8..9]);
        assert_eq!(requests(&[], &limits), Vec::<Range<usize>>::new());
    }
}
