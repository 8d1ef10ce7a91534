//! Each fact, from bytes that are made here.

#![allow(clippy::unwrap_used, reason = "a failed step ends the test")]

use super::block_facts::{rating, rating_of_percent};
use super::*;

mod formats;
mod parts;

/// A value of a directory: its tag, kind and count, and its bytes, least significant first.
type Entry = (u16, u16, u32, Vec<u8>);

fn ascii(tag: u16, text: impl AsRef<[u8]>) -> Entry {
    let mut bytes = text.as_ref().to_vec();
    bytes.push(0);
    (tag, 2, bytes.len() as u32, bytes)
}

fn short(tag: u16, number: u16) -> Entry {
    (tag, 3, 1, number.to_le_bytes().to_vec())
}

fn long(tag: u16, number: u32) -> Entry {
    (tag, 4, 1, number.to_le_bytes().to_vec())
}

fn rationals(tag: u16, numbers: &[(u32, u32)]) -> Entry {
    let bytes = numbers.iter().flat_map(|(above, below)| [above.to_le_bytes(), below.to_le_bytes()].concat());
    (tag, 5, numbers.len() as u32, bytes.collect())
}

fn bytes_of(tag: u16, kind: u16, bytes: &[u8]) -> Entry {
    (tag, kind, bytes.len() as u32, bytes.to_vec())
}

fn wide(tag: u16, text: &str) -> Entry {
    bytes_of(tag, 1, &text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect::<Vec<_>>())
}

/// A directory at `at`, with its values behind it.
fn directory(at: usize, entries: &[Entry]) -> Vec<u8> {
    let mut head = (entries.len() as u16).to_le_bytes().to_vec();
    let behind = at + 2 + 12 * entries.len() + 4;
    let mut values = Vec::new();
    for (tag, kind, count, value) in entries {
        head.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        head.extend(count.to_le_bytes());
        if value.len() <= 4 {
            head.extend(value.iter().copied().chain([0; 4]).take(4));
        } else {
            head.extend(((behind + values.len()) as u32).to_le_bytes());
            values.extend(value);
        }
    }
    head.extend([0; 4]);
    [head, values].concat()
}

/// A TIFF file with the directories of EXIF and GPS.
fn exif_of(main: &[Entry], photo: &[Entry], gps: &[Entry]) -> Vec<u8> {
    let mut file = b"II\x2a\0\0\0\0\0".to_vec();
    let mut main = main.to_vec();
    for (tag, entries) in [(0x8769, photo), (0x8825, gps)] {
        if !entries.is_empty() {
            main.push(long(tag, file.len() as u32));
            let inner = directory(file.len(), entries);
            file.extend(inner);
        }
    }
    let first = (file.len() as u32).to_le_bytes();
    file[4..8].copy_from_slice(&first);
    let first = directory(file.len(), &main);
    file.extend(first);
    file
}

fn jpeg(segments: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut file = b"\xff\xd8".to_vec();
    for (marker, body) in segments {
        file.extend([0xff, *marker]);
        file.extend((body.len() as u16 + 2).to_be_bytes());
        file.extend(body);
    }
    file.extend(b"\xff\xc0\0\x0b\x08\0\x02\0\x03\x01\x01\x11\0\xff\xda\0\x02\xff\xd9");
    file
}

fn exif_segment(exif: &[u8]) -> (u8, Vec<u8>) {
    (0xe1, [b"Exif\0\0", exif].concat())
}

fn xmp_segment(xmp: &str) -> (u8, Vec<u8>) {
    (0xe1, [b"http://ns.adobe.com/xap/1.0/\0", xmp.as_bytes()].concat())
}

/// The resource of Photoshop that holds IPTC, with these records of its second part.
fn iptc_segment(utf8: bool, records: &[(u8, &[u8])]) -> (u8, Vec<u8>) {
    let mut iptc = if utf8 { b"\x1c\x01\x5a\0\x03\x1b%G".to_vec() } else { Vec::new() };
    for (dataset, content) in records {
        iptc.extend([0x1c, 2, *dataset]);
        iptc.extend((content.len() as u16).to_be_bytes());
        iptc.extend(*content);
    }
    let mut resources = b"Photoshop 3.0\08BIM\x03\xed\x03abc\0\0\0\x01x\08BIM\x04\x04\0\0".to_vec();
    resources.extend((iptc.len() as u32).to_be_bytes());
    resources.extend(iptc);
    (0xed, resources)
}

