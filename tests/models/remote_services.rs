//! Each service is spoken to as it describes itself, and what it does wrong never becomes a vector.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::runtime::Runtime;
use vicinity_core::Picture;
use vicinity_models::remote::{
    Embedded, Estimate, GeminiTask, Input, Key, Provider, ProviderSpec, Remote, RemoteError, RetryPolicy,
    inference_mode, picture,
};
use vicinity_models::{LongText, TextOptions, TextTask};

use crate::support::service::{KEY, Reply, Request, Service, TOO_LONG, gemini, google_quota, nomic, openai, unit};

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn quick() -> RetryPolicy {
    RetryPolicy {
        retries: 4,
        initial_delay: Duration::from_millis(5),
        max_delay: Duration::from_millis(40),
        max_retry_after: Duration::from_secs(5),
        timeout: Duration::from_secs(20),
    }
}

fn spec(provider: Provider, service: &Service) -> ProviderSpec {
    ProviderSpec { base_url: Some(service.url()), retry_policy: quick(), ..ProviderSpec::new(provider, None) }
}

fn key() -> Option<Key> {
    Key::new(KEY).ok()
}

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("text number {n}")).collect()
}

fn inputs(texts: &[String]) -> Vec<Input> {
    texts.iter().cloned().map(Input::Text).collect()
}

type Results = Vec<Result<Embedded, RemoteError>>;

/// One call; what comes of each item.
fn embed(spec: &ProviderSpec, texts: &[String], options: TextOptions) -> Results {
    let runtime = runtime();
    let results = Remote::open(spec, key(), runtime.handle().clone()).unwrap().embed(inputs(texts), options);
    runtime.shutdown_background();
    results
}

/// One text with a service that goes through these replies, and then works.
fn one(replies: Vec<Reply>) -> (Result<Embedded, RemoteError>, Service) {
    let service = Service::start(move |request, n| replies.get(n).cloned().unwrap_or_else(|| nomic(request)));
    let result = embed(&spec(Provider::Nomic, &service), &texts(1), TextOptions::default()).pop().unwrap();
    (result, service)
}

fn nomic_unit(text: &str) -> Vec<f32> {
    unit(format!("search_document truncate {text}").as_bytes(), 768)
}

fn values(result: &Result<Embedded, RemoteError>) -> &[f32] {
    result.as_ref().unwrap().embedding.as_slice()
}

fn assert_in_order(results: &Results, texts: &[String]) {
    assert_eq!(results.len(), texts.len());
    for (result, text) in results.iter().zip(texts) {
        assert_eq!(values(result), nomic_unit(text), "{text}");
    }
}

#[test]
fn nomic_texts_come_back_in_order_and_are_counted() {
    let service = Service::start(|request, n| {
        // early requests answer late
        Reply::Slow(Duration::from_millis(60u64.saturating_sub(20 * n as u64)), Box::new(nomic(request)))
    });
    let (runtime, texts) = (runtime(), texts(25));
    let remote = Remote::open(&spec(Provider::Nomic, &service), key(), runtime.handle().clone()).unwrap();
    let results = remote.embed(inputs(&texts), TextOptions::default());
    assert_in_order(&results, &texts);
    assert_eq!(service.count(), 3);
    let body = service.requests()[0].json();
    assert_eq!(
        (body["model"].as_str(), body["max_tokens_per_text"].as_u64()),
        (Some("nomic-embed-text-v1.5"), Some(8192))
    );
    let usage = remote.usage();
    assert_eq!([usage.prompt_tokens, usage.total_tokens, usage.requests, usage.repeated], [75, 78, 3, 0]);
    assert_eq!(results.iter().map(|r| r.as_ref().unwrap().tokens).sum::<usize>(), 75);
}

#[test]
fn nomic_is_told_task_length_and_dimension() {
    let service = Service::start(|request, _| nomic(request));
    let spec = ProviderSpec { dimensions: Some(256), max_tokens: Some(512), ..spec(Provider::Nomic, &service) };
    let options = TextOptions { task: TextTask::SearchQuery, long_text: LongText::Mean };
    let results = embed(&spec, &texts(1), options);
    assert_eq!(values(&results[0]), unit(b"search_query mean text number 0", 256));
    let body = service.requests()[0].json();
    assert_eq!((body["dimensionality"].as_u64(), body["max_tokens_per_text"].as_u64()), (Some(256), Some(512)));
}

