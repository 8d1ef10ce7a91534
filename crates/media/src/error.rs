//! Why a file cannot be read. Each error is a sentence for the user.

use std::io;

use thiserror::Error;

use crate::document::DocumentError;
use crate::formats::{PictureFormat, UnreadFormat};
use crate::pdf::PdfError;
use crate::video::VideoError;

/// A larger file is not read, bytes.
pub(crate) const MAX_FILE_BYTES: u64 = 1 << 30;

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The system did not find it.
    #[error("The file or folder no longer exists")]
    NotFound,
    /// The system did not allow it.
    #[error("Permission denied; check the permissions of the file or folder")]
    PermissionDenied,
    /// Another program does not share it (Windows).
    #[error("Another program has the file open; close it there and try again")]
    InUse,
    /// It is no file.
    #[error("This is a folder")]
    IsFolder,
    /// The system could not read it for another reason.
    #[error("Could not read it: {reason}")]
    Io {
        /// The system's reason.
        reason: String,
    },
    /// It is larger than `MAX_FILE_BYTES`.
    #[error("The file is {} MB; files over {} MB are not read", bytes >> 20, MAX_FILE_BYTES >> 20)]
    FileTooLarge {
        /// Its length in bytes.
        bytes: u64,
    },
    /// It has no content, although its name promises a picture.
    #[error("The file is empty")]
    Empty,
    /// Its format is known, but not read.
    #[error("{} cannot be read yet; convert it to {}", format.name, if format.is_document { "text" } else { "JPEG or PNG" })]
    UnreadFormat {
        /// The format.
        format: UnreadFormat,
    },
    /// Its name promises a picture.
    #[error("The file name suggests an image, but {}", if *is_text { "it contains text" } else { "its content is not a known image format" })]
    NotAPicture {
        /// Whether its content is text.
        is_text: bool,
    },
    /// Its name promises a text.
    #[error("The file name suggests a text, but the content is not text")]
    NotAText,
    /// It is a text in an encoding that is known, but not read.
    #[error("The text is encoded in {encoding}, which cannot be read; save it as UTF-8")]
    Encoding {
        /// Name of the encoding.
        encoding: &'static str,
    },
    /// It is a picture that cannot be decoded.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// It is a document that cannot be opened.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// It is a PDF document that cannot be opened, or has a page that cannot be read.
    #[error(transparent)]
    Pdf(#[from] PdfError),
    /// It is a video that cannot be read.
    #[error(transparent)]
    Video(#[from] VideoError),
    /// It is a table that cannot be opened.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Whoever asked for it no longer wants it; this says nothing about the file.
    #[error("Reading the file was cancelled")]
    Cancelled,
    /// A decoder panicked.
    #[error("The file is damaged; its decoder failed")]
    DecoderPanicked,
    /// The process of a decoder ended.
    #[error("The decoder stopped while reading the file, which is probably damaged")]
    DecoderStopped,
    /// The process of a decoder was ended.
    #[error("The decoder was stopped after {seconds} seconds; the file is too complex or damaged")]
    DecoderTooSlow {
        /// The limit.
        seconds: u64,
    },
    /// The process of a decoder could not be started; this says nothing about the file.
    #[error("The decoder of this format could not be started")]
    NoDecoder,
}

/// Why a table, or a row of it, cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TableError {
    /// The content is not what its format demands.
    #[error("The table is damaged")]
    Damaged,
    /// It would take too much memory.
    #[error("The table is too large to open safely")]
    TooLarge,
    /// Its columns are compressed in a way that is not read.
    #[error("The table is compressed with {name}, which cannot be read; save it with Snappy or without compression")]
    Compression {
        /// Name of the method.
        name: &'static str,
    },
    /// A program wrote its formulas without computing them.
    #[error(
        "The formulas in the table have no stored results; open the file in a spreadsheet program and save it again"
    )]
    NotComputed,
    /// The picture column holds something else.
    #[error("The picture of the row is not in a known image format")]
    NoPicture,
}