/// A packet whose description has these attributes and elements.
fn packet(attributes: &str, elements: &str) -> String {
    let names: String = [
        ("xmp", "http://ns.adobe.com/xap/1.0/"),
        ("dc", "http://purl.org/dc/elements/1.1/"),
        ("exif", "http://ns.adobe.com/exif/1.0/"),
        ("exifEX", "http://cipa.jp/exif/1.0/"),
        ("tiff", "http://ns.adobe.com/tiff/1.0/"),
        ("aux", "http://ns.adobe.com/exif/1.0/aux/"),
        ("photoshop", "http://ns.adobe.com/photoshop/1.0/"),
        ("lr", "http://ns.adobe.com/lightroom/1.0/"),
        ("digiKam", "http://www.digikam.org/ns/1.0/"),
        ("MicrosoftPhoto", "http://ns.microsoft.com/photo/1.0/"),
    ]
    .map(|(prefix, name)| format!(" xmlns:{prefix}='{name}'"))
    .concat();
    format!(
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
         <rdf:Description rdf:about=''{names} {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
}

fn bag(property: &str, values: &[&str]) -> String {
    let values: String = values.iter().map(|value| format!("<rdf:li>{value}</rdf:li>")).collect();
    format!("<{property}><rdf:Bag>{values}</rdf:Bag></{property}>")
}

fn of_exif(main: &[Entry], photo: &[Entry], gps: &[Entry]) -> PhotoFacts {
    embedded_facts(&jpeg(&[exif_segment(&exif_of(main, photo, gps))]))
}

fn of_xmp(attributes: &str, elements: &str) -> PhotoFacts {
    embedded_facts(&jpeg(&[xmp_segment(&packet(attributes, elements))]))
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn taken(facts: &PhotoFacts) -> Option<(String, Option<i32>)> {
    facts.taken.map(|taken| (taken.local.to_string(), taken.offset.map(|offset| offset.seconds() / 60)))
}

#[test]
fn exif_tells_camera_lens_and_exposure() {
    let main = [ascii(0x010f, "Fuji "), ascii(0x0110, "X100"), short(0x0112, 6), ascii(0x0131, "v1.0")];
    let photo = [
        rationals(0x829a, &[(1, 250)]),
        rationals(0x829d, &[(28, 10)]),
        short(0x8827, 400),
        rationals(0x920a, &[(23, 1)]),
        short(0xa405, 35),
        ascii(0xa434, "23mm f/2"),
    ];
    let facts = of_exif(&main, &photo, &[]);
    let expected = PhotoFacts {
        camera_maker: some("Fuji"),
        camera_model: some("X100"),
        lens: some("23mm f/2"),
        focal_length_mm: Some(23.0),
        focal_length_35mm: Some(35.0),
        aperture: Some(2.8),
        exposure_secs: Some(0.004),
        iso: Some(400),
        orientation: Some(6),
        pixels: Some([3, 2]),
        software: some("v1.0"),
        ..PhotoFacts::default()
    };
    assert_eq!(facts, expected);
}

#[test]
fn unknown_numbers_of_exif_are_none() {
    let photo = [
        rationals(0x829a, &[(0, 0)]),
        rationals(0x829d, &[(0, 10)]),
        short(0x8827, 0),
        rationals(0x920a, &[(0, 1)]),
        short(0xa405, 0),
        ascii(0xa434, "   "),
    ];
    let facts = of_exif(&[short(0x0112, 9), ascii(0x010f, "")], &photo, &[]);
    assert_eq!(facts, PhotoFacts { pixels: Some([3, 2]), ..PhotoFacts::default() });
}

#[test]
fn exposure_aperture_and_speed_have_second_fields() {
    let photo = [
        (0x9201, 10, 1, [8i32.to_le_bytes(), 1i32.to_le_bytes()].concat()),
        rationals(0x9202, &[(4, 1)]),
        short(0x8827, 65_535),
        long(0x8832, 102_400),
    ];
    let facts = of_exif(&[], &photo, &[]);
    assert_eq!((facts.exposure_secs, facts.aperture, facts.iso), (Some(1.0 / 256.0), Some(4.0), Some(102_400)));
}

#[test]
fn the_time_of_exif_has_fraction_and_offset() {
    let photo = [ascii(0x9003, "2023:06:14 15:30:12"), ascii(0x9011, "+05:30"), ascii(0x9291, "25")];
    assert_eq!(taken(&of_exif(&[], &photo, &[])), Some(("2023-06-14T15:30:12.25".into(), Some(330))));
    let blank = [ascii(0x9003, "0000:00:00 00:00:00"), ascii(0x9004, "2023:06:14 15:30:12")];
    assert_eq!(taken(&of_exif(&[], &blank, &[])), Some(("2023-06-14T15:30:12".into(), None)));
    // When a program saved it is not when it was taken; when a camera wrote it is.
    let written = ascii(0x0132, "2023:06:14 15:30:12");
    assert_eq!(taken(&of_exif(std::slice::from_ref(&written), &[], &[])), None);
    assert!(taken(&of_exif(&[ascii(0x0110, "X100"), written], &[], &[])).is_some());
}

#[test]
fn xmp_lends_its_offset_to_the_same_time_in_exif() {
    let exif = |time: &str| exif_segment(&exif_of(&[], &[ascii(0x9003, time)], &[]));
    let xmp = xmp_segment(&packet("exif:DateTimeOriginal='2023-06-14T15:30:12+02:00'", ""));
    let same = embedded_facts(&jpeg(&[exif("2023:06:14 15:30:12"), xmp.clone()]));
    assert_eq!(taken(&same), Some(("2023-06-14T15:30:12".into(), Some(120))));
    let other = embedded_facts(&jpeg(&[exif("2023:06:14 15:30:13"), xmp]));
    assert_eq!(taken(&other), Some(("2023-06-14T15:30:13".into(), None)));
}

#[test]
fn positions_need_their_hemispheres() {
    let latitude = rationals(2, &[(30, 1), (37, 1), (3954, 100)]);
    let longitude = rationals(4, &[(94, 1), (15, 1), (0, 0)]);
    let altitude = [bytes_of(5, 1, &[1]), rationals(6, &[(25, 2)])];
    let gps = [ascii(1, "N"), latitude.clone(), ascii(3, "W"), longitude.clone()];
    let position = of_exif(&[], &[], &[&gps[..], &altitude].concat()).position.unwrap();
    assert!((position.latitude - 30.627_65).abs() < 1e-9 && position.longitude == -94.25);
    assert_eq!(position.altitude_m, Some(-12.5));
    assert_eq!(of_exif(&[], &[], &[latitude, longitude]).position, None);
    let beyond = [ascii(1, "N"), rationals(2, &[(91, 1)]), ascii(3, "E"), rationals(4, &[(0, 1)])];
    assert_eq!(of_exif(&[], &[], &beyond).position, None);
    let xmp = of_xmp("exif:GPSLatitude='30,37.659S' exif:GPSLongitude='94,15,0E' exif:GPSAltitude='25/2'", "");
    let position = xmp.position.unwrap();
    assert!((position.latitude + 30.627_65).abs() < 1e-9 && position.longitude == 94.25);
    assert_eq!(position.altitude_m, Some(12.5));
    assert_eq!(of_xmp("exif:GPSLatitude='30' exif:GPSLongitude='é'", "").position, None);
}

#[test]
fn windows_texts_and_ratings_are_read() {
    let main = [
        short(0x4749, 75),
        wide(0x9c9b, "Garten 🌻"),
        wide(0x9c9c, "at home"),
        wide(0x9c9d, "Ann"),
        wide(0x9c9e, "dog; garden;;dog"),
    ];
    let facts = of_exif(&main, &[], &[]);
    assert_eq!((facts.title, facts.caption), (some("Garten 🌻"), some("at home")));
    assert_eq!((facts.rating, facts.creators), (Some(4), vec!["Ann".to_owned()]));
    assert_eq!(facts.keywords, ["dog", "garden"]);
    let stars = |percent| rating_of_percent(f64::from(percent));
    assert_eq!([0, 1, 25, 50, 75, 99, 100].map(stars), [0, 1, 2, 3, 4, 5, 5].map(Some));
    assert_eq!((stars(101), stars(-1), rating(6.0), rating(-1.0)), (None, None, None, Some(-1)));
}

#[test]
fn texts_of_exif_are_utf8_or_latin() {
    let caption = |bytes: &[u8]| of_exif(&[ascii(0x010e, bytes)], &[], &[]).caption;
    assert_eq!(caption("Café ☕".as_bytes()), some("Café ☕"));
    assert_eq!(caption(b"Caf\xe9 \x80"), some("Café €"));
    assert_eq!(caption(b"one\r\ntwo\x07\0three"), some("one\ntwo"));
    let third = of_exif(&[bytes_of(0x010e, 129, "日本".as_bytes())], &[], &[]);
    assert_eq!(third.caption, some("日本"));
}

#[test]
fn comments_of_exif_name_their_encoding() {
    let comment = |code: &[u8], text: &[u8]| of_exif(&[], &[bytes_of(0x9286, 7, &[code, text].concat())], &[]).caption;
    assert_eq!(comment(b"ASCII\0\0\0", b"Hello   "), some("Hello"));
    assert_eq!(comment(b"UNICODE\0", b"H\0i\0"), some("Hi"));
    assert_eq!(comment(b"UNICODE\0", b"\0H\0i"), some("Hi"));
    assert_eq!(comment(b"JIS\0\0\0\0\0", b"\x1b$BF|K\\\x1b(B"), some("日本"));
    assert_eq!(comment(&[0; 8], b"plain"), some("plain"));
    assert_eq!(comment(&[0; 8], b"\x01\x02\x03binary"), None);
    assert_eq!(comment(b"ASC", b""), None);
}

#[test]
fn xmp_tells_what_people_write() {
    let elements = [
        bag("dc:subject", &["dog", "garden", "dog"]),
        bag("lr:hierarchicalSubject", &["Animals|Dogs"]),
        bag("digiKam:TagsList", &["Animals/Dogs", "Places/Home"]),
        bag("dc:creator", &["Ann", "Bob"]),
        "<dc:title><rdf:Alt><rdf:li xml:lang='de'>Hund</rdf:li><rdf:li xml:lang='x-default'>Dog</rdf:li></rdf:Alt></dc:title>"
            .into(),
        "<dc:description><rdf:Alt><rdf:li xml:lang='x-default'>A dog</rdf:li></rdf:Alt></dc:description>".into(),
    ];
    let facts = of_xmp("xmp:Rating='3' xmp:Label='Red' xmp:CreatorTool='darktable'", &elements.concat());
    assert_eq!((facts.rating, facts.colour_label), (Some(3), some("Red")));
    assert_eq!((facts.title, facts.caption), (some("Dog"), some("A dog")));
    assert_eq!(facts.keywords, ["dog", "garden"]);
    assert_eq!(facts.keyword_paths, ["Animals|Dogs", "Places|Home"]);
    assert_eq!((facts.creators, facts.software), (vec!["Ann".to_owned(), "Bob".to_owned()], some("darktable")));
    assert_eq!(of_xmp("xmp:Rating='-1'", "").rating, Some(-1));
    let mut renamed = xmp_segment(&packet("xmp:Rating='4'", ""));
    renamed.1[..4].copy_from_slice(b"XMP\0");
    assert_eq!(embedded_facts(&jpeg(&[renamed])).rating, Some(4));
    assert_eq!(of_xmp("xmp:Rating='7' MicrosoftPhoto:Rating='50'", "").rating, Some(3));
}

#[test]
fn xmp_tells_what_cameras_know_where_exif_does_not() {
    let attributes = "tiff:Make='Canon' tiff:Model='EOS' aux:Lens='50mm' exif:FocalLength='50/1' tiff:Orientation='8' \
        exif:FocalLengthIn35mmFilm='80' exif:FNumber='18/10' exif:ExposureTime='1/50' xmp:CreateDate='2020-01-02T03:04:05Z'";
    let iso = "<exif:ISOSpeedRatings><rdf:Seq><rdf:li>200</rdf:li></rdf:Seq></exif:ISOSpeedRatings>";
    let facts = of_xmp(attributes, iso);
    let expected = PhotoFacts {
        taken: facts.taken,
        camera_maker: some("Canon"),
        camera_model: some("EOS"),
        lens: some("50mm"),
        focal_length_mm: Some(50.0),
        focal_length_35mm: Some(80.0),
        aperture: Some(1.8),
        exposure_secs: Some(0.02),
        iso: Some(200),
        orientation: Some(8),
        pixels: Some([3, 2]),
        ..PhotoFacts::default()
    };
    assert_eq!(facts, expected);
    assert_eq!(taken(&facts), Some(("2020-01-02T03:04:05".into(), Some(0))));
    let exif = exif_segment(&exif_of(&[ascii(0x0110, "X100"), short(0x0112, 1)], &[], &[]));
    let both = embedded_facts(&jpeg(&[xmp_segment(&packet(attributes, iso)), exif]));
    assert_eq!((both.camera_model, both.orientation, both.iso), (some("X100"), Some(1), Some(200)));
}

#[test]
fn iptc_is_read_by_its_encoding() {
    let records: &[(u8, &[u8])] = &[
        (5, b"Title"),
        (25, b"dog"),
        (25, b"caf\xe9"),
        (55, b"20230614"),
        (60, b"153012+0200"),
        (65, b"Program"),
        (80, b"Ann"),
        (120, b"A\rdog"),
    ];
    let facts = embedded_facts(&jpeg(&[iptc_segment(false, records)]));
    assert_eq!((facts.title.as_deref(), facts.caption.as_deref()), (Some("Title"), Some("A\ndog")));
    assert_eq!((&facts.keywords[..], &facts.creators[..]), (&["dog".into(), "café".into()][..], &["Ann".into()][..]));
    assert_eq!(
        (facts.software.as_deref(), taken(&facts)),
        (Some("Program"), Some(("2023-06-14T15:30:12".into(), Some(120))))
    );
    let utf8 = embedded_facts(&jpeg(&[iptc_segment(true, &[(25, "日本".as_bytes()), (25, b"\xe9")])]));
    assert_eq!(utf8.keywords, ["日本", "\u{fffd}"]);
    // What XMP says is newer; keywords of both are kept.
    let xmp = xmp_segment(&packet("", &[bag("dc:subject", &["cat", "dog"]), bag("dc:title", &["New"])].concat()));
    let both = embedded_facts(&jpeg(&[iptc_segment(false, records), xmp]));
    assert_eq!(
        (both.title.as_deref(), &both.keywords[..]),
        (Some("New"), &["cat", "dog", "café"].map(String::from)[..])
    );
}

#[test]
fn a_sidecar_counts_more_for_what_people_write_and_less_for_what_cameras_know() {
    let within = packet("xmp:Rating='1' tiff:Model='Mine'", &bag("dc:subject", &["old"]));
    let beside = packet("xmp:Rating='5' tiff:Model='Other' exif:DateTimeOriginal='2023-06-14T15:30:12'", "");
    let bytes = jpeg(&[xmp_segment(&within)]);
    let source =
        PhotoSource { path: Path::new("a.jpg"), bytes: &bytes, sidecar: Some(beside.as_bytes()), modified_ns: 0 };
    let facts = photo_facts(&source);
    assert_eq!((facts.rating, facts.camera_model, facts.keywords), (Some(5), some("Mine"), vec!["old".to_owned()]));
    assert_eq!(facts.taken.map(|taken| taken.source), Some(TimeSource::Sidecar));
    assert_eq!(sidecar_paths(Path::new("a/b.jpg")), [PathBuf::from("a/b.jpg.xmp"), PathBuf::from("a/b.xmp")]);
}

#[test]
fn a_time_is_known_from_the_best_of_four_sources() {
    let dated = jpeg(&[exif_segment(&exif_of(&[], &[ascii(0x9003, "2001:01:01 01:01:01")], &[]))]);
    let sidecar = packet("photoshop:DateCreated='2002-02-02T02:02:02'", "");
    let (named, unnamed) = (Path::new("IMG_20030303_030303.jpg"), Path::new("IMG_1.jpg"));
    let modified_ns = 1_081_065_844_000_000_000;
    let time = |path, bytes, sidecar| {
        let time = photo_facts(&PhotoSource { path, bytes, sidecar, modified_ns }).taken.unwrap();
        (time.local.to_string(), time.source.as_str())
    };
    let beside = Some(sidecar.as_bytes());
    assert_eq!(time(named, &dated, beside), ("2001-01-01T01:01:01".into(), "metadata"));
    assert_eq!(time(named, b"", beside), ("2002-02-02T02:02:02".into(), "sidecar"));
    assert_eq!(time(named, b"", None), ("2003-03-03T03:03:03".into(), "file name"));
    assert_eq!(time(unnamed, b"", None), ("2004-04-04T08:04:04".into(), "time of change"));
}
