//! Layer 3, beside `context`: a face for other programs. It offers one local model over HTTP in the shapes of Nomic's, OpenAI's and
//! Gemini's embedding services, so that programs written for them run against this machine.
//!
//! One file a service for its shapes; `service` embeds for all of them, `queue` keeps the model on threads of its
//! own, `door` lets in, `body`, `admission` and `net` hold the limits, `fault` says no in each service's way. It never fetches
//! anything from the network, opens no file and knows no library.

mod admission;
mod body;
mod door;
mod fault;
mod gemini;
mod names;
mod net;
mod nomic;
mod openai;
mod picture_data;
mod queue;
mod service;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

pub use door::Token;

use service::Served;
use vicinity_models::Model;

/// How to serve.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// What callers have to show; needed anywhere but on loopback.
    pub token: Option<Token>,
    /// Names of other models that this one answers to.
    pub aliases: Vec<String>,
    /// How long a caller may pause while it sends a request or takes an answer.
    pub patience: Duration,
}

/// Why nothing is served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// Anyone in the network could use the machine.
    #[error(
        "{0} can be reached from other machines, so a token has to guard it: set VICINITY_TOKEN (or --token) to a long \
         random word, or listen on 127.0.0.1"
    )]
    Unguarded(SocketAddr),
    /// Another program listens there.
    #[error(
        "{0} is in use, perhaps by another `vicinity serve`; stop that one, or choose another port with --listen {1}"
    )]
    InUse(SocketAddr, SocketAddr),
    /// The system refuses the address.
    #[error("cannot listen on {0}: {1}; choose another address with --listen")]
    Address(SocketAddr, io::Error),
    /// The system gives no thread or socket.
    #[error("the server could not be started: {0}")]
    Start(#[from] io::Error),
}

/// A server that has its address and does not answer yet.
pub struct Server {
    listener: TcpListener,
    options: Options,
}

impl Server {
    /// Takes the address.
    ///
    /// # Errors
    /// Where it cannot be had, or would be open to the network without a token.
    pub fn bind(options: Options) -> Result<Self, ServeError> {
        let at = options.listen;
        if !at.ip().is_loopback() && options.token.is_none() {
            return Err(ServeError::Unguarded(at));
        }
        let listener = TcpListener::bind(at).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => {
                ServeError::InUse(at, SocketAddr::new(at.ip(), at.port().checked_add(1).unwrap_or(7879)))
            }
            _ => ServeError::Address(at, error),
        })?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, options })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `stop` comes, then finishes what is under way. Gives the number of connections that had to be cut
    /// because they took too long for that. Runs on a tokio runtime with time and I/O.
    ///
    /// # Errors
    /// When the system gives no thread or socket.
    pub async fn run(self, model: Model, stop: impl Future<Output = ()>) -> Result<usize, ServeError> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let patience = self.options.patience;
        let served = Arc::new(Served::new(self.options, model)?);
        Ok(net::run(listener, service::router(served), patience, stop).await)
    }
}
