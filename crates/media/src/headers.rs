//! Headers of binary formats, checked by all their fields: a short word at the start of a file proves nothing, since a
//! text may begin with it.

use image::ImageFormat;

use super::bytes::{bytes_at, u16_le, u32_be, u32_le};
use super::formats::PictureFormat;
use super::picture::{heif, jp2, jxl, psd, raw, svg};

/// What a header says about the image after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureHeader {
    /// The format whose first bytes these are.
    pub format: PictureFormat,
    /// Its other fields are valid, too, so that nothing else begins like this.
    pub is_valid: bool,
}

/// The image format that a file begins with. `len` is the length of the file in bytes.
pub fn picture(head: &[u8], len: u64) -> Option<PictureHeader> {
    if let Some(format) = modern(head) {
        return Some(PictureHeader { format, is_valid: true });
    }
    let format = image::guess_format(head).ok()?;
    let is_valid = match format {
        ImageFormat::Bmp => is_bmp(head),
        ImageFormat::Pnm => is_pnm(head, len),
        ImageFormat::Gif => is_gif(head),
        ImageFormat::Ico => is_icon(head),
        ImageFormat::Dds => u32_le(head, 4) == Some(124),
        ImageFormat::Hdr => is_radiance(head),
        ImageFormat::Qoi => is_qoi(head),
        ImageFormat::Farbfeld => is_farbfeld(head, len),
        _ => true,
    };
    Some(PictureHeader { format: format.into(), is_valid })
}

/// Formats that the `image` crate does not know.
fn modern(head: &[u8]) -> Option<PictureFormat> {
    if raw::is_marked(head) {
        return Some(PictureFormat::Raw);
    }
    let heif = heif::format(head);
    if heif.is_some() {
        return heif;
    }
    if jxl::is_jxl(head) {
        return Some(PictureFormat::JpegXl);
    }
    if jp2::is_jp2(head) {
        return Some(PictureFormat::Jpeg2000);
    }
    if psd::is_psd(head) {
        return Some(PictureFormat::Photoshop);
    }
    svg::is_svg(head).then_some(PictureFormat::Svg)
}

/// Whether a file without a mark at its start is a Truevision picture: `tail` is its end.
pub fn is_tga(head: &[u8], tail: &[u8]) -> bool {
    is_tga_header(head) && tail.ends_with(b"TRUEVISION-XFILE.\0")
}

/// Whether the 18 bytes of a Truevision header fit together.
pub fn is_tga_header(head: &[u8]) -> bool {
    let Some(&[_, map, kind, ..]) = head.get(..18) else { return false };
    let coloured_by_map = matches!(kind, 1 | 9);
    let sized = u16_le(head, 12).is_some_and(|w| w > 0) && u16_le(head, 14).is_some_and(|h| h > 0);
    map <= 1
        && matches!(kind, 1..=3 | 9..=11)
        && (!coloured_by_map || map == 1)
        && sized
        && matches!(head[16], 8 | 15 | 16 | 24 | 32)
}

/// Windows and OS/2 bitmaps of all header versions, by the sizes that their fields give.
fn is_bmp(head: &[u8]) -> bool {
    let (Some(pixels_at), Some(size)) = (u32_le(head, 10), u32_le(head, 14)) else { return false };
    let core = size == 12;
    let [width, height, planes_at] = match core {
        true => [u16_le(head, 18).map(i64::from), u16_le(head, 20).map(i64::from), Some(22)],
        false => [i32_le(head, 18), i32_le(head, 22), Some(26)],
    };
    let at = planes_at.map_or(0, |at| at as usize);
    let (planes, bits) = (u16_le(head, at), u16_le(head, at + 2));
    matches!(size, 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124)
        && width.is_some_and(|w| w > 0)
        && height.is_some_and(|h| h != 0)
        && planes == Some(1)
        && bits.is_some_and(|b| matches!(b, 0 | 1 | 2 | 4 | 8 | 16 | 24 | 32))
        && (pixels_at == 0 || u64::from(pixels_at) >= 14 + u64::from(size))
}

