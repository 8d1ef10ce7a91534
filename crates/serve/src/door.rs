//! Who is let in: holders of the token, where there is one; never a web page of another site.
//!
//! A page in the user's browser can send requests to loopback, and one that rebinds its own DNS name can also read
//! the answers. It cannot hide its name, though: that stands in `Host`, and in `Origin` where the browser sends it.

use std::net::IpAddr;

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};

use super::fault::{Fault, Kind};
use vicinity_models::remote::Provider;

/// What callers have to show. Only its hash is kept.
#[derive(Clone)]
pub struct Token(blake3::Hash);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl Token {
    /// Takes a token as the user gave it.
    ///
    /// # Errors
    /// When it is empty, or holds characters that cannot be sent in a header.
    pub fn new(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the token is empty, or holds blanks or letters outside ASCII".to_owned());
        }
        Ok(Self(blake3::hash(text.as_bytes())))
    }

    /// Hashes are compared in constant time.
    fn is(&self, shown: &str) -> bool {
        blake3::hash(shown.as_bytes()) == self.0
    }
}

/// The rules.
#[derive(Debug)]
pub(super) struct Door {
    /// Whether the server listens on this machine only.
    pub loopback: bool,
    pub token: Option<Token>,
}

impl Door {
    /// Lets a request in, or says why not.
    pub fn check(&self, service: Provider, uri: &Uri, headers: &HeaderMap) -> Result<(), Fault> {
        let foreign = |text: String| Err(Fault::new(Kind::Foreign, text));
        let host = text(headers, HOST.as_str()).unwrap_or_default();
        if self.loopback && !is_this_machine(host) {
            return foreign(format!(
                "Requests for the host {host:?} are refused; ask for 127.0.0.1 or localhost (a proxy has to set Host)"
            ));
        }
        let other_site = text(headers, "sec-fetch-site").is_some_and(|site| site.ends_with("-site"));
        let origin = text(headers, ORIGIN.as_str());
        if other_site || origin.is_some_and(|origin| origin.split_once("://").is_none_or(|(_, own)| own != host)) {
            return foreign("Requests from web pages are refused".to_owned());
        }
        match &self.token {
            Some(token) if !shown(service, uri, headers).is_some_and(|shown| token.is(&shown)) => {
                let how = match service {
                    Provider::Gemini => "x-goog-api-key: TOKEN, or ?key=TOKEN",
                    Provider::Nomic | Provider::OpenAi => "Authorization: Bearer TOKEN",
                };
                Err(Fault::new(Kind::Key, format!("The token is missing or wrong; send {how}")))
            }
            _ => Ok(()),
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

/// A name or address of loopback, with any port (it may have been forwarded).
fn is_this_machine(host: &str) -> bool {
    let bare = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = bare.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(bare);
    bare.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What the caller shows, in the service's own way.
fn shown(service: Provider, uri: &Uri, headers: &HeaderMap) -> Option<String> {
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

    fn check(door: &Door, service: Provider, uri: &str, headers: &[(&'static str, &str)]) -> bool {
        let pairs = headers.iter().map(|(name, value)| {
            (axum::http::HeaderName::from_static(name), axum::http::HeaderValue::from_str(value).expect("a header"))
        });
        door.check(service, &uri.parse().expect("an address"), &pairs.collect()).is_ok()
    }

    #[test]
    fn only_this_machine_is_a_host_on_loopback() {
        let door = Door { loopback: true, token: None };
        let host = |host: &str| check(&door, Provider::OpenAi, "/v1/models", &[("host", host)]);
        for good in ["127.0.0.1:7878", "localhost", "LocalHost:1", "[::1]:7878", "[::1]", "127.8.9.1"] {
            assert!(host(good), "{good}");
        }
        for bad in
            ["", "evil.example", "evil.example:7878", "127.0.0.1.evil.example", "10.0.0.1:7878", "localhost.x", "0"]
        {
            assert!(!host(bad), "{bad}");
        }
        assert!(!check(&door, Provider::OpenAi, "/", &[]), "no host at all");
    }

    #[test]
    fn pages_of_other_sites_stay_outside() {
        for loopback in [true, false] {
            let door = Door { loopback, token: None };
            let with = |name, value| check(&door, Provider::Nomic, "/", &[("host", "127.0.0.1:1"), (name, value)]);
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
    fn each_service_has_its_way_to_show_the_token() {
        let door = Door { loopback: false, token: Token::new(" sesame+1 \n").ok() };
        for service in [Provider::Nomic, Provider::OpenAi] {
            assert!(check(&door, service, "/", &[("authorization", "bearer sesame+1")]));
            assert!(!check(&door, service, "/", &[("authorization", "Bearer sesame+")]));
            assert!(!check(&door, service, "/", &[("authorization", "Basic sesame+1")]));
            assert!(!check(&door, service, "/?key=sesame%2B1", &[]));
        }
        assert!(check(&door, Provider::Gemini, "/", &[("x-goog-api-key", "sesame+1")]));
        assert!(check(&door, Provider::Gemini, "/?alt=json&key=sesame%2B1", &[]));
        assert!(!check(&door, Provider::Gemini, "/?key=Sesame%2B1", &[]));
        assert!(!check(&door, Provider::Gemini, "/?key=", &[]));
        assert!(Token::new("  ").is_err() && Token::new("two words").is_err());
        assert_eq!(format!("{door:?}").find("sesame"), None);
    }
}
