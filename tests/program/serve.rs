//! `vicinity serve`, run as a user runs it and asked in every shape.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::http::{connect, form, get, post, read, request, send};
use crate::support::python::python;

/// A server; ends with the value.
struct Serve {
    child: Child,
    at: SocketAddr,
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vicinity"));
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::piped()).stdout(Stdio::piped());
    for name in ["VICINITY_TOKEN", "NOMIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY"] {
        command.env_remove(name);
    }
    command
}

impl Serve {
    fn start(arguments: &[&str]) -> Self {
        Self::spawn(program(&["serve", "--listen", "127.0.0.1:0"]).args(arguments))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::inherit()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let at = line.split_once("http://").unwrap_or_else(|| panic!("{line:?}")).1;
        let port = at.split(' ').next().unwrap().rsplit(':').next().unwrap().parse().unwrap();
        Self { child, at: SocketAddr::from(([127, 0, 0, 1], port)) }
    }

    fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// Asks it to end, as Ctrl-C or the system does.
    #[cfg(unix)]
    fn terminate(&self) {
        // the shell's own: a bare system has no program of that name
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/sample").join(name)
}

/// A folder with the two halves of a small Nomic model, under its published name.
fn nomic() -> (TempDir, String) {
    let place = tempfile::tempdir().unwrap();
    let model = place.path().join("nomic-embed-v1.5");
    for (half, files) in [("text", "nomic_text"), ("vision", "nomic_vision")] {
        fs::create_dir_all(model.join(half)).unwrap();
        for entry in fs::read_dir(fixture(files)).unwrap().map(Result::unwrap).filter(|e| e.path().is_file()) {
            fs::copy(entry.path(), model.join(half).join(entry.file_name())).unwrap();
        }
    }
    let path = model.to_str().unwrap().to_owned();
    (place, path)
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What `vicinity embed` prints.
fn embed(arguments: &[&str]) -> Value {
    let output = program(&["embed"]).args(arguments).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)))
}

fn unpacked(base64: &Value) -> Value {
    let bytes = BASE64_STANDARD.decode(base64.as_str().unwrap()).unwrap();
    let number = |four: &[u8]| f32::from_le_bytes(four.try_into().unwrap());
    bytes.chunks_exact(4).map(number).collect()
}

/// The numbers as f32: `embed` and JSON write the shortest decimals of these.
fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap_or_else(|| panic!("{value}")).iter().map(|v| v.as_f64().unwrap() as f32).collect()
}

#[test]
fn every_shape_gives_the_vectors_of_embed() {
    let serve = Serve::start(&[]);
    let picture = sample("golf_balls.jpg");
    let expected = embed(&["--text", "a dog", "Straße 東京"]);
    let texts = &expected["embeddings"];
    let seen = &embed(&[picture.to_str().unwrap()])["embeddings"][0];
    let file = fs::read(&picture).unwrap();

    let user = get(serve.at, "/v1/user");
    assert_eq!((user.status, user.header("x-vicinity-model")), (200, Some("vicinity-starter")));
    let ask = json!({ "texts": ["a dog", "Straße 東京"], "model": "vicinity-starter", "task_type": "search_query",
                      "dimensionality": null, "long_text_mode": "truncate" });
    let answer = post(serve.at, "/v1/embedding/text", &ask);
    assert_eq!((answer.status, &answer.body["embeddings"]), (200, texts));
    assert_eq!((&answer.body["usage"], &answer.body["model"]), (&expected["usage"], &json!("vicinity-starter")));
    let answer = form(serve.at, "/v1/embedding/image", &[("model", false, b"starter"), ("images", true, &file)]);
    assert_eq!((answer.status, &answer.body["embeddings"]), (200, &json!([seen])), "{answer:?}");
    let data = format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(&file));
    let address: String = form_urlencoded::byte_serialize(data.as_bytes()).collect();
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let fields = format!("model=starter&urls={address}&urls={address}");
    let answer = send(serve.at, "POST", "/v1/embedding/image", &kind, fields.as_bytes());
    assert_eq!(answer.body["embeddings"], json!([seen, seen]), "{answer:?}");

    let answer = post(serve.at, "/v1/embeddings", &json!({ "model": "starter", "input": ["a dog", "Straße 東京"] }));
    assert_eq!(
        (answer.status, &answer.body["object"], &answer.body["model"]),
        (200, &json!("list"), &json!("starter"))
    );
    assert_eq!(answer.body["usage"], expected["usage"]);
    for at in 0..2 {
        let row = &answer.body["data"][at];
        assert_eq!((&row["index"], &row["object"], &row["embedding"]), (&json!(at), &json!("embedding"), &texts[at]));
    }
    let ask = json!({ "model": "starter", "input": "a dog", "encoding_format": "base64", "dimensions": 384 });
    let answer = post(serve.at, "/v1/embeddings", &ask);
    assert_eq!(numbers(&unpacked(&answer.body["data"][0]["embedding"])), numbers(&texts[0]));
    let models = get(serve.at, "/v1/models").body;
    assert_eq!(models["data"][0]["id"], "vicinity-starter");
    assert_eq!(get(serve.at, "/v1/models/starter").body["object"], "model");

    let text = |text: &str| json!({ "model": "models/starter", "content": { "parts": [{ "text": text }] } });
    for version in ["v1beta", "v1"] {
        let answer = post(serve.at, &format!("/{version}/models/starter:embedContent"), &text("a dog"));
        assert_eq!((answer.status, &answer.body["embedding"]["values"]), (200, &texts[0]));
    }
    let inline = json!({ "mimeType": "image/jpeg", "data": BASE64_STANDARD.encode(&file) });
    let shown = json!({ "content": { "parts": [{ "inlineData": inline }] }, "outputDimensionality": 384 });
    let batch = json!({ "requests": [text("a dog"), shown, text("Straße 東京")] });
    let answer = post(serve.at, "/v1beta/models/starter:batchEmbedContents", &batch).body;
    let values: Vec<&Value> = answer["embeddings"].as_array().unwrap().iter().map(|one| &one["values"]).collect();
    assert_eq!(values, [&texts[0], seen, &texts[1]]);
    assert_eq!(answer["usageMetadata"]["promptTokenCount"], expected["usage"]["prompt_tokens"]);
    let both = json!({ "content": { "parts": [{ "text": "a dog" }, { "inlineData": inline }] } });
    let both = numbers(&post(serve.at, "/v1beta/models/starter:embedContent", &both).body["embedding"]["values"]);
    let cosine = |other: &Value| both.iter().zip(numbers(other)).map(|(a, b)| a * b).sum::<f32>();
    assert!(
        (cosine(&texts[0]) - cosine(seen)).abs() < 1e-5 && cosine(seen) > 0.6,
        "as near to the one as to the other"
    );
    assert_eq!(get(serve.at, "/v1beta/models").body["models"][0]["name"], "models/vicinity-starter");
}

