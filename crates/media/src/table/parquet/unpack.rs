//! Unpacks pages to the size that they say they have, and no further.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;
use ruzstd::decoding::FrameDecoder;

/// Whether pages that are compressed in this way are read.
pub fn is_read(compression: Compression) -> bool {
    matches!(compression, Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) | Compression::ZSTD(_))
}

/// Unpacks a page of which the first `plain` bytes are not compressed; `None` unless it makes exactly `size` bytes.
pub fn unpack(packed: &[u8], plain: usize, size: usize, compression: Compression) -> Option<Vec<u8>> {
    let (before, packed) = packed.split_at_checked(plain)?;
    let rest = size.checked_sub(plain)?;
    let mut unpacked = Vec::with_capacity(size);
    unpacked.extend_from_slice(before);
    // Of a page without values nothing may be there.
    if rest == 0 {
        return Some(unpacked);
    }
    match compression {
        Compression::SNAPPY => {
            unpacked.resize(size, 0);
            let written = snap::raw::Decoder::new().decompress(packed, unpacked.get_mut(plain..)?).ok()?;
            unpacked.truncate(plain + written);
        }
        Compression::ZSTD(_) => {
            unpacked.resize(size, 0);
            let written = FrameDecoder::new().decode_all(packed, unpacked.get_mut(plain..)?).ok()?;
            unpacked.truncate(plain + written);
        }
        Compression::GZIP(_) => {
            MultiGzDecoder::new(packed).take(rest as u64 + 1).read_to_end(&mut unpacked).ok()?;
        }
        _ => return None,
    }
    (unpacked.len() == size).then_some(unpacked)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_page_makes_exactly_as_many_bytes_as_it_says() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&[7; 100_000]).expect("written");
        let gzip = gzip.finish().expect("written");
        let snappy = snap::raw::Encoder::new().compress_vec(&[7; 100_000]).expect("written");
        let zstd = ruzstd::encoding::compress_to_vec(&[7; 100_000][..], ruzstd::encoding::CompressionLevel::Fastest);
        for (packed, compression) in [
            (gzip, Compression::GZIP(Default::default())),
            (snappy, Compression::SNAPPY),
            (zstd, Compression::ZSTD(Default::default())),
        ] {
            let page = [b"ab", &packed[..]].concat();
            let whole = unpack(&page, 2, 100_002, compression).expect("unpacked");
            assert!(whole.starts_with(b"ab\x07") && whole.len() == 100_002, "{compression}");
            for size in [100_001, 100_003, 1, 2 << 20] {
                assert_eq!(unpack(&page, 2, size, compression), None, "{compression} {size}");
            }
            assert_eq!(unpack(&page[..page.len() / 2], 2, 100_002, compression), None, "{compression}, cut");
        }
        assert_eq!(unpack(b"abc", 9, 20, Compression::SNAPPY), None);
        assert!(!is_read(Compression::LZ4_RAW));
    }
}
