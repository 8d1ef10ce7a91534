//! The texts of PNG (third edition, 11.3.3), some of which hold XMP, EXIF or IPTC.

use std::io::Read as _;

use vicinity_core::PhotoFacts;

use super::block_facts::BlockFacts;
use super::block_list::{Blocks, MAX_BLOCK, PngText};
use super::dates::{self, LocalTime};
use super::{photoshop, text};
use crate::picture::png;

/// The most texts of a file that are of interest.
const MAX_TEXTS: usize = 64;
/// The most parts of a file that are looked at; an animation has many.
const MAX_CHUNKS: usize = 100_000;

/// Keywords of texts that are facts; programs also write them in lower case.
const WANTED: [&str; 6] = ["Title", "Author", "Description", "Comment", "Software", "Creation Time"];

/// The metadata of a PNG file.
pub fn find(bytes: &[u8]) -> Blocks<'_> {
    let mut blocks = Blocks { pixels: png::size(bytes), ..Blocks::default() };
    // A small file may hold many texts that inflate to much: together they take no more than one.
    let (mut left, mut room) = (MAX_TEXTS, MAX_BLOCK);
    for chunk in png::chunks(bytes).take(MAX_CHUNKS) {
        let text = match &chunk.kind {
            b"eXIf" => {
                blocks.exif.push(chunk.data.into());
                continue;
            }
            b"tEXt" | b"zTXt" | b"iTXt" if left > 0 => chunk.data,
            _ => continue,
        };
        let keyword = text::until_zero(text);
        let Some(rest) = text.get(keyword.len() + 1..) else { continue };
        let wanted = WANTED.iter().find(|word| word.as_bytes().eq_ignore_ascii_case(keyword)).copied();
        let profile = keyword.strip_prefix(b"Raw profile type ");
        if wanted.is_none() && profile.is_none() && keyword != b"XML:com.adobe.xmp" {
            continue;
        }
        left -= 1;
        let Some(content) = content(chunk.kind, rest, room) else { continue };
        room -= content.len();
        match (wanted, profile) {
            (Some(keyword), _) => {
                let decoded = if &chunk.kind == b"iTXt" { text::utf8(&content) } else { text::unnamed(&content) };
                blocks.png_texts.extend(decoded.map(|text| PngText { keyword, text }));
            }
            (None, Some(kind)) => take_profile(kind, &content, &mut blocks),
            (None, None) => blocks.xmp.push(content.into()),
        }
    }
    blocks
}

/// What stands behind the keyword of a text, at most `room` bytes.
fn content(kind: [u8; 4], rest: &[u8], room: usize) -> Option<Vec<u8>> {
    let (compressed, text) = match &kind {
        b"tEXt" => (false, rest),
        b"zTXt" => (true, rest.strip_prefix(&[0])?),
        _ => {
            // A flag and a method, a language, and the keyword in that language.
            let (head, rest) = rest.split_at_checked(2)?;
            let rest = rest.get(text::until_zero(rest).len() + 1..)?;
            (head == [1, 0], rest.get(text::until_zero(rest).len() + 1..)?)
        }
    };
    if compressed { inflated(text, room) } else { text.get(..text.len().min(room)).map(<[u8]>::to_vec) }
}

/// `None` where it is broken or larger than `room`.
fn inflated(deflated: &[u8], room: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    flate2::read::ZlibDecoder::new(deflated).take(room as u64 + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() <= room).then_some(bytes)
}

/// A profile as ImageMagick writes it: its name, its length, and its bytes in hexadecimal digits.
fn take_profile(kind: &[u8], content: &[u8], blocks: &mut Blocks<'_>) {
    let mut words = content.splitn(4, |byte| *byte == b'\n');
    let (Some(_), Some(_), Some(_), Some(digits)) = (words.next(), words.next(), words.next(), words.next()) else {
        return;
    };
    let digits: Vec<u8> = digits.iter().filter_map(|byte| char::from(*byte).to_digit(16)).map(|d| d as u8).collect();
    let bytes: Vec<u8> = digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect();
    match kind {
        b"exif" => blocks.exif.push(bytes.into()),
        b"APP1" | b"app1" => match bytes.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
            Some(xmp) => blocks.xmp.push(xmp.to_vec().into()),
            None => blocks.exif.push(bytes.into()),
        },
        b"xmp" => blocks.xmp.push(bytes.into()),
        // ImageMagick calls Photoshop's resources so, too.
        b"iptc" if bytes.first() == Some(&0x1c) => blocks.iptc.push(bytes.into()),
        b"iptc" | b"8bim" => photoshop::take(bytes.into(), blocks),
        _ => {}
    }
}

/// What the texts say.
pub fn facts(texts: &[PngText]) -> BlockFacts {
    let find = |keyword: &str| texts.iter().find(|text| text.keyword == keyword).map(|text| text.text.clone());
    let facts = PhotoFacts {
        title: find("Title"),
        caption: find("Description").or_else(|| find("Comment")),
        creators: find("Author").into_iter().collect(),
        software: find("Software"),
        ..PhotoFacts::default()
    };
    BlockFacts { facts, digitized: find("Creation Time").and_then(|time| creation(&time)), ..BlockFacts::default() }
}

/// The date in the form of mail, as the specification has it, or in that of EXIF.
fn creation(time: &str) -> Option<LocalTime> {
    let mail = || jiff::fmt::rfc2822::parse(time).ok();
    let zoned = |time: jiff::Zoned| LocalTime { local: time.datetime(), offset: Some(time.offset()) };
    dates::parse(time).or_else(|| mail().map(zoned))
}
