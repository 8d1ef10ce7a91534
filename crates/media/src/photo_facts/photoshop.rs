//! Photoshop's image resources (Adobe Photoshop File Formats Specification): they hold IPTC, and EXIF and XMP, too.

use std::borrow::Cow;

use super::block_list::Blocks;

/// The most resources that are read.
const MAX_RESOURCES: usize = 10_000;

/// Takes the metadata in a row of resources.
pub fn take<'a>(resources: Cow<'a, [u8]>, blocks: &mut Blocks<'a>) {
    match resources {
        Cow::Borrowed(bytes) => list(bytes).for_each(|(number, data)| sort(number, data.into(), blocks)),
        Cow::Owned(bytes) => list(&bytes).for_each(|(number, data)| sort(number, data.to_vec().into(), blocks)),
    }
}

fn sort<'a>(number: u16, data: Cow<'a, [u8]>, blocks: &mut Blocks<'a>) {
    match number {
        0x0404 => blocks.iptc.push(data),
        0x0422 => blocks.exif.push(data),
        0x0424 => blocks.xmp.push(data),
        _ => {}
    }
}

/// Numbers and contents of resources, as far as they are whole.
pub fn list(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (head, tail) = rest.split_at_checked(7)?;
        let known = matches!(head.get(..4)?, b"8BIM" | b"PHUT" | b"AgHg" | b"DCSR" | b"MeSa");
        let number = u16::from_be_bytes([head[4], head[5]]);
        // A name, whose length byte was in the head; together they are even.
        let name = usize::from(head[6]);
        let tail = tail.get(name + usize::from(name % 2 == 0)..).filter(|_| known)?;
        let (len, tail) = tail.split_at_checked(4)?;
        let len = u32::from_be_bytes([len[0], len[1], len[2], len[3]]) as usize;
        let (data, after) = tail.split_at_checked(len)?;
        rest = after.get(len % 2..).unwrap_or_default();
        Some((number, data))
    })
    .take(MAX_RESOURCES)
}
