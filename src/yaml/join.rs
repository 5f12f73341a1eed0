//! Several texts as one stream of documents.

use super::Stream;
use super::split::{bom_len, is_marker};

/// The documents of all texts in one text. No value changes, and comments stay with their documents.
#[must_use]
pub fn join(texts: &[String]) -> String {
    let mut stream = String::with_capacity(texts.iter().map(|text| text.len() + 4).sum());
    for (at, text) in texts.iter().enumerate() {
        let mut text = text.as_str();
        if at > 0 {
            text = &text[bom_len(text)..];
            let marker = marker_before(text);
            let eol = match stream.ends_with("\r\n") {
                true => "\r\n",
                false => "\n",
            };
            stream.push_str(marker);
            stream.push_str(if marker.is_empty() { "" } else { eol });
        }
        if at + 1 == texts.len() || text.ends_with('\n') {
            stream.push_str(text);
        } else if let Ok(part) = Stream::parse(text) {
            // A block scalar that the end of the text cut short keeps its value.
            stream.push_str(&part.text_with_final_break());
        } else {
            stream.push_str(text);
            stream.push('\n');
        }
    }
    stream
}

/// What has to precede a text that follows another one.
fn marker_before(text: &str) -> &'static str {
    let is_comment = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let first = text
        .lines()
        .find(|line| !is_comment(line))
        .unwrap_or_default();
    match text.lines().next().unwrap_or_default() {
        // A directive is one only behind the end of a document.
        _ if first.starts_with('%') => "...",
        _ if !is_marker(first.as_bytes(), 0) => "---",
        // These lines could be lines of a block scalar.
        above if above != first && !above.starts_with('#') => "...",
        _ => "",
    }
}
