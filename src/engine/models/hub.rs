//! The hub's plain HTTP: what a file is (HEAD), and its bytes from any place on (GET with a range).
//!
//! `{endpoint}/{repo}/resolve/{revision}/{file}` answers with the commit, the length and the hash in its headers and
//! redirects large files to another host. Redirects are followed here, one by one, so that the token goes to the
//! endpoint alone and every host is noted in the ledger.

use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, LOCATION, RANGE, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode, Url, redirect};

use super::digest::Expected;
use super::error::ModelError;
use crate::domain::Ledger;

/// Where models come from unless `HF_ENDPOINT` says otherwise.
pub const ENDPOINT: &str = "https://huggingface.co";
/// What the ledger says.
pub const PURPOSE: &str = "getting models";
/// The most redirects of one request; the hub needs one, a mirror two.
const MAX_HOPS: usize = 5;
const CONNECT: Duration = Duration::from_secs(15);

/// What the hub says about a file.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The commit that the revision stands for.
    pub commit: String,
    /// Length.
    pub bytes: u64,
    /// Hash.
    pub expected: Expected,
}

/// A file of a repository at a revision.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// `owner/name`.
    pub repo: &'a str,
    /// A commit or a name for one.
    pub revision: &'a str,
    /// Path of the file.
    pub file: &'a str,
}

/// A connection to the hub. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    client: Client,
    endpoint: Url,
    token: Option<String>,
    ledger: Ledger,
}

