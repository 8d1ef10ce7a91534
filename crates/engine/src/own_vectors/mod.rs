//! Vectors that the user brought: a space without a model. Row n of the vectors belongs to row n of a table, which
//! becomes the items; nothing is embedded, and only items can be searched by.

mod error;
mod positions;
mod rows;

use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use error::OwnVectorsError;
pub use positions::RowPositions;
pub use rows::{VectorRowProblem, VectorRowProblems};

use rows::{RowVectorSource, RowVectors};
use vicinity_core::table::TableOptions;
use vicinity_media::npy::{NpyError, NpyRows};
use vicinity_media::{Content, ReadOptions, RowProblem, VectorColumn};
use vicinity_models::{ModelInfo, ModelKey};

/// What stands for the preparation in the key of such a space: vectors are scaled to unit length and nothing else.
const PREPARATION: &str = "own vectors, unit length";
/// Bytes that are hashed at once.
const HASHED: usize = 1 << 20;

/// A table, and the vectors of its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnVectors {
    /// The table, by its canonical path ([`crate::scan::canonical_path`]).
    pub table: PathBuf,
    /// Where its vectors are.
    pub vectors: VectorsIn,
}

/// Where the vectors of a table are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VectorsIn {
    /// In a matrix of NumPy, by its absolute path.
    Npy(PathBuf),
    /// In a field of the table itself: of JSON lines, or a column of a Parquet file.
    Field(String),
}

impl OwnVectors {
    /// For display: the name of the file or of the field.
    pub fn name(&self) -> String {
        match &self.vectors {
            VectorsIn::Npy(path) => vicinity_core::format::file_name(path).into_owned(),
            VectorsIn::Field(field) => field.clone(),
        }
    }

    /// The file that the vectors are in.
    pub fn file(&self) -> &Path {
        match &self.vectors {
            VectorsIn::Npy(path) => path,
            VectorsIn::Field(_) => &self.table,
        }
    }

    /// Reads both files, the table as `tables` say, to see whether they fit, and what the space is: named after the vectors, with a hash of their file
    /// as its revision.
    ///
    /// # Errors
    /// When one cannot be read, or they have different numbers of rows.
    pub fn examine(&self, tables: &TableOptions) -> Result<ModelInfo, OwnVectorsError> {
        let vectors = self.open()?;
        let counted = self.count_rows(tables)?;
        if !vectors.rows().is_none_or(|rows| counted.fits(rows)) {
            return Err(OwnVectorsError::RowCount {
                table: self.table.clone(),
                table_rows: u64::from(counted.all),
                vectors: self.file().to_owned(),
                vector_rows: vectors.rows().unwrap_or_default(),
            });
        }
        let revision = self.hash().map_err(|error| self.unreadable_vectors(&error))?;
        let key = ModelKey { name: self.name(), revision, preprocessing: self.place(), dim: vectors.dim() };
        Ok(self.info(key))
    }

    /// Tells files of the same name apart: a space replaces earlier contents of its own files alone, and its vectors belong
    /// to rows of its own table alone.
    fn place(&self) -> String {
        format!("{PREPARATION}-{}-{}", mark(&self.table), mark(self.file()))
    }

    fn info(&self, key: ModelKey) -> ModelInfo {
        ModelInfo {
            key,
            title: self.name(),
            about: "Vectors of your own: items are found by items, not by words".to_owned(),
            licence: "your own".to_owned(),
            label_scale: 1.0,
            label_prompt: "{}".to_owned(),
            max_tokens: 0,
            matryoshka: Vec::new(),
        }
    }