fn photo(width: u32, height: u32) -> Picture {
    let pixel = |i: u32| [(i % width * 255 / width) as u8, (i / width * 255 / height) as u8, 90];
    Picture::new(width, height, (0..width * height).flat_map(pixel).collect()).unwrap()
}

#[test]
fn nomic_pictures_go_shrunk_and_bare() {
    let service = Service::start(|request, _| nomic(request));
    let runtime = runtime();
    let remote = Remote::open(&spec(Provider::Nomic, &service), key(), runtime.handle().clone()).unwrap();
    let model = remote.model();
    let photos = [photo(1200, 900), photo(300, 200), photo(1023, 512)];
    let pixels: Vec<_> = photos.iter().map(|photo| model.image.prepare(photo)).collect();
    let vectors = model.image.embed(&pixels).unwrap();
    let sent: Vec<Vec<u8>> = service.requests()[0]
        .parts()
        .into_iter()
        .filter(|(name, ..)| name == "images")
        .map(|(_, _, file)| file)
        .collect();
    for (at, size) in [(600, 450), (300, 200), (1023, 512)].into_iter().enumerate() {
        let decoded = image::load_from_memory_with_format(&sent[at], image::ImageFormat::Jpeg).unwrap();
        assert_eq!((decoded.width(), decoded.height()), size);
        assert!(!sent[at].windows(4).any(|w| w == b"Exif") && !sent[at].windows(2).any(|w| w == [0xff, 0xe1]));
        assert_eq!(vectors[at].as_slice(), unit(&sent[at], 768));
    }
}

#[test]
fn nomic_fetches_pictures_by_address() {
    let service = Service::start(|request, _| nomic(request));
    let runtime = runtime();
    let spec = ProviderSpec { dimensions: Some(64), ..spec(Provider::Nomic, &service) };
    let remote = Remote::open(&spec, key(), runtime.handle().clone()).unwrap();
    let results = remote.embed(vec![Input::Url("https://a.b/c d.png".into())], TextOptions::default());
    assert_eq!(values(&results[0]).len(), 64, "pictures are shortened here");
    assert_eq!(service.requests()[0].body, b"model=nomic-embed-vision-v1.5&urls=https%3A%2F%2Fa.b%2Fc%20d.png");
}

#[test]
fn one_bad_item_fails_alone() {
    for provider in Provider::ALL {
        let service = Service::start(move |request, _| match provider {
            Provider::Nomic => nomic(request),
            Provider::Gemini => gemini(request),
            Provider::OpenAi => openai(request),
        });
        let mut texts = texts(10);
        texts[3] = format!("{TOO_LONG} by far");
        let spec = ProviderSpec { dimensions: Some(24), ..spec(provider, &service) };
        let results = embed(&spec, &texts, TextOptions::default());
        let failed: Vec<usize> = (0..10).filter(|at| results[*at].is_err()).collect();
        assert_eq!(failed, [3], "{provider:?}");
        let error = results[3].as_ref().unwrap_err();
        assert!(matches!(error, RemoteError::Refused { .. }), "{error}");
        assert_eq!(service.count(), 9, "halving ten, four times");
    }
}

#[test]
fn when_all_are_refused_the_service_is_at_fault() {
    let service = Service::start(|_, _| Reply::status(400, &json!({ "error": "unsupported parameter" })));
    let results = embed(&spec(Provider::Nomic, &service), &texts(10), TextOptions::default());
    assert!(results.iter().all(|result| !result.as_ref().unwrap_err().concerns_item()));
    assert!(results[0].as_ref().unwrap_err().to_string().contains("unsupported parameter"));
}

