//! HTML, XHTML and XML as people read them: without markup, scripts, styles and comments, entities decoded, one line per
//! block. A tokenizer of the WHATWG standard reads it; no tree is built, so depth costs nothing.

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{StartTag, Token, Tokenizer};

/// Endings of pages.
const PAGE_NAMES: &[&str] = &["html", "htm", "xhtml", "xht", "shtml"];
/// Endings of other markup whose words are for people.
const XML_NAMES: &[&str] = &["xml", "rss", "atom", "fb2", "dbk", "docbook", "tei", "ttml", "dita"];
/// Endings under which a piece of a page is one; in a program or a description of markup tags are words.
const PLAIN_NAMES: &[&str] = &["", "txt", "text", "asc"];

/// Elements that nobody sees.
const UNSEEN: &[&str] = &[
    "script", "style", "template", "noscript", "svg", "math", "iframe", "object", "canvas", "audio", "video",
    "noembed", "noframes", "binary", "datalist",
];
/// Elements without an end.
const VOID: &[&str] =
    &["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"];
/// Elements within a line; all others begin and end one.
const INLINE: &[&str] = &[
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "img",
    "ins", "kbd", "label", "mark", "nobr", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike", "strong",
    "sub", "sup", "time", "tt", "u", "var", "wbr",
];
/// Elements that a piece of a page begins with.
const BEGINNERS: &[&str] = &[
    "article",
    "b",
    "blockquote",
    "body",
    "center",
    "div",
    "dl",
    "em",
    "font",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "i",
    "img",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "span",
    "strong",
    "table",
    "title",
    "u",
    "ul",
    "a",
    "meta",
    "link",
    "script",
    "style",
];

/// What markup a text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Markup {
    /// As browsers read pages.
    #[default]
    Html,
    /// Elements may close themselves, and entities and marked sections are those of XML.
    Xml,
}

/// The markup that a text is written in, if any; `ending` is the file's lower-case extension.
pub fn markup(text: &str, ending: &str) -> Option<Markup> {
    let root = root(text);
    let is_xml = text.trim_start_matches('\u{feff}').trim_start().starts_with("<?xml");
    let kind = if is_xml || ending.starts_with("xht") { Markup::Xml } else { Markup::Html };
    let name = tag_name(root).unwrap_or_default();
    if is_page(text, ending) {
        return Some(kind);
    }
    if XML_NAMES.contains(&ending) && !name.is_empty() {
        return Some(Markup::Xml);
    }
    (PLAIN_NAMES.contains(&ending) && is_piece(root, &name)).then_some(Markup::Html)
}

/// Whether a text is a page, of which nothing but the words is for people.
pub fn is_page(text: &str, ending: &str) -> bool {
    let root = root(text);
    let declared = root.get(..14).is_some_and(|start| start.eq_ignore_ascii_case("<!doctype html"));
    declared || tag_name(root).is_some_and(|name| name == "html") || PAGE_NAMES.contains(&ending)
}

/// Whether a text without a page around it is written in HTML: an element begins it, and the last thing closes one.
fn is_piece(root: &str, name: &str) -> bool {
    let end = root.trim_end();
    let tail = end.rfind('<').map_or("", |at| &end[at..]);
    let last = tail.trim_start_matches("</").trim_start_matches('<').trim_end_matches(['>', '/', ' ']);
    let last = last.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    let closes = tail.ends_with('>') && (tail.starts_with("</") || VOID.contains(&last.as_str()));
    let known = BEGINNERS.contains(&last.as_str()) || INLINE.contains(&last.as_str()) || VOID.contains(&last.as_str());
    BEGINNERS.contains(&name) && closes && known
}

