//! The only place that makes HTTP clients: downloads, embedding services and the update check all use [`HttpClient`], so
//! TLS, proxies, timeouts, redirects and limits on response bodies are decided once, and every request and every received
//! byte is recorded in the network log.
//!
//! Redirects are followed one by one, and only by [`HttpClient::send`]: each host is recorded, and what is meant for one
//! host goes to no other.

use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HeaderMap, LOCATION};
use reqwest::{Client, Method, Request, RequestBuilder, Response, Url, redirect};
use thiserror::Error;

use vicinity_core::NetworkLedger;

/// The most redirects of one request: the hub needs one, a mirror two, a release of the program two.
const MAX_REDIRECTS: usize = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HttpError {
    /// The base URL cannot be used. The URL itself is not repeated: it may hold a secret.
    #[error("{reason}")]
    InvalidUrl {
        /// What is wrong with it.
        reason: String,
    },
    /// The system allows no connections at all.
    #[error("could not create connections: {reason}")]
    Client {
        /// The system's reason.
        reason: String,
    },
    /// No response within the timeout.
    #[error("could not reach {host} (no answer in time)")]
    Timeout {
        /// Host that was contacted.
        host: String,
    },
    /// No connection, or a broken one.
    #[error("could not reach {host} ({reason})")]
    Network {
        /// Host that was contacted.
        host: String,
        /// The system's reason, without addresses.
        reason: String,
    },
    /// A redirect that is not followed.
    #[error("{host} {problem}")]
    Redirect {
        /// Host that redirects.
        host: String,
        /// What is wrong with the redirect.
        problem: RedirectProblem,
    },
    /// A longer response than the caller allows.
    #[error("{host} sent more than {limit} bytes")]
    TooLarge {
        /// Host that responded.
        host: String,
        /// The limit.
        limit: usize,
    },
}

/// Why a redirect is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RedirectProblem {
    /// More than `MAX_REDIRECTS`.
    #[error("redirects in a loop")]
    TooMany,
    /// No `Location` header.
    #[error("redirects without an address")]
    NoLocation,
    /// A `Location` that is no URL.
    #[error("redirects to an invalid address")]
    InvalidLocation,
    /// From https to anything else.
    #[error("redirects to an address that is not encrypted")]
    NotEncrypted,
}

/// How long to wait for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeout {
    /// For the next bytes of a response: a large download may take hours.
    Read(Duration),
    /// For a whole request and its response.
    Total(Duration),
}

/// What a client is for.
#[derive(Debug, Clone, Copy)]
pub struct HttpOptions {
    /// The `User-Agent` header.
    pub user_agent: &'static str,
    /// How long to wait.
    pub timeout: Timeout,
    /// What the network log says requests are for.
    pub purpose: &'static str,
}

/// A client of one service, for one purpose. Cheap to clone.
#[derive(Clone)]
pub struct HttpClient {
    client: Client,
    base_url: Url,
    purpose: &'static str,
    network_log: NetworkLedger,
}

