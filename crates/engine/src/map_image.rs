//! A layout as a picture or a table, for programs without a window.
//!
//! Draws points only: no axes, no text. The window's map is drawn elsewhere, on the graphics card.

use std::io::{self, Cursor};
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageEncoder, ImageFormat};

use super::output_files::OutputError;
use super::snapshot::Snapshot;
use vicinity_core::atomic_file::{self, AtomicFile};
use vicinity_core::path_bytes::{path_bytes, path_text};
use vicinity_core::{Clusters, Item, Layout, MapPos, Modality, Picture};
use vicinity_layout::LEVELS;

/// What the picture is painted with: the theme's map ground, images and texts (`ui::theme` may not be named here).
struct Colours {
    ground: [f32; 3],
    /// In [`Modality::ALL`] order.
    points: [[f32; 3]; 2],
}

const DARK: Colours = Colours { ground: rgb(0x0a0c0f), points: [rgb(0x56b4e9), rgb(0xe6a23c)] };
const LIGHT: Colours = Colours { ground: rgb(0xfbfbfc), points: [rgb(0x0b79b8), rgb(0xb36b00)] };

/// The longest side of a picture that is drawn.
const LONGEST_SIDE: u32 = 16_384;
/// Of the shorter side, on each edge.
const MARGIN: f32 = 0.04;

const fn rgb(hex: u32) -> [f32; 3] {
    [(hex >> 16 & 0xff) as f32, (hex >> 8 & 0xff) as f32, (hex & 0xff) as f32]
}

/// Draws the layout `size` pixels wide and high (each side at least 1 and at most 16,384): soft points, coloured by
/// modality, the map centred and as large as fits.
pub fn render(snapshot: &Snapshot, layout: &Layout, size: [u32; 2], dark: bool) -> Picture {
    let [width, height] = size.map(|side| side.clamp(1, LONGEST_SIDE));
    let colours = if dark { &DARK } else { &LIGHT };
    let mut canvas = Canvas::new(width, height, colours.ground);
    let view = View::fitting(&layout.positions, width as f32, height as f32);
    let (radius, opacity) = dot(layout.positions.len(), width.min(height) as f32);
    for (item, pos) in placed(snapshot, layout) {
        canvas.disc(view.pixel(pos), radius, opacity, colours.points[item.modality.index()]);
    }
    canvas.into_picture()
}

/// Formats that a picture of the map is written in, by the ending of the file's name.
const PICTURES: [(&str, ImageFormat); 7] = [
    ("png", ImageFormat::Png),
    ("jpg", ImageFormat::Jpeg),
    ("jpeg", ImageFormat::Jpeg),
    ("webp", ImageFormat::WebP),
    ("bmp", ImageFormat::Bmp),
    ("tif", ImageFormat::Tiff),
    ("tiff", ImageFormat::Tiff),
];
/// Of JPEG: points have sharp edges, which less shows as a haze.
const QUALITY: u8 = 95;
/// Formats of tables, and what parts their fields.
const TABLES: [(&str, u8); 3] = [("csv", b','), ("tsv", b'\t'), ("tab", b'\t')];

/// The format that the name of a file asks for.
fn by_name<T: Copy>(path: &Path, known: &[(&str, T)]) -> Result<T, OutputError> {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    known.iter().find(|(name, _)| *name == ending).map(|(_, format)| *format).ok_or_else(|| {
        let names: Vec<String> = known.iter().map(|(name, _)| format!(".{name}")).collect();
        OutputError::UnknownFormat { path: path.to_owned(), known: names.join(", ") }
    })
}

/// Whether the name of a file names a format that [`write_picture`] knows.
///
/// # Errors
/// When it does not; the message lists all formats.
pub fn check_picture(path: &Path) -> Result<(), OutputError> {
    by_name(path, &PICTURES).map(drop)
}

/// Whether the name of a file names a format that [`write_positions`] knows.
///
/// # Errors
/// When it does not; the message lists all formats.
pub fn check_table(path: &Path) -> Result<(), OutputError> {
    by_name(path, &TABLES).map(drop)
}

