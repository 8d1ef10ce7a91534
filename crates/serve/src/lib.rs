//! Serves one local model over HTTP, compatible with the embedding APIs of Nomic, OpenAI and Gemini, so that programs
//! written for these services run against this machine.
//!
//! `nomic`, `openai` and `gemini` translate requests and responses, `routes` has the paths, `service` embeds for all of
//! them, `queue` keeps the model on its own threads, `access` checks who may use it, `body_limit`, `admission` and
//! `connection` hold the limits, `error` writes errors in each service's form. It never fetches anything from the
//! network, opens no file and knows no library.
//!
//! ```
//! use std::time::Duration;
//! use vicinity_serve::{ServeOptions, Server};
//!
//! let (listen, idle_timeout) = ("127.0.0.1:0".parse()?, Duration::from_secs(30));
//! let server = Server::bind(ServeOptions { listen, token: None, aliases: Vec::new(), idle_timeout })?;
//! assert_ne!(server.address()?.port(), 0);
//! // server.run(model, shutdown).await serves until `shutdown` is done
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod admission;
mod body_limit;
mod connection;
mod error;
mod gemini;
mod json;
mod names;
mod nomic;
mod openai;
mod options;
mod picture_data;
mod queue;
mod routes;
mod service;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

pub use access::Token;
pub use options::{ServeError, ServeOptions};

use service::EmbeddingService;
use vicinity_models::Model;

/// A server that is bound to its address and not yet running.
pub struct Server {
    listener: TcpListener,
    options: ServeOptions,
}

impl Server {
    /// Binds the address.
    ///
    /// # Errors
    /// When the address cannot be used, or would be open to the network without a token.
    pub fn bind(options: ServeOptions) -> Result<Self, ServeError> {
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

    /// The address it listens on.
    ///
    /// # Errors
    /// When the system does not report it.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop`, then finishes the requests in progress. Returns the number of connections that had to be
    /// closed because they took too long. Runs on a tokio runtime with time and I/O.
    ///
    /// # Errors
    /// When the system provides no thread or socket.
    pub async fn run(self, model: Model, stop: impl Future<Output = ()>) -> Result<usize, ServeError> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let idle_timeout = self.options.idle_timeout;
        let served = Arc::new(EmbeddingService::new(self.options, model)?);
        Ok(connection::run(listener, routes::router(served), idle_timeout, stop).await)
    }
}
