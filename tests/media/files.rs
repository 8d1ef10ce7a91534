//! Small picture files of many kinds, written here so that each odd thing about them is known.

use std::io::Cursor;

use image::{DynamicImage, Frame, ImageFormat, RgbImage, RgbaImage};

/// A picture with a direction: red grows to the right, green downwards. `tests/fixtures/jpeg` shows it, too, at
/// 52 × 44 pixels.
pub fn ideal(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let [r, g] = [x as f32 / (width - 1) as f32, y as f32 / (height - 1) as f32].map(|part| (part * 255.0).round());
        image::Rgb([r as u8, g as u8, (255.0 - r / 2.0 - g / 2.0).round() as u8])
    })
}

/// A picture of one grey.
pub fn shown(width: u32, height: u32, grey: u8) -> RgbImage {
    RgbImage::from_pixel(width, height, image::Rgb([grey; 3]))
}

/// A colour profile that takes the first channel for blue and the third for red.
pub fn profile() -> Vec<u8> {
    let mut profile = moxcms::ColorProfile::new_srgb();
    std::mem::swap(&mut profile.red_colorant, &mut profile.blue_colorant);
    profile.cicp = None;
    profile.encode().unwrap()
}

fn written(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// EXIF data with an orientation as a number of this kind (3: short, 4: long).
pub fn exif(kind: u16, orientation: u16) -> Vec<u8> {
    let mut bytes = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01".to_vec();
    bytes.extend(kind.to_le_bytes());
    bytes.extend(1u32.to_le_bytes());
    bytes.extend(u32::from(orientation).to_le_bytes());
    bytes.extend([0; 4]);
    bytes
}

/// As [`exif`], big-endian.
pub fn big_exif(kind: u16, orientation: u16) -> Vec<u8> {
    let mut bytes = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12".to_vec();
    bytes.extend(kind.to_be_bytes());
    bytes.extend(1u32.to_be_bytes());
    let value = u32::from(orientation);
    bytes.extend(if kind == 3 { value << 16 } else { value }.to_be_bytes());
    bytes.extend([0; 4]);
    bytes
}

/// A JPEG with one more segment at its beginning, after those that are there of the same kind.
pub fn with_segment(jpeg: &[u8], marker: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = jpeg[..2].to_vec();
    bytes.extend([0xff, marker]);
    bytes.extend((data.len() as u16 + 2).to_be_bytes());
    bytes.extend(data);
    bytes.extend(&jpeg[2..]);
    bytes
}

/// A PNG of a picture.
pub fn png(image: &RgbImage) -> Vec<u8> {
    written(image.clone(), ImageFormat::Png)
}

/// A chunk of PNG.
pub fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = (data.len() as u32).to_be_bytes().to_vec();
    bytes.extend(kind);
    bytes.extend(data);
    bytes.extend(crc32fast::hash(&bytes[4..]).to_be_bytes());
    bytes
}

/// The chunks of a PNG.
pub fn chunks(png: &[u8]) -> Vec<([u8; 4], Vec<u8>)> {
    let (mut all, mut at) = (Vec::new(), 8);
    while let Some(head) = png.get(at..at + 8) {
        let len = u32::from_be_bytes(head[..4].try_into().unwrap()) as usize;
        all.push((head[4..].try_into().unwrap(), png[at + 8..at + 8 + len].to_vec()));
        at += 12 + len;
    }
    all
}

/// A PNG with one more chunk after its header.
pub fn with_chunk(png: &[u8], kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    [&png[..33], &chunk(kind, data), &png[33..]].concat()
}

/// An animated PNG; `hidden` is a default picture that is none of its frames.
pub fn apng(hidden: Option<&RgbImage>, frames: &[&RgbImage]) -> Vec<u8> {
    let pixels = |image: &RgbImage| -> Vec<Vec<u8>> {
        chunks(&png(image)).into_iter().filter(|(kind, _)| kind == b"IDAT").map(|(_, data)| data).collect()
    };
    let whole = png(frames[0]);
    let mut bytes = whole[..33].to_vec();
    bytes.extend(chunk(b"acTL", &[(frames.len() as u32).to_be_bytes(), [0; 4]].concat()));
    let mut sequence = 0u32;
    let mut next = move || {
        sequence += 1;
        (sequence - 1).to_be_bytes()
    };
    for data in hidden.map(pixels).unwrap_or_default() {
        bytes.extend(chunk(b"IDAT", &data));
    }
    for (index, frame) in frames.iter().enumerate() {
        let mut control = next().to_vec();
        control.extend(frame.width().to_be_bytes());
        control.extend(frame.height().to_be_bytes());
        control.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 10, 0, 0]);
        bytes.extend(chunk(b"fcTL", &control));
        for data in pixels(frame) {
            if index == 0 && hidden.is_none() {
                bytes.extend(chunk(b"IDAT", &data));
            } else {
                bytes.extend(chunk(b"fdAT", &[next().as_slice(), &data].concat()));
            }
        }
    }
    bytes.extend(chunk(b"IEND", &[]));
    bytes
}

