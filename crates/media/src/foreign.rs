//! Files that are neither pictures that can be decoded nor texts, by headers of which more than the first word is
//! right; and documents and images that are reported to the user as unreadable.

use super::bytes::{u16_le, u32_be, u32_le};
use super::formats::{PictureFormat, UnreadFormat};
use super::picture::heif;

/// The format of a file with valid fields, if the user should be told that it cannot be read.
pub fn unread(head: &[u8]) -> Option<UnreadFormat> {
    let picture = |name| UnreadFormat { name, is_document: false };
    document(head).map(|name| UnreadFormat { name, is_document: true }).or_else(|| unread_picture(head).map(picture))
}

fn unread_picture(head: &[u8]) -> Option<&'static str> {
    let starts = |magic: &[u8]| head.starts_with(magic);
    if cfg!(not(feature = "heic")) && heif::format(head) == Some(PictureFormat::Heic) {
        return Some("HEIC images");
    }
    if starts(b"\x01\xda") && matches!(head.get(2..4), Some([0 | 1, 1 | 2])) {
        return Some("SGI images");
    }
    if starts(b"Y\xa6j\x95") && matches!(u32_be(head, 20), Some(0..=5)) {
        return Some("Sun raster images");
    }
    if is_pcx(head) {
        return Some("PCX images");
    }
    // Pictures that are written in plain characters: only what follows their first word tells.
    let is_xpm = head.starts_with(b"/* XPM */") && holds(head, b"static") && holds(head, b"char");
    is_xpm.then_some("XPM images")
}

fn holds(head: &[u8], word: &[u8]) -> bool {
    head.windows(word.len()).any(|w| w == word)
}

/// Documents that are programs in plain characters: only what follows their first word tells.
fn document(head: &[u8]) -> Option<&'static str> {
    let version = |at: usize| {
        matches!(head.get(at..at + 4), Some([a, b'.', b, b'\r' | b'\n' | b' ' | b'%'])
        if a.is_ascii_digit() && b.is_ascii_digit())
    };
    if (head.starts_with(b"%!PS-Adobe-") && version(11) && holds(head, b"\n%%"))
        || head.starts_with(b"\xc5\xd0\xd3\xc6")
    {
        return Some("PostScript documents");
    }
    None
}

fn is_pcx(head: &[u8]) -> bool {
    let window = [4, 6, 8, 10].map(|at| u16_le(head, at).unwrap_or(0));
    matches!(head.get(..4), Some([10, 0 | 2..=5, 0 | 1, 1 | 2 | 4 | 8]))
        && head.get(64) == Some(&0)
        && window[0] <= window[2]
        && window[1] <= window[3]
        && matches!(head.get(65), Some(1..=4))
}

/// The brand of an ISO base media file whose first box has a possible size.
fn brand(head: &[u8]) -> Option<&[u8]> {
    let size = u32_be(head, 0)?;
    (head.get(4..8) == Some(b"ftyp") && (8..=4096).contains(&size)).then(|| head.get(8..12)).flatten()
}

