//! The server around a model that fails, panics and dawdles when it is told to.

use std::net::SocketAddr;
use std::sync::{Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::oneshot;
use vicinity_core::{Embedding, Picture};
use vicinity_models::{
    ImageTower, Model, ModelInfo, ModelKey, Pixels, TextEmbedding, TextOptions, TextTower, TowerError,
};
use vicinity_serve::{ServeOptions, Server};

use crate::support::http::{form, post, read, request};

/// Answers with a vector that tells of the text's length; `fail`, `panic` and `sleep N` do as they say. A long text that
/// begins with `wait` is not shortened before `release` has been embedded.
struct Fake;

static RELEASED: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

impl TextTower for Fake {
    fn embed(&self, texts: &[&str], _: TextOptions) -> Result<Vec<TextEmbedding>, TowerError> {
        let one = |text: &&str| {
            assert!(!text.starts_with("panic"), "as told");
            if let Some(millis) = text.strip_prefix("sleep ") {
                thread::sleep(Duration::from_millis(millis.parse().unwrap()));
            }
            if *text == "release" {
                *RELEASED.0.lock().unwrap() = true;
                RELEASED.1.notify_all();
            }
            let last = if text.starts_with("fail") { f32::NAN } else { text.len() as f32 };
            Ok(TextEmbedding { embedding: Embedding::new(vec![3.0, 4.0, 0.0, last])?, tokens: text.len() })
        };
        texts.iter().map(one).collect()
    }

    fn shortened(&self, text: String, _: TextOptions) -> String {
        if text.starts_with("wait") {
            let released = RELEASED.0.lock().unwrap();
            drop(RELEASED.1.wait_timeout_while(released, Duration::from_secs(60), |released| !*released).unwrap());
        }
        text.chars().take(10).collect()
    }
}

impl ImageTower for Fake {
    fn prepare(&self, picture: &Picture) -> Pixels {
        Pixels(vec![picture.width() as f32])
    }

    fn embed(&self, batch: &[Pixels]) -> Result<Vec<Embedding>, TowerError> {
        Ok(batch.iter().map(|pixels| Embedding::new(vec![1.0, 0.0, 0.0, pixels.0[0]])).collect::<Result<_, _>>()?)
    }
}

fn model() -> Model {
    let key = ModelKey { name: "fake".into(), revision: "1".into(), preprocessing: "1".into(), dim: 4 };
    let info = ModelInfo {
        key,
        title: "Fake".into(),
        about: "One\nTwo".into(),
        licence: "none".into(),
        label_scale: 1.0,
        label_prompt: "{}".into(),
        max_tokens: 128,
        matryoshka: vec![4, 2],
    };
    Model { info, image: Box::new(Fake), text: Box::new(Fake) }
}

struct Running {
    at: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<usize>>,
}

impl Running {
    fn start() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let idle_timeout = Duration::from_secs(20);
        let server = Server::bind(ServeOptions { listen, token: None, aliases: Vec::new(), idle_timeout }).unwrap();
        let at = server.address().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            let cut = runtime.block_on(server.run(model(), async { drop(stopped.await) })).unwrap();
            runtime.shutdown_background();
            cut
        });
        Self { at, stop: Some(stop), thread: Some(thread) }
    }

    /// Ends it; the number of requests that were cut off.
    fn stop(mut self) -> usize {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap()
    }

    fn ask(&self, text: &str) -> crate::support::http::Reply {
        post(self.at, "/v1/embeddings", &json!({ "input": text }))
    }
}

