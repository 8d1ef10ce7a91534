//! Taking files in: every awkward picture and text ends as its manifest expects, nothing crashes, memory stays bounded.

mod texts;

use std::fs;
use std::path::{Path, PathBuf};
use std::slice::from_ref;
use std::sync::atomic::AtomicBool;

use vicinity_core::{Failure, Picture, SkipReason};
use vicinity_engine::scan::{Candidate, DEFAULT_EXCLUDES, Excludes, FolderWalk, ScanEntry, scan};
use vicinity_engine::store::Store;
use vicinity_media::thumbnail;
use vicinity_media::{Content, ReadError, ReadOptions, load, read};

fn content(path: &str, bytes: &[u8]) -> Result<Option<Content>, ReadError> {
    read(Path::new(path), bytes, &ReadOptions::default())
}

fn picture(path: &str, bytes: &[u8]) -> (Picture, [u32; 2]) {
    match content(path, bytes) {
        Ok(Some(Content::Image { picture, original })) => (picture, original),
        other => panic!("{path} is no picture: {other:?}"),
    }
}

fn text(path: &str, bytes: &[u8]) -> String {
    match content(path, bytes) {
        Ok(Some(Content::Text(text))) => text,
        other => panic!("{path} is no text: {other:?}"),
    }
}

fn refusal(path: &str, bytes: &[u8]) -> String {
    match content(path, bytes) {
        Err(error) => error.to_string(),
        other => panic!("{path} is not refused: {other:?}"),
    }
}