#[test]
fn nomics_model_is_served_with_its_tasks_under_its_published_names() {
    let (_place, model) = nomic();
    let serve = Serve::start(&["--model", &model]);
    let expected = |task: &str| embed(&["--model", &model, "--task", task, "--text", "a small white ball"]);
    let long = "one more word of a long text ".repeat(60);
    for task in ["search_document", "search_query", "classification", "clustering"] {
        let ask = json!({ "texts": ["a small white ball"], "model": "nomic-embed-text-v1.5", "task_type": task,
                          "long_text_mode": "truncate", "dimensionality": 64, "max_tokens_per_text": 8192 });
        let answer = post(serve.at, "/v1/embedding/text", &ask).body;
        let vector = &expected(task)["embeddings"][0];
        assert_eq!((&answer["model"], &answer["embeddings"][0]), (&json!("nomic-embed-text-v1.5"), vector), "{task}");
        let ask = json!({ "model": "nomic-embed-text-v1.5", "input": format!("{task}: a small white ball") });
        assert_eq!(&post(serve.at, "/v1/embeddings", &ask).body["data"][0]["embedding"], vector, "{task}");
        let kind = match task {
            "search_document" => "RETRIEVAL_DOCUMENT",
            "search_query" => "RETRIEVAL_QUERY",
            other => &other.to_uppercase(),
        };
        let ask = json!({ "content": { "parts": [{ "text": "a small white ball" }] }, "taskType": kind });
        let answer = post(serve.at, "/v1beta/models/nomic-embed-text-v1.5:embedContent", &ask).body;
        assert_eq!(&answer["embedding"]["values"], vector, "{task}");
    }
    let mut lengths = Vec::new();
    for mode in ["truncate", "mean"] {
        let ask = json!({ "texts": [long], "model": "nomic-embed-text-v1.5", "long_text_mode": mode });
        let answer = post(serve.at, "/v1/embedding/text", &ask).body;
        let expected = embed(&["--model", &model, "--long-text", mode, "--text", &long]);
        assert_eq!((&answer["embeddings"], &answer["usage"]), (&expected["embeddings"], &expected["usage"]), "{mode}");
        lengths.push(answer["usage"]["prompt_tokens"].as_u64().unwrap());
    }
    assert!(lengths[0] < lengths[1], "{lengths:?}");
    let silent = post(serve.at, "/v1/embedding/text", &json!({ "texts": [long] })).body;
    assert_eq!(silent["usage"]["prompt_tokens"], lengths[1], "Nomic's service takes the mean unless told otherwise");

    let picture = fixture("preprocess").join("landscape.png");
    let parts = [("model", false, &b"nomic-embed-vision-v1.5"[..]), ("images", true, &fs::read(&picture).unwrap())];
    let answer = form(serve.at, "/v1/embedding/image", &parts).body;
    let expected = embed(&["--model", &model, picture.to_str().unwrap()]);
    assert_eq!((&answer["model"], &answer["embeddings"]), (&json!("nomic-embed-vision-v1.5"), &expected["embeddings"]));
}

