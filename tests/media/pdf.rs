//! PDF documents: the picture and the text of each page, and what is said of those that cannot be read. The files were
//! written by `tests/fixtures/pdf/make.py`; the others are put together here.

use std::path::{Path, PathBuf};

use vicinity_core::{Part, Picture};
use vicinity_media::{
    Content, FilePart, Glance, PartContent, PartError, Parts, PdfError, ReadError, ReadOptions, glance, read, read_part,
};

const SENTENCE: &str = "Größe and façade: the official offer of 42 waffles";

fn path(name: &str) -> PathBuf {
    crate::support::project_dir().join("tests/fixtures/pdf").join(name)
}

fn open(bytes: Vec<u8>) -> Result<Parts, ReadError> {
    crate::use_helper();
    match read(Path::new("a.pdf"), &bytes, &ReadOptions::default()) {
        Ok(Some(Content::Parts(parts))) => Ok(parts),
        Ok(other) => panic!("no document: {other:?}"),
        Err(error) => Err(error),
    }
}

fn pages(name: &str) -> Parts {
    open(std::fs::read(path(name)).unwrap()).unwrap()
}

/// The texts of all pages that have one, and the pictures of all pages.
fn contents(pages: Parts) -> (Vec<(u32, String)>, Vec<Picture>) {
    let (mut texts, mut pictures) = (Vec::new(), Vec::new());
    for part in pages {
        match part.unwrap() {
            FilePart { part: Part::PageText(page), content: PartContent::Text(text), .. } => texts.push((page, text)),
            FilePart { part: Part::Page(page), content: PartContent::Picture { picture, .. }, .. } => {
                pictures.push(picture);
                assert_eq!(pictures.len(), page as usize);
            }
            other => panic!("{other:?}"),
        }
    }
    (texts, pictures)
}

/// A document of pages with these contents, in Helvetica (`F1`), with a size.
fn document(pages: &[&[u8]], size: &str, others: &str) -> Vec<u8> {
    let kids: String = (0..pages.len()).map(|n| format!("{} 0 R ", 4 + 2 * n)).collect();
    let font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>";
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        format!("<</Type/Pages/Kids[{kids}]/Count {}>>", pages.len()).into_bytes(),
        font.as_bytes().to_vec(),
    ];
    for (n, content) in pages.iter().enumerate() {
        let resources = format!("<</Font<</F1 3 0 R>>{others}>>");
        let page =
            format!("<</Parent 2 0 R/MediaBox[{size}]/Contents {} 0 R/Resources{resources}/Type/Page>>", 5 + 2 * n);
        objects.push(page.into_bytes());
        let stream = [format!("<</Length {}>>stream\n", content.len()).as_bytes(), content, b"\nendstream"].concat();
        objects.push(stream);
    }
    let mut bytes = b"%PDF-1.4\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (n, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", bytes.len()));
        bytes.extend(format!("{} 0 obj\n", n + 1).into_bytes());
        bytes.extend(object);
        bytes.extend(b"\nendobj\n");
    }
    let at = bytes.len();
    bytes.extend(table.into_bytes());
    bytes.extend(format!("trailer<</Root 1 0 R/Size {}>>\nstartxref\n{at}\n%%EOF\n", objects.len() + 1).into_bytes());
    bytes
}

const HELLO: &[u8] = b"BT /F1 24 Tf 100 400 Td (Hello page) Tj ET ";
const A4: &str = "0 0 595 842";

#[test]
fn each_page_has_a_picture_and_its_text() {
    let (texts, pictures) = contents(pages("report.pdf"));
    let expected = [
        (1, "Report on ducks\nDucks live on ponds and rivers.\nIn winter they fly south."),
        (2, "A wide table of ponds"),
    ];
    let texts: Vec<_> = texts.iter().map(|(page, text)| (*page, text.as_str())).collect();
    assert_eq!(texts, expected);
    let sizes: Vec<_> = pictures.iter().map(|picture| [picture.width(), picture.height()]).collect();
    assert_eq!(sizes, [[1131, 1600]; 3], "the second page is a wide one that is turned");
    let pixel = |x: u32, y: u32| &pictures[2].rgb()[(y * 1131 + x) as usize * 3..][..3];
    assert_eq!((pixel(300, 800), pixel(800, 800)), (&[255, 0, 0][..], &[0, 0, 255][..]));
    assert_eq!(&pictures[0].rgb()[..3], [255; 3], "paper is white");
    assert!(pictures[0].rgb().iter().any(|sample| *sample < 50), "letters are black");
}

