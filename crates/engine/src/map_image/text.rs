//! Text without a window: how wide it is, and the fonts that it is set in, those of the window.

use std::sync::Arc;

use resvg::usvg::fontdb::Database;
use resvg::usvg::{Error, Node, Options, Tree};

const REGULAR: &[u8] = include_bytes!("../../../../assets/fonts/Inter-Regular.otf");
const SEMI_BOLD: &[u8] = include_bytes!("../../../../assets/fonts/Inter-SemiBold.otf");
/// The font, and what stands for it in programs that do not have it.
pub const FAMILY: &str = "Inter, system-ui, sans-serif";
/// Weight of names.
pub const BOLD: u16 = 600;
/// Weight of everything else.
pub const PLAIN: u16 = 400;
/// Width of a letter as a share of its size, where it cannot be measured.
const LETTER: f32 = 0.6;
/// The last letter that the font has for certain: Latin, Greek and Cyrillic end here.
const LAST_BUNDLED: char = '\u{52f}';

/// Fonts for some texts. Those of the system are read only for letters that the bundled font may not have.
pub struct Fonts(Options<'static>);

impl Fonts {
    /// Loads what these texts need.
    pub fn for_texts<'a>(mut texts: impl Iterator<Item = &'a str>) -> Self {
        let mut fonts = Database::new();
        fonts.load_font_data(REGULAR.to_vec());
        fonts.load_font_data(SEMI_BOLD.to_vec());
        if texts.any(|text| text.chars().any(|letter| letter > LAST_BUNDLED)) {
            fonts.load_system_fonts();
        }
        fonts.set_sans_serif_family("Inter");
        Self(Options { fontdb: Arc::new(fonts), font_family: "Inter".to_owned(), ..Options::default() })
    }

    /// An SVG document of ours, ready to be drawn.
    ///
    /// # Errors
    /// When the document is damaged.
    pub fn parse(&self, document: &str) -> Result<Tree, Error> {
        Tree::from_str(document, &self.0)
    }

    /// The widths of texts with their sizes and weights.
    pub fn widths(&self, texts: &[(&str, f32, u16)]) -> Vec<f32> {
        let mut document = String::from("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\">");
        for (at, (text, size, weight)) in texts.iter().enumerate() {
            let text = escaped(text);
            document.push_str(&format!(
                "<text id=\"t{at}\" font-family=\"{FAMILY}\" font-size=\"{size}\" font-weight=\"{weight}\">{text}</text>"
            ));
        }
        document.push_str("</svg>");
        let tree = self.parse(&document).ok();
        let width = |at: usize, (text, size, _): &(&str, f32, u16)| {
            let node = tree.as_ref().and_then(|tree| tree.node_by_id(&format!("t{at}")));
            let guess = text.chars().count() as f32 * size * LETTER;
            node.map_or(guess, |node: &Node| node.abs_bounding_box().width())
        };
        texts.iter().enumerate().map(|(at, text)| width(at, text)).collect()
    }
}

/// A text within XML or HTML, in an attribute too. Characters that XML does not allow are left out.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => {}
            _ if letter.is_control() => out.push(' '),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_measured_and_escaped() {
        let fonts = Fonts::for_texts(std::iter::empty());
        let widths =
            fonts.widths(&[("iiii", 10.0, PLAIN), ("WWWW", 10.0, PLAIN), ("WWWW", 20.0, PLAIN), ("", 10.0, PLAIN)]);
        assert!(widths[0] > 5.0 && widths[0] < 15.0 && widths[1] > 2.0 * widths[0], "{widths:?}");
        assert!((widths[2] / widths[1] - 2.0).abs() < 0.1 && widths[3] == 0.0, "{widths:?}");
        assert!(fonts.widths(&[("WWWW", 10.0, BOLD)])[0] > widths[1], "the bold font is another one");
        assert_eq!(escaped("<a b=\"c\">&'\u{1}\u{ffff}é"), "&lt;a b=&quot;c&quot;&gt;&amp;&#39; é");
    }
}
