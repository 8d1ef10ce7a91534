//! Numbers within bytes; `None` beyond their end.

/// Bytes from a place.
pub fn bytes_at<const N: usize>(head: &[u8], at: usize) -> Option<[u8; N]> {
    head.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// A 16-bit number, least significant byte first.
pub fn u16_le(head: &[u8], at: usize) -> Option<u16> {
    bytes_at(head, at).map(u16::from_le_bytes)
}

/// A 32-bit number, least significant byte first.
pub fn u32_le(head: &[u8], at: usize) -> Option<u32> {
    bytes_at(head, at).map(u32::from_le_bytes)
}

/// A 32-bit number, most significant byte first.
pub fn u32_be(head: &[u8], at: usize) -> Option<u32> {
    bytes_at(head, at).map(u32::from_be_bytes)
}
