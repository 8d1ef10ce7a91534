//! XMP (ISO 16684-1): the simple properties and lists of a packet. Nested structures, which hold the history of a file
//! and the settings of programs, are skipped.

use std::borrow::Cow;

use encoding_rs::{UTF_16BE, UTF_16LE};
use quick_xml::NsReader;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, NamespaceResolver, QName, ResolveResult};

use super::block_list::MAX_BLOCK;
use super::text::{self, MAX_TEXT};

/// The deepest nesting that is read.
const MAX_DEPTH: usize = 32;
/// The most elements, texts and attributes that are read.
const MAX_PARTS: usize = 200_000;
/// The most values that are kept.
const MAX_PROPERTIES: usize = 20_000;
/// The longest name of a property, bytes: it is kept once per value.
const MAX_NAME: usize = 256;
/// The most namespaces that one element may declare.
const MAX_NAMESPACES: usize = 64;

/// Namespaces by their usual prefixes, without the `/` or `#` at the end of their names.
const NAMESPACES: &[(&str, &str)] = &[
    ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns"),
    ("dc", "http://purl.org/dc/elements/1.1"),
    ("xmp", "http://ns.adobe.com/xap/1.0"),
    ("exif", "http://ns.adobe.com/exif/1.0"),
    ("exifEX", "http://cipa.jp/exif/1.0"),
    ("tiff", "http://ns.adobe.com/tiff/1.0"),
    ("aux", "http://ns.adobe.com/exif/1.0/aux"),
    ("photoshop", "http://ns.adobe.com/photoshop/1.0"),
    ("lr", "http://ns.adobe.com/lightroom/1.0"),
    ("digiKam", "http://www.digikam.org/ns/1.0"),
    ("MicrosoftPhoto", "http://ns.microsoft.com/photo/1.0"),
];

/// A value of a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// Usual prefix and name: `dc:title`.
    pub name: String,
    /// Language of the text, if it has one (`x-default` for the main one).
    pub language: Option<String>,
    /// The text, trimmed and not empty.
    pub text: String,
}

/// The values of a packet in order, as far as it is well-formed.
pub fn properties(packet: &[u8]) -> Vec<Property> {
    let packet = decoded(packet.get(..MAX_BLOCK).unwrap_or(packet));
    let mut reader = NsReader::from_str(&packet);
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_dangling_amp = true;
    reader.resolver_mut().set_max_declarations_per_element(MAX_NAMESPACES);
    let mut walk = Walk::default();
    while let Ok(event) = reader.read_event() {
        let goes_on = match event {
            Event::Start(element) => walk.open(&element, reader.resolver()),
            Event::Empty(element) => walk.open(&element, reader.resolver()) && walk.close(),
            Event::End(_) => walk.close(),
            Event::Text(text) => walk.add(&text.decode().unwrap_or_default()),
            Event::CData(text) => walk.add(&text.decode().unwrap_or_default()),
            Event::GeneralRef(reference) => walk.add(&referred(&reference)),
            Event::Eof => break,
            _ => true,
        };
        walk.parts += 1;
        if !goes_on || walk.parts > MAX_PARTS || walk.properties.len() >= MAX_PROPERTIES {
            break;
        }
    }
    walk.properties
}

/// The packet as text: UTF-8, or UTF-16 by its mark or by the zeros around its first character.
fn decoded(packet: &[u8]) -> Cow<'_, str> {
    match packet {
        [0xff, 0xfe, ..] | [b'<', 0, ..] => UTF_16LE.decode(packet).0,
        [0xfe, 0xff, ..] | [0, b'<', ..] => UTF_16BE.decode(packet).0,
        _ => String::from_utf8_lossy(packet.strip_prefix(b"\xef\xbb\xbf").unwrap_or(packet)),
    }
}

/// What `&#233;` or `&amp;` stand for; other names stand for themselves.
fn referred(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(c)) = reference.resolve_char_ref() {
        return c.into();
    }
    let name = reference.decode().unwrap_or_default();
    quick_xml::escape::resolve_xml_entity(&name).map_or_else(|| format!("&{name};"), str::to_owned)
}

