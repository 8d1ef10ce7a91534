//! Where the window finds keys of services: the environment, the system's key store, and, if there is no such store, its
//! own memory until it is closed. Not for the window's thread: a store may ask to be unlocked.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::context::services::KeyLocation;
use vicinity_models::remote::{Key, Provider, RemoteError};

/// A trait, so that tests keep off the system's key store.
pub trait KeyStore: Send + Sync {
    /// The key of a provider, and where it is.
    ///
    /// # Errors
    /// When a variable holds what cannot be a key.
    fn find(&self, provider: Provider) -> Result<Option<(Key, KeyLocation)>, RemoteError>;
    /// Stores a key.
    ///
    /// # Errors
    /// If it lasts only until the window is closed.
    fn keep(&self, provider: Provider, key: Key) -> Result<(), String>;
    /// Deletes a key from the store and from memory.
    ///
    /// # Errors
    /// When the store cannot be used.
    fn forget(&self, provider: Provider) -> Result<(), RemoteError>;
}

/// The keys of this machine.
#[derive(Default)]
pub struct SystemKeyStore(MemoryKeyStore);

impl KeyStore for SystemKeyStore {
    fn find(&self, provider: Provider) -> Result<Option<(Key, KeyLocation)>, RemoteError> {
        for name in provider.variables() {
            let read = |asked: &str| if asked == *name { std::env::var(name).ok() } else { None };
            if let Some(key) = Key::from_variables(provider, read)? {
                return Ok(Some((key, KeyLocation::Environment(name))));
            }
        }
        match self.0.find(provider)? {
            Some(found) => Ok(Some(found)),
            None => Ok(Key::stored(provider).map(|key| (key, KeyLocation::Store))),
        }
    }

    fn keep(&self, provider: Provider, key: Key) -> Result<(), String> {
        match key.store(provider) {
            Ok(()) => {
                // An older one in memory would be found first.
                let _never_fails = self.0.forget(provider);
                Ok(())
            }
            Err(error) => self.0.keep(provider, key).map_err(|until| format!("{error}; {until}")),
        }
    }

    fn forget(&self, provider: Provider) -> Result<(), RemoteError> {
        self.0.forget(provider)?;
        Key::forget(provider)
    }
}

/// Keys that are kept until the window is closed.
#[derive(Default)]
pub struct MemoryKeyStore(Mutex<HashMap<Provider, Key>>);

impl KeyStore for MemoryKeyStore {
    fn find(&self, provider: Provider) -> Result<Option<(Key, KeyLocation)>, RemoteError> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(keys.get(&provider).map(|key| (key.clone(), KeyLocation::Memory)))
    }

    fn keep(&self, provider: Provider, key: Key) -> Result<(), String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(provider, key);
        Err("the key is kept until Vicinity is closed".to_owned())
    }

    fn forget(&self, provider: Provider) -> Result<(), RemoteError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&provider);
        Ok(())
    }
}
