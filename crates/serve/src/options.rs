//! How to serve, and why the server does not start.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;

use super::access::Token;

/// How to serve.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Address to listen on; port 0 means any free port.
    pub listen: SocketAddr,
    /// API key required from clients; required unless on loopback.
    pub token: Option<Token>,
    /// Names of other models that this one answers to.
    pub aliases: Vec<String>,
    /// How long a client may pause while sending a request or receiving a response.
    pub idle_timeout: Duration,
}

/// Why the server does not start.
#[derive(Debug, Error)]
pub enum ServeError {
    /// Anyone on the network could use the machine.
    #[error(
        "{0} can be reached from other computers, so it needs a token: set VICINITY_TOKEN (or --token) to a long random \
         string, or listen on 127.0.0.1"
    )]
    Unguarded(SocketAddr),
    /// Another program uses the address.
    #[error(
        "{0} is in use, perhaps by another `vicinity serve`; stop that one, or choose another port with --listen {1}"
    )]
    InUse(SocketAddr, SocketAddr),
    /// The system rejects the address.
    #[error("cannot listen on {0}: {1}; choose another address with --listen")]
    Address(SocketAddr, io::Error),
    /// The system provides no thread or socket.
    #[error("could not start the server: {0}")]
    Start(#[from] io::Error),
}
