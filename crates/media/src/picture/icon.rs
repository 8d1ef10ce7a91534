//! Icons and cursors: the largest of their images, whatever its depth.

use super::limits::pixels_of;
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
    let mut best: Option<Entry> = None;
    let mut error = PictureError::DamagedIcon;
    for directory in bytes.get(6..).unwrap_or_default().chunks_exact(16).take(count) {
        match Entry::read(bytes, directory) {
            Ok(found) if best.as_ref().is_none_or(|best| found.rank() > best.rank()) => best = Some(found),
            Ok(_) => {}
            Err(refused) => error = refused,
        }
    }
    // Only this one is copied: all entries may claim the whole file.
    best.map(|best| best.main()).ok_or(error)
}

/// Width and height of the main image.
pub fn size(bytes: &[u8]) -> Option<[u32; 2]> {
    match main(bytes).ok()? {
        Main::Png(png) => png::size(png),
        Main::Bitmap(icon) => Some([6, 7].map(|at| icon.get(at).map_or(0, |side| (u32::from(*side) + 255) % 256 + 1))),
    }
}

/// An image of an icon.
struct Entry<'a> {
    size: [u32; 2],
    depth: u16,
    is_png: bool,
    /// The image, and what follows it.
    content: &'a [u8],
    /// Bytes of the image, as the icon says.
    len: usize,
}

impl<'a> Entry<'a> {
    fn read(bytes: &'a [u8], directory: &[u8]) -> Result<Self, PictureError> {
        let at = |at: usize| directory.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let start = at(12).ok_or(PictureError::DamagedIcon)? as usize;
        let content = bytes.get(start..).filter(|content| !content.is_empty()).ok_or(PictureError::CutShort)?;
        let len = (at(8).ok_or(PictureError::DamagedIcon)? as usize).min(content.len());
        if content.starts_with(png::SIGNATURE) {
            let size = png::size(content).ok_or(PictureError::DamagedIcon)?;
            check(size)?;
            return Ok(Self { size, depth: 32, is_png: true, content, len });
        }
        let side = |at: usize| {
            let bytes = content.get(at..at + 4).ok_or(PictureError::CutShort)?;
            Ok::<_, PictureError>(i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]).unsigned_abs())
        };
        let size = [side(4)?, side(8)? / 2];
        check(size)?;
        let depth = content.get(14..16).map_or(0, |b| u16::from_le_bytes([b[0], b[1]]));
        Ok(Self { size, depth, is_png: false, content, len })
    }

    /// The higher, the better: pixels, then depth.
    fn rank(&self) -> (u64, u16) {
        (pixels_of(self.size), self.depth)
    }

    fn main(&self) -> Main<'a> {
        if self.is_png {
            return Main::Png(self.content);
        }
        // An icon of this entry alone, its size as the bitmap has it: cursors use the other fields otherwise.
        let [width, height] = self.size.map(|side| u8::try_from(side).unwrap_or(0));
        let mut icon = vec![0, 0, 1, 0, 1, 0, width, height, 0, 0, 1, 0];
        icon.extend(self.depth.to_le_bytes());
        icon.extend((self.len as u32).to_le_bytes());
        icon.extend(22u32.to_le_bytes());
        icon.extend(self.content.get(..self.len).unwrap_or(self.content));
        Main::Bitmap(icon)
    }
}

fn check([width, height]: [u32; 2]) -> Result<(), PictureError> {
    if width > MAX_SIDE || height > MAX_SIDE {
        return Err(PictureError::IconTooLarge { width, height });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Copies of them all would be a terabyte.
    #[test]
    fn only_the_main_image_is_copied() {
        let count = u16::MAX;
        let start = 6 + 16 * u32::from(count);
        let mut bytes = [&[0, 0, 1, 0][..], &count.to_le_bytes()].concat();
        for _ in 0..count {
            bytes.extend([16, 16, 0, 0, 1, 0, 32, 0]);
            bytes.extend([u32::MAX.to_le_bytes(), start.to_le_bytes()].concat());
        }
        bytes.extend([40, 16, 32].map(u32::to_le_bytes).concat());
        bytes.resize(start as usize + (16 << 20), 0);
        assert_eq!(size(&bytes), Some([16, 16]));
    }
}
