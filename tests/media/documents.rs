//! Documents whose text is read, and everything about them that must not get in its way.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use vicinity_core::SkipReason;
use vicinity_media::{Content, DocumentError, DocumentFormat, Glance, ReadError, ReadOptions};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::support::project_dir;

fn fixture(name: &str) -> PathBuf {
    project_dir().join("tests/fixtures/documents").join(name)
}

/// The text of a file as the import reads it, and as it is read from memory.
fn text(path: &Path) -> String {
    let mut file = vicinity_media::open(path).unwrap();
    assert_eq!(file.skip_reason(path), None, "{}", path.display());
    file.fill().unwrap();
    let (hash, content) = file.content(path, &ReadOptions::default()).unwrap().unwrap();
    let Content::Text(text) = content else { panic!("{}: no text", path.display()) };
    assert_eq!(hash.0, *blake3::hash(text.as_bytes()).as_bytes(), "the hash is that of the words");
    assert_eq!(read(path, &std::fs::read(path).unwrap()).unwrap().as_deref(), Some(text.as_str()));
    assert_eq!(vicinity_media::glance(path), Glance::Text);
    text
}

fn read(path: &Path, bytes: &[u8]) -> Result<Option<String>, ReadError> {
    let content = vicinity_media::read(path, bytes, &ReadOptions::default())?;
    Ok(content.map(|content| match content {
        Content::Text(text) => text,
        other => panic!("{other:?}"),
    }))
}

/// Reads bytes under a name that ends like this.
fn named(ending: &str, bytes: &[u8]) -> Result<Option<String>, ReadError> {
    read(Path::new(&format!("file.{ending}")), bytes)
}

