//! Keys to services: from the environment, else from the system's key store. They are never written to a file, a log,
//! an error text or a library, and no formatting shows them.

use std::fmt;

use reqwest::header::HeaderValue;

use super::provider_spec::Provider;
use crate::RemoteError;

/// Under which name keys are stored in the system's key store.
const SERVICE: &str = "vicinity";
/// A piece of a key of this many characters is taken out of texts.
const PIECE: usize = 8;

/// A key to a service.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Box<str>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(hidden)")
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

impl Key {
    /// Takes a key as the user gave it; white space around it goes.
    ///
    /// # Errors
    /// When it is empty, or holds characters that no key has (a line break, a letter outside ASCII).
    pub fn new(text: &str) -> Result<Self, RemoteError> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(RemoteError::Setup("the key is empty or contains invalid characters".to_owned()));
        }
        Ok(Self(text.into()))
    }

    /// The key of a provider: from its environment variables (see [`Provider::variables`]), else from the system's
    /// key store. May ask the user to unlock the store, and waits for that.
    ///
    /// # Errors
    /// When a variable holds what cannot be a key.
    pub fn find(provider: Provider) -> Result<Option<Self>, RemoteError> {
        match Self::from_variables(provider, |name| std::env::var(name).ok())? {
            Some(key) => Ok(Some(key)),
            None => Ok(Self::stored(provider)),
        }
    }

    /// The first of the provider's variables that is set, as `read` gives them.
    ///
    /// # Errors
    /// When it holds what cannot be a key; the sentence names the variable.
    pub fn from_variables(
        provider: Provider,
        read: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, RemoteError> {
        let set = |name: &&str| read(name).filter(|text| !text.trim().is_empty()).map(|text| (name.to_string(), text));
        let Some((name, text)) = provider.variables().iter().find_map(set) else { return Ok(None) };
        Self::new(&text).map(Some).map_err(|error| RemoteError::Setup(format!("{name}: {error}")))
    }

    /// What the system's key store has; `None` also where there is no store. May ask the user to unlock it.
    pub fn stored(provider: Provider) -> Option<Self> {
        match keyring::v1::Entry::new(SERVICE, provider.as_str()).and_then(|entry| entry.get_password()) {
            Ok(text) => Self::new(&text).ok(),
            Err(error) => {
                log::debug!("no key for {} in the system's key store: {}", provider.as_str(), words(&error));
                None
            }
        }
    }

    /// Keeps the key in the system's key store.
    ///
    /// # Errors
    /// A sentence, where there is no store or it stays locked.
    pub fn store(&self, provider: Provider) -> Result<(), RemoteError> {
        keyring::v1::Entry::new(SERVICE, provider.as_str())
            .and_then(|entry| entry.set_password(&self.0))
            .map_err(|error| no_store(&error))
    }

    /// Takes the key of a provider out of the system's key store; no error if there is none.
    ///
    /// # Errors
    /// A sentence, where there is no store or it stays locked.
    pub fn forget(provider: Provider) -> Result<(), RemoteError> {
        match keyring::v1::Entry::new(SERVICE, provider.as_str()).and_then(|entry| entry.delete_credential()) {
            Ok(()) | Err(keyring::v1::Error::NoEntry) => Ok(()),
            Err(error) => Err(no_store(&error)),
        }
    }

    /// As a header after `prefix`, marked so that the network code does not log it.
    pub(super) fn header(&self, prefix: &str) -> Result<HeaderValue, RemoteError> {
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", self.0))
            .map_err(|_| RemoteError::Setup("the key contains invalid characters".to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Takes the key, and every longer piece of it, out of a text that came from elsewhere.
    pub fn scrub(&self, text: &str) -> String {
        let mut text = text.replace(&*self.0, "[key]");
        let pieces = (0..self.0.len().saturating_sub(PIECE - 1)).filter_map(|at| self.0.get(at..at + PIECE));
        for piece in pieces {
            if text.contains(piece) {
                text = text.replace(piece, "[key]");
            }
        }
        text
    }
}

fn no_store(error: &keyring::v1::Error) -> RemoteError {
    RemoteError::Setup(format!("the system's key store is unavailable: {}", words(error)))
}

/// The error without what it carries: some kinds hold the secret's bytes.
fn words(error: &keyring::v1::Error) -> String {
    use keyring::v1::Error;
    match error {
        Error::NoEntry => "there is no entry".to_owned(),
        Error::BadEncoding(_) => "the entry is not text".to_owned(),
        Error::NoDefaultStore | Error::NoStorageAccess(_) => "it is missing or locked".to_owned(),
        Error::PlatformFailure(_) => "the system reports a failure".to_owned(),
        _ => "it reports an error".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "nk-0123456789abcdefghij";

    #[test]
    fn no_formatting_shows_a_key() {
        let key = Key::new(&format!("  {TEXT}\n")).unwrap();
        assert_eq!((format!("{key:?}"), key.to_string()), ("Key(hidden)".to_owned(), "[key]".to_owned()));
        assert!(!format!("{:?}", key.header("Bearer ").unwrap()).contains("0123"));
    }

    #[test]
    fn texts_lose_the_key_and_its_pieces() {
        let key = Key::new(TEXT).unwrap();
        let clean = key.scrub(&format!("the key {TEXT} or nk-01234********cdefghij is wrong"));
        assert_eq!(clean, "the key [key] or [key]******[key] is wrong".replace("******", "********"));
        assert_eq!(key.scrub("nothing of it"), "nothing of it");
    }

    #[test]
    fn the_first_variable_that_is_set_wins() {
        let read = |name: &str| (name == "GOOGLE_API_KEY").then(|| TEXT.to_owned());
        assert_eq!(Key::from_variables(Provider::Gemini, read).unwrap(), Key::new(TEXT).ok());
        assert_eq!(Key::from_variables(Provider::Nomic, read).unwrap(), None);
        let wrong = Key::from_variables(Provider::Nomic, |_| Some("one\ntwo".to_owned())).unwrap_err().to_string();
        assert!(wrong.contains("NOMIC_API_KEY") && !wrong.contains("two"), "{wrong}");
    }
}