/// Writes a picture in the format that the file's name asks for.
///
/// # Errors
/// When the file cannot be written.
pub fn write_picture(picture: &Picture, path: &Path) -> Result<(), OutputError> {
    let bytes = encode(picture, by_name(path, &PICTURES)?)
        .map_err(|error| OutputError::Write { path: path.to_owned(), reason: error.to_string() })?;
    atomic_file::write(path, &bytes).map_err(|error| OutputError::io(path, &error))
}

fn encode(picture: &Picture, format: ImageFormat) -> image::ImageResult<Vec<u8>> {
    let (width, height, rgb) = (picture.width(), picture.height(), image::ExtendedColorType::Rgb8);
    let mut bytes = Cursor::new(Vec::new());
    match format {
        ImageFormat::Jpeg => {
            JpegEncoder::new_with_quality(&mut bytes, QUALITY).write_image(picture.rgb(), width, height, rgb)?;
        }
        format => image::write_buffer_with_format(&mut bytes, picture.rgb(), width, height, rgb, format)?,
    }
    Ok(bytes.into_inner())
}

/// Writes `path,modality,x,y`, one line per item that has a position; rows of a table as `path:row`. A column
/// `path_bytes` is added if a path is not valid text. Fields are separated by tabs in a `.tsv` or `.tab` file.
///
/// # Errors
/// When the file cannot be written.
pub fn write_positions(snapshot: &Snapshot, layout: &Layout, path: &Path) -> Result<(), OutputError> {
    let columns = ["x", "y"].map(str::to_owned);
    write_table(path, &columns, || placed(snapshot, layout), |pos| vec![pos.x.to_string(), pos.y.to_string()])
}

/// Writes `path,modality,cluster_0,name_0,cluster_1,name_1,cluster_2,name_2`: the clusters of each item, from the coarsest, by their
/// place in [`Clusters::all`]. Otherwise as [`write_positions`].
///
/// # Errors
/// When the file cannot be written.
pub fn write_clusters(snapshot: &Snapshot, clusters: &Clusters, path: &Path) -> Result<(), OutputError> {
    let columns: Vec<String> =
        (0..LEVELS).flat_map(|level| [format!("cluster_{level}"), format!("name_{level}")]).collect();
    let at_level = |row: usize, level: usize| {
        // The coarsest cluster is the last; one that is not divided stands for several levels.
        let at = clusters.of_row(row).find(|at| usize::from(clusters.all[*at as usize].levels.0) <= level);
        let name = at.and_then(|at| clusters.all[at as usize].name()).unwrap_or_default().to_owned();
        [at.map(|at| at.to_string()).unwrap_or_default(), name]
    };
    let rows = || snapshot.items().zip(0..clusters.of_rows.len());
    write_table(path, &columns, rows, |row| (0..LEVELS).flat_map(|level| at_level(row, level)).collect())
}

/// Writes path and modality of items, and what `fields` says of each in `columns`.
fn write_table<'a, T, I: Iterator<Item = (&'a Item, T)>>(
    path: &Path,
    columns: &[String],
    rows: impl Fn() -> I,
    fields: impl Fn(T) -> Vec<String>,
) -> Result<(), OutputError> {
    let delimiter = by_name(path, &TABLES)?;
    let exact = rows().any(|(item, _)| path_bytes(&item.path).is_some());
    let fill = |file: &mut AtomicFile| -> Result<(), csv::Error> {
        let mut table = csv::WriterBuilder::new().delimiter(delimiter).from_writer(file);
        let columns = ["path", "modality"].into_iter().chain(columns.iter().map(String::as_str));
        table.write_record(columns.chain(exact.then_some("path_bytes")))?;
        for (item, of_item) in rows() {
            let first = [address(item), item.modality.as_str().to_owned()];
            let last = exact.then(|| path_bytes(&item.path).unwrap_or_default());
            table.write_record(first.into_iter().chain(fields(of_item)).chain(last))?;
        }
        Ok(table.flush()?)
    };
    let write = || -> Result<(), io::Error> {
        let mut file = AtomicFile::create(path)?;
        fill(&mut file).map_err(io::Error::other)?;
        file.commit()
    };
    write().map_err(|error| OutputError::io(path, &error))
}