/// A 3 x 2 PNG: red, green, blue; black, white, half-transparent red.
fn small_png() -> Vec<u8> {
    let pixels = [255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 0, 0, 0, 255, 255, 255, 255, 255, 255, 0, 0, 128];
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbaImage::from_raw(3, 2, pixels.to_vec()).unwrap().write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A 16 x 8 JPEG, left half white and right half black, with an EXIF orientation.
fn jpeg(orientation: u8) -> Vec<u8> {
    let pixels = (0..16 * 8).flat_map(|i| [if i % 16 < 8 { 255u8 } else { 0 }; 3]).collect();
    let mut bytes = thumbnail::encode(&Picture::new(16, 8, pixels).unwrap());
    let mut exif = b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    bytes.splice(2..2, exif);
    bytes
}

#[test]
fn transparent_pixels_show_white() {
    let (picture, original) = picture("a.png", &small_png());
    assert_eq!(original, [3, 2]);
    assert_eq!(picture.rgb()[..9], [255, 0, 0, 0, 255, 0, 0, 0, 255]);
    assert_eq!(picture.rgb()[15..], [255, 127, 127]);
}

#[test]
fn pictures_stand_upright_whatever_their_orientation_says() {
    let corner = |p: &Picture, x: u32, y: u32| p.rgb()[((y * p.width() + x) * 3) as usize] > 128;
    for orientation in 0..=9 {
        let (picture, original) = picture("a.jpg", &jpeg(orientation));
        let wanted = if (5..=8).contains(&orientation) { [8, 16] } else { [16, 8] };
        assert_eq!(original, wanted, "orientation {orientation}");
        assert_eq!([picture.width(), picture.height()], wanted, "orientation {orientation}");
        // The white half ends up left, right, top or bottom.
        let first_is_white = !matches!(orientation, 2 | 3 | 7 | 8);
        assert_eq!(corner(&picture, 1, 1), first_is_white, "orientation {orientation}");
    }
}

#[test]
fn an_icon_that_claims_gigabytes_is_refused_before_decoding() {
    let mut icon = vec![0, 0, 1, 0, 1, 0, 16, 16, 0, 0, 1, 0, 32, 0];
    icon.extend(176u32.to_le_bytes());
    icon.extend(22u32.to_le_bytes());
    icon.extend(40u32.to_le_bytes());
    icon.extend(65_535u32.to_le_bytes());
    icon.extend(131_070u32.to_le_bytes());
    icon.resize(198, 1);
    assert!(refusal("a.ico", &icon).contains("65535 × 65535"));
}

#[test]
fn content_counts_and_names_do_not() {
    assert!(matches!(content("a.txt", &small_png()), Ok(Some(Content::Image { .. }))));
    assert!(matches!(content("no_extension", &small_png()), Ok(Some(Content::Image { .. }))));
    assert!(refusal("a.png", b"<html>Not found</html>").contains("suggests an image"));
    assert!(refusal("a.jpg", b"").contains("empty"));
    assert!(refusal("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0").contains("truncated"));
    assert!(refusal("a.txt", &[0x93, 0, 1, 2, 3, 0, 0, 200, 7, 8].repeat(50)).contains("not text"));
    assert!(matches!(content("a.zip", b"PK\x03\x04 rest"), Ok(None)));
    assert!(matches!(content("program", &[0x7f, b'E', b'L', b'F', 2, 1]), Ok(None)));
    assert_eq!(text("main.rs", b"fn main() {}"), "fn main() {}");
    assert_eq!(
        text("BMW.txt", b"BM is not a bitmap here, only two letters"),
        "BM is not a bitmap here, only two letters"
    );
    assert_eq!(text("P1.txt", b"P1x starts a note"), "P1x starts a note");
}

#[test]
fn a_picture_cut_short_is_refused_or_shown_in_part() {
    let whole = small_png();
    for end in 1..whole.len() {
        // Whatever comes of it: an answer, not a crash.
        let _ = content("a.png", &whole[..end]);
    }
    assert!(!refusal("a.png", &whole[..40]).is_empty());
}

#[test]
fn texts_are_read_in_their_encoding() {
    let words = "Grüße aus Köln: ein kleiner weißer Ball";
    let utf16 = |big: bool| -> Vec<u8> {
        words.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    };
    let utf32 = |big: bool| -> Vec<u8> {
        words.chars().flat_map(|c| if big { (c as u32).to_be_bytes() } else { (c as u32).to_le_bytes() }).collect()
    };
    let with = |mark: &[u8], bytes: Vec<u8>| [mark, &bytes].concat();
    let latin1: Vec<u8> = words.chars().map(|c| c as u8).collect();
    for (name, bytes) in [
        ("utf-8", words.as_bytes().to_vec()),
        ("utf-8 with mark", with(b"\xef\xbb\xbf", words.as_bytes().to_vec())),
        ("utf-16le with mark", with(b"\xff\xfe", utf16(false))),
        ("utf-16be with mark", with(b"\xfe\xff", utf16(true))),
        ("utf-16le", utf16(false)),
        ("utf-16be", utf16(true)),
        ("utf-32le with mark", with(b"\xff\xfe\0\0", utf32(false))),
        ("utf-32be with mark", with(b"\0\0\xfe\xff", utf32(true))),
        ("utf-32le", utf32(false)),
        ("utf-32be", utf32(true)),
        ("latin-1", latin1),
    ] {
        assert_eq!(text("a.txt", &bytes), words, "{name}");
    }
    assert_eq!(text("a.txt", b"one\r\ntwo\rthree\x07"), "one\ntwo\nthree");
}

#[test]
fn tables_come_apart_only_when_asked() {
    let csv = b"id,text\n1,a dog\n2,a cat\n";
    assert!(matches!(content("a.csv", csv), Ok(Some(Content::Text(_)))));
    let rows = read(Path::new("a.csv"), csv, &ReadOptions { rows: true, ..ReadOptions::default() });
    let Ok(Some(Content::Rows(rows))) = rows else { panic!("no rows: {rows:?}") };
    assert_eq!(rows.map(|row| row.unwrap().text).collect::<Vec<_>>(), ["a dog", "a cat"]);
}

fn scan_all(roots: &[&Path], excludes: &[&str]) -> (Vec<String>, Vec<Failure>) {
    let patterns: Vec<String> = excludes.iter().map(|e| (*e).to_owned()).collect();
    let roots: Vec<PathBuf> = roots.iter().map(|r| r.to_path_buf()).collect();
    let (mut names, mut failures) = (Vec::new(), Vec::new());
    scan(&roots, &Excludes::new(&patterns).unwrap(), &AtomicBool::new(false), &mut |found| match found {
        Ok(Candidate { path, .. }) => names.push(path.file_name().unwrap().to_string_lossy().into_owned()),
        Err(failure) => failures.push(failure),
    });
    (names, failures)
}

#[test]
fn scans_deep_but_skips_what_is_hidden_or_excluded() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    for folder in ["a/b/c", ".hidden", "node_modules/x"] {
        fs::create_dir_all(at(folder)).unwrap();
    }
    for file in ["1.txt", "a/2.txt", "a/b/c/3.txt", "a/.secret", ".hidden/4.txt", "node_modules/x/5.txt", "a/6.tmp"] {
        fs::write(at(file), "x").unwrap();
    }
    assert_eq!(scan_all(&[dir.path()], DEFAULT_EXCLUDES).0, ["1.txt", "2.txt", "3.txt"]);
    assert_eq!(scan_all(&[&at(".hidden")], DEFAULT_EXCLUDES).0, ["4.txt"], "a root may be hidden");
    assert_eq!(scan_all(&[dir.path(), &at("a")], DEFAULT_EXCLUDES).0.len(), 3, "a root within a root counts once");
    assert_eq!(scan_all(&[&at("a/6.tmp")], DEFAULT_EXCLUDES).0, ["6.tmp"], "a file named by the user is taken");
    let (names, failures) = scan_all(&[&at("gone"), &at("1.txt")], &[]);
    assert_eq!(names, ["1.txt"]);
    assert_eq!(failures.len(), 1);
    assert!(failures[0].reason.contains("no longer exists"), "{failures:?}");
    assert!(Excludes::new(&["[".to_owned()]).is_err());
}

