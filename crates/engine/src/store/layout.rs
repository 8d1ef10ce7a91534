//! Map positions stored between sessions by item id, those that the user brought by the row that they belong to, in a file that may be deleted at any time.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

use super::{Store, StoreError, vectors};
use crate::Snapshot;
use vicinity_core::atomic_file::AtomicFile;
use vicinity_core::{Item, Layout, LayoutMethod, MapPos};
use vicinity_models::ModelKey;

const MAGIC: [u8; 8] = *b"VICMAP\0\x02";
/// Magic, hash of the rest, model key, method, trustworthiness, settled rows.
const HEADER: usize = 8 + 32 + 32 + 4 + 4 + 4;

/// By the numbers that stand for them in the file.
const LAYOUT_METHODS: [LayoutMethod; 3] = [LayoutMethod::Pca, LayoutMethod::Umap, LayoutMethod::Own];

fn number_of(method: LayoutMethod) -> u32 {
    LAYOUT_METHODS.iter().position(|known| *known == method).unwrap_or_default() as u32
}

/// What a position belongs to. Rows stay when their items are imported again.
fn entry_key(item: &Item, method: LayoutMethod) -> u32 {
    match method {
        LayoutMethod::Own => item.part.map_or(0, |part| part.code().get()),
        LayoutMethod::Pca | LayoutMethod::Umap | LayoutMethod::Axes => item.id.0,
    }
}

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
    body.extend(number_of(layout.method).to_le_bytes());
    body.extend(layout.trustworthiness.unwrap_or(f32::NAN).to_le_bytes());
    body.extend((layout.settled as u32).to_le_bytes());
    for (item, pos) in snapshot.items().zip(&layout.positions) {
        body.extend(entry_key(item, layout.method).to_le_bytes());
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
    let method = LAYOUT_METHODS.get(word(&header[72..76])? as usize).copied()?;
    let known: HashMap<u32, (MapPos, bool)> = entries
        .chunks_exact(12)
        .enumerate()
        .filter_map(|(row, e)| {
            let pos = MapPos { x: f32::from_bits(word(&e[4..8])?), y: f32::from_bits(word(&e[8..12])?) };
            Some((word(&e[..4])?, (pos, row < settled)))
        })
        .collect();
    let kept: Vec<_> = snapshot.items().map_while(|item| known.get(&entry_key(item, method)).copied()).collect();
    let settled = kept.iter().take_while(|(_, settled)| *settled).count();
    let positions: Vec<MapPos> = kept.into_iter().map(|(pos, _)| pos).collect();
    let trustworthiness = f32::from_bits(word(&header[76..80])?);
    (!positions.is_empty()).then_some(Layout {
        method,
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

/// Name of the file with the layout of a model with all of its dimensions.
pub(super) fn file_name(model: &ModelKey) -> String {
    name_of(&vectors::key_hash(model))
}

fn name_of(key: &[u8; 32]) -> String {
    format!("layout-{}.bin", hex::encode(&key[..4]))
}

fn layout_file(snapshot: &Snapshot) -> PathBuf {
    snapshot.parts().library.join(name_of(&layout_key(snapshot)))
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