/// A container of these parts, the first as it is if it names a media type.
fn container(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        let method = if *name == "mimetype" { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const RELATIONS: &[u8] =
    b"<Relationships><Relationship Id='a' Type='http://x/officeDocument' Target='word/document.xml'/></Relationships>";

fn docx(document: &[u8]) -> Vec<u8> {
    container(&[("[Content_Types].xml", b"<Types/>"), ("_rels/.rels", RELATIONS), ("word/document.xml", document)])
}

fn paragraphs(inner: &str) -> Vec<u8> {
    format!("<w:document xmlns:w='x'><w:body>{inner}</w:body></w:document>").into_bytes()
}

fn odt(manifest: &str, content: &str) -> Vec<u8> {
    container(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text"),
        ("META-INF/manifest.xml", manifest.as_bytes()),
        ("content.xml", content.as_bytes()),
    ])
}

fn epub(encryption: &str, chapter: &[u8]) -> Vec<u8> {
    container(&[
        ("mimetype", b"application/epub+zip"),
        ("META-INF/container.xml", b"<container><rootfiles><rootfile full-path='a/b.opf'/></rootfiles></container>"),
        ("META-INF/encryption.xml", encryption.as_bytes()),
        (
            "a/b.opf",
            b"<package><manifest><item id='1' href='c.xhtml' media-type='application/xhtml+xml'/></manifest>\
              <spine><itemref idref='1'/></spine></package>",
        ),
        ("a/c.xhtml", chapter),
    ])
}

fn refused(error: DocumentError) -> Result<Option<String>, ReadError> {
    Err(error.into())
}

fn damaged(format: DocumentFormat) -> Result<Option<String>, ReadError> {
    refused(DocumentError::Damaged { format })
}

#[test]
fn documents_become_the_text_that_people_read() {
    let table = "bird\tcount\nswan\t1\nIn a box";
    assert_eq!(
        text(&fixture("ducks.docx")),
        format!("Ducks of the lake\nTwo mallards & a swan\tswim\nin the Königssee.\nBread is bad for them\n{table}")
    );
    assert_eq!(
        text(&fixture("ducks.odt")),
        format!("Ducks of the lake\nTwo mallards & a swan\tswim\nin the  Königssee.\n{table}\nBread is bad for them")
    );
    assert_eq!(
        text(&fixture("ducks.epub")),
        "Bread\nis bad for them\n\nDucks of the lake\nTwo mallards & a swan",
        "in the order of reading"
    );
    assert_eq!(text(&fixture("ducks.eml")), "Ducks of the Königssee\nTwo mallards & a swan\nswim in the Königssee.");
}

#[test]
fn the_content_tells_what_a_document_is_whatever_its_name() {
    let dir = tempfile::tempdir().unwrap();
    for (name, other) in
        [("ducks.docx", "docx.bak"), ("ducks.odt", "odt"), ("ducks.epub", "book.zip"), ("ducks.eml", "x")]
    {
        let copy = dir.path().join(other);
        std::fs::copy(fixture(name), &copy).unwrap();
        assert_eq!(text(&copy), text(&fixture(name)));
    }
}

#[test]
fn documents_of_other_kinds_are_skipped_as_before() {
    let dir = tempfile::tempdir().unwrap();
    let sheet = container(&[("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", b"<x/>")]);
    let slides = container(&[("[Content_Types].xml", b"<Types/>"), ("ppt/presentation.xml", b"<x/>")]);
    let photos = container(&[("words/1.jpg", b"..."), ("word.txt", b"...")]);
    for (name, bytes, reason) in [
        ("a.ods", &sheet, SkipReason::Office),
        ("b.odt", &sheet, SkipReason::Office),
        ("c.pptx", &slides, SkipReason::Office),
        ("d.zip", &photos, SkipReason::Archive),
    ] {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(vicinity_media::open(&path).unwrap().skip_reason(&path), Some(reason), "{name}");
        assert_eq!(read(&path, bytes), Ok(None), "{name}");
    }
}

#[test]
fn subtitles_are_read_as_words() {
    let srt =
        "1\n00:00:01,000 --> 00:00:02,000\n<i>Two ducks</i>\n\n2\n00:00:03,000 --> 00:00:04,000\non the Königssee\n";
    let latin = encoding_rs::WINDOWS_1252.encode(srt).0;
    for bytes in [srt.as_bytes(), &latin, &[&b"\xef\xbb\xbf"[..], srt.as_bytes()].concat()] {
        assert_eq!(named("srt", bytes).unwrap().unwrap(), "Two ducks\non the Königssee");
    }
    let vtt = b"WEBVTT\n\n00:01.000 --> 00:02.000\nTwo ducks &amp; a swan\n";
    assert_eq!(named("vtt", vtt).unwrap().unwrap(), "Two ducks & a swan");
}

#[test]
fn saved_pages_are_read_as_pages() {
    let page = "From: <Saved by a browser>\r\nSubject: Ducks\r\nMIME-Version: 1.0\r\n\
                Content-Type: multipart/related; type=\"text/html\"; boundary=\"x\"\r\n\r\n--x\r\n\
                Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
                <html><style>p=7B=7D</style><p>Two <b>ducks</b>=\r\n on the lake</p></html>\r\n--x\r\n\
                Content-Type: text/css\r\n\r\np { color: red }\r\n--x--\r\n";
    assert_eq!(named("mhtml", page.as_bytes()).unwrap().unwrap(), "Ducks\nTwo ducks on the lake");
}

#[test]
fn documents_without_words_are_blank() {
    assert_eq!(named("docx", &docx(&paragraphs("<w:p><w:r><w:drawing/></w:r></w:p>"))), Ok(None));
    assert_eq!(named("epub", &epub("<x/>", b"<html><body><img src='a.jpg'/></body></html>")), Ok(None));
}

#[test]
fn parts_in_utf_16_are_read() {
    let document = "<?xml version='1.0' encoding='UTF-16'?><w:document xmlns:w='x'><w:p><w:r><w:t>Zwei Enten, schön</w:t></w:r></w:p></w:document>";
    let mut wide = vec![0xff, 0xfe];
    wide.extend(document.encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(named("docx", &docx(&wide)).unwrap().unwrap(), "Zwei Enten, schön");
}

#[test]
fn encrypted_documents_are_failures() {
    let encrypted = refused(DocumentError::Encrypted);
    let manifest = "<manifest><file-entry full-path='content.xml'><encryption-data/></file-entry></manifest>";
    assert_eq!(named("odt", &odt(manifest, "\u{1}\u{2}")), encrypted);
    let of_picture = manifest.replace("content.xml", "Pictures/1.png");
    let content = "<office:document-content xmlns:office='x'><office:text><text:p>Ducks</text:p></office:text></office:document-content>";
    assert_eq!(named("odt", &odt(&of_picture, content)).unwrap().unwrap(), "Ducks");
    let data = |algorithm: &str| {
        format!(
            "<encryption><EncryptedData><EncryptionMethod Algorithm='{algorithm}'/><CipherData>\
             <CipherReference URI='a/c.xhtml'/></CipherData></EncryptedData></encryption>"
        )
    };
    let chapter = b"<html><body><p>Ducks</p></body></html>";
    assert_eq!(named("epub", &epub(&data("http://www.w3.org/2001/04/xmlenc#aes128-cbc"), chapter)), encrypted);
    assert_eq!(named("epub", &epub(&data("http://www.idpf.org/2008/embedding"), chapter)).unwrap().unwrap(), "Ducks");
    let mut compound = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    compound.resize(2048, 0);
    compound.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(named("docx", &compound), encrypted);
    assert_eq!(named("xlsx", &compound), Ok(None));
    // The flag of an encrypted part, in its own header and in the list of parts.
    let mut zip = docx(&paragraphs("<w:p/>"));
    for (signature, flags) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let starts: Vec<usize> = (0..zip.len() - 4).filter(|at| zip[*at..].starts_with(signature)).collect();
        starts.iter().for_each(|at| zip[at + flags] |= 1);
    }
    assert_eq!(named("docx", &zip), encrypted);
}

#[test]
fn damaged_documents_are_failures_and_no_panics() {
    let whole = docx(&paragraphs("<w:p><w:r><w:t>Ducks of the lake</w:t></w:r></w:p>"));
    let word = || damaged(DocumentFormat::Docx);
    assert_eq!(named("docx", &whole[..whole.len() - 30]), word(), "cut short");
    assert_eq!(named("docx", &docx(b"<w:document><w:p>")), word(), "elements without an end");
    assert_eq!(named("docx", &docx(b"<w:document><w:p></w:body></w:document>")), word(), "ends of other elements");
    assert_eq!(named("docx", &docx(b"<workbook/>")), word(), "another document");
    assert_eq!(named("docx", &docx(b"")), word());
    assert_eq!(named("docx", &container(&[("photo.jpg", b"...")])), word(), "only called so");
    assert_eq!(named("odt", &odt("<manifest/>", "<html/>")), damaged(DocumentFormat::Odt));
    assert_eq!(named("epub", &container(&[("mimetype", b"application/epub+zip")])), damaged(DocumentFormat::Epub));
    // Every byte changed, and every length: each is read or refused.
    for name in ["ducks.docx", "ducks.odt", "ducks.epub", "ducks.eml"] {
        let (path, bytes) = (fixture(name), std::fs::read(fixture(name)).unwrap());
        for at in (0..bytes.len()).step_by(3) {
            let mut changed = bytes.clone();
            changed[at] ^= 0xff;
            assert_ne!(read(&path, &changed), Err(ReadError::DecoderPanicked), "{name}: byte {at}");
            assert_ne!(read(&path, &bytes[..at]), Err(ReadError::DecoderPanicked), "{name}: {at} bytes");
        }
    }
    let mut flipped = std::fs::read(fixture("ducks.docx")).unwrap();
    let at = flipped.windows(17).position(|w| w == b"word/document.xml").unwrap();
    flipped[at + 17 + 200] ^= 0x55;
    assert_eq!(named("docx", &flipped), word(), "checksums are compared");
}

#[test]
fn what_unpacks_to_far_more_than_its_size_is_refused() {
    let expands = || refused(DocumentError::Expands);
    let bomb = docx(&paragraphs(&" ".repeat(20 << 20)));
    assert!(bomb.len() < 50 << 10, "{} bytes", bomb.len());
    assert_eq!(named("docx", &bomb), expands());
    assert_eq!(named("epub", &epub(&" ".repeat(20 << 20), b"")), expands());
    // Of a long text no more is unpacked than a model uses, so that what follows costs nothing.
    let mut long = "<w:p><w:r><w:t>All about ducks and swans. </w:t></w:r></w:p>".repeat(60_000);
    long.push_str(&"<w:p/>".repeat(3 << 20));
    let words = named("docx", &docx(&paragraphs(&long))).unwrap().unwrap();
    assert_eq!(words.chars().count(), 1 << 20);
}

#[test]
fn no_declaration_of_a_document_is_expanded_and_depth_has_a_limit() {
    let laughs = b"<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'><!ENTITY c SYSTEM 'file:///etc/passwd'>]>\
        <w:document><w:p><w:r><w:t>&b; &c; &#228; &lt;&amp;</w:t></w:r></w:p></w:document>";
    assert_eq!(named("docx", &docx(laughs)).unwrap().unwrap(), "&b; &c; ä <&");
    let deep = paragraphs(&format!("{}{}", "<w:tbl>".repeat(5000), "</w:tbl>".repeat(5000)));
    assert_eq!(named("docx", &docx(&deep)), refused(DocumentError::TooDeep));
}

#[test]
fn containers_that_list_too_much_are_refused_before_anything_is_allocated() {
    let too_many = || refused(DocumentError::TooManyParts);
    let names: Vec<String> = (0..20_001).map(|number| format!("word/{number}.xml")).collect();
    let mut parts: Vec<(&str, &[u8])> = vec![("[Content_Types].xml", &b"<Types/>"[..])];
    parts.extend(names.iter().map(|name| (name.as_str(), &b""[..])));
    assert_eq!(named("docx", &container(&parts)), too_many());
    // The records of a container with 2^60 parts, which stand before the usual one.
    let zip = docx(&paragraphs("<w:p/>"));
    let end = zip.windows(4).rposition(|w| w == b"PK\x05\x06").unwrap();
    let mut large = zip[..end].to_vec();
    let record = large.len() as u64;
    large.extend(b"PK\x06\x06");
    large.extend(44u64.to_le_bytes());
    large.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for number in [1u64 << 60, 1 << 60, 1 << 62, 1 << 61] {
        large.extend(number.to_le_bytes());
    }
    large.extend(b"PK\x06\x07\0\0\0\0");
    large.extend(record.to_le_bytes());
    large.extend([1, 0, 0, 0]);
    large.extend(b"PK\x05\x06\0\0\0\0");
    large.extend([0xff; 12]);
    large.extend([0, 0]);
    assert_eq!(named("docx", &large), too_many());
}

#[test]
fn errors_of_documents_are_sentences() {
    for (error, words) in [
        (DocumentError::Encrypted, "The document is encrypted; save a copy without a password"),
        (
            DocumentError::Damaged { format: DocumentFormat::Epub },
            "The file is damaged; its content is not a valid EPUB book",
        ),
    ] {
        assert_eq!(ReadError::from(error).to_string(), words);
    }
}
