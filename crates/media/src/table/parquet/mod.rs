//! Parquet files: rows are read page by page, and only the columns that are needed.
//!
//! Sizes that the file's own list of columns gives are checked before anything is read, and those that a page gives before
//! it is unpacked.

mod footer;
mod lists;
mod page_error;
mod page_header;
mod pages;
mod unpack;
mod vectors;

use std::fs::File;
use std::path::{Component, Path, PathBuf};

use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::FileReader;
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};
use vicinity_core::table::{ColumnKind, MAX_COLUMNS, TableFormat, TableOptions};

pub use vectors::ParquetVectors;

use self::footer::{check_column, read_metadata};
use self::lists::ListLimits;
use self::pages::{PagedFile, uses_prefixes};
use super::picture::RowPicture;
use super::row::{Columns, MAX_ROW_BYTES, RowContent, RowError, Step, TableColumn};
use crate::dialect::TEXT_FIELDS;
use crate::error::{ReadError, RowProblem, TableError};
use crate::sniff;

/// What the lists of all columns may have.
const LIMITS: ListLimits = ListLimits { values: 1 << 25, row: 1 << 16, bytes: 256 << 20 };
/// Rows whose values are decoded together; few, as they may be pictures.
const BATCH: usize = 64;
/// The most digits of a decimal number, and the most bytes that they are stored in.
const MAX_DIGITS: i32 = 76;
const MAX_DECIMAL: usize = 32;
/// Texts of a list that are kept.
const MAX_LIST: usize = 100;

/// Columns that hold pictures as bytes without saying so.
const PICTURE_NAMES: [&str; 7] = ["image", "picture", "photo", "img", "jpg", "jpeg", "png"];
/// Columns that hold the paths of pictures, if their values look like it.
const PATH_NAMES: [&str; 8] = ["image", "image_path", "picture", "photo", "img", "file_name", "filename", "path"];

/// Which columns of a row are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// What is embedded.
    Content,
    /// The text alone, also of rows that are pictures.
    Text,
    /// The cells.
    Cells,
}

/// The rows of a Parquet file.
pub struct ParquetRows {
    reader: Option<PagedFile>,
    rows: Option<RowIter<'static>>,
    folder: PathBuf,
    plan: Plan,
    wanted: Wanted,
    number: u64,
}

/// What the columns of a file are.
#[derive(Default)]
struct Plan {
    fields: Vec<TypePtr>,
    picture: Option<usize>,
    text: Option<usize>,
    cells: Vec<usize>,
}

impl ParquetRows {
    /// The rows of the file at `path`; `first` is the first that is wanted, and those before it in other row groups are left
    /// out.
    ///
    /// # Errors
    /// When it is damaged, too large, or compressed in another way.
    pub fn open(
        mut file: File,
        path: &Path,
        wanted: Wanted,
        options: &TableOptions,
        first: u64,
    ) -> Result<Self, ReadError> {
        let (metadata, skipped) = read_metadata(&mut file, first)?;
        let plan = Plan::new(metadata.file_metadata().schema(), options);
        plan.check(metadata.row_groups(), wanted)?;
        let limits = plan.limits(metadata.file_metadata().schema_descr());
        let reader = PagedFile::new(file, metadata, limits);
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { reader: Some(reader), rows: None, folder, plan, wanted, number: skipped })
    }

    /// Reads the cells instead.
    pub fn want_cells(&mut self) {
        self.wanted = Wanted::Cells;
    }

    /// Rows before the next.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// How the table is written.
    pub fn format(&self) -> TableFormat {
        let text = self.plan.text.and_then(|at| self.plan.fields.get(at));
        TableFormat { content_column: text.map(|field| field.name().to_owned()), ..TableFormat::default() }
    }

    /// The next row; `None` at the end.
    pub fn next_row(&mut self, columns: &mut Columns) -> Option<Step> {
        let error = |problem: TableError, number| {
            Some(Err(RowError { line: number + 1, problem: ReadError::from(problem).into() }))
        };
        if columns.wanted && columns.all.is_empty() {
            columns.all = self.plan.columns();
        }
        if let Some(reader) = self.reader.take() {
            match self.plan.rows(reader, self.wanted) {
                Ok(rows) => self.rows = Some(rows),
                Err(_) => return error(TableError::Damaged, self.number),
            }
        }
        let Ok(row) = self.rows.as_mut()?.next()? else {
            // Nothing comes behind that.
            self.rows = None;
            return error(TableError::Damaged, self.number);
        };
        self.number += 1;
        let content = self.content(row);
        Some(content.map_err(|problem| RowError { line: self.number, problem }))
    }

    fn content(&self, row: Row) -> Result<RowContent, RowProblem> {
        let places = self.plan.wanted(self.wanted);
        let mut content = RowContent::default();
        let (mut texts, mut bytes) = (Vec::new(), 0);
        for (at, (_, value)) in places.into_iter().zip(row.into_columns()) {
            let Some(field) = self.plan.fields.get(at) else { continue };
            if Some(at) == self.plan.picture && self.wanted == Wanted::Content {
                content.picture = picture(value, &self.folder);
                continue;
            }
            let Some(text) = text(&value, field) else { continue };
            bytes += text.len();
            if bytes > MAX_ROW_BYTES {
                return Err(RowProblem::RowTooLong { megabytes: MAX_ROW_BYTES >> 20 });
            }
            if self.plan.text.is_none_or(|wanted| wanted == at) {
                texts.push(text.clone());
            }
            if self.wanted == Wanted::Cells
                && let Some(place) = self.plan.cells.iter().position(|cell| *cell == at)
            {
                content.cells.push((place, text));
            }
        }
        content.text =
            texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" | ");
        // Whether the picture can be read is of no matter for its cells.
        content.is_item = self.wanted == Wanted::Cells && self.plan.picture.is_some();
        Ok(content)
    }
}

