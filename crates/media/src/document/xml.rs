//! XML as a stream of elements and words. No declaration of a document is expanded and nothing outside it is fetched, so
//! that an entity is one character or stays as it is written.

use std::borrow::Cow;
use std::io::{BufReader, Read};

use encoding_rs_io::DecodeReaderBytesBuilder;
use quick_xml::Reader;
use quick_xml::errors::Error;
use quick_xml::escape;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::archive::{ArchivePart, unpacked};
use super::error::DocumentError;
use crate::error::ReadError;

/// The deepest nesting of elements; word processors reach about 60.
const MAX_DEPTH: usize = 512;

/// Receives what a part consists of, in order.
pub trait Visitor {
    /// An element begins; false skips everything in it, and its end.
    fn open(&mut self, element: &Element<'_>) -> bool;
    /// An element ends, by its name without prefix.
    fn close(&mut self, _name: &str) {}
    /// Words in an element.
    fn text(&mut self, _text: &str) {}
    /// Whether nothing more is needed.
    fn is_full(&self) -> bool {
        false
    }
}

/// The start of an element.
pub struct Element<'a>(&'a BytesStart<'a>);

impl Element<'_> {
    /// Its name without prefix.
    pub fn name(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.0.local_name().into_inner())
    }

    /// Whether its name has this prefix.
    pub fn has_prefix(&self, prefix: &str) -> bool {
        self.0.name().prefix().is_some_and(|own| own.as_ref() == prefix.as_bytes())
    }

    /// The value of the first attribute of this name, whatever its prefix.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let mut all = self.0.attributes();
        all.with_checks(false);
        let found = all.flatten().find(|own| own.key.local_name().as_ref() == name.as_bytes())?;
        let value = String::from_utf8_lossy(&found.value).into_owned();
        Some(escape::unescape(&value).map_or_else(|_| value.clone(), Cow::into_owned))
    }
}

/// Reads a part to its end, or until the visitor is full.
///
/// # Errors
/// When it is not well-formed, nested too deeply, or a limit is exceeded.
pub fn walk<R: Read>(part: ArchivePart<'_, R>, visitor: &mut impl Visitor) -> Result<(), ReadError> {
    let (format, token) = (part.format, part.token());
    let damaged = || ReadError::from(DocumentError::Damaged { format });
    let text = DecodeReaderBytesBuilder::new().strip_bom(true).build(part);
    let mut reader = Reader::from_reader(BufReader::new(text));
    reader.config_mut().allow_dangling_amp = true;
    let mut nesting = Nesting::default();
    let mut buffer = Vec::new();
    while !visitor.is_full() {
        token.set(0);
        buffer.clear();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Eof) if nesting.depth == 0 && nesting.has_root => return Ok(()),
            Ok(Event::Eof) => return Err(damaged()),
            Ok(event) => nesting.take(&event, visitor)?,
            Err(Error::Io(error)) => return Err(unpacked(&error, format)),
            Err(_) => return Err(damaged()),
        }
    }
    Ok(())
}

/// Where in the tree of elements the reader is.
#[derive(Default)]
struct Nesting {
    depth: usize,
    has_root: bool,
    /// The depth of the element that is skipped, if any.
    skipped: Option<usize>,
}

impl Nesting {
    fn take(&mut self, event: &Event<'_>, visitor: &mut impl Visitor) -> Result<(), ReadError> {
        match event {
            Event::Start(start) => self.start(start, visitor)?,
            Event::Empty(start) => {
                self.start(start, visitor)?;
                self.end(start.local_name().as_ref(), visitor);
            }
            Event::End(end) => self.end(end.local_name().as_ref(), visitor),
            _ if self.skipped.is_some() => {}
            Event::Text(text) => visitor.text(&String::from_utf8_lossy(text)),
            Event::CData(text) => visitor.text(&String::from_utf8_lossy(text)),
            Event::GeneralRef(reference) => visitor.text(&character(reference)),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Eof => {}
        }
        Ok(())
    }

    fn start(&mut self, start: &BytesStart<'_>, visitor: &mut impl Visitor) -> Result<(), ReadError> {
        self.depth += 1;
        self.has_root = true;
        if self.depth > MAX_DEPTH {
            return Err(DocumentError::TooDeep.into());
        }
        if self.skipped.is_none() && !visitor.open(&Element(start)) {
            self.skipped = Some(self.depth);
        }
        Ok(())
    }

    fn end(&mut self, name: &[u8], visitor: &mut impl Visitor) {
        match self.skipped {
            None => visitor.close(&String::from_utf8_lossy(name)),
            Some(depth) if depth == self.depth => self.skipped = None,
            Some(_) => {}
        }
        self.depth = self.depth.saturating_sub(1);
    }
}

/// What a reference stands for: a character by its number, or one of the five that XML names.
fn character(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(c)) = reference.resolve_char_ref() {
        return c.to_string();
    }
    let name = String::from_utf8_lossy(reference).into_owned();
    escape::resolve_predefined_entity(&name).map_or_else(|| format!("&{name};"), str::to_owned)
}