fn riff(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_vec();
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes.extend(vec![0; data.len() % 2]);
    bytes
}

fn riff_file(chunks: &[u8]) -> Vec<u8> {
    riff(b"RIFF", &[b"WEBP", chunks].concat())
}

fn extended(width: u32, height: u32, flags: u8) -> Vec<u8> {
    let mut data = vec![flags, 0, 0, 0];
    data.extend(&(width - 1).to_le_bytes()[..3]);
    data.extend(&(height - 1).to_le_bytes()[..3]);
    riff(b"VP8X", &data)
}

/// A lossless WebP with chunks of metadata.
pub fn webp(image: &RgbImage, metadata: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let pixels = &written(image.clone(), ImageFormat::WebP)[12..];
    let mut flags = 0;
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for (kind, data) in metadata {
        match *kind {
            b"ICCP" => {
                flags |= 0x20;
                before.extend(riff(kind, data));
            }
            _ => {
                flags |= 0x08;
                after.extend(riff(kind, data));
            }
        }
    }
    riff_file(&[&extended(image.width(), image.height(), flags), before.as_slice(), pixels, &after].concat())
}

/// An animated, lossless WebP.
pub fn webp_animation(frames: &[&RgbImage]) -> Vec<u8> {
    let mut chunks = extended(frames[0].width(), frames[0].height(), 0x02);
    chunks.extend(riff(b"ANIM", &[0; 6]));
    for frame in frames {
        let mut data = vec![0; 6];
        data.extend(&(frame.width() - 1).to_le_bytes()[..3]);
        data.extend(&(frame.height() - 1).to_le_bytes()[..3]);
        data.extend([100, 0, 0, 0]);
        data.extend(&written((*frame).clone(), ImageFormat::WebP)[12..]);
        chunks.extend(riff(b"ANMF", &data));
    }
    riff_file(&chunks)
}

/// An animated GIF.
pub fn gif_animation(frames: &[&RgbImage]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
    for frame in frames {
        let rgba: RgbaImage = DynamicImage::from((*frame).clone()).into_rgba8();
        encoder.encode_frame(Frame::new(rgba)).unwrap();
    }
    drop(encoder);
    bytes
}

/// A GIF with a colour profile.
pub fn gif(image: &RgbImage, icc: &[u8]) -> Vec<u8> {
    let plain = gif_animation(&[image]);
    let table = if plain[10] & 0x80 == 0 { 0 } else { 3 << ((plain[10] & 7) + 1) };
    let (head, rest) = plain.split_at(13 + table);
    let mut extension = b"\x21\xff\x0bICCRGBG1012".to_vec();
    for block in icc.chunks(255) {
        extension.push(block.len() as u8);
        extension.extend(block);
    }
    extension.push(0);
    [head, &extension, rest].concat()
}

/// A BMP of 24 bits with a header of the fifth version and a colour profile.
pub fn bmp(image: &RgbImage, icc: &[u8]) -> Vec<u8> {
    let (width, height) = image.dimensions();
    let mut pixels = Vec::new();
    for row in image.rows().rev() {
        let start = pixels.len();
        for pixel in row {
            pixels.extend([pixel[2], pixel[1], pixel[0]]);
        }
        let len: usize = pixels.len() - start;
        pixels.extend(vec![0; len.next_multiple_of(4) - len]);
    }
    let mut header = 124u32.to_le_bytes().to_vec();
    header.extend(width.to_le_bytes());
    header.extend(height.to_le_bytes());
    header.extend([1, 0, 24, 0]);
    header.resize(56, 0);
    header.extend(b"DEBM");
    header.resize(112, 0);
    header.extend((124 + pixels.len() as u32).to_le_bytes());
    header.extend((icc.len() as u32).to_le_bytes());
    header.resize(124, 0);
    let mut bytes = b"BM".to_vec();
    bytes.extend((14 + 124 + pixels.len() as u32 + icc.len() as u32).to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend((14 + 124u32).to_le_bytes());
    [bytes.as_slice(), &header, &pixels, icc].concat()
}

/// An icon of pictures with the depth that the directory claims, as PNG or as bitmap.
pub fn icon(pictures: &[(&RgbaImage, u16, bool)]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 1, 0, pictures.len() as u8, 0];
    let mut contents = Vec::new();
    for (image, depth, as_png) in pictures {
        let content = if *as_png { written((*image).clone(), ImageFormat::Png) } else { bitmap(image) };
        bytes.extend([image.width() as u8, image.height() as u8, 0, 0, 1, 0]);
        bytes.extend(depth.to_le_bytes());
        bytes.extend((content.len() as u32).to_le_bytes());
        bytes.extend((6 + 16 * pictures.len() as u32 + contents.len() as u32).to_le_bytes());
        contents.extend(content);
    }
    [bytes, contents].concat()
}