#[test]
fn our_own_client_understands_it() {
    let (_place, model) = nomic();
    let serve = Serve::start(&["--model", &model]);
    let base = serve.url();
    let local = embed(&["--model", &model, "--text", "a dog", "a cat"]);
    for provider in ["nomic", "openai", "gemini"] {
        let arguments = ["embed", "--provider", provider, "--base-url", &base, "--dimensions", "64"];
        let mut command = program(&arguments);
        command.args(["--model", "nomic-embed-text-v1.5", "--text", "a dog", "a cat"]);
        let key = [("NOMIC_API_KEY", "nk-x"), ("GEMINI_API_KEY", "x"), ("OPENAI_API_KEY", "x")];
        let output = command.envs(key).output().unwrap();
        assert!(output.status.success(), "{provider}: {}", stderr(&output));
        let remote: Value = serde_json::from_slice(&output.stdout).unwrap();
        for at in 0..2 {
            let near = numbers(&remote["embeddings"][at]).into_iter().zip(numbers(&local["embeddings"][at]));
            assert!(near.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) < 1e-6, "{provider}");
        }
        assert_eq!(remote["usage"], local["usage"], "{provider}");
    }
    let output = program(&["embed", "--provider", "openai", "--base-url", &base, "--model", "other", "--text", "a"]);
    let said = stderr(&{ output }.env("OPENAI_API_KEY", "x").output().unwrap());
    assert!(said.contains("--alias"), "the refusal arrives: {said}");
}

#[test]
fn another_models_name_needs_an_alias_and_the_truth_is_told() {
    let strict = Serve::start(&[]);
    let ask = json!({ "model": "text-embedding-3-small", "input": "a dog" });
    let answer = post(strict.at, "/v1/embeddings", &ask);
    assert_eq!((answer.status, &answer.body["error"]["code"]), (404, &json!("model_not_found")));
    let said = answer.body["error"]["message"].as_str().unwrap();
    assert!(said.contains("vicinity-starter") && said.contains("--alias"), "{said}");

    let serve = Serve::start(&["--alias", "text-embedding-3-small", "--alias", "nomic-embed-text-v1.5"]);
    let answer = post(serve.at, "/v1/embeddings", &ask);
    assert_eq!((answer.status, &answer.body["model"]), (200, &json!("vicinity-starter")));
    let ask = json!({ "model": "nomic-embed-text-v1.5", "texts": ["a dog"] });
    let nomic = post(serve.at, "/v1/embedding/text", &ask);
    assert_eq!(nomic.body["model"], "nomic-embed-text-v1.5", "its client refuses any other answer");
    assert_eq!(nomic.header("x-vicinity-model"), Some("vicinity-starter"));
    assert_eq!(nomic.body["embeddings"][0], answer.body["data"][0]["embedding"]);
}