#[test]
fn a_wrong_key_ends_the_call_and_is_never_shown() {
    let wrong = "sk-WR0NGk3y-abcdefghijklmnop";
    for provider in [Provider::Nomic, Provider::Gemini] {
        let service = Service::start(move |request, _| match provider {
            Provider::Gemini => gemini(request),
            _ => nomic(request),
        });
        let runtime = runtime();
        let spec = spec(provider, &service);
        let remote = Remote::open(&spec, Key::new(wrong).ok(), runtime.handle().clone()).unwrap();
        let results = remote.embed(inputs(&texts(5)), TextOptions::default());
        for error in results.into_iter().map(Result::unwrap_err) {
            assert!(matches!(error, RemoteError::Key { .. }), "{error}");
            assert!(!format!("{error}{error:?}").contains("WR0NG"), "{error}");
        }
        assert_eq!(service.count(), 1, "a wrong key is not tried again");
        assert!(!format!("{:?}", remote.info()).contains("WR0NG"));
    }
    // Another error may carry the key back, too.
    let service = Service::start(|request, _| {
        let heard = request.header("authorization").unwrap().to_owned();
        Reply::status(400, &json!({ "error": { "message": format!("{heard}, that is {}***", &heard[7..17]) } }))
    });
    let results = embed(&spec(Provider::OpenAi, &service), &texts(1), TextOptions::default());
    let said = results[0].as_ref().unwrap_err().to_string();
    assert!(said.contains("[key]") && !said.contains(&KEY[..8]), "{said}");
}

#[test]
fn a_missing_key_and_a_key_in_the_clear_are_refused_unsent() {
    let runtime = runtime();
    let open = |spec: &ProviderSpec, key| {
        Remote::open(spec, key, runtime.handle().clone()).map(|_| ()).unwrap_err().to_string()
    };
    assert!(open(&ProviderSpec::new(Provider::Nomic, None), None).contains("NOMIC_API_KEY"));
    let clear =
        ProviderSpec { base_url: Some("http://example.com".into()), ..ProviderSpec::new(Provider::OpenAi, None) };
    assert!(open(&clear, key()).contains("unencrypted"));
}

#[test]
fn waits_that_a_service_asks_for_are_kept() {
    let busy = Reply::status(429, &json!({ "detail": "slow down" })).with("retry-after", "1");
    let start = Instant::now();
    let (result, service) = one(vec![busy]);
    assert_eq!(values(&result), nomic_unit("text number 0"));
    assert!(start.elapsed() >= Duration::from_secs(1) && service.count() == 2);

    let start = Instant::now();
    let google = Service::start(|request, n| if n == 0 { google_quota("0.7s") } else { gemini(request) });
    embed(&spec(Provider::Gemini, &google), &texts(1), TextOptions::default()).remove(0).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(700) && google.count() == 2);
}

#[test]
fn a_wait_of_an_hour_ends_the_call() {
    let (result, service) = one(vec![Reply::status(429, &json!({})).with("retry-after", "3600")]);
    assert!(matches!(result, Err(RemoteError::Busy { ref reason, .. }) if reason.contains("60 minutes")), "{result:?}");
    assert_eq!(service.count(), 1);
}

#[test]
fn passing_faults_are_tried_again_and_lasting_ones_are_not() {
    for status in [408, 429, 500, 502, 503, 504] {
        let (result, service) = one(vec![Reply::status(status, &json!({})); 3]);
        assert_eq!((values(&result), service.count()), (nomic_unit("text number 0").as_slice(), 4), "{status}");
    }
    for status in [400, 403, 404, 413, 422] {
        let (result, service) = one(vec![Reply::status(status, &json!({}))]);
        assert!(result.is_err() && service.count() == 1, "{status}");
    }
    let (result, service) = one(vec![Reply::status(503, &json!({ "message": "down" })); 99]);
    assert!(
        matches!(result, Err(RemoteError::Unreachable { ref reason, .. }) if reason.contains("down")),
        "{result:?}"
    );
    assert_eq!(service.count(), 5, "one attempt and four more");
}

#[test]
fn cut_connections_are_tried_again() {
    let whole = Reply::ok(&json!({ "embeddings": [vec![0.5; 768]] }));
    let (result, service) = one(vec![Reply::Cut, whole.half(), Reply::Cut]);
    assert_eq!((values(&result), service.count()), (nomic_unit("text number 0").as_slice(), 4));
}

