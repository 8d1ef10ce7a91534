//! The program: arguments, logging, then the window or a command. Errors end as one line on stderr.

use std::io::Write as _;
use std::process::ExitCode;

#[cfg(feature = "window")]
use vicinity::app;
use vicinity::cli::{self, Arguments, CliCommand};
use vicinity_core::app_dirs;
use vicinity_engine::crash;
use vicinity_media::{decode_helper, decode_server};

/// Halves what egui and the models spend on allocation.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if decode_helper::is_helper() {
        return decode_server::serve();
    }
    decode_helper::use_this_program();
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
        && let Err(reason) = app_dirs::make_portable(arguments.command.as_ref().is_none_or(CliCommand::writes))
    {
        cli::print_error(&reason);
        return ExitCode::from(2);
    }
    let result = match arguments.command {
        Some(command) => cli::run(command, &arguments.global, graphics).map(ExitCode::from),
        None => open_window(arguments).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        cli::print_error(&format!("{error:#}"));
        ExitCode::from(2)
    })
}

/// Opens the folders in the running window that has the library open, or in a new one.
#[cfg(feature = "window")]
fn open_window(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { folders, global, theme, new_window, .. } = arguments;
    let (model, running) = (global.source()?, Some(global.device_preferences()?));
    let library = global.library.or_else(app_dirs::named_library);
    let options = app::LaunchOptions { folders, library, model, theme, running };
    if !new_window && app::forward(&options) {
        // Fails only if stdout is closed.
        let _printed = writeln!(std::io::stdout(), "Opened in the running window");
        return Ok(());
    }
    app::run(options)
}

#[cfg(not(feature = "window"))]
fn open_window(_: Arguments) -> anyhow::Result<()> {
    anyhow::bail!(
        "this build has no window: run `vicinity --help` for its commands, or install a build with the window"
    )
}

/// The graphics adapters; `None` if this build does not use them.
fn graphics() -> Option<Vec<String>> {
    #[cfg(feature = "window")]
    return Some(app::graphics());
    #[cfg(not(feature = "window"))]
    None
}
