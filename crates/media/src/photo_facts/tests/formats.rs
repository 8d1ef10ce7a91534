//! Where the files of each format keep their facts, and the limits of what is read.

use super::*;
use crate::photo_facts::block_facts::MAX_VALUES;
use crate::photo_facts::block_list::MAX_BLOCK;

/// A chunk without its checksum, which is not looked at.
pub(super) fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    [&(data.len() as u32).to_be_bytes()[..], kind, data, &[0; 4]].concat()
}

pub(super) fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
    let header = chunk(b"IHDR", &[0, 0, 0, 3, 0, 0, 0, 2, 8, 2, 0, 0, 0]);
    [b"\x89PNG\r\n\x1a\n".to_vec(), header, chunks.concat()].concat()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn png_has_exif_xmp_and_texts_of_its_own() {
    let exif = exif_of(&[ascii(0x0110, "X100")], &[], &[]);
    let xmp = packet("xmp:Rating='2'", "");
    let file = png(&[
        chunk(b"eXIf", &exif),
        chunk(b"tEXt", b"Title\0Caf\xe9"),
        chunk(b"zTXt", &[b"Description\0\0".to_vec(), deflated(b"A dog")].concat()),
        chunk(b"iTXt", "Author\0\0\0de\0Autor\0Änn".as_bytes()),
        chunk(b"tEXt", b"software\0tool"),
        chunk(b"tEXt", b"Creation Time\0Wed, 14 Jun 2023 15:30:12 +0200"),
        chunk(b"iTXt", &[b"XML:com.adobe.xmp\0\x01\0\0\0".to_vec(), deflated(xmp.as_bytes())].concat()),
    ]);
    let facts = embedded_facts(&file);
    assert_eq!((facts.camera_model.as_deref(), facts.rating, facts.pixels), (Some("X100"), Some(2), Some([3, 2])));
    assert_eq!((facts.title.as_deref(), facts.caption.as_deref()), (Some("Café"), Some("A dog")));
    assert_eq!((&facts.creators[..], facts.software.as_deref()), (&["Änn".to_owned()][..], Some("tool")));
    assert_eq!(taken(&facts), Some(("2023-06-14T15:30:12".into(), Some(120))));
    let digits: String = exif.iter().map(|byte| format!("{byte:02x}")).collect();
    let raw = format!("Raw profile type exif\0\0\nexif\n {}\n{digits}\n", exif.len());
    let text = deflated(&raw.as_bytes()[23..]);
    let magick = png(&[chunk(b"zTXt", &[&raw.as_bytes()[..23], &text].concat())]);
    assert_eq!(embedded_facts(&magick).camera_model.as_deref(), Some("X100"));
}

#[test]
fn texts_of_png_that_inflate_without_end_are_left_out() {
    let bomb = deflated(&vec![b' '; MAX_BLOCK + 1]);
    let file = png(&[chunk(b"zTXt", &[b"Title\0\0".to_vec(), bomb].concat()), chunk(b"tEXt", b"Author\0Ann")]);
    let facts = embedded_facts(&file);
    assert_eq!((facts.title, facts.creators), (None, vec!["Ann".to_owned()]));
}

#[test]
fn texts_of_png_take_together_no_more_than_one() {
    let text = [b"XML:com.adobe.xmp\0\0".to_vec(), deflated(&vec![b' '; MAX_BLOCK / 4])].concat();
    let found = super::super::png_text::find(&png(&vec![chunk(b"zTXt", &text); 40])).xmp.len();
    assert_eq!(found, 4);
}

#[test]
fn webp_tiff_and_photoshop_files_keep_the_same_blocks() {
    let (exif, xmp) = (exif_of(&[ascii(0x0110, "X100")], &[], &[]), packet("xmp:Rating='2'", ""));
    let riff = |kind: &[u8; 4], data: &[u8]| {
        [kind, &(data.len() as u32).to_le_bytes()[..], data, &[0][..data.len() % 2]].concat()
    };
    let canvas = riff(b"VP8X", &[0, 0, 0, 0, 2, 0, 0, 1, 0, 0]);
    let webp = [&b"RIFF\0\0\0\0WEBP"[..], &canvas, &riff(b"EXIF", &exif), &riff(b"XMP ", xmp.as_bytes())].concat();
    let tiff =
        exif_of(&[long(256, 3), long(257, 2), ascii(0x0110, "X100"), bytes_of(700, 1, xmp.as_bytes())], &[], &[]);
    let resource = |number: u8, data: &[u8]| {
        [&b"8BIM\x04"[..], &[number, 0, 0], &(data.len() as u32).to_be_bytes(), data, &[0][..data.len() % 2]].concat()
    };
    let resources = [resource(0x22, &exif), resource(0x24, xmp.as_bytes())].concat();
    let head = b"8BPS\0\x01\0\0\0\0\0\0\0\x03\0\0\0\x02\0\0\0\x03\0\x08\0\x03\0\0\0\0";
    let psd = [&head[..], &(resources.len() as u32).to_be_bytes(), &resources].concat();
    for (name, file) in [("WebP", webp), ("TIFF", tiff), ("Photoshop", psd)] {
        let facts = embedded_facts(&file);
        let found = (facts.camera_model.as_deref(), facts.rating, facts.pixels);
        assert_eq!(found, (Some("X100"), Some(2), Some([3, 2])), "{name}");
    }
}

