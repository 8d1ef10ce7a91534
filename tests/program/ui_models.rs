//! Models in the window: got from a hub on the loopback, paused, resumed, removed; the choice of the first start.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::support::hub::Hub;
use crate::support::window::{Setup, Window, click, no_engine, step_until, window};
use egui_kittest::kittest::Queryable as _;
use vicinity::app::{Environment, preferences};
use vicinity::context::Dialog;
use vicinity_models::installed::{InstallOptions, InstallState};

/// Without a known commit or hash, so that it can be anything.
const MODEL: &str = "siglip2-large-patch16-256";
const TITLE: &str = "SigLIP 2 L/16";

fn hub() -> Hub {
    let names = ["config.json", "preprocessor_config.json", "tokenizer.json"];
    let mut files: BTreeMap<_, _> = names.map(|name| (name.to_owned(), b"{}".to_vec())).into_iter().collect();
    files.insert("model.safetensors".to_owned(), (0..1_200_000).map(|i| (i * 7 % 251) as u8).collect());
    Hub::new(files)
}

fn options(dir: &Path, endpoint: &str) -> InstallOptions {
    let mut options = InstallOptions::new(dir.join("models"));
    endpoint.clone_into(&mut options.endpoint);
    options.backoff = Duration::from_millis(5);
    options.read_timeout = Duration::from_secs(5);
    options.max_attempts = 2;
    options
}

fn setup(options: InstallOptions) -> Setup {
    Setup { environment: Environment { models: Some(options), ..Environment::default() }, ..Setup::default() }
}

fn with_dialog(setup: Setup) -> Window {
    let mut window = window(setup, no_engine());
    window.get_by_label_contains("Model: Vicinity starter").click();
    step_until(&mut window, "the models are listed", |w| w.query_by_label(&format!("Download {TITLE}")).is_some());
    window.run_steps(2);
    window
}

fn stands(window: &Window) -> InstallState {
    window.state().state().view.model_list.as_ref().unwrap().find(MODEL).unwrap().status.state.clone()
}

#[test]
fn a_model_is_got_paused_resumed_checked_and_removed() {
    let (place, hub) = (tempfile::tempdir().unwrap(), hub());
    hub.manner().slow = Some(Duration::from_millis(60));
    let mut window = with_dialog(setup(options(place.path(), &hub.address)));
    window.get_by_label("Network: nothing sent");
    assert!(window.query_all_by_label("Research only").count() >= 2, "terms are told before anything is got");
    assert!(hub.requests().is_empty(), "looking sends nothing");

    click(&mut window, &format!("Download {TITLE}"));
    step_until(
        &mut window,
        "some of it is here",
        |w| matches!(stands(w), InstallState::Downloading(at) if at.done > 100_000),
    );
    window.run_steps(2);
    assert!(window.query_all_by_label_contains("1.2 MB").next().is_some(), "how much of how much");
    click(&mut window, &format!("Pause {TITLE}"));
    step_until(&mut window, "it is paused", |w| matches!(stands(w), InstallState::Paused(at) if at.done > 100_000));
    window.run_steps(2);
    window.get_by_label_contains("Paused · ");

    click(&mut window, &format!("Resume {TITLE}"));
    click(&mut window, "Close");
    assert!(!window.state().state().is_dialog_open(Dialog::Models));
    step_until(&mut window, "the status bar shows it", |w| {
        w.query_by_label_contains(&format!("Downloading {TITLE}")).is_some()
    });
    hub.manner().slow = None;
    step_until(&mut window, "it is here", |w| matches!(stands(w), InstallState::Installed { .. }));
    step_until(&mut window, "it is told", |w| w.query_by_label_contains(&format!("{TITLE} is installed")).is_some());
    window.run_steps(2);
    window.get_by_label_contains("Downloads from 127.0.0.1");

    window.get_by_label_contains("Model: Vicinity starter").click();
    window.run_steps(3);
    click(&mut window, &format!("Verify {TITLE}"));
    step_until(&mut window, "it is sound", |w| w.query_by_label("All files are intact").is_some());
    click(&mut window, &format!("Remove… {TITLE}"));
    window.get_by_label("Remove 1.2 MB from this computer? You can download it again.");
    click(&mut window, &format!("Cancel removing {TITLE}"));
    assert!(matches!(stands(&window), InstallState::Installed { .. }), "asking is not deleting");
    click(&mut window, &format!("Remove… {TITLE}"));
    click(&mut window, &format!("Remove {TITLE}"));
    step_until(&mut window, "it is gone", |w| stands(w) == InstallState::NotInstalled);
    assert!(!place.path().join("models").join(MODEL).exists());
}

#[test]
fn without_a_network_or_room_the_dialog_says_what_to_do() {
    let place = tempfile::tempdir().unwrap();
    let mut nobody = with_dialog(setup(options(place.path(), "http://127.0.0.1:9")));
    click(&mut nobody, &format!("Download {TITLE}"));
    step_until(&mut nobody, "the way out is told", |w| {
        w.query_by_label_contains("import the model from a folder or an archive").is_some()
    });
    nobody.get_by_label(&format!("Retry {TITLE}"));
    drop(nobody);

    let hub = hub();
    let full = InstallOptions { free_space: |_| Ok(33_000_000), ..options(place.path(), &hub.address) };
    let mut full = with_dialog(setup(full));
    click(&mut full, &format!("Download {TITLE}"));
    step_until(&mut full, "what is missing is told", |w| w.query_by_label_contains("free up ").is_some());
}

#[test]
fn the_first_start_offers_one_choice_once() {
    let (place, hub) = (tempfile::tempdir().unwrap(), hub());
    let settings = place.path().join("settings.json");
    let setup = || Setup { settings: Some(settings.clone()), ..setup(options(place.path(), &hub.address)) };
    let mut first = window(setup(), no_engine());
    step_until(&mut first, "the choice is offered", |w| w.query_by_label_contains("Photos: SigLIP 2 B/16").is_some());
    first.get_by_label_contains("Photos and documents: Nomic Embed v1.5");
    first.get_by_label_contains("Fast: SigLIP 2 B/32");
    first.get_by_label("Open folder…");
    assert!(hub.requests().is_empty(), "nothing is sent before a click");
    first.get_by_label_contains("Starter: Ready now").click();
    step_until(&mut first, "it is gone", |w| w.query_by_label_contains("Photos: SigLIP 2 B/16").is_none());
    assert!(hub.requests().is_empty(), "the starter needs nothing");
    drop(first);
    assert!(preferences::read(&settings).welcomed);

    let mut again = window(setup(), no_engine());
    step_until(&mut again, "the models are there", |w| w.state().state().view.model_list.is_some());
    again.run_steps(3);
    assert!(again.query_by_label_contains("Photos: SigLIP 2 B/16").is_none(), "never again");
}

#[test]
fn a_choice_of_the_first_start_is_got_and_kept_for_new_libraries() {
    let (place, hub) = (tempfile::tempdir().unwrap(), hub());
    let settings = place.path().join("settings.json");
    let setup = Setup { settings: Some(settings.clone()), ..setup(options(place.path(), &hub.address)) };
    let mut window = window(setup, no_engine());
    step_until(&mut window, "the choice is offered", |w| w.query_by_label_contains("Fast: SigLIP 2 B/32").is_some());
    window.get_by_label_contains("Fast: SigLIP 2 B/32").click();
    step_until(&mut window, "the hub is asked", |_| !hub.requests().is_empty());
    drop(window);
    assert_eq!(preferences::read(&settings).default_model.as_deref(), Some("siglip2-base-patch32-256"));
}