/// Where in a packet an element is.
#[derive(Debug)]
enum Level {
    /// Around the description.
    Outside,
    /// `rdf:RDF`.
    Root,
    /// `rdf:Description`, whose attributes and elements are properties.
    Description,
    /// A property.
    Property(String),
    /// `rdf:Bag`, `rdf:Seq` or `rdf:Alt` in a property.
    List(String),
    /// `rdf:li`, or another element with one value of a property.
    Value(String, Option<String>),
    /// In a nested structure.
    Skipped,
}

#[derive(Debug, Default)]
struct Walk {
    levels: Vec<Level>,
    text: String,
    parts: usize,
    properties: Vec<Property>,
}

impl Walk {
    /// Enters an element; false where it is too deep.
    fn open(&mut self, element: &BytesStart<'_>, names: &NamespaceResolver) -> bool {
        let name = name(element.name(), names);
        let level = match (self.levels.last(), name.as_str()) {
            (None | Some(Level::Outside), "rdf:RDF") => Level::Root,
            (None | Some(Level::Outside), _) => Level::Outside,
            (Some(Level::Root), "rdf:Description") => {
                self.take_attributes(element, names);
                Level::Description
            }
            (Some(Level::Description), _) if name.len() <= MAX_NAME => {
                self.text.clear();
                Level::Property(name)
            }
            (Some(Level::Property(property)), "rdf:Bag" | "rdf:Seq" | "rdf:Alt") => Level::List(property.clone()),
            (Some(Level::List(property)), "rdf:li") => {
                self.text.clear();
                let language = element.attributes().with_checks(false).flatten().find(|a| a.key.0 == b"xml:lang");
                Level::Value(property.clone(), language.map(|attribute| value(&attribute).into_owned()))
            }
            _ => {
                self.text.clear();
                Level::Skipped
            }
        };
        self.levels.push(level);
        self.levels.len() <= MAX_DEPTH
    }

    /// Leaves an element.
    fn close(&mut self) -> bool {
        match self.levels.pop() {
            Some(Level::Property(name)) => self.keep(name, None),
            Some(Level::Value(name, language)) => self.keep(name, language),
            _ => {}
        }
        self.text.clear();
        true
    }

    fn add(&mut self, text: &str) -> bool {
        if matches!(self.levels.last(), Some(Level::Property(_) | Level::Value(..))) && self.text.len() <= MAX_TEXT {
            self.text.push_str(text);
        }
        true
    }

    fn keep(&mut self, name: String, language: Option<String>) {
        if let Some(text) = text::clean(&self.text) {
            self.properties.push(Property { name, language, text });
        }
    }

    fn take_attributes(&mut self, element: &BytesStart<'_>, names: &NamespaceResolver) {
        for attribute in element.attributes().with_checks(false).flatten().take(MAX_PARTS) {
            self.parts += 1;
            let name = name(attribute.key, names);
            let is_property = attribute.key.prefix().is_some() && attribute.key.as_namespace_binding().is_none();
            if is_property
                && !name.starts_with("rdf:")
                && !name.starts_with("xml:")
                && let Some(text) = text::clean(&value(&attribute))
                && self.properties.len() < MAX_PROPERTIES
            {
                self.properties.push(Property { name, language: None, text });
            }
        }
    }
}

/// The name with the usual prefix of its namespace; with its own where that is not known or not declared.
fn name(name: QName<'_>, names: &NamespaceResolver) -> String {
    let prefix = match names.resolve_prefix(name.prefix(), true) {
        ResolveResult::Bound(Namespace(full)) => {
            let full = full.strip_suffix(b"/").or_else(|| full.strip_suffix(b"#")).unwrap_or(full);
            NAMESPACES.iter().find(|(_, known)| known.as_bytes() == full).map(|(prefix, _)| *prefix)
        }
        _ => None,
    };
    let own = name.prefix();
    let own = own.as_ref().map_or(&b""[..], |prefix| prefix.as_ref());
    let prefix = prefix.map_or_else(|| String::from_utf8_lossy(own), Cow::Borrowed);
    format!("{prefix}:{}", String::from_utf8_lossy(name.local_name().as_ref()))
}

