//! HEIF, the container of HEIC and AVIF (ISO/IEC 23008-12): which item is the picture, how large it is, and whether its
//! parts are as many as pictures have. The items themselves are decoded by `heic` and `avif`.

use std::borrow::Cow;

use heifer_isobmff::boxes::{ColorInfo, Property};
use heifer_isobmff::{Error, HeifFile, ItemId};

use super::colour::{MAX_PROFILE_BYTES, Profile};
use super::limits::pixels_of;
use crate::boxes::boxes;
use crate::boxes::items::ItemLists;
use crate::error::PictureError;
use crate::formats::PictureFormat;

/// Maximum number of items that make up a picture; photos of 200 megapixels have 800 tiles.
const MAX_ITEMS: usize = 4096;
/// Maximum number of pictures that one is composed of by overlaying.
const MAX_OVERLAID: usize = 16;
/// Maximum depth of pictures made of pictures.
const MAX_DEPTH: usize = 4;
/// Maximum bytes of the lists of items: they are searched once per item.
const MAX_LISTS: usize = 512 << 10;
/// Maximum number of parts of an item, as in libheif: the reader allocates them from their count.
const MAX_EXTENTS: u64 = 32;

/// Brands of AV1 pictures, and of sequences of them.
const AVIF_BRANDS: [&[u8; 4]; 2] = [b"avif", b"avis"];
/// Brands of HEVC pictures, of sequences of them, and of HEIF as such, in which these are by far the most frequent.
const HEIC_BRANDS: [&[u8; 4]; 9] = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1"];

/// The format of a file by the brands in its beginning.
pub fn format(head: &[u8]) -> Option<PictureFormat> {
    let size = head.get(..4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))? as usize;
    if head.get(4..8) != Some(b"ftyp") || !(16..=4096).contains(&size) {
        return None;
    }
    let brands = head.get(8..size.min(head.len()))?;
    let major: &[u8; 4] = brands.get(..4)?.try_into().ok()?;
    // Behind the main brand and its version are those of all specifications that the file keeps to.
    let says_av1 = || brands.as_chunks::<4>().0.iter().skip(2).any(|brand| AVIF_BRANDS.contains(&brand));
    if AVIF_BRANDS.contains(&major) || (matches!(major, b"mif1" | b"mif2" | b"msf1" | b"miaf") && says_av1()) {
        return Some(PictureFormat::Avif);
    }
    HEIC_BRANDS.contains(&major).then_some(PictureFormat::Heic)
}

/// A file whose picture has been found.
pub struct Heif<'a> {
    /// What the file is by its brands.
    pub format: PictureFormat,
    /// The file without what follows its last whole box.
    pub bytes: &'a [u8],
    /// Its items.
    pub file: HeifFile<'a>,
    /// Width and height of the picture before it is turned upright.
    pub size: [u32; 2],
    /// How the picture and its parts are compressed.
    pub codec: Codec,
    /// The items that are decoded: the picture or its parts, and the transparency of each.
    pub coded: Vec<ItemId>,
    /// Pixels of the largest part.
    pub largest_part: u64,
    /// Bytes of the longest part.
    pub longest_part: u64,
    /// Pixels of all pictures that are overlaid, which are decoded before any is drawn.
    pub overlaid: u64,
}

/// How a picture is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// HEVC.
    Hevc,
    /// AV1.
    Av1,
    /// Another one, which is not read.
    Other,
}

/// Scans the file.
///
/// # Errors
/// When it has no picture, or one of more parts than pictures have.
pub fn open(bytes: &[u8], format: PictureFormat) -> Result<Heif<'_>, PictureError> {
    let whole = check_boxes(bytes, format)?;
    let (cut, len) = (whole < bytes.len(), bytes.len() as u64);
    let bytes = &bytes[..whole];
    let refused = |error: &Error| match error {
        Error::MissingBox(_) if cut => PictureError::CutShort,
        // A film without a picture of its own.
        Error::MissingBox(_) => PictureError::Unsupported { format },
        error => refusal(error, format),
    };
    let file = HeifFile::parse(bytes).map_err(|error| refused(&error))?;
    let damaged = PictureError::Damaged { format };
    let primary = file.primary_id;
    let size = size(&file, primary).ok_or(damaged.clone())?;
    let mut parts = Parts::default();
    parts.add(&file, primary, 0).ok_or(damaged)?;
    // Parts that share bytes would be decoded from them again and again.
    if parts.bytes > len * 2 {
        return Err(PictureError::Damaged { format });
    }
    let codec = parts.codec.unwrap_or(Codec::Other);
    let Parts { coded, largest, longest, overlaid, .. } = parts;
    Ok(Heif { format, bytes, size, codec, coded, largest_part: largest, longest_part: longest, overlaid, file })
}

/// The error for the user; what the reader says itself goes to the log.
pub fn refusal(error: &Error, format: PictureFormat) -> PictureError {
    log::debug!("could not read a HEIF container: {error}");
    match error {
        Error::UnexpectedEof => PictureError::CutShort,
        Error::Unimplemented(_) => PictureError::Unsupported { format },
        _ => PictureError::Damaged { format },
    }
}

/// Width and height as stored, where the beginning of the file has them.
pub fn glance(beginning: &[u8]) -> Option<[u32; 2]> {
    let meta = boxes(beginning).find(|found| found.kind == *b"meta")?;
    ItemLists::new(beginning, meta.body).primary_size()
}

