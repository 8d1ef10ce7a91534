//! What is taken for a text, and what of it people read.

use std::fs;
use std::path::Path;

use vicinity_media::{Content, ReadOptions};

use super::{content, refusal, text};

/// Noise that is the same on every run.
fn noise(count: usize, least: u8, most: u8) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as u8
    };
    let values = u16::from(most - least) + 1;
    (0..count).map(|_| least + (u16::from(next()) % values) as u8).collect()
}

fn is_none(name: &str, bytes: &[u8]) -> bool {
    matches!(content(name, bytes), Ok(None) | Err(_))
}

#[test]
fn first_words_of_other_formats_decide_nothing() {
    for words in [
        "MZ motorcycles: a note about an old two-stroke engine.",
        "ID3 tags hold artist and album of a song.",
        "P1 incidents of this week: the database was down.",
        "P1 2 3 people were hurt, and more of them later",
        "P5 10 10 255",
        "DDS Miller cleaned my teeth on Monday.",
        "OTTO is a palindrome.",
        "BM stands for bitmap, and for many other things, too.",
        "II is two in Rome, MM two thousand.",
        "GIF89a is older, than you think; it can move!",
        "qoif begins a picture",
        "%!PS is how PostScript begins",
        "%PDF-1.7 is the version that I mean",
        "RIFF and WAVE and ftyp",
        "<svg is a tag of drawings",
        "#!/bin/sh\necho yes\n",
        "PK is how zip archives begin",
        "\u{ff}\nis a letter on a line",
    ] {
        assert_eq!(text("note.txt", words.as_bytes()), words);
        assert_eq!(text("note", words.as_bytes()), words);
    }
}

#[test]
fn binary_files_are_no_texts() {
    let wave = [
        b"RIFF\x24\x20\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\0\x20\0\0",
        &noise(8192, 100, 150)[..],
    ];
    let npy = [
        b"\x93NUMPY\x01\0v\0{'descr': '|u1', 'fortran_order': False, 'shape': (9000,)}       \n",
        &noise(9000, 32, 255)[..],
    ];
    let mut pcx = b"\x0a\x05\x01\x08\0\0\0\0\x63\0\x4f\0".to_vec();
    pcx.resize(128, 0);
    pcx[65..69].copy_from_slice(&[3, 100, 0, 1]);
    pcx.extend(noise(20_000, 33, 255));
    let files = [
        ("sound.wav", wave.concat()),
        ("sound", wave.concat()),
        ("array.npy", npy.concat()),
        ("picture.pcx", pcx.clone()),
        ("picture", pcx),
        (
            "picture.ras",
            [
                &b"Y\xa6j\x95\0\0\0\x64\0\0\0\x50\0\0\0\x18\0\0\x5d\xc0\0\0\0\x03\0\0\0\0\0\0\0\0"[..],
                &noise(24_000, 33, 255),
            ]
            .concat(),
        ),
        ("quiet.raw", noise(20_000, 118, 138)),
        ("bright.raw", noise(20_000, 192, 255)),
        ("even.raw", noise(20_000, 32, 255)),
        ("all.raw", noise(20_000, 0, 255)),
        (
            "data.db",
            [&b"SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20"[..], &b"CREATE TABLE dogs (name TEXT)".repeat(300)]
                .concat(),
        ),
        (
            "words.mo",
            [&b"\xde\x12\x04\x95\0\0\0\0\x02\0\0\0\x1c\0\0\0\x2c\0\0\0"[..], &b"A message of a program\0".repeat(300)]
                .concat(),
        ),
    ];
    for (name, bytes) in files {
        assert!(is_none(name, &bytes), "{name}: {:?}", content(name, &bytes).map(|_| ()));
    }
    assert!(refusal("notes.txt", &noise(5000, 0, 255)).contains("not text"));
}

#[test]
fn blank_texts_are_no_items() {
    for blank in ["", "  \n\n", "\u{feff}", "\u{feff}\n", "\u{200b}\u{200b}\n", "\t\u{3000}\u{a0}"] {
        assert!(matches!(content("blank.txt", blank.as_bytes()), Ok(None)), "{blank:?}");
    }
    assert!(matches!(content("blank.txt", b"\xff\xfe\x20\0\x0a\0"), Ok(None)), "in UTF-16");
}