impl Hub {
    /// Prepares; contacts nobody. `patience` is how long a silent connection is waited for.
    pub fn new(endpoint: &str, token: Option<String>, patience: Duration, ledger: Ledger) -> Result<Self, ModelError> {
        let wrong = |reason: String| ModelError::Endpoint { endpoint: endpoint.to_owned(), reason };
        let endpoint_url = Url::parse(endpoint).map_err(|error| wrong(error.to_string()))?;
        if !matches!(endpoint_url.scheme(), "http" | "https") || endpoint_url.host().is_none() {
            return Err(wrong("only http and https will do".to_owned()));
        }
        // a second provider, or a second call, is no trouble: the first one stays
        let _first_stays = rustls::crypto::ring::default_provider().install_default();
        let mut client = Client::builder()
            .user_agent(concat!("vicinity/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(patience);
        if is_loopback(&endpoint_url) {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| wrong(reason(&error)))?;
        Ok(Self { client, endpoint: endpoint_url, token, ledger })
    }

    /// Asks what a file is.
    pub async fn facts(&self, place: Place<'_>) -> Result<Facts, ModelError> {
        let url = self.url(place)?;
        let mut commit = None;
        let mut linked = None;
        let answer = self
            .send(Method::HEAD, url, None, |headers| {
                commit = commit.take().or_else(|| text(headers, "x-repo-commit").map(str::to_owned));
                linked = linked.take().or_else(|| described(headers, "x-linked-size", "x-linked-etag"));
                commit.is_some() && linked.is_some()
            })
            .await?;
        let host = host(answer.url());
        if !answer.status().is_redirection() {
            check(&answer, place)?;
        }
        let plain = || described(answer.headers(), CONTENT_LENGTH.as_str(), ETAG.as_str());
        let incomplete = |what: &str| ModelError::Answer { host: host.clone(), what: what.to_owned() };
        let Some((bytes, expected)) = linked.or_else(plain) else {
            return Err(incomplete(&format!("names no length or no hash of {}", place.file)));
        };
        let commit =
            commit.filter(|c| is_commit(c)).or_else(|| is_commit(place.revision).then(|| place.revision.into()));
        let Some(commit) = commit else {
            return Err(incomplete(&format!("names no commit for {}", place.revision)));
        };
        Ok(Facts { commit, bytes, expected })
    }

    /// Asks for the bytes of a file from `from` on, and says where the answer begins: there, or at 0 where the server
    /// knows no ranges. `None` where it has nothing from there on.
    pub async fn open(&self, place: Place<'_>, from: u64) -> Result<Option<(Response, u64)>, ModelError> {
        let range = (from > 0).then(|| format!("bytes={from}-"));
        let answer = self.send(Method::GET, self.url(place)?, range, |_| false).await?;
        match answer.status() {
            StatusCode::PARTIAL_CONTENT if begins_at(answer.headers()) == Some(from) => Ok(Some((answer, from))),
            StatusCode::PARTIAL_CONTENT => {
                let what = "answered with another part of the file than was asked for".to_owned();
                Err(ModelError::Answer { host: host(answer.url()), what })
            }
            StatusCode::RANGE_NOT_SATISFIABLE => Ok(None),
            _ => {
                check(&answer, place)?;
                Ok(Some((answer, 0)))
            }
        }
    }

    /// The next bytes of an answer, noted in the ledger.
    pub async fn more(&self, answer: &mut Response) -> Result<Option<Vec<u8>>, ModelError> {
        let host = host(answer.url());
        let chunk = answer.chunk().await;
        let cut = |e: &reqwest::Error| match e.is_timeout() {
            true => reason(e),
            false => format!("the connection was cut ({})", reason(e)),
        };
        let chunk = chunk.map_err(|e| ModelError::Network { host: host.clone(), reason: cut(&e) })?;
        Ok(chunk.map(|bytes| {
            self.ledger.note(&host, PURPOSE, 0, bytes.len() as u64);
            Vec::from(bytes)
        }))
    }

    /// Sends, and follows redirects until `enough` is content with the headers of one.
    async fn send(
        &self,
        method: Method,
        mut url: Url,
        range: Option<String>,
        mut enough: impl FnMut(&HeaderMap) -> bool,
    ) -> Result<Response, ModelError> {
        for _ in 0..=MAX_HOPS {
            let mut request = self.client.request(method.clone(), url.clone()).header(ACCEPT_ENCODING, "identity");
            if let Some(token) = self.token.as_ref().filter(|_| self.is_trusted(&url)) {
                request = request.bearer_auth(token);
            }
            if let Some(range) = &range {
                request = request.header(RANGE, range);
            }
            self.ledger.note(&host(&url), PURPOSE, 1, 0);
            let answer = request.send().await;
            let answer = answer.map_err(|e| ModelError::Network { host: host(&url), reason: reason(&e) })?;
            if enough(answer.headers()) || !answer.status().is_redirection() {
                return Ok(answer);
            }
            url = self.next(&url, answer.headers())?;
        }
        Err(ModelError::Answer { host: host(&url), what: "sends from one address to another without end".to_owned() })
    }

    fn next(&self, url: &Url, headers: &HeaderMap) -> Result<Url, ModelError> {
        let wrong = |what: &str| ModelError::Answer { host: host(url), what: what.to_owned() };
        let location = text(headers, LOCATION.as_str()).ok_or_else(|| wrong("redirects to nowhere"))?;
        let next = url.join(location).map_err(|_| wrong("redirects to something that is no address"))?;
        match (self.endpoint.scheme(), next.scheme()) {
            (_, "https") | ("http", "http") => Ok(next),
            _ => Err(wrong("redirects to an address that is not encrypted")),
        }
    }

    /// Whether the token may be sent there: to the endpoint alone, and never readable on the way.
    fn is_trusted(&self, url: &Url) -> bool {
        url.origin() == self.endpoint.origin() && (url.scheme() == "https" || is_loopback(url))
    }

    fn url(&self, place: Place<'_>) -> Result<Url, ModelError> {
        let mut url = self.endpoint.clone();
        let cannot =
            || ModelError::Endpoint { endpoint: self.endpoint.to_string(), reason: "it has no path".to_owned() };
        url.path_segments_mut()
            .map_err(|()| cannot())?
            .pop_if_empty()
            .extend(place.repo.split('/'))
            .push("resolve")
            .push(place.revision)
            .extend(place.file.split('/'));
        Ok(url)
    }
}

fn check(answer: &Response, place: Place<'_>) -> Result<(), ModelError> {
    let (host, status) = (host(answer.url()), answer.status().as_u16());
    let repo = format!("{} at {}", place.repo, place.revision);
    match status {
        200..=299 => Ok(()),
        401 | 403 => Err(ModelError::Refused { host, repo, status }),
        404 | 410 => Err(ModelError::Missing { host, repo, file: place.file.to_owned() }),
        _ => {
            let after = text(answer.headers(), RETRY_AFTER.as_str()).and_then(|seconds| seconds.parse().ok());
            Err(ModelError::Status { host, status, after })
        }
    }
}

fn described(headers: &HeaderMap, size: &str, tag: &str) -> Option<(u64, Expected)> {
    Some((text(headers, size)?.parse().ok()?, Expected::from_tag(text(headers, tag)?)?))
}

/// First byte of a partial answer, from `bytes 100-199/200`.
fn begins_at(headers: &HeaderMap) -> Option<u64> {
    text(headers, CONTENT_RANGE.as_str())?.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether a revision is a commit and not a name for one.
pub fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str().map(|host| host.trim_matches(['[', ']'])) {
        Some("localhost") => true,
        Some(host) => host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

fn host(url: &Url) -> String {
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
