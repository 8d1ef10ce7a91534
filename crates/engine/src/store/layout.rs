//! Map positions stored between sessions by item id, in a file that may be deleted at any time.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

use super::{Store, StoreError, vectors};
use crate::Snapshot;
use vicinity_core::atomic_file::AtomicFile;
use vicinity_core::{ItemId, Layout, LayoutMethod, MapPos};
use vicinity_models::ModelKey;

const MAGIC: [u8; 8] = *b"VICMAP\0\x02";
/// Magic, hash of the rest, model key, method, trustworthiness, settled rows.
const HEADER: usize = 8 + 32 + 32 + 4 + 4 + 4;

/// Stores a layout of a snapshot's epoch in its library. Needs no [`Store`]: the file is replaced atomically and applies
/// to whichever items exist when it is read.
///
/// # Errors
/// When the folder cannot be written.
pub fn save_layout(snapshot: &Snapshot, layout: &Layout) -> Result<(), StoreError> {
    if layout.epoch != snapshot.epoch() {
        return Ok(());
    }
    let key = layout_key(snapshot);
    let mut body = Vec::with_capacity(HEADER + layout.positions.len() * 12);
    body.extend(key);
    body.extend(u32::from(layout.method == LayoutMethod::Umap).to_le_bytes());
    body.extend(layout.trustworthiness.unwrap_or(f32::NAN).to_le_bytes());
    body.extend((layout.settled as u32).to_le_bytes());
    for (item, pos) in snapshot.items().zip(&layout.positions) {
        body.extend(item.id.0.to_le_bytes());
        body.extend(pos.x.to_le_bytes());
        body.extend(pos.y.to_le_bytes());
    }
    let path = layout_file(snapshot);
    let write = || {
        let mut file = AtomicFile::create(&path)?;
        file.write_all(&MAGIC)?;
        file.write_all(blake3::hash(&body).as_bytes())?;
        file.write_all(&body)?;
        file.commit()
    };
    write().map_err(|error| StoreError::io(&snapshot.parts().library, &path, error))
}

/// The stored layout for the rows of a snapshot; `None` if there is none of this model. It may have fewer positions than
/// the snapshot has rows: later items have none.
pub fn load_layout(snapshot: &Snapshot) -> Option<Layout> {
    let bytes = std::fs::read(layout_file(snapshot)).ok()?;
    let (header, entries) = bytes.split_at_checked(HEADER)?;
    let whole = header[..8] == MAGIC && header[8..40] == *blake3::hash(&bytes[40..]).as_bytes();
    if !whole || header[40..72] != layout_key(snapshot) {
        return None;
    }
    let word = |bytes: &[u8]| bytes.try_into().map(u32::from_le_bytes).ok();
    let settled = word(&header[80..84])? as usize;
    let known: HashMap<ItemId, (MapPos, bool)> = entries
        .chunks_exact(12)
        .enumerate()
        .filter_map(|(row, e)| {
            let pos = MapPos { x: f32::from_bits(word(&e[4..8])?), y: f32::from_bits(word(&e[8..12])?) };
            Some((ItemId(word(&e[..4])?), (pos, row < settled)))
        })
        .collect();
    let kept: Vec<_> = snapshot.items().map_while(|item| known.get(&item.id).copied()).collect();
    let settled = kept.iter().take_while(|(_, settled)| *settled).count();
    let positions: Vec<MapPos> = kept.into_iter().map(|(pos, _)| pos).collect();
    let trustworthiness = f32::from_bits(word(&header[76..80])?);
    (!positions.is_empty()).then_some(Layout {
        method: if word(&header[72..76])? == 1 { LayoutMethod::Umap } else { LayoutMethod::Pca },
        epoch: snapshot.epoch(),
        positions,
        settled,
        trustworthiness: Some(trustworthiness).filter(|t| !t.is_nan()),
        generation: 0,
    })
}

/// Each number of dimensions has its own layout.
fn layout_key(snapshot: &Snapshot) -> [u8; 32] {
    vectors::key_hash(&ModelKey { dim: snapshot.dim(), ..snapshot.parts().model.clone() })
}

fn layout_file(snapshot: &Snapshot) -> PathBuf {
    let key = layout_key(snapshot);
    let name = format!("layout-{}.bin", hex::encode(&key[..4]));
    snapshot.parts().library.join(name)
}

impl Store {
    /// Stores a layout of the current epoch.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn save_layout(&self, layout: &Layout) -> Result<(), StoreError> {
        self.writable()?;
        save_layout(&self.snapshot, layout)
    }

    /// The stored layout for the rows of the current snapshot.
    pub fn load_layout(&self) -> Option<Layout> {
        load_layout(&self.snapshot)
    }
}
