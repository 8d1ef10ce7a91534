//! SVG, by `resvg`. A drawing is what its own file says: other files are never opened, addresses never fetched, and scripts
//! never run. Texts are set in the fonts of the system.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use encoding_rs::Encoding;
use image::{DynamicImage, ImageFormat, ImageReader, RgbaImage};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::{Database, Family, Query};
use resvg::usvg::roxmltree::{Document, Error, ParsingOptions};
use resvg::usvg::{ImageHrefResolver, ImageKind, Options, Tree};
use vicinity_core::Picture;

use super::colour::Samples;
use super::container::Container;
use super::finish::finish;
use super::limits::{KEPT, pixels_of};
use crate::error::{PictureError, ReadError};
use crate::formats::PictureFormat;
use crate::guard::guarded;

const FORMAT: PictureFormat = PictureFormat::Svg;
const DAMAGED: PictureError = PictureError::Damaged { format: FORMAT };
const TOO_MUCH: PictureError = PictureError::TooMuchMemory;

/// Maximum length of a drawing, bytes.
const MAX_BYTES: usize = 32 << 20;
/// Maximum number of elements, texts and comments of a drawing.
const MAX_NODES: u32 = 500_000;
/// Maximum number of elements within each other.
const MAX_DEPTH: usize = 256;
/// Small drawings, such as symbols of 16 pixels, are drawn with this many along their longer side.
const SMALL: f32 = 512.0;
/// Maximum number of pixels of all pictures within a drawing.
const MAX_WITHIN: u64 = 32_000_000;
/// Canvases: groups that are faded or filtered have one of their own, one within the other.
const CANVASES: u64 = 8;
/// Bytes that drawing takes: the canvases, and the elements of the largest drawing.
pub const NEEDED: u64 = KEPT as u64 * KEPT as u64 * 4 * CANVASES + (256 << 20);
/// About the size of most drawings on the screen.
pub const USUAL_SIZE: [u32; 2] = [1024, 1024];
/// Stack of the thread that draws: it calls itself for groups within groups, of which copies may have 1,024.
const STACK: usize = 64 << 20;

/// Whether the root element is a drawing, and ends or names the namespace of drawings.
pub fn is_svg(head: &[u8]) -> bool {
    let text = text_of(head);
    let root = crate::html::root(&text);
    let has_namespace = root.contains("http://www.w3.org/2000/svg");
    let Some(root) = root.strip_prefix('<') else { return false };
    let (name, _) = root.split_once([' ', '\t', '\r', '\n', '>', '/']).unwrap_or_default();
    match name.split_once(':') {
        None => name == "svg" && (has_namespace || root.contains("</svg>")),
        Some((_, name)) => name == "svg" && has_namespace,
    }
}

/// XML is UTF-8 unless a byte order mark says otherwise.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    match Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding.decode_with_bom_removal(bytes).0,
        None => String::from_utf8_lossy(bytes),
    }
}

/// The drawing as a picture, and its own size in pixels.
///
/// # Errors
/// When it is damaged or too large.
pub fn decode(bytes: &[u8]) -> Result<(Picture, [u32; 2]), ReadError> {
    std::thread::scope(|scope| {
        let draw = || guarded(|| Ok(drawn(bytes)?));
        let thread = std::thread::Builder::new().name("drawing".to_owned()).stack_size(STACK);
        let thread = thread.spawn_scoped(scope, draw).map_err(|_| TOO_MUCH)?;
        thread.join().unwrap_or(Err(ReadError::DecoderPanicked))
    })
}

fn drawn(bytes: &[u8]) -> Result<(Picture, [u32; 2]), PictureError> {
    if bytes.len() > MAX_BYTES {
        return Err(TOO_MUCH);
    }
    let refused = |error: &dyn std::fmt::Display| {
        log::debug!("could not read a drawing: {error}");
        DAMAGED
    };
    let text = text_of(bytes);
    let parsing = ParsingOptions { allow_dtd: true, nodes_limit: MAX_NODES, ..Default::default() };
    let document = Document::parse_with_options(&text, parsing).map_err(|error| match error {
        Error::NodesLimitReached => TOO_MUCH,
        error => refused(&error),
    })?;
    if document.descendants().any(|node| node.ancestors().nth(MAX_DEPTH).is_some()) {
        return Err(TOO_MUCH);
    }
    let has_text = document.descendants().any(|node| node.tag_name().name() == "text");
    let tree = Tree::from_xmltree(&document, &options(has_text)).map_err(|error| refused(&error))?;
    let (width, height) = (tree.size().width(), tree.size().height());
    let longer = width.max(height);
    let scale = longer.clamp(SMALL, KEPT as f32) / longer;
    let side = |side: f32| ((side * scale).round() as u32).clamp(1, KEPT);
    let size = [side(width), side(height)];
    let mut canvas = Pixmap::new(size[0], size[1]).ok_or(DAMAGED)?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut canvas.as_mut());
    let rgba = RgbaImage::from_raw(size[0], size[1], canvas.take_demultiplied()).ok_or(PictureError::WrongSize)?;
    let picture = finish(&Container::plain(bytes), DynamicImage::ImageRgba8(rgba), Samples::Rgb, false)?;
    let own = [width, height].map(|side| (side.round() as u32).max(1));
    Ok((picture, own))
}

fn options(has_text: bool) -> Options<'static> {
    let within = AtomicU64::new(0);
    let image_href_resolver = ImageHrefResolver {
        resolve_data: Box::new(move |_, data, _| {
            let (kind, pixels) = embedded(data)?;
            let all = within.fetch_add(pixels, Ordering::Relaxed).saturating_add(pixels);
            (all <= MAX_WITHIN).then_some(kind)
        }),
        resolve_string: Box::new(|_, _| None),
    };
    let fontdb = if has_text { fonts() } else { Arc::new(Database::new()) };
    Options { image_href_resolver, fontdb, ..Options::default() }
}

/// A picture within a drawing, and its pixels. Its size is known before it is decoded; drawings within drawings are left
/// out.
fn embedded(data: Arc<Vec<u8>>) -> Option<(ImageKind, u64)> {
    let format = image::guess_format(&data).ok()?;
    let size = ImageReader::with_format(std::io::Cursor::new(&**data), format).into_dimensions().ok()?;
    let pixels = pixels_of(size.into());
    let kind = match format {
        ImageFormat::Jpeg => ImageKind::JPEG(data),
        ImageFormat::Png => ImageKind::PNG(data),
        ImageFormat::Gif => ImageKind::GIF(data),
        ImageFormat::WebP => ImageKind::WEBP(data),
        _ => return None,
    };
    (pixels <= MAX_WITHIN).then_some((kind, pixels))
}

/// The fonts of the system, read once.
fn fonts() -> Arc<Database> {
    static FONTS: OnceLock<Arc<Database>> = OnceLock::new();
    let load = || {
        let mut fonts = Database::new();
        fonts.load_system_fonts();
        // Where the usual families are missing, any other one is better than no text.
        let any = fonts.faces().find_map(|face| face.families.first().map(|(name, _)| name.clone()));
        let has = |fonts: &Database, family| fonts.query(&Query { families: &[family], ..Query::default() }).is_some();
        if let Some(any) = any {
            if !has(&fonts, Family::Serif) {
                fonts.set_serif_family(any.clone());
            }
            if !has(&fonts, Family::SansSerif) {
                fonts.set_sans_serif_family(any.clone());
            }
            if !has(&fonts, Family::Monospace) {
                fonts.set_monospace_family(any);
            }
        }
        Arc::new(fonts)
    };
    FONTS.get_or_init(load).clone()
}
