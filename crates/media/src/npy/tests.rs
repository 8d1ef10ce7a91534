//! Tests of reading NumPy files.

use std::io::Write;

use super::*;

/// A file of version `major` with this header, padded as NumPy does, and these numbers.
fn file(major: u8, header: &str, numbers: &[u8]) -> tempfile::NamedTempFile {
    let mut bytes = MAGIC.to_vec();
    bytes.extend([major, 0]);
    let before = if major == 1 { 10 } else { 12 };
    let padded = format!("{header}{}\n", " ".repeat(63 - (before + header.len()) % 64));
    match major {
        1 => bytes.extend((padded.len() as u16).to_le_bytes()),
        _ => bytes.extend((padded.len() as u32).to_le_bytes()),
    }
    bytes.extend(padded.as_bytes());
    bytes.extend(numbers);
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(&bytes).expect("written");
    file
}

fn header(kind: &str, by_columns: bool, shape: &str) -> String {
    let order = if by_columns { "True" } else { "False" };
    format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}")
}

fn all(file: &tempfile::NamedTempFile) -> Vec<Vec<f64>> {
    let mut rows = NpyRows::open(file.path()).expect("a matrix");
    (0..rows.rows()).map(|row| rows.row(row).expect("a row")).collect()
}

fn error(major: u8, header: &str, numbers: &[u8]) -> NpyError {
    NpyRows::open(file(major, header, numbers).path()).expect_err("no matrix")
}

#[test]
fn all_versions_types_orders_and_ends_give_the_same_numbers() {
    let wanted = vec![vec![1.0, -2.5, 0.25], vec![1024.0, 0.0, -0.125]];
    for major in [1, 2, 3] {
        for (kind, big) in [("<f2", false), (">f2", true), ("<f4", false), (">f4", true), ("<f8", false), (">f8", true)]
        {
            for by_columns in [false, true] {
                let places: Vec<(usize, usize)> = match by_columns {
                    false => (0..2).flat_map(|row| (0..3).map(move |column| (row, column))).collect(),
                    true => (0..3).flat_map(|column| (0..2).map(move |row| (row, column))).collect(),
                };
                let bytes = |(row, column): (usize, usize)| -> Vec<u8> {
                    let value: f64 = wanted[row][column];
                    let mut bytes = match &kind[1..] {
                        "f2" => f16::from_f64(value).to_le_bytes().to_vec(),
                        "f4" => (value as f32).to_le_bytes().to_vec(),
                        _ => value.to_le_bytes().to_vec(),
                    };
                    if big {
                        bytes.reverse();
                    }
                    bytes
                };
                let numbers: Vec<u8> = places.into_iter().flat_map(bytes).collect();
                let file = file(major, &header(kind, by_columns, "(2, 3)"), &numbers);
                assert_eq!(all(&file), wanted, "{major} {kind} {by_columns}");
            }
        }
    }
}

#[test]
fn rows_of_several_blocks_are_read_in_any_order() {
    let (rows, columns) = (700_u64, 3000_usize);
    let value = |row: u64, column: usize| (row * 10_000) as f32 + column as f32;
    for by_columns in [false, true] {
        let numbers: Vec<u8> = match by_columns {
            false => (0..rows).flat_map(|r| (0..columns).flat_map(move |c| value(r, c).to_le_bytes())).collect(),
            true => (0..columns).flat_map(|c| (0..rows).flat_map(move |r| value(r, c).to_le_bytes())).collect(),
        };
        let file = file(1, &header("<f4", by_columns, "(700, 3000)"), &numbers);
        let mut matrix = NpyRows::open(file.path()).expect("a matrix");
        for row in [0, 1, 348, 349, 350, 699, 2] {
            let found = matrix.row(row).expect("a row");
            assert!(found.iter().enumerate().all(|(column, v)| *v == f64::from(value(row, column))), "row {row}");
        }
        assert_eq!(matrix.row(700), Err(NpyError::Truncated { rows, columns }));
    }
}