impl Plan {
    fn new(schema: &Type, options: &TableOptions) -> Self {
        let fields = if schema.is_primitive() { Vec::new() } else { schema.get_fields().to_vec() };
        let named = |field: &TypePtr, names: &[&str]| names.iter().any(|name| field.name().eq_ignore_ascii_case(name));
        let find = |is: &dyn Fn(&TypePtr) -> bool| fields.iter().position(is);
        let picture = find(&is_picture_group)
            .or_else(|| find(&|field| is_bytes(field) && named(field, &PICTURE_NAMES)))
            .or_else(|| find(&|field| is_text(field) && named(field, &PATH_NAMES)));
        let is_cell = |field: &TypePtr| is_simple(field) || list_element(field).is_some_and(is_text_type);
        let text = find(&|field| is_cell(field) && options.is_text_column(0, field.name()))
            .or_else(|| TEXT_FIELDS.iter().find_map(|name| find(&|field| is_text(field) && named(field, &[name]))));
        let cells = (0..fields.len()).filter(|at| fields.get(*at).is_some_and(is_cell)).collect();
        Self { fields, picture, text, cells }
    }

    fn columns(&self) -> Vec<TableColumn> {
        let cells = self.cells.iter().filter_map(|at| self.fields.get(*at)).take(MAX_COLUMNS);
        cells.map(|field| TableColumn { name: field.name().to_owned(), kind: kind(field) }).collect()
    }

    /// What the lists in each of the columns may have.
    fn limits(&self, schema: &SchemaDescriptor) -> ListLimits {
        let is_read =
            |at: usize| self.cells.iter().chain(&self.picture).any(|own| *own == schema.get_column_root_idx(at));
        let lists = (0..schema.num_columns()).filter(|at| schema.column(*at).max_rep_level() > 0 && is_read(*at));
        let lists = lists.count().max(1) as u64;
        ListLimits { row: LIMITS.row.min(4 * LIMITS.row / lists), bytes: LIMITS.bytes / lists, ..LIMITS }
    }