#[test]
fn texts_are_read_in_all_kinds_of_fonts() {
    for name in ["truetype.pdf", "type1.pdf", "cid.pdf", "type3.pdf"] {
        assert_eq!(contents(pages(name)).0, [(1, SENTENCE.to_owned())], "{name}");
    }
    let (texts, pictures) = contents(pages("scan.pdf"));
    assert_eq!(texts, [(1, "An old letter about ducks".to_owned())], "the invisible text of a scan");
    assert!(pictures[0].rgb().iter().any(|sample| *sample < 50), "and its picture");
}

#[test]
fn hashes_are_those_of_the_document_and_the_page_or_of_the_text() {
    let hashes = |name: &str| -> Vec<_> {
        let of = |part: FilePart| (part.hash, matches!(part.content, PartContent::Text(_)));
        pages(name).map(|part| of(part.unwrap())).collect()
    };
    let (report, copy, other) = (hashes("report.pdf"), hashes("report.pdf"), hashes("restricted.pdf"));
    assert_eq!(report, copy);
    for (mine, theirs) in report.iter().zip(&other) {
        assert_eq!(mine.0 == theirs.0, mine.1, "a text counts once, a picture is one of its document");
    }
    let different: std::collections::HashSet<_> = report.iter().map(|(hash, _)| hash.0).collect();
    assert_eq!(different.len(), 5);
}

#[test]
fn passwords_are_needed_only_where_reading_is_protected() {
    let error = open(std::fs::read(path("locked.pdf")).unwrap()).err();
    assert_eq!(error, Some(PdfError::Encrypted.into()));
    assert_eq!(contents(pages("restricted.pdf")).0.len(), 2, "only changes need one");
}

#[test]
fn damaged_documents_are_read_as_far_as_they_go_or_refused() {
    let whole = std::fs::read(path("report.pdf")).unwrap();
    // Without its table of objects.
    let end = whole.windows(4).rposition(|w| w == b"xref").unwrap() - 10;
    assert_eq!(contents(open(whole[..end].to_vec()).unwrap()).0.len(), 2);
    assert_eq!(contents(open([b"X-Mailer: any\r\n\r\n", &whole[..]].concat()).unwrap()).0.len(), 2);
    let mut noise: u32 = 7;
    let mut garbage = b"%PDF-1.4\n1 0 obj\n".to_vec();
    garbage.extend((0..5000).map(|_| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    }));
    assert_eq!(open(garbage).err(), Some(PdfError::Damaged.into()));
    assert!(matches!(open(document(&[], A4, "")).err(), Some(ReadError::Pdf(PdfError::NoPages | PdfError::Damaged))));
    // A size that is no number of this format costs the page; the document has one, but none that can be read.
    let unreadable = open(document(&[HELLO], "0 0 1e9 1e9", "")).err().map(|error| error.to_string());
    assert_eq!(unreadable.as_deref(), Some("The document has no pages that can be read"));
    // Bits that are changed anywhere end nothing but the page.
    for at in (20..whole.len()).step_by(whole.len() / 40) {
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        if let Ok(pages) = open(changed) {
            assert!(pages.count() <= 5);
        }
    }
}

#[test]
fn pages_of_any_size_become_pictures() {
    let sizes = [
        ("0 0 1000000000 1000000000", [1600, 1600]),
        ("500 500 0 0", [1600, 1600]),
        ("0 0 100000 1", [1600, 1]),
        ("0 0 3 6", [800, 1600]),
        ("0 0 0 0", [1131, 1600]),
    ];
    for (size, expected) in sizes {
        let (_, pictures) = contents(open(document(&[HELLO], size, "")).unwrap());
        assert_eq!([pictures[0].width(), pictures[0].height()], expected, "{size}");
    }
}

#[test]
fn lines_drawn_by_chance_are_put_in_order() {
    let line = |column: usize, line: usize| {
        let (x, y) = (60 + column * 260, 760 - line * 14);
        format!("BT /F1 10 Tf {x} {y} Td (column {column} line {line}) Tj ET ")
    };
    let all: Vec<(usize, usize)> = (0..2).flat_map(|column| (0..20).map(move |n| (column, n))).collect();
    let shuffled: String = (0..all.len()).map(|n| all[n * 17 % all.len()]).map(|(column, n)| line(column, n)).collect();
    let (texts, _) = contents(open(document(&[shuffled.as_bytes()], A4, "")).unwrap());
    let expected: Vec<String> = all.iter().map(|(column, n)| format!("column {column} line {n}")).collect();
    assert_eq!(texts[0].1.split_whitespace().collect::<Vec<_>>().join(" "), expected.join(" "));
}

