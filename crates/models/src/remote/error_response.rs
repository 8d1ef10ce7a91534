//! What a service says with an error status, in each of the forms in use.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

/// Longest sentence of a service that is passed on, characters.
const SENTENCE: usize = 300;

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ErrorResponse {
    /// A sentence of the service; not scrubbed yet.
    pub reason: String,
    /// Whether it rejects the key, whatever the status.
    pub key: bool,
    /// How long to wait before another request.
    pub wait: Option<Duration>,
}

/// Reads it.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> ErrorResponse {
    let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let details = value.pointer("/error/details").and_then(Value::as_array);
    let details = details.map(Vec::as_slice).unwrap_or_default();
    let key = details.iter().any(|detail| detail["reason"].as_str().is_some_and(|r| r.starts_with("API_KEY")));
    let asked = details.iter().find_map(|detail| {
        let kind = detail["@type"].as_str()?;
        kind.ends_with("RetryInfo").then(|| seconds(detail["retryDelay"].as_str()?.strip_suffix('s')?))?
    });
    let wait = headers.get(RETRY_AFTER).and_then(|header| retry_after(header.to_str().ok()?)).max(asked);
    ErrorResponse { reason: shorten(&sentence(&value, body)), key, wait }
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.trim().parse().ok()?).ok()
}

/// Seconds, or a date.
fn retry_after(text: &str) -> Option<Duration> {
    seconds(text).or_else(|| {
        let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
        let wait = until.duration_since(jiff::Timestamp::now());
        Some(Duration::try_from(wait).unwrap_or_default())
    })
}

/// Google and OpenAI: `error.message`; Ollama: `error`; Nomic: `detail`, a text or a list; others: `message`.
fn sentence(value: &Value, body: &[u8]) -> String {
    let places = ["/error/message", "/error", "/detail", "/message", "/detail/message"];
    if let Some(text) = places.iter().find_map(|place| value.pointer(place)?.as_str()) {
        return text.to_owned();
    }
    match value["detail"].as_array() {
        Some(list) => list.iter().filter_map(fault).collect::<Vec<_>>().join("; "),
        None => String::from_utf8_lossy(body).into_owned(),
    }
}

/// `body.texts.3: too long`
fn fault(detail: &Value) -> Option<String> {
    let message = detail["msg"].as_str()?;
    let part = |part: &Value| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
    let place: Vec<String> = detail["loc"].as_array().map(|loc| loc.iter().map(part).collect()).unwrap_or_default();
    Some(if place.is_empty() { message.to_owned() } else { format!("{}: {message}", place.join(".")) })
}

/// On one line, and not too long.
fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    match line.char_indices().nth(SENTENCE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.is_empty() => "it gives no reason".to_owned(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> ErrorResponse {
        read(&HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn every_form_of_error_becomes_a_sentence() {
        assert_eq!(of(r#"{"error":{"message":"too long"}}"#).reason, "too long");
        assert_eq!(of(r#"{"error":"no such model"}"#).reason, "no such model");
        assert_eq!(of(r#"{"detail":[{"loc":["body","texts",3],"msg":"empty"}]}"#).reason, "body.texts.3: empty");
        assert_eq!(of(r#"{"detail":"Not here"}"#).reason, "Not here");
        assert_eq!(of("<html>\n  Bad Gateway</html>").reason, "<html> Bad Gateway</html>");
        assert_eq!(of("").reason, "it gives no reason");
        assert_eq!(of(&"a".repeat(5000)).reason.chars().count(), SENTENCE + 1);
    }

    #[test]
    fn waits_and_wrong_keys_are_understood() {
        let quota = of(r#"{"error":{"code":429,"message":"quota","details":[
            {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"3.5s"}]}}"#);
        assert_eq!(quota.wait, Some(Duration::from_millis(3500)));
        assert!(of(r#"{"error":{"code":400,"details":[{"reason":"API_KEY_INVALID"}]}}"#).key);
        assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let far = retry_after("Wed, 21 Oct 2099 07:28:00 GMT").unwrap();
        assert!(far > Duration::from_secs(1_000_000));
        assert_eq!(retry_after("soon"), None);
    }
}
