//! A server on loopback that plays an embedding service, and misbehaves when told to.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The parts of a multipart body: name, type, content.
    pub fn parts(&self) -> Vec<(String, Option<String>, Vec<u8>)> {
        let kind = self.header("content-type").unwrap();
        let border = format!("--{}", kind.split("boundary=").nth(1).unwrap());
        let cuts: Vec<usize> = positions(&self.body, border.as_bytes());
        let part = |pair: &[usize]| {
            let part = &self.body[pair[0] + border.len() + 2..pair[1] - 2];
            let end = positions(part, b"\r\n\r\n")[0];
            let head = std::str::from_utf8(&part[..end]).unwrap();
            let after =
                |mark: &str, stop: char| head.split(mark).nth(1).map(|s| s.split(stop).next().unwrap().to_owned());
            (after("name=\"", '"').unwrap(), after("Content-Type: ", '\r'), part[end + 4..].to_vec())
        };
        cuts.windows(2).map(part).collect()
    }
}

fn positions(hay: &[u8], needle: &[u8]) -> Vec<usize> {
    (0..hay.len().saturating_sub(needle.len() - 1)).filter(|at| hay[*at..].starts_with(needle)).collect()
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// Closes the connection without a word.
    Cut,
    /// Promises the whole body, sends half of it and closes.
    Half(Vec<u8>),
    /// Waits first.
    Slow(Duration, Box<Self>),
    /// Sends a body without end, until the reader goes.
    Endless,
}

impl Reply {
    pub fn status(status: u16, body: &Value) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.to_string().into_bytes() }
    }

    pub fn ok(body: &Value) -> Self {
        Self::status(200, body)
    }

    pub fn with(self, name: &'static str, value: &str) -> Self {
        match self {
            Self::Answer { status, mut headers, body } => {
                headers.push((name, value.to_owned()));
                Self::Answer { status, headers, body }
            }
            other => other,
        }
    }

    fn body(&self) -> Vec<u8> {
        if let Self::Answer { body, .. } = self { body.clone() } else { Vec::new() }
    }

    /// The same answer, broken in the middle.
    pub fn half(&self) -> Self {
        Self::Half(self.body())
    }
}

type Handler = dyn Fn(&Request, usize) -> Reply + Send + Sync;

/// Runs until it is dropped.
pub struct Service {
    address: std::net::SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
}

impl Service {
    /// `handler` is given each request and its number, counted from 0.
    pub fn start(handler: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let handler: Arc<Handler> = Arc::new(handler);
        let (kept, stopped) = (Arc::clone(&requests), Arc::clone(&stop));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (handler, kept) = (Arc::clone(&handler), Arc::clone(&kept));
                std::thread::spawn(move || stream.map(|stream| serve(&stream, &*handler, &kept)));
            }
        });
        Self { address, requests, stop }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _wakes_the_listener = TcpStream::connect(self.address);
    }
}

fn serve(stream: &TcpStream, handler: &Handler, kept: &Mutex<Vec<Request>>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let request = read(&mut reader)?;
        let number = {
            let mut kept = kept.lock().unwrap();
            kept.push(request.clone());
            kept.len() - 1
        };
        reply(stream, handler(&request, number))?;
    }
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut request = Request { method, path, headers, body: Vec::new() };
    assert_eq!(request.header("transfer-encoding"), None, "bodies come with their length");
    let length = request.header("content-length").map_or(0, |text| text.parse().unwrap());
    request.body = vec![0; length];
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}

/// `None` where the connection is over.
fn reply(mut stream: &TcpStream, reply: Reply) -> Option<()> {
    match reply {
        Reply::Answer { status, headers, body } => {
            let mut head =
                format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n", body.len());
            headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
            stream.write_all(format!("{head}\r\n").as_bytes()).ok()?;
            stream.write_all(&body).ok()
        }
        Reply::Cut => None,
        Reply::Half(body) => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).ok()?;
            stream.write_all(&body[..body.len() / 2]).ok()?;
            None
        }
        Reply::Slow(wait, then) => {
            std::thread::sleep(wait);
            self::reply(stream, *then)
        }
        Reply::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
            while stream.write_all(&[b'['; 65536]).is_ok() {}
            None
        }
    }
}

/// Key that the played services take.
pub const KEY: &str = "nk-T0pS3cretK3yOfTheTests-0123456789";

/// The vector of some content: follows from its hash, and is not of unit length.
pub fn vector(content: &[u8], dim: usize) -> Vec<f32> {
    let mut bytes = vec![0; dim * 2];
    blake3::Hasher::new().update(content).finalize_xof().fill(&mut bytes);
    bytes.chunks_exact(2).map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 10_000.0).collect()
}

/// The same as the program should store it.
pub fn unit(content: &[u8], dim: usize) -> Vec<f32> {
    vicinity_core::Embedding::new(vector(content, dim)).unwrap().as_slice().to_vec()
}

/// What no service can embed.
pub const TOO_LONG: &str = "TOO LONG";

fn words(texts: &[&str]) -> usize {
    texts.iter().map(|text| text.split_whitespace().count()).sum()
}

/// Nomic's service, by its description.
pub fn nomic(request: &Request) -> Reply {
    if request.header("authorization") != Some(&format!("Bearer {KEY}")) {
        let heard = request.header("authorization").unwrap_or_default();
        return Reply::status(401, &json!({ "detail": format!("{heard} is no key of ours") }));
    }
    assert_eq!(request.method, "POST");
    match request.path.as_str() {
        "/v1/embedding/text" => nomic_texts(&request.json()),
        "/v1/embedding/image" => nomic_pictures(request),
        path => Reply::status(404, &json!({ "detail": format!("nothing at {path}") })),
    }
}

