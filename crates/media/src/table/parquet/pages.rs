//! The pages of a column of a Parquet file. What a page says about itself is checked before it is unpacked.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;

use super::lists::{ListCheck, ListLimits};
use super::page_error::{damaged, too_large};
use super::page_header::{self, PageHeader, PageKind};
use super::unpack::unpack;

/// The largest page, bytes packed or unpacked.
const MAX_PAGE: usize = 256 << 20;
/// The most that the pages of all columns of a table may hold together, bytes.
const MAX_HELD: usize = 512 << 20;
/// The longest header of a page, bytes; it may have texts from the page.
const MAX_HEADER: usize = 1 << 20;

/// A file whose pages have a limited size.
pub struct PagedFile {
    metadata: Arc<ParquetMetaData>,
    shared: Arc<Shared>,
    limits: ListLimits,
}

struct Shared {
    file: Mutex<File>,
    /// Bytes of the pages that are in use.
    held: AtomicUsize,
}

impl PagedFile {
    /// A file with these columns and row groups.
    pub fn new(file: File, metadata: ParquetMetaData, limits: ListLimits) -> Self {
        let shared = Shared { file: Mutex::new(file), held: AtomicUsize::new(0) };
        Self { metadata: Arc::new(metadata), shared: Arc::new(shared), limits }
    }
}

impl FileReader for PagedFile {
    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }

    fn num_row_groups(&self) -> usize {
        self.metadata.num_row_groups()
    }

    fn get_row_group(&self, i: usize) -> Result<Box<dyn RowGroupReader + '_>> {
        let (metadata, shared) = (Arc::clone(&self.metadata), Arc::clone(&self.shared));
        Ok(Box::new(PagedGroup { metadata, shared, group: i, limits: self.limits }))
    }

    fn get_row_iter(&self, projection: Option<Type>) -> Result<RowIter<'_>> {
        RowIter::from_file(projection, self)
    }
}

struct PagedGroup {
    metadata: Arc<ParquetMetaData>,
    shared: Arc<Shared>,
    group: usize,
    limits: ListLimits,
}

impl RowGroupReader for PagedGroup {
    fn metadata(&self) -> &RowGroupMetaData {
        self.metadata.row_group(self.group)
    }

    fn num_columns(&self) -> usize {
        self.metadata().num_columns()
    }

    fn get_column_page_reader(&self, i: usize) -> Result<Box<dyn PageReader>> {
        let column = self.metadata().column(i);
        let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
        let size = |bytes: i64| u64::try_from(bytes).map_err(|_| damaged());
        let (at, left) = (size(start)?, size(column.compressed_size())?);
        let lists = ListCheck::new(column.column_descr(), self.limits);
        let (shared, compression) = (Arc::clone(&self.shared), column.compression());
        Ok(Box::new(Pages { shared, compression, at, left, uses_prefixes: uses_prefixes(column), lists, next: None }))
    }

    fn get_column_bloom_filter(&self, _: usize) -> Option<&Sbbf> {
        None
    }

    fn get_row_iter(&self, projection: Option<Type>) -> Result<RowIter<'_>> {
        RowIter::from_row_group(projection, self)
    }
}

/// Whether texts of a column may begin with those before them.
pub fn uses_prefixes(column: &ColumnChunkMetaData) -> bool {
    column.encodings().any(|encoding| encoding == Encoding::DELTA_BYTE_ARRAY)
}

/// The pages of a column of a row group.
struct Pages {
    shared: Arc<Shared>,
    compression: Compression,
    /// Where the next page or its content begins.
    at: u64,
    /// Bytes of the pages from there on.
    left: u64,
    uses_prefixes: bool,
    /// The check of a column of lists.
    lists: Option<ListCheck>,
    /// The header of the next page, once it was read.
    next: Option<PageHeader>,
}

impl Pages {
    /// Reads the header of the next page that holds values; `None` at the end.
    fn header(&mut self) -> Result<Option<PageHeader>> {
        if let Some(header) = self.next.take() {
            return Ok(Some(header));
        }
        while self.left > 0 {
            let (header, length) = self.read_header()?;
            self.pass(length)?;
            if header.packed as u64 > self.left {
                return Err(damaged());
            }
            if header.kind != PageKind::Other {
                return Ok(Some(header));
            }
            self.pass(header.packed)?;
        }
        Ok(None)
    }

    fn pass(&mut self, bytes: usize) -> Result<()> {
        self.left = self.left.checked_sub(bytes as u64).ok_or_else(damaged)?;
        self.at += bytes as u64;
        Ok(())
    }