fn size(file: &HeifFile, id: ItemId) -> Option<[u32; 2]> {
    let by_grid = || file.grid(id).ok().map(|grid| (grid.output_width, grid.output_height));
    let (width, height) = file.image_size(id).ok()?.or_else(by_grid)?;
    Some([width, height])
}

/// The length of the whole boxes at the start of a file, whose lists of items are not too long.
fn check_boxes(bytes: &[u8], format: PictureFormat) -> Result<usize, PictureError> {
    let mut whole = 0;
    for found in boxes(bytes).take_while(|found| found.is_whole) {
        whole = found.end;
        if found.kind == *b"meta" {
            let lists = ItemLists::new(bytes, found.body);
            let sum = |row, kinds: fn(&[u8; 4]) -> bool| -> usize {
                boxes(row).filter(|found| kinds(&found.kind)).map(|found| found.body.len()).sum()
            };
            let properties = boxes(lists.row()).filter(|found| found.kind == *b"iprp");
            let profiles: usize = properties.map(|found| sum(found.body, |kind| kind == b"ipco")).sum();
            let others = sum(lists.row(), |kind| kind != b"idat").saturating_sub(profiles);
            let is_long = others > MAX_LISTS || profiles > MAX_PROFILE_BYTES + MAX_LISTS;
            if is_long || lists.most_extents() > MAX_EXTENTS {
                return Err(PictureError::Damaged { format });
            }
        }
    }
    Ok(whole)
}

/// What a picture is made of.
#[derive(Default)]
struct Parts {
    codec: Option<Codec>,
    items: usize,
    coded: Vec<ItemId>,
    bytes: u64,
    longest: u64,
    largest: u64,
    overlaid: u64,
}

impl Parts {
    /// Adds an item and those that it is made of; `None` where they are too many.
    fn add(&mut self, file: &HeifFile, id: ItemId, depth: usize) -> Option<()> {
        self.items += 1;
        if self.items > MAX_ITEMS || depth > MAX_DEPTH {
            return None;
        }
        let item = file.item(id).ok()?;
        if let Some(alpha) = alpha_of(file, id) {
            self.add(file, alpha, depth + 1)?;
        }
        let pixels = size(file, id).map_or(0, pixels_of);
        self.largest = self.largest.max(pixels);
        let sources = file.referenced_items(id, b"dimg");
        let codec = match &item.item_type.0 {
            b"grid" | b"iden" if !sources.is_empty() => None,
            b"iovl" if depth == 0 && (1..=MAX_OVERLAID).contains(&sources.len()) => {
                self.overlaid =
                    sources.iter().filter_map(|id| size(file, *id)).map(pixels_of).fold(0, u64::saturating_add);
                None
            }
            b"grid" | b"iden" | b"iovl" => return None,
            b"hvc1" | b"hev1" => Some(Codec::Hevc),
            b"av01" => Some(Codec::Av1),
            _ => Some(Codec::Other),
        };
        let Some(codec) = codec else {
            return sources.iter().try_for_each(|source| self.add(file, *source, depth + 1));
        };
        let extents = item.location.iter().flat_map(|location| &location.extents);
        let bytes = extents.fold(0, |sum: u64, extent| sum.saturating_add(extent.length));
        self.bytes = self.bytes.saturating_add(bytes);
        self.longest = self.longest.max(bytes);
        self.coded.push(id);
        self.codec = Some(self.codec.filter(|known| *known != codec).map_or(codec, |_| Codec::Other));
        Some(())
    }
}

/// The item that holds the transparency of an item.
pub fn alpha_of(file: &HeifFile, id: ItemId) -> Option<ItemId> {
    const NAMES: [&str; 2] = ["urn:mpeg:hevc:2015:auxid:1", "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"];
    let is_alpha = |property: &Property| matches!(property, Property::AuxiliaryType(name) if NAMES.contains(&&**name));
    let mut beside = file.referencing_items(id, b"auxl").into_iter();
    beside.find(|id| file.item_properties(*id).is_ok_and(|mut properties| properties.any(is_alpha)))
}

/// The colour profile of the picture.
pub fn profile<'f>(file: &'f HeifFile) -> Option<Profile<'f>> {
    let id = file.primary_id;
    if let Some(icc) = file.icc_profile(id).ok().flatten() {
        return (icc.len() <= MAX_PROFILE_BYTES).then_some(Profile::Icc(Cow::Borrowed(icc)));
    }
    let first = file.referenced_items(id, b"dimg").first();
    let [primaries, transfer, ..] = code_points(file, id).or_else(|| code_points(file, *first?))?;
    // Unspecified is sRGB; the samples are red, green and blue of the full range once they are decoded.
    let known = |point: u16| u8::try_from(point).ok().filter(|point| *point != 2);
    // The curve of television cameras is named where sRGB is meant, and other programs show it so.
    let transfer = if matches!(transfer, 1 | 6 | 14 | 15) { 13 } else { transfer };
    Some(Profile::CodePoints([known(primaries)?, known(transfer)?, 0, 1]))
}

/// Primaries, transfer function, matrix and range of an item by ITU-T H.273, where the container says.
pub fn code_points(file: &HeifFile, id: ItemId) -> Option<[u16; 4]> {
    file.item_properties(id).ok()?.find_map(|property| match property {
        Property::Color(ColorInfo::Nclx { primaries, transfer, matrix, full_range }) => {
            Some([*primaries, *transfer, *matrix, u16::from(*full_range)])
        }
        _ => None,
    })
}
