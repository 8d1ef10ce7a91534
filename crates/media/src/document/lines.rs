//! The text of a document while it is put together: paragraphs as lines, cells of a row in one line.

use crate::text::MAX_CHARS;

/// Lines of text that end where a model can use no more.
#[derive(Debug, Default)]
pub struct Lines {
    text: String,
    chars: usize,
    /// How many cells of tables are open.
    cells: usize,
}

impl Lines {
    /// Words as they are.
    pub fn add(&mut self, text: &str) {
        if !self.is_full() {
            self.chars += text.chars().count();
            self.text.push_str(text);
        }
    }

    /// Words whose blanks count as one.
    pub fn add_collapsed(&mut self, text: &str) {
        for (index, word) in text.split([' ', '\t', '\r', '\n']).enumerate() {
            if index > 0 && !self.text.is_empty() && !self.text.ends_with([' ', '\t', '\n']) {
                self.add(" ");
            }
            self.add(word);
        }
    }

    /// A paragraph ends: so does the line, except within a cell.
    pub fn end_paragraph(&mut self) {
        if self.cells == 0 {
            self.end_line();
        } else if !self.text.is_empty() && !self.text.ends_with([' ', '\t', '\n']) {
            self.add(" ");
        }
    }

    /// A cell of a row begins.
    pub fn open_cell(&mut self) {
        self.cells += 1;
    }

    /// A cell of a row ends.
    pub fn close_cell(&mut self) {
        self.cells = self.cells.saturating_sub(1);
        self.trim(&[' ']);
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.add("\t");
        }
    }

    /// The line ends, unless it is empty.
    pub fn end_line(&mut self) {
        self.trim(&[' ', '\t']);
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.add("\n");
        }
    }

    fn trim(&mut self, blanks: &[char]) {
        let len = self.text.trim_end_matches(blanks).len();
        self.chars -= self.text.len() - len;
        self.text.truncate(len);
    }

    /// Whether a model can use no more.
    pub fn is_full(&self) -> bool {
        self.chars >= MAX_CHARS
    }

    /// The text, with other lines behind it.
    pub fn into_text(self, behind: &Self) -> String {
        let mut text = self.text;
        text.push_str(&behind.text);
        text.truncate(text.trim_end().len());
        text
    }
}
