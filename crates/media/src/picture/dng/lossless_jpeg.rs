//! Lossless JPEG (ITU-T T.81, process 14): one scan of whole samples, each predicted from its neighbours. Raw photos store two
//! neighbouring pixels as two components, which general decoders refuse.

use super::unsupported;
use crate::error::PictureError;

/// Maximum number of segments before the scan.
const MAX_SEGMENTS: usize = 64;
/// Maximum number of components.
const MAX_COMPONENTS: usize = 4;

/// Decodes a picture of `most` samples at most: its samples by rows, columns and components.
///
/// # Errors
/// When it is damaged, ends too early, is larger, or is of another kind.
pub fn decode(bytes: &[u8], most: usize) -> Result<Vec<u16>, PictureError> {
    let header = Header::read(bytes)?;
    let row = header.width * header.tables.len();
    let count = row.checked_mul(header.height).filter(|count| *count <= most && *count > 0).ok_or_else(unsupported)?;
    let mut bits = Bits::new(header.scan);
    let mut samples: Vec<u16> = Vec::with_capacity(count);
    let (components, start) = (header.tables.len(), 1_u32 << (header.precision - header.shift - 1));
    // Whether the prediction began again with this line, as it does with whole lines only (H.1.1), and pixels until then.
    let (mut line_after_restart, mut left) = (true, header.restart);
    for _ in 0..header.height {
        for x in 0..header.width {
            if header.restart > 0 && left == 0 {
                bits.restart()?;
                left = header.restart;
                line_after_restart = true;
            }
            left = left.wrapping_sub(1);
            for table in &header.tables {
                let difference = bits.difference(table)?;
                let at = samples.len();
                let a = || u32::from(at.checked_sub(components).and_then(|at| samples.get(at)).copied().unwrap_or(0));
                let b = || u32::from(at.checked_sub(row).and_then(|at| samples.get(at)).copied().unwrap_or(0));
                let c = || {
                    let before = at.checked_sub(row + components).and_then(|at| samples.get(at));
                    u32::from(before.copied().unwrap_or(0))
                };
                let predicted = match (x, line_after_restart) {
                    (0, true) => start,
                    (_, true) => a(),
                    (0, false) => b(),
                    _ => predict(header.predictor, a(), b(), c()),
                };
                samples.push((predicted as u16).wrapping_add(difference));
            }
        }
        line_after_restart = false;
    }
    if header.shift > 0 {
        samples.iter_mut().for_each(|sample| *sample <<= header.shift);
    }
    Ok(samples)
}

/// Table H.1, in the arithmetic of whole numbers.
fn predict(predictor: u8, a: u32, b: u32, c: u32) -> u32 {
    let half = |value: u32| (value.cast_signed() >> 1).cast_unsigned();
    match predictor {
        1 => a,
        2 => b,
        3 => c,
        4 => a.wrapping_add(b).wrapping_sub(c),
        5 => a.wrapping_add(half(b.wrapping_sub(c))),
        6 => b.wrapping_add(half(a.wrapping_sub(c))),
        _ => half(a + b),
    }
}

struct Header<'a> {
    width: usize,
    height: usize,
    precision: u32,
    /// The point transform.
    shift: u32,
    predictor: u8,
    /// Pixels between restarts; 0 without them.
    restart: usize,
    /// The code of each component.
    tables: Vec<HuffmanCode>,
    scan: &'a [u8],
}

impl<'a> Header<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, PictureError> {
        let mut rest = bytes.strip_prefix(&[0xff, 0xd8]).ok_or_else(unsupported)?;
        let (mut frame, mut codes, mut restart) = (None, Vec::new(), 0);
        for _ in 0..MAX_SEGMENTS {
            let [0xff, marker, high, low, ..] = *rest else { return Err(PictureError::CutShort) };
            let len = usize::from(u16::from_be_bytes([high, low]));
            let data = rest.get(4..len + 2).ok_or(PictureError::CutShort)?;
            rest = &rest[len + 2..];
            match marker {
                0xc3 => frame = Some(data),
                0xc4 => read_codes(data, &mut codes).ok_or(PictureError::WrongSize)?,
                0xdd => restart = data.get(..2).map_or(0, |n| usize::from(n[0]) << 8 | usize::from(n[1])),
                0xda => {
                    let header = Self::of(frame.ok_or_else(unsupported)?, data, &codes, restart, rest);
                    return header.ok_or_else(unsupported);
                }
                // Other processes.
                0xc0..=0xcf => return Err(unsupported()),
                _ => {}
            }
        }
        Err(unsupported())
    }

    fn of(frame: &[u8], scan: &[u8], codes: &[(u8, HuffmanCode)], restart: usize, data: &'a [u8]) -> Option<Self> {
        let [precision, h1, h0, w1, w0, count, components @ ..] = frame else { return None };
        let count = usize::from(*count);
        let [scan_count, scan_components @ ..] = scan else { return None };
        let end = scan_components.get(2 * count..2 * count + 3)?;
        let (precision, shift) = (u32::from(*precision), u32::from(end[2] & 15));
        let sampled_alike = components.chunks_exact(3).take(count).all(|component| component[1] == 0x11);
        let is_plain = (1..=MAX_COMPONENTS).contains(&count)
            && usize::from(*scan_count) == count
            && components.len() >= 3 * count
            && (sampled_alike || count == 1)
            && (1..=7).contains(&end[0])
            && (2..=16).contains(&precision)
            && shift < precision;
        let code = |number: u8| codes.iter().rev().find(|(known, _)| *known == number).map(|(_, code)| code.clone());
        let tables: Option<Vec<_>> =
            scan_components.chunks_exact(2).take(count).map(|component| code(component[1] >> 4)).collect();
        is_plain.then_some(Self {
            width: usize::from(u16::from_be_bytes([*w1, *w0])),
            height: usize::from(u16::from_be_bytes([*h1, *h0])),
            precision,
            shift,
            predictor: end[0],
            restart,
            tables: tables?,
            scan: data,
        })
    }
}

