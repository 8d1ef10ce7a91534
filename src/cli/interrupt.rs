//! Ctrl-C: the first one ends a command in an orderly way, the second one at once.

/// The exit code of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Calls `stop` at the first Ctrl-C or signal to terminate, and exits at the second.
pub fn on_interrupt(mut stop: impl FnMut() + Send + 'static) {
    let mut again = false;
    let handler = move || {
        if std::mem::replace(&mut again, true) {
            std::process::exit(INTERRUPTED);
        }
        stop();
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        log::warn!("Ctrl-C will end the program at once: {error}");
    }
}
