//! Subtitles as people read them: SubRip, and WebVTT (W3C 2019), without numbers, times, styles and notes.

/// Elements of lines in both formats.
const ELEMENTS: &[&str] = &["b", "c", "font", "i", "lang", "rt", "ruby", "s", "strike", "u", "v"];
/// Blocks of WebVTT that are not shown.
const UNSEEN: &[&str] = &["NOTE", "STYLE", "REGION"];

/// The longest element or position, characters.
const MAX_MARK: usize = 256;

/// What people read of subtitles; `None` for any other text.
pub fn read(text: &str) -> Option<String> {
    let is_vtt =
        text.strip_prefix("WEBVTT").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
    let mut first = text.lines().map(str::trim).skip_while(|line| line.is_empty());
    let mut is_srt = || match (first.next(), first.next()) {
        (Some(number), Some(times)) => is_number(number) && is_timing(times),
        _ => false,
    };
    let (is_vtt, is_srt) = (is_vtt && text.contains("-->"), is_srt());
    (is_vtt || is_srt).then(|| shown(text, is_vtt))
}

fn shown(text: &str, is_vtt: bool) -> String {
    let mut words = String::with_capacity(text.len());
    let mut before = String::new();
    let mut lines = text.lines().map(str::trim).peekable();
    let (mut after_blank, mut skips) = (true, is_vtt);
    while let Some(line) = lines.next() {
        let names_next = after_blank && lines.peek().is_some_and(|next| is_timing(next)) && (is_vtt || is_number(line));
        let begins_unseen =
            after_blank && is_vtt && UNSEEN.contains(&line.split_whitespace().next().unwrap_or_default());
        after_blank = line.is_empty();
        skips = (skips || begins_unseen) && !line.is_empty();
        if skips || names_next || is_timing(line) {
            continue;
        }
        let line = without_marks(line, is_vtt);
        let line = line.trim();
        // Captions that scroll repeat the line before.
        if !line.is_empty() && line != before {
            words.push_str(line);
            words.push('\n');
            line.clone_into(&mut before);
        }
    }
    words.truncate(words.trim_end().len());
    words
}

fn is_number(line: &str) -> bool {
    !line.is_empty() && line.len() < 10 && line.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a line says from when to when: `00:01:02,345 --> 00:01:04,000`, hours at will.
fn is_timing(line: &str) -> bool {
    let Some((from, to)) = line.split_once("-->") else { return false };
    let to = to.split_whitespace().next().unwrap_or_default();
    [from.trim(), to].iter().all(|time| {
        let parts: Vec<&str> = time.split([':', ',', '.']).collect();
        (3..=4).contains(&parts.len()) && parts.iter().all(|part| is_number(part))
    })
}

/// A line without elements and positions; other angle brackets are words.
fn without_marks(line: &str, is_vtt: bool) -> String {
    let mut words = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['<', '{']) {
        words.push_str(&rest[..at]);
        rest = &rest[at..];
        let close = if rest.starts_with('<') { '>' } else { '}' };
        let end = rest.char_indices().take(MAX_MARK).find(|(_, c)| *c == close).map(|(at, _)| at);
        match end.filter(|end| is_mark(&rest[1..*end], rest.starts_with('{'), is_vtt)) {
            Some(end) => rest = &rest[end + 1..],
            None => {
                words.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
    }
    words.push_str(rest);
    if !is_vtt || !words.contains('&') {
        return words;
    }
    let names = [("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&lrm;", ""), ("&rlm;", ""), ("&amp;", "&")];
    names.iter().fold(words, |words, (name, stands_for)| words.replace(name, stands_for))
}

fn is_mark(inner: &str, braces: bool, is_vtt: bool) -> bool {
    if braces {
        return inner.starts_with('\\');
    }
    let name = inner.trim_start_matches('/');
    let end = name.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(name.len());
    let time = is_vtt && name.starts_with(|c: char| c.is_ascii_digit()) && name.contains(':');
    time || ELEMENTS.contains(&name[..end].to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_brackets_takes_no_longer_than_others() {
        let brackets = "<{".repeat(2 << 20);
        let text = format!("1\n00:00:01,000 --> 00:00:02,000\n{brackets}\n");
        assert_eq!(read(&text), Some(brackets));
    }

    #[test]
    fn subrip_is_read_without_numbers_times_and_marks() {
        let text = "1\r\n00:00:01,000 --> 00:00:03,500\r\n{\\an8}<i>A golden retriever</i>\r\nplays in the snow.\r\n\r\n\
                    2\r\n00:00:04,000 --> 00:00:05,000 X1:10\r\n<font color=\"#fff\">I <3 dogs & {cats}</font>\r\n\r\n\
                    3\r\n00:00:06,000 --> 00:00:07,000\r\n1984\r\n";
        assert_eq!(read(text).unwrap(), "A golden retriever\nplays in the snow.\nI <3 dogs & {cats}\n1984");
    }

    #[test]
    fn webvtt_is_read_without_notes_styles_and_repetitions() {
        let text = "WEBVTT - lake\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE\nnot shown\n\nintro\n00:01.000 --> 00:02.000 align:start\n\
                    <v Ada>Two <c.yellow>ducks</c> &amp; <00:01.500>a swan\n\n01:00:02.000 --> 01:00:03.000\nTwo ducks & a swan\non the lake\n";
        assert_eq!(read(text).unwrap(), "Two ducks & a swan\non the lake");
    }

    #[test]
    fn other_texts_are_none() {
        for text in [
            "",
            "WEBVTT is a format of subtitles",
            "WEBVTT\nis a format of subtitles",
            "1\nduck --> swan\n",
            "A list:\n1\n00:00:01,000 --> 00:00:02,000\n",
            "1\n2\n3\n",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