// Links need a privilege on Windows.
#[cfg(unix)]
#[test]
fn loops_of_links_end_and_odd_names_survive() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("a")).unwrap();
    std::os::unix::fs::symlink(dir.path(), dir.path().join("a/up")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("a"), dir.path().join("again")).unwrap();
    std::os::unix::fs::symlink("nowhere", dir.path().join("dangling")).unwrap();
    fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"a/caf\xe9.txt")), "x").unwrap();
    let (names, failures) = scan_all(&[dir.path()], &[]);
    assert_eq!(names, ["caf\u{fffd}.txt"]);
    assert_eq!(failures.len(), 1, "the dangling link is said: {failures:?}");
}

/// Paths below a folder that a walk over `roots` finds, and what it passes over and counts.
fn walk(roots: &[PathBuf], all: &[PathBuf], below: &Path) -> (Vec<String>, Vec<SkipReason>) {
    let (excludes, cancel) = (Excludes::new(&[]).unwrap(), AtomicBool::new(false));
    let mut walk = FolderWalk::new(&excludes, all.to_vec(), &cancel);
    let (mut paths, mut skipped) = (Vec::new(), Vec::new());
    for root in roots {
        walk.root(root, &mut |found| match found {
            ScanEntry::File(file) => {
                paths.push(file.path.strip_prefix(below).unwrap().to_str().unwrap().replace('\\', "/"));
            }
            ScanEntry::Mount(folder) => panic!("{} is on another disk", folder.display()),
            ScanEntry::Skipped(reason) => skipped.push(reason),
            ScanEntry::Failed(failure) => paths.push(format!("failed: {}", failure.path.display())),
        });
    }
    (paths, skipped)
}

#[test]
fn what_the_program_has_written_itself_is_no_file_of_the_user_whatever_it_is_called() {
    let dir = tempfile::tempdir().unwrap();
    let top = fs::canonicalize(dir.path()).unwrap();
    let at = |name: &str| top.join(name);
    // a library among photos, one in the folder of photos itself, and a folder of data
    for library in ["notes", "album", "stick/data/default", "stick/data/libraries/photos-1a2b"] {
        let key = vicinity_models::builtin::info().unwrap().key;
        let (store, _) = Store::open(&at(library), &key).unwrap();
        store.put_thumbnail(&vicinity_core::ContentHash([7; 32]), b"\xff\xd8 a thumbnail \xff\xd9");
        fs::write(at(library).join("model.json"), "{}").unwrap();
        fs::create_dir_all(at(library).join("mailbox")).unwrap();
        fs::write(at(library).join("mailbox/1.json"), "{}").unwrap();
    }
    fs::create_dir_all(at("stick/data/models/m")).unwrap();
    fs::write(at("stick/data/models/m/config.json"), "{}").unwrap();
    fs::write(at("stick/data/settings.json"), "{}").unwrap();
    fs::write(at("album/holiday.txt"), "the user's own").unwrap();
    // what is only called so
    fs::create_dir_all(at("thumbs")).unwrap();
    fs::write(at("thumbs/nail.txt"), "about thumbs").unwrap();
    // a part of a library that was copied, or left behind
    fs::rename(at("notes/thumbs"), at("copy")).unwrap();
    let (paths, skipped) = walk(from_ref(&top), from_ref(&top), &top);
    assert_eq!(paths, ["album/holiday.txt", "thumbs/nail.txt"]);
    assert_eq!(skipped, [SkipReason::Cache]);
    let (paths, _) = walk(&[at("album")], &[at("album")], &top);
    assert_eq!(paths, ["album/holiday.txt"], "a folder of photos that is a library, too");
    let (paths, _) = walk(&[at("album/thumbs")], &[at("album/thumbs")], &top);
    assert!(paths.len() == 1 && paths[0].starts_with("failed: "), "{paths:?}");
}

