//! `vicinity serve`: serves the model over HTTP.

use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::sync::oneshot;

use super::args::{GlobalArgs, ServeArgs};
use super::interrupt::on_interrupt;
use super::outcome::Outcome;
use super::output::{print_error, print_line};
use super::session;
use vicinity_engine::runtime;
use vicinity_serve::{ServeOptions, Server, Token};

/// Network threads; the model has its own.
const NETWORK_THREADS: usize = 2;

/// Serves until Ctrl-C or a signal to terminate.
pub fn run(args: ServeArgs, global: &GlobalArgs) -> anyhow::Result<Outcome> {
    let token = args.token.as_deref().map(Token::new).transpose().map_err(|reason| anyhow!(reason))?;
    let aliases = args.alias;
    let idle_timeout = Duration::from_secs(args.timeout);
    let server = Server::bind(ServeOptions { listen: args.listen, token, aliases: aliases.clone(), idle_timeout })?;
    let address = server.address()?;
    let model = session::model(global)?;
    let stop = interrupted();
    print_line(&format!("{} at http://{address} (Ctrl-C stops)", model.info.key.name))?;
    if !aliases.is_empty() {
        print_line(&format!("also accepts the model names {}", aliases.join(", ")))?;
    }
    if !address.ip().is_loopback() {
        print_error("other computers can reach this address; texts, images and the token are sent unencrypted");
    }
    let runtime = runtime::network(NETWORK_THREADS).context("could not start the network threads")?;
    let closed = runtime.block_on(server.run(model, async {
        // If no handler could be installed, only a signal ends the program.
        if stop.await.is_err() {
            std::future::pending::<()>().await;
        }
    }))?;
    runtime.shutdown_background();
    if closed > 0 {
        print_error(&format!("connections closed because they took too long: {closed}"));
    }
    Ok(Outcome::Done)
}

/// Fires at the first Ctrl-C.
fn interrupted() -> oneshot::Receiver<()> {
    let (stop, stopped) = oneshot::channel();
    let mut stop = Some(stop);
    on_interrupt(move || {
        // Fails only if the server has already stopped.
        let _sent = stop.take().map(|stop| stop.send(()));
    });
    stopped
}