/// Whether a file is an archive, a video, audio, a program or similar, by a header that no text has.
pub fn is_foreign(head: &[u8]) -> bool {
    let any = |all: &[&[u8]]| all.iter().any(|magic| head.starts_with(magic));
    let packed = any(&[
        b"PK\x03\x04",
        b"PK\x05\x06",
        b"\x1f\x8b",
        b"7z\xbc\xaf\x27\x1c",
        b"Rar!\x1a\x07",
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
    ]);
    let bzip =
        head.starts_with(b"BZh") && matches!(head.get(3..10), Some([b'1'..=b'9', b'1', b'A', b'Y', b'&', b'S', b'Y']));
    let library = head.starts_with(b"!<arch>\n") && head.get(66..68) == Some(b"`\n");
    let film = brand(head).is_some() || any(&[b"\x1aE\xdf\xa3", b"\0\0\x01\xba"]) || riff(head) == Some(b"AVI ");
    let sound = any(&[b"OggS\0", b"fLaC\0", b"MThd\0\0\0\x06"]) || matches!(riff(head), Some(b"WAVE" | b"RMID"));
    let font = any(&[b"\x00\x01\x00\x00\x00", b"wOFF\0\x01", b"wOFFOTTO", b"wOF2\0\x01", b"wOF2OTTO", b"OTTO\0"]);
    let program = any(&[b"\x7fELF", b"\0asm", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe"]);
    let data =
        any(&[b"SQLite format 3\0", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\xde\x12\x04\x95", b"\x95\x04\x12\xde"]);
    packed
        || bzip
        || library
        || is_tar(head)
        || film
        || sound
        || is_id3(head)
        || font
        || program
        || is_windows_program(head)
        || data
}

fn riff(head: &[u8]) -> Option<&[u8]> {
    (head.starts_with(b"RIFF") || head.starts_with(b"RF64")).then(|| head.get(8..12)).flatten()
}

/// An ID3 tag: version 2 to 4, no unknown flags, and a size of four 7-bit numbers.
fn is_id3(head: &[u8]) -> bool {
    matches!(head.get(..10), Some([b'I', b'D', b'3', 2..=4, 0..=9, flags, size @ ..])
        if flags & 0x0f == 0 && size.iter().all(|b| *b < 128))
}

/// A program for DOS or Windows: its pages, and where its header ends.
fn is_windows_program(head: &[u8]) -> bool {
    let at = u32_le(head, 60).unwrap_or(0) as usize;
    let newer = head.get(at..).is_some_and(|rest| rest.starts_with(b"PE\0\0") || rest.starts_with(b"NE"));
    let pages = u16_le(head, 4).unwrap_or(0);
    let of_dos =
        u16_le(head, 2).is_some_and(|last| last < 512) && pages > 0 && u16_le(head, 8).is_some_and(|p| p < 4096);
    head.starts_with(b"MZ") && (newer && at >= 64 || of_dos)
}

/// A tar archive by the sum of its first header (POSIX.1-1988).
fn is_tar(head: &[u8]) -> bool {
    let Some(header) = head.get(..512) else { return false };
    let written = std::str::from_utf8(&header[148..156]).unwrap_or_default();
    let written = u32::from_str_radix(written.trim_matches(|c: char| c == '\0' || c == ' '), 8).unwrap_or(0);
    let sum: u32 =
        header.iter().enumerate().map(|(at, b)| if (148..156).contains(&at) { 32 } else { u32::from(*b) }).sum();
    written > 0 && written == sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words_of_other_formats_prove_nothing() {
        for text in [
            "MZ motorcycles: a note about an old two-stroke engine that was built in Zschopau until the year 1993.",
            "ID3 tags hold artist and album of a song.",
            "OTTO is a palindrome",
            "OggS and fLaC are magic words",
            "RIFF raff, WAVE your hands",
            "BZh91 was here",
            "Rar! said the lion",
            "!<arch>\nis how libraries begin, which is not known to everybody who has one",
            "SQLite format 3 is the format of version 3",
            "MThd is the header of MIDI",
            "free ftypes and other words",
            "8BPS is the magic of Photoshop",
            "%PDF-1.7\nis the format that I use most",
            "%!PS-Adobe-3.0 is a comment",
            "/* XPM */ pictures are C",
            "<svg> is an element, see <?xml and others",
        ] {
            assert!(!is_foreign(text.as_bytes()), "{text}");
            assert_eq!(unread(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn whole_headers_do() {
        let found = |head: &[u8]| unread(head).map(|format| (format.name, format.is_document));
        assert_eq!(found(b"%!PS-Adobe-3.0\n%%Pages: 1\n"), Some(("PostScript documents", true)));
        assert!(is_foreign(b"ID3\x03\0\0\0\0\x0f\x76TIT2"));
        let mut tar = vec![0; 512];
        tar[..5].copy_from_slice(b"a.txt");
        let sum = tar.iter().map(|b| u32::from(*b)).sum::<u32>() + 8 * 32;
        tar[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        assert!(is_foreign(&tar));
    }
}