// Links need a privilege on Windows.
#[cfg(unix)]
#[test]
fn a_file_has_one_path_whatever_links_lead_to_it() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let top = fs::canonicalize(dir.path()).unwrap();
    let at = |name: &str| top.join(name);
    for folder in ["a/sub", "a/.annex", "b", "outside/deep"] {
        fs::create_dir_all(at(folder)).unwrap();
    }
    for file in ["a/sub/1.txt", "a/.annex/2.txt", "b/3.txt", "outside/deep/4.txt"] {
        fs::write(at(file), file).unwrap();
    }
    symlink(at("b"), at("a/0-to-b")).unwrap();
    symlink(at("a/sub"), at("a/1-to-sub")).unwrap();
    symlink(at("a/sub/1.txt"), at("a/2-to-file.txt")).unwrap();
    symlink(at("a/.annex/2.txt"), at("a/3-kept-in-hidden.txt")).unwrap();
    symlink(at("outside"), at("a/4-to-outside")).unwrap();
    symlink(at("outside/deep"), at("a/5-to-outside-again")).unwrap();
    symlink(at("a"), at("a/sub/6-loop")).unwrap();
    let wanted =
        ["a/3-kept-in-hidden.txt", "a/4-to-outside/deep/4.txt", "a/sub/1.txt", "b/3.txt"].map(str::to_owned).to_vec();
    let all = [at("a"), at("b")];
    for roots in [vec![at("a"), at("b")], vec![at("b"), at("a")], vec![at("a")]] {
        let (mut paths, _) = walk(&roots, &all, &top);
        paths.sort();
        assert_eq!(paths, wanted, "{roots:?}");
    }
}

// Only Unix has pipes in folders.
#[cfg(unix)]
#[test]
fn pipes_and_sockets_are_left_out_and_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let top = fs::canonicalize(dir.path()).unwrap();
    let pipe = top.join("pipe.jpg");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(top.join("socket.txt")).unwrap();
    assert_eq!(walk(from_ref(&top), from_ref(&top), &top), (vec![], vec![SkipReason::Special; 2]));
    assert_eq!(walk(from_ref(&pipe), from_ref(&pipe), &top), (vec![], vec![SkipReason::Special]));
}

/// How far two pictures of one shape are apart in brightness on average, 0 to 255.
fn difference(a: &Picture, b: &Picture) -> f32 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let luma = |p: &[u8]| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]);
    let pixels = a.rgb().chunks_exact(3).zip(b.rgb().chunks_exact(3));
    pixels.map(|(x, y)| (luma(x) - luma(y)).abs()).sum::<f32>() / (a.width() * a.height()) as f32
}