#[test]
fn text_that_stands_for_a_drawing_is_read_once() {
    let content = b"/Span <</ActualText(Quack)>> BDC BT /F1 24 Tf 100 400 Td (xyz) Tj ET EMC BT /F1 24 Tf 200 400 Td (loud) Tj ET";
    assert_eq!(contents(open(document(&[content], A4, "")).unwrap()).0, [(1, "Quack loud".to_owned())]);
    // Filled and outlined, and drawn twice to look bold.
    let twice = b"2 Tr BT /F1 24 Tf 100 400 Td (Bold) Tj ET BT /F1 24 Tf 100.4 400 Td (Bold) Tj ET";
    assert_eq!(contents(open(document(&[twice], A4, "")).unwrap()).0, [(1, "Bold".to_owned())]);
}

#[test]
fn a_page_that_cannot_be_read_costs_itself() {
    // More pixels than a computer has memory for.
    let absurd = b"BI /W 60000 /H 60000 /IM true /BPC 1 ID abc EI ";
    let document = document(&[HELLO, absurd, HELLO], A4, "");
    let read: Vec<_> = open(document).unwrap().collect();
    let failed: Vec<_> = read.iter().filter_map(|page| page.as_ref().err()).collect();
    let [PartError { part, problem }] = failed[..] else { panic!("{failed:?}") };
    assert_eq!(part.page(), Some(2));
    assert_eq!(*problem, ReadError::DecoderStopped);
    let of = |page: u32| read.iter().flatten().filter(|read| read.part.page() == Some(page)).count();
    assert_eq!((of(1), of(3)), (2, 2));
}

#[test]
fn one_page_is_read_again() {
    crate::use_helper();
    let report = path("report.pdf");
    let Ok(Some(PartContent::Picture { picture, original })) = read_part(&report, Part::Page(2)) else {
        panic!("no picture")
    };
    assert_eq!(([picture.width(), picture.height()], original), ([1131, 1600], [1131, 1600]));
    let text = |page| match read_part(&report, Part::PageText(page)) {
        Ok(Some(PartContent::Text(text))) => Some(text),
        Ok(None) => None,
        other => panic!("{other:?}"),
    };
    assert_eq!(text(2).as_deref(), Some("A wide table of ponds"));
    assert_eq!(text(3), None);
    assert_eq!(read_part(&report, Part::Page(4)).unwrap_err(), PdfError::PageMissing.into());
    assert!(matches!(read_part(&report, Part::Row(1)), Ok(None)));
    assert_eq!(glance(&report), Glance::Pages(3, [1131, 1600]));
    let texts_only = ReadOptions { texts_only: true, ..ReadOptions::default() };
    let bytes = std::fs::read(&report).unwrap();
    let Ok(Some(Content::Parts(parts))) = read(&report, &bytes, &texts_only) else { panic!("no document") };
    let parts: Vec<Part> = parts.map(|part| part.unwrap().part).collect();
    assert_eq!(parts, [Part::PageText(1), Part::PageText(2)]);
}

#[test]
fn a_large_document_keeps_nobody_from_reading_other_files() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.pdf");
    let mut file = std::fs::File::create(&large).unwrap();
    file.write_all(b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n").unwrap();
    file.set_len(700 << 20).unwrap();
    let mut document = vicinity_media::open(&large).unwrap();
    document.fill().unwrap();
    // It would wait for as long as the document is read.
    let other = folder.path().join("other.txt");
    std::fs::write(&other, "words ".repeat(200_000)).unwrap();
    let (sender, read) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut text = vicinity_media::open(&other).unwrap();
        sender.send(text.fill().is_ok()).unwrap();
    });
    assert_eq!(read.recv_timeout(std::time::Duration::from_secs(60)), Ok(true));
    drop(document);
}

#[test]
fn pages_of_the_document_that_was_looked_at_last_are_those_of_the_file_as_it_is_now() {
    crate::use_helper();
    let folder = tempfile::tempdir().unwrap();
    let [report, type1, restricted] = ["report.pdf", "type1.pdf", "restricted.pdf"].map(path);
    let path = folder.path().join("a.pdf");
    let text = |page| match read_part(&path, Part::PageText(page)) {
        Ok(Some(PartContent::Text(text))) => Some(text),
        _ => None,
    };
    std::fs::copy(&report, &path).unwrap();
    let facts = vicinity_media::pdf_facts(&path).unwrap();
    assert_eq!((facts.pages, facts.is_encrypted), (3, false));
    let first = text(1).expect("a text");
    assert_eq!(text(1).as_ref(), Some(&first));
    std::fs::copy(&type1, &path).unwrap();
    let other = text(1).expect("a text");
    assert_ne!(other, first, "another document by now");
    assert!(vicinity_media::pdf_facts(&restricted).unwrap().is_encrypted);
    std::fs::remove_file(&path).unwrap();
    assert!(text(1).is_none());
}
