//! Twenty thousand texts through a service that fails every twentieth time, into a library; and what happens when it
//! fails for good. Alone in its process, because it reads all that is logged.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use vicinity_core::Part;
use vicinity_engine::{Engine, Event, ImportOptions, ImportSummary, Job, OpenError, Severity};
use vicinity_models::remote::{Key, Provider, ProviderSpec, RemoteError, RetryPolicy};

use crate::support::service::{KEY, Reply, Request, Service, google_quota, nomic, unit};

const ITEMS: usize = 20_000;
const DIM: usize = 8;

/// Everything that anyone logs, at every level.
struct Log(Mutex<String>);

static LOG: Log = Log(Mutex::new(String::new()));

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        use std::fmt::Write;
        let _cannot_fail = writeln!(self.0.lock().unwrap(), "{} {}", record.target(), record.args());
    }

    fn flush(&self) {}
}

/// One fault in twenty, of each kind in turn.
fn fault(number: usize, request: &Request) -> Option<Reply> {
    if number % 20 != 7 {
        return None;
    }
    let good = nomic(request);
    Some(match number / 20 % 10 {
        0 => Reply::status(429, &json!({ "detail": format!("too many requests with {KEY}") })).with("retry-after", "0"),
        1 => google_quota("0.05s"),
        2 => Reply::status(500, &json!({ "message": format!("Bearer {KEY} broke me") })),
        3 => Reply::status(503, &json!({})),
        4 => Reply::Cut,
        5 => good.half(),
        6 => Reply::ok(&json!({ "embeddings": vec![vec![0.5; DIM]; 11] })),
        7 => Reply::ok(&json!({ "embeddings": vec![vec![json!(null); DIM]; 10] })),
        8 => Reply::Answer { status: 200, headers: vec![], body: KEY.into() },
        _ => Reply::Slow(Duration::from_secs(2), Box::new(good)),
    })
}

fn spec(service: &Service) -> ProviderSpec {
    let retry_policy = RetryPolicy {
        retries: 8,
        initial_delay: Duration::from_millis(10),
        max_delay: Duration::from_millis(200),
        max_retry_after: Duration::from_secs(5),
        timeout: Duration::from_millis(1500),
    };
    ProviderSpec {
        base_url: Some(service.url()),
        dimensions: Some(DIM),
        retry_policy,
        ..ProviderSpec::new(Provider::Nomic, None)
    }
}

fn text(n: usize) -> String {
    format!("row {n} tells of thing {}", n * 7919 % 104_729)
}

/// Allows the service, as the user does.
fn allow(library: &Path, host: &str) {
    let engine = Engine::open(library, || {}).unwrap();
    assert_eq!(engine.remote_hosts().unwrap(), Vec::<String>::new(), "off in a new library");
    engine.allow_remote(host, true).unwrap();
}

fn open(library: &Path, spec: &ProviderSpec, runtime: &tokio::runtime::Runtime) -> Engine {
    let engine = Engine::open_remote(library, spec, Key::new(KEY).ok(), runtime.handle().clone(), || {}).unwrap();
    let options = ImportOptions { rows: true, ..engine.import_options() };
    engine.submit(Job::SetImport(options));
    engine
}

/// Runs a job to its end: its summary, the errors on the way, and those of the service among them.
fn run_noting(engine: &Engine, job: Job) -> (ImportSummary, Vec<String>, Vec<RemoteError>) {
    engine.submit(job);
    let (mut errors, mut of_service) = (Vec::new(), Vec::new());
    loop {
        match engine.events().recv_timeout(Duration::from_secs(300)).unwrap() {
            Event::Notice(notice) if notice.severity == Severity::Error => errors.push(notice.text),
            Event::ServiceFailed(error) => of_service.push(error),
            Event::ImportFinished(summary) => return (summary, errors, of_service),
            _ => {}
        }
    }
}

fn run(engine: &Engine, job: Job) -> (ImportSummary, Vec<String>) {
    let (summary, errors, _) = run_noting(engine, job);
    (summary, errors)
}

