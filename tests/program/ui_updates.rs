//! Looking for new versions: off until it is allowed, once a day, and quiet.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::window::{Setup, Window, no_engine, step_until, window};
use egui_kittest::kittest::Queryable as _;
use vicinity::app::{Environment, preferences};

const OUT: &str = "Version 99.0.0 is available: open its page in the browser";

/// A server on the loopback that gives the same answer to everyone, and what it was asked.
struct Server {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(head: &str, body: &[u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}/version.txt", listener.local_addr().expect("bound"));
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let (kept, answer) = (Arc::clone(&heads), [head.as_bytes(), b"\r\nConnection: close\r\n\r\n", body].concat());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut head = vec![0; 4096];
                let read = stream.read(&mut head).unwrap_or_default();
                kept.lock().expect("heads").push(String::from_utf8_lossy(&head[..read]).into_owned());
                // who has heard enough goes away
                let _gone = stream.write_all(&answer);
            }
        });
        Self { address, heads }
    }

    fn names(version: &str) -> Self {
        Self::new("HTTP/1.1 200 OK", format!("{version}\n").as_bytes())
    }

    fn asked(&self) -> usize {
        self.heads.lock().expect("heads").len()
    }
}

fn start(server: &Server, settings: &Path) -> Window {
    let environment = Environment { updates: Some(server.address.clone()), ..Environment::default() };
    window(Setup { settings: Some(settings.to_owned()), environment, ..Setup::default() }, no_engine())
}

/// Long enough for a question and its answer on the loopback.
fn wait(window: &mut Window) {
    for _ in 0..30 {
        window.step();
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn allowed(folder: &Path) -> std::path::PathBuf {
    let settings = folder.join("settings.json");
    std::fs::write(&settings, r#"{"updates": {"allowed": true}}"#).expect("written");
    settings
}

#[test]
fn nobody_is_asked_before_it_is_allowed_and_then_once_a_day() {
    let folder = tempfile::tempdir().expect("a folder");
    let (settings, server) = (folder.path().join("settings.json"), Server::names("99.0.0"));
    let mut first = start(&server, &settings);
    wait(&mut first);
    assert_eq!(server.asked(), 0);
    assert_eq!(first.state().state().view.network, []);

    first.get_by_label("Library menu: Vicinity").click();
    first.run_steps(3);
    first.get_by_label("Settings…").click();
    step_until(&mut first, "it says who would be asked", |w| w.query_by_label_contains("Checks 127.0.0.1:").is_some());
    // the dialog grows from its middle
    first.run_steps(4);
    first.get_by_label("Check for new versions").click();
    step_until(&mut first, "the newer version is told of", |w| w.query_by_label(OUT).is_some());
    wait(&mut first);
    assert_eq!(server.asked(), 1);
    let head = server.heads.lock().expect("heads")[0].to_ascii_lowercase();
    assert!(head.starts_with("get /version.txt http/1.1\r\n"), "{head}");
    let sent: Vec<_> = head.lines().skip(1).filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
    let usual = ["accept", "accept-encoding", "host", "user-agent"];
    assert!(sent.iter().all(|name| usual.contains(name)), "{head}");
    assert!(!head.contains(env!("CARGO_PKG_VERSION")), "{head}");
    let network = &first.state().state().view.network;
    assert_eq!((network.len(), network[0].purpose, network[0].requests), (1, "checking for new versions", 1));
    drop(first);

    let mut again = start(&server, &settings);
    wait(&mut again);
    again.get_by_label(OUT);
    assert_eq!(server.asked(), 1, "not again on the same day");
    drop(again);
    let mut kept = preferences::read(&settings);
    kept.updates.asked -= 24 * 60 * 60;
    preferences::write(&kept, &settings).expect("written");
    let mut tomorrow = start(&server, &settings);
    wait(&mut tomorrow);
    assert_eq!(server.asked(), 2);
}

#[test]
fn this_version_is_no_news() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::names(env!("CARGO_PKG_VERSION"));
    let mut window = start(&server, &allowed(folder.path()));
    step_until(&mut window, "the answer is there", |w| w.state().state().preferences.updates.newest.is_some());
    wait(&mut window);
    assert!(window.query_by_label_contains("is available").is_none());
}

#[test]
fn whatever_else_is_answered_is_no_news_either() {
    let answers: [(&str, Vec<u8>); 6] = [
        ("HTTP/1.1 404 Not Found", b"99.0.0".to_vec()),
        ("HTTP/1.1 200 OK", b"<!doctype html><title>99.0.0</title>".to_vec()),
        ("HTTP/1.1 200 OK", vec![b'9'; 20 << 20]),
        ("HTTP/1.1 200 OK", b"\xff\xfe99.0.0".to_vec()),
        ("HTTP/1.1 302 Found\r\nLocation: /version.txt", Vec::new()),
        ("no HTTP at all", Vec::new()),
    ];
    for (head, body) in answers {
        let folder = tempfile::tempdir().expect("a folder");
        let (server, settings) = (Server::new(head, &body), allowed(folder.path()));
        let mut window = start(&server, &settings);
        step_until(&mut window, "it was asked", |_| server.asked() > 0);
        wait(&mut window);
        let state = window.state().state();
        assert_eq!((state.preferences.updates.newest.as_deref(), state.library().notices.len()), (None, 0), "{head}");
        let received: u64 = state.view.network.iter().map(|used| used.bytes).sum();
        assert!(received < 1 << 20, "{head}: {received} bytes");
        drop(window);
        assert!(preferences::read(&settings).updates.asked > 0, "{head}: not asked again on the same day");
    }
}
