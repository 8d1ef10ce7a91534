//! OpenDocument texts (OASIS ODF 1.3 part 3): the body with its tables and frames, then notes. Headers, footers, comments
//! and deleted words are left out.

use std::io::{Read, Seek};

use super::archive::Archive;
use super::error::DocumentError;
use super::lines::Lines;
use super::xml::{self, Element, Visitor};
use crate::error::ReadError;

/// Elements without words for people.
const UNSEEN: &[&str] = &[
    "annotation",
    "tracked-changes",
    "note-citation",
    "forms",
    "scripts",
    "script",
    "font-face-decls",
    "automatic-styles",
    "binary-data",
    "hidden-text",
    "event-listeners",
];
/// The most blanks of one element.
const MAX_BLANKS: usize = 100;

/// What people read of a document.
pub fn read<R: Read + Seek>(archive: &mut Archive<R>) -> Result<String, ReadError> {
    if is_encrypted(archive)? {
        return Err(DocumentError::Encrypted.into());
    }
    let damaged = DocumentError::Damaged { format: archive.format };
    let mut body = Body::default();
    xml::walk(archive.part("content.xml")?.ok_or(damaged)?, &mut body)?;
    if !body.is_text {
        return Err(damaged.into());
    }
    body.lines.end_line();
    Ok(body.lines.into_text(&body.notes))
}

/// Whether the document is encrypted: as a whole, or its content by itself.
fn is_encrypted<R: Read + Seek>(archive: &mut Archive<R>) -> Result<bool, ReadError> {
    if archive.has("encrypted-package") {
        return Ok(true);
    }
    let mut manifest = Manifest::default();
    if let Some(part) = archive.part("META-INF/manifest.xml")? {
        xml::walk(part, &mut manifest)?;
    }
    Ok(manifest.is_encrypted)
}

#[derive(Default)]
struct Manifest {
    within_content: bool,
    is_encrypted: bool,
}

impl Visitor for Manifest {
    fn open(&mut self, element: &Element<'_>) -> bool {
        match element.name().as_ref() {
            "file-entry" => self.within_content = element.attribute("full-path").as_deref() == Some("content.xml"),
            "encryption-data" => self.is_encrypted |= self.within_content,
            _ => {}
        }
        true
    }
}

#[derive(Default)]
struct Body {
    lines: Lines,
    notes: Lines,
    is_text: bool,
    /// How many paragraphs, and how many notes, are open.
    paragraphs: usize,
    open_notes: usize,
}

impl Body {
    fn lines(&mut self) -> &mut Lines {
        if self.open_notes > 0 { &mut self.notes } else { &mut self.lines }
    }
}

impl Visitor for Body {
    fn open(&mut self, element: &Element<'_>) -> bool {
        let name = element.name();
        match name.as_ref() {
            name if UNSEEN.contains(&name) || name.ends_with("-source") => return false,
            // What a picture shows is said for those who do not see it.
            "title" | "desc" if element.has_prefix("svg") => return false,
            "text" => self.is_text = true,
            "p" | "h" => self.paragraphs += 1,
            "note" => self.open_notes += 1,
            "s" => {
                let blanks = element.attribute("c").and_then(|count| count.parse().ok()).unwrap_or(1);
                self.lines().add(&" ".repeat(MAX_BLANKS.min(blanks)));
            }
            "tab" => self.lines().add("\t"),
            "line-break" => self.lines().add("\n"),
            "table-cell" | "covered-table-cell" => self.lines().open_cell(),
            _ => {}
        }
        true
    }

    fn close(&mut self, name: &str) {
        match name {
            "p" | "h" => {
                self.paragraphs = self.paragraphs.saturating_sub(1);
                self.lines().end_paragraph();
            }
            "note" => {
                self.lines().end_line();
                self.open_notes = self.open_notes.saturating_sub(1);
            }
            "table-cell" | "covered-table-cell" => self.lines().close_cell(),
            "table-row" => self.lines().end_line(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.paragraphs > 0 {
            self.lines().add_collapsed(text);
        }
    }

    fn is_full(&self) -> bool {
        self.lines.is_full()
    }
}
