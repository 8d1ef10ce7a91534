//! The formats of text documents.

/// A format of text documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentFormat {
    /// Office Open XML of word processors (ECMA-376).
    Docx,
    /// OpenDocument text (OASIS ODF 1.3).
    Odt,
    /// Electronic books (W3C EPUB 3.3, and 2.0.1).
    Epub,
    /// Office Open XML of spreadsheet programs, which is a table.
    Workbook,
}

impl DocumentFormat {
    /// What a document in this format is called in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docx => "Word document",
            Self::Odt => "OpenDocument text",
            Self::Epub => "EPUB book",
            Self::Workbook => "Excel workbook",
        }
    }

    /// The format that files with this lower-case extension are in.
    pub fn named(ending: &str) -> Option<Self> {
        match ending {
            "docx" | "docm" | "dotx" | "dotm" => Some(Self::Docx),
            "odt" | "ott" => Some(Self::Odt),
            "epub" => Some(Self::Epub),
            _ => None,
        }
    }
}
