//! Sends requests to a service: rate-limited, a few in parallel, retried after a delay if that can help.
//!
//! Retried are 408, 429, 5xx, and connections that fail or break; no other 4xx. `Retry-After` and `RetryInfo` delay
//! every request to the service, not only the one that received them. Redirects are not followed: a key goes to one host.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, StatusCode};
use tokio::sync::Semaphore;

use super::error_response;
use super::key::Key;
use super::limits::{RateLimiter, RetryPolicy};
use crate::RemoteError;
use crate::http::{self, HttpClient, HttpError, HttpOptions, Timeout};
use vicinity_core::NetworkLedger;

/// What the network log says.
const PURPOSE: &str = "embedding";
const USER_AGENT: &str = concat!("vicinity/", env!("CARGO_PKG_VERSION"));
/// Bytes of an error response that are read.
const MAX_ERROR_BYTES: usize = 64 << 10;

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

/// A connection to one service, with one key.
pub(super) struct Client {
    http: HttpClient,
    host: String,
    key: Option<(Key, HeaderName, HeaderValue)>,
    permits: Semaphore,
    rate_limiter: RateLimiter,
    retry_policy: RetryPolicy,
    counters: Counters,
}

/// Why one attempt failed.
enum Failure {
    /// Another attempt would fail, too.
    Lasting(RemoteError),
    /// Another attempt may succeed, after a delay if the service asks for one.
    Passing(RemoteError, Option<Duration>),
}

impl Client {
    /// A client of the service at `base_url`; contacts nobody.
    pub fn new(
        base_url: &str,
        key: Option<(Key, HeaderName, HeaderValue)>,
        parallel: usize,
        rate_limiter: RateLimiter,
        retry_policy: RetryPolicy,
        network_log: NetworkLedger,
    ) -> Result<Self, RemoteError> {
        let timeout = Timeout::Total(retry_policy.timeout);
        let options = HttpOptions { user_agent: USER_AGENT, timeout, purpose: PURPOSE };
        let http =
            HttpClient::new(base_url, options, network_log).map_err(|error| RemoteError::Setup(error.to_string()))?;
        let (permits, counters) = (Semaphore::new(parallel), Counters::default());
        Ok(Self { host: http.host(), http, key, permits, rate_limiter, retry_policy, counters })
    }

    /// The host, for messages.
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

    /// Counts the tokens of a response.
    pub fn spend(&self, [prompt, total]: [u64; 2]) {
        self.counters.prompt.fetch_add(prompt, Ordering::Relaxed);
        self.counters.total.fetch_add(total, Ordering::Relaxed);
    }

    /// Waits as after failed attempt number `attempt`.
    pub async fn back_off(&self, attempt: u32) {
        self.counters.repeated.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.retry_policy.back_off(attempt)).await;
    }

    /// Sends what `build` makes until there is a response with status 200, of at most `most` bytes.
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
        let mut request = build(self.http.builder());
        if let Some((_, name, value)) = &self.key {
            request = request.header(name, value);
        }
        let invalid = |error: &reqwest::Error| RemoteError::Setup(self.scrub(&http::reason(error)));
        let request = request.build().map_err(|error| Failure::Lasting(invalid(&error)))?;
        let mut response = self.http.execute(request).await.map_err(|error| self.failure(error))?;
        if response.status().is_success() {
            return self.http.read_body(&mut response, most).await.map_err(|error| self.failure(error));
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self.http.read_start(&mut response, MAX_ERROR_BYTES).await;
        Err(self.refused(status, &headers, &body))
    }

    fn failure(&self, error: HttpError) -> Failure {
        let host = self.host.clone();
        let reason = match error {
            HttpError::TooLarge { limit, .. } => {
                let reason = format!("it is larger than {} kB", limit.div_ceil(1000));
                return Failure::Lasting(RemoteError::Answer { host, reason });
            }
            HttpError::Timeout { .. } => format!("no answer within {:?}", self.retry_policy.timeout),
            HttpError::Network { reason, .. } => self.scrub(&reason),
            other => self.scrub(&other.to_string()),
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