/// Adds the codes of a segment to those that are known.
fn read_codes(mut data: &[u8], codes: &mut Vec<(u8, HuffmanCode)>) -> Option<()> {
    while let [number, rest @ ..] = data {
        let (lengths, rest) = rest.split_at_checked(16)?;
        let count = lengths.iter().map(|n| usize::from(*n)).sum();
        let (values, rest) = rest.split_at_checked(count)?;
        codes.push((number & 15, HuffmanCode::new(lengths, values)?));
        data = rest;
    }
    Some(())
}

/// Bits of a code that are looked up at once.
const LOOKUP: u32 = 9;

/// A code of the lengths of differences (C.2).
#[derive(Clone)]
struct HuffmanCode {
    /// Length and value of the code that begins with these bits; length 0 for longer ones.
    short: Vec<(u8, u8)>,
    /// For each length: the first code beyond those of this length, and what to add to a code for its place.
    ends: [(u32, i32); 17],
    values: Vec<u8>,
}

impl HuffmanCode {
    fn new(lengths: &[u8], values: &[u8]) -> Option<Self> {
        let (mut code, mut place) = (0_u32, 0_usize);
        let (mut short, mut ends) = (vec![(0, 0); 1 << LOOKUP], [(0, 0); 17]);
        for (len, count) in (1_u32..).zip(lengths) {
            let end = ends.get_mut(len as usize)?;
            *end = (code + u32::from(*count), place as i32 - code.cast_signed());
            for _ in 0..*count {
                let value = *values.get(place).filter(|value| **value <= 16)?;
                if len <= LOOKUP {
                    let first = (code << (LOOKUP - len)) as usize;
                    short.get_mut(first..first + (1 << (LOOKUP - len)))?.fill((len as u8, value));
                }
                code += 1;
                place += 1;
            }
            if code > 1 << len {
                return None;
            }
            code <<= 1;
        }
        Some(Self { short, ends, values: values.to_vec() })
    }
}

/// The bits of a scan.
struct Bits<'a> {
    data: &'a [u8],
    held: u64,
    count: u32,
    /// Bits that were made up behind the end.
    missing: u32,
}