/// The text from its root element or HTML's doctype on, behind marks, declarations and comments.
pub fn root(text: &str) -> &str {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches('\u{feff}').trim_start();
        let past = |end: &str| rest.find(end).map(|at| &rest[at + end.len()..]);
        let next = if rest.starts_with("<?") {
            past("?>")
        } else if rest.starts_with("<!--") {
            past("-->")
        } else if rest.get(..14).is_some_and(|start| start.eq_ignore_ascii_case("<!doctype html")) {
            None
        } else if rest.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("<!doctype")) {
            let has_subset = rest.find('>').is_some_and(|end| rest[..end].contains('['));
            if has_subset { past("]>").or_else(|| past("] >")) } else { past(">") }
        } else {
            None
        };
        match next {
            Some(next) => rest = next,
            None => return rest,
        }
    }
}

/// The lower-case name of the start tag that a text begins with.
fn tag_name(text: &str) -> Option<String> {
    let rest = text.strip_prefix('<')?;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_:.".contains(c)))?;
    let proper = rest[end..].starts_with(['>', '/', ' ', '\t', '\r', '\n'])
        && rest[..end].starts_with(|c: char| c.is_ascii_alphabetic());
    proper.then(|| rest[..end].to_ascii_lowercase())
}

/// What people read of a text in markup.
pub fn read(text: &str, markup: Markup) -> String {
    let mut emitter = DefaultEmitter::default();
    // In XML a script may close itself; there its end would never come.
    emitter.naively_switch_states(markup == Markup::Html);
    let unmarked;
    let text = match markup {
        Markup::Xml if text.contains("<![CDATA[") => {
            unmarked = without_sections(text);
            unmarked.as_str()
        }
        _ => text,
    };
    let mut page = Page { markup, ..Page::default() };
    for token in Tokenizer::new_with_emitter(behind_doctype(text), emitter) {
        let Ok(token) = token;
        page.take(token);
    }
    page.text.trim().to_owned()
}

/// The text behind its doctype, which may hold declarations that a tokenizer of HTML takes for words.
fn behind_doctype(text: &str) -> &str {
    let start = root(text);
    let declared = start.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("<!doctype"));
    let (open, end) = (start.find('['), start.find('>').unwrap_or(0));
    let subset = open.filter(|open| declared && *open < end).and_then(|_| start.find(']'));
    match subset {
        Some(at) => start[at + 1..].trim_start().trim_start_matches('>'),
        None => start,
    }
}