#[test]
fn vectors_are_cut_where_the_model_was_trained_for_it() {
    let serve = Running::start();
    let near = |value: &serde_json::Value, expected: &[f64]| {
        let got: Vec<f64> = value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        assert!(got.len() == expected.len() && got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{got:?}");
    };
    let openai = post(serve.at, "/v1/embeddings", &json!({ "input": "four", "dimensions": 2 })).body;
    near(&openai["data"][0]["embedding"], &[0.6, 0.8]);
    let nomic = post(serve.at, "/v1/embedding/text", &json!({ "texts": ["four"], "dimensionality": 2 })).body;
    near(&nomic["embeddings"][0], &[0.6, 0.8]);
    let ask = |dim: u32| json!({ "content": { "parts": [{ "text": "four" }] }, "outputDimensionality": dim });
    let batch = json!({ "requests": [ask(2), ask(4)] });
    let gemini = post(serve.at, "/v1beta/models/fake:batchEmbedContents", &batch).body;
    near(&gemini["embeddings"][0]["values"], &[0.6, 0.8]);
    assert_eq!(gemini["embeddings"][1]["values"].as_array().unwrap().len(), 4);
    let said = post(serve.at, "/v1beta/models/fake:embedContent", &ask(3));
    assert_eq!(said.status, 400);
    assert!(said.body["error"]["message"].as_str().unwrap().contains("4, 2"), "{said:?}");
    assert_eq!(serve.stop(), 0);
}

#[test]
fn a_model_that_fails_spoils_one_request() {
    let serve = Running::start();
    let failed = serve.ask("fail");
    assert_eq!((failed.status, &failed.body["error"]["type"]), (500, &json!("server_error")));
    assert_eq!(serve.ask("panic").status, 500);
    let nomic = post(serve.at, "/v1/embedding/text", &json!({ "texts": ["a", "fail"] }));
    assert_eq!(nomic.status, 500);
    assert!(nomic.body["detail"].is_string());
    let gemini = json!({ "content": { "parts": [{ "text": "panic" }] } });
    assert_eq!(post(serve.at, "/v1beta/models/fake:embedContent", &gemini).body["error"]["status"], "INTERNAL");
    // together with one that fails
    let asks: Vec<_> = ["sleep 300", "fail", "good"]
        .map(|text| {
            let at = serve.at;
            let ask = thread::spawn(move || post(at, "/v1/embeddings", &json!({ "input": text })).status);
            thread::sleep(Duration::from_millis(50));
            ask
        })
        .into_iter()
        .collect();
    let statuses: Vec<u16> = asks.into_iter().map(|ask| ask.join().unwrap()).collect();
    assert_eq!(statuses, [200, 500, 200]);
}

#[test]
fn a_long_text_keeps_nobody_waiting() {
    let serve = Running::start();
    let at = serve.at;
    let long = "wait ".repeat(1_000_000);
    let asking = thread::spawn(move || post(at, "/v1/embeddings", &json!({ "input": long })));
    thread::sleep(Duration::from_millis(300));
    assert_eq!(serve.ask("release").status, 200);
    let answer = asking.join().unwrap();
    assert_eq!((answer.status, &answer.body["usage"]["prompt_tokens"]), (200, &json!(10)), "only what is looked at");
}

#[test]
fn too_many_at_once_are_told_to_come_back() {
    let serve = Running::start();
    let at = serve.at;
    let held = thread::spawn(move || post(at, "/v1/embeddings", &json!({ "input": "sleep 3000" })).status);
    thread::sleep(Duration::from_millis(200));
    let body = json!({ "input": "a" }).to_string();
    let crowd: Vec<_> = (0..100)
        .map(|_| {
            use std::io::Write;
            let mut stream = crate::support::http::connect(at);
            stream.write_all(&request(at, "POST", "/v1/embeddings", &[], body.as_bytes())).unwrap();
            stream
        })
        .collect();
    let answers: Vec<_> = crowd.into_iter().map(|stream| read(stream).unwrap()).collect();
    let busy: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert_eq!(busy.len() + answers.iter().filter(|answer| answer.status == 200).count(), 100);
    assert_eq!(busy.len(), 36, "64 may wait");
    assert_eq!(
        (busy[0].header("retry-after"), &busy[0].body["error"]["code"]),
        (Some("1"), &json!("rate_limit_exceeded"))
    );
    assert_eq!(held.join().unwrap(), 200);
    assert_eq!(serve.ask("a").status, 200);
}

#[test]
fn the_end_waits_for_an_answer() {
    let serve = Running::start();
    let at = serve.at;
    let asking = thread::spawn(move || post(at, "/v1/embeddings", &json!({ "input": "sleep 2000" })).status);
    thread::sleep(Duration::from_millis(300));
    assert_eq!((serve.stop(), asking.join().unwrap()), (0, 200));
}

#[test]
fn the_end_does_not_wait_for_ever() {
    let serve = Running::start();
    let at = serve.at;
    let _asking = thread::spawn(move || post_quietly(at));
    thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    assert_eq!(serve.stop(), 1, "cut off, and said");
    let took = start.elapsed();
    assert!((Duration::from_secs(9)..Duration::from_secs(20)).contains(&took), "{took:?}");
}

/// A request that is never answered.
fn post_quietly(at: SocketAddr) {
    use std::io::Write;
    let mut stream = crate::support::http::connect(at);
    stream.write_all(&request(at, "POST", "/v1/embeddings", &[], br#"{"input":"sleep 60000"}"#)).unwrap();
    assert!(read(stream).is_none());
}

#[test]
fn pictures_of_several_callers_each_get_their_own() {
    let serve = Running::start();
    let picture = |width: u32| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(width, 2).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    };
    let at = serve.at;
    let ask = move |width: u32| {
        let files: Vec<Vec<u8>> = (0..20).map(|more| picture(width + more)).collect();
        let parts: Vec<(&str, bool, &[u8])> = files.iter().map(|file| ("images", true, file.as_slice())).collect();
        form(at, "/v1/embedding/image", &parts).body
    };
    let asks: Vec<_> = [1, 50, 100, 150].map(|width| (width, thread::spawn(move || ask(width)))).into();
    for (width, asked) in asks {
        let body = asked.join().unwrap();
        for more in 0..20 {
            let vector = &body["embeddings"][more as usize];
            let seen = vector[3].as_f64().unwrap() / vector[0].as_f64().unwrap();
            assert!((seen - f64::from(width + more)).abs() < 0.01, "{seen} instead of {}", width + more);
        }
    }
}
