//! The web page around the content of a report.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use sha2::{Digest, Sha256};

use crate::map_image::escaped;

const HTML: &str = include_str!("../../../../assets/report/report.html");
const STYLE: &str = include_str!("../../../../assets/report/report.css");
const SCRIPT: &str = include_str!("../../../../assets/report/report.js");

/// A whole page. `json` holds no `<`.
pub fn build(title: &str, json: &str) -> String {
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE)
    );
    let title = escaped(title);
    let values =
        [("policy", policy.as_str()), ("title", &title), ("style", STYLE), ("content", json), ("script", SCRIPT)];
    let mut page = String::with_capacity(HTML.len() + STYLE.len() + SCRIPT.len() + json.len());
    // What is put in is never looked at again, so a name cannot become a place for something else.
    for piece in HTML.split("{{") {
        let (name, rest) = piece.split_once("}}").unwrap_or(("", piece));
        page.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
        page.push_str(rest);
    }
    page
}

fn hash(text: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_allows_its_own_script_and_nothing_from_outside() {
        assert!(!SCRIPT.contains('\r') && !STYLE.contains('\r'), "browsers hash lines that end with LF alone");
        let page = build("<b>{{script}}\"", "{\"names\":[\"{{style}}\"]}");
        assert!(page.contains("<title>&lt;b&gt;{{script}}&quot;</title>"), "a title is text");
        assert_eq!(page.matches(SCRIPT).count(), 1);
        assert!(page.contains(&hash(SCRIPT)) && page.contains(&hash(STYLE)));
        assert!(page.contains("{\"names\":[\"{{style}}\"]}"));
        for outside in ["http:", "https:", "src=", "@import", "url(", "fetch(", "XMLHttpRequest", "innerHTML", "eval("]
        {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
