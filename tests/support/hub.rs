//! A hub on the loopback: serves one repository's files under any name, as badly as a test wants.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha1::Sha1;
use sha2::{Digest, Sha256};

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const CHUNK: usize = 16 * 1024;

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub from: u64,
    pub authorization: Option<String>,
}

/// How to serve.
#[derive(Default)]
pub struct Manner {
    pub files: BTreeMap<String, Vec<u8>>,
    /// Statuses to answer with first, one a request.
    pub statuses: Vec<u16>,
    /// Cut the bodies of weights after so many bytes, one a request.
    pub cuts: Vec<usize>,
    /// Fall silent instead of cutting.
    pub silent: Option<Duration>,
    /// Wait between chunks.
    pub slow: Option<Duration>,
    pub no_ranges: bool,
    pub wrong_hash: bool,
    /// Where the bytes of weights are, if not here.
    pub elsewhere: Option<String>,
}

pub struct Hub {
    pub address: String,
    manner: Arc<Mutex<Manner>>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Hub {
    pub fn new(files: BTreeMap<String, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        let hub = Self {
            address,
            manner: Arc::new(Mutex::new(Manner { files, ..Manner::default() })),
            requests: Arc::default(),
        };
        let (manner, requests) = (Arc::clone(&hub.manner), Arc::clone(&hub.requests));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (manner, requests) = (Arc::clone(&manner), Arc::clone(&requests));
                // a client that goes away is part of the tests
                std::thread::spawn(move || drop(serve(stream, &manner, &requests)));
            }
        });
        hub
    }

    pub fn manner(&self) -> MutexGuard<'_, Manner> {
        self.manner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All requests so far; forgets them.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// First bytes of the weights that were asked for, one a request that was not redirected.
    pub fn asked_from(&self) -> Vec<u64> {
        let weights = |r: &Request| r.method == "GET" && r.target.ends_with(".safetensors");
        self.requests().into_iter().filter(weights).map(|r| r.from).collect()
    }
}

fn read(stream: &TcpStream) -> std::io::Result<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut request = Request { method, target, from: 0, authorization: None };
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "range" => {
                let from = value.trim_start_matches("bytes=").trim_end_matches('-');
                request.from = from.parse().expect("an open range");
            }
            "authorization" => request.authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    Ok(request)
}

fn serve(mut stream: TcpStream, manner: &Mutex<Manner>, requests: &Mutex<Vec<Request>>) -> std::io::Result<()> {
    let request = read(&stream)?;
    if request.method.is_empty() {
        return Ok(());
    }
    requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    let lock = || manner.lock().unwrap_or_else(PoisonError::into_inner);
    let early = { lock().statuses.pop() };
    let name = request.target.rsplit_once("/resolve/").and_then(|(_, rest)| rest.split_once('/')).map(|(_, name)| name);
    let name = name.or_else(|| request.target.rsplit_once("/blob/").map(|(_, name)| name)).unwrap_or_default();
    let content = lock().files.get(name).cloned();
    let Some(content) = content.filter(|_| early.is_none()) else {
        let status = early.unwrap_or(404);
        return write!(stream, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let (large, in_blobs) = (name.ends_with(".safetensors"), request.target.contains("/blob/"));
    let mut head = format!("X-Repo-Commit: {COMMIT}\r\nConnection: close\r\n");
    let elsewhere = lock().elsewhere.clone();
    let wrong_hash = lock().wrong_hash;
    if large && !in_blobs {
        let mut hash = sha256(&content);
        if wrong_hash {
            hash.replace_range(..4, "0000");
        }
        head += &format!("X-Linked-Size: {}\r\nX-Linked-Etag: \"{hash}\"\r\n", content.len());
        let location = format!("{}/blob/{name}", elsewhere.unwrap_or_default());
        return write!(stream, "HTTP/1.1 302 Found\r\n{head}Location: {location}\r\nContent-Length: 0\r\n\r\n");
    }
    head += &format!("ETag: \"{}\"\r\n", git(&content));
    let from = if lock().no_ranges { 0 } else { request.from as usize };
    if from > 0 && from >= content.len() {
        return write!(stream, "HTTP/1.1 416 No\r\n{head}Content-Length: 0\r\n\r\n");
    }
    let (status, body) = (if from > 0 { "206 Part" } else { "200 OK" }, &content[from..]);
    if from > 0 {
        head += &format!("Content-Range: bytes {from}-{}/{}\r\n", content.len() - 1, content.len());
    }
    write!(stream, "HTTP/1.1 {status}\r\n{head}Content-Length: {}\r\n\r\n", body.len())?;
    if request.method == "HEAD" {
        return Ok(());
    }
    let cut = if large { lock().cuts.pop() } else { None };
    for chunk in body[..cut.unwrap_or(body.len()).min(body.len())].chunks(CHUNK) {
        stream.write_all(chunk)?;
        stream.flush()?;
        let slow = lock().slow.filter(|_| large);
        std::thread::sleep(slow.unwrap_or_default());
    }
    let silent = lock().silent.filter(|_| cut.is_some());
    std::thread::sleep(silent.unwrap_or_default());
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn sha256(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

pub fn git(content: &[u8]) -> String {
    hex(&Sha1::new().chain_update(format!("blob {}\0", content.len())).chain_update(content).finalize())
}
