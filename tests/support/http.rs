//! A plain HTTP client for tests of the server: it sends exactly what it is told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Value,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let of = |line: &'_ str| line.split_once(':').as_ref().is_some_and(|(own, _)| own.eq_ignore_ascii_case(name));
        self.head.lines().find(|line| of(line)).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }
}

pub fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    stream
}

/// Sends one request; `Host` is the address, unless another one is among the headers.
pub fn send(at: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut stream = connect(at);
    stream.write_all(&request(at, method, path, headers, body)).unwrap();
    read(stream).expect("an answer")
}

/// The bytes of a request.
pub fn request(at: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        head.push_str(&format!("host: {at}\r\n"));
    }
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    [head.as_bytes(), b"\r\n", body].concat()
}

/// The answer; `None` where the connection is closed without one.
pub fn read(mut stream: TcpStream) -> Option<Reply> {
    let mut bytes = Vec::new();
    // a connection that is reset after its answer has been read is fine
    let _ended = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let body = serde_json::from_slice(&bytes[end + 4..]).unwrap_or(Value::Null);
    Some(Reply { status: head.split(' ').nth(1)?.parse().ok()?, head, body })
}

pub fn get(at: SocketAddr, path: &str) -> Reply {
    send(at, "GET", path, &[], b"")
}

pub fn post(at: SocketAddr, path: &str, body: &Value) -> Reply {
    send(at, "POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
}

/// Posts fields and files of a form: name, whether it is a file, content.
pub fn form(at: SocketAddr, path: &str, parts: &[(&str, bool, &[u8])]) -> Reply {
    let mut body = Vec::new();
    for (name, is_file, content) in parts {
        let file = if *is_file { format!("; filename=\"{name}\"") } else { String::new() };
        let head = format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend([head.as_bytes(), content, b"\r\n"].concat());
    }
    body.extend(b"--cut--\r\n");
    send(at, "POST", path, &[("content-type", "multipart/form-data; boundary=cut")], &body)
}
