//! The hub's HTTP interface: what a file is (HEAD), and its bytes from any offset (GET with a range).
//!
//! `{endpoint}/{repo}/resolve/{revision}/{file}` answers with the commit, the length and the hash in its headers and
//! redirects large files to another host. The token is sent to the endpoint only.

use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, RANGE, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url};

use super::checksum::ExpectedHash;
use super::error::{ModelError, ResponseProblem};
use crate::http::{HttpClient, HttpError, HttpOptions, Timeout, host};
use vicinity_core::NetworkLedger;

/// Where models are downloaded from unless `HF_ENDPOINT` says otherwise.
pub const ENDPOINT: &str = "https://huggingface.co";
/// What the network log says.
pub const PURPOSE: &str = "downloading models";
const USER_AGENT: &str = concat!("vicinity/", env!("CARGO_PKG_VERSION"));

/// What the hub reports about a file.
#[derive(Debug, Clone)]
pub struct FileMetadata {
    /// The commit that the revision stands for.
    pub commit: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Hash that the content must have.
    pub expected: ExpectedHash,
}

/// A file of a repository at a revision.
#[derive(Debug, Clone, Copy)]
pub struct FileRef<'a> {
    /// `owner/name`.
    pub repo: &'a str,
    /// A commit, or a name that stands for one.
    pub revision: &'a str,
    /// Path of the file.
    pub path: &'a str,
}

/// A connection to the hub. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    http: HttpClient,
    token: Option<String>,
}

impl Hub {
    /// Makes a client; contacts nobody. `read_timeout` ends a silent connection.
    pub fn new(
        endpoint: &str,
        token: Option<String>,
        read_timeout: Duration,
        network_log: NetworkLedger,
    ) -> Result<Self, ModelError> {
        let options = HttpOptions { user_agent: USER_AGENT, timeout: Timeout::Read(read_timeout), purpose: PURPOSE };
        let http = HttpClient::new(endpoint, options, network_log).map_err(|error| match error {
            HttpError::InvalidUrl { reason } => ModelError::Endpoint { endpoint: endpoint.to_owned(), reason },
            other => other.into(),
        })?;
        Ok(Self { http, token })
    }

    /// Requests the metadata of a file.
    pub async fn metadata(&self, file: FileRef<'_>) -> Result<FileMetadata, ModelError> {
        let url = self.url(file)?;
        let mut commit = None;
        let mut linked = None;
        let response = self
            .send(Method::HEAD, url, None, |headers| {
                commit = commit.take().or_else(|| text(headers, "x-repo-commit").map(str::to_owned));
                linked = linked.take().or_else(|| described(headers, "x-linked-size", "x-linked-etag"));
                commit.is_some() && linked.is_some()
            })
            .await?;
        let host = host(response.url());
        if !response.status().is_redirection() {
            check(&response, file)?;
        }
        let plain = || described(response.headers(), CONTENT_LENGTH.as_str(), ETAG.as_str());
        let incomplete = |problem| ModelError::Response { host: host.clone(), problem };
        let Some((bytes, expected)) = linked.or_else(plain) else {
            return Err(incomplete(ResponseProblem::NoHash { file: file.path.to_owned() }));
        };
        let commit = commit.filter(|c| is_commit(c)).or_else(|| is_commit(file.revision).then(|| file.revision.into()));
        let Some(commit) = commit else {
            return Err(incomplete(ResponseProblem::NoCommit { revision: file.revision.to_owned() }));
        };
        Ok(FileMetadata { commit, bytes, expected })
    }

    /// Requests the bytes of a file from offset `from`. Returns the response and the offset at which it begins: `from`, or 0
    /// if the server has no ranges. `None` if there is nothing from there on.
    pub async fn open(&self, file: FileRef<'_>, from: u64) -> Result<Option<(Response, u64)>, ModelError> {
        let range = (from > 0).then(|| format!("bytes={from}-"));
        let response = self.send(Method::GET, self.url(file)?, range, |_| false).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if begins_at(response.headers()) == Some(from) => Ok(Some((response, from))),
            StatusCode::PARTIAL_CONTENT => {
                Err(ModelError::Response { host: host(response.url()), problem: ResponseProblem::WrongRange })
            }
            StatusCode::RANGE_NOT_SATISFIABLE => Ok(None),
            _ => {
                check(&response, file)?;
                Ok(Some((response, 0)))
            }
        }
    }

    /// The next bytes of a response.
    pub async fn next_chunk(&self, response: &mut Response) -> Result<Option<Vec<u8>>, ModelError> {
        Ok(self.http.next_chunk(response).await?)
    }

    async fn send(
        &self,
        method: Method,
        url: Url,
        range: Option<String>,
        headers_suffice: impl FnMut(&HeaderMap) -> bool,
    ) -> Result<Response, ModelError> {
        let add_headers = |url: &Url, request: reqwest::RequestBuilder| {
            let request = match self.token.as_ref().filter(|_| self.http.is_trusted(url)) {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            match &range {
                Some(range) => request.header(RANGE, range),
                None => request,
            }
        };
        Ok(self.http.send(method, url, add_headers, headers_suffice).await?)
    }

    fn url(&self, file: FileRef<'_>) -> Result<Url, ModelError> {
        let mut url = self.http.base_url().clone();
        let endpoint = url.to_string();
        let cannot = || ModelError::Endpoint { endpoint, reason: "it cannot have a path".to_owned() };
        url.path_segments_mut()
            .map_err(|()| cannot())?
            .pop_if_empty()
            .extend(file.repo.split('/'))
            .push("resolve")
            .push(file.revision)
            .extend(file.path.split('/'));
        Ok(url)
    }
}

fn check(response: &Response, file: FileRef<'_>) -> Result<(), ModelError> {
    let (host, status) = (host(response.url()), response.status().as_u16());
    let repo = format!("{} at {}", file.repo, file.revision);
    match status {
        200..=299 => Ok(()),
        401 | 403 => Err(ModelError::Refused { host, repo, status }),
        404 | 410 => Err(ModelError::Missing { host, repo, file: file.path.to_owned() }),
        _ => {
            let retry_after = text(response.headers(), RETRY_AFTER.as_str()).and_then(|seconds| seconds.parse().ok());
            Err(ModelError::Status { host, status, retry_after })
        }
    }
}

fn described(headers: &HeaderMap, size: &str, tag: &str) -> Option<(u64, ExpectedHash)> {
    Some((text(headers, size)?.parse().ok()?, ExpectedHash::from_tag(text(headers, tag)?)?))
}

/// Offset of a partial response, from `bytes 100-199/200`.
fn begins_at(headers: &HeaderMap) -> Option<u64> {
    text(headers, CONTENT_RANGE.as_str())?.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether a revision is a commit, not a name that stands for one.
pub fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit())
}
