//! The stored samples of a raw photo, put together from its strips or tiles.

use super::tags::{Compression, RawTags};
use super::{lossless_jpeg, unsupported};
use crate::error::PictureError;

/// All samples, by rows, columns and channels.
///
/// # Errors
/// When the file ends too early, is damaged, or compressed in another way than it says.
pub fn read(bytes: &[u8], tags: &RawTags) -> Result<Vec<u16>, PictureError> {
    let [width, height] = tags.size.map(|side| side as usize);
    let [piece_width, piece_height] = tags.piece.map(|side| side as usize);
    let across = width.div_ceil(piece_width).max(1);
    let mut samples = vec![0; width * height * tags.channels];
    for (index, (offset, len)) in tags.pieces.iter().enumerate() {
        let (left, top) = (index % across * piece_width, index / across * piece_height);
        let rows = if tags.is_tiled { piece_height } else { piece_height.min(height.saturating_sub(top)) };
        let data = part(bytes, *offset, *len).ok_or(PictureError::CutShort)?;
        let wanted = left * tags.channels..(left + piece_width).min(width) * tags.channels;
        let mut put = |row: usize, values: &mut dyn Iterator<Item = u16>| {
            let at = (top + row) * width * tags.channels;
            if let Some(line) = samples.get_mut(at + wanted.start..at + wanted.end).filter(|_| top + row < height) {
                line.iter_mut().zip(values).for_each(|(sample, value)| *sample = value);
            }
        };
        let per_row = piece_width * tags.channels;
        match tags.compression {
            Compression::None => {
                let bytes_per_row = (per_row * tags.bits as usize).div_ceil(8);
                for row in 0..rows.min(height.saturating_sub(top)) {
                    let line = data.get(row * bytes_per_row..(row + 1) * bytes_per_row);
                    unpack(line.ok_or(PictureError::CutShort)?, tags, |values| put(row, values));
                }
            }
            Compression::LosslessJpeg => {
                let decoded = lossless_jpeg::decode(data, per_row * rows)?;
                if decoded.len() != per_row * rows {
                    return Err(unsupported());
                }
                decoded.chunks_exact(per_row).enumerate().for_each(|(row, line)| put(row, &mut line.iter().copied()));
            }
        }
    }
    Ok(samples)
}

fn part(bytes: &[u8], offset: u64, len: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    bytes.get(start..start.checked_add(usize::try_from(len).ok()?)?)
}

/// The samples of a row: of 8 bits, of 16 bits in the order of the file, or packed with the most significant bit first.
fn unpack(line: &[u8], tags: &RawTags, use_them: impl FnOnce(&mut dyn Iterator<Item = u16>)) {
    match (tags.bits, tags.big_endian) {
        (8, _) => use_them(&mut line.iter().map(|byte| u16::from(*byte))),
        (16, true) => use_them(&mut line.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair))),
        (16, false) => use_them(&mut line.as_chunks().0.iter().map(|pair| u16::from_le_bytes(*pair))),
        (bits, _) => {
            let (mut held, mut count, mut bytes) = (0_u32, 0_u32, line.iter());
            use_them(&mut std::iter::from_fn(move || {
                while count < bits {
                    held = held << 8 | u32::from(*bytes.next()?);
                    count += 8;
                }
                count -= bits;
                let value = held >> count & ((1 << bits) - 1);
                held &= (1 << count) - 1;
                Some(value as u16)
            }));
        }
    }
}