/// Marked sections of XML as plain characters.
fn without_sections(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("<![CDATA[") {
        plain.push_str(&rest[..at]);
        let section = &rest[at + 9..];
        let end = section.find("]]>").unwrap_or(section.len());
        plain.push_str(&section[..end].replace('&', "&amp;").replace('<', "&lt;"));
        rest = section.get(end + 3..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain
}

/// What was read of a page so far.
#[derive(Default)]
struct Page {
    markup: Markup,
    text: String,
    /// The element that hides what is within it, and how many of its name are open.
    hidden: Option<(String, usize)>,
    /// How many elements are open whose blanks count.
    preformatted: usize,
}

impl Page {
    fn take(&mut self, token: Token) {
        match token {
            Token::StartTag(tag) => self.open(&tag),
            Token::EndTag(tag) => self.close(&String::from_utf8_lossy(&tag.name)),
            Token::String(text) if self.hidden.is_none() => self.add(&String::from_utf8_lossy(&text)),
            Token::String(_) | Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }

    fn open(&mut self, tag: &StartTag<()>) {
        let name = String::from_utf8_lossy(&tag.name).to_ascii_lowercase();
        let empty = VOID.contains(&name.as_str()) || (tag.self_closing && self.markup == Markup::Xml);
        if let Some((hiding, depth)) = &mut self.hidden {
            *depth += usize::from(*hiding == name && !empty);
            return;
        }
        if !empty && (UNSEEN.contains(&name.as_str()) || is_hidden(tag)) {
            self.hidden = Some((name, 1));
            return;
        }
        self.preformatted += usize::from(matches!(name.as_str(), "pre" | "textarea" | "listing" | "xmp") && !empty);
        self.part(&name);
    }

    fn close(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        if let Some((hiding, depth)) = &mut self.hidden {
            *depth -= usize::from(*hiding == name);
            if *depth == 0 {
                self.hidden = None;
            }
            return;
        }
        if matches!(name.as_str(), "pre" | "textarea" | "listing" | "xmp") {
            self.preformatted = self.preformatted.saturating_sub(1);
        }
        self.part(&name);
    }

    /// Parts lines at blocks, and cells by a blank.
    fn part(&mut self, name: &str) {
        if matches!(name, "td" | "th") {
            self.blank(' ');
        } else if !INLINE.contains(&name) {
            self.blank('\n');
        }
    }

    /// One blank, and a line's end rather than a space.
    fn blank(&mut self, blank: char) {
        while self.text.ends_with(' ') && blank == '\n' {
            self.text.pop();
        }
        if !self.text.is_empty() && !self.text.ends_with([' ', '\n']) {
            self.text.push(blank);
        }
    }

    fn add(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                // Where a word may be broken.
                '\u{ad}' => {}
                '\n' | ' ' | '\t' | '\r' | '\u{c}' | '\u{a0}' if self.preformatted == 0 => self.blank(' '),
                '\u{a0}' => self.text.push(' '),
                c => self.text.push(c),
            }
        }
    }
}

fn is_hidden(tag: &StartTag<()>) -> bool {
    let style =
        tag.attributes.get(b"style".as_slice()).map(|style| String::from_utf8_lossy(style).to_ascii_lowercase());
    let style = style.map(|style| style.replace(' ', ""));
    tag.attributes.contains_key(b"hidden".as_slice())
        || style.is_some_and(|style| style.contains("display:none") || style.contains("visibility:hidden"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str, ending: &str) -> String {
        read(text, markup(text, ending).unwrap())
    }

    #[test]
    fn reads_what_a_browser_shows() {
        let text = "<!DOCTYPE html><html><head><title>Dogs &amp; cats</title><style>p { color: red }</style>\n\
                    <script>if (a < b) document.write('<p>no</p>')</script></head><body><!-- no --><nav hidden>no</nav>\n\
                    <p>A <b>gol</b>den&nbsp;retriever<br>plays in the\n  snow&hellip;</p><div style='display: none'>no\
                    <div>no</div></div><ul><li>one<li>two</ul><table><tr><td>a<td>b</table><noscript>no</noscript>\
                    <svg><text>no</text></svg><pre>x\n  y</pre></body></html>";
        assert_eq!(page(text, ""), "Dogs & cats\nA golden retriever\nplays in the snow…\none\ntwo\na b\nx\n  y");
    }

    #[test]
    fn in_xhtml_elements_close_themselves() {
        let text = "<?xml version=\"1.0\"?>\n<!DOCTYPE html [<!ENTITY x \"y\">]>\n<html xmlns=\"http://www.w3.org/1999/xhtml\">\
                    <head><title/><script src=\"a.js\"/></head><body><svg/><p>All about dogs</p><![CDATA[1 < 2]]></body></html>";
        assert_eq!(page(text, "xhtml"), "All about dogs\n1 < 2");
        assert_eq!(page(text, "txt"), "All about dogs\n1 < 2");
    }

    #[test]
    fn pieces_of_pages_are_read_and_words_about_tags_are_kept() {
        assert_eq!(page("<p>A dog</p>\n<p>and a &lt;cat&gt;</p>\n", "txt"), "A dog\nand a <cat>");
        assert_eq!(page("<HTML><BODY>A dog", "txt"), "A dog");
        for (text, ending) in [
            ("The <b> tag makes words bold, and </b> ends that.", "txt"),
            ("<b> makes words bold, and </b> ends that.", "txt"),
            ("<p>is a paragraph.", "txt"),
            ("<div>{{ page }}</div>", "vue"),
            ("<h1>Title</h1>", "md"),
            ("<svg is a word", "txt"),
            ("1 < 2 and 3 > 2", ""),
            ("<user@example.org> wrote:", "txt"),
        ] {
            assert_eq!(markup(text, ending), None, "{text}");
        }
    }
}