#[test]
fn other_spellings_of_the_header_are_read() {
    for header in [
        r#"{"shape": (1L, 2L), "fortran_order": False, "descr": "<f4"}"#,
        "{ 'shape':(1,2) , 'descr':'<f4','fortran_order':False }",
    ] {
        assert_eq!(all(&file(2, header, &[0; 8])), [[0.0, 0.0]], "{header}");
    }
    assert!(all(&file(1, &header("<f4", false, "(0, 5)"), &[])).is_empty());
    assert_eq!(all(&file(1, &header("<f4", false, "(1, 1)"), &[0; 40])), [[0.0]], "more bytes than needed");
}

#[test]
fn what_is_no_matrix_of_floats_is_refused_in_words() {
    let plain = header("<f4", false, "(2, 2)");
    assert_eq!(error(1, &plain, &[0; 15]), NpyError::Truncated { rows: 2, columns: 2 });
    assert_eq!(error(4, &plain, &[0; 16]), NpyError::Version { major: 4 });
    assert_eq!(error(1, &header("<i8", false, "(2, 2)"), &[0; 32]), NpyError::Type { kind: "<i8".to_owned() });
    assert_eq!(error(1, &header("|O", false, "(2, 2)"), &[0; 32]), NpyError::Type { kind: "|O".to_owned() });
    assert_eq!(error(1, &header("<f4", false, "(4,)"), &[0; 16]), NpyError::Dimensions { dimensions: 1 });
    assert_eq!(error(1, &header("<f4", false, "()"), &[0; 16]), NpyError::Dimensions { dimensions: 0 });
    assert_eq!(error(1, &header("<f4", false, "(2, 1, 2)"), &[0; 16]), NpyError::Dimensions { dimensions: 3 });
    assert_eq!(error(1, &header("<f4", false, "(2, 0)"), &[]), NpyError::Columns { columns: 0 });
    assert_eq!(error(1, &header("<f4", false, "(2, 65537)"), &[]), NpyError::Columns { columns: 65_537 });
    let huge = error(1, &header("<f8", false, "(18446744073709551615, 65536)"), &[]);
    assert!(matches!(huge, NpyError::Truncated { .. }), "{huge}");
    let record = "{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2,), }";
    assert_eq!(error(1, record, &[0; 8]), NpyError::Type { kind: "record".to_owned() });
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(NpyRows::open(folder.path()).expect_err("a folder"), NpyError::Read(ReadError::IsFolder));
    let missing = NpyRows::open(&folder.path().join("none.npy")).expect_err("no file");
    assert_eq!(missing, NpyError::Read(ReadError::NotFound));
}

#[test]
fn damaged_headers_are_refused_wherever_the_damage_is() {
    let whole = file(2, &header("<f4", true, "(3, 2)"), &[0; 24]);
    let bytes = std::fs::read(whole.path()).expect("there");
    let open = |bytes: &[u8]| {
        let mut damaged = tempfile::NamedTempFile::new().expect("a file");
        damaged.write_all(bytes).expect("written");
        NpyRows::open(damaged.path()).map(|mut rows| rows.row(0).map(|row| row.len()))
    };
    for end in 0..bytes.len() {
        assert!(open(&bytes[..end]).is_err(), "cut at {end}");
    }
    for at in 0..bytes.len() - 24 {
        for flip in [0x01, 0x20, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            // Some damage makes another valid header; none may panic or allocate what the file does not hold.
            let _either = open(&damaged);
        }
    }
    for odd in
        ["", "{", "{}", "{'descr'}", "{'descr': }", "{'shape': (1, 2}", "{'fortran_order': Fa", "{'a': 'é'}", "'"]
    {
        assert_eq!(error(1, odd, &[0; 8]), NpyError::Header, "{odd}");
    }
    let mut long = MAGIC.to_vec();
    long.extend([2, 0, 0xff, 0xff, 0xff, 0xff]);
    assert!(matches!(open(&long), Err(NpyError::Header)), "no header of 4 GiB is allocated");
}
