//! Sends requests politely: spaced out, a few at a time, repeated after a wait where that can help.
//!
//! Repeated are 408, 429, 5xx, and connections that fail or break; no other 4xx. `Retry-After` and `RetryInfo` hold
//! every request to the service, not just the one that was told. Redirects are not followed: a key goes to one host.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode};
use tokio::sync::Semaphore;

use super::limits::{RateLimiter, RetryPolicy};
use super::{Key, RemoteError, error_response};
use vicinity_core::NetworkLedger;

/// What the ledger says.
const PURPOSE: &str = "embedding";

/// Bytes of an error answer that are read.
const MOST_OF_ERROR: usize = 64 << 10;
/// Time to reach a service.
const CONNECT: Duration = Duration::from_secs(15);

/// What was sent and spent so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the items, as the service counts them.
    pub prompt_tokens: u64,
    /// All tokens that the service counts.
    pub total_tokens: u64,
    /// Requests sent, repeated ones among them.
    pub requests: u64,
    /// Requests that were sent again.
    pub repeated: u64,
}

#[derive(Default)]
struct Counters {
    prompt: AtomicU64,
    total: AtomicU64,
    requests: AtomicU64,
    repeated: AtomicU64,
}

/// One service, as one user.
pub(super) struct Client {
    http: reqwest::Client,
    host: String,
    key: Option<(Key, HeaderName, HeaderValue)>,
    permits: Semaphore,
    rate_limiter: RateLimiter,
    retry_policy: RetryPolicy,
    counters: Counters,
    network_log: NetworkLedger,
}

/// Why one attempt gave nothing.
enum Failure {
    /// Another one would give nothing either.
    Lasting(RemoteError),
    /// Another one may help, after a wait of this long where the service asks for one.
    Passing(RemoteError, Option<Duration>),
}