#[test]
fn a_token_guards_it_in_each_services_own_way() {
    let open = program(&["serve", "--listen", "0.0.0.0:0"]).output().unwrap();
    let said = stderr(&open);
    assert_eq!((open.status.code(), said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("VICINITY_TOKEN") && said.contains("127.0.0.1"), "says what to do: {said}");

    let serve = Serve::spawn(program(&["serve", "--listen", "0.0.0.0:0"]).env("VICINITY_TOKEN", "sesame-7"));
    let json = |value: &Value| value.to_string().into_bytes();
    let text = json(&json!({ "content": { "parts": [{ "text": "a" }] } }));
    let calls: [(&str, &str, Vec<u8>); 5] = [
        ("GET", "/v1/user", Vec::new()),
        ("POST", "/v1/embedding/text", json(&json!({ "texts": ["a"] }))),
        ("POST", "/v1/embeddings", json(&json!({ "input": "a" }))),
        ("GET", "/v1/models", Vec::new()),
        ("POST", "/v1beta/models/starter:embedContent", text),
    ];
    for (method, path, body) in &calls {
        let gemini = path.starts_with("/v1beta");
        let key = |word: &str| match gemini {
            true => ("x-goog-api-key", word.to_owned()),
            false => ("authorization", format!("Bearer {word}")),
        };
        let status = |headers: &[(&str, &str)]| send(serve.at, method, path, headers, body).status;
        let ((name, right), (_, wrong)) = (key("sesame-7"), key("sesame-8"));
        let refused = if gemini { 400 } else { 401 };
        assert_eq!(status(&[(name, &right)]), 200, "{path}");
        assert_eq!(status(&[(name, &right), ("host", "vicinity.example:80")]), 200, "any name of this machine");
        assert_eq!([status(&[(name, &wrong)]), status(&[])], [refused; 2], "{path}");
        assert_eq!(status(&[(name, &right), ("origin", "https://evil.example")]), 403, "{path}");
    }
    let by_address = |key: &str| send(serve.at, "POST", &format!("{}?key={key}", calls[4].1), &[], &calls[4].2);
    assert_eq!([by_address("sesame-7").status, by_address("x").status], [200, 400]);
    assert_eq!(by_address("x").body["error"]["details"][0]["reason"], "API_KEY_INVALID");
    assert_eq!(get(serve.at, "/v1/models").body["error"]["code"], "invalid_api_key");
    assert!(get(serve.at, "/v1/user").body["detail"].as_str().unwrap().contains("Bearer"));
}

#[test]
fn web_pages_and_rebound_names_stay_outside() {
    let serve = Serve::start(&[]);
    let body = json!({ "input": "a" }).to_string();
    let ask = |headers: &[(&str, &str)]| send(serve.at, "POST", "/v1/embeddings", headers, body.as_bytes());
    let own = format!("http://{}", serve.at);
    assert_eq!(ask(&[("host", "localhost:7878")]).status, 200);
    assert_eq!(ask(&[("origin", &own)]).status, 200);
    for bad in [("host", "evil.example"), ("origin", "http://evil.example"), ("origin", "null")] {
        let answer = ask(&[bad]);
        assert_eq!(answer.status, 403, "{bad:?}");
        assert!(answer.body["error"]["message"].as_str().unwrap().contains("refused"));
    }
    let answer = send(serve.at, "GET", "/v1/user", &[("host", "evil.example")], b"");
    assert!(answer.body["detail"].as_str().unwrap().contains("evil.example"), "{answer:?}");
}

/// What a bad request is answered with: its status, and a word of what is said.
fn refused(at: SocketAddr, path: &str, body: &Value, status: u16, word: &str) {
    let answer = post(at, path, body);
    let short: String = body.to_string().chars().take(200).collect();
    assert_eq!(answer.status, status, "{path} {short}: {}", answer.body);
    let said = match path {
        _ if path.contains("/embedding/") => &answer.body["detail"],
        _ => &answer.body["error"]["message"],
    };
    assert!(said.to_string().contains(word), "{path} {short}: {said}");
    if path.contains("/v1beta") {
        assert_eq!(answer.body["error"]["code"], status);
        let words = ["INVALID_ARGUMENT", "NOT_FOUND"];
        assert!(words.contains(&answer.body["error"]["status"].as_str().unwrap()), "{}", answer.body);
    }
}

#[test]
fn bad_requests_are_refused_in_each_services_form_and_break_nothing() {
    let serve = Serve::start(&[]);
    let at = serve.at;
    let text = "/v1/embedding/text";
    refused(at, text, &json!("texts"), 422, "struct");
    refused(at, text, &json!({}), 422, "texts");
    refused(at, text, &json!({ "texts": [] }), 422, "empty");
    refused(at, text, &json!({ "texts": "a" }), 422, "sequence");
    refused(at, text, &json!({ "texts": ["a", 1] }), 422, "integer");
    refused(at, text, &json!({ "texts": vec!["a"; 2049] }), 422, "2048");
    refused(at, text, &json!({ "texts": ["a"], "model": "nomic-embed-text-v1.5" }), 422, "vicinity-starter");
    refused(at, text, &json!({ "texts": ["a"], "dimensionality": 256 }), 422, "384");
    refused(at, text, &json!({ "texts": ["a"], "dimensionality": 0 }), 422, "384");
    refused(at, text, &json!({ "texts": ["a"], "dimensionality": -1 }), 422, "invalid");
    refused(at, text, &json!({ "texts": ["a"], "task_type": "dance" }), 422, "search_query");
    refused(at, text, &json!({ "texts": ["a"], "long_text_mode": "cut" }), 422, "truncate");
    refused(at, text, &json!({ "texts": ["a"], "max_tokens_per_text": 3 }), 422, "tokens");
    refused(at, text, &json!({ "texts": ["a", "b ".repeat(40_000)] }), 422, "truncate");
    let place = post(at, text, &json!({ "texts": ["a"], "dimensionality": 7 })).body["detail"][0]["loc"].clone();
    assert_eq!(place, json!(["body", "dimensionality"]));

    let openai = "/v1/embeddings";
    refused(at, openai, &json!({ "input": [] }), 400, "empty");
    refused(at, openai, &json!({}), 400, "input");
    refused(at, openai, &json!({ "input": [1, 2, 3] }), 400, "Token IDs");
    refused(at, openai, &json!({ "input": [[1, 2], [3]] }), 400, "Token IDs");
    refused(at, openai, &json!({ "input": ["a", null] }), 400, "text");
    refused(at, openai, &json!({ "input": "a", "dimensions": 100 }), 400, "384");
    refused(at, openai, &json!({ "input": "a", "encoding_format": "int8" }), 400, "base64");
    refused(at, openai, &json!({ "input": vec!["a"; 2049] }), 400, "2048");
    refused(at, openai, &json!({ "input": "a", "model": "gpt" }), 404, "gpt");
    refused(at, "/v1/nothing", &json!({}), 404, "path");
    assert_eq!(get(at, openai).status, 405);
    let param = post(at, openai, &json!({ "input": ["a", null] })).body["error"]["param"].clone();
    assert_eq!(param, "input[1]");

    let (one, many) = ("/v1beta/models/starter:embedContent", "/v1beta/models/starter:batchEmbedContents");
    let item = |more: Value| {
        let mut item = json!({ "content": { "parts": [{ "text": "a" }] } });
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        item
    };
    refused(at, one, &json!({}), 400, "content");
    refused(at, one, &json!({ "content": { "parts": [] } }), 400, "empty");
    refused(at, one, &item(json!({ "taskType": "DANCE" })), 400, "DANCE");
    refused(at, one, &item(json!({ "outputDimensionality": 768 })), 400, "384");
    refused(at, one, &item(json!({ "title": "t", "taskType": "CLUSTERING" })), 400, "RETRIEVAL_DOCUMENT");
    refused(at, one, &json!({ "content": { "parts": [{ "fileData": { "fileUri": "gs://a" } }] } }), 400, "fetched");
    refused(at, one, &json!({ "content": { "parts": [{ "inlineData": { "data": "AAAA" } }] } }), 400, "image");
    refused(at, many, &json!({ "requests": [] }), 400, "empty");
    refused(at, many, &json!({ "requests": vec![item(json!({})); 101] }), 400, "at most 100");
    refused(at, many, &json!({ "requests": [item(json!({ "model": "models/other" }))] }), 400, "another model");
    refused(at, "/v1beta/models/gemini-embedding-001:embedContent", &item(json!({})), 404, "--alias");
    refused(at, "/v1beta/models/starter:generateContent", &item(json!({})), 404, "method");

    let broken = send(at, "POST", openai, &[], b"{\"input\": ");
    assert_eq!((broken.status, &broken.body["error"]["type"]), (400, &json!("invalid_request_error")));
    assert_eq!(send(at, "POST", openai, &[], &[b'['; 100_000]).status, 400, "deep nesting");
    assert_eq!(post(at, openai, &json!({ "input": "still there" })).status, 200);
}

#[test]
fn bad_pictures_are_refused_and_break_nothing() {
    let serve = Serve::start(&[]);
    let image = "/v1/embedding/image";
    let good = fs::read(sample("golf_balls.jpg")).unwrap();
    let refused = |parts: &[(&str, bool, &[u8])], word: &str| {
        let answer = form(serve.at, image, parts);
        assert_eq!(answer.status, 422, "{answer:?}");
        assert!(answer.body["detail"][0]["msg"].as_str().unwrap().contains(word), "{answer:?}");
        answer.body["detail"][0]["loc"].clone()
    };
    // a bitmap of 100,000 x 100,000 pixels in 70 bytes
    let mut bomb = vec![0_u8; 70];
    bomb[..2].copy_from_slice(b"BM");
    bomb[10] = 54;
    bomb[14] = 40;
    bomb[18..22].copy_from_slice(&100_000_u32.to_le_bytes());
    bomb[22..26].copy_from_slice(&100_000_u32.to_le_bytes());
    (bomb[26], bomb[28]) = (1, 24);
    let place = refused(&[("images", true, &good), ("images", true, b"\x89PNG\r\n\x1a\nno picture")], "");
    assert_eq!(place, json!(["body", "images", 1]), "which one it is");
    let png = fs::read(fixture("preprocess").join("landscape.png")).unwrap();
    refused(&[("images", true, &png[..png.len() / 3])], "truncated");
    refused(&[("images", true, &bomb)], "too large");
    refused(&[("images", true, b"only words")], "not an image");
    refused(&[("images", true, b"")], "not an image");
    refused(&[("model", false, b"starter")], "empty");
    refused(&[("model", false, b"other"), ("images", true, &good)], "other");
    refused(&[("urls", false, b"http://127.0.0.1:1/a.jpg")], "Nothing is fetched");
    refused(&[("urls", false, b"data:,x"), ("images", true, &good)], "not both");
    let many: Vec<(&str, bool, &[u8])> = vec![("images", true, b"x"); 513];
    refused(&many, "512");
    let kind = [("content-type", "multipart/form-data")];
    assert_eq!(send(serve.at, "POST", image, &kind, b"--x").status, 422, "no boundary");
    let kind = [("content-type", "multipart/form-data; boundary=cut")];
    assert_eq!(send(serve.at, "POST", image, &kind, b"--cut\r\nnonsense").status, 422, "truncated");
    assert_eq!(form(serve.at, image, &[("images", true, &good)]).status, 200);
}

/// A PNG and three million bytes behind its end, which readers leave alone.
fn large_picture() -> Vec<u8> {
    let mut picture = fs::read(fixture("preprocess").join("landscape.png")).unwrap();
    picture.extend(std::iter::repeat_n(0, 3_000_000));
    picture
}

#[test]
fn pictures_larger_than_two_megabytes_come_in_every_shape() {
    let serve = Serve::start(&[]);
    let picture = large_picture();
    let image = "/v1/embedding/image";
    let seen = form(serve.at, image, &[("images", true, &picture)]);
    assert_eq!(seen.status, 200, "{seen:?}");
    let seen = &seen.body["embeddings"][0];
    let data = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(&picture));
    let by_form = form(serve.at, image, &[("urls", false, data.as_bytes())]);
    assert_eq!((by_form.status, &by_form.body["embeddings"][0]), (200, seen));
    let fields: String = format!("urls={}", form_urlencoded::byte_serialize(data.as_bytes()).collect::<String>());
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let by_fields = send(serve.at, "POST", image, &kind, fields.as_bytes());
    assert_eq!((by_fields.status, &by_fields.body["embeddings"][0]), (200, seen));
    let part = json!({ "inlineData": { "mimeType": "image/png", "data": BASE64_STANDARD.encode(&picture) } });
    let gemini = post(serve.at, "/v1beta/models/starter:embedContent", &json!({ "content": { "parts": [part] } }));
    assert_eq!((gemini.status, numbers(&gemini.body["embedding"]["values"])), (200, numbers(seen)));
    let openai = post(serve.at, "/v1/embeddings", &json!({ "input": [data] }));
    assert_eq!((openai.status, numbers(&openai.body["data"][0]["embedding"])), (200, numbers(seen)));
}

