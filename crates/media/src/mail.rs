//! Messages of electronic mail and saved web pages (RFC 5322 and MIME, RFC 2045) as people read them: the subject, then the
//! text, or where there is none the page. Attachments are left out.

use mail_parser::{Encoding, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::document::DocumentError;
use super::encoding::{self, TextEncoding};
use super::error::ReadError;
use super::html::{self, Markup};

/// Bytes at the beginning in which the header ends.
const HEADER_WITHIN: usize = 64 << 10;
/// The most parts of a message that are read. Parts may contain messages, which the library takes apart, and lets go, by
/// calling itself.
const MAX_PARTS: usize = 200;
/// Endings of messages and of saved pages.
const NAMES: &[&str] = &["eml", "mht", "mhtml"];
/// Fields that say who wrote.
const WRITERS: &[&str] = &["from", "sender", "return-path"];
/// Fields that programs write and people do not.
const MACHINES: &[&str] = &["message-id", "mime-version", "received", "content-type", "delivered-to", "references"];

/// Whether the bytes begin a message: a header of fields, among which are some that only programs write. `ending` is the
/// file's lower-case extension.
pub fn is_mail(bytes: &[u8], ending: &str) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let Some(fields) = fields(&bytes[..bytes.len().min(HEADER_WITHIN)]) else { return false };
    let count = |known: &[&str]| known.iter().filter(|name| fields.iter().any(|field| field == *name)).count();
    let (writers, machines) = (count(WRITERS), count(MACHINES));
    let named = NAMES.contains(&ending) && writers + machines + count(&["to", "subject", "date"]) >= 2;
    named || (writers >= 1 && machines >= 1)
}

/// The lower-case names of the fields of a header, which an empty line ends; `None` where a line is no field.
fn fields(head: &[u8]) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    for line in head.split_inclusive(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\n")?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Some(fields);
        }
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            if fields.is_empty() {
                return None;
            }
            continue;
        }
        let colon = line.iter().position(|b| *b == b':')?;
        let name = line[..colon].trim_ascii_end();
        if name.is_empty() || name.len() > 76 || !name.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        fields.push(String::from_utf8_lossy(name).to_ascii_lowercase());
    }
    None
}

/// What people read of a message.
///
/// # Errors
/// When it is encrypted.
pub fn read(bytes: &[u8]) -> Result<String, ReadError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bytes = first_parts(bytes);
    let Some(message) = MessageParser::default().parse(bytes) else { return Ok(encoding_unknown(bytes)) };
    if is_encrypted(&message) {
        return Err(DocumentError::Encrypted.into());
    }
    let read = |parts: &[u32]| {
        let parts = parts.iter().filter_map(|id| message.part(*id)).filter_map(|part| words(part, bytes));
        parts.filter(|text| !text.trim().is_empty()).collect::<Vec<_>>().join("\n")
    };
    let text = Some(read(&message.text_body)).filter(|text| !text.is_empty());
    let text = text.unwrap_or_else(|| read(&message.html_body));
    let subject = message.subject().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(format!("{subject}\n{}", text.trim_end()).trim_matches('\n').to_owned())
}

/// A message without the parts that would be too many.
fn first_parts(bytes: &[u8]) -> &[u8] {
    const TYPE: &[u8] = b"content-type";
    let mut starts = memchr::memchr2_iter(b'c', b'C', bytes)
        .filter(|at| bytes.get(*at..*at + TYPE.len()).is_some_and(|word| word.eq_ignore_ascii_case(TYPE)));
    starts.nth(MAX_PARTS).map_or(bytes, |end| &bytes[..end])
}

fn is_encrypted(message: &Message<'_>) -> bool {
    let Some(kind) = message.content_type() else { return false };
    let subtype = kind.subtype().unwrap_or_default().to_ascii_lowercase();
    let signed = kind.attribute("smime-type").is_some_and(|smime| smime.to_ascii_lowercase().contains("signed"));
    subtype == "encrypted" || (matches!(subtype.as_str(), "pkcs7-mime" | "x-pkcs7-mime") && !signed)
}

/// What people read of a part.
fn words(part: &MessagePart<'_>, message: &[u8]) -> Option<String> {
    let (PartType::Text(text) | PartType::Html(text)) = &part.body else { return None };
    let is_named = part.content_type().is_some_and(|kind| kind.attribute("charset").is_some());
    let as_sent = message.get(part.offset_body as usize..part.offset_end as usize);
    let text = match as_sent.filter(|_| !is_named && part.encoding == Encoding::None && text.contains('\u{fffd}')) {
        Some(bytes) => encoding_unknown(bytes),
        None => text.as_ref().to_owned(),
    };
    Some(if matches!(part.body, PartType::Html(_)) { html::read(&text, Markup::Html) } else { text })
}

