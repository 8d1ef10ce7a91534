//! Tests of vectors that the user brought.

use std::path::PathBuf;

use super::*;

fn matrix(folder: &Path, name: &str, rows: &[&[f32]]) -> PathBuf {
    let columns = rows.first().map_or(1, |row| row.len());
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {columns}), }}\n", rows.len());
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(rows.iter().flat_map(|row| row.iter().flat_map(|v| v.to_le_bytes())));
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("written");
    path
}

fn table(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("written");
    path
}

#[test]
fn rows_have_to_be_as_many_as_vectors_but_for_blank_ones_at_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let three: [&[f32]; 3] = [&[1.0, 0.0], &[0.0, 1.0], &[1.0, 1.0]];
    let vectors = VectorsIn::Npy(matrix(folder.path(), "v.npy", &three));
    let examine = |name: &str, text: &str| {
        OwnVectors { table: table(folder.path(), name, text), vectors: vectors.clone() }
            .examine(&TableOptions::default())
    };
    let info = examine("a.csv", "text\none\ntwo\nthree\n").expect("they fit");
    assert_eq!((info.key.name.as_str(), info.key.dim, info.key.revision.len()), ("v.npy", 2, 32));
    assert!(examine("b.jsonl", "{\"text\": \"a\"}\n\nno JSON\n\n").is_ok(), "blank and damaged rows count");
    let error = examine("c.csv", "text\none\ntwo\n").expect_err("too few rows");
    let sentence = error.to_string();
    assert!(sentence.contains("c.csv has 2 rows, but ") && sentence.contains("v.npy has 3;"), "{sentence}");
    assert!(matches!(
        examine("d.csv", "text\n1 a\n2 b\n3 c\n4 d\n"),
        Err(OwnVectorsError::RowCount { table_rows: 4, .. })
    ));
    assert!(matches!(examine("e.txt", "one\ntwo\nthree\n"), Err(OwnVectorsError::NoTable { .. })));
}

#[test]
fn a_vector_that_is_none_is_a_failure_of_its_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows: [&[f32]; 5] =
        [&[3.0, 4.0], &[f32::NAN, 1.0], &[0.0, -0.0], &[f32::NEG_INFINITY, 0.0], &[f32::MAX, f32::MAX]];
    let vectors = VectorsIn::Npy(matrix(folder.path(), "v.npy", &rows));
    let mut found = OwnVectors { table: PathBuf::new(), vectors }.open().expect("opens");
    let mut row = |number| found.row(number).expect("readable").map(|vector| vector.as_slice().to_vec());
    assert_eq!(row(1), Ok(vec![0.6, 0.8]));
    assert_eq!(row(2), Err(VectorRowProblem::NotFinite));
    assert_eq!(row(3), Err(VectorRowProblem::Zero));
    assert_eq!(row(4), Err(VectorRowProblem::NotFinite));
    let largest = row(5).expect("finite");
    assert!((largest[0] - 0.5_f32.sqrt()).abs() < 1e-6, "{largest:?}");
    assert!(found.row(6).is_err(), "there is no such row");
}

#[test]
fn vectors_are_read_from_a_field_of_the_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "{\"t\": \"a\", \"v\": [0, 2]}\n{\"t\": \"b\"}\n{\"t\": \"c\", \"v\": [1, 2, 3]}\n{\"t\": \"d\", \"v\": [5, 0]}\n";
    let table_of = |name: &str, field: &str| OwnVectors {
        table: table(folder.path(), name, text),
        vectors: VectorsIn::Field(field.to_owned()),
    };
    let own = table_of("a.jsonl", "v");
    let info = own.examine(&TableOptions::default()).expect("vectors");
    assert_eq!((info.title.as_str(), info.key.dim), ("v", 2));
    let mut found = own.open().expect("opens");
    let mut row = |number| found.row(number).expect("readable").map(|vector| vector.as_slice().to_vec());
    assert_eq!(row(1), Ok(vec![0.0, 1.0]));
    assert_eq!(row(3), Err(VectorRowProblem::Dimensions { found: 3, wanted: 2 }), "row 2 may be passed over");
    assert_eq!(row(4), Ok(vec![1.0, 0.0]));
    assert_eq!(row(9), Err(VectorRowProblem::Missing));
    assert!(matches!(table_of("a.jsonl", "w").examine(&TableOptions::default()), Err(OwnVectorsError::NoField { .. })));
    assert!(matches!(table_of("a.csv", "v").examine(&TableOptions::default()), Err(OwnVectorsError::NoFields { .. })));
    let other = OwnVectors { vectors: VectorsIn::Field("t".to_owned()), ..own.clone() };
    assert_ne!(other.hash().expect("read"), own.hash().expect("read"), "another field is another space");
}

#[test]
fn rows_without_a_vector_are_named_in_one_sentence() {
    let mut problems = VectorRowProblems::default();
    assert_eq!(problems.sentence(), None);
    problems.add(7, VectorRowProblem::Zero);
    assert_eq!(problems.sentence().as_deref(), Some("Row 7: its vector is zero"));
    problems.add(9, VectorRowProblem::NotFinite);
    assert_eq!(problems.sentence().as_deref(), Some("Row 7: its vector is zero (also row 9)"));
    (10..20).for_each(|row| problems.add(row, VectorRowProblem::Zero));
    let sentence = problems.sentence().expect("some");
    assert!(sentence.ends_with("(also rows 9, 10, 11, 12, 13, 14, 15, 16 and 3 more)"), "{sentence}");
}