#[test]
fn data_addresses_are_read_however_they_are_written() {
    let serve = Serve::start(&[]);
    let picture = fs::read(fixture("preprocess").join("landscape.png")).unwrap();
    let seen = form(serve.at, "/v1/embedding/image", &[("images", true, &picture)]).body["embeddings"][0].clone();
    let plain = BASE64_STANDARD.encode(&picture);
    let lines: Vec<&str> = (0..plain.len()).step_by(76).map(|at| &plain[at..plain.len().min(at + 76)]).collect();
    let broken = lines.join("\r\n");
    let safe = plain.replace('+', "-").replace('/', "_");
    let bare = plain.trim_end_matches('=').to_owned();
    let percent: String = form_urlencoded::byte_serialize(plain.as_bytes()).collect();
    let raw: String = picture.iter().map(|byte| format!("%{byte:02X}")).collect();
    for address in [
        format!("data:image/png;base64,{broken}\n"),
        format!("data:image/png;base64,{safe}"),
        format!("data:image/png;base64,{bare}"),
        format!("DATA:IMAGE/PNG;BASE64,{plain}"),
        format!("data:image/png;charset=utf-8;base64,{plain}"),
        format!("data:;base64,{plain}"),
        format!("data:image/png;base64,{percent}"),
        format!("data:image/png,{raw}"),
    ] {
        let start: String = address.chars().take(50).collect();
        let nomic = form(serve.at, "/v1/embedding/image", &[("urls", false, address.as_bytes())]);
        assert_eq!((nomic.status, &nomic.body["embeddings"][0]), (200, &seen), "{start}");
        let openai = post(serve.at, "/v1/embeddings", &json!({ "input": ["a dog", address] }));
        assert_eq!((openai.status, numbers(&openai.body["data"][1]["embedding"])), (200, numbers(&seen)), "{start}");
        let part = json!({ "inline_data": { "mime_type": "image/png", "data": address } });
        let gemini = post(serve.at, "/v1beta/models/starter:embedContent", &json!({ "content": { "parts": [part] } }));
        assert_eq!((gemini.status, numbers(&gemini.body["embedding"]["values"])), (200, numbers(&seen)), "{start}");
    }
    for data in [&broken, &safe, &bare] {
        let part = json!({ "inlineData": { "data": data } });
        let gemini = post(serve.at, "/v1beta/models/starter:embedContent", &json!({ "content": { "parts": [part] } }));
        assert_eq!(gemini.status, 200, "{}", gemini.body);
    }
    // a form that did not encode the plus signs
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let fields = format!("urls=data:image/png;base64,{plain}");
    let answer = send(serve.at, "POST", "/v1/embedding/image", &kind, fields.as_bytes());
    assert_eq!((answer.status, &answer.body["embeddings"][0]), (200, &seen));
}

