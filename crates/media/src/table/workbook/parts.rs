//! Which parts of a workbook hold what, and the texts that its sheets share.

use std::collections::HashMap;
use std::io::{Read, Seek};

use super::texts::{SheetTexts, append};
use crate::document::xml::{Element, Visitor, walk};
use crate::document::{Archive, DocumentError};
use crate::error::{ReadError, TableError};

/// Sheets of a workbook, or relations of a part.
const MAX_LISTED: usize = 10_000;
/// The longest name of a part, or of a relation, bytes.
const MAX_NAME: usize = 1024;

/// The parts of a workbook, by their names.
#[derive(Debug, Default)]
pub struct WorkbookParts {
    /// The sheets that are shown, in their order.
    pub sheets: Vec<String>,
    /// Texts that sheets share.
    pub texts: Option<String>,
    /// How cells are shown.
    pub styles: Option<String>,
    /// Whether days are counted from 1904.
    pub from_1904: bool,
}

impl WorkbookParts {
    /// Finds the parts of a workbook.
    ///
    /// # Errors
    /// When it is damaged, or a limit is exceeded.
    pub fn read<R: Read + Seek>(archive: &mut Archive<R>) -> Result<Self, ReadError> {
        let main = main_part(archive)?;
        let (folder, file) = main.rsplit_once('/').unwrap_or(("", &main));
        let targets = relations(archive, &format!("{folder}/_rels/{file}.rels"), folder)?;
        let mut workbook = Workbook::default();
        let damaged = DocumentError::Damaged { format: archive.format };
        walk(archive.part(&main)?.ok_or(damaged)?, &mut workbook)?;
        check_count(workbook.sheets.len())?;
        let of_kind =
            |kind: &str| targets.values().find(|target| target.kind == kind).map(|target| target.part.clone());
        let sheets =
            workbook.sheets.iter().filter_map(|id| targets.get(id)).filter(|target| target.kind == "worksheet");
        Ok(Self {
            sheets: sheets.map(|target| target.part.clone()).collect(),
            texts: of_kind("sharedStrings"),
            styles: of_kind("styles"),
            from_1904: workbook.from_1904,
        })
    }
}

fn main_part<R: Read + Seek>(archive: &mut Archive<R>) -> Result<String, ReadError> {
    let targets = relations(archive, "_rels/.rels", "")?;
    let main = targets.into_values().find(|target| target.kind == "officeDocument");
    Ok(main.map_or_else(|| "xl/workbook.xml".to_owned(), |target| target.part))
}

/// What a relation leads to.
struct Target {
    part: String,
    /// The last part of its type, which is an address.
    kind: String,
}

/// The relations of a part, by their ids.
fn relations<R: Read + Seek>(
    archive: &mut Archive<R>,
    name: &str,
    folder: &str,
) -> Result<HashMap<String, Target>, ReadError> {
    let mut relations = Relations { folder: folder.to_owned(), all: HashMap::new() };
    if let Some(part) = archive.part(name)? {
        walk(part, &mut relations)?;
    }
    check_count(relations.all.len())?;
    Ok(relations.all)
}

fn check_count(count: usize) -> Result<(), TableError> {
    if count > MAX_LISTED { Err(TableError::TooLarge) } else { Ok(()) }
}

struct Relations {
    folder: String,
    all: HashMap<String, Target>,
}

impl Visitor for Relations {
    fn open(&mut self, element: &Element<'_>) -> bool {
        if element.name() == "Relationship"
            && let (Some(id), Some(target)) = (element.attribute("Id"), element.attribute("Target"))
        {
            let kind = element.attribute("Type").unwrap_or_default();
            let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
            // Links may be longer than names, and lead to no part.
            if [&id, &target, &kind].iter().all(|name| name.len() <= MAX_NAME) {
                self.all.insert(id, Target { part: resolved(&self.folder, &target), kind });
            }
        }
        true
    }

    fn is_full(&self) -> bool {
        self.all.len() > MAX_LISTED
    }
}

/// The name of a part that is given from a folder on.
fn resolved(folder: &str, target: &str) -> String {
    if let Some(absolute) = target.strip_prefix('/') {
        return absolute.to_owned();
    }
    let mut names: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    for name in target.split('/') {
        match name {
            "." | "" => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names.join("/")
}

#[derive(Default)]
struct Workbook {
    /// Ids of the relations that lead to the sheets that are shown.
    sheets: Vec<String>,
    from_1904: bool,
}

impl Visitor for Workbook {
    fn open(&mut self, element: &Element<'_>) -> bool {
        match &*element.name() {
            "workbookPr" => {
                self.from_1904 = element.attribute("date1904").is_some_and(|value| value == "1" || value == "true");
            }
            "sheet" if element.attribute("state").is_none_or(|state| state == "visible") => {
                self.sheets.extend(element.attribute("id").filter(|id| id.len() <= MAX_NAME));
            }
            _ => {}
        }
        true
    }

    fn is_full(&self) -> bool {
        self.sheets.len() > MAX_LISTED
    }
}

/// Reads the texts that sheets share.
///
/// # Errors
/// When the part is damaged, or the texts are too long.
pub fn read_shared_texts<R: Read + Seek>(
    archive: &mut Archive<R>,
    parts: &WorkbookParts,
    texts: &mut SheetTexts,
) -> Result<(), ReadError> {
    let Some(part) = parts.texts.as_ref().map(|name| archive.part(name)).transpose()?.flatten() else { return Ok(()) };
    let mut shared = SharedTexts { texts, text: String::new(), is_text: false, error: None };
    walk(part, &mut shared)?;
    shared.error.map_or(Ok(()), |error| Err(error.into()))
}

struct SharedTexts<'a> {
    texts: &'a mut SheetTexts,
    text: String,
    is_text: bool,
    error: Option<TableError>,
}

impl Visitor for SharedTexts<'_> {
    fn open(&mut self, element: &Element<'_>) -> bool {
        let name = element.name();
        self.is_text = name == "t";
        // How words are pronounced.
        name != "rPh"
    }

    fn close(&mut self, name: &str) {
        self.is_text = false;
        if name == "si" {
            self.error = self.texts.add(&std::mem::take(&mut self.text)).err();
        }
    }

    fn text(&mut self, text: &str) {
        if self.is_text {
            self.error = append(&mut self.text, text).err();
        }
    }

    fn is_full(&self) -> bool {
        self.error.is_some()
    }
}
