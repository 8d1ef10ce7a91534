//! What the segments of a JPEG file say about it.

use super::super::container::Container;

/// A file that has been looked through.
pub struct Jpeg<'a> {
    /// Without metadata.
    pub container: Container<'a>,
    pub(super) frame: Frame,
    pub(super) jfif: bool,
    /// The colour transform that Adobe's programs write.
    pub(super) adobe: Option<u8>,
    /// Components of the first scan.
    pub(super) first_scan: usize,
    pub(super) scans: usize,
    /// Whether the file's end is there.
    pub(super) ended: bool,
    /// For each component, the coefficients that some scan brings to the last bit.
    pub(super) sent: [u64; 4],
}

/// What the frame header says.
pub(super) struct Frame {
    /// The marker, `SOFn`.
    pub(super) marker: u8,
    pub(super) precision: u8,
    pub(super) size: [u16; 2],
    pub(super) components: Vec<Component>,
}

/// A component of the picture: grey, a colour or an ink.
pub(super) struct Component {
    pub(super) id: u8,
    /// Samples across and down in each unit.
    pub(super) sampling: (u8, u8),
}
