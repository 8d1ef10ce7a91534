//! The containers of videos, by their first bytes.

use crate::bytes::u32_be;

/// A container of videos that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoFormat {
    /// MP4, QuickTime, 3GP.
    Mp4,
    /// Matroska and WebM.
    Matroska,
    /// AVI.
    Avi,
    /// MPEG transport stream.
    MpegTs,
    /// MPEG program stream.
    MpegPs,
    /// Ogg.
    Ogg,
    /// ASF, for Windows Media.
    Asf,
    /// Flash video.
    Flv,
}

impl VideoFormat {
    /// The name of ffmpeg's reader for it.
    pub(super) fn demuxer(self) -> &'static str {
        match self {
            Self::Mp4 => "mov",
            Self::Matroska => "matroska",
            Self::Avi => "avi",
            Self::MpegTs => "mpegts",
            Self::MpegPs => "mpeg",
            Self::Ogg => "ogg",
            Self::Asf => "asf",
            Self::Flv => "flv",
        }
    }
}

/// Bytes at the beginning in which the kind of a Matroska or Ogg file is named.
const NAMED_WITHIN: usize = 4096;
/// Brands of files in boxes that are pictures or sound.
const OTHER_BRANDS: &[&[u8; 4]] = &[
    b"mif1", b"mif2", b"msf1", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"avif", b"avis", b"avio",
    b"jxl ", b"crx ", b"jp2 ", b"jpx ", b"jpm ", b"mjp2", b"M4A ", b"M4B ", b"M4P ", b"aax ",
];

/// The container that a file begins as.
pub fn detect(head: &[u8]) -> Option<VideoFormat> {
    let starts = |magic: &[u8]| head.starts_with(magic);
    let names = |word: &[u8]| head[..head.len().min(NAMED_WITHIN)].windows(word.len()).any(|found| found == word);
    let found = match () {
        () if is_mp4(head) => VideoFormat::Mp4,
        () if starts(b"\x1aE\xdf\xa3") && (names(b"matroska") || names(b"webm")) => VideoFormat::Matroska,
        () if (starts(b"RIFF") || starts(b"RF64")) && head.get(8..12) == Some(b"AVI ") => VideoFormat::Avi,
        () if starts(b"\0\0\x01\xba") => VideoFormat::MpegPs,
        () if starts(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c") => VideoFormat::Asf,
        () if starts(b"FLV\x01") && matches!(head.get(4..9), Some([0..=5, 0, 0, 0, 9])) => VideoFormat::Flv,
        () if starts(b"OggS\0") && (names(b"\x80theora") || names(b"BBCD\0") || names(b"OVP80")) => VideoFormat::Ogg,
        () if is_transport_stream(head) => VideoFormat::MpegTs,
        () => return None,
    };
    Some(found)
}

/// An ISO base media file that is no picture and no sound, or a QuickTime file of before there were brands.
fn is_mp4(head: &[u8]) -> bool {
    let (Some(size), Some(kind)) = (u32_be(head, 0), head.get(4..8)) else { return false };
    match kind {
        b"ftyp" => {
            let brand = head.get(8..12).unwrap_or_default();
            (16..=4096).contains(&size) && !OTHER_BRANDS.iter().any(|other| other[..] == *brand)
        }
        b"wide" => size == 8,
        b"moov" => (8..1 << 24).contains(&size) && matches!(head.get(12..16), Some(b"mvhd" | b"cmov")),
        b"mdat" => size >> 24 == 0,
        _ => false,
    }
}

/// Packets of 188 bytes, of 192 where each has a time before it (m2ts).
fn is_transport_stream(head: &[u8]) -> bool {
    let is_stream = |start: usize, len: usize| (0..8).all(|packet| head.get(start + packet * len) == Some(&0x47));
    // No text has these.
    let is_binary = head.iter().take(8 * 188).any(|byte| *byte < 9);
    is_binary && (is_stream(0, 188) || is_stream(4, 192))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_told_by_more_than_their_first_word() {
        assert_eq!(detect(b"\0\0\0\x18ftypmp42\0\0\0\0"), Some(VideoFormat::Mp4));
        assert_eq!(detect(b"\0\0\0\x08wide\0\0\0\0mdat"), Some(VideoFormat::Mp4));
        assert_eq!(detect(b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm"), Some(VideoFormat::Matroska));
        assert_eq!(detect(b"FLV\x01\x05\0\0\0\x09\0\0\0\0"), Some(VideoFormat::Flv));
        for other in [
            &b"\0\0\0\x18ftypheic\0\0\0\0"[..],
            b"\0\0\0\x18ftypM4A \0\0\0\0",
            b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84mka!",
            b"#EXTM3U\n#EXTINF:10,\nhttp://example.com/a.ts\n",
            b"ffconcat version 1.0\nfile /etc/passwd\n",
            b"v=0\no=- 0 0 IN IP4 127.0.0.1\n",
            b"FLV\x01 and other formats",
            b"OggS\0\x02\0\0\0\0\0\0\0\0\x01vorbis",
            b"",
        ] {
            assert_eq!(detect(other), None, "{}", other.escape_ascii());
        }
        let text: Vec<u8> = (0..2000).map(|at| if at % 188 == 0 { b'G' } else { b'o' }).collect();
        assert_eq!(detect(&text), None);
    }
}