#[test]
fn nobody_there_is_said() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let spec = ProviderSpec {
        base_url: Some(format!("http://{nobody}")),
        retry_policy: quick(),
        ..ProviderSpec::new(Provider::Nomic, None)
    };
    let results = embed(&spec, &texts(3), TextOptions::default());
    assert!(results.iter().all(|r| matches!(r, Err(RemoteError::Unreachable { .. }))), "{results:?}");
}

#[test]
fn slow_answers_are_given_up_and_asked_for_again() {
    let slow = |request: &Request, n: usize, times: usize| match n < times {
        true => Reply::Slow(Duration::from_secs(4), Box::new(nomic(request))),
        false => nomic(request),
    };
    let short = RetryPolicy { timeout: Duration::from_millis(700), retries: 2, ..quick() };
    let service = Service::start(move |request, n| slow(request, n, 1));
    let spec_ = ProviderSpec { retry_policy: short, ..spec(Provider::Nomic, &service) };
    assert_eq!(values(&embed(&spec_, &texts(1), TextOptions::default())[0]), nomic_unit("text number 0"));
    let service = Service::start(move |request, n| slow(request, n, 99));
    let spec_ = ProviderSpec { retry_policy: short, ..spec(Provider::Nomic, &service) };
    let said = embed(&spec_, &texts(1), TextOptions::default()).remove(0).unwrap_err().to_string();
    assert!(said.contains("no answer within 700ms"), "{said}");
}

#[test]
fn wrong_shapes_are_errors_and_never_vectors() {
    let good = vec![0.5; 768];
    let mut hole = vec![json!(0.5); 768];
    hole[7] = json!(null);
    let huge = [&[1e300][..], &good[1..]].concat();
    let wrong = [
        (json!({ "embeddings": [] }), "0 vectors for 1"),
        (json!({ "embeddings": [good, good] }), "2 vectors for 1"),
        (json!({ "embeddings": [good[1..]] }), "767 dimensions instead of 768"),
        (json!({ "embeddings": [hole] }), "not finite"),
        (json!({ "embeddings": [huge] }), "not finite"),
        (json!({ "embeddings": [vec![0.0; 768]] }), "length zero"),
        (json!({ "embeddings": ["text"] }), "expected form"),
        (json!({ "vectors": [good] }), "expected form"),
        (json!({ "embeddings": [good], "model": "another" }), "different model"),
    ];
    for (body, reason) in wrong {
        let (result, service) = one(vec![Reply::ok(&body); 99]);
        let error = result.unwrap_err();
        assert!(matches!(error, RemoteError::Answer { .. }) && error.to_string().contains(reason), "{error}");
        assert_eq!(service.count(), 3, "asked twice more");
        let (result, _) = one(vec![Reply::ok(&body)]);
        assert_eq!(values(&result), nomic_unit("text number 0"), "a passing fault");
    }
    let not_json = Reply::Answer { status: 200, headers: vec![], body: b"<html>welcome to the hotel</html>".to_vec() };
    assert!(one(vec![not_json; 99]).0.unwrap_err().to_string().contains("expected form"));
}