    /// A hash of the vectors' file, 32 hexadecimal digits.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn hash(&self) -> io::Result<String> {
        let mut hasher = blake3::Hasher::new();
        if let VectorsIn::Field(field) = &self.vectors {
            hasher.update(field.as_bytes());
        }
        let mut file = File::open(self.file())?;
        let mut buffer = vec![0; HASHED];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                read => hasher.update(buffer.get(..read).unwrap_or_default()),
            };
        }
        Ok(hasher.finalize().to_hex().chars().take(32).collect())
    }

    /// Checks that there are as many positions as vectors.
    ///
    /// # Errors
    /// When there are not, or the vectors cannot be read.
    pub fn check_positions(&self, path: &Path, positions: usize, tables: &TableOptions) -> Result<(), OwnVectorsError> {
        let positions = positions as u64;
        let (fits, rows) = match self.open()?.rows() {
            Some(rows) => (rows == positions, rows),
            None => self.count_rows(tables).map(|counted| (counted.fits(positions), u64::from(counted.all)))?,
        };
        if fits {
            return Ok(());
        }
        Err(OwnVectorsError::PositionCount { path: path.to_owned(), positions, rows })
    }

    /// Opens the vectors, to be read in the order of the rows.
    pub(super) fn open(&self) -> Result<RowVectors, OwnVectorsError> {
        match &self.vectors {
            VectorsIn::Npy(path) => {
                let npy =
                    NpyRows::open(path).map_err(|reason| OwnVectorsError::Vectors { path: path.clone(), reason })?;
                let dim = npy.columns();
                Ok(RowVectors::new(RowVectorSource::Npy(npy), dim))
            }
            VectorsIn::Field(field) => {
                let dim = self.field_dim(field)?;
                Ok(RowVectors::new(RowVectorSource::Field { column: self.open_field(field)?, next: 1 }, dim))
            }
        }
    }

    fn open_field(&self, field: &str) -> Result<VectorColumn, OwnVectorsError> {
        let path = || self.table.clone();
        if !VectorColumn::is_possible(&self.table) {
            return Err(OwnVectorsError::NoFields { table: path() });
        }
        VectorColumn::open(&self.table, field).map_err(|reason| OwnVectorsError::Table { path: path(), reason })
    }

    /// The number of dimensions that most vectors of a field have, the first one where two are equally frequent.
    fn field_dim(&self, field: &str) -> Result<usize, OwnVectorsError> {
        let mut column = self.open_field(field)?;
        let mut counts = std::collections::HashMap::<usize, (u64, u64)>::new();
        let mut row = 0;
        let unreadable = |reason| OwnVectorsError::Table { path: self.table.clone(), reason };
        while let Some(vector) = column.next_row().map_err(unreadable)? {
            row += 1;
            if let Some(vector) = vector {
                match counts.entry(vector.len()) {
                    Entry::Occupied(mut count) => count.get_mut().0 += 1,
                    Entry::Vacant(new) => drop(new.insert((1, row))),
                }
            }
        }
        let most = counts.into_iter().max_by_key(|(_, (count, first))| (*count, std::cmp::Reverse(*first)));
        let missing = || OwnVectorsError::NoField { table: self.table.clone(), field: field.to_owned() };
        most.map(|(dim, _)| dim).ok_or_else(missing)
    }

    /// How many rows the table has.
    fn count_rows(&self, tables: &TableOptions) -> Result<RowCount, OwnVectorsError> {
        let unreadable = |reason| OwnVectorsError::Table { path: self.table.clone(), reason };
        let no_table = || OwnVectorsError::NoTable { path: self.table.clone() };
        let mut file = vicinity_media::open(&self.table).map_err(unreadable)?;
        file.fill().map_err(unreadable)?;
        let options = ReadOptions { rows: true, tables: tables.clone(), texts_only: true, ..Default::default() };
        let content = file.content(&self.table, &options).map_err(unreadable)?;
        let Some((_, Content::Rows(mut rows))) = content else { return Err(no_table()) };
        let mut last = 0;
        while let Some(row) = rows.next() {
            if let Err(error) = row
                && matches!(error.problem, RowProblem::TooManyRows { .. } | RowProblem::TooManyFailures { .. })
            {
                return Err(OwnVectorsError::Rows { path: self.table.clone(), reason: error.problem });
            }
            last = rows.number();
        }
        Ok(RowCount { all: rows.number(), last })
    }

    /// An error of reading vectors that were opened before.
    pub(super) fn unreadable_row(&self, reason: NpyError) -> OwnVectorsError {
        OwnVectorsError::Vectors { path: self.file().to_owned(), reason }
    }

    fn unreadable_vectors(&self, error: &io::Error) -> OwnVectorsError {
        let reason = vicinity_media::ReadError::from(error).into();
        OwnVectorsError::Vectors { path: self.file().to_owned(), reason }
    }
}

/// Stands for a path in the key of a space.
fn mark(path: &Path) -> String {
    blake3::hash(path.as_os_str().as_encoded_bytes()).to_hex().chars().take(16).collect()
}

/// Whether the vectors of a space belong to the rows of this table.
pub(crate) fn is_table_of(space: &ModelKey, path: &Path) -> bool {
    table_mark(space).is_some_and(|table| table == mark(path))
}

/// Whether the key of a space names its table. Those of earlier versions of the program do not.
pub(crate) fn names_table(space: &ModelKey) -> bool {
    table_mark(space).is_some()
}

fn table_mark(space: &ModelKey) -> Option<&str> {
    let marks = space.preprocessing.strip_prefix(PREPARATION)?.strip_prefix('-')?;
    marks.split_once('-').map(|(table, _)| table)
}

/// How many rows a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RowCount {
    /// All of them.
    all: u32,
    /// The last one that is not blank.
    last: u32,
}

impl RowCount {
    /// Whether so many vectors belong to it: blank rows at its end may have none.
    fn fits(self, vectors: u64) -> bool {
        (u64::from(self.last)..=u64::from(self.all)).contains(&vectors)
    }
}

#[cfg(test)]
mod tests;
