//! Services in the library and on the command line: nothing without consent, bad items alone, keys unseen.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vicinity_core::{Query, QueryPart};
use vicinity_engine::{Engine, Event, Job, OpenError, SearchSlot, remote, service};
use vicinity_models::remote::{Key, Provider, ProviderSpec};

use crate::support::service::{KEY, Reply, Service, TOO_LONG, gemini, nomic, openai, unit};

fn vicinity(arguments: &[&str], service: &Service, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vicinity"));
    command.arg("embed").args(arguments).args(["--base-url", &service.url()]).stdin(Stdio::null());
    for name in ["NOMIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY", "DBUS_SESSION_BUS_ADDRESS"] {
        command.env_remove(name);
    }
    command.env("VICINITY_LOG", "trace").envs(variables.iter().copied()).output().unwrap()
}

fn printed(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn vector(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
}

#[test]
fn the_command_prints_what_the_sdk_gives() {
    let service = Service::start(|request, _| nomic(request));
    let arguments = [
        "--provider",
        "nomic",
        "--task",
        "search_query",
        "--long-text",
        "mean",
        "--dimensions",
        "64",
        "--text",
        "a dog",
        "cats",
    ];
    let done = vicinity(&arguments, &service, &[("NOMIC_API_KEY", KEY)]);
    let value = printed(&done);
    assert_eq!(value["inference_mode"], "remote");
    assert_eq!(value["model"], "nomic-embed-text-v1.5");
    assert_eq!(value["usage"], json!({ "prompt_tokens": 3, "total_tokens": 4 }));
    assert_eq!(vector(&value["embeddings"][1]), unit(b"search_query mean cats", 64));
    let said = stderr(&done);
    assert!(said.contains("texts in full: 2 items"), "{said}");
    assert!(!said.contains(&KEY[3..12]), "a key in the log");

    let dynamic = vicinity(&["--inference-mode", "dynamic", "--text", "a dog"], &service, &[("NOMIC_API_KEY", KEY)]);
    assert_eq!(printed(&dynamic)["inference_mode"], "remote", "the only place that is there");
    let sent = service.count();
    let local = vicinity(
        &["--provider", "nomic", "--inference-mode", "local", "--text", "a"],
        &service,
        &[("NOMIC_API_KEY", KEY)],
    );
    assert_eq!((service.count(), local.status.success()), (sent, false), "local never sends");
}

#[test]
fn the_command_speaks_to_all_providers() {
    let service = Service::start(|request, _| gemini(request));
    let arguments = ["--provider", "gemini", "--task", "semantic_similarity", "--dimensions", "128", "--text", "a dog"];
    let value = printed(&vicinity(&arguments, &service, &[("GOOGLE_API_KEY", KEY)]));
    assert_eq!(vector(&value["embeddings"][0]), unit(b"a dog", 128));
    assert_eq!(service.requests()[0].json()["taskType"], "SEMANTIC_SIMILARITY");

    let service = Service::start(|request, _| openai(request));
    let arguments = ["--provider", "openai", "--model", "bge-m3", "--text", "a dog"];
    let value = printed(&vicinity(&arguments, &service, &[]));
    assert_eq!(vector(&value["embeddings"][0]), unit(b"a dog", 24));
    assert_eq!(value["model"], "bge-m3");
}

#[test]
fn the_command_says_what_is_wrong_without_the_key() {
    let service = Service::start(|request, _| nomic(request));
    let texts = ["--provider", "nomic", "--text", "a", TOO_LONG, "b"];
    let done = vicinity(&texts, &service, &[("NOMIC_API_KEY", KEY)]);
    let value = printed(&done);
    assert!(value["embeddings"][0].is_array() && value["embeddings"][1].is_null() && value["embeddings"][2].is_array());
    assert!(stderr(&done).contains("text is too long") && done.status.code() == Some(2));

    let wrong = "nk-WR0NGk3y-abcdefghij";
    let done = vicinity(&texts, &service, &[("NOMIC_API_KEY", wrong)]);
    assert!(stderr(&done).contains("rejected the API key") && done.status.code() == Some(2));
    assert!(!stderr(&done).contains("WR0NG") && done.stdout.is_empty(), "{}", stderr(&done));

    let done = vicinity(&texts, &service, &[]);
    assert!(stderr(&done).contains("NOMIC_API_KEY"), "{}", stderr(&done));
    let retired = vicinity(&["--provider", "gemini", "--model", "text-embedding-004", "--text", "a"], &service, &[]);
    assert!(stderr(&retired).contains("ended text-embedding-004 on 2026-01-14"), "{}", stderr(&retired));
}

fn wait<R>(engine: &Engine, job: Job, mut take: impl FnMut(Event) -> Option<R>) -> R {
    engine.submit(job);
    loop {
        if let Some(found) = take(engine.events().recv_timeout(Duration::from_secs(60)).unwrap()) {
            return found;
        }
    }
}

struct Place {
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Place {
    /// Two texts, one too long, and a picture.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("files");
        std::fs::create_dir(&files).unwrap();
        std::fs::write(files.join("a.txt"), "a dog").unwrap();
        std::fs::write(files.join("b.txt"), "a cat").unwrap();
        std::fs::write(files.join("c.txt"), TOO_LONG).unwrap();
        image::RgbImage::from_fn(900, 600, |x, y| image::Rgb([x as u8, y as u8, 9])).save(files.join("d.png")).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { folder, runtime }
    }

    fn library(&self) -> std::path::PathBuf {
        self.folder.path().join("library")
    }

    fn files(&self) -> std::path::PathBuf {
        self.folder.path().join("files")
    }

    fn allow(&self, host: &str, on: bool) {
        Engine::open(&self.library(), || {}).unwrap().allow_remote(host, on).unwrap();
    }

    fn open(&self, spec: &ProviderSpec) -> Result<Engine, OpenError> {
        Engine::open_remote(&self.library(), spec, Key::new(KEY).ok(), self.runtime.handle().clone(), || {})
    }
}

fn spec(service: &Service) -> ProviderSpec {
    ProviderSpec { base_url: Some(service.url()), ..ProviderSpec::new(Provider::Nomic, None) }
}

#[test]
fn a_library_is_sent_nowhere_until_its_user_says_so() {
    let (place, service) = (Place::new(), Service::start(|request, _| nomic(request)));
    let spec = spec(&service);
    assert!(matches!(place.open(&spec), Err(OpenError::NotAllowed { .. })));
    place.allow("elsewhere.example", true);
    assert!(matches!(place.open(&spec), Err(OpenError::NotAllowed { .. })), "another host was switched on");
    place.allow(&service.host(), true);
    assert!(remote::is_allowed(&place.library(), &service.host()).unwrap());
    assert!(!remote::is_allowed(Path::new("/no/such/library"), &service.host()).unwrap());

    let engine = place.open(&spec).unwrap();
    assert_eq!(engine.model_info().key.name, "nomic-embed-v1.5");
    let summary = wait(&engine, Job::Add(vec![place.files()]), |event| match event {
        Event::ImportFinished(summary) => Some(summary),
        _ => None,
    });
    assert_eq!([summary.images, summary.texts, summary.failed], [1, 2, 1], "the bad one alone");
    assert!(engine.failures()[0].reason.contains("too long"), "{:?}", engine.failures());
    let estimate = remote::estimate(&engine.snapshot(), &spec).unwrap();
    assert_eq!((estimate.items, estimate.requests, &estimate.host), (3, 2, &service.host()));

    let query = Query { parts: vec![QueryPart::Text("pets".into())], k: 5, ..Query::default() };
    let ask = |ticket| {
        wait(&engine, Job::Search { slot: SearchSlot::Results, ticket, query: query.clone() }, |event| match event {
            Event::SearchDone { result, ticket: t, .. } if t == ticket => Some(result),
            _ => None,
        })
    };
    assert_eq!(ask(1).unwrap().hits.len(), 3);
    assert_eq!(service.requests().last().unwrap().json()["task_type"], "search_query");

    engine.allow_remote(&service.host(), false).unwrap();
    let sent = service.count();
    assert!(ask(2).unwrap_err().to_string().contains("switched off"));
    drop(engine);
    assert!(matches!(place.open(&spec), Err(OpenError::NotAllowed { .. })));
    assert_eq!(service.count(), sent, "nothing is sent any more");
}

#[test]
fn a_cancelled_import_ends_at_once_and_blames_no_file() {
    let place = Place::new();
    let service = Service::start(|request, _| Reply::Slow(Duration::from_secs(30), Box::new(nomic(request))));
    place.allow(&service.host(), true);
    let engine = place.open(&spec(&service)).unwrap();
    engine.submit(Job::Add(vec![place.files()]));
    while service.count() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let start = Instant::now();
    let summary = wait(&engine, Job::Cancel, |event| match event {
        Event::ImportFinished(summary) => Some(summary),
        _ => None,
    });
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(summary.cancelled && summary.failed == 0 && engine.failures().is_empty(), "{summary:?}");
}

fn index(place: &Place, service: &Service, more: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vicinity"));
    command.arg("index").arg(place.files()).args(["--provider", "nomic", "--base-url", &service.url()]).args(more);
    command.arg("--library").arg(place.library()).stdin(Stdio::null());
    for name in ["NOMIC_API_KEY", "DBUS_SESSION_BUS_ADDRESS"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied()).output().unwrap()
}

#[test]
fn index_asks_before_anything_is_sent_and_the_library_remembers_the_service() {
    let (place, service) = (Place::new(), Service::start(|request, _| nomic(request)));
    let key = [("NOMIC_API_KEY", KEY)];
    let refused = index(&place, &service, &[], &key);
    assert!(!refused.status.success());
    let said = stderr(&refused);
    assert!(said.contains("4 items") && said.contains("--yes"), "{said}");
    assert_eq!(service.count(), 0, "nobody was there to agree");

    let done = index(&place, &service, &["--yes", "--json"], &key);
    assert!(done.status.success(), "{}", stderr(&done));
    let lines = String::from_utf8(done.stdout).unwrap();
    let summary: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((&summary["embedded"], &summary["failed"]), (&json!(3), &json!(1)), "{summary}");
    assert_eq!(service::saved(&place.library()).map(|s| s.provider), Some(Provider::Nomic));

    let sent = service.count();
    let search = |more: &[&str], variables: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vicinity"));
        command.args(["search", "pets", "--library"]).arg(place.library()).args(more).stdin(Stdio::null());
        command.env_remove("NOMIC_API_KEY").env_remove("DBUS_SESSION_BUS_ADDRESS");
        command.envs(variables.iter().copied()).output().unwrap()
    };
    assert!(search(&[], &key).status.success());
    assert_eq!(service.count(), sent + 1, "the query is embedded by the same service");
    let without = search(&[], &[]);
    assert!(stderr(&without).contains("the local model is used"), "{}", stderr(&without));
    assert_eq!(service.count(), sent + 1);
    assert!(search(&["--model", "starter"], &key).status.code() != Some(2));
    assert!(service::saved(&place.library()).is_none(), "a local model was chosen");
    assert_eq!(service.count(), sent + 1);
}
