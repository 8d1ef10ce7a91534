//! Drives the whole window without a screen.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use vicinity::app::{App, AppConfig, Environment, Opener};

/// The window under test.
pub type Window = Harness<'static, App>;

/// What a test may set.
#[derive(Default)]
pub struct Setup {
    /// Folders given on the command line.
    pub folders: Vec<PathBuf>,
    /// Library given on the command line.
    pub library: Option<PathBuf>,
    /// Folder for new libraries.
    pub data: Option<PathBuf>,
    /// Settings file.
    pub settings: Option<PathBuf>,
    /// Window size; 1200 x 800 where none is given.
    pub size: Option<[f32; 2]>,
    /// Dark where none is given.
    pub theme: Option<vicinity::context::ThemeChoice>,
    /// Models and keys; none where none are given.
    pub environment: Environment,
}

/// A window over the engine that `opener` opens.
pub fn window(setup: Setup, opener: Opener) -> Window {
    let [width, height] = setup.size.unwrap_or([1200.0, 800.0]);
    let start = AppConfig {
        crash: None,
        folders: setup.folders,
        library: setup.library,
        theme: Some(setup.theme.unwrap_or(vicinity::context::ThemeChoice::Dark)),
        settings: setup.settings,
        data: setup.data,
        opener,
        environment: setup.environment,
        running: Default::default(),
        model: None,
    };
    let mut harness = Harness::builder()
        .with_size(egui::vec2(width, height))
        .with_step_dt(1.0 / 30.0)
        .with_max_steps(8)
        .with_render_cursor(false)
        .allow_missing_glyphs()
        .build_eframe(|cc| App::new(cc, start));
    harness.run_steps(2);
    harness
}

/// Steps until `done`; saves a picture of the window and fails where that takes too long.
#[track_caller]
pub fn step_until(window: &mut Window, what: &str, done: impl Fn(&Window) -> bool) {
    let start = Instant::now();
    let limit = Duration::from_secs(60);
    while !done(window) {
        if start.elapsed() > limit {
            let picture = picture_path(what);
            let saved = save(window, &picture);
            panic!("waited in vain until {what}; {saved}");
        }
        window.step();
        std::thread::sleep(Duration::from_millis(4));
    }
    window.check_accessibility();
}

fn picture_path(what: &str) -> PathBuf {
    let name: String = what.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"))
}

/// Saves a picture of the window.
pub fn save(window: &mut Window, path: &Path) -> String {
    match window.render() {
        Ok(picture) => match picture.save(path) {
            Ok(()) => format!("see {}", path.display()),
            Err(error) => format!("no picture: {error}"),
        },
        Err(error) => format!("no picture: {error}"),
    }
}

/// An opener that never succeeds.
pub fn no_engine() -> Opener {
    Arc::new(|_, _| Err("no engine in this test".to_owned()))
}

/// A file dropped somewhere into the window, the pointer's place unknown.
pub fn drop_file(window: &mut Window, path: &Path) {
    #[derive(Debug)]
    struct File(PathBuf);
    impl egui::DroppedFile for File {
        fn path(&self) -> &Path {
            &self.0
        }
        fn bytes(&self) -> Result<Vec<u8>, String> {
            Err("not read in this test".to_owned())
        }
    }
    window.remove_cursor();
    window.step();
    window.input_mut().dropped_files.push(Arc::new(File(path.to_owned())));
    window.step();
}

/// Types into the search box.
pub fn type_query(window: &mut Window, words: &str) {
    window.key_press(egui::Key::V);
    window.run_steps(3);
    for letter in words.chars() {
        window.event(egui::Event::Text(letter.to_string()));
    }
    step_until(window, "there are hits", |w| w.state().state().library().query.result.is_some());
    window.run_steps(2);
}

/// Clicks what has this label, and lets what comes of it be drawn.
pub fn click(window: &mut Window, label: &str) {
    window.get_by_label(label).click_accesskit();
    window.run_steps(3);
}

/// Every shape of the last frame, those within others one by one.
pub fn painted<S>(harness: &Harness<'_, S>) -> Vec<egui::Shape> {
    fn flat(shape: &egui::Shape, into: &mut Vec<egui::Shape>) {
        match shape {
            egui::Shape::Vec(shapes) => shapes.iter().for_each(|shape| flat(shape, into)),
            shape => into.push(shape.clone()),
        }
    }
    let mut all = Vec::new();
    harness.output().shapes.iter().for_each(|clipped| flat(&clipped.shape, &mut all));
    all
}
