//! Raw photos are shown by the preview within them, drawings as they are drawn, without anything from outside.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, Rgb, RgbImage};
use vicinity_core::{Picture, SkipReason};
use vicinity_media::{Content, Glance, PictureError, ReadError, ReadOptions, glance, open, read};

fn answer(name: &str, bytes: &[u8]) -> Result<Option<(Picture, [u32; 2])>, ReadError> {
    crate::use_helper();
    match read(Path::new(name), bytes, &ReadOptions::default())? {
        Some(Content::Image { picture, original }) => Ok(Some((picture, original))),
        None => Ok(None),
        Some(other) => panic!("no picture: {other:?}"),
    }
}

#[track_caller]
fn picture(name: &str, bytes: &[u8]) -> (Picture, [u32; 2]) {
    answer(name, bytes).unwrap_or_else(|sentence| panic!("{name} refused: {sentence}")).expect("a picture")
}

/// The colour at a place, each from 0 to 1.
fn colour_at(picture: &Picture, x: f32, y: f32) -> [u8; 3] {
    let across = (x * (picture.width() - 1) as f32) as usize;
    let down = (y * (picture.height() - 1) as f32) as usize;
    let at = (down * picture.width() as usize + across) * 3;
    picture.rgb()[at..at + 3].try_into().unwrap()
}

#[track_caller]
fn is_about(found: [u8; 3], wanted: [u8; 3]) {
    assert!(found.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) < 12), "{found:?} instead of {wanted:?}");
}

/// A picture whose left half has one colour, and whose right half another.
fn jpeg(width: u32, height: u32, left: [u8; 3], right: [u8; 3]) -> Vec<u8> {
    let image = RgbImage::from_fn(width, height, |x, _| Rgb(if x < width / 2 { left } else { right }));
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 80);
    encoder.write_image(image.as_raw(), width, height, ExtendedColorType::Rgb8).unwrap();
    bytes
}

const RED: [u8; 3] = [220, 20, 20];
const BLUE: [u8; 3] = [20, 20, 220];
const GREEN: [u8; 3] = [20, 160, 20];

/// A TIFF file as cameras write them: an orientation, then the previews, then noise for the raw pixels.
fn camera_file(header: &[u8], orientation: u16, previews: &[Vec<u8>]) -> Vec<u8> {
    let mut file = header.to_vec();
    file.extend(8_u32.to_le_bytes());
    file.extend([1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0]);
    file.extend(orientation.to_le_bytes());
    file.extend([0; 6]);
    for preview in previews {
        file.extend(preview);
        file.extend([0; 32]);
    }
    let mut state = 5_u32;
    file.extend((0..60_000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    }));
    file
}

