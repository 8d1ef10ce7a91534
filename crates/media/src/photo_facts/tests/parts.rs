//! Reading only the parts of a file that hold metadata gives the same facts as reading all of it.

use super::formats::{bmff, chunk, png};
use super::*;
use crate::photo_facts::parts;

/// Pixels that look like anything but metadata.
fn pixels() -> Vec<u8> {
    (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// A file of each format, with its pixels before its metadata wherever the format allows that.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let (exif, xmp) = (exif_of(&[ascii(0x0110, "X100")], &[], &[]), packet("xmp:Rating='2'", ""));
    let pixels = pixels();
    let riff = |kind: &[u8; 4], data: &[u8]| {
        [kind, &(data.len() as u32).to_le_bytes()[..], data, &[0][..data.len() % 2]].concat()
    };
    let canvas = riff(b"VP8X", &[0, 0, 0, 0, 2, 0, 0, 1, 0, 0]);
    let webp = [&canvas[..], &riff(b"VP8L", &pixels), &riff(b"EXIF", &exif), &riff(b"XMP ", xmp.as_bytes())];
    let png = png(&[
        chunk(b"IDAT", &pixels[..1_500_000]),
        chunk(b"IDAT", &pixels[1_500_000..]),
        chunk(b"eXIf", &exif),
        chunk(b"iTXt", &[b"XML:com.adobe.xmp\0\0\0\0\0", xmp.as_bytes()].concat()),
    ]);
    let mut jpeg = jpeg(&[exif_segment(&exif), xmp_segment(&xmp), (0xe2, vec![0; 60_000]), (0xe2, vec![0; 60_000])]);
    jpeg.extend([b"\xff\xda\0\x02", &pixels[..]].concat());
    let at = 8 + pixels.len();
    let directories =
        directory(at, &[long(256, 3), long(257, 2), ascii(0x0110, "X100"), bytes_of(700, 1, xmp.as_bytes())]);
    let tiff = [b"II\x2a\0", &(at as u32).to_le_bytes()[..], &pixels, &directories].concat();
    let resource =
        [&b"8BIM\x04\x22\0\0"[..], &(exif.len() as u32).to_be_bytes(), &exif, &[0][..exif.len() % 2]].concat();
    let head = b"8BPS\0\x01\0\0\0\0\0\0\0\x03\0\0\0\x02\0\0\0\x03\0\x08\0\x03\0\0\0\0";
    let psd = [&head[..], &(resource.len() as u32).to_be_bytes(), &resource, &pixels].concat();
    let item = [&[0, 0, 0, 6][..], b"Exif\0\0", &exif].concat();
    let jxl =
        [bmff(b"JXL ", b"\r\n\x87\n"), bmff(b"jxlc", &pixels), bmff(b"Exif", &item), bmff(b"xml ", xmp.as_bytes())];
    vec![
        ("WebP", [&b"RIFF\0\0\0\0WEBP"[..], &webp.concat()].concat()),
        ("PNG", png),
        ("JPEG", jpeg),
        ("TIFF", tiff),
        ("Photoshop", psd),
        ("JPEG XL", jxl.concat()),
        ("HEIF", heif(&item, &pixels)),
    ]
}

/// A file whose EXIF is behind its pixels.
fn heif(exif: &[u8], pixels: &[u8]) -> Vec<u8> {
    let iinf = [&[0, 0, 0, 0, 0, 1][..], &bmff(b"infe", &[&[2, 0, 0, 0, 0, 2, 0, 0][..], b"Exif\0"].concat())].concat();
    let meta = |offset: usize| {
        let place = [&[0, 2, 0, 0, 0, 1][..], &(offset as u32).to_be_bytes(), &(exif.len() as u32).to_be_bytes()];
        let iloc = [&[0, 0, 0, 0, 0x44, 0, 0, 1][..], &place.concat()].concat();
        bmff(b"meta", &[vec![0; 4], bmff(b"iinf", &iinf), bmff(b"iloc", &iloc)].concat())
    };
    let ftyp = bmff(b"ftyp", b"heic\0\0\0\0");
    let offset = ftyp.len() + meta(0).len() + 8 + pixels.len();
    [ftyp, meta(offset), bmff(b"mdat", &[pixels, exif].concat())].concat()
}

#[test]
fn a_part_of_each_file_has_all_of_its_facts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("picture");
    for (name, file) in files() {
        fs::write(&path, &file).unwrap();
        let whole = embedded_facts(&file);
        assert_eq!(whole.camera_model.as_deref(), Some("X100"), "{name}");
        let parts = parts::read(&path).unwrap();
        assert_eq!(embedded_facts(&parts.bytes), whole, "{name}");
        assert!(parts.read < 300_000, "{name}: {} bytes were read", parts.read);
    }
}

#[test]
fn damaged_files_are_read_in_parts_without_end_or_panic() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("picture");
    for (name, mut file) in files() {
        for at in [4, 8, 16, 20, 30, 60, 100] {
            for byte in [0, 0x7f, 0xff] {
                let kept = std::mem::replace(&mut file[at], byte);
                fs::write(&path, &file[..500_000]).unwrap();
                let parts = parts::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
                embedded_facts(&parts.bytes);
                file[at] = kept;
            }
        }
    }
}

#[test]
fn a_sidecar_is_read_and_one_that_cannot_be_read_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let [picture, sidecar] = ["a.jpg", "a.xmp"].map(|name| dir.path().join(name));
    fs::write(&picture, jpeg(&[exif_segment(&exif_of(&[ascii(0x0110, "X100")], &[], &[]))])).unwrap();
    fs::write(&sidecar, packet("xmp:Rating='4'", "")).unwrap();
    let read = |sidecar| read_photo(&picture, sidecar, 0).map(|facts| (facts.camera_model.is_some(), facts.rating));
    assert_eq!(read(Some(&sidecar)).unwrap(), (true, Some(4)));
    assert_eq!(read(Some(dir.path())).unwrap(), (true, None));
    assert_eq!(read(None).unwrap(), (true, None));
    assert!(read_photo(&dir.path().join("missing"), None, 0).is_err());
}