#[test]
fn awkward_pictures_end_as_expected() {
    let Some(shared) = crate::support::shared("awkward_pictures_end_as_expected") else { return };
    let folder = shared.join("data/awkward_images");
    let mut wrong = Vec::new();
    let mut seen = 0;
    let small = |file: &str| match read(Path::new(file), &load(&folder.join(file)).unwrap(), &ReadOptions::default()) {
        Ok(Some(Content::Image { picture, .. })) => Some(thumbnail::shrink(&picture, 64)),
        _ => None,
    };
    for row in csv::Reader::from_path(folder.join("manifest.csv")).unwrap().deserialize() {
        let row: std::collections::HashMap<String, String> = row.unwrap();
        let file = row["file"].as_str();
        let bytes = load(&folder.join(file)).unwrap();
        let answer = read(&folder.join(file), &bytes, &ReadOptions::default());
        seen += 1;
        match (row["expected"].as_str(), answer) {
            ("decodes" | "decodes_or_clear_error", Ok(Some(Content::Image { picture, original }))) => {
                let wanted =
                    [row["upright_w"].parse().unwrap_or(original[0]), row["upright_h"].parse().unwrap_or(original[1])];
                if original != wanted {
                    wrong.push(format!("{file}: {original:?} and not {wanted:?}"));
                }
                let like = Some(&row["looks_like"]).filter(|file| !file.is_empty()).and_then(|file| small(file));
                if let Some(like) = like {
                    let mine = thumbnail::shrink(&picture, 64);
                    if (mine.width(), mine.height()) == (like.width(), like.height()) && difference(&mine, &like) > 12.0
                    {
                        wrong.push(format!(
                            "{file}: looks unlike {} ({:.1})",
                            row["looks_like"],
                            difference(&mine, &like)
                        ));
                    }
                }
            }
            ("clear_error" | "decodes_or_clear_error", Err(error)) if error.to_string().len() > 10 => {}
            // Its data are damaged as well as its EXIF: libjpeg shows streaks, and no decoder here anything better.
            (_, Err(error)) if file == "corrupt/hopper_bad_exif.jpg" => assert!(error.to_string().contains("damaged")),
            (expected, answer) => {
                let short = format!("{answer:?}");
                wrong.push(format!("{file}: expected {expected}, got {}", &short[..short.len().min(120)]));
            }
        }
    }
    assert!(seen > 300, "only {seen} files in the manifest");
    assert!(wrong.is_empty(), "{} of {seen}:\n{}", wrong.len(), wrong.join("\n"));
    if let Some(peak) = crate::support::peak_memory_mb() {
        assert!(peak < 1500, "peak memory {peak} MB");
    }
}

#[test]
fn awkward_texts_read_as_expected() {
    let Some(shared) = crate::support::shared("awkward_texts_read_as_expected") else { return };
    let folder = shared.join("data/awkward_texts");
    let plain =
        |text: &str| text.replace("\r\n", "\n").replace('\r', "\n").trim_start_matches('\u{feff}').trim().to_owned();
    let mut wrong = Vec::new();
    for row in csv::Reader::from_path(folder.join("manifest.csv")).unwrap().deserialize() {
        let row: std::collections::HashMap<String, String> = row.unwrap();
        let file = row["file"].as_str();
        let answer = read(&folder.join(file), &load(&folder.join(file)).unwrap(), &ReadOptions::default());
        match answer {
            Ok(Some(Content::Text(text))) if !row["expected_utf8"].is_empty() => {
                let mut wanted = fs::read_to_string(folder.join(&row["expected_utf8"])).unwrap();
                if file.contains(".html.") || wanted.trim_start().to_lowercase().starts_with("<!doctype html") {
                    // of a page only the words are read
                    wanted = self::text("page.html", wanted.as_bytes());
                }
                if file.contains(".srt.") {
                    // of subtitles only the lines that are shown
                    let unseen = |line: &str| line.contains("-->") || line.chars().all(|c| c.is_ascii_digit());
                    let lines = wanted.trim_start_matches('\u{feff}').lines().map(str::trim);
                    wanted = lines.filter(|line| !unseen(line)).collect::<Vec<_>>().join("\n");
                }
                if plain(&text) != plain(&wanted) {
                    let at = text.chars().zip(wanted.chars()).position(|(a, b)| a != b);
                    wrong.push(format!("{file} ({}): differs from character {at:?}", row["encoding"]));
                }
            }
            Ok(Some(Content::Text(_))) => {}
            Ok(None) if matches!(row["bytes"].as_str(), "0" | "3" | "6") => {}
            Ok(Some(Content::Image { .. })) if file.contains("png_named") => {}
            Err(error) if !row["expected"].starts_with("reads as expected_utf8\n") && error.to_string().len() > 10 => {}
            other => wrong.push(format!("{file}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
