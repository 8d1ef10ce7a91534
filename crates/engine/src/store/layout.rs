//! Positions on the map, kept between sessions by item number; a file that may be deleted at any time.

use std::collections::HashMap;
use std::path::PathBuf;

use super::{Store, StoreError, vectors};
use vicinity_core::{ItemId, Layout, LayoutMethod, MapPos};
use vicinity_models::ModelKey;

const MAGIC: [u8; 8] = *b"VICMAP\0\x02";
/// Magic, hash of the rest, model key, method, trustworthiness, settled rows.
const HEADER: usize = 8 + 32 + 32 + 4 + 4 + 4;

impl Store {
    /// Keeps a layout of the current epoch.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn save_layout(&self, layout: &Layout) -> Result<(), StoreError> {
        self.writable()?;
        if layout.epoch != self.snapshot.epoch() {
            return Ok(());
        }
        let mut body = Vec::with_capacity(HEADER + layout.positions.len() * 12);
        body.extend(self.layout_key());
        body.extend(u32::from(layout.method == LayoutMethod::Umap).to_le_bytes());
        body.extend(layout.trustworthiness.unwrap_or(f32::NAN).to_le_bytes());
        body.extend((layout.settled as u32).to_le_bytes());
        for (item, pos) in self.snapshot.items().zip(&layout.positions) {
            body.extend(item.id.0.to_le_bytes());
            body.extend(pos.x.to_le_bytes());
            body.extend(pos.y.to_le_bytes());
        }
        let mut bytes = MAGIC.to_vec();
        bytes.extend(blake3::hash(&body).as_bytes());
        bytes.extend(body);
        let (path, beside) = (self.layout_file(), self.dir.join("layout.tmp"));
        let written = std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, &path));
        written.map_err(|error| {
            let _best_effort = std::fs::remove_file(&beside);
            StoreError::io(&self.dir, &path, error)
        })
    }

    /// The layout kept, for the rows of the current snapshot; `None` where there is none, or not of this model.
    /// It may have fewer positions than the snapshot has rows: what was added since has none.
    pub fn load_layout(&self) -> Option<Layout> {
        let bytes = std::fs::read(self.layout_file()).ok()?;
        let (header, entries) = bytes.split_at_checked(HEADER)?;
        let whole = header[..8] == MAGIC && header[8..40] == *blake3::hash(&bytes[40..]).as_bytes();
        if !whole || header[40..72] != self.layout_key() {
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
        let kept: Vec<_> = self.snapshot.items().map_while(|item| known.get(&item.id).copied()).collect();
        let settled = kept.iter().take_while(|(_, settled)| *settled).count();
        let positions: Vec<MapPos> = kept.into_iter().map(|(pos, _)| pos).collect();
        let trustworthiness = f32::from_bits(word(&header[76..80])?);
        (!positions.is_empty()).then_some(Layout {
            method: if word(&header[72..76])? == 1 { LayoutMethod::Umap } else { LayoutMethod::Pca },
            epoch: self.snapshot.epoch(),
            positions,
            settled,
            trustworthiness: Some(trustworthiness).filter(|t| !t.is_nan()),
            generation: 0,
        })
    }

    /// Each number of dimensions has its own map.
    fn layout_key(&self) -> [u8; 32] {
        vectors::key_hash(&ModelKey { dim: self.state.dim(), ..self.state.parts.model.clone() })
    }

    fn layout_file(&self) -> PathBuf {
        let key = self.layout_key();
        self.dir.join(format!("layout-{:02x}{:02x}{:02x}{:02x}.bin", key[0], key[1], key[2], key[3]))
    }
}
