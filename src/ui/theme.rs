//! The colours of both themes, and the spacing, corner radii and text sizes that the window's files share.

use egui::Color32;

/// Spacing in points, from tight to wide.
pub const SPACE: [f32; 5] = [4.0, 8.0, 12.0, 16.0, 24.0];
/// Corner radii in points: small parts, large parts.
pub const RADIUS: [u8; 2] = [4, 8];
/// Text sizes in points.
pub mod text_size {
    /// Hints and counts.
    pub const SMALL: f32 = 12.0;
    /// Everything else.
    pub const BODY: f32 = 13.0;
    /// The search box.
    pub const SEARCH: f32 = 14.0;
    /// Section headings.
    pub const LARGE: f32 = 15.0;
    /// The main heading.
    pub const HEADING: f32 = 20.0;
}

/// The colours of one theme. Text 1 and 2 reach a contrast of 4.5:1 on every surface.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Theme {
    /// Whether this is the dark one.
    pub dark: bool,
    /// Behind everything.
    pub window: Color32,
    /// Side panels and bars.
    pub panel: Color32,
    /// Buttons, chips, cards.
    pub raised: Color32,
    /// Behind the points.
    pub map_ground: Color32,
    /// 1 px borders.
    pub line: Color32,
    /// Primary text.
    pub text1: Color32,
    /// Secondary text.
    pub text2: Color32,
    /// Hints; never for essential text.
    pub text3: Color32,
    /// Focus, selection, links, progress.
    pub accent: Color32,
    /// The accent as a faint fill.
    pub accent_fill: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// Hits, the query star, matching words.
    pub hit: Color32,
    /// Images.
    pub images: Color32,
    /// Texts.
    pub texts: Color32,
    /// Success.
    pub ok: Color32,
    /// Warnings.
    pub warning: Color32,
    /// Errors.
    pub error: Color32,
    /// Categories, colour-blind safe (after Okabe and Ito 2008, and Tol), distinct in lightness, too.
    pub categories: [Color32; 10],
    /// Every further category.
    pub other: Color32,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

/// The dark theme.
pub const DARK: Theme = Theme {
    dark: true,
    window: rgb(0x0e1014),
    panel: rgb(0x14171c),
    raised: rgb(0x1c2027),
    map_ground: rgb(0x0a0c0f),
    line: rgb(0x252a33),
    text1: rgb(0xe7e9ee),
    text2: rgb(0xa2abb9),
    text3: rgb(0x79828f),
    accent: rgb(0x6ea8fe),
    accent_fill: Color32::from_rgba_premultiplied(15, 24, 36, 36),
    on_accent: rgb(0x0e1014),
    hit: rgb(0xff6b9a),
    images: rgb(0x56b4e9),
    texts: rgb(0xe6a23c),
    ok: rgb(0x4fc38a),
    warning: rgb(0xe6a23c),
    error: rgb(0xff8577),
    categories: [
        rgb(0x56b4e9),
        rgb(0xe6a23c),
        rgb(0x2fae84),
        rgb(0xf0e68c),
        rgb(0xcc79a7),
        rgb(0x4a7ddb),
        rgb(0xd9622b),
        rgb(0xa6dba0),
        rgb(0x9b7fd1),
        rgb(0xe8c4dd),
    ],
    other: rgb(0x6b7480),
};

/// The light theme.
pub const LIGHT: Theme = Theme {
    dark: false,
    window: rgb(0xf4f5f7),
    panel: rgb(0xffffff),
    raised: rgb(0xf1f3f6),
    map_ground: rgb(0xfbfbfc),
    line: rgb(0xe1e4ea),
    text1: rgb(0x1a1d23),
    text2: rgb(0x545d6b),
    text3: rgb(0x6d7684),
    accent: rgb(0x1c64d8),
    accent_fill: Color32::from_rgba_premultiplied(2, 8, 17, 20),
    on_accent: rgb(0xffffff),
    hit: rgb(0xd6266a),
    images: rgb(0x0b79b8),
    texts: rgb(0xb36b00),
    ok: rgb(0x1c8a55),
    warning: rgb(0xb36b00),
    error: rgb(0xb3261e),
    categories: [
        rgb(0x0b79b8),
        rgb(0xc27a0a),
        rgb(0x007a5a),
        rgb(0x8f8000),
        rgb(0xb8488a),
        rgb(0x2b4fa8),
        rgb(0xb8430f),
        rgb(0x4f9a47),
        rgb(0x6a3fb0),
        rgb(0x7a4a2b),
    ],
    other: rgb(0x98a1ad),
};

impl Theme {
    /// The theme that `ctx` is drawn with.
    pub fn of(ctx: &egui::Context) -> &'static Self {
        match ctx.theme() {
            egui::Theme::Dark => &DARK,
            egui::Theme::Light => &LIGHT,
        }
    }

    /// A raised surface under the pointer.
    pub fn hovered(&self) -> Color32 {
        if self.dark { rgb(0x262b34) } else { rgb(0xe8ebf0) }
    }

    /// Behind selected text.
    pub fn selection(&self) -> Color32 {
        if self.dark { rgb(0x27446f) } else { rgb(0xc4daf9) }
    }

    /// Under windows and menus.
    pub fn shadow(&self) -> Color32 {
        Color32::from_black_alpha(if self.dark { 130 } else { 40 })
    }

    /// Over the window while files are dragged over it.
    pub fn veil(&self) -> Color32 {
        if self.dark { Color32::from_black_alpha(170) } else { Color32::from_white_alpha(200) }
    }

    /// Behind a score on an image.
    pub fn badge(&self) -> Color32 {
        Color32::from_black_alpha(180)
    }

    /// A score on an image.
    pub fn on_badge(&self) -> Color32 {
        Color32::WHITE
    }

    /// Bars of the histogram below the threshold.
    pub fn bar(&self) -> Color32 {
        if self.dark { rgb(0x39414d) } else { rgb(0xd2d7df) }
    }

    /// The colour of a category: ten of them, then grey.
    pub fn category(&self, index: usize) -> Color32 {
        self.categories.get(index).copied().unwrap_or(self.other)
    }

    /// A score in [0, 1] as a colour (cividis-like: blue to yellow, lightness rising on dark and falling on light).
    pub fn sequential(&self, share: f32) -> Color32 {
        let stops: [[f32; 3]; 5] = if self.dark {
            [[38., 58., 102.], [72., 88., 124.], [128., 126., 124.], [188., 168., 106.], [246., 222., 104.]]
        } else {
            [[190., 200., 214.], [130., 160., 184.], [76., 122., 148.], [32., 84., 112.], [8., 44., 70.]]
        };
        let at = share.clamp(0.0, 1.0) * 4.0;
        let low = (at as usize).min(3);
        let part = at - low as f32;
        let mix = |i: usize| (stops[low][i] + (stops[low + 1][i] - stops[low][i]) * part).round() as u8;
        Color32::from_rgb(mix(0), mix(1), mix(2))
    }
}