fn nomic_texts(body: &Value) -> Reply {
    let texts: Vec<&str> = body["texts"].as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect();
    let (task, long) = (body["task_type"].as_str().unwrap(), body["long_text_mode"].as_str().unwrap());
    assert!(["search_document", "search_query", "classification", "clustering"].contains(&task));
    assert!(["truncate", "mean"].contains(&long));
    assert!(texts.len() <= 10, "{} texts in one request", texts.len());
    if let Some(at) = texts.iter().position(|text| text.contains(TOO_LONG)) {
        let fault = json!([{ "loc": ["body", "texts", at], "msg": "text is too long", "type": "value_error" }]);
        return Reply::status(422, &json!({ "detail": fault }));
    }
    let dim = body["dimensionality"].as_u64().unwrap_or(768) as usize;
    let vectors: Vec<_> = texts.iter().map(|text| vector(format!("{task} {long} {text}").as_bytes(), dim)).collect();
    let tokens = words(&texts);
    let usage = json!({ "prompt_tokens": tokens, "total_tokens": tokens + 1 });
    Reply::ok(&json!({ "embeddings": vectors, "usage": usage, "model": body["model"] }))
}

fn nomic_pictures(request: &Request) -> Reply {
    let mut model = Value::Null;
    let mut contents: Vec<Vec<u8>> = Vec::new();
    if request.header("content-type").unwrap().starts_with("multipart/form-data") {
        for (name, kind, content) in request.parts() {
            match name.as_str() {
                "model" => model = String::from_utf8(content).unwrap().into(),
                "images" => {
                    assert_eq!(kind.as_deref(), Some("image/jpeg"));
                    contents.push(content);
                }
                other => panic!("a part named {other}"),
            }
        }
    } else {
        let body = String::from_utf8(request.body.clone()).unwrap();
        for (name, value) in body.split('&').map(|field| field.split_once('=').unwrap()) {
            match name {
                "model" => model = value.into(),
                "urls" => contents.push(value.as_bytes().to_vec()),
                other => panic!("a field named {other}"),
            }
        }
    }
    let vectors: Vec<_> = contents.iter().map(|content| vector(content, 768)).collect();
    let usage = json!({ "prompt_tokens": contents.len(), "total_tokens": contents.len() });
    Reply::ok(&json!({ "embeddings": vectors, "usage": usage, "model": model }))
}

fn google_error(code: u16, status: &str, message: &str, details: Value) -> Reply {
    Reply::status(code, &json!({ "error": { "code": code, "message": message, "status": status, "details": details } }))
}

/// A 429 of Google's, with the wait in the body.
pub fn google_quota(delay: &str) -> Reply {
    let details = json!([{ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay }]);
    google_error(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", details)
}

/// Google's service, by its description.
pub fn gemini(request: &Request) -> Reply {
    if request.header("x-goog-api-key") != Some(KEY) {
        let details = json!([{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID" }]);
        return google_error(400, "INVALID_ARGUMENT", "API key not valid.", details);
    }
    assert!(request.body.len() <= 4_194_304, "a body of {} bytes", request.body.len());
    let (model, method) = request.path.strip_prefix("/v1beta/models/").unwrap().split_once(':').unwrap();
    let body = request.json();
    let items = match method {
        "embedContent" => vec![body],
        "batchEmbedContents" => body["requests"].as_array().unwrap().clone(),
        other => panic!("a method named {other}"),
    };
    if items.len() > 100 {
        let text = "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch";
        return google_error(400, "INVALID_ARGUMENT", text, json!([]));
    }
    let mut vectors = Vec::new();
    for item in &items {
        assert_eq!(item["model"], format!("models/{model}"));
        let part = &item["content"]["parts"][0];
        let content = part["text"].as_str().or(part["inline_data"]["data"].as_str()).unwrap();
        if content.contains(TOO_LONG) {
            return google_error(400, "INVALID_ARGUMENT", "The text is too long", json!([]));
        }
        let dim = item["outputDimensionality"].as_u64().unwrap_or(3072) as usize;
        vectors.push(json!({ "values": vector(content.as_bytes(), dim) }));
    }
    match method {
        "embedContent" => Reply::ok(&json!({ "embedding": vectors[0] })),
        _ => Reply::ok(&json!({ "embeddings": vectors })),
    }
}

/// A server that speaks OpenAI's form, without a key, and answers in any order.
pub fn openai(request: &Request) -> Reply {
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/embeddings"));
    let body = request.json();
    let texts: Vec<&str> = body["input"].as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect();
    if texts.iter().any(|text| text.contains(TOO_LONG)) {
        return Reply::status(400, &json!({ "error": { "message": "maximum context length is 8192 tokens" } }));
    }
    let dim = body["dimensions"].as_u64().unwrap_or(24) as usize;
    let row = |(at, text): (usize, &&str)| json!({ "index": at, "embedding": vector(text.as_bytes(), dim) });
    let data: Vec<Value> = texts.iter().enumerate().map(row).rev().collect();
    let tokens = words(&texts);
    let usage = json!({ "prompt_tokens": tokens, "total_tokens": tokens });
    Reply::ok(&json!({ "object": "list", "data": data, "model": body["model"], "usage": usage }))
}