pub(super) fn bmff(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

#[test]
fn items_of_heif_and_boxes_of_jpeg_xl_are_read() {
    let exif = [&[0, 0, 0, 6][..], b"Exif\0\0", &exif_of(&[ascii(0x0110, "X100")], &[], &[])].concat();
    let xmp = packet("xmp:Rating='2'", "");
    let data = [&exif[..], xmp.as_bytes()].concat();
    let infe = |number: u8, kind: &[u8]| bmff(b"infe", &[&[2, 0, 0, 0, 0, number, 0, 0], kind].concat());
    let iinf =
        [&[0, 0, 0, 0, 0, 3][..], &infe(1, b"hvc1\0"), &infe(2, b"Exif\0"), &infe(3, b"mime\0application/rdf+xml\0")];
    let place = |number: u8, offset: usize, len: usize| {
        let head = [0, number, 0, 1, 0, 0, 0, 1];
        [&head[..], &(offset as u32).to_be_bytes(), &(len as u32).to_be_bytes()].concat()
    };
    let iloc = [&[1, 0, 0, 0, 0x44, 0, 0, 2][..], &place(2, 0, exif.len()), &place(3, exif.len(), xmp.len())].concat();
    let ispe = bmff(b"ispe", &[0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 2]);
    let iprp =
        [bmff(b"ipco", &[bmff(b"hvcC", &[]), ispe].concat()), bmff(b"ipma", &[0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 2])];
    let meta = [
        vec![0; 4],
        bmff(b"pitm", &[0, 0, 0, 0, 0, 1]),
        bmff(b"iinf", &iinf.concat()),
        bmff(b"iloc", &iloc),
        bmff(b"iprp", &iprp.concat()),
        bmff(b"idat", &data),
    ];
    let heif = [bmff(b"ftyp", b"heic\0\0\0\0"), bmff(b"meta", &meta.concat())].concat();
    let facts = embedded_facts(&heif);
    assert_eq!((facts.camera_model.as_deref(), facts.rating, facts.pixels), (Some("X100"), Some(2), Some([3, 2])));
    let jxl = [bmff(b"JXL ", b"\r\n\x87\n"), bmff(b"Exif", &exif), bmff(b"xml ", xmp.as_bytes())].concat();
    let facts = embedded_facts(&jxl);
    assert_eq!((facts.camera_model.as_deref(), facts.rating), (Some("X100"), Some(2)));
}

#[test]
fn blocks_over_64_kib_are_put_together() {
    let long_name = "x".repeat(40_000);
    let exif = exif_of(&[ascii(0x010e, &long_name), ascii(0x0131, &long_name), ascii(0x0110, "X100")], &[], &[]);
    let (first, second) = exif.split_at(60_000);
    let file = jpeg(&[exif_segment(first), exif_segment(second)]);
    assert_eq!(embedded_facts(&file).camera_model.as_deref(), Some("X100"));
    let xmp = packet(&format!("xmp:Label='{}'", "y".repeat(50_000)), &bag("dc:subject", &["dog"]));
    let piece = |from: usize, to: usize| {
        let numbers = [xmp.len() as u32, from as u32].map(u32::to_be_bytes).concat();
        let head = b"http://ns.adobe.com/xmp/extension/\0".to_vec();
        (0xe1, [head, vec![b'0'; 32], numbers, xmp.as_bytes()[from..to].to_vec()].concat())
    };
    let (half, end) = (xmp.len() / 2, xmp.len());
    assert_eq!(embedded_facts(&jpeg(&[piece(half, end), piece(0, half)])).keywords, ["dog"]);
    assert!(embedded_facts(&jpeg(&[piece(0, half)])).keywords.is_empty());
}

#[test]
fn many_and_long_values_are_cut() {
    let many: Vec<String> = (0..5000).map(|n| n.to_string()).collect();
    let facts =
        sidecar_facts(packet("", &bag("dc:subject", &many.iter().map(|s| &s[..]).collect::<Vec<_>>())).as_bytes());
    assert_eq!(facts.keywords.len(), MAX_VALUES);
    let tiff = exif_of(&[ascii(0x010e, "é".repeat(1 << 20))], &[], &[]);
    let caption = embedded_facts(&tiff).caption.unwrap();
    assert!(caption.len() <= text::MAX_TEXT && caption.chars().all(|c| c == 'é'));
}

/// A file cut at every length, and with every byte changed, is read without a panic.
#[test]
fn damaged_metadata_are_never_fatal() {
    let exif = exif_of(&[ascii(0x0110, "X100")], &[ascii(0x9003, "2023:06:14 15:30:12")], &[ascii(1, "N")]);
    let xmp = packet("xmp:Rating='2'", &bag("dc:subject", &["dog"]));
    let file =
        jpeg(&[exif_segment(&exif), iptc_segment(true, &[(25, b"cat"), (55, b"2023061\xc3\xa9")]), xmp_segment(&xmp)]);
    for end in 0..file.len() {
        of_blocks(&blocks::find(&file[..end]), TimeSource::Metadata);
    }
    for at in 0..file.len() {
        for byte in [0, 0x7f, 0xff] {
            let mut damaged = file.clone();
            damaged[at] = byte;
            of_blocks(&blocks::find(&damaged), TimeSource::Metadata);
        }
    }
    for start in [
        &b"II\x2b\0\x08\0\0\0"[..],
        b"\0\0\0\x01meta\xff\xff\xff\xff\xff\xff\xff\xff",
        b"8BPS",
        b"GIF89a",
        b"",
        b"\xff\xd8",
    ] {
        for fill in [0, 0xff] {
            of_blocks(&blocks::find(&[start, &[fill; 300]].concat()), TimeSource::Metadata);
        }
    }
}