impl HttpClient {
    /// Makes a client; contacts nobody. Proxies are those of the system, except for this machine itself.
    ///
    /// # Errors
    /// When `base_url` is not an http or https URL, or the system allows no connections.
    pub fn new(base_url: &str, options: HttpOptions, network_log: NetworkLedger) -> Result<Self, HttpError> {
        let invalid = |reason: String| HttpError::InvalidUrl { reason };
        let base_url = Url::parse(base_url).map_err(|error| invalid(error.to_string()))?;
        if !matches!(base_url.scheme(), "http" | "https") || base_url.host().is_none() {
            return Err(invalid("only http and https are supported".to_owned()));
        }
        // An error means that a provider is installed already, which is as good.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder()
            .user_agent(options.user_agent)
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT);
        let builder = match options.timeout {
            Timeout::Read(timeout) => builder.read_timeout(timeout),
            Timeout::Total(timeout) => builder.timeout(timeout),
        };
        let builder = if is_loopback(&base_url) { builder.no_proxy() } else { builder };
        let client = builder.build().map_err(|error| HttpError::Client { reason: reason(&error) })?;
        Ok(Self { client, base_url, purpose: options.purpose, network_log })
    }

    /// The URL that was given.
    pub fn base_url(&self) -> &Url {
        &self.base_url
    }

    /// The host of [`Self::base_url`], as the network log names it.
    pub fn host(&self) -> String {
        host(&self.base_url)
    }

    /// Builds requests for [`Self::execute`], which records them; sending one directly would not.
    pub fn builder(&self) -> &Client {
        &self.client
    }

    /// Whether secrets of the service may be sent to `url`: only to its own origin, and never readable on the way.
    pub fn is_trusted(&self, url: &Url) -> bool {
        url.origin() == self.base_url.origin() && (url.scheme() == "https" || is_loopback(url))
    }

    /// Sends one request and records it. Redirects are returned, not followed.
    ///
    /// # Errors
    /// When there is no response.
    pub async fn execute(&self, request: Request) -> Result<Response, HttpError> {
        let host = host(request.url());
        self.network_log.note_sent(&host, self.purpose, body_len(&request));
        self.client.execute(request).await.map_err(|error| failure(host, &error))
    }

    /// Sends a request without a body and follows redirects until `headers_suffice` is true for the headers of one.
    /// `add_headers` is called for each request, with its URL.
    ///
    /// # Errors
    /// When there is no response, or a redirect that is not followed.
    pub async fn send(
        &self,
        method: Method,
        mut url: Url,
        add_headers: impl Fn(&Url, RequestBuilder) -> RequestBuilder,
        mut headers_suffice: impl FnMut(&HeaderMap) -> bool,
    ) -> Result<Response, HttpError> {
        for _ in 0..=MAX_REDIRECTS {
            let request = self.client.request(method.clone(), url.clone()).header(ACCEPT_ENCODING, "identity");
            let request = add_headers(&url, request).build().map_err(|error| failure(host(&url), &error))?;
            let response = self.execute(request).await?;
            if headers_suffice(response.headers()) || !response.status().is_redirection() {
                return Ok(response);
            }
            url = self.redirect_target(&url, response.headers())?;
        }
        Err(HttpError::Redirect { host: host(&url), problem: RedirectProblem::TooMany })
    }

    fn redirect_target(&self, url: &Url, headers: &HeaderMap) -> Result<Url, HttpError> {
        let refuse = |problem| HttpError::Redirect { host: host(url), problem };
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let target = url.join(location.ok_or_else(|| refuse(RedirectProblem::NoLocation))?);
        let target = target.map_err(|_| refuse(RedirectProblem::InvalidLocation))?;
        match (self.base_url.scheme(), target.scheme()) {
            (_, "https") | ("http", "http") => Ok(target),
            _ => Err(refuse(RedirectProblem::NotEncrypted)),
        }
    }

    /// The next bytes of a response, recorded in the network log; `None` at its end.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn next_chunk(&self, response: &mut Response) -> Result<Option<Vec<u8>>, HttpError> {
        let host = host(response.url());
        let chunk = response.chunk().await.map_err(|error| match failure(host.clone(), &error) {
            HttpError::Network { host, reason } => {
                HttpError::Network { host, reason: format!("the connection was lost ({reason})") }
            }
            other => other,
        })?;
        Ok(chunk.map(|bytes| {
            self.network_log.note(&host, self.purpose, 0, bytes.len() as u64);
            Vec::from(bytes)
        }))
    }

    /// The whole body of a response, of at most `limit` bytes.
    ///
    /// # Errors
    /// When it is longer, or the connection breaks.
    pub async fn read_body(&self, response: &mut Response, limit: usize) -> Result<Vec<u8>, HttpError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.next_chunk(response).await? {
            if body.len() + chunk.len() > limit {
                return Err(HttpError::TooLarge { host: host(response.url()), limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The first bytes of a body, at most `limit`; whatever arrived before the connection broke.
    pub async fn read_start(&self, response: &mut Response, limit: usize) -> Vec<u8> {
        let mut body = Vec::new();
        while body.len() < limit
            && let Ok(Some(chunk)) = self.next_chunk(response).await
        {
            body.extend_from_slice(&chunk);
        }
        body.truncate(limit);
        body
    }
}

/// Length of a request's body in bytes; 0 when it is not known in advance.
fn body_len(request: &Request) -> u64 {
    let declared = || request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
    let body = request.body().and_then(reqwest::Body::as_bytes);
    body.map(|bytes| bytes.len() as u64).or_else(declared).unwrap_or(0)
}

/// Whether a URL names this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host_str().map(|host| host.trim_matches(['[', ']'])) {
        Some("localhost") => true,
        Some(host) => host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

/// The host of a URL, with its port unless that is the scheme's default.
pub fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or("?");
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

fn failure(host: String, error: &reqwest::Error) -> HttpError {
    if error.is_timeout() { HttpError::Timeout { host } } else { HttpError::Network { host, reason: reason(error) } }
}

/// The innermost cause: what the system says. The error's own text is left out: it names the address.
pub fn reason(error: &reqwest::Error) -> String {
    let mut innermost = None;
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        (innermost, cause) = (Some(error), error.source());
    }
    innermost.map_or_else(|| "the connection failed".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: HttpOptions =
        HttpOptions { user_agent: "test", timeout: Timeout::Total(Duration::from_secs(1)), purpose: "testing" };

    fn client(base_url: &str) -> Result<HttpClient, HttpError> {
        HttpClient::new(base_url, OPTIONS, NetworkLedger::default())
    }

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    #[test]
    fn only_http_and_https_are_contacted() {
        assert!(client("https://a.b").is_ok() && client("http://localhost:1").is_ok());
        for bad in ["", "nonsense", "ftp://a.b", "file:///etc/passwd", "data:text/plain,a"] {
            assert!(matches!(client(bad), Err(HttpError::InvalidUrl { .. })), "{bad}");
        }
    }

    #[test]
    fn secrets_go_to_their_own_origin_only() {
        let service = client("https://a.b/models").expect("a client");
        assert!(service.is_trusted(&url("https://a.b/other")));
        for other in ["http://a.b", "https://a.b:8443", "https://c.a.b", "https://b"] {
            assert!(!service.is_trusted(&url(other)), "{other}");
        }
        assert!(!client("http://a.b").expect("a client").is_trusted(&url("http://a.b")), "readable on the way");
        assert!(client("http://[::1]:8080").expect("a client").is_trusted(&url("http://[::1]:8080/x")));
    }

    #[test]
    fn redirects_never_lose_encryption() {
        let target = |base: &str, location: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(location) = location {
                headers.insert(LOCATION, location.parse().expect("a header"));
            }
            client(base).expect("a client").redirect_target(&url(base), &headers).map(|url| url.to_string())
        };
        let refused = |problem| Err(HttpError::Redirect { host: "a.b".to_owned(), problem });
        assert_eq!(target("https://a.b/x", Some("/y")), Ok("https://a.b/y".to_owned()));
        assert_eq!(target("http://a.b", Some("http://c.d")), Ok("http://c.d/".to_owned()));
        assert_eq!(target("https://a.b", Some("http://a.b")), refused(RedirectProblem::NotEncrypted));
        assert_eq!(target("https://a.b", None), refused(RedirectProblem::NoLocation));
        assert_eq!(target("https://a.b", Some("https://")), refused(RedirectProblem::InvalidLocation));
    }
}