fn bitmap(image: &RgbaImage) -> Vec<u8> {
    let (width, height) = image.dimensions();
    let mut bytes = 40u32.to_le_bytes().to_vec();
    bytes.extend(width.to_le_bytes());
    bytes.extend((height * 2).to_le_bytes());
    bytes.extend([1, 0, 32, 0]);
    bytes.resize(40, 0);
    for row in image.rows().rev() {
        for pixel in row {
            bytes.extend([pixel[2], pixel[1], pixel[0], pixel[3]]);
        }
    }
    bytes.extend(vec![0; (width.div_ceil(32) * 4 * height) as usize]);
    bytes
}

/// A TIFF of pages, each with its kind (`NewSubfileType`); `tags` go into the last page, as number, kind and
/// little-endian bytes of at most four, or of any number of single bytes.
pub fn tiff(pages: &[(&RgbImage, u32)], tags: &[(u16, u16, &[u8])], big_endian: bool) -> Vec<u8> {
    let short = |n: u16| if big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
    let long = |n: u32| if big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
    let mut bytes = if big_endian { b"MM".to_vec() } else { b"II".to_vec() };
    bytes.extend(short(42));
    let mut link = bytes.len();
    bytes.extend([0; 4]);
    for (index, (image, kind)) in pages.iter().enumerate() {
        let pixels = bytes.len() as u32;
        bytes.extend(image.as_raw());
        let bits = bytes.len() as u32;
        bytes.extend([8, 8, 8].map(short).concat());
        let size = image.as_raw().len() as u32;
        let mut entries: Vec<(u16, u16, u32, [u8; 4])> = [
            (254, *kind),
            (256, image.width()),
            (257, image.height()),
            (273, pixels),
            (278, image.height()),
            (279, size),
        ]
        .map(|(tag, value)| (tag, 4, 1, long(value)))
        .to_vec();
        entries.push((258, 3, 3, long(bits)));
        for (tag, value) in [(259, 1), (262, 2), (277, 3)] {
            entries.push((tag, 3, 1, [short(value), [0; 2]].concat().try_into().unwrap()));
        }
        for (tag, kind, data) in tags.iter().filter(|_| index + 1 == pages.len()) {
            let value = match kind {
                3 => [short(u16::from_le_bytes((*data).try_into().unwrap())), [0; 2]].concat().try_into().unwrap(),
                4 => long(u32::from_le_bytes((*data).try_into().unwrap())),
                _ => long(bytes.len() as u32),
            };
            if *kind != 3 && *kind != 4 {
                bytes.extend(*data);
            }
            entries.push((*tag, *kind, if matches!(kind, 3 | 4) { 1 } else { data.len() as u32 }, value));
        }
        entries.sort_by_key(|(tag, ..)| *tag);
        bytes.extend(vec![0; bytes.len() % 2]);
        let start = bytes.len() as u32;
        bytes[link..link + 4].copy_from_slice(&long(start));
        bytes.extend(short(entries.len() as u16));
        for (tag, kind, count, value) in entries {
            bytes.extend(short(tag));
            bytes.extend(short(kind));
            bytes.extend(long(count));
            bytes.extend(value);
        }
        link = bytes.len();
        bytes.extend([0; 4]);
    }
    bytes
}

/// A TIFF of one strip, with these tags (all numbers of 16 bits) beside its size and place.
pub fn strip_tiff(size: (u16, u16), tags: &[(u16, &[u16])], strip: &[u8], big_endian: bool) -> Vec<u8> {
    let short = |n: u16| if big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
    let long = |n: u32| if big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
    let mut bytes = if big_endian { b"MM".to_vec() } else { b"II".to_vec() };
    bytes.extend(short(42));
    bytes.extend([0; 4]);
    bytes.extend(strip);
    let mut entries = vec![
        (256, 3, 1, [short(size.0), [0; 2]].concat()),
        (257, 3, 1, [short(size.1), [0; 2]].concat()),
        (273, 4, 1, long(8).to_vec()),
        (278, 3, 1, [short(size.1), [0; 2]].concat()),
        (279, 4, 1, long(strip.len() as u32).to_vec()),
    ];
    for (tag, numbers) in tags {
        let data = numbers.iter().flat_map(|n| short(*n)).collect::<Vec<_>>();
        let value = if data.len() <= 4 {
            [data, vec![0; 4]].concat()[..4].to_vec()
        } else {
            let at = bytes.len() as u32;
            bytes.extend(data);
            long(at).to_vec()
        };
        entries.push((*tag, 3, numbers.len() as u32, value));
    }
    entries.sort_by_key(|(tag, ..)| *tag);
    bytes.extend(vec![0; bytes.len() % 2]);
    let directory = long(bytes.len() as u32);
    bytes[4..8].copy_from_slice(&directory);
    bytes.extend(short(entries.len() as u16));
    for (tag, kind, count, value) in entries {
        bytes.extend([short(tag), short(kind)].concat());
        bytes.extend(long(count));
        bytes.extend(value);
    }
    bytes.extend([0; 4]);
    bytes
}

