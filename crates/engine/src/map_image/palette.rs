//! What a map is painted with outside the window: the colours of `ui::theme`, which may not be named here.

/// The colours of one theme, `0xrrggbb`.
#[derive(Debug, PartialEq)]
pub struct MapPalette {
    /// Behind the points.
    pub ground: u32,
    /// Names.
    pub text1: u32,
    /// Legend and counts.
    pub text2: u32,
    /// Images and texts, in `Modality::ALL` order.
    pub types: [u32; 2],
    /// Categories, the largest first.
    pub categories: [u32; 10],
    /// Every further category.
    pub other: u32,
}

const DARK: MapPalette = MapPalette {
    ground: 0x0a0c0f,
    text1: 0xe7e9ee,
    text2: 0xa2abb9,
    types: [0x56b4e9, 0xe6a23c],
    categories: [0x56b4e9, 0xe6a23c, 0x2fae84, 0xf0e68c, 0xcc79a7, 0x4a7ddb, 0xd9622b, 0xa6dba0, 0x9b7fd1, 0xe8c4dd],
    other: 0x6b7480,
};

const LIGHT: MapPalette = MapPalette {
    ground: 0xfbfbfc,
    text1: 0x1a1d23,
    text2: 0x545d6b,
    types: [0x0b79b8, 0xb36b00],
    categories: [0x0b79b8, 0xc27a0a, 0x007a5a, 0x8f8000, 0xb8488a, 0x2b4fa8, 0xb8430f, 0x4f9a47, 0x6a3fb0, 0x7a4a2b],
    other: 0x98a1ad,
};

impl MapPalette {
    /// That of the dark or the light theme.
    pub fn of(dark: bool) -> &'static Self {
        if dark { &DARK } else { &LIGHT }
    }
}

/// A colour as CSS and SVG write it.
pub fn css(colour: u32) -> String {
    format!("#{colour:06x}")
}

/// Red, green and blue, 0 to 255.
pub fn rgb(colour: u32) -> [f32; 3] {
    [(colour >> 16 & 0xff) as f32, (colour >> 8 & 0xff) as f32, (colour & 0xff) as f32]
}