#[test]
fn bitmaps_are_pictures_whatever_their_pixels_look_like() {
    let letters = image::RgbImage::from_fn(24, 20, |x, y| image::Rgb([b'a' + (x % 26) as u8, b' ' + y as u8, b'e']));
    let mut bytes = std::io::Cursor::new(Vec::new());
    letters.write_to(&mut bytes, image::ImageFormat::Bmp).unwrap();
    let bytes = bytes.into_inner();
    for name in ["letters.bmp", "letters", "letters.txt"] {
        assert!(matches!(content(name, &bytes), Ok(Some(Content::Image { .. }))), "{name}");
    }
    // OS/2's first header, and pixels far behind it.
    let mut old = b"BM\0\0\0\0\0\0\0\0\0\x01\0\0\x0c\0\0\0\x02\0\x01\0\x01\0\x18\0".to_vec();
    old.resize(256, b' ');
    old.extend(b"abcdef  ");
    assert!(matches!(content("old", &old), Ok(Some(Content::Image { original: [2, 1], .. }))));
}

#[test]
fn valid_utf8_is_never_an_old_encoding() {
    for words in [
        "România are un relief variat, iar țăranii își păstrează tradițiile și învață șapte limbi străine.",
        "ˈfɒnətɪks ɪz ðə ˈstʌdi əv spiːtʃ saʊndz ænd ðeə prəˈdʌkʃən",
        "El nin\u{303}o comio\u{301} una manzana en la man\u{303}ana y se fue a Espan\u{303}a con su papa\u{301}.",
        "日本語のテキストは UTF-8 で書かれています。",
        "Příliš žluťoučký kůň úpěl ďábelské ódy",
        "áéíóú",
    ] {
        assert_eq!(text("a.txt", words.as_bytes()), words);
        // Whatever the first 64 KiB cut in two.
        let long = format!("{}{words}", "x".repeat(7)).repeat(2000);
        assert_eq!(text("a.txt", long.as_bytes()), long);
    }
}

#[test]
fn old_encodings_stay_right() {
    let encoded = |label: &str, words: &str| {
        let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
        encoding.encode(words).0.into_owned()
    };
    for (label, words) in [
        ("shift_jis", "金毛犬の子犬が雪の中で遊んでいます。空は青く、子供たちは笑っています。\n"),
        ("gb18030", "金毛小狗在雪地里玩耍。孩子在旁边笑着看它跑来跑去,非常开心。\n"),
        ("big5", "金毛小狗在雪地裡玩耍。孩子在旁邊笑著看牠跑來跑去,非常開心。\n"),
        ("euc-kr", "강아지가 눈 속에서 놀고 있습니다. 아이가 웃으며 달려갑니다.\n"),
        ("koi8-r", "Щенок золотистого ретривера играет в снегу, а дети смеются.\n"),
        ("windows-1251", "Щенок золотистого ретривера играет в снегу, а дети смеются.\n"),
        ("windows-1252", "Der größte Hund läuft über die Straße – “schön”, sagt das Mädchen.\n"),
        ("windows-1253", "Ένα κουτάβι παίζει στο χιόνι και τα παιδιά γελούν δίπλα του.\n"),
        ("iso-8859-2", "Příliš žluťoučký kůň úpěl ďábelské ódy, řekl starý muž a odešel.\n"),
    ] {
        assert_eq!(text("a.txt", &encoded(label, words)), words, "{label}");
    }
    let dos = b"Der gr\x94\xe1te Hund l\x84uft \x81ber die Stra\xe1e, und das M\x84dchen lacht.\r\n\xc9\xcd\xcd\xcd\xbb\r\n\xba x \xba\r\n\xc8\xcd\xcd\xcd\xbc\r\n";
    assert_eq!(
        text("a.txt", dos),
        "Der größte Hund läuft über die Straße, und das Mädchen lacht.\n╔═══╗\n║ x ║\n╚═══╝\n"
    );
    let mac = b"Le caf\x8e est ferm\x8e, la for\x90t est belle\rl'\x8ecole o\x9d il a \x8et\x8e\r";
    assert_eq!(text("a.txt", mac), "Le café est fermé, la forêt est belle\nl'école où il a été\n");
}

#[test]
fn files_may_name_their_encoding() {
    let page = |label: &str, words: &[u8]| {
        let head = format!(
            "<html><head><meta http-equiv='Content-Type' content='text/html; charset={label}'></head><body><p>"
        );
        [head.as_bytes(), words, b"</p></body></html>"].concat()
    };
    assert_eq!(text("a.html", &page("iso-8859-7", b"\xe3\xe1\xf4\xe1")), "γατα");
    assert_eq!(text("a.html", &page("windows-1251", b"\xea\xee\xf2")), "кот");
    assert_eq!(text("a.html", &page("utf-16", "кот".as_bytes())), "кот", "it cannot be what it says");
    assert_eq!(text("a.html", &page("iso-8859-1", "кот".as_bytes())), "кот", "valid UTF-8");
    assert_eq!(
        text("a.py", b"# -*- coding: koi8-r -*-\nprint('\xcb\xcf\xd4')\n"),
        "# -*- coding: koi8-r -*-\nprint('кот')\n"
    );
}