/// The text of an attribute; as it is where it is not well-formed.
fn value(attribute: &Attribute<'_>) -> Cow<'static, str> {
    let raw = String::from_utf8_lossy(&attribute.value);
    quick_xml::escape::unescape(&raw).map_or_else(|_| raw.to_string(), Cow::into_owned).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(packet: &str) -> Vec<(String, Option<String>, String)> {
        properties(packet.as_bytes()).into_iter().map(|p| (p.name, p.language, p.text)).collect()
    }

    fn plain(name: &str, text: &str) -> (String, Option<String>, String) {
        (name.to_owned(), None, text.to_owned())
    }

    #[test]
    fn a_long_name_is_not_kept_once_per_value() {
        let values = "<rdf:li>x</rdf:li>".repeat(1000);
        let list = |name: &str| {
            format!(
                "<rdf:RDF><rdf:Description><{name}><rdf:Bag>{values}</rdf:Bag></{name}></rdf:Description></rdf:RDF>"
            )
        };
        assert_eq!(read(&list("a:b")).len(), 1000);
        assert_eq!(read(&list(&format!("a:{}", "b".repeat(50_000)))), []);
    }

    #[test]
    fn properties_are_attributes_elements_and_lists() {
        let packet = r#"<?xpacket begin="" id="x"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF
            xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:p="http://ns.adobe.com/xap/1.0/">
            <r:Description r:about="" p:Rating="4" xmlns:d="http://purl.org/dc/elements/1.1/">
            <p:Label>Red &amp; bl&#252;e</p:Label><d:subject><r:Bag><r:li> dog </r:li><r:li>caf&#xe9;</r:li></r:Bag></d:subject>
            <d:title><r:Alt><r:li xml:lang="x-default">T</r:li><r:li xml:lang="de">U</r:li></r:Alt></d:title>
            <p:History><r:Seq><r:li r:parseType="Resource"><p:Label>no</p:Label></r:li></r:Seq></p:History>
            <d:rights/></r:Description></r:RDF></x:xmpmeta><?xpacket end="w"?>"#;
        let title = |language: &str, text: &str| ("dc:title".to_owned(), Some(language.to_owned()), text.to_owned());
        let expected = vec![
            plain("xmp:Rating", "4"),
            plain("xmp:Label", "Red & blüe"),
            plain("dc:subject", "dog"),
            plain("dc:subject", "café"),
            title("x-default", "T"),
            title("de", "U"),
        ];
        assert_eq!(read(packet), expected);
        let wide: Vec<u8> = packet.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(properties(&wide), properties(packet.as_bytes()));
    }

    #[test]
    fn what_stands_before_damage_is_kept() {
        let packet = r#"<rdf:RDF><rdf:Description xmp:Rating="2"><xmp:Label>A &unknown; B</xmp:Label><dc:title <<<"#;
        assert_eq!(read(packet), [plain("xmp:Rating", "2"), plain("xmp:Label", "A &unknown; B")]);
        assert_eq!(read("no packet"), []);
        assert_eq!(properties(&[0xff, 0xfe, 0, 0xd8, b'<']), []);
    }

    #[test]
    fn deep_and_large_packets_end_early() {
        let deep = "<a>".repeat(100_000);
        assert_eq!(read(&deep), []);
        let nested = format!("<rdf:RDF><rdf:Description>{}", "<xmp:Label>x".repeat(1000));
        assert!(read(&nested).is_empty());
        let many = format!("<rdf:RDF><rdf:Description><dc:subject><rdf:Bag>{}", "<rdf:li>x</rdf:li>".repeat(100_000));
        assert_eq!(read(&many).len(), MAX_PROPERTIES);
        let bomb =
            format!("<!DOCTYPE a [<!ENTITY b \"{}\">]><rdf:RDF><rdf:Description xmp:Label='&b;'/>", "x".repeat(99));
        assert_eq!(read(&bomb), [plain("xmp:Label", "&b;")]);
        let names: String = (0..1000).map(|n| format!(" xmlns:n{n}='u{n}'")).collect();
        assert_eq!(read(&format!("<rdf:RDF><rdf:Description{names} xmp:Rating='1'/>")), []);
        let long = format!("<rdf:RDF><rdf:Description xmp:Label='{0}'><xmp:Label>{0}", "é".repeat(1 << 20));
        assert!(read(&long).iter().all(|(.., text)| text.len() <= MAX_TEXT + 4));
    }
}
