//! Tests of workbooks.

use std::fs::File;
use std::io::{Cursor, Write};
use std::path::Path;

use super::super::TableRows;
use super::*;

fn fixture(name: &str, options: &TableOptions) -> Result<TableRows, ReadError> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/tables").join(name);
    TableRows::workbook(File::open(path)?, options)
}

/// A row: its number, its text, and its cells by column.
type Row = (u32, String, Vec<(usize, String)>);

fn rows(table: TableRows) -> (Vec<String>, Vec<Row>) {
    let mut table = table.with_cells();
    let rows = table.by_ref().map(|row| row.expect("a row")).map(|row| (row.number, row.text, row.cells)).collect();
    (table.columns().iter().map(|column| column.name.clone()).collect(), rows)
}

#[test]
fn the_first_sheet_with_a_table_is_read_with_its_dates_and_numbers() {
    let (columns, rows) = rows(fixture("dogs.xlsx", &TableOptions::default()).expect("opens"));
    assert_eq!(columns, ["id", "caption", "price", "born", "seen", "good", "total"]);
    let texts: Vec<_> = rows.iter().map(|(number, text, _)| (*number, text.as_str())).collect();
    assert_eq!(texts, [(1, "a brown dog"), (2, "a white dog"), (4, "grün & <bunt>")], "a blank row counts");
    let cells: Vec<&str> = rows[0].2.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(cells, ["1", "a brown dog", "1.5", "2023-06-14", "2023-06-14 15:30:00", "true"]);
    assert_eq!(rows[1].2.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1, 3, 4, 5], "an error is unknown");
    let table = fixture("dogs.xlsx", &TableOptions::default()).expect("opens");
    let format = table.format();
    assert_eq!((format.has_header, format.content_column.as_deref()), (Some(true), Some("caption")));
}

#[test]
fn what_is_detected_can_be_chosen() {
    let options =
        TableOptions { has_header: Some(false), text_column: Some("column 2".to_owned()), ..TableOptions::default() };
    let (columns, rows) = rows(fixture("dogs.xlsx", &options).expect("opens"));
    assert_eq!((columns.len(), columns[0].as_str(), rows.len()), (7, "", 4));
    assert_eq!((rows[0].0, rows[0].1.as_str()), (1, "caption"));
}

/// A workbook of one sheet with these rows.
fn workbook(rows: &str, texts: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let relation = |id: &str, kind: &str, target: &str| {
        format!("<Relationship Id=\"{id}\" Type=\"http://x/{kind}\" Target=\"{target}\"/>")
    };
    let all = |relations: &str| format!("<Relationships>{relations}</Relationships>");
    let of_book = [relation("r1", "worksheet", "sheets/s.xml"), relation("r2", "sharedStrings", "/xl/texts.xml")];
    for (name, content) in [
        ("[Content_Types].xml", "<Types/>".to_owned()),
        ("_rels/.rels", all(&relation("r1", "officeDocument", "xl/book.xml"))),
        ("xl/book.xml", "<workbook><sheets><sheet name=\"a\" r:id=\"r1\"/></sheets></workbook>".to_owned()),
        ("xl/_rels/book.xml.rels", all(&of_book.concat())),
        ("xl/texts.xml", format!("<sst>{texts}</sst>")),
        ("xl/sheets/s.xml", format!("<worksheet><sheetData>{rows}</sheetData></worksheet>")),
    ] {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).expect("started");
        zip.write_all(content.as_bytes()).expect("written");
    }
    zip.finish().expect("finished").into_inner()
}

fn read(bytes: Vec<u8>) -> Result<Vec<(u32, String)>, ReadError> {
    let table = TableRows::workbook(Cursor::new(bytes), &TableOptions::default())?;
    Ok(table.flatten().map(|row| (row.number, row.text)).collect())
}

#[test]
fn odd_sheets_are_read_as_far_as_they_make_sense() {
    let texts = "<si><t>one</t></si><si><r><t>t</t></r><r><t>wo</t></r><rPh><t>x</t></rPh></si>";
    let rows = "<row><c t=\"s\"><v>0</v></c><c t=\"s\"><v>1</v></c><c t=\"s\"><v>99</v></c></row>\
        <row r=\"4\"><c r=\"B4\" t=\"inlineStr\"><is><t>in</t></is></c><c r=\"A4\"><v>5</v></c><c><f>1+1</f><v>2</v></c></row>\
        <row r=\"3\"><c r=\"ZZZZ3\"><v>1e999</v></c><c t=\"b\"><v>1</v></c></row>";
    let found = read(workbook(rows, texts)).expect("opens");
    let expected = [(1, "one | two"), (4, "in"), (5, "true")].map(|(row, text)| (row, text.to_owned()));
    assert_eq!(found, expected, "rows and cells go forwards only");
}