/// Every text has its own vector, and has it once.
fn assert_whole(engine: &Engine) {
    let snapshot = engine.snapshot();
    assert_eq!(snapshot.len(), ITEMS);
    let mut seen: HashMap<u32, usize> = HashMap::new();
    for at in 0..snapshot.len() {
        let item = snapshot.item(at).unwrap();
        let row = item.part.and_then(Part::row).unwrap();
        *seen.entry(row).or_default() += 1;
        let text = text(row as usize - 1);
        assert_eq!(item.snippet.as_deref(), Some(text.as_str()));
        let wanted = unit(format!("search_document truncate {text}").as_bytes(), DIM);
        assert_eq!(snapshot.vector(at), Some(wanted.as_slice()), "row {row}");
    }
    assert!(seen.len() == ITEMS && seen.values().all(|times| *times == 1));
    assert_eq!(engine.check(), Vec::<String>::new());
    assert!(engine.failures().is_empty());
}

fn holds_key(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => holds_key(&path),
            false => std::fs::read(path).unwrap().windows(8).any(|window| window == &KEY.as_bytes()[..8]),
        }
    })
}

#[test]
fn twenty_thousand_texts_survive_a_bad_service() {
    log::set_logger(&LOG).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let place = tempfile::tempdir().unwrap();
    let (library, table) = (place.path().join("library"), place.path().join("rows.csv"));
    let rows: String = (0..ITEMS).map(|n| text(n) + "\n").collect();
    std::fs::write(&table, format!("text\n{rows}")).unwrap();

    // The service takes the key back in the middle of the first run, and has it again in the second.
    let (faults, ends_at) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(700)));
    let (count, end) = (Arc::clone(&faults), Arc::clone(&ends_at));
    let service = Service::start(move |request, number| {
        if number >= end.load(Ordering::Relaxed) {
            return Reply::status(401, &json!({ "detail": format!("{KEY} has expired") }));
        }
        let bad = fault(number, request);
        count.fetch_add(usize::from(bad.is_some()), Ordering::Relaxed);
        bad.unwrap_or_else(|| nomic(request))
    });
    let spec = spec(&service);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();

    let refused = Engine::open_remote(&library, &spec, Key::new(KEY).ok(), runtime.handle().clone(), || {});
    assert!(matches!(refused, Err(OpenError::NotAllowed { .. })), "nothing leaves before the user has said so");
    assert_eq!(service.count(), 0);
    allow(&library, &service.host());

    let start = Instant::now();
    let engine = open(&library, &spec, &runtime);
    let (first, errors, of_service) = run_noting(&engine, Job::Add(vec![table]));
    assert!(first.cancelled && first.failed == 0, "{first:?}");
    assert!(errors.len() == 1 && errors[0].contains("rejected the API key"), "{errors:?}");
    assert!(matches!(of_service.as_slice(), [RemoteError::Key { .. }]), "{of_service:?}");
    assert!(first.items > 0 && first.items < ITEMS as u64, "{first:?}");
    drop(engine);

    ends_at.store(usize::MAX, Ordering::Relaxed);
    let engine = open(&library, &spec, &runtime);
    let (second, more) = run(&engine, Job::Rescan);
    let seconds = start.elapsed().as_secs_f64();
    assert!(more.is_empty() && second.failed == 0 && !second.cancelled, "{second:?} {more:?}");
    assert_eq!(first.items + second.embedded, ITEMS as u64, "goes on where it stopped");
    assert_whole(&engine);
    drop(engine);

    assert!(!holds_key(&library), "a key in the library");
    let log = LOG.0.lock().unwrap().clone();
    assert!(log.contains("retrying") && log.contains("vicinity"), "the log was read");
    for piece in [KEY, &KEY[..12], &KEY[KEY.len() - 12..]] {
        let line = log.lines().find(|line| line.contains(piece));
        assert_eq!(line, None, "a key in the log");
        assert!(!errors.iter().any(|error| error.contains(piece)));
    }
    let (requests, faults) = (service.count(), faults.load(Ordering::Relaxed));
    assert!(faults * 25 >= requests, "{faults} faults in {requests} requests");
    println!(
        "soak: {ITEMS} items, {requests} requests, {faults} faults ({:.1} %), stopped at {} and resumed, \
         {} stored then, {seconds:.1} s, {} lines logged without a key",
        100.0 * faults as f64 / requests as f64,
        first.items,
        second.embedded,
        log.lines().count()
    );
}