#[test]
fn a_raw_photo_is_its_largest_preview_turned_as_the_photo() {
    let previews = [jpeg(160, 120, GREEN, GREEN), jpeg(1200, 800, RED, BLUE), jpeg(1056, 704, GREEN, GREEN)];
    for name in ["a.nef", "a.dng", "a.arw", "a.pef", "a.cr2"] {
        let (shown, original) = picture(name, &camera_file(b"II*\0", 6, &previews));
        assert_eq!(original, [800, 1200], "{name}");
        // A quarter turn clockwise brings the left half to the top.
        is_about(colour_at(&shown, 0.5, 0.2), RED);
        is_about(colour_at(&shown, 0.5, 0.8), BLUE);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nef");
    fs::write(&path, camera_file(b"II*\0", 6, &previews)).unwrap();
    assert_eq!(glance(&path), Glance::Picture([1200, 800]));
    for (name, header) in [("a.orf", b"IIRO"), ("a.rw2", b"IIU\0")] {
        assert_eq!(picture(name, &camera_file(header, 1, &previews)).1, [1200, 800], "{name}");
    }
}

#[test]
fn fuji_and_canon_files_are_read_by_their_own_headers() {
    let preview = jpeg(1100, 700, RED, BLUE);
    let mut raf = b"FUJIFILMCCD-RAW 0201FF383501\0\0\0\0".to_vec();
    raf.resize(148, 0);
    raf.extend(&preview);
    assert_eq!(picture("a.raf", &raf).1, [1100, 700]);

    let boxed = |kind: &[u8; 4], content: &[u8]| {
        let mut bytes = (content.len() as u32 + 8).to_be_bytes().to_vec();
        bytes.extend(kind);
        bytes.extend(content);
        bytes
    };
    let mut canon = vec![0x85; 16];
    canon.extend(boxed(b"CMT1", &camera_file(b"II*\0", 3, &[])[..64]));
    let mut cr3 = boxed(b"ftyp", b"crx \0\0\0\x01crx isom");
    cr3.extend(boxed(b"moov", &boxed(b"uuid", &canon)));
    cr3.extend(boxed(b"mdat", &preview));
    let (shown, original) = picture("a.cr3", &cr3);
    assert_eq!(original, [1100, 700]);
    is_about(colour_at(&shown, 0.2, 0.5), BLUE);
    is_about(colour_at(&shown, 0.8, 0.5), RED);
}

#[test]
fn a_raw_photo_without_a_preview_is_left_out_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut lossless = jpeg(1200, 800, RED, BLUE);
    let frame = lossless.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    lossless[frame + 1] = 0xc3;
    for previews in [vec![], vec![jpeg(640, 480, RED, BLUE)], vec![lossless]] {
        let bytes = camera_file(b"II*\0", 1, &previews);
        assert!(matches!(answer("a.nef", &bytes), Ok(None)));
        let path = folder.path().join("a.nef");
        fs::write(&path, bytes).unwrap();
        let mut file = open(&path).unwrap();
        assert_eq!(file.skip_reason(&path), None);
        file.fill().unwrap();
        assert_eq!(file.skip_reason_without_content(), SkipReason::RawPhoto);
        assert!(matches!(file.content(&path, &ReadOptions::default()), Ok(None)));
    }
    // What is no raw photo keeps its reason.
    let text = "FOVb is how files of one camera begin, and this is a text about it.";
    assert!(matches!(read(Path::new("a.txt"), text.as_bytes(), &ReadOptions::default()), Ok(Some(Content::Text(_)))));
}

fn svg(attributes: &str, content: &str) -> Vec<u8> {
    format!("<svg xmlns=\"http://www.w3.org/2000/svg\" {attributes}>{content}</svg>").into_bytes()
}

const HALVES: &str = "<rect width='50%' height='100%' fill='rgb(220,20,20)'/>\
                      <rect x='50%' width='50%' height='100%' fill='rgb(20,20,220)' opacity='0.5'/>";

#[test]
fn drawings_are_drawn_on_white_and_small_ones_larger() {
    for (attributes, own, drawn) in [
        ("width='24' height='12'", [24, 12], [512, 256]),
        ("width='900' height='600'", [900, 600], [900, 600]),
        ("viewBox='0 0 8000 2000'", [8000, 2000], [2048, 512]),
    ] {
        let (shown, original) = picture("a.svg", &svg(attributes, HALVES));
        assert_eq!((original, [shown.width(), shown.height()]), (own, drawn), "{attributes}");
        is_about(colour_at(&shown, 0.2, 0.5), RED);
        is_about(colour_at(&shown, 0.8, 0.5), [137, 137, 237]);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.svg");
    fs::write(&path, svg("width='24' height='12'", HALVES)).unwrap();
    assert!(matches!(glance(&path), Glance::Picture(_)));
}

#[test]
fn drawings_are_known_in_other_encodings_and_with_a_prefix() {
    let prefixed = "<?xml version='1.0'?><svg:svg xmlns:svg='http://www.w3.org/2000/svg' width='24' height='12'>\
        <svg:rect width='24' height='12' fill='rgb(20,20,220)'/></svg:svg>";
    let utf16 = |text: &str, mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
        let text = text.encode_utf16().flat_map(bytes);
        mark.into_iter().chain(text).collect::<Vec<u8>>()
    };
    let little = utf16(prefixed, [0xff, 0xfe], u16::to_le_bytes);
    let big = utf16(prefixed, [0xfe, 0xff], u16::to_be_bytes);
    for drawing in [prefixed.as_bytes(), &little, &big] {
        is_about(colour_at(&picture("a.svg", drawing).0, 0.5, 0.5), BLUE);
    }
    let page = "<p:svg xmlns:p='http://example.org/'>some words</p:svg>";
    assert!(matches!(read(Path::new("a.xml"), page.as_bytes(), &ReadOptions::default()), Ok(Some(Content::Text(_)))));
}

