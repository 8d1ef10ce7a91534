//! The program: arguments, logging, then the window or a command. Errors end as one line on stderr.

use std::process::ExitCode;

use vicinity::app;
use vicinity::cli::{self, Arguments};
use vicinity::engine::{crash, home};

/// Halves what egui and the models spend on allocation.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::get();
    let log = env_logger::Env::new().filter_or("VICINITY_LOG", "error").write_style("VICINITY_LOG_STYLE");
    env_logger::Builder::from_env(log).init();
    crash::watch();
    if arguments.portable
        && let Err(reason) = home::make_portable()
    {
        eprintln!("vicinity: {reason}");
        return ExitCode::from(2);
    }
    let result = match arguments.command {
        Some(command) => cli::run(command, &arguments.place).map(ExitCode::from),
        None => {
            let Arguments { folders, place, theme, .. } = arguments;
            let window = |(model, running)| {
                let running = Some(running);
                app::run(app::Options { folders, library: place.library.clone(), model, theme, running })
            };
            let model = place.source().and_then(|model| Ok((model, place.wishes()?)));
            model.and_then(window).map(|()| ExitCode::SUCCESS)
        }
    };
    result.unwrap_or_else(|error| {
        eprintln!("vicinity: {error:#}");
        ExitCode::from(2)
    })
}
