//! Icons and cursors: the largest of their images, whatever its depth.

use super::png;
use crate::error::PictureError;

/// The pictures within an icon may claim any size, and the decoder believes them before it looks: 198 bytes can ask
/// for gigabytes, and a failed allocation ends the process. So the claims are read first.
const MAX_SIDE: u32 = 4096;

/// One image of an icon.
pub enum Main<'a> {
    /// A PNG file.
    Png(&'a [u8]),
    /// An icon of this one bitmap.
    Bitmap(Vec<u8>),
}

/// The icon's main image.
///
/// # Errors
/// When there is none, or one that claims to be enormous.
pub fn main(bytes: &[u8]) -> Result<Main<'_>, PictureError> {
    let count =
        bytes.get(4..6).map(|b| usize::from(u16::from_le_bytes([b[0], b[1]]))).ok_or(PictureError::DamagedIcon)?;
    let mut best: Option<(u64, u16, Main)> = None;
    let mut error = PictureError::DamagedIcon;
    for directory in bytes.get(6..).unwrap_or_default().chunks_exact(16).take(count) {
        match entry(bytes, directory) {
            Ok(found) if best.as_ref().is_none_or(|best| (found.0, found.1) > (best.0, best.1)) => best = Some(found),
            Ok(_) => {}
            Err(refused) => error = refused,
        }
    }
    best.map(|(_, _, main)| main).ok_or(error)
}

/// Width and height of the main image.
pub fn size(bytes: &[u8]) -> Option<[u32; 2]> {
    match main(bytes).ok()? {
        Main::Png(png) => png::size(png),
        Main::Bitmap(icon) => Some([6, 7].map(|at| icon.get(at).map_or(0, |side| (u32::from(*side) + 255) % 256 + 1))),
    }
}

/// Pixels, depth and content of an entry.
fn entry<'a>(bytes: &'a [u8], directory: &[u8]) -> Result<(u64, u16, Main<'a>), PictureError> {
    let at = |at: usize| directory.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let start = at(12).ok_or(PictureError::DamagedIcon)? as usize;
    let content = bytes.get(start..).filter(|content| !content.is_empty()).ok_or(PictureError::CutShort)?;
    if content.starts_with(png::SIGNATURE) {
        let [width, height] = png::size(content).ok_or(PictureError::DamagedIcon)?;
        check(width, height)?;
        return Ok((u64::from(width) * u64::from(height), 32, Main::Png(content)));
    }
    let side = |at: usize| {
        let bytes = content.get(at..at + 4).ok_or(PictureError::CutShort)?;
        Ok::<_, PictureError>(i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]).unsigned_abs())
    };
    let (width, height) = (side(4)?, side(8)? / 2);
    check(width, height)?;
    let depth = content.get(14..16).map_or(0, |b| u16::from_le_bytes([b[0], b[1]]));
    // An icon of this entry alone, its size as the bitmap has it: cursors use the other fields otherwise.
    let byte = |side: u32| u8::try_from(side).unwrap_or(0);
    let mut icon = vec![0, 0, 1, 0, 1, 0, byte(width), byte(height), 0, 0, 1, 0];
    icon.extend(depth.to_le_bytes());
    let len = (at(8).ok_or(PictureError::DamagedIcon)? as usize).min(content.len());
    icon.extend((len as u32).to_le_bytes());
    icon.extend(22u32.to_le_bytes());
    icon.extend(&content[..len]);
    Ok((u64::from(width) * u64::from(height), depth, Main::Bitmap(icon)))
}

fn check(width: u32, height: u32) -> Result<(), PictureError> {
    if width > MAX_SIDE || height > MAX_SIDE {
        return Err(PictureError::IconTooLarge { width, height });
    }
    Ok(())
}
