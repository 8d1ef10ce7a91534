//! Pictures as `ffmpeg` writes them into a pipe: PPM files one after the other. Their sizes are not trusted.

use std::io::{self, Read};

use vicinity_core::Picture;

/// The most bytes of a header.
const MAX_HEADER: usize = 40;

/// Reads the next picture, at most `longest_side` pixels wide and high; `None` at the end.
///
/// # Errors
/// When what follows is no such picture, or the pipe fails.
pub fn read(from: &mut impl Read, longest_side: u32) -> io::Result<Option<Picture>> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let Some([width, height]) = header(from)? else { return Ok(None) };
    let fits = |side: u32| (1..=longest_side).contains(&side);
    if !fits(width) || !fits(height) {
        return Err(invalid());
    }
    let mut rgb = vec![0; width as usize * height as usize * 3];
    from.read_exact(&mut rgb)?;
    Picture::new(width, height, rgb).map(Some).ok_or_else(invalid)
}

/// `P6`, width, height and 255, each followed by one white character.
fn header(from: &mut impl Read) -> io::Result<Option<[u32; 2]>> {
    let mut words = [const { String::new() }; 4];
    let mut at = 0;
    for count in 0..MAX_HEADER {
        let mut byte = [0];
        match from.read_exact(&mut byte) {
            Err(error) if count == 0 && error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        match (byte[0], words.get_mut(at)) {
            (b'\n' | b' ', _) => at += 1,
            (byte, Some(word)) => word.push(char::from(byte)),
            (_, None) => break,
        }
        // Who waits for a whole header of something else might wait for ever.
        if at == words.len() || (at > 0 && words[0] != "P6") {
            break;
        }
    }
    let [magic, width, height, most] = words;
    match (magic.as_str(), width.parse(), height.parse(), most.as_str()) {
        ("P6", Ok(width), Ok(height), "255") if at == 4 => Ok(Some([width, height])),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_follow_each_other_and_what_is_none_is_refused() {
        let two = [&b"P6\n2 1\n255\nabcdef"[..], b"P6\n1 1\n255\nxyz"].concat();
        let mut rest = &two[..];
        let next = |rest: &mut &[u8]| read(rest, 1024).unwrap().map(|picture| picture.into_rgb());
        assert_eq!(next(&mut rest), Some(b"abcdef".to_vec()));
        assert_eq!(next(&mut rest), Some(b"xyz".to_vec()));
        assert_eq!(next(&mut rest), None);
        for broken in [
            &b"P6\n4294967295 4294967295\n255\nabc"[..],
            b"P6\n0 5\n255\n",
            b"P6\n1025 1\n255\nabc",
            b"P6\n2 1\n255\nabc",
            b"P5\n1 1\n255\na",
            b"P6 1",
            b"no picture at all, but many words in one long line without an end",
        ] {
            assert!(read(&mut &broken[..], 1024).is_err(), "{}", broken.escape_ascii());
        }
    }
}
