//! Whether there is a newer version of the program. One small file is requested, at most once a day, and only if the user
//! has allowed it; nothing else is sent, and nothing is ever downloaded or installed.

use std::time::Duration;

use reqwest::{Method, Url};
use semver::Version;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use vicinity_core::NetworkLedger;
use vicinity_models::http::{self, HttpClient, HttpError, HttpOptions, Timeout};

/// Names another file to request.
pub const URL_VARIABLE: &str = "VICINITY_UPDATE_URL";
/// The file: the newest version, and nothing else. Written by the release workflow.
const FILE: &str = concat!(env!("CARGO_PKG_HOMEPAGE"), "/releases/latest/download/version.txt");
/// The page of the newest version, for people.
pub const PAGE: &str = concat!(env!("CARGO_PKG_HOMEPAGE"), "/releases/latest");
/// What the log of network connections says.
const PURPOSE: &str = "checking for new versions";
/// Seconds between two checks.
const INTERVAL_SECONDS: i64 = 24 * 60 * 60;
/// A longer file is no version.
const MAX_BYTES: usize = 64;
/// For a silent connection, and for all of it.
const TIMEOUTS: [Duration; 2] = [Duration::from_secs(15), Duration::from_secs(60)];

/// Whether to check, and what was found. Kept with the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpdateSettings {
    /// Whether checking is allowed.
    pub allowed: bool,
    /// When it was last checked, seconds since the epoch, whatever the result.
    pub asked: i64,
    /// The newest version then.
    pub newest: Option<String>,
}

impl UpdateSettings {
    /// Whether it is time to check. A clock that was set back does not postpone it for ever.
    pub fn is_due(&self, now: i64) -> bool {
        self.allowed && !(self.asked..self.asked.saturating_add(INTERVAL_SECONDS)).contains(&now)
    }

    /// The newest version, where it is newer than this program.
    pub fn newer(&self) -> Option<&str> {
        let ours = Version::parse(env!("CARGO_PKG_VERSION")).ok()?;
        self.newest.as_deref().filter(|newest| Version::parse(newest).is_ok_and(|newest| newest > ours))
    }
}

/// The address to check.
pub fn address() -> String {
    let named = std::env::var(URL_VARIABLE).ok().map(|url| url.trim().to_owned());
    named.filter(|url| !url.is_empty()).unwrap_or_else(|| FILE.to_owned())
}

/// The host of an address.
pub fn host(address: &str) -> String {
    Url::parse(address).map_or_else(|_| address.to_owned(), |url| http::host(&url))
}

/// Requests the newest version.
///
/// # Errors
/// When there is no answer, or it is no version.
pub async fn newest(address: &str, network_log: NetworkLedger) -> Result<String, UpdateError> {
    let [silence, whole] = TIMEOUTS;
    // Not even which version asks.
    let options = HttpOptions { user_agent: "vicinity", timeout: Timeout::Read(silence), purpose: PURPOSE };
    let client = HttpClient::new(address, options, network_log)?;
    let host = client.host();
    let slow = HttpError::Timeout { host: host.clone() };
    let body = tokio::time::timeout(whole, read(&client)).await.map_err(|_| slow)??;
    let text = str::from_utf8(&body).map_err(|_| UpdateError::NotText { host: host.clone() })?;
    match Version::parse(text.trim()) {
        Ok(version) => Ok(version.to_string()),
        Err(source) => Err(UpdateError::NoVersion { host, source }),
    }
}

async fn read(client: &HttpClient) -> Result<Vec<u8>, UpdateError> {
    let url = client.base_url().clone();
    let mut response = client.send(Method::GET, url, |_, request| request, |_| false).await?;
    if !response.status().is_success() {
        let (host, status) = (http::host(response.url()), response.status().as_u16());
        return Err(UpdateError::Status { host, status });
    }
    Ok(client.read_body(&mut response, MAX_BYTES).await?)
}

/// Why the newest version is not known.
#[derive(Debug, Error)]
pub enum UpdateError {
    /// No response, or one that is too long.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A response that is no file.
    #[error("{host} answered with status {status}")]
    Status {
        /// Host that responded.
        host: String,
        /// HTTP status.
        status: u16,
    },
    /// A file that is no text.
    #[error("{host} returned something other than text")]
    NotText {
        /// Host that responded.
        host: String,
    },
    /// A text that is no version.
    #[error("{host} did not return a version: {source}")]
    NoVersion {
        /// Host that responded.
        host: String,
        /// What is wrong with it.
        source: semver::Error,
    },
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
