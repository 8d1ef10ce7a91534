//! Why the window could not start, in one line that says what is missing and how to get it.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Set at the first frame: later panics are bugs and are shown as such.
static STARTED: AtomicBool = AtomicBool::new(false);
/// Set while the graphics device is lost: the graphics library then panics where it cannot go on.
static GRAPHICS_LOST: AtomicBool = AtomicBool::new(false);

/// Says that the window is there.
pub fn started() {
    STARTED.store(true, Ordering::Relaxed);
}

/// Says whether the graphics device is lost.
pub fn set_graphics_lost(lost: bool) {
    GRAPHICS_LOST.store(lost, Ordering::Relaxed);
}

/// Whether the graphics device is lost, or the graphics libraries have panicked, which they do if a loss surprises them.
pub fn is_graphics_lost() -> bool {
    GRAPHICS_LOST.load(Ordering::Relaxed)
}

/// Whether a source file belongs to the graphics libraries.
fn is_of_graphics(file: &str) -> bool {
    file.contains("wgpu")
}

/// Whether a panic is the program's own fault.
fn is_bug() -> bool {
    STARTED.load(Ordering::Relaxed) && !is_graphics_lost()
}

const HEADLESS: &str = "`vicinity index FOLDER` and `vicinity search WORDS` do the same without a window";

/// Turns what the windowing libraries say into a sentence; `None` where nothing is known about it.
pub fn explain(raw: &str) -> Option<String> {
    let has = |needle: &str| raw.contains(needle);
    if has("xkbcommon") {
        return Some(format!(
            "the keyboard library of X11 is missing; on Debian or Ubuntu: sudo apt install libxkbcommon-x11-0 ({HEADLESS})"
        ));
    }
    if has("FailedToCreateSurface")
        || has("CreateSurface")
        || has("RequestAdapter")
        || has("NoSuitableAdapter")
        || has("No suitable")
        || has("NoneFound")
    {
        let advice = match std::env::consts::OS {
            "linux" => "on Debian or Ubuntu: sudo apt install libegl1 libgl1-mesa-dri mesa-vulkan-drivers",
            _ => "install the newest driver of your graphics card",
        };
        return Some(format!("no usable graphics driver was found{}; {advice} ({HEADLESS})", adapters(raw)));
    }
    if has("LibraryOpenError")
        || has("XNotSupported") && (has("dlopen") || has("cannot open shared object") || has("Library"))
    {
        return Some(format!(
            "the X11 libraries are missing; on Debian or Ubuntu: sudo apt install libx11-6 libx11-xcb1 libxcursor1 libxi6 libxkbcommon-x11-0 ({HEADLESS})"
        ));
    }
    if has("XNotSupported")
        || has("XOpenDisplayFailed")
        || has("WaylandError")
        || has("NoCompositor")
        || has("NotSupported")
        || has("is set")
    {
        return Some(format!(
            "no display was found: start it from a desktop session, or set DISPLAY or WAYLAND_DISPLAY ({HEADLESS})"
        ));
    }
    None
}

/// The adapters that were tried, and why they could not draw.
fn adapters(raw: &str) -> String {
    let tried = raw.split_once("graphics adapter (").and_then(|(_, rest)| rest.rsplit_once(")\""));
    tried.map(|(tried, _)| format!(" ({tried})")).unwrap_or_default()
}

/// Runs `window`; a panic before the first frame, or after the graphics device was lost, becomes an error like any other.
///
/// # Errors
/// What `window` returns, or the explained panic.
pub fn guarded(window: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let panic_text: Arc<Mutex<Option<String>>> = Arc::default();
    let default_hook: Arc<dyn Fn(&panic::PanicHookInfo<'_>) + Send + Sync> = Arc::from(panic::take_hook());
    let (note, otherwise) = (panic_text.clone(), default_hook.clone());
    panic::set_hook(Box::new(move |info| {
        if info.location().is_some_and(|location| is_of_graphics(location.file())) {
            set_graphics_lost(true);
            log::warn!("{info}");
        }
        if is_bug() {
            otherwise(info);
        } else {
            *note.lock().unwrap_or_else(PoisonError::into_inner) = Some(info.to_string());
        }
    }));
    let outcome = panic::catch_unwind(AssertUnwindSafe(window));
    panic::set_hook(Box::new(move |info| default_hook(info)));
    match outcome {
        Ok(result) => result.map_err(|raw| explain(&raw).unwrap_or(raw)),
        Err(panic) if is_bug() => panic::resume_unwind(panic),
        Err(_) => {
            let raw = panic_text.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
            Err(explain(&raw).unwrap_or_else(|| raw.split_whitespace().collect::<Vec<_>>().join(" ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")] // Tested here.
    #[test]
    fn each_missing_part_is_named_with_its_package() {
        for (raw, package) in [
            ("WinitEventLoop(NotSupported(XNotSupported(LibraryOpenError(OpenError { kind: Library }))))", "libx11-6"),
            ("Wgpu(CreateSurfaceError(FailedToCreateSurfaceForAnyBackend({})))", "mesa-vulkan-drivers"),
            ("panicked at xkbcommon-dl: Library libxkbcommon-x11.so could not be loaded.", "libxkbcommon-x11-0"),
            ("Os(OsError { error: \"neither WAYLAND_DISPLAY nor WAYLAND_SOCKET nor DISPLAY is set.\" })", "DISPLAY"),
        ] {
            let line = explain(raw).expect("explained");
            assert!(line.contains(package) && !line.contains('\n'), "{line}");
        }
        assert_eq!(explain("something else"), None);
    }

    #[test]
    fn adapters_that_were_tried_are_named_with_their_fault() {
        let raw = r#"Wgpu(CustomNativeAdapterSelectionError("No suitable graphics adapter (Card (DirectX 12): no shader compiler)"))"#;
        let line = explain(raw).expect("explained");
        assert!(
            line.starts_with("no usable graphics driver was found (Card (DirectX 12): no shader compiler); "),
            "{line}"
        );
    }

    #[test]
    fn panics_of_the_graphics_libraries_are_told_from_ours() {
        assert!(is_of_graphics("/registry/src/egui-wgpu-0.37.0/src/renderer.rs"));
        assert!(!is_of_graphics(file!()) && !is_of_graphics("src/ui/map/gpu.rs"));
    }

    #[test]
    fn a_panic_at_the_start_is_an_error_of_one_line() {
        let line = guarded(|| panic!("libxkbcommon-x11.so.0: cannot\nopen")).expect_err("explained");
        assert!(line.contains("libxkbcommon-x11-0") && !line.contains('\n'), "{line}");
    }
}