impl<'a> Bits<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self { data, held: 0, count: 0, missing: 0 }
    }

    fn fill(&mut self) {
        while self.count <= 48 {
            let byte = match *self.data {
                [0xff, 0, ..] => {
                    self.data = &self.data[2..];
                    0xff
                }
                // A marker, or the end.
                [0xff, ..] | [] => {
                    self.missing += 8;
                    0
                }
                [byte, ..] => {
                    self.data = &self.data[1..];
                    byte
                }
            };
            self.held = self.held << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    fn peek(&self, bits: u32) -> u32 {
        (self.held >> (self.count - bits)) as u32 & ((1 << bits) - 1)
    }

    /// The next difference (H.1.2.2).
    fn difference(&mut self, code: &HuffmanCode) -> Result<u16, PictureError> {
        if self.count < 32 {
            self.fill();
        }
        let (mut len, mut size) = code.short.get(self.peek(LOOKUP) as usize).copied().unwrap_or_default();
        if len == 0 {
            let found = (LOOKUP + 1..=16).find(|len| self.peek(*len) < code.ends[*len as usize].0);
            let longer = found.ok_or(PictureError::WrongSize)?;
            let place = self.peek(longer).cast_signed() + code.ends[longer as usize].1;
            let value = usize::try_from(place).ok().and_then(|place| code.values.get(place));
            (len, size) = (longer as u8, *value.ok_or(PictureError::WrongSize)?);
        }
        self.count -= u32::from(len);
        let size = u32::from(size);
        let difference = match size {
            0 => 0,
            16 => 1 << 15,
            _ => {
                let value = self.peek(size);
                self.count -= size;
                // The upper half is positive.
                if value >> (size - 1) == 1 { value } else { value.wrapping_sub((1 << size) - 1) }
            }
        };
        if self.missing > self.count { Err(PictureError::CutShort) } else { Ok(difference as u16) }
    }

    /// Passes over the marker of a restart.
    fn restart(&mut self) -> Result<(), PictureError> {
        (self.held, self.count, self.missing) = (0, 0, 0);
        let marker = self.data.windows(2).position(|pair| pair[0] == 0xff && (0xd0..=0xd7).contains(&pair[1]));
        self.data = marker.and_then(|at| self.data.get(at + 2..)).ok_or(PictureError::CutShort)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodes samples of 12 bits; `interval`: lines between restarts, if any. All lengths have codes of five bits.
    fn encode(samples: &[Vec<u16>], components: usize, predictor: u8, interval: usize) -> Vec<u8> {
        let segment = |marker: u8, data: &[u8]| {
            [&[0xff, marker], ((data.len() + 2) as u16).to_be_bytes().as_slice(), data].concat()
        };
        let (width, height) = (samples[0].len() / components, samples.len());
        let mut frame = [&[12_u8], (height as u16).to_be_bytes().as_slice(), &(width as u16).to_be_bytes()].concat();
        frame.push(components as u8);
        (0..components).for_each(|name| frame.extend([name as u8, 0x11, 0]));
        let mut lengths = [0; 16];
        lengths[4] = 17;
        let code = [&[0], lengths.as_slice(), &(0..17).collect::<Vec<u8>>()].concat();
        let mut scan = vec![components as u8];
        (0..components).for_each(|name| scan.extend([name as u8, 0]));
        scan.extend([predictor, 0, 0]);
        let restart = ((interval * width) as u16).to_be_bytes();
        let mut file = vec![0xff, 0xd8];
        for (marker, data) in [(0xc4, &code[..]), (0xc3, &frame), (0xdd, &restart), (0xda, &scan)] {
            file.extend(segment(marker, data));
        }
        for (number, lines) in samples.chunks(interval.max(1)).enumerate().filter(|_| interval > 0) {
            if number > 0 {
                file.extend([0xff, 0xd0 + (number as u8 - 1) % 8]);
            }
            file.extend(coded(lines, components, predictor));
        }
        if interval == 0 {
            file.extend(coded(samples, components, predictor));
        }
        file.extend([0xff, 0xd9]);
        file
    }

    fn coded(lines: &[Vec<u16>], components: usize, predictor: u8) -> Vec<u8> {
        let mut bits = Vec::new();
        let mut put = |value: u32, count: u32| bits.extend((0..count).rev().map(|bit| value >> bit & 1));
        for (y, line) in lines.iter().enumerate() {
            for (at, sample) in line.iter().enumerate() {
                let of = |y: usize, at: usize| u32::from(lines[y][at]);
                let guess = match (at < components, y) {
                    (true, 0) => 1 << 11,
                    (false, 0) => of(0, at - components),
                    (true, _) => of(y - 1, at),
                    _ => predict(predictor, of(y, at - components), of(y - 1, at), of(y - 1, at - components)),
                };
                let difference = i32::from(sample.wrapping_sub(guess as u16).cast_signed());
                let length = 32 - difference.unsigned_abs().leading_zeros();
                put(length, 5);
                put((if difference < 0 { difference - 1 } else { difference }).cast_unsigned(), length);
            }
        }
        bits.resize(bits.len().next_multiple_of(8), 1);
        let byte = |bits: &[u32]| bits.iter().fold(0_u8, |byte, bit| byte << 1 | *bit as u8);
        bits.chunks(8).map(byte).flat_map(|byte| if byte == 0xff { vec![0xff, 0] } else { vec![byte] }).collect()
    }

    fn samples(row: usize) -> Vec<Vec<u16>> {
        let sample = |y: usize, x: usize| ((x * 37 + y * 911 + x * y * 53) % 4096) as u16;
        (0..24).map(|y| (0..row).map(|x| sample(y, x)).collect()).collect()
    }

    #[test]
    fn all_predictors_and_restarts_are_followed() {
        for (components, predictor, interval) in
            (1..=7).flat_map(|predictor| [(1, predictor, 0), (2, predictor, 5), (3, predictor, 1)])
        {
            let lines = samples(30);
            let file = encode(&lines, components, predictor, interval);
            let decoded = decode(&file, 30 * 24);
            assert_eq!(decoded, Ok(lines.concat()), "{components} components, predictor {predictor}, {interval}");
        }
    }

    #[test]
    fn what_is_too_large_cut_off_or_another_kind_is_refused() {
        let file = encode(&samples(30), 2, 1, 0);
        assert_eq!(decode(&file, 30 * 24 - 1), Err(unsupported()), "larger than it may be");
        for at in [3, 40, 90, file.len() / 2, file.len() - 9] {
            assert!(decode(&file[..at], 30 * 24).is_err(), "cut at {at}");
        }
        let mut lossy = file.clone();
        let frame = lossy.windows(2).position(|pair| pair == [0xff, 0xc3]).unwrap();
        lossy[frame + 1] = 0xc0;
        assert_eq!(decode(&lossy, 30 * 24), Err(unsupported()));
        let mut endless = file;
        let codes = endless.windows(2).position(|pair| pair == [0xff, 0xc4]).unwrap();
        endless[codes + 5] = 3;
        assert!(decode(&endless, 30 * 24).is_err(), "more codes of one bit than there are");
    }
}
