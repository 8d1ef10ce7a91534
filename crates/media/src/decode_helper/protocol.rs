//! What goes through the pipes. Numbers are stored with their least significant byte first.
//!
//! A request is the format, the length of the file in 8 bytes, and the file. An answer is a code and four numbers of 4
//! bytes; code 0 stands for a picture, of which the numbers are the sizes, and its pixels follow. A document is sent like
//! a picture; what follows is in `document_protocol.rs`.

use std::io::{self, Read, Write};

use vicinity_core::Picture;

use crate::error::{MAX_FILE_BYTES, PictureError, ReadError};
use crate::formats::PictureFormat;
use crate::picture::limits::KEPT;

/// A picture, and its upright size in the file.
pub type Decoded = (Picture, [u32; 2]);

/// The formats that helpers decode; their place is their code.
const FORMATS: [PictureFormat; 5] =
    [PictureFormat::Heic, PictureFormat::Avif, PictureFormat::JpegXl, PictureFormat::Svg, PictureFormat::Jpeg2000];

/// The code of a document.
pub const DOCUMENT: u8 = 255;

/// What a helper is to do.
#[derive(Debug, PartialEq, Eq)]
pub enum HelperRequest {
    /// Decode a picture.
    Picture(PictureFormat, Vec<u8>),
    /// Open a document, and answer questions about it.
    Document(Vec<u8>),
}

pub fn invalid() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// Writes a request.
pub fn write_request(out: &mut impl Write, format: PictureFormat, bytes: &[u8]) -> io::Result<()> {
    let code = FORMATS.iter().position(|known| *known == format).ok_or_else(invalid)?;
    out.write_all(&[code as u8])?;
    out.write_all(&(bytes.len() as u64).to_le_bytes())?;
    out.write_all(bytes)?;
    out.flush()
}

/// Reads a request; `None` at the end.
pub fn read_request(input: &mut impl Read) -> io::Result<Option<HelperRequest>> {
    let mut code = [0];
    if input.read(&mut code)? == 0 {
        return Ok(None);
    }
    let format = FORMATS.get(usize::from(code[0]));
    if format.is_none() && code != [DOCUMENT] {
        return Err(invalid());
    }
    let mut len = [0; 8];
    input.read_exact(&mut len)?;
    let len = u64::from_le_bytes(len);
    if len > MAX_FILE_BYTES {
        return Err(invalid());
    }
    let mut bytes = vec![0; len as usize];
    input.read_exact(&mut bytes)?;
    Ok(Some(match format {
        Some(format) => HelperRequest::Picture(*format, bytes),
        None => HelperRequest::Document(bytes),
    }))
}

/// Writes an answer.
pub fn write_answer(out: &mut impl Write, answer: &Result<Decoded, ReadError>) -> io::Result<()> {
    let (code, numbers) = match answer {
        Ok((picture, [width, height])) => (0, [picture.width(), picture.height(), *width, *height]),
        Err(error) => code(error),
    };
    out.write_all(&[code])?;
    out.write_all(&numbers.map(u32::to_le_bytes).concat())?;
    if let Ok((picture, _)) = answer {
        out.write_all(picture.rgb())?;
    }
    out.flush()
}

fn code(error: &ReadError) -> (u8, [u32; 4]) {
    let ReadError::Picture(error) = error else { return (8, [0; 4]) };
    match error {
        PictureError::CutShort => (1, [0; 4]),
        PictureError::TooMuchMemory => (2, [0; 4]),
        PictureError::TooLarge { width, height } => (3, [*width, *height, 0, 0]),
        PictureError::NoPixels => (4, [0; 4]),
        PictureError::WrongSize => (5, [0; 4]),
        PictureError::Damaged { .. } => (6, [0; 4]),
        PictureError::Unsupported { .. } => (7, [0; 4]),
        _ => (8, [0; 4]),
    }
}

/// Reads an answer about a file of a format. What it says is checked: the decoder may have been taken over by the file.
pub fn read_answer(input: &mut impl Read, format: PictureFormat) -> io::Result<Result<Decoded, ReadError>> {
    let mut head = [0; 17];
    input.read_exact(&mut head)?;
    let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let [width, height] = [number(1), number(5)];
    let error = match head[0] {
        0 => return Ok(Ok((read_pixels(input, [width, height])?, [number(9), number(13)]))),
        1 => PictureError::CutShort,
        2 => PictureError::TooMuchMemory,
        3 => PictureError::TooLarge { width, height },
        4 => PictureError::NoPixels,
        5 => PictureError::WrongSize,
        6 => PictureError::Damaged { format },
        7 => PictureError::Unsupported { format },
        8 => return Ok(Err(ReadError::DecoderPanicked)),
        _ => return Err(invalid()),
    };
    Ok(Err(error.into()))
}

/// Reads a picture of a size, which is checked.
pub fn read_pixels(input: &mut impl Read, [width, height]: [u32; 2]) -> io::Result<Picture> {
    if !(1..=KEPT).contains(&width) || !(1..=KEPT).contains(&height) {
        return Err(invalid());
    }
    let mut rgb = vec![0; width as usize * height as usize * 3];
    input.read_exact(&mut rgb)?;
    Picture::new(width, height, rgb).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_answers_arrive_as_they_were_sent() {
        let mut pipe = Vec::new();
        for format in FORMATS {
            write_request(&mut pipe, format, b"abc").unwrap();
        }
        let mut rest = &pipe[..];
        for format in FORMATS {
            assert_eq!(read_request(&mut rest).unwrap(), Some(HelperRequest::Picture(format, b"abc".to_vec())));
        }
        assert_eq!(read_request(&mut rest).unwrap(), None);
        let format = PictureFormat::Avif;
        let errors = [
            PictureError::CutShort,
            PictureError::TooMuchMemory,
            PictureError::TooLarge { width: 7, height: 1 << 31 },
            PictureError::NoPixels,
            PictureError::WrongSize,
            PictureError::Damaged { format },
            PictureError::Unsupported { format },
        ];
        let errors = errors.map(|error| Err(ReadError::Picture(error))).into_iter();
        let picture = Picture::new(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
        for answer in errors.chain([Err(ReadError::DecoderPanicked), Ok((picture, [20, 10]))]) {
            let mut pipe = Vec::new();
            write_answer(&mut pipe, &answer).unwrap();
            let found = read_answer(&mut &pipe[..], format).unwrap();
            assert_eq!(format!("{found:?}"), format!("{answer:?}"));
        }
    }

    #[test]
    fn answers_of_a_hostile_helper_are_refused() {
        let answer = |code: u8, width: u32, height: u32| {
            let bytes = [&[code][..], &width.to_le_bytes(), &height.to_le_bytes(), &[0; 8]].concat();
            read_answer(&mut &bytes[..], PictureFormat::Svg).is_err()
        };
        assert!(answer(0, u32::MAX, u32::MAX) && answer(0, 0, 5) && answer(0, 2049, 1) && answer(0, 2, 2));
        assert!(answer(9, 0, 0));
        assert!(read_request(&mut &[0, 255, 255, 255, 255, 255, 255, 255, 255][..]).is_err());
    }
}
