//! Embedding services in the window: nothing before consent, a wrong key told and survived, usage shown, switched off.

use std::path::Path;

use crate::support::service::{KEY, Service, nomic};
use crate::support::window::{Setup, Window, click, step_until, window};
use egui::Key;
use egui_kittest::kittest::Queryable as _;
use vicinity::app::engine;
use vicinity_core::Stage;
use vicinity_engine::{remote, service};

const WRONG: &str = "nk-WR0NGk3y-abcdefghij";

/// Two texts and a picture, embedded by the built-in model.
fn library(place: &Path) -> Window {
    let files = place.join("files");
    std::fs::create_dir(&files).unwrap();
    std::fs::write(files.join("a.txt"), "a dog runs along the beach").unwrap();
    std::fs::write(files.join("b.txt"), "bread without yeast").unwrap();
    image::RgbImage::from_fn(640, 400, |x, y| image::Rgb([x as u8, y as u8, 9])).save(files.join("c.png")).unwrap();
    let setup = Setup { folders: vec![files], data: Some(place.join("data")), ..Setup::default() };
    let mut window = window(setup, engine::opener(Default::default()));
    step_until(&mut window, "all is embedded", |w| embedded(w, 3));
    window
}

fn embedded(window: &Window, items: usize) -> bool {
    let state = window.state().state();
    state.library().snapshot.as_ref().is_some_and(|s| s.len() == items) && state.library().progress.stage == Stage::Idle
}

fn dialog(window: &mut Window) {
    window.key_press(Key::P);
    window.run_steps(3);
    for letter in "embedding serv".chars() {
        window.event(egui::Event::Text(letter.to_string()));
    }
    window.run_steps(3);
    window.key_press(Key::Enter);
    step_until(window, "the dialog is open", |w| w.query_by_label("Service API key").is_some());
}

fn fill(window: &mut Window, label: &str, text: &str) {
    window.get_by_label(label).set_text_value_accesskit(text);
    window.run_steps(3);
}

#[test]
fn nothing_is_sent_before_consent_and_a_wrong_key_leaves_the_library_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let service = Service::start(|request, _| nomic(request));
    let mut window = library(place.path());
    let path = window.state().state().library.as_ref().unwrap().path.clone();
    dialog(&mut window);
    fill(&mut window, "Service address", &service.url());
    fill(&mut window, "Service API key", WRONG);
    click(&mut window, "Review what will be sent…");
    step_until(&mut window, "the offer is shown", |w| w.query_by_label("Items: 3").is_some());
    window.get_by_label(&format!("What will be sent to {}", service.host()));
    window.get_by_label_contains("reduced in size, without EXIF or GPS data");
    window.get_by_label("Requests: about 2");
    assert_eq!(service.count(), 0, "reading the offer sends nothing");
    click(&mut window, "Cancel");
    assert_eq!(remote::is_allowed(&path, &service.host()).ok(), Some(false));

    click(&mut window, "Review what will be sent…");
    step_until(&mut window, "the offer is shown again", |w| w.query_by_label("Items: 3").is_some());
    click(&mut window, "Switch on for this library");
    step_until(&mut window, "the key is refused", |w| w.query_by_label("The API key was rejected").is_some());
    window.run_steps(2);
    window.get_by_label_contains("enter it again below");
    window.get_by_label_contains("is still in use; nothing was sent");
    // The local model may be looking for changes in the folder.
    step_until(&mut window, "the library is as it was", |w| {
        w.state().state().library().services.active.is_none() && embedded(w, 3)
    });
    assert_eq!(remote::is_allowed(&path, &service.host()).ok(), Some(false));
    assert!(service.requests().iter().all(|r| !String::from_utf8_lossy(&r.body).contains("beach")), "our word alone");
    assert!(window.query_by_label_contains("WR0NG").is_none(), "the key is not shown");

    fill(&mut window, "Service API key", KEY);
    click(&mut window, "Review what will be sent…");
    step_until(&mut window, "the offer is shown for the new key", |w| w.query_by_label("Items: 3").is_some());
    click(&mut window, "Switch on for this library");
    step_until(&mut window, "it is on", |w| w.state().state().library().services.active.is_some());
    assert_eq!(remote::is_allowed(&path, &service.host()).ok(), Some(true));
    step_until(&mut window, "all is embedded by the service", |w| {
        embedded(w, 3) && w.state().state().library().services.active.as_ref().is_some_and(|on| on.usage.requests >= 2)
    });
    window.run_steps(3);
    window.get_by_label_contains("This library is embedded by");
    window.get_by_label_contains(&format!("Sent to {}", service.host()));
    assert!(window.query_by_label("Tokens: 0").is_none(), "what was spent is shown");

    click(&mut window, "Switch off");
    step_until(&mut window, "the local model is back", |w| {
        w.state().state().library().services.active.is_none() && embedded(w, 3)
    });
    assert_eq!(remote::is_allowed(&path, &service.host()).ok(), Some(false));
    assert!(service::saved(&path).is_none());
    let library = std::fs::read_dir(&path).unwrap().flatten().filter(|entry| entry.path().is_file());
    for file in library {
        let bytes = std::fs::read(file.path()).unwrap();
        let holds = |key: &str| bytes.windows(key.len()).any(|part| part == key.as_bytes());
        assert!(!holds(KEY) && !holds(WRONG), "a key in {}", file.path().display());
    }
}
