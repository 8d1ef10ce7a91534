//! One embedding service: set up once, then asked for vectors.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::batching::{self, Batcher, Results};
use super::client::{Client, Usage};
use super::key::Key;
use super::limits::{RateLimiter, RequestLimits};
use super::protocol::Input;
use super::provider_spec::ProviderSpec;
use crate::{ModelInfo, RemoteError, TextOptions};
use vicinity_core::NetworkLedger;

/// A service that is ready to embed. Cheap to clone; clones share limits, counts and cancelling.
#[derive(Clone)]
pub struct Remote(Arc<Inner>);

struct Inner {
    batcher: Arc<Batcher>,
    runtime: Handle,
    info: ModelInfo,
    /// Goes up with every [`Remote::cancel`].
    cancelled: watch::Sender<u64>,
    /// Set for good by [`Remote::shut`].
    shut: AtomicBool,
}

impl Remote {
    /// Sets a service up. Sends nothing, unless the model's dimension is not known (`ProviderSpec::dim`): then one word is
    /// embedded to learn it.
    ///
    /// # Errors
    /// When the provider is not configured correctly, a key is missing, or the service does not answer.
    pub fn open(spec: &ProviderSpec, key: Option<Key>, runtime: Handle) -> Result<Self, RemoteError> {
        Self::open_with_ledger(spec, key, runtime, NetworkLedger::default())
    }

    /// The same; what is sent is noted in `network_log`.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with_ledger(
        spec: &ProviderSpec,
        key: Option<Key>,
        runtime: Handle,
        network_log: NetworkLedger,
    ) -> Result<Self, RemoteError> {
        spec.check()?;
        let key = match key {
            Some(key) => {
                spec.may_carry_key()?;
                let (name, prefix) = spec.provider.header();
                Some((key.clone(), name, key.header(prefix)?))
            }
            None if spec.needs_key() => return Err(RemoteError::Setup(spec.provider.wants_key())),
            None => None,
        };
        let limits = [spec.limits(false), spec.limits(true)];
        let parallel = limits[0].parallel.max(limits[1].parallel);
        let rate_limiter = RateLimiter::new(spec.rate());
        let client = Client::new(spec.url()?.as_str(), key, parallel, rate_limiter, spec.retry_policy, network_log)?;
        let batcher = Batcher::new(client, spec.protocol(), limits, spec.dim());
        let remote = Self(Arc::new(Inner {
            info: spec.info(spec.dim().unwrap_or_default())?,
            batcher: Arc::new(batcher),
            runtime,
            cancelled: watch::Sender::default(),
            shut: AtomicBool::new(false),
        }));
        match spec.dim() {
            Some(_) => Ok(remote),
            None => remote.with_dim(spec),
        }
    }

    /// Learns the dimension; the spent tokens stay counted.
    fn with_dim(self, spec: &ProviderSpec) -> Result<Self, RemoteError> {
        let dim = self.learn_dim()?;
        let (batcher, runtime) = (Arc::clone(&self.0.batcher), self.0.runtime.clone());
        batcher.fix_dim(dim);
        let (cancelled, shut) = (watch::Sender::default(), AtomicBool::new(false));
        Ok(Self(Arc::new(Inner { info: spec.info(dim)?, batcher, runtime, cancelled, shut })))
    }

    /// Asks for the vector of one word of ours, to learn whether key, model and address are good.
    ///
    /// # Errors
    /// What the service has against them.
    pub fn probe(&self) -> Result<(), RemoteError> {
        self.learn_dim().map(|_dim| ())
    }

    fn learn_dim(&self) -> Result<usize, RemoteError> {
        match self.embed(vec![Input::Text("dimension".to_owned())], TextOptions::default()).pop() {
            Some(result) => Ok(result?.embedding.dim()),
            None => Err(RemoteError::Cancelled),
        }
    }

    /// What the model is.
    pub fn info(&self) -> &ModelInfo {
        &self.0.info
    }

    /// What was sent and spent so far.
    pub fn usage(&self) -> Usage {
        self.0.batcher.client.usage()
    }

    /// Embeds all, and waits for it: one result per item, in order.
    pub fn embed(&self, inputs: Vec<Input>, options: TextOptions) -> Results {
        let (count, inner) = (inputs.len(), &self.0);
        let fail = |error: RemoteError| vec![Err(error); count];
        if inner.shut.load(Ordering::Relaxed) {
            return fail(RemoteError::Setup(format!("{} is switched off", inner.batcher.client.host())));
        }
        if Handle::try_current().is_ok() {
            // Waiting here could stop the very threads that are waited for.
            return fail(RemoteError::Setup("embedding was requested from a network thread".to_owned()));
        }
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        let (batcher, mut cancelled) = (Arc::clone(&inner.batcher), inner.cancelled.subscribe());
        inner.runtime.spawn(async move {
            let results = tokio::select! {
                results = batching::run(batcher, inputs.into(), options) => Some(results),
                _ = cancelled.changed() => None,
            };
            // Nobody waits any more only where the asking thread has gone.
            let _gone = answer.send(results);
        });
        match answered.recv() {
            Ok(Some(results)) => results,
            Ok(None) | Err(_) => fail(RemoteError::Cancelled),
        }
    }

    /// Ends every call under way at once; later calls are not touched.
    pub fn cancel(&self) {
        self.0.cancelled.send_modify(|count| *count += 1);
    }

    /// Ends every call under way and refuses all later ones: the user has switched the service off.
    pub fn shut(&self) {
        self.0.shut.store(true, Ordering::Relaxed);
        self.cancel();
    }

    pub(super) fn limits(&self) -> [RequestLimits; 2] {
        self.0.batcher.limits
    }
}