#[test]
fn of_markup_the_words_are_read() {
    let words = "A golden retriever puppy\nplays in the snow.";
    for (name, bytes) in [
        (
            "a.html",
            "<!DOCTYPE html><html><head><script src='/0.js'></script></head><body><p>A golden <b>retriever</b> puppy<p>plays in&nbsp;the snow.</body></html>",
        ),
        ("a.htm", "<p>A golden retriever puppy<br>plays in the <!-- deep --> snow.</p>"),
        (
            "a",
            "<html>\n<style>p { color: red }</style><p>A golden retriever puppy</p><div>plays in the snow.</div></html>",
        ),
        ("a.txt", "<div>\n  <p>A golden retriever puppy</p>\n  <p>plays in the snow.</p>\n</div>\n"),
        (
            "a.rtf",
            "{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}\\f0 A golden {\\b retriever} puppy\\par plays in the snow.\\par}",
        ),
        ("a.doc", "{\\rtf1\\ansi A golden retriever puppy\\line plays in the snow.}"),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\n<i>A golden retriever puppy</i>\nplays in the snow.\n"),
        ("a.log", "\u{1b}[32mA golden\u{1b}[0m retriever puppy\r\nplays \u{1b}[1min\u{1b}[m the snow."),
    ] {
        assert_eq!(text(name, bytes.as_bytes()), words, "{name}");
    }
    let xhtml = "<?xml version=\"1.0\"?>\n<html xmlns=\"http://www.w3.org/1999/xhtml\"><body><svg/><p>All about dogs</p></body></html>\n";
    assert_eq!(text("page.xhtml", xhtml.as_bytes()), "All about dogs");
    // A drawing, for which these tests have no decoder.
    assert!(refusal("a.svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\"><text>dog</text></svg>").contains("decoder"));
    for (name, source) in [
        ("a.md", "# Title\n\nThe `<b>` tag, and <i>this</i>.\n"),
        ("a.tex", "\\documentclass{article}\n% \\textbf{bold} words\n"),
        ("a.py", "print('<p>no page</p>')\n"),
        ("times.txt", "At 00:00:01,000 --> 00:00:02,000\n<i>Hello.</i>\n"),
        ("a.rst", ".. raw:: html\n\n   <p>x</p>\n"),
    ] {
        assert_eq!(text(name, source.as_bytes()), source, "{name}");
    }
}

#[test]
fn texts_without_end_are_read_no_further_than_a_model_can_use() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("big.log");
    fs::write(&path, "a line of a log\n".repeat(1 << 13)).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(3 << 30).unwrap();
    let mut file = vicinity_media::open(&path).unwrap();
    file.fill().unwrap();
    let Ok(Some((_, Content::Text(text)))) = file.content(&path, &ReadOptions::default()) else { panic!("no text") };
    assert!(text.starts_with("a line of a log\n") && text.len() <= 1 << 20, "{} bytes", text.len());
}

#[test]
fn one_text_in_two_encodings_is_one_content() {
    let dir = tempfile::tempdir().unwrap();
    let hash = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        let mut file = vicinity_media::open(&path).unwrap();
        file.fill().unwrap();
        file.content(&path, &ReadOptions::default()).unwrap().unwrap().0
    };
    let plain = hash("a.txt", "Ein größerer Hund".as_bytes());
    let utf16: Vec<u8> = "Ein größerer Hund".encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(hash("b.txt", &utf16), plain);
    assert_eq!(hash("c.html", "<p>Ein gr&ouml;&szlig;erer Hund</p>".as_bytes()), plain);
    // The same bytes are a page under one name and a program under the other.
    let page = b"<p>Hello</p>";
    assert_ne!(hash("d.html", page), hash("d.py", page));
}

#[test]
fn tables_are_known_by_every_usual_name() {
    for (name, bytes) in [
        ("a.csv", "x;text\n1;a\n2;b"),
        ("a.TSV", "text\tx\na\t1\nb\t2\n"),
        ("a.tab", "text\tx\na\t1\nb\t2\n"),
        ("a.ndjson", "\"a\"\n\"b\""),
    ] {
        assert!(vicinity_media::is_table(Path::new(name)), "{name}");
        let rows = vicinity_media::read(
            Path::new(name),
            bytes.as_bytes(),
            &ReadOptions { rows: true, ..ReadOptions::default() },
        );
        let Ok(Some(Content::Rows(rows))) = rows else { panic!("{name}: {rows:?}") };
        assert_eq!(rows.map(|row| row.unwrap().text).collect::<Vec<_>>(), ["a", "b"], "{name}");
    }
}
