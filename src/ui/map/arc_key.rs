//! An `Arc` as a key.

use std::sync::Arc;

/// An `Arc` compared by identity: a cheap key for "the same data as before".
#[derive(Debug)]
pub struct ArcKey<T>(pub Arc<T>);

impl<T> Clone for ArcKey<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> PartialEq for ArcKey<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