    /// The places of the fields that are read, ascending.
    fn wanted(&self, wanted: Wanted) -> Vec<usize> {
        let texts = || self.text.map_or_else(|| self.cells.clone(), |text| vec![text]);
        let mut places = match wanted {
            Wanted::Cells => self.cells.clone(),
            Wanted::Text => texts(),
            Wanted::Content => self.picture.into_iter().chain(texts()).collect(),
        };
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Checks what the file says about the columns that are read.
    fn check(&self, groups: &[RowGroupMetaData], wanted: Wanted) -> Result<(), TableError> {
        let mut names: Vec<&str> =
            self.wanted(wanted).iter().filter_map(|at| Some(self.fields.get(*at)?.name())).collect();
        names.extend(self.cells.iter().filter_map(|at| Some(self.fields.get(*at)?.name())));
        for column in groups.iter().flat_map(RowGroupMetaData::columns) {
            let root = column.column_path().parts().first();
            if !root.is_some_and(|root| names.contains(&root.as_str())) {
                continue;
            }
            check_column(column)?;
        }
        Ok(())
    }

    fn rows(&self, reader: PagedFile, wanted: Wanted) -> parquet::errors::Result<RowIter<'static>> {
        let name = reader.metadata().file_metadata().schema().name().to_owned();
        let fields = self.wanted(wanted).into_iter().filter_map(|at| self.fields.get(at).cloned()).collect();
        let projection = Type::group_type_builder(&name).with_fields(fields).build()?;
        let batch = if reader.metadata().row_groups().iter().any(has_prefixes) { 1 } else { BATCH };
        Ok(RowIter::from_file_into(Box::new(reader)).project(Some(projection))?.with_batch_size(batch))
    }
}

/// Whether texts may take far more memory than the page that they are in.
fn has_prefixes(group: &RowGroupMetaData) -> bool {
    group.columns().iter().any(uses_prefixes)
}

fn is_repeated(field: &Type) -> bool {
    let info = field.get_basic_info();
    info.has_repetition() && info.repetition() == Repetition::REPEATED
}

fn is_byte_array(field: &Type) -> bool {
    field.is_primitive() && field.get_physical_type() == PhysicalType::BYTE_ARRAY
}

fn is_text_type(field: &Type) -> bool {
    let info = field.get_basic_info();
    let converted = matches!(info.converted_type(), ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON);
    is_byte_array(field) && (converted || info.logical_type_ref() == Some(&LogicalType::String))
}

fn is_text(field: &TypePtr) -> bool {
    is_text_type(field) && !is_repeated(field)
}

fn is_bytes(field: &TypePtr) -> bool {
    let info = field.get_basic_info();
    let is_plain = info.converted_type() == ConvertedType::NONE && info.logical_type_ref().is_none();
    is_byte_array(field) && is_plain && !is_repeated(field)
}

/// A picture as data sets of Hugging Face store it: `{bytes, path}`.
fn is_picture_group(field: &TypePtr) -> bool {
    let is_other = ["audio", "video", "pdf"].iter().any(|word| field.name().to_ascii_lowercase().contains(word));
    let is_struct = !field.is_primitive() && field.get_basic_info().converted_type() == ConvertedType::NONE;
    let has_bytes = || field.get_fields().iter().any(|child| child.name() == "bytes" && is_byte_array(child));
    is_struct && !is_repeated(field) && !is_other && has_bytes()
}

/// A single value that can be shown.
fn is_simple(field: &TypePtr) -> bool {
    if !field.is_primitive() || is_repeated(field) {
        return false;
    }
    let info = field.get_basic_info();
    if info.converted_type() == ConvertedType::DECIMAL && !has_usual_digits(field) {
        return false;
    }
    match field.get_physical_type() {
        PhysicalType::BYTE_ARRAY => is_text_type(field) || info.converted_type() == ConvertedType::DECIMAL,
        PhysicalType::FIXED_LEN_BYTE_ARRAY => {
            info.converted_type() == ConvertedType::DECIMAL || info.logical_type_ref() == Some(&LogicalType::Float16)
        }
        _ => true,
    }
}

/// Whether a decimal number has so few digits that it can be shown.
fn has_usual_digits(field: &Type) -> bool {
    (0..=MAX_DIGITS).contains(&field.get_precision()) && (0..=field.get_precision()).contains(&field.get_scale())
}

/// The type of the elements of a list.
fn list_element(field: &Type) -> Option<&Type> {
    if field.is_primitive() || field.get_basic_info().converted_type() != ConvertedType::LIST {
        return None;
    }
    let [repeated] = field.get_fields() else { return None };
    if repeated.is_primitive() {
        return Some(repeated);
    }
    match repeated.get_fields() {
        [element] => Some(element),
        _ => None,
    }
}

fn is_nanoseconds(field: &Type) -> bool {
    let logical = field.get_basic_info().logical_type_ref();
    matches!(logical, Some(LogicalType::Timestamp(time)) if matches!(time.unit, TimeUnit::NANOS))
}

