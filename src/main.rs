//! The program: arguments, logging, then the window or a command. Errors end as one line on stderr.

use std::io::Write as _;
use std::process::ExitCode;

use vicinity::app;
use vicinity::cli::{self, Arguments, Command};
use vicinity_core::app_dirs;
use vicinity_engine::crash;

/// Halves what egui and the models spend on allocation.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::get();
    let log = env_logger::Env::new().filter_or("VICINITY_LOG", "error").write_style("VICINITY_LOG_STYLE");
    let mut log = env_logger::Builder::from_env(log);
    // As env_logger has it, but names of files in a record steer no terminal.
    log.format(|out, record| {
        let (time, level, text) = (out.timestamp(), record.level(), record.args().to_string());
        let style = out.default_level_style(level);
        writeln!(out, "[{time} {style}{level}{style:#} {}] {}", record.target(), cli::escaped(&text))
    });
    log.init();
    crash::install_hook();
    if arguments.portable
        && let Err(reason) = app_dirs::make_portable(arguments.command.as_ref().is_none_or(Command::writes))
    {
        cli::print_error(&reason);
        return ExitCode::from(2);
    }
    let result = match arguments.command {
        Some(command) => cli::run(command, &arguments.global).map(ExitCode::from),
        None => {
            let Arguments { folders, global, theme, new_window, .. } = arguments;
            let window = |(model, running)| {
                let (library, running) = (global.library.clone().or_else(app_dirs::named_library), Some(running));
                let options = app::LaunchOptions { folders, library, model, theme, running };
                if !new_window && app::forward(&options) {
                    // Nobody may be there to read it.
                    let _read = writeln!(std::io::stdout(), "Opened in the running window");
                    return Ok(());
                }
                app::run(options)
            };
            let model = global.source().and_then(|model| Ok((model, global.device_preferences()?)));
            model.and_then(window).map(|()| ExitCode::SUCCESS)
        }
    };
    result.unwrap_or_else(|error| {
        cli::print_error(&format!("{error:#}"));
        ExitCode::from(2)
    })
}