#[test]
fn the_address_of_a_picture_is_never_read_as_words() {
    let serve = Serve::start(&[]);
    let at = serve.at;
    for bad in ["data:image/png;base64,*", "data:image/png;base64", "Data:Image/jpeg;base64,AAAA", "data:;base64,AAAA"]
    {
        let openai = post(at, "/v1/embeddings", &json!({ "input": ["a", bad] }));
        assert_eq!((openai.status, &openai.body["error"]["param"]), (400, &json!("input[1]")), "{bad}");
    }
    let picture = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(large_picture()));
    refused(at, "/v1/embedding/text", &json!({ "texts": [picture] }), 422, "/v1/embedding/image");
    let part = json!({ "content": { "parts": [{ "text": picture }] } });
    refused(at, "/v1beta/models/starter:embedContent", &part, 400, "inlineData");
    assert_eq!(post(at, "/v1/embeddings", &json!({ "input": "data: the new oil, they say" })).status, 200);
}

#[test]
fn one_word_of_forty_megabytes_is_one_token() {
    let serve = Serve::start(&[]);
    let text = format!("a dog {} and a cat", "x".repeat(40_000_000));
    let answer = post(serve.at, "/v1/embeddings", &json!({ "input": text }));
    assert_eq!((answer.status, &answer.body["usage"]["prompt_tokens"]), (200, &json!(6)));
    let short = post(serve.at, "/v1/embeddings", &json!({ "input": format!("a dog {} and a cat", "x".repeat(200)) }));
    assert_eq!(answer.body["data"], short.body["data"]);
    let answer = post(serve.at, "/v1/embeddings", &json!({ "input": format!("{}a dog", " \n".repeat(20_000_000)) }));
    assert_eq!((answer.status, &answer.body["usage"]["prompt_tokens"]), (200, &json!(2)));
}