/// A lossless grey JPEG (ITU-T T.81, annex H) with predictor 1 and samples of `bits` bits.
pub fn lossless_jpeg(size: (u16, u16), bits: u8, sample: impl Fn(u16, u16) -> u16) -> Vec<u8> {
    let segment =
        |marker: u8, data: &[u8]| [&[0xff, marker], ((data.len() + 2) as u16).to_be_bytes().as_slice(), data].concat();
    let (width, height) = size;
    let frame = [&[bits], height.to_be_bytes().as_slice(), &width.to_be_bytes(), &[1, 1, 0x11, 0]].concat();
    // All 17 lengths of a difference have codes of five bits, in order.
    let mut lengths = [0; 16];
    lengths[4] = 17;
    let codes = [&[0], lengths.as_slice(), &(0..17).collect::<Vec<u8>>()].concat();
    let mut stream: Vec<bool> = Vec::new();
    let mut put = |value: u32, bits: u32| stream.extend((0..bits).rev().map(|bit| value >> bit & 1 == 1));
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let predicted = match (x, y) {
            (0, 0) => 1 << (bits - 1),
            (0, _) => sample(0, y - 1),
            _ => sample(x - 1, y),
        };
        let difference = i32::from(sample(x, y).wrapping_sub(predicted).cast_signed());
        let length = 32 - difference.unsigned_abs().leading_zeros();
        put(length, 5);
        let code = if difference < 0 { difference - 1 } else { difference };
        put(code.cast_unsigned() & ((1 << length) - 1), length.min(if length == 16 { 0 } else { 15 }));
    }
    stream.resize(stream.len().next_multiple_of(8), true);
    let byte = |bits: &[bool]| bits.iter().fold(0u8, |byte, bit| byte << 1 | u8::from(*bit));
    let coded = stream.chunks(8).map(byte).flat_map(|byte| if byte == 0xff { vec![0xff, 0] } else { vec![byte] });
    let mut jpeg = vec![0xff, 0xd8];
    jpeg.extend([segment(0xc3, &frame), segment(0xc4, &codes), segment(0xda, &[1, 1, 0, 1, 0, 0])].concat());
    jpeg.extend(coded);
    jpeg.extend([0xff, 0xd9]);
    jpeg
}

/// A profile of a printing press on which every ink gives one colour, as CIE L*a*b* in 8 bits.
pub fn ink_profile(lab: [u8; 3]) -> Vec<u8> {
    let ramp: Vec<u8> = (0..=255).collect();
    let identity = [1u32, 0, 0, 0, 1, 0, 0, 0, 1].map(|n| (n << 16).to_be_bytes()).concat();
    // `lut8Type`: four inputs, three outputs, two grid points in each direction.
    let table =
        [b"mft1\0\0\0\0\x04\x03\x02\0".as_slice(), &identity, &ramp.repeat(4), &lab.repeat(16), &ramp.repeat(3)]
            .concat();
    let white: Vec<u8> = [b"XYZ \0\0\0\0".as_slice(), &[0, 0, 0xf6, 0xd6, 0, 1, 0, 0, 0, 0, 0xd3, 0x2d]].concat();
    let start = 128 + 4 + 2 * 12;
    let mut tags = 2u32.to_be_bytes().to_vec();
    for (name, at, len) in [(b"A2B0", start, table.len()), (b"wtpt", start + table.len(), white.len())] {
        tags.extend(name);
        tags.extend((at as u32).to_be_bytes());
        tags.extend((len as u32).to_be_bytes());
    }
    let mut profile = vec![0; 128];
    profile[8..12].copy_from_slice(&[2, 0x40, 0, 0]);
    profile[12..16].copy_from_slice(b"prtr");
    profile[16..20].copy_from_slice(b"CMYK");
    profile[20..24].copy_from_slice(b"Lab ");
    profile[36..40].copy_from_slice(b"acsp");
    profile[68..80].copy_from_slice(&white[8..]);
    profile.extend([tags, table, white].concat());
    let len = (profile.len() as u32).to_be_bytes();
    profile[..4].copy_from_slice(&len);
    profile
}
