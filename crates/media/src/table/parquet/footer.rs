//! The end of a Parquet file, where its columns and row groups are listed.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};

use super::unpack;
use crate::error::{ReadError, TableError};

/// The longest list of columns and row groups, bytes.
const MAX_FOOTER: u64 = 16 << 20;
/// The largest column of a row group, bytes unpacked.
const MAX_CHUNK: i64 = 1 << 30;

/// The end of a file, where its columns are listed.
struct Footer(File);

impl Length for Footer {
    fn len(&self) -> u64 {
        self.0.metadata().map_or(0, |found| found.len())
    }
}

impl ChunkReader for Footer {
    type T = BufReader<File>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        let mut file = self.0.try_clone()?;
        file.seek(SeekFrom::Start(start))?;
        Ok(BufReader::new(file))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        if length as u64 > MAX_FOOTER {
            return Err(ParquetError::General("the list of columns is too long".to_owned()));
        }
        let mut bytes = Vec::new();
        self.get_read(start)?.take(length as u64).read_to_end(&mut bytes)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF("the file ends too early".to_owned()));
        }
        Ok(bytes.into())
    }
}

/// Reads the list of columns and of row groups, without those groups that end before the row `first`, counted from 0; and
/// how many rows these have.
///
/// # Errors
/// When the file is damaged, or the list is too long.
pub fn read_metadata(file: &mut File, first: u64) -> Result<(ParquetMetaData, u64), ReadError> {
    check_footer(file)?;
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&Footer(file.try_clone()?));
    let metadata = metadata.map_err(|_| TableError::Damaged)?;
    let rows = |group: &RowGroupMetaData| group.num_rows().max(0).cast_unsigned();
    let (mut skipped, mut count) = (0_u64, 0);
    for group in metadata.row_groups() {
        let end = skipped.saturating_add(rows(group));
        if end > first {
            break;
        }
        (skipped, count) = (end, count + 1);
    }
    if count == 0 {
        return Ok((metadata, 0));
    }
    let mut builder = metadata.into_builder();
    let groups = builder.take_row_groups().split_off(count);
    Ok((builder.set_row_groups(groups).build(), skipped))
}

/// Checks what the file says about a column of a row group.
///
/// # Errors
/// When it is too large, or compressed in a way that is not read.
pub fn check_column(column: &ColumnChunkMetaData) -> Result<(), TableError> {
    if !unpack::is_read(column.compression()) {
        return Err(TableError::Compression { name: compression_name(column.compression()) });
    }
    if column.uncompressed_size() > MAX_CHUNK || column.compressed_size() > MAX_CHUNK {
        return Err(TableError::TooLarge);
    }
    Ok(())
}

/// Whether the end of a file is that of a Parquet file, and how long its list of columns is.
fn check_footer(file: &mut File) -> Result<(), ReadError> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut end = [0; 8];
    if length >= 12 {
        file.seek(SeekFrom::End(-8))?;
        file.read_exact(&mut end)?;
    }
    let [size @ .., b'P', b'A', b'R', b'1'] = end else { return Err(TableError::Damaged.into()) };
    let size = u64::from(u32::from_le_bytes(size));
    match () {
        () if size > MAX_FOOTER => Err(TableError::TooLarge.into()),
        () if size + 12 > length => Err(TableError::Damaged.into()),
        () => Ok(()),
    }
}

fn compression_name(compression: Compression) -> &'static str {
    match compression {
        Compression::GZIP(_) => "gzip",
        Compression::ZSTD(_) => "Zstandard",
        Compression::BROTLI(_) => "Brotli",
        Compression::LZ4 | Compression::LZ4_RAW => "LZ4",
        Compression::LZO => "LZO",
        Compression::UNCOMPRESSED | Compression::SNAPPY => "Snappy",
    }
}