#[test]
fn those_who_say_nothing_keep_nobody_waiting() {
    let serve = Serve::start(&["--timeout", "3000"]);
    let silent: Vec<_> = (0..400).map(|_| connect(serve.at)).collect();
    let half: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = connect(serve.at);
            // it may have been sent away already
            let _sent = stream.write_all(b"POST /v1/embeddings HTTP/1.1\r\ncontent-length: 9\r\n");
            stream
        })
        .collect();
    let ask = |text: &str| post(serve.at, "/v1/embeddings", &json!({ "input": text })).status;
    assert_eq!(ask("a dog"), 200);
    drop((silent, half));

    // bodies that are promised, and come byte by byte
    let drip = |head: &str| {
        let mut stream = connect(serve.at);
        let head = format!("POST /v1/embeddings HTTP/1.1\r\nhost: {}\r\n{head}\r\n\r\n", serve.at);
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let promised: Vec<_> = (0..8).map(|_| drip(&format!("content-length: {}", 64 << 20))).collect();
    let chunked: Vec<_> = (0..8).map(|_| drip("transfer-encoding: chunked")).collect();
    for mut stream in promised.iter().chain(&chunked) {
        stream.write_all(b"1\r\n{\r\n").unwrap();
    }
    assert_eq!(ask(&"a dog ".repeat(500_000)), 200);
    let many: Vec<_> = (0..300).map(|_| drip("content-length: 1000")).collect();
    assert_eq!(ask("a dog"), 200, "not even where all connections are taken so");
    drop((promised, chunked, many));
}

#[test]
fn large_and_slow_requests_end() {
    let serve = Serve::start(&[]);
    let large = vec![b' '; (64 << 20) + 1];
    for (path, status) in
        [("/v1/embedding/text", 413), ("/v1/embeddings", 413), ("/v1beta/models/starter:embedContent", 400)]
    {
        let answer = send(serve.at, "POST", path, &[], &large);
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.body.to_string().contains("64 MiB"), "{path}: {}", answer.body);
    }
    let serve = Serve::start(&["--timeout", "1"]);
    let whole = request(serve.at, "POST", "/v1/embeddings", &[], br#"{"input":"a"}"#);
    let after = |bytes: &[u8]| {
        let start = Instant::now();
        let mut stream = connect(serve.at);
        stream.write_all(bytes).unwrap();
        (read(stream), start.elapsed())
    };
    let (answer, took) = after(&whole[..whole.len() - 3]);
    assert_eq!(answer.unwrap().status, 408, "half a body");
    assert!(took < Duration::from_secs(10), "{took:?}");
    let (answer, took) = after(&whole[..20]);
    assert!(
        answer.is_none_or(|answer| answer.status == 408) && took < Duration::from_secs(10),
        "half a head: {took:?}"
    );
    assert_eq!(get(serve.at, "/v1/user").status, 200);

    // who asks and asks and takes no answer
    let mut stream = connect(serve.at);
    stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
    let asks = format!("GET /v1/models HTTP/1.1\r\nhost: {}\r\n\r\n", serve.at).repeat(1000);
    let end = std::iter::repeat_with(|| stream.write_all(asks.as_bytes())).take(1000).find_map(Result::err);
    let end = end.expect("it does not listen for ever").kind();
    assert!([ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&end), "{end:?}");
    assert_eq!(get(serve.at, "/v1/user").status, 200);
}