#[test]
fn formulas_without_results_and_sheets_that_are_missing_are_told_of() {
    let row = |result: &str| format!("<row><c><v>1</v></c><c t=\"str\"><f>A1&amp;B1</f>{result}</c></row>");
    let computed = row("<v>a dog</v>");
    assert_eq!(read(workbook(&computed.repeat(3), "")).expect("opens").len(), 3);
    let not_computed = Some(ReadError::from(TableError::NotComputed));
    assert_eq!(read(workbook(&row("").repeat(3), "")).err(), not_computed);
    assert_eq!(read(workbook(&(computed.repeat(30) + &row("")), "")).expect("opens").len(), 31, "one is no loss");
    let mut missing = workbook(&computed, "");
    // The name of the sheet, in the index of the archive and in front of it.
    while let Some(at) = missing.windows(6).position(|bytes| bytes == b"/s.xml") {
        missing[at + 1] = b'z';
    }
    // Relations are compressed and keep the name.
    assert_eq!(read(missing).err(), Some(TableError::Damaged.into()));
}

#[test]
fn workbooks_made_to_do_harm_are_refused_and_damaged_ones_end() {
    let row = "<row><c t=\"s\"><v>0</v></c><c><v>1</v></c></row>";
    let far = format!("{row}<row r=\"4294967295\"><c><v>1</v></c></row>");
    assert_eq!(read(workbook(&far, "<si><t>x</t></si>")).expect("opens").len(), 1, "rows are not counted without end");
    // Each row refers to one long text many times.
    let long = format!("<si><t>{}</t></si>", "long ".repeat(200_000));
    let many = format!("<row>{}</row>{row}", "<c t=\"s\"><v>0</v></c>".repeat(100));
    let table = TableRows::workbook(Cursor::new(workbook(&many, &long)), &TableOptions::default()).expect("opens");
    assert_eq!(table.filter(Result::is_err).count(), 1);
    assert!(read(b"PK\x03\x04 nothing".to_vec()).is_err());
    let whole = workbook(&row.repeat(20), "<si><t>x</t></si>");
    for at in (0..whole.len()).step_by(3) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        let _ends = crate::guard::guarded(|| read(bytes));
    }
}

#[test]
fn what_is_kept_of_a_workbook_is_bounded() {
    // A row that is sampled refers to one long text from many columns.
    let long = format!("<si><t>{}</t></si>", "ü".repeat(1000));
    let many = format!("<row>{}</row>", "<c t=\"s\"><v>0</v></c>".repeat(8000));
    let options = TableOptions { has_header: Some(true), ..TableOptions::default() };
    let rows = WorkbookRows::open(Cursor::new(workbook(&many.repeat(2), &long)), &options).expect("opens");
    let bytes: usize = rows.header.iter().map(String::len).sum();
    assert!(rows.header.iter().all(|name| name.len() == SAMPLE_CELL) && bytes == SAMPLE_ROW, "{bytes}");
    // So does one that is too long.
    let longest = format!("<si><t>{}</t></si>", "x".repeat(1 << 20));
    let rows = WorkbookRows::open(Cursor::new(workbook(&many.repeat(2), &longest)), &options).expect("opens");
    assert!(rows.header.is_empty());
    let too_large = Some(ReadError::from(TableError::TooLarge));
    // Hardly packed, so that the limit of unpacking is not what ends it.
    let letter = |at: u32| char::from(b'a' + (at.wrapping_mul(2_654_435_761) >> 20) as u8 % 26);
    let text = format!("<t>{}</t>", (0..1 << 20).map(letter).collect::<String>()).repeat(17);
    assert_eq!(read(workbook("", &format!("<si>{text}</si>"))).err(), too_large, "a text in many pieces");
    assert_eq!(read(workbook(&format!("<row><c t=\"inlineStr\">{text}</c></row>"), "")).err(), too_large);
}
