//! Whether there is a newer version of the program. One small file is asked for, at most once a day, and only where the
//! user has allowed it; nothing is sent beside the question, and nothing is ever got or installed.

use std::time::Duration;

use reqwest::{Method, Url};
use semver::Version;
use serde::{Deserialize, Serialize};

use vicinity_core::NetworkLedger;
use vicinity_models::http::{self, HttpClient};

/// Names another file to ask for.
pub const URL_VARIABLE: &str = "VICINITY_UPDATE_URL";
/// The file: the newest version, and nothing else. Written by the release workflow.
const FILE: &str = concat!(env!("CARGO_PKG_HOMEPAGE"), "/releases/latest/download/version.txt");
/// The page of the newest version, for people.
pub const PAGE: &str = concat!(env!("CARGO_PKG_HOMEPAGE"), "/releases/latest");
/// What the ledger says.
const PURPOSE: &str = "checking for new versions";
/// Seconds between two questions.
const INTERVAL_SECONDS: i64 = 24 * 60 * 60;
/// A longer file names no version.
const MAX_BYTES: usize = 64;
/// For a silent connection, and for all of it.
const TIMEOUTS: [Duration; 2] = [Duration::from_secs(15), Duration::from_secs(60)];

/// What the user wants of it, and what was found. Kept with the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpdateSettings {
    /// Whether it may be asked at all.
    pub allowed: bool,
    /// When it was asked, seconds since the epoch, whatever came of it.
    pub asked: i64,
    /// The newest version then.
    pub newest: Option<String>,
}

impl UpdateSettings {
    /// Whether it is time to ask. A clock that was set back does not put it off for ever.
    pub fn is_due(&self, now: i64) -> bool {
        self.allowed && !(self.asked..self.asked.saturating_add(INTERVAL_SECONDS)).contains(&now)
    }

    /// The newest version, where it is newer than this program.
    pub fn newer(&self) -> Option<&str> {
        let ours = Version::parse(env!("CARGO_PKG_VERSION")).ok()?;
        self.newest.as_deref().filter(|newest| Version::parse(newest).is_ok_and(|newest| newest > ours))
    }
}

/// Where to ask.
pub fn address() -> String {
    let named = std::env::var(URL_VARIABLE).ok().map(|url| url.trim().to_owned());
    named.filter(|url| !url.is_empty()).unwrap_or_else(|| FILE.to_owned())
}

/// Who is asked at an address.
pub fn host(address: &str) -> String {
    Url::parse(address).map_or_else(|_| address.to_owned(), |url| http::host(&url))
}

/// Asks for the newest version.
///
/// # Errors
/// A sentence for the log.
pub async fn newest(address: &str, network_log: NetworkLedger) -> Result<String, String> {
    let [silence, whole] = TIMEOUTS;
    // Not even which version asks.
    let web = HttpClient::new(address, "vicinity", silence, PURPOSE, network_log)
        .map_err(|why| format!("{address}: {why}"))?;
    let text = tokio::time::timeout(whole, read(&web)).await;
    let text = text.unwrap_or_else(|_| Err(format!("{} did not respond in time", host(address))))?;
    let version = Version::parse(text.trim());
    Ok(version.map_err(|why| format!("{} did not return a version: {why}", host(address)))?.to_string())
}

async fn read(web: &HttpClient) -> Result<String, String> {
    let answer = web.send(Method::GET, web.start().clone(), |_, request| request, |_| false).await;
    let mut answer = answer.map_err(|error| error.to_string())?;
    if !answer.status().is_success() {
        return Err(format!("{} answered with status {}", http::host(answer.url()), answer.status().as_u16()));
    }
    let mut bytes = Vec::new();
    while let Some(more) = web.more(&mut answer).await.map_err(|error| error.to_string())? {
        bytes.extend(more);
        if bytes.len() > MAX_BYTES {
            return Err(format!("{} returned more than a version", http::host(answer.url())));
        }
    }
    String::from_utf8(bytes).map_err(|_| format!("{} returned something other than text", http::host(answer.url())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_once_a_day_where_that_is_allowed() {
        let at = |asked, now| UpdateSettings { allowed: true, asked, newest: None }.is_due(now);
        assert!(at(0, INTERVAL_SECONDS) && at(1_000, 1_000 + INTERVAL_SECONDS));
        assert!(!at(1_000, 1_000) && !at(1_000, 999 + INTERVAL_SECONDS));
        assert!(at(5_000, 4_000), "the clock was wrong then");
        assert!(!UpdateSettings::default().is_due(i64::MAX), "off until it is allowed");
    }

    #[test]
    fn newer_is_what_comes_after_this_version() {
        let newer = |newest: &str| {
            UpdateSettings { newest: Some(newest.to_owned()), ..UpdateSettings::default() }.newer().map(str::to_owned)
        };
        let Version { major, minor, patch, .. } = Version::parse(env!("CARGO_PKG_VERSION")).expect("a version");
        let next = format!("{major}.{minor}.{}", patch + 10);
        assert_eq!(newer(&next), Some(next.clone()), "numbers, not letters");
        for not_newer in [env!("CARGO_PKG_VERSION"), "0.0.1", "0.0.0-rc.1", "99", "v99.0.0", ""] {
            assert_eq!(newer(not_newer), None, "{not_newer}");
        }
        assert_eq!(newer(&format!("{major}.{minor}.{patch}-rc.1")), None, "before the version of this name");
    }
}