    fn read_header(&self) -> Result<(PageHeader, usize)> {
        let mut size = 256;
        loop {
            let wanted = size.min(usize::try_from(self.left).unwrap_or(usize::MAX));
            let bytes = self.shared.read(self.at, wanted)?;
            match page_header::read(&bytes) {
                Some(found) => return Ok(found),
                None if bytes.len() < size || size >= MAX_HEADER => return Err(damaged()),
                None => size *= 16,
            }
        }
    }

    fn page(&mut self, header: &PageHeader) -> Result<Page> {
        let (unpacked, packed) = (header.unpacked, header.packed);
        if unpacked > MAX_PAGE || packed > MAX_PAGE {
            return Err(too_large());
        }
        let held = Held::take(&self.shared, unpacked.max(packed))?;
        let bytes = self.shared.read(self.at, packed)?;
        if bytes.len() < packed {
            return Err(damaged());
        }
        self.pass(packed)?;
        let (plain, is_compressed) = match &header.kind {
            PageKind::DataV2 { levels: [definition, repetition], is_compressed, .. } => {
                ((*definition as usize).checked_add(*repetition as usize).ok_or_else(damaged)?, *is_compressed)
            }
            _ => (0, true),
        };
        let bytes = match self.compression {
            Compression::UNCOMPRESSED => bytes,
            _ if !is_compressed => bytes,
            compression => unpack(&bytes, plain, unpacked, compression).ok_or_else(damaged)?,
        };
        let buf = Bytes::from_owner(PageBytes { bytes, _held: held });
        let page = page_of(header, buf)?;
        if page.encoding() == Encoding::DELTA_BYTE_ARRAY && !self.uses_prefixes {
            return Err(damaged());
        }
        self.lists.as_mut().map_or(Ok(()), |lists| lists.check(&page))?;
        Ok(page)
    }
}

fn page_of(header: &PageHeader, buf: Bytes) -> Result<Page> {
    Ok(match &header.kind {
        PageKind::Dictionary { values, encoding } => {
            Page::DictionaryPage { buf, num_values: *values, encoding: *encoding, is_sorted: false }
        }
        PageKind::Data { values, encoding, levels: [definition, repetition] } => Page::DataPage {
            buf,
            num_values: *values,
            encoding: *encoding,
            def_level_encoding: *definition,
            rep_level_encoding: *repetition,
            statistics: None,
        },
        PageKind::DataV2 { counts, encoding, levels, is_compressed } => {
            let ([num_values, num_nulls, num_rows], [definition, repetition]) = (*counts, *levels);
            if definition as usize + repetition as usize > buf.len() {
                return Err(damaged());
            }
            Page::DataPageV2 {
                buf,
                num_values,
                encoding: *encoding,
                num_nulls,
                num_rows,
                def_levels_byte_len: definition,
                rep_levels_byte_len: repetition,
                is_compressed: *is_compressed,
                statistics: None,
            }
        }
        PageKind::Other => return Err(damaged()),
    })
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let Some(header) = self.header()? else { return Ok(None) };
        self.page(&header).map(Some)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.next = self.header()?;
        Ok(self.next.as_ref().map(|header| {
            let (num_rows, num_levels) = match header.kind {
                PageKind::Data { values, .. } => (None, Some(values as usize)),
                PageKind::DataV2 { counts: [values, _, rows], .. } => (Some(rows as usize), Some(values as usize)),
                PageKind::Dictionary { .. } | PageKind::Other => (None, None),
            };
            PageMetadata { num_rows, num_levels, is_dict: matches!(header.kind, PageKind::Dictionary { .. }) }
        }))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        match self.header()? {
            Some(header) => self.pass(header.packed),
            None => Ok(()),
        }
    }
}

impl Shared {
    fn read(&self, at: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(at))?;
        let mut read = Vec::new();
        file.by_ref().take(bytes as u64).read_to_end(&mut read)?;
        Ok(read)
    }
}

/// Part of [`MAX_HELD`].
struct Held {
    shared: Arc<Shared>,
    bytes: usize,
}

impl Held {
    fn take(shared: &Arc<Shared>, bytes: usize) -> Result<Self> {
        let held = Self { shared: Arc::clone(shared), bytes };
        let before = shared.held.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > MAX_HELD { Err(too_large()) } else { Ok(held) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The bytes of a page, which count as held until they are dropped.
struct PageBytes {
    bytes: Vec<u8>,
    _held: Held,
}

impl AsRef<[u8]> for PageBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