#[test]
fn a_body_without_end_is_cut_off() {
    let start = Instant::now();
    let (result, _) = one(vec![Reply::Endless; 99]);
    assert!(result.unwrap_err().to_string().contains("larger than"));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn redirects_are_not_followed() {
    let thief = Service::start(|_, _| Reply::ok(&json!({})));
    let (result, _) = one(vec![Reply::status(302, &json!({})).with("location", &thief.url())]);
    assert!(result.unwrap_err().to_string().contains("redirects elsewhere"));
    assert_eq!(thief.count(), 0, "the key stayed where it belongs");
}

#[test]
fn cancelling_is_at_once_and_shutting_is_for_good() {
    let hold = Arc::new(AtomicBool::new(true));
    let held = Arc::clone(&hold);
    let service = Service::start(move |request, _| match held.load(Ordering::Relaxed) {
        true => Reply::Slow(Duration::from_secs(30), Box::new(nomic(request))),
        false => nomic(request),
    });
    let runtime = runtime();
    let remote = Remote::open(&spec(Provider::Nomic, &service), key(), runtime.handle().clone()).unwrap();
    let other = remote.clone();
    let waiting = std::thread::spawn(move || other.embed(inputs(&texts(500)), TextOptions::default()));
    while service.count() < 10 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let start = Instant::now();
    remote.cancel();
    let results = waiting.join().unwrap();
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    assert!(results.len() == 500 && results.iter().all(|r| r == &Err(RemoteError::Cancelled)));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(service.count(), 10, "nothing more is sent, and no more than ten were under way at once");
    hold.store(false, Ordering::Relaxed);
    assert!(remote.embed(inputs(&texts(1)), TextOptions::default())[0].is_ok(), "later calls work");
    remote.shut();
    assert!(remote.embed(inputs(&texts(1)), TextOptions::default())[0].is_err());
    assert_eq!(service.count(), 11);
}

#[test]
fn waiting_within_the_runtime_is_refused() {
    let service = Service::start(|request, _| nomic(request));
    let runtime = runtime();
    let remote = Remote::open(&spec(Provider::Nomic, &service), key(), runtime.handle().clone()).unwrap();
    let results = runtime.block_on(async { remote.embed(inputs(&texts(1)), TextOptions::default()) });
    assert!(results[0].is_err() && service.count() == 0);
}

#[test]
fn gemini_batches_are_within_its_limits() {
    let service = Service::start(|request, _| gemini(request));
    let (texts, spec) = (texts(250), spec(Provider::Gemini, &service));
    let results = embed(&spec, &texts, TextOptions::default());
    for (result, text) in results.iter().zip(&texts) {
        assert_eq!(values(result), unit(text.as_bytes(), 3072), "of unit length, too");
    }
    assert_eq!(service.count(), 3);
    let long: Vec<String> = (0..6).map(|n| format!("{n}{}", "\"".repeat(700_000))).collect();
    let results = embed(&spec, &long, TextOptions::default());
    assert!(results.iter().all(Result::is_ok), "{:?}", results.iter().find(|r| r.is_err()));
    let over = vec!["a".repeat(4_200_000), "short".to_owned()];
    let results = embed(&spec, &over, TextOptions::default());
    assert!(results[0].as_ref().unwrap_err().to_string().contains("larger than") && results[1].is_ok());
}

#[test]
fn gemini_shortens_and_knows_its_tasks() {
    let service = Service::start(|request, _| gemini(request));
    let spec = ProviderSpec {
        dimensions: Some(768),
        gemini_task: Some(GeminiTask::FactVerification),
        ..spec(Provider::Gemini, &service)
    };
    let results = embed(&spec, &texts(1), TextOptions::default());
    assert_eq!(values(&results[0]), unit(b"text number 0", 768));
    let request = &service.requests()[0];
    assert_eq!(request.path, "/v1beta/models/gemini-embedding-001:embedContent");
    assert_eq!(request.json()["taskType"], "FACT_VERIFICATION");
    assert!(!request.path.contains(KEY) && !request.path.contains("key="));
}

#[test]
fn the_second_gemini_takes_pictures_and_the_first_says_that_it_does_not() {
    let service = Service::start(|request, _| gemini(request));
    let runtime = runtime();
    let open = |model: &str| {
        let spec = ProviderSpec { model: model.to_owned(), dimensions: Some(128), ..spec(Provider::Gemini, &service) };
        Remote::open(&spec, key(), runtime.handle().clone()).unwrap()
    };
    let jpeg = Input::Picture(picture::encode(&photo(64, 48)).into());
    let found = open("gemini-embedding-2").embed(vec![jpeg.clone(), Input::Text("a".into())], TextOptions::default());
    assert_eq!(values(&found[0]).len(), 128);
    assert_eq!(values(&found[1]), unit(b"title: none | text: a", 128));
    let refused = open("gemini-embedding-001").embed(vec![jpeg], TextOptions::default());
    assert!(refused[0].as_ref().unwrap_err().to_string().contains("gemini-embedding-2"));
}

#[test]
fn an_openai_server_needs_no_key_and_teaches_its_dimension() {
    let service = Service::start(|request, _| openai(request));
    let runtime = runtime();
    for base in [service.url(), format!("{}/v1/", service.url())] {
        let spec = ProviderSpec {
            model: "nomic-embed-text:latest".into(),
            base_url: Some(base),
            ..spec(Provider::OpenAi, &service)
        };
        let remote = Remote::open(&spec, None, runtime.handle().clone()).unwrap();
        assert_eq!(remote.info().key.dim, 24);
        let texts = texts(70);
        let results = remote.embed(inputs(&texts), TextOptions::default());
        for (result, text) in results.iter().zip(&texts) {
            assert_eq!(values(result), unit(text.as_bytes(), 24), "put in order by its number");
        }
    }
    assert!(service.requests().iter().all(|request| request.header("authorization").is_none()));
    assert!(service.requests().iter().all(|request| request.json()["dimensions"].is_null()));
    let spec = ProviderSpec { dimensions: Some(16), ..spec(Provider::OpenAi, &service) };
    assert_eq!(values(&embed(&spec, &texts(1), TextOptions::default())[0]).len(), 16);
    assert_eq!(service.requests().last().unwrap().header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    let mean = TextOptions { long_text: LongText::Mean, ..Default::default() };
    assert!(embed(&spec, &texts(1), mean)[0].as_ref().unwrap_err().to_string().contains("average"));
}

#[test]
fn an_estimate_says_what_goes_where() {
    let spec = ProviderSpec::new(Provider::Nomic, None);
    let mut items = inputs(&texts(25));
    items.push(Input::Picture(vec![0; 9000].into()));
    let estimate = Estimate::of(&spec, &items).unwrap();
    assert_eq!((estimate.items, estimate.requests, estimate.host.as_str()), (26, 4, "api-atlas.nomic.ai"));
    assert_eq!(estimate.bytes, 9000 + 10 * 13 + 15 * 14);
    assert_eq!(estimate.tokens, 25 * 4);
    let said = estimate.to_string();
    assert!(said.starts_with("sent to api-atlas.nomic.ai: ") && said.contains("without EXIF"), "{said}");
    let guess = Estimate::of_sizes(&spec, [4000; 3], [[4000, 3000]]).unwrap();
    let real = picture::encode(&photo(4000, 3000)).len() as u64;
    assert!(guess.bytes < 12_000 + 20 * real && guess.items == 4 && guess.tokens == 3000, "{guess:?} {real}");
}

#[test]
fn the_agreement_check_tells_one_space_from_another() {
    let service = Service::start(|request, _| nomic(request));
    let other = Service::start(|request, _| openai(request));
    let runtime = runtime();
    let model = |spec: &ProviderSpec| Remote::open(spec, key(), runtime.handle().clone()).unwrap().model();
    let (one, same) = (model(&spec(Provider::Nomic, &service)), model(&spec(Provider::Nomic, &service)));
    let found = inference_mode::agreement(&one, &same, true).unwrap();
    assert!(found.passed() && found.picture.is_some_and(|cosine| cosine > 0.9999), "{found}");
    let strange = model(&ProviderSpec { dimensions: Some(768), ..spec(Provider::OpenAi, &other) });
    let found = inference_mode::agreement(&one, &strange, false).unwrap();
    assert!(!found.passed() && found.to_string().contains("DIFFER"), "{found}");
    println!("{found}");
}

#[test]
fn all_requests_wait_when_one_is_told_to() {
    let times = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&times);
    let service = Service::start(move |request, n| {
        kept.lock().unwrap().push(Instant::now());
        match n {
            0 => Reply::status(429, &json!({})).with("retry-after", "1"),
            // those that went off together with the first come back after it was told to wait
            1..10 => Reply::Slow(Duration::from_millis(300), Box::new(nomic(request))),
            _ => nomic(request),
        }
    });
    let texts = texts(400);
    let results = embed(&spec(Provider::Nomic, &service), &texts, TextOptions::default());
    assert_in_order(&results, &texts);
    let times = times.lock().unwrap();
    let waited = times[10].duration_since(times[0]);
    assert!(waited >= Duration::from_millis(990), "{waited:?}");
}