// Windows sends Ctrl-C to all programs of a console, this test among them.
#[cfg(unix)]
#[test]
fn the_end_waits_for_what_is_under_way() {
    let mut serve = Serve::start(&[]);
    let _idle = connect(serve.at);
    let whole = request(serve.at, "POST", "/v1/embeddings", &[], br#"{"input":"a dog"}"#);
    let mut asking = connect(serve.at);
    asking.write_all(&whole[..whole.len() - 5]).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let start = Instant::now();
    serve.terminate();
    std::thread::sleep(Duration::from_millis(500));
    assert!(std::net::TcpStream::connect(serve.at).is_err(), "nobody listens any more");
    asking.write_all(&whole[whole.len() - 5..]).unwrap();
    assert_eq!(read(asking).expect("an answer nevertheless").status, 200);
    assert_eq!(serve.child.wait().unwrap().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(9), "an idle caller holds nobody up: {:?}", start.elapsed());
}

#[test]
fn a_port_in_use_is_one_line_that_says_what_to_do() {
    let serve = Serve::start(&[]);
    let listen = serve.at.to_string();
    let second = program(&["serve", "--listen", &listen]).output().unwrap();
    let said = stderr(&second);
    assert_eq!((second.status.code(), said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("in use") && said.contains("--listen 127.0.0.1:"), "{said}");
    for bad in ["7878", "example.com:80", "127.0.0.1", "localhost:99999"] {
        let wrong = program(&["serve", "--listen", bad]).output().unwrap();
        assert_eq!(wrong.status.code(), Some(2), "{bad}");
    }
}

/// Runs a script of `tests/clients` as a user does who has set the services' addresses; what it printed.
fn script(python: &Path, serve: &Serve, name: &str, arguments: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)).args(arguments);
    command.env("HOME", home.path()).env("NO_PROXY", "127.0.0.1").env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("ATLAS_API_PATH", serve.url()).env("VICINITY", env!("CARGO_BIN_EXE_vicinity"));
    command.env("OPENAI_BASE_URL", format!("{}/v1", serve.url())).env("OPENAI_API_KEY", "any");
    command.env("GOOGLE_GEMINI_BASE_URL", serve.url()).env("GEMINI_API_KEY", "any").env_remove("GOOGLE_API_KEY");
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{name} {arguments:?}\n{printed}\n{}", stderr(&output));
    println!("$ python {name} {}\n{printed}", arguments.join(" "));
    printed
}

#[test]
fn the_official_python_clients_run_against_it() {
    let python = match python("clients") {
        Ok(python) => python,
        Err(reason) => {
            eprintln!("skipped: the_official_python_clients_run_against_it (no Python with the clients: {reason})");
            return;
        }
    };
    let (_place, model) = nomic();
    let text = "nomic-embed-text-v1.5";
    let serve = Serve::start(&["--model", &model]);
    let same = script(&python, &serve, "same_vectors.py", &[&model, text, "nomic-embed-vision-v1.5", text, text]);
    assert!(same.ends_with("all the same\n"), "{same}");
    drop(serve);

    let names = ["nomic-embed-text-v1.5", "nomic-embed-vision-v1.5", "text-embedding-3-small", "gemini-embedding-001"];
    let serve = Serve::start(&names.map(|name| ["--alias", name]).concat());
    let same = script(&python, &serve, "same_vectors.py", &[&["starter"][..], &names].concat());
    assert!(same.ends_with("all the same\n"), "{same}");
    let found = script(&python, &serve, "retrieval.py", &[]);
    for line in ["nomic", "openai", "gemini"].map(|client| format!("{client}: golf is played with a small white ball"))
    {
        assert!(found.contains(&line), "{found}");
    }
    let nearest = script(&python, &serve, "nearest_texts.py", &[sample("golf_balls.jpg").to_str().unwrap()]);
    assert!(nearest.lines().next().unwrap().contains("golf"), "{nearest}");
}