/// Bytes as text where nothing says in which encoding.
fn encoding_unknown(bytes: &[u8]) -> String {
    let (encoding, mark) = encoding::detect(bytes, true)
        .filter(|(encoding, _)| !matches!(encoding, TextEncoding::Unreadable(_)))
        .unwrap_or((TextEncoding::Known(encoding_rs::UTF_8), 0));
    encoding::decode(&bytes[mark..], encoding, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Return-Path: <a@example.org>\r\nFrom: Ada <a@example.org>\r\nTo: b@example.org\r\n\
                          Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from\r\n the garden\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n";

    fn message(rest: &str) -> String {
        let bytes = format!("{HEADER}{rest}");
        assert!(is_mail(bytes.as_bytes(), ""));
        read(bytes.as_bytes()).unwrap()
    }

    #[test]
    fn the_subject_and_the_text_are_read_and_attachments_are_not() {
        let mixed = message(
            "Content-Type: multipart/mixed; boundary=\"x\"\r\n\r\n--x\r\nContent-Type: multipart/alternative; boundary=\"y\"\r\n\r\n\
             --y\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
             Two ducks at the k=F6nigs=\r\nsee\r\n--y\r\nContent-Type: text/html\r\n\r\n<p>Two <b>ducks</b></p>\r\n--y--\r\n\
             --x\r\nContent-Type: text/plain; name=\"notes.txt\"\r\nContent-Disposition: attachment; filename=\"notes.txt\"\r\n\r\n\
             secret\r\n--x--\r\n",
        );
        assert_eq!(mixed, "Grüße from the garden\nTwo ducks at the königssee");
    }

    #[test]
    fn a_page_is_read_where_there_is_no_text() {
        let page = "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\
                    PHN0eWxlPnAge308L3N0eWxlPjxwPlR3byA8Yj5kdWNrczwvYj4gJmFtcDsgYSBzd2FuPC9wPg==\r\n";
        assert_eq!(message(page), "Grüße from the garden\nTwo ducks & a swan");
        let blank = "Content-Type: multipart/alternative; boundary=y\r\n\r\n--y\r\nContent-Type: text/plain\r\n\r\n  \r\n\
                     --y\r\nContent-Type: text/html\r\n\r\n<p>A swan</p>\r\n--y--\r\n";
        assert_eq!(message(blank), "Grüße from the garden\nA swan");
    }

    #[test]
    fn a_text_in_an_encoding_that_nothing_names_is_detected() {
        let mut bytes = format!("{HEADER}\r\n").into_bytes();
        bytes.extend(encoding_rs::WINDOWS_1252.encode("Die Enten schwimmen über den schönen Königssee.").0.iter());
        assert_eq!(read(&bytes).unwrap(), "Grüße from the garden\nDie Enten schwimmen über den schönen Königssee.");
    }

    #[test]
    fn encrypted_messages_are_refused() {
        let bytes = format!("{HEADER}Content-Type: multipart/encrypted; boundary=x\r\n\r\n--x\r\n\r\n--x--\r\n");
        assert_eq!(read(bytes.as_bytes()), Err(ReadError::Document(DocumentError::Encrypted)));
    }

    #[test]
    fn messages_within_messages_without_end_are_read_as_far_as_is_safe() {
        let nested = format!("{HEADER}{}", "Content-Type: message/rfc822\r\n\r\n".repeat(100_000));
        assert_eq!(read(nested.as_bytes()).unwrap(), "Grüße from the garden");
        let digests: String =
            (0..50_000).map(|i| format!("Content-Type: multipart/digest; boundary={i}\r\n\r\n--{i}\r\n\r\n")).collect();
        assert!(read(format!("{HEADER}{digests}").as_bytes()).is_ok());
    }

    #[test]
    fn a_text_that_begins_like_a_message_is_none() {
        for text in [
            "From: the garden\nTo: the lake\n\nA poem.",
            "Subject: tea\n\nFrom: here on, content-type: matters.",
            "Note: from: is a field\nand this line is none\n\nx",
            "From: a@example.org\nMessage-ID: <1@example.org>\nno end of the header",
        ] {
            assert!(!is_mail(text.as_bytes(), "txt"), "{text}");
        }
        assert!(is_mail(b"From: a@example.org\nSubject: tea\n\nAt four.", "eml"));
    }
}
