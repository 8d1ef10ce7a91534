//! Documents of word processors in Office Open XML (ECMA-376 part 1): the body with its tables and text boxes, then notes.
//! Headers, footers, comments, hidden words and deleted ones are left out.

use std::io::{Read, Seek};

use super::archive::Archive;
use super::error::DocumentError;
use super::lines::Lines;
use super::xml::{self, Element, Visitor};
use crate::error::ReadError;

/// Elements without words for people: properties, deletions, and what stands in for an element that this reader knows.
const UNSEEN: &[&str] = &[
    "pPr",
    "sectPr",
    "tblPr",
    "tblGrid",
    "trPr",
    "tcPr",
    "rPrChange",
    "del",
    "moveFrom",
    "instrText",
    "Fallback",
    "binData",
];

/// What people read of a document.
pub fn read<R: Read + Seek>(archive: &mut Archive<R>) -> Result<String, ReadError> {
    let damaged = DocumentError::Damaged { format: archive.format };
    let main = main_part(archive)?;
    let mut body = Body::default();
    let part = archive.part(&main)?.ok_or(damaged)?;
    xml::walk(part, &mut body)?;
    if !body.is_document {
        return Err(damaged.into());
    }
    let folder = main.rsplit_once('/').map_or("", |(folder, _)| folder);
    for notes in ["footnotes.xml", "endnotes.xml"] {
        body.lines.end_line();
        if let Some(part) = archive.part(&format!("{folder}/{notes}"))? {
            xml::walk(part, &mut body)?;
        }
    }
    Ok(body.lines.into_text(&Lines::default()))
}

/// The name of the part with the body: the package's relations name it.
fn main_part<R: Read + Seek>(archive: &mut Archive<R>) -> Result<String, ReadError> {
    let mut relations = Relations::default();
    if let Some(part) = archive.part("_rels/.rels")? {
        xml::walk(part, &mut relations)?;
    }
    Ok(relations.main.unwrap_or_else(|| "word/document.xml".to_owned()))
}

#[derive(Default)]
struct Relations {
    main: Option<String>,
}

impl Visitor for Relations {
    fn open(&mut self, element: &Element<'_>) -> bool {
        if element.name() == "Relationship"
            && element.attribute("Type").is_some_and(|kind| kind.ends_with("/officeDocument"))
        {
            self.main = element.attribute("Target");
        }
        true
    }
}

#[derive(Default)]
struct Body {
    lines: Lines,
    is_document: bool,
    /// Whether the words of each open run are hidden; runs contain text boxes, which contain runs.
    runs: Vec<bool>,
    /// How many elements are open that hold words.
    texts: usize,
}

impl Body {
    fn is_hidden(&self) -> bool {
        self.runs.contains(&true)
    }

    fn add(&mut self, text: &str) {
        if !self.is_hidden() {
            self.lines.add(text);
        }
    }
}

impl Visitor for Body {
    fn open(&mut self, element: &Element<'_>) -> bool {
        let name = element.name();
        match name.as_ref() {
            "document" => self.is_document = true,
            name if UNSEEN.contains(&name) => return false,
            "r" => self.runs.push(false),
            "vanish" => {
                let off = element.attribute("val").is_some_and(|v| matches!(v.as_str(), "0" | "false" | "off"));
                if let Some(hidden) = self.runs.last_mut() {
                    *hidden |= !off;
                }
            }
            "t" => self.texts += 1,
            "tab" | "ptab" => self.add("\t"),
            "br" | "cr" => self.add("\n"),
            "noBreakHyphen" => self.add("-"),
            "sym" => self.add(&symbol(element)),
            "tc" => self.lines.open_cell(),
            _ => {}
        }
        true
    }

    fn close(&mut self, name: &str) {
        match name {
            "r" => {
                self.runs.pop();
            }
            "t" => self.texts = self.texts.saturating_sub(1),
            "p" => self.lines.end_paragraph(),
            "tc" => self.lines.close_cell(),
            "tr" => self.lines.end_line(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.texts > 0 {
            self.add(text);
        }
    }

    fn is_full(&self) -> bool {
        self.lines.is_full()
    }
}

/// A character by its number; fonts of symbols have theirs in a private range, where nobody else can read them.
fn symbol(element: &Element<'_>) -> String {
    let number = element.attribute("char").and_then(|hex| u32::from_str_radix(&hex, 16).ok());
    let c = number.filter(|number| !(0xe000..0xf900).contains(number)).and_then(char::from_u32);
    c.map(String::from).unwrap_or_default()
}