fn address(item: &Item) -> String {
    let path = path_text(&item.path);
    match item.part {
        Some(part) => format!("{path}{part}"),
        None => path,
    }
}

/// Items with their positions. Rows that are newer than the layout have none.
fn placed<'a>(snapshot: &'a Snapshot, layout: &'a Layout) -> impl Iterator<Item = (&'a Item, MapPos)> {
    snapshot.items().zip(layout.positions.iter().copied()).filter(|(_, pos)| pos.x.is_finite() && pos.y.is_finite())
}

/// Radius in pixels and opacity of a point: smaller and fainter the more there are.
fn dot(count: usize, side: f32) -> (f32, f32) {
    let radius = side * 0.16 / (count.max(1) as f32).sqrt();
    (radius.clamp(side / 900.0, side / 160.0).max(0.8), if count > 20_000 { 0.6 } else { 0.8 })
}

struct View {
    centre_in_map: MapPos,
    pixels_per_unit: f32,
    middle: [f32; 2],
}

impl View {
    fn fitting(positions: &[MapPos], width: f32, height: f32) -> Self {
        let finite = || positions.iter().filter(|p| p.x.is_finite() && p.y.is_finite());
        let range = |coordinate: fn(&MapPos) -> f32| {
            let (low, high) = finite()
                .map(coordinate)
                .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
            if low <= high { (low, high) } else { (0.0, 0.0) }
        };
        let ((left, right), (bottom, top)) = (range(|p| p.x), range(|p| p.y));
        let margins = 2.0 * MARGIN * width.min(height);
        let fit = |pixels: f32, extent: f32| (pixels - margins) / extent.max(1e-6);
        Self {
            centre_in_map: MapPos { x: f32::midpoint(left, right), y: f32::midpoint(bottom, top) },
            pixels_per_unit: fit(width, right - left).min(fit(height, top - bottom)),
            middle: [width / 2.0, height / 2.0],
        }
    }

    fn pixel(&self, pos: MapPos) -> [f32; 2] {
        [
            self.middle[0] + (pos.x - self.centre_in_map.x) * self.pixels_per_unit,
            self.middle[1] - (pos.y - self.centre_in_map.y) * self.pixels_per_unit,
        ]
    }
}

struct Canvas {
    width: u32,
    height: u32,
    pixels: Vec<[f32; 3]>,
}

impl Canvas {
    fn new(width: u32, height: u32, ground: [f32; 3]) -> Self {
        Self { width, height, pixels: vec![ground; width as usize * height as usize] }
    }

    /// A disc with an edge one pixel soft.
    fn disc(&mut self, centre: [f32; 2], radius: f32, opacity: f32, colour: [f32; 3]) {
        let reach = radius + 0.5;
        let span = |middle: f32, side: u32| {
            let low = (middle - reach).floor().max(0.0) as u32;
            low..((middle + reach).ceil().max(0.0) as u32).min(side)
        };
        for y in span(centre[1], self.height) {
            for x in span(centre[0], self.width) {
                let distance = (x as f32 + 0.5 - centre[0]).hypot(y as f32 + 0.5 - centre[1]);
                let cover = (reach - distance).clamp(0.0, 1.0) * opacity;
                let pixel = &mut self.pixels[y as usize * self.width as usize + x as usize];
                for (old, new) in pixel.iter_mut().zip(colour) {
                    *old += (new - *old) * cover;
                }
            }
        }
    }

    fn into_picture(self) -> Picture {
        let rgb = self.pixels.iter().flatten().map(|value| value.round() as u8).collect();
        Picture::new(self.width, self.height, rgb).expect("width x height pixels, and no side is zero")
    }
}

const _: () = assert!(Modality::ALL.len() == 2, "a colour for each modality");