fn kind(field: &Type) -> Option<ColumnKind> {
    if !field.is_primitive() || is_text_type(field) {
        return None;
    }
    let converted = field.get_basic_info().converted_type();
    let is_date =
        matches!(converted, ConvertedType::DATE | ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS);
    match field.get_physical_type() {
        PhysicalType::BOOLEAN => Some(ColumnKind::Category),
        PhysicalType::INT96 => Some(ColumnKind::Date),
        _ if is_date || is_nanoseconds(field) => Some(ColumnKind::Date),
        _ => Some(ColumnKind::Number),
    }
}

/// A value as the text of a cell.
fn text(value: &Field, field: &Type) -> Option<String> {
    let time = |time: Result<jiff::Timestamp, jiff::Error>| Some(time.ok()?.strftime("%Y-%m-%d %H:%M:%S").to_string());
    match value {
        Field::Str(text) => Some(text.clone()),
        Field::Bytes(bytes) if is_text_type(field) => Some(String::from_utf8_lossy(bytes.data()).into_owned()),
        Field::Date(days) => time(jiff::Timestamp::from_second(i64::from(*days) * 86_400)),
        Field::TimestampMillis(ms) => time(jiff::Timestamp::from_millisecond(*ms)),
        Field::TimestampMicros(us) => time(jiff::Timestamp::from_microsecond(*us)),
        Field::Long(ns) if is_nanoseconds(field) => time(jiff::Timestamp::from_nanosecond(i128::from(*ns))),
        Field::Float16(number) => finite(number.to_f64()).map(|_| number.to_f32().to_string()),
        Field::Float(number) => finite(f64::from(*number)).map(|_| number.to_string()),
        Field::Double(number) => finite(*number).map(|number| number.to_string()),
        Field::Decimal(number) if number.data().len() > MAX_DECIMAL => None,
        Field::ListInternal(list) => {
            let texts = list.elements().iter().take(MAX_LIST).filter_map(|element| match element {
                Field::Str(text) => Some(text.as_str()),
                _ => None,
            });
            Some(texts.collect::<Vec<_>>().join(", ")).filter(|text| !text.is_empty())
        }
        Field::Bool(_)
        | Field::Byte(_)
        | Field::Short(_)
        | Field::Int(_)
        | Field::Long(_)
        | Field::UByte(_)
        | Field::UShort(_)
        | Field::UInt(_)
        | Field::ULong(_)
        | Field::Decimal(_)
        | Field::TimeMillis(_)
        | Field::TimeMicros(_) => Some(value.to_string()),
        Field::Null | Field::Bytes(_) | Field::Group(_) | Field::MapInternal(_) => None,
    }
}

/// A number that is known: infinities and NaN stand for unknown ones.
fn finite(number: f64) -> Option<f64> {
    Some(number).filter(|number| number.is_finite())
}

/// The picture in a value: its bytes, or a file below the folder of the table.
fn picture(value: Field, folder: &Path) -> Option<RowPicture> {
    match value {
        Field::Bytes(bytes) if !bytes.is_empty() => Some(RowPicture::Bytes(bytes.data().to_vec())),
        Field::Str(path) => file_below(folder, &path).map(RowPicture::File),
        Field::Group(row) => {
            let mut path = None;
            for (name, value) in row.into_columns() {
                match (name.as_str(), picture(value, folder)) {
                    ("bytes", Some(bytes)) => return Some(bytes),
                    ("path", found) => path = found,
                    _ => {}
                }
            }
            path
        }
        _ => None,
    }
}

/// A file that a table names: a picture by its extension, below the folder of the table.
fn file_below(folder: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let is_below = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    (is_below && sniff::is_picture_name(path)).then(|| folder.join(path))
}

#[cfg(test)]
mod tests {
    use super::super::TableRows;
    use super::*;

    /// A column: its name, and what its values are.
    type NamedKind = (String, Option<ColumnKind>);
    /// A row: its number, and its cells by column.
    type RowCells = (u32, Vec<(usize, String)>);

