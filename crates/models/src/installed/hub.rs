//! The hub's plain HTTP: what a file is (HEAD), and its bytes from any place on (GET with a range).
//!
//! `{endpoint}/{repo}/resolve/{revision}/{file}` answers with the commit, the length and the hash in its headers and
//! redirects large files to another host. The token goes to the endpoint alone.

use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, RANGE, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url};

use super::checksum::ExpectedHash;
use super::error::ModelError;
use crate::http::{HttpClient, host};
use vicinity_core::NetworkLedger;

/// Where models come from unless `HF_ENDPOINT` says otherwise.
pub const ENDPOINT: &str = "https://huggingface.co";
/// What the ledger says.
pub const PURPOSE: &str = "downloading models";

/// What the hub says about a file.
#[derive(Debug, Clone)]
pub struct FileMetadata {
    /// The commit that the revision stands for.
    pub commit: String,
    /// Length.
    pub bytes: u64,
    /// Hash.
    pub expected: ExpectedHash,
}

/// A file of a repository at a revision.
#[derive(Debug, Clone, Copy)]
pub struct FileRef<'a> {
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
    web: HttpClient,
    token: Option<String>,
}

impl Hub {
    /// Prepares; contacts nobody. `patience` is how long a silent connection is waited for.
    pub fn new(
        endpoint: &str,
        token: Option<String>,
        patience: Duration,
        network_log: NetworkLedger,
    ) -> Result<Self, ModelError> {
        let agent = concat!("vicinity/", env!("CARGO_PKG_VERSION"));
        let web = HttpClient::new(endpoint, agent, patience, PURPOSE, network_log);
        let web = web.map_err(|reason| ModelError::Endpoint { endpoint: endpoint.to_owned(), reason })?;
        Ok(Self { web, token })
    }

    /// Asks what a file is.
    pub async fn metadata(&self, place: FileRef<'_>) -> Result<FileMetadata, ModelError> {
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
        Ok(FileMetadata { commit, bytes, expected })
    }

    /// Asks for the bytes of a file from `from` on, and says where the answer begins: there, or at 0 where the server
    /// knows no ranges. `None` where it has nothing from there on.
    pub async fn open(&self, place: FileRef<'_>, from: u64) -> Result<Option<(Response, u64)>, ModelError> {
        let range = (from > 0).then(|| format!("bytes={from}-"));
        let answer = self.send(Method::GET, self.url(place)?, range, |_| false).await?;
        match answer.status() {
            StatusCode::PARTIAL_CONTENT if begins_at(answer.headers()) == Some(from) => Ok(Some((answer, from))),
            StatusCode::PARTIAL_CONTENT => {
                let what = "returned a different part of the file than requested".to_owned();
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
        Ok(self.web.more(answer).await?)
    }

    async fn send(
        &self,
        method: Method,
        url: Url,
        range: Option<String>,
        enough: impl FnMut(&HeaderMap) -> bool,
    ) -> Result<Response, ModelError> {
        let dress = |url: &Url, request: reqwest::RequestBuilder| {
            let request = match self.token.as_ref().filter(|_| self.web.is_trusted(url)) {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            match &range {
                Some(range) => request.header(RANGE, range),
                None => request,
            }
        };
        Ok(self.web.send(method, url, dress, enough).await?)
    }

    fn url(&self, place: FileRef<'_>) -> Result<Url, ModelError> {
        let mut url = self.web.start().clone();
        let endpoint = url.to_string();
        let cannot = || ModelError::Endpoint { endpoint, reason: "it has no path".to_owned() };
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

fn check(answer: &Response, place: FileRef<'_>) -> Result<(), ModelError> {
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

fn described(headers: &HeaderMap, size: &str, tag: &str) -> Option<(u64, ExpectedHash)> {
    Some((text(headers, size)?.parse().ok()?, ExpectedHash::from_tag(text(headers, tag)?)?))
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