/// Why a picture cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PictureError {
    /// The file ends before the picture does.
    #[error("The image is truncated: the file ends too early")]
    CutShort,
    /// A decoder would need too much memory.
    #[error("The image is too large to open safely")]
    TooMuchMemory,
    /// It has too many pixels.
    #[error("The image is too large to open safely: {width} × {height} pixels")]
    TooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// An icon that claims too many pixels.
    #[error("The icon is too large to open safely: {width} × {height} pixels")]
    IconTooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// It has no pixels.
    #[error("The image has no pixels")]
    NoPixels,
    /// The pixels do not make a picture of their size.
    #[error("The image is damaged")]
    WrongSize,
    /// The content is not what its format demands.
    #[error("The file is damaged; its content is not valid {}", format.name())]
    Damaged {
        /// The format.
        format: PictureFormat,
    },
    /// The content is not a valid icon.
    #[error("The file is damaged; it is not a valid icon")]
    DamagedIcon,
    /// A kind of the format that no decoder here reads.
    #[error("This kind of {} cannot be read yet; convert it to JPEG or PNG", format.name())]
    Unsupported {
        /// The format.
        format: PictureFormat,
    },
    /// A kind of JPEG that no decoder here reads.
    #[error("This kind of JPEG ({kind}) cannot be read; convert it to PNG")]
    UnsupportedJpeg {
        /// The kind.
        kind: JpegKind,
    },
    /// A kind of TIFF that no decoder here reads.
    #[error("This kind of TIFF ({kind}) cannot be read; convert it to PNG")]
    UnsupportedTiff {
        /// The kind.
        kind: TiffKind,
    },
    /// There is no such frame.
    #[error("The animation no longer has this frame")]
    FrameMissing,
    /// The rest of an animation was skipped.
    #[error("the animation is too long; the rest was skipped")]
    AnimationTooLong,
}

/// Kinds of JPEG that are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JpegKind {
    /// Several resolutions.
    #[error("hierarchical")]
    Hierarchical,
    /// Arithmetic instead of Huffman coding.
    #[error("arithmetic coding")]
    Arithmetic,
    /// JPEG-LS.
    #[error("JPEG-LS")]
    Ls,
    /// Samples of other than 8 bits.
    #[error("{bits} bits per channel")]
    Bits {
        /// Bits of a sample.
        bits: u8,
    },
    /// Neither 1, 3 nor 4 channels.
    #[error("{count} colour channels")]
    Channels {
        /// Channels.
        count: usize,
    },
    /// The height comes after the pixels.
    #[error("no height")]
    NoHeight,
    /// Sampling of one channel is no whole part of that of another.
    #[error("unevenly subsampled colours")]
    UnevenSampling,
    /// Lossless coding with subsampled or transformed colours.
    #[error("lossless, with reduced colours")]
    LosslessReduced,
    /// A scan per channel, of sizes that the decoder gets wrong.
    #[error("one scan per colour, of uneven sizes")]
    UnevenScans,
}

/// Kinds of TIFF that are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TiffKind {
    /// Indices into a palette, of other than 1 or 8 bits.
    #[error("palette colours of {bits} bits")]
    PaletteBits {
        /// Bits of an index.
        bits: u64,
    },
    /// Subsampled colour differences without JPEG compression.
    #[error("subsampled YCbCr colours")]
    SubsampledYCbCr,
}

/// Why a row of a table cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RowProblem {
    /// The rest of the table was skipped.
    #[error("the table has over {max} rows; the rest was skipped")]
    TooManyRows {
        /// Rows that are read.
        max: u32,
    },
    /// The rest of the table was skipped.
    #[error("over {max} rows cannot be read; the rest was skipped")]
    TooManyFailures {
        /// Failures that are listed.
        max: u32,
    },
    /// A row of cells is too long.
    #[error("the row is longer than {megabytes} MB and was skipped; a closing quotation mark may be missing")]
    RowTooLong {
        /// The limit.
        megabytes: usize,
    },
    /// A line of JSON is too long.
    #[error("it is longer than {megabytes} MB and was skipped")]
    LineTooLong {
        /// The limit.
        megabytes: usize,
    },
    /// A line that should be JSON is not.
    #[error("it is not JSON: {reason} at column {column}")]
    NotJson {
        /// What is wrong with it.
        reason: String,
        /// Where.
        column: usize,
    },
    /// The file could not be read to its end.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&io::Error> for ReadError {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::PermissionDenied => Self::PermissionDenied,
            io::ErrorKind::IsADirectory => Self::IsFolder,
            _ if is_in_use(error) => Self::InUse,
            _ => Self::Io { reason: error.to_string() },
        }
    }
}

/// Whether Windows reports a sharing or lock violation, for which `ErrorKind` has no name.
fn is_in_use(error: &io::Error) -> bool {
    // Tested by `scripts/windows`.
    cfg!(windows) && matches!(error.raw_os_error(), Some(32 | 33))
}
