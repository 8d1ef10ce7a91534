//! Electronic books (W3C EPUB 3.3, and 2.0.1): their chapters in reading order, as pages are read. The table of contents
//! repeats what they say and is left out.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Seek};

use percent_encoding::percent_decode_str;

use super::archive::{Archive, MAX_PARTS};
use super::error::DocumentError;
use super::xml::{self, Element, Visitor};
use crate::encoding;
use crate::error::ReadError;
use crate::html::{self, Markup};
use crate::text::{self, MAX_CHARS};

/// Media types of chapters.
const CHAPTERS: &[&str] = &["application/xhtml+xml", "text/html", "text/x-oeb1-document"];
/// Algorithms that change fonts only.
const OF_FONTS: &[&str] = &["http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"];

/// What people read of a book.
pub fn read<R: Read + Seek>(archive: &mut Archive<R>) -> Result<String, ReadError> {
    let damaged = DocumentError::Damaged { format: archive.format };
    let mut container = Container::default();
    xml::walk(archive.part("META-INF/container.xml")?.ok_or(damaged)?, &mut container)?;
    let package_name = container.package.ok_or(damaged)?;
    let mut package = Package::default();
    xml::walk(archive.part(&package_name)?.ok_or(damaged)?, &mut package)?;
    let protected = protected(archive)?;
    let folder = package_name.rsplit_once('/').map_or("", |(folder, _)| folder);
    let (mut text, mut chars, mut found) = (String::new(), 0, false);
    for id in &package.order {
        // Each is read once, however often the order names it.
        let Some(item) = package.items.remove(id).filter(|item| item.is_chapter) else { continue };
        let name = resolve(folder, &item.address);
        if protected.contains(&name) {
            return Err(DocumentError::Encrypted.into());
        }
        let Some(bytes) = archive.bytes(&name, text::MAX_BYTES)? else { continue };
        found = true;
        let chapter = chapter(&bytes);
        if !chapter.is_empty() {
            text.push_str(if text.is_empty() { "" } else { "\n\n" });
            text.push_str(&chapter);
            chars += chapter.chars().count();
        }
        if chars >= MAX_CHARS {
            break;
        }
    }
    if found { Ok(text) } else { Err(damaged.into()) }
}

/// What people read of a chapter: its body, since readers of books do not show the title of a page.
fn chapter(bytes: &[u8]) -> String {
    let (encoding, mark) = encoding::detect(bytes, true)
        .filter(|(encoding, _)| !matches!(encoding, encoding::TextEncoding::Unreadable(_)))
        .unwrap_or((encoding::TextEncoding::Known(encoding_rs::UTF_8), 0));
    let page = encoding::decode(&bytes[mark..], encoding, true);
    let markup = html::markup(&page, "xhtml").unwrap_or(Markup::Xml);
    let start = html::root(&page);
    let body = memchr::memmem::find(start.as_bytes(), b"<body").map_or(start, |at| &start[at..]);
    html::read(body, markup)
}

/// The name of a part by its address, which is relative to a folder (RFC 3986, 5.2).
fn resolve(folder: &str, address: &str) -> String {
    let address = address.split('#').next().unwrap_or_default();
    let address = percent_decode_str(address).decode_utf8_lossy();
    let mut steps: Vec<&str> = if address.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for step in address.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                steps.pop();
            }
            step => steps.push(step),
        }
    }
    steps.retain(|step| !step.is_empty());
    steps.join("/")
}

/// The parts that a licence protects.
fn protected<R: Read + Seek>(archive: &mut Archive<R>) -> Result<HashSet<String>, ReadError> {
    let mut encryption = Encryption::default();
    if let Some(part) = archive.part("META-INF/encryption.xml")? {
        xml::walk(part, &mut encryption)?;
    }
    if encryption.is_full() {
        return Err(DocumentError::TooManyParts.into());
    }
    Ok(encryption.protected)
}

#[derive(Default)]
struct Container {
    package: Option<String>,
}

impl Visitor for Container {
    fn open(&mut self, element: &Element<'_>) -> bool {
        if element.name() == "rootfile" && self.package.is_none() {
            self.package = element.attribute("full-path");
        }
        true
    }
}

/// A file of a book.
struct Item {
    address: String,
    is_chapter: bool,
}

#[derive(Default)]
struct Package {
    items: HashMap<String, Item>,
    /// Identifiers of the files that are read, in order.
    order: Vec<String>,
}

impl Visitor for Package {
    fn is_full(&self) -> bool {
        self.items.len() + self.order.len() > 2 * MAX_PARTS
    }

    fn open(&mut self, element: &Element<'_>) -> bool {
        let attribute = |name| element.attribute(name);
        match element.name().as_ref() {
            "item" => {
                if let (Some(id), Some(address)) = (attribute("id"), attribute("href")) {
                    let is_page = attribute("media-type").is_some_and(|kind| CHAPTERS.contains(&kind.as_str()));
                    let is_contents = attribute("properties").is_some_and(|all| all.split(' ').any(|p| p == "nav"));
                    self.items.insert(id, Item { address, is_chapter: is_page && !is_contents });
                }
            }
            "itemref" => self.order.extend(attribute("idref")),
            _ => {}
        }
        true
    }
}

#[derive(Default)]
struct Encryption {
    of_text: bool,
    protected: HashSet<String>,
}

impl Visitor for Encryption {
    fn is_full(&self) -> bool {
        self.protected.len() > MAX_PARTS
    }

    fn open(&mut self, element: &Element<'_>) -> bool {
        match element.name().as_ref() {
            "EncryptedData" => self.of_text = false,
            "EncryptionMethod" => {
                self.of_text = element.attribute("Algorithm").is_some_and(|name| !OF_FONTS.contains(&name.as_str()));
            }
            "CipherReference" if self.of_text => {
                self.protected.extend(element.attribute("URI").map(|address| resolve("", &address)));
            }
            _ => {}
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_relative_to_the_folder_of_the_package() {
        assert_eq!(resolve("OEBPS", "text/one%20two.xhtml#start"), "OEBPS/text/one two.xhtml");
        assert_eq!(resolve("a/b", "../c/./d.xhtml"), "a/c/d.xhtml");
        assert_eq!(resolve("", "../../e.xhtml"), "e.xhtml");
        assert_eq!(resolve("a", "/f.xhtml"), "f.xhtml");
    }
}