/// The animation's screen, its colours, and the first block behind them.
fn is_gif(head: &[u8]) -> bool {
    let (Some(width), Some(height), Some(&flags)) = (u16_le(head, 6), u16_le(head, 8), head.get(10)) else {
        return false;
    };
    let colours = if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let block = 13 + colours;
    match head.get(block) {
        Some(b'!') => matches!(head.get(block + 1), Some(0x01 | 0xf9 | 0xfe | 0xff)),
        Some(b',') => {
            let field = |at: usize| u16_le(head, block + at).map(u32::from);
            match (field(1), field(3), field(5), field(7)) {
                (Some(left), Some(top), Some(w), Some(h)) => {
                    w > 0 && h > 0 && left + w <= u32::from(width).max(w) && top + h <= u32::from(height).max(h)
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// At least one entry whose picture is behind the list of entries.
fn is_icon(head: &[u8]) -> bool {
    let count = u16_le(head, 4).unwrap_or(0);
    let behind = 6 + 16 * u32::from(count);
    count > 0 && u32_le(head, 18).is_some_and(|at| at >= behind) && u32_le(head, 14).is_some_and(|bytes| bytes > 0)
}

/// A Radiance picture has an empty line and then its size: `-Y 512 +X 768`.
fn is_radiance(head: &[u8]) -> bool {
    let end = head.windows(2).position(|w| w == b"\n\n");
    let size = end.and_then(|end| head.get(end + 2..)).unwrap_or_default();
    matches!(size, [b'-' | b'+', b'X' | b'Y', b' ', digit, ..] if digit.is_ascii_digit())
}

fn is_qoi(head: &[u8]) -> bool {
    let size = |at| u32_be(head, at).is_some_and(|side| side > 0);
    size(4) && size(8) && matches!(head.get(12..14), Some([3 | 4, 0 | 1]))
}

fn is_farbfeld(head: &[u8], len: u64) -> bool {
    let side = |at| u32_be(head, at).map(u128::from).filter(|side| *side > 0);
    let pixels = side(8).zip(side(12)).map(|(w, h)| w * h);
    pixels.is_some_and(|pixels| u128::from(len) >= 16 + 8 * pixels)
}

/// The whole header of a portable any-map, and pixels as it promises them: written out as numbers, or as many bytes.
fn is_pnm(head: &[u8], len: u64) -> bool {
    let Some(&[b'P', kind]) = head.get(..2) else { return false };
    if kind == b'7' {
        let end = head.windows(6).position(|w| w == b"ENDHDR");
        let holds = |word: &[u8]| head[..end.unwrap_or(0)].windows(word.len()).any(|w| w == word);
        return head.starts_with(b"P7\n") && holds(b"WIDTH ") && holds(b"HEIGHT ") && holds(b"DEPTH ");
    }
    let mut at = 2;
    let bitmap = matches!(kind, b'1' | b'4');
    let numbers: Option<Vec<u64>> = (0..if bitmap { 2 } else { 3 }).map(|_| number(head, &mut at)).collect();
    let Some(numbers) = numbers else { return false };
    let (width, height, most) = (numbers[0], numbers[1], numbers.get(2).copied().unwrap_or(1));
    if width == 0 || height == 0 || !(1..=65_535).contains(&most) {
        return false;
    }
    let pixels = u128::from(width) * u128::from(height);
    let left = u128::from(len.saturating_sub(at as u64 + 1));
    let bytes = if most > 255 { 2 } else { 1 };
    match kind {
        b'1' => plain(&head[at..]).all(|b| matches!(b, b'0' | b'1')),
        b'2' | b'3' => plain(&head[at..]).all(|b| b.is_ascii_digit()),
        // A file that is cut says so by its pixels, which are no text.
        b'4' => left >= u128::from(width.div_ceil(8)) * u128::from(height),
        b'5' => left >= pixels * bytes,
        b'6' => left >= pixels * 3 * bytes,
        _ => false,
    }
}

/// The next number of an any-map's header, behind white space and comments.
fn number(head: &[u8], at: &mut usize) -> Option<u64> {
    let start = *at;
    loop {
        match head.get(*at)? {
            b'#' => *at += head[*at..].iter().position(|b| *b == b'\n')?,
            b if b.is_ascii_whitespace() => *at += 1,
            _ => break,
        }
    }
    let digits = head[*at..].iter().take_while(|b| b.is_ascii_digit()).count();
    let number = std::str::from_utf8(&head[*at..*at + digits]).ok()?.parse().ok()?;
    let parted = *at > start;
    *at += digits;
    let ends = head.get(*at).is_some_and(u8::is_ascii_whitespace);
    (parted && ends).then_some(number)
}

/// Bytes of pixels that are written out, without white space and comments.
fn plain(pixels: &[u8]) -> impl Iterator<Item = u8> {
    let mut in_comment = false;
    pixels.iter().copied().filter(move |b| {
        in_comment = match b {
            b'#' => true,
            b'\n' => false,
            _ => in_comment,
        };
        !in_comment && !b.is_ascii_whitespace()
    })
}

fn i32_le(head: &[u8], at: usize) -> Option<i64> {
    bytes_at(head, at).map(|b| i64::from(i32::from_le_bytes(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid(head: &[u8]) -> bool {
        picture(head, head.len() as u64).is_some_and(|header| header.is_valid)
    }

    /// A bitmap's headers: the size of the second one decides how its fields are laid out.
    fn bmp(size: u32, pixels_at: u32) -> Vec<u8> {
        let mut head = b"BM\xff\xff\xff\x7f\0\0\0\0".to_vec();
        head.extend(pixels_at.to_le_bytes());
        head.extend(size.to_le_bytes());
        if size == 12 {
            head.extend([3, 0, 2, 0, 1, 0, 24, 0]);
        } else {
            head.extend([3, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 1, 0, 24, 0]);
        }
        head.resize(14 + size as usize, 0);
        head
    }

    #[test]
    fn bitmaps_of_every_version_are_known_by_their_fields() {
        for size in [12, 40, 52, 56, 64, 108, 124] {
            assert!(valid(&bmp(size, 14 + size)), "header of {size} bytes");
            assert!(valid(&bmp(size, 1 << 20)), "pixels far behind a header of {size} bytes");
        }
        assert!(!valid(&bmp(41, 100)));
        assert!(!valid(b"BM 600 is a sculpture in the British Museum, made of bronze about 1897."));
    }

    #[test]
    fn any_maps_are_known_by_their_whole_header() {
        assert!(valid(b"P1\n# a note\n3 2\n101\n010\n"));
        assert!(valid(b"P2 3 2 15\n0 1 2 3 4 15 # last\n"));
        assert!(valid(b"P5\n2 2\n255\nabcd"));
        assert!(valid(b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 3\nMAXVAL 255\nENDHDR\nabcdef"));
        for text in [
            "P1 incidents of this week: the database was down.",
            "P1 3 2 people were hurt",
            "P2 10 20 30 and more",
            "P5 2 2 255",
            "P6\n300 200\n255\nis what the first lines look like",
            "P7 is a pentatonic scale",
        ] {
            assert!(!valid(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn words_that_other_formats_begin_with_prove_nothing() {
        for text in [
            "GIF89a is older, than you think; it can move!",
            "GIF87a, the format of 1987",
            "DDS Miller cleaned my teeth on Monday.",
            "qoif is the magic word of the QOI format.",
            "farbfeld is a format of pictures, simple as can be.",
            "#?RADIANCE is what these files begin with.\n\nThey are old.",
        ] {
            assert!(!valid(text.as_bytes()), "{text}");
        }
        assert!(valid(b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"));
        assert!(valid(b"qoif\0\0\0\x01\0\0\0\x01\x03\0\xfe\0\0\0"));
        assert!(valid(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n\0\0\0\0"));
    }
}
