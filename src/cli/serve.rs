//! `vicinity serve`: the model for other programs.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::sync::oneshot;

use super::Outcome;
use super::args::{Place, ServeArgs};
use super::output::{complain, line};
use super::session;
use vicinity_serve::{Options, Server, Token};

/// Threads that wait for the network; the model has its own.
const NETWORK_THREADS: usize = 2;

/// Serves until Ctrl-C or the system's wish to end.
pub fn run(args: ServeArgs, place: &Place) -> anyhow::Result<Outcome> {
    let token = args.token.as_deref().map(Token::new).transpose().map_err(|reason| anyhow!(reason))?;
    let aliases = args.alias;
    let patience = Duration::from_secs(args.patience);
    let server = Server::bind(Options { listen: args.listen, token, aliases: aliases.clone(), patience })?;
    let address = server.address()?;
    let model = session::model(place)?;
    let stop = on_interrupt();
    line(&format!("{} at http://{address} (Ctrl-C stops)", model.info.key.name))?;
    if !aliases.is_empty() {
        line(&format!("also answers to {}", aliases.join(", ")))?;
    }
    if !address.ip().is_loopback() {
        complain("other machines can reach this address; texts, pictures and the token travel there unencrypted");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(NETWORK_THREADS)
        .thread_name("vicinity-network")
        .enable_all()
        .build()
        .context("the network cannot be used")?;
    let cut = runtime.block_on(server.run(model, async {
        // also where Ctrl-C cannot be heard: then only the system ends the program
        if stop.await.is_err() {
            std::future::pending::<()>().await;
        }
    }))?;
    runtime.shutdown_background();
    if cut > 0 {
        complain(&format!("cut off because they took too long: {cut}"));
    }
    Ok(Outcome::Done)
}

/// The first Ctrl-C ends serving, the second one the program.
fn on_interrupt() -> oneshot::Receiver<()> {
    let (stop, stopped) = oneshot::channel();
    let again = AtomicBool::new(false);
    let mut stop = Some(stop);
    let handler = move || {
        if again.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        // the server may have ended by itself
        let _ended = stop.take().map(|stop| stop.send(()));
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        log::warn!("Ctrl-C will end the program at once: {error}");
    }
    stopped
}

/// `ADDRESS:PORT`, where the address may be `localhost`.
pub fn address(word: &str) -> Result<SocketAddr, String> {
    let plain = match word.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => word.to_owned(),
    };
    plain.parse().map_err(|_| "it looks like 127.0.0.1:7878, [::1]:7878 or localhost:7878".to_owned())
}