#[test]
fn a_drawing_opens_no_other_file_and_asks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside.jpg");
    fs::write(&outside, jpeg(64, 64, RED, RED)).unwrap();
    let inside = base64::engine::general_purpose::STANDARD.encode(jpeg(64, 64, BLUE, BLUE));
    for address in
        [outside.display().to_string(), format!("file://{}", outside.display()), "http://127.0.0.1:9/a.png".to_owned()]
    {
        let drawing = svg("width='64' height='64'", &format!("<image width='64' height='64' href='{address}'/>"));
        is_about(colour_at(&picture("a.svg", &drawing).0, 0.5, 0.5), [255; 3]);
        let entity = format!("<!DOCTYPE svg [<!ENTITY x SYSTEM \"{address}\">]>");
        let text = [entity.as_bytes(), &svg("width='9' height='9'", "<text>&x;</text>")].concat();
        if let Ok(Some((shown, _))) = answer("a.svg", &text) {
            is_about(colour_at(&shown, 0.5, 0.5), [255; 3]);
        }
    }
    let own = format!(
        "<image width='64' height='64' href='data:image/jpeg;base64,{inside}'/><script>while (true) {{}}</script>"
    );
    is_about(colour_at(&picture("a.svg", &svg("width='64' height='64'", &own)).0, 0.5, 0.5), BLUE);
}

#[test]
fn hostile_drawings_are_refused_and_end_nothing() {
    let too_deep = ReadError::Picture(PictureError::TooMuchMemory);
    let deep = "<g>".repeat(100_000) + &"</g>".repeat(100_000);
    assert_eq!(answer("a.svg", &svg("", &deep)).unwrap_err(), too_deep);
    let many = "<g/>".repeat(600_000);
    assert_eq!(answer("a.svg", &svg("", &many)).unwrap_err(), too_deep, "not damaged");
    let mut copies = String::from("<g id='a0'><rect width='1' height='1'/></g>");
    for level in 1..12 {
        copies += &format!("<g id='a{level}'>{}</g>", format!("<use href='#a{}'/>", level - 1).repeat(10));
    }
    assert!(answer("a.svg", &svg("", &copies)).is_err(), "10 to the 11th rectangles");
    let mut laughs = String::from("<!DOCTYPE svg [<!ENTITY a0 \"ha\">");
    for level in 1..12 {
        laughs += &format!("<!ENTITY a{level} \"{}\">", format!("&a{};", level - 1).repeat(10));
    }
    laughs += "]>";
    let laughs = [laughs.as_bytes(), &svg("", "<text>&a11;</text>")].concat();
    assert!(answer("a.svg", &laughs).is_err());
    let bomb = "iVBORw0KGgoAAAANSUhEUgAAw1AAAMNQCAIAAAA=";
    let within = format!("<image width='9' height='9' href='data:image/png;base64,{bomb}'/>");
    is_about(colour_at(&picture("a.svg", &svg("width='9' height='9'", &within)).0, 0.5, 0.5), [255; 3]);
    for broken in
        ["<svg xmlns='http://www.w3.org/2000/svg'><g>", "<svg xmlns='http://www.w3.org/2000/svg' width='0'/></svg>"]
    {
        assert!(answer("a.svg", broken.as_bytes()).is_err(), "{broken}");
    }
    assert!(picture("a.svg", &svg("width='1e9' height='1'", HALVES)).0.width() <= 2048);
}
