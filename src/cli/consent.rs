//! Asks for consent before the items of a library are sent to a service.

use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;

use anyhow::bail;

use super::args::{GlobalArgs, IndexArgs};
use super::output::print_error;
use super::{excludes, session};
use vicinity_core::format::number;
use vicinity_engine::remote;
use vicinity_engine::runtime_settings::RuntimeSettings;
use vicinity_engine::service::{self, Service};
use vicinity_engine::{Access, Engine};
use vicinity_models::remote::Estimate;
use vicinity_models::remote::inference_mode::InferenceMode;

/// The requested service, once the user has agreed to what is sent to it. The library remembers both.
pub fn service(args: &IndexArgs, global: &GlobalArgs) -> anyhow::Result<Option<Service>> {
    let Some(provider) = args.provider else { return Ok(None) };
    let mode = args.inference_mode.unwrap_or(InferenceMode::Remote);
    if mode == InferenceMode::Local {
        bail!("--inference-mode local does not go with --provider; use remote or dynamic");
    }
    let model = global.model.clone().unwrap_or_else(|| provider.default_model().to_owned());
    let service = Service { provider, model, base_url: args.base_url.clone(), dimensions: None, mode };
    let spec = service.spec();
    spec.check()?;
    let (path, host) = (session::library(global)?, spec.host()?);
    if !remote::is_allowed(&path, &host)? {
        // Opened with its local model, which sends nothing.
        let mode = session::mode(Access::ReadWrite);
        let engine = Engine::open_in_mode(&path, None, &RuntimeSettings::default(), mode, || {})?;
        session::check_writable(&engine)?;
        let mut paths: Vec<PathBuf> = engine.snapshot().parts().roots.iter().map(|root| root.path.clone()).collect();
        for folder in &args.folders {
            paths.push(std::path::absolute(folder)?);
        }
        let excludes = excludes::apply(&engine.import_options().excludes, args)?;
        agree(&remote::estimate_files(&paths, &excludes, &spec)?, spec.takes_pictures(), args.yes)?;
        engine.allow_remote(&host, true)?;
    }
    service::save(&path, Some(&service))?;
    Ok(Some(service))
}

/// Shows what would be sent, and succeeds only after an explicit yes.
fn agree(estimate: &Estimate, pictures: bool, yes: bool) -> anyhow::Result<()> {
    let Estimate { items, bytes, tokens, requests, what, host } = estimate;
    let kilobytes = number(bytes.div_ceil(1000));
    print_error(&format!(
        "{host} will receive {what}: {} items, about {kilobytes} kB, {} text tokens, {} requests",
        number(*items),
        number(*tokens),
        number(*requests)
    ));
    if !pictures {
        print_error("this model does not support images: they are not sent and cannot be found with it");
    }
    print_error("later, queries and added files are sent too; file names, EXIF and GPS data are never sent");
    if yes {
        return Ok(());
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        bail!("nothing was sent: pass --yes to confirm");
    }
    print_error(&format!("send it, and use {host} for this library? [y/N]"));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => bail!("nothing was sent"),
    }
}