impl Client {
    /// A client of `host`. `local`: it is this machine, so that no proxy stands in between.
    pub fn new(
        host: String,
        local: bool,
        key: Option<(Key, HeaderName, HeaderValue)>,
        parallel: usize,
        rate_limiter: RateLimiter,
        retry_policy: RetryPolicy,
        network_log: NetworkLedger,
    ) -> Result<Self, RemoteError> {
        // May be there already, which is as good.
        let _there = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .user_agent(concat!("vicinity/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(retry_policy.timeout);
        let builder = if local { builder.no_proxy() } else { builder };
        let http = builder
            .build()
            .map_err(|error| RemoteError::Setup(format!("could not create connections: {}", chain(&error))))?;
        let (permits, counters) = (Semaphore::new(parallel), Counters::default());
        Ok(Self { http, host, key, permits, rate_limiter, retry_policy, counters, network_log })
    }

    /// The service's name in sentences.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What was sent and spent so far.
    pub fn usage(&self) -> Usage {
        let Counters { prompt, total, requests, repeated } = &self.counters;
        let [prompt_tokens, total_tokens, requests, repeated] =
            [prompt, total, requests, repeated].map(|counter| counter.load(Ordering::Relaxed));
        Usage { prompt_tokens, total_tokens, requests, repeated }
    }

    /// Counts what an answer cost.
    pub fn spend(&self, [prompt, total]: [u64; 2]) {
        self.counters.prompt.fetch_add(prompt, Ordering::Relaxed);
        self.counters.total.fetch_add(total, Ordering::Relaxed);
    }

    /// Waits as after failed attempt number `attempt`.
    pub async fn back_off(&self, attempt: u32) {
        self.counters.repeated.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.retry_policy.back_off(attempt)).await;
    }

    /// Sends what `build` makes until there is an answer with status 200, of at most `most` bytes.
    pub async fn send(
        &self,
        build: impl Fn(&reqwest::Client) -> RequestBuilder,
        most: usize,
    ) -> Result<Vec<u8>, RemoteError> {
        let mut attempt = 0;
        loop {
            let (error, asked) = match self.attempt(&build, most).await {
                Ok(body) => return Ok(body),
                Err(Failure::Lasting(error)) => return Err(error),
                Err(Failure::Passing(error, asked)) => (error, asked),
            };
            if let Some(wait) = asked.filter(|wait| *wait > self.retry_policy.max_retry_after) {
                let reason = format!("it asks to retry in {} minutes", wait.as_secs().div_ceil(60));
                return Err(RemoteError::Busy { host: self.host.clone(), reason });
            }
            if attempt == self.retry_policy.retries {
                return Err(error);
            }
            log::warn!("{error}; retrying");
            if let Some(wait) = asked {
                self.rate_limiter.hold(wait);
            }
            self.back_off(attempt).await;
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        build: &impl Fn(&reqwest::Client) -> RequestBuilder,
        most: usize,
    ) -> Result<Vec<u8>, Failure> {
        // The semaphore is never closed; without a permit the request goes all the same.
        let _permit = self.permits.acquire().await;
        self.rate_limiter.turn().await;
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let mut request = build(&self.http);
        if let Some((_, name, value)) = &self.key {
            request = request.header(name, value);
        }
        let request = request.build().map_err(|error| self.broken(&error))?;
        self.network_log.note_sent(&self.host, PURPOSE, length(&request));
        let mut response = self.http.execute(request).await.map_err(|error| self.broken(&error))?;
        let status = response.status();
        if status.is_success() {
            return self.body(&mut response, most).await;
        }
        let headers = response.headers().clone();
        let body = self.beginning(&mut response).await;
        Err(self.refused(status, &headers, &body))
    }

    async fn body(&self, response: &mut Response, most: usize) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(&error))? {
            if body.len() + chunk.len() > most {
                let reason = format!("it is larger than {} kB", most.div_ceil(1000));
                return Err(Failure::Lasting(RemoteError::Answer { host: self.host.clone(), reason }));
            }
            self.network_log.note(&self.host, PURPOSE, 0, chunk.len() as u64);
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// As much of an error's body as is wanted, and as comes.
    async fn beginning(&self, response: &mut Response) -> Vec<u8> {
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() >= MOST_OF_ERROR {
                body.truncate(MOST_OF_ERROR);
                break;
            }
        }
        body
    }

    fn broken(&self, error: &reqwest::Error) -> Failure {
        let host = self.host.clone();
        if error.is_builder() {
            return Failure::Lasting(RemoteError::Setup(self.scrub(&chain(error))));
        }
        let reason = match error.is_timeout() {
            true => format!("no answer within {:?}", self.retry_policy.timeout),
            false => self.scrub(&chain(error)),
        };
        Failure::Passing(RemoteError::Unreachable { host, reason }, None)
    }

    fn refused(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        let said = error_response::read(headers, body);
        let (host, number, reason) = (self.host.clone(), status.as_u16(), self.scrub(&said.reason));
        let lasting = match number {
            401 | 403 => RemoteError::Key { host, status: number },
            _ if said.key => RemoteError::Key { host, status: number },
            402 => RemoteError::Busy { host, reason },
            404 | 410 => RemoteError::Missing { host, reason },
            429 => return Failure::Passing(RemoteError::Busy { host, reason }, said.wait),
            408 | 500.. => {
                let reason = format!("it answered {number}: {reason}");
                return Failure::Passing(RemoteError::Unreachable { host, reason }, said.wait);
            }
            300..=399 => RemoteError::Setup(format!("{host} redirects elsewhere ({number}); use its final address")),
            _ => RemoteError::Refused { host, status: number, reason },
        };
        Failure::Lasting(lasting)
    }

    /// Without the key, should someone have sent it back.
    fn scrub(&self, text: &str) -> String {
        self.key.as_ref().map_or_else(|| text.to_owned(), |(key, ..)| key.scrub(text))
    }
}

/// Bytes of a request's body; 0 where that is not known beforehand.
fn length(request: &reqwest::Request) -> u64 {
    let said = || request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
    let body = request.body().and_then(reqwest::Body::as_bytes);
    body.map(|bytes| bytes.len() as u64).or_else(said).unwrap_or(0)
}

/// An error and its causes, without the address.
fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        cause = error.source();
    }
    if text.is_empty() { "the connection failed".to_owned() } else { text }
}
