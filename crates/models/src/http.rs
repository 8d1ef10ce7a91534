//! Questions over plain HTTP: a client as all of these are set up, and redirects followed one by one, so that every host is
//! noted in the ledger and what is meant for one host goes to no other.

use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, HeaderMap, LOCATION};
use reqwest::{Client, Method, RequestBuilder, Response, Url, redirect};
use thiserror::Error;

use vicinity_core::NetworkLedger;

/// The most redirects of one request; the hub needs one, a mirror two, a release of the program two.
const MAX_HOPS: usize = 5;
const CONNECT: Duration = Duration::from_secs(15);

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum HttpError {
    /// No connection, or a broken one.
    #[error("could not reach {host} ({reason})")]
    Network {
        /// Who was asked.
        host: String,
        /// The library's reason.
        reason: String,
    },
    /// An answer that cannot be followed.
    #[error("{host} {what}")]
    Answer {
        /// Who was asked.
        host: String,
        /// What it did.
        what: String,
    },
}

/// One place to ask, for one purpose. Cheap to clone.
#[derive(Clone)]
pub struct HttpClient {
    client: Client,
    start: Url,
    purpose: &'static str,
    network_log: NetworkLedger,
}

impl HttpClient {
    /// Prepares; contacts nobody. `patience` is how long a silent connection is waited for, `agent` what servers are told
    /// of who asks. Proxies are those of the system, but none stands before this machine.
    ///
    /// # Errors
    /// A part of a sentence, where `start` is no address or the system allows no connections.
    pub fn new(
        start: &str,
        agent: &str,
        patience: Duration,
        purpose: &'static str,
        network_log: NetworkLedger,
    ) -> Result<Self, String> {
        let start = Url::parse(start).map_err(|error| error.to_string())?;
        if !matches!(start.scheme(), "http" | "https") || start.host().is_none() {
            return Err("only http and https are supported".to_owned());
        }
        // a second provider, or a second call, is no trouble: the first one stays
        let _first_stays = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(agent)
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(patience);
        let client = if is_loopback(&start) { client.no_proxy() } else { client };
        let client = client.build().map_err(|error| reason(&error))?;
        Ok(Self { client, start, purpose, network_log })
    }

    /// The address that was given.
    pub fn start(&self) -> &Url {
        &self.start
    }

    /// Whether what is meant for the place may be sent to `url`: to it alone, and never readable on the way.
    pub fn is_trusted(&self, url: &Url) -> bool {
        url.origin() == self.start.origin() && (url.scheme() == "https" || is_loopback(url))
    }

    /// Sends, and follows redirects until `enough` is content with the headers of one. `dress` adds to each request.
    ///
    /// # Errors
    /// Where there is no answer, or it leads nowhere.
    pub async fn send(
        &self,
        method: Method,
        mut url: Url,
        dress: impl Fn(&Url, RequestBuilder) -> RequestBuilder,
        mut enough: impl FnMut(&HeaderMap) -> bool,
    ) -> Result<Response, HttpError> {
        for _ in 0..=MAX_HOPS {
            let request = self.client.request(method.clone(), url.clone()).header(ACCEPT_ENCODING, "identity");
            self.network_log.note(&host(&url), self.purpose, 1, 0);
            let answer = dress(&url, request).send().await;
            let answer = answer.map_err(|e| HttpError::Network { host: host(&url), reason: reason(&e) })?;
            if enough(answer.headers()) || !answer.status().is_redirection() {
                return Ok(answer);
            }
            url = self.next(&url, answer.headers())?;
        }
        Err(HttpError::Answer { host: host(&url), what: "redirects in a loop".to_owned() })
    }

    fn next(&self, url: &Url, headers: &HeaderMap) -> Result<Url, HttpError> {
        let wrong = |what: &str| HttpError::Answer { host: host(url), what: what.to_owned() };
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let next = url.join(location.ok_or_else(|| wrong("redirects to nowhere"))?);
        let next = next.map_err(|_| wrong("redirects to an invalid address"))?;
        match (self.start.scheme(), next.scheme()) {
            (_, "https") | ("http", "http") => Ok(next),
            _ => Err(wrong("redirects to an address that is not encrypted")),
        }
    }

    /// The next bytes of an answer, noted in the ledger.
    ///
    /// # Errors
    /// Where the connection breaks.
    pub async fn more(&self, answer: &mut Response) -> Result<Option<Vec<u8>>, HttpError> {
        let host = host(answer.url());
        let chunk = answer.chunk().await;
        let cut = |e: &reqwest::Error| match e.is_timeout() {
            true => reason(e),
            false => format!("the connection was lost ({})", reason(e)),
        };
        let chunk = chunk.map_err(|e| HttpError::Network { host: host.clone(), reason: cut(&e) })?;
        Ok(chunk.map(|bytes| {
            self.network_log.note(&host, self.purpose, 0, bytes.len() as u64);
            Vec::from(bytes)
        }))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str().map(|host| host.trim_matches(['[', ']'])) {
        Some("localhost") => true,
        Some(host) => host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

/// The host of an address, with its port where that is not the usual one.
pub fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or("?");
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

/// The innermost reason: what the system says, without addresses.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
