//! Sums of the vectors of a library, from which the means of its snapshots follow. Stored in the catalog together with a
//! fingerprint of the items that they cover, so that a large library opens without reading all of its vectors.

use rayon::prelude::*;
use rusqlite::{Connection, OptionalExtension, params};

use crate::snapshot::{SnapshotParts, Vectors};
use vicinity_core::{ItemId, Modality};

/// Added after the first format. A row is used only if its fingerprint is that of the items, whoever wrote them.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS sums (
    model INTEGER PRIMARY KEY, fingerprint INTEGER NOT NULL, sums BLOB NOT NULL, crc INTEGER NOT NULL)";

/// Sums of unit vectors per modality, in [`Modality::ALL`] order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct VectorSums {
    sums: [Vec<f64>; 2],
    fingerprint: u64,
}

impl VectorSums {
    /// The sums of no vectors.
    pub(super) fn new(dim: usize) -> Self {
        Self { sums: [vec![0.0; dim], vec![0.0; dim]], fingerprint: 0 }
    }

    /// Identifies the items, rows and dimensions that are summed.
    pub(super) fn identity(&self) -> (u64, usize) {
        (self.fingerprint, self.dim())
    }

    /// Number of dimensions.
    pub(super) fn dim(&self) -> usize {
        self.sums[0].len()
    }

    /// Sums all vectors of a snapshot, in a fixed order, so that means are the same each time they are computed.
    pub(super) fn of(parts: &SnapshotParts, dim: usize) -> Self {
        let chunks: Vec<Self> = parts
            .chunks
            .par_iter()
            .zip(&parts.vector_rows)
            .map(|(items, rows)| {
                let mut sums = Self::new(dim);
                for (item, row) in items.iter().zip(rows.iter()) {
                    sums.add(item.id, item.modality, *row, &parts.vectors, parts.model.dim);
                }
                if let (Some(first), Some(last)) = (rows.iter().min(), rows.iter().max()) {
                    parts.vectors.release(*first..last.saturating_add(1), parts.model.dim);
                }
                sums
            })
            .collect();
        let mut all = Self::new(dim);
        for chunk in &chunks {
            all.fingerprint = all.fingerprint.wrapping_add(chunk.fingerprint);
            for (total, part) in all.sums.iter_mut().zip(&chunk.sums) {
                total.iter_mut().zip(part).for_each(|(total, value)| *total += value);
            }
        }
        all
    }

    /// Adds the vector of an item.
    pub(super) fn add(&mut self, id: ItemId, modality: Modality, row: u32, vectors: &Vectors, dim: usize) {
        self.fingerprint = self.fingerprint.wrapping_add(fingerprint(id, modality, row));
        accumulate(&mut self.sums[modality.index()], vectors.row(row, dim), 1.0);
    }

    /// Subtracts the vector of an item.
    pub(super) fn subtract(&mut self, id: ItemId, modality: Modality, row: u32, vectors: &Vectors, dim: usize) {
        self.fingerprint = self.fingerprint.wrapping_sub(fingerprint(id, modality, row));
        accumulate(&mut self.sums[modality.index()], vectors.row(row, dim), -1.0);
    }

    /// The same sums after the rows of the vectors have changed, and nothing else.
    pub(super) fn with_rows_of(self, parts: &SnapshotParts) -> Self {
        Self { fingerprint: fingerprint_of(parts), ..self }
    }

    /// Whether these are sums of the same vectors, perhaps with other dimensions.
    pub(super) fn covers_same(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }

    /// The mean of `count` vectors of a modality.
    pub(super) fn mean(&self, modality: Modality, count: usize) -> impl Iterator<Item = f32> {
        self.sums[modality.index()].iter().map(move |sum| (sum / count as f64) as f32)
    }

    /// The sums stored for a model, if they are those of the items in `parts`.
    pub(super) fn load(
        connection: &Connection,
        model: i64,
        parts: &SnapshotParts,
        dim: usize,
    ) -> rusqlite::Result<Option<Self>> {
        if !super::catalog::has_column(connection, "sums", "fingerprint")? {
            return Ok(None);
        }
        let read = |row: &rusqlite::Row<'_>| {
            let stored = || Ok::<_, rusqlite::Error>((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, row.get(2)?));
            Ok(stored().ok())
        };
        let sql = "SELECT fingerprint, sums, crc FROM sums WHERE model = ?";
        let stored: Option<(i64, Vec<u8>, u32)> = connection.query_row(sql, [model], read).optional()?.flatten();
        let Some((fingerprint, bytes, crc)) = stored else { return Ok(None) };
        let fingerprint = fingerprint.cast_unsigned();
        let fits =
            bytes.len() == dim * 16 && crc == checksum(fingerprint, &bytes) && fingerprint == fingerprint_of(parts);
        if !fits {
            return Ok(None);
        }
        let values: Vec<f64> = bytes.as_chunks().0.iter().map(|bytes: &[u8; 8]| f64::from_le_bytes(*bytes)).collect();
        let (first, second) = values.split_at(dim);
        Ok(Some(Self { sums: [first.to_vec(), second.to_vec()], fingerprint }))
    }

    /// Stores the sums of a model.
    pub(super) fn save(&self, connection: &Connection, model: i64) -> rusqlite::Result<()> {
        let bytes: Vec<u8> = self.sums.iter().flatten().flat_map(|sum| sum.to_le_bytes()).collect();
        let crc = checksum(self.fingerprint, &bytes);
        connection
            .execute(
                "INSERT OR REPLACE INTO sums (model, fingerprint, sums, crc) VALUES (?, ?, ?, ?)",
                params![model, self.fingerprint.cast_signed(), bytes, crc],
            )
            .map(|_| ())
    }
}

fn checksum(fingerprint: u64, sums: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&fingerprint.to_le_bytes());
    hasher.update(sums);
    hasher.finalize()
}

/// Which items have which vectors, in any order.
fn fingerprint_of(parts: &SnapshotParts) -> u64 {
    let chunk = |(items, rows): (&std::sync::Arc<Vec<vicinity_core::Item>>, &std::sync::Arc<Vec<u32>>)| {
        let each = items.iter().zip(rows.iter()).map(|(item, row)| fingerprint(item.id, item.modality, *row));
        each.fold(0, u64::wrapping_add)
    };
    parts.chunks.par_iter().zip(&parts.vector_rows).map(chunk).reduce(|| 0, u64::wrapping_add)
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014), over what a sum depends on.
fn fingerprint(ItemId(id): ItemId, modality: Modality, row: u32) -> u64 {
    let mut z =
        (u64::from(id) << 33 | u64::from(row) << 1 | modality.index() as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Adds the dimensions of a vector that are in use, scaled to unit length.
fn accumulate(sum: &mut [f64], vector: Option<&[f32]>, mut factor: f64) {
    let Some(vector) = vector else { return };
    let seen = &vector[..vector.len().min(sum.len())];
    if seen.len() < vector.len() {
        let length = seen.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        factor = if length > 0.0 { factor / length } else { 0.0 };
    }
    for (sum, value) in sum.iter_mut().zip(seen) {
        *sum += f64::from(*value) * factor;
    }
}
