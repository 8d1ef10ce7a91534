//! Access control: clients need the token, if one is set, and web pages of other sites are refused.
//!
//! A page in the user's browser can send requests to loopback, and one that rebinds its own DNS name can also read
//! the responses. It cannot hide its name, though: the browser puts it into `Host` and `Origin`.

use std::net::IpAddr;

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};

use super::error::{ApiError, ApiErrorKind};
use vicinity_models::remote::Provider;

/// The API key required from clients. Only its hash is kept.
#[derive(Clone)]
pub struct Token(blake3::Hash);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl Token {
    /// Creates a token from what the user entered.
    ///
    /// # Errors
    /// When it is empty or contains characters that cannot be sent in a header.
    pub fn new(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the token is empty, or contains spaces or non-ASCII characters".to_owned());
        }
        Ok(Self(blake3::hash(text.as_bytes())))
    }

    /// Hashes are compared in constant time.
    fn matches(&self, sent: &str) -> bool {
        blake3::hash(sent.as_bytes()) == self.0
    }
}

/// Who may use the server.
#[derive(Debug)]
pub(super) struct AccessPolicy {
    /// Whether the server listens on this machine only.
    pub loopback: bool,
    pub token: Option<Token>,
}

impl AccessPolicy {
    /// Checks one request.
    ///
    /// # Errors
    /// When it is refused.
    pub fn check(&self, service: Provider, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
        let forbidden = |text: String| Err(ApiError::new(ApiErrorKind::Forbidden, text));
        let host = text(headers, HOST.as_str()).unwrap_or_default();
        if self.loopback && !is_this_machine(host) {
            return forbidden(format!(
                "Requests for the host {host:?} are refused; use 127.0.0.1 or localhost (a proxy has to set the Host header)"
            ));
        }
        let other_site = text(headers, "sec-fetch-site").is_some_and(|site| site.ends_with("-site"));
        let origin = text(headers, ORIGIN.as_str());
        if other_site || origin.is_some_and(|origin| origin.split_once("://").is_none_or(|(_, own)| own != host)) {
            return forbidden("Requests from web pages are refused".to_owned());
        }
        match &self.token {
            Some(token) if !sent_token(service, uri, headers).is_some_and(|sent| token.matches(&sent)) => {
                let how = match service {
                    Provider::Gemini => "x-goog-api-key: TOKEN, or ?key=TOKEN",
                    Provider::Nomic | Provider::OpenAi => "Authorization: Bearer TOKEN",
                };
                Err(ApiError::new(ApiErrorKind::Unauthorised, format!("The token is missing or wrong; send {how}")))
            }
            _ => Ok(()),
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

/// Whether a `Host` header names this machine, with any port (it may be forwarded).
fn is_this_machine(host: &str) -> bool {
    let bare = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = bare.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(bare);
    bare.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The token that the client sent, in the service's own way.
fn sent_token(service: Provider, uri: &Uri, headers: &HeaderMap) -> Option<String> {
    match service {
        Provider::Nomic | Provider::OpenAi => {
            let (scheme, token) = text(headers, AUTHORIZATION.as_str())?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
        }
        Provider::Gemini => text(headers, "x-goog-api-key").map(str::to_owned).or_else(|| {
            let mut fields = form_urlencoded::parse(uri.query()?.as_bytes());
            fields.find(|(name, _)| name == "key").map(|(_, value)| value.into_owned())
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(access: &AccessPolicy, service: Provider, uri: &str, headers: &[(&'static str, &str)]) -> bool {
        let pairs = headers.iter().map(|(name, value)| {
            (axum::http::HeaderName::from_static(name), axum::http::HeaderValue::from_str(value).expect("a header"))
        });
        access.check(service, &uri.parse().expect("an address"), &pairs.collect()).is_ok()
    }

    #[test]
    fn only_this_machine_is_a_host_on_loopback() {
        let access = AccessPolicy { loopback: true, token: None };
        let host = |host: &str| check(&access, Provider::OpenAi, "/v1/models", &[("host", host)]);
        for good in ["127.0.0.1:7878", "localhost", "LocalHost:1", "[::1]:7878", "[::1]", "127.8.9.1"] {
            assert!(host(good), "{good}");
        }
        for bad in
            ["", "evil.example", "evil.example:7878", "127.0.0.1.evil.example", "10.0.0.1:7878", "localhost.x", "0"]
        {
            assert!(!host(bad), "{bad}");
        }
        assert!(!check(&access, Provider::OpenAi, "/", &[]), "no host at all");
    }

    #[test]
    fn web_pages_of_other_sites_are_refused() {
        for loopback in [true, false] {
            let access = AccessPolicy { loopback, token: None };
            let with = |name, value| check(&access, Provider::Nomic, "/", &[("host", "127.0.0.1:1"), (name, value)]);
            assert!(with("origin", "http://127.0.0.1:1"));
            for bad in ["https://evil.example", "http://127.0.0.1:2", "null", "http://localhost:1"] {
                assert!(!with("origin", bad), "{bad}");
            }
            assert!(!with("sec-fetch-site", "cross-site"));
            assert!(!with("sec-fetch-site", "same-site"), "another port is another program");
            assert!(with("sec-fetch-site", "none"));
        }
    }

    #[test]
    fn each_service_has_its_own_way_to_send_the_token() {
        let access = AccessPolicy { loopback: false, token: Token::new(" sesame+1 \n").ok() };
        for service in [Provider::Nomic, Provider::OpenAi] {
            assert!(check(&access, service, "/", &[("authorization", "bearer sesame+1")]));
            assert!(!check(&access, service, "/", &[("authorization", "Bearer sesame+")]));
            assert!(!check(&access, service, "/", &[("authorization", "Basic sesame+1")]));
            assert!(!check(&access, service, "/?key=sesame%2B1", &[]));
        }
        assert!(check(&access, Provider::Gemini, "/", &[("x-goog-api-key", "sesame+1")]));
        assert!(check(&access, Provider::Gemini, "/?alt=json&key=sesame%2B1", &[]));
        assert!(!check(&access, Provider::Gemini, "/?key=Sesame%2B1", &[]));
        assert!(!check(&access, Provider::Gemini, "/?key=", &[]));
        assert!(Token::new("  ").is_err() && Token::new("two words").is_err());
        assert_eq!(format!("{access:?}").find("sesame"), None);
    }
}
