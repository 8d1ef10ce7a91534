//! Asking before a library is sent anywhere, on the command line.

use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;

use anyhow::bail;

use super::args::{IndexArgs, Place};
use super::output::{complain, count};
use super::{index, session};
use vicinity_engine::remote::{self, Service};
use vicinity_engine::running::Running;
use vicinity_engine::{Access, Engine};
use vicinity_models::remote::Estimate;
use vicinity_models::remote::inference_mode::InferenceMode;

/// The service that is asked for, once its user has agreed to what it is sent; the library remembers both.
pub fn service(args: &IndexArgs, place: &Place) -> anyhow::Result<Option<Service>> {
    let Some(provider) = args.provider else { return Ok(None) };
    let mode = args.inference_mode.unwrap_or(InferenceMode::Remote);
    if mode == InferenceMode::Local {
        bail!("with a provider, items are embedded remote or dynamic; without --provider, on this machine");
    }
    let model = place.model.clone().unwrap_or_else(|| provider.default_model().to_owned());
    let service = Service { provider, model, base_url: args.base_url.clone(), dimensions: None, mode };
    let spec = service.spec();
    spec.check()?;
    let (path, host) = (session::library(place)?, spec.host()?);
    if !remote::is_allowed(&path, &host)? {
        // opened through its local model, which sends nothing
        let mode = session::mode(Access::ReadWrite);
        let engine = Engine::open_as(&path, None, &Running::default(), mode, || {})?;
        if let Some(why) = &engine.snapshot().parts().read_only {
            bail!("{why}");
        }
        let mut paths: Vec<PathBuf> = engine.snapshot().parts().roots.iter().map(|root| root.path.clone()).collect();
        for folder in &args.folders {
            paths.push(std::path::absolute(folder)?);
        }
        let excludes = index::excludes(&engine.import_options().excludes, args)?;
        agree(&remote::estimate_files(&paths, &excludes, &spec)?, spec.takes_pictures(), args.yes_send)?;
        engine.allow_remote(&host, true)?;
    }
    remote::remember(&path, Some(&service))?;
    Ok(Some(service))
}

/// Says what would be sent, and goes on only with a clear yes.
fn agree(estimate: &Estimate, pictures: bool, yes: bool) -> anyhow::Result<()> {
    let Estimate { items, bytes, tokens, requests, what, host } = estimate;
    let kilobytes = count(bytes.div_ceil(1000));
    complain(&format!(
        "{host} would be sent {what}: {} items, about {kilobytes} kB, {} tokens of texts, {} requests",
        count(*items),
        count(*tokens),
        count(*requests)
    ));
    if !pictures {
        complain("this model takes no pictures: they are not sent, and cannot be found through it");
    }
    complain("later also: what is searched for, and files that are added; never: names of files, EXIF, GPS");
    if yes {
        return Ok(());
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        bail!("nothing is sent without consent: say --yes-send where that is what you want");
    }
    complain(&format!("switch {host} on for this library? [y/N]"));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => bail!("nothing was sent"),
    }
}