    fn open(name: &str, texts_only: bool, first: u32) -> Result<TableRows, ReadError> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/tables").join(name);
        TableRows::parquet(File::open(&path).expect("there"), &path, &TableOptions::default(), texts_only, first)
    }

    fn cells(name: &str) -> (Vec<NamedKind>, Vec<RowCells>) {
        let mut table = open(name, true, 1).expect("opens").with_cells();
        let rows = table.by_ref().map(|row| row.expect("a row")).map(|row| (row.number, row.cells)).collect();
        (table.columns().iter().map(|column| (column.name.clone(), column.kind)).collect(), rows)
    }

    #[test]
    fn the_text_column_is_read_from_every_row_group_and_encoding() {
        for name in ["dogs.parquet", "plain.parquet", "polars.parquet", "zstd.parquet", "gzip.parquet"] {
            let rows: Vec<_> = open(name, false, 1).expect("opens").map(|row| row.expect("a row")).collect();
            let texts: Vec<_> = rows.iter().map(|row| (row.number, row.text.as_str())).collect();
            let expected = [(1, "a brown dog"), (2, "a white dog"), (4, "a sleeping dog"), (5, "grün")];
            assert_eq!(texts, expected, "{name}");
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/tables/dogs.parquet");
        let options = TableOptions { text_column: Some("Kind".to_owned()), ..TableOptions::default() };
        let rows = TableRows::parquet(File::open(&path).expect("there"), &path, &options, false, 1).expect("opens");
        assert_eq!(rows.format().content_column.as_deref(), Some("kind"), "it can be chosen");
        assert_eq!(rows.flatten().next().map(|row| row.text).as_deref(), Some("poodle"));
        let fifth = open("dogs.parquet", false, 5).expect("opens").next().map(|row| row.expect("a row").number);
        assert_eq!(fifth, Some(5), "earlier row groups are left out");
    }

    #[test]
    fn cells_have_the_types_of_their_columns() {
        let (columns, rows) = cells("dogs.parquet");
        let (number, date) = (Some(ColumnKind::Number), Some(ColumnKind::Date));
        let expected = [
            ("id", number),
            ("caption", None),
            ("price", number),
            ("amount", number),
            ("born", date),
            ("seen", date),
            ("nano", date),
            ("good", Some(ColumnKind::Category)),
            ("kind", None),
            ("tags", None),
            ("half", number),
        ];
        assert_eq!(columns, expected.map(|(name, kind)| (name.to_owned(), kind)), "neither lists of numbers nor bytes");
        let first: Vec<&str> = rows[0].1.iter().map(|(_, text)| text.as_str()).collect();
        let day = "2023-06-14 15:30:00";
        assert_eq!(
            first,
            ["1", "a brown dog", "1.5", "1.00", "2023-06-14 00:00:00", day, day, "true", "poodle", "a, b", "0.5"]
        );
        assert_eq!(rows[1].1.iter().find(|(at, _)| *at == 2), None, "an unknown price");
        let (columns, rows) = cells("vectors.parquet");
        let ratio = columns.iter().position(|(name, _)| name == "ratio").expect("a column");
        let known: Vec<u32> =
            rows.iter().filter(|(_, cells)| cells.iter().any(|(at, _)| *at == ratio)).map(|(row, _)| *row).collect();
        assert_eq!(known, [1, 5], "neither NaN nor an infinity is a number");
    }

    #[test]
    fn pictures_are_taken_from_their_bytes() {
        let rows: Vec<_> = open("pictures.parquet", false, 1).expect("opens").map(|row| row.expect("a row")).collect();
        assert_eq!(rows.len(), 5);
        let decoded = |at: usize| rows[at].picture.clone().map(RowPicture::decode);
        let Some(Ok((hash, picture, original))) = decoded(1) else { panic!("a picture") };
        let Some(RowPicture::Bytes(bytes)) = &rows[1].picture else { panic!("bytes") };
        assert_eq!((original, picture.rgb().get(..3)), ([16, 16], Some(&[0, 255, 0][..])));
        assert_eq!(hash.0, *blake3::hash(bytes).as_bytes(), "as that of a file");
        assert!(rows[2].picture.is_none() && rows[2].text == "none", "a row without a picture is its text");
        assert!(matches!(decoded(3), Some(Err(ReadError::Table(TableError::NoPicture)))), "{:?}", decoded(3));
        assert!(matches!(decoded(4), Some(Err(_))));
        let (columns, rows) = cells("pictures.parquet");
        assert_eq!((columns.len(), rows.len()), (2, 5), "pictures are items whether or not they have a text");
    }

    #[test]
    fn a_page_that_says_it_is_huge_is_refused_before_it_is_unpacked() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/tables/dogs.parquet");
        let mut bytes = std::fs::read(path).expect("there");
        // Every header that says a small size says one of 2,046 MiB instead, with as many bytes as before.
        let (header, length) = page_header::read(&bytes[4..]).expect("a header");
        assert!(header.unpacked < 1000 && length < 100, "{header:?}");
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("a.parquet");
        std::fs::write(&file, huge(&mut bytes, length)).expect("written");
        let rows = TableRows::parquet(File::open(&file).expect("there"), &file, &TableOptions::default(), true, 1)
            .expect("opens");
        let errors: Vec<_> = rows.with_cells().filter_map(Result::err).collect();
        assert_eq!(errors.len(), 1, "{errors:?}");
        let mut source = File::open(&file).expect("there");
        let metadata = read_metadata(&mut source, 0).expect("intact").0;
        let pages = PagedFile::new(source, metadata, LIMITS);
        let group = pages.get_row_group(0).expect("a group");
        let page = group.get_column_page_reader(0).expect("pages").get_next_page();
        assert!(page.is_err_and(|error| error.to_string().contains("too large")));
    }

    /// The same file with a first page that says it unpacks to nearly 2 GiB. Its header gets longer, its content shorter.
    fn huge(bytes: &mut [u8], length: usize) -> &[u8] {
        let old = bytes[4..4 + length].to_vec();
        // The type and the size of the page are its first two fields.
        let size_ends = 3 + old[3..].iter().position(|byte| *byte < 0x80).expect("a size") + 1;
        let mut header = old[..3].to_vec();
        header.extend([0xfc, 0xff, 0xff, 0xff, 0x0f]);
        header.extend(&old[size_ends..]);
        bytes[4..4 + header.len()].copy_from_slice(&header);
        bytes
    }

    #[test]
    fn decimals_of_any_number_of_digits_are_not_shown() {
        use parquet::data_type::{ByteArray, Decimal};
        let column = |kind, precision, scale| {
            let builder = Type::primitive_type_builder("a", kind).with_converted_type(ConvertedType::DECIMAL);
            builder.with_precision(precision).with_scale(scale).build().expect("a type").into()
        };
        assert!(is_simple(&column(PhysicalType::BYTE_ARRAY, 76, 76)));
        assert!(is_simple(&column(PhysicalType::INT32, 9, 2)));
        assert!(!is_simple(&column(PhysicalType::BYTE_ARRAY, i32::MAX, i32::MAX - 1)));
        let usual = column(PhysicalType::BYTE_ARRAY, 20, 2);
        let shown = |bytes: Vec<u8>| text(&Field::Decimal(Decimal::from_bytes(ByteArray::from(bytes), 20, 2)), &usual);
        assert_eq!(shown(vec![1, 0]).as_deref(), Some("2.56"));
        assert_eq!(shown(vec![1; 33]), None);
    }

    #[test]
    fn only_pictures_below_the_table_are_named() {
        let folder = Path::new("/data");
        assert_eq!(file_below(folder, "a/b.JPG"), Some("/data/a/b.JPG".into()));
        for path in ["../b.jpg", "/etc/b.jpg", "b.txt", "", "a/../../b.jpg"] {
            assert_eq!(file_below(folder, path), None, "{path}");
        }
    }

    /// A column of required lists of the same text, of so many each.
    fn write_lists(path: &Path, text: &str, lengths: &[usize], prefixes: bool) {
        use parquet::data_type::{ByteArray, ByteArrayType};
        use parquet::file::properties::WriterProperties;
        use parquet::file::writer::SerializedFileWriter;
        let schema =
            "message m { required group tags (LIST) { repeated group list { required binary element (UTF8); } } }";
        let schema = parquet::schema::parser::parse_message_type(schema).expect("a schema");
        let properties = WriterProperties::builder().set_dictionary_page_size_limit(64 << 20);
        let properties = match prefixes {
            true => properties.set_dictionary_enabled(false).set_encoding(parquet::basic::Encoding::DELTA_BYTE_ARRAY),
            false => properties,
        };
        let file = File::create(path).expect("created");
        let mut writer = SerializedFileWriter::new(file, schema.into(), properties.build().into()).expect("a writer");
        let mut group = writer.next_row_group().expect("a group");
        let mut column = group.next_column().expect("a column").expect("one");
        let repeated: Vec<i16> = lengths.iter().flat_map(|length| (0..*length).map(|at| i16::from(at > 0))).collect();
        let (known, values) = (vec![1; repeated.len()], vec![ByteArray::from(text); repeated.len()]);
        column.typed::<ByteArrayType>().write_batch(&values, Some(&known), Some(&repeated)).expect("written");
        column.close().expect("closed");
        group.close().expect("closed");
        writer.close().expect("closed");
    }

    #[test]
    fn lists_that_repeat_a_text_without_end_are_errors() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.parquet");
        let read = |text: &str, lengths: &[usize], prefixes: bool| {
            write_lists(&path, text, lengths, prefixes);
            let file = File::open(&path).expect("there");
            let rows = TableRows::parquet(file, &path, &TableOptions::default(), true, 1).expect("opens").with_cells();
            rows.map(|row| row.map(|row| row.text.len()).map_err(|error| error.problem)).collect::<Vec<_>>()
        };
        let damaged = || Err(ReadError::from(TableError::Damaged).into());
        let long = "x".repeat(1 << 20);
        for prefixes in [false, true] {
            // Each text that begins as the one before may be as long as the page, so that such lists may be less long.
            let most = if prefixes { 1_000 } else { 1 << 16 };
            assert_eq!(read("x", &[2, 1, most], prefixes), [Ok(4), Ok(1), Ok(298)], "100 are kept");
            assert_eq!(read("x", &[1, (1 << 16) + 1], prefixes), [damaged()]);
            assert_eq!(read(&long, &[1, 300], prefixes), [damaged()]);
        }
        let too_long = Err(RowProblem::RowTooLong { megabytes: MAX_ROW_BYTES >> 20 });
        // Of the last, as much is kept as of any text.
        assert_eq!(read(&long, &[1, 20, 2], false), [Ok(1 << 20), too_long, Ok(1 << 20)]);
    }

    #[test]
    fn groups_of_more_rows_than_can_be_counted_are_errors() {
        use parquet::file::metadata::ParquetMetaDataWriter;
        use parquet::file::reader::{FileReader as _, SerializedFileReader};
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/tables/dogs.parquet");
        let reader = SerializedFileReader::new(File::open(fixture).expect("there")).expect("opens");
        let group = |rows: i64| {
            let group = reader.metadata().row_group(0).clone().into_builder().set_num_rows(rows);
            group.build().expect("a group")
        };
        // Negative ones count as none, and let the writer have a sum.
        let groups = [i64::MAX, -i64::MAX, i64::MAX, -i64::MAX, i64::MAX].map(group);
        let all = reader.metadata().clone().into_builder().set_row_groups(groups.to_vec()).build();
        let mut bytes = b"PAR1".to_vec();
        ParquetMetaDataWriter::new(&mut bytes, &all).finish().expect("written");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), bytes).expect("written");
        for first in [1, u32::MAX] {
            let rows = TableRows::parquet(
                File::open(file.path()).expect("there"),
                file.path(),
                &TableOptions::default(),
                false,
                first,
            );
            assert!(rows.is_err() || rows.is_ok_and(|mut rows| rows.next().is_none_or(|row| row.is_err())));
        }
    }

    #[test]
    fn damaged_files_are_errors_and_end() {
        assert_eq!(open("lz4.parquet", false, 1).err(), Some(TableError::Compression { name: "LZ4" }.into()));
        let dir = tempfile::tempdir().expect("a folder");
        let whole =
            std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/tables/dogs.parquet"));
        let whole = whole.expect("there");
        let read = |bytes: &[u8]| {
            let path = dir.path().join("a.parquet");
            std::fs::write(&path, bytes).expect("written");
            let options = TableOptions::default();
            let rows = crate::guard::guarded(|| TableRows::parquet(File::open(&path)?, &path, &options, false, 1));
            rows.map(|rows| rows.with_cells().take(1000).filter(Result::is_err).count())
        };
        assert_eq!(read(&whole), Ok(0));
        assert!(matches!(read(b"PAR1\x02\0\0\0PAR1"), Err(ReadError::Table(_))));
        assert_eq!(read(b"PAR1PAR1PAR1"), Err(TableError::TooLarge.into()), "its name is taken for a length");
        assert_eq!(read(b"PAR1\xff\xff\xff\x7fPAR1"), Err(TableError::TooLarge.into()));
        for at in (4..whole.len()).step_by(7) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xff;
            // Whatever it says, it ends, and at most one failure tells of it.
            assert!(read(&bytes).unwrap_or(1) <= 1, "{at}");
        }
    }
}
